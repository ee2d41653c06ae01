/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions over bytes by PCRE2: a dot matches any byte, a line end included, and there are no Unicode modes. Each match has limits, so that
 * no text can hold up the evaluation; a match that hits one is "undecided".
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

#include "engine/rules/op.h"

enum {
	REGEX_MATCH_LIMIT = 200000, /* steps; a linear match of 64 KiB needs about one a byte */
	REGEX_DEPTH_LIMIT = 20000,
	REGEX_HEAP_KIB = 1024,
	REGEX_JIT_STACK_FIRST = 32 * 1024,
	REGEX_JIT_STACK_MAX = 512 * 1024,
};

struct regex {
	pcre2_code *code;       /* owned */
	struct strview literal; /* owned; every match holds it, so that a text without it is decided at once */
};

/* Without memory there is none, which only costs time. */
static void find_literal(struct regex *re, struct strview pattern)
{
	char *best = malloc(pattern.n + 1), *run = malloc(pattern.n + 1);
	if (best && run)
		re->literal = (struct strview){ best, regex_required(pattern, best, run) };
	free(run);
	if (!re->literal.p)
		free(best);
}

struct strview regex_literal(const struct regex *re)
{
	return re->literal;
}

/*
 * Whether the pattern may call itself or one of its groups, (?R) (?1) (?-1) (?&name) (?P>name) \g<1>: PCRE2's JIT and its interpreter disagree
 * on what an end anchor means inside such a call, and the interpreter does what is written. Characters that only look like a call cost time alone.
 */
static bool may_recurse(struct strview pattern)
{
	for (size_t i = 0; pattern.p && i + 2 < pattern.n; i++) {
		const char *p = pattern.p + i;
		bool has_more = i + 3 < pattern.n;
		if (p[0] == '\\' && p[1] == 'g' && (p[2] == '<' || p[2] == '\''))
			return true;
		if (p[0] != '(' || p[1] != '?')
			continue;
		if (p[2] == 'R' || p[2] == '&' || isdigit((unsigned char)p[2]))
			return true;
		if (has_more && (((p[2] == '+' || p[2] == '-') && isdigit((unsigned char)p[3])) || (p[2] == 'P' && p[3] == '>')))
			return true;
	}
	return false;
}

int regex_new(struct strview pattern, enum regex_reach reach, struct regex **ret, char *message, size_t message_size, size_t *ret_offset)
{
	CLEANUP(regex_free) struct regex *re = calloc(1, sizeof(*re));
	if (!re)
		return -ENOMEM;
	int code = 0;
	PCRE2_SIZE offset = 0;
	uint32_t options = PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
	if (reach == REGEX_WHOLE)
		options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY;
	re->code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, options, &code, &offset, NULL);
	if (!re->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)message, message_size);
		*ret_offset = offset;
		return -EINVAL;
	}
	/* Without a JIT the interpreter does the same, slower, and keeps up to REGEX_HEAP_KIB in the match data. */
	if (!may_recurse(pattern))
		(void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	find_literal(re, pattern);
	*ret = TAKE(re);
	return 0;
}

void regex_free(struct regex **re)
{
	if (!*re)
		return;
	pcre2_code_free((*re)->code);
	free((char *)(*re)->literal.p);
	free(*re);
	*re = NULL;
}

int matcher_new(struct matcher **ret)
{
	CLEANUP(matcher_free) struct matcher *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->scratch = malloc(MATCH_SCRATCH_BYTES);
	m->match_data = pcre2_match_data_create(1, NULL);
	m->match_context = pcre2_match_context_create(NULL);
	if (!m->scratch || !m->match_data || !m->match_context)
		return -ENOMEM;
	pcre2_set_match_limit(m->match_context, REGEX_MATCH_LIMIT);
	pcre2_set_depth_limit(m->match_context, REGEX_DEPTH_LIMIT);
	pcre2_set_heap_limit(m->match_context, REGEX_HEAP_KIB);
	m->jit_stack = pcre2_jit_stack_create(REGEX_JIT_STACK_FIRST, REGEX_JIT_STACK_MAX, NULL);
	if (m->jit_stack)
		pcre2_jit_stack_assign(m->match_context, NULL, m->jit_stack);
	*ret = TAKE(m);
	return 0;
}

void matcher_free(struct matcher **m)
{
	if (!*m)
		return;
	pcre2_match_data_free((*m)->match_data);
	pcre2_match_context_free((*m)->match_context);
	pcre2_jit_stack_free((*m)->jit_stack);
	free((*m)->scratch);
	free(*m);
	*m = NULL;
}

char *matcher_alloc(struct matcher *m, size_t n)
{
	if (n > MATCH_SCRATCH_BYTES - m->used) {
		m->undecided++;
		return NULL;
	}
	char *p = m->scratch + m->used;
	m->used += n;
	return p;
}

bool op_regex(struct matcher *m, const struct value *value, const struct operand *operand)
{
	struct strview s = value->s, literal = operand->regex->literal;
	if (literal.n && (s.n < literal.n || !memmem(s.p, s.n, literal.p, literal.n)))
		return false;
	int r = pcre2_match(operand->regex->code, (PCRE2_SPTR)(s.p ? s.p : ""), s.n, 0, 0, m->match_data, m->match_context);
	if (r < 0 && r != PCRE2_ERROR_NOMATCH)
		m->undecided++;
	return r >= 0;
}
