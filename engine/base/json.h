/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only maker of JSON here. Tracks nesting itself, escapes as JCS (RFC 8785) asks, replaces invalid UTF-8 by U+FFFD and
 * says so. The caller gives members in sorted order; json_path opens and closes nested objects for dotted names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"

enum {
	JSON_MAX_DEPTH = 16, /* our own records nest 5 deep */
	JSON_MAX_PATH = 128, /* bytes of a dotted name */
};

struct json {
	struct buf *out; /* borrowed */
	unsigned depth;
	bool need_comma;
	bool replaced;   /* set when json_str had to replace bytes; the caller may clear it */
	char path[JSON_MAX_PATH]; /* objects opened by json_path, dotted, without the leaf */
	size_t path_n;
};

void json_init(struct json *j, struct buf *out);

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);
void json_key(struct json *j, const char *name);

/* Values: after json_key, or as array items. */
void json_str(struct json *j, struct strview text);
void json_u64(struct json *j, uint64_t v);
void json_s64(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_hex64(struct json *j, uint64_t v); /* string of 16 hexadecimal digits */
void json_base64(struct json *j, struct strview bytes); /* string, standard alphabet with padding */
/* A value already in JSON, taken as it is. */
void json_raw(struct json *j, struct strview text);

/*
 * Key of a dotted name inside the object that was current at the first json_path: closes and opens objects as needed, so
 * "process.parent.pid" after "process.name" continues the same "process". Names must come in json_path_order.
 */
void json_path(struct json *j, const char *dotted);
/* Closes what json_path opened. */
void json_path_end(struct json *j);

/* Order of dotted names in which nested members come out sorted: by component. */
int json_path_compare(const char *a, const char *b);

/* Length of the valid UTF-8 sequence at p[0..n), or 0. */
size_t utf8_length(const char *p, size_t n);
bool utf8_valid(struct strview text);
