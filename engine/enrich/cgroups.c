/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a set-associative cache: eight places for an id, the one used longest ago gives way. Lost entries are found again by a walk. */
#include "engine/enrich/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/container.h"
#include "engine/enrich/region.h"

enum { WAYS = 8, SETS = CGROUPS_MAX / WAYS };

struct entry {
	uint64_t id;      /* 0: empty */
	uint64_t used;    /* clock of the last use */
	uint64_t wanted_ns; /* path missing: not looked for before; 0: at the next tick */
	text_id path;
	uint16_t container_at, container_n; /* in path */
};

struct cgroups {
	struct proctable *table; /* borrowed */
	struct entry *entries;   /* owned: SETS times WAYS */
	uint64_t clock;
	size_t n_wanted; /* entries without a path whose time may have come */
	uint64_t next_walk_ns;
	int root; /* descriptor of the hierarchy's root; -1: none */
};

int cgroups_new(const char *root, struct proctable *table, struct cgroups **ret)
{
	CLEANUP(cgroups_free) struct cgroups *c = calloc(1, sizeof(*c));
	void *p = NULL;
	if (!c)
		return -ENOMEM;
	c->table = table;
	c->root = root && root[0] ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (region_new(CGROUPS_MAX * sizeof(struct entry), &p))
		return -ENOMEM;
	c->entries = p;
	*ret = TAKE(c);
	return 0;
}

void cgroups_free(struct cgroups **cgroups)
{
	if (!*cgroups)
		return;
	fd_close(&(*cgroups)->root);
	region_free((*cgroups)->entries, CGROUPS_MAX * sizeof(struct entry));
	free(*cgroups);
	*cgroups = NULL;
}

static struct entry *set_of(const struct cgroups *c, uint64_t id)
{
	return &c->entries[(id * 0x9e3779b97f4a7c15u >> 40) % SETS * WAYS];
}

static struct entry *entry_find(const struct cgroups *c, uint64_t id)
{
	struct entry *set = set_of(c, id);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].id == id)
			return &set[i];
	return NULL;
}

/* The entry of id, or the one that gives way for it, emptied. */
static struct entry *entry_take(struct cgroups *c, uint64_t id)
{
	struct entry *found = entry_find(c, id);
	if (found)
		return found;
	struct entry *set = set_of(c, id), *oldest = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	proctable_drop(c->table, &oldest->path);
	*oldest = (struct entry){ .id = id };
	return oldest;
}

void cgroups_learn(struct cgroups *c, uint64_t id, struct strview path)
{
	if (!id || !path.n || path.n > PROCFS_TEXT)
		return;
	struct entry *e = entry_take(c, id);
	e->used = ++c->clock;
	if (e->path && sv_equal(proctable_text(c->table, e->path), path))
		return;
	proctable_drop(c->table, &e->path);
	e->path = proctable_keep(c->table, path, PROCFS_TEXT);
	struct strview kept = proctable_text(c->table, e->path);
	struct strview container = container_id(kept);
	e->container_n = (uint16_t)container.n;
	e->container_at = container.n ? (uint16_t)(container.p - kept.p) : 0;
}

void cgroups_learn_path(struct cgroups *c, struct strview path)
{
	char name[PROCFS_TEXT + 1];
	struct stat st;
	while (path.n && path.p[0] == '/')
		path = sv_from_index(path, 1);
	if (c->root < 0 || path.n >= PROCFS_TEXT)
		return;
	name[0] = '/';
	if (path.n)
		memcpy(name + 1, path.p, path.n);
	name[path.n + 1] = '\0';
	if (fstatat(c->root, path.n ? name + 1 : ".", &st, AT_SYMLINK_NOFOLLOW) == 0)
		cgroups_learn(c, st.st_ino, (struct strview){ name, path.n + 1 });
}

bool cgroups_find(struct cgroups *c, uint64_t id, struct cgroup_names *ret)
{
	if (!id)
		return false;
	struct entry *e = entry_find(c, id);
	if (!e || !e->path) {
		if (!e && c->root >= 0) {
			e = entry_take(c, id);
			c->n_wanted++;
			c->next_walk_ns = 0;
		}
		if (e)
			e->used = ++c->clock;
		return false;
	}
	e->used = ++c->clock;
	struct strview path = proctable_text(c->table, e->path);
	*ret = (struct cgroup_names){ .path = path, .container = { path.p + e->container_at, e->container_n } };
	return true;
}

/* --- the walk ------------------------------------------------------------------------------------------------------- */

struct walk {
	struct cgroups *cgroups;
	uint64_t boot_ns;
	size_t dirs_left, wanted_left;
	char path[PROCFS_TEXT];
};

static void walk_visit(struct walk *w, uint64_t id, size_t path_n)
{
	struct entry *e = entry_find(w->cgroups, id);
	if (!e || e->path || e->wanted_ns > w->boot_ns)
		return;
	cgroups_learn(w->cgroups, id, (struct strview){ w->path, path_n });
	w->wanted_left--;
}

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

/* Depth is bounded by CGROUPS_WALK_DEPTH. dir_fd is taken. */
static void walk_dir(struct walk *w, int dir_fd, size_t path_n, int depth)
{
	CLEANUP(dir_close) DIR *dir = fdopendir(dir_fd);
	if (!dir) {
		fd_close(&dir_fd);
		return;
	}
	for (struct dirent *d; w->wanted_left && w->dirs_left && (d = readdir(dir));) {
		struct strview name = sv_from(d->d_name);
		struct stat st;
		if ((d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) || sv_is(name, ".") || sv_is(name, ".."))
			continue;
		if (path_n + 1 + name.n >= sizeof(w->path) || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(st.st_mode))
			continue;
		w->dirs_left--;
		w->path[path_n] = '/';
		memcpy(w->path + path_n + 1, name.p, name.n);
		size_t here = path_n + 1 + name.n;
		walk_visit(w, st.st_ino, here);
		int next = depth < CGROUPS_WALK_DEPTH ? openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (next >= 0)
			walk_dir(w, next, here, depth + 1);
	}
}

static bool is_wanted(const struct entry *e, uint64_t boot_ns)
{
	return e->id && !e->path && e->wanted_ns <= boot_ns;
}

static size_t count_wanted(const struct cgroups *c, uint64_t boot_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < CGROUPS_MAX; i++)
		n += is_wanted(&c->entries[i], boot_ns);
	return n;
}

/* What the walk did not find waits; returns how many do. */
static size_t put_off(struct cgroups *c, uint64_t boot_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < CGROUPS_MAX; i++) {
		struct entry *e = &c->entries[i];
		if (is_wanted(e, boot_ns))
			e->wanted_ns = boot_ns + CGROUPS_RETRY_NS;
		n += e->id && !e->path;
	}
	return n;
}

void cgroups_tick(struct cgroups *c, uint64_t boot_ns)
{
	if (c->root < 0 || !c->n_wanted || boot_ns < c->next_walk_ns)
		return;
	struct walk w = { .cgroups = c, .boot_ns = boot_ns, .dirs_left = CGROUPS_WALK_DIRS, .wanted_left = count_wanted(c, boot_ns) };
	struct stat st;
	int fd = w.wanted_left ? openat(c->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		w.path[0] = '/';
		if (fstat(fd, &st) == 0)
			walk_visit(&w, st.st_ino, 1);
		walk_dir(&w, fd, 0, 1);
	}
	c->n_wanted = put_off(c, boot_ns);
	c->next_walk_ns = boot_ns + CGROUPS_RETRY_NS;
}
