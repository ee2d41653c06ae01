/* SPDX-License-Identifier: Apache-2.0 */
/* Two passes over the text: which event it is, then its fields, by their dotted names. */
#include "engine/daemon/event_json.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine/base/jsonread.h"
#include "engine/rules/computed.h"
#include "engine/rules/set.h"

enum { EVENT_JSON_ITEMS = 4096, EVENT_JSON_NAME = 256, EVENT_JSON_TEXT = 1024 * 1024, ALIASES_SHOWN = 128 };

struct json_event {
	const char *file;
	struct event_builder *builder;
	const struct rule *rule;       /* whose author's names are good as well; NULL: nobody's */
	const struct event_type *type; /* NULL in the first pass */
	struct diag *diag;
	bool is_log;                   /* has event.dataset */
	char name[EVENT_JSON_NAME];    /* dotted path of the member */
	size_t name_n;
	size_t outer[JSON_READ_DEPTH]; /* length of the name of each open object */
	unsigned depth;
	struct buf text;               /* of the value's items, one after the other */
	struct strview *items;         /* owned, EVENT_JSON_ITEMS */
	size_t *ends;                  /* owned, the same: of the items in text */
	size_t n;
};

static void json_event_done(struct json_event *e)
{
	buf_done(&e->text);
	free(e->items);
	free(e->ends);
}

static int refuse(struct json_event *e, const char *what, const char *detail)
{
	diag_error(e->diag, (struct place){ .file = e->file }, "%s%s", what, detail);
	return -EINVAL;
}

/* Falco's name for a field, as its rules have it; NULL: it is none. */
static const struct computed *falco_name(struct strview name)
{
	for (size_t i = 0; computed_at(i); i++)
		if (sv_is(name, computed_at(i)->name) && computed_at(i)->argument == ARGUMENT_NONE)
			return computed_at(i);
	return NULL;
}

