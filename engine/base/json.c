/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writer. Nobody else types a comma or a quote. */
#include "engine/base/json.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/base/num.h"

/* Is there memory for n bytes more? Then they may be written where b ends, and added to b->n. */
static bool has_room(const struct buf *b, size_t n)
{
	return !b->failed && n <= b->cap - b->n;
}

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

/* 16 bytes at once, in whatever registers the compiler has for it. */
typedef int8_t bytes16 __attribute__((vector_size(16)));

static bytes16 bytes16_at(const char *p)
{
	bytes16 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static bool is_any(bytes16 v)
{
	uint64_t half[2];
	memcpy(half, &v, sizeof(half));
	return half[0] | half[1];
}

/* Is one of them not ASCII, or such that it does not stand in a JSON text as it is? As signed bytes, what is not ASCII is below the blank too. */
static bool has_stop(bytes16 v)
{
	return is_any((v < 0x20) | (v == '"') | (v == '\\'));
}

static bool is_stop(char c)
{
	return (signed char)c < 0x20 || c == '"' || c == '\\';
}

/* Copies the text as it is; false when it cannot stand so, and `to` then holds anything. Has to have room for n bytes. */
static bool copy_plain(char *to, const char *p, size_t n)
{
	if (n < sizeof(bytes16)) {
		bool stops = false;
		for (size_t i = 0; i < n; i++) {
			stops |= is_stop(p[i]);
			to[i] = p[i];
		}
		return !stops;
	}
	for (size_t i = 0; i < n - sizeof(bytes16); i += sizeof(bytes16)) {
		bytes16 v = bytes16_at(p + i);
		if (has_stop(v))
			return false;
		memcpy(to + i, &v, sizeof(v));
	}
	bytes16 last = bytes16_at(p + n - sizeof(last)); /* some of it a second time */
	memcpy(to + n - sizeof(last), &last, sizeof(last));
	return !has_stop(last);
}

/* How many bytes at the beginning are ASCII; fewer may be said, unless it is all. */
static size_t ascii_length(const char *p, size_t n)
{
	size_t i = 0;
	for (; i + sizeof(bytes16) <= n; i += sizeof(bytes16))
		if (is_any(bytes16_at(p + i) < 0))
			return i;
	return n >= sizeof(bytes16) && !is_any(bytes16_at(p + n - sizeof(bytes16)) < 0) ? n : i;
}

bool utf8_valid(struct strview text)
{
	for (size_t i = ascii_length(text.p, text.n); i < text.n;) {
		size_t len = utf8_length(text.p + i, text.n - i);
		if (!len)
			return false;
		i += len;
	}
	return true;
}

size_t utf8_cut(const char *p, size_t n)
{
	for (size_t back = 1; back <= MIN(n, (size_t)3); back++) {
		unsigned char c = (unsigned char)p[n - back];
		if ((c & 0xc0) == 0x80)
			continue; /* not its first byte */
		size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
		return len > back ? n - back : n;
	}
	return n;
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

static void json_escaped(struct json *j, struct strview text)
{
	struct buf *out = j->out;
	size_t from = 0, i = 0;
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

static inline void json_quoted(struct json *j, struct strview text)
{
	if (!has_room(j->out, text.n + 2) || !copy_plain(j->out->p + j->out->n + 1, text.p, text.n)) {
		json_escaped(j, text);
		return;
	}
	char *to = j->out->p + j->out->n;
	to[0] = to[text.n + 1] = '"';
	j->out->n += text.n + 2;
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

void json_decimal(struct json *j, uint64_t v)
{
	json_separate(j);
	buf_add_char(j->out, '"');
	buf_add_u64(j->out, v);
	buf_add_char(j->out, '"');
}

void json_base64(struct json *j, struct strview bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	json_separate(j);
	buf_add_char(j->out, '"');
	size_t whole = bytes.n - bytes.n % 3, i = 0;
	bool fits = has_room(j->out, bytes.n / 3 * 4);
	for (; fits && i < whole; i += 3) {
		char *to = j->out->p + j->out->n;
		const unsigned char *u = (const unsigned char *)bytes.p + i;
		to[0] = digits[u[0] >> 2];
		to[1] = digits[(u[0] & 3) << 4 | u[1] >> 4];
		to[2] = digits[(u[1] & 15) << 2 | u[2] >> 6];
		to[3] = digits[u[2] & 63];
		j->out->n += 4;
	}
	for (; i < bytes.n; i += 3) { /* the end, or all where the buffer has to grow */
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
	char text[JSON_MAX_PATH * 2 + JSON_NAME_PADDING] = { 0 };
	size_t n = 0;
	*ret = (struct json_name){ 0 };
	for (const char *at = dotted;; at++) {
		size_t length = strcspn(at, ".");
		if (n + length + 4 > JSON_MAX_PATH * 2 || (at[length] && ret->n_objects == JSON_NAME_OBJECTS))
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
	ret->text = arena_text(arena, (struct strview){ text, n + JSON_NAME_PADDING });
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
	size_t n_ends = j->n_named - shared, n = (size_t)name->n - name->at[shared];
	bool needs_comma = j->need_comma || n_ends;
	if (has_room(j->out, sizeof(ends) + 1 + n + JSON_NAME_PADDING)) { /* more is copied than counts */
		char *to = j->out->p + j->out->n;
		memcpy(to, ends, sizeof(ends));
		to[n_ends] = ',';
		to += n_ends + needs_comma;
		for (size_t i = 0; i < n; i += JSON_NAME_PADDING)
			memcpy(to + i, name->text + name->at[shared] + i, JSON_NAME_PADDING);
		j->out->n += n_ends + needs_comma + n;
	} else {
		buf_add(j->out, ends, n_ends);
		if (needs_comma)
			buf_add_char(j->out, ',');
		buf_add(j->out, name->text + name->at[shared], n);
	}
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
