/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of receivers: any bytes are read, and never claim more records than were sent. The first byte says how many. */
#include <stdlib.h>

#include "alerts/http_answer.h"
#include "alerts/nats_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(const struct http_items *items, size_t n)
{
	if (items->done > n || items->refused > items->done)
		abort();
	for (const char *p = items->reason; *p; p++)
		if (*p < 32 || *p > 126)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t day_ns = 86400000000000ull;
	if (size == 0)
		return 0;
	const size_t n = data[0];
	const unsigned status = 2 * (unsigned)n + (unsigned)(size % 100);
	const enum http_verdict verdict = http_answer_judge(status);
	if (verdict > HTTP_GONE || (http_answer_may_be_record(status) && verdict != HTTP_AGAIN && verdict != HTTP_REFUSED))
		abort();
	struct strview text = { (const char *)data + 1, size - 1 };
	struct http_items items;
	struct nats_answer answer;
	uint64_t wait_ns = 0;
	if (http_answer_bulk(text, n, &items) == 0)
		check_items(&items, n);
	if (http_answer_otlp(text, n, &items) == 0)
		check_items(&items, n);
	if (http_answer_splunk(text, n, &items) == 0 && items.done != n)
		abort();
	if (http_answer_wait(text, 1767323045000000000ull, &wait_ns) == 0 && wait_ns > day_ns)
		abort();
	if (nats_answer_read(text, &answer) == 0 && answer.is_stored && answer.is_final)
		abort();
	return 0;
}
