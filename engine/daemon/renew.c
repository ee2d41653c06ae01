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
	r->is_stale |= has_other_mounts(r);
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

void renew_done(struct renew *r, uint64_t now_ns)
{
	r->is_stale = false;
	r->mounts_ns = now_ns + MOUNTS_PAUSE_NS;
}

/* So that what is refused can be put back. */
static void exchange(struct verdict_policy *a, struct verdict_policy *b)
{
	struct verdict_policy kept = *a;
	*a = *b;
	*b = kept;
}

static int renew(struct change *c, struct diag *diag)
{
	struct policy *p = *c->config.policy;
	struct verdict_policy other = { 0 };
	int err = policy_compile_verdicts(p, &p->verdicts.ancestors, &other, diag);
	if (!err && verdict_tables_equal(&p->verdicts.tables, &other.tables)) {
		p->verdicts.until_ns = other.until_ns;
	} else if (!err) {
		exchange(&p->verdicts, &other);
		c->epochs.is_split |= renew_has_moved(&c->renew);
		err = policy_fill(p, &c->epochs, c->config.request.sensor, NULL, diag);
		if (!err)
			err = change_put_verdicts(c, p, 0, diag);
		if (err)
			exchange(&p->verdicts, &other);
	}
	verdict_policy_done(&other);
	return err;
}

/*
 * Not beside a trial or a reload: those compile by what there is now themselves, or it is done when they are decided. What fails leaves the tables
 * as they are and is tried again after a pause.
 */
void renew_step(struct change *c, uint64_t now_ns)
{
	const struct policy *p = *c->config.policy;
	if (!c->config.request.policy.enforce || c->window.is_open || reload_is_running(c->reload) ||
	    !renew_is_due(&c->renew, p->verdicts.until_ns, clock_ns(CLOCK_REALTIME), now_ns) || now_ns < c->renew.retry_ns)
		return;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (renew(c, &diag) == 0) {
		renew_done(&c->renew, now_ns);
		return;
	}
	c->renew.retry_ns = now_ns + MOUNTS_PAUSE_NS;
	diag_warn(&diag, (struct place){ 0 }, "the kernel goes on deciding by the mounts and exceptions of before");
	problems_print(stderr, &diag);
}
