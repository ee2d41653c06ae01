/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/implied.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/rules/op.h"

#define E(event) (1ull << EVENT_##event)

bool text_is_plain(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (strchr("*?[\\", text.p[i])) /* and NUL, which is refused anyway */
			return false;
	return true;
}

/* --- parts of patterns ------------------------------------------------------------------------------------------------------ */

enum {
	HEADS_MAX = 16,  /* beginnings that one regular expression is taken apart into */
	HEAD_LEAST = 2,  /* bytes: `/` alone says nothing */
	END_LEAST = 2,
};

/* The path's last part, where the pattern ends with a slash and plain text. p NULL: it does not. A `]` may be the end of a set with that slash. */
static struct strview last_part(struct strview pattern, bool is_glob)
{
	const char *slash = memrchr(pattern.p, '/', pattern.n);
	struct strview part = slash ? sv_from_index(pattern, (size_t)(slash - pattern.p) + 1) : (struct strview){ 0 };
	if (is_glob && (memchr(pattern.p, '\\', pattern.n) || (part.n && memchr(part.p, ']', part.n))))
		return (struct strview){ 0 };
	return part.n && text_is_plain(part) ? part : (struct strview){ 0 };
}

/* What every name ends with that the pattern fits. */
static struct strview end_part(struct strview pattern, bool is_glob)
{
	size_t from = pattern.n;
	while (from && pattern.p[from - 1] != '/' && (!is_glob || !strchr("*?[]\\", pattern.p[from - 1])))
		from--;
	return sv_from_index(pattern, from);
}

/* Letters that stand for themselves, up to the first that does not. Two slashes are as good as one where components are compared. */
static size_t plain_letters(struct strview pattern, enum op_id op)
{
	size_t n = 0;
	while (n < pattern.n && (isalnum((unsigned char)pattern.p[n]) || strchr(op == OP_REGEX ? "/_-:@," : "/_-:@,. ", pattern.p[n])) &&
	       !(op == OP_PMATCH && n && pattern.p[n] == '/' && pattern.p[n - 1] == '/'))
		n++;
	return n;
}

/*
 * Whether its beginning may be missing from a match: an `or` of all of it, groups and quotes that are not read here. The one reader of patterns
 * answers: it finds a text that every match holds, or gives up.
 */
static bool may_be_otherwise(struct value_sets *all, struct strview regex)
{
	char *best = arena_alloc(all->arena, regex.n + 1), *run = arena_alloc(all->arena, regex.n + 1);
	return !best || !run || regex_required(regex, best, run) == 0;
}

/* Beginnings of all texts that a pattern fits: together they leave none out. */
struct heads {
	struct strview p[HEADS_MAX];
	size_t n;
};

static struct strview join(struct value_sets *all, struct strview a, struct strview b)
{
	char *both = arena_alloc(all->arena, a.n + b.n + 1);
	if (!both)
		return (struct strview){ 0 };
	memcpy(both, a.p, a.n);
	memcpy(both + a.n, b.p, b.n);
	return (struct strview){ both, a.n + b.n };
}

/* Letters at the begin of what is left; not the last one, where that may come several times or not at all. */
static size_t letters_of(struct strview rest)
{
	size_t n = plain_letters(rest, OP_REGEX);
	return n && n < rest.n && strchr("?*{+", rest.p[n]) ? n - 1 : n;
}

/* Length of "(a|b/c)" at the begin of what is left; 0: it is no group of plain texts that stands there once. */
static size_t group_of(struct strview rest, size_t *ret_texts)
{
	const char *end = rest.n && rest.p[0] == '(' ? memchr(rest.p, ')', rest.n) : NULL;
	size_t n = end ? (size_t)(end - rest.p) + 1 : 0;
	*ret_texts = 1;
	for (size_t i = 1; i + 1 < n; i++) {
		*ret_texts += rest.p[i] == '|';
		if (rest.p[i] != '|' && !plain_letters((struct strview){ rest.p + i, 1 }, OP_REGEX))
			return 0;
	}
	return n < rest.n && strchr("?*{+", rest.p[n]) ? 0 : n;
}

