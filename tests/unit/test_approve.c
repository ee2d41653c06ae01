/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel need not send: no event on which a rule holds may be among it. Against the plain evaluator, with rules and events by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdlib.h>

#include "engine/enforce/approve.h"
#include "engine/enforce/decide.h"
#include "engine/enforce/image.h"
#include "engine/event/table.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"
#include "tests/support/corpora.h"
#include "tests/support/random_blocks.h"
#include "tests/support/random_events.h"
#include "tests/support/random_rules.h"

enum { SETS = 150, RULES = 8, EVENTS = 250, OF_CORPUS = 4000, POOL = 8000, PAIRS_AT_LEAST = 100000 };

struct totals {
	size_t pairs, judged, dropped, matched;
};

/* Rules and the tables by which an event is dropped. */
struct approving {
	struct ruleset *set;
	struct approval approval;
	struct decider *decider;
};

static void approving_done(struct approving *a)
{
	decider_free(&a->decider);
	approval_done(&a->approval);
	ruleset_free(&a->set);
}

static void approving_make(struct approving *a)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (approval_compile(a->set, &a->approval, &diag))
		fail_msg("no approval: %s", diag.n ? diag.messages[0].text : "no message");
	assert_int_equal(0, decider_new(&a->approval.policy.tables, &a->decider));
}

static void approving_load(struct approving *a, const char *yaml)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	*a = (struct approving){ 0 };
	if (ruleset_load_text("r.yaml", sv_from(yaml), &a->set, &diag))
		fail_msg("does not load: %s", diag.messages[0].text);
	approving_make(a);
}

/* As the kernel makes paths: rules that compare components take others for the same. */
static bool is_canonical(struct strview path)
{
	return path.n < 2 || (!memmem(path.p, path.n, "//", 2) && path.p[path.n - 1] != '/');
}

/* The kernel goes by the first name; of one that it cannot read whole it knows nothing. */
static void first_name_only(const struct event *ev, struct decide_event *facts)
{
	static const struct {
		enum policy_dimension dimension;
		uint32_t bit; /* of vedette.truncated and vedette.uncertain */
	} files[] = { { DIMENSION_PATH, 1 }, { DIMENSION_NEW_PATH, 4 } };
	if (ev->common->uncertain & 0x200 && facts->address.known)
		facts->address.known = KNOWN_UNREADABLE; /* only calls' arguments are, and no hook goes by those */
	facts->is_container = true; /* nothing is looked at by it but that the second name counts for nothing */
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct decide_file *f = &facts->files[files[i].dimension];
		bool is_there = f->path.known == KNOWN_VALUE;
		f->fs_path = is_there ? (struct decide_text){ KNOWN_VALUE, SV("?") } : (struct decide_text){ 0 };
		if (is_there && !is_canonical(f->path.text))
			f->path.known = KNOWN_UNREADABLE;
		if (is_there && ((ev->common->truncated | ev->common->uncertain) & files[i].bit))
			f->path.known = KNOWN_UNREADABLE;
	}
}

/* The last part of the name it is to have. */
static void new_name_of(const struct event *ev, struct decide_event *facts)
{
	const struct decide_text *path = &facts->files[DIMENSION_NEW_PATH].path;
	const char *slash = path->known ? memrchr(path->text.p, '/', path->text.n) : NULL;
	struct decide_text name = { path->known ? KNOWN_UNREADABLE : KNOWN_MISSING, { 0 } };
	if (slash && slash + 1 < path->text.p + path->text.n && !((ev->common->truncated | ev->common->uncertain) & 4))
		name = (struct decide_text){ KNOWN_VALUE, sv_from_index(path->text, (size_t)(slash - path->text.p) + 1) };
	facts->texts[DIMENSION_NEW_NAME] = facts->texts[DIMENSION_NEW_ENDING] = name;
}

