/* SPDX-License-Identifier: Apache-2.0 */
/* What became of which rule's alerts, by its id: it outlives reloads. Bounded: rules that find no row are counted together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/rules/ruleset.h"

enum { RULE_COUNTS_ROWS = 256, RULE_COUNTS_SLOTS = 1024, RULE_COUNTS_ID_BYTES = 96 };

enum rule_count { COUNT_ALERTS, COUNT_BLOCKED, COUNT_THROTTLED, COUNT_LIMITED, COUNT_KINDS };

struct rule_counts {
	struct rule_counts_row {
		char id[RULE_COUNTS_ID_BYTES]; /* a longer one is cut */
		enum severity severity;        /* of the rule when it was met first */
		uint64_t n[COUNT_KINDS];
	} rows[RULE_COUNTS_ROWS];
	size_t n_rows;
	uint64_t others[COUNT_KINDS];
	uint16_t slots[RULE_COUNTS_SLOTS]; /* by hash of the id: a row plus one */
};

void rule_counts_add(struct rule_counts *c, const struct rule_info *rule, enum rule_count what);
