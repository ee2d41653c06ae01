/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes: every event and field there and back, other versions, damage of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/event/ancestors.h"
#include "engine/event/value.h"
#include "engine/tape/frame.h"
#include "engine/tape/layout.h"
#include "engine/tape/tape.h"
#include "tests/support/full_event.h"

enum { TAPE_TEST_MAX = 64 * 1024 * 1024 };

static const struct tape_info info = {
	.program = "1.2.3", .agent_id = "agent", .host_id = "host", .host_name = "name", .boot_id = "boot", .kernel = "6.1",
	.sensor = "lsm", .scope = "all", .policy_digest = "abc", .wall_offset_ns = -5, .start_ns = 77,
};

/* A path that is gone when the test ends. */
struct temp {
	char folder[32], path[48];
};

static void temp_make(struct temp *t)
{
	snprintf(t->folder, sizeof(t->folder), "/tmp/test_tape.XXXXXX");
	assert_non_null(mkdtemp(t->folder));
	snprintf(t->path, sizeof(t->path), "%s/tape", t->folder);
}

static void temp_remove(struct temp *t)
{
	(void)unlink(t->path); /* may never have been made */
	assert_int_equal(rmdir(t->folder), 0);
}

static struct tape_reader *reader_of(struct strview bytes)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	struct tape_reader *r = NULL;
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes.p, bytes.n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return tape_reader_new(fd, "tape", &r, NULL) ? NULL : r;
}

static const uint64_t lineage[] = { 1, 0xfedcba9876543210ull, 3 };

/* What the table of processes would tell: n processes, named by the text. */
struct family {
	const char *text;
	size_t n;
};

static size_t family_tell(void *source, struct ancestor *ret, size_t max)
{
	const struct family *f = source;
	for (size_t i = 0; i < MIN(f->n, max); i++)
		ret[i] = (struct ancestor){ .pid = (uint32_t)(77 + i), .start_boot_ns = UINT64_MAX - i, .name = sv_from(f->text),
					    .executable = i % 2 ? SV("/usr/bin/x") : (struct strview){ NULL, 0 }, .args = { f->text, strlen(f->text) + 1 } };
	return MIN(f->n, max);
}

static void make_event(struct full_event *full, const struct event_type *type, const char *text)
{
	struct full_event_style style = { .text = sv_from(text) };
	full_event_make(full, type, &style);
	full->derived.image = (struct image_stamp){ .id = 42 + strlen(text), .version = 7, .slot = 9 };
	full->derived.lineage = lineage;
	full->derived.n_lineage = ARRAY_SIZE(lineage);
	static struct family families[] = { { "first", 3 }, { "second", ANCESTOR_MAX }, { "", 0 }, { "other", 2 } };
	size_t i = 0;
	while (i + 1 < ARRAY_SIZE(families) && strcmp(families[i].text, text) != 0)
		i++;
	full->derived.ancestors = family_tell;
	full->derived.ancestors_source = &families[i];
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (a->is_missing || b->is_missing)
		return a->is_missing == b->is_missing;
	if (a->class == CLASS_STR || a->class == CLASS_LIST)
		return sv_equal(a->s, b->s);
	return a->class == CLASS_IP ? memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0 : a->u == b->u;
}

static void check_fields(const struct event *a, const struct event *b, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_frame = strcmp(fields[i].member_name, "size") == 0 || strncmp(fields[i].member_name, "reserved", 8) == 0;
		struct value x = event_get(a, &fields[i]), y = event_get(b, &fields[i]);
		if (!is_frame && !same_value(&x, &y))
			fail_msg("%s: %s differs", a->type->name, fields[i].member_name);
	}
}

static void check_ancestors(const struct derived *a, const struct derived *b)
{
	struct ancestor x[ANCESTOR_MAX + 1], y[ANCESTOR_MAX + 1];
	assert_int_equal(a->ancestors != NULL, b->ancestors != NULL);
	if (!a->ancestors)
		return;
	size_t n = a->ancestors(a->ancestors_source, x, ANCESTOR_MAX + 1);
	assert_int_equal(b->ancestors(b->ancestors_source, y, ANCESTOR_MAX + 1), n);
	assert_int_equal(b->ancestors(b->ancestors_source, y, 1), MIN(n, (size_t)1));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(x[i].pid, y[i].pid);
		assert_int_equal(x[i].start_boot_ns, y[i].start_boot_ns);
		assert_true(sv_equal(x[i].name, y[i].name) && sv_equal(x[i].executable, y[i].executable) && sv_equal(x[i].args, y[i].args));
	}
}

