/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer looks at eight bytes at a time, and keeps names made ready: both say what the plain way says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/base/num.h"

enum { LENGTHS = 40 };

/* Byte by byte, as RFC 8785 has it. */
static void quote_plainly(struct strview text, struct buf *out)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.n;) {
		unsigned char c = (unsigned char)text.p[i];
		size_t n = utf8_length(text.p + i, text.n - i);
		const char *at = c ? strchr(escaped, c) : NULL;
		if (n == 0)
			buf_add_z(out, "\xef\xbf\xbd");
		else if (at)
			buf_add_format(out, "\\%c", letters[at - escaped]);
		else if (c < 0x20)
			buf_add_format(out, "\\u%04x", c);
		else
			buf_add(out, text.p + i, n);
		i += n ? n : 1;
	}
	buf_add_char(out, '"');
}

/* room: bytes that the buffer has at once, which decides how it is written. */
static void check_text_in(struct strview text, size_t room)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	CLEANUP(buf_done) struct buf want = { 0 };
	struct json j;
	assert_int_equal(buf_reserve(&got, room), 0);
	json_init(&j, &got);
	json_str(&j, text);
	quote_plainly(text, &want);
	if (!sv_equal(buf_sv(&got), buf_sv(&want)))
		fail_msg("%zu bytes: %s instead of %s", text.n, buf_cstr(&got), buf_cstr(&want));
	bool is_valid = true;
	for (size_t i = 0, n; i < text.n && is_valid; i += n)
		is_valid = (n = utf8_length(text.p + i, text.n - i)) > 0;
	assert_int_equal(utf8_valid(text), is_valid);
	assert_int_equal(j.replaced, !is_valid);
}

static void check_text(struct strview text)
{
	check_text_in(text, 0);
	check_text_in(text, text.n + 2);
}

static void bytes_in_base64_are_those_of_the_definition(void **state)
{
	(void)state;
	static const struct { const char *bytes, *text; } cases[] = { /* of RFC 4648 */
		{ "", "\"\"" }, { "f", "\"Zg==\"" }, { "fo", "\"Zm8=\"" }, { "foo", "\"Zm9v\"" }, { "foob", "\"Zm9vYg==\"" }, { "fooba", "\"Zm9vYmE=\"" },
		{ "foobar", "\"Zm9vYmFy\"" }, { "\xff\xfe\xfd\xfb\xf0", "\"//79+/A=\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t room = 0; room < 20; room += 19) {
			CLEANUP(buf_done) struct buf out = { 0 };
			struct json j;
			assert_int_equal(buf_reserve(&out, room), 0);
			json_init(&j, &out);
			json_base64(&j, sv_from(cases[i].bytes));
			assert_string_equal(buf_cstr(&out), cases[i].text);
		}
	}
}

static void each_byte_at_each_place_is_quoted_as_it_should(void **state)
{
	(void)state;
	char *text = malloc(LENGTHS); /* of the length itself: a byte too far is found */
	assert_non_null(text);
	for (size_t n = 0; n <= LENGTHS; n++) {
		char *exact = realloc(text, n ? n : 1);
		assert_non_null(exact);
		text = exact;
		for (size_t at = 0; at < n; at++) {
			for (unsigned c = 0; c < 256; c++) {
				memset(text, 'a', n);
				text[at] = (char)c;
				check_text((struct strview){ text, n });
			}
		}
	}
	free(text);
}

static void pairs_of_bytes_that_borrow_from_one_another_are_quoted_as_they_should(void **state)
{
	(void)state;
	static const unsigned char edges[] = { 0, 1, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0xc3, 0xa9, 0xff };
	char text[16];
	for (size_t a = 0; a < ARRAY_SIZE(edges); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(edges); b++) {
			for (size_t at = 0; at + 1 < sizeof(text); at++) {
				memset(text, ' ', sizeof(text));
				text[at] = (char)edges[a];
				text[at + 1] = (char)edges[b];
				check_text((struct strview){ text, sizeof(text) });
			}
		}
	}
}

static const char *const names[] = { "@timestamp", "a.b.c.d", "a.b.c.e", "a.b.x", "a.y", "ab.c", "b", "c.d.e.f.g", "c.d.h", "d" };

