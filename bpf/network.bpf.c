/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sockets in lsm mode: what is made, connected, sent to, bound, listened on and accepted. */
#include "bpf/decide.h"
#include "bpf/socket.h"

enum { SOCK_STREAM = 1, MSG_FASTOPEN = 0x20000000, TCP_ESTABLISHED = 1 };

/* An end of a socket, as far as it is known. */
static __always_inline void ask_end(struct ask *a, const struct endpoint *e)
{
	if (e->ip.family) {
		a->address.prefix_bits = 128;
		__builtin_memcpy(a->address.address, e->ip.address, sizeof(a->address.address));
		a->given |= BIT(DIMENSION_ADDRESS);
	}
	if (e->port != PORT_MISSING)
		ask_number(a, DIMENSION_PORT, e->port);
}

/* What kind of socket it is, by typed loads: an instruction each. */
static __always_inline void ask_socket(struct ask *a, struct sock *sk)
{
	if (!sk)
		return; /* it always has one, but newer verifiers want to see it asked */
	ask_number(a, DIMENSION_NUMBER, transport_of(sk->__sk_common.skc_family, sk->sk_protocol));
	ask_number(a, DIMENSION_NUMBER_2, sk->sk_type);
}

/* The socket is looked at only where the address does not say it all. */
static __always_inline void ask_reached(struct endpoint *e, u64 socket)
{
	struct socket *s = (void *)socket;
	if (ip_is_any(&e->ip))
		endpoint_is_reached(e, BPF_CORE_READ(s, sk));
}

/* Global, so that the hooks are not verified once for each kind of address. The remote end: of the address. */
__noinline int ask_sockaddr(u32 at, u64 socket, u64 address, u32 length, u32 unspec)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct endpoint e;
	if (!a)
		return 0;
	endpoint_of_sockaddr(&e, (void *)address, length, unspec);
	ask_reached(&e, socket);
	endpoint_finish(&e, (u32)a->number[DIMENSION_NUMBER_2]);
	ask_end(a, &e);
	return 0;
}

/* An IPv4 address that the hook has read with typed loads, an instruction each. */
__noinline int ask_v4(u32 at, u64 socket, u32 address, u32 port)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct endpoint e = { .port = __builtin_bswap16((u16)port) };
	if (!a)
		return 0;
	ip_from_v4(&e.ip, address);
	ask_reached(&e, socket);
	endpoint_finish(&e, (u32)a->number[DIMENSION_NUMBER_2]);
	ask_end(a, &e);
	return 0;
}

/* A local end: that of the address, or (without one) that of the socket. */
__noinline int ask_local(u32 at, u64 sock, u64 address, u32 length, u32 unspec)
{
	struct ask *a = can_decide ? ask_at(at) : NULL;
	struct sock *sk = (void *)sock;
	struct endpoint e;
	if (!a)
		return 0;
	if (address)
		endpoint_of_sockaddr(&e, (void *)address, length, unspec);
	else
		endpoint_of_sock(&e, sk, true);
	ask_end(a, &e);
	return 0;
}

/* Is it an internet address, and so an act of ours? */
static __always_inline bool is_end(const void *address, u32 length, u32 unspec)
{
	u16 family = 0xffff;
	if (length < SOCKADDR_IN_MIN || bpf_probe_read_kernel(&family, sizeof(family), address))
		return false;
	u32 meant = family == AF_UNSPEC ? unspec : family;
	return meant == AF_INET || (meant == AF_INET6 && length >= SOCKADDR_IN6_MIN);
}

