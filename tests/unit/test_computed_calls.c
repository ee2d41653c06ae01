/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's fields of calls: their names, arguments, results, descriptors and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/computed_example.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_stands_for_a_call),
		cmocka_unit_test(results_wait_for_the_outcome),
		cmocka_unit_test(flags_that_are_not_known_are_no_access),
		cmocka_unit_test(opens_are_for_reading_and_writing),
		cmocka_unit_test(descriptors_have_names_and_types),
		cmocka_unit_test(arguments_of_calls_read_as_falcos),
		cmocka_unit_test(ends_of_sockets_have_sides),
		cmocka_unit_test(events_have_times_and_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
