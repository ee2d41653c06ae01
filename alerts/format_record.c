/* SPDX-License-Identifier: Apache-2.0 */
/* A signed line taken apart into leaves, and values of rows. */
#include "alerts/format_record.h"

#include <errno.h>

#include "alerts/alert.h"
#include "alerts/crypto.h"
#include "alerts/sign.h"
#include "engine/base/clock.h"
#include "engine/base/num.h"

static const struct format_severity severities[SEVERITY_COUNT] = {
#define FORMAT_SEVERITY(severity, severity_name, ocsf_number, ocsf_text, cef_number, leef_number, falco_text, otlp_number) \
	[SEVERITY_##severity] = { .name = (severity_name), .ocsf = (ocsf_number), .ocsf_name = (ocsf_text), .cef = (cef_number), \
				  .leef = (leef_number), .falco = (falco_text), .otlp = (otlp_number) },
#include "schemas/formats/formats.def"
};

const struct format_severity *format_severity(enum severity severity)
{
	return &severities[severity];
}

/* --- reading --------------------------------------------------------------------------------------------------------------------------- */

/* The names of the objects that are open, as one dotted text. */
struct open_path {
	char text[JSON_MAX_PATH];
	size_t n[JSON_READ_DEPTH + 1]; /* length with the last key of each depth */
};

static bool path_key(struct open_path *path, unsigned depth, struct strview key)
{
	size_t n = depth > 1 ? path->n[depth - 1] : 0;
	if (key.n == 0 || n + 1 + key.n > sizeof(path->text) || memchr(key.p, '.', key.n))
		return false;
	if (n)
		path->text[n++] = '.';
	memcpy(path->text + n, key.p, key.n);
	path->n[depth] = n + key.n;
	return true;
}

/* To the end of the array that was just opened; false: there is none. */
static bool skip_array(struct json_reader *r, struct strview *ret)
{
	size_t from = r->at - 1;
	unsigned depth = r->depth;
	for (;;) {
		enum json_token token = json_next(r);
		if (token == JSON_ERROR || token == JSON_END)
			return false;
		if (token == JSON_ARRAY_END && r->depth == depth - 1)
			break;
	}
	*ret = (struct strview){ r->text.p + from, r->at - from };
	return true;
}

static bool add_leaf(struct format_record *record, const struct open_path *path, struct format_leaf leaf, unsigned depth)
{
	size_t n = path->n[depth];
	if (record->n == FORMAT_LEAVES_MAX || record->names_n + n > sizeof(record->names))
		return false;
	leaf.path = (struct strview){ record->names + record->names_n, n };
	memcpy(record->names + record->names_n, path->text, n);
	record->names_n += n;
	record->leaves[record->n++] = leaf;
	return true;
}

static bool read_leaves(struct format_record *record)
{
	struct json_reader r;
	struct open_path path = { .n = { 0 } };
	json_reader_init(&r, record->line);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	for (;;) {
		enum json_token token = json_next(&r);
		struct format_leaf leaf = { .token = token, .raw = r.raw };
		bool is_good = true;
		if (token == JSON_END)
			return true;
		if (token == JSON_KEY)
			is_good = path_key(&path, r.depth, r.raw);
		else if (token == JSON_ARRAY)
			is_good = skip_array(&r, &leaf.raw) && add_leaf(record, &path, leaf, r.depth);
		else if (token != JSON_OBJECT && token != JSON_OBJECT_END)
			is_good = token != JSON_ERROR && add_leaf(record, &path, leaf, r.depth);
		if (!is_good)
			return false;
	}
}

const struct format_leaf *format_record_find(const struct format_record *record, const char *path)
{
	struct strview wanted = sv_from(path);
	for (size_t i = 0; i < record->n; i++)
		if (sv_equal(record->leaves[i].path, wanted))
			return &record->leaves[i];
	return NULL;
}

bool format_record_is(const struct format_record *record, const char *path, const char *text)
{
	const struct format_leaf *leaf = format_record_find(record, path);
	return leaf && sv_is(leaf->raw, text);
}

/* Everything before the signature, and its end: what was signed. A line without a signature is its own body. */
static int hash_body(struct format_record *record)
{
	struct strview body = record->line, body_end = SV("");
	uint8_t hash[CRYPTO_HASH];
	const char *seal = format_record_find(record, "vedette_sig.sig") ? seal_find(record->line) : NULL;
	if (seal) {
		body.n = (size_t)(seal - body.p);
		body_end = SV("}");
	}
	tree_leaf(body, body_end, hash);
	CLEANUP(buf_done) struct buf text = { 0 };
	crypto_base64(&text, hash, sizeof(hash));
	if (text.n != FORMAT_HASH_TEXT)
		return -ENOMEM;
	memcpy(record->leaf_hash, text.p, FORMAT_HASH_TEXT);
	record->leaf_hash[FORMAT_HASH_TEXT] = '\0';
	return 0;
}

