/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/terminal.h"
#include "tests/support/full_event.h"

static const struct rule_info rule = {
	.id = "shadow-file-read", .title = "Password hashes read", .description = "", .ruleset = "t",
	.severity = SEVERITY_HIGH, .attack = { "T1003.008", "TA0006" },
};

static void outside_text_cannot_steer_the_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "plain \xc3\xa9 \xf0\x9f\x98\x80", "plain \xc3\xa9 \xf0\x9f\x98\x80" },
		{ "\033[2J", "\\x1b[2J" },
		{ "a\nb\r\t\x7f", "a\\x0ab\\x0d\\x09\\x7f" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },              /* CSI as one C1 character */
		{ "gpj.\xe2\x80\xae" "exe", "gpj.\\xe2\\x80\\xaeexe" }, /* right-to-left override */
		{ "a\xe2\x81\xa6" "b", "a\\xe2\\x81\\xa6b" },
		{ "a\xd8\x9c" "b \xd8\xa7", "a\\xd8\\x9cb \xd8\xa7" }, /* Arabic letter mark; a letter is fine */
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
		{ "\xe2\x80\x93 \xe2\x82\xac", "\xe2\x80\x93 \xe2\x82\xac" }, /* dash and euro are fine */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		terminal_text(&out, sv_from(cases[i].text));
		assert_string_equal(buf_cstr(&out), cases[i].shown);
	}
}

static void an_alert_is_a_readable_block(void **state)
{
	(void)state;
	struct full_event *full = malloc(sizeof(*full));
	CLEANUP(buf_done) struct buf out = { 0 };
	assert_non_null(full);
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	DERIVE(&full->derived, ancestor_names, SV("bash\0sshd\0"));
	DERIVE(&full->derived, user_name, SV("root\033"));
	full->derived.present &= ~(1ull << DERIVED_container_id);
	struct alert alert = { .ev = &full->ev, .rule = &rule, .message = SV("cat read /etc/shadow\n"), .policy_digest = "" };
	terminal_alert(&alert, false, &out);
	assert_string_equal(buf_cstr(&out), "HIGH  Password hashes read  [shadow-file-read] T1003.008 TA0006\n"
					    "    cat read /etc/shadow\\x0a\n"
					    "    /process.name(7) < bash < sshd  user root\\x1b\n");
	buf_reset(&out);
	alert.action = ALERT_ACTION_BLOCK;
	terminal_alert(&alert, true, &out);
	assert_non_null(memmem(out.p, out.n, "\033[31mHIGH\033[0m", 13));
	assert_non_null(memmem(out.p, out.n, "  block\n", 8));
	buf_reset(&out);
	terminal_event(&full->ev, &out);
	assert_string_equal(buf_cstr(&out), "2026-01-02T03:04:05.000000006Z file.open /process.name(7) < bash < sshd /file.path\n");
	free(full);
}

/* Nothing an event can hold puts a control character on the screen. */
static void every_event_is_shown_in_printable_lines(void **state)
{
	(void)state;
	struct full_event *full = malloc(sizeof(*full));
	assert_non_null(full);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		CLEANUP(buf_done) struct buf out = { 0 };
		full_event_make(full, type, &(struct full_event_style){ .text = SV("\033]0;x\a\n\xff") });
		struct alert alert = { .ev = &full->ev, .rule = &rule, .message = SV("\033c"), .policy_digest = "" };
		terminal_alert(&alert, false, &out);
		terminal_event(&full->ev, &out);
		size_t lines = 0;
		for (size_t k = 0; k < out.n; k++) {
			lines += out.p[k] == '\n';
			assert_true(out.p[k] == '\n' || (unsigned char)out.p[k] >= 0x20);
		}
		assert_int_equal(lines, 4);
	}
	free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_text_cannot_steer_the_terminal),
		cmocka_unit_test(an_alert_is_a_readable_block),
		cmocka_unit_test(every_event_is_shown_in_printable_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
