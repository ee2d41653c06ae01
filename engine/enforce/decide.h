/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel does with the tables, in plain C: for tests, for `explain`, and to ask beforehand whom a policy would stop. The kernel's
 * side is bpf/decide.h; both answer the same.
 */
#pragma once

#include "engine/event/event.h"
#include "engine/probe/verdicts.h"


/* A zeroed one is missing. */
enum known { KNOWN_MISSING, KNOWN_VALUE, KNOWN_UNREADABLE };

struct decide_text {
	enum known known;
	struct strview text;
};
/* A file by its two names. */
struct decide_file {
	struct decide_text path;    /* from the root of the mount namespace */
	struct decide_text fs_path; /* inside its file system */
	uint32_t device;
};
struct decide_number {
	enum known known;
	uint64_t value;
};
struct decide_address {
	enum known known;
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

/* All that the hooks know when they ask. Numbers and texts stand at the dimension they are looked up by. */
struct decide_event {
	uint32_t event;
	bool is_container;
	struct decide_file files[DIMENSION_COUNT];    /* PATH, NEW_PATH, EXECUTABLE */
	struct decide_number numbers[DIMENSION_COUNT]; /* of numbers; FLAGS: the bits together, always known; ROLLOUT: 0 to 99 */
	struct decide_text texts[DIMENSION_COUNT];    /* NAME, ENDING (the whole name), CGROUP, COMM; NEW_NAME, NEW_ENDING */
	struct decide_address address;
	struct decide_text arguments;                 /* of EVENT_PROC_IMAGE: items each ended by NUL */
	const struct decide_file *ancestors;          /* borrowed */
	size_t n_ancestors;
	bool is_ancestry_unknown;
};

struct decide_answer {
	bool is_hit;
	uint32_t rule_slot, flags; /* of the clause */
	bool is_unknown;           /* something that the event's rules look at could not be read */
};

/* An index over tables; borrows them. */
struct decider;
int decider_new(const struct verdict_tables *tables, struct decider **ret) MUST_CHECK;
void decider_free(struct decider **d);
void decide(const struct decider *d, const struct decide_event *ev, struct decide_answer *ret);
/* The ancestor predicates that hold for some of these images by either name (holds), and by both of one's (spares): what a label keeps. */
void decide_ancestors(const struct decider *d, const struct decide_file *images, size_t n, bool is_container,
		      uint64_t ret_holds[static POLICY_ANCESTOR_WORDS], uint64_t ret_spares[static POLICY_ANCESTOR_WORDS]);

/*
 * The same facts out of an event. fs_path and device are those of the record; images (the executable, ancestors) have none there, and
 * count as lying where their path says: locate finds that, and may be NULL.
 */
struct mounts;
enum { DECIDE_MAX_ANCESTORS = 64, DECIDE_TEXT = 64 * 1024 };
struct decide_scratch {
	struct decide_file ancestors[DECIDE_MAX_ANCESTORS];
	char text[DECIDE_TEXT]; /* second names */
	size_t used;
};
void decide_event_of(const struct event *ev, const struct mounts *locate, struct decide_event *ret, struct decide_scratch *scratch);
/* Of a process.exec: what is asked of the image in place, by rules that kill. */
void decide_image_of(const struct event *ev, const struct mounts *locate, struct decide_event *ret, struct decide_scratch *scratch);
