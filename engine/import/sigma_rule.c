/* SPDX-License-Identifier: Apache-2.0 */
/* A detection rule: its log source picks rows of the mapping, its condition is built once for each. */
#include <errno.h>
#include <stdio.h>

#include "engine/import/sigma.h"

enum { MAX_VARIANTS = 8 }; /* rows that differ for one rule */

/* The rule over the events of some rows whose fields come out the same. */
struct variant {
	const struct condition *condition;
	uint64_t events;
	struct buf text;
};

struct builder {
	struct compiler *c;
	struct sigma_document *d;
	struct sigma_detection detection;
	struct variant variants[MAX_VARIANTS]; /* texts are owned */
	size_t n;
	bool needs_outcome;
	const struct lost_value *lost;
	size_t errors_before; /* told when the rule began */
};

static bool has_errors(const struct builder *b)
{
	return b->c->diag && b->c->diag->errors > b->errors_before;
}

static void builder_done(struct builder *b)
{
	for (size_t i = 0; i < b->n; i++)
		buf_done(&b->variants[i].text);
}

/* --- log source -------------------------------------------------------------------------------------------------------------- */

/* Any key may stand there (`definition`, ...); one that is nearly one of the three was hardly meant. */
static void warn_of_source_keys(struct compiler *c, const struct yaml_node *source)
{
	static const char *const keys[] = { "category", "product", "service", "definition" };
	for (const struct yaml_node *k = source->first; k; k = k->next->next) {
		const char *near = diag_suggest(k->text, keys, ARRAY_SIZE(keys));
		size_t distance = near ? diag_distance(k->text, sv_from(near)) : 0;
		char quoted[80];
		if (distance == 1 || distance == 2)
			diag_warn(c->diag, k->at, "logsource: key %s is not read (did you mean '%s'?)", diag_quote(k->text, quoted, sizeof(quoted)), near);
	}
}

static int read_source(struct compiler *c, const struct sigma_document *d, struct sigma_source *ret)
{
	static const char *const keys[] = { "category", "product", "service" };
	struct strview *const parts[] = { &ret->category, &ret->product, &ret->service };
	bool has_source = false;
	for (size_t layer = 0; layer < d->n; layer++) {
		const struct yaml_node *source = yaml_get(d->layers[layer], "logsource");
		if (source && source->type != YAML_MAP) {
			diag_error(c->diag, source->at, "logsource: expected a map of category, product and service");
			return -EINVAL;
		}
		has_source |= source != NULL;
		if (source && layer == 0)
			warn_of_source_keys(c, source);
		for (size_t i = 0; source && i < ARRAY_SIZE(keys); i++) {
			const struct yaml_node *part = yaml_get(source, keys[i]);
			if (part && part->type != YAML_SCALAR) {
				diag_error(c->diag, part->at, "logsource: %s: expected text", keys[i]);
				return -EINVAL;
			}
			if (part && parts[i]->n == 0)
				*parts[i] = part->text;
		}
	}
	if (has_source && (ret->category.n || ret->product.n || ret->service.n))
		return 0;
	diag_error(c->diag, d->layers[0]->at, "Sigma rule: 'logsource' is missing, or has neither category nor product nor service");
	return -EINVAL;
}

/* "linux auditd" */
static int set_needed_source(struct compiler *c, const struct sigma_source *source, struct rule *rule)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct strview parts[] = { source->product, source->category, source->service };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (text.n && parts[i].n)
			buf_add_char(&text, ' ');
		buf_add_sv(&text, parts[i]);
	}
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20)
			text.p[i] = ' ';
	rule->info.needs_source = buf_error(&text) ? NULL : arena_text(c->arena, buf_sv(&text));
	rule->condition = node_const(c, false, rule->info.at);
	return rule->info.needs_source && rule->condition ? 0 : -ENOMEM;
}

/* --- detection --------------------------------------------------------------------------------------------------------------- */

static int add_selection(struct builder *b, const struct yaml_node *name, size_t layer)
{
	struct sigma_detection *d = &b->detection;
	for (size_t i = 0; i < d->n; i++)
		if (sv_equal(d->selections[i].name, name->text))
			return 0; /* a nearer document has it */
	if (d->n == SIGMA_MAX_SELECTIONS || name->text.n == 0) {
		diag_error(b->c->diag, name->at, d->n ? "too many selections (1024 at most)" : "a selection needs a name");
		return -EINVAL;
	}
	d->selections[d->n++] = (struct sigma_selection){ .name = name->text, .at = name->at, .node = name->next, .is_shared = layer > 0 };
	return 0;
}

