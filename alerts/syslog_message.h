/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a syslog message: RFC 5424 with structured data, or the older form that RFC 3164 describes. */
#pragma once

#include "alerts/sink.h"
#include "engine/base/buf.h"

/* Number of a facility's name; -EINVAL: it is none. */
int syslog_facility(const char *name) PURE;

/*
 * Appends the message, without framing. Longer ones than max_bytes carry the record's id in place of the record, and give false. is_local: to a socket of this
 * host, where the older form has no host's name.
 */
bool syslog_message(const struct sink_line *line, const struct sink_options *options, bool is_local, struct buf *out);
