/* SPDX-License-Identifier: Apache-2.0 */
/* vedette fields: the events and fields that rules may use, from the table they are declared in. */
#include <getopt.h>
#include <stdlib.h>

#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/event/table.h"
#include "engine/rules/computed.h"

static const char help[] = "usage: vedette fields [--json] [EVENT|PREFIX]\n"
			   "\n"
			   "Without an argument: the events, then the fields that every event has. With the name of an event: all its fields.\n"
			   "With the beginning of a field's name (as destination. or file.open): the fields that begin so, and their events.\n"
			   "With falco: the names that Falco's rules use, which rules of every format may use.\n"
			   "\n"
			   "  --json   the same as one JSON object\n"
			   "  --help   this text\n"
			   "\n"
			   "Exit status: 0 fine, 1 no such event or field, 2 usage.\n";

struct listing {
	bool json;
	struct buf out;
	struct json j;
	size_t n;
};

static void add_symbols(struct listing *l, enum kind_id kind)
{
	uint64_t value;
	const char *text;
	if (!symbol_at(kind, 0, &value, &text))
		return;
	if (l->json) {
		json_key(&l->j, "symbols");
		json_array_begin(&l->j);
	} else {
		buf_add_z(&l->out, "      one of:");
	}
	for (size_t i = 0; symbol_at(kind, i, &value, &text); i++) {
		if (l->json)
			json_str(&l->j, sv_from(text));
		else
			buf_add_format(&l->out, " %s", text);
	}
	if (l->json)
		json_array_end(&l->j);
	else
		buf_add_char(&l->out, '\n');
}

/* events: bits of those that have the field; 0: not said. */
static void add_field(struct listing *l, const struct field *f, uint64_t events, bool with_symbols)
{
	const struct kind *kind = kind_get(f->kind);
	l->n++;
	if (l->json) {
		json_object_begin(&l->j);
		json_key(&l->j, "doc");
		json_str(&l->j, sv_from(f->doc));
		if (events) {
			json_key(&l->j, "events");
			json_array_begin(&l->j);
			for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
				if (events >> i & 1)
					json_str(&l->j, sv_from(event_type_by_number(i)->name));
			json_array_end(&l->j);
		}
		json_key(&l->j, "name");
		json_str(&l->j, sv_from(f->name));
		add_symbols(l, f->kind);
		json_key(&l->j, "type");
		json_str(&l->j, sv_from(kind->doc));
		json_object_end(&l->j);
		return;
	}
	buf_add_format(&l->out, "  %-34s %s (%s)\n", f->name, f->doc, kind->doc);
	if (with_symbols)
		add_symbols(l, f->kind);
	if (!events)
		return;
	buf_add_z(&l->out, "      in:");
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (events >> i & 1)
			buf_add_format(&l->out, " %s", event_type_by_number(i)->name);
	buf_add_char(&l->out, '\n');
}

static const char *argument_text(const struct computed *row)
{
	switch (row->argument) {
	case ARGUMENT_INDEX:
		return "[n]";
	case ARGUMENT_NAME:
		return "[name]";
	case ARGUMENT_DOTTED:
		return "name";
	case ARGUMENT_NONE:
		break;
	}
	return "";
}

/* A field that is computed, or another name of one. */
static void add_computed(struct listing *l, const struct computed *row)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "%s%s", row->name, argument_text(row));
	bool is_alias = !row->function && !row->never;
	l->n++;
	if (l->json) {
		json_object_begin(&l->j);
		json_key(&l->j, is_alias ? "alias_of" : "computed");
		if (is_alias)
			json_str(&l->j, sv_from(row->of));
		else
			json_bool(&l->j, true);
		json_key(&l->j, "doc");
		json_str(&l->j, sv_from(row->doc));
		json_key(&l->j, "name");
		json_str(&l->j, sv_from(name));
		if (row->never) {
			json_key(&l->j, "never");
			json_bool(&l->j, true);
		}
		if (row->source) {
			json_key(&l->j, "source");
			json_str(&l->j, sv_from(row->source));
		}
		if (!is_alias) {
			json_key(&l->j, "type");
			json_str(&l->j, sv_from(kind_get(row->kind)->doc));
		}
		json_object_end(&l->j);
		return;
	}
	if (row->never)
		buf_add_format(&l->out, "  %-34s never has a value: %s\n", name, row->doc);
	else if (is_alias)
		buf_add_format(&l->out, "  %-34s %s (= %s)\n", name, row->doc, row->of);
	else
		buf_add_format(&l->out, "  %-34s %s (%s)\n", name, row->doc, kind_get(row->kind)->doc);
}

