/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about several events, statement by statement of docs/rules.md; what happens late, without memory, across a reload. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/state/pool.h"
#include "engine/state/state.h"
#include "tests/support/state_reference.h"

#define MS 1000000ull
#define T0 (1000000 * MS)
#define HEAD "- rule: r\n  severity: low\n"
#define STEP(event) "{event: " event ", when: 'true'}"

/* --- events and what came of them ---------------------------------------------------------------------------------------------- */

struct run {
	struct ruleset *set;
	struct state *state;
	struct event_builder *b;
	struct matches matches;
	char said[1024]; /* "rule@ms(event ms)xCOUNT ..." */
	struct state_config config;
	uint64_t lineage[8];
	const uint64_t (*creators)[2]; /* {image, creator}, ended by {0, 0} */
};

static struct ruleset *load(const char *text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag))
		fail_msg("%s\n%s", diag.n ? diag.messages[0].text : "no message", text);
	return set;
}

static void run_begin(struct run *r, const char *rules)
{
	*r = (struct run){ .set = load(rules), .config = { STATE_DEFAULT_MEMORY, 0 } };
	assert_int_equal(event_builder_new(&r->b), 0);
	assert_int_equal(state_new(r->set, &r->config, &r->state), 0);
}

static void run_end(struct run *r)
{
	state_free(&r->state);
	ruleset_free(&r->set);
	event_builder_free(&r->b);
}

static void drain(struct run *r)
{
	struct state_alert a;
	while (state_next(r->state, &a)) {
		size_t n = strlen(r->said);
		(void)snprintf(r->said + n, sizeof(r->said) - n, "%s%s@%llu(%llu)x%llu", n ? " " : "", ruleset_get(r->set, a.rule)->id,
			       (unsigned long long)((a.at_ns - T0) / MS), (unsigned long long)((a.ev->common->boot_ns - T0) / MS), (unsigned long long)a.count);
	}
}

/* "TIME o|c|x|d|k PATH [USER [IMAGE]]": open, create, exec, delete, connect (PATH: address). Time in ms. */
static struct event make_event(struct run *r, struct derived *derived, const char *text)
{
	static const struct { char letter; const char *event, *field; } sorts[] = {
		{ 'o', "file.open", "file.path" }, { 'c', "file.create", "file.path" }, { 'x', "process.exec", "process.executable" },
		{ 'd', "file.delete", "file.path" }, { 'k', "network.connect", "destination.ip" },
	};
	unsigned long long ms = 0, image = 1;
	char letter = 0, path[600] = "", user[16] = "0", number[32];
	struct event ev;
	assert_true(sscanf(text, "%llu %c %599s %15s %llu", &ms, &letter, path, user, &image) >= 3);
	size_t i = 0;
	while (sorts[i].letter != letter)
		i++;
	event_builder_begin(r->b, event_type_by_name(sv_from(sorts[i].event)));
	if (path[0] != '-')
		assert_int_equal(event_builder_set_text(r->b, sorts[i].field, path), 0);
	assert_int_equal(event_builder_set_text(r->b, "user.id", user), 0);
	(void)snprintf(number, sizeof(number), "%016llx", image);
	assert_int_equal(event_builder_set_text(r->b, "process.entity_id", number), 0);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)(T0 + ms * MS));
	assert_int_equal(event_builder_set_text(r->b, "vedette.clock.boot_ns", number), 0);
	size_t n = 1;
	r->lineage[0] = image;
	for (size_t k = 0; r->creators && r->creators[k][0]; k++)
		if (r->creators[k][0] == r->lineage[n - 1]) {
			r->lineage[n++] = r->creators[k][1];
			k = (size_t)-1;
		}
	if (n > 1) {
		(void)snprintf(number, sizeof(number), "%016llx", (unsigned long long)r->lineage[1]);
		assert_int_equal(event_builder_set_text(r->b, "process.parent.entity_id", number), 0);
	}
	assert_int_equal(event_builder_event(r->b, &ev), 0);
	*derived = *ev.derived;
	derived->lineage = r->lineage;
	derived->n_lineage = n;
	ev.derived = derived;
	return ev;
}

static void send_event(struct run *r, const char *text)
{
	struct derived derived;
	struct event ev = make_event(r, &derived, text);
	ruleset_evaluate(r->set, &ev, &r->matches);
	state_event(r->state, &ev, &r->matches);
	drain(r);
}

