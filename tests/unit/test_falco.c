/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's rule files: what they become, what is refused and where, and what is warned of. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/compile.h"
#include "engine/rules/ruleset.h"

#define RULE(name, condition) "- rule: " name "\n  desc: d\n  output: o\n  priority: INFO\n  condition: " condition "\n"

static const struct rule_info *find_rule(const struct ruleset *set, const char *id)
{
	for (size_t i = 0; i < ruleset_count(set); i++)
		if (strcmp(ruleset_get(set, i)->id, id) == 0)
			return ruleset_get(set, i);
	return NULL;
}

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

/* --- conditions -------------------------------------------------------------------------------------------------------------- */

static void conditions_come_out_as_written(void **state)
{
	static const struct {
		const char *what, *text, *condition;
	} cases[] = {
		{ "a list in a list", "- {list: a, items: [x, b]}\n- {list: b, items: [y, z w]}\n" RULE("r", "evt.type=execve and proc.name in (q, a)"),
		  "evt.type = execve and proc.name in (q, x, y, \"z w\")" },
		{ "a list that names itself", "- {list: sshd, items: [sshd, login]}\n" RULE("r", "proc.name in (sshd)"), "proc.name in (sshd, login)" },
		{ "an empty list and its comma", "- {list: e, items: []}\n" RULE("r", "proc.name in (a, e) and proc.exe in (e, b)"),
		  "proc.name in (a) and proc.exe in (b)" },
		{ "an empty list alone", "- {list: e, items: []}\n" RULE("r", "proc.name in (e) or proc.exe=a"), "false or proc.exe = a" },
		{ "quoted items stay so", "- {list: e, items: ['\"(a b)\"', \"'c'\"]}\n" RULE("r", "proc.name in (e)"), "proc.name in (\"(a b)\", c)" },
		{ "a list in quotes", "- {list: e, items: [x]}\n" RULE("r", "proc.cmdline contains \"a e b\""), "proc.cmdline contains \"a x b\"" },
		{ "a word that a list's name is a part of", "- {list: e, items: [x]}\n" RULE("r", "proc.name in (ee, e.e, -e)"), "proc.name in (ee, e.e, -e)" },
		{ "a list after =", "- {list: e, items: [x]}\n" RULE("r", "proc.name=e"), "proc.name = x" },
		{ "a word in place of a list", RULE("r", "proc.name in shells"), "proc.name in (shells)" },
		{ "a later list counts", "- {list: e, items: [x]}\n" RULE("r", "proc.name in (e)") "- {list: e, items: [y]}\n", "proc.name in (y)" },
		{ "append to a list", "- {list: e, items: [x]}\n- {list: e, items: [y], append: true}\n- {list: e, items: [z], override: {items: append}}\n"
		  RULE("r", "proc.name in (e)"), "proc.name in (x, y, z)" },
		{ "replace a list", "- {list: e, items: [x]}\n- {list: e, items: [y], override: {items: replace}}\n" RULE("r", "proc.name in (e)"),
		  "proc.name in (y)" },
		{ "macros are trees", "- {macro: m, condition: proc.name=a or proc.name=b}\n" RULE("r", "m and proc.exe=c"),
		  "(proc.name = a or proc.name = b) and proc.exe = c" },
		{ "append to a macro", "- {macro: m, condition: proc.name=a}\n- {macro: m, condition: or proc.name=b, append: true}\n" RULE("r", "m"),
		  "proc.name = a or proc.name = b" },
		{ "replace a macro", "- {macro: m, condition: proc.name=a}\n- {macro: m, condition: proc.name=b, override: {condition: replace}}\n" RULE("r", "m"),
		  "proc.name = b" },
		{ "an appended macro sees what stands before its last change",
		  "- {macro: m, condition: proc.name=a}\n- {macro: n, condition: proc.name=b}\n- {macro: m, condition: or n, append: true}\n" RULE("r", "m"),
		  "proc.name = a or proc.name = b" },
		{ "append to a condition", RULE("r", "proc.name=a") "- {rule: r, condition: and proc.exe=b, override: {condition: append}}\n",
		  "proc.name = a and proc.exe = b" },
		{ "append as it was", RULE("r", "proc.name=a") "- {rule: r, condition: or proc.exe=b, append: true}\n", "proc.name = a or proc.exe = b" },
		{ "a rule that stands twice", RULE("r", "proc.name=a") RULE("r", "proc.name=b"), "proc.name = b" },
		{ "the number of an event", RULE("r", "evt.num=0 or evt.num>=0 or not evt.num=0"), "false or true or (not false)" },
		{ "directions", RULE("r", "evt.dir=< and not evt.dir=> and evt.dir in (<, >)"), "true and (not false) and true" },
		{ "no value", RULE("r", "not proc.name in (\"<NA>\", N/A) and proc.pname != \"<NA>\" and proc.exe in (<NA>, x)"),
		  "(not (not proc.name exists)) and proc.pname exists and proc.exe in (<NA>, x)" },
		{ "either end", RULE("r", "fd.ip = 10.1.2.3/8"), "fd.cip = 10.0.0.0/8 or fd.sip = 10.0.0.0/8" },
		{ "neither end", RULE("r", "fd.port != 80"), "(not (fd.cport = 80 or fd.sport = 80)) and (fd.cport exists or fd.sport exists)" },
		{ "either end, any of them", RULE("r", "fd.port = anyof (80, 443)"), "fd.cport = anyof (80, 443) or fd.sport = anyof (80, 443)" },
		{ "either end, all of them", RULE("r", "fd.port = allof (80, 443)"),
		  "(fd.cport = 80 or fd.sport = 80) and (fd.cport = 443 or fd.sport = 443)" },
		{ "either end, one of them", RULE("r", "fd.port = oneof (80, 443)"),
		  "((fd.cport = 80 or fd.sport = 80) and (not (fd.cport = 443 or fd.sport = 443))) or "
		  "((not (fd.cport = 80 or fd.sport = 80)) and (fd.cport = 443 or fd.sport = 443))" },
		{ "neither end, all of them", RULE("r", "fd.port != allof (80, 443)"),
		  "(not (fd.cport = anyof (80, 443) or fd.sport = anyof (80, 443))) and (fd.cport exists or fd.sport exists)" },
		{ "neither end, any of them", RULE("r", "fd.port != anyof (80, 443)"),
		  "((not (fd.cport = 80 or fd.sport = 80)) and (fd.cport exists or fd.sport exists)) or "
		  "((not (fd.cport = 443 or fd.sport = 443)) and (fd.cport exists or fd.sport exists))" },
		{ "either end, none given", RULE("r", "fd.port != allof () or fd.port = anyof ()"), "false or false" },
		{ "field to field", RULE("r", "proc.name = val(proc.pname) and proc.exe glob val(proc.name)"), "proc.name = val(proc.pname) and proc.exe glob val(proc.name)" },
		{ "transformers", RULE("r", "toupper(basename(proc.exe)) = tolower(proc.name) and len(proc.name) > +3"),
		  "toupper(basename(proc.exe)) = tolower(proc.name) and len(proc.name) > 3" },
		{ "join and concat", RULE("r", "'join(\"-\", (proc.name, \"x\", evt.rawres)) = a and concat(proc.name, proc.exe) = b'"),
		  "join(\"-\", proc.name, \"x\", text(evt.rawres)) = a and concat(proc.name, proc.exe) = b" },
		{ "modifiers", RULE("r", "proc.name contains oneof (a, b) and proc.exe startswith anyof (c) and proc.exe endswith allof ()"),
		  "proc.name contains oneof (a, b) and proc.exe startswith anyof (c) and false" },
		{ "numbers are decimal", RULE("r", "fd.sport=0443 and fd.sport in (0080, +007, 0, 00) and proc.pid=010 and evt.rawres < -010 and len(proc.name) > 012"),
		  "fd.sport = 443 and fd.sport in (80, 7, 0, 0) and proc.pid = 10 and evt.rawres < -10 and len(proc.name) > 12" },
		{ "texts keep their zeros", RULE("r", "proc.name in (007, +1) and evt.arg.mode = 0755"), "proc.name in (007, +1) and evt.arg.mode = 0755" },
		{ "modes of ours are octal", RULE("r", "vedette.new_mode = 04755"), "vedette.new_mode = 04755" },
		{ "names of ports", RULE("r", "fd.sport in (ssh, https, 8080) and fd.port = domain and fd.rport != www and proc.name = ssh"),
		  "fd.sport in (22, 443, 8080) and (fd.cport = 53 or fd.sport = 53) and fd.rport != 80 and proc.name = ssh" },
		{ "a regular expression's ends of lines", RULE("r", "proc.name regex 'a.*b' and proc.exe regex \"^a$\" and proc.name regex a+ and proc.name regex \"(*LF)a.\""),
		  "proc.name regex \"(?m-s)a.*b\" and proc.exe regex \"(?m-s)^a$\" and proc.name regex a+ and proc.name regex \"(*LF)a.\"" },
		{ "an argument", RULE("r", "proc.aname[2] = sshd and proc.aname[\"3\"] = x"), "proc.aname[2] = sshd and proc.aname[3] = x" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf out = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		assert_int_equal(ruleset_count(set), 1);
		condition_text(ruleset_condition(set, 0), &out);
		if (strcmp(buf_cstr(&out), cases[i].condition) != 0)
			fail_msg("%s: %s", cases[i].what, buf_cstr(&out));
	}
}

/* As yaml-cpp reads them. */
static void booleans_have_many_spellings(void **state)
{
	static const struct {
		const char *text;
		bool truth;
	} cases[] = {
		{ "true", true }, { "True", true }, { "TRUE", true }, { "y", true }, { "Y", true }, { "Yes", true }, { "ON", true }, { "'true'", true },
		{ "false", false }, { "False", false }, { "FALSE", false }, { "n", false }, { "N", false }, { "No", false }, { "OFF", false }, { "\"false\"", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_format(&text, RULE("r", "proc.name=a") "  enabled: %s\n- rule: r\n  condition: or proc.name=b\n  append: true\n", cases[i].text);
		CLEANUP(ruleset_free) struct ruleset *set = load(buf_cstr(&text), &diag);
		if (find_rule(set, "r")->is_enabled != cases[i].truth)
			fail_msg("%s", cases[i].text);
	}
}

static void exceptions_are_taken_back(void **state)
{
#define START "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: proc.name=a or proc.name=b\n  exceptions:\n"
	static const struct {
		const char *what, *text, *condition;
	} cases[] = {
		{ "one field", START "  - {name: x, fields: proc.exe, values: [c, d e]}\n", "(proc.name = a or proc.name = b) and (not proc.exe in (c, \"d e\"))" },
		{ "one field by path", START "  - {name: x, fields: proc.exe, comps: pmatch, values: [/c]}\n",
		  "(proc.name = a or proc.name = b) and (not proc.exe pmatch (/c))" },
		{ "the name of a list", "- {list: l, items: [c, d]}\n" START "  - {name: x, fields: proc.exe, values: [l]}\n",
		  "(proc.name = a or proc.name = b) and (not proc.exe in (c, d))" },
		{ "rows", START "  - {name: x, fields: [proc.exe, proc.pname], values: [[c, d], [e, f]]}\n",
		  "(proc.name = a or proc.name = b) and (not ((proc.exe = c and proc.pname = d) or (proc.exe = e and proc.pname = f)))" },
		{ "rows with comparisons", START "  - {name: x, fields: [proc.exe, proc.pname, proc.cmdline], comps: [startswith, in, \"!=\"], values: [[/c, [d, e], f], [g, \"(h, i)\", \"\"]]}\n",
		  "(proc.name = a or proc.name = b) and (not ((proc.exe startswith /c and proc.pname in (d, e) and proc.cmdline != f) or "
		  "(proc.exe startswith g and proc.pname in (h, i) and proc.cmdline != \"\")))" },
		{ "no values yet", START "  - {name: x, fields: proc.exe}\n", "proc.name = a or proc.name = b" },
		{ "values that are appended", START "  - {name: x, fields: proc.exe}\n- rule: r\n  exceptions: [{name: x, values: [c]}]\n  override: {exceptions: append}\n",
		  "(proc.name = a or proc.name = b) and (not proc.exe in (c))" },
		{ "an exception that is appended", START "  - {name: x, fields: proc.exe, values: [c]}\n- rule: r\n  append: true\n"
		  "  exceptions: [{name: y, fields: [proc.pname], values: [[d]]}]\n",
		  "(proc.name = a or proc.name = b) and (not proc.exe in (c)) and (not proc.pname = d)" },
		{ "exceptions that are replaced", START "  - {name: x, fields: proc.exe, values: [c]}\n- rule: r\n  override: {exceptions: replace}\n"
		  "  exceptions: [{name: x, fields: proc.pname, values: [d]}]\n",
		  "(proc.name = a or proc.name = b) and (not proc.pname in (d))" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf out = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		condition_text(ruleset_condition(set, 0), &out);
		if (strcmp(buf_cstr(&out), cases[i].condition) != 0)
			fail_msg("%s: %s", cases[i].what, buf_cstr(&out));
	}
#undef START
}

/* --- what else a rule says --------------------------------------------------------------------------------------------------- */

static void a_rule_keeps_what_its_author_said(void **state)
{
	static const char text[] = "- required_engine_version: 0.57.0\n- required_plugin_versions: [{name: container, version: 0.4.0, alternatives: [{name: x, version: 1.2.3-rc1}]}]\n"
				   "- rule: Shell in a \"container\"\n  desc: >\n    Long\n    text\n  condition: evt.type in (execve, execveat)\n  output: o\n  priority: Error\n"
				   "  tags: [host, T1059.004, mitre_execution, TA0002, mitre_nonsense]\n"
				   "- rule: Shell in a \"container\"\n  output: p\n  tags: [more]\n  priority: nOtIcE\n  enabled: false\n  desc: and more\n"
				   "  override: {output: append, tags: append, priority: replace, enabled: replace, desc: append}\n";
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
	assert_int_equal(diag.warnings, 0);
	const struct rule_info *rule = find_rule(set, "Shell in a \"container\"");
	assert_non_null(rule);
	assert_string_equal(rule->title, rule->id);
	assert_string_equal(rule->description, "Long text\n and more");
	assert_string_equal(rule->format, "falco");
	assert_int_equal(rule->severity, SEVERITY_LOW);
	assert_int_equal(rule->n_remarks, 1);
	assert_string_equal(rule->remarks[0].key, "priority");
	assert_string_equal(rule->remarks[0].text, "nOtIcE");
	assert_false(rule->is_enabled);
	assert_int_equal(rule->events, 1ull << EVENT_PROC_EXEC);
	assert_string_equal(rule->attack[0], "T1059.004");
	assert_string_equal(rule->attack[1], "TA0002");
	assert_null(rule->attack[2]);
	assert_string_equal(rule->tags[5], "more");
	assert_null(rule->tags[6]);
	assert_int_equal(rule->at.line, 3);
}

/* What is more than is kept of a rule does not keep it from being loaded. */
static void tags_and_outputs_may_be_long(void **state)
{
	CLEANUP(buf_done) struct buf text = { 0 }, message = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	char line[256];
	(void)state;
	buf_add_z(&text, "- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.type = execve\n  output: x");
	for (int i = 0; i < 3000; i++)
		buf_add_z(&text, "\xc3\xa4"); /* the limit is in the middle of one */
	buf_add_z(&text, "%proc.name\n  tags: [a0");
	for (int i = 1; i <= 33; i++)
		buf_add_format(&text, ", a%d", i);
	for (int i = 1; i <= 18; i++)
		buf_add_format(&text, ", T%d", 1000 + i);
	buf_add_z(&text, "]\n" "- rule: s\n  desc: d\n  priority: INFO\n  condition: evt.type = execve\n  output: ");
	for (int i = 0; i < 300; i++)
		buf_add_z(&text, "a%proc.pid");
	buf_add_z(&text, "\n");
	CLEANUP(ruleset_free) struct ruleset *set = load(buf_cstr(&text), &diag);
	const struct rule_info *rule = find_rule(set, "r");
	ruleset_message(set, 0, NULL, &message);
	assert_int_equal(message.n, 1 + 4094);
	assert_string_equal(rule->tags[31], "a31");
	assert_null(rule->tags[32]);
	assert_string_equal(rule->attack[15], "T1016");
	assert_null(rule->attack[16]);
	static const char *const said[] = { "tags: 32 are kept", "tags that are ATT&CK ids: 16 are kept", "t.yaml:5:2059: warning: output: longer than 4096 bytes", "t.yaml:11:" };
	assert_int_equal(diag.warnings, ARRAY_SIZE(said));
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		bool is_said = false;
		for (size_t k = 0; k < diag.n; k++) {
			diag_format(&diag.messages[k], line, sizeof(line));
			is_said |= strstr(line, said[i]) != NULL;
		}
		if (!is_said) {
			show_messages(&diag);
			fail_msg("not said: %s", said[i]);
		}
	}
}

static void priorities_become_severities(void **state)
{
	static const struct {
		const char *priority;
		enum severity severity;
	} cases[] = {
		{ "Emergency", SEVERITY_CRITICAL }, { "ALERT", SEVERITY_CRITICAL }, { "critical", SEVERITY_CRITICAL }, { "ERROR", SEVERITY_HIGH },
		{ "Warning", SEVERITY_MEDIUM },     { "NOTICE", SEVERITY_LOW },     { "Informational", SEVERITY_INFO }, { "info", SEVERITY_INFO },
		{ "DEBUG", SEVERITY_INFO },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		CLEANUP(diag_done) struct diag diag = { 0 };
		snprintf(text, sizeof(text), "- {rule: r, desc: d, output: o, priority: %s, condition: evt.type=execve}\n", cases[i].priority);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		if (ruleset_get(set, 0)->severity != cases[i].severity)
			fail_msg("%s", cases[i].priority);
	}
}

/* --- events in, text out ----------------------------------------------------------------------------------------------------- */

static void outputs_are_rendered(void **state)
{
	static const struct {
		const char *output, *message;
	} cases[] = {
		{ "plain", "plain" },
		{ "*%proc.name ran", "bash ran" },
		{ "a=%proc.name, b=%proc.pname. c=%proc.exe/x", "a=bash, b=sshd. c=/bin/sh/x" },
		{ "%proc.name.x %proc.names", "bash.x bashs" },
		{ "%proc.aname[1] %proc.aname[\"2\"] %proc.name[x]", "sshd init bash[x]" },
		{ "%fd.name|%5fd.name|", "<NA>|<NA> |" },
		{ "%8proc.name|%2proc.name|%<6>proc.name|", "bash    |ba|bash  |" },
		{ "%toupper(proc.name) %3tolower(toupper(proc.name))", "BASH bas" },
		{ "%evt.type %user.uid", "execve 1000" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[400];
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(buf_done) struct buf out = { 0 };
		snprintf(text, sizeof(text), "- {rule: r, desc: d, output: '%s', priority: info, condition: evt.type=execve}\n", cases[i].output);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		const struct strview args[] = { SV("/bin/sh"), SV("-l") }, names[] = { SV("sshd"), SV("init") };
		struct event ev;
		assert_int_equal(event_builder_new(&b), 0);
		event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
		assert_int_equal(event_builder_set_text(b, "process.name", "bash"), 0);
		assert_int_equal(event_builder_set_text(b, "process.parent.name", "sshd"), 0);
		assert_int_equal(event_builder_set_text(b, "user.effective.id", "1000"), 0);
		assert_int_equal(event_builder_set(b, SV("process.args"), args, 2), 0);
		assert_int_equal(event_builder_set(b, SV("vedette.ancestors.name"), names, 2), 0);
		assert_int_equal(event_builder_event(b, &ev), 0);
		struct matches m;
		ruleset_evaluate(set, &ev, &m);
		assert_int_equal(m.n, 1);
		ruleset_message(set, 0, &ev, &out);
		if (strcmp(buf_cstr(&out), cases[i].message) != 0)
			fail_msg("%s: %s", cases[i].output, buf_cstr(&out));
	}
}

/* --- faults ------------------------------------------------------------------------------------------------------------------ */

static void faults_are_refused_where_they_stand(void **state)
{
	static const struct {
		const char *text, *at;
	} cases[] = {
		{ "- required_engine_version: 64\n", "1:28: required_engine_version: the file asks for engine '64'" },
		{ "- required_engine_version: 0.63.1\n", "1:28: required_engine_version" },
		{ "- required_engine_version: [1]\n", "1:28: required_engine_version" },
		{ "- required_engine_version: 1.x\n", "1:28: required_engine_version: '1.x' is no version" },
		{ "- required_plugin_versions: {name: x}\n", "1:29: required_plugin_versions: expected a list" },
		{ "- required_plugin_versions: [{name: x}]\n", "1:30: required_plugin_versions: 'version'" },
		{ "- required_plugin_versions: [{name: x, version: 1.2.3, alternatives: [{version: 1.0.0}]}]\n", "1:71: required_plugin_versions" },
		{ "- {rule: r, condition: evt.type=execve, output: o, priority: info}\n", "1:3: rule 'r' has no 'desc'" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, priority: info}\n", "1:3: rule 'r' has no 'output'" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: o}\n", "1:3: rule 'r' has no 'priority'" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: o, priority: high}\n", "1:71: priority: 'high' is none of" },
		{ "- {rule: r, condition: [a], desc: o, output: o, priority: info}\n", "1:24: condition: expected text, found a list" },
		{ "- {rule: '', condition: a, desc: o, output: o, priority: info}\n", "1:10: rule: expected a name" },
		{ "- {macro: m, condition: ''}\n", "1:26: expected a field" },
		{ "- {macro: m, append: true}\n", "1:3: macro 'm' has no 'condition'" },
		{ "- {macro: m, condition: a, append: true}\n", "1:3: macro 'm' is changed here, but not defined before" },
		{ "- {list: l, items: [a], append: true}\n", "1:3: list 'l' is changed here, but not defined before" },
		{ "- {list: l, override: {items: append}}\n", "1:31: override: 'items' is named, but the item does not have that key" },
		{ "- {list: l, items: x, override: {items: append}}\n- {macro: m, condition: a.b=1}\n", "1:3: list 'l' is changed here" },
		{ "- {list: l, items: [[a]]}\n- {macro: m, condition: a.b=1}\n", "1:21: list: items are text" },
		{ "- {list: l, items: [a]}\n- {list: l, items: [a], override: {items: add}}\n", "2:43: override: 'items' is either 'append' or 'replace'" },
		{ "- {list: l, items: [a]}\n- {list: l, items: [a], append: true, override: {items: append}}\n", "'append' and 'override' in one item" },
		{ RULE("r", "evt.type=execve") "- {rule: r, priority: info, override: {priority: append}}\n", "6:50: override: 'priority' cannot be appended to" },
		{ RULE("r", "evt.type=execve") "- {rule: r, priority: info, desc: x, override: {priority: replace}}\n", "6:35: override: 'desc' has no entry" },
		{ RULE("r", "evt.type=execve") "- {rule: r, source: x, override: {source: replace}}\n", "6:35: override: 'source' cannot be overridden" },
		{ RULE("r", "evt.type=execve") "- {rule: r, tags: [x], append: true}\n", "6:3: rule 'r' is appended to, but neither" },
		{ RULE("r", "evt.type=execve") "- {rule: s, enabled: false}\n", "6:3: rule 's' is switched here, but not defined before" },
		{ RULE("r", "evt.type=execve") "- {rule: r, source: x, condition: a, desc: d, output: o, priority: info}\n", "6:21: source: an earlier rule" },
		{ RULE("r", ">\n    evt.type=execve and\n    proc.name = a b"), "7:19: expected 'and', 'or' or the end of the condition, found 'b'" },
		{ RULE("r", ">\n    evt.type=execve and\n    proc.nam = a"), "7:5: unknown field 'proc.nam'" },
		{ RULE("r", "evt.type=execve and nothing_of_that_name"), "unknown macro 'nothing_of_that_name'" },
		{ "- {macro: one, condition: two}\n- {macro: two, condition: proc.name=a}\n" RULE("r", "one"), "1:27: macro 'two' is used before its definition" },
		{ "- {macro: one, condition: proc.name=a}\n- {macro: two, condition: one}\n- {macro: one, condition: two}\n" RULE("r", "one"), "2:27: macro 'one' is made of itself" },
		{ "- {macro: m, condition: proc.name startswith 1 and proc.name > 1}\n" RULE("r", "m"), "1:62: operator '>' does not fit proc.name" },
		{ RULE("r", "evt.is_open_read contains a"), "5:31: operator 'contains' does not fit evt.is_open_read" },
		{ RULE("r", "'proc.env[\"a]b\"] exists'"), "5:15: field 'proc.env[a]b]': no control characters, no ']' and no quote" },
		{ RULE("r", "fd.ip = oneof (a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7)"), "5:14: 'oneof' takes 16 values at most for fd.ip" },
		{ RULE("r", "evt.rawres = abc"), "5:27: 'abc' is not a number" },
		{ RULE("r", "evt.is_open_read=maybe"), "5:31: 'maybe' is neither true nor false" },
		{ RULE("r", "proc.name regex \"(.\""), "5:30: '(.' is no regular expression: missing closing parenthesis, at offset 2" },
		{ RULE("r", "fd.sport = sssh"), "5:25: 'sssh' is not a number for fd.sport" },
		{ RULE("r", "fd.sport = 00x1"), "5:25: '00x1' is not a number for fd.sport" },
		{ RULE("r", "evt.type=execve") "  enabled: yES\n", "6:12: expected true or false" },
		{ RULE("r", "evt.type=execve") "  enabled: 1\n", "6:12: expected true or false" },
		{ RULE("r", "proc.name regex val(proc.exe)"), "takes no field on its right side" },
		{ RULE("r", "proc.name = val(proc.aname)"), "proc.aname cannot stand on the right side" },
		{ RULE("r", "proc.aname[x] = a"), "takes a number in brackets" },
		{ RULE("r", "proc.name[1] = a"), "takes nothing in brackets" },
		{ RULE("r", "tolower(evt.rawres) = a"), "tolower() takes text" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: 'a %proc.nam', priority: info}\n", "1:62: unknown field 'proc.nam'" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: 'a %', priority: info}\n", "1:62: output: '%' is not followed by a field" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: '%9999proc.name', priority: info}\n", "1:60: output: a width is at most 1024" },
		{ "- {rule: r, condition: evt.type=execve, desc: o, output: '%tolower(proc.name', priority: info}\n", "expected ',' or ')'" },
		{ RULE("r", "evt.type=execve") "  tags: x\n", "6:9: tags: expected a list of text" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{fields: a}]\n", "6:16: exception: expected a map with a 'name'" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x}]\n", "6:16: exception: 'fields' is missing" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.name, comps: =}]\n", "6:52: exception: comps: for one field it is in, pmatch or intersects" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.name, comps: [in]}]\n", "6:52: exception: comps: one field takes one comparison" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: [proc.name], comps: [is]}]\n", "6:55: exception: comps: 'is' is no comparison" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: [proc.name, proc.exe], comps: [in]}]\n", "6:64: exception: comps: expected a list with one comparison" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: [proc.name, proc.exe], values: [[a]]}]\n", "6:66: exception: values: expected a list with one value" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.name, values: [[a]]}]\n", "6:54: exception: values: expected text" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.nam, values: [a]}]\n", "6:34: unknown field 'proc.nam'" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.name}, {name: x, fields: proc.name}]\n", "stands twice in the rule" },
		{ RULE("r", "evt.type=execve") "  exceptions: [{name: x, fields: proc.name}]\n- {rule: r, append: true, exceptions: [{name: x, fields: a}]}\n",
		  "only values can be appended" },
		{ RULE("r", "evt.type=execve") "- {rule: s, when: true, event: file.open, severity: low}\n", "6:3: this item ('rule') is of our own language, but the document is read as Falco's, because of line 1" },
		{ RULE("r", "evt.type=execve") "- {override: r, enabled: false}\n", "6:3: this item ('override') is of our own language" },
		{ RULE("r", "evt.type=execve") "- {override_list: l, append: [a]}\n", "6:3: this item ('override_list') is of our own language" },
		{ RULE("r", "evt.type=execve") "- {cases_for: r, cases: []}\n", "6:3: this item ('cases_for') is of our own language" },
		{ "- {include: x.yaml}\n" RULE("r", "evt.type=execve"), "1:3: this item ('include') is of our own language, but the document is read as Falco's, because of line 2" },
		{ "- {override: r, severity: low}\n- {rule: r, enabled: false}\n", "our own language has '- {override: NAME, enabled: false}'" },
		{ RULE("r", "evt.type=execve and procname=x"), "5:34: unknown field 'procname' (did you mean 'proc.name'?)" },
		{ RULE("r", "evt.type=execve and fd.nam=/x and procname=x"), "5:34: unknown field 'fd.nam' (did you mean 'fd.name'?)" },
		{ RULE("r", "evt.type=execve and procname in (x)"), "5:34: unknown field 'procname'" },
		{ RULE("r", "procname=x") "  source: k8s_audit\n", "unknown field 'procname'" },
		{ "- {list: l, items: [a, 'q\"t']}\n" RULE("r", "proc.name in (l)"), "1:24: expected ',' or ')' in the list, found '\"'" },
		{ "- {list: l, items: [a, 'q =\"t']}\n" RULE("r", "proc.name in (l)"), "1:24: expected ',' or ')' in the list, found 't" },
		{ "- {list: l, items: ['\"abc']}\n" RULE("r", "proc.name in (l)"), "1:21: the quote is never closed" },
		{ "- {list: l, items: [a(b]}\n" RULE("r", "proc.name in (l)"), "1:21: expected ',' or ')' in the list, found '('" },
		{ "- {list: l, items: ['a \\d']}\n" RULE("r", "proc.name in (l)"), "1:21: unknown escape" },
		{ "- {list: l, items: [ab]}\n" RULE("r", "proc.pid in (l)"), "6:27: 'ab' is not a number" },
		{ "- {macro: m, condition: procname != x}\n", "1:25: unknown field 'procname'" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct ruleset *set = NULL;
		char line[2048] = "";
		bool is_said = false;
		if (ruleset_load_text("t.yaml", sv_from(cases[i].text), &set, &diag) == 0)
			fail_msg("accepted:\n%s", cases[i].text);
		for (size_t k = 0; k < diag.n; k++) {
			diag_format(&diag.messages[k], line, sizeof(line));
			is_said |= diag.messages[k].level == DIAG_ERROR && strstr(line, cases[i].at);
		}
		if (!is_said) {
			show_messages(&diag);
			fail_msg("not said: %s of\n%s", cases[i].at, cases[i].text);
		}
	}
}

