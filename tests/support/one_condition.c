/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/one_condition.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool is_fine, const char *what, const char *detail)
{
	if (is_fine)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static const char names_of_file[] =
	"- {list: readers, items: [/usr/bin/cat, more_readers]}\n"
	"- {list: more_readers, items: [/usr/bin/tac, \"quoted name\"]}\n"
	"- {list: none, items: []}\n"
	"- {macro: reads_shadow, when: \"file.path = /etc/shadow and file.open.read\"}\n"
	"- {macro: nested-one, when: not reads_shadow or false}\n";

int condition_load(const char *events, const char *condition, struct ruleset **ret, struct diag *diag)
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
	must(buf_error(&text) == 0, "memory", condition);
	return ruleset_load_text("t.yaml", buf_sv(&text), ret, diag);
}

void given_set(struct event_builder *b, const struct given *fields, size_t n)
{
	for (size_t i = 0; i < n && fields[i].field; i++) {
		struct strview items[16];
		size_t count = 0;
		const char *from = fields[i].value;
		for (const char *bar; (bar = strchr(from, '|')) != NULL; from = bar + 1)
			items[count++] = (struct strview){ from, (size_t)(bar - from) };
		items[count++] = sv_from(from);
		must(event_builder_set(b, sv_from(fields[i].field), items, count) == 0, "cannot set", fields[i].field);
	}
}

const struct given open_event[N_OPEN_EVENT] = {
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
const struct given connect_event[N_CONNECT_EVENT] = {
	{ "destination.ip", "10.1.2.3" },
	{ "source.ip", "2001:db8::1" },
	{ "destination.port", "443" },
	{ "network.transport", "tcp" },
	{ "process.name", "curl" },
};

bool condition_holds_on(const char *condition, uint32_t number, const struct given *fields, size_t n)
{
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	char line[1200] = "";
	if (condition_load(event_type_by_number(number)->name, condition, &set, &diag)) {
		diag_format(&diag.messages[0], line, sizeof(line));
		must(false, condition, line);
	}
	struct event ev;
	struct matches m;
	must(event_builder_new(&b) == 0, "memory", condition);
	event_builder_begin(b, event_type_by_number(number));
	given_set(b, fields, n);
	must(event_builder_event(b, &ev) == 0, "no event for", condition);
	ruleset_evaluate(set, &ev, &m);
	return m.n == 1;
}
