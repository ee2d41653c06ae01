/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of passwords in environment variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/event/builder.h"
#include "engine/event/decode.h"
#include "engine/event/mask.h"
#include "engine/event/value.h"

static void passwords_become_stars_and_paths_stay(void **state)
{
	(void)state;
	static const struct {
		const char *given, *masked;
	} cases[] = {
		{ "HTTP_PROXY=http://user:secret@proxy:3128", "HTTP_PROXY=http://user:***@proxy:3128" },
		{ "HTTP_PROXY=user:secret@proxy:3128", "HTTP_PROXY=user:***@proxy:3128" },
		{ "HTTP_PROXY=http://user:p@ss:word@proxy/", "HTTP_PROXY=http://user:***@proxy/" },
		{ "X=http://a:secret@b/ http://c:secret@d", "X=http://a:***@b/ http://c:***@d" },
		{ "X=http://a:xy@b", "X=http://a:**@b" },
		{ "X=http://:secret@b", "X=http://:***@b" },
		{ "X=http://a:@b", "X=http://a:@b" },
		{ "X=http://a@b:80", "X=http://a@b:80" },
		{ "HTTP_PROXY=http://proxy:3128", "HTTP_PROXY=http://proxy:3128" },
		{ "LD_PRELOAD=/lib/a.so:/tmp/evil@.so", "LD_PRELOAD=/lib/a.so:/tmp/evil@.so" },
		{ "LD_PRELOAD=/tmp/a.so:b@c", "LD_PRELOAD=/tmp/a.so:b@c" },
		{ "NOTHING", "NOTHING" },
		{ "A=", "A=" },
		{ "", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];
		size_t n = strlen(cases[i].given) + 1, wanted = strlen(cases[i].masked) + 1;
		memcpy(text, cases[i].given, n);
		size_t made = mask_variables(text, n);
		if (made != wanted || memcmp(text, cases[i].masked, wanted) != 0)
			fail_msg("%s became %.*s", cases[i].given, (int)made, text);
		for (size_t k = made; k < n; k++)
			assert_int_equal(text[k], 0);
	}
}

static void each_variable_of_a_list_is_looked_at(void **state)
{
	(void)state;
	char text[] = "A=http://u:secret@h\0B=2\0C=u:secret@h";
	static const char wanted[] = "A=http://u:***@h\0B=2\0C=u:***@h";
	assert_int_equal(mask_variables(text, sizeof(text)), sizeof(wanted));
	assert_memory_equal(text, wanted, sizeof(wanted));
	char cut[] = { 'A', '=', 'u', ':', 's', 'e', 'c', 'r', 'e', 't', '@', 'h' }; /* without a NUL */
	assert_int_equal(mask_variables(cut, sizeof(cut)), 9);
	assert_memory_equal(cut, "A=u:***@h", 9);
}

static void a_record_is_masked_and_stays_whole(void **state)
{
	(void)state;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct event ev, masked;
	const struct strview env[] = { SV("A=http://u:secret@h"), SV("B=2") };
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_set(b, SV("process.env_vars"), env, ARRAY_SIZE(env)), 0);
	assert_int_equal(event_builder_event(b, &ev), 0);
	assert_true(mask_is_due(&ev));
	CLEANUP(str_free) char *copy = malloc(ev.size);
	assert_non_null(copy);
	memcpy(copy, ev.common, ev.size);
	mask_record(copy);
	assert_int_equal(event_decode(copy, ev.size, &masked), 0);
	assert_false(memmem(copy, ev.size, "secret", 6) != NULL);
	struct strview left = event_str(&masked, EVENT_AS(&masked, proc_exec)->env);
	assert_memory_equal(left.p, "A=http://u:***@h\0B=2", left.n);
}

static void other_events_need_no_copy(void **state)
{
	(void)state;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct event ev;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_event(b, &ev), 0);
	assert_false(mask_is_due(&ev));
	event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_set_text(b, "process.env_vars", "LD_PRELOAD=/a"), 0);
	assert_int_equal(event_builder_event(b, &ev), 0);
	assert_false(mask_is_due(&ev));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_become_stars_and_paths_stay),
		cmocka_unit_test(each_variable_of_a_list_is_looked_at),
		cmocka_unit_test(a_record_is_masked_and_stays_whole),
		cmocka_unit_test(other_events_need_no_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
