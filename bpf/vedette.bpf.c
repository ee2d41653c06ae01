/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* All programs as one object: they share the maps and the functions that are verified once. */
#include "bpf/process.bpf.c"
#include "bpf/file.bpf.c"
#include "bpf/mount.bpf.c"
#include "bpf/memory.bpf.c"
#include "bpf/attribute.bpf.c"
#include "bpf/network.bpf.c"
#include "bpf/privilege.bpf.c"
#include "bpf/kernel.bpf.c"
#include "bpf/receive.bpf.c"
#include "bpf/guard.bpf.c"
#include "bpf/guard_file.bpf.c"
#include "bpf/guard_mount.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
