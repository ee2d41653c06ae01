/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests to predicates. A test is only taken when the set says the same as the plain evaluator on every value: what comes near it is
 * refused, because a block that holds where its rule does not is worse than none.
 */
#include "engine/enforce/literal.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enforce/advice.h"
#include "engine/enforce/implied.h"
#include "engine/rules/compile.h"
#include "engine/rules/impossible.h"

struct reader {
	struct value_sets *all;
	const struct test *test;
	uint32_t event;
	struct decided_field field;
	struct place at;
	struct literal_test *ret;
	struct literal_refusal *refusal;
};

/* Its name, whatever the rule calls it: some names are others of the same field. */
static const char *name_of(const struct field_ref *field, uint32_t event)
{
	const struct field *f = field->by_event[event_recorded(event)];
	return f && !field->compute ? f->name : field->name;
}

static int refuse(struct reader *r, const char *why, const char *advice)
{
	*r->refusal = (struct literal_refusal){ why, advice };
	return -EINVAL;
}

/* An empty draft of the field's domain. */
static struct value_set draft_of(const struct reader *r)
{
	return (struct value_set){ .domain = dimension_domain(r->field.dimension), .at = r->at };
}

static int take(struct reader *r, const struct value_set *draft, struct value_set **ret)
{
	*ret = value_set_make(r->all, draft);
	return *ret ? 0 : -ENOMEM;
}

/* The field can be without a value in this event; in another one it may be of a kind that always has one. */
static bool can_be_missing(const struct reader *r)
{
	const struct field_ref *ref = r->test->left->field;
	return ref->class == CLASS_STR || ref->class == CLASS_IP || ref->class == CLASS_LIST || kind_get(ref->by_event[event_recorded(r->event)]->kind)->is_optional;
}

/* `!=` asks for a value, too. */
static int finish(struct reader *r, const struct value_set *draft)
{
	struct literal_test *ret = r->ret;
	struct value_set any = draft_of(r);
	any.is_any = true;
	bool is_not = r->test->op->id == OP_NE;
	int err = take(r, draft, is_not ? &ret->must_not : &ret->must);
	if (!err && is_not && can_be_missing(r))
		err = take(r, &any, &ret->must);
	if (!err && ret->must && value_set_is_empty(ret->must))
		ret->type = LITERAL_FALSE;
	return err;
}

/* --- texts ----------------------------------------------------------------------------------------------------------------- */

/* As the field is written: another text would stand in a rule that never blocks. */
static bool is_hash(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr("0123456789abcdef", text.p[i]))
			return false;
	return text.n == 64;
}

static int check_text(struct reader *r, struct strview text)
{
	if (text.n == 0)
		return refuse(r, "an empty text is no name", "write `exists` for any, or a name");
	if (strcmp(r->field.name, "file.hash.sha256") == 0 && !is_hash(text))
		return refuse(r, "that is no SHA-256", "write 64 hexadecimal digits, small letters");
	if (text.n > POLICY_TEXT_MAX)
		return refuse(r, "the text is longer than 240 bytes", "name a folder above it with `startswith`");
	if (memchr(text.p, 0, text.n))
		return refuse(r, "the text holds a NUL byte, which ends texts in the kernel", ADVICE_ALERT);
	return 0;
}

static int add_glob(struct reader *r, struct strview glob, struct text_item *items, size_t *n)
{
	size_t stars = 0;
	while (stars < glob.n && glob.p[glob.n - 1 - stars] == '*')
		stars++;
	struct strview head = { glob.p, glob.n - stars };
	if (!text_is_plain(head))
		return refuse(r, "the kernel compares beginnings, not patterns", "write a pattern that ends in its only `*`, or `startswith`, or use `action: alert`");
	items[(*n)++] = (struct text_item){ .text = head, .is_prefix = stars > 0 };
	return check_text(r, head);
}

/* The path itself and what is below it. */
static int add_below(struct reader *r, struct strview path, struct text_item *items, size_t *n)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (!text_is_plain(path) || path.p[0] != '/' || (path.n > 1 && memmem(path.p, path.n, "//", 2)))
		return refuse(r, "the kernel compares beginnings, not patterns", "write whole paths from the root in pmatch, or use `action: alert`");
	if (path.n == 1) {
		items[(*n)++] = (struct text_item){ .text = path, .is_prefix = true };
		return 0;
	}
	char *folder = arena_alloc(r->all->arena, path.n + 2);
	if (!folder)
		return -ENOMEM;
	memcpy(folder, path.p, path.n);
	folder[path.n] = '/';
	items[(*n)++] = (struct text_item){ .text = path, .is_prefix = false };
	items[(*n)++] = (struct text_item){ .text = { folder, path.n + 1 }, .is_prefix = true };
	return check_text(r, (struct strview){ folder, path.n + 1 });
}

