/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/frequency.h"

#include "engine/index/terms.h"

enum role { ROLE_PROGRAM, ROLE_ARGUMENT, ROLE_PATH, ROLE_OTHER };

struct word {
	const char *text;
	unsigned share[3]; /* by role, of WORDS_OF */
};

#define WORDS_OF 100000.0
#define OPTION_SHARE 0.01 /* of a letter after a dash that words.def does not have */

static const struct word words[] = {
#define WORD(text, program, argument, path) { (text), { (program), (argument), (path) } },
#include "engine/index/words.def"
};

unsigned frequency_byte_bits(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return strchr("etaoinsrl", c) ? 37 : strchr("qzxjkvw", c) ? 65 : 48;
	if (c >= '0' && c <= '9')
		return 50;
	if (c >= 'A' && c <= 'Z')
		return 65;
	switch (c) {
	case '/':
	case ' ':
		return 28;
	case '-':
	case '.':
		return 40;
	case '_':
	case '=':
	case ':':
		return 55;
	default:
		return 75;
	}
}

/* --- what is compared ------------------------------------------------------------------------------------------------- */

static bool holds(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static enum role role_of(const struct expr *x)
{
	while (x->type == EXPR_CALL && x->n_args)
		x = x->args[x->n_args - 1];
	if (x->type != EXPR_FIELD)
		return ROLE_OTHER;
	const char *name = x->field->name;
	if (holds(name, "command_line") || holds(name, "cmdline") || holds(name, "args") || holds(name, "exeline") || holds(name, "env"))
		return ROLE_ARGUMENT;
	bool is_process = strncmp(name, "proc", 4) == 0 || holds(name, "ancestors");
	if (is_process && (holds(name, "name") || holds(name, "exe")))
		return ROLE_PROGRAM;
	if (holds(name, "path") || holds(name, "directory") || strncmp(name, "file.", 5) == 0 || strncmp(name, "fd.", 3) == 0 ||
	    strncmp(name, "fs.", 3) == 0)
		return ROLE_PATH;
	return ROLE_OTHER;
}

/* --- texts ------------------------------------------------------------------------------------------------------------ */

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool equal_folded(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] | 0x20) != (b[i] | 0x20))
			return false;
	return true;
}

/* Share of texts that hold the token, by the model of bytes: positions times the odds of one. */
static double model(struct strview token, enum role role)
{
	double odds = role == ROLE_ARGUMENT ? 150 : 25;
	for (size_t i = 0; i < token.n && odds > 1e-7; i++) {
		unsigned bits = frequency_byte_bits((unsigned char)token.p[i]);
		for (; bits >= 10; bits -= 10)
			odds /= 2;
		odds /= 1 + bits / 10.0;
	}
	return odds < 1e-7 ? 1e-7 : odds > 0.9 ? 0.9 : odds;
}

/* A token is as common as the words that begin with it or are it; is_whole: only those that are it. */
static double token_share(struct strview token, enum role role, bool is_whole)
{
	double sum = 0;
	for (size_t i = 0; role != ROLE_OTHER && i < ARRAY_SIZE(words); i++) {
		if (token.n == 0 || ((words[i].text[0] ^ token.p[0]) & ~0x20))
			continue;
		struct strview word = sv_from(words[i].text);
		bool fits = word.n >= token.n && (!is_whole || word.n == token.n) && equal_folded(word.p, token.p, token.n);
		if (fits)
			sum += words[i].share[role] / WORDS_OF;
	}
	return sum;
}

/* A word of a few small letters is some word: those are not as rare as their letters. */
static double word_floor(struct strview token, enum role role)
{
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] < 'a' || token.p[i] > 'z')
			return 0;
	double floor = role == ROLE_ARGUMENT ? 0.004 : 0.001;
	return token.n <= 4 ? floor * 2 : token.n <= 7 ? floor : floor / 4;
}

/* The word from *at on, or a letter with a dash before it; n 0: none begins here. */
static struct strview next_token(struct strview text, size_t *at)
{
	size_t from = *at;
	if (text.p[from] == '-' && from + 1 < text.n && is_word_byte(text.p[from + 1]) && text.p[from + 1] != '-' &&
	    (from + 2 == text.n || !is_word_byte(text.p[from + 2]))) {
		*at += 2;
		return (struct strview){ text.p + from, 2 };
	}
	if (text.p[from] == '-' || text.p[from] == '.') { /* of a long option, an ending: the word behind is what tells */
		++*at;
		return (struct strview){ NULL, 0 };
	}
	while (*at < text.n && is_word_byte(text.p[*at]))
		++*at;
	size_t n = *at - from;
	*at += n == 0;
	return (struct strview){ text.p + from, n };
}