/* is_all: whatever the name. */
static void list_computed(struct listing *l, struct strview prefix, bool is_all)
{
	for (size_t i = 0; computed_at(i); i++)
		if (is_all || sv_starts(sv_from(computed_at(i)->name), prefix))
			add_computed(l, computed_at(i));
}

static void list_event_fields(struct listing *l, const struct event_type *type, bool only_shared)
{
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(type, fields);
	for (size_t i = 0; i < n; i++)
		if (!only_shared || fields[i]->source != FIELD_OWN)
			add_field(l, fields[i], 0, !only_shared);
}

static const struct event_type *any_event(void)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i) && event_type_by_number(i)->name[0])
			return event_type_by_number(i);
	return NULL;
}

static void list_events(struct listing *l)
{
	if (!l->json)
		buf_add_z(&l->out, "Events:\n");
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		if (!l->json) {
			buf_add_format(&l->out, "  %-24s %s\n", type->name, type->doc);
			continue;
		}
		json_object_begin(&l->j);
		json_key(&l->j, "doc");
		json_str(&l->j, sv_from(type->doc));
		json_key(&l->j, "name");
		json_str(&l->j, sv_from(type->name));
		json_object_end(&l->j);
	}
}

static uint64_t events_with(const char *name)
{
	uint64_t events = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (type && type->name[0] && field_find(type, sv_from(name)))
			events |= 1ull << i;
	}
	return events;
}

/* Each field once: at the first event that has it. */
static void list_prefix(struct listing *l, struct strview prefix)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		const struct field *fields[EVENT_MAX_FIELDS];
		if (!type || !type->name[0])
			continue;
		size_t n = event_type_sorted_fields(type, fields);
		for (size_t k = 0; k < n; k++) {
			uint64_t events = events_with(fields[k]->name);
			if (sv_starts(sv_from(fields[k]->name), prefix) && (uint32_t)__builtin_ctzll(events) == i)
				add_field(l, fields[k], events, true);
		}
	}
}

static void list_all(struct listing *l, const char *what)
{
	const struct event_type *type = what ? event_type_by_name(sv_from(what)) : NULL;
	if (l->json) {
		json_object_begin(&l->j);
		if (!what) {
			json_key(&l->j, "events");
			json_array_begin(&l->j);
			list_events(l);
			json_array_end(&l->j);
		}
		json_key(&l->j, "fields");
		json_array_begin(&l->j);
	} else if (!what) {
		list_events(l);
		buf_add_z(&l->out, "\nFields of every event ('vedette fields EVENT' for all of one event):\n");
	}
	bool is_falco = what && strcmp(what, "falco") == 0;
	if (type) {
		list_event_fields(l, type, false);
	} else if (is_falco) {
		list_computed(l, SV(""), true);
	} else if (what) {
		list_prefix(l, sv_from(what));
		list_computed(l, sv_from(what), false);
	} else {
		list_event_fields(l, any_event(), true);
		if (!l->json)
			buf_add_z(&l->out, "\nThe names that Falco's rules use: 'vedette fields falco'.\n");
	}
	if (l->json) {
		json_array_end(&l->j);
		json_object_end(&l->j);
		buf_add_char(&l->out, '\n');
	}
}

enum { NAMES_MAX = 1024 }; /* of events and fields; more would only not be suggested */

static int refuse_name(struct strview name)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		const struct field *fields[EVENT_MAX_FIELDS];
		if (!type || !type->name[0])
			continue;
		size_t n_fields = event_type_sorted_fields(type, fields);
		if (n < NAMES_MAX)
			names[n++] = type->name;
		for (size_t k = 0; k < n_fields && n < NAMES_MAX; k++)
			if ((uint32_t)__builtin_ctzll(events_with(fields[k]->name)) == i) /* each once */
				names[n++] = fields[k]->name;
	}
	const char *near = diag_suggest(name, names, n);
	char quoted[80];
	fprintf(stderr, "vedette fields: no event or field begins with %s", diag_quote(name, quoted, sizeof(quoted)));
	if (near)
		fprintf(stderr, " (did you mean '%s'?)", near);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

int cmd_fields(int argc, char **argv)
{
	CLEANUP(rules_options_done) struct rules_options options = { 0 };
	int status = rules_options_read(argc, argv, help, (const char *const[2]){ NULL }, &options);
	if (status || options.is_done)
		return status;
	if (argc - optind > 1) {
		fprintf(stderr, "vedette fields: one event or prefix at most; try 'vedette fields --help'\n");
		return EXIT_USAGE;
	}
	struct listing l = { .json = options.json };
	json_init(&l.j, &l.out);
	list_all(&l, argv[optind]);
	if (l.n == 0) {
		status = refuse_name(sv_from(argv[optind]));
	} else {
		status = output_write(&l.out);
	}
	buf_done(&l.out);
	return status;
}
