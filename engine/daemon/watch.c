/* SPDX-License-Identifier: Apache-2.0 */
/* Building, running and ending a watch. */
#include "engine/daemon/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/daemon/ancestry.h"
#include "engine/daemon/change.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/environment.h"
#include "engine/daemon/hooks.h"
#include "engine/daemon/log.h"
#include "engine/daemon/own_files.h"
#include "engine/daemon/protect.h"
#include "engine/daemon/status.h"
#include "engine/daemon/takeover.h"
#include "engine/probe/blind.h"

enum {
	BULK_ROUND = 4096,       /* records of the bulk ring between two looks at the clock and the signals */
	IDLE_WAIT_MS = 200,      /* longest sleep: timers are no finer */
	BUSY_WAIT_MS = 5,        /* while something waits to be signed */
};
#define TICK_NS 1000000000ull

struct watch {
	struct watch_options options; /* its strings are borrowed from the caller */
	struct policy *policy; /* in force */
	struct sensor *sensor;
	struct enrich *enrich;
	struct outcome_table *outcomes;
	struct identity identity;
	struct stream *stream;
	struct tape_writer *tape;
	struct pipeline *pipeline;
	struct policies *policies; /* NULL: none can be applied under way */
	struct own_files own_files;
	struct change *change; /* NULL: the rules stay */
	struct protect *protect; /* NULL: not protected */
	struct protect_asker stop; /* who asked for the end; pid 0: nobody */
	int signal_fd;
	uint64_t next_tick, next_heartbeat;
	uint32_t told_generation; /* of the policy for which ancestors were told once more */
	uint64_t expiry_seen_ns; /* wall clock up to which exceptions that expired were told */
	uint64_t told_lost_ring[EVENT_NUMBERS], told_lost_slot[EVENT_NUMBERS];
	uint64_t told_damaged, told_matches, told_state, told_misc[MISC_COUNT], told_missed_runs;
	uint64_t since_ns; /* wall clock of the last look at the losses after which all were told */
	bool is_untold;    /* a loss record found no room at this look */
	struct takeover takeover;
	int keep_error;    /* that was told */
	int status_error;  /* of the last try to write the status file */
};

struct watch_options watch_defaults(void)
{
	static const char *const env_names[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_DEBUG", "LD_BIND_NOW", "GLIBC_TUNABLES",
						 NULL };
	return (struct watch_options){
		.output = "",
		.key_file = "",
		.scope_text = "",
		.cgroup = "",
		.ring_priority_bytes = 4 << 20,
		.ring_bulk_bytes = 8 << 20,
		.max_processes = 32768,
		.process_text_bytes = 8 << 20,
		.queue_bytes = 16 << 20,
		.heartbeat_ns = 10000000000ull,
		.outcome_timeout_ns = OUTCOME_DEFAULT_TIMEOUT_NS,
		.containers = true,
		.docker_root = "",
		.storage_root = "",
		.approve = true,
		.state_bytes = STATE_DEFAULT_MEMORY,
		.state_reorder_ns = STATE_DEFAULT_REORDER_NS,
		.env_names = env_names,
		.config_digest = "",
		.status_file = "",
		.tape_file = "",
		.control = "",
		.policy_folder = "",
	};
}

/* --- building ------------------------------------------------------------------------------------------------------------ */

/* Events that must always come: they carry the process table. */
static const uint64_t lineage_events = 1ull << EVENT_PROC_EXEC | 1ull << EVENT_PROC_FORK | 1ull << EVENT_PROC_EXIT;

/* But data received, of which there is much, and whose bytes are nobody's business unless a rule is about them. */
static uint64_t every_event(void)
{
	return event_types_named() & ~(1ull << EVENT_NET_RECEIVE);
}

/* Whoever wants to see every event, or to ask other rules about them later, needs all of them. */
static bool is_approving(const struct watch_options *o)
{
	return o->approve && !o->log_events && !o->tape_file[0];
}