/* l0 is made of l1, and so on; n lists, the inner ones first or last. */
static void add_chain(struct buf *out, int n, bool inner_first)
{
	for (int i = 0; i < n; i++) {
		int k = inner_first ? n - 1 - i : i;
		if (k == n - 1)
			buf_add_format(out, "- {list: l%d, items: [cat]}\n", k);
		else
			buf_add_format(out, "- {list: l%d, items: [l%d]}\n", k, k + 1);
	}
	buf_add_z(out, RULE("r", "evt.type=execve and proc.name in (l0)"));
}

/* What is not looked into must not become a text that no process is ever called. */
static void lists_in_lists_are_refused_past_their_depth(void **state)
{
	(void)state;
	for (int inner_first = 0; inner_first < 2; inner_first++) {
		for (int n = LIST_MAX_DEPTH + 1; n <= LIST_MAX_DEPTH + 2; n++) {
			CLEANUP(buf_done) struct buf text = { 0 };
			CLEANUP(diag_done) struct diag diag = { 0 };
			CLEANUP(ruleset_free) struct ruleset *set = NULL;
			add_chain(&text, n, inner_first);
			bool is_deep = !inner_first && n > LIST_MAX_DEPTH + 1;
			int err = ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag);
			if (is_deep) {
				assert_int_not_equal(err, 0);
				assert_non_null(strstr(diag.messages[0].text, "lists nested too deep"));
				continue;
			}
			assert_int_equal(err, 0);
			CLEANUP(buf_done) struct buf shown = { 0 };
			condition_text(ruleset_condition(set, 0), &shown);
			if (!strstr(buf_cstr(&shown), "cat"))
				fail_msg("%d lists: %s", n, buf_cstr(&shown));
		}
	}
}

