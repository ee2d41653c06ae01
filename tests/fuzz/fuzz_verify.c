/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier: takes any log. Nothing that the fuzzer makes can carry a valid signature but the sample itself, so whatever verifies must
 * be lines of the sample log in its order.
 */
#include <stdlib.h>

#include "alerts/verify.h"
#include "tests/support/sample_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t batches[] = { 1, 2, 1, 0 };

/*
 * The sample and its key, made once for the life of the process. Its key signs nothing else, corpus files included: where records change, another key is
 * wanted here and in tests/alerts/log_samples.c, whose sample "fuzz" then is corpus/verify/sample.
 */
struct setting {
	struct sample_log sample;
	struct verify_keys keys;
};

static const struct setting *setting_get(void)
{
	static struct setting *setting;
	if (setting)
		return setting;
	setting = calloc(1, sizeof(*setting));
	if (!setting || sample_log_make(&(struct sample_spec){ .batches = batches, .rolls = 1 << 1, .key = 9 }, &setting->sample) ||
	    verify_keys_parse("key", buf_sv(&setting->sample.key_line), &setting->keys, NULL))
		abort();
	return setting;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct setting *set = setting_get();
	CLEANUP(verify_keys_done) struct verify_keys other = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	struct strview text = { (const char *)data, size };
	if (verifier_new(&set->keys, &(struct verify_options){ 0 }, &v))
		abort();
	for (size_t n = 0; text.n; n++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (verifier_line(v, line))
			break;
		if (n >= set->sample.n || !sv_equal(line, set->sample.line[n]))
			abort();
		text = sv_from_index(text, line.n + 1);
	}
	/* the key file is a parser of its own */
	if (verify_keys_parse("fuzz", (struct strview){ (const char *)data, size }, &other, NULL) == 0 && other.n == 0)
		abort();
	return 0;
}
