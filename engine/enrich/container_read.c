/* SPDX-License-Identifier: Apache-2.0 */
/* One table of where runtimes keep their state. Owns the buffer that files are read into, and allocates nothing once it is made. */
#include "engine/enrich/container_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/container_parse.h"
#include "engine/enrich/localpath.h"
#include "engine/enrich/region.h"
#include "engine/enrich/users.h"

enum {
	PATH_BYTES = 4096,
	MAX_FOLDERS = 64,         /* looked into for a *: namespaces of containerd, drivers of containers/storage */
	MAX_FOLDERS_OF_USER = 8,
	MAX_CLAIM_COMPONENTS = 8, /* deepest first */
};

/* What a user's folders are below. */
enum above { ABOVE_NONE, ABOVE_RUN, ABOVE_HOME, ABOVE_COUNT };

/* Folders, for root and for other users. */
enum base { BASE_CONTAINERD, BASE_RUN_STORAGE, BASE_STORAGE, BASE_DOCKER, BASE_RUNC, BASE_CRUN, BASE_COUNT };

static const struct base_row {
	const char *of_root;
	enum above above_of_user; /* /run/user/UID, the home as passwd has it, or not looked for */
	const char *of_user;      /* below that */
} bases[BASE_COUNT] = {
	[BASE_CONTAINERD] = { "/run/containerd/io.containerd.runtime.v2.task", ABOVE_NONE, NULL },
	[BASE_RUN_STORAGE] = { "/run/containers/storage", ABOVE_RUN, "containers" },
	[BASE_STORAGE] = { "/var/lib/containers/storage", ABOVE_HOME, ".local/share/containers/storage" },
	[BASE_DOCKER] = { "/var/lib/docker", ABOVE_NONE, NULL },
	[BASE_RUNC] = { "/run/runc", ABOVE_RUN, "runc" },
	[BASE_CRUN] = { "/run/crun", ABOVE_RUN, "crun" },
};

/* Files, in the order in which they are tried. % stands for the id, a * at the start for any beginning of a folder's name. */
static const struct source {
	enum runtime runtime;
	enum base base;
	const char *file;
	enum container_form form;
	bool is_main; /* the container is known when one of these was read */
} sources[] = {
	{ RUNTIME_CONTAINERD, BASE_CONTAINERD, "*/%/config.json", CONTAINER_OCI, true },
	{ RUNTIME_CRIO, BASE_RUN_STORAGE, "*-containers/%/userdata/config.json", CONTAINER_OCI, true },
	{ RUNTIME_CRIO, BASE_STORAGE, "*-containers/%/userdata/config.json", CONTAINER_OCI, true },
	{ RUNTIME_DOCKER, BASE_DOCKER, "containers/%/config.v2.json", CONTAINER_DOCKER, true },
	{ RUNTIME_DOCKER, BASE_DOCKER, "containers/%/hostconfig.json", CONTAINER_DOCKER_HOST, false },
	{ RUNTIME_PODMAN, BASE_STORAGE, "*-containers/%/userdata/config.json", CONTAINER_OCI, true },
	{ RUNTIME_PODMAN, BASE_RUN_STORAGE, "*-containers/%/userdata/config.json", CONTAINER_OCI, true },
	{ RUNTIME_PODMAN, BASE_STORAGE, "*-containers/containers.json", CONTAINER_STORAGE, false },
	{ RUNTIME_PODMAN, BASE_STORAGE, "*-containers/volatile-containers.json", CONTAINER_STORAGE, false },
	{ RUNTIME_PODMAN, BASE_RUN_STORAGE, "*-containers/volatile-containers.json", CONTAINER_STORAGE, false },
	{ RUNTIME_RUNC, BASE_RUNC, "%/state.json", CONTAINER_RUNC, true },
	{ RUNTIME_CRUN, BASE_CRUN, "%/config.json", CONTAINER_OCI, true },
	{ RUNTIME_CRUN, BASE_CRUN, "%/status", CONTAINER_CRUN, true },
}, claims[] = {
	/* files that say which cgroup is the container's */
	{ RUNTIME_RUNC, BASE_RUNC, "%/state.json", CONTAINER_RUNC, false },
	{ RUNTIME_CRUN, BASE_CRUN, "%/status", CONTAINER_CRUN, false },
	{ RUNTIME_CRUN, BASE_CRUN, "%/config.json", CONTAINER_CRUN_CONFIG, false },
};

