/* SPDX-License-Identifier: Apache-2.0 */
/* What records and /proc say of processes, taken over into their images: what they run, when they began, what exec replaced, when they ended. */
#include "engine/enrich/proctable.h"

#include <errno.h>
#include <string.h>

#include "engine/enrich/proctable_parts.h"

enum {
	EXPIRE_MAX = 1000,        /* a second's worth of forks on a busy host, many times over */
	COMPLETE_STEPS = 64,      /* forks of forks whose records have not come in */
};
#define LOST_AFTER_NS 1000000000ull /* an exit record may still be in the ring */

text_id proctable_keep(struct proctable *t, struct strview s, size_t max)
{
	return image_keep_text(t, s, max, NULL);
}

void proctable_drop(struct proctable *t, text_id *id)
{
	text_drop(t->text, id);
}

struct strview proctable_text(const struct proctable *t, text_id id)
{
	return text_get(t->text, id);
}

/* The new text first: a text that stays the same keeps its place. */
static void set_text(struct proctable *t, struct image *image, text_id *at, struct strview s, size_t max)
{
	text_id id = image_keep_text(t, s, max, image);
	text_drop(t->text, at);
	*at = id;
}

static void set_args(struct proctable *t, struct image *image, struct strview args)
{
	char items[PROCTABLE_MAX_ARGS + 1];
	if (args.n > PROCTABLE_MAX_ARGS) {
		args.n = PROCTABLE_MAX_ARGS;
		t->stats.text_cut++;
	}
	if (args.n) {
		memcpy(items, args.p, args.n);
		items[args.n - 1] = '\0'; /* when cut, the last item still has to end */
	}
	set_text(t, image, &image->args, (struct strview){ items, args.n }, PROCTABLE_MAX_ARGS);
	for (size_t i = 0; i + 1 < args.n; i++)
		if (!items[i])
			items[i] = ' ';
	set_text(t, image, &image->command_line, (struct strview){ items, args.n ? args.n - 1 : 0 }, PROCTABLE_MAX_ARGS);
}

static void set_cgroup(struct proctable *t, struct image *image, struct strview path)
{
	set_text(t, image, &image->cgroup, path, PROCFS_TEXT);
}

/* Mostly the same text as the path. One that is cut would be another file's. */
static void set_place(struct proctable *t, struct image *image, struct strview fs_path, uint32_t device)
{
	set_text(t, image, &image->fs_path, fs_path.n < TEXT_MAX ? fs_path : (struct strview){ NULL, 0 }, TEXT_MAX);
	image->device = device;
}

static void share_program(struct proctable *t, struct image *to, const struct image *from)
{
	image_drop_texts(t, to);
	to->executable = text_share(t->text, from->executable);
	to->args = text_share(t->text, from->args);
	to->command_line = text_share(t->text, from->command_line);
	to->cwd = text_share(t->text, from->cwd);
	to->tty = text_share(t->text, from->tty);
	to->cgroup = text_share(t->text, from->cgroup);
	to->fs_path = text_share(t->text, from->fs_path);
	to->device = from->device;
	to->cgroup_id = from->cgroup_id;
	memcpy(to->comm, from->comm, sizeof(to->comm));
}

/* Takes over the creator's program; false: nothing changed. */
static bool complete(struct proctable *t, struct image *image)
{
	struct image *from = image;
	for (int i = 0; from && i < COMPLETE_STEPS; i++) {
		if (image_has_program(from)) {
			if (from != image)
				share_program(t, image, from);
			return from != image;
		}
		if (!(from->flags & IMAGE_FORKED)) { /* a kernel thread, or not known yet: a name at least */
			bool is_new = !image->comm[0] && from->comm[0];
			if (is_new)
				memcpy(image->comm, from->comm, sizeof(image->comm));
			return is_new;
		}
		from = image_follow(t, &from->parent);
	}
	return false;
}

void proctable_complete(struct proctable *t, struct image *image)
{
	if (complete(t, image))
		image_touch(t, image);
}

void proctable_end(struct proctable *t, struct image *image, uint64_t boot_ns)
{
	if (image->flags & IMAGE_EXITED)
		return;
	image->flags |= IMAGE_EXITED;
	image->exit_boot_ns = boot_ns;
	image_settle(t, image);
}

