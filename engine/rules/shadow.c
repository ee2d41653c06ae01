/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that others cover: by the clauses of their conditions that have to hold together. One each of whose clauses follows from some clause
 * of another's, on all of its events, fires whenever that one does. Clauses are compared by hashes of their text, and tests of one field
 * by their values. Each rule is filed under its first clause, and under the field of its first test.
 */
#include "engine/rules/lint.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rules/contradict.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

enum {
	CLAUSES_MAX = 128,
	WIDE_CLAUSES_MAX = 8,       /* of a rule that is compared by values */
	VALUES_MAX = 256,           /* of a test that is compared so */
	COMPARISONS_MAX = 20000000, /* of rules, in one look at a set */
};

struct clause {
	uint64_t hash;
	const struct condition *node;
};

struct clauses {
	struct clause *p; /* owned, sorted by hash, each once */
	size_t n;
	bool is_whole;    /* all are there: more than CLAUSES_MAX only make a rule harder to cover others */
};

static size_t add_clauses(const struct condition *c, struct clause *all, size_t n, bool *is_whole)
{
	if (c->type == NODE_AND) {
		for (size_t i = 0; i < c->n; i++)
			n = add_clauses(c->children[i], all, n, is_whole);
		return n;
	}
	if (n == CLAUSES_MAX) {
		*is_whole = false;
		return n;
	}
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(c, &text);
	all[n] = (struct clause){ sv_hash(buf_sv(&text)), c };
	return n + 1;
}

static int by_hash(const void *a, const void *b)
{
	const struct clause *x = a, *y = b;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int find_clauses(const struct rule *rule, struct clauses *ret)
{
	struct clause all[CLAUSES_MAX];
	struct clauses clauses = { .is_whole = true };
	size_t n = add_clauses(rule->condition, all, 0, &clauses.is_whole);
	qsort(all, n, sizeof(*all), by_hash);
	clauses.p = calloc(n + 1, sizeof(*clauses.p));
	if (!clauses.p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || all[i].hash != all[i - 1].hash)
			clauses.p[clauses.n++] = all[i];
	*ret = clauses;
	return 0;
}

/* Whether all of a's clauses are among b's. */
static bool is_within(const struct clauses *a, const struct clauses *b)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->p[k].hash < a->p[i].hash)
			k++;
		if (k == b->n || b->p[k].hash != a->p[i].hash)
			return false;
	}
	return a->n > 0 && a->is_whole;
}

/* --- by values --------------------------------------------------------------------------------------------------------------- */

struct look {
	const struct ruleset *set;
	struct clauses *clauses; /* of each rule */
	size_t comparisons_left;
};

/* A test of one value of a field, with values that are written out; NULL: it is none. */
static const struct test *plain_test(const struct condition *c)
{
	const struct test *t = c && c->type == NODE_TEST ? c->test : NULL;
	bool is_any = t && (t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF);
	if (!is_any || t->left->type != EXPR_FIELD || t->right || t->ancestor || t->left->field->is_each || t->n_operands > VALUES_MAX)
		return NULL;
	enum value_class class = t->left->class;
	bool is_single = class == CLASS_STR || class == CLASS_UINT || class == CLASS_SINT || class == CLASS_BOOL || class == CLASS_ENUM;
	return is_single && t->op->form != OP_FORM_REGEX && t->n_operands ? t : NULL;
}

/* Whether a holds whenever b does: it accepts each value that b names, or each beginning that b asks for begins as it asks. */
static bool follows(struct look *l, const struct test *a, const struct test *b)
{
	size_t work = a->n_operands * b->n_operands;
	bool is_finite = b->op->function == op_equal && b->op->id != OP_NE;
	bool is_start = b->op->function == op_starts && a->op->function == op_starts;
	if (a->left->field != b->left->field || (!is_finite && !is_start) || work > l->comparisons_left)
		return false;
	l->comparisons_left -= work;
	for (size_t i = 0; i < b->n_operands; i++) {
		bool is_accepted = is_finite && test_accepts(l->set->matcher, a, b, i);
		for (size_t k = 0; k < a->n_operands && is_start && !is_accepted; k++)
			is_accepted = sv_starts(b->operands[i].text, a->operands[k].text);
		if (!is_accepted)
			return false;
	}
	return true;
}

static bool follows_from_some(struct look *l, const struct clause *a, const struct clauses *b)
{
	const struct test *test = plain_test(a->node);
	for (size_t i = 0; i < b->n; i++) {
		const struct test *other = test ? plain_test(b->p[i].node) : NULL;
		if (a->hash == b->p[i].hash || (other && follows(l, test, other)))
			return true;
	}
	return false;
}

static bool all_follow(struct look *l, const struct clauses *a, const struct clauses *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!follows_from_some(l, &a->p[i], b))
			return false;
	return a->n > 0 && a->is_whole;
}

/* --- rules ------------------------------------------------------------------------------------------------------------------- */

static bool is_single(const struct rule *rule)
{
	bool can_hold = rule->info.coverage != COVERAGE_NEEDS_SOURCE; /* of two that never hold each would cover the other */
	return rule->condition && can_hold && rule->info.is_enabled && !rule->stateful && !rule->info.is_step && rule->info.action == ACTION_ALERT;
}

/* a is about all that b is about, and as loud. */
static bool is_as_loud(const struct rule *a, const struct rule *b)
{
	return !(b->info.events & ~a->info.events) && a->info.severity >= b->info.severity;
}

