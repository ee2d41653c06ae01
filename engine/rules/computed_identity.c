/* SPDX-License-Identifier: Apache-2.0 */
/* proc.*, thread.*, user.*: who the process is, but for its arguments and ancestors. */
#include "engine/base/num.h"
#include "engine/event/capability.h"
#include "engine/rules/computed_functions.h"

static struct value text_or_missing(const struct field_ref *ref, struct strview text)
{
	return text.n ? computed_text(ref, text) : computed_missing(ref);
}

/* --- arguments and environment --------------------------------------------------------------------------------------------- */

static size_t rest_items(struct strview list, size_t *ret_bytes)
{
	size_t n = 0;
	*ret_bytes = 0;
	for (size_t at = first_item(list).n + 1; at < list.n; n++) {
		size_t length = first_item(sv_from_index(list, at)).n;
		*ret_bytes += length;
		at += length + 1;
	}
	return n;
}

struct value process_cmdnargs(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	size_t bytes;
	struct value args = computed_base(ev, ref);
	return args.is_missing ? computed_missing(ref) : computed_uint(ref, rest_items(args.s, &bytes));
}

struct value process_cmdlenargs(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	size_t bytes = 0;
	struct value args = computed_base(ev, ref);
	if (args.is_missing)
		return computed_missing(ref);
	(void)rest_items(args.s, &bytes);
	return computed_uint(ref, bytes);
}

struct value process_env(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value env = computed_base(ev, ref);
	struct strview item;
	if (env.is_missing)
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, env.s.n + 1);
	for (size_t pos = 0; value_next_item(&env, &pos, &item);) {
		scribe_add(&s, s.n ? SV(" ") : SV(""));
		scribe_add(&s, item);
	}
	return scribe_value(&s, m, ref);
}

struct value process_env_of(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value env = computed_base(ev, ref);
	struct strview item, name = ref->argument;
	for (size_t pos = 0; value_next_item(&env, &pos, &item);)
		if (item.n > name.n && item.p[name.n] == '=' && sv_starts(item, name))
			return computed_text(ref, (struct strview){ item.p + name.n + 1, item.n - name.n - 1 });
	return computed_missing(ref);
}

struct value process_cwd(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value cwd = computed_base(ev, ref);
	if (cwd.is_missing || !cwd.s.n)
		return computed_missing(ref);
	if (cwd.s.p[cwd.s.n - 1] == '/')
		return computed_text(ref, cwd.s);
	struct scribe s;
	scribe_start(&s, m, cwd.s.n + 1);
	scribe_add(&s, cwd.s);
	scribe_add(&s, SV("/"));
	return scribe_value(&s, m, ref);
}

/* --- the terminal ---------------------------------------------------------------------------------------------------------- */

static bool number_after(struct strview text, struct strview prefix, uint64_t max, uint64_t *ret)
{
	return sv_starts(text, prefix) && num_parse_u64(sv_from_index(text, prefix.n), max, ret) == 0;
}

/* The number that stat(2) and /proc show: 8 bits of the minor number, 12 of the major, the rest of the minor. */
static uint64_t device_number(uint64_t major, uint64_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffull) << 12;
}

/* By the names that the kernel and /proc's reader give; false for other drivers. */
static bool tty_number(struct strview name, uint64_t *ret)
{
	static const struct {
		const char *prefix;
		uint64_t major, minor, most;
	} drivers[] = {
		{ "pts", 136, 0, (1 << 20) - 1 }, { "ttyS", 4, 64, 191 }, { "tty", 4, 0, 63 }, { "hvc", 229, 0, 255 },
		{ "ttyAMA", 204, 64, 77 }, { "ttyUSB", 188, 0, 511 },
	};
	uint64_t n;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (!number_after(name, sv_from(drivers[i].prefix), drivers[i].most, &n))
			continue;
		*ret = i == 0 ? device_number(136 + n / 256, n % 256) : device_number(drivers[i].major, drivers[i].minor + n);
		return true;
	}
	return false;
}

/* /proc's reader names other devices tty-MAJOR:MINOR. */
static bool tty_by_device(struct strview name, uint64_t *ret)
{
	const char *colon = name.n ? memchr(name.p, ':', name.n) : NULL;
	uint64_t major, minor;
	if (!colon || !number_after((struct strview){ name.p, (size_t)(colon - name.p) }, SV("tty-"), 4095, &major))
		return false;
	if (num_parse_u64((struct strview){ colon + 1, name.n - (size_t)(colon + 1 - name.p) }, 0xfffff, &minor))
		return false;
	*ret = device_number(major, minor);
	return true;
}