/* A list of 100 KB that is named again and again: refused before it takes much memory. */
static void lists_do_not_grow_without_end(void **state)
{
	(void)state;
	enum { ITEMS = 10000, USES = 5000, MEMORY_MAX_KB = 300 * 1024 };
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	struct rusage before, after;
	buf_add_z(&text, "- list: big\n  items: [");
	for (int i = 0; i < ITEMS; i++)
		buf_add_format(&text, "%sitem%05d", i ? ", " : "", i);
	buf_add_z(&text, "]\n- rule: r\n  desc: d\n  output: o\n  priority: info\n  condition: evt.type=execve and (proc.name in (big)");
	for (int i = 1; i < USES; i++)
		buf_add_z(&text, " or proc.name in (big)");
	buf_add_z(&text, ")\n");
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	assert_int_not_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_non_null(strstr(diag.messages[0].text, "with its lists put in"));
	if (after.ru_maxrss - before.ru_maxrss > MEMORY_MAX_KB)
		fail_msg("%ld KB", after.ru_maxrss - before.ru_maxrss);
}

static void doubts_are_warned_of(void **state)
{
	static const struct {
		const char *text, *at;
	} cases[] = {
		{ RULE("r", "proc.name=a"), "1:9: warning: rule 'r' looks at more than 100 types of events" },
		{ RULE("r", "not evt.type in (execve, open)"), "looks at more than 100 types of events" },
		{ RULE("r", "evt.type=execve") "  colour: red\n", "6:3: warning: unknown key 'colour' in a rule is ignored" },
		{ RULE("r", "evt.type=execve") "  capture: true\n", "6:12: warning: capture: nothing is captured here" },
		{ RULE("r", "evt.type=execve") "- {rule: r, enabled: false}\n", "6:3: warning: 'enabled' alone is deprecated" },
		{ RULE("r", "evt.type=execve") "- {rule: r, condition: and evt.num>0, append: true}\n", "warning: 'append' is deprecated" },
		{ "- {list: shells, items: [sh]}\n" RULE("r", "evt.type=execve and proc.name in (shellz) and not proc.pname in (shells)"),
		  "6:48: warning: 'shellz' is no list (did you mean 'shells'?)" },
		{ "- {list: shell_binaries, items: [sh]}\n" RULE("r", "evt.type=execve and not proc.pname in (bash, shell_binarys, shell_binaries)"),
		  "6:59: warning: 'shell_binarys' is no list" },
		{ RULE("r", "evt.type=execve and evt.dir=<"), "warning: evt.dir is deprecated" },
		{ RULE("r", "evt.type=execve") "- {macro: m, condition: proc.name=a}\n", "6:3: warning: macro 'm' is used nowhere" },
		{ RULE("r", "evt.type=execve") "- {list: l, items: []}\n", "6:3: warning: list 'l' is used nowhere" },
		{ RULE("r", "evt.type=execve") "- {colour: red}\n", "6:3: warning: unknown item is ignored" },
		{ RULE("r", "evt.type=execve") RULE("r", "evt.type=open"), "6:3: warning: rule 'r' is defined twice in this file: that of line 1 does not count" },
		{ "- {macro: m, condition: proc.name=a}\n- {macro: m, condition: proc.name=b}\n" RULE("r", "evt.type=execve and m"),
		  "2:3: warning: macro 'm' is defined twice in this file: that of line 1 does not count" },
		{ "- {list: l, items: [a]}\n- {list: l, items: [b]}\n" RULE("r", "evt.type=execve and proc.name in (l)"),
		  "2:3: warning: list 'l' is defined twice in this file: that of line 1 does not count" },
		{ RULE("r", "evt.type=execve and proc.nothing=1") "  skip-if-unknown-filter: true\n", "5:34: warning: rule 'r' is skipped, as it asks for: there is no field 'proc.nothing'" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		(void)set; /* what counts is what diag says */
		char line[2048] = "";
		bool is_said = false;
		for (size_t k = 0; k < diag.n; k++) {
			diag_format(&diag.messages[k], line, sizeof(line));
			is_said |= strstr(line, cases[i].at) != NULL;
		}
		if (!is_said || diag.warnings != 1) {
			show_messages(&diag);
			fail_msg("not said, or more than it: %s", cases[i].at);
		}
	}
}

/* One load reports all faults of a rule, whatever the first of them is. */
static void all_faults_of_a_rule_are_reported(void **state)
{
	static const char text[] = "- {list: l, items: [a]}\n- rule: r\n  desc: d\n  condition: evt.type=execve and fd.nam=/x and procname=l and proc.pid=abc\n"
				   "  output: o %proc.foo\n  priority: INF\n  tags: mitre\n";
	static const char *const said[] = { "7:9: tags: expected", "'fd.nam'", "'procname'", "'abc' is not a number", "'proc.foo'", "'INF' is none of" };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	char line[2048];
	(void)state;
	assert_int_equal(ruleset_load_text("t.yaml", sv_from(text), &set, &diag), -EINVAL);
	assert_int_equal(diag.errors, ARRAY_SIZE(said));
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		bool is_said = false;
		for (size_t k = 0; k < diag.n; k++) {
			diag_format(&diag.messages[k], line, sizeof(line));
			is_said |= strstr(line, said[i]) != NULL;
		}
		if (!is_said) {
			show_messages(&diag);
			fail_msg("not said: %s", said[i]);
		}
	}
}

