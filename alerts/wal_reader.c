/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the write-ahead log behind its writer. Gives what is durable, in order, each record once; damage is passed and told, and nothing that
 * is found in a file can make a reader stand still.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/wal_parts.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"

enum {
	SEARCH_BYTES = 65536,
	BLOCK = 4096,         /* what a disk loses at once, at least */
	READ_TRIES = 3,       /* the caller waits in between: a cable may come back, a sector does not */
	UNREADABLE_MAX = 16,  /* blocks of a segment that are tried one by one: a dead disk takes seconds for each */
};

int wal_reader_new(struct wal *w, uint64_t from, bool is_required, struct wal_reader **ret)
{
	struct wal_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct wal_reader){ .wal = w, .is_required = is_required, .next = from, .lines_end = UINT64_MAX, .fd = -1, .released = from, .bad_segment = UINT64_MAX };
	r->buf.max = WAL_HEADER + WAL_BODY_MAX;
	pthread_mutex_lock(&w->lock);
	bool has_place = w->n_readers < WAL_READERS_MAX;
	if (has_place)
		w->readers[w->n_readers++] = r;
	r->next = r->released = MIN(from, w->durable); /* a cursor of another log */
	pthread_mutex_unlock(&w->lock);
	if (!has_place) {
		free(r);
		return -EMFILE;
	}
	*ret = r;
	return 0;
}

void wal_reader_free(struct wal_reader **reader)
{
	struct wal_reader *r = TAKE(*reader);
	if (!r)
		return;
	struct wal *w = r->wal;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_readers; i++)
		if (w->readers[i] == r)
			w->readers[i] = w->readers[--w->n_readers];
	if (w->n_readers == 0)
		w->is_trimming = false; /* the end: what is left is for the next start */
	pthread_mutex_unlock(&w->lock);
	fd_close(&r->fd);
	buf_done(&r->buf);
	free(r);
}

void wal_reader_release(struct wal_reader *r, uint64_t number)
{
	pthread_mutex_lock(&r->wal->lock);
	r->released = MAX(r->released, number);
	pthread_mutex_unlock(&r->wal->lock);
}

void wal_reader_rewind(struct wal_reader *r, uint64_t number)
{
	r->next = MIN(r->next, number);
	r->lines_end = UINT64_MAX;
	fd_close(&r->fd); /* found again from the beginning of its segment */
}

void wal_begin_trimming(struct wal *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_trimming = true;
	pthread_mutex_unlock(&w->lock);
}

void wal_end_trimming(struct wal *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_trimming = false;
	pthread_mutex_unlock(&w->lock);
}

void wal_wake(struct wal *w)
{
	pthread_mutex_lock(&w->lock);
	w->wakes++;
	pthread_cond_broadcast(&w->news);
	pthread_mutex_unlock(&w->lock);
}

/* --- segments --------------------------------------------------------------------------------------------------------------------------- */

