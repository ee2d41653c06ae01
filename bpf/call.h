/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tracepoint mode: a system call that ended, its verb, and its arguments brought into one order for all calls of the verb. */
#pragma once

#include "bpf/task.h"

enum { CALL_LIMIT = 512, AT_FDCWD = -100, EINTR = 4, EBADF = 9, ENOTSOCK = 88 };

/* How the arguments of a call lie; what they become stands in call_arrange. */
enum call_form {
	FORM_AS_IS,
	FORM_PLAIN,     /* a path first: as the *at call with the working directory */
	FORM_FD,        /* a descriptor in place of the path */
	FORM_TWO_PLAIN, /* two paths */
	FORM_RENAMEAT,  /* no flags */
	FORM_SYMLINK,
	FORM_SYMLINKAT,
	FORM_OPENAT2,
	FORM_CREAT,
	FORM_BY_HANDLE,
	FORM_XATTRAT,
	FORM_OLD_MMAP,
	FORM_SENDTO,
	FORM_SENDMSG,
	FORM_SENDMMSG,
	FORM_RECVMSG,
	FORM_SOCKETCALL,
	FORM_FCNTL,
	FORM_TGKILL,
	FORM_PIDFD,
	FORM_ONE_ID,
	FORM_TWO_IDS,
	FORM_CLONE3,
	FORM_MASK = 0x7f,
	FORM_IDS16 = 0x80, /* user and group ids of 16 bits */
};

enum call_verb {
	VERB_NONE,
#define VERB(id, function, events) VERB_##id,
#include "schemas/syscalls.def"
};

struct call_kind {
	u8 verb, form;
};

/*
 * The two tables of numbers. The headers of both name their numbers alike, so each table is made right after its header. Numbers
 * that the headers are too old for are given here; they are the same for both kinds of call.
 */
#define __NR_fchmodat2 452
#define __NR_setxattrat 463
#include <asm/unistd_64.h>
static const struct call_kind native_calls[CALL_LIMIT] = {
#define NATIVE(name, verb, form) [__NR_##name] = { VERB_##verb, form },
#include "schemas/syscalls.def"
};
#include <asm/unistd_32.h>
static const struct call_kind compat_calls[CALL_LIMIT] = {
#define COMPAT(name, verb, form) [__NR_##name] = { VERB_##verb, form },
#include "schemas/syscalls.def"
};

/* A word of user memory; 0 when it cannot be read. */
static __always_inline u64 user_u64(u64 at)
{
	u64 v = 0;
	bpf_probe_read_user(&v, sizeof(v), (void *)at);
	return v;
}

static __always_inline u32 user_u32(u64 at)
{
	u32 v = 0;
	bpf_probe_read_user(&v, sizeof(v), (void *)at);
	return v;
}

/* Message header of sendmsg: name and its length; the kernel's compat form has words of 32 bits. */
static __always_inline void arrange_message(struct call *c, bool is_many)
{
	u64 *a = c->args, header = a[1];
	if (c->is_compat) {
		a[1] = user_u32(header);
		a[2] = user_u32(header + 4);
	} else {
		a[1] = user_u64(header);
		a[2] = user_u32(header + 8);
	}
	a[3] = is_many ? user_u32(header + (c->is_compat ? 28 : 56)) : c->result > 0 ? (u64)c->result : 0;
}

/* The same of recvmsg, as recvfrom has it: (fd, buffer, its length, flags, address, where its length stands); the first buffer of several. */
static __always_inline void arrange_receive(struct call *c)
{
	u64 *a = c->args, header = a[1], vector = c->is_compat ? user_u32(header + 8) : user_u64(header + 16);
	a[4] = c->is_compat ? user_u32(header) : user_u64(header);
	a[5] = header + (c->is_compat ? 4 : 8);
	a[1] = c->is_compat ? user_u32(vector) : user_u64(vector);
	a[2] = c->is_compat ? user_u32(vector + 4) : user_u64(vector + 8);
}

