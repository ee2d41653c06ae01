/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a sink: from the write-ahead log to its kind's send, with filter, order and retries. */
#include "alerts/sinks_parts.h"

#include <errno.h>
#include <sys/random.h>

#include "engine/base/clock.h"

enum {
	BROKEN_AFTER = 5,      /* failures on end */
	WAIT_MS = 200,
};
#define DISABLED_NS 3600000000000ull /* it is looked again, and waited further */
#define CURSOR_NS 200000000ull /* shortest time between two writes of a cursor */

static bool is_over(struct sink *s)
{
	pthread_mutex_lock(&s->all->lock);
	bool is_over = s->all->is_ending && clock_ns(CLOCK_MONOTONIC) >= s->all->end_ns;
	pthread_mutex_unlock(&s->all->lock);
	return is_over;
}

static void note_good(struct sink *s, size_t lines)
{
	s->tries = 0;
	pthread_mutex_lock(&s->all->lock);
	s->status.state = SINK_GOOD;
	s->status.lines += lines;
	s->status.last_good_ns = clock_ns(CLOCK_REALTIME);
	pthread_mutex_unlock(&s->all->lock);
}

static void note_lost(struct sink *s, uint64_t refused, uint64_t missed)
{
	pthread_mutex_lock(&s->all->lock);
	s->status.refused += refused;
	s->status.missed += missed;
	s->untold += refused; /* what is missing of the log itself, the log tells */
	pthread_mutex_unlock(&s->all->lock);
}

static void note_error(struct sink *s, const struct sink_fault *fault)
{
	memcpy(s->status.last_error, fault->text, sizeof(fault->text));
	s->status.last_error_ns = clock_ns(CLOCK_REALTIME);
}

/* The receiver will never take them. */
static void note_refused(struct sink *s, uint64_t lines, const struct sink_fault *fault)
{
	note_lost(s, lines, 0);
	pthread_mutex_lock(&s->all->lock);
	note_error(s, fault);
	pthread_mutex_unlock(&s->all->lock);
}

/* Full jitter: between nothing and a ceiling that doubles with each failure, so that many agents do not come back at once. */
static uint64_t pause_ns(const struct sink *s, const struct sink_fault *fault)
{
	uint64_t ceiling = s->options->retry_least, chance = 0;
	for (unsigned i = 1; i < s->tries && ceiling < s->options->retry_most; i++)
		ceiling *= 2;
	ceiling = MIN(ceiling, s->options->retry_most);
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t)sizeof(chance))
		chance = clock_ns(CLOCK_MONOTONIC); /* spreads well enough */
	return MAX(chance % ceiling, MIN(fault->wait_ns, s->options->retry_most));
}

void sinks_wait_until(struct sinks *all, uint64_t until_ns)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000) };
	(void)pthread_cond_timedwait(&all->end, &all->lock, &until); /* the caller looks why it woke */
}

/* Waits before the next try, unless the next try is asked for; false: the end has come. */
static bool wait_after(struct sink *s, const struct sink_fault *fault)
{
	struct sinks *all = s->all;
	s->tries++;
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + pause_ns(s, fault);
	pthread_mutex_lock(&all->lock);
	note_error(s, fault);
	s->status.faults++;
	s->status.state = fault->is_gone ? SINK_DISABLED : s->tries >= BROKEN_AFTER ? SINK_BROKEN : SINK_RETRYING;
	for (;;) {
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		uint64_t try_ns = fault->is_gone ? now_ns + DISABLED_NS : until_ns; /* who wants no more is let alone until somebody asks for it */
		uint64_t wake_ns = all->is_ending ? MIN(try_ns, all->end_ns) : try_ns;
		if (now_ns >= wake_ns || s->reopens)
			break;
		sinks_wait_until(all, wake_ns);
	}
	bool goes_on = !all->is_ending || clock_ns(CLOCK_MONOTONIC) < all->end_ns;
	pthread_mutex_unlock(&all->lock);
	return goes_on;
}

static void reopen_when_asked(struct sink *s)
{
	pthread_mutex_lock(&s->all->lock);
	bool reopens = s->reopens;
	s->reopens = false;
	pthread_mutex_unlock(&s->all->lock);
	if (reopens && s->type->reopen)
		s->type->reopen(s->self);
}

