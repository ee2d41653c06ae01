/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts: tables into the kernel. Each kind of table is there twice; programs read the one that config.policy_generation names. Only the
 * other is written, and one word changes over, so that a decision is taken by the tables before or by those after, never by both.
 */
#include "engine/probe/verdicts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/fd.h"
#include "engine/probe/sensor_parts.h"

enum {
	MAX_ROWS = 1 << 18,  /* 36 MB: what 1,000 rules need is 2,500 */
	MAX_TEXTS = 1 << 16,
	MAX_NUMBERS = 1 << 16,
	MAX_ADDRESSES = 1 << 16,
	MAX_CLAUSES = EVENT_NUMBERS * POLICY_CLAUSES,
	MAX_MASKS = 1 << 16,
	BARRIER_ENTRY = TABLES_COUNT, /* of the heads: nobody reads it */
};

static int fail(struct diag *diag, const char *what, int err)
{
	diag_error(diag, (struct place){ 0 }, "the kernel's table of %s cannot be made: %s", what, strerror(err));
	return -err;
}

/* --- one table ------------------------------------------------------------------------------------------------------------- */

/* A kind of table, and where its entries come from. keys NULL: an array, whose entries are numbered. */
struct table {
	const char *what;
	bool is_unused; /* nobody asks: what stands in its place stays */
	struct bpf_map *outer;
	enum bpf_map_type type;
	uint32_t flags, key_bytes, value_bytes;
	const void *keys, *values;
	size_t key_step, value_step, n, room; /* room: entries there are to be, at least n */
};

static int table_put(const struct table *t, int fd, uint32_t at)
{
	const void *key = t->keys ? (const char *)t->keys + at * t->key_step : (const void *)&at;
	return bpf_map_update_elem(fd, key, (const char *)t->values + at * t->value_step, t->keys ? BPF_NOEXIST : BPF_ANY) ? errno : 0;
}

/* Makes the inner map, fills it and hangs it in its place. Programs that run are waited for by the kernel. */
static int table_fill(const struct table *t, uint32_t which, struct diag *diag)
{
	struct bpf_map_create_opts opts = { .sz = sizeof(opts), .map_flags = t->flags };
	uint32_t room = (uint32_t)MAX(t->room, (size_t)1);
	CLEANUP(fd_close) int fd = bpf_map_create(t->type, "verdicts", t->key_bytes, t->value_bytes, room, &opts);
	if (fd < 0)
		return fail(diag, t->what, errno);
	for (uint32_t i = 0; i < t->n; i++) {
		int err = table_put(t, fd, i);
		if (err) {
			diag_error(diag, (struct place){ 0 }, "entry %u of %zu of the kernel's table of %s does not fit: %s", i + 1, t->n, t->what, strerror(err));
			return -err;
		}
	}
	if (bpf_map__update_elem(t->outer, &which, sizeof(which), &fd, sizeof(fd), BPF_ANY))
		return fail(diag, t->what, errno);
	return 0;
}

/* --- what there is to be ------------------------------------------------------------------------------------------------------- */

static uint64_t decided_events(const struct policy_head *head)
{
	uint64_t events = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		events |= (uint64_t)(head->needs[i] != 0) << i;
	return events;
}

static bool is_labelling(const struct policy_head *head)
{
	uint32_t all = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		all |= head->needs[i];
	return all & (1u << DIMENSION_EXECUTABLE | 1u << DIMENSION_ANCESTORS);
}

static int check_capacities(const struct verdict_tables *t, const char *who, struct diag *diag)
{
	const struct {
		const char *what;
		size_t n, max;
	} all[] = {
		{ "rows", t->n_rows, MAX_ROWS },
		{ "texts", t->n_texts, MAX_TEXTS },
		{ "numbers", t->n_numbers, MAX_NUMBERS },
		{ "addresses", t->n_addresses, MAX_ADDRESSES },
		{ "clauses", t->n_clauses, MAX_CLAUSES },
		{ "ancestor masks", t->n_ancestor_masks, MAX_MASKS },
		{ "events that ask for ancestors", t->n_ancestor_events, POLICY_ANCESTOR_EVENTS },
		{ "ancestor predicates", t->head.n_ancestors, POLICY_ANCESTORS },
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].n <= all[i].max)
			continue;
		diag_error(diag, (struct place){ 0 }, "%s need %zu %s; the kernel's tables have room for %zu", who, all[i].n, all[i].what, all[i].max);
		return -E2BIG;
	}
	return 0;
}

