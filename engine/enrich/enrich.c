/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the tables together: takes over what records say of processes; derive.c fills struct derived. Owns the tables and one
 * scratch. Must never allocate between enrich_new and enrich_free, but for the snapshot and for changed name files.
 */
#include "engine/enrich/enrich.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/enrich/enrich_parts.h"
#include "engine/enrich/region.h"

enum {
	PROBES_A_TICK = 64,      /* living images looked for in /proc */
	PROC_READS_A_TICK = 256, /* unknown processes looked up in /proc between two ticks; further ones come from their record alone */
	SEED_MAX_DEPTH = 256,    /* parents followed in a snapshot of one process */
};

static void clock_refresh(struct enrich *e)
{
	if (!e->is_offset_given)
		e->wall_offset_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
}

static void type_facts_fill(struct type_facts *facts, const struct event_type *type)
{
	facts->action = sv_from(type->name);
	const struct field *path = field_find(type, SV("file.path"));
	if (path && path->source == FIELD_OWN && path->kind == KIND_STR)
		facts->path_offset = path->offset;
}

static int tables_new(struct enrich *e, const struct enrich_config *config, struct diag *diag)
{
	void *p = NULL;
	int r = text_new(config->max_text_bytes, &e->text);
	if (!r)
		r = proctable_new(config->max_processes, e->text, &e->table);
	if (!r)
		r = names_new(config->passwd, &e->users, diag);
	if (!r)
		r = names_new(config->group, &e->groups, diag);
	struct container_roots roots = config->containers;
	roots.users = e->users;
	roots.cgroup = config->cgroup_root;
	if (!r)
		r = containers_new(&roots, &e->containers);
	if (!r)
		r = cgroups_new(config->cgroup_root, e->table, e->containers, &e->cgroups);
	if (!r)
		r = region_new(sizeof(struct scratch), &p);
	e->scratch = p;
	return r;
}

/*
 * Process ids in records are those of the first pid namespace. A /proc of another one numbers processes otherwise: to look there
 * would be to find the wrong ones. A folder that is no real /proc has no such link.
 */
static bool is_foreign(int proc_fd)
{
	char text[64];
	ssize_t n = readlinkat(proc_fd, "self/ns/pid", text, sizeof(text));
	return n >= 0 && !sv_equal((struct strview){ text, (size_t)n }, SV("pid:[4026531836]")); /* PROC_PID_INIT_INO, never another */
}

static void proc_open(struct enrich *e, const char *path, struct diag *diag)
{
	struct place at = { .file = path };
	e->proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->proc < 0) {
		diag_warn(diag, at, "cannot open: %s; processes older than the sensor stay unknown", strerror(errno));
	} else if (is_foreign(e->proc)) {
		fd_close(&e->proc);
		e->is_proc_foreign = true;
		diag_warn(diag, at, "belongs to another pid namespace than the host's first; processes older than the sensor stay unknown: "
				    "run in the host's pid namespace");
	}
}

int enrich_new(const struct enrich_config *config, struct enrich **ret, struct diag *diag)
{
	CLEANUP(enrich_free) struct enrich *e = calloc(1, sizeof(*e));
	struct place nowhere = { 0 };
	if (!e) {
		diag_error(diag, nowhere, "no memory for the process table");
		return -ENOMEM;
	}
	e->proc = -1;
	e->linger_ns = config->linger_ns;
	e->max_processes = config->max_processes;
	e->proc_reads_left = PROC_READS_A_TICK;
	int r = tables_new(e, config, diag);
	if (r == -EINVAL)
		diag_error(diag, nowhere, "a process table of %zu entries is out of range: give 8 to 16777216", config->max_processes);
	else if (r)
		diag_error(diag, nowhere, "no memory for a process table of %zu entries and %zu bytes of text", config->max_processes,
			   config->max_text_bytes);
	if (r)
		return r;
	if (config->proc && config->proc[0])
		proc_open(e, config->proc, diag);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i))
			type_facts_fill(&e->types[i], event_type_by_number(i));
	clock_refresh(e);
	*ret = TAKE(e);
	return 0;
}

void enrich_free(struct enrich **enrich)
{
	struct enrich *e = *enrich;
	if (!e)
		return;
	cgroups_free(&e->cgroups);
	containers_free(&e->containers);
	proctable_free(&e->table);
	text_free(&e->text);
	names_free(&e->users);
	names_free(&e->groups);
	region_free(e->scratch, sizeof(struct scratch));
	fd_close(&e->proc);
	free(e);
	*enrich = NULL;
}

void enrich_set_wall_offset(struct enrich *e, int64_t offset_ns)
{
	e->is_offset_given = true;
	e->wall_offset_ns = offset_ns;
}

/* --- the snapshot ----------------------------------------------------------------------------------------------------- */

struct seen_process {
	uint32_t pid, ppid;
	uint64_t start_ticks;
};

struct snapshot {
	struct seen_process *list; /* owned; sorted by pid */
	size_t n, max;
	bool is_full;
};

