/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of all sinks: from the write-ahead log to a kind's send, with filter, order, retries and cursor. */
#include "alerts/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

enum {
	LINES_MAX = 1024,      /* given to a kind at once */
	BROKEN_AFTER = 5,      /* failures on end */
	WAIT_MS = 200,
	CURSOR_NAME = SINK_NAME_MAX + 16,
	CURSOR_MAX = 128,      /* bytes of a cursor file */
	TEXTS_BYTES = 1024 * 1024, /* of lines in another format, given to a kind at once */
};
#define DISABLED_NS 3600000000000ull /* it is looked again, and waited further */
#define CURSOR_NS 200000000ull /* shortest time between two writes of a cursor */
static const char cursor_head[] = "vedette-cursor/v2 "; /* then the log's id, the record, and refused lines that no record tells yet */

struct sink {
	struct sinks *all;          /* borrowed */
	const struct sink_options *options;
	const struct sink_type *type;
	void *self;                 /* the kind's own */
	struct wal_reader *reader;
	pthread_t thread;
	bool has_thread;
	/* --- the thread's --- */
	uint64_t next;              /* record that follows what it has */
	uint64_t kept;              /* what the cursor file says */
	uint64_t kept_untold;
	uint64_t mark, mark_ns;     /* what `next` was then: done when the connection outlives it */
	uint64_t kept_at_ns;
	unsigned tries;             /* failures on end */
	bool rewinds;               /* to what the cursor says */
	enum format format;         /* native: the lines are given as they stand in the log */
	struct buf converted;       /* the line at hand */
	struct buf texts;           /* the lines that are collected; TEXTS_BYTES from the start, so it never moves */
	struct sink_line *lines;    /* room for LINES_MAX; owned */
	struct buf held;            /* of kinds that gather: texts of lines[0..n_held) */
	size_t n_held;
	uint64_t held_first, held_ns; /* record of the first of them, and when it came */
	uint64_t held_wall_ns;      /* when that was written */
	/* --- under all->lock --- */
	bool reopens;
	struct sink_status status;
	uint64_t sent, waits_since_ns; /* see note_place; wall clock, 0: not known */
	uint64_t untold;
};

struct sinks {
	struct wal *wal;            /* borrowed */
	const struct wal_io *io;    /* the log's */
	int folder;
	pthread_mutex_t lock;
	pthread_cond_t end;         /* or something else that sinks which wait should look at; or one of them has ended */
	size_t running;             /* threads */
	bool is_ending;
	uint64_t end_ns;            /* monotonic: threads that still have something to send give up then */
	struct sink sink[SINKS_MAX];
	size_t n;
};

/* --- cursors --------------------------------------------------------------------------------------------------------------------------- */

static void cursor_name(const struct sink *s, char ret[static CURSOR_NAME])
{
	(void)snprintf(ret, CURSOR_NAME, "%s.cursor", s->options->name); /* fits: names are short */
}

/* "ID RECORD REFUSED", one blank each. -ESTALE: of another log. */
static int parse_cursor(struct strview text, const struct wal *wal, uint64_t *ret_number, uint64_t *ret_untold)
{
	struct strview id = sv_from(wal_get_id(wal));
	if (text.n <= id.n + 1 || text.p[id.n] != ' ')
		return -EBADMSG;
	if (!sv_starts(text, id))
		return -ESTALE;
	text = sv_from_index(text, id.n + 1);
	const char *blank = memchr(text.p, ' ', text.n);
	if (!blank)
		return -EBADMSG;
	struct strview number = { text.p, (size_t)(blank - text.p) };
	int r = num_parse_u64(number, WAL_NUMBER_MAX, ret_number);
	return r ? r : num_parse_u64(sv_from_index(text, number.n + 1), WAL_NUMBER_MAX, ret_untold);
}

static int read_cursor(const struct sinks *all, const char *name, uint64_t *ret_number, uint64_t *ret_untold)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(fd_close) int fd = openat(all->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 ? -errno : fd_read_all(fd, CURSOR_MAX, &text);
	struct strview rest = buf_sv(&text);
	const size_t head = sizeof(cursor_head) - 1;
	if (r)
		return r;
	if (!sv_starts(rest, SV(cursor_head)) || !sv_ends(rest, SV("\n")) || rest.n <= head + 1)
		return -EBADMSG;
	return parse_cursor((struct strview){ rest.p + head, rest.n - head - 1 }, all->wal, ret_number, ret_untold);
}

