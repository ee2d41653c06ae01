/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the kernel's tables true to what they were made of beside the rules: exceptions that end, mounts that come and go. The same rules are
 * compiled anew, and only tables that differ are put in force.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/change_parts.h"
#include "engine/daemon/cmd_rules.h"

enum { LOOK_NS = 1000000000 };
#define MOUNTS_PAUSE_NS UINT64_C(5000000000) /* hosts that start containers mount all the time */

int renew_open(struct renew *r, struct diag *diag)
{
	r->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (r->mounts_fd >= 0)
		return 0;
	diag_error(diag, (struct place){ 0 }, "/proc/self/mountinfo cannot be opened: %s", strerror(errno));
	return -errno;
}

void renew_close(struct renew *r)
{
	fd_close(&r->mounts_fd);
}

/* The kernel says so once for every change. */
static bool has_other_mounts(const struct renew *r)
{
	struct pollfd p = { .fd = r->mounts_fd, .events = POLLPRI };
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLPRI | POLLERR));
}

bool renew_has_moved(struct renew *r)
{
	if (has_other_mounts(r))
		r->is_stale = r->is_stale_again = true;
	return r->is_stale;
}

bool renew_is_due(struct renew *r, uint64_t until_wall_ns, uint64_t wall_ns, uint64_t now_ns)
{
	if (now_ns < r->look_ns)
		return false;
	r->look_ns = now_ns + LOOK_NS;
	(void)renew_has_moved(r); /* noted in is_stale */
	return wall_ns >= until_wall_ns || (r->is_stale && now_ns >= r->mounts_ns);
}

/* What changes from now on is for the next time. */
static int begin(struct change *c)
{
	struct reload_request q = c->config.request;
	q.renewed = *c->config.policy; /* stays until this is over */
	q.epochs = c->epochs;
	q.epochs.is_split |= renew_has_moved(&c->renew);
	c->renew.is_stale_again = false;
	return reload_start(c->reload, &q);
}

/* The tables stay as they are; it is tried again after a pause. */
static void fail(struct change *c, int err, struct diag *diag)
{
	c->renew.is_stale = true;
	c->renew.retry_ns = clock_ns(CLOCK_MONOTONIC) + MOUNTS_PAUSE_NS;
	diag_warn(diag, (struct place){ 0 }, "the kernel goes on deciding by the mounts and exceptions of before%s%s", diag->errors ? "" : ": ",
		  diag->errors ? "" : strerror(-err));
	problems_print(stderr, diag);
}

/* Not beside a trial or a reload: those compile by what there is now themselves, or it is done when they are decided. */
void renew_step(struct change *c, uint64_t now_ns)
{
	const struct policy *p = *c->config.policy;
	if (!c->config.request.policy.enforce || c->window.is_open || reload_is_running(c->reload) ||
	    !renew_is_due(&c->renew, p->verdicts.until_ns, clock_ns(CLOCK_REALTIME), now_ns) || now_ns < c->renew.retry_ns)
		return;
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = begin(c);
	if (err)
		fail(c, err, &diag);
}

/* So that what is refused can be put back. */
static void exchange(struct verdict_policy *a, struct verdict_policy *b)
{
	struct verdict_policy kept = *a;
	*a = *b;
	*b = kept;
}

static int put(struct change *c, struct reload_result *r)
{
	struct policy *p = *c->config.policy;
	if (r->is_same) {
		p->verdicts.until_ns = r->verdicts.until_ns;
		return 0;
	}
	exchange(&p->verdicts, &r->verdicts);
	int err = change_put_verdicts(c, p, 0, &r->diag);
	r->filled = NULL; /* they are in force, or dropped */
	if (err)
		exchange(&p->verdicts, &r->verdicts);
	return err;
}

void renew_finish(struct change *c, struct reload_result *r)
{
	int err = r->error ? r->error : put(c, r);
	(void)renew_has_moved(&c->renew); /* noted in is_stale_again */
	if (err) {
		fail(c, err, &r->diag);
	} else {
		c->renew.is_stale = c->renew.is_stale_again;
		c->renew.mounts_ns = clock_ns(CLOCK_MONOTONIC) + MOUNTS_PAUSE_NS;
	}
	reload_result_done(r);
}
