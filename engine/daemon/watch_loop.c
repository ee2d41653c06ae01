/* SPDX-License-Identifier: Apache-2.0 */
/* Running a watch: what is told each second, the loop, and the end. */
#include "engine/daemon/watch_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alerts/sink_file.h"
#include "engine/base/clock.h"
#include "engine/daemon/ancestry.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/loss_names.h"
#include "engine/daemon/metrics_collect.h"
#include "engine/daemon/whole_file.h"

enum {
	BULK_ROUND = 4096,       /* records of the bulk ring between two looks at the clock and the signals */
	IDLE_WAIT_MS = 200,      /* longest sleep: timers are no finer */
	BUSY_WAIT_MS = 5,        /* while something waits to be signed */
};
#define METRICS_STEP_NS 10000000ull
#define METRICS_EVENTS (EPOLLIN | EPOLLONESHOT)
#define METRICS_MARK UINT64_MAX /* no other descriptor's */
#define TICK_NS 1000000000ull
enum { TELL_TICKS = 5 };
#define LAST_READ_NS 200000000ull
#define SKIPPED_REPEAT_NS 60000000000ull

/* --- accounting ------------------------------------------------------------------------------------------------------------ */

void watch_get_tape(const struct watch *w, struct tape_writer_stats *ret)
{
	tape_writer_get_stats(w->tape, ret);
}

struct totals watch_totals(const struct watch *w)
{
	struct totals t = { 0 };
	const struct pipeline_stats *stats = watch_stats(w);
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		struct event_counters c;
		if (sensor_get_counters(w->sensor, event, -1, &c))
			continue;
		t.produced += c.produced;
		t.filtered += c.filtered;
		t.lost += c.lost_ring + c.lost_slot;
		t.delivered += stats->delivered[event];
	}
	t.delivered += stats->damaged;
	t.lost += w->takeover.read.lost;
	t.produced += w->takeover.read.records + w->takeover.read.lost;
	return t;
}

static void tell_loss(struct watch *w, const char *what, const char *event, uint64_t now, uint64_t *told)
{
	if (now <= *told)
		return;
	struct loss_info info = { .at = instant_now(), .what = what, .event = event, .cpu = -1, .count = now - *told, .since_ns = w->since_ns };
	if (w->stream) {
		if (stream_loss(w->stream, &info)) {
			w->is_untold = true; /* no room: told at the next look */
			return;
		}
	} else {
		fprintf(stderr, "vedette: lost %llu records (%s%s%s)\n", (unsigned long long)info.count, what, event[0] ? " of " : "", event);
	}
	*told = now;
}

static void tell_losses(struct watch *w)
{
	const struct pipeline_stats *stats = watch_stats(w);
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	w->is_untold = false;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		const struct event_type *type = event_type_by_number(event);
		struct event_counters c;
		if (!type || sensor_get_counters(w->sensor, event, -1, &c))
			continue;
		tell_loss(w, "ring", type->name, c.lost_ring, &w->told_lost_ring[event]);
		tell_loss(w, "scratch", type->name, c.lost_slot, &w->told_lost_slot[event]);
	}
	tell_loss(w, "decode", "", stats->damaged, &w->told_damaged);
	tell_loss(w, "matches", "", stats->matches_dropped, &w->told_matches);
	tell_loss(w, "state", "", stats->state.evicted + stats->state.dropped, &w->told_state);
	for (int i = 0; i < MISC_COUNT; i++) {
		uint64_t n;
		const char *name = loss_misc_name((enum misc_counter)i);
		if (name && sensor_get_misc(w->sensor, (enum misc_counter)i, &n) == 0)
			tell_loss(w, name, "", n, &w->told_misc[i]);
	}
	tell_loss(w, "skipped-programs", "", sensor_missed_runs(w->sensor), &w->told_missed_runs);
	if (!w->is_untold)
		w->since_ns = now_ns;
}

/*
 * Runs that the kernel skipped: nothing was seen in them, and by a program that gives verdicts nothing refused. Alerts, protected or not; on a
 * kernel that preempts fully some programs that only observe are skipped now and then, so one a minute is enough.
 */
