/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/say.h"
#include "engine/probe/left.h"

#define CHECK_NS 10000000000ull  /* between two looks at the links */
#define REPEAT_NS 60000000000ull /* a fault that lasts is told again */
enum { KEPT_MAX = 64 }; /* of one sink: there is room for some thousand marks */
#define FTRACE "/proc/sys/kernel/ftrace_enabled"

struct protect {
	struct protect_config config;
	char *files[PROTECT_FILES]; /* owned */
	struct guard *guard;        /* owned */
	uint64_t off_until_ns;  /* time since boot; 0: on */
	uint64_t next_check_ns;
	uint64_t canary_told_ns, detached_told_ns, ftrace_told_ns, home_told_ns; /* 0: all is well */
	uint64_t failures;
	unsigned next_cpu;
};

/* --- events about ourselves ------------------------------------------------------------------------------------------------ */

static void fill_asker(struct wire_common *c, const struct protect_asker *who)
{
	char path[64];
	CLEANUP(buf_done) struct buf name = { 0 };
	c->pid = c->tid = who->pid;
	c->uid = c->euid = who->uid;
	c->loginuid = who->login_uid;
	snprintf(path, sizeof(path), "/proc/%u/comm", who->pid);
	if (fd_read_file(path, 256, &name) == 0 && name.n > 1) /* it waits for our answer, so it is still there; else the name is missing */
		memcpy(c->comm.text, name.p, MIN(name.n - 1, sizeof(c->comm.text) - 1));
}

void protect_note(struct pipeline *pipeline, uint32_t act, uint64_t object, const struct protect_asker *who)
{
	struct wire_agent_tamper r = {
		.common = {
			.size = sizeof(r), .type = EVENT_AGENT_TAMPER, .boot_ns = clock_ns(CLOCK_BOOTTIME), .sensor = SENSOR_LSM, .source = SOURCE_SNAPSHOT,
			.stage = STAGE_COMPLETED, .loginuid = UINT32_MAX, .audit_session = UINT32_MAX, .syscall = UINT32_MAX,
		},
		.device = UINT32_MAX, .file_type = UINT32_MAX, .object = object, .act = act, .signal = UINT32_MAX,
	};
	const struct protect_asker ourselves = { .pid = (uint32_t)getpid(), .uid = geteuid(), .login_uid = UINT32_MAX };
	fill_asker(&r.common, who ? who : &ourselves);
	pipeline_note(pipeline, &r, sizeof(r));
}

/* Tells of a fault when it begins, and again while it lasts. */
static void note_fault(struct protect *p, uint32_t act, uint64_t object, uint64_t boot_ns, uint64_t *told_ns)
{
	if (*told_ns && boot_ns - *told_ns < REPEAT_NS)
		return;
	p->failures += *told_ns == 0;
	*told_ns = boot_ns;
	protect_note(p->config.pipeline, act, object, NULL);
}

/* --- files ------------------------------------------------------------------------------------------------------------------- */

/* The file that a sink writes, and those that it keeps behind it: these have their marks from when they were written, but for the ones before our time. */
static void add_logs(struct protect *p, const struct sink_options *s, struct diag *diag)
{
	guard_add(p->guard, s->path, diag);
	for (unsigned i = 1; i <= MIN(s->keep, (unsigned)KEPT_MAX); i++) {
		CLEANUP(buf_done) struct buf kept = { 0 };
		buf_add_format(&kept, "%s.%u", s->path, i);
		if (buf_error(&kept) || access(buf_cstr(&kept), F_OK))
			return;
		guard_add(p->guard, buf_cstr(&kept), diag);
	}
}

static void add_sinks(struct protect *p, struct diag *diag)
{
	const struct sinks_config *sinks = p->config.sinks;
	for (size_t i = 0; sinks && i < sinks->n; i++) {
		const char *secrets[SINK_SECRETS];
		size_t n = sink_secret_files(&sinks->sinks[i], secrets);
		for (size_t k = 0; k < n; k++)
			guard_add(p->guard, secrets[k], diag);
		if (sinks->sinks[i].kind == SINK_FILE)
			add_logs(p, &sinks->sinks[i], diag);
	}
}

static void add_files(struct protect *p, struct diag *diag)
{
	struct rule_paths paths = { 0 };
	const struct protect_config *c = &p->config;
	guard_add(p->guard, "/proc/self/exe", diag);
	if (access(PINS_FOLDER, F_OK) == 0)
		guard_add_folder(p->guard, PINS_FOLDER, diag);
	for (size_t i = 0; i < PROTECT_FILES; i++)
		if (p->files[i][0])
			guard_add(p->guard, p->files[i], diag);
	for (size_t i = 0; i < c->n_more; i++)
		guard_add(p->guard, c->more_files[i], diag);
	add_sinks(p, diag);
	if (c->rules(c->rules_context, &paths, diag) == 0)
		for (size_t i = 0; i < paths.n; i++)
			guard_add(p->guard, paths.items[i], diag);
	rule_paths_done(&paths);
}

void protect_refresh(struct protect *p)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	guard_refresh(p->guard);
	add_files(p, &diag);
	say_diag(&diag);
}

void protect_mark_logs(struct protect *p)
{
	const struct sinks_config *sinks = p->config.sinks;
	CLEANUP(diag_done) struct diag diag = { 0 };
	for (size_t i = 0; sinks && i < sinks->n; i++)
		if (sinks->sinks[i].kind == SINK_FILE)
			guard_add(p->guard, sinks->sinks[i].path, &diag);
	say_diag(&diag);
}

