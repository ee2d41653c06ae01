/* SPDX-License-Identifier: Apache-2.0 */
/* evt.arg.* and evt.args: the arguments of the call, as Falco names and writes them. Which they are stands in computed_arg.def. */
#include <unistd.h>

#include "engine/base/num.h"
#include "engine/rules/computed_functions.h"
#include "engine/rules/match.h"

enum arg_form {
	ARG_PLAIN,     /* text as it is, numbers in decimal, symbols by name */
	ARG_NUMBER,    /* of a symbol */
	ARG_FLAGS,     /* symbols joined by |, or 0 */
	ARG_OPEN,      /* the same for open, with O_RDONLY and in Falco's order */
	ARG_OPEN_MODE, /* permission bits of a file that this open made, as 0644; else 0 */
	ARG_OCTAL,     /* as 0755 */
	ARG_BITS,      /* permission bits by name, S_IXUSR and the like */
	ARG_RESULT,    /* a number, or the error's name */
	ARG_FD,        /* the descriptor returned as <f>/path, or the error's name */
	ARG_FD_GIVEN,  /* the descriptor given as <f>/path */
	ARG_USER,      /* name of the user, or the number */
	ARG_EXEC,      /* what is remarkable of an executed file */
	ARG_REMOVE,    /* AT_REMOVEDIR for directories, or 0 */
};

struct arg_row {
	uint32_t event;
	int index;
	enum arg_form form;
	const char *calls, *name, *field;
};

