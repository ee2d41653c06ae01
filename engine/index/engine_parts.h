/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled set from the inside: engine_build.c makes it, engine.c runs it. */
#pragma once

#include "engine/index/engine.h"
#include "engine/index/finder.h"
#include "engine/index/lists.h"
#include "engine/index/predicate.h"
#include "engine/index/values.h"
#include "engine/index/verdicts.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"

enum {
	PROGRAM_FALSE = 0x7fffffff,
	PROGRAM_TRUE = 0x7ffffffe,
	INSTRUCTION_NEGATED = 1,
	INSTRUCTION_INDEXED = 2, /* what no list speaks of is false */
	INSTRUCTION_LATE = 4,    /* its column is looked at when the first program comes to it */
	INSTRUCTION_BITS = 8,
};

/* Reads the truth of a predicate and goes on: to an instruction of the program, or to its end. */
struct instruction {
	uint32_t test; /* INSTRUCTION_BITS times the predicate, plus INSTRUCTION_ bits */
	uint32_t on_true, on_false;
};

/* A rule for one event. */
struct plan {
	uint32_t rule;
	uint32_t entry;              /* instruction, PROGRAM_TRUE or PROGRAM_FALSE */
	uint32_t n_code;             /* instructions */
	bool is_open;                /* it cannot be kept: see engine_plan.not_cached */
	const struct condition **keys; /* in the arena; n_keys 0: it is run for each event */
	size_t n_keys;
};

struct posting {
	uint32_t predicate, plan;
};

/* How a column's value is read off an event. */
enum access {
	ACCESS_DERIVED_TEXT, ACCESS_RECORD_TEXT, ACCESS_COMM, ACCESS_ADDRESS, ACCESS_BYTES_END, /* those before: bytes in place */
	ACCESS_TRUTH, ACCESS_U32, ACCESS_ANY, ACCESS_WHOLE_IMAGE,
};

/* What its values are like, which saves looking them up. */
enum column_habit {
	HABIT_NONE,
	HABIT_STEADY, /* mostly the same in all events of an image: looked for where it was found last */
	HABIT_PATH,   /* file.path: its place also knows the list of its end */
	HABIT_TAIL,   /* file.name: mostly the end of file.path */
};

/* An input that an event's rules look at. */
struct column {
	uint16_t input;
	enum access access;
	uint16_t offset, bit;  /* ACCESS_DERIVED_TEXT: the bit of derived.present */
	bool may_be_missing;   /* ACCESS_U32: all bits set means so */
	uint16_t truths[2];    /* ACCESS_TRUTH: the lists of false and true */
	enum column_habit habit;
	const struct number_index *numbers; /* of the input */
};

/* The rules of one event. */
struct event_plan {
	uint32_t number;       /* of the event */
	uint32_t index;        /* 0.. among the events with rules */
	bool is_kept;          /* its answers are kept in verdicts; else candidates are found by the values' lists */
	struct plan *plans;    /* in the arena; in load order */
	size_t n_plans;
	uint32_t *always;      /* plans without keys */
	size_t n_always;
	struct posting *postings; /* by predicate */
	size_t n_postings;
	uint64_t *uses;        /* bit N: predicate N is in a program */
	struct column *columns; /* those of the image first, then the event's that hold keys, then the others */
	size_t n_image, n_early, n_columns; /* ends of these ranges */
	uint32_t truncated, uncertain; /* bits that change an answer */
};

/* What is known of a process image; an array of rows. */
struct image_row {
	uint64_t id, version;
	uint32_t generation;   /* of the caches */
	uint16_t known[];      /* lists of the image's inputs, then classes by event: each plus one, 0: not known */
};

struct engine {
	const struct ruleset *set; /* borrowed */
	struct engine_config config;
	struct arena arena;
	struct predicates predicates;
	struct event_plan *events[EVENT_NUMBERS]; /* in the arena; NULL: no rule */
	size_t n_events;
	struct instruction *code;  /* owned */
	size_t n_code;
	uint16_t *image_index;     /* in the arena; by input: its place in image_row.known, INPUT_NONE: it is not of the image */
	uint16_t *steady_index;    /* in the arena; by input: its place in the row's steady places */
	size_t n_image_inputs, n_steady, n_plans_max, n_columns_max, index_bytes;

	struct matcher *matcher;   /* owned */
	struct finder finder;
	uint32_t *marks;           /* owned; by predicate: four times the event's mark, plus its truth */
	uint32_t mark;
	size_t n_lists_before;     /* of the event in hand: lists from this id on came with it */
	uint32_t *items;           /* owned; scratch for a list */
	size_t n_items_max;
	struct bitset candidates;  /* plans of the event */
	struct image_row *row;     /* of the event in hand */
	bool is_late_known;        /* the late columns of the event in hand were looked at */
	uint16_t *now;             /* owned; lists of the event's columns */
	uint32_t *class_items;     /* owned; scratch for a class */

	struct lists lists, classes;
	uint16_t *projected, *candidate_lists; /* owned; by list and event: an id plus one, 0: not known */
	struct values values;
	struct verdicts verdicts;
	char *images;              /* rows, in images_memory */
	void *images_memory;       /* owned */
	size_t image_stride, image_mask;
	size_t steady_at;          /* offset of a row's places: struct value_place *, NULL: none */
	struct value_place *path_place; /* of file.path of the event in hand; NULL: none */
	const char *path_end;
	struct image_row *no_image; /* owned; for events without a stamp */
	uint32_t generation;
	bool is_full;              /* the caches must be emptied before the next event */
	struct engine_stats stats;
	uint64_t *runs;            /* owned; by rule: times that its condition was worked out */
};

/* The rules compiled; 0 or -ENOMEM. */
int engine_build(struct engine *e) MUST_CHECK;
