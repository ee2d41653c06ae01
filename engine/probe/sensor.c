/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, attaching and reading the kernel side. */
#include "engine/probe/sensor.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <linux/membarrier.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/probe/canary.h"
#include "engine/probe/caps.h"
#include "engine/probe/programs.h"
#include "engine/probe/sensor_parts.h"
#include "engine/probe/symbols.h"
#include "engine/probe/syscalls.h"

enum { MAX_IMAGES_TOLD = 16384 /* that approval knows of */ };
enum { MAX_CGROUPS = 4096 /* remembered by decisions */ };

/* --- loading --------------------------------------------------------------------------------------------------------------- */

static void detach(struct sensor *s)
{
	programs_done(&s->programs);
	if (s->skel)
		vedette_bpf__destroy(s->skel);
	s->skel = NULL;
}

static uint32_t asks_of(const struct sensor *s)
{
	uint32_t n = (uint32_t)s->cpus * ASKS_PER_CPU;
	return n < ASKS_LEAST ? ASKS_LEAST : n;
}

static int configure(struct sensor *s, const struct sensor_options *o)
{
	struct vedette_bpf *k = s->skel;
	int err = bpf_map__set_max_entries(k->maps.ring_priority, (uint32_t)o->ring_priority_bytes);
	if (!err)
		err = bpf_map__set_max_entries(k->maps.ring_bulk, (uint32_t)o->ring_bulk_bytes);
	if (!err)
		err = bpf_map__set_max_entries(k->maps.slots, (uint32_t)s->cpus * 3);
	if (!err)
		err = bpf_map__set_max_entries(k->maps.tasks, o->max_processes);
	s->is_enforcing = o->enforce;
	s->is_approving = o->approve;
	k->rodata->can_decide = o->enforce || o->approve;
	if (!err && k->rodata->can_decide)
		err = bpf_map__set_max_entries(k->maps.asks, asks_of(s) + 2 * ASKS_KEPT);
	if (!err && o->approve)
		err = bpf_map__set_max_entries(k->maps.images, MAX_IMAGES_TOLD);
	if (!err && k->rodata->can_decide)
		err = bpf_map__set_max_entries(k->maps.name_cache, NAME_ENTRIES);
	if (!o->enforce) /* the tables of verdicts stay as small as they can be */
		return err;
	if (!err)
		err = bpf_map__set_max_entries(k->maps.labels, o->max_processes + LABELS_KEPT);
	if (!err)
		err = bpf_map__set_max_entries(k->maps.told, o->max_processes);
	if (!err)
		err = bpf_map__set_max_entries(k->maps.cgroups, MAX_CGROUPS);
	return err;
}

static int load_maps(struct sensor *s, const struct sensor_options *o, struct diag *diag)
{
	s->skel = vedette_bpf__open();
	if (!s->skel) {
		diag_error(diag, (struct place){ 0 }, "the kernel programs cannot be opened: %s", strerror(errno));
		return -errno;
	}
	struct bpf_program *p;
	bpf_object__for_each_program(p, s->skel->obj)
		bpf_program__set_autoload(p, false);
	int err = configure(s, o);
	if (!err)
		err = vedette_bpf__load(s->skel);
	if (err) {
		programs_load_failed(err, diag);
		detach(s);
	}
	return err;
}

static int load(struct sensor *s, const struct sensor_options *o, enum sensor_mode mode, struct diag *diag)
{
	struct programs_source source = { .maps = s->skel->obj, .kernel = s->kernel, .mode = mode, .options = o };
	source.elf = vedette_bpf__elf_bytes(&source.elf_bytes);
	return programs_load(&s->programs, &source, diag);
}

static int on_priority(void *context, void *bytes, size_t size)
{
	struct sensor *s = context;
	s->handed_on++;
	if (s->on_record)
		s->on_record(s->context, bytes, size, true);
	return 0;
}

static int on_bulk(void *context, void *bytes, size_t size)
{
	struct sensor *s = context;
	int err = ring_buffer__consume(s->priority);
	if (err < 0)
		return err;
	s->handed_on++;
	if (s->on_record)
		s->on_record(s->context, bytes, size, false);
	/* the record is consumed all the same; the negative value ends this round */
	return --s->bulk_left ? 0 : -EAGAIN;
}

