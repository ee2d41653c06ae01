/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/probe/guard.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"

enum { WAY_MAX_LINKS = 40, WAY_MAX_TREE = GUARD_INODES, UNDO_MAX = 2 * GUARD_INODES };

struct guard {
	struct sensor *sensor;
	struct sensor_guard at;
	int canary_fd;
	size_t unproven;
	uint64_t canaries;
	struct undo {
		struct guard_inode key;
		uint32_t before; /* 0: there was no mark */
	} *undo;         /* owned; of the path that is being added, in the order of the marks */
	size_t n_undo;
	struct buf home; /* folder of the cgroup of the beginning; empty: none */
};

/* --- marks ----------------------------------------------------------------------------------------------------------------- */

static uint32_t device_of(unsigned major_number, unsigned minor_number)
{
	return major_number << 20 | minor_number; /* as the kernel has it */
}

/* Marks add up. The bits come first: an entry that they do not announce would not be looked up. */
static int mark(struct guard *g, uint32_t device, uint64_t inode, uint32_t marks)
{
	struct guard_inode key = { .device = device, .inode = inode };
	struct guard_config *c = g->at.config;
	uint32_t bit = guard_bloom_bit(device, inode), before = 0;
	__atomic_fetch_or(&c->devices, 1ull << (device & 63), __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&c->bloom[bit / 64], 1ull << (bit & 63), __ATOMIC_SEQ_CST);
	if (bpf_map_lookup_elem(g->at.inodes_fd, &key, &before) == 0)
		marks |= before;
	if (marks == before)
		return 0;
	if (g->n_undo == UNDO_MAX)
		return -E2BIG;
	if (bpf_map_update_elem(g->at.inodes_fd, &key, &marks, BPF_ANY))
		return -errno;
	g->undo[g->n_undo++] = (struct undo){ key, before };
	return 0;
}

/* The marks since the last call of undo_begin, the last one first: half of a folder would be refused to everybody, and told to be free. */
static void take_back(struct guard *g)
{
	while (g->n_undo > 0) {
		const struct undo *u = &g->undo[--g->n_undo];
		int err = u->before ? bpf_map_update_elem(g->at.inodes_fd, &u->key, &u->before, BPF_ANY) : bpf_map_delete_elem(g->at.inodes_fd, &u->key);
		IGNORE(err); /* it is there; else its file is gone, and the mark with it */
	}
}

static void undo_begin(struct guard *g)
{
	g->n_undo = 0;
}

static int mark_object(struct guard *g, uint32_t kind, uint32_t id)
{
	struct guard_object key = { .kind = kind, .id = id };
	uint32_t one = 1;
	return bpf_map_update_elem(g->at.objects_fd, &key, &one, BPF_ANY) ? -errno : 0;
}

static int mark_stat(struct guard *g, const struct statx *st, uint32_t marks)
{
	uint32_t device = device_of(st->stx_dev_major, st->stx_dev_minor);
	int err = mark(g, device, st->stx_ino, marks);
	if (!err)
		err = mark(g, device, 0, GUARD_DEVICE);
	if (!err && (st->stx_mask & STATX_MNT_ID))
		err = mark_object(g, GUARD_MOUNT, (uint32_t)st->stx_mnt_id);
	return err;
}

/* Opening it for writing is refused to us, too, while we ask for that; or cannot be done for another reason. */
static bool is_refused(struct guard *g, const char *path)
{
	struct guard_config *c = g->at.config;
	uint64_t before = __atomic_load_n(&c->canaries, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->canary_tid, (uint32_t)gettid(), __ATOMIC_SEQ_CST);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int error = errno;
	__atomic_store_n(&c->canary_tid, 0, __ATOMIC_SEQ_CST);
	if (fd < 0 && error == ETXTBSY)
		return true; /* it runs: the kernel does not even ask */
	return fd < 0 && error == EPERM && __atomic_load_n(&c->canaries, __ATOMIC_SEQ_CST) == before + 1;
}