/* One that cannot be read, or is of another log, begins anew, from the oldest record: twice is better than never. */
static void load_cursor(const struct sinks *all, struct sink *s, struct diag *diag)
{
	char name[CURSOR_NAME];
	uint64_t number = 0, untold = 0;
	struct wal_stats stats;
	cursor_name(s, name);
	wal_get_stats(all->wal, &stats);
	int r = read_cursor(all, name, &number, &untold);
	if (!r && number > stats.durable)
		r = -ESTALE; /* the log's end was taken away */
	if (r && r != -ENOENT)
		diag_warn(diag, (struct place){ .file = name }, "the cursor of sink '%s' cannot be used (%s): it gets all that is kept once more", s->options->name,
			  r == -ESTALE ? "it is of another log" : strerror(-r));
	s->next = s->kept = r ? 0 : number;
	s->untold = s->kept_untold = r ? 0 : untold;
}

static int write_cursor(struct sink *s, uint64_t number)
{
	char name[CURSOR_NAME], text[CURSOR_MAX];
	pthread_mutex_lock(&s->all->lock);
	uint64_t untold = s->untold;
	pthread_mutex_unlock(&s->all->lock);
	cursor_name(s, name);
	int n = snprintf(text, sizeof(text), "%s%s %llu %llu\n", /* fits: 94 bytes at most */
			 cursor_head, wal_get_id(s->all->wal), (unsigned long long)number, (unsigned long long)untold);
	int r = wal_io_replace(s->all->io, s->all->folder, name, (struct strview){ text, (size_t)n });
	if (!r)
		s->kept_untold = untold;
	return r;
}

/* Records below have been sent. */
static uint64_t sent_up_to(const struct sink *s)
{
	return s->n_held ? s->held_first : s->next;
}

/* Up to where records are done, now that what was sent is settled. */
static uint64_t done_up_to(struct sink *s, bool is_ending)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), done = s->kept;
	if (s->type->linger_ns == 0 || is_ending)
		return sent_up_to(s);
	if (s->mark_ns && now_ns - s->mark_ns < s->type->linger_ns)
		return s->kept;
	if (s->mark_ns)
		done = s->mark;
	s->mark = s->next;
	s->mark_ns = now_ns;
	return done;
}

static int keep_cursor(struct sink *s, bool is_ending)
{
	struct sink_fault fault = { .text = "" };
	int r = s->type->settle ? s->type->settle(s->self, &fault) : 0;
	uint64_t done = r ? s->kept : done_up_to(s, is_ending);
	if (!r && done != s->kept) {
		r = write_cursor(s, done);
		if (r)
			sink_fault_set(&fault, "the cursor cannot be kept: %s", strerror(-r));
	}
	s->kept_at_ns = clock_ns(CLOCK_MONOTONIC);
	s->rewinds |= fault.is_window_lost;
	if (!r) {
		s->kept = done;
		wal_reader_release(s->reader, s->kept);
		return 0;
	}
	pthread_mutex_lock(&s->all->lock);
	memcpy(s->status.last_error, fault.text, sizeof(fault.text));
	s->status.last_error_ns = clock_ns(CLOCK_REALTIME);
	s->status.faults++;
	pthread_mutex_unlock(&s->all->lock);
	return r;
}

/* --- sending ------------------------------------------------------------------------------------------------------------------------------ */

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

/* Under the lock: until a monotonic time, or all->end. */
static void wait_until(struct sinks *all, uint64_t until_ns)
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
		wait_until(all, wake_ns);
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
	if (s->texts.n + s->converted.n > TEXTS_BYTES) {
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
	buf_add_sv(&s->held, text); /* has room, see open_sink: what lines point to does not move */
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
		if (n < LINES_MAX && left.n)
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
	s->sent = sent_up_to(s);
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

static void *carry_on(void *context)
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
		if (sent_up_to(s) != s->kept && !s->rewinds && ((is_idle && !s->type->gathers) || is_time || !goes_on))
			IGNORE(keep_cursor(s, is_ending && is_idle)); /* in the status, and tried again */
		if (s->rewinds) {
			rewind_to_cursor(s);
			goes_on = !is_over(s);
		}
		if (is_ending && ((is_idle && (s->next == s->kept || s->type->gathers)) || is_over(s)))
			goes_on = false;
	}
	if (sent_up_to(s) != s->kept)
		IGNORE(keep_cursor(s, true)); /* else the next start sends again what it had */
	pthread_mutex_lock(&s->all->lock);
	s->all->running--;
	pthread_cond_broadcast(&s->all->end);
	pthread_mutex_unlock(&s->all->lock);
	return NULL;
}

