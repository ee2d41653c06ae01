/* SPDX-License-Identifier: Apache-2.0 */
/* The write-ahead log: its queue, and its side towards the stream. Nothing here waits for the disk but the end of a run. */
#include "alerts/wal_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/thread.h"

struct wal_config wal_defaults(void)
{
	return (struct wal_config){
		.max_bytes = 1ull << 30,
		.segment_bytes = 16ull << 20,
		.reserve_bytes = 8ull << 20,
		.queue_bytes = 16u << 20,
		.commit_ns = 25000000,
		.commit_bytes = 256u << 10,
		.retry_ns = 200000000,
		.wait_ns = 2000000000,
		.full = WAL_DROP_LOWEST,
		.io = &wal_io_real,
	};
}

void wal_name(uint64_t first, char ret[static WAL_NAME])
{
	(void)snprintf(ret, WAL_NAME, "%020llu.wal", (unsigned long long)first); /* fits: 24 letters */
}

int wal_add_segment(struct wal *w, uint64_t first, uint64_t bytes)
{
	if (w->n_segments == w->segments_cap) {
		size_t cap = w->segments_cap ? 2 * w->segments_cap : 64;
		struct wal_segment *more = realloc(w->segments, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->segments = more;
		w->segments_cap = cap;
	}
	w->segments[w->n_segments++] = (struct wal_segment){ first, bytes };
	w->bytes += bytes;
	return 0;
}

static void add_loss(struct wal *w, const struct wal_loss *loss)
{
	for (size_t i = 0; i < w->n_losses; i++) {
		if (strcmp(w->losses[i].what, loss->what) != 0)
			continue;
		w->losses[i].count += loss->count;
		return;
	}
	if (w->n_losses < WAL_LOSSES)
		w->losses[w->n_losses++] = *loss;
}

/* Records of a range that no loss has told: another reader may have met some of them, in ranges of its own. */
static uint64_t untold_of(const struct wal *w, struct wal_range range)
{
	uint64_t untold = 0;
	for (uint64_t at = range.from; at < range.to;) {
		uint64_t next = range.to, told_to = at;
		for (size_t i = 0; i < MIN(w->n_told, (size_t)WAL_TOLD); i++) {
			const struct wal_range *told = &w->told[i];
			if (told->from <= at && told->to > told_to)
				told_to = told->to;
			if (told->from > at && told->from < next)
				next = told->from;
		}
		if (told_to == at) {
			untold += next - at;
			told_to = next;
		}
		at = told_to;
	}
	return untold;
}

void wal_note_loss(struct wal *w, struct wal_range range, const struct wal_loss *loss)
{
	struct wal_loss mine = *loss;
	if (range.from < range.to) {
		uint64_t untold = untold_of(w, range);
		if (!untold)
			return;
		if (untold < range.to - range.from) /* lines of single records are not known: as many as the rest has by its share */
			mine.count = MAX((uint64_t)((double)mine.count / (double)(range.to - range.from) * (double)untold), UINT64_C(1));
		w->told[w->n_told++ % WAL_TOLD] = range;
	}
	w->lost_lines += mine.count;
	add_loss(w, &mine);
}

void wal_give_back_loss(struct wal *w, const struct wal_loss *loss)
{
	pthread_mutex_lock(&w->lock);
	add_loss(w, loss);
	pthread_mutex_unlock(&w->lock);
}

bool wal_take_loss(struct wal *w, struct wal_loss *ret)
{
	pthread_mutex_lock(&w->lock);
	bool has = w->n_losses > 0;
	if (has)
		*ret = w->losses[--w->n_losses];
	pthread_mutex_unlock(&w->lock);
	return has;
}

void wal_wait(struct wal *w, pthread_cond_t *on, uint64_t until_ns)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000) };
	(void)pthread_cond_timedwait(on, &w->lock, &until); /* the caller looks why it woke */
}

