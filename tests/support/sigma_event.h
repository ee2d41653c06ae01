/* SPDX-License-Identifier: Apache-2.0 */
/* Events out of Sigma's fields, by the mapping table that comes with the program. */
#pragma once

#include "engine/base/yaml.h"
#include "engine/event/builder.h"

/*
 * The event of a category with the fields of a map, as far as ours can hold their values: what cannot be (a word for an address) is
 * missing. Where fields are the same in all events of a row, the row is taken that has the value; the last one when none has.
 * 0, or a negative errno.
 */
int sigma_event_build(struct event_builder *b, const struct yaml_node *mapping, const char *category, const struct yaml_node *fields,
		      struct event *ret) MUST_CHECK;
