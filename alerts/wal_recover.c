/* SPDX-License-Identifier: Apache-2.0 */
/* What a log was when its writer ended: finds the end, cuts off what was torn, and never refuses to begin. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/wal_parts.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

/* "00000000000000000042.wal" as 42. */
static bool parse_name(const char *name, uint64_t *ret)
{
	enum { DIGITS = 20 };
	if (strlen(name) != DIGITS + 4 || strcmp(name + DIGITS, ".wal") != 0 || strspn(name, "0123456789") != DIGITS)
		return false;
	size_t zeros = strspn(name, "0");
	if (zeros >= DIGITS)
		zeros = DIGITS - 1; /* the parser takes leading zeros for octal */
	return num_parse_u64((struct strview){ name + zeros, DIGITS - zeros }, WAL_NUMBER_MAX, ret) == 0;
}

static int by_first(const void *a, const void *b)
{
	const struct wal_segment *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

static int list_segments(struct wal *w, struct diag *diag)
{
	struct place at = { .file = w->config.folder };
	int fd = openat(w->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;
	if (!dir) {
		r = -errno;
		fd_close(&fd);
		diag_error(diag, at, "the folder of the log cannot be read: %s", strerror(-r));
		return r;
	}
	for (struct dirent *e = readdir(dir); e && !r; e = readdir(dir)) {
		uint64_t first;
		struct stat st;
		if (parse_name(e->d_name, &first) && fstatat(w->folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			r = wal_add_segment(w, first, (uint64_t)st.st_size);
	}
	closedir(dir);
	if (w->n_segments)
		qsort(w->segments, w->n_segments, sizeof(*w->segments), by_first);
	return r;
}

static int read_segment(struct wal *w, const struct wal_segment *s, struct buf *into)
{
	char name[WAL_NAME];
	wal_name(s->first, name);
	CLEANUP(fd_close) int fd = openat(w->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd_read_all(fd, 2 * (size_t)WAL_SEGMENT_MAX, into);
}

struct segment_end {
	size_t at;        /* after the last good record */
	uint64_t next;    /* its number and one */
	struct strview body;
	uint32_t torn_lines; /* of a record whose header is whole, but which has not all its lines */
	bool has_record;
};

/*
 * Passes damage, which the readers tell: what stands after it counts. `below` is where the next segment begins: what a failed sync left from there on, and
 * could not be cut off, was written anew in that one, or is not of the log.
 */
static struct segment_end find_end(struct strview bytes, uint64_t first, uint64_t below)
{
	struct segment_end end = { .next = first };
	struct wal_header h;
	size_t at = 0;
	while (wal_record_find(bytes, end.at, &h, &at)) {
		if (h.number >= end.next && h.number < below) {
			end.next = h.number + 1;
			end.body = (struct strview){ bytes.p + at + WAL_HEADER, h.length };
			end.has_record = true;
		}
		end.at = at + WAL_HEADER + h.length;
	}
	if (bytes.n - end.at >= WAL_HEADER && wal_header_read(bytes.p + end.at, &h))
		end.torn_lines = h.count;
	return end;
}

static void keep_head(struct wal *w, struct strview body)
{
	struct strview line = body;
	if (!body.p || body.n == 0)
		return;
	if (line.p[line.n - 1] == '\n')
		line.n--;
	const char *before = line.n ? memrchr(line.p, '\n', line.n) : NULL;
	if (before)
		line = sv_from_index(line, (size_t)(before - line.p) + 1);
	buf_reset(&w->head);
	buf_add_sv(&w->head, line);
}

/* The last segment goes on to be written, cut to its end; when it cannot be, the next one begins after it. */
static void take_up_last(struct wal *w, const struct segment_end *end, struct diag *diag)
{
	struct wal_segment *last = &w->segments[w->n_segments - 1];
	const struct wal_io *io = w->config.io;
	char name[WAL_NAME];
	wal_name(last->first, name);
	w->torn_bytes = last->bytes - end->at;
	int fd = io->open(io->context, w->folder, name, O_RDWR);
	int r = fd < 0 ? fd : 0;
	if (!r && w->torn_bytes)
		r = io->cut(io->context, fd, (off_t)end->at);
	if (!r) /* what an earlier run wrote may not have been synced: no reader gets it before */
		r = io->sync(io->context, fd);
	if (w->torn_bytes) {
		const struct wal_loss loss = { .what = "log-torn", .count = MAX(end->torn_lines, 1u) };
		wal_note_loss(w, (struct wal_range){ 0 }, &loss);
		diag_warn(diag, (struct place){ .file = w->config.folder }, "the last %llu bytes of %s were torn when it was written last, and are left out", (unsigned long long)w->torn_bytes, name);
	}
	if (r) {
		diag_warn(diag, (struct place){ .file = w->config.folder }, "%s cannot be taken up (%s): a new segment begins", name, strerror(-r));
		fd_close(&fd);
		if (!end->has_record) { /* its name is the next one's */
			w->bytes -= last->bytes;
			w->n_segments--;
		}
		return;
	}
	w->bytes -= last->bytes - end->at;
	last->bytes = end->at;
	w->fd = fd;
	w->at = (off_t)end->at;
}

static bool read_id(struct wal *w)
{
	CLEANUP(buf_done) struct buf text = { .max = 2 * WAL_ID_TEXT };
	CLEANUP(fd_close) int fd = openat(w->folder, WAL_ID, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fd_read_all(fd, text.max, &text) || text.n != WAL_ID_TEXT + 1 || text.p[WAL_ID_TEXT] != '\n')
		return false;
	memcpy(w->id, text.p, WAL_ID_TEXT);
	return strspn(w->id, "0123456789abcdef") == WAL_ID_TEXT;
}

/* One that cannot be kept costs doubles only: cursors are of another log at the next start. */
static int find_id(struct wal *w, struct diag *diag)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char chance[WAL_ID_TEXT];
	char text[WAL_ID_TEXT + 1];
	if (read_id(w))
		return 0;
	if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance)) {
		diag_error(diag, (struct place){ .file = w->config.folder }, "the kernel gives no random bytes for the log's id");
		return -EIO;
	}
	for (size_t i = 0; i < WAL_ID_TEXT; i++)
		w->id[i] = digits[chance[i] & 15];
	w->id[WAL_ID_TEXT] = '\0';
	memcpy(text, w->id, WAL_ID_TEXT);
	text[WAL_ID_TEXT] = '\n';
	int r = wal_io_replace(w->config.io, w->folder, WAL_ID, (struct strview){ text, sizeof(text) });
	if (r)
		diag_warn(diag, (struct place){ .file = w->config.folder }, "the log's id cannot be kept (%s): after the next start sinks get what is kept once more", strerror(-r));
	return 0;
}

int wal_recover(struct wal *w, struct diag *diag)
{
	CLEANUP(buf_done) struct buf bytes = { .max = 2 * (size_t)WAL_SEGMENT_MAX };
	int r = find_id(w, diag);
	if (!r)
		r = list_segments(w, diag);
	if (r || w->n_segments == 0)
		return r;
	size_t last = w->n_segments - 1;
	r = read_segment(w, &w->segments[last], &bytes);
	if (r == -ENOMEM)
		return r;
	if (r) { /* unreadable: what comes stands after all that it can hold */
		diag_warn(diag, (struct place){ .file = w->config.folder }, "the last segment cannot be read (%s): it is left as it is", strerror(-r));
		w->head_next = w->next = w->durable = w->segments[last].first + w->segments[last].bytes + 1;
		return 0;
	}
	struct segment_end end = find_end(buf_sv(&bytes), w->segments[last].first, UINT64_MAX);
	w->head_next = w->next = w->durable = end.next;
	w->segments[last].bytes = MAX(w->segments[last].bytes, bytes.n); /* somebody may write to it */
	if (end.has_record)
		keep_head(w, end.body);
	take_up_last(w, &end, diag);
	for (size_t i = last; !end.has_record && i-- > 0;) { /* an empty one comes after a whole one */
		buf_reset(&bytes);
		if (read_segment(w, &w->segments[i], &bytes))
			continue;
		end = find_end(buf_sv(&bytes), w->segments[i].first, w->segments[i + 1].first);
		if (end.has_record)
			keep_head(w, end.body);
	}
	return 0;
}
