/* SPDX-License-Identifier: Apache-2.0 */
/* How often which rule refused something, by its id: it outlives reloads. Bounded: what finds no row is counted with the others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TALLY_ROWS = 64, TALLY_ID_BYTES = 96 };

struct tally {
	struct tally_row {
		char id[TALLY_ID_BYTES]; /* a longer one is cut */
		uint64_t n;
	} rows[TALLY_ROWS];
	size_t n_rows;
	uint64_t others;
};

void tally_count(struct tally *t, const char *id);