static struct policy_options policy_options_of(const struct watch *w)
{
	const struct watch_options *o = &w->options;
	return (struct policy_options){
		.rule_paths = o->rule_paths,
		.n_rule_paths = o->n_rule_paths,
		.mode = w->sensor ? sensor_get_caps(w->sensor)->mode : SENSOR_NONE,
		.enforce = o->enforce,
		.approve = is_approving(o),
		.detect_only = o->detect_only,
		.state = { .memory_bytes = o->state_bytes, .reorder_ns = o->state_reorder_ns },
		.essentials = o->ask_essentials ? &w->own_files.host : NULL,
		.policies = w->policies,
		.needs_rules = o->needs_rules,
		.force = o->force,
	};
}

static bool is_reloadable(const struct watch_options *o)
{
	return o->rules_now || o->control[0];
}

static int open_sensor(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	bool is_all = o->log_events || o->tape_all;
	uint64_t events = ruleset_events(w->policy->rules) | (is_all ? every_event() : 0);
	struct environment env;
	environment_fill(&env, o->env_names, w->policy->rules, diag);
	struct sensor_options so = {
		.wanted = o->sensor,
		.enforce = o->enforce,
		.protect = o->protect,
		.approve = is_approving(o),
		.events = events | lineage_events,
		.outcome_events = is_all ? every_event() : ruleset_outcome_events(w->policy->rules),
		.decided_events = o->enforce ? policy_decided_events(w->policy) : 0,
		.ring_priority_bytes = o->ring_priority_bytes,
		.ring_bulk_bytes = o->ring_bulk_bytes,
		.max_processes = o->max_processes,
		.env_names = env.names,
		.reloadable = is_reloadable(o),
	};
	int err = sensor_open(&so, &w->sensor, diag);
	if (err)
		return err;
	struct policy_options po = policy_options_of(w);
	err = policy_bind(w->policy, &po, diag);
	if (!err)
		policy_approve(w->policy, w->sensor, diag);
	if (err || !o->enforce)
		return err;
	return sensor_fill_verdicts(w->sensor, &w->policy->verdicts.tables, w->policy->generation, diag);
}

static int open_enrich(struct watch *w, struct diag *diag)
{
	struct enrich_config ec = {
		.max_processes = w->options.max_processes,
		.max_text_bytes = w->options.process_text_bytes,
		.proc = "/proc",
		.passwd = "/etc/passwd",
		.group = "/etc/group",
		.cgroup_root = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "/sys/fs/cgroup" :
			       access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "",
		.containers = {
			.host = w->options.containers ? "" : NULL,
			.docker = w->options.docker_root,
			.storage = w->options.storage_root,
			.reads_rootless = w->options.rootless,
		},
		.linger_ns = 10000000000ull,
	};
	int err = enrich_new(&ec, &w->enrich, diag);
	if (err)
		return err;
	return outcome_new(OUTCOME_DEFAULT_RECORDS, OUTCOME_DEFAULT_BYTES, w->options.outcome_timeout_ns, &w->outcomes);
}

