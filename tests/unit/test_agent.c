/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/agent.h"
#include "alerts/agent_file.h"
#include "alerts/sign.h"
#include "alerts/sink_file.h"
#include "alerts/stream.h"
#include "alerts/verify.h"
#include "engine/base/fd.h"
#include "tests/support/full_event.h"

static const char *const none[] = { NULL };
static const struct rule_info rule_critical = { .id = "r", .title = "R", .description = "", .ruleset = "t", .severity = SEVERITY_CRITICAL };

struct fixture {
	char folder[64], log[128], state[128], key[192];
	struct buf keys; /* the first key: what verifiers are given */
	bool loses_log;  /* a run does not find the log of the one before, though verifiers have it */
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	/* in memory where that can be: it is synced some thousand times */
	(void)snprintf(f->folder, sizeof(f->folder), "%s/vedette-agent-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!f || !mkdtemp(f->folder))
		return -1;
	(void)snprintf(f->log, sizeof(f->log), "%s/log", f->folder);
	(void)snprintf(f->state, sizeof(f->state), "%s/state", f->folder);
	(void)snprintf(f->key, sizeof(f->key), "%s/agent", f->state);
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	char command[128];
	(void)snprintf(command, sizeof(command), "%s", f->folder);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", command, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
	buf_done(&f->keys);
	free(f);
	return 0;
}

/* --- one run of an agent --------------------------------------------------------------------------------------------------------------- */

/* Fails, or kills the process, at one step of replacing the file, counted over the run. */
struct trouble {
	int at;      /* number of the step; -1: none */
	bool kills;
	int n;       /* steps so far */
};

static int on_step(void *context, enum agent_step step)
{
	struct trouble *t = context;
	(void)step;
	if (t->n++ != t->at)
		return 0;
	if (t->kills)
		(void)raise(SIGKILL);
	return -EIO;
}

struct run {
	struct agent *agent;
	struct stream *stream;
	struct instant now;
};

static void end_run(struct run *r)
{
	if (r->stream)
		(void)stream_free(&r->stream);
	agent_close(&r->agent);
}

static int begin_run(const struct fixture *f, struct trouble *trouble, struct run *r)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct identity id = { .host_id = "h", .host_name = "n", .boot_id = "b" };
	CLEANUP(buf_done) struct buf end = { 0 };
	struct sink_file *sink = NULL;
	struct outlet *outlet = NULL;
	const struct agent_options options = { .makes = true, .on_step = on_step, .context = trouble };
	*r = (struct run){ .now = { .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" } };
	int err = agent_open(f->state, &options, &r->agent, &diag);
	if (err)
		return err;
	if (!f->loses_log && log_end_of_file(f->log, &end) == 0)
		agent_found(r->agent, buf_sv(&end), &diag);
	err = agent_begin(r->agent, &id, &diag);
	if (!err)
		err = sink_file_open(&(struct sink_file_config){ .path = f->log, .queue_max_bytes = SINK_FILE_QUEUE_MIN, .retry_ns = 1000 }, &sink, &diag);
	if (!err)
		outlet = sink_file_outlet(&sink);
	if (!err)
		err = stream_new(&id, r->agent, &outlet, &r->stream, &diag);
	if (err)
		return err;
	struct open_info open = { .at = r->now, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "", .hooks_attached = none, .hooks_missing = none };
	err = stream_open_record(r->stream, &open);
	return err ? err : stream_flush(r->stream, r->now);
}

static int say_critical(struct run *r, const struct event *ev)
{
	struct alert alert = { .ev = ev, .rule = &rule_critical, .message = SV("m"), .policy_digest = "00" };
	r->now.wall_ns += 2 * STREAM_ROLL_PAUSE_NS;
	r->now.boot_ns += 2 * STREAM_ROLL_PAUSE_NS;
	int err = stream_alert(r->stream, &alert, r->now);
	return err ? err : stream_flush(r->stream, r->now);
}

/* Start, three critical alerts, each with a roll, stop. */
static int whole_run(const struct fixture *f, struct trouble *trouble, uint64_t *ret_epoch)
{
	struct full_event *full = malloc(sizeof(*full));
	struct run r;
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	int err = begin_run(f, trouble, &r);
	for (int i = 0; !err && i < 3; i++)
		err = say_critical(&r, &full->ev);
	if (!err)
		err = stream_close_record(r.stream, &(struct close_info){ .at = r.now, .reason = "test" });
	if (r.agent)
		*ret_epoch = agent_epoch(r.agent);
	end_run(&r);
	free(full);
	return err;
}

/* Everything that was written, oldest first: LOG.1, LOG.2, ..., LOG. */
static void read_logs(const struct fixture *f, struct buf *text)
{
	text->max = 64 * 1024 * 1024;
	for (unsigned i = 1; i < 200; i++) {
		char path[192];
		(void)snprintf(path, sizeof(path), "%s.%u", f->log, i);
		if (access(path, F_OK))
			break;
		assert_int_equal(fd_read_file(path, text->max, text), 0);
	}
	if (access(f->log, F_OK) == 0)
		assert_int_equal(fd_read_file(f->log, text->max, text), 0);
}

static struct verify_result verify_all(const struct fixture *f, const char *what)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	struct verify_result result;
	assert_int_equal(verify_keys_parse("key", buf_sv(&f->keys), &keys, NULL), 0);
	assert_int_equal(verifier_new(&keys, &(struct verify_options){ 0 }, &v), 0);
	read_logs(f, &text);
	for (size_t at = 0; at < text.n;) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		assert_non_null(end);
		if (verifier_line(v, (struct strview){ text.p + at, (size_t)(end - text.p) - at }))
			fail_msg("%s: %s", what, verifier_explain(v));
		at = (size_t)(end - text.p) + 1;
	}
	verifier_result(v, &result);
	result.stream = result.first_time = result.last_time = NULL; /* of the verifier that ends here */
	return result;
}

