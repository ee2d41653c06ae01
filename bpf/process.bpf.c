/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Life of processes: fork, exec, exit, and the verdict on exec. The tracepoints serve both sensor modes. */
#include "bpf/argument.h"
#include "bpf/cgroup.h"
#include "bpf/hash.h"

enum { CALL_EXECVEAT = 322, CALL_EXECVEAT_COMPAT = 358 };

/* argv from user memory: at once, or page by page when a page is missing (the read is all or nothing). */
struct args_walk {
	struct slot *s;
	u64 from;
	u32 at, left;
	u32 is_missing;
};

static long args_page(u64 i, struct args_walk *w)
{
	u32 n = 4096 - (w->from & 4095);
	if (n > w->left)
		n = w->left;
	u32 at = w->at & (RECORD_MAX - 1);
	asm volatile("" : "+r"(n)); /* or clang drops the mask, whose bound 6.1 needs */
	if (bpf_probe_read_user(&w->s->record[at], n & 8191, (void *)w->from)) {
		w->is_missing = 1;
		return 1;
	}
	w->from += n;
	w->at += n;
	w->left -= n;
	return w->left == 0;
}

static __always_inline void put_args(struct slot *s, struct wire_str *str, u64 start, u64 end)
{
	struct wire_common *c = (void *)s->record;
	u64 want = end - start;
	if (end <= start)
		return;
	if (want > RECORD_ARGS_MAX) {
		want = RECORD_ARGS_MAX;
		c->truncated |= FLAG_ARGS;
	}
	u32 n = (u32)want;
	if (!tail_fits(s, n))
		return;
	struct args_walk w = { .s = s, .from = start, .at = s->tail, .left = n };
	asm volatile("" : "+r"(n));
	n &= 2 * RECORD_ARGS_MAX - 1;
	if (n > RECORD_ARGS_MAX)
		return;
	if (bpf_probe_read_user(tail_at(s), n, (void *)start)) {
		bpf_loop(RECORD_ARGS_MAX / 4096 + 1, args_page, &w, 0);
		if (w.is_missing)
			c->uncertain |= FLAG_ARGS;
		n = w.at - s->tail;
	}
	if (!n || n > RECORD_ARGS_MAX)
		return;
	/* items end with NUL each; a cut or rewritten argv may not */
	u32 last = (s->tail + n - 1) & (RECORD_MAX - 1);
	s->record[last] = 0;
	tail_done(s, str, n);
}

struct env_walk {
	struct slot *s;
	u64 from, end;
	u32 start_tail;
	u32 rest; /* REST_*: the step before ended within a variable */
};
enum { ENV_MAX_STEPS = 2048, REST_NONE = 0, REST_DROPPED = 1, REST_KEPT = 2 };

/* One variable: kept when its name is chosen. */
static long env_step(u64 i, struct env_walk *w)
{
	struct slot *s = w->s;
	if (w->from >= w->end)
		return 1;
	struct env_name key;
	u8 keep = 0xff;
	/* the head is enough to know its name; read as a string, for the last variable may end right below the top of memory */
	bpf_probe_read_user_str(s->small, ENV_NAME_MAX, (void *)w->from);
	for (u32 k = 0; k < ENV_NAME_MAX; k++) {
		u8 c = s->small[k];
		keep &= c == '=' || c == 0 ? 0 : 0xff;
		key.text[k] = (char)(c & keep);
	}
	bool is_chosen = !w->rest && bpf_map_lookup_elem(&env_names, &key) != NULL;
	u32 at = s->tail & (RECORD_MAX - 1), used = s->tail - w->start_tail;
	if (used + 2 > RECORD_ENV_MAX || s->tail + RECORD_ENV_MAX > RECORD_MAX) {
		((struct wire_common *)(void *)s->record)->truncated |= FLAG_ENV;
		return 1;
	}
	long n = bpf_probe_read_user_str(&s->record[at], RECORD_ENV_MAX, (void *)w->from);
	if (n < 0) {
		((struct wire_common *)(void *)s->record)->uncertain |= FLAG_ENV;
		return 1;
	}
	if (n == 0) /* an empty string, whose NUL this helper does not count */
		n = 1;
	if ((w->rest == REST_KEPT && n > 1) || (is_chosen && used + n > RECORD_ENV_MAX)) {
		((struct wire_common *)(void *)s->record)->truncated |= FLAG_ENV;
		is_chosen = false;
	}
	if (is_chosen)
		s->tail += n;
	/* a longer one goes on, and what follows there is not a name; one that just fits leaves its NUL as the rest */
	bool is_part = n == RECORD_ENV_MAX;
	w->from += is_part ? n - 1 : n;
	w->rest = !is_part ? REST_NONE : is_chosen ? REST_KEPT : w->rest ? w->rest : REST_DROPPED;
	return 0;
}

