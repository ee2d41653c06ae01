/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pins of engines that are gone. */
#include "engine/probe/left.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf/guard_abi.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/probe/pins.h"
#include "vedette.skel.h"

enum { MAX_ENGINES = 16, MAX_NUMBER = 1000000, PATH_BYTES = 512, END_STEP_MS = 20, END_WAIT_MS = 10000 };

/* Of one engine. */
struct remains {
	uint32_t number;
	struct pins_about about;
	unsigned char *settings; /* mapped; NULL: cannot be */
	size_t settings_bytes;
	uint64_t hushed;         /* events it told of until left_quiet; 0: it still does */
	int priority_fd, bulk_fd, counters_fd;
};

struct left {
	struct remains all[MAX_ENGINES]; /* the youngest last */
	size_t n;
	uint64_t build;
};

static void folder_close(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* The folders there are, the youngest last. */
static size_t find_numbers(uint32_t *ret, size_t max)
{
	CLEANUP(folder_close) DIR *d = opendir(PINS_FOLDER);
	size_t n = 0;
	for (struct dirent *e; n < max && d && (e = readdir(d));) {
		uint64_t number;
		if (num_parse_u64(sv_from(e->d_name), MAX_NUMBER, &number) == 0 && number)
			ret[n++] = (uint32_t)number;
	}
	if (n)
		qsort(ret, n, sizeof(*ret), compare_numbers);
	return n;
}

uint32_t left_youngest(void)
{
	uint32_t numbers[MAX_ENGINES];
	size_t n = find_numbers(numbers, ARRAY_SIZE(numbers));
	return n ? numbers[n - 1] : 0;
}

/* --- one engine ------------------------------------------------------------------------------------------------------------- */

static int open_pin(uint32_t number, const char *name)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), PINS_FOLDER "/%u/%s", number, name);
	int fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static void remains_done(struct remains *r)
{
	if (r->settings)
		munmap(r->settings, r->settings_bytes);
	r->settings = NULL;
	fd_close(&r->priority_fd);
	fd_close(&r->bulk_fd);
	fd_close(&r->counters_fd);
}

/* Its size is the kernel's word; where things stand in it is the engine's, and checked. */
static int map_settings(struct remains *r)
{
	CLEANUP(fd_close) int fd = open_pin(r->number, "map_settings");
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	uint64_t bytes = info.value_size, page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (r->about.own_pid_at % 4 || r->about.wanted_at % 8 || r->about.own_pid_at + 4 > bytes || r->about.wanted_at + 8 > bytes)
		return -EBADMSG;
	r->settings_bytes = (bytes + page - 1) / page * page;
	void *at = mmap(NULL, r->settings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	r->settings = at;
	return 0;
}

/* A folder that was begun and not finished has nothing to say, and can be undone all the same. */
static void read_about(struct remains *r)
{
	CLEANUP(fd_close) int fd = open_pin(r->number, "map_about");
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info), zero = 0;
	const size_t least = offsetof(struct pins_about, labels_layout); /* the first version ended there */
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.value_size < least)
		return;
	CLEANUP(str_free) char *value = calloc(1, MAX((size_t)info.value_size, sizeof(r->about)));
	if (!value || bpf_map_lookup_elem(fd, &zero, value))
		return;
	memcpy(&r->about, value, sizeof(r->about));
	r->about.note.digest[sizeof(r->about.note.digest) - 1] = '\0';
	if (r->about.format != PINS_FORMAT || map_settings(r))
		r->about = (struct pins_about){ 0 };
}

static void remains_open(struct remains *r, uint32_t number)
{
	*r = (struct remains){ .number = number, .priority_fd = -1, .bulk_fd = -1, .counters_fd = -1 };
	read_about(r);
	if (!r->about.format)
		return;
	r->priority_fd = open_pin(number, "map_ring_priority");
	r->bulk_fd = open_pin(number, "map_ring_bulk");
	r->counters_fd = open_pin(number, "map_counters");
}

static uint32_t *own_pid_of(const struct remains *r)
{
	return r->settings ? (uint32_t *)(void *)(r->settings + r->about.own_pid_at) : NULL;
}

