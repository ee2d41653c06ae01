/* SPDX-License-Identifier: Apache-2.0 */
/* evt.*: the call and its result. */
#include "engine/event/syscall.h"
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
static bool result_of(const struct event *ev, int64_t *ret)
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
	return result_of(ev, &result) ? computed_sint(ref, result) : computed_missing(ref);
}

struct value event_res(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	int64_t result;
	if (!result_of(ev, &result))
		return computed_missing(ref);
	if (result >= 0)
		return computed_text(ref, SV("SUCCESS"));
	const char *name = symbol_text(KIND_ERRNO, (uint64_t)-result);
	if (name)
		return computed_text(ref, sv_from(name));
	struct scribe s;
	scribe_start(&s, m, 24);
	scribe_format(&s, "%lld", (long long)-result);
	return scribe_value(&s, m, ref);
}

struct value event_failed(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	int64_t result;
	return result_of(ev, &result) ? computed_uint(ref, result < 0) : computed_missing(ref);
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

static uint32_t access_of(const struct wire_file_open *open)
{
	return open->flags == UINT32_MAX ? 0 : open->flags & ACCESS_MODE;
}

/* Both access bits at once, which the kernel takes for neither, Falco counts as reading. */
struct value event_is_open_read(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	return computed_uint(ref, open && access_of(open) != ACCESS_WRITE);
}

struct value event_is_open_write(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	uint32_t access = open ? access_of(open) : 0;
	return computed_uint(ref, access == ACCESS_WRITE || access == ACCESS_BOTH);
}

struct value event_is_open_exec(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct wire_file_open *open = open_of(ev);
	return computed_uint(ref, open && open->is_created && open->mode != UINT32_MAX && open->mode & MODE_EXECUTE);
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
