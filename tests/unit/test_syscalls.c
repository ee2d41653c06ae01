/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/policy_abi.h"
#include "engine/event/event.h"
#include "engine/event/table.h"
#include "engine/probe/blind.h"
#include "engine/probe/syscalls.h"

#define BIT(event) (UINT64_C(1) << EVENT_##event)

static bool has(const uint64_t *words, unsigned number)
{
	return words[number / 64] >> (number % 64) & 1;
}

static size_t count(const uint64_t *words)
{
	size_t n = 0;
	for (unsigned i = 0; i < SYSCALL_NUMBERS; i++)
		n += has(words, i);
	return n;
}

/* The numbers are an ABI: they are written out here, so that a table made from the wrong header is noticed. */
static void an_event_selects_its_calls(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t events;
		unsigned native, compat; /* one call that must be selected */
		unsigned other;          /* a 64-bit call that must not be */
	} cases[] = {
		{ "openat", BIT(FILE_OPEN), 257, 295, 59 },
		{ "open also creates", BIT(FILE_CREATE), 2, 5, 87 },
		{ "openat2", BIT(FILE_OPEN), 437, 437, 42 },
		{ "fchmodat2", BIT(FILE_CHMOD), 452, 452, 2 },
		{ "setxattrat", BIT(FILE_SETXATTR), 463, 463, 90 },
		{ "unlink", BIT(FILE_DELETE), 87, 10, 82 },
		{ "connect", BIT(NET_CONNECT), 42, 362, 41 },
		{ "connect to a unix socket", BIT(UNIX_CONNECT), 42, 102, 49 },
		{ "sendto to a unix socket", BIT(UNIX_CONNECT), 44, 369, 41 },
		{ "socketcall", BIT(NET_LISTEN), 50, 102, 42 },
		{ "setresuid", BIT(PROC_SETUID), 117, 208, 57 },
		{ "clone3", BIT(PROC_UNSHARE), 435, 435, 59 },
		{ "failed exec", BIT(PROC_EXEC), 59, 11, 57 },
		{ "chown of 16 bits", BIT(FILE_CHOWN), 92, 182, 90 },
		{ "two events", BIT(FILE_MKDIR) | BIT(PROC_PTRACE), 101, 39, 2 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t native[SYSCALL_WORDS], compat[SYSCALL_WORDS];
		syscalls_wanted(cases[i].events, native, compat);
		if (!has(native, cases[i].native) || !has(compat, cases[i].compat))
			fail_msg("not selected: %s", cases[i].what);
		if (has(native, cases[i].other))
			fail_msg("selected beside %s: %u", cases[i].what, cases[i].other);
	}
}

static void nothing_wanted_selects_nothing(void **state)
{
	(void)state;
	uint64_t native[SYSCALL_WORDS], compat[SYSCALL_WORDS];
	memset(native, 0xff, sizeof(native));
	memset(compat, 0xff, sizeof(compat));
	syscalls_wanted(0, native, compat);
	assert_int_equal(count(native) + count(compat), 0);
	/* made by the scheduler's tracepoints, not by calls */
	syscalls_wanted(BIT(PROC_FORK) | BIT(PROC_EXIT), native, compat);
	assert_int_equal(count(native) + count(compat), 0);
}

static void every_row_has_its_own_number_in_range(void **state)
{
	(void)state;
	for (int is_compat = 0; is_compat < 2; is_compat++) {
		size_t n;
		const struct syscall_row *rows = is_compat ? syscalls_compat(&n) : syscalls_native(&n);
		bool seen[SYSCALL_NUMBERS] = { false };
		assert_true(n > 70);
		for (size_t i = 0; i < n; i++) {
			assert_true(rows[i].number < SYSCALL_NUMBERS);
			if (seen[rows[i].number])
				fail_msg("%s: number %u stands twice", rows[i].name, (unsigned)rows[i].number);
			seen[rows[i].number] = true;
			assert_true(syscall_events(&rows[i]) != 0);
		}
		uint64_t native[SYSCALL_WORDS], compat[SYSCALL_WORDS];
		syscalls_wanted(UINT64_MAX, native, compat);
		assert_int_equal(count(is_compat ? compat : native), n);
	}
}

/* But for fork, exit and what lsm mode alone refuses, an event that no call selects could never be seen in tracepoint mode. */
static void every_event_has_a_call_of_both_kinds(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0] || i == EVENT_PROC_FORK || i == EVENT_PROC_EXIT || i == EVENT_AGENT_TAMPER || i == EVENT_PROC_USERNS ||
		    i == EVENT_FILE_UMOUNT || i == EVENT_FILE_REMOVEXATTR)
			continue;
		uint64_t native[SYSCALL_WORDS], compat[SYSCALL_WORDS];
		syscalls_wanted(UINT64_C(1) << i, native, compat);
		if (count(native) == 0 || count(compat) == 0)
			fail_msg("no call serves %s", type->name);
	}
}

static void the_kernel_side_has_room_for_the_bits(void **state)
{
	(void)state;
	struct sensor_config config;
	assert_int_equal(sizeof(config.native), SYSCALL_WORDS * sizeof(uint64_t));
	assert_int_equal(sizeof(config.compat), SYSCALL_WORDS * sizeof(uint64_t));
}

static void each_mode_says_what_it_cannot_see(void **state)
{
	(void)state;
	size_t n;
	assert_null(blind_spots(SENSOR_NONE, &n));
	assert_int_equal(n, 0);
	for (uint32_t mode = SENSOR_LSM; mode <= SENSOR_TRACEPOINT; mode++) {
		const struct blind_spot *spots = blind_spots(mode, &n);
		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			assert_true(spots[i].what[0] && spots[i].why[0]);
	}
	const struct blind_spot *first = blind_spots(SENSOR_TRACEPOINT, &n);
	assert_string_equal(first->what, "nothing can be blocked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_selects_its_calls),
		cmocka_unit_test(nothing_wanted_selects_nothing),
		cmocka_unit_test(every_row_has_its_own_number_in_range),
		cmocka_unit_test(every_event_has_a_call_of_both_kinds),
		cmocka_unit_test(the_kernel_side_has_room_for_the_bits),
		cmocka_unit_test(each_mode_says_what_it_cannot_see),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