struct container_reader {
	struct container_parser *parser; /* owned */
	char *document;                  /* owned: CONTAINER_DOCUMENT_MAX and one byte to see that there is more */
	const struct names *users;       /* borrowed; may be NULL */
	uint32_t root;                   /* who owns root's files */
	int64_t left, left_of_users;     /* bytes, until the next tick; below 0: a debt */
	bool is_on, reads_rootless;
	char host[PATH_BYTES], docker[PATH_BYTES], storage[PATH_BYTES], cgroup[PATH_BYTES];
};

/* Whose files, and which. */
struct request {
	struct container_reader *reader;
	uint32_t owner;
	struct user_folder {
		bool is_tried;
		int fd; /* owned; or -errno */
	} above[ABOVE_COUNT];
	struct container_question question;
	struct container_facts *facts;
};

static bool copy(char into[static PATH_BYTES], const char *from)
{
	int n = snprintf(into, PATH_BYTES, "%s", from ? from : "");
	return n >= 0 && n < PATH_BYTES;
}

int container_reader_new(const struct container_roots *roots, struct container_reader **ret)
{
	CLEANUP(container_reader_free) struct container_reader *r = calloc(1, sizeof(*r));
	void *p = NULL;
	if (!r || container_parser_new(&r->parser) || region_new(CONTAINER_DOCUMENT_MAX + 1, &p))
		return -ENOMEM;
	r->document = p;
	r->is_on = roots->host != NULL;
	r->reads_rootless = roots->reads_rootless;
	r->users = roots->users;
	r->root = roots->owner;
	container_reader_tick(r);
	const char *cgroup = roots->cgroup && roots->cgroup[0] ? roots->cgroup : "/sys/fs/cgroup";
	if (!copy(r->host, roots->host) || !copy(r->docker, roots->docker) || !copy(r->storage, roots->storage) || !copy(r->cgroup, cgroup))
		return -ENAMETOOLONG;
	*ret = TAKE(r);
	return 0;
}

void container_reader_free(struct container_reader **reader)
{
	if (!*reader)
		return;
	container_parser_free(&(*reader)->parser);
	region_free((*reader)->document, CONTAINER_DOCUMENT_MAX + 1);
	free(*reader);
	*reader = NULL;
}

/* --- the budget ------------------------------------------------------------------------------------------------------------- */

void container_reader_tick(struct container_reader *r)
{
	r->left = MIN(r->left + CONTAINER_BYTES_A_TICK, (int64_t)CONTAINER_BYTES_A_TICK);
	r->left_of_users = MIN(r->left_of_users + CONTAINER_USER_BYTES_A_TICK, (int64_t)CONTAINER_USER_BYTES_A_TICK);
}

bool container_reader_may(const struct container_reader *r, uint32_t owner)
{
	return (owner ? r->left_of_users : r->left) > 0;
}

/* What was begun may go into debt, so that one large document does not keep the others of its container from being read. */
static bool is_spent(const struct request *q)
{
	return q->owner ? q->reader->left_of_users <= -CONTAINER_USER_BYTES_A_TICK : q->reader->left <= -CONTAINER_BYTES_A_TICK;
}

static void charge(const struct request *q, size_t bytes)
{
	*(q->owner ? &q->reader->left_of_users : &q->reader->left) -= (int64_t)bytes;
}

static void count_cut(const struct request *q)
{
	if (q->facts)
		q->facts->cut++;
}

/* --- one file --------------------------------------------------------------------------------------------------------------- */

/* What is not there may come; anything else in its place will not be read. */
static int fault_of(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EMFILE || err == -ENFILE || err == -EAGAIN ? -ENOENT : -EPERM;
}

