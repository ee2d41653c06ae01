/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's fields: an event in, text out. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/event/capability.h"
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

static void flags_that_are_not_known_are_no_access(void **state)
{
	static const char *const names[] = { "evt.is_open_read", "evt.is_open_write", "evt.is_open_exec" };
	struct fixture f;
	struct event ev;
	(void)state;
	fixture_new(&f);
	event_builder_begin(f.builder, event_type_by_name(SV("file.open")));
	assert_int_equal(event_builder_set_text(f.builder, "file.open.created", "true"), 0);
	assert_int_equal(event_builder_event(f.builder, &ev), 0);
	struct wire_file_open *open = (struct wire_file_open *)(uintptr_t)EVENT_AS(&ev, file_open);
	open->flags = open->mode = UINT32_MAX; /* of a failed call whose arguments could not be read */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct value v = field_ref_value(f.matcher, &ev, field_lookup(&f.c, sv_from(names[i])));
		if (!v.is_missing)
			fail_msg("%s has a value", names[i]);
	}
	fixture_done(&f);
}

static void opens_are_for_reading_and_writing(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "file.open.flags", "0" } }, "evt.is_open_read", "true" },
		{ "file.open", { { "file.open.flags", "0" } }, "evt.is_open_write", "false" },
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
		{ "file.open", { { "file.path", "memfd:x" }, { "file.type", "file" } }, "fd.directory", NULL },
		{ "file.open", { { "file.path", "memfd:x" }, { "file.type", "file" } }, "fd.filename", "memfd:x" },
		{ "file.open", { { "file.path", "/etc" }, { "file.type", "dir" } }, "fd.filename", NULL },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "file.type", "file" } }, "fd.filename", "passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "vedette.file.given_path", "../etc/passwd" } }, "fd.nameraw", "../etc/passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" } }, "fd.nameraw", NULL },
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

#define BOX { "container.id", "box" }
#define MOUNTS { "vedette.container.mounts", "/etc:/host/etc:z:false:rprivate|/a\\:b\\\\c:/x::true:|::::" }

static void containers_and_pods_are_what_their_runtimes_say(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { NULL, NULL } }, "container.name", "host" },
		{ "file.open", { BOX, { "container.name", "web" } }, "container.name", "web" },
		{ "file.open", { BOX }, "container.name", NULL },
		{ "file.open", { { NULL, NULL } }, "container.type", "host" },
		{ "file.open", { BOX, { "container.runtime", "cri-o" } }, "container.type", "cri-o" },
		{ "file.open", { BOX, { "vedette.container.privileged", "true" } }, "container.privileged", "true" },
		{ "file.open", { BOX }, "container.privileged", NULL },
		{ "file.open", { { "container.image.name", "r:50/a/b:1@sha256:00" }, { "container.image.tag", "1" } }, "container.image", "r:50/a/b:1@sha256:00" },
		{ "file.open", { { "container.image.name", "r:50/a/b:1@sha256:00" }, { "container.image.tag", "1" } }, "container.image.repository", "r:50/a/b" },
		{ "file.open", { { "container.image.name", "r:50/a/b:1@sha256:00" }, { "container.image.tag", "1" } }, "container.image.tag", "1" },
		{ "file.open", { { "container.image.name", "r:50/a/b:1@sha256:00" }, { "container.image.tag", "1" } }, "container.image.digest", "sha256:00" },
		{ "file.open", { { "container.image.name", "r:50/a" } }, "container.image.repository", "r:50/a" },
		{ "file.open", { { "container.image.name", "r:50/a" } }, "container.image.digest", NULL },
		{ "file.open", { { "container.image.name", "sha256:0011" } }, "container.image.repository", NULL },
		{ "file.open", { { "container.image.name", "@x" } }, "container.image.repository", NULL },
		{ "file.open", { { "container.labels", "app=shop|app.x=y=z|empty=" } }, "container.label.app", "shop" },
		{ "file.open", { { "container.labels", "app=shop|app.x=y=z|empty=" } }, "container.label[app.x]", "y=z" },
		{ "file.open", { { "container.labels", "app=shop|app.x=y=z|empty=" } }, "container.label[empty]", "" },
		{ "file.open", { { "container.labels", "app=shop|app.x=y=z|empty=" } }, "container.label[ap]", NULL },
		{ "file.open", { { "container.labels", "app=shop|app.x=y=z|empty=" } }, "container.labels", "app:shop, app.x:y=z, empty:" },
		{ "file.open", { { "vedette.pod.labels", "tier=front" } }, "k8s.pod.label[tier]", "front" },
		{ "file.open", { { "vedette.pod.labels", "tier=front" } }, "k8s.pod.labels", "tier:front" },
		{ "file.open", { { "orchestrator.namespace", "shop" } }, "k8s.ns.name", "shop" },
		{ "file.open", { { "orchestrator.resource.name", "p" } }, "k8s.pod.name", "p" },
		{ "file.open", { { "orchestrator.resource.id", "u" } }, "k8s.pod.uid", "u" },
		{ "file.open", { { "vedette.pod.sandbox_id", "0123456789abcdef" } }, "k8s.pod.sandbox_id", "0123456789ab" },
		{ "file.open", { MOUNTS }, "container.mount.dest[/etc]", "/host/etc" },
		{ "file.open", { MOUNTS }, "container.mount.dest[/e*]", "/host/etc" },
		{ "file.open", { MOUNTS }, "container.mount.dest[/et]", NULL },
		{ "file.open", { MOUNTS }, "container.mount.dest[1]", "/x" },
		{ "file.open", { MOUNTS }, "container.mount.dest[3]", NULL },
		{ "file.open", { MOUNTS }, "container.mount.source[/x]", "/a:b\\c" },
		{ "file.open", { MOUNTS }, "container.mount.source[/etc]", NULL },
		{ "file.open", { MOUNTS }, "container.mount.mode[/etc]", "z" },
		{ "file.open", { MOUNTS }, "container.mount.rdwr[/a:*]", "true" },
		{ "file.open", { MOUNTS }, "container.mount.propagation[0]", "rprivate" },
		{ "file.open", { MOUNTS }, "container.mount.propagation[2]", "" },
		{ "file.open", { MOUNTS }, "container.mount[0]", "/etc:/host/etc:z:false:rprivate" },
		{ "file.open", { { "vedette.container.mounts", "a:b:::|c:d:::" } }, "container.mounts", "a:b:::,c:d:::" },
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

