/* SPDX-License-Identifier: Apache-2.0 */
/* Policies applied under way, without a sensor: what is in force when, what is kept, who may do what next, what the breaker does. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/daemon/change.h"
#include "engine/event/builder.h"
#include "tests/support/tree.h"

enum { BREAKER = 5, STEPS = 4000 };

struct fixture {
	struct tree tree;
	char *file, *folder, *socket;
	struct policies *policies;
	struct policy *policy;
	struct pipeline *pipeline;
	struct change *change;
	struct event_builder *builder;
	int printed;
	struct buf answer; /* the last one */
};

static int rules_now(void *context, struct rule_paths *ret, struct diag *diag)
{
	struct fixture *f = context;
	(void)diag;
	return rule_paths_add(ret, f->file);
}

static void no_status(const void *context, struct buf *out)
{
	(void)context;
	buf_add_z(out, "{}\n");
}

#define OPENS(id, folder) "- rule: " id "\n  event: file.open\n  when: file.path startswith " folder "\n  severity: low\n"
#define BLOCKS(id) "- rule: " id "\n  event: process.exec\n  when: process.executable = /x/" id "\n  severity: low\n  action: block\n"

static void start(struct fixture *f)
{
	const char *paths[RELOAD_MAX_PATHS];
	CLEANUP(rule_paths_done) struct rule_paths all = { 0 };
	assert_int_equal(policies_open(f->folder, &f->policies, NULL), 0);
	assert_int_equal(rule_paths_add(&all, f->file), 0);
	assert_int_equal(policies_add_paths(f->policies, NULL, &all), 0);
	for (size_t i = 0; i < all.n; i++)
		paths[i] = all.items[i];
	struct policy_options po = { .rule_paths = paths, .n_rule_paths = all.n };
	assert_int_equal(policy_load(&po, &f->policy, NULL), 0);
	struct pipeline_config pc = { .policy = f->policy, .terminal_fd = f->printed, .json_fd = -1 };
	assert_int_equal(pipeline_new(&pc, &f->pipeline), 0);
	struct change_config cc = { .request = { .policy = { 0 }, .paths = rules_now, .paths_context = f }, .control = f->socket, .policy = &f->policy,
				    .pipeline = f->pipeline, .policies = f->policies, .breaker = BREAKER, .add_status = no_status };
	assert_int_equal(change_new(&cc, &f->change, NULL), 0);
	policies_sweep(f->policies, NULL);
}

/* is_killed: without a word. */
static void end(struct fixture *f, bool is_killed)
{
	if (!is_killed)
		change_stop(f->change);
	change_free(&f->change);
	pipeline_free(&f->pipeline);
	policy_free(&f->policy);
	policies_free(&f->policies);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_new(&f->tree);
	f->file = tree_path(&f->tree, "rules.yaml");
	f->folder = tree_path(&f->tree, "policies");
	f->socket = tree_path(&f->tree, "socket");
	tree_file(&f->tree, "rules.yaml", SV(OPENS("first", "/w/") BLOCKS("old")));
	f->printed = memfd_create("printed", MFD_CLOEXEC);
	assert_int_equal(event_builder_new(&f->builder), 0);
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	end(f, false);
	event_builder_free(&f->builder);
	fd_close(&f->printed);
	buf_done(&f->answer);
	free(f->file);
	free(f->folder);
	free(f->socket);
	tree_free(&f->tree);
	free(f);
	return 0;
}

/* --- asking ---------------------------------------------------------------------------------------------------------------------- */

static int client(const struct fixture *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(strlen(f->socket) < sizeof(a.sun_path));
	memcpy(a.sun_path, f->socket, strlen(f->socket) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void send_request(struct fixture *f, int fd, const char *command, const char *name, unsigned confirm_ms, const char *text)
{
	CLEANUP(buf_done) struct buf line = { 0 };
	struct json j;
	json_init(&j, &line);
	json_object_begin(&j);
	json_key(&j, "command");
	json_str(&j, sv_from(command));
	if (confirm_ms) {
		json_key(&j, "confirm_ms");
		json_u64(&j, confirm_ms);
	}
	if (name) {
		json_key(&j, "name");
		json_str(&j, sv_from(name));
	}
	if (text) {
		json_key(&j, "text");
		json_str(&j, sv_from(text));
	}
	json_object_end(&j);
	buf_add_char(&line, '\n');
	assert_int_equal(send(fd, line.p, line.n, MSG_NOSIGNAL), (ssize_t)line.n);
	change_step(f->change);
}

static const char *answer_on(struct fixture *f, int fd)
{
	buf_reset(&f->answer);
	for (int i = 0; i < STEPS; i++) {
		char part[4096];
		ssize_t n = recv(fd, part, sizeof(part), 0);
		if (n > 0)
			buf_add(&f->answer, part, (size_t)n);
		if (n == 0)
			return buf_cstr(&f->answer);
		change_step(f->change);
		struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = change_reload_fd(f->change), .events = POLLIN } };
		(void)poll(p, 2, 5);
	}
	fail_msg("no answer");
	return "";
}