static const struct arg_row rows[] = {
#define ARG(row_event, row_calls, row_index, row_name, row_form, row_field) \
	{ EVENT_##row_event, row_index, ARG_##row_form, row_calls, row_name, row_field },
#include "engine/rules/computed_arg.def"
};

static const struct {
	const char *name, *why;
} no_args[] = {
#define NO_ARG(row_name, row_why) { row_name, row_why },
#include "engine/rules/computed_arg.def"
};

enum { TEXT_BYTES = 512 }; /* text of numbers and symbols */

/* What a field asks for: rows by event, and the fields they read. */
struct arg_plan {
	uint16_t first[EVENT_NUMBERS]; /* of rows[], plus one; 0: none */
	struct {
		uint16_t next; /* row of the same event, plus one */
		const struct field_ref *field; /* NULL: none */
	} rows[ARRAY_SIZE(rows)];
};

/* --- preparing ------------------------------------------------------------------------------------------------------------- */

static bool row_is_asked(const struct arg_row *row, struct strview name, bool is_number, uint64_t number)
{
	if (!name.p) /* all of them */
		return true;
	return is_number ? row->index >= 0 && (uint64_t)row->index == number : sv_is(name, row->name);
}

static bool plan_row(struct compiler *c, struct arg_plan *plan, size_t i)
{
	uint16_t *link = &plan->first[rows[i].event];
	while (*link)
		link = &plan->rows[*link - 1].next;
	*link = (uint16_t)(i + 1);
	if (!rows[i].field[0])
		return true;
	plan->rows[i].field = field_lookup(c, sv_from(rows[i].field));
	return plan->rows[i].field != NULL;
}

static bool make_plan(struct compiler *c, struct field_ref *ref)
{
	struct arg_plan *plan = arena_alloc(c->arena, sizeof(*plan));
	uint64_t number = 0;
	bool is_number = ref->argument.n && num_parse_u64(ref->argument, 63, &number) == 0;
	ref->events = 0;
	for (size_t i = 0; plan && i < ARRAY_SIZE(rows); i++) {
		if (!row_is_asked(&rows[i], ref->argument, is_number, number))
			continue;
		if (!plan_row(c, plan, i))
			return false;
		const struct field_ref *field = plan->rows[i].field;
		ref->events |= 1ull << rows[i].event;
		ref->needs_outcome |= rows[i].form == ARG_RESULT || rows[i].form == ARG_FD || (field && field->needs_outcome);
		for (int k = 0; field && k < 2; k++) {
			ref->truncated[k] |= field->truncated[k];
			ref->uncertain[k] |= field->uncertain[k];
		}
	}
	ref->plan = plan;
	return plan != NULL;
}

static field_may_be arg_may_hold_word;

enum computed_fault arg_prepare(struct compiler *c, struct field_ref *ref)
{
	if (!make_plan(c, ref)) {
		c->no_memory = true;
		return COMPUTED_UNKNOWN;
	}
	ref->may_hold_word = ref->compute == event_arg ? arg_may_hold_word : NULL;
	if (ref->events)
		return COMPUTED_FOUND;
	for (size_t i = 0; i < ARRAY_SIZE(no_args); i++)
		if (sv_is(ref->argument, no_args[i].name))
			ref->never = no_args[i].why;
	uint64_t number;
	if (!ref->never && num_parse_u64(ref->argument, 63, &number) == 0)
		ref->never = "no event records the argument of this number";
	return ref->never ? COMPUTED_FOUND : COMPUTED_UNKNOWN;
}

/* --- forms ----------------------------------------------------------------------------------------------------------------- */

/* Bits by name, joined by |; 0 when there is none. */
struct bit_name {
	uint32_t bits;
	const char *name;
};

static void add_bits(struct scribe *s, const struct bit_name *names, size_t n, uint32_t bits)
{
	bool is_first = true;
	for (size_t i = 0; i < n; i++) {
		if ((bits & names[i].bits) != names[i].bits)
			continue;
		scribe_add(s, is_first ? SV("") : SV("|"));
		scribe_add(s, sv_from(names[i].name));
		is_first = false;
		bits &= ~names[i].bits;
	}
	if (is_first)
		scribe_add(s, SV("0"));
}

enum { BIT_READ = 1u << 28, BIT_WRITE = 1u << 29, BIT_MADE = 1u << 30, KERNEL_FLAGS = (1 << 28) - 1 };

/* Falco's order. The access mode is two bits there: O_RDWR is both. */
static const struct bit_name open_bits[] = {
	{ 0100000, "O_LARGEFILE" }, { 0200000, "O_DIRECTORY" }, { 040000, "O_DIRECT" }, { 01000, "O_TRUNC" }, { 04010000, "O_SYNC" },
	{ 04000, "O_NONBLOCK" }, { 0200, "O_EXCL" }, { 010000, "O_DSYNC" }, { 02000, "O_APPEND" }, { 0100, "O_CREAT" },
	{ BIT_READ | BIT_WRITE, "O_RDWR" }, { BIT_WRITE, "O_WRONLY" }, { BIT_READ, "O_RDONLY" }, { 02000000, "O_CLOEXEC" },
	{ 020000000, "O_TMPFILE" }, { BIT_MADE, "O_F_CREATED" },
};

static void add_open_flags(struct scribe *s, const struct event *ev, uint32_t flags)
{
	static const uint32_t access[] = { BIT_READ, BIT_WRITE, BIT_READ | BIT_WRITE, BIT_READ };
	uint32_t bits = (flags & KERNEL_FLAGS & ~3u) | access[flags & 3];
	if (EVENT_AS(ev, file_open)->is_created)
		bits |= BIT_MADE;
	add_bits(s, open_bits, ARRAY_SIZE(open_bits), bits);
}

static const struct bit_name mode_bits[] = {
	{ 01, "S_IXOTH" }, { 02, "S_IWOTH" }, { 04, "S_IROTH" }, { 010, "S_IXGRP" }, { 020, "S_IWGRP" }, { 040, "S_IRGRP" },
	{ 0100, "S_IXUSR" }, { 0200, "S_IWUSR" }, { 0400, "S_IRUSR" }, { 01000, "S_ISVTX" }, { 02000, "S_ISGID" }, { 04000, "S_ISUID" },
};

enum { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4 };

static const struct bit_name exec_bits[] = {
	{ EXE_WRITABLE, "EXE_WRITABLE" }, { EXE_UPPER_LAYER, "EXE_UPPER_LAYER" }, { EXE_FROM_MEMFD, "EXE_FROM_MEMFD" },
};

static void add_exec_flags(struct scribe *s, const struct event *ev, struct strview executable)
{
	uint32_t bits = exec_is_writable(ev) ? EXE_WRITABLE : 0;
	if (EVENT_AS(ev, proc_exec)->is_upper_layer)
		bits |= EXE_UPPER_LAYER;
	if (path_is_memfd(executable))
		bits |= EXE_FROM_MEMFD;
	add_bits(s, exec_bits, ARRAY_SIZE(exec_bits), bits);
}

static void add_symbols(struct scribe *s, const struct value *v)
{
	struct strview item;
	bool is_first = true;
	for (size_t pos = 0; value_next_item(v, &pos, &item); is_first = false) {
		scribe_add(s, is_first ? SV("") : SV("|"));
		scribe_add(s, item);
	}
	if (is_first)
		scribe_add(s, SV("0"));
}

static void add_result(struct scribe *s, int64_t result)
{
	const char *name = result < 0 ? symbol_text(KIND_ERRNO, (uint64_t)-result) : NULL;
	if (name)
		scribe_add(s, sv_from(name));
	else
		scribe_s64(s, result);
}

static void add_plain(struct scribe *s, const struct value *v)
{
	if (v->class == CLASS_STR) {
		scribe_add(s, v->s);
		return;
	}
	if (v->class == CLASS_LIST) {
		struct strview item;
		bool is_first = true;
		for (size_t pos = 0; value_next_item(v, &pos, &item); is_first = false) {
			scribe_add(s, is_first ? SV("") : SV(" "));
			scribe_add(s, item);
		}
		return;
	}
	char small[TEXT_BYTES];
	struct buf text = { .p = small, .cap = sizeof(small), .max = sizeof(small) };
	scribe_add(s, value_text(v, &text)); /* numbers, single symbols, addresses: never grows beyond small */
}

/* A descriptor as Falco shows it: its type in brackets, then its name. */
static void add_descriptor(struct scribe *s, const struct event *ev, const struct value *name)
{
	char letter = fd_letter(ev);
	bool is_ip = letter == '4' || letter == '6';
	uint32_t transport = is_ip ? fd_transport(ev) : 0;
	scribe_add(s, SV("<"));
	scribe_add(s, (struct strview){ letter ? &letter : "o", 1 });
	scribe_add(s, transport == 6 ? SV("t") : transport == 17 ? SV("u") : is_ip ? SV("r") : SV(""));
	scribe_add(s, SV(">"));
	if (!name->is_missing)
		scribe_add(s, name->s);
}

/* --- what is known beforehand ------------------------------------------------------------------------------------------------ */

/* As the names of flags and commands are written: nothing else is a name. */
static bool is_symbol_word(struct strview text)
{
	bool is_good = text.n && text.p[0] >= 'A' && text.p[0] <= 'Z';
	for (size_t i = 0; i < text.n && is_good; i++)
		is_good = (text.p[i] >= 'A' && text.p[i] <= 'Z') || (text.p[i] >= '0' && text.p[i] <= '9') || text.p[i] == '_';
	return is_good;
}

static bool is_in_name(struct strview word, const char *name)
{
	return memmem(name, strlen(name), word.p, word.n) != NULL;
}

static bool is_in_bits(struct strview word, const struct bit_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_in_name(word, names[i].name))
			return true;
	return false;
}