/* Events separated by ';'. */
static void send_events(struct run *r, const char *events)
{
	char one[700];
	while (*events) {
		size_t n = strcspn(events, ";");
		(void)snprintf(one, sizeof(one), "%.*s", (int)n, events);
		send_event(r, one);
		events += n + (events[n] == ';');
	}
}

/* --- what the rules mean -------------------------------------------------------------------------------------------------------- */

static const uint64_t family[][2] = { { 2, 1 }, { 3, 2 }, { 4, 1 }, { 6, 5 }, { 0, 0 } }; /* 1 made 2 and 4, 2 made 3; 5 made 6 */

#define COUNT3 HEAD "  event: file.open\n  when: 'true'\n  threshold: {count: 3, within: 10s, by: [user.id]}\n"
#define VALUES3 HEAD "  event: network.connect\n  when: 'true'\n  threshold: {distinct: destination.ip, count: 3, within: 10s, by: [process.entity_id]}\n"
#define UNTIL(count) HEAD "  event: file.open\n  when: 'true'\n  threshold: {count: " count ", within: 10s, by: [user.id]}\n"
#define TWO HEAD "  sequence: {within: 10s, by: file.path, steps: [" STEP("file.create") ", {event: process.exec, when: 'true', by: process.executable}]}\n"
#define THREE HEAD "  sequence: {within: 10s, by: file.path, steps: [" STEP("file.create") ", " STEP("file.open") ", " STEP("file.delete") "]}\n"
#define LINEAGE(kind) HEAD "  sequence: {within: 10s, lineage: " kind ", steps: [" STEP("file.create") ", " STEP("file.open") "]}\n"
#define TOGETHER HEAD "  together: {within: 10s, by: user.id, steps: [" STEP("file.create") ", " STEP("file.open") "]}\n"
#define ABSENCE HEAD "  absence: {within: 10s, by: file.path, after: " STEP("file.create") ", missing: " STEP("file.delete") "}\n"

