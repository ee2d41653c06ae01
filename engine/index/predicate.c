/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/predicate.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/frequency.h"
#include "engine/index/terms.h"
#include "engine/index/text_index.h"

enum { PROGRAM_COST = 150 }; /* instructions of one that soon finds that it does not hold */

#define NO_ID UINT32_MAX

struct pointer_slot {
	const struct test *test;       /* NULL: free */
	const struct condition *parts; /* in the arena; NULL: not asked for */
	uint32_t id;                   /* NO_ID: not asked for */
};

int predicates_init(struct predicates *ps, struct arena *arena)
{
	*ps = (struct predicates){ .arena = arena };
	ps->inputs = calloc(INPUTS_MAX, sizeof(*ps->inputs));
	return ps->inputs ? 0 : -ENOMEM;
}

void predicates_done(struct predicates *ps)
{
	free(ps->p);
	free(ps->slots);
	free(ps->seen);
	free(ps->inputs);
	*ps = (struct predicates){ 0 };
}

/* --- content ------------------------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t expr_hash(const struct expr *x, uint64_t h)
{
	h = mix(h, x->type);
	if (x->type == EXPR_FIELD)
		return mix(h, (uint64_t)(uintptr_t)x->field);
	h = mix(h, sv_hash(x->text));
	h = mix(h, (uint64_t)(uintptr_t)x->call);
	for (size_t i = 0; i < x->n_args; i++)
		h = expr_hash(x->args[i], h);
	return h;
}

static bool expr_equal(const struct expr *a, const struct expr *b)
{
	if (a->type != b->type || a->field != b->field || a->call != b->call || a->n_args != b->n_args || !sv_equal(a->text, b->text) ||
	    !a->text.p != !b->text.p)
		return false;
	for (size_t i = 0; i < a->n_args; i++)
		if (!expr_equal(a->args[i], b->args[i]))
			return false;
	return true;
}

static uint64_t test_hash(const struct test *t)
{
	uint64_t h = expr_hash(t->left, (uint64_t)t->op->id * 8 + t->modifier);
	h = mix(h, t->ancestor != NULL);
	for (size_t i = 0; i < t->n_operands; i++)
		h = mix(h, sv_hash(t->operands[i].text));
	return t->right ? expr_hash(t->right, h) : h;
}

static bool test_equal(const struct test *a, const struct test *b)
{
	if (a->op != b->op || a->modifier != b->modifier || !a->ancestor != !b->ancestor || a->n_operands != b->n_operands ||
	    !a->right != !b->right || !expr_equal(a->left, b->left))
		return false;
	for (size_t i = 0; i < a->n_operands; i++)
		if (!sv_equal(a->operands[i].text, b->operands[i].text))
			return false;
	return !a->right || expr_equal(a->right, b->right);
}

/* --- inputs ------------------------------------------------------------------------------------------------------------- */

/* The fields that an expression reads: one, several, or none. */
struct fields {
	const struct field_ref *one;
	bool are_several, are_of_image;
};

static void gather(const struct expr *x, struct fields *f)
{
	if (x->type == EXPR_FIELD) {
		f->are_several |= f->one && f->one != x->field;
		f->are_of_image &= x->field->is_of_image;
		f->one = x->field;
	}
	for (size_t i = 0; i < x->n_args; i++)
		gather(x->args[i], f);
}

static uint16_t input_of(struct predicates *ps, const struct test *t)
{
	struct fields f = { .are_of_image = true };
	gather(t->left, &f);
	if (t->right)
		gather(t->right, &f);
	bool is_number = f.one && f.one->class != CLASS_STR && f.one->class != CLASS_LIST;
	if (!f.one || (f.are_several && !f.are_of_image) || (is_number && !f.are_several && !test_is_plain(t)))
		return INPUT_NONE;
	const struct field_ref *ref = f.are_several ? NULL : f.one;
	for (size_t i = 0; i < ps->n_inputs; i++)
		if (ps->inputs[i].ref == ref)
			return (uint16_t)i;
	if (ps->n_inputs == INPUTS_MAX)
		return INPUT_NONE;
	ps->inputs[ps->n_inputs] = (struct input){ .ref = ref, .class = ref ? ref->class : CLASS_STR, .is_of_image = f.are_of_image };
	return (uint16_t)ps->n_inputs++;
}