struct value process_tty(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t number;
	struct strview name = DERIVED_TEXT(ev, tty);
	if (name.n)
		return tty_number(name, &number) || tty_by_device(name, &number) ? computed_uint(ref, number) : computed_missing(ref);
	bool is_known = ev->derived && IS_DERIVED(ev->derived, interactive) && !ev->derived->interactive;
	return is_known ? computed_uint(ref, 0) : computed_missing(ref);
}

/* --- times ----------------------------------------------------------------------------------------------------------------- */

struct value process_start(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	bool is_known = ev->derived && IS_DERIVED(ev->derived, start);
	return is_known ? computed_uint(ref, ev->derived->start) : computed_missing(ref);
}

struct value process_duration(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t start = ev->common->start_boot_ns, now = ev->common->boot_ns;
	return start && now >= start ? computed_uint(ref, now - start) : computed_missing(ref);
}

/* Start of the creator in time since boot; 0: not known. */
static uint64_t parent_start_of(const struct event *ev)
{
	struct ancestor parent;
	const struct derived *d = ev->derived;
	return d && d->ancestors && d->ancestors(d->ancestors_source, &parent, 1) ? parent.start_boot_ns : 0;
}

struct value process_parent_duration(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t start = parent_start_of(ev), now = ev->common->boot_ns;
	return start && now >= start ? computed_uint(ref, now - start) : computed_missing(ref);
}

struct value process_parent_start(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint64_t start = parent_start_of(ev);
	if (!start || !IS_DERIVED(ev->derived, time))
		return computed_missing(ref);
	return computed_uint(ref, ev->derived->time - ev->common->boot_ns + start);
}

/* --- session, thread, user ------------------------------------------------------------------------------------------------- */

/* The process of this number, if it is the one of the event or one of those it descends from. */
static bool leader_of(const struct event *ev, uint32_t pid, struct ancestor *ret)
{
	struct ancestor all[ANCESTOR_MAX];
	if (!pid)
		return false;
	if (pid == ev->common->pid) {
		*ret = (struct ancestor){ .pid = pid, .name = comm_of(ev), .executable = DERIVED_TEXT(ev, executable), .args = DERIVED_TEXT(ev, args) };
		return true;
	}
	const struct derived *d = ev->derived;
	size_t n = d && d->ancestors ? d->ancestors(d->ancestors_source, all, ANCESTOR_MAX) : 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].pid == pid) {
			*ret = all[i];
			return true;
		}
	}
	return false;
}

/* Fields of the leader of a session or a process group. */
#define LEADER_FIELD(function, pid_member, text)                                                                           \
	struct value function(struct matcher *m, const struct event *ev, const struct field_ref *ref)               \
	{                                                                                                           \
		(void)m;                                                                                            \
		struct ancestor leader;                                                                             \
		return leader_of(ev, ev->common->pid_member, &leader) ? text_or_missing(ref, text) : computed_missing(ref); \
	}
LEADER_FIELD(process_sname, sid, leader.name)
LEADER_FIELD(process_sid_exe, sid, first_item(leader.args))
LEADER_FIELD(process_sid_exepath, sid, leader.executable)
LEADER_FIELD(process_pgid_name, pgid, leader.name)
LEADER_FIELD(process_pgid_exe, pgid, first_item(leader.args))
LEADER_FIELD(process_pgid_exepath, pgid, leader.executable)

struct value process_is_pgid_leader(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->common->pgid && ev->common->pgid == ev->common->pid);
}

struct value process_is_sid_leader(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->common->sid && ev->common->sid == ev->common->pid);
}

struct value thread_is_main(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return computed_uint(ref, ev->common->tid == ev->common->pid);
}

struct value thread_nametid(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct scribe s;
	scribe_start(&s, m, RECORD_COMM + 16);
	scribe_add(&s, comm_of(ev));
	scribe_add(&s, SV(":"));
	scribe_u64(&s, ev->common->tid);
	return scribe_value(&s, m, ref);
}

_Static_assert(CAPABILITIES * 24 <= CAP_TEXT_BYTES, "all names, of at most 23 bytes, and the blanks between them");

