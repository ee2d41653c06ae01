/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/event/mask.h"

#include <string.h>

enum { STARS = 3 };

/* user:password at the begin of text, before the last @ of the same part. False: there is none. */
static bool find_password(struct strview text, size_t *ret_from, size_t *ret_end)
{
	size_t colon = SIZE_MAX, at = SIZE_MAX;
	for (size_t i = 0; i < text.n && !strchr("/ \t\n?#", text.p[i]); i++) { /* '\0' as well, but there is none */
		if (text.p[i] == ':' && colon == SIZE_MAX)
			colon = i;
		else if (text.p[i] == '@')
			at = i;
	}
	if (colon == SIZE_MAX || at == SIZE_MAX || at <= colon + 1)
		return false;
	*ret_from = colon + 1;
	*ret_end = at;
	return true;
}

/* Copies one variable to `to`, at or before it, without its passwords; returns its new length. */
static size_t mask_one(char *to, struct strview from)
{
	const char *equals = memchr(from.p, '=', from.n);
	size_t n = 0, next = equals ? (size_t)(equals - from.p) + 1 : from.n; /* next: where a user may begin */
	for (size_t i = 0; i < from.n;) {
		size_t begin, end;
		if (i == next && find_password(sv_from_index(from, i), &begin, &end)) {
			size_t stars = MIN(end - begin, (size_t)STARS);
			memmove(to + n, from.p + i, begin);
			memset(to + n + begin, '*', stars);
			n += begin + stars;
			i += end;
			continue;
		}
		/* looked up where it was copied to: what is behind may be overwritten already */
		if (from.p[i] == '/' && n > 1 && to[n - 1] == '/' && to[n - 2] == ':')
			next = i + 1;
		to[n++] = from.p[i++];
	}
	return n;
}

size_t mask_variables(char *text, size_t n)
{
	size_t made = 0;
	for (size_t at = 0; at < n;) {
		size_t length = strnlen(text + at, n - at);
		bool is_ended = at + length < n;
		made += mask_one(text + made, (struct strview){ text + at, length });
		at += length + is_ended;
		if (is_ended)
			text[made++] = '\0';
	}
	memset(text + made, 0, n - made);
	return made;
}

bool mask_is_due(const struct event *ev)
{
	if (ev->type->number != EVENT_PROC_EXEC)
		return false;
	struct strview env = event_str(ev, EVENT_AS(ev, proc_exec)->env);
	return env.n && memchr(env.p, '@', env.n) != NULL;
}

void mask_record(void *bytes)
{
	struct wire_proc_exec *exec = bytes;
	exec->env.length = (__u32)mask_variables((char *)bytes + exec->env.offset, exec->env.length);
}
