/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How pointers are read out of a task. */
#pragma once

#include "bpf/maps.h"

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

/*
 * The task for reading pointers out of it. The verifier of later kernels searches all the kernel's types by name, up to four
 * times, for each pointer that is read out of a trusted task, on each path: most of the time that a start took. It asks nothing of
 * one that was cast. Where the type that it searches for exists, the cast does too.
 */
static __always_inline struct task_struct *readable(struct task_struct *task)
{
	if (!bpf_core_type_exists(struct task_struct__safe_rcu))
		return task;
	return bpf_rdonly_cast(task, bpf_core_type_id_kernel(struct task_struct));
}