/* --- switching ------------------------------------------------------------------------------------------------------------- */

void protect_off(struct protect *p, const struct protect_asker *who, uint64_t until_boot_ns)
{
	guard_switch(p->guard, false);
	p->off_until_ns = until_boot_ns;
	protect_note(p->config.pipeline, TAMPER_PROTECTION_OFF, 0, who);
}

void protect_on(struct protect *p, const struct protect_asker *who)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (guard_is_on(p->guard))
		return;
	guard_forget(p->guard); /* files were exchanged meanwhile: that is what it was off for */
	add_files(p, &diag);
	guard_switch(p->guard, true);
	p->off_until_ns = 0;
	protect_note(p->config.pipeline, TAMPER_PROTECTION_ON, 0, who);
	say_diag(&diag);
}

void protect_count_failure(struct protect *p)
{
	p->failures++;
}

/* --- the watch --------------------------------------------------------------------------------------------------------------- */

/* 0 in this file silences every LSM program. What cannot be refused (a descriptor from before) is undone. */
static void check_ftrace(struct protect *p, uint64_t boot_ns)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (fd_read_file(FTRACE, 16, &text) || text.n == 0 || text.p[0] != '0') {
		p->ftrace_told_ns = 0;
		return;
	}
	note_fault(p, TAMPER_FTRACE, 0, boot_ns, &p->ftrace_told_ns);
	CLEANUP(fd_close) int fd = open(FTRACE, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		IGNORE(fd_write_all(fd, "1\n", 2)); /* the next second shows it */
}

/* One processor each second: all of them in turn. */
static void check_canary(struct protect *p, uint64_t boot_ns)
{
	unsigned cpu = p->next_cpu;
	p->next_cpu = (cpu + 1) % (unsigned)sensor_cpus(p->config.sensor);
	int err = guard_canary(p->guard, cpu);
	if (err == -EPROTO)
		note_fault(p, TAMPER_CANARY, cpu, boot_ns, &p->canary_told_ns);
	else if (err == 0)
		p->canary_told_ns = 0;
}

static void check_links(struct protect *p, uint64_t boot_ns)
{
	const char *name = guard_detached(p->guard);
	if (!name) {
		p->detached_told_ns = 0;
		return;
	}
	if (!p->detached_told_ns)
		fprintf(stderr, "vedette: kernel program %s is not attached any more\n", name);
	note_fault(p, TAMPER_DETACHED, 0, boot_ns, &p->detached_told_ns);
}

void protect_tick(struct protect *p, uint64_t boot_ns)
{
	check_ftrace(p, boot_ns); /* first: it explains what the canary finds */
	check_canary(p, boot_ns);
	if (boot_ns >= p->next_check_ns) {
		p->next_check_ns = boot_ns + CHECK_NS;
		check_links(p, boot_ns);
	}
	if (guard_go_home(p->guard) < 0) /* the move itself was told by the kernel's side */
		note_fault(p, TAMPER_CGROUP_MOVE, 0, boot_ns, &p->home_told_ns);
	else
		p->home_told_ns = 0;
	if (p->off_until_ns && boot_ns >= p->off_until_ns)
		protect_on(p, NULL);
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

/* When memory is short somebody else is to go. */
static void ask_not_to_be_killed(struct diag *diag)
{
	CLEANUP(fd_close) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, "-1000\n", 6))
		diag_warn(diag, (struct place){ 0 }, "the kernel may choose Vedette when memory is short: oom_score_adj cannot be lowered");
}

int protect_new(const struct protect_config *config, struct protect **ret, struct diag *diag)
{
	CLEANUP(protect_free) struct protect *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->config = *config;
	for (size_t i = 0; i < PROTECT_FILES; i++) {
		p->files[i] = strdup(config->files[i] ? config->files[i] : "");
		if (!p->files[i])
			return -ENOMEM;
	}
	int err = guard_new(config->sensor, &p->guard, diag);
	if (err)
		return err;
	ask_not_to_be_killed(diag);
	add_files(p, diag);
	guard_switch(p->guard, true);
	*ret = TAKE(p);
	return 0;
}

void protect_free(struct protect **p)
{
	if (!*p)
		return;
	guard_free(&(*p)->guard);
	for (size_t i = 0; i < PROTECT_FILES; i++)
		free((*p)->files[i]);
	free(*p);
	*p = NULL;
}

bool protect_is_off_by_boot(struct strview command_line)
{
	static const char word[] = "vedette.protect=0";
	size_t n = sizeof(word) - 1;
	for (size_t i = 0; i + n <= command_line.n; i++) {
		bool begins = i == 0 || command_line.p[i - 1] == ' ', ends = i + n == command_line.n || strchr(" \n", command_line.p[i + n]);
		if (begins && ends && memcmp(command_line.p + i, word, n) == 0)
			return true;
	}
	return false;
}

void protect_get_state(const struct protect *p, struct protect_state *ret)
{
	struct guard_stats s = { 0 };
	if (p)
		guard_get_stats(p->guard, &s);
	*ret = (struct protect_state){
		.state = !p ? "none" : guard_is_on(p->guard) ? "on" : "off",
		.refused = s.refused, .canaries = s.canaries, .failures = p ? p->failures : 0, .files = s.files, .unproven = s.unproven,
		.off_until_ns = p ? p->off_until_ns : 0,
	};
}