static __always_inline void put_env(struct slot *s, struct wire_str *str, u64 start, u64 end)
{
	struct env_walk w = { .s = s, .from = start, .end = end, .start_tail = s->tail };
	long steps = bpf_loop(ENV_MAX_STEPS, env_step, &w, 0);
	if (steps == ENV_MAX_STEPS && w.from < w.end)
		((struct wire_common *)(void *)s->record)->truncated |= FLAG_ENV; /* the others were not looked at */
	if (s->tail == w.start_tail)
		return;
	str->offset = w.start_tail;
	str->length = s->tail - w.start_tail;
}

static __always_inline void put_cgroup(struct slot *s, struct wire_str *str, struct task_struct *task)
{
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	if (!kn)
		return;
	cgroup_path(kn, s->path_buffer, s->small, &s->path);
	put_path(s, str, FLAG_CGROUP);
}

enum { MODE_SETUID = 04000, MODE_SETGID = 02000, MODE_GROUP_EXEC = 010, MOUNT_NOSUID = 1 };

/* Whether exec heeds the bits; set-group-id without the group's execute bit means something else. */
static __always_inline bool is_setid(struct file *file)
{
	u32 mode = BPF_CORE_READ(file, f_inode, i_mode), group = MODE_SETGID | MODE_GROUP_EXEC;
	return ((mode & MODE_SETUID) || (mode & group) == group) && !(BPF_CORE_READ(file, f_path.mnt, mnt_flags) & MOUNT_NOSUID);
}

/* The dimension FLAGS of an image. */
static __always_inline u64 image_flags(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	return (BPF_CORE_READ(inode, i_nlink) == 0) | (u64)is_upper_layer(inode) << 1 | (u64)is_setid(file) << 2;
}

static __always_inline void put_exec_file(struct slot *s, u32 index, struct wire_proc_exec *r, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u64 mnt = (u64)BPF_CORE_READ(file, f_path.mnt), dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	PUT_FILE(s, index, r, mnt, dentry);
	r->file_size = BPF_CORE_READ(inode, i_size);
	r->mtime = mtime_of(inode);
	r->ctime = ctime_of(inode);
	r->is_upper_layer = is_upper_layer(inode);
	r->nlink = BPF_CORE_READ(inode, i_nlink);
	r->file_uid = BPF_CORE_READ(inode, i_uid.val);
	r->file_gid = BPF_CORE_READ(inode, i_gid.val);
	r->mode = BPF_CORE_READ(inode, i_mode);
	r->is_fileless = r->nlink == 0;
	PUT_WRITTEN(r, inode);
	r->is_setid = is_setid(file);
}

static __always_inline void put_hash(struct slot *s, struct wire_proc_exec *r, struct task_struct *task, struct file *file)
{
	struct exec_hash *h = exec_hash_of(task, BPF_CORE_READ(file, f_inode));
	if (h)
		put_kernel_str(s, &r->sha256, h->text, 128, 0);
}