/* The answer; it must say so, and hold this. */
static void ask(struct fixture *f, const char *command, const char *name, unsigned confirm_ms, const char *text, const char *expected)
{
	CLEANUP(fd_close) int fd = client(f);
	send_request(f, fd, command, name, confirm_ms, text);
	const char *answer = answer_on(f, fd);
	if (!strstr(answer, expected))
		fail_msg("%s %s: '%s' is not in '%s'", command, name ? name : "", expected, answer);
}

#define GOOD "\"ok\":true"
#define BAD "\"ok\":false"

/* Which of these rules judge, as a text of their first letters. */
static void expect_rules(const struct fixture *f, const char *text)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	for (size_t i = 0; i < ruleset_count(f->policy->rules); i++)
		buf_add_format(&got, "%s%s", i ? " " : "", ruleset_get(f->policy->rules, i)->id);
	if (strcmp(buf_cstr(&got), text) != 0)
		fail_msg("'%s' are in force, not '%s'", buf_cstr(&got), text);
}

static void expect_kept(const struct fixture *f, const char *text)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	const struct policy_file *files;
	size_t n = policies_list(f->policies, &files);
	for (size_t i = 0; i < n; i++)
		buf_add_format(&got, "%s%s", i ? " " : "", files[i].name);
	if (strcmp(buf_cstr(&got), text) != 0)
		fail_msg("'%s' are kept, not '%s'", buf_cstr(&got), text);
}

static void restart(struct fixture *f, bool is_killed)
{
	end(f, is_killed);
	start(f);
}

/* A block by a rule of the policy in force, as the kernel tells of it. */
static void block(struct fixture *f, const char *id)
{
	struct event ev;
	uint32_t rule = 0;
	while (strcmp(ruleset_get(f->policy->rules, rule)->id, id) != 0)
		rule++;
	event_builder_begin(f->builder, event_type_by_name(SV("process.exec")));
	assert_int_equal(event_builder_set_text(f->builder, "process.executable", "/x"), 0);
	assert_int_equal(event_builder_event(f->builder, &ev), 0);
	struct wire_common *common = (struct wire_common *)(uintptr_t)ev.common;
	common->verdict = VERDICT_BLOCK;
	common->rule_slot = exec_slot(f->policy->generation, rule);
	pipeline_judge(f->pipeline, &ev);
	change_step(f->change);
}

/* --- the tests -------------------------------------------------------------------------------------------------------------------- */

static void what_is_applied_stays(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy-apply", "web", 0, OPENS("web", "/web/"), GOOD);
	expect_rules(f, "first old web");
	expect_kept(f, "web");
	restart(f, true);
	expect_rules(f, "first old web");
	ask(f, "policy-apply", "app", 0, OPENS("app", "/app/"), GOOD);
	ask(f, "policy-apply", "web", 0, OPENS("web2", "/web/"), GOOD);
	expect_rules(f, "first old app web2");
	ask(f, "policy-show", "web", 0, NULL, "rule: web2");
	ask(f, "policy-status", NULL, 0, NULL, "\"policies\":[{\"forced\":false,\"name\":\"app\"},{\"forced\":false,\"name\":\"web\"}]");
	ask(f, "policy-remove", "app", 0, NULL, GOOD);
	expect_rules(f, "first old web2");
	restart(f, false);
	expect_rules(f, "first old web2");
	expect_kept(f, "web");
}

static void what_is_confirmed_stays(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy-apply", "web", 60000, OPENS("web", "/web/"), "\"confirm_ms\":5");
	expect_rules(f, "first old web");
	expect_kept(f, "");
	ask(f, "policy-status", NULL, 0, NULL, "\"pending\":{\"action\":\"apply\",\"blocked\":0,\"breaker\":5,");
	ask(f, "policy-confirm", NULL, 0, NULL, GOOD);
	expect_kept(f, "web");
	ask(f, "policy-confirm", NULL, 0, NULL, "no policy waits");
	ask(f, "policy-rollback", NULL, 0, NULL, "no policy waits");
	restart(f, true);
	expect_rules(f, "first old web");
}

