/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers: 59.5 % open, 15 % exec, 15 % connect, the rest deletions, renames, chmods, directories, binds and accepts. 3000
 * programs by Zipf's law (s 1.1), each with 12 usual argument lists (s 1.0), but 30 % of the execs have one of their own; 1 to 40
 * arguments, 1 % of 2 to 8 KiB, 0.1 % up to 32 KiB. Paths out of 20,000 (s 1.0) with a head that is in 40 %, 10 % temporary ones,
 * 4 % of /proc, 3 % of
 * container layers. 1000 addresses (s 1.1). Half of the process trees in containers.
 */
#include "benchmarks/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/record.h"

enum {
	LIVE = 2048,       /* processes at a time */
	ROOTS = 64,        /* of them live for ever; half are in containers */
	ARGV_KINDS = 12,
	PATHS = 20000,
	ADDRESSES = 1000,
	HEAD_PATHS = 150,  /* libraries and the like, that every program opens */
	LAYERS = 150,      /* of container file systems */
	USERS = 40,
	ANCESTORS_MAX = 12,
	RECENT = 48,       /* most of what happens is done by those that were started last */
};

struct process {
	uint64_t exec_id;
	uint32_t pid;
	char comm[16];
	struct strview executable, args, command_line, container, cgroup;
	struct strview ancestor_executables, ancestor_names;
	struct strview user;
	uint32_t uid;
	bool is_interactive, knows_parent;
	struct strview parent_executable, parent_args, parent_command_line, parent_name;
};

struct producer {
	const struct words *w;
	const struct stream_options *options;
	struct random r;
	struct zipf tools, argv, paths, addresses;
	struct arena *arena;
	struct process *live;    /* owned; LIVE */
	char (*path)[96];        /* owned; PATHS */
	struct record *record;   /* owned */
	uint64_t next_exec, unique, clock;
	size_t recent[RECENT];
	bool no_memory;
};

/* --- texts ----------------------------------------------------------------------------------------------------------------- */

static struct strview keep(struct producer *p, struct strview text)
{
	const char *copy = arena_text(p->arena, text);
	if (!copy) {
		p->no_memory = true;
		return SV("");
	}
	return (struct strview){ copy, text.n };
}

static void make_path(struct producer *p, char *out, size_t size)
{
	static const char *const heads[] = { "/usr/lib/x86_64-linux-gnu", "/etc", "/usr/share", "/var/lib", "/var/log", "/home/user", "/opt", "/usr/lib/python3/dist-packages" };
	static const char *const ends[] = { ".so.6", ".conf", ".py", ".json", "", ".log", ".h", ".txt" };
	const char *head = heads[random_below(&p->r, ARRAY_SIZE(heads))], *end = ends[random_below(&p->r, ARRAY_SIZE(ends))];
	if (random_chance(&p->r, 1, 4))
		(void)snprintf(out, size, "%s/%s%s", head, word_any(p->w, &p->r), end);
	else
		(void)snprintf(out, size, "%s/%s/%s-%s%s", head, word_common(p->w, &p->r), word_any(p->w, &p->r), word_any(p->w, &p->r), end);
}

static struct strview file_path(struct producer *p)
{
	char text[256];
	size_t kind = random_below(&p->r, 100);
	unsigned long long number = (unsigned long long)(random_u64(&p->r) & 0xffffffff);
	if (p->options->all_new)
		(void)snprintf(text, sizeof(text), "%s.%llu", p->path[zipf_next(&p->paths, &p->r)], (unsigned long long)p->unique++);
	else if (kind < 10)
		(void)snprintf(text, sizeof(text), "/tmp/%s-%llx", word_common(p->w, &p->r), number);
	else if (kind < 14)
		(void)snprintf(text, sizeof(text), "/proc/%llu/%s", number % 1500, kind & 1 ? "status" : "cmdline");
	else if (kind < 17)
		(void)snprintf(text, sizeof(text), "/var/lib/containers/overlay/%016llx/diff/%s",
			       (1 + random_below(&p->r, LAYERS)) * 0x9e3779b97f4a7c15ull, word_common(p->w, &p->r));
	else if (kind < 57)
		(void)snprintf(text, sizeof(text), "%s", p->path[random_below(&p->r, HEAD_PATHS)]);
	else
		(void)snprintf(text, sizeof(text), "%s", p->path[zipf_next(&p->paths, &p->r)]);
	return keep(p, sv_from(text));
}

