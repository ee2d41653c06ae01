/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette replay`: rules asked about the events of a tape, through the same judge as live ones. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alerts/crypto.h"
#include "alerts/terminal.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/args.h"
#include "engine/daemon/bench.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/log.h"
#include "engine/daemon/pipeline.h"
#include "engine/daemon/say.h"
#include "engine/daemon/untaped.h"

enum { EXIT_VEDETTE = 125, MAX_RULE_PATHS = 64, FLUSH_EVENTS = 64, QUEUE_BYTES = 16 << 20 };

static const char usage[] =
	"usage: vedette replay [OPTION]... [--rules PATH]... FILE\n"
	"Asks rules about the events of a tape that vedette record or run wrote. Nothing is asked of this host: the same tape\n"
	"and the same rules give the same alerts. Time is that of the events.\n"
	"\n"
	"  -r, --rules PATH       rule file or folder; may be repeated (default: the shipped rules)\n"
	"  -o, --output LOG       signed log as JSON lines; the public key goes to LOG.pub\n"
	"      --key-file FILE    public key goes there instead\n"
	"  -j, --json             alerts as JSON lines without signature, on standard output\n"
	"      --events           every event as well as the alerts; without --rules: only them\n"
	"      --bench            instead of alerts: what the rules cost for each event, in several passes over the events in memory\n"
	"      --info             instead of alerts: what the tape is and holds, and what its tables and ours do not share; with\n"
	"                         --rules also which rules ask for what it does not have\n"
	"      --fail-on SEVERITY exit with 1 when an alert of that severity or a higher one was raised: info, low, medium,\n"
	"                         high or critical\n"
	"  -q, --quiet            no alerts on standard output\n"
	"  -h, --help\n"
	"\n"
	"FILE may be - for standard input. Exit status: 0; 1 by --fail-on; 125 when vedette itself failed, or a part of the tape was damaged or\n"
	"missing (what could be read was judged all the same).\n";

struct replay_options {
	const char *rule_paths[MAX_RULE_PATHS];
	size_t n_rule_paths;
	const char *file, *output, *key_file;
	bool json, events, bench, info, is_quiet;
	int fail_on; /* enum severity; -1: never */
};

struct replay {
	const struct replay_options *options;
	struct tape_reader *tape;
	struct policy *policy;
	struct stream *stream;
	struct renderer *renderer;
	struct pipeline *pipeline;
	struct identity identity;
};

static void replay_done(struct replay *r)
{
	pipeline_free(&r->pipeline);
	renderer_free(&r->renderer);
	(void)stream_free(&r->stream); /* the close record has told what could not be written */
	policy_free(&r->policy);
	tape_reader_free(&r->tape);
}

/* --- options --------------------------------------------------------------------------------------------------------------- */

enum { OPT_KEY = 256, OPT_EVENTS, OPT_BENCH, OPT_INFO, OPT_FAIL };

static const struct option long_options[] = {
	{ "rules", required_argument, NULL, 'r' }, { "output", required_argument, NULL, 'o' }, { "key-file", required_argument, NULL, OPT_KEY },
	{ "json", no_argument, NULL, 'j' }, { "events", no_argument, NULL, OPT_EVENTS }, { "bench", no_argument, NULL, OPT_BENCH },
	{ "info", no_argument, NULL, OPT_INFO }, { "fail-on", required_argument, NULL, OPT_FAIL }, { "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "vedette replay: %s '%s'; see vedette replay --help\n", what, value);
	return EXIT_VEDETTE;
}

static int add_rules(struct replay_options *o, const char *path)
{
	if (o->n_rule_paths == MAX_RULE_PATHS)
		return misuse("more than 64 rule paths:", path);
	o->rule_paths[o->n_rule_paths++] = path;
	return 0;
}

/* The last word is the tape; those before it, as in `--rules A B TAPE`, are rules. */
static int take_words(struct replay_options *o, int argc, char **argv)
{
	if (optind == argc) {
		fputs("vedette replay: no tape given; see vedette replay --help\n", stderr);
		return EXIT_VEDETTE;
	}
	if (argc - optind > 1 && o->n_rule_paths == 0 && !args_is_rules(argv[optind]))
		return misuse("one tape at a time, not also", argv[optind + 1]);
	for (int i = optind; i < argc - 1; i++)
		if (add_rules(o, argv[i]))
			return EXIT_VEDETTE;
	o->file = argv[argc - 1];
	return 0;
}

/* 0: go on; else the exit status (help: 0 with *ret_done set). */
static int parse_options(int argc, char **argv, struct replay_options *o, bool *ret_done)
{
	int c, status = 0;
	while (!status && (c = args_next("replay", argc, argv, "r:o:jqh", long_options)) != -1) {
		switch (c) {
		case 'r':
			status = add_rules(o, optarg);
			break;
		case 'o':
			if (args_file("replay", "--output", optarg, &o->output))
				return EXIT_VEDETTE;
			break;
		case OPT_KEY:
			if (args_file("replay", "--key-file", optarg, &o->key_file))
				return EXIT_VEDETTE;
			break;
		case 'j':
			o->json = true;
			break;
		case OPT_EVENTS:
			o->events = true;
			break;
		case OPT_BENCH:
			o->bench = true;
			break;
		case OPT_INFO:
			o->info = true;
			break;
		case OPT_FAIL:
			if (args_fail_on("replay", optarg, &o->fail_on))
				return EXIT_VEDETTE;
			break;
		case 'q':
			o->is_quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_done = true;
			return 0;
		default:
			return EXIT_VEDETTE;
		}
	}
	if (!status && o->info && o->json)
		return misuse("--info is text only:", "--json");
	return status ? status : take_words(o, argc, argv);
}

/* --- opening --------------------------------------------------------------------------------------------------------------- */

static void take_text(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text[0] && strlen(text) < size ? text : "unknown");
}

/*
 * Who saw the events: the agent, host and boot of the tape. The log is a stream of its own all the same: the agent's name with a random
 * incarnation.
 */
static int identity_of(const struct tape_info *info, struct identity *ret)
{
	uint64_t incarnation;
	int err = crypto_init();
	if (err)
		return err;
	crypto_random(&incarnation, sizeof(incarnation));
	take_text(ret->agent_id, sizeof(ret->agent_id), info->agent_id);
	if (strspn(ret->agent_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != strlen(ret->agent_id))
		take_text(ret->agent_id, sizeof(ret->agent_id), "");
	take_text(ret->host_id, sizeof(ret->host_id), info->host_id);
	take_text(ret->host_name, sizeof(ret->host_name), info->host_name);
	take_text(ret->boot_id, sizeof(ret->boot_id), info->boot_id);
	(void)snprintf(ret->stream, sizeof(ret->stream), "%s/%llu", ret->agent_id, (unsigned long long)(incarnation | 1)); /* fits: 57 bytes */
	return 0;
}

static int open_log(struct replay *r, struct diag *diag)
{
	static const char *const none[] = { NULL };
	const struct replay_options *o = r->options;
	const struct tape_info *tape = tape_reader_info(r->tape);
	struct log_options lo = { .file = o->output, .key_file = o->key_file, .queue_bytes = QUEUE_BYTES };
	int err = log_open(&lo, &r->identity, &r->stream, diag);
	if (err)
		return err;
	stream_keep_key(r->stream); /* the time of a key would show in the numbers of the records */
	CLEANUP(buf_done) struct buf scope = { 0 };
	buf_add_format(&scope, "tape of %s", tape->scope);
	struct open_info info = {
		.at = instant_now(),
		.policy_digest = ruleset_digest(r->policy->rules),
		.policy_rules = ruleset_rules(r->policy->rules),
		.config_digest = "",
		.sensor = tape->sensor,
		.scope = buf_cstr(&scope),
		.hooks_attached = none,
		.hooks_missing = none,
	};
	err = stream_open_record(r->stream, &info);
	return err ? err : stream_flush(r->stream, info.at);
}

static int open_pipeline(struct replay *r, struct diag *diag)
{
	const struct replay_options *o = r->options;
	const struct tape_info *tape = tape_reader_info(r->tape);
	bool same_rules = tape->policy_digest[0] && strcmp(tape->policy_digest, ruleset_digest(r->policy->rules)) == 0;
	int err = identity_of(tape, &r->identity);
	if (!err && o->output[0])
		err = open_log(r, diag);
	if (!err && o->json)
		err = renderer_new(&r->identity, &r->renderer);
	if (err)
		return err;
	bool is_printed = !o->json && !o->is_quiet;
	struct pipeline_config pc = {
		.policy = r->policy,
		.stream = r->stream,
		.is_taped = !same_rules,
		.is_enforcing = same_rules,
		.renderer = r->renderer,
		.json_fd = STDOUT_FILENO,
		.log_events = o->events,
		.terminal_fd = is_printed ? STDOUT_FILENO : -1,
		.terminal_colour = is_printed && isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
		.terminal_events = o->events,
	};
	return pipeline_new(&pc, &r->pipeline);
}

/* Names on a tape and of rules may hold anything. */
static void add_lines(struct buf *out, const char *begin, struct strview text)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		buf_add_z(out, begin);
		terminal_text(out, (struct strview){ text.p, n });
		buf_add_char(out, '\n');
		text = sv_from_index(text, n + 1);
	}
}

/* However quiet: what a rule does not say for want of a field must not be taken for an answer. */
static int warn_untaped(const struct replay *r)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int err = untaped_tell(r->policy->rules, r->tape, &text);
	CLEANUP(buf_done) struct buf lines = { 0 };
	add_lines(&lines, "vedette replay: warning: ", buf_sv(&text));
	if (lines.n)
		fputs(buf_cstr(&lines), stderr);
	return err;
}

static int open_replay(struct replay *r, struct diag *diag)
{
	const struct replay_options *o = r->options;
	int err = tape_reader_open(o->file, &r->tape, diag);
	if (err || (o->info && !o->n_rule_paths))
		return err;
	struct policy_options po = { .rule_paths = o->rule_paths, .n_rule_paths = o->n_rule_paths };
	err = policy_load(&po, &r->policy, diag);
	if (!err)
		err = warn_untaped(r);
	if (err || o->info || o->bench)
		return err;
	return open_pipeline(r, diag);
}

/* --- the events ------------------------------------------------------------------------------------------------------------ */

static int judge_all(struct replay *r, struct diag *diag)
{
	struct event ev;
	int got;
	for (uint64_t n = 0; (got = tape_reader_next(r->tape, &ev, diag)) > 0; n++) {
		pipeline_judge(r->pipeline, &ev);
		if (r->stream && n % FLUSH_EVENTS == 0 && stream_is_due(r->stream, clock_ns(CLOCK_BOOTTIME)))
			IGNORE(stream_flush(r->stream, instant_now())); /* the close record reports */
	}
	return got;
}

static int close_log(struct replay *r, struct diag *diag)
{
	if (!r->stream)
		return 0;
	struct tape_reader_stats stats;
	tape_reader_get_stats(r->tape, &stats);
	const struct tape_totals *totals = tape_reader_totals(r->tape);
	const struct {
		const char *what;
		uint64_t count;
	} losses[] = { { "ring", stats.lost }, { "tape", stats.dropped + stats.missing + stats.unknown + stats.unreadable } };
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		struct loss_info info = { .at = instant_now(), .what = losses[i].what, .event = "", .cpu = -1, .count = losses[i].count,
					  .since_ns = tape_reader_info(r->tape)->start_ns };
		if (losses[i].count)
			IGNORE(stream_loss(r->stream, &info)); /* no room: the sum on standard error tells */
	}
	struct close_info info = { .at = instant_now(), .reason = "end of the tape" };
	if (totals)
		info.totals = (struct totals){ .produced = totals->all.produced, .delivered = totals->all.delivered, .lost = totals->all.lost };
	int err = stream_close_record(r->stream, &info);
	if (err)
		diag_error(diag, (struct place){ .file = r->options->output }, "%s: the log has no end record", strerror(-err));
	return err;
}

static void say_count(struct buf *out, uint64_t n, const char *what)
{
	if (n)
		buf_add_format(out, ", %llu %s", (unsigned long long)n, what);
}

/* What was not there to be judged; true when the tape itself is to blame. */
static bool say_end(const struct replay *r)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct tape_reader_stats s;
	tape_reader_get_stats(r->tape, &s);
	bool is_bad = s.damaged || s.missing || s.unreadable || s.is_torn || !s.is_ended;
	buf_add_format(&text, "vedette: ");
	if (r->pipeline) {
		const struct pipeline_stats *stats = pipeline_get_stats(r->pipeline);
		buf_add_format(&text, "%llu alert%s, %llu blocked; ", (unsigned long long)stats->alerts, stats->alerts == 1 ? "" : "s",
			       (unsigned long long)stats->blocked);
	}
	buf_add_format(&text, "%llu event%s", (unsigned long long)s.events, s.events == 1 ? "" : "s");
	say_count(&text, r->pipeline ? pipeline_get_stats(r->pipeline)->suppressed : 0, "alerts held back by throttles");
	say_count(&text, r->pipeline ? pipeline_get_stats(r->pipeline)->unfinished : 0, "waits of rules about several events not over at the end");
	say_count(&text, s.lost, "lost when they were recorded");
	say_count(&text, s.dropped, "dropped by the recorder");
	say_count(&text, s.missing, "in damaged blocks");
	say_count(&text, s.unknown, "of types that are not known here");
	say_count(&text, s.unreadable, "unreadable");
	if (!s.is_ended)
		buf_add_z(&text, "; the tape has no end: the recording was cut off");
	if (is_bad || !r->options->is_quiet)
		fprintf(stderr, "%s\n", buf_cstr(&text));
	return is_bad;
}

static int replay(struct replay *r, struct diag *diag)
{
	int err = judge_all(r, diag);
	pipeline_finish(r->pipeline);
	int log_error = close_log(r, diag);
	const struct pipeline_stats *stats = pipeline_get_stats(r->pipeline);
	bool is_bad = say_end(r);
	if (stats->unprinted) {
		fprintf(stderr, "vedette replay: %llu lines could not be written to standard output\n", (unsigned long long)stats->unprinted);
		err = err ? err : -EIO;
	}
	if (err || log_error || is_bad)
		return EXIT_VEDETTE;
	return r->options->fail_on >= 0 && stats->worst >= r->options->fail_on;
}

/* --- what it costs --------------------------------------------------------------------------------------------------------- */

static void bench_json(const struct bench_result *b, size_t rules, double read_ns, struct buf *out)
{
	buf_add_format(out, "{\"best_ns\":%.1f,\"events\":%zu,\"first_ns\":%.1f,", b->best_ns, b->events, b->first_ns);
	if (b->instructions >= 0)
		buf_add_format(out, "\"instructions\":%.1f,", b->instructions);
	buf_add_format(out, "\"matches\":%llu,\"median_ns\":%.1f,\"passes\":%u,\"read_ns\":%.1f,\"rules\":%zu}\n", (unsigned long long)b->matches, b->median_ns,
		       b->passes, read_ns, rules);
}

static void bench_text(const struct bench_result *b, size_t rules, double read_ns, struct buf *out)
{
	buf_add_format(out, "events        %zu, %llu matches of %zu rule%s\n", b->events, (unsigned long long)b->matches, rules, rules == 1 ? "" : "s");
	buf_add_format(out, "first pass    %.1f ns/event (caches are empty)\n", b->first_ns);
	buf_add_format(out, "later passes  %.1f ns/event median, %.1f best, of %u\n", b->median_ns, b->best_ns, b->passes);
	if (b->instructions >= 0)
		buf_add_format(out, "instructions  %.1f/event\n", b->instructions);
	else
		buf_add_format(out, "instructions  not counted: %s\n", b->no_instructions ? b->no_instructions : "no events");
	buf_add_format(out, "reading       %.1f ns/event\n", read_ns);
}

static int bench(struct replay *r, struct diag *diag)
{
	CLEANUP(bench_free) struct bench *b = NULL;
	CLEANUP(buf_done) struct buf out = { 0 };
	struct bench_result result;
	struct event ev;
	uint64_t read_ns = 0, left_out = 0, n = 0;
	int err = bench_new(&b), got = 0;
	while (!err) {
		uint64_t began = clock_ns(CLOCK_MONOTONIC);
		got = tape_reader_next(r->tape, &ev, diag);
		read_ns += clock_ns(CLOCK_MONOTONIC) - began;
		if (got <= 0)
			break;
		n++;
		left_out += bench_add(b, &ev) != 0;
	}
	err = err ? err : got;
	if (err)
		return EXIT_VEDETTE;
	bench_run(b, r->policy->engine, &result);
	double each = n ? (double)read_ns / (double)n : 0;
	if (r->options->json)
		bench_json(&result, ruleset_rules(r->policy->rules), each, &out);
	else
		bench_text(&result, ruleset_rules(r->policy->rules), each, &out);
	if (left_out)
		fprintf(stderr, "vedette: %llu events did not fit into 1 GiB of memory and were left out\n", (unsigned long long)left_out);
	bool is_bad = say_end(r);
	return output_write(&out) || is_bad ? EXIT_VEDETTE : 0;
}

/* --- what it is ------------------------------------------------------------------------------------------------------------ */

static void info_text(const struct replay *r, const uint64_t *by_event, struct buf *out)
{
	const struct tape_info *i = tape_reader_info(r->tape);
	const struct tape_totals *t = tape_reader_totals(r->tape);
	buf_add_format(out, "recorded   ");
	clock_add_rfc3339(out, i->start_ns);
	if (t) {
		buf_add_z(out, " to ");
		clock_add_rfc3339(out, t->end_ns);
	}
	buf_add_z(out, "\nby         vedette ");
	terminal_text(out, sv_from(i->program));
	const char *const texts[][2] = { { "host", i->host_name }, { "kernel", i->kernel }, { "sensor", i->sensor }, { "scope", i->scope } };
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
		buf_add_format(out, "\n%-10s ", texts[k][0]);
		terminal_text(out, sv_from(texts[k][1]));
	}
	buf_add_format(out, "\nschema     %s\n", tape_reader_schema(r->tape));
	if (t)
		buf_add_format(out, "kernel     %llu records produced, %llu delivered, %llu lost\n", (unsigned long long)t->all.produced,
			       (unsigned long long)t->all.delivered, (unsigned long long)t->all.lost);
	for (uint32_t e = 0; e < EVENT_NUMBERS; e++)
		if (by_event[e])
			buf_add_format(out, "  %-24s %llu\n", event_type_by_number(e)->name, (unsigned long long)by_event[e]);
	CLEANUP(buf_done) struct buf differences = { 0 };
	if (tape_reader_differences(r->tape, &differences)) {
		buf_add_z(out, "differs    from the tables of this version:\n");
		add_lines(out, "  ", buf_sv(&differences));
	}
}

static int info(struct replay *r, struct diag *diag)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	uint64_t by_event[EVENT_NUMBERS] = { 0 };
	struct event ev;
	int got;
	while ((got = tape_reader_next(r->tape, &ev, diag)) > 0)
		by_event[ev.type->number]++;
	info_text(r, by_event, &out);
	bool is_bad = say_end(r);
	return output_write(&out) || got || is_bad ? EXIT_VEDETTE : 0;
}

int cmd_replay(int argc, char **argv)
{
	struct replay_options o = { .output = "", .key_file = "", .fail_on = -1 };
	bool is_done = false;
	int status = parse_options(argc, argv, &o, &is_done);
	if (status || is_done)
		return status;
	CLEANUP(str_free) char *rules = NULL;
	if (o.n_rule_paths == 0 && !o.events && !o.info) {
		rules = say_shipped_rules();
		if (!rules)
			return misuse("no shipped rules found beside the program or in", VEDETTE_RULES_DIR);
		o.rule_paths[o.n_rule_paths++] = rules;
	}
	signal(SIGPIPE, SIG_IGN);
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(replay_done) struct replay r = { .options = &o };
	int err = open_replay(&r, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_VEDETTE;
	diag_done(&diag);
	status = o.info ? info(&r, &diag) : o.bench ? bench(&r, &diag) : replay(&r, &diag);
	say_diag(&diag);
	return status;
}