static void types_are_counted_through_not(void **state)
{
	static const char *const quiet[] = {
		RULE("r", "not not evt.type=execve"),
		RULE("r", "not (not evt.type in (execve, open) or proc.name=a)"),
		RULE("r", "proc.name=a and (evt.type=open or evt.type=execve)"),
		RULE("r", "evt.type in (open, execve) and not evt.type=open"),
		RULE("r", "proc.name=a") "  warn_evttypes: false\n",
		RULE("r", "evt.num=0"),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quiet); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(quiet[i], &diag);
		(void)set; /* what counts is what diag says */
		if (diag.warnings) {
			show_messages(&diag);
			fail_msg("warned of:\n%s", quiet[i]);
		}
	}
}

/* --- files ------------------------------------------------------------------------------------------------------------------- */

static void documents_are_known_by_their_shape(void **state)
{
	static const struct {
		const char *text, *format; /* of the rule r; NULL: ours */
	} cases[] = {
		{ RULE("r", "evt.type=execve"), "falco" },
		{ "- {list: l, items: [execve]}\n---\n" RULE("r", "evt.type in (l)"), "falco" },
		{ "- {list: l, items: [/etc/shadow]}\n---\n- {rule: r, event: file.open, severity: low, when: file.path in (l)}\n", NULL },
		{ "- {list: l, items: [/etc/shadow]}\n- {rule: r, event: file.open, severity: low, when: file.path in (l)}\n---\n- {macro: m, condition: proc.name=a}\n", NULL },
		{ RULE("r", "evt.type in (l)") "- {list: l, items: [open]}\n---\n- {list: l, items: [execve]}\n", "falco" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		const struct rule_info *rule = find_rule(set, "r");
		bool is_ours = !rule->format;
		if (is_ours != !cases[i].format)
			fail_msg("%s: %s", cases[i].text, rule->format ? rule->format : "ours");
		if (i == 4)
			assert_int_equal(rule->events, 1ull << EVENT_PROC_EXEC); /* a later list counts, from a file of lists alone too */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_come_out_as_written),
		cmocka_unit_test(booleans_have_many_spellings),
		cmocka_unit_test(exceptions_are_taken_back),
		cmocka_unit_test(a_rule_keeps_what_its_author_said),
		cmocka_unit_test(tags_and_outputs_may_be_long),
		cmocka_unit_test(priorities_become_severities),
		cmocka_unit_test(outputs_are_rendered),
		cmocka_unit_test(faults_are_refused_where_they_stand),
		cmocka_unit_test(lists_in_lists_are_refused_past_their_depth),
		cmocka_unit_test(lists_do_not_grow_without_end),
		cmocka_unit_test(doubts_are_warned_of),
		cmocka_unit_test(all_faults_of_a_rule_are_reported),
		cmocka_unit_test(types_are_counted_through_not),
		cmocka_unit_test(documents_are_known_by_their_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
