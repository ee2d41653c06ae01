/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrichment: the process table, names of users and groups, containers, wall clock; fills struct derived.
 * One object holds all of it, with a fixed ceiling; after enrich_new the per-event path does not allocate.
 */
#pragma once

#include "engine/base/diag.h"
#include "engine/enrich/containers.h"
#include "engine/event/event.h"

struct enrich_config {
	size_t max_processes;    /* images kept, exited ones and ancestors included; power of two not needed; default 32768 */
	size_t max_text_bytes;   /* all strings of the table; default 8 MiB */
	const char *proc;        /* "/proc" */
	const char *passwd, *group; /* "/etc/passwd", "/etc/group" */
	const char *cgroup_root; /* where the cgroup2 hierarchy is mounted, "" when it is not */
	struct container_roots containers; /* where the state of containers is; users and cgroup are taken from above. host NULL: ids only */
	uint64_t linger_ns;      /* how long an exited process stays known for late records; default 10 s */
};

struct enrich_stats {
	uint64_t processes;        /* in the table now */
	uint64_t evicted;          /* images dropped because the table was full */
	uint64_t text_cut;         /* strings cut or dropped because the text budget was used up */
	uint64_t unknown_process;  /* events whose process was not in the table (made up from /proc or from the record) */
	uint64_t lost_exits;       /* processes found gone without an exit record */
	uint64_t seeded;           /* images taken from /proc at start */
	uint64_t text_bytes;       /* of the text budget, in use */
	uint64_t users, groups;    /* names known */
	uint64_t bad_name_lines;   /* lines of passwd and group passed over as malformed */
	struct containers_stats containers;
};

struct enrich;

/* 0; -EINVAL (a limit out of range) or -ENOMEM, with the reason in diag. Name files that cannot be read are warnings. proc "": never look there. */
int enrich_new(const struct enrich_config *config, struct enrich **ret, struct diag *diag) MUST_CHECK;
void enrich_free(struct enrich **e);

/* Reads /proc once (snapshot): call after the probes are attached, before the first event. Only_root_pid != 0: that process and its ancestors only.
 * 0; -ENOENT or another -errno when there is no /proc to read, in diag. A /proc of another pid namespace is not read: 0, warned of by enrich_new. */
int enrich_seed(struct enrich *e, uint32_t only_root_pid, struct diag *diag) MUST_CHECK;

/*
 * Takes over what an exec, fork or exit record says. Priority-ring records must be given in ring order; bulk records never
 * change the table. Call for every decoded record, before enrich_derive.
 */
void enrich_apply(struct enrich *e, const struct event *ev);

/*
 * Fills derived for the event. Views in derived point into the record, the table, or e's scratch, and are valid until the next
 * call of an enrich function. Sets no outcome: enrich_outcome does.
 */
void enrich_derive(struct enrich *e, const struct event *ev, struct derived *ret);

/*
 * The processes there are, with the executables of those they descend from, nearest first, as vedette.ancestors.executable has them. n_ancestors
 * ANCESTRY_MAX: there may be more; not whole: there are others, or some are not known. Views are valid within the call.
 */
enum { ANCESTRY_MAX = 32 };
struct ancestry_image {
	struct strview executable; /* n 0: a kernel thread, where the line is whole */
	struct strview fs_path;    /* the executable inside its file system; n 0: not known */
	uint32_t device;           /* of that */
};
struct ancestry {
	uint64_t exec_id, start_boot_ns;
	uint32_t pid;
	bool is_new_image; /* it came by an exec that was told of: exec_id is its time, but for the lowest bits */
	bool is_container, is_whole;
	size_t n_ancestors;
	struct ancestry_image images[ANCESTRY_MAX];
};
typedef int ancestry_function(void *context, const struct ancestry *of);
/*
 * Those of which a call of the same round has not returned 0 yet; above 0: to be asked again. Rounds are not 0. Returns how many it returned 0 of,
 * or stops at the first negative value and returns that.
 */
int enrich_each_ancestry(struct enrich *e, uint32_t round, ancestry_function *call, void *context) MUST_CHECK;

/* Outcome fields from a result (0 or more: success; negative errno: failure). Types whose record is completed at once carry common.result. */
void enrich_outcome(struct derived *d, const struct wire_common *c, int64_t result);

/* Drops exited processes that lingered long enough, follows changed passwd and group files, re-reads the clock offset. Cheap; call once a second with CLOCK_BOOTTIME. */
void enrich_tick(struct enrich *e, uint64_t boot_ns);

/* Wall clock minus time since boot, from now on; ticks leave it alone. For records taken elsewhere or at another time. */
void enrich_set_wall_offset(struct enrich *e, int64_t offset_ns);

void enrich_get_stats(const struct enrich *e, struct enrich_stats *ret);
