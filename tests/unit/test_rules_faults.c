/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that are refused, and where; the tree that those become that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/condition.h"
#include "tests/support/one_condition.h"

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
		{ "@timestamp >= 2027-06-30T12:00:00+02:00", 1, 15, "is no time as it is read here: in UTC, with Z" },
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
		if (condition_load("file.open", cases[i].condition, &set, &diag) == 0)
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
		if (condition_load("network.connect", condition, &set, &diag) == 0)
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
	assert_true(condition_load("file.open", "file.pth = x or process.pid = y or (unknown_macro and file.path regex \"(\")\nor file.open.flags = O_EXCL", &set, &diag) != 0);
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
	assert_int_equal(condition_load("file.open",
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
		cmocka_unit_test(faults_name_their_place),
		cmocka_unit_test(networks_are_checked),
		cmocka_unit_test(all_faults_of_a_condition_come_at_once),
		cmocka_unit_test(conditions_can_be_read_as_trees),
		cmocka_unit_test(fields_of_one_name_have_one_class_and_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
