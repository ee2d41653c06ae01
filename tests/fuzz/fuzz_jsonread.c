/* SPDX-License-Identifier: Apache-2.0 */
/* The strict JSON reader: takes any bytes, ends, and both of its entrances agree. */
#include <stdlib.h>

#include "engine/base/jsonread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strview text = { (const char *)data, size };
	struct json_want wants[] = { { .path = "a" }, { .path = "a.b" }, { .path = "event.sequence" } };
	const char *error;
	size_t at = 0;
	int checked = json_check(text, &error, &at);
	int found = json_read_members(text, wants, ARRAY_SIZE(wants), &error, &at);
	if (at > size || (checked && !found))
		abort();
	for (size_t i = 0; !found && i < ARRAY_SIZE(wants); i++) {
		uint64_t number;
		struct strview raw = wants[i].raw;
		if (wants[i].token != JSON_ERROR && (raw.p < text.p || raw.p + raw.n > text.p + text.n))
			abort();
		if (wants[i].token == JSON_NUMBER && json_integer(raw, &number) == 0 && number > 1ull << 53)
			abort();
	}
	return 0;
}
