/* SPDX-License-Identifier: Apache-2.0 */
/* From a set of rules to programs and indexes. What is only needed on the way lives in an arena of its own. */
#include <errno.h>
#include <stdlib.h>

#include "engine/index/address_index.h"
#include "engine/index/branch.h"
#include "engine/index/engine_parts.h"
#include "engine/index/number_index.h"
#include "engine/index/terms.h"
#include "engine/index/text_index.h"

enum {
	WORK_MAX_BYTES = 1 << 30,
	LIST_ITEMS_MIN = 1 << 20, /* room for the items of all lists */
	COLUMN_COST = 100,        /* of a field that is looked at in each event */
	LIST_COLUMN_COST = 300,
	NO_KEY_COST = 100000,     /* as good as never */
	FOUND_COST = 80,         /* instructions, about, when a text that is searched for is found */
	SEARCH_COST = 1,          /* for one more text that is searched for */
};

struct build {
	struct engine *e;
	struct arena work;
	struct branch ***branches; /* by event and plan */
	struct key_set **keys;
	size_t code_size;
};

/* --- rules to branches ---------------------------------------------------------------------------------------------------- */

static void mark_kept(struct build *b, const struct branch *branch)
{
	if (branch->type == BRANCH_TEST)
		b->e->predicates.p[branch->predicate].is_kept = true;
	for (size_t i = 0; i < branch->n; i++)
		mark_kept(b, branch->children[i]);
}

/* What a rule asks when one of its keys holds. reached: how often it comes to the branch. */
static void note_asking(struct build *b, const struct branch *branch, double reached)
{
	if (branch->type == BRANCH_TEST) {
		struct predicate *p = &b->e->predicates.p[branch->predicate];
		p->asked += reached * p->cost;
	}
	for (size_t i = 0; i < branch->n; i++)
		note_asking(b, branch->children[i], reached);
}

static int add_plan(struct build *b, struct event_plan *ep, uint32_t rule)
{
	struct engine *e = b->e;
	struct branch *branch = branch_of(&e->predicates, &b->work, e->set->rules[rule].condition, ep->number);
	if (!branch)
		return -ENOMEM;
	if (branch->type == BRANCH_FALSE)
		return 0;
	if (branch_keys(&e->predicates, &b->work, branch, NULL, &b->keys[ep->number][ep->n_plans]))
		return -ENOMEM;
	if (ep->is_kept)
		mark_kept(b, branch);
	ep->plans[ep->n_plans].rule = rule;
	b->branches[ep->number][ep->n_plans++] = branch;
	return 0;
}

/* Keys of the event's plans without those of banned inputs; what that costs more than before. */
static int choose_without(struct build *b, const struct event_plan *ep, const bool *is_banned, uint16_t input, struct key_set *keys, double *ret_more)
{
	const struct predicates *ps = &b->e->predicates;
	*ret_more = 0;
	for (size_t i = 0; i < ep->n_plans; i++) {
		const struct key_set *before = &b->keys[ep->number][i];
		bool has_it = false;
		keys[i] = *before;
		for (size_t k = 0; k < before->n; k++)
			has_it |= ps->p[before->p[k]].input == input;
		if (!has_it)
			continue;
		if (branch_keys(ps, &b->work, b->branches[ep->number][i], is_banned, &keys[i]))
			return -ENOMEM;
		*ret_more += keys[i].n ? keys[i].cost - before->cost : NO_KEY_COST;
	}
	return 0;
}

/* A field that hardly a rule waits for costs every event a look: is the next best key cheaper? */
static int spare_columns(struct build *b, const struct event_plan *ep)
{
	const struct predicates *ps = &b->e->predicates;
	struct key_set *keys = arena_alloc(&b->work, ep->n_plans * sizeof(*keys));
	bool *is_banned = arena_alloc(&b->work, ps->n_inputs + 1);
	if (!keys || !is_banned)
		return -ENOMEM;
	for (size_t i = 0; i < ps->n_inputs; i++) {
		double more, look = ps->inputs[i].class == CLASS_LIST ? LIST_COLUMN_COST : COLUMN_COST;
		is_banned[i] = true;
		if (choose_without(b, ep, is_banned, (uint16_t)i, keys, &more))
			return -ENOMEM;
		is_banned[i] = more < look;
		if (is_banned[i])
			memcpy(b->keys[ep->number], keys, ep->n_plans * sizeof(*keys));
	}
	return 0;
}

