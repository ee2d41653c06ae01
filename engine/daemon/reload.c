/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/daemon/policies.h"
#include "engine/daemon/selftest.h"

struct reload {
	int done_fd;
	bool is_running;
	pthread_t thread;
	struct reload_request request; /* the thread's while it runs */
	struct reload_result result;
	struct sensor_change *tidy;    /* owned; what the thread frees before anything else */
};

void rule_paths_done(struct rule_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->items[i]);
	*paths = (struct rule_paths){ 0 };
}

int rule_paths_add(struct rule_paths *paths, const char *path)
{
	if (paths->n == RELOAD_MAX_PATHS)
		return -E2BIG;
	paths->items[paths->n] = strdup(path);
	if (!paths->items[paths->n])
		return -ENOMEM;
	paths->n++;
	return 0;
}

void reload_result_done(struct reload_result *r)
{
	if (r->filled)
		sensor_drop_verdicts(r->filled);
	sensor_change_free(&r->change);
	verdict_policy_done(&r->verdicts);
	policy_free(&r->policy);
	diag_done(&r->diag);
	*r = (struct reload_result){ 0 };
}

/* --- in the thread --------------------------------------------------------------------------------------------------------------- */

static int build_policy(const struct reload_request *q, struct reload_result *ret, struct policy **ret_policy)
{
	CLEANUP(rule_paths_done) struct rule_paths paths = { 0 };
	CLEANUP(policy_free) struct policy *p = NULL;
	struct selftest_result tested = { 0 };
	int err = q->paths(q->paths_context, &paths, &ret->diag);
	if (!err && q->policies)
		err = policies_add_paths(q->policies, q->without, &paths);
	if (err)
		return err;
	struct policy_options options = q->policy;
	options.rule_paths = (const char *const *)paths.items;
	options.n_rule_paths = paths.n;
	err = policy_load(&options, &p, &ret->diag);
	if (!err)
		err = selftest_run(p, &tested, &ret->diag);
	if (!err)
		err = policy_bind(p, &options, &ret->diag);
	if (err)
		return err;
	p->generation = q->generation;
	ret->cases = tested.cases;
	ret->events = tested.events;
	*ret_policy = TAKE(p);
	return 0;
}

/* Of an image that is being replaced when tables come, these have not asked; nearly all are in place by then, and told of as they are. */
static void wait_for_execs(void)
{
	static const struct timespec while_they_last = { .tv_nsec = 100000000 };
	(void)nanosleep(&while_they_last, NULL);
}

/* Here, for each table waits for the programs that run, and the rings are read meanwhile. */
static int fill(const struct reload_request *q, struct verdict_policy *v, uint32_t generation, struct reload_result *ret)
{
	int err = policy_fill(v, generation, &q->epochs, q->sensor, ret->change, &ret->diag);
	ret->filled = err ? NULL : q->sensor;
	if (!err && v->ancestors.epoch != q->epochs.in_force)
		wait_for_execs();
	return err;
}

static int build(const struct reload_request *q, struct reload_result *ret)
{
	CLEANUP(policy_free) struct policy *p = NULL;
	int err = build_policy(q, ret, &p);
	if (!err && q->sensor) {
		struct sensor_events events = {
			.events = policy_wanted_events(p, q->policy.enforce) | q->more_events,
			.outcome_events = policy_outcome_events(p, q->policy.enforce) | q->more_outcomes,
			.decided_events = policy_decided_events(p),
		};
		err = sensor_change_prepare(q->sensor, &events, &ret->change);
	}
	if (!err && q->sensor && q->policy.enforce)
		err = fill(q, &p->verdicts, p->generation, ret);
	if (!err && q->sensor)
		policy_fill_approval(p, q->sensor, &ret->diag);
	if (!err)
		ret->policy = TAKE(p);
	return err;
}

/* From the same rules, exceptions and mounts being what they are now. */
static int build_renewal(const struct reload_request *q, struct reload_result *ret)
{
	const struct policy *p = q->renewed;
	int err = policy_compile_verdicts(p, &p->verdicts.ancestors, &ret->verdicts, &ret->diag);
	ret->is_same = !err && verdict_tables_equal(&p->verdicts.tables, &ret->verdicts.tables);
	return err || ret->is_same ? err : fill(q, &ret->verdicts, p->generation, ret);
}

static void *run(void *context)
{
	struct reload *r = context;
	uint64_t one = 1;
	sensor_change_free(&r->tidy);
	r->result.is_renewal = r->request.renewed != NULL;
	if (r->request.renewed)
		r->result.error = build_renewal(&r->request, &r->result);
	else if (r->request.paths)
		r->result.error = build(&r->request, &r->result);
	IGNORE(fd_write_all(r->done_fd, &one, sizeof(one))); /* cannot fail: the counter is far from its end */
	return NULL;
}

/* --- in the loop ----------------------------------------------------------------------------------------------------------------- */

int reload_new(struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->done_fd < 0) {
		int err = -errno;
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void reload_free(struct reload **reload)
{
	struct reload *r = *reload;
	if (!r)
		return;
	if (r->is_running)
		(void)pthread_join(r->thread, NULL); /* ours, and joined once: cannot fail */
	sensor_change_free(&r->tidy);
	reload_result_done(&r->result);
	fd_close(&r->done_fd);
	free(r);
	*reload = NULL;
}

int reload_poll_fd(const struct reload *r)
{
	return r->done_fd;
}

bool reload_is_running(const struct reload *r)
{
	return r->is_running;
}

static int start(struct reload *r)
{
	int err = -pthread_create(&r->thread, NULL, run, r); /* it inherits the blocked signals */
	r->is_running = err == 0;
	return err;
}

int reload_start(struct reload *r, const struct reload_request *request)
{
	if (r->is_running)
		return -EBUSY;
	r->request = *request;
	return start(r);
}

bool reload_take(struct reload *r, struct reload_result *ret)
{
	uint64_t n;
	if (!r->is_running || read(r->done_fd, &n, sizeof(n)) != sizeof(n))
		return false;
	(void)pthread_join(r->thread, NULL); /* as above; it has nothing left to do */
	r->is_running = false;
	if (!r->request.paths && !r->request.renewed)
		return false; /* it only tidied up */
	*ret = r->result;
	r->result = (struct reload_result){ 0 };
	r->request = (struct reload_request){ 0 };
	return true;
}

void reload_tidy(struct reload *r, struct sensor_change **change)
{
	r->request = (struct reload_request){ 0 };
	r->tidy = TAKE(*change);
	if (start(r))
		sensor_change_free(&r->tidy); /* no thread to be had: here, then */
}