/* --- all of them ------------------------------------------------------------------------------------------------------------------------ */

static const struct sink_type *type_of(enum sink_kind kind)
{
	static const struct sink_type *const types[SINK_KINDS] = {
		[SINK_FILE] = &sink_type_file,
		[SINK_STDOUT] = &sink_type_stdout,
		[SINK_SYSLOG] = &sink_type_syslog,
		[SINK_JOURNALD] = &sink_type_journald,
		[SINK_WEBHOOK] = &sink_type_webhook,
		[SINK_OTLP] = &sink_type_otlp,
		[SINK_NATS] = &sink_type_nats,
	};
	return types[kind];
}

static int open_sink(struct sinks *all, const struct sink_options *options, struct diag *diag)
{
	struct sink *s = &all->sink[all->n++];
	*s = (struct sink){ .all = all, .options = options, .type = type_of(options->kind) };
	s->status = (struct sink_status){
		.name = options->name,
		.kind = sink_kind_name(options->kind),
		.delivered = s->type->delivered,
		.is_required = options->required,
	};
	s->format = sink_format(options);
	s->texts.max = TEXTS_BYTES;
	s->lines = calloc(LINES_MAX, sizeof(*s->lines));
	int r = s->lines ? 0 : -ENOMEM;
	if (!r && s->format != FORMAT_NATIVE)
		r = buf_reserve(&s->texts, TEXTS_BYTES);
	if (!r && s->type->gathers)
		r = buf_reserve(&s->held, (size_t)options->batch_bytes);
	if (!r)
		r = s->type->open(options, all->io, &s->self, diag);
	if (!r) {
		load_cursor(all, s, diag);
		s->sent = s->next;
		r = wal_reader_new(all->wal, s->next, options->required, &s->reader);
	}
	return r;
}

static int make_lock(struct sinks *all)
{
	pthread_condattr_t steady;
	int r = pthread_mutex_init(&all->lock, NULL);
	if (r)
		return -r;
	r = pthread_condattr_init(&steady);
	if (!r) {
		(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC); /* of this clock it cannot fail */
		r = pthread_cond_init(&all->end, &steady);
		pthread_condattr_destroy(&steady);
	}
	if (r)
		pthread_mutex_destroy(&all->lock);
	return -r;
}

int sinks_try(const struct sink_options *options, struct diag *diag)
{
	const struct sink_type *type = type_of(options->kind);
	void *self = NULL;
	int r = type->open(options, &wal_io_real, &self, diag);
	if (!r)
		type->close(self);
	return r;
}

int sinks_open(const struct sinks_config *config, const char *folder, struct wal *wal, struct sinks **ret, struct diag *diag)
{
	struct sinks *all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	all->wal = wal;
	all->io = wal_get_io(wal);
	int r = make_lock(all);
	if (r) {
		free(all);
		return r;
	}
	r = mkdir(folder, 0700) && errno != EEXIST ? -errno : 0;
	all->folder = r ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (all->folder < 0) {
		r = r ? r : -errno;
		diag_error(diag, (struct place){ .file = folder }, "the folder of the sinks' cursors cannot be used: %s", strerror(-r));
	}
	for (size_t i = 0; !r && i < config->n; i++)
		r = open_sink(all, &config->sinks[i], diag);
	if (r) {
		(void)sinks_close(&all, 0); /* nothing was sent */
		return r;
	}
	wal_begin_trimming(wal);
	*ret = all;
	return 0;
}