static bool is_sent(const struct approving *a, const struct event *ev, struct decide_scratch *scratch)
{
	struct decide_event facts;
	struct decide_answer answer;
	struct value name = event_get(ev, field_find(ev->type, SV("file.name")));
	if (!(a->approval.events >> ev->type->number & 1))
		return true;
	decide_event_of(ev, NULL, &facts, scratch);
	bool is_unreadable = (ev->common->truncated | ev->common->uncertain) & 1 || (facts.files[DIMENSION_PATH].path.known && name.is_missing);
	if (!name.is_missing || is_unreadable) /* of a file that lies in no folder the hook has no name */
		facts.texts[DIMENSION_ENDING] = facts.texts[DIMENSION_NAME] = (struct decide_text){ is_unreadable ? KNOWN_UNREADABLE : KNOWN_VALUE, name.s };
	new_name_of(ev, &facts);
	if (ev->type->number == EVENT_FILE_CREATE)
		facts.numbers[DIMENSION_NUMBER_2] = (struct decide_number){ KNOWN_VALUE, event_get(ev, field_find(ev->type, SV("file.mode"))).u };
	if (ev->common->comm.text[0])
		facts.texts[DIMENSION_COMM] = (struct decide_text){ KNOWN_VALUE, { ev->common->comm.text, strnlen(ev->common->comm.text, RECORD_COMM) } };
	facts.numbers[DIMENSION_IMAGE].known = KNOWN_UNREADABLE;
	if (image_is_known(ev))
		facts.numbers[DIMENSION_IMAGE] = (struct decide_number){ KNOWN_VALUE, approval_image(&a->approval, a->set, ev) >> ev->type->number & 1 };
	first_name_only(ev, &facts);
	decide(a->decider, &facts, &answer);
	return answer.is_hit;
}

static void check(const struct approving *a, const struct event *ev, struct decide_scratch *scratch, struct totals *t)
{
	struct matches m = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf shown = { 0 };
	bool goes_out = is_sent(a, ev, scratch);
	ruleset_evaluate(a->set, ev, &m);
	t->pairs += ruleset_count(a->set);
	t->judged += a->approval.events >> ev->type->number & 1;
	t->dropped += !goes_out;
	t->matched += m.n > 0;
	if (goes_out || (!m.n && !m.n_undecided))
		return;
	condition_text(ruleset_condition(a->set, m.n ? m.rule[0] : m.undecided[0]), &text);
	random_event_text(ev, &shown);
	fprintf(stderr, "%s\non %s\n%s", buf_cstr(&text), ev->type->name, buf_cstr(&shown));
	fail_msg("the event would not be sent, and a rule holds on it");
}

