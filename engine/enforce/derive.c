/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/derive.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/event/table.h"

/* Folders that subjects of one kind must neither rename nor cover. */
struct derived_clause {
	struct placed_clause from; /* its clause: the literals about who acts */
	struct value_set *folders;
};
struct derived_clauses {
	struct derived_clause *p; /* owned */
	size_t n, size;
};

int event_clauses_add(struct event_clauses *to, const struct placed_clause *c)
{
	if (to->n == to->size) {
		size_t size = to->size ? 2 * to->size : 64;
		struct placed_clause *bigger = realloc(to->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		to->p = bigger;
		to->size = size;
	}
	to->p[to->n++] = *c;
	return 0;
}

/* The folders above one path: "/a/b" and "/a" of "/a/b/c". The root keeps its name anyway. */
static size_t folders_above(struct strview path, struct text_item *to)
{
	size_t n = 0;
	for (size_t i = 1; path.n && path.p[0] == '/' && i < path.n; i++) {
		if (path.p[i] != '/' || path.p[i - 1] == '/')
			continue;
		if (to)
			to[n] = (struct text_item){ .text = { path.p, i }, .is_prefix = false };
		n++;
	}
	return n;
}

static int folders_of(struct value_sets *all, const struct value_set *paths, struct value_set **ret)
{
	struct value_set draft = { .domain = DIMENSION_PATH, .is_derived = true, .at = paths->at };
	size_t most = 0;
	for (size_t i = 0; i < paths->n; i++)
		most += folders_above(paths->texts[i].text, NULL);
	struct text_item *items = calloc(most + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < paths->n; i++)
		draft.n += folders_above(paths->texts[i].text, items + draft.n);
	draft.texts = items;
	*ret = value_set_make(all, &draft);
	free(items);
	return *ret ? 0 : -ENOMEM;
}

/* The paths that a clause is about: of several sets the one that names the longest path. NULL: of any file. */
static const struct value_set *paths_of(const struct clause *c)
{
	const struct value_set *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct clause_literal *l = &c->literals[i];
		if (l->is_negated || l->predicate->domain != DIMENSION_PATH)
			continue;
		for (size_t k = 0; k < l->predicate->n; k++) {
			if (l->predicate->texts[k].text.n > longest) {
				longest = l->predicate->texts[k].text.n;
				best = l->predicate;
			}
		}
	}
	return best;
}

static int subject_of(struct value_sets *all, const struct clause *c, struct clause *ret)
{
	struct clause_literal *literals = arena_alloc(all->arena, (c->n + 1) * sizeof(*literals));
	if (!literals)
		return -ENOMEM;
	*ret = (struct clause){ .literals = literals };
	for (size_t i = 0; i < c->n; i++)
		if (dimension_is_subject(c->literals[i].dimension))
			literals[ret->n++] = c->literals[i];
	return 0;
}

static bool is_alike(const struct placed_clause *a, const struct placed_clause *b, bool merges)
{
	return a->flags == b->flags && a->denies_unknown == b->denies_unknown && (merges || a->rule == b->rule) && clause_equal(&a->clause, &b->clause);
}

