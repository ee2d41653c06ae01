/* SPDX-License-Identifier: Apache-2.0 */
/* Names to fields and lists, types checked, tree nodes made. Reports semantic faults; the caller goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/rules/compile.h"
#include "engine/rules/computed.h"
#include "engine/rules/coverage.h"
#include "engine/rules/op.h"

/* --- the compiler ---------------------------------------------------------------------------------------------------------- */

static void add_names(struct compiler *c, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < c->n_field_names && strcmp(c->field_names[k], fields[i].name) != 0)
			k++;
		if (k == c->n_field_names && fields[i].name[0])
			c->field_names[c->n_field_names++] = fields[i].name;
	}
}

int compiler_init(struct compiler *c, struct arena *arena, struct regex_list *regexes, struct diag *diag)
{
	*c = (struct compiler){ .arena = arena, .regexes = regexes, .diag = diag };
	size_t n_common, n_derived, n = 0;
	const struct field *common = fields_common(&n_common), *derived = fields_derived(&n_derived);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		n += event_type_by_number(i) ? event_type_by_number(i)->n_fields : 0;
	c->field_names = arena_alloc(arena, (n + n_common + n_derived) * sizeof(*c->field_names));
	if (!c->field_names)
		return -ENOMEM;
	add_names(c, common, n_common);
	add_names(c, derived, n_derived);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i))
			add_names(c, event_type_by_number(i)->fields, event_type_by_number(i)->n_fields);
	return 0;
}

void compiler_done(struct compiler *c)
{
	strmap_done(&c->lists);
	strmap_done(&c->macros);
	strmap_done(&c->imported_lists);
	strmap_done(&c->imported_macros);
	strmap_done(&c->fields);
	strmap_done(&c->computed);
}

/* --- fields ---------------------------------------------------------------------------------------------------------------- */

/* Fields that are made of another one, and so are cut when that is. The sensor names only the fields it sends. */
static const struct {
	const char *field, *made_of;
	bool is_exec_only; /* in later events the bits speak of the file concerned, not of the program */
} made_of[] = {
	{ "file.name", "file.path", false },
	{ "file.directory", "file.path", false },
	{ "file.extension", "file.path", false },
	{ "vedette.new_fs_path", "vedette.new_path", false },
	{ "process.executable", "file.path", true },
	{ "process.command_line", "process.args", false },
	{ "source.ip", "destination.ip", false },
	{ "destination.port", "destination.ip", false },
};

static uint32_t bits_named(enum kind_id kind, const char *name)
{
	uint64_t bit = 0;
	return symbol_value(kind, sv_from(name), &bit) ? (uint32_t)bit : 0;
}

