/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapping tables: which events a log source of Sigma is, and which of our fields stands behind a Sigma field. A table is a YAML
 * document with the key `sigma_mapping`; the one that comes with the program is read first, those among the rule files after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/import/sigma.h"

struct reader {
	struct sigma_mapping *m;
	struct compiler *c;
	struct sigma_row row; /* the row that is being read; its fields are owned */
};

bool sigma_mapping_owns(const struct yaml_node *document)
{
	return document->type == YAML_MAP && yaml_get(document, "sigma_mapping");
}

void sigma_mapping_done(struct sigma_mapping *m)
{
	for (size_t i = 0; i < m->n; i++)
		strmap_done(&m->rows[i].fields);
	free(m->rows);
	*m = (struct sigma_mapping){ 0 };
}

static int refuse(struct reader *r, const struct yaml_node *node, const char *why)
{
	diag_error(r->c->diag, node->at, "%s", why);
	return -EINVAL;
}

static bool is_same_source(const struct sigma_source *a, const struct sigma_source *b)
{
	return sv_equal(a->category, b->category) && sv_equal(a->product, b->product) && sv_equal(a->service, b->service);
}

/* --- log sources ------------------------------------------------------------------------------------------------------------- */

static bool part_serves(struct strview have, struct strview wanted)
{
	return wanted.n == 0 || sv_equal(have, wanted);
}

bool sigma_row_serves(const struct sigma_row *row, const struct sigma_source *wanted)
{
	const struct sigma_source *have = &row->source;
	bool has_kind = wanted->category.n || wanted->service.n; /* a product alone is all of its logs, which is no kind of event */
	return !row->is_replaced && has_kind && part_serves(have->category, wanted->category) && part_serves(have->product, wanted->product) &&
	       part_serves(have->service, wanted->service);
}

static int read_source(struct reader *r, const struct yaml_node *node)
{
	static const char *const keys[] = { "category", "product", "service" };
	if (node->type != YAML_MAP)
		return refuse(r, node, "logsource: expected a map of category, product and service");
	if (item_check_keys(r->c, node, keys, ARRAY_SIZE(keys), "a log source"))
		return -EINVAL;
	struct strview *const parts[] = { &r->row.source.category, &r->row.source.product, &r->row.source.service };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *part = yaml_get(node, keys[i]);
		if (part && part->type != YAML_SCALAR)
			return refuse(r, part, "logsource: expected text");
		if (part)
			*parts[i] = part->text;
	}
	if (r->row.source.category.n == 0 && r->row.source.service.n == 0)
		return refuse(r, node, "logsource: a category or a service is needed");
	return 0;
}

static const char *nearest_event(struct strview text)
{
	const char *names[EVENT_NUMBERS];
	size_t n = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i) && event_type_by_number(i)->name[0])
			names[n++] = event_type_by_number(i)->name;
	return diag_suggest(text, names, n);
}

static int add_event(struct reader *r, const struct yaml_node *node)
{
	const struct event_type *type = node->type == YAML_SCALAR ? event_type_by_name(node->text) : NULL;
	char quoted[80];
	if (!type) {
		const char *near = node->type == YAML_SCALAR ? nearest_event(node->text) : NULL;
		diag_quote(node->text, quoted, sizeof(quoted));
		if (near)
			diag_error(r->c->diag, node->at, "event: unknown event %s (did you mean '%s'?)", quoted, near);
		else
			diag_error(r->c->diag, node->at, "event: unknown event %s ('vedette fields' lists them)", quoted);
		return -EINVAL;
	}
	r->row.events |= 1ull << type->number;
	return 0;
}

static int read_events(struct reader *r, const struct yaml_node *node)
{
	int err = 0;
	if (node->type != YAML_LIST)
		return add_event(r, node);
	if (node->n == 0)
		return refuse(r, node, "event: the list is empty");
	for (const struct yaml_node *item = node->first; item; item = item->next)
		err = add_event(r, item) ? -EINVAL : err;
	return err;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------ */

/* A field of ours that all events of the row have. NULL after a report. */
static const struct field_ref *read_ref(struct reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_SCALAR) {
		(void)refuse(r, node, "expected the name of a field, {constant: text} or {never: reason}");
		return NULL;
	}
	const struct field_ref *ref = field_resolve(r->c, node->text, node->at);
	uint64_t without = ref ? r->row.events & ~ref->events : 0;
	if (!without)
		return ref;
	diag_error(r->c->diag, node->at, "field '%s' is not in event %s, which the row is about", ref->name,
		   event_type_by_number((uint32_t)__builtin_ctzll(without))->name);
	return NULL;
}

