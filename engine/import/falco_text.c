/* SPDX-License-Identifier: Apache-2.0 */
/* Text with places. Owns its bytes; knows nothing of what they mean. */
#include "engine/import/falco_text.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/import/falco_scan.h"

void falco_text_done(struct falco_text *t)
{
	buf_done(&t->bytes);
	free(t->places);
	*t = (struct falco_text){ 0 };
}

int falco_text_error(const struct falco_text *t)
{
	return t->failed ? -ENOMEM : buf_error(&t->bytes);
}

/* Room for the places of n more bytes and the end. */
static bool reserve(struct falco_text *t, size_t n)
{
	size_t want = t->bytes.n + n + 1;
	if (t->failed || (t->places && want <= t->size))
		return !t->failed;
	size_t size = MAX(want, 2 * t->size);
	struct place *places = realloc(t->places, size * sizeof(*places));
	t->failed = !places;
	if (!places)
		return false;
	t->places = places;
	t->size = size;
	return true;
}

void falco_text_add(struct falco_text *t, struct strview text, struct place at)
{
	if (!reserve(t, text.n))
		return;
	for (size_t i = 0; i <= text.n; i++)
		t->places[t->bytes.n + i] = at;
	buf_add_sv(&t->bytes, text);
	t->failed |= t->bytes.failed;
}

void falco_text_add_node(struct falco_text *t, const struct yaml_node *node, const struct raw_file *file)
{
	CLEANUP(source_done) struct text_source source = { 0 };
	if (!reserve(t, node->text.n))
		return;
	if (source_of_node(node, file, &source)) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i <= node->text.n; i++)
		t->places[t->bytes.n + i] = source_place(&source, i);
	buf_add_sv(&t->bytes, node->text);
	t->failed |= t->bytes.failed;
}

struct falco_source falco_text_source(const struct falco_text *t)
{
	return (struct falco_source){ .text = buf_sv(&t->bytes), .places = t->places };
}

void falco_text_add_item(struct falco_text *t, struct strview item, struct place at)
{
	bool is_quoted = item.n && (item.p[0] == '"' || item.p[0] == '\'');
	bool needs_quotes = item.n && !is_quoted && memchr(item.p, ' ', item.n);
	if (needs_quotes)
		falco_text_add(t, SV("\""), at);
	falco_text_add(t, item, at);
	if (needs_quotes)
		falco_text_add(t, SV("\""), at);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_delimiter(char c)
{
	return is_blank(c) || c == '(' || c == ')' || c == ',' || c == '=';
}

static void cut(struct falco_text *t, size_t n)
{
	t->bytes.n -= n;
}

static void drop_blanks(struct falco_text *t)
{
	while (t->bytes.n && is_blank(t->bytes.p[t->bytes.n - 1]))
		cut(t, 1);
}

/* The parser refuses it in any case: more would only take memory. */
static bool is_too_long(const struct falco_text *t)
{
	return t->bytes.n > FILTER_MAX_BYTES;
}

/* Whether it is one value, whatever stands around it: a bare word, a text that gets quotes for its blanks, or one in quotes of its own. */
static bool is_one_value(struct strview item)
{
	char quote = item.n ? item.p[0] : 0;
	bool has_quotes = quote == '"' || quote == '\'', has_blank = item.n && memchr(item.p, ' ', item.n);
	if (has_quotes && (item.n < 2 || item.p[item.n - 1] != quote))
		return false;
	for (size_t i = has_quotes; i + has_quotes < item.n; i++) {
		char c = item.p[i];
		if (has_quotes || has_blank ? c == '\\' || c == (has_quotes ? quote : '"') : !falco_is_bare(c))
			return false;
	}
	return true;
}

/* One list in place of its name; *at is behind the name, and moved over what goes with it. */
static void put_list(const struct falco_text *in, const struct falco_items *list, struct place place, size_t *at, struct falco_text *out)
{
	drop_blanks(out);
	while (*at < in->bytes.n && is_blank(in->bytes.p[*at]))
		++*at;
	if (list->n == 0) {
		if (out->bytes.n && out->bytes.p[out->bytes.n - 1] == ',')
			cut(out, 1);
		else if (*at < in->bytes.n && in->bytes.p[*at] == ',')
			++*at;
	}
	falco_text_add(out, SV(" "), place);
	for (size_t i = 0; i < list->n && !is_too_long(out); i++) {
		if (i)
			falco_text_add(out, SV(", "), place);
		const struct falco_item *item = &list->items[i];
		falco_text_add_item(out, item->text, is_one_value(item->text) ? place : item->at);
	}
	falco_text_add(out, SV(" "), place);
}

void falco_text_expand(const struct falco_text *in, falco_list_items *items_of, void *lists, struct falco_text *out)
{
	const char *p = in->bytes.p;
	size_t n = in->bytes.n;
	for (size_t at = 0; at < n && !out->failed && !is_too_long(out);) {
		size_t from = at;
		while (at < n && !is_delimiter(p[at]))
			at++;
		struct falco_items list;
		if (at > from && items_of(lists, (struct strview){ p + from, at - from }, &list)) {
			put_list(in, &list, in->places[from], &at, out);
			continue;
		}
		at += at == from; /* a delimiter */
		if (!reserve(out, at - from))
			return;
		memcpy(out->places + out->bytes.n, in->places + from, (at - from + 1) * sizeof(*in->places));
		buf_add(&out->bytes, p + from, at - from);
		out->failed |= out->bytes.failed;
	}
	if (!out->places)
		falco_text_add(out, SV(""), in->places ? in->places[0] : (struct place){ 0 });
}
