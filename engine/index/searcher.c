/* SPDX-License-Identifier: Apache-2.0 */
/* The automaton and nothing else. */
#include "engine/index/searcher.h"

#include <errno.h>
#include <stdlib.h>

struct searcher {
	struct automaton *automaton; /* owned */
};

int searcher_new(const struct literal *literals, size_t n, struct searcher **ret)
{
	CLEANUP(searcher_free) struct searcher *s = calloc(1, sizeof(*s));
	if (!s || automaton_new(literals, n, &s->automaton))
		return -ENOMEM;
	*ret = TAKE(s);
	return 0;
}

void searcher_free(struct searcher **s)
{
	if (!*s)
		return;
	automaton_free(&(*s)->automaton);
	free(*s);
	*s = NULL;
}

void searcher_scan(const struct searcher *s, struct strview text, literal_found *found, void *context)
{
	automaton_scan(s->automaton, text, found, context);
}

size_t searcher_bytes(const struct searcher *s)
{
	return sizeof(*s) + automaton_bytes(s->automaton);
}
