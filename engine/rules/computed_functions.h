/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that computed.def names, declared for the files that define them. */
#pragma once

#include "engine/rules/computed.h"

#define COMPUTED(name, kind, argument, function, of, events, flags, may_be, doc) field_function function;
#include "engine/rules/computed.def"

field_may_be event_call_may_be, event_open_may_be, fd_type_may_be, fd_typechar_may_be;

/* What a field with an argument needs to know of it beforehand. COMPUTED_FOUND, or what is wrong with the argument. */
enum computed_fault computed_prepare(struct compiler *c, const struct computed *row, struct field_ref *ref);
