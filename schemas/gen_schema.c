/* SPDX-License-Identifier: Apache-2.0 */
/* Writes schemas/record.schema.json (JSON Schema 2020-12) from events.def and record.def. Argument: the folder of the tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/record.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "schemas/pretty.h"

enum { ROWS_MAX = 1024 };

/* One member of a record, from either table. */
struct row {
	const char *name, *doc;
	enum kind_id kind;
	bool is_always, has_twin;
};

struct rows {
	struct row row[ROWS_MAX];
	size_t n;
};

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "gen_schema: %s: '%s'\n", what, name);
	exit(1); /* a generator of the build: nothing to clean up */
}

/* Kinds that look alike in JSON may share a name. */
static bool same_form(enum kind_id a, enum kind_id b)
{
	return a == b || (kind_get(a)->form == kind_get(b)->form && kind_get(a)->class == kind_get(b)->class &&
			  kind_get(a)->class != CLASS_ENUM && kind_get(a)->class != CLASS_FLAGS);
}

static void add_row(struct rows *rows, struct row row)
{
	size_t at = 0;
	while (at < rows->n && json_path_compare(rows->row[at].name, row.name) < 0)
		at++;
	if (at < rows->n && strcmp(rows->row[at].name, row.name) == 0) {
		if (!same_form(rows->row[at].kind, row.kind))
			fail("stands in two events with different kinds", row.name);
		return;
	}
	if (rows->n == ROWS_MAX)
		fail("too many members", row.name);
	memmove(&rows->row[at + 1], &rows->row[at], (rows->n - at) * sizeof(row));
	rows->row[at] = row;
	rows->n++;
}

static void collect(struct rows *rows, enum record_id id)
{
	unsigned in = 1u << id;
	rows->n = 0;
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct member *m = member_get((enum member_id)i);
		if (m->records & in)
			add_row(rows, (struct row){ m->name, m->doc, m->kind, m->is_always, false });
	}
	for (uint32_t i = 0; (in & IN_EVENTS) && i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		const struct field *fields[EVENT_MAX_FIELDS];
		size_t n = type && type->name[0] ? event_type_sorted_fields(type, fields) : 0;
		for (size_t k = 0; k < n; k++)
			if (!member_find(IN_EVENTS, sv_from(fields[k]->name)))
				add_row(rows, (struct row){ fields[k]->name, fields[k]->doc, fields[k]->kind, false,
							    kind_get(fields[k]->kind)->class == CLASS_STR });
	}
}

static void member_z(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_str(j, sv_from(value));
}

static void type_pattern(struct json *j, const char *pattern)
{
	if (pattern)
		member_z(j, "pattern", pattern);
	member_z(j, "type", "string");
}

static void symbols(struct json *j, enum kind_id kind)
{
	uint64_t value;
	const char *text;
	json_key(j, "enum");
	json_array_begin(j);
	for (size_t i = 0; symbol_at(kind, i, &value, &text); i++)
		json_str(j, sv_from(text));
	json_array_end(j);
}

/* Symbol, or the number of a value that has none. */
static void symbol_or_number(struct json *j, enum kind_id kind)
{
	json_key(j, "anyOf");
	json_array_begin(j);
	json_object_begin(j);
	symbols(j, kind);
	json_object_end(j);
	json_object_begin(j);
	type_pattern(j, "^[0-9]+$");
	json_object_end(j);
	json_array_end(j);
}

static void items(struct json *j, enum kind_id symbols_of)
{
	json_key(j, "items");
	json_object_begin(j);
	if (symbols_of == KIND_COUNT)
		member_z(j, "type", "string");
	else
		symbols(j, symbols_of);
	json_object_end(j);
	member_z(j, "type", "array");
}

static void number(struct json *j, const struct kind *kind)
{
	if (kind->class == CLASS_UINT) {
		json_key(j, "maximum");
		json_u64(j, kind->wire_size == sizeof(uint64_t) ? 1ull << 53 : UINT32_MAX);
		json_key(j, "minimum");
		json_u64(j, 0);
	}
	member_z(j, "type", "integer");
}

