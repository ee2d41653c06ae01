/* SPDX-License-Identifier: Apache-2.0 */
/* Where the public rules and vectors lie that no one here wrote: VEDETTE_CORPORA, else ../shared/corpora. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The path of a file or folder there; false, with the reason printed, when it is absent. */
bool corpora_path(const char *name, char *ret, size_t size);
