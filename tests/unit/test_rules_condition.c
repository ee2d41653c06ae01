/* SPDX-License-Identifier: Apache-2.0 */
/* The language of conditions: what holds, what is refused and where, on a fixed event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/condition.h"

/* --- a rule around a condition ------------------------------------------------------------------------------------------------ */

static const char names_of_file[] =
	"- {list: readers, items: [/usr/bin/cat, more_readers]}\n"
	"- {list: more_readers, items: [/usr/bin/tac, \"quoted name\"]}\n"
	"- {list: none, items: []}\n"
	"- {macro: reads_shadow, when: \"file.path = /etc/shadow and file.open.read\"}\n"
	"- {macro: nested-one, when: not reads_shadow or false}\n";

static int load_condition(const char *events, const char *condition, struct ruleset **ret, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, names_of_file);
	buf_add_format(&text, "- rule: r\n  severity: low\n  event: [%s]\n  when: |\n    ", events);
	for (const char *c = condition; *c; c++) {
		buf_add_char(&text, *c);
		if (*c == '\n')
			buf_add_z(&text, "    ");
	}
	buf_add_char(&text, '\n');
	assert_int_equal(buf_error(&text), 0);
	return ruleset_load_text("t.yaml", buf_sv(&text), ret, diag);
}

struct given {
	const char *field, *value; /* several items: separated by | */
};

static void set_fields(struct event_builder *b, const struct given *fields, size_t n)
{
	for (size_t i = 0; i < n && fields[i].field; i++) {
		struct strview items[16];
		size_t count = 0;
		const char *from = fields[i].value;
		for (const char *bar; (bar = strchr(from, '|')) != NULL; from = bar + 1)
			items[count++] = (struct strview){ from, (size_t)(bar - from) };
		items[count++] = sv_from(from);
		if (event_builder_set(b, sv_from(fields[i].field), items, count))
			fail_msg("cannot set %s", fields[i].field);
	}
}

static const struct given open_event[] = {
	{ "file.path", "/etc/shadow" },
	{ "file.open.read", "true" },
	{ "file.open.flags", "O_TRUNC|O_CREAT" },
	{ "file.mode", "0104755" },
	{ "file.device", "8:17" },
	{ "process.executable", "/usr/bin/cat" },
	{ "process.name", "cat" },
	{ "process.parent.name", "cat" },
	{ "process.args", "cat|-n|/etc/shadow|--b=c" },
	{ "process.pid", "42" },
	{ "process.parent.pid", "41" },
	{ "process.entity_id", "0000000000000abc" },
	{ "vedette.result", "-3" },
	{ "vedette.ancestors.executable", "/usr/bin/bash|/usr/sbin/sshd" },
	{ "vedette.ancestors.name", "bash|sshd" },
	{ "process.parent.executable", "/usr/bin/bash" },
	{ "vedette.stage", "completed" },
	{ "user.name", "L3Vzci9iaW4vY2F0" },
	{ "container.id", "" },
};
static const struct given connect_event[] = {
	{ "destination.ip", "10.1.2.3" },
	{ "source.ip", "2001:db8::1" },
	{ "destination.port", "443" },
	{ "network.transport", "tcp" },
	{ "process.name", "curl" },
};

static bool holds_on(const char *condition, uint32_t number, const struct given *fields, size_t n)
{
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	char line[1200] = "";
	if (load_condition(event_type_by_number(number)->name, condition, &set, &diag)) {
		diag_format(&diag.messages[0], line, sizeof(line));
		fail_msg("'%s' is refused: %s", condition, line);
	}
	struct event ev;
	struct matches m;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(number));
	set_fields(b, fields, n);
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	return m.n == 1;
}

struct truth {
	bool holds;
	const char *condition;
};

static void expect_on_open(const struct truth *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (holds_on(cases[i].condition, EVENT_FILE_OPEN, open_event, ARRAY_SIZE(open_event)) != cases[i].holds)
			fail_msg("should %shold: %s", cases[i].holds ? "" : "not ", cases[i].condition);
}

static void expect_on_connect(const struct truth *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (holds_on(cases[i].condition, EVENT_NET_CONNECT, connect_event, ARRAY_SIZE(connect_event)) != cases[i].holds)
			fail_msg("should %shold: %s", cases[i].holds ? "" : "not ", cases[i].condition);
}

/* --- grammar ------------------------------------------------------------------------------------------------------------------ */