static void add_argument(struct producer *p, struct random *r, struct buf *out)
{
	switch (random_below(r, 10)) {
	case 0:
	case 1:
		buf_add_format(out, "-%c", 'a' + (int)random_below(r, 26));
		break;
	case 3:
		buf_add_format(out, "--%s", word_common(p->w, r));
		break;
	case 4:
		buf_add_format(out, "--%s=%s", word_common(p->w, r), word_any(p->w, r));
		break;
	case 2:
	case 5:
		buf_add_z(out, p->path[zipf_next(&p->paths, r)]);
		break;
	case 6:
		buf_add_format(out, "%s.%s", word_common(p->w, r), word_common(p->w, r));
		break;
	case 7:
		buf_add_format(out, "%zu", random_below(r, 100000));
		break;
	case 8:
		buf_add_format(out, "https://%s.%s.com/%s", word_common(p->w, r), word_any(p->w, r), word_any(p->w, r));
		break;
	default:
		buf_add_z(out, word_common(p->w, r));
		break;
	}
	buf_add_char(out, '\0');
}

/* Arguments by a seed of their own: a program's usual lists are the same each time. */
static void make_args(struct producer *p, size_t tool, uint64_t seed, struct buf *out)
{
	struct random r = { seed };
	size_t n = 1, least = 0;
	buf_reset(out);
	buf_add_z(out, p->w->tool[tool]);
	buf_add_char(out, '\0');
	while (n < 40 && random_chance(&r, 9, 10))
		n++;
	if (random_chance(&r, 1, 1000))
		least = 8192 + random_below(&r, 23000);
	else if (random_chance(&r, 1, 100))
		least = 2048 + random_below(&r, 6144);
	for (size_t i = 1; i < n || out->n < least; i++)
		add_argument(p, &r, out);
	if (p->options->all_new) {
		buf_add_format(out, "--id=%llu", (unsigned long long)p->unique++);
		buf_add_char(out, '\0');
	}
}

