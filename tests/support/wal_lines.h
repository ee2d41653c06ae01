/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the write-ahead log: one in a folder of its own, on a disk that can be told to fail, and lines that say which they are. Included after cmocka.h. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alerts/wal.h"
#include "tests/support/faulty_io.h"

struct fixture {
	char folder[64];
	struct faulty_io fault;
	struct wal_io io;
	struct wal_config config;
	uint64_t next; /* the line that is written next */
};

static inline void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static inline int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-wal-XXXXXX");
	*state = f;
	if (!mkdtemp(f->folder))
		return -1;
	f->io = faulty_io(&f->fault);
	f->config = wal_defaults();
	f->config.folder = f->folder;
	f->config.io = &f->io;
	f->config.commit_ns = 0; /* each record at once */
	f->config.retry_ns = 1000;
	f->config.queue_bytes = 4 << 20;
	return 0;
}

static inline int drop_fixture(void **state)
{
	struct fixture *f = *state;
	empty_folder(f->folder);
	rmdir(f->folder);
	free(f);
	return 0;
}

static inline struct wal *open_wal(struct fixture *f)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct wal *w = NULL;
	if (wal_open(&f->config, &w, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	return w;
}

/* One line that says which it is, and is hard to mistake for another one. */
static inline void add_line(struct fixture *f, struct wal *w)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "{\"line\":%llu,\"again\":%llu}\n", (unsigned long long)f->next, (unsigned long long)f->next);
	const struct outlet_batch batch = { .lines = { line, (size_t)n }, .first = f->next, .count = 1, .severity = SEVERITY_LOW };
	struct outlet *o = wal_outlet(w);
	int r = o->ops->write(o, &batch, 0);
	if (r == -ENOBUFS)
		fail_msg("no room for line %llu", (unsigned long long)f->next);
	f->next++;
}

static inline void add_lines(struct fixture *f, struct wal *w, size_t n)
{
	struct outlet *o = wal_outlet(w);
	for (size_t i = 0; i < n; i++)
		add_line(f, w);
	assert_int_equal(o->ops->wait(o), 0);
}

/* Each line as a record of its own. */
static inline void add_synced(struct fixture *f, struct wal *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_lines(f, w, 1);
}

struct tally {
	uint64_t lines, missed;
	bool is_ordered; /* each after the one before */
	uint64_t last;
};

static inline struct tally read_all(struct wal *w, uint64_t from)
{
	struct tally t = { .is_ordered = true };
	struct wal_reader *r = NULL;
	struct wal_item item;
	assert_int_equal(wal_reader_new(w, from, false, &r), 0);
	while (wal_reader_next(r, 0, &item) == 1) {
		char want[64];
		t.missed += item.missed;
		t.is_ordered &= t.lines == 0 || item.header.first > t.last;
		for (uint32_t i = 0; i < item.header.count; i++) {
			int n = snprintf(want, sizeof(want), "{\"line\":%llu,\"again\":%llu}\n", (unsigned long long)(item.header.first + i),
					 (unsigned long long)(item.header.first + i));
			if (item.lines.n < (size_t)n || memcmp(item.lines.p, want, (size_t)n) != 0)
				fail_msg("line %llu is not what was written: %.*s", (unsigned long long)(item.header.first + i), (int)item.lines.n, item.lines.p);
			item.lines = sv_from_index(item.lines, (size_t)n);
			t.last = item.header.first + i;
			t.lines++;
		}
		assert_int_equal(item.lines.n, 0);
	}
	wal_reader_free(&r);
	return t;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
