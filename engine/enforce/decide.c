/* SPDX-License-Identifier: Apache-2.0 */
/* Tries are looked up by their longest prefix, as the kernel does; the rest is and-ing rows. */
#include "engine/enforce/decide.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/strmap.h"
#include "engine/enforce/dimensions.h"
#include "engine/enforce/names.h"
#include "engine/enrich/mounts.h"
#include "engine/event/value.h"

/* Keys of one trie by length and bytes: a look-up asks for each length there is, the longest first. */
struct trie {
	struct strmap by_key;
	uint32_t *lengths; /* owned; bits, falling */
	size_t n_lengths;
};

struct decider {
	const struct verdict_tables *tables; /* borrowed */
	struct arena arena;
	struct trie texts, numbers, addresses;
};

/* --- tries ----------------------------------------------------------------------------------------------------------------- */

static void trie_done(struct trie *t)
{
	strmap_done(&t->by_key);
	free(t->lengths);
}

enum { TRIE_HEAD = sizeof(uint32_t) };

/* Length and the bytes up to it, those of the last one masked. */
static struct strview trie_key(char *to, const uint8_t *data, uint32_t bits)
{
	size_t bytes = (bits + 7) / 8;
	memcpy(to, &bits, TRIE_HEAD);
	if (bytes)
		memcpy(to + TRIE_HEAD, data, bytes);
	if (bits % 8)
		to[TRIE_HEAD + bytes - 1] = (char)(data[bytes - 1] & (0xff00u >> bits % 8));
	return (struct strview){ to, TRIE_HEAD + bytes };
}

