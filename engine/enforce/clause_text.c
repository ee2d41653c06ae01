/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/clause_text.h"

static void add_item(struct buf *out, const struct value_set *p, size_t i)
{
	switch (dimension_kind(p->domain)) {
	case KIND_OF_TEXT:
		buf_add_z(out, p->domain == DIMENSION_ENDING ? "*" : "");
		buf_add_sv(out, p->texts[i].text);
		buf_add_z(out, p->texts[i].is_prefix ? "*" : "");
		return;
	case KIND_OF_ADDRESS:
		ip_text(out, &p->networks[i].ip);
		buf_add_format(out, "/%u", p->networks[i].ip.family == FAMILY_IPV4 ? p->networks[i].prefix - 96 : p->networks[i].prefix);
		return;
	default:
		buf_add_u64(out, p->ranges[i].low);
		if (p->ranges[i].high == UINT64_MAX)
			buf_add_z(out, " and more");
		else if (p->ranges[i].high > p->ranges[i].low)
			buf_add_format(out, " to %llu", (unsigned long long)p->ranges[i].high);
	}
}

static void add_items(struct buf *out, const struct value_set *p)
{
	if (p->is_any) {
		buf_add_z(out, " exists");
		return;
	}
	buf_add_z(out, p->n == 1 ? " = " : " in (");
	for (size_t i = 0; i < p->n && i < CLAUSE_TEXT_VALUES; i++) {
		buf_add_z(out, i ? ", " : "");
		add_item(out, p, i);
	}
	if (p->n > CLAUSE_TEXT_VALUES)
		buf_add_format(out, ", and %zu more", p->n - CLAUSE_TEXT_VALUES);
	buf_add_z(out, p->n == 1 ? "" : ")");
}

/* What the set says of one truth value. */
enum said { SAID_FALSE, SAID_TRUE, SAID_NOTHING, SAID_WITH_OTHERS };

static enum said said_of(const struct value_set *p, int bit)
{
	size_t n = 0, n_set = 0, n_alone = 0;
	for (uint64_t i = 0; i < SMALL_FLAGS; i++) {
		bool is_in = value_set_has_number(p, i);
		n += is_in;
		n_set += is_in && (i >> bit & 1);
		n_alone += is_in != value_set_has_number(p, i ^ 1ull << bit);
	}
	return n_set == n ? SAID_TRUE : !n_set ? SAID_FALSE : n_alone ? SAID_WITH_OTHERS : SAID_NOTHING;
}

/* A set of numbers of FLAGS as truth values; where they depend on one another, which they are. */
static void add_flags(struct buf *out, uint32_t event, const struct value_set *p)
{
	size_t said = 0, together = 0;
	struct decided_field f;
	for (size_t i = 0; decided_field_at(event, i, &f); i++)
		if (f.dimension == DIMENSION_FLAGS && said_of(p, f.bit) <= SAID_TRUE)
			buf_add_format(out, "%s%s = %s", said++ ? " and " : "", f.name, said_of(p, f.bit) == SAID_TRUE ? "true" : "false");
	for (size_t i = 0; decided_field_at(event, i, &f); i++)
		if (f.dimension == DIMENSION_FLAGS && said_of(p, f.bit) == SAID_WITH_OTHERS)
			buf_add_format(out, "%s%s", together++ ? ", " : said ? " and some of " : "some of ", f.name);
}

static void add_literal(struct buf *out, uint32_t event, const struct clause_literal *l)
{
	buf_add_z(out, l->is_negated ? "not " : "");
	if (l->dimension == DIMENSION_FLAGS) {
		add_flags(out, event, l->predicate);
		return;
	}
	if (l->dimension == DIMENSION_IMAGE) {
		buf_add_z(out, "a process of which it may hold");
		return;
	}
	buf_add_z(out, dimension_field(event, l->dimension));
	add_items(out, l->predicate);
}

void clauses_text(const struct clauses *c, uint32_t event, struct buf *out)
{
	for (size_t i = 0; i < c->n && i < CLAUSE_TEXT_ALTERNATIVES; i++) {
		buf_add_z(out, i ? ", or " : "");
		for (size_t k = 0; k < c->p[i].n; k++) {
			buf_add_z(out, k ? " and " : "");
			add_literal(out, event, &c->p[i].literals[k]);
		}
	}
	if (c->n > CLAUSE_TEXT_ALTERNATIVES)
		buf_add_format(out, ", or one of %zu more", c->n - CLAUSE_TEXT_ALTERNATIVES);
}
