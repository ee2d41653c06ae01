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
	twins_free(&t->twins);
	inherited_free(&t->labels);
}

int takeover_labels(struct takeover *t, const struct verdict_tables *now, struct diag *diag)
{
	return inherited_open(t->left, now, &t->labels, diag);
}

void takeover_labels_done(struct takeover *t)
{
	inherited_free(&t->labels);
}

void takeover_number(const struct takeover *t, struct policy *policy)
{
	const struct sensor_note *before = &t->state.note;
	if (!t->left || before->generation < 1 || before->generation > POLICY_GENERATIONS)
		return;
	bool is_same = strcmp(before->digest, ruleset_digest(policy->rules)) == 0;
	policy->generation = is_same ? (uint32_t)before->generation : (uint32_t)before->generation % POLICY_GENERATIONS + 1;
}

int takeover_quiet(struct takeover *t, struct sensor *ours)
{
	int err = t->left ? twins_new(clock_ns(CLOCK_BOOTTIME), &t->twins) : 0;
	if (err)
		return err;
	sensor_tell(ours);
	if (t->left)
		left_quiet(t->left);
	return 0;
}

bool takeover_is_told(struct takeover *t, const struct event *ev)
{
	return t->twins && twins_take(t->twins, ev);
}

void takeover_tick(struct takeover *t, uint64_t boot_ns)
{
	if (t->twins && twins_is_over(t->twins, boot_ns))
		twins_free(&t->twins);
}

int takeover_undo(struct takeover *t, struct diag *diag)
{
	t->undone_boot_ns = clock_ns(CLOCK_BOOTTIME);
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

struct reader {
	struct twins *twins;
	struct pipeline *pipeline;
};

static void on_left(void *context, const void *bytes, size_t size, bool is_priority)
{
	struct reader *r = context;
	if (r->twins)
		twins_enter(r->twins, bytes, size);
	pipeline_record(r->pipeline, bytes, size, is_priority);
}

void takeover_read(struct takeover *t, struct pipeline *pipeline, struct stream *stream)
{
	if (!t->left)
		return;
	struct reader r = { t->twins, pipeline };
	int err = left_consume(t->left, on_left, &r, &t->read);
	if (err)
		fprintf(stderr, "vedette: not all records that an earlier daemon left can be read: %s\n", strerror(-err));
	if (t->twins) {
		twins_close(t->twins, clock_ns(CLOCK_BOOTTIME));
		if (twins_dropped(t->twins))
			fprintf(stderr, "vedette: up to %llu records of the moment of taking over may be told twice: there were too many\n",
				(unsigned long long)twins_dropped(t->twins));
	}
	tell_gap(t, stream);
	left_free(&t->left);
}
