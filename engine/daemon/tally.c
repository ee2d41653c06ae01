/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/tally.h"

#include <stdio.h>
#include <string.h>

void tally_count(struct tally *t, const char *id)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		if (strncmp(t->rows[i].id, id, TALLY_ID_BYTES - 1) == 0) {
			t->rows[i].n++;
			return;
		}
	}
	if (t->n_rows == TALLY_ROWS) {
		t->others++;
		return;
	}
	struct tally_row *row = &t->rows[t->n_rows++];
	(void)snprintf(row->id, sizeof(row->id), "%s", id); /* a longer one is cut */
	row->n = 1;
}
