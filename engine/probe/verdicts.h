/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of one generation of verdicts, as engine/enforce makes them and the sensor puts them into the kernel. Plain data: no rules,
 * no conditions. bpf/decision_abi.h says what each means.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/decision_abi.h"

struct verdict_text {
	struct policy_text_key key;
	struct policy_text value;
};
struct verdict_number {
	struct policy_number_key key;
	uint32_t class;
};
struct verdict_address {
	struct policy_address_key key;
	uint32_t class;
};

/* What an ancestor predicate is called, as far as two have to be told apart. length 0: nobody asks for the bit. */
struct ancestor_name {
	uint64_t hash, length;
};

/* All owned by whoever made the tables. */
struct verdict_tables {
	struct policy_head head; /* what is filled in when the tables are put in force may be 0 */
	struct policy_row *rows;
	struct verdict_text *texts;
	struct verdict_number *numbers;
	struct verdict_address *addresses;
	struct policy_clause *clauses;
	struct policy_ancestor_mask *ancestor_masks; /* by policy_text.ancestor; 0: none hold */
	struct ancestor_name ancestor_names[POLICY_ANCESTORS];
	struct policy_ancestor_rows *ancestor_rows;  /* [predicate * n_ancestor_events + event number] */
	size_t n_rows, n_texts, n_numbers, n_addresses, n_clauses, n_ancestor_masks, n_ancestor_events;
};
