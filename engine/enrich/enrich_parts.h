/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrichment from inside: for enrich.c (the tables, and what records change in them) and derive.c (the fields that are read from them).
 */
#pragma once

#include "engine/enrich/cgroups.h"
#include "engine/enrich/enrich.h"
#include "engine/enrich/procfs.h"
#include "engine/enrich/proctable.h"
#include "engine/enrich/users.h"

struct scratch {
	struct procfs_process process;
	char command_line[RECORD_MAX];
	char executables[LINEAGE_MAX * (TEXT_MAX + 1)];
	char names[LINEAGE_MAX * (RECORD_COMM + 1)];
	uint64_t line[LINEAGE_STEPS];
};

/* What is the same for all events of a type, looked up once. */
struct type_facts {
	struct strview action;
	uint16_t path_offset; /* of file.path in the record; 0: it has none */
};

/* The last lineage listed: events come in runs of one process. */
struct lineage_cache {
	struct image_stamp of;
	struct strview executables, names;
	size_t n_line; /* in the scratch */
};

struct enrich {
	struct text *text;
	struct proctable *table;
	struct containers *containers;
	struct cgroups *cgroups;
	struct names *users, *groups;
	struct scratch *scratch;
	int proc; /* descriptor of /proc; -1: none */
	bool is_proc_foreign;
	uint64_t linger_ns;
	int64_t wall_offset_ns;
	bool is_offset_given;
	size_t max_processes;
	unsigned proc_reads_left;
	struct lineage_cache lineage;
	struct image *current; /* of the event derived last, for enrich_ancestors */
	struct type_facts types[EVENT_NUMBERS];
	uint64_t unknown_process, seeded;
};

/* Attempts and refusals are acts of the caller, which goes on as it was. */
static inline bool enrich_is_new_image(const struct event *ev)
{
	const struct wire_common *c = ev->common;
	return c->type == EVENT_PROC_EXEC && c->stage == STAGE_COMPLETED && c->result >= 0 && c->verdict != VERDICT_BLOCK;
}

static inline struct strview enrich_executable_of(const struct event *ev)
{
	const struct wire_proc_exec *exec = EVENT_AS(ev, proc_exec);
	return event_str(ev, exec->path.length ? exec->path : exec->filename);
}

/* The image of who did it, looked up in /proc or made up when the table has none; NULL: the record does not say. */
struct image *enrich_process_of(struct enrich *e, const struct wire_common *common);
