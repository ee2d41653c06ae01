/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette run`: watches one command and its descendants. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/daemon/args.h"
#include "engine/daemon/child.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/say.h"

enum { MAX_RULE_PATHS = 64 };

static const char usage[] =
	"usage: vedette run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Runs COMMAND and watches it and all its descendants; prints alerts as they come.\n"
	"\n"
	"  -r, --rules PATH       rule file or folder; may be repeated (default: the shipped rules)\n"
	"  -o, --output FILE      signed log as JSON lines; the public key goes to FILE.pub; - is standard output\n"
	"      --key-file FILE    public key goes there instead\n"
	"  -s, --sensor MODE      auto, lsm or tracepoint (default: auto, the best this kernel offers)\n"
	"  -e, --enforce          rules with `action: block` do block (lsm mode only)\n"
	"      --detect-only      load rules that block in tracepoint mode too; they only report there\n"
	"      --no-approval      the kernel sends all events that rules look at, not only those on which one can hold\n"
	"      --events           every event goes to the log (or, without --output, one line each to standard error)\n"
	"      --fail-on SEVERITY exit with 1 when an alert of that severity or a higher one was raised: info, low, medium,\n"
	"                         high or critical\n"
	"      --ring SIZE        size of the ring for file and network events, a power of two (default: 8MiB)\n"
	"      --priority-ring SIZE  size of the ring for processes, blocks and privileges (default: 4MiB)\n"
	"  -q, --quiet            no alerts on the terminal\n"
	"      --tape FILE        the events that the rules saw go to a new FILE, for vedette replay\n"
	"      --control PATH     make a control socket there: vedette reload loads the rules anew\n"
	"      --policies FOLDER  with --control: vedette policy applies rules, and they are kept there\n"
	"      --status FILE      write the final status, as JSON, to FILE\n"
	"      --metrics WHERE    serve metrics on unix:PATH or 127.0.0.1:PORT\n"
	"      --metrics-file FILE  write metrics to FILE every ten seconds, and at the end\n"
	"  -h, --help\n"
	"\n"
	"Exit status: COMMAND's own (128 and the signal's number when a signal ended it); 1 by --fail-on; 125 when vedette itself failed; 126\n"
	"when COMMAND was blocked or cannot be run; 127 when it was not found.\n";

struct run_options {
	struct watch_options watch;
	const char *rule_paths[MAX_RULE_PATHS];
	int fail_on; /* enum severity; -1: never */
};

enum { OPT_KEY = 256, OPT_DETECT, OPT_EVENTS, OPT_FAIL, OPT_RING, OPT_PRIORITY_RING, OPT_STATUS, OPT_TAPE, OPT_CONTROL, OPT_POLICIES, OPT_NO_APPROVAL, OPT_METRICS, OPT_METRICS_FILE };

static const struct option long_options[] = {
	{ "rules", required_argument, NULL, 'r' }, { "output", required_argument, NULL, 'o' }, { "key-file", required_argument, NULL, OPT_KEY },
	{ "sensor", required_argument, NULL, 's' }, { "enforce", no_argument, NULL, 'e' }, { "detect-only", no_argument, NULL, OPT_DETECT },
	{ "events", no_argument, NULL, OPT_EVENTS }, { "fail-on", required_argument, NULL, OPT_FAIL }, { "ring", required_argument, NULL, OPT_RING },
	{ "priority-ring", required_argument, NULL, OPT_PRIORITY_RING }, { "quiet", no_argument, NULL, 'q' }, { "status", required_argument, NULL, OPT_STATUS },
	{ "tape", required_argument, NULL, OPT_TAPE }, { "control", required_argument, NULL, OPT_CONTROL }, { "policies", required_argument, NULL, OPT_POLICIES },
	{ "no-approval", no_argument, NULL, OPT_NO_APPROVAL }, { "metrics", required_argument, NULL, OPT_METRICS },
	{ "metrics-file", required_argument, NULL, OPT_METRICS_FILE }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "vedette run: %s '%s'; see vedette run --help\n", what, value);
	return EXIT_VEDETTE;
}

/* Those that take a value which can be wrong. 0, or an exit status. */
static int take_value(int option, struct run_options *o)
{
	struct watch_options *w = &o->watch;
	int err = 0;
	switch (option) {
	case 'r':
		if (w->n_rule_paths == MAX_RULE_PATHS)
			return misuse("more than 64 rule paths:", optarg);
		o->rule_paths[w->n_rule_paths++] = optarg;
		break;
	case 'o':
		err = args_file("run", "--output", optarg, &w->output);
		break;
	case OPT_KEY:
		err = args_file("run", "--key-file", optarg, &w->key_file);
		break;
	case 's':
		err = args_sensor("run", optarg, &w->sensor);
		break;
	case OPT_FAIL:
		err = args_fail_on("run", optarg, &o->fail_on);
		break;
	case OPT_RING:
		err = args_ring("run", "--ring", optarg, &w->ring_bulk_bytes);
		break;
	case OPT_PRIORITY_RING:
		err = args_ring("run", "--priority-ring", optarg, &w->ring_priority_bytes);
		break;
	case OPT_STATUS:
		err = args_file("run", "--status", optarg, &w->status_file);
		break;
	case OPT_METRICS:
		w->metrics_listen = optarg;
		break;
	case OPT_METRICS_FILE:
		err = args_file("run", "--metrics-file", optarg, &w->metrics_file);
		break;
	case OPT_CONTROL:
		err = args_file("run", "--control", optarg, &w->control);
		break;
	case OPT_POLICIES:
		w->policy_folder = optarg;
		break;
	case OPT_TAPE:
		err = args_file("run", "--tape", optarg, &w->tape_file);
		break;
	default: /* told by args_next */
		return EXIT_VEDETTE;
	}
	return err ? EXIT_VEDETTE : 0;
}

/* What the options do not say by themselves. */
static int check_options(int n_words, const struct watch_options *w)
{
	if (n_words == 0) {
		fputs("vedette run: no command given; see vedette run --help\n", stderr);
		return EXIT_VEDETTE;
	}
	if (w->policy_folder[0] && !w->control[0]) {
		fputs("vedette run: --policies needs --control; see vedette run --help\n", stderr);
		return EXIT_VEDETTE;
	}
	return 0;
}

/* 0: go on; else the exit status (help: 0 with *ret_done set). */
static int parse_options(int argc, char **argv, struct run_options *o, bool *ret_done)
{
	struct watch_options *w = &o->watch;
	int c, status = 0;
	while (!status && (c = args_next("run", argc, argv, "+r:o:s:eqh", long_options)) != -1) {
		switch (c) {
		case 'e':
			w->enforce = true;
			break;
		case OPT_DETECT:
			w->detect_only = true;
			break;
		case OPT_NO_APPROVAL:
			w->approve = false;
			break;
		case OPT_EVENTS:
			w->log_events = true;
			break;
		case 'q':
			w->terminal = false;
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_done = true;
			return 0;
		default:
			status = take_value(c, o);
		}
	}
	w->policy_breaker = 60;
	return status ? status : check_options(argc - optind, w);
}

static void say_end(struct watch *w, const struct run_options *o)
{
	const struct pipeline_stats *stats = watch_stats(w);
	struct totals t = watch_totals(w);
	size_t left = sensor_labelled(watch_sensor(w));
	if (o->watch.terminal)
		fprintf(stderr, "vedette: %llu alert%s, %llu blocked; %llu event%s, %llu lost\n", (unsigned long long)stats->alerts,
			stats->alerts == 1 ? "" : "s", (unsigned long long)stats->blocked, (unsigned long long)t.delivered, t.delivered == 1 ? "" : "s",
			(unsigned long long)t.lost);
	if (o->watch.terminal && stats->unfinished)
		fprintf(stderr, "vedette: %llu wait%s of rules about several events %s not over at the end\n", (unsigned long long)stats->unfinished,
			stats->unfinished == 1 ? "" : "s", stats->unfinished == 1 ? "was" : "were");
	if (left)
		fprintf(stderr, "vedette: %zu descendant%s no longer watched\n", left, left == 1 ? " still runs and is" : "s still run and are");
}

static int watch_child(struct watch *w, struct child *c, char **argv, const struct run_options *o, struct diag *diag)
{
	struct watch_end end;
	int err = child_go(w, c, diag);
	if (!err)
		err = watch_loop(w, c->pid, &end, diag);
	if (err) {
		child_kill(c);
		return EXIT_VEDETTE;
	}
	char reason[64];
	int error = child_exec_error(c), status = child_exit_status(end.child_status);
	snprintf(reason, sizeof(reason), "command ended with status %d", status);
	err = watch_finish(w, reason, diag);
	int status_error = o->watch.status_file[0] ? watch_write_status(w) : 0;
	if (status_error) {
		fprintf(stderr, "vedette run: %s: the status cannot be written: %s\n", o->watch.status_file, strerror(-status_error));
		err = status_error;
	}
	int metrics_error = o->watch.metrics_file[0] ? watch_write_metrics(w) : 0;
	if (metrics_error) {
		fprintf(stderr, "vedette run: %s: the metrics cannot be written: %s\n", o->watch.metrics_file, strerror(-metrics_error));
		err = metrics_error;
	}
	if (error)
		fprintf(stderr, "vedette run: %s: %s%s\n", argv[0], strerror(error), watch_stats(w)->blocked ? " (blocked)" : "");
	say_end(w, o);
	if (err < 0)
		return EXIT_VEDETTE;
	if (status == 0 && o->fail_on >= 0 && watch_stats(w)->worst >= o->fail_on)
		return 1;
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o = { .watch = watch_defaults(), .fail_on = -1 };
	o.watch.terminal = true;
	o.watch.rule_paths = o.rule_paths;
	bool is_done = false;
	int status = parse_options(argc, argv, &o, &is_done);
	if (status || is_done)
		return status;
	CLEANUP(str_free) char *rules = NULL;
	if (o.watch.n_rule_paths == 0) {
		rules = say_shipped_rules();
		if (!rules)
			return misuse("no shipped rules found beside the program or in", VEDETTE_RULES_DIR);
		o.rule_paths[o.watch.n_rule_paths++] = rules;
	}
	o.watch.scope_text = argv[optind];

	sigset_t set, before;
	watch_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, as some parents leave it, the command would end without a word */

	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(watch_close) struct watch *w = NULL;
	CLEANUP(child_done) struct child child = { .go_fd = -1, .error_fd = -1 };
	int err = watch_open(&o.watch, &w, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_VEDETTE;
	diag_done(&diag);
	err = child_start(argv + optind, &before, &child);
	if (err) {
		fprintf(stderr, "vedette run: cannot start a process: %s\n", strerror(-err));
		return EXIT_VEDETTE;
	}
	status = watch_child(w, &child, argv + optind, &o, &diag);
	say_diag(&diag);
	return status;
}
