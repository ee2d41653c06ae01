/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of rules about several events: a list of events with their times. They are run by engine/state. */
#include <errno.h>

#include "engine/base/num.h"
#include "engine/rules/set.h"

enum { CASE_MAX_EVENTS = 256, CASE_MAX_TIMES = 10000 };

static int read_duration(struct compiler *c, const struct yaml_node *node, const char *what, uint64_t *ret)
{
	if (!node || (node->type == YAML_SCALAR && num_parse_duration(node->text, ret) == 0 && *ret <= STATEFUL_MAX_WITHIN_NS * 7))
		return 0;
	diag_error(c->diag, node->at, "case: %s: expected a time with its unit, as 250ms, 10s or 5m", what);
	return -EINVAL;
}

static int read_times(struct compiler *c, const struct yaml_node *node, uint32_t *ret)
{
	uint64_t n = 1;
	if (node && (node->type != YAML_SCALAR || num_parse_u64(node->text, CASE_MAX_TIMES, &n) || n == 0)) {
		diag_error(c->diag, node->at, "case: times: expected a number, 1 to %d", CASE_MAX_TIMES);
		return -EINVAL;
	}
	*ret = (uint32_t)n;
	return 0;
}

static int read_one(struct compiler *c, const struct yaml_node *map, const struct rule *rule, struct case_event *ret)
{
	if (map->type != YAML_MAP) {
		diag_error(c->diag, map->at, "case: expected an event, {at: 2s, event: ..., field: value, ...}, found %s", yaml_type_name(map->type));
		return -EINVAL;
	}
	ret->one = (struct rule_case){ .at = map->at, .is_in_list = true, .type = case_event_type(c, map, rule) };
	ret->one.at.file = c->file;
	int err = ret->one.type ? read_duration(c, yaml_get(map, "at"), "at", &ret->at_ns) : -EINVAL;
	if (!err)
		err = read_duration(c, yaml_get(map, "every"), "every", &ret->every_ns);
	if (!err)
		err = read_times(c, yaml_get(map, "times"), &ret->times);
	return err ? err : case_fields_read(c, rule, map, &ret->one);
}

int case_events_read(struct compiler *c, const struct yaml_node *node, const struct rule *rule, struct rule_case *ret)
{
	bool is_list = node->type == YAML_LIST;
	size_t n = is_list ? node->n : 1;
	if (n == 0 || n > CASE_MAX_EVENTS) {
		diag_error(c->diag, node->at, "case: expected a list of 1 to %d events", CASE_MAX_EVENTS);
		return -EINVAL;
	}
	ret->events = arena_alloc(c->arena, n * sizeof(*ret->events));
	if (!ret->events) {
		c->no_memory = true;
		return -ENOMEM;
	}
	for (const struct yaml_node *item = is_list ? node->first : node; ret->n_events < n; item = item->next) {
		int err = read_one(c, item, rule, &ret->events[ret->n_events]);
		if (err)
			return err;
		ret->n_events++;
	}
	const struct rule_case *last = &ret->events[n - 1].one;
	ret->type = last->type;
	ret->fields = last->fields;
	ret->n = last->n;
	return 0;
}
