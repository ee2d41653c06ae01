/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the kernel of the ancestors of processes that were there before the rules that ask for them. A process that is not told of has unknown
 * ancestors, for which each rule's own default decides: deny, unless it says otherwise.
 */
#pragma once

#include "engine/enforce/tables.h"
#include "engine/enrich/enrich.h"
#include "engine/probe/inherited.h"
#include "engine/probe/sensor.h"

/* What is known already, by other tables, and counts more than what /proc and records say. */
struct ancestry_past {
	const struct inherited *labels; /* NULL: nothing is */
	uint64_t until_boot_ns;         /* they were kept until then; 0: they are */
	bool is_doubtful;               /* by another mount table: what is known otherwise counts more */
};

/*
 * Of the tables that were filled last, and of those processes alone whose ancestors are not known for their epoch yet. Returns how many that
 * were; without predicates about ancestors nothing is done. -ENOMEM, or what the mount table or the kernel's refused, in diag.
 */
int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, const struct ancestry_past *past, struct diag *diag) MUST_CHECK;
