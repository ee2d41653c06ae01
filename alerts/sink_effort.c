/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/sink_effort.h"

enum { WIDTH_FULL = 1024, GROW_MOST = 16 };

size_t effort_width(const struct effort *e, size_t n)
{
	return e->width ? MIN(e->width, n) : n;
}

void effort_succeeded(struct effort *e, size_t asked, bool is_whole)
{
	e->tries = e->alone = e->doubts = 0;
	if (!e->width || !is_whole || asked < e->width || ++e->good < e->grow)
		return;
	e->good = 0;
	e->width *= 2;
	if (e->width >= WIDTH_FULL)
		e->width = 0;
}

/* A width that was too much is tried again later each time; a receiver that was away says nothing about widths. */
void effort_failed(struct effort *e, size_t asked, bool may_be_line)
{
	e->tries++;
	e->good = 0;
	e->alone += asked == 1 && may_be_line;
	if (e->tries >= EFFORT_BROKEN) {
		e->width = e->grow = 1;
	} else if (e->width) {
		e->width = MAX(MIN(asked, e->width) / 2, (size_t)1);
		e->grow = MIN(e->grow * 2, (unsigned)GROW_MOST);
	}
}

bool effort_believes(struct effort *e, size_t taken, size_t refused)
{
	if (taken)
		e->refused = 0;
	if (!taken && refused && e->refused + refused > EFFORT_REFUSED)
		return false;
	e->refused += refused;
	return true;
}

bool effort_is_stuck(const struct effort *e)
{
	return e->alone >= (e->is_wary ? EFFORT_ALONE_AGAIN : EFFORT_ALONE);
}

bool effort_is_at_fault(struct effort *e)
{
	e->tries = 0; /* the receiver is there */
	e->grow = 1;
	if (++e->doubts < EFFORT_DOUBTS)
		return false;
	e->alone = e->doubts = 0;
	e->is_wary = true;
	return true;
}
