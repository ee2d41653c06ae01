/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed line as other programs write what they found. The native line is the evidence: what is made of it names it (stream and sequence, hash
 * of its body, or the line itself) and proves nothing alone. Which field stands under which name is declared in schemas/formats/, not in code.
 */
#pragma once

#include <stdbool.h>

#include "engine/base/attr.h"
#include "engine/base/buf.h"

enum format {
#define FORMAT(id, name, is_json, doc) FORMAT_##id,
#include "schemas/formats/formats.def"
	FORMAT_COUNT,
};

const char *format_name(enum format format) PURE;
const char *format_doc(enum format format) PURE;
/* Is a line of it a JSON object? */
bool format_is_json(enum format format) PURE;
/* 0 or -EINVAL. */
int format_find(struct strview name, enum format *ret) MUST_CHECK;

enum { FORMAT_LEAST_BYTES = 8192 }; /* every record fits a limit of this or more */

/*
 * Appends line, a signed record without its line end, in another format: one line, without line end, valid UTF-8, no control bytes but
 * tabs. A limit (0: none) is kept: first the copy of the native line goes, then long values are cut, and what was cut is named in the line. Native is
 * never cut. 0, or with nothing appended: -EBADMSG (no record of ours), -EMSGSIZE (does not fit, even cut), -ENOMEM.
 */
int format_convert(enum format format, struct strview line, size_t max_bytes, struct buf *out) MUST_CHECK;

/* The id (stream:sequence) of the record that a line of a format was made of; false: it is no such line. Borrows the line. */
bool format_find_id(enum format format, struct strview line, struct strview *ret) MUST_CHECK;

/*
 * OTLP for several lines in one request: begin with any of one run of an agent, add each of them; begin again with the next run's, and so on; end. What
 * format_convert makes is such a request of one. A line that cannot be added leaves the request as it was. Results as above; is_first: nothing was begun, or
 * none added since.
 */
int format_otlp_begin(struct strview line, bool is_first, struct buf *out) MUST_CHECK;
int format_otlp_add(struct strview line, size_t max_bytes, bool is_first, struct buf *out) MUST_CHECK;
void format_otlp_end(struct buf *out);