/* exec by a thread that is not the first takes over the first one's id; the id it had never exits. */
static __always_inline void call_follow(u32 old_tid, u32 tid)
{
	struct call_entry *known = old_tid == tid ? NULL : bpf_map_lookup_elem(&calls, &old_tid);
	if (!known)
		return;
	struct call_entry call = *known;
	call_drop(old_tid);
	call_drop(tid);
	if (call_keep(tid, &call))
		count_misc(MISC_CALLS_FULL);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct subject who;
	if (!subject_current(task, &who))
		return 0;
	u32 tgid = task->tgid;
	u64 previous = who.exec_id;
	call_follow((u32)old_pid, task->pid);
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &tgid);
	who.exec_id = new_id(bpf_ktime_get_boot_ns());
	u64 judged = e ? e->judged : 0;
	if (e) {
		e->exec_id = who.exec_id;
		e->is_replaced = 0;
		e->judged = 0;
	}
	if (!judged && !is_wanted(EVENT_PROC_EXEC))
		return 0;
	u32 index;
	struct slot *s = record_start(task, &who, EVENT_PROC_EXEC, sizeof(struct wire_proc_exec), &index);
	if (!s)
		return 0;
	struct wire_proc_exec *r = (void *)s->record;
	r->common.stage = 1; /* completed */
	r->common.verdict = (u8)judged;
	r->common.rule_slot = judged >> 32;
	r->common.uncertain |= judged & 0x100 ? FLAG_VERDICT : 0;
	/* loading the image has made the saved number that of execve, whichever call it was: the path of a descriptor tells */
	if (BPF_CORE_READ(bprm, fdpath))
		r->common.syscall = r->common.via == VIA_COMPAT ? CALL_EXECVEAT_COMPAT : CALL_EXECVEAT;
	r->common.call_id = 0;
	r->previous_id = previous;
	put_exec_file(s, index, r, bprm->file);

	const char *filename = bprm->filename, *interp = bprm->interp;
	put_kernel_str(s, &r->filename, filename, RECORD_PATH_MAX, FLAG_FILENAME);
	r->is_script = interp != filename;
	if (r->is_script)
		put_kernel_str(s, &r->interpreter, interp, RECORD_PATH_MAX, FLAG_FILENAME);
	r->is_secure = BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec);

	struct mm_struct *mm = readable(task)->mm;
	u64 arg_start = mm->arg_start, arg_end = mm->arg_end;
	put_args(s, &r->args, arg_start, arg_end);
	put_env(s, &r->env, mm->env_start, mm->env_end);
	struct fs_struct *fs = readable(task)->fs;
	path_walk((u64)BPF_CORE_READ(fs, pwd.mnt), (u64)BPF_CORE_READ(fs, pwd.dentry), index);
	put_path(s, &r->cwd, FLAG_CWD);
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	if (tty)
		put_kernel_str(s, &r->tty, tty->name, 64, 0);
	put_cgroup(s, &r->cgroup, task);
	put_hash(s, r, task, bprm->file);
	exec_hash_forget(task);
	record_finish(s, &ring_priority);
	return 0;
}

static __always_inline void label_child(u32 tgid, u64 start)
{
	struct labelling by = labelling();
	u32 at;
	struct ask *a = labelling_open(&by, CLAIM_FORK, &at);
	if (!a)
		return;
	label_keep_all(a, at, &by, EVENT_PROC_FORK);
	label_fork(at, tgid, start, by.by_table[0], by.by_table[1]);
	ask_release(a);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_done, struct task_struct *parent, struct task_struct *child)
{
	u32 child_tgid = child->tgid;
	if (child_tgid == (u32)parent->tgid)
		return 0; /* a thread */
	struct subject who;
	if (!subject_current(parent, &who))
		return 0;
	u64 now = bpf_ktime_get_boot_ns();
	struct task_entry e = {
		.exec_id = new_id(now),
		.parent_id = who.exec_id,
		.start_boot_ns = child->start_boottime,
		.is_labelled = config.scope == SCOPE_TREE,
	};
	if (bpf_map_update_elem(&tasks, &child_tgid, &e, BPF_ANY))
		count_misc(MISC_TASKS_FULL);
	label_child(child_tgid, e.start_boot_ns);
	if (!is_wanted(EVENT_PROC_FORK))
		return 0;
	u32 index;
	struct slot *s = record_start(parent, &who, EVENT_PROC_FORK, sizeof(struct wire_proc_fork), &index);
	if (!s)
		return 0;
	struct wire_proc_fork *r = (void *)s->record;
	r->common.stage = 1;
	r->common.call_id = 0;
	r->child_id = e.exec_id;
	r->child_start_boot_ns = e.start_boot_ns;
	r->child_pid = child_tgid;
	r->child_ns_pid = own_number(child);
	record_finish(s, &ring_priority);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_done, struct task_struct *task)
{
	u32 tid = task->pid, tgid = task->tgid;
	call_drop(tid);
	exec_hash_forget(task);
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0; /* other threads live on */
	label_drop(tgid);
	bpf_map_delete_elem(&told, &tgid);
	if (tgid == config.own_pid) /* what outlives the engine must not spare the next process of its number */
		config.own_pid = 0;
	struct subject who;
	if (!subject_current(task, &who)) {
		bpf_map_delete_elem(&tasks, &tgid); /* it left the watched cgroup: its entry would stay for ever */
		return 0;
	}
	/* two last threads may both see live == 0: only the one whose deletion succeeds reports */
	if (bpf_map_delete_elem(&tasks, &tgid))
		return 0;
	if (!is_wanted(EVENT_PROC_EXIT))
		return 0;
	u32 index;
	struct slot *s = record_start(task, &who, EVENT_PROC_EXIT, sizeof(struct wire_proc_exit), &index);
	if (!s)
		return 0;
	struct wire_proc_exit *r = (void *)s->record;
	u32 code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!code)
		code = task->exit_code;
	r->common.stage = 1;
	r->common.call_id = 0;
	r->duration_ns = r->common.boot_ns - r->common.start_boot_ns;
	r->exit_code = (code >> 8) & 0xff;
	r->signal = code & 0x7f;
	record_finish(s, &ring_priority);
	return 0;
}