static int add_text(struct reader *r, struct strview text, struct text_item *items, size_t *n)
{
	switch (r->test->op->id) {
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
		items[(*n)++] = (struct text_item){ .text = text, .is_prefix = true };
		return check_text(r, text);
	case OP_ENDSWITH:
		items[(*n)++] = (struct text_item){ .text = text, .is_end = true };
		return check_text(r, text);
	case OP_GLOB:
		return add_glob(r, text, items, n);
	case OP_PMATCH:
		return add_below(r, text, items, n);
	default:
		items[(*n)++] = (struct text_item){ .text = text, .is_prefix = false };
		return check_text(r, text);
	}
}

/* Of arguments it is known which tests some one satisfies. */
static int check_argument_operator(struct reader *r)
{
	switch (r->test->op->id) {
	case OP_EQ:
	case OP_EQ2:
	case OP_INTERSECTS:
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
	case OP_ENDSWITH:
	case OP_GLOB:
	case OP_EXISTS:
		return 0;
	case OP_NE:
		return refuse(r, "`!=` asks for a value, too", "write `not process.args = ...`");
	case OP_IN:
		return refuse(r, "`in` asks it of every argument, the kernel keeps whether there is one", "use `intersects`");
	default:
		return refuse(r, "the kernel compares arguments with = intersects startswith endswith only", ADVICE_ALERT);
	}
}

static int check_text_operator(struct reader *r)
{
	if (r->field.dimension == DIMENSION_ARGUMENTS)
		return check_argument_operator(r);
	bool is_list = r->test->left->class == CLASS_LIST;
	switch (r->test->op->id) {
	case OP_IN:
		return is_list ? refuse(r, "`in` asks it of every ancestor, the kernel keeps whether there is one", "use `intersects`, or ancestor(...)") : 0;
	case OP_NE:
		return is_list ? refuse(r, "`!=` asks whether there is one that is not, which the kernel does not keep", "write `not ancestor(... = ...)`") : 0;
	case OP_EQ:
	case OP_EQ2:
	case OP_INTERSECTS:
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
	case OP_GLOB:
	case OP_PMATCH:
		return 0;
	case OP_EXISTS:
		return is_list ? refuse(r, "whether there is any ancestor is not kept", ADVICE_ALERT) : 0;
	default:
		return refuse(r, "the kernel compares texts with = != in intersects startswith pmatch only", ADVICE_ALERT);
	}
}

static int read_texts(struct reader *r)
{
	const struct test *t = r->test;
	struct value_set draft = draft_of(r);
	int err = check_text_operator(r);
	struct text_item *items = calloc(2 * t->n_operands + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_operands && !err; i++)
		err = add_text(r, t->operands[i].text, items, &draft.n);
	draft.texts = items;
	draft.is_any = t->op->id == OP_EXISTS;
	err = err ? err : finish(r, &draft);
	free(items);
	return err;
}

/* --- numbers --------------------------------------------------------------------------------------------------------------- */

/* The values that compare so with one operand; false: none does. */
static bool range_of(enum op_id op, uint64_t u, struct number_range *ret)
{
	switch (op) {
	case OP_LT:
		*ret = (struct number_range){ 0, u - 1 };
		return u > 0;
	case OP_LE:
		*ret = (struct number_range){ 0, u };
		return true;
	case OP_GT:
		*ret = (struct number_range){ u + 1, UINT64_MAX };
		return u < UINT64_MAX;
	case OP_GE:
		*ret = (struct number_range){ u, UINT64_MAX };
		return true;
	default:
		*ret = (struct number_range){ u, u };
		return true;
	}
}

static int read_numbers(struct reader *r)
{
	const struct test *t = r->test;
	struct value_set draft = draft_of(r);
	if (t->op->id == OP_EXISTS && !can_be_missing(r)) {
		r->ret->type = LITERAL_TRUE;
		return 0;
	}
	struct number_range *ranges = calloc(t->n_operands + 1, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_operands; i++)
		draft.n += range_of(t->op->id, t->operands[i].u, &ranges[draft.n]);
	draft.ranges = ranges;
	draft.is_any = t->op->id == OP_EXISTS;
	int err = finish(r, &draft);
	free(ranges);
	return err;
}

/* The numbers in which the field is one of the operands: those of FLAGS with its bit so, or itself. */
static int read_flag(struct reader *r)
{
	const struct test *t = r->test;
	bool is_in[2] = { t->op->id == OP_EXISTS, t->op->id == OP_EXISTS };
	struct number_range ranges[SMALL_FLAGS];
	struct value_set draft = draft_of(r);
	for (size_t i = 0; i < t->n_operands; i++)
		is_in[t->operands[i].u & 1] = true;
	if (t->op->id == OP_NE) {
		bool keep = is_in[0];
		is_in[0] = is_in[1];
		is_in[1] = keep;
	}
	if (is_in[0] == is_in[1]) {
		r->ret->type = is_in[0] ? LITERAL_TRUE : LITERAL_FALSE;
		return 0;
	}
	bool is_bit = r->field.dimension == DIMENSION_FLAGS;
	for (uint64_t i = 0; i < (is_bit ? SMALL_FLAGS : 2); i++)
		if (is_in[i >> (is_bit ? r->field.bit : 0) & 1])
			ranges[draft.n++] = (struct number_range){ i, i };
	draft.ranges = ranges;
	return take(r, &draft, &r->ret->must);
}

