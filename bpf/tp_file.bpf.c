/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tracepoint mode: calls on files, and executable memory. */
#include "bpf/report.h"

/* --- files: open ------------------------------------------------------------------------------------------------------------ */

/* Both steps leave their state alone until they stop: 6.12 verifies a callback again for each change. */
struct name_end {
	const u8 *text;
	u32 end, length; /* of the text; of its last component */
};

static long name_end_step(u64 i, struct name_end *w)
{
	u32 at = w->end - 1 - (u32)i;
	if (i < w->end && w->text[at & (RECORD_PATH_MAX - 1)] != '/')
		return 0;
	w->length = (u32)i;
	return 1;
}

struct name_match {
	const u8 *given, *found;
	u32 from, length, differs;
};

static long name_match_step(u64 i, struct name_match *w)
{
	if (i >= w->length)
		return 1;
	if (w->given[(w->from + (u32)i) & (RECORD_PATH_MAX - 1)] == w->found[i & 255])
		return 0;
	w->differs = 1;
	return 1;
}

/*
 * Does the last component of the name given differ from the name of the file found? Then a symbolic link was followed, or another
 * thread has put another file on the descriptor. Links whose text only goes on after the name (libx.so.1 -> libx.so.1.2) and those
 * of /proc and /dev are common and not told. Returns 1 when it differs.
 */
__noinline int tp_name_differs(u32 index, u64 dentry, u64 name)
{
	struct slot *s = slot_at(index);
	struct dentry *d = (void *)dentry;
	if (!s || !name)
		return 0;
	long n = bpf_probe_read_user_str(s->path_buffer, RECORD_PATH_MAX, (void *)name);
	if (n < 2 || n >= RECORD_PATH_MAX)
		return 0;
	const u8 *t = s->path_buffer;
	bool is_proc = t[1] == 'p' && t[2] == 'r' && t[3] == 'o' && t[4] == 'c', is_dev = t[1] == 'd' && t[2] == 'e' && t[3] == 'v';
	if (t[0] == '/' && (is_proc || is_dev))
		return 0;
	u32 end = (u32)n - 1;
	struct name_end w = { .text = t, .end = end };
	bpf_loop(256, name_end_step, &w, 0);
	u32 given = w.length, from = end - given, found = BPF_CORE_READ(d, d_name.len);
	if (given == 0 || given > 255 || found > 255)
		return 0;
	if (given <= 2 && t[from & (RECORD_PATH_MAX - 1)] == '.')
		return 0; /* "." or "..", or a short hidden file */
	bpf_probe_read_kernel(s->small, found & 255, BPF_CORE_READ(d, d_name.name));
	struct name_match m = { .given = t, .found = s->small, .from = from, .length = given < found ? given : found };
	bpf_loop(256, name_match_step, &m, 0);
	return m.differs;
}

/* The descriptor must show the file that the call asked for; another thread can have exchanged it. */
static __always_inline bool is_other_file(u32 index, struct file *file, u32 flags, u64 name)
{
	u32 shown = BPF_CORE_READ(file, f_flags);
	if ((shown ^ flags) & (O_PATH | O_ACCMODE | O_DIRECTORY))
		return true;
	return tp_name_differs(index, (u64)BPF_CORE_READ(file, f_path.dentry), name);
}

VERB_FUNCTION(open_record)
{
	u32 flags = (u32)a[2];
	struct file *file = c->result >= 0 ? file_of(c->result) : NULL;
	RECORD(file_open, FILE_OPEN);
	r->flags = flags & OPEN_FLAGS_GIVEN;
	r->mode = FIELD_MISSING;
	r->file_uid = FIELD_MISSING;
	r->nlink = FIELD_MISSING;
	if (file) {
		struct inode *inode = BPF_CORE_READ(file, f_inode);
		u32 f_mode = BPF_CORE_READ(file, f_mode);
		put_file_of(index, file);
		r->is_read = f_mode & FMODE_READ ? 1 : 0;
		r->is_write = f_mode & FMODE_WRITE ? 1 : 0;
		r->is_created = f_mode & FMODE_CREATED ? 1 : 0;
		r->mode = BPF_CORE_READ(inode, i_mode) & MODE_BITS;
		r->file_uid = BPF_CORE_READ(inode, i_uid.val);
		r->nlink = BPF_CORE_READ(inode, i_nlink);
		if (is_other_file(index, file, flags, a[1]))
			r->common.uncertain |= FLAG_PATH;
	} else {
		u32 access = flags & O_ACCMODE;
		r->is_read = access != 1;
		r->is_write = access != 0;
		if (c->result >= 0)
			note_no_file(s, FLAG_PATH);
		NO_FILE(r);
		if (a[1]) /* open_by_handle_at has no name */
			tp_put_file(index, a[0], a[1]);
	}
	put_user_str(s, &r->given, (void *)a[1], RECORD_PATH_MAX, FLAG_GIVEN_PATH);
	tp_finish(index);
}

