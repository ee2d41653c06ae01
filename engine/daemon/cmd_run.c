/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette run`: watches one command and its descendants. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/say.h"
#include "engine/daemon/watch.h"
#include "engine/enrich/procfs.h"

enum { EXIT_VEDETTE = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, MAX_RULE_PATHS = 64 };

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
	"      --events           every event goes to the log (or, without --output, one line each to standard error)\n"
	"      --fail-on SEVERITY exit with 1 when an alert of that severity or a higher one was raised: info, low, medium,\n"
	"                         high or critical\n"
	"      --ring SIZE        size of the ring for file and network events, a power of two (default: 8MiB)\n"
	"      --priority-ring SIZE  size of the ring for processes, blocks and privileges (default: 4MiB)\n"
	"  -q, --quiet            no alerts on the terminal\n"
	"      --status FILE      write the final status, as JSON, to FILE\n"
	"  -h, --help\n"
	"\n"
	"Exit status: COMMAND's own (128 and the signal's number when a signal ended it); 1 by --fail-on; 125 when vedette itself failed; 126\n"
	"when COMMAND was blocked or cannot be run; 127 when it was not found.\n";

struct run_options {
	struct watch_options watch;
	const char *rule_paths[MAX_RULE_PATHS];
	int fail_on; /* enum severity; -1: never */
};

static int severity_of(const char *text)
{
	for (int s = 0; s < SEVERITY_COUNT; s++)
		if (strcmp(text, severity_text((enum severity)s)) == 0)
			return s;
	return -1;
}

static int parse_sensor(const char *text, enum sensor_mode *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret = SENSOR_NONE;
	else if (strcmp(text, "lsm") == 0)
		*ret = SENSOR_LSM;
	else if (strcmp(text, "tracepoint") == 0)
		*ret = SENSOR_TRACEPOINT;
	else
		return -EINVAL;
	return 0;
}

static int parse_ring(const char *text, uint64_t *ret_bytes)
{
	uint64_t n;
	if (num_parse_size(sv_from(text), &n) || n < 4096 || n > 1 << 30 || (n & (n - 1)))
		return -EINVAL;
	*ret_bytes = n;
	return 0;
}

enum { OPT_KEY = 256, OPT_DETECT, OPT_EVENTS, OPT_FAIL, OPT_RING, OPT_PRIORITY_RING, OPT_STATUS };

static const struct option long_options[] = {
	{ "rules", required_argument, NULL, 'r' }, { "output", required_argument, NULL, 'o' }, { "key-file", required_argument, NULL, OPT_KEY },
	{ "sensor", required_argument, NULL, 's' }, { "enforce", no_argument, NULL, 'e' }, { "detect-only", no_argument, NULL, OPT_DETECT },
	{ "events", no_argument, NULL, OPT_EVENTS }, { "fail-on", required_argument, NULL, OPT_FAIL }, { "ring", required_argument, NULL, OPT_RING },
	{ "priority-ring", required_argument, NULL, OPT_PRIORITY_RING }, { "quiet", no_argument, NULL, 'q' }, { "status", required_argument, NULL, OPT_STATUS }, { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "vedette run: %s '%s'; see vedette run --help\n", what, value);
	return EXIT_VEDETTE;
}

/* 0: go on; else the exit status (help: 0 with *ret_done set). */
static int parse_options(int argc, char **argv, struct run_options *o, bool *ret_done)
{
	struct watch_options *w = &o->watch;
	int c;
	while ((c = getopt_long(argc, argv, "+r:o:s:eqh", long_options, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (w->n_rule_paths == MAX_RULE_PATHS)
				return misuse("more than 64 rule paths:", optarg);
			o->rule_paths[w->n_rule_paths++] = optarg;
			break;
		case 'o':
			if (optarg[0] == '\0' || strncmp(optarg, "--", 2) == 0)
				return misuse("--output needs a file name, not", optarg);
			w->output = optarg;
			break;
		case OPT_KEY:
			w->key_file = optarg;
			break;
		case 's':
			if (parse_sensor(optarg, &w->sensor))
				return misuse("--sensor is auto, lsm or tracepoint, not", optarg);
			break;
		case 'e':
			w->enforce = true;
			break;
		case OPT_DETECT:
			w->detect_only = true;
			break;
		case OPT_EVENTS:
			w->log_events = true;
			break;
		case OPT_FAIL:
			o->fail_on = severity_of(optarg);
			if (o->fail_on < 0)
				return misuse("--fail-on is info, low, medium, high or critical, not", optarg);
			break;
		case OPT_RING:
			if (parse_ring(optarg, &w->ring_bulk_bytes))
				return misuse("--ring is a power of two from 4KiB to 1GiB, not", optarg);
			break;
		case OPT_PRIORITY_RING:
			if (parse_ring(optarg, &w->ring_priority_bytes))
				return misuse("--priority-ring is a power of two from 4KiB to 1GiB, not", optarg);
			break;
		case 'q':
			w->terminal = false;
			break;
		case OPT_STATUS:
			w->status_file = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_done = true;
			return 0;
		default:
			fprintf(stderr, "see vedette run --help\n");
			return EXIT_VEDETTE;
		}
	}
	if (optind == argc) {
		fputs("vedette run: no command given; see vedette run --help\n", stderr);
		return EXIT_VEDETTE;
	}
	return 0;
}

/* --- the command ------------------------------------------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int go_fd;    /* a byte lets it start */
	int error_fd; /* its errno comes back when exec failed; end of file when it succeeded */
};

_Noreturn static void child_main(int go_fd, int error_fd, char **argv, const sigset_t *mask)
{
	char c;
	signal(SIGPIPE, SIG_DFL); /* ours is ignored, and exec would pass that on */
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (read(go_fd, &c, 1) != 1)
		_exit(EXIT_VEDETTE);
	execvp(argv[0], argv);
	int error = errno;
	IGNORE(fd_write_all(error_fd, &error, sizeof(error))); /* the parent reads end of file then, and takes the status below */
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int child_start(char **argv, const sigset_t *mask, struct child *ret)
{
	int go[2], error[2];
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	CLEANUP(fd_close) int go_read = go[0];
	CLEANUP(fd_close) int go_write = go[1];
	if (pipe2(error, O_CLOEXEC))
		return -errno;
	CLEANUP(fd_close) int error_read = error[0];
	CLEANUP(fd_close) int error_write = error[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(go_write);
		close(error_read);
		child_main(go_read, error_write, argv, mask);
	}
	*ret = (struct child){ pid, TAKE_FD(go_write), TAKE_FD(error_read) };
	return 0;
}

/* The identity that a process older than the sensor has, as the process table computes it from /proc. */
static uint64_t identity_of(int proc_fd, uint32_t pid, uint32_t *ret_ppid)
{
	struct procfs_process p;
	if (procfs_read_stat(proc_fd, pid, &p))
		return 0;
	*ret_ppid = p.ppid;
	return id_snapshot(pid, p.start_ticks);
}

/* Puts the child in scope; it waits, so it has not forked yet. */
static int child_label(struct watch *w, pid_t pid)
{
	CLEANUP(fd_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t parent = 0, grandparent = 0;
	uint64_t id = identity_of(proc, (uint32_t)pid, &parent);
	if (!id)
		return -ESRCH;
	sensor_scope_tree(watch_sensor(w));
	return sensor_label(watch_sensor(w), (uint32_t)pid, id, identity_of(proc, parent, &grandparent));
}

/* Labels the child and lets it start. */
static int child_go(struct watch *w, struct child *c, struct diag *diag)
{
	int err = child_label(w, c->pid);
	if (err) {
		diag_error(diag, (struct place){ 0 }, "the command's process %d cannot be put in scope: %s", (int)c->pid, strerror(-err));
		return err;
	}
	err = watch_seed(w, (uint32_t)c->pid, diag);
	if (!err && write(c->go_fd, "x", 1) != 1) {
		err = -errno;
		diag_error(diag, (struct place){ 0 }, "the command's process %d ended before it could start the command", (int)c->pid);
	}
	return err;
}

static int exec_error_of(struct child *c)
{
	int error = 0;
	ssize_t n = read(c->error_fd, &error, sizeof(error));
	return n == sizeof(error) ? error : 0;
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void say_end(struct watch *w, const struct run_options *o)
{
	const struct pipeline_stats *stats = watch_stats(w);
	struct totals t = watch_totals(w);
	size_t left = sensor_labelled(watch_sensor(w));
	if (o->watch.terminal)
		fprintf(stderr, "vedette: %llu alerts, %llu blocked; %llu events, %llu lost\n", (unsigned long long)stats->alerts,
			(unsigned long long)stats->blocked, (unsigned long long)t.delivered, (unsigned long long)t.lost);
	if (left)
		fprintf(stderr, "vedette: %zu descendants still run and are no longer watched\n", left);
}

static int watch_child(struct watch *w, struct child *c, char **argv, const struct run_options *o, struct diag *diag)
{
	struct watch_end end;
	int err = child_go(w, c, diag);
	if (!err)
		err = watch_loop(w, c->pid, &end, diag);
	if (err) {
		kill(c->pid, SIGKILL); /* nothing of it may run unwatched */
		(void)waitpid(c->pid, NULL, 0); /* ours, and killed: it ends */
		return EXIT_VEDETTE;
	}
	char reason[64];
	int error = exec_error_of(c), status = exit_status(end.child_status);
	snprintf(reason, sizeof(reason), "command ended with status %d", status);
	err = watch_finish(w, reason, diag);
	int status_error = o->watch.status_file[0] ? watch_write_status(w) : 0;
	if (status_error) {
		fprintf(stderr, "vedette run: %s: the status cannot be written: %s\n", o->watch.status_file, strerror(-status_error));
		err = status_error;
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
	struct child child = { .go_fd = -1, .error_fd = -1 };
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
	fd_close(&child.go_fd);
	fd_close(&child.error_fd);
	return status;
}
