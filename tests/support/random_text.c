/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/random_text.h"

static const char *const pieces[] = {
	"/usr/bin/", "/usr", "/etc/", "/tmp/", "/", "/home/user", "bash", "sh", "cat", "curl", "passwd", "shadow", ".so", ".conf", "-c", "--output", " ",
	"a", "aa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b", "BASH", "Cat", "1", "42", "YmFzaA==", "=", "*", "?", "[a]", "\\", "\"", "'", "\n", "\t",
	"\x7f", "\x80", "\xff", "\xc3\xa9", "..", ".", ":",
};

const char *random_of(struct random *r, const char *const *texts, size_t n)
{
	return texts[random_below(r, n)];
}

void random_text(struct random *r, size_t most, struct buf *out)
{
	size_t n = random_below(r, most + 1);
	for (size_t i = 0; i < n; i++)
		buf_add_z(out, random_of(r, pieces, random_chance(r, 9, 10) ? ARRAY_SIZE(pieces) / 2 : ARRAY_SIZE(pieces)));
	if (most > 2 && random_chance(r, 1, 200))
		for (size_t i = random_below(r, random_chance(r, 1, 20) ? 9000 : 1500); i > 0; i--)
			buf_add_z(out, pieces[i % 12]);
}

static char other_case(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 32);
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

void random_text_like(struct random *r, struct strview like, struct buf *out)
{
	size_t how = random_below(r, 10);
	if (how < 2)
		random_text(r, 2, out);
	if (how == 9)
		like.n = random_below(r, like.n + 1);
	for (size_t i = 0; i < like.n; i++)
		buf_add_char(out, how == 8 ? other_case(like.p[i]) : like.p[i]);
	if (how > 0 && how < 4)
		random_text(r, 2, out);
}
