/* SPDX-License-Identifier: Apache-2.0 */
/* A signed line taken apart, and the rows by which formats take values out of it. Shared by the formats, and by nobody else. */
#pragma once

#include <stdint.h>

#include "alerts/format.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"
#include "engine/rules/ruleset.h"

enum {
	FORMAT_LEAVES_MAX = 256,        /* members of a record that are no objects; the largest has about 120 */
	FORMAT_NAMES_MAX = 16 * 1024,   /* bytes of their dotted names */
	FORMAT_HASH_TEXT = 44,          /* base64 of a SHA-256 */
};

struct format_leaf {
	struct strview path; /* dotted */
	enum json_token token;
	struct strview raw;  /* arrays: all of it */
};

struct format_record {
	struct strview line; /* borrowed */
	struct format_leaf leaves[FORMAT_LEAVES_MAX];
	size_t n;
	char names[FORMAT_NAMES_MAX];
	size_t names_n;
	char leaf_hash[FORMAT_HASH_TEXT + 1]; /* of the body, as it stands in the signed tree */
	const char *time_from; /* member that has its time */
	enum severity severity;
	bool is_alert;
};

/* 0, -EBADMSG when it is no record of ours, -ENOMEM. The record borrows the line, and must stay where it is. */
int format_record_read(struct strview line, struct format_record *ret) MUST_CHECK;
/* NULL: it has no such member. */
const struct format_leaf *format_record_find(const struct format_record *record, const char *path) PURE;
/* Is the member this very text? (Texts without escapes alone.) */
bool format_record_is(const struct format_record *record, const char *path, const char *text) PURE;

/* How severities are called. */
struct format_severity {
	unsigned ocsf, cef, leef, otlp;
	const char *name, *ocsf_name, *falco;
};
const struct format_severity *format_severity(enum severity severity) PURE;

enum format_kind {
	FORMAT_KIND_TEXT,         /* text, number or truth as text; lists joined by commas */
	FORMAT_KIND_NUMBER,       /* a whole number, also when it is written as text */
	FORMAT_KIND_TIME_MS,      /* of a time: milliseconds since 1970 */
	FORMAT_KIND_TIME_NS,
	FORMAT_KIND_TIME_NS_TEXT, /* the same as text */
	FORMAT_KIND_TRUTH,
	FORMAT_KIND_LIST,         /* of texts */
	FORMAT_KIND_FIRST,        /* the first of a list */
	FORMAT_KIND_NAME,         /* the last component of a path */
	FORMAT_KIND_TEXT_IF,      /* `choices` itself, when the member is there */
	FORMAT_KIND_NUMBER_IF,
	FORMAT_KIND_TRUTH_IF,
	FORMAT_KIND_CONST,        /* `from` itself, as text */
	FORMAT_KIND_CONST_NUMBER, /* the same, as a number */
	FORMAT_KIND_CHOICE,       /* a number, by text: "file=1,dir=2,*=99"; * is any other value */
	FORMAT_KIND_CHOICE_TEXT,  /* another text, in the same way */
	FORMAT_KIND_MADE,         /* by a function */
};

enum format_class { FORMAT_CLASS_TEXT, FORMAT_CLASS_NUMBER, FORMAT_CLASS_TRUTH, FORMAT_CLASS_LIST, FORMAT_CLASS_JSON };

struct format_value {
	enum format_class class;
	struct strview text; /* numbers and truths as JSON writes them; lists: the array as it stands in the record; JSON: taken as it is */
};

struct format_out;

struct format_row {
	enum format_kind kind;
	const char *to;
	const char *from;
	const char *choices;
	unsigned shapes; /* in which it stands; 0: in all */
	bool (*make)(struct format_out *o, struct format_value *ret);
};

/* One conversion. */
struct format_out {
	const struct format_record *record;
	size_t value_max;  /* longer texts and lists are cut */
	const void *context; /* the format's own; borrowed */
	bool keeps_line;   /* the copy of the native line */
	struct buf text;   /* of the value at hand */
	struct buf made;   /* what a function makes */
	struct buf cut;    /* names of what was cut, each ended by NUL */
	struct buf *out;   /* borrowed */
};

/* The value of a row; false: there is none. Valid until the next one. A function may use o->made and ask for values of other rows. */
bool format_value(struct format_out *o, const struct format_row *row, struct format_value *ret);
/* The text of a member, cut when it has to be, named as `to`; empty: there is none. */
struct strview format_text(struct format_out *o, const char *path, const char *to);
void format_note_cut(struct format_out *o, const char *to);
/* text, or as much of it as may stand, up to a whole character. */
struct strview format_cut(struct format_out *o, struct strview text, const char *to);

/* The items of a list, in o->text one after the other. */
struct format_list {
	struct format_out *o;
	const char *to;
	size_t bytes;
	struct json_reader reader;
};
void format_list_begin(struct format_list *list, struct format_out *o, const char *to, struct strview array);
bool format_list_next(struct format_list *list, struct strview *ret);

/* Writes it behind a key, or into an array. */
void format_value_json(struct format_out *o, struct json *j, const char *to, const struct format_value *value);
/* An array of what was cut. */
void format_cut_json(struct format_out *o, struct json *j);

/* Each appends one line of its format to o->out. */
void format_ocsf(struct format_out *o);
void format_cef(struct format_out *o);
void format_leef(struct format_out *o);
void format_falco(struct format_out *o);
void format_otlp(struct format_out *o);
/* What begins a request; a resource up to where its records begin; one record; what stands before another resource, and what ends the request. */
#define FORMAT_OTLP_BEGIN "{\"resourceLogs\":["
#define FORMAT_OTLP_NEXT "]}]},"
#define FORMAT_OTLP_END "]}]}]}"
void format_otlp_resource(struct format_out *o);
void format_otlp_record(struct format_out *o);