/* On a file system that is not writable nothing can be. */
static bool can_be_proven(const char *path)
{
	return access(path, W_OK) == 0;
}

static void prove(struct guard *g, const char *path, struct diag *diag)
{
	if (!can_be_proven(path) || is_refused(g, path))
		return;
	g->unproven++;
	diag_warn(diag, (struct place){ .file = path }, "is not protected: its file system shows other numbers of devices or files to programs than it uses itself");
}

/* --- the way to a file ------------------------------------------------------------------------------------------------------- */

/* A path that is walked name by name: what lies behind, without links, and what lies ahead. */
struct way {
	struct buf behind, ahead;
	unsigned links;
};

static void way_done(struct way *w)
{
	buf_done(&w->behind);
	buf_done(&w->ahead);
}

static void way_up(struct way *w)
{
	while (w->behind.n && w->behind.p[w->behind.n - 1] != '/')
		w->behind.n--;
	w->behind.n -= w->behind.n > 0;
}

/* The target of the link takes its place in front of the rest. */
static int follow(struct way *w, const char *rest)
{
	char target[PATH_MAX];
	CLEANUP(buf_done) struct buf next = { 0 };
	ssize_t n = readlink(buf_cstr(&w->behind), target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target) || ++w->links > WAY_MAX_LINKS)
		return -ELOOP;
	buf_add(&next, target, (size_t)n);
	buf_add_char(&next, '/');
	buf_add_z(&next, rest);
	if (n && target[0] == '/')
		w->behind.n = 0;
	else
		way_up(w);
	buf_reset(&w->ahead);
	buf_add_sv(&w->ahead, buf_sv(&next));
	return buf_error(&w->ahead) ? -ENOMEM : 0;
}

/* One name. 0, or 1 when it was the last, or -errno. */
static int step(struct guard *g, struct way *w, uint32_t *ret_mode)
{
	const char *text = buf_cstr(&w->ahead);
	size_t skip = strspn(text, "/"), n = strcspn(text + skip, "/");
	if (n == 0)
		return 1;
	CLEANUP(str_free) char *rest = strdup(text + skip + n);
	CLEANUP(str_free) char *name = strndup(text + skip, n);
	if (!rest || !name)
		return -ENOMEM;
	bool is_last = rest[strspn(rest, "/")] == '\0';
	if (strcmp(name, "..") == 0) {
		way_up(w);
	} else if (strcmp(name, ".") != 0) {
		struct statx st;
		buf_add_char(&w->behind, '/');
		buf_add_z(&w->behind, name);
		if (statx(AT_FDCWD, buf_cstr(&w->behind), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &st))
			return -errno;
		*ret_mode = st.stx_mode;
		bool is_link = S_ISLNK(st.stx_mode), is_folder = S_ISDIR(st.stx_mode);
		int err = mark_stat(g, &st, is_link || (is_last && !is_folder) ? GUARD_FILE : is_last ? GUARD_TREE : GUARD_ABOVE);
		if (err || is_link)
			return err ? err : follow(w, rest);
	}
	buf_reset(&w->ahead);
	buf_add_z(&w->ahead, rest);
	return buf_error(&w->ahead) || buf_error(&w->behind) ? -ENOMEM : is_last;
}

/* Marks all on the way; ret: the path without links. */
static int walk(struct guard *g, const char *path, struct buf *ret, uint32_t *ret_mode)
{
	CLEANUP(way_done) struct way w = { 0 };
	struct statx st;
	char here[PATH_MAX] = "";
	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return -errno;
	buf_add_z(&w.ahead, here);
	buf_add_char(&w.ahead, '/');
	buf_add_z(&w.ahead, path);
	int err = buf_error(&w.ahead) ? -ENOMEM : 0;
	if (!err && statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS | STATX_MNT_ID, &st))
		err = -errno;
	if (!err)
		err = mark_stat(g, &st, GUARD_ABOVE);
	while (!err)
		err = step(g, &w, ret_mode);
	if (err < 0)
		return err;
	buf_add_sv(ret, buf_sv(&w.behind));
	return buf_error(ret) ? -ENOMEM : 0;
}

