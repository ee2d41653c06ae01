/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that are applied under way. A proposal is staged, built like a reload, and put in force; with a time to confirm it in, it goes back
 * by itself. The rules of before stay in memory until then, so that going back needs neither memory nor files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/daemon/change_parts.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/say.h"

#define MS_NS 1000000ull

static const char no_folder[] = "no policies can be applied: `policy.folder` of the configuration is empty";
static const char nothing_waits[] = "no policy waits to be confirmed";

/* Whoever confirms too late wants to know what became of it. */
static const char *why_nothing_waits(const struct change *c, char *text, size_t size)
{
	const struct change_last *last = &c->last;
	uint64_t ago_s = (clock_ns(CLOCK_REALTIME) - MIN(last->wall_ns, clock_ns(CLOCK_REALTIME))) / 1000000000;
	bool is_by_breaker = last->reason && strcmp(last->reason, "breaker") == 0, is_late = last->reason && strcmp(last->reason, "timeout") == 0;
	if (!is_by_breaker && !is_late)
		return nothing_waits;
	(void)snprintf(text, size, "%s: %s was taken back %llu seconds ago, because %s (it had blocked %llu acts)", nothing_waits, last->name,
		       (unsigned long long)ago_s, is_by_breaker ? "it blocked more in a minute than `policy.breaker` of the configuration allows" :
								  "nobody confirmed it in time", (unsigned long long)last->blocked); /* long enough */
	return text;
}

/* --- telling ------------------------------------------------------------------------------------------------------------------- */

/* What became of a proposal. */
struct end {
	const char *action, *reason;
	const char *from_digest;
	size_t from_rules;
	int error;
	const struct diag *diag;
	const struct control_peer *by; /* NULL: nobody asked */
	uint64_t blocked;              /* UINT64_MAX: not counted */
};

static struct end end_of(const struct change *c, const char *action, const char *reason, const struct diag *diag)
{
	const struct ruleset *now = (*c->config.policy)->rules;
	return (struct end){ .action = action, .reason = reason, .from_digest = ruleset_digest(now), .from_rules = ruleset_rules(now), .diag = diag,
			     .blocked = UINT64_MAX };
}

/* A signed record; what the log has no room for is told on standard error all the same. */
static void record(const struct change *c, const struct proposal *p, const struct end *e)
{
	const struct ruleset *now = (*c->config.policy)->rules;
	if (!c->config.stream)
		return;
	CLEANUP(change_errors_done) struct change_errors errors;
	change_errors_fill(&errors, e->error, e->diag);
	struct policy_info info = {
		.at = instant_now(),
		.action = e->action,
		.name = p->name,
		.reason = e->reason,
		.policy_digest = ruleset_digest(now),
		.policy_rules = ruleset_rules(now),
		.from_digest = e->from_digest,
		.from_rules = e->from_rules,
		.confirm_ns = p->confirm_ns,
		.blocked = e->blocked,
		.is_forced = p->is_forced,
		.has_by = e->by != NULL,
		.by_uid = e->by ? e->by->uid : 0,
		.by_pid = e->by ? e->by->pid : 0,
		.by_login = e->by ? e->by->login_uid : UINT32_MAX,
		.errors = (const char *const *)errors.texts,
	};
	if (stream_policy(c->config.stream, &info))
		fputs("vedette: the log has no room for the record of the policy\n", stderr);
}

static void say(const struct change *c, const struct proposal *p, const struct end *e)
{
	char who[64] = "";
	if (e->by && e->by->login_uid != UINT32_MAX)
		(void)snprintf(who, sizeof(who), ", by user %u (login %u), process %u", e->by->uid, e->by->login_uid, e->by->pid);
	else if (e->by)
		(void)snprintf(who, sizeof(who), ", by user %u, process %u", e->by->uid, e->by->pid);
	say_diag(e->diag);
	if (e->error && !e->diag->errors)
		fprintf(stderr, "vedette: %s\n", strerror(-e->error));
	size_t n = ruleset_rules((*c->config.policy)->rules);
	fprintf(stderr, "vedette: policy %s: %s %s (%s%s); %zu %s in force, digest %s\n", p->name, e->action, e->error ? "failed" : "done", e->reason, who, n,
		n == 1 ? "rule is" : "rules are", ruleset_digest((*c->config.policy)->rules));
}

/* For `status`: what was refused changed nothing. */
static void remember(struct change *c, const struct proposal *p, const struct end *e)
{
	struct change_last *last = &c->last;
	if (e->error)
		return;
	c->changes++;
	(void)snprintf(last->name, sizeof(last->name), "%s", p->name); /* fits: it is valid */
	last->action = e->action;
	last->reason = e->reason;
	last->blocked = e->blocked == UINT64_MAX ? 0 : e->blocked;
	last->wall_ns = clock_ns(CLOCK_REALTIME);
}

