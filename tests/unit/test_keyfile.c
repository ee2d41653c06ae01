/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/keyfile.h"
#include "engine/base/fd.h"

#define KEY_LINE "vedette-key/v1 a/0 0 AAAA\n"

struct fixture {
	char folder[64];
	char log[96], key[96];
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-key-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	(void)snprintf(f->log, sizeof(f->log), "%s/log", f->folder);
	(void)snprintf(f->key, sizeof(f->key), "%s/key", f->folder);
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	unlink(f->log);
	unlink(f->key);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void put_file(const char *path, const char *text)
{
	CLEANUP(file_close) FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
}

static void assert_content(const char *path, const char *expected)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(fd_read_file(path, 1 << 20, &text), 0);
	assert_string_equal(buf_cstr(&text), expected);
}

static void assert_refused(const char *key, const char *log, int err, const char *why)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(keyfile_append(key, log, SV(KEY_LINE), &diag), err);
	assert_int_equal(diag.errors, 1);
	if (!strstr(diag.messages[0].text, why))
		fail_msg("'%s' does not say '%s'", diag.messages[0].text, why);
}

static void keys_are_appended(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	mode_t mask = umask(022);
	put_file(f->log, "");
	assert_int_equal(keyfile_append(f->key, f->log, SV(KEY_LINE), NULL), 0);
	umask(mask);
	assert_int_equal(keyfile_append(f->key, f->log, SV(KEY_LINE), NULL), 0);
	assert_content(f->key, KEY_LINE KEY_LINE);
	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	put_file(f->key, KEY_LINE "vedette-key/v1 torn");
	assert_int_equal(keyfile_append(f->key, f->log, SV(KEY_LINE), NULL), 0);
	assert_content(f->key, KEY_LINE "vedette-key/v1 torn\n" KEY_LINE);
}

/* A service that starts again each second for a day must not end with a file that verifiers refuse. */
static void a_file_of_many_starts_keeps_the_first_key_and_the_latest(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf many = { 0 }, text = { 0 };
	for (unsigned i = 0; i < 9000; i++)
		buf_add_format(&many, "vedette-key/v1 00000000-0000-4000-8000-000000000000/%u %u AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", i, i);
	put_file(f->log, "");
	put_file(f->key, buf_cstr(&many));
	assert_int_equal(keyfile_append(f->key, f->log, SV(KEY_LINE), NULL), 0);
	assert_int_equal(fd_read_file(f->key, 4 << 20, &text), 0);
	size_t lines = 0;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	assert_int_equal(lines, 1 + 4096 + 1);
	assert_true(sv_starts(buf_sv(&text), SV("vedette-key/v1 00000000-0000-4000-8000-000000000000/0 0 ")));
	assert_non_null(memmem(text.p, text.n, "/4904 4904 ", 11)); /* the first of the latest */
	assert_true(sv_ends(buf_sv(&text), SV(KEY_LINE)));
	assert_int_equal(keyfile_append(f->key, f->log, SV(KEY_LINE), NULL), 0); /* and goes on */
}

static void the_log_is_no_key_file(void **state)
{
	struct fixture *f = *state;
	char roundabout[192];
	(void)snprintf(roundabout, sizeof(roundabout), "%s/../%s/log", f->folder, strrchr(f->folder, '/') + 1);
	put_file(f->log, "");
	assert_refused(f->log, f->log, -EINVAL, "is the log itself");
	assert_refused(roundabout, f->log, -EINVAL, "is the log itself");
	assert_int_equal(link(f->log, f->key), 0);
	assert_refused(f->key, f->log, -EINVAL, "is the log itself");
	assert_content(f->log, "");
}

static void standard_output_is_no_key_file(void **state)
{
	struct fixture *f = *state;
	put_file(f->key, "");
	fflush(stdout);
	int saved = dup(STDOUT_FILENO), fd = open(f->key, O_WRONLY | O_CLOEXEC);
	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDOUT_FILENO);
	int r = keyfile_append(f->key, "-", SV(KEY_LINE), NULL);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(r, -EINVAL);
	assert_content(f->key, "");
	assert_int_equal(keyfile_append(f->key, "-", SV(KEY_LINE), NULL), 0);
}

/* Each run's key has a file of its own, and none is lost. */
static void keys_of_earlier_logs_are_put_aside(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf first = { 0 }, second = { 0 };
	buf_add_format(&first, "%s/aside.pub", f->folder);
	buf_add_format(&second, "%s/aside.pub.1", f->folder);
	assert_int_equal(keyfile_set_aside(f->key, buf_cstr(&first), NULL), 0); /* nothing there */
	for (int i = 0; i < 2; i++) {
		put_file(f->key, KEY_LINE);
		assert_int_equal(keyfile_set_aside(f->key, buf_cstr(&first), NULL), 0);
		assert_int_equal(access(f->key, F_OK), -1);
	}
	assert_content(buf_cstr(&first), KEY_LINE);
	assert_content(buf_cstr(&second), KEY_LINE);
	put_file(f->key, "root:x:0:0\n"); /* not ours: stays where it is */
	assert_int_equal(keyfile_set_aside(f->key, buf_cstr(&first), NULL), 0);
	assert_content(f->key, "root:x:0:0\n");
	assert_int_equal(unlink(buf_cstr(&first)), 0);
	assert_int_equal(unlink(buf_cstr(&second)), 0);
}

static void other_data_are_left_alone(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "x", "\n", "root:x:0:0\n", ("\n" KEY_LINE), "vedette-key/v1", "vedette-key/v10 a\n" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_file(f->key, texts[i]);
		assert_refused(f->key, f->log, -EEXIST, "holds data that are no Vedette key");
		assert_content(f->key, texts[i]);
	}
}

static void only_regular_files_hold_keys(void **state)
{
	struct fixture *f = *state;
	assert_refused("/dev/null", f->log, -EINVAL, "is no regular file");
	assert_refused(f->folder, f->log, -EINVAL, "is no regular file");
	assert_int_equal(mkfifo(f->key, 0600), 0);
	assert_refused(f->key, f->log, -EINVAL, "is no regular file");
	assert_int_equal(unlink(f->key), 0);
	assert_int_equal(symlink(f->log, f->key), 0);
	assert_refused(f->key, "-", -ELOOP, "is a symbolic link");
	assert_int_equal(access(f->log, F_OK), -1);
	assert_refused("/nonexistent/key", f->log, -ENOENT, "cannot be written");
}

static void only_a_file_has_a_key_beside_it(void **state)
{
	struct fixture *f = *state;
	put_file(f->log, "");
	assert_true(keyfile_fits_beside(f->log));
	assert_int_equal(mkfifo(f->key, 0600), 0);
	assert_false(keyfile_fits_beside(f->key));
	assert_false(keyfile_fits_beside("/dev/null"));
	assert_false(keyfile_fits_beside("-"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_appended),
		TEST(a_file_of_many_starts_keeps_the_first_key_and_the_latest),
		TEST(the_log_is_no_key_file),
		TEST(standard_output_is_no_key_file),
		TEST(keys_of_earlier_logs_are_put_aside),
		TEST(other_data_are_left_alone),
		TEST(only_regular_files_hold_keys),
		TEST(only_a_file_has_a_key_beside_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
