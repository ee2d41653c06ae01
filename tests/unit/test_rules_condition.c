/* SPDX-License-Identifier: Apache-2.0 */
/* The language of conditions: grammar and operators, on a fixed event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/condition.h"
#include "tests/support/one_condition.h"

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
			bool is_taken = condition_load("file.open, network.connect", condition, &set, &diag) == 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_binds_before_and_before_or),
		cmocka_unit_test(values_are_quoted_bare_or_lists),
		cmocka_unit_test(every_operator_holds_and_fails_on_every_class_it_fits),
		cmocka_unit_test(operators_that_do_not_fit_are_refused),
		cmocka_unit_test(transformers_and_fields_may_stand_on_both_sides),
		cmocka_unit_test(numbers_take_the_form_of_their_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