static int add_derived(struct value_sets *all, struct derived_clauses *to, const struct derived_clause *one, bool merges)
{
	for (size_t i = 0; i < to->n; i++) {
		if (!is_alike(&to->p[i].from, &one->from, merges))
			continue;
		to->p[i].folders = value_set_union(all, to->p[i].folders, one->folders);
		return to->p[i].folders ? 0 : -ENOMEM;
	}
	if (to->n == to->size) {
		size_t size = to->size ? 2 * to->size : 64;
		struct derived_clause *bigger = realloc(to->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		to->p = bigger;
		to->size = size;
	}
	to->p[to->n++] = *one;
	return 0;
}

static int derive_from(struct value_sets *all, const struct placed_clause *c, struct derived_clauses *to, bool merges)
{
	const struct value_set *paths = paths_of(&c->clause);
	struct derived_clause one = { .from = *c };
	one.from.flags |= CLAUSE_DERIVED;
	if (!paths)
		return 0;
	int err = folders_of(all, paths, &one.folders);
	if (err || value_set_is_empty(one.folders))
		return err;
	err = subject_of(all, &c->clause, &one.from.clause);
	return err ? err : add_derived(all, to, &one, merges);
}

/* Neither away from there, nor another one to there. */
static int add_renames(struct value_sets *all, const struct derived_clause *d, struct event_clauses *to)
{
	static const enum policy_dimension ends[] = { DIMENSION_PATH, DIMENSION_NEW_PATH };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct placed_clause c = d->from;
		c.clause = clause_with(all, d->from.clause.literals, d->from.clause.n, (struct clause_literal){ ends[i], false, d->folders });
		int err = c.clause.literals ? event_clauses_add(to, &c) : -ENOMEM;
		if (err)
			return err;
	}
	return 0;
}

/* The same folders, as what is mounted over. */
static struct value_set *covered(struct value_sets *all, const struct value_set *folders)
{
	struct text_item *items = calloc(folders->n + 1, sizeof(*items));
	if (!items)
		return NULL;
	for (size_t i = 0; i < folders->n; i++)
		items[i] = (struct text_item){ .text = folders->texts[i].text, .is_over = true };
	struct value_set draft = { .domain = DIMENSION_PATH, .is_derived = true, .at = folders->at, .texts = items, .n = folders->n };
	struct value_set *made = value_set_make(all, &draft);
	free(items);
	return made;
}

/* Mounts that hide: FLAGS of file.mount with this bit. */
static struct value_set *hiding(struct value_sets *all, struct place at)
{
	struct number_range ranges[SMALL_FLAGS];
	struct value_set draft = { .domain = DIMENSION_FLAGS, .is_derived = true, .at = at, .ranges = ranges };
	struct decided_field field;
	if (!decided_field(EVENT_FILE_MOUNT, "vedette.mount.hides", &field))
		return NULL;
	for (uint64_t i = 0; i < SMALL_FLAGS; i++)
		if (i >> field.bit & 1)
			ranges[draft.n++] = (struct number_range){ i, i };
	return value_set_make(all, &draft);
}

static int add_mounts(struct value_sets *all, const struct derived_clause *d, struct event_clauses *to)
{
	struct placed_clause c = d->from;
	struct value_set *folders = covered(all, d->folders), *hides = hiding(all, d->folders->at);
	if (!folders || !hides)
		return -ENOMEM;
	c.clause = clause_with(all, c.clause.literals, c.clause.n, (struct clause_literal){ DIMENSION_PATH, false, folders });
	if (c.clause.literals)
		c.clause = clause_with(all, c.clause.literals, c.clause.n, (struct clause_literal){ DIMENSION_FLAGS, false, hides });
	return c.clause.literals ? event_clauses_add(to, &c) : -ENOMEM;
}

static bool is_about_files(uint32_t event)
{
	const struct event_type *type = event_type_by_number(event);
	return type && sv_starts(sv_from(type->name), SV("file."));
}

int derive_clauses(struct value_sets *all, struct event_clauses events[static EVENT_NUMBERS], bool merges)
{
	struct derived_clauses derived = { 0 };
	int err = 0;
	for (uint32_t event = 0; event < EVENT_NUMBERS && !err; event++)
		for (size_t i = 0; is_about_files(event) && i < events[event].n && !err; i++)
			if (!(events[event].p[i].flags & CLAUSE_DERIVED))
				err = derive_from(all, &events[event].p[i], &derived, merges);
	for (size_t i = 0; i < derived.n && !err; i++) {
		err = add_renames(all, &derived.p[i], &events[EVENT_FILE_RENAME]);
		if (!err)
			err = add_mounts(all, &derived.p[i], &events[EVENT_FILE_MOUNT]);
	}
	free(derived.p);
	return err;
}
