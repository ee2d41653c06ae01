/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a status file is. Two daemons that write the same one hide each other. */
#pragma once

#include "engine/base/diag.h"

enum { STATUS_STALE_SECONDS = 10 }; /* one that is older has no daemon behind it, or one that hangs */

/* Is it written by another daemon that is alive? -EBUSY with the reason; 0: no, or there is none. */
int status_owner_check(const char *file, struct diag *diag) MUST_CHECK;
