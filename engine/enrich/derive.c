/* SPDX-License-Identifier: Apache-2.0 */
/* Fills struct derived for an event, from its record and from the tables. What it shows points into these, or into the one scratch. */
#include "engine/enrich/enrich_parts.h"

#include <errno.h>
#include <string.h>

#include "engine/event/syscall.h"

/* A text that is there; NULL text leaves the field missing. */
#define DERIVE_TEXT(derived, which, ...)                \
	do {                                            \
		struct strview text_ = (__VA_ARGS__);   \
		if (text_.n)                            \
			DERIVE(derived, which, text_);  \
	} while (0)

static void derive_names(const struct enrich *e, const struct wire_common *c, struct derived *d)
{
	struct strview user = names_find(e->users, c->uid);
	DERIVE_TEXT(d, user_name, user);
	DERIVE_TEXT(d, effective_user_name, c->euid == c->uid ? user : names_find(e->users, c->euid));
	if (c->loginuid != UINT32_MAX)
		DERIVE_TEXT(d, audit_user_name, c->loginuid == c->uid ? user : names_find(e->users, c->loginuid));
	DERIVE_TEXT(d, group_name, names_find(e->groups, c->gid));
}

static void derive_file(const struct enrich *e, const struct event *ev, struct derived *d)
{
	uint16_t offset = e->types[ev->type->number].path_offset;
	if (!offset)
		return;
	struct wire_str s;
	memcpy(&s, (const char *)ev->common + offset, sizeof(s));
	struct strview path = event_str(ev, s);
	if (!path.n)
		return;
	const char *slash = memrchr(path.p, '/', path.n);
	size_t folder = slash ? (size_t)(slash - path.p) : 0;
	struct strview name = slash ? sv_from_index(path, folder + 1) : path;
	if (slash)
		DERIVE(d, file_directory, (struct strview){ path.p, MAX(folder, (size_t)1) });
	if (!name.n)
		return;
	DERIVE(d, file_name, name);
	const char *dot = memrchr(name.p, '.', name.n);
	if (dot && dot != name.p) /* .bashrc is all name */
		DERIVE_TEXT(d, file_extension, sv_from_index(name, (size_t)(dot - name.p) + 1));
}

/* Reads the container's files at its first event: see "Containers" in docs/ARCHITECTURE.md for why here, and what bounds it. */
static void derive_container(struct enrich *e, const struct event *ev, const struct container_place *place, struct derived *d)
{
	const struct container_facts *facts = containers_get(e->containers, place, ev->common->boot_ns, enrich_is_new_image(ev));
	if (!facts)
		return;
	DERIVE(d, container_id, place->id);
	DERIVE_TEXT(d, container_runtime, sv_from(runtime_name(facts->runtime)));
	DERIVE_TEXT(d, container_name, container_text(facts, CONTAINER_NAME));
	DERIVE_TEXT(d, container_image, container_text(facts, CONTAINER_IMAGE));
	DERIVE_TEXT(d, container_image_tag, image_tag(container_text(facts, CONTAINER_IMAGE)));
	DERIVE_TEXT(d, container_labels, container_text(facts, CONTAINER_LABELS));
	DERIVE_TEXT(d, container_mounts, container_text(facts, CONTAINER_MOUNTS));
	DERIVE_TEXT(d, pod_namespace, container_text(facts, CONTAINER_NAMESPACE));
	DERIVE_TEXT(d, pod_name, container_text(facts, CONTAINER_POD));
	DERIVE_TEXT(d, pod_id, container_text(facts, CONTAINER_POD_UID));
	DERIVE_TEXT(d, pod_labels, container_text(facts, CONTAINER_POD_LABELS));
	DERIVE_TEXT(d, sandbox_id, container_text(facts, CONTAINER_SANDBOX));
	if (facts->is_privileged_known)
		DERIVE(d, container_privileged, facts->is_privileged);
}

/*
 * A cgroup that gave way in the table, but that the process is known to be in: it is learned anew, container and all. Where ids cannot be
 * compared the path alone has to tell, because a look for a claim at each event would be too much.
 */
static bool find_by_process(struct enrich *e, uint64_t cgroup_id, const struct image *image, struct cgroup_names *ret)
{
	if (!image || (image->cgroup_id && cgroup_id && image->cgroup_id != cgroup_id))
		return false; /* not known, or moved */
	struct strview path = proctable_text(e->table, image->cgroup);
	if (image->cgroup_id && cgroup_id) {
		cgroups_learn(e->cgroups, cgroup_id, path);
		if (cgroups_find(e->cgroups, cgroup_id, ret))
			return true;
	}
	*ret = (struct cgroup_names){ .path = path, .place = container_place(path) };
	return true;
}

