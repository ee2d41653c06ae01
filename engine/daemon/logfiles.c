/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads; judges nothing. */
#include "engine/daemon/logfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/terminal.h"
#include "engine/base/fd.h"

enum { CHUNK = 65536 };

/* --- reading -------------------------------------------------------------------------------------------------------------------------- */

/* Hands on whole lines and keeps the rest; not 0: it was enough. */
static int take_lines(struct buf *text, logfile_line *on_line, void *context)
{
	size_t from = 0;
	int r = 0;
	while (!r) {
		const char *end = text->n > from ? memchr(text->p + from, '\n', text->n - from) : NULL;
		if (!end)
			break;
		size_t n = (size_t)(end - text->p) - from;
		r = on_line(context, (struct strview){ text->p + from, n });
		from += n + 1;
	}
	if (from) {
		memmove(text->p, text->p + from, text->n - from);
		text->n -= from;
	}
	return r;
}

int logfile_read(const char *path, logfile_line *on_line, void *context, size_t *ret_torn)
{
	CLEANUP(buf_done) struct buf text = { .max = VERIFY_LINE_MAX + 2 * CHUNK };
	CLEANUP(fd_close) int opened = -1;
	int fd = STDIN_FILENO, is_done = 0;
	if (strcmp(path, "-") != 0) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return -errno;
		fd = opened;
	}
	while (!is_done) {
		char chunk[CHUNK];
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		buf_add(&text, chunk, (size_t)n);
		if (buf_error(&text))
			return -ENOMEM;
		is_done = take_lines(&text, on_line, context);
		if (!is_done && text.n > VERIFY_LINE_MAX) /* refused by its length: the end need not be seen */
			is_done = on_line(context, buf_sv(&text));
	}
	*ret_torn = is_done ? 0 : text.n;
	return 0;
}

/* --- finding -------------------------------------------------------------------------------------------------------------------------- */

void logfiles_done(struct logfiles *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->file[i].path);
	free(l->file);
	for (size_t i = 0; i < l->n_passed; i++)
		free(l->passed[i].path);
	free(l->passed);
	*l = (struct logfiles){ 0 };
}

/* What it was packed with, by its first bytes; NULL: it was not, as far as one sees. */
static const char *packed_with(const char *path)
{
	static const struct {
		const char *begin, *what;
	} forms[] = {
		{ "\x1f\x8b", "gzip" }, { "\xfd" "7zXZ", "xz" }, { "\x28\xb5\x2f\xfd", "zstd" }, { "BZh", "bzip2" }, { "\x04\x22\x4d\x18", "lz4" },
	};
	char begin[8];
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, begin, sizeof(begin));
	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(forms); i++)
		if (sv_starts((struct strview){ begin, (size_t)n }, sv_from(forms[i].begin)))
			return forms[i].what;
	return NULL; /* what cannot be read is told by who reads it next */
}

static int check_packed(const char *path, struct diag *diag)
{
	const char *with = packed_with(path);
	if (with)
		diag_error(diag, (struct place){ path, 0, 0 }, "is compressed (%s): unpack it first; a log is judged as it was written", with);
	return with ? -EINVAL : 0;
}

static int pass_over(struct logfiles *l, const char *path, const char *what)
{
	if (l->n_passed == LOGFILES_PASSED_MAX) {
		l->more_passed++;
		return 0;
	}
	struct logfile_passed *grown = reallocarray(l->passed, l->n_passed + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->passed = grown;
	grown[l->n_passed] = (struct logfile_passed){ strdup(path), what };
	return grown[l->n_passed].path ? (l->n_passed++, 0) : -ENOMEM;
}

/* Why an entry of a folder is not read; NULL: it is. */
static const char *why_passed(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return NULL;
	return S_ISLNK(st->st_mode) ? "a symbolic link" : S_ISDIR(st->st_mode) ? "a folder" : "no file";
}

void logfiles_add_passed(const struct logfiles *l, struct buf *out)
{
	for (size_t i = 0; i < l->n_passed; i++) {
		buf_add_z(out, "passed over: ");
		terminal_text(out, sv_from(l->passed[i].path));
		buf_add_format(out, ": %s\n", l->passed[i].what);
	}
	if (l->more_passed)
		buf_add_format(out, "and %zu passed over more\n", l->more_passed);
}

void logfiles_say_passed(const struct logfiles *l)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	logfiles_add_passed(l, &out);
	fputs(buf_cstr(&out), stderr);
}

struct first_line {
	struct log_head head;
	bool is_key;
};

static int note_first(void *context, struct strview line)
{
	struct first_line *first = context;
	first->is_key = sv_starts(line, SV("vedette-key/v1 "));
	if (log_head_of_line(line, &first->head))
		first->head = (struct log_head){ .next = 0 };
	return 1;
}

