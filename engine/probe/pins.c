/* SPDX-License-Identifier: Apache-2.0 */
/* Writing pins. */
#include "engine/probe/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/guard_abi.h"
#include "engine/base/fd.h"
#include "engine/probe/left.h"
#include "vedette.skel.h"

#define BPF_FS_MAGIC 0xcafe4a11ul
enum { MAX_FOLDERS = 1000 };

void pins_init(struct pins *p)
{
	*p = (struct pins){ .about_fd = -1 };
}

void pins_done(struct pins *p)
{
	fd_close(&p->about_fd);
	pins_init(p);
}

uint64_t pins_build(const void *elf, size_t bytes)
{
	return sv_hash((struct strview){ elf, bytes });
}

/* --- the file system ------------------------------------------------------------------------------------------------------ */

/* What is mounted in a namespace that goes with the engine would go with it. */
static int check_namespace(struct diag *diag)
{
	struct stat own, init;
	if (stat("/proc/self/ns/mnt", &own) || stat("/proc/1/ns/mnt", &init) || own.st_ino == init.st_ino)
		return 0;
	diag_error(diag, (struct place){ 0 },
		   "enforcement.on_exit: keep: this process has a mount namespace of its own, with which all pins would go; a service must be run without "
		   "PrivateTmp, PrivateMounts, ProtectSystem, ProtectHome and the like");
	return -EINVAL;
}

static bool is_bpf_fs(void)
{
	struct statfs fs;
	return statfs(PINS_FOLDER, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int mount_fs(struct diag *diag)
{
	int err = check_namespace(diag);
	if (err)
		return err;
	struct stat st;
	if ((mkdir(PINS_PARENT, 0755) && errno != EEXIST) || (mkdir(PINS_FOLDER, 0700) && errno != EEXIST)) {
		diag_error(diag, (struct place){ .file = PINS_FOLDER }, "cannot be made: %s", strerror(errno));
		return -errno;
	}
	if (!is_bpf_fs() && mount("vedette", PINS_FOLDER, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
		diag_error(diag, (struct place){ .file = PINS_FOLDER }, "no BPF file system can be mounted there: %s", strerror(errno));
		return -errno;
	}
	if (lstat(PINS_FOLDER, &st) || !S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & 077)) {
		diag_error(diag, (struct place){ .file = PINS_FOLDER }, "must be a folder of root that nobody else may enter (mode 0700)");
		return -EPERM;
	}
	return 0;
}

/* Numbered upwards: the highest is the youngest. */
static int make_folder(struct pins *p, struct diag *diag)
{
	uint32_t next = left_youngest() + 1;
	for (uint32_t tries = 0; tries < MAX_FOLDERS; tries++) {
		snprintf(p->folder, sizeof(p->folder), "%s/%u", PINS_FOLDER, next + tries);
		if (mkdir(p->folder, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	diag_error(diag, (struct place){ .file = p->folder }, "cannot be made: %s", strerror(errno));
	p->folder[0] = '\0';
	return -errno;
}

/* --- pins ------------------------------------------------------------------------------------------------------------------ */

static int pin(const struct pins *p, int fd, const char *kind, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s_%s", p->folder, kind, name);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static void unpin(const struct pins *p, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/link_%s", p->folder, name);
	IGNORE(unlink(path)); /* gone already: it was to go */
}

static int make_about(struct pins *p)
{
	p->about_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vedette_about", sizeof(uint32_t), sizeof(struct pins_about), 1, NULL);
	return p->about_fd < 0 ? -errno : pin(p, p->about_fd, "map", "about");
}

uint64_t pins_labels_layout(void)
{
	enum { LABELS_FORMAT = 2 }; /* for changes of meaning that the sizes do not show */
	const uint64_t parts[] = {
		LABELS_FORMAT, sizeof(struct task_label), sizeof(struct told_ancestors), sizeof(struct pins_meaning),
		offsetof(struct sensor_config, policy_until_ns) - offsetof(struct sensor_config, policy_generation),
		offsetof(struct sensor_config, policy_before) - offsetof(struct sensor_config, policy_generation),
	};
	return sv_hash((struct strview){ (const char *)parts, sizeof(parts) }) | 1;
}

int pins_start(struct pins *p, const struct vedette_bpf *k, int meaning_fd, uint64_t build, struct pins_about *ret, struct diag *diag)
{
	const struct {
		const char *name;
		const struct bpf_map *map;
	} all[] = {
		{ "labels", k->maps.labels },
		{ "told", k->maps.told },
		{ "settings", k->maps.bss },
		{ "ring_priority", k->maps.ring_priority },
		{ "ring_bulk", k->maps.ring_bulk },
		{ "counters", k->maps.counters },
	};
	*ret = (struct pins_about){
		.format = PINS_FORMAT,
		.build = build,
		.own_pid_at = (uint64_t)((const char *)&k->bss->config.own_pid - (const char *)k->bss),
		.labels_layout = meaning_fd < 0 ? 0 : pins_labels_layout(),
		.in_force_at = (uint64_t)((const char *)&k->bss->config.policy_generation - (const char *)k->bss),
		.wanted_at = (uint64_t)((const char *)&k->bss->config.wanted - (const char *)k->bss),
	};
	int err = mount_fs(diag);
	if (!err)
		err = make_folder(p, diag);
	if (err)
		return err;
	err = make_about(p);
	if (!err)
		err = pins_note(p, ret);
	if (!err && meaning_fd >= 0)
		err = pin(p, meaning_fd, "map", "meaning");
	for (size_t i = 0; !err && i < ARRAY_SIZE(all); i++)
		err = pin(p, bpf_map__fd(all[i].map), "map", all[i].name);
	if (err)
		diag_error(diag, (struct place){ .file = p->folder }, "nothing can be pinned there: %s", strerror(-err));
	return err;
}

void pins_undo(struct pins *p, struct diag *diag)
{
	IGNORE(p->folder[0] ? left_remove(p->folder, diag) : 0); /* the reason is told beside that of the failure */
	pins_done(p);
}

int pins_sync(struct pins *p, const struct programs *programs)
{
	int worst = 0;
	for (size_t i = 0; p->folder[0] && i < programs->n; i++) {
		bool is_attached = programs->links[i] >= 0;
		if (is_attached == p->is_pinned[i])
			continue;
		int err = is_attached ? pin(p, programs->links[i], "link", programs->hooks[i].name) : 0;
		if (!is_attached)
			unpin(p, programs->hooks[i].name);
		p->is_pinned[i] = is_attached && !err;
		worst = worst ? worst : err;
	}
	return worst;
}

int pins_note(struct pins *p, const struct pins_about *about)
{
	uint32_t zero = 0;
	return bpf_map_update_elem(p->about_fd, &zero, about, BPF_ANY) ? -errno : 0;
}
