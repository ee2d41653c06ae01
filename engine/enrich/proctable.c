/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the images and the hash over their ids. Three lists keep the order of eviction, so that a full table costs no search.
 * Links between images hold slot and serial number: a slot that was used again does not match, and the link is looked
 * up anew. A valid link is a reference, which keeps an exited ancestor in the table.
 */
#include "engine/enrich/proctable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/enrich/region.h"

enum { LIST_LEAF, LIST_EXITED, LIST_LIVING, LISTS }; /* in order of eviction; LEAF: exited, nothing refers to it */
enum {
	TEXT_ROOM_TRIES = 16,     /* exited images dropped to make room for one string */
	EXPIRE_MAX = 1000,        /* a second's worth of forks on a busy host, many times over */
	COMPLETE_STEPS = 64,      /* forks of forks whose records have not come in */
	SLOTS_MAX = 1 << 24,
	AWAITED_BITS = 1 << 15,
	FIRST_PROCESS = 1,
	FIRST_KERNEL_THREAD = 2,
};
#define LOST_AFTER_NS 1000000000ull /* an exit record may still be in the ring */

struct list {
	uint32_t oldest, newest; /* slots; 0: none */
};

struct proctable {
	struct image *images; /* owned; slot 0 is not used */
	uint32_t *hash;       /* owned; slots, open addressing */
	size_t max, hash_size;
	unsigned hash_shift;
	uint64_t hash_key;   /* secret, odd */
	struct text *text;   /* borrowed */
	uint32_t fresh;      /* slots from here on were never used */
	uint32_t free_first; /* returned slots, chained by newer */
	uint32_t serial;
	uint32_t probe_at;
	struct list lists[LISTS];
	uint64_t changes;    /* counts what changes an image, and stamps */
	uint64_t late;       /* counts what may change an image or a line that was shown before; 1 at the start */
	uint64_t awaited[AWAITED_BITS / 64]; /* hashes of ids that were linked to and not found */
	struct proctable_stats stats;
};

int proctable_new(size_t max_images, struct text *text, struct proctable **ret)
{
	if (max_images < 8 || max_images > SLOTS_MAX)
		return -EINVAL;
	CLEANUP(proctable_free) struct proctable *t = calloc(1, sizeof(*t));
	void *p = NULL;
	if (!t)
		return -ENOMEM;
	t->max = max_images;
	t->text = text;
	t->fresh = 1;
	t->late = 1;
	t->hash_size = 16;
	t->hash_shift = 60;
	for (; t->hash_size < max_images * 2; t->hash_shift--)
		t->hash_size *= 2;
	if (getrandom(&t->hash_key, sizeof(t->hash_key), 0) != sizeof(t->hash_key))
		t->hash_key = 0x9e3779b97f4a7c15u; /* spreads as well; only not secret */
	t->hash_key |= 1;
	if (region_new((max_images + 1) * sizeof(struct image), &p))
		return -ENOMEM;
	t->images = p;
	if (region_new(t->hash_size * sizeof(uint32_t), &p))
		return -ENOMEM;
	t->hash = p;
	*ret = TAKE(t);
	return 0;
}

void proctable_free(struct proctable **table)
{
	if (!*table)
		return;
	region_free((*table)->images, ((*table)->max + 1) * sizeof(struct image));
	region_free((*table)->hash, (*table)->hash_size * sizeof(uint32_t));
	free(*table);
	*table = NULL;
}

/* --- hash ----------------------------------------------------------------------------------------------------------- */

static size_t bucket_of(const struct proctable *t, uint64_t exec_id)
{
	/* twice: ids in even steps, as snapshots have them, would crowd together under some keys with one product */
	uint64_t h = exec_id * t->hash_key;
	return (size_t)(((h ^ h >> 32) * 0x9e3779b97f4a7c15u) >> t->hash_shift);
}

struct image *proctable_find(const struct proctable *t, uint64_t exec_id)
{
	if (!exec_id)
		return NULL;
	size_t mask = t->hash_size - 1;
	for (size_t i = bucket_of(t, exec_id); t->hash[i]; i = (i + 1) & mask)
		if (t->images[t->hash[i]].exec_id == exec_id)
			return &t->images[t->hash[i]];
	return NULL;
}

static void hash_add(struct proctable *t, uint32_t slot)
{
	size_t i = bucket_of(t, t->images[slot].exec_id);
	while (t->hash[i])
		i = (i + 1) & (t->hash_size - 1);
	t->hash[i] = slot;
}

