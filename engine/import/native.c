/* SPDX-License-Identifier: Apache-2.0 */
/* From conditions to YAML. Texts are quoted wherever YAML or the rule language could take them for something else. */
#include "engine/import/native.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/strmap.h"
#include "engine/base/yaml.h"
#include "engine/rules/set.h"

enum { ID_MAX = 128 };

struct writer {
	const struct ruleset *set;
	struct buf *out;
	struct diag *diag;
	const struct rule *rule; /* that is being written */
	struct arena ids_arena;
	struct strmap ids; /* those that were given */
};

static void writer_done(struct writer *w)
{
	strmap_done(&w->ids);
	arena_done(&w->ids_arena);
}

/* --- texts --------------------------------------------------------------------------------------------------------------------- */

/* Adds the character at the front of a text, another one for what a line of YAML cannot have. Returns its bytes. */
static size_t add_printable(struct buf *out, struct strview text)
{
	size_t len = yaml_char(text.p, text.n);
	if (len) {
		buf_add(out, text.p, len);
		return len;
	}
	len = utf8_length(text.p, text.n);
	buf_add_z(out, len == 1 ? " " : "\xef\xbf\xbd"); /* the replacement character */
	return len ? len : 1;
}

/* The same between double quotes, where everything in UTF-8 can be written. */
static size_t add_escaped(struct buf *out, struct strview text)
{
	const unsigned char *u = (const unsigned char *)text.p;
	size_t len = utf8_length(text.p, text.n);
	if (yaml_char(text.p, text.n) || len == 0 || len > 3)
		return add_printable(out, text);
	unsigned c = len == 1 ? u[0] : len == 2 ? (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU) : (u[0] & 0xfU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
	buf_add_format(out, "\\u%04x", c);
	return len;
}

/* "double-quoted" */
static void add_quoted(struct buf *out, struct strview text)
{
	buf_add_char(out, '"');
	while (text.n) {
		char c = text.p[0];
		size_t len = 1;
		if (c == '\n')
			buf_add_z(out, "\\n");
		else if (c == '"' || c == '\\')
			buf_add_format(out, "\\%c", c);
		else
			len = add_escaped(out, text);
		text = sv_from_index(text, len);
	}
	buf_add_char(out, '"');
}

static void add_text(struct writer *w, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	buf_add_format(w->out, "  %s: ", key);
	add_quoted(w->out, sv_from(text));
	buf_add_char(w->out, '\n');
}

static void add_texts(struct writer *w, const char *key, const char *const *texts)
{
	if (!texts[0])
		return;
	buf_add_format(w->out, "  %s: [", key);
	for (size_t i = 0; texts[i]; i++) {
		buf_add_z(w->out, i ? ", " : "");
		add_quoted(w->out, sv_from(texts[i]));
	}
	buf_add_z(w->out, "]\n");
}

/* A line of a comment. */
static void add_remark(struct writer *w, const char *key, const char *text)
{
	buf_add_format(w->out, "  # %s: ", key);
	for (struct strview rest = sv_from(text); rest.n;)
		rest = sv_from_index(rest, add_printable(w->out, rest));
	buf_add_char(w->out, '\n');
}

/* --- ids ----------------------------------------------------------------------------------------------------------------------- */

/* Small letters, digits and dashes of the author's id; with a number when another one came out the same. */
static const char *native_id(struct writer *w, struct strview from)
{
	char id[ID_MAX + 16];
	size_t n = 0;
	for (size_t i = 0; i < from.n && n < ID_MAX - 8; i++) {
		char c = from.p[i];
		c = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (is_kept || (n && id[n - 1] != '-'))
			id[n++] = is_kept ? c : '-';
	}
	while (n && id[n - 1] == '-')
		n--;
	if (n == 0)
		id[n++] = 'r';
	size_t stem = n;
	for (unsigned twin = 2; strmap_get(&w->ids, (struct strview){ id, n }); twin++)
		n = stem + (size_t)snprintf(id + stem, sizeof(id) - stem, "-%u", twin);
	char *copy = arena_text(&w->ids_arena, (struct strview){ id, n });
	return copy && !strmap_add(&w->ids, sv_from(copy), copy) ? copy : NULL;
}

/* --- conditions ------------------------------------------------------------------------------------------------------------------ */

static void add_events(struct writer *w, uint64_t events, const char *indent)
{
	bool is_first = true;
	buf_add_format(w->out, "%sevent: [", indent);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(events >> i & 1))
			continue;
		buf_add_format(w->out, "%s%s", is_first ? "" : ", ", event_type_by_number(i)->name);
		is_first = false;
	}
	buf_add_z(w->out, "]\n");
}

