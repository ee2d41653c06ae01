/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of JSON (RFC 8259) over bytes in memory: UTF-8 only, no doubled key in an object, nothing behind the value, bounded
 * depth and number of keys (but see takes_any_keys). Pulls tokens; allocates nothing; text stays as it was written (escapes included).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/buf.h"
#include "engine/base/strview.h"

enum {
	JSON_READ_DEPTH = 32, /* objects and arrays open at once */
	JSON_READ_KEYS = 1024, /* keys of all open objects; each is compared with those of its own object */
};

enum json_token {
	JSON_ERROR, /* see json_reader.error; stays so */
	JSON_END,   /* the value is complete and nothing follows; stays so */
	JSON_OBJECT, JSON_OBJECT_END, JSON_ARRAY, JSON_ARRAY_END,
	JSON_KEY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL,
};

struct json_reader {
	struct strview text; /* borrowed */
	bool takes_any_keys; /* set after the start, for documents of others that are only asked for a few values: keys are neither compared nor
			      * counted, so that the cost is that of the bytes, whatever they are */
	size_t at;           /* next byte */
	const char *error;   /* what is wrong, at byte `at` */
	struct strview raw;  /* text of the last token: strings and keys without quotes, escapes as written */
	unsigned depth;
	bool in_object[JSON_READ_DEPTH];
	unsigned first_key[JSON_READ_DEPTH]; /* of the open object, in keys[] */
	struct strview keys[JSON_READ_KEYS];
	unsigned n_keys;
	enum { JSON_WANT_VALUE, JSON_WANT_FIRST, JSON_WANT_NEXT, JSON_WANT_NOTHING } want;
};

void json_reader_init(struct json_reader *r, struct strview text);
enum json_token json_next(struct json_reader *r);

/* 0, or -EBADMSG with *ret_error and *ret_at: is the whole text one JSON value? */
int json_check(struct strview text, const char **ret_error, size_t *ret_at) MUST_CHECK;

/* One wanted member: the path from the outermost object, dotted; found: its token and raw text (of objects and arrays: all of it). */
struct json_want {
	const char *path;
	enum json_token token; /* JSON_ERROR: not there */
	struct strview raw;
};
/* Checks the whole text, which must be an object, and fills wants; 0 or -EBADMSG as json_check. Names with dots in them are not found. */
int json_read_members(struct strview text, struct json_want *wants, size_t n, const char **ret_error, size_t *ret_at) MUST_CHECK;

/* Appends what the text of a string token stands for; 0, or -EBADMSG (an escape that the reader would have refused) or -ENOMEM. */
int json_unescape(struct strview raw, struct buf *out) MUST_CHECK;

/* A number written as an integer, without sign, leading zeros, fraction or exponent, at most 2^53; 0 or -EINVAL. */
int json_integer(struct strview raw, uint64_t *ret) MUST_CHECK;
