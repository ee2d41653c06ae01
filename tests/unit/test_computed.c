/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's fields: an event in, text out. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/computed.h"
#include "engine/rules/match.h"

enum { MAX_FIELDS = 10 };

struct fixture {
	struct arena arena;
	struct diag diag;
	struct regex_list regexes;
	struct compiler c;
	struct event_builder *builder;
	struct matcher *matcher;
};

static void fixture_new(struct fixture *f)
{
	*f = (struct fixture){ .arena = { .max = 64 << 20 } };
	assert_int_equal(compiler_init(&f->c, &f->arena, &f->regexes, &f->diag), 0);
	assert_int_equal(event_builder_new(&f->builder), 0);
	assert_int_equal(matcher_new(&f->matcher), 0);
	f->c.takes_falco_names = true;
}

static void fixture_done(struct fixture *f)
{
	compiler_done(&f->c);
	arena_done(&f->arena);
	event_builder_free(&f->builder);
	matcher_free(&f->matcher);
	diag_done(&f->diag);
}

struct given {
	const char *field, *text; /* items of lists separated by '|' */
};

static void give(struct fixture *f, const struct given *g)
{
	struct strview items[16], rest = sv_from(g->text);
	size_t n = 0;
	for (;;) {
		const char *bar = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
		items[n++] = (struct strview){ rest.p, bar ? (size_t)(bar - rest.p) : rest.n };
		if (!bar || n == ARRAY_SIZE(items))
			break;
		rest = sv_from_index(rest, (size_t)(bar - rest.p) + 1);
	}
	if (event_builder_set(f->builder, sv_from(g->field), items, n))
		fail_msg("the event takes no %s = %s", g->field, g->text);
}

/* An event from given fields, read through one computed field; want NULL: missing. */
struct example {
	const char *event;
	struct given given[MAX_FIELDS];
	const char *field, *want;
};

static void check(struct fixture *f, const struct example *x)
{
	struct event ev;
	const struct event_type *type = event_type_by_name(sv_from(x->event));
	assert_non_null(type);
	event_builder_begin(f->builder, type);
	for (const struct given *g = x->given; g < x->given + MAX_FIELDS && g->field; g++)
		give(f, g);
	assert_int_equal(event_builder_event(f->builder, &ev), 0);
	const struct field_ref *ref = field_lookup(&f->c, sv_from(x->field));
	if (!ref)
		fail_msg("there is no field %s", x->field);
	f->matcher->used = 0;
	struct value v = field_ref_value(f->matcher, &ev, ref);
	struct buf scratch = { 0 };
	struct strview text = value_text(&v, &scratch);
	if (v.is_missing != !x->want || (x->want && !sv_is(text, x->want)))
		fail_msg("%s: %s is " SV_FMT ", not %s", x->event, x->field, SV_ARG(v.is_missing ? SV("missing") : text), x->want ? x->want : "missing");
	if (!v.is_missing && !(ref->events >> type->number & 1))
		fail_msg("%s has %s, and the table denies it", x->event, x->field);
	if (ref->may_be && !v.is_missing && !ref->may_be(ref, type->number, text))
		fail_msg("%s may not be " SV_FMT " in %s, but is", x->field, SV_ARG(text), x->event);
	buf_done(&scratch);
}

static void check_all(const struct example *examples, size_t n)
{
	struct fixture f;
	fixture_new(&f);
	for (size_t i = 0; i < n; i++)
		check(&f, &examples[i]);
	fixture_done(&f);
}

/* --- statements ------------------------------------------------------------------------------------------------------------ */