static void tell(struct change *c, const struct proposal *p, const struct end *e)
{
	record(c, p, e);
	say(c, p, e);
	remember(c, p, e);
}

static void add_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	json_str(j, sv_from(text));
}

static void answer(const struct change *c, control_client to, const struct proposal *p, const struct end *e, const char *error)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	struct json j;
	json_init(&j, &out);
	json_object_begin(&j);
	json_key(&j, "confirm_ms");
	json_u64(&j, c->window.is_open ? window_left_ns(&c->window, clock_ns(CLOCK_MONOTONIC)) / MS_NS : 0);
	add_text(&j, "digest", ruleset_digest((*c->config.policy)->rules));
	if (e->error)
		add_text(&j, "error", e->diag->errors ? error : strerror(-e->error));
	add_text(&j, "from", e->from_digest);
	json_key(&j, "from_rules");
	json_u64(&j, e->from_rules);
	add_text(&j, "name", p->name);
	json_key(&j, "ok");
	json_bool(&j, e->error == 0);
	problems_json(&j, e->diag);
	json_key(&j, "rules");
	json_u64(&j, ruleset_rules((*c->config.policy)->rules));
	add_text(&j, "staged", policies_staged_path(c->config.policies));
	json_object_end(&j);
	if (c->control)
		control_answer(c->control, to, buf_sv(&out));
}

/* --- what is asked for ----------------------------------------------------------------------------------------------------------- */

static void proposal_done(struct proposal *p)
{
	buf_done(&p->text);
	*p = (struct proposal){ 0 };
}

enum { WANT_NAME, WANT_CONFIRM, WANT_FORCE, WANT_TEXT, WANTS };

/* NULL, or what is wrong with the request. */
static const char *read_name(const struct json_want *want, struct proposal *ret)
{
	CLEANUP(buf_done) struct buf name = { 0 };
	if (want->token != JSON_STRING || json_unescape(want->raw, &name) || !policy_name_is_valid(buf_sv(&name)))
		return "a policy's name is 1 to 63 letters, digits, - and _";
	memcpy(ret->name, name.p, name.n);
	return NULL;
}

static const char *read_proposal(const struct control_request *q, bool has_text, struct proposal *ret)
{
	struct json_want wants[WANTS] = { [WANT_NAME] = { .path = "name" }, [WANT_CONFIRM] = { .path = "confirm_ms" }, [WANT_FORCE] = { .path = "force" },
					  [WANT_TEXT] = { .path = "text" } };
	const char *error;
	size_t at;
	uint64_t ms = 0;
	if (json_read_members(q->line, wants, WANTS, &error, &at))
		return error;
	error = read_name(&wants[WANT_NAME], ret);
	if (error)
		return error;
	bool has_confirm = wants[WANT_CONFIRM].token != JSON_ERROR;
	if (has_confirm && (wants[WANT_CONFIRM].token != JSON_NUMBER || num_parse_u64(wants[WANT_CONFIRM].raw, WINDOW_MAX_NS / MS_NS, &ms) || ms < WINDOW_MIN_NS / MS_NS))
		return "the time to confirm in is 10s to 1h";
	ret->confirm_ns = ms * MS_NS;
	ret->is_forced = wants[WANT_FORCE].token == JSON_TRUE;
	ret->text.max = POLICY_MAX_BYTES;
	if (has_text && (wants[WANT_TEXT].token != JSON_STRING || json_unescape(wants[WANT_TEXT].raw, &ret->text) || buf_error(&ret->text)))
		return "a policy is a text of at most 1 MiB";
	return NULL;
}

/* NULL, or why nothing can be asked for now. */
static const char *busy(const struct change *c)
{
	if (!c->config.policies)
		return no_folder;
	if (c->window.is_open)
		return "another policy waits to be confirmed: first `vedette policy confirm` it, or take it back with `vedette policy rollback`";
	return c->asked.name[0] || c->trial.name[0] ? "another policy is just being applied: try again when that is over" : NULL;
}

static void ask(struct change *c, const struct control_request *q, bool is_removal)
{
	struct proposal p = { .is_removal = is_removal, .by = q->peer, .from = q->from };
	const char *error = busy(c);
	if (!error)
		error = read_proposal(q, !is_removal, &p);
	if (!error && is_removal && !policies_find(c->config.policies, p.name))
		error = "there is no policy of this name";
	if (error) {
		control_answer_error(c->control, q->from, error);
		proposal_done(&p);
		return;
	}
	c->asked = p;
}