/* All of these lines, however long it takes; false: the end has come before, or all since the cursor has to be sent again. */
static bool send_all(struct sink *s, const struct sink_line *lines, size_t n)
{
	while (n) {
		struct sink_fault fault = { .text = "" };
		size_t done = 0;
		reopen_when_asked(s);
		int r = s->type->send(s->self, lines, s->tries >= BROKEN_AFTER ? 1 : n, &done, &fault);
		done = MIN(done, n);
		lines += done;
		n -= done;
		if (done || r == 0)
			note_good(s, done - MIN(fault.refused, done));
		if (fault.refused)
			note_refused(s, MIN(fault.refused, done), &fault);
		if (n && is_over(s))
			return false;
		if (r == 0)
			continue;
		if (fault.is_final && n) {
			note_refused(s, 1, &fault);
			lines++;
			n--;
			continue;
		}
		s->rewinds = fault.is_window_lost;
		if (!wait_after(s, &fault) || s->rewinds)
			return false;
	}
	return true;
}

/* One line in the sink's format, as s->converted; false: the end has come. What cannot be converted is as good as refused by the receiver. */
static bool convert_line(struct sink *s, struct strview text, bool *ret_is_good)
{
	for (;;) {
		struct sink_fault fault = { .text = "out of memory for another format" };
		buf_reset(&s->converted);
		int r = format_convert(s->format, text, sink_line_max(s->options), &s->converted);
		*ret_is_good = r == 0;
		if (r == 0 || r != -ENOMEM)
			return true;
		if (!wait_after(s, &fault))
			return false;
	}
}

/* Behind those that are collected; sends them first when there is no room. False as send_all. */
static bool add_line(struct sink *s, const struct sink_line *line, size_t *n)
{
	bool is_good = false;
	if (s->format == FORMAT_NATIVE) {
		s->lines[(*n)++] = *line;
		return true;
	}
	if (!convert_line(s, line->text, &is_good))
		return false;
	if (!is_good) {
		note_lost(s, 1, 0);
		return true;
	}
	if (s->texts.n + s->converted.n > SINK_TEXTS_BYTES) {
		if (!send_all(s, s->lines, *n))
			return false;
		*n = 0;
		buf_reset(&s->texts);
	}
	s->lines[*n] = *line;
	s->lines[(*n)++].text = (struct strview){ s->texts.p + s->texts.n, s->converted.n };
	buf_add_sv(&s->texts, buf_sv(&s->converted));
	return true;
}

/* What was gathered; false: the end has come before. */
static bool send_held(struct sink *s)
{
	if (s->n_held && !send_all(s, s->lines, s->n_held))
		return false;
	s->n_held = 0;
	buf_reset(&s->held);
	return true;
}

/* One line more to what is held, by a copy: its record goes. Sends first what has no room beside it. */
static bool gather(struct sink *s, struct strview text, const struct wal_header *record)
{
	bool is_full = s->n_held == s->options->batch_count || s->held.n + text.n > s->options->batch_bytes;
	if (s->n_held && is_full && !send_held(s))
		return false;
	size_t before = s->held.n;
	buf_add_sv(&s->held, text); /* has room, see open_sink in sinks.c: what lines point to does not move */
	struct strview copy = { s->held.p + before, text.n };
	struct sink_line *line = &s->lines[s->n_held];
	bool is_record = buf_error(&s->held) == 0 && sink_line_read(copy, line);
	if (!is_record)
		note_lost(s, 1, 0); /* no record of ours: nothing else writes there */
	if (!is_record || !sink_line_fits(line, s->options)) {
		s->held.n = before;
		s->held.failed = false;
		return true;
	}
	if (s->n_held++ == 0) {
		s->held_first = record->number;
		s->held_wall_ns = record->wall_ns;
		s->held_ns = clock_ns(CLOCK_MONOTONIC);
	}
	return true;
}

/* When what is held has waited long enough; 0: nothing is held. */
static uint64_t held_until(const struct sink *s)
{
	return s->n_held ? s->held_ns + s->options->batch_time : 0;
}

