/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to contradict, by chance: rules over fields that are made of one another, and events in which they really are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/ruleset.h"
#include "tests/support/random.h"

enum { RULES = 800, EVENTS = 1000, SEEDS = 6 };

static const char *one_of(struct random *r, const char *const *texts, size_t n)
{
	return texts[random_below(r, n)];
}

/* Small, so that values meet. */
static void add_path(struct random *r, struct buf *out)
{
	static const char *const parts[] = { "a", "b", "A", "a.b", ".a", "b.A", "aB" };
	size_t n = 1 + random_below(r, 3);
	for (size_t i = 0; i < n; i++)
		buf_add_format(out, "/%s", one_of(r, parts, ARRAY_SIZE(parts)));
}

static void add_test(struct random *r, struct buf *out)
{
	static const char *const sides[] = {
		"file.path", "file.name", "file.directory", "file.extension", "tolower(file.path)", "toupper(file.name)", "basename(file.path)",
		"tolower(basename(file.path))", "basename(file.directory)", "fd.name", "fd.filename", "fd.directory",
	};
	static const char *const ops[] = { "=", "iequals", "startswith", "istartswith", "endswith", "iendswith", "contains", "icontains" };
	static const char *const values[] = { "a", "b", "A", "B", "/", "/a", "/b", "a.b", ".b", "b.a", "/a/b", "/a/a.b", "/b/.a", "ab", "/A" };
	buf_add_format(out, "%s %s %s ", one_of(r, sides, ARRAY_SIZE(sides)), one_of(r, ops, ARRAY_SIZE(ops)), random_below(r, 3) ? "anyof" : "allof");
	buf_add_format(out, "(\"%s\"", one_of(r, values, ARRAY_SIZE(values)));
	if (random_below(r, 3) == 0)
		buf_add_format(out, ", \"%s\"", one_of(r, values, ARRAY_SIZE(values)));
	buf_add_char(out, ')');
}

static struct ruleset *make_rules(struct random *r)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	for (size_t i = 0; i < RULES; i++) {
		buf_add_format(&text, "- rule: r%zu\n  severity: low\n  event: file.open\n  when: |-\n    ", i);
		add_test(r, &text);
		for (size_t k = 1 + random_below(r, 2); k > 0; k--) {
			buf_add_z(&text, random_below(r, 6) ? " and " : " and not ");
			add_test(r, &text);
		}
		buf_add_char(&text, '\n');
	}
	if (ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag))
		fail_msg("%s", diag.messages[0].text);
	return set;
}

static void set_text(struct event_builder *b, const char *field, struct strview text)
{
	assert_int_equal(event_builder_set(b, sv_from(field), &text, 1), 0);
}

/* As the enrichment does. */
static void make_event(struct event_builder *b, struct strview path, struct event *ret)
{
	const char *slash = memrchr(path.p, '/', path.n);
	size_t folder = (size_t)(slash - path.p);
	struct strview name = sv_from_index(path, folder + 1);
	const char *dot = memrchr(name.p, '.', name.n);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	set_text(b, "file.path", path);
	set_text(b, "file.name", name);
	set_text(b, "file.directory", (struct strview){ path.p, MAX(folder, (size_t)1) });
	if (dot && dot != name.p)
		set_text(b, "file.extension", sv_from_index(name, (size_t)(dot - name.p) + 1));
	assert_int_equal(event_builder_event(b, ret), 0);
}

static void ask(uint64_t seed)
{
	struct random r = { .state = seed };
	CLEANUP(ruleset_free) struct ruleset *set = make_rules(&r);
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	size_t n_never = 0, n_held = 0;
	for (size_t i = 0; i < RULES; i++)
		n_never += ruleset_get(set, i)->coverage == COVERAGE_NEEDS_SOURCE;
	assert_int_equal(event_builder_new(&b), 0);
	for (size_t i = 0; i < EVENTS; i++) {
		CLEANUP(buf_done) struct buf path = { 0 };
		struct event ev;
		struct matches m;
		add_path(&r, &path);
		make_event(b, buf_sv(&path), &ev);
		ruleset_evaluate(set, &ev, &m);
		n_held += m.n;
		for (size_t k = 0; k < m.n; k++) {
			const struct rule_info *rule = ruleset_get(set, m.rule[k]);
			if (rule->coverage == COVERAGE_NEEDS_SOURCE)
				fail_msg("seed %zu: %s (line %u) holds on %s: %s", (size_t)seed, rule->id, rule->at.line, buf_cstr(&path), rule->reasons[0]);
		}
	}
	assert_true(n_never > RULES / 4 && n_held > EVENTS); /* both happen, and often */
}

static void rules_that_never_hold_never_do(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		ask(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_never_hold_never_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
