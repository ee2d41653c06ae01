/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of our own rules: what can never hold is not called full, and what can hold is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/ruleset.h"

static struct ruleset *load(const char *text)
{
	struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag))
		fail_msg("%s\n%s", text, diag.messages[0].text);
	return set;
}

static bool has_reason(const struct rule_info *rule, const char *reason)
{
	for (size_t i = 0; i < rule->n_reasons; i++)
		if (strstr(rule->reasons[i], reason))
			return true;
	return false;
}

static void clauses_that_cannot_hold_are_not_full(void **state)
{
	static const struct {
		const char *event, *when, *reason; /* NULL: full */
	} cases[] = {
		{ "file.open", "file.path startswith /etc/ and file.path startswith /var/", "contradict" },
		{ "file.open", "file.path startswith /etc/ and file.path startswith /etc/ssh/", NULL },
		{ "file.open", "file.path endswith .sh and file.path endswith .py", "contradict" },
		{ "file.open", "file.path endswith .sh and file.path iendswith A.SH", NULL },
		{ "file.open", "file.path iendswith /BASH and file.path iendswith /sh", "contradict" },
		{ "file.open", "file.path iequals /A and file.path = /a", NULL },
		{ "file.open", "file.path iequals /A and file.path = /b", "contradict" },
		{ "file.open", "file.path iequals /bin/bash and file.path iequals /bin/sh", "contradict" },
		{ "file.open", "file.path iequals /bin/bash and not file.path iendswith /BASH", "contradict" },
		{ "file.open", "file.path iequals /bin/bash and not file.path endswith /bash", NULL },
		{ "file.open", "file.path startswith /a and file.path contains b and file.path endswith c", NULL },
		{ "file.open", "file.path contains sh and not file.path contains s", "contradict" },
		{ "file.open", "file.path contains s and not file.path contains sh", NULL },
		{ "file.open", "file.path endswith allof (/bash, /zsh)", "no value is all of these at once" },
		{ "file.open", "file.path endswith allof (sh, /zsh)", NULL },
		{ "file.open", "file.path endswith anyof (/bash, /zsh) and file.path endswith allof (/sh, sh)", "contradict" },
		{ "file.open", "file.path startswith anyof (/a, /b) and file.path startswith anyof (/c, /bb)", NULL },
		{ "process.exec", "process.args startswith a and process.args startswith b", NULL /* a list has both */ },
		{ "file.open", "file.path = /etc/passwd and file.name = shadow", "contradict" },
		{ "file.open", "file.path = /etc/passwd and file.name = passwd and file.directory = /etc", NULL },
		{ "file.open", "file.path in (/etc/passwd, /etc/shadow) and file.name in (a, shadow)", NULL },
		{ "file.open", "file.path startswith /etc/ and file.directory = /var", "contradict" },
		{ "file.open", "file.path startswith /etc/ and file.directory startswith /e", NULL },
		{ "file.open", "file.path endswith .sh and file.extension = py", "contradict" },
		{ "file.open", "file.name = a.sh and file.extension in (py, pl)", "contradict" },
		{ "file.open", "file.name = a.sh and file.extension in (py, sh)", NULL },
		{ "file.open", "file.name = a.sh and not file.extension = py", NULL },
		{ "file.open", "file.name startswith a and file.path endswith b and file.directory contains c", NULL },
		{ "process.exec", "tolower(process.name) = sh and process.name = bash", "contradict" },
		{ "process.exec", "tolower(process.name) = sh and process.name = SH", NULL },
		{ "process.exec", "tolower(basename(process.executable)) = zsh and process.executable = /bin/bash", "contradict" },
		{ "process.exec", "basename(process.executable) = bash and process.executable endswith /bash", NULL },
		{ "network.connect", "network.type = ipv4 and destination.ip = ::1", "contradict" },
		{ "network.connect", "network.type = ipv4 and destination.ip in (::1, 10.0.0.0/8)", NULL },
		{ "network.connect", "network.type = unix and destination.ip = 10.0.0.0/8", "contradict" },
		{ "network.connect", "network.type = ipv6 and source.ip = 10.0.0.0/8", "contradict" },
		{ "network.connect", "fd.sip = 10.0.0.0/8 and not fd.snet = 10.0.0.0/7", "contradict" },
		{ "network.connect", "fd.sip = 10.0.0.0/8 and not fd.cnet = 10.0.0.0/7", NULL },
		{ "network.connect", "fd.sip = 10.0.0.1 and destination.ip = 10.0.0.2", "contradict" },
		{ "file.open", "evt.failed = true and evt.res = SUCCESS", "contradict" },
		{ "file.open", "evt.failed = true and evt.res in (SUCCESS, EACCES)", NULL },
		{ "file.open", "evt.failed = false and evt.res startswith E", "contradict" },
		{ "file.open", "evt.failed = false and evt.res startswith S", NULL },
		{ "file.open", "evt.failed = false and evt.rawres < 0", "contradict" },
		{ "file.open", "evt.failed = true and evt.rawres >= 0", "contradict" },
		{ "file.open", "evt.failed = true and evt.rawres > -1", "contradict" },
		{ "file.open", "evt.failed = true and evt.rawres > -2", NULL },
		{ "file.open", "evt.failed = true and evt.rawres in (0, 3)", "contradict" },
		{ "file.open", "evt.failed = true and evt.rawres in (0, -13)", NULL },
		{ "file.open", "evt.failed = false and evt.rawres <= 0", NULL },
		{ "file.open", "evt.res = SUCCESS and evt.rawres < 0", "contradict" },
		{ "file.open", "evt.res = EACCES and evt.rawres < 0", NULL },
		{ "file.open", "falco.container.id = host and falco.container.name = web", "contradict" },
		{ "file.open", "falco.container.id in (host, abc) and falco.container.name = web", NULL },
		{ "network.connect", "network.type in (ipv4, ipv6) and source.ip = 10.0.0.0/8", NULL },
		{ "process.exec", "process.pid > 10 and process.pid < 5", "contradict" },
		{ "process.exec", "process.pid > 10 and process.pid < 11", "contradict" },
		{ "process.exec", "process.pid > 10 and process.pid <= 11", NULL },
		{ "process.exec", "process.pid > 10 and not process.pid > 9", "contradict" },
		{ "process.exec", "process.name regex \"[b-z]\" and process.name = a", "contradict" },
		{ "process.exec", "tolower(process.name) = SH", "tolower leaves no capitals" },
		{ "process.exec", "tolower(process.name) iequals SH", NULL },
		{ "process.exec", "basename(process.executable) = bin/sh", "basename leaves no '/'" },
		{ "process.exec", "len(process.name) > 15", "never that long" },
		{ "process.exec", "len(process.name) >= 15", NULL },
		{ "process.exec", "process.executable endswith /", "a file has no '/' at its end" },
		{ "file.open", "file.path endswith /", NULL /* the root */ },
		{ "file.open", "file.path = /tmp/", "in lsm mode (t.yaml:1): a path has no '/' at its end" },
		{ "file.open", "file.path = \"etc/x\"", "a path begins with '/'" },
		{ "file.open", "file.path startswith /proc/self/", "in lsm mode (t.yaml:1): /proc/self is a link" },
		{ "file.open", "file.path in (/tmp/, /tmp)", NULL },
		{ "file.open", "file.path != /tmp/", NULL },
		{ "file.open", "file.name = a/b", "a file's name has no '/'" },
		{ "file.open", "file.extension = .sh", "an extension is what follows the last dot" },
		{ "file.open", "user.id < 0", "no negative number" },
		{ "network.connect", "destination.port = 70000", "a port is 65535 at most" },
		{ "network.connect", "destination.port > 65534", NULL },
		{ "network.connect", "destination.port < 70000", NULL },
		{ "network.connect", "destination.ip = 10.1.2.3 and not destination.ip = 10.0.0.0/8", "contradict" },
		{ "network.connect", "destination.ip = 10.0.0.0/8 and not destination.ip = 10.1.2.3", NULL },
		{ "network.connect", "destination.ip = 10.0.0.0/8 and destination.ip = 192.168.0.0/16", "contradict" },
		{ "network.connect", "destination.ip = 10.0.0.0/8 and destination.ip = 10.1.0.0/16", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];
		snprintf(text, sizeof(text), "- {rule: r, severity: low, event: %s, when: '%s'}\n", cases[i].event, cases[i].when);
		if (strchr(cases[i].when, '\''))
			fail_msg("a quote in %s", cases[i].when);
		CLEANUP(ruleset_free) struct ruleset *set = load(text);
		const struct rule_info *rule = ruleset_get(set, 0);
		enum coverage class = !cases[i].reason ? COVERAGE_FULL : strstr(cases[i].reason, "in lsm mode") ? COVERAGE_PARTIAL : COVERAGE_NEEDS_SOURCE;
		if (rule->coverage != class || (cases[i].reason && !has_reason(rule, cases[i].reason)))
			fail_msg("%s: class %d: %s", cases[i].when, (int)rule->coverage, rule->n_reasons ? rule->reasons[0] : "");
	}
}

