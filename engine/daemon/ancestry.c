/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/ancestry.h"

#include <errno.h>

#include "engine/enforce/decide.h"

struct teller {
	struct sensor *sensor;
	struct decider *decider; /* owned */
	const struct verdict_tables *tables;
	const struct ancestry_past *past;
	int n_told;
};

static void teller_done(struct teller *t)
{
	decider_free(&t->decider);
}

/* By both its names as they were found where it is or was: this host's mount table says nothing of a mount that only some processes have. */
static struct decide_file file_of(const struct ancestry_image *image)
{
	struct decide_file f = { .path = { KNOWN_VALUE, image->executable }, .device = image->device };
	if (image->fs_path.n)
		f.fs_path = (struct decide_text){ KNOWN_VALUE, image->fs_path };
	return f;
}

static struct told_process process_of(const struct ancestry *of)
{
	return (struct told_process){ .exec_id = of->exec_id, .start_boot_ns = of->start_boot_ns, .pid = of->pid };
}

static enum inherited_answer find_inherited(const struct teller *t, const struct ancestry *of, struct label_part *part)
{
	const struct ancestry_past *past = t->past;
	if (past->labels && past->until_boot_ns && of->is_new_image && of->exec_id > past->until_boot_ns)
		return INHERITED_UNKNOWN; /* of the image before it, it was known perhaps */
	struct told_process process = process_of(of);
	return inherited_find(past->labels, &process, part);
}

/* What the table of processes says. False: there may be more. */
static bool find_lineage(struct teller *t, const struct ancestry *of, struct label_part *part)
{
	struct decide_file images[ANCESTRY_MAX];
	uint64_t holds[POLICY_ANCESTOR_WORDS], spares[POLICY_ANCESTOR_WORDS];
	if (!of->is_whole || of->n_ancestors == ANCESTRY_MAX)
		return false;
	for (size_t i = 0; i < of->n_ancestors; i++) {
		images[i] = file_of(&of->images[i]);
		if (of->images[i].executable.n && !of->images[i].fs_path.n)
			return false; /* as for the kernel's side, which could not read it */
	}
	decide_ancestors(t->decider, images, of->n_ancestors, of->is_container, holds, spares);
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++) {
		part->holds[w] = holds[w];
		part->spares[w] = spares[w];
	}
	return true;
}

/* What was known before counts more than records and /proc, where it was asked for; unless mounts have changed since, by which it was found. */
static bool find(struct teller *t, const struct ancestry *of, struct label_part *part)
{
	bool has_lineage = find_lineage(t, of, part);
	if (has_lineage && t->past->is_doubtful)
		return true;
	enum inherited_answer known = find_inherited(t, of, part);
	return known == INHERITED_KNOWN ? has_lineage || inherited_is_all(t->past->labels, t->tables) : known == INHERITED_OTHER && has_lineage;
}

static int tell(void *context, const struct ancestry *of)
{
	struct teller *t = context;
	struct label_part part = { .epoch = t->tables->head.ancestor_epoch };
	if (sensor_knows_ancestors(t->sensor, of->pid))
		return 0;
	if (!find(t, of, &part))
		return 1; /* until what is missing comes */
	struct told_process process = process_of(of);
	int err = sensor_label_ancestors(t->sensor, &process, &part);
	t->n_told += err == 0;
	return err == -E2BIG ? 0 : err; /* no room for more: its ancestors stay unknown, and the rules' own defaults decide */
}

int ancestry_tell(struct sensor *s, struct enrich *e, const struct verdict_tables *tables, const struct ancestry_past *past, struct diag *diag)
{
	CLEANUP(teller_done) struct teller t = { .sensor = s, .tables = tables, .past = past };
	if (!tables->head.n_ancestors)
		return 0;
	int err = decider_new(tables, &t.decider);
	if (!err)
		err = enrich_each_ancestry(e, tables->head.ancestor_epoch, tell, &t);
	if (err < 0 && !(diag && diag->errors))
		diag_error(diag, (struct place){ 0 }, "the kernel cannot be told of the ancestors of processes: %s", strerror(-err));
	return err < 0 ? err : t.n_told;
}