/* The label of the image that may be about to be replaced must be whole while that image is there. */
static __always_inline void label_before_exec(void)
{
	struct labelling by = labelling();
	u32 at;
	struct ask *a = labelling_open(&by, CLAIM_IMAGE, &at);
	if (!a)
		return;
	label_keep_all(a, at, &by, EVENT_PROC_EXEC);
	ask_release(a);
}

/* For the record of the exec under way. */
static __always_inline void note_judged(struct task_struct *task, u64 judged, bool is_first)
{
	struct task_entry *e = task_entry(task->tgid, start_of(task));
	if (e && (is_first || !e->judged))
		e->judged = judged;
}

/*
 * The verdict on exec. Taken before any record is reserved and on slots of its own: a full ring or a flood of events cannot
 * turn a block into an allow. Runs for the script and for its interpreter.
 */
SEC("lsm/bprm_check_security")
int BPF_PROG(exec_check, struct linux_binprm *bprm, int ret)
{
	if (ret)
		return ret;
	struct task_struct *task = bpf_get_current_task_btf();
	if (config.canary_pid && (u32)task->tgid == config.canary_pid)
		return -EPERM; /* the engine proves at start that this program runs */
	struct act act;
	u32 at, index;
	label_before_exec();
	if (!act_start(&act, EVENT_PROC_EXEC))
		return 0;
	struct file *file = bprm->file;
	struct ask *a = ACT_ASK(act, EVENT_PROC_EXEC, at);
	if (a) {
		struct inode *inode = BPF_CORE_READ(file, f_inode);
		a->is_exec = 1;
		ask_number(a, DIMENSION_FLAGS, image_flags(file));
		ask_number(a, DIMENSION_NUMBER, BPF_CORE_READ(inode, i_uid.val));
		ask_written(a, inode);
		ask_hash(a, task, inode);
		name_ask(&a->file[0], file->f_path.mnt, file->f_path.dentry);
	}
	act_judge(&act, at, EVENT_PROC_EXEC);
	if (act_verdict(&act) != VERDICT_DENY) {
		/* the record is made when the image is in place; of a script and its interpreters the first that would be denied is told */
		note_judged(task, act_verdict(&act) == VERDICT_WOULD_DENY ? act.judged : 0, bprm->interp == bprm->filename);
		return 0;
	}
	struct slot *s = act_record(&act, EVENT_PROC_EXEC, sizeof(struct wire_proc_exec), &index);
	if (s) {
		struct wire_proc_exec *r = (void *)s->record;
		put_exec_file(s, index, r, file);
		put_kernel_str(s, &r->filename, bprm->filename, RECORD_PATH_MAX, FLAG_FILENAME);
		put_hash(s, r, task, file);
		record_finish(s, &ring_priority);
	}
	exec_hash_forget(task);
	return -EPERM;
}

