/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of rules and the strings in them. */
#include "benchmarks/ruletext.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/event.h"

enum {
	LOOSE = 16,        /* of a hundred rules on execs, those that a benign command raises now and then */
	COMMON_TOOLS = 60, /* the programs that those are about */
};

struct maker {
	const struct words *w;
	struct random r;
	struct made_rule *rule;
};

/* --- strings --------------------------------------------------------------------------------------------------------------- */

#define PUT(out, ...) ((void)snprintf(out, STRING_MAX, __VA_ARGS__)) /* cut to what fits: any text does */

static const char *any_tool(struct maker *m)
{
	/* rules speak of programs that people know */
	return m->w->tool[random_chance(&m->r, 7, 10) ? random_below(&m->r, 150) : random_below(&m->r, TOOLS)];
}

/* What is looked for in a command line: 15 to 17 bytes on the average. */
static void command_text(struct maker *m, char *out)
{
	const char *a = word_any(m->w, &m->r), *b = word_any(m->w, &m->r), *c = word_any(m->w, &m->r);
	switch (random_below(&m->r, 12)) {
	case 0:
		PUT(out, "--%s-%s=", a, b);
		return;
	case 1:
		PUT(out, "/%s/%s.sh", a, b);
		return;
	case 2:
		PUT(out, "%s=%s;%s", a, b, c);
		return;
	case 3:
		PUT(out, "/dev/tcp/%s.%s", a, b);
		return;
	case 4:
		PUT(out, "| %s -%c", any_tool(m), 'a' + (int)random_below(&m->r, 26));
		return;
	case 5:
		PUT(out, "/etc/%s/%s.conf", a, b);
		return;
	case 6:
		PUT(out, "%s.%s.com", a, b);
		return;
	case 7:
		PUT(out, "%s(%s,'%s", a, b, c);
		return;
	case 8:
		PUT(out, " %s --%s", a, b);
		return;
	case 9:
		PUT(out, "/tmp/.%s/%s", a, b);
		return;
	case 10:
		PUT(out, " --%s", word_common(m->w, &m->r));
		return;
	default:
		PUT(out, "/%s/%s/%s", a, b, c);
		return;
	}
}

/* A short text that says little by itself. */
static void weak_text(struct maker *m, char *out)
{
	switch (random_below(&m->r, 4)) {
	case 0:
		PUT(out, " -%c ", 'a' + (int)random_below(&m->r, 26));
		return;
	case 1:
		PUT(out, " --%s", word_common(m->w, &m->r));
		return;
	case 2:
		PUT(out, "/%s", word_common(m->w, &m->r));
		return;
	default:
		PUT(out, ".%s", word_common(m->w, &m->r));
		return;
	}
}

static void path_text(struct maker *m, char *out)
{
	static const char *const roots[] = { "/etc", "/usr/lib", "/var/lib", "/root", "/home/user", "/opt", "/var/spool", "/boot" };
	const char *root = roots[random_below(&m->r, ARRAY_SIZE(roots))];
	if (random_chance(&m->r, 1, 2))
		PUT(out, "%s/%s", root, word_any(m->w, &m->r));
	else
		PUT(out, "%s/%s/%s", root, word_any(m->w, &m->r), word_any(m->w, &m->r));
}

/* --- clauses --------------------------------------------------------------------------------------------------------------- */

static struct clause *add_clause(struct maker *m, const char *field, const char *op, enum clause_how how)
{
	struct clause *c = &m->rule->clause[m->rule->n++];
	*c = (struct clause){ .field = field, .op = op, .how = how, .has_words = true };
	return c;
}

static void add_executable(struct maker *m, const char *field, size_t n)
{
	struct clause *c = add_clause(m, field, "endswith", n > 1 ? HOW_ANY : HOW_ONE);
	for (; c->n < n; c->n++)
		PUT(c->text[c->n], "/%s", any_tool(m));
}

static void add_commands(struct maker *m, enum clause_how how, size_t n)
{
	struct clause *c = add_clause(m, "process.command_line", "contains", n > 1 ? how : HOW_ONE);
	for (; c->n < n; c->n++)
		command_text(m, c->text[c->n]);
}

static struct clause *add_names(struct maker *m, const char *field, size_t n)
{
	struct clause *c = add_clause(m, field, "in", HOW_SET);
	for (; c->n < n; c->n++)
		PUT(c->text[c->n], "%.15s", any_tool(m));
	return c;
}

static void add_not_names(struct maker *m, size_t n)
{
	add_names(m, random_chance(&m->r, 1, 2) ? "process.name" : "process.parent.name", n)->is_negated = true;
}

static void add_container(struct maker *m)
{
	struct clause *c = add_clause(m, "container.id", "exists", HOW_BARE);
	c->has_words = false;
}

/* --- shapes ---------------------------------------------------------------------------------------------------------------- */

