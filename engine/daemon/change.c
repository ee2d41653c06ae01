/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/change.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/daemon/ancestry.h"
#include "engine/daemon/change_parts.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/environment.h"
#include "engine/daemon/hooks.h"
#include "engine/daemon/say.h"

#define TRIAL_GRACE_NS 5000000000ull /* the engine goes back in time itself; the kernel does when it is gone */
enum { TELL_PASSES = 20, TELL_PAUSE_MS = 5 };
#define FORGET_NS 10000000000ull /* verdicts that the kernel took by the rules of before are read long before that */

int change_new(const struct change_config *config, struct change **ret, struct diag *diag)
{
	CLEANUP(change_free) struct change *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->generation = (*config->policy)->generation;
	c->epochs.in_force = c->epochs.last = (*config->policy)->verdicts.ancestors.epoch;
	c->renew.mounts_fd = -1;
	int err = reload_new(&c->reload);
	if (!err && config->request.policy.enforce)
		err = renew_open(&c->renew, diag);
	if (!err && config->control[0])
		err = control_open(config->control, &c->control, diag);
	if (err)
		return err;
	*ret = TAKE(c);
	return 0;
}

static void refuse_at_end(void *context, const struct control_request *q)
{
	struct change *c = context;
	control_answer_error(c->control, q->from, "the daemon is just ending");
}

/* Who asked already is answered; who comes now is told that nobody is there, instead of waiting for it. */
static void close_control(struct change *c)
{
	for (int i = 0; i < 2; i++) /* those who are connected, and those who wait to be */
		control_step(c->control, clock_ns(CLOCK_MONOTONIC), refuse_at_end, c);
	control_refuse_all(c->control, "the daemon is just ending");
	control_close(&c->control);
}

void change_stop(struct change *c)
{
	reload_free(&c->reload);
	apply_stop(c);
	if (c->control)
		close_control(c);
	c->is_stopped = true;
}

void change_free(struct change **c)
{
	if (!*c)
		return;
	reload_free(&(*c)->reload);
	control_close(&(*c)->control);
	renew_close(&(*c)->renew);
	sensor_change_free(&(*c)->held);
	policy_free(&(*c)->earlier);
	buf_done(&(*c)->asked.text);
	buf_done(&(*c)->trial.text);
	free(*c);
	*c = NULL;
}

int change_reload_fd(const struct change *c)
{
	return reload_poll_fd(c->reload);
}

int change_control_fd(const struct change *c)
{
	return c->control ? control_poll_fd(c->control) : -1;
}

static const char reload_in_window[] = "a policy waits to be confirmed: first `vedette policy confirm` it, or take it back with `vedette policy rollback`";

/* --- answers ----------------------------------------------------------------------------------------------------------------- */

static void answer_ping(struct change *c, const struct control_request *q)
{
	control_answer(c->control, q->from, SV("{\"ok\":true,\"version\":\"" VEDETTE_VERSION "\"}"));
}

static void answer_status(struct change *c, const struct control_request *q)
{
	CLEANUP(buf_done) struct buf status = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	c->config.add_status(c->config.status_context, &status);
	struct strview text = buf_sv(&status);
	if (sv_ends(text, SV("\n")))
		text.n--;
	buf_add_z(&out, "{\"ok\":true,\"status\":");
	buf_add_sv(&out, text);
	buf_add_char(&out, '}');
	if (buf_error(&status) || buf_error(&out))
		control_answer_error(c->control, q->from, "no memory for the status");
	else
		control_answer(c->control, q->from, buf_sv(&out));
}

static void ask_reload(struct change *c, const struct control_request *q)
{
	if (c->window.is_open) {
		control_answer_error(c->control, q->from, reload_in_window);
		return;
	}
	if (c->asking.n == ARRAY_SIZE(c->asking.clients)) { /* those that hung up meanwhile are still in the list */
		control_answer_error(c->control, q->from, "too many wait for a reload already");
		return;
	}
	c->asking.clients[c->asking.n++] = q->from;
	change_ask(c);
}

