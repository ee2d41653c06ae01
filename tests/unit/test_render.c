/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/record.h"
#include "alerts/render.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"
#include "tests/support/full_event.h"
#include "tests/support/random.h"

static const struct identity identity = {
	.agent_id = "11111111-2222-4333-8444-555555555555",
	.stream = "11111111-2222-4333-8444-555555555555/0",
	.host_id = "0123456789abcdef0123456789abcdef",
	.host_name = "host-1",
	.boot_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
};

static const struct instant fixed_time = { .wall_ns = 1767323045000000006, .boot_ns = 123456789, .clock_sync = "yes" };

static const struct rule_info rule = {
	.id = "test-rule",
	.title = "A title",
	.description = "",
	.ruleset = "test",
	.severity = SEVERITY_HIGH,
	.attack = { "T1003.008", "TA0006", "T1003", "T1059" },
	.tags = { "one", "two" },
};

struct fixture {
	struct renderer *renderer;
	struct full_event *full;
	struct buf out;
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->full = malloc(sizeof(*f->full));
	*state = f;
	return !f->full || renderer_new(&identity, &f->renderer);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	renderer_free(&f->renderer);
	buf_done(&f->out);
	free(f->full);
	free(f);
	return 0;
}

static struct alert alert_for(struct fixture *f)
{
	return (struct alert){ .ev = &f->full->ev, .rule = &rule, .message = SV("a message"), .policy_digest = "00ff" };
}

/* Keys of each object in order (JCS: by code unit; our names are ASCII), each once, no blank outside strings. */
static void assert_canonical(const char *what, struct strview body)
{
	struct json_reader r;
	struct strview last[JSON_READ_DEPTH + 1] = { { NULL, 0 } };
	size_t before = 0;
	json_reader_init(&r, body);
	for (enum json_token t; (t = json_next(&r)) != JSON_END;) {
		if (t == JSON_ERROR)
			fail_msg("%s: %s at byte %zu of " SV_FMT, what, r.error, r.at, SV_ARG(body));
		if (t == JSON_OBJECT)
			last[r.depth] = SV("");
		if (t == JSON_KEY && last[r.depth].n && sv_compare(last[r.depth], r.raw) >= 0)
			fail_msg("%s: '" SV_FMT "' stands after '" SV_FMT "'", what, SV_ARG(r.raw), SV_ARG(last[r.depth]));
		if (t == JSON_KEY)
			last[r.depth] = r.raw;
		if (t != JSON_STRING && t != JSON_KEY)
			for (size_t i = before; i < r.at; i++)
				assert_true(body.p[i] != ' ');
		before = r.at;
	}
}

static struct strview member(struct strview body, const char *path)
{
	struct json_want want = { .path = path };
	const char *error;
	size_t at;
	assert_int_equal(json_read_members(body, &want, 1, &error, &at), 0);
	return want.token == JSON_ERROR ? (struct strview){ NULL, 0 } : want.raw;
}

static void assert_member(struct strview body, const char *path, const char *expected)
{
	struct strview got = member(body, path);
	if (expected ? !sv_is(got, expected) : got.p != NULL)
		fail_msg("%s: expected %s, got " SV_FMT, path, expected ? expected : "nothing", SV_ARG(got));
}

static void every_event_makes_a_sorted_line_with_all_its_fields(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		full_event_make(f->full, type, &(struct full_event_style){ .repeat = 1 });
		struct alert alert = alert_for(f);
		buf_reset(&f->out);
		assert_int_equal(render_alert(f->renderer, 42, &alert, &f->out), 0);
		assert_canonical(type->name, buf_sv(&f->out));
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = event_type_sorted_fields(type, fields);
		for (size_t k = 0; k < n; k++)
			if (!member(buf_sv(&f->out), fields[k]->name).p)
				fail_msg("%s: '%s' is missing", type->name, fields[k]->name);
		for (size_t k = 0; k < MEMBER_COUNT; k++) {
			const struct member *m = member_get((enum member_id)k);
			if ((m->records & IN_ALERT) && m->is_always && !member(buf_sv(&f->out), m->name).p)
				fail_msg("%s: '%s' is missing", type->name, m->name);
		}
		buf_reset(&f->out);
		assert_int_equal(render_event(f->renderer, 43, &f->full->ev, &f->out), 0);
		assert_canonical(type->name, buf_sv(&f->out));
		assert_null(member(buf_sv(&f->out), "rule").p);
	}
}

