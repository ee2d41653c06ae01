/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events as a bounded tree. Knows nothing of rules or config. */
#include "engine/base/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "engine/base/fd.h"
#include "engine/base/json.h"

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

struct yaml_tree {
	struct block *blocks; /* owned; nodes and text */
	char *file;           /* in blocks */
	struct yaml_node *root;
	size_t nodes;
};

static void *tree_alloc(struct yaml_tree *tree, size_t n)
{
	n = (n + 15) & ~(size_t)15;
	struct block *b = tree->blocks;
	if (!b || b->size - b->used < n) {
		size_t size = n > 65536 ? n : 65536;
		b = calloc(1, sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		b->next = tree->blocks;
		tree->blocks = b;
	}
	void *p = b->bytes + b->used;
	b->used += n;
	return p;
}

static char *tree_text(struct yaml_tree *tree, const void *bytes, size_t n)
{
	char *p = tree_alloc(tree, n + 1);
	if (!p)
		return NULL;
	if (n)
		memcpy(p, bytes, n);
	p[n] = '\0';
	return p;
}

void yaml_tree_free(struct yaml_tree **tree)
{
	if (!*tree)
		return;
	for (struct block *b = (*tree)->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(*tree);
	*tree = NULL;
}

const struct yaml_node *yaml_root(const struct yaml_tree *tree)
{
	return tree->root;
}

const char *yaml_type_name(enum yaml_type type)
{
	static const char *const names[] = { "text", "a list", "a map" };
	return names[type];
}

size_t yaml_char(const char *p, size_t n)
{
	static const char *const others[] = { "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf" };
	size_t len = utf8_length(p, n);
	if (len == 1)
		return (unsigned char)*p >= ' ' && *p != 0x7f;
	if (len == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0)
		return 0;
	for (size_t i = 0; len == 3 && i < ARRAY_SIZE(others); i++)
		if (memcmp(p, others[i], len) == 0)
			return 0;
	return len;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->type != YAML_MAP)
		return NULL;
	for (const struct yaml_node *k = map->first; k; k = k->next->next)
		if (sv_is(k->text, key))
			return k->next;
	return NULL;
}

int yaml_bool(const struct yaml_node *node, bool *ret, struct diag *diag)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "on" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "off" };
	if (node->type == YAML_SCALAR && !node->is_quoted) {
		for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
			if (sv_is(node->text, yes[i]) || sv_is(node->text, no[i])) {
				*ret = sv_is(node->text, yes[i]);
				return 0;
			}
		}
	}
	diag_error(diag, node->at, "expected true or false");
	return -EINVAL;
}

struct reader {
	struct strview text;
	struct yaml_tree *tree;
	struct diag *diag;
	struct {
		struct yaml_node *node;
		struct yaml_node **link; /* where the next child goes */
		struct yaml_node *key;   /* map: the key that waits for its value */
	} stack[YAML_MAX_DEPTH + 1];
	size_t depth;
};

static struct place place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct place){ r->tree->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

static int reader_refuse(struct reader *r, yaml_mark_t mark, const char *why)
{
	diag_error(r->diag, place_of(r, mark), "%s", why);
	return -EINVAL;
}

/* In a map, children are key and value in turn; keys are unique scalars. */
static int check_key(struct reader *r, struct yaml_node *node, yaml_mark_t mark)
{
	struct yaml_node *map = r->stack[r->depth].node;
	if (map->type != YAML_MAP)
		return 0;
	if (r->stack[r->depth].key) {
		r->stack[r->depth].key = NULL;
		return 0;
	}
	if (node->type != YAML_SCALAR)
		return reader_refuse(r, mark, "a key must be text");
	if (map->n == YAML_MAX_KEYS)
		return reader_refuse(r, mark, "too many keys in one map (1024 at most)");
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		if (sv_equal(k->text, node->text)) {
			char quoted[80];
			diag_error(r->diag, node->at, "key %s stands twice in this map (first at line %u)",
				   diag_quote(node->text, quoted, sizeof(quoted)), k->at.line);
			return -EINVAL;
		}
	}
	r->stack[r->depth].key = node;
	map->n++;
	return 0;
}

static int add_node(struct reader *r, enum yaml_type type, yaml_mark_t mark, struct yaml_node **ret)
{
	if (++r->tree->nodes > YAML_MAX_NODES)
		return reader_refuse(r, mark, "too many values in one file (200000 at most)");
	struct yaml_node *node = tree_alloc(r->tree, sizeof(*node));
	if (!node)
		return -ENOMEM;
	*node = (struct yaml_node){ .type = type, .at = place_of(r, mark) };
	*ret = node;
	return 0;
}

static int attach(struct reader *r, struct yaml_node *node, yaml_mark_t mark)
{
	int err = check_key(r, node, mark);
	if (err)
		return err;
	struct yaml_node *parent = r->stack[r->depth].node;
	*r->stack[r->depth].link = node;
	r->stack[r->depth].link = &node->next;
	if (parent->type == YAML_LIST)
		parent->n++;
	return 0;
}