/* "sigma.NAME", with a _ for what no name of ours can hold; reason NULL: that nobody knows it. */
static const struct field_ref *never_ref(struct compiler *c, struct strview name, const char *reason)
{
	char ours[128] = "sigma.";
	size_t n = strlen(ours);
	for (size_t i = 0; i < name.n && n + 1 < sizeof(ours); i++)
		ours[n++] = is_name_char(name.p[i]) ? name.p[i] : '_';
	const struct field_ref *ref = field_lookup(c, (struct strview){ ours, n });
	if (!ref || !reason)
		return ref;
	struct field_ref *copy = arena_alloc(c->arena, sizeof(*copy));
	if (!copy) {
		c->no_memory = true;
		return NULL;
	}
	*copy = *ref;
	copy->never = reason;
	return copy;
}

/* {constant: text} or {never: reason}. */
static int read_special(struct reader *r, const struct yaml_node *node, struct sigma_field *f)
{
	static const char *const keys[] = { "constant", "never" };
	const struct yaml_node *constant = yaml_get(node, "constant"), *never = yaml_get(node, "never");
	if (item_check_keys(r->c, node, keys, ARRAY_SIZE(keys), "a field"))
		return -EINVAL;
	if (!constant == !never)
		return refuse(r, node, "expected either 'constant' or 'never'");
	const struct yaml_node *value = constant ? constant : never;
	const char *text = NULL;
	if (value->text.n > SIGMA_MAX_REASON)
		return refuse(r, value, "longer than 200 bytes");
	if (item_text(r->c, value, constant ? "constant" : "never", &text))
		return r->c->no_memory ? -ENOMEM : -EINVAL;
	f->target = constant ? SIGMA_CONSTANT : SIGMA_NEVER;
	f->constant = sv_from(text);
	if (never)
		f->ref = never_ref(r->c, f->name, text);
	return never && !f->ref ? -ENOMEM : 0;
}

static int read_field(struct reader *r, const struct yaml_node *key, const struct yaml_node *value)
{
	struct sigma_field *f = arena_alloc(r->c->arena, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct sigma_field){ .name = key->text, .target = SIGMA_FIELD };
	if (key->text.n == 0)
		return refuse(r, key, "the name of the Sigma field is missing");
	int err = 0;
	if (value->type == YAML_MAP)
		err = read_special(r, value, f);
	else
		f->ref = read_ref(r, value);
	if (!err && f->target == SIGMA_FIELD && !f->ref)
		err = r->c->no_memory ? -ENOMEM : -EINVAL;
	return err ? err : strmap_add(&r->row.fields, f->name, f);
}

static int read_fields(struct reader *r, const struct yaml_node *node)
{
	int err = 0;
	if (node->type != YAML_MAP)
		return refuse(r, node, "fields: expected a map from Sigma's fields to ours");
	for (const struct yaml_node *k = node->first; k; k = k->next->next) {
		int failed = read_field(r, k, k->next);
		if (failed == -ENOMEM)
			return failed;
		err = failed ? failed : err;
	}
	return err;
}

static int read_keywords(struct reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_LIST || node->n > SIGMA_MAX_KEYWORD_FIELDS)
		return refuse(r, node, "keywords: expected a list of at most 32 fields");
	int err = 0;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		const struct field_ref *ref = read_ref(r, item);
		if (ref)
			r->row.keywords[r->row.n_keywords++] = ref;
		else
			err = r->c->no_memory ? -ENOMEM : -EINVAL;
	}
	return err;
}

static int read_failures(struct reader *r, const struct yaml_node *node)
{
	r->row.has_failures = node != NULL;
	r->row.takes_failures = true;
	return node ? yaml_bool(node, &r->row.takes_failures, r->c->diag) : 0;
}

/* --- rows -------------------------------------------------------------------------------------------------------------------- */

static struct sigma_row *find_row(struct sigma_mapping *m, const struct sigma_row *like)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->rows[i].is_replaced && m->rows[i].events == like->events && is_same_source(&m->rows[i].source, &like->source))
			return &m->rows[i];
	return NULL;
}