static int trie_add(struct decider *d, struct trie *t, const uint8_t *data, uint32_t bits, const void *value)
{
	char *to = arena_alloc(&d->arena, TRIE_HEAD + bits / 8 + 2);
	size_t at = 0;
	if (!to || strmap_add(&t->by_key, trie_key(to, data, bits), (void *)(uintptr_t)value))
		return -ENOMEM;
	while (at < t->n_lengths && t->lengths[at] > bits)
		at++;
	if (at < t->n_lengths && t->lengths[at] == bits)
		return 0;
	uint32_t *bigger = realloc(t->lengths, (t->n_lengths + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	t->lengths = bigger;
	memmove(bigger + at + 1, bigger + at, (t->n_lengths++ - at) * sizeof(*bigger));
	bigger[at] = bits;
	return 0;
}

/* NULL: nothing begins so. */
static const void *trie_find(const struct trie *t, const uint8_t *data, uint32_t bits)
{
	char key[TRIE_HEAD + POLICY_KEY_BYTES];
	for (size_t i = 0; i < t->n_lengths; i++) {
		if (t->lengths[i] > bits)
			continue;
		const void *found = strmap_get(&t->by_key, trie_key(key, data, t->lengths[i]));
		if (found)
			return found;
	}
	return NULL;
}

void decider_free(struct decider **d)
{
	if (!*d)
		return;
	trie_done(&(*d)->texts);
	trie_done(&(*d)->numbers);
	trie_done(&(*d)->addresses);
	arena_done(&(*d)->arena);
	free(*d);
	*d = NULL;
}

int decider_new(const struct verdict_tables *tables, struct decider **ret)
{
	CLEANUP(decider_free) struct decider *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;
	if (err)
		return err;
	d->tables = tables;
	d->arena.max = SIZE_MAX / 2;
	for (size_t i = 0; i < tables->n_texts && !err; i++)
		err = trie_add(d, &d->texts, tables->texts[i].key.data, tables->texts[i].key.prefix_bits, &tables->texts[i]);
	for (size_t i = 0; i < tables->n_numbers && !err; i++)
		err = trie_add(d, &d->numbers, tables->numbers[i].key.dimension, tables->numbers[i].key.prefix_bits, &tables->numbers[i]);
	for (size_t i = 0; i < tables->n_addresses && !err; i++)
		err = trie_add(d, &d->addresses, tables->addresses[i].key.address, tables->addresses[i].key.prefix_bits, &tables->addresses[i]);
	if (!err)
		*ret = TAKE(d);
	return err;
}

/* --- classes --------------------------------------------------------------------------------------------------------------- */

static const struct policy_text *find_text(const struct decider *d, enum policy_space space, struct strview text)
{
	struct policy_text_key key = { .data[0] = (uint8_t)space };
	uint32_t bits = names_key(&key, 1, text);
	const struct verdict_text *found = trie_find(&d->texts, key.data, bits);
	return found ? &found->value : NULL;
}

static const struct policy_text *find_on_device(const struct decider *d, uint32_t device, struct strview text)
{
	struct policy_text_key key;
	size_t head = names_device_head(&key, device);
	const struct verdict_text *found = trie_find(&d->texts, key.data, names_key(&key, head, text));
	return found ? &found->value : NULL;
}

enum text_role { ROLE_OBJECT, ROLE_EXECUTABLE, ROLE_ANCESTOR };

static uint32_t class_in(const struct policy_text *value, enum text_role role)
{
	return role == ROLE_OBJECT ? value->object : role == ROLE_EXECUTABLE ? value->executable : value->ancestor;
}

static uint32_t first_name(const struct decider *d, const struct decide_file *f, enum text_role role)
{
	if (f->path.known == KNOWN_UNREADABLE)
		return CLASS_UNKNOWN;
	const struct policy_text *found = f->path.known ? find_text(d, SPACE_NAMESPACE, f->path.text) : NULL;
	return found ? class_in(found, role) : CLASS_NONE;
}

static uint32_t second_name(const struct decider *d, const struct decide_file *f, enum text_role role, bool is_container)
{
	if (f->fs_path.known == KNOWN_UNREADABLE)
		return CLASS_UNKNOWN;
	if (!f->fs_path.known)
		return CLASS_NONE;
	const struct policy_text *found = find_on_device(d, f->device, f->fs_path.text);
	if (!found)
		return is_container ? CLASS_ABSENT : CLASS_FOREIGN;
	return class_in(found, role);
}

static uint32_t number_class(const struct decider *d, enum policy_dimension dimension, const struct decide_number *n)
{
	if (n->known == KNOWN_UNREADABLE)
		return CLASS_UNKNOWN;
	if (dimension_kind(dimension) == KIND_OF_SMALL)
		return (uint32_t)(CLASS_FIRST + n->value);
	if (!n->known)
		return CLASS_NONE;
	struct policy_number_key key = { 0 };
	for (unsigned i = 0; i < 4; i++)
		key.dimension[i] = (uint8_t)((uint32_t)dimension >> (24 - 8 * i));
	for (unsigned i = 0; i < 8; i++)
		key.value[i] = (uint8_t)(n->value >> (56 - 8 * i));
	const struct verdict_number *found = trie_find(&d->numbers, key.dimension, 96);
	return found ? found->class : CLASS_NONE;
}

static uint32_t address_class(const struct decider *d, const struct decide_address *a)
{
	if (a->known != KNOWN_VALUE)
		return a->known ? CLASS_UNKNOWN : CLASS_NONE;
	const struct verdict_address *found = trie_find(&d->addresses, a->bytes, 128);
	return found ? found->class : CLASS_NONE;
}

static uint32_t text_class(const struct decider *d, enum policy_space space, const struct decide_text *t)
{
	char ending[POLICY_ENDING_MAX];
	if (t->known != KNOWN_VALUE)
		return t->known ? CLASS_UNKNOWN : CLASS_NONE;
	struct strview text = space == SPACE_ENDING ? (struct strview){ ending, names_ending(t->text, ending) } : t->text;
	const struct policy_text *found = find_text(d, space, text);
	return found ? found->object : CLASS_NONE;
}

/* --- rows ------------------------------------------------------------------------------------------------------------------ */

static const struct policy_row *row_of(const struct decider *d, uint32_t event, enum policy_dimension dimension, uint32_t class)
{
	return &d->tables->rows[d->tables->head.first_row[event][dimension] + (dimension_is_pair(dimension) ? 2 : 1) * class];
}

static void and_row(struct policy_row *left, const struct policy_row *row)
{
	for (size_t w = 0; w < POLICY_WORDS; w++)
		left->words[w] &= row->words[w];
}

/* Either name may bring what is asked for; both have to bring what is excepted. */
static void and_pair(const struct decider *d, uint32_t event, enum policy_dimension dimension, const uint32_t class[2], struct policy_row *left)
{
	const struct policy_row *a = row_of(d, event, dimension, class[0]), *b = row_of(d, event, dimension, class[1]);
	for (size_t w = 0; w < POLICY_WORDS; w++)
		left->words[w] &= (a[0].words[w] | b[0].words[w]) & (a[1].words[w] | b[1].words[w]);
}

/* One image. Without a second name that is worth something its path speaks for both in a container, and excepts nothing on the host. */
static void add_ancestor(const struct decider *d, const struct decide_file *f, bool is_container, uint64_t holds[static POLICY_ANCESTOR_WORDS],
			 uint64_t spares[static POLICY_ANCESTOR_WORDS])
{
	static const struct policy_ancestor_mask none;
	const struct policy_text *first = f->path.known == KNOWN_VALUE ? find_text(d, SPACE_NAMESPACE, f->path.text) : NULL;
	const struct policy_text *second = f->fs_path.known == KNOWN_VALUE ? find_on_device(d, f->device, f->fs_path.text) : NULL;
	const struct policy_ancestor_mask *a = first ? &d->tables->ancestor_masks[first->ancestor] : &none;
	const struct policy_ancestor_mask *b = second ? &d->tables->ancestor_masks[second->ancestor] : is_container ? a : &none;
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++) {
		holds[w] |= a->words[w] | b->words[w];
		spares[w] |= a->words[w] & b->words[w];
	}
}

void decide_ancestors(const struct decider *d, const struct decide_file *images, size_t n, bool is_container,
		      uint64_t ret_holds[static POLICY_ANCESTOR_WORDS], uint64_t ret_spares[static POLICY_ANCESTOR_WORDS])
{
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++)
		ret_holds[w] = ret_spares[w] = 0;
	for (size_t i = 0; i < n; i++)
		add_ancestor(d, &images[i], is_container, ret_holds, ret_spares);
}

