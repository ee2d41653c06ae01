/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and lists, each with a fixed room. Owns nothing. */
#include "engine/enrich/container_facts.h"

static const struct {
	uint16_t at, max;
} places[CONTAINER_TEXT_COUNT] = {
#define X(name, max) { offsetof(struct container_texts, name), (max) },
	CONTAINER_TEXTS(X)
#undef X
};

void container_facts_reset(struct container_facts *facts, enum runtime runtime)
{
	facts->runtime = runtime;
	facts->is_privileged_known = facts->is_privileged = false;
	facts->cut = 0;
	memset(facts->n, 0, sizeof(facts->n)); /* the texts end with their lengths */
}

struct strview container_text(const struct container_facts *facts, enum container_text which)
{
	return (struct strview){ (const char *)&facts->texts + places[which].at, facts->n[which] };
}

/* The first one to tell it is believed; NUL would end it early for some readers, so that such a text is none. */
void container_facts_default(struct container_facts *facts, enum container_text which, struct strview text)
{
	if (facts->n[which] || !text.n || memchr(text.p, '\0', text.n))
		return;
	if (text.n > places[which].max) {
		facts->cut++;
		return;
	}
	memcpy((char *)&facts->texts + places[which].at, text.p, text.n);
	facts->n[which] = (uint16_t)text.n;
}

void container_facts_add(struct container_facts *f, enum container_text which, struct strview item)
{
	if (memchr(item.p, '\0', item.n) || item.n + 1 > (size_t)(places[which].max - f->n[which])) {
		f->cut++;
		return;
	}
	char *to = (char *)&f->texts + places[which].at + f->n[which];
	memcpy(to, item.p, item.n);
	to[item.n] = '\0';
	f->n[which] = (uint16_t)(f->n[which] + item.n + 1);
}

struct strview image_tag(struct strview image)
{
	const char *at = image.n ? memchr(image.p, '@', image.n) : NULL;
	struct strview name = { image.p, at ? (size_t)(at - image.p) : image.n };
	const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;
	struct strview last = slash ? sv_from_index(name, (size_t)(slash - name.p) + 1) : name;
	const char *colon = last.n ? memchr(last.p, ':', last.n) : NULL;
	if (!colon || sv_starts(last, SV("sha256:")))
		return (struct strview){ NULL, 0 };
	return sv_from_index(last, (size_t)(colon - last.p) + 1);
}

struct container_mark container_facts_mark(const struct container_facts *facts)
{
	struct container_mark mark = { .is_privileged_known = false };
	if (!facts)
		return mark;
	mark.is_privileged_known = facts->is_privileged_known;
	mark.is_privileged = facts->is_privileged;
	memcpy(mark.n, facts->n, sizeof(mark.n));
	return mark;
}

void container_facts_take_back(struct container_facts *facts, const struct container_mark *mark)
{
	if (!facts)
		return;
	facts->is_privileged_known = mark->is_privileged_known;
	facts->is_privileged = mark->is_privileged;
	memcpy(facts->n, mark->n, sizeof(facts->n));
}
