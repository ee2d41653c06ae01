/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a condition of Falco's: refused with a message, or a tree, which is then bound. What is bound is folded over all events: on
 * an event where folding says "never", it does not hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "engine/import/falco.h"
#include "engine/rules/coverage.h"
#include "engine/rules/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct {
	uint32_t event;
	const char *fields[16]; /* name, value, ... */
} samples[] = {
	{ EVENT_FILE_OPEN, { "file.path", "/etc/shadow", "process.executable", "/usr/bin/cat", "file.open.write", "true", "process.name", "cat",
			     "file.open.read", "true", "process.args", "cat", "vedette.truncated", "file.path" } },
	{ EVENT_NET_CONNECT, { "destination.ip", "192.0.2.1", "destination.port", "443", "network.transport", "tcp", "process.name", "bash",
			       "source.ip", "192.0.2.2", "vedette.ancestors.name", "sshd" } },
	{ EVENT_PROC_EXEC, { "process.name", "bash", "process.args", "bash", "process.parent.name", "sshd", "file.path", "/usr/bin/bash" } },
	{ EVENT_FILE_RENAME, { "file.path", "/tmp/a", "vedette.new_path", "/etc/b" } },
	{ EVENT_PROC_EXIT, { "process.exit_code", "1", "process.name", "a" } },
};

static void compare(const struct condition *c)
{
	uint64_t events = coverage_events(c);
	struct event_builder *builder = NULL;
	struct matcher *m = NULL;
	if (matcher_new(&m) || event_builder_new(&builder))
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct event ev;
		event_builder_begin(builder, event_type_by_number(samples[i].event));
		for (size_t k = 0; samples[i].fields[k]; k += 2)
			if (event_builder_set_text(builder, samples[i].fields[k], samples[i].fields[k + 1]))
				abort();
		if (event_builder_event(builder, &ev))
			abort();
		if (condition_holds(c, &ev, m) == TRUTH_TRUE && !(events >> samples[i].event & 1))
			abort();
	}
	event_builder_free(&builder);
	matcher_free(&m);
}

static void bind(const struct falco_node *root, struct diag *diag)
{
	struct arena arena = { .max = 64 * 1024 * 1024 };
	struct regex_list regexes = { 0 };
	struct compiler c;
	if (compiler_init(&c, &arena, &regexes, diag))
		abort();
	c.takes_falco_names = true;
	struct falco f = { .c = &c, .arena.max = 64 * 1024 * 1024 };
	const struct condition *condition = falco_bind(&f, root, FALCO_SEES_ALL);
	if (!condition && !diag->errors && !c.no_memory)
		abort();
	(void)falco_unknown_field(&f, root, FALCO_SEES_ALL);
	if (condition && !diag->errors)
		compare(condition);
	arena_done(&f.arena);
	compiler_done(&c);
	regex_list_done(&regexes);
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena arena = { .max = 64 * 1024 * 1024 };
	struct diag diag = { 0 };
	struct falco_source source = { .text = { (const char *)bytes, n } };
	const struct falco_node *root = NULL;
	int err = falco_filter_parse(&arena, &source, &diag, &root);
	if (err == 0 ? !root || diag.errors : root || (diag.errors == 0 && err != -ENOMEM))
		abort(); /* a refusal says why, and hands out nothing */
	if (root)
		bind(root, &diag);
	diag_done(&diag);
	arena_done(&arena);
	return 0;
}
