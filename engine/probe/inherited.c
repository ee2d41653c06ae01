/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/probe/inherited.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf/abi.h"
#include "engine/base/fd.h"
#include "engine/probe/sensor_parts.h"

struct inherited {
	int labels_fd, told_fd;       /* owned */
	uint32_t generation, epoch;   /* of the tables that were in force */
	bool is_own;                  /* by this engine, whose identities of images are those of now */
	int bit_then[POLICY_ANCESTORS]; /* by bit of now; -1: was not asked for */
};

static int open_pin(uint32_t number, const char *name, uint32_t value_size)
{
	char path[256];
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	snprintf(path, sizeof(path), PINS_FOLDER "/%u/map_%s", number, name);
	CLEANUP(fd_close) int fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.value_size != value_size)
		return -EBADMSG;
	return TAKE_FD(fd);
}

/* True when some predicate of now was asked for then, too. */
static bool match_names(struct inherited *h, const struct pins_meaning *then, const struct ancestor_name *now)
{
	bool has_any = false;
	for (size_t i = 0; i < POLICY_ANCESTORS; i++) {
		h->bit_then[i] = -1;
		for (int k = 0; now[i].length && k < POLICY_ANCESTORS; k++)
			if (then->names[k].length == now[i].length && then->names[k].hash == now[i].hash)
				h->bit_then[i] = k;
		has_any |= h->bit_then[i] >= 0;
	}
	return has_any;
}

/* What the bits of labels by the tables of a generation mean. False: nobody knows. */
static bool read_meaning(int fd, uint32_t generation, struct pins_meaning *ret)
{
	uint32_t which = generation & 1;
	return fd >= 0 && bpf_map_lookup_elem(fd, &which, ret) == 0 && ret->generation == generation && ret->epoch;
}

/* NULL: nothing that is asked for now was asked for then, or (err) there is no memory. */
static struct inherited *make(int meaning_fd, uint32_t generation, const struct verdict_tables *now, int *err)
{
	struct pins_meaning then;
	if (!now->head.n_ancestors || !read_meaning(meaning_fd, generation, &then))
		return NULL;
	CLEANUP(inherited_free) struct inherited *h = calloc(1, sizeof(*h));
	if (!h) {
		*err = -ENOMEM;
		return NULL;
	}
	h->generation = generation;
	h->epoch = (uint32_t)then.epoch;
	h->labels_fd = h->told_fd = -1;
	return match_names(h, &then, now->ancestor_names) ? TAKE(h) : NULL;
}

int inherited_open(const struct left *l, const struct verdict_tables *now, struct inherited **ret, struct diag *diag)
{
	struct left_origin origin;
	int err = 0;
	*ret = NULL;
	if (!l || !left_get_origin(l, &origin) || origin.labels_layout != pins_labels_layout())
		return 0;
	CLEANUP(fd_close) int meaning_fd = open_pin(origin.number, "meaning", sizeof(struct pins_meaning));
	CLEANUP(inherited_free) struct inherited *h = make(meaning_fd, origin.generation, now, &err);
	if (!h)
		return err;
	h->labels_fd = open_pin(origin.number, "labels", sizeof(struct task_label));
	h->told_fd = open_pin(origin.number, "told", sizeof(struct told_ancestors));
	err = MIN(MIN(h->labels_fd, h->told_fd), 0);
	if (err) {
		diag_error(diag, (struct place){ .file = PINS_FOLDER }, "what an earlier daemon knew of ancestors cannot be read: %s", strerror(-err));
		return err;
	}
	*ret = TAKE(h);
	return 0;
}

int inherited_of(const struct sensor *s, const struct verdict_tables *now, struct inherited **ret)
{
	int err = 0;
	*ret = NULL;
	CLEANUP(inherited_free) struct inherited *h = make(s->meaning_fd, s->skel->bss->config.policy_generation, now, &err);
	if (!h)
		return err;
	h->is_own = true;
	h->labels_fd = fcntl(bpf_map__fd(s->skel->maps.labels), F_DUPFD_CLOEXEC, 0);
	h->told_fd = fcntl(bpf_map__fd(s->skel->maps.told), F_DUPFD_CLOEXEC, 0);
	if (h->labels_fd < 0 || h->told_fd < 0)
		return -errno;
	*ret = TAKE(h);
	return 0;
}

void inherited_free(struct inherited **h)
{
	if (!*h)
		return;
	fd_close(&(*h)->labels_fd);
	fd_close(&(*h)->told_fd);
	free(*h);
	*h = NULL;
}

/* As the kernel's side takes it over: see bpf/label.h. */
static const struct label_part *serving(const struct inherited *h, const struct label_part parts[static 2])
{
	uint32_t t = h->generation & 1;
	for (uint32_t i = 0; i < 2; i++) {
		const struct label_part *p = &parts[i ? !t : t];
		if (p->epoch == h->epoch && (int32_t)(h->generation - p->generation) >= 0)
			return p;
	}
	return NULL;
}

static void translate(const struct inherited *h, const struct label_part *then, struct label_part *ret)
{
	for (size_t i = 0; i < POLICY_ANCESTORS; i++) {
		int k = h->bit_then[i];
		uint64_t bit = 1ull << i % 64;
		if (k < 0)
			continue;
		ret->holds[i / 64] = (ret->holds[i / 64] & ~bit) | (then->holds[k / 64] >> k % 64 & 1 ? bit : 0);
		ret->spares[i / 64] = (ret->spares[i / 64] & ~bit) | (then->spares[k / 64] >> k % 64 & 1 ? bit : 0);
	}
}

bool inherited_is_all(const struct inherited *h, const struct verdict_tables *now)
{
	bool is_all = true;
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		is_all &= !now->ancestor_names[i].length || h->bit_then[i] >= 0;
	return is_all;
}

/* What is told is not taken back when its process ends or has another image just then. */
static bool is_told(const struct inherited *h, const struct told_process *of, struct told_ancestors *ret)
{
	return bpf_map_lookup_elem(h->told_fd, &of->pid, ret) == 0 && ret->start_boot_ns / ID_TICK_NS == of->start_boot_ns / ID_TICK_NS &&
	       (!h->is_own || ret->exec_id == of->exec_id);
}

enum inherited_answer inherited_find(const struct inherited *h, const struct told_process *of, struct label_part *ret_creators)
{
	struct task_label label;
	struct told_ancestors told;
	const struct label_part *then = NULL;
	if (!h)
		return INHERITED_OTHER;
	bool has_label = bpf_map_lookup_elem(h->labels_fd, &of->pid, &label) == 0 && label.start_boot_ns / ID_TICK_NS == of->start_boot_ns / ID_TICK_NS;
	if (has_label)
		then = serving(h, label.creators);
	if (!then && is_told(h, of, &told))
		then = serving(h, told.by_table);
	if (!then)
		return INHERITED_UNKNOWN;
	translate(h, then, ret_creators);
	return INHERITED_KNOWN;
}