/* An address has a family, and IPv4 one form. */
static void agree_on_address(struct wire_ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_mapped = memcmp(ip->address, mapped, sizeof(mapped)) == 0;
	if (ip->family == FAMILY_IPV4)
		memcpy(ip->address, mapped, sizeof(mapped));
	else if (ip->family)
		ip->family = is_mapped ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* What one part of a record says of another, as the kernel makes them: how a file is opened follows from the flags that were given. */
static void agree(const struct event *ev)
{
	uint32_t event = ev->type->number;
	void *record = (void *)(uintptr_t)ev->common;
	struct wire_file_open *open = record;
	if (event == EVENT_FILE_OPEN && open->flags != UINT32_MAX) {
		open->is_read = (open->flags & 3) == 0 || (open->flags & 3) == 2;
		open->is_write = (open->flags & 3) == 1 || (open->flags & 3) == 2;
	}
	if (event == EVENT_NET_CONNECT || event == EVENT_NET_BIND || event == EVENT_NET_LISTEN)
		agree_on_address(&((struct wire_net_connect *)record)->dst);
}

/* A file's name is the last part of its path. */
static void name_file(const struct event *ev, struct derived *known)
{
	const struct field *field = field_find(ev->type, SV("file.path"));
	struct value path = field ? event_get(ev, field) : (struct value){ .is_missing = true };
	const char *slash = path.is_missing ? NULL : memrchr(path.s.p, '/', path.s.n);
	known->present &= ~(1ull << DERIVED_file_name);
	if (slash)
		DERIVE(known, file_name, sv_from_index(path.s, (size_t)(slash - path.s.p) + 1));
}

static void check_events(const struct approving *a, struct random *r, size_t n, struct totals *t)
{
	struct random_events *events = NULL;
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	struct arena arena = { .max = SIZE_MAX / 2 };
	assert_non_null(scratch);
	assert_int_equal(0, random_events_new(r, &events));
	assert_int_equal(0, random_events_follow(events, a->set));
	for (size_t i = 0; i < n; i++) {
		struct event ev;
		assert_int_equal(0, random_events_next(events, &arena, &ev));
		struct derived known = *ev.derived; /* the event's name is not a matter of chance */
		DERIVE(&known, action, sv_from(ev.type->name));
		ev.derived = &known;
		agree(&ev);
		name_file(&ev, &known);
		check(a, &ev, scratch, t);
	}
	random_events_free(&events);
	arena_done(&arena);
	free(scratch);
}

/* Every operator, function and modifier: most of it the kernel knows nothing of. */
static void nothing_is_dropped_on_which_a_rule_holds(void **state)
{
	(void)state;
	struct random r = { .state = 20261123 };
	struct totals t = { 0 };
	for (size_t i = 0; i < SETS; i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct random_rules rules = { 0 };
		size_t refused = 0;
		assert_int_equal(0, random_rules_make(&r, 1 + random_below(&r, RULES), &rules));
		assert_int_equal(0, random_rules_load(&rules, &a.set, &refused, &diag));
		random_rules_done(&rules);
		if (!ruleset_events(a.set)) /* all were refused, or can never hold */
			continue;
		approving_make(&a);
		check_events(&a, &r, EVENTS, &t);
	}
	print_message("# %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n", t.pairs, t.judged, t.dropped,
		      t.matched);
	assert_true(t.pairs >= PAIRS_AT_LEAST);
	assert_true(t.dropped > 0 && t.matched > 0);
}

static const char macros[] = "- {macro: is_admin, when: user.id = 0 and process.executable startswith /usr/}\n"
			     "- {macro: is_odd, when: not is_admin and group.id != 1000}\n";

/* Conditions that the kernel can look at in all their parts, so that much is dropped, and those that block among them. */
static void nothing_is_dropped_by_tables_full_of_tests(void **state)
{
	(void)state;
	struct random r = { .state = 7 };
	struct totals t = { 0 };
	struct event_builder *builder = NULL;
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	assert_non_null(scratch);
	assert_int_equal(0, event_builder_new(&builder));
	for (size_t i = 0; i < SETS; i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		uint32_t events[3];
		for (size_t k = 0; k < ARRAY_SIZE(events); k++)
			do
				events[k] = random_decided_event(&r);
			while (!(events_approved() >> events[k] & 1));
		buf_add_z(&text, macros);
		for (size_t k = 0; k < RULES / 2; k++)
			random_block_rule(&r, events, ARRAY_SIZE(events), k, &text);
		if (ruleset_load_text("r.yaml", buf_sv(&text), &a.set, &diag))
			fail_msg("does not load: %s", diag.messages[0].text);
		approving_make(&a);
		for (size_t k = 0; k < EVENTS; k++) {
			struct event ev;
			random_block_event(&r, builder, events[random_below(&r, ARRAY_SIZE(events))]);
			assert_int_equal(0, event_builder_event(builder, &ev));
			check(&a, &ev, scratch, &t);
		}
	}
	print_message("# %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n", t.pairs, t.judged, t.dropped,
		      t.matched);
	event_builder_free(&builder);
	free(scratch);
	assert_true(t.pairs >= PAIRS_AT_LEAST);
	assert_true(t.dropped * 10 > t.judged && t.matched * 10 > t.judged);
}

static void show_costs(const struct approving *a)
{
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		size_t n = 0;
		CLEANUP(buf_done) struct buf names = { .max = 1024 };
		for (size_t i = 0; i < a->approval.n_costs; i++) {
			if (a->approval.costs[i].event != event)
				continue;
			if (n++ < 12)
				buf_add_format(&names, " %s", ruleset_owner(a->set, a->approval.costs[i].rule)->id);
		}
		if (n)
			print_message("#   %s: sent whole because of %zu rules:%s\n", event_type_by_number(event)->name, n, buf_cstr(&names));
		else if (a->approval.events >> event & 1)
			print_message("#   %s: only what is approved is sent\n", event_type_by_number(event)->name);
	}
}

