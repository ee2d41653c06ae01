/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that a host could not live with are found out, however they are written; others are left alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/enforce/essentials.h"
#include "engine/event/builder.h"
#include "tests/support/tree.h"

struct fixture {
	struct tree tree;
	struct essentials_host host;
};

static const char *const config[] = { "/etc/vedette/vedette.yaml", NULL };
static const char *const own_rules[] = { "/etc/vedette/rules", NULL };
static const char *const logs[] = { "/var/log/vedette/alerts.jsonl", NULL };
static const char *const control[] = { "/run/vedette/control.sock", NULL };

/* A small Debian, with merged /usr. */
static int setup(void **state)
{
	static const char *const files[] = {
		"usr/bin/bash", "usr/bin/dash", "usr/bin/dpkg", "usr/bin/dpkg-deb", "usr/bin/apt-get", "usr/bin/apt", "usr/bin/login", "usr/bin/su", "usr/bin/sudo",
		"usr/bin/curl", "usr/sbin/agetty", "usr/sbin/sshd", "usr/lib/systemd/systemd", "usr/lib/apt/methods/http", "usr/sbin/vedette", "var/lib/dpkg/status",
		"usr/local/bin/tool", "usr/bin/perl", "var/lib/apt/lists/lock", "dev/tty", "proc/meminfo", "lib/x86_64-linux-gnu/security/pam_unix.so",
		"lib/x86_64-linux-gnu/security/pam_systemd.so", "etc/passwd", "etc/shadow", "lib/x86_64-linux-gnu/libc.so.6",
	};
	static const char *const folders[] = {
		"usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib/systemd", "usr/lib/apt", "usr/lib/apt/methods", "usr/local", "usr/local/bin", "var", "var/lib",
		"var/lib/dpkg", "var/lib/dpkg/info", "var/lib/apt", "var/lib/apt/lists", "dev", "proc", "run", "etc", "opt", "lib", "lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu/security",
	};
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_new(&f->tree);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		tree_dir(&f->tree, folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		tree_file(&f->tree, files[i], SV("x"));
	tree_file(&f->tree, "etc/shells", SV("# shells\n/bin/bash\n/usr/bin/bash\n/bin/sh\n/bin/nothere\n"));
	tree_file(&f->tree, "var/lib/dpkg/info/openssh-server.conffiles", SV("/etc/default/ssh\n/etc/ssh/sshd_config\n"));
	tree_link(&f->tree, "usr/bin/sh", "dash");
	tree_link(&f->tree, "opt/link", "../usr/sbin/vedette");
	tree_link(&f->tree, "opt/links", "../usr/bin");
	tree_link(&f->tree, "bin", "usr/bin");
	tree_link(&f->tree, "sbin", "usr/sbin");
	tree_link(&f->tree, "usr/sbin/init", "../lib/systemd/systemd");
	f->host = (struct essentials_host){ .root = f->tree.root, .self = "/usr/sbin/vedette", .config = config, .rules = own_rules, .log = logs, .control = control };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tree_free(&f->tree);
	free(f);
	return 0;
}

static struct ruleset *load(const char *event, const char *when, const char *more)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	buf_add_format(&text, "- rule: tested\n  event: %s\n  severity: low\n  action: block\n  when: >\n    %s\n%s", event, when, more);
	if (ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag))
		fail_msg("%s: %s", when, diag.messages[0].text);
	return set;
}

#define EXEC "process.exec"
#define WRITES "[file.open, file.create, file.rename, file.delete]"
#define APT "/usr/bin/apt, /usr/bin/apt-get, /usr/lib/apt/methods/http"
#define ALL_NEEDED \
	"/usr/bin/bash, /usr/bin/dash, /usr/bin/dpkg, /usr/bin/dpkg-deb, " APT ", /usr/bin/login, /usr/bin/su, /usr/bin/sudo, /usr/sbin/agetty, " \
	"/usr/sbin/sshd, /usr/lib/systemd/systemd, /usr/sbin/vedette, /usr/bin/perl"

