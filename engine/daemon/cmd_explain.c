/* SPDX-License-Identifier: Apache-2.0 */
/* vedette explain: a rule's condition as a tree; on an event, which tests hold, and what the outcome turns on. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/terminal.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/daemon/args.h"
#include "engine/daemon/blocking.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/event_json.h"
#include "engine/daemon/explain.h"
#include "engine/daemon/explain_approval.h"
#include "engine/index/engine.h"
#include "engine/rules/explain.h"
#include "engine/rules/set.h"

enum { EXPLAIN_MAX_EVENT = 4 * 1024 * 1024, EXPLAIN_MAX_LOG = 1024 * 1024 * 1024 };

static const char help[] = "usage: vedette explain [--json] [--rules] PATH RULE [EVENT]\n"
			   "       vedette explain [--json] --rules PATH\n"
			   "\n"
			   "Shows the condition of a rule as a tree: where each test runs, which ones the rule is found by. With an event: which tests\n"
			   "hold, and the fewest tests on which the outcome turns. Without RULE: what of each event the kernel sends under these rules,\n"
			   "and because of which, and of which part of it, it has to send all.\n"
			   "\n"
			   "RULE is the id of a rule; of a rule over several events, ID#1 is its first step. EVENT is one of\n"
			   "  {\"event\": \"file.open\", \"file.path\": \"/x\"}   fields as in a case, or a line of a log\n"
			   "  FILE:LINE                                   a line of a log\n"
			   "  case:N                                      the N-th case of the rule\n"
			   "  -                                           one object from standard input\n"
			   "\n"
			   "  --rules PATH   file or folder, may be repeated; -r for short\n"
			   "  --json         one JSON object\n"
			   "  --help         this text\n"
			   "\n"
			   "Exit status: 0 it was explained, 1 there is no such rule, or the rules or the event have faults, 2 usage.\n";

static void explain_done(struct explain *x)
{
	engine_free(&x->engine);
	ruleset_free(&x->set);
	event_builder_free(&x->builder);
	case_story_done(&x->story);
	diag_done(&x->diag);
	diag_done(&x->refusals);
	buf_done(&x->out);
}

static int refuse(struct explain *x, const char *what, const char *detail)
{
	char quoted[160];
	diag_error(&x->diag, (struct place){ 0 }, "%s %s", what, diag_quote(sv_from(detail), quoted, sizeof(quoted)));
	return -EINVAL;
}

/* --- the event --------------------------------------------------------------------------------------------------------------- */

/* The only event of the rule, for objects that do not say. */
static const struct event_type *only_event(const struct rule *rule)
{
	uint64_t events = rule->info.events;
	return events && (events & (events - 1)) == 0 ? event_type_by_number((uint32_t)__builtin_ctzll(events)) : NULL;
}

static int event_of_text(struct explain *x, const char *name, struct strview text)
{
	struct event_text from = { .file = name, .text = text, .otherwise = only_event(x->rule), .rule = x->rule, .time_ns = x->set->loaded_ns };
	int err = event_from_json(&from, x->builder, &x->event, &x->diag);
	if (!err && x->rule->info.action == ACTION_BLOCK)
		err = event_builder_as_judged(x->builder, &x->event);
	x->is_as_judged = err == 1;
	return MIN(err, 0);
}

static int read_case(struct explain *x, struct strview number)
{
	uint64_t n = 0;
	char text[160];
	if (x->rule->info.is_step && x->rule->n_cases == 0) {
		snprintf(text, sizeof(text), "a step has no cases: ask for those of its rule, '%s', with", ruleset_owner(x->set, x->rule->info.index)->id);
		return refuse(x, text, x->event_arg);
	}
	snprintf(text, sizeof(text), "the rule has %zu cases, and none is", x->rule->n_cases);
	if (num_parse_u64(number, x->rule->n_cases, &n) || n == 0)
		return refuse(x, text, x->event_arg);
	if (x->rule->stateful) {
		x->told = &x->rule->cases[n - 1];
		return state_tell_case(x->set, x->rule, x->told, &x->story, &x->diag);
	}
	return case_event_build(x->builder, x->set, x->rule, &x->rule->cases[n - 1], 0, &x->event, &x->diag);
}

static struct strview line_of(struct strview text, uint64_t number)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (--number == 0)
			return line;
		text = sv_from_index(text, line.n + 1);
	}
	return SV("");
}

static int read_line(struct explain *x, const char *colon)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	CLEANUP(buf_done) struct buf text = { .max = EXPLAIN_MAX_LOG };
	uint64_t number = 0;
	buf_add(&path, x->event_arg, (size_t)(colon - x->event_arg));
	if (num_parse_u64(sv_from(colon + 1), UINT64_MAX, &number) || number == 0)
		return refuse(x, "expected an event: an object {...}, FILE:LINE, case:N or -, found", x->event_arg);
	int err = fd_read_file(buf_cstr(&path), EXPLAIN_MAX_LOG, &text);
	if (err) {
		diag_error(&x->diag, (struct place){ .file = buf_cstr(&path) }, "%s", err == -EFBIG ? "larger than 1 GiB" : strerror(-err));
		return err;
	}
	struct strview line = line_of(buf_sv(&text), number);
	if (line.n == 0)
		return refuse(x, "there is no such line, or an empty one:", x->event_arg);
	return event_of_text(x, x->event_arg, line);
}

