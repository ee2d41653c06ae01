/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that owns the disk. Takes what waits, writes it at a place of its own choosing, syncs, and says up to where all is durable. After
 * a fault it writes the same bytes again: at the same place when the write failed, in a new segment when the sync did, for what a
 * failed sync left of the old one cannot be known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "alerts/wal_parts.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"

#define LOOK_NS 1000000000ull /* is there room again, may a segment go? */

/* --- segments ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t number_at(const struct wal *w, size_t at)
{
	struct wal_header h = { 0 };
	bool is_header = wal_header_read(w->back.p + at, &h); /* ours: it is one */
	return is_header ? h.number : 0;
}

static int open_segment(struct wal *w)
{
	const struct wal_io *io = w->config.io;
	char name[WAL_NAME];
	uint64_t first = number_at(w, w->done);
	wal_name(first, name);
	CLEANUP(fd_close) int fd = io->open(io->context, w->folder, name, O_RDWR | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	int r = io->allocate(io->context, fd, (off_t)w->config.segment_bytes);
	if (r == -ENOSPC && !w->has_reserve)
		r = 0; /* there is less, but what there is may do for the last words */
	if (!r)
		r = io->sync(io->context, w->folder); /* its name, too, has to be there after a crash */
	pthread_mutex_lock(&w->lock);
	bool is_there = w->n_segments && w->segments[w->n_segments - 1].first == first; /* of a try before */
	if (!r && !is_there)
		r = wal_add_segment(w, first, 0);
	pthread_mutex_unlock(&w->lock);
	if (r) {
		IGNORE(io->remove(io->context, w->folder, name)); /* tried again under the same name */
		return r;
	}
	w->fd = TAKE_FD(fd);
	w->at = 0;
	return 0;
}

/* Bytes of whole records from `done` on that this segment takes. */
static size_t next_run(const struct wal *w)
{
	size_t n = 0;
	while (w->done + n < w->back.n) {
		struct wal_header h = { 0 };
		if (!wal_header_read(w->back.p + w->done + n, &h))
			break;
		size_t record = WAL_HEADER + h.length;
		if (w->at + (off_t)(n + record) > (off_t)w->config.segment_bytes && w->at + (off_t)n > 0)
			break;
		n += record;
	}
	return n;
}

/* The end of a segment: its unused room goes back to the disk. */
static void close_segment(struct wal *w)
{
	IGNORE(w->config.io->cut(w->config.io->context, w->fd, w->at)); /* room that stays allocated is no damage */
	fd_close(&w->fd);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------------ */

static int write_run(struct wal *w, size_t n)
{
	const struct wal_io *io = w->config.io;
	size_t done = 0;
	while (done < n) {
		ssize_t r = io->write(io->context, w->fd, (struct strview){ w->back.p + w->done + done, n - done }, w->at + (off_t)done);
		if (r == -EINTR)
			continue;
		if (r <= 0)
			return r ? (int)r : -EIO;
		done += (size_t)r;
	}
	return 0;
}

static uint64_t lines_of_run(const struct wal *w, size_t n)
{
	uint64_t lines = 0;
	struct wal_header h = { 0 };
	for (size_t at = 0; at < n && wal_header_read(w->back.p + w->done + at, &h); at += WAL_HEADER + h.length)
		lines += h.count;
	return lines;
}

static void note_durable(struct wal *w, size_t n)
{
	const uint64_t lines = lines_of_run(w, n);
	w->at += (off_t)n;
	w->done += n;
	pthread_mutex_lock(&w->lock);
	w->durable = w->done < w->back.n ? number_at(w, w->done) : w->next;
	if (w->done == w->back.n && w->front.n) { /* more came in the meantime, and waits */
		struct wal_header h = { 0 };
		if (wal_header_read(w->front.p, &h))
			w->durable = h.number;
	}
	w->durable_lines += lines;
	w->back_left = w->back.n - w->done;
	w->segments[w->n_segments - 1].bytes = (uint64_t)w->at;
	w->bytes += n;
	w->reserve_used += w->is_full ? n : 0;
	w->syncs++;
	w->error = 0;
	pthread_cond_broadcast(&w->news);
	pthread_mutex_unlock(&w->lock);
}

/* One run of records into one segment. */
static int commit_run(struct wal *w)
{
	const struct wal_io *io = w->config.io;
	int r = w->fd < 0 ? open_segment(w) : 0;
	if (r)
		return r;
	size_t n = next_run(w);
	if (n == 0) {
		close_segment(w);
		return 0;
	}
	r = write_run(w, n);
	if (r)
		return r;
	r = io->sync(io->context, w->fd);
	if (r)
		close_segment(w); /* cut to what was durable; the run is written anew */
	else
		note_durable(w, n);
	return r;
}

/* --- room ------------------------------------------------------------------------------------------------------------------------------- */

/* Under the lock: may the oldest segment go? With `is_over` there has to be room, whoever has not had it. */
static bool is_removable(const struct wal *w, bool is_over)
{
	bool is_required = false;
	uint64_t least = UINT64_MAX;
	if (w->n_segments < 2)
		return false;
	for (size_t i = 0; i < w->n_readers; i++) {
		is_required |= w->readers[i]->is_required;
		if (w->readers[i]->is_required)
			least = MIN(least, w->readers[i]->released);
	}
	if (is_over && (w->config.full == WAL_DROP_OLDEST || (w->is_trimming && !is_required)))
		return true;
	for (size_t i = 0; i < w->n_readers && !is_over; i++) /* those that are not required are waited for while there is room */
		least = MIN(least, w->readers[i]->released);
	return w->is_trimming && w->n_readers && w->segments[1].first <= least;
}

/* Removes what may go, and with `needs_room` one more segment where the policy gives it up: a full disk may need no more than that. */
static void trim(struct wal *w, bool needs_room)
{
	const struct wal_io *io = w->config.io;
	char name[WAL_NAME];
	pthread_mutex_lock(&w->lock);
	for (;;) {
		bool is_over = w->bytes > w->config.max_bytes;
		if (!is_removable(w, is_over)) {
			if (!needs_room || !is_removable(w, true))
				break;
			needs_room = false;
		}
		struct wal_segment gone = w->segments[0];
		w->n_segments--;
		memmove(w->segments, w->segments + 1, w->n_segments * sizeof(*w->segments));
		w->bytes -= gone.bytes;
		wal_name(gone.first, name);
		pthread_mutex_unlock(&w->lock);
		IGNORE(io->remove(io->context, w->folder, name)); /* found again at the next start, and removed then */
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

static bool is_lack_of_room(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

static void make_reserve(struct wal *w)
{
	const struct wal_io *io = w->config.io;
	CLEANUP(fd_close) int fd = io->open(io->context, w->folder, WAL_RESERVE, O_RDWR | O_CREAT);
	int r = fd < 0 ? fd : io->allocate(io->context, fd, (off_t)w->config.reserve_bytes);
	w->has_reserve = r == 0;
	w->lacks_room = is_lack_of_room(r); /* without one for another reason the log is not full: the next look tries again */
	if (fd >= 0 && r)
		IGNORE(io->remove(io->context, w->folder, WAL_RESERVE)); /* half of it helps nobody */
}

static void set_full(struct wal *w, bool is_full)
{
	pthread_mutex_lock(&w->lock);
	if (is_full && !w->is_full)
		w->reserve_used = 0;
	w->is_full = is_full;
	pthread_mutex_unlock(&w->lock);
}

/* After each commit, and while it is full each second. */
static void look_after_room(struct wal *w)
{
	trim(w, false);
	if (!w->has_reserve)
		make_reserve(w);
	if (w->lacks_room) {
		trim(w, true);
		make_reserve(w);
	}
	pthread_mutex_lock(&w->lock);
	bool is_full = w->lacks_room || (w->bytes > w->config.max_bytes && w->config.full != WAL_DROP_OLDEST);
	pthread_mutex_unlock(&w->lock);
	set_full(w, is_full);
}

static void note_fault(struct wal *w, int r)
{
	pthread_mutex_lock(&w->lock);
	w->error = -r;
	w->faults++;
	pthread_mutex_unlock(&w->lock);
	if (!is_lack_of_room(r))
		return;
	set_full(w, true);
	w->lacks_room = true;
	trim(w, !w->has_reserve);
	if (w->has_reserve) { /* its bytes are for this */
		w->has_reserve = false;
		IGNORE(w->config.io->remove(w->config.io->context, w->folder, WAL_RESERVE)); /* the next try shows it */
	}
}

/* --- the thread ----------------------------------------------------------------------------------------------------------------------- */

static bool is_time(const struct wal *w, uint64_t now_ns)
{
	return w->front.n && (w->is_urgent || w->is_ending || w->front.n >= w->config.commit_bytes || now_ns - w->oldest_ns >= w->config.commit_ns);
}

/* Waits until there is something to write, and takes it; false: the end. */
static bool take_queue(struct wal *w)
{
	pthread_mutex_lock(&w->lock);
	for (uint64_t now_ns = clock_ns(CLOCK_MONOTONIC); !is_time(w, now_ns); now_ns = clock_ns(CLOCK_MONOTONIC)) {
		if (w->is_ending) {
			pthread_mutex_unlock(&w->lock);
			return false;
		}
		bool looks = w->is_full || !w->has_reserve || w->n_segments > 1;
		wal_wait(w, &w->work, w->front.n ? w->oldest_ns + w->config.commit_ns : now_ns + (looks ? 1 : 60) * LOOK_NS);
		if (looks && w->front.n == 0) {
			pthread_mutex_unlock(&w->lock);
			look_after_room(w);
			pthread_mutex_lock(&w->lock);
		}
	}
	struct buf empty = w->back;
	w->back = w->front;
	w->front = empty;
	buf_reset(&w->front);
	w->back_left = w->back.n;
	w->is_urgent = false;
	w->done = 0;
	pthread_mutex_unlock(&w->lock);
	return true;
}

/* Waits for the next try; false: the end came, and its time is over. */
static bool wait_to_retry(struct wal *w)
{
	pthread_mutex_lock(&w->lock);
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + w->config.retry_ns, now_ns;
	while ((now_ns = clock_ns(CLOCK_MONOTONIC)) < until_ns) {
		if (w->is_ending && w->end_ns <= now_ns)
			break;
		wal_wait(w, &w->work, w->is_ending ? MIN(until_ns, w->end_ns) : until_ns);
	}
	bool goes_on = !w->is_ending || now_ns < w->end_ns;
	pthread_mutex_unlock(&w->lock);
	return goes_on;
}

void *wal_write_on(void *wal)
{
	struct wal *w = wal;
	make_reserve(w);
	set_full(w, w->lacks_room);
	while (take_queue(w)) {
		while (w->done < w->back.n) {
			int r = commit_run(w);
			if (!r)
				continue;
			bool had_reserve = w->has_reserve;
			note_fault(w, r);
			if (had_reserve && !w->has_reserve)
				continue; /* there is room now */
			if (!wait_to_retry(w))
				return NULL;
		}
		look_after_room(w);
	}
	return NULL;
}
