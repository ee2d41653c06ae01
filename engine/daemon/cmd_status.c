/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette status`: shows what a running daemon wrote to its status file. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/base/fd.h"
#include "engine/base/jsonread.h"
#include "engine/base/yaml.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/say.h"

static const char usage[] =
	"usage: vedette status [--json] [--control PATH | FILE]\n"
	"Shows how a running daemon fares: sensor mode, probes and blind spots, rules, events and losses. FILE is its status_file\n"
	"(default: /run/vedette/status.json).\n"
	"\n"
	"  --control PATH  ask the daemon by its control socket instead\n"
	"  --json          the document as it is\n"
	"\n"
	"Exit status: 0 healthy; 1 degraded (losses, missing probes, an old file) or not running; 2 wrong use.\n";

enum { STALE_SECONDS = 10 };

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->type == YAML_SCALAR ? n->text.p : "?";
}

/* First item of a list, first key of a map; NULL when the file has something else there. */
static const struct yaml_node *first_of(const struct yaml_node *node, enum yaml_type type)
{
	return node && node->type == type ? node->first : NULL;
}

/* Prints what is not as it should be; returns how many such things there are. */
static size_t show_hooks(const struct yaml_node *hooks)
{
	size_t attached = 0, missing = 0;
	for (const struct yaml_node *h = first_of(hooks, YAML_LIST); h; h = h->next)
		*(strcmp(text_of(h, "attached"), "true") == 0 ? &attached : &missing) += 1;
	printf("probes    %zu attached, %zu missing\n", attached, missing);
	for (const struct yaml_node *h = first_of(hooks, YAML_LIST); h; h = h->next)
		if (strcmp(text_of(h, "attached"), "true") != 0)
			printf("          missing: %s: %s\n", text_of(h, "where"), text_of(h, "missing"));
	return missing;
}

static void show_events(const struct yaml_node *events)
{
	for (const struct yaml_node *k = first_of(events, YAML_MAP); k; k = k->next->next)
		printf("  %-22s %12s produced %12s delivered  lost: %s ring, %s scratch  blocked: %s  filtered: %s\n", k->text.p,
		       text_of(k->next, "produced"), text_of(k->next, "delivered"), text_of(k->next, "lost_ring"), text_of(k->next, "lost_scratch"),
		       text_of(k->next, "blocked"), text_of(k->next, "filtered"));
}

static int show(const struct yaml_node *doc, time_t age)
{
	const struct yaml_node *sensor = yaml_get(doc, "sensor"), *policy = yaml_get(doc, "policy"), *totals = yaml_get(doc, "totals");
	printf("vedette   %s, process %s, as of %s%s\n", text_of(doc, "version"), text_of(doc, "pid"), text_of(doc, "at"),
	       age > STALE_SECONDS ? " (old: the daemon does not run or hangs)" : "");
	printf("sensor    %s mode; canary seen: %s, denied: %s; paths checked: %s; preemption: %s; skipped runs: %s\n", text_of(sensor, "mode"),
	       text_of(sensor, "canary_seen"), text_of(sensor, "canary_denied"), text_of(sensor, "paths_checked"), text_of(sensor, "preemption"),
	       text_of(sensor, "skipped_runs"));
	if (yaml_get(sensor, "lsm_refused"))
		printf("          lsm mode was refused: %s\n", text_of(sensor, "lsm_refused"));
	for (const struct yaml_node *b = first_of(yaml_get(sensor, "blind_spots"), YAML_LIST); b; b = b->next)
		printf("          not seen: %s\n", b->type == YAML_SCALAR ? b->text.p : "?");
	size_t missing = show_hooks(yaml_get(doc, "hooks"));
	printf("policy    %s rule%s, digest %s\n", text_of(policy, "rules"), strcmp(text_of(policy, "rules"), "1") == 0 ? "" : "s", text_of(policy, "digest"));
	const struct yaml_node *pending = yaml_get(policy, "pending");
	for (const struct yaml_node *a = first_of(yaml_get(policy, "applied"), YAML_LIST); a; a = a->next)
		printf("          applied: %s\n", a->type == YAML_SCALAR ? a->text.p : "?");
	if (pending)
		printf("          waits to be confirmed: %s %s, for %s more seconds; it blocked %s times\n",
		       strcmp(text_of(pending, "removal"), "true") == 0 ? "removal of" : "policy", text_of(pending, "name"), text_of(pending, "left_seconds"),
		       text_of(pending, "blocked"));
	const struct yaml_node *protection = yaml_get(doc, "protection");
	if (protection)
		printf("protected %s; %s acts refused, %s canaries, %s failures; %s files, %s not proven\n", text_of(protection, "state"),
		       text_of(protection, "refused"), text_of(protection, "canaries"), text_of(protection, "failures"), text_of(protection, "files"),
		       text_of(protection, "unproven"));
	printf("totals    %s produced, %s delivered, %s lost, %s damaged; %s alerts, %s blocked\n", text_of(totals, "produced"),
	       text_of(totals, "delivered"), text_of(totals, "lost"), text_of(totals, "damaged"), text_of(totals, "alerts"), text_of(totals, "blocked"));
	const struct yaml_node *state = yaml_get(doc, "state");
	if (state)
		printf("state     %s groups of rules about several events; %s evicted, %s dropped, %s late, %s hurried\n", text_of(state, "groups"),
		       text_of(state, "evicted"), text_of(state, "dropped"), text_of(state, "late"), text_of(state, "hurried"));
	show_events(yaml_get(doc, "events"));
	bool is_lossy = strcmp(text_of(totals, "lost"), "0") != 0 || strcmp(text_of(totals, "damaged"), "0") != 0;
	return missing || is_lossy || age > STALE_SECONDS ? 1 : 0;
}

static int read_status(const char *file, struct buf *text, time_t *ret_age)
{
	struct stat st;
	int err = stat(file, &st) ? -errno : fd_read_file(file, 1 << 20, text);
	if (err)
		fprintf(stderr, "vedette status: %s: %s (does the daemon run?)\n", file, strerror(-err));
	else
		*ret_age = time(NULL) - st.st_mtime;
	return err;
}

static int ask_status(const char *control, struct buf *text)
{
	CLEANUP(buf_done) struct buf answer = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct json_want want = { .path = "status" };
	const char *error;
	size_t at;
	int err = control_ask(control, "status", &(struct control_patience){ .seconds = CONTROL_STATUS_S }, &answer, &diag);
	say_result(err, &diag);
	if (err)
		return err;
	answer.n--; /* the line end */
	if (json_read_members(buf_sv(&answer), &want, 1, &error, &at) || want.token != JSON_OBJECT) {
		fprintf(stderr, "vedette status: %s: the answer makes no sense\n", control);
		return -EBADMSG;
	}
	buf_add_sv(text, want.raw);
	buf_add_char(text, '\n');
	return buf_error(text);
}

int cmd_status(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' }, { "control", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	bool json = false;
	const char *control = NULL;
	int c;
	while ((c = getopt_long(argc, argv, "jh", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == 'c')
			control = optarg;
		else if (c == 'j')
			json = true;
		else
			return 2;
	}
	if (argc - optind > (control ? 0 : 1)) {
		fputs("vedette status: one file, or --control, at most; see vedette status --help\n", stderr);
		return 2;
	}
	const char *file = control ? control : optind < argc ? argv[optind] : "/run/vedette/status.json";
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	time_t age = 0;
	int err = control ? ask_status(control, &text) : read_status(file, &text, &age);
	if (err)
		return 1;
	/* JSON is YAML: the tree reader serves */
	if (yaml_parse(file, buf_sv(&text), &tree, &diag) || !yaml_root(tree)->first || yaml_root(tree)->first->type != YAML_MAP) {
		fprintf(stderr, "vedette status: %s is not a status file\n", file);
		return 1;
	}
	if (json)
		fputs(buf_cstr(&text), stdout);
	int status = 0;
	if (!json)
		status = show(yaml_root(tree)->first, age);
	return json ? age > STALE_SECONDS : status;
}
