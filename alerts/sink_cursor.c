/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor of a sink: up to where it has delivered, kept in a file, so that the next start goes on from there. */
#include "alerts/sinks_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

enum {
	CURSOR_NAME = SINK_NAME_MAX + 16,
	CURSOR_MAX = 128,      /* bytes of a cursor file */
};
static const char cursor_head[] = "vedette-cursor/v2 "; /* then the log's id, the record, and refused lines that no record tells yet */

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
void sink_load_cursor(const struct sinks *all, struct sink *s, struct diag *diag)
{
	char name[CURSOR_NAME];
	uint64_t number = 0, untold = 0;
	struct wal_stats stats;
	cursor_name(s, name);
	wal_get_stats(all->wal, &stats);
	int r = read_cursor(all, name, &number, &untold);
	if (!r && number > stats.durable)
		r = -ESTALE; /* the log's end was taken away */
	if (r == -ENOENT) { /* a new sink: what is gone of the log already was never to be its own, and is no loss; what goes from now on is */
		s->next = s->kept = stats.oldest;
		r = sink_write_cursor(s, s->next);
		if (r)
			diag_warn(diag, (struct place){ .file = name }, "the cursor of sink '%s' cannot be kept: %s", s->options->name, strerror(-r));
		return;
	}
	if (r)
		diag_warn(diag, (struct place){ .file = name }, "the cursor of sink '%s' cannot be used (%s): it gets all that is kept once more", s->options->name,
			  r == -ESTALE ? "it is of another log" : strerror(-r));
	s->next = s->kept = r ? 0 : number;
	s->untold = s->kept_untold = r ? 0 : untold;
}

uint64_t sink_untold(struct sink *s)
{
	struct wal_stats stats;
	wal_get_stats(s->all->wal, &stats);
	pthread_mutex_lock(&s->all->lock);
	if (s->told_below && stats.durable >= s->told_below)
		s->telling = s->told_below = 0;
	uint64_t untold = s->untold + s->telling;
	pthread_mutex_unlock(&s->all->lock);
	return untold;
}

int sink_write_cursor(struct sink *s, uint64_t number)
{
	char name[CURSOR_NAME], text[CURSOR_MAX];
	uint64_t untold = sink_untold(s);
	cursor_name(s, name);
	int n = snprintf(text, sizeof(text), "%s%s %llu %llu\n", /* fits: 94 bytes at most */
			 cursor_head, wal_get_id(s->all->wal), (unsigned long long)number, (unsigned long long)untold);
	int r = wal_io_replace(s->all->io, s->all->folder, name, (struct strview){ text, (size_t)n });
	if (!r)
		s->kept_untold = untold;
	return r;
}

uint64_t sink_sent_up_to(const struct sink *s)
{
	return s->n_held ? s->held_first : s->next;
}

uint64_t sink_lines_sent(const struct sink *s)
{
	return s->n_held ? s->lines_held : s->lines_next;
}

/* Up to where records are done, now that what was sent is settled; *ret_lines is as lines_kept. */
static uint64_t done_up_to(struct sink *s, bool is_ending, uint64_t *ret_lines)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), done = s->kept;
	*ret_lines = s->lines_kept;
	if (s->type->linger_ns == 0 || is_ending) {
		*ret_lines = sink_lines_sent(s);
		return sink_sent_up_to(s);
	}
	if (s->mark_ns && now_ns - s->mark_ns < s->type->linger_ns)
		return s->kept;
	if (s->mark_ns) {
		done = s->mark;
		*ret_lines = s->lines_mark;
	}
	s->mark = s->next;
	s->lines_mark = s->lines_next;
	s->mark_ns = now_ns;
	return done;
}

int sink_keep_cursor(struct sink *s, bool is_ending)
{
	struct sink_fault fault = { .text = "" };
	int r = s->type->settle ? s->type->settle(s->self, &fault) : 0;
	uint64_t lines = s->lines_kept, done = r ? s->kept : done_up_to(s, is_ending, &lines);
	if (!r && done != s->kept) {
		r = sink_write_cursor(s, done);
		if (r)
			sink_fault_set(&fault, "the cursor cannot be kept: %s", strerror(-r));
	}
	s->kept_at_ns = clock_ns(CLOCK_MONOTONIC);
	s->rewinds |= fault.is_window_lost;
	pthread_mutex_lock(&s->all->lock);
	s->is_unsettled = r != 0;
	pthread_mutex_unlock(&s->all->lock);
	if (!r) {
		s->kept = done;
		s->lines_kept = lines;
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