void sensor_get_rings(const struct sensor *s, struct sensor_rings *ret)
{
	*ret = (struct sensor_rings){
		.priority_used = ring_depth_used(&s->priority_depth), .priority_size = s->priority_depth.size_bytes,
		.bulk_used = ring_depth_used(&s->bulk_depth), .bulk_size = s->bulk_depth.size_bytes,
	};
}

static int open_rings(struct sensor *s, struct diag *diag)
{
	s->priority = ring_buffer__new(bpf_map__fd(s->skel->maps.ring_priority), on_priority, s, NULL);
	s->bulk = ring_buffer__new(bpf_map__fd(s->skel->maps.ring_bulk), on_bulk, s, NULL);
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!s->priority || !s->bulk || s->poll_fd < 0) {
		diag_error(diag, (struct place){ 0 }, "the rings cannot be opened: %s", strerror(errno));
		return -errno;
	}
	/* who cannot be told of the rings' depth can still watch */
	IGNORE(ring_depth_open(bpf_map__fd(s->skel->maps.ring_priority), &s->priority_depth));
	IGNORE(ring_depth_open(bpf_map__fd(s->skel->maps.ring_bulk), &s->bulk_depth));
	int fds[] = { ring_buffer__epoll_fd(s->priority), ring_buffer__epoll_fd(s->bulk) };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		struct epoll_event e = { .events = EPOLLIN };
		if (epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, fds[i], &e)) {
			diag_error(diag, (struct place){ 0 }, "the rings cannot be waited for: %s", strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static int put_env_names(struct sensor *s, const char *const *names, struct diag *diag)
{
	for (size_t i = 0; names && names[i]; i++) {
		char key[ENV_NAME_MAX] = "";
		uint32_t one = 1;
		if (strlen(names[i]) >= sizeof(key)) {
			diag_error(diag, (struct place){ 0 }, "environment variable name '%s' is longer than %d bytes", names[i], ENV_NAME_MAX - 1);
			return -EINVAL;
		}
		memcpy(key, names[i], strlen(names[i]));
		if (bpf_map__update_elem(s->skel->maps.env_names, key, sizeof(key), &one, sizeof(one), BPF_ANY)) {
			diag_error(diag, (struct place){ 0 }, "too many environment variable names (64 at most)");
			return -E2BIG;
		}
	}
	return 0;
}

/* As the kernel counts them; 0: there is none. */
static uint32_t device_of(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
}

static uint32_t host_mnt_ns(void)
{
	struct stat ns;
	return stat("/proc/1/ns/mnt", &ns) ? 0 : (uint32_t)ns.st_ino;
}

/* libbpf would read the list for each object, a line at a time. */
static void find_locks(struct sensor *s, struct sensor_config *c)
{
	struct symbol locks[] = { { .name = "rename_lock" }, { .name = "mount_lock" } };
	IGNORE(symbols_find(SYMBOLS_PATH, locks, ARRAY_SIZE(locks))); /* what is missing, the status tells */
	c->rename_lock = locks[0].address;
	c->mount_lock = locks[1].address;
	s->caps.is_path_checked = c->rename_lock && c->mount_lock;
}

static int try_mode(struct sensor *s, const struct sensor_options *o, enum sensor_mode mode, struct diag *diag)
{
	int err = mode == SENSOR_LSM ? caps_try_lsm(s->kernel, diag) : 0; /* before the whole object is loaded in vain */
	if (!err)
		err = load_maps(s, o, diag);
	if (!err)
		err = load(s, o, mode, diag);
	if (err)
		return err;
	struct sensor_config *c = &s->skel->bss->config;
	*c = (struct sensor_config){
		.scope = SCOPE_TREE, /* nobody is labelled yet: nothing is in scope */
		.own_pid = (uint32_t)getpid(),
		.sensor = mode,
		.n_slots = (uint32_t)s->cpus * 3,
		.n_labels = o->max_processes,
		.n_asks = o->enforce || o->approve ? asks_of(s) : 0,
		.boot_wall_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME),
		.host_mnt_ns = host_mnt_ns(),
		.host_proc = device_of("/proc"),
		.host_sysfs = device_of("/sys"),
	};
	find_locks(s, c);
	err = put_env_names(s, o->env_names, diag);
	if (err)
		return err;
	struct programs_wanted wanted = { .events = o->events, .outcome_events = o->outcome_events, .decided_events = o->decided_events };
	size_t lsm = programs_attach(&s->programs, &wanted);
	if (mode == SENSOR_LSM && lsm == 0) {
		diag_error(diag, (struct place){ 0 }, "no LSM program can be attached");
		return -EOPNOTSUPP;
	}
	s->caps.mode = mode;
	return 0;
}

/* Proof by deed: programs that load and attach may still never run. */
static int prove(struct sensor *s, const struct sensor_options *o, struct diag *diag)
{
	struct canary_result seen;
	int err = canary_run(s, &s->skel->bss->config, &seen, diag);
	if (err)
		return err;
	s->caps.is_canary_seen = seen.is_seen;
	s->caps.is_canary_denied = seen.is_denied;
	if (!seen.is_seen) {
		diag_error(diag, (struct place){ 0 }, "self-test: a process that started a program was not seen by the kernel programs");
		return -EOPNOTSUPP;
	}
	if (s->caps.mode == SENSOR_LSM && !seen.is_denied) {
		diag_error(diag, (struct place){ 0 },
			   "self-test: LSM programs are attached but do not run (does /proc/sys/kernel/ftrace_enabled read 1, and 'bpf' stand in "
			   "/sys/kernel/security/lsm?)");
		return -EOPNOTSUPP;
	}
	(void)o;
	return 0;
}

static int choose_mode(struct sensor *s, const struct sensor_options *o, struct diag *diag)
{
	if (o->wanted != SENSOR_NONE || o->enforce) {
		enum sensor_mode mode = o->wanted == SENSOR_NONE ? SENSOR_LSM : o->wanted;
		int err = try_mode(s, o, mode, diag);
		return err ? err : prove(s, o, diag);
	}
	struct diag refused = { 0 };
	int err = try_mode(s, o, SENSOR_LSM, &refused);
	if (!err)
		err = prove(s, o, &refused);
	if (err) {
		snprintf(s->caps.lsm_refused, sizeof(s->caps.lsm_refused), "%s", refused.n ? refused.messages[0].text : strerror(-err));
		detach(s);
		err = try_mode(s, o, SENSOR_TRACEPOINT, diag);
		if (!err)
			err = prove(s, o, diag);
	}
	diag_done(&refused);
	return err;
}

static int discard(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args; /* what matters is told through diag */
	return 0;
}

/* The self-test left records and counts behind: nobody is in scope now, so both can go. */
static int forget_canary(struct sensor *s)
{
	int r = sensor_consume(s, SIZE_MAX); /* on_record is not set yet: discarded */
	if (r < 0)
		return r;
	struct event_counters *none = calloc((size_t)s->cpus, sizeof(*none));
	if (!none)
		return -ENOMEM;
	int err = 0;
	for (uint32_t event = 0; !err && event < EVENT_NUMBERS; event++)
		err = bpf_map__update_elem(s->skel->maps.counters, &event, sizeof(event), none, (size_t)s->cpus * sizeof(*none), BPF_ANY);
	uint32_t zero = 0;
	if (!err)
		err = bpf_map__update_elem(s->skel->maps.cpu_sequence, &zero, sizeof(zero), none, (size_t)s->cpus * sizeof(uint64_t), BPF_ANY);
	free(none);
	return err;
}

static void set_syscalls(struct sensor_config *c, uint64_t events)
{
	uint64_t native[SYSCALL_WORDS], compat[SYSCALL_WORDS];
	syscalls_wanted(events, native, compat);
	_Static_assert(sizeof(native) == sizeof(c->native) && sizeof(compat) == sizeof(c->compat), "both sides hold the same numbers");
	memcpy(c->native, native, sizeof(native));
	memcpy(c->compat, compat, sizeof(compat));
}

/*
 * Calls that the kernel may refuse before it asks a hook, and that are too rare and too telling to be missed: whoever wants the event wants
 * the refused call. To tell that one from a call whose attempt was seen, the outcomes of all of them are joined.
 */
#define EVENT_BIT(id) (1ull << EVENT_##id)
#define EARLY_REFUSED                                                                                                                     \
	(EVENT_BIT(PROC_SETUID) | EVENT_BIT(PROC_UFFD) | EVENT_BIT(PROC_PTRACE) | EVENT_BIT(BPF_LOAD) | EVENT_BIT(MODULE_LOAD) | \
	 EVENT_BIT(FILE_MOUNT))

/* Of lsm mode; the other has no use for them. */
static uint64_t outcomes_of(uint64_t events, uint64_t outcome_events)
{
	return outcome_events | (events & EARLY_REFUSED);
}

/*
 * lsm mode: outcomes are joined, and calls that fail before a hook is asked (no such file, permission bits, a power that is missing) are
 * told from their arguments. setns and unshare are not among them: their programs see each end of the call.
 */
static void want_outcomes(struct sensor_config *c, uint64_t events)
{
	uint64_t refusable = EARLY_REFUSED | EVENT_BIT(PROC_EXEC) | EVENT_BIT(PROC_KILL);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (type && sv_starts(sv_from(type->name), SV("file.")))
			refusable |= 1ull << i;
	}
	set_syscalls(c, events & refusable);
	c->outcome_wanted = events;
}

