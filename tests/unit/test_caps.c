/* SPDX-License-Identifier: Apache-2.0 */
/* What is concluded from the kernel's type information, with made-up kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <errno.h>

#include <cmocka.h>

#include "engine/probe/caps.h"

/* A kernel that has this function. */
static struct btf *kernel_with(const char *function)
{
	struct btf *b = btf__new_empty();
	assert_non_null(b);
	int type = btf__add_func_proto(b, 0);
	assert_true(type > 0 && btf__add_func(b, function, BTF_FUNC_STATIC, type) > 0);
	return b;
}

static void enforcement_needs_a_kernel_that_never_skips_lsm_programs(void **state)
{
	(void)state;
	static const struct {
		const char *function;
		int want;
	} cases[] = {
		{ "__bpf_prog_enter_recur", 0 },
		{ "__bpf_prog_enter", -EOPNOTSUPP }, /* 6.1 before 6.1.54 */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct btf *kernel = kernel_with(cases[i].function);
		struct sensor_caps caps = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		caps_read(kernel, &caps);
		if (caps_check_enforcement(&caps, &diag) != cases[i].want)
			fail_msg("wrongly taken: a kernel with %s", cases[i].function);
		assert_int_equal(diag.n, cases[i].want ? 1 : 0);
		if (diag.n)
			assert_non_null(strstr(diag.messages[0].text, "may skip LSM programs"));
		btf__free(kernel);
	}
}

static void a_hook_is_a_function_of_the_kernel(void **state)
{
	(void)state;
	struct btf *kernel = kernel_with("bpf_lsm_file_truncate");
	assert_true(caps_has_hook(kernel, "lsm/file_truncate"));
	assert_false(caps_has_hook(kernel, "lsm/file_open"));
	assert_true(caps_has_hook(kernel, "tp_btf/sched_process_exec")); /* found out by trying */
	btf__free(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enforcement_needs_a_kernel_that_never_skips_lsm_programs),
		cmocka_unit_test(a_hook_is_a_function_of_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