static void check_same(const struct event *a, const struct event *b)
{
	size_t n;
	assert_ptr_equal(a->type, b->type);
	const struct field *fields = fields_common(&n);
	check_fields(a, b, fields, n);
	fields = fields_derived(&n);
	check_fields(a, b, fields, n);
	check_fields(a, b, a->type->fields, a->type->n_fields);
	assert_true(sv_is(b->derived->host_name, info.host_name));
	assert_int_equal(a->derived->present, b->derived->present);
	assert_int_equal(a->derived->image.id, b->derived->image.id);
	assert_int_equal(a->derived->image.version, b->derived->image.version);
	assert_int_equal(a->derived->image.slot, b->derived->image.slot);
	assert_int_equal(a->derived->n_lineage, b->derived->n_lineage);
	if (a->derived->n_lineage)
		assert_memory_equal(a->derived->lineage, b->derived->lineage, a->derived->n_lineage * sizeof(uint64_t));
	check_ancestors(a->derived, b->derived);
}

/* One after the other: changed texts, the same again, nothing derived, texts of no length. */
static const struct {
	const char *text;
	bool is_bare;
} turns[] = { { "first", false }, { "first", false }, { "second", false }, { "", true }, { "first", false } };

static void turn_make(struct full_event *full, const struct event_type *type, size_t turn)
{
	make_event(full, type, turns[turn].text);
	if (!turns[turn].is_bare)
		return;
	struct wire_common *c = (struct wire_common *)(void *)full->bytes;
	memset(&c->boot_ns, 0xff, sizeof(c->boot_ns));
	full->derived = (struct derived){ 0 };
}

typedef void visit_function(struct full_event *full, void *context);

static void every_event(visit_function *visit, void *context)
{
	struct full_event *full = malloc(sizeof(*full));
	assert_non_null(full);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		for (size_t turn = 0; type && type->name[0] && turn < ARRAY_SIZE(turns); turn++) {
			turn_make(full, type, turn);
			visit(full, context);
		}
	}
	free(full);
}

static void add_one(struct full_event *full, void *context)
{
	tape_writer_add(context, &full->ev);
}

struct expectation {
	struct tape_reader *reader;
	size_t n;
};

static void expect_one(struct full_event *full, void *context)
{
	struct expectation *x = context;
	struct event ev;
	assert_int_equal(tape_reader_next(x->reader, &ev, NULL), 1);
	check_same(&full->ev, &ev);
	x->n++;
}

static void every_event_comes_back_with_every_field(void **state)
{
	(void)state;
	struct temp t;
	struct tape_writer *w = NULL;
	struct expectation x = { 0 };
	struct tape_totals totals = { .end_ns = 5, .all = { 10, 7, 3 } };
	struct tape_writer_stats written;
	totals.by_event[EVENT_FILE_OPEN] = (struct tape_counts){ 6, 4, 2 };
	temp_make(&t);
	assert_int_equal(tape_writer_open(t.path, false, &info, &w, NULL), 0);
	every_event(add_one, w);
	assert_int_equal(tape_writer_finish(w, &totals), 0);
	tape_writer_get_stats(w, &written);
	tape_writer_free(&w);
	assert_int_equal(tape_reader_open(t.path, &x.reader, NULL), 0);
	assert_memory_equal(tape_reader_info(x.reader), &info, sizeof(info));
	every_event(expect_one, &x);
	struct event ev;
	assert_int_equal(tape_reader_next(x.reader, &ev, NULL), 0);
	assert_int_equal(tape_reader_next(x.reader, &ev, NULL), 0);
	struct tape_reader_stats stats;
	tape_reader_get_stats(x.reader, &stats);
	assert_true(stats.is_ended && !stats.is_torn);
	assert_int_equal(stats.events, x.n);
	assert_int_equal(written.events, x.n);
	assert_int_equal(stats.lost, 3);
	assert_int_equal(stats.damaged + stats.missing + stats.unknown + stats.unreadable + stats.dropped, 0);
	assert_memory_equal(tape_reader_totals(x.reader), &totals, sizeof(totals));
	char schema[TAPE_DIGEST + 1];
	CLEANUP(buf_done) struct buf text = { 0 };
	tape_schema_digest(schema);
	assert_string_equal(tape_reader_schema(x.reader), schema);
	assert_int_equal(tape_reader_differences(x.reader, &text), 0);
	tape_reader_free(&x.reader);
	temp_remove(&t);
}