static void an_alert_says_what_the_rule_says(void **state)
{
	struct fixture *f = *state;
	full_event_make(f->full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	struct alert alert = alert_for(f);
	alert.action = ALERT_ACTION_BLOCK;
	((struct wire_common *)(void *)f->full->bytes)->verdict = VERDICT_BLOCK;
	assert_int_equal(render_alert(f->renderer, 42, &alert, &f->out), 0);
	static const struct {
		const char *path, *raw;
	} cases[] = {
		{ "event.dataset", "vedette.alert" },
		{ "event.kind", "alert" },
		{ "event.sequence", "42" },
		{ "event.severity", "73" },
		{ "event.id", "11111111-2222-4333-8444-555555555555/0:42" },
		{ "event.category", "[\"file\"]" },
		{ "event.type", "[\"access\",\"denied\"]" },
		{ "event.action", "file.open" },
		{ "rule", "{\"id\":\"test-rule\",\"name\":\"A title\",\"ruleset\":\"test\"}" },
		{ "tags", "[\"one\",\"two\"]" },
		{ "threat", "{\"framework\":\"MITRE ATT&CK\",\"tactic\":{\"id\":[\"TA0006\"]},\"technique\":{\"id\":[\"T1003\",\"T1059\"],\"subtechnique\":{\"id\":[\"T1003.008\"]}}}" },
		{ "vedette.action", "block" },
		{ "vedette.policy.digest", "00ff" },
		{ "message", "a message" },
		{ "file.path", "/file.path" },
		{ "file.path_b64", NULL },
		{ "process.entity_id", "fedcba9876543210" },
		{ "vedette.replaced", NULL },
		{ "vedette.truncated", "[\"vedette.file.fs_path\"]" },
		{ "agent.version", VEDETTE_VERSION },
		{ "host.boot.id", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_member(buf_sv(&f->out), cases[i].path, cases[i].raw);
}

static void what_is_missing_is_absent(void **state)
{
	struct fixture *f = *state;
	struct wire_file_open rec = { .common = { .type = EVENT_FILE_OPEN, .size = sizeof(rec), .loginuid = UINT32_MAX } };
	struct event ev = { .type = event_type_by_number(EVENT_FILE_OPEN), .common = &rec.common, .size = sizeof(rec) };
	assert_int_equal(render_event(f->renderer, 1, &ev, &f->out), 0);
	assert_canonical("empty", buf_sv(&f->out));
	static const char *const absent[] = { "@timestamp", "file.path", "user.audit", "vedette.truncated", "vedette.uncertain", "vedette.replaced",
					      "process.name", "process.entity_id", "message", "rule", "threat", "container" };
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_member(buf_sv(&f->out), absent[i], NULL);
	assert_null(memmem(f->out.p, f->out.n, "null", 4));
}

static void bytes_that_are_not_utf8_are_kept_in_a_twin(void **state)
{
	struct fixture *f = *state;
	full_event_make(f->full, event_type_by_name(SV("process.exec")), &(struct full_event_style){ .text = SV("/a\xff/b\xc3\xa9\n\"") });
	struct alert alert = alert_for(f);
	alert.message = SV("bad \xfe");
	assert_int_equal(render_alert(f->renderer, 0, &alert, &f->out), 0);
	assert_canonical("hostile", buf_sv(&f->out));
	assert_member(buf_sv(&f->out), "file.path", "/a\xef\xbf\xbd/b\xc3\xa9\\n\\\"");
	assert_member(buf_sv(&f->out), "file.path_b64", "L2H/L2LDqQoi");
	assert_member(buf_sv(&f->out), "process.args_b64", NULL);
	assert_member(buf_sv(&f->out), "message", "bad \xef\xbf\xbd");
	struct strview replaced = member(buf_sv(&f->out), "vedette.replaced");
	static const char *const named[] = { "\"message\"", "\"process.args\"", "\"vedette.ancestors.name\"" };
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		assert_non_null(memmem(replaced.p, replaced.n, named[i], strlen(named[i])));
	assert_null(memmem(replaced.p, replaced.n, "\"file.path\"", 11));
}

/* No field's name may stand between a text and its twin. */
static void twins_sort_behind_their_names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = event_type_sorted_fields(type, fields);
		for (size_t k = 0; k + 1 < n; k++) {
			char twin[JSON_MAX_PATH];
			assert_true(snprintf(twin, sizeof(twin), "%s_b64", fields[k]->name) < (int)sizeof(twin));
			assert_true(json_path_compare(twin, fields[k + 1]->name) < 0);
		}
	}
}

static void no_line_is_longer_than_64_kib(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *what;
		struct strview text;
	} cases[] = {
		{ "plain", { "abcdefgh", 8 } },
		{ "every byte escaped to six", { "\x01", 1 } },
		{ "every byte replaced, with a twin", { "\xff", 1 } },
		{ "one bad byte, the rest escaped", { "\x01\x01\x01\x01\x01\x01\xff", 7 } },
		{ "characters of four bytes", { "\xf0\x9f\x98\x80", 4 } },
	};
	static char long_text[8000];
	memset(long_text, 1, sizeof(long_text) - 1);
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
			const struct event_type *type = event_type_by_number(i);
			if (!type || !type->name[0])
				continue;
			full_event_make(f->full, type, &(struct full_event_style){ .text = cases[c].text, .repeat = 12000 / cases[c].text.n, .n_items = 3 });
			struct rule_info big = rule;
			big.title = big.description = big.ruleset = long_text;
			struct alert alert = alert_for(f);
			alert.rule = &big;
			alert.message = (struct strview){ long_text, sizeof(long_text) - 1 };
			buf_reset(&f->out);
			if (render_alert(f->renderer, 1ull << 53, &alert, &f->out))
				fail_msg("%s: %s does not fit", type->name, cases[c].what);
			assert_true(f->out.n <= BODY_MAX_BYTES);
			assert_canonical(cases[c].what, buf_sv(&f->out));
			struct strview cut = member(buf_sv(&f->out), "vedette.truncated");
			assert_non_null(memmem(cut.p, cut.n, "\"process.command_line\"", 22));
			if (c == 4)
				assert_null(member(buf_sv(&f->out), "process.command_line_b64").p); /* not cut within a character */
		}
	}
}

