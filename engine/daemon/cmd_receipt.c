/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette receipt`: what a collector signs about a log that it has verified. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alerts/receipt.h"
#include "alerts/secret.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/logfiles.h"

static const char usage[] =
	"usage: vedette receipt init --name NAME --collector FILE\n"
	"       vedette receipt make --collector FILE --key KEYS PATH...\n"
	"For who collects logs: a signed statement of where a log ended. Kept on the host it proves later that nothing was cut off before.\n"
	"\n"
	"  init   makes the collector's key in a new FILE (mode 0600) and prints the public one, for those who verify\n"
	"  make   verifies a log, of one agent, and prints the receipt of its end\n"
	"\n"
	"  -n, --name NAME        the collector's name: letters, digits, dots, dashes, underscores, slashes\n"
	"  -c, --collector FILE   the collector's key\n"
	"  -k, --key KEYS         public keys of the agents, as of `vedette verify`\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 done; 1 refused, or the log does not verify; 2 wrong use.\n";

#define MARK "vedette-collector/v1 "

struct receipt_args {
	const char *name, *collector, *key;
	char *const *paths;
	size_t n_paths;
};

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++) {
		char text[DIAG_MAX_TEXT + 256];
		diag_format(&diag->messages[i], text, sizeof(text));
		fprintf(stderr, "vedette receipt: %s\n", text);
	}
}

static int print(const struct buf *out)
{
	if (!buf_error(out) && fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0)
		return EXIT_FINE;
	fprintf(stderr, "vedette receipt: cannot write the output: %s\n", strerror(errno));
	return EXIT_FAILED;
}

/* --- the collector's key ---------------------------------------------------------------------------------------------------------------- */

static int write_key(const char *file, const char *name, const struct crypto_key *key)
{
	CLEANUP(crypto_secret_free) char *bytes = crypto_secret_new(RECEIPT_MAX);
	if (!bytes)
		return -ENOMEM;
	struct buf text = { .p = bytes, .cap = RECEIPT_MAX, .max = RECEIPT_MAX };
	buf_add_format(&text, MARK "%s ", name);
	crypto_key_add_secret(key, &text);
	buf_add_char(&text, '\n');
	CLEANUP(fd_close) int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
	if (!r && fsync(fd))
		r = -errno;
	if (r && fd >= 0)
		(void)unlink(file); /* was made here: half a key is none, and would be in the way of the next */
	return r;
}

static int read_key(const char *file, char ret_name[static RECEIPT_NAME_MAX + 1], struct crypto_key **ret)
{
	CLEANUP(crypto_secret_free) char *bytes = crypto_secret_new(RECEIPT_MAX);
	CLEANUP(fd_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (!bytes)
		return -ENOMEM;
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, RECEIPT_MAX);
	if (n < 0)
		return -errno;
	struct strview text = { bytes, (size_t)n };
	if (!sv_starts(text, SV(MARK)) || text.p[text.n - 1] != '\n')
		return -EINVAL;
	text = sv_from_index((struct strview){ text.p, text.n - 1 }, sizeof(MARK) - 1);
	const char *blank = text.n ? memchr(text.p, ' ', text.n) : NULL;
	size_t n_name = blank ? (size_t)(blank - text.p) : 0;
	if (n_name == 0 || n_name > RECEIPT_NAME_MAX)
		return -EINVAL;
	memcpy(ret_name, text.p, n_name);
	ret_name[n_name] = '\0';
	return receipt_name_is_fine(ret_name) ? crypto_key_from_secret(sv_from_index(text, n_name + 1), ret) : -EINVAL;
}

static int init(const struct receipt_args *args)
{
	CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
	CLEANUP(buf_done) struct buf out = { 0 };
	if (!args->name || !args->collector || !receipt_name_is_fine(args->name)) {
		fputs("vedette receipt init: --name NAME and --collector FILE are needed; a name has letters, digits and ._-/ only\n", stderr);
		return EXIT_USAGE;
	}
	int r = crypto_key_new(&key);
	if (!r)
		r = write_key(args->collector, args->name, key);
	if (r) {
		fprintf(stderr, "vedette receipt: %s: %s\n", args->collector, strerror(-r));
		return EXIT_FAILED;
	}
	receipt_verifier_text(args->name, key, &out);
	return print(&out);
}

/* --- receipts ------------------------------------------------------------------------------------------------------------------------------ */

static int take_line(void *context, struct strview line)
{
	struct verifier *v = context;
	return verifier_line(v, line) != VERIFY_OK;
}

/* Where the log ends, verified. */
static int find_end(const struct receipt_args *args, struct log_head *ret, struct diag *diag)
{
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(logfiles_done) struct logfiles files = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	size_t torn;
	int r = verify_keys_read(args->key, &keys, diag);
	if (!r)
		r = logfiles_find(args->paths, args->n_paths, &files, diag);
	logfiles_say_passed(&files);
	if (!r)
		r = verifier_new(&keys, &(struct verify_options){ .from_middle = true }, &v);
	for (size_t i = 0; !r && i < files.n && !verifier_explain(v)[0]; i++) {
		if (i && logfiles_begins_log(&files, i)) {
			diag_error(diag, (struct place){ files.file[i].path, 0, 0 }, "is of another agent than %s: a receipt is about one", files.file[i - 1].path);
			return -EINVAL;
		}
		r = logfile_read(files.file[i].path, take_line, v, &torn);
		if (r || verifier_explain(v)[0])
			diag_error(diag, (struct place){ files.file[i].path, 0, 0 }, "%s", r ? strerror(-r) : verifier_explain(v));
	}
	if (r || verifier_explain(v)[0])
		return r ? r : -EBADMSG;
	verifier_head(v, ret);
	if (!ret->stream[0])
		diag_error(diag, (struct place){ args->paths[0], 0, 0 }, "holds no record");
	return ret->stream[0] ? 0 : -ENODATA;
}

static int make(const struct receipt_args *args)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
	CLEANUP(buf_done) struct buf out = { 0 };
	char name[RECEIPT_NAME_MAX + 1];
	struct log_head head;
	if (!args->collector || !args->key || !args->n_paths) {
		fputs("vedette receipt make: --collector FILE, --key KEYS and a PATH are needed\n", stderr);
		return EXIT_USAGE;
	}
	int r = secret_check(args->collector, &diag);
	print_diag(&diag);
	if (r)
		return EXIT_FAILED;
	r = read_key(args->collector, name, &key);
	if (r) {
		fprintf(stderr, "vedette receipt: %s: %s\n", args->collector, r == -EINVAL ? "is no collector's key: `vedette receipt init` makes one" : strerror(-r));
		return EXIT_FAILED;
	}
	r = find_end(args, &head, &diag);
	print_diag(&diag);
	if (r)
		return EXIT_FAILED;
	receipt_make(&head, name, key, clock_ns(CLOCK_REALTIME), &out);
	return print(&out);
}

int cmd_receipt(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "name", required_argument, NULL, 'n' }, { "collector", required_argument, NULL, 'c' }, { "key", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },       { NULL, 0, NULL, 0 },
	};
	struct receipt_args args = { .name = NULL };
	int c;
	while ((c = args_next("receipt", argc, argv, "n:c:k:h", long_options)) != -1) {
		switch (c) {
		case 'n':
			args.name = optarg;
			break;
		case 'c':
			args.collector = optarg;
			break;
		case 'k':
			args.key = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	const char *verb = optind < argc ? argv[optind++] : "";
	args.paths = argv + optind;
	args.n_paths = (size_t)(argc - optind);
	if (crypto_init())
		return EXIT_FAILED;
	if (strcmp(verb, "init") == 0)
		return init(&args);
	if (strcmp(verb, "make") == 0)
		return make(&args);
	fputs("vedette receipt: init or make is needed; see vedette receipt --help\n", stderr);
	return EXIT_USAGE;
}