/* Runs before exec_check, which it is attached after; where it does not, there is no hash, which rules take for unknown. */
SEC("lsm.s/bprm_check_security")
int BPF_PROG(exec_hash, struct linux_binprm *bprm, int ret)
{
	struct subject who;
	struct exec_hash hash = {};
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = (u64)task;
	if (ret || !config.is_hashing || !subject_current(task, &who))
		return ret;
	struct file *file = bprm->file;
	struct inode *inode = file->f_inode;
	if (is_content_kept(inode)) { /* of no other could a rule make use, and some can be made to last for ever */
		struct kept_hash *kept = bpf_inode_storage_get(&kept_hashes, inode, 0, 0);
		if (kept && is_kept(kept, inode))
			hash = kept->hash;
		else if (inode->i_size <= HASH_MAX_BYTES && hash_make(file, &hash) == 0)
			hash_keep(inode, &hash, kept != NULL);
		if (!hash.inode)
			count_misc(MISC_HASHES);
	}
	if (bpf_map_update_elem(&exec_hashes, &key, &hash, BPF_ANY))
		count_misc(MISC_HASHES);
	return 0;
}

/* Rules that kill. The signal is there before the kernel returns to the image's first instruction. */
static __always_inline void image_check(struct task_struct *task, struct linux_binprm *bprm)
{
	u32 generation = generation_in_force();
	struct subject who;
	if (!generation || !config.is_killing[generation & 1] || !subject_current(task, &who))
		return;
	u32 at = (u32)ask_claim(CLAIM_IMAGE);
	struct ask *a = at == ASK_NONE ? NULL : ask_at(at);
	u64 judged = 0;
	if (!a) { /* counted, and told: whom no rule is about must not die of a flood of others */
		count_misc(MISC_IMAGES_FULL);
	} else {
		struct file *file = bprm->file;
		struct inode *inode = BPF_CORE_READ(file, f_inode);
		ask_start(a, generation, EVENT_PROC_IMAGE);
		a->given = 0;
		ask_number(a, DIMENSION_FLAGS, image_flags(file));
		ask_number(a, DIMENSION_NUMBER, BPF_CORE_READ(inode, i_uid.val));
		ask_written(a, inode);
		ask_hash(a, task, inode);
		ask_file(a, 0, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
		judged = judge_image(at, bprm->p, (u32)bprm->argc);
		ask_release(a);
	}
	if (!judged)
		return;
	if ((u8)judged == VERDICT_KILL) {
		if (bpf_send_signal(SIGNAL_KILL))
			return; /* the first process: nothing ends it. Its alert says that it lives */
		count_denied(EVENT_PROC_EXEC, (judged & 0x100) != 0);
	}
	note_judged(task, judged, true);
}

static __always_inline void label_exec(struct ask *a, u32 at, const struct labelling *by)
{
	for (u32 t = 0; t < 2; t++) {
		if (!by->by_table[t])
			continue;
		ask_start(a, by->by_table[t], EVENT_PROC_EXEC);
		label_pass_on(at);
	}
	label_replace(by->by_table[0], by->by_table[1]);
	for (u32 t = 0; t < 2; t++) { /* not what user space says of creators: its word may still be of the image before */
		if (!by->by_table[t])
			continue;
		ask_start(a, by->by_table[t], EVENT_PROC_EXEC);
		label_find(at);
	}
}

/* Until its record is made, what user space says of the process is of the image before. */
static __always_inline void note_replaced(struct task_struct *task)
{
	struct subject who;
	u32 tgid = task->tgid;
	if (!can_decide || !subject_current(task, &who))
		return;
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &tgid);
	if (e)
		e->is_replaced = 1;
}

/* The new image is in place and has not run yet. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(exec_label, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct labelling by = labelling();
	u32 tgid = task->tgid, at;
	note_replaced(task);
	struct ask *a = labelling_open(&by, CLAIM_IMAGE, &at);
	if (a) {
		label_exec(a, at, &by);
		ask_release(a);
	} else { /* what was known of the image before must not be taken for this one */
		label_drop(tgid);
		bpf_map_delete_elem(&told, &tgid);
	}
	image_check(task, bprm);
	return 0;
}
