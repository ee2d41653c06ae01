/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions as text: joined of parts from several files, with the names of lists replaced by their items as Falco does it, before
 * anything is parsed. Each byte keeps the place it came from.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/strmap.h"
#include "engine/import/falco_filter.h"
#include "engine/rules/source.h"

struct falco_text {
	struct buf bytes;
	struct place *places; /* owned; one for each byte, and one for the end */
	size_t size;
	bool failed;          /* no memory */
};

void falco_text_done(struct falco_text *t);
/* A scalar of a file. */
void falco_text_add_node(struct falco_text *t, const struct yaml_node *node, const struct raw_file *file);
/* A text whose bytes all have one place. */
void falco_text_add(struct falco_text *t, struct strview text, struct place at);
/* 0 or -ENOMEM. */
int falco_text_error(const struct falco_text *t) MUST_CHECK;
/* A view for the parser; valid until the next addition. */
struct falco_source falco_text_source(const struct falco_text *t);

/* An item as it stands in conditions: with blanks inside it is put in double quotes, unless it begins with a quote. */
void falco_text_add_item(struct falco_text *t, struct strview item, struct place at);

/* at: of the item in its own file. */
struct falco_item {
	struct strview text;
	struct place at;
};

/* The items of a list, nested lists put in; false when there is no list of the name. */
struct falco_items {
	const struct falco_item *items;
	size_t n;
};
typedef bool falco_list_items(void *lists, struct strview name, struct falco_items *ret);

/*
 * The text with each name of a list, standing between blanks, commas, parentheses, '=' or an end, replaced by its items. An empty list
 * takes a comma beside it along. Quotes do not protect: so Falco does it. Items have the place of the name, where what does not fit a
 * field is found; those that can break the syntax have their own. Past FILTER_MAX_BYTES, which falco_filter_parse refuses, it
 * may end anywhere.
 */
void falco_text_expand(const struct falco_text *in, falco_list_items *items_of, void *lists, struct falco_text *out);