/* Each head with each text of the group "(a|b)" behind it. */
static bool fork_heads(struct value_sets *all, struct strview group, struct heads *h)
{
	struct heads forked = { 0 };
	for (size_t i = 0; i < h->n; i++) {
		for (const char *at = group.p + 1, *end; at < group.p + group.n; at = end + 1) {
			for (end = at; *end != '|' && *end != ')';)
				end++;
			forked.p[forked.n] = join(all, h->p[i], (struct strview){ at, (size_t)(end - at) });
			if (!forked.p[forked.n++].p)
				return false;
		}
	}
	*h = forked;
	return true;
}

/* n 0: nothing is known of it. */
static struct heads heads_of(struct value_sets *all, struct strview pattern, enum op_id op)
{
	struct heads h = { .p = { { pattern.p, op == OP_REGEX ? letters_of(pattern) : plain_letters(pattern, op) } }, .n = 1 };
	struct strview rest = sv_from_index(pattern, h.p[0].n);
	if (op != OP_REGEX)
		return h;
	if (may_be_otherwise(all, pattern))
		return (struct heads){ 0 };
	for (;;) {
		size_t texts = 1, letters = letters_of(rest), group = letters ? 0 : group_of(rest, &texts);
		if ((!letters && !group) || h.n * texts > HEADS_MAX)
			return h;
		for (size_t i = 0; i < h.n && letters; i++) {
			h.p[i] = join(all, h.p[i], (struct strview){ rest.p, letters });
			if (!h.p[i].p)
				return (struct heads){ 0 };
		}
		if (group && !fork_heads(all, (struct strview){ rest.p, group }, &h))
			return (struct heads){ 0 };
		rest = sv_from_index(rest, letters + group);
	}
}

/* --- patterns -------------------------------------------------------------------------------------------------------------- */

/* What follows from a pattern over a path, the most telling first. */
enum part { PART_NAME, PART_END, PART_BEGIN, PART_NONE };

static bool is_ending(enum op_id op)
{
	return op == OP_ENDSWITH || op == OP_IENDSWITH || op == OP_IEQUALS || op == OP_IIN;
}

/* Which operators a part can be had of; has_name: the hook knows the file's name, and the pattern is about it. */
static bool has_part(enum op_id op, enum part part, bool has_name)
{
	bool is_glob = op == OP_GLOB;
	switch (part) {
	case PART_NAME:
		return has_name && (is_glob || op == OP_ENDSWITH);
	case PART_END:
		return has_name && (is_glob || op == OP_IGLOB || is_ending(op));
	default:
		return is_glob || op == OP_PMATCH || op == OP_REGEX;
	}
}

/* At most HEADS_MAX items of one pattern; 0: nothing follows. */
static size_t add_part(struct value_sets *all, enum op_id op, enum part part, struct strview pattern, struct text_item *items)
{
	if (part == PART_NAME || part == PART_END) {
		bool is_glob = op == OP_GLOB || op == OP_IGLOB;
		struct strview text = part == PART_NAME ? last_part(pattern, is_glob) : end_part(pattern, is_glob);
		items[0] = (struct text_item){ .text = text };
		return text.n >= (part == PART_NAME ? 1 : END_LEAST);
	}
	struct heads heads = heads_of(all, pattern, op);
	for (size_t i = 0; i < heads.n; i++) {
		items[i] = (struct text_item){ .text = heads.p[i], .is_prefix = true };
		if (heads.p[i].n < HEAD_LEAST || heads.p[i].p[0] != '/')
			return 0;
	}
	return heads.n;
}

