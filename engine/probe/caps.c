/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the kernel says of itself, and tries what it does not say. No version comparisons. */
#include "engine/probe/caps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>

#include "engine/base/fd.h"

static bool read_text(const char *path, char *text, size_t size)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	if (fd_read_file(path, 4096, &b) || b.n == 0)
		return false;
	size_t n = MIN(b.n, size - 1);
	memcpy(text, b.p, n);
	text[n] = '\0';
	return true;
}

/* "none (voluntary) full": the one in parentheses is in force. */
static void read_preemption(struct sensor_caps *caps)
{
	char text[128];
	if (!read_text("/sys/kernel/debug/sched/preempt", text, sizeof(text)))
		return;
	const char *open = strchr(text, '('), *close = open ? strchr(open, ')') : NULL;
	if (close)
		snprintf(caps->preemption, sizeof(caps->preemption), "%.*s", (int)(close - open - 1), open + 1);
}

static bool has_function(const struct btf *kernel, const char *name)
{
	return kernel && btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
}

int caps_open(struct btf **ret, struct diag *diag)
{
	*ret = btf__load_vmlinux_btf();
	if (*ret)
		return 0;
	diag_error(diag, (struct place){ 0 }, "this kernel has no type information (/sys/kernel/btf/vmlinux); CONFIG_DEBUG_INFO_BTF is needed");
	return -EOPNOTSUPP;
}

void caps_read(const struct btf *kernel, struct sensor_caps *caps)
{
	char text[1024];
	if (read_text("/sys/kernel/security/lsm", text, sizeof(text))) {
		const char *at = strstr(text, "bpf");
		caps->has_lsm_list = at && (at == text || at[-1] == ',') && (at[3] == ',' || at[3] == '\n' || at[3] == '\0');
	}
	read_preemption(caps);
	caps->is_lsm_unguarded = has_function(kernel, "__bpf_prog_enter_recur");
	caps->has_ima = has_function(kernel, "ima_file_hash");
}

int caps_check_enforcement(const struct sensor_caps *caps, struct diag *diag)
{
	if (caps->is_lsm_unguarded)
		return 0;
	diag_error(diag, (struct place){ 0 }, "this kernel may skip LSM programs (no __bpf_prog_enter_recur): enforcement would have holes");
	return -EOPNOTSUPP;
}

bool caps_has_hook(const struct btf *kernel, const char *where)
{
	char name[128];
	const char *slash = strchr(where, '/');
	if (!slash)
		return true;
	if (strncmp(where, "lsm", 3) == 0)
		snprintf(name, sizeof(name), "bpf_lsm_%s", slash + 1);
	else if (strncmp(where, "fexit/", 6) == 0 || strncmp(where, "fentry/", 7) == 0)
		snprintf(name, sizeof(name), "%s", slash + 1);
	else
		return true;
	return has_function(kernel, name);
}

int caps_try_lsm(const struct btf *kernel, struct diag *diag)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, /* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int id = btf__find_by_name_kind(kernel, "bpf_lsm_file_open", BTF_KIND_FUNC), err = id < 0 ? -EOPNOTSUPP : 0;
	struct bpf_prog_load_opts opts = { .sz = sizeof(opts), .expected_attach_type = BPF_LSM_MAC, .attach_btf_id = (uint32_t)id };
	CLEANUP(fd_close) int fd = err ? -1 : bpf_prog_load(BPF_PROG_TYPE_LSM, "try_lsm", "GPL", insns, ARRAY_SIZE(insns), &opts);
	if (!err && fd < 0)
		err = -errno;
	if (err)
		diag_error(diag, (struct place){ 0 }, "LSM programs cannot be loaded: %s", strerror(-err));
	return err;
}

int caps_foresee_mode(enum sensor_mode wanted, bool enforce, enum sensor_mode *ret, struct diag *diag)
{
	struct sensor_caps caps = { 0 };
	struct btf *kernel = NULL;
	libbpf_print_fn_t before = libbpf_set_print(NULL);
	bool is_free = wanted == SENSOR_NONE && !enforce;
	int err = caps_open(&kernel, diag);
	if (!err)
		caps_read(kernel, &caps);
	if (!err && enforce)
		err = caps_check_enforcement(&caps, diag);
	enum sensor_mode mode = wanted == SENSOR_NONE ? SENSOR_LSM : wanted;
	if (!err && mode == SENSOR_LSM)
		err = caps_try_lsm(kernel, is_free ? NULL : diag);
	if (err && is_free && kernel) {
		mode = SENSOR_TRACEPOINT;
		err = 0;
	}
	btf__free(kernel);
	(void)libbpf_set_print(before);
	if (!err)
		*ret = mode;
	return err;
}