/* Closes the gap by moving back what stands behind it, so that no markers pile up. */
static void hash_remove(struct proctable *t, uint32_t slot)
{
	size_t mask = t->hash_size - 1, gap = bucket_of(t, t->images[slot].exec_id);
	while (t->hash[gap] != slot)
		gap = (gap + 1) & mask;
	for (size_t i = (gap + 1) & mask; t->hash[i]; i = (i + 1) & mask) {
		size_t home = bucket_of(t, t->images[t->hash[i]].exec_id);
		if (((i - home) & mask) < ((i - gap) & mask))
			continue; /* its way from home does not lead over the gap */
		t->hash[gap] = t->hash[i];
		gap = i;
	}
	t->hash[gap] = 0;
}

/* --- lists ---------------------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct proctable *t, const struct image *image)
{
	return (uint32_t)(image - t->images);
}

static void list_remove(struct proctable *t, struct image *image)
{
	struct list *list = &t->lists[image->list];
	if (image->older)
		t->images[image->older].newer = image->newer;
	else
		list->oldest = image->newer;
	if (image->newer)
		t->images[image->newer].older = image->older;
	else
		list->newest = image->older;
}

static void list_append(struct proctable *t, struct image *image, uint8_t which)
{
	struct list *list = &t->lists[which];
	uint32_t slot = slot_of(t, image);
	image->list = which;
	image->older = list->newest;
	image->newer = 0;
	if (list->newest)
		t->images[list->newest].newer = slot;
	else
		list->oldest = slot;
	list->newest = slot;
}

/* Puts an image into the list its state asks for. */
static void list_settle(struct proctable *t, struct image *image)
{
	uint8_t which = LIST_LIVING;
	if (image->flags & IMAGE_EXITED)
		which = image->references ? LIST_EXITED : LIST_LEAF;
	if (image->list == which)
		return;
	list_remove(t, image);
	list_append(t, image, which);
}

/* --- changes after the fact ------------------------------------------------------------------------------------------- */

static uint64_t *awaited_word(struct proctable *t, uint64_t exec_id, uint64_t *ret_bit)
{
	uint64_t h = exec_id * t->hash_key;
	size_t at = (size_t)((h ^ h >> 32) * 0x9e3779b97f4a7c15u >> 49);
	*ret_bit = 1ull << at % 64;
	return &t->awaited[at / 64];
}

static void await(struct proctable *t, uint64_t exec_id)
{
	uint64_t bit, *word = awaited_word(t, exec_id, &bit);
	*word |= bit;
}

/* Ids that share a bit only cause a line to be looked at once more. */
static void arrive(struct proctable *t, uint64_t exec_id)
{
	uint64_t bit, *word = awaited_word(t, exec_id, &bit);
	t->late += (*word & bit) != 0;
	*word &= ~bit;
}

/* What is shown of an image that was known before is other than it was. */
static void touch(struct proctable *t, struct image *image)
{
	image->changed = ++t->changes;
	t->late++;
}

/* --- links ---------------------------------------------------------------------------------------------------------- */

static struct image *link_peek(const struct proctable *t, const struct image_link *link)
{
	struct image *image = &t->images[link->at];
	return link->serial && image->serial == link->serial ? image : NULL;
}

static void link_drop(struct proctable *t, struct image_link *link)
{
	struct image *image = link_peek(t, link);
	*link = (struct image_link){ 0 };
	if (!image)
		return;
	assert(image->references);
	image->references--;
	list_settle(t, image);
}

static struct image *link_follow(struct proctable *t, struct image_link *link)
{
	struct image *image = link_peek(t, link);
	if (image || !link->id)
		return image;
	image = proctable_find(t, link->id);
	if (!image) {
		await(t, link->id);
		return NULL;
	}
	link->at = slot_of(t, image);
	link->serial = image->serial;
	image->references++;
	list_settle(t, image);
	return image;
}

static void link_set(struct proctable *t, const struct image *from, struct image_link *link, uint64_t id)
{
	if (link->id != id) {
		link_drop(t, link);
		link->id = id == from->exec_id ? 0 : id; /* only damaged records say so */
	}
	(void)link_follow(t, link); /* not there yet: found when it is needed */
}

/* --- images --------------------------------------------------------------------------------------------------------- */

static void texts_drop(struct proctable *t, struct image *image)
{
	text_id *const ids[] = { &image->executable, &image->args, &image->command_line, &image->cwd, &image->tty, &image->cgroup, &image->fs_path };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		text_drop(t->text, ids[i]);
}

static void image_remove(struct proctable *t, struct image *image)
{
	uint32_t slot = slot_of(t, image);
	t->late += image->references != 0;
	hash_remove(t, slot);
	link_drop(t, &image->parent);
	link_drop(t, &image->previous);
	list_remove(t, image);
	texts_drop(t, image);
	*image = (struct image){ .newer = t->free_first }; /* serial 0: no link fits any more */
	t->free_first = slot;
	t->stats.images--;
}

