/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sockets in lsm mode: what is made, connected, sent to, bound, listened on and accepted. */
#include "bpf/socket.h"
#include "bpf/task.h"

enum { SOCK_STREAM = 1, MSG_FASTOPEN = 0x20000000, TCP_ESTABLISHED = 1 };

/* AF_UNSPEC dissolves an association: that is no connection. AF_UNIX has hooks of its own. */
SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *sock, struct sockaddr *address, int length, int ret)
{
	if (ret)
		return ret;
	struct endpoint to, from;
	endpoint_of_sockaddr(&to, address, length, false);
	if (!to.ip.family)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_NET_CONNECT, sizeof(struct wire_net_connect), &index);
	if (!s)
		return 0;
	struct wire_net_connect *r = (void *)s->record;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct socket_ends *ends = ENDS_OF(r);
	ends_start(ends, sk);
	endpoint_of_sock(&from, sk, true);
	ends_put_source(ends, &from);
	endpoint_finish(&to, ends->sock_type);
	ends_put_destination(ends, &to);
	ends_finish(ends);
	record_finish(s, RING_OF(EVENT_NET_CONNECT));
	return 0;
}

/*
 * Only with an address: without one the socket is connected, and the connect was seen. A TCP send with MSG_FASTOPEN connects
 * without a connect call, and comes here too: network.transport tells it apart. Messages of one sendmmsg to the same address
 * come here once: the kernel asks about the first.
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	if (ret)
		return ret;
	void *name = msg->msg_name;
	if (!name)
		return 0;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct endpoint to, from;
	endpoint_of_sockaddr(&to, name, msg->msg_namelen, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET);
	if (!to.ip.family)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_NET_SEND, sizeof(struct wire_net_send), &index);
	if (!s)
		return 0;
	struct wire_net_send *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	ends_start(ends, sk);
	endpoint_of_sock(&from, sk, true);
	ends_put_source(ends, &from);
	endpoint_finish(&to, ends->sock_type);
	ends_put_destination(ends, &to);
	ends_finish(ends);
	r->is_new_peer = is_new_peer((u64)sk, &to.ip, to.port);
	r->bytes = (u32)size;
	record_finish(s, RING_OF(EVENT_NET_SEND));
	return 0;
}

SEC("lsm/socket_bind")
int BPF_PROG(socket_bind, struct socket *sock, struct sockaddr *address, int length, int ret)
{
	if (ret)
		return ret;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct endpoint at;
	endpoint_of_sockaddr(&at, address, length, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET);
	if (!at.ip.family)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_NET_BIND, sizeof(struct wire_net_bind), &index);
	if (!s)
		return 0;
	struct wire_net_bind *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	ends_start(ends, sk);
	ends_put_destination(ends, &at);
	ends_finish(ends);
	record_finish(s, RING_OF(EVENT_NET_BIND));
	return 0;
}

SEC("lsm/socket_listen")
int BPF_PROG(socket_listen, struct socket *sock, int backlog, int ret)
{
	if (ret)
		return ret;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_NET_LISTEN, sizeof(struct wire_net_listen), &index);
	if (!s)
		return 0;
	struct wire_net_listen *r = (void *)s->record;
	ends_of_local(ENDS_OF(r), sk);
	r->backlog = backlog;
	record_finish(s, RING_OF(EVENT_NET_LISTEN));
	return 0;
}

/*
 * The connected socket is hung into the file's socket: the only hook of accept that knows the peer. Kernel crypto sockets
 * (AF_ALG) come here as well.
 */
SEC("lsm/sock_graft")
int BPF_PROG(sock_graft, struct sock *sk, struct socket *parent)
{
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_NET_ACCEPT, sizeof(struct wire_net_accept), &index);
	if (!s)
		return 0;
	struct wire_net_accept *r = (void *)s->record;
	ends_of_sock(ENDS_OF(r), sk, true);
	record_finish(s, RING_OF(EVENT_NET_ACCEPT));
	return 0;
}

SEC("lsm/socket_create")
int BPF_PROG(socket_create, int family, int type, int protocol, int is_kernel, int ret)
{
	if (ret || is_kernel)
		return ret;
	u32 index;
	struct slot *s = event_start(EVENT_NET_SOCKET, sizeof(struct wire_net_socket), &index);
	if (!s)
		return 0;
	struct wire_net_socket *r = (void *)s->record;
	r->family = family;
	r->sock_type = type;
	r->protocol = protocol;
	r->transport = 0;
	if (family == AF_INET || family == AF_INET6)
		r->transport = protocol || type == SOCK_RAW ? protocol : type == SOCK_STREAM ? 6 : 17;
	record_finish(s, RING_OF(EVENT_NET_SOCKET));
	return 0;
}

