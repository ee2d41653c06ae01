/* SPDX-License-Identifier: Apache-2.0 */
/* How the watch fares, as one JSON document: written by it to a file, shown by `vedette status`. */
#pragma once

#include "engine/daemon/pipeline.h"
#include "engine/probe/sensor.h"

/* May the file be (re)placed? It must be missing in a folder that is there, empty, or an earlier status; 0 or -errno with the reason. */
int status_check(const char *file, struct diag *diag) MUST_CHECK;
/* Replaces the file at once; 0 or -errno. stream may be NULL. */
int status_write(const char *file, const struct sensor *sensor, const struct policy *policy, const struct pipeline_stats *stats,
		 struct totals totals, const struct stream *stream) MUST_CHECK;
/* The document. */
void status_json(const struct sensor *sensor, const struct policy *policy, const struct pipeline_stats *stats, struct totals totals,
		 const struct stream *stream, struct buf *out);