/* A rule that never holds here is about no event: then it is written for all, where it never holds either. */
static uint64_t events_of(const struct rule *rule)
{
	uint64_t all = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS && !rule->info.events; i++)
		if (event_type_by_number(i) && event_type_by_number(i)->name[0])
			all |= 1ull << i;
	return rule->info.events ? rule->info.events : all;
}

/* Says which tests are written as `false`: what a converted rule lacks is never lacking in silence. */
static void warn_of_false(struct writer *w, const struct condition *c, uint64_t events)
{
	if (condition_is_out_of(c, events)) {
		CLEANUP(buf_done) struct buf text = { 0 };
		char quoted[80], shown[160];
		condition_text(c, &text);
		diag_warn(w->diag, c->at, "rule %s: %s is written as 'false': no event of the rule has the field",
			  diag_quote(sv_from(w->rule->info.id), quoted, sizeof(quoted)), diag_quote(buf_sv(&text), shown, sizeof(shown)));
	}
	for (size_t i = 0; i < c->n; i++)
		warn_of_false(w, c->children[i], events);
}

/* What its author asked for and is not seen here may be gone from the converted form. */
static void add_class(struct writer *w, const struct rule_info *info)
{
	if (info->coverage == COVERAGE_FULL)
		return;
	bool is_partial = info->coverage == COVERAGE_PARTIAL;
	add_remark(w, is_partial ? "partial" : "needs source", is_partial ? "not all that the author asked for is seen here" : info->needs_source);
	for (size_t i = 0; i < info->n_reasons; i++)
		add_remark(w, "  reason", info->reasons[i]);
}

/* The parts of the outermost and/or on lines of their own. A literal block: nothing in it means anything to YAML. */
static void add_condition(struct writer *w, const struct condition *c, uint64_t events, const char *indent)
{
	bool is_series = c->type == NODE_AND || c->type == NODE_OR;
	warn_of_false(w, c, events);
	buf_add_format(w->out, "%swhen: |-\n", indent);
	for (size_t i = 0; i < (is_series ? c->n : 1); i++) {
		const struct condition *part = is_series ? c->children[i] : c;
		bool is_group = is_series && (part->type == NODE_AND || part->type == NODE_OR || part->type == NODE_NOT);
		buf_add_format(w->out, "%s  %s%s", indent, i == 0 ? "" : c->type == NODE_AND ? "and " : "or ", is_group ? "(" : "");
		condition_source(part, events, w->out);
		buf_add_z(w->out, is_group ? ")\n" : "\n");
	}
}

/* --- messages -------------------------------------------------------------------------------------------------------------------- */

/* "{field}", "{function(field):20}"; false: no event of the rule has it, and "-" is written. */
static bool add_piece(const struct message_piece *piece, uint64_t events, struct buf *text)
{
	bool is_there = piece->expr ? !expr_is_out_of(piece->expr, events) : piece->field->never || piece->field->events & events;
	if (!is_there) {
		buf_add_char(text, '-');
		return false;
	}
	buf_add_char(text, '{');
	if (piece->expr)
		expr_source(piece->expr, text);
	else
		field_ref_source(piece->field, text);
	if (piece->width)
		buf_add_format(text, ":%zu", piece->width);
	buf_add_char(text, '}');
	return true;
}

static void add_message(struct writer *w, const struct rule *rule)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	bool has_field = false;
	for (size_t i = 0; i < rule->n_message; i++) {
		const struct message_piece *piece = &rule->message[i];
		if (piece->field || piece->expr) {
			has_field |= add_piece(piece, events_of(rule), &text);
			continue;
		}
		for (size_t k = 0; k < piece->text.n; k++) {
			char c = piece->text.p[k];
			buf_add_z(&text, c == '{' ? "{" : c == '}' ? "}" : "");
			buf_add_char(&text, c);
		}
	}
	bool is_title = !has_field && sv_equal(buf_sv(&text), sv_from(rule->info.title));
	if (!is_title)
		add_text(w, "message", buf_cstr(&text));
}

/* --- exceptions and cases -------------------------------------------------------------------------------------------------------- */

static void add_exceptions(struct writer *w, const struct rule *rule)
{
	buf_add_z(w->out, rule->n_exceptions ? "  exceptions:\n" : "");
	for (size_t i = 0; i < rule->n_exceptions; i++) {
		const struct rule_exception *e = &rule->exceptions[i];
		buf_add_z(w->out, "    - name: ");
		add_quoted(w->out, sv_from(e->name));
		buf_add_char(w->out, '\n');
		if (e->owner[0])
			add_text(w, "    owner", e->owner);
		if (e->reason[0])
			add_text(w, "    reason", e->reason);
		if (e->expires_ns) {
			CLEANUP(buf_done) struct buf day = { 0 };
			clock_add_rfc3339(&day, e->expires_ns - 1); /* the last day */
			buf_add_format(w->out, "      expires: %.10s\n", buf_cstr(&day));
		}
		add_condition(w, e->condition, events_of(rule), "      ");
	}
}

