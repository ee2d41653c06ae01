/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the kernel of the ancestors of processes that were there before the rules that ask for them. A process that is not told of has unknown
 * ancestors, for which each rule's own default decides: deny, unless it says otherwise.
 */
#pragma once

#include "engine/enforce/tables.h"
#include "engine/enrich/enrich.h"
#include "engine/probe/sensor.h"

/*
 * Of the tables that were filled last, and of those processes alone whose ancestors are not known for their epoch yet. Returns how many that
 * were; without predicates about ancestors nothing is done. -ENOMEM, or what the mount table or the kernel's refused, in diag.
 */
int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, struct diag *diag) MUST_CHECK;
