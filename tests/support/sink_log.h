/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of sinks: some over a real write-ahead log that holds a signed sample, and what a receiver of them must have. Included after cmocka.h. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alerts/sinks.h"
#include "engine/base/fd.h"
#include "engine/config/config.h"
#include "tests/support/faulty_io.h"
#include "tests/support/sample_log.h"

enum { WAIT_MS = 10000 };

struct fixture {
	char folder[64], wal_folder[80], cursors[80], path[80], socket[80];
	struct faulty_io fault;
	struct wal_io io;
	struct wal *wal;
	struct sinks *sinks;
	struct config *config;
	struct sample_log log;
	size_t written; /* lines of the sample that are in the log */
};

static inline void open_wal(struct fixture *f)
{
	struct wal_config wc = wal_defaults();
	wc.folder = f->wal_folder;
	wc.io = &f->io;
	wc.commit_ns = 0;
	wc.retry_ns = 1000000;
	wc.queue_bytes = 4 << 20;
	assert_int_equal(wal_open(&wc, &f->wal, NULL), 0);
}

static inline int make_fixture(void **state)
{
	static const size_t batches[] = { 1, 20, 1, 30, 40, 1, 7, 0 };
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-sinks-XXXXXX");
	if (!mkdtemp(f->folder) || sample_log_make(&(struct sample_spec){ .batches = batches }, &f->log))
		return -1;
	(void)snprintf(f->wal_folder, sizeof(f->wal_folder), "%s/wal", f->folder);
	(void)snprintf(f->cursors, sizeof(f->cursors), "%s/sinks", f->folder);
	(void)snprintf(f->path, sizeof(f->path), "%s/out", f->folder);
	(void)snprintf(f->socket, sizeof(f->socket), "%s/socket", f->folder);
	f->io = faulty_io(&f->fault);
	open_wal(f);
	return 0;
}

static inline void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static inline int drop_fixture(void **state)
{
	struct fixture *f = *state;
	(void)sinks_close(&f->sinks, 0);
	wal_close(&f->wal);
	config_free(&f->config);
	sample_log_done(&f->log);
	empty_folder(f->wal_folder);
	empty_folder(f->cursors);
	empty_folder(f->folder);
	free(f);
	return 0;
}

/* The rest of a sink's mapping, into f->config. */
static inline void read_options(struct fixture *f, const char *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "rules: [r]\nagent: {folder: /a}\nwal: {folder: %s}\nsinks:\n  - {name: one, retry: {least: 1ms, most: 5ms}, %s}\n", f->wal_folder, options);
	config_free(&f->config);
	if (config_parse("c", buf_sv(&text), &f->config, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
}

static inline void start_sinks(struct fixture *f, const char *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	read_options(f, options);
	if (sinks_open(&f->config->sinks, f->cursors, f->wal, &f->sinks, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	assert_int_equal(sinks_start(f->sinks), 0);
}

static inline void add_lines(struct fixture *f, size_t n)
{
	struct outlet *o = wal_outlet(f->wal);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_sv(&text, f->log.line[f->written]);
		buf_add_char(&text, '\n');
		const struct outlet_batch batch = { .lines = buf_sv(&text), .first = f->written++, .count = 1 };
		assert_int_not_equal(o->ops->write(o, &batch, 0), -ENOBUFS); /* a fault of the disk is tried again */
	}
	assert_int_equal(o->ops->wait(o), 0);
}

/* Until a sink has had all there is. */
static inline void wait_for_lines(struct fixture *f, size_t sink, uint64_t n)
{
	struct sink_status status = { .lines = 0 };
	for (unsigned i = 0; i < WAIT_MS && status.lines < n; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, sink, &status);
	}
	assert_int_equal(status.lines, n);
}

/* Until the first sink has refused so many. */
static inline void wait_for_refused(struct fixture *f, uint64_t n)
{
	struct sink_status status = { .refused = 0 };
	for (unsigned i = 0; i < WAIT_MS && status.refused < n; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 0, &status);
	}
	assert_int_equal(status.refused, n);
}

static inline struct sink_status stop_sinks(struct fixture *f)
{
	struct sink_status status;
	for (unsigned i = 0; i < WAIT_MS; i++) { /* until it has all, or says why not */
		const struct timespec nap = { .tv_nsec = 1000000 };
		sinks_get_status(f->sinks, 0, &status);
		struct wal_stats stats;
		wal_get_stats(f->wal, &stats);
		if (status.lag_records == 0 && status.lines + status.refused > 0 && stats.durable == stats.next)
			break;
		nanosleep(&nap, NULL);
	}
	assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	return status;
}

/* The file holds lines from..to of the sample, and nothing else. */
static inline void assert_file(const char *path, const struct fixture *f, size_t from, size_t to)
{
	CLEANUP(buf_done) struct buf text = { 0 }, want = { 0 };
	assert_int_equal(fd_read_file(path, 16 << 20, &text), 0);
	for (size_t i = from; i < to; i++) {
		buf_add_sv(&want, f->log.line[i]);
		buf_add_char(&want, '\n');
	}
	if (!sv_equal(buf_sv(&text), buf_sv(&want)))
		fail_msg("%s has %zu bytes, not the %zu of lines %zu to %zu", path, text.n, want.n, from, to);
}

static inline void assert_has_lines(const struct buf *text, const struct fixture *f, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) { /* in order */
		const char *p = memmem(text->p + at, text->n - at, f->log.line[i].p, f->log.line[i].n);
		if (!p)
			fail_msg("line %zu did not come, or out of order", i);
		at = (size_t)(p - text->p) + f->log.line[i].n;
	}
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