static void alert_of_skipped_runs(struct watch *w, uint64_t boot_ns)
{
	uint64_t missed = sensor_missed_runs(w->sensor);
	bool is_lsm = sensor_get_caps(w->sensor)->mode == SENSOR_LSM; /* the other mode gives no verdicts: a loss, told as such */
	if (!is_lsm || missed <= w->alerted_runs || boot_ns < w->next_alert_ns)
		return;
	protect_note(w->pipeline, TAMPER_SKIPPED, missed - w->alerted_runs, NULL);
	if (w->protect)
		protect_count_failure(w->protect);
	w->alerted_runs = missed;
	w->next_alert_ns = boot_ns + SKIPPED_REPEAT_NS;
}

/* Exceptions whose last day has ended since the last look. */
static void tell_expired(struct watch *w)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	if (ruleset_expired(w->policy->rules, w->expiry_seen_ns, now_ns, &diag))
		problems_print(stderr, &diag);
	w->expiry_seen_ns = MAX(w->expiry_seen_ns, now_ns);
}

static void heartbeat(struct watch *w)
{
	struct heartbeat_info info = {
		.at = instant_now(),
		.policy_digest = ruleset_digest(w->policy->rules),
		.sensor = symbol_text(KIND_SENSOR, sensor_get_caps(w->sensor)->mode),
		.totals = watch_totals(w),
	};
	struct protect_state state;
	protect_get_state(w->protect, &state);
	info.protection = state.state;
	info.refused = state.refused;
	info.canaries = state.canaries;
	info.failures = state.failures;
	if (w->stream)
		IGNORE(stream_heartbeat(w->stream, &info)); /* no room: its absence and the next one's totals tell */
}

/* Says so when writing begins to fail, not every second. */
static void write_status(struct watch *w)
{
	int err = watch_write_status(w);
	if (err && err != w->status_error)
		fprintf(stderr, "vedette: %s: the status cannot be written: %s\n", w->options.status_file, strerror(-err));
	w->status_error = err;
}

int watch_write_metrics(const struct watch *w)
{
	CLEANUP(buf_done) struct buf text = { .max = METRICS_MAX_BYTES };
	struct status_of of = watch_status_of(w);
	metrics_collect(&of, METRICS_PROMETHEUS, &text);
	return buf_error(&text) ? -ENOMEM : whole_file_write(w->options.metrics_file, buf_sv(&text));
}

static void write_metrics(struct watch *w, uint64_t boot_ns)
{
	if (!w->options.metrics_file[0] || boot_ns < w->next_metrics_file)
		return;
	w->next_metrics_file = boot_ns + w->options.metrics_interval_ns;
	int err = watch_write_metrics(w);
	if (err && err != w->metrics_error)
		fprintf(stderr, "vedette: %s: the metrics cannot be written: %s\n", w->options.metrics_file, strerror(-err));
	w->metrics_error = err;
}

static void make_metrics(const void *watch, enum metrics_format format, struct buf *out)
{
	struct status_of of = watch_status_of(watch);
	metrics_collect(&of, format, out);
}

/*
 * Not at each turn: under load the loop turns often, and asking costs some system calls. Nor at each wake: whoever may connect could keep the loop turning.
 * So a question wakes once, and again only after the next look.
 */
static void serve_metrics(struct watch *w, uint64_t boot_ns)
{
	if (!w->metrics || boot_ns < w->next_metrics_step)
		return;
	w->next_metrics_step = boot_ns + METRICS_STEP_NS;
	w->is_metrics_asked = false;
	metrics_server_step(w->metrics, boot_ns, make_metrics, w);
	struct epoll_event e = { .events = METRICS_EVENTS, .data.u64 = METRICS_MARK };
	IGNORE(epoll_ctl(sensor_poll_fd(w->sensor), EPOLL_CTL_MOD, metrics_server_poll_fd(w->metrics), &e)); /* if this fails, questions wait for the idle wake */
}

static void note_rates(struct watch *w, uint64_t boot_ns)
{
	struct totals t = watch_totals(w);
	rates_add(&w->rates, &(struct rates_note){ .boot_ns = boot_ns, .events = t.delivered, .alerts = watch_stats(w)->alerts, .lost = t.lost });
}

