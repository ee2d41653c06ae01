/* SPDX-License-Identifier: Apache-2.0 */
/* Container ids and their runtimes, read off the path of a cgroup. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum runtime {
	RUNTIME_NONE, /* not told by the path */
	RUNTIME_DOCKER, RUNTIME_CONTAINERD, RUNTIME_CRIO, RUNTIME_PODMAN, RUNTIME_RUNC, RUNTIME_CRUN,
	RUNTIME_GARDEN, RUNTIME_BUILDKIT, RUNTIME_LXC, RUNTIME_NSPAWN,
	RUNTIME_COUNT,
};

const char *runtime_name(enum runtime runtime); /* "" for RUNTIME_NONE */

struct container_place {
	struct strview id;    /* a view into the path; n 0: on the host */
	enum runtime runtime;
	uint32_t owner;       /* the user who may make cgroups there as they like; 0: root alone */
	size_t n_path;        /* bytes of the path up to the component that has the id, that one included */
};

/*
 * The container a cgroup belongs to. The deepest component that a container runtime makes wins, so that a cgroup made inside a
 * container still counts as that container, and a nested container as itself.
 */
struct container_place container_place(struct strview path) PURE;
struct strview container_id(struct strview path) PURE; /* its id alone */
