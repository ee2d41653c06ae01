/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of Falco's conditions: what is accepted and refused, where faults are, and what comes out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/yaml.h"
#include "engine/import/falco_filter.h"
#include "tests/support/corpora.h"

static int parse(struct arena *arena, struct strview text, struct diag *diag, const struct falco_node **ret)
{
	struct falco_source source = { .text = text };
	return falco_filter_parse(arena, &source, diag, ret);
}

static bool accepts(struct strview text, struct diag *diag)
{
	CLEANUP(arena_done) struct arena arena = { .max = 1 << 24 };
	const struct falco_node *root = NULL;
	return parse(&arena, text, diag, &root) == 0;
}

static void every_vector_is_judged_as_falco_does(void **state)
{
	(void)state;
	char path[512];
	if (!corpora_path("falco_filter_vectors.json", path, sizeof(path)))
		return;
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(yaml_load(path, &tree, &diag), 0);
	size_t n = 0, wrong = 0;
	for (const struct yaml_node *v = yaml_root(tree)->first->first; v; v = v->next, n++) {
		CLEANUP(diag_done) struct diag why = { 0 };
		const struct yaml_node *filter = yaml_get(v, "filter");
		bool want = sv_is(yaml_get(v, "expect")->text, "accept"), got = accepts(filter->text, &why);
		if (want == got && (got || why.errors))
			continue;
		wrong++;
		print_error("%s, but should not be: %s (%s)\n", got ? "accepted" : "refused", filter->text.p, why.n ? why.messages[0].text : "");
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(n, 545);
}

static void faults_have_their_column(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *says;
	} cases[] = {
		{ "", 1, "expected a field, a macro, 'not' or '(', found the end" },
		{ "proc.name", 10, "expected an operator, found the end" },
		{ "proc.name startwith x", 11, "did you mean 'startswith'?" },
		{ "proc.name = ", 13, "expected a value" },
		{ "a and b)", 8, "expected 'and', 'or' or the end of the condition, found ')'" },
		{ "(a and b", 9, "expected 'and', 'or' or ')', found the end" },
		{ "a andb", 6, "expected a blank or '(' behind 'and', found 'b'" },
		{ "proc.name = \"x", 13, "the quote is never closed" },
		{ "proc.name = \"a\\qb\"", 15, "unknown escape" },
		{ "proc.name = \"a\\x4\"", 15, "unknown escape" },
		{ "evt.arg[] = 1", 9, "expected an argument behind '['" },
		{ "fd.num > x", 10, "expected a number, val(field) or a transformer, found 'x'" },
		{ "fd.num in 1", 11, "expected a list in parentheses" },
		{ "proc.name in (a b)", 17, "expected ',' or ')' in the list, found 'b'" },
		{ "val(proc.name) = a", 4, "expected 'and', 'or' or the end of the condition, found '('" },
		{ "tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(a.b))))))))) = x", 65, "nested too deep" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		if (accepts(sv_from(cases[i].text), &diag))
			fail_msg("accepted: %s", cases[i].text);
		if (diag.errors != 1 || diag.messages[0].column != cases[i].column || !strstr(diag.messages[0].text, cases[i].says))
			fail_msg("%s: %zu errors, column %u: %s", cases[i].text, diag.errors, diag.messages[0].column, diag.messages[0].text);
	}
}

static void show_expr(const struct falco_expr *x, struct buf *out)
{
	buf_add_sv(out, x->text);
	if (x->argument.p)
		buf_add_format(out, "[" SV_FMT "]", SV_ARG(x->argument));
	if (x->type != FALCO_CALL && x->type != FALCO_LIST)
		return;
	buf_add_char(out, '(');
	for (const struct falco_expr *arg = x->args; arg; arg = arg->next) {
		show_expr(arg, out);
		buf_add_z(out, arg->next ? "," : "");
	}
	buf_add_char(out, ')');
}

static void show(const struct falco_node *node, struct buf *out)
{
	static const char *const modifiers[] = { "", "oneof ", "anyof ", "allof " };
	static const char *const names[] = { "and", "or", "not" };
	if (node->type == FALCO_MACRO) {
		buf_add_sv(out, node->name);
		return;
	}
	if (node->type != FALCO_CHECK) {
		buf_add_format(out, "%s(", names[node->type]);
		for (const struct falco_node *child = node->first; child; child = child->next) {
			show(child, out);
			buf_add_z(out, child->next && node->type != FALCO_NOT ? " " : "");
		}
		buf_add_char(out, ')');
		return;
	}
	show_expr(node->left, out);
	buf_add_format(out, " %s %s", node->op->text, modifiers[node->modifier]);
	if (node->right) {
		buf_add_z(out, "<-");
		show_expr(node->right, out);
	}
	for (const struct falco_value *v = node->values; v; v = v->next)
		buf_add_format(out, "{" SV_FMT "}", SV_ARG(v->text));
}

static void conditions_become_trees(void **state)
{
	static const struct {
		const char *text, *tree;
	} cases[] = {
		{ "a or b and c", "or(a and(b c))" },
		{ "(a or b) and c", "and(or(a b) c)" },
		{ "not not a", "a" },
		{ "not a and b", "and(not(a) b)" },
		{ "not(a and b)or not not not c", "or(not(and(a b)) not(c))" },
		{ "a and (b and c)", "and(a and(b c))" },
		{ "nota and andb or orc", "or(and(nota andb) orc)" },
		{ "evt.dir=<", "evt.dir = {<}" },
		{ "fd.num>=-1", "fd.num >= {-1}" },
		{ "fd.num <= 0x1F and a", "and(fd.num <= {0x1F} a)" },
		{ "proc.aname[2] in (a, \"b c\", 'd')", "proc.aname[2] in {a}{b c}{d}" },
		{ "proc.name in ()", "proc.name in " },
		{ "proc.name in shells", "proc.name in {shells}" },
		{ "proc.name = \"a\\\"b\\x41\\ c\"", "proc.name = {a\"bA\\c}" },
		{ "proc.name = 'a\\\\''", "proc.name = {a\\'}" },
		{ "proc.name = not and b", "and(proc.name = {not} b)" },
		{ "evt.arg[\"a b\"] exists", "evt.arg[a b] exists " },
		{ "fd.name startswith anyof (/a, /b)", "fd.name startswith anyof {/a}{/b}" },
		{ "fd.name = oneof", "fd.name = {oneof}" },
		{ "fd.name = oneof and a", "and(fd.name = {oneof} a)" },
		{ "tolower(basename(fd.name)) = val(proc.exe)", "tolower(basename(fd.name)) = <-proc.exe" },
		{ "join(\"-\", (fd.name, 'x', 12)) = len(fd.name)", "join(-,(fd.name,x,12)) = <-len(fd.name)" },
		{ "getopt(proc.args, \"ab:\")[b] in val(fd.name)", "getopt[b](proc.args,ab:) in <-fd.name" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(arena_done) struct arena arena = { .max = 1 << 24 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf out = { 0 };
		const struct falco_node *root = NULL;
		if (parse(&arena, sv_from(cases[i].text), &diag, &root))
			fail_msg("refused: %s: %s", cases[i].text, diag.messages[0].text);
		show(root, &out);
		if (strcmp(buf_cstr(&out), cases[i].tree) != 0)
			fail_msg("%s: %s", cases[i].text, buf_cstr(&out));
	}
}

static void deep_nesting_is_refused_not_followed(void **state)
{
	(void)state;
	char text[4096];
	for (int deep = 0; deep < 2; deep++) {
		size_t n = deep ? FILTER_MAX_DEPTH : FILTER_MAX_DEPTH - 1;
		memset(text, '(', n);
		text[n] = 'a';
		memset(text + n + 1, ')', n);
		CLEANUP(diag_done) struct diag diag = { 0 };
		assert_int_equal(accepts((struct strview){ text, 2 * n + 1 }, &diag), !deep);
		assert_int_equal(diag.errors, deep);
	}
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(arena_done) struct arena small = { .max = 64 };
	const struct falco_node *root = NULL;
	assert_int_equal(parse(&small, SV("a and b and c"), &diag, &root), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_judged_as_falco_does),
		cmocka_unit_test(faults_have_their_column),
		cmocka_unit_test(conditions_become_trees),
		cmocka_unit_test(deep_nesting_is_refused_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
