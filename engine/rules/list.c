/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of values, lists in them replaced by their values. */
#include <errno.h>
#include <stdlib.h>

#include "engine/rules/compile.h"

void value_list_done(struct value_list *list)
{
	free(list->p);
	*list = (struct value_list){ 0 };
}

int value_list_add(struct compiler *c, struct value_list *list, struct written_value v)
{
	if (list->n == TEST_MAX_VALUES) {
		diag_error(c->diag, v.at, "too many values in one list (%d at most)", TEST_MAX_VALUES);
		return -E2BIG;
	}
	if (++c->n_values > RULES_MAX_VALUES) {
		diag_error(c->diag, v.at, "too many values in all lists and conditions together (%d at most)", RULES_MAX_VALUES);
		return -E2BIG;
	}
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 8;
		struct written_value *bigger = realloc(list->p, size * sizeof(*bigger));
		if (!bigger) {
			c->no_memory = true;
			return -ENOMEM;
		}
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = v;
	return 0;
}

static int expand(struct compiler *c, struct value_list *list, struct written_value v, unsigned depth)
{
	struct named_list *named = v.is_quoted ? NULL : strmap_get(&c->lists, v.text);
	if (!named)
		return value_list_add(c, list, v);
	if (named->state == RESOLVE_BUSY || depth == LIST_MAX_DEPTH) {
		char quoted[80];
		diag_error(c->diag, v.at, named->state == RESOLVE_BUSY ? "list %s is made of itself" : "list %s: lists nested too deep (16 levels at most)",
			   diag_quote(v.text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	named->is_used = true;
	int err = list_resolve(c, named, depth + 1);
	for (size_t i = 0; !err && i < named->n; i++)
		err = value_list_add(c, list, (struct written_value){ named->values[i].text, v.at, true });
	return err;
}

int value_list_expand(struct compiler *c, struct value_list *list, struct written_value v)
{
	return expand(c, list, v, 0);
}

static int expand_items(struct compiler *c, struct value_list *list, const struct yaml_node *items, unsigned depth)
{
	int err = 0;
	for (const struct yaml_node *item = items->first; item && !err; item = item->next)
		err = expand(c, list, (struct written_value){ item->text, item->at, item->is_quoted }, depth);
	return err;
}

int list_change(struct compiler *c, struct named_list *list, const char *file, const struct yaml_node *items, const struct yaml_node *append)
{
	if (items) {
		list->items = items;
		list->file = file;
		list->more = list->last = NULL;
	}
	if (!append)
		return 0;
	struct list_part *part = arena_alloc(c->arena, sizeof(*part));
	if (!part)
		return -ENOMEM;
	*part = (struct list_part){ .items = append, .file = file };
	if (list->last)
		list->last->next = part;
	else
		list->more = part;
	list->last = part;
	return 0;
}

int list_resolve(struct compiler *c, struct named_list *list, unsigned depth)
{
	if (list->state == RESOLVE_DONE)
		return 0;
	CLEANUP(value_list_done) struct value_list flat = { 0 };
	list->state = RESOLVE_BUSY;
	int err = expand_items(c, &flat, list->items, depth);
	for (const struct list_part *part = list->more; part && !err; part = part->next)
		err = expand_items(c, &flat, part->items, depth);
	list->state = RESOLVE_DONE;
	if (err)
		return err;
	list->values = arena_alloc(c->arena, flat.n * sizeof(*flat.p));
	if (!list->values) {
		c->no_memory = true;
		return -ENOMEM;
	}
	if (flat.n)
		memcpy(list->values, flat.p, flat.n * sizeof(*flat.p));
	for (size_t i = 0; i < flat.n; i++) {
		char *text = arena_text(c->arena, flat.p[i].text);
		c->no_memory |= !text;
		list->values[i].text.p = text;
	}
	list->n = c->no_memory ? 0 : flat.n;
	return c->no_memory ? -ENOMEM : 0;
}

const char *list_very_near(struct strview text, const char *const *names, size_t n)
{
	size_t most = text.n >= 8 ? 2 : text.n >= 4 ? 1 : 0;
	const char *near = diag_suggest(text, names, n);
	return near && diag_distance(text, sv_from(near)) <= most ? near : NULL;
}