static void only_the_longest_texts_are_cut(void **state)
{
	struct fixture *f = *state;
	full_event_make(f->full, event_type_by_name(SV("process.exec")), &(struct full_event_style){ .repeat = 1 });
	static char args[120000];
	memset(args, 'x', sizeof(args));
	DERIVE(&f->full->derived, command_line, (struct strview){ args, sizeof(args) });
	DERIVE(&f->full->derived, args, (struct strview){ args, sizeof(args) });
	struct alert alert = alert_for(f);
	assert_int_equal(render_alert(f->renderer, 0, &alert, &f->out), 0);
	assert_member(buf_sv(&f->out), "vedette.truncated", "[\"vedette.file.fs_path\",\"process.args\",\"process.command_line\"]");
	assert_int_equal(member(buf_sv(&f->out), "process.command_line").n, 32768);
	assert_member(buf_sv(&f->out), "process.executable", "/process.executable");
}

static void a_rule_about_several_events_tells_the_others(void **state)
{
	struct fixture *f = *state;
	static const struct alert_other others[] = {
		{ 1767323040000000001, "file.create", 0xaa, { "file.path=/tmp/x", 16 } },
		{ 0, "file.chmod", 0xbb, { "file.path=/tmp/\xff", 16 } },
	};
	const struct alert_correlation correlation = {
		.kind = "sequence", .count = 3, .since_ns = 1767323040000000001, .until_ns = 1767323045000000006,
		.keys = SV("process.executable=/tmp/x\0"), .others = others, .n_others = 2, .n_left_out = 7,
	};
	full_event_make(f->full, event_type_by_number(EVENT_PROC_EXEC), &(struct full_event_style){ 0 });
	struct alert alert = alert_for(f);
	alert.correlation = &correlation;
	buf_reset(&f->out);
	assert_int_equal(render_alert(f->renderer, 7, &alert, &f->out), 0);
	assert_canonical("correlation", buf_sv(&f->out));
	assert_member(buf_sv(&f->out), "vedette.correlation.kind", "sequence");
	assert_member(buf_sv(&f->out), "vedette.correlation.count", "3");
	assert_member(buf_sv(&f->out), "vedette.correlation.since", "2026-01-02T03:04:00.000000001Z");
	assert_member(buf_sv(&f->out), "vedette.correlation.until", "2026-01-02T03:04:05.000000006Z");
	assert_member(buf_sv(&f->out), "vedette.correlation.events.left_out", "7");
	assert_non_null(strstr(buf_cstr(&f->out), "\"events\":{\"action\":[\"file.create\",\"file.chmod\"],\"entity_id\":[\"00000000000000aa\",\"00000000000000bb\"],"
						  "\"keys\":[\"file.path=/tmp/x\",\"file.path=/tmp/\xef\xbf\xbd\"],\"left_out\":7,"
						  "\"time\":[\"2026-01-02T03:04:00.000000001Z\",\"\"]}"));
	assert_non_null(strstr(buf_cstr(&f->out), "\"replaced\":[\"vedette.correlation.events.keys\"]"));
	alert.correlation = NULL;
	buf_reset(&f->out);
	assert_int_equal(render_alert(f->renderer, 7, &alert, &f->out), 0);
	assert_null(strstr(buf_cstr(&f->out), "vedette.correlation"));
	assert_member(buf_sv(&f->out), "vedette.correlation.kind", NULL);
}

