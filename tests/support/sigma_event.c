/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sigma_event.h"

#include <errno.h>
#include <strings.h>

/* Whether the constants of a row are what the event says. */
static bool row_fits(const struct yaml_node *row, const struct yaml_node *fields)
{
	const struct yaml_node *map = yaml_get(row, "fields");
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		const struct yaml_node *constant = k->next->type == YAML_MAP ? yaml_get(k->next, "constant") : NULL;
		if (!constant || sv_is(constant->text, "this host"))
			continue;
		const struct yaml_node *value = yaml_get(fields, k->text.p);
		if (!value || strcasecmp(value->text.p, constant->text.p) != 0)
			return false;
	}
	return true;
}

static const struct yaml_node *find_row(const struct yaml_node *mapping, const char *category, const struct yaml_node *fields)
{
	const struct yaml_node *last = NULL, *rows = yaml_get(mapping, "sigma_mapping");
	for (const struct yaml_node *row = rows->first; row; row = row->next) {
		if (!sv_is(yaml_get(yaml_get(row, "logsource"), "category")->text, category))
			continue;
		last = row;
		if (row_fits(row, fields))
			return row;
	}
	return last;
}

static const struct event_type *event_of(const struct yaml_node *row)
{
	const struct yaml_node *event = yaml_get(row, "event");
	return event_type_by_name(event->type == YAML_LIST ? event->first->text : event->text);
}

int sigma_event_build(struct event_builder *b, const struct yaml_node *mapping, const char *category, const struct yaml_node *fields,
		      struct event *ret)
{
	const struct yaml_node *row = find_row(mapping, category, fields);
	if (!row)
		return -ENOENT;
	event_builder_begin(b, event_of(row));
	for (const struct yaml_node *k = fields->first; k; k = k->next->next) {
		const struct yaml_node *ours = yaml_get(yaml_get(row, "fields"), k->text.p);
		if (!ours)
			return -ENOENT;
		if (ours->type == YAML_MAP)
			continue;
		int err = event_builder_set(b, ours->text, &k->next->text, 1);
		if (err && err != -EINVAL)
			return err;
	}
	return event_builder_event(b, ret);
}
