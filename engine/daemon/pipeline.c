/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever reads pipeline_record and pipeline_judge has read the program. */
#include "engine/daemon/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/render.h"
#include "alerts/terminal.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/correlation.h"
#include "engine/event/decode.h"
#include "engine/event/mask.h"

#define KILLED_IN_TIME "before the first instruction"
#define ADVANCE_NS 100000000ull /* events alone move these waits on that often: the same in a replay, which has no clock */

struct pipeline {
	struct pipeline_config config;
	struct pipeline_stats stats;
	struct matches matches;
	struct derived derived;
	struct buf message, terminal, reason, json; /* owned; memory is kept between events */
	uint64_t n_json; /* lines printed */
	struct correlation correlation;
	uint64_t next_advance_ns; /* time since boot at which waits of rules about several events are looked at again */
	const struct policy *policy, *earlier; /* borrowed; earlier: verdicts of the policy before may still be on their way */
	const char *tried;        /* borrowed; rule file whose blocks are counted; "": none */
	struct noise noise;
	struct untold {
		uint64_t n;
		uint64_t since_ns; /* wall clock */
	} untold[2]; /* alerts held back by throttles, and by the limit of all rules, whose summary found no room */
	void *masked; /* owned; room for one record whose passwords are taken out */
};

int pipeline_new(const struct pipeline_config *config, struct pipeline **ret)
{
	CLEANUP(pipeline_free) struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->config = *config;
	p->policy = config->policy;
	p->tried = "";
	p->stats.worst = -1;
	p->stats.evaluate_ns = histogram_of_times();
	noise_init(&p->noise, config->noise);
	p->message.max = RULE_MAX_TEXT * 16;
	p->terminal.max = LINE_MAX_BYTES * 4;
	p->reason.max = p->json.max = LINE_MAX_BYTES;
	if (buf_reserve(&p->message, RULE_MAX_TEXT) || buf_reserve(&p->terminal, LINE_MAX_BYTES) || buf_reserve(&p->reason, RULE_MAX_TEXT))
		return -ENOMEM;
	p->masked = malloc(RECORD_MAX);
	if (!p->masked || correlation_init(&p->correlation))
		return -ENOMEM;
	*ret = TAKE(p);
	return 0;
}

void pipeline_free(struct pipeline **p)
{
	if (!*p)
		return;
	buf_done(&(*p)->message);
	buf_done(&(*p)->terminal);
	buf_done(&(*p)->reason);
	buf_done(&(*p)->json);
	correlation_done(&(*p)->correlation);
	free((*p)->masked);
	free(*p);
	*p = NULL;
}

static void print_json(struct pipeline *p)
{
	buf_add_char(&p->json, '\n');
	p->stats.unprinted += fd_write_all(p->config.json_fd, p->json.p, p->json.n) != 0;
}

static void send_alert(struct pipeline *p, const struct alert *alert)
{
	p->stats.alerts++;
	rule_counts_add(&p->stats.by_rule, alert->rule, COUNT_ALERTS);
	p->stats.worst = MAX(p->stats.worst, (int)alert_severity(alert));
	if (p->config.stream)
		IGNORE(stream_alert(p->config.stream, alert, instant_now())); /* left out: the stream counted it and will tell */
	if (p->config.renderer) {
		buf_reset(&p->json);
		IGNORE(render_alert(p->config.renderer, p->n_json++, alert, &p->json)); /* fits: the buffer holds any line */
		print_json(p);
	}
	if (p->config.terminal_fd >= 0) {
		buf_reset(&p->terminal);
		terminal_alert(alert, p->config.terminal_colour, &p->terminal);
		IGNORE(fd_write_all(p->config.terminal_fd, p->terminal.p, p->terminal.n)); /* a closed terminal must not stop the watch */
	}
}

/* What is done, and said of it. */
struct deed {
	enum alert_action action;
	const char *kill; /* as in struct alert */
};

static bool is_done(struct deed deed)
{
	return deed.action == ALERT_ACTION_BLOCK || deed.action == ALERT_ACTION_KILL;
}