/* Makes the agent and takes its key. */
static void enrol(struct fixture *f)
{
	struct agent *a = NULL;
	assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true, .must_make = true }, &a, NULL), 0);
	assert_true(agent_is_new(a));
	agent_key_line(a, &f->keys);
	agent_close(&a);
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------------ */

static void runs_follow_one_another_under_one_key_file(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	uint64_t epoch = 0;
	enrol(f);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(whole_run(f, &calm, &epoch), 0);
		assert_int_equal(epoch, 5 * i); /* start, three alerts, stop */
		struct verify_result result = verify_all(f, "runs");
		assert_int_equal(result.streams, i);
		assert_int_equal(result.unclosed, 0);
		assert_int_equal(result.epoch, 5 * i);
		assert_true(result.is_closed);
	}
}

static void another_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct agent *a = NULL, *other = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true }, &a, &diag), 0);
	assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true }, &other, &diag), -EBUSY);
	agent_close(&a);
	assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true, .must_make = true }, &other, &diag), -EEXIST);
	assert_int_equal(agent_open(f->state, &(struct agent_options){ 0 }, &other, &diag), 0);
	agent_close(&other);
}

static void a_folder_that_others_may_change_is_refused(void **state)
{
	struct fixture *f = *state;
	struct agent *a = NULL;
	struct stat st;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(agent_open(f->state, &(struct agent_options){ 0 }, &a, &diag), -ENOENT);
	enrol(f);
	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(f->state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(f->state, 0770), 0);
	assert_int_equal(agent_open(f->state, &(struct agent_options){ 0 }, &a, &diag), -EPERM);
	assert_int_equal(chmod(f->state, 0700), 0);
}