static int refuse_field(struct json_event *e)
{
	const struct field *fields[EVENT_MAX_FIELDS];
	const char *names[EVENT_MAX_FIELDS + ALIASES_SHOWN];
	size_t n = event_type_sorted_fields(e->type, fields);
	for (size_t i = 0; i < n; i++)
		names[i] = fields[i]->name;
	for (size_t i = 0; e->rule && i < MIN(e->rule->n_aliases, (size_t)ALIASES_SHOWN); i++)
		names[n++] = e->rule->aliases[i].name;
	struct strview name = { e->name, e->name_n };
	const struct computed *falco = falco_name(name);
	const char *near = falco ? NULL : diag_suggest(name, names, n);
	char quoted[120];
	if (falco) {
		diag_error(e->diag, (struct place){ .file = e->file }, "%s is worked out of other fields, and cannot be set: give %s", falco->name,
			   falco->of[0] ? falco->of : "those of which it is made");
		return -EINVAL;
	}
	diag_error(e->diag, (struct place){ .file = e->file }, "%s has no field %s%s%s%s", e->type->name, diag_quote(name, quoted, sizeof(quoted)),
		   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	return -EINVAL;
}

static bool is_name(const struct json_event *e, const char *name)
{
	return sv_is((struct strview){ e->name, e->name_n }, name);
}

/* First pass: what says which event it is. */
static int look_at(struct json_event *e, const struct event_type **ret)
{
	if (is_name(e, "event.dataset"))
		e->is_log = true;
	if ((!is_name(e, "event.action") && !is_name(e, "event")) || e->n != 1)
		return 0;
	const struct event_type *type = event_type_by_name(e->items[0]);
	char quoted[120];
	if (!type)
		return refuse(e, "no event has the name ", diag_quote(e->items[0], quoted, sizeof(quoted)));
	*ret = type;
	return 0;
}

/* file.path_b64: the bytes of file.path, which is not UTF-8. */
static bool take_twin(struct json_event *e)
{
	static const char ending[] = "_b64";
	struct strview name = { e->name, e->name_n };
	if (e->n != 1 || !sv_ends(name, SV(ending)))
		return false;
	name.n -= sizeof(ending) - 1;
	size_t room = e->items[0].n / 4 * 3 + 4, n = 0;
	if (!field_find(e->type, name))
		return false;
	unsigned char *bytes = malloc(room);
	bool is_good = bytes && sodium_base642bin(bytes, room, e->items[0].p, e->items[0].n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
		       event_builder_set(e->builder, name, &(struct strview){ (const char *)bytes, n }, 1) == 0;
	free(bytes);
	return is_good;
}

/* Second pass: a field's value. */
static int take_field(struct json_event *e)
{
	struct strview name = { e->name, e->name_n };
	const struct field *field = field_find(e->type, name);
	const struct computed *falco = field ? NULL : falco_name(name);
	if (falco && !falco->function && !falco->never) { /* another name of one of ours */
		name = sv_from(falco->of);
		field = field_find(e->type, name);
	}
	const struct field_ref *alias = field || falco || !e->rule ? NULL : rule_alias(e->rule, name, e->type);
	if (alias) {
		name = sv_from(alias->name);
		field = field_find(e->type, name);
	}
	if (is_name(e, "event") || is_name(e, "event.action"))
		return 0;
	const char *constant = field || !e->rule ? NULL : rule_constant(e->rule, name, e->type);
	if (constant && e->n == 1 && is_constant_value(constant, e->items[0]))
		return 0;
	if (constant)
		return refuse(e, "in all events of this kind it is ", constant);
	if (!field)
		return take_twin(e) || e->is_log ? 0 : refuse_field(e);
	int err = event_builder_set(e->builder, name, e->items, e->n);
	if (!err || (e->is_log && err == -EINVAL && field->source == FIELD_DERIVED))
		return 0; /* a line of a log has members of its own under such names */
	if (err == -E2BIG)
		return refuse(e, "the event is too large for a record at ", field->name);
	char text[160], quoted[80];
	int n = snprintf(text, sizeof(text), "%s: %s is no value, it is %s", field->name,
			 e->n == 1 ? diag_quote(e->items[0], quoted, sizeof(quoted)) : "the list", kind_get(field->kind)->doc);
	return n < 0 ? -EINVAL : refuse(e, text, "");
}

static int add_item(struct json_event *e, enum json_token token, struct strview raw)
{
	if (e->n == EVENT_JSON_ITEMS)
		return refuse(e, "a list has more than 4096 items", "");
	int err = 0;
	if (token == JSON_STRING)
		err = json_unescape(raw, &e->text);
	else if (token == JSON_TRUE || token == JSON_FALSE)
		buf_add_z(&e->text, token == JSON_TRUE ? "true" : "false");
	else
		buf_add_sv(&e->text, raw);
	if (err == -EBADMSG)
		return refuse(e, "half of a surrogate pair stands in a text", "");
	e->ends[e->n++] = e->text.n;
	return err ? err : buf_error(&e->text);
}

static void place_items(struct json_event *e)
{
	for (size_t i = 0, from = 0; i < e->n; from = e->ends[i++])
		e->items[i] = (struct strview){ e->text.p ? e->text.p + from : "", e->ends[i] - from };
}

static int enter(struct json_event *e, struct strview key)
{
	size_t base = e->depth ? e->outer[e->depth - 1] : 0, dot = base > 0;
	if (base + dot + key.n >= sizeof(e->name)) /* no field has such a name */
		return refuse(e, "a member's name is too long", "");
	if (dot)
		e->name[base] = '.';
	if (key.n)
		memcpy(e->name + base + dot, key.p, key.n);
	e->name_n = base + dot + key.n;
	return 0;
}

/* The value behind a key, or the items of a list; token is its first. */
static int take_value(struct json_event *e, struct json_reader *r, enum json_token token, const struct event_type **ret_type)
{
	int err = 0;
	buf_reset(&e->text);
	e->n = 0;
	if (token == JSON_NULL)
		return 0;
	if (token != JSON_ARRAY)
		err = add_item(e, token, r->raw);
	for (token = token == JSON_ARRAY ? json_next(r) : JSON_ARRAY_END; !err && token != JSON_ARRAY_END; token = json_next(r))
		err = token == JSON_STRING || token == JSON_NUMBER || token == JSON_TRUE || token == JSON_FALSE ? add_item(e, token, r->raw) :
		      refuse(e, "a list of other than texts and numbers: ", e->name);
	if (err)
		return err;
	place_items(e);
	e->name[e->name_n] = '\0';
	return e->type ? take_field(e) : look_at(e, ret_type);
}

static int walk(struct json_event *e, struct strview text, const struct event_type **ret_type)
{
	struct json_reader *r = malloc(sizeof(*r));
	int err = r ? 0 : -ENOMEM;
	e->depth = 0;
	if (r)
		json_reader_init(r, text);
	while (!err) {
		enum json_token token = json_next(r);
		if (token == JSON_END)
			break;
		if (token == JSON_OBJECT) {
			e->outer[e->depth] = e->depth ? e->name_n : 0;
			e->depth++;
		} else if (token == JSON_OBJECT_END) {
			e->depth--;
		} else if (token == JSON_KEY) {
			err = enter(e, r->raw);
		} else if (token != JSON_ERROR && e->depth) {
			err = take_value(e, r, token, ret_type);
		} else {
			err = refuse(e, "an event is one JSON object: ", token == JSON_ERROR ? r->error : "this is none");
		}
	}
	free(r);
	return err;
}

int event_from_json(const struct event_text *from, struct event_builder *b, struct event *ret, struct diag *diag)
{
	const char *file = from->file;
	struct strview text = from->text;
	CLEANUP(json_event_done) struct json_event e = { .file = file, .builder = b, .rule = from->rule, .diag = diag, .text.max = EVENT_JSON_TEXT };
	const struct event_type *type = from->otherwise;
	const char *what = "";
	size_t at = 0;
	e.items = calloc(EVENT_JSON_ITEMS, sizeof(*e.items));
	e.ends = calloc(EVENT_JSON_ITEMS, sizeof(*e.ends));
	if (!e.items || !e.ends)
		return -ENOMEM;
	if (json_check(text, &what, &at)) {
		diag_error(diag, (struct place){ .file = file }, "no JSON, at byte %zu: %s", at, what);
		return -EINVAL;
	}
	int err = walk(&e, text, &type);
	if (!err && !type)
		err = refuse(&e, "which event it is has to be said: \"event\": \"file.open\"", "");
	if (err)
		return err;
	e.type = type;
	event_builder_begin(b, type);
	err = from->time_ns ? event_builder_set_time(b, from->time_ns) : 0;
	if (!err)
		err = walk(&e, text, &type);
	return err ? err : event_builder_event(b, ret);
}
