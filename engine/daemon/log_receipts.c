/* SPDX-License-Identifier: Apache-2.0 */
/* What collectors attested against what stands in a log. */
#include "engine/daemon/log_receipts.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/fd.h"

int log_receipts_add(struct log_receipts *receipts, const char *command, const char *file)
{
	if (receipts->n == LOG_RECEIPTS_MAX) {
		fprintf(stderr, "vedette %s: more than %d receipts\n", command, LOG_RECEIPTS_MAX);
		return -E2BIG;
	}
	receipts->one[receipts->n++].file = file;
	return 0;
}

int log_receipts_read(struct log_receipts *receipts, const char *command, const char *key_file)
{
	struct receipt_verifier by = { .name = "" };
	CLEANUP(buf_done) struct buf key = { 0 };
	if (receipts->n == 0)
		return 0;
	if (!key_file) {
		fprintf(stderr, "vedette %s: --receipt-key is missing: without the collector's key a receipt proves nothing\n", command);
		return -EINVAL;
	}
	if (fd_read_file(key_file, RECEIPT_MAX, &key) || receipt_verifier_parse(buf_sv(&key), &by)) {
		fprintf(stderr, "vedette %s: %s: is no collector's public key: expected NAME+ID+BASE64 as `vedette receipt init` prints it\n", command, key_file);
		return -EINVAL;
	}
	for (size_t i = 0; i < receipts->n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		int r = fd_read_file(receipts->one[i].file, RECEIPT_MAX, &text);
		if (!r)
			r = receipt_parse(buf_sv(&text), &by, &receipts->one[i].receipt);
		if (r) {
			fprintf(stderr, "vedette %s: %s: %s\n", command, receipts->one[i].file, r == -EINVAL ? "is no receipt" : r == -EKEYREJECTED ?
				"is not signed by that collector, or was changed" : strerror(-r));
			return r;
		}
	}
	return 0;
}

void log_receipts_check(struct log_receipts *receipts, const struct verifier *verifier)
{
	struct log_head head;
	verifier_head(verifier, &head);
	for (size_t i = 0; i < receipts->n; i++) {
		struct log_receipt *c = &receipts->one[i];
		if (c->state != RECEIPT_OPEN || c->receipt.head.next != head.next || strcmp(c->receipt.head.stream, head.stream) != 0)
			continue;
		c->state = memcmp(c->receipt.head.statement, head.statement, CRYPTO_HASH) == 0 ? RECEIPT_REACHED : RECEIPT_BROKEN;
	}
}

bool log_receipt_is_of(const struct log_receipt *c, const struct verifier *verifier)
{
	struct log_head head;
	verifier_head(verifier, &head);
	return sv_equal(stream_agent(sv_from(head.stream)), stream_agent(sv_from(c->receipt.head.stream)));
}

const char *log_receipt_text(const struct log_receipt *c)
{
	return c->state == RECEIPT_REACHED ? "reached" : c->state == RECEIPT_BROKEN ? "chain broken" : "truncated";
}

void log_receipt_add(const struct log_receipt *c, const struct verifier *verifier, struct buf *out)
{
	struct log_head head;
	verifier_head(verifier, &head);
	buf_add_format(out, "receipt %s: %s: %s had %llu records of stream %s at %s", c->file, log_receipt_text(c), c->receipt.name,
		       (unsigned long long)c->receipt.head.next, c->receipt.head.stream, c->receipt.time);
	if (c->state == RECEIPT_OPEN && strcmp(head.stream, c->receipt.head.stream) == 0 && head.next < c->receipt.head.next)
		buf_add_format(out, "; the last %llu of them are missing", (unsigned long long)(c->receipt.head.next - head.next));
	else if (c->state == RECEIPT_OPEN)
		buf_add_z(out, "; that place is not in this log");
	else if (c->state == RECEIPT_BROKEN)
		buf_add_z(out, "; others than stand here");
	buf_add_char(out, '\n');
}

bool log_receipts_are_reached(struct log_receipts *receipts, const struct verifier *verifier)
{
	bool are_reached = true;
	for (size_t i = 0; i < receipts->n; i++) {
		if (!log_receipt_is_of(&receipts->one[i], verifier))
			continue;
		receipts->one[i].is_told = true;
		are_reached &= receipts->one[i].state == RECEIPT_REACHED;
	}
	return are_reached;
}

bool log_receipts_tell_others(const struct log_receipts *receipts, const char *command)
{
	bool are_some = false;
	for (size_t i = 0; i < receipts->n; i++) {
		if (receipts->one[i].is_told)
			continue;
		fprintf(stderr, "vedette %s: receipt %s: no log of its agent is here: %s\n", command, receipts->one[i].file, receipts->one[i].receipt.head.stream);
		are_some = true;
	}
	return are_some;
}
