/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/explain_events.h"

#include "alerts/terminal.h"
#include "engine/base/json.h"
#include "engine/state/state.h"

enum { NOTES_SHOWN = 8 }; /* of one event that comes again and again */

static const char *input_id(const struct told_case *t, size_t input)
{
	return ruleset_get(t->set, t->rule->stateful->inputs[input].rule)->id;
}

static void add_time(struct buf *out, uint64_t ns)
{
	if (ns % 1000000000 == 0)
		buf_add_format(out, "%llus", (unsigned long long)(ns / 1000000000));
	else
		buf_add_format(out, "%llums", (unsigned long long)(ns / 1000000));
}

/* "2 of 3" is what a rule needs; where it needs fewer than so many, what it may have. */
static void add_count(const struct told_case *t, uint64_t n, struct buf *out)
{
	const struct stateful *s = t->rule->stateful;
	buf_add_format(out, "%llu counted, ", (unsigned long long)n);
	if (s->most == UINT64_MAX)
		buf_add_format(out, "%llu needed", (unsigned long long)s->least);
	else
		buf_add_format(out, "%llu to %llu needed at the end of the time", (unsigned long long)s->least, (unsigned long long)s->most);
}

static void add_note(const struct told_case *t, const struct case_note *note, struct buf *out)
{
	const struct stateful *s = t->rule->stateful;
	static const char *const texts[] = {
		[NOTE_NO_KEY] = "left out: a field that groups or counts by has no value, or the process is not known",
		[NOTE_QUIET] = "not counted: the count was reached, and begins anew after a time without such events",
		[NOTE_REPEATED] = "counted already: another of the rules holds on it",
		[NOTE_UNAWAITED] = "not awaited: what stands before it has not come in its group and time",
		[NOTE_LATE] = "too late: what came before it is older than the rule's time",
		[NOTE_WAITS] = "the wait begins",
		[NOTE_WAITING] = "the wait had begun",
		[NOTE_CAME] = "it came, and ends the wait",
	};
	terminal_text(out, sv_from(input_id(t, note->input)));
	buf_add_z(out, ": ");
	if (note->kind == NOTE_COUNTED)
		add_count(t, note->n, out);
	else if (note->kind == NOTE_STEP)
		buf_add_format(out, s->kind == STATEFUL_SEQUENCE ? "taken as step %llu of %zu" : "taken: %llu of %zu have come", (unsigned long long)note->n, s->n_inputs);
	else
		buf_add_z(out, texts[note->kind]);
}

/* Has the input taken an event? */
static bool is_taken(const struct told_case *t, size_t input)
{
	for (size_t i = 0; i < t->story->n; i++)
		if (t->story->notes[i].input == input && t->story->notes[i].kind == NOTE_STEP)
			return true;
	return false;
}

static uint64_t most_of(const struct told_case *t, enum state_note_kind kind)
{
	uint64_t most = 0;
	for (size_t i = 0; i < t->story->n; i++)
		if (t->story->notes[i].kind == (int)kind)
			most = MAX(most, t->story->notes[i].n);
	return most;
}

static void add_missing_steps(const struct told_case *t, struct buf *out)
{
	const struct stateful *s = t->rule->stateful;
	uint64_t most = most_of(t, NOTE_STEP);
	buf_add_format(out, "it came to %llu of %zu; missing: ", (unsigned long long)most, s->n_inputs);
	if (s->kind == STATEFUL_SEQUENCE) {
		terminal_text(out, sv_from(input_id(t, MIN((size_t)most, s->n_inputs - 1))));
		buf_add_z(out, most ? " after the others, in their time" : "");
		return;
	}
	bool is_any = false;
	for (size_t i = 0; i < s->n_inputs; i++) {
		if (is_taken(t, i))
			continue;
		buf_add_z(out, is_any ? ", " : "");
		terminal_text(out, sv_from(input_id(t, i)));
		is_any = true;
	}
	buf_add_z(out, is_any ? "" : "all within one time and one group");
}

/* Why nothing was raised. */
static void add_missing(const struct told_case *t, struct buf *out)
{
	switch (t->rule->stateful->kind) {
	case STATEFUL_THRESHOLD:
		buf_add_z(out, "at most ");
		add_count(t, most_of(t, NOTE_COUNTED), out);
		break;
	case STATEFUL_ABSENCE: {
		bool began = false;
		for (size_t i = 0; i < t->story->n; i++)
			began |= t->story->notes[i].kind == NOTE_WAITS;
		buf_add_z(out, began ? "every wait was ended by what it waited for" : "no wait began");
		break;
	}
	default:
		add_missing_steps(t, out);
	}
}

static void add_event(const struct told_case *t, size_t index, struct buf *out)
{
	const struct case_event *e = &t->one->events[index];
	size_t n = 0;
	buf_add_format(out, "  %zu. at ", index + 1);
	add_time(out, e->at_ns);
	buf_add_format(out, " %s", e->one.type->name);
	if (e->times > 1) {
		buf_add_format(out, ", %u times, every ", e->times);
		add_time(out, e->every_ns);
	}
	buf_add_char(out, '\n');
	for (size_t i = 0; i < t->story->n; i++) {
		const struct case_note *note = &t->story->notes[i];
		if (note->event != index || n++ >= NOTES_SHOWN)
			continue;
		buf_add_z(out, "       ");
		if (e->times > 1)
			buf_add_format(out, "the %u. time: ", note->time + 1);
		add_note(t, note, out);
		buf_add_char(out, '\n');
	}
	if (n > NOTES_SHOWN)
		buf_add_format(out, "       ... and %zu more\n", n - NOTES_SHOWN);
	if (n == 0)
		buf_add_z(out, "       no part of the rule holds on it\n");
}

void told_case_text(const struct told_case *t, struct buf *out)
{
	buf_add_z(out, "The case, event by event:\n");
	for (size_t i = 0; i < t->one->n_events; i++)
		add_event(t, i, out);
	if (t->story->n_left_out)
		buf_add_format(out, "  (%zu more are not told)\n", t->story->n_left_out);
	if (t->story->is_raised) {
		buf_add_z(out, "It fires.\n");
		return;
	}
	buf_add_z(out, "It does not fire: ");
	add_missing(t, out);
	buf_add_char(out, '\n');
}

void told_case_json(const struct told_case *t, struct json *j)
{
	json_key(j, "events");
	json_array_begin(j);
	for (size_t i = 0; i < t->story->n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		const struct case_note *note = &t->story->notes[i];
		add_note(t, note, &text);
		json_object_begin(j);
		json_key(j, "event");
		json_u64(j, note->event + 1);
		json_key(j, "step");
		json_str(j, sv_from(input_id(t, note->input)));
		json_key(j, "text");
		json_str(j, buf_sv(&text));
		json_key(j, "time");
		json_u64(j, note->time + 1);
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "fires");
	json_bool(j, t->story->is_raised);
	if (!t->story->is_raised) {
		CLEANUP(buf_done) struct buf text = { 0 };
		add_missing(t, &text);
		json_key(j, "missing");
		json_str(j, buf_sv(&text));
	}
}