static void raise_alert(struct pipeline *p, const struct policy *policy, const struct event *ev, const struct rule_info *rule, struct deed deed)
{
	buf_reset(&p->message);
	ruleset_message(policy->rules, rule->index, ev, &p->message);
	struct alert alert = {
		.ev = ev,
		.rule = rule,
		.message = buf_sv(&p->message),
		.action = deed.action,
		.kill = deed.kill,
		.policy_digest = ruleset_digest(policy->rules),
	};
	if (is_done(deed)) {
		p->stats.blocked++;
		tally_count(&p->stats.blocked_by, rule->id);
		rule_counts_add(&p->stats.by_rule, rule, COUNT_BLOCKED);
	}
	send_alert(p, &alert);
}

/* Whoever makes a test run into its limit must not be hidden by that. The message says first that it may not be true. */
static void raise_undecided(struct pipeline *p, const struct event *ev, uint32_t index)
{
	const struct rule_info *rule = ruleset_owner(p->policy->rules, index);
	buf_reset(&p->message);
	buf_add_z(&p->message, "Undecided: ");
	ruleset_message(p->policy->rules, rule->index, ev, &p->message);
	buf_reset(&p->reason);
	ruleset_undecided_reason(p->policy->rules, index, ev, &p->reason);
	struct alert alert = {
		.ev = ev,
		.rule = rule,
		.message = buf_sv(&p->message),
		.action = ALERT_ACTION_ALERT,
		.policy_digest = ruleset_digest(p->policy->rules),
		.undecided = p->reason.n ? buf_sv(&p->reason) : SV("given up"),
	};
	send_alert(p, &alert);
}

/* --- what is held back -------------------------------------------------------------------------------------------------------------- */

enum held_by { BY_THROTTLE, BY_LIMIT };
static const char *const held_what[] = { [BY_THROTTLE] = "suppress", [BY_LIMIT] = "limit" };

/* A summary that finds no room is added to what is told at the next look, without its rule. */
static void tell_held(struct pipeline *p, enum held_by by, struct loss_info info)
{
	info.at = instant_now();
	info.what = held_what[by];
	info.event = "";
	info.cpu = -1;
	info.since_ns = info.since_ns ? info.since_ns : info.at.wall_ns;
	if (p->config.stream && stream_loss(p->config.stream, &info)) {
		if (p->untold[by].n == 0)
			p->untold[by].since_ns = info.since_ns;
		p->untold[by].n += info.count;
	}
	if (p->config.terminal_fd < 0)
		return;
	buf_reset(&p->terminal);
	buf_add_format(&p->terminal, "%llu more alerts of ", (unsigned long long)info.count);
	buf_add_z(&p->terminal, info.rule[0] ? "rule " : "other rules");
	terminal_text(&p->terminal, sv_from(info.rule));
	buf_add_z(&p->terminal, info.group[0] ? " (" : "");
	terminal_text(&p->terminal, sv_from(info.group));
	buf_add_z(&p->terminal, info.group[0] ? ")" : "");
	buf_add_format(&p->terminal, " were held back by %s\n", by == BY_THROTTLE ? "its throttle" : "the limit of all rules");
	IGNORE(fd_write_all(p->config.terminal_fd, p->terminal.p, p->terminal.n)); /* as for alerts */
}

static void tell_suppressed(struct pipeline *p, const struct throttle_summary *s)
{
	tell_held(p, BY_THROTTLE, (struct loss_info){
		.count = s->suppressed, .since_ns = s->since_ns, .last_ns = s->last_ns, .rule = s->rule ? s->rule->id : "", .group = s->group });
}

static void tell_limited(struct pipeline *p, uint64_t boot_ns)
{
	struct noise_row row;
	while (noise_take(&p->noise, boot_ns, &row))
		tell_held(p, BY_LIMIT, (struct loss_info){
			.count = row.count, .since_ns = row.first_ns, .last_ns = row.last_ns, .rule = row.rule, .group = "" });
}

