/* SPDX-License-Identifier: Apache-2.0 */
/* What modifiers make of a value before it is looked for: base64, UTF-16, dashes of every kind. */
#include <errno.h>
#include <stdlib.h>

#include "engine/import/sigma.h"

void sigma_texts_free(struct sigma_texts **texts)
{
	free(*texts);
	*texts = NULL;
}

static int add(struct sigma_texts *out, struct strview text)
{
	if (out->n == SIGMA_MAX_ALTERNATIVES)
		return -E2BIG;
	out->p[out->n++] = text;
	return 0;
}

/* --- base64 ------------------------------------------------------------------------------------------------------------------ */

static size_t base64_length(size_t n)
{
	return (n + 2) / 3 * 4;
}

static void base64_write(const unsigned char *in, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3, out += 4) {
		uint32_t three = (uint32_t)in[i] << 16;
		if (i + 1 < n)
			three |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < n)
			three |= in[i + 2];
		out[0] = digits[three >> 18];
		out[1] = digits[three >> 12 & 63];
		out[2] = i + 1 < n ? digits[three >> 6 & 63] : '=';
		out[3] = i + 2 < n ? digits[three & 63] : '=';
	}
}

/*
 * The text as it stands in a base64 text when `shift` bytes come before it in its group of three. The digits at either end that
 * also depend on a neighbour are left out: a digit is 6 bits, so 0, 2 or 3 digits at the beginning, 0, 3 or 2 at the end (padding
 * included).
 */
static int base64_shifted(struct arena *arena, struct strview text, size_t shift, bool is_whole, struct sigma_texts *out)
{
	static const size_t unsure_begin[] = { 0, 2, 3 }, unsure_end[] = { 0, 3, 2 };
	size_t n = shift + text.n;
	char *padded = arena_alloc(arena, n + 1), *digits = arena_alloc(arena, base64_length(n) + 1);
	if (!padded || !digits)
		return -ENOMEM;
	if (text.n)
		memcpy(padded + shift, text.p, text.n);
	base64_write((const unsigned char *)padded, n, digits);
	size_t from = unsure_begin[shift], to = base64_length(n) - (is_whole ? 0 : unsure_end[n % 3]);
	return from < to ? add(out, (struct strview){ digits + from, to - from }) : 0;
}

static int base64_offsets(struct arena *arena, struct strview text, struct sigma_texts *out)
{
	int err = 0;
	for (size_t shift = 0; shift < 3 && !err; shift++)
		err = base64_shifted(arena, text, shift, false, out);
	return err;
}

/* --- UTF-16 ------------------------------------------------------------------------------------------------------------------ */

/* The next character of valid UTF-8; *at moves on. 0xffffffff: it is not valid. */
static uint32_t utf8_next(struct strview s, size_t *at)
{
	unsigned char first = (unsigned char)s.p[*at];
	size_t more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : SIZE_MAX;
	if (first > 0xf4 || more > 3 || s.n - *at <= more)
		return UINT32_MAX;
	uint32_t c = more == 0 ? first : first & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		unsigned char next = (unsigned char)s.p[*at + i];
		if ((next & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (next & 0x3f);
	}
	*at += more + 1;
	bool is_overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
	return is_overlong || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? UINT32_MAX : c;
}

static void put_unit(char *out, size_t *n, uint32_t unit, bool is_big)
{
	out[(*n)++] = (char)(is_big ? unit >> 8 : unit & 0xff);
	out[(*n)++] = (char)(is_big ? unit & 0xff : unit >> 8);
}

static int utf16(struct arena *arena, struct strview text, bool is_big, bool has_mark, struct sigma_texts *out)
{
	char *units = arena_alloc(arena, 2 * text.n + 2); /* a byte of UTF-8 makes at most one unit */
	size_t n = 0;
	if (!units)
		return -ENOMEM;
	if (has_mark)
		put_unit(units, &n, 0xfeff, is_big);
	for (size_t at = 0; at < text.n;) {
		uint32_t c = utf8_next(text, &at);
		if (c == UINT32_MAX)
			return -EINVAL;
		if (c >= 0x10000) {
			put_unit(units, &n, 0xd800 + ((c - 0x10000) >> 10), is_big);
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		put_unit(units, &n, c, is_big);
	}
	return add(out, (struct strview){ units, n });
}

/* --- dashes ------------------------------------------------------------------------------------------------------------------ */

static const char *const dashes[] = { "-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95" };
enum { LONGEST_DASH = 3 };

static size_t dash_length(struct strview s, size_t at)
{
	for (size_t i = 0; i < ARRAY_SIZE(dashes); i++)
		if (sv_starts(sv_from_index(s, at), sv_from(dashes[i])))
			return strlen(dashes[i]);
	return 0;
}

static bool is_word_at(struct strview s, size_t at)
{
	char c = s.p[at];
	bool is_ascii = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
	return is_ascii || ((unsigned char)c >= 0x80 && !dash_length(s, at));
}

/* The end of a character lies before `at`. */
static bool is_word_before(struct strview s, size_t at)
{
	bool is_long_dash = at >= LONGEST_DASH && dash_length(s, at - LONGEST_DASH) == LONGEST_DASH;
	return at > 0 && !is_long_dash && is_word_at(s, at - 1);
}

/* Bytes of the dash that begins an option here: not behind a word, and before one. 0: none. */
static size_t option_dash(struct strview s, size_t at)
{
	size_t n = dash_length(s, at);
	return n && !is_word_before(s, at) && at + n < s.n && is_word_at(s, at + n) ? n : 0;
}

/* The text with the dash of its k-th option as the k-th digit of `choice` (to the base of all dashes) says. */
static int with_dashes(struct arena *arena, struct strview text, size_t n_options, size_t choice, struct sigma_texts *out)
{
	char *copy = arena_alloc(arena, text.n + n_options * LONGEST_DASH + 1);
	size_t n = 0;
	if (!copy)
		return -ENOMEM;
	for (size_t at = 0; at < text.n;) {
		size_t old = option_dash(text, at);
		if (!old) {
			copy[n++] = text.p[at++];
			continue;
		}
		const char *dash = dashes[choice % ARRAY_SIZE(dashes)];
		choice /= ARRAY_SIZE(dashes);
		memcpy(copy + n, dash, strlen(dash));
		n += strlen(dash);
		at += old;
	}
	return add(out, (struct strview){ copy, n });
}

static int windash(struct arena *arena, struct strview text, struct sigma_texts *out)
{
	size_t n_options = 0, choices = 1;
	for (size_t at = 0; at < text.n; at++) {
		if (!option_dash(text, at))
			continue;
		n_options++;
		choices *= ARRAY_SIZE(dashes);
		if (choices > SIGMA_MAX_ALTERNATIVES)
			return -E2BIG;
	}
	int err = 0;
	for (size_t choice = 0; choice < choices && !err; choice++)
		err = with_dashes(arena, text, n_options, choice, out);
	return err;
}

int sigma_encode(struct arena *arena, enum sigma_encoding encoding, struct strview text, struct sigma_texts *out)
{
	switch (encoding) {
	case SIGMA_WINDASH:
		return windash(arena, text, out);
	case SIGMA_BASE64:
		return base64_shifted(arena, text, 0, true, out);
	case SIGMA_BASE64OFFSET:
		return base64_offsets(arena, text, out);
	case SIGMA_UTF16LE:
		return utf16(arena, text, false, false, out);
	case SIGMA_UTF16BE:
		return utf16(arena, text, true, false, out);
	case SIGMA_UTF16:
		return utf16(arena, text, false, true, out);
	case SIGMA_EXPAND:
		break;
	}
	return add(out, text);
}