/* All patterns of the test have to say something. */
static bool add_parts(struct value_sets *all, const struct test *t, enum part part, struct value_set *draft, struct text_item *items)
{
	draft->n = 0;
	draft->texts = items;
	for (size_t i = 0; i < t->n_operands; i++) {
		size_t n = add_part(all, t->op->id, part, t->operands[i].text, &items[draft->n]);
		for (size_t k = draft->n; k < draft->n + n; k++)
			if (items[k].text.n > POLICY_TEXT_MAX || memchr(items[k].text.p, 0, items[k].text.n))
				return false;
		if (!n)
			return false;
		draft->n += n;
	}
	return t->n_operands > 0;
}

/* What a part of the field is looked up by. */
static enum policy_dimension dimension_of_part(const struct decided_field *field, enum part part)
{
	bool is_new = field->dimension == DIMENSION_NEW_PATH;
	switch (part) {
	case PART_NAME:
		return is_new ? DIMENSION_NEW_NAME : DIMENSION_NAME;
	case PART_END:
		return is_new ? DIMENSION_NEW_ENDING : DIMENSION_ENDING;
	default:
		return field->dimension;
	}
}

/* Of a test of a path, or of a file's name, which is the path's last part. */
static int read_pattern(struct value_sets *all, const struct condition *c, const struct decided_field *field, bool has_name, struct literal_test *ret)
{
	const struct test *t = c->test;
	bool is_name = field->dimension == DIMENSION_NAME;
	struct text_item *items = calloc(HEADS_MAX * t->n_operands + 1, sizeof(*items));
	struct value_set draft = { .at = c->at };
	enum part part = is_name ? PART_END : PART_NAME;
	if (!items)
		return -ENOMEM;
	for (; part < PART_NONE; part++)
		if (has_part(t->op->id, part, has_name) && !(is_name && part != PART_END) && add_parts(all, t, part, &draft, items))
			break;
	enum policy_dimension dimension = dimension_of_part(field, part);
	draft.domain = dimension_domain(dimension);
	struct value_set *made = part < PART_NONE ? value_set_make(all, &draft) : NULL;
	free(items);
	if (part == PART_NONE)
		return 0;
	*ret = (struct literal_test){ LITERAL_IMPLIED, dimension, made, NULL };
	return made ? 0 : -ENOMEM;
}

int implied_by_pattern(struct value_sets *all, uint32_t event, const struct condition *c, const char *name, struct literal_test *ret)
{
	const struct test *t = c->test;
	struct decided_field field, file_name;
	bool has_name = needed_field(event, "file.name", &file_name);
	bool is_known = decided_field(event, name, &field) || needed_field(event, name, &field);
	if (!is_known || t->right || (t->modifier != MODIFIER_NONE && t->modifier != MODIFIER_ANYOF))
		return 0;
	if (field.dimension != DIMENSION_PATH && field.dimension != DIMENSION_NEW_PATH && !(has_name && field.dimension == DIMENSION_NAME))
		return 0;
	return read_pattern(all, c, &field, has_name, ret);
}

/* --- basename() ------------------------------------------------------------------------------------------------------------ */

/* Whole names; false: what is compared with is no name. */
static bool add_names(const struct test *t, struct value_set *draft, struct text_item *items)
{
	draft->texts = items;
	for (size_t i = 0; i < t->n_operands; i++) {
		struct strview text = t->operands[i].text;
		if (!text.n || text.n > POLICY_TEXT_MAX || memchr(text.p, 0, text.n))
			return false;
		items[draft->n++] = (struct text_item){ .text = text };
	}
	return t->n_operands > 0;
}

