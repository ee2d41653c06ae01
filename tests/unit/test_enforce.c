/* SPDX-License-Identifier: Apache-2.0 */
/* What rules that block become: refusals, limits, names of files, values that are not known, what follows from a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/compiled.h"

static struct decide_file file_on(const char *path, uint32_t major, uint32_t minor, const char *inside)
{
	return (struct decide_file){ { KNOWN_VALUE, sv_from(path) }, { KNOWN_VALUE, sv_from(inside) }, major << 20 | minor };
}

/* --- refusals -------------------------------------------------------------------------------------------------------------- */

static void what_the_kernel_cannot_decide_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *events, *when, *why, *advice;
		unsigned column;
	} cases[] = {
		{ "process.exec", "process.args intersects (-e)", "when the image is in place", "action: kill", 9 },
		{ "process.exec", "user.id = 0 and process.command_line contains x", "process.command_line contains x", "action: alert", 25 },
		{ "file.open", "file.path endswith .so", "compares texts with = !=", "action: alert", 9 },
		{ "file.open", "file.path regex \"/etc/.*\"", "compares texts with = !=", "action: alert", 9 },
		{ "file.open", "file.path glob \"/etc/*.conf\"", "beginnings, not patterns", "startswith", 9 },
		{ "file.open", "file.path pmatch (\"/home/*/x\")", "beginnings, not patterns", "whole paths", 9 },
		{ "file.open", "file.path startswith \"\"", "an empty text", "exists", 9 },
		{ "file.open", "file.path = val(process.executable)", "not with one another", "action: alert", 9 },
		{ "file.open", "basename(file.path) = x", "not what a function makes", "action: alert", 9 },
		{ "file.open", "file.path = oneof (/a, /b)", "does not count", "one by one", 9 },
		{ "file.open", "container.id = abc", "not which", "container.id exists", 9 },
		{ "file.open", "vedette.ancestors.executable in (/a)", "every ancestor", "intersects", 9 },
		{ "file.open", "ancestor(process.name = sh)", "does not look at this field", "action: alert", 9 },
		{ "process.exec", "user.effective.id = 0 and file.path = /a", "not known yet", "action: alert", 9 },
		{ "[file.open, file.create]", "file.inode = 3", "(file.create)", "action: alert", 9 },
		{ "network.receive", "destination.port = 3", "network.receive is not decided", "take it out", 3 },
		{ "file.open", "true", "holds on every file.open", "ask for something", 3 },
		{ "file.open", "file.open.write or not file.open.write", "holds on every file.open", "ask for something", 3 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c;
		char yaml[1024];
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: block\n  event: %s\n  when: %s\n", cases[i].events, cases[i].when);
		compile_after(&c, yaml, NULL);
		const struct diag_message *m = &c.diag.messages[c.diag.n ? c.diag.n - 1 : 0];
		if (c.err != -EINVAL || !c.diag.n)
			fail_msg("not refused: %s", cases[i].when);
		bool is_whole_rule = cases[i].column == 3;
		if (!says(&c.diag, cases[i].why) || !says(&c.diag, cases[i].advice) || m->line != (is_whole_rule ? 1 : 5) || m->column != cases[i].column)
			fail_msg("%s: %u:%u: %s", cases[i].when, m->line, m->column, m->text);
	}
}

static void all_refusals_of_a_rule_come_in_one_go(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile_after(&c, "- rule: r\n  severity: low\n  action: block\n  event: [file.open, file.delete]\n  when: |\n    file.path endswith x\n    or process.name = y\n"
			  "- rule: s\n  severity: low\n  action: block\n  event: file.open\n  when: file.mode = 0644\n", NULL);
	assert_int_equal(-EINVAL, c.err);
	assert_int_equal(3, c.diag.errors); /* once each, though two events have it */
	assert_int_equal(6, c.diag.messages[0].line);
	assert_int_equal(7, c.diag.messages[1].line);
	assert_int_equal(12, c.diag.messages[2].line);
}

static void a_policy_that_detects_is_warned(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- policy: {mode: detect}\n- rule: r\n  severity: low\n  action: block\n  event: file.open\n  when: file.path endswith x\n");
	assert_int_equal(0, c.diag.errors);
	assert_true(says(&c.diag, "could not block if its policy enforced: file.path endswith x"));
	assert_int_equal(0, c.policy.counts.clauses);
}

/* --- limits ---------------------------------------------------------------------------------------------------------------- */

static void add_rule_head(struct buf *yaml, size_t i, const char *event)
{
	buf_add_format(yaml, "- rule: r%zu\n  severity: low\n  action: block\n  event: %s\n  when: ", i, event);
}