static int open_tape(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	struct utsname host;
	if (!o->tape_file[0])
		return 0;
	struct tape_info info = { .start_ns = clock_ns(CLOCK_REALTIME) };
	info.wall_offset_ns = (int64_t)(info.start_ns - clock_ns(CLOCK_BOOTTIME));
	const struct {
		char *to;
		const char *text;
	} texts[] = {
		{ info.program, VEDETTE_VERSION },
		{ info.agent_id, w->identity.agent_id },
		{ info.host_id, w->identity.host_id },
		{ info.host_name, w->identity.host_name },
		{ info.boot_id, w->identity.boot_id },
		{ info.kernel, uname(&host) ? "unknown" : host.release },
		{ info.sensor, symbol_text(KIND_SENSOR, sensor_get_caps(w->sensor)->mode) },
		{ info.scope, o->scope_text },
		{ info.policy_digest, o->enforce ? ruleset_digest(w->policy->rules) : "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		(void)snprintf(texts[i].to, sizeof(tape_text), "%s", texts[i].text); /* a long scope is cut */
	return tape_writer_open(o->tape_file, o->tape_replace, &info, &w->tape, diag);
}

static int open_log(struct watch *w, struct diag *diag)
{
	if (!w->options.output[0])
		return 0;
	struct log_options lo = { .file = w->options.output, .key_file = w->options.key_file, .queue_bytes = w->options.queue_bytes };
	return log_open(&lo, &w->identity, &w->stream, diag);
}

/* Without a configuration to read again: the paths of the beginning. */
static int rules_of_start(void *context, struct rule_paths *ret, struct diag *diag)
{
	const struct watch_options *o = context;
	int err = 0;
	(void)diag;
	for (size_t i = 0; !err && i < o->n_rule_paths; i++)
		err = rule_paths_add(ret, o->rule_paths[i]);
	return err;
}

static struct status_of status_of(const struct watch *w)
{
	struct status_of of = { w->sensor, w->policy, watch_stats(w), w->enrich, watch_totals(w), w->stream, { 0 }, { 0 } };
	if (w->change)
		change_get_status(w->change, &of.change);
	protect_get_state(w->protect, &of.protection);
	return of;
}

static void add_status(const void *watch, struct buf *out)
{
	const struct watch *w = watch;
	struct status_of of = status_of(w);
	status_json(&of, out);
}

static void on_change(void *watch)
{
	struct watch *w = watch;
	if (w->protect)
		protect_refresh(w->protect);
}

static int switch_off(struct watch *w, const struct control_request *q, const struct protect_asker *who, struct diag *diag)
{
	struct json_want want = { .path = "seconds" };
	const char *error;
	size_t at;
	uint64_t seconds = 0;
	if (json_read_members(q->line, &want, 1, &error, &at) || want.token != JSON_NUMBER || num_parse_u64(want.raw, PROTECT_OFF_MAX_S, &seconds) || !seconds) {
		diag_error(diag, (struct place){ 0 }, "the protection can be off for 1 second to %d hours", PROTECT_OFF_MAX_S / 3600);
		return -EINVAL;
	}
	protect_off(w->protect, who, clock_ns(CLOCK_BOOTTIME) + seconds * 1000000000);
	return 0;
}

static int on_command(void *watch, const struct control_request *q, struct diag *diag)
{
	struct watch *w = watch;
	const struct protect_asker who = { .pid = q->peer.pid, .uid = q->peer.uid, .login_uid = q->peer.login_uid };
	bool is_off = sv_is(q->command, "protect-off"), is_on = sv_is(q->command, "protect-on");
	if (sv_is(q->command, "stop")) {
		protect_note(w->pipeline, TAMPER_STOP, 0, &who);
		w->stop = who;
		return 0;
	}
	if (!is_off && !is_on)
		return -ENOENT;
	if (!w->protect) {
		diag_error(diag, (struct place){ 0 }, "this daemon is not protected (it is with `enforce: true` and `protect: true`)");
		return -EOPNOTSUPP;
	}
	if (is_off)
		return switch_off(w, q, &who, diag);
	protect_on(w->protect, &who);
	return 0;
}

static int open_change(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	if (!is_reloadable(o))
		return 0;
	bool is_all = o->log_events || o->tape_all;
	struct change_config cc = {
		.request = {
			.policy = policy_options_of(w),
			.paths = o->rules_now ? o->rules_now : rules_of_start,
			.paths_context = o->rules_now ? o->rules_context : &w->options,
			.more_events = is_all ? every_event() : lineage_events,
			.more_outcomes = is_all ? every_event() : 0,
			.sensor = w->sensor,
			.env_names = o->env_names,
		},
		.control = o->control,
		.policies = w->policies,
		.breaker = o->policy_breaker,
		.policy = &w->policy,
		.enrich = w->enrich,
		.pipeline = w->pipeline,
		.stream = w->stream,
		.add_status = add_status,
		.status_context = w,
		.command = on_command,
		.changed = on_change,
		.command_context = w,
	};
	return change_new(&cc, &w->change, diag);
}

/* All that we read at the next start or reload, and what we write. */
static int open_protect(struct watch *w, struct diag *diag)
{
	const struct watch_options *o = &w->options;
	CLEANUP(buf_done) struct buf key = { 0 };
	CLEANUP(buf_done) struct buf line = { 0 };
	if (!o->protect)
		return 0;
	if (fd_read_file("/proc/cmdline", 65536, &line) == 0 && protect_is_off_by_boot(buf_sv(&line))) {
		diag_warn(diag, (struct place){ 0 }, "Vedette is not protected: the kernel was started with vedette.protect=0");
		protect_note(w->pipeline, TAMPER_PROTECTION_OFF, 0, NULL);
		return 0;
	}
	buf_add_z(&key, o->key_file[0] ? o->key_file : o->output);
	buf_add_z(&key, o->key_file[0] ? "" : ".pub");
	if (buf_error(&key))
		return -ENOMEM;
	struct protect_config pc = {
		.sensor = w->sensor,
		.pipeline = w->pipeline,
		.files = { o->output, o->output[0] ? buf_cstr(&key) : "", o->control, o->config_file, o->policy_folder },
		.more_files = o->protect_paths,
		.n_more = o->n_protect_paths,
		.rules = o->rules_now ? o->rules_now : rules_of_start,
		.rules_context = o->rules_now ? o->rules_context : &w->options,
	};
	return protect_new(&pc, &w->protect, diag);
}

static int say_open(struct watch *w)
{
	if (!w->stream)
		return 0;
	struct hook_lists hooks;
	hooks_list(w->sensor, &hooks);
	struct open_info info = {
		.at = instant_now(),
		.policy_digest = ruleset_digest(w->policy->rules),
		.policy_rules = ruleset_rules(w->policy->rules),
		.config_digest = w->options.config_digest,
		.sensor = symbol_text(KIND_SENSOR, sensor_get_caps(w->sensor)->mode),
		.scope = w->options.scope_text,
		.hooks_attached = hooks.attached,
		.hooks_missing = hooks.missing,
	};
	int err = stream_open_record(w->stream, &info);
	return err ? err : stream_flush(w->stream, info.at);
}

static void warn_of_limits(const struct watch *w, struct diag *diag)
{
	const struct sensor_caps *caps = sensor_get_caps(w->sensor);
	if (caps->lsm_refused[0])
		diag_warn(diag, (struct place){ 0 }, "tracepoint mode: it detects, it cannot block (lsm mode: %s)", caps->lsm_refused);
	hooks_warn(w->sensor, diag);
	if (w->stream && stream_kept_as(w->stream)[0])
		diag_warn(diag, (struct place){ 0 }, "the earlier log %s is now %s", w->options.output, stream_kept_as(w->stream));
	if (w->stream && !stream_key_is_locked(w->stream))
		diag_warn(diag, (struct place){ 0 }, "the signing key cannot be locked in memory (RLIMIT_MEMLOCK): it could be swapped out");
	if (strcmp(caps->preemption, "full") == 0 && w->options.enforce)
		diag_warn(diag, (struct place){ 0 }, "this kernel preempts fully; missed program runs are watched");
}

/* Those of the options, and the policies that were applied to an earlier watch. */
static int load_rules(struct watch *w, struct diag *diag)
{
	CLEANUP(rule_paths_done) struct rule_paths paths = { 0 };
	struct policy_options po = policy_options_of(w);
	int err = w->options.policy_folder[0] ? policies_open(w->options.policy_folder, &w->policies, diag) : 0;
	for (size_t i = 0; !err && i < po.n_rule_paths; i++)
		err = rule_paths_add(&paths, po.rule_paths[i]);
	if (!err && w->policies)
		err = policies_add_paths(w->policies, NULL, &paths);
	if (err)
		return err;
	po.rule_paths = (const char *const *)paths.items;
	po.n_rule_paths = paths.n;
	return policy_load(&po, &w->policy, diag);
}

int watch_open(const struct watch_options *options, struct watch **ret, struct diag *diag)
{
	CLEANUP(watch_close) struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->signal_fd = -1;
	w->since_ns = w->expiry_seen_ns = clock_ns(CLOCK_REALTIME);
	int err = options->ask_essentials ? own_files_fill(&w->own_files, options) : 0;
	if (!err)
		err = load_rules(w, diag);
	if (!err && options->takes_over)
		err = takeover_open(&w->takeover, diag);
	if (!err)
		takeover_number(&w->takeover, w->policy);
	if (!err && options->status_file[0])
		err = status_check(options->status_file, diag);
	if (!err)
		err = open_sensor(w, diag);
	if (!err)
		err = open_enrich(w, diag);
	if (!err && options->cgroup[0])
		err = sensor_scope_cgroup(w->sensor, options->cgroup, diag);
	bool is_told = options->output[0] || options->tape_file[0]; /* else only rules may ask for the host's name */
	if (!err)
		err = identity_gather(&w->identity, is_told ? diag : NULL);
	if (!err)
		err = open_tape(w, diag);
	if (!err) /* last: a start that fails must not leave a log that looks like a killed one */
		err = open_log(w, diag);
	if (err)
		return err;
	struct pipeline_config pc = {
		.policy = w->policy,
		.enrich = w->enrich,
		.outcomes = w->outcomes,
		.host_name = sv_from(w->identity.host_name),
		.stream = w->stream,
		.tape = w->tape,
		.log_events = options->log_events,
		.is_enforcing = options->enforce,
		.terminal_fd = options->terminal ? STDERR_FILENO : -1,
		.terminal_colour = options->terminal && isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
		.terminal_events = options->log_events && !options->output[0],
	};
	err = pipeline_new(&pc, &w->pipeline);
	if (err)
		return err;
	sensor_on_record(w->sensor, pipeline_record, w->pipeline);
	err = open_change(w, diag);
	if (err)
		return err;
	if (w->policies)
		policies_sweep(w->policies, diag); /* the control socket is ours: no other daemon tries them now */
	err = say_open(w);
	if (err) {
		diag_error(diag, (struct place){ .file = sink_file_name(options->output) }, "cannot be written: %s", strerror(-err));
		return err;
	}
	err = open_protect(w, diag);
	if (err)
		return err;
	warn_of_limits(w, diag);
	*ret = TAKE(w);
	return 0;
}

void watch_close(struct watch **watch)
{
	struct watch *w = *watch;
	if (!w)
		return;
	change_free(&w->change); /* its thread uses the sensor */
	protect_free(&w->protect);
	sensor_close(&w->sensor);
	pipeline_free(&w->pipeline);
	tape_writer_free(&w->tape);
	(void)stream_free(&w->stream); /* watch_finish has told what could not be written */
	outcome_free(&w->outcomes);
	enrich_free(&w->enrich);
	policy_free(&w->policy);
	policies_free(&w->policies);
	own_files_done(&w->own_files);
	takeover_done(&w->takeover);
	fd_close(&w->signal_fd);
	free(w);
	*watch = NULL;
}

struct sensor *watch_sensor(struct watch *w)
{
	return w->sensor;
}

const struct pipeline_stats *watch_stats(const struct watch *w)
{
	return pipeline_get_stats(w->pipeline);
}

const struct ruleset *watch_rules(const struct watch *w)
{
	return w->policy->rules;
}

/* For whoever takes over from us: as it is now, so that it knows what is new then. */
static void note(struct watch *w, bool is_stopped)
{
	struct totals t = watch_totals(w);
	struct sensor_note n = {
		.generation = w->policy->generation,
		.alive_ns = clock_ns(CLOCK_REALTIME),
		.pid = (uint64_t)getpid(),
		.delivered = t.delivered - w->takeover.read.records,
		.is_stopped = is_stopped,
	};
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++)
		n.lost += w->told_lost_ring[event] + w->told_lost_slot[event];
	snprintf(n.digest, sizeof(n.digest), "%s", ruleset_digest(w->policy->rules));
	int err = sensor_note(w->sensor, &n);
	err = err ? err : sensor_keep_error(w->sensor);
	if (err && err != w->keep_error)
		fprintf(stderr, "vedette: not all that is in force can be kept when this daemon ends: %s\n", strerror(-err));
	w->keep_error = err;
}

/* Our own verdicts are in force: from here on they outlive us, if they are to, and those of a daemon of before can go. */
static int take_over(struct watch *w, struct diag *diag)
{
	int err = w->options.keep ? sensor_keep(w->sensor, diag) : 0;
	if (err)
		return err;
	if (w->options.keep)
		note(w, false);
	if (w->options.keep && w->protect)
		protect_refresh(w->protect); /* the pins as well */
	err = takeover_undo(&w->takeover, diag);
	if (err)
		return err;
	takeover_read(&w->takeover, w->pipeline, w->stream);
	if (!w->options.keep)
		left_unmount();
	return 0;
}

int watch_seed(struct watch *w, uint32_t root_pid, struct diag *diag)
{
	takeover_quiet(&w->takeover); /* we see all that happens from now on */
	int err = enrich_seed(w->enrich, root_pid, diag);
	if (!err && w->options.enforce)
		err = ancestry_tell(w->sensor, w->enrich, &w->policy->verdicts.tables, diag);
	if (!err && w->options.enforce)
		err = sensor_put_verdicts(w->sensor);
	if (!err && w->options.takes_over)
		err = take_over(w, diag);
	return err;
}

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
	static const char *const misc_names[MISC_COUNT] = {
		[MISC_TASKS_FULL] = "processes", [MISC_CALLS_FULL] = "outcomes", [MISC_UNREADABLE_FD] = "descriptors",
		[MISC_LABELS_FULL] = "labels", [MISC_ANCESTORS_FULL] = "ancestor-sets", [MISC_ASKS_FULL] = "decisions",
	};
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
		if (misc_names[i] && sensor_get_misc(w->sensor, (enum misc_counter)i, &n) == 0)
			tell_loss(w, misc_names[i], "", n, &w->told_misc[i]);
	}
	tell_loss(w, "skipped-programs", "", sensor_missed_runs(w->sensor), &w->told_missed_runs);
	if (!w->is_untold)
		w->since_ns = now_ns;
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

