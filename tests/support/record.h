/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the kernel side would make them, for tests and benchmarks:
 *
 *   struct record *rec = record_new(EVENT_FILE_OPEN);
 *   RECORD(rec, file_open)->is_read = 1;
 *   RECORD_STR(rec, file_open, path, SV("/etc/shadow"));
 *   struct event ev = record_event(rec);
 *   ...
 *   record_free(&rec);
 */
#pragma once

#include <stdalign.h>

#include "engine/event/decode.h"

struct record {
	alignas(8) unsigned char bytes[RECORD_MAX]; /* common.size bytes are the record */
};

/* An empty record of an event with sensible common fields: a process 100 of user 0, completed with result 0. */
struct record *record_new(uint32_t event_number);
void record_free(struct record **rec);
/* The same in memory of the caller. */
void record_init(struct record *rec, uint32_t event_number);

#define RECORD(rec, type) ((struct wire_##type *)(void *)(rec)->bytes)
#define RECORD_COMMON(rec) ((struct wire_common *)(void *)(rec)->bytes)
#define RECORD_STR(rec, type, member, ...) record_str(rec, offsetof(struct wire_##type, member), __VA_ARGS__)

/* Appends a string to the tail and points the wire_str at the offset to it; cut to what fits. Lists: SV("a\0b\0"). */
void record_str(struct record *rec, size_t wire_str_offset, struct strview text);
void record_comm(struct wire_comm *into, const char *text);

/* Decoded; fails hard if the record is not a good one: builders only make such. */
struct event record_event(const struct record *rec);

/* Who does it. start_ns is rounded as the kernel gives it. */
struct actor {
	uint64_t exec_id, parent_id, start_ns, boot_ns;
	uint32_t pid;
	const char *comm;
};
void record_actor(struct record *rec, const struct actor *who);