/* `(a1 or b1) and (a2 or b2) ...`: twice as many clauses with each. */
static void add_product(struct buf *yaml, size_t n)
{
	static const char *const pairs[] = { "(user.id = 1 or group.id = 1)",     "(file.path = /a or process.executable = /b)",    "(file.uid = 4 or user.audit.id = 5)",
					     "(file.open.read or file.inode = 1)", "(file.device = 8:1 or user.effective.id = 3)", "(container.id exists or vedette.cgroup.path = /x)",
					     "(file.path = /c or user.id > 77)" };
	for (size_t i = 0; i < n; i++)
		buf_add_format(yaml, "%s%s", i ? " and " : "", pairs[i]);
	buf_add_char(yaml, '\n');
}

static void limits_are_checked_when_rules_are_loaded(void **state)
{
	(void)state;
	enum limit { CLAUSES_OF_RULE, CLAUSES_OF_EVENT, ANCESTORS, ANCESTOR_EVENTS, PATH_BYTES };
	static const char *const events[] = { "file.open", "file.create", "file.delete", "file.link", "file.symlink", "file.mkdir", "file.chmod", "file.chown", "file.truncate",
		"file.rename", "file.setxattr", "file.removexattr", "file.mount", "file.umount", "file.mmap_exec", "file.mprotect_exec", "process.exec" };
	static const struct {
		enum limit limit;
		size_t n;
		const char *what; /* NULL: it is taken */
	} cases[] = {
		{ CLAUSES_OF_RULE, 6, NULL },      { CLAUSES_OF_RULE, 7, "more than 64 clauses" },
		{ CLAUSES_OF_EVENT, 1024, NULL },  { CLAUSES_OF_EVENT, 1025, "rule r1024 is beyond the limit of 1024 clauses for network.connect" },
		{ ANCESTORS, 128, NULL },          { ANCESTORS, 129, "more than 128 different tests of ancestors" },
		{ ANCESTOR_EVENTS, 16, NULL },     { ANCESTOR_EVENTS, 17, "in 17 event types: 16 is the limit" },
		{ PATH_BYTES, 240, NULL },         { PATH_BYTES, 241, "longer than 240 bytes" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c;
		CLEANUP(buf_done) struct buf yaml = { 0 };
		for (size_t k = 0; k < (cases[i].limit == CLAUSES_OF_RULE || cases[i].limit == PATH_BYTES ? 1 : cases[i].n); k++) {
			add_rule_head(&yaml, k, cases[i].limit == CLAUSES_OF_EVENT ? "network.connect" : cases[i].limit == ANCESTOR_EVENTS ? events[k] : "file.open");
			if (cases[i].limit == CLAUSES_OF_RULE)
				add_product(&yaml, cases[i].n);
			else if (cases[i].limit == CLAUSES_OF_EVENT)
				buf_add_format(&yaml, "user.id = %zu\n", k);
			else if (cases[i].limit == PATH_BYTES)
				buf_add_format(&yaml, "file.path = \"/%0*d\"\n", (int)cases[i].n - 1, 0);
			else
				buf_add_format(&yaml, "ancestor(process.executable = /bin/a%zu)\n", cases[i].limit == ANCESTORS ? k : 0);
		}
		compile_after(&c, buf_cstr(&yaml), NULL);
		if (!cases[i].what != !c.err || (cases[i].what && !says(&c.diag, cases[i].what)))
			fail_msg("limit %d with %zu: %d, %s", (int)cases[i].limit, cases[i].n, c.err, c.diag.n ? c.diag.messages[0].text : "no message");
	}
}

static void alternatives_of_one_value_are_one_set(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf yaml = { 0 };
	CLEANUP(compiled_done) struct compiled c;
	add_rule_head(&yaml, 0, "file.open");
	for (size_t i = 0; i < 500; i++)
		buf_add_format(&yaml, "%sfile.path = /a/f%zu", i ? " or " : "(", i);
	buf_add_z(&yaml, ") and (user.id = 0 or group.id = 0)\n");
	compile(&c, buf_cstr(&yaml));
	assert_int_equal(2 + 6, c.policy.counts.clauses); /* and, for either, the folder above by both ends of a rename, and as what is mounted over */
	assert_int_equal(6, c.policy.counts.derived);
}

/* The dimensions of an event in the order they are asked. */
static size_t asked_order(const struct compiled *c, uint32_t event, enum policy_dimension order[static DIMENSION_COUNT])
{
	const struct policy_head *head = &c->policy.tables.head;
	size_t n = 0;
	for (size_t i = 0; i < sizeof(head->order[event]) / sizeof(head->order[event][0]) * POLICY_ORDER_OF_WORD; i++) {
		uint32_t d = (uint32_t)(head->order[event][i / POLICY_ORDER_OF_WORD] >> POLICY_ORDER_BITS * (i % POLICY_ORDER_OF_WORD)) &
			     ((1u << POLICY_ORDER_BITS) - 1);
		if (d)
			order[n++] = (enum policy_dimension)(d - 1);
	}
	return n;
}

static void what_rules_out_most_for_its_cost_is_asked_first(void **state)
{
	(void)state;
	static const struct {
		const char *what, *event, *when;
		uint32_t number;
		enum policy_dimension first;
	} cases[] = {
		{ "a path that only one user may not open", "file.open", "file.path = /a and user.id = 7", EVENT_FILE_OPEN, DIMENSION_UID },
		{ "an exception tells little", "file.open", "file.path = /a and not user.id = 7", EVENT_FILE_OPEN, DIMENSION_PATH },
		{ "flags that most acts have tell nothing", "file.open", "file.path = /a and file.open.read = true", EVENT_FILE_OPEN, DIMENSION_PATH },
		{ "what alone settles it, before what is cheaper and does not", "file.open",
		  "(file.path = /a and process.executable = /b) or (file.path = /c and user.id != 7)", EVENT_FILE_OPEN, DIMENSION_PATH },
		{ "a port", "network.connect", "destination.port = 7 and not process.executable = /b", EVENT_NET_CONNECT, DIMENSION_PORT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf yaml = { 0 };
		CLEANUP(compiled_done) struct compiled c;
		enum policy_dimension order[DIMENSION_COUNT];
		add_rule_head(&yaml, 0, cases[i].event);
		buf_add_format(&yaml, "%s\n", cases[i].when);
		compile(&c, buf_cstr(&yaml));
		size_t n = asked_order(&c, cases[i].number, order);
		uint32_t needs = c.policy.tables.head.needs[cases[i].number], asked = 0;
		for (size_t k = 0; k < n; k++)
			asked |= 1u << order[k];
		if (n != (size_t)__builtin_popcount(needs) || asked != needs)
			fail_msg("%s: not each of them once", cases[i].what);
		if (order[0] != cases[i].first)
			fail_msg("%s: %d is asked first", cases[i].what, (int)order[0]);
	}
}

/* --- names ----------------------------------------------------------------------------------------------------------------- */

static const char rule_for_names[] =
	"- rule: secret\n  severity: low\n  action: block\n  event: file.open\n  when: file.path startswith /data/secret/ or file.path = /etc/one.conf or file.path startswith /srv/\n"
	"- rule: only-usr\n  severity: low\n  action: block\n  event: file.delete\n  when: not file.path startswith /usr/ and not file.path startswith /data/ and file.path exists\n";

static void a_file_has_two_names(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t event;
		const char *path;
		uint32_t major, minor;
		const char *inside;
		bool is_container, is_denied;
	} cases[] = {
		{ "by its path", EVENT_FILE_OPEN, "/data/secret/x", 8, 2, "/secret/x", false, true },
		{ "under another mount point", EVENT_FILE_OPEN, "/mnt/alias/x", 8, 2, "/secret/x", false, true },
		{ "another file of that name inside", EVENT_FILE_OPEN, "/secret/x", 8, 1, "/secret/x", false, false },
		{ "beside it", EVENT_FILE_OPEN, "/data/secrets", 8, 2, "/secrets", false, false },
		{ "a file that is mounted, by what it is", EVENT_FILE_OPEN, "/run/real.conf", 8, 1, "/run/real.conf", false, true },
		{ "below a mount that a prefix reaches", EVENT_FILE_OPEN, "/elsewhere/f", 8, 1, "/vol/f", false, true },
		{ "a container's file of that path", EVENT_FILE_OPEN, "/data/secret/x", 0, 44, "/data/secret/x", true, true },
		{ "a folder of the host in a container", EVENT_FILE_OPEN, "/inside", 8, 2, "/secret/x", true, true },
		{ "a private mount on the host, protected path", EVENT_FILE_OPEN, "/data/secret/x", 0, 99, "/x", false, true },
		{ "excepted by both", EVENT_FILE_DELETE, "/usr/bin/x", 8, 1, "/usr/bin/x", false, false },
		{ "excepted by the path only", EVENT_FILE_DELETE, "/usr/bin/x", 8, 1, "/tmp/x", false, true },
		{ "excepted by the device only", EVENT_FILE_DELETE, "/tmp/x", 8, 1, "/usr/bin/x", false, true },
		{ "excepted, each name by another exception", EVENT_FILE_DELETE, "/usr/x", 8, 2, "/x", false, false },
		{ "excepted path of a private mount on the host", EVENT_FILE_DELETE, "/usr/bin/x", 0, 99, "/x", false, true },
		{ "excepted path in a container", EVENT_FILE_DELETE, "/usr/bin/x", 0, 44, "/usr/bin/x", true, false },
		{ "excepted path in a container that came later", EVENT_FILE_DELETE, "/usr/bin/x", 0, 45, "/usr/bin/x", true, false },
		{ "the mount point is not below itself", EVENT_FILE_DELETE, "/data", 8, 2, "/", false, true },
	};
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, rule_for_names);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decide_event ev = { .event = cases[i].event, .is_container = cases[i].is_container };
		ev.files[DIMENSION_PATH] = file_on(cases[i].path, cases[i].major, cases[i].minor, cases[i].inside);
		if (ask(&c, &ev).is_hit != cases[i].is_denied)
			fail_msg("%s: %s", cases[i].what, cases[i].is_denied ? "allowed" : "denied");
	}
}