static void fill_cut_masks(struct field_ref *ref)
{
	for (int is_exec = 0; is_exec < 2; is_exec++) {
		ref->truncated[is_exec] = bits_named(KIND_TRUNCATED, ref->name);
		ref->uncertain[is_exec] = bits_named(KIND_UNCERTAIN, ref->name);
		for (size_t i = 0; i < ARRAY_SIZE(made_of); i++) {
			if (strcmp(made_of[i].field, ref->name) != 0 || (made_of[i].is_exec_only && !is_exec))
				continue;
			ref->truncated[is_exec] |= bits_named(KIND_TRUNCATED, made_of[i].made_of);
			ref->uncertain[is_exec] |= bits_named(KIND_UNCERTAIN, made_of[i].made_of);
		}
	}
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What is known only when the call has ended, or recorded only for rules that look at its end. */
static const char *const outcome_fields[] = { "event.outcome", "vedette.errno", "vedette.result", "vedette.stage", "vedette.file.given_path" };

/* Names of processes, which the kernel cuts, though their kind does not say so. */
static const char *const comm_fields[] = { "process.parent.name", "vedette.ancestors.name" };

/* What enrichment takes from the process table alone: see struct image_stamp. */
static const char *const image_fields[] = {
	"process.executable", "process.command_line", "process.args", "process.working_directory", "process.tty.name", "process.interactive",
	"vedette.process.snapshot", "process.parent.name", "process.parent.executable", "process.parent.command_line",
	"process.parent.args", "vedette.ancestors.executable", "vedette.ancestors.name",
};

/* Fields that rules may name and cases may set, and that no sensor fills. */
static const struct {
	const char *field, *never, *source;
} unfilled[] = {
	{ "destination.domain", "no sensor sees look-ups of names", "DNS look-ups" },
};

static void fill_never(struct field_ref *ref)
{
	for (size_t i = 0; i < ARRAY_SIZE(unfilled); i++) {
		if (strcmp(ref->name, unfilled[i].field) == 0) {
			ref->never = unfilled[i].never;
			ref->source = unfilled[i].source;
		}
	}
}

/* A field of a Sigma rule that no mapping knows keeps its name, so that the rule can be shown and written as it is. */
static const struct field_ref *unmapped_field(struct compiler *c, struct strview name)
{
	struct field_ref *ref = arena_alloc(c->arena, sizeof(*ref));
	const char *copy = arena_text(c->arena, name);
	if (!ref || !copy) {
		c->no_memory = true;
		return NULL;
	}
	*ref = (struct field_ref){
		.name = copy, .class = CLASS_STR, .kind = KIND_STR, .compute = computed_never, .is_of_image = true,
		.never = "no mapping says which field it is",
	};
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i) && event_type_by_number(i)->name[0])
			ref->events |= 1ull << i;
	if (strmap_add(&c->fields, sv_from(copy), ref)) {
		c->no_memory = true;
		return NULL;
	}
	return ref;
}

/* Sigma's authors write any text as a field; one that our language has no way to write is not taken for ours. */
static bool is_plain_name(struct strview name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return true;
}

const struct field_ref *field_lookup_own(struct compiler *c, struct strview name)
{
	struct field_ref *ref = strmap_get(&c->fields, name);
	if (ref)
		return ref;
	if (sv_starts(name, SV("sigma.")))
		return is_plain_name(name) ? unmapped_field(c, name) : NULL;
	const struct field *field = NULL;
	const struct field *by_event[EVENT_NUMBERS] = { NULL };
	uint64_t events = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		by_event[i] = type && type->name[0] ? field_find(type, name) : NULL;
		if (by_event[i]) {
			field = by_event[i];
			events |= 1ull << i;
		}
	}
	if (!field)
		return NULL;
	ref = arena_alloc(c->arena, sizeof(*ref));
	if (!ref) {
		c->no_memory = true;
		return NULL;
	}
	*ref = (struct field_ref){
		.name = field->name,
		.class = kind_get(field->kind)->class,
		.kind = field->kind,
		.events = events,
		.needs_outcome = is_among(field->name, outcome_fields, ARRAY_SIZE(outcome_fields)),
		.is_of_image = is_among(field->name, image_fields, ARRAY_SIZE(image_fields)),
		.max_bytes = field->kind == KIND_COMM || is_among(field->name, comm_fields, ARRAY_SIZE(comm_fields)) ? RECORD_COMM - 1 : 0,
	};
	memcpy(ref->by_event, by_event, sizeof(by_event));
	fill_cut_masks(ref);
	fill_never(ref);
	if (strmap_add(&c->fields, sv_from(ref->name), ref)) {
		c->no_memory = true;
		return NULL;
	}
	return ref;
}

static const struct field_ref *lookup_computed(struct compiler *c, struct strview name, enum computed_fault *ret_fault)
{
	struct field_ref *ref = strmap_get(&c->computed, name);
	*ret_fault = COMPUTED_FOUND;
	if (ref)
		return ref;
	*ret_fault = computed_lookup(c, name, &ref);
	if (*ret_fault != COMPUTED_FOUND)
		return NULL;
	if (strmap_add(&c->computed, sv_from(ref->name), ref)) {
		c->no_memory = true;
		return NULL;
	}
	return ref;
}

