/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines does a file hold already? By their hashes, not by what they say of themselves: who may write to the file must not be able to claim that a line
 * which is still to come stands there.
 */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct known_lines {
	uint64_t *hash; /* owned; in order unless is_mixed */
	size_t n, cap;
	bool is_mixed;
};

/* 0 or -ENOMEM. */
int known_lines_add(struct known_lines *k, struct strview line) MUST_CHECK;
/* Not const: what was added is put in order first. */
bool known_lines_has(struct known_lines *k, struct strview line);
void known_lines_clear(struct known_lines *k);
void known_lines_done(struct known_lines *k);