static void an_undecided_alert_is_low_and_says_why(void **state)
{
	struct fixture *f = *state;
	full_event_make(f->full, event_type_by_number(EVENT_FILE_OPEN), &(struct full_event_style){ .repeat = 1 });
	struct alert alert = alert_for(f);
	alert.undecided = SV("given up: file.path regex x");
	assert_int_equal(render_alert(f->renderer, 0, &alert, &f->out), 0);
	assert_canonical("undecided", buf_sv(&f->out));
	assert_member(buf_sv(&f->out), "event.severity", "21");
	assert_member(buf_sv(&f->out), "vedette.rule.undecided", "true");
	assert_member(buf_sv(&f->out), "vedette.rule.undecided_reason", "given up: file.path regex x");
	alert.undecided = SV("");
	buf_reset(&f->out);
	assert_int_equal(render_alert(f->renderer, 0, &alert, &f->out), 0);
	assert_member(buf_sv(&f->out), "event.severity", "73");
	assert_member(buf_sv(&f->out), "vedette.rule.undecided", NULL);
	assert_member(buf_sv(&f->out), "vedette.rule.undecided_reason", NULL);
}

static void what_limits_held_back_is_told_in_words(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct loss_info loss;
		const char *message, *last;
	} cases[] = {
		{ { .what = "limit", .count = 5, .last_ns = 1, .rule = "r" }, "5 alerts of rule r held back by the limit of all rules", "1970-01-01T00:00:00.000000001Z" },
		{ { .what = "limit", .count = 5, .last_ns = 1 }, "5 alerts of other rules held back by the limit of all rules", "1970-01-01T00:00:00.000000001Z" },
		{ { .what = "suppress", .count = 2, .rule = "r" }, "2 alerts of rule r held back by its throttle", NULL },
		{ { .what = "sink", .count = 2 }, "2 lost: sink", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loss_info loss = cases[i].loss;
		loss.at = fixed_time;
		loss.event = "";
		loss.cpu = -1;
		buf_reset(&f->out);
		assert_int_equal(render_loss(f->renderer, 8, &loss, &f->out), 0);
		assert_canonical("vedette.loss", buf_sv(&f->out));
		assert_member(buf_sv(&f->out), "message", cases[i].message);
		assert_member(buf_sv(&f->out), "vedette.loss.last", cases[i].last);
	}
}