/* Any part of the names, in order: with names made ready, and by json_path. */
static void names_made_ready_say_the_same(void **state)
{
	(void)state;
	struct arena arena = { .max = 65536 };
	struct json_name ready[ARRAY_SIZE(names)];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(json_name_make(&arena, names[i], &ready[i]), 0);
	for (unsigned set = 0; set < 1u << ARRAY_SIZE(names); set++) {
		CLEANUP(buf_done) struct buf got = { 0 };
		CLEANUP(buf_done) struct buf want = { 0 };
		struct json by_name, by_path;
		unsigned shared = 0;
		assert_int_equal(buf_reserve(&got, set % 3 ? 4096 : set % 100), 0); /* written at once, or where there is room for it */
		json_init(&by_name, &got);
		json_init(&by_path, &want);
		json_object_begin(&by_name);
		json_object_begin(&by_path);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			shared = i ? MIN(shared, json_name_shared(&ready[i - 1], &ready[i])) : 0;
			if (!(set >> i & 1))
				continue;
			json_named(&by_name, &ready[i], shared);
			json_u64(&by_name, i);
			json_path(&by_path, names[i]);
			json_u64(&by_path, i);
			shared = ready[i].n_objects;
		}
		json_named_end(&by_name);
		json_path_end(&by_path);
		json_object_end(&by_name);
		json_object_end(&by_path);
		assert_string_equal(buf_cstr(&got), buf_cstr(&want));
		assert_int_equal(by_name.depth, 0);
	}
	arena_done(&arena);
}

static void names_that_are_too_deep_or_too_long_are_refused(void **state)
{
	(void)state;
	struct arena arena = { .max = 65536 };
	struct json_name name;
	char text[JSON_MAX_PATH * 2 + 1];
	assert_int_equal(json_name_make(&arena, "a.b.c.d.e.f.g.h", &name), 0);
	assert_int_equal(json_name_make(&arena, "a.b.c.d.e.f.g.h.i", &name), -ENAMETOOLONG);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(json_name_make(&arena, text, &name), -ENAMETOOLONG);
	arena_done(&arena);
	struct arena full = { .max = 1 };
	assert_int_equal(json_name_make(&full, "a", &name), -ENOMEM);
	arena_done(&full);
}

static void a_buffer_ends_at_its_ceiling(void **state)
{
	(void)state;
	for (size_t max = 1; max < 600; max++) {
		CLEANUP(buf_done) struct buf b = { .max = max };
		for (size_t i = 0; i < max; i++)
			buf_add_char(&b, 'x');
		assert_int_equal(buf_error(&b), 0);
		assert_true(b.cap <= max);
		buf_add_char(&b, 'x');
		assert_int_equal(buf_error(&b), -ENOMEM);
		buf_add(&b, "", 0);
		assert_int_equal(b.n, max);
		buf_reset(&b);
		buf_add_z(&b, "y");
		assert_int_equal(buf_error(&b), 0);
	}
}

static void a_text_is_cut_between_characters(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n, cut;
	} cases[] = {
		{ "", 0, 0 }, { "abc", 2, 2 }, { "a\xc3\xa9", 2, 1 }, { "a\xc3\xa9", 3, 3 }, { "\xe2\x80\x93", 2, 0 }, { "\xe2\x80\x93", 1, 0 }, { "\xe2\x80\x93x", 3, 3 },
		{ "x\xf0\x9f\x98\x80", 4, 1 }, { "x\xf0\x9f\x98\x80", 3, 1 }, { "x\xf0\x9f\x98\x80", 2, 1 }, { "x\xf0\x9f\x98\x80", 5, 5 },
		{ "\x80\x80\x80\x80", 4, 4 }, { "a\xff", 2, 1 }, { "a\xc0", 2, 2 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_cut(cases[i].text, cases[i].n), cases[i].cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_at_each_place_is_quoted_as_it_should),
		cmocka_unit_test(pairs_of_bytes_that_borrow_from_one_another_are_quoted_as_they_should),
		cmocka_unit_test(bytes_in_base64_are_those_of_the_definition),
		cmocka_unit_test(names_made_ready_say_the_same),
		cmocka_unit_test(names_that_are_too_deep_or_too_long_are_refused),
		cmocka_unit_test(a_buffer_ends_at_its_ceiling),
		cmocka_unit_test(a_text_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
