/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that meet each other often: put together from a few pieces, with odd bytes and great lengths now and then. */
#pragma once

#include "engine/base/buf.h"
#include "tests/support/random.h"

/* Appends up to `most` pieces. */
void random_text(struct random *r, size_t most, struct buf *out);
/* Appends `like`, with something before or behind it, a part left off, or letters of the other case. */
void random_text_like(struct random *r, struct strview like, struct buf *out);
/* One text out of a row of them. */
const char *random_of(struct random *r, const char *const *texts, size_t n);
