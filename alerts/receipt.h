/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: what a collector signs about where a log ended when it had it. A signed note (C2SP): four lines of text, an empty one, and a line with
 * the collector's name and signature. docs/verify.md has the bytes.
 */
#pragma once

#include "alerts/crypto.h"
#include "alerts/head.h"
#include "engine/base/diag.h"

enum {
	RECEIPT_NAME_MAX = 64,
	RECEIPT_TIME = 30,  /* bytes of an RFC 3339 time with nanoseconds */
	RECEIPT_MAX = 1024, /* bytes of a receipt, and of the files of its keys */
};

struct receipt {
	char name[RECEIPT_NAME_MAX + 1]; /* of the collector */
	char time[RECEIPT_TIME + 1];
	struct log_head head;            /* stream, next and statement */
};

/* Whose receipts are believed. */
struct receipt_verifier {
	char name[RECEIPT_NAME_MAX + 1];
	uint8_t public_key[CRYPTO_PUBLIC];
};

/* "NAME+8 HEX DIGITS+BASE64", perhaps with a line end. 0 or -EINVAL. */
int receipt_verifier_parse(struct strview text, struct receipt_verifier *ret) MUST_CHECK;
/* Appends the same, with its line end. name: as receipt_name_is_fine asks. */
void receipt_verifier_text(const char *name, const struct crypto_key *key, struct buf *out);
/* Letters, digits, dots, dashes, underscores and slashes. */
bool receipt_name_is_fine(const char *name);

/* 0, -EINVAL (no receipt) or -EKEYREJECTED (not of that collector, or changed). */
int receipt_parse(struct strview text, const struct receipt_verifier *by, struct receipt *ret) MUST_CHECK;
void receipt_make(const struct log_head *head, const char *name, const struct crypto_key *key, uint64_t wall_ns, struct buf *out);
