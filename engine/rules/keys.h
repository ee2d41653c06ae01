/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of keys.def as tables. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum part_id {
#define PART(id, key, what, doc) PART_##id,
#include "engine/rules/keys.def"
	PART_COUNT,
};

enum key_shape {
	SHAPE_ID,               /* [a-z0-9-]+ */
	SHAPE_WORD,             /* name of a macro */
	SHAPE_NAME,             /* any text, not empty */
	SHAPE_TEXT,             /* any text */
	SHAPE_TEXTS,            /* a text or a list of them */
	SHAPE_VALUES,           /* a list of values */
	SHAPE_TRUTH,
	SHAPE_SEVERITY,
	SHAPE_ACTION,
	SHAPE_DEFAULT,          /* deny, allow */
	SHAPE_PERCENT,          /* a number from 1 to 100 */
	SHAPE_MODE,
	SHAPE_EVENTS,           /* an event or a group, or a list of them */
	SHAPE_EVENT_NAME,
	SHAPE_ATTACK,           /* ATT&CK ids */
	SHAPE_CONDITION,
	SHAPE_CONDITIONS,       /* a list of them */
	SHAPE_FIELDS,           /* a field or a list of them */
	SHAPE_OPERATORS,        /* an operator or a list of them */
	SHAPE_ROWS,             /* values, or lists of values */
	SHAPE_DATE,             /* 2026-12-31 */
	SHAPE_DURATION,         /* 10s */
	SHAPE_COUNT,            /* a number from 1 */
	SHAPE_FILE,             /* a relative path */
	SHAPE_EVENT,            /* {field: value, ...} */
	SHAPE_CASE_EVENTS,      /* the same, or a list of PART_CASE_EVENT */
	SHAPE_POLICY,           /* map of PART_POLICY_BODY */
	SHAPE_APPEND,           /* map of PART_APPEND */
	SHAPE_APPEND_CONDITION, /* map of PART_APPEND_CONDITION */
	SHAPE_THROTTLE,         /* map of PART_THROTTLE, or false */
	SHAPE_FIELD,
	SHAPE_NUMBER,           /* a number from 0 */
	SHAPE_COMPARISON,       /* a number or a map of PART_COMPARISON */
	SHAPE_LINEAGE,          /* true, false, parent */
	SHAPE_COUNTED_RULES,    /* list of ids and of PART_COUNTED_RULE */
	SHAPE_THRESHOLD,        /* map of PART_THRESHOLD, and so on */
	SHAPE_SEQUENCE,
	SHAPE_TOGETHER,
	SHAPE_ABSENCE,
	SHAPE_STEP,             /* map of PART_STEP or PART_RULE_STEP */
	SHAPE_STEPS,            /* list of them */
	SHAPE_EXCEPTIONS,       /* list of PART_EXCEPTION */
	SHAPE_CASES,            /* list of PART_CASE */
};

enum key_change { CHANGE_FIXED, CHANGE_REPLACE, CHANGE_BOTH };

struct part {
	const char *key, *what, *doc;
};

struct key {
	const char *name, *doc;
	enum part_id part;
	bool is_needed;
	enum key_shape shape;
	enum key_change change; /* keys of rules */
};

enum { PART_MAX_KEYS = 32 };

const struct part *part_get(enum part_id id) PURE;
bool part_has_key(enum part_id id, struct strview name) PURE;
/* The part's keys in order of declaration: an override's are followed by those of a rule that it may replace or append to. Returns how many. */
size_t part_keys(enum part_id id, const struct key *keys[static PART_MAX_KEYS]);
