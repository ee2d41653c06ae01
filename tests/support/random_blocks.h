/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that block by chance, over all that the kernel can decide, and events that come near them. Paths lie on the mounts of random_mounts. */
#pragma once

#include "engine/base/buf.h"
#include "engine/enforce/dimensions.h"
#include "engine/event/builder.h"
#include "tests/support/random.h"

/* A mount table in which every path has one place, and every place one path: / on 8:1, /data on 8:2. */
extern const char random_mounts[];

/* A condition over fields of these events that the kernel can decide. */
void random_block_condition(struct random *r, const uint32_t *events, size_t n_events, struct buf *out);
/* A whole rule as YAML, named by its number. */
void random_block_rule(struct random *r, const uint32_t *events, size_t n_events, size_t number, struct buf *out);
/* One of the events whose hooks ask. */
uint32_t random_decided_event(struct random *r);

/* A path on one of the mounts. */
const char *random_block_path(struct random *r);
/* Every decided field of the event has a value, near those of the rules, or none. The names of each file agree. */
void random_block_event(struct random *r, struct event_builder *b, uint32_t event);
/* Gives the event a file by a path: both names, or only the one that images have. */
void random_block_set_file(struct event_builder *b, const char *field, const char *path);
