/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What derived.ancestors tells, as bytes: for events that outlive the table of processes or leave it, on a tape or in a rule's memory.
 * For each ancestor, little-endian: pid (4), start (8), lengths of name, executable and arguments (4 each), then these texts.
 */
#pragma once

#include "engine/event/event.h"

/* Bytes that it takes; written if that is room at most. Needs d->ancestors. */
size_t ancestors_pack(const struct derived *d, char *to, size_t room);

/* Whether the bytes are a list of at most ANCESTOR_MAX ancestors and nothing else. */
bool ancestors_pack_is_good(struct strview pack);

/* An ancestors_function: source is a struct strview *, of bytes that are good. */
size_t ancestors_unpack(void *source, struct ancestor *ret, size_t max);