/* Not switched off while other tables are on trial: those that come back without the engine's doing may ask. */
int sensor_set_hashing(struct sensor *s, bool is_on)
{
	struct sensor_config *c = &s->skel->bss->config;
	bool can_hash = s->caps.has_ima && s->caps.mode == SENSOR_LSM;
	if (is_on && !can_hash)
		return -EOPNOTSUPP;
	if (is_on || !c->policy_until_ns)
		__atomic_store_n(&c->is_hashing, is_on, __ATOMIC_SEQ_CST);
	return 0;
}

static void set_wanted(struct sensor *s, uint64_t events, uint64_t outcome_events)
{
	struct sensor_config *c = &s->skel->bss->config;
	if (s->caps.mode == SENSOR_TRACEPOINT)
		set_syscalls(c, events);
	else /* in tracepoint mode every record has its outcome, and nobody would take a call off the list */
		want_outcomes(c, outcome_events);
	__atomic_store_n(&c->wanted, events, __ATOMIC_SEQ_CST);
}

/* The programs that keep others off serve this event and are attached for their own sake, not for a rule's. */
static uint64_t with_tamper(uint64_t events, bool is_protected)
{
	return is_protected ? events | EVENT_BIT(AGENT_TAMPER) : events & ~EVENT_BIT(AGENT_TAMPER);
}