static void add_cut_bits(struct predicate *p, const struct expr *x)
{
	if (x->type == EXPR_FIELD) {
		for (int i = 0; i < 2; i++) {
			p->truncated[i] |= x->field->truncated[i];
			p->uncertain[i] |= x->field->uncertain[i];
		}
	}
	for (size_t i = 0; i < x->n_args; i++)
		add_cut_bits(p, x->args[i]);
}

/* --- the table ---------------------------------------------------------------------------------------------------------- */

static int grow(struct predicates *ps)
{
	if (ps->n == ps->size) {
		size_t size = ps->size ? 2 * ps->size : 256;
		struct predicate *p = realloc(ps->p, size * sizeof(*p));
		if (!p)
			return -ENOMEM;
		ps->p = p;
		ps->size = size;
	}
	if (2 * (ps->n + 1) <= ps->n_slots)
		return 0;
	size_t n_slots = ps->n_slots ? 2 * ps->n_slots : 512;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < ps->n; i++) {
		size_t at = (size_t)test_hash(ps->p[i].node->test) & (n_slots - 1);
		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(ps->slots);
	ps->slots = slots;
	ps->n_slots = n_slots;
	return 0;
}

/* What each event pays for a rule that waits for the test: its program when it holds, and the asking, where it must be asked. */
static double key_cost(const struct test *t, const struct predicate *p)
{
	bool is_text = t->left->class == CLASS_STR || t->left->class == CLASS_LIST;
	double asked = 0;
	if (is_text)
		asked = text_index_effort(t) == TEXT_ASKED ? 1 : terms_ask(t) ? p->share : 0;
	return p->share * PROGRAM_COST + asked * p->cost;
}

static int add(struct predicates *ps, const struct condition *node, uint32_t *ret)
{
	if (grow(ps))
		return -ENOMEM;
	size_t at = (size_t)test_hash(node->test) & (ps->n_slots - 1);
	for (; ps->slots[at]; at = (at + 1) & (ps->n_slots - 1)) {
		if (test_equal(ps->p[ps->slots[at] - 1].node->test, node->test)) {
			*ret = ps->slots[at] - 1;
			return 0;
		}
	}
	struct predicate p = { .node = node, .share = frequency_of(node->test), .cost = frequency_cost(node->test) };
	p.input = input_of(ps, node->test);
	p.key_cost = key_cost(node->test, &p);
	if (node->test->op->id != OP_EXISTS) { /* of which a part is as good as the whole */
		add_cut_bits(&p, node->test->left);
		if (node->test->right)
			add_cut_bits(&p, node->test->right);
	}
	*ret = (uint32_t)ps->n;
	ps->slots[at] = (uint32_t)ps->n + 1;
	ps->p[ps->n++] = p;
	return 0;
}

static struct pointer_slot *seen_slot(const struct predicates *ps, const struct test *test)
{
	size_t at = (size_t)mix(0, (uint64_t)(uintptr_t)test) & (ps->n_seen_slots - 1);
	while (ps->seen[at].test && ps->seen[at].test != test)
		at = (at + 1) & (ps->n_seen_slots - 1);
	return &ps->seen[at];
}

static int grow_seen(struct predicates *ps)
{
	struct predicates bigger = { .n_seen_slots = ps->n_seen_slots ? 2 * ps->n_seen_slots : 1024 };
	bigger.seen = calloc(bigger.n_seen_slots, sizeof(*bigger.seen));
	if (!bigger.seen)
		return -ENOMEM;
	for (size_t i = 0; i < ps->n_seen_slots; i++)
		if (ps->seen[i].test)
			*seen_slot(&bigger, ps->seen[i].test) = ps->seen[i];
	free(ps->seen);
	ps->seen = bigger.seen;
	ps->n_seen_slots = bigger.n_seen_slots;
	return 0;
}

/* The test's slot, made if there is none; NULL without memory. */
static struct pointer_slot *seen_slot_make(struct predicates *ps, const struct test *test)
{
	if (2 * (ps->n_seen + 1) > ps->n_seen_slots && grow_seen(ps))
		return NULL;
	struct pointer_slot *slot = seen_slot(ps, test);
	if (!slot->test) {
		*slot = (struct pointer_slot){ .test = test, .id = NO_ID };
		ps->n_seen++;
	}
	return slot;
}

const struct condition *predicate_parts(const struct predicates *ps, const struct test *test)
{
	const struct pointer_slot *slot = ps->n_seen_slots ? seen_slot(ps, test) : NULL;
	return slot && slot->test ? slot->parts : NULL;
}

