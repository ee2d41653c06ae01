/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event: a checked record from the kernel with what enrichment added. Both are borrowed views that live as long as the call.
 */
#pragma once

#include "engine/event/table.h"

/* Engine-side types of derived fields, by class. */
typedef uint64_t derived_UINT;
typedef int64_t derived_SINT;
typedef uint64_t derived_BOOL;
typedef uint64_t derived_ENUM;
typedef struct strview derived_STR;
typedef struct strview derived_LIST; /* items each ended by NUL */

/* kind -> class, for struct derived. One line per kind that DERIVED rows use. */
#define DERIVED_TYPE_TIME derived_UINT
#define DERIVED_TYPE_STR derived_STR
#define DERIVED_TYPE_LIST derived_LIST
#define DERIVED_TYPE_OUTCOME derived_ENUM
#define DERIVED_TYPE_ERRNO derived_ENUM
#define DERIVED_TYPE_S64 derived_SINT
#define DERIVED_TYPE_BOOL derived_BOOL

enum derived_index {
#define DERIVED(kind, member, name, doc) DERIVED_##member,
#include "schemas/events.def"
	DERIVED_COUNT,
};
_Static_assert(DERIVED_COUNT <= 64, "derived.present has 64 bits");

/*
 * Names a state of what is known of a process image: while id and version are the same, so is every derived field that speaks of
 * the image, its parent and its ancestors. For caches of what follows from them.
 */
struct image_stamp {
	uint64_t id;      /* exec id; 0: nothing may be kept */
	uint64_t version; /* changes when what was known of the image or of one it descends from changes afterwards */
	uint32_t slot;    /* small number that living images do not share: an index for tables beside the process table */
};

/* A process that an event's process descends from, as it was when it made the next one; texts are views, n 0: not known. */
struct ancestor {
	uint32_t pid;
	uint64_t start_boot_ns;
	struct strview name, executable, args;
};

enum { ANCESTOR_MAX = 32 }; /* that anyone asks for */

/* The nearest ancestors, parent first, at most max; returns how many. One process each: unlike vedette.ancestors.*, without images that exec replaced. */
typedef size_t ancestors_function(void *source, struct ancestor *ret, size_t max);

struct derived {
	struct image_stamp image;
	ancestors_function *ancestors; /* NULL: only what the derived fields say of them is known */
	void *ancestors_source;        /* borrowed; its first argument */
	const uint64_t *lineage; /* exec ids: the image itself, then those it descends from through exec and fork, nearest first; borrowed */
	size_t n_lineage;
	struct strview host_name; /* of the host that saw the event; borrowed from who tells of events; n 0: not said */
	uint64_t present; /* bit DERIVED_x: member x has a value */
#define DERIVED(kind, member, name, doc) DERIVED_TYPE_##kind member;
#include "schemas/events.def"
};

/* Give a derived field its value. */
#define DERIVE(derived, which, ...) ((derived)->which = (__VA_ARGS__), (void)((derived)->present |= 1ull << DERIVED_##which))
#define IS_DERIVED(derived, which) (((derived)->present >> DERIVED_##which) & 1)

struct event {
	const struct event_type *type;
	const struct wire_common *common; /* the record: `common` is its first member */
	uint32_t size;                    /* bytes of the record */
	const struct derived *derived;    /* NULL: nothing derived yet */
};

enum outcome { OUTCOME_UNKNOWN, OUTCOME_SUCCESS, OUTCOME_FAILURE };
enum sensor_mode { SENSOR_NONE, SENSOR_LSM, SENSOR_TRACEPOINT };
enum source { SOURCE_KERNEL, SOURCE_DESCRIPTOR, SOURCE_ARGUMENT, SOURCE_SNAPSHOT };
enum stage { STAGE_ATTEMPT, STAGE_COMPLETED };
enum via { VIA_SYSCALL, VIA_IO_URING, VIA_COMPAT, VIA_KERNEL };
enum verdict { VERDICT_NONE, VERDICT_ALLOW, VERDICT_BLOCK, VERDICT_WOULD_BLOCK, VERDICT_KILL, VERDICT_WOULD_KILL };

/* The record's own struct: EVENT_AS(ev, proc_exec)->args. Only when ev->type is that event. */
#define EVENT_AS(event, struct_name) ((const struct wire_##struct_name *)(const void *)(event)->common)

/* View of a string of the record; p is NULL when it is missing. Needs a decoded record. */
static inline struct strview event_str(const struct event *ev, struct wire_str s)
{
	if (!s.offset)
		return (struct strview){ NULL, 0 };
	return (struct strview){ (const char *)ev->common + s.offset, s.length };
}