static void derive_cgroup(struct enrich *e, const struct event *ev, const struct image *image, struct derived *d)
{
	struct cgroup_names names = { 0 };
	uint64_t id = ev->common->cgroup_id;
	if (!cgroups_find(e->cgroups, id, &names) && !find_by_process(e, id, image, &names))
		return;
	DERIVE_TEXT(d, cgroup_path, names.path);
	derive_container(e, ev, &names.place, d);
}

static struct strview comm_of(const struct image *image)
{
	return (struct strview){ image->comm, strnlen(image->comm, sizeof(image->comm)) };
}

static size_t list_add(char *list, size_t at, struct strview item)
{
	if (item.n)
		memcpy(list + at, item.p, item.n);
	list[at + item.n] = '\0';
	return at + item.n + 1;
}

static void derive_lineage(struct enrich *e, struct image *image, struct derived *d)
{
	struct lineage_cache *cache = &e->lineage;
	if (cache->of.id != d->image.id || cache->of.version != d->image.version) {
		const struct image *line[LINEAGE_MAX];
		size_t n = proctable_lineage(e->table, image, line), executables = 0, names = 0;
		for (size_t i = 0; i < n; i++) {
			executables = list_add(e->scratch->executables, executables, proctable_text(e->table, line[i]->executable));
			names = list_add(e->scratch->names, names, comm_of(line[i]));
		}
		*cache = (struct lineage_cache){ .of = d->image,
						 .executables = { e->scratch->executables, executables },
						 .names = { e->scratch->names, names },
						 .n_line = proctable_line(e->table, image, e->scratch->line) };
	}
	DERIVE_TEXT(d, ancestor_executables, cache->executables);
	DERIVE_TEXT(d, ancestor_names, cache->names);
	d->lineage = e->scratch->line;
	d->n_lineage = cache->n_line;
}

static void derive_parent(struct enrich *e, struct image *image, struct derived *d)
{
	struct image *parent = proctable_parent(e->table, image);
	if (!parent)
		return;
	proctable_complete(e->table, parent);
	DERIVE_TEXT(d, parent_name, comm_of(parent));
	DERIVE_TEXT(d, parent_executable, proctable_text(e->table, parent->executable));
	DERIVE_TEXT(d, parent_command_line, proctable_text(e->table, parent->command_line));
	DERIVE_TEXT(d, parent_args, proctable_text(e->table, parent->args));
}

static void derive_previous(struct enrich *e, struct image *image, struct derived *d)
{
	struct image *previous = proctable_previous(e->table, image);
	if (!previous)
		return;
	proctable_complete(e->table, previous);
	DERIVE_TEXT(d, previous_executable, proctable_text(e->table, previous->executable));
}

static void derive_process(struct enrich *e, struct image *image, struct derived *d)
{
	proctable_complete(e->table, image);
	DERIVE_TEXT(d, executable, proctable_text(e->table, image->executable));
	DERIVE_TEXT(d, command_line, proctable_text(e->table, image->command_line));
	DERIVE_TEXT(d, args, proctable_text(e->table, image->args));
	DERIVE_TEXT(d, cwd, proctable_text(e->table, image->cwd));
	DERIVE_TEXT(d, tty, proctable_text(e->table, image->tty));
	if (!(image->flags & IMAGE_MADE_UP)) {
		DERIVE(d, interactive, image->tty != 0);
		DERIVE(d, is_snapshot, (image->flags & IMAGE_SNAPSHOT) != 0);
	}
}

/* Of the program itself, what the table shows: the parent and the ancestors are always the table's. */
static bool shows_same(const struct derived *a, const struct derived *b)
{
	return sv_equal(a->executable, b->executable) && sv_equal(a->args, b->args) && sv_equal(a->cwd, b->cwd) && sv_equal(a->tty, b->tty) &&
	       a->interactive == b->interactive && a->present == b->present;
}

/* Looked at only when a rule asks. Creators one by one, those included that still run their own creator's program. */
static size_t ancestors_of_current(void *source, struct ancestor *ret, size_t max)
{
	struct enrich *e = source;
	struct image *at = e->current;
	size_t n = 0;
	while (n < MIN(max, (size_t)LINEAGE_MAX) && (at = proctable_parent(e->table, at)) && at != e->current) {
		proctable_complete(e->table, at);
		ret[n++] = (struct ancestor){
			.pid = at->pid,
			.start_boot_ns = at->start_boot_ns,
			.name = comm_of(at),
			.executable = proctable_text(e->table, at->executable),
			.args = proctable_text(e->table, at->args),
		};
	}
	return n;
}