static int open_node(struct reader *r, enum yaml_type type, yaml_mark_t mark)
{
	struct yaml_node *node = NULL;
	int err = add_node(r, type, mark, &node);
	if (!err)
		err = attach(r, node, mark);
	if (err)
		return err;
	if (r->depth == YAML_MAX_DEPTH)
		return reader_refuse(r, mark, "nested too deep (16 levels at most)");
	r->depth++;
	r->stack[r->depth].node = node;
	r->stack[r->depth].link = &node->first;
	r->stack[r->depth].key = NULL;
	return 0;
}

static int add_scalar(struct reader *r, const yaml_event_t *e)
{
	struct yaml_node *node = NULL;
	int err = add_node(r, YAML_SCALAR, e->start_mark, &node);
	if (err)
		return err;
	char *text = tree_text(r->tree, e->data.scalar.value, e->data.scalar.length);
	if (!text)
		return -ENOMEM;
	node->text = (struct strview){ text, e->data.scalar.length };
	node->is_quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->is_block = e->data.scalar.style == YAML_LITERAL_SCALAR_STYLE || e->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
	return attach(r, node, e->start_mark);
}

static int take_event(struct reader *r, const yaml_event_t *e)
{
	static const char no_anchor[] = "anchors, aliases and tags are not allowed here";
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return reader_refuse(r, e->start_mark, no_anchor);
	case YAML_SCALAR_EVENT:
		if (e->data.scalar.anchor || e->data.scalar.tag)
			return reader_refuse(r, e->start_mark, no_anchor);
		return add_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		if (e->data.sequence_start.anchor || e->data.sequence_start.tag)
			return reader_refuse(r, e->start_mark, no_anchor);
		return open_node(r, YAML_LIST, e->start_mark);
	case YAML_MAPPING_START_EVENT:
		if (e->data.mapping_start.anchor || e->data.mapping_start.tag)
			return reader_refuse(r, e->start_mark, no_anchor);
		return open_node(r, YAML_MAP, e->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

/* The place of a byte that the parser never came to: it reads ahead, and its marks stay behind. */
static yaml_mark_t mark_of_byte(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = { 0 };
	for (size_t i = 0; r->text.p && i < MIN(offset, r->text.n); i++) {
		bool is_end = r->text.p[i] == '\n';
		mark.line += is_end;
		mark.column = is_end ? 0 : mark.column + 1;
	}
	return mark;
}

/* Whether a tab stands among the blanks that a line (from 0) begins with; *ret: where. */
static bool is_tab_indented(const struct reader *r, yaml_mark_t *ret)
{
	struct strview rest = r->text;
	for (size_t line = 0; line < ret->line; line++) {
		const char *end = rest.p ? memchr(rest.p, '\n', rest.n) : NULL;
		if (!end)
			return false;
		rest = sv_from_index(rest, (size_t)(end - rest.p) + 1);
	}
	size_t n = 0;
	while (rest.p && n < rest.n && rest.p[n] == ' ')
		n++;
	if (!rest.p || n == rest.n || rest.p[n] != '\t')
		return false;
	ret->column = n;
	return true;
}

static int refuse_text(struct reader *r, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;
	const char *why = parser->problem ? parser->problem : "not readable as YAML";
	if (parser->error == YAML_READER_ERROR) {
		mark = mark_of_byte(r, parser->problem_offset);
		if (r->text.p && parser->problem_offset < r->text.n && r->text.p[parser->problem_offset] == '\0')
			why = "a NUL byte: is this a text file?";
	} else if (is_tab_indented(r, &mark)) {
		why = "indented with a tab: YAML takes blanks only";
	}
	return reader_refuse(r, mark, why);
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return refuse_text(r, parser);
		bool is_end = event.type == YAML_STREAM_END_EVENT;
		int err = take_event(r, &event);
		yaml_event_delete(&event);
		if (err || is_end)
			return err;
	}
}

int yaml_parse(const char *file, struct strview text, struct yaml_tree **ret, struct diag *diag)
{
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return -ENOMEM;
	tree->file = tree_text(tree, file, strlen(file));
	tree->root = tree_alloc(tree, sizeof(*tree->root));
	if (!tree->file || !tree->root)
		return -ENOMEM;
	*tree->root = (struct yaml_node){ .type = YAML_LIST, .at = { tree->file, 1, 1 } };
	if (text.n > YAML_MAX_BYTES) {
		diag_error(diag, (struct place){ .file = file }, "larger than 4 MiB");
		return -EFBIG;
	}

	struct reader r = { .text = text, .tree = tree, .diag = diag };
	r.stack[0].node = tree->root;
	r.stack[0].link = &tree->root->first;
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n); /* it asserts on NULL */
	int err = read_events(&r, &parser);
	yaml_parser_delete(&parser);
	if (err)
		return err;
	*ret = TAKE(tree);
	return 0;
}

int yaml_load(const char *path, struct yaml_tree **ret, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { .max = YAML_MAX_BYTES + 1 };
	int err = fd_read_file(path, YAML_MAX_BYTES, &text);
	if (err) {
		const char *why = err == -EFBIG ? "larger than 4 MiB" : strerror(-err);
		diag_error(diag, (struct place){ .file = path }, "cannot read: %s", why);
		return err;
	}
	return yaml_parse(path, buf_sv(&text), ret, diag);
}