static struct strview joined(struct producer *p, struct strview args)
{
	struct strview line = keep(p, (struct strview){ args.p, args.n - 1 });
	char *text = (char *)(uintptr_t)line.p; /* made just now, ours to write */
	for (size_t i = 0; i < line.n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return line;
}

/* --- processes ------------------------------------------------------------------------------------------------------------- */

static void begin_process(struct producer *p, struct process *now, const struct process *parent, struct strview executable, struct strview args)
{
	struct strview name = executable;
	const char *slash = memrchr(executable.p, '/', executable.n);
	if (slash)
		name = sv_from_index(executable, (size_t)(slash - executable.p) + 1);
	*now = (struct process){
		.exec_id = p->next_exec += 4096,
		.pid = (uint32_t)(1000 + random_below(&p->r, 4000000)),
		.executable = executable,
		.args = args,
		.command_line = joined(p, args),
		.is_interactive = random_chance(&p->r, 1, 10),
	};
	(void)snprintf(now->comm, sizeof(now->comm), SV_FMT, SV_ARG(name));
	if (!parent)
		return;
	now->container = parent->container;
	now->cgroup = parent->cgroup;
	now->user = parent->user;
	now->uid = parent->uid;
	now->knows_parent = !random_chance(&p->r, 1, 50);
	if (!now->knows_parent)
		return;
	now->parent_executable = parent->executable;
	now->parent_args = parent->args;
	now->parent_command_line = parent->command_line;
	now->parent_name = keep(p, sv_from(parent->comm)); /* the parent's place is given to others later */
	CLEANUP(buf_done) struct buf list = { 0 };
	buf_add_sv(&list, parent->executable);
	buf_add_char(&list, '\0');
	buf_add_sv(&list, parent->ancestor_executables);
	now->ancestor_executables = keep(p, buf_sv(&list));
	buf_reset(&list);
	buf_add_z(&list, parent->comm);
	buf_add_char(&list, '\0');
	buf_add_sv(&list, parent->ancestor_names);
	now->ancestor_names = keep(p, buf_sv(&list));
}

static struct strview path_of_tool(struct producer *p, size_t tool)
{
	static const char *const folders[] = { "/usr/bin", "/usr/bin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/app/bin" };
	char text[128];
	if (p->options->all_new)
		(void)snprintf(text, sizeof(text), "/opt/%llu/bin/%s", (unsigned long long)p->unique++, p->w->tool[tool]);
	else
		(void)snprintf(text, sizeof(text), "%s/%s", folders[tool % ARRAY_SIZE(folders)], p->w->tool[tool]);
	return keep(p, sv_from(text));
}

static void begin_roots(struct producer *p)
{
	static const char *const users[] = { "root", "www-data", "postgres", "app" };
	CLEANUP(buf_done) struct buf args = { 0 };
	for (size_t i = 0; i < ROOTS; i++) {
		char text[160];
		size_t tool = random_below(&p->r, 200);
		struct process *now = &p->live[i];
		make_args(p, tool, random_u64(&p->r), &args);
		begin_process(p, now, NULL, path_of_tool(p, tool), keep(p, buf_sv(&args)));
		now->uid = i % 4 ? (uint32_t)(i % USERS) : 0;
		now->user = sv_from(users[i % ARRAY_SIZE(users)]);
		if (i % 2) {
			(void)snprintf(text, sizeof(text), "%016llx%016llx%016llx%016llx", (unsigned long long)random_u64(&p->r), (unsigned long long)random_u64(&p->r),
				       (unsigned long long)random_u64(&p->r), (unsigned long long)random_u64(&p->r));
			now->container = keep(p, sv_from(text));
		}
		(void)snprintf(text, sizeof(text), "/system.slice/%s-%zu.%s", p->w->tool[tool], i, i % 2 ? "scope" : "service");
		now->cgroup = keep(p, sv_from(text));
	}
	for (size_t i = ROOTS; i < LIVE; i++)
		p->live[i] = p->live[i % ROOTS];
}

static size_t some_process(struct producer *p)
{
	return random_chance(&p->r, 3, 4) ? p->recent[random_below(&p->r, RECENT)] : random_below(&p->r, LIVE);
}

static size_t ancestors_of(const struct process *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->ancestor_names.n; i++)
		n += p->ancestor_names.p[i] == '\0';
	return n;
}

/* --- what rules look for --------------------------------------------------------------------------------------------------- */

/* A rule of the base for an event of this kind, rarely; NULL mostly. */
static const struct made_rule *rule_to_raise(struct producer *p, uint32_t event)
{
	if (!p->options->rules || !random_chance(&p->r, 3, 1000))
		return NULL;
	for (size_t tries = 0; tries < 50; tries++) {
		const struct made_rule *rule = &p->options->rules->rule[random_below(&p->r, MIN(p->options->rules->n, (size_t)BASE_RULES))];
		if (rule->event == event)
			return rule;
	}
	return NULL;
}

/* The command line gets what the rule looks for, the executable its name. */
static void put_in_exec(struct producer *p, const struct made_rule *rule, struct strview *executable, struct buf *args)
{
	char text[STRING_MAX + 16];
	for (size_t i = 0; i < rule->n; i++) {
		const struct clause *c = &rule->clause[i];
		if (c->is_negated)
			continue;
		if (!strcmp(c->field, "process.executable") || !strcmp(c->field, "process.name")) {
			(void)snprintf(text, sizeof(text), "/usr/bin%s%s", c->text[0][0] == '/' ? "" : "/", c->text[0]);
			*executable = keep(p, sv_from(text));
		}
		for (size_t k = 0; !strcmp(c->field, "process.command_line") && k < (c->how == HOW_ALL ? c->n : 1); k++) {
			buf_add_z(args, c->text[k]);
			buf_add_char(args, '\0');
		}
	}
}

