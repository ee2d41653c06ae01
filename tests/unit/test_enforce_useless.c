/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that block nothing though they look as if they did, and what their authors are told to write instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "engine/enforce/tables.h"

/* Of one rule; mode: of its policy. ret: its messages, one after the other. */
static int compile(const char *mode, const char *action, const char *event, const char *when, struct buf *ret, size_t *ret_clauses)
{
	static const struct verdict_world world = { .generation = 3, .wall_ns = 1800000000000000000 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(verdict_policy_done) struct verdict_policy policy = { 0 };
	char yaml[1024];
	snprintf(yaml, sizeof(yaml), "- policy: {mode: %s}\n- list: none\n  items: []\n- rule: r\n  severity: low\n  action: %s\n  event: %s\n  when: %s\n", mode, action, event, when);
	if (ruleset_load_text("r.yaml", sv_from(yaml), &set, &diag))
		fail_msg("%s: does not load: %s", when, diag.messages[0].text);
	diag_done(&diag);
	int err = verdict_compile(set, &world, &policy, &diag);
	for (size_t i = 0; i < diag.n; i++)
		buf_add_format(ret, "%s %s\n", diag.messages[i].level == DIAG_ERROR ? "error:" : "warning:", diag.messages[i].text);
	*ret_clauses = policy.counts.clauses;
	return err;
}

static void rules_that_never_hold_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *event, *when, *says;
	} cases[] = {
		{ "file.open", "'false'", "it can never hold: r.yaml:8: never true as it is written: it says `false`" },
		{ "network.connect", "destination.domain = x", "no sensor sees look-ups of names" },
		{ "file.open", "file.path = /a and file.path = /b", "it can never hold: file.path = /a (r.yaml:8) and file.path = /b" },
		{ "file.open", "file.path = tmp/x", "a path begins with '/'" },
		{ "file.open", "file.path in (/tmp/x, tmp/y)", "a path begins with '/'" },
		{ "file.open", "file.path = /tmp/", "a path has no '/' at its end" },
		{ "file.open", "file.path startswith /a and not process.executable in (nc, /bin/x)", "process.executable in (nc, /bin/x): never holds: a path begins with '/'" },
		{ "file.open", "ancestor(process.executable = nc) and user.id = 1", "a path begins with '/'" },
		{ "file.open", "file.path = '/tmp/*'", "`*` stands for itself here, and no file is called so (file.open): write `glob`" },
		{ "file.open", "file.path startswith '/tmp/*'", "`*` stands for itself here" },
		{ "file.open", "file.path != '/tmp/*'", "`*` stands for itself here" },
		{ "process.exec", "process.executable in (nc, ncat)", "a path begins with '/'" },
		{ "process.exec", "process.executable = /bin/busybox and file.path = /tmp/nc", "the program that starts it is process.previous.executable" },
		{ "process.exec", "process.executable startswith /usr/bin/ and file.path in (/bin/nc, /sbin/x)", "different ones are asked for" },
		{ "network.connect", "destination.port = 65536", "a port is 65535 at most" },
		{ "file.open", "file.open.read and not file.open.read", "it can never hold" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int is_detecting = 0; is_detecting < 2; is_detecting++) {
			CLEANUP(buf_done) struct buf said = { 0 };
			size_t n = 0;
			int err = compile(is_detecting ? "detect" : "enforce", "block", cases[i].event, cases[i].when, &said, &n);
			if (err != (is_detecting ? 0 : -EINVAL) || n)
				fail_msg("%s: %s: %d, %zu clauses", is_detecting ? "detecting" : "enforcing", cases[i].when, err, n);
			if (!strstr(buf_cstr(&said), cases[i].says) || !strstr(buf_cstr(&said), is_detecting ? "warning: rule r could not block" : "error: rule r cannot block"))
				fail_msg("%s: %s", cases[i].when, buf_cstr(&said));
		}
	}
}

static void a_rule_that_never_kills_is_refused(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf said = { 0 };
	size_t n = 0;
	assert_int_equal(-EPERM, compile("enforce", "kill", "process.exec", "'false'", &said, &n));
	assert_non_null(strstr(buf_cstr(&said), "error: rule r cannot kill: it can never hold"));
}

