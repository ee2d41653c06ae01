/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one container. All of it is text from outside: bounded, and kept whole or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"
#include "engine/enrich/container.h"

/* X(name, most bytes). Lists: items each ended by NUL. */
#define CONTAINER_TEXTS(X)                                                                  \
	X(NAME, 256) X(IMAGE, 512) X(NAMESPACE, 256) X(POD, 256) X(POD_UID, 64) X(SANDBOX, 72) \
	X(LABELS, 4096) X(POD_LABELS, 4096) X(MOUNTS, 8192)

enum container_text {
#define X(name, max) CONTAINER_##name,
	CONTAINER_TEXTS(X)
#undef X
	CONTAINER_TEXT_COUNT,
};

struct container_texts {
#define X(name, max) char name[max];
	CONTAINER_TEXTS(X)
#undef X
};

struct container_facts {
	enum runtime runtime;
	bool is_privileged_known, is_privileged;
	uint32_t cut; /* texts and items that found no room */
	uint16_t n[CONTAINER_TEXT_COUNT];
	struct container_texts texts;
};

void container_facts_reset(struct container_facts *facts, enum runtime runtime); /* nothing known but the runtime */
/* Gives a text that nothing told yet a value. */
void container_facts_default(struct container_facts *facts, enum container_text which, struct strview text);
void container_facts_add(struct container_facts *facts, enum container_text list, struct strview item);
struct strview container_text(const struct container_facts *facts, enum container_text which); /* n 0: not known */

/* Texts and lists only grow, so that their lengths are all there is to take back of a document that turns out damaged. `cut` stays. */
struct container_mark {
	bool is_privileged_known, is_privileged;
	uint16_t n[CONTAINER_TEXT_COUNT];
};
struct container_mark container_facts_mark(const struct container_facts *facts); /* facts may be NULL here and below */
void container_facts_take_back(struct container_facts *facts, const struct container_mark *mark);

/* Part of an image's reference: registry/name:tag@algorithm:digest. n 0: it has none. */
struct strview image_tag(struct strview image) PURE;