int sinks_start(struct sinks *all)
{
	sigset_t every, before;
	int r = 0;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are for the thread that waits for them */
	for (size_t i = 0; i < all->n && !r; i++) {
		pthread_mutex_lock(&all->lock); /* so that it is counted before it can end */
		r = pthread_create(&all->sink[i].thread, NULL, carry_on, &all->sink[i]);
		all->sink[i].has_thread = r == 0;
		all->running += r == 0;
		pthread_mutex_unlock(&all->lock);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* Lets all threads come to their end, and calls off what still waits for a receiver when the time is over. */
static void end_threads(struct sinks *all, uint64_t drain_ns)
{
	pthread_mutex_lock(&all->lock);
	all->is_ending = true;
	all->end_ns = clock_ns(CLOCK_MONOTONIC) + drain_ns;
	pthread_cond_broadcast(&all->end);
	pthread_mutex_unlock(&all->lock);
	wal_wake(all->wal);
	pthread_mutex_lock(&all->lock);
	while (all->running && clock_ns(CLOCK_MONOTONIC) < all->end_ns)
		wait_until(all, all->end_ns);
	pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; i < all->n; i++)
		if (all->sink[i].has_thread && all->sink[i].type->cancel)
			all->sink[i].type->cancel(all->sink[i].self);
}

uint64_t sinks_close(struct sinks **sinks, uint64_t drain_ns)
{
	struct sinks *all = TAKE(*sinks);
	uint64_t left = 0;
	if (!all)
		return 0;
	end_threads(all, drain_ns);
	for (size_t i = 0; i < all->n; i++) {
		struct sink *s = &all->sink[i];
		struct wal_stats stats;
		if (s->has_thread)
			pthread_join(s->thread, NULL);
		wal_get_stats(all->wal, &stats);
		if (s->options->required && s->has_thread)
			left += stats.durable - MIN(sent_up_to(s), stats.durable);
	}
	wal_end_trimming(all->wal); /* a reader that is gone holds no segment */
	for (size_t i = 0; i < all->n; i++) {
		struct sink *s = &all->sink[i];
		if (s->has_thread && s->untold != s->kept_untold)
			IGNORE(write_cursor(s, s->kept)); /* for the next start to tell; the status had it */
		if (s->self)
			s->type->close(s->self);
		wal_reader_free(&s->reader);
		buf_done(&s->converted);
		buf_done(&s->texts);
		free(s->lines);
		buf_done(&s->held);
	}
	fd_close(&all->folder);
	pthread_cond_destroy(&all->end);
	pthread_mutex_destroy(&all->lock);
	free(all);
	return left;
}

void sinks_reopen(struct sinks *all)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++)
		all->sink[i].reopens = true;
	pthread_cond_broadcast(&all->end); /* one that waits for its next try makes it now */
	pthread_mutex_unlock(&all->lock);
	wal_wake(all->wal);
}

size_t sinks_count(const struct sinks *all)
{
	return all->n;
}

void sinks_get_status(struct sinks *all, size_t i, struct sink_status *ret)
{
	const struct sink *s = &all->sink[i];
	struct wal_stats stats;
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	wal_get_stats(all->wal, &stats);
	pthread_mutex_lock(&all->lock);
	*ret = s->status;
	ret->lag_records = stats.durable > s->sent ? stats.durable - s->sent : 0;
	ret->lag_ns = ret->lag_records && s->waits_since_ns && now_ns > s->waits_since_ns ? now_ns - s->waits_since_ns : 0;
	pthread_mutex_unlock(&all->lock);
}

const char *sink_state_text(enum sink_state state)
{
	static const char *const texts[] = { [SINK_GOOD] = "good", [SINK_RETRYING] = "retrying", [SINK_BROKEN] = "broken",
					      [SINK_DISABLED] = "disabled" };
	return texts[state];
}

bool sinks_take_loss(struct sinks *all, const char **ret_name, uint64_t *ret_count)
{
	bool has = false;
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n && !has; i++) {
		has = all->sink[i].untold > 0;
		if (has) {
			*ret_name = all->sink[i].options->name;
			*ret_count = all->sink[i].untold;
			all->sink[i].untold = 0;
		}
	}
	pthread_mutex_unlock(&all->lock);
	return has;
}

void sinks_give_back_loss(struct sinks *all, const char *name, uint64_t count)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->sink[i].options->name, name) == 0)
			all->sink[i].untold += count;
	pthread_mutex_unlock(&all->lock);
}