static void note_keys(struct build *b, const struct event_plan *ep)
{
	for (size_t i = 0; i < ep->n_plans; i++) {
		const struct key_set *keys = &b->keys[ep->number][i];
		for (size_t k = 0; k < keys->n; k++)
			b->e->predicates.p[keys->p[k]].is_key = true;
		note_asking(b, b->branches[ep->number][i], keys->n ? keys->share : 1);
	}
}

/* An exec makes an image of its own: hardly two are alike in all that rules look at. Answers to other events are worth keeping. */
static bool is_worth_keeping(uint32_t event)
{
	return event != EVENT_PROC_EXEC;
}

static int add_event(struct build *b, uint32_t number)
{
	struct engine *e = b->e;
	size_t n = e->set->n_by_event[number];
	struct event_plan *ep = arena_alloc(&e->arena, sizeof(*ep));
	b->branches[number] = arena_alloc(&b->work, n * sizeof(struct branch *));
	b->keys[number] = arena_alloc(&b->work, n * sizeof(struct key_set));
	if (!ep || !b->branches[number] || !b->keys[number])
		return -ENOMEM;
	*ep = (struct event_plan){ .number = number, .index = (uint32_t)e->n_events, .is_kept = is_worth_keeping(number) };
	ep->plans = arena_alloc(&e->arena, n * sizeof(*ep->plans));
	if (!ep->plans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (add_plan(b, ep, e->set->by_event[number][i]))
			return -ENOMEM;
	if (!ep->is_kept && spare_columns(b, ep))
		return -ENOMEM;
	note_keys(b, ep);
	if (ep->n_plans) {
		e->events[number] = ep;
		e->n_events++;
		e->n_plans_max = MAX(e->n_plans_max, ep->n_plans);
	}
	return 0;
}

/* --- indexes -------------------------------------------------------------------------------------------------------------- */

static bool is_text(const struct input *in)
{
	return in->ref && (in->class == CLASS_STR || in->class == CLASS_LIST);
}

static bool is_number(const struct input *in)
{
	return in->ref && !is_text(in) && in->class != CLASS_IP && in->class != CLASS_FLAGS;
}

/* What costs a new value nothing is looked up even where nothing waits for it: then it need not be asked either. */
static bool is_worth_indexing(const struct predicates *ps, const struct predicate *p)
{
	if (p->input == INPUT_NONE || !ps->inputs[p->input].is_used)
		return false;
	if (p->is_key || p->is_kept)
		return true;
	const struct input *in = &ps->inputs[p->input];
	if (!is_text(in))
		return is_number(in);
	enum text_effort effort = text_index_effort(p->node->test);
	if (effort == TEXT_SEARCHED && !terms_ask(p->node->test))
		return p->asked > FOUND_COST * p->share + SEARCH_COST;
	return effort == TEXT_LOOKED_UP;
}

static void choose_indexed(struct predicates *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].input != INPUT_NONE && (ps->p[i].is_key || ps->p[i].is_kept))
			ps->inputs[ps->p[i].input].is_used = true;
	for (size_t i = 0; i < ps->n; i++)
		ps->p[i].is_indexed = is_worth_indexing(ps, &ps->p[i]);
}

/* All tests over a field that are neither numbers nor texts, or of too many cells, are asked. */
static int ask_tests(struct engine *e, struct input *in, const struct indexed_test *tests, size_t n)
{
	in->asked = arena_alloc(&e->arena, n * sizeof(*in->asked) + 1);
	if (!in->asked)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		in->asked[in->n_asked++] = tests[i].predicate;
	return 0;
}