static void layers_over_what_packages_bring_are_of_the_host(void **state)
{
	(void)state;
	static const char *const points[] = { "/", "/usr", "/opt", "/etc" };
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		CLEANUP(compiled_done) struct compiled c = { 0 };
		char rule[256], table[256], path[64];
		snprintf(rule, sizeof(rule), "- rule: r\n  severity: low\n  action: block\n  event: file.delete\n  when: not file.path startswith %s/\n",
			 points[i][1] ? points[i] : "");
		snprintf(table, sizeof(table), "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:50 / %s rw - overlay overlay rw\n", points[i]);
		snprintf(path, sizeof(path), "%s/f", points[i][1] ? points[i] : "");
		assert_int_equal(0, ruleset_load_text("r.yaml", sv_from(rule), &c.set, &c.diag));
		assert_int_equal(0, mounts_parse(sv_from(table), &c.mounts));
		struct verdict_world world = { .mounts = c.mounts, .generation = 3 };
		assert_int_equal(0, verdict_compile(c.set, &world, &c.policy, &c.diag));
		assert_int_equal(0, decider_new(&c.policy.tables, &c.decider));
		struct decide_event ev = { .event = EVENT_FILE_DELETE };
		ev.files[DIMENSION_PATH] = file_on(path, 0, 50, "/f");
		if (ask(&c, &ev).is_hit)
			fail_msg("an overlay on %s is not the host's", points[i]);
	}
}

