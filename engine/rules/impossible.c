/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/impossible.h"

#include "engine/event/capability.h"
#include "engine/rules/apart.h"
#include "engine/rules/computed.h"
#include "engine/rules/computed_functions.h"
#include "engine/rules/op.h"

enum { PORT_MAX = 65535 };

/* --- operators ----------------------------------------------------------------------------------------------------------------- */

static bool is_whole(const struct operator *op)
{
	return op->function == op_equal || op->function == op_iequal;
}

/* Compares with the whole value, or with its beginning. */
static bool is_from_start(const struct operator *op)
{
	return is_whole(op) || op->function == op_starts || op->function == op_istarts || op->function == op_path;
}

static bool is_at_end(const struct operator *op)
{
	return is_whole(op) || op->function == op_ends || op->function == op_iends;
}

/* The text stands in every value that it accepts. */
static bool is_literal(const struct operator *op)
{
	return is_whole(op) || is_at_end(op) || op->function == op_starts || op->function == op_istarts || op->function == op_contains ||
	       op->function == op_icontains;
}

static bool is_case_kept(const struct operator *op)
{
	return op->function == op_equal || op->function == op_starts || op->function == op_ends || op->function == op_contains;
}

/* --- paths --------------------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A regular expression whose first byte is a letter, certainly. */
static bool begins_with_letter(struct strview p)
{
	size_t at = p.n && p.p[0] == '^';
	if (at >= p.n || memchr(p.p, '|', p.n) || !is_letter(p.p[at]))
		return false;
	return at + 1 == p.n || !strchr("*?{", p.p[at + 1]);
}

/* The kernel's own files have no folder: memfd:x, pipe:[1]. */
static bool is_of_kernel(struct strview text)
{
	return text.n && memchr(text.p, ':', text.n);
}

/* Both are links that the kernel has followed before there is a path. */
static bool is_below_link(struct strview text)
{
	return sv_starts(text, SV("/proc/self/")) || sv_starts(text, SV("/proc/thread-self/"));
}

static bool is_unclean(struct strview text)
{
	return memmem(text.p, text.n, "//", 2) || memmem(text.p, text.n, "/./", 3);
}

static const char *no_path(const struct operator *op, struct strview text)
{
	if (text.n == 0 || op->form == OP_FORM_HEX || is_of_kernel(text))
		return NULL;
	if (op->id == OP_REGEX || (op->id == OP_SEARCH && text.p[0] == '^'))
		return begins_with_letter(text) ? "never matches: a path begins with '/'" : NULL;
	if (op->id == OP_SEARCH)
		return NULL;
	if (op->form == OP_FORM_GLOB)
		return strchr("/*?[\\", text.p[0]) ? NULL : "never matches: a path begins with '/'";
	return is_from_start(op) && text.p[0] != '/' ? "never holds: a path begins with '/'" : NULL;
}

/* What only a name has that the kernel did not resolve: it has an end, links and doubled slashes as the program wrote them. */
static const char *no_resolved(const struct operator *op, struct strview text)
{
	if (text.n == 0 || op->form == OP_FORM_HEX || op->form == OP_FORM_GLOB || op->id == OP_REGEX || op->id == OP_SEARCH || is_of_kernel(text))
		return NULL;
	if (is_at_end(op) && text.n > 1 && sv_ends(text, SV("/")))
		return "never holds in lsm mode: a path has no '/' at its end (startswith?)";
	if ((is_from_start(op) || op->function == op_contains) && is_unclean(text))
		return "never holds in lsm mode: a path has no '//' and no '/./' in it";
	if (is_from_start(op) && is_below_link(text))
		return "never holds in lsm mode: /proc/self is a link, and a path has none: it says /proc/<pid>";
	return NULL;
}

