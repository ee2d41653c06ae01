/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writer. Nobody else types a comma or a quote. */
#include "engine/base/json.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/base/num.h"

/* The byte in every place of a word. */
#define BYTES(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void json_separate(struct json *j)
{
	if (j->need_comma)
		buf_add_char(j->out, ',');
	j->need_comma = true;
}

static void json_open(struct json *j, char bracket)
{
	assert(j->depth < JSON_MAX_DEPTH);
	json_separate(j);
	buf_add_char(j->out, bracket);
	j->depth++;
	j->need_comma = false;
}

static void json_close(struct json *j, char bracket)
{
	assert(j->depth > 0);
	buf_add_char(j->out, bracket);
	j->depth--;
	j->need_comma = true;
}

void json_object_begin(struct json *j)
{
	json_open(j, '{');
}

void json_object_end(struct json *j)
{
	json_close(j, '}');
}

void json_array_begin(struct json *j)
{
	json_open(j, '[');
}

void json_array_end(struct json *j)
{
	json_close(j, ']');
}

size_t utf8_length(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	size_t len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf0 && u[1] < 0x90) ||
	    (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return len;
}

/* Bit 7 of each byte: whether that byte of the word is below n (n at most 128) and below 128 itself. */
static uint64_t bytes_below(uint64_t word, uint64_t n)
{
	return (word - n * BYTES(0x01)) & ~word & BYTES(0x80);
}

/* A bit for each of the 8 bytes at p that is not ASCII; is_plain: or does not stand in a JSON text as it is. */
static uint64_t stops_at(const char *p, bool is_plain)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	uint64_t stops = word & BYTES(0x80);
	if (is_plain)
		stops |= bytes_below(word, 0x20) | bytes_below(word ^ BYTES('"'), 1) | bytes_below(word ^ BYTES('\\'), 1);
	return stops;
}

/* How many bytes at the beginning are such; fewer may be said, unless it is all. */
static size_t plain_length(const char *p, size_t n, bool is_plain)
{
	size_t i = 0;
	for (; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t))
		if (stops_at(p + i, is_plain))
			return i;
	return n >= sizeof(uint64_t) && !stops_at(p + n - sizeof(uint64_t), is_plain) ? n : i;
}

bool utf8_valid(struct strview text)
{
	for (size_t i = plain_length(text.p, text.n, false); i < text.n;) {
		size_t len = utf8_length(text.p + i, text.n - i);
		if (!len)
			return false;
		i += len;
	}
	return true;
}

static void json_escape(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	switch (c) {
	case '"':
		buf_add(out, "\\\"", 2);
		break;
	case '\\':
		buf_add(out, "\\\\", 2);
		break;
	case '\b':
		buf_add(out, "\\b", 2);
		break;
	case '\f':
		buf_add(out, "\\f", 2);
		break;
	case '\n':
		buf_add(out, "\\n", 2);
		break;
	case '\r':
		buf_add(out, "\\r", 2);
		break;
	case '\t':
		buf_add(out, "\\t", 2);
		break;
	default: {
		char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		buf_add(out, u, sizeof(u));
	}
	}
}

static void json_quoted(struct json *j, struct strview text)
{
	struct buf *out = j->out;
	size_t from = 0, i = plain_length(text.p, text.n, true);
	buf_add_char(out, '"');
	while (i < text.n) {
		unsigned char c = (unsigned char)text.p[i];
		size_t len = c < 0x80 ? 1 : utf8_length(text.p + i, text.n - i);
		if (len && c >= 0x20 && c != '"' && c != '\\') {
			i += len;
			continue;
		}
		buf_add(out, text.p + from, i - from);
		if (len) {
			json_escape(out, c);
		} else {
			buf_add(out, "\xef\xbf\xbd", 3);
			j->replaced = true;
		}
		from = ++i;
	}
	if (i > from)
		buf_add(out, text.p + from, i - from);
	buf_add_char(out, '"');
}

void json_key(struct json *j, const char *name)
{
	json_separate(j);
	json_quoted(j, sv_from(name));
	buf_add_char(j->out, ':');
	j->need_comma = false;
}

void json_str(struct json *j, struct strview text)
{
	json_separate(j);
	json_quoted(j, text);
}

void json_u64(struct json *j, uint64_t v)
{
	json_separate(j);
	buf_add_u64(j->out, v);
}

