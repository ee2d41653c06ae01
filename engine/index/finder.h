/* SPDX-License-Identifier: Apache-2.0 */
/* What an index finds of one value: predicates that hold, and predicates that must be asked because the index only rules most values out. */
#pragma once

#include "engine/event/value.h"
#include "engine/index/bitset.h"

enum {
	FOLD_MAX = 256 * 1024, /* longer texts are not looked up: every predicate is asked */
};

struct finder {
	struct bitset held;  /* twice the predicate, plus one where it is not known whether it holds */
	struct bitset asked; /* predicates */
	char *folded;        /* owned; FOLD_MAX bytes */
};

static inline void finder_holds(struct finder *f, uint32_t predicate)
{
	bitset_add(&f->held, predicate * 2);
}

static inline void finder_ask(struct finder *f, uint32_t predicate)
{
	bitset_add(&f->asked, predicate);
}