static void tell_untold(struct pipeline *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->untold); i++) {
		struct untold *u = &p->untold[i];
		struct loss_info info = { .at = instant_now(), .what = held_what[i], .event = "", .cpu = -1, .count = u->n, .since_ns = u->since_ns };
		if (u->n && stream_loss(p->config.stream, &info) == 0)
			u->n = 0;
	}
}

static void end_windows(struct pipeline *p, struct throttle *t, uint64_t boot_ns)
{
	struct throttle_summary summary;
	while (throttle_ended(t, boot_ns, &summary))
		tell_suppressed(p, &summary);
}

void pipeline_end_windows(struct pipeline *p, uint64_t boot_ns)
{
	end_windows(p, p->policy->throttle, boot_ns);
	tell_limited(p, boot_ns);
	tell_untold(p);
}

static bool passes_throttle(struct pipeline *p, const struct throttled *alert)
{
	struct throttle_summary ended;
	bool may_pass = throttle_pass(p->policy->throttle, alert, &ended);
	if (ended.rule)
		tell_suppressed(p, &ended);
	return may_pass;
}

/* An alert that may be held back. */
struct raised {
	const struct event *ev;
	const struct rule_info *rule;
	bool is_undecided;
	bool is_done; /* the act was blocked, or its process ended: no limit of all rules holds that back */
};

/* From the floor on, all, undecided or not: who floods the limits must not hide what a rule at the floor could not say. Below it, what the rule's throttle lets through, and of that what the limit of all rules does. */
static bool passes(struct pipeline *p, const struct raised *raised)
{
	const struct rule_info *rule = raised->rule;
	const struct event *ev = raised->ev;
	if (noise_is_loud(&p->noise, rule->severity))
		return true;
	const struct throttled alert = { .rule = rule->index, .is_undecided = raised->is_undecided, .ev = ev };
	if (rule->throttle && !passes_throttle(p, &alert)) {
		p->stats.suppressed++;
		rule_counts_add(&p->stats.by_rule, rule, COUNT_THROTTLED);
		return false;
	}
	const struct noisy noisy = { rule->id, ev->common->boot_ns, ev->derived && IS_DERIVED(ev->derived, time) ? ev->derived->time : 0 };
	if (raised->is_done || noise_pass(&p->noise, &noisy))
		return true;
	p->stats.limited++;
	rule_counts_add(&p->stats.by_rule, rule, COUNT_LIMITED);
	return false;
}

/* Of a rule that kills and was not decided in the kernel: whatever its throttle says. */
static struct deed end_process(const struct pipeline *p, const struct event *ev, const struct rule_info *rule)
{
	if (rule->action != ACTION_KILL)
		return (struct deed){ .action = ALERT_ACTION_ALERT };
	if (!p->config.end || !p->config.is_enforcing || rule->mode == POLICY_DETECT)
		return (struct deed){ .action = ALERT_ACTION_WOULD_KILL };
	struct ending ending = p->config.end(ev);
	return (struct deed){ ending.is_dead ? ALERT_ACTION_KILL : ALERT_ACTION_ALERT, ending.text };
}

/* Rules about several events: what has come true by now. */
static void raise_correlated(struct pipeline *p)
{
	struct state_alert found;
	while (state_next(p->policy->state, &found)) {
		struct deed deed = end_process(p, found.ev, ruleset_get(p->policy->rules, found.rule));
		if (!passes(p, &(struct raised){ found.ev, ruleset_get(p->policy->rules, found.rule), false, is_done(deed) }))
			continue;
		buf_reset(&p->message);
		ruleset_message(p->policy->rules, found.rule, found.ev, &p->message);
		correlation_make(&p->correlation, p->policy->state, &found);
		struct alert alert = {
			.ev = found.ev,
			.rule = ruleset_get(p->policy->rules, found.rule),
			.message = buf_sv(&p->message),
			.action = deed.action,
			.kill = deed.kill,
			.policy_digest = ruleset_digest(p->policy->rules),
			.correlation = &p->correlation.info,
		};
		send_alert(p, &alert);
	}
	state_get_stats(p->policy->state, &p->stats.state);
}