/* NULL: nothing is found; else a part of the first message. */
static const struct {
	const char *event, *when, *found;
} cases[] = {
	/* the start of services */
	{ "file.open", "vedette.cgroup.path startswith /system.slice/web.service and file.open.write and not file.path startswith /var/log/web/",
	  "the start of a service: '/usr/lib/systemd/systemd' enters by '/sys/fs/cgroup/system.slice/web.service/cgroup.procs'" },
	{ "file.open", "vedette.cgroup.path startswith /system.slice/ and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path glob \"/system.slice/web*\" and file.open.write and not file.path startswith /var/log/web/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path startswith /system.slice/web.service and file.open.write and not file.path startswith /var/log/web/ "
		       "and not process.executable = /usr/lib/systemd/systemd", NULL },
	{ "file.open", "vedette.cgroup.path startswith /system.slice/web.service and file.open.write and file.path startswith /etc/", NULL },
	{ "file.open", "vedette.cgroup.path = /system.slice/docker-1.scope and file.open.write and not file.path startswith /var/", NULL },
	{ "file.open", "vedette.cgroup.path startswith /system.slice and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path pmatch (/system.slice) and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path startswith / and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path glob \"/sys*\" and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path startswith /web.slice and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path startswith /web.slice/ and file.open.write and not file.path startswith /var/", "'/sys/fs/cgroup/web.slice/x.service/cgroup.procs'" },
	{ "file.open", "vedette.cgroup.path = /web.slice/web-a.slice/b.service and file.open.write and not file.path startswith /var/", "the start of a service" },
	{ "file.open", "vedette.cgroup.path = /web.slice and file.open.write and not file.path startswith /var/", NULL }, /* of the slice alone */
	{ "file.open", "vedette.cgroup.path = /system.slice and file.open.write and not file.path startswith /var/", NULL },
	{ "file.open", "vedette.cgroup.path startswith /kubepods.slice/ and file.open.write and not file.path startswith /var/", NULL },
	{ "file.open", "vedette.cgroup.path startswith /web.slice and file.open.write and not process.executable = /usr/lib/systemd/systemd", NULL },
	/* where the others are */
	{ EXEC, "vedette.cgroup.path startswith /user.slice/", "an administrator's shell" },
	{ EXEC, "vedette.cgroup.path startswith /user.slice/user-0.slice/ and process.executable = /usr/bin/bash", "'/usr/bin/login' runs '/usr/bin/bash'" },
	{ EXEC, "vedette.cgroup.path startswith /user.slice/user-1000.slice/ and process.executable = /usr/bin/bash", NULL },
	{ EXEC, "vedette.cgroup.path startswith /user.slice/ and process.executable = /usr/bin/dpkg", "the package manager's run" },
	{ EXEC, "vedette.cgroup.path startswith /system.slice/ and process.executable = /usr/bin/bash", NULL }, /* shells of services */
	{ EXEC, "not vedette.cgroup.path startswith /user.slice/ and process.executable = /usr/bin/bash", NULL },
	{ EXEC, "vedette.cgroup.path startswith /system.slice/ and process.executable = /usr/bin/login", "'/usr/sbin/agetty' runs '/usr/bin/login'" },
	{ "file.open", "vedette.cgroup.path startswith /system.slice/ssh and file.path = /etc/shadow", "'/usr/sbin/sshd' reads '/etc/shadow'" },
	{ "bpf.load", "vedette.cgroup.path startswith /system.slice/", "loads BPF programs" },
	{ "file.mount", "vedette.cgroup.path = /init.scope", "pid 1: '/usr/lib/systemd/systemd' mounts" },
	/* the engine */
	{ EXEC, "process.executable = /usr/sbin/vedette", "the engine's own work: '/usr/lib/systemd/systemd' runs '/usr/sbin/vedette'" },
	{ EXEC, "process.executable startswith /usr/sbin/ve", "the engine's own work" },
	{ EXEC, "process.executable = /sbin/vedette", "runs '/sbin/vedette'" }, /* by a link: the kernel blocks what it leads to */
	{ EXEC, "process.executable startswith /sbin/ve", "runs '/sbin/vedette'" },
	{ EXEC, "process.executable = /opt/link", "runs '/opt/link'" },
	{ EXEC, "process.executable in (/opt/links/bash, /x)", "'/usr/bin/login' runs '/opt/links/bash'" },
	{ EXEC, "process.executable in (/opt/links/nothere, /x)", NULL },
	{ "file.open", "file.path startswith /etc/vedette/", "'/usr/sbin/vedette' reads '/etc/vedette/vedette.yaml'" },
	{ "file.open", "file.path startswith /etc/vedette/ and file.open.write", NULL },
	{ "file.open", "file.path startswith /etc/vedette/ and process.executable != /usr/sbin/vedette", NULL },
	{ "file.open", "file.path startswith /var/log/ and file.open.write and not process.executable in (/usr/sbin/rsyslogd)", "writes '/var/log/vedette/alerts.jsonl'" },
	{ "network.unix_connect", "file.path startswith /run/", "connects to '/run/vedette/control.sock'" },
	{ "bpf.load", "not process.executable in (/usr/bin/bpftool)", "loads BPF programs" },
	{ "bpf.load", "not process.executable in (/usr/bin/bpftool, /usr/sbin/vedette)", NULL },
	{ "network.socket", "vedette.socket.family = AF_UNIX", "the engine's own work: '/usr/sbin/vedette' opens a local socket" },
	{ "network.socket", "vedette.socket.family = AF_UNIX and container.id exists", NULL },
	{ "network.socket", "vedette.socket.family = AF_ALG", NULL },
	/* pid 1 */
	{ "file.mount", "file.path exists", "pid 1: '/usr/lib/systemd/systemd' mounts '/run'" },
	{ "file.mount", "file.path startswith /mnt/", NULL },
	{ EXEC, "process.executable = /usr/lib/systemd/systemd", "pid 1" },
	{ EXEC, "process.executable = /sbin/init", "pid 1" },
	{ EXEC, "process.parent.executable startswith /usr/lib/systemd/ and process.executable startswith /usr/", "runs" },
	/* shells */
	{ EXEC, "process.executable in (/bin/sh, /bin/bash, /bin/zsh)", "an administrator's shell" },
	{ EXEC, "process.executable = /usr/bin/bash", "an administrator's shell on a terminal: '/usr/bin/login' runs '/usr/bin/bash'" },
	{ EXEC, "process.executable = /usr/bin/bash and process.parent.executable = /usr/sbin/nginx", NULL },
	{ EXEC, "process.executable = /usr/bin/bash and user.audit.id exists", "an administrator's shell" },
	{ EXEC, "process.executable = /usr/bin/bash and ancestor(process.executable = /usr/sbin/nginx)", NULL },
	{ EXEC, "process.executable = /usr/bin/bash and ancestor(process.executable = /usr/sbin/sshd)", "'/usr/sbin/sshd' runs" },
	{ EXEC, "process.executable = /usr/bin/bash and user.id >= 1000", NULL },
	{ EXEC, "process.executable = /usr/bin/bash and container.id exists", NULL },
	{ "file.open", "file.path = /etc/shadow and not process.executable in (/usr/bin/passwd)", "'/usr/bin/login' reads '/etc/shadow'" },
	{ "file.open", "file.path = /etc/shadow and not process.executable in (/usr/bin/passwd)", "reads '/etc/shadow', '" }, /* and others: all have to be excepted */
	{ EXEC, "process.executable startswith /usr/", " more acts; nobody could log in" },
	{ "file.open", "file.path = /etc/shadow and not process.executable in (/usr/bin/login, /usr/bin/su, /usr/bin/sudo, /usr/sbin/sshd)", NULL },
	{ "file.open", "file.path = /etc/passwd and not process.executable in (/usr/bin/login, /usr/bin/su, /usr/bin/sudo, /usr/sbin/sshd)", "pid 1" },
	{ "file.mmap_exec", "not file.path startswith /opt/", "maps" },
	{ "process.setuid", "vedette.new_uid >= 0", "an administrator's shell on a terminal: '/usr/bin/login' changes its user" },
	{ "process.setuid", "vedette.new_uid = 0 and process.executable startswith /opt/", NULL },
	{ "network.bind", "destination.port = 22", "'/usr/sbin/sshd' listens on port 22" },
	{ "network.listen", "destination.port < 1024 and not process.executable = /usr/sbin/nginx", "'/usr/sbin/sshd' listens on port 22" },
	{ "network.bind", "destination.port = 8080", NULL },
	{ "network.socket", "vedette.socket.family = AF_INET and not process.executable = /usr/bin/curl", "'/usr/sbin/sshd' opens a TCP socket" },
	{ "file.mmap_exec", "file.path startswith /lib/x86_64-linux-gnu/security/", "maps '/lib/x86_64-linux-gnu/security/pam_unix.so'" },
	{ "file.open", "file.path startswith /proc/", "reads '/proc/meminfo'" },
	{ "file.open", "file.path = /dev/tty", "'/dev/tty'" },
	/* packages */
	{ EXEC, "process.executable = /usr/bin/perl", "the package manager's run: '/usr/bin/dpkg' runs '/usr/bin/perl'" },
	{ "file.open", "file.path startswith /var/lib/apt/ and file.open.write", "'/usr/bin/apt' writes '/var/lib/apt/lists/lock'" },
	{ "file.delete", "file.path startswith /var/", "the package manager's run" },
	{ EXEC, "process.executable = /usr/bin/dpkg", "the package manager's run: '/usr/bin/bash' runs '/usr/bin/dpkg'" },
	{ EXEC, "process.executable startswith /usr/lib/apt/", "runs '/usr/lib/apt/methods/http'" },
	{ EXEC, "process.executable in (/usr/bin/rpm, /usr/bin/dnf)", NULL }, /* none of them is here */
	{ WRITES, "file.path startswith /var/lib/dpkg/ and not process.executable in (/usr/bin/apt)", "'/var/lib/dpkg/status'" },
	{ "file.rename", "vedette.new_path = /etc/ssh/sshd_config", "'/usr/bin/dpkg' puts in place '/etc/ssh/sshd_config'" },
	{ "file.rename", "vedette.new_path = /etc/ssh/other", NULL },
	{ "file.open", "file.path startswith /etc/ssh/ and file.open.write", "writes '/etc/ssh/sshd_config'" },
	{ "file.open", "file.path = /etc/shadow and file.open.write", NULL }, /* dpkg does not write it */
	{ "file.open", "file.path startswith /etc/ and file.open.write and not process.executable in (/usr/bin/dpkg, /usr/bin/vi)", NULL },
	{ WRITES, "file.path startswith /usr/ and not file.path startswith /usr/local/", "the package manager's run" },
	{ WRITES, "file.path = /usr/bin/curl", "removes '/usr/bin/curl'" },
	{ WRITES, "file.path = /usr/bin/xmrig", NULL },
	{ WRITES, "file.path startswith /usr/local/", NULL },
	{ "file.delete", "file.path startswith /lib/systemd/", NULL }, /* no such folder here */
	{ "file.create", "file.path glob /usr/lib/*.so.dpkg-new", NULL },
	{ "file.create", "file.path glob /usr/lib/*", "creates '/usr/lib/new'" },
	{ "file.create", "file.path pmatch (/usr/lib)", "creates '/usr/lib/new'" },
	/* allow-lists */
	{ EXEC, "not process.executable startswith /opt/", "would block" },
	{ EXEC, "not process.executable in (" ALL_NEEDED ")", NULL },
	{ EXEC, "not process.executable in (/usr/bin/bash, /usr/bin/dash)", "would block" },
	{ EXEC, "container.id exists and not process.executable in (/app/server)", NULL },
	{ EXEC, "vedette.cgroup.path startswith /app and not process.executable in (/app/server)", NULL },
	{ "network.connect", "not destination.ip in (10.0.0.0/8)", NULL },
};

