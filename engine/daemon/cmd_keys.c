/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette keys`: the agent's signing key, as far as others may see it. The secret is never shown. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "alerts/agent.h"
#include "engine/base/json.h"
#include "engine/daemon/answer.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"

static const char usage[] =
	"usage: vedette keys init --folder FOLDER [--json]\n"
	"       vedette keys show --folder FOLDER [--json]\n"
	"       vedette keys roll [--control PATH] [--json]\n"
	"The key that an agent signs with, when it is kept between its runs (agent.folder of the configuration).\n"
	"\n"
	"  init   makes an agent in FOLDER and prints the line that those who verify need, to be brought to them on a way of its own\n"
	"  show   prints the same line for the key in force, and its fingerprint; not while a daemon holds the folder\n"
	"  roll   has a running daemon go over to another key now\n"
	"\n"
	"  -f, --folder FOLDER  as agent.folder of the configuration\n"
	"  -c, --control PATH   the daemon's control socket (default: /run/vedette/control.sock)\n"
	"  -j, --json           one line of JSON\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 done; 1 refused, with the reason; 2 wrong use.\n";

struct keys_args {
	const char *folder, *control;
	bool json;
};

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++) {
		char text[DIAG_MAX_TEXT + 256];
		diag_format(&diag->messages[i], text, sizeof(text));
		fprintf(stderr, "vedette keys: %s\n", text);
	}
}

/* SHA-256 of the public key, in hexadecimal: short enough to be read aloud. */
static void add_fingerprint(const struct agent *a, struct buf *out)
{
	uint8_t public_key[CRYPTO_PUBLIC], hash[CRYPTO_HASH];
	agent_public_key(a, public_key);
	crypto_sha256(&(struct strview){ (const char *)public_key, sizeof(public_key) }, 1, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		buf_add_format(out, "%02x", hash[i]);
}

static void add_json(const struct agent *a, const char *folder, struct buf *out)
{
	uint8_t public_key[CRYPTO_PUBLIC];
	CLEANUP(buf_done) struct buf fingerprint = { 0 };
	struct json j;
	agent_public_key(a, public_key);
	add_fingerprint(a, &fingerprint);
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "agent");
	json_str(&j, sv_from(agent_id(a)));
	json_key(&j, "epoch");
	json_u64(&j, agent_epoch(a));
	json_key(&j, "fingerprint");
	json_str(&j, buf_sv(&fingerprint));
	json_key(&j, "folder");
	json_str(&j, sv_from(folder));
	json_key(&j, "incarnation");
	json_u64(&j, agent_incarnation(a));
	json_key(&j, "public");
	json_base64(&j, (struct strview){ (const char *)public_key, sizeof(public_key) });
	json_object_end(&j);
	buf_add_char(out, '\n');
}

static int show(const struct keys_args *args, bool makes)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(agent_close) struct agent *a = NULL;
	if (!args->folder) {
		fputs("vedette keys: --folder FOLDER is missing: that of agent.folder in the configuration\n", stderr);
		return EXIT_USAGE;
	}
	int r = agent_open(args->folder, &(struct agent_options){ .makes = makes, .must_make = makes }, &a, &diag);
	print_diag(&diag);
	if (r)
		return EXIT_FAILED;
	if (args->json) {
		add_json(a, args->folder, &out);
	} else {
		buf_add_z(&out, "# SHA-256 of the key ");
		add_fingerprint(a, &out);
		buf_add_char(&out, '\n');
		agent_key_line(a, &out);
	}
	if (buf_error(&out) || fputs(buf_cstr(&out), stdout) == EOF || fflush(stdout)) {
		fprintf(stderr, "vedette keys: cannot write the output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

static int init(const struct keys_args *args)
{
	return show(args, true);
}

static int show_only(const struct keys_args *args)
{
	return show(args, false);
}

static int roll(const struct keys_args *args)
{
	static const char who[] = "vedette keys roll";
	CLEANUP(answer_done) struct answer a = { 0 };
	int status = answer_ask(who, args->control, SV("{\"command\":\"keys-roll\"}"), &a);
	if (status)
		return status;
	if (args->json)
		return answer_print(&a);
	if (!answer_show_problems(who, &a, "", ""))
		return EXIT_FAILED;
	puts("another key signs from now on; the log names it");
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(const struct keys_args *args);
} verbs[] = { { "init", init }, { "show", show_only }, { "roll", roll } };

int cmd_keys(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "folder", required_argument, NULL, 'f' }, { "control", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	struct keys_args args = { .control = CONTROL_DEFAULT_PATH };
	int c;
	while ((c = args_next("keys", argc, argv, "f:c:jh", long_options)) != -1) {
		switch (c) {
		case 'f':
			args.folder = optarg;
			break;
		case 'c':
			args.control = optarg;
			break;
		case 'j':
			args.json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	for (size_t i = 0; optind + 1 == argc && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			return verbs[i].run(&args);
	fprintf(stderr, "vedette keys: one of init, show and roll is needed; see vedette keys --help\n");
	return EXIT_USAGE;
}