/* --- as an outlet ------------------------------------------------------------------------------------------------------------------ */

static struct wal *of(const struct outlet *o)
{
	return (struct wal *)(uintptr_t)(const void *)o; /* its first member; the lock makes a look at it a change */
}

/* Sixteenths of what there is that an alert of this severity may use. */
static size_t share_of(const struct wal *w, enum severity severity)
{
	static const size_t shares[SEVERITY_COUNT] = { 8, 10, 12, 14, 16 };
	return w->config.full == WAL_DROP_LOWEST ? shares[severity] : 16;
}

/*
 * Bytes that the segments may still grow by, whatever it is for: the reserve beyond wal.max is the last there is. The oldest segments make room by themselves
 * where the policy gives them up.
 */
static size_t below_ceiling(const struct wal *w)
{
	uint64_t ceiling = w->config.max_bytes + w->config.reserve_bytes;
	if (w->config.full == WAL_DROP_OLDEST)
		return SIZE_MAX;
	return ceiling > w->bytes ? (size_t)MIN(ceiling - w->bytes, (uint64_t)SIZE_MAX) : 0;
}

static size_t room_locked(const struct wal *w, enum severity severity)
{
	size_t used = w->front.n + w->back_left;
	size_t limit = w->config.queue_bytes / 16 * share_of(w, severity);
	if (w->is_full && w->config.full == WAL_DROP_LOWEST) {
		uint64_t reserve = severity <= SEVERITY_LOW ? 0 : w->config.reserve_bytes / 16 * share_of(w, severity);
		limit = MIN(limit, reserve > w->reserve_used ? reserve - w->reserve_used : 0);
		if (severity == SEVERITY_CRITICAL) /* what finds no place on the disk waits in memory */
			limit = w->config.queue_bytes;
	}
	limit = MIN(limit, below_ceiling(w));
	return limit > used ? limit - used : 0;
}

static size_t outlet_room(const struct outlet *o, enum severity severity)
{
	struct wal *w = of(o);
	pthread_mutex_lock(&w->lock);
	size_t room = room_locked(w, severity);
	pthread_mutex_unlock(&w->lock);
	return room;
}

/* Bytes of the whole lines at the beginning of text that fit a record, and their number. */
static size_t take_lines(struct strview text, uint32_t *ret_count)
{
	size_t n = 0;
	*ret_count = 0;
	while (n < text.n) {
		const char *end = memchr(text.p + n, '\n', text.n - n);
		size_t line = end ? (size_t)(end - text.p) + 1 - n : text.n - n;
		if (n + line > WAL_BODY_MAX && n > 0)
			break;
		n += line;
		(*ret_count)++;
	}
	return n;
}

static void add_records(struct wal *w, const struct outlet_batch *batch)
{
	struct strview left = batch->lines;
	struct wal_header h = { .first = batch->first, .wall_ns = clock_ns(CLOCK_REALTIME), .severity = (uint8_t)batch->severity };
	while (left.n) {
		size_t n = take_lines(left, &h.count);
		h.number = w->next++;
		h.length = (uint32_t)n;
		wal_record_add(&w->front, &h, (struct strview){ left.p, n }); /* reserved: cannot fail */
		h.first += h.count;
		left = sv_from_index(left, n);
	}
}