void apply_ask(struct change *c, const struct control_request *q)
{
	ask(c, q, false);
}

void apply_ask_removal(struct change *c, const struct control_request *q)
{
	ask(c, q, true);
}

/* --- trying it ------------------------------------------------------------------------------------------------------------------- */

static const char *action_of(const struct proposal *p)
{
	return p->is_removal ? "remove" : "apply";
}

/* The trial came to nothing: what was asked for is refused, with the reason. */
static void refuse(struct change *c, int err, const struct diag *diag, const char *error)
{
	struct end e = end_of(c, action_of(&c->trial), "asked", diag);
	e.error = err;
	e.by = &c->trial.by;
	tell(c, &c->trial, &e);
	answer(c, c->trial.from, &c->trial, &e, error);
	policies_unstage(c->config.policies);
	proposal_done(&c->trial);
}

int apply_begin(struct change *c)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	c->trial = c->asked;
	c->asked = (struct proposal){ 0 };
	int err = c->trial.is_removal ? 0 :
		  policies_stage(c->config.policies, c->trial.name, buf_sv(&c->trial.text), c->trial.is_forced, &diag);
	buf_done(&c->trial.text);
	if (err)
		refuse(c, err, &diag, "it cannot be written; the rules in force stay");
	return err;
}

/* On disk, so that it is in force after a restart, too. */
static int keep(struct change *c, struct diag *diag)
{
	return c->trial.is_removal ? policies_remove(c->config.policies, c->trial.name, diag) : policies_keep(c->config.policies, diag);
}

static void settle(struct change *c, struct diag *diag)
{
	pipeline_try(c->config.pipeline, "");
	window_close(&c->window);
	change_settle(c, diag);
}

/* What was in force before is so again; by NULL: by itself. */
static struct end go_back(struct change *c, const char *reason, const struct control_peer *by, struct diag *diag)
{
	struct end e = end_of(c, "rollback", reason, diag);
	e.by = by;
	e.blocked = pipeline_get_stats(c->config.pipeline)->blocked_on_trial;
	change_back(c, diag);
	pipeline_try(c->config.pipeline, "");
	window_close(&c->window);
	policies_unstage(c->config.policies);
	tell(c, &c->trial, &e);
	return e;
}

static void put_in_force(struct change *c, struct reload_result *r)
{
	struct end e = end_of(c, action_of(&c->trial), "asked", &r->diag);
	e.by = &c->trial.by;
	e.error = change_over(c, r, true); /* the earlier set is kept: the names in e stay good */
	if (e.error) {
		refuse(c, e.error, &r->diag, "the new rules are refused; those in force stay");
		return;
	}
	window_open(&c->window, clock_ns(CLOCK_MONOTONIC), c->trial.confirm_ns, c->config.breaker);
	pipeline_try(c->config.pipeline, policies_staged_path(c->config.policies));
	if (c->trial.confirm_ns == 0) {
		e.error = keep(c, &r->diag);
		if (e.error) {
			(void)go_back(c, "unkept", NULL, &r->diag); /* the asker is told of what was asked for */
			answer(c, c->trial.from, &c->trial, &e, "it cannot be kept; the rules of before are in force again");
			proposal_done(&c->trial);
			return;
		}
		settle(c, &r->diag);
	}
	tell(c, &c->trial, &e);
	answer(c, c->trial.from, &c->trial, &e, "");
	if (!c->window.is_open)
		proposal_done(&c->trial);
}

void apply_finish(struct change *c, struct reload_result *r)
{
	if (r->error)
		refuse(c, r->error, &r->diag, "the new rules are refused; those in force stay");
	else
		put_in_force(c, r);
	reload_result_done(r);
}

void apply_step(struct change *c, uint64_t now_ns)
{
	enum window_end over = window_step(&c->window, now_ns, pipeline_get_stats(c->config.pipeline)->blocked_on_trial);
	if (over == WINDOW_GOES_ON)
		return;
	CLEANUP(diag_done) struct diag diag = { 0 };
	(void)go_back(c, over == WINDOW_TIMEOUT ? "timeout" : "breaker", NULL, &diag); /* nobody asked */
	proposal_done(&c->trial);
}

void apply_stop(struct change *c)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (c->window.is_open) {
		struct end e = end_of(c, "rollback", "stopped", &diag);
		record(c, &c->trial, &e);
		fprintf(stderr, "vedette: policy %s was not confirmed before the daemon ends: it will not be in force at the next start\n", c->trial.name);
		window_close(&c->window);
	}
	if (c->config.policies)
		policies_unstage(c->config.policies);
}

/* --- deciding --------------------------------------------------------------------------------------------------------------------- */