/* Selections of all layers, the nearest first; `timeframe` belongs to a form that Sigma has given up. */
static int read_detection(struct builder *b)
{
	struct sigma_detection *d = &b->detection;
	bool is_there = false;
	d->selections = arena_alloc(b->c->arena, SIGMA_MAX_SELECTIONS * sizeof(*d->selections));
	if (!d->selections)
		return -ENOMEM;
	for (size_t layer = 0; layer < b->d->n; layer++) {
		const struct yaml_node *detection = yaml_get(b->d->layers[layer], "detection");
		if (detection && detection->type != YAML_MAP) {
			diag_error(b->c->diag, detection->at, "detection: expected a map of selections and a condition");
			return -EINVAL;
		}
		is_there |= detection != NULL;
		for (const struct yaml_node *k = detection ? detection->first : NULL; k; k = k->next->next) {
			if (sv_is(k->text, "condition"))
				d->condition = d->condition ? d->condition : k->next;
			else if (!sv_is(k->text, "timeframe") && add_selection(b, k, layer))
				return -EINVAL;
		}
	}
	if (d->condition)
		return 0;
	diag_error(b->c->diag, b->d->layers[0]->at, is_there ? "detection: 'condition' is missing" : "Sigma rule: 'detection' is missing");
	return -EINVAL;
}

/* --- rows -------------------------------------------------------------------------------------------------------------------- */

static int add_variant(struct builder *b, const struct condition *condition, uint64_t events)
{
	CLEANUP(buf_done) struct buf text = { .max = 1024 * 1024 };
	condition_text(condition, &text);
	for (size_t i = 0; i < b->n; i++) {
		if (!buf_error(&text) && sv_equal(buf_sv(&text), buf_sv(&b->variants[i].text))) {
			b->variants[i].events |= events;
			return 0;
		}
	}
	if (b->n == MAX_VARIANTS) {
		diag_error(b->c->diag, b->d->layers[0]->at, "too many rows of the mapping are about this log source (8 at most)");
		return -EINVAL;
	}
	b->variants[b->n++] = (struct variant){ .condition = condition, .events = events, .text = text };
	text = (struct buf){ 0 };
	return 0;
}

/*
 * "CONDITION and not event.outcome = failure". Nothing waits for an outcome because of it: a call that is not known to have failed
 * counts.
 */
static const struct condition *without_failures(struct compiler *c, const struct condition *condition)
{
	struct place at = condition->at;
	struct written_value failure = { .text = SV("failure"), .at = at, .is_quoted = true };
	struct test_draft d = { .at = at, .op_at = at, .left = bind_field(c, SV("event.outcome"), at), .op = operator_get(OP_EQ), .values = &failure, .n = 1 };
	const struct condition *failed = bind_test(c, &d), *both[] = { condition, failed ? sigma_not(c, failed, at) : NULL };
	return both[1] ? sigma_group(c, NODE_AND, both, ARRAY_SIZE(both), at) : NULL;
}

static int build_row(struct builder *b, struct sigma_row *row)
{
	struct sigma_scope s = { .c = b->c, .row = row, .lost = b->lost };
	for (size_t i = 0; i < b->detection.n; i++) {
		b->detection.selections[i].built = NULL;
		b->detection.selections[i].is_faulty = false;
	}
	const struct condition *condition = sigma_condition_build(&s, b->d->file, &b->detection);
	if (!condition)
		return b->c->no_memory ? -ENOMEM : -EINVAL;
	b->needs_outcome |= s.needs_outcome;
	b->lost = s.lost;
	b->d->row = b->d->row ? b->d->row : row;
	if (!row->takes_failures)
		condition = without_failures(b->c, condition);
	return condition ? add_variant(b, condition, row->events) : b->c->no_memory ? -ENOMEM : -EINVAL;
}

/* "event.action in (...) and CONDITION" */
static const struct condition *guarded(struct builder *b, const struct variant *v)
{
	CLEANUP(value_list_done) struct value_list names = { 0 };
	struct compiler *c = b->c;
	struct place at = v->condition->at;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(v->events >> i & 1))
			continue;
		struct written_value name = { .text = sv_from(event_type_by_number(i)->name), .at = at, .is_quoted = true };
		if (value_list_add(c, &names, name))
			return NULL;
	}
	struct test_draft d = { .at = at, .op_at = at, .left = bind_field(c, SV("event.action"), at), .op = operator_get(names.n > 1 ? OP_IN : OP_EQ) };
	d.values = names.p;
	d.n = names.n;
	const struct condition *both[] = { bind_test(c, &d), v->condition };
	return both[0] ? sigma_group(c, NODE_AND, both, 2, at) : NULL;
}

/* Variants that never hold say nothing, unless none does. */
static int join_variants(struct builder *b)
{
	struct rule *rule = &b->d->rule;
	const struct condition *parts[MAX_VARIANTS];
	size_t n = 0, last = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct condition *condition = b->variants[i].condition;
		if (condition->type == NODE_CONST && !condition->truth)
			continue;
		parts[n++] = guarded(b, &b->variants[i]);
		rule->info.events |= b->variants[i].events;
		last = i;
		if (!parts[n - 1])
			return b->c->no_memory ? -ENOMEM : -EINVAL;
	}
	if (n == 0) {
		if (!has_errors(b)) /* what is faulty stands there as never */
			diag_warn(b->c->diag, b->detection.condition->at, "this condition never holds");
		rule->info.events = b->variants[0].events;
	}
	rule->condition = n > 1 ? sigma_group(b->c, NODE_OR, parts, n, rule->info.at) : b->variants[last].condition;
	rule->info.needs_outcome = b->needs_outcome;
	rule->lost = b->lost;
	return rule->condition ? 0 : b->c->no_memory ? -ENOMEM : -EINVAL;
}