/* Of two that cover one another the earlier counts. */
static bool comes_first(const struct rule *a, const struct rule *b)
{
	return a->info.events != b->info.events || a->info.severity != b->info.severity || a->info.index < b->info.index;
}

static bool covers(const struct look *l, uint32_t a, uint32_t b)
{
	const struct rule *x = &l->set->rules[a], *y = &l->set->rules[b];
	const struct clauses *of_x = &l->clauses[a], *of_y = &l->clauses[b];
	return a != b && is_as_loud(x, y) && is_within(of_x, of_y) && (of_x->n < of_y->n || comes_first(x, y));
}

static bool covers_by_values(struct look *l, uint32_t a, uint32_t b)
{
	const struct rule *x = &l->set->rules[a], *y = &l->set->rules[b];
	const struct clauses *of_x = &l->clauses[a], *of_y = &l->clauses[b];
	return a != b && is_as_loud(x, y) && all_follow(l, of_x, of_y) && (comes_first(x, y) || !all_follow(l, of_y, of_x));
}

/* --- where they are looked for ------------------------------------------------------------------------------------------------- */

struct filed {
	uint64_t key; /* hash of a clause, or of a field's name */
	uint32_t rule;
};

struct file {
	struct filed *p; /* owned; sorted once it is whole */
	size_t n, size;
};

static int file_add(struct file *file, uint64_t key, uint32_t rule)
{
	if (file->n == file->size) {
		size_t size = file->size ? 2 * file->size : 256;
		struct filed *bigger = realloc(file->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		file->p = bigger;
		file->size = size;
	}
	file->p[file->n++] = (struct filed){ key, rule };
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct filed *x = a, *y = b;
	return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->rule > y->rule) - (x->rule < y->rule);
}

static void file_sort(struct file *file)
{
	if (file->n)
		qsort(file->p, file->n, sizeof(*file->p), by_key);
}

/* The first entry of the key, or where it would stand. */
static size_t file_find(const struct file *file, uint64_t key)
{
	size_t low = 0, high = file->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (file->p[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t field_key(const struct test *t)
{
	return sv_hash(sv_from(t->left->field->name));
}

/* Once in each file is enough: whoever it covers has its first clause, or a test of the field of its first test. */
static int file_rule(struct file *by_clause, struct file *by_field, const struct clauses *clauses, uint32_t rule)
{
	int err = clauses->n ? file_add(by_clause, clauses->p[0].hash, rule) : 0;
	bool is_wanted = clauses->n <= WIDE_CLAUSES_MAX && clauses->is_whole;
	for (size_t i = 0; i < clauses->n && is_wanted && !err; i++) {
		const struct test *t = plain_test(clauses->p[i].node);
		if (t)
			return file_add(by_field, field_key(t), rule);
	}
	return err;
}

/* A rule that covers this one and has the same clauses; UINT32_MAX: none. */
static uint32_t find_same(struct look *l, const struct file *file, uint32_t index)
{
	const struct clauses *own = &l->clauses[index];
	for (size_t i = 0; i < own->n; i++)
		for (size_t k = file_find(file, own->p[i].hash); k < file->n && file->p[k].key == own->p[i].hash && l->comparisons_left; k++) {
			l->comparisons_left--;
			if (covers(l, file->p[k].rule, index))
				return file->p[k].rule;
		}
	return UINT32_MAX;
}

/* One that asks for wider values. */
static uint32_t find_wider(struct look *l, const struct file *file, uint32_t index)
{
	const struct clauses *own = &l->clauses[index];
	for (size_t i = 0; i < own->n; i++) {
		const struct test *t = plain_test(own->p[i].node);
		uint64_t key = t ? field_key(t) : 0;
		for (size_t k = t ? file_find(file, key) : file->n; k < file->n && file->p[k].key == key && l->comparisons_left; k++) {
			l->comparisons_left--;
			if (covers_by_values(l, file->p[k].rule, index))
				return file->p[k].rule;
		}
	}
	return UINT32_MAX;
}

static int look_at_all(struct look *l, struct file *by_clause, struct file *by_field, uint32_t *shadows)
{
	int err = 0;
	for (uint32_t i = 0; i < l->set->n && !err; i++) {
		if (is_single(&l->set->rules[i]))
			err = find_clauses(&l->set->rules[i], &l->clauses[i]);
		if (!err)
			err = file_rule(by_clause, by_field, &l->clauses[i], i);
	}
	file_sort(by_clause);
	file_sort(by_field);
	for (uint32_t i = 0; i < l->set->n && !err; i++) {
		shadows[i] = find_same(l, by_clause, i);
		if (shadows[i] == UINT32_MAX)
			shadows[i] = find_wider(l, by_field, i);
	}
	return err;
}

int ruleset_shadows(const struct ruleset *set, uint32_t **ret)
{
	uint32_t *shadows = malloc((set->n + 1) * sizeof(*shadows));
	struct look l = { .set = set, .clauses = calloc(set->n + 1, sizeof(*l.clauses)), .comparisons_left = COMPARISONS_MAX };
	struct file by_clause = { 0 }, by_field = { 0 };
	int err = shadows && l.clauses ? look_at_all(&l, &by_clause, &by_field, shadows) : -ENOMEM;
	for (size_t i = 0; l.clauses && i < set->n; i++)
		free(l.clauses[i].p);
	free(l.clauses);
	free(by_clause.p);
	free(by_field.p);
	if (err) {
		free(shadows);
		return err;
	}
	*ret = shadows;
	return l.comparisons_left ? 0 : 1;
}
