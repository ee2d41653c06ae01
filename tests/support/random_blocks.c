/* SPDX-License-Identifier: Apache-2.0 */
/* Everything follows the rows of schemas/decisions.def: a field that is added there is in these rules and events. */
#include "tests/support/random_blocks.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/rules/condition.h"
#include "tests/support/random_text.h"

const char random_mounts[] = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			     "22 21 8:2 / /data rw,relatime - xfs /dev/sdb1 rw\n";

static const char *const paths[] = { "/usr/bin/cat", "/usr/bin/curl", "/usr/bin", "/usr/lib/x.so", "/usr/bing", "/etc/passwd", "/etc/shadow", "/data/a",
				     "/data/a/b", "/data", "/database/x", "/tmp/x", "/tmp/dir/y", "/", "/opt/app/bin/run", "/data/secret" };
static const char *const beginnings[] = { "/usr/", "/usr/bin/", "/usr/b", "/etc", "/data/", "/da", "/data", "/tmp/", "/", "/opt/app/", "/data/a" };
static const char *const cgroups[] = { "/system.slice", "/system.slice/sshd.service", "/user.slice", "/s" };
static const char *const names[] = { "user.a", "security.x", "ext4", "tmpfs", "@bus", "@bus/one", "/system.slice", "/system.slice/sshd.service", "/user.slice", "s" };
static const char *const networks[] = { "10.0.0.0/8", "10.1.2.3", "192.0.2.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1", "127.0.0.1", "10.1.0.0/17" };
static const char *const addresses[] = { "10.1.2.3", "10.1.200.3", "10.9.9.9", "192.0.2.7", "127.0.0.1", "8.8.8.8", "2001:db8::1", "2001:db8::2", "fe80::1", "::ffff:10.1.2.3" };
static const char *const numbers[] = { "0", "1", "2", "22", "80", "443", "1000", "1023", "1024", "65535", "4294967294" };

const char *random_block_path(struct random *r)
{
	return random_of(r, paths, ARRAY_SIZE(paths));
}

uint32_t random_decided_event(struct random *r)
{
	for (;;) {
		uint32_t event = (uint32_t)random_below(r, EVENT_NUMBERS);
		if (event_is_decided(event))
			return event;
	}
}

static struct decided_field some_field(struct random *r, uint32_t event)
{
	struct decided_field f, all[64];
	size_t n = 0;
	for (size_t i = 0; n < ARRAY_SIZE(all) && decided_field_at(event, i, &f); i++)
		if (!f.is_not_yet && strcmp(f.name, "file.hash.sha256") != 0) /* whose texts have a form */
			all[n++] = f;
	return all[random_below(r, n)];
}

/* --- conditions ------------------------------------------------------------------------------------------------------------ */

static const char *some_symbol(struct random *r, enum kind_id kind)
{
	uint64_t value;
	const char *text = "0";
	size_t n = 0;
	while (n < 6 && symbol_at(kind, n, &value, &text))
		n++;
	if (n)
		(void)!symbol_at(kind, random_below(r, n), &value, &text);
	return text;
}

static const char *some_value(struct random *r, const struct decided_field *f, const struct field *field)
{
	switch (kind_get(field->kind)->class) {
	case CLASS_STR:
	case CLASS_LIST:
		if (f->dimension == DIMENSION_CGROUP)
			return random_of(r, cgroups, ARRAY_SIZE(cgroups));
		return f->dimension == DIMENSION_NAME ? random_of(r, names, ARRAY_SIZE(names)) : random_block_path(r);
	case CLASS_ENUM:
		return some_symbol(r, field->kind);
	case CLASS_BOOL:
		return random_chance(r, 1, 2) ? "true" : "false";
	case CLASS_IP:
		return random_of(r, networks, ARRAY_SIZE(networks));
	default:
		return field->kind == KIND_DEV ? (random_chance(r, 1, 2) ? "8:1" : "8:2") : random_of(r, numbers, ARRAY_SIZE(numbers));
	}
}

static void add_set(struct random *r, const struct decided_field *f, const struct field *field, struct buf *out)
{
	size_t n = 1 + random_below(r, 3);
	buf_add_char(out, '(');
	for (size_t i = 0; i < n; i++)
		buf_add_format(out, "%s\"%s\"", i ? ", " : "", some_value(r, f, field));
	buf_add_char(out, ')');
}