static void make_exec(struct maker *m)
{
	size_t shape = random_below(&m->r, 100), few = 1 + random_below(&m->r, 3);
	m->rule->event = EVENT_PROC_EXEC;
	if (shape < LOOSE) { /* what ordinary commands come near to */
		struct clause *c = add_clause(m, "process.executable", "endswith", HOW_ONE);
		PUT(c->text[c->n++], "/%s", m->w->tool[random_below(&m->r, COMMON_TOOLS)]);
		c->is_common = true;
		c = add_clause(m, "process.command_line", "contains", HOW_ANY);
		c->is_common = true;
		for (; c->n < 1 + few; c->n++)
			weak_text(m, c->text[c->n]);
	} else if (shape < 35) { /* a program and what it is told */
		add_executable(m, "process.executable", 1);
		add_commands(m, HOW_ALL, few);
	} else if (shape < 55) {
		add_executable(m, "process.executable", few);
		add_commands(m, HOW_ANY, 3 + random_below(&m->r, 7));
	} else if (shape < 65) {
		add_commands(m, HOW_ALL, 1 + few);
	} else if (shape < 73) { /* who starts what */
		add_executable(m, "process.parent.executable", 1 + few);
		add_executable(m, "process.executable", 1 + few);
		add_commands(m, HOW_ANY, 1 + few);
	} else if (shape < 83) {
		add_executable(m, "process.executable", 1);
		add_commands(m, HOW_ANY, few);
		struct clause *c = add_clause(m, "process.command_line", "contains", HOW_ONE);
		c->is_negated = random_chance(&m->r, 2, 3);
		weak_text(m, c->text[c->n++]);
	} else if (shape < 95) { /* names, containers and exceptions */
		if (random_chance(&m->r, 1, 2))
			add_container(m);
		add_names(m, "process.name", 2 + random_below(&m->r, 8));
		add_commands(m, HOW_ANY, 2 + few);
		add_not_names(m, 1 + random_below(&m->r, 6));
	} else if (shape < 98) {
		struct clause *c = add_clause(m, "process.command_line", "regex", HOW_ONE);
		PUT(c->text[c->n++], ".*%s[ =][0-9a-z./]+%s.*", word_any(m->w, &m->r), word_any(m->w, &m->r));
		add_executable(m, "process.executable", 1);
	} else { /* an ancestor */
		struct clause *c = add_clause(m, "vedette.ancestors.name", "intersects", HOW_SET);
		PUT(c->text[c->n++], "%.15s", any_tool(m));
		add_executable(m, "process.executable", few);
		add_commands(m, HOW_ANY, 1 + few);
	}
}

static void add_flag(struct maker *m, const char *field)
{
	struct clause *c = add_clause(m, field, "", HOW_BARE);
	c->has_words = false;
}

static void make_open(struct maker *m)
{
	m->rule->event = EVENT_FILE_OPEN;
	size_t shape = random_below(&m->r, 100), n = 1 + random_below(&m->r, 6);
	add_flag(m, random_chance(&m->r, 2, 3) ? "file.open.write" : "file.open.read");
	struct clause *c;
	if (shape < 35) {
		c = add_clause(m, "file.path", "startswith", n > 1 ? HOW_ANY : HOW_ONE);
		for (; c->n < n; c->n++)
			path_text(m, c->text[c->n]);
	} else if (shape < 55) {
		c = add_clause(m, "file.path", "in", HOW_SET);
		for (; c->n < n; c->n++)
			path_text(m, c->text[c->n]);
	} else if (shape < 75) {
		c = add_clause(m, "file.name", "in", HOW_SET);
		for (; c->n < n; c->n++)
			PUT(c->text[c->n], "%s.%s", word_any(m->w, &m->r), word_any(m->w, &m->r));
	} else if (shape < 90) {
		c = add_clause(m, "file.path", "contains", HOW_ONE);
		PUT(c->text[c->n++], "/.%s/%s", word_any(m->w, &m->r), word_any(m->w, &m->r));
	} else {
		c = add_clause(m, "file.path", "endswith", HOW_ONE);
		PUT(c->text[c->n++], "/%s.%s", word_any(m->w, &m->r), word_common(m->w, &m->r));
	}
	if (random_chance(&m->r, 1, 3))
		add_container(m);
	add_not_names(m, 1 + random_below(&m->r, 8));
}

static void make_connect(struct maker *m)
{
	m->rule->event = EVENT_NET_CONNECT;
	if (random_chance(&m->r, 1, 2)) {
		struct clause *c = add_clause(m, "destination.port", "in", HOW_SET);
		c->has_words = false;
		for (; c->n < 1 + random_below(&m->r, 4); c->n++)
			PUT(c->text[c->n], "%zu", 1024 + random_below(&m->r, 60000));
	} else {
		struct clause *c = add_clause(m, "destination.ip", "=", HOW_ONE);
		c->has_words = false;
		PUT(c->text[c->n++], "203.0.%zu.0/24", random_below(&m->r, 200));
	}
	add_executable(m, "process.executable", 1 + random_below(&m->r, 4));
}

