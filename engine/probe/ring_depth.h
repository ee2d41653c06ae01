/* SPDX-License-Identifier: Apache-2.0 */
/* How full a ring buffer of the kernel is: its two positions, read in shared memory, at no cost to who writes and reads it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

struct ring_depth {
	void *consumer, *producer; /* owned mappings of a page each; NULL: none */
	uint64_t size_bytes;
};

/* map_fd: of a ring buffer map. 0 or -errno. */
int ring_depth_open(int map_fd, struct ring_depth *ret) MUST_CHECK;
void ring_depth_close(struct ring_depth *r);
/* Bytes that wait to be read. */
uint64_t ring_depth_used(const struct ring_depth *r);