/* The file's bytes, in the reader's buffer. 0, -ENOENT or -EPERM. */
static int file_read(const struct request *q, int fd, struct strview *ret)
{
	size_t max = q->owner ? CONTAINER_USER_DOCUMENT_MAX : CONTAINER_DOCUMENT_MAX, got = 0;
	char *into = q->reader->document;
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > (off_t)max || st.st_uid != (q->owner ? q->owner : q->reader->root))
		return -EPERM;
	while (got <= max) {
		ssize_t n = read(fd, into + got, max + 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EPERM;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	charge(q, got);
	*ret = (struct strview){ into, got };
	return got > max ? -EPERM : got ? 0 : -ENOENT; /* empty: being written */
}

/* Of a user's folders no mount is entered: what is mounted there may never answer. */
static int read_and_parse(const struct request *q, int dir_fd, const char *name, enum container_form form)
{
	if (is_spent(q))
		return -EAGAIN;
	charge(q, CONTAINER_COST_OF_OPEN);
	CLEANUP(fd_close) int fd = localpath_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, q->owner ? RESOLVE_NO_XDEV : 0);
	struct strview document;
	if (fd < 0)
		return fault_of(fd);
	int r = file_read(q, fd, &document);
	return r ? r : container_parse(q->reader->parser, form, document, &q->question, q->facts);
}

/* --- folders ---------------------------------------------------------------------------------------------------------------- */

static int host_open(const struct container_reader *reader)
{
	int fd = open(reader->host[0] ? reader->host : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ENOENT : fd;
}

/* A user may mount what never answers on /run/user/UID and on the home as well; a home may be on the network. */
static int user_folder_open(const struct request *q, enum above above)
{
	char run[32];
	struct strview path = { run, (size_t)snprintf(run, sizeof(run), "/run/user/%u", q->owner) };
	if (above == ABOVE_HOME)
		path = q->reader->users ? names_home(q->reader->users, q->owner) : (struct strview){ NULL, 0 };
	CLEANUP(fd_close) int root = path.n ? host_open(q->reader) : -1;
	if (root < 0)
		return -ENOENT;
	struct localpath_scratch scratch = { .p = q->reader->document, .n = CONTAINER_DOCUMENT_MAX };
	int fd = localpath_open(root, path, &scratch);
	charge(q, scratch.used);
	return fd < 0 ? fault_of(fd) : fd;
}

/* Once for a request. Borrowed. */
static int user_folder(struct request *q, enum above above)
{
	struct user_folder *folder = &q->above[above];
	if (!folder->is_tried)
		*folder = (struct user_folder){ true, user_folder_open(q, above) };
	return folder->fd;
}

static void request_done(struct request *q)
{
	for (size_t i = 0; i < ABOVE_COUNT; i++)
		if (q->above[i].is_tried)
			fd_close(&q->above[i].fd);
}

/* Down to here the path is root's, links in it included. */
static bool path_of_root(const struct container_reader *reader, enum base base, char into[static PATH_BYTES])
{
	const char *own = base == BASE_DOCKER ? reader->docker : base == BASE_STORAGE ? reader->storage : "";
	int n = snprintf(into, PATH_BYTES, "%s%s", reader->host, own[0] ? own : bases[base].of_root);
	return n > 0 && n < PATH_BYTES;
}

static int base_open(struct request *q, enum base base)
{
	char path[PATH_BYTES];
	const struct base_row *row = &bases[base];
	charge(q, CONTAINER_COST_OF_OPEN);
	if (!q->owner) {
		int fd = path_of_root(q->reader, base, path) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		return fd < 0 ? -ENOENT : fd;
	}
	if (row->above_of_user == ABOVE_NONE || !q->reader->reads_rootless)
		return -ENOENT;
	int above = user_folder(q, row->above_of_user);
	if (above < 0)
		return above;
	int fd = localpath_beneath(above, row->of_user, O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV);
	return fd < 0 ? fault_of(fd) : fd;
}

/* The id for %, first for a leading *. False when it would be too long. */
static bool name_fill(const char *pattern, struct strview first, struct strview id, char into[static PATH_BYTES])
{
	size_t n = 0;
	for (; *pattern; pattern++) {
		struct strview piece = *pattern == '%' ? id : *pattern == '*' ? first : (struct strview){ pattern, 1 };
		if (piece.n >= PATH_BYTES - n)
			return false;
		if (piece.n)
			memcpy(into + n, piece.p, piece.n);
		n += piece.n;
	}
	into[n] = '\0';
	return true;
}

static int read_named(const struct request *q, int base_fd, const struct source *s, struct strview first)
{
	char name[PATH_BYTES];
	if (!name_fill(s->file, first, q->question.id, name))
		return -ENOENT;
	return read_and_parse(q, base_fd, name, s->form);
}

/* In whichever of the folders there it is found; the fault of one that was not read, if none was. */
static int read_any_folder(const struct request *q, int base_fd, const struct source *s)
{
	_Alignas(struct dirent64) char list[8192];
	struct strview suffix = { s->file + 1, strcspn(s->file + 1, "/") };
	CLEANUP(fd_close) int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fault = -ENOENT, folders = q->owner ? MAX_FOLDERS_OF_USER : MAX_FOLDERS;
	ssize_t got;
	while (fd >= 0 && (got = getdents64(fd, list, sizeof(list))) > 0) {
		charge(q, (size_t)got);
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(list + at);
			at += entry->d_reclen;
			struct strview name = sv_from(entry->d_name);
			if (sv_starts(name, SV(".")) || !sv_ends(name, suffix))
				continue;
			if (!folders--) {
				count_cut(q);
				return fault;
			}
			int r = read_named(q, base_fd, s, (struct strview){ name.p, name.n - suffix.n });
			if (r == 0 || r == -EAGAIN)
				return r;
			fault = r == -ENOENT ? fault : r;
		}
		if (is_spent(q))
			return -EAGAIN;
	}
	return fault;
}