/* Whoever changed something looks at once whether it came true. */
static void show_change(struct watch *w)
{
	struct change_status now;
	change_get_status(w->change, &now);
	if (now.changes != w->shown_changes && w->options.status_file[0])
		write_status(w);
	w->shown_changes = now.changes;
}

/* One line that is written over each second. */
static void show_progress(const struct watch *w)
{
	struct tape_writer_stats tape = { 0 };
	if (w->tape)
		tape_writer_get_stats(w->tape, &tape);
	fprintf(stderr, "\rvedette: %llu events, %llu KiB, %llu lost ", (unsigned long long)tape.events, (unsigned long long)tape.bytes >> 10,
		(unsigned long long)(watch_totals(w).lost + tape.dropped));
}

/* Whose label found no room, or no slot, when they were born or got their image; decisions are counted with the latter. */
static uint64_t count_unlabelled(const struct watch *w)
{
	uint64_t full = 0, slots = 0;
	bool is_known = sensor_get_misc(w->sensor, MISC_LABELS_FULL, &full) == 0 && sensor_get_misc(w->sensor, MISC_ASKS_FULL, &slots) == 0;
	return is_known ? full + slots : 0;
}

/*
 * Those who were born while the others were told of, as children of processes whose ancestors were not known yet, when their records have come; and
 * their children; and those without a label of their creators for another reason. Only what is not known already is taken over.
 */
static void tell_ancestors(struct watch *w)
{
	if (!w->options.enforce)
		return;
	uint64_t unlabelled = count_unlabelled(w);
	uint32_t epoch = w->policy->verdicts.ancestors.epoch;
	if (w->told_generation != w->policy->generation || w->told_epoch != epoch || w->told_unlabelled != unlabelled)
		w->tell_ticks = TELL_TICKS;
	w->told_generation = w->policy->generation;
	w->told_epoch = epoch;
	w->told_unlabelled = unlabelled;
	if (!w->tell_ticks || (w->change && change_is_filling(w->change)))
		return;
	w->tell_ticks--;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ancestry_past past = { .labels = w->takeover.labels, .until_boot_ns = w->takeover.undone_boot_ns };
	if (ancestry_tell(w->sensor, w->enrich, &w->policy->verdicts.tables, &past, &diag) < 0)
		problems_print(stderr, &diag);
	if (!w->tell_ticks)
		takeover_labels_done(&w->takeover);
}

static void look_after_delivery(struct watch *w)
{
	uint64_t files = delivery_files(w->delivery);
	if (w->protect && files != w->marked_files)
		protect_mark_logs(w->protect);
	w->marked_files = files;
	delivery_tell(w->delivery, w->stream, instant_now());
}

static void tick(struct watch *w, uint64_t boot_ns)
{
	if (boot_ns < w->next_tick)
		return;
	w->next_tick = boot_ns + TICK_NS;
	enrich_tick(w->enrich, boot_ns);
	pipeline_expire(w->pipeline, boot_ns);
	if (w->protect)
		protect_tick(w->protect, boot_ns);
	tell_losses(w);
	if (w->delivery)
		look_after_delivery(w);
	alert_of_skipped_runs(w, boot_ns);
	tell_expired(w);
	tell_ancestors(w);
	takeover_tick(&w->takeover, boot_ns);
	if (w->options.keep)
		watch_note(w, false);
	if (boot_ns >= w->next_heartbeat) {
		if (w->next_heartbeat)
			heartbeat(w);
		w->next_heartbeat = boot_ns + w->options.heartbeat_ns;
	}
	note_rates(w, boot_ns);
	if (w->options.status_file[0])
		write_status(w);
	write_metrics(w, boot_ns);
	if (w->tape)
		tape_writer_flush(w->tape, watch_totals(w).lost);
	if (w->options.progress)
		show_progress(w);
}

int watch_write_status(const struct watch *w)
{
	struct status_of of = watch_status_of(w);
	return status_write(w->options.status_file, &of);
}

/* --- the loop -------------------------------------------------------------------------------------------------------------- */

void watch_signals(sigset_t *ret)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };
	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(ret, signals[i]);
}