int implied_by_basename(struct value_sets *all, uint32_t event, const struct condition *c, const char *path, struct literal_test *ret)
{
	const struct test *t = c->test;
	struct decided_field field, file_name;
	bool is_exact = t->op->id == OP_EQ || t->op->id == OP_EQ2 || t->op->id == OP_IN;
	if (t->right || t->modifier != MODIFIER_NONE || !is_exact || !needed_field(event, "file.name", &file_name) || !decided_field(event, path, &field))
		return 0;
	if (field.dimension != DIMENSION_PATH && field.dimension != DIMENSION_NEW_PATH)
		return 0;
	struct value_set draft = { .domain = DIMENSION_NAME, .at = c->at };
	struct text_item *items = calloc(t->n_operands + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	struct value_set *made = add_names(t, &draft, items) ? value_set_make(all, &draft) : NULL;
	free(items);
	if (made)
		*ret = (struct literal_test){ LITERAL_IMPLIED, dimension_of_part(&field, PART_NAME), made, NULL };
	return 0; /* without memory it is taken as if it held */
}

/* --- computed fields -------------------------------------------------------------------------------------------------------- */

enum stand_in {
	SAME_TEXT,  /* the field has the other one's value, or none */
	FOLDER,     /* the folder of the path, or the path itself */
	READING,    /* truths: what is so of the open when they are true */
	WRITING,
	CREATING,
};

/* What a computed field is made of, where a hook knows that. */
static const struct row {
	const char *name;
	enum stand_in how;
	uint64_t events;
	const char *of;
} rows[] = {
	{ "fd.name", SAME_TEXT, E(FILE_OPEN) | E(FILE_CHMOD) | E(FILE_CHOWN) | E(FILE_TRUNCATE) | E(MMAP_EXEC), "file.path" },
	{ "fd.filename", SAME_TEXT, E(FILE_OPEN) | E(FILE_CHMOD) | E(FILE_CHOWN) | E(FILE_TRUNCATE), "file.name" },
	{ "fd.directory", FOLDER, E(FILE_OPEN) | E(FILE_CHMOD) | E(FILE_CHOWN) | E(FILE_TRUNCATE) | E(MMAP_EXEC), "file.path" },
	{ "evt.is_open_read", READING, E(FILE_OPEN), NULL },
	{ "evt.is_open_write", WRITING, E(FILE_OPEN), NULL },
	{ "evt.is_open_create", CREATING, E(FILE_OPEN), NULL },
	{ "evt.is_open_exec", CREATING, E(FILE_OPEN), NULL },
	{ "evt.abspath", SAME_TEXT, ~0ull, "file.path" },
	{ "fs.path.name", SAME_TEXT, ~0ull, "file.path" },
	{ "evt.abspath.src", SAME_TEXT, ~0ull, "file.path" },
	{ "fs.path.source", SAME_TEXT, ~0ull, "file.path" },
	{ "evt.abspath.dst", SAME_TEXT, ~0ull, "vedette.new_path" },
	{ "fs.path.target", SAME_TEXT, ~0ull, "vedette.new_path" },
};

static const struct row *row_of(const struct field_ref *field, uint32_t event)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].events >> event & 1 && strcmp(rows[i].name, field->name) == 0)
			return &rows[i];
	return NULL;
}

/* The same test of the other field: missing where this one is, and more often not. */
static int read_as(struct value_sets *all, uint32_t event, const struct condition *c, const char *name, struct literal_test *ret)
{
	struct field_ref field = *c->test->left->field;
	struct expr left = *c->test->left;
	struct test test = *c->test;
	struct condition same = *c;
	struct literal_test read = { .type = LITERAL_OPEN };
	field.compute = NULL;
	field.name = name;
	left.field = &field;
	test.left = &left;
	same.test = &test;
	int err = literal_read_needed(all, event, &same, &read);
	if (read.type == LITERAL_SET)
		read.type = LITERAL_IMPLIED;
	if (!err && (read.type == LITERAL_IMPLIED || read.type == LITERAL_FALSE))
		*ret = read;
	return err;
}