/* Opens the segment that holds r->next, or the first after `passed`, whichever is later. -ENOENT: there is none. */
static int open_segment(struct wal_reader *r, bool has_passed, uint64_t passed)
{
	struct wal *w = r->wal;
	char name[WAL_NAME];
	pthread_mutex_lock(&w->lock);
	size_t i = 0;
	while (i + 1 < w->n_segments && w->segments[i + 1].first <= r->next)
		i++;
	while (has_passed && i < w->n_segments && w->segments[i].first <= passed)
		i++;
	bool has_segment = i < w->n_segments;
	if (has_segment)
		r->segment = w->segments[i].first;
	pthread_mutex_unlock(&w->lock);
	if (!has_segment)
		return -ENOENT;
	wal_name(r->segment, name);
	fd_close(&r->fd);
	r->at = 0;
	r->fd = openat(w->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return r->fd < 0 ? -errno : 0;
}

static ssize_t read_at(const struct wal_reader *reader, void *into, size_t n, off_t at)
{
	const struct wal_io *io = reader->wal->config.io;
	size_t got = 0;
	while (got < n) {
		ssize_t r = io->read(io->context, reader->fd, (char *)into + got, n - got, at + (off_t)got);
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* Is it the place that cannot be read? Else the process has run out of something, and any place would fail. */
static bool is_of_place(int error)
{
	return error != -ENOMEM && error != -EMFILE && error != -ENFILE && error != -EAGAIN;
}

/* What cannot be read in this segment is passed from now on. */
static bool is_impatient(const struct wal_reader *r)
{
	return r->bad_segment == r->segment && r->bad_tries >= READ_TRIES;
}

/* Something could not be read: the error, while it is to be tried again; 0 when it is passed instead. */
static int bear(struct wal_reader *r, int error)
{
	if (!is_of_place(error))
		return error;
	if (r->bad_segment != r->segment)
		r->bad_tries = 0;
	r->bad_segment = r->segment;
	r->bad_tries += r->bad_tries < READ_TRIES;
	return is_impatient(r) ? 0 : error;
}

/*
 * Goes to the next mark after r->at, or to the end of the file. Past patience block by block, around those that cannot be read; -ENOENT, and the segment
 * is closed, when that are too many.
 */
static int pass_damage(struct wal_reader *r)
{
	enum { OVERLAP = 3 }; /* a mark may lie across */
	char bytes[SEARCH_BYTES];
	off_t at = r->at + 1, overlap = 0;
	for (unsigned unreadable = 0; unreadable < UNREADABLE_MAX;) {
		off_t end = is_impatient(r) ? (at / BLOCK + 1) * BLOCK : at + SEARCH_BYTES - OVERLAP;
		struct strview text = { bytes, (size_t)(end - at + overlap) };
		ssize_t n = read_at(r, bytes, text.n, at - overlap);
		if (n < 0 && !is_impatient(r))
			return (int)n;
		if (n >= 0) {
			size_t found = wal_mark_find((struct strview){ bytes, (size_t)n }, 0);
			if (found < (size_t)n || (size_t)n < text.n) {
				r->at = at - overlap + (off_t)found;
				return 0;
			}
		}
		unreadable += n < 0;
		overlap = n < 0 ? 0 : OVERLAP;
		at = end;
	}
	fd_close(&r->fd);
	return -ENOENT;
}

/* The record at r->at into r->buf. 1: it is one, 0: the end of the file, -EBADMSG: there is none, else -errno. */
static int read_record(struct wal_reader *r, struct wal_header *ret)
{
	buf_reset(&r->buf);
	if (buf_reserve(&r->buf, WAL_HEADER))
		return -ENOMEM;
	ssize_t n = read_at(r, r->buf.p, WAL_HEADER, r->at);
	if (n <= 0)
		return (int)n;
	if (n < WAL_HEADER || !wal_header_read(r->buf.p, ret))
		return -EBADMSG;
	if (buf_reserve(&r->buf, WAL_HEADER + ret->length))
		return -ENOMEM;
	n = read_at(r, r->buf.p + WAL_HEADER, ret->length, r->at + WAL_HEADER);
	if (n < 0)
		return (int)n;
	return n == (ssize_t)ret->length && wal_record_holds(r->buf.p, (struct strview){ r->buf.p + WAL_HEADER, ret->length }) ? 1 : -EBADMSG;
}

/* --- records ----------------------------------------------------------------------------------------------------------------------------- */

/* Lines between what was had and this record; the records' number where a stream ended in between. */
static uint64_t missed_lines(const struct wal_reader *r, const struct wal_header *h)
{
	if (h->number == r->next)
		return 0;
	if (r->lines_end != UINT64_MAX && h->first > r->lines_end)
		return h->first - r->lines_end;
	return h->number - r->next;
}

static void note_missed(struct wal_reader *r, uint64_t to, uint64_t count)
{
	struct wal *w = r->wal;
	pthread_mutex_lock(&w->lock);
	bool is_dropped = w->n_segments && w->segments[0].first > r->next;
	const struct wal_loss loss = { .what = is_dropped ? "log-dropped" : "log-damaged", .count = count, .since_ns = r->wall_ns };
	wal_note_loss(w, (struct wal_range){ r->next, to }, &loss);
	pthread_mutex_unlock(&w->lock);
}

static int deliver(struct wal_reader *r, const struct wal_header *h, struct wal_item *ret)
{
	uint64_t missed = missed_lines(r, h);
	if (missed)
		note_missed(r, h->number, missed);
	r->at += WAL_HEADER + (off_t)h->length;
	r->next = h->number + 1;
	r->lines_end = h->first + h->count;
	r->wall_ns = h->wall_ns;
	*ret = (struct wal_item){ .header = *h, .lines = { r->buf.p + WAL_HEADER, h->length }, .missed = missed };
	return 1;
}

/* All that is durable was looked at, and the rest of it is not there. */
static int give_up_to(struct wal_reader *r, uint64_t durable)
{
	note_missed(r, durable, durable - r->next);
	r->next = durable;
	r->lines_end = UINT64_MAX;
	fd_close(&r->fd);
	return 0;
}

/*
 * A segment ends where the next one begins: the writer begins one with the first record that is not durable, so what stands behind that is what a failed
 * sync left and could not be cut off. After a kill it may be another record than the one of that number.
 */
static bool is_left_over(const struct wal_reader *r, uint64_t number)
{
	struct wal *w = r->wal;
	pthread_mutex_lock(&w->lock);
	size_t i = w->n_segments;
	while (i > 0 && w->segments[i - 1].first > r->segment)
		i--;
	bool is = i < w->n_segments && w->segments[i].first <= number;
	pthread_mutex_unlock(&w->lock);
	return is;
}

/* The next record below `durable`. 1: got; 0: none is left; -errno. */
static int read_next(struct wal_reader *r, uint64_t durable, struct wal_item *ret)
{
	if (r->next >= durable)
		return 0; /* nothing is opened before something in it is durable: until then the writer may make the file anew */
	int err = r->fd < 0 ? open_segment(r, false, 0) : 0;
	while (r->next < durable) {
		struct wal_header h = { 0 };
		if (err && err != -ENOENT) {
			if (bear(r, err))
				return err;
			err = r->fd < 0 ? -ENOENT : 0; /* one that cannot be opened is as good as gone */
		}
		if (err == -ENOENT && r->fd < 0) { /* removed under us, or by somebody else */
			uint64_t gone = r->segment;
			err = open_segment(r, true, gone);
			if (err == -ENOENT && r->segment == gone)
				return give_up_to(r, durable);
			continue;
		}
		int got = read_record(r, &h);
		if (got == 1 && is_left_over(r, h.number))
			got = 0;
		if (got == 1 && h.number >= durable)
			return give_up_to(r, durable); /* everything before it is gone */
		if (got == 1 && h.number >= r->next)
			return deliver(r, &h, ret);
		if (got == 1)
			r->at += WAL_HEADER + (off_t)h.length;
		else if (got == -EBADMSG || (got < 0 && is_impatient(r)))
			err = pass_damage(r);
		else if (got < 0)
			err = got;
		else if ((err = open_segment(r, true, r->segment)) == -ENOENT && r->fd >= 0)
			return give_up_to(r, durable);
	}
	return 0;
}

static bool is_woken(struct wal *w, unsigned wakes)
{
	pthread_mutex_lock(&w->lock);
	bool is = w->wakes != wakes;
	pthread_mutex_unlock(&w->lock);
	return is;
}

/* Lines of the records from r->next to below `durable`, by their headers alone; one for each record that cannot be read, or that there is no time for. */
static uint64_t count_lines(struct wal_reader *r, uint64_t durable, unsigned wakes)
{
	enum { LOOKS = 4096 }; /* headers between two looks whether somebody wants the reader to come */
	char bytes[WAL_HEADER];
	uint64_t lines = 0, next = r->next;
	int err = next < durable ? open_segment(r, false, 0) : 0;
	for (unsigned i = 1; !err && next < durable && (i % LOOKS != 0 || !is_woken(r->wal, wakes)); i++) {
		struct wal_header h = { 0 };
		if (read_at(r, bytes, WAL_HEADER, r->at) != WAL_HEADER || !wal_header_read(bytes, &h)) {
			err = open_segment(r, true, r->segment);
			continue;
		}
		if (h.number >= durable)
			break;
		if (h.number >= next) {
			lines += h.number - next + h.count;
			next = h.number + 1;
		}
		r->at += WAL_HEADER + (off_t)h.length;
	}
	fd_close(&r->fd); /* what is read next is found again */
	return lines + (durable - next);
}

uint64_t wal_reader_place(struct wal_reader *r)
{
	struct wal *w = r->wal;
	pthread_mutex_lock(&w->lock);
	const uint64_t durable = w->durable, lines = w->durable_lines;
	unsigned wakes = w->wakes;
	pthread_mutex_unlock(&w->lock);
	return lines - count_lines(r, durable, wakes);
}

int wal_reader_next(struct wal_reader *r, unsigned timeout_ms, struct wal_item *ret)
{
	struct wal *w = r->wal;
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ms * 1000000ull;
	pthread_mutex_lock(&w->lock);
	unsigned wakes = w->wakes;
	while (w->durable <= r->next && wakes == w->wakes && clock_ns(CLOCK_MONOTONIC) < until_ns)
		wal_wait(w, &w->news, until_ns);
	uint64_t durable = w->durable;
	pthread_mutex_unlock(&w->lock);
	return read_next(r, durable, ret);
}