/* A rule that blocks where no program runs would be a promise that nobody keeps. */
static int check_programs(const struct sensor *s, const struct sensor_change *coming, uint64_t events, struct diag *diag)
{
	const char *why = NULL, *program = programs_undecidable(&s->programs, coming ? sensor_change_programs(coming) : NULL, events, &why);
	if (!program)
		return 0;
	diag_error(diag, (struct place){ 0 }, "nothing can be blocked by the kernel program %s: %s", program, why);
	return -EOPNOTSUPP;
}

static bool asks_hash(const struct policy_head *head)
{
	return (head->needs[EVENT_PROC_EXEC] | head->needs[EVENT_PROC_IMAGE]) >> DIMENSION_NAME & 1;
}

/* Before the tables that ask are in force: what has no hash is unknown to them. */
static int start_hashing(struct sensor *s, struct diag *diag)
{
	int err = sensor_set_hashing(s, true);
	if (err)
		diag_error(diag, (struct place){ 0 }, "nothing can be blocked by file.hash.sha256: " SENSOR_NO_HASH "; name the file by file.path, or by file.device and file.inode");
	return err;
}

/* --- filling --------------------------------------------------------------------------------------------------------------------- */

/* What wait_for_programs needs is there before tables are changed over: afterwards it could not be said any more that nothing was done. */
static int make_barrier(struct sensor *s)
{
	if (s->barrier_fd < 0)
		s->barrier_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "verdicts", sizeof(uint32_t), sizeof(struct policy_head), 1, NULL);
	return s->barrier_fd < 0 ? -errno : 0;
}

/* Until no program runs that began before: updates of such a map wait for them. */
static int wait_for_programs(struct sensor *s)
{
	uint32_t at = BARRIER_ENTRY;
	int err = make_barrier(s);
	return err ? err : bpf_map__update_elem(s->skel->maps.heads, &at, sizeof(at), &s->barrier_fd, sizeof(s->barrier_fd), BPF_ANY);
}

/* Never 0, which decides nothing, nor one that was used before: labels are kept by it. Not with the lowest bit of the one in force. */
static uint32_t generation_after(uint32_t last, uint32_t in_force)
{
	uint32_t next = last + 1;
	if (in_force && (next & 1) == (in_force & 1))
		next++;
	return next ? next : 2;
}

/* The generation of rules is what the records name; rules know only their numbers. */
static struct policy_clause *clauses_of(const struct verdict_tables *t, uint32_t generation)
{
	struct policy_clause *all = calloc(MAX(t->n_clauses, (size_t)1), sizeof(*all));
	for (size_t i = 0; all && i < t->n_clauses; i++) {
		all[i] = t->clauses[i];
		all[i].rule_slot = exec_slot(generation, exec_slot_rule(t->clauses[i].rule_slot));
	}
	return all;
}

/* Of the tables of that generation, or which have its lowest bit. */
static void keep_labels(struct sensor_config *c, uint32_t generation, bool are_kept)
{
	__atomic_store_n(&c->labelled[generation & 1], are_kept ? generation : 0, __ATOMIC_SEQ_CST);
}

enum { APPROVAL_TABLES = 6 }; /* the first of them */

/* Of each port the class of the longest prefix that holds it. NULL: no rule asks for ports, or (with err) there is no memory or no room. */
static struct policy_ports *ports_of(const struct verdict_tables *t, int *err, struct diag *diag)
{
	struct {
		struct policy_ports table;
		uint8_t longest[POLICY_PORTS];
	} *p = NULL;
	for (size_t i = 0; i < t->n_numbers; i++) {
		const struct verdict_number *n = &t->numbers[i];
		uint32_t dimension, bits = n->key.prefix_bits - 32;
		uint64_t value;
		memcpy(&dimension, n->key.dimension, sizeof(dimension));
		memcpy(&value, n->key.value, sizeof(value));
		if (be32toh(dimension) != DIMENSION_PORT)
			continue;
		if (!p && !(p = calloc(1, sizeof(*p)))) {
			*err = -ENOMEM;
			return NULL;
		}
		if (n->class > UINT16_MAX) {
			diag_error(diag, (struct place){ 0 }, "rules tell more than %d kinds of ports apart, and the kernel's table of ports has room for no more", UINT16_MAX);
			*err = -E2BIG;
			break;
		}
		value = be64toh(value);
		uint64_t last = bits < 64 ? value | UINT64_MAX >> bits : value;
		for (uint64_t port = value; port <= MIN(last, (uint64_t)POLICY_PORTS - 1); port++) {
			if (bits < p->longest[port])
				continue;
			p->longest[port] = (uint8_t)bits;
			p->table.class[port] = (uint16_t)n->class;
		}
	}
	if (*err) {
		free(p);
		return NULL;
	}
	return p ? &p->table : NULL; /* which stands first */
}

