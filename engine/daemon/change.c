/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/change.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/control.h"
#include "engine/daemon/environment.h"
#include "engine/daemon/hooks.h"
#include "engine/daemon/say.h"

#define FORGET_NS 10000000000ull /* verdicts that the kernel took by the rules of before are read long before that */

/* Who waits for a reload. */
struct waiters {
	control_client clients[CONTROL_MAX_CLIENTS];
	size_t n;
};

struct change {
	struct change_config config;
	struct reload *reload;   /* owned */
	struct control *control; /* owned; NULL: none */
	struct policy *earlier;  /* owned */
	uint64_t forget_ns;      /* when earlier may go */
	uint64_t asked_ns;       /* 0: no reload is to be begun */
	uint64_t began_ns;       /* of the one that runs: when it was asked for */
	struct waiters asking, waiting; /* for the next one; for the one that runs */
	bool is_stopped;
};

int change_new(const struct change_config *config, struct change **ret, struct diag *diag)
{
	CLEANUP(change_free) struct change *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->config = *config;
	int err = reload_new(&c->reload);
	if (!err && config->control[0])
		err = control_open(config->control, &c->control, diag);
	if (err)
		return err;
	*ret = TAKE(c);
	return 0;
}

void change_stop(struct change *c)
{
	reload_free(&c->reload);
	c->is_stopped = true;
}

void change_free(struct change **c)
{
	if (!*c)
		return;
	reload_free(&(*c)->reload);
	control_close(&(*c)->control);
	policy_free(&(*c)->earlier);
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
	{ "reload", ask_reload },
	{ "status", answer_status },
};

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
	control_answer_error(c->control, q->from, buf_cstr(&text));
}

/* --- the change -------------------------------------------------------------------------------------------------------------- */

void change_ask(struct change *c)
{
	if (c->asked_ns == 0)
		c->asked_ns = clock_ns(CLOCK_MONOTONIC);
}

static uint32_t generation_after(uint32_t generation)
{
	return generation % POLICY_GENERATIONS + 1;
}

static void forget_earlier(struct change *c)
{
	pipeline_forget_earlier(c->config.pipeline);
	policy_free(&c->earlier);
}

static void change_environment(const struct reload_request *q, struct reload_result *r)
{
	struct environment env;
	environment_fill(&env, q->env_names, r->policy->rules, &r->diag);
	/* it fits: environment_fill leaves out what does not; should the kernel refuse all the same, the message is told with the rest */
	IGNORE(sensor_set_env_names(q->sensor, env.names, &r->diag));
}

/*
 * First the kernel's table of verdicts, which is replaced as a whole and may fail: then nothing has changed. Then the events of both, the
 * other rules, the events of the new ones. No event is read from the rings meanwhile.
 */
static int change_over(struct change *c, struct reload_result *r)
{
	const struct reload_request *q = &c->config.request;
	if (q->policy.enforce) {
		int err = sensor_set_exec_rules(q->sensor, r->policy->exec.keys, r->policy->exec.n, r->policy->generation, &r->diag);
		if (err)
			return err;
	}
	forget_earlier(c);
	if (q->sensor)
		change_environment(q, r);
	if (r->change)
		sensor_widen(q->sensor, r->change);
	pipeline_swap(c->config.pipeline, r->policy);
	c->earlier = *c->config.policy;
	*c->config.policy = TAKE(r->policy);
	c->forget_ns = clock_ns(CLOCK_MONOTONIC) + FORGET_NS;
	if (r->change) {
		sensor_narrow(q->sensor, r->change);
		hooks_warn(q->sensor, &r->diag);
		reload_tidy(c->reload, &r->change);
	}
	return 0;
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
	char *texts[DIAG_MAX_MESSAGES + 1] = { NULL };
	size_t n = 0;
	if (!c->config.stream)
		return;
	const struct diag *diag = &o->result->diag;
	for (size_t i = 0; o->error && i < diag->n; i++) {
		if (diag->messages[i].level != DIAG_ERROR)
			continue;
		char text[DIAG_MAX_TEXT + PATH_MAX + 64];
		diag_format(&diag->messages[i], text, sizeof(text));
		texts[n] = strdup(text);
		n += texts[n] != NULL;
	}
	if (o->error && n == 0) {
		texts[n] = strdup(strerror(-o->error));
		n += texts[n] != NULL;
	}
	struct hook_lists hooks;
	hooks_list(c->config.request.sensor, &hooks);
	struct reload_info info = {
		.at = instant_now(),
		.policy_digest = ruleset_digest((*c->config.policy)->rules),
		.policy_rules = ruleset_rules((*c->config.policy)->rules),
		.from_digest = o->from_digest,
		.from_rules = o->from_rules,
		.duration_ns = o->duration_ns,
		.errors = (const char *const *)texts,
		.hooks_missing = hooks.missing,
	};
	if (stream_reload(c->config.stream, &info))
		fputs("vedette: the log has no room for the record of the reload\n", stderr);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
}

static void say(struct change *c, const struct outcome_of_reload *o)
{
	say_diag(&o->result->diag);
	if (o->error && !o->result->diag.errors)
		fprintf(stderr, "vedette: %s\n", strerror(-o->error));
	size_t n = ruleset_rules((*c->config.policy)->rules);
	if (o->error)
		fprintf(stderr, "vedette: the reload failed: the %zu rules in force stay\n", n);
	else
		fprintf(stderr, "vedette: %zu rules are in force after %llu ms; %zu cases and %zu events of the self-test passed; digest %s\n", n,
			(unsigned long long)o->duration_ns / 1000000, o->result->cases, o->result->events, ruleset_digest((*c->config.policy)->rules));
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
		o.error = change_over(c, r);
	o.duration_ns = clock_ns(CLOCK_MONOTONIC) - c->began_ns;
	record(c, &o);
	say(c, &o);
	answer_waiting(c, &o);
	reload_result_done(r);
}

static void begin(struct change *c)
{
	struct reload_request q = c->config.request;
	q.generation = generation_after((*c->config.policy)->generation);
	c->began_ns = c->asked_ns;
	c->asked_ns = 0;
	c->waiting = c->asking;
	c->asking.n = 0;
	int err = reload_start(c->reload, &q);
	struct reload_result none = { .error = err };
	if (err)
		finish(c, &none);
}

void change_step(struct change *c)
{
	struct reload_result r;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	if (c->is_stopped)
		return;
	if (c->control)
		control_step(c->control, now_ns, on_command, c);
	if (reload_take(c->reload, &r))
		finish(c, &r);
	if (c->asked_ns && !reload_is_running(c->reload))
		begin(c);
	if (c->earlier && now_ns >= c->forget_ns)
		forget_earlier(c);
}
