/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's fields of processes, users and containers; and how a field is found by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/event/capability.h"
#include "engine/rules/computed.h"
#include "tests/support/computed_example.h"

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
		cmocka_unit_test(arguments_follow_the_name),
		cmocka_unit_test(ancestors_are_counted_from_the_process),
		cmocka_unit_test(the_host_is_a_container_of_its_own),
		cmocka_unit_test(containers_and_pods_are_what_their_runtimes_say),
		cmocka_unit_test(processes_have_numbers_and_users),
		cmocka_unit_test(capabilities_are_listed_by_name),
		cmocka_unit_test(shared_names_mean_ours_in_our_rules),
		cmocka_unit_test(every_row_can_be_looked_up),
		cmocka_unit_test(wrong_arguments_are_told),
		cmocka_unit_test(the_host_is_that_of_the_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
