/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs of the object are loaded and attached. */
#include "engine/probe/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/probe/caps.h"

enum { LOG_BYTES = 16384 };

static const struct {
	const char *program;
	uint64_t events;
	bool is_deciding; /* and does nothing else */
} hook_events[] = {
#define EVENT_BIT(id) (1ull << EVENT_##id)
#define HOOK(program, events) { #program, events, false },
#define DECIDER(program, events) { #program, events, true },
#include "engine/probe/hooks.def"
	{ "", 0, false },
};

/* --- which programs ------------------------------------------------------------------------------------------------------ */

static bool serves_wanted(const char *program, const struct programs_wanted *wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_events); i++)
		if (strcmp(hook_events[i].program, program) == 0)
			return (hook_events[i].events & (wanted->decided_events | (hook_events[i].is_deciding ? 0 : wanted->events))) != 0;
	return true;
}

/* Of a program of the right mode. */
static bool is_needed(const char *program, const struct programs_wanted *wanted)
{
	if (strcmp(program, "outcome_exit") == 0)
		return wanted->outcome_events != 0;
	return serves_wanted(program, wanted);
}

static bool is_replaced(const char *program)
{
	static const char *const replaced[] = {
#define REPLACED(program) #program,
#include "engine/probe/hooks.def"
	};
	for (size_t i = 0; i < ARRAY_SIZE(replaced); i++)
		if (strcmp(replaced[i], program) == 0)
			return true;
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	return sv_ends(sv_from(text), sv_from(end));
}

/* On some kernels not loaded, because another program sees the same there. */
static bool has_twin(const char *program)
{
	return is_replaced(program) || ends_with(program, "idmap");
}

/* Programs that have nothing to do but for verdicts. */
static bool is_for_verdicts(const char *program)
{
	if (strcmp(program, "exec_label") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(hook_events); i++)
		if (hook_events[i].is_deciding && strcmp(hook_events[i].program, program) == 0)
			return true;
	return false;
}

/* NULL: load it. Else why not; "" when it is simply not needed. */
static const char *why_not_load(const struct programs_source *s, const struct bpf_program *p)
{
	const struct sensor_options *o = s->options;
	const char *name = bpf_program__name(p), *where = bpf_program__section_name(p);
	bool is_lsm = strncmp(where, "lsm", 3) == 0 || strncmp(where, "fexit/", 6) == 0 || strncmp(where, "fentry/", 7) == 0;
	bool has_idmap = s->kernel && btf__find_by_name_kind(s->kernel, "mnt_idmap", BTF_KIND_STRUCT) > 0;
	if (strcmp(name, "sys_exit_sensor") == 0)
		return s->mode == SENSOR_TRACEPOINT ? NULL : "";
	if (strcmp(name, "outcome_exit") == 0)
		return s->mode == SENSOR_LSM && (o->outcome_events || o->reloadable) ? NULL : "";
	if (is_lsm && s->mode != SENSOR_LSM)
		return "";
	if (ends_with(name, "__no_idmap") ? has_idmap : ends_with(name, "__idmap") && !has_idmap)
		return "";
	if (strncmp(name, "guard_", 6) == 0 && (!o->protect || s->mode != SENSOR_LSM))
		return "";
	struct programs_wanted wanted = { .events = o->events, .decided_events = o->decided_events };
	if (!o->reloadable && !serves_wanted(name, &wanted))
		return "";
	if (!o->enforce && is_for_verdicts(name))
		return "";
	if (strcmp(name, "exec_check") == 0)
		return NULL; /* the canary needs it too */
	if (is_lsm && !caps_has_hook(s->kernel, where))
		return is_replaced(name) ? "" : strncmp(where, "lsm", 3) ? "this kernel has no such function" : "this kernel has no such hook";
	return NULL;
}

static struct sensor_hook *hook_of(struct programs *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->hooks[i].name, name) == 0)
			return &s->hooks[i];
	return NULL;
}

static void hook_fail(struct programs *s, struct sensor_hook *h, const char *why)
{
	char *reason = s->reasons[h - s->hooks];
	snprintf(reason, sizeof(s->reasons[0]), "%s", why);
	s->refused[h - s->hooks] = reason;
}

/* What the kernel refused is missing only where somebody wants it. */
static void find_missing(struct programs *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->hooks[i].missing = is_needed(s->hooks[i].name, &s->wanted) ? s->refused[i] : NULL;
}

/* The last line of a verifier log that says something. */
static void last_words(const char *log, char *text, size_t size)
{
	const char *best = log, *line = log;
	while (*line) {
		size_t n = strcspn(line, "\n");
		if (n && strncmp(line, "processed ", 10) != 0 && strncmp(line, "verification time", 17) != 0)
			best = line;
		line += n + (line[n] == '\n');
	}
	snprintf(text, size, "%.*s", (int)strcspn(best, "\n"), best);
}

