/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vedette's protection of itself, while it enforces: which files are its own, when the protection is off, and the watch over what cannot be
 * refused: programs that do not run, links that are gone, a move to another cgroup. What it finds becomes an event like any other.
 */
#pragma once

#include "engine/config/sinks.h"
#include "engine/daemon/pipeline.h"
#include "engine/daemon/reload.h"
#include "engine/probe/guard.h"

enum { PROTECT_OFF_MAX_S = 24 * 3600 };

enum { PROTECT_FILES = 7 };

/* Borrowed for as long as the protection is there, but for files, which are copied. */
struct protect_config {
	struct sensor *sensor;
	struct pipeline *pipeline;
	const char *files[PROTECT_FILES]; /* empty: none */
	const char *const *more_files; /* n_more of them: of the configuration; empty: none */
	size_t n_more;
	rule_paths_function *rules;    /* where the rules are now */
	void *rules_context;
	const struct sinks_config *sinks; /* their secrets, and the files that they write; NULL: none */
};

/* Who asked; pid 0: nobody, it was found. */
struct protect_asker {
	uint32_t pid, uid, login_uid; /* login_uid UINT32_MAX: not known */
};

struct protect;

/* 0 or -errno with the reason: then nothing is protected. What single files cannot be protected is a warning. */
int protect_new(const struct protect_config *config, struct protect **ret, struct diag *diag) MUST_CHECK;
void protect_free(struct protect **p);

/* Once a second. */
void protect_tick(struct protect *p, uint64_t boot_ns);
/* Rules or BPF objects were exchanged. */
void protect_refresh(struct protect *p);
/* Sinks have begun other files: these are marked, too. */
void protect_mark_logs(struct protect *p);

void protect_off(struct protect *p, const struct protect_asker *who, uint64_t until_boot_ns);
void protect_on(struct protect *p, const struct protect_asker *who);
/* A fault that others found and told. */
void protect_count_failure(struct protect *p);
/* An event about ourselves: enum tamper_act; object as in vedette.tamper.object. */
void protect_note(struct pipeline *pipeline, uint32_t act, uint64_t object, const struct protect_asker *who);

/* The administrator's way out before the start: vedette.protect=0 on the kernel's command line. */
bool protect_is_off_by_boot(struct strview command_line) PURE;

struct protect_state {
	const char *state;      /* on, off (for a time, on request), none */
	uint64_t refused, canaries, failures;
	size_t files, unproven;
	uint64_t off_until_ns;  /* time since boot */
};
/* p NULL: none. */
void protect_get_state(const struct protect *p, struct protect_state *ret);