/* "falco.NAME": what the name means in Falco's rules, where ours has another meaning. */
static const struct field_ref *lookup_falco(struct compiler *c, struct strview name, enum computed_fault *ret_fault)
{
	struct field_ref *ref = strmap_get(&c->computed, name);
	*ret_fault = COMPUTED_FOUND;
	if (ref)
		return ref;
	const struct field_ref *plain = lookup_computed(c, sv_from_index(name, strlen("falco.")), ret_fault);
	if (!plain)
		return NULL;
	ref = arena_alloc(c->arena, sizeof(*ref));
	char *copy = arena_text(c->arena, name);
	if (ref)
		*ref = *plain;
	if (ref && copy)
		ref->name = copy;
	if (!ref || !copy || strmap_add(&c->computed, sv_from(copy), ref)) {
		c->no_memory = true;
		return NULL;
	}
	return ref;
}

static const struct field_ref *lookup(struct compiler *c, struct strview name, enum computed_fault *ret_fault)
{
	const struct field_ref *ref = NULL;
	*ret_fault = COMPUTED_UNKNOWN;
	if (sv_starts(name, SV("falco.")))
		return lookup_falco(c, name, ret_fault);
	if (c->takes_falco_names)
		ref = lookup_computed(c, name, ret_fault);
	if (!ref && !c->no_memory)
		ref = field_lookup_own(c, name);
	if (!ref && !c->no_memory && !c->takes_falco_names)
		ref = lookup_computed(c, name, ret_fault);
	return ref;
}

const struct field_ref *field_lookup(struct compiler *c, struct strview name)
{
	enum computed_fault fault;
	return lookup(c, name, &fault);
}

/* Of the names that rules of the format use first; no field that never has a value is worth a suggestion. */
static const char *nearest_field(const struct compiler *c, struct strview name)
{
	enum { MAX_NAMES = 512 };
	const char *names[MAX_NAMES];
	size_t n = 0;
	for (size_t i = 0; computed_at(i) && n < MAX_NAMES; i++)
		if (!computed_at(i)->never && computed_at(i)->argument != ARGUMENT_DOTTED)
			names[n++] = computed_at(i)->name;
	const char *own = diag_suggest(name, c->field_names, c->n_field_names), *computed = diag_suggest(name, names, n);
	if (!own || !computed)
		return own ? own : computed;
	bool is_slip = diag_distance(name, sv_from(computed)) <= 2 && diag_distance(name, sv_from(own)) > 2;
	return c->takes_falco_names || is_slip ? computed : own;
}

/* name[argument] is kept and written as it stands here, so an argument holds nothing that would be read as something else. */
static bool has_plain_argument(struct strview name)
{
	const char *open = name.n ? memchr(name.p, '[', name.n) : NULL;
	struct strview argument = open ? sv_from_index(name, (size_t)(open - name.p) + 1) : SV("");
	if (argument.n && (argument.p[0] == '"' || argument.p[0] == '\''))
		return false;
	for (size_t i = 0; i < argument.n; i++)
		if ((unsigned char)argument.p[i] < ' ' || argument.p[i] == 0x7f || (argument.p[i] == ']' && i + 1 < argument.n))
			return false;
	return true;
}

const struct field_ref *field_resolve(struct compiler *c, struct strview name, struct place at)
{
	static const char *const wanted[] = {
		[COMPUTED_NO_ARGUMENT] = "nothing in brackets",
		[COMPUTED_NEEDS_INDEX] = "a number in brackets, as [2]: 0 to 32",
		[COMPUTED_NEEDS_NAME] = "a name, in brackets or behind the dot",
	};
	enum computed_fault fault;
	char quoted[96];
	diag_quote(name, quoted, sizeof(quoted));
	if (!has_plain_argument(name)) {
		diag_error(c->diag, at, "field %s: no control characters, no ']' and no quote at the beginning can stand between '[' and ']'", quoted);
		return NULL;
	}
	const struct field_ref *ref = lookup(c, name, &fault);
	if (ref || c->no_memory)
		return ref;
	const char *near = nearest_field(c, name);
	if (fault != COMPUTED_UNKNOWN)
		diag_error(c->diag, at, "field %s takes %s", quoted, wanted[fault]);
	else if (near)
		diag_error(c->diag, at, "unknown field %s (did you mean '%s'?)", quoted, near);
	else
		diag_error(c->diag, at, "unknown field %s ('vedette fields' lists them)", quoted);
	return NULL;
}

