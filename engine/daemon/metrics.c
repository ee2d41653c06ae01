/* SPDX-License-Identifier: Apache-2.0 */
/* The one maker of metrics' text. All numbers are whole, or nanoseconds: no floating point, so no locale and no rounding. */
#include "engine/daemon/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/json.h"

static const struct metric_type types[METRIC_COUNT] = {
#define METRIC(kind_, id, name_, labels_, doc_) [METRIC_##id] = { .kind = METRIC_##kind_, .name = (name_), .labels = (labels_), .doc = (doc_) },
#include "schemas/metrics.def"
};

const struct metric_type *metric_get(enum metric_id id)
{
	return &types[id];
}

const char *metric_kind_text(enum metric_kind kind)
{
	static const char *const texts[] = { [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram" };
	return texts[kind];
}

const char *metric_unit(const struct metric_type *type)
{
	struct strview name = sv_from(type->name);
	return sv_ends(name, SV("_seconds")) ? "seconds" : sv_ends(name, SV("_bytes")) ? "bytes" : "";
}

const char *metrics_content_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}

void metrics_begin(struct metrics *m, enum metrics_format format, struct buf *out)
{
	*m = (struct metrics){ .out = out, .format = format, .open = -1 };
}

void metrics_end(struct metrics *m)
{
	if (m->format == METRICS_OPENMETRICS)
		buf_add_z(m->out, "# EOF\n");
}

/* OpenMetrics escapes the same in the text of HELP as in values of labels; Prometheus' format must not escape quotes there. */
static void add_escaped(struct metrics *m, const char *text, bool escapes_quotes)
{
	struct strview rest = sv_from(text);
	while (rest.n) {
		size_t n = utf8_length(rest.p, rest.n);
		if (*rest.p == '\n')
			buf_add_z(m->out, "\\n");
		else if (*rest.p == '\\')
			buf_add_z(m->out, "\\\\");
		else if (*rest.p == '"' && escapes_quotes)
			buf_add_z(m->out, "\\\"");
		else if (n)
			buf_add(m->out, rest.p, n);
		else
			buf_add_z(m->out, "\xef\xbf\xbd"); /* no UTF-8 */
		rest = sv_from_index(rest, MAX(n, 1));
	}
}

static void add_family_name(struct metrics *m, const struct metric_type *t)
{
	buf_add_z(m->out, t->name);
	if (t->kind == METRIC_COUNTER && m->format == METRICS_PROMETHEUS)
		buf_add_z(m->out, "_total"); /* OpenMetrics names the family without it */
}

/* The lines before a metric's first sample. */
static const struct metric_type *open_family(struct metrics *m, enum metric_id id)
{
	const struct metric_type *t = &types[id];
	if (m->open == (int)id)
		return t;
	assert((int)id > m->open); /* samples of a metric stand together, and in the order of the table */
	m->open = (int)id;
	buf_add_z(m->out, "# HELP ");
	add_family_name(m, t);
	buf_add_char(m->out, ' ');
	add_escaped(m, t->doc, m->format == METRICS_OPENMETRICS);
	buf_add_z(m->out, "\n# TYPE ");
	add_family_name(m, t);
	buf_add_format(m->out, " %s\n", metric_kind_text(t->kind));
	if (m->format == METRICS_OPENMETRICS && metric_unit(t)[0])
		buf_add_format(m->out, "# UNIT %s %s\n", t->name, metric_unit(t));
	return t;
}

static void add_label(struct metrics *m, const char *name, size_t n_name, const char *value)
{
	buf_add(m->out, name, n_name);
	buf_add_z(m->out, "=\"");
	add_escaped(m, value, true);
	buf_add_char(m->out, '"');
}

static void add_labels(struct metrics *m, const struct metric_type *t, struct metric_labels labels)
{
	size_t n = strcspn(t->labels, ",");
	assert(!labels.first == !t->labels[0] && !labels.second == !t->labels[n]); /* as the table says */
	if (!labels.first)
		return;
	buf_add_char(m->out, '{');
	add_label(m, t->labels, n, labels.first);
	if (labels.second) {
		buf_add_char(m->out, ',');
		add_label(m, t->labels + n + 1, strlen(t->labels + n + 1), labels.second);
	}
	buf_add_char(m->out, '}');
}

static void begin_sample(struct metrics *m, enum metric_id id, struct metric_labels labels)
{
	const struct metric_type *t = open_family(m, id);
	buf_add_z(m->out, t->name);
	if (t->kind == METRIC_COUNTER)
		buf_add_z(m->out, "_total");
	add_labels(m, t, labels);
	buf_add_char(m->out, ' ');
}

static void add_seconds(struct metrics *m, uint64_t ns)
{
	buf_add_format(m->out, "%llu.%09llu", (unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000));
}

/* In the short form that OpenMetrics asks for, with a point: readers compare it as text. */
static void add_bound(struct metrics *m, uint64_t bound, bool is_time)
{
	if (!is_time) {
		buf_add_format(m->out, "%llu.0", (unsigned long long)bound);
		return;
	}
	char digits[10];
	(void)snprintf(digits, sizeof(digits), "%09llu", (unsigned long long)(bound % 1000000000));
	size_t n = 9;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	buf_add_format(m->out, "%llu.%.*s", (unsigned long long)(bound / 1000000000), (int)n, digits);
}

void metric_add(struct metrics *m, enum metric_id id, struct metric_labels labels, uint64_t n)
{
	begin_sample(m, id, labels);
	buf_add_u64(m->out, n);
	buf_add_char(m->out, '\n');
}

void metric_add_ns(struct metrics *m, enum metric_id id, struct metric_labels labels, uint64_t ns)
{
	begin_sample(m, id, labels);
	add_seconds(m, ns);
	buf_add_char(m->out, '\n');
}

void metric_add_histogram(struct metrics *m, enum metric_id id, const struct histogram *h)
{
	const struct metric_type *t = open_family(m, id);
	bool is_time = strcmp(metric_unit(t), "seconds") == 0;
	uint64_t sum = 0;
	for (size_t i = 0; i <= h->n_bounds; i++) {
		sum += h->counts[i];
		buf_add_format(m->out, "%s_bucket{le=\"", t->name);
		if (i == h->n_bounds)
			buf_add_z(m->out, "+Inf");
		else
			add_bound(m, h->bounds[i], is_time);
		buf_add_format(m->out, "\"} %llu\n", (unsigned long long)sum);
	}
	buf_add_format(m->out, "%s_sum ", t->name);
	if (is_time)
		add_seconds(m, h->sum);
	else
		buf_add_u64(m->out, h->sum);
	buf_add_format(m->out, "\n%s_count %llu\n", t->name, (unsigned long long)sum);
}
