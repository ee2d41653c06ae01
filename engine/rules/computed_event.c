/* SPDX-License-Identifier: Apache-2.0 */
/* evt.*: the call and its result. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/rules/computed_functions.h"

/* --- the call -------------------------------------------------------------------------------------------------------------- */

struct call_row {
	struct strview name, shown;
	uint64_t events;
};

#define TEXT(literal) { (literal), sizeof(literal) - 1 }

static const struct call_row calls[] = {
#define CALL(call_name, call_shown, call_events) { TEXT(call_name), TEXT(call_shown), call_events },
#include "engine/rules/computed_call.def"
};

static const struct strview canonical[EVENT_NUMBERS] = {
#define CANONICAL(event, shown) [EVENT_##event] = TEXT(shown),
#include "engine/rules/computed_call.def"
};

struct strview computed_call(const struct event *ev)
{
	uint32_t event = ev->type->number;
	struct strview name = DERIVED_TEXT(ev, syscall);
	/* socketcall is many calls in one, and a process may end by none */
	if (!name.n || event == EVENT_PROC_EXIT || sv_is(name, "socketcall"))
		return canonical[event];
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].events >> event & 1 && sv_equal(name, calls[i].name))
			return calls[i].shown;
	return (struct strview){ NULL, 0 };
}

bool computed_call_may_be(struct strview call, uint32_t event)
{
	return event < EVENT_NUMBERS && computed_call_events(call) >> event & 1;
}

uint64_t computed_call_events(struct strview call)
{
	uint64_t events = 0;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (sv_equal(call, calls[i].shown))
			events |= calls[i].events;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (canonical[i].n && sv_equal(call, canonical[i]))
			events |= 1ull << i;
	return events;
}

struct value event_call(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_text(ref, computed_call(ev));
}

bool event_call_may_be(const struct field_ref *ref, uint32_t event, struct strview text)
{
	return ref->events >> event & 1 && computed_call_may_be(text, event);
}

struct value event_call_is(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, sv_equal(computed_call(ev), ref->argument));
}

/* --- its result ------------------------------------------------------------------------------------------------------------ */

/* False while it is not known. */
bool event_result(const struct event *ev, int64_t *ret)
{
	if (!ev->derived)
		return false;
	if (IS_DERIVED(ev->derived, error))
		*ret = -(int64_t)ev->derived->error;
	else if (IS_DERIVED(ev->derived, value))
		*ret = ev->derived->value;
	else
		return false;
	return true;
}

struct value event_rawres(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	int64_t result;
	return event_result(ev, &result) ? computed_sint(ref, result) : computed_missing(ref);
}

struct value event_res(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	int64_t result;
	if (!event_result(ev, &result))
		return computed_missing(ref);
	if (result >= 0)
		return computed_text(ref, SV("SUCCESS"));
	const char *name = symbol_text(KIND_ERRNO, (uint64_t)-result);
	if (name)
		return computed_text(ref, sv_from(name));
	struct scribe s;
	scribe_start(&s, m, 24);
	scribe_s64(&s, -result);
	return scribe_value(&s, m, ref);
}

struct value event_failed(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	int64_t result;
	return event_result(ev, &result) ? computed_uint(ref, result < 0) : computed_missing(ref);
}

struct value event_dir(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	(void)ev;
	return computed_text(ref, SV("<"));
}

/* --- opening --------------------------------------------------------------------------------------------------------------- */

enum { ACCESS_MODE = 3, ACCESS_WRITE = 1, ACCESS_BOTH = 2, MODE_EXECUTE = 0111 };

/* The record of an open that stands for its call; NULL for all other events. */
static const struct wire_file_open *open_of(const struct event *ev)
{
	if (ev->type->number != EVENT_FILE_OPEN || !computed_call(ev).n)
		return NULL;
	return EVENT_AS(ev, file_open);
}

/* Flags that could not be read are no access of any sort: nothing is known of it. */
static bool is_access_unknown(const struct wire_file_open *open)
{
	return open && open->flags == UINT32_MAX;
}

/* Both access bits at once, which the kernel takes for neither, Falco counts as reading. */
struct value event_is_open_read(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	if (is_access_unknown(open))
		return computed_missing(ref);
	return computed_uint(ref, open && (open->flags & ACCESS_MODE) != ACCESS_WRITE);
}

struct value event_is_open_write(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	if (is_access_unknown(open))
		return computed_missing(ref);
	uint32_t access = open ? open->flags & ACCESS_MODE : 0;
	return computed_uint(ref, access == ACCESS_WRITE || access == ACCESS_BOTH);
}

