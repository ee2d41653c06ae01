/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that others cover: by the parts of their conditions that have to hold together. One whose parts are some of another's, on all of its
 * events, fires whenever that one does. By hashes of the parts' text; each rule is filed under its first.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/rules/lint.h"
#include "engine/rules/set.h"

enum { PARTS_MAX = 128 };

struct parts {
	uint64_t *hash; /* owned, sorted, each once */
	size_t n;
	bool is_whole;  /* all parts are there: more than PARTS_MAX only make a rule harder to cover others */
};

static size_t add_parts(const struct condition *c, uint64_t *hashes, size_t n, bool *is_whole)
{
	if (c->type == NODE_AND) {
		for (size_t i = 0; i < c->n; i++)
			n = add_parts(c->children[i], hashes, n, is_whole);
		return n;
	}
	if (n == PARTS_MAX) {
		*is_whole = false;
		return n;
	}
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(c, &text);
	hashes[n] = sv_hash(buf_sv(&text));
	return n + 1;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int find_parts(const struct rule *rule, struct parts *ret)
{
	uint64_t hashes[PARTS_MAX];
	struct parts p = { .is_whole = true };
	size_t n = add_parts(rule->condition, hashes, 0, &p.is_whole);
	qsort(hashes, n, sizeof(*hashes), by_value);
	p.hash = calloc(n + 1, sizeof(*p.hash));
	if (!p.hash)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || hashes[i] != hashes[i - 1])
			p.hash[p.n++] = hashes[i];
	*ret = p;
	return 0;
}

/* Whether all of a's parts are among b's. */
static bool is_within(const struct parts *a, const struct parts *b)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->hash[k] < a->hash[i])
			k++;
		if (k == b->n || b->hash[k] != a->hash[i])
			return false;
	}
	return a->n > 0 && a->is_whole;
}

static bool is_single(const struct rule *rule)
{
	return rule->condition && rule->info.is_enabled && !rule->stateful && !rule->info.is_step && rule->info.action == ACTION_ALERT;
}

/* a fires whenever b does, and is as loud. Of two alike the earlier covers the later. */
static bool covers(const struct rule *a, const struct parts *pa, const struct rule *b, const struct parts *pb)
{
	if ((b->info.events & ~a->info.events) || a->info.severity < b->info.severity || !is_within(pa, pb))
		return false;
	bool is_alike = pa->n == pb->n && a->info.events == b->info.events && a->info.severity == b->info.severity;
	return !is_alike || a->info.index < b->info.index;
}

struct filed {
	uint64_t first;
	uint32_t rule;
};

static int by_first(const void *a, const void *b)
{
	const struct filed *x = a, *y = b;
	return x->first != y->first ? (x->first > y->first) - (x->first < y->first) : (x->rule > y->rule) - (x->rule < y->rule);
}

static void find_shadow(const struct ruleset *set, const struct parts *parts, const struct filed *filed, size_t n_filed, uint32_t *shadows, uint32_t index)
{
	for (size_t i = 0; i < parts[index].n && shadows[index] == UINT32_MAX; i++) {
		uint64_t hash = parts[index].hash[i];
		size_t low = 0, high = n_filed;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (filed[middle].first < hash)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < n_filed && filed[low].first == hash && shadows[index] == UINT32_MAX; low++) {
			uint32_t other = filed[low].rule;
			if (other != index && covers(&set->rules[other], &parts[other], &set->rules[index], &parts[index]))
				shadows[index] = other;
		}
	}
}

int ruleset_shadows(const struct ruleset *set, uint32_t **ret)
{
	uint32_t *shadows = malloc((set->n + 1) * sizeof(*shadows));
	struct parts *parts = calloc(set->n + 1, sizeof(*parts));
	struct filed *filed = calloc(set->n + 1, sizeof(*filed));
	size_t n_filed = 0;
	int err = shadows && parts && filed ? 0 : -ENOMEM;
	for (uint32_t i = 0; !err && i < set->n; i++) {
		shadows[i] = UINT32_MAX;
		if (is_single(&set->rules[i]))
			err = find_parts(&set->rules[i], &parts[i]);
		if (parts[i].n)
			filed[n_filed++] = (struct filed){ parts[i].hash[0], i };
	}
	if (!err)
		qsort(filed, n_filed, sizeof(*filed), by_first);
	for (uint32_t i = 0; !err && i < set->n; i++)
		find_shadow(set, parts, filed, n_filed, shadows, i);
	for (size_t i = 0; parts && i < set->n; i++)
		free(parts[i].hash);
	free(parts);
	free(filed);
	if (err)
		free(shadows);
	else
		*ret = shadows;
	return err;
}