int sensor_open(const struct sensor_options *options, struct sensor **ret, struct diag *diag)
{
	struct sensor_options widened = *options;
	widened.events = with_tamper(options->events, options->protect);
	widened.outcome_events = outcomes_of(options->events, options->outcome_events);
	CLEANUP(sensor_close) struct sensor *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->poll_fd = s->barrier_fd = s->meaning_fd = -1;
	s->is_protected = options->protect;
	programs_init(&s->programs);
	pins_init(&s->pins);
	s->cpus = libbpf_num_possible_cpus();
	if (s->cpus < 1 || s->cpus > SENSOR_MAX_CPUS) {
		diag_error(diag, (struct place){ 0 }, "%d processors: between 1 and %d are supported", s->cpus, SENSOR_MAX_CPUS);
		return -EINVAL;
	}
	libbpf_set_print(discard);
	int err = caps_open(&s->kernel, diag);
	if (err)
		return err;
	caps_read(s->kernel, &s->caps);
	err = options->enforce ? caps_check_enforcement(&s->caps, diag) : 0;
	if (!err)
		err = choose_mode(s, &widened, diag);
	if (!err)
		err = open_rings(s, diag);
	if (!err)
		err = forget_canary(s);
	if (err)
		return err;
	if (options->hold_back) /* what is tried against us is for nobody else to tell */
		set_wanted(s, widened.events & EVENT_BIT(AGENT_TAMPER), 0);
	else
		set_wanted(s, widened.events, widened.outcome_events);
	btf__free(s->kernel); /* several MiB that nothing needs any more */
	s->kernel = NULL;
	(void)malloc_trim(0); /* and the allocator gives them back, and what loading took */
	*ret = TAKE(s);
	return 0;
}

void sensor_tell(struct sensor *s)
{
	set_wanted(s, s->programs.wanted.events, s->programs.wanted.outcome_events);
}

/* What is kept goes on without us. */
static void leave(struct sensor *s)
{
	if (s->pins.folder[0]) {
		struct sensor_config *c = &s->skel->bss->config;
		__atomic_store_n(&c->own_pid, 0, __ATOMIC_SEQ_CST);
	}
	pins_done(&s->pins);
}

