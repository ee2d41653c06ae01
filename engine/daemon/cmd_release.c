/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette release`: takes away what a daemon that is gone left in force. Needs no configuration and no daemon that starts. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/say.h"
#include "engine/probe/left.h"

static const char usage[] =
	"usage: vedette release\n"
	"Takes away what a daemon left in force when it ended (`enforcement.on_exit: keep`): from then on the kernel refuses nothing any more.\n"
	"Records of what was refused since then, which nobody has read, are gone with it. Refused while a daemon runs: stop it first.\n"
	"\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 nothing is in force any more; 1 a daemon runs, or not all could be taken away; 2 wrong use.\n";

static void left_done(struct left **l)
{
	left_free(l);
}

static int release(struct diag *diag)
{
	if (geteuid() != 0) { /* others cannot even look */
		diag_error(diag, (struct place){ 0 }, "what is left in force can be seen and released by root alone");
		return -EPERM;
	}
	CLEANUP(left_done) struct left *left = NULL;
	struct left_state state = { 0 };
	uint32_t pid = left_living();
	if (pid) {
		diag_error(diag, (struct place){ 0 }, "a daemon runs (pid %u) and enforces: stop it first, then release what it leaves", pid);
		return -1;
	}
	int err = left_open(&left, diag);
	if (!err && left) {
		left_get_state(left, &state);
		err = left_undo(left, diag);
	}
	if (err)
		return err;
	left_unmount();
	if (left)
		printf("released: %zu kernel programs are detached, nothing is refused any more\n", state.links);
	else
		puts("nothing was left in force");
	return 0;
}

int cmd_release(int argc, char **argv)
{
	static const struct option long_options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	CLEANUP(diag_done) struct diag diag = { 0 };
	int c;
	while ((c = args_next("release", argc, argv, "h", long_options)) != -1) {
		if (c != 'h')
			return EXIT_USAGE;
		fputs(usage, stdout);
		return EXIT_FINE;
	}
	if (optind < argc) {
		fputs("vedette release: too many arguments; see vedette release --help\n", stderr);
		return EXIT_USAGE;
	}
	int err = release(&diag);
	say_result(err, &diag);
	return err ? EXIT_FAILED : EXIT_FINE;
}