static enum severity severity_of(const struct format_record *record)
{
	static const struct { const char *dataset; enum severity severity; } own[] = {
#define FORMAT_OWN(dataset, severity) { (dataset), SEVERITY_##severity },
#include "schemas/formats/formats.def"
	};
	const struct format_leaf *number = format_record_find(record, "event.severity");
	uint64_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (format_record_is(record, "event.dataset", own[i].dataset))
			return own[i].severity;
	if (!number || json_integer(number->raw, &n))
		return SEVERITY_INFO;
	return severity_of_number(n);
}

static bool has_text(const struct format_record *record, const char *path)
{
	const struct format_leaf *leaf = format_record_find(record, path);
	return leaf && leaf->token == JSON_STRING && leaf->raw.n > 0;
}

int format_record_read(struct strview line, struct format_record *ret)
{
	ret->line = line;
	ret->n = ret->names_n = 0;
	if (!read_leaves(ret) || !has_text(ret, "event.id") || !has_text(ret, "event.dataset"))
		return -EBADMSG;
	ret->time_from = has_text(ret, "@timestamp") ? "@timestamp" : "vedette_sig.time"; /* an event's time can be unknown, its signature's is not */
	ret->is_alert = format_record_is(ret, "event.dataset", "vedette.alert");
	ret->severity = severity_of(ret);
	return hash_body(ret);
}

/* --- cutting --------------------------------------------------------------------------------------------------------------------------- */

void format_note_cut(struct format_out *o, const char *to)
{
	size_t n = strlen(to) + 1;
	for (size_t at = 0; at < o->cut.n; at += strlen(o->cut.p + at) + 1)
		if (strcmp(o->cut.p + at, to) == 0)
			return;
	buf_add(&o->cut, to, n);
}

struct strview format_cut(struct format_out *o, struct strview text, const char *to)
{
	size_t n = 0;
	if (text.n <= o->value_max)
		return text;
	for (size_t length; (length = utf8_length(text.p + n, text.n - n)) > 0 && n + length <= o->value_max;)
		n += length;
	format_note_cut(o, to);
	return (struct strview){ text.p, n };
}

/* --- lists ----------------------------------------------------------------------------------------------------------------------------- */

void format_list_begin(struct format_list *list, struct format_out *o, const char *to, struct strview array)
{
	list->o = o;
	list->to = to;
	list->bytes = 0;
	json_reader_init(&list->reader, array);
	if (json_next(&list->reader) != JSON_ARRAY)
		json_reader_init(&list->reader, SV("")); /* has no items */
}

bool format_list_next(struct format_list *list, struct strview *ret)
{
	enum json_token token = json_next(&list->reader);
	if (token != JSON_STRING)
		return false;
	buf_reset(&list->o->text);
	if (json_unescape(list->reader.raw, &list->o->text))
		return false;
	list->bytes += list->o->text.n + 1;
	if (list->bytes > list->o->value_max) {
		format_note_cut(list->o, list->to);
		return false;
	}
	*ret = buf_sv(&list->o->text);
	return true;
}

/* Of a list, joined; through o->made, because the items pass through o->text. */
static struct strview join_list(struct format_out *o, const char *to, struct strview array)
{
	struct format_list list;
	struct strview item;
	buf_reset(&o->made);
	format_list_begin(&list, o, to, array);
	while (format_list_next(&list, &item)) {
		if (o->made.n)
			buf_add_char(&o->made, ',');
		buf_add_sv(&o->made, item);
	}
	buf_reset(&o->text);
	buf_add_sv(&o->text, buf_sv(&o->made));
	return buf_sv(&o->text);
}

/* --- values ---------------------------------------------------------------------------------------------------------------------------- */

static struct strview leaf_text(struct format_out *o, const struct format_leaf *leaf, const char *to)
{
	if (leaf->token == JSON_ARRAY)
		return join_list(o, to, leaf->raw);
	if (leaf->token != JSON_STRING)
		return leaf->raw;
	buf_reset(&o->text);
	if (json_unescape(leaf->raw, &o->text))
		return SV("");
	return format_cut(o, buf_sv(&o->text), to);
}

struct strview format_text(struct format_out *o, const char *path, const char *to)
{
	const struct format_leaf *leaf = format_record_find(o->record, path);
	return leaf ? leaf_text(o, leaf, to) : SV("");
}