/* AF_UNSPEC dissolves an association: that is no connection. AF_UNIX has hooks of its own. */
SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *sock, struct sockaddr *address, int length, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	u32 family = length < SOCKADDR_IN_MIN ? AF_UNSPEC : address->sa_family;
	if ((family != AF_INET && (family != AF_INET6 || length < SOCKADDR_IN6_MIN)) || !act_start(&act, EVENT_NET_CONNECT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_CONNECT, at);
	if (a) {
		ask_socket(a, sock->sk);
		if (family == AF_INET)
			ask_v4(at, SCALAR_ARG(ctx, 0), *(u32 *)((void *)address + 4), *(u16 *)((void *)address + 2));
		else
			ask_sockaddr(at, SCALAR_ARG(ctx, 0), SCALAR_ARG(ctx, 1), length, 0);
	}
	act_judge(&act, at, EVENT_NET_CONNECT);
	struct slot *s = act_record(&act, EVENT_NET_CONNECT, sizeof(struct wire_net_connect), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_net_connect *r = (void *)s->record;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct socket_ends *ends = ENDS_OF(r);
	struct endpoint to, from;
	endpoint_of_sockaddr(&to, address, length, 0);
	endpoint_is_reached(&to, sk);
	ends_start(ends, sk);
	endpoint_of_sock(&from, sk, true);
	ends_put_source(ends, &from);
	endpoint_finish(&to, ends->sock_type);
	ends_put_destination(ends, &to);
	ends_finish(ends);
	record_finish(s, RING_OF(EVENT_NET_CONNECT));
	return ACT_RESULT(act);
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
	u32 length = msg->msg_namelen;
	u32 unspec = unspec_of_send(sk);
	struct act act;
	u32 index, at;
	if (!is_end(name, length, unspec) || !act_start(&act, EVENT_NET_SEND))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_SEND, at);
	if (a) {
		ask_socket(a, sock->sk);
		ask_sockaddr(at, SCALAR_ARG(ctx, 0), (u64)name, length, unspec);
	}
	act_judge(&act, at, EVENT_NET_SEND);
	struct slot *s = act_record(&act, EVENT_NET_SEND, sizeof(struct wire_net_send), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_net_send *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	struct endpoint to, from;
	endpoint_of_sockaddr(&to, name, length, unspec);
	endpoint_is_reached(&to, sk);
	ends_start(ends, sk);
	endpoint_of_sock(&from, sk, true);
	ends_put_source(ends, &from);
	endpoint_finish(&to, ends->sock_type);
	ends_put_destination(ends, &to);
	ends_finish(ends);
	r->is_new_peer = is_new_peer((u64)sk, &to.ip, to.port);
	r->bytes = (u32)size;
	record_finish(s, RING_OF(EVENT_NET_SEND));
	return ACT_RESULT(act);
}

SEC("lsm/socket_bind")
int BPF_PROG(socket_bind, struct socket *sock, struct sockaddr *address, int length, int ret)
{
	if (ret)
		return ret;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	u32 unspec = BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET ? AF_INET : 0;
	struct act act;
	u32 index, at;
	if (!is_end(address, length, unspec) || !act_start(&act, EVENT_NET_BIND))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_BIND, at);
	if (a) {
		ask_socket(a, sock->sk);
		ask_local(at, (u64)sk, SCALAR_ARG(ctx, 1), length, unspec);
	}
	act_judge(&act, at, EVENT_NET_BIND);
	struct slot *s = act_record(&act, EVENT_NET_BIND, sizeof(struct wire_net_bind), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_net_bind *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	struct endpoint to;
	endpoint_of_sockaddr(&to, address, length, unspec);
	ends_start(ends, sk);
	ends_put_destination(ends, &to);
	ends_finish(ends);
	record_finish(s, RING_OF(EVENT_NET_BIND));
	return ACT_RESULT(act);
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
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_NET_LISTEN))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_LISTEN, at);
	if (a) {
		ask_socket(a, sock->sk);
		ask_local(at, (u64)sk, 0, 0, 0);
	}
	act_judge(&act, at, EVENT_NET_LISTEN);
	struct slot *s = act_record(&act, EVENT_NET_LISTEN, sizeof(struct wire_net_listen), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_net_listen *r = (void *)s->record;
	ends_of_local(ENDS_OF(r), sk);
	r->backlog = backlog;
	record_finish(s, RING_OF(EVENT_NET_LISTEN));
	return ACT_RESULT(act);
}

/*
 * Only while verdicts are asked: before the connection is taken, and so before its peer is known. What is accepted is told by sock_graft,
 * what is refused here, without a peer.
 */
