/* SPDX-License-Identifier: Apache-2.0 */
/* Container ids, read off the path of a cgroup. */
#pragma once

#include "engine/base/attr.h"
#include "engine/base/strview.h"

/*
 * Id of the container a cgroup belongs to, a view into path; n is 0 on the host. The deepest component that a container
 * runtime makes wins, so that a cgroup made inside a container still counts as that container, and a nested container
 * as itself.
 */
struct strview container_id(struct strview path) PURE;