/* The calls inside socketcall; the numbers are those of <linux/net.h>. */
static const struct call_kind socket_calls[32] = {
	[1] = { VERB_SOCKET, FORM_AS_IS },   [2] = { VERB_BIND, FORM_AS_IS },    [3] = { VERB_CONNECT, FORM_AS_IS },
	[4] = { VERB_LISTEN, FORM_AS_IS },   [5] = { VERB_ACCEPT, FORM_AS_IS },  [11] = { VERB_SEND, FORM_SENDTO },
	[12] = { VERB_RECEIVE, FORM_AS_IS }, [17] = { VERB_RECEIVE, FORM_RECVMSG },
	[16] = { VERB_SEND, FORM_SENDMSG },  [18] = { VERB_ACCEPT, FORM_AS_IS }, [20] = { VERB_SEND, FORM_SENDMMSG },
};

/* socketcall(call, arguments): the i386 way to sockets. False: none that we report. */
static __always_inline bool arrange_socketcall(struct call *c)
{
	u64 number = c->args[0], at = c->args[1];
	if (number >= sizeof(socket_calls) / sizeof(socket_calls[0]))
		return false;
	const struct call_kind *kind = &socket_calls[number];
	c->verb = kind->verb;
	c->form = kind->form;
	/* word by word, and no more than the call has: the array may end with the last word of a page */
	u32 n = c->form == FORM_SENDTO || (c->verb == VERB_RECEIVE && c->form == FORM_AS_IS) ? 6 : 3;
	for (u32 i = 0; i < 6; i++)
		c->args[i] = i < n ? user_u32(at + i * 4) : 0;
	return c->verb != VERB_NONE;
}

static __always_inline void arrange_old_mmap(u64 *a)
{
	u64 at = a[0];
	for (u32 i = 0; i < 6; i++)
		a[i] = user_u32(at + i * 4);
}

/* Brings the arguments into the order of the verb: (dirfd, path, ...) for paths, (fd, ...) for descriptors. */
static __always_inline void call_arrange(struct call *c)
{
	u64 *a = c->args;
	const u64 cwd = (u64)(s64)AT_FDCWD;
	switch (c->form & FORM_MASK) {
	case FORM_PLAIN:
	case FORM_CREAT:
		a[5] = a[4];
		a[4] = a[3];
		a[3] = a[2];
		a[2] = a[1];
		a[1] = a[0];
		a[0] = cwd;
		if (c->form == FORM_CREAT) {
			a[3] = a[2];
			a[2] = 01101; /* O_WRONLY, O_CREAT, O_TRUNC */
		}
		break;
	case FORM_FD:
		a[5] = a[4];
		a[4] = a[3];
		a[3] = a[2];
		a[2] = a[1];
		a[1] = 0;
		break;
	case FORM_TWO_PLAIN:
		a[3] = a[1];
		a[1] = a[0];
		a[0] = cwd;
		a[2] = cwd;
		a[4] = 0;
		break;
	case FORM_RENAMEAT:
		a[4] = 0;
		break;
	case FORM_SYMLINK:
		a[2] = a[0];
		a[0] = cwd;
		break;
	case FORM_SYMLINKAT: {
		u64 text = a[0];
		a[0] = a[1];
		a[1] = a[2];
		a[2] = text;
		break;
	}
	case FORM_OPENAT2: {
		u64 how = a[2];
		a[2] = user_u64(how);
		a[3] = user_u64(how + 8);
		break;
	}
	case FORM_BY_HANDLE:
		a[0] = cwd;
		a[1] = 0;
		a[3] = 0;
		break;
	case FORM_XATTRAT:
		a[2] = a[3];
		a[4] = user_u32(a[4] + 8);
		break;
	case FORM_SENDTO: {
		u64 bytes = a[2];
		a[1] = a[4];
		a[2] = a[5];
		a[3] = bytes;
		break;
	}
	case FORM_TGKILL:
		a[0] = a[1];
		a[1] = a[2];
		break;
	case FORM_ONE_ID:
		a[1] = a[0];
		a[2] = a[0];
		break;
	case FORM_TWO_IDS:
		a[2] = FIELD_MISSING;
		break;
	case FORM_CLONE3:
		a[0] = user_u64(a[0]);
		break;
	case FORM_OLD_MMAP:
		arrange_old_mmap(a);
		break;
	case FORM_SENDMSG:
		arrange_message(c, false);
		break;
	case FORM_SENDMMSG:
		arrange_message(c, true);
		break;
	case FORM_RECVMSG:
		arrange_receive(c);
		break;
	}
}

