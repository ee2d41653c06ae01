/* SPDX-License-Identifier: Apache-2.0 */
/* Where an agent goes on: the end of its log as it is found, forged, cut short or lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/agent.h"
#include "alerts/sign.h"
#include "engine/base/fd.h"
#include "tests/support/agent_run.h"

/* What the agent knows of its log is what verifiers are told: an end that was cut off is seen at the next start. */
static void a_log_cut_short_between_two_runs_is_seen(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	uint64_t epoch = 0;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	enrol(f);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	assert_int_equal(fd_read_file(f->log, 1 << 20, &text), 0);
	const char *last = memrchr(text.p, '\n', text.n - 1);
	assert_int_equal(truncate(f->log, last + 1 - text.p), 0);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	buf_reset(&text);
	read_logs(f, &text);
	assert_int_equal(verify_keys_parse("key", buf_sv(&f->keys), &keys, NULL), 0);
	assert_int_equal(verifier_new(&keys, &(struct verify_options){ 0 }, &v), 0);
	enum verify_fault fault = VERIFY_OK;
	for (size_t at = 0; at < text.n && !fault;) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		fault = verifier_line(v, (struct strview){ text.p + at, (size_t)(end - text.p) - at });
		at = (size_t)(end - text.p) + 1;
	}
	assert_int_equal(fault, VERIFY_DELETED);
}

/* A line as a signer makes it, alone in its batch. key NULL: somebody else's. */
static void make_line(const char *stream, uint64_t sequence, uint64_t epoch, const struct crypto_key *key, struct buf *line)
{
	static const uint8_t seed[32] = { 99 }, genesis[CRYPTO_HASH];
	CLEANUP(crypto_key_free) struct crypto_key *other = NULL;
	CLEANUP(buf_done) struct buf body = { 0 }, text = { 0 }, prev = { 0 };
	struct seal seal = { .st = { .stream = sv_from(stream), .time = SV("2026-01-02T03:04:05.000000006Z"), .epoch = epoch, .first = sequence, .count = 1 } };
	assert_int_equal(crypto_key_from_seed(seed, &other), 0);
	crypto_base64(&prev, genesis, sizeof(genesis));
	seal.st.prev = buf_sv(&prev);
	buf_add_format(&body, "{\"event\":{\"dataset\":\"vedette.heartbeat\",\"sequence\":%llu}", (unsigned long long)sequence);
	tree_leaf(buf_sv(&body), SV("}"), seal.st.root);
	statement_text(&seal.st, &text);
	crypto_key_sign(key ? key : other, buf_sv(&text), seal.signature);
	buf_reset(line);
	buf_add_sv(line, buf_sv(&body));
	buf_add_z(line, SEAL_MEMBER);
	seal_text(&seal, line);
	buf_add_char(line, '}');
}

/* Who may write to the log, and has no key, moves none of the agent's numbers by much, and never where the log ends. */
static void a_forged_end_does_not_move_the_agents_numbers(void **state)
{
	static const struct {
		const char *what, *number;
		uint64_t sequence, epoch;
		bool is_ours;         /* signed by the key in force */
		uint64_t incarnation; /* of the stream that then begins, after two */
		uint64_t next;        /* that it names as the end before; 0: none */
		size_t told;
	} cases[] = {
		{ "the end that is there", "2", 8, 0, true, 3, 9, 0 },
		{ "the same from somebody else", "2", 8, 0, false, 3, 0, 1 },
		{ "a later one, of a folder that was restored", "700", 8, 5, false, 701, 0, 1 },
		{ "a later one that was signed here", "700", 8, 0, true, 701, 9, 0 },
		{ "the number that wraps", "18446744073709551615", 8, 0, true, 3, 0, 1 },
		{ "past what a number may be", "9007199254740993", 8, 0, true, 3, 0, 1 },
		{ "the last that a number may be", "9007199254740992", 8, 0, true, 3, 0, 1 },
		{ "far ahead", "900719925474", 8, 0, true, 3, 0, 1 },
		{ "no number", "x", 8, 0, true, 3, 0, 1 },
		{ "another form of one", "0700", 8, 0, true, 3, 0, 1 },
		{ "a stream before the first", "0", 8, 0, true, 3, 0, 1 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent *a = NULL;
		struct identity id = { .host_id = "h" };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
		CLEANUP(buf_done) struct buf stream = { 0 }, line = { 0 };
		(void)snprintf(f->state, sizeof(f->state), "%s/forged%zu", f->folder, i);
		assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true }, &a, NULL), 0);
		for (int run = 0; run < 2; run++)
			assert_int_equal(agent_begin(a, &id, NULL), 0);
		assert_int_equal(agent_key(a, &key), 0);
		buf_add_format(&stream, "%s/%s", agent_id(a), cases[i].number);
		make_line(buf_cstr(&stream), cases[i].sequence, cases[i].epoch, cases[i].is_ours ? key : NULL, &line);
		agent_found(a, buf_sv(&line), &diag);
		assert_int_equal(agent_begin(a, &id, &diag), 0);
		const struct log_head *previous = agent_previous(a);
		if (agent_incarnation(a) != cases[i].incarnation || (previous ? previous->next : 0) != cases[i].next || diag.n != cases[i].told)
			fail_msg("%s: stream %llu begins behind record %llu, %zu messages", cases[i].what, (unsigned long long)agent_incarnation(a),
				 (unsigned long long)(previous ? previous->next : 0), diag.n);
		agent_close(&a);
		if (agent_open(f->state, &(struct agent_options){ 0 }, &a, NULL))
			fail_msg("%s: the agent's file is damaged by it", cases[i].what);
		agent_close(&a);
	}
}

