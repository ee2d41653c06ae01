/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of rules that a load understands beside our own. */
#include "engine/rules/format.h"

#include "engine/import/falco_format.h"
#include "engine/import/sigma.h"

const struct rule_format *const rule_formats[] = {
	&falco_format,
	&sigma_format,
	NULL,
};