/* The kernel's side takes the number out when that process ends. */
static uint32_t living_pid(const struct remains *r)
{
	const uint32_t *own_pid = own_pid_of(r);
	uint32_t pid = own_pid ? __atomic_load_n(own_pid, __ATOMIC_SEQ_CST) : 0;
	return pid && pid != (uint32_t)getpid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH) ? pid : 0;
}

uint32_t left_living(void)
{
	uint32_t numbers[MAX_ENGINES], pid = 0;
	size_t n = find_numbers(numbers, ARRAY_SIZE(numbers));
	for (size_t i = 0; i < n && !pid; i++) {
		struct remains r;
		remains_open(&r, numbers[i]);
		pid = living_pid(&r);
		remains_done(&r);
	}
	return pid;
}

/* --- all -------------------------------------------------------------------------------------------------------------------- */

int left_open(struct left **ret, struct diag *diag)
{
	uint32_t numbers[MAX_ENGINES];
	size_t n = find_numbers(numbers, ARRAY_SIZE(numbers)), elf_bytes;
	*ret = NULL;
	if (n == 0)
		return 0;
	struct left *l = calloc(1, sizeof(*l));
	if (!l) {
		diag_error(diag, (struct place){ .file = PINS_FOLDER }, "cannot be read: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	const void *elf = vedette_bpf__elf_bytes(&elf_bytes);
	l->build = pins_build(elf, elf_bytes);
	for (size_t i = 0; i < n; i++) {
		struct remains *r = &l->all[l->n];
		remains_open(r, numbers[i]);
		if (living_pid(r)) {
			remains_done(r);
			continue;
		}
		if (own_pid_of(r))
			__atomic_store_n(own_pid_of(r), (uint32_t)getpid(), __ATOMIC_SEQ_CST);
		l->n++;
	}
	if (l->n)
		*ret = l;
	else
		free(l);
	return 0;
}

static size_t count_links(uint32_t number)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), PINS_FOLDER "/%u", number);
	CLEANUP(folder_close) DIR *d = opendir(path);
	size_t n = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		n += sv_starts(sv_from(e->d_name), SV("link_"));
	return n;
}

void left_get_state(const struct left *l, struct left_state *ret)
{
	const struct remains *r = &l->all[l->n - 1];
	*ret = (struct left_state){ .note = r->about.note, .is_same_build = r->about.format && r->about.build == l->build, .engines = l->n };
	for (size_t i = 0; i < l->n; i++)
		ret->links += count_links(l->all[i].number);
}

/* As the kernel's side reads it: see generation_in_force of bpf/decide.h. */
static uint32_t generation_of(const struct sensor_config *c)
{
	uint64_t until_ns = __atomic_load_n(&c->policy_until_ns, __ATOMIC_SEQ_CST);
	const uint32_t *which = until_ns && clock_ns(CLOCK_BOOTTIME) >= until_ns ? &c->policy_before : &c->policy_generation;
	return __atomic_load_n(which, __ATOMIC_SEQ_CST);
}

bool left_get_origin(const struct left *l, struct left_origin *ret)
{
	const struct remains *r = &l->all[l->n - 1];
	const size_t at = offsetof(struct sensor_config, policy_generation), end = offsetof(struct sensor_config, policy_before) + sizeof(uint32_t);
	if (!r->settings || !r->about.labels_layout || r->about.in_force_at % 8 != at % 8 || r->about.in_force_at > r->settings_bytes ||
	    r->settings_bytes - r->about.in_force_at < end - at)
		return false;
	/* only what stands between the two is there; the rest may be laid out in another way */
	struct sensor_config c = { 0 };
	memcpy((char *)&c + at, r->settings + r->about.in_force_at, end - at);
	*ret = (struct left_origin){ .number = r->number, .generation = generation_of(&c), .labels_layout = r->about.labels_layout };
	return ret->generation != 0;
}

/* --- undoing ---------------------------------------------------------------------------------------------------------------- */