/* The path begins with its folder; of a whole folder with a slash behind it, but for the folder itself. At most HEADS_MAX items; 0: nothing follows. */
static size_t add_folder(struct value_sets *all, const struct test *t, struct strview folder, struct text_item *items)
{
	enum op_id op = t->op->id;
	if (op == OP_GLOB || op == OP_REGEX)
		return add_part(all, op, PART_BEGIN, folder, items);
	if (!folder.n || folder.p[0] != '/')
		return 0;
	if (op == OP_STARTSWITH || op == OP_BSTARTSWITH) {
		items[0] = (struct text_item){ .text = folder, .is_prefix = true };
		return 1;
	}
	items[0] = (struct text_item){ .text = folder };
	items[1] = (struct text_item){ .text = folder.n > 1 ? join(all, folder, SV("/")) : folder, .is_prefix = true };
	return (op == OP_EQ || op == OP_EQ2 || op == OP_IN) && items[1].text.p ? 2 : 0;
}

static int read_folder(struct value_sets *all, uint32_t event, const struct condition *c, const char *name, struct literal_test *ret)
{
	const struct test *t = c->test;
	struct decided_field f;
	struct value_set draft = { .domain = DIMENSION_PATH, .at = c->at };
	struct text_item *items = calloc(HEADS_MAX * t->n_operands + 1, sizeof(*items));
	bool is_found = decided_field(event, name, &f) && t->n_operands;
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_operands && is_found; i++) {
		size_t n = add_folder(all, t, t->operands[i].text, &items[draft.n]);
		for (size_t k = draft.n; k < draft.n + n; k++)
			is_found &= items[k].text.n <= POLICY_TEXT_MAX && !memchr(items[k].text.p, 0, items[k].text.n);
		is_found &= n > 0;
		draft.n += n;
	}
	draft.texts = items;
	struct value_set *made = is_found ? value_set_make(all, &draft) : NULL;
	free(items);
	if (!is_found)
		return 0;
	*ret = (struct literal_test){ LITERAL_IMPLIED, f.dimension, made, NULL };
	return made ? 0 : -ENOMEM;
}

/* It holds when the truth is true, and not when it is false. */
static bool asks_for_true(const struct test *t)
{
	bool is_in[2] = { false, false };
	for (size_t i = 0; i < t->n_operands; i++)
		is_in[t->operands[i].u & 1] = true;
	if (t->op->id == OP_NE)
		return is_in[0] && !is_in[1];
	return (t->op->id == OP_EQ || t->op->id == OP_EQ2 || t->op->id == OP_IN) && is_in[1] && !is_in[0];
}

/*
 * Both access bits at once are no access to the kernel, and reading by Falco's account. Flags that could not be read make the field missing.
 */
static bool may_be_so(enum stand_in how, uint64_t number)
{
	bool is_read = number & 1, is_write = number & 2;
	return how == READING ? is_read || !is_write : how == WRITING ? is_write : number & 8;
}

static int read_truth(struct value_sets *all, const struct condition *c, enum stand_in how, struct literal_test *ret)
{
	struct number_range ranges[SMALL_FLAGS];
	struct value_set draft = { .domain = DIMENSION_FLAGS, .at = c->at, .ranges = ranges };
	if (!asks_for_true(c->test))
		return 0;
	for (uint64_t i = 0; i < SMALL_FLAGS; i++)
		if (may_be_so(how, i))
			ranges[draft.n++] = (struct number_range){ i, i };
	struct value_set *made = value_set_make(all, &draft);
	*ret = (struct literal_test){ LITERAL_IMPLIED, DIMENSION_FLAGS, made, NULL };
	return made ? 0 : -ENOMEM;
}

int implied_by_computed(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret)
{
	const struct test *t = c->test;
	const struct row *row = row_of(t->left->field, event);
	if (!row || t->right || (t->modifier != MODIFIER_NONE && t->modifier != MODIFIER_ANYOF))
		return 0;
	switch (row->how) {
	case SAME_TEXT:
		return read_as(all, event, c, row->of, ret);
	case FOLDER:
		return read_folder(all, event, c, row->of, ret);
	default:
		return read_truth(all, c, row->how, ret);
	}
}