/* Whoever works against the engine is told of, whatever the rules say. */
static const struct rule_info tamper_rule = {
	.id = "agent-tamper",
	.title = "Somebody works against Vedette itself",
	.description = "Built in: no rule of the policy has matched this event.",
	.ruleset = "built-in",
	.policy = "built-in",
	.severity = SEVERITY_HIGH,
	.is_enabled = true,
	.attack = { "T1562.001" },
	.events = 1ull << EVENT_AGENT_TAMPER,
};

static void raise_tamper(struct pipeline *p, const struct event *ev, enum alert_action action)
{
	const struct wire_agent_tamper *r = EVENT_AS(ev, agent_tamper);
	char name[RECORD_COMM + 1] = "";
	memcpy(name, ev->common->comm.text, RECORD_COMM);
	buf_reset(&p->message);
	buf_add_format(&p->message, "%s (process %u, user %u): %s", name, ev->common->pid, ev->common->uid, symbol_text(KIND_TAMPER, r->act));
	struct alert alert = {
		.ev = ev,
		.rule = &tamper_rule,
		.message = buf_sv(&p->message),
		.action = action,
		.policy_digest = ruleset_digest(p->policy->rules),
	};
	p->stats.blocked += action == ALERT_ACTION_BLOCK;
	send_alert(p, &alert);
}

/* Refused by the protection of the engine, not by a rule. */
static bool is_tamper(const struct event *ev)
{
	return ev->type->number == EVENT_AGENT_TAMPER;
}

static bool is_killed(const struct event *ev)
{
	return ev->common->verdict == VERDICT_KILL;
}

static struct deed deed_of(const struct pipeline *p, const struct rule_info *rule, const struct event *ev)
{
	if (is_tamper(ev) && ev->common->verdict == VERDICT_BLOCK)
		return (struct deed){ .action = ALERT_ACTION_BLOCK };
	if (rule->action == ACTION_BLOCK && p->config.is_taped && ev->common->verdict == VERDICT_BLOCK)
		return (struct deed){ .action = ALERT_ACTION_BLOCK }; /* it was denied, by whichever rule of then */
	if (rule->action == ACTION_BLOCK && (!p->config.is_enforcing || !rule_is_blocking(rule) || rule->rollout)) /* not of the share that is blocked */
		return (struct deed){ .action = ALERT_ACTION_WOULD_BLOCK };
	if (rule->action == ACTION_KILL && is_killed(ev))
		return (struct deed){ ALERT_ACTION_KILL, KILLED_IN_TIME };
	return end_process(p, ev, rule);
}

struct blocker {
	const struct policy *policy; /* the one that decided */
	const struct rule_info *rule;
};

/* Who denied the act; nobody that we know of: any rule that blocks might have meant a path that could not be resolved. */
static struct blocker blocker_of(const struct pipeline *p, const struct event *ev)
{
	const struct rule_info *rule = policy_blocker(p->policy, ev->common->rule_slot);
	if (rule)
		return (struct blocker){ p->policy, rule };
	rule = p->earlier ? policy_blocker(p->earlier, ev->common->rule_slot) : NULL;
	if (rule)
		return (struct blocker){ p->earlier, rule };
	return (struct blocker){ p->policy, p->policy->first_block };
}

/* A block whose rule is not known may be by any: it counts. */
static bool is_by_tried(const struct pipeline *p, const struct event *ev, struct blocker by)
{
	if (!p->tried[0] || by.policy != p->policy)
		return false;
	return !policy_blocker(p->policy, ev->common->rule_slot) || (by.rule && strcmp(by.rule->at.file, p->tried) == 0);
}

/* Across a reload the same rule stands in two sets. */
static bool is_told(const struct rule_info *blocker, const struct rule_info *rule)
{
	return blocker && strcmp(blocker->id, rule->id) == 0;
}

static void evaluate(struct pipeline *p, const struct event *ev)
{
	bool is_timed = p->stats.judged % PIPELINE_TIMED == 0;
	uint64_t began_ns = is_timed ? clock_ns(CLOCK_MONOTONIC) : 0;
	engine_evaluate(p->policy->engine, ev, &p->matches);
	if (is_timed)
		histogram_add(&p->stats.evaluate_ns, clock_ns(CLOCK_MONOTONIC) - began_ns);
}