static int index_addresses(struct engine *e, struct input *in, struct indexed_test *tests, size_t n)
{
	size_t taken = 0;
	for (size_t i = 0; i < n; i++) {
		struct indexed_test t = tests[i];
		if (!address_index_takes(t.test))
			continue;
		tests[i] = tests[taken];
		tests[taken++] = t;
	}
	int err = address_index_new(tests, taken, &in->addresses);
	return err ? err : ask_tests(e, in, tests + taken, n - taken);
}

static int index_input(struct engine *e, struct input *in, struct indexed_test *tests, size_t n)
{
	if (is_text(in))
		return text_index_new(tests, n, in->class, &in->text);
	if (in->ref && in->class == CLASS_IP)
		return index_addresses(e, in, tests, n);
	int err = is_number(in) ? number_index_new(tests, n, in->class, &e->lists, &in->numbers) : -E2BIG;
	return err == -E2BIG ? ask_tests(e, in, tests, n) : err;
}

static int make_indexes(struct engine *e)
{
	struct predicates *ps = &e->predicates;
	struct indexed_test *tests = calloc(ps->n + 1, sizeof(*tests));
	size_t *first = calloc(ps->n_inputs + 2, sizeof(*first));
	int err = tests && first ? 0 : -ENOMEM;
	/* by input: counted, then put in place */
	for (size_t i = 0; !err && i < ps->n; i++)
		if (ps->p[i].is_indexed)
			first[ps->p[i].input + 2]++;
	for (size_t i = 2; !err && i < ps->n_inputs + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; !err && i < ps->n; i++)
		if (ps->p[i].is_indexed)
			tests[first[ps->p[i].input + 1]++] = (struct indexed_test){ ps->p[i].node->test, (uint32_t)i };
	for (size_t i = 0; !err && i < ps->n_inputs; i++)
		err = index_input(e, &ps->inputs[i], tests + first[i], first[i + 1] - first[i]);
	free(tests);
	free(first);
	return err;
}

/* --- programs ------------------------------------------------------------------------------------------------------------- */

struct target {
	uint32_t on_true, on_false;
};

static int grow_code(struct build *b, size_t n)
{
	struct engine *e = b->e;
	if (e->n_code + n <= b->code_size)
		return 0;
	size_t size = MAX(2 * b->code_size, e->n_code + n + 1024);
	struct instruction *code = realloc(e->code, size * sizeof(*code));
	if (!code)
		return -ENOMEM;
	e->code = code;
	b->code_size = size;
	return 0;
}

/* The tests of a branch from `at` on: as many instructions as it has tests. */
static void emit(struct engine *e, const struct branch *branch, uint32_t at, struct target to)
{
	if (branch->type == BRANCH_TEST) {
		uint32_t bits = (branch->is_negated ? INSTRUCTION_NEGATED : 0) | (e->predicates.p[branch->predicate].is_indexed ? INSTRUCTION_INDEXED : 0);
		e->code[at] = (struct instruction){ branch->predicate * INSTRUCTION_BITS + bits, to.on_true, to.on_false };
		return;
	}
	for (size_t i = 0; i < branch->n; i++) {
		const struct branch *child = branch->children[i];
		uint32_t next = at + (uint32_t)child->n_tests;
		struct target inner = to;
		if (i + 1 < branch->n && branch->type == BRANCH_AND)
			inner.on_true = next;
		else if (i + 1 < branch->n)
			inner.on_false = next;
		emit(e, child, at, inner);
		at = next;
	}
}

static void use(struct event_plan *ep, const struct predicates *ps, struct plan *plan, const struct branch *branch)
{
	if (branch->type == BRANCH_TEST) {
		const struct predicate *p = &ps->p[branch->predicate];
		bool is_exec = ep->number == EVENT_PROC_EXEC;
		ep->uses[branch->predicate / 64] |= 1ull << branch->predicate % 64;
		ep->truncated |= branch->is_negated ? p->truncated[is_exec] : 0;
		ep->uncertain |= branch->is_negated ? p->uncertain[is_exec] : 0;
		plan->is_open |= !p->is_indexed;
	}
	for (size_t i = 0; i < branch->n; i++)
		use(ep, ps, plan, branch->children[i]);
}