static void links_in_written_paths_are_followed(void **state)
{
	(void)state;
	char folder[] = "/tmp/enforce.XXXXXX", real[80], link[80], yaml[512];
	assert_non_null(mkdtemp(folder));
	snprintf(real, sizeof(real), "%s/real", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: block\n  event: file.delete\n  when: file.path in (%s/a, %s/b, %s/c, %s/c)\n", link, link, link, folder);
	assert_int_equal(0, symlink(folder, link));
	CLEANUP(compiled_done) struct compiled c = { 0 };
	assert_int_equal(0, ruleset_load_text("r.yaml", sv_from(yaml), &c.set, &c.diag));
	struct verdict_world world = { .generation = 1, .follows_links = true };
	c.err = verdict_compile(c.set, &world, &c.policy, &c.diag);
	unlink(link);
	rmdir(folder);
	assert_int_equal(0, c.err);
	assert_int_equal(2, c.diag.warnings); /* of c the author knows both names */
	assert_true(says(&c.diag, "leads through a symbolic link"));
	assert_int_equal(0, decider_new(&c.policy.tables, &c.decider));
	snprintf(real, sizeof(real), "%s/a", folder);
	struct decide_event ev = { .event = EVENT_FILE_DELETE, .files[DIMENSION_PATH].path = { KNOWN_VALUE, sv_from(real) } };
	assert_true(ask(&c, &ev).is_hit);
}

static void rules_that_stop_whole_hosts_are_warned_of(void **state)
{
	(void)state;
	static const struct {
		const char *more, *when;
		size_t warnings;
	} rows[] = {
		{ "", "file.hash.sha256 = 0123456789012345678901234567890123456789012345678901234567890123", 1 },
		{ "  unknown: allow\n", "file.hash.sha256 = 0123456789012345678901234567890123456789012345678901234567890123", 0 },
		{ "  unknown: deny\n", "file.hash.sha256 = 0123456789012345678901234567890123456789012345678901234567890123", 0 },
		{ "", "file.path startswith /tmp/ and not vedette.file.written", 1 },
		{ "", "file.path startswith /tmp/", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char yaml[512];
		CLEANUP(compiled_done) struct compiled c = { 0 };
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: block\n%s  event: process.exec\n  when: %s\n", rows[i].more, rows[i].when);
		assert_int_equal(0, ruleset_load_text("r.yaml", sv_from(yaml), &c.set, &c.diag));
		c.err = verdict_compile(c.set, &(struct verdict_world){ .generation = 1 }, &c.policy, &c.diag);
		assert_int_equal(0, c.err);
		if (c.diag.warnings != rows[i].warnings)
			fail_msg("%s%s: %zu warnings", rows[i].more, rows[i].when, (size_t)c.diag.warnings);
	}
}

/* --- unknown values -------------------------------------------------------------------------------------------------------- */

static void what_could_not_be_read_follows_the_default(void **state)
{
	(void)state;
	static const char rules[] = "- rule: r\n  severity: low\n  action: block\n  event: file.open\n  unknown: %s\n  when: %s\n";
	enum unknown { PATHS, EXECUTABLE, FIRST_ONLY, ANCESTRY, CGROUP, UID, NOTHING };
	static const struct {
		const char *when;
		enum unknown unknown;
		bool denies, allows; /* with `unknown: deny`, with `unknown: allow`: is it denied? */
	} cases[] = {
		{ "file.path = /a and user.id = 0", PATHS, true, false },
		{ "file.path = /a and user.id = 1", PATHS, false, false },
		{ "file.path = /a and user.id = 0", FIRST_ONLY, true, false },
		{ "file.path = /b and user.id = 0", FIRST_ONLY, true, true }, /* the other name brings it */
		{ "not file.path = /a and user.id = 0", PATHS, true, false },
		{ "user.id = 0 and not process.executable startswith /usr/", EXECUTABLE, true, false },
		{ "user.id = 0 and process.executable = /x", EXECUTABLE, true, false },
		{ "user.id = 0 and ancestor(process.executable = /x)", ANCESTRY, true, false },
		{ "user.id = 0 and not ancestor(process.executable = /x)", ANCESTRY, true, false },
		{ "user.id = 0 and vedette.cgroup.path startswith /s", CGROUP, true, false },
		{ "file.open.read and user.id = 0", UID, true, false },
		{ "file.open.read and user.id = 0", NOTHING, true, true },
		{ "not file.open.read and user.id = 0", UID, false, false },
		{ "user.id = 0 and group.id = 7", PATHS, false, false },
	};
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		bool allows = i % 2;
		CLEANUP(compiled_done) struct compiled c;
		char yaml[512];
		snprintf(yaml, sizeof(yaml), rules, allows ? "allow" : "deny", cases[i / 2].when);
		compile(&c, yaml);
		struct decide_event ev = { .event = EVENT_FILE_OPEN };
		ev.files[DIMENSION_PATH] = file_on("/c", 8, 1, "/b");
		ev.files[DIMENSION_EXECUTABLE] = file_on("/usr/bin/y", 8, 1, "/usr/bin/y");
		ev.numbers[DIMENSION_FLAGS] = (struct decide_number){ KNOWN_VALUE, 1 };
		ev.numbers[DIMENSION_UID] = (struct decide_number){ cases[i / 2].unknown == UID ? KNOWN_UNREADABLE : KNOWN_VALUE, 0 };
		ev.numbers[DIMENSION_GID] = (struct decide_number){ KNOWN_VALUE, 6 };
		ev.texts[DIMENSION_CGROUP] = cases[i / 2].unknown == CGROUP ? unreadable : (struct decide_text){ KNOWN_VALUE, sv_from("/u") };
		ev.is_ancestry_unknown = cases[i / 2].unknown == ANCESTRY;
		if (cases[i / 2].unknown == PATHS || cases[i / 2].unknown == FIRST_ONLY)
			ev.files[DIMENSION_PATH].path = unreadable;
		if (cases[i / 2].unknown == PATHS)
			ev.files[DIMENSION_PATH].fs_path = unreadable;
		if (cases[i / 2].unknown == EXECUTABLE)
			ev.files[DIMENSION_EXECUTABLE].path = ev.files[DIMENSION_EXECUTABLE].fs_path = unreadable;
		struct decide_answer answer = ask(&c, &ev);
		bool is_denied = allows ? cases[i / 2].allows : cases[i / 2].denies;
		bool is_about_it = !strstr(cases[i / 2].when, "group.id");
		if (answer.is_hit != is_denied || answer.is_unknown != (cases[i / 2].unknown != NOTHING && is_about_it))
			fail_msg("%s, unknown: %s: %s%s", cases[i / 2].when, allows ? "allow" : "deny", answer.is_hit ? "denied" : "allowed",
				 answer.is_unknown ? ", said to be unknown" : "");
	}
}

static void a_missing_value_is_not_unknown(void **state)
{
	(void)state;
	static const struct {
		const char *when;
		bool is_denied;
	} cases[] = {
		{ "file.path = /a", false },           { "file.path exists", false },         { "not file.path exists and user.id = 0", true },
		{ "file.path != /a", false },          { "not file.path = /a and user.id = 0", true }, { "user.audit.id = 5", false },
		{ "user.audit.id != 5", false },       { "not user.audit.id exists", true },  { "not (user.audit.id < 100)", true },
		{ "user.audit.id exists", false },     { "user.audit.id >= 0", false },       { "not user.audit.id != 5", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c;
		char yaml[256];
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: block\n  event: file.mmap_exec\n  when: %s\n", cases[i].when);
		compile(&c, yaml);
		struct decide_event ev = { .event = EVENT_MMAP_EXEC, .numbers[DIMENSION_UID] = { KNOWN_VALUE, 0 } };
		struct decide_answer answer = ask(&c, &ev);
		if (answer.is_hit != cases[i].is_denied || answer.is_unknown)
			fail_msg("%s: %s", cases[i].when, answer.is_hit ? "denied" : "allowed");
	}
}

/* --- what follows from a rule ---------------------------------------------------------------------------------------------- */

static void folders_above_keep_their_names(void **state)
{
	(void)state;
	static const struct {
		const char *what, *from, *to;
		uint32_t uid;
		bool is_denied;
	} cases[] = {
		{ "the folder above", "/opt/app", "/opt/x", 0, true },
		{ "the one above that", "/opt", "/x", 0, true },
		{ "another one to there", "/x", "/opt/app", 0, true },
		{ "another folder", "/opt/other", "/opt/x", 0, false },
		{ "by another user", "/opt/app", "/opt/x", 7, false },
		{ "the file itself, which is for the rule to say", "/opt/app/key", "/x", 0, false },
	};
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- rule: key\n  severity: low\n  action: block\n  event: file.open\n  when: file.path in (/opt/app/key, /key) and file.open.write and user.id = 0\n"
		    "- rule: other\n  severity: low\n  action: block\n  event: network.connect\n  when: destination.port = 25\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decide_event ev = { .event = EVENT_FILE_RENAME, .numbers[DIMENSION_UID] = { KNOWN_VALUE, cases[i].uid } };
		ev.files[DIMENSION_PATH] = file_on(cases[i].from, 8, 1, cases[i].from);
		ev.files[DIMENSION_NEW_PATH] = file_on(cases[i].to, 8, 1, cases[i].to);
		struct decide_answer answer = ask(&c, &ev);
		if (answer.is_hit != cases[i].is_denied || (answer.is_hit && !(answer.flags & CLAUSE_DERIVED)))
			fail_msg("%s: %s", cases[i].what, answer.is_hit ? "denied" : "allowed");
	}
}

static void nothing_is_mounted_over_folders_above(void **state)
{
	(void)state;
	enum { MOVES = 1, HIDES = 2 };
	static const struct {
		const char *what, *path;
		uint32_t minor; /* of device 8 */
		const char *inside;
		uint64_t flags;
		uint32_t uid;
		bool is_denied;
	} cases[] = {
		{ "the folder above", "/opt/app", 1, "/opt/app", HIDES, 0, true },
		{ "the one above that", "/opt", 1, "/opt", HIDES, 0, true },
		{ "a mount that is moved there", "/opt", 1, "/opt", HIDES | MOVES, 0, true },
		{ "by an alias", "/mnt/opt/app", 1, "/opt/app", HIDES, 0, true },
		{ "in a namespace of somebody's own", "/opt/app", 1, "/opt/app", 0, 0, false },
		{ "another folder", "/opt/other", 1, "/opt/other", HIDES, 0, false },
		{ "by another user", "/opt/app", 1, "/opt/app", HIDES, 7, false },
		{ "the file itself, which is for the rule to say", "/opt/app/key", 1, "/opt/app/key", HIDES, 0, false },
		{ "the root of a mount", "/data", 2, "/", HIDES, 0, true },
		{ "the mount point while it is not mounted", "/data", 1, "/data", HIDES, 0, false },
		{ "the root itself, which no path leads through anew", "/", 1, "/", HIDES, 0, false },
	};
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- rule: key\n  severity: low\n  action: block\n  event: file.open\n  when: file.path in (/opt/app/key, /data/key) and file.open.write and user.id = 0\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decide_event ev = { .event = EVENT_FILE_MOUNT, .numbers[DIMENSION_UID] = { KNOWN_VALUE, cases[i].uid },
					   .numbers[DIMENSION_FLAGS] = { KNOWN_VALUE, cases[i].flags } };
		ev.files[DIMENSION_PATH] = file_on(cases[i].path, 8, cases[i].minor, cases[i].inside);
		struct decide_answer answer = ask(&c, &ev);
		if (answer.is_hit != cases[i].is_denied || (answer.is_hit && !(answer.flags & CLAUSE_DERIVED)))
			fail_msg("%s: %s", cases[i].what, answer.is_hit ? "denied" : "allowed");
	}
}

