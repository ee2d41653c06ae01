/* SPDX-License-Identifier: Apache-2.0 */
/* Writes docs/metrics.md from metrics.def. Argument: the folder of the tree. */
#include <stdio.h>
#include <string.h>

#include "engine/base/fd.h"
#include "engine/daemon/metrics.h"
#include "engine/daemon/metrics_server.h"
#include "engine/daemon/rule_counts.h"

static void row(FILE *f, const struct metric_type *t)
{
	size_t n = strcspn(t->labels, ",");
	fprintf(f, "| `%s%s` | %s | ", t->name, t->kind == METRIC_COUNTER ? "_total" : "", metric_kind_text(t->kind));
	if (n)
		fprintf(f, "`%.*s`", (int)n, t->labels);
	if (t->labels[n])
		fprintf(f, ", `%s`", t->labels + n + 1);
	fprintf(f, " | %s |\n", t->doc);
}

int main(int argc, char **argv)
{
	CLEANUP(file_close) FILE *f = NULL;
	char path[4096];
	if (argc != 2)
		return 2;
	(void)snprintf(path, sizeof(path), "%s/docs/metrics.md", argv[1]);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		return 1;
	}
	fprintf(f,
		"<!-- Written by schemas/gen_metrics.c from schemas/metrics.def: `make generated`. -->\n# Metrics\n\n"
		"`metrics.listen` serves them, as `GET /metrics`; `metrics.file` writes them to a file. How to set that up, the alert rules and the dashboard:\n"
		"[operations.md](operations.md#metrics). The text is that of Prometheus (0.0.4), or OpenMetrics (1.0.0) for whoever prefers that in `Accept`.\n\n"
		"Counters begin at 0 with the daemon, `vedette_rule_runs_total` with each reload. A metric whose part is not there (no log, no sinks) is missing. The number of series is\n"
		"bounded: of rules %d at most, the first that had something to count, and the others together as `rule=\"_other\"`; all other labels are of the\n"
		"program or the configuration. At most %d clients are served at once, each for %d seconds at most; each form of the document is made at most four times a second.\n\n"
		"| metric | kind | labels | what |\n|---|---|---|---|\n", RULE_COUNTS_ROWS, METRICS_MAX_CLIENTS, (int)(METRICS_PATIENCE_NS / 1000000000));
	for (int i = 0; i < METRIC_COUNT; i++)
		row(f, metric_get((enum metric_id)i));
	return ferror(f) ? 1 : 0;
}