/* Ancestors are written once for a state of an image, and anew when it changes, or may have, or a block begins. */
static void ancestors_follow_the_image(void **state)
{
	static const struct {
		uint64_t id, version;
		const char *family, *want;
		bool is_flushed;
	} turns_of[] = {
		{ 1, 1, "a", "a", false }, { 1, 1, "a", "a", false }, { 1, 2, "b", "b", false }, { 2, 2, "c", "c", false }, { 1, 2, "b", "b", true },
		{ 2, 2, "c", "c", false }, { 0, 0, "d", "d", false }, { 0, 0, "e", "e", false }, { 1, 1, "a", "a", false },
	};
	(void)state;
	struct temp t;
	struct tape_writer *w = NULL;
	struct tape_reader *r = NULL;
	struct full_event *full = malloc(sizeof(*full));
	assert_non_null(full);
	temp_make(&t);
	assert_int_equal(tape_writer_open(t.path, false, &info, &w, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(turns_of); i++) {
		struct family family = { turns_of[i].family, 2 };
		make_event(full, event_type_by_number(EVENT_FILE_OPEN), "x");
		full->derived.image = (struct image_stamp){ turns_of[i].id, turns_of[i].version, 5 };
		full->derived.ancestors_source = &family;
		if (turns_of[i].is_flushed)
			tape_writer_flush(w, 0);
		tape_writer_add(w, &full->ev);
	}
	assert_int_equal(tape_writer_finish(w, &(struct tape_totals){ 0 }), 0);
	tape_writer_free(&w);
	free(full);
	assert_int_equal(tape_reader_open(t.path, &r, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(turns_of); i++) {
		struct event ev;
		struct ancestor all[ANCESTOR_MAX];
		assert_int_equal(tape_reader_next(r, &ev, NULL), 1);
		assert_int_equal(ev.derived->ancestors(ev.derived->ancestors_source, all, ANCESTOR_MAX), 2);
		assert_true(sv_is(all[0].name, turns_of[i].want));
	}
	tape_reader_free(&r);
	temp_remove(&t);
}

static void a_pack_of_ancestors_is_checked(void **state)
{
	(void)state;
	char good[4096];
	struct family family = { "name", ANCESTOR_MAX };
	struct derived d = { .ancestors = family_tell, .ancestors_source = &family };
	size_t n = ancestors_pack(&d, good, sizeof(good));
	assert_true(n > 0 && n < sizeof(good));
	assert_int_equal(ancestors_pack(&d, NULL, 0), n);
	assert_true(ancestors_pack_is_good((struct strview){ NULL, 0 }));
	for (size_t cut = 1; cut < n; cut++) { /* whole entries may stand alone */
		struct strview part = { good, cut };
		struct ancestor all[ANCESTOR_MAX];
		size_t told = ancestors_unpack(&part, all, ANCESTOR_MAX);
		assert_true(told < ANCESTOR_MAX);
	}
	assert_true(ancestors_pack_is_good((struct strview){ good, n }));
	assert_false(ancestors_pack_is_good((struct strview){ good, n - 1 }));
	assert_false(ancestors_pack_is_good((struct strview){ good, 23 }));
	char many[2 * sizeof(good)];
	memcpy(many, good, n);
	memcpy(many + n, good, n);
	assert_false(ancestors_pack_is_good((struct strview){ many, 2 * n }));
	memset(good + 12, 0xff, 4);
	assert_false(ancestors_pack_is_good((struct strview){ good, n }));
}

/* --- small tapes, made once and spoiled in many ways ---------------------------------------------------------------------- */

/* n_blocks blocks of 2 events: opens of files named by block and place. Appends the file to out. */
static void small_tape(struct buf *out, unsigned n_blocks, bool with_end)
{
	struct temp t;
	struct tape_writer *w = NULL;
	struct full_event *full = malloc(sizeof(*full));
	assert_non_null(full);
	temp_make(&t);
	assert_int_equal(tape_writer_open(t.path, false, &info, &w, NULL), 0);
	for (unsigned i = 0; i < 2 * n_blocks; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		make_event(full, event_type_by_number(EVENT_FILE_OPEN), name);
		((struct wire_common *)(void *)full->bytes)->boot_ns = i;
		tape_writer_add(w, &full->ev);
		if (i % 2)
			tape_writer_flush(w, i);
	}
	if (with_end)
		assert_int_equal(tape_writer_finish(w, &(struct tape_totals){ .end_ns = 1 }), 0);
	tape_writer_free(&w);
	assert_int_equal(fd_read_file(t.path, TAPE_TEST_MAX, out), 0);
	temp_remove(&t);
	free(full);
}

/* Reads all; bit N: event with boot_ns N came, in order. */
static uint64_t read_all(struct strview bytes, struct tape_reader_stats *ret)
{
	struct tape_reader *r = reader_of(bytes);
	struct event ev;
	uint64_t seen = 0, next = 0;
	*ret = (struct tape_reader_stats){ 0 };
	if (!r)
		return 0;
	while (tape_reader_next(r, &ev, NULL) == 1) {
		assert_true(ev.common->boot_ns >= next && ev.common->boot_ns < 64);
		next = ev.common->boot_ns + 1;
		seen |= 1ull << ev.common->boot_ns;
		char text[16];
		snprintf(text, sizeof(text), "%llu", (unsigned long long)ev.common->boot_ns);
		assert_true(sv_is(event_str(&ev, EVENT_AS(&ev, file_open)->path), text));
		assert_true(sv_is(ev.derived->executable, text));
	}
	tape_reader_get_stats(r, ret);
	tape_reader_free(&r);
	return seen;
}

/* Offsets of the blocks of a good tape; returns how many. */
static size_t find_blocks(struct strview bytes, size_t *at, size_t max)
{
	size_t n = 0;
	for (size_t i = FRAME_FILE_HEAD; i + FRAME_BLOCK_HEAD <= bytes.n && n < max;) {
		struct block_head head;
		assert_true(frame_read_block_head((const uint8_t *)bytes.p + i, &head));
		at[n++] = i;
		i += FRAME_BLOCK_HEAD + head.length;
	}
	return n;
}

enum { BLOCKS = 3, ALL_EVENTS = (1 << 2 * BLOCKS) - 1 };

static void any_byte_may_be_wrong(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf tape = { 0 };
	size_t at[BLOCKS + 2];
	struct tape_reader_stats stats;
	small_tape(&tape, BLOCKS, true);
	assert_int_equal(find_blocks(buf_sv(&tape), at, ARRAY_SIZE(at)), BLOCKS + 2);
	assert_int_equal(read_all(buf_sv(&tape), &stats), ALL_EVENTS);
	for (size_t i = 0; i < tape.n; i++) {
		static const unsigned char changes[] = { 0x01, 0x80, 0xff };
		size_t block = 0;
		while (block + 1 < ARRAY_SIZE(at) && i >= at[block + 1])
			block++;
		for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
			tape.p[i] = (char)(tape.p[i] ^ changes[k]);
			uint64_t seen = read_all(buf_sv(&tape), &stats);
			tape.p[i] = (char)(tape.p[i] ^ changes[k]);
			if (i >= 12 && i < FRAME_FILE_HEAD) /* reserved */
				continue;
			uint64_t want = block == 0 ? 0 : block <= BLOCKS ? ALL_EVENTS & ~(3ull << 2 * (block - 1)) : ALL_EVENTS;
			if (seen != want)
				fail_msg("byte %zu of block %zu: %llx instead of %llx", i, block, (unsigned long long)seen, (unsigned long long)want);
			if (block == 0)
				continue;
			assert_true(stats.damaged + stats.is_torn == 1);
			assert_int_equal(stats.missing, block <= BLOCKS ? 2 : 0);
			assert_int_equal(stats.is_ended, block <= BLOCKS);
		}
	}
}

static void a_tape_may_end_anywhere(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf tape = { 0 };
	size_t at[BLOCKS + 2];
	struct tape_reader_stats stats;
	small_tape(&tape, BLOCKS, true);
	assert_int_equal(find_blocks(buf_sv(&tape), at, ARRAY_SIZE(at)), BLOCKS + 2);
	for (size_t n = 0; n < tape.n; n++) {
		size_t whole = 0;
		bool is_edge = false;
		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			whole += k > 1 && at[k] <= n;
			is_edge |= k > 0 && at[k] == n;
		}
		uint64_t seen = read_all((struct strview){ tape.p, n }, &stats);
		assert_int_equal(seen, (1ull << 2 * whole) - 1);
		assert_false(stats.is_ended);
		if (n < at[1])
			assert_int_equal(stats.is_torn, false); /* not even the header: refused */
		else if (stats.is_torn == is_edge || stats.damaged)
			fail_msg("%zu bytes: torn %d, damaged %llu", n, stats.is_torn, (unsigned long long)stats.damaged);
	}
}