int predicate_set_parts(struct predicates *ps, const struct test *test, const struct condition *parts)
{
	struct pointer_slot *slot = seen_slot_make(ps, test);
	if (slot)
		slot->parts = parts;
	return slot ? 0 : -ENOMEM;
}

/* --- one form for tests that say the same ------------------------------------------------------------------------------- */

bool test_is_plain(const struct test *t)
{
	return t->left->type == EXPR_FIELD && !t->right && (t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF);
}

bool test_is_mergeable(const struct test *t)
{
	if (!test_is_plain(t) || t->left->class == CLASS_FLAGS)
		return false;
	switch (t->op->id) {
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
	case OP_EXISTS:
		return false;
	case OP_IN:
	case OP_IIN:
		return t->left->class != CLASS_LIST; /* there it is "every item" */
	case OP_CONTAINS:
	case OP_BCONTAINS:
	case OP_ICONTAINS:
	case OP_GLOB:
	case OP_IGLOB:
	case OP_REGEX:
	case OP_SEARCH:
		return false; /* what is searched for is found once for all rules that look for it, each text on its own */
	default:
		return true;
	}
}

enum op_id test_merge_op(const struct test *t)
{
	if (!test_is_mergeable(t))
		return t->op->id;
	switch (t->op->id) {
	case OP_EQ2:
	case OP_IN:
	case OP_INTERSECTS:
		return OP_EQ;
	case OP_IIN:
		return OP_IEQUALS;
	default:
		return t->op->id;
	}
}

static int by_text(const void *a, const void *b)
{
	const struct operand *x = a, *y = b;
	return sv_compare(x->text, y->text);
}

/* A test with these operands, sorted, each once. Takes the array over, which lies in the arena. */
static const struct condition *make_test(struct predicates *ps, const struct condition *like, struct operand *operands, size_t n)
{
	struct test *test = arena_alloc(ps->arena, sizeof(*test));
	struct condition *node = arena_alloc(ps->arena, sizeof(*node));
	if (!test || !node)
		return NULL;
	qsort(operands, n, sizeof(*operands), by_text);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !sv_equal(operands[kept - 1].text, operands[i].text))
			operands[kept++] = operands[i];
	*test = *like->test;
	test->op = operator_get(test_merge_op(like->test));
	test->modifier = MODIFIER_NONE;
	test->operands = operands;
	test->n_operands = kept;
	*node = (struct condition){ .type = NODE_TEST, .at = like->at, .depth = 1, .weight = 1, .test = test };
	return node;
}

static bool is_in_form(const struct test *t)
{
	bool is_sorted = t->modifier == MODIFIER_NONE && test_merge_op(t) == t->op->id;
	for (size_t i = 1; is_sorted && i < t->n_operands; i++)
		is_sorted = sv_compare(t->operands[i - 1].text, t->operands[i].text) < 0;
	return is_sorted;
}

int predicate_of(struct predicates *ps, const struct condition *node, uint32_t *ret)
{
	const struct test *test = node->test;
	struct pointer_slot *slot = seen_slot_make(ps, test);
	if (!slot)
		return -ENOMEM;
	if (slot->id != NO_ID) {
		*ret = slot->id;
		return 0;
	}
	if (test_is_mergeable(test) && !is_in_form(test)) {
		struct operand *operands = arena_alloc(ps->arena, test->n_operands * sizeof(*operands));
		if (!operands)
			return -ENOMEM;
		memcpy(operands, test->operands, test->n_operands * sizeof(*operands));
		node = make_test(ps, node, operands, test->n_operands);
		if (!node)
			return -ENOMEM;
	}
	int err = add(ps, node, ret);
	if (!err)
		slot->id = *ret;
	return err;
}

int predicate_merge(struct predicates *ps, const uint32_t *ids, size_t n, uint32_t *ret)
{
	size_t total = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		total += ps->p[ids[i]].node->test->n_operands;
	struct operand *operands = arena_alloc(ps->arena, total * sizeof(*operands));
	if (!operands)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct test *t = ps->p[ids[i]].node->test;
		memcpy(operands + at, t->operands, t->n_operands * sizeof(*operands));
		at += t->n_operands;
	}
	const struct condition *node = make_test(ps, ps->p[ids[0]].node, operands, total);
	return node ? add(ps, node, ret) : -ENOMEM;
}