static void rules_mean_what_the_manual_says(void **state)
{
	(void)state;
	static const struct { const char *what, *rules, *events, *said; } cases[] = {
		{ "both ends of a time count", COUNT3, "0 o /a;5000 o /a;10000 o /a", "r@10000(10000)x3" },
		{ "a millisecond more is too much", COUNT3, "0 o /a;5000 o /a;10001 o /a", "" },
		{ "the window slides", COUNT3, "0 o /a;9000 o /a;11000 o /a;12000 o /a", "r@12000(12000)x3" },
		{ "groups are apart", COUNT3, "0 o /a 1;1 o /a 2;2 o /a 1;3 o /a 2;4 o /a 1", "r@4(4)x3" },
		{ "one alert for each group and time, then again", COUNT3,
		  "0 o /a;1 o /a;2 o /a;3 o /a;4 o /a;5 o /a;10002 o /a;10003 o /a;10004 o /a;10005 o /a", "r@2(2)x3 r@10005(10005)x3" },
		{ "events of the same time count", COUNT3, "0 o /a;0 o /a;0 o /a", "r@0(0)x3" },
		{ "values count once", VALUES3, "0 k 10.0.0.1;1 k 10.0.0.1;2 k 10.0.0.2;3 k 10.0.0.1;4 k 10.0.0.3", "r@4(4)x3" },
		{ "a value counts at its latest time", VALUES3, "0 k 10.0.0.1;9000 k 10.0.0.2;9500 k 10.0.0.1;19000 k 10.0.0.3", "r@19000(19000)x3" },
		{ "a value that was too long ago does not", VALUES3, "0 k 10.0.0.1;9000 k 10.0.0.2;10001 k 10.0.0.3", "" },
		{ "without the value an event does not count", VALUES3, "0 k -;1 k 10.0.0.1;2 k 10.0.0.2", "" },
		{ "few are told at the end, about the first", UNTIL("{lte: 2}"), "0 o /a;10000 o /b", "r@10000(0)x2" },
		{ "too many for few", UNTIL("{lte: 2}"), "0 o /a;1 o /a;10000 o /b", "" },
		{ "the next event begins a new time", UNTIL("{lt: 3}"), "0 o /a;10001 o /b", "r@10000(0)x1 r@20001(10001)x1" },
		{ "exactly so many", UNTIL("{eq: 2}"), "0 o /a;1 o /a;0 o /a 7;1 o /a 7;2 o /a 7", "r@10000(0)x2" },
		{ "a step follows within the time", TWO, "0 c /a;10000 x /a", "r@10000(10000)x2" },
		{ "a step follows too late", TWO, "0 c /a;10001 x /a", "" },
		{ "another file", TWO, "0 c /a;1 x /b", "" },
		{ "steps in the wrong order", TWO, "0 x /a;1 c /a", "" },
		{ "a match uses up its events", TWO, "0 c /a;1 x /a;2 x /a", "r@1(1)x2" },
		{ "the newest begin goes on", TWO, "0 c /a;5000 c /a;15000 x /a", "r@15000(15000)x2" },
		{ "without the field nothing joins", TWO, "0 c -;1 x -", "" },
		{ "three steps, with others between", THREE, "0 c /a;1 o /b;2 o /a;3 c /b;4 d /a", "r@4(4)x3" },
		{ "the time is from the first to the last", THREE, "0 c /a;5000 o /a;10001 d /a", "" },
		{ "a new begin does not harm what is on its way", THREE, "0 c /a;1 o /a;2 c /a;3 d /a", "r@3(3)x3" },
		{ "the same process", LINEAGE("true"), "0 c /a 0 1;1 o /b 0 1", "r@1(1)x2" },
		{ "a grandchild", LINEAGE("true"), "0 c /a 0 1;1 o /b 0 3", "r@1(1)x2" },
		{ "a sibling is no descendant", LINEAGE("true"), "0 c /a 0 2;1 o /b 0 4", "" },
		{ "a parent is no descendant", LINEAGE("true"), "0 c /a 0 2;1 o /b 0 1", "" },
		{ "a sibling has the same parent", LINEAGE("parent"), "0 c /a 0 2;1 o /b 0 4", "r@1(1)x2" },
		{ "a stranger has not", LINEAGE("parent"), "0 c /a 0 2;1 o /b 0 6", "" },
		{ "without a parent nothing begins", LINEAGE("parent"), "0 c /a 0 1;1 o /b 0 1", "" },
		{ "in any order", TOGETHER, "0 o /a;10000 c /b", "r@10000(10000)x2" },
		{ "both are used up", TOGETHER, "0 o /a;1 c /b;2 c /b", "r@1(1)x2" },
		{ "too far apart", TOGETHER, "0 o /a;10001 c /b", "" },
		{ "what does not come", ABSENCE, "0 c /a", "r@10000(0)x1" },
		{ "it comes at the last moment", ABSENCE, "0 c /a;10000 d /a", "" },
		{ "it comes too late", ABSENCE, "0 c /a;10001 d /a", "r@10000(0)x1" },
		{ "it comes for another", ABSENCE, "0 c /a;1 d /b", "r@10000(0)x1" },
		{ "it came before", ABSENCE, "0 d /a;1 c /a", "r@10001(1)x1" },
		{ "repeating does not put it off", ABSENCE, "0 c /a;9000 c /a;10001 d /a", "r@10000(0)x1" },
		{ "each wait ends at its time", ABSENCE, "5 c /a;0 c /b;6 c /c;7 d /a", "r@10000(0)x1 r@10006(6)x1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		run_begin(&r, cases[i].rules);
		r.creators = family;
		/* as the case has them out of order, they are put in order */
		state_free(&r.state);
		r.config.reorder_ns = 100 * MS;
		assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
		send_events(&r, cases[i].events);
		state_advance(r.state, UINT64_MAX);
		drain(&r);
		if (strcmp(r.said, cases[i].said) != 0)
			fail_msg("%s: %s\nexpected '%s', found '%s'", cases[i].what, cases[i].events, cases[i].said, r.said);
		run_end(&r);
	}
}

static void one_event_is_never_two_steps(void **state)
{
	(void)state;
	struct run r;
	run_begin(&r, HEAD "  sequence: {within: 10s, steps: [" STEP("file.open") ", " STEP("file.open") "]}\n");
	send_events(&r, "0 o /a");
	assert_string_equal(r.said, "");
	send_events(&r, "1 o /a;2 o /a;3 o /a");
	assert_string_equal(r.said, "r@1(1)x2 r@2(2)x2 r@3(3)x2"); /* the end of one may be the begin of the next */
	run_end(&r);
}

/* --- time ------------------------------------------------------------------------------------------------------------------------ */

static void late_events_are_put_in_order_or_taken_late(void **state)
{
	(void)state;
	struct run r;
	struct state_stats stats;
	run_begin(&r, TWO);
	state_free(&r.state);
	r.config.reorder_ns = 1000 * MS;
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	send_events(&r, "500 x /a;0 c /a");
	assert_string_equal(r.said, ""); /* may still be preceded */
	state_advance(r.state, T0 + 1499 * MS);
	drain(&r);
	assert_string_equal(r.said, "");
	state_advance(r.state, T0 + 1500 * MS);
	drain(&r);
	assert_string_equal(r.said, "r@500(500)x2");
	/* open from 19000 on: what says 17000 counts there */
	send_events(&r, "20000 o /x;20000 x /z;17000 c /b;27500 x /b");
	state_finish(r.state);
	drain(&r);
	assert_string_equal(r.said, "r@500(500)x2 r@27500(27500)x2");
	state_get_stats(r.state, &stats);
	assert_int_equal(stats.late, 1);
	run_end(&r);
}

static void waits_end_by_the_clock_not_by_the_end_of_the_watch(void **state)
{
	(void)state;
	struct run r;
	run_begin(&r, ABSENCE);
	send_events(&r, "0 c /a");
	state_finish(r.state);
	drain(&r);
	assert_string_equal(r.said, "");
	state_advance(r.state, T0 + 10000 * MS);
	drain(&r);
	assert_string_equal(r.said, "");
	state_advance(r.state, T0 + 10000 * MS + 1);
	drain(&r);
	assert_string_equal(r.said, "r@10000(0)x1");
	run_end(&r);
}

static void events_that_match_nothing_leave_no_trace(void **state)
{
	(void)state;
	struct run r;
	struct state_stats stats;
	run_begin(&r, TWO);
	send_events(&r, "0 o /a;1 o /b;2 d /c");
	state_get_stats(r.state, &stats);
	assert_int_equal(stats.fed + stats.groups + stats.used_bytes, 0);
	run_end(&r);
}

/* --- what an alert tells ----------------------------------------------------------------------------------------------------------- */

static void alerts_tell_the_other_events(void **state)
{
	(void)state;
	struct run r;
	struct derived derived;
	struct state_alert a;
	CLEANUP(buf_done) struct buf text = { 0 };
	run_begin(&r, TWO);
	send_events(&r, "3 c /tmp/x 0 7");
	struct event ev = make_event(&r, &derived, "5 x /tmp/x 0 8");
	ruleset_evaluate(r.set, &ev, &r.matches);
	state_event(r.state, &ev, &r.matches);
	event_builder_begin(r.b, event_type_by_number(EVENT_FILE_OPEN)); /* the event's own memory is used anew */
	assert_true(state_next(r.state, &a));
	assert_int_equal(a.n_others, 1);
	assert_int_equal(a.n_left_out, 0);
	assert_int_equal(a.others[0].exec_id, 7);
	assert_int_equal(a.others[0].event, EVENT_FILE_CREATE);
	assert_int_equal(a.others[0].time_ns, T0 + 3 * MS);
	state_key_text(r.state, &a, a.input, 0, &text);
	buf_add_char(&text, ' ');
	state_key_text(r.state, &a, a.others[0].input, 0, &text);
	assert_string_equal(buf_cstr(&text), "process.executable=/tmp/x file.path=/tmp/x");
	assert_false(state_next(r.state, &a));
	run_end(&r);
}

static void many_other_events_are_told_by_the_latest(void **state)
{
	(void)state;
	struct run r;
	struct derived derived;
	struct state_alert a;
	run_begin(&r, HEAD "  event: file.open\n  when: 'true'\n  threshold: {count: 40, within: 10s}\n");
	for (int i = 0; i < 39; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "%d o /a", i);
		send_event(&r, text);
	}
	struct event ev = make_event(&r, &derived, "39 o /a");
	ruleset_evaluate(r.set, &ev, &r.matches);
	state_event(r.state, &ev, &r.matches);
	assert_true(state_next(r.state, &a));
	assert_int_equal(a.count, 40);
	assert_int_equal(a.n_others, STATE_MAX_OTHERS);
	assert_int_equal(a.n_left_out, 39 - STATE_MAX_OTHERS);
	assert_int_equal(a.others[STATE_MAX_OTHERS - 1].time_ns, T0 + 38 * MS);
	run_end(&r);
}