/* --- what records say ----------------------------------------------------------------------------------------------- */

static void take_common(struct image *image, const struct wire_common *common)
{
	image->pid = common->pid;
	image->uid = common->uid;
	image->start_boot_ns = common->start_boot_ns;
	image->cgroup_id = common->cgroup_id;
	memcpy(image->comm, common->comm.text, sizeof(image->comm));
	image->flags |= IMAGE_SEEN;
}

struct image *proctable_make_up(struct proctable *t, const struct wire_common *common)
{
	if (!common->exec_id)
		return NULL;
	struct image *image = proctable_find(t, common->exec_id);
	if (image)
		return image;
	image = image_add(t, common->exec_id, NULL);
	image->flags |= IMAGE_MADE_UP;
	take_common(image, common);
	image_set_link(t, image, &image->parent, common->parent_id);
	return image;
}

/* A process between fork and snapshot was seen in /proc and is now told of by its record: the record's image is the one that counts. */
static void end_twin(struct proctable *t, uint32_t pid, uint64_t start_boot_ns, uint64_t exec_id)
{
	uint64_t id = id_snapshot(pid, start_boot_ns / ID_TICK_NS);
	struct image *twin = id == exec_id ? NULL : proctable_find(t, id);
	if (twin && !(twin->flags & IMAGE_SEEN))
		proctable_end(t, twin, start_boot_ns);
}

/* The image that exec replaced. When its fork has not been told of, it is put in now, so that a late fork record finds it ended. */
static void replace_previous(struct proctable *t, const struct wire_common *common, struct image *image)
{
	if (!image->previous.id)
		return;
	struct image *previous = image_follow(t, &image->previous);
	if (!previous) {
		previous = image_add(t, image->previous.id, image);
		previous->flags |= IMAGE_MADE_UP; /* made by fork or by exec: only its own record can tell whose program it ran */
		previous->pid = common->pid;
		previous->start_boot_ns = common->start_boot_ns;
		image_set_link(t, previous, &previous->parent, common->parent_id);
		(void)image_follow(t, &image->previous);
	}
	proctable_end(t, previous, common->boot_ns);
}

struct image *proctable_exec(struct proctable *t, const struct wire_common *common, uint64_t previous_id, const struct exec_facts *facts)
{
	if (!common->exec_id)
		return NULL;
	struct image *image = image_find_or_add(t, common->exec_id);
	image->flags &= (uint8_t)~(IMAGE_MADE_UP | IMAGE_SNAPSHOT | IMAGE_FORKED);
	take_common(image, common);
	set_text(t, image, &image->executable, facts->executable, TEXT_MAX);
	set_place(t, image, facts->fs_path, facts->device);
	set_args(t, image, facts->args);
	set_text(t, image, &image->cwd, facts->cwd, TEXT_MAX);
	set_text(t, image, &image->tty, facts->tty, TEXT_MAX);
	set_cgroup(t, image, facts->cgroup);
	image_set_link(t, image, &image->parent, common->parent_id);
	image_set_link(t, image, &image->previous, previous_id);
	replace_previous(t, common, image);
	end_twin(t, common->pid, common->start_boot_ns, common->exec_id);
	return image;
}

struct image *proctable_fork(struct proctable *t, const struct wire_proc_fork *fork)
{
	if (!fork->child_id)
		return NULL;
	struct image *child = proctable_find(t, fork->child_id);
	if (child && !(child->flags & IMAGE_MADE_UP))
		return child; /* told before */
	child = image_find_or_add(t, fork->child_id);
	child->flags = (uint8_t)((child->flags & IMAGE_EXITED) | IMAGE_FORKED | IMAGE_SEEN);
	child->pid = fork->child_pid;
	child->uid = fork->common.uid;
	child->start_boot_ns = fork->child_start_boot_ns;
	child->cgroup_id = fork->common.cgroup_id;
	image_set_link(t, child, &child->parent, fork->common.exec_id);
	image_drop_texts(t, child);
	memset(child->comm, 0, sizeof(child->comm));
	(void)complete(t, child); /* nobody has seen it as it was */
	end_twin(t, fork->child_pid, fork->child_start_boot_ns, fork->child_id);
	return child;
}

