/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the protection that need no kernel; the rest is tests/bpf/guard.guest.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "engine/daemon/own_files.h"
#include "engine/daemon/protect.h"
#include "engine/daemon/watch.h"

static void the_kernels_command_line_can_switch_it_off(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool is_off;
	} cases[] = {
		{ "quiet vedette.protect=0\n", true }, { "vedette.protect=0", true }, { "vedette.protect=0 quiet", true },
		{ "", false }, { "quiet", false }, { "vedette.protect=1\n", false }, { "vedette.protect=01", false },
		{ "xvedette.protect=0", false }, { "vedette.protect", false }, { "x=vedette.protect=0", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (protect_is_off_by_boot(sv_from(cases[i].line)) != cases[i].is_off)
			fail_msg("taken wrongly: '%s'", cases[i].line);
}

/* The kernel's side sends the numbers of the enum; the log shows the symbols. */
static void acts_have_the_same_numbers_on_both_sides(void **state)
{
	(void)state;
	static const struct {
		enum tamper_act act;
		const char *symbol;
	} cases[] = {
		{ TAMPER_SIGNAL, "signal" }, { TAMPER_PTRACE, "ptrace" }, { TAMPER_LIMITS, "limits" }, { TAMPER_SCHEDULING, "scheduling" },
		{ TAMPER_MEMORY, "memory" }, { TAMPER_PROCESS_FILE, "process-file" }, { TAMPER_CGROUP_FILE, "cgroup-file" },
		{ TAMPER_CGROUP_MOVE, "cgroup-move" }, { TAMPER_BPF_MAP, "bpf-map" }, { TAMPER_BPF_PROGRAM, "bpf-program" }, { TAMPER_BPF_LINK, "bpf-link" },
		{ TAMPER_FILE_WRITE, "file-write" }, { TAMPER_FILE_CHANGE, "file-change" }, { TAMPER_FILE_CREATE, "file-create" },
		{ TAMPER_FILE_REMOVE, "file-remove" }, { TAMPER_FILE_RENAME, "file-rename" }, { TAMPER_MOUNT, "mount" }, { TAMPER_UNMOUNT, "unmount" },
		{ TAMPER_FREEZE, "freeze" }, { TAMPER_FTRACE, "ftrace" }, { TAMPER_PREEMPTION, "preemption" }, { TAMPER_SYSRQ, "sysrq" },
		{ TAMPER_CANARY, "canary" }, { TAMPER_DETACHED, "detached" }, { TAMPER_SKIPPED, "skipped" }, { TAMPER_PROTECTION_OFF, "protection-off" },
		{ TAMPER_PROTECTION_ON, "protection-on" }, { TAMPER_STOP, "stop" },
	};
	assert_int_equal(ARRAY_SIZE(cases), TAMPER_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(symbol_text(KIND_TAMPER, cases[i].act), cases[i].symbol);
}

static void without_a_protection_the_state_is_none(void **state)
{
	(void)state;
	struct protect_state s;
	protect_get_state(NULL, &s);
	assert_string_equal(s.state, "none");
	assert_int_equal(s.refused + s.canaries + s.failures, 0);
}

static bool has_path(const char *const *list, const char *path)
{
	for (; *list; list++)
		if (strcmp(*list, path) == 0)
			return true;
	return false;
}

/* What no rule that blocks may take from the daemon, with sinks. */
static void what_sinks_read_and_write_is_our_own(void **state)
{
	(void)state;
	static const char text[] = "rules: [/r]\nagent: {folder: /v/agent}\nwal: {folder: /v/wal}\noutput: {file: /v/out}\nsinks:\n"
				   "  - {name: a, type: file, path: /v/a}\n"
				   "  - {name: b, type: webhook, url_file: /v/url, auth: {token: /v/token}, sign: {hmac: /v/hmac, ed25519: /v/ed}}\n"
				   "  - {name: c, type: webhook, url: 'https://h/', auth: {basic: /v/basic}, tls: {ca: /v/ca, cert: /v/cert, key: /v/key}}\n"
				   "  - {name: d, type: nats, servers: ['tls://h:4222'], auth: {creds: /v/creds}}\n";
	static const char *const read[] = { "/v/url", "/v/token", "/v/hmac", "/v/ed", "/v/basic", "/v/creds" };
	static const char *const shared[] = { "/v/ca", "/v/cert", "/v/key" }; /* with others on the host, who renew them */
	CLEANUP(config_free) struct config *c = NULL;
	CLEANUP(own_files_done) struct own_files own = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (config_parse("c", sv_from(text), &c, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	struct watch_options o = watch_defaults();
	o.output = c->output_file;
	o.wal_folder = c->wal_folder;
	o.sinks = &c->sinks;
	assert_int_equal(own_files_fill(&own, &o), 0);
	for (size_t i = 0; i < ARRAY_SIZE(read); i++)
		if (!has_path(own.host.config, read[i]))
			fail_msg("not among what is read: %s", read[i]);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (has_path(own.host.config, shared[i]))
			fail_msg("among what is read: %s", shared[i]);
	assert_true(has_path(own.host.log, "/v/a"));
	assert_true(has_path(own.host.log, "/v/wal"));
	assert_false(has_path(own.host.log, "/v/out")); /* nobody writes it */
	assert_false(watch_writes_output(&o));
	assert_string_equal(watch_log_name(&o), "/v/wal");
	o.sinks = NULL;
	assert_true(watch_writes_output(&o));
	o.wal_folder = "";
	assert_string_equal(watch_log_name(&o), "/v/out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_command_line_can_switch_it_off),
		cmocka_unit_test(acts_have_the_same_numbers_on_both_sides),
		cmocka_unit_test(without_a_protection_the_state_is_none),
		cmocka_unit_test(what_sinks_read_and_write_is_our_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