/* Each answers, now or later. */
static const struct command {
	const char *name;
	void (*run)(struct change *c, const struct control_request *q);
} commands[] = {
	{ "ping", answer_ping },
	{ "policy-apply", apply_ask },
	{ "policy-confirm", apply_confirm },
	{ "policy-remove", apply_ask_removal },
	{ "policy-rollback", apply_roll_back },
	{ "policy-show", apply_show },
	{ "policy-status", apply_answer_status },
	{ "reload", ask_reload },
	{ "status", answer_status },
};

/* True when it was one of those that others answer for. */
static bool run_other(struct change *c, const struct control_request *q)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = c->config.command ? c->config.command(c->config.command_context, q, &diag) : -ENOENT;
	if (err == -ENOENT)
		return false;
	if (err)
		control_answer_error(c->control, q->from, diag.n ? diag.messages[0].text : strerror(-err));
	else
		control_answer(c->control, q->from, SV("{\"ok\":true}"));
	return true;
}

static void on_command(void *context, const struct control_request *q)
{
	struct change *c = context;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, "no such command: there are ");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (sv_equal(q->command, sv_from(commands[i].name))) {
			commands[i].run(c, q);
			return;
		}
		buf_add_format(&text, "%s%s", i == 0 ? "" : i + 1 == ARRAY_SIZE(commands) ? " and " : ", ", commands[i].name);
	}
	if (!run_other(c, q))
		control_answer_error(c->control, q->from, buf_cstr(&text));
}

/* --- the change -------------------------------------------------------------------------------------------------------------- */

void change_ask(struct change *c)
{
	if (c->asked_ns == 0)
		c->asked_ns = clock_ns(CLOCK_MONOTONIC);
}

/* None is given out twice before all others were: a verdict on its way names its rules by it. Neighbours differ in their lowest bit. */
static uint32_t next_generation(struct change *c)
{
	uint32_t in_force = (*c->config.policy)->generation;
	do
		c->generation = c->generation % POLICY_GENERATIONS + 1;
	while ((c->generation & 1) == (in_force & 1));
	return c->generation;
}

static void forget_earlier(struct change *c)
{
	pipeline_forget_earlier(c->config.pipeline);
	policy_free(&c->earlier);
}

static void change_environment(const struct reload_request *q, const struct ruleset *rules, struct diag *diag)
{
	struct environment env;
	environment_fill(&env, q->env_names, rules, diag);
	/* it fits: environment_fill leaves out what does not; should the kernel refuse all the same, the message is told with the rest */
	IGNORE(sensor_set_env_names(q->sensor, env.names, diag));
}

/*
 * Those born meanwhile of processes that were not told of yet, or whose image was just being replaced, come with their records: until twice in a row
 * there were none, or it takes too long.
 */
static int tell_ancestors(struct change *c, const struct policy *p, struct diag *diag)
{
	static const struct timespec pause = { .tv_nsec = TELL_PAUSE_MS * 1000000L };
	struct sensor *s = c->config.request.sensor;
	struct inherited *labels;
	int n = inherited_of(s, &p->verdicts.tables, &labels);
	struct ancestry_past past = { .labels = labels, .is_doubtful = renew_has_moved(&c->renew) };
	for (int i = 0, none = 0; n >= 0 && none < 2 && i < TELL_PASSES; i++) {
		n = ancestry_tell(s, c->config.enrich, &p->verdicts.tables, &past, diag);
		none = n ? 0 : none + 1;
		if (n < 0 || !p->verdicts.tables.head.n_ancestors)
			break;
		(void)nanosleep(&pause, NULL);
		n = MIN(sensor_consume(s, 1), 0);
	}
	inherited_free(&labels);
	return n;
}