static int open_signals(struct watch *w, struct diag *diag)
{
	sigset_t set;
	watch_signals(&set);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct epoll_event e = { .events = EPOLLIN }, asked = { .events = METRICS_EVENTS, .data.u64 = METRICS_MARK };
	const struct { int fd; struct epoll_event *event; } more[] = {
		{ w->change ? change_reload_fd(w->change) : -1, &e },
		{ w->change ? change_control_fd(w->change) : -1, &e },
		{ w->metrics ? metrics_server_poll_fd(w->metrics) : -1, &asked },
	};
	int err;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		if (more[i].fd >= 0 && epoll_ctl(sensor_poll_fd(w->sensor), EPOLL_CTL_ADD, more[i].fd, more[i].event)) {
			err = -errno;
			diag_error(diag, (struct place){ 0 }, "reloads and questions cannot be waited for: %s", strerror(-err));
			return err;
		}
	}
	if (w->signal_fd < 0 || epoll_ctl(sensor_poll_fd(w->sensor), EPOLL_CTL_ADD, w->signal_fd, &e)) {
		err = -errno;
		diag_error(diag, (struct place){ 0 }, "signals cannot be waited for: %s", strerror(-err));
		return err;
	}
	return 0;
}

/* True when the loop is over. */
static bool take_signals(struct watch *w, pid_t child, struct watch_end *end)
{
	struct signalfd_siginfo info;
	while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int sig = (int)info.ssi_signo;
		if (sig == SIGCHLD && child && waitpid(child, &end->child_status, WNOHANG) == child)
			return true;
		if (sig == SIGCHLD || ((sig == SIGINT || sig == SIGQUIT) && child))
			continue;
		if (child) {
			kill(child, sig);
			continue;
		}
		if (sig == SIGHUP && w->delivery)
			delivery_reopen(w->delivery);
		if (sig == SIGHUP && w->change)
			change_ask(w->change);
		if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT) {
			end->signal = sig;
			end->pid = info.ssi_pid;
			end->uid = info.ssi_uid;
			return true;
		}
	}
	return false;
}

static int flush_if_due(struct watch *w, uint64_t boot_ns)
{
	if (!w->stream || !stream_is_due(w->stream, boot_ns))
		return 0;
	return stream_flush(w->stream, instant_now());
}

/* Records that wait to be signed must not wait for longer than STREAM_WAIT_NS, nor a question much longer than till the next look. */
static int wait_ms(const struct watch *w)
{
	bool waits = w->is_metrics_asked || (w->stream && stream_is_due(w->stream, UINT64_MAX));
	return waits ? BUSY_WAIT_MS : IDLE_WAIT_MS;
}

static int wait_for_events(struct watch *w, struct diag *diag)
{
	struct epoll_event e[4];
	int n = epoll_wait(sensor_poll_fd(w->sensor), e, ARRAY_SIZE(e), wait_ms(w));
	if (n < 0 && errno != EINTR) {
		n = -errno;
		diag_error(diag, (struct place){ 0 }, "the rings cannot be waited for: %s", strerror(-n));
		return n;
	}
	for (int i = 0; i < n; i++)
		w->is_metrics_asked |= e[i].data.u64 == METRICS_MARK;
	return 0;
}