static void fts_done(FTS **f)
{
	if (*f)
		fts_close(*f);
	*f = NULL;
}

/* What is in a folder now, each by itself too: an overlay shows its files apart from their folder. */
static int mark_tree(struct guard *g, const char *folder, struct diag *diag)
{
	CLEANUP(str_free) char *root = strdup(folder);
	char *roots[] = { root, NULL };
	CLEANUP(fts_done) FTS *f = root ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	int err = f ? 0 : -ENOMEM;
	for (FTSENT *e; !err && (e = fts_read(f));) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
			err = -e->fts_errno;
		if (err || e->fts_info == FTS_DP)
			continue;
		const struct stat *st = e->fts_statp;
		err = mark(g, device_of(major(st->st_dev), minor(st->st_dev)), st->st_ino, S_ISDIR(st->st_mode) ? GUARD_TREE : GUARD_FILE);
		if (!err && S_ISREG(st->st_mode))
			prove(g, e->fts_path, diag);
		if (!err && S_ISLNK(st->st_mode)) {
			CLEANUP(buf_done) struct buf target = { 0 };
			uint32_t mode;
			IGNORE(walk(g, e->fts_path, &target, &mode)); /* it leads nowhere: nothing to protect */
		}
	}
	return err;
}

void guard_add(struct guard *g, const char *path, struct diag *diag)
{
	CLEANUP(buf_done) struct buf real = { 0 };
	uint32_t mode = S_IFDIR; /* the root itself */
	undo_begin(g);
	int err = walk(g, path, &real, &mode);
	if (!err && S_ISDIR(mode))
		err = mark_tree(g, real.n ? buf_cstr(&real) : "/", diag);
	else if (!err && S_ISREG(mode))
		prove(g, buf_cstr(&real), diag);
	if (err) {
		take_back(g);
		diag_warn(diag, (struct place){ .file = path }, "is not protected: %s",
			  err == -E2BIG ? "there would be too many protected files" : strerror(-err));
	}
}

void guard_add_folder(struct guard *g, const char *path, struct diag *diag)
{
	CLEANUP(buf_done) struct buf real = { 0 };
	uint32_t mode;
	undo_begin(g);
	int err = walk(g, path, &real, &mode);
	if (err) {
		take_back(g);
		diag_warn(diag, (struct place){ .file = path }, "is not protected: %s", strerror(-err));
	}
}

void guard_forget(struct guard *g)
{
	struct guard_inode key;
	while (bpf_map_get_next_key(g->at.inodes_fd, NULL, &key) == 0)
		if (bpf_map_delete_elem(g->at.inodes_fd, &key))
			break;
	memset(g->at.config->bloom, 0, sizeof(g->at.config->bloom));
	g->at.config->devices = 0;
	g->unproven = 0;
	undo_begin(g);
	struct stat st;
	if (g->canary_fd >= 0 && fstat(g->canary_fd, &st) == 0)
		IGNORE(mark(g, device_of(major(st.st_dev), minor(st.st_dev)), st.st_ino, GUARD_CANARY)); /* else the next canary tells */
}

/* --- BPF objects ----------------------------------------------------------------------------------------------------------- */

static uint32_t id_of(int fd, const char *what, uint32_t *ret_kind)
{
	union {
		struct bpf_map_info map;
		struct bpf_prog_info prog;
		struct bpf_link_info link;
	} info = { 0 };
	bool is_map = strcmp(what, "anon_inode:bpf-map") == 0, is_prog = strcmp(what, "anon_inode:bpf-prog") == 0;
	uint32_t size = is_map ? sizeof(info.map) : is_prog ? sizeof(info.prog) : sizeof(info.link);
	*ret_kind = is_map ? GUARD_MAP : is_prog ? GUARD_PROGRAM : GUARD_LINK;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return 0;
	return is_map ? info.map.id : is_prog ? info.prog.id : info.link.id;
}