int change_put_verdicts(struct change *c, struct policy *p, uint64_t until_boot_ns, struct diag *diag)
{
	const struct reload_request *q = &c->config.request;
	uint32_t epoch = p->verdicts.ancestors.epoch;
	c->epochs.last = MAX(c->epochs.last, epoch);
	int err = epoch == c->epochs.in_force ? 0 : tell_ancestors(c, p, diag);
	if (err) { /* what labels say by these tables may be less than what others of their epoch ask */
		sensor_drop_verdicts(q->sensor);
		c->epochs.is_split = true;
		return err;
	}
	c->epochs.in_force = epoch;
	c->epochs.is_split = false;
	return until_boot_ns ? sensor_try_verdicts(q->sensor, until_boot_ns) : sensor_put_verdicts(q->sensor);
}

/* The other policy judges from the next event on; the one of now is kept for verdicts that are on their way. */
static void swap(struct change *c, struct policy *to)
{
	pipeline_swap(c->config.pipeline, to);
	c->earlier = *c->config.policy;
	*c->config.policy = to;
	c->forget_ns = clock_ns(CLOCK_MONOTONIC) + FORGET_NS;
}

/* What was dropped, and hashed, by the rules in force, is again. */
static void return_approval(struct change *c, struct diag *diag)
{
	struct sensor *s = c->config.request.sensor;
	sensor_return_approval(s);
	policy_hash(*c->config.policy, s, diag);
}

/*
 * The events of both; then the kernel's tables of verdicts, which may fail: then all is as it was. Then the other rules, and the events of the
 * new ones alone. What is read from the rings until then is judged by the rules of before.
 */
int change_over(struct change *c, struct reload_result *r, bool is_trial)
{
	const struct reload_request *q = &c->config.request;
	if (q->sensor) /* until the change is settled: what only one of the two wants must come */
		sensor_send_all(q->sensor);
	uint64_t until_boot_ns = is_trial ? clock_ns(CLOCK_BOOTTIME) + c->trial.confirm_ns + TRIAL_GRACE_NS : 0;
	if (r->change) /* a hook that is to give verdicts must be there before they are asked */
		sensor_widen(q->sensor, r->change);
	int err = q->policy.enforce ? change_put_verdicts(c, r->policy, until_boot_ns, &r->diag) : 0;
	r->filled = NULL; /* they are in force, or dropped */
	if (err) {
		if (r->change) {
			sensor_undo(q->sensor, r->change);
			reload_tidy(c->reload, &r->change);
		}
		if (q->sensor)
			return_approval(c, &r->diag);
		return err;
	}
	forget_earlier(c);
	if (q->sensor)
		change_environment(q, r->policy->rules, &r->diag);
	swap(c, TAKE(r->policy));
	c->held = TAKE(r->change);
	if (!is_trial)
		change_settle(c, &r->diag);
	return 0;
}

static void tidy(struct change *c)
{
	if (!reload_is_running(c->reload))
		reload_tidy(c->reload, &c->held);
	else
		sensor_change_free(&c->held);
}

void change_settle(struct change *c, struct diag *diag)
{
	const struct reload_request *q = &c->config.request;
	if (q->sensor)
		sensor_put_approval(q->sensor);
	if (q->policy.enforce)
		IGNORE(sensor_settle_verdicts(q->sensor)); /* no memory: labels are kept by the tables of before, too, until the next ones come */
	if (q->sensor)
		policy_hash(*c->config.policy, q->sensor, diag);
	if (!c->held)
		return;
	sensor_narrow(q->sensor, c->held);
	hooks_warn(q->sensor, diag);
	tidy(c);
}

void change_back(struct change *c, struct diag *diag)
{
	const struct reload_request *q = &c->config.request;
	uint32_t epoch = c->earlier->verdicts.ancestors.epoch;
	if (q->policy.enforce)
		sensor_return_verdicts(q->sensor);
	c->epochs.is_split = c->epochs.in_force == epoch;
	c->epochs.in_force = epoch;
	swap(c, c->earlier);
	if (q->sensor)
		change_environment(q, (*c->config.policy)->rules, diag);
	if (c->held) {
		sensor_undo(q->sensor, c->held);
		tidy(c);
	}
	if (c->config.changed)
		c->config.changed(c->config.command_context);
	if (q->sensor)
		return_approval(c, diag);
}

