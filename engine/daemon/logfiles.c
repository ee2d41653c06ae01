/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads; judges nothing. */
#include "engine/daemon/logfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
	*l = (struct logfiles){ 0 };
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

static int add(struct logfiles *l, const char *path, bool is_of_folder, struct diag *diag)
{
	struct first_line first = { .is_key = false };
	struct stat st;
	size_t torn = 0;
	if (is_of_folder && (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0))
		return 0;
	if (!is_of_folder && (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))) { /* its beginning, which gives its place, can be read once alone */
		diag_error(diag, (struct place){ path, 0, 0 }, "is no file: what comes through a pipe has to be the only input; put it into a file to give others beside it");
		return -EINVAL;
	}
	int r = logfile_read(path, note_first, &first, &torn);
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
	grown[l->n] = (struct logfile){ .path = strdup(path), .first = first.head };
	return grown[l->n].path ? (l->n++, 0) : -ENOMEM;
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
	for (struct dirent *entry; !r && (entry = readdir(dir));) {
		CLEANUP(buf_done) struct buf name = { 0 };
		buf_add_format(&name, "%s/%s", path, entry->d_name);
		r = buf_error(&name) ? -ENOMEM : add(l, buf_cstr(&name), true, diag);
	}
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

int logfiles_find(char *const *paths, size_t n, struct logfiles *ret, struct diag *diag)
{
	CLEANUP(logfiles_done) struct logfiles l = { 0 };
	struct stat st;
	int r = 0;
	if (n == 1 && (strcmp(paths[0], "-") == 0 || (stat(paths[0], &st) == 0 && !S_ISDIR(st.st_mode)))) {
		struct logfile *only = calloc(1, sizeof(*only)); /* perhaps a pipe: nothing is read ahead */
		char *path = strdup(paths[0]);
		if (!only || !path) {
			free(only);
			free(path);
			return -ENOMEM;
		}
		only->path = path;
		*ret = (struct logfiles){ only, 1 };
		return 0;
	}
	for (size_t i = 0; !r && i < n; i++) {
		if (strcmp(paths[i], "-") != 0 && stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			r = add_folder(&l, paths[i], diag);
		else
			r = add(&l, paths[i], false, diag);
	}
	if (!r && l.n == 0) {
		diag_error(diag, (struct place){ paths[0], 0, 0 }, "holds no log");
		r = -ENOENT;
	}
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