static void our_own_records_are_sorted_and_whole(void **state)
{
	struct fixture *f = *state;
	static const char *const hooks[] = { "bprm_check", "file_open", NULL };
	static const char *const none[] = { NULL };
	const struct totals totals = { .produced = 10, .delivered = 9, .lost = 1 };
	const struct log_counts counts = { 3, 2, 1, 4, 0 };
	const struct open_info open = { fixed_time, "d1", 7, "", "lsm", "host", hooks, none, 0, 0, NULL, NULL, false, false };
	const struct heartbeat_info beat = { fixed_time, "d1", "lsm", totals, "on", 3, 2, 1 };
	const struct loss_info loss = { fixed_time, "ring", "file.open", 1, 5, fixed_time.wall_ns, 0, "", "" };
	const struct loss_info loss_anywhere = { fixed_time, "output", "", -1, 5, fixed_time.wall_ns, 0, "", "" };
	const struct close_info close = { fixed_time, "signal 15", totals };
	static const char *const errors[] = { "a.yaml:1:2: unknown field 'x'", NULL };
	const struct reload_info reload = { fixed_time, "d2", 7, "d1", 8, 1500, errors, none };
	const struct reload_info reloaded = { fixed_time, "d2", 7, "d1", 8, 1500, none, none };
	const struct policy_info policy = { .at = fixed_time, .action = "apply", .name = "web", .reason = "asked", .policy_digest = "d2", .policy_rules = 7,
					    .from_digest = "d1", .from_rules = 6, .confirm_ns = 60, .blocked = UINT64_MAX, .has_by = true, .by_uid = 0, .by_pid = 9,
					    .by_login = 1000, .errors = none };
	static const struct {
		unsigned in;
		const char *path, *raw;
	} cases[] = {
		{ IN_POLICY, "vedette.policy",
		  "{\"action\":\"apply\",\"by\":{\"login_uid\":1000,\"pid\":9,\"uid\":0},\"confirm\":60,\"digest\":\"d2\",\"forced\":false,\"from\":\"d1\","
		  "\"from_rules\":6,\"name\":\"web\",\"reason\":\"asked\",\"rules\":7}" },
		{ IN_POLICY, "message", "A policy is in force" },
		{ IN_OPEN, "event.sequence", "0" },
		{ IN_OPEN, "vedette.hooks", "{\"attached\":[\"bprm_check\",\"file_open\"],\"missing\":[]}" },
		{ IN_OPEN, "vedette.key", "{\"epoch\":0,\"public\":\"KEY\"}" },
		{ IN_OPEN, "vedette.config", NULL },
		{ IN_HEARTBEAT, "vedette.totals", "{\"alerts\":3,\"delivered\":9,\"lost\":1,\"produced\":10,\"records\":8,\"unwritten\":2}" },
		{ IN_HEARTBEAT, "vedette.key", "{\"epoch\":4}" },
		{ IN_KEY_ROLL, "vedette.key", "{\"epoch\":4,\"reason\":\"critical\"}" },
		{ IN_KEY_ROLL, "vedette.next_epoch", "5" },
		{ IN_KEY_ROLL, "vedette.next_key", "KEY" },
		{ IN_HEARTBEAT, "event.kind", "metric" },
		{ IN_HEARTBEAT, "vedette.clock", "{\"boot_ns\":123456789,\"sync\":\"yes\"}" },
		{ IN_LOSS, "vedette.loss.what", "ring" },
		{ IN_RELOAD, "vedette.policy", "{\"digest\":\"d2\",\"rules\":7}" },
		{ IN_RELOAD, "vedette.reload", "{\"duration\":1500,\"errors\":[\"a.yaml:1:2: unknown field 'x'\"],\"from\":\"d1\",\"from_rules\":8}" },
		{ IN_CLOSE, "vedette.close.reason", "signal 15" },
		{ IN_CLOSE, "event.type", "[\"end\"]" },
		{ IN_OWN, "@timestamp", "2026-01-02T03:04:05.000000006Z" },
		{ IN_OWN, "host.name", "host-1" },
	};
	for (unsigned id = 0; id < RECORD_COUNT; id++) {
		buf_reset(&f->out);
		if (id == RECORD_OPEN)
			assert_int_equal(render_open(f->renderer, &open, "KEY", &f->out), 0);
		else if (id == RECORD_HEARTBEAT)
			assert_int_equal(render_heartbeat(f->renderer, 8, &beat, &counts, &f->out), 0);
		else if (id == RECORD_LOSS)
			assert_int_equal(render_loss(f->renderer, 8, &loss, &f->out), 0);
		else if (id == RECORD_RELOAD)
			assert_int_equal(render_reload(f->renderer, 8, &reload, &f->out), 0);
		else if (id == RECORD_POLICY)
			assert_int_equal(render_policy(f->renderer, 8, &policy, &f->out), 0);
		else if (id == RECORD_KEY_ROLL)
			assert_int_equal(render_key_roll(f->renderer, 8, &(struct key_roll_info){ fixed_time, "critical", 5, "KEY" }, &f->out), 0);
		else if (id == RECORD_CLOSE)
			assert_int_equal(render_close(f->renderer, 8, &close, &counts, &f->out), 0);
		else
			continue;
		const struct record_type *type = record_type_get((enum record_id)id);
		assert_canonical(type->dataset, buf_sv(&f->out));
		assert_member(buf_sv(&f->out), "event.dataset", type->dataset);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			if (cases[i].in & 1u << id)
				assert_member(buf_sv(&f->out), cases[i].path, cases[i].raw);
		for (size_t k = 0; k < MEMBER_COUNT; k++) {
			const struct member *m = member_get((enum member_id)k);
			if ((m->records & 1u << id) && m->is_always && !member(buf_sv(&f->out), m->name).p)
				fail_msg("%s: '%s' is missing", type->dataset, m->name);
		}
	}
	buf_reset(&f->out);
	assert_int_equal(render_reload(f->renderer, 8, &reloaded, &f->out), 0);
	assert_member(buf_sv(&f->out), "vedette.reload.errors", NULL);
	assert_member(buf_sv(&f->out), "message", "New rules are in force");
	struct policy_info nobody = policy;
	nobody.has_by = false;
	nobody.action = "rollback";
	nobody.errors = errors;
	buf_reset(&f->out);
	assert_int_equal(render_policy(f->renderer, 8, &nobody, &f->out), 0);
	assert_member(buf_sv(&f->out), "vedette.policy.by", NULL);
	assert_member(buf_sv(&f->out), "vedette.policy.errors", "[\"a.yaml:1:2: unknown field 'x'\"]");
	assert_member(buf_sv(&f->out), "message", "A policy could not be taken back");
	buf_reset(&f->out);
	assert_int_equal(render_loss(f->renderer, 8, &loss_anywhere, &f->out), 0);
	assert_member(buf_sv(&f->out), "vedette.loss.cpu", NULL);
	assert_member(buf_sv(&f->out), "vedette.loss.event", NULL);
}

