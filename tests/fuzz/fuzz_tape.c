/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tape reader: any bytes as they are, and the same with all checksums mended, so that what they say is reached. Whatever is handed out
 * must be an event that can be read and shown.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/event/value.h"
#include "engine/tape/frame.h"
#include "engine/tape/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AT_TYPE = 4, AT_LENGTH = 8, AT_NUMBER = 12, TEXT_MAX = 4 * TAPE_BLOCK_MAX };

static uint32_t number_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Every block that fits gets a good head. */
static void mend(uint8_t *bytes, size_t n)
{
	if (n >= FRAME_FILE_HEAD)
		frame_file_head(bytes, TAPE_VERSION);
	for (size_t at = FRAME_FILE_HEAD; at + FRAME_BLOCK_HEAD <= n;) {
		uint8_t *head = bytes + at;
		size_t room = n - at - FRAME_BLOCK_HEAD, length = number_at(head + AT_LENGTH);
		if (length > room)
			length = room;
		struct strview payload = { (const char *)head + FRAME_BLOCK_HEAD, length };
		frame_block_head(head, (enum block_type)(number_at(head + AT_TYPE)), number_at(head + AT_NUMBER), payload);
		at += FRAME_BLOCK_HEAD + length;
	}
}

static void show(const struct event *ev, struct buf *out)
{
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(ev->type, fields);
	struct json j;
	buf_reset(out);
	json_init(&j, out);
	json_array_begin(&j);
	for (size_t i = 0; i < n; i++) {
		struct value v = event_get(ev, fields[i]);
		if (!v.is_missing)
			value_json(&j, &v);
	}
	for (size_t i = 0; i < ev->derived->n_lineage; i++)
		json_u64(&j, ev->derived->lineage[i]);
	struct ancestor all[ANCESTOR_MAX];
	size_t n_ancestors = ev->derived->ancestors ? ev->derived->ancestors(ev->derived->ancestors_source, all, ANCESTOR_MAX) : 0;
	for (size_t i = 0; i < n_ancestors; i++) {
		json_u64(&j, all[i].pid ^ all[i].start_boot_ns);
		json_str(&j, all[i].name);
		json_str(&j, all[i].executable);
		json_str(&j, all[i].args);
	}
	json_array_end(&j);
}

static void read_tape(const uint8_t *data, size_t size)
{
	CLEANUP(tape_reader_free) struct tape_reader *r = NULL;
	CLEANUP(buf_done) struct buf out = { .max = TEXT_MAX };
	CLEANUP(fd_close) int fd = memfd_create("tape", MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, data, size) || lseek(fd, 0, SEEK_SET))
		abort();
	if (tape_reader_new(TAKE_FD(fd), "fuzz", &r, NULL))
		return;
	(void)tape_reader_differences(r, &out);
	struct event ev;
	struct tape_reader_stats stats;
	uint64_t n = 0;
	for (; tape_reader_next(r, &ev, NULL) == 1; n++)
		show(&ev, &out);
	tape_reader_get_stats(r, &stats);
	/* an event takes two bytes at least, and every byte is read once */
	if (stats.events != n || n > size || stats.damaged_bytes > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size ? size : 1);
	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	read_tape(copy, size);
	mend(copy, size);
	read_tape(copy, size);
	free(copy);
	return 0;
}