/* Its place in the matcher's memory. What was given out last is not overwritten: a test may ask for two sets, which an event has. */
static struct cap_text *cap_text_of(struct matcher *m, uint64_t bits)
{
	for (size_t i = 0; i < CAP_TEXTS; i++) {
		if (!m->cap_texts[i].is_used || m->cap_texts[i].bits != bits)
			continue;
		m->cap_last = i;
		return &m->cap_texts[i];
	}
	m->cap_next = (m->cap_next + 1) % CAP_TEXTS;
	if (m->cap_next == m->cap_last)
		m->cap_next = (m->cap_next + 1) % CAP_TEXTS;
	m->cap_last = m->cap_next;
	struct cap_text *c = &m->cap_texts[m->cap_next];
	c->is_used = true;
	c->bits = bits;
	c->n = 0;
	for (unsigned i = 0; i < CAPABILITIES; i++) {
		if (!(bits >> i & 1))
			continue;
		struct strview name = sv_from(capability_name(i));
		if (c->n)
			c->text[c->n++] = ' ';
		memcpy(c->text + c->n, name.p, name.n);
		c->n += name.n;
	}
	return c;
}

static struct value capabilities(struct matcher *m, const struct field_ref *ref, uint64_t bits)
{
	const struct cap_text *c = cap_text_of(m, bits);
	return computed_text(ref, (struct strview){ c->text, c->n });
}

struct value thread_cap_permitted(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return capabilities(m, ref, ev->common->cap_permitted);
}

struct value thread_cap_effective(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return capabilities(m, ref, ev->common->cap_effective);
}

struct value user_loginuid(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	uint32_t uid = ev->common->loginuid;
	return computed_sint(ref, uid == UINT32_MAX ? -1 : (int64_t)uid);
}

struct value group_name(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return ev->common->egid == ev->common->gid ? text_or_missing(ref, DERIVED_TEXT(ev, group_name)) : computed_missing(ref);
}

/* --- the executed file ----------------------------------------------------------------------------------------------------- */

enum { OWNER_WRITE = 0200, GROUP_WRITE = 020, OTHER_WRITE = 02 };

/* A refused or failed exec names the file that was not executed: process.* and proc.* are the caller then. */
static bool has_executed(const struct event *ev)
{
	if (ev->type->number != EVENT_PROC_EXEC)
		return false;
	return !ev->derived || !IS_DERIVED(ev->derived, outcome) || ev->derived->outcome != OUTCOME_FAILURE;
}

struct value process_exe_value(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	return has_executed(ev) ? base_value(m, ev, ref) : computed_missing(ref);
}

/* By the permission bits; who is root may write whatever they say. */
bool exec_is_writable(const struct event *ev)
{
	const struct wire_proc_exec *exec = EVENT_AS(ev, proc_exec);
	uint32_t bit = OTHER_WRITE;
	if (exec->mode == UINT32_MAX)
		return false;
	if (ev->common->euid == exec->file_uid)
		bit = OWNER_WRITE;
	else if (ev->common->egid == exec->file_gid)
		bit = GROUP_WRITE;
	return ev->common->euid == 0 || exec->mode & bit;
}

struct value process_is_exe_writable(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	if (!has_executed(ev) || EVENT_AS(ev, proc_exec)->mode == UINT32_MAX)
		return computed_missing(ref);
	return computed_uint(ref, exec_is_writable(ev));
}

/* From the file's last change to a time since boot; missing when the clock was set back in between. */
static struct value since_change(const struct event *ev, const struct field_ref *ref, uint64_t boot_ns)
{
	if (!has_executed(ev) || !ev->derived || !IS_DERIVED(ev->derived, time) || !boot_ns)
		return computed_missing(ref);
	uint64_t ctime = EVENT_AS(ev, proc_exec)->ctime, then = ev->derived->time - ev->common->boot_ns + boot_ns;
	return ctime && then >= ctime ? computed_uint(ref, then - ctime) : computed_missing(ref);
}

struct value process_ctime_to_start(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return since_change(ev, ref, ev->common->start_boot_ns);
}

struct value process_ctime_to_exec(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return since_change(ev, ref, ev->common->boot_ns);
}

bool path_is_memfd(struct strview path)
{
	return sv_starts(path, SV("memfd:")) || sv_starts(path, SV("/memfd:"));
}

struct value process_is_memfd(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value path = computed_base(ev, ref);
	if (path.is_missing)
		return computed_missing(ref);
	return computed_uint(ref, path_is_memfd(path.s));
}
