/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/attr.h"
#include "engine/daemon/status_owner.h"

static char file[] = "/tmp/vedette-status-XXXXXX";

static void write_status(const char *text, long age_s)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	const struct timespec times[] = { { .tv_sec = time(NULL) - age_s }, { .tv_sec = time(NULL) - age_s } };
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

static void write_pid(pid_t pid, long age_s)
{
	char text[128];
	(void)snprintf(text, sizeof(text), "{\"at\":\"2026-01-02T03:04:05Z\",\"memory\":{\"pid\":1},\"pid\":%d}\n", (int)pid);
	write_status(text, age_s);
}

/* Of our name, and waits to be ended. */
static pid_t start_other(void)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(60);
		for (;;)
			pause();
	}
	return child;
}

static void a_file_of_another_that_lives_is_refused(void **state)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	char name[16];
	pid_t other = start_other();
	(void)state;
	write_pid(other, 0);
	assert_int_equal(status_owner_check(file, &diag), -EBUSY);
	(void)snprintf(name, sizeof(name), "%d", (int)other);
	assert_non_null(strstr(diag.messages[0].text, name));
	write_pid(other, 60); /* it has written nothing for long */
	assert_int_equal(status_owner_check(file, NULL), 0);
	write_pid(other, 0);
	assert_int_equal(kill(other, SIGKILL), 0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(status_owner_check(file, NULL), 0); /* ended, and nobody has asked how yet */
	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_int_equal(status_owner_check(file, NULL), 0);
}

static void what_nobody_writes_is_free(void **state)
{
	static const char *const texts[] = { "", "{}", "{\"pid\":\"1\"}", "{\"pid\":-1}", "{\"pid\":99999999999}", "[1]", "nothing" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_status(texts[i], 0);
		if (status_owner_check(file, NULL))
			fail_msg("'%s'", texts[i]);
	}
	write_pid(getpid(), 0);
	assert_int_equal(status_owner_check(file, NULL), 0);
	write_pid(1, 0); /* lives, and is of another name */
	assert_int_equal(status_owner_check(file, NULL), 0);
	assert_int_equal(status_owner_check("", NULL), 0);
	assert_int_equal(status_owner_check("/nowhere/at/all", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_another_that_lives_is_refused),
		cmocka_unit_test(what_nobody_writes_is_free),
	};
	int fd = mkstemp(file);
	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(file);
	return failed;
}
