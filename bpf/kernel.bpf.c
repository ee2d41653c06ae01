/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Code that is loaded into the kernel, in lsm mode: modules and BPF programs. */
#include "bpf/decide.h"

enum { MODULE_FROM_FILE = 0, MODULE_FROM_MEMORY = 1, BPF_NAME_BYTES = 16 };

/* Names, not values: the numbers behind them are relocated at load. */
enum kernel_read_file_id { READING_MODULE = 2 };
enum kernel_load_data_id { LOADING_MODULE = 2 };

SEC("lsm/kernel_read_file")
int BPF_PROG(kernel_read_file, struct file *file, int id, bool contents, int ret)
{
	if (ret || id != (int)bpf_core_enum_value(enum kernel_read_file_id, READING_MODULE))
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MODULE_LOAD))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MODULE_LOAD, at);
	if (a) {
		ask_number(a, DIMENSION_NUMBER, MODULE_FROM_FILE);
		ask_file(a, 0, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
	}
	act_judge(&act, at, EVENT_MODULE_LOAD);
	struct slot *s = act_record(&act, EVENT_MODULE_LOAD, sizeof(struct wire_module_load), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_module_load *r = (void *)s->record;
	r->from = MODULE_FROM_FILE;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
	record_finish(s, RING_OF(EVENT_MODULE_LOAD));
	return ACT_RESULT(act);
}

SEC("lsm/kernel_load_data")
int BPF_PROG(kernel_load_data, int id, bool contents, int ret)
{
	if (ret || id != (int)bpf_core_enum_value(enum kernel_load_data_id, LOADING_MODULE))
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MODULE_LOAD))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MODULE_LOAD, at);
	if (a)
		ask_number(a, DIMENSION_NUMBER, MODULE_FROM_MEMORY);
	act_judge(&act, at, EVENT_MODULE_LOAD);
	struct slot *s = act_record(&act, EVENT_MODULE_LOAD, sizeof(struct wire_module_load), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_module_load *r = (void *)s->record;
	r->from = MODULE_FROM_MEMORY;
	NO_FILE(r);
	record_finish(s, RING_OF(EVENT_MODULE_LOAD));
	return ACT_RESULT(act);
}

/* attr is the kernel's copy, zeroed behind what the caller gave. */
SEC("lsm/bpf")
int BPF_PROG(bpf_command, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	if (ret || cmd != BPF_PROG_LOAD)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_BPF_LOAD))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_BPF_LOAD, at);
	u32 program_type = 0;
	bpf_probe_read_kernel(&program_type, sizeof(program_type), &attr->prog_type);
	if (a) {
		ask_number(a, DIMENSION_NUMBER, (u32)cmd);
		ask_number(a, DIMENSION_NUMBER_2, program_type);
	}
	act_judge(&act, at, EVENT_BPF_LOAD);
	struct slot *s = act_record(&act, EVENT_BPF_LOAD, sizeof(struct wire_bpf_load), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_bpf_load *r = (void *)s->record;
	r->cmd = cmd;
	r->prog_type = program_type;
	bpf_probe_read_kernel(&r->insns, sizeof(r->insns), &attr->insn_cnt);
	bpf_probe_read_kernel_str(r->prog_name.text, BPF_NAME_BYTES, attr->prog_name);
	record_finish(s, RING_OF(EVENT_BPF_LOAD));
	return ACT_RESULT(act);
}
