/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log over any segment: it opens, its readers come to an end, records come in order and hold what their checksum says, and what
 * is written afterwards is read back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/wal.h"
#include "engine/base/fd.h"
#include "tests/support/faulty_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

/* The bytes alone. */
static void search(struct strview bytes)
{
	struct wal_header h;
	size_t at = 0;
	for (size_t from = 0; wal_record_find(bytes, from, &h, &at); from = at + WAL_HEADER + h.length) {
		must(at >= from && h.length > 0 && h.length <= WAL_BODY_MAX && at + WAL_HEADER + h.length <= bytes.n);
		must(wal_record_holds(bytes.p + at, (struct strview){ bytes.p + at + WAL_HEADER, h.length }));
	}
}

static void read_all(struct wal *w, bool ends_with_ours)
{
	struct wal_reader *r = NULL;
	struct wal_item item = { 0 };
	uint64_t next = 0;
	bool is_ours = false;
	must(wal_reader_new(w, 0, false, &r) == 0);
	while (wal_reader_next(r, 0, &item) == 1) {
		must(item.header.number >= next && item.lines.n == item.header.length);
		next = item.header.number + 1;
		is_ours = sv_is(item.lines, "{\"ours\":1}\n");
	}
	must(is_ours == ends_with_ours || !ends_with_ours);
	wal_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char folder[] = "/dev/shm/vedette-fuzz-XXXXXX", path[64];
	struct faulty_io fault = { .at = 0 };
	const struct wal_io io = faulty_io(&fault);
	struct wal_config config = wal_defaults();
	struct wal *w = NULL;
	search((struct strview){ (const char *)data, size });
	must(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/%020d.wal", folder, 0);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	must(fd >= 0 && fd_write_all(fd, data, size) == 0);
	fd_close(&fd);
	config.folder = folder;
	config.io = &io;
	config.commit_ns = 0;
	config.queue_bytes = 1 << 20;
	must(wal_open(&config, &w, NULL) == 0);
	read_all(w, false);
	struct outlet *o = wal_outlet(w);
	const struct outlet_batch batch = { .lines = SV("{\"ours\":1}\n"), .count = 1 };
	struct wal_stats stats;
	wal_get_stats(w, &stats);
	must(o->ops->write(o, &batch, 0) == 0 && o->ops->wait(o) == 0);
	read_all(w, true);
	must(wal_close(&w) == 0);
	int dir = open(folder, O_RDONLY | O_DIRECTORY);
	(void)unlinkat(dir, "reserve", 0);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%020llu.wal", (unsigned long long)stats.next);
	(void)unlinkat(dir, path, 0);
	fd_close(&dir);
	(void)rmdir(folder);
	return 0;
}
