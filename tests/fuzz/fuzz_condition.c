/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a condition. One that is accepted is written out as text, read again and written again: both texts and the
 * answers on a few events must be the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "engine/rules/compile.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct {
	uint32_t event;
	const char *fields[16]; /* name, value, ... */
} samples[] = {
	{ EVENT_FILE_OPEN, { "file.path", "/etc/shadow", "process.executable", "/usr/bin/cat", "file.open.flags", "O_TRUNC", "file.mode", "04755",
			     "file.open.read", "true", "process.args", "cat", "vedette.truncated", "file.path" } },
	{ EVENT_NET_CONNECT, { "destination.ip", "192.0.2.1", "destination.port", "443", "network.transport", "tcp", "process.name", "bash",
			       "vedette.ancestors.executable", "/usr/sbin/sshd", "source.ip", "2001:db8::1" } },
	{ EVENT_PROC_EXIT, { "process.exit_code", "-1", "process.command_line", "YmFzZTY0" } },
};

struct compiled {
	struct arena arena;
	struct regex_list regexes;
	struct compiler c;
	struct diag diag;
	struct buf text;
	const struct condition *condition;
};

static void compile(struct compiled *x, struct strview text)
{
	*x = (struct compiled){ .arena.max = 64 * 1024 * 1024, .text.max = 64 * 1024 * 1024 };
	struct text_source source = source_of_text("fuzz", text);
	if (compiler_init(&x->c, &x->arena, &x->regexes, &x->diag))
		abort();
	x->condition = condition_parse(&x->c, &source);
	if (!x->condition && !x->diag.errors && !x->c.no_memory)
		abort(); /* a refusal says why */
	if (x->diag.errors)
		x->condition = NULL;
	if (x->condition)
		condition_text(x->condition, &x->text);
}

static void compiled_done(struct compiled *x)
{
	compiler_done(&x->c);
	regex_list_done(&x->regexes);
	arena_done(&x->arena);
	diag_done(&x->diag);
	buf_done(&x->text);
}

static void compare_answers(const struct condition *a, const struct condition *b)
{
	struct matcher *m = NULL;
	struct event_builder *builder = NULL;
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
		if (condition_holds(a, &ev, m) != condition_holds(b, &ev, m))
			abort();
	}
	event_builder_free(&builder);
	matcher_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct compiled first, second;
	compile(&first, (struct strview){ (const char *)bytes, n });
	/* a condition may grow by its quotes and parentheses past the limits of one */
	if (first.condition && buf_error(&first.text) == 0 && first.text.n <= CONDITION_MAX_BYTES) {
		compile(&second, buf_sv(&first.text));
		if (second.condition) {
			if (!sv_equal(buf_sv(&first.text), buf_sv(&second.text)))
				abort();
			compare_answers(first.condition, second.condition);
		} else if (first.condition->depth < CONDITION_MAX_DEPTH / 4) {
			abort(); /* what we write, we read */
		}
		compiled_done(&second);
	}
	compiled_done(&first);
	return 0;
}
