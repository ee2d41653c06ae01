/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of requests as Standard Webhooks has them: over "ID.TIME.BODY", v1 by HMAC-SHA256 with a shared secret (whsec_...), v1a by
 * Ed25519 with a key of the endpoint's own (whsk_...). They say that a request is ours and fresh; records prove themselves.
 */
#pragma once

#include "alerts/secret.h"
#include "engine/base/buf.h"

struct webhook_signer;

/* Paths of the files, "" for none; with none of both *ret is NULL. 0, or -errno with diag. */
int webhook_signer_new(const char *hmac_path, const char *ed25519_path, struct webhook_signer **ret, struct diag *diag) MUST_CHECK;
void webhook_signer_free(struct webhook_signer **s);
/* Appends the value of the header webhook-signature; `seconds` is that of webhook-timestamp. The body as it is sent. */
void webhook_sign(const struct webhook_signer *s, struct strview id, uint64_t seconds, struct strview body, struct buf *out);
