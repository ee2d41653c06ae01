/* SPDX-License-Identifier: Apache-2.0 */
/* Building a watch, and taking it down. watch_loop.c runs it. */
#include "engine/daemon/watch_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "alerts/sink_file.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/config/listen.h"
#include "engine/daemon/ancestry.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/environment.h"
#include "engine/daemon/evidence.h"
#include "engine/daemon/hooks.h"
#include "engine/daemon/whole_file.h"
#include "engine/event/decode.h"
#include "engine/probe/blind.h"
#include "engine/probe/caps.h"

struct watch_options watch_defaults(void)
{
	static const char *const env_names[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_DEBUG", "LD_BIND_NOW", "GLIBC_TUNABLES",
						 NULL };
	return (struct watch_options){
		.output = "",
		.key_file = "",
		.wal_folder = "",
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
		.noise = { .floor = SEVERITY_CRITICAL },
		.state_bytes = STATE_DEFAULT_MEMORY,
		.state_reorder_ns = STATE_DEFAULT_REORDER_NS,
		.env_names = env_names,
		.config_digest = "",
		.status_file = "",
		.metrics_listen = "",
		.metrics_file = "",
		.metrics_interval_ns = 10000000000ull,
		.tape_file = "",
		.control = "",
		.policy_folder = "",
		.agent_folder = "",
	};
}

bool watch_writes_output(const struct watch_options *o)
{
	return o->output[0] && !(o->sinks && o->sinks->n);
}

