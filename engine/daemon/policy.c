/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a policy and fitting it to the sensor. */
#include "engine/daemon/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/policy_abi.h"
#include "engine/daemon/delivery.h"
#include "engine/daemon/policies.h"

static struct ruleset *no_rules(void)
{
	struct ruleset *set = NULL;
	return ruleset_load_text("none", SV("[]\n"), &set, NULL) ? NULL : set;
}

int policy_check_any(const struct ruleset *set, struct diag *diag)
{
	if (ruleset_rules(set))
		return 0;
	diag_error(diag, (struct place){ 0 }, "the rule files hold no rule, which would switch detection off: mend them, or write "
		   "`allow_no_rules: true` in the configuration");
	return -ENOENT;
}

static int make_state(struct policy *p, const struct state_config *config, struct diag *diag)
{
	struct state_config own = { .memory_bytes = STATE_DEFAULT_MEMORY, .reorder_ns = STATE_DEFAULT_REORDER_NS };
	int err = state_new(p->rules, config->memory_bytes ? config : &own, &p->state);
	if (err)
		diag_error(diag, (struct place){ 0 }, "no memory for rules about several events: %s", strerror(-err));
	return err;
}

static void count_rules(struct policy *p)
{
	for (size_t i = 0; i < ruleset_count(p->rules); i++) {
		const struct rule_info *rule = ruleset_get(p->rules, i);
		bool is_blocking = rule_is_blocking(rule), is_killing = rule_is_killing(rule);
		if (!p->first_block && (is_blocking || is_killing))
			p->first_block = rule;
		p->counts.blocking += is_blocking;
		p->counts.killing += is_killing;
		p->counts.partly += is_blocking && rule->rollout && rule->rollout < 100;
		p->counts.watching += rule->action != ACTION_ALERT && rule->is_enabled && !is_blocking && !is_killing;
	}
}

int policy_load(const struct policy_options *options, struct policy **ret, struct diag *diag)
{
	CLEANUP(policy_free) struct policy *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->generation = 1;
	int err = 0;
	if (options->n_rule_paths) {
		err = ruleset_load(options->rule_paths, options->n_rule_paths, &p->rules, diag);
	} else {
		p->rules = no_rules();
		err = p->rules ? 0 : -ENOMEM;
	}
	if (!err && options->n_rule_paths && options->needs_rules)
		err = policy_check_any(p->rules, diag);
	if (!err)
		err = delivery_check_filters(options->sinks, p->rules, diag);
	if (!err)
		err = engine_new(p->rules, NULL, &p->engine, diag);
	if (!err)
		err = make_state(p, &options->state, diag);
	if (!err)
		err = throttle_new(p->rules, &p->throttle);
	if (err)
		return err;
	count_rules(p);
	*ret = TAKE(p);
	return 0;
}

void policy_free(struct policy **p)
{
	if (!*p)
		return;
	verdict_policy_done(&(*p)->verdicts);
	approval_done(&(*p)->approval);
	throttle_free(&(*p)->throttle);
	state_free(&(*p)->state);
	engine_free(&(*p)->engine);
	ruleset_free(&(*p)->rules);
	free(*p);
	*p = NULL;
}

/* Rules that block need the lsm mode: without it they are refused, unless the user said that reporting is enough. */
static int check_blocking(const struct policy *p, const struct policy_options *options, struct diag *diag)
{
	bool is_refused = false;
	for (size_t i = 0; i < ruleset_count(p->rules); i++) {
		const struct rule_info *rule = ruleset_get(p->rules, i);
		if (!rule_is_blocking(rule))
			continue;
		is_refused = !options->detect_only;
		if (!is_refused)
			diag_warn(diag, rule->at, "rule %s only reports: this host offers the tracepoint mode, which cannot block", rule->id);
		else
			diag_error(diag, rule->at, "rule %s blocks, and this host offers only the tracepoint mode, which cannot (`vedette run --detect-only`, "
				   "and `detect_only: true` in the configuration of a daemon, load it as a reporting rule)", rule->id);
	}
	return is_refused ? -EOPNOTSUPP : 0;
}

static void mounts_done(struct mounts **m)
{
	mounts_free(m);
}

/* What cannot be dropped costs time alone. */
static void warn_of_all(int err, const struct diag *why, struct diag *diag)
{
	if (err)
		diag_warn(diag, (struct place){ 0 }, "the kernel sends all events that rules look at: %s", why->n ? why->messages[0].text : strerror(-err));
}

static void make_approval(struct policy *p, struct diag *diag)
{
	CLEANUP(diag_done) struct diag why = { 0 };
	warn_of_all(approval_compile(p->rules, &p->approval, &why), &why, diag);
}

