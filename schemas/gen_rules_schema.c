/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes schemas/rules.schema.json (JSON Schema 2020-12): rule files in our own format, for editors. Made of the tables that the parser
 * reads by (engine/rules/keys.def), so that both know the same keys. Argument: the folder of the tree.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/event/table.h"
#include "engine/rules/condition.h"
#include "engine/rules/keys.h"
#include "schemas/pretty.h"

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "gen_rules_schema: %s: '%s'\n", what, name);
	exit(1); /* a generator of the build: nothing to clean up */
}

/* --- small pieces ------------------------------------------------------------------------------------------------------------ */

/* What a case gives a field. */
#define FIELD_VALUE "{\"oneOf\":[{\"$ref\":\"#/$defs/value\"},{\"items\":{\"$ref\":\"#/$defs/value\"},\"type\":\"array\"}]}"

/* Ready-made schemas of the shapes that need no table; NULL: see shape_schema. */
static const char *const plain_shapes[] = {
	[SHAPE_ID] = "{\"pattern\":\"^[a-z0-9-]{1,128}$\",\"type\":\"string\"}",
	[SHAPE_WORD] = "{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_-]*$\",\"type\":\"string\"}",
	[SHAPE_NAME] = "{\"minLength\":1,\"type\":[\"string\",\"number\"]}",
	[SHAPE_TEXT] = "{\"$ref\":\"#/$defs/text\"}",
	[SHAPE_TEXTS] = "{\"$ref\":\"#/$defs/texts\"}",
	[SHAPE_VALUES] = "{\"items\":{\"$ref\":\"#/$defs/value\"},\"type\":\"array\"}",
	[SHAPE_TRUTH] = "{\"enum\":[true,false,\"yes\",\"no\",\"on\",\"off\"]}",
	[SHAPE_SEVERITY] = "{\"enum\":[\"info\",\"low\",\"medium\",\"high\",\"critical\"]}",
	[SHAPE_ACTION] = "{\"enum\":[\"alert\",\"block\",\"kill\"]}",
	[SHAPE_DEFAULT] = "{\"enum\":[\"deny\",\"allow\"]}",
	[SHAPE_PERCENT] = "{\"maximum\":100,\"minimum\":1,\"type\":\"integer\"}",
	[SHAPE_MODE] = "{\"enum\":[\"detect\",\"enforce\"]}",
	[SHAPE_EVENTS] = "{\"oneOf\":[{\"$ref\":\"#/$defs/event\"},{\"items\":{\"$ref\":\"#/$defs/event\"},\"minItems\":1,\"type\":\"array\"}]}",
	[SHAPE_EVENT_NAME] = "{\"$ref\":\"#/$defs/event\"}",
	[SHAPE_ATTACK] = "{\"oneOf\":[{\"$ref\":\"#/$defs/attack\"},{\"items\":{\"$ref\":\"#/$defs/attack\"},\"maxItems\":16,\"type\":\"array\"}]}",
	[SHAPE_CONDITION] = "{\"$ref\":\"#/$defs/condition\"}",
	[SHAPE_CONDITIONS] = "{\"items\":{\"$ref\":\"#/$defs/condition\"},\"maxItems\":256,\"type\":\"array\"}",
	[SHAPE_FIELD] = "{\"$ref\":\"#/$defs/field\"}",
	[SHAPE_FIELDS] = "{\"oneOf\":[{\"$ref\":\"#/$defs/field\"},{\"items\":{\"$ref\":\"#/$defs/field\"},\"maxItems\":16,\"type\":\"array\"}]}",
	[SHAPE_OPERATORS] = "{\"oneOf\":[{\"$ref\":\"#/$defs/operator\"},{\"items\":{\"$ref\":\"#/$defs/operator\"},\"type\":\"array\"}]}",
	[SHAPE_ROWS] = "{\"oneOf\":[{\"$ref\":\"#/$defs/value\"},{\"items\":{\"oneOf\":[{\"$ref\":\"#/$defs/value\"},"
		       "{\"items\":{\"oneOf\":[{\"$ref\":\"#/$defs/value\"},{\"items\":{\"$ref\":\"#/$defs/value\"},\"type\":\"array\"}]},\"type\":\"array\"}]},"
		       "\"type\":\"array\"}]}",
	[SHAPE_DATE] = "{\"pattern\":\"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$\",\"type\":\"string\"}",
	[SHAPE_DURATION] = "{\"pattern\":\"^[0-9]+(ns|us|ms|s|m|h)$\",\"type\":\"string\"}",
	[SHAPE_COUNT] = "{\"maximum\":1000000,\"minimum\":1,\"type\":\"integer\"}",
	[SHAPE_NUMBER] = "{\"maximum\":4096,\"minimum\":0,\"type\":\"integer\"}",
	[SHAPE_LINEAGE] = "{\"enum\":[true,false,\"yes\",\"no\",\"on\",\"off\",\"parent\"]}",
	[SHAPE_FILE] = "{\"pattern\":\"^[^/].*\\\\.ya?ml$\",\"type\":\"string\"}",
	[SHAPE_EVENT] = "{\"$ref\":\"#/$defs/event_fields\"}",
	[SHAPE_CASE_EVENTS] = "{\"oneOf\":[{\"$ref\":\"#/$defs/event_fields\"},{\"items\":{\"$ref\":\"#/$defs/case_event\"},\"maxItems\":256,\"minItems\":1,\"type\":\"array\"}]}",
	[SHAPE_POLICY] = "{\"$ref\":\"#/$defs/policy_body\"}",
	[SHAPE_APPEND] = "{\"$ref\":\"#/$defs/append\"}",
	[SHAPE_APPEND_CONDITION] = "{\"$ref\":\"#/$defs/append_condition\"}",
	[SHAPE_THROTTLE] = "{\"oneOf\":[{\"const\":false},{\"$ref\":\"#/$defs/throttle\"}]}",
	[SHAPE_EXCEPTIONS] = "{\"items\":{\"$ref\":\"#/$defs/exception\"},\"maxItems\":256,\"type\":\"array\"}",
	[SHAPE_CASES] = "{\"items\":{\"$ref\":\"#/$defs/case\"},\"maxItems\":256,\"type\":\"array\"}",
	[SHAPE_COMPARISON] = "{\"oneOf\":[{\"maximum\":4096,\"minimum\":1,\"type\":\"integer\"},{\"$ref\":\"#/$defs/comparison\"}]}",
	[SHAPE_COUNTED_RULES] = "{\"items\":{\"oneOf\":[{\"type\":[\"string\",\"number\"]},{\"$ref\":\"#/$defs/counted_rule\"}]},\"maxItems\":32,\"minItems\":1,\"type\":\"array\"}",
	[SHAPE_THRESHOLD] = "{\"$ref\":\"#/$defs/threshold\"}",
	[SHAPE_SEQUENCE] = "{\"$ref\":\"#/$defs/sequence\"}",
	[SHAPE_TOGETHER] = "{\"$ref\":\"#/$defs/together\"}",
	[SHAPE_ABSENCE] = "{\"$ref\":\"#/$defs/absence\"}",
	[SHAPE_STEP] = "{\"oneOf\":[{\"$ref\":\"#/$defs/step\"},{\"$ref\":\"#/$defs/rule_step\"}]}",
	[SHAPE_STEPS] = "{\"items\":{\"oneOf\":[{\"$ref\":\"#/$defs/step\"},{\"$ref\":\"#/$defs/rule_step\"}]},\"minItems\":2,\"type\":\"array\"}",
};