static void what_is_taken_back_is_gone(void **state)
{
	struct fixture *f = *state;
	char digest[65];
	ask(f, "policy-apply", "web", 0, OPENS("web", "/web/"), GOOD);
	memcpy(digest, ruleset_digest(f->policy->rules), sizeof(digest));
	uint32_t generation = f->policy->generation;
	ask(f, "policy-apply", "web", 10000, OPENS("web2", "/web/") BLOCKS("new"), GOOD);
	expect_rules(f, "first old web2 new");
	assert_int_not_equal(f->policy->generation & 1, generation & 1);
	uint32_t tried = f->policy->generation;
	ask(f, "policy-rollback", NULL, 0, NULL, GOOD);
	expect_rules(f, "first old web");
	assert_string_equal(ruleset_digest(f->policy->rules), digest);
	assert_int_equal(f->policy->generation, generation);
	ask(f, "policy-apply", "web", 10000, OPENS("web3", "/web/"), GOOD);
	assert_int_not_equal(f->policy->generation, tried); /* a verdict on its way could be taken for one by these rules */
	assert_int_not_equal(f->policy->generation & 1, generation & 1);
	ask(f, "policy-rollback", NULL, 0, NULL, GOOD);
	restart(f, true);
	expect_rules(f, "first old web");
	/* the removal of one, too */
	ask(f, "policy-remove", "web", 10000, NULL, GOOD);
	expect_rules(f, "first old");
	expect_kept(f, "web");
	ask(f, "policy-rollback", NULL, 0, NULL, GOOD);
	expect_rules(f, "first old web");
	ask(f, "policy-remove", "web", 10000, NULL, GOOD);
	ask(f, "policy-confirm", NULL, 0, NULL, GOOD);
	restart(f, true);
	expect_rules(f, "first old");
}

static void an_end_before_it_is_confirmed_takes_it_back(void **state)
{
	struct fixture *f = *state;
	for (int is_killed = 0; is_killed < 2; is_killed++) {
		ask(f, "policy-apply", "web", 3600000, OPENS("web", "/web/"), GOOD);
		expect_rules(f, "first old web");
		restart(f, is_killed);
		expect_rules(f, "first old");
		expect_kept(f, "");
	}
}

static void nothing_else_is_done_meanwhile(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy-apply", "web", 60000, OPENS("web", "/web/"), GOOD);
	ask(f, "policy-apply", "app", 0, OPENS("app", "/app/"), "another policy waits to be confirmed");
	ask(f, "policy-remove", "web", 0, NULL, "another policy waits to be confirmed");
	ask(f, "reload", NULL, 0, NULL, "a policy waits to be confirmed: first");
	change_ask(f->change); /* SIGHUP */
	for (int i = 0; i < 50; i++)
		change_step(f->change);
	expect_rules(f, "first old web");
	ask(f, "policy-confirm", NULL, 0, NULL, GOOD);
	ask(f, "reload", NULL, 0, NULL, GOOD);
	expect_rules(f, "first old web");
}

/* Of several at once one is applied at a time, and a reload that was asked for between them is not lost in silence. */
static void those_at_once_wait_or_are_refused(void **state)
{
	struct fixture *f = *state;
	int fds[4];
	static const char *const texts[] = { OPENS("a", "/a/"), OPENS("b", "/b/"), OPENS("c", "/c/") };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fds[i] = client(f);
		send_request(f, fds[i], "policy-apply", (const char *[]){ "a", "b", "c" }[i], 60000, texts[i]);
	}
	fds[3] = client(f);
	send_request(f, fds[3], "reload", NULL, 0, NULL);
	size_t done = 0;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		done += strstr(answer_on(f, fds[i]), GOOD) != NULL;
	assert_int_equal(done, 1);
	assert_non_null(strstr(answer_on(f, fds[3]), "\"ok\":"));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(&fds[i]);
	ask(f, "policy-rollback", NULL, 0, NULL, GOOD);
	expect_rules(f, "first old");
}

static void who_hangs_up_has_asked_all_the_same(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	send_request(f, fd, "policy-apply", "web", 60000, OPENS("web", "/web/"));
	fd_close(&fd);
	for (int i = 0; i < STEPS && ruleset_count(f->policy->rules) == 2; i++) {
		change_step(f->change);
		(void)usleep(1000);
	}
	expect_rules(f, "first old web");
	ask(f, "policy-status", NULL, 0, NULL, "\"pending\"");
	/* half a request is none */
	fd = client(f);
	assert_true(send(fd, "{\"command\":\"policy-rollback\"", 28, MSG_NOSIGNAL) > 0);
	change_step(f->change);
	fd_close(&fd);
	for (int i = 0; i < 20; i++)
		change_step(f->change);
	expect_rules(f, "first old web");
}