static double share_of_token(struct strview token, enum role role, bool is_whole)
{
	double known = token_share(token, role, is_whole);
	if (token.p[0] == '-' && token.n == 2)
		return MAX(known, OPTION_SHARE);
	return MAX(known, MAX(model(token, role), word_floor(token, role)));
}

/* All tokens must stand in the text: it is as rare as the rarest of them. */
static double text_share(struct strview text, enum role role, bool is_whole)
{
	double least = model(text, role), rarest = 1;
	size_t tokens = 0;
	for (size_t i = 0; i < text.n;) {
		struct strview token = next_token(text, &i);
		if (!token.n)
			continue;
		rarest = MIN(rarest, share_of_token(token, role, is_whole));
		tokens++;
	}
	if (tokens == 0)
		return least;
	for (; tokens > 1; tokens--) /* words of which one brings the other along, by and large */
		rarest /= 4;
	return MAX(rarest, least);
}

/* The last component: a whole path is about as common as its name. */
static struct strview last_component(struct strview text)
{
	const char *slash = text.n ? memrchr(text.p, '/', text.n) : NULL;
	struct strview name = slash ? sv_from_index(text, (size_t)(slash - text.p) + 1) : text;
	return name.n ? name : text;
}

static double whole_share(struct strview text, enum role role)
{
	if (role == ROLE_ARGUMENT || role == ROLE_OTHER)
		return 0.002;
	double known = token_share(last_component(text), role, true);
	return MAX(role == ROLE_PATH ? known / 4 : known, 1e-4);
}

/* A pattern is about as common as the text that it needs. */
static double pattern_share(const struct test *t, const struct operand *o, enum role role)
{
	struct term term;
	if (term_of(t, o, &term) != TERMS_ANY || term.text.n < 3)
		return 0.2;
	return text_share(term.text, role, false);
}

static double operand_share(const struct test *t, const struct operand *o, enum role role)
{
	struct strview text = o->text;
	if (text.n == 0)
		return 0.5;
	switch (t->op->id) {
	case OP_EQ:
	case OP_EQ2:
	case OP_IN:
	case OP_INTERSECTS:
	case OP_IEQUALS:
	case OP_IIN:
		return whole_share(text, role);
	case OP_ENDSWITH:
	case OP_IENDSWITH:
		return text.p[0] == '/' ? whole_share(text, role) : text_share(text, role, false);
	case OP_GLOB:
	case OP_IGLOB:
	case OP_REGEX:
	case OP_SEARCH:
		return pattern_share(t, o, role);
	default:
		return text_share(text, role, false);
	}
}

/* --- numbers and the rest --------------------------------------------------------------------------------------------- */

static double number_share(const struct test *t)
{
	double each = 0.05;
	if (t->left->class == CLASS_BOOL)
		each = 0.5;
	else if (t->left->class == CLASS_IP)
		each = 0.003;
	else if (t->left->class == CLASS_ENUM || t->left->class == CLASS_FLAGS)
		each = 0.25;
	else if (t->left->class == CLASS_UINT && t->n_operands && t->operands[0].u == 0)
		each = 0.6; /* root */
	double sum = 0;
	for (size_t i = 0; i < t->n_operands; i++)
		sum += t->left->class == CLASS_IP && t->operands[i].net.prefix < 120 ? 0.2 : each;
	return sum;
}

double frequency_of(const struct test *t)
{
	if (t->op->id == OP_EXISTS || t->op->id == OP_NE || t->right)
		return 0.8;
	if (t->op->id == OP_LT || t->op->id == OP_LE || t->op->id == OP_GT || t->op->id == OP_GE)
		return 0.5;
	double sum = 0;
	if (t->left->class != CLASS_STR && t->left->class != CLASS_LIST) {
		sum = number_share(t);
	} else {
		enum role role = role_of(t->left);
		for (size_t i = 0; i < t->n_operands && sum < 1; i++)
			sum += operand_share(t, &t->operands[i], role);
	}
	return sum > 0.95 ? 0.95 : sum;
}

double frequency_cost(const struct test *t)
{
	double value = t->left->type == EXPR_CALL ? 400 : 60, each = 15;
	if (t->op->form == OP_FORM_REGEX)
		each = 4000;
	else if (t->op->form == OP_FORM_GLOB || t->op->form == OP_FORM_PATH || t->op->id == OP_ICONTAINS)
		each = 200;
	else if (t->op->id == OP_CONTAINS || t->op->id == OP_BCONTAINS)
		each = role_of(t->left) == ROLE_ARGUMENT ? 300 : 80;
	if (t->left->class == CLASS_LIST)
		each *= 4;
	return value + each * (double)(t->n_operands ? t->n_operands : 1);
}