/* clauses NULL: of approval. */
static int fill_all(struct sensor *s, const struct verdict_tables *t, const struct policy_clause *clauses, const struct policy_head *head,
		    const struct policy_ports *ports, struct diag *diag)
{
	size_t n_made = head->n_ancestors ? POLICY_ANCESTOR_ROWS * t->n_ancestor_events : 0;
	const struct vedette_bpf *k = s->skel;
#define ARRAY_TABLE(what_, map, entries, count, rooms, flags_, is_used)                                                           \
	{ .what = what_, .is_unused = !(is_used), .outer = k->maps.map, .type = BPF_MAP_TYPE_ARRAY, .flags = flags_,      \
	  .key_bytes = sizeof(uint32_t),                                                                                          \
	  .value_bytes = sizeof(*(entries)), .values = entries, .value_step = sizeof(*(entries)), .n = count, .room = rooms }
#define TRIE_TABLE(what_, map, entries, count, value)                                                                             \
	{ .what = what_, .outer = k->maps.map, .type = BPF_MAP_TYPE_LPM_TRIE, .flags = BPF_F_NO_PREALLOC,                         \
	  .key_bytes = sizeof((entries)->key), .value_bytes = sizeof((entries)->value), .keys = &(entries)->key,                  \
	  .values = &(entries)->value, .key_step = sizeof(*(entries)), .value_step = sizeof(*(entries)), .n = count, .room = count }
	const struct table all[] = {
		ARRAY_TABLE("rows", rows, t->rows, t->n_rows, t->n_rows + n_made, BPF_F_INNER_MAP, true),
		TRIE_TABLE("texts", texts, t->texts, t->n_texts, value),
		TRIE_TABLE("numbers", numbers, t->numbers, t->n_numbers, class),
		TRIE_TABLE("addresses", addresses, t->addresses, t->n_addresses, class),
		ARRAY_TABLE("ports", ports, ports, 1, 1, 0, ports != NULL),
		ARRAY_TABLE("heads", heads, head, 1, 1, 0, true),
		/* what follows approval has no use for */
		ARRAY_TABLE("clauses", clauses, clauses, t->n_clauses, t->n_clauses, BPF_F_INNER_MAP, true),
		ARRAY_TABLE("ancestor masks", ancestor_masks, t->ancestor_masks, t->n_ancestor_masks, t->n_ancestor_masks, BPF_F_INNER_MAP, true),
		ARRAY_TABLE("ancestor rows", ancestor_parts, t->ancestor_rows, head->n_ancestors * t->n_ancestor_events,
			    head->n_ancestors * t->n_ancestor_events, BPF_F_INNER_MAP, head->n_ancestors),
		{ .what = "ancestor sets", .is_unused = !head->n_ancestors, .outer = k->maps.ancestor_sets, .type = BPF_MAP_TYPE_HASH, .key_bytes = 16 * POLICY_ANCESTOR_WORDS,
		  .value_bytes = sizeof(uint32_t), .room = n_made ? POLICY_ANCESTOR_ROWS : 1 },
	};
	uint32_t which = (clauses ? TABLES_VERDICTS : TABLES_APPROVAL) + (head->generation & 1);
	int err = 0;
	for (size_t i = 0; !err && i < (clauses ? ARRAY_SIZE(all) : APPROVAL_TABLES); i++)
		if (!all[i].is_unused) /* each one waits for the programs that run */
			err = table_fill(&all[i], which, diag);
	return err;
}

static int fill(struct sensor *s, const struct verdict_tables *t, const struct policy_clause *clauses, const struct policy_head *head, struct diag *diag)
{
	int err = 0;
	struct policy_ports *ports = ports_of(t, &err, diag);
	if (!err)
		err = fill_all(s, t, clauses, head, ports, diag);
	free(ports);
	return err;
}