static void a_damaged_file_is_no_key(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	uint64_t epoch = 0;
	CLEANUP(buf_done) struct buf text = { 0 };
	enrol(f);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	assert_int_equal(fd_read_file(f->key, AGENT_FILE_MAX, &text), 0);
	assert_non_null(memmem(text.p, text.n, "head ", 5));
	assert_null(memmem(text.p, text.n, "next ", 5)); /* settled: the key before is gone */
	for (size_t i = 0; i < text.n; i++) {
		struct agent_state s;
		char old = text.p[i];
		text.p[i] = (char)(old ^ 1);
		if (agent_file_parse(buf_sv(&text), &s) != -EBADMSG)
			fail_msg("byte %zu changed: taken for an agent", i);
		text.p[i] = old;
		if (agent_file_parse((struct strview){ text.p, i }, &s) != -EBADMSG)
			fail_msg("cut to %zu bytes: taken for an agent", i);
	}
	struct agent_state s;
	assert_int_equal(agent_file_parse(buf_sv(&text), &s), 0);
	agent_state_done(&s);
}

/* A step that fails, wherever it is: the run goes on or ends, and the next one goes on from there, with a chain that verifies. */
static void a_step_that_fails_breaks_no_chain(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	uint64_t epoch = 0;
	char what[64];
	enrol(f);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	int steps = calm.n;
	assert_true(steps > 40);
	for (int i = 0; i < steps; i++) {
		struct trouble once = { .at = i };
		(void)whole_run(f, &once, &epoch); /* a start that cannot number its stream is none */
		(void)snprintf(what, sizeof(what), "failed at step %d", i);
		(void)verify_all(f, what);
	}
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	assert_true(verify_all(f, "after all").is_closed);
}