static void bytes_may_be_gone_or_doubled(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t from, to, again; /* blocks from..to are left out, then block `again` follows once more; 0: none */
		uint64_t events;
		size_t missing;
	} cases[] = {
		{ "a block is gone", 1, 2, 0, 0x3c, 2 },
		{ "two blocks are gone", 1, 3, 0, 0x30, 4 },
		{ "a block stands twice", 1, 1, 2, 0x3f, 0 },
		{ "the last block with events is gone", 3, 4, 0, 0x0f, 2 },
	};
	CLEANUP(buf_done) struct buf tape = { 0 };
	size_t at[BLOCKS + 2];
	struct tape_reader_stats stats;
	small_tape(&tape, BLOCKS, true);
	assert_int_equal(find_blocks(buf_sv(&tape), at, ARRAY_SIZE(at)), BLOCKS + 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf bad = { 0 };
		size_t tail = cases[i].again ? at[cases[i].again + 1] : at[cases[i].to];
		buf_add(&bad, tape.p, cases[i].again ? tail : at[cases[i].from]);
		if (cases[i].again)
			buf_add(&bad, tape.p + at[cases[i].again], tail - at[cases[i].again]);
		buf_add(&bad, tape.p + tail, tape.n - tail);
		uint64_t seen = read_all(buf_sv(&bad), &stats);
		if (seen != cases[i].events || stats.missing != cases[i].missing || stats.damaged != (cases[i].again != 0))
			fail_msg("%s: %llx, %llu missing, %llu damaged", cases[i].what, (unsigned long long)seen, (unsigned long long)stats.missing,
				 (unsigned long long)stats.damaged);
	}
	/* any 7 bytes cut out of the middle: the blocks after are found again */
	for (size_t i = at[1]; i + 7 < at[3]; i++) {
		CLEANUP(buf_done) struct buf bad = { 0 };
		buf_add(&bad, tape.p, i);
		buf_add(&bad, tape.p + i + 7, tape.n - i - 7);
		uint64_t seen = read_all(buf_sv(&bad), &stats);
		assert_int_equal(seen & 0x30, 0x30);
		assert_true(stats.is_ended && stats.damaged >= 1 && stats.missing >= 2);
	}
}