/* --- loading --------------------------------------------------------------------------------------------------------------- */

void programs_init(struct programs *s)
{
	for (size_t i = 0; i < SENSOR_MAX_HOOKS; i++)
		s->fds[i] = s->links[i] = -1;
}

void programs_detach(struct programs *s)
{
	for (size_t i = 0; i < SENSOR_MAX_HOOKS; i++)
		fd_close(&s->links[i]);
}

void programs_done(struct programs *s)
{
	programs_detach(s);
	for (size_t i = 0; i < SENSOR_MAX_HOOKS; i++)
		fd_close(&s->fds[i]);
	for (size_t i = 0; i < s->n; i++) {
		free((char *)s->hooks[i].name);
		free((char *)s->hooks[i].where);
		s->refused[i] = NULL;
	}
	s->n = 0;
}

void programs_load_failed(int err, struct diag *diag)
{
	diag_error(diag, (struct place){ 0 }, "the kernel programs cannot be loaded: %s%s", strerror(-err),
		   err == -EPERM ? " (root, or CAP_BPF with CAP_PERFMON and CAP_SYS_ADMIN, is needed)" : "");
}

/* The program whose load failed has words in its log buffer: libbpf asks for the log only then. */
static struct bpf_program *failed_program(const struct bpf_object *object)
{
	struct bpf_program *p;
	bpf_object__for_each_program(p, object)
	{
		size_t size;
		const char *log = bpf_program__log_buf(p, &size);
		if (bpf_program__autoload(p) && log && log[0])
			return p;
	}
	return NULL;
}

static void object_close(struct bpf_object **object)
{
	bpf_object__close(*object);
	*object = NULL;
}

/* Both come from the same bytes, so their maps have the same order. */
static int share_maps(struct bpf_object *object, struct bpf_object *with)
{
	struct bpf_map *m = bpf_object__next_map(object, NULL), *theirs = bpf_object__next_map(with, NULL);
	int err = 0;
	for (; !err && m && theirs; m = bpf_object__next_map(object, m), theirs = bpf_object__next_map(with, theirs))
		err = bpf_map__reuse_fd(m, bpf_map__fd(theirs));
	return err;
}

/* Says for each program whether it is wanted, and makes its hook the first time. */
static int choose(struct programs *s, const struct programs_source *source, struct bpf_object *object, char *logs)
{
	struct bpf_program *p;
	size_t i = 0;
	bpf_object__for_each_program(p, object)
	{
		struct sensor_hook *h = hook_of(s, bpf_program__name(p));
		if (!h && s->n < SENSOR_MAX_HOOKS) {
			h = &s->hooks[s->n++];
			*h = (struct sensor_hook){ .name = strdup(bpf_program__name(p)), .where = strdup(bpf_program__section_name(p)) };
		}
		if (!h || !h->name || !h->where)
			return -ENOMEM;
		const char *refused = s->refused[h - s->hooks], *why = refused ? refused : why_not_load(source, p);
		bpf_program__set_autoload(p, !why);
		if (why && why[0] && !refused)
			hook_fail(s, h, why);
		logs[i * LOG_BYTES] = '\0';
		bpf_program__set_log_buf(p, logs + i * LOG_BYTES, LOG_BYTES);
		i++;
	}
	return 0;
}

