/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules written for other programs. A format knows its documents by their shape, collects them in load order, and at the end
 * makes rules of them that nothing later can tell from our own. The formats are listed in engine/import/.
 */
#pragma once

#include "engine/rules/set.h"

/* Where finished rules go. */
struct rule_sink {
	struct compiler *c; /* borrowed */
	struct rule *rules; /* owned */
	size_t n, size;
	struct strmap ids;  /* id -> struct place of the rule that has it */
	uint32_t last;      /* index of the rule added last; steps that a stateful one brings along come behind it */
	struct strmap refused; /* ids of rules with faults, which were reported */
	bool hides_rules;      /* a file or an item could not be read at all: nobody knows which rules would have been there */
};

/* A rule was refused: what speaks of it has no fault of its own. id: n 0: not even that is known. 0 or -ENOMEM. */
int rule_sink_refuse(struct rule_sink *sink, struct strview id) MUST_CHECK;
/* Whether a rule that is not there was, or may have been, refused. */
bool rule_sink_lacks(const struct rule_sink *sink, struct strview id);

/* Takes a rule over, with its steps if it is stateful (its members lie in the compiler's arena); 0, or -EINVAL with a report (the id is taken, too many), or -ENOMEM. */
int rule_sink_add(struct rule_sink *sink, const struct rule *rule) MUST_CHECK;

struct rule_format {
	const char *name; /* "falco", "sigma" */
	/* By shape alone: a document that is neither list nor map is nobody's. The first format that owns a document gets it. */
	bool (*owns)(const struct yaml_node *document);
	/* Documents of our own language that the format wants to see as well (add is called); they stay ours. May be NULL. */
	bool (*shares)(const struct yaml_node *document);
	/* What one load collects. */
	int (*new)(struct compiler *c, void **ret_state);
	void (*free)(void **state);
	/*
	 * One document. Reports faults and returns -EINVAL for them, or -ENOMEM. The YAML tree and the file live until free; what a
	 * rule keeps must lie in the compiler's arena.
	 */
	int (*add)(void *state, const struct rule_file *file, const struct yaml_node *document, size_t *ret_items);
	/* All documents are known: makes the rules, in load order. The same results. */
	int (*finish)(void *state, struct rule_sink *sink);
};

/* NULL-terminated. */
extern const struct rule_format *const rule_formats[];
