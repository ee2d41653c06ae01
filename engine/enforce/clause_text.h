/* SPDX-License-Identifier: Apache-2.0 */
/* Clauses as people write conditions: for what is said of them, never to be read back. */
#pragma once

#include "engine/base/buf.h"
#include "engine/enforce/clause.h"

enum { CLAUSE_TEXT_VALUES = 4, CLAUSE_TEXT_ALTERNATIVES = 6 }; /* as many are written out; of the rest, how many there are */

/* "file.name in (.bashrc, .profile) and file.open.write = true or ..." */
void clauses_text(const struct clauses *c, uint32_t event, struct buf *out);