int sigma_message_set(struct compiler *c, struct rule *rule)
{
	rule->message = arena_alloc(c->arena, sizeof(*rule->message));
	if (!rule->message)
		return -ENOMEM;
	rule->message[0] = (struct message_piece){ .text = sv_from(rule->info.title) };
	rule->n_message = 1;
	rule->has_title_message = true;
	return 0;
}

/* --- log sources that nothing here reports -------------------------------------------------------------------------------------- */

/* The part that a row has and that is a slip of the fingers away; NULL: none. */
static const char *nearest_part(const struct sigma_mapping *m, struct strview text, size_t part)
{
	const char *names[SIGMA_MAX_ROWS];
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct sigma_source *have = &m->rows[i].source;
		struct strview name = part == 0 ? have->category : part == 1 ? have->product : have->service;
		if (sv_equal(name, text))
			return NULL;
		if (name.n && !m->rows[i].is_replaced)
			names[n++] = name.p; /* a YAML scalar: ended by NUL */
	}
	const char *near = diag_suggest(text, names, n);
	return near && diag_distance(text, sv_from(near)) <= 2 ? near : NULL;
}

static void warn_of_source(struct compiler *c, const struct sigma_mapping *m, const struct sigma_document *d, const struct sigma_source *source)
{
	static const char *const keys[] = { "category", "product", "service" };
	const struct strview parts[] = { source->category, source->product, source->service };
	char quoted[80];
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *map = sigma_document_get(d, "logsource"), *node = map && map->type == YAML_MAP ? yaml_get(map, keys[i]) : NULL;
		const char *near = parts[i].n > 3 ? nearest_part(m, parts[i], i) : NULL;
		if (near)
			diag_warn(c->diag, node ? node->at : d->layers[0]->at, "logsource: no mapping knows the %s %s (did you mean '%s'?)", keys[i],
				  diag_quote(parts[i], quoted, sizeof(quoted)), near);
	}
}

/*
 * What is wrong with a rule that can raise nothing here is worth a warning, and no reason to refuse it with all others: its author
 * may use words that only its own log source has.
 */
static int look_at_foreign(struct builder *b)
{
	CLEANUP(diag_done) struct diag faults = { 0 };
	struct diag *diag = b->c->diag;
	struct sigma_row row = { .is_foreign = true };
	const struct sigma_field *any = sigma_row_field(b->c, &row, SV("keywords"), b->d->layers[0]->at);
	if (any)
		row.keywords[row.n_keywords++] = any->ref;
	struct sigma_scope s = { .c = b->c, .row = &row };
	b->c->diag = &faults;
	if (any)
		(void)sigma_condition_build(&s, b->d->file, &b->detection); /* for its reports */
	b->c->diag = diag;
	strmap_done(&row.fields);
	for (size_t i = 0; i < faults.n; i++) {
		const struct diag_message *m = &faults.messages[i];
		if (m->level == DIAG_ERROR)
			diag_warn(diag, (struct place){ m->file, m->line, m->column }, "%s", m->text);
	}
	return b->c->no_memory ? -ENOMEM : 0;
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------ */

/* The rule for each row of the mapping that serves its log source. A fault is the same for all rows: the first tells it. */
static int build_rows(struct builder *b, struct sigma_mapping *m, const struct sigma_source *source, bool *ret_served)
{
	int err = 0;
	for (size_t i = 0; i < m->n && !err && !has_errors(b); i++) {
		if (!sigma_row_serves(&m->rows[i], source))
			continue;
		*ret_served = true;
		err = build_row(b, &m->rows[i]);
		if (!err)
			err = sigma_row_aliases(b->c, &m->rows[i], &b->d->rule);
	}
	return err;
}

int sigma_rule_read(struct compiler *c, struct sigma_mapping *m, struct sigma_document *d)
{
	CLEANUP(builder_done) struct builder b = { .c = c, .d = d };
	struct sigma_source source = { 0 };
	bool is_served = false;
	c->file = d->file->name;
	int err = sigma_metadata_read(c, d, &d->rule);
	b.errors_before = c->diag ? c->diag->errors : 0;
	int unread = worse_of(read_source(c, d, &source), read_detection(&b));
	err = worse_of(err, unread);
	if (!unread)
		err = worse_of(err, build_rows(&b, m, &source, &is_served));
	if (!unread && !is_served && err != -ENOMEM) {
		warn_of_source(c, m, d, &source);
		err = worse_of(err, look_at_foreign(&b));
	}
	if (!err)
		err = is_served ? join_variants(&b) : set_needed_source(c, &source, &d->rule);
	return err ? err : sigma_message_set(c, &d->rule);
}
