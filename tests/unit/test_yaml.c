/* SPDX-License-Identifier: Apache-2.0 */
/* Typed scalars of YAML files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/yaml.h"

/* The spellings of YAML 1.2, and those of people who write "off". In quotes it is a text, as in every other reader. */
static void truth_has_these_spellings(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
		bool truth;
	} cases[] = {
		{ "true", 0, true },      { "True", 0, true },     { "TRUE", 0, true },     { "yes", 0, true },
		{ "on", 0, true },        { "false", 0, false },   { "False", 0, false },   { "FALSE", 0, false },
		{ "no", 0, false },       { "off", 0, false },     { "tRUE", -EINVAL, 0 },  { "fALSE", -EINVAL, 0 },
		{ "'true'", -EINVAL, 0 }, { "1", -EINVAL, 0 },     { "", -EINVAL, 0 },      { "null", -EINVAL, 0 },
		{ "truex", -EINVAL, 0 },  { "[true]", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
		char text[64];
		snprintf(text, sizeof(text), "a: %s", cases[i].text);
		assert_int_equal(yaml_parse("t.yml", sv_from(text), &tree, &diag), 0);
		bool truth = !cases[i].truth;
		int err = yaml_bool(yaml_get(yaml_root(tree)->first, "a"), &truth, &diag);
		if (err != cases[i].err || (!err && truth != cases[i].truth) || (err != 0) != (diag.errors == 1))
			fail_msg("%s: %d, %s", cases[i].text, err, truth ? "true" : "false");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_has_these_spellings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