static bool is_writable(const struct rule_case *one)
{
	for (size_t i = 0; i < one->n; i++)
		for (size_t k = 0; k < one->fields[i].n; k++) {
			struct strview s = one->fields[i].items[k];
			if (s.n && (!utf8_valid(s) || memchr(s.p, '\0', s.n)))
				return false;
		}
	for (size_t i = 0; i < one->n_events; i++)
		if (!is_writable(&one->events[i].one))
			return false;
	return true;
}

static void add_fields(struct writer *w, const struct rule_case *one)
{
	for (size_t i = 0; i < one->n; i++) {
		const struct case_field *f = &one->fields[i];
		buf_add_format(w->out, "%s\"" SV_FMT "\": ", i ? ", " : "", SV_ARG(f->name));
		buf_add_z(w->out, f->n == 1 ? "" : "[");
		for (size_t k = 0; k < f->n; k++) {
			buf_add_z(w->out, k ? ", " : "");
			add_quoted(w->out, f->items[k]);
		}
		buf_add_z(w->out, f->n == 1 ? "" : "]");
	}
}

static void add_case_event(struct writer *w, const struct case_event *e)
{
	buf_add_format(w->out, "{event: %s, at: %llums", e->one.type->name, (unsigned long long)(e->at_ns / 1000000));
	if (e->times > 1)
		buf_add_format(w->out, ", times: %u, every: %llums", e->times, (unsigned long long)(e->every_ns / 1000000));
	buf_add_z(w->out, e->one.n ? ", " : "");
	add_fields(w, &e->one);
	buf_add_char(w->out, '}');
}

static void add_cases(struct writer *w, const struct rule *rule)
{
	size_t n = 0;
	char quoted[80];
	for (size_t i = 0; i < rule->n_cases; i++) {
		const struct rule_case *one = &rule->cases[i];
		if (!is_writable(one)) {
			diag_warn(w->diag, one->at, "rule %s: this case is left out: it has bytes that YAML has no words for",
				  diag_quote(sv_from(rule->info.id), quoted, sizeof(quoted)));
			continue;
		}
		buf_add_z(w->out, n++ == 0 ? "  cases:\n" : "");
		buf_add_format(w->out, "    - %s: ", one->fires ? "fires" : "quiet");
		buf_add_char(w->out, one->n_events ? '[' : '{');
		for (size_t k = 0; k < one->n_events; k++) {
			buf_add_z(w->out, k ? ", " : "");
			add_case_event(w, &one->events[k]);
		}
		if (!one->n_events)
			add_fields(w, one);
		buf_add_z(w->out, one->n_events ? "]\n" : "}\n");
		if (!one->n_events)
			buf_add_format(w->out, "      event: %s\n", one->type->name);
	}
}

/* --- stateful rules -------------------------------------------------------------------------------------------------------------- */

static void add_time(struct writer *w, uint64_t ns)
{
	const uint64_t second = 1000000000;
	bool is_whole = ns % second == 0;
	buf_add_format(w->out, "    within: %llu%s\n", (unsigned long long)(is_whole ? ns / second : ns / 1000000), is_whole ? "s" : "ms");
}

static void add_keys(struct writer *w, const struct stateful *s, const struct stateful_input *input, const char *indent)
{
	if (s->n_keys == 0)
		return;
	buf_add_format(w->out, "%sby: [", indent);
	for (size_t i = 0; i < s->n_keys; i++)
		buf_add_format(w->out, "%s\"%s\"", i ? ", " : "", input->keys[i]->name);
	buf_add_z(w->out, "]\n");
}

static void add_count(struct writer *w, const struct stateful *s)
{
	buf_add_format(w->out, "    count: {gte: %llu", (unsigned long long)s->least);
	if (s->most != UINT64_MAX)
		buf_add_format(w->out, ", lte: %llu", (unsigned long long)s->most);
	buf_add_z(w->out, "}\n");
}

static void add_threshold(struct writer *w, const struct stateful *s)
{
	const struct rule *counted = &w->set->rules[s->inputs[0].rule];
	add_events(w, counted->info.events, "  ");
	add_condition(w, counted->condition, counted->info.events, "  ");
	buf_add_z(w->out, "  threshold:\n");
	add_count(w, s);
	add_time(w, s->within_ns);
	add_keys(w, s, &s->inputs[0], "    ");
	if (s->inputs[0].distinct)
		buf_add_format(w->out, "    distinct: \"%s\"\n", s->inputs[0].distinct->name);
}

