/* SPDX-License-Identifier: Apache-2.0 */
/* The table of computed.def, and fields made of its rows. */
#include "engine/rules/computed.h"

#include <stdio.h>

#include "engine/base/num.h"
#include "engine/rules/computed_functions.h"

static const struct computed rows[] = {
#define ALIAS(row_name, row_of, row_doc) { .name = (row_name), .of = (row_of), .doc = (row_doc) },
#define COMPUTED(row_name, row_kind, row_argument, row_function, row_of, row_events, row_flags, row_may_be, row_doc)                          \
	{ .name = (row_name), .kind = KIND_##row_kind, .argument = ARGUMENT_##row_argument, .function = row_function, .of = (row_of),        \
	  .events = (row_events), .flags = (row_flags), .may_be = row_may_be, .doc = (row_doc) },
#define NEVER(row_name, row_kind, row_argument, row_source, why)                                                                            \
	{ .name = (row_name), .kind = KIND_##row_kind, .argument = ARGUMENT_##row_argument, .of = "", .never = (why), .source = row_source, \
	  .doc = (why) },
#include "engine/rules/computed.def"
};

const struct computed *computed_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? &rows[i] : NULL;
}

/* --- names ----------------------------------------------------------------------------------------------------------------- */

struct name_parts {
	struct strview name, argument; /* argument.p NULL: no brackets */
};

static struct name_parts split(struct strview text)
{
	struct name_parts parts = { .name = text };
	const char *open = text.n ? memchr(text.p, '[', text.n) : NULL;
	if (!open || text.p[text.n - 1] != ']')
		return parts;
	parts.name.n = (size_t)(open - text.p);
	parts.argument = (struct strview){ open + 1, text.n - parts.name.n - 2 };
	return parts;
}

static bool row_fits(const struct computed *row, const struct name_parts *parts)
{
	switch (row->argument) {
	case ARGUMENT_NONE:
		return !parts->argument.p && sv_is(parts->name, row->name);
	case ARGUMENT_INDEX:
	case ARGUMENT_NAME:
		return parts->argument.p && sv_is(parts->name, row->name);
	case ARGUMENT_DOTTED:
		return !parts->argument.p && parts->name.n > strlen(row->name) && sv_starts(parts->name, sv_from(row->name)) && is_plain_name(parts->name);
	}
	return false;
}

static const struct computed *row_find(const struct name_parts *parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (row_fits(&rows[i], parts))
			return &rows[i];
	return NULL;
}

/* Why no row fits: the name may be there with another argument. */
static enum computed_fault fault_of(const struct name_parts *parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!sv_is(parts->name, rows[i].name))
			continue;
		if (parts->argument.p)
			return COMPUTED_NO_ARGUMENT;
		return rows[i].argument == ARGUMENT_INDEX ? COMPUTED_NEEDS_INDEX : COMPUTED_NEEDS_NAME;
	}
	return COMPUTED_UNKNOWN;
}

/* --- fields ---------------------------------------------------------------------------------------------------------------- */

struct value computed_never(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	(void)ev;
	return computed_missing(ref);
}

struct value base_value(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value v = ref->events >> ev->type->number & 1 ? computed_base(ev, ref) : computed_missing(ref);
	v.class = ref->class;
	v.kind = ref->kind;
	return v;
}

/* What is taken over from the field it is made of: where it stands in records, and when it is cut. */
static bool take_base(struct compiler *c, const struct computed *row, struct field_ref *ref)
{
	if (!row->of[0])
		return true;
	const struct field_ref *base = field_lookup_own(c, sv_from(row->of));
	if (!base)
		return false; /* no memory: a test looks all rows up */
	*ref = *base;
	return true;
}

static enum computed_fault prepare(struct compiler *c, const struct computed *row, struct field_ref *ref)
{
	if (row->function == event_arg || row->function == event_args)
		return arg_prepare(c, ref);
	return COMPUTED_FOUND;
}

/* Names of processes, which the kernel cuts. */
static bool is_comm(const struct computed *row)
{
	return row->function == process_aname || row->function == process_anames || row->function == process_sname || row->function == process_pgid_name;
}