int left_remove(const char *path, struct diag *diag)
{
	CLEANUP(folder_close) DIR *d = opendir(path);
	int err = d ? 0 : -errno;
	for (struct dirent *e; d && !err && (e = readdir(d));) {
		bool is_dots = e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2]));
		if (!is_dots && unlinkat(dirfd(d), e->d_name, 0))
			err = -errno;
	}
	if (!err && rmdir(path))
		err = -errno;
	if (err)
		diag_error(diag, (struct place){ .file = path }, "what is pinned there cannot be taken away: %s", strerror(-err));
	return err;
}

static void wait_for_programs(void)
{
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); /* see sensor_stop */
}

static uint64_t *wanted_of(const struct remains *r)
{
	return r->settings ? (uint64_t *)(void *)(r->settings + r->about.wanted_at) : NULL;
}

void left_quiet(struct left *l)
{
	wait_for_programs();
	for (size_t i = 0; i < l->n; i++)
		if (wanted_of(&l->all[i]))
			l->all[i].hushed |= __atomic_exchange_n(wanted_of(&l->all[i]), 0, __ATOMIC_SEQ_CST);
}

void left_free(struct left **l)
{
	for (size_t i = 0; *l && i < (*l)->n; i++) {
		struct remains *r = &(*l)->all[i];
		if (r->hushed) /* who wanted to follow did not get there */
			__atomic_store_n(wanted_of(r), r->hushed, __ATOMIC_SEQ_CST);
		remains_done(r);
	}
	free(*l);
	*l = NULL;
}

/* Programs that the pinned links of one engine hold attached. */
struct held {
	uint32_t ids[SENSOR_MAX_HOOKS];
	size_t n;
};

static void held_programs(uint32_t number, struct held *held)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), PINS_FOLDER "/%u", number);
	CLEANUP(folder_close) DIR *d = opendir(path);
	for (struct dirent *e; d && held->n < ARRAY_SIZE(held->ids) && (e = readdir(d));) {
		char pin[PATH_BYTES + sizeof(e->d_name) + 1];
		struct bpf_link_info info = { 0 };
		uint32_t size = sizeof(info);
		snprintf(pin, sizeof(pin), "%s/%s", path, e->d_name);
		CLEANUP(fd_close) int fd = sv_starts(sv_from(e->d_name), SV("link_")) ? bpf_obj_get(pin) : -1;
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			held->ids[held->n++] = info.prog_id;
	}
}

/* The kernel detaches some time after the last pin is gone: until then it still refuses. */
static int wait_for_end(const struct held *held, struct diag *diag)
{
	static const struct timespec pause = { .tv_nsec = END_STEP_MS * 1000000L };
	for (unsigned waited_ms = 0, i = 0; i < held->n;) {
		CLEANUP(fd_close) int fd = bpf_prog_get_fd_by_id(held->ids[i]);
		if (fd < 0) {
			i++;
			continue;
		}
		if (waited_ms >= END_WAIT_MS) {
			diag_error(diag, (struct place){ 0 }, "program %u is still attached: something else holds it", (unsigned)held->ids[i]);
			return -EBUSY;
		}
		fd_close(&fd); /* or it is we who hold it */
		(void)nanosleep(&pause, NULL);
		waited_ms += END_STEP_MS;
	}
	return 0;
}

int left_undo(struct left *l, struct diag *diag)
{
	int worst = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct held held = { .n = 0 };
		held_programs(l->all[i].number, &held);
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), PINS_FOLDER "/%u", l->all[i].number);
		int err = left_remove(path, diag);
		if (!err)
			err = wait_for_end(&held, diag);
		if (!err)
			l->all[i].hushed = 0;
		worst = worst ? worst : err;
	}
	wait_for_programs();
	return worst;
}

