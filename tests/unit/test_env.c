/* SPDX-License-Identifier: Apache-2.0 */
/* Which environment variables a set of rules asks to be kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/rules/env.h"
#include "engine/rules/ruleset.h"

static void assert_names(const char *rules, const char *wanted)
{
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ruleset_load_text("t.yaml", sv_from(rules), &set, &diag))
		fail_msg("%s: %s", rules, diag.n ? diag.messages[0].text : "");
	CLEANUP(buf_done) struct buf got = { 0 };
	size_t n, left_out;
	const char *const *names = ruleset_env_names(set, &n, &left_out);
	for (size_t i = 0; i < n; i++)
		buf_add_format(&got, "%s%s", i ? " " : "", names[i]);
	if (!sv_is(buf_sv(&got), wanted))
		fail_msg("%s: '%s', not '%s'", rules, buf_cstr(&got), wanted);
	assert_int_equal(left_out, 0);
}

#define RULE(when) "- {rule: r, event: process.exec, severity: low, when: '" when "'}\n"

static void variables_are_named_by_conditions(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *names;
	} cases[] = {
		{ RULE("proc.env[LD_PRELOAD] exists"), "LD_PRELOAD" },
		{ RULE("proc.env icontains HTTP_PROXY"), "HTTP_PROXY http_proxy" },
		{ RULE("proc.env contains \"BASH_ENV=/tmp\""), "BASH_ENV" },
		{ RULE("process.env_vars startswith \"A1=\" or process.env_vars = \"B=2\""), "A1 B" },
		{ RULE("evt.arg.env contains FROM_ARGUMENT"), "FROM_ARGUMENT" },
		{ RULE("not proc.env[ONE] = x and proc.env[ONE] = y"), "ONE" },
		{ RULE("proc.env contains /tmp"), "" },
		{ RULE("proc.env contains \"1A=\""), "" },
		{ RULE("proc.env contains \"a b\""), "" },
		{ RULE("proc.env bcontains 41"), "" },
		{ RULE("proc.env[A_NAME_THAT_IS_LONGER_THAN_THE_TABLE] exists"), "" },
		{ RULE("proc.name = HTTP_PROXY"), "" },
		{ "- {rule: off, event: process.exec, severity: low, enabled: false, when: 'proc.env[OFF] exists'}\n" RULE("proc.env[ON] exists"), "ON" },
		{ "- macro: m\n  when: proc.env[IN_MACRO] exists\n" RULE("m"), "IN_MACRO" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_names(cases[i].rules, cases[i].names);
}

static void names_beyond_the_most_are_counted(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf rules = { 0 };
	buf_add_z(&rules, "- {rule: r, event: process.exec, severity: low, when: 'process.pid = 1");
	for (int i = 0; i < ENV_RULE_NAMES_MAX + 2; i++)
		buf_add_format(&rules, " or proc.env[N%d] exists", i);
	buf_add_z(&rules, "'}\n");
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&rules), &set, &diag), 0);
	size_t n, left_out;
	(void)ruleset_env_names(set, &n, &left_out);
	assert_int_equal(n, ENV_RULE_NAMES_MAX);
	assert_int_equal(left_out, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_named_by_conditions),
		cmocka_unit_test(names_beyond_the_most_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