/* Values that differ far behind the begin are different; the same long ones are equal. */
static void long_values_are_told_apart(void **state)
{
	(void)state;
	struct run r;
	char path[560], text[700];
	run_begin(&r, TWO);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[550] = '\0';
	(void)snprintf(text, sizeof(text), "0 c %s", path);
	send_event(&r, text);
	path[549] = 'b';
	(void)snprintf(text, sizeof(text), "1 x %s", path);
	send_event(&r, text);
	assert_string_equal(r.said, "");
	path[549] = 'a';
	(void)snprintf(text, sizeof(text), "2 x %s", path);
	send_event(&r, text);
	assert_string_equal(r.said, "r@2(2)x2");
	run_end(&r);
}

/* --- memory ---------------------------------------------------------------------------------------------------------------------- */

static void sizes_out_of_range_are_refused(void **state)
{
	(void)state;
	struct run r;
	struct state *other = NULL;
	const struct state_config small = { STATE_MIN_MEMORY - 1, 0 }, large = { STATE_MAX_MEMORY + 1, 0 };
	run_begin(&r, TWO);
	assert_int_equal(state_new(r.set, &small, &other), -EINVAL);
	assert_int_equal(state_new(r.set, &large, &other), -EINVAL);
	run_end(&r);
}

/* A flood of one rule's groups costs that rule its oldest ones, counted; the group of another rule stays. */
static void a_flood_costs_the_rule_that_takes_most(void **state)
{
	(void)state;
	static const char rules[] = TWO "- {rule: flood, severity: low, event: file.delete, when: 'true', threshold: {count: 5, within: 1h, by: [file.path]}}\n";
	struct run r;
	struct state_stats stats;
	run_begin(&r, rules);
	state_free(&r.state);
	r.config.memory_bytes = STATE_MIN_MEMORY;
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	send_events(&r, "0 c /victim");
	for (int i = 0; i < 30000; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "%d d /flood/%d", i / 10, i);
		send_event(&r, text);
	}
	state_get_stats(r.state, &stats);
	assert_true(stats.evicted > 15000);
	assert_int_equal(stats.dropped, 0);
	assert_true(stats.groups > 1000);
	assert_true(stats.used_bytes <= stats.memory_bytes);
	assert_true(stats.memory_bytes <= STATE_MIN_MEMORY);
	send_events(&r, "3001 d /flood/29999;3001 d /flood/29999;3001 d /flood/29999;3001 d /flood/29999;4000 x /victim");
	assert_string_equal(r.said, "flood@3001(3001)x5 r@4000(4000)x2");
	state_advance(r.state, UINT64_MAX);
	drain(&r);
	state_get_stats(r.state, &stats);
	assert_int_equal(stats.groups, 0);
	assert_int_equal(stats.used_bytes, 0);
	run_end(&r);
}

