/* SPDX-License-Identifier: Apache-2.0 */
/* proc.*: the process and those it descends from. */
#include "engine/rules/computed_functions.h"

/* --- arguments ------------------------------------------------------------------------------------------------------------- */

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

/* Text of one kind of all ancestors; those that have none stand as empty. */
enum ancestor_text { ANCESTOR_NAME, ANCESTOR_EXE, ANCESTOR_EXEPATH, ANCESTOR_CMDLINE, ANCESTOR_PID };

static void add_ancestor(struct scribe *s, const struct ancestor *a, enum ancestor_text which)
{
	switch (which) {
	case ANCESTOR_NAME:
		scribe_add(s, a->name);
		break;
	case ANCESTOR_EXE:
		scribe_add(s, first_item(a->args));
		break;
	case ANCESTOR_EXEPATH:
		scribe_add(s, a->executable);
		break;
	case ANCESTOR_CMDLINE:
		scribe_add(s, a->name);
		for (struct strview rest = after_first(a->args); rest.n; rest = after_first(rest)) {
			scribe_add(s, SV(" "));
			scribe_add(s, first_item(rest));
		}
		break;
	case ANCESTOR_PID:
		scribe_u64(s, a->pid);
		break;
	}
}

static size_t ancestor_room(const struct ancestor *a)
{
	return a->name.n + a->executable.n + a->args.n + 16;
}

static struct value one_ancestor(struct matcher *m, const struct event *ev, const struct field_ref *ref, enum ancestor_text which)
{
	struct ancestor a;
	struct scribe s;
	if (ref->number == 0)
		a = (struct ancestor){ .pid = ev->common->pid, .name = comm_of(ev), .executable = DERIVED_TEXT(ev, executable),
				       .args = DERIVED_TEXT(ev, args) };
	else if (!ancestor_at(ev, ref->number, &a))
		return computed_missing(ref);
	scribe_start(&s, m, ancestor_room(&a));
	add_ancestor(&s, &a, which);
	return s.n || s.failed ? scribe_value(&s, m, ref) : computed_missing(ref);
}

static struct value all_ancestors(struct matcher *m, const struct event *ev, const struct field_ref *ref, enum ancestor_text which)
{
	struct ancestor all[ANCESTOR_MAX];
	size_t n = ancestors_of(ev, all, ANCESTOR_MAX), room = 0;
	struct scribe s;
	for (size_t i = 0; i < n; i++)
		room += ancestor_room(&all[i]) + 1;
	if (n == 0)
		return computed_missing(ref);
	scribe_start(&s, m, room);
	for (size_t i = 0; i < n; i++) {
		add_ancestor(&s, &all[i], which);
		scribe_add(&s, (struct strview){ "", 1 });
	}
	return scribe_value(&s, m, ref);
}

#define ANCESTOR_FIELDS(one, all, which)                                                              \
	struct value one(struct matcher *m, const struct event *ev, const struct field_ref *ref)      \
	{                                                                                             \
		return one_ancestor(m, ev, ref, which);                                               \
	}                                                                                             \
	struct value all(struct matcher *m, const struct event *ev, const struct field_ref *ref)      \
	{                                                                                             \
		return all_ancestors(m, ev, ref, which);                                              \
	}
ANCESTOR_FIELDS(process_aname, process_anames, ANCESTOR_NAME)
ANCESTOR_FIELDS(process_aexe, process_aexes, ANCESTOR_EXE)
ANCESTOR_FIELDS(process_aexepath, process_aexepaths, ANCESTOR_EXEPATH)
ANCESTOR_FIELDS(process_acmdline, process_acmdlines, ANCESTOR_CMDLINE)

struct value process_apids(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return all_ancestors(m, ev, ref, ANCESTOR_PID);
}

struct value process_apid(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct ancestor a;
	if (ref->number == 0)
		return computed_uint(ref, ev->common->pid);
	return ancestor_at(ev, ref->number, &a) && a.pid ? computed_uint(ref, a.pid) : computed_missing(ref);
}

struct value process_pcmdline(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct strview name = DERIVED_TEXT(ev, parent_name), rest = after_first(DERIVED_TEXT(ev, parent_args));
	if (!name.n && !rest.n)
		return computed_missing(ref);
	return rest.n ? joined(m, ref, name, rest) : computed_text(ref, name);
}

struct value process_loginshellid(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct ancestor all[ANCESTOR_MAX];
	size_t n = ancestors_of(ev, all, ANCESTOR_MAX);
	uint32_t pid = sv_ends(comm_of(ev), SV("sh")) ? ev->common->pid : 0;
	for (size_t i = 0; i < n; i++)
		if (sv_ends(all[i].name, SV("sh")) && all[i].pid)
			pid = all[i].pid;
	return pid ? computed_sint(ref, pid) : computed_missing(ref);
}
