/* SPDX-License-Identifier: Apache-2.0 */
/* The table of metrics keeps to Prometheus' conventions, and both forms of text are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/daemon/metrics.h"
#include "engine/daemon/rates.h"

#define SECOND 1000000000ull

static bool is_name(const char *text)
{
	return text[0] >= 'a' && text[0] <= 'z' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

static void names_follow_the_conventions(void **state)
{
	(void)state;
	static const char *const reserved[] = { "_total", "_count", "_sum", "_bucket", "_created", "_info_info" };
	for (int i = 0; i < METRIC_COUNT; i++) {
		const struct metric_type *t = metric_get((enum metric_id)i);
		if (!is_name(t->name) || !sv_starts(sv_from(t->name), SV("vedette_")) || !t->doc[0] || t->doc[strlen(t->doc) - 1] == '.')
			fail_msg("%s: name or text", t->name);
		for (size_t k = 0; k < ARRAY_SIZE(reserved); k++)
			if (sv_ends(sv_from(t->name), sv_from(reserved[k])))
				fail_msg("%s: what ends so is made by the format", t->name);
		for (int k = 0; k < i; k++)
			if (strcmp(metric_get((enum metric_id)k)->name, t->name) == 0)
				fail_msg("%s: twice", t->name);
		char labels[64];
		assert_true(strlen(t->labels) < sizeof(labels));
		snprintf(labels, sizeof(labels), "%s", t->labels);
		char *comma = strchr(labels, ',');
		if (comma)
			*comma = '\0';
		if ((labels[0] && !is_name(labels)) || (comma && !is_name(comma + 1)) || (t->kind == METRIC_HISTOGRAM && labels[0]))
			fail_msg("%s: labels '%s'", t->name, t->labels);
	}
}

static void samples_are_written_in_both_forms(void **state)
{
	(void)state;
	static const char prometheus[] =
		"# HELP vedette_build_info 1; the version of the program\n# TYPE vedette_build_info gauge\nvedette_build_info{version=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 1\n"
		"# HELP vedette_start_time_seconds when this daemon started, since 1970\n# TYPE vedette_start_time_seconds gauge\nvedette_start_time_seconds 12.000000034\n"
		"# HELP vedette_events_lost_total records lost: ring (it was full), scratch (no room to build one)\n# TYPE vedette_events_lost_total counter\n"
		"vedette_events_lost_total{event=\"file.open\",reason=\"ring\"} 18446744073709551615\nvedette_events_lost_total{event=\"file.open\",reason=\"scratch\"} 0\n";
	static const char openmetrics[] =
		"# HELP vedette_build_info 1; the version of the program\n# TYPE vedette_build_info gauge\nvedette_build_info{version=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 1\n"
		"# HELP vedette_start_time_seconds when this daemon started, since 1970\n# TYPE vedette_start_time_seconds gauge\n# UNIT vedette_start_time_seconds seconds\n"
		"vedette_start_time_seconds 12.000000034\n"
		"# HELP vedette_events_lost records lost: ring (it was full), scratch (no room to build one)\n# TYPE vedette_events_lost counter\n"
		"vedette_events_lost_total{event=\"file.open\",reason=\"ring\"} 18446744073709551615\nvedette_events_lost_total{event=\"file.open\",reason=\"scratch\"} 0\n"
		"# EOF\n";
	for (int format = METRICS_PROMETHEUS; format <= METRICS_OPENMETRICS; format++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct metrics m;
		metrics_begin(&m, (enum metrics_format)format, &out);
		metric_add(&m, METRIC_BUILD_INFO, (struct metric_labels){ "a\"b\\c\nd\xff", NULL }, 1);
		metric_add_ns(&m, METRIC_START_TIME, (struct metric_labels){ NULL, NULL }, 12 * SECOND + 34);
		metric_add(&m, METRIC_EVENTS_LOST, (struct metric_labels){ "file.open", "ring" }, UINT64_MAX);
		metric_add(&m, METRIC_EVENTS_LOST, (struct metric_labels){ "file.open", "scratch" }, 0);
		metrics_end(&m);
		assert_string_equal(buf_cstr(&out), format == METRICS_PROMETHEUS ? prometheus : openmetrics);
	}
}

static void histograms_are_cumulative(void **state)
{
	(void)state;
	struct histogram times = histogram_of_times(), batches = histogram_of_batches();
	static const uint64_t values[] = { 0, 1000, 1001, 9000000000, 11000000000 };
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		histogram_add(&times, values[i]);
	histogram_add(&batches, 1);
	histogram_add(&batches, 256);
	histogram_add(&batches, 257);
	CLEANUP(buf_done) struct buf out = { 0 };
	struct metrics m;
	metrics_begin(&m, METRICS_PROMETHEUS, &out);
	metric_add_histogram(&m, METRIC_SIGN, &times);
	metric_add_histogram(&m, METRIC_BATCH, &batches);
	static const char *const lines[] = {
		"# TYPE vedette_sign_seconds histogram\n", "vedette_sign_seconds_bucket{le=\"0.000001\"} 2\n", "vedette_sign_seconds_bucket{le=\"0.0000025\"} 3\n",
		"vedette_sign_seconds_bucket{le=\"1.0\"} 3\n", "vedette_sign_seconds_bucket{le=\"10.0\"} 4\n", "vedette_sign_seconds_bucket{le=\"+Inf\"} 5\n",
		"vedette_sign_seconds_sum 20.000002001\n", "vedette_sign_seconds_count 5\n", "vedette_sign_batch_records_bucket{le=\"1.0\"} 1\n",
		"vedette_sign_batch_records_bucket{le=\"256.0\"} 2\n", "vedette_sign_batch_records_bucket{le=\"+Inf\"} 3\n", "vedette_sign_batch_records_sum 514\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(buf_cstr(&out), lines[i]))
			fail_msg("not there: %s in %s", lines[i], buf_cstr(&out));
}

static void rates_look_back_a_minute(void **state)
{
	(void)state;
	struct rates r = { 0 };
	struct rates_note got;
	rates_get(&r, &got);
	assert_int_equal(got.boot_ns, 0);
	rates_add(&r, &(struct rates_note){ .boot_ns = 7 * SECOND, .events = 100 });
	rates_get(&r, &got);
	assert_int_equal(got.boot_ns + got.events, 0); /* one note is no span */
	for (uint64_t s = 8; s < 500; s++)
		rates_add(&r, &(struct rates_note){ s * SECOND, 100 + (s - 7) * 10, s - 7, s > 490 ? 1 : 0 });
	rates_get(&r, &got);
	assert_int_equal(got.boot_ns, 60 * SECOND);
	assert_int_equal(got.events, 600);
	assert_int_equal(got.alerts, 60);
	assert_int_equal(got.lost, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_conventions),
		cmocka_unit_test(samples_are_written_in_both_forms),
		cmocka_unit_test(histograms_are_cumulative),
		cmocka_unit_test(rates_look_back_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
