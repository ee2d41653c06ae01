/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSF: an alert is the activity that it is about, with the profile security_control; only what several events make is a finding. The signed line
 * goes along as raw_data.
 */
#include <assert.h>
#include <string.h>

#include "alerts/format_record.h"

enum shape {
#define OCSF_SHAPE(id, class_uid, category_uid, class_name, category_name) SHAPE_##id,
#include "schemas/formats/ocsf.def"
};

enum {
#define OCSF_SHAPE(id, class_uid, category_uid, class_name, category_name) S_##id = 1 << SHAPE_##id,
#include "schemas/formats/ocsf.def"
};

static const struct shape_row {
	unsigned class_uid, category_uid;
	const char *class_name, *category_name;
} shapes[] = {
#define OCSF_SHAPE(id, class_number, category_number, class_text, category_text) \
	[SHAPE_##id] = { .class_uid = (class_number), .category_uid = (category_number), .class_name = (class_text), .category_name = (category_text) },
#include "schemas/formats/ocsf.def"
};

static const struct event_row {
	const char *action, *member, *value;
	enum shape shape;
	unsigned activity;
	const char *name;
} events[] = {
#define OCSF_EVENT(event_action, condition_member, condition_value, event_shape, activity_number, activity_text) \
	{ .action = (event_action), .member = (condition_member), .value = (condition_value), .shape = SHAPE_##event_shape, \
	  .activity = (activity_number), .name = (activity_text) },
#include "schemas/formats/ocsf.def"
};

static bool holds(const struct format_record *record, const struct event_row *row)
{
	if (strcmp(row->action, "*") != 0 && !format_record_is(record, "event.action", row->action))
		return false;
	if (!row->member[0])
		return true;
	return strcmp(row->value, "*") == 0 ? format_record_find(record, row->member) != NULL : format_record_is(record, row->member, row->value);
}

/* The last row holds for every record. */
static const struct event_row *find_event(const struct format_record *record)
{
	size_t i = 0;
	while (i + 1 < ARRAY_SIZE(events) && !holds(record, &events[i]))
		i++;
	return &events[i];
}

/* --- what a class is called ---------------------------------------------------------------------------------------------------------------- */

static const struct event_row *event_of(const struct format_out *o)
{
	return o->context;
}

static const struct shape_row *shape_of(const struct format_out *o)
{
	return &shapes[event_of(o)->shape];
}

static bool number(struct format_out *o, unsigned value, struct format_value *ret)
{
	buf_add_u64(&o->made, value);
	*ret = (struct format_value){ .class = FORMAT_CLASS_NUMBER, .text = buf_sv(&o->made) };
	return true;
}

static bool text(const char *value, struct format_value *ret)
{
	ret->text = sv_from(value);
	return true;
}

static bool ocsf_activity_id(struct format_out *o, struct format_value *ret)
{
	return number(o, event_of(o)->activity, ret);
}

/* Of activities that OCSF does not know: the name that we have for it. */
static bool ocsf_activity_name(struct format_out *o, struct format_value *ret)
{
	if (event_of(o)->name[0])
		return text(event_of(o)->name, ret);
	ret->text = format_text(o, format_record_find(o->record, "event.action") ? "event.action" : "event.dataset", "activity_name");
	return true;
}

static bool ocsf_category_uid(struct format_out *o, struct format_value *ret)
{
	return number(o, shape_of(o)->category_uid, ret);
}

static bool ocsf_category_name(struct format_out *o, struct format_value *ret)
{
	return text(shape_of(o)->category_name, ret);
}

static bool ocsf_class_uid(struct format_out *o, struct format_value *ret)
{
	return number(o, shape_of(o)->class_uid, ret);
}

static bool ocsf_class_name(struct format_out *o, struct format_value *ret)
{
	return text(shape_of(o)->class_name, ret);
}

static bool ocsf_type_uid(struct format_out *o, struct format_value *ret)
{
	return number(o, shape_of(o)->class_uid * 100 + event_of(o)->activity, ret);
}

static bool ocsf_type_name(struct format_out *o, struct format_value *ret)
{
	struct format_value activity = { .class = FORMAT_CLASS_TEXT };
	if (!ocsf_activity_name(o, &activity))
		return false;
	buf_add_format(&o->made, "%s: " SV_FMT, shape_of(o)->class_name, SV_ARG(activity.text));
	ret->text = buf_sv(&o->made);
	return true;
}

static bool ocsf_severity(struct format_out *o, struct format_value *ret)
{
	return text(format_severity(o->record->severity)->ocsf_name, ret);
}

static bool ocsf_severity_id(struct format_out *o, struct format_value *ret)
{
	return number(o, format_severity(o->record->severity)->ocsf, ret);
}

/* --- what there has to be ------------------------------------------------------------------------------------------------------------------ */

/* An event of which no time is known, and that nobody signed, is of the year 1970. */
static bool ocsf_time(struct format_out *o, struct format_value *ret)
{
	const struct format_row row = { .kind = FORMAT_KIND_TIME_MS, .to = "time", .from = o->record->time_from };
	return format_value(o, &row, ret) || number(o, 0, ret);
}

static bool first_text(struct format_out *o, const char *const *members, const char *to, struct format_value *ret)
{
	for (; *members; members++) {
		ret->text = format_text(o, *members, to);
		if (ret->text.n)
			return true;
	}
	ret->text = SV("unknown");
	return true;
}

static bool ocsf_file_name(struct format_out *o, struct format_value *ret)
{
	static const char *const members[] = { "file.name", "file.path", "vedette.unix.name", "vedette.mount.source", NULL };
	return first_text(o, members, "file.name", ret);
}

static bool ocsf_file_type(struct format_out *o, struct format_value *ret)
{
	static const struct format_row row = { .kind = FORMAT_KIND_CHOICE, .to = "file.type_id", .from = "file.type",
		.choices = "file=1,dir=2,char_device=3,block_device=4,socket=5,fifo=6,symlink=7,*=0" };
	return format_value(o, &row, ret) || number(o, 0, ret);
}

static bool ocsf_program_name(struct format_out *o, struct format_value *ret)
{
	static const char *const members[] = { "vedette.bpf.name", NULL };
	return first_text(o, members, "kernel.name", ret);
}

/* Only beside the rule: own records name the rules in force, but no policy acted. */
static bool ocsf_policy_version(struct format_out *o, struct format_value *ret)
{
	ret->text = format_text(o, "vedette.policy.digest", "policy.version");
	return ret->text.n && format_record_find(o->record, "rule.id");
}

static bool ocsf_title(struct format_out *o, struct format_value *ret)
{
	static const char *const members[] = { "rule.name", "event.action", NULL };
	return first_text(o, members, "finding_info.title", ret);
}

/* --- lists --------------------------------------------------------------------------------------------------------------------------------- */

static bool made_json(struct format_out *o, struct format_value *ret)
{
	*ret = (struct format_value){ .class = FORMAT_CLASS_JSON, .text = buf_sv(&o->made) };
	return true;
}

static bool ocsf_profiles(struct format_out *o, struct format_value *ret)
{
	struct json j;
	json_init(&j, &o->made);
	json_array_begin(&j);
	if (format_record_find(o->record, "container.id"))
		json_str(&j, SV("container"));
	json_str(&j, SV("host"));
	if (o->record->is_alert)
		json_str(&j, SV("security_control"));
	json_array_end(&j);
	return made_json(o, ret);
}

static void attack_part(struct json *j, const char *key, struct strview id)
{
	json_key(j, key);
	json_object_begin(j);
	json_key(j, "uid");
	json_str(j, id);
	json_object_end(j);
}

/* A technique that stands there with a sub-technique as well is said once. */
static bool has_subtechnique(const struct format_leaf *subs, struct strview technique)
{
	char start[16];
	if (!subs || technique.n + 2 > sizeof(start))
		return false;
	start[0] = '"';
	memcpy(start + 1, technique.p, technique.n);
	start[technique.n + 1] = '.';
	return memmem(subs->raw.p, subs->raw.n, start, technique.n + 2) != NULL;
}

static void add_attack(struct json *j, const char *key, struct strview id)
{
	const char *dot = memchr(id.p, '.', id.n);
	json_object_begin(j);
	attack_part(j, key, id);
	if (strcmp(key, "sub_technique") == 0 && dot)
		attack_part(j, "technique", (struct strview){ id.p, (size_t)(dot - id.p) });
	json_object_end(j);
}

static bool ocsf_attacks(struct format_out *o, struct format_value *ret)
{
	static const struct { const char *member, *key; } parts[] = {
		{ "threat.tactic.id", "tactic" }, { "threat.technique.id", "technique" }, { "threat.technique.subtechnique.id", "sub_technique" },
	};
	const struct format_leaf *subs = format_record_find(o->record, "threat.technique.subtechnique.id");
	struct json j;
	json_init(&j, &o->made);
	json_array_begin(&j);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct format_leaf *leaf = format_record_find(o->record, parts[i].member);
		struct format_list list;
		struct strview id;
		if (!leaf)
			continue;
		format_list_begin(&list, o, "attacks", leaf->raw);
		while (format_list_next(&list, &id))
			if (i != 1 || !has_subtechnique(subs, id))
				add_attack(&j, parts[i].key, id);
	}
	json_array_end(&j);
	return made_json(o, ret) && o->made.n > 2;
}