static void one_event_stands_for_a_call(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "vedette.syscall", "openat" } }, "evt.type", "openat" },
		{ "file.open", { { "vedette.syscall", "open" } }, "syscall.type", "open" },
		{ "file.open", { { "vedette.syscall", "execve" } }, "evt.type", NULL },
		{ "file.create", { { "vedette.syscall", "openat" } }, "evt.type", NULL },
		{ "file.create", { { "vedette.syscall", "mknod" } }, "evt.type", "mknod" },
		{ "file.create", { { NULL, NULL } }, "evt.type", NULL },
		{ "file.open", { { NULL, NULL } }, "evt.type", "openat" },
		{ "network.connect", { { "vedette.syscall", "socketcall" } }, "evt.type", "connect" },
		{ "network.connect", { { "vedette.syscall", "sendto" } }, "evt.type", NULL },
		{ "network.unix_connect", { { "vedette.syscall", "sendto" } }, "evt.type", "sendto" },
		{ "process.exit", { { "vedette.syscall", "exit_group" } }, "evt.type", "procexit" },
		{ "process.setuid", { { "vedette.syscall", "setuid32" } }, "evt.type", "setuid" },
		{ "process.exec", { { "vedette.syscall", "execveat" } }, "evt.type", "execveat" },
		{ "process.exec", { { "vedette.syscall", "execveat" } }, "evt.type.is.execveat", "1" },
		{ "process.exec", { { "vedette.syscall", "execveat" } }, "evt.type.is.execve", "0" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void results_wait_for_the_outcome(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { NULL, NULL } }, "evt.rawres", NULL },
		{ "file.open", { { "vedette.result", "3" } }, "evt.rawres", "3" },
		{ "file.open", { { "vedette.errno", "EACCES" } }, "evt.rawres", "-13" },
		{ "file.open", { { NULL, NULL } }, "evt.res", NULL },
		{ "file.open", { { "vedette.result", "3" } }, "evt.res", "SUCCESS" },
		{ "file.open", { { "vedette.errno", "EACCES" } }, "evt.res", "EACCES" },
		{ "file.open", { { "vedette.errno", "EACCES" } }, "evt.failed", "true" },
		{ "file.open", { { "vedette.result", "0" } }, "evt.failed", "false" },
		{ "file.open", { { "vedette.result", "3" } }, "fd.num", "3" },
		{ "file.open", { { "vedette.errno", "ENOENT" } }, "fd.num", "-1" },
		{ "file.open", { { NULL, NULL } }, "fd.num", NULL },
		{ "network.connect", { { "vedette.result", "0" } }, "fd.num", NULL },
		{ "file.open", { { "vedette.syscall", "execve" }, { "vedette.result", "0" } }, "fd.num", NULL },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void opens_are_for_reading_and_writing(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { NULL, NULL } }, "evt.is_open_read", "true" },
		{ "file.open", { { NULL, NULL } }, "evt.is_open_write", "false" },
		{ "file.open", { { "file.open.flags", "O_WRONLY" } }, "evt.is_open_read", "false" },
		{ "file.open", { { "file.open.flags", "O_WRONLY|O_CREAT" } }, "evt.is_open_write", "true" },
		{ "file.open", { { "file.open.flags", "O_RDWR" } }, "evt.is_open_read", "true" },
		{ "file.open", { { "file.open.flags", "O_RDWR" } }, "evt.is_open_write", "true" },
		{ "file.open", { { "vedette.syscall", "execve" } }, "evt.is_open_read", "false" },
		{ "process.exec", { { NULL, NULL } }, "evt.is_open_read", "false" },
		{ "file.open", { { "file.open.created", "true" }, { "file.mode", "0755" } }, "evt.is_open_exec", "true" },
		{ "file.open", { { "file.open.created", "true" }, { "file.mode", "0644" } }, "evt.is_open_exec", "false" },
		{ "file.open", { { "file.mode", "0755" } }, "evt.is_open_exec", "false" },
		{ "file.open", { { "file.open.created", "true" } }, "evt.is_open_create", "true" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void arguments_follow_the_name(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "process.exec", { { "process.name", "ls" }, { "process.args", "/bin/ls|-l|a b" } }, "proc.cmdline", "ls -l a b" },
		{ "process.exec", { { "process.name", "ls" }, { "process.args", "/bin/ls" } }, "proc.cmdline", "ls" },
		{ "process.exec", { { "process.name", "ls" } }, "proc.cmdline", "ls" },
		{ "process.exec", { { NULL, NULL } }, "proc.cmdline", NULL },
		{ "process.exec", { { "process.args", "/bin/ls|-l||x" } }, "proc.args", "-l  x" },
		{ "process.exec", { { "process.args", "/bin/ls" } }, "proc.args", "" },
		{ "process.exec", { { NULL, NULL } }, "proc.args", NULL },
		{ "process.exec", { { "process.args", "-bash" } }, "proc.exe", "-bash" },
		{ "process.exec", { { NULL, NULL } }, "proc.exe", NULL },
		{ "process.exec", { { "process.args", "/bin/ls|-l" } }, "proc.exeline", "/bin/ls -l" },
		{ "process.exec", { { "process.name", "ls" } }, "proc.name", "ls" },
		{ "process.exec", { { "process.executable", "/usr/bin/ls" } }, "proc.exepath", "/usr/bin/ls" },
		{ "process.exec", { { "process.parent.name", "bash" } }, "proc.pname", "bash" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void ancestors_are_counted_from_the_process(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "process.name", "cat" }, { "vedette.ancestors.name", "sh|sshd|systemd" } }, "proc.aname[0]", "cat" },
		{ "file.open", { { "process.name", "cat" }, { "vedette.ancestors.name", "sh|sshd|systemd" } }, "proc.aname[1]", "sh" },
		{ "file.open", { { "process.name", "cat" }, { "vedette.ancestors.name", "sh|sshd|systemd" } }, "proc.aname[3]", "systemd" },
		{ "file.open", { { "process.name", "cat" }, { "vedette.ancestors.name", "sh|sshd|systemd" } }, "proc.aname[4]", NULL },
		{ "file.open", { { "process.name", "cat" }, { "vedette.ancestors.name", "sh|sshd" } }, "proc.aname", "sh sshd" },
		{ "file.open", { { NULL, NULL } }, "proc.aname", NULL },
		{ "file.open", { { NULL, NULL } }, "proc.aname[0]", NULL },
		{ "file.open", { { "process.parent.name", "sh" } }, "proc.aname[1]", "sh" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void descriptors_have_names_and_types(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "file.path", "/etc/passwd" }, { "file.type", "file" } }, "fd.name", "/etc/passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "vedette.syscall", "execve" } }, "fd.name", NULL },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "file.type", "file" } }, "fd.directory", "/etc" },
		{ "file.open", { { "file.path", "/vmlinuz" }, { "file.type", "file" } }, "fd.directory", "/" },
		{ "file.open", { { "file.path", "/etc" }, { "file.type", "dir" } }, "fd.directory", "/etc" },
		{ "file.open", { { "file.path", "/etc" }, { "file.type", "dir" } }, "fd.filename", NULL },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "file.type", "file" } }, "fd.filename", "passwd" },
		{ "file.open", { { "file.type", "dir" } }, "fd.typechar", "d" },
		{ "file.open", { { "file.type", "char_device" } }, "fd.typechar", "f" },
		{ "file.open", { { NULL, NULL } }, "fd.typechar", "f" },
		{ "file.open", { { "file.open.flags", "O_DIRECTORY" } }, "fd.typechar", "d" },
		{ "file.delete", { { "file.path", "/etc/passwd" } }, "fd.name", NULL },
		{ "file.chmod", { { "file.path", "/a" }, { "vedette.syscall", "fchmod" } }, "fd.name", "/a" },
		{ "file.chmod", { { "file.path", "/a" }, { "vedette.syscall", "chmod" } }, "fd.name", NULL },
		{ "file.chmod", { { "file.path", "/a" }, { "vedette.syscall", "chmod" } }, "fd.typechar", NULL },
		{ "network.connect", { { "network.type", "ipv4" } }, "fd.typechar", "4" },
		{ "network.connect", { { "network.type", "ipv6" } }, "fd.type", "ipv6" },
		{ "network.unix_connect", { { "network.type", "unix" } }, "fd.type", "unix" },
		{ "network.socket", { { "vedette.socket.family", "AF_PACKET" } }, "fd.type", NULL },
		{ "network.socket", { { "vedette.socket.family", "AF_INET" } }, "fd.type", "ipv4" },
		{ "network.connect", { { "source.ip", "10.0.0.1" }, { "source.port", "4000" }, { "destination.ip", "1.2.3.4" }, { "destination.port", "443" } },
		  "fd.name", "10.0.0.1:4000->1.2.3.4:443" },
		{ "network.connect", { { "destination.ip", "2001:db8::1" }, { "destination.port", "443" } }, "fd.name", "->2001:db8::1:443" },
		{ "network.connect", { { NULL, NULL } }, "fd.name", NULL },
		{ "network.listen", { { "destination.ip", "0.0.0.0" }, { "destination.port", "80" } }, "fd.name", "0.0.0.0:80" },
		{ "network.unix_connect", { { "file.path", "/run/x.sock" } }, "fd.name", "/run/x.sock" },
		{ "network.unix_connect", { { "vedette.unix.name", "@bus" } }, "fd.name", "@bus" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void the_host_is_a_container_of_its_own(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { NULL, NULL } }, "container.id", "host" },
		{ "file.open", { { "container.id", "0123456789abcdef0123456789abcdef" } }, "container.id", "0123456789ab" },
		{ "file.open", { { "container.id", "box" } }, "container.id", "box" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void shared_names_mean_ours_in_our_rules(void **state)
{
	(void)state;
	struct fixture f;
	fixture_new(&f);
	assert_non_null(field_lookup(&f.c, SV("container.id"))->compute);
	f.c.takes_falco_names = false;
	assert_null(field_lookup(&f.c, SV("container.id"))->compute);
	assert_non_null(field_lookup(&f.c, SV("proc.cmdline")));
	fixture_done(&f);
}

static void every_row_can_be_looked_up(void **state)
{
	(void)state;
	struct fixture f;
	fixture_new(&f);
	for (size_t i = 0; computed_at(i); i++) {
		const struct computed *row = computed_at(i);
		char name[128];
		snprintf(name, sizeof(name), "%s%s", row->name,
			 row->argument == ARGUMENT_INDEX ? "[3]" : row->argument == ARGUMENT_NAME ? "[path]" : row->argument == ARGUMENT_DOTTED ? "path" : "");
		const struct field_ref *ref = field_lookup(&f.c, sv_from(name));
		if (!ref)
			fail_msg("%s is not found", name);
		if (!ref->never && !ref->events)
			fail_msg("%s is in no event", name);
		if (!ref->never == !ref->compute && ref->never)
			fail_msg("%s is never there and has no function", name);
		if (ref->is_of_image && ref->needs_outcome)
			fail_msg("%s is of the image and of the outcome", name);
		assert_string_equal(ref->name, name);
	}
	fixture_done(&f);
}

static void wrong_arguments_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum computed_fault fault;
	} cases[] = {
		{ "proc.aname[x]", COMPUTED_NEEDS_INDEX }, { "proc.aname[]", COMPUTED_NEEDS_INDEX }, { "proc.aname[33]", COMPUTED_NEEDS_INDEX },
		{ "proc.aname[-1]", COMPUTED_NEEDS_INDEX }, { "evt.type[1]", COMPUTED_NO_ARGUMENT }, { "proc.nme", COMPUTED_UNKNOWN },
		{ "proc.aname[1", COMPUTED_UNKNOWN }, { "evt.type.is.", COMPUTED_NEEDS_NAME }, { "", COMPUTED_UNKNOWN }, { "[]", COMPUTED_UNKNOWN },
	};
	struct fixture f;
	fixture_new(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_ref *ref = NULL;
		if (computed_lookup(&f.c, sv_from(cases[i].name), &ref) != cases[i].fault)
			fail_msg("%s", cases[i].name);
	}
	fixture_done(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_stands_for_a_call),
		cmocka_unit_test(results_wait_for_the_outcome),
		cmocka_unit_test(opens_are_for_reading_and_writing),
		cmocka_unit_test(arguments_follow_the_name),
		cmocka_unit_test(ancestors_are_counted_from_the_process),
		cmocka_unit_test(descriptors_have_names_and_types),
		cmocka_unit_test(the_host_is_a_container_of_its_own),
		cmocka_unit_test(shared_names_mean_ours_in_our_rules),
		cmocka_unit_test(every_row_can_be_looked_up),
		cmocka_unit_test(wrong_arguments_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