/* What a map needs beyond its keys. */
static const struct {
	enum part_id part;
	const char *name, *schema;
} extras[] = {
	{ PART_RULE, "anyOf", "[{\"required\":[\"event\",\"when\"]},{\"required\":[\"event\",\"scope\",\"allow\"]},{\"required\":[\"threshold\"]},{\"required\":[\"sequence\"]},"
			      "{\"required\":[\"together\"]},{\"required\":[\"absence\"]}]" },
	{ PART_CASE, "oneOf", "[{\"required\":[\"fires\"]},{\"required\":[\"quiet\"]}]" },
	{ PART_EXCEPTION, "oneOf", "[{\"required\":[\"when\"]},{\"required\":[\"fields\",\"values\"]}]" },
	{ PART_OVERRIDE, "minProperties", "2" },
	{ PART_OVERRIDE_LIST, "minProperties", "2" },
	{ PART_OVERRIDE_MACRO, "minProperties", "2" },
};

static void member_z(struct json *j, const char *name, const char *value)
{
	json_key(j, name);
	json_str(j, sv_from(value));
}

static void raw(struct json *j, const char *name, const char *value)
{
	json_key(j, name);
	json_raw(j, sv_from(value));
}

/* "POLICY_BODY" -> "policy_body" */
static const char *definition_name(enum part_id id, char name[static 64])
{
	static const char *const ids[PART_COUNT] = {
#define PART(id, key, what, doc) [PART_##id] = #id,
#include "engine/rules/keys.def"
	};
	size_t n = 0;
	for (const char *p = ids[id]; *p && n < 63; p++)
		name[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	name[n] = '\0';
	return name;
}

/* --- parts ------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct key *const *)a)->name, (*(const struct key *const *)b)->name);
}

static void add_key(struct json *j, const struct key *key)
{
	if ((size_t)key->shape >= ARRAY_SIZE(plain_shapes) || !plain_shapes[key->shape])
		fail("has a shape without a schema", key->name);
	/* the description in front of the members of the ready-made schema */
	const char *schema = plain_shapes[key->shape];
	CLEANUP(buf_done) struct buf text = { 0 };
	struct json inner;
	json_init(&inner, &text);
	json_object_begin(&inner);
	member_z(&inner, "description", key->doc);
	json_object_end(&inner);
	if (buf_error(&text))
		fail("no memory", key->name);
	text.p[text.n - 1] = ',';
	buf_add_z(&text, schema + 1);
	json_key(j, key->name);
	json_raw(j, buf_sv(&text));
}