static void folder_close(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}

/* All that we hold by descriptor. */
static void enter_objects(struct guard *g)
{
	CLEANUP(folder_close) DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d));) {
		char target[64] = "";
		uint64_t fd;
		uint32_t kind, id;
		if (num_parse_u64(sv_from(e->d_name), INT_MAX, &fd) || readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1) < 0)
			continue;
		if (strncmp(target, "anon_inode:bpf", 14) != 0)
			continue;
		id = id_of((int)fd, target, &kind);
		if (id)
			IGNORE(mark_object(g, kind, id)); /* E2BIG cannot be: gone ones are taken out at each refresh */
	}
}

/* Ids are not used again, so what is gone is only in the way. */
static bool is_gone(const struct guard_object *o)
{
	CLEANUP(fd_close) int fd = o->kind == GUARD_MAP ? bpf_map_get_fd_by_id(o->id) : o->kind == GUARD_PROGRAM ? bpf_prog_get_fd_by_id(o->id) : bpf_link_get_fd_by_id(o->id);
	return fd < 0 && errno == ENOENT;
}

static void leave_gone(struct guard *g)
{
	struct guard_object key, next, gone[64];
	size_t n = 0;
	void *from = NULL;
	for (size_t seen = 0; seen < GUARD_OBJECTS && n < ARRAY_SIZE(gone) && bpf_map_get_next_key(g->at.objects_fd, from, &next) == 0; seen++) {
		if (next.kind != GUARD_MOUNT && is_gone(&next))
			gone[n++] = next;
		key = next;
		from = &key;
	}
	for (size_t i = 0; i < n; i++)
		IGNORE(bpf_map_delete_elem(g->at.objects_fd, &gone[i])); /* it is there */
}

void guard_refresh(struct guard *g)
{
	enter_objects(g);
	leave_gone(g);
}

const char *guard_detached(const struct guard *g)
{
	for (size_t i = 0; i < g->at.n_programs; i++) {
		struct bpf_prog_info prog = { 0 };
		struct bpf_link_info link = { 0 };
		uint32_t prog_size = sizeof(prog), link_size = sizeof(link);
		if (g->at.links[i] < 0)
			continue;
		if (bpf_obj_get_info_by_fd(g->at.programs[i], &prog, &prog_size) || bpf_obj_get_info_by_fd(g->at.links[i], &link, &link_size) ||
		    link.prog_id != prog.id)
			return g->at.hooks[i].name;
	}
	return NULL;
}

/* --- cgroup ---------------------------------------------------------------------------------------------------------------- */

/* Folder of the cgroup (version 2) that we are in now. */
static int find_home(struct buf *ret)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int err = fd_read_file("/proc/self/cgroup", 65536, &text);
	if (err)
		return err;
	const char *at = strstr(buf_cstr(&text), "0::/");
	if (!at || (at != text.p && at[-1] != '\n'))
		return -ENOENT;
	bool is_unified = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0;
	buf_add_z(ret, is_unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified");
	buf_add(ret, at + 3, strcspn(at + 3, "\n"));
	while (ret->n && ret->p[ret->n - 1] == '/')
		ret->n--;
	return buf_error(ret) ? -ENOMEM : 0;
}

/* Ids of the cgroup and of those above it; the root has nothing that could hurt. */
static void enter_cgroups(struct guard *g)
{
	CLEANUP(buf_done) struct buf at = { 0 };
	struct stat root, st;
	buf_reset(&g->home);
	if (find_home(&g->home)) {
		buf_reset(&g->home);
		return;
	}
	buf_add_sv(&at, buf_sv(&g->home));
	const char *top = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
	if (stat(top, &root))
		return;
	for (size_t i = 0; i < GUARD_CGROUPS; i++) {
		g->at.config->cgroups[i] = 0;
		if (stat(buf_cstr(&at), &st) || st.st_ino == root.st_ino)
			continue;
		g->at.config->cgroups[i] = st.st_ino;
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		at.n -= at.n > 0;
	}
}

