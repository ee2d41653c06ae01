/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that the kernel cannot make, and what has to be so for them to hold: the beginning or the end that all texts have which a pattern
 * fits; of a field that is made of others, what it says of those. Never the whole of it, so nothing follows where the test does not hold.
 */
#pragma once

#include "engine/enforce/literal.h"

/* Of a pattern over a path or a file's name, which is the field of this name. *ret is left as it is where nothing follows. 0 or -ENOMEM; as the next one. */
int implied_by_pattern(struct value_sets *all, uint32_t event, const struct condition *c, const char *name, struct literal_test *ret) MUST_CHECK;
/* Of a test of a computed field that can hold on this event. */
int implied_by_computed(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret) MUST_CHECK;

/* It holds nothing that means something in a pattern. */
bool text_is_plain(struct strview text) PURE;
/* Of basename(path), where path is that field. */
int implied_by_basename(struct value_sets *all, uint32_t event, const struct condition *c, const char *path, struct literal_test *ret) MUST_CHECK;