static void the_furthest_end_counts(void **state)
{
	static const struct { const char *what; uint64_t stream[3], sequence[3], next; } cases[] = {
		{ "the last of them", { 1, 2, 3 }, { 9, 9, 9 }, 10 },
		{ "the first of them", { 3, 2, 3 }, { 30, 90, 9 }, 31 },
		{ "the one in between", { 2, 3, 3 }, { 90, 31, 9 }, 32 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent *a = NULL;
		struct identity id = { .host_id = "h" };
		CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
		(void)snprintf(f->state, sizeof(f->state), "%s/ends%zu", f->folder, i);
		assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true }, &a, NULL), 0);
		assert_int_equal(agent_key(a, &key), 0);
		for (size_t k = 0; k < 3; k++) {
			CLEANUP(buf_done) struct buf stream = { 0 }, line = { 0 };
			buf_add_format(&stream, "%s/%llu", agent_id(a), (unsigned long long)cases[i].stream[k]);
			make_line(buf_cstr(&stream), cases[i].sequence[k], 0, key, &line);
			agent_found(a, buf_sv(&line), NULL);
		}
		assert_int_equal(agent_begin(a, &id, NULL), 0);
		if (agent_previous(a)->next != cases[i].next)
			fail_msg("%s: behind record %llu", cases[i].what, (unsigned long long)agent_previous(a)->next);
		agent_close(&a);
	}
}

/* The log is gone, and receivers have more of it than the agent knows: what they have verifies, over that start, and says so. */
static void a_log_that_was_lost_leaves_one_that_verifies(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	struct full_event *full = malloc(sizeof(*full));
	struct run r;
	uint64_t epoch = 0;
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	enrol(f);
	for (unsigned i = 0; i < 3; i++) {
		struct alert alert = { .ev = &full->ev, .rule = &rule_critical, .message = SV("m"), .policy_digest = "00" };
		assert_int_equal(begin_run(f, &calm, &r), 0);
		assert_int_equal(say_critical(&r, &full->ev), 0);
		for (unsigned k = 0; k < 5; k++) { /* behind the key's record, within the pause of the next */
			r.now.boot_ns += STREAM_WAIT_NS;
			assert_int_equal(stream_alert(r.stream, &alert, r.now), 0);
			assert_int_equal(stream_flush(r.stream, r.now), 0);
		}
		if (i == 2)
			assert_int_equal(stream_close_record(r.stream, &(struct close_info){ .at = r.now, .reason = "test" }), 0);
		end_run(&r);
		f->loses_log = i < 1; /* once lost, once found */
	}
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	struct verify_result result = verify_all(f, "lost");
	assert_int_equal(result.streams, 4);
	assert_int_equal(result.unclosed, 2);
	assert_true(result.is_closed);
	free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_cut_short_between_two_runs_is_seen),
		TEST(a_forged_end_does_not_move_the_agents_numbers),
		TEST(the_furthest_end_counts),
		TEST(a_log_that_was_lost_leaves_one_that_verifies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
