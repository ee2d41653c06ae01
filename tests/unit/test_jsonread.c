/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"

static int check(struct strview text)
{
	const char *error = NULL;
	size_t at = 0;
	int r = json_check(text, &error, &at);
	assert_true(r == 0 || (error && at <= text.n));
	return r;
}

static void valid_json_is_taken(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"0", "-0", "12.5e-3", "1E+2", "true", "null", "\"\"", "{}", "[]", " [ 1 , 2 ] ", "{\"a\":{\"a\":[{\"a\":1}]},\"b\":1}",
		"\"\\u00e9\\ud83d\\ude00\\\\\\/\"", "\"\xf0\x9f\x98\x80\"", "[[],{},[]]", "{\"\":1,\" \":2}", "\t\r\n1\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (check(sv_from(texts[i])))
			fail_msg("refused: %s", texts[i]);
}

static void invalid_json_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", " ", "{", "}", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{a:1}",
		"{'a':1}", "01", "+1", "1.", ".5", "1e", "1e+", "-", "NaN", "Infinity", "tru", "nulll", "truefalse", "1 2", "{}{}", "\"", "\"\\\"",
		"\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "\"\x01\"", "\"\xff\"", "\"\xc3\"",
		"\"\xed\xa0\x80\"", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\xc3\xa9\":1,\"\\u00e9\":2}", "[{\"b\":1,\"a\":1,\"b\":1}]",
		"\xef\xbb\xbf{}", "/**/1", "[1}", "{\"a\":1]", "{1:1}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!check(sv_from(texts[i])))
			fail_msg("taken: %s", texts[i]);
	assert_int_equal(check((struct strview){ "1\0", 2 }), -EBADMSG);
	assert_int_equal(check((struct strview){ "\"\0\"", 3 }), -EBADMSG);
}

static void depth_and_keys_are_bounded(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	for (unsigned depth = JSON_READ_DEPTH; depth <= JSON_READ_DEPTH + 1; depth++) {
		buf_reset(&text);
		for (unsigned i = 0; i < depth; i++)
			buf_add_char(&text, '[');
		for (unsigned i = 0; i < depth; i++)
			buf_add_char(&text, ']');
		assert_int_equal(check(buf_sv(&text)), depth > JSON_READ_DEPTH ? -EBADMSG : 0);
	}
	for (unsigned n = JSON_READ_KEYS; n <= JSON_READ_KEYS + 1; n++) {
		buf_reset(&text);
		for (unsigned i = 0; i < n; i++)
			buf_add_format(&text, "%s\"k%u\":0", i ? "," : "{", i);
		buf_add_char(&text, '}');
		assert_int_equal(check(buf_sv(&text)), n > JSON_READ_KEYS ? -EBADMSG : 0);
	}
}

static enum json_token last_token(struct strview text, bool takes_any_keys)
{
	struct json_reader r;
	enum json_token token;
	json_reader_init(&r, text);
	r.takes_any_keys = takes_any_keys;
	do
		token = json_next(&r);
	while (token != JSON_ERROR && token != JSON_END);
	return token;
}

/* And the rest is as strict as ever. */
static void keys_may_be_left_unchecked(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf many = { 0 };
	for (unsigned i = 0; i < 3 * JSON_READ_KEYS; i++)
		buf_add_format(&many, "%s\"k%u\":{\"a\":0}", i ? "," : "{", i);
	buf_add_char(&many, '}');
	const struct {
		const char *what;
		struct strview text;
		enum json_token strict, any_keys;
	} cases[] = {
		{ "many keys", buf_sv(&many), JSON_ERROR, JSON_END },
		{ "a doubled key", SV("{\"a\":1,\"a\":2}"), JSON_ERROR, JSON_END },
		{ "a key that is no text", SV("{\"\\x\":1}"), JSON_ERROR, JSON_ERROR },
		{ "an end that is missing", SV("{\"a\":1"), JSON_ERROR, JSON_ERROR },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (last_token(cases[i].text, false) != cases[i].strict || last_token(cases[i].text, true) != cases[i].any_keys)
			fail_msg("%s", cases[i].what);
}

static void wanted_members_are_found(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":{\"b\":12,\"c\":[1,{\"b\":3}],\"d\":{\"e\":\"x\\ny\"}},\"a.b\":9,\"f\":null,\"g\":{},\"\":{\"a\":{\"b\":5}}}";
	struct json_want w[] = { { .path = "a.b" }, { .path = "a.c" }, { .path = "a.d.e" }, { .path = "f" },
				 { .path = "g" },   { .path = "a.c.b" }, { .path = "a.d" }, { .path = "nope" } };
	static const struct {
		enum json_token token;
		const char *raw;
	} expected[] = { { JSON_NUMBER, "12" }, { JSON_ARRAY, "[1,{\"b\":3}]" }, { JSON_STRING, "x\\ny" }, { JSON_NULL, "null" },
			 { JSON_OBJECT, "{}" }, { JSON_ERROR, NULL }, { JSON_OBJECT, "{\"e\":\"x\\ny\"}" }, { JSON_ERROR, NULL } };
	const char *error;
	size_t at;
	assert_int_equal(json_read_members(sv_from(text), w, ARRAY_SIZE(w), &error, &at), 0);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		if (w[i].token != expected[i].token || (expected[i].raw && !sv_is(w[i].raw, expected[i].raw)))
			fail_msg("%s: got " SV_FMT, w[i].path, SV_ARG(w[i].raw));
	}
	assert_int_equal(json_read_members(SV("[1]"), w, 1, &error, &at), -EBADMSG);
	assert_int_equal(json_read_members(SV("{\"a\":1"), w, 1, &error, &at), -EBADMSG);
}

static void integers_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		int result;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },          { "7", 0, 7 },           { "9007199254740992", 0, 9007199254740992 },
		{ "00", -EINVAL, 0 },   { "-0", -EINVAL, 0 },    { "9007199254740993", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },  { "1e3", -EINVAL, 0 },   { "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },   { "99999999999999999", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 0;
		if (json_integer(sv_from(cases[i].raw), &v) != cases[i].result || v != cases[i].value)
			fail_msg("'%s'", cases[i].raw);
	}
}

static void base64_of_the_writer_is_the_standard_one(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *text;
	} cases[] = { { "", "\"\"" }, { "f", "\"Zg==\"" }, { "fo", "\"Zm8=\"" }, { "foo", "\"Zm9v\"" }, { "foobar", "\"Zm9vYmFy\"" }, { "\xff\xfe\xfd", "\"//79\"" } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct json j;
		json_init(&j, &out);
		json_base64(&j, sv_from(cases[i].bytes));
		assert_string_equal(buf_cstr(&out), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_json_is_taken),
		cmocka_unit_test(invalid_json_is_refused),
		cmocka_unit_test(depth_and_keys_are_bounded),
		cmocka_unit_test(keys_may_be_left_unchecked),
		cmocka_unit_test(wanted_members_are_found),
		cmocka_unit_test(integers_have_one_form),
		cmocka_unit_test(base64_of_the_writer_is_the_standard_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
