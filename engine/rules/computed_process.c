/* SPDX-License-Identifier: Apache-2.0 */
/* proc.*: the process and those it descends from. */
#include "engine/rules/computed_functions.h"

/* --- arguments ------------------------------------------------------------------------------------------------------------- */

static struct strview first_item(struct strview list)
{
	return (struct strview){ list.p, list.n ? strnlen(list.p, list.n) : 0 };
}

static struct strview after_first(struct strview list)
{
	return sv_from_index(list, first_item(list).n + 1);
}

/* Items joined by blanks, behind `before` and a blank. */
static struct value joined(struct matcher *m, const struct field_ref *ref, struct strview before, struct strview list)
{
	struct scribe s;
	scribe_start(&s, m, before.n + 1 + list.n);
	scribe_add(&s, before);
	bool is_first = before.n == 0;
	for (size_t at = 0; at < list.n; is_first = false) {
		struct strview item = first_item(sv_from_index(list, at));
		if (!is_first)
			scribe_add(&s, SV(" "));
		scribe_add(&s, item);
		at += item.n + 1;
	}
	return scribe_value(&s, m, ref);
}

static struct strview comm_of(const struct event *ev)
{
	const char *comm = ev->common->comm.text;
	return (struct strview){ comm, strnlen(comm, RECORD_COMM) };
}

struct value process_exe(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value args = computed_base(ev, ref);
	return args.is_missing ? computed_missing(ref) : computed_text(ref, first_item(args.s));
}

struct value process_arguments(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value args = computed_base(ev, ref);
	if (args.is_missing)
		return computed_missing(ref);
	struct strview rest = after_first(args.s);
	return rest.n ? joined(m, ref, SV(""), rest) : computed_text(ref, SV(""));
}

struct value process_cmdline(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value args = computed_base(ev, ref);
	struct strview name = comm_of(ev), rest = args.is_missing ? SV("") : after_first(args.s);
	if (!name.n && !rest.n)
		return computed_missing(ref);
	return rest.n ? joined(m, ref, name, rest) : computed_text(ref, name);
}

struct value process_exeline(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value args = computed_base(ev, ref);
	return args.is_missing ? computed_missing(ref) : joined(m, ref, first_item(args.s), after_first(args.s));
}

/* --- ancestors ------------------------------------------------------------------------------------------------------------- */

/*
 * The nearest ancestors, parent first. Without the table of processes (a case of a rule) what the derived fields list: there an image
 * that exec replaced stands for itself.
 */
static size_t ancestors_of(const struct event *ev, struct ancestor *ret, size_t max)
{
	const struct derived *d = ev->derived;
	if (!d)
		return 0;
	if (d->ancestors)
		return d->ancestors(d->ancestors_source, ret, max);
	struct strview names = DERIVED_TEXT(ev, ancestor_names), executables = DERIVED_TEXT(ev, ancestor_executables);
	size_t n = 0;
	for (; n < max && (names.n || executables.n); n++) {
		ret[n] = (struct ancestor){ .name = first_item(names), .executable = first_item(executables) };
		names = after_first(names);
		executables = after_first(executables);
	}
	if (max && (n || IS_DERIVED(d, parent_name) || IS_DERIVED(d, parent_executable) || IS_DERIVED(d, parent_args))) {
		if (!n)
			ret[n++] = (struct ancestor){ .name = DERIVED_TEXT(ev, parent_name), .executable = DERIVED_TEXT(ev, parent_executable) };
		ret[0].args = DERIVED_TEXT(ev, parent_args);
		ret[0].pid = ev->common->ppid;
	}
	return n;
}

/* The n-th, from 1; false: there is none. */
static bool ancestor_at(const struct event *ev, uint64_t n, struct ancestor *ret)
{
	struct ancestor all[ANCESTOR_MAX];
	if (n == 0 || n > ANCESTOR_MAX || ancestors_of(ev, all, n) < n)
		return false;
	*ret = all[n - 1];
	return true;
}

static struct value text_or_missing(const struct field_ref *ref, struct strview text)
{
	return text.n ? computed_text(ref, text) : computed_missing(ref);
}

struct value process_aname(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct ancestor a;
	if (ref->number == 0)
		return text_or_missing(ref, comm_of(ev));
	return ancestor_at(ev, ref->number, &a) ? text_or_missing(ref, a.name) : computed_missing(ref);
}

struct value process_anames(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct ancestor all[ANCESTOR_MAX];
	size_t n = ancestors_of(ev, all, ANCESTOR_MAX);
	struct scribe s;
	scribe_start(&s, m, n * (RECORD_COMM + 1));
	for (size_t i = 0; i < n; i++) {
		scribe_add(&s, all[i].name);
		scribe_add(&s, (struct strview){ "", 1 });
	}
	return n ? scribe_value(&s, m, ref) : computed_missing(ref);
}

/* --- the container --------------------------------------------------------------------------------------------------------- */

enum { CONTAINER_SHORT_ID = 12 };

struct value container_short_id(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct strview id = DERIVED_TEXT(ev, container_id);
	return computed_text(ref, id.n ? (struct strview){ id.p, MIN(id.n, (size_t)CONTAINER_SHORT_ID) } : SV("host"));
}
