/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast way to evaluate a ruleset: gives the answers of ruleset_evaluate, which stays the oracle that it is checked against.
 * Compiled once from a set; keeps bounded caches that only save time. Nothing is allocated after engine_new. One thread at a time.
 */
#pragma once

#include "engine/rules/ruleset.h"

struct engine;

/* Bounds of the caches; 0: the default. When one is full, the older of two neighbours makes room, or (classes, lists) all of it is emptied. */
struct engine_config {
	size_t max_strings;  /* values of fields, of up to 4 KiB; default 65536 */
	size_t max_images;   /* process images; default 32768 */
	size_t max_classes;  /* sorts of process images that the rules tell apart; and eight times as many lists; default 8192 */
	size_t max_verdicts; /* answers kept; default 16384 */
	bool no_cache;       /* keep nothing from event to event */
};

/* 0, or -ENOMEM (in diag). set is borrowed and outlives the engine; config may be NULL. */
int engine_new(const struct ruleset *set, const struct engine_config *config, struct engine **ret, struct diag *diag) MUST_CHECK;
void engine_free(struct engine **engine);

/* What ruleset_evaluate says, in the same order. */
void engine_evaluate(struct engine *e, const struct event *ev, struct matches *ret);

struct engine_stats {
	uint64_t events;                          /* evaluated */
	uint64_t candidates;                      /* rules whose program was run */
	uint64_t fallbacks;                       /* rules given to the plain evaluator, because a test was undecided */
	uint64_t string_hits, string_misses;      /* values of fields found in the cache, or looked at anew */
	uint64_t string_evictions;
	uint64_t image_hits, image_misses;        /* events whose process image was known, or not */
	uint64_t verdict_hits, verdict_misses;    /* events answered from the cache, or not */
	uint64_t verdict_evictions;
	uint64_t flushes;                         /* times that all caches were emptied because one was full */
	size_t strings, lists, classes, verdicts; /* in the caches now; classes: those that are more than one list */
	size_t predicates;                        /* distinct ones of all rules */
	size_t index_bytes, cache_bytes;          /* memory of what was compiled, and of all caches when full */
};
void engine_get_stats(const struct engine *e, struct engine_stats *ret);
/* Times that the rule's condition was worked out, by whichever way. */
uint64_t engine_rule_runs(const struct engine *e, uint32_t rule);

/* How a rule is evaluated for an event. */
enum engine_way {
	ENGINE_NEVER,  /* it cannot hold for this event */
	ENGINE_KEYED,  /* only when one of its keys holds */
	ENGINE_ALWAYS, /* for each event: it has no key */
};

struct engine_plan {
	enum engine_way way;
	const struct condition *const *keys; /* tests, of which one at least must hold; several tests of one field with one operator are one */
	size_t n_keys;
	const char *not_cached; /* why its answer is worked out for each event; NULL: it is kept with the process image and the values of the fields */
};
/* event: a number. Everything in ret lives as long as the engine. */
void engine_explain(const struct engine *e, uint32_t rule, uint32_t event, struct engine_plan *ret);