static void damage_is_told_with_its_place(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf tape = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	size_t at[BLOCKS + 2];
	char want[96];
	struct event ev;
	small_tape(&tape, BLOCKS, true);
	assert_int_equal(find_blocks(buf_sv(&tape), at, ARRAY_SIZE(at)), BLOCKS + 2);
	tape.p[at[2] + FRAME_BLOCK_HEAD + 5] ^= 1;
	struct tape_reader *r = reader_of(buf_sv(&tape));
	while (tape_reader_next(r, &ev, &diag) == 1)
		;
	tape_reader_free(&r);
	snprintf(want, sizeof(want), "a damaged block at byte %zu: %zu bytes passed over", at[2], at[3] - at[2]);
	assert_int_equal(diag.n, 1);
	assert_string_equal(diag.messages[0].text, want);
}

/* --- other versions ------------------------------------------------------------------------------------------------------ */

/* The tape with a name of its header replaced by one of the same length. */
static void rename_in_header(struct buf *tape, const char *from, const char *to)
{
	CLEANUP(buf_done) struct buf whole = { 0 };
	size_t at[1];
	struct block_head head;
	assert_int_equal(strlen(from), strlen(to));
	assert_int_equal(find_blocks(buf_sv(tape), at, 1), 1);
	assert_true(frame_read_block_head((const uint8_t *)tape->p + at[0], &head));
	put_text(&whole, sv_from(from)); /* with its length, or it might be the beginning of another */
	char *payload = tape->p + at[0] + FRAME_BLOCK_HEAD, *found = memmem(payload, head.length, whole.p, whole.n);
	assert_non_null(found);
	memcpy(found + 1, to, strlen(to));
	frame_block_head((uint8_t *)tape->p + at[0], BLOCK_HEADER, 0, (struct strview){ payload, head.length });
}

