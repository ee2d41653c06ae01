/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/ancestry.h"

#include <errno.h>

#include "engine/enforce/decide.h"

struct teller {
	struct sensor *sensor;
	struct mounts *mounts;   /* owned */
	struct decider *decider; /* owned */
	struct label_part part;
	int n_told;
	struct buf inside[ANCESTRY_MAX]; /* owned; the second names */
};

static void teller_done(struct teller *t)
{
	for (size_t i = 0; i < ANCESTRY_MAX; i++)
		buf_done(&t->inside[i]);
	decider_free(&t->decider);
	mounts_free(&t->mounts);
}

/* An image by both its names, as far as this host's mount table has them. */
static struct decide_file file_of(struct teller *t, size_t i, struct strview path)
{
	struct decide_file f = { .path = { KNOWN_VALUE, path } };
	buf_reset(&t->inside[i]);
	if (path.n && path.p[0] == '/' && mounts_locate(t->mounts, path, &f.device, &t->inside[i]) && !buf_error(&t->inside[i]))
		f.fs_path = (struct decide_text){ KNOWN_VALUE, buf_sv(&t->inside[i]) };
	return f;
}

static int tell(void *context, const struct ancestry *of)
{
	struct teller *t = context;
	struct decide_file images[ANCESTRY_MAX];
	if (sensor_knows_ancestors(t->sensor, of->pid))
		return 0;
	if (!of->is_whole || of->n_ancestors == ANCESTRY_MAX)
		return 1; /* there may be more: unknown, until what is missing comes */
	for (size_t i = 0; i < of->n_ancestors; i++)
		images[i] = file_of(t, i, of->executables[i]);
	uint64_t holds[POLICY_ANCESTOR_WORDS], spares[POLICY_ANCESTOR_WORDS];
	decide_ancestors(t->decider, images, of->n_ancestors, of->is_container, holds, spares);
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++) {
		t->part.holds[w] = holds[w];
		t->part.spares[w] = spares[w];
	}
	int err = sensor_label_ancestors(t->sensor, of->pid, of->exec_id, &t->part);
	t->n_told += err == 0;
	return err == -E2BIG ? 0 : err; /* no room for more: its ancestors stay unknown, and the rules' own defaults decide */
}

int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, struct diag *diag)
{
	CLEANUP(teller_done) struct teller t = { .sensor = s, .part.epoch = tables->head.ancestor_epoch };
	if (!tables->head.n_ancestors)
		return 0;
	int err = mounts_load("/proc/self/mountinfo", &t.mounts, diag);
	if (!err)
		err = decider_new(tables, &t.decider);
	if (!err)
		err = enrich_each_ancestry(e, tables->head.ancestor_epoch, tell, &t);
	if (err < 0 && !(diag && diag->errors))
		diag_error(diag, (struct place){ 0 }, "the kernel cannot be told of the ancestors of processes: %s", strerror(-err));
	return err < 0 ? err : t.n_told;
}
