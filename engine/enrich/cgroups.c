/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a set-associative cache: eight places for an id, the one used longest ago gives way. Lost entries are found again by a walk. */
#include "engine/enrich/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/region.h"

enum { WAYS = 8, SETS = CGROUPS_MAX / WAYS };

struct entry {
	uint64_t id;      /* 0: empty */
	uint64_t used;    /* clock of the last use */
	uint64_t wanted_ns; /* path missing: not looked for before; 0: at the next tick */
	text_id path;
	uint16_t container_at, container_n, container_end; /* in path: the id, and the component that has it */
	uint8_t looks;    /* for the container, so far */
	enum runtime runtime;
	uint32_t owner;   /* see struct container_place */
};

struct cgroups {
	struct proctable *table;       /* borrowed */
	struct containers *containers; /* borrowed; may be NULL */
	struct entry *entries;   /* owned: SETS times WAYS */
	uint64_t clock;
	size_t n_wanted; /* entries without a path whose time may have come */
	uint64_t next_walk_ns;
	unsigned looks_left; /* at the kernel, until the next tick */
	int root; /* descriptor of the hierarchy's root; -1: none */
	size_t root_n;
	char root_path[PROCFS_TEXT]; /* as /proc shows it; root_n 0: not known */
};

/* What /proc says a descriptor is open on; 0: nothing that fits. */
static size_t path_of(int fd, char into[static PROCFS_TEXT])
{
	char name[32];
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, into, PROCFS_TEXT);
	return n > 0 && n < PROCFS_TEXT && into[0] == '/' ? (size_t)n : 0;
}

int cgroups_new(const char *root, struct proctable *table, struct containers *containers, struct cgroups **ret)
{
	CLEANUP(cgroups_free) struct cgroups *c = calloc(1, sizeof(*c));
	void *p = NULL;
	if (!c)
		return -ENOMEM;
	c->table = table;
	c->containers = containers;
	c->looks_left = CGROUPS_LOOKS_A_TICK;
	c->root = root && root[0] ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	c->root_n = c->root >= 0 ? path_of(c->root, c->root_path) : 0;
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

/* The path may tell; else the runtime may, though perhaps a moment later. */
static void find_container(struct cgroups *c, struct entry *e)
{
	struct strview path = proctable_text(c->table, e->path);
	struct container_place place = container_place(path);
	if (!c->containers || containers_place(c->containers, path, &place))
		e->looks++; /* a look that has to wait is none */
	e->owner = place.owner;
	e->runtime = place.runtime;
	e->container_n = (uint16_t)place.id.n;
	e->container_at = place.id.n ? (uint16_t)(place.id.p - path.p) : 0;
	e->container_end = (uint16_t)place.n_path;
	if (place.id.n && c->containers)
		containers_renew(c->containers, path, &place);
}

void cgroups_learn(struct cgroups *c, uint64_t id, struct strview path)
{
	if (!id || !path.n || path.n > PROCFS_TEXT)
		return;
	struct entry *e = entry_take(c, id);
	e->used = ++c->clock;
	if (e->path && sv_equal(proctable_text(c->table, e->path), path)) {
		if (!e->container_n && e->looks < CGROUPS_CLAIMS)
			find_container(c, e);
		return;
	}
	proctable_drop(c->table, &e->path);
	e->path = proctable_keep(c->table, path, PROCFS_TEXT);
	e->looks = 0;
	find_container(c, e);
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

/* An id is what a handle of a cgroup's folder is made of, so the kernel finds the folder. Needs CAP_DAC_READ_SEARCH; else the walk finds it. */
static size_t look_up(const struct cgroups *c, uint64_t id, char into[static PROCFS_TEXT])
{
	enum { HANDLE_KERNFS = 0xfe };
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} at = { .handle = { .handle_bytes = sizeof(id), .handle_type = HANDLE_KERNFS } };
	memcpy(at.bytes + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	CLEANUP(fd_close) int fd = open_by_handle_at(c->root, &at.handle, O_PATH | O_CLOEXEC);
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == id ? path_of(fd, into) : 0;
}

void cgroups_want(struct cgroups *c, uint64_t id)
{
	char path[PROCFS_TEXT];
	if (!id || !c->root_n || !c->looks_left || entry_find(c, id))
		return;
	c->looks_left--;
	size_t n = look_up(c, id, path);
	struct strview found = { path, n }, root = { c->root_path, c->root_n };
	if (!sv_starts(found, root))
		return;
	found = sv_from_index(found, root.n);
	if (found.n == 0 || found.p[0] == '/')
		cgroups_learn(c, id, found.n ? found : SV("/"));
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
	*ret = (struct cgroup_names){
		.path = path,
		.place = { .id = { path.p + e->container_at, e->container_n }, .runtime = e->runtime, .owner = e->owner, .n_path = e->container_end },
	};
	return true;
}

/* Whoever owns a folder makes folders in it. */
static bool is_of_root(const struct cgroups *c, const char *name)
{
	struct stat st;
	return fstatat(c->root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == 0;
}

bool cgroups_is_container(const struct cgroups *c, struct strview path)
{
	char name[PROCFS_TEXT];
	size_t n = 1;
	if (c->root < 0 || path.n < 2 || path.p[0] != '/' || path.n >= sizeof(name) || memchr(path.p, '\0', path.n) || !container_id(path).n)
		return false;
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	for (; n < path.n; n++) { /* up to the first folder that is another's */
		if (name[n] != '/')
			continue;
		name[n] = '\0';
		bool may_name = is_of_root(c, name + 1);
		name[n] = '/';
		if (!may_name)
			break;
	}
	return container_id((struct strview){ path.p, n }).n != 0;
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
	c->looks_left = CGROUPS_LOOKS_A_TICK;
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