static void and_ancestors(const struct decider *d, const struct decide_event *ev, struct policy_row *left)
{
	const struct verdict_tables *t = d->tables;
	uint64_t holds[POLICY_ANCESTOR_WORDS], spares[POLICY_ANCESTOR_WORDS];
	size_t number = t->head.ancestor_event[ev->event] - 1;
	decide_ancestors(d, ev->ancestors, ev->n_ancestors, ev->is_container, holds, spares);
	for (uint32_t p = 0; p < t->head.n_ancestors; p++) {
		const struct policy_ancestor_rows *rows = &t->ancestor_rows[p * t->n_ancestor_events + number];
		if (!(holds[p / 64] >> p % 64 & 1))
			and_row(left, &rows->when_not);
		else if (spares[p / 64] >> p % 64 & 1)
			and_row(left, &rows->when_held);
	}
}

/* --- arguments ------------------------------------------------------------------------------------------------------------- */

static void add_argument(const struct decider *d, struct strview argument, uint64_t holds[static POLICY_ANCESTOR_WORDS])
{
	static const struct policy_ancestor_mask none;
	char turned[POLICY_KEY_BYTES];
	size_t n = MIN(argument.n, (size_t)POLICY_TEXT_MAX);
	for (size_t i = 0; i < n; i++)
		turned[i] = argument.p[argument.n - 1 - i];
	const struct policy_text *whole = find_text(d, SPACE_ARGUMENT, argument), *end = find_text(d, SPACE_ARGUMENT_END, (struct strview){ turned, n });
	const struct policy_ancestor_mask *a = whole ? &d->tables->ancestor_masks[whole->ancestor] : &none;
	const struct policy_ancestor_mask *b = end ? &d->tables->ancestor_masks[end->ancestor] : &none;
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++)
		holds[w] |= a->words[w] | b->words[w];
}

/* As bpf/argument.h. Whether they could not be read. */
static bool and_arguments(const struct decider *d, const struct decide_event *ev, struct policy_row *left)
{
	const struct policy_head *head = &d->tables->head;
	const struct policy_row *rows = &d->tables->rows[head->first_argument_row];
	uint64_t holds[POLICY_ANCESTOR_WORDS] = { 0 };
	if (!head->n_arguments)
		return false;
	if (ev->arguments.known == KNOWN_UNREADABLE) {
		and_row(left, &rows[2 * head->n_arguments]);
		return true;
	}
	for (size_t at = 0; at < ev->arguments.text.n;) {
		struct strview rest = sv_from_index(ev->arguments.text, at);
		const char *end = memchr(rest.p, '\0', rest.n);
		struct strview one = { rest.p, end ? (size_t)(end - rest.p) : rest.n };
		add_argument(d, one, holds);
		at += one.n + 1;
	}
	for (uint32_t i = 0; i < head->n_arguments; i++)
		and_row(left, &rows[2 * i + !(holds[i / 64] >> i % 64 & 1)]);
	return false;
}