static void a_kill_at_any_step_breaks_no_chain(void **state)
{
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	uint64_t epoch = 0;
	char what[64];
	enrol(f);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	uint64_t streams = 1;
	for (int i = 0; i < calm.n; i++) {
		int status = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct trouble deadly = { .at = i, .kills = true };
			_exit(whole_run(f, &deadly, &epoch) != 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		(void)snprintf(what, sizeof(what), "killed at step %d", i);
		streams = verify_all(f, what).streams;
	}
	assert_true(streams > (uint64_t)calm.n / 2);
	assert_int_equal(whole_run(f, &calm, &epoch), 0);
	struct verify_result result = verify_all(f, "after all");
	assert_true(result.is_closed && result.unclosed > 10);
	char path[192];
	(void)snprintf(path, sizeof(path), "%s/agent.new", f->state);
	assert_int_not_equal(access(path, F_OK), 0); /* half-made copies are gone */
}

/* While the disk does not take the next key, the one in force stays, and it is told how often. */
static void a_key_that_cannot_be_kept_does_not_take_over(void **state)
{
	struct fixture *f = *state;
	struct full_event *full = malloc(sizeof(*full));
	struct trouble trouble = { .at = -1 };
	struct run r;
	assert_non_null(full);
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	enrol(f);
	assert_int_equal(begin_run(f, &trouble, &r), 0);
	assert_int_equal(say_critical(&r, &full->ev), 0);
	uint64_t epoch = agent_epoch(r.agent);
	trouble.at = trouble.n;
	assert_int_equal(say_critical(&r, &full->ev), 0);
	assert_int_equal(agent_epoch(r.agent), epoch);
	struct stream_stats stats;
	stream_get_stats(r.stream, &stats);
	assert_int_equal(stats.held, 1);
	r.now.boot_ns += STREAM_ROLL_PAUSE_NS;
	assert_true(stream_is_due(r.stream, r.now.boot_ns)); /* without another record */
	assert_int_equal(stream_flush(r.stream, r.now), 0);
	assert_int_equal(agent_epoch(r.agent), epoch + 1);
	end_run(&r);
	assert_int_equal(verify_all(f, "held").epoch, epoch);
	free(full);
}

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

/* An outlet whose disk is always some batches behind, and that frames what it takes: its queue is never empty, as that of a log under load. */
struct slow_outlet {
	struct outlet outlet;
	size_t batch[4]; /* that wait, the newest first; framed */
	size_t behind;   /* how many wait at most; 0: all, for ever */
	size_t queued;
};

static size_t slow_room(const struct outlet *o, enum severity severity)
{
	(void)o, (void)severity;
	return (size_t)1 << 30;
}

static int slow_write(struct outlet *o, const struct outlet_batch *batch, uint64_t now_ns)
{
	enum { FRAME = 64 };
	struct slow_outlet *slow = (struct slow_outlet *)(void *)o;
	(void)now_ns;
	slow->queued += batch->lines.n + FRAME;
	if (slow->behind)
		slow->queued -= slow->batch[slow->behind - 1];
	memmove(slow->batch + 1, slow->batch, sizeof(slow->batch) - sizeof(slow->batch[0]));
	slow->batch[0] = batch->lines.n + FRAME;
	return 0;
}

static int slow_retry(struct outlet *o, uint64_t now_ns)
{
	(void)o, (void)now_ns;
	return 0;
}

static bool slow_is_due(const struct outlet *o, uint64_t now_ns)
{
	(void)o, (void)now_ns;
	return false;
}

static int slow_nothing(struct outlet *o)
{
	(void)o;
	return 0;
}

static size_t slow_queued_bytes(const struct outlet *o)
{
	return ((const struct slow_outlet *)(const void *)o)->queued;
}

static int slow_error(const struct outlet *o)
{
	(void)o;
	return 0;
}

static enum outlet_state slow_state(const struct outlet *o)
{
	(void)o;
	return OUTLET_READY;
}

static const char *slow_kept_as(const struct outlet *o)
{
	(void)o;
	return "";
}

static size_t slow_close(struct outlet *o)
{
	return slow_queued_bytes(o);
}

static void a_key_rolls_though_the_queue_is_never_empty(void **state)
{
	static const struct outlet_ops ops = {
		.room = slow_room, .write = slow_write, .retry = slow_retry, .is_due = slow_is_due, .sync = slow_nothing, .wait = slow_nothing,
		.queued_bytes = slow_queued_bytes, .error = slow_error, .state = slow_state, .kept_as = slow_kept_as, .close = slow_close,
	};
	static const struct {
		const char *what;
		size_t behind;
		uint64_t epoch, held; /* after a roll at the start and twenty critical alerts, two seconds from one to the next; held: at least */
	} cases[] = {
		{ "a disk that is one batch behind", 1, 7, 10 },
		{ "two batches", 2, 6, 10 },
		{ "a disk that takes nothing", 0, 1, 20 },
	};
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	struct full_event *full = malloc(sizeof(*full));
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slow_outlet slow = { .outlet.ops = &ops, .behind = cases[i].behind };
		struct outlet *outlet = &slow.outlet;
		struct run r = { .now = { .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" } };
		struct identity id = { .host_id = "h", .host_name = "n", .boot_id = "b" };
		const struct agent_options options = { .makes = true, .on_step = on_step, .context = &calm };
		struct stream_stats stats;
		(void)snprintf(f->state, sizeof(f->state), "%s/slow%zu", f->folder, i);
		assert_int_equal(agent_open(f->state, &options, &r.agent, NULL), 0);
		assert_int_equal(agent_begin(r.agent, &id, NULL), 0);
		assert_int_equal(stream_new(&id, r.agent, &outlet, &r.stream, NULL), 0);
		struct open_info open = { .at = r.now, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "", .hooks_attached = none, .hooks_missing = none };
		assert_int_equal(stream_open_record(r.stream, &open), 0);
		assert_int_equal(stream_flush(r.stream, r.now), 0);
		for (int k = 0; k < 20; k++)
			assert_int_equal(say_critical(&r, &full->ev), 0);
		stream_get_stats(r.stream, &stats);
		if (stats.epoch != cases[i].epoch || stats.held < cases[i].held)
			fail_msg("%s: key %llu signs, held %llu times", cases[i].what, (unsigned long long)stats.epoch, (unsigned long long)stats.held);
		end_run(&r);
	}
	free(full);
}

/* A disk that takes its time. */
struct gate {
	struct trouble calm; /* first: what on_step takes */
	bool is_shut;
	unsigned waits;
};

static int wait_at_gate(void *context, enum agent_step step)
{
	struct gate *g = context;
	(void)step;
	if (__atomic_load_n(&g->is_shut, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&g->waits, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&g->is_shut, __ATOMIC_SEQ_CST))
		usleep(1000);
	return 0;
}

static void flush_until_epoch(struct run *r, uint64_t epoch)
{
	for (unsigned i = 0; i < 10000 && agent_epoch(r->agent) < epoch; i++) {
		r->now.boot_ns += STREAM_SYNC_NS;
		assert_int_equal(stream_flush(r->stream, r->now), 0);
		usleep(1000);
	}
	assert_int_equal(agent_epoch(r->agent), epoch);
}

/* Who signs goes on signing; the key goes as soon as the next one is on the disk, and a wait is no key that stays. */
static void a_slow_disk_holds_up_nobody_who_signs(void **state)
{
	struct fixture *f = *state;
	struct gate gate = { .calm = { .at = -1 } };
	struct full_event *full = malloc(sizeof(*full));
	struct agent *a = NULL;
	struct identity id = { .host_id = "h", .host_name = "n", .boot_id = "b" };
	struct sink_file *sink = NULL;
	struct stream_stats stats;
	const struct agent_options options = { .makes = true, .on_step = wait_at_gate, .context = &gate };
	struct run r = { .now = { .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" } };
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	enrol(f);
	assert_int_equal(agent_open(f->state, &options, &a, NULL), 0);
	r.agent = a;
	assert_int_equal(agent_begin(a, &id, NULL), 0);
	assert_int_equal(agent_start_writer(a), 0);
	assert_int_equal(sink_file_open(&(struct sink_file_config){ .path = f->log, .queue_max_bytes = SINK_FILE_QUEUE_MIN, .retry_ns = 1000 }, &sink, NULL), 0);
	struct outlet *outlet = sink_file_outlet(&sink);
	assert_int_equal(stream_new(&id, a, &outlet, &r.stream, NULL), 0);
	struct open_info open = { .at = r.now, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "", .hooks_attached = none, .hooks_missing = none };
	assert_int_equal(stream_open_record(r.stream, &open), 0);
	flush_until_epoch(&r, 1);
	for (unsigned i = 0; i < 10000 && agent_is_unsettled(a); i++) {
		usleep(1000);
		r.now.boot_ns += STREAM_SYNC_NS;
		assert_int_equal(stream_flush(r.stream, r.now), 0);
	}
	__atomic_store_n(&gate.is_shut, true, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < 20; i++) /* would hang here */
		assert_int_equal(say_critical(&r, &full->ev), 0);
	stream_get_stats(r.stream, &stats);
	assert_int_equal(stats.epoch, 1);
	assert_int_equal(stats.held, 0);
	while (!__atomic_load_n(&gate.waits, __ATOMIC_SEQ_CST))
		usleep(1000);
	__atomic_store_n(&gate.is_shut, false, __ATOMIC_SEQ_CST);
	flush_until_epoch(&r, 2);
	assert_int_equal(stream_close_record(r.stream, &(struct close_info){ .at = r.now, .reason = "test" }), 0);
	end_run(&r);
	assert_true(verify_all(f, "slow").is_closed);
	free(full);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_follow_one_another_under_one_key_file),
		TEST(another_process_is_refused),
		TEST(a_folder_that_others_may_change_is_refused),
		TEST(a_damaged_file_is_no_key),
		TEST(a_step_that_fails_breaks_no_chain),
		TEST(a_kill_at_any_step_breaks_no_chain),
		TEST(a_key_that_cannot_be_kept_does_not_take_over),
		TEST(a_log_cut_short_between_two_runs_is_seen),
		TEST(a_forged_end_does_not_move_the_agents_numbers),
		TEST(the_furthest_end_counts),
		TEST(a_log_that_was_lost_leaves_one_that_verifies),
		TEST(a_slow_disk_holds_up_nobody_who_signs),
		TEST(a_key_rolls_though_the_queue_is_never_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