struct value event_is_open_exec(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	if (open && open->is_created && open->mode == UINT32_MAX)
		return computed_missing(ref);
	return computed_uint(ref, open && open->is_created && open->mode & MODE_EXECUTE);
}

struct value event_is_open_create(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	return computed_uint(ref, open && open->is_created);
}

bool event_open_may_be(const struct field_ref *ref, uint32_t event, struct strview text)
{
	(void)ref;
	return event == EVENT_FILE_OPEN || sv_is(text, "false");
}

/* --- time ------------------------------------------------------------------------------------------------------------------ */

enum { NS = 1000000000 };

static bool time_of(const struct event *ev, uint64_t *ret)
{
	if (!ev->derived || !IS_DERIVED(ev->derived, time))
		return false;
	*ret = ev->derived->time;
	return true;
}

struct value event_rawtime(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t ns;
	return time_of(ev, &ns) ? computed_uint(ref, ns) : computed_missing(ref);
}

struct value event_rawtime_s(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t ns;
	return time_of(ev, &ns) ? computed_uint(ref, ns / NS) : computed_missing(ref);
}

struct value event_rawtime_ns(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t ns;
	return time_of(ev, &ns) ? computed_uint(ref, ns % NS) : computed_missing(ref);
}

struct time_form {
	char between; /* date and time of day; 0: no date */
	bool has_ns;
	const char *rest; /* NULL: none */
};

static struct value show_time(struct matcher *m, const struct event *ev, const struct field_ref *ref, struct time_form form)
{
	uint64_t ns;
	struct tm tm;
	if (!time_of(ev, &ns))
		return computed_missing(ref);
	time_t seconds = (time_t)(ns / NS);
	if (!gmtime_r(&seconds, &tm))
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, 64);
	if (form.between)
		scribe_format(&s, "%04d-%02d-%02d%c", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, form.between);
	scribe_format(&s, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (form.has_ns)
		scribe_format(&s, ".%09u", (unsigned)(ns % NS));
	scribe_add(&s, sv_from(form.rest));
	return scribe_value(&s, m, ref);
}

struct value event_time(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return show_time(m, ev, ref, (struct time_form){ .has_ns = true });
}

struct value event_time_s(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return show_time(m, ev, ref, (struct time_form){ 0 });
}

struct value event_iso8601(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return show_time(m, ev, ref, (struct time_form){ .between = 'T', .has_ns = true, .rest = "+0000" });
}

struct value event_datetime(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return show_time(m, ev, ref, (struct time_form){ .between = ' ', .has_ns = true });
}

struct value event_datetime_s(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return show_time(m, ev, ref, (struct time_form){ .between = ' ' });
}

/* --- what is the same for many --------------------------------------------------------------------------------------------- */

struct value event_category(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const char *category = ev->type->category;
	switch (ev->type->number) {
	case EVENT_PROC_KILL:
		return computed_text(ref, SV("signal"));
	case EVENT_PROC_SETUID:
		return computed_text(ref, SV("user"));
	case EVENT_MMAP_EXEC:
	case EVENT_MPROTECT_EXEC:
		return computed_text(ref, SV("memory"));
	case EVENT_PROC_PTRACE:
	case EVENT_PROC_UFFD:
		return computed_text(ref, SV("other"));
	case EVENT_PROC_DUP:
		return computed_text(ref, SV("net"));
	}
	if (strcmp(category, "network") == 0)
		return computed_text(ref, SV("net"));
	bool is_falcos = strcmp(category, "file") == 0 || strcmp(category, "process") == 0;
	return computed_text(ref, is_falcos ? sv_from(category) : SV("other"));
}

/* Of the host that saw the event, which need not be the one that asks: a tape is judged anywhere alike. */
struct value event_hostname(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	bool is_said = ev->derived && ev->derived->host_name.n;
	return is_said ? computed_text(ref, ev->derived->host_name) : computed_missing(ref);
}

struct value event_source(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	(void)ev;
	return computed_text(ref, SV("syscall"));
}

struct value event_false(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	(void)ev;
	return computed_uint(ref, 0);
}

struct value event_one(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	(void)ev;
	return computed_uint(ref, 1);
}

struct value event_is_send(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->type->number == EVENT_NET_SEND);
}

struct value event_is_receive(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->type->number == EVENT_NET_RECEIVE);
}

struct value event_is_io(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->type->number == EVENT_NET_SEND || ev->type->number == EVENT_NET_RECEIVE);
}