const char *watch_log_name(const struct watch_options *o)
{
	return o->wal_folder[0] ? o->wal_folder : sink_file_name(o->output);
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
		.sinks = o->sinks,
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
	uint64_t events = policy_wanted_events(w->policy, o->enforce) | (is_all ? every_event() : 0);
	struct environment env;
	environment_fill(&env, o->env_names, w->policy->rules, diag);
	struct sensor_options so = {
		.wanted = o->sensor,
		.enforce = o->enforce,
		.hold_back = w->takeover.left != NULL,
		.protect = o->protect,
		.approve = is_approving(o),
		.events = events | lineage_events,
		.outcome_events = is_all ? every_event() : policy_outcome_events(w->policy, o->enforce),
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
	if (!err) {
		policy_fill_approval(w->policy, w->sensor, diag);
		sensor_put_approval(w->sensor);
		policy_hash(w->policy, w->sensor, diag);
	}
	if (err || !o->enforce)
		return err;
	return sensor_fill_verdicts(w->sensor, &w->policy->verdicts.tables, w->policy->generation, NULL, diag);
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

struct status_of watch_status_of(const struct watch *w)
{
	struct status_of of = {
		.sensor = w->sensor,
		.policy = w->policy,
		.stats = watch_stats(w),
		.enrich = w->enrich,
		.totals = watch_totals(w),
		.stream = w->stream,
		.delivery = w->delivery,
		.is_agent_kept = w->agent != NULL,
		.is_enforcing = w->options.enforce,
		.keeps = w->options.keep,
		.start_ns = w->start_ns,
		.rates = w->rates,
		.server = w->metrics,
	};
	if (w->change)
		change_get_status(w->change, &of.change);
	protect_get_state(w->protect, &of.protection);
	return of;
}

static void add_status(const void *watch, struct buf *out)
{
	const struct watch *w = watch;
	struct status_of of = watch_status_of(w);
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

enum { ROLL_WAITS = 40 };

static int ask_roll(struct watch *w, struct diag *diag)
{
	if (!w->stream) {
		diag_error(diag, (struct place){ 0 }, "this daemon writes no log, and signs nothing");
		return -EOPNOTSUPP;
	}
	stream_roll(w->stream);
	const struct instant now = instant_now();
	struct stream_stats before, after;
	stream_get_stats(w->stream, &before);
	int err = stream_flush(w->stream, now);
	stream_get_stats(w->stream, &after);
	for (unsigned i = 0; !err && after.epoch == before.epoch && i < ROLL_WAITS; i++) { /* the next key is on its way to the disk: who asked wants to know */
		const struct timespec nap = { .tv_nsec = STREAM_WAIT_NS };
		nanosleep(&nap, NULL);
		err = stream_flush(w->stream, instant_now());
		stream_get_stats(w->stream, &after);
	}
	if (after.epoch == before.epoch)
		diag_warn(diag, (struct place){ 0 }, "the key will go as soon as the next one is on the disk%s%s", err ? ": " : "", err ? strerror(-err) : "");
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
	if (sv_is(q->command, "keys-roll"))
		return ask_roll(w, diag);
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
	const char *log = watch_writes_output(o) ? o->output : "";
	if (buf_error(&key))
		return -ENOMEM;
	struct protect_config pc = {
		.sensor = w->sensor,
		.pipeline = w->pipeline,
		.files = { log, o->output[0] ? buf_cstr(&key) : "", o->control, o->config_file, o->policy_folder, o->agent_folder, o->wal_folder },
		.more_files = o->protect_paths,
		.n_more = o->n_protect_paths,
		.rules = o->rules_now ? o->rules_now : rules_of_start,
		.rules_context = o->rules_now ? o->rules_context : &w->options,
		.sinks = o->sinks,
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
		.heartbeat_ns = w->options.heartbeat_ns,
		.enforcement = w->options.enforce ? "enforce" : "detect",
		.has_wal = w->delivery != NULL,
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
	evidence_warn(w, diag);
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

/* SENSOR_NONE: cannot be told. */
static int foresee_mode(const struct watch_options *o, enum sensor_mode *ret, struct diag *diag)
{
	*ret = o->sensor;
	if (geteuid() == 0)
		return caps_foresee_mode(o->sensor, o->enforce, ret, diag);
	diag_warn(diag, (struct place){ 0 }, "whether this kernel can do what is asked of it was not tried: that needs root");
	return 0;
}

int watch_check(const struct watch_options *options, size_t *ret_rules, struct diag *diag)
{
	CLEANUP(watch_close) struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->signal_fd = -1;
	int err = options->ask_essentials ? own_files_fill(&w->own_files, options) : 0;
	if (!err)
		err = load_rules(w, diag);
	if (err)
		return err;
	struct policy_options po = policy_options_of(w);
	int no_mode = foresee_mode(options, &po.mode, diag);
	err = policy_bind(w->policy, &po, diag);
	err = err ? err : no_mode;
	if (!err)
		*ret_rules = ruleset_rules(w->policy->rules);
	return err;
}

int watch_check_metrics(const struct watch_options *options, struct diag *diag)
{
	struct listen_address address;
	const char *why;
	if (options->metrics_listen[0] && listen_parse(options->metrics_listen, &address, &why)) {
		diag_error(diag, (struct place){ .file = options->metrics_listen }, "metrics: %s", why);
		return -EINVAL;
	}
	const struct whole_file file = { .file = options->metrics_file, .begin = "# HELP vedette_", .what = "metrics" };
	return file.file[0] ? whole_file_check(&file, diag) : 0;
}

/* After another daemon: what it told already is not told again. */
static void on_record(void *watch, const void *bytes, size_t size, bool is_priority)
{
	struct watch *w = watch;
	struct event ev;
	if (w->takeover.twins && event_decode(bytes, size, &ev) == 0 && takeover_is_told(&w->takeover, &ev))
		pipeline_twin(w->pipeline, &ev, is_priority);
	else
		pipeline_record(w->pipeline, bytes, size, is_priority);
}

/* All that has to be there before the first event. The log comes last: a start that fails must not leave one that looks like a killed one. */
static int open_parts(struct watch *w, struct diag *diag)
{
	const struct watch_options *options = &w->options;
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
		err = watch_check_metrics(options, diag);
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
	return err ? err : evidence_open(w, diag);
}

static int open_pipeline(struct watch *w)
{
	const struct watch_options *options = &w->options;
	if (is_approving(options) && teller_new(w->sensor, &w->teller))
		return -ENOMEM;
	const struct pipeline_config pc = {
		.policy = w->policy,
		.teller = w->teller,
		.enrich = w->enrich,
		.outcomes = w->outcomes,
		.host_name = sv_from(w->identity.host_name),
		.stream = w->stream,
		.tape = w->tape,
		.log_events = options->log_events,
		.noise = &options->noise,
		.is_enforcing = options->enforce,
		.end = options->enforce ? process_end : NULL,
		.terminal_fd = options->terminal ? STDERR_FILENO : -1,
		.terminal_colour = options->terminal && isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
		.terminal_events = options->log_events && !options->output[0],
	};
	int err = pipeline_new(&pc, &w->pipeline);
	if (!err)
		sensor_on_record(w->sensor, w->takeover.left ? on_record : pipeline_record, w->takeover.left ? (void *)w : w->pipeline);
	return err;
}

/* From here on the watch is heard of: its open record, its sockets, its sinks. */
static int open_to_others(struct watch *w, struct diag *diag)
{
	const struct watch_options *options = &w->options;
	int err = open_change(w, diag);
	if (err)
		return err;
	if (w->policies)
		policies_sweep(w->policies, diag); /* the control socket is ours: no other daemon tries them now */
	err = say_open(w);
	if (err) {
		diag_error(diag, (struct place){ .file = watch_log_name(options) }, "cannot be written: %s", strerror(-err));
		return err;
	}
	err = open_protect(w, diag);
	if (!err && options->metrics_listen[0])
		err = metrics_server_open(options->metrics_listen, &w->metrics, diag);
	if (err)
		return err;
	err = w->delivery ? delivery_start(w->delivery) : 0;
	if (err)
		diag_error(diag, (struct place){ 0 }, "no threads for the sinks: %s", strerror(-err));
	return err;
}

int watch_open(const struct watch_options *options, struct watch **ret, struct diag *diag)
{
	CLEANUP(watch_close) struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->signal_fd = -1;
	w->start_ns = w->since_ns = w->expiry_seen_ns = clock_ns(CLOCK_REALTIME);
	int err = open_parts(w, diag);
	if (!err)
		err = open_pipeline(w);
	if (!err)
		err = open_to_others(w, diag);
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
	metrics_server_close(&w->metrics);
	protect_free(&w->protect);
	sensor_close(&w->sensor);
	pipeline_free(&w->pipeline);
	teller_free(&w->teller);
	tape_writer_free(&w->tape);
	delivery_free(&w->delivery); /* before the log, which is the stream's */
	(void)stream_free(&w->stream); /* watch_finish has told what could not be written */
	agent_close(&w->agent);
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

/* As it is now, so that whoever takes over knows what is new then. */
void watch_note(struct watch *w, bool is_stopped)
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
		watch_note(w, false);
	if (w->options.keep && w->protect)
		protect_refresh(w->protect); /* the pins as well */
	err = takeover_undo(&w->takeover, diag);
	if (err && w->options.keep)
		diag_error(diag, (struct place){ 0 }, "the verdicts of these rules stay in force, whole, until a daemon starts or `vedette release` ends them");
	if (err)
		return err;
	takeover_read(&w->takeover, w->pipeline, w->stream);
	if (!w->options.keep)
		left_unmount();
	return 0;
}

int watch_seed(struct watch *w, uint32_t root_pid, struct diag *diag)
{
	int err = takeover_quiet(&w->takeover, w->sensor); /* we see all that happens from now on */
	if (!err)
		err = enrich_seed(w->enrich, root_pid, diag);
	if (!err && w->options.enforce)
		err = takeover_labels(&w->takeover, &w->policy->verdicts.tables, diag);
	struct ancestry_past past = { .labels = w->takeover.labels };
	if (!err && w->options.enforce)
		err = MIN(ancestry_tell(w->sensor, w->enrich, &w->policy->verdicts.tables, &past, diag), 0);
	if (!err && w->options.enforce)
		err = sensor_put_verdicts(w->sensor);
	if (!err && w->options.takes_over)
		err = take_over(w, diag);
	return err;
}