static int add_file(struct logfiles *l, const char *path, const struct stat *st, bool is_of_folder, struct diag *diag)
{
	struct first_line first = { .is_key = false };
	size_t torn = 0;
	int r = check_packed(path, diag);
	if (r)
		return r;
	r = logfile_read(path, note_first, &first, &torn);
	if (r) {
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
		return r;
	}
	if (is_of_folder && first.is_key)
		return 0;
	if (l->n == LOGFILES_MAX) {
		diag_error(diag, (struct place){ path, 0, 0 }, "more than %d files", LOGFILES_MAX);
		return -E2BIG;
	}
	struct logfile *grown = reallocarray(l->file, l->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->file = grown;
	grown[l->n] = (struct logfile){ .path = strdup(path), .first = first.head, .device = st->st_dev, .inode = st->st_ino };
	return grown[l->n].path ? (l->n++, 0) : -ENOMEM;
}

static int add(struct logfiles *l, const char *path, struct diag *diag)
{
	struct stat st = { 0 };
	bool is_there = strcmp(path, "-") != 0 && stat(path, &st) == 0;
	if (strcmp(path, "-") == 0 || (is_there && !S_ISREG(st.st_mode))) { /* its beginning, which gives its place, can be read once alone */
		diag_error(diag, (struct place){ path, 0, 0 }, "is no file: what comes through a pipe has to be the only input; put it into a file to give others beside it");
		return -EINVAL;
	}
	return add_file(l, path, &st, false, diag);
}

static int add_entry(struct logfiles *l, const char *path, struct diag *diag)
{
	struct stat st;
	if (lstat(path, &st))
		return errno == ENOENT ? pass_over(l, path, "gone while the folder was read") : add_file(l, path, &st, true, diag);
	const char *why = why_passed(&st);
	if (why)
		return pass_over(l, path, why);
	return st.st_size ? add_file(l, path, &st, true, diag) : 0;
}

static int add_folder(struct logfiles *l, const char *path, struct diag *diag)
{
	DIR *dir = opendir(path);
	int r = 0;
	if (!dir) {
		r = -errno;
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
		return r;
	}
	for (;;) {
		CLEANUP(buf_done) struct buf name = { 0 };
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry) {
			r = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buf_add_format(&name, "%s/%s", path, entry->d_name);
		int err = buf_error(&name) ? -ENOMEM : add_entry(l, buf_cstr(&name), diag);
		if (err) {
			(void)closedir(dir); /* was only read */
			return err;
		}
	}
	if (r)
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
	(void)closedir(dir); /* was only read */
	return r;
}

/* What is no log comes last, by name: it will be refused. */
static int compare(const void *x, const void *y)
{
	const struct logfile *a = x, *b = y;
	struct strview one = stream_agent(sv_from(a->first.stream)), two = stream_agent(sv_from(b->first.stream));
	if (!one.n || !two.n)
		return one.n || two.n ? (one.n ? -1 : 1) : strcmp(a->path, b->path);
	int c = sv_compare(one, two);
	if (c)
		return c;
	if (log_head_is_after(&a->first, &b->first))
		return 1;
	return log_head_is_after(&b->first, &a->first) ? -1 : strcmp(a->path, b->path);
}

/* So that the same file stands beside itself. */
static int compare_inodes(const void *x, const void *y)
{
	const struct logfile *a = x, *b = y;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int compare_passed(const void *x, const void *y)
{
	const struct logfile_passed *a = x, *b = y;
	return strcmp(a->path, b->path);
}

static int refuse_doubles(struct logfiles *l, struct diag *diag)
{
	qsort(l->file, l->n, sizeof(*l->file), compare_inodes);
	for (size_t i = 1; i < l->n; i++) {
		const struct logfile *a = &l->file[i - 1], *b = &l->file[i];
		if (a->device != b->device || a->inode != b->inode)
			continue;
		diag_error(diag, (struct place){ b->path, 0, 0 }, "is the same file as %s: its records would stand there twice; give it once", a->path);
		return -EINVAL;
	}
	return 0;
}

/* Nothing but what was passed over, or nothing at all. */
static int tell_empty(const struct logfiles *l, const char *path, struct diag *diag)
{
	struct place at = { path, 0, 0 };
	if (l->n_passed)
		diag_error(diag, at, "holds no log; %s is %s, which is passed over in a folder: name it to have it read", l->passed[0].path, l->passed[0].what);
	else
		diag_error(diag, at, "holds no log");
	return -ENOENT;
}

static int take_one(const char *path, struct logfiles *ret)
{
	struct logfile *only = calloc(1, sizeof(*only));
	char *copy = strdup(path);
	if (!only || !copy) {
		free(only);
		free(copy);
		return -ENOMEM;
	}
	only->path = copy;
	*ret = (struct logfiles){ .file = only, .n = 1 };
	return 0;
}

int logfiles_find(char *const *paths, size_t n, struct logfiles *ret, struct diag *diag)
{
	CLEANUP(logfiles_done) struct logfiles l = { 0 };
	struct stat st = { 0 };
	int r = 0;
	if (n == 1 && (strcmp(paths[0], "-") == 0 || (stat(paths[0], &st) == 0 && !S_ISDIR(st.st_mode)))) {
		if (S_ISREG(st.st_mode))
			r = check_packed(paths[0], diag);
		return r ? r : take_one(paths[0], ret); /* perhaps a pipe: nothing is read ahead */
	}
	for (size_t i = 0; !r && i < n; i++) {
		if (strcmp(paths[i], "-") != 0 && stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			r = add_folder(&l, paths[i], diag);
		else
			r = add(&l, paths[i], diag);
	}
	if (r)
		return r;
	if (l.n_passed)
		qsort(l.passed, l.n_passed, sizeof(*l.passed), compare_passed);
	if (l.n == 0)
		return tell_empty(&l, paths[0], diag);
	r = refuse_doubles(&l, diag);
	if (r)
		return r;
	qsort(l.file, l.n, sizeof(*l.file), compare);
	*ret = l;
	l = (struct logfiles){ 0 };
	return 0;
}

bool logfiles_begins_log(const struct logfiles *l, size_t i)
{
	if (i == 0)
		return true;
	struct strview one = stream_agent(sv_from(l->file[i - 1].first.stream)), two = stream_agent(sv_from(l->file[i].first.stream));
	return !one.n || !two.n || !sv_equal(one, two);
}
