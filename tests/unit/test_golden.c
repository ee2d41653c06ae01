/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact bytes of the records: events in, lines out, compared with tests/golden/records.jsonl. A change there is a change for everyone who
 * reads our logs. After a wanted one: `build/release/tests/test_golden --refresh tests/golden/records.jsonl`, and read the diff.
 * The version of the agent stands there as VERSION; the signature is not part of it (test_sign).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/render.h"
#include "engine/base/fd.h"
#include "tests/support/full_event.h"

#define GOLDEN "tests/golden/records.jsonl"

static const struct instant fixed_time = { .wall_ns = 1767323045000000006, .boot_ns = 123456789, .clock_sync = "yes" };
static const char *const hooks[] = { "bprm_check_security", "file_open", NULL };
static const char *const missing[] = { "bpf", NULL };

static const struct rule_info rules[] = {
	{ .id = "shadow-file-read", .title = "Password hashes read by an unexpected program", .description = "Reads of /etc/shadow.",
	  .ruleset = "credentials", .severity = SEVERITY_HIGH, .attack = { "T1003.008", "TA0006" }, .tags = { "pci-10.2.1" },
	  .author = "A. Author, B. Author", .license = "DRL-1.1", .references = { "https://example.org/1", "https://example.org/2" } },
	{ .id = "plain", .title = "plain", .description = "", .ruleset = "local", .severity = SEVERITY_INFO },
};

/* Appends one body as a line, with VERSION for the version. */
static void add_line(struct buf *out, struct buf *body)
{
	static const char mark[] = "\"version\":\"" VEDETTE_VERSION "\"";
	const char *at = memmem(body->p, body->n, mark, sizeof(mark) - 1);
	assert_non_null(at);
	buf_add(out, body->p, (size_t)(at - body->p));
	buf_add_z(out, "\"version\":\"VERSION\"");
	size_t rest = (size_t)(at - body->p) + sizeof(mark) - 1;
	buf_add(out, body->p + rest, body->n - rest);
	buf_add_char(out, '\n');
	buf_reset(body);
}

