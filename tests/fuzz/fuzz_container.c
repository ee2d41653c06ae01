/* SPDX-License-Identifier: Apache-2.0 */
/* What container runtimes leave on disk. The first byte chooses the form of the document; nothing kept may be cut within or hold a NUL. */
#include <errno.h>
#include <stdlib.h>

#include "engine/enrich/container_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must_be_items(struct strview list)
{
	if (list.n && list.p[list.n - 1] != '\0')
		abort();
}

static void check_facts(const struct container_facts *facts)
{
	for (size_t i = 0; i < CONTAINER_TEXT_COUNT; i++) {
		struct strview text = container_text(facts, (enum container_text)i);
		bool is_list = i == CONTAINER_LABELS || i == CONTAINER_POD_LABELS || i == CONTAINER_MOUNTS;
		if (is_list)
			must_be_items(text);
		else if (text.n && memchr(text.p, '\0', text.n))
			abort();
	}
	struct strview image = container_text(facts, CONTAINER_IMAGE), tag = image_tag(image);
	if (tag.n && (tag.p < image.p || tag.p + tag.n > image.p + image.n))
		abort();
}

static void check_untouched(const struct container_facts *facts)
{
	for (size_t i = 0; i < CONTAINER_TEXT_COUNT; i++)
		if (facts->n[i])
			abort();
	if (facts->is_privileged_known)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct container_parser *parser = NULL;
	struct container_facts *facts = malloc(sizeof(*facts));
	const struct container_question question = { .id = SV("box"), .cgroup = SV("/a/box"), .hierarchy = SV("/sys/fs/cgroup") };
	if (!facts || container_parser_new(&parser))
		abort();
	container_facts_reset(facts, RUNTIME_NONE);
	if (n) {
		struct strview document = { (const char *)bytes + 1, n - 1 };
		enum container_form form = (enum container_form)(bytes[0] % (CONTAINER_CRUN_CONFIG + 1));
		int r = container_parse(parser, form, document, &question, facts);
		struct strview bundle = container_bundle(parser);
		bool owns_cgroup = container_owns_cgroup(parser);
		if (r != 0 && r != -EBADMSG && r != -ENOENT)
			abort();
		if (bundle.n > CONTAINER_BUNDLE_MAX || (bundle.n && (bundle.p[0] != '/' || memchr(bundle.p, '\0', bundle.n))))
			abort();
		check_facts(facts);
		if (r == -EBADMSG)
			check_untouched(facts);
		/* a look for a claim has no use for facts, and ends alike */
		if (form >= CONTAINER_RUNC && (container_parse(parser, form, document, &question, NULL) != r || container_owns_cgroup(parser) != owns_cgroup))
			abort();
	}
	container_parser_free(&parser);
	free(facts);
	return 0;
}