void sensor_close(struct sensor **sensor)
{
	struct sensor *s = *sensor;
	if (!s)
		return;
	ring_buffer__free(s->priority);
	ring_buffer__free(s->bulk);
	ring_depth_close(&s->priority_depth);
	ring_depth_close(&s->bulk_depth);
	fd_close(&s->poll_fd);
	fd_close(&s->barrier_fd);
	fd_close(&s->meaning_fd);
	leave(s);
	detach(s);
	btf__free(s->kernel);
	free(s);
	*sensor = NULL;
}

const struct sensor_caps *sensor_get_caps(const struct sensor *s)
{
	return &s->caps;
}

size_t sensor_get_hooks(const struct sensor *s, const struct sensor_hook **ret)
{
	*ret = s->programs.hooks;
	return s->programs.n;
}

/* --- other events under way ------------------------------------------------------------------------------------------------ */

struct sensor_change {
	struct programs_wanted wanted; /* after the change */
	struct programs_wanted before;
	struct programs_change programs;
};

const struct programs_change *sensor_change_programs(const struct sensor_change *c)
{
	return &c->programs;
}

/* What a program that is no longer attached left behind must not be taken for the calls of now. */
static void forget_calls(const struct sensor *s)
{
	uint32_t key;
	while (bpf_map__get_next_key(s->skel->maps.calls, NULL, &key, sizeof(key)) == 0)
		if (bpf_map__delete_elem(s->skel->maps.calls, &key, sizeof(key), 0))
			break;
}

int sensor_change_prepare(struct sensor *s, const struct sensor_events *events, struct sensor_change **ret)
{
	struct sensor_change *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->wanted.events = with_tamper(events->events, s->is_protected);
	c->wanted.outcome_events = s->caps.mode == SENSOR_LSM ? outcomes_of(events->events, events->outcome_events) : 0;
	c->wanted.decided_events = s->is_enforcing ? events->decided_events : 0;
	if (c->wanted.outcome_events && s->programs.wanted.outcome_events == 0)
		forget_calls(s);
	programs_change_prepare(&s->programs, &c->wanted, &c->programs);
	*ret = c;
	return 0;
}

static void sync_pins(struct sensor *s)
{
	int err = pins_sync(&s->pins, &s->programs);
	s->keep_error = err ? err : s->keep_error;
}

void sensor_widen(struct sensor *s, struct sensor_change *c)
{
	c->before = s->programs.wanted;
	programs_widen(&s->programs, &c->wanted, &c->programs);
	sync_pins(s);
	set_wanted(s, s->programs.wanted.events, s->programs.wanted.outcome_events);
}

void sensor_narrow(struct sensor *s, struct sensor_change *c)
{
	set_wanted(s, c->wanted.events, c->wanted.outcome_events);
	programs_narrow(&s->programs, &c->wanted, &c->programs);
	sync_pins(s);
}

void sensor_undo(struct sensor *s, struct sensor_change *c)
{
	c->wanted = c->before;
	sensor_narrow(s, c);
}

void sensor_change_free(struct sensor_change **c)
{
	if (!*c)
		return;
	programs_change_done(&(*c)->programs);
	free(*c);
	*c = NULL;
}