static int finish_plan(struct build *b, struct event_plan *ep, size_t i)
{
	struct engine *e = b->e;
	struct plan *plan = &ep->plans[i];
	struct branch *branch = b->branches[ep->number][i];
	const struct key_set *keys = &b->keys[ep->number][i];
	branch_order(&e->predicates, branch);
	if (grow_code(b, branch->n_tests))
		return -ENOMEM;
	plan->n_code = (uint32_t)branch->n_tests;
	plan->entry = branch->type == BRANCH_TRUE ? PROGRAM_TRUE : (uint32_t)e->n_code;
	emit(e, branch, (uint32_t)e->n_code, (struct target){ PROGRAM_TRUE, PROGRAM_FALSE });
	e->n_code += branch->n_tests;
	use(ep, &e->predicates, plan, branch);
	plan->keys = arena_alloc(&e->arena, keys->n * sizeof(struct condition *) + 1);
	if (!plan->keys)
		return -ENOMEM;
	for (size_t k = 0; k < keys->n; k++) {
		plan->keys[plan->n_keys++] = e->predicates.p[keys->p[k]].node;
		ep->postings[ep->n_postings++] = (struct posting){ keys->p[k], (uint32_t)i };
	}
	if (!keys->n)
		ep->always[ep->n_always++] = (uint32_t)i;
	return 0;
}

static int by_predicate(const void *a, const void *b)
{
	const struct posting *x = a, *y = b;
	if (x->predicate != y->predicate)
		return x->predicate < y->predicate ? -1 : 1;
	return (x->plan > y->plan) - (x->plan < y->plan);
}

static int finish_plans(struct build *b, struct event_plan *ep)
{
	struct engine *e = b->e;
	size_t n_keys = 0;
	for (size_t i = 0; i < ep->n_plans; i++)
		n_keys += b->keys[ep->number][i].n;
	ep->postings = arena_alloc(&e->arena, n_keys * sizeof(*ep->postings) + 1);
	ep->always = arena_alloc(&e->arena, ep->n_plans * sizeof(*ep->always));
	ep->uses = arena_alloc(&e->arena, (e->predicates.n / 64 + 1) * sizeof(*ep->uses));
	if (!ep->postings || !ep->always || !ep->uses)
		return -ENOMEM;
	for (size_t i = 0; i < ep->n_plans; i++)
		if (finish_plan(b, ep, i))
			return -ENOMEM;
	qsort(ep->postings, ep->n_postings, sizeof(*ep->postings), by_predicate);
	return 0;
}

/* --- columns -------------------------------------------------------------------------------------------------------------- */

static void set_access(struct column *c, const struct input *in, uint32_t event)
{
	const struct field_ref *ref = in->ref;
	const struct field *field = ref->compute ? NULL : ref->by_event[event];
	c->access = ACCESS_ANY;
	if (!field)
		return;
	const struct kind *kind = kind_get(field->kind);
	bool is_text = ref->class == CLASS_STR || ref->class == CLASS_LIST;
	c->offset = field->offset;
	c->bit = field->index;
	if (field->source == FIELD_DERIVED) {
		if (is_text)
			c->access = ACCESS_DERIVED_TEXT;
		return;
	}
	bool is_u32 = kind->wire_size == sizeof(uint32_t) && (ref->class == CLASS_UINT || ref->class == CLASS_ENUM);
	if (field->kind == KIND_COMM)
		c->access = ACCESS_COMM;
	else if (is_text)
		c->access = ACCESS_RECORD_TEXT;
	else if (ref->class == CLASS_IP)
		c->access = ACCESS_ADDRESS;
	else if (field->kind == KIND_BOOL && in->numbers)
		c->access = ACCESS_TRUTH;
	else if (is_u32 && field->kind != KIND_MODE && in->numbers)
		c->access = ACCESS_U32;
	for (uint64_t i = 0; i < 2 && c->access == ACCESS_TRUTH; i++)
		c->truths[i] = number_index_list(in->numbers, i);
	c->may_be_missing = kind->is_optional;
}