static int read_source(struct request *q, const struct source *s)
{
	CLEANUP(fd_close) int base = base_open(q, s->base);
	if (base < 0)
		return base;
	return s->file[0] == '*' ? read_any_folder(q, base, s) : read_named(q, base, s, (struct strview){ NULL, 0 });
}

/* --- a container ------------------------------------------------------------------------------------------------------------ */

/*
 * The config.json of the bundle that runc or crun just named. A user's could name any place, and one where nothing ever answers. Links on the
 * way to root's (/var/run is one) are followed as the runtime did who wrote it; the file itself must be one, and root's.
 */
static int read_bundle(const struct request *q)
{
	char path[CONTAINER_BUNDLE_MAX + 1];
	struct strview bundle = container_bundle(q->reader->parser);
	if (q->owner)
		return -EPERM;
	if (!bundle.n)
		return -ENOENT;
	memcpy(path, bundle.p, bundle.n);
	path[bundle.n] = '\0';
	CLEANUP(fd_close) int root = host_open(q->reader);
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	CLEANUP(fd_close) int dir = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return dir < 0 ? (root < 0 ? -ENOENT : fault_of(-errno)) : read_and_parse(q, dir, "config.json", CONTAINER_OCI);
}

static bool is_candidate(const struct source *s, enum runtime runtime)
{
	bool is_of_cluster = s->runtime == RUNTIME_CONTAINERD || s->runtime == RUNTIME_CRIO || s->runtime == RUNTIME_DOCKER;
	return runtime == RUNTIME_NONE ? is_of_cluster : s->runtime == runtime;
}

/* Tries the main files; returns the runtime of the one that was read in *ret. */
static int read_main(struct request *q, enum runtime runtime, enum runtime *ret)
{
	int fault = -ENOTSUP;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!sources[i].is_main || !is_candidate(&sources[i], runtime))
			continue;
		int r = read_source(q, &sources[i]);
		bool has_bundle = sources[i].form == CONTAINER_RUNC || sources[i].form == CONTAINER_CRUN;
		if (r == 0 && has_bundle)
			r = read_bundle(q);
		if (r == 0) {
			*ret = sources[i].runtime;
			return 0;
		}
		if (r == -EAGAIN)
			return r;
		fault = fault == -ENOTSUP || fault == -ENOENT ? r : fault;
	}
	return fault;
}