/* As JSON writes whole numbers: a sign, no leading zeros. */
static bool is_whole_number(struct strview text)
{
	size_t from = text.n > 0 && text.p[0] == '-';
	if (text.n == from || text.n - from > 19 || (text.p[from] == '0' && text.n > from + 1))
		return false;
	for (size_t i = from; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

/* The part of "regular=1,directory=2,*=99" that stands for text. */
static bool find_choice(const char *choices, struct strview text, struct strview *ret)
{
	for (const char *at = choices; *at;) {
		size_t n = strcspn(at, ",");
		const char *sign = memchr(at, '=', n);
		struct strview name = { at, sign ? (size_t)(sign - at) : n };
		if (sign && (sv_equal(name, text) || sv_is(name, "*"))) {
			*ret = (struct strview){ sign + 1, n - name.n - 1 };
			return true;
		}
		at += n + (at[n] == ',');
	}
	return false;
}

static bool time_value(struct format_out *o, struct strview text, uint64_t divisor, struct strview *ret)
{
	uint64_t ns = 0;
	if (clock_parse_rfc3339(text, &ns))
		return false;
	buf_reset(&o->text);
	buf_add_u64(&o->text, ns / divisor);
	*ret = buf_sv(&o->text);
	return true;
}

/* Of the root, and of a path that ends with a slash, the whole. */
static struct strview last_component(struct strview path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	size_t from = slash ? (size_t)(slash - path.p) + 1 : 0;
	return from < path.n ? sv_from_index(path, from) : path;
}

static bool first_value(struct format_out *o, const struct format_row *row, struct strview array, struct strview *ret)
{
	struct format_list list;
	format_list_begin(&list, o, row->to, array);
	return format_list_next(&list, ret);
}

/* Of what stands in the record. */
static bool leaf_value(struct format_out *o, const struct format_row *row, const struct format_leaf *leaf, struct format_value *ret)
{
	static const enum format_class classes[] = {
		[FORMAT_KIND_NUMBER] = FORMAT_CLASS_NUMBER,  [FORMAT_KIND_TIME_MS] = FORMAT_CLASS_NUMBER, [FORMAT_KIND_TIME_NS] = FORMAT_CLASS_NUMBER,
		[FORMAT_KIND_TRUTH] = FORMAT_CLASS_TRUTH,    [FORMAT_KIND_LIST] = FORMAT_CLASS_LIST,      [FORMAT_KIND_CHOICE] = FORMAT_CLASS_NUMBER,
		[FORMAT_KIND_NUMBER_IF] = FORMAT_CLASS_NUMBER, [FORMAT_KIND_TRUTH_IF] = FORMAT_CLASS_TRUTH,
	};
	ret->class = row->kind < ARRAY_SIZE(classes) ? classes[row->kind] : FORMAT_CLASS_TEXT;
	switch (row->kind) {
	case FORMAT_KIND_LIST:
		ret->text = leaf->raw;
		return leaf->token == JSON_ARRAY;
	case FORMAT_KIND_FIRST:
		return leaf->token == JSON_ARRAY && first_value(o, row, leaf->raw, &ret->text);
	case FORMAT_KIND_TRUTH:
		ret->text = leaf->raw;
		return leaf->token == JSON_TRUE || leaf->token == JSON_FALSE;
	case FORMAT_KIND_TEXT_IF:
	case FORMAT_KIND_NUMBER_IF:
	case FORMAT_KIND_TRUTH_IF:
		ret->text = sv_from(row->choices);
		return true;
	case FORMAT_KIND_NAME:
		ret->text = last_component(leaf_text(o, leaf, row->to));
		return ret->text.n > 0;
	case FORMAT_KIND_TIME_MS:
		return time_value(o, leaf->raw, 1000000, &ret->text);
	case FORMAT_KIND_TIME_NS:
	case FORMAT_KIND_TIME_NS_TEXT:
		return time_value(o, leaf->raw, 1, &ret->text);
	case FORMAT_KIND_NUMBER:
		ret->text = leaf->raw;
		return is_whole_number(leaf->raw);
	case FORMAT_KIND_CHOICE:
	case FORMAT_KIND_CHOICE_TEXT:
		return find_choice(row->choices, leaf->raw, &ret->text);
	default:
		ret->text = leaf_text(o, leaf, row->to);
		return leaf->token != JSON_NULL;
	}
}

bool format_value(struct format_out *o, const struct format_row *row, struct format_value *ret)
{
	*ret = (struct format_value){ .class = FORMAT_CLASS_TEXT };
	if (row->kind == FORMAT_KIND_MADE) {
		buf_reset(&o->made);
		return row->make(o, ret);
	}
	if (row->kind == FORMAT_KIND_CONST || row->kind == FORMAT_KIND_CONST_NUMBER) {
		ret->class = row->kind == FORMAT_KIND_CONST ? FORMAT_CLASS_TEXT : FORMAT_CLASS_NUMBER;
		ret->text = sv_from(row->from);
		return true;
	}
	const struct format_leaf *leaf = format_record_find(o->record, row->from);
	return leaf && leaf_value(o, row, leaf, ret);
}

/* --- JSON ------------------------------------------------------------------------------------------------------------------------------ */

void format_value_json(struct format_out *o, struct json *j, const char *to, const struct format_value *value)
{
	struct format_list list;
	struct strview item;
	switch (value->class) {
	case FORMAT_CLASS_TEXT:
		json_str(j, value->text);
		return;
	case FORMAT_CLASS_LIST:
		json_array_begin(j);
		format_list_begin(&list, o, to, value->text);
		while (format_list_next(&list, &item))
			json_str(j, item);
		json_array_end(j);
		return;
	case FORMAT_CLASS_NUMBER:
	case FORMAT_CLASS_TRUTH:
	case FORMAT_CLASS_JSON:
		json_raw(j, value->text);
		return;
	}
}

void format_cut_json(struct format_out *o, struct json *j)
{
	json_array_begin(j);
	for (size_t at = 0; at < o->cut.n;) {
		struct strview name = { o->cut.p + at, strlen(o->cut.p + at) };
		json_str(j, name);
		at += name.n + 1;
	}
	json_array_end(j);
}