/* The most bytes that it ever has; 0: no such limit is known. */
static size_t max_bytes_of(const struct computed *row)
{
	return is_comm(row) ? RECORD_COMM - 1 : row->function == container_short_id ? CONTAINER_SHORT : 0;
}

static enum computed_fault fill(struct compiler *c, const struct computed *row, const struct name_parts *parts, struct field_ref *ref)
{
	if (!take_base(c, row, ref)) {
		c->no_memory = true;
		return COMPUTED_UNKNOWN;
	}
	bool is_alias = !row->function && !row->never;
	if (is_alias) {
		if (ref->kind == KIND_COMM)
			ref->kind = KIND_STR; /* Falco's texts have no limit: a longer one just never matches */
		return COMPUTED_FOUND;
	}
	ref->kind = row->kind;
	ref->class = kind_get(row->kind)->class;
	ref->compute = row->function ? row->function : computed_never;
	ref->events = row->never ? 0 : row->events ? row->events : ref->events;
	ref->events &= event_types_named();
	ref->is_of_image = row->flags & COMPUTED_OF_IMAGE;
	ref->needs_outcome = row->flags & COMPUTED_OUTCOME;
	ref->is_each = row->flags & COMPUTED_EACH;
	ref->never = row->never;
	ref->source = row->source;
	ref->may_be = row->may_be;
	ref->max_bytes = max_bytes_of(row);
	ref->argument = parts->argument;
	if (row->argument == ARGUMENT_DOTTED)
		ref->argument = sv_from_index(parts->name, strlen(row->name));
	if (row->argument == ARGUMENT_INDEX && num_parse_u64(ref->argument, ANCESTOR_MAX, &ref->number))
		return COMPUTED_NEEDS_INDEX;
	if ((row->argument == ARGUMENT_NAME || row->argument == ARGUMENT_DOTTED) && !ref->argument.n)
		return COMPUTED_NEEDS_NAME;
	if (row->flags & COMPUTED_OF_IMAGE && ref->number == 0 && row->argument == ARGUMENT_INDEX)
		ref->is_of_image = false; /* [0] is the process itself, whose name may change */
	return prepare(c, row, ref);
}

enum computed_fault computed_lookup(struct compiler *c, struct strview name, struct field_ref **ret)
{
	struct name_parts parts = split(name);
	const struct computed *row = row_find(&parts);
	if (!row)
		return fault_of(&parts);
	struct field_ref *ref = arena_alloc(c->arena, sizeof(*ref));
	char *copy = arena_text(c->arena, name);
	if (!ref || !copy) {
		c->no_memory = true;
		return COMPUTED_UNKNOWN;
	}
	parts = split((struct strview){ copy, name.n });
	enum computed_fault fault = fill(c, row, &parts, ref);
	if (fault == COMPUTED_FOUND) {
		ref->name = copy;
		*ret = ref;
	}
	return fault;
}

/* --- text ------------------------------------------------------------------------------------------------------------------ */

void scribe_start(struct scribe *s, struct matcher *m, size_t max)
{
	*s = (struct scribe){ .p = matcher_alloc(m, max), .max = max };
	s->failed = !s->p;
}

void scribe_add(struct scribe *s, struct strview text)
{
	if (s->failed || text.n > s->max - s->n) {
		s->failed = true;
		return;
	}
	if (text.n)
		memcpy(s->p + s->n, text.p, text.n);
	s->n += text.n;
}

void scribe_u64(struct scribe *s, uint64_t u)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	scribe_add(s, (struct strview){ digits + at, sizeof(digits) - at });
}

void scribe_s64(struct scribe *s, int64_t i)
{
	if (i < 0)
		scribe_add(s, SV("-"));
	scribe_u64(s, i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
}

void scribe_format(struct scribe *s, const char *format, ...)
{
	if (s->failed)
		return;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(s->p + s->n, s->max - s->n, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= s->max - s->n)
		s->failed = true;
	else
		s->n += (size_t)n;
}

struct value scribe_value(struct scribe *s, struct matcher *m, const struct field_ref *ref)
{
	if (s->failed)
		return computed_missing(ref);
	m->used -= s->max - s->n; /* nothing was taken since scribe_start */
	return computed_text(ref, (struct strview){ s->p, s->n });
}
