/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's rule files as one of the formats that the loader knows. */
#pragma once

#include "engine/rules/format.h"

extern const struct rule_format falco_format;
