/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: refused with a message, or taken; what is shown of it is the same configuration. */
#include <errno.h>
#include <stdlib.h>

#include "engine/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void show_again(const struct config *c)
{
	CLEANUP(buf_done) struct buf shown = { 0 };
	CLEANUP(config_free) struct config *again = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	config_show(c, &shown);
	int err = config_parse("shown", buf_sv(&shown), &again, &diag);
	if (err == -ENOMEM || buf_error(&shown))
		return;
	if (err || config_changes(c, again, (struct place){ .file = "shown" }, &diag))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CLEANUP(config_free) struct config *c = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = config_parse("fuzz", (struct strview){ (const char *)bytes, n }, &c, &diag);
	if (err ? c || (!diag.errors && err != -ENOMEM) : !c || diag.errors)
		abort(); /* a refusal says why, and hands out nothing */
	if (c)
		show_again(c);
	return 0;
}
