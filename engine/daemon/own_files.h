/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a watch itself, for the question whether a rule would keep it from them. */
#pragma once

#include "engine/config/sinks.h"
#include "engine/enforce/essentials.h"

struct watch_options;

struct own_files {
	struct essentials_host host; /* its lists are the ones below */
	char *self;                  /* owned, as all the paths */
	char *config[2 + SINKS_MAX * SINK_SECRETS], *rules[68], *log[7 + SINKS_MAX], *control[2];
};

/* 0 or -ENOMEM. */
int own_files_fill(struct own_files *f, const struct watch_options *options) MUST_CHECK;
void own_files_done(struct own_files *f);