static void not_binds_before_and_before_or(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ true, "true" },
		{ false, "false" },
		{ true, "true or true and false" },
		{ true, "true or (true and false)" },
		{ false, "(true or true) and false" },
		{ true, "false and false or true" },
		{ false, "false and (false or true)" },
		{ true, "not false and true" },
		{ false, "not (false or true)" },
		{ true, "not false or true" },
		{ false, "not true or false" },
		{ true, "not not true" },
		{ false, "not not not true" },
		{ true, "not(false)" },
		{ true, "not (not (true))and(true)or(false)" },
		{ true, "file.open.read and not file.open.write" },
		{ true, "reads_shadow" },
		{ false, "not reads_shadow" },
		{ false, "nested-one" },
		{ true, "not nested-one and reads_shadow" },
		{ true, "file.path=/etc/shadow" },
		{ true, "file.path\n=\t/etc/shadow\nand\nprocess.pid>=42" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

static void values_are_quoted_bare_or_lists(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ true, "file.path = \"/etc/shadow\"" },
		{ true, "file.path = '/etc/shadow'" },
		{ true, "file.path = \"\\x2fetc\\/shadow\"" },
		{ false, "file.path = '/etc/sha\\\\dow'" },
		{ true, "process.executable in readers" },
		{ true, "process.executable in (readers)" },
		{ true, "process.executable in (/x, readers)" },
		{ false, "process.executable in (\"readers\")" },
		{ false, "process.executable in (more_readers, /x)" },
		{ false, "process.executable in ()" },
		{ false, "process.executable in (none)" },
		{ true, "not process.executable in none" },
		{ true, "file.path startswith anyof (/usr, /etc)" },
		{ false, "file.path startswith anyof (/usr, /bin)" },
		{ true, "file.path contains allof (etc, shadow)" },
		{ false, "file.path contains allof (etc, passwd)" },
		{ true, "file.path contains oneof (etc, passwd)" },
		{ false, "file.path contains oneof (etc, shadow)" },
		{ false, "file.path contains oneof (a1, b1)" },
		{ true, "process.args contains allof (shadow, \"b=\")" },
		{ false, "file.path startswith allof none" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

/* --- operators ---------------------------------------------------------------------------------------------------------------- */

/* For every operator and class that fit: one test that holds and one that does not. */
static const struct {
	enum value_class class;
	const char *op, *holds, *fails;
} operator_cases[] = {
	{ CLASS_UINT, "=", "process.pid = 42", "process.pid = 43" },
	{ CLASS_UINT, "==", "process.pid == 0x2a", "process.pid == 0" },
	{ CLASS_UINT, "!=", "process.pid != 052 or process.pid != 41", "process.pid != 42" },
	{ CLASS_UINT, "<", "process.pid < 43", "process.pid < 42" },
	{ CLASS_UINT, "<=", "process.pid <= 42", "process.pid <= 41" },
	{ CLASS_UINT, ">", "process.pid > 41", "process.pid > 42" },
	{ CLASS_UINT, ">=", "process.pid >= 42", "process.pid >= 43" },
	{ CLASS_UINT, "in", "process.pid in (1, 42)", "process.pid in (1, 2)" },
	{ CLASS_UINT, "intersects", "process.pid intersects (1, 42)", "process.pid intersects (1)" },
	{ CLASS_UINT, "exists", "process.pid exists", "user.audit.id exists" },
	{ CLASS_SINT, "=", "vedette.result = -3", "vedette.result = 3" },
	{ CLASS_SINT, "==", "vedette.result == -3", "vedette.result == 0" },
	{ CLASS_SINT, "!=", "vedette.result != 3", "vedette.result != -3" },
	{ CLASS_SINT, "<", "vedette.result < 0", "vedette.result < -3" },
	{ CLASS_SINT, "<=", "vedette.result <= -3", "vedette.result <= -4" },
	{ CLASS_SINT, ">", "vedette.result > -4", "vedette.result > -3" },
	{ CLASS_SINT, ">=", "vedette.result >= -3", "vedette.result >= 0" },
	{ CLASS_SINT, "in", "vedette.result in (-3)", "vedette.result in (3, 0)" },
	{ CLASS_SINT, "intersects", "vedette.result intersects (-3)", "vedette.result intersects (3)" },
	{ CLASS_SINT, "exists", "vedette.result exists", "not vedette.result exists" },
	{ CLASS_BOOL, "=", "file.open.read = true", "file.open.read = false" },
	{ CLASS_BOOL, "==", "file.open.write == false", "file.open.write == true" },
	{ CLASS_BOOL, "!=", "file.open.write != true", "file.open.write != false" },
	{ CLASS_BOOL, "in", "file.open.read in (true, false)", "file.open.read in (false)" },
	{ CLASS_BOOL, "intersects", "file.open.read intersects (true)", "file.open.read intersects (false)" },
	{ CLASS_BOOL, "exists", "file.open.write exists", "process.interactive exists" },
	{ CLASS_STR, "=", "process.name = cat", "process.name = ca" },
	{ CLASS_STR, "==", "process.name == cat", "process.name == Cat" },
	{ CLASS_STR, "!=", "process.name != ca", "process.name != cat" },
	{ CLASS_STR, "in", "process.name in (dog, cat)", "process.name in (dog, catt)" },
	{ CLASS_STR, "intersects", "process.name intersects (dog, cat)", "process.name intersects (dog)" },
	{ CLASS_STR, "pmatch", "file.path pmatch (/usr, /etc)", "file.path pmatch (/et, /etc/shadow/x, etc)" },
	{ CLASS_STR, "contains", "file.path contains c/s", "file.path contains C/S" },
	{ CLASS_STR, "icontains", "file.path icontains C/S", "file.path icontains C/T" },
	{ CLASS_STR, "bcontains", "file.path bcontains 632f73", "file.path bcontains 632f74" },
	{ CLASS_STR, "startswith", "file.path startswith /etc/", "file.path startswith etc" },
	{ CLASS_STR, "bstartswith", "file.path bstartswith 2F65", "file.path bstartswith 65" },
	{ CLASS_STR, "endswith", "file.path endswith dow", "file.path endswith doW" },
	{ CLASS_STR, "glob", "file.path glob \"/e?c/*[a-z]\"", "file.path glob \"/e?c/*[!a-z]\"" },
	{ CLASS_STR, "iglob", "file.path iglob /ETC/*", "file.path iglob /ETC" },
	{ CLASS_STR, "regex", "file.path regex \"/etc/(shadow|passwd)\"", "file.path regex etc/shadow" },
	{ CLASS_STR, "iequals", "file.path iequals /ETC/Shadow", "file.path iequals /ETC/Shado" },
	{ CLASS_STR, "iin", "file.path iin (/x, /ETC/shaDOW)", "file.path iin (/x, /ETC/shadow/)" },
	{ CLASS_STR, "istartswith", "file.path istartswith /Etc/", "file.path istartswith Etc" },
	{ CLASS_STR, "iendswith", "file.path iendswith DOW", "file.path iendswith DO" },
	{ CLASS_STR, "search", "file.path search \"c/s.*w$\"", "file.path search C/S" },
	{ CLASS_STR, "exists", "container.id exists", "process.tty.name exists" },
	{ CLASS_LIST, "=", "process.args = -n", "process.args = -m" },
	{ CLASS_LIST, "==", "process.args == cat", "process.args == ca" },
	{ CLASS_LIST, "!=", "process.args != -m", "process.args != -n" },
	{ CLASS_LIST, "in", "process.args in (cat, -n, /etc/shadow, \"--b=c\", x)", "process.args in (cat, -n)" },
	{ CLASS_LIST, "intersects", "process.args intersects (-n, -m)", "process.args intersects (-m)" },
	{ CLASS_LIST, "pmatch", "process.args pmatch (/etc)", "process.args pmatch (/usr)" },
	{ CLASS_LIST, "contains", "process.args contains hado", "process.args contains \"cat -n\"" },
	{ CLASS_LIST, "icontains", "process.args icontains HADO", "process.args icontains HADOX" },
	{ CLASS_LIST, "bcontains", "process.args bcontains 2d6e", "process.args bcontains 2d6f" },
	{ CLASS_LIST, "startswith", "process.args startswith /etc", "process.args startswith etc" },
	{ CLASS_LIST, "bstartswith", "process.args bstartswith 2d2d", "process.args bstartswith 2d2d2d" },
	{ CLASS_LIST, "endswith", "process.args endswith shadow", "process.args endswith passwd" },
	{ CLASS_LIST, "glob", "process.args glob --b*", "process.args glob b*" },
	{ CLASS_LIST, "iglob", "process.args iglob --B*", "process.args iglob B*" },
	{ CLASS_LIST, "regex", "process.args regex \"-[nm]\"", "process.args regex \"[nm]\"" },
	{ CLASS_LIST, "iequals", "process.args iequals CAT", "process.args iequals CA" },
	{ CLASS_LIST, "iin", "process.args iin (Cat, -N, /etc/Shadow, \"--B=c\", x)", "process.args iin (Cat, -N)" },
	{ CLASS_LIST, "istartswith", "process.args istartswith /ETC", "process.args istartswith ETC" },
	{ CLASS_LIST, "iendswith", "process.args iendswith SHADOW", "process.args iendswith PASSWD" },
	{ CLASS_LIST, "search", "process.args search \"^-[nm]$\"", "process.args search \"cat -n\"" },
	{ CLASS_LIST, "exists", "process.args exists", "process.parent.args exists" },
	{ CLASS_ENUM, "=", "vedette.stage = completed", "vedette.stage = attempt" },
	{ CLASS_ENUM, "==", "vedette.stage == 1", "vedette.stage == 0" },
	{ CLASS_ENUM, "!=", "vedette.stage != attempt", "vedette.stage != completed" },
	{ CLASS_ENUM, "in", "vedette.stage in (attempt, completed)", "vedette.stage in (attempt)" },
	{ CLASS_ENUM, "intersects", "vedette.stage intersects (completed)", "vedette.stage intersects (attempt)" },
	{ CLASS_ENUM, "exists", "vedette.stage exists", "vedette.errno exists" },
	{ CLASS_FLAGS, "in", "file.open.flags in (O_CREAT, O_TRUNC, O_EXCL)", "file.open.flags in (O_CREAT)" },
	{ CLASS_FLAGS, "intersects", "file.open.flags intersects (O_CREAT, O_EXCL)", "file.open.flags intersects (O_EXCL)" },
	{ CLASS_FLAGS, "exists", "file.open.flags exists", "vedette.truncated exists" },
	{ CLASS_IP, "=", "destination.ip = 10.1.2.3", "destination.ip = 10.1.2.4" },
	{ CLASS_IP, "==", "destination.ip == 10.0.0.0/8", "destination.ip == 11.0.0.0/8" },
	{ CLASS_IP, "!=", "destination.ip != 10.1.2.0/31", "destination.ip != 10.1.2.2/31" },
	{ CLASS_IP, "in", "destination.ip in (192.0.2.1, 10.1.0.0/16)", "destination.ip in (192.0.2.1, ::/0)" },
	{ CLASS_IP, "intersects", "source.ip intersects (2001:db8::/33)", "source.ip intersects (0.0.0.0/0, 2001:db8:8000::/33)" },
	{ CLASS_IP, "exists", "source.ip exists", "not source.ip exists" },
};

static void every_operator_holds_and_fails_on_every_class_it_fits(void **state)
{
	(void)state;
	bool seen[OP_COUNT][CLASS_FLAGS + 1] = { { false } };
	for (size_t i = 0; i < ARRAY_SIZE(operator_cases); i++) {
		const struct operator *op = operator_find(sv_from(operator_cases[i].op));
		assert_non_null(op);
		seen[op->id][operator_cases[i].class] = true;
		const struct truth both[] = { { true, operator_cases[i].holds }, { false, operator_cases[i].fails } };
		if (operator_cases[i].class == CLASS_IP)
			expect_on_connect(both, 2);
		else
			expect_on_open(both, 2);
	}
	for (int op = 0; op < OP_COUNT; op++)
		for (int class = 0; class <= CLASS_FLAGS; class++)
			if (operator_fits(operator_get((enum op_id)op), (enum value_class)class) != seen[op][class])
				fail_msg("operator '%s': class %d is %s here", operator_get((enum op_id)op)->text, class, seen[op][class] ? "tested and does not fit" : "not tested");
}

static void operators_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum value_class class;
		const char *field, *value;
	} samples[] = {
		{ CLASS_UINT, "process.pid", "1" },        { CLASS_SINT, "vedette.result", "1" },     { CLASS_BOOL, "file.open.read", "true" },
		{ CLASS_STR, "file.path", "/00" },         { CLASS_LIST, "process.args", "00" },      { CLASS_IP, "destination.ip", "192.0.2.1" },
		{ CLASS_ENUM, "vedette.stage", "attempt" }, { CLASS_FLAGS, "file.open.flags", "O_EXCL" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		for (int k = 0; k < OP_COUNT; k++) {
			const struct operator *op = operator_get((enum op_id)k);
			CLEANUP(ruleset_free) struct ruleset *set = NULL;
			CLEANUP(diag_done) struct diag diag = { 0 };
			char condition[128];
			const char *value = op->values == OP_VALUES_NONE ? "" : op->form == OP_FORM_HEX ? "00" : samples[i].value;
			snprintf(condition, sizeof(condition), op->values == OP_VALUES_SET ? "%s %s (%s)" : "%s %s %s", samples[i].field, op->text, value);
			bool is_taken = load_condition("file.open, network.connect", condition, &set, &diag) == 0;
			if (is_taken != operator_fits(op, samples[i].class))
				fail_msg("%s: '%s'", is_taken ? "accepted" : "refused", condition);
			if (!is_taken && !strstr(diag.messages[0].text, "does not fit"))
				fail_msg("'%s': %s", condition, diag.messages[0].text);
		}
	}
}

static void transformers_and_fields_may_stand_on_both_sides(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ true, "basename(process.executable) = cat" },
		{ true, "process.name = basename(process.executable)" },
		{ true, "process.name = val(process.parent.name)" },
		{ false, "process.name != val(process.parent.name)" },
		{ true, "process.pid > val(process.parent.pid)" },
		{ false, "process.pid = val(process.parent.pid)" },
		{ true, "process.name in val(process.args)" },
		{ false, "process.parent.executable in val(process.args)" },
		{ true, "process.args intersects val(process.args)" },
		{ true, "process.executable endswith val(process.name)" },
		{ true, "toupper(process.name) = CAT" },
		{ true, "tolower(toupper(process.args)) = -n" },
		{ true, "len(process.name) = 3 and len(process.args) = 4" },
		{ true, "text(process.pid) exists and text(vedette.stage) = completed and text(file.open.read) = true" },
		{ true, "text(process.args) = \"cat -n /etc/shadow --b=c\" and text(process.name) = cat" },
		{ true, "text(file.open.flags) contains O_CREAT" },
		{ false, "text(process.tty.name) exists" },
		{ true, "not destination.domain exists and not sigma.Anything exists" },
		{ false, "sigma.Anything iequals x or destination.domain endswith x" },
		{ true, "b64(user.name) = /usr/bin/cat" },
		{ true, "b64(user.name) = val(process.executable)" },
		{ false, "b64(process.parent.executable) exists" },
		{ true, "concat(process.name, \"-\", process.name) = cat-cat" },
		{ false, "concat(process.name, process.tty.name) exists" },
		{ true, "join(\" \", process.args) = \"cat -n /etc/shadow --b=c\"" },
		{ true, "join(\"+\", process.name, process.name) = cat+cat" },
		{ true, "getopt(process.args, \"n\") = n" },
		{ false, "getopt(process.args, \"m\") exists" },
		{ true, "getopt[n](process.args, \"n:\") = /etc/shadow" },
		{ true, "tolower(process.tty.name) != x or true" },
		{ false, "tolower(process.tty.name) != x" },
		{ true, "ancestor(process.executable in (/usr/sbin/sshd, /x))" },
		{ true, "ancestor(process.executable = /usr/sbin/sshd)" },
		{ false, "ancestor(process.executable = /usr/bin/cat)" },
		{ true, "ancestor(process.name startswith ssh)" },
		{ true, "ancestor(process.name != bash)" },
		{ true, "ancestor(process.name iin (SSHD, x))" },
		{ false, "ancestor(process.name iin (SSH, x))" },
		{ true, "ancestor(process.name search ^ss)" },
		{ false, "not ancestor(process.name regex \".*sh.*\")" },
		{ true, "ancestor(process.name exists)" },
		{ true, "ancestor(process.executable pmatch (/usr/sbin))" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

static void numbers_take_the_form_of_their_field(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ true, "file.mode = 04755" },
		{ true, "file.mode = 0x9ed" },
		{ true, "file.mode >= 04000" },
		{ true, "process.entity_id = 0000000000000abc" },
		{ true, "process.entity_id = 0xabc" },
		{ true, "file.device = 8:17" },
		{ true, "file.device = 8388625" },
		{ false, "file.device = 8:18" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

/* --- values that are not there, or not whole ------------------------------------------------------------------------------------ */

static void missing_fields_make_every_test_false(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ false, "process.tty.name = x" },
		{ false, "process.tty.name != x" },
		{ true, "not process.tty.name = x" },
		{ true, "not process.tty.name != x" },
		{ false, "process.tty.name in (x)" },
		{ false, "process.tty.name glob *" },
		{ false, "process.tty.name regex \".*\"" },
		{ false, "user.audit.id != 5" },
		{ false, "process.parent.args != x" },
		{ false, "process.name = val(process.tty.name)" },
		{ false, "process.interactive" },
		{ true, "not process.interactive" },
		{ true, "container.id = \"\"" },
		{ false, "ancestor(process.name = x) or process.parent.args in (x)" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

/* A field of another of the rule's events is missing; so is every item of an empty list. */
static void fields_of_other_events_and_empty_lists_are_missing(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(load_condition("file.open, process.exec", "not vedette.exec.script exists and not process.args exists", &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set(b, SV("process.args"), NULL, 0), 0);
	struct event ev;
	struct matches m;
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 1);
	event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 0);
}

static void what_is_cut_short_buys_no_exception(void **state)
{
	(void)state;
	static const struct {
		bool holds;
		const char *flag, *what; /* vedette.truncated or vedette.uncertain, and the field it names */
		uint32_t event;
		const char *condition;
	} cases[] = {
		{ false, NULL, NULL, EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.uncertain", "file.path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ false, "vedette.truncated", "vedette.file.fs_path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (file.path startswith /etc and true)" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (file.path != /x)" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (not file.path startswith /etc)" },
		{ false, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.path exists" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.name = shadow" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not tolower(file.directory) = /etc" },
		{ true, "vedette.truncated", "process.args", EVENT_FILE_OPEN, "not process.command_line contains cat" },
		{ false, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not process.executable = /usr/bin/cat" },
		{ true, "vedette.truncated", "file.path", EVENT_PROC_EXEC, "not process.executable = /usr/bin/cat" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct given fields[] = { { "file.path", "/etc/shadow" }, { "process.executable", "/usr/bin/cat" }, { "process.args", "cat|x" },
						{ cases[i].flag, cases[i].what } };
		if (holds_on(cases[i].condition, cases[i].event, fields, ARRAY_SIZE(fields)) != cases[i].holds)
			fail_msg("%s %s: should %shold: %s", cases[i].flag ? cases[i].flag : "whole", cases[i].what ? cases[i].what : "",
				 cases[i].holds ? "" : "not ", cases[i].condition);
	}
}

/* --- what is given up ------------------------------------------------------------------------------------------------------------ */

enum { LONG_TEXT = 2000 };

/* A path and two arguments that drive (a+)+[bc] to its limit, and one that does not. */
static void build_hard_event(struct event_builder *b, struct event *ret)
{
	char hard[LONG_TEXT + 1];
	memset(hard, 'a', LONG_TEXT);
	hard[LONG_TEXT] = '\0';
	struct strview args[] = { sv_from("short"), sv_from(hard), sv_from(hard) };
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set_text(b, "file.path", hard), 0);
	assert_int_equal(event_builder_set_text(b, "process.name", "cat"), 0);
	assert_int_equal(event_builder_set(b, SV("process.args"), args, ARRAY_SIZE(args)), 0);
	assert_int_equal(event_builder_event(b, ret), 0);
}

#define HARD "file.path regex \"(a+)+[bc]\""

static void a_test_that_is_given_up_is_undecided(void **state)
{
	(void)state;
	enum { NO, YES, OPEN };
	static const struct {
		int expected;
		const char *condition;
	} cases[] = {
		{ OPEN, HARD },
		{ OPEN, "not " HARD },
		{ OPEN, "not (not " HARD ")" },
		{ NO, HARD " and process.name = bash" },
		{ NO, "process.name = bash and " HARD },
		{ OPEN, HARD " and process.name = cat" },
		{ YES, HARD " or process.name = cat" },
		{ OPEN, HARD " or process.name = bash" },
		{ OPEN, "process.name = cat and not (process.name = cat and " HARD ")" },
		{ YES, "process.name = cat and not (process.name = bash and " HARD ")" },
		{ NO, "process.name = cat and not (process.name = cat or " HARD ")" },
		/* the text that decides makes the other texts not matter */
		{ YES, "file.path regex anyof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex anyof (\"(a+)+[bc]\", \"b+\")" },
		{ NO, "file.path regex allof (\"(a+)+[bc]\", \"b+\")" },
		{ OPEN, "file.path regex allof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex oneof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex oneof (\"(a+)+[bc]\", \"b+\")" },
		{ NO, "file.path regex oneof (\"(a+)+[bc]\", \"a+\", \".*\")" },
		/* lists: some item is enough */
		{ OPEN, "process.args regex \"(a+)+[bc]\"" },
		{ YES, "process.args regex \"(a+)+[bc]|short\"" },
		{ NO, "not process.args regex \"(a+)+[bc]|short\"" },
		/* a missing value is not an undecided one */
		{ NO, "process.tty.name regex \"(a+)+[bc]\"" },
		{ YES, "not process.tty.name regex \"(a+)+[bc]\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		struct matches m;
		assert_int_equal(load_condition("file.open", cases[i].condition, &set, &diag), 0);
		assert_int_equal(event_builder_new(&b), 0);
		build_hard_event(b, &ev);
		ruleset_evaluate(set, &ev, &m);
		int found = m.n ? YES : m.n_undecided ? OPEN : NO;
		if (found != cases[i].expected || m.n + m.n_undecided > 1)
			fail_msg("expected %d, found %d: %s", cases[i].expected, found, cases[i].condition);
	}
}

/* Nobody buys an exception with a text that runs the exception's pattern to its limit, nor with one that is cut. */
static void an_undecided_exception_excepts_nothing_for_certain(void **state)
{
	(void)state;
	static const char text[] = "- rule: with-exception\n  severity: high\n  event: file.open\n  when: process.name = cat\n"
				   "  exceptions:\n    - name: hard\n      when: " HARD "\n"
				   "- rule: decided\n  severity: high\n  event: file.open\n  when: process.name = cat\n";
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf why = { 0 };
	struct event ev;
	struct matches m;
	assert_int_equal(ruleset_load_text("t.yaml", SV(text), &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	build_hard_event(b, &ev);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.rule[0], 1);
	assert_int_equal(m.n_undecided, 1);
	assert_int_equal(m.undecided[0], 0);
	ruleset_undecided_reason(set, 0, &ev, &why);
	assert_string_equal(buf_cstr(&why), "given up at its limit of steps or memory: " HARD);
	buf_reset(&why);
	ruleset_undecided_reason(set, 1, &ev, &why);
	assert_int_equal(why.n, 0);
}

/* Functions over a long argv, nested until the scratch memory of a test does not hold them. */
static void a_function_without_memory_is_undecided(void **state)
{
	(void)state;
	static char item[20000];
	memset(item, 'a', sizeof(item));
	struct strview args[] = { { item, 15000 }, { item, 15000 } };
#define JOINED "join(\"-\", process.args, process.args, process.args, process.args, process.args, process.args, process.args)"
	static const struct {
		size_t n, n_undecided;
		const char *condition;
	} cases[] = {
		{ 1, 0, JOINED " startswith aaa" },
		{ 0, 1, "concat(" JOINED ", " JOINED ") startswith aaa" },
		{ 0, 1, "not concat(" JOINED ", " JOINED ") startswith aaa" },
		{ 0, 1, "concat(" JOINED ", " JOINED ") exists" },
		{ 0, 1, "process.name = concat(" JOINED ", " JOINED ")" },
	};
#undef JOINED
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		struct matches m;
		assert_int_equal(load_condition("file.open", cases[i].condition, &set, &diag), 0);
		assert_int_equal(event_builder_new(&b), 0);
		event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
		assert_int_equal(event_builder_set_text(b, "process.name", "cat"), 0);
		assert_int_equal(event_builder_set(b, SV("process.args"), args, ARRAY_SIZE(args)), 0);
		assert_int_equal(event_builder_event(b, &ev), 0);
		ruleset_evaluate(set, &ev, &m);
		if (m.n != cases[i].n || m.n_undecided != cases[i].n_undecided)
			fail_msg("%zu match, %zu undecided: %s", m.n, m.n_undecided, cases[i].condition);
	}
}

static void undecided_rules_past_the_maximum_are_counted(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct event ev;
	struct matches m;
	for (int i = 0; i < RULES_MAX_MATCHES + 3; i++)
		buf_add_format(&text, "- {rule: r%d, severity: low, event: file.open, when: '" HARD "'}\n", i);
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	build_hard_event(b, &ev);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.n_undecided, RULES_MAX_MATCHES);
	assert_int_equal(m.undecided[RULES_MAX_MATCHES - 1], RULES_MAX_MATCHES - 1);
	assert_int_equal(m.undecided_not_kept, 3);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n_undecided, RULES_MAX_MATCHES);
}

/* --- faults and their places ---------------------------------------------------------------------------------------------------- */

static void faults_name_their_place(void **state)
{
	(void)state;
	/* line 1 and column 1 are the condition's own first character */
	static const struct {
		const char *condition;
		unsigned line, column;
		const char *text;
	} cases[] = {
		{ "", 1, 1, "expected a field, a macro, 'not' or '(', found the end of the condition" },
		{ "process.exee = x", 1, 1, "unknown field 'process.exee' (did you mean 'process.executable'?)" },
		{ "true and\n  file.pth = x", 2, 3, "unknown field 'file.pth' (did you mean 'file.path'?)" },
		{ "true and\n\n  (false or\n   file.pth exists)", 4, 4, "unknown field 'file.pth'" },
		{ "reads_shado", 1, 1, "unknown macro 'reads_shado' (did you mean 'reads_shadow'?)" },
		{ "file.path in raders", 1, 14, "no list has the name 'raders'" },
		{ "file.path", 1, 1, "compare it with something" },
		{ "file.path startwith /x", 1, 11, "unknown operator 'startwith' (did you mean 'startswith'?)" },
		{ "file.path , x", 1, 11, "expected an operator" },
		{ "file.path = /x /y", 1, 16, "expected 'and', 'or' or the end of the condition, found '/y'" },
		{ "file.path = (/x, /y)", 1, 13, "'=' takes one value" },
		{ "file.path in (/x /y)", 1, 18, "expected ',' or ')' in the list" },
		{ "file.path in (/x,)", 1, 18, "expected a value" },
		{ "file.path = and file.open.read", 1, 13, "a value is missing after '='" },
		{ "file.path startswith or true", 1, 22, "a value is missing after 'startswith'" },
		{ "(file.path = )", 1, 14, "a value is missing after '='" },
		{ "file.path =", 1, 12, "a value is missing after '='" },
		{ "(true and (false)", 1, 1, "the parenthesis is never closed" },
		{ "true and (false", 1, 10, "the parenthesis is never closed" },
		{ "true)", 1, 5, "found ')'" },
		{ "file.path = \"/x", 1, 13, "the quote is never closed" },
		{ "file.path = \"/x\\q\"", 1, 16, "unknown escape" },
		{ "true and or false", 1, 10, "expected a field, a macro, 'not' or '(', found 'or'" },
		{ "true not false", 1, 6, "expected 'and', 'or' or the end of the condition, found 'not'" },
		{ "not", 1, 4, "found the end of the condition" },
		{ "process.pid = many", 1, 15, "'many' is not a number for process.pid: whole number, 0 to 4294967295" },
		{ "process.pid = -1", 1, 15, "'-1' is out of range for process.pid" },
		{ "process.pid = 4294967296", 1, 15, "out of range" },
		{ "process.pid = 09", 1, 15, "is not a number" },
		{ "vedette.result = 9223372036854775808", 1, 18, "out of range" },
		{ "file.mode = 4755", 1, 13, "write permission bits in octal with a leading 0" },
		{ "file.mode = 0104755", 1, 13, "out of range" },
		{ "process.entity_id = xyz", 1, 21, "not a number for process.entity_id" },
		{ "file.open.read = yes", 1, 18, "'yes' is neither true nor false" },
		{ "vedette.stage = atempt", 1, 17, "'atempt' is no symbol of vedette.stage (did you mean 'attempt'?)" },
		{ "file.open.flags in (O_TRUNC, O_CRAT)", 1, 30, "'O_CRAT' is no symbol of file.open.flags (did you mean 'O_CREAT'?)" },
		{ "file.path regex \"a(b\"", 1, 17, "'a(b' is no regular expression: missing closing parenthesis, at offset 3" },
		{ "file.path bcontains 0g", 1, 21, "hexadecimal digits" },
		{ "file.path bcontains 012", 1, 21, "even number" },
		{ "process.name = sixteen-letters-", 1, 16, "'sixteen-letters-' is too long for process.name, which holds 15 bytes at most" },
		{ "destination.port = 443", 1, 1, "field 'destination.port' is in none of the rule's events; it is in network.connect" },
		{ "process.name = val(process.pid)", 1, 20, "process.name is text of at most 15 bytes and cannot be compared with process.pid" },
		{ "process.name regex val(file.path)", 1, 24, "'regex' takes no field on its right side" },
		{ "lower(process.name) = x", 1, 1, "unknown function 'lower'" },
		{ "file.path[0] = x", 1, 1, "field 'file.path' takes no argument" },
		{ "len(process.pid) = 1", 1, 1, "len() takes text and lists of text" },
		{ "concat(process.name) = x", 1, 1, "concat() takes 2 to 8 arguments, here are 1" },
		{ "join(process.name, process.args) = x", 1, 1, "join() takes a quoted text first" },
		{ "getopt[ab](process.args, \"a\") = x", 1, 1, "one letter in brackets" },
		{ "tolower[x](process.name) = x", 1, 1, "nothing in brackets" },
		{ "ancestor(file.path = x)", 1, 10, "ancestor() knows process.executable and process.name, not 'file.path'" },
		{ "ancestor(process.name = x", 1, 26, "')' behind the condition of ancestor()" },
		{ "tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(process.name)))))))))) = x", 1, 73, "functions nested too deep" },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		if (load_condition("file.open", cases[i].condition, &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].condition);
		/* five named items, four keys of the rule; the block is indented by four */
		unsigned line = diag.messages[0].line - 9, column = diag.messages[0].column - (diag.messages[0].column > 4 ? 4 : 0);
		if (diag.errors == 1 && strstr(diag.messages[0].text, cases[i].text) && line == cases[i].line && column == cases[i].column)
			continue;
		print_error("%s: %zu errors, first at %u:%u: %s\n", cases[i].condition, diag.errors, line, column, diag.messages[0].text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void networks_are_checked(void **state)
{
	(void)state;
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.1.0.0/8", "::/129", "::1/64", "10.0.0", "localhost", "10.0.0.0/-1",
					   "::ffff:10.0.0.0/8", "10.0.0.0/8/8" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		char condition[64];
		snprintf(condition, sizeof(condition), "destination.ip = %s", bad[i]);
		if (load_condition("network.connect", condition, &set, &diag) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(diag.errors, 1);
	}
	static const struct truth good[] = {
		{ true, "destination.ip = 0.0.0.0/0" },        { false, "destination.ip = ::/0" },      { true, "source.ip = ::/0" },
		{ true, "destination.ip = 10.1.2.3/32" },      { false, "destination.ip = 10.1.2.2/32" }, { true, "destination.ip = ::ffff:10.0.0.0/104" },
		{ true, "source.ip = 2001:db8::1/128" },       { true, "destination.ip = val(destination.ip)" },
		{ false, "destination.ip = val(source.ip)" },
	};
	expect_on_connect(good, ARRAY_SIZE(good));
}

static void all_faults_of_a_condition_come_at_once(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_true(load_condition("file.open", "file.pth = x or process.pid = y or (unknown_macro and file.path regex \"(\")\nor file.open.flags = O_EXCL", &set, &diag) != 0);
	assert_null(set);
	assert_int_equal(diag.errors, 5);
	assert_int_equal(diag.messages[4].line, 11);
}

/* The tree that the compiler of kernel policies reads. */
static void conditions_can_be_read_as_trees(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(load_condition("file.open",
					"process.executable in (readers) and reads_shadow\nand not (tolower(file.path) == x or process.name = val(process.parent.name))", &set,
					&diag), 0);
	const struct condition *root = ruleset_condition(set, 0);
	assert_int_equal(condition_type(root), NODE_AND);
	assert_int_equal(condition_children(root), 3);
	const struct condition *in = condition_child(root, 0), *macro = condition_child(root, 1), *not = condition_child(root, 2);
	assert_int_equal(condition_type(in), NODE_TEST);
	assert_string_equal(condition_field(in), "process.executable");
	assert_string_equal(condition_operator(in), "in");
	assert_int_equal(condition_values(in), 3);
	assert_true(sv_is(condition_value(in, 2), "quoted name"));
	assert_string_equal(condition_macro(macro), "reads_shadow");
	assert_int_equal(condition_type(macro), NODE_AND);
	assert_int_equal(condition_place(macro).line, 10);
	assert_string_equal(condition_place(macro).file, "t.yaml");
	assert_int_equal(condition_type(not), NODE_NOT);
	const struct condition *either = condition_child(not, 0);
	assert_string_equal(condition_field(condition_child(either, 0)), "");
	assert_string_equal(condition_operator(condition_child(either, 0)), "=");
	assert_string_equal(condition_field(condition_child(either, 1)), "");
	condition_text(root, &text);
	assert_string_equal(buf_cstr(&text), "process.executable in (/usr/bin/cat, /usr/bin/tac, \"quoted name\") and (file.path = /etc/shadow and "
					     "file.open.read = true) and (not (tolower(file.path) == x or process.name = val(process.parent.name)))");
}

/* A name means one thing in every event that has it: the checks of types rest on it. */
static void fields_of_one_name_have_one_class_and_symbols(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < EVENT_NUMBERS; a++) {
		const struct event_type *type = event_type_by_number(a);
		for (size_t i = 0; type && type->name[0] && i < type->n_fields; i++) {
			const struct field *f = &type->fields[i];
			for (uint32_t b = 0; b < a; b++) {
				const struct event_type *other = event_type_by_number(b);
				const struct field *g = other && other->name[0] ? field_find(other, sv_from(f->name)) : NULL;
				if (!g)
					continue;
				enum value_class class = kind_get(f->kind)->class;
				if (class != kind_get(g->kind)->class || ((class == CLASS_ENUM || class == CLASS_FLAGS) && f->kind != g->kind))
					fail_msg("%s differs between %s and %s", f->name, type->name, other->name);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_binds_before_and_before_or),
		cmocka_unit_test(values_are_quoted_bare_or_lists),
		cmocka_unit_test(every_operator_holds_and_fails_on_every_class_it_fits),
		cmocka_unit_test(operators_that_do_not_fit_are_refused),
		cmocka_unit_test(transformers_and_fields_may_stand_on_both_sides),
		cmocka_unit_test(numbers_take_the_form_of_their_field),
		cmocka_unit_test(missing_fields_make_every_test_false),
		cmocka_unit_test(fields_of_other_events_and_empty_lists_are_missing),
		cmocka_unit_test(what_is_cut_short_buys_no_exception),
		cmocka_unit_test(a_test_that_is_given_up_is_undecided),
		cmocka_unit_test(an_undecided_exception_excepts_nothing_for_certain),
		cmocka_unit_test(a_function_without_memory_is_undecided),
		cmocka_unit_test(undecided_rules_past_the_maximum_are_counted),
		cmocka_unit_test(faults_name_their_place),
		cmocka_unit_test(networks_are_checked),
		cmocka_unit_test(all_faults_of_a_condition_come_at_once),
		cmocka_unit_test(conditions_can_be_read_as_trees),
		cmocka_unit_test(fields_of_one_name_have_one_class_and_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
