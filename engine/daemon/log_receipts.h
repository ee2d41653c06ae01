/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts of a collector that a log has to reach: read and checked once, then held against the log while it is walked through. */
#pragma once

#include "alerts/receipt.h"
#include "alerts/verify.h"

enum { LOG_RECEIPTS_MAX = 16 };

struct log_receipt {
	const char *file; /* borrowed */
	struct receipt receipt;
	enum { RECEIPT_OPEN, RECEIPT_REACHED, RECEIPT_BROKEN } state;
	bool is_told; /* with the log of its agent */
};

struct log_receipts {
	struct log_receipt one[LOG_RECEIPTS_MAX];
	size_t n;
};

/* A file that an option of `vedette COMMAND` names; 0, or -E2BIG after having said so. */
int log_receipts_add(struct log_receipts *receipts, const char *command, const char *file) MUST_CHECK;
/* Reads them, each checked against the collector's key; 0, or -errno after having said on standard error what is wrong. */
int log_receipts_read(struct log_receipts *receipts, const char *command, const char *key_file) MUST_CHECK;
/* After each line that verified. */
void log_receipts_check(struct log_receipts *receipts, const struct verifier *verifier);

/* Is it about the agent whose log is at hand? */
bool log_receipt_is_of(const struct log_receipt *c, const struct verifier *verifier);
const char *log_receipt_text(const struct log_receipt *c) PURE;
/* One line about it. */
void log_receipt_add(const struct log_receipt *c, const struct verifier *verifier, struct buf *out);
/* Are those of that agent reached? Marks them as told. */
bool log_receipts_are_reached(struct log_receipts *receipts, const struct verifier *verifier);
/* Tells those on standard error of whose agents no log was here; true: there are some. */
bool log_receipts_tell_others(const struct log_receipts *receipts, const char *command);
