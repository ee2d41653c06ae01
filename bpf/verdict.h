/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Verdict look-ups on kernel objects. Missing or unreadable facts follow the documented default of block rules: deny. */
#pragma once

#include "bpf/decide.h"

enum { DECIDE_TRIES = 16 };

static __always_inline u32 decide_claim(void)
{
	u32 n = config.n_decide, first = bpf_get_smp_processor_id() * 8;
	for (u32 i = 0; i < DECIDE_TRIES; i++) {
		u32 at = first + i;
		if (at >= n)
			at = i;
		struct decide_slot *s = bpf_map_lookup_elem(&decide_slots, &at);
		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return at;
	}
	return 0xffffffff;
}

/* The path in the slot, behind `head` bytes of key, against the trie. Returns the rule's slot or 0. */
static __always_inline u32 exec_lookup(struct decide_slot *s, void *trie, u32 head)
{
	u32 length = s->path.length, offset = s->path.offset, room = EXEC_KEY_BYTES - 8;
	u32 n = length < room ? length : room; /* rules are shorter: what is cut off cannot matter */
	asm volatile("" : "+r"(n), "+r"(offset));
	n &= 255;
	if (n > EXEC_KEY_BYTES - 8)
		return 0;
	if (bpf_probe_read_kernel(&s->key.data[head], n, &s->path_buffer[offset & (RECORD_PATH_MAX - 1)]))
		return RULE_UNDECIDED;
	u32 used = head + n;
	if (length < room) { /* whole: an exact rule's NUL may match */
		s->key.data[used & 255 & (used < EXEC_KEY_BYTES ? 255 : 0)] = 0;
		used++;
	}
	s->key.prefix_bits = used * 8;
	struct exec_verdict *v = bpf_map_lookup_elem(trie, &s->key);
	return v ? v->rule_slot : 0;
}

static __always_inline u32 exec_decide(struct decide_slot *s, u32 index, struct file *file)
{
	u32 zero = 0;
	void *trie = bpf_map_lookup_elem(&exec_policy, &zero);
	if (!trie)
		return RULE_UNDECIDED;
	u64 mnt = (u64)BPF_CORE_READ(file, f_path.mnt), dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	path_walk_decide(mnt, dentry, index);
	if (s->path.is_cut || s->path.is_unstable)
		return RULE_UNDECIDED;
	s->key.data[0] = EXEC_SPACE_NAMESPACE;
	u32 rule = exec_lookup(s, trie, 1);
	if (rule)
		return rule;
	path_walk_decide(0, dentry, index);
	if (s->path.is_cut || s->path.is_unstable)
		return RULE_UNDECIDED;
	u32 dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	s->key.data[0] = EXEC_SPACE_DEVICE;
	s->key.data[1] = dev >> 24;
	s->key.data[2] = dev >> 16;
	s->key.data[3] = dev >> 8;
	s->key.data[4] = dev;
	return exec_lookup(s, trie, 5);
}

/* 0: allowed; else the slot of the rule that denies, or RULE_UNDECIDED. */
static __always_inline u32 exec_verdict(struct file *file)
{
	u32 at = decide_claim();
	struct decide_slot *s = at == 0xffffffff ? NULL : bpf_map_lookup_elem(&decide_slots, &at);
	if (!s)
		return RULE_UNDECIDED;
	u32 rule = exec_decide(s, at, file);
	__sync_lock_test_and_set(&s->busy, 0);
	return rule;
}
