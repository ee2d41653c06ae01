/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Code that is loaded into the kernel, in lsm mode: modules and BPF programs. */
#include "bpf/task.h"

enum { MODULE_FROM_FILE = 0, MODULE_FROM_MEMORY = 1, BPF_NAME_BYTES = 16 };

/* Names, not values: the numbers behind them are relocated at load. */
enum kernel_read_file_id { READING_MODULE = 2 };
enum kernel_load_data_id { LOADING_MODULE = 2 };

SEC("lsm/kernel_read_file")
int BPF_PROG(kernel_read_file, struct file *file, int id, bool contents, int ret)
{
	if (ret || id != (int)bpf_core_enum_value(enum kernel_read_file_id, READING_MODULE))
		return ret;
	u32 index;
	struct slot *s = event_start(EVENT_MODULE_LOAD, sizeof(struct wire_module_load), &index);
	if (!s)
		return 0;
	struct wire_module_load *r = (void *)s->record;
	r->from = MODULE_FROM_FILE;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
	record_finish(s, RING_OF(EVENT_MODULE_LOAD));
	return 0;
}

SEC("lsm/kernel_load_data")
int BPF_PROG(kernel_load_data, int id, bool contents, int ret)
{
	if (ret || id != (int)bpf_core_enum_value(enum kernel_load_data_id, LOADING_MODULE))
		return ret;
	u32 index;
	struct slot *s = event_start(EVENT_MODULE_LOAD, sizeof(struct wire_module_load), &index);
	if (!s)
		return 0;
	struct wire_module_load *r = (void *)s->record;
	r->from = MODULE_FROM_MEMORY;
	NO_FILE(r);
	record_finish(s, RING_OF(EVENT_MODULE_LOAD));
	return 0;
}

/* attr is the kernel's copy, zeroed behind what the caller gave. */
SEC("lsm/bpf")
int BPF_PROG(bpf_command, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	if (ret || cmd != BPF_PROG_LOAD)
		return ret;
	u32 index;
	struct slot *s = event_start(EVENT_BPF_LOAD, sizeof(struct wire_bpf_load), &index);
	if (!s)
		return 0;
	struct wire_bpf_load *r = (void *)s->record;
	r->cmd = cmd;
	bpf_probe_read_kernel(&r->prog_type, sizeof(r->prog_type), &attr->prog_type);
	bpf_probe_read_kernel(&r->insns, sizeof(r->insns), &attr->insn_cnt);
	bpf_probe_read_kernel_str(r->prog_name.text, BPF_NAME_BYTES, attr->prog_name);
	record_finish(s, RING_OF(EVENT_BPF_LOAD));
	return 0;
}
