/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Wire layout of the records in the rings, expanded from schemas/. The only layout header that both sides include.
 * A record is a wire_<event> struct followed by its tail; strings are {offset, length} into the record, offset 0: missing.
 */
#pragma once

#include <linux/types.h>

enum {
	RECORD_MAX = 65536,      /* bytes of a record: 32 KiB of arguments, five paths of 4 KiB, environment */
	RECORD_PATH_MAX = 4096,  /* bytes of a path */
	RECORD_ARGS_MAX = 32768, /* bytes of argv */
	RECORD_ENV_MAX = 4096,   /* bytes of chosen environment variables */
	RECORD_COMM = 16,
	FAMILY_IPV4 = 2, /* wire_ip.family: AF_INET, AF_INET6 */
	FAMILY_IPV6 = 10,
};

struct wire_str {
	__u32 offset; /* from the start of the record */
	__u32 length; /* bytes, without a final NUL; for lists: items each ended by NUL */
};

struct wire_comm {
	char text[RECORD_COMM]; /* NUL-padded */
};

struct wire_ip {
	__u32 family;    /* 0: missing */
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
};

#define KIND(name, wire, class, json, doc) typedef wire wire_##name;
#include "schemas/kinds.def"

struct wire_common {
#define COMMON(kind, member, name, doc) wire_##kind member;
#include "schemas/events.def"
};

enum event_number {
#define EVENT(number, id, type, name, category, ecs_type, doc) EVENT_##id = (number),
#include "schemas/events.def"
	EVENT_NUMBERS = 64, /* one more than the largest number there can be: masks of events are 64 bits */
};

#define EVENT(number, id, type, name, category, ecs_type, doc) \
	struct wire_##type {                                   \
		struct wire_common common;
#define FIELD(type, kind, member, name, doc) wire_##kind member;
#define EVENT_END(type) \
	}               \
	;
#include "schemas/events.def"

/* No hidden holes: the size is the sum of the rows. A failure here asks for a `reserved` row, or another order. */
enum {
	ROWS_common = 0
#define COMMON(kind, member, name, doc) +sizeof(wire_##kind)
#include "schemas/events.def"
};
_Static_assert(sizeof(struct wire_common) == ROWS_common, "hole in wire_common");
#define EVENT(number, id, type, name, category, ecs_type, doc) enum { ROWS_##type = sizeof(struct wire_common)
#define FIELD(type, kind, member, name, doc) +sizeof(wire_##kind)
#define EVENT_END(type) \
	}               \
	;               \
	_Static_assert(sizeof(struct wire_##type) == ROWS_##type, "hole in wire_" #type);
#include "schemas/events.def"

/*
 * Identity of images. New ones (fork, exec) are the time since boot in nanoseconds with the low 10 bits replaced by the CPU
 * number: a CPU starts no two images within a microsecond. Processes older than the sensor get one that kernel and user
 * space compute alike from the process id and the start time in clock ticks, as /proc/PID/stat shows it.
 */
enum { ID_CPU_MASK = 1023 };
#define ID_SNAPSHOT_BIT (1ull << 63)
#define ID_TICK_NS 10000000ull /* USER_HZ is 100 */

static inline __attribute__((always_inline)) __u64 id_snapshot(__u32 pid, __u64 start_ticks)
{
	return ID_SNAPSHOT_BIT | (start_ticks << 22 & ~ID_SNAPSHOT_BIT) | (pid & 0x3fffff);
}
