/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern, a line end, a text: what the matcher says, with the required text it read off the pattern, has to be what PCRE2 alone says.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "engine/rules/op.h"

enum { PATTERN_MAX = 256, TEXT_MAX = 1024, STEPS_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* 1: matches, 0: does not, -1: is no pattern, or too much work. */
static int plain_match(struct strview pattern, struct strview text, uint32_t options)
{
	int code = 0, result = -1;
	PCRE2_SIZE offset = 0;
	pcre2_code *plain = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &code, &offset, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = plain ? pcre2_match_data_create_from_pattern(plain, NULL) : NULL;
	if (data && limits) {
		pcre2_set_match_limit(limits, STEPS_MAX);
		int r = pcre2_match(plain, (PCRE2_SPTR)text.p, text.n, 0, 0, data, limits);
		result = r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : -1;
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	pcre2_code_free(plain);
	return result;
}

static void compare(struct matcher *m, struct strview pattern, struct strview text, enum regex_reach reach)
{
	const uint32_t whole = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY;
	const uint32_t options = PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
	CLEANUP(regex_free) struct regex *re = NULL;
	char message[128];
	size_t offset = 0;
	if (regex_new(pattern, reach, &re, message, sizeof(message), &offset))
		return;
	int expected = plain_match(pattern, text, reach == REGEX_WHOLE ? options | whole : options);
	struct value v = { .class = CLASS_STR, .kind = KIND_STR, .s = text };
	struct operand operand = { .regex = re };
	if (expected >= 0 && op_regex(m, &v, &operand) != (expected == 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char empty[] = "";
	const uint8_t *end = n ? memchr(bytes, '\n', n) : NULL;
	if (!end)
		return 0;
	struct strview pattern = { (const char *)bytes, (size_t)(end - bytes) }, text = { (const char *)end + 1, n - (size_t)(end - bytes) - 1 };
	struct matcher *m = NULL;
	if (pattern.n > PATTERN_MAX || text.n > TEXT_MAX || matcher_new(&m))
		return 0;
	pattern.p = pattern.n ? pattern.p : empty;
	text.p = text.n ? text.p : empty;
	compare(m, pattern, text, REGEX_ANYWHERE);
	compare(m, pattern, text, REGEX_WHOLE);
	matcher_free(&m);
	return 0;
}
