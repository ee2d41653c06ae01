/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Executable memory in lsm mode: what is mapped, and what becomes executable. */
#include "bpf/decide.h"

enum {
	PROT_EXEC_BIT = 4, /* PROT_EXEC; VM_EXEC is the same */
	PROT_WRITE_BIT = 2,
	PROT_BITS = 7,
};

static __always_inline void ask_mapped(struct ask *a, struct file *mapped)
{
	ask_number(a, DIMENSION_FLAGS, !mapped);
	if (!mapped)
		return;
	ask_number(a, DIMENSION_NUMBER, BPF_CORE_READ(mapped, f_inode, i_nlink));
	ask_file(a, 0, (u64)BPF_CORE_READ(mapped, f_path.mnt), (u64)BPF_CORE_READ(mapped, f_path.dentry));
}

/* What is mapped, NULL: no file. A macro: the wire structs of both events differ. */
#define PUT_MAPPED(s, index, r, mapped)                                                                                                   \
	do {                                                                                                                              \
		(r)->is_anonymous = !(mapped);                                                                                            \
		if (!(mapped)) {                                                                                                          \
			NO_FILE(r);                                                                                                       \
			(r)->nlink = FIELD_MISSING;                                                                                       \
		} else {                                                                                                                  \
			(r)->nlink = BPF_CORE_READ(mapped, f_inode, i_nlink);                                                             \
			PUT_FILE(s, index, r, (u64)BPF_CORE_READ(mapped, f_path.mnt), (u64)BPF_CORE_READ(mapped, f_path.dentry));         \
		}                                                                                                                         \
	} while (0)

SEC("lsm/mmap_file")
int BPF_PROG(mmap_file, struct file *file, unsigned long asked, unsigned long prot, unsigned long flags, int ret)
{
	if (ret || !(prot & PROT_EXEC_BIT))
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MMAP_EXEC))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MMAP_EXEC, at);
	struct file *mapped = (void *)SCALAR_ARG(ctx, 0); /* the verifier takes `file` for never NULL and would drop the test */
	if (a) {
		ask_mapped(a, mapped);
		if (mapped)
			ask_written(a, BPF_CORE_READ(mapped, f_inode));
	}
	act_judge(&act, at, EVENT_MMAP_EXEC);
	struct slot *s = act_record(&act, EVENT_MMAP_EXEC, sizeof(struct wire_mmap_exec), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_mmap_exec *r = (void *)s->record;
	r->prot = prot;
	r->flags = flags;
	PUT_MAPPED(s, index, r, mapped);
	if (mapped)
		PUT_WRITTEN(r, BPF_CORE_READ(mapped, f_inode));
	record_finish(s, RING_OF(EVENT_MMAP_EXEC));
	return ACT_RESULT(act);
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect, struct vm_area_struct *vma, unsigned long asked, unsigned long prot, int ret)
{
	if (ret || !(prot & PROT_EXEC_BIT))
		return ret;
	u32 old = BPF_CORE_READ(vma, vm_flags);
	if ((old & PROT_EXEC_BIT) && (!(prot & PROT_WRITE_BIT) || (old & PROT_WRITE_BIT)))
		return 0; /* code as it was; code that becomes writable is told */
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MPROTECT_EXEC))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MPROTECT_EXEC, at);
	struct file *mapped = BPF_CORE_READ(vma, vm_file);
	if (a) {
		ask_mapped(a, mapped);
		if (mapped)
			ask_written(a, BPF_CORE_READ(mapped, f_inode));
	}
	act_judge(&act, at, EVENT_MPROTECT_EXEC);
	struct slot *s = act_record(&act, EVENT_MPROTECT_EXEC, sizeof(struct wire_mprotect_exec), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_mprotect_exec *r = (void *)s->record;
	r->prot = prot;
	r->old_prot = old & PROT_BITS;
	PUT_MAPPED(s, index, r, mapped);
	if (mapped)
		PUT_WRITTEN(r, BPF_CORE_READ(mapped, f_inode));
	record_finish(s, RING_OF(EVENT_MPROTECT_EXEC));
	return ACT_RESULT(act);
}