static void add_text_test(struct random *r, const struct decided_field *f, const struct field *field, struct buf *out)
{
	bool is_path = f->dimension != DIMENSION_NAME && f->dimension != DIMENSION_CGROUP;
	switch (random_below(r, is_path ? 8 : 6)) {
	case 0:
		buf_add_format(out, "%s != \"%s\"", f->name, some_value(r, f, field));
		break;
	case 1:
		buf_add_format(out, "%s exists", f->name);
		break;
	case 2:
	case 3:
		buf_add_format(out, "%s in ", f->name);
		add_set(r, f, field, out);
		break;
	case 4:
		buf_add_format(out, "%s startswith \"%s\"", f->name, is_path ? random_of(r, beginnings, ARRAY_SIZE(beginnings)) : f->dimension == DIMENSION_CGROUP ? "/s" : "s");
		break;
	case 5:
		buf_add_format(out, "%s = \"%s\"", f->name, some_value(r, f, field));
		break;
	case 6:
		buf_add_format(out, "%s pmatch (\"%s\", \"%s\")", f->name, some_value(r, f, field), some_value(r, f, field));
		break;
	default:
		buf_add_format(out, "%s glob \"%s*\"", f->name, random_of(r, beginnings, ARRAY_SIZE(beginnings)));
	}
}

static void add_ancestor_test(struct random *r, struct buf *out)
{
	const char *path = random_block_path(r), *other = random_block_path(r);
	switch (random_below(r, 4)) {
	case 0:
		buf_add_format(out, "ancestor(process.executable = \"%s\")", path);
		break;
	case 1:
		buf_add_format(out, "ancestor(process.executable startswith \"%s\")", random_of(r, beginnings, ARRAY_SIZE(beginnings)));
		break;
	case 2:
		buf_add_format(out, "vedette.ancestors.executable intersects (\"%s\", \"%s\")", path, other);
		break;
	default:
		buf_add_format(out, "vedette.ancestors.executable pmatch (\"%s\")", path);
	}
}

static void add_number_test(struct random *r, const struct decided_field *f, const struct field *field, struct buf *out)
{
	static const char *const operators[] = { "=", "!=", "<", "<=", ">", ">=" };
	bool is_ordered = kind_get(field->kind)->class == CLASS_UINT;
	size_t how = random_below(r, 10);
	if (how == 0) {
		buf_add_format(out, "%s exists", f->name);
	} else if (how < 4) {
		buf_add_format(out, "%s in ", f->name);
		add_set(r, f, field, out);
	} else {
		buf_add_format(out, "%s %s \"%s\"", f->name, operators[random_below(r, is_ordered ? ARRAY_SIZE(operators) : 2)], some_value(r, f, field));
	}
}

static void add_flag_test(struct random *r, const struct decided_field *f, struct buf *out)
{
	static const char *const forms[] = { "%s", "%s = true", "%s = false", "%s != true", "%s exists", "%s in (true, false)" };
	buf_add_sv(out, sv_from(f->name));
	buf_add_z(out, random_of(r, forms, ARRAY_SIZE(forms)) + 2);
}

static void add_address_test(struct random *r, const struct decided_field *f, const struct field *field, struct buf *out)
{
	size_t how = random_below(r, 6);
	if (how == 0)
		buf_add_format(out, "%s exists", f->name);
	else if (how < 3)
		buf_add_format(out, "%s %s %s", f->name, how == 1 ? "=" : "!=", some_value(r, f, field));
	else
		buf_add_format(out, "%s in ", f->name);
	if (how >= 3)
		add_set(r, f, field, out);
}

/* A field of one of the events that is decided in each that has it. */
static struct decided_field common_field(struct random *r, const uint32_t *events, size_t n, uint32_t *ret_event)
{
	for (;;) {
		*ret_event = events[random_below(r, n)];
		struct decided_field f = some_field(r, *ret_event), other;
		bool is_common = true;
		for (size_t i = 0; i < n; i++)
			if (field_find(event_type_by_number(events[i]), sv_from(f.name)))
				is_common &= decided_field(events[i], f.name, &other) && !other.is_not_yet;
		if (is_common)
			return f;
	}
}

static void add_test(struct random *r, const uint32_t *events, size_t n_events, struct buf *out)
{
	uint32_t event;
	struct decided_field f = common_field(r, events, n_events, &event);
	const struct field *field = field_find(event_type_by_number(event), sv_from(f.name));
	if (f.dimension == DIMENSION_CONTAINER)
		buf_add_z(out, "container.id exists");
	else if (f.dimension == DIMENSION_ANCESTORS)
		add_ancestor_test(r, out);
	else if (f.dimension == DIMENSION_FLAGS)
		add_flag_test(r, &f, out);
	else if (f.dimension == DIMENSION_ADDRESS)
		add_address_test(r, &f, field, out);
	else if (dimension_kind(f.dimension) == KIND_OF_TEXT)
		add_text_test(r, &f, field, out);
	else
		add_number_test(r, &f, field, out);
}

