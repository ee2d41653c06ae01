/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the enrichment share: a host of their own, and the records of a login. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/enrich/enrich.h"
#include "tests/support/record.h"
#include "tests/support/tree.h"

#define SECOND 1000000000ull
#define BASH 0x10000ull
#define SUBSHELL 0x20000ull
#define CURL 0x30000ull
#define SSHD 0x8000ull

/* An enrichment over an empty host of its own. */
struct world {
	struct tree tree;
	struct enrich *e;
	struct record *rec;
	struct derived d;
};

/* An enrichment over that host with these limits; the caller's. Faults end the test program. */
struct enrich *world_enrich(const struct tree *tree, size_t max_processes, size_t max_text);
void world_start(struct world *w);
void world_end(struct world *w);
/* Applies and derives the record in hand. */
void world_feed(struct world *w);
struct enrich_stats world_stats(const struct world *w);

/* Records, made and fed. */
void record_set_exec(struct record *rec, const struct actor *who, uint64_t previous_id, const char *path, struct strview args);
void world_exec(struct world *w, const struct actor *who, uint64_t previous_id, const char *path, struct strview args);
void world_fork(struct world *w, const struct actor *who, uint64_t child_id, uint32_t child_pid);
void world_open(struct world *w, const struct actor *who, const char *path);

extern const struct actor sshd, bash, curl;
/* sshd -> bash -> (fork) -> curl */
void world_login(struct world *w);

static inline void assert_text(struct strview got, const char *expected)
{
	if (!sv_is(got, expected))
		fail_msg("got '" SV_FMT "' instead of '%s'", SV_ARG(got), expected);
}

/* Lists with their items' ends shown as '|'. */
static inline void assert_list(struct strview got, const char *expected)
{
	char shown[8192];
	assert_true(got.n < sizeof(shown));
	for (size_t i = 0; i < got.n; i++)
		shown[i] = got.p[i] ? got.p[i] : '|';
	assert_text((struct strview){ shown, got.n }, expected);
}
