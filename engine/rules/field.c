/* SPDX-License-Identifier: Apache-2.0 */
/* What a name of a field stands for: ours, those that are worked out of others, and Falco's. Reports names that stand for nothing. */
#include "engine/rules/compile.h"
#include "engine/rules/computed.h"

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
	"process.parent.args", "process.previous.executable", "vedette.ancestors.executable", "vedette.ancestors.name",
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

bool is_plain_name(struct strview name)
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

/* Fields whose values begin with a '/', whenever there is one. */
bool field_holds_path(const char *name)
{
	static const char *const endings[] = { ".executable", ".path", ".directory", ".working_directory", "fs_path", "new_path" };
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (sv_ends(sv_from(name), sv_from(endings[i])))
			return true;
	return false;
}
