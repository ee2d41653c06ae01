/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as Sigma rules and mapping tables: refused with a message, or loaded, then written as our own rules, which load again. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/import/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void convert(const struct ruleset *set)
{
	struct ruleset *again = NULL;
	struct diag diag = { 0 };
	struct buf out = { 0 };
	size_t n = 0;
	if (native_write(set, "sigma", &out, &n, &diag))
		abort();
	if (n && ruleset_load_text("converted.yaml", buf_sv(&out), &again, &diag)) {
		char line[2048] = "";
		if (diag.n)
			diag_format(&diag.messages[0], line, sizeof(line));
		fprintf(stderr, "%s\n%.*s\n", line, (int)out.n, out.p);
		abort();
	}
	ruleset_free(&again);
	buf_done(&out);
	diag_done(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct ruleset *set = NULL;
	struct diag diag = { 0 };
	int err = ruleset_load_text("fuzz.yml", (struct strview){ (const char *)bytes, n }, &set, &diag);
	if (err && (set || diag.errors == 0))
		abort(); /* a refusal says why, and hands out nothing */
	if (!err && (!set || diag.errors))
		abort();
	if (!err)
		convert(set);
	ruleset_free(&set);
	diag_done(&diag);
	return 0;
}