/* The events that its groups keep are the noisy rule's own cost: it pays with its groups, not the small rule that has more of them. */
static void a_rule_pays_for_the_events_it_keeps(void **state)
{
	(void)state;
	static const char rules[] = HEAD
		"  absence: {within: 1h, by: process.entity_id, after: " STEP("file.create") ", missing: " STEP("file.delete") "}\n"
		"- {rule: small, severity: low, event: file.delete, when: 'true', threshold: {count: 2, within: 1h, by: [file.path]}}\n";
	struct run r;
	struct state_stats stats;
	enum { SMALL = 500, NOISY = 3000 };
	run_begin(&r, rules);
	state_free(&r.state);
	r.config.memory_bytes = STATE_MIN_MEMORY;
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SMALL; i++) {
			char text[64];
			r.said[0] = '\0';
			(void)snprintf(text, sizeof(text), "%d d /small/%d", round, i);
			send_event(&r, text);
			if (!strstr(r.said, "small@") != !round)
				fail_msg("round %d, group %d: '%s'", round, i, r.said);
		}
		for (int i = 0; i < NOISY && round == 0; i++) {
			char text[700], path[500];
			memset(path, 'x', sizeof(path) - 1);
			path[sizeof(path) - 1] = '\0';
			(void)snprintf(text, sizeof(text), "0 c /%s 0 %d", path, i + 1);
			send_event(&r, text);
		}
	}
	state_get_stats(r.state, &stats);
	assert_true(stats.evicted > 100);
	run_end(&r);
}

