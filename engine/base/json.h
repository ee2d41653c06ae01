/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only maker of JSON here. Tracks nesting itself, escapes as JCS (RFC 8785) asks, replaces invalid UTF-8 by U+FFFD and
 * says so. The caller gives members in sorted order; json_path opens and closes nested objects for dotted names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"

enum {
	JSON_MAX_DEPTH = 16, /* our own records nest 5 deep */
	JSON_MAX_PATH = 128, /* bytes of a dotted name */
	JSON_NAME_OBJECTS = 7, /* objects that a name of struct json_name can be in */
	JSON_NAME_PADDING = 32, /* readable bytes behind its text: so that it can be copied in steps of that */
};

struct json {
	struct buf *out; /* borrowed */
	unsigned depth;
	bool need_comma;
	bool replaced;   /* set when json_str had to replace bytes; the caller may clear it */
	char path[JSON_MAX_PATH]; /* objects opened by json_path, dotted, without the leaf */
	size_t path_n;
	unsigned n_named; /* objects opened by json_named */
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
void json_decimal(struct json *j, uint64_t v); /* string of decimal digits */
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

/*
 * The same for names that are used again and again: made ready once, written with no look at the text. What the name before has in common with it
 * is said by the caller; of names in order, it is the least of what the names between have in common with their neighbours.
 */
struct json_name {
	const char *text; /* "a":{"b":{"c": of the arena */
	uint16_t at[JSON_NAME_OBJECTS + 1]; /* where each component begins; the last is the key itself */
	uint16_t n;
	uint8_t n_objects;
};
/* 0, -ENAMETOOLONG or -ENOMEM. Names are letters, digits and underscores between dots. */
int json_name_make(struct arena *arena, const char *dotted, struct json_name *ret) MUST_CHECK;
/* How many objects both are in, from the outermost on. */
unsigned json_name_shared(const struct json_name *a, const struct json_name *b);
/* Closes all but `shared` of the objects that are open, opens the others that the name is in, and writes the key. */
void json_named(struct json *j, const struct json_name *name, unsigned shared);
void json_named_end(struct json *j);

/* Order of dotted names in which nested members come out sorted: by component. */
int json_path_compare(const char *a, const char *b);

/* Length of the valid UTF-8 sequence at p[0..n), or 0. */
size_t utf8_length(const char *p, size_t n);
bool utf8_valid(struct strview text);
/* n, or less by the first bytes of a character that p[0..n) ends within: where a text may be cut. */
size_t utf8_cut(const char *p, size_t n);