static void arguments_of_calls_read_as_falcos(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "file.open.flags", "O_WRONLY|O_CREAT|O_TRUNC" } }, "evt.arg.flags", "O_TRUNC|O_CREAT|O_WRONLY" },
		{ "file.open", { { "file.open.flags", "O_RDWR" } }, "evt.arg.flags", "O_RDWR" },
		{ "file.open", { { "file.open.flags", "O_DIRECTORY" } }, "evt.arg.flags", "O_DIRECTORY|O_RDONLY" },
		{ "file.open", { { "file.open.flags", "O_CREAT" }, { "file.open.created", "true" } }, "evt.arg.flags", "O_CREAT|O_RDONLY|O_F_CREATED" },
		{ "file.open", { { "file.open.flags", "O_CREAT" }, { "vedette.syscall", "creat" } }, "evt.arg.flags", NULL },
		{ "file.open", { { "file.open.flags", "O_CREAT" }, { "vedette.syscall", "execve" } }, "evt.arg.flags", NULL },
		{ "file.open", { { "file.mode", "0644" }, { "file.open.created", "true" } }, "evt.arg.mode", "0644" },
		{ "file.open", { { "file.mode", "0644" } }, "evt.arg.mode", "0" },
		{ "file.open", { { "file.path", "/etc/passwd" } }, "evt.arg.name", "/etc/passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" } }, "evt.arg[2]", "/etc/passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" } }, "evt.arg[name]", "/etc/passwd" },
		{ "file.open", { { "file.path", "/etc/passwd" } }, "evt.arg.path", NULL },
		{ "file.open", { { "file.path", "/a" }, { "vedette.result", "3" } }, "evt.arg.fd", "<f>/a" },
		{ "file.open", { { "file.path", "/a" }, { "vedette.errno", "ENOENT" } }, "evt.arg.fd", "ENOENT" },
		{ "file.open", { { "file.path", "/a" } }, "evt.arg.fd", NULL },
		{ "file.open", { { "file.path", "/a" } }, "evt.arg.dirfd", NULL },
		{ "file.open", { { "file.path", "/a" }, { "file.open.flags", "O_WRONLY" }, { "file.mode", "0644" }, { "file.inode", "7" }, { "vedette.result", "3" } },
		  "evt.args", "fd=<f>/a name=/a flags=O_WRONLY mode=0 ino=7" },
		{ "file.chmod", { { "vedette.syscall", "chmod" }, { "vedette.new_mode", "04755" } }, "evt.arg.mode",
		  "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID" },
		{ "file.chmod", { { "vedette.syscall", "chmod" }, { "vedette.new_mode", "0" } }, "evt.arg.mode", "0" },
		{ "file.chmod", { { "vedette.syscall", "chmod" }, { "file.path", "/a" } }, "evt.arg.filename", "/a" },
		{ "file.chmod", { { "vedette.syscall", "fchmod" }, { "file.path", "/a" } }, "evt.arg.filename", NULL },
		{ "file.chmod", { { "vedette.syscall", "fchmod" }, { "file.path", "/a" }, { "file.type", "file" } }, "evt.arg.fd", "<f>/a" },
		{ "file.delete", { { "vedette.syscall", "unlink" }, { "file.path", "/a" } }, "evt.arg.path", "/a" },
		{ "file.delete", { { "vedette.syscall", "unlink" }, { "file.path", "/a" } }, "evt.arg.name", NULL },
		{ "file.delete", { { "vedette.syscall", "unlinkat" }, { "file.path", "/a" } }, "evt.arg.name", "/a" },
		{ "file.delete", { { "vedette.syscall", "unlinkat" }, { "file.type", "dir" } }, "evt.arg.flags", "AT_REMOVEDIR" },
		{ "file.delete", { { "vedette.syscall", "unlinkat" }, { "file.type", "file" } }, "evt.arg.flags", "0" },
		{ "file.delete", { { "vedette.errno", "ENOTEMPTY" } }, "evt.arg.res", "ENOTEMPTY" },
		{ "file.delete", { { "vedette.result", "0" } }, "evt.arg.res", "0" },
		{ "file.delete", { { NULL, NULL } }, "evt.arg.res", NULL },
		{ "file.rename", { { "vedette.new_path", "/b" } }, "evt.arg.newpath", "/b" },
		{ "file.rename", { { "file.path", "/a" } }, "evt.arg.oldpath", "/a" },
		{ "file.symlink", { { "file.target_path", "x" } }, "evt.arg.target", "x" },
		{ "file.symlink", { { "file.path", "/a" } }, "evt.arg.linkpath", "/a" },
		{ "file.mkdir", { { "file.path", "/a" }, { "vedette.syscall", "mkdir" } }, "evt.arg.path", "/a" },
		{ "file.mkdir", { { "file.mode", "0755" } }, "evt.arg.mode", "0755" },
		{ "network.socket", { { "vedette.socket.family", "AF_PACKET" } }, "evt.arg.domain", "AF_PACKET" },
		{ "network.socket", { { "vedette.socket.type", "SOCK_RAW" } }, "evt.arg.type", "3" },
		{ "network.socket", { { "vedette.socket.protocol", "768" } }, "evt.arg.proto", "768" },
		{ "process.ptrace", { { "vedette.ptrace.request", "PTRACE_ATTACH" } }, "evt.arg.request", "PTRACE_ATTACH" },
		{ "process.ptrace", { { "vedette.ptrace.request", "PTRACE_ATTACH" }, { "vedette.syscall", "openat" } }, "evt.arg.request", NULL },
		{ "process.setuid", { { "vedette.new_uid", "33" } }, "evt.arg.uid", "33" },
		{ "process.setuid", { { "vedette.new_uid", "33" }, { "vedette.new_user.name", "www-data" } }, "evt.arg.uid", "www-data" },
		{ "process.setuid", { { "vedette.new_uid", "33" }, { "vedette.syscall", "setresuid" } }, "evt.arg.uid", NULL },
		{ "process.setuid", { { "vedette.new_euid", "33" }, { "vedette.syscall", "setresuid" } }, "evt.arg.euid", "33" },
		{ "process.setns", { { "vedette.namespace.flags", "CLONE_NEWNS|CLONE_NEWPID" } }, "evt.arg.nstype", "CLONE_NEWNS|CLONE_NEWPID" },
		{ "process.unshare", { { "vedette.namespace.flags", "CLONE_NEWUSER" } }, "evt.arg.flags", "CLONE_NEWUSER" },
		{ "bpf.load", { { "vedette.bpf.command", "BPF_PROG_LOAD" } }, "evt.arg.cmd", "BPF_PROG_LOAD" },
		{ "process.kill", { { "vedette.signal", "SIGKILL" } }, "evt.arg.sig", "SIGKILL" },
		{ "process.exec", { { "vedette.exec.filename", "./x" } }, "evt.arg.filename", "./x" },
		{ "process.exec", { { "process.args", "a|b|c" } }, "evt.arg.args", "b c" },
		{ "process.exec", { { "process.args", "a|b|c" } }, "evt.arg[1]", "a" },
		{ "network.connect", { { "network.transport", "tcp" }, { "network.type", "ipv4" }, { "destination.ip", "1.2.3.4" }, { "destination.port", "1" } },
		  "evt.arg.tuple", "->1.2.3.4:1" },
		{ "process.dup", { { "vedette.syscall", "dup2" }, { "network.transport", "tcp" }, { "network.type", "ipv4" }, { "destination.ip", "1.2.3.4" },
		  { "destination.port", "1" }, { "vedette.result", "0" } }, "evt.arg.res", "<4t>->1.2.3.4:1" },
		{ "process.dup", { { "vedette.syscall", "dup2" }, { "vedette.result", "0" } }, "fd.num", "0" },
		{ "process.dup", { { "vedette.syscall", "dup2" }, { "vedette.fd.old", "3" } }, "evt.arg.oldfd", "3" },
		{ "kernel.module_load", { { "vedette.syscall", "finit_module" }, { "file.path", "/x.ko" }, { "file.type", "file" } }, "evt.arg.fd", "<f>/x.ko" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void ends_of_sockets_have_sides(void **state)
{
	(void)state;
#define BOTH_ENDS { "source.ip", "10.0.0.1" }, { "source.port", "40" }, { "destination.ip", "1.2.3.4" }, { "destination.port", "80" }, \
	{ "network.type", "ipv4" }, { "network.transport", "tcp" }
	static const struct example examples[] = {
		{ "network.connect", { BOTH_ENDS }, "fd.cip", "10.0.0.1" },
		{ "network.connect", { BOTH_ENDS }, "fd.sip", "1.2.3.4" },
		{ "network.connect", { BOTH_ENDS }, "fd.lip", "10.0.0.1" },
		{ "network.connect", { BOTH_ENDS }, "fd.rip", "1.2.3.4" },
		{ "network.connect", { BOTH_ENDS }, "fd.rnet", "1.2.3.4" },
		{ "network.connect", { BOTH_ENDS }, "fd.lport", "40" },
		{ "network.connect", { BOTH_ENDS }, "fd.rport", "80" },
		{ "network.connect", { BOTH_ENDS }, "fd.sport", "80" },
		{ "network.connect", { BOTH_ENDS }, "fd.cport", "40" },
		{ "network.connect", { BOTH_ENDS }, "fd.l4proto", "tcp" },
		{ "network.connect", { BOTH_ENDS }, "fd.sockfamily", "ip" },
		{ "network.connect", { BOTH_ENDS }, "fd.is_server", "false" },
		{ "network.connect", { BOTH_ENDS }, "fd.connected", NULL },
		{ "network.connect", { BOTH_ENDS, { "vedette.result", "0" } }, "fd.connected", "true" },
		{ "network.connect", { BOTH_ENDS, { "vedette.errno", "ECONNREFUSED" } }, "fd.connected", "false" },
		{ "network.connect", { { "destination.ip", "1.2.3.4" } }, "fd.cip", NULL },
		{ "network.connect", { { "destination.ip", "1.2.3.4" } }, "fd.lip", NULL },
		{ "network.connect", { { "network.type", "ipv4" }, { "vedette.socket.type", "SOCK_RAW" }, { "network.transport", "icmp" } }, "fd.l4proto", "raw" },
		{ "network.accept", { BOTH_ENDS }, "fd.cip", "10.0.0.1" },
		{ "network.accept", { BOTH_ENDS }, "fd.rip", "10.0.0.1" },
		{ "network.accept", { BOTH_ENDS }, "fd.lip", "1.2.3.4" },
		{ "network.accept", { BOTH_ENDS }, "fd.lport", "80" },
		{ "network.accept", { BOTH_ENDS }, "fd.is_server", "true" },
		{ "network.accept", { BOTH_ENDS }, "fd.connected", "true" },
		{ "network.accept", { BOTH_ENDS, { "vedette.result", "7" } }, "fd.num", "7" },
		{ "network.listen", { { "destination.ip", "0.0.0.0" }, { "destination.port", "80" } }, "fd.lport", "80" },
		{ "network.listen", { { "destination.ip", "0.0.0.0" } }, "fd.rip", NULL },
		{ "network.listen", { { "destination.ip", "0.0.0.0" } }, "fd.sip", "0.0.0.0" },
		{ "network.send", { BOTH_ENDS }, "fd.connected", "false" },
		{ "network.unix_connect", { { "network.type", "unix" } }, "fd.sockfamily", "unix" },
		{ "network.unix_connect", { { "network.type", "unix" } }, "fd.l4proto", NULL },
		{ "network.connect", { BOTH_ENDS }, "fd.containername", "host:10.0.0.1:40->1.2.3.4:80" },
		{ "file.open", { { "file.inode", "12" } }, "fd.ino", "12" },
		{ "file.open", { { "file.device", "8:1" } }, "fd.dev", "2049" },
		{ "file.open", { { "file.device", "259:300" } }, "fd.dev.minor", "300" },
		{ "file.open", { { "file.device", "259:300" } }, "fd.dev.major", "259" },
		{ "file.delete", { { "file.inode", "12" } }, "fd.ino", NULL },
		{ "file.open", { { "file.path", "/etc/passwd" }, { "file.type", "file" }, { "container.id", "box" } }, "fd.containerdirectory", "box:/etc" },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void processes_have_numbers_and_users(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "file.open", { { "process.tty.name", "pts0" } }, "proc.tty", "34816" },
		{ "file.open", { { "process.tty.name", "pts300" } }, "proc.tty", "35116" },
		{ "file.open", { { "process.tty.name", "tty1" } }, "proc.tty", "1025" },
		{ "file.open", { { "process.tty.name", "ttyS0" } }, "proc.tty", "1088" },
		{ "file.open", { { "process.tty.name", "tty-5:1" } }, "proc.tty", "1281" },
		{ "file.open", { { "process.tty.name", "strange" } }, "proc.tty", NULL },
		{ "file.open", { { "process.interactive", "false" } }, "proc.tty", "0" },
		{ "file.open", { { NULL, NULL } }, "proc.tty", NULL },
		{ "file.open", { { "process.pid", "7" } }, "proc.pid", "7" },
		{ "file.open", { { "process.parent.pid", "7" } }, "proc.ppid", "7" },
		{ "file.open", { { "vedette.namespace.process_id", "7" } }, "proc.vpid", "7" },
		{ "file.open", { { "process.session_leader.pid", "7" } }, "proc.sid", "7" },
		{ "file.open", { { "process.session_leader.pid", "7" }, { "process.pid", "7" }, { "process.name", "bash" } }, "proc.sname", "bash" },
		{ "file.open", { { "process.session_leader.pid", "7" }, { "process.pid", "7" } }, "proc.is_sid_leader", "true" },
		{ "file.open", { { "process.session_leader.pid", "8" }, { "process.pid", "7" }, { "process.name", "bash" } }, "proc.sname", NULL },
		{ "file.open", { { "process.pid", "7" }, { "process.name", "bash" } }, "proc.loginshellid", "7" },
		{ "file.open", { { "process.pid", "7" }, { "process.name", "cat" } }, "proc.loginshellid", NULL },
		{ "file.open", { { "process.pid", "7" }, { "process.thread.id", "7" } }, "thread.ismain", "true" },
		{ "file.open", { { "process.pid", "7" }, { "process.thread.id", "8" } }, "thread.ismain", "false" },
		{ "file.open", { { "process.name", "x" }, { "process.thread.id", "8" } }, "thread.nametid", "x:8" },
		{ "file.open", { { "process.working_directory", "/dev/shm" } }, "proc.cwd", "/dev/shm/" },
		{ "file.open", { { "process.working_directory", "/" } }, "proc.cwd", "/" },
		{ "file.open", { { NULL, NULL } }, "proc.cwd", NULL },
		{ "file.open", { { "process.args", "a|bb|ccc" } }, "proc.cmdnargs", "2" },
		{ "file.open", { { "process.args", "a|bb|ccc" } }, "proc.cmdlenargs", "5" },
		{ "file.open", { { "process.parent.name", "sh" }, { "process.parent.args", "/bin/sh|-c|x" } }, "proc.pcmdline", "sh -c x" },
		{ "file.open", { { "process.parent.args", "/bin/sh|-c|x" } }, "proc.pexe", "/bin/sh" },
		{ "file.open", { { "process.parent.executable", "/bin/sh" } }, "proc.pexepath", "/bin/sh" },
		{ "file.open", { { "process.parent.args", "/bin/sh|-c|x" }, { "process.parent.name", "sh" } }, "proc.acmdline[1]", "sh -c x" },
		{ "file.open", { { "process.parent.args", "/bin/sh|-c|x" } }, "proc.aexe[1]", "/bin/sh" },
		{ "file.open", { { "vedette.ancestors.executable", "/a|/b" } }, "proc.aexepath[2]", "/b" },
		{ "file.open", { { "vedette.ancestors.executable", "/a|/b" } }, "proc.aexepath", "/a /b" },
		{ "file.open", { { "process.executable", "memfd:x" } }, "proc.is_exe_from_memfd", "true" },
		{ "file.open", { { "process.executable", "/bin/x" } }, "proc.is_exe_from_memfd", "false" },
		{ "process.exec", { { "process.env_vars", "A=1|LD_PRELOAD=/x=y" } }, "proc.env[LD_PRELOAD]", "/x=y" },
		{ "process.exec", { { "process.env_vars", "A=1|LD_PRELOAD=/x" } }, "proc.env[LD_PRE]", NULL },
		{ "process.exec", { { "process.env_vars", "A=1|B=2" } }, "proc.env", "A=1 B=2" },
		{ "process.exec", { { "file.mode", "0755" }, { "file.uid", "0" }, { "user.effective.id", "5" } }, "proc.is_exe_writable", "false" },
		{ "process.exec", { { "file.mode", "0755" }, { "file.uid", "5" }, { "user.effective.id", "5" } }, "proc.is_exe_writable", "true" },
		{ "process.exec", { { "file.mode", "0555" }, { "file.uid", "0" }, { "user.effective.id", "0" } }, "proc.is_exe_writable", "true" },
		{ "process.exec", { { "file.inode", "9" } }, "proc.exe_ino", "9" },
		{ "process.exec", { { "file.inode", "9" }, { "event.outcome", "failure" } }, "proc.exe_ino", NULL },
		{ "process.exec", { { "file.inode", "9" }, { "event.outcome", "success" } }, "proc.exe_ino", "9" },
		{ "process.exec", { { "file.mode", "0777" }, { "file.uid", "5" }, { "event.outcome", "failure" } }, "proc.is_exe_writable", NULL },
		{ "process.exec", { { "process.name", "caller" }, { "file.path", "/bin/none" }, { "event.outcome", "failure" } }, "proc.name", "caller" },
		{ "process.exec", { { "vedette.exec.upper_layer", "true" } }, "proc.is_exe_upper_layer", "true" },
		{ "process.exec", { { "vedette.exec.upper_layer", "false" } }, "proc.is_exe_upper_layer", "false" },
		{ "file.open", { { NULL, NULL } }, "proc.is_exe_upper_layer", NULL },
		{ "process.exec", { { "file.ctime", "1767323045000000000" } }, "proc.exe_ino.ctime", "1767323045000000000" },
		{ "process.exec", { { "file.ctime", "1767323045000000000" }, { "@timestamp", "1767323047000000000" }, { "vedette.clock.boot_ns", "5" } },
		  "proc.exe_ino.ctime_duration_proc_start", "2000000000" },
		{ "process.exec", { { "file.ctime", "1767323045000000000" }, { "@timestamp", "1767323044000000000" }, { "vedette.clock.boot_ns", "5" } },
		  "proc.exe_ino.ctime_duration_proc_start", NULL },
		{ "process.exec", { { "process.executable", "memfd:x" }, { "file.mode", "0777" }, { "vedette.exec.upper_layer", "true" } }, "evt.arg.flags",
		  "EXE_WRITABLE|EXE_UPPER_LAYER|EXE_FROM_MEMFD" },
		{ "process.exec", { { "process.executable", "/bin/x" }, { "file.mode", "0755" }, { "file.uid", "1" }, { "user.effective.id", "2" } },
		  "evt.arg.flags", "0" },
		{ "file.open", { { "process.group_leader.pid", "7" }, { "process.pid", "7" } }, "proc.is_vpgid_leader", "true" },
		{ "file.open", { { "process.group_leader.pid", "8" }, { "process.pid", "7" } }, "proc.is_vpgid_leader", "false" },
		{ "file.open", { { "process.group_leader.pid", "8" } }, "proc.pgid", "8" },
		{ "file.open", { { "process.group_leader.pid", "7" }, { "process.pid", "7" }, { "process.name", "a" } }, "proc.vpgid.name", "a" },
		{ "network.send", { { "vedette.socket.new_peer", "true" } }, "fd.name_changed", "true" },
		{ "network.send", { { "vedette.socket.new_peer", "false" } }, "fd.name_changed", "false" },
		{ "network.connect", { { NULL, NULL } }, "fd.name_changed", "true" },
		{ "network.listen", { { NULL, NULL } }, "fd.name_changed", "false" },
		{ "file.open", { { NULL, NULL } }, "fd.name_changed", "false" },
		{ "file.open", { { "file.inode", "9" } }, "proc.exe_ino", NULL },
		{ "file.open", { { "user.effective.id", "5" }, { "user.id", "6" } }, "user.uid", "5" },
		{ "file.open", { { "user.effective.name", "a" }, { "user.name", "b" } }, "user.name", "a" },
		{ "file.open", { { "user.audit.id", "5" } }, "user.loginuid", "5" },
		{ "file.open", { { NULL, NULL } }, "user.loginuid", "-1" },
		{ "file.open", { { "user.audit.name", "a" } }, "user.loginname", "a" },
		{ "file.open", { { "group.name", "a" } }, "group.name", "a" },
		{ "file.open", { { "group.name", "a" }, { "group.id", "1" }, { "user.effective.group.id", "2" } }, "group.name", NULL },
		{ "file.open", { { "user.effective.group.id", "2" } }, "group.gid", "2" },
		{ "file.open", { { NULL, NULL } }, "k8s.ns.name", NULL },
		{ "file.open", { { NULL, NULL } }, "container.mount.dest[/proc*]", NULL },
		{ "file.open", { { NULL, NULL } }, "container.image.repository", NULL },
		{ "file.open", { { "container.id", "box" } }, "container.host_pid", NULL },
	};
	check_all(examples, ARRAY_SIZE(examples));
}

static void capabilities_are_listed_by_name(void **state)
{
	(void)state;
	static const struct {
		uint64_t bits;
		const char *want;
	} cases[] = {
		{ 0, "" },
		{ 1, "CAP_CHOWN" },
		{ 1ull << 21 | 1ull << 39, "CAP_SYS_ADMIN CAP_BPF" },
		{ 1ull << 40, "CAP_CHECKPOINT_RESTORE" },
		{ 1ull << 63, "" },
	};
	struct fixture f;
	struct event ev;
	fixture_new(&f);
	event_builder_begin(f.builder, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_event(f.builder, &ev), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wire_file_open record = *EVENT_AS(&ev, file_open);
		struct event copy = { .type = ev.type, .common = &record.common, .size = sizeof(record), .derived = ev.derived };
		record.common.cap_permitted = cases[i].bits;
		record.common.cap_effective = ~cases[i].bits;
		f.matcher->used = 0;
		struct value v = field_ref_value(f.matcher, &copy, field_lookup(&f.c, SV("thread.cap_permitted")));
		if (v.is_missing || !sv_is(v.s, cases[i].want))
			fail_msg("%s: " SV_FMT, cases[i].want, SV_ARG(v.s));
		v = field_ref_value(f.matcher, &copy, field_lookup(&f.c, SV("thread.cap_effective")));
		assert_true(v.s.n > 0 && !sv_is(v.s, cases[i].want));
	}
	/* Both texts of an event stay while a test holds them, however many sets were named before. */
	uint64_t random = 1;
	for (unsigned i = 0; i < 2000; i++) {
		struct wire_file_open record = *EVENT_AS(&ev, file_open);
		struct event copy = { .type = ev.type, .common = &record.common, .size = sizeof(record), .derived = ev.derived };
		random = random * 6364136223846793005u + 1442695040888963407u;
		unsigned one = (unsigned)(random >> 33) % 12, two = (unsigned)(random >> 45) % 12;
		record.common.cap_permitted = 1ull << one;
		record.common.cap_effective = 1ull << two;
		struct value first = field_ref_value(f.matcher, &copy, field_lookup(&f.c, SV("thread.cap_permitted")));
		struct value second = field_ref_value(f.matcher, &copy, field_lookup(&f.c, SV("thread.cap_effective")));
		assert_true(sv_is(first.s, capability_name(one)) && sv_is(second.s, capability_name(two)));
	}
	fixture_done(&f);
}

static void events_have_times_and_kinds(void **state)
{
	(void)state;
#define WHEN { "@timestamp", "1767323045000000006" }
	static const struct example examples[] = {
		{ "file.open", { WHEN }, "evt.rawtime", "1767323045000000006" },
		{ "file.open", { WHEN }, "evt.rawtime.s", "1767323045" },
		{ "file.open", { WHEN }, "evt.rawtime.ns", "6" },
		{ "file.open", { WHEN }, "evt.time", "03:04:05.000000006" },
		{ "file.open", { WHEN }, "evt.time.s", "03:04:05" },
		{ "file.open", { WHEN }, "evt.datetime", "2026-01-02 03:04:05.000000006" },
		{ "file.open", { WHEN }, "evt.datetime.s", "2026-01-02 03:04:05" },
		{ "file.open", { WHEN }, "evt.time.iso8601", "2026-01-02T03:04:05.000000006+0000" },
		{ "file.open", { { NULL, NULL } }, "evt.time", NULL },
		{ "file.open", { { NULL, NULL } }, "evt.category", "file" },
		{ "network.connect", { { NULL, NULL } }, "evt.category", "net" },
		{ "process.kill", { { NULL, NULL } }, "evt.category", "signal" },
		{ "bpf.load", { { NULL, NULL } }, "evt.category", "other" },
		{ "process.exec", { { NULL, NULL } }, "evt.category", "process" },
		{ "process.exec", { { NULL, NULL } }, "evt.source", "syscall" },
		{ "network.send", { { NULL, NULL } }, "evt.is_io_write", "true" },
		{ "file.open", { { NULL, NULL } }, "evt.is_io", "false" },
		{ "file.delete", { { "file.path", "/a" } }, "evt.abspath", "/a" },
		{ "process.exec", { { "file.path", "/a" } }, "evt.abspath", NULL },
		{ "file.rename", { { "file.path", "/a" } }, "evt.abspath.src", "/a" },
		{ "file.rename", { { "vedette.new_path", "/b" } }, "fs.path.target", "/b" },
		{ "file.open", { { "file.path", "/a" } }, "fs.path.name", "/a" },
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
		if (ref->never && !ref->compute)
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

/* Not that of the host on which the rules are asked. */
static void the_host_is_that_of_the_event(void **state)
{
	(void)state;
	struct fixture f;
	struct event ev;
	fixture_new(&f);
	const struct field_ref *ref = field_lookup(&f.c, SV("evt.hostname"));
	assert_non_null(ref);
	event_builder_begin(f.builder, event_type_by_name(SV("file.open")));
	assert_int_equal(event_builder_event(f.builder, &ev), 0);
	assert_true(field_ref_value(f.matcher, &ev, ref).is_missing);
	struct derived derived = *ev.derived;
	derived.host_name = SV("elsewhere");
	ev.derived = &derived;
	struct value v = field_ref_value(f.matcher, &ev, ref);
	assert_true(!v.is_missing && sv_is(v.s, "elsewhere"));
	fixture_done(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_stands_for_a_call),
		cmocka_unit_test(results_wait_for_the_outcome),
		cmocka_unit_test(flags_that_are_not_known_are_no_access),
		cmocka_unit_test(opens_are_for_reading_and_writing),
		cmocka_unit_test(arguments_follow_the_name),
		cmocka_unit_test(ancestors_are_counted_from_the_process),
		cmocka_unit_test(descriptors_have_names_and_types),
		cmocka_unit_test(the_host_is_a_container_of_its_own),
		cmocka_unit_test(containers_and_pods_are_what_their_runtimes_say),
		cmocka_unit_test(arguments_of_calls_read_as_falcos),
		cmocka_unit_test(ends_of_sockets_have_sides),
		cmocka_unit_test(processes_have_numbers_and_users),
		cmocka_unit_test(capabilities_are_listed_by_name),
		cmocka_unit_test(events_have_times_and_kinds),
		cmocka_unit_test(shared_names_mean_ours_in_our_rules),
		cmocka_unit_test(every_row_can_be_looked_up),
		cmocka_unit_test(wrong_arguments_are_told),
		cmocka_unit_test(the_host_is_that_of_the_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
