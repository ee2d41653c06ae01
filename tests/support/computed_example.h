/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of computed fields: an event from given fields in, text out. Included after cmocka.h. */
#pragma once

#include <string.h>

#include "engine/event/builder.h"
#include "engine/rules/computed.h"
#include "engine/rules/match.h"

enum { MAX_FIELDS = 10 };

struct fixture {
	struct arena arena;
	struct diag diag;
	struct regex_list regexes;
	struct compiler c;
	struct event_builder *builder;
	struct matcher *matcher;
};

static inline void fixture_new(struct fixture *f)
{
	*f = (struct fixture){ .arena = { .max = 64 << 20 } };
	assert_int_equal(compiler_init(&f->c, &f->arena, &f->regexes, &f->diag), 0);
	assert_int_equal(event_builder_new(&f->builder), 0);
	assert_int_equal(matcher_new(&f->matcher), 0);
	f->c.takes_falco_names = true;
}

static inline void fixture_done(struct fixture *f)
{
	compiler_done(&f->c);
	arena_done(&f->arena);
	event_builder_free(&f->builder);
	matcher_free(&f->matcher);
	diag_done(&f->diag);
}

struct given {
	const char *field, *text; /* items of lists separated by '|' */
};

static inline void give(struct fixture *f, const struct given *g)
{
	struct strview items[16], rest = sv_from(g->text);
	size_t n = 0;
	for (;;) {
		const char *bar = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
		items[n++] = (struct strview){ rest.p, bar ? (size_t)(bar - rest.p) : rest.n };
		if (!bar || n == ARRAY_SIZE(items))
			break;
		rest = sv_from_index(rest, (size_t)(bar - rest.p) + 1);
	}
	if (event_builder_set(f->builder, sv_from(g->field), items, n))
		fail_msg("the event takes no %s = %s", g->field, g->text);
}

/* An event from given fields, read through one computed field; want NULL: missing. */
struct example {
	const char *event;
	struct given given[MAX_FIELDS];
	const char *field, *want;
};

static inline void check(struct fixture *f, const struct example *x)
{
	struct event ev;
	const struct event_type *type = event_type_by_name(sv_from(x->event));
	assert_non_null(type);
	event_builder_begin(f->builder, type);
	for (const struct given *g = x->given; g < x->given + MAX_FIELDS && g->field; g++)
		give(f, g);
	assert_int_equal(event_builder_event(f->builder, &ev), 0);
	const struct field_ref *ref = field_lookup(&f->c, sv_from(x->field));
	if (!ref)
		fail_msg("there is no field %s", x->field);
	f->matcher->used = 0;
	struct value v = field_ref_value(f->matcher, &ev, ref);
	struct buf scratch = { 0 };
	struct strview text = value_text(&v, &scratch);
	if (v.is_missing != !x->want || (x->want && !sv_is(text, x->want)))
		fail_msg("%s: %s is " SV_FMT ", not %s", x->event, x->field, SV_ARG(v.is_missing ? SV("missing") : text), x->want ? x->want : "missing");
	if (!v.is_missing && !(ref->events >> type->number & 1))
		fail_msg("%s has %s, and the table denies it", x->event, x->field);
	if (ref->may_be && !v.is_missing && !ref->may_be(ref, type->number, text))
		fail_msg("%s may not be " SV_FMT " in %s, but is", x->field, SV_ARG(text), x->event);
	buf_done(&scratch);
}

static inline void check_all(const struct example *examples, size_t n)
{
	struct fixture f;
	fixture_new(&f);
	for (size_t i = 0; i < n; i++)
		check(&f, &examples[i]);
	fixture_done(&f);
}