/* What else there is to know; a part that cannot be read counts as cut, and the rest stands. */
static void read_more(struct request *q, enum runtime runtime)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (sources[i].is_main || sources[i].runtime != runtime)
			continue;
		int r = read_source(q, &sources[i]);
		q->facts->cut += r != 0 && r != -ENOENT;
	}
}

/* CRI-O's containers do not have the labels of their pod, its sandbox does. */
static void read_sandbox(struct request *q)
{
	char id[128];
	struct strview sandbox = container_text(q->facts, CONTAINER_SANDBOX);
	if (!sandbox.n || sandbox.n > sizeof(id))
		return;
	memcpy(id, sandbox.p, sandbox.n);
	q->question.id = (struct strview){ id, sandbox.n };
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct source s = sources[i];
		s.form = CONTAINER_OCI_SANDBOX;
		int r = s.is_main && s.runtime == RUNTIME_CRIO ? read_source(q, &s) : -ENOENT;
		if (r == 0)
			return;
		q->facts->cut += r != -ENOENT;
	}
}

int container_read(struct container_reader *reader, const struct container_place *place, struct container_facts *ret)
{
	CLEANUP(request_done) struct request q = { .reader = reader, .owner = place->owner, .question = { .id = place->id }, .facts = ret };
	enum runtime runtime = place->runtime;
	container_facts_reset(ret, runtime);
	if (!reader->is_on || memchr(place->id.p, '/', place->id.n) || memchr(place->id.p, '\0', place->id.n))
		return -ENOTSUP;
	if (!container_reader_may(reader, place->owner))
		return -EAGAIN;
	int r = read_main(&q, place->runtime, &runtime);
	if (r)
		return r;
	ret->runtime = runtime;
	if (runtime == RUNTIME_RUNC || runtime == RUNTIME_CRUN)
		container_facts_default(ret, CONTAINER_NAME, place->id); /* it is what the user called it */
	read_more(&q, runtime);
	if (runtime == RUNTIME_CRIO)
		read_sandbox(&q);
	return 0;
}

/* --- claims ----------------------------------------------------------------------------------------------------------------- */

/* 0, -ENOENT or -EAGAIN: of what is damaged or refused nothing is known. */
static int find_claim(struct request *q, struct strview path, enum runtime *ret)
{
	q->question.cgroup = path;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		int r = read_source(q, &claims[i]);
		if (r == -EAGAIN)
			return r;
		if (r == 0 && container_owns_cgroup(q->reader->parser)) {
			*ret = claims[i].runtime;
			return 0;
		}
	}
	return -ENOENT;
}

/* systemd's own units are never called as a container is. */
static bool may_be_called(struct strview name)
{
	return name.n && !sv_ends(name, SV(".slice")) && !sv_ends(name, SV(".service")) && !sv_ends(name, SV(".scope"));
}

int container_read_claim(struct container_reader *reader, struct strview path, struct container_place *ret)
{
	CLEANUP(request_done) struct request q = { .reader = reader, .owner = container_place(path).owner,
						   .question = { .hierarchy = sv_from(reader->cgroup) } };
	if (!reader->is_on || (q.owner && !reader->reads_rootless))
		return -ENOENT;
	if (!container_reader_may(reader, q.owner))
		return -EAGAIN;
	for (int i = 0; i < MAX_CLAIM_COMPONENTS && path.n > 1; i++) {
		const char *slash = memrchr(path.p, '/', path.n);
		if (!slash)
			break;
		enum runtime runtime;
		q.question.id = sv_from_index(path, (size_t)(slash - path.p) + 1);
		int r = may_be_called(q.question.id) ? find_claim(&q, path, &runtime) : -ENOENT;
		if (r == 0)
			*ret = (struct container_place){ .id = q.question.id, .runtime = runtime, .owner = q.owner, .n_path = path.n };
		if (r != -ENOENT)
			return r;
		path.n = (size_t)(slash - path.p);
	}
	return -ENOENT;
}