/* Of the container it is only known that there is one. */
static int read_container(struct reader *r)
{
	struct number_range in_one = { 1, 1 };
	struct value_set draft = draft_of(r);
	draft.ranges = &in_one;
	draft.n = 1;
	if (r->test->op->id != OP_EXISTS)
		return refuse(r, "the kernel knows that there is a container, not which", "use `container.id exists`, or vedette.cgroup.path");
	return take(r, &draft, &r->ret->must);
}

/* --- addresses ------------------------------------------------------------------------------------------------------------- */

static int read_networks(struct reader *r)
{
	const struct test *t = r->test;
	struct value_set draft = draft_of(r);
	struct network *networks = calloc(t->n_operands + 1, sizeof(*networks));
	if (!networks)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_operands; i++)
		networks[draft.n++] = t->operands[i].net;
	draft.networks = networks;
	draft.is_any = t->op->id == OP_EXISTS;
	int err = finish(r, &draft);
	free(networks);
	return err;
}

/* --- time ------------------------------------------------------------------------------------------------------------------ */

/* Tables are for a moment, and say how long they are good: exceptions expire. */
static int read_time(struct reader *r)
{
	const struct test *t = r->test;
	struct value_sets *all = r->all;
	bool holds = t->op->id == OP_EXISTS;
	for (size_t i = 0; i < t->n_operands; i++) {
		struct number_range range;
		if (!range_of(t->op->id, t->operands[i].u, &range))
			continue;
		holds |= all->wall_ns >= range.low && all->wall_ns <= range.high;
		if (range.low > all->wall_ns)
			all->until_ns = MIN(all->until_ns, range.low);
		else if (range.high >= all->wall_ns && range.high < UINT64_MAX)
			all->until_ns = MIN(all->until_ns, range.high + 1);
	}
	r->ret->type = holds != (t->op->id == OP_NE) ? LITERAL_TRUE : LITERAL_FALSE;
	return 0;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static int check_form(struct reader *r)
{
	const struct test *t = r->test;
	if (t->left->type != EXPR_FIELD)
		return refuse(r, "the kernel compares fields as they are, not what a function makes of them", ADVICE_ALERT);
	if (t->right)
		return refuse(r, "the kernel compares fields with written values, not with one another", ADVICE_ALERT);
	if (t->modifier == MODIFIER_ONEOF || t->modifier == MODIFIER_ALLOF || (t->modifier == MODIFIER_ANYOF && t->op->id == OP_NE))
		return refuse(r, "the kernel does not count how many values hold", "write the tests one by one, with `and`, `or` and `not`");
	return 0;
}

static int read_values(struct reader *r)
{
	if (r->test->op->id == OP_NE && r->test->n_operands != 1)
		return refuse(r, "`!=` with several values", "write `not ... in (...)`");
	if (r->field.dimension == DIMENSION_CONTAINER)
		return read_container(r);
	switch (r->test->left->class) {
	case CLASS_STR:
	case CLASS_LIST:
		return read_texts(r);
	case CLASS_UINT:
	case CLASS_ENUM:
		return read_numbers(r);
	case CLASS_BOOL:
		return read_flag(r);
	case CLASS_IP:
		return read_networks(r);
	default:
		return refuse(r, "the kernel does not look at values of this kind", ADVICE_ALERT);
	}
}

/* event.action is the event's name, whatever else is known of it. */
static int read_action(const struct test *t, uint32_t event, struct literal_test *ret)
{
	struct strview name = sv_from(event_type_by_number(event)->name);
	bool holds = false;
	if (t->right || t->modifier != MODIFIER_NONE || (t->op->id != OP_EQ && t->op->id != OP_EQ2 && t->op->id != OP_IN))
		return 0;
	for (size_t i = 0; i < t->n_operands; i++)
		holds |= sv_equal(t->operands[i].text, name);
	ret->type = holds ? LITERAL_TRUE : LITERAL_FALSE;
	return 0;
}

/* Of a field that has a row for approval only. */
static int read_needed(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret)
{
	struct literal_test test = { .type = LITERAL_SET };
	struct literal_refusal refusal;
	struct reader r = { .all = all, .test = c->test, .event = event, .at = c->at, .ret = &test, .refusal = &refusal };
	if (check_form(&r) || !needed_field(event, name_of(c->test->left->field, event), &r.field))
		return 0;
	test.dimension = r.field.dimension;
	int err = read_values(&r);
	if (!err)
		*ret = test;
	return err == -ENOMEM ? err : 0;
}

static int read_test(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret, struct literal_refusal *refusal)
{
	struct literal_test test = { .type = LITERAL_SET };
	struct reader r = { .all = all, .test = c->test, .event = event, .at = c->at, .ret = &test, .refusal = refusal };
	if (!(c->test->can_hold >> event_recorded(event) & 1)) {
		*ret = (struct literal_test){ .type = LITERAL_FALSE };
		return 0;
	}
	int err = check_form(&r);
	if (err)
		return err;
	const struct field_ref *field = c->test->left->field;
	if (strcmp(field->name, "@timestamp") == 0 && !field->compute) {
		err = read_time(&r);
	} else if (!field->compute && event == EVENT_PROC_EXEC && strcmp(name_of(field, event), "process.args") == 0) {
		return refuse(&r, "arguments can be read when the image is in place, which is too late to refuse it", ADVICE_KILL);
	} else if (field->compute || !decided_field(event, name_of(field, event), &r.field)) {
		return refuse(&r, "the kernel does not look at this field when it decides", advice_for_field(field->compute ? field->name : name_of(field, event)));
	} else if (r.field.is_not_yet) {
		return refuse(&r, "the field is not known yet when this event is decided", event == EVENT_PROC_EXEC ? ADVICE_KILL : ADVICE_ALERT);
	} else {
		test.dimension = r.field.dimension;
		err = read_values(&r);
	}
	if (!err)
		*ret = test;
	return err;
}

int literal_read_needed(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret)
{
	struct literal_test test = { .type = LITERAL_OPEN };
	struct literal_refusal refusal;
	const struct expr *left = c->test->left;
	const char *name = left->type == EXPR_FIELD && !left->field->compute ? name_of(left->field, event) : "";
	struct decided_field f;
	int err = 0;
	*ret = test;
	if (strcmp(name, "@timestamp") == 0) /* time goes on, and tables are not made anew for it */
		return 0;
	if (strcmp(name, "event.action") == 0)
		return read_action(c->test, event, ret);
	bool can_hold = c->test->can_hold >> event & 1;
	if (left->type == EXPR_CALL && can_hold && strcmp(left->call->name, "basename") == 0 && left->args[0]->type == EXPR_FIELD && !left->args[0]->field->compute)
		return implied_by_basename(all, event, c, name_of(left->args[0]->field, event), ret);
	if (left->type == EXPR_FIELD && left->field->compute && can_hold)
		return implied_by_computed(all, event, c, ret);
	if (can_hold && needed_field(event, name, &f)) {
		err = read_needed(all, event, c, ret);
		return !err && ret->type == LITERAL_OPEN ? implied_by_pattern(all, event, c, name, ret) : err;
	}
	err = read_test(all, event, c, &test, &refusal);
	if (err == -EINVAL && name[0])
		return implied_by_pattern(all, event, c, name, ret);
	if (!err && (test.type != LITERAL_SET || dimension_is_as_recorded(test.dimension)))
		*ret = test;
	return err == -ENOMEM ? err : 0;
}

/* Compares whole texts or beginnings, letter by letter. */
static bool is_literal(const struct test *t)
{
	switch (t->op->id) {
	case OP_EQ:
	case OP_EQ2:
	case OP_NE:
	case OP_IN:
	case OP_INTERSECTS:
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
		return true;
	default:
		return false;
	}
}

/* A value that no event has is a mistake: whoever wrote it thinks that something is blocked, or excepted. */
static int check_values(struct reader *r)
{
	const struct test *t = r->test;
	bool is_path = t->left->class != CLASS_ENUM && t->left->type == EXPR_FIELD && field_holds_path(t->left->field->name) && is_literal(t);
	for (size_t i = 0; i < t->n_operands; i++) {
		const char *why = operand_never_holds(t, &t->operands[i]);
		if (!why)
			why = operand_needs_name(t, &t->operands[i]); /* where there is blocking, the kernel has resolved all names */
		if (why)
			return refuse(r, why, "mend the value, or take it out");
		if (is_path && memchr(t->operands[i].text.p ? t->operands[i].text.p : "", '*', t->operands[i].text.n))
			return refuse(r, "`*` stands for itself here, and no file is called so", "write `glob` with it, or `startswith` without it");
	}
	return 0;
}

int literal_read(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret, struct literal_refusal *refusal)
{
	struct reader r = { .all = all, .test = c->test, .event = event, .at = c->at, .ret = ret, .refusal = refusal };
	int err = read_test(all, event, c, ret, refusal);
	return err ? err : check_values(&r);
}