static void what_denies_stands_before_what_would(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- policy: {mode: detect}\n- rule: would\n  severity: low\n  action: block\n  event: network.bind\n  when: destination.port < 1024\n");
	struct decide_event ev = { .event = EVENT_NET_BIND, .numbers[DIMENSION_PORT] = { KNOWN_VALUE, 80 } };
	struct decide_answer answer = ask(&c, &ev);
	assert_true(answer.is_hit && answer.flags == CLAUSE_DETECT && exec_slot_rule(answer.rule_slot) == 0 && exec_slot_generation(answer.rule_slot) == 3);
	ev.numbers[DIMENSION_PORT].value = 1024;
	assert_false(ask(&c, &ev).is_hit);
	assert_int_equal(1, c.policy.counts.detecting);
}

static void a_rollout_takes_in_its_share_of_processes(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- rule: tenth\n  severity: low\n  action: block\n  rollout: 10\n  event: network.bind\n  when: destination.port = 80\n");
	size_t denied = 0;
	for (uint64_t share = 0; share < 100; share++) {
		struct decide_event ev = { .event = EVENT_NET_BIND, .numbers = { [DIMENSION_PORT] = { KNOWN_VALUE, 80 }, [DIMENSION_ROLLOUT] = { KNOWN_VALUE, share } } };
		denied += ask(&c, &ev).is_hit;
	}
	assert_int_equal(10, denied);
}