static void add_condition(struct random *r, const uint32_t *events, size_t n_events, unsigned depth, struct buf *out)
{
	size_t how = random_below(r, depth ? 12 : 4);
	if (how < 4) {
		if (random_chance(r, 1, 20))
			buf_add_z(out, random_chance(r, 1, 2) ? "is_admin" : "is_odd");
		else
			add_test(r, events, n_events, out);
		return;
	}
	if (how < 6) {
		buf_add_z(out, "not (");
		add_condition(r, events, n_events, depth - 1, out);
		buf_add_char(out, ')');
		return;
	}
	size_t n = 2 + random_below(r, 2);
	for (size_t i = 0; i < n; i++) {
		buf_add_z(out, i == 0 ? "(" : how < 10 ? ") and (" : ") or (");
		add_condition(r, events, n_events, depth - 1, out);
	}
	buf_add_char(out, ')');
}

void random_block_condition(struct random *r, const uint32_t *events, size_t n_events, struct buf *out)
{
	add_condition(r, events, n_events, (unsigned)random_below(r, 5), out);
}

void random_block_rule(struct random *r, const uint32_t *events, size_t n_events, size_t number, struct buf *out)
{
	uint32_t own[3];
	size_t n = random_chance(r, 3, 4) ? 1 : 1 + random_below(r, ARRAY_SIZE(own));
	buf_add_format(out, "- rule: r%zu\n  severity: low\n  action: block\n  event: [", number);
	for (size_t i = 0; i < n; i++) {
		own[i] = events[random_below(r, n_events)];
		buf_add_format(out, "%s%s", i ? ", " : "", event_type_by_number(own[i])->name);
	}
	buf_add_z(out, "]\n  when: |\n    ");
	random_block_condition(r, own, n, out);
	if (random_chance(r, 1, 4)) {
		buf_add_z(out, "\n  exceptions:\n    - name: but-not\n      when: |\n        ");
		add_condition(r, own, n, 1, out);
	}
	buf_add_char(out, '\n');
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

static void set(struct event_builder *b, const char *name, const char *text)
{
	if (event_builder_set_text(b, name, text))
		abort(); /* the table has the field, and the value is one of it */
}

void random_block_set_file(struct event_builder *b, const char *field, const char *path)
{
	bool is_on_data = strcmp(path, "/data") == 0 || strncmp(path, "/data/", 6) == 0;
	const char *inside = !is_on_data ? path : path[5] ? path + 5 : "/";
	set(b, field, path);
	if (strcmp(field, "file.path") != 0 && strcmp(field, "vedette.new_path") != 0)
		return;
	set(b, field[0] == 'f' ? "vedette.file.fs_path" : "vedette.new_fs_path", inside);
	set(b, "file.device", is_on_data ? "8:2" : "8:1");
}

static void set_ancestors(struct random *r, struct event_builder *b, const char *field)
{
	struct strview items[4];
	size_t n = random_below(r, ARRAY_SIZE(items) + 1);
	for (size_t i = 0; i < n; i++)
		items[i] = sv_from(random_block_path(r));
	if (n && event_builder_set(b, sv_from(field), items, n))
		abort();
}

static void set_number(struct random *r, struct event_builder *b, const struct decided_field *f, const struct field *field)
{
	const char *value = some_value(r, f, field);
	char near[24];
	if (kind_get(field->kind)->class == CLASS_UINT && field->kind != KIND_DEV && random_chance(r, 1, 4)) {
		snprintf(near, sizeof(near), "%zu", random_below(r, 70000));
		value = near;
	}
	set(b, f->name, value);
}

/* Both ends of a rename lie on one device. */
static void set_files(struct random *r, struct event_builder *b, uint32_t event)
{
	struct decided_field unused;
	const char *path = random_block_path(r), *to = random_block_path(r);
	bool has_to = decided_field(event, "vedette.new_path", &unused);
	if (!decided_field(event, "file.path", &unused) || random_chance(r, 1, 8))
		return;
	while (has_to && (strncmp(path, "/data", 5) == 0 && strcmp(path, "/database/x") != 0) != (strncmp(to, "/data", 5) == 0 && strcmp(to, "/database/x") != 0))
		to = random_block_path(r);
	if (has_to)
		random_block_set_file(b, "vedette.new_path", to);
	random_block_set_file(b, "file.path", path);
	if (event == EVENT_PROC_EXEC)
		set(b, "process.executable", path);
}

void random_block_event(struct random *r, struct event_builder *b, uint32_t event)
{
	struct decided_field f;
	event_builder_begin(b, event_type_by_number(event));
	for (size_t i = 0; decided_field_at(event, i, &f); i++) {
		const struct field *field = field_find(event_type_by_number(event), sv_from(f.name));
		bool is_path = f.dimension == DIMENSION_PATH || f.dimension == DIMENSION_NEW_PATH || f.dimension == DIMENSION_DEVICE;
		if (is_path || random_chance(r, 1, 6))
			continue;
		if (f.dimension == DIMENSION_ANCESTORS)
			set_ancestors(r, b, f.name);
		else if (f.dimension == DIMENSION_ADDRESS)
			set(b, f.name, random_of(r, addresses, ARRAY_SIZE(addresses)));
		else
			set_number(r, b, &f, field);
	}
	set_files(r, b, event);
}
