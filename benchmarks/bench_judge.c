/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What judging single lines of one stream costs, by the records under one signature; ns are of CPU time. `bench_judge --write FOLDER RECORDS BATCH`
 * writes FOLDER/log and FOLDER/keys instead, for benchmarks/syslog_ng.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/line_judge.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "tests/support/sample_log.h"

enum { RECORDS = 20000 };

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_judge: %s\n", what);
	exit(1);
}

static struct sample_log make_log(size_t records, size_t batch)
{
	struct sample_log log;
	size_t *batches = calloc(records / batch + 3, sizeof(*batches));
	if (!batches)
		fail("no memory");
	batches[0] = 1; /* the open record */
	for (size_t i = 0; i < records / batch; i++)
		batches[i + 1] = batch;
	if (sample_log_make(&(struct sample_spec){ .batches = batches, .max_bytes = SIZE_MAX / 2 }, &log))
		fail("cannot make a log");
	free(batches);
	return log;
}

static void run(size_t batch)
{
	struct sample_log log = make_log(RECORDS, batch);
	struct verify_keys keys;
	struct line_judge *judge = NULL;
	if (verify_keys_parse("keys", buf_sv(&log.key_line), &keys, NULL) || line_judge_new(&keys, &judge))
		fail("cannot begin");
	size_t n = 0;
	const uint64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (struct strview left = buf_sv(&log.text); left.n; n++) {
		const char *end = memchr(left.p, '\n', left.n);
		struct strview line = { left.p, end ? (size_t)(end - left.p) : left.n };
		struct line_verdict v;
		line_judge(judge, line, &v);
		if (v.fault || v.order != (n ? LINE_NEXT : LINE_FIRST))
			fail("a good line was not found good");
		left = sv_from_index(left, line.n + 1);
	}
	const uint64_t ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
	char name[64];
	(void)snprintf(name, sizeof(name), "judge a line of %zu bytes, %zu a signature", log.text.n / n, batch);
	printf("%-44s %10.1f ns\n", name, (double)ns / (double)n);
	line_judge_free(&judge);
	verify_keys_done(&keys);
	sample_log_done(&log);
}

static int write_file(const char *folder, const char *name, struct strview text)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP(fd_close) int fd = n < (int)sizeof(path) ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	return fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 1, 16, 64, 256 };
	uint64_t records, batch;
	if (crypto_init())
		fail("no cryptography");
	if (argc == 5 && sv_is(sv_from(argv[1]), "--write") && num_parse_u64(sv_from(argv[3]), 10000000, &records) == 0 &&
	    num_parse_u64(sv_from(argv[4]), 256, &batch) == 0 && batch) {
		struct sample_log log = make_log(records, batch);
		if (write_file(argv[2], "log", buf_sv(&log.text)) || write_file(argv[2], "keys", buf_sv(&log.key_line)))
			fail("cannot write there");
		sample_log_done(&log);
		return 0;
	}
	if (argc == 2 && sv_is(sv_from(argv[1]), "--list"))
		return 0; /* nothing is counted in instructions: signatures are checked in a library */
	if (argc != 1)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		run(sizes[i]);
	return 0;
}
