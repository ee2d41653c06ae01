/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts, the public keys of collectors, and the file that an agent keeps: whatever the bytes, they are refused, or are the only form of what
 * they say. No receipt that the fuzzer makes can carry the signature of the key.
 */
#include <stdlib.h>

#include "alerts/agent_file.h"
#include "alerts/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_agent_file(struct strview text)
{
	CLEANUP(agent_state_done) struct agent_state state = { .epoch = 0 };
	if (agent_file_parse(text, &state) == 0 && (!state.key || strlen(state.id) != IDENTITY_UUID))
		abort();
}

/* Also with the sum that no fuzzer finds: what stands before it is read only then. */
static void check_agent_file(struct strview text)
{
	CLEANUP(buf_done) struct buf whole = { 0 };
	uint8_t hash[CRYPTO_HASH];
	crypto_sha256(&text, 1, hash);
	buf_add_sv(&whole, text);
	buf_add_z(&whole, "sum ");
	crypto_base64(&whole, hash, CRYPTO_HASH);
	buf_add_char(&whole, '\n');
	parse_agent_file(text);
	parse_agent_file(buf_sv(&whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct strview text = { (const char *)data, size };
	const uint8_t seed[32] = { 9 };
	CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
	CLEANUP(buf_done) struct buf own = { 0 };
	struct receipt_verifier by, other;
	struct receipt receipt;
	if (crypto_init() || crypto_key_from_seed(seed, &key))
		abort();
	receipt_verifier_text("fuzz", key, &own);
	if (receipt_verifier_parse(buf_sv(&own), &by))
		abort();
	if (receipt_parse(text, &by, &receipt) == 0)
		abort();
	if (receipt_verifier_parse(text, &other) == 0 && !receipt_name_is_fine(other.name))
		abort();
	check_agent_file(text);
	return 0;
}