/* Makes room by the order of eviction. keep: an image that must stay, or NULL. False when there is nothing to drop. */
static bool evict_one(struct proctable *t, const struct image *keep, int lists)
{
	for (int i = 0; i < lists; i++) {
		uint32_t slot = t->lists[i].oldest;
		if (keep && &t->images[slot] == keep)
			slot = keep->newer;
		if (!slot)
			continue;
		image_remove(t, &t->images[slot]);
		t->stats.evicted++;
		return true;
	}
	return false;
}

/* keep: an image in the caller's hands. */
static struct image *image_add(struct proctable *t, uint64_t exec_id, const struct image *keep)
{
	if (!t->free_first && t->fresh > t->max)
		(void)evict_one(t, keep, LISTS); /* cannot fail: eight images at least, one of them kept */
	uint32_t slot = t->free_first;
	if (slot)
		t->free_first = t->images[slot].newer;
	else
		slot = t->fresh++;
	if (++t->serial == 0)
		t->serial = 1;
	struct image *image = &t->images[slot];
	*image = (struct image){ .exec_id = exec_id, .serial = t->serial, .changed = ++t->changes };
	arrive(t, exec_id);
	hash_add(t, slot);
	list_append(t, image, LIST_LIVING);
	t->stats.images++;
	return image;
}

/* The image of an id, about to be told of: what was known of it before changes. */
static struct image *find_or_add(struct proctable *t, uint64_t exec_id)
{
	struct image *image = proctable_find(t, exec_id);
	if (!image)
		return image_add(t, exec_id, NULL);
	touch(t, image);
	return image;
}

static text_id keep_text(struct proctable *t, struct strview s, size_t max, const struct image *keep)
{
	if (s.n > max) {
		s.n = max;
		t->stats.text_cut++;
	}
	if (!s.n)
		return 0;
	text_id id = text_keep(t->text, s);
	for (int i = 0; !id && i < TEXT_ROOM_TRIES && evict_one(t, keep, LIST_EXITED); i++)
		id = text_keep(t->text, s);
	if (!id)
		t->stats.text_cut++;
	return id;
}

