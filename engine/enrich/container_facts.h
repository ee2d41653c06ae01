/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one container, and the reading of it from the documents that runtimes leave on disk. All of it is text from outside:
 * bounded, kept whole or not at all, and never trusted to be well made.
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

enum {
	CONTAINER_BUNDLE_MAX = 4096,
	CONTAINER_DOCUMENT_MAX = 4 << 20, /* bytes of a file: a container's is some ten KiB, one whose image exposes every port has 3 MiB */
	CONTAINER_USER_DOCUMENT_MAX = 1 << 20, /* of a user's own */
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
struct strview container_text(const struct container_facts *facts, enum container_text which); /* n 0: not known */

/* Part of an image's reference: registry/name:tag@algorithm:digest. n 0: it has none. */
struct strview image_tag(struct strview image) PURE;

enum container_form {
	CONTAINER_OCI,         /* config.json of a bundle, with the annotations of CRI, CRI-O, Podman and nerdctl */
	CONTAINER_OCI_SANDBOX, /* the same of a pod's sandbox: for the pod's labels */
	CONTAINER_DOCKER,      /* config.v2.json */
	CONTAINER_DOCKER_HOST, /* hostconfig.json */
	CONTAINER_STORAGE,     /* containers.json of containers/storage: all containers in one list */
	CONTAINER_RUNC,        /* state.json: says where the bundle is */
	CONTAINER_CRUN,        /* status: the same; written a moment after the container started */
	CONTAINER_CRUN_CONFIG, /* config.json beside it, which is there before: only for its cgroup */
};

/* What a document is asked about. */
struct container_question {
	struct strview id;
	struct strview cgroup; /* CONTAINER_RUNC and following: is it the cgroup of this container? */
	struct strview hierarchy; /* where cgroup2 is mounted: runc writes it before the cgroup */
};

struct container_parser;
int container_parser_new(struct container_parser **ret) MUST_CHECK; /* 0 or -ENOMEM */
void container_parser_free(struct container_parser **parser);

/*
 * Adds what the document says to facts. 0; -EBADMSG (no such document) or -ENOENT (a list without the id): then facts are as they were, but for
 * `cut`. Keys are neither compared nor counted, so that the time is that of the document's bytes. Allocates nothing. facts may be NULL for the
 * forms from CONTAINER_RUNC on, which tell nothing but the bundle and the cgroup.
 */
int container_parse(struct container_parser *parser, enum container_form form, struct strview document, const struct container_question *question,
		    struct container_facts *facts) MUST_CHECK;

/* Of the CONTAINER_RUNC or CONTAINER_CRUN read last: where its bundle is (n 0: it does not say), and whether the cgroup is its own. */
struct strview container_bundle(const struct container_parser *parser);
bool container_owns_cgroup(const struct container_parser *parser);