static void other_tables_are_mapped_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *said;
		size_t events, unknown;
		const char *missing; /* field without a value then */
	} cases[] = {
		{ "user.audit.id", "user.audit.ix", "every event: user.audit.ix (ID32N) is on the tape and not known here", 6, 0, "user.audit.id" },
		{ "process.executable", "process.executablx", "every event: process.executable (STR) is not on the tape", 6, 0, "process.executable" },
		{ "vedette.file.fs_path", "vedette.file.fs_patx", "process.exec: vedette.file.fs_path (STR) is not on the tape", 6, 0, NULL },
		{ "file.open", "file.opex", "file.opex: events of this type are not known here", 0, 6, NULL },
		{ "file.delete", "file.delets", "file.delete: the tape does not know this event", 6, 0, NULL },
		{ "=lineage", "=lineagx", "every event: =lineagx (LINEAGE) is on the tape and not known here", 6, 0, NULL },
		{ "HEXID", "HEXIX", "every event: process.entity_id (HEXIX) is on the tape and not known here", 6, 0, "process.entity_id" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf tape = { 0 };
		CLEANUP(buf_done) struct buf said = { 0 };
		struct tape_reader_stats stats;
		struct event ev;
		small_tape(&tape, BLOCKS, true);
		rename_in_header(&tape, cases[i].from, cases[i].to);
		struct tape_reader *r = reader_of(buf_sv(&tape));
		assert_non_null(r);
		assert_true(tape_reader_differences(r, &said) > 0);
		if (!strstr(buf_cstr(&said), cases[i].said))
			fail_msg("%s: said %s", cases[i].to, buf_cstr(&said));
		while (tape_reader_next(r, &ev, NULL) == 1) {
			if (!cases[i].missing)
				continue;
			struct value v = event_get(&ev, field_find(ev.type, sv_from(cases[i].missing)));
			assert_true(v.is_missing);
		}
		tape_reader_get_stats(r, &stats);
		assert_int_equal(stats.events, cases[i].events);
		assert_int_equal(stats.unknown, cases[i].unknown);
		tape_reader_free(&r);
	}
}

static void a_later_format_is_refused(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf tape = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct tape_reader *r = NULL;
	struct temp t;
	small_tape(&tape, 1, true);
	tape.p[8] = TAPE_VERSION + 1;
	temp_make(&t);
	int fd = open(t.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, tape.p, tape.n), 0);
	fd_close(&fd);
	assert_int_equal(tape_reader_open(t.path, &r, &diag), -EPROTONOSUPPORT);
	assert_string_equal(diag.messages[0].text, "has version 2 of the format; this program reads version 1");
	temp_remove(&t);
}

/* --- the writer's surroundings ------------------------------------------------------------------------------------------- */

static void a_file_is_not_overwritten(void **state)
{
	(void)state;
	struct temp t;
	struct tape_writer *w = NULL;
	temp_make(&t);
	for (int i = 0; i < 3; i++) {
		int r = tape_writer_open(t.path, i == 2, &info, &w, NULL);
		assert_int_equal(r, i == 1 ? -EEXIST : 0);
		if (!r)
			assert_int_equal(tape_writer_finish(w, &(struct tape_totals){ 0 }), 0);
		tape_writer_free(&w);
	}
	assert_int_equal(tape_writer_open(t.folder, true, &info, &w, NULL), -EISDIR);
	assert_int_equal(tape_writer_open("/dev/null", true, &info, &w, NULL), -EINVAL);
	temp_remove(&t);
}