static int read_stdin(struct explain *x)
{
	CLEANUP(buf_done) struct buf text = { .max = EXPLAIN_MAX_EVENT };
	char chunk[65536];
	ssize_t n;
	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	if (n < 0 || buf_error(&text)) {
		diag_error(&x->diag, (struct place){ .file = "-" }, "%s", n < 0 ? strerror(errno) : "longer than 4 MiB");
		return -EINVAL;
	}
	return event_of_text(x, "-", buf_sv(&text));
}

static int read_event(struct explain *x)
{
	const char *arg = x->event_arg, *colon = arg ? strrchr(arg, ':') : NULL;
	if (!arg)
		return 0;
	if (arg[0] == '{')
		return event_of_text(x, "event", sv_from(arg));
	if (strcmp(arg, "-") == 0)
		return read_stdin(x);
	if (sv_starts(sv_from(arg), SV("case:")))
		return read_case(x, sv_from_index(sv_from(arg), 5));
	return colon ? read_line(x, colon) : refuse(x, "expected an event: an object {...}, FILE:LINE, case:N or -, found", arg);
}

/* --- the command ------------------------------------------------------------------------------------------------------------------ */

static int usage(const char *what)
{
	fprintf(stderr, "vedette explain: %s; try 'vedette explain --help'\n", what);
	return EXIT_USAGE;
}

static int read_options(int argc, char **argv, struct explain *x)
{
	static const struct option options[] = {
		{ "rules", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	optind = 0;
	for (int c; (c = args_next("explain", argc, argv, "r:h", options)) != -1;) {
		if (c == 'j') {
			x->json = true;
		} else if (c == 'h') {
			fputs(help, stdout);
			x->is_done = true;
		} else if (c == 'r' && x->n_paths < EXPLAIN_MAX_PATHS) {
			x->paths[x->n_paths++] = optarg;
		} else {
			return c == 'r' ? usage("too many --rules, 64 at most") : EXIT_USAGE;
		}
	}
	if (x->is_done)
		return 0;
	if (x->n_paths && optind == argc)
		return 0;
	for (; x->n_paths < EXPLAIN_MAX_PATHS && optind + 1 < argc && args_is_rules(argv[optind]); optind++)
		x->paths[x->n_paths++] = argv[optind];
	if (x->n_paths == 0)
		return usage("no rules given: --rules PATH");
	if (argc - optind < 1 || argc - optind > 2)
		return usage("expected the id of a rule, and an event perhaps");
	x->rule_id = argv[optind];
	x->event_arg = argv[optind + 1];
	return 0;
}

/* The only rule of that title, or NULL: Sigma's rules are known by it. */
static const struct rule *rule_by_title(const struct explain *x)
{
	const struct rule *found = NULL;
	for (size_t i = 0; i < x->set->n; i++) {
		if (x->set->rules[i].info.is_step || strcmp(x->set->rules[i].info.title, x->rule_id) != 0)
			continue;
		if (found)
			return NULL;
		found = &x->set->rules[i];
	}
	return found;
}

static int find_rule(struct explain *x)
{
	const char **ids = calloc(x->set->n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < x->set->n && !x->rule; i++) {
		ids[i] = x->set->rules[i].info.id;
		if (strcmp(ids[i], x->rule_id) == 0)
			x->rule = &x->set->rules[i];
	}
	if (!x->rule)
		x->rule = rule_by_title(x);
	if (!x->rule) {
		const char *near = diag_suggest(sv_from(x->rule_id), ids, x->set->n);
		char quoted[160];
		diag_error(&x->diag, (struct place){ 0 }, "no rule has the id %s%s%s%s", diag_quote(sv_from(x->rule_id), quoted, sizeof(quoted)),
			   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	free(ids);
	return x->rule ? 0 : -ENOENT;
}

static int prepare(struct explain *x)
{
	int err = ruleset_load(x->paths, x->n_paths, &x->set, &x->diag);
	if (!err)
		err = find_rule(x);
	if (!err && x->rule->info.action != ACTION_ALERT)
		x->is_refused = verdict_check_rule(x->set, x->rule->info.index, &x->refusals) != 0;
	if (!err)
		err = engine_new(x->set, NULL, &x->engine, &x->diag);
	if (!err)
		err = event_builder_new(&x->builder);
	if (!err && x->event_arg && x->rule->stateful && !sv_starts(sv_from(x->event_arg), SV("case:")))
		err = refuse(x, "a rule over several events is not explained by one: give case:N, or ask for its steps, as", x->rule->stateful->n_inputs ? ruleset_get(x->set, x->rule->stateful->inputs[0].rule)->id : "");
	return err ? err : read_event(x);
}

/* Of all rules together. */
static int explain_sent(struct explain *x)
{
	struct json j;
	int err = ruleset_load(x->paths, x->n_paths, &x->set, &x->diag);
	if (!err && x->json) {
		json_init(&j, &x->out);
		err = approval_overview_json(x->set, &j);
		buf_add_char(&x->out, '\n');
	} else if (!err) {
		err = approval_overview_text(x->set, false, &x->out);
	}
	return err;
}

int cmd_explain(int argc, char **argv)
{
	CLEANUP(explain_done) struct explain x = { .out.max = 256 * 1024 * 1024 };
	int status = read_options(argc, argv, &x);
	if (status || x.is_done)
		return status;
	int err = x.rule_id ? prepare(&x) : explain_sent(&x);
	problems_print(stderr, &x.diag);
	if (err) {
		if (!x.diag.errors)
			fprintf(stderr, "vedette explain: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	if (x.rule_id && x.json)
		explain_json(&x);
	else if (x.rule_id)
		explain_text(&x);
	return output_write(&x.out);
}
