/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request for metrics: any bytes; what is taken is whole, and more behind it changes nothing. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "engine/daemon/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct strview text = { size ? (const char *)data : NULL, size };
	struct http_request r = { 0 }, again = { 0 };
	int err = http_request_parse(text, &r);
	const struct strview host = err ? text : r.host; /* any bytes will do */
	if (http_host_is_literal(host) && host.n && !memchr("0123456789.[lL", host.p[0], 14))
		abort();
	for (size_t n = 0; n < size && size <= 512; n++) {
		int part = http_request_parse((struct strview){ text.p, n }, &again);
		if (part != 0)
			continue;
		if (err != 0 || again.wants_openmetrics != r.wants_openmetrics || !sv_equal(again.path, r.path))
			abort();
		break;
	}
	return 0;
}