/* What both unix hooks say: the socket connected or sent to. A socket with a path gives the file; an abstract one its name. */
static __always_inline void unix_event(struct sock *other)
{
	u32 index;
	struct slot *s = event_start(EVENT_UNIX_CONNECT, sizeof(struct wire_unix_connect), &index);
	if (!s)
		return;
	struct wire_unix_connect *r = (void *)s->record;
	struct unix_sock *u = (void *)other;
	r->net_type = NET_UNIX;
	r->sock_type = BPF_CORE_READ(other, sk_type);
	put_unix_name(s, &r->name, other);
	u64 dentry = (u64)BPF_CORE_READ(u, path.dentry);
	if (dentry)
		PUT_FILE(s, index, r, (u64)BPF_CORE_READ(u, path.mnt), dentry);
	else
		NO_FILE(r);
	record_finish(s, RING_OF(EVENT_UNIX_CONNECT));
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	if (ret)
		return ret;
	unix_event(other);
	return 0;
}

/* Datagram sockets: at connect, and at each send to an address. The two ends of a socketpair have no name and are not told. */
SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send, struct socket *sock, struct socket *other, int ret)
{
	if (ret)
		return ret;
	struct sock *sk = BPF_CORE_READ(other, sk);
	struct unix_sock *u = (void *)sk;
	if (!BPF_CORE_READ(u, addr))
		return 0;
	unix_event(sk);
	return 0;
}

/*
 * A socket on descriptor 0, 1 or 2. Seen when the call returns, for only then is the new descriptor known; what is on it
 * by then is told, which another thread may have changed meanwhile.
 */
static __always_inline void dup_event(u64 old_fd, long new_fd)
{
	if (new_fd < 0 || new_fd > 2 || old_fd == (u64)new_fd || !is_wanted(EVENT_PROC_DUP))
		return;
	struct task_struct *task = bpf_get_current_task_btf();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &table[new_fd & 3]); /* every table has room for 64 */
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	struct socket *sock = BPF_CORE_READ(file, private_data);
	u32 index;
	struct slot *s = event_start(EVENT_PROC_DUP, sizeof(struct wire_proc_dup), &index);
	if (!s)
		return;
	struct wire_proc_dup *r = (void *)s->record;
	r->common.stage = 1;
	r->common.source = 1; /* the object behind the descriptor */
	r->common.result = new_fd;
	ends_of_sock(ENDS_OF(r), BPF_CORE_READ(sock, sk), false);
	r->old_fd = (u32)old_fd;
	r->new_fd = (u32)new_fd;
	record_finish(s, RING_OF(EVENT_PROC_DUP));
}

enum { COMMAND_DUPFD = 0, COMMAND_DUPFD_CLOEXEC = 1030 };

static __always_inline void fcntl_event(u64 fd, u32 command, long result)
{
	if (command == COMMAND_DUPFD || command == COMMAND_DUPFD_CLOEXEC)
		dup_event((u32)fd, result);
}

/* The wrappers of both kinds of call have names of their own; the loader leaves out those the kernel has not. */
#define DUP_PROBE(name, function, event)                                  \
	SEC("fexit/" #function)                                           \
	int BPF_PROG(name, const struct pt_regs *regs, long result)       \
	{                                                                 \
		event;                                                    \
		return 0;                                                 \
	}
DUP_PROBE(dup_exit, __x64_sys_dup, dup_event((u32)regs->di, result))
DUP_PROBE(dup2_exit, __x64_sys_dup2, dup_event((u32)regs->di, result))
DUP_PROBE(dup3_exit, __x64_sys_dup3, dup_event((u32)regs->di, result))
DUP_PROBE(fcntl_exit, __x64_sys_fcntl, fcntl_event(regs->di, regs->si, result))
DUP_PROBE(dup_exit_compat, __ia32_sys_dup, dup_event((u32)regs->bx, result))
DUP_PROBE(dup2_exit_compat, __ia32_sys_dup2, dup_event((u32)regs->bx, result))
DUP_PROBE(dup3_exit_compat, __ia32_sys_dup3, dup_event((u32)regs->bx, result))
DUP_PROBE(fcntl_exit_compat, __ia32_compat_sys_fcntl, fcntl_event(regs->bx, regs->cx, result))
DUP_PROBE(fcntl64_exit_compat, __ia32_compat_sys_fcntl64, fcntl_event(regs->bx, regs->cx, result))
