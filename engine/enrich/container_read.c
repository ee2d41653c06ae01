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
#include "engine/base/num.h"
#include "engine/enrich/region.h"

enum {
	PATH_BYTES = 4096,
	MAX_FOLDERS = 64,         /* looked into for a *: namespaces of containerd, drivers of containers/storage */
	MAX_CLAIM_COMPONENTS = 8, /* deepest first */
};

/* Folders, for root and for other users. */
enum base { BASE_CONTAINERD, BASE_RUN_STORAGE, BASE_STORAGE, BASE_DOCKER, BASE_RUNC, BASE_CRUN, BASE_COUNT };

static const struct base_row {
	const char *of_root;
	const char *above_of_user; /* "run": /run/user/UID, "home": as passwd says; NULL: not looked for */
	const char *of_user;       /* below that */
} bases[BASE_COUNT] = {
	[BASE_CONTAINERD] = { "/run/containerd/io.containerd.runtime.v2.task", NULL, NULL },
	[BASE_RUN_STORAGE] = { "/run/containers/storage", "run", "containers" },
	[BASE_STORAGE] = { "/var/lib/containers/storage", "home", ".local/share/containers/storage" },
	[BASE_DOCKER] = { "/var/lib/docker", NULL, NULL },
	[BASE_RUNC] = { "/run/runc", "run", "runc" },
	[BASE_CRUN] = { "/run/crun", "run", "crun" },
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
	bool is_on, reads_rootless;
	char host[PATH_BYTES], docker[PATH_BYTES], storage[PATH_BYTES], passwd[PATH_BYTES];
};

/* Whose files, and which. */
struct request {
	struct container_reader *reader;
	uint32_t owner;
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
	if (!copy(r->host, roots->host) || !copy(r->docker, roots->docker) || !copy(r->storage, roots->storage) || !copy(r->passwd, roots->passwd))
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

/* --- one file --------------------------------------------------------------------------------------------------------------- */

static int open_beneath(int dir_fd, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve };
	long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* What is not there may come; anything else in its place will not be read. */
static int fault_of(int err)
{
	return err == -ENOENT || err == -ENOTDIR ? -ENOENT : err == -EMFILE || err == -ENFILE || err == -EAGAIN ? -ENOENT : -EPERM;
}

/* The file's bytes, in the reader's buffer. 0, -ENOENT or -EPERM. */
static int file_read(struct container_reader *reader, int fd, uint32_t owner, struct strview *ret)
{
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > CONTAINER_DOCUMENT_MAX)
		return -EPERM;
	if (st.st_uid != owner && !(owner == 0 && st.st_uid == geteuid())) /* a test's user is root in the tree it made */
		return -EPERM;
	size_t got = 0;
	while (got <= CONTAINER_DOCUMENT_MAX) {
		ssize_t n = read(fd, reader->document + got, CONTAINER_DOCUMENT_MAX + 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EPERM;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret = (struct strview){ reader->document, got };
	return got > CONTAINER_DOCUMENT_MAX ? -EPERM : got ? 0 : -ENOENT; /* empty: being written */
}

/* Of a user's folders no mount is entered: what is mounted there may never answer. */
static int read_and_parse(const struct request *q, int dir_fd, const char *name, enum container_form form)
{
	CLEANUP(fd_close) int fd = open_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, q->owner ? RESOLVE_NO_XDEV : 0);
	struct strview document;
	if (fd < 0)
		return fault_of(fd);
	int r = file_read(q->reader, fd, q->owner, &document);
	return r ? r : container_parse(q->reader->parser, form, document, &q->question, q->facts);
}

/* --- folders ---------------------------------------------------------------------------------------------------------------- */

/* The home of a user, as passwd has it. */
static bool home_of(struct container_reader *reader, uint32_t uid, char into[static PATH_BYTES])
{
	CLEANUP(fd_close) int fd = open(reader->passwd, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct strview text;
	if (fd < 0 || file_read(reader, fd, 0, &text))
		return false;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n }, item[6] = { { NULL, 0 } };
		text = sv_from_index(text, line.n + 1);
		for (size_t i = 0; i < ARRAY_SIZE(item) && line.n; i++) {
			const char *colon = memchr(line.p, ':', line.n);
			item[i] = (struct strview){ line.p, colon ? (size_t)(colon - line.p) : line.n };
			line = sv_from_index(line, item[i].n + 1);
		}
		uint64_t found;
		if (num_parse_u64(item[2], UINT32_MAX, &found) || found != uid || !sv_starts(item[5], SV("/")))
			continue;
		int n = snprintf(into, PATH_BYTES, "%s" SV_FMT, reader->host, SV_ARG(item[5]));
		return n > 0 && n < PATH_BYTES;
	}
	return false;
}

/* Down to here the path is root's, links in it included. */
static bool path_of_root(const struct container_reader *reader, enum base base, char into[static PATH_BYTES])
{
	const char *own = base == BASE_DOCKER ? reader->docker : base == BASE_STORAGE ? reader->storage : "";
	int n = snprintf(into, PATH_BYTES, "%s%s", reader->host, own[0] ? own : bases[base].of_root);
	return n > 0 && n < PATH_BYTES;
}

