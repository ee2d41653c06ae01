/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what is known of a container from the documents that runtimes leave on disk, none of which is trusted to be well made. */
#pragma once

#include "engine/enrich/container_facts.h"

enum {
	CONTAINER_BUNDLE_MAX = 4096,
	CONTAINER_DOCUMENT_MAX = 4 << 20, /* bytes of a file: a container's is some ten KiB, one whose image exposes every port has 3 MiB */
	CONTAINER_USER_DOCUMENT_MAX = 1 << 20, /* of a user's own */
};

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
