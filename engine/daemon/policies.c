/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/policies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/daemon/reload.h"

#define PENDING ".pending"
#define ENDING ".yaml"
#define FORCE ".force"

enum { FILE_NAME_MAX = sizeof(PENDING) + POLICY_NAME_MAX + sizeof(ENDING) };

struct policies {
	char *folder; /* owned */
	int fd;       /* of the folder */
	struct policy_file kept[POLICIES_MAX];
	size_t n;
	struct policy_file staged; /* name "": none */
	char staged_path[PATH_MAX];
};

bool policy_name_is_valid(struct strview name)
{
	if (name.n == 0 || name.n > POLICY_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_word && (i == 0 || (c != '-' && c != '_')))
			return false;
	}
	return true;
}

static void file_name(char out[static FILE_NAME_MAX], const char *folder, const char *name, const char *ending)
{
	(void)snprintf(out, FILE_NAME_MAX, "%s%.*s%s", folder, POLICY_NAME_MAX, name, ending);
}

static int fail(const struct policies *p, const char *name, const char *what, int err, struct diag *diag)
{
	diag_error(diag, (struct place){ .file = p->folder }, "policy %s cannot be %s: %s", name, what, strerror(-err));
	return err;
}

/* --- the folder ------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct policy_file *)a)->name, ((const struct policy_file *)b)->name);
}

static int take_entry(struct policies *p, const char *entry, struct diag *diag)
{
	char force[FILE_NAME_MAX];
	struct strview name = sv_from(entry);
	struct place at = { .file = p->folder };
	if (entry[0] == '.' || sv_ends(name, SV(FORCE)))
		return 0;
	if (!sv_ends(name, SV(ENDING))) {
		diag_warn(diag, at, "holds '%s', which is no policy: left as it is", entry);
		return 0;
	}
	name.n -= strlen(ENDING);
	if (!policy_name_is_valid(name) || p->n == POLICIES_MAX) {
		if (p->n == POLICIES_MAX)
			diag_error(diag, at, "more than %d policies, as '%s': take it away", POLICIES_MAX, entry);
		else
			diag_error(diag, at, "no name of a policy: '%s': take it away", entry);
		return -EINVAL;
	}
	struct policy_file *f = &p->kept[p->n++];
	*f = (struct policy_file){ 0 };
	memcpy(f->name, name.p, name.n);
	file_name(force, "", f->name, FORCE);
	f->is_forced = faccessat(p->fd, force, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return 0;
}

static int read_folder(struct policies *p, struct diag *diag)
{
	struct dirent **entries = NULL;
	int n = scandirat(p->fd, ".", &entries, NULL, NULL), err = n < 0 ? -errno : 0;
	for (int i = 0; i < n; i++) {
		int failed = take_entry(p, entries[i]->d_name, diag);
		err = err ? err : failed;
		free(entries[i]);
	}
	free(entries);
	qsort(p->kept, p->n, sizeof(p->kept[0]), by_name);
	return err;
}

void policies_sweep(struct policies *p, struct diag *diag)
{
	struct dirent **entries = NULL;
	int n = scandirat(p->fd, PENDING, &entries, NULL, NULL);
	for (int i = 0; i < n; i++) {
		char path[sizeof(PENDING) + 1 + sizeof(entries[i]->d_name)];
		(void)snprintf(path, sizeof(path), PENDING "/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && unlinkat(p->fd, path, 0) == 0)
			diag_warn(diag, (struct place){ .file = p->folder }, "'%s' was not confirmed before the daemon ended: it is not in force, and was removed",
				  entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* The folder and, at need, those above. */
static int make_folder(const char *folder)
{
	CLEANUP(str_free) char *part = strdup(folder);
	if (!part)
		return -ENOMEM;
	for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(folder, 0700) && errno != EEXIST ? -errno : 0;
}

static int open_folder(struct policies *p, struct diag *diag)
{
	struct stat st = { 0 };
	struct place at = { .file = p->folder };
	int err = make_folder(p->folder);
	if (!err) {
		p->fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		err = p->fd < 0 || fstat(p->fd, &st) ? -errno : 0;
	}
	if (err) {
		diag_error(diag, at, "the folder of policies cannot be used: %s (`policy.folder` of the configuration: empty for none)", strerror(-err));
		return err;
	}
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022)) {
		diag_error(diag, at, "others may write to the folder of policies: it must belong to root with mode 0700");
		return -EPERM;
	}
	err = mkdirat(p->fd, PENDING, 0700) && errno != EEXIST ? -errno : 0;
	if (err)
		diag_error(diag, at, "the folder of policies cannot be written: %s", strerror(-err));
	return err;
}