/* A part of a path, without what parts it from the others. */
static const char *no_part(const struct test *t, struct strview text)
{
	const char *name = t->left->field->name;
	bool is_extension = strcmp(name, "file.extension") == 0;
	if (!is_literal(t->op) || !text.n || t->op->form == OP_FORM_HEX)
		return NULL;
	if ((is_extension || strcmp(name, "file.name") == 0) && memchr(text.p, '/', text.n))
		return "never holds: a file's name has no '/' in it";
	return is_extension && memchr(text.p, '.', text.n) ? "never holds: an extension is what follows the last dot" : NULL;
}

/* Executables are files, and no folder, not even the root. */
static const char *no_file(const struct test *t, struct strview text)
{
	return is_at_end(t->op) && sv_is(text, "/") && sv_ends(sv_from(t->left->field->name), SV(".executable")) ? "never holds: a file has no '/' at its end" :
														    NULL;
}

/* --- words of a known few -------------------------------------------------------------------------------------------------------- */

static bool fits(const struct test *t, const struct operand *o, const char *word)
{
	const struct value value = { .class = CLASS_STR, .kind = KIND_STR, .s = sv_from(word) };
	return t->op->function(NULL, &value, o);
}

static bool fits_some(const struct test *t, const struct operand *o, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fits(t, o, words[i]))
			return true;
	return false;
}

static bool fits_errno(const struct test *t, const struct operand *o)
{
	uint64_t value;
	const char *name;
	for (size_t i = 0; symbol_at(KIND_ERRNO, i, &value, &name); i++)
		if (fits(t, o, name))
			return true;
	for (size_t i = 0; i < o->text.n; i++)
		if (o->text.p[i] < '0' || o->text.p[i] > '9')
			return fits(t, o, "SUCCESS");
	return true; /* an error that has no name is a number */
}

/* Capabilities are joined by blanks: a text of several is not looked into. */
static bool fits_capability(const struct test *t, const struct operand *o)
{
	if (!o->text.n || memchr(o->text.p, ' ', o->text.n))
		return true;
	for (unsigned i = 0; i < CAPABILITIES; i++)
		if (fits(t, o, capability_name(i)))
			return true;
	return false;
}

static const char *no_word(const struct test *t, const struct operand *o)
{
	static const char *const categories[] = { "file", "net", "process", "memory", "user", "signal", "other" };
	static const char *const protocols[] = { "tcp", "udp", "icmp", "raw" };
	field_function *f = t->left->field->compute;
	if (!is_literal(t->op) || t->op->form == OP_FORM_HEX || t->left->class != CLASS_STR)
		return NULL;
	if (f == event_res && !fits_errno(t, o))
		return "never holds: it is SUCCESS, or the name of an error";
	if (f == event_category && !fits_some(t, o, categories, ARRAY_SIZE(categories)))
		return "never holds: it is file, net, process, memory, user, signal or other";
	if (f == fd_l4proto && !fits_some(t, o, protocols, ARRAY_SIZE(protocols)))
		return "never holds: it is tcp, udp, icmp or raw";
	if ((f == thread_cap_permitted || f == thread_cap_effective) && !fits_capability(t, o))
		return "never holds: no capability is called so";
	return NULL;
}

/* --- numbers ------------------------------------------------------------------------------------------------------------------- */

/* Whether all numbers that compare so are above the largest one that there is. */
static bool is_above(const struct test *t, const struct operand *o, uint64_t largest)
{
	if (is_whole(t->op) || t->op->id == OP_GE)
		return o->u > largest;
	return t->op->id == OP_GT && o->u >= largest;
}

static const char *no_number(const struct test *t, const struct operand *o)
{
	if (t->left->class != CLASS_UINT)
		return NULL;
	if (t->op->id == OP_LT && o->u == 0)
		return "never holds: it is no negative number";
	if (t->left->type == EXPR_FIELD && sv_ends(sv_from(t->left->field->name), SV("port")) && is_above(t, o, PORT_MAX))
		return "never holds: a port is 65535 at most";
	return NULL;
}

/* --- functions ----------------------------------------------------------------------------------------------------------------- */

static bool has_between(struct strview text, char first, char last)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= first && text.p[i] <= last)
			return true;
	return false;
}