/* --- telling ------------------------------------------------------------------------------------------------------------------ */

void change_errors_fill(struct change_errors *e, int err, const struct diag *diag)
{
	size_t n = 0;
	*e = (struct change_errors){ 0 };
	for (size_t i = 0; err && i < diag->n; i++) {
		if (diag->messages[i].level != DIAG_ERROR)
			continue;
		char text[DIAG_MAX_TEXT + PATH_MAX + 64];
		diag_format(&diag->messages[i], text, sizeof(text));
		e->texts[n] = strdup(text);
		n += e->texts[n] != NULL;
	}
	if (err && n == 0)
		e->texts[0] = strdup(strerror(-err));
}

void change_errors_done(struct change_errors *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(e->texts); i++)
		str_free(&e->texts[i]);
}

struct outcome_of_reload {
	int error;
	const char *from_digest;
	size_t from_rules;
	uint64_t duration_ns;
	const struct reload_result *result;
};

/* A signed record; what the log has no room for is told on standard error all the same. */
static void record(struct change *c, const struct outcome_of_reload *o)
{
	if (!c->config.stream)
		return;
	CLEANUP(change_errors_done) struct change_errors errors;
	change_errors_fill(&errors, o->error, &o->result->diag);
	struct hook_lists hooks;
	hooks_list(c->config.request.sensor, &hooks);
	struct reload_info info = {
		.at = instant_now(),
		.policy_digest = ruleset_digest((*c->config.policy)->rules),
		.policy_rules = ruleset_rules((*c->config.policy)->rules),
		.from_digest = o->from_digest,
		.from_rules = o->from_rules,
		.duration_ns = o->duration_ns,
		.errors = (const char *const *)errors.texts,
		.hooks_missing = hooks.missing,
	};
	if (stream_reload(c->config.stream, &info))
		fputs("vedette: the log has no room for the record of the reload\n", stderr);
}

static void say(struct change *c, const struct outcome_of_reload *o)
{
	say_diag(&o->result->diag);
	if (o->error && !o->result->diag.errors)
		fprintf(stderr, "vedette: %s\n", strerror(-o->error));
	size_t n = ruleset_rules((*c->config.policy)->rules);
	if (o->error)
		fprintf(stderr, "vedette: the reload failed: the %zu %s in force stay%s\n", n, n == 1 ? "rule" : "rules", n == 1 ? "s" : "");
	else
		fprintf(stderr, "vedette: %zu %s in force after %llu ms; %zu cases and %zu events of the self-test passed; digest %s\n", n,
			n == 1 ? "rule is" : "rules are", (unsigned long long)o->duration_ns / 1000000, o->result->cases, o->result->events, ruleset_digest((*c->config.policy)->rules));
}

static void answer_waiting(struct change *c, const struct outcome_of_reload *o)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	struct json j;
	json_init(&j, &out);
	json_object_begin(&j);
	json_key(&j, "digest");
	json_str(&j, sv_from(ruleset_digest((*c->config.policy)->rules)));
	if (o->error) {
		json_key(&j, "error");
		json_str(&j, o->result->diag.errors ? SV("the new rules are refused; those in force stay") : sv_from(strerror(-o->error)));
	}
	json_key(&j, "from");
	json_str(&j, sv_from(o->from_digest));
	json_key(&j, "from_rules");
	json_u64(&j, o->from_rules);
	json_key(&j, "milliseconds");
	json_u64(&j, o->duration_ns / 1000000);
	json_key(&j, "ok");
	json_bool(&j, o->error == 0);
	problems_json(&j, &o->result->diag);
	json_key(&j, "rules");
	json_u64(&j, ruleset_rules((*c->config.policy)->rules));
	json_object_end(&j);
	for (size_t i = 0; c->control && i < c->waiting.n; i++)
		control_answer(c->control, c->waiting.clients[i], buf_sv(&out));
	c->waiting.n = 0;
}