int guard_go_home(struct guard *g)
{
	CLEANUP(buf_done) struct buf now = { 0 };
	if (!g->home.n || find_home(&now) || sv_equal(buf_sv(&now), buf_sv(&g->home)))
		return 0;
	buf_reset(&now);
	buf_add_sv(&now, buf_sv(&g->home));
	buf_add_z(&now, "/cgroup.procs");
	CLEANUP(fd_close) int fd = open(buf_cstr(&now), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fd_write_all(fd, "0\n", 2);
	return err ? err : 1;
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

static int make_canary(struct guard *g)
{
	g->canary_fd = memfd_create("vedette-canary", MFD_CLOEXEC);
	if (g->canary_fd < 0)
		return -errno;
	struct stat st;
	if (fstat(g->canary_fd, &st))
		return -errno;
	return mark(g, device_of(major(st.st_dev), minor(st.st_dev)), st.st_ino, GUARD_CANARY);
}

int guard_new(struct sensor *s, struct guard **ret, struct diag *diag)
{
	struct stat ns;
	CLEANUP(guard_free) struct guard *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->sensor = s;
	g->canary_fd = -1;
	g->undo = calloc(UNDO_MAX, sizeof(*g->undo));
	if (!g->undo)
		return -ENOMEM;
	sensor_get_guard(s, &g->at);
	int err = stat("/proc/self/ns/mnt", &ns) ? -errno : make_canary(g);
	if (!err)
		err = guard_canary(g, UINT_MAX);
	if (err) {
		diag_error(diag, (struct place){ 0 }, "the protection of Vedette itself cannot be had: %s (`protect: false` in the configuration does without)",
			   err == -EPROTO ? "its programs are attached but do not run" : strerror(-err));
		return err;
	}
	g->at.config->mnt_ns = (uint32_t)ns.st_ino;
	enter_cgroups(g);
	enter_objects(g);
	*ret = TAKE(g);
	return 0;
}

void guard_free(struct guard **guard)
{
	struct guard *g = *guard;
	if (!g)
		return;
	if (g->at.config)
		guard_switch(g, false);
	fd_close(&g->canary_fd);
	buf_done(&g->home);
	free(g->undo);
	free(g);
	*guard = NULL;
}

void guard_switch(struct guard *g, bool is_on)
{
	__atomic_store_n(&g->at.config->is_on, is_on, __ATOMIC_SEQ_CST);
}

bool guard_is_on(const struct guard *g)
{
	return g->at.config->is_on;
}

/* UINT_MAX: wherever we run. */
int guard_canary(struct guard *g, unsigned cpu)
{
	char path[64];
	cpu_set_t before, one;
	bool is_pinned = cpu != UINT_MAX;
	if (is_pinned) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before), &before) || !CPU_ISSET(cpu, &before) || sched_setaffinity(0, sizeof(one), &one))
			return -ENXIO;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", g->canary_fd);
	bool is_fine = is_refused(g, path);
	if (is_pinned)
		(void)sched_setaffinity(0, sizeof(before), &before); /* it was in force a moment ago */
	g->canaries += is_fine;
	return is_fine ? 0 : -EPROTO;
}

/* Marks that are there: the kernel's side takes out those of files that go. */
static size_t count_files(const struct guard *g)
{
	struct guard_inode key, next;
	size_t n = 0;
	void *from = NULL;
	for (size_t seen = 0; seen < GUARD_INODES && bpf_map_get_next_key(g->at.inodes_fd, from, &next) == 0; seen++) {
		n += next.inode != 0;
		key = next;
		from = &key;
	}
	return n;
}

void guard_get_stats(const struct guard *g, struct guard_stats *ret)
{
	struct event_counters c = { 0 };
	IGNORE(sensor_get_counters(g->sensor, EVENT_AGENT_TAMPER, -1, &c)); /* 0 then */
	*ret = (struct guard_stats){ .refused = c.blocked, .canaries = g->canaries, .files = count_files(g), .unproven = g->unproven };
}
