/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's rules: what of them can hold here, and on which events they are evaluated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/compile.h"
#include "engine/rules/ruleset.h"

#define RULE(name, condition) "- rule: " name "\n  desc: d\n  output: o\n  priority: INFO\n  condition: " condition "\n"

static void show_messages(const struct diag *diag)
{
	char line[2048];
	for (size_t i = 0; i < diag->n; i++) {
		diag_format(&diag->messages[i], line, sizeof(line));
		print_error("%s\n", line);
	}
}

static struct ruleset *load(const char *text, struct diag *diag)
{
	struct ruleset *set = NULL;
	if (ruleset_load_text("t.yaml", sv_from(text), &set, diag)) {
		show_messages(diag);
		fail_msg("refused:\n%s", text);
	}
	return set;
}

static void rules_are_classed_by_what_can_hold(void **state)
{
	static const struct {
		const char *text;
		enum coverage class;
		const char *needs, *reason;
		size_t n;
	} cases[] = {
		{ RULE("r", "evt.type=execve and proc.name=a"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type in (open, connect) and proc.name=a"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type in (execve, read) and proc.name=a"), COVERAGE_PARTIAL, NULL, "evt.type = 'read' can never hold: no event shows it", 1 },
		{ RULE("r", "evt.type=read"), COVERAGE_NEEDS_SOURCE, "events that nothing here reports", "evt.type = 'read' can never hold", 1 },
		{ RULE("r", "not evt.type in (read, open)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and evt.num=0"), COVERAGE_NEEDS_SOURCE, "values of your own", "t.yaml:5: never true as it is written", 1 },
		{ RULE("r", "evt.type=execve and proc.name in ()"), COVERAGE_NEEDS_SOURCE, "values of your own", "never true as it is written", 1 },
		{ RULE("r", "evt.type=execve and not evt.num=0"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and proc.name != host and not proc.name exists"), COVERAGE_NEEDS_SOURCE, "values of your own",
		  "proc.name exists (t.yaml:5) contradict one another", 1 },
		{ "- {macro: m, condition: evt.type=execve and container.id != host}\n" RULE("r", "m and not (container.id exists)"), COVERAGE_NEEDS_SOURCE,
		  "values of your own", "container.id exists (t.yaml:6) contradict", 1 },
		{ RULE("r", "evt.type=execve and proc.name = a and proc.name in (b, c)"), COVERAGE_NEEDS_SOURCE, "values of your own", "contradict", 1 },
		{ RULE("r", "evt.type=execve and proc.name = a and (proc.name = b or (proc.exe = x and proc.name startswith c))"), COVERAGE_NEEDS_SOURCE,
		  "values of your own", "contradict", 1 },
		{ RULE("r", "evt.type=execve and proc.pid = 3 and not proc.pid < 5"), COVERAGE_NEEDS_SOURCE, "values of your own", "contradict", 1 },
		{ RULE("r", "evt.type=execve and proc.name = a and (proc.name = b or proc.name in (a, c))"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and proc.name in (sixteen-letters-, 0123456789abcdefgh)"), COVERAGE_NEEDS_SOURCE, "values of your own",
		  "can never hold (t.yaml:5): proc.name has at most 15 bytes", 1 },
		{ RULE("r", "evt.type=execve and proc.name in (sixteen-letters-, short)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and not proc.exe = x and proc.aname[2] startswith sixteen-letters-"), COVERAGE_NEEDS_SOURCE, "values of your own",
		  "proc.aname[2] has at most 15 bytes", 1 },
		{ RULE("r", "evt.type=execve and (proc.pname = sixteen-letters- or proc.exe = x)"), COVERAGE_PARTIAL, NULL, "proc.pname has at most 15 bytes", 1 },
		{ RULE("r", "evt.type=execve and proc.exe = sixteen-letters-"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=chmod and evt.arg.mode contains S_IFOO"), COVERAGE_NEEDS_SOURCE, "values of your own",
		  "evt.arg.mode contains S_IFOO can never hold (t.yaml:5): no value of evt.arg.mode has that in it", 1 },
		{ RULE("r", "evt.type=chmod and (evt.arg.mode contains S_IFOO or evt.arg.mode contains S_ISUID)"), COVERAGE_PARTIAL, NULL, "S_IFOO", 1 },
		{ RULE("r", "evt.type=ptrace and evt.arg.request in (PTRACE_ATTACH, PTRACE_NONE_SUCH)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=ptrace and evt.arg.request in (PTRACE_NONE_SUCH)"), COVERAGE_NEEDS_SOURCE, "values of your own", "PTRACE_NONE_SUCH", 1 },
		{ RULE("r", "evt.type=openat and evt.arg.flags contains O_F_CREATED and evt.arg.name contains ABC"), COVERAGE_FULL, NULL, NULL, 0 },
		{ "- {macro: m, condition: evt.type=execve and proc.exe contains a}\n" RULE("r", "m and not (m)"), COVERAGE_NEEDS_SOURCE, "values of your own",
		  "contradict", 1 },
		{ RULE("r", "evt.type=execve and proc.aname = a and proc.aname = b"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and (proc.name = a or not proc.name exists)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and not proc.name = a and not proc.name exists"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "(evt.type=execve or evt.type=open) and fd.name=/x"), COVERAGE_PARTIAL, NULL, "fd.name = /x can never hold in process.exec: fd.name has no value there", 1 },
		{ RULE("r", "evt.type=execve or (evt.type=open and fd.name=/x)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and (proc.name=a or fd.name=/x)"), COVERAGE_PARTIAL, NULL, "fd.name = /x can never hold in process.exec", 1 },
		{ RULE("r", "evt.type=execve and thread.cap_effective contains CAP_FOO"), COVERAGE_NEEDS_SOURCE, "values of your own", "no capability is called so", 1 },
		{ RULE("r", "evt.type=execve and thread.cap_effective icontains sys_admin"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=open and evt.res = SUCCESSS"), COVERAGE_NEEDS_SOURCE, "values of your own", "SUCCESS, or the name of an error", 1 },
		{ RULE("r", "evt.type=open and evt.res in (EPERM, 524)"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.category = fil"), COVERAGE_NEEDS_SOURCE, "values of your own", "it is file, net", 1 },
		{ RULE("r", "evt.type=open and fd.name = etc/passwd"), COVERAGE_NEEDS_SOURCE, "values of your own", "a path begins with '/'", 1 },
		{ RULE("r", "evt.type in (open, connect) and fd.name startswith 10.0"), COVERAGE_PARTIAL, NULL, "a path begins with '/'", 1 },
		{ RULE("r", "evt.type=open and fd.name startswith memfd:x"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=open and fd.name = /proc/self/exe"), COVERAGE_PARTIAL, NULL, "can never hold in lsm mode (t.yaml:5): /proc/self is a link", 1 },
		{ RULE("r", "evt.type=open and (fd.name contains // or fd.name = /a)"), COVERAGE_PARTIAL, NULL, "in lsm mode (t.yaml:5): a path has no '//'", 1 },
		{ RULE("r", "evt.type=open and fd.name endswith passwd/"), COVERAGE_PARTIAL, NULL, "in lsm mode (t.yaml:5): a path has no '/' at its end", 1 },
		{ RULE("r", "evt.type=open and fd.name startswith /etc/ and fd.name startswith /var/"), COVERAGE_NEEDS_SOURCE, "values of your own", "contradict", 1 },
		{ RULE("r", "evt.type=open and fd.name startswith /etc/ and fd.name startswith /etc/ssh"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=execve and toupper(proc.name) = bash"), COVERAGE_NEEDS_SOURCE, "values of your own", "toupper leaves no small letters", 1 },
		{ RULE("r", "evt.type=execve and container.id = 0123456789abc"), COVERAGE_NEEDS_SOURCE, "values of your own", "container.id has at most 12 bytes", 1 },
		{ RULE("r", "evt.type=execve and container.id = 0123456789ab"), COVERAGE_FULL, NULL, NULL, 0 },
		{ RULE("r", "evt.type=connect and fd.sport = 70000"), COVERAGE_NEEDS_SOURCE, "values of your own", "a port is 65535 at most", 1 },
		{ RULE("r", "evt.type=connect and fd.l4proto = icmpp"), COVERAGE_NEEDS_SOURCE, "values of your own", "it is tcp, udp, icmp or raw", 1 },
		{ RULE("r", "ka.verb=x and jevt.value[/a/b] in (c)") "  source: k8s_audit\n",
		  COVERAGE_NEEDS_SOURCE, "k8s_audit", "it is about events of k8s_audit", 1 },
		{ "- {rule: r, event: [file.open, process.exec], when: file.path exists and file.open.write, severity: low}\n", COVERAGE_PARTIAL, NULL,
		  "file.open.write = true can never hold in process.exec", 1 },
		{ "- {rule: r, event: file.open, when: file.open.write, severity: low}\n", COVERAGE_FULL, NULL, NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		const struct rule_info *rule = ruleset_get(set, 0);
		bool is_reason = !cases[i].reason;
		for (size_t k = 0; k < rule->n_reasons; k++)
			is_reason |= cases[i].reason && strstr(rule->reasons[k], cases[i].reason);
		bool is_source = cases[i].needs ? rule->needs_source && strcmp(rule->needs_source, cases[i].needs) == 0 : !rule->needs_source;
		if (rule->coverage != cases[i].class || rule->n_reasons != cases[i].n || !is_reason || !is_source)
			fail_msg("%s: class %d, needs %s, %zu reasons: %s", cases[i].text, (int)rule->coverage, rule->needs_source ? rule->needs_source : "-",
				 rule->n_reasons, rule->n_reasons ? rule->reasons[0] : "");
	}
}

/* Whatever is said of them: what is not evaluated is missed without a word. */
static void rules_are_evaluated_wherever_they_may_hold(void **state)
{
	static const struct {
		const char *condition;
		uint32_t event;
	} cases[] = {
		{ "evt.type=open and fd.name = /proc/self/exe", EVENT_FILE_OPEN },
		{ "evt.type=open and fd.name startswith /proc/self/", EVENT_FILE_OPEN },
		{ "evt.type=open and fd.name in (/proc/self/nope)", EVENT_FILE_OPEN },
		{ "evt.type=open and fd.name contains //", EVENT_FILE_OPEN },
		{ "evt.type=open and fd.name endswith passwd/", EVENT_FILE_OPEN },
		{ "evt.type=mkdir and evt.arg.path startswith /tmp//", EVENT_FILE_MKDIR },
		{ "evt.type=open and container.id = 0123456789abc", EVENT_FILE_OPEN },
		{ "evt.type=open and evt.arg.flags contains o_creat", EVENT_FILE_OPEN },
		{ "evt.type=open and fd.name = etc/passwd", EVENT_FILE_OPEN },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		char text[512];
		snprintf(text, sizeof(text), RULE("r", "%s"), cases[i].condition);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		if (!(ruleset_get(set, 0)->events >> cases[i].event & 1))
			fail_msg("not evaluated: %s", cases[i].condition);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_classed_by_what_can_hold),
		cmocka_unit_test(rules_are_evaluated_wherever_they_may_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