static __always_inline bool call_is_wanted(u64 number, bool is_compat_call)
{
	if (number >= CALL_LIMIT)
		return false; /* rt_sigreturn: -1 */
	const u64 *words = is_compat_call ? config.compat : config.native;
	return words[(number >> 6) & 7] >> (number & 63) & 1;
}

/* Reads the registers; a call that asks to be restarted was interrupted, and will be seen again if it is. */
static __always_inline void call_read(struct call *c, struct pt_regs *regs, long result, bool is_compat_call)
{
	u64 number = regs->orig_ax & (CALL_LIMIT - 1);
	const struct call_kind *kind = is_compat_call ? &compat_calls[number] : &native_calls[number];
	c->verb = kind->verb;
	c->form = kind->form;
	c->is_compat = is_compat_call;
	c->result = result <= -512 && result >= -516 ? -EINTR : result;
	if (is_compat_call) {
		c->args[0] = (u32)regs->bx;
		c->args[1] = (u32)regs->cx;
		c->args[2] = (u32)regs->dx;
		c->args[3] = (u32)regs->si;
		c->args[4] = (u32)regs->di;
		c->args[5] = (u32)regs->bp;
	} else {
		c->args[0] = regs->di;
		c->args[1] = regs->si;
		c->args[2] = regs->dx;
		c->args[3] = regs->r10;
		c->args[4] = regs->r8;
		c->args[5] = regs->r9;
	}
}

#define O_ACCMODE 03
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_DIRECTORY 0200000
#define O_PATH 010000000

enum {
	PROT_EXEC = 4,
	F_DUPFD = 0,
	F_DUPFD_CLOEXEC = 1030,
	NAMESPACE_FLAGS = 0x7e020080, /* CLONE_NEW*, CLONE_NEWTIME included */
	CLONE_NEWTIME = 0x80,         /* in clone(2) these bits are the exit signal */
};

/* ptrace requests that reach into another process; the rest only steers one already attached. */
static __always_inline bool is_ptrace_access(u64 request)
{
	switch (request) {
	case 0:      /* PTRACE_TRACEME */
	case 4:      /* PTRACE_POKETEXT */
	case 5:      /* PTRACE_POKEDATA */
	case 6:      /* PTRACE_POKEUSER */
	case 13:     /* PTRACE_SETREGS */
	case 16:     /* PTRACE_ATTACH */
	case 0x4205: /* PTRACE_SETREGSET */
	case 0x4206: /* PTRACE_SEIZE */
		return true;
	}
	return false;
}

/* Is it one we report? Cheap tests on arguments, before anything is claimed. */
static __always_inline bool call_is_relevant(struct call *c)
{
	u64 *a = c->args;
	switch (c->verb) {
	case VERB_OPEN:
		return !(a[2] & O_PATH); /* a handle on a name, no access to the file */
	case VERB_EXEC:
		return c->result < 0; /* sched_process_exec reports success */
	case VERB_MMAP:
	case VERB_MPROTECT:
		return a[2] & PROT_EXEC;
	case VERB_DUP:
		if (c->form == FORM_FCNTL && (u32)a[1] != F_DUPFD && (u32)a[1] != F_DUPFD_CLOEXEC)
			return false;
		return c->result >= 0 && c->result <= 2;
	case VERB_SEND:
		return a[1]; /* without an address the socket is connected, and the connect was reported */
	case VERB_RECEIVE:
		return c->result > 0;
	case VERB_BPF:
		return (u32)a[0] == 5; /* BPF_PROG_LOAD */
	case VERB_PTRACE:
		return is_ptrace_access(a[0]);
	case VERB_CLONE:
		if ((c->form & FORM_MASK) != FORM_CLONE3)
			a[0] &= ~(u64)CLONE_NEWTIME;
		return c->result != 0 && (a[0] & NAMESPACE_FLAGS); /* 0: the child's return */
	}
	return true;
}
