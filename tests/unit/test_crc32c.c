/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/crc32c.h"

/* RFC 3720, appendix B.4. */
static void known_sums_come_out(void **state)
{
	uint8_t bytes[32];
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_plain(0, "123456789", 9), 0xe3069283);
}

static void both_ways_agree_on_every_length_and_split(void **state)
{
	uint8_t bytes[67];
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		uint32_t whole = crc32c(0, bytes, n);
		assert_int_equal(whole, crc32c_plain(0, bytes, n));
		for (size_t cut = 0; cut <= n; cut++)
			assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, n - cut), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sums_come_out),
		cmocka_unit_test(both_ways_agree_on_every_length_and_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