static void such_rules_are_found(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].event, cases[i].when, "");
		int err = essentials_check(set, &f->host, NULL, NULL, &diag);
		bool is_found = false;
		for (size_t k = 0; k < diag.n && cases[i].found; k++)
			is_found |= strstr(diag.messages[k].text, cases[i].found) != NULL;
		if (err != (cases[i].found ? -EPERM : 0) || is_found != (cases[i].found != NULL))
			fail_msg("%s: %s: %d, %s", cases[i].event, cases[i].when, err, diag.n ? diag.messages[0].text : "nothing is found");
	}
}

static void it_is_said_where_the_rule_stands(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(EXEC, "process.executable = /bin/bash", "");
	assert_int_equal(essentials_check(set, &f->host, NULL, NULL, &diag), -EPERM);
	assert_string_equal(diag.messages[0].file, "t.yaml");
	assert_int_equal(diag.messages[0].line, 1);
	assert_non_null(strstr(diag.messages[0].text, "rule tested would block"));
	assert_int_equal(diag.n, diag.errors);
}

static void what_only_alerts_may_be_about_anything(void **state)
{
	static const char *const ways[] = {
		"- {rule: a, event: process.exec, severity: low, when: 'true'}\n",
		"- policy: {name: p, mode: detect}\n- {rule: a, event: process.exec, severity: low, action: block, when: 'true'}\n",
		"- {rule: a, event: process.exec, severity: low, action: block, enabled: false, when: 'true'}\n",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		if (ruleset_load_text("t.yaml", sv_from(ways[i]), &set, &diag))
			fail_msg("%s", diag.messages[0].text);
		assert_int_equal(essentials_check(set, &f->host, NULL, NULL, &diag), 0);
		assert_int_equal(diag.n, 0);
	}
}