/* Evaluate, alert: the same for a record that came just now and for one that was taped long ago. */
void pipeline_judge(struct pipeline *p, const struct event *ev)
{
	bool is_decided = (ev->common->verdict == VERDICT_BLOCK || is_killed(ev)) && !p->config.is_taped && !is_tamper(ev);
	struct blocker by = is_decided ? blocker_of(p, ev) : (struct blocker){ 0 };
	struct deed done = is_killed(ev) ? (struct deed){ ALERT_ACTION_KILL, KILLED_IN_TIME } : (struct deed){ .action = ALERT_ACTION_BLOCK };
	if (by.rule)
		raise_alert(p, by.policy, ev, by.rule, done);
	p->stats.blocked_on_trial += is_by_tried(p, ev, by);
	end_windows(p, p->policy->throttle, ev->common->boot_ns);
	tell_limited(p, ev->common->boot_ns);
	evaluate(p, ev);
	for (size_t i = 0; i < p->matches.n; i++) {
		const struct rule_info *rule = ruleset_get(p->policy->rules, p->matches.rule[i]);
		if (is_told(by.rule, rule) || rule->is_step)
			continue;
		struct deed deed = deed_of(p, rule, ev);
		if (passes(p, &(struct raised){ ev, rule, false, is_done(deed) }))
			raise_alert(p, p->policy, ev, rule, deed);
	}
	if (is_tamper(ev) && p->matches.n == 0 && !p->config.is_taped)
		raise_tamper(p, ev, ev->common->verdict == VERDICT_BLOCK ? ALERT_ACTION_BLOCK : ALERT_ACTION_ALERT);
	p->stats.judged++;
	for (size_t i = 0; i < p->matches.n_undecided; i++) {
		p->stats.undecided++;
		if (passes(p, &(struct raised){ ev, ruleset_owner(p->policy->rules, p->matches.undecided[i]), true, false }))
			raise_undecided(p, ev, p->matches.undecided[i]);
	}
	p->stats.matches_dropped += p->matches.not_kept + p->matches.undecided_not_kept;
	if (p->matches.n)
		state_event(p->policy->state, ev, &p->matches);
	if (p->matches.n || ev->common->boot_ns >= p->next_advance_ns)
		pipeline_advance(p, ev->common->boot_ns);

	if (p->config.tape)
		tape_writer_add(p->config.tape, ev);
	if (p->config.log_events && p->config.renderer) {
		buf_reset(&p->json);
		IGNORE(render_event(p->config.renderer, p->n_json++, ev, &p->json)); /* as above */
		print_json(p);
	}
	if (p->config.log_events && p->config.stream)
		IGNORE(stream_event(p->config.stream, ev, instant_now())); /* as above */
	if (p->config.terminal_events && p->config.terminal_fd >= 0) {
		buf_reset(&p->terminal);
		terminal_event(ev, &p->terminal);
		IGNORE(fd_write_all(p->config.terminal_fd, p->terminal.p, p->terminal.n));
	}
}

void pipeline_swap(struct pipeline *p, const struct policy *policy)
{
	throttle_carry_over(p->policy->throttle, policy->throttle);
	end_windows(p, p->policy->throttle, UINT64_MAX); /* of rules that are gone or changed */
	/* rules that are the same in both go on where they were; without memory for the list of them they begin anew */
	IGNORE(state_carry_over(p->policy->state, policy->state));
	state_clear(p->policy->state); /* it may be put in force again */
	p->earlier = p->policy;
	p->policy = policy;
}

void pipeline_forget_earlier(struct pipeline *p)
{
	p->earlier = NULL;
}

void pipeline_try(struct pipeline *p, const char *file)
{
	p->tried = file;
	p->stats.blocked_on_trial = 0;
}

/* What is known of the event is filled in. result: of the call, when has_result. */
static void enrich_and_judge(struct pipeline *p, struct event ev, bool has_result, int64_t result)
{
	enrich_derive(p->config.enrich, &ev, &p->derived);
	if (has_result)
		enrich_outcome(&p->derived, ev.common, result);
	p->derived.host_name = p->config.host_name;
	ev.derived = &p->derived;
	if (p->config.teller)
		teller_event(p->config.teller, p->policy, &ev);
	pipeline_judge(p, &ev);
}