/* --- the decision ---------------------------------------------------------------------------------------------------------- */

static bool is_unreadable(const uint32_t class[2])
{
	return class[0] == CLASS_UNKNOWN || class[1] == CLASS_UNKNOWN;
}

/* The clauses that the dimension leaves; whether its value could not be read. */
static bool apply(const struct decider *d, const struct decide_event *ev, enum policy_dimension dimension, struct policy_row *left)
{
	uint32_t class[2] = { CLASS_NONE, CLASS_NONE };
	if (dimension_is_pair(dimension)) {
		enum text_role role = dimension == DIMENSION_EXECUTABLE ? ROLE_EXECUTABLE : ROLE_OBJECT;
		class[0] = first_name(d, &ev->files[dimension], role);
		class[1] = second_name(d, &ev->files[dimension], role, ev->is_container);
		and_pair(d, ev->event, dimension, class, left);
		return is_unreadable(class);
	}
	if (dimension == DIMENSION_ANCESTORS && !ev->is_ancestry_unknown) {
		and_ancestors(d, ev, left);
		return false;
	}
	if (dimension == DIMENSION_ANCESTORS)
		class[0] = CLASS_UNKNOWN;
	else if (dimension == DIMENSION_CONTAINER)
		class[0] = CLASS_FIRST + ev->is_container;
	else if (dimension == DIMENSION_ADDRESS)
		class[0] = address_class(d, &ev->address);
	else if (dimension_kind(dimension) == KIND_OF_TEXT)
		class[0] = text_class(d, space_of_texts(dimension_domain(dimension)), &ev->texts[dimension]);
	else
		class[0] = number_class(d, dimension, &ev->numbers[dimension]);
	and_row(left, row_of(d, ev->event, dimension, class[0]));
	return is_unreadable(class);
}

void decide(const struct decider *d, const struct decide_event *ev, struct decide_answer *ret)
{
	const struct policy_head *head = &d->tables->head;
	struct policy_row left;
	*ret = (struct decide_answer){ 0 };
	if (!head->needs[ev->event] && (ev->event != EVENT_PROC_IMAGE || !head->is_killing))
		return;
	memset(left.words, 0xff, sizeof(left.words));
	for (size_t i = 0; i < DIMENSION_COUNT; i++)
		if (head->needs[ev->event] >> i & 1)
			ret->is_unknown |= apply(d, ev, (enum policy_dimension)i, &left);
	if (ev->event == EVENT_PROC_IMAGE)
		ret->is_unknown |= and_arguments(d, ev, &left);
	for (size_t w = 0; w < POLICY_WORDS && !ret->is_hit; w++) {
		if (!left.words[w])
			continue;
		const struct policy_clause *c = &d->tables->clauses[head->first_clause[ev->event] + 64 * w + (size_t)__builtin_ctzll(left.words[w])];
		ret->is_hit = true;
		ret->rule_slot = c->rule_slot;
		ret->flags = c->flags;
	}
}

/* --- out of an event ------------------------------------------------------------------------------------------------------- */

static struct decide_text text_of(const struct value *v)
{
	return v->is_missing ? (struct decide_text){ 0 } : (struct decide_text){ KNOWN_VALUE, v->s };
}

/* The second name that the path stands for on this host. */
static void locate_file(const struct mounts *mounts, struct decide_file *f, struct decide_scratch *scratch)
{
	CLEANUP(buf_done) struct buf inside = { 0 };
	if (!mounts || f->path.known != KNOWN_VALUE || !f->path.text.n || f->path.text.p[0] != '/')
		return;
	if (!mounts_locate(mounts, f->path.text, &f->device, &inside))
		return;
	f->fs_path.known = KNOWN_UNREADABLE;
	if (buf_error(&inside) || inside.n > DECIDE_TEXT - scratch->used)
		return;
	if (inside.n)
		memcpy(scratch->text + scratch->used, inside.p, inside.n);
	f->fs_path = (struct decide_text){ KNOWN_VALUE, { scratch->text + scratch->used, inside.n } };
	scratch->used += inside.n;
}