static int base_open(struct container_reader *reader, enum base base, uint32_t owner)
{
	char path[PATH_BYTES];
	const struct base_row *row = &bases[base];
	if (!owner) {
		int fd = path_of_root(reader, base, path) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		return fd < 0 ? -ENOENT : fd;
	}
	if (!row->above_of_user || !reader->reads_rootless)
		return -ENOENT;
	bool is_home = sv_is(SV("home"), row->above_of_user);
	if (is_home ? !home_of(reader, owner, path) : snprintf(path, sizeof(path), "%s/run/user/%u", reader->host, owner) >= PATH_BYTES)
		return -ENOENT;
	CLEANUP(fd_close) int above = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = above < 0 ? -ENOENT : open_beneath(above, row->of_user, O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV);
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
	int fault = -ENOENT;
	ssize_t got;
	for (size_t seen = 0; seen < MAX_FOLDERS && fd >= 0 && (got = getdents64(fd, list, sizeof(list))) > 0;) {
		for (ssize_t at = 0; at < got && seen < MAX_FOLDERS; seen++) {
			const struct dirent64 *entry = (const void *)(list + at);
			at += entry->d_reclen;
			struct strview name = sv_from(entry->d_name);
			if (sv_starts(name, SV(".")) || !sv_ends(name, suffix))
				continue;
			int r = read_named(q, base_fd, s, (struct strview){ name.p, name.n - suffix.n });
			if (r == 0)
				return 0;
			fault = r == -ENOENT ? fault : r;
		}
	}
	return fault;
}

static int read_source(const struct request *q, const struct source *s)
{
	CLEANUP(fd_close) int base = base_open(q->reader, s->base, q->owner);
	if (base < 0)
		return base;
	return s->file[0] == '*' ? read_any_folder(q, base, s) : read_named(q, base, s, (struct strview){ NULL, 0 });
}

/* --- a container ------------------------------------------------------------------------------------------------------------ */

/* The config.json of the bundle that runc or crun just named. A user's could name any place, and one where nothing ever answers. */
static int read_bundle(const struct request *q)
{
	char path[2 * PATH_BYTES + 16];
	if (q->owner)
		return -EPERM;
	struct strview bundle = container_bundle(q->reader->parser);
	int n = snprintf(path, sizeof(path), "%s%.*s/config.json", q->reader->host, (int)bundle.n, bundle.n ? bundle.p : "");
	if (!bundle.n || n < 0 || (size_t)n >= sizeof(path))
		return -ENOENT;
	CLEANUP(fd_close) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -ENOENT : read_and_parse(q, root, path + 1, CONTAINER_OCI);
}

static bool is_candidate(const struct source *s, enum runtime runtime)
{
	bool is_of_cluster = s->runtime == RUNTIME_CONTAINERD || s->runtime == RUNTIME_CRIO || s->runtime == RUNTIME_DOCKER;
	return runtime == RUNTIME_NONE ? is_of_cluster : s->runtime == runtime;
}

/* Tries the main files; returns the runtime of the one that was read in *ret. */
static int read_main(const struct request *q, enum runtime runtime, enum runtime *ret)
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
		container_facts_reset(q->facts, runtime);
		fault = fault == -ENOTSUP || fault == -ENOENT ? r : fault;
	}
	return fault;
}

/* What else there is to know; a part that cannot be read counts as cut, and the rest stands. */
static void read_more(const struct request *q, enum runtime runtime)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (sources[i].is_main || sources[i].runtime != runtime)
			continue;
		int r = read_source(q, &sources[i]);
		q->facts->cut += r != 0 && r != -ENOENT;
	}
}

/* CRI-O's containers do not have the labels of their pod, its sandbox does. */
static void read_sandbox(const struct request *q)
{
	char id[128];
	struct strview sandbox = container_text(q->facts, CONTAINER_SANDBOX);
	if (!sandbox.n || sandbox.n > sizeof(id))
		return;
	memcpy(id, sandbox.p, sandbox.n);
	struct request of_sandbox = *q;
	of_sandbox.question.id = (struct strview){ id, sandbox.n };
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct source s = sources[i];
		s.form = CONTAINER_OCI_SANDBOX;
		if (s.is_main && s.runtime == RUNTIME_CRIO && read_source(&of_sandbox, &s) == 0)
			return;
	}
}

int container_read(struct container_reader *reader, const struct container_place *place, struct container_facts *ret)
{
	struct request q = { .reader = reader, .owner = place->owner, .question = { .id = place->id }, .facts = ret };
	enum runtime runtime = place->runtime;
	container_facts_reset(ret, runtime);
	if (!reader->is_on || memchr(place->id.p, '/', place->id.n) || memchr(place->id.p, '\0', place->id.n))
		return -ENOTSUP;
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

static bool is_claimed(struct request *q, struct strview path, enum runtime *ret)
{
	q->question.cgroup = path;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		if (read_source(q, &claims[i]) == 0 && container_owns_cgroup(q->reader->parser)) {
			*ret = claims[i].runtime;
			return true;
		}
	}
	return false;
}

bool container_read_claim(struct container_reader *reader, struct strview path, struct container_place *ret)
{
	struct request q = { .reader = reader, .owner = container_place(path).owner };
	if (!reader->is_on)
		return false;
	for (int i = 0; i < MAX_CLAIM_COMPONENTS && path.n > 1; i++) {
		const char *slash = memrchr(path.p, '/', path.n);
		struct strview name = slash ? sv_from_index(path, (size_t)(slash - path.p) + 1) : (struct strview){ NULL, 0 };
		enum runtime runtime;
		bool is_systemds = sv_ends(name, SV(".slice")) || sv_ends(name, SV(".service")) || sv_ends(name, SV(".scope"));
		q.question.id = name;
		if (name.n && !is_systemds && is_claimed(&q, path, &runtime)) {
			*ret = (struct container_place){ .id = name, .runtime = runtime, .owner = q.owner, .n_path = path.n };
			return true;
		}
		if (!slash)
			break;
		path.n = (size_t)(slash - path.p);
	}
	return false;
}
