/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields whose values are made of others: the names that Falco's rules use, for rules of every format. computed.def declares them; the
 * functions stand in computed_*.c by subject. They run when a rule asks, at no cost to events that nobody asks about.
 */
#pragma once

#include "engine/rules/compile.h"
#include "engine/rules/op.h"

enum computed_argument {
	ARGUMENT_NONE,
	ARGUMENT_INDEX,  /* name[2]: a number up to ANCESTOR_MAX */
	ARGUMENT_NAME,   /* name[anything] */
	ARGUMENT_DOTTED, /* name.anything; the row's name ends with the dot */
};

enum computed_flag {
	COMPUTED_OF_IMAGE = 1, /* see field_ref.is_of_image */
	COMPUTED_OUTCOME = 2,  /* see field_ref.needs_outcome */
	COMPUTED_EACH = 4,     /* a list of processes: a test holds when it holds for one of them */
};

/* A row of computed.def. */
struct computed {
	const char *name;
	enum kind_id kind;
	enum computed_argument argument;
	field_function *function; /* NULL: another name of `of`, or `never` */
	const char *of;           /* the field it is another name of, or the one it is made of: then cut when that is; "": none */
	uint64_t events;          /* 0: those of `of` */
	unsigned flags;
	field_may_be *may_be;
	const char *never, *source;
	const char *doc;
};

/* The rows, in the order of the table; NULL past the end. */
const struct computed *computed_at(size_t i);

/* What a lookup says when there is no such field. */
enum computed_fault { COMPUTED_FOUND, COMPUTED_UNKNOWN, COMPUTED_NO_ARGUMENT, COMPUTED_NEEDS_INDEX, COMPUTED_NEEDS_NAME };

/* The field of this name, [argument] included. */
enum computed_fault computed_lookup(struct compiler *c, struct strview name, struct field_ref **ret);

/* --- for the functions ----------------------------------------------------------------------------------------------------- */

static inline struct value computed_missing(const struct field_ref *ref)
{
	return (struct value){ .is_missing = true, .class = ref->class, .kind = ref->kind };
}

static inline struct value computed_text(const struct field_ref *ref, struct strview text)
{
	return (struct value){ .is_missing = !text.p, .class = ref->class, .kind = ref->kind, .s = text };
}

static inline struct value computed_uint(const struct field_ref *ref, uint64_t u)
{
	return (struct value){ .class = ref->class, .kind = ref->kind, .u = u };
}

static inline struct value computed_sint(const struct field_ref *ref, int64_t i)
{
	return (struct value){ .class = ref->class, .kind = ref->kind, .i = i };
}

/* What no event has: missing everywhere. */
field_function computed_never;

/* Value of the field that a computed one is made of. */
static inline struct value computed_base(const struct event *ev, const struct field_ref *ref)
{
	const struct field *field = ref->by_event[ev->type->number];
	if (!field)
		return (struct value){ .is_missing = true, .class = ref->class, .kind = ref->kind };
	return event_get(ev, field);
}

/* A derived member's value; p NULL when it has none. */
#define DERIVED_TEXT(ev, which) \
	((ev)->derived && IS_DERIVED((ev)->derived, which) ? (ev)->derived->which : (struct strview){ NULL, 0 })

/* computed_event.c: what the call is called; n 0: the event stands for no call of its own. */
struct strview computed_call(const struct event *ev);
/* Whether events of this type can stand for the call. */
bool computed_call_may_be(struct strview call, uint32_t event) PURE;
/* Bits of the events that can. 0: none, or no such call. */
uint64_t computed_call_events(struct strview call) PURE;

/* Text built in the scratch of m, at most max bytes; failed when there was no room. */
struct scribe {
	char *p;
	size_t n, max;
	bool failed;
};
void scribe_start(struct scribe *s, struct matcher *m, size_t max);
void scribe_add(struct scribe *s, struct strview text);
void scribe_u64(struct scribe *s, uint64_t u);
void scribe_s64(struct scribe *s, int64_t i);
void scribe_format(struct scribe *s, const char *format, ...) PRINTF_LIKE(2, 3);
/* Gives back what was not used. */
struct value scribe_value(struct scribe *s, struct matcher *m, const struct field_ref *ref);
