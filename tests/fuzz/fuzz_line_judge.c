/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs put together of signed lines, which no fuzzer can make: each byte of the input names one of four small logs' lines, or says that one of its bytes is
 * changed, or that the judge begins anew with what it saved. As long as the checker of whole logs takes line after line, the judge of single lines takes
 * each as the next, and the other way round. What is behind the last byte of that kind is a saved state: any bytes.
 */
#include <stdlib.h>

#include "alerts/line_judge.h"
#include "tests/support/sample_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP_LINES = 192, OP_ANEW = 232, OP_STATE = 248, LINES_MAX = 64, LOGS = 4 };

static const size_t batches[] = { 1, 3, 2, 1, 0 }, again[] = { 1, 2, 1, 0 };

/* Made once for the life of the process. */
struct setting {
	struct sample_log log[LOGS];
	struct strview line[OP_LINES];
	size_t n;
	struct verify_keys keys;
};

static const struct setting *setting_get(void)
{
	static const struct sample_spec specs[LOGS] = {
		{ .batches = batches, .again = again, .rolls = 1 << 1, .rolls_again = 1 << 1 },
		{ .batches = batches, .again = again, .rolls = 1 << 1, .content = 1 },
		{ .batches = batches, .again = again, .rolls = 1 << 1, .is_open_ended = true, .forgets = true },
		{ .batches = batches, .again = again, .rolls = 1 << 1, .wrong = SAMPLE_OLD_KEY },
	};
	static struct setting *setting;
	if (setting)
		return setting;
	setting = calloc(1, sizeof(*setting));
	for (size_t i = 0; i < LOGS; i++) {
		if (!setting || sample_log_make(&specs[i], &setting->log[i]))
			abort();
		for (size_t k = 0; k < setting->log[i].n && setting->n < OP_LINES; k++)
			setting->line[setting->n++] = setting->log[i].line[k];
	}
	if (verify_keys_parse("key", buf_sv(&setting->log[0].key_line), &setting->keys, NULL))
		abort();
	return setting;
}

struct run {
	const struct setting *set;
	struct verifier *v;
	struct line_judge *j;
	size_t taken;    /* lines, by both */
	bool has_ended;  /* the checker takes no more */
};

static void judge_line(struct run *r, struct strview line)
{
	struct line_verdict verdict;
	line_judge(r->j, line, &verdict);
	if (verdict.missing && (verdict.fault || verdict.order != LINE_GAP))
		abort();
	if (verdict.fault ? verdict.has_new_key : verdict.order >= LINE_ORDERS || verdict.agent.n == 0)
		abort();
	if (r->has_ended)
		return;
	r->has_ended = verifier_line(r->v, line) != VERIFY_OK;
	if (!r->has_ended != (!verdict.fault && verdict.order == (r->taken ? LINE_NEXT : LINE_FIRST)))
		abort();
	r->taken += !r->has_ended;
}

static void judge_changed(struct run *r, struct strview line, uint8_t at, uint8_t change)
{
	char *copy = malloc(line.n);
	if (!copy)
		abort();
	memcpy(copy, line.p, line.n);
	copy[at * line.n / 256] = (char)(copy[at * line.n / 256] ^ change);
	judge_line(r, (struct strview){ copy, line.n });
	free(copy);
}

static void begin_anew(struct run *r)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	line_judge_save(r->j, true, &text);
	line_judge_free(&r->j);
	if (line_judge_new(&r->set->keys, &r->j) || line_judge_load(r->j, "state", buf_sv(&text), NULL))
		abort();
}

/* Whatever it was, it is saved in a form that is taken. */
static void load(struct run *r, struct strview text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = line_judge_load(r->j, "fuzz", text, &diag);
	if ((err != 0) != (diag.errors != 0))
		abort();
	begin_anew(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .set = setting_get() };
	size_t at = 0;
	if (verifier_new(&r.set->keys, &(struct verify_options){ .from_middle = true }, &r.v) || line_judge_new(&r.set->keys, &r.j))
		abort();
	for (size_t n = 0; at < size && data[at] < OP_STATE && n < LINES_MAX; n++) {
		uint8_t op = data[at++];
		if (op >= OP_ANEW)
			begin_anew(&r);
		else if (op < OP_LINES)
			judge_line(&r, r.set->line[op % r.set->n]);
		else if (size - at >= 3) {
			judge_changed(&r, r.set->line[data[at] % r.set->n], data[at + 1], data[at + 2]);
			at += 3;
		}
	}
	at += at < size;
	r.has_ended = true;
	load(&r, (struct strview){ (const char *)data + at, size - at });
	judge_line(&r, r.set->line[0]);
	verifier_free(&r.v);
	line_judge_free(&r.j);
	return 0;
}