#define A "{event: process.exec, when: process.name = a}"
#define B "{event: process.exec, when: process.name = b}"
#define OFF "- {rule: off, event: process.exec, when: process.name = x, severity: low, enabled: false}\n- {rule: on, event: process.exec, when: process.name = x, severity: low}\n"

static void rules_over_events_are_classed_by_what_feeds_them(void **state)
{
	static const struct {
		const char *text;
		enum coverage class;
		const char *reason;
	} cases[] = {
		{ "- {rule: r, severity: low, sequence: {within: 1s, by: [user.id], steps: [" A ", " B "]}}\n", COVERAGE_FULL, NULL },
		{ "- {rule: r, severity: low, sequence: {within: 1s, by: [process.name], steps: [" A ", " B "]}}\n", COVERAGE_NEEDS_SOURCE, "joined by process.name" },
		{ "- {rule: r, severity: low, sequence: {within: 1s, by: [process.name], steps: [" A ", " A "]}}\n", COVERAGE_FULL, NULL },
		{ "- {rule: r, severity: low, together: {within: 1s, by: [process.name], steps: [" A ", " B "]}}\n", COVERAGE_NEEDS_SOURCE, "joined by process.name" },
		{ "- {rule: r, severity: low, sequence: {within: 1s, steps: [{rule: on}, {rule: off}]}}\n" OFF, COVERAGE_NEEDS_SOURCE, "rule off is disabled" },
		{ "- {rule: r, severity: low, sequence: {within: 1s, steps: [{rule: on}, {rule: on}]}}\n" OFF, COVERAGE_FULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text);
		const struct rule_info *rule = NULL;
		for (size_t k = 0; k < ruleset_count(set); k++)
			if (strcmp(ruleset_get(set, k)->id, "r") == 0)
				rule = ruleset_get(set, k);
		if (!rule || rule->coverage != cases[i].class || (cases[i].reason && !has_reason(rule, cases[i].reason)) || (!cases[i].reason && rule->n_reasons))
			fail_msg("%s: class %d: %s", cases[i].text, rule ? (int)rule->coverage : -1, rule && rule->n_reasons ? rule->reasons[0] : "");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses_that_cannot_hold_are_not_full),
		cmocka_unit_test(rules_over_events_are_classed_by_what_feeds_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
