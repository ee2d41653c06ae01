/* SPDX-License-Identifier: Apache-2.0 */
/* Events out of JSON: any bytes end in an event that rules and the renderer can read, or in a message. */
#include <stdlib.h>

#include "engine/daemon/event_json.h"
#include "engine/event/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct event ev;
	if (event_builder_new(&b))
		return 0;
	struct event_text from = { .file = "fuzz", .text = { (const char *)data, size }, .otherwise = event_type_by_number(1) };
	int err = event_from_json(&from, b, &ev, &diag);
	if (!err == (diag.errors > 0))
		abort(); /* one fault, one message */
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = err ? 0 : event_type_sorted_fields(ev.type, fields);
	for (size_t i = 0; i < n; i++) {
		struct value v = event_get(&ev, fields[i]);
		struct strview item;
		size_t pos = 0;
		while (v.class == CLASS_LIST && value_next_item(&v, &pos, &item))
			if (item.n > size)
				abort();
	}
	return 0;
}