static void add_part(struct json *j, enum part_id id)
{
	const struct part *part = part_get(id);
	const struct key *keys[PART_MAX_KEYS];
	size_t n = part_keys(id, keys);
	char name[64];
	qsort(keys, n, sizeof(const struct key *), by_name);
	json_key(j, definition_name(id, name));
	json_object_begin(j);
	json_key(j, "additionalProperties");
	json_raw(j, sv_from(id == PART_CASE_EVENT ? FIELD_VALUE : "false")); /* fields of the event stand beside its keys */
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (extras[i].part == id)
			raw(j, extras[i].name, extras[i].schema);
	if (part->doc[0])
		member_z(j, "description", part->doc);
	json_key(j, "properties");
	json_object_begin(j);
	for (size_t i = 0; i < n; i++)
		add_key(j, keys[i]);
	json_object_end(j);
	json_key(j, "required");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++)
		if (keys[i]->is_needed && keys[i]->part == id)
			json_str(j, sv_from(keys[i]->name));
	json_array_end(j);
	member_z(j, "type", "object");
	json_object_end(j);
}

/* --- what the tables of events and operators give ------------------------------------------------------------------------------ */

/* Names of events, and of their groups. */
static void add_events(struct json *j)
{
	json_key(j, "event");
	json_object_begin(j);
	json_key(j, "enum");
	json_array_begin(j);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		size_t n = strcspn(type->name, ".");
		bool is_new = true; /* a group stands where its first event does */
		for (uint32_t k = 0; k < i && is_new; k++) {
			const struct event_type *other = event_type_by_number(k);
			is_new = !other || strncmp(other->name, type->name, n + 1) != 0;
		}
		if (is_new) {
			char group[80];
			(void)snprintf(group, sizeof(group), "%.*s.*", (int)n, type->name);
			json_str(j, sv_from(group));
		}
		json_str(j, sv_from(type->name));
	}
	json_array_end(j);
	json_object_end(j);
}

static void add_operators(struct json *j)
{
	json_key(j, "operator");
	json_object_begin(j);
	json_key(j, "enum");
	json_array_begin(j);
	for (int i = 0; i < OP_COUNT; i++)
		if (operator_get((enum op_id)i)->values != OP_VALUES_NONE)
			json_str(j, sv_from(operator_get((enum op_id)i)->text));
	json_array_end(j);
	json_object_end(j);
}

static void schema(struct json *j)
{
	json_object_begin(j);
	json_key(j, "$defs");
	json_object_begin(j);
	for (int id = 0; id < PART_COUNT; id++)
		add_part(j, (enum part_id)id);
	raw(j, "attack", "{\"pattern\":\"^(T[0-9]{4}(\\\\.[0-9]{3})?|TA[0-9]{4})$\",\"type\":\"string\"}");
	raw(j, "condition", "{\"maxLength\":65536,\"minLength\":1,\"type\":[\"string\",\"boolean\"]}");
	add_events(j);
	raw(j, "event_fields", "{\"additionalProperties\":" FIELD_VALUE ",\"maxProperties\":128,\"type\":\"object\"}");
	raw(j, "field", "{\"description\":\"`vedette fields` lists them\",\"pattern\":\"^[^ ]+$\",\"type\":\"string\"}");
	add_operators(j);
	raw(j, "text", "{\"maxLength\":4096,\"type\":[\"string\",\"number\",\"boolean\"]}");
	raw(j, "texts", "{\"oneOf\":[{\"$ref\":\"#/$defs/text\"},{\"items\":{\"$ref\":\"#/$defs/text\"},\"maxItems\":32,\"type\":\"array\"}]}");
	raw(j, "value", "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}");
	json_object_end(j);
	member_z(j, "$id", "https://vedette.invalid/schemas/rules.schema.json");
	member_z(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	member_z(j, "description", "A rule file of Vedette. Generated from engine/rules/keys.def by `make generated`.");
	json_key(j, "items");
	json_object_begin(j);
	json_key(j, "oneOf");
	json_array_begin(j);
	for (int id = 0; id < PART_COUNT; id++) {
		char ref[80], name[64];
		if (!part_get((enum part_id)id)->key[0])
			continue;
		(void)snprintf(ref, sizeof(ref), "#/$defs/%s", definition_name((enum part_id)id, name));
		json_object_begin(j);
		member_z(j, "$ref", ref);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
	member_z(j, "title", "Vedette rules");
	member_z(j, "type", "array");
	json_object_end(j);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(file_close) FILE *f = NULL;
	char path[4096];
	struct json j;
	if (argc != 2)
		fail("usage: gen_rules_schema FOLDER", "");
	json_init(&j, &out);
	schema(&j);
	(void)snprintf(path, sizeof(path), "%s/schemas/rules.schema.json", argv[1]);
	f = fopen(path, "w");
	if (!f || buf_error(&out))
		fail("cannot be written", path);
	write_pretty(f, buf_sv(&out));
	return fflush(f) || ferror(f);
}