static int keep_programs(struct programs *s, const struct bpf_object *object)
{
	struct bpf_program *p;
	bpf_object__for_each_program(p, object)
	{
		struct sensor_hook *h = hook_of(s, bpf_program__name(p));
		if (!h || !bpf_program__autoload(p))
			continue;
		int fd = fcntl(bpf_program__fd(p), F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -errno;
		s->fds[h - s->hooks] = fd;
	}
	return 0;
}

/* -EAGAIN: the program is not essential, and left out from now on. */
static int note_failure(struct programs *s, const struct bpf_object *object, int err, struct diag *diag)
{
	struct bpf_program *p = failed_program(object);
	char words[160];
	size_t size;
	if (!p) {
		programs_load_failed(err, diag);
		return err;
	}
	last_words(bpf_program__log_buf(p, &size), words, sizeof(words));
	struct sensor_hook *h = hook_of(s, bpf_program__name(p));
	bool is_essential = strncmp(bpf_program__section_name(p), "tp_btf/", 7) == 0 && strncmp(bpf_program__name(p), "guard_", 6) != 0;
	if (h && !is_essential) {
		hook_fail(s, h, words);
		return -EAGAIN;
	}
	diag_error(diag, (struct place){ 0 }, "kernel program %s was refused: %s", bpf_program__name(p), words);
	return err;
}

/* One attempt. */
static int load_once(struct programs *s, const struct programs_source *source, char *logs, struct diag *diag)
{
	struct bpf_object_open_opts opts = { .sz = sizeof(opts), .object_name = "vedette_bpf" };
	CLEANUP(object_close) struct bpf_object *object = bpf_object__open_mem(source->elf, source->elf_bytes, &opts);
	if (!object) {
		diag_error(diag, (struct place){ 0 }, "the kernel programs cannot be opened: %s", strerror(errno));
		return -errno;
	}
	int err = choose(s, source, object, logs);
	if (!err)
		err = share_maps(object, source->maps);
	if (err) {
		programs_load_failed(err, diag);
		return err;
	}
	err = bpf_object__load(object);
	return err ? note_failure(s, object, err, diag) : keep_programs(s, object);
}

int programs_load(struct programs *s, const struct programs_source *source, struct diag *diag)
{
	char *logs = malloc((size_t)SENSOR_MAX_HOOKS * LOG_BYTES);
	if (!logs)
		return -ENOMEM;
	int err = -EAGAIN;
	for (int tries = 0; err == -EAGAIN && tries < SENSOR_MAX_HOOKS; tries++)
		err = load_once(s, source, logs, diag);
	free(logs);
	return err;
}

const char *programs_undecidable(const struct programs *s, const struct programs_change *coming, uint64_t events, const char **ret_why)
{
	struct programs_wanted wanted = { .decided_events = events };
	for (size_t i = 0; i < s->n; i++) {
		const struct sensor_hook *h = &s->hooks[i];
		bool is_verdict = strncmp(h->where, "lsm/", 4) == 0 && strcmp(h->name, "sock_graft") != 0;
		bool is_coming = coming && coming->links[i] >= 0;
		if (!is_verdict || h->is_attached || is_coming || !is_needed(h->name, &wanted))
			continue;
		if (s->fds[i] < 0 && !s->refused[i] && has_twin(h->name))
			continue;
		*ret_why = s->refused[i] ? s->refused[i] : "it is not attached";
		return h->name;
	}
	return NULL;
}

/* --- attaching ------------------------------------------------------------------------------------------------------------- */

/* Where, the program knows itself. A descriptor that holds it attached, or -errno. */
static int attach_one(int program_fd)
{
	int fd = bpf_raw_tracepoint_open(NULL, program_fd);
	return fd < 0 ? -errno : fd;
}

size_t programs_attach(struct programs *s, const struct programs_wanted *wanted)
{
	size_t lsm = 0;
	s->wanted = *wanted;
	for (size_t i = 0; i < s->n; i++) {
		if (s->fds[i] < 0 || !is_needed(s->hooks[i].name, wanted))
			continue;
		int link = attach_one(s->fds[i]);
		if (link < 0) {
			hook_fail(s, &s->hooks[i], strerror(-link));
			continue;
		}
		s->links[i] = link;
		s->hooks[i].is_attached = true;
		lsm += strncmp(s->hooks[i].where, "lsm", 3) == 0;
	}
	find_missing(s);
	return lsm;
}

void programs_change_prepare(const struct programs *s, const struct programs_wanted *wanted, struct programs_change *ret)
{
	for (size_t i = 0; i < SENSOR_MAX_HOOKS; i++) {
		ret->links[i] = -1;
		ret->errors[i] = 0;
		if (i >= s->n || s->fds[i] < 0 || s->links[i] >= 0 || !is_needed(s->hooks[i].name, wanted))
			continue;
		int link = attach_one(s->fds[i]);
		ret->links[i] = MAX(link, -1);
		ret->errors[i] = MIN(link, 0);
	}
}

void programs_widen(struct programs *s, const struct programs_wanted *wanted, struct programs_change *c)
{
	for (size_t i = 0; i < s->n; i++) {
		if (c->errors[i])
			hook_fail(s, &s->hooks[i], strerror(-c->errors[i]));
		if (c->links[i] < 0)
			continue;
		s->links[i] = TAKE_FD(c->links[i]);
		s->hooks[i].is_attached = true;
	}
	s->wanted.events |= wanted->events;
	s->wanted.outcome_events |= wanted->outcome_events;
	s->wanted.decided_events |= wanted->decided_events;
	find_missing(s);
}

void programs_narrow(struct programs *s, const struct programs_wanted *wanted, struct programs_change *c)
{
	s->wanted = *wanted;
	for (size_t i = 0; i < s->n; i++) {
		if (s->links[i] < 0 || is_needed(s->hooks[i].name, wanted))
			continue;
		c->links[i] = TAKE_FD(s->links[i]);
		s->hooks[i].is_attached = false;
	}
	find_missing(s);
}

void programs_change_done(struct programs_change *c)
{
	for (size_t i = 0; i < SENSOR_MAX_HOOKS; i++)
		fd_close(&c->links[i]);
}