static void faults_change_nothing(void **state)
{
	static const struct {
		const char *name, *text, *expected;
		unsigned confirm_ms;
	} cases[] = {
		{ "web", "- rule: x\n", "policies/.pending/web.yaml", 0 },
		{ "web", "- rule: x\n", "the new rules are refused", 60000 },
		{ "web", OPENS("first", "/y/"), "first", 0 }, /* its id is taken */
		{ "web", "\t", BAD, 0 },
		{ "web", NULL, "a policy is a text", 0 },
		{ "../web", OPENS("web", "/web/"), "a policy's name is", 0 },
		{ NULL, OPENS("web", "/web/"), "a policy's name is", 0 },
		{ "web", OPENS("web", "/web/"), "10s to 1h", 9999 },
		{ "web", OPENS("web", "/web/"), "10s to 1h", 3600001 },
		{ "web", "- include: rules.yaml\n" OPENS("web", "/web/"), BAD, 0 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ask(f, "policy-apply", cases[i].name, cases[i].confirm_ms, cases[i].text, BAD);
		if (!strstr(buf_cstr(&f->answer), cases[i].expected))
			fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].expected, buf_cstr(&f->answer));
		expect_rules(f, "first old");
		expect_kept(f, "");
	}
	ask(f, "policy-remove", "web", 0, NULL, "there is no policy of this name");
	ask(f, "policy-show", "web", 0, NULL, "there is no policy of this name");
	ask(f, "policy-apply", "web", 0, OPENS("web", "/web/"), GOOD); /* and nothing is left of them */
	expect_rules(f, "first old web");
}

static void a_file_that_cannot_be_kept_takes_it_back(void **state)
{
	struct fixture *f = *state;
	char *path = tree_path(&f->tree, "policies/web.yaml");
	assert_int_equal(mkdir(path, 0700), 0); /* nothing can be renamed over a folder */
	ask(f, "policy-apply", "web", 0, OPENS("web", "/web/"), "policy web cannot be kept");
	expect_rules(f, "first old");
	ask(f, "policy-apply", "web", 60000, OPENS("web", "/web/"), GOOD);
	ask(f, "policy-confirm", NULL, 0, NULL, BAD);
	expect_rules(f, "first old web"); /* it still waits */
	assert_int_equal(rmdir(path), 0);
	free(path);
	ask(f, "policy-confirm", NULL, 0, NULL, GOOD);
	expect_kept(f, "web");
}

static void too_many_blocks_take_it_back(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy-apply", "web", 3600000, BLOCKS("new"), GOOD);
	for (int i = 0; i < 100; i++)
		block(f, "old"); /* what the rules of before block says nothing about these */
	for (int i = 0; i < BREAKER; i++)
		block(f, "new");
	expect_rules(f, "first old new");
	block(f, "new");
	expect_rules(f, "first old");
	ask(f, "policy-confirm", NULL, 0, NULL, "no policy waits");
	expect_kept(f, "");
}

/* Or whoever is blocked would only have to try often enough. */
static void after_it_is_confirmed_no_number_of_blocks_changes_anything(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy-apply", "web", 3600000, BLOCKS("new"), GOOD);
	for (int i = 0; i < BREAKER; i++)
		block(f, "new");
	ask(f, "policy-confirm", NULL, 0, NULL, "\"ok\":true");
	for (int i = 0; i < 100000; i++)
		block(f, "new");
	expect_rules(f, "first old new");
	ask(f, "policy-apply", "app", 0, BLOCKS("app"), GOOD); /* for good at once: there never is a breaker */
	for (int i = 0; i < 1000; i++)
		block(f, "app");
	expect_rules(f, "first old app new");
	expect_kept(f, "app web");
}

static void a_watch_without_a_folder_says_so(void **state)
{
	struct fixture *f = *state;
	static const char *const commands[] = { "policy-apply", "policy-confirm", "policy-rollback", "policy-remove", "policy-show", "policy-status" };
	change_free(&f->change);
	struct change_config cc = { .request = { .paths = rules_now, .paths_context = f }, .control = f->socket, .policy = &f->policy, .pipeline = f->pipeline,
				    .add_status = no_status };
	assert_int_equal(change_new(&cc, &f->change, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		ask(f, commands[i], "web", 0, "x", "`policy.folder` of the configuration is empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_applied_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_confirmed_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_taken_back_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(an_end_before_it_is_confirmed_takes_it_back, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_else_is_done_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(those_at_once_wait_or_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(who_hangs_up_has_asked_all_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(faults_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_kept_takes_it_back, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_blocks_take_it_back, setup, teardown),
		cmocka_unit_test_setup_teardown(after_it_is_confirmed_no_number_of_blocks_changes_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watch_without_a_folder_says_so, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
