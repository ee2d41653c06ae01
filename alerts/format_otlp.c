/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry logs in JSON: names in lowerCamelCase, 64-bit numbers as text, enumerations as numbers. The body is the signed line, so that what
 * arrives can be verified.
 */
#include "alerts/format_record.h"

static const struct format_row resource[] = {
#define OTLP_RESOURCE(row_kind, row_to, row_from, row_choices) \
	{ .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) },
#include "schemas/formats/otlp.def"
};

static const struct format_row attributes[] = {
#define OTLP(row_kind, row_to, row_from, row_choices) { .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) },
#include "schemas/formats/otlp.def"
};

static void string_value(struct json *j, struct strview text)
{
	json_object_begin(j);
	json_key(j, "stringValue");
	json_str(j, text);
	json_object_end(j);
}

static void list_values(struct format_out *o, struct json *j, const char *to, struct strview array)
{
	struct format_list list;
	struct strview item;
	json_object_begin(j);
	json_key(j, "arrayValue");
	json_object_begin(j);
	json_key(j, "values");
	json_array_begin(j);
	format_list_begin(&list, o, to, array);
	while (format_list_next(&list, &item))
		string_value(j, item);
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
}

static void any_value(struct format_out *o, struct json *j, const char *to, const struct format_value *value)
{
	if (value->class == FORMAT_CLASS_TEXT) {
		string_value(j, value->text);
		return;
	}
	if (value->class == FORMAT_CLASS_LIST) {
		list_values(o, j, to, value->text);
		return;
	}
	json_object_begin(j);
	if (value->class == FORMAT_CLASS_NUMBER) {
		json_key(j, "intValue");
		json_str(j, value->text);
	} else {
		json_key(j, "boolValue");
		json_raw(j, value->text);
	}
	json_object_end(j);
}

static void begin_attribute(struct json *j, const char *name)
{
	json_object_begin(j);
	json_key(j, "key");
	json_str(j, sv_from(name));
	json_key(j, "value");
}

static void add_attributes(struct format_out *o, struct json *j, const struct format_row *rows, size_t n)
{
	struct format_value value;
	for (size_t i = 0; i < n; i++) {
		if (!format_value(o, &rows[i], &value))
			continue;
		begin_attribute(j, rows[i].to);
		any_value(o, j, rows[i].to, &value);
		json_object_end(j);
	}
}

/* What leads back to the record, and what is not whole. */
static void add_own_attributes(struct format_out *o, struct json *j)
{
	begin_attribute(j, "vedette.leaf");
	string_value(j, sv_from(o->record->leaf_hash));
	json_object_end(j);
	if (!o->keeps_line)
		format_note_cut(o, "body");
	if (o->cut.n == 0)
		return;
	begin_attribute(j, "vedette.cut");
	json_object_begin(j);
	json_key(j, "arrayValue");
	json_object_begin(j);
	json_key(j, "values");
	json_array_begin(j);
	for (size_t at = 0; at < o->cut.n; at += strlen(o->cut.p + at) + 1)
		string_value(j, sv_from(o->cut.p + at));
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
}

static void add_time(struct format_out *o, struct json *j, const char *key, const char *from)
{
	const struct format_row row = { .kind = FORMAT_KIND_TIME_NS, .to = key, .from = from };
	struct format_value value;
	if (!format_value(o, &row, &value))
		return;
	json_key(j, key);
	json_str(j, value.text);
}

void format_otlp_record(struct format_out *o)
{
	struct json j;
	json_init(&j, o->out);
	json_object_begin(&j);
	json_key(&j, "attributes");
	json_array_begin(&j);
	add_attributes(o, &j, attributes, ARRAY_SIZE(attributes));
	add_own_attributes(o, &j);
	json_array_end(&j);
	json_key(&j, "body");
	string_value(&j, o->keeps_line ? o->record->line : format_text(o, "message", "message"));
	json_key(&j, "eventName");
	json_str(&j, format_text(o, format_record_find(o->record, "event.action") ? "event.action" : "event.dataset", "eventName"));
	add_time(o, &j, "observedTimeUnixNano", format_record_find(o->record, "vedette_sig.time") ? "vedette_sig.time" : o->record->time_from);
	json_key(&j, "severityNumber");
	json_u64(&j, format_severity(o->record->severity)->otlp);
	json_key(&j, "severityText");
	json_str(&j, sv_from(format_severity(o->record->severity)->name));
	add_time(o, &j, "timeUnixNano", o->record->time_from);
	json_object_end(&j);
}

void format_otlp_resource(struct format_out *o)
{
	struct json j;
	json_init(&j, o->out);
	json_object_begin(&j);
	json_key(&j, "resource");
	json_object_begin(&j);
	json_key(&j, "attributes");
	json_array_begin(&j);
	add_attributes(o, &j, resource, ARRAY_SIZE(resource));
	json_array_end(&j);
	json_object_end(&j);
	json_key(&j, "scopeLogs");
	json_array_begin(&j);
	json_object_begin(&j);
	json_key(&j, "scope");
	json_object_begin(&j);
	json_key(&j, "name");
	json_str(&j, SV("vedette"));
	json_object_end(&j);
	json_key(&j, "logRecords");
	json_array_begin(&j); /* FORMAT_OTLP_END closes what is open */
}

void format_otlp(struct format_out *o)
{
	buf_add_z(o->out, FORMAT_OTLP_BEGIN);
	format_otlp_resource(o);
	format_otlp_record(o);
	buf_add_z(o->out, FORMAT_OTLP_END);
}