static void a_full_buffer_is_an_error_and_stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf small = { .max = 100 };
	buf_add_z(&small, "before");
	full_event_make(f->full, event_type_by_name(SV("process.fork")), &(struct full_event_style){ .repeat = 1 });
	assert_int_equal(render_event(f->renderer, 1, &f->full->ev, &small), -ENOMEM);
	assert_string_equal(buf_cstr(&small), "before");
}

/* Of the alert by chance: what it says besides the event. */
static struct alert alert_by_chance(struct random *r, const struct event *ev)
{
	static const struct rule_info rules[] = {
		{ .id = "a", .title = "A", .description = "", .ruleset = "set", .severity = SEVERITY_LOW },
		{ .id = "b", .title = "B \"quoted\"", .description = "more\nlines", .ruleset = "set", .author = "somebody", .license = "MIT", .severity = SEVERITY_CRITICAL,
		  .references = { "https://example.org/", "second" }, .tags = { "one", "two" }, .attack = { "T1003.008", "TA0006", "T1003", "T1059" } },
		{ .id = "c", .title = "C \xff", .description = "\xc3\xa9", .ruleset = "set", .severity = SEVERITY_HIGH, .tags = { "bad \xc3", "good" } },
	};
	static const struct strview texts[] = { { "", 0 }, { "a message", 9 }, { "bad \xf0\x9f", 6 }, { "nul \0 and \\", 11 } };
	return (struct alert){
		.ev = ev,
		.rule = &rules[random_below(r, ARRAY_SIZE(rules))],
		.message = texts[random_below(r, ARRAY_SIZE(texts))],
		.action = (enum alert_action)random_below(r, ALERT_ACTION_COUNT),
		.undecided = random_chance(r, 1, 4) ? texts[random_below(r, ARRAY_SIZE(texts))] : (struct strview){ 0 },
		.policy_digest = "00ff",
		.kill = random_chance(r, 1, 4) ? "after the fact" : NULL,
	};
}