static void join_outcome(struct pipeline *p, const struct event *outcome)
{
	struct event held[OUTCOME_MAX_PER_CALL];
	size_t n = outcome_take(p->config.outcomes, outcome->common->call_id, held);
	for (size_t i = 0; i < n; i++)
		enrich_and_judge(p, held[i], true, outcome->common->result);
}

/* Passwords go before anything is made of the record: no rule, alert, log or tape sees them. */
static bool read_record(struct pipeline *p, const void *bytes, size_t size, struct event *ret)
{
	if (event_decode(bytes, size, ret))
		return false;
	if (!mask_is_due(ret))
		return true;
	if (ret->size > RECORD_MAX)
		return false;
	memcpy(p->masked, bytes, ret->size);
	mask_record(p->masked);
	return event_decode(p->masked, ret->size, ret) == 0;
}

void pipeline_record(void *pipeline, const void *bytes, size_t size, bool is_priority)
{
	struct pipeline *p = pipeline;
	struct event ev;
	if (!read_record(p, bytes, size, &ev)) {
		p->stats.damaged++;
		return;
	}
	p->stats.delivered[ev.type->number]++;
	if (ev.type->number == EVENT_OUTCOME) {
		join_outcome(p, &ev);
		return;
	}
	if (is_priority)
		enrich_apply(p->config.enrich, &ev);
	bool is_attempt = ev.common->stage == STAGE_ATTEMPT;
	if (is_attempt && ev.common->call_id && outcome_hold(p->config.outcomes, &ev) == 0)
		return;
	enrich_and_judge(p, ev, false, 0);
}

void pipeline_twin(struct pipeline *p, const struct event *ev, bool is_priority)
{
	p->stats.delivered[ev->type->number]++;
	if (is_priority && ev->type->number != EVENT_OUTCOME)
		enrich_apply(p->config.enrich, ev);
}

void pipeline_note(struct pipeline *p, const void *bytes, size_t size)
{
	struct event ev;
	if (event_decode(bytes, size, &ev) == 0)
		enrich_and_judge(p, ev, false, 0);
}

static void give_up_outcomes(struct pipeline *p, uint64_t boot_ns)
{
	struct event held[OUTCOME_MAX_PER_CALL];
	size_t n;
	while ((n = outcome_expired(p->config.outcomes, boot_ns, held, ARRAY_SIZE(held))) > 0)
		for (size_t i = 0; i < n; i++)
			enrich_and_judge(p, held[i], false, 0);
}

void pipeline_expire(struct pipeline *p, uint64_t boot_ns)
{
	give_up_outcomes(p, boot_ns);
	pipeline_end_windows(p, boot_ns);
}

void pipeline_advance(struct pipeline *p, uint64_t boot_ns)
{
	p->next_advance_ns = boot_ns + ADVANCE_NS;
	state_advance(p->policy->state, boot_ns);
	raise_correlated(p);
}

/* An `absence` of which nobody will know whether it was one. */
static void tell_unfinished(struct pipeline *p)
{
	struct instant now = instant_now();
	struct loss_info info = { .at = now, .what = "wait", .event = "", .cpu = -1, .count = p->stats.unfinished, .since_ns = now.wall_ns };
	if (p->config.stream && p->stats.unfinished)
		IGNORE(stream_loss(p->config.stream, &info)); /* no room: the sum at the end tells */
}

void pipeline_finish(struct pipeline *p)
{
	if (p->config.outcomes)
		give_up_outcomes(p, UINT64_MAX);
	state_finish(p->policy->state);
	raise_correlated(p);
	p->stats.unfinished = state_unfinished(p->policy->state);
	tell_unfinished(p);
	pipeline_end_windows(p, UINT64_MAX); /* last: what was raised just now may have been held back */
}

const struct pipeline_stats *pipeline_get_stats(const struct pipeline *p)
{
	return &p->stats;
}
