/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/image.h"

#include <string.h>

#include "engine/rules/explain.h"
#include "engine/rules/op.h"

/* Not the creators: those of before the sensor may become known later. */
static bool is_of_itself(const struct field_ref *field, uint32_t event)
{
	static const char *const names[] = { "process.executable", "process.command_line", "process.args", "process.working_directory" };
	const struct field *f = field->by_event[event];
	if (!f || !field->is_of_image)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(f->name, names[i]) == 0)
			return true;
	return false;
}

static bool is_of_image(const struct test *t, uint32_t event)
{
	const struct field_ref *fields[EXPLAIN_MAX_FIELDS];
	size_t n = test_fields(t, fields);
	for (size_t i = 0; i < n; i++)
		if (!is_of_itself(fields[i], event))
			return false;
	return n > 0 && n < EXPLAIN_MAX_FIELDS;
}

/* As deep as CONDITION_MAX_DEPTH, as the next one. */
static bool can_be(const struct condition *c, uint32_t event, bool wanted)
{
	if (c->type == NODE_CONST)
		return c->truth == wanted;
	if (c->type == NODE_TEST)
		return is_of_image(c->test, event);
	if (c->type == NODE_NOT)
		return can_be(c->children[0], event, !wanted);
	/* one child makes an `and` false and an `or` true, all together the other way round */
	bool is_one_enough = (c->type == NODE_OR) == wanted;
	for (size_t i = 0; i < c->n; i++)
		if (can_be(c->children[i], event, wanted) == is_one_enough)
			return is_one_enough;
	return !is_one_enough;
}

bool image_can_rule_out(const struct condition *c, uint32_t event)
{
	return can_be(c, event, false);
}

static enum truth truth_of(const struct condition *c, const struct event *ev, struct matcher *m, bool is_negated)
{
	bool is_and = c->type == NODE_AND;
	enum truth sum = is_and ? TRUTH_TRUE : TRUTH_FALSE;
	if (c->type == NODE_CONST)
		return c->truth ? TRUTH_TRUE : TRUTH_FALSE;
	if (c->type == NODE_TEST)
		return is_of_image(c->test, ev->type->number) ? test_holds(c->test, ev, m, is_negated) : TRUTH_UNDECIDED;
	if (c->type == NODE_NOT)
		return truth_not(truth_of(c->children[0], ev, m, !is_negated));
	for (size_t i = 0; i < c->n; i++) {
		enum truth one = truth_of(c->children[i], ev, m, is_negated);
		sum = is_and ? truth_and(sum, one) : truth_or(sum, one);
	}
	return sum;
}

bool image_may_hold(const struct condition *c, const struct event *ev, struct matcher *m)
{
	m->undecided_test = NULL;
	return truth_of(c, ev, m, false) != TRUTH_FALSE;
}

bool image_is_known(const struct event *ev)
{
	const struct derived *d = ev->derived;
	return d && d->image.id && IS_DERIVED(d, executable) && IS_DERIVED(d, args) && ev->type->number != EVENT_PROC_EXEC;
}