/* Waits that are evicted raise nothing, and are counted; those that are left do. */
static void more_waits_than_memory_are_counted(void **state)
{
	(void)state;
	struct run r;
	struct state_stats stats;
	run_begin(&r, ABSENCE);
	state_free(&r.state);
	r.config.memory_bytes = STATE_MIN_MEMORY;
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	for (int i = 0; i < 5000; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "%d c /f/%d", i / 1000, i);
		send_event(&r, text);
	}
	state_get_stats(r.state, &stats);
	assert_true(stats.evicted > 1000);
	assert_int_equal(stats.evicted + stats.dropped + stats.groups, 5000);
	state_advance(r.state, UINT64_MAX);
	struct state_alert a;
	size_t n = 0;
	while (state_next(r.state, &a))
		n++;
	assert_int_equal(n + stats.evicted, 5000);
	run_end(&r);
}

static void too_many_that_wait_are_hurried(void **state)
{
	(void)state;
	struct run r;
	struct state_stats stats;
	run_begin(&r, COUNT3);
	state_free(&r.state);
	r.config = (struct state_config){ STATE_MIN_MEMORY, 3600000 * MS };
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	for (int i = 0; i < 20000; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "%d o /a %d", i, i / 4);
		send_event(&r, text);
		if (i % 1000 == 0)
			r.said[0] = '\0';
	}
	state_get_stats(r.state, &stats);
	assert_true(stats.hurried > 10000);
	assert_int_equal(stats.dropped, 0);
	state_finish(r.state);
	struct state_alert a;
	while (state_next(r.state, &a)) {
	}
	state_get_stats(r.state, &stats);
	assert_int_equal(stats.raised, 5000); /* each group of four raised its alert */
	run_end(&r);
}

static void blocks_grow_together_again(void **state)
{
	(void)state;
	struct pool p;
	uint32_t blocks[4096];
	uint64_t seed = 1;
	assert_int_equal(pool_init(&p, 4 * POOL_MAX_BLOCK), 0);
	for (int round = 0; round < 20; round++) {
		size_t n = 0;
		while (n < ARRAY_SIZE(blocks)) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			size_t bytes = 1 + (seed >> 40) % 3000;
			blocks[n] = pool_take(&p, bytes);
			if (!blocks[n])
				break;
			assert_true(pool_size(&p, blocks[n]) >= bytes);
			memset(pool_at(&p, blocks[n]), (int)n, pool_size(&p, blocks[n]));
			n++;
		}
		assert_true(n > 500);
		for (size_t i = 0; i < n; i++) {
			size_t at = (i * 7919) % n;
			while (!blocks[at])
				at = (at + 1) % n;
			const unsigned char *bytes = pool_at(&p, blocks[at]);
			assert_int_equal(bytes[0], (unsigned char)at);
			assert_int_equal(bytes[pool_size(&p, blocks[at]) - 1], (unsigned char)at);
			pool_give(&p, blocks[at]);
			blocks[at] = 0;
		}
		assert_int_equal(p.used, 0);
		for (size_t i = 0; i < 4; i++) {
			blocks[i] = pool_take(&p, POOL_MAX_BLOCK);
			assert_true(blocks[i]);
		}
		assert_int_equal(pool_take(&p, 1), 0);
		for (size_t i = 0; i < 4; i++)
			pool_give(&p, blocks[i]);
	}
	assert_int_equal(pool_take(&p, POOL_MAX_BLOCK + 1), 0);
	pool_done(&p);
}

/* --- reload ---------------------------------------------------------------------------------------------------------------------- */

static void a_reload_keeps_what_stays_the_same(void **state)
{
	(void)state;
#define OTHER(n) "- {rule: other, severity: low, event: file.open, when: 'true', threshold: {count: " n ", within: 10s}}\n"
#define WAIT "- {rule: wait, severity: low, absence: {within: 10s, after: {event: file.create, when: 'true'}, missing: {event: network.connect, when: 'true'}}}\n"
#define VALUE "- {rule: value, severity: low, event: file.delete, when: 'true', threshold: {distinct: file.path, count: 3, within: 10s}}\n"
	struct run r, s;
	run_begin(&r, TWO OTHER("3") WAIT VALUE);
	run_begin(&s, VALUE OTHER("4") "- {rule: new, severity: low, event: file.delete, when: 'true'}\n" WAIT TWO);
	state_free(&r.state);
	state_free(&s.state);
	r.config.reorder_ns = s.config.reorder_ns = 1000 * MS;
	assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
	assert_int_equal(state_new(s.set, &s.config, &s.state), 0);
	/* done with: a create, an open, two deletes; the second delete and an open still wait to be put in order */
	send_events(&r, "0 c /a;1 o /a;2 o /b;3 d /1;2500 d /2;2600 o /c");
	assert_string_equal(r.said, "");
	assert_int_equal(state_carry_over(r.state, s.state), 0);
	send_events(&s, "2400 d /1;2700 d /3;2800 x /a");
	state_advance(s.state, UINT64_MAX);
	drain(&s);
	assert_string_equal(s.said, "value@2700(2700)x3 r@2800(2800)x2 wait@10000(0)x1");
	/* the old one is as it was */
	state_advance(r.state, UINT64_MAX);
	drain(&r);
	assert_string_equal(r.said, "other@2600(2600)x3 wait@10000(0)x1");
	run_end(&r);
	run_end(&s);
}