/* The exec event shows what the record has, which may be more than the table keeps. */
static void derive_exec(struct enrich *e, const struct event *ev, struct derived *d)
{
	const struct wire_proc_exec *exec = EVENT_AS(ev, proc_exec);
	struct strview args = event_str(ev, exec->args);
	DERIVE_TEXT(d, executable, enrich_executable_of(ev));
	DERIVE_TEXT(d, cwd, event_str(ev, exec->cwd));
	DERIVE_TEXT(d, tty, event_str(ev, exec->tty));
	DERIVE(d, interactive, exec->tty.length != 0);
	if (!args.n)
		return;
	DERIVE(d, args, args);
	char *line = e->scratch->command_line;
	for (size_t i = 0; i + 1 < args.n; i++)
		line[i] = args.p[i] ? args.p[i] : ' ';
	DERIVE_TEXT(d, command_line, (struct strview){ line, args.n - 1 });
}

/* In lsm mode a call that failed before a hook was asked is told from its arguments. Other errors are no matter of permission. */
static void derive_denier(struct derived *d, const struct wire_common *c, int64_t result)
{
	if (c->verdict == VERDICT_BLOCK)
		DERIVE_TEXT(d, denied_by, SV("vedette"));
	if ((result != -EPERM && result != -EACCES) || c->sensor != SENSOR_LSM || c->verdict == VERDICT_BLOCK)
		return;
	if (c->source != SOURCE_KERNEL)
		DERIVE_TEXT(d, denied_by, SV("earlier"));
	else if (c->stage == STAGE_ATTEMPT)
		DERIVE_TEXT(d, denied_by, SV("later"));
}

void enrich_outcome(struct derived *d, const struct wire_common *c, int64_t result)
{
	d->present &= ~(1ull << DERIVED_error | 1ull << DERIVED_value | 1ull << DERIVED_denied_by);
	derive_denier(d, c, result);
	DERIVE(d, outcome, result < 0 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (result >= 0)
		DERIVE(d, value, result);
	else if (result >= -4095) /* MAX_ERRNO of the kernel */
		DERIVE(d, error, (uint64_t)-result);
}

void enrich_derive(struct enrich *e, const struct event *ev, struct derived *ret)
{
	const struct wire_common *c = ev->common;
	struct derived *d = ret;
	*d = (struct derived){ 0 };
	DERIVE(d, time, c->boot_ns + (uint64_t)e->wall_offset_ns);
	DERIVE_TEXT(d, action, e->types[ev->type->number].action);
	cgroups_want(e->cgroups, c->cgroup_id);
	struct image *image = enrich_process_of(e, c);
	if (image) {
		derive_process(e, image, d);
		derive_parent(e, image, d);
		derive_previous(e, image, d);
		d->image = (struct image_stamp){ image->exec_id, proctable_stamp(e->table, image), proctable_slot(e->table, image) };
		derive_lineage(e, image, d);
		e->current = image;
		d->ancestors = ancestors_of_current;
		d->ancestors_source = e;
	}
	DERIVE_TEXT(d, syscall, syscall_name(c->syscall, c->via));
	uint64_t start_boot_ns = c->start_boot_ns ? c->start_boot_ns : image ? image->start_boot_ns : 0;
	if (start_boot_ns)
		DERIVE(d, start, start_boot_ns + (uint64_t)e->wall_offset_ns);
	if (enrich_is_new_image(ev)) {
		struct derived of_table = *d;
		derive_exec(e, ev, d);
		if (!shows_same(d, &of_table))
			d->image.id = 0;
	} else if (c->type == EVENT_PROC_EXEC) { /* whoever called is what it would have replaced: so the kernel judges it, too */
		DERIVE_TEXT(d, previous_executable, d->executable);
		d->image.id = 0;
	}
	derive_names(e, c, d);
	if (ev->type->number == EVENT_PROC_SETUID)
		DERIVE_TEXT(d, new_user_name, names_find(e->users, EVENT_AS(ev, proc_setuid)->new_uid));
	derive_cgroup(e, ev, image, d);
	derive_file(e, ev, d);
	if (c->verdict == VERDICT_BLOCK)
		enrich_outcome(d, c, -EPERM);
	else if (c->stage == STAGE_COMPLETED)
		enrich_outcome(d, c, c->result);
}