/* One line that is written over each second. */
static void show_progress(const struct watch *w)
{
	struct tape_writer_stats tape = { 0 };
	if (w->tape)
		tape_writer_get_stats(w->tape, &tape);
	fprintf(stderr, "\rvedette: %llu events, %llu KiB, %llu lost ", (unsigned long long)tape.events, (unsigned long long)tape.bytes >> 10,
		(unsigned long long)(watch_totals(w).lost + tape.dropped));
}

/*
 * Those who were born while the others were told of, as children of processes whose ancestors were not known yet: once more when their records
 * have come. Only what is not known already is taken over.
 */
static void tell_ancestors(struct watch *w)
{
	if (!w->options.enforce || w->told_generation == w->policy->generation)
		return;
	w->told_generation = w->policy->generation;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ancestry_tell(w->sensor, w->enrich, &w->policy->verdicts.tables, &diag))
		problems_print(stderr, &diag);
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
	tell_expired(w);
	tell_ancestors(w);
	if (w->options.keep)
		note(w, false);
	if (boot_ns >= w->next_heartbeat) {
		if (w->next_heartbeat)
			heartbeat(w);
		w->next_heartbeat = boot_ns + w->options.heartbeat_ns;
	}
	if (w->options.status_file[0])
		write_status(w);
	if (w->tape)
		tape_writer_flush(w->tape, watch_totals(w).lost);
	if (w->options.progress)
		show_progress(w);
}

