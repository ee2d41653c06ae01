/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette record`: events to a tape, of one command, of a cgroup or of the host. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/num.h"
#include "engine/daemon/args.h"
#include "engine/daemon/child.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/say.h"

static const char usage[] =
	"usage: vedette record [OPTION]... [--] [COMMAND [ARGUMENT]...]\n"
	"Writes every event of COMMAND and its descendants to a tape, with all that is known of it; without COMMAND, those of the whole host.\n"
	"vedette replay asks rules about a tape, here or elsewhere.\n"
	"\n"
	"  -o, --output FILE      the tape (default: vedette.tape); - is standard output\n"
	"  -f, --force            replace a FILE that is there\n"
	"  -d, --duration TIME    end after TIME, as 30s or 5m; COMMAND goes on, no longer watched\n"
	"  -g, --cgroup FOLDER    instead of COMMAND: the processes below a folder of the cgroup file system\n"
	"  -s, --sensor MODE      auto, lsm or tracepoint (default: auto, the best this kernel offers)\n"
	"      --ring SIZE        size of the ring for file and network events, a power of two (default: 8MiB)\n"
	"      --priority-ring SIZE  size of the ring for processes and privileges (default: 4MiB)\n"
	"      --status FILE      write the final status, as JSON, to FILE\n"
	"  -q, --quiet            no progress, no sum\n"
	"  -h, --help\n"
	"\n"
	"Exit status: COMMAND's own (128 and the signal's number when a signal ended it), 0 when the time was up or a signal ended the\n"
	"recording; 125 when vedette itself failed or could not write the tape; 126 when COMMAND cannot be run; 127 when it was not found.\n";

enum { OPT_RING = 256, OPT_PRIORITY_RING, OPT_STATUS };

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' }, { "force", no_argument, NULL, 'f' }, { "duration", required_argument, NULL, 'd' },
	{ "cgroup", required_argument, NULL, 'g' }, { "sensor", required_argument, NULL, 's' }, { "ring", required_argument, NULL, OPT_RING },
	{ "priority-ring", required_argument, NULL, OPT_PRIORITY_RING }, { "status", required_argument, NULL, OPT_STATUS },
	{ "quiet", no_argument, NULL, 'q' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "vedette record: %s '%s'; see vedette record --help\n", what, value);
	return EXIT_VEDETTE;
}

/* 0: go on; else the exit status (help: 0 with *ret_done set). */
static int parse_options(int argc, char **argv, struct watch_options *w, bool *ret_quiet, bool *ret_done)
{
	int c;
	while ((c = args_next("record", argc, argv, "+o:fd:g:s:qh", long_options)) != -1) {
		switch (c) {
		case 'o':
			if (args_file("record", "--output", optarg, &w->tape_file))
				return EXIT_VEDETTE;
			break;
		case 'f':
			w->tape_replace = true;
			break;
		case 'd':
			if (num_parse_duration(sv_from(optarg), &w->duration_ns) || w->duration_ns == 0)
				return misuse("--duration is a time as 30s or 5m, not", optarg);
			break;
		case 'g':
			w->cgroup = optarg;
			break;
		case 's':
			if (args_sensor("record", optarg, &w->sensor))
				return EXIT_VEDETTE;
			break;
		case OPT_RING:
			if (args_ring("record", "--ring", optarg, &w->ring_bulk_bytes))
				return EXIT_VEDETTE;
			break;
		case OPT_PRIORITY_RING:
			if (args_ring("record", "--priority-ring", optarg, &w->ring_priority_bytes))
				return EXIT_VEDETTE;
			break;
		case OPT_STATUS:
			if (args_file("record", "--status", optarg, &w->status_file))
				return EXIT_VEDETTE;
			break;
		case 'q':
			*ret_quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_done = true;
			return 0;
		default:
			return EXIT_VEDETTE;
		}
	}
	if (optind < argc && w->cgroup[0])
		return misuse("either --cgroup or a command:", argv[optind]);
	return 0;
}

/* Drops are told whether or not there is a terminal: a tape with holes must not pass for a whole one. */
static void say_end(struct watch *w, const struct watch_options *o, bool is_quiet, bool has_command)
{
	struct tape_writer_stats tape;
	struct totals t = watch_totals(w);
	watch_get_tape(w, &tape);
	const char *name = strcmp(o->tape_file, "-") == 0 ? "standard output" : o->tape_file;
	if (o->progress)
		fputc('\r', stderr);
	if (!is_quiet || t.lost || tape.dropped)
		fprintf(stderr, "vedette: %llu events on %s (%llu bytes); %llu lost in the kernel, %llu not written\n", (unsigned long long)tape.events, name,
			(unsigned long long)tape.bytes, (unsigned long long)t.lost, (unsigned long long)tape.dropped);
	size_t left = has_command ? sensor_labelled(watch_sensor(w)) : 0;
	if (left)
		fprintf(stderr, "vedette: %zu descendants still run and are no longer watched\n", left);
}

static int finish(struct watch *w, const struct watch_options *o, bool is_quiet, bool has_command, struct diag *diag)
{
	int err = watch_finish(w, "end of the recording", diag);
	int status_error = o->status_file[0] ? watch_write_status(w) : 0;
	if (status_error)
		fprintf(stderr, "vedette record: %s: the status cannot be written: %s\n", o->status_file, strerror(-status_error));
	say_end(w, o, is_quiet, has_command);
	return err < 0 || status_error ? EXIT_VEDETTE : 0;
}

static int record_child(struct watch *w, struct child *c, char **argv, const struct watch_options *o, bool is_quiet, struct diag *diag)
{
	struct watch_end end;
	int err = child_go(w, c, diag);
	if (!err)
		err = watch_loop(w, c->pid, &end, diag);
	if (err) {
		child_kill(c);
		return EXIT_VEDETTE;
	}
	int status = finish(w, o, is_quiet, true, diag);
	if (status || end.is_time_up)
		return status;
	int error = child_exec_error(c);
	if (error)
		fprintf(stderr, "vedette record: %s: %s\n", argv[0], strerror(error));
	return child_exit_status(end.child_status);
}

static int record_host(struct watch *w, const struct watch_options *o, bool is_quiet, struct diag *diag)
{
	struct watch_end end;
	if (!o->cgroup[0])
		sensor_scope_host(watch_sensor(w));
	int err = watch_seed(w, 0, diag);
	if (!err)
		err = watch_loop(w, 0, &end, diag);
	int status = finish(w, o, is_quiet, false, diag);
	return err ? EXIT_VEDETTE : status;
}

int cmd_record(int argc, char **argv)
{
	struct watch_options o = watch_defaults();
	bool is_done = false, is_quiet = false;
	o.tape_file = "vedette.tape";
	o.tape_all = true;
	int status = parse_options(argc, argv, &o, &is_quiet, &is_done);
	if (status || is_done)
		return status;
	bool has_command = optind < argc;
	o.scope_text = has_command ? argv[optind] : o.cgroup[0] ? o.cgroup : "host";
	o.progress = !is_quiet && isatty(STDERR_FILENO);

	sigset_t set, before;
	watch_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, as some parents leave it, the command would end without a word */

	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(watch_close) struct watch *w = NULL;
	CLEANUP(child_done) struct child child = { .go_fd = -1, .error_fd = -1 };
	int err = watch_open(&o, &w, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_VEDETTE;
	diag_done(&diag);
	err = has_command ? child_start(argv + optind, &before, &child) : 0;
	if (err) {
		fprintf(stderr, "vedette record: cannot start a process: %s\n", strerror(-err));
		return EXIT_VEDETTE;
	}
	status = has_command ? record_child(w, &child, argv + optind, &o, is_quiet, &diag) : record_host(w, &o, is_quiet, &diag);
	say_diag(&diag);
	return status;
}
