/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules in force with all that is made of them. Built as a whole, beside the one in force; a reload swaps one pointer.
 */
#pragma once

#include "engine/enforce/approve.h"
#include "engine/enforce/essentials.h"
#include "engine/enforce/tables.h"
#include "engine/index/engine.h"
#include "engine/probe/sensor.h"
#include "engine/rules/ruleset.h"
#include "engine/state/state.h"
#include "engine/rules/throttle.h"

struct policies;
struct sinks_config;

struct policy_options {
	const char *const *rule_paths; /* files and folders; none: no rules */
	size_t n_rule_paths;
	enum sensor_mode mode;         /* what the sensor offers; SENSOR_NONE: not asked */
	bool enforce;                  /* compile what blocks for the kernel */
	const struct ancestor_registry *ancestors; /* of the policy in force; NULL: there is none */
	bool approve;                  /* and what it need not send */
	struct state_config state;     /* of rules about several events; memory_bytes 0: the defaults */
	const struct essentials_host *essentials; /* borrowed; NULL: it is not asked whether rules block what the host cannot do without */
	const struct policies *policies; /* borrowed; whose rules may be forced; NULL: none */
	const struct sinks_config *sinks; /* borrowed; warned of filters by what no rule has; NULL: none */
	bool needs_rules;              /* paths without any rule are refused */
	bool force;                    /* all other rules are */
	bool detect_only;              /* take rules that block where nothing can block */
};

struct policy {
	struct ruleset *rules;       /* owned */
	struct engine *engine;       /* owned; evaluates them */
	struct throttle *throttle;   /* owned; NULL: no rule has one */
	struct state *state;         /* owned; what rules about several events remember */
	struct verdict_policy verdicts; /* owned; empty without enforcement */
	struct approval approval;    /* owned; empty: all that the rules look at is sent */
	uint32_t generation;         /* stands in verdict records: 1 to POLICY_GENERATIONS */
	struct policy_counts {
		size_t blocking, killing; /* rules that do so when enforcement is on */
		size_t watching;          /* that would, and only tell so: `mode: detect` */
		size_t partly;            /* of those that block, in a share of the processes: `rollout` */
	} counts;
	const struct rule_info *first_block; /* names a verdict whose rule is not known; NULL: no rule blocks or kills */
};

enum { POLICY_GENERATIONS = 0x7fff };

/* A fault when the set has no rule. */
int policy_check_any(const struct ruleset *set, struct diag *diag) MUST_CHECK;

/* Loads the rules and refuses what no part of this program does; 0 or -errno with all faults in diag. */
int policy_load(const struct policy_options *options, struct policy **ret, struct diag *diag) MUST_CHECK;
void policy_free(struct policy **p);

/*
 * Against what the sensor offers: rules that block where nothing can, and those that the kernel cannot decide, are faults. Fills
 * verdicts with enforcement. So are rules that block what the host cannot do without, unless they are forced. To be called once, when the mode is known.
 */
int policy_bind(struct policy *p, const struct policy_options *options, struct diag *diag) MUST_CHECK;

/*
 * The tables of verdicts once more, from the same rules and this moment's exceptions and mounts. ancestors: of the policy in force, or NULL. 0, or
 * -errno with the reasons.
 */
int policy_compile_verdicts(const struct policy *p, const struct ancestor_registry *ancestors, struct verdict_policy *ret, struct diag *diag) MUST_CHECK;

/*
 * Epochs of ancestor predicates. Labels are taken at their word where the epoch is the same: no epoch but that in force is given out twice, that of a
 * trial that went included.
 */
struct epochs {
	uint32_t in_force, last; /* last: the highest that was ever given out */
	bool is_split;           /* labels of this epoch were made by tables that came to nothing, and may be short of what the next ones ask, or by other mounts */
};
/* Of a policy whose predicates were numbered as own says, going by those in force. */
uint32_t epochs_next(const struct epochs *e, uint32_t own) PURE;
/* Of a policy of that generation, into the kernel's tables to come, under an epoch that fits. 0 or -errno with the reason. */
int policy_fill(struct verdict_policy *v, uint32_t generation, const struct epochs *epochs, struct sensor *sensor, const struct sensor_change *coming,
		struct diag *diag) MUST_CHECK;

/*
 * What its rules need of the events, so that the kernel may drop the rest when sensor_put_approval says so; when that fails, with a warning, it will
 * drop nothing.
 */
void policy_fill_approval(const struct policy *p, struct sensor *sensor, struct diag *diag);
/* Hashes of executed files are made from now on if its rules ask for them; when that fails, with a warning, they are not. */
void policy_hash(const struct policy *p, struct sensor *sensor, struct diag *diag);

/*
 * Events that have to be sent to be judged. With enforcement not those that only rules that block are about: the kernel decides these, and tells
 * what it denies whether it is wanted or not.
 */
uint64_t policy_wanted_events(const struct policy *p, bool is_enforcing) MUST_CHECK;
uint64_t policy_outcome_events(const struct policy *p, bool is_enforcing) MUST_CHECK;

/* Events of which rules that block may ask verdicts, those of the folders above what they protect among them. */
uint64_t policy_decided_events(const struct policy *p) MUST_CHECK;

/* The rule that denied, by the slot of a verdict record; NULL: not one of this policy's generation. */
const struct rule_info *policy_blocker(const struct policy *p, uint32_t slot);