static int add_row(struct reader *r, const struct yaml_node *node)
{
	struct sigma_mapping *m = r->m;
	if (m->n == SIGMA_MAX_ROWS)
		return refuse(r, node, "too many rows in all mapping tables together (1024 at most)");
	if (m->n == m->size) {
		size_t size = m->size ? 2 * m->size : 16;
		struct sigma_row *bigger = realloc(m->rows, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		m->rows = bigger;
		m->size = size;
	}
	m->rows[m->n++] = r->row;
	r->row.fields = (struct strmap){ 0 };
	return 0;
}

/* The fields of the new row take the place of those of their names. */
static int merge_row(struct reader *r, struct sigma_row *old)
{
	struct strmap merged = { 0 };
	int err = 0;
	for (int is_old = 0; is_old < 2 && !err; is_old++) {
		const struct strmap *from = is_old ? &old->fields : &r->row.fields;
		for (size_t i = 0; i < from->size && !err; i++)
			if (from->slots[i].key.p && !strmap_get(&merged, from->slots[i].key))
				err = strmap_add(&merged, from->slots[i].key, from->slots[i].value);
	}
	if (err) {
		strmap_done(&merged);
		return err;
	}
	strmap_done(&old->fields);
	old->fields = merged;
	if (r->row.n_keywords) {
		memcpy(old->keywords, r->row.keywords, sizeof(old->keywords));
		old->n_keywords = r->row.n_keywords;
	}
	if (r->row.has_failures)
		old->takes_failures = r->row.takes_failures;
	return 0;
}

static int read_replace(struct reader *r, const struct yaml_node *node)
{
	bool replaces = false;
	if (node && yaml_bool(node, &replaces, r->c->diag))
		return -EINVAL;
	for (size_t i = 0; i < r->m->n && replaces; i++)
		r->m->rows[i].is_replaced |= is_same_source(&r->m->rows[i].source, &r->row.source);
	return 0;
}

static int fill_row(struct reader *r, const struct yaml_node *node)
{
	static const char *const keys[] = { "logsource", "event", "fields", "keywords", "failures", "replace" };
	if (node->type != YAML_MAP)
		return refuse(r, node, "expected a row: {logsource: ..., event: ..., fields: ...}");
	if (item_check_keys(r->c, node, keys, ARRAY_SIZE(keys), "a row of a mapping"))
		return -EINVAL;
	const struct yaml_node *source = yaml_get(node, "logsource"), *event = yaml_get(node, "event");
	const struct yaml_node *fields = yaml_get(node, "fields"), *keywords = yaml_get(node, "keywords");
	if (!source || !event)
		return refuse(r, node, source ? "row: 'event' is missing" : "row: 'logsource' is missing");
	int err = read_source(r, source);
	err = worse_of(err, read_events(r, event)); /* all faults are told */
	err = worse_of(err, fields ? read_fields(r, fields) : 0);
	err = worse_of(err, keywords ? read_keywords(r, keywords) : 0);
	return worse_of(err, read_failures(r, yaml_get(node, "failures")));
}

static int read_row(struct reader *r, const struct yaml_node *node)
{
	r->row = (struct sigma_row){ 0 };
	int err = fill_row(r, node);
	if (!err)
		err = read_replace(r, yaml_get(node, "replace"));
	struct sigma_row *old = err ? NULL : find_row(r->m, &r->row);
	if (!err)
		err = old ? merge_row(r, old) : add_row(r, node);
	strmap_done(&r->row.fields);
	return err;
}

int sigma_mapping_read(struct sigma_mapping *m, struct compiler *c, const char *file, const struct yaml_node *document)
{
	static const char *const keys[] = { "sigma_mapping" };
	struct reader r = { .m = m, .c = c };
	const struct yaml_node *rows = yaml_get(document, "sigma_mapping");
	c->file = file;
	if (item_check_keys(c, document, keys, ARRAY_SIZE(keys), "a mapping table"))
		return -EINVAL;
	if (rows->type != YAML_LIST)
		return refuse(&r, rows, "sigma_mapping: expected a list of rows");
	int err = 0;
	for (const struct yaml_node *row = rows->first; row; row = row->next) {
		int failed = read_row(&r, row);
		if (failed == -ENOMEM)
			return failed;
		err = failed ? failed : err;
	}
	return err;
}

/* --- looking up -------------------------------------------------------------------------------------------------------------- */

static const char *nearest_name(const struct sigma_row *row, struct strview name)
{
	enum { MAX_NAMES = 512 };
	const char *names[MAX_NAMES];
	size_t n = 0;
	for (size_t i = 0; i < row->fields.size && n < MAX_NAMES; i++)
		if (row->fields.slots[i].key.p)
			names[n++] = row->fields.slots[i].key.p; /* a YAML scalar: ended by NUL */
	return diag_suggest(name, names, n);
}

static void warn_of_unknown(struct compiler *c, const struct sigma_row *row, struct strview name, struct place at)
{
	char quoted[80];
	const char *near = nearest_name(row, name);
	diag_quote(name, quoted, sizeof(quoted));
	if (diag_speaks_of(c->diag, at))
		return; /* by another row */
	if (near)
		diag_warn(c->diag, at, "no mapping knows the field %s (did you mean '%s'?): no event has it", quoted, near);
	else
		diag_warn(c->diag, at, "no mapping knows the field %s: no event has it", quoted);
}

/* Names are copied once for each row, so that what two rules have of one row is known by them. */
static bool has_alias(const struct rule *rule, const struct field_alias *alias)
{
	for (size_t i = 0; i < rule->n_aliases; i++)
		if (rule->aliases[i].name == alias->name)
			return true;
	return false;
}

int sigma_aliases_add(struct compiler *c, const struct field_alias *more, size_t n, struct rule *rule)
{
	size_t n_new = 0;
	for (size_t i = 0; i < n; i++)
		n_new += !has_alias(rule, &more[i]);
	if (n_new == 0)
		return 0;
	if (rule->n_aliases == 0) {
		rule->aliases = more;
		rule->n_aliases = n;
		return 0;
	}
	struct field_alias *all = arena_alloc(c->arena, (rule->n_aliases + n_new) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all, rule->aliases, rule->n_aliases * sizeof(*all));
	size_t n_all = rule->n_aliases;
	for (size_t i = 0; i < n; i++)
		if (!has_alias(rule, &more[i]))
			all[n_all++] = more[i];
	rule->aliases = all;
	rule->n_aliases = n_all;
	return 0;
}

static int make_aliases(struct compiler *c, struct sigma_row *row)
{
	struct field_alias *aliases = arena_alloc(c->arena, (row->fields.n + 1) * sizeof(*aliases));
	if (!aliases)
		return -ENOMEM;
	for (size_t i = 0; i < row->fields.size; i++) {
		const struct sigma_field *f = row->fields.slots[i].key.p ? row->fields.slots[i].value : NULL;
		bool is_constant = f && f->target == SIGMA_CONSTANT;
		if (!f || f->target == SIGMA_NEVER || (!is_constant && sv_is(f->name, f->ref->name)))
			continue;
		const char *name = arena_text(c->arena, f->name); /* the table's text ends with the load */
		if (!name)
			return -ENOMEM;
		struct field_alias alias = { .name = name, .field = is_constant ? NULL : f->ref, .constant = is_constant ? f->constant.p : NULL };
		alias.events = row->events;
		aliases[row->n_aliases++] = alias;
	}
	row->aliases = aliases;
	return 0;
}

int sigma_row_aliases(struct compiler *c, struct sigma_row *row, struct rule *rule)
{
	int err = row->aliases ? 0 : make_aliases(c, row);
	return err ? err : sigma_aliases_add(c, row->aliases, row->n_aliases, rule);
}

const struct sigma_field *sigma_row_field(struct compiler *c, struct sigma_row *row, struct strview name, struct place at)
{
	const struct sigma_field *known = strmap_get(&row->fields, name);
	if (known)
		return known;
	struct sigma_field *f = arena_alloc(c->arena, sizeof(*f));
	const char *copy = arena_text(c->arena, name);
	if (!f || !copy) {
		c->no_memory = true;
		return NULL;
	}
	const struct field_ref *ours = field_lookup(c, name);
	bool is_ours = ours && !row->is_foreign && (ours->events & row->events) == row->events;
	*f = (struct sigma_field){ .name = { copy, name.n }, .target = is_ours ? SIGMA_FIELD : SIGMA_NEVER, .ref = ours };
	if (!is_ours) {
		if (!row->is_foreign)
			warn_of_unknown(c, row, name, at);
		f->ref = never_ref(c, name, NULL);
	}
	if (!f->ref || strmap_add(&row->fields, f->name, f)) {
		c->no_memory = true;
		return NULL;
	}
	return f;
}