void left_unmount(void)
{
	if (left_youngest() == 0 && umount2(PINS_FOLDER, 0) == 0)
		IGNORE(rmdir(PINS_FOLDER)); /* it is empty, or somebody's */
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

/* Records of the priority ring, kept until those of the other ring are as old. */
struct merge {
	sensor_record_fn *call;
	void *context;
	struct buf kept; /* each: its size in 8 bytes, then the record, padded to 8 */
	size_t at;
	uint64_t n, dropped;
};

enum { SIZE_BYTES = 8 };

static uint64_t time_of(const void *record, size_t size)
{
	struct wire_common c;
	if (size < sizeof(c))
		return 0; /* the decoder says what is wrong with it */
	memcpy(&c, record, sizeof(c));
	return c.boot_ns;
}

static int on_priority(void *context, void *bytes, size_t size)
{
	static const char padding[8];
	struct merge *m = context;
	uint64_t n = size;
	buf_add(&m->kept, (const char *)&n, sizeof(n));
	buf_add(&m->kept, bytes, size);
	buf_add(&m->kept, padding, -size % 8);
	return buf_error(&m->kept) ? -ENOMEM : 0;
}

/* Hands on what is kept and not younger than the time. */
static void hand_on(struct merge *m, uint64_t until)
{
	while (m->at < m->kept.n) {
		uint64_t size;
		memcpy(&size, m->kept.p + m->at, sizeof(size));
		const char *record = m->kept.p + m->at + SIZE_BYTES;
		if (time_of(record, size) > until)
			return;
		m->call(m->context, record, size, true);
		m->n++;
		m->at += SIZE_BYTES + (size + 7) / 8 * 8;
	}
}

static int on_bulk(void *context, void *bytes, size_t size)
{
	struct merge *m = context;
	hand_on(m, time_of(bytes, size));
	m->call(m->context, bytes, size, false);
	m->n++;
	return 0;
}

static void ring_done(struct ring_buffer **r)
{
	ring_buffer__free(*r);
	*r = NULL;
}

static int consume_ring(int fd, ring_buffer_sample_fn call, struct merge *m)
{
	CLEANUP(ring_done) struct ring_buffer *ring = fd < 0 ? NULL : ring_buffer__new(fd, call, m, NULL);
	if (!ring)
		return fd < 0 ? fd : -errno;
	int n = ring_buffer__consume(ring);
	return MIN(n, 0);
}

/* Records that were lost since the engine told its losses, and what was made and never read. */
static void count_lost(const struct remains *r, uint64_t *ret_produced, uint64_t *ret_lost)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	int cpus = libbpf_num_possible_cpus();
	*ret_produced = *ret_lost = 0;
	if (r->counters_fd < 0 || cpus < 1 || bpf_obj_get_info_by_fd(r->counters_fd, &info, &size) || info.value_size != sizeof(struct event_counters))
		return;
	struct event_counters *per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	for (uint32_t event = 0; per_cpu && event < info.max_entries; event++) {
		if (bpf_map_lookup_elem(r->counters_fd, &event, per_cpu))
			continue;
		for (int i = 0; i < cpus; i++) {
			*ret_produced += per_cpu[i].produced;
			*ret_lost += per_cpu[i].lost_ring + per_cpu[i].lost_slot;
		}
	}
	free(per_cpu);
}

static int consume_one(const struct remains *r, bool is_readable, struct merge *m)
{
	if (!is_readable)
		return 0;
	int err = consume_ring(r->priority_fd, on_priority, m);
	if (!err)
		err = consume_ring(r->bulk_fd, on_bulk, m);
	hand_on(m, UINT64_MAX);
	return err;
}

int left_consume(struct left *l, sensor_record_fn *call, void *context, struct left_read *ret)
{
	int worst = 0;
	*ret = (struct left_read){ 0 };
	for (size_t i = 0; i < l->n; i++) {
		const struct remains *r = &l->all[i];
		struct merge m = { .call = call, .context = context };
		int err = consume_one(r, r->about.format && r->about.build == l->build, &m);
		uint64_t produced, lost;
		count_lost(r, &produced, &lost);
		/* what no counter calls lost, and nobody has read: records of another build, or of a ring that cannot be read */
		uint64_t accounted = r->about.note.delivered + m.n + lost, unread = err || r->about.build != l->build ? produced - MIN(produced, accounted) : 0;
		ret->records += m.n;
		ret->lost += lost - MIN(lost, r->about.note.lost) + unread;
		buf_done(&m.kept);
		worst = worst ? worst : err;
	}
	return worst;
}
