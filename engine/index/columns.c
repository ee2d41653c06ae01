/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are not known yet, and those that are not read in place. */
#include "engine/index/columns.h"

#include "engine/index/address_index.h"
#include "engine/index/text_index.h"
#include "engine/rules/match.h"

static void ask(struct engine *e, const struct event *ev, uint32_t predicate)
{
	enum truth truth = test_holds(e->predicates.p[predicate].node->test, ev, e->matcher, false);
	if (truth != TRUTH_FALSE)
		bitset_add(&e->finder.held, predicate * 2 + (truth == TRUTH_UNDECIDED));
}

/* Looks at a value that is not known. */
static uint16_t list_of_new(struct engine *e, const struct input *in, const struct event *ev, const struct value *value)
{
	struct finder *f = &e->finder;
	size_t at = 0, n = 0;
	uint32_t i;
	if (in->text)
		text_index_find(in->text, value, f);
	if (in->addresses)
		address_index_find(in->addresses, &value->ip, f);
	for (size_t k = 0; k < in->n_asked; k++)
		finder_ask(f, in->asked[k]);
	while (bitset_take(&f->asked, &at, &i))
		ask(e, ev, i);
	at = 0;
	while (bitset_take(&f->held, &at, &i))
		e->items[n++] = i;
	return engine_list_id(e, &e->lists, e->items, n);
}

uint16_t column_list_of_missed(struct engine *e, const struct column *c, const struct event *ev, const struct value *value,
			       struct strview bytes, uint64_t hash)
{
	const struct input *in = &e->predicates.inputs[c->input];
	struct value own = { .class = in->class, .kind = KIND_STR };
	if (c->access == ACCESS_ADDRESS)
		memcpy(&own.ip, bytes.p, sizeof(own.ip));
	else
		own.s = (struct strview){ bytes.p, c->access == ACCESS_COMM ? strnlen(bytes.p, bytes.n) : bytes.n };
	bool is_put_first = value != NULL; /* asking may overwrite the memory that a computed text lies in; what lies in the event stays */
	struct value_place *place = NULL;
	e->values.misses++;
	if (is_put_first && !e->config.no_cache)
		place = values_put(&e->values, c->input, bytes, hash);
	uint16_t list = list_of_new(e, in, ev, value ? value : &own);
	if (!is_put_first && !e->config.no_cache) /* by now the memory that it goes to is near */
		place = values_put(&e->values, c->input, bytes, hash);
	if (place)
		place->list = list;
	return list;
}

static uint16_t list_of_bytes(struct engine *e, const struct column *c, const struct event *ev, const struct value *value,
				     struct strview bytes)
{
	if (bytes.n > VALUE_MAX || e->config.no_cache)
		return column_list_of_missed(e, c, ev, value, bytes, 0);
	uint64_t hash = values_hash(&e->values, c->input, bytes);
	const struct value_place *place = values_find(&e->values, c->input, bytes, hash);
	return place && place->list != LIST_NONE ? place->list : column_list_of_missed(e, c, ev, value, bytes, hash);
}

uint16_t column_list_of_any(struct engine *e, const struct column *c, const struct event *ev)
{
	const struct input *in = &e->predicates.inputs[c->input];
	if (c->access == ACCESS_WHOLE_IMAGE)
		return list_of_new(e, in, ev, NULL);
	e->matcher->used = 0;
	size_t before = e->matcher->undecided;
	struct value v = field_ref_value(e->matcher, ev, in->ref);
	if (e->matcher->undecided != before)
		return LIST_NONE;
	if (v.is_missing)
		return LIST_EMPTY;
	switch (v.class) {
	case CLASS_STR:
	case CLASS_LIST:
		return list_of_bytes(e, c, ev, &v, v.s);
	case CLASS_IP:
		return list_of_bytes(e, c, ev, &v, (struct strview){ (const char *)&v.ip, sizeof(v.ip) });
	case CLASS_FLAGS:
		if (v.u == 0)
			return LIST_EMPTY;
		/* fall through */
	default:
		if (in->numbers)
			return number_index_list(in->numbers, v.u);
		return list_of_bytes(e, c, ev, &v, (struct strview){ (const char *)&v.u, sizeof(v.u) });
	}
}
