/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the kernel says of itself. No version comparisons. */
#include "engine/probe/caps.h"

#include <bpf/btf.h>
#include <errno.h>
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

void caps_read(const struct btf *kernel, struct sensor_caps *caps)
{
	char text[1024];
	if (read_text("/sys/kernel/security/lsm", text, sizeof(text))) {
		const char *at = strstr(text, "bpf");
		caps->has_lsm_list = at && (at == text || at[-1] == ',') && (at[3] == ',' || at[3] == '\n' || at[3] == '\0');
	}
	read_preemption(caps);
	caps->is_lsm_unguarded = has_function(kernel, "__bpf_prog_enter_recur");
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