static void published_rules_lose_nothing(void **state)
{
	(void)state;
	static const char *const folders[] = { "", "falco", "sigma" };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct random r = { .state = 99 };
		struct totals t = { 0 };
		char path[512] = "rules";
		if (folders[i][0] && !corpora_path(folders[i], path, sizeof(path)))
			continue;
		const char *paths[] = { path };
		if (ruleset_load(paths, 1, &a.set, &diag))
			fail_msg("the rules of %s do not load: %s", path, diag.n ? diag.messages[0].text : "no message");
		approving_make(&a);
		check_events(&a, &r, OF_CORPUS, &t);
		print_message("# %s: %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n",
			      folders[i][0] ? folders[i] : "rules", t.pairs, t.judged, t.dropped, t.matched);
		show_costs(&a);
		assert_true(t.pairs >= PAIRS_AT_LEAST);
	}
}

/* Events near those that the rules speak of. */
struct pool {
	struct arena arena;
	struct event *events; /* owned; with a derived part each */
	size_t n;
};

static void pool_make(struct pool *p, const struct ruleset *set, uint64_t seed)
{
	struct random r = { .state = seed };
	struct random_events *events = NULL;
	p->arena.max = SIZE_MAX / 2;
	p->events = calloc(POOL, sizeof(*p->events));
	assert_non_null(p->events);
	assert_int_equal(0, random_events_new(&r, &events));
	assert_int_equal(0, random_events_follow(events, set));
	while (p->n < POOL) {
		struct event *ev = &p->events[p->n];
		struct derived *known = arena_alloc(&p->arena, sizeof(*known));
		assert_int_equal(0, random_events_next(events, &p->arena, ev));
		if (!(events_approved() >> ev->type->number & 1))
			continue;
		*known = *ev->derived;
		DERIVE(known, action, sv_from(ev->type->name));
		ev->derived = known;
		agree(ev);
		name_file(ev, known);
		p->n++;
	}
	random_events_free(&events);
}

static void pool_done(struct pool *p)
{
	free(p->events);
	arena_done(&p->arena);
}

/* With all rules loaded, one that cannot be told hides what is wrong with another. */
static void leave_alone(struct approving *a, uint32_t rule)
{
	for (uint32_t i = 0; i < ruleset_count(a->set); i++)
		((struct rule_info *)(uintptr_t)ruleset_get(a->set, i))->is_enabled = i == rule;
	decider_free(&a->decider);
	approval_done(&a->approval);
	approving_make(a);
}

static void check_alone(const struct approving *a, uint32_t rule, const struct pool *pool, struct decide_scratch *scratch, struct totals *t)
{
	const struct rule_info *info = ruleset_get(a->set, rule);
	for (size_t i = 0; i < pool->n; i++) {
		const struct event *ev = &pool->events[i];
		if (!(info->events >> ev->type->number & 1))
			continue;
		bool goes_out = is_sent(a, ev, scratch), holds = condition_holds(ruleset_condition(a->set, rule), ev, a->set->matcher) != TRUTH_FALSE;
		t->judged++;
		t->dropped += !goes_out;
		t->matched += holds;
		if (!holds || goes_out)
			continue;
		CLEANUP(buf_done) struct buf shown = { 0 };
		random_event_text(ev, &shown);
		fprintf(stderr, "%s", buf_cstr(&shown));
		fail_msg("%s: it holds on a %s that would not be sent", info->id, ev->type->name);
	}
}