/* Cut anywhere, the two halves say what the whole would have said. */
static void a_reload_in_mid_stream_changes_nothing(void **state)
{
	(void)state;
	static const char events[] = "0 c /a;1 o /a;2 o /a;3 k 10.0.0.1;4 o /a;5 d /a;6 c /b;7 o /b 4;8 x /a;9 k 10.0.0.2;10 k 10.0.0.3;11 d /b;12 o /b;13 c /c;14 x /c";
	static const char rules[] = TWO "- {rule: c, severity: low, event: file.open, when: 'true', threshold: {count: 3, within: 10s, by: user.id}}\n"
		"- {rule: v, severity: low, event: network.connect, when: 'true', threshold: {distinct: destination.ip, count: 3, within: 10s}}\n"
		"- {rule: few, severity: low, event: file.open, when: 'true', threshold: {count: {lt: 5}, within: 10s}}\n"
		"- {rule: b, severity: low, together: {within: 10s, steps: [{event: file.create, when: 'true'}, {event: network.connect, when: 'true'}]}}\n"
		"- {rule: a, severity: low, absence: {within: 10s, by: file.path, after: {event: file.create, when: 'true'}, missing: {event: file.delete, when: 'true'}}}\n"
		"- {rule: top, severity: low, threshold: {of: [c, v, b, r], count: 3, within: 10s}}\n";
	char whole[1024] = "";
	for (int cut = -1; cut < 15; cut++) {
		struct run r;
		char one[64];
		int i = 0;
		run_begin(&r, rules);
		state_free(&r.state);
		r.config.reorder_ns = 3 * MS;
		assert_int_equal(state_new(r.set, &r.config, &r.state), 0);
		for (const char *e = events; *e; i++) {
			size_t n = strcspn(e, ";");
			(void)snprintf(one, sizeof(one), "%.*s", (int)n, e);
			send_event(&r, one);
			e += n + (e[n] == ';');
			if (i != cut)
				continue;
			struct state *next = NULL;
			assert_int_equal(state_new(r.set, &r.config, &next), 0);
			assert_int_equal(state_carry_over(r.state, next), 0);
			state_free(&r.state);
			r.state = next;
		}
		state_advance(r.state, UINT64_MAX);
		drain(&r);
		if (cut < 0)
			memcpy(whole, r.said, sizeof(whole));
		else if (strcmp(whole, r.said) != 0)
			fail_msg("cut after event %d:\n%s\nbut uncut:\n%s", cut, r.said, whole);
		run_end(&r);
	}
	assert_true(strlen(whole) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_mean_what_the_manual_says),
		cmocka_unit_test(one_event_is_never_two_steps),
		cmocka_unit_test(late_events_are_put_in_order_or_taken_late),
		cmocka_unit_test(waits_end_by_the_clock_not_by_the_end_of_the_watch),
		cmocka_unit_test(events_that_match_nothing_leave_no_trace),
		cmocka_unit_test(alerts_tell_the_other_events),
		cmocka_unit_test(many_other_events_are_told_by_the_latest),
		cmocka_unit_test(long_values_are_told_apart),
		cmocka_unit_test(sizes_out_of_range_are_refused),
		cmocka_unit_test(a_flood_costs_the_rule_that_takes_most),
		cmocka_unit_test(a_rule_pays_for_the_events_it_keeps),
		cmocka_unit_test(more_waits_than_memory_are_counted),
		cmocka_unit_test(too_many_that_wait_are_hurried),
		cmocka_unit_test(blocks_grow_together_again),
		cmocka_unit_test(a_reload_keeps_what_stays_the_same),
		cmocka_unit_test(a_reload_in_mid_stream_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