/* With any number in its numbers: known symbols or not, missing or not, blocked or not; some fields of the record with nothing in it. */
static void disturb(struct random *r, struct full_event *full)
{
	static const uint64_t odd[] = { 0, 1, 2, 3, 5, 9, 10, 17, 60, 511, 512, UINT32_MAX, 1ull << 53, (1ull << 53) + 1, UINT64_MAX };
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(full->ev.type, fields);
	for (size_t i = 0; i < n; i++) {
		const struct kind *kind = kind_get(fields[i]->kind);
		if (!random_chance(r, 1, 2))
			continue;
		uint64_t number = odd[random_below(r, ARRAY_SIZE(odd))];
		bool is_text = kind->class == CLASS_STR || kind->class == CLASS_LIST;
		if (fields[i]->source == FIELD_DERIVED && random_chance(r, 1, 2))
			full->derived.present &= ~(1ull << fields[i]->index);
		else if (fields[i]->source == FIELD_DERIVED && !is_text)
			memcpy((unsigned char *)&full->derived + fields[i]->offset, &number, sizeof(number));
		else if (fields[i]->source != FIELD_DERIVED && is_text && random_chance(r, 1, 2))
			memset(full->bytes + fields[i]->offset, 0, MIN(kind->wire_size, 4u));
		else if (fields[i]->source != FIELD_DERIVED && !is_text && kind->wire_size <= sizeof(number))
			memcpy(full->bytes + fields[i]->offset, &number, kind->wire_size);
	}
	if (random_chance(r, 1, 10))
		full->ev.derived = NULL;
}

static void compare(const struct event *ev, const struct alert *alert, struct renderer *const r[static 2], uint64_t sequence)
{
	struct buf out[2] = { { .max = 1 << 20 }, { .max = 1 << 20 } };
	for (size_t i = 0; i < 2; i++) {
		buf_add_z(&out[i], "before ");
		assert_int_equal(alert ? render_alert(r[i], sequence, alert, &out[i]) : render_event(r[i], sequence, ev, &out[i]), 0);
	}
	if (!sv_equal(buf_sv(&out[0]), buf_sv(&out[1])))
		fail_msg("%s, sequence %llu: quick " SV_FMT "\nplain " SV_FMT, ev->type->name, (unsigned long long)sequence, SV_ARG(buf_sv(&out[0])), SV_ARG(buf_sv(&out[1])));
	buf_done(&out[0]);
	buf_done(&out[1]);
}

static void the_quick_way_says_what_the_plain_way_says(void **state)
{
	struct fixture *f = *state;
	static const struct strview texts[] = { { "", 0 }, { "/usr/bin/true", 13 }, { "a", 1 }, { "quote \" and \\ \x01", 16 }, { "\xc3\xa9t\xc3\xa9", 5 }, { "bad \xff", 5 }, { "long enough for blocks of sixteen bytes", 39 } };
	struct random r = { .state = 5 };
	CLEANUP(renderer_free) struct renderer *plain = NULL;
	assert_int_equal(renderer_new(&identity, &plain), 0);
	renderer_go_plain(plain);
	struct renderer *const both[2] = { f->renderer, plain };
	for (uint64_t round = 0; round < 4000; round++) {
		const struct event_type *type = event_type_by_number((uint32_t)random_below(&r, EVENT_NUMBERS));
		if (!type || !type->name[0])
			continue;
		struct full_event_style style = { .text = texts[random_below(&r, ARRAY_SIZE(texts))], .repeat = random_chance(&r, 1, 20) ? 300 : 1, .n_items = (unsigned)random_below(&r, 4) };
		full_event_make(f->full, type, &style);
		disturb(&r, f->full);
		struct alert alert = alert_by_chance(&r, &f->full->ev);
		compare(&f->full->ev, random_chance(&r, 3, 4) ? &alert : NULL, both, random_u64(&r) >> random_below(&r, 64));
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_event_makes_a_sorted_line_with_all_its_fields),
		TEST(an_alert_says_what_the_rule_says),
		TEST(what_is_missing_is_absent),
		TEST(bytes_that_are_not_utf8_are_kept_in_a_twin),
		TEST(twins_sort_behind_their_names),
		TEST(no_line_is_longer_than_64_kib),
		TEST(only_the_longest_texts_are_cut),
		TEST(an_undecided_alert_is_low_and_says_why),
		TEST(a_rule_about_several_events_tells_the_others),
		TEST(our_own_records_are_sorted_and_whole),
		TEST(what_limits_held_back_is_told_in_words),
		TEST(the_quick_way_says_what_the_plain_way_says),
		TEST(a_full_buffer_is_an_error_and_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