/* What a rule's author says it fires on. */
static void check_cases(const struct approving *a, uint32_t rule, struct event_builder *builder, struct decide_scratch *scratch, struct totals *t)
{
	const struct rule *r = &a->set->rules[rule];
	for (size_t i = 0; i < r->n_cases && !r->stateful; i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		if (!r->cases[i].fires)
			continue;
		assert_int_equal(0, case_event_build(builder, a->set, r, &r->cases[i], 0, &ev, &diag));
		t->matched++;
		if (!is_sent(a, &ev, scratch))
			fail_msg("%s: its case %zu fires on a %s that would not be sent", r->info.id, i + 1, ev.type->name);
	}
}

static void published_rules_lose_nothing_alone(void **state)
{
	(void)state;
	static const char *const folders[] = { "", "falco", "sigma" };
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	struct event_builder *builder = NULL;
	assert_non_null(scratch);
	assert_int_equal(0, event_builder_new(&builder));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(pool_done) struct pool pool = { 0 };
		struct totals t = { 0 };
		char path[512] = "rules";
		if (folders[i][0] && !corpora_path(folders[i], path, sizeof(path)))
			continue;
		const char *paths[] = { path };
		assert_int_equal(0, ruleset_load(paths, 1, &a.set, &diag));
		pool_make(&pool, a.set, 4 + i);
		for (uint32_t k = 0; k < ruleset_count(a.set); k++) {
			const struct rule_info *rule = ruleset_get(a.set, k);
			if (rule->is_stateful || !(rule->events & events_approved()))
				continue;
			leave_alone(&a, k);
			check_alone(&a, k, &pool, scratch, &t);
			check_cases(&a, k, builder, scratch, &t);
		}
		print_message("# %s: of %zu events %zu would be dropped, on %zu the rule held\n", folders[i][0] ? folders[i] : "rules", t.judged, t.dropped, t.matched);
		assert_true(t.dropped > 0 && t.matched > 0);
	}
	event_builder_free(&builder);
	free(scratch);
}

/* --- one rule ------------------------------------------------------------------------------------------------------------------- */

#define RULE(events, when) "- {rule: r, event: " events ", when: '" when "', severity: low}\n"