static void exceptions_last_until_they_expire(void **state)
{
	(void)state;
	static const char yaml[] = "- rule: r\n  severity: low\n  action: block\n  event: file.delete\n  when: file.path = /x\n"
				   "  exceptions:\n    - {name: a, when: user.id = 0, expires: 2031-01-01}\n    - {name: b, when: user.id = 5}\n";
	const uint64_t before = 1900000000ull * 1000000000, after = 1930000000ull * 1000000000, end = 1925078400ull * 1000000000;
	for (int i = 0; i < 2; i++) {
		CLEANUP(compiled_done) struct compiled c = { 0 };
		struct verdict_world world = { .generation = 1, .wall_ns = i ? after : before };
		assert_int_equal(0, ruleset_load_text("r.yaml", sv_from(yaml), &c.set, &c.diag));
		assert_int_equal(0, verdict_compile(c.set, &world, &c.policy, &c.diag));
		assert_int_equal(0, decider_new(&c.policy.tables, &c.decider));
		struct decide_event ev = { .event = EVENT_FILE_DELETE, .numbers[DIMENSION_UID] = { KNOWN_VALUE, 0 }, .files[DIMENSION_PATH].path = { KNOWN_VALUE, SV("/x") } };
		assert_int_equal(i == 1, ask(&c, &ev).is_hit);
		assert_true(c.policy.until_ns == (i ? UINT64_MAX : end));
	}
}