/* A file that takes no more: the block is dropped and counted, what was written before stays readable, and writing goes on when it can. */
static void a_full_disk_drops_whole_blocks(void **state)
{
	(void)state;
	struct temp t;
	struct tape_writer *w = NULL;
	struct tape_writer_stats stats;
	struct rlimit before, tight;
	CLEANUP(buf_done) struct buf tape = { 0 };
	struct full_event *full = malloc(sizeof(*full));
	temp_make(&t);
	assert_non_null(full);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(tape_writer_open(t.path, false, &info, &w, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (unsigned i = 0; i < 6; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		make_event(full, event_type_by_number(EVENT_FILE_OPEN), name);
		((struct wire_common *)(void *)full->bytes)->boot_ns = i;
		tape_writer_add(w, &full->ev);
		tape_writer_get_stats(w, &stats);
		tight = before;
		if (i == 2 || i == 3)
			tight.rlim_cur = stats.bytes + 50;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		tape_writer_flush(w, 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	}
	assert_int_equal(tape_writer_finish(w, &(struct tape_totals){ 0 }), -EFBIG);
	tape_writer_get_stats(w, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.events, 4);
	tape_writer_free(&w);
	free(full);
	struct tape_reader_stats read;
	assert_int_equal(fd_read_file(t.path, TAPE_TEST_MAX, &tape), 0);
	assert_int_equal(read_all(buf_sv(&tape), &read), 0x33);
	assert_true(read.is_ended && !read.damaged && !read.missing);
	assert_int_equal(read.dropped, 2);
	temp_remove(&t);
}

/* Large events, many texts: blocks are cut in time, what no block can hold is dropped and counted. */
static void blocks_have_limits(void **state)
{
	(void)state;
	struct temp t;
	struct tape_writer *w = NULL;
	struct tape_writer_stats stats;
	struct tape_reader *r = NULL;
	struct full_event *full = malloc(sizeof(*full));
	char *huge = malloc(TAPE_BLOCK_MAX);
	assert_true(full && huge);
	memset(huge, 'x', TAPE_BLOCK_MAX);
	temp_make(&t);
	assert_int_equal(tape_writer_open(t.path, false, &info, &w, NULL), 0);
	for (unsigned i = 0; i < 3000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		full_event_make(full, event_type_by_number(i % 2 ? EVENT_PROC_EXEC : EVENT_FILE_OPEN), &(struct full_event_style){ .text = sv_from(name), .repeat = i % 97 });
		if (i % 1000 == 5)
			DERIVE(&full->derived, command_line, (struct strview){ huge, TAPE_BLOCK_MAX });
		tape_writer_add(w, &full->ev);
	}
	assert_int_equal(tape_writer_finish(w, &(struct tape_totals){ 0 }), 0);
	tape_writer_get_stats(w, &stats);
	assert_int_equal(stats.dropped, 3);
	assert_int_equal(stats.events, 2997);
	tape_writer_free(&w);
	assert_int_equal(tape_reader_open(t.path, &r, NULL), 0);
	struct event ev;
	uint64_t n = 0;
	while (tape_reader_next(r, &ev, NULL) == 1)
		n++;
	assert_int_equal(n, 2997);
	tape_reader_free(&r);
	free(full);
	free(huge);
	temp_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_comes_back_with_every_field),
		cmocka_unit_test(ancestors_follow_the_image),
		cmocka_unit_test(a_pack_of_ancestors_is_checked),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(a_tape_may_end_anywhere),
		cmocka_unit_test(bytes_may_be_gone_or_doubled),
		cmocka_unit_test(damage_is_told_with_its_place),
		cmocka_unit_test(other_tables_are_mapped_by_name),
		cmocka_unit_test(a_later_format_is_refused),
		cmocka_unit_test(a_file_is_not_overwritten),
		cmocka_unit_test(a_full_disk_drops_whole_blocks),
		cmocka_unit_test(blocks_have_limits),
	};
	return cmocka_run_group_tests_name("tape", tests, NULL, NULL);
}
