/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the kernel of the ancestors of processes that were there before the rules that ask for them. A process that is not told of has unknown
 * ancestors, for which each rule's own default decides: deny, unless it says otherwise.
 */
#pragma once

#include "engine/enforce/tables.h"
#include "engine/enrich/enrich.h"
#include "engine/probe/sensor.h"

/* 0; without predicates about ancestors nothing is done. -ENOMEM, or what the mount table or the kernel's refused, in diag. */
int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, struct diag *diag) MUST_CHECK;