static struct strview put_in_path(struct producer *p, const struct made_rule *rule, struct strview path)
{
	char text[STRING_MAX + 64];
	for (size_t i = 0; i < rule->n; i++) {
		const struct clause *c = &rule->clause[i];
		if (!strcmp(c->field, "file.name"))
			(void)snprintf(text, sizeof(text), "/etc/%s", c->text[0]);
		else if (!strcmp(c->field, "file.path") && c->op[0] == 's')
			(void)snprintf(text, sizeof(text), "%s/%s", c->text[0], word_common(p->w, &p->r));
		else if (!strcmp(c->field, "file.path") && c->op[0] == 'i')
			(void)snprintf(text, sizeof(text), "%s", c->text[0]);
		else if (!strcmp(c->field, "file.path"))
			(void)snprintf(text, sizeof(text), "/home/user%s", c->text[0]);
		else
			continue;
		return keep(p, sv_from(text));
	}
	return path;
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

static void derive_path(struct derived *d, struct strview path)
{
	const char *slash = memrchr(path.p, '/', path.n);
	if (!slash)
		return;
	struct strview name = sv_from_index(path, (size_t)(slash - path.p) + 1);
	DERIVE(d, file_name, name);
	DERIVE(d, file_directory, (struct strview){ path.p, MAX((size_t)(slash - path.p), (size_t)1) });
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	if (dot && dot > name.p)
		DERIVE(d, file_extension, sv_from_index(name, (size_t)(dot - name.p) + 1));
}

static void derive_process(struct derived *d, const struct process *who, uint32_t slot)
{
	d->image = (struct image_stamp){ .id = who->exec_id, .version = 1, .slot = slot };
	DERIVE(d, executable, who->executable);
	DERIVE(d, args, who->args);
	DERIVE(d, command_line, who->command_line);
	DERIVE(d, cwd, SV("/"));
	DERIVE(d, interactive, who->is_interactive);
	if (who->is_interactive)
		DERIVE(d, tty, SV("pts0"));
	DERIVE(d, is_snapshot, false);
	DERIVE(d, start, 1700000000000000000 + who->exec_id);
	if (who->knows_parent) {
		DERIVE(d, parent_name, who->parent_name);
		DERIVE(d, parent_executable, who->parent_executable);
		DERIVE(d, parent_command_line, who->parent_command_line);
		DERIVE(d, parent_args, who->parent_args);
		DERIVE(d, ancestor_executables, who->ancestor_executables);
		DERIVE(d, ancestor_names, who->ancestor_names);
	}
	DERIVE(d, user_name, who->user);
	DERIVE(d, effective_user_name, who->user);
	DERIVE(d, cgroup_path, who->cgroup);
	if (who->container.n)
		DERIVE(d, container_id, who->container);
}

/* The record is copied into the arena, and becomes an event of who. path_at: where the record has its path, 0: it has none. */
static void finish(struct producer *p, struct process *who, size_t slot, size_t path_at, struct event *ret)
{
	struct wire_common *common = RECORD_COMMON(p->record);
	common->boot_ns = p->clock += 10000;
	common->exec_id = who->exec_id;
	common->pid = common->tid = common->ns_pid = common->ns_tid = who->pid;
	common->uid = common->euid = who->uid;
	common->cgroup_id = 100 + slot % ROOTS;
	record_comm(&common->comm, who->comm);
	void *bytes = arena_alloc(p->arena, common->size);
	struct derived *d = arena_alloc(p->arena, sizeof(*d));
	if (!bytes || !d || p->no_memory) {
		p->no_memory = true;
		return;
	}
	memcpy(bytes, p->record->bytes, common->size);
	if (event_decode(bytes, common->size, ret))
		abort(); /* records that are made here are good ones */
	DERIVE(d, time, 1700000000000000000 + common->boot_ns);
	DERIVE(d, action, sv_from(ret->type->name));
	DERIVE(d, outcome, OUTCOME_SUCCESS);
	derive_process(d, who, (uint32_t)slot);
	if (path_at) {
		struct wire_str path;
		memcpy(&path, (const char *)ret->common + path_at, sizeof(path));
		derive_path(d, event_str(ret, path));
	}
	ret->derived = d;
}

static void make_exec(struct producer *p, struct stream *s, struct event *ret)
{
	CLEANUP(buf_done) struct buf args = { 0 };
	size_t tool = zipf_next(&p->tools, &p->r), at = ROOTS + random_below(&p->r, LIVE - ROOTS);
	bool is_own = random_chance(&p->r, 3, 10);
	uint64_t seed = is_own ? random_u64(&p->r) : tool * 1000003 + zipf_next(&p->argv, &p->r);
	make_args(p, tool, seed, &args);
	struct strview executable = path_of_tool(p, tool);
	const struct made_rule *rule = rule_to_raise(p, EVENT_PROC_EXEC);
	if (rule)
		put_in_exec(p, rule, &executable, &args);
	struct process parent = p->live[some_process(p)];
	if (ancestors_of(&parent) >= ANCESTORS_MAX)
		parent = p->live[random_below(&p->r, ROOTS)];
	struct process *now = &p->live[at];
	begin_process(p, now, &parent, executable, keep(p, buf_sv(&args)));
	p->recent[s->execs % RECENT] = at;
	s->execs++;
	s->bytes += now->command_line.n;
	record_init(p->record, EVENT_PROC_EXEC);
	RECORD_STR(p->record, proc_exec, path, executable);
	RECORD_STR(p->record, proc_exec, fs_path, executable);
	RECORD_STR(p->record, proc_exec, filename, executable);
	RECORD_STR(p->record, proc_exec, args, now->args);
	RECORD_STR(p->record, proc_exec, cwd, SV("/"));
	RECORD_COMMON(p->record)->parent_id = parent.exec_id;
	finish(p, now, at, offsetof(struct wire_proc_exec, path), ret);
}

static void make_open(struct producer *p, struct event *ret)
{
	size_t who = some_process(p);
	struct strview path = file_path(p);
	const struct made_rule *rule = rule_to_raise(p, EVENT_FILE_OPEN);
	if (rule)
		path = put_in_path(p, rule, path);
	record_init(p->record, EVENT_FILE_OPEN);
	struct wire_file_open *open = RECORD(p->record, file_open);
	open->is_write = rule || random_chance(&p->r, 1, 6);
	open->is_read = rule || !open->is_write;
	open->flags = open->is_write ? 01101 : 0;
	open->mode = 0100644;
	open->inode = random_u64(&p->r) & 0xffffff;
	RECORD_STR(p->record, file_open, path, path);
	RECORD_STR(p->record, file_open, fs_path, path);
	finish(p, &p->live[who], who, offsetof(struct wire_file_open, path), ret);
}

static void make_network(struct producer *p, uint32_t event, struct event *ret)
{
	static const uint32_t ports[] = { 443, 443, 443, 80, 53, 5432, 6379, 8080, 22, 9092 };
	size_t who = some_process(p), address = zipf_next(&p->addresses, &p->r);
	record_init(p->record, event);
	struct wire_net_connect *net = RECORD(p->record, net_connect); /* bind and accept have the same rows */
	net->dst.family = FAMILY_IPV4;
	net->dst.address[10] = net->dst.address[11] = 0xff;
	net->dst.address[12] = (uint8_t)(address % 3 ? 10 : 203);
	net->dst.address[13] = 0;
	net->dst.address[14] = (uint8_t)(address / 256);
	net->dst.address[15] = (uint8_t)address;
	net->dst_port = random_chance(&p->r, 9, 10) ? ports[random_below(&p->r, ARRAY_SIZE(ports))] : (uint32_t)(1024 + random_below(&p->r, 60000));
	net->src = net->dst;
	net->src_port = (uint32_t)(32768 + random_below(&p->r, 28000));
	finish(p, &p->live[who], who, 0, ret);
}

static void make_file(struct producer *p, struct event *ret)
{
	static const struct {
		uint32_t event;
		size_t path;
	} kinds[] = {
		{ EVENT_FILE_DELETE, offsetof(struct wire_file_delete, path) }, { EVENT_FILE_DELETE, offsetof(struct wire_file_delete, path) },
		{ EVENT_FILE_RENAME, offsetof(struct wire_file_rename, path) }, { EVENT_FILE_CHMOD, offsetof(struct wire_file_chmod, path) },
		{ EVENT_FILE_MKDIR, offsetof(struct wire_file_mkdir, path) },
	};
	size_t who = some_process(p), kind = random_below(&p->r, ARRAY_SIZE(kinds));
	struct strview path = file_path(p);
	record_init(p->record, kinds[kind].event);
	record_str(p->record, kinds[kind].path, path);
	if (kinds[kind].event == EVENT_FILE_RENAME)
		RECORD_STR(p->record, file_rename, new_path, file_path(p));
	finish(p, &p->live[who], who, kinds[kind].path, ret);
}

static void make_event(struct producer *p, struct stream *s, struct event *ret)
{
	size_t kind = random_below(&p->r, 1000);
	if (kind < 595)
		make_open(p, ret);
	else if (kind < 744)
		make_exec(p, s, ret);
	else if (kind < 894)
		make_network(p, EVENT_NET_CONNECT, ret);
	else if (kind < 970)
		make_file(p, ret);
	else
		make_network(p, kind < 985 ? EVENT_NET_BIND : EVENT_NET_ACCEPT, ret);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------- */

static int producer_init(struct producer *p)
{
	if (zipf_init(&p->tools, TOOLS, 11) || zipf_init(&p->argv, ARGV_KINDS, 10) || zipf_init(&p->paths, PATHS, 10) || zipf_init(&p->addresses, ADDRESSES, 11))
		return -ENOMEM;
	p->live = calloc(LIVE, sizeof(*p->live));
	p->path = calloc(PATHS, sizeof(*p->path));
	p->record = record_new(EVENT_FILE_OPEN);
	if (!p->live || !p->path)
		return -ENOMEM;
	for (size_t i = 0; i < PATHS; i++)
		make_path(p, p->path[i], sizeof(p->path[i]));
	begin_roots(p);
	return p->no_memory ? -ENOMEM : 0;
}

static void producer_done(struct producer *p)
{
	zipf_done(&p->tools);
	zipf_done(&p->argv);
	zipf_done(&p->paths);
	zipf_done(&p->addresses);
	free(p->live);
	free(p->path);
	if (p->record)
		record_free(&p->record);
}

int stream_make(const struct words *w, const struct stream_options *options, struct stream *ret)
{
	*ret = (struct stream){ .arena.max = SIZE_MAX / 2, .n = options->n };
	CLEANUP(producer_done) struct producer p = { .w = w, .options = options, .r = { 3141592653 }, .arena = &ret->arena };
	ret->events = arena_alloc(&ret->arena, options->n * sizeof(*ret->events));
	if (!ret->events || producer_init(&p)) {
		stream_done(ret);
		return -ENOMEM;
	}
	for (size_t i = 0; i < options->n && !p.no_memory; i++)
		make_event(&p, ret, &ret->events[i]);
	if (!p.no_memory)
		return 0;
	stream_done(ret);
	return -ENOMEM;
}

void stream_done(struct stream *s)
{
	arena_done(&s->arena);
	*s = (struct stream){ 0 };
}
