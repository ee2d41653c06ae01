/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes that nobody recorded: every checksum is right, and the content is meant to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/tape/frame.h"
#include "engine/tape/tape.h"

/* A tape of a header alone, as a recorder writes it. */
static void header_only(struct buf *out)
{
	static const struct tape_info info = { .program = "0", .kernel = "test" };
	char path[] = "/tmp/vedette-tape-XXXXXX", name[64];
	struct tape_writer *w = NULL;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/tape", path);
	assert_int_equal(tape_writer_open(name, false, &info, &w, NULL), 0);
	tape_writer_flush(w, 0);
	tape_writer_free(&w);
	assert_int_equal(fd_read_file(name, 1 << 20, out), 0);
	unlink(name);
	rmdir(path);
}

static void add_block(struct buf *out, enum block_type type, uint32_t number, struct strview payload)
{
	uint8_t head[FRAME_BLOCK_HEAD];
	frame_block_head(head, type, number, payload);
	buf_add_sv(out, (struct strview){ (const char *)head, sizeof(head) });
	buf_add_sv(out, payload);
}

/* Reads to the end; how many events came. */
static size_t read_all(struct strview bytes, struct tape_reader_stats *ret, struct diag *diag)
{
	struct tape_reader *r = NULL;
	struct event ev;
	size_t n = 0;
	int fd = memfd_create("tape", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(tape_reader_new(fd, "tape", &r, diag), 0);
	while (tape_reader_next(r, &ev, diag) == 1)
		n++;
	tape_reader_get_stats(r, ret);
	tape_reader_free(&r);
	return n;
}

/* Each head promises two megabytes that are not what it promises: hashed for each of them, this file would take minutes. */
static void a_file_of_heads_is_passed_over_in_time(void **state)
{
	(void)state;
	enum { HEADS = 150000 }; /* 6 MB */
	CLEANUP(buf_done) struct buf tape = { 0 };
	struct tape_reader_stats stats;
	uint8_t head[FRAME_BLOCK_HEAD];
	char *promised = calloc(1, TAPE_BLOCK_MAX);
	assert_non_null(promised);
	header_only(&tape);
	frame_block_head(head, BLOCK_EVENTS, 1, (struct strview){ promised, TAPE_BLOCK_MAX - 100 });
	free(promised);
	for (size_t i = 0; i < HEADS; i++)
		buf_add_sv(&tape, (struct strview){ (const char *)head, sizeof(head) });
	assert_int_equal(buf_error(&tape), 0);
	assert_int_equal(read_all(buf_sv(&tape), &stats, NULL), 0);
	assert_true(stats.damaged || stats.is_torn);
	assert_false(stats.is_ended);
}

/* A whole block behind what is damaged is still found. */
static void what_follows_a_damaged_block_is_read(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf tape = { 0 };
	CLEANUP(buf_done) struct buf payload = { 0 };
	struct tape_reader_stats stats;
	header_only(&tape);
	size_t at = tape.n;
	for (int i = 0; i < 4; i++)
		put_varint(&payload, 0);
	add_block(&tape, BLOCK_EVENTS, 1, buf_sv(&payload));
	tape.p[at + FRAME_BLOCK_HEAD] ^= 1;
	payload.n = 0;
	put_varint(&payload, 5); /* first event: five are missing before it */
	for (int i = 0; i < 3; i++)
		put_varint(&payload, 0);
	add_block(&tape, BLOCK_EVENTS, 2, buf_sv(&payload));
	assert_int_equal(read_all(buf_sv(&tape), &stats, NULL), 0);
	assert_int_equal(stats.damaged, 1);
	assert_int_equal(stats.missing, 5);
}

static void blocks_that_make_no_sense_are_told(void **state)
{
	static const struct { const char *what; enum block_type type; struct strview payload; const char *says; } cases[] = {
		{ "no numbers", BLOCK_EVENTS, { "", 0 }, "its head of numbers makes no sense" },
		{ "more events than bytes", BLOCK_EVENTS, { "\0\x7f\0\0", 4 }, "its head of numbers makes no sense" },
		{ "an event without a type", BLOCK_EVENTS, { "\0\1\0\0\x7f", 5 }, "what is in it makes no sense" },
		{ "an empty end", BLOCK_END, { "", 0 }, "this end of a tape makes no sense" },
		{ "an end that is cut", BLOCK_END, { "\1", 1 }, "this end of a tape makes no sense" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buf_done) struct buf tape = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct tape_reader_stats stats;
		header_only(&tape);
		add_block(&tape, cases[i].type, 1, cases[i].payload);
		assert_int_equal(read_all(buf_sv(&tape), &stats, &diag), 0);
		if (diag.n != 1 || !strstr(diag.messages[0].text, cases[i].says) || stats.is_ended)
			fail_msg("%s: %zu messages, the first: %s", cases[i].what, diag.n, diag.n ? diag.messages[0].text : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_heads_is_passed_over_in_time),
		cmocka_unit_test(what_follows_a_damaged_block_is_read),
		cmocka_unit_test(blocks_that_make_no_sense_are_told),
	};
	return cmocka_run_group_tests_name("tape_hostile", tests, NULL, NULL);
}