static void add_own(struct renderer *r, struct buf *body, struct buf *out)
{
	const struct totals totals = { .produced = 1000, .delivered = 990, .lost = 10 };
	const struct log_counts counts = { 34, 2, 4096, 4, 0 };
	const struct key_roll_info roll = { fixed_time, "interval", 5, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
	const struct open_info open = { fixed_time, "ab12", 7, "cd34", "lsm", "host", hooks, missing, 0, 0, NULL, "enforce", false, false };
	const struct heartbeat_info beat = { fixed_time, "ab12", "lsm", totals, "on", 3, 2, 1 };
	const struct loss_info ring = { fixed_time, "ring", "file.open", 1, 5, fixed_time.wall_ns - 1000000000, 0, "", "" };
	const struct loss_info output = { fixed_time, "output", "", -1, 5, fixed_time.wall_ns, 0, "", "" };
	const struct loss_info held = { fixed_time, "suppress", "", -1, 7, fixed_time.wall_ns, fixed_time.wall_ns + 5, "plain", "user.name=root" };
	const struct close_info close = { fixed_time, "signal 15", totals };
	assert_int_equal(render_open(r, &open, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", body), 0);
	add_line(out, body);
	assert_int_equal(render_heartbeat(r, 1, &beat, &counts, body), 0);
	add_line(out, body);
	assert_int_equal(render_loss(r, 2, &ring, body), 0);
	add_line(out, body);
	assert_int_equal(render_loss(r, 3, &output, body), 0);
	add_line(out, body);
	assert_int_equal(render_loss(r, 4, &held, body), 0);
	add_line(out, body);
	assert_int_equal(render_key_roll(r, 5, &roll, body), 0);
	add_line(out, body);
	assert_int_equal(render_close(r, 6, &close, &counts, body), 0);
	add_line(out, body);
}

/* Full events, events with bytes that are not UTF-8, and an event with nothing but its frame. */
static void add_events(struct renderer *r, struct full_event *full, struct buf *body, struct buf *out)
{
	uint64_t sequence = 7;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		full_event_make(full, type, &(struct full_event_style){ .repeat = 1 });
		struct alert alert = { .ev = &full->ev, .rule = &rules[i % 2], .message = SV("cat read /etc/shadow as root"), .policy_digest = "ab12" };
		if (i % 3 == 0) {
			((struct wire_common *)(void *)full->bytes)->verdict = VERDICT_BLOCK;
			alert.action = ALERT_ACTION_BLOCK;
		}
		assert_int_equal(render_alert(r, sequence++, &alert, body), 0);
		add_line(out, body);
	}
	full_event_make(full, event_type_by_number(EVENT_PROC_EXEC), &(struct full_event_style){ .text = SV("/x\xff\n\"\xc3\xa9") });
	assert_int_equal(render_event(r, sequence++, &full->ev, body), 0);
	add_line(out, body);
	struct wire_net_connect bare = { .common = { .type = EVENT_NET_CONNECT, .size = sizeof(bare), .loginuid = UINT32_MAX } };
	struct event ev = { .type = event_type_by_number(EVENT_NET_CONNECT), .common = &bare.common, .size = sizeof(bare) };
	assert_int_equal(render_event(r, sequence++, &ev, body), 0);
	add_line(out, body);
	static const char *const errors[] = { "local.yaml:3:9: unknown field 'process.exee'", NULL }, *const refused_hooks[] = { "lsm/path_chown", NULL };
	const struct reload_info refused = { fixed_time, "ab12", 7, "ab12", 7, 1500000, errors, refused_hooks };
	assert_int_equal(render_reload(r, sequence++, &refused, body), 0);
	add_line(out, body);
	const struct policy_info taken_back = { .at = fixed_time, .action = "rollback", .name = "web", .reason = "breaker", .policy_digest = "ab12", .policy_rules = 7,
						.from_digest = "cd34", .from_rules = 9, .confirm_ns = 60000000000, .blocked = 61, .errors = errors + 1 };
	assert_int_equal(render_policy(r, sequence, &taken_back, body), 0);
	add_line(out, body);
}

static void render_all(struct buf *out)
{
	static const struct identity identity = {
		.agent_id = "11111111-2222-4333-8444-555555555555",
		.stream = "11111111-2222-4333-8444-555555555555/0",
		.host_id = "0123456789abcdef0123456789abcdef",
		.host_name = "host-1",
		.boot_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
		.kernel = "6.12.0-test",
	};
	CLEANUP(renderer_free) struct renderer *r = NULL;
	CLEANUP(buf_done) struct buf body = { 0 };
	struct full_event *full = malloc(sizeof(*full));
	assert_non_null(full);
	assert_int_equal(renderer_new(&identity, &r), 0);
	add_own(r, &body, out);
	add_events(r, full, &body, out);
	free(full);
}

static void records_have_the_golden_bytes(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf got = { 0 };
	CLEANUP(buf_done) struct buf golden = { 0 };
	render_all(&got);
	assert_int_equal(fd_read_file(GOLDEN, 1 << 24, &golden), 0);
	size_t line = 1, from = 0;
	for (size_t i = 0; i < MIN(got.n, golden.n) && got.p[i] == golden.p[i]; i++) {
		if (got.p[i] == '\n') {
			line++;
			from = i + 1;
		}
	}
	if (!sv_equal(buf_sv(&got), buf_sv(&golden)))
		fail_msg(GOLDEN ":%zu differs; now: %.*s", line, (int)strcspn(buf_cstr(&got) + from, "\n"), buf_cstr(&got) + from);
}

static int refresh(const char *path)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	CLEANUP(file_close) FILE *f = fopen(path, "w");
	if (!f) {
		perror(path);
		return 1;
	}
	render_all(&got);
	return fwrite(got.p, 1, got.n, f) != got.n;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--refresh") == 0)
		return refresh(argv[2]);
	const struct CMUnitTest tests[] = { cmocka_unit_test(records_have_the_golden_bytes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