static const struct format_row evidence_rows[] = {
#define OCSF_EVIDENCE(row_kind, row_to, row_from, row_choices) \
	{ .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) },
#include "schemas/formats/ocsf.def"
};

static void add_rows(struct format_out *o, struct json *j, const struct format_row *rows, size_t n, unsigned shape)
{
	struct format_value value;
	for (size_t i = 0; i < n; i++) {
		if ((rows[i].shapes && !(rows[i].shapes & shape)) || !format_value(o, &rows[i], &value))
			continue;
		json_path(j, rows[i].to);
		format_value_json(o, j, rows[i].to, &value);
	}
	json_path_end(j);
}

/* None of its rows is made by a function: o->made is free for the whole. */
static bool ocsf_evidences(struct format_out *o, struct format_value *ret)
{
	struct json j;
	json_init(&j, &o->made);
	json_array_begin(&j);
	json_object_begin(&j);
	size_t empty = o->made.n;
	add_rows(o, &j, evidence_rows, ARRAY_SIZE(evidence_rows), 0);
	bool has_any = o->made.n > empty;
	json_object_end(&j);
	json_array_end(&j);
	return made_json(o, ret) && has_any;
}

/* --- where it comes from ------------------------------------------------------------------------------------------------------------------- */

static bool ocsf_raw_data(struct format_out *o, struct format_value *ret)
{
	if (!o->keeps_line)
		format_note_cut(o, "raw_data");
	ret->text = o->record->line;
	return o->keeps_line;
}

static bool ocsf_leaf_hash(struct format_out *o, struct format_value *ret)
{
	return text(o->record->leaf_hash, ret);
}

static bool ocsf_was_cut(struct format_out *o, struct format_value *ret)
{
	struct json j;
	json_init(&j, &o->made);
	format_cut_json(o, &j);
	return made_json(o, ret) && o->cut.n > 0;
}

static const struct format_row rows[] = {
#define OCSF(row_shapes, row_kind, row_to, row_from, row_choices) \
	{ .shapes = (row_shapes), .kind = FORMAT_KIND_##row_kind, .to = (row_to), .from = (row_from), .choices = (row_choices) },
#define OCSF_MADE(row_shapes, row_to, function) { .shapes = (row_shapes), .kind = FORMAT_KIND_MADE, .to = (row_to), .make = (function) },
#include "schemas/formats/ocsf.def"
};

void format_ocsf(struct format_out *o)
{
	const struct event_row *event = find_event(o->record);
	struct json j;
	o->context = event;
	json_init(&j, o->out);
	json_object_begin(&j);
	add_rows(o, &j, rows, ARRAY_SIZE(rows), 1u << event->shape);
	json_object_end(&j);
}