const struct expr *bind_field(struct compiler *c, struct strview name, struct place at)
{
	const struct field_ref *ref = field_resolve(c, name, at);
	struct expr *x = ref ? arena_alloc(c->arena, sizeof(*x)) : NULL;
	if (!x) {
		c->no_memory |= ref != NULL;
		return NULL;
	}
	*x = (struct expr){ .type = EXPR_FIELD, .class = ref->class, .kind = ref->kind, .at = at, .field = ref };
	return x;
}

/* --- transformers ---------------------------------------------------------------------------------------------------------- */

static bool refuse_call(struct compiler *c, const struct expr *x, const char *why)
{
	diag_error(c->diag, x->at, "%s() %s", x->call->name, why);
	return false;
}

static bool check_call(struct compiler *c, const struct expr *x)
{
	bool is_join = strcmp(x->call->name, "join") == 0, is_getopt = strcmp(x->call->name, "getopt") == 0;
	bool takes_texts = is_join || is_getopt || strcmp(x->call->name, "concat") == 0;
	bool takes_lists = strcmp(x->call->name, "concat") != 0, takes_all = strcmp(x->call->name, "text") == 0;
	if (x->n_args < x->call->min_args || x->n_args > x->call->max_args) {
		diag_error(c->diag, x->at, "%s() takes %zu to %zu arguments, here are %zu", x->call->name, x->call->min_args, x->call->max_args, x->n_args);
		return false;
	}
	for (size_t i = 0; i < x->n_args; i++) {
		const struct expr *arg = x->args[i];
		if (arg->class != CLASS_STR && !(arg->class == CLASS_LIST && takes_lists) && !takes_all)
			return refuse_call(c, x, takes_lists ? "takes text and lists of text" : "takes text");
		if (arg->type == EXPR_TEXT && !takes_texts)
			return refuse_call(c, x, "takes a field, not a text in quotes");
	}
	if (is_join && x->args[0]->type != EXPR_TEXT)
		return refuse_call(c, x, "takes a quoted text first, to stand in between");
	if (is_getopt && (x->args[0]->class != CLASS_LIST || x->args[1]->type != EXPR_TEXT))
		return refuse_call(c, x, "takes a list of arguments and a quoted option string: getopt(process.args, \"ab:\")");
	if (x->text.p && (!is_getopt || x->text.n != 1))
		return refuse_call(c, x, is_getopt ? "takes one letter in brackets: getopt[b](...)" : "takes nothing in brackets");
	return true;
}

const struct expr *bind_call(struct compiler *c, const struct expr *call)
{
	if (!check_call(c, call))
		return NULL;
	struct expr *x = arena_alloc(c->arena, sizeof(*x));
	if (!x) {
		c->no_memory = true;
		return NULL;
	}
	*x = *call;
	switch (call->call->result) {
	case TRANSFORM_UINT:
		x->class = CLASS_UINT;
		x->kind = KIND_U64;
		break;
	case TRANSFORM_STR:
		x->class = CLASS_STR;
		x->kind = KIND_STR;
		break;
	case TRANSFORM_LIST:
		x->class = CLASS_LIST;
		x->kind = KIND_LIST;
		break;
	case TRANSFORM_SAME:
		x->class = call->args[0]->class;
		x->kind = x->class == CLASS_LIST ? KIND_LIST : KIND_STR;
		break;
	}
	return x;
}

/* --- lists ----------------------------------------------------------------------------------------------------------------- */

void value_list_done(struct value_list *list)
{
	free(list->p);
	*list = (struct value_list){ 0 };
}

