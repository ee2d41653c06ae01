/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette status`: shows what a running daemon wrote to its status file, and says whether that is as it should be. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/base/fd.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/base/yaml.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/say.h"
#include "engine/daemon/status_owner.h"

static const char usage[] =
	"usage: vedette status [--json] [--control PATH | FILE]\n"
	"Shows how a running daemon fares: whether it blocks, and what; sensor mode, probes and blind spots, rules, rates, keys, sinks, memory, events\n"
	"and losses. FILE is its status_file (default: /run/vedette/status.json).\n"
	"\n"
	"  -c, --control PATH  ask the daemon by its control socket instead\n"
	"  -j, --json          the document as it is\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 healthy; 1 degraded: it runs, and something was lost, skipped or does not work, each named in a line \"degraded\"; 2 wrong\n"
	"use; 3 down: no daemon, or one that hangs or does not answer.\n";

enum { EXIT_DEGRADED = 1, EXIT_DOWN = 3 };

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->type == YAML_SCALAR ? n->text.p : "?";
}

static bool is_true(const struct yaml_node *map, const char *key)
{
	return strcmp(text_of(map, key), "true") == 0;
}

/* 0: none, or not a number. */
static uint64_t number_of(const struct yaml_node *map, const char *key)
{
	uint64_t n;
	return num_parse_u64(sv_from(text_of(map, key)), UINT64_MAX, &n) ? 0 : n;
}

/* First item of a list, first key of a map; NULL when the file has something else there. */
static const struct yaml_node *first_of(const struct yaml_node *node, enum yaml_type type)
{
	return node && node->type == type ? node->first : NULL;
}

/* --- is it as it should be? ---------------------------------------------------------------------------------------------------- */

struct health {
	bool is_told; /* print what is found */
	size_t faults;
};

PRINTF_LIKE(2, 3) static void degraded(struct health *h, const char *format, ...)
{
	va_list arguments;
	h->faults++;
	if (!h->is_told)
		return;
	va_start(arguments, format);
	fputs("degraded  ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

static void judge_hooks(struct health *h, const struct yaml_node *hooks)
{
	for (const struct yaml_node *k = first_of(hooks, YAML_LIST); k; k = k->next)
		if (!is_true(k, "attached"))
			degraded(h, "a probe is missing: %s: %s", text_of(k, "where"), text_of(k, "missing"));
}

static void judge_totals(struct health *h, const struct yaml_node *totals)
{
	static const struct {
		const char *key, *what;
	} rows[] = {
		{ "lost", "records of the kernel were lost" },
		{ "damaged", "records of the kernel were damaged" },
		{ "unwritten", "alerts and events got no record: the log cannot be written" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (number_of(totals, rows[i].key))
			degraded(h, "%s %s", text_of(totals, rows[i].key), rows[i].what);
}

static void judge_sensor(struct health *h, const struct yaml_node *sensor)
{
	if (strcmp(text_of(sensor, "mode"), "lsm") == 0 && !is_true(sensor, "canary_denied"))
		degraded(h, "the kernel did not refuse the test act at the start: nothing can be blocked");
	if (!is_true(sensor, "canary_seen"))
		degraded(h, "the test act at the start was not seen");
	if (number_of(sensor, "skipped_runs"))
		degraded(h, "the kernel skipped %s runs of our programs: they saw and refused nothing then", text_of(sensor, "skipped_runs"));
}

static void judge_protection(struct health *h, const struct yaml_node *protection)
{
	if (number_of(protection, "failures"))
		degraded(h, "the protection of Vedette itself failed %s times: see the alerts of agent.tamper", text_of(protection, "failures"));
	if (strcmp(text_of(protection, "state"), "off") == 0)
		degraded(h, "the protection of Vedette itself is off, for %s more seconds (vedette protect on)", text_of(protection, "off_for_seconds"));
}

static void judge_delivery(struct health *h, const struct yaml_node *sinks, const struct yaml_node *wal)
{
	if (is_true(wal, "full"))
		degraded(h, "the write-ahead log, or its disk, is full");
	if (text_of(wal, "error")[0] && strcmp(text_of(wal, "error"), "?") != 0)
		degraded(h, "the write-ahead log cannot be written: %s", text_of(wal, "error"));
	if (number_of(wal, "lost_lines"))
		degraded(h, "%s records of the write-ahead log were lost", text_of(wal, "lost_lines"));
	for (const struct yaml_node *s = first_of(sinks, YAML_LIST); s; s = s->next) {
		if (strcmp(text_of(s, "state"), "good") != 0)
			degraded(h, "sink %s: %s", text_of(s, "name"), text_of(s, "last_error"));
		if (number_of(s, "refused") + number_of(s, "missed"))
			degraded(h, "sink %s: lines will not reach it, %s refused and %s missed", text_of(s, "name"), text_of(s, "refused"), text_of(s, "missed"));
	}
}

/* Losses that mean that something was not judged, or decided by each rule's own default. */
static void judge_losses(struct health *h, const struct yaml_node *losses)
{
	static const struct {
		const char *key, *what;
	} rows[] = {
		{ "labels", "processes had no label: decisions do not know their image and ancestors" },
		{ "ancestor-sets", "sets of ancestors found no room: unknown to decisions" },
		{ "decisions", "acts found no slot to be decided in: each was refused or not judged" },
		{ "images", "images were not judged by rules that kill" },
		{ "hashes", "executed files have no hash: above 256 MiB, or the kernel makes no SHA-256" },
		{ "matches", "matches were dropped: too many rules on one event" },
		{ "state", "groups or events of rules about several events were forgotten for want of memory" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (number_of(losses, rows[i].key))
			degraded(h, "%s %s", text_of(losses, rows[i].key), rows[i].what);
}

static void judge(struct health *h, const struct yaml_node *doc)
{
	judge_hooks(h, yaml_get(doc, "hooks"));
	judge_totals(h, yaml_get(doc, "totals"));
	judge_losses(h, yaml_get(doc, "losses"));
	judge_sensor(h, yaml_get(doc, "sensor"));
	judge_protection(h, yaml_get(doc, "protection"));
	judge_delivery(h, yaml_get(doc, "sinks"), yaml_get(doc, "wal"));
}

/* --- showing it ------------------------------------------------------------------------------------------------------------------ */

static void show_hooks(const struct yaml_node *hooks)
{
	size_t attached = 0, missing = 0;
	for (const struct yaml_node *h = first_of(hooks, YAML_LIST); h; h = h->next)
		*(is_true(h, "attached") ? &attached : &missing) += 1;
	printf("probes    %zu attached, %zu missing\n", attached, missing);
}

static void show_events(const struct yaml_node *events)
{
	for (const struct yaml_node *k = first_of(events, YAML_MAP); k; k = k->next->next)
		printf("  %-22s %12s produced %12s delivered  lost: %s ring, %s scratch  blocked: %s  filtered: %s\n", k->text.p,
		       text_of(k->next, "produced"), text_of(k->next, "delivered"), text_of(k->next, "lost_ring"), text_of(k->next, "lost_scratch"),
		       text_of(k->next, "blocked"), text_of(k->next, "filtered"));
}

static void show_sensor(const struct yaml_node *sensor)
{
	printf("sensor    %s mode; canary seen: %s, denied: %s; paths checked: %s; preemption: %s; skipped runs: %s\n", text_of(sensor, "mode"),
	       text_of(sensor, "canary_seen"), text_of(sensor, "canary_denied"), text_of(sensor, "paths_checked"), text_of(sensor, "preemption"),
	       text_of(sensor, "skipped_runs"));
	if (yaml_get(sensor, "lsm_refused"))
		printf("          lsm mode was refused: %s\n", text_of(sensor, "lsm_refused"));
	for (const struct yaml_node *b = first_of(yaml_get(sensor, "blind_spots"), YAML_LIST); b; b = b->next)
		printf("          not seen: %s\n", b->type == YAML_SCALAR ? b->text.p : "?");
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* The first question of whoever is called at night: does it block, and what? */
static void show_enforcement(const struct yaml_node *enforcement)
{
	const struct yaml_node *rules = yaml_get(enforcement, "rules");
	uint64_t blocking = number_of(rules, "blocking"), killing = number_of(rules, "killing"), watching = number_of(rules, "watching");
	if (!is_true(enforcement, "enabled")) {
		printf("enforces  no: nothing is blocked (`enforce: false`); %llu rule%s would block, %llu would kill\n", (unsigned long long)blocking,
		       plural(blocking), (unsigned long long)killing);
		return;
	}
	printf("enforces  yes: %llu rule%s block%s", (unsigned long long)blocking, plural(blocking), blocking == 1 ? "s" : "");
	if (number_of(rules, "partly"))
		printf(" (%s of them in a share of the processes)", text_of(rules, "partly"));
	printf(", %llu kill; %llu only tell%s what they would do (`mode: detect`); when the daemon ends: %s\n", (unsigned long long)killing,
	       (unsigned long long)watching, watching == 1 ? "s" : "", strcmp(text_of(enforcement, "on_exit"), "keep") == 0 ?
	       "what is blocked stays blocked (on_exit: keep)" : "nothing is blocked any more (on_exit: release)");
	for (const struct yaml_node *b = first_of(yaml_get(enforcement, "blocked_by"), YAML_LIST); b; b = b->next)
		printf("          %s blocked %s time%s\n", text_of(b, "rule"), text_of(b, "count"), plural(number_of(b, "count")));
	if (number_of(enforcement, "blocked_by_others"))
		printf("          other rules blocked %s times\n", text_of(enforcement, "blocked_by_others"));
}

static const char *why_back(const char *reason)
{
	static const struct {
		const char *reason, *text;
	} rows[] = {
		{ "timeout", ": nobody confirmed it in time" },
		{ "breaker", ": it blocked more in a minute than `policy.breaker` allows" },
		{ "unkept", ": its file could not be written" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(reason, rows[i].reason) == 0)
			return rows[i].text;
	return "";
}

static void show_policy(const struct yaml_node *policy)
{
	const struct yaml_node *pending = yaml_get(policy, "pending"), *last = yaml_get(policy, "last");
	printf("policy    %s rule%s, digest %s\n", text_of(policy, "rules"), plural(number_of(policy, "rules")), text_of(policy, "digest"));
	for (const struct yaml_node *a = first_of(yaml_get(policy, "applied"), YAML_LIST); a; a = a->next) {
		bool is_forced = false;
		for (const struct yaml_node *f = first_of(yaml_get(policy, "forced"), YAML_LIST); f && a->type == YAML_SCALAR; f = f->next)
			is_forced |= f->type == YAML_SCALAR && strcmp(f->text.p, a->text.p) == 0;
		printf("          applied: %s%s\n", a->type == YAML_SCALAR ? a->text.p : "?",
		       is_forced ? " (forced: it was not asked what the host cannot do without)" : "");
	}
	if (pending)
		printf("          waits to be confirmed: %s %s, for %s more seconds; it blocked %s time%s\n",
		       is_true(pending, "removal") ? "removal of" : "policy", text_of(pending, "name"), text_of(pending, "left_seconds"),
		       text_of(pending, "blocked"), plural(number_of(pending, "blocked")));
	if (last && strcmp(text_of(last, "action"), "rollback") == 0)
		printf("          taken back at %s: %s%s; it had blocked %s time%s\n", text_of(last, "at"), text_of(last, "name"), why_back(text_of(last, "reason")),
		       text_of(last, "blocked"), plural(number_of(last, "blocked")));
}

static void show_evidence(const struct yaml_node *evidence)
{
	const char *log = text_of(evidence, "log");
	if (!evidence)
		return;
	printf("evidence  %s; %s\n", strcmp(text_of(evidence, "agent"), "kept") == 0 ? "the agent's key is kept over its runs" : "the key is of this run alone (agent: off)",
	       strcmp(log, "wal") == 0 ? "records go to the write-ahead log first" : strcmp(log, "file") == 0 ? "there is no write-ahead log (wal: off)" : "there is no log");
}

static void show_delivery(const struct yaml_node *sinks, const struct yaml_node *wal)
{
	if (wal)
		printf("log       %s bytes in %s segments, %s bytes wait for the disk\n", text_of(wal, "bytes"), text_of(wal, "segments"), text_of(wal, "queued_bytes"));
	for (const struct yaml_node *s = first_of(sinks, YAML_LIST); s; s = s->next) {
		printf("sink      %s (%s): %s, %s records behind (%s ms), %s lines %s", text_of(s, "name"), text_of(s, "type"), text_of(s, "state"),
		       text_of(s, "lag_records"), text_of(s, "lag_ms"), text_of(s, "lines"), text_of(s, "delivered"));
		if (number_of(s, "refused") + number_of(s, "missed"))
			printf(", %s refused, %s missed", text_of(s, "refused"), text_of(s, "missed"));
		if (yaml_get(s, "last_error"))
			printf("; last error at %s: %s", text_of(s, "last_error_at"), text_of(s, "last_error"));
		putchar('\n');
	}
}

/* "12.3" for 738 in a minute. */
static void show_rate(const struct yaml_node *rates, const char *key, uint64_t over_ms)
{
	uint64_t tenths = number_of(rates, key) * 10000 / over_ms;
	printf("%llu.%llu %s/s", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10), key);
}

static unsigned percent_of(const struct yaml_node *map, const char *used, const char *size)
{
	uint64_t n = number_of(map, size);
	return n ? (unsigned)(MIN(number_of(map, used), n) * 100 / n) : 0;
}

static void show_rates(const struct yaml_node *rates, const struct yaml_node *rings)
{
	uint64_t over_ms = number_of(rates, "over_ms");
	if (over_ms) {
		fputs("rates     ", stdout);
		show_rate(rates, "events", over_ms);
		fputs(", ", stdout);
		show_rate(rates, "alerts", over_ms);
		fputs(", ", stdout);
		show_rate(rates, "lost", over_ms);
		printf(" over the last %llu seconds\n", (unsigned long long)((over_ms + 500) / 1000));
	}
	if (rings)
		printf("rings     priority %u %% full, bulk %u %%\n", percent_of(rings, "priority_used", "priority_size"), percent_of(rings, "bulk_used", "bulk_size"));
}

static void show_keys(const struct yaml_node *keys)
{
	printf("keys      epoch %s, %s; held back %s time%s\n", text_of(keys, "epoch"),
	       is_true(keys, "locked") ? "locked in memory" : "not locked in memory: it could be swapped out", text_of(keys, "held"), plural(number_of(keys, "held")));
}

static void show_memory(const struct yaml_node *memory)
{
	printf("memory    %llu MiB resident", (unsigned long long)(number_of(memory, "resident") >> 20));
	printf("; rules %llu KiB, their caches up to %llu KiB, state %llu KiB, throttles %llu KiB\n", (unsigned long long)(number_of(memory, "index") >> 10),
	       (unsigned long long)(number_of(memory, "caches") >> 10), (unsigned long long)(number_of(memory, "state") >> 10),
	       (unsigned long long)(number_of(memory, "throttles") >> 10));
}

/* Alerts that did not come one by one. */
static void show_noise(const struct yaml_node *totals, const struct yaml_node *throttles)
{
	if (number_of(totals, "suppressed") + number_of(totals, "limited") == 0)
		return;
	printf("noise     %s alerts held back by throttles, %s by noise.rate, each told by a summary; %s windows open, %s ended early\n",
	       text_of(totals, "suppressed"), text_of(totals, "limited"), text_of(throttles, "windows"), text_of(throttles, "hurried"));
}

static void show(const struct yaml_node *doc)
{
	const struct yaml_node *totals = yaml_get(doc, "totals"), *protection = yaml_get(doc, "protection"), *state = yaml_get(doc, "state");
	printf("vedette   %s, process %s, as of %s\n", text_of(doc, "version"), text_of(doc, "pid"), text_of(doc, "at"));
	if (yaml_get(doc, "enforcement"))
		show_enforcement(yaml_get(doc, "enforcement"));
	show_sensor(yaml_get(doc, "sensor"));
	show_hooks(yaml_get(doc, "hooks"));
	show_policy(yaml_get(doc, "policy"));
	if (protection)
		printf("protected %s; %s acts refused, %s canaries, %s failures; %s files, %s not proven\n", text_of(protection, "state"),
		       text_of(protection, "refused"), text_of(protection, "canaries"), text_of(protection, "failures"), text_of(protection, "files"),
		       text_of(protection, "unproven"));
	printf("totals    %s produced, %s delivered, %s lost, %s damaged; %s alerts, %s blocked\n", text_of(totals, "produced"),
	       text_of(totals, "delivered"), text_of(totals, "lost"), text_of(totals, "damaged"), text_of(totals, "alerts"), text_of(totals, "blocked"));
	if (state)
		printf("state     %s groups of rules about several events; %s evicted, %s dropped, %s late, %s hurried\n", text_of(state, "groups"),
		       text_of(state, "evicted"), text_of(state, "dropped"), text_of(state, "late"), text_of(state, "hurried"));
	show_noise(totals, yaml_get(doc, "throttles"));
	if (yaml_get(doc, "rates"))
		show_rates(yaml_get(doc, "rates"), yaml_get(doc, "rings"));
	if (yaml_get(doc, "keys"))
		show_keys(yaml_get(doc, "keys"));
	if (yaml_get(doc, "memory_bytes"))
		show_memory(yaml_get(doc, "memory_bytes"));
	show_evidence(yaml_get(doc, "evidence"));
	show_delivery(yaml_get(doc, "sinks"), yaml_get(doc, "wal"));
	show_events(yaml_get(doc, "events"));
}

/* --- getting it --------------------------------------------------------------------------------------------------------------------- */

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

/* NULL, or why nobody is there any more who would write this file. */
static const char *why_down(const struct yaml_node *doc, time_t age)
{
	uint64_t pid = number_of(doc, "pid");
	if (pid && pid <= INT32_MAX && kill((pid_t)pid, 0) && errno == ESRCH)
		return "the process is gone";
	return age > STATUS_STALE_SECONDS ? "the file is old: the daemon does not run, or hangs" : NULL;
}

static int down(const struct yaml_node *doc, const char *why)
{
	const struct yaml_node *enforcement = yaml_get(doc, "enforcement");
	fprintf(stderr, "vedette status: down: %s; what stands here was so at %s\n", why, text_of(doc, "at"));
	if (is_true(enforcement, "enabled") && strcmp(text_of(enforcement, "on_exit"), "keep") == 0)
		fputs("vedette status: what its rules blocked is still blocked (on_exit: keep), unless it was released: vedette release\n", stderr);
	return EXIT_DOWN;
}

struct status_arguments {
	const char *control, *file; /* control NULL: the file is read */
	bool json;
};

static int parse(int argc, char **argv, struct status_arguments *ret, bool *ret_done)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' }, { "control", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int c;
	while ((c = args_next("status", argc, argv, "c:jh", long_options)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			*ret_done = true;
			return EXIT_FINE;
		}
		if (c == 'c')
			ret->control = optarg;
		else if (c == 'j')
			ret->json = true;
		else
			return EXIT_USAGE;
	}
	if (argc - optind > (ret->control ? 0 : 1)) {
		fputs("vedette status: one file, or --control, at most; see vedette status --help\n", stderr);
		return EXIT_USAGE;
	}
	ret->file = ret->control ? ret->control : optind < argc ? argv[optind] : "/run/vedette/status.json";
	return EXIT_FINE;
}

int cmd_status(int argc, char **argv)
{
	struct status_arguments a = { 0 };
	bool is_done = false;
	int failed = parse(argc, argv, &a, &is_done);
	if (failed || is_done)
		return failed;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	time_t age = 0;
	if (a.control ? ask_status(a.control, &text) : read_status(a.file, &text, &age))
		return EXIT_DOWN;
	/* JSON is YAML: the tree reader serves */
	if (yaml_parse(a.file, buf_sv(&text), &tree, &diag) || !yaml_root(tree)->first || yaml_root(tree)->first->type != YAML_MAP) {
		fprintf(stderr, "vedette status: %s is not a status file\n", a.file);
		return EXIT_DOWN;
	}
	const struct yaml_node *doc = yaml_root(tree)->first;
	if (!number_of(doc, "pid") || !yaml_get(doc, "sensor") || !yaml_get(doc, "totals")) { /* what every daemon writes: nothing is made up for another document */
		fprintf(stderr, "vedette status: %s is not a status file\n", a.file);
		return EXIT_DOWN;
	}
	struct health health = { .is_told = !a.json };
	if (a.json)
		fputs(buf_cstr(&text), stdout);
	else
		show(doc);
	judge(&health, doc);
	const char *why = a.control ? NULL : why_down(doc, age);
	return why ? down(doc, why) : health.faults ? EXIT_DEGRADED : EXIT_FINE;
}