/* The lines of a record that pass the filter, in slices. */
static bool send_record(struct sink *s, const struct wal_item *item)
{
	size_t n = 0;
	buf_reset(&s->texts);
	if (item->missed)
		note_lost(s, 0, item->missed);
	for (struct strview left = item->lines; left.n;) {
		const char *end = memchr(left.p, '\n', left.n);
		struct strview text = { left.p, end ? (size_t)(end - left.p) : left.n };
		left = sv_from_index(left, text.n + 1);
		struct sink_line line;
		if (s->type->gathers) {
			if (!gather(s, text, &item->header))
				return false;
			continue;
		}
		if (!sink_line_read(text, &line))
			note_lost(s, 1, 0); /* no record of ours: nothing else writes there */
		else if (sink_line_fits(&line, s->options) && !add_line(s, &line, &n))
			return false;
		if (n < SINK_LINES_MAX && left.n)
			continue;
		if (!send_all(s, s->lines, n))
			return false;
		n = 0;
		buf_reset(&s->texts);
	}
	return true;
}

/* Up to where it is, and since when the record waits that is next; NULL: it is not known yet. The lag is made of it when somebody asks. */
static void note_place(struct sink *s, const struct wal_header *next)
{
	pthread_mutex_lock(&s->all->lock);
	s->sent = sink_sent_up_to(s);
	s->waits_since_ns = s->n_held ? s->held_wall_ns : next ? next->wall_ns : 0;
	pthread_mutex_unlock(&s->all->lock);
}

static void rewind_to_cursor(struct sink *s)
{
	s->rewinds = false;
	s->n_held = 0;
	buf_reset(&s->held);
	s->next = s->kept;
	s->mark_ns = 0;
	wal_reader_rewind(s->reader, s->kept);
}

static void note_log_fault(struct sink *s, int r)
{
	struct sink_fault fault = { .text = "" };
	sink_fault_set(&fault, "the write-ahead log cannot be read: %s", strerror(-r));
	IGNORE(wait_after(s, &fault)); /* the caller looks for the end */
}

/* How long the next record may be waited for. */
static unsigned wait_ms(const struct sink *s)
{
	uint64_t until_ns = held_until(s), now_ns = clock_ns(CLOCK_MONOTONIC);
	if (!until_ns)
		return WAIT_MS;
	return until_ns <= now_ns ? 0 : (unsigned)MIN((until_ns - now_ns) / 1000000 + 1, (uint64_t)WAIT_MS);
}

void *sink_run(void *context)
{
	struct sink *s = context;
	struct wal_item item = { 0 };
	bool goes_on = true;
	while (goes_on) {
		reopen_when_asked(s);
		int got = wal_reader_next(s->reader, wait_ms(s), &item);
		pthread_mutex_lock(&s->all->lock);
		bool is_ending = s->all->is_ending;
		pthread_mutex_unlock(&s->all->lock);
		if (got == 1) {
			note_place(s, &item.header);
			goes_on = send_record(s, &item);
			if (goes_on)
				s->next = item.header.number + 1;
		} else if (got < 0) {
			note_log_fault(s, got);
		} else if (s->n_held && (is_ending || clock_ns(CLOCK_MONOTONIC) >= held_until(s))) {
			goes_on = send_held(s);
		}
		note_place(s, NULL);
		bool is_idle = got == 0 && !s->n_held, is_time = clock_ns(CLOCK_MONOTONIC) - s->kept_at_ns >= CURSOR_NS;
		if (sink_sent_up_to(s) != s->kept && !s->rewinds && ((is_idle && !s->type->gathers) || is_time || !goes_on))
			IGNORE(sink_keep_cursor(s, is_ending && is_idle)); /* in the status, and tried again */
		if (s->rewinds) {
			rewind_to_cursor(s);
			goes_on = !is_over(s);
		}
		if (is_ending && ((is_idle && (s->next == s->kept || s->type->gathers)) || is_over(s)))
			goes_on = false;
	}
	if (sink_sent_up_to(s) != s->kept)
		IGNORE(sink_keep_cursor(s, true)); /* else the next start sends again what it had */
	pthread_mutex_lock(&s->all->lock);
	s->all->running--;
	pthread_cond_broadcast(&s->all->end);
	pthread_mutex_unlock(&s->all->lock);
	return NULL;
}
