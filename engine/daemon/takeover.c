/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/takeover.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/clock.h"

int takeover_open(struct takeover *t, struct diag *diag)
{
	int err = left_open(&t->left, diag);
	if (!err && t->left)
		left_get_state(t->left, &t->state);
	return err;
}

void takeover_done(struct takeover *t)
{
	left_free(&t->left);
}

void takeover_number(const struct takeover *t, struct policy *policy)
{
	const struct sensor_note *before = &t->state.note;
	if (!t->left || before->generation < 1 || before->generation > POLICY_GENERATIONS)
		return;
	bool is_same = strcmp(before->digest, ruleset_digest(policy->rules)) == 0;
	policy->generation = is_same ? (uint32_t)before->generation : (uint32_t)before->generation % POLICY_GENERATIONS + 1;
}

void takeover_quiet(struct takeover *t)
{
	if (t->left)
		left_quiet(t->left);
}

int takeover_undo(struct takeover *t, struct diag *diag)
{
	return t->left ? left_undo(t->left, diag) : 0;
}

/* The record begins when the daemon of before was last heard of, and ends now: that is how long the time between was. */
static void tell_gap(const struct takeover *t, struct stream *stream)
{
	const struct sensor_note *before = &t->state.note;
	struct instant now = instant_now();
	struct loss_info info = {
		.at = now,
		.what = before->is_stopped ? "gap-stopped" : "gap-ended",
		.event = "",
		.cpu = -1,
		.count = t->read.lost,
		.since_ns = before->alive_ns ? before->alive_ns : clock_ns(CLOCK_REALTIME),
	};
	if (stream && stream_loss(stream, &info))
		fputs("vedette: the time without a daemon found no room in the log\n", stderr);
	fprintf(stderr, "vedette: took over from an earlier daemon (pid %llu, %s, %llu s ago): %zu kernel programs had stayed in force; "
		"%llu records of the time between read, %llu lost%s\n",
		(unsigned long long)before->pid, before->is_stopped ? "stopped" : "ended without a word",
		(unsigned long long)((clock_ns(CLOCK_REALTIME) - MIN(info.since_ns, clock_ns(CLOCK_REALTIME))) / 1000000000), t->state.links,
		(unsigned long long)t->read.records, (unsigned long long)t->read.lost, t->state.is_same_build ? "" : " (it was of another build)");
}

void takeover_read(struct takeover *t, struct pipeline *pipeline, struct stream *stream)
{
	if (!t->left)
		return;
	int err = left_consume(t->left, pipeline_record, pipeline, &t->read);
	if (err)
		fprintf(stderr, "vedette: not all records that an earlier daemon left can be read: %s\n", strerror(-err));
	tell_gap(t, stream);
	left_free(&t->left);
}
