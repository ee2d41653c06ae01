/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/ancestry.h"

#include <errno.h>

#include "engine/enforce/decide.h"

struct teller {
	struct sensor *sensor;
	struct mounts *mounts;   /* owned */
	struct decider *decider; /* owned */
	const struct verdict_tables *tables;
	const struct ancestry_past *past;
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

static enum inherited_answer find_inherited(const struct teller *t, const struct ancestry *of, struct label_part *part)
{
	const struct ancestry_past *past = t->past;
	if (past->labels && past->until_boot_ns && of->is_new_image && of->exec_id > past->until_boot_ns)
		return INHERITED_UNKNOWN; /* of the image before it, it was known perhaps */
	return inherited_find(past->labels, of->pid, of->start_boot_ns, part);
}

/* What the table of processes says. False: there may be more. */
static bool find_lineage(struct teller *t, const struct ancestry *of, struct label_part *part)
{
	struct decide_file images[ANCESTRY_MAX];
	uint64_t holds[POLICY_ANCESTOR_WORDS], spares[POLICY_ANCESTOR_WORDS];
	if (!of->is_whole || of->n_ancestors == ANCESTRY_MAX)
		return false;
	for (size_t i = 0; i < of->n_ancestors; i++)
		images[i] = file_of(t, i, of->executables[i]);
	decide_ancestors(t->decider, images, of->n_ancestors, of->is_container, holds, spares);
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++) {
		part->holds[w] = holds[w];
		part->spares[w] = spares[w];
	}
	return true;
}

static int tell(void *context, const struct ancestry *of)
{
	struct teller *t = context;
	struct label_part part = { .epoch = t->tables->head.ancestor_epoch };
	if (sensor_knows_ancestors(t->sensor, of->pid))
		return 0;
	bool has_lineage = find_lineage(t, of, &part);
	enum inherited_answer known = find_inherited(t, of, &part); /* over the other, where it was asked for */
	bool is_known = known == INHERITED_KNOWN ? has_lineage || inherited_is_all(t->past->labels, t->tables) : known == INHERITED_OTHER && has_lineage;
	if (!is_known)
		return 1; /* until what is missing comes */
	int err = sensor_label_ancestors(t->sensor, of->pid, of->exec_id, &part);
	t->n_told += err == 0;
	return err == -E2BIG ? 0 : err; /* no room for more: its ancestors stay unknown, and the rules' own defaults decide */
}

int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, const struct ancestry_past *past, struct diag *diag)
{
	CLEANUP(teller_done) struct teller t = { .sensor = s, .tables = tables, .past = past };
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