/* For whoever reads the labels: an engine that follows, or this one when it asks for others. */
static int note_meaning(struct sensor *s, const struct verdict_tables *t, const struct policy_head *head, struct diag *diag)
{
	uint32_t which = head->generation & 1;
	struct pins_meaning meaning = { .generation = head->generation, .epoch = head->ancestor_epoch };
	memcpy(meaning.names, t->ancestor_names, sizeof(meaning.names));
	if (s->meaning_fd < 0)
		s->meaning_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "meaning", sizeof(which), sizeof(meaning), 2, NULL);
	return s->meaning_fd < 0 || bpf_map_update_elem(s->meaning_fd, &which, &meaning, BPF_ANY) ? fail(diag, "the meanings of labels", errno) : 0;
}

int sensor_fill_verdicts(struct sensor *s, const struct verdict_tables *t, uint32_t generation, const struct sensor_change *coming, struct diag *diag)
{
	struct sensor_config *c = &s->skel->bss->config;
	if (!s->is_enforcing) {
		diag_error(diag, (struct place){ 0 }, "the sensor was not opened to enforce");
		return -EINVAL;
	}
	uint64_t events = decided_events(&t->head);
	int err = check_capacities(t, "blocking rules", diag);
	if (!err)
		err = check_programs(s, coming, events, diag);
	if (!err && asks_hash(&t->head))
		err = start_hashing(s, diag);
	if (err)
		return err;
	struct policy_clause *clauses = clauses_of(t, generation);
	struct policy_head *head = malloc(sizeof(*head));
	if (clauses && head) {
		*head = t->head;
		head->generation = s->filled = generation_after(s->filled, c->policy_generation);
		head->n_ancestor_events = (uint32_t)t->n_ancestor_events;
		head->made_row = (uint32_t)t->n_rows;
		head->n_made = 0;
		head->ancestor_epoch = MAX(head->ancestor_epoch, 1u); /* 0 is what labels say that know nothing */
		/* nobody may be reading what is about to be written: neither by tables that were filled and not put in force, nor by earlier ones */
		keep_labels(c, head->generation, false);
		err = wait_for_programs(s);
		if (!err)
			err = fill(s, t, clauses, head, diag);
		if (!err)
			err = note_meaning(s, t, head, diag);
	} else {
		err = -ENOMEM;
	}
	free(clauses);
	if (!err) {
		c->decided[head->generation & 1] = events;
		c->is_killing[head->generation & 1] = head->is_killing;
		keep_labels(c, head->generation, is_labelling(head));
		s->told_of = head->generation;
	}
	free(head);
	return err;
}

void sensor_drop_verdicts(struct sensor *s)
{
	struct sensor_config *c = &s->skel->bss->config;
	keep_labels(c, s->filled, false);
	s->told_of = c->policy_generation;
}

/* --- changing over ------------------------------------------------------------------------------------------------------------ */

/* The tables of before stay until they are written the next time: to let them go would take as long as to fill them. */
int sensor_put_verdicts(struct sensor *s)
{
	struct sensor_config *c = &s->skel->bss->config;
	__atomic_store_n(&c->policy_generation, s->filled, __ATOMIC_SEQ_CST);
	int err = wait_for_programs(s);
	if (!err)
		keep_labels(c, s->filled + 1, false); /* those of before: nobody asks by them any more */
	return err;
}

/* The earlier generation is written before it can be asked for, and the time last. */
int sensor_try_verdicts(struct sensor *s, uint64_t until_boot_ns)
{
	struct sensor_config *c = &s->skel->bss->config;
	__atomic_store_n(&c->policy_before, c->policy_generation, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->policy_generation, s->filled, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->policy_until_ns, until_boot_ns, __ATOMIC_SEQ_CST);
	return wait_for_programs(s);
}

int sensor_settle_verdicts(struct sensor *s)
{
	struct sensor_config *c = &s->skel->bss->config;
	if (!c->policy_until_ns)
		return 0; /* none are on trial */
	__atomic_store_n(&c->policy_until_ns, 0, __ATOMIC_SEQ_CST);
	int err = wait_for_programs(s);
	if (!err && c->policy_before != c->policy_generation)
		keep_labels(c, c->policy_before, false);
	return err;
}

/* Not emptied: a program may still be reading the tables that were tried, and the next ones that are filled wait for it and replace them. */
void sensor_return_verdicts(struct sensor *s)
{
	struct sensor_config *c = &s->skel->bss->config;
	uint32_t tried = c->policy_generation;
	__atomic_store_n(&c->policy_generation, c->policy_before, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->policy_until_ns, 0, __ATOMIC_SEQ_CST);
	keep_labels(c, tried, false);
	s->told_of = c->policy_before;
}

