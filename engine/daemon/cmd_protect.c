/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette protect off|on` and `vedette stop`: the administrator's way past the daemon's protection of itself. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/fd.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/daemon/args.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/say.h"
#include "engine/probe/left.h"

enum { PATIENCE_S = 20, OFF_DEFAULT_S = 600, END_S = 120 };

static const char usage_protect[] =
	"usage: vedette protect off [--for TIME] [--control PATH]\n"
	"       vedette protect on [--control PATH]\n"
	"Lets others change the files of a daemon that enforces (rules, configuration, its program), or end it, for a time. It goes on blocking what its\n"
	"rules block. Each change is an alert in the signed log, with who asked.\n"
	"\n"
	"  -f, --for TIME       how long, as 90s, 10m or 2h (default: 10m; at most 24h)\n"
	"  -c, --control PATH   the daemon's control socket (default: /run/vedette/control.sock)\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 done; 1 refused, or the daemon does not answer; 2 wrong use.\n";

static const char usage_stop[] =
	"usage: vedette stop [--control PATH]\n"
	"Ends a running daemon, protected or not, and waits until it is gone. Who asked stands in the signed log.\n"
	"\n"
	"  -c, --control PATH   the daemon's control socket (default: /run/vedette/control.sock)\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 it has ended; 1 the daemon does not answer, or goes on running; 2 wrong use.\n";

static int ask(const char *name, const char *control, const char *command)
{
	CLEANUP(buf_done) struct buf answer = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct json_want want[] = { { .path = "ok" }, { .path = "error" } };
	const char *error;
	size_t at;
	int err = control_ask_line(control, sv_from(command), &(struct control_patience){ .seconds = PATIENCE_S }, &answer, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_FAILED;
	answer.n -= answer.n > 0; /* the line end */
	if (json_read_members(buf_sv(&answer), want, ARRAY_SIZE(want), &error, &at) || want[0].token != JSON_TRUE) {
		fprintf(stderr, "vedette %s: %.*s\n", name, (int)want[1].raw.n, want[1].token == JSON_STRING ? want[1].raw.p : "");
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

struct protect_arguments {
	const char *control;
	uint64_t for_s;
};

/* 0: go on; else the exit status, or EXIT_FINE with *ret_done set. */
static int parse(int argc, char **argv, const char *usage, struct protect_arguments *ret, bool *ret_done)
{
	static const struct option long_options[] = {
		{ "for", required_argument, NULL, 'f' }, { "control", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	bool is_stop = usage == usage_stop; /* which has no --for */
	uint64_t ns;
	int c;
	*ret = (struct protect_arguments){ .control = CONTROL_DEFAULT_PATH, .for_s = OFF_DEFAULT_S };
	while ((c = args_next(argv[0], argc, argv, is_stop ? "c:h" : "c:f:h", long_options + is_stop)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			*ret_done = true;
			return EXIT_FINE;
		}
		if (c == 'c')
			ret->control = optarg;
		else if (c == 'f' && num_parse_duration(sv_from(optarg), &ns) == 0 && ns >= 1000000000)
			ret->for_s = ns / 1000000000;
		else if (c == 'f')
			return fprintf(stderr, "vedette %s: --for takes a time of at least a second, as 90s, 10m or 2h, not '%s'\n", argv[0], optarg), EXIT_USAGE;
		else
			return EXIT_USAGE;
	}
	return EXIT_FINE;
}

int cmd_protect(int argc, char **argv)
{
	struct protect_arguments a;
	char command[96];
	bool is_done = false;
	int status = parse(argc, argv, usage_protect, &a, &is_done);
	if (status || is_done)
		return status;
	bool is_off = optind < argc && strcmp(argv[optind], "off") == 0, is_on = optind < argc && strcmp(argv[optind], "on") == 0;
	if (optind + 1 != argc || (!is_off && !is_on)) {
		fputs("vedette protect: off or on is needed; see vedette protect --help\n", stderr);
		return EXIT_USAGE;
	}
	snprintf(command, sizeof(command), is_off ? "{\"command\":\"protect-off\",\"seconds\":%llu}" : "{\"command\":\"protect-on\"}", (unsigned long long)a.for_s);
	status = ask("protect", a.control, command);
	if (status == EXIT_FINE && is_off)
		printf("the daemon is not protected for %llu seconds (vedette protect on ends that)\n", (unsigned long long)a.for_s);
	return status;
}

/* What it left in force is nobody's but root's to see. */
static void say_what_stays(void)
{
	if (left_youngest() && !left_living())
		puts("the daemon has ended; what its rules block stays blocked (enforcement.on_exit: keep): vedette release takes that away");
}

static int stop(const char *control)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(fd_close) int process = -1;
	int err = control_process(control, &process, &diag);
	say_result(err, &diag);
	int status = err ? EXIT_FAILED : ask("stop", control, "{\"command\":\"stop\"}");
	if (status)
		return status;
	struct pollfd p = { .fd = process, .events = POLLIN };
	if (process >= 0 && poll(&p, 1, END_S * 1000) != 1) { /* a pidfd is readable when its process has ended */
		fprintf(stderr, "vedette stop: the daemon said yes, and still runs after %d seconds\n", END_S);
		return EXIT_FAILED;
	}
	say_what_stays();
	return EXIT_FINE;
}

int cmd_stop(int argc, char **argv)
{
	struct protect_arguments a;
	bool is_done = false;
	int status = parse(argc, argv, usage_stop, &a, &is_done);
	if (status || is_done)
		return status;
	if (optind < argc) {
		fputs("vedette stop: too many arguments; see vedette stop --help\n", stderr);
		return EXIT_USAGE;
	}
	return stop(a.control);
}
