/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What labels by other tables say of the ancestors of processes: by an earlier engine's, or by those in force before others. /proc cannot say it:
 * whose creator has ended is a child of the first process there. The labels are read by what they mean, predicate by predicate.
 */
#pragma once

#include "engine/probe/left.h"
#include "engine/probe/sensor.h"
#include "engine/probe/verdicts.h"

struct inherited;

/*
 * Of the tables that are to be in force now. *ret is NULL when there is nothing: no earlier engine, or one of another layout, or none of whose
 * predicates is asked for. What was opened outlives left_undo and left_free. 0, or -errno with the reason.
 */
int inherited_open(const struct left *l, const struct verdict_tables *now, struct inherited **ret, struct diag *diag) MUST_CHECK;
/* The same of this sensor's own tables in force, when others were filled that are to follow them. */
int inherited_of(const struct sensor *s, const struct verdict_tables *now, struct inherited **ret) MUST_CHECK;
void inherited_free(struct inherited **h);

enum inherited_answer {
	INHERITED_OTHER,   /* nothing of the tables' predicates was asked for before: they are worked out as if there had been nobody */
	INHERITED_UNKNOWN, /* it was not known then */
	INHERITED_KNOWN,
};
/* Whether all that is asked for now was asked for then. */
bool inherited_is_all(const struct inherited *h, const struct verdict_tables *now) PURE;
/*
 * Of the process's present image, unless it came after left_undo. Bits that earlier rules asked for, too, are written into ret_creators by what was
 * known, all others stay as they are.
 */
enum inherited_answer inherited_find(const struct inherited *h, const struct told_process *of, struct label_part *ret_creators);