static bool is_named(const char *const *names, const char *name)
{
	for (size_t i = 0; names && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int sensor_set_env_names(struct sensor *s, const char *const *names, struct diag *diag)
{
	char key[ENV_NAME_MAX], next[ENV_NAME_MAX];
	void *from = NULL;
	for (size_t i = 0; i <= SENSOR_MAX_ENV_NAMES; i++) {
		/* the next one is asked for before this one goes: a key that is gone would begin the walk anew */
		bool is_last = bpf_map__get_next_key(s->skel->maps.env_names, from, next, sizeof(next)) != 0;
		if (from && !is_named(names, key))
			IGNORE(bpf_map__delete_elem(s->skel->maps.env_names, key, sizeof(key), 0)); /* it is there; else nothing is lost */
		if (is_last)
			break;
		memcpy(key, next, sizeof(key));
		from = key;
	}
	return put_env_names(s, names, diag);
}

/* --- reading --------------------------------------------------------------------------------------------------------------- */

void sensor_on_record(struct sensor *s, sensor_record_fn *call, void *context)
{
	s->on_record = call;
	s->context = context;
}

int sensor_poll_fd(const struct sensor *s)
{
	return s->poll_fd;
}

int sensor_consume(struct sensor *s, size_t max_bulk)
{
	s->handed_on = 0;
	s->bulk_left = max_bulk;
	int err = ring_buffer__consume(s->priority);
	if (err >= 0)
		err = ring_buffer__consume(s->bulk);
	if (err < 0 && err != -EAGAIN)
		return err;
	return (int)s->handed_on;
}

void sensor_stop(struct sensor *s)
{
	if (s->pins.folder[0])
		return; /* what happens from now on is for the engine that follows */
	s->skel->bss->config.wanted = 0;
	programs_detach(&s->programs);
	/* programs run with preemption off or under RCU: after a grace period none is left (ENOSYS: nothing better to do) */
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

size_t sensor_labelled(const struct sensor *s)
{
	size_t n = 0;
	uint32_t key, next;
	struct task_entry e;
	void *from = NULL;
	while (n < UINT32_MAX && bpf_map__get_next_key(s->skel->maps.tasks, from, &next, sizeof(next)) == 0) {
		if (bpf_map__lookup_elem(s->skel->maps.tasks, &next, sizeof(next), &e, sizeof(e), 0) == 0)
			n += e.is_labelled != 0;
		key = next;
		from = &key;
	}
	return n;
}

int sensor_get_counters(const struct sensor *s, uint32_t event, int cpu, struct event_counters *ret)
{
	struct event_counters *per_cpu = calloc((size_t)s->cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	int err = bpf_map__lookup_elem(s->skel->maps.counters, &event, sizeof(event), per_cpu, (size_t)s->cpus * sizeof(*per_cpu), 0);
	*ret = (struct event_counters){ 0 };
	for (int i = 0; !err && i < s->cpus; i++) {
		if (cpu >= 0 && i != cpu)
			continue;
		ret->produced += per_cpu[i].produced;
		ret->lost_ring += per_cpu[i].lost_ring;
		ret->lost_slot += per_cpu[i].lost_slot;
		ret->blocked += per_cpu[i].blocked;
		ret->undecided += per_cpu[i].undecided;
		ret->filtered += per_cpu[i].filtered;
	}
	free(per_cpu);
	return err;
}

int sensor_get_misc(const struct sensor *s, enum misc_counter which, uint64_t *ret)
{
	uint64_t per_cpu[SENSOR_MAX_CPUS];
	uint32_t key = which;
	int err = bpf_map__lookup_elem(s->skel->maps.misc_counters, &key, sizeof(key), per_cpu, (size_t)s->cpus * sizeof(uint64_t), 0);
	if (err)
		return err;
	*ret = 0;
	for (int i = 0; i < s->cpus; i++)
		*ret += per_cpu[i];
	return 0;
}

size_t sensor_cpus(const struct sensor *s)
{
	return (size_t)s->cpus;
}

uint64_t sensor_missed_runs(const struct sensor *s)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->programs.n; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = s->programs.fds[i];
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			sum += info.recursion_misses;
	}
	return sum;
}

void sensor_get_guard(struct sensor *s, struct sensor_guard *ret)
{
	*ret = (struct sensor_guard){
		.config = &s->skel->bss->guard,
		.inodes_fd = bpf_map__fd(s->skel->maps.guard_inodes),
		.objects_fd = bpf_map__fd(s->skel->maps.guard_objects),
		.hooks = s->programs.hooks,
		.programs = s->programs.fds,
		.links = s->programs.links,
		.n_programs = s->programs.n,
	};
}

/* --- beyond the end -------------------------------------------------------------------------------------------------------- */

int sensor_keep(struct sensor *s, struct diag *diag)
{
	size_t elf_bytes;
	const void *elf = vedette_bpf__elf_bytes(&elf_bytes);
	int err = pins_start(&s->pins, s->skel, s->meaning_fd, pins_build(elf, elf_bytes), &s->about, diag);
	if (!err) {
		err = pins_sync(&s->pins, &s->programs);
		if (err)
			diag_error(diag, (struct place){ .file = s->pins.folder }, "not all links can be pinned there: %s", strerror(-err));
	}
	if (err) /* half of what is to be in force is not left behind */
		pins_undo(&s->pins, diag);
	return err;
}

int sensor_note(struct sensor *s, const struct sensor_note *note)
{
	if (!s->pins.folder[0])
		return 0;
	s->about.note = *note;
	return pins_note(&s->pins, &s->about);
}

int sensor_keep_error(const struct sensor *s)
{
	return s->keep_error;
}
