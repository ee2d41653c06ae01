/* SPDX-License-Identifier: Apache-2.0 */
/* Text for terminals. Reads values by name from the table; knows no event. */
#include "alerts/terminal.h"

#include "engine/base/json.h"
#include "engine/event/value.h"

enum { CHAIN_MAX = 6 /* ancestors shown */ };

static void add_bytes(struct buf *out, struct strview bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		buf_add_format(out, "\\x%02x", (unsigned)(unsigned char)bytes.p[i]);
}

bool terminal_is_unsafe(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (n == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c); /* U+0080 to U+009F, U+061C */
	if (n != 3 || p[0] != 0xe2)
		return n == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf; /* byte order mark */
	return (p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) || /* U+200B to U+200F, U+2028 to U+202E */
	       (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf); /* U+2060 to U+206F */
}

void terminal_text(struct buf *out, struct strview text)
{
	for (size_t i = 0; i < text.n;) {
		size_t n = utf8_length(text.p + i, text.n - i);
		struct strview one = { text.p + i, n ? n : 1 };
		if (n && !terminal_is_unsafe(one.p, n))
			buf_add_sv(out, one);
		else
			add_bytes(out, one);
		i += one.n;
	}
}

static struct value value_of(const struct event *ev, const char *name)
{
	const struct field *f = field_find(ev->type, sv_from(name));
	return f ? event_get(ev, f) : (struct value){ .is_missing = true };
}

/* The value's text; false when it is missing. */
static bool add_value(struct buf *out, const struct event *ev, const char *name)
{
	struct value v = value_of(ev, name);
	CLEANUP(buf_done) struct buf scratch = { .max = 4 * RECORD_MAX };
	if (v.is_missing)
		return false;
	terminal_text(out, value_text(&v, &scratch));
	return true;
}

static const char *colour_of(enum severity severity)
{
	static const char *const colours[SEVERITY_COUNT] = { "\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m" };
	return colours[severity];
}

static void add_headline(struct buf *out, const struct alert *alert, bool colour)
{
	const struct rule_info *rule = alert->rule;
	if (colour)
		buf_add_z(out, colour_of(alert_severity(alert)));
	for (const char *c = severity_text(alert_severity(alert)); *c; c++)
		buf_add_char(out, (char)(*c - 'a' + 'A'));
	if (colour)
		buf_add_z(out, "\033[0m\033[1m");
	buf_add_z(out, "  ");
	terminal_text(out, sv_from(rule->title));
	if (colour)
		buf_add_z(out, "\033[0m");
	buf_add_z(out, "  [");
	terminal_text(out, sv_from(rule->id));
	buf_add_char(out, ']');
	for (const char *const *id = rule->attack; *id; id++) {
		buf_add_char(out, ' ');
		terminal_text(out, sv_from(*id));
	}
	if (alert->action != ALERT_ACTION_ALERT)
		buf_add_format(out, "  %s", alert_action_text(alert->action));
	if (alert->kill)
		buf_add_format(out, " (%s)", alert->kill);
	if (alert->undecided.n)
		buf_add_z(out, "  undecided");
	buf_add_char(out, '\n');
}

/* cat(1234) < bash < sshd */
static void add_chain(struct buf *out, const struct event *ev)
{
	if (!add_value(out, ev, "process.name"))
		buf_add_char(out, '?');
	buf_add_char(out, '(');
	(void)add_value(out, ev, "process.pid"); /* every event has one */
	buf_add_char(out, ')');
	struct value names = value_of(ev, "vedette.ancestors.name");
	struct strview name;
	size_t pos = 0, n = 0;
	while (value_next_item(&names, &pos, &name) && n++ < CHAIN_MAX) {
		buf_add_z(out, " < ");
		terminal_text(out, name);
	}
	if (n > CHAIN_MAX)
		buf_add_z(out, " < ...");
	if (n == 0 && !value_of(ev, "process.parent.name").is_missing) {
		buf_add_z(out, " < ");
		(void)add_value(out, ev, "process.parent.name"); /* is there: just asked */
	}
}

void terminal_alert(const struct alert *alert, bool colour, struct buf *out)
{
	add_headline(out, alert, colour);
	if (alert->message.n) {
		buf_add_z(out, "    ");
		terminal_text(out, alert->message);
		buf_add_char(out, '\n');
	}
	if (alert->undecided.n) {
		buf_add_z(out, "    ");
		terminal_text(out, alert->undecided);
		buf_add_char(out, '\n');
	}
	buf_add_z(out, "    ");
	add_chain(out, alert->ev);
	buf_add_z(out, "  user ");
	if (!add_value(out, alert->ev, "user.name"))
		(void)add_value(out, alert->ev, "user.id"); /* every event has one */
	if (!value_of(alert->ev, "container.id").is_missing) {
		buf_add_z(out, "  container ");
		(void)add_value(out, alert->ev, "container.id"); /* is there: just asked */
	}
	buf_add_char(out, '\n');
}

void terminal_event(const struct event *ev, struct buf *out)
{
	/* what an event concerns, by the first of these that has a value */
	static const char *const objects[] = { "process.command_line", "file.path", "vedette.unix.name", "destination.ip", "vedette.target.name" };
	struct value time = value_of(ev, "@timestamp");
	if (!time.is_missing && add_value(out, ev, "@timestamp"))
		buf_add_char(out, ' ');
	buf_add_z(out, ev->type->name);
	buf_add_char(out, ' ');
	add_chain(out, ev);
	bool is_exec = ev->type->number == EVENT_PROC_EXEC;
	for (size_t i = is_exec ? 0 : 1; i < ARRAY_SIZE(objects); i++) {
		if (value_of(ev, objects[i]).is_missing)
			continue;
		buf_add_char(out, ' ');
		(void)add_value(out, ev, objects[i]); /* is there: just asked */
		break;
	}
	if (!value_of(ev, "destination.port").is_missing) {
		buf_add_char(out, ' ');
		(void)add_value(out, ev, "destination.port"); /* is there: just asked */
	}
	buf_add_char(out, '\n');
}