SEC("lsm/socket_accept")
int BPF_PROG(socket_accept, struct socket *sock, struct socket *newsock, int ret)
{
	if (ret)
		return ret;
	struct sock *sk = BPF_CORE_READ(sock, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct act act;
	u32 index, at;
	if ((family != AF_INET && family != AF_INET6) || !act_start(&act, EVENT_NET_ACCEPT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_ACCEPT, at);
	if (a) {
		ask_socket(a, sock->sk);
		ask_local(at, (u64)sk, 0, 0, 0);
	}
	act_judge(&act, at, EVENT_NET_ACCEPT);
	if (act_verdict(&act) != VERDICT_DENY)
		return 0;
	struct slot *s = act_record(&act, EVENT_NET_ACCEPT, sizeof(struct wire_net_accept), &index);
	if (!s)
		return -EPERM;
	struct wire_net_accept *r = (void *)s->record;
	ends_of_local(ENDS_OF(r), sk);
	record_finish(s, RING_OF(EVENT_NET_ACCEPT));
	return -EPERM;
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
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_NET_SOCKET))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_NET_SOCKET, at);
	if (a) {
		ask_number(a, DIMENSION_NUMBER, (u32)family);
		ask_number(a, DIMENSION_NUMBER_2, (u32)type);
		ask_number(a, DIMENSION_NUMBER_3, (u32)protocol);
	}
	act_judge(&act, at, EVENT_NET_SOCKET);
	struct slot *s = act_record(&act, EVENT_NET_SOCKET, sizeof(struct wire_net_socket), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_net_socket *r = (void *)s->record;
	r->family = family;
	r->sock_type = type;
	r->protocol = protocol;
	r->transport = transport_of(family, protocol || type == SOCK_RAW ? protocol : type == SOCK_STREAM ? TRANSPORT_TCP : 17);
	record_finish(s, RING_OF(EVENT_NET_SOCKET));
	return ACT_RESULT(act);
}

/* A byte that no text has: names go by bytes, but texts of rules are UTF-8. */
enum { BYTE_OF_NO_TEXT = 0xff };

/*
 * The abstract name as in the records: '@' for its leading NUL. Those within it are letters of the name, and must not be taken for the NUL that
 * exact entries end with.
 */
__noinline int ask_unix_name(u32 at, u64 sock)
{
	struct ask *a = can_decide ? ask_at(at) : NULL;
	struct unix_sock *u = (void *)sock;
	struct unix_address *address = BPF_CORE_READ(u, addr);
	if (!a || !address)
		return 0;
	u32 n = (u32)BPF_CORE_READ(address, len) - sizeof(u16); /* the family */
	const u8 *name = (void *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(u16);
	asm volatile("" : "+r"(n));
	n &= 127;
	if (n == 0 || n > UNIX_NAME_MAX || bpf_probe_read_kernel(&a->name_key.data[1], n, name) || a->name_key.data[1])
		return 0;
	for (u32 i = 1; i < UNIX_NAME_MAX; i++)
		a->name_key.data[1 + i] |= (u8)((is_not_zero(a->name_key.data[1 + i]) - 1) & BYTE_OF_NO_TEXT);
	a->name_key.data[0] = SPACE_NAME;
	a->name_key.data[1] = '@';
	a->name_key.data[1 + n] = 0;
	a->name_length = n;
	a->name_key.prefix_bits = (n + 2) * 8;
	return 0;
}

/* What both unix hooks say: the socket connected or sent to. A socket with a path gives the file; an abstract one its name. */
static __always_inline int unix_event(struct sock *other)
{
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_UNIX_CONNECT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_UNIX_CONNECT, at);
	struct unix_sock *u = (void *)other;
	u64 dentry = (u64)BPF_CORE_READ(u, path.dentry);
	if (a) {
		ask_unix_name(at, (u64)other);
		if (dentry)
			ask_file(a, 0, (u64)BPF_CORE_READ(u, path.mnt), dentry);
	}
	act_judge(&act, at, EVENT_UNIX_CONNECT);
	struct slot *s = act_record(&act, EVENT_UNIX_CONNECT, sizeof(struct wire_unix_connect), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_unix_connect *r = (void *)s->record;
	r->net_type = NET_UNIX;
	r->sock_type = BPF_CORE_READ(other, sk_type);
	put_unix_name(s, &r->name, other);
	if (dentry)
		PUT_FILE(s, index, r, (u64)BPF_CORE_READ(u, path.mnt), dentry);
	else
		NO_FILE(r);
	record_finish(s, RING_OF(EVENT_UNIX_CONNECT));
	return ACT_RESULT(act);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	if (ret)
		return ret;
	return unix_event((struct sock *)SCALAR_ARG(ctx, 1));
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
	return unix_event(sk);
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
