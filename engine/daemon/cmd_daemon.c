/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette daemon`: watches the host, or one cgroup, by a configuration file; and `vedette status`. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/config/protected.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/delivery.h"
#include "engine/daemon/evidence.h"
#include "engine/daemon/say.h"
#include "engine/daemon/status.h"
#include "engine/daemon/status_owner.h"
#include "engine/daemon/watch.h"

static const char usage[] =
	"usage: vedette daemon -c CONFIG [--check | --show]\n"
	"       vedette daemon --template\n"
	"Watches the host in the foreground until `vedette stop`, SIGTERM, SIGINT or SIGQUIT.\n"
	"\n"
	"  -c, --config FILE  configuration (YAML)\n"
	"      --check        say what a start would refuse of the configuration, the rules and this host, and end\n"
	"      --show         print the settings in force, and end\n"
	"      --template     print a commented configuration with every key, its default, and an example of sinks\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 after a signal; 1 when the watch could not start or failed; 2 for wrong use.\n";

enum daemon_task { DAEMON_RUN, DAEMON_CHECK, DAEMON_SHOW, DAEMON_TEMPLATE };

static struct watch_options options_of(const struct config *c)
{
	struct watch_options o = watch_defaults();
	o.rule_paths = c->rules.items;
	o.n_rule_paths = c->rules.n;
	o.sensor = strcmp(c->sensor, "lsm") == 0 ? SENSOR_LSM : strcmp(c->sensor, "tracepoint") == 0 ? SENSOR_TRACEPOINT : SENSOR_NONE;
	o.enforce = c->enforce;
	o.takes_over = true;
	o.keep = strcmp(c->on_exit, "keep") == 0;
	o.detect_only = c->detect_only;
	o.protect = c->enforce && c->protect;
	o.protect_paths = c->protect_paths.items;
	o.n_protect_paths = c->protect_paths.n;
	o.log_events = c->log_events;
	o.approve = c->approval;
	o.output = c->output_file;
	o.wal_folder = c->wal_folder;
	o.wal_max = c->wal_max;
	o.wal_full = MAX(config_wal_full(c), 0); /* checked when it was read */
	o.sinks = &c->sinks;
	o.key_file = c->output_key;
	o.queue_bytes = c->output_queue;
	o.heartbeat_ns = c->heartbeat;
	o.noise = (struct noise_options){ .rate = c->noise_rate, .burst = c->noise_burst, .floor = config_noise_floor(c) };
	o.status_file = c->status_file;
	o.metrics_listen = c->metrics_listen;
	o.metrics_file = c->metrics_file;
	o.metrics_interval_ns = c->metrics_interval;
	o.ring_priority_bytes = c->ring_priority;
	o.ring_bulk_bytes = c->ring_bulk;
	o.max_processes = (uint32_t)c->processes;
	o.process_text_bytes = c->process_text;
	o.outcome_timeout_ns = c->outcome_timeout;
	o.containers = c->containers;
	o.rootless = c->containers_rootless;
	o.docker_root = c->containers_docker;
	o.storage_root = c->containers_storage;
	o.state_bytes = c->state_memory;
	o.state_reorder_ns = c->state_reorder;
	o.env_names = c->environment.items;
	o.cgroup = c->cgroup;
	o.scope_text = c->cgroup[0] ? c->cgroup : "host";
	o.config_digest = c->digest;
	o.control = c->control;
	o.policy_folder = c->control[0] ? c->policy_folder : "";
	o.policy_breaker = c->policy_breaker;
	o.agent_folder = c->agent_folder;
	o.needs_rules = !c->allow_no_rules;
	o.force = c->force;
	o.ask_essentials = !c->cgroup[0]; /* what the host needs does not live in the one cgroup that is watched */
	return o;
}

/* The folders of the files that it writes, when they are missing. */
static void make_folders(const struct watch_options *o)
{
	const char *const files[] = { o->output, o->status_file, o->control, o->metrics_file, strncmp(o->metrics_listen, "unix:", 5) == 0 ? o->metrics_listen + 5 : "" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		delivery_make_folder(files[i]);
	for (size_t i = 0; i < o->sinks->n; i++)
		if (o->sinks->sinks[i].kind == SINK_FILE)
			delivery_make_folder(o->sinks->sinks[i].path);
}

struct config_source {
	const char *file;
	const struct config *config; /* read at the start */
};

/* In the thread that builds the new rules. */
static int rules_now(void *context, struct rule_paths *ret, struct diag *diag)
{
	const struct config_source *source = context;
	CLEANUP(config_free) struct config *now = NULL;
	int err = config_load(source->file, &now, diag);
	if (err)
		return err;
	(void)config_changes(source->config, now, (struct place){ .file = source->file }, diag); /* warnings are all there is to it */
	for (size_t i = 0; !err && i < now->rules.n; i++)
		err = rule_paths_add(ret, now->rules.items[i]);
	return err;
}

/* Where records go: the file, or the write-ahead log and the sinks behind it, with the files that they write. */
static void describe_log(const struct watch_options *o, struct buf *out)
{
	buf_add_z(out, watch_writes_output(o) ? o->output : o->wal_folder);
	for (size_t i = 0; !watch_writes_output(o) && i < o->sinks->n; i++) {
		const struct sink_options *s = &o->sinks->sinks[i];
		buf_add_format(out, "%s%s%s%s", i ? ", " : "; sinks: ", s->name, s->kind == SINK_FILE ? " " : "", s->kind == SINK_FILE ? s->path : "");
	}
}

/* Does the configuration name it? Else it is the usual one. */
static bool is_output_asked(const struct config *c)
{
	return strcmp(c->output_file, CONFIG_OUTPUT_FILE) != 0;
}

static int watch_host(const char *file, const struct config *c, struct diag *diag)
{
	struct config_source source = { file, c };
	CLEANUP(watch_close) struct watch *w = NULL;
	struct watch_options o = options_of(c);
	struct watch_end end;
	make_folders(&o);
	o.config_file = file;
	o.rules_now = rules_now;
	o.rules_context = &source;
	/* The tables are large and thinly used: on huge pages each touched byte would take 2 MiB. Not in run, whose command would inherit it. */
	IGNORE(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)); /* without it, more memory */
	delivery_check_output(o.sinks, o.output, is_output_asked(c), diag);
	int err = status_owner_check(o.status_file, diag);
	if (!err && o.protect)
		err = protected_check_host(file, c, diag);
	if (!err)
		err = watch_open(&o, &w, diag);
	if (err)
		return err;
	say_diag(diag);
	diag_done(diag);
	if (!c->cgroup[0])
		sensor_scope_host(watch_sensor(w));
	err = watch_seed(w, 0, diag);
	if (err) {
		IGNORE(watch_finish(w, "the watch could not start", diag)); /* the first failure counts */
		return err;
	}
	CLEANUP(buf_done) struct buf log = { 0 };
	describe_log(&o, &log);
	fprintf(stderr, "vedette: watching %s in %s mode with %zu rule%s; log: %s\n", o.scope_text,
		symbol_text(KIND_SENSOR, sensor_get_caps(watch_sensor(w))->mode), ruleset_rules(watch_rules(w)),
		ruleset_rules(watch_rules(w)) == 1 ? "" : "s", buf_cstr(&log));
	err = watch_loop(w, 0, &end, diag);
	char reason[96];
	if (err)
		snprintf(reason, sizeof(reason), "failure %d", -err);
	else if (end.is_asked)
		snprintf(reason, sizeof(reason), "stop, asked for by process %u, user %u", end.pid, end.uid);
	else
		snprintf(reason, sizeof(reason), "signal %d from process %u, user %u", end.signal, end.pid, end.uid);
	int finish = watch_finish(w, reason, diag);
	if (o.keep && o.enforce)
		fputs("vedette: the daemon ends, and what its rules block stays blocked (enforcement.on_exit: keep): `vedette release` takes that away, another "
		      "daemon takes it over\n", stderr);
	return err ? err : finish < 0 ? finish : 0;
}

/* As a start would find them. */
static int check_rules(const struct config *c, const char *file, struct diag *diag)
{
	struct watch_options o = options_of(c);
	uint64_t id;
	uint32_t level;
	size_t n = 0;
	o.config_file = file;
	if (access(o.policy_folder, F_OK) != 0)
		o.policy_folder = ""; /* it will be made, and hold nothing */
	int err = o.protect ? protected_check_host(file, c, diag) : 0;
	int bad_rules = watch_check(&o, &n, diag);
	err = err ? err : bad_rules;
	int bad_cgroup = c->cgroup[0] ? sensor_find_cgroup(c->cgroup, &id, &level, diag) : 0;
	int bad_status = c->status_file[0] && !delivery_folder_will_be_made(c->status_file) ? status_check(c->status_file, diag) : 0;
	struct watch_options metrics = o;
	if (delivery_folder_will_be_made(o.metrics_file))
		metrics.metrics_file = "";
	int bad_metrics = watch_check_metrics(&metrics, diag);
	int bad_evidence = evidence_check(&o, diag);
	int bad_sinks = delivery_check(&c->sinks, diag);
	delivery_check_output(&c->sinks, c->output_file, is_output_asked(c), diag);
	err = err ? err : bad_evidence ? bad_evidence : bad_cgroup ? bad_cgroup : bad_status ? bad_status : bad_metrics ? bad_metrics : bad_sinks;
	if (!err)
		printf("configuration and %zu %s fine\n", n, n == 1 ? "rule are" : "rules are");
	return err;
}

static void block_signals(void)
{
	sigset_t set;
	watch_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, as some parents leave it, children would vanish before the self-test has their status */
}

static int do_task(enum daemon_task task, const char *file)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(config_free) struct config *c = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	int err = 0;
	if (task != DAEMON_TEMPLATE)
		err = config_load(file, &c, &diag);
	if (!err) {
		switch (task) {
		case DAEMON_TEMPLATE:
			config_template(&text);
			break;
		case DAEMON_SHOW:
			config_show(c, &text);
			break;
		case DAEMON_CHECK:
			err = check_rules(c, file, &diag);
			break;
		case DAEMON_RUN:
			block_signals();
			err = watch_host(file, c, &diag);
			break;
		}
	}
	fputs(buf_cstr(&text), stdout);
	say_result(err, &diag);
	return err ? 1 : 0;
}

int cmd_daemon(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'C' }, { "show", no_argument, NULL, 'S' },
		{ "template", no_argument, NULL, 'T' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	enum daemon_task task = DAEMON_RUN;
	const char *file = NULL;
	int c;
	while ((c = args_next("daemon", argc, argv, "c:h", long_options)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'C':
			task = DAEMON_CHECK;
			break;
		case 'S':
			task = DAEMON_SHOW;
			break;
		case 'T':
			task = DAEMON_TEMPLATE;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc || (!file && task != DAEMON_TEMPLATE)) {
		fputs(optind < argc ? "vedette daemon: too many arguments; see vedette daemon --help\n" :
				      "vedette daemon: -c CONFIG is needed (vedette daemon --template prints one to start from)\n", stderr);
		return 2;
	}
	return do_task(task, file);
}