static void add_steps(struct writer *w, const struct stateful *s)
{
	buf_add_format(w->out, "  %s:\n", stateful_kind_name(s->kind));
	add_time(w, s->within_ns);
	buf_add_z(w->out, "    steps:\n");
	for (size_t i = 0; i < s->n_inputs; i++) {
		const struct rule *step = &w->set->rules[s->inputs[i].rule];
		buf_add_z(w->out, "      -\n");
		add_events(w, step->info.events, "        ");
		add_condition(w, step->condition, step->info.events, "        ");
		add_keys(w, s, &s->inputs[i], "        ");
	}
}

/* Why our format has no words for it; NULL: it has. */
static const char *unspeakable(const struct writer *w, const struct rule *rule)
{
	const struct stateful *s = rule->stateful;
	if (rule->info.events == 0 && rule->condition->type == NODE_CONST)
		return "it is about events that nothing here reports";
	for (size_t i = 0; s && i < s->n_inputs; i++)
		if (w->set->rules[s->inputs[i].rule].stateful)
			return "it is about matches of another rule over several events";
	if (s && s->kind == STATEFUL_THRESHOLD && s->n_inputs > 1)
		return "it counts the matches of several rules that raise nothing by themselves";
	if (s && s->kind == STATEFUL_ABSENCE)
		return "it waits for an absence";
	return NULL;
}

/* --- rules ----------------------------------------------------------------------------------------------------------------------- */

static int add_rule(struct writer *w, const struct rule *rule)
{
	static const char *const severities[SEVERITY_COUNT] = { "info", "low", "medium", "high", "critical" };
	const struct rule_info *info = &rule->info;
	const char *id = native_id(w, sv_from(info->id));
	if (!id)
		return -ENOMEM;
	buf_add_format(w->out, "\n- rule: %s\n", id);
	for (size_t i = 0; i < info->n_remarks; i++)
		add_remark(w, info->remarks[i].key, info->remarks[i].text);
	if (strcmp(id, info->id) != 0)
		add_remark(w, "id", info->id);
	add_class(w, info);
	add_text(w, "title", info->title);
	add_text(w, "description", info->description);
	add_text(w, "author", info->author);
	add_text(w, "license", info->license);
	add_texts(w, "references", info->references);
	buf_add_format(w->out, "  severity: %s\n", severities[info->severity]);
	add_texts(w, "attack", info->attack);
	add_texts(w, "tags", info->tags);
	if (!info->is_enabled)
		buf_add_z(w->out, "  enabled: false\n");
	if (!rule->stateful) {
		add_events(w, events_of(rule), "  ");
		add_condition(w, rule->n_exceptions ? rule->base : rule->condition, events_of(rule), "  ");
		add_exceptions(w, rule);
	} else if (rule->stateful->kind == STATEFUL_THRESHOLD) {
		add_threshold(w, rule->stateful);
	} else {
		add_steps(w, rule->stateful);
	}
	add_message(w, rule);
	add_cases(w, rule);
	return 0;
}

/* Warns of each rule that is called full after the conversion and was not before: what was left out has taken the reason along. */
static void compare_classes(struct writer *w, const uint32_t *written, size_t n)
{
	CLEANUP(ruleset_free) struct ruleset *again = NULL;
	if (ruleset_load_text("converted", buf_sv(w->out), &again, NULL)) {
		diag_warn(w->diag, (struct place){ 0 }, "the converted rules do not load as one text: whether they are covered as before was not compared");
		return;
	}
	size_t k = 0;
	for (size_t i = 0; i < again->n && k < n; i++) {
		if (again->rules[i].info.is_step)
			continue;
		const struct rule_info *before = &w->set->rules[written[k++]].info;
		char quoted[80];
		if (before->coverage != COVERAGE_FULL && again->rules[i].info.coverage == COVERAGE_FULL)
			diag_warn(w->diag, before->at, "rule %s is not covered in full; its converted form is called so, and says in comments what is missing",
				  diag_quote(sv_from(before->id), quoted, sizeof(quoted)));
	}
}

int native_write(const struct ruleset *set, const char *format, struct buf *out, size_t *ret_n, struct diag *diag)
{
	CLEANUP(writer_done) struct writer w = { .set = set, .out = out, .diag = diag, .ids_arena.max = RULES_MAX_MEMORY };
	uint32_t *written = arena_alloc(&w.ids_arena, (set->n + 1) * sizeof(*written));
	size_t n = 0;
	if (!written)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		if (!rule->info.format || (format && strcmp(rule->info.format, format) != 0) || rule->info.is_step)
			continue;
		const char *why = unspeakable(&w, rule);
		if (why) {
			char quoted[80];
			diag_warn(diag, rule->info.at, "rule %s is left out: %s", diag_quote(sv_from(rule->info.id), quoted, sizeof(quoted)), why);
			continue;
		}
		w.rule = rule;
		int err = add_rule(&w, rule);
		if (err)
			return err;
		written[n++] = (uint32_t)i;
	}
	compare_classes(&w, written, n);
	*ret_n = n;
	return buf_error(out);
}