static void what_can_hold_is_taken(void **state)
{
	(void)state;
	static const struct {
		const char *event, *when, *says;
	} cases[] = {
		{ "file.open", "file.path = /tmp/x and process.executable = /bin/x", "" },
		{ "process.exec", "process.executable startswith /usr/ and file.path = /usr/bin/nc", "" },
		{ "process.exec", "process.executable = /usr/bin/nc and not file.path = /usr/bin/ncat", "" },
		{ "process.exec", "process.previous.executable = /bin/busybox and file.path = /tmp/nc", "" },
		{ "file.open", "file.path glob '/tmp/*'", "" },
		{ "file.open", "file.path = /tmp/x or file.open.read and not file.open.read", "" },
		{ "[file.open, file.rename]", "file.path = /tmp/x or vedette.new_path = /tmp/x", "" },
		{ "file.open", "file.path in (none)", "warning: rule r blocks nothing now: a list that it needs has no items" },
		{ "file.open", "file.path = /a and @timestamp < 2001-01-01", "warning: rule r blocks nothing now: by the time" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf said = { 0 };
		size_t n = 0;
		int err = compile("enforce", "block", cases[i].event, cases[i].when, &said, &n);
		if (err || (n == 0) != (cases[i].says[0] != '\0') || (cases[i].says[0] ? !strstr(buf_cstr(&said), cases[i].says) : said.n > 0))
			fail_msg("%s: %d, %zu clauses, %s", cases[i].when, err, n, buf_cstr(&said));
	}
}

/* Whether it is done to what the host needs is another question (essentials.h). */
static void what_a_host_can_do_without_may_be_forbidden_altogether(void **state)
{
	(void)state;
	static const struct {
		const char *event;
		bool is_vital;
	} cases[] = {
		{ "kernel.module_load", false }, { "bpf.load", false }, { "process.ptrace", false }, { "file.mount", false }, { "network.listen", false },
		{ "process.exec", true },        { "file.open", true }, { "file.mmap_exec", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf said = { 0 };
		size_t n = 0;
		int err = compile("enforce", "block", cases[i].event, "'true'", &said, &n);
		if (err != (cases[i].is_vital ? -EINVAL : 0) || n != !cases[i].is_vital || (cases[i].is_vital && !strstr(buf_cstr(&said), "would stop the host: ask for something")))
			fail_msg("%s: %d, %zu clauses, %s", cases[i].event, err, n, buf_cstr(&said));
	}
}

static void what_to_ask_instead_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *action, *event, *when, *says;
	} cases[] = {
		{ "block", "file.open", "file.name = shadow", "ask file.path: = with whole paths, or `startswith` with the folder, or use `action: kill`, which ends the process after the fact" },
		{ "block", "file.open", "process.name = nc and file.path = /x", "ask process.executable" },
		{ "block", "file.open", "process.parent.executable = /bin/sh and file.path = /x", "ask ancestor(process.executable = ...)" },
		{ "block", "file.open", "proc.pexepath = /bin/sh and file.path = /x", "ask ancestor(process.executable = ...)" },
		{ "block", "process.exec", "user.effective.id = 0 and file.path = /x", "use `action: kill`, which ends the process before its first instruction" },
		{ "block", "file.open", "file.path contains x", "use `action: kill`, which ends the process after the fact, or `action: alert`" },
		{ "kill", "process.exec", "process.name = nc", "ends processes after the fact, not before their first instruction: process.name = nc: the kernel does not look at this field when it decides (process.exec): ask process.executable, which the process cannot change\n" },
		{ "kill", "process.exec", "process.args contains x", "the kernel compares arguments with = intersects startswith endswith only (process.exec)\n" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf said = { 0 };
		size_t n = 0;
		int err = compile("enforce", cases[i].action, cases[i].event, cases[i].when, &said, &n);
		if (err != (strcmp(cases[i].action, "kill") ? -EINVAL : 0) || !strstr(buf_cstr(&said), cases[i].says))
			fail_msg("%s: %d, %s", cases[i].when, err, buf_cstr(&said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_never_hold_are_refused),
		cmocka_unit_test(a_rule_that_never_kills_is_refused),
		cmocka_unit_test(what_can_hold_is_taken),
		cmocka_unit_test(what_a_host_can_do_without_may_be_forbidden_altogether),
		cmocka_unit_test(what_to_ask_instead_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