static void each_form_of_a_rule_is_dropped_or_not(void **state)
{
	(void)state;
	static const struct {
		const char *what, *yaml;
		bool is_dropping;
	} cases[] = {
		{ "a path", RULE("file.open", "file.path = /etc/shadow"), true },
		{ "a flag", RULE("file.open", "file.open.write = true"), true },
		{ "one part the kernel knows of two", RULE("file.open", "file.open.write = true and process.parent.command_line contains x"), true },
		{ "one side of an or that it does not know", RULE("file.open", "file.path = /x or process.parent.command_line contains x"), false },
		{ "a text that it cannot compare", RULE("file.open", "file.path contains .ssh"), false },
		{ "the end of a name", RULE("file.open", "file.path endswith .keyring"), true },
		{ "the same whatever the letters' case", RULE("file.open", "file.path iendswith anyof (.Key, /ETC/doas.conf)"), true },
		{ "one letter, which says too little", RULE("file.open", "file.path endswith s"), false },
		{ "an end that is a folder's", RULE("file.open", "file.path endswith x/"), false },
		{ "the end of the file's name", RULE("file.open", "file.name glob \"*.pem\""), true },
		{ "a pattern with a set before the last part", RULE("file.open", "file.path glob \"/proc/[0-9]*/mem\""), true },
		{ "one with a slash in a set", RULE("file.open", "file.path glob \"*[a/]mem\""), true },
		{ "a set at the end", RULE("file.open", "file.path glob \"*/x[ab]\""), false },
		{ "a regular expression that begins with a choice", RULE("file.open", "file.path regex \"/(etc|usr/lib)/x.*\""), true },
		{ "one whose choice may be missing", RULE("file.open", "file.path regex \"/(etc/)?x.*\""), false },
		{ "the name of a thread", RULE("file.open", "process.name in (tar, zip)"), true },
		{ "the same by another name", RULE("file.open", "proc.name = tar"), true },
		{ "a pattern over it", RULE("file.open", "process.name contains ta"), false },
		{ "a field made of the path", RULE("file.open", "fd.name startswith /etc/"), true },
		{ "not of one, which may be missing", RULE("file.open", "not fd.name startswith /etc/"), false },
		{ "the folder of a file", RULE("file.open", "fd.directory in (/etc, /root)"), true },
		{ "the folder as a pattern", RULE("file.open", "fd.directory glob \"/etc/x*\""), true },
		{ "a folder of no name", RULE("file.open", "fd.directory = etc"), false },
		{ "the name of a file by another name", RULE("file.open", "fd.filename = passwd"), true },
		{ "writing, as a call says it", RULE("file.open", "evt.is_open_write = true"), true },
		{ "not writing, which is said when nothing is known, too", RULE("file.open", "evt.is_open_write = false"), false },
		{ "a field made of something else", RULE("file.open", "fd.containername = host:/x"), false },
		{ "the end of a path with a whole name in it", RULE("file.open", "file.path endswith anyof (/.ssh/config, /.ssh/known)"), true },
		{ "but not what is no such end", RULE("file.open", "not file.path endswith /.ssh/config"), false },
		{ "a pattern that begins with a folder", RULE("file.open", "file.path glob \"/home/*/x*\""), true },
		{ "a pattern that ends with a name", RULE("file.open", "file.path glob \"*/x/y\""), true },
		{ "a pattern that does neither", RULE("file.open", "file.path glob \"*/x/y*\""), false },
		{ "a regular expression that begins with a folder", RULE("file.open", "file.path regex \"/dev/(sd|vd).*\""), true },
		{ "one with brackets in a set and two beginnings", RULE("file.open", "file.path regex \"/etc/a[^](]|/tmp/x[^])]\""), false },
		{ "one with quoted brackets and two beginnings", RULE("file.open", "file.path regex \"/etc/x\\\\Q(\\\\E|/tmp/x\\\\Q)\\\\E\""), false },
		{ "one with two beginnings", RULE("file.open", "file.path regex \"/dev/sd.*|.*\""), false },
		{ "one whose beginning may be missing", RULE("file.open", "file.path regex \"/?x.*\""), false },
		{ "not of one", RULE("file.open", "not file.path endswith .ssh"), false },
		{ "not of a group with one", RULE("file.open", "not (file.path startswith /proc/ or file.path endswith .ssh)"), true },
		{ "not of both", RULE("file.open", "not (file.path startswith /proc/ and file.path endswith .ssh)"), false },
		{ "the last part of a path", RULE("file.open", "file.name in (.bash_history)"), true },
		{ "the name of another event", RULE("[file.open, file.delete]", "file.path = /x or event.action = file.delete"), true },
		{ "who acts", RULE("file.open", "user.id = 0"), true },
		{ "the image, which user space tells", RULE("file.open", "process.executable = /bin/sh"), true },
		{ "its arguments", RULE("file.open", "file.path contains x and process.args intersects (-x)"), true },
		{ "not of it", RULE("file.open", "not (process.executable = /bin/sh or process.working_directory startswith /x)"), true },
		{ "the image or something else", RULE("file.open", "process.executable = /bin/sh or file.path contains x"), false },
		{ "what a function makes of it", RULE("file.open", "basename(process.executable) = sh"), true },
		{ "the image compared with what is not of it", RULE("file.open", "process.executable = val(user.name)"), false },
		{ "the image that created it", RULE("file.open", "process.parent.executable = /bin/sh"), false },
		{ "a creator", RULE("file.open", "ancestor(process.executable = /bin/sh)"), false },
		{ "a container", RULE("file.open", "container.id exists"), false },
		{ "an event that carries the process table", RULE("process.exec", "process.executable = /bin/sh"), false },
		{ "an attribute, whose mount is searched for", RULE("file.setxattr", "file.path = /x"), false },
		{ "an address", RULE("network.connect", "destination.ip in (10.0.0.0/8)"), true },
		{ "a rule that is off beside", RULE("file.open", "file.path = /x") "- {rule: q, event: file.open, when: 'user.name = x', severity: low, enabled: false}\n", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(approving_done) struct approving a;
		approving_load(&a, cases[i].yaml);
		if ((a.approval.events != 0) != cases[i].is_dropping)
			fail_msg("%s: should%s be dropped", cases[i].what, cases[i].is_dropping ? "" : " not");
	}
}

static void an_image_is_told_where_rules_ask_for_it(void **state)
{
	(void)state;
	static const char rules[] = "- {rule: shell, event: file.open, when: 'file.open.write and process.executable in (/bin/sh, /bin/bash)', severity: low}\n"
				    "- {rule: keyed, event: file.delete, when: 'file.path = /x and process.executable = /bin/sh', severity: low}\n"
				    "- {rule: marked, event: [file.open, file.mkdir], when: 'process.args intersects (-x) and not process.executable = /bin/su', severity: low}\n";
	static const struct {
		const char *what, *executable, *args;
		uint64_t events;
	} cases[] = {
		{ "no rule may hold", "/bin/cat", "cat", 0 },
		{ "one may", "/bin/sh", "sh", 1ull << EVENT_FILE_OPEN },
		{ "another one", "/bin/cat", "-x", 1ull << EVENT_FILE_OPEN | 1ull << EVENT_FILE_MKDIR },
		{ "an exception takes it out", "/bin/su", "-x", 0 },
	};
	CLEANUP(approving_done) struct approving a;
	struct event_builder *builder = NULL;
	approving_load(&a, rules);
	assert_int_equal(0, event_builder_new(&builder));
	assert_int_equal(1ull << EVENT_FILE_OPEN | 1ull << EVENT_FILE_MKDIR, a.approval.image_events);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event ev;
		event_builder_begin(builder, event_type_by_number(EVENT_FILE_OPEN));
		assert_int_equal(0, event_builder_set_text(builder, "process.executable", cases[i].executable));
		assert_int_equal(0, event_builder_set_text(builder, "process.args", cases[i].args));
		assert_int_equal(0, event_builder_event(builder, &ev));
		if (approval_image(&a.approval, a.set, &ev) != cases[i].events)
			fail_msg("%s: the wrong events are told", cases[i].what);
	}
	event_builder_free(&builder);
}