void policy_fill_approval(const struct policy *p, struct sensor *sensor, struct diag *diag)
{
	CLEANUP(diag_done) struct diag why = { 0 };
	warn_of_all(sensor_fill_approval(sensor, &p->approval.policy.tables, &why), &why, diag);
}

void policy_hash(const struct policy *p, struct sensor *sensor, struct diag *diag)
{
	if (sensor_set_hashing(sensor, ruleset_asks_hash(p->rules)))
		diag_warn(diag, (struct place){ 0 }, "rules that ask for file.hash.sha256 never hold: " SENSOR_NO_HASH);
}

static bool is_forced(void *context, const struct rule_info *rule)
{
	const struct policy_options *options = context;
	struct policy_file file;
	return options->policies && policies_owner(options->policies, rule->at.file, &file) ? file.is_forced : options->force;
}

int policy_compile_verdicts(const struct policy *p, const struct ancestor_registry *ancestors, struct verdict_policy *ret, struct diag *diag)
{
	CLEANUP(mounts_done) struct mounts *mounts = NULL;
	int err = mounts_load("/proc/self/mountinfo", &mounts, diag);
	if (err)
		return err;
	struct verdict_world world = { .mounts = mounts, .ancestors = ancestors, .generation = p->generation, .follows_links = true };
	err = verdict_compile(p->rules, &world, ret, diag);
	ret->tables.head.ancestor_epoch = ret->ancestors.epoch;
	return err;
}

uint32_t epochs_next(const struct epochs *e, uint32_t own)
{
	bool is_same = own == e->in_force && !e->is_split;
	return is_same || own > e->last ? own : e->last + 1;
}

int policy_fill(struct verdict_policy *v, uint32_t generation, const struct epochs *epochs, struct sensor *sensor, const struct sensor_change *coming,
		struct diag *diag)
{
	v->ancestors.epoch = epochs_next(epochs, v->ancestors.epoch);
	v->tables.head.ancestor_epoch = v->ancestors.epoch;
	return sensor_fill_verdicts(sensor, &v->tables, generation, coming, diag);
}

/* All that is wrong with the rules is told in one go. */
int policy_bind(struct policy *p, const struct policy_options *options, struct diag *diag)
{
	struct policy_options asked = *options;
	bool is_blind = options->mode == SENSOR_TRACEPOINT;
	int err = is_blind ? check_blocking(p, options, diag) : 0, refused = 0;
	if (options->essentials)
		refused = essentials_check(p->rules, options->essentials, is_forced, &asked, diag);
	err = err ? err : refused;
	if (options->enforce && is_blind) {
		diag_error(diag, (struct place){ 0 }, "nothing can be enforced in the tracepoint mode, which was asked for: let `sensor` be auto or lsm, or enforce nothing");
		return err ? err : -EOPNOTSUPP;
	}
	if (options->enforce)
		refused = policy_compile_verdicts(p, options->ancestors, &p->verdicts, diag);
	err = err ? err : refused;
	if (!err && options->approve)
		make_approval(p, diag);
	return err;
}

/* Nothing is left for user space to find: the kernel decides for every process, and what it cannot know it denies. */
static bool is_left_to_kernel(const struct rule_info *rule)
{
	return rule_is_blocking(rule) && rule->rollout == 0 && rule->unknown == UNKNOWN_DENY;
}

uint64_t policy_wanted_events(const struct policy *p, bool is_enforcing)
{
	uint64_t events = 0;
	for (size_t i = 0; is_enforcing && i < ruleset_count(p->rules); i++) {
		const struct rule_info *rule = ruleset_get(p->rules, i);
		if ((rule->is_enabled || rule->is_step) && !is_left_to_kernel(rule))
			events |= rule->events;
	}
	return is_enforcing ? events & ruleset_events(p->rules) : ruleset_events(p->rules);
}

uint64_t policy_outcome_events(const struct policy *p, bool is_enforcing)
{
	return ruleset_outcome_events(p->rules) & policy_wanted_events(p, is_enforcing);
}

uint64_t policy_decided_events(const struct policy *p)
{
	uint64_t events = 0;
	for (size_t i = 0; i < ruleset_count(p->rules); i++) {
		const struct rule_info *rule = ruleset_get(p->rules, i);
		if (rule->action == ACTION_BLOCK && rule->is_enabled) /* `mode: detect` too: records say what would be denied */
			events |= rule->events | 1ull << EVENT_FILE_RENAME | 1ull << EVENT_FILE_MOUNT; /* see enforce/derive.h */
	}
	return events;
}

const struct rule_info *policy_blocker(const struct policy *p, uint32_t slot)
{
	uint32_t index = exec_slot_rule(slot);
	if (exec_slot_generation(slot) != p->generation || index >= ruleset_count(p->rules))
		return NULL;
	return ruleset_get(p->rules, index);
}