void json_s64(struct json *j, int64_t v)
{
	json_separate(j);
	if (v < 0)
		buf_add_char(j->out, '-');
	buf_add_u64(j->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_bool(struct json *j, bool v)
{
	json_separate(j);
	buf_add_z(j->out, v ? "true" : "false");
}

void json_hex64(struct json *j, uint64_t v)
{
	char text[16];
	for (int i = 15; i >= 0; i--, v >>= 4)
		text[i] = "0123456789abcdef"[v & 15];
	json_str(j, (struct strview){ text, sizeof(text) });
}

void json_base64(struct json *j, struct strview bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	json_separate(j);
	buf_add_char(j->out, '"');
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
		v |= left > 1 ? (uint32_t)(unsigned char)bytes.p[i + 1] << 8 : 0;
		v |= left > 2 ? (unsigned char)bytes.p[i + 2] : 0;
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=', left > 2 ? digits[v & 63] : '=' };
		buf_add(j->out, four, sizeof(four));
	}
	buf_add_char(j->out, '"');
}

void json_raw(struct json *j, struct strview text)
{
	json_separate(j);
	buf_add_sv(j->out, text);
}

/* Length of the longest prefix of whole components that both the open path and the new one's folders share. */
static size_t shared_components(const char *open, size_t open_n, const char *dir, size_t dir_n)
{
	size_t shared = 0;
	for (size_t i = 0;; i++) {
		bool open_end = i == open_n || open[i] == '.';
		bool dir_end = i == dir_n || dir[i] == '.';
		if (open_end && dir_end)
			shared = i;
		if (i == open_n || i == dir_n || open[i] != dir[i])
			return shared;
	}
}

static size_t component_count(const char *p, size_t n)
{
	size_t count = n > 0;
	for (size_t i = 0; i < n; i++)
		count += p[i] == '.';
	return count;
}

void json_path(struct json *j, const char *dotted)
{
	const char *leaf = strrchr(dotted, '.');
	size_t dir_n = leaf ? (size_t)(leaf - dotted) : 0;
	assert(dir_n < JSON_MAX_PATH);
	size_t shared = shared_components(j->path, j->path_n, dotted, dir_n);
	for (size_t n = component_count(j->path, j->path_n) - component_count(j->path, shared); n > 0; n--)
		json_object_end(j);
	for (size_t at = shared; at < dir_n;) {
		char name[JSON_MAX_PATH];
		at += dotted[at] == '.';
		size_t n = strcspn(dotted + at, ".");
		memcpy(name, dotted + at, n);
		name[n] = '\0';
		json_key(j, name);
		json_object_begin(j);
		at += n;
	}
	memcpy(j->path, dotted, dir_n);
	j->path_n = dir_n;
	json_key(j, leaf ? leaf + 1 : dotted);
}

void json_path_end(struct json *j)
{
	for (size_t n = component_count(j->path, j->path_n); n > 0; n--)
		json_object_end(j);
	j->path_n = 0;
}

int json_name_make(struct arena *arena, const char *dotted, struct json_name *ret)
{
	char text[JSON_MAX_PATH * 2];
	size_t n = 0;
	*ret = (struct json_name){ 0 };
	for (const char *at = dotted;; at++) {
		size_t length = strcspn(at, ".");
		if (n + length + 4 > sizeof(text) || (at[length] && ret->n_objects == JSON_NAME_OBJECTS))
			return -ENAMETOOLONG;
		ret->at[ret->n_objects] = (uint16_t)n;
		text[n++] = '"';
		memcpy(text + n, at, length); /* our own names: nothing to escape */
		n += length;
		text[n++] = '"';
		text[n++] = ':';
		at += length;
		if (!*at)
			break;
		text[n++] = '{';
		ret->n_objects++;
	}
	ret->text = arena_text(arena, (struct strview){ text, n });
	ret->n = (uint16_t)n;
	return ret->text ? 0 : -ENOMEM;
}

unsigned json_name_shared(const struct json_name *a, const struct json_name *b)
{
	unsigned shared = 0;
	while (shared < MIN(a->n_objects, b->n_objects) && a->at[shared + 1] == b->at[shared + 1] && memcmp(a->text, b->text, a->at[shared + 1]) == 0)
		shared++;
	return shared;
}

void json_named(struct json *j, const struct json_name *name, unsigned shared)
{
	static const char ends[] = "}}}}}}}}";
	static_assert(sizeof(ends) > JSON_NAME_OBJECTS, "each open object can be closed");
	assert(shared <= j->n_named && shared <= name->n_objects && j->depth + name->n_objects - shared <= JSON_MAX_DEPTH);
	if (shared < j->n_named) {
		buf_add(j->out, ends, j->n_named - shared);
		j->need_comma = true;
	}
	if (j->need_comma)
		buf_add_char(j->out, ',');
	buf_add(j->out, name->text + name->at[shared], (size_t)name->n - name->at[shared]);
	j->depth += name->n_objects - j->n_named;
	j->n_named = name->n_objects;
	j->need_comma = false;
}

void json_named_end(struct json *j)
{
	for (; j->n_named; j->n_named--)
		json_object_end(j);
}

int json_path_compare(const char *a, const char *b)
{
	for (;; a++, b++) {
		/* the end of a component sorts before any other byte, and the end of the name before a dot */
		int ca = *a == '\0' ? 0 : *a == '.' ? 1 : (unsigned char)*a + 1;
		int cb = *b == '\0' ? 0 : *b == '.' ? 1 : (unsigned char)*b + 1;
		if (ca != cb)
			return ca - cb;
		if (ca == 0)
			return 0;
	}
}