#define RFC3339_PATTERN "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$"
#define BASE64_PATTERN "^[A-Za-z0-9+/]*={0,2}$"

static void value_schema(struct json *j, const struct row *row)
{
	static const char *const patterns[] = {
		[FORM_DECIMAL] = "^[0-9]+$", [FORM_HEX] = "^[0-9a-f]{16}$",     [FORM_DEVICE] = "^[0-9]+:[0-9]+$",
		[FORM_OCTAL] = "^[0-7]{4}$", [FORM_RFC3339] = RFC3339_PATTERN, [FORM_SYMBOLS] = NULL,
	};
	const struct kind *kind = kind_get(row->kind);
	json_object_begin(j);
	if (kind->form == FORM_SYMBOL)
		symbol_or_number(j, row->kind);
	member_z(j, "description", row->doc);
	if (kind->form == FORM_NUMBER)
		number(j, kind);
	else if (kind->form == FORM_TRUTH)
		member_z(j, "type", "boolean");
	else if (kind->form == FORM_ITEMS)
		items(j, KIND_COUNT);
	else if (kind->form == FORM_SYMBOLS)
		items(j, row->kind);
	else if (kind->form != FORM_SYMBOL)
		type_pattern(j, patterns[kind->form]);
	json_object_end(j);
}

static bool is_below(const char *name, const char *folder, size_t n)
{
	return n == 0 || (strncmp(name, folder, n) == 0 && name[n] == '.');
}

/* Length of the name's component that begins at from. */
static size_t component(const char *name, size_t from)
{
	return strcspn(name + from, ".");
}

static void add_required(struct json *j, const struct rows *rows, size_t first, size_t folder_n, bool is_top)
{
	const char *folder = rows->row[first].name;
	char last[JSON_MAX_PATH] = "";
	json_key(j, "required");
	json_array_begin(j);
	for (size_t i = first; i < rows->n && is_below(rows->row[i].name, folder, folder_n); i++) {
		size_t from = folder_n ? folder_n + 1 : 0;
		char name[JSON_MAX_PATH] = "";
		memcpy(name, rows->row[i].name + from, component(rows->row[i].name, from));
		if (!rows->row[i].is_always || strcmp(name, last) == 0)
			continue;
		memcpy(last, name, sizeof(last));
		json_str(j, sv_from(name));
	}
	if (is_top)
		json_str(j, SV("vedette_sig"));
	json_array_end(j);
}

/*
 * The object of all rows from `first` on that lie below the first folder_n bytes of its name; returns the row after them. Depth: that
 * of our names, at most JSON_MAX_DEPTH, which json_object_begin checks.
 */
static size_t object_schema(struct json *j, const struct rows *rows, size_t first, size_t folder_n, const char *dataset)
{
	const char *folder = rows->row[first].name;
	size_t from = folder_n ? folder_n + 1 : 0, i = first;
	json_object_begin(j);
	json_key(j, "properties");
	json_object_begin(j);
	while (i < rows->n && is_below(rows->row[i].name, folder, folder_n)) {
		const struct row *row = &rows->row[i];
		size_t n = component(row->name, from);
		char name[JSON_MAX_PATH] = "";
		memcpy(name, row->name + from, n);
		json_key(j, name);
		if (row->name[from + n] == '.') {
			i = object_schema(j, rows, i, from + n, dataset);
			continue;
		}
		if (strcmp(row->name, "event.dataset") == 0) {
			json_object_begin(j);
			member_z(j, "const", dataset);
			member_z(j, "description", row->doc);
			json_object_end(j);
		} else {
			value_schema(j, row);
		}
		i++;
		if (!row->has_twin)
			continue;
		char twin[JSON_MAX_PATH + 8];
		(void)snprintf(twin, sizeof(twin), "%s_b64", name);
		json_key(j, twin);
		json_object_begin(j);
		member_z(j, "$ref", "#/$defs/bytes");
		json_object_end(j);
	}
	if (!folder_n) {
		json_key(j, "vedette_sig");
		json_object_begin(j);
		member_z(j, "$ref", "#/$defs/signature");
		json_object_end(j);
	}
	json_object_end(j);
	add_required(j, rows, first, folder_n, !folder_n);
	member_z(j, "type", "object");
	json_key(j, "unevaluatedProperties");
	json_bool(j, false);
	json_object_end(j);
	return i;
}

