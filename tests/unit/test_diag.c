/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/diag.h"

/* Every mix of plain and escaped bytes against every size, in a heap block of just that size for the sanitizer to watch. */
static void quoted_text_stays_in_its_buffer(void **state)
{
	(void)state;
	char text[64];
	for (size_t plain = 0; plain < 24; plain++) {
		memset(text, '\xff', sizeof(text));
		memset(text + plain, '\0', sizeof(text) - plain);
		for (size_t size = 1; size < 80; size++) {
			char *buffer = malloc(size);
			assert_non_null(buffer);
			diag_quote((struct strview){ text, sizeof(text) }, buffer, size);
			assert_true(strnlen(buffer, size) < size);
			free(buffer);
		}
	}
}

static void near_names_are_suggested(void **state)
{
	(void)state;
	static const char *const names[] = { "process.executable", "process.exit_code", "process.name", "file.path", "tcp", "udp" };
	static const struct {
		const char *text, *suggestion;
	} cases[] = {
		{ "process.exee", "process.executable" }, { "process.nmae", "process.name" }, { "process.nam", "process.name" },
		{ "file.pth", "file.path" },              { "tpc", "tcp" },                   { "nothing-like-it", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = diag_suggest(sv_from(cases[i].text), names, ARRAY_SIZE(names));
		if ((got == NULL) != (cases[i].suggestion == NULL) || (got && strcmp(got, cases[i].suggestion) != 0))
			fail_msg("'%s' gives %s", cases[i].text, got ? got : "nothing");
	}
}

static void messages_beyond_the_maximum_are_counted(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	for (int i = 0; i < DIAG_MAX_MESSAGES + 5; i++)
		diag_error(&diag, (struct place){ "f", 1, 2 }, "message %d \x1b", i);
	assert_int_equal(diag.n, DIAG_MAX_MESSAGES);
	assert_int_equal(diag.errors, DIAG_MAX_MESSAGES + 5);
	char line[64];
	diag_format(&diag.messages[7], line, sizeof(line));
	assert_string_equal(line, "f:1:2: message 7 ?");
}

static void errors_are_kept_before_warnings(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	diag_error(&diag, (struct place){ 0 }, "first");
	for (int i = 0; i < DIAG_MAX_MESSAGES + 5; i++)
		diag_warn(&diag, (struct place){ "f", 1, 2 }, "warning %d", i);
	diag_error(&diag, (struct place){ 0 }, "last");
	assert_int_equal(diag.n, DIAG_MAX_MESSAGES);
	assert_int_equal(diag.errors, 2);
	assert_int_equal(diag.warnings, DIAG_MAX_MESSAGES + 5);
	assert_string_equal(diag.messages[0].text, "first");
	assert_string_equal(diag.messages[1].text, "warning 0");
	assert_string_equal(diag.messages[DIAG_MAX_MESSAGES - 1].text, "last");
}

static void names_of_files_are_printable(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	char line[80], small[16], name[5000];
	diag_error(&diag, (struct place){ "a\x1b[31m\n\x7f.yaml", 1, 2 }, "what");
	diag_format(&diag.messages[0], line, sizeof(line));
	assert_string_equal(line, "a\\x1b[31m\\x0a\\x7f.yaml:1:2: what");
	diag_format(&diag.messages[0], small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	diag_error(&diag, (struct place){ .file = name }, "what");
	assert_true(diag_format(&diag.messages[1], line, sizeof(line)) < 4200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoted_text_stays_in_its_buffer),
		cmocka_unit_test(near_names_are_suggested),
		cmocka_unit_test(errors_are_kept_before_warnings),
		cmocka_unit_test(names_of_files_are_printable),
		cmocka_unit_test(messages_beyond_the_maximum_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
