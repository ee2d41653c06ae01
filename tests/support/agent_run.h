/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the agent: runs of one, each with a log and a disk that can be told to fail, and a verifier of all they wrote. Included after cmocka.h. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alerts/agent.h"
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

static inline int make_fixture(void **state)
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

static inline int drop_fixture(void **state)
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

static inline int on_step(void *context, enum agent_step step)
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

static inline void end_run(struct run *r)
{
	if (r->stream)
		(void)stream_free(&r->stream);
	agent_close(&r->agent);
}

static inline int begin_run(const struct fixture *f, struct trouble *trouble, struct run *r)
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

static inline int say_critical(struct run *r, const struct event *ev)
{
	struct alert alert = { .ev = ev, .rule = &rule_critical, .message = SV("m"), .policy_digest = "00" };
	r->now.wall_ns += 2 * STREAM_ROLL_PAUSE_NS;
	r->now.boot_ns += 2 * STREAM_ROLL_PAUSE_NS;
	int err = stream_alert(r->stream, &alert, r->now);
	return err ? err : stream_flush(r->stream, r->now);
}

/* Start, three critical alerts, each with a roll, stop. */
static inline int whole_run(const struct fixture *f, struct trouble *trouble, uint64_t *ret_epoch)
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
static inline void read_logs(const struct fixture *f, struct buf *text)
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

static inline struct verify_result verify_all(const struct fixture *f, const char *what)
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
static inline void enrol(struct fixture *f)
{
	struct agent *a = NULL;
	assert_int_equal(agent_open(f->state, &(struct agent_options){ .makes = true, .must_make = true }, &a, NULL), 0);
	assert_true(agent_is_new(a));
	agent_key_line(a, &f->keys);
	agent_close(&a);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)
