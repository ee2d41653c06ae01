/* SPDX-License-Identifier: Apache-2.0 */
/* The strict JSON reader: a state machine without recursion. */
#include "engine/base/jsonread.h"

#include <errno.h>

#include "engine/base/json.h"

void json_reader_init(struct json_reader *r, struct strview text)
{
	*r = (struct json_reader){ .text = text, .want = JSON_WANT_VALUE };
}

static enum json_token fail(struct json_reader *r, const char *error)
{
	if (!r->error)
		r->error = error;
	return JSON_ERROR;
}

static void skip_blanks(struct json_reader *r)
{
	while (r->at < r->text.n && (r->text.p[r->at] == ' ' || r->text.p[r->at] == '\t' || r->text.p[r->at] == '\n' || r->text.p[r->at] == '\r'))
		r->at++;
}

/* Byte at an index, 0 past the end (a real NUL is no valid byte anywhere in JSON's grammar either). */
static char byte_at(const struct json_reader *r, size_t i)
{
	return i < r->text.n ? r->text.p[i] : '\0';
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static long hex4(struct strview s, size_t at)
{
	long v = 0;
	for (size_t i = at; i < at + 4; i++) {
		int d = i < s.n ? hex_digit(s.p[i]) : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* Length of the escape at `at` (a backslash) and the code point it stands for; 0 when it is none. */
static size_t escape_length(struct strview s, size_t at, uint32_t *ret_code)
{
	static const char letters[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
	const char *letter = at + 1 < s.n && s.p[at + 1] ? strchr(letters, s.p[at + 1]) : NULL;
	if (letter) {
		*ret_code = (unsigned char)codes[letter - letters];
		return 2;
	}
	long high = at + 1 < s.n && s.p[at + 1] == 'u' ? hex4(s, at + 2) : -1;
	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0;
	*ret_code = (uint32_t)high;
	if (high < 0xd800 || high > 0xdbff)
		return 6;
	long low = at + 7 < s.n && s.p[at + 6] == '\\' && s.p[at + 7] == 'u' ? hex4(s, at + 8) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret_code = 0x10000u + (((uint32_t)high - 0xd800u) << 10) + ((uint32_t)low - 0xdc00u);
	return 12;
}

/* The quote is at r->at. Leaves raw and moves behind the closing quote. */
static bool read_string(struct json_reader *r)
{
	size_t from = ++r->at;
	while (r->at < r->text.n) {
		unsigned char c = (unsigned char)r->text.p[r->at];
		size_t len;
		uint32_t code;
		if (c == '"') {
			r->raw = (struct strview){ r->text.p + from, r->at - from };
			r->at++;
			return true;
		}
		if (c == '\\')
			len = escape_length(r->text, r->at, &code);
		else
			len = c < 0x20 ? 0 : utf8_length(r->text.p + r->at, r->text.n - r->at);
		if (!len) {
			(void)fail(r, c == '\\' ? "bad escape in a string" : c < 0x20 ? "control byte in a string" : "string is not UTF-8");
			return false;
		}
		r->at += len;
	}
	(void)fail(r, "string without an end");
	return false;
}

/* Next code point of a checked string. */
static uint32_t next_code(struct strview s, size_t *at)
{
	uint32_t code = 0;
	if (s.p[*at] == '\\') {
		*at += escape_length(s, *at, &code);
		return code;
	}
	size_t len = utf8_length(s.p + *at, s.n - *at);
	code = (unsigned char)s.p[*at] & (len == 1 ? 0x7fu : 0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)s.p[*at + i] & 0x3fu);
	*at += len;
	return code;
}

/* Equal as text, however each is escaped. */
static bool same_text(struct strview a, struct strview b)
{
	if (sv_equal(a, b))
		return true;
	if (!(a.n && memchr(a.p, '\\', a.n)) && !(b.n && memchr(b.p, '\\', b.n)))
		return false;
	size_t i = 0, k = 0;
	while (i < a.n && k < b.n)
		if (next_code(a, &i) != next_code(b, &k))
			return false;
	return i == a.n && k == b.n;
}

static bool note_key(struct json_reader *r)
{
	for (unsigned i = r->first_key[r->depth - 1]; i < r->n_keys; i++) {
		if (same_text(r->keys[i], r->raw)) {
			(void)fail(r, "a key stands twice in one object");
			return false;
		}
	}
	if (r->n_keys == JSON_READ_KEYS) {
		(void)fail(r, "too many keys");
		return false;
	}
	r->keys[r->n_keys++] = r->raw;
	return true;
}

static enum json_token read_key(struct json_reader *r)
{
	if (byte_at(r, r->at) != '"')
		return fail(r, "a key is missing");
	if (!read_string(r) || (!r->takes_any_keys && !note_key(r)))
		return JSON_ERROR;
	skip_blanks(r);
	if (byte_at(r, r->at) != ':')
		return fail(r, "':' is missing after a key");
	r->at++;
	r->want = JSON_WANT_VALUE;
	return JSON_KEY;
}

static enum json_token open_container(struct json_reader *r, bool is_object)
{
	if (r->depth == JSON_READ_DEPTH)
		return fail(r, "nested too deep");
	r->in_object[r->depth] = is_object;
	r->first_key[r->depth] = r->n_keys;
	r->depth++;
	r->at++;
	r->want = JSON_WANT_FIRST;
	return is_object ? JSON_OBJECT : JSON_ARRAY;
}

static void value_is_done(struct json_reader *r)
{
	r->want = r->depth ? JSON_WANT_NEXT : JSON_WANT_NOTHING;
}

static enum json_token close_container(struct json_reader *r)
{
	bool is_object = r->in_object[--r->depth];
	r->n_keys = r->first_key[r->depth];
	r->at++;
	value_is_done(r);
	return is_object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static size_t count_digits(const struct json_reader *r, size_t at)
{
	size_t n = 0;
	while (byte_at(r, at + n) >= '0' && byte_at(r, at + n) <= '9')
		n++;
	return n;
}

static enum json_token read_number(struct json_reader *r)
{
	size_t from = r->at;
	size_t at = from + (byte_at(r, from) == '-');
	size_t whole = count_digits(r, at);
	if (whole == 0 || (whole > 1 && byte_at(r, at) == '0'))
		return fail(r, "no JSON value");
	at += whole;
	if (byte_at(r, at) == '.') {
		size_t part = count_digits(r, at + 1);
		if (!part)
			return fail(r, "bad number");
		at += 1 + part;
	}
	if (byte_at(r, at) == 'e' || byte_at(r, at) == 'E') {
		at += byte_at(r, at + 1) == '+' || byte_at(r, at + 1) == '-' ? 2 : 1;
		size_t exponent = count_digits(r, at);
		if (!exponent)
			return fail(r, "bad number");
		at += exponent;
	}
	r->raw = (struct strview){ r->text.p + from, at - from };
	r->at = at;
	value_is_done(r);
	return JSON_NUMBER;
}

static enum json_token read_value(struct json_reader *r)
{
	static const struct {
		struct strview word;
		enum json_token token;
	} words[] = { { { "true", 4 }, JSON_TRUE }, { { "false", 5 }, JSON_FALSE }, { { "null", 4 }, JSON_NULL } };
	char c = byte_at(r, r->at);
	if (c == '{' || c == '[')
		return open_container(r, c == '{');
	if (c == '"') {
		if (!read_string(r))
			return JSON_ERROR;
		value_is_done(r);
		return JSON_STRING;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!sv_starts(sv_from_index(r->text, r->at), words[i].word))
			continue;
		r->raw = (struct strview){ r->text.p + r->at, words[i].word.n };
		r->at += words[i].word.n;
		value_is_done(r);
		return words[i].token;
	}
	return read_number(r);
}

enum json_token json_next(struct json_reader *r)
{
	if (r->error)
		return JSON_ERROR;
	skip_blanks(r);
	char c = byte_at(r, r->at);
	if (r->want == JSON_WANT_NOTHING)
		return r->at == r->text.n ? JSON_END : fail(r, "something follows the value");
	if (r->want == JSON_WANT_VALUE)
		return read_value(r);

	bool in_object = r->in_object[r->depth - 1];
	bool is_first = r->want == JSON_WANT_FIRST;
	if (c == (in_object ? '}' : ']'))
		return close_container(r);
	if (!is_first) {
		if (c != ',')
			return fail(r, in_object ? "',' or '}' is missing" : "',' or ']' is missing");
		r->at++;
		skip_blanks(r);
	}
	return in_object ? read_key(r) : read_value(r);
}

int json_check(struct strview text, const char **ret_error, size_t *ret_at)
{
	struct json_reader r;
	enum json_token token;
	json_reader_init(&r, text);
	do
		token = json_next(&r);
	while (token != JSON_ERROR && token != JSON_END);
	if (token == JSON_END)
		return 0;
	*ret_error = r.error;
	*ret_at = r.at;
	return -EBADMSG;
}

enum { PATH_MAX_BYTES = 256 };

/* The dotted path of where the reader is: a stack of lengths over one text. Names that do not fit match nothing. */
struct path {
	char text[PATH_MAX_BYTES];
	size_t n[JSON_READ_DEPTH + 1]; /* length at each depth; PATH_MAX_BYTES: does not fit or within an array */
};

static void path_set(struct path *p, unsigned depth, struct strview key)
{
	size_t n = depth > 1 ? p->n[depth - 1] : 0;
	/* an empty key or a dot in one would make the path of something else */
	if (key.n == 0 || n + 1 + key.n >= PATH_MAX_BYTES || memchr(key.p, '.', key.n)) {
		p->n[depth] = PATH_MAX_BYTES;
		return;
	}
	if (n)
		p->text[n++] = '.';
	memcpy(p->text + n, key.p, key.n);
	p->n[depth] = n + key.n;
}

static struct json_want *find_want(struct json_want *wants, size_t n, const struct path *p, unsigned depth)
{
	if (depth == 0 || p->n[depth] >= PATH_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (sv_is((struct strview){ p->text, p->n[depth] }, wants[i].path))
			return &wants[i];
	return NULL;
}

int json_read_members(struct strview text, struct json_want *wants, size_t n, const char **ret_error, size_t *ret_at)
{
	struct json_reader r;
	struct path path = { .n = { 0 } };
	struct json_want *open[JSON_READ_DEPTH + 1] = { NULL }; /* wanted containers that are open, by their depth */
	size_t open_at[JSON_READ_DEPTH + 1] = { 0 };
	json_reader_init(&r, text);
	for (size_t i = 0; i < n; i++)
		wants[i].token = JSON_ERROR;
	for (bool is_first = true;; is_first = false) {
		enum json_token token = json_next(&r);
		struct json_want *want;
		if (token == JSON_END)
			return 0;
		if (is_first && token != JSON_OBJECT && token != JSON_ERROR)
			token = fail(&r, "no JSON object");
		switch (token) {
		case JSON_ERROR:
			*ret_error = r.error;
			*ret_at = r.at;
			return -EBADMSG;
		case JSON_KEY:
			path_set(&path, r.depth, r.raw);
			break;
		case JSON_OBJECT:
		case JSON_ARRAY:
			/* the container is a value of the depth around it */
			open[r.depth] = find_want(wants, n, &path, r.depth - 1);
			open_at[r.depth] = r.at - 1;
			if (open[r.depth])
				open[r.depth]->token = token;
			if (token == JSON_ARRAY)
				path.n[r.depth] = PATH_MAX_BYTES;
			break;
		case JSON_OBJECT_END:
		case JSON_ARRAY_END:
			want = open[r.depth + 1];
			if (want)
				want->raw = (struct strview){ text.p + open_at[r.depth + 1], r.at - open_at[r.depth + 1] };
			break;
		default:
			want = find_want(wants, n, &path, r.depth);
			if (want) {
				want->token = token;
				want->raw = r.raw;
			}
			break;
		}
	}
}

int json_integer(struct strview raw, uint64_t *ret)
{
	uint64_t v = 0;
	if (raw.n == 0 || raw.n > 16 || (raw.n > 1 && raw.p[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(raw.p[i] - '0');
	}
	if (v > 1ull << 53)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* --- escapes ----------------------------------------------------------------------------------------------------------------- */

static bool read_unit(struct strview raw, size_t at, unsigned *ret)
{
	unsigned v = 0;
	if (raw.n < at + 4)
		return false;
	for (size_t i = at; i < at + 4; i++) {
		char c = raw.p[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) :
				 c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;
		if (digit == 16)
			return false;
		v = v << 4 | digit;
	}
	*ret = v;
	return true;
}

static void add_utf8(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	unsigned tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	buf_add_char(out, (char)(lead[tail] | c >> (6 * tail)));
	while (tail--)
		buf_add_char(out, (char)(0x80 | (c >> (6 * tail) & 0x3f)));
}

/* \uXXXX at raw[at], of which "\u" is passed; a pair of surrogates is one character. Returns the bytes taken, 0 when it is none. */
static size_t take_unit(struct strview raw, size_t at, struct buf *out)
{
	unsigned first, second;
	if (!read_unit(raw, at, &first) || (first >= 0xdc00 && first < 0xe000))
		return 0;
	if (first < 0xd800 || first >= 0xe000) {
		add_utf8(out, first);
		return 4;
	}
	bool has_second = raw.n > at + 5 && raw.p[at + 4] == '\\' && raw.p[at + 5] == 'u' && read_unit(raw, at + 6, &second);
	if (!has_second || second < 0xdc00 || second >= 0xe000)
		return 0;
	add_utf8(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
	return 10;
}

int json_unescape(struct strview raw, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	for (size_t i = 0; i < raw.n;) {
		if (raw.p[i] != '\\') {
			buf_add_char(out, raw.p[i++]);
			continue;
		}
		char c = i + 1 < raw.n ? raw.p[i + 1] : '\0';
		const char *name = c ? strchr(names, c) : NULL;
		size_t taken = c == 'u' ? take_unit(raw, i + 2, out) : name ? 1 : 0;
		if (!taken)
			return -EBADMSG;
		if (name)
			buf_add_char(out, bytes[name - names]);
		i += name ? 2 : 2 + taken;
	}
	return buf_error(out);
}