static bool is_forced(void *context, const struct rule_info *rule)
{
	return strcmp(rule->id, context) == 0;
}

static void a_forced_rule_is_not_asked(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(EXEC, "true", "");
	char name[] = "tested", other[] = "other";
	assert_int_equal(essentials_check(set, &f->host, is_forced, name, &diag), 0);
	assert_int_equal(diag.n, 0);
	assert_int_equal(essentials_check(set, &f->host, is_forced, other, &diag), -EPERM);
}

/* Then who logs in stays in the cgroup of the service. */
static void without_sessions_a_shell_is_in_the_cgroup_of_a_service(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(EXEC, "not vedette.cgroup.path startswith /user.slice/ and process.executable = /usr/bin/bash", "");
	CLEANUP(str_free) char *pam = tree_path(&f->tree, "lib/x86_64-linux-gnu/security/pam_systemd.so");
	assert_int_equal(unlink(pam), 0);
	assert_int_equal(essentials_check(set, &f->host, NULL, NULL, &diag), -EPERM);
	assert_non_null(strstr(diag.messages[0].text, "an administrator's shell"));
}

/* Without enforcement it is only said; and each kind of act once. */
static void what_is_not_enforced_is_told(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(EXEC, "true", "");
	f->host.is_warning = true;
	assert_int_equal(essentials_check(set, &f->host, NULL, NULL, &diag), 0);
	assert_int_equal(diag.warnings, 4);
	assert_int_equal(diag.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(such_rules_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_said_where_the_rule_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_alerts_may_be_about_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(a_forced_rule_is_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(without_sessions_a_shell_is_in_the_cgroup_of_a_service, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_enforced_is_told, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