int watch_loop(struct watch *w, pid_t child, struct watch_end *ret, struct diag *diag)
{
	*ret = (struct watch_end){ 0 };
	int err = open_signals(w, diag);
	bool was_failing = false;
	uint64_t began_ns = clock_ns(CLOCK_BOOTTIME);
	while (!err) {
		enum outlet_state state = w->stream ? stream_state(w->stream) : OUTLET_READY;
		if (state == OUTLET_FAILED) {
			diag_error(diag, (struct place){ .file = w->options.wal_folder }, "evidence cannot be kept (the disk or the log is full, or fails), and `wal.full: fail-closed` says that then nothing goes on");
			return -ENOSPC;
		}
		bool is_blocked = state == OUTLET_BLOCKED;
		int n = is_blocked ? 0 : sensor_consume(w->sensor, BULK_ROUND);
		if (n < 0) {
			diag_error(diag, (struct place){ 0 }, "the rings cannot be read: %s", strerror(-n));
			return n;
		}
		uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME);
		if (n == 0 && !is_blocked) /* nothing older waits in the rings */
			pipeline_advance(w->pipeline, boot_ns);
		tick(w, boot_ns);
		if (w->options.duration_ns && boot_ns - began_ns >= w->options.duration_ns) {
			ret->is_time_up = true;
			break;
		}
		int write_error = flush_if_due(w, boot_ns);
		if (write_error && !was_failing)
			fprintf(stderr, "vedette: %s: %s; records wait in memory and are tried again\n", watch_log_name(&w->options), strerror(-write_error));
		was_failing = write_error != 0 || (was_failing && w->stream && !stream_is_due(w->stream, boot_ns));
		if (take_signals(w, child, ret))
			break;
		if (w->change) {
			change_step(w->change);
			show_change(w);
		}
		serve_metrics(w, boot_ns);
		if (w->stop.pid) {
			ret->is_asked = true;
			ret->pid = w->stop.pid;
			ret->uid = w->stop.uid;
			break;
		}
		if (n > 0)
			continue;
		if (is_blocked) { /* the rings hold events, and would not let us wait */
			(void)poll(NULL, 0, BUSY_WAIT_MS); /* a pause, and no more is asked of it */
			continue;
		}
		err = wait_for_events(w, diag);
	}
	return err;
}

static int finish_tape(struct watch *w, struct diag *diag)
{
	if (!w->tape)
		return 0;
	struct totals t = watch_totals(w);
	struct tape_totals totals = { .end_ns = clock_ns(CLOCK_REALTIME), .all = { t.produced, t.delivered, t.lost } };
	const struct pipeline_stats *stats = watch_stats(w);
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		struct event_counters c;
		if (sensor_get_counters(w->sensor, event, -1, &c) == 0)
			totals.by_event[event] = (struct tape_counts){ c.produced, stats->delivered[event], c.lost_ring + c.lost_slot };
	}
	int err = tape_writer_finish(w->tape, &totals);
	struct tape_writer_stats tape;
	tape_writer_get_stats(w->tape, &tape);
	if (err)
		diag_error(diag, (struct place){ .file = w->options.tape_file }, "%s: %llu events are not on the tape", strerror(-err), (unsigned long long)tape.dropped);
	return err;
}

int watch_finish(struct watch *w, const char *reason, struct diag *diag)
{
	int n;
	if (w->change)
		change_stop(w->change);
	sensor_stop(w->sensor);
	uint64_t until_ns = w->options.keep ? clock_ns(CLOCK_BOOTTIME) + LAST_READ_NS : UINT64_MAX; /* records go on coming, and stay for who follows */
	while ((n = sensor_consume(w->sensor, BULK_ROUND)) > 0 && clock_ns(CLOCK_BOOTTIME) < until_ns)
		IGNORE(flush_if_due(w, clock_ns(CLOCK_BOOTTIME))); /* the last flush below reports */
	alert_of_skipped_runs(w, UINT64_MAX);
	pipeline_finish(w->pipeline);
	tell_losses(w);
	if (w->options.keep)
		watch_note(w, true);
	int tape_error = finish_tape(w, diag);
	n = tape_error ? tape_error : MIN(n, 0);
	if (!w->stream)
		return n;
	if (w->delivery)
		delivery_tell(w->delivery, w->stream, instant_now());
	struct close_info info = { .at = instant_now(), .reason = reason, .totals = watch_totals(w) };
	if (w->options.keep) /* what is refused from now on is the next daemon's to tell */
		info.totals.produced = MIN(info.totals.produced, info.totals.delivered + info.totals.lost);
	int err = stream_close_record(w->stream, &info);
	struct stream_stats stats;
	stream_get_stats(w->stream, &stats);
	uint64_t left = w->delivery ? delivery_finish(w->delivery) : 0;
	if (left)
		fprintf(stderr, "vedette: %llu records of the write-ahead log wait for their sinks until the next start\n", (unsigned long long)left);
	if (err || stats.queued_bytes) {
		diag_error(diag, (struct place){ .file = watch_log_name(&w->options) }, "%s: %llu bytes of the log could not be written, the log has no end record",
			   strerror(err ? -err : stats.error), (unsigned long long)stats.queued_bytes);
		return err ? err : -EIO;
	}
	return n;
}