static void finish(struct change *c, struct reload_result *r)
{
	const struct ruleset *before = (*c->config.policy)->rules; /* kept as the earlier policy */
	struct outcome_of_reload o = { .error = r->error, .from_digest = ruleset_digest(before), .from_rules = ruleset_rules(before), .result = r };
	if (!o.error)
		o.error = change_over(c, r, false);
	o.duration_ns = clock_ns(CLOCK_MONOTONIC) - c->began_ns;
	c->changes++;
	record(c, &o);
	say(c, &o);
	answer_waiting(c, &o);
	reload_result_done(r);
}

static void start(struct change *c, struct reload_result *ret_failed)
{
	struct reload_request q = c->config.request;
	q.generation = next_generation(c);
	q.epochs = c->epochs;
	q.epochs.is_split |= renew_has_moved(&c->renew);
	q.policy.ancestors = &(*c->config.policy)->verdicts.ancestors; /* stays until this reload is over */
	q.policies = c->config.policies;
	q.without = c->trial.is_removal ? c->trial.name : NULL;
	ret_failed->error = reload_start(c->reload, &q);
}

static void begin(struct change *c)
{
	struct reload_result failed = { 0 };
	c->began_ns = c->asked_ns;
	c->asked_ns = 0;
	c->waiting = c->asking;
	c->asking.n = 0;
	start(c, &failed);
	if (failed.error)
		finish(c, &failed);
}

static void begin_trial(struct change *c)
{
	struct reload_result failed = { 0 };
	c->began_ns = clock_ns(CLOCK_MONOTONIC);
	if (apply_begin(c))
		return;
	start(c, &failed);
	if (failed.error)
		apply_finish(c, &failed);
}

/* It was asked for before the policy that waits now was in force. */
static void refuse_reload(struct change *c)
{
	fprintf(stderr, "vedette: no reload: %s\n", reload_in_window);
	for (size_t i = 0; c->control && i < c->asking.n; i++)
		control_answer_error(c->control, c->asking.clients[i], reload_in_window);
	c->asking.n = 0;
	c->asked_ns = 0;
}

void change_step(struct change *c)
{
	struct reload_result r;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	if (c->is_stopped)
		return;
	if (c->control)
		control_step(c->control, now_ns, on_command, c);
	if (reload_take(c->reload, &r)) {
		if (r.is_renewal)
			renew_finish(c, &r);
		else if (c->trial.name[0])
			apply_finish(c, &r);
		else
			finish(c, &r);
	}
	apply_step(c, now_ns);
	renew_step(c, now_ns);
	if (c->asked_ns && c->window.is_open)
		refuse_reload(c);
	if (c->asked_ns && !reload_is_running(c->reload))
		begin(c);
	else if (c->asked.name[0] && !reload_is_running(c->reload))
		begin_trial(c);
	if (c->earlier && now_ns >= c->forget_ns && !c->window.is_open)
		forget_earlier(c);
}

bool change_is_filling(const struct change *c)
{
	return reload_is_running(c->reload);
}

void change_get_status(const struct change *c, struct change_status *ret)
{
	*ret = (struct change_status){ 0 };
	ret->last = c->last;
	ret->changes = c->changes;
	if (c->config.policies)
		ret->n_kept = policies_list(c->config.policies, &ret->kept);
	if (!c->window.is_open)
		return;
	ret->pending = c->trial.name;
	ret->is_removal = c->trial.is_removal;
	ret->left_ns = window_left_ns(&c->window, clock_ns(CLOCK_MONOTONIC));
	ret->blocked = c->window.blocked;
}