int policies_open(const char *folder, struct policies **ret, struct diag *diag)
{
	CLEANUP(policies_free) struct policies *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fd = -1;
	p->folder = strdup(folder);
	if (!p->folder)
		return -ENOMEM;
	int err = open_folder(p, diag);
	if (!err)
		err = read_folder(p, diag);
	if (err)
		return err;
	*ret = TAKE(p);
	return 0;
}

void policies_free(struct policies **p)
{
	if (!*p)
		return;
	fd_close(&(*p)->fd);
	free((*p)->folder);
	free(*p);
	*p = NULL;
}

size_t policies_list(const struct policies *p, const struct policy_file **ret)
{
	*ret = p->kept;
	return p->n;
}

const struct policy_file *policies_find(const struct policies *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->kept[i].name, name) == 0)
			return &p->kept[i];
	return NULL;
}

static int kept_path(const struct policies *p, const char *name, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s" ENDING, p->folder, name);
	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

bool policies_owner(const struct policies *p, const char *path, struct policy_file *ret)
{
	char kept[PATH_MAX];
	if (p->staged.name[0] && strcmp(path, p->staged_path) == 0) {
		*ret = p->staged;
		return true;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (kept_path(p, p->kept[i].name, kept) || strcmp(path, kept) != 0)
			continue;
		*ret = p->kept[i];
		return true;
	}
	return false;
}

int policies_read(const struct policies *p, const char *name, struct buf *out)
{
	char path[PATH_MAX];
	int err = policies_find(p, name) ? kept_path(p, name, path) : -ENOENT;
	return err ? err : fd_read_file(path, POLICY_MAX_BYTES, out);
}

/* --- changes ------------------------------------------------------------------------------------------------------------------------ */

static int write_file(const struct policies *p, const char *file, struct strview text)
{
	CLEANUP(fd_close) int fd = openat(p->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
	return err || fsync(fd) == 0 ? err : -errno;
}

/* Blanks, comments and an empty list: a file that was emptied by mistake would take away what the policy of its name blocks. */
static bool is_empty(struct strview text)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		text = sv_from_index(text, line.n + (end != NULL));
		while (line.n && strchr(" \t\r", line.p[line.n - 1]))
			line.n--;
		while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
			line = sv_from_index(line, 1);
		if (line.n && line.p[0] != '#' && !sv_is(line, "---") && !sv_is(line, "[]"))
			return false;
	}
	return true;
}

int policies_stage(struct policies *p, const char *name, struct strview text, bool is_forced, struct diag *diag)
{
	char file[FILE_NAME_MAX];
	if (!policies_find(p, name) && p->n == POLICIES_MAX) {
		diag_error(diag, (struct place){ .file = p->folder }, "there are %d policies already: remove one (vedette policy remove NAME)", POLICIES_MAX);
		return -E2BIG;
	}
	if (is_empty(text)) {
		diag_error(diag, (struct place){ 0 }, "policy %s holds no rule: to take it away, use vedette policy remove %s", name, name);
		return -ENOENT;
	}
	policies_unstage(p);
	file_name(file, PENDING "/", name, ENDING);
	int err = write_file(p, file, text);
	int n = snprintf(p->staged_path, sizeof(p->staged_path), "%s/%s", p->folder, file);
	if (!err && (n < 0 || (size_t)n >= sizeof(p->staged_path)))
		err = -ENAMETOOLONG;
	if (err) {
		(void)unlinkat(p->fd, file, 0); /* half a file helps nobody */
		return fail(p, name, "written", err, diag);
	}
	(void)snprintf(p->staged.name, sizeof(p->staged.name), "%s", name); /* fits: it is valid */
	p->staged.is_forced = is_forced;
	return 0;
}

void policies_unstage(struct policies *p)
{
	char file[FILE_NAME_MAX];
	if (!p->staged.name[0])
		return;
	file_name(file, PENDING "/", p->staged.name, ENDING);
	(void)unlinkat(p->fd, file, 0); /* left over, it is swept at the next start */
	p->staged = (struct policy_file){ 0 };
	p->staged_path[0] = '\0';
}