static bool is_in_symbols(struct strview word, enum kind_id kind)
{
	uint64_t value;
	const char *name;
	for (size_t i = 0; symbol_at(kind, i, &value, &name); i++)
		if (is_in_name(word, name))
			return true;
	return false;
}

static bool row_may_hold(const struct arg_row *row, const struct field_ref *field, struct strview word)
{
	bool is_symbol = field && (field->class == CLASS_ENUM || field->class == CLASS_FLAGS);
	switch (row->form) {
	case ARG_OPEN:
		return is_in_bits(word, open_bits, ARRAY_SIZE(open_bits));
	case ARG_BITS:
		return is_in_bits(word, mode_bits, ARRAY_SIZE(mode_bits));
	case ARG_EXEC:
		return is_in_bits(word, exec_bits, ARRAY_SIZE(exec_bits));
	case ARG_PLAIN:
	case ARG_FLAGS:
		return !is_symbol || is_in_symbols(word, field->kind);
	default:
		return true;
	}
}

static bool arg_may_hold_word(const struct field_ref *ref, uint32_t event, struct strview word)
{
	const struct arg_plan *plan = ref->plan;
	if (!is_symbol_word(word))
		return true;
	for (uint16_t at = plan->first[event]; at; at = plan->rows[at - 1].next)
		if (row_may_hold(&rows[at - 1], plan->rows[at - 1].field, word))
			return true;
	return plan->first[event] == 0;
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static bool has_call(const char *calls, struct strview call)
{
	if (!calls[0])
		return true;
	for (struct strview rest = sv_from(calls); rest.n;) {
		const char *blank = memchr(rest.p, ' ', rest.n);
		struct strview word = { rest.p, blank ? (size_t)(blank - rest.p) : rest.n };
		if (sv_equal(word, call))
			return true;
		rest = sv_from_index(rest, word.n + 1);
	}
	return false;
}

/* The text of one argument goes to s; false: it has no value. v: of the row's field. */
static bool add_arg(struct scribe *s, const struct event *ev, const struct arg_row *row, const struct value *v)
{
	int64_t result;
	bool needs_value = row->form != ARG_FD && row->form != ARG_FD_GIVEN && row->form != ARG_FLAGS && row->form != ARG_REMOVE &&
			   row->form != ARG_OPEN_MODE;
	if (needs_value && v->is_missing)
		return false;
	switch (row->form) {
	case ARG_PLAIN:
		add_plain(s, v);
		break;
	case ARG_NUMBER:
		scribe_u64(s, v->u);
		break;
	case ARG_FLAGS:
		if (v->is_missing)
			return false;
		add_symbols(s, v);
		break;
	case ARG_OPEN:
		add_open_flags(s, ev, (uint32_t)v->u);
		break;
	case ARG_OPEN_MODE:
		scribe_format(s, "%#o", EVENT_AS(ev, file_open)->is_created && !v->is_missing ? (unsigned)v->u & 07777u : 0u);
		break;
	case ARG_OCTAL:
		scribe_format(s, "%#o", (unsigned)v->u & 07777u);
		break;
	case ARG_BITS:
		add_bits(s, mode_bits, ARRAY_SIZE(mode_bits), (uint32_t)v->u);
		break;
	case ARG_RESULT:
		add_result(s, v->i);
		break;
	case ARG_FD:
		if (!event_result(ev, &result))
			return false;
		if (result < 0)
			add_result(s, result);
		else
			add_descriptor(s, ev, v);
		break;
	case ARG_FD_GIVEN:
		if (v->is_missing)
			return false;
		add_descriptor(s, ev, v);
		break;
	case ARG_USER: {
		struct strview name = DERIVED_TEXT(ev, new_user_name);
		if (name.n)
			scribe_add(s, name);
		else
			add_plain(s, v);
		break;
	}
	case ARG_EXEC:
		add_exec_flags(s, ev, v->s);
		break;
	case ARG_REMOVE:
		if (v->is_missing)
			return false;
		scribe_add(s, v->u == 0040000 ? SV("AT_REMOVEDIR") : SV("0"));
		break;
	}
	return true;
}

/* Value of the row's field, in room of its own below the scribe's. */
static struct value row_value(struct matcher *m, const struct event *ev, const struct arg_plan *plan, size_t i)
{
	const struct field_ref *field = plan->rows[i].field;
	return field ? field_ref_value(m, ev, field) : (struct value){ .is_missing = true, .class = CLASS_STR, .kind = KIND_STR };
}

static size_t text_room(const struct value *v)
{
	bool is_text = !v->is_missing && (v->class == CLASS_STR || v->class == CLASS_LIST);
	return (is_text ? v->s.n : 0) + TEXT_BYTES;
}

struct value event_arg(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	const struct arg_plan *plan = ref->plan;
	struct strview call = computed_call(ev);
	if (!call.n)
		return computed_missing(ref);
	for (uint16_t at = plan->first[ev->type->number]; at; at = plan->rows[at - 1].next) {
		const struct arg_row *row = &rows[at - 1];
		if (!has_call(row->calls, call))
			continue;
		struct value v = row_value(m, ev, plan, at - 1u);
		if (row->form == ARG_PLAIN && v.class == CLASS_STR)
			return v.is_missing ? computed_missing(ref) : computed_text(ref, v.s);
		struct scribe s;
		scribe_start(&s, m, text_room(&v));
		return add_arg(&s, ev, row, &v) ? scribe_value(&s, m, ref) : computed_missing(ref);
	}
	return computed_missing(ref);
}

/* Each argument as name=value, in the table's order. */
struct value event_args(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	enum { ALL_MAX_BYTES = 64 * 1024 };
	const struct arg_plan *plan = ref->plan;
	struct strview call = computed_call(ev);
	if (!call.n)
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, ALL_MAX_BYTES);
	for (uint16_t at = plan->first[ev->type->number]; at; at = plan->rows[at - 1].next) {
		const struct arg_row *row = &rows[at - 1];
		if (!has_call(row->calls, call))
			continue;
		struct value v = row_value(m, ev, plan, at - 1u);
		size_t before = s.n;
		scribe_add(&s, s.n ? SV(" ") : SV(""));
		scribe_add(&s, sv_from(row->name));
		scribe_add(&s, SV("="));
		if (!add_arg(&s, ev, row, &v))
			s.n = before;
	}
	return s.failed ? computed_missing(ref) : computed_text(ref, (struct strview){ s.p, s.n });
}