/* Which inputs the event's programs look at, and which of them hold keys of it. */
static void note_inputs(const struct engine *e, const struct event_plan *ep, bool *is_looked_at, bool *has_key)
{
	const struct predicates *ps = &e->predicates;
	for (size_t i = 0; i < ps->n; i++)
		if ((ep->uses[i / 64] >> i % 64 & 1) && ps->p[i].is_indexed)
			is_looked_at[ps->p[i].input] = true;
	for (size_t i = 0; i < ep->n_postings; i++)
		has_key[ps->p[ep->postings[i].predicate].input] = true;
}

static enum column_habit habit_of(const struct engine *e, const struct column *c)
{
	const struct field_ref *ref = e->predicates.inputs[c->input].ref;
	if (e->steady_index[c->input] != INPUT_NONE && (c->access == ACCESS_COMM || c->access == ACCESS_DERIVED_TEXT))
		return HABIT_STEADY;
	if (ref && c->access == ACCESS_RECORD_TEXT && strcmp(ref->name, "file.path") == 0)
		return HABIT_PATH;
	return ref && c->access == ACCESS_DERIVED_TEXT && strcmp(ref->name, "file.name") == 0 ? HABIT_TAIL : HABIT_NONE;
}

static void add_columns(struct engine *e, struct event_plan *ep, const bool *is_looked_at, const bool *has_key)
{
	const struct predicates *ps = &e->predicates;
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < ps->n_inputs; i++) {
			const struct input *in = &ps->inputs[i];
			bool is_early = has_key[i] || ep->is_kept;
			int its_pass = !is_early ? 2 : in->is_of_image && ep->is_kept ? 0 : 1;
			if (!is_looked_at[i] || its_pass != pass)
				continue;
			struct column *c = &ep->columns[ep->n_columns++];
			*c = (struct column){ .input = (uint16_t)i, .access = ACCESS_WHOLE_IMAGE };
			if (in->ref)
				set_access(c, in, ep->number);
			c->habit = habit_of(e, c);
			c->numbers = in->numbers;
		}
		*(pass == 0 ? &ep->n_image : pass == 1 ? &ep->n_early : &ep->n_columns) = ep->n_columns;
	}
}

/* file.path before file.name, so that its place is known when the name is looked at. */
static void put_path_first(struct event_plan *ep)
{
	for (size_t i = ep->n_image; i < ep->n_early; i++) {
		struct column path = ep->columns[i];
		if (path.habit != HABIT_PATH)
			continue;
		ep->columns[i] = ep->columns[ep->n_image];
		ep->columns[ep->n_image] = path;
		return;
	}
}

static void flag_late(struct engine *e, const struct event_plan *ep, bool *is_late)
{
	for (size_t i = ep->n_early; i < ep->n_columns; i++)
		is_late[ep->columns[i].input] = true;
	for (size_t i = 0; i < ep->n_plans; i++) {
		for (uint32_t k = 0; k < ep->plans[i].n_code; k++) {
			struct instruction *at = &e->code[ep->plans[i].entry + k];
			const struct predicate *p = &e->predicates.p[at->test / INSTRUCTION_BITS];
			if (p->is_indexed && is_late[p->input])
				at->test |= INSTRUCTION_LATE;
		}
	}
}

