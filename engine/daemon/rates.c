/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/rates.h"

#include "engine/base/attr.h"

void rates_add(struct rates *r, const struct rates_note *now)
{
	r->notes[r->next] = *now;
	r->next = (r->next + 1) % RATES_NOTES;
	r->n = MIN(r->n + 1, RATES_NOTES);
}

void rates_get(const struct rates *r, struct rates_note *ret)
{
	*ret = (struct rates_note){ 0 };
	if (r->n < 2)
		return;
	const struct rates_note *last = &r->notes[(r->next + RATES_NOTES - 1) % RATES_NOTES], *first = &r->notes[(r->next + RATES_NOTES - r->n) % RATES_NOTES];
	ret->boot_ns = last->boot_ns - first->boot_ns;
	ret->events = last->events - first->events;
	ret->alerts = last->alerts - first->alerts;
	ret->lost = last->lost - first->lost;
}