int watch_write_status(const struct watch *w)
{
	struct status_of of = status_of(w);
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
	struct epoll_event e = { .events = EPOLLIN };
	int more[] = { w->change ? change_reload_fd(w->change) : -1, w->change ? change_control_fd(w->change) : -1 };
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		if (more[i] >= 0 && epoll_ctl(sensor_poll_fd(w->sensor), EPOLL_CTL_ADD, more[i], &e)) {
			diag_error(diag, (struct place){ 0 }, "reloads cannot be waited for: %s", strerror(errno));
			return -errno;
		}
	}
	if (w->signal_fd < 0 || epoll_ctl(sensor_poll_fd(w->sensor), EPOLL_CTL_ADD, w->signal_fd, &e)) {
		diag_error(diag, (struct place){ 0 }, "signals cannot be waited for: %s", strerror(errno));
		return -errno;
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

/* Records that wait to be signed must not wait for longer than STREAM_WAIT_NS. */
static int wait_ms(const struct watch *w)
{
	return w->stream && stream_is_due(w->stream, UINT64_MAX) ? BUSY_WAIT_MS : IDLE_WAIT_MS;
}

int watch_loop(struct watch *w, pid_t child, struct watch_end *ret, struct diag *diag)
{
	*ret = (struct watch_end){ 0 };
	int err = open_signals(w, diag);
	bool was_failing = false;
	uint64_t began_ns = clock_ns(CLOCK_BOOTTIME);
	while (!err) {
		int n = sensor_consume(w->sensor, BULK_ROUND);
		if (n < 0) {
			diag_error(diag, (struct place){ 0 }, "the rings cannot be read: %s", strerror(-n));
			return n;
		}
		uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME);
		if (n == 0) /* nothing older waits in the rings */
			pipeline_advance(w->pipeline, boot_ns);
		tick(w, boot_ns);
		if (w->options.duration_ns && boot_ns - began_ns >= w->options.duration_ns) {
			ret->is_time_up = true;
			break;
		}
		int write_error = flush_if_due(w, boot_ns);
		if (write_error && !was_failing)
			fprintf(stderr, "vedette: %s: %s; records wait in memory and are tried again\n", sink_file_name(w->options.output), strerror(-write_error));
		was_failing = write_error != 0 || (was_failing && w->stream && !stream_is_due(w->stream, boot_ns));
		if (take_signals(w, child, ret))
			break;
		if (w->change)
			change_step(w->change);
		if (w->stop.pid) {
			ret->is_asked = true;
			ret->pid = w->stop.pid;
			ret->uid = w->stop.uid;
			break;
		}
		if (n > 0)
			continue;
		struct epoll_event e[4];
		if (epoll_wait(sensor_poll_fd(w->sensor), e, ARRAY_SIZE(e), wait_ms(w)) < 0 && errno != EINTR) {
			err = -errno;
			diag_error(diag, (struct place){ 0 }, "the rings cannot be waited for: %s", strerror(-err));
		}
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
	while ((n = sensor_consume(w->sensor, BULK_ROUND)) > 0)
		IGNORE(flush_if_due(w, clock_ns(CLOCK_BOOTTIME))); /* the last flush below reports */
	pipeline_finish(w->pipeline);
	tell_losses(w);
	if (w->options.keep)
		note(w, true);
	int tape_error = finish_tape(w, diag);
	n = tape_error ? tape_error : n;
	if (!w->stream)
		return n;
	struct close_info info = { .at = instant_now(), .reason = reason, .totals = watch_totals(w) };
	if (w->options.keep) /* what is refused from now on is the next daemon's to tell */
		info.totals.produced = MIN(info.totals.produced, info.totals.delivered + info.totals.lost);
	int err = stream_close_record(w->stream, &info);
	struct stream_stats stats;
	stream_get_stats(w->stream, &stats);
	if (err || stats.queued_bytes) {
		diag_error(diag, (struct place){ .file = sink_file_name(w->options.output) }, "%s: %llu bytes of the log could not be written, the log has no end record",
			   strerror(err ? -err : stats.error), (unsigned long long)stats.queued_bytes);
		return err ? err : -EIO;
	}
	return n;
}