void apply_confirm(struct change *c, const struct control_request *q)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	apply_step(c, clock_ns(CLOCK_MONOTONIC)); /* too late is too late, whatever was read first */
	if (!c->window.is_open) {
		char why[POLICY_NAME_MAX + 256];
		control_answer_error(c->control, q->from, c->config.policies ? why_nothing_waits(c, why, sizeof(why)) : no_folder);
		return;
	}
	struct end e = end_of(c, "confirm", "asked", &diag);
	e.by = &q->peer;
	e.blocked = pipeline_get_stats(c->config.pipeline)->blocked_on_trial;
	e.error = keep(c, &diag);
	if (!e.error)
		settle(c, &diag);
	tell(c, &c->trial, &e);
	answer(c, q->from, &c->trial, &e, "it cannot be kept; it still waits to be confirmed");
	if (!e.error)
		proposal_done(&c->trial);
}

void apply_roll_back(struct change *c, const struct control_request *q)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (!c->window.is_open) {
		control_answer_error(c->control, q->from, c->config.policies ? "no policy waits to be confirmed (vedette policy remove NAME takes one away that was)" :
									       no_folder);
		return;
	}
	struct end e = go_back(c, "asked", &q->peer, &diag);
	answer(c, q->from, &c->trial, &e, "");
	proposal_done(&c->trial);
}

/* --- looking ---------------------------------------------------------------------------------------------------------------------- */

static void add_files(struct json *j, const struct change *c)
{
	const struct policy_file *files;
	size_t n = policies_list(c->config.policies, &files);
	json_key(j, "policies");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		json_object_begin(j);
		json_key(j, "forced");
		json_bool(j, files[i].is_forced);
		add_text(j, "name", files[i].name);
		json_object_end(j);
	}
	json_array_end(j);
}

static void add_pending(struct json *j, const struct change *c)
{
	json_key(j, "pending");
	json_object_begin(j);
	add_text(j, "action", action_of(&c->trial));
	json_key(j, "blocked");
	json_u64(j, c->window.blocked);
	json_key(j, "breaker");
	json_u64(j, c->window.breaker);
	json_key(j, "forced");
	json_bool(j, c->trial.is_forced);
	json_key(j, "left_ms");
	json_u64(j, window_left_ns(&c->window, clock_ns(CLOCK_MONOTONIC)) / MS_NS);
	add_text(j, "name", c->trial.name);
	json_object_end(j);
}

void change_last_json(struct json *j, const struct change_last *last)
{
	CLEANUP(buf_done) struct buf at = { 0 };
	clock_add_rfc3339(&at, last->wall_ns);
	json_object_begin(j);
	add_text(j, "action", last->action);
	json_key(j, "at");
	json_str(j, buf_sv(&at));
	json_key(j, "blocked");
	json_u64(j, last->blocked);
	add_text(j, "name", last->name);
	add_text(j, "reason", last->reason);
	json_object_end(j);
}

void apply_answer_status(struct change *c, const struct control_request *q)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	struct json j;
	if (!c->config.policies) {
		control_answer_error(c->control, q->from, no_folder);
		return;
	}
	json_init(&j, &out);
	json_object_begin(&j);
	add_text(&j, "digest", ruleset_digest((*c->config.policy)->rules));
	json_key(&j, "ok");
	json_bool(&j, true);
	if (c->last.name[0]) {
		json_key(&j, "last");
		change_last_json(&j, &c->last);
	}
	if (c->window.is_open)
		add_pending(&j, c);
	add_files(&j, c);
	json_key(&j, "rules");
	json_u64(&j, ruleset_rules((*c->config.policy)->rules));
	json_object_end(&j);
	control_answer(c->control, q->from, buf_sv(&out));
}

void apply_show(struct change *c, const struct control_request *q)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	struct json_want want = { .path = "name" };
	struct proposal p = { 0 };
	const char *error;
	size_t at;
	struct json j;
	if (!c->config.policies || json_read_members(q->line, &want, 1, &error, &at)) {
		control_answer_error(c->control, q->from, c->config.policies ? error : no_folder);
		return;
	}
	error = read_name(&want, &p);
	int err = error ? 0 : policies_read(c->config.policies, p.name, &text);
	if (error || err) {
		control_answer_error(c->control, q->from, error ? error : err == -ENOENT ? "there is no policy of this name" : strerror(-err));
		return;
	}
	json_init(&j, &out);
	json_object_begin(&j);
	add_text(&j, "name", p.name);
	json_key(&j, "ok");
	json_bool(&j, true);
	json_key(&j, "text");
	json_str(&j, buf_sv(&text));
	json_object_end(&j);
	control_answer(c->control, q->from, buf_sv(&out));
}