static void make_other(struct maker *m)
{
	static const uint32_t events[] = { EVENT_FILE_DELETE, EVENT_FILE_RENAME, EVENT_FILE_CHMOD, EVENT_FILE_MKDIR };
	m->rule->event = events[random_below(&m->r, ARRAY_SIZE(events))];
	struct clause *c = add_clause(m, "file.path", "startswith", HOW_ANY);
	for (size_t n = 2 + random_below(&m->r, 3); c->n < n; c->n++)
		path_text(m, c->text[c->n]);
	add_not_names(m, 2 + random_below(&m->r, 4));
}

static void make_base(struct maker *m)
{
	size_t shape = random_below(&m->r, 1000);
	if (shape < 830)
		make_exec(m);
	else if (shape < 940)
		make_open(m);
	else if (shape < 965)
		make_connect(m);
	else
		make_other(m);
}

/* --- mutants --------------------------------------------------------------------------------------------------------------- */

/* Every run of three letters or more becomes another word; what stands in between stays. */
static void other_words(struct maker *m, char *text, bool is_common)
{
	char out[STRING_MAX + WORD_MAX];
	size_t n = 0;
	for (const char *p = text; *p && n < STRING_MAX - 1;) {
		size_t letters = strspn(p, "abcdefghijklmnopqrstuvwxyz");
		const char *from = letters < 3 ? p : is_common ? word_common(m->w, &m->r) : word_any(m->w, &m->r);
		size_t length = letters < 3 ? MAX(letters, (size_t)1) : strlen(from);
		memcpy(out + n, from, length);
		n += length;
		p += MAX(letters, (size_t)1);
	}
	n = MIN(n, (size_t)STRING_MAX - 1);
	memcpy(text, out, n);
	text[n] = '\0';
}

static void make_mutant(struct maker *m, const struct made_rule *base)
{
	*m->rule = *base;
	for (size_t i = 0; i < m->rule->n; i++) {
		struct clause *c = &m->rule->clause[i];
		bool is_program = strstr(c->field, "executable") || strstr(c->field, "process.name") || strstr(c->field, "parent.name") || strstr(c->field, "ancestors");
		for (size_t k = 0; c->has_words && k < c->n; k++) {
			if (random_chance(&m->r, 3, 10))
				continue;
			if (is_program)
				PUT(c->text[k], "%s%.15s", c->text[k][0] == '/' ? "/" : "", c->is_common ? m->w->tool[random_below(&m->r, COMMON_TOOLS)] : any_tool(m));
			else
				other_words(m, c->text[k], c->is_common);
		}
	}
}

int made_rules_new(const struct words *w, size_t n, struct made_rules *ret)
{
	struct maker m = { .w = w, .r = { 2718281828 } };
	struct made_rules rules = { .rule = calloc(MAX(n, (size_t)BASE_RULES), sizeof(*rules.rule)), .n = n };
	if (!rules.rule)
		return -ENOMEM;
	for (size_t i = 0; i < BASE_RULES; i++) {
		m.rule = &rules.rule[i];
		make_base(&m);
	}
	/* a part of the base: what is drawn is moved to the front */
	for (size_t i = 0; i < n && n < BASE_RULES; i++) {
		size_t k = i + random_below(&m.r, BASE_RULES - i);
		struct made_rule one = rules.rule[i];
		rules.rule[i] = rules.rule[k];
		rules.rule[k] = one;
	}
	for (size_t i = BASE_RULES; i < n; i++) {
		m.rule = &rules.rule[i];
		make_mutant(&m, &rules.rule[random_below(&m.r, BASE_RULES)]);
	}
	*ret = rules;
	return 0;
}

void made_rules_done(struct made_rules *rules)
{
	free(rules->rule);
	*rules = (struct made_rules){ 0 };
}

/* --- as text --------------------------------------------------------------------------------------------------------------- */

static void add_texts(struct buf *out, const struct clause *c)
{
	for (size_t i = 0; i < c->n; i++)
		buf_add_format(out, "%s\"%s\"", i ? ", " : "", c->text[i]);
}

static void add_clause_text(struct buf *out, const struct clause *c)
{
	static const char *const open[] = { [HOW_ONE] = " ", [HOW_ANY] = " anyof (", [HOW_ALL] = " allof (", [HOW_SET] = " (", [HOW_BARE] = "" };
	buf_add_format(out, "%s%s%s%s%s", c->is_negated ? "not " : "", c->field, c->op[0] ? " " : "", c->op, open[c->how]);
	add_texts(out, c);
	buf_add_z(out, c->how == HOW_ONE || c->how == HOW_BARE ? "" : ")");
}

void made_rules_text(const struct made_rules *rules, struct buf *out)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct made_rule *rule = &rules->rule[i];
		buf_add_format(out, "- rule: r%zu\n  severity: low\n  event: %s\n  when: >\n    ", i, event_type_by_number(rule->event)->name);
		for (size_t k = 0; k < rule->n; k++) {
			buf_add_z(out, k ? " and " : "");
			add_clause_text(out, &rule->clause[k]);
		}
		buf_add_char(out, '\n');
	}
}