text_id proctable_keep(struct proctable *t, struct strview s, size_t max)
{
	return keep_text(t, s, max, NULL);
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
	text_id id = keep_text(t, s, max, image);
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
	texts_drop(t, to);
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

static bool has_program(const struct image *image)
{
	return image->executable || image->args;
}

/* Takes over the creator's program; false: nothing changed. */
static bool complete(struct proctable *t, struct image *image)
{
	struct image *from = image;
	for (int i = 0; from && i < COMPLETE_STEPS; i++) {
		if (has_program(from)) {
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
		from = link_follow(t, &from->parent);
	}
	return false;
}

void proctable_complete(struct proctable *t, struct image *image)
{
	if (complete(t, image))
		touch(t, image);
}

void proctable_end(struct proctable *t, struct image *image, uint64_t boot_ns)
{
	if (image->flags & IMAGE_EXITED)
		return;
	image->flags |= IMAGE_EXITED;
	image->exit_boot_ns = boot_ns;
	list_settle(t, image);
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
	link_set(t, image, &image->parent, common->parent_id);
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
	struct image *previous = link_follow(t, &image->previous);
	if (!previous) {
		previous = image_add(t, image->previous.id, image);
		previous->flags |= IMAGE_MADE_UP; /* made by fork or by exec: only its own record can tell whose program it ran */
		previous->pid = common->pid;
		previous->start_boot_ns = common->start_boot_ns;
		link_set(t, previous, &previous->parent, common->parent_id);
		(void)link_follow(t, &image->previous);
	}
	proctable_end(t, previous, common->boot_ns);
}

struct image *proctable_exec(struct proctable *t, const struct wire_common *common, uint64_t previous_id, const struct exec_facts *facts)
{
	if (!common->exec_id)
		return NULL;
	struct image *image = find_or_add(t, common->exec_id);
	image->flags &= (uint8_t)~(IMAGE_MADE_UP | IMAGE_SNAPSHOT | IMAGE_FORKED);
	take_common(image, common);
	set_text(t, image, &image->executable, facts->executable, TEXT_MAX);
	set_place(t, image, facts->fs_path, facts->device);
	set_args(t, image, facts->args);
	set_text(t, image, &image->cwd, facts->cwd, TEXT_MAX);
	set_text(t, image, &image->tty, facts->tty, TEXT_MAX);
	set_cgroup(t, image, facts->cgroup);
	link_set(t, image, &image->parent, common->parent_id);
	link_set(t, image, &image->previous, previous_id);
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
	child = find_or_add(t, fork->child_id);
	child->flags = (uint8_t)((child->flags & IMAGE_EXITED) | IMAGE_FORKED | IMAGE_SEEN);
	child->pid = fork->child_pid;
	child->uid = fork->common.uid;
	child->start_boot_ns = fork->child_start_boot_ns;
	child->cgroup_id = fork->common.cgroup_id;
	link_set(t, child, &child->parent, fork->common.exec_id);
	texts_drop(t, child);
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
	struct image *image = find_or_add(t, exec_id);
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
		link_set(t, image, &image->parent, parent_id);
	return image;
}

/* --- lineage -------------------------------------------------------------------------------------------------------- */

struct image *proctable_parent(struct proctable *t, struct image *image)
{
	return link_follow(t, &image->parent);
}

struct image *proctable_previous(struct proctable *t, struct image *image)
{
	return link_follow(t, &image->previous);
}

static struct image *step_back(struct proctable *t, struct image *image)
{
	struct image *previous = link_follow(t, &image->previous);
	return previous ? previous : link_follow(t, &image->parent);
}

struct image *proctable_next_living(struct proctable *t, uint32_t *at)
{
	while (++*at < t->fresh) {
		struct image *image = &t->images[*at];
		if (image->exec_id && image->list == LIST_LIVING && !(image->flags & IMAGE_EXITED))
			return image;
	}
	return NULL;
}

size_t proctable_lineage(struct proctable *t, struct image *image, const struct image *ret[static LINEAGE_MAX])
{
	size_t n = 0;
	struct image *at = step_back(t, image);
	for (int i = 0; at && at != image && n < LINEAGE_MAX && i < LINEAGE_STEPS; i++) {
		struct image *next = step_back(t, at);
		bool is_copy = at->flags & IMAGE_FORKED && next; /* without its creator the copy stands for the program */
		if (!is_copy && (has_program(at) || at->comm[0]))
			ret[n++] = at;
		at = next;
	}
	return n;
}

/* Kernel threads alone have no executable. */
static bool is_told(const struct proctable *t, const struct image *at, const struct image *next)
{
	if (at->flags & IMAGE_MADE_UP)
		return false;
	if (at->executable)
		return text_get(t->text, at->executable).n < TEXT_MAX;
	return at->pid == FIRST_KERNEL_THREAD || (next && next->pid == FIRST_KERNEL_THREAD);
}

bool proctable_is_whole(struct proctable *t, struct image *image)
{
	struct image *at = image;
	for (int i = 0; i < LINEAGE_STEPS; i++) {
		bool has_lost = at->previous.id && !link_follow(t, &at->previous);
		struct image *next = step_back(t, at);
		bool is_copy = at->flags & IMAGE_FORKED && next;
		if (has_lost || (at != image && !is_copy && !is_told(t, at, next)))
			return false;
		if (!next)
			return !at->parent.id && (at->pid == FIRST_PROCESS || at->pid == FIRST_KERNEL_THREAD);
		at = next;
	}
	return false;
}

size_t proctable_line(struct proctable *t, struct image *image, uint64_t ret_ids[static LINEAGE_STEPS])
{
	size_t n = 0;
	ret_ids[n++] = image->exec_id;
	struct image *at = step_back(t, image);
	for (; at && at != image && n < LINEAGE_STEPS; at = step_back(t, at))
		ret_ids[n++] = at->exec_id;
	return n;
}

static uint64_t mixed(const struct proctable *t, uint64_t mix, const struct image *image)
{
	uint64_t h = (mix ^ (image ? image->exec_id : 1)) * t->hash_key;
	h = (h ^ h >> 29 ^ (image ? image->changed : 0)) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Two walks: a line goes by the images that exec replaced first, creators by the link to the creator alone, and neither is part of the other. */
static uint64_t mix_of_ancestors(struct proctable *t, struct image *image)
{
	uint64_t mix = mixed(t, 0, image);
	struct image *at = proctable_parent(t, image);
	mix = mixed(t, mix, at);
	for (int i = 1; at && at != image && i < LINEAGE_MAX; i++)
		mix = mixed(t, mix, at = proctable_parent(t, at));
	at = step_back(t, image);
	for (int i = 0; at && at != image && i < LINEAGE_STEPS; i++, at = step_back(t, at))
		mix = mixed(t, mix, at);
	return mix;
}

uint64_t proctable_stamp(struct proctable *t, struct image *image)
{
	if (image->stamp && image->stamp_late == t->late)
		return image->stamp;
	uint64_t mix = mix_of_ancestors(t, image);
	if (!image->stamp || mix != image->stamp_mix)
		image->stamp = ++t->changes;
	image->stamp_mix = mix;
	image->stamp_late = t->late;
	return image->stamp;
}

uint32_t proctable_slot(const struct proctable *t, const struct image *image)
{
	return slot_of(t, image);
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