/* The signature member, which no table declares: alerts/sign.c makes it. */
static const char signature_schema[] =
	"{\"description\":\"proof of the line, see docs/verify.md\",\"properties\":{"
	"\"batch\":{\"description\":\"first sequence and number of records under this signature\",\"pattern\":\"^(0|[1-9][0-9]{0,15}) [1-9][0-9]{0,4}$\",\"type\":\"string\"},"
	"\"epoch\":{\"description\":\"number of the signing key in the stream\",\"minimum\":0,\"type\":\"integer\"},"
	"\"path\":{\"description\":\"hashes from this record's leaf up to the root\",\"items\":{\"pattern\":\"^[A-Za-z0-9+/]{43}=$\",\"type\":\"string\"},\"maxItems\":16,\"type\":\"array\"},"
	"\"prev\":{\"description\":\"SHA-256 of the statement before\",\"pattern\":\"^[A-Za-z0-9+/]{43}=$\",\"type\":\"string\"},"
	"\"sig\":{\"description\":\"Ed25519 signature of the statement\",\"pattern\":\"^[A-Za-z0-9+/]{86}==$\",\"type\":\"string\"},"
	"\"stream\":{\"description\":\"agent id and incarnation\",\"maxLength\":64,\"type\":\"string\"},"
	"\"time\":{\"description\":\"when the batch was signed\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{9}Z$\",\"type\":\"string\"},"
	"\"v\":{\"const\":1,\"description\":\"version of the scheme\"}},"
	"\"required\":[\"batch\",\"epoch\",\"path\",\"prev\",\"sig\",\"stream\",\"time\",\"v\"],\"type\":\"object\",\"unevaluatedProperties\":false}";

/* "vedette.alert" -> "alert" */
static const char *short_name(enum record_id id)
{
	return strchr(record_type_get(id)->dataset, '.') + 1;
}

static void schema(struct json *j, struct rows *rows)
{
	json_object_begin(j);
	json_key(j, "$defs");
	json_object_begin(j);
	json_key(j, "bytes");
	json_object_begin(j);
	member_z(j, "contentEncoding", "base64");
	member_z(j, "description", "raw bytes of a text that is not UTF-8");
	type_pattern(j, BASE64_PATTERN);
	json_object_end(j);
	for (unsigned id = 0; id < RECORD_COUNT; id++) {
		collect(rows, (enum record_id)id);
		json_key(j, short_name((enum record_id)id));
		(void)object_schema(j, rows, 0, 0, record_type_get((enum record_id)id)->dataset);
	}
	json_key(j, "signature");
	json_raw(j, SV(signature_schema));
	json_object_end(j);
	member_z(j, "$id", "https://vedette.invalid/schemas/record.schema.json");
	member_z(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	member_z(j, "description", "One line of a Vedette log. Generated from schemas/events.def and schemas/record.def by `make generated`.");
	json_key(j, "oneOf");
	json_array_begin(j);
	for (unsigned id = 0; id < RECORD_COUNT; id++) {
		char ref[64];
		(void)snprintf(ref, sizeof(ref), "#/$defs/%s", short_name((enum record_id)id));
		json_object_begin(j);
		member_z(j, "$ref", ref);
		json_object_end(j);
	}
	json_array_end(j);
	member_z(j, "title", "Vedette record");
	json_object_end(j);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(file_close) FILE *f = NULL;
	struct rows *rows = malloc(sizeof(*rows));
	char path[4096];
	struct json j;
	if (argc != 2 || !rows)
		fail("usage: gen_schema FOLDER", "");
	json_init(&j, &out);
	schema(&j, rows);
	(void)snprintf(path, sizeof(path), "%s/schemas/record.schema.json", argv[1]);
	f = fopen(path, "w");
	if (!f || buf_error(&out))
		fail("cannot be written", path);
	write_pretty(f, buf_sv(&out));
	free(rows);
	return fflush(f) || ferror(f);
}