static void take_file(const struct event *ev, const struct decided_field *f, const struct value *v, const struct mounts *mounts,
		      struct decide_event *ret, struct decide_scratch *scratch)
{
	struct decide_file *file = &ret->files[f->dimension];
	const char *second = f->dimension == DIMENSION_PATH ? "vedette.file.fs_path" : f->dimension == DIMENSION_NEW_PATH ? "vedette.new_fs_path" : NULL;
	const struct field *inside = second ? field_find(ev->type, sv_from(second)) : NULL, *device = field_find(ev->type, SV("file.device"));
	*file = (struct decide_file){ .path = text_of(v) };
	if (!inside || !device) {
		locate_file(mounts, file, scratch);
		return;
	}
	struct value inner = event_get(ev, inside), dev = event_get(ev, device);
	if (!inner.is_missing && !dev.is_missing) {
		file->fs_path = text_of(&inner);
		file->device = (uint32_t)dev.u;
	}
}

static void take_ancestors(const struct value *v, const struct mounts *mounts, struct decide_event *ret, struct decide_scratch *scratch)
{
	struct strview item;
	ret->ancestors = scratch->ancestors;
	for (size_t pos = 0; !v->is_missing && ret->n_ancestors < DECIDE_MAX_ANCESTORS && value_next_item(v, &pos, &item);) {
		struct decide_file *f = &scratch->ancestors[ret->n_ancestors++];
		*f = (struct decide_file){ .path = { KNOWN_VALUE, item } };
		locate_file(mounts, f, scratch);
	}
}

static void take_value(const struct event *ev, const struct decided_field *f, const struct mounts *mounts, struct decide_event *ret,
		       struct decide_scratch *scratch)
{
	struct value v = event_get(ev, field_find(ev->type, sv_from(f->name)));
	if (dimension_is_pair(f->dimension)) {
		if (!ret->files[f->dimension].path.known) /* two fields may be one path: the first that has a value says it */
			take_file(ev, f, &v, mounts, ret, scratch);
	} else if (f->dimension == DIMENSION_ANCESTORS) {
		take_ancestors(&v, mounts, ret, scratch);
	} else if (f->dimension == DIMENSION_CONTAINER) {
		ret->is_container = !v.is_missing;
	} else if (f->dimension == DIMENSION_FLAGS) {
		ret->numbers[f->dimension].value |= (uint64_t)(!v.is_missing && v.u) << f->bit;
	} else if (v.is_missing) {
		return;
	} else if (f->dimension == DIMENSION_ARGUMENTS) {
		ret->arguments = text_of(&v);
	} else if (dimension_kind(f->dimension) == KIND_OF_TEXT) {
		ret->texts[f->dimension] = text_of(&v);
	} else if (f->dimension == DIMENSION_ADDRESS) {
		ret->address.known = KNOWN_VALUE;
		memcpy(ret->address.bytes, v.ip.bytes, sizeof(v.ip.bytes));
	} else {
		ret->numbers[f->dimension] = (struct decide_number){ KNOWN_VALUE, v.u };
	}
}

void decide_image_of(const struct event *ev, const struct mounts *locate, struct decide_event *ret, struct decide_scratch *scratch)
{
	struct decided_field f;
	*ret = (struct decide_event){ .event = EVENT_PROC_IMAGE };
	scratch->used = 0;
	for (size_t i = 0; decided_field_at(EVENT_PROC_IMAGE, i, &f); i++)
		take_value(ev, &f, locate, ret, scratch);
}

void decide_event_of(const struct event *ev, const struct mounts *locate, struct decide_event *ret, struct decide_scratch *scratch)
{
	struct decided_field f;
	*ret = (struct decide_event){ .event = ev->type->number };
	scratch->used = 0;
	for (size_t i = 0; decided_field_at(ret->event, i, &f); i++)
		if (!f.is_not_yet)
			take_value(ev, &f, locate, ret, scratch);
}