static void snapshot_done(struct snapshot *s)
{
	free(s->list);
	s->list = NULL;
}

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

static int by_pid(const void *a, const void *b)
{
	const struct seen_process *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct seen_process *snapshot_find(const struct snapshot *s, uint32_t pid)
{
	struct seen_process key = { .pid = pid };
	return s->n ? bsearch(&key, s->list, s->n, sizeof(key), by_pid) : NULL;
}

static void snapshot_add(struct enrich *e, struct snapshot *s, uint32_t pid)
{
	struct procfs_process *process = &e->scratch->process;
	if (s->n == s->max) {
		s->is_full = true;
		return;
	}
	if (procfs_read_stat(e->proc, pid, process))
		return; /* ended meanwhile */
	s->list[s->n++] = (struct seen_process){ pid, process->ppid, process->start_ticks };
}

static int snapshot_all(struct enrich *e, struct snapshot *s)
{
	int fd = openat(e->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(dir_close) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		int error = errno;
		fd_close(&fd);
		return -error;
	}
	for (struct dirent *d; (d = readdir(dir));) {
		uint64_t pid;
		if (num_parse_u64(sv_from(d->d_name), UINT32_MAX, &pid) == 0 && pid)
			snapshot_add(e, s, (uint32_t)pid);
	}
	return 0;
}

static void snapshot_line(struct enrich *e, struct snapshot *s, uint32_t pid)
{
	for (int i = 0; pid && i < SEED_MAX_DEPTH; i++) {
		size_t before = s->n;
		snapshot_add(e, s, pid);
		if (s->n == before)
			return;
		pid = s->list[before].ppid;
	}
}

static void snapshot_take(struct enrich *e, const struct snapshot *s, const struct seen_process *seen)
{
	struct procfs_process *process = &e->scratch->process;
	if (procfs_read(e->proc, seen->pid, process) || process->start_ticks != seen->start_ticks)
		return;
	const struct seen_process *parent = snapshot_find(s, process->ppid);
	uint64_t parent_id = parent && parent->start_ticks <= seen->start_ticks ? id_snapshot(parent->pid, parent->start_ticks) : 0;
	cgroups_learn_path(e->cgroups, (struct strview){ process->cgroup, process->cgroup_n });
	(void)proctable_adopt(e->table, id_snapshot(seen->pid, seen->start_ticks), parent_id, process);
	e->seeded++;
}

int enrich_seed(struct enrich *e, uint32_t only_root_pid, struct diag *diag)
{
	CLEANUP(snapshot_done) struct snapshot s = { .max = only_root_pid ? SEED_MAX_DEPTH : e->max_processes };
	struct place nowhere = { 0 };
	if (e->is_proc_foreign)
		return 0; /* said at start */
	int r = e->proc < 0 ? -ENOENT : 0;
	s.list = calloc(s.max, sizeof(struct seen_process));
	if (!r && !s.list)
		r = -ENOMEM;
	if (!r && only_root_pid)
		snapshot_line(e, &s, only_root_pid);
	else if (!r)
		r = snapshot_all(e, &s);
	if (r) {
		diag_error(diag, nowhere, "cannot list the running processes: %s", strerror(-r));
		return r;
	}
	if (s.is_full)
		diag_warn(diag, nowhere, "more than %zu processes are running: the others stay unknown; raise the size of the process table", s.max);
	qsort(s.list, s.n, sizeof(struct seen_process), by_pid);
	for (size_t i = 0; i < s.n; i++)
		snapshot_take(e, &s, &s.list[i]);
	return 0;
}

/* --- processes of events ------------------------------------------------------------------------------------------------ */

/* From /proc, if the process is still the one the record speaks of. */
static struct image *look_up_unknown(struct enrich *e, const struct wire_common *common)
{
	struct procfs_process *process = &e->scratch->process;
	e->unknown_process++;
	if (e->proc < 0 || !e->proc_reads_left)
		return proctable_make_up(e->table, common);
	e->proc_reads_left--;
	int r = procfs_read(e->proc, common->pid, process);
	bool is_same = process->start_ticks == common->start_boot_ns / ID_TICK_NS;
	if (r == 0 && is_same)
		return proctable_adopt(e->table, common->exec_id, common->parent_id, process);
	struct image *image = proctable_make_up(e->table, common);
	if (r == -ENOENT || r == -ESRCH || (r == 0 && !is_same))
		proctable_end(e->table, image, common->boot_ns);
	return image;
}

struct image *enrich_process_of(struct enrich *e, const struct wire_common *common)
{
	if (!common->exec_id)
		return NULL;
	struct image *image = proctable_find(e->table, common->exec_id);
	if (!image)
		image = look_up_unknown(e, common);
	image->flags |= IMAGE_SEEN;
	return image;
}

/* As the kernel's side found it when it looked; what may be another file's is not known. */
enum { UNSURE_PATHS = 1 | 2 /* the first two symbols of TRUNCATED and UNCERTAIN */ };
static struct strview place_of(const struct event *ev)
{
	const struct wire_proc_exec *exec = EVENT_AS(ev, proc_exec);
	bool is_sure = !((ev->common->truncated | ev->common->uncertain) & UNSURE_PATHS);
	return is_sure && exec->path.length ? event_str(ev, exec->fs_path) : (struct strview){ NULL, 0 };
}

static void apply_exec(struct enrich *e, const struct event *ev)
{
	const struct wire_proc_exec *exec = EVENT_AS(ev, proc_exec);
	struct exec_facts facts = {
		.executable = enrich_executable_of(ev),
		.fs_path = place_of(ev),
		.device = exec->device,
		.args = event_str(ev, exec->args),
		.cwd = event_str(ev, exec->cwd),
		.tty = event_str(ev, exec->tty),
		.cgroup = event_str(ev, exec->cgroup),
	};
	cgroups_learn(e->cgroups, ev->common->cgroup_id, facts.cgroup);
	(void)proctable_exec(e->table, ev->common, exec->previous_id, &facts);
}

static void apply_exit(struct enrich *e, const struct wire_common *common)
{
	if (common->exec_id && !proctable_find(e->table, common->exec_id))
		e->unknown_process++;
	proctable_exit(e->table, common);
}

void enrich_apply(struct enrich *e, const struct event *ev)
{
	switch (ev->common->type) {
	case EVENT_PROC_EXEC:
		if (enrich_is_new_image(ev))
			apply_exec(e, ev);
		break;
	case EVENT_PROC_FORK:
		(void)enrich_process_of(e, ev->common); /* the creator, so that the child has a program to share */
		(void)proctable_fork(e->table, EVENT_AS(ev, proc_fork));
		break;
	case EVENT_PROC_EXIT:
		apply_exit(e, ev->common);
		break;
	default:
		break;
	}
}

/* --- upkeep ------------------------------------------------------------------------------------------------------------- */

void enrich_tick(struct enrich *e, uint64_t boot_ns)
{
	proctable_expire(e->table, boot_ns, e->linger_ns);
	if (e->proc >= 0)
		proctable_probe(e->table, e->proc, PROBES_A_TICK, boot_ns);
	e->proc_reads_left = PROC_READS_A_TICK;
	containers_tick(e->containers);
	cgroups_tick(e->cgroups, boot_ns);
	(void)names_refresh(e->users, NULL); /* on failure the names stay as they were */
	(void)names_refresh(e->groups, NULL);
	clock_refresh(e);
}

void enrich_get_stats(const struct enrich *e, struct enrich_stats *ret)
{
	struct proctable_stats table;
	proctable_get_stats(e->table, &table);
	*ret = (struct enrich_stats){
		.processes = table.images,
		.evicted = table.evicted,
		.text_cut = table.text_cut,
		.unknown_process = e->unknown_process,
		.lost_exits = table.lost_exits,
		.seeded = e->seeded,
		.text_bytes = text_used_bytes(e->text),
		.users = names_count(e->users),
		.groups = names_count(e->groups),
		.bad_name_lines = names_malformed(e->users) + names_malformed(e->groups),
	};
	containers_get_stats(e->containers, &ret->containers);
}

/* What was found out of a cgroup while processes are gone through: few cgroups have many of them. */
struct known_cgroup {
	text_id path;
	bool is_container;
};
enum { KNOWN_CGROUPS = 64 };

static bool is_in_container(const struct enrich *e, text_id path, struct known_cgroup known[static KNOWN_CGROUPS])
{
	struct known_cgroup *k = &known[path % KNOWN_CGROUPS];
	if (k->path != path)
		*k = (struct known_cgroup){ path, cgroups_is_container(e->cgroups, proctable_text(e->table, path)) };
	return k->is_container;
}

int enrich_each_ancestry(struct enrich *e, uint32_t round, ancestry_function *call, void *context)
{
	_Static_assert((int)ANCESTRY_MAX == (int)LINEAGE_MAX, "the whole lineage");
	const struct image *line[LINEAGE_MAX];
	struct known_cgroup known[KNOWN_CGROUPS] = { { 0 } };
	uint32_t at = 0;
	int n = 0;
	for (struct image *image; (image = proctable_next_living(e->table, &at));) {
		if (image->round == round)
			continue;
		struct ancestry of = { .exec_id = image->exec_id, .pid = image->pid, .start_boot_ns = image->start_boot_ns };
		of.is_new_image = !(image->flags & (IMAGE_FORKED | IMAGE_SNAPSHOT));
		of.is_container = is_in_container(e, image->cgroup, known);
		of.is_whole = proctable_is_whole(e->table, image);
		of.n_ancestors = proctable_lineage(e->table, image, line);
		for (size_t i = 0; i < of.n_ancestors; i++)
			of.images[i] = (struct ancestry_image){ .executable = proctable_text(e->table, line[i]->executable),
								.fs_path = proctable_text(e->table, line[i]->fs_path), .device = line[i]->device };
		int r = call(context, &of);
		if (r < 0)
			return r;
		image->round = r ? image->round : round;
		n += r == 0;
	}
	return n;
}