static void tables_are_the_same_while_nothing_changes(void **state)
{
	(void)state;
	static const char yaml[] = "- rule: r\n  severity: low\n  action: block\n  event: file.delete\n  when: file.path startswith /var/lib/ and not file.path = /x\n"
				   "  exceptions:\n    - {name: a, when: user.id = 0, expires: 2031-01-01}\n"
				   "- rule: s\n  severity: low\n  action: block\n  event: network.connect\n  when: destination.ip = 10.0.0.0/8 and ancestor(process.executable = /bin/a)\n";
	const uint64_t before = 1900000000ull * 1000000000, after = 1930000000ull * 1000000000;
	static const struct {
		const char *what, *mounts;
		uint64_t wall_ns;
		bool is_same;
	} cases[] = {
		{ "nothing", host_mounts, before, true }, { "a later moment", host_mounts, before + 1, true },
		{ "an exception that ended", host_mounts, after, false }, { "no mounts", "", before, false },
	};
	struct verdict_policy policy[ARRAY_SIZE(cases)];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c = { 0 };
		assert_int_equal(0, ruleset_load_text("r.yaml", sv_from(yaml), &c.set, &c.diag));
		assert_int_equal(0, mounts_parse(sv_from(cases[i].mounts), &c.mounts));
		struct verdict_world world = { .mounts = c.mounts, .generation = 1, .wall_ns = cases[i].wall_ns };
		assert_int_equal(0, verdict_compile(c.set, &world, &policy[i], &c.diag));
		if (verdict_tables_equal(&policy[0].tables, &policy[i].tables) != cases[i].is_same)
			fail_msg("%s", cases[i].what);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		verdict_policy_done(&policy[i]);
}

/* --- ancestors ------------------------------------------------------------------------------------------------------------- */