static int finish_columns(struct engine *e, struct event_plan *ep)
{
	size_t n = e->predicates.n_inputs;
	bool *looked_at = calloc(n + 1, sizeof(*looked_at)), *has_key = calloc(n + 1, sizeof(*has_key));
	int err = looked_at && has_key ? 0 : -ENOMEM;
	size_t n_columns = 0;
	if (!err) {
		note_inputs(e, ep, looked_at, has_key);
		for (size_t i = 0; i < n; i++)
			n_columns += looked_at[i];
		ep->columns = arena_alloc(&e->arena, n_columns * sizeof(*ep->columns) + 1);
		e->n_columns_max = MAX(e->n_columns_max, n_columns);
		err = ep->columns ? 0 : -ENOMEM;
	}
	if (!err) {
		add_columns(e, ep, looked_at, has_key);
		/* event, class, four of cut bits, and the columns that are the event's own must fit into a key */
		if (ep->is_kept && ep->n_early - ep->n_image + 6 > VERDICT_KEY_MAX) {
			ep->is_kept = false;
			ep->n_image = ep->n_early = ep->n_columns = 0;
			add_columns(e, ep, looked_at, has_key);
		}
		put_path_first(ep);
		memset(has_key, 0, n * sizeof(*has_key));
		flag_late(e, ep, has_key);
	}
	free(looked_at);
	free(has_key);
	return err;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

/* Names, users, containers: a process can change them, and hardly ever does. What is said of files is another with each event. */
static bool is_steady(const struct input *in)
{
	return is_text(in) && !in->is_of_image && !in->ref->compute && in->ref->by_event[EVENT_PROC_EXIT] && strncmp(in->ref->name, "file.", 5) != 0;
}

static int number_inputs(struct engine *e)
{
	size_t n = e->predicates.n_inputs;
	e->image_index = arena_alloc(&e->arena, n * sizeof(*e->image_index) + 1);
	e->steady_index = arena_alloc(&e->arena, n * sizeof(*e->steady_index) + 1);
	if (!e->image_index || !e->steady_index)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct input *in = &e->predicates.inputs[i];
		e->image_index[i] = (uint16_t)(in->is_of_image ? e->n_image_inputs++ : INPUT_NONE);
		e->steady_index[i] = (uint16_t)(is_steady(in) ? e->n_steady++ : INPUT_NONE);
	}
	return 0;
}

static size_t bytes_of_input(const struct input *in)
{
	return (in->text ? text_index_bytes(in->text) : 0) + (in->numbers ? number_index_bytes(in->numbers) : 0) +
	       (in->addresses ? address_index_bytes(in->addresses) : 0);
}

static void count_bytes(struct engine *e)
{
	const struct predicates *ps = &e->predicates;
	e->index_bytes = sizeof(*e) + e->arena.used + ps->n * sizeof(*ps->p) + ps->n_inputs * sizeof(*ps->inputs) + e->n_code * sizeof(*e->code);
	for (size_t i = 0; i < ps->n_inputs; i++)
		e->index_bytes += bytes_of_input(&ps->inputs[i]);
}

/* What was only needed to tell predicates apart. */
static void shrink(struct engine *e)
{
	struct predicates *ps = &e->predicates;
	free(ps->slots);
	free(ps->seen);
	ps->slots = NULL;
	ps->seen = NULL;
	struct predicate *p = realloc(ps->p, (ps->n + 1) * sizeof(*p));
	struct instruction *code = realloc(e->code, (e->n_code + 1) * sizeof(*code));
	ps->p = p ? p : ps->p;
	e->code = code ? code : e->code;
}

static int compile(struct build *b)
{
	struct engine *e = b->e;
	b->branches = arena_alloc(&b->work, EVENT_NUMBERS * sizeof(*b->branches));
	b->keys = arena_alloc(&b->work, EVENT_NUMBERS * sizeof(void *));
	if (!b->branches || !b->keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (e->set->n_by_event[i] && add_event(b, i))
			return -ENOMEM;
	choose_indexed(&e->predicates);
	if (lists_init(&e->lists, LISTS_MAX, MAX((size_t)LIST_ITEMS_MIN, 4 * e->predicates.n)) || number_inputs(e))
		return -ENOMEM;
	int err = make_indexes(e);
	for (uint32_t i = 0; !err && i < EVENT_NUMBERS; i++)
		if (e->events[i])
			err = finish_plans(b, e->events[i]);
	for (uint32_t i = 0; !err && i < EVENT_NUMBERS; i++)
		if (e->events[i])
			err = finish_columns(e, e->events[i]);
	lists_fix(&e->lists);
	return err;
}

int engine_build(struct engine *e)
{
	struct build b = { .e = e, .work = { .max = WORK_MAX_BYTES } };
	e->arena.max = WORK_MAX_BYTES;
	int err = predicates_init(&e->predicates, &e->arena);
	if (!err)
		err = compile(&b);
	arena_done(&b.work);
	if (err)
		return err;
	shrink(e);
	count_bytes(e);
	return 0;
}
