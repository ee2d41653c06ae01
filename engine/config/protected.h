/* SPDX-License-Identifier: Apache-2.0 */
/* `protect_paths`: what is refused to everybody must not be what a host cannot do without. */
#pragma once

#include "engine/config/config.h"

/* By their names alone: whole paths, none that others have to write to. 0, or -EINVAL with all faults in diag. file: of the configuration. */
int protected_check(const char *file, const struct config *c, struct diag *diag) MUST_CHECK;
/* As they lie on this host: they are there, and no link leads to what others have to write to. The same. */
int protected_check_host(const char *file, const struct config *c, struct diag *diag) MUST_CHECK;