/* An open that made the file. */
VERB_FUNCTION(open_created)
{
	struct file *file = c->result >= 0 && (a[2] & O_CREAT) ? file_of(c->result) : NULL;
	if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_CREATED))
		return;
	RECORD(file_create, FILE_CREATE);
	put_file_of(index, file);
	r->mode = new_mode(a[3]);
	if (is_other_file(index, file, (u32)a[2], a[1]))
		r->common.uncertain |= FLAG_PATH;
	tp_finish(index);
}

/* An open that emptied a file there was. Its size before is gone. */
VERB_FUNCTION(open_truncated)
{
	struct file *file = c->result >= 0 && (a[2] & O_TRUNC) ? file_of(c->result) : NULL;
	if (!file || (BPF_CORE_READ(file, f_mode) & FMODE_CREATED) || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		return;
	RECORD(file_truncate, FILE_TRUNCATE);
	put_file_of(index, file);
	if (is_other_file(index, file, (u32)a[2], a[1]))
		r->common.uncertain |= FLAG_PATH;
	tp_finish(index);
}

static __always_inline int tp_open(u32 index)
{
	if (is_wanted(EVENT_FILE_CREATE))
		tp_open_created(index);
	if (is_wanted(EVENT_FILE_OPEN))
		tp_open_record(index);
	if (is_wanted(EVENT_FILE_TRUNCATE))
		tp_open_truncated(index);
	return 0;
}

/* --- files: by name ----------------------------------------------------------------------------------------------------------- */

VERB_FUNCTION(mknod)
{
	RECORD(file_create, FILE_CREATE);
	tp_put_file(index, a[0], a[1]);
	r->mode = new_mode(a[2]);
	u32 type = a[2] & S_IFMT;
	r->file_type = type ? type : S_IFREG;
	if (type == S_IFCHR || type == S_IFBLK)
		r->node_device = device_from_user((u32)a[3]);
	tp_finish(index);
}

VERB_FUNCTION(delete)
{
	RECORD(file_delete, FILE_DELETE);
	tp_put_file(index, a[0], a[1]);
	r->nlink = FIELD_MISSING;
	tp_finish(index);
}

VERB_FUNCTION(rename)
{
	RECORD(file_rename, FILE_RENAME);
	tp_put_file(index, a[0], a[1]);
	tp_put_name(index, a[2], a[3], __builtin_offsetof(struct wire_file_rename, new_path), FLAG_NEW_PATH);
	r->flags = (u32)a[4];
	tp_finish(index);
}

VERB_FUNCTION(link)
{
	tp_begin(index, EVENT_FILE_LINK);
	tp_put_file(index, a[0], a[1]);
	tp_put_name(index, a[2], a[3], __builtin_offsetof(struct wire_file_link, new_path), FLAG_NEW_PATH);
	tp_finish(index);
}

VERB_FUNCTION(symlink)
{
	RECORD(file_symlink, FILE_SYMLINK);
	tp_put_file(index, a[0], a[1]);
	r->file_type = S_IFLNK;
	put_user_str(s, &r->target, (void *)a[2], RECORD_PATH_MAX, FLAG_TARGET);
	tp_finish(index);
}

VERB_FUNCTION(mkdir)
{
	RECORD(file_mkdir, FILE_MKDIR);
	tp_put_file(index, a[0], a[1]);
	r->file_type = S_IFDIR;
	r->mode = new_mode(a[2]);
	tp_finish(index);
}

/* What the bits were before is gone: every set-id and execute bit asked for counts as being added. */
VERB_FUNCTION(chmod)
{
	RECORD(file_chmod, FILE_CHMOD);
	tp_put_file(index, a[0], a[1]);
	r->mode = FIELD_MISSING;
	r->new_mode = a[2] & MODE_BITS;
	r->sets_setuid = a[2] & 06000 ? 1 : 0;
	r->sets_exec = a[2] & 0111 ? 1 : 0;
	tp_finish(index);
}

/* An id argument; ids of 16 bits have a "none" of their own. */
static __always_inline u32 id_argument(const struct call *c, u64 v)
{
	if (!(c->form & FORM_IDS16))
		return (u32)v;
	return (u16)v == 0xffff ? (u32)FIELD_MISSING : (u16)v;
}

VERB_FUNCTION(chown)
{
	RECORD(file_chown, FILE_CHOWN);
	tp_put_file(index, a[0], a[1]);
	r->file_uid = FIELD_MISSING;
	r->file_gid = FIELD_MISSING;
	r->new_uid = id_argument(c, a[2]);
	r->new_gid = id_argument(c, a[3]);
	tp_finish(index);
}

VERB_FUNCTION(truncate)
{
	tp_begin(index, EVENT_FILE_TRUNCATE);
	tp_put_file(index, a[0], a[1]);
	tp_finish(index);
}

VERB_FUNCTION(setxattr)
{
	RECORD(file_setxattr, FILE_SETXATTR);
	tp_put_file(index, a[0], a[1]);
	put_user_str(s, &r->xattr, (void *)a[2], 256, FLAG_XATTR);
	r->value_size = a[4];
	tp_finish(index);
}

VERB_FUNCTION(mount)
{
	RECORD(file_mount, FILE_MOUNT);
	tp_put_file(index, (u64)(s64)AT_FDCWD, a[1]);
	put_user_str(s, &r->source, (void *)a[0], RECORD_PATH_MAX, FLAG_MOUNT_SOURCE);
	if (is_mount_new(a[3]))
		put_user_str(s, &r->fs_type, (void *)a[2], 256, 0);
	r->flags = (u32)a[3];
	r->is_move = is_mount_move(a[3]);
	tp_finish(index);
}

VERB_FUNCTION(move_mount)
{
	RECORD(file_mount, FILE_MOUNT);
	tp_put_file(index, a[2], a[3]);
	tp_put_name(index, a[0], a[1], __builtin_offsetof(struct wire_file_mount, source), FLAG_MOUNT_SOURCE);
	struct file *from = (s32)a[0] == AT_FDCWD ? NULL : file_of(a[0]); /* what fsmount or open_tree made */
	put_kernel_str(s, &r->fs_type, BPF_CORE_READ(from, f_path.dentry, d_sb, s_type, name), 64, 0);
	r->is_move = 1;
	tp_finish(index);
}

/* Success is reported by sched_process_exec. */
VERB_FUNCTION(exec)
{
	RECORD(proc_exec, PROC_EXEC);
	tp_put_file(index, a[0], a[1]);
	put_user_str(s, &r->filename, (void *)a[1], RECORD_PATH_MAX, FLAG_FILENAME);
	r->previous_id = c->exec_id;
	r->common.uncertain |= FLAG_WRITTEN;
	r->nlink = FIELD_MISSING;
	r->file_uid = FIELD_MISSING;
	r->file_gid = FIELD_MISSING;
	r->mode = FIELD_MISSING;
	tp_finish(index);
}

/* --- executable memory -------------------------------------------------------------------------------------------------------- */

VERB_FUNCTION(mmap)
{
	RECORD(mmap_exec, MMAP_EXEC);
	r->prot = (u32)a[2];
	r->flags = (u32)a[3];
	r->is_anonymous = a[3] & MAP_ANONYMOUS ? 1 : 0;
	r->nlink = FIELD_MISSING;
	if (r->is_anonymous) {
		NO_FILE(r);
	} else {
		tp_put_file(index, a[4], 0);
		struct file *file = file_of(a[4]);
		if (has_inode(s) && file) {
			r->nlink = BPF_CORE_READ(file, f_inode, i_nlink);
			PUT_WRITTEN(r, BPF_CORE_READ(file, f_inode));
		}
	}
	tp_finish(index);
}

struct area {
	struct file *file;
	u32 is_found;
};

static long area_found(struct task_struct *task, struct vm_area_struct *vma, struct area *w)
{
	w->file = vma->vm_file;
	w->is_found = 1;
	return 0;
}

/* The protection before is gone; the area is looked at as it is after the call. */
VERB_FUNCTION(mprotect)
{
	struct area w = {};
	bpf_find_vma(bpf_get_current_task_btf(), a[0], area_found, &w, 0);
	RECORD(mprotect_exec, MPROTECT_EXEC);
	r->prot = (u32)a[2];
	r->old_prot = FIELD_MISSING;
	NO_FILE(r);
	r->nlink = FIELD_MISSING;
	struct file *file = w.file;
	if (file) {
		put_file_of(index, file);
		r->nlink = BPF_CORE_READ(file, f_inode, i_nlink);
		PUT_WRITTEN(r, BPF_CORE_READ(file, f_inode));
	} else if (w.is_found) {
		r->is_anonymous = 1;
	} else {
		r->common.uncertain |= FLAG_PATH; /* no such area, or the memory map is locked by another thread */
	}
	tp_finish(index);
}