const char *policies_staged_path(const struct policies *p)
{
	return p->staged_path;
}

/* A name that may not be on the disk must not be there after a restart either, as what is told to have failed: undone. */
static int rename_for_good(const struct policies *p, const char *from, const char *to)
{
	struct stat st;
	bool is_exchange = fstatat(p->fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode); /* a folder there is refused, not exchanged */
	int err = renameat2(p->fd, from, p->fd, to, is_exchange ? RENAME_EXCHANGE : 0) ? -errno : 0;
	if (is_exchange && err == -EINVAL) { /* a file system that cannot: then the earlier file is gone */
		is_exchange = false;
		err = renameat(p->fd, from, p->fd, to) ? -errno : 0;
	}
	if (err)
		return err;
	if (fsync(p->fd)) {
		err = -errno;
		(void)renameat2(p->fd, to, p->fd, from, is_exchange ? RENAME_EXCHANGE : 0); /* as it was done, and nothing better is left to do */
		return err;
	}
	if (is_exchange)
		(void)unlinkat(p->fd, from, 0); /* the earlier file: left over, it is swept at the next start */
	return 0;
}

/* A mark too many is harmless: it goes first when the policy is forced, last when it is not. */
static int put_in_place(const struct policies *p, const struct policy_file *f)
{
	char from[FILE_NAME_MAX], to[FILE_NAME_MAX], force[FILE_NAME_MAX];
	file_name(from, PENDING "/", f->name, ENDING);
	file_name(to, "", f->name, ENDING);
	file_name(force, "", f->name, FORCE);
	int err = f->is_forced ? write_file(p, force, SV("")) : 0;
	if (!err)
		err = rename_for_good(p, from, to);
	if (!err && !f->is_forced)
		(void)unlinkat(p->fd, force, 0); /* mostly there is none */
	return err;
}

int policies_keep(struct policies *p, struct diag *diag)
{
	int err = p->staged.name[0] ? put_in_place(p, &p->staged) : -ENOENT;
	if (err)
		return fail(p, p->staged.name, "kept", err, diag);
	for (size_t i = 0; i <= p->n; i++) {
		if (i < p->n && strcmp(p->kept[i].name, p->staged.name) != 0)
			continue;
		p->kept[i] = p->staged;
		p->n += i == p->n; /* there is room: policies_stage has looked */
		break;
	}
	qsort(p->kept, p->n, sizeof(p->kept[0]), by_name);
	p->staged = (struct policy_file){ 0 };
	p->staged_path[0] = '\0';
	return 0;
}

int policies_remove(struct policies *p, const char *name, struct diag *diag)
{
	char file[FILE_NAME_MAX], out[FILE_NAME_MAX];
	const struct policy_file *found = policies_find(p, name);
	if (!found)
		return fail(p, name, "removed", -ENOENT, diag);
	file_name(file, "", name, ENDING);
	file_name(out, PENDING "/", name, ENDING);
	int err = rename_for_good(p, file, out);
	if (err && err != -ENOENT)
		return fail(p, name, "removed", err, diag);
	(void)unlinkat(p->fd, out, 0); /* left over, it is swept at the next start */
	file_name(file, "", name, FORCE);
	(void)unlinkat(p->fd, file, 0); /* mostly there is none */
	size_t at = (size_t)(found - p->kept);
	memmove(&p->kept[at], &p->kept[at + 1], (p->n - at - 1) * sizeof(p->kept[0]));
	p->n--;
	return 0;
}

int policies_add_paths(const struct policies *p, const char *without, struct rule_paths *ret)
{
	char path[PATH_MAX];
	bool is_staged_in = !p->staged.name[0];
	int err = 0;
	for (size_t i = 0; !err && i <= p->n; i++) {
		int order = i < p->n && !is_staged_in ? strcmp(p->kept[i].name, p->staged.name) : i == p->n ? 1 : -1;
		if (order >= 0 && !is_staged_in) {
			err = rule_paths_add(ret, p->staged_path);
			is_staged_in = true;
		}
		bool is_out = i == p->n || order == 0 || (without && strcmp(p->kept[i].name, without) == 0);
		if (!err && !is_out)
			err = kept_path(p, p->kept[i].name, path);
		if (!err && !is_out)
			err = rule_paths_add(ret, path);
	}
	return err;
}
