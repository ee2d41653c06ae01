/* SPDX-License-Identifier: Apache-2.0 */
/* What sinks name beyond this program: addresses, and files. */
#pragma once

#include "engine/base/attr.h"
#include "engine/base/strview.h"

/* What is wrong with HOST[:PORT], as words behind its name; NULL: nothing. */
const char *sink_authority_fault(struct strview authority);
/* Does it lead to this host, without asking anybody? */
bool sink_is_loopback(struct strview authority);
/* Is a whole path the same file as another, or one that the other is rotated to (PATH.1 and so on)? By their spelling alone. */
bool sink_paths_meet(const char *path, const char *of);
