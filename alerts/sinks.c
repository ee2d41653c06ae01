/* SPDX-License-Identifier: Apache-2.0 */
/* All sinks of a run: opens them, starts and ends their threads, says how they are. */
#include "alerts/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/render.h"
#include "alerts/sinks_parts.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/thread.h"

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
	s->texts.max = SINK_TEXTS_BYTES;
	s->lines = calloc(SINK_LINES_MAX, sizeof(*s->lines));
	int r = s->lines ? 0 : -ENOMEM;
	if (!r && s->format != FORMAT_NATIVE)
		r = buf_reserve(&s->texts, SINK_TEXTS_BYTES);
	if (!r && s->type->gathers)
		r = buf_reserve(&s->held, (size_t)options->batch_bytes + 2 * LINE_MAX_BYTES);
	if (!r)
		r = s->type->open(options, all->io, &s->self, diag);
	if (!r) {
		sink_load_cursor(all, s, diag);
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

/* Lines that are durable and not below a place of a sink: at least one for each record, whose lines are perhaps not counted yet. */
static uint64_t lines_behind(const struct wal_stats *stats, uint64_t record, uint64_t lines)
{
	uint64_t records = stats->durable - MIN(record, stats->durable), behind = stats->lines - lines;
	return records == 0 || behind > INT64_MAX ? records : MAX(records, behind);
}

int sinks_start(struct sinks *all)
{
	int r = 0;
	for (size_t i = 0; i < all->n && !r; i++) {
		pthread_mutex_lock(&all->lock); /* so that it is counted before it can end */
		r = thread_start(&all->sink[i].thread, sink_run, &all->sink[i]);
		all->sink[i].has_thread = r == 0;
		all->running += r == 0;
		pthread_mutex_unlock(&all->lock);
	}
	return r;
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
		sinks_wait_until(all, all->end_ns);
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
			left += lines_behind(&stats, s->kept, s->lines_kept);
	}
	wal_end_trimming(all->wal); /* a reader that is gone holds no segment */
	for (size_t i = 0; i < all->n; i++) {
		struct sink *s = &all->sink[i];
		if (s->has_thread && sink_untold(s) != s->kept_untold)
			IGNORE(sink_write_cursor(s, s->kept)); /* for the next start to tell; the status had it */
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
	if (s->is_unsettled && ret->state == SINK_GOOD) /* it takes lines, and they are not known to stay */
		ret->state = SINK_RETRYING;
	ret->lag_records = lines_behind(&stats, s->sent, s->lines_sent);
	ret->lag_ns = ret->lag_records && s->waits_since_ns && now_ns > s->waits_since_ns ? now_ns - s->waits_since_ns : 0;
	pthread_mutex_unlock(&all->lock);
}

const char *sink_state_text(enum sink_state state)
{
	static const char *const texts[] = { [SINK_GOOD] = "good", [SINK_RETRYING] = "retrying", [SINK_REFUSING] = "refusing", [SINK_BROKEN] = "broken",
					      [SINK_DISABLED] = "disabled" };
	return texts[state];
}

bool sinks_take_loss(struct sinks *all, const char **ret_name, uint64_t *ret_count)
{
	bool has = false;
	for (size_t i = 0; i < all->n && !has; i++) {
		struct sink *s = &all->sink[i];
		(void)sink_untold(s); /* what is durable is not on its way any more */
		pthread_mutex_lock(&all->lock);
		has = s->untold > 0 && s->telling == 0;
		if (has) {
			*ret_name = s->options->name;
			*ret_count = s->telling = s->untold;
			s->untold = 0;
		}
		pthread_mutex_unlock(&all->lock);
	}
	return has;
}

void sinks_give_back_loss(struct sinks *all, const char *name, uint64_t count)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++) {
		struct sink *s = &all->sink[i];
		if (strcmp(s->options->name, name) != 0)
			continue;
		s->untold += count;
		s->telling -= MIN(count, s->telling);
	}
	pthread_mutex_unlock(&all->lock);
}

void sinks_told(struct sinks *all, uint64_t next)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++)
		if (all->sink[i].telling && !all->sink[i].told_below)
			all->sink[i].told_below = next;
	pthread_mutex_unlock(&all->lock);
}
