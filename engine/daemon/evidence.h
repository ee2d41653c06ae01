/* SPDX-License-Identifier: Apache-2.0 */
/* What a watch leaves behind, opened in the order that each needs: the agent with its key, the write-ahead log, the signed stream, the sinks. */
#pragma once

#include "engine/base/attr.h"
#include "engine/base/diag.h"

struct watch;
struct watch_options;

/*
 * Opens them into the watch; folders that are missing are made. Nothing without an output. 0, or -errno with what cannot be had and what to do;
 * what was opened belongs to the watch all the same.
 */
int evidence_open(struct watch *w, struct diag *diag) MUST_CHECK;
/* What evidence_open would refuse about the folders and the output, as far as looking tells; changes nothing. 0, or -errno with diag. */
int evidence_check(const struct watch_options *options, struct diag *diag) MUST_CHECK;
/* Warns of what is switched off. */
void evidence_warn(const struct watch *w, struct diag *diag);
