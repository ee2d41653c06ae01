/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the engine tells the programs that keep others off it: which files, kernel objects and cgroups are its own. */
#pragma once

#include "bpf/abi.h"

enum {
	GUARD_INODES = 2048,     /* marked files and folders */
	GUARD_OBJECTS = 2048,    /* marked BPF objects and mounts */
	GUARD_CGROUPS = 8,       /* the engine's cgroup and those above it, but the root */
	GUARD_BLOOM_WORDS = 64,
	GUARD_BLOOM_BITS = 64 * GUARD_BLOOM_WORDS,
	GUARD_DEPTH = 32,        /* folders looked at above a file */
	GUARD_PER_SECOND = 64,   /* records; what is more is counted */
};

/* Marks of an inode, as bits. */
enum guard_mark {
	GUARD_FILE = 1,   /* not written, changed, removed, renamed or linked to */
	GUARD_TREE = 2,   /* the same of everything below; nothing new below */
	GUARD_ABOVE = 4,  /* a folder on the way to such a file: not renamed, nothing mounted over it */
	GUARD_CANARY = 8, /* the engine's own test file: opening it for writing is counted and refused while canary_tid is set */
	GUARD_DEVICE = 16, /* inode 0: the file system must not be frozen */
};

struct guard_inode {
	__u32 device;
	__u32 reserved;
	__u64 inode;
};

enum guard_kind { GUARD_MAP = 1, GUARD_PROGRAM, GUARD_LINK, GUARD_MOUNT };

struct guard_object {
	__u32 kind; /* enum guard_kind */
	__u32 id;
};

/* The engine writes it, the programs read it; the last two are theirs. */
struct guard_config {
	__u64 devices;                  /* bit (device & 63): a file system with marked inodes. Cheap first answers: */
	__u64 bloom[GUARD_BLOOM_WORDS]; /* bit guard_bloom_bit(...): an inode that is marked */
	__u64 cgroups[GUARD_CGROUPS];   /* ids; the engine's own first; 0: none */
	__u32 is_on;                    /* 0: everything is let through, but for the canary */
	__u32 canary_tid;               /* this thread of the engine is refused what is marked, to prove that the programs run; 0: none */
	__u32 mnt_ns;                   /* the engine's mount namespace */
	__u32 n_second;                 /* records in this second */
	__u64 second;
	__u64 canaries;                 /* refused for the canary's sake */
};

static inline __attribute__((always_inline)) __u32 guard_bloom_bit(__u32 device, __u64 inode)
{
	return (__u32)(inode + device * 31) & (GUARD_BLOOM_BITS - 1);
}

/* vedette.tamper.act: the TAMPER rows of schemas/symbols.def. */
enum tamper_act {
	TAMPER_SIGNAL, TAMPER_PTRACE, TAMPER_LIMITS, TAMPER_SCHEDULING, TAMPER_MEMORY, TAMPER_PROCESS_FILE, TAMPER_CGROUP_FILE, TAMPER_CGROUP_MOVE,
	TAMPER_BPF_MAP, TAMPER_BPF_PROGRAM, TAMPER_BPF_LINK, TAMPER_FILE_WRITE, TAMPER_FILE_CHANGE, TAMPER_FILE_CREATE, TAMPER_FILE_REMOVE,
	TAMPER_FILE_RENAME, TAMPER_MOUNT, TAMPER_UNMOUNT, TAMPER_FREEZE, TAMPER_FTRACE, TAMPER_PREEMPTION, TAMPER_SYSRQ, TAMPER_CANARY,
	TAMPER_DETACHED, TAMPER_SKIPPED, TAMPER_PROTECTION_OFF, TAMPER_PROTECTION_ON, TAMPER_STOP, TAMPER_COUNT,
};