static int outlet_write(struct outlet *o, const struct outlet_batch *batch, uint64_t now_ns)
{
	struct wal *w = of(o);
	(void)now_ns; /* the stream's clock; waiting is counted by a steady one */
	pthread_mutex_lock(&w->lock);
	size_t used = w->front.n + w->back_left; /* memory alone decides here: a stream that asked for room, or has to begin, is not cut off at its first record */
	int r = batch->lines.n + used > w->config.queue_bytes ? -ENOBUFS : -w->error;
	if (r != -ENOBUFS) {
		bool was_empty = w->front.n == 0;
		if (was_empty)
			w->oldest_ns = clock_ns(CLOCK_MONOTONIC);
		add_records(w, batch);
		w->is_urgent |= batch->is_urgent;
		if (was_empty || w->is_urgent || w->front.n >= w->config.commit_bytes)
			pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int outlet_error(const struct outlet *o)
{
	struct wal *w = of(o);
	pthread_mutex_lock(&w->lock);
	int error = w->error;
	pthread_mutex_unlock(&w->lock);
	return error;
}

static int outlet_retry(struct outlet *o, uint64_t now_ns)
{
	(void)now_ns; /* the writer tries by itself */
	return -outlet_error(o);
}

static bool outlet_is_due(const struct outlet *o, uint64_t now_ns)
{
	(void)o, (void)now_ns;
	return false; /* the writer needs nobody to remind it */
}

static int outlet_sync(struct outlet *o)
{
	struct wal *w = of(o);
	pthread_mutex_lock(&w->lock);
	w->is_urgent |= w->front.n > 0;
	pthread_cond_signal(&w->work);
	int r = -w->error;
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int outlet_wait(struct outlet *o)
{
	struct wal *w = of(o);
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + w->config.wait_ns;
	pthread_mutex_lock(&w->lock);
	w->is_urgent = true;
	pthread_cond_signal(&w->work);
	while (w->durable < w->next && clock_ns(CLOCK_MONOTONIC) < until_ns)
		wal_wait(w, &w->news, until_ns);
	int r = w->durable == w->next ? 0 : w->error ? -w->error : -ETIMEDOUT;
	pthread_mutex_unlock(&w->lock);
	return r;
}

static size_t outlet_queued_bytes(const struct outlet *o)
{
	struct wal *w = of(o);
	pthread_mutex_lock(&w->lock);
	size_t n = w->front.n + w->back_left;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static enum outlet_state outlet_state(const struct outlet *o)
{
	struct wal *w = of(o);
	enum outlet_state state = OUTLET_READY;
	pthread_mutex_lock(&w->lock);
	bool is_choked = w->is_full || (w->error && room_locked(w, SEVERITY_CRITICAL) < w->config.queue_bytes / 4);
	if (is_choked && w->config.full == WAL_BLOCK)
		state = OUTLET_BLOCKED;
	if (is_choked && w->config.full == WAL_FAIL_CLOSED)
		state = OUTLET_FAILED;
	pthread_mutex_unlock(&w->lock);
	return state;
}

static const char *outlet_kept_as(const struct outlet *o)
{
	(void)o;
	return ""; /* a log goes on where it ended */
}

static size_t close_outlet(struct outlet *o)
{
	struct wal *w = of(o);
	return wal_close(&w);
}

struct outlet *wal_outlet(struct wal *w)
{
	return &w->outlet;
}

/* --- opening and closing ----------------------------------------------------------------------------------------------------------- */

static int open_folder(struct wal *w, struct diag *diag)
{
	const char *folder = w->config.folder;
	struct place at = { .file = folder };
	int r = mkdir(folder, 0700) && errno != EEXIST ? -errno : 0;
	if (r) {
		diag_error(diag, at, "the folder of the log cannot be made: %s", strerror(-r));
		return r;
	}
	w->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = w->folder < 0 ? -errno : 0;
	if (r && fd_is_link(folder)) {
		diag_error(diag, at, "is a symbolic link, which may lead elsewhere at the next start: name the folder that it leads to");
		return -ELOOP;
	}
	if (r) {
		diag_error(diag, at, "the folder of the log cannot be opened: %s", strerror(-r));
		return r;
	}
	r = flock(w->folder, LOCK_EX | LOCK_NB) ? -errno : 0;
	if (r == -EWOULDBLOCK) {
		diag_error(diag, at, "another process writes this log: stop it, or name another folder");
		return -EBUSY;
	}
	if (r)
		diag_error(diag, at, "the folder of the log cannot be locked: %s", strerror(-r));
	return r;
}

static int start_writer(struct wal *w)
{
	int r = thread_start(&w->thread, wal_write_on, w);
	w->has_thread = r == 0;
	return r;
}

static int make_conditions(struct wal *w)
{
	pthread_condattr_t steady;
	int r = pthread_mutex_init(&w->lock, NULL);
	if (!r)
		r = pthread_condattr_init(&steady);
	if (r)
		return -r;
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC); /* cannot fail for this one; a clock that is set must not hold up the disk */
	r = pthread_cond_init(&w->work, &steady);
	if (!r)
		r = pthread_cond_init(&w->news, &steady);
	pthread_condattr_destroy(&steady);
	return -r;
}

int wal_open(const struct wal_config *config, struct wal **ret, struct diag *diag)
{
	static const struct outlet_ops ops = {
		.room = outlet_room,
		.write = outlet_write,
		.retry = outlet_retry,
		.is_due = outlet_is_due,
		.sync = outlet_sync,
		.wait = outlet_wait,
		.queued_bytes = outlet_queued_bytes,
		.error = outlet_error,
		.state = outlet_state,
		.kept_as = outlet_kept_as,
		.close = close_outlet,
	};
	struct wal *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->outlet.ops = &ops;
	w->config = *config;
	w->folder = w->fd = -1;
	w->front.max = w->back.max = config->queue_bytes + WAL_QUEUE_SLACK;
	w->head.max = WAL_LINE_HEAD_MAX;
	int r = make_conditions(w);
	if (r) {
		free(w);
		return r;
	}
	r = open_folder(w, diag);
	if (!r && (buf_reserve(&w->front, w->front.max) || buf_reserve(&w->back, w->back.max))) {
		diag_error(diag, (struct place){ .file = config->folder }, "no memory for a queue of %zu bytes", config->queue_bytes);
		r = -ENOMEM;
	}
	if (!r)
		r = wal_recover(w, diag);
	if (!r) {
		r = start_writer(w);
		if (r)
			diag_error(diag, (struct place){ .file = config->folder }, "no thread to write it: %s", strerror(-r));
	}
	if (r) {
		(void)wal_close(&w); /* nothing was taken */
		return r;
	}
	*ret = w;
	return 0;
}

size_t wal_close(struct wal **wal)
{
	struct wal *w = TAKE(*wal);
	if (!w)
		return 0;
	if (w->has_thread) {
		pthread_mutex_lock(&w->lock);
		w->is_ending = true;
		w->end_ns = clock_ns(CLOCK_MONOTONIC) + w->config.wait_ns;
		pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	size_t left = w->front.n + w->back_left;
	pthread_cond_destroy(&w->news);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	fd_close(&w->fd);
	fd_close(&w->folder);
	buf_done(&w->front);
	buf_done(&w->back);
	buf_done(&w->head);
	free(w->segments);
	free(w);
	return left;
}

void wal_get_head(const struct wal *w, struct wal_head *ret)
{
	*ret = (struct wal_head){ .next = w->head_next, .line = buf_sv(&w->head), .torn_bytes = w->torn_bytes };
}

const char *wal_get_id(const struct wal *w)
{
	return w->id;
}

const struct wal_io *wal_get_io(const struct wal *w)
{
	return w->config.io;
}

void wal_get_stats(struct wal *w, struct wal_stats *ret)
{
	pthread_mutex_lock(&w->lock);
	*ret = (struct wal_stats){
		.next = w->next,
		.durable = w->durable,
		.lines = w->durable_lines,
		.oldest = w->n_segments ? w->segments[0].first : w->next,
		.bytes = w->bytes,
		.segments = w->n_segments,
		.queued_bytes = w->front.n + w->back_left,
		.syncs = w->syncs,
		.faults = w->faults,
		.lost_lines = w->lost_lines,
		.error = w->error,
		.is_full = w->is_full,
	};
	pthread_mutex_unlock(&w->lock);
}
