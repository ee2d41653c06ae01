/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of rules that a load understands beside our own. */
#include "engine/rules/format.h"

const struct rule_format *const rule_formats[] = {
	NULL,
};
