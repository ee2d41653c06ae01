/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket is kept as one number, the time at which it would be full again: exact, and the same in a replay. */
#include "engine/daemon/noise.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/attr.h"

void noise_init(struct noise *n, const struct noise_options *options)
{
	*n = (struct noise){ .options = { .floor = SEVERITY_CRITICAL } };
	if (options)
		n->options = *options;
	n->interval_ns = n->options.rate ? 1000000000 / MIN(n->options.rate, NOISE_MAX_RATE) : 0;
	n->options.burst = MIN(MAX(n->options.burst, 1), NOISE_MAX_BURST);
}

bool noise_is_loud(const struct noise *n, enum severity severity)
{
	return (int)severity >= n->options.floor;
}

static bool take_token(struct noise *n, uint64_t boot_ns)
{
	n->latest_ns = MAX(n->latest_ns, boot_ns); /* late events take what is there now */
	n->due_ns = MAX(n->due_ns, n->latest_ns);
	if (n->due_ns - n->latest_ns > (n->options.burst - 1) * n->interval_ns)
		return false;
	n->due_ns += n->interval_ns;
	return true;
}

/* The rule's row, or that of all others. */
static struct noise_row *row_of(struct noise *n, const char *rule)
{
	for (size_t i = 0; i < n->n_rows; i++)
		if (strncmp(n->rows[i].rule, rule, NOISE_ID_BYTES - 1) == 0)
			return &n->rows[i];
	if (n->n_rows == NOISE_RULES) {
		n->has_others = true;
		return &n->rows[NOISE_RULES];
	}
	struct noise_row *row = &n->rows[n->n_rows++];
	(void)snprintf(row->rule, sizeof(row->rule), "%s", rule); /* a longer one is cut */
	return row;
}

bool noise_pass(struct noise *n, const struct noisy *alert)
{
	if (!n->interval_ns || take_token(n, alert->boot_ns))
		return true;
	struct noise_row *row = row_of(n, alert->rule);
	if (row->count++ == 0)
		row->first_ns = alert->wall_ns;
	row->last_ns = MAX(row->last_ns, alert->wall_ns);
	if (!n->tell_ns)
		n->tell_ns = n->latest_ns + NOISE_TELL_NS;
	n->held++;
	return false;
}

bool noise_take(struct noise *n, uint64_t boot_ns, struct noise_row *ret)
{
	if (!n->tell_ns || boot_ns < n->tell_ns)
		return false;
	if (n->n_told < n->n_rows) {
		*ret = n->rows[n->n_told++];
		return true;
	}
	bool is_left = n->has_others;
	*ret = n->rows[NOISE_RULES];
	memset(n->rows, 0, sizeof(n->rows));
	n->n_rows = n->n_told = 0;
	n->has_others = false;
	n->tell_ns = 0;
	return is_left;
}
