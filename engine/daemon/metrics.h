/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as text, Prometheus' (0.0.4) or OpenMetrics' (1.0.0), by the table schemas/metrics.def. The caller gives the samples of a metric one
 * after the other, and metrics in the order of the table.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/histogram.h"

enum metric_id {
#define METRIC(kind, id, name, labels, doc) METRIC_##id,
#include "schemas/metrics.def"
	METRIC_COUNT,
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_type {
	enum metric_kind kind;
	const char *name, *labels, *doc;
};
const struct metric_type *metric_get(enum metric_id id);
const char *metric_kind_text(enum metric_kind kind);
/* "seconds", "bytes", or "" for a number of things. */
const char *metric_unit(const struct metric_type *type);

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
/* For the header of an HTTP answer. */
const char *metrics_content_type(enum metrics_format format);

struct metrics {
	struct buf *out; /* borrowed */
	enum metrics_format format;
	int open; /* metric whose samples are being given; -1: none yet */
};
void metrics_begin(struct metrics *m, enum metrics_format format, struct buf *out);
void metrics_end(struct metrics *m);

/* Values of the labels, as many as the metric has; the others NULL. Text of any kind is escaped. */
struct metric_labels {
	const char *first, *second;
};
void metric_add(struct metrics *m, enum metric_id id, struct metric_labels labels, uint64_t n);
/* Nanoseconds, shown as seconds. */
void metric_add_ns(struct metrics *m, enum metric_id id, struct metric_labels labels, uint64_t ns);
/* Its values are nanoseconds when the metric's unit is seconds. */
void metric_add_histogram(struct metrics *m, enum metric_id id, const struct histogram *h);