int sensor_set_verdicts(struct sensor *s, const struct verdict_tables *t, uint32_t generation, struct diag *diag)
{
	struct sensor_config *c = &s->skel->bss->config;
	if (!t) {
		__atomic_store_n(&c->policy_generation, POLICY_NO_GENERATION, __ATOMIC_SEQ_CST);
		keep_labels(c, 0, false);
		keep_labels(c, 1, false);
		return 0;
	}
	int err = sensor_fill_verdicts(s, t, generation, NULL, diag);
	return err ? err : sensor_put_verdicts(s);
}

/* What was said of the same image for the other tables stays. */
int sensor_label_ancestors(struct sensor *s, const struct told_process *of, const struct label_part *creators)
{
	struct told_ancestors told;
	if (bpf_map__lookup_elem(s->skel->maps.told, &of->pid, sizeof(of->pid), &told, sizeof(told), 0) || told.exec_id != of->exec_id)
		told = (struct told_ancestors){ .exec_id = of->exec_id };
	told.start_boot_ns = of->start_boot_ns;
	told.serial = told.serial_again = ++s->told_serial;
	told.by_table[s->told_of & 1] = *creators;
	told.by_table[s->told_of & 1].generation = s->told_of;
	return bpf_map__update_elem(s->skel->maps.told, &of->pid, sizeof(of->pid), &told, sizeof(told), BPF_ANY);
}

bool sensor_knows_ancestors(const struct sensor *s, uint32_t pid)
{
	struct task_label label;
	if (bpf_map__lookup_elem(s->skel->maps.labels, &pid, sizeof(pid), &label, sizeof(label), 0))
		return false;
	const struct label_part *creators = &label.creators[s->told_of & 1];
	return creators->generation == s->told_of && creators->epoch != 0;
}

/* --- approval -------------------------------------------------------------------------------------------------------------- */

void sensor_send_all(struct sensor *s)
{
	__atomic_store_n(&s->skel->bss->config.approval_generation, POLICY_NO_GENERATION, __ATOMIC_SEQ_CST);
}

uint32_t sensor_approval(const struct sensor *s)
{
	return s->is_approving ? __atomic_load_n(&s->skel->bss->config.approval_generation, __ATOMIC_SEQ_CST) : POLICY_NO_GENERATION;
}

int sensor_tell_image(struct sensor *s, uint64_t exec_id, uint64_t events)
{
	struct policy_image told = { .exec_id = exec_id, .events = events, .generation = sensor_approval(s), .exec_id_again = exec_id };
	return bpf_map__update_elem(s->skel->maps.images, &exec_id, sizeof(exec_id), &told, sizeof(told), BPF_ANY);
}

/* Not 0, nor one of before, and with that lowest bit: the tables stand in its half. */
static uint32_t approval_after(uint32_t last, uint32_t half)
{
	uint32_t next = last + 1;
	while (!next || (next & 1) != (half & 1))
		next++;
	return next;
}

/* Into the half that is not kept. */
int sensor_fill_approval(struct sensor *s, const struct verdict_tables *t, struct diag *diag)
{
	struct sensor_config *c = &s->skel->bss->config;
	s->approval_filled = 0;
	if (!s->is_approving || s->caps.mode != SENSOR_LSM)
		return 0;
	uint64_t events = decided_events(&t->head);
	int err = events ? check_capacities(t, "rules", diag) : 0;
	struct policy_head *head = events && !err ? malloc(sizeof(*head)) : NULL;
	if (!events || err)
		return err;
	if (!head)
		return -ENOMEM;
	*head = t->head;
	head->generation = s->approval = approval_after(s->approval, !(s->approval_kept & 1));
	c->approved[head->generation & 1] = 0;
	err = wait_for_programs(s); /* they may be reading those of before the ones in force */
	if (!err)
		err = fill(s, t, NULL, head, diag);
	if (!err) {
		c->approved[head->generation & 1] = events;
		s->approval_filled = head->generation;
	}
	free(head);
	return err;
}

static void approve_by(struct sensor *s, uint32_t generation)
{
	s->approval_kept = generation;
	__atomic_store_n(&s->skel->bss->config.approval_generation, generation, __ATOMIC_SEQ_CST);
}

void sensor_put_approval(struct sensor *s)
{
	approve_by(s, s->approval_filled);
	s->approval_filled = 0;
}

/* Under another number: what was told of images while nothing was dropped is missing. */
void sensor_return_approval(struct sensor *s)
{
	s->approval_filled = 0;
	if (!s->approval_kept)
		return;
	s->approval = approval_after(s->approval, s->approval_kept);
	approve_by(s, s->approval);
}
