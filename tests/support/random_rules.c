/* SPDX-License-Identifier: Apache-2.0 */
/* Writes conditions down a tree of bounded depth. Each rule knows its number by its text: lines are what a refusal is found by. */
#include "tests/support/random_rules.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rules/computed.h"
#include "tests/support/random_text.h"

enum { TYPES_MAX = 4, VALUES_MAX = 6, DEPTH_MAX = 4, LOAD_TRIES = 50 };

struct writer {
	struct random *r;
	struct buf *out;
	const struct event_type *types[TYPES_MAX];
	size_t n_types;
};

/* What a test is about. */
struct side {
	struct buf name; /* as written */
	enum value_class class;
	enum kind_id kind;
};

static const char head[] =
	"- {list: shells, items: [bash, sh, /usr/bin/bash]}\n"
	"- {list: names, items: [shells, cat, curl, a]}\n"
	"- {macro: is_shell, when: process.name in (shells)}\n"
	"- {macro: is_odd, when: not is_shell and process.command_line contains a}\n";

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static void add_quoted(struct buf *out, struct strview text)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 || c >= 0x7f)
			buf_add_format(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			buf_add_format(out, "\\%c", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

static void add_text_value(struct writer *w, enum op_form form)
{
	static const char *const globs[] = { "*", "/usr/*", "*sh", "?at", "[a-c]*", "*bin/*", "[!a]*", "*a*b*", "", "/etc/??????", "[[:digit:]]*", "*.so*" };
	static const char *const regexes[] = { ".*", "", "/usr/.*", ".*bash", "[a-z/]*passwd", "(?i)bash", "^/etc/", "a|b", ".*(sh|cat)$", "\\d+", ".", "a{3,5}",
					       "(/usr|/etc).*(bash|shadow)", "[^a]+", ".*\\.so", "(?s).*\\n.*", "\\w+ -c", "(a+)+b", "(a+)+[bc]", "(a|aa)+[^a]" };
	static const char *const paths[] = { "/usr", "/etc/", "/*/bin", "/", "/tmp", "/home/*/.ssh", "/usr/bin/bash", "/u?r" };
	CLEANUP(buf_done) struct buf text = { 0 };
	if (form == OP_FORM_GLOB)
		buf_add_z(&text, random_of(w->r, globs, ARRAY_SIZE(globs)));
	else if (form == OP_FORM_REGEX) /* the last three can run to their limits, which takes its time */
		buf_add_z(&text, random_of(w->r, regexes, random_chance(w->r, 1, 4) ? ARRAY_SIZE(regexes) : ARRAY_SIZE(regexes) - 3));
	else if (form == OP_FORM_PATH)
		buf_add_z(&text, random_of(w->r, paths, ARRAY_SIZE(paths)));
	else
		random_text(w->r, 2, &text);
	if (form != OP_FORM_HEX) {
		add_quoted(w->out, buf_sv(&text));
		return;
	}
	buf_add_z(w->out, "\"");
	for (size_t i = 0; i < text.n; i++)
		buf_add_format(w->out, "%02x", (unsigned char)text.p[i]);
	buf_add_z(w->out, text.n ? "\"" : "61\"");
}

static void add_symbol(struct writer *w, enum kind_id kind)
{
	uint64_t value;
	const char *text;
	size_t n = 0;
	while (symbol_at(kind, n, &value, &text))
		n++;
	if (n && random_chance(w->r, 9, 10) && symbol_at(kind, random_below(w->r, n), &value, &text))
		buf_add_z(w->out, text);
	else
		buf_add_u64(w->out, random_below(w->r, 8));
}

static void add_address(struct writer *w)
{
	static const char *const addresses[] = { "10.0.0.0/8", "10.1.2.3", "192.0.2.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1", "127.0.0.1", "10.1.0.0/17" };
	buf_add_z(w->out, random_of(w->r, addresses, ARRAY_SIZE(addresses)));
}

static void add_value(struct writer *w, const struct side *left, enum op_form form)
{
	switch (left->class) {
	case CLASS_STR:
	case CLASS_LIST:
		add_text_value(w, form);
		break;
	case CLASS_ENUM:
	case CLASS_FLAGS:
		add_symbol(w, left->kind);
		break;
	case CLASS_IP:
		add_address(w);
		break;
	case CLASS_BOOL:
		buf_add_z(w->out, random_chance(w->r, 1, 2) ? "true" : "false");
		break;
	case CLASS_SINT:
		buf_add_format(w->out, "%d", (int)random_below(w->r, 7) - 3);
		break;
	default:
		if (left->kind == KIND_MODE)
			buf_add_format(w->out, "0%o", (unsigned)random_below(w->r, 010000));
		else if (left->kind == KIND_HEXID)
			buf_add_format(w->out, "%zx", random_below(w->r, 6));
		else
			buf_add_format(w->out, "%zu", random_below(w->r, 6));
		break;
	}
}

static void add_values(struct writer *w, const struct side *left, const struct operator *op)
{
	size_t n = 1 + random_below(w->r, VALUES_MAX);
	buf_add_char(w->out, '(');
	for (size_t i = 0; i < n; i++) {
		buf_add_z(w->out, i ? ", " : "");
		if ((left->class == CLASS_STR || left->class == CLASS_LIST) && op->form == OP_FORM_OWN && random_chance(w->r, 1, 10))
			buf_add_z(w->out, random_chance(w->r, 1, 2) ? "names" : "shells");
		else
			add_value(w, left, op->form);
	}
	buf_add_char(w->out, ')');
}

/* --- sides ----------------------------------------------------------------------------------------------------------------- */

static void own_field(struct writer *w, struct side *ret)
{
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(w->types[random_below(w->r, w->n_types)], fields);
	const struct field *f = fields[random_below(w->r, n)];
	buf_add_z(&ret->name, f->name);
	ret->kind = f->kind;
	ret->class = kind_get(f->kind)->class;
}

static void computed_field(struct writer *w, struct side *ret)
{
	size_t n = 0;
	while (computed_at(n))
		n++;
	const struct computed *row = computed_at(random_below(w->r, n));
	if (row->never || row->kind >= KIND_COUNT || !row->function) {
		own_field(w, ret);
		return;
	}
	static const char *const names[] = { "open", "execve", "unlink", "flags", "name" };
	buf_add_z(&ret->name, row->name);
	if (row->argument == ARGUMENT_INDEX)
		buf_add_format(&ret->name, "[%zu]", random_below(w->r, 4));
	else if (row->argument == ARGUMENT_NAME)
		buf_add_format(&ret->name, "[%s]", random_of(w->r, names, ARRAY_SIZE(names)));
	else if (row->argument == ARGUMENT_DOTTED)
		buf_add_z(&ret->name, random_of(w->r, names, ARRAY_SIZE(names)));
	ret->kind = row->kind;
	ret->class = kind_get(row->kind)->class;
}

static void any_field(struct writer *w, struct side *ret)
{
	static const char *const known[] = { "process.executable", "process.name", "process.command_line", "process.parent.executable", "process.parent.name",
					     "user.name", "container.id" };
	static const char *const lists[] = { "process.args", "vedette.ancestors.executable", "vedette.ancestors.name", "process.parent.args" };
	size_t how = random_below(w->r, 10);
	*ret = (struct side){ .kind = KIND_STR, .class = CLASS_STR };
	if (how < 4) {
		buf_add_z(&ret->name, random_of(w->r, known, ARRAY_SIZE(known)));
	} else if (how < 5) {
		*ret = (struct side){ .kind = KIND_LIST, .class = CLASS_LIST };
		buf_add_z(&ret->name, random_of(w->r, lists, ARRAY_SIZE(lists)));
	} else if (how < 9) {
		own_field(w, ret);
	} else {
		computed_field(w, ret);
	}
}

/* Around a text or a list. */
static void wrap(struct writer *w, struct side *side)
{
	static const char *const plain[] = { "tolower", "toupper", "basename", "b64" };
	CLEANUP(buf_done) struct buf inner = side->name;
	side->name = (struct buf){ 0 };
	struct strview name = buf_sv(&inner);
	size_t how = random_below(w->r, 8);
	if (how < 4) {
		buf_add_format(&side->name, "%s(" SV_FMT ")", plain[how], SV_ARG(name));
		side->kind = side->class == CLASS_LIST ? KIND_LIST : KIND_STR;
		return;
	}
	if (how == 4) {
		buf_add_format(&side->name, "len(" SV_FMT ")", SV_ARG(name));
		side->class = CLASS_UINT;
		side->kind = KIND_U64;
		return;
	}
	if (how == 5 && side->class == CLASS_LIST) {
		static const char *const options[] = { "getopt", "getopt[c]", "getopt[a]" };
		buf_add_format(&side->name, "%s(" SV_FMT ", \"ac:o\")", random_of(w->r, options, ARRAY_SIZE(options)), SV_ARG(name));
		return;
	}
	if (side->class == CLASS_STR && how == 6)
		buf_add_format(&side->name, "concat(" SV_FMT ", \"-\", process.name)", SV_ARG(name));
	else
		buf_add_format(&side->name, "join(\",\", " SV_FMT ", process.args)", SV_ARG(name));
	side->class = CLASS_STR;
	side->kind = KIND_STR;
}

static void make_side(struct writer *w, struct side *ret)
{
	any_field(w, ret);
	while ((ret->class == CLASS_STR || ret->class == CLASS_LIST) && ret->name.n < 200 && random_chance(w->r, 1, 8))
		wrap(w, ret);
	if (ret->class != CLASS_STR && ret->class != CLASS_LIST && random_chance(w->r, 1, 30)) {
		CLEANUP(buf_done) struct buf inner = ret->name;
		ret->name = (struct buf){ 0 };
		buf_add_format(&ret->name, "text(" SV_FMT ")", SV_ARG(buf_sv(&inner)));
		ret->class = CLASS_STR;
		ret->kind = KIND_STR;
	}
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static const struct operator *fitting_operator(struct writer *w, enum value_class class)
{
	for (;;) {
		const struct operator *op = operator_get((enum op_id)random_below(w->r, OP_COUNT));
		if (operator_fits(op, class))
			return op;
	}
}

static void add_right_side(struct writer *w, const struct side *left, const struct operator *op)
{
	static const char *const modifiers[] = { " oneof ", " anyof ", " allof " };
	if (op->values == OP_VALUES_NONE)
		return;
	buf_add_char(w->out, ' ');
	if ((op->form == OP_FORM_OWN) && (left->class == CLASS_STR || left->class == CLASS_LIST) && random_chance(w->r, 1, 12)) {
		static const char *const others[] = { "val(process.name)", "val(process.parent.name)", "val(process.args)", "basename(process.executable)",
						      "val(vedette.ancestors.name)", "val(process.executable)" };
		buf_add_z(w->out, random_of(w->r, others, ARRAY_SIZE(others)));
		return;
	}
	if (op->values == OP_VALUES_SET) {
		add_values(w, left, op);
	} else if (random_chance(w->r, 1, 4)) {
		buf_add_z(w->out, random_of(w->r, modifiers, ARRAY_SIZE(modifiers)));
		add_values(w, left, op);
	} else {
		add_value(w, left, op->form);
	}
}

static void add_test(struct writer *w)
{
	struct side left;
	bool is_ancestor = random_chance(w->r, 1, 20);
	if (is_ancestor) {
		left = (struct side){ .kind = KIND_STR, .class = CLASS_STR };
		buf_add_z(&left.name, random_chance(w->r, 1, 2) ? "process.name" : "process.executable");
		buf_add_z(w->out, "ancestor(");
	} else {
		make_side(w, &left);
	}
	CLEANUP(buf_done) struct buf name = left.name;
	const struct operator *op = fitting_operator(w, left.class);
	buf_add_sv(w->out, buf_sv(&name));
	if (left.class != CLASS_BOOL || is_ancestor || random_chance(w->r, 1, 2)) {
		buf_add_format(w->out, " %s", op->text);
		add_right_side(w, &left, op);
	}
	buf_add_z(w->out, is_ancestor ? ")" : "");
}

static void add_condition(struct writer *w, unsigned depth) /* depth falls to 0 */
{
	size_t how = random_below(w->r, depth ? 12 : 5);
	if (how < 5) {
		if (random_chance(w->r, 1, 25))
			buf_add_z(w->out, random_chance(w->r, 1, 2) ? "is_shell" : "is_odd");
		else if (random_chance(w->r, 1, 60))
			buf_add_z(w->out, random_chance(w->r, 1, 2) ? "true" : "false");
		else
			add_test(w);
		return;
	}
	if (how < 7) {
		buf_add_z(w->out, "not (");
		add_condition(w, depth - 1);
		buf_add_char(w->out, ')');
		return;
	}
	size_t n = 2 + random_below(w->r, 3);
	for (size_t i = 0; i < n; i++) {
		buf_add_z(w->out, i == 0 ? "(" : how < 10 ? ") and (" : ") or (");
		add_condition(w, depth - 1);
	}
	buf_add_char(w->out, ')');
}

/* --- rules ----------------------------------------------------------------------------------------------------------------- */

/* The same few kinds of events for most rules, so that rules and events meet. */
static const struct event_type *some_type(struct random *r)
{
	static const uint32_t common[] = { EVENT_PROC_EXEC, EVENT_FILE_OPEN, EVENT_FILE_OPEN, EVENT_NET_CONNECT };
	for (;;) {
		uint32_t number = random_chance(r, 5, 6) ? common[random_below(r, ARRAY_SIZE(common))] : (uint32_t)random_below(r, EVENT_NUMBERS);
		const struct event_type *type = event_type_by_number(number);
		if (type && type->name[0])
			return type;
	}
}

static void add_rule(struct random *r, size_t number, struct buf *out)
{
	struct writer w = { .r = r, .out = out, .n_types = random_chance(r, 4, 5) ? 1 : 1 + random_below(r, TYPES_MAX) };
	buf_reset(out);
	buf_add_format(out, "- rule: r%zu\n  severity: low\n  event: [", number);
	for (size_t i = 0; i < w.n_types; i++) {
		bool is_there = false;
		w.types[i] = some_type(r);
		for (size_t k = 0; k < i; k++)
			is_there |= w.types[k] == w.types[i];
		if (!is_there)
			buf_add_format(out, "%s%s", i ? ", " : "", w.types[i]->name);
	}
	buf_add_z(out, "]\n  when: |\n    ");
	add_condition(&w, 1 + (unsigned)random_below(r, DEPTH_MAX));
	if (random_chance(r, 1, 8)) {
		buf_add_z(out, "\n  exceptions:\n    - name: but-not\n      when: |\n        ");
		add_condition(&w, 2);
	}
	buf_add_char(out, '\n');
}

int random_rules_make(struct random *r, size_t n, struct random_rules *ret)
{
	struct random_rules rules = { .text = calloc(n, sizeof(*rules.text)), .n = n };
	if (!rules.text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		add_rule(r, i, &rules.text[i]);
	*ret = rules;
	return 0;
}

void random_rules_done(struct random_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		buf_done(&rules->text[i]);
	free(rules->text);
	*rules = (struct random_rules){ 0 };
}

int random_rules_change(struct random *r, struct random_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		if (random_chance(r, 1, 3))
			add_rule(r, i + 1000000 * (1 + random_below(r, 1000)), &rules->text[i]);
	return 0;
}

void random_rules_text(const struct random_rules *rules, const bool *wanted, struct buf *out)
{
	buf_add_z(out, head);
	for (size_t i = 0; i < rules->n; i++)
		if (!wanted || wanted[i])
			buf_add_sv(out, buf_sv(&rules->text[i]));
}

static size_t lines_of(struct strview text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Takes out the rules that errors of diag stand in. */
static size_t drop_refused(struct random_rules *rules, const struct diag *diag)
{
	size_t line = 1 + lines_of(SV(head)), kept = 0, dropped = 0;
	for (size_t i = 0; i < rules->n; i++) {
		size_t end = line + lines_of(buf_sv(&rules->text[i]));
		bool is_refused = false;
		for (size_t k = 0; k < diag->n; k++)
			is_refused |= diag->messages[k].level == DIAG_ERROR && diag->messages[k].line >= line && diag->messages[k].line < end;
		if (is_refused)
			buf_done(&rules->text[i]);
		else
			rules->text[kept++] = rules->text[i];
		dropped += is_refused;
		line = end;
	}
	rules->n = kept;
	return dropped;
}

int random_rules_load(struct random_rules *rules, struct ruleset **ret_set, size_t *ret_refused, struct diag *diag)
{
	*ret_refused = 0;
	for (int i = 0; i < LOAD_TRIES; i++) {
		CLEANUP(buf_done) struct buf text = { .max = 64 * 1024 * 1024 };
		diag_done(diag);
		*diag = (struct diag){ 0 };
		random_rules_text(rules, NULL, &text);
		int err = buf_error(&text) ? buf_error(&text) : ruleset_load_text("random.yaml", buf_sv(&text), ret_set, diag);
		if (!err)
			return 0;
		size_t dropped = drop_refused(rules, diag);
		*ret_refused += dropped;
		if (!dropped)
			return err;
	}
	return -EINVAL;
}