static void an_ancestor_has_two_names_as_well(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile(&c, "- rule: r\n  severity: low\n  action: block\n  event: file.open\n  when: ancestor(process.executable = /usr/sbin/sshd)\n"
		    "- rule: s\n  severity: low\n  action: block\n  event: file.delete\n  when: user.id = 0 and not ancestor(process.executable = /usr/bin/apt)\n");
	static const struct {
		const char *what;
		uint32_t event;
		const char *path;
		uint32_t major, minor;
		const char *inside;
		bool is_denied;
	} cases[] = {
		{ "asked for, both", EVENT_FILE_OPEN, "/usr/sbin/sshd", 8, 1, "/usr/sbin/sshd", true },
		{ "asked for, by the device", EVENT_FILE_OPEN, "/x", 8, 1, "/usr/sbin/sshd", true },
		{ "asked for, by the path", EVENT_FILE_OPEN, "/usr/sbin/sshd", 8, 1, "/x", true },
		{ "another", EVENT_FILE_OPEN, "/x", 8, 1, "/x", false },
		{ "excepted, both", EVENT_FILE_DELETE, "/usr/bin/apt", 8, 1, "/usr/bin/apt", false },
		{ "excepted, by the device only", EVENT_FILE_DELETE, "/x", 8, 1, "/usr/bin/apt", true },
		{ "excepted, by the path only", EVENT_FILE_DELETE, "/usr/bin/apt", 8, 1, "/x", true },
		{ "excepted, on a private mount", EVENT_FILE_DELETE, "/usr/bin/apt", 9, 9, "/usr/bin/apt", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decide_file ancestors[] = { file_on("/sbin/init", 8, 1, "/sbin/init"), file_on(cases[i].path, cases[i].major, cases[i].minor, cases[i].inside) };
		struct decide_event ev = { .event = cases[i].event, .ancestors = ancestors, .n_ancestors = 2, .numbers[DIMENSION_UID] = { KNOWN_VALUE, 0 } };
		if (ask(&c, &ev).is_hit != cases[i].is_denied)
			fail_msg("%s: %s", cases[i].what, cases[i].is_denied ? "allowed" : "denied");
	}
}

static const char *ancestor_rules(struct buf *out, size_t from, size_t n)
{
	buf_reset(out);
	for (size_t i = from; i < from + n; i++) {
		add_rule_head(out, i, "file.open");
		buf_add_format(out, "ancestor(process.executable = /bin/a%zu)\n", i);
	}
	return buf_cstr(out);
}

static void ancestor_bits_keep_their_meaning(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf yaml = { 0 };
	CLEANUP(compiled_done) struct compiled first, second, third, fourth, fifth;
	compile(&first, ancestor_rules(&yaml, 0, 3));
	assert_int_equal(7, first.policy.untold[0]);
	compile_after(&second, ancestor_rules(&yaml, 1, 3), &first.policy.ancestors);
	assert_int_equal(0, second.err);
	assert_int_equal(0xe, second.policy.ancestors.in_force[0]); /* 1 and 2 as before; the third has a bit of its own */
	assert_int_equal(0x8, second.policy.untold[0]);
	assert_int_equal(1, first.policy.ancestors.epoch);
	assert_int_equal(2, second.policy.ancestors.epoch);
	compile_after(&third, ancestor_rules(&yaml, 0, 1), &second.policy.ancestors);
	assert_int_equal(0x1, third.policy.ancestors.in_force[0]); /* the bit it had; labels made in between do not have it */
	assert_int_equal(0x1, third.policy.untold[0]);
	CLEANUP(compiled_done) struct compiled again;
	compile_after(&again, ancestor_rules(&yaml, 2, 2), &second.policy.ancestors);
	assert_int_equal(0, again.policy.untold[0]); /* labels have them all: nothing has to be told */
	assert_int_equal(2, again.policy.ancestors.epoch);
	compile_after(&fourth, ancestor_rules(&yaml, 500, 128), &first.policy.ancestors);
	assert_int_equal(-E2BIG, fourth.err); /* those in force are not taken away from labels */
	compile_after(&fifth, ancestor_rules(&yaml, 500, 125), &first.policy.ancestors);
	assert_int_equal(0, fifth.err);
	assert_int_equal(0, fifth.policy.ancestors.in_force[0] & 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_cannot_decide_is_named),
		cmocka_unit_test(all_refusals_of_a_rule_come_in_one_go),
		cmocka_unit_test(a_policy_that_detects_is_warned),
		cmocka_unit_test(limits_are_checked_when_rules_are_loaded),
		cmocka_unit_test(alternatives_of_one_value_are_one_set),
		cmocka_unit_test(what_rules_out_most_for_its_cost_is_asked_first),
		cmocka_unit_test(a_file_has_two_names),
		cmocka_unit_test(layers_over_what_packages_bring_are_of_the_host),
		cmocka_unit_test(links_in_written_paths_are_followed),
		cmocka_unit_test(rules_that_stop_whole_hosts_are_warned_of),
		cmocka_unit_test(what_could_not_be_read_follows_the_default),
		cmocka_unit_test(a_missing_value_is_not_unknown),
		cmocka_unit_test(folders_above_keep_their_names),
		cmocka_unit_test(nothing_is_mounted_over_folders_above),
		cmocka_unit_test(what_denies_stands_before_what_would),
		cmocka_unit_test(a_rollout_takes_in_its_share_of_processes),
		cmocka_unit_test(tables_are_the_same_while_nothing_changes),
		cmocka_unit_test(exceptions_last_until_they_expire),
		cmocka_unit_test(an_ancestor_has_two_names_as_well),
		cmocka_unit_test(ancestor_bits_keep_their_meaning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