static void rules_are_many_and_clauses_few(void **state)
{
	(void)state;
	CLEANUP(approving_done) struct approving a;
	CLEANUP(buf_done) struct buf text = { 0 };
	for (unsigned i = 0; i < 3000; i++)
		buf_add_format(&text, "- {rule: r%u, event: file.open, when: 'file.path = /f%u and user.id %s %u', severity: low}\n", i, i, i % 2 ? "=" : "!=", i % 50);
	for (unsigned i = 0; i < 2000; i++)
		buf_add_format(&text, "- {rule: s%u, event: file.open, when: 'file.path = /g%u and user.id = %u and group.id = %u', severity: low}\n", i, i, i, i);
	approving_load(&a, buf_cstr(&text));
	assert_true(a.approval.events >> EVENT_FILE_OPEN & 1);
	assert_true(a.approval.policy.tables.n_clauses <= POLICY_CLAUSES);
}

static void the_rule_that_costs_a_type_is_named(void **state)
{
	(void)state;
	CLEANUP(approving_done) struct approving a;
	approving_load(&a, RULE("[file.open, file.delete]", "file.path = /x") "- {rule: dear, event: file.open, when: 'user.name = x', severity: low}\n");
	assert_int_equal(1, a.approval.n_costs);
	assert_int_equal(EVENT_FILE_OPEN, a.approval.costs[0].event);
	assert_string_equal("dear", ruleset_get(a.set, a.approval.costs[0].rule)->id);
	assert_int_equal(1ull << EVENT_FILE_DELETE, a.approval.events);
	static const struct {
		uint32_t rule, event;
		enum approval_of_rule is;
		const char *text;
	} told[] = {
		{ 1, EVENT_FILE_OPEN, APPROVAL_COSTS, "user.name = x" },
		{ 0, EVENT_FILE_OPEN, APPROVAL_PART, "file.path = /x" },
		{ 1, EVENT_FILE_DELETE, APPROVAL_NEVER, "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		struct approval_reason why;
		assert_int_equal(told[i].is, approval_of_rule(a.set, told[i].rule, told[i].event, &why));
		assert_string_equal(told[i].text, buf_cstr(&why.text));
		approval_reason_done(&why);
	}
}

static void the_part_of_a_rule_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *what, *when, *text;
		enum approval_of_rule is;
	} cases[] = {
		{ "the side of an or that is not known", "file.path = /x or (file.path = /y or user.name = x)", "user.name = x", APPROVAL_COSTS },
		{ "below a not", "not (file.path startswith /x and user.name = x)", "not user.name = x", APPROVAL_COSTS },
		{ "a group of which nothing is known", "file.path = /x or not (user.name = x or group.name = y)", "not (user.name = x or group.name = y)", APPROVAL_COSTS },
		{ "truth values", "file.open.write = true and file.open.created = false", "file.open.write = true and file.open.created = false", APPROVAL_PART },
		{ "truth values that depend on one another", "file.open.write = true or file.open.created = true", "some of file.open.write, file.open.created", APPROVAL_PART },
		{ "alternatives", "(file.path = /x and user.id = 0) or (file.name = y and not process.name in (a, b))",
		  "user.id = 0 and file.path = /x, or not process.name in (a, b) and file.name = y", APPROVAL_PART },
		{ "many values", "file.path in (/a, /b, /c, /d, /e, /f) or file.path startswith /z/", "file.path in (/a, /b, /c, /d, and 3 more)", APPROVAL_PART },
		{ "numbers", "user.id > 999", "user.id = 1000 and more", APPROVAL_PART },
		{ "all numbers", "user.id >= 0", "user.id = 0 and more", APPROVAL_WIDE },
		{ "all paths", "file.path startswith / and not file.path = /x", "file.path = /* and not file.path = /x", APPROVAL_WIDE },
		{ "any path", "file.path exists", "file.path exists", APPROVAL_WIDE },
		{ "opens for reading", "file.open.read", "file.open.read = true", APPROVAL_WIDE },
		{ "opens for reading of some", "file.open.read and file.path = /x", "file.open.read = true and file.path = /x", APPROVAL_PART },
		{ "one alternative of two", "file.path = /x or file.open.read", "file.open.read = true, or file.path = /x", APPROVAL_WIDE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(approving_done) struct approving a;
		CLEANUP(buf_done) struct buf yaml = { 0 };
		struct approval_reason why;
		buf_add_format(&yaml, "- {rule: r, event: file.open, when: '%s', severity: low}\n", cases[i].when);
		approving_load(&a, buf_cstr(&yaml));
		enum approval_of_rule is = approval_of_rule(a.set, 0, EVENT_FILE_OPEN, &why);
		if (is != cases[i].is || strcmp(cases[i].text, buf_cstr(&why.text)) != 0)
			fail_msg("%s: it is said '%s'", cases[i].what, buf_cstr(&why.text));
		approval_reason_done(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_a_rule_is_dropped_or_not),
		cmocka_unit_test(the_rule_that_costs_a_type_is_named),
		cmocka_unit_test(the_part_of_a_rule_is_named),
		cmocka_unit_test(an_image_is_told_where_rules_ask_for_it),
		cmocka_unit_test(rules_are_many_and_clauses_few),
		cmocka_unit_test(nothing_is_dropped_on_which_a_rule_holds),
		cmocka_unit_test(nothing_is_dropped_by_tables_full_of_tests),
		cmocka_unit_test(published_rules_lose_nothing),
		cmocka_unit_test(published_rules_lose_nothing_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