int value_list_add(struct compiler *c, struct value_list *list, struct written_value v)
{
	if (list->n == TEST_MAX_VALUES) {
		diag_error(c->diag, v.at, "too many values in one list (%d at most)", TEST_MAX_VALUES);
		return -E2BIG;
	}
	if (++c->n_values > RULES_MAX_VALUES) {
		diag_error(c->diag, v.at, "too many values in all lists and conditions together (%d at most)", RULES_MAX_VALUES);
		return -E2BIG;
	}
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 8;
		struct written_value *bigger = realloc(list->p, size * sizeof(*bigger));
		if (!bigger) {
			c->no_memory = true;
			return -ENOMEM;
		}
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = v;
	return 0;
}

static int expand(struct compiler *c, struct value_list *list, struct written_value v, unsigned depth)
{
	struct named_list *named = v.is_quoted ? NULL : strmap_get(&c->lists, v.text);
	if (!named)
		return value_list_add(c, list, v);
	if (named->state == RESOLVE_BUSY || depth == LIST_MAX_DEPTH) {
		char quoted[80];
		diag_error(c->diag, v.at, named->state == RESOLVE_BUSY ? "list %s is made of itself" : "list %s: lists nested too deep (16 levels at most)",
			   diag_quote(v.text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	named->is_used = true;
	int err = list_resolve(c, named, depth + 1);
	for (size_t i = 0; !err && i < named->n; i++)
		err = value_list_add(c, list, (struct written_value){ named->values[i].text, v.at, true });
	return err;
}

int value_list_expand(struct compiler *c, struct value_list *list, struct written_value v)
{
	return expand(c, list, v, 0);
}

static int expand_items(struct compiler *c, struct value_list *list, const struct yaml_node *items, unsigned depth)
{
	int err = 0;
	for (const struct yaml_node *item = items->first; item && !err; item = item->next)
		err = expand(c, list, (struct written_value){ item->text, item->at, item->is_quoted }, depth);
	return err;
}

int list_resolve(struct compiler *c, struct named_list *list, unsigned depth)
{
	if (list->state == RESOLVE_DONE)
		return 0;
	CLEANUP(value_list_done) struct value_list flat = { 0 };
	list->state = RESOLVE_BUSY;
	int err = expand_items(c, &flat, list->items, depth);
	for (const struct list_part *part = list->more; part && !err; part = part->next)
		err = expand_items(c, &flat, part->items, depth);
	list->state = RESOLVE_DONE;
	if (err)
		return err;
	list->values = arena_alloc(c->arena, flat.n * sizeof(*flat.p));
	if (!list->values) {
		c->no_memory = true;
		return -ENOMEM;
	}
	if (flat.n)
		memcpy(list->values, flat.p, flat.n * sizeof(*flat.p));
	for (size_t i = 0; i < flat.n; i++) {
		char *text = arena_text(c->arena, flat.p[i].text);
		c->no_memory |= !text;
		list->values[i].text.p = text;
	}
	list->n = c->no_memory ? 0 : flat.n;
	return c->no_memory ? -ENOMEM : 0;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static const char *side_name(const struct expr *x)
{
	return x->type == EXPR_FIELD ? x->field->name : x->type == EXPR_CALL ? x->call->name : "text";
}

static void refuse_operator(struct compiler *c, const struct test_draft *d)
{
	char fitting[200] = "";
	size_t n = 0;
	for (int i = 0; i < OP_COUNT; i++)
		if (operator_fits(operator_get((enum op_id)i), d->left->class) && n + 16 < sizeof(fitting))
			n += (size_t)snprintf(fitting + n, sizeof(fitting) - n, " %s", operator_get((enum op_id)i)->text);
	diag_error(c->diag, d->op_at, "operator '%s' does not fit %s, which is %s; there are%s", d->op->text, side_name(d->left),
		   kind_get(d->left->kind)->doc, fitting);
}

/* Items of a list are text. */
static enum value_class item_class(const struct expr *x)
{
	return x->class == CLASS_LIST ? CLASS_STR : x->class;
}

static bool check_right(struct compiler *c, const struct test_draft *d)
{
	if (!d->right)
		return false; /* reported */
	if (d->op->form == OP_FORM_REGEX || d->op->form == OP_FORM_PATH) { /* patterns and bytes of the event are taken as they are */
		diag_error(c->diag, d->right->at, "'%s' takes no field on its right side", d->op->text);
		return false;
	}
	bool is_same = item_class(d->left) == item_class(d->right);
	if (d->left->class == CLASS_ENUM || d->left->class == CLASS_FLAGS)
		is_same = d->left->kind == d->right->kind;
	if (!is_same)
		diag_error(c->diag, d->right->at, "%s is %s and cannot be compared with %s, which is %s", side_name(d->left),
			   kind_get(d->left->kind)->doc, side_name(d->right), kind_get(d->right->kind)->doc);
	return is_same;
}

/* Fields whose values begin with a '/', whenever there is one. */
bool field_holds_path(const char *name)
{
	static const char *const endings[] = { ".executable", ".path", ".directory", ".working_directory", "fs_path", "new_path" };
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (sv_ends(sv_from(name), sv_from(endings[i])))
			return true;
	return false;
}

static bool is_word(struct strview text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return false;
	}
	return text.n > 0;
}

const char *list_very_near(struct strview text, const char *const *names, size_t n)
{
	size_t most = text.n >= 8 ? 2 : text.n >= 4 ? 1 : 0;
	const char *near = diag_suggest(text, names, n);
	return near && diag_distance(text, sv_from(near)) <= most ? near : NULL;
}

/* A word without quotes where the name of a list was meant, perhaps: as a text it would be compared in silence and never match. */
static void warn_of_word(struct compiler *c, const struct test_draft *d, const struct written_value *v)
{
	bool is_set = d->op->values == OP_VALUES_SET || d->modifier != MODIFIER_NONE;
	bool is_whole = d->op->form == OP_FORM_PATH || d->op->function == op_equal || d->op->function == op_starts ||
			d->op->function == op_iequal || d->op->function == op_istarts;
	bool is_text = d->left->type == EXPR_FIELD && (d->left->class == CLASS_STR || d->left->class == CLASS_LIST) && d->op->form != OP_FORM_HEX;
	if (v->is_quoted || !is_text || !is_whole || !is_word(v->text))
		return;
	char word[80];
	diag_quote(v->text, word, sizeof(word));
	const char *field = d->left->field->name;
	if (!field_holds_path(field)) {
		const char *near = is_set ? list_very_near(v->text, c->list_names, c->n_list_names) : NULL;
		if (near)
			diag_warn(c->diag, v->at, "%s is no list (did you mean '%s'?); put the word in quotes if it is meant as a text", word, near);
		return;
	}
	const char *near = diag_suggest(v->text, c->list_names, c->n_list_names);
	if (!is_set && strmap_get(&c->lists, v->text))
		diag_warn(c->diag, v->at, "%s is a list, which '%s' does not look into: use 'in' or '%s anyof'", word, d->op->text, d->op->text);
	else if (near)
		diag_warn(c->diag, v->at, "%s is no list (did you mean '%s'?) and no absolute path, which %s holds", word, near, field);
	else
		diag_warn(c->diag, v->at, "%s is no list and no absolute path, which %s holds", word, field);
}

static bool fill_operands(struct compiler *c, const struct test_draft *d, struct test *t)
{
	struct operand *operands = arena_alloc(c->arena, d->n * sizeof(*operands));
	if (!operands) {
		c->no_memory = true;
		return false;
	}
	bool is_good = true;
	for (size_t i = 0; i < d->n; i++) {
		if (!operand_read(c, d->left, d->op, &d->values[i], &operands[i])) {
			is_good = false;
			continue;
		}
		if (d->op->form != OP_FORM_HEX && d->values[i].text.n) {
			operands[i].text.p = arena_text(c->arena, d->values[i].text);
			c->no_memory |= !operands[i].text.p;
		}
		warn_of_word(c, d, &d->values[i]);
		if (d->left->class == CLASS_FLAGS)
			t->mask |= operands[i].u;
	}
	t->operands = operands;
	t->n_operands = d->n;
	return is_good && !c->no_memory;
}

static struct condition *node_new(struct compiler *c, enum node_type type, struct place at)
{
	struct condition *node = arena_alloc(c->arena, sizeof(*node));
	if (!node) {
		c->no_memory = true;
		return NULL;
	}
	*node = (struct condition){ .type = type, .at = { c->file ? c->file : at.file, at.line, at.column }, .depth = 1, .weight = 1 };
	return node;
}

/* The items of the list are processes, and the test is about each of them. name: the field as written; NULL: ancestor(). */
static void ask_each(struct test *t, const char *name)
{
	const char *list = t->left->field->name;
	if (!name)
		name = list && strcmp(list, "vedette.ancestors.name") == 0 ? "process.name" : "process.executable";
	t->ancestor = name;
	if (t->op->id == OP_IN)
		t->op = operator_get(OP_INTERSECTS); /* some creator is one of them */
	if (t->op->id == OP_IIN) { /* there is no folding form of intersects */
		t->op = operator_get(OP_IEQUALS);
		t->modifier = MODIFIER_ANYOF;
	}
}

const struct condition *bind_test(struct compiler *c, const struct test_draft *d)
{
	if (!d->left)
		return c->no_memory ? NULL : node_const(c, false, d->at);
	if (!operator_fits(d->op, d->left->class)) {
		refuse_operator(c, d);
		return node_const(c, false, d->at);
	}
	struct test *t = arena_alloc(c->arena, sizeof(*t));
	if (!t) {
		c->no_memory = true;
		return NULL;
	}
	*t = (struct test){ .left = d->left, .op = d->op, .modifier = d->modifier, .right = d->right };
	bool is_each = d->left->type == EXPR_FIELD && d->left->field->is_each;
	if (is_each || d->is_ancestor)
		ask_each(t, is_each ? d->left->field->name : NULL);
	if (d->has_right ? !check_right(c, d) : !fill_operands(c, d, t))
		return c->no_memory ? NULL : node_const(c, false, d->at);
	bool is_empty = d->op->values != OP_VALUES_NONE && !d->has_right && d->n == 0;
	if (is_empty)
		return node_const(c, false, d->at); /* in () never holds */
	t->can_hold = coverage_test_events(t);
	struct condition *node = node_new(c, NODE_TEST, d->at);
	if (node)
		node->test = t;
	return node;
}

/* --- nodes ----------------------------------------------------------------------------------------------------------------- */

const struct condition *node_settled(struct compiler *c, bool truth, struct place at, const char *why)
{
	struct condition *node = node_new(c, NODE_CONST, at);
	if (node) {
		node->truth = truth;
		node->why = why;
	}
	return node;
}

const struct condition *node_const(struct compiler *c, bool truth, struct place at)
{
	return node_settled(c, truth, at, NULL);
}

static const struct condition *check_size(struct compiler *c, const struct condition *node)
{
	if (node->depth > CONDITION_MAX_DEPTH) {
		diag_error(c->diag, node->at, "nested too deep (%d levels at most, macros included)", CONDITION_MAX_DEPTH);
		return NULL;
	}
	if (node->weight > CONDITION_MAX_NODES) {
		diag_error(c->diag, node->at, "too large: %d tests at most, those of macros counted at each use", CONDITION_MAX_NODES);
		return NULL;
	}
	return node;
}

static const struct condition *node_with(struct compiler *c, enum node_type type, const struct condition *const *children, size_t n,
					 struct place at)
{
	struct condition *node = node_new(c, type, at);
	const struct condition **copy = arena_alloc(c->arena, n * sizeof(const struct condition *));
	if (!node || !copy) {
		c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		copy[i] = children[i];
		node->depth = MAX(node->depth, children[i]->depth + 1);
		node->weight = MIN(node->weight + children[i]->weight, (unsigned)CONDITION_MAX_NODES + 1);
	}
	node->children = copy;
	node->n = n;
	return check_size(c, node);
}

const struct condition *node_not(struct compiler *c, const struct condition *child, struct place at)
{
	return node_with(c, NODE_NOT, &child, 1, at);
}

const struct condition *node_group(struct compiler *c, enum node_type type, const struct condition *const *children, size_t n,
				   struct place at)
{
	return n == 1 ? children[0] : node_with(c, type, children, n, at);
}
