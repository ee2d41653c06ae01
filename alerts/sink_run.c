/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a sink: from the write-ahead log to its kind's send, with filter, order and retries. */
#include "alerts/sinks_parts.h"

#include <errno.h>
#include <sys/random.h>

#include "engine/base/clock.h"

enum {
	WAIT_MS = 200,
};
#define DISABLED_NS 3600000000000ull /* it is looked again, and waited further */
#define CURSOR_NS 200000000ull /* shortest time between two writes of a cursor */

static const char not_ours[] = "a line of the write-ahead log is no record of ours"; /* nothing else writes there */

static bool is_over(struct sink *s)
{
	pthread_mutex_lock(&s->all->lock);
	bool is_over = s->all->is_ending && clock_ns(CLOCK_MONOTONIC) >= s->all->end_ns;
	pthread_mutex_unlock(&s->all->lock);
	return is_over;
}

static void note_good(struct sink *s, size_t lines)
{
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
static void note_refused(struct sink *s, uint64_t lines, const struct sink_fault *fault, bool is_last)
{
	note_lost(s, lines, 0);
	pthread_mutex_lock(&s->all->lock);
	if (is_last)
		s->status.state = SINK_REFUSING;
	note_error(s, fault);
	pthread_mutex_unlock(&s->all->lock);
}

/* Nobody will take it, and that is found out here. */
static void refuse_line(struct sink *s, const char *why, const char *what)
{
	struct sink_fault fault = { .text = "" };
	sink_fault_set(&fault, "%s%s", why, what);
	note_refused(s, 1, &fault, true);
}

/* Full jitter: between nothing and a ceiling that doubles with each failure, so that many agents do not come back at once. */
static uint64_t pause_ns(const struct sink *s, const struct sink_fault *fault)
{
	uint64_t ceiling = s->options->retry_least, chance = 0;
	for (unsigned i = 1; i < s->effort.tries && ceiling < s->options->retry_most; i++)
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

/* `asked` lines came to nothing. Waits before the next try, unless the next try is asked for; false: the end has come. */
static bool wait_after(struct sink *s, size_t asked, const struct sink_fault *fault)
{
	struct sinks *all = s->all;
	effort_failed(&s->effort, asked, fault->may_be_line);
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + pause_ns(s, fault);
	pthread_mutex_lock(&all->lock);
	note_error(s, fault);
	s->status.faults++;
	s->status.state = fault->is_gone ? SINK_DISABLED : s->effort.tries >= EFFORT_BROKEN ? SINK_BROKEN : SINK_RETRYING;
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

/* What one send came to. */
struct attempt {
	int r;
	size_t asked, done, refused; /* refused: of the done ones */
	struct sink_fault fault;
};

/* So many refusals are no fault of the lines any more: they are kept. Only a receiver that answers is judged so, and no datagram that is too long. */
static void doubt_refusals(struct sink *s, struct attempt *a)
{
	struct sink_fault because = a->fault;
	if (!s->type->gathers || effort_believes(&s->effort, a->done - a->refused, a->refused))
		return;
	sink_fault_set(&a->fault, "everything is refused, so nothing more is given up: %s", because.text);
	a->fault.may_be_line = true;
	a->asked = a->done == 1 ? 1 : a->asked; /* it was found by itself */
	a->r = -EAGAIN;
	a->done = a->refused = 0;
}

static void attempt(struct sink *s, const struct sink_line *lines, size_t n, struct attempt *ret)
{
	struct attempt a = { .asked = n };
	reopen_when_asked(s);
	a.r = s->type->send(s->self, lines, n, &a.done, &a.fault);
	if (a.r && !a.fault.text[0])
		sink_fault_set(&a.fault, "%s", strerror(-a.r)); /* none is told without a word */
	a.done = MIN(a.done, n);
	a.refused = MIN(a.fault.refused, a.done);
	bool is_last_refused = a.r && a.fault.is_final && a.done < n;
	if (is_last_refused) {
		a.done++;
		a.refused++;
		a.r = 0;
	}
	doubt_refusals(s, &a);
	if (a.done > a.refused || (a.r == 0 && !a.refused))
		note_good(s, a.done - a.refused);
	if (a.refused)
		note_refused(s, a.refused, &a.fault, is_last_refused || a.refused == a.done);
	*ret = a;
}

static void drop_line(struct sink *s, size_t at, size_t *n)
{
	memmove(&s->lines[at], &s->lines[at + 1], (*n - 1) * sizeof(s->lines[0]));
	(*n)--;
}

/* Which of the lines behind the first is tried beside it: a record of our own, whose words nobody else chose, and any of them in turn. */
static size_t choose_other(struct sink *s, const struct sink_line *lines, size_t n)
{
	size_t turn = s->probes++;
	for (size_t i = 1; i < n && turn % 2 == 0; i++)
		if (!lines[i].is_alert)
			return i;
	return n - 1 - turn / 2 % (n - 1);
}

/* What is left of the held lines, at the front of their buffer, so that others have room behind. */
static void keep_rest(struct sink *s, size_t at, size_t n)
{
	size_t end = 0;
	for (size_t i = 0; i < n; i++) {
		struct strview text = s->lines[at + i].text;
		memmove(s->held.p + end, text.p, text.n); /* never to behind where it was */
		IGNORE(sink_line_read((struct strview){ s->held.p + end, text.n }, &s->lines[i])); /* it could be read before */
		end += text.n;
	}
	s->held.n = end;
	s->n_held = n;
	s->wants_more = true;
}

/*
 * The first line fails again and again, though the receiver is there. When others are taken meanwhile, more than once, it is at fault: it is counted and
 * told, and holds up nobody any more. Others are taken before it then. False as send_all.
 */
static bool judge_first(struct sink *s, size_t *at, size_t *n)
{
	struct attempt other = { .r = -EAGAIN }, again;
	size_t which = *n > 1 ? *at + choose_other(s, &s->lines[*at], *n) : 0;
	if (which)
		attempt(s, &s->lines[which], 1, &other);
	if (is_over(s))
		return false;
	if (other.done == 0) {
		keep_rest(s, *at, *n);
		return false;
	}
	size_t behind = *n - (which - *at);
	drop_line(s, which, &behind);
	(*n)--;
	if (other.refused)
		return true;
	attempt(s, &s->lines[*at], 1, &again);
	if (again.done == 0 && again.fault.may_be_line && !is_over(s)) {
		struct sink_fault fault = again.fault;
		if (!effort_is_at_fault(&s->effort))
			return wait_after(s, 1, &again.fault);
		sink_fault_set(&fault, "set aside, for others are taken: %s", again.fault.text);
		note_refused(s, 1, &fault, false);
		again.done = 1;
	} else if (again.done) {
		effort_succeeded(&s->effort, 1, true);
	}
	*at += again.done;
	*n -= again.done;
	return true;
}

/*
 * All lines that are collected, however long it takes; false: the end has come before, or all since the cursor has to be sent again, or the sink wants
 * more lines beside these.
 */
static bool send_all(struct sink *s, size_t n)
{
	for (size_t at = 0; n;) {
		struct attempt a;
		attempt(s, &s->lines[at], effort_width(&s->effort, n), &a);
		if (a.done)
			effort_succeeded(&s->effort, a.asked, a.done == a.asked);
		at += a.done;
		n -= a.done;
		if (n && is_over(s))
			return false;
		if (a.r == 0)
			continue;
		s->rewinds = a.fault.is_window_lost;
		if (!wait_after(s, a.done ? 0 : a.asked, &a.fault) || s->rewinds)
			return false;
		if (n && s->type->gathers && effort_is_stuck(&s->effort) && !judge_first(s, &at, &n))
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
		if (!wait_after(s, 0, &fault))
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
		refuse_line(s, "a record cannot be written, or does not fit, as ", format_name(s->format));
		return true;
	}
	if (s->texts.n + s->converted.n > SINK_TEXTS_BYTES) {
		if (!send_all(s, *n))
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
	s->wants_more = false;
	if (s->n_held && !send_all(s, s->n_held))
		return false;
	s->n_held = 0;
	buf_reset(&s->held);
	return true;
}

/* When one line is not enough to judge it, a second one finds room always. */
static bool is_full(const struct sink *s, size_t bytes)
{
	if (s->wants_more && s->n_held == 1)
		return s->held.n + bytes > s->held.cap;
	return s->n_held && (s->n_held >= s->options->batch_count || s->held.n + bytes > s->options->batch_bytes);
}

/* One line more to what is held, by a copy: its record goes. Sends first what has no room beside it. */
static bool gather(struct sink *s, struct strview text, const struct wal_header *record)
{
	while (is_full(s, text.n))
		if (!send_held(s) && !s->wants_more)
			return false;
	size_t before = s->held.n;
	buf_add_sv(&s->held, text); /* has room, see open_sink in sinks.c: what lines point to does not move */
	struct strview copy = { s->held.p + before, text.n };
	struct sink_line *line = &s->lines[s->n_held];
	bool is_record = buf_error(&s->held) == 0 && sink_line_read(copy, line);
	if (!is_record)
		refuse_line(s, not_ours, "");
	if (!is_record || !sink_line_fits(line, s->options)) {
		s->held.n = before;
		s->held.failed = false;
		return true;
	}
	if (s->n_held++ == 0) {
		s->held_first = record->number;
		s->lines_held = s->lines_next;
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

/*
 * Is the cursor to be written? Not while a request has just become due, for no alert should wait for the disk once more: behind it, then. Where it does not
 * come through, what went before it is kept all the same.
 */
static bool is_cursor_due(const struct sink *s, uint64_t sent_before, bool is_idle)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), due_ns = held_until(s);
	bool is_waited_for = due_ns && now_ns >= due_ns && now_ns - due_ns < CURSOR_NS && sink_sent_up_to(s) == sent_before;
	if (is_idle && !s->type->gathers)
		return true;
	return now_ns - s->kept_at_ns >= CURSOR_NS && !is_waited_for;
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
			refuse_line(s, not_ours, "");
		else if (sink_line_fits(&line, s->options) && !add_line(s, &line, &n))
			return false;
		if (n < SINK_LINES_MAX && left.n)
			continue;
		if (!send_all(s, n))
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
	s->lines_sent = sink_lines_sent(s);
	s->status.files = s->type->files ? s->type->files(s->self) : 0;
	s->waits_since_ns = s->n_held ? s->held_wall_ns : next ? next->wall_ns : 0;
	pthread_mutex_unlock(&s->all->lock);
}

static void rewind_to_cursor(struct sink *s)
{
	s->rewinds = s->wants_more = false;
	s->n_held = 0;
	buf_reset(&s->held);
	s->next = s->kept;
	s->lines_next = s->lines_kept;
	s->mark_ns = 0;
	wal_reader_rewind(s->reader, s->kept);
}

static void note_log_fault(struct sink *s, int r)
{
	struct sink_fault fault = { .text = "" };
	sink_fault_set(&fault, "the write-ahead log cannot be read: %s", strerror(-r));
	IGNORE(wait_after(s, 0, &fault)); /* the caller looks for the end */
}

/* How long the next record may be waited for. */
static unsigned wait_ms(const struct sink *s)
{
	uint64_t until_ns = held_until(s), now_ns = clock_ns(CLOCK_MONOTONIC);
	if (!until_ns)
		return WAIT_MS;
	return until_ns <= now_ns ? 0 : (unsigned)MIN((until_ns - now_ns) / 1000000 + 1, (uint64_t)WAIT_MS);
}

/* At the end of the log the lines before it are known, whatever was damaged on the way. */
static void note_end(struct sink *s)
{
	struct wal_stats stats;
	wal_get_stats(s->all->wal, &stats);
	if (stats.durable == s->next)
		s->lines_next = stats.lines;
}

void *sink_run(void *context)
{
	struct sink *s = context;
	struct wal_item item = { 0 };
	bool goes_on = true;
	s->lines_next = s->lines_kept = wal_reader_place(s->reader);
	note_place(s, NULL);
	while (goes_on) {
		uint64_t sent_before = sink_sent_up_to(s);
		reopen_when_asked(s);
		int got = wal_reader_next(s->reader, wait_ms(s), &item);
		pthread_mutex_lock(&s->all->lock);
		bool is_ending = s->all->is_ending;
		pthread_mutex_unlock(&s->all->lock);
		if (got == 1) {
			note_place(s, &item.header);
			goes_on = send_record(s, &item);
			if (goes_on) {
				s->next = item.header.number + 1;
				s->lines_next += item.missed + item.header.count;
			}
		} else if (got < 0) {
			note_log_fault(s, got);
		} else if (s->n_held && (is_ending || clock_ns(CLOCK_MONOTONIC) >= held_until(s))) {
			goes_on = send_held(s) || s->wants_more;
		}
		if (got == 0)
			note_end(s);
		note_place(s, NULL);
		bool is_idle = got == 0 && !s->n_held;
		if (sink_sent_up_to(s) != s->kept && !s->rewinds && (is_cursor_due(s, sent_before, is_idle) || !goes_on))
			IGNORE(sink_keep_cursor(s, is_ending && is_idle)); /* in the status, and tried again */
		if (s->rewinds) {
			rewind_to_cursor(s);
			goes_on = !is_over(s);
			continue; /* there is something to send again, also at the end */
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
