/* SPDX-License-Identifier: Apache-2.0 */
/* An agent's file and folder, and runs that follow one another, whatever step fails or is the last. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/agent.h"
#include "alerts/agent_file.h"
#include "engine/base/fd.h"
#include "tests/support/agent_run.h"

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
	CLEANUP(buf_done) struct buf link = { 0 };
	CLEANUP(diag_done) struct diag why = { 0 };
	buf_add_format(&link, "%s.link", f->state);
	assert_int_equal(symlink(f->state, buf_cstr(&link)), 0);
	assert_int_equal(agent_open(buf_cstr(&link), &(struct agent_options){ .makes = true }, &a, &why), -ELOOP);
	assert_int_equal(unlink(buf_cstr(&link)), 0);
	assert_int_equal(why.n, 1);
	assert_non_null(strstr(why.messages[0].text, "is a symbolic link"));
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

struct full_disk {
	int writes; /* that still fail */
};

static int full_on_step(void *context, enum agent_step step)
{
	struct full_disk *disk = context;
	return step == AGENT_WRITE && disk->writes-- > 0 ? -ENOSPC : 0;
}

static void a_full_disk_has_room_for_the_agent(void **state)
{
	static const struct { const char *what; int writes, error; } cases[] = {
		{ "room", 0, 0 }, { "what the reserve gives is enough", 1, 0 }, { "it is not", 2, -ENOSPC }, { "and when there is room again", 0, 0 }, { "the reserve is back", 1, 0 },
	};
	struct fixture *f = *state;
	char reserve[192];
	(void)snprintf(reserve, sizeof(reserve), "%s/reserve", f->state);
	enrol(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct full_disk disk = { .writes = cases[i].writes };
		CLEANUP(agent_close) struct agent *a = NULL;
		struct identity id = { .host_id = "h" };
		struct stat st;
		assert_int_equal(agent_open(f->state, &(struct agent_options){ .on_step = full_on_step, .context = &disk }, &a, NULL), 0);
		int r = agent_begin(a, &id, NULL);
		if (r != cases[i].error)
			fail_msg("%s: %d", cases[i].what, r);
		if (stat(reserve, &st) || st.st_blocks == 0)
			fail_msg("%s: no reserve is left behind", cases[i].what);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_follow_one_another_under_one_key_file),
		TEST(another_process_is_refused),
		TEST(a_folder_that_others_may_change_is_refused),
		TEST(a_damaged_file_is_no_key),
		TEST(a_step_that_fails_breaks_no_chain),
		TEST(a_full_disk_has_room_for_the_agent),
		TEST(a_kill_at_any_step_breaks_no_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
