/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/rule_counts.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/strview.h"

/* Ids are made by who writes rules, not by who is watched: a plain hash will do. There are more slots than rows, so one is free. */
static uint16_t *slot_of(struct rule_counts *c, const char *id)
{
	struct strview text = { id, strnlen(id, RULE_COUNTS_ID_BYTES - 1) };
	for (size_t i = (size_t)sv_hash(text);; i++) {
		uint16_t *slot = &c->slots[i % RULE_COUNTS_SLOTS];
		if (!*slot || sv_is(text, c->rows[*slot - 1].id))
			return slot;
	}
}

void rule_counts_add(struct rule_counts *c, const struct rule_info *rule, enum rule_count what)
{
	uint16_t *slot = slot_of(c, rule->id);
	if (!*slot && c->n_rows == RULE_COUNTS_ROWS) {
		c->others[what]++;
		return;
	}
	if (!*slot) {
		struct rule_counts_row *row = &c->rows[c->n_rows++];
		(void)snprintf(row->id, sizeof(row->id), "%s", rule->id); /* a longer one is cut */
		row->severity = rule->severity;
		*slot = (uint16_t)c->n_rows;
	}
	c->rows[*slot - 1].n[what]++;
}