static const char *no_result(const struct test *t, const struct operand *o)
{
	const char *name = t->left->call->name;
	bool is_text = t->left->class == CLASS_STR || t->left->class == CLASS_LIST;
	const struct expr *of = t->left->n_args ? t->left->args[0] : NULL;
	if (strcmp(name, "len") == 0 && of && of->type == EXPR_FIELD && of->class == CLASS_STR && of->field->max_bytes && is_above(t, o, of->field->max_bytes))
		return "never holds: the field is never that long";
	if (!is_text || !is_literal(t->op) || t->op->form == OP_FORM_HEX)
		return NULL;
	if (strcmp(name, "tolower") == 0 && is_case_kept(t->op) && has_between(o->text, 'A', 'Z'))
		return "never holds: tolower leaves no capitals";
	if (strcmp(name, "toupper") == 0 && is_case_kept(t->op) && has_between(o->text, 'a', 'z'))
		return "never holds: toupper leaves no small letters";
	if (strcmp(name, "basename") == 0 && has_between(o->text, '/', '/'))
		return "never holds: basename leaves no '/'";
	return NULL;
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static bool is_path_of_file(const struct field_ref *field)
{
	return field->compute == fd_name || (!field->compute && field_holds_path(field->name));
}

const char *operand_never_holds(const struct test *t, const struct operand *o)
{
	if (t->right || t->op->id == OP_NE || t->op->id == OP_EXISTS || t->left->type == EXPR_TEXT)
		return NULL;
	const char *why = no_number(t, o);
	if (why)
		return why;
	if (t->left->type == EXPR_CALL)
		return no_result(t, o);
	if (t->left->class != CLASS_STR && !t->ancestor)
		return NULL;
	why = is_path_of_file(t->left->field) ? no_path(t->op, o->text) : no_part(t, o->text);
	if (!why && !t->left->field->compute)
		why = no_file(t, o->text);
	return why ? why : no_word(t, o);
}

const char *operand_needs_name(const struct test *t, const struct operand *o)
{
	bool is_path = t->left->type == EXPR_FIELD && t->left->class == CLASS_STR && is_path_of_file(t->left->field);
	if (t->right || t->op->id == OP_NE || t->op->id == OP_EXISTS || !is_path)
		return NULL;
	return no_resolved(t->op, o->text);
}

/* Where what stands in fd.name is no path of a file: the ends of a connection, a name as a program gave it. */
static uint64_t other_events(const struct test *t)
{
	uint64_t of_files = 0;
	if (t->left->type != EXPR_FIELD || t->left->field->compute != fd_name)
		return 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (type && strcmp(type->category, "file") == 0)
			of_files |= 1ull << i;
	}
	return ~of_files;
}

static uint64_t events_without(const struct test *t, const char *(*rule_out)(const struct test *, const struct operand *), const char **ret_why)
{
	const char *why = NULL;
	size_t n_never = 0;
	for (size_t i = 0; i < t->n_operands; i++) {
		const char *never = rule_out(t, &t->operands[i]);
		n_never += never != NULL;
		why = never ? never : why;
	}
	bool is_never = t->modifier == MODIFIER_ALLOF ? n_never > 0 : n_never > 0 && n_never == t->n_operands;
	if (!is_never)
		return UINT64_MAX;
	*ret_why = why;
	return other_events(t);
}

uint64_t test_possible_events(const struct test *t, const char **ret_why)
{
	if (test_excludes_itself(t)) {
		*ret_why = "never holds: no value is all of these at once";
		return 0;
	}
	return events_without(t, operand_never_holds, ret_why);
}

static const char *never_or_by_name(const struct test *t, const struct operand *o)
{
	const char *why = operand_never_holds(t, o);
	return why ? why : operand_needs_name(t, o);
}

uint64_t test_resolved_events(const struct test *t, const char **ret_why)
{
	return test_possible_events(t, ret_why) & events_without(t, never_or_by_name, ret_why);
}