void proctable_exit(struct proctable *t, const struct wire_common *common)
{
	struct image *image = proctable_find(t, common->exec_id);
	if (!image)
		image = proctable_make_up(t, common);
	if (!image)
		return;
	image->flags |= IMAGE_SEEN;
	proctable_end(t, image, common->boot_ns);
}

struct image *proctable_adopt(struct proctable *t, uint64_t exec_id, uint64_t parent_id, const struct procfs_process *process)
{
	if (!exec_id)
		return NULL;
	struct image *image = image_find_or_add(t, exec_id);
	image->flags |= IMAGE_SNAPSHOT;
	image->flags &= (uint8_t)~(IMAGE_MADE_UP | IMAGE_FORKED);
	image->pid = process->pid;
	image->uid = process->uid;
	image->start_boot_ns = process->start_ticks * ID_TICK_NS;
	memcpy(image->comm, process->comm, sizeof(image->comm));
	t->stats.text_cut += process->args_cut;
	set_text(t, image, &image->executable, (struct strview){ process->executable, process->executable_n }, TEXT_MAX);
	set_place(t, image, (struct strview){ process->fs_path, process->fs_path_n }, process->device);
	set_args(t, image, (struct strview){ process->args, process->args_n });
	set_text(t, image, &image->cwd, (struct strview){ process->cwd, process->cwd_n }, TEXT_MAX);
	set_text(t, image, &image->tty, sv_from(process->tty), TEXT_MAX);
	set_cgroup(t, image, (struct strview){ process->cgroup, process->cgroup_n });
	if (parent_id)
		image_set_link(t, image, &image->parent, parent_id);
	return image;
}

/* --- ends ----------------------------------------------------------------------------------------------------------- */

void proctable_expire(struct proctable *t, uint64_t boot_ns, uint64_t linger_ns)
{
	for (int i = 0; i < EXPIRE_MAX && t->lists[LIST_LEAF].oldest; i++) {
		struct image *image = &t->images[t->lists[LIST_LEAF].oldest];
		bool is_recent = image->exit_boot_ns + linger_ns > boot_ns;
		bool is_damaged = image->exit_boot_ns > boot_ns + linger_ns; /* no record comes from that far ahead */
		if (is_recent && !is_damaged)
			return;
		image_remove(t, image);
	}
}

static bool is_gone(const struct image *image, int proc_fd)
{
	struct procfs_process process;
	int r = procfs_read_stat(proc_fd, image->pid, &process);
	if (r == -ENOENT || r == -ESRCH)
		return true;
	return r == 0 && image->start_boot_ns && process.start_ticks != image->start_boot_ns / ID_TICK_NS;
}

static void probe_one(struct proctable *t, struct image *image, int proc_fd, uint64_t boot_ns)
{
	if (!is_gone(image, proc_fd)) {
		image->flags &= (uint8_t)~IMAGE_MISSING;
		return;
	}
	if (!(image->flags & IMAGE_MISSING)) {
		image->flags |= IMAGE_MISSING;
		image->exit_boot_ns = boot_ns;
		return;
	}
	if (boot_ns < image->exit_boot_ns + LOST_AFTER_NS)
		return;
	if (image->flags & IMAGE_SEEN) /* one of the snapshot that no record named may have been told of under another id */
		t->stats.lost_exits++;
	proctable_end(t, image, boot_ns);
}

void proctable_probe(struct proctable *t, int proc_fd, size_t n, uint64_t boot_ns)
{
	size_t slots = t->fresh - 1, looked = 0;
	for (size_t i = 0; i < slots && i < n * 16 && looked < n; i++) {
		t->probe_at = t->probe_at % (uint32_t)slots + 1;
		struct image *image = &t->images[t->probe_at];
		if (!image->serial || image->flags & IMAGE_EXITED || !image->pid)
			continue;
		looked++;
		probe_one(t, image, proc_fd, boot_ns);
	}
}

void proctable_get_stats(const struct proctable *t, struct proctable_stats *ret)
{
	*ret = t->stats;
}
