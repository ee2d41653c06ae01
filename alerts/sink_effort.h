/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a sink's thread tries: how many lines it gives at once, when it stops to believe a receiver that refuses everything, and when a line that
 * fails by itself is at fault. Numbers only: it sends nothing, and knows no receiver.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

enum {
	EFFORT_BROKEN = 5,       /* failures on end */
	EFFORT_REFUSED = 20,     /* lines on end that may be refused, without one that is taken */
	EFFORT_ALONE = 8,        /* failures of one line by itself before others are tried meanwhile */
	EFFORT_ALONE_AGAIN = 3,  /* when a line was at fault before */
	EFFORT_DOUBTS = 3,       /* so often others have to be taken while it fails */
};

struct effort {
	unsigned tries;      /* failures on end */
	size_t width;        /* lines given at once; 0: as many as there are */
	unsigned good, grow; /* successes on end at this width; so many double it */
	uint64_t refused;    /* lines on end, and none taken since */
	unsigned alone;      /* failures of the first line by itself that may be its fault */
	unsigned doubts;     /* others that were taken meanwhile */
	bool is_wary;        /* a line was at fault before */
};

/* How many of n lines are given now. */
size_t effort_width(const struct effort *e, size_t n) PURE;
/* The first of `asked` lines was settled; is_whole: all of them were. */
void effort_succeeded(struct effort *e, size_t asked, bool is_whole);
/* None of `asked` lines was; may_be_line: the receiver is there, and perhaps it is the line that it does not like. */
void effort_failed(struct effort *e, size_t asked, bool may_be_line);
/* What an answer says of lines: is it to be believed? No: so many refusals are a fault of the receiver, or ours, and the lines are kept. */
bool effort_believes(struct effort *e, size_t taken, size_t refused) MUST_CHECK;
/* The first line fails again and again: others should be tried. */
bool effort_is_stuck(const struct effort *e) PURE;
/* Another line was taken, and the first one failed once more; true: often enough, it is at fault, and effort begins anew without it. */
bool effort_is_at_fault(struct effort *e) MUST_CHECK;
