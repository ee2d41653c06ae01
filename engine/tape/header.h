/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of the first and the last block. */
#pragma once

#include "engine/tape/frame.h"
#include "engine/tape/tape.h"

/* layout: of layout_write. */
void header_write(const struct tape_info *info, struct strview layout, struct buf *out);
/* Names that are not known are passed over. 0 or -EBADMSG. */
int header_read(struct strview payload, struct tape_info *ret_info, struct strview *ret_layout) MUST_CHECK;

/* Events are named by their number on the tape. */
void totals_write(const struct tape_totals *totals, uint64_t events, uint64_t dropped, struct buf *out);
int totals_read(struct strview payload, struct tape_totals *ret, uint64_t *ret_events, uint64_t *ret_dropped) MUST_CHECK;
