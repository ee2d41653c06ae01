/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tracepoint mode: calls on sockets. */
#include "bpf/report.h"
#include "bpf/socket.h"

/* --- sockets ------------------------------------------------------------------------------------------------------------------ */

/* The socket behind a descriptor. */
static __always_inline struct sock *sock_of(u64 fd)
{
	struct file *file = file_of(fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The address argument is in s->small afterwards; returns its family, AF_UNSPEC when it cannot be read. */
static __always_inline u32 address_copy(struct slot *s, u64 address, u64 length)
{
	u32 n = (u32)length;
	u16 *family = (void *)s->small;
	*family = 0;
	if (n > 128)
		return 0;
	asm volatile("" : "+r"(n));
	n &= 255;
	if (n < 2 || n > 128 || bpf_probe_read_user(s->small, n, (void *)address))
		return 0;
	return *family;
}

enum { ENDS_LOCAL_REMOTE, ENDS_REMOTE_LOCAL, ENDS_LOCAL };

/* Ends of the record as the socket knows them. */
__noinline int tp_put_ends(u32 index, u64 sock, u32 how)
{
	struct slot *s = slot_at(index);
	struct sock *sk = (void *)sock;
	if (!s)
		return 0;
	struct wire_net_connect *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	ends->src_port = FIELD_MISSING;
	ends->dst_port = FIELD_MISSING;
	if (!sk)
		return 0;
	if (how == ENDS_LOCAL)
		ends_of_local(ends, sk);
	else
		ends_of_sock(ends, sk, how == ENDS_REMOTE_LOCAL);
	r->common.source = SOURCE_FD;
	return 0;
}

/* The remote end as the arguments name it, from s->small. */
__noinline int tp_put_address(u32 index, u32 length, u32 is_unspec_v4)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_net_connect *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	struct endpoint e;
	endpoint_of_sockaddr(&e, s->small, length, is_unspec_v4 ? AF_INET : 0);
	if (!e.ip.family)
		return 0;
	endpoint_finish(&e, ends->sock_type);
	ends_put_destination(ends, &e);
	ends_finish(ends);
	r->common.source = SOURCE_ARGS;
	return 0;
}

VERB_FUNCTION(socket)
{
	RECORD(net_socket, NET_SOCKET);
	u32 type = a[1] & 15; /* without SOCK_NONBLOCK and SOCK_CLOEXEC */
	r->family = (u32)a[0];
	r->sock_type = type;
	r->protocol = (u32)a[2];
	r->transport = transport_of(r->family, r->protocol || type == SOCK_RAW ? r->protocol : type == 1 ? TRANSPORT_TCP : 17);
	tp_finish(index);
}

/* After success the socket has both ends. After a refusal it has lost the port, and when unreachable everything: then the argument. */
VERB_FUNCTION(connect_inet)
{
	struct sock *sk = sock_of(a[0]);
	RECORD(net_connect, NET_CONNECT);
	tp_put_ends(index, (u64)sk, ENDS_LOCAL_REMOTE);
	if (!sk)
		note_no_file(s, UNCERTAIN_ADDRESS);
	if (r->dst.family == 0 || r->dst_port == 0 || r->dst_port == FIELD_MISSING)
		tp_put_address(index, (u32)a[2], false);
	tp_finish(index);
}

/* The socket that a unix socket is connected to; else the address of the arguments, whose abstract names begin with NUL. */
VERB_FUNCTION(connect_unix)
{
	struct sock *sk = sock_of(a[0]);
	struct unix_sock *u = (void *)sk;
	struct unix_sock *peer = sk && c->verb == VERB_CONNECT && c->result == 0 ? (void *)BPF_CORE_READ(u, peer) : NULL;
	RECORD(unix_connect, UNIX_CONNECT);
	r->net_type = NET_UNIX;
	r->sock_type = sk ? BPF_CORE_READ(sk, sk_type) : (u32)FIELD_MISSING;
	NO_FILE(r);
	u32 length = (u32)a[2] & 255;
	u64 dentry = peer ? (u64)BPF_CORE_READ(peer, path.dentry) : 0;
	if (dentry) {
		tp_put_object(index, (u64)BPF_CORE_READ(peer, path.mnt), dentry);
	} else if (s->small[2] == 0) {
		u32 n = length - 2;
		asm volatile("" : "+r"(n));
		n &= 127;
		if (length > 2 && n <= UNIX_NAME_MAX && tail_fits(s, UNIX_NAME_MAX)) {
			u8 *at = tail_at(s);
			bpf_probe_read_kernel(at, n, &s->small[2]);
			at[0] = '@';
			tail_done(s, &r->name, n);
		}
	} else {
		tp_put_name(index, (u64)(s64)AT_FDCWD, a[1] + 2, __builtin_offsetof(struct wire_unix_connect, path), FLAG_PATH);
	}
	tp_finish(index);
}

VERB_FUNCTION(connect)
{
	u32 family = address_copy(s, a[1], a[2]);
	if (family == AF_UNIX) {
		if (is_wanted(EVENT_UNIX_CONNECT))
			tp_connect_unix(index);
	} else if (family == AF_INET || family == AF_INET6) {
		if (is_wanted(EVENT_NET_CONNECT))
			tp_connect_inet(index);
	}
}

/* On an IPv4 socket an address without family counts as IPv4. */
VERB_FUNCTION(send_inet)
{
	struct sock *sk = sock_of(a[0]);
	RECORD(net_send, NET_SEND);
	tp_put_ends(index, (u64)sk, ENDS_LOCAL_REMOTE);
	if (!sk)
		note_no_file(s, UNCERTAIN_ADDRESS);
	tp_put_address(index, (u32)a[2], sk && BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET);
	r->is_new_peer = is_new_peer((u64)sk, &r->dst, r->dst_port);
	r->bytes = a[3];
	tp_finish(index);
}

VERB_FUNCTION(send)
{
	u32 family = address_copy(s, a[1], a[2]);
	struct sock *sk = family == AF_UNSPEC ? sock_of(a[0]) : NULL;
	if (sk)
		family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX) {
		if (is_wanted(EVENT_UNIX_CONNECT))
			tp_connect_unix(index);
	} else if (family == AF_INET || family == AF_INET6) {
		if (is_wanted(EVENT_NET_SEND))
			tp_send_inet(index);
	}
}

/* The peer of an unconnected socket: the address that the kernel has put where the call asked for it. */
__noinline int tp_put_peer(u32 index, u32 length)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_net_receive *r = (void *)s->record;
	struct socket_ends *ends = ENDS_OF(r);
	struct endpoint e;
	endpoint_of_sockaddr(&e, s->small, length, 0);
	if (!e.ip.family)
		return 0;
	endpoint_finish(&e, ends->sock_type);
	ends_put_source(ends, &e);
	ends_finish(ends);
	r->common.source = SOURCE_ARGS;
	return 0;
}

enum { RECEIVE_SHOWN = 64 };

/* recvfrom and recvmsg, in both modes: bpf/receive.bpf.c calls it in lsm mode. */
VERB_FUNCTION(receive)
{
	struct sock *sk = sock_of(a[0]);
	u32 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (family != AF_INET && family != AF_INET6)
		return;
	RECORD(net_receive, NET_RECEIVE);
	tp_put_ends(index, (u64)sk, ENDS_REMOTE_LOCAL);
	r->is_connected = r->src.family != 0;
	if (!r->is_connected && a[4]) {
		u32 length = user_u32(a[5]);
		if (address_copy(s, a[4], length))
			tp_put_peer(index, length);
	}
	r->is_new_peer = is_new_peer((u64)sk, &r->src, r->src_port);
	r->bytes = c->result;
	u64 most = (u64)c->result < a[2] ? (u64)c->result : a[2];
	u32 n = most > RECEIVE_SHOWN ? RECEIVE_SHOWN : (u32)most;
	asm volatile("" : "+r"(n));
	n &= 127; /* what the line above said, in a form 6.1 keeps */
	if (n && n <= RECEIVE_SHOWN && tail_fits(s, RECEIVE_SHOWN) && !bpf_probe_read_user(tail_at(s), n, (void *)a[1]))
		tail_done(s, &r->buffer, n);
	tp_finish(index);
}

/* A unix socket that is bound to a path makes the file. */
__noinline int tp_bind_unix(u32 index, u64 sock)
{
	struct slot *s = slot_at(index);
	struct unix_sock *u = (void *)sock;
	u64 dentry = (u64)BPF_CORE_READ(u, path.dentry);
	if (!s || !dentry)
		return 0;
	RECORD(file_create, FILE_CREATE);
	tp_put_object(index, (u64)BPF_CORE_READ(u, path.mnt), dentry);
	struct inode *inode = BPF_CORE_READ((struct dentry *)dentry, d_inode);
	r->mode = BPF_CORE_READ(inode, i_mode) & MODE_BITS;
	tp_finish(index);
	return 0;
}

/* After success the local address is the socket's; after a failure it is what was asked for. */
VERB_FUNCTION(bind)
{
	struct sock *sk = sock_of(a[0]);
	u32 family = address_copy(s, a[1], a[2]);
	u32 own = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : family;
	if (own == AF_UNIX && sk && c->result == 0 && is_wanted(EVENT_FILE_CREATE))
		tp_bind_unix(index, (u64)sk);
	if ((own != AF_INET && own != AF_INET6) || !is_wanted(EVENT_NET_BIND))
		return;
	RECORD(net_bind, NET_BIND);
	tp_put_ends(index, (u64)sk, ENDS_LOCAL);
	if (!sk)
		note_no_file(s, UNCERTAIN_ADDRESS);
	if (c->result < 0 || r->dst.family == 0)
		tp_put_address(index, (u32)a[2], own == AF_INET);
	tp_finish(index);
}

VERB_FUNCTION(listen)
{
	struct sock *sk = sock_of(a[0]);
	u32 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (sk && family != AF_INET && family != AF_INET6)
		return;
	RECORD(net_listen, NET_LISTEN);
	tp_put_ends(index, (u64)sk, ENDS_LOCAL);
	if (!sk)
		note_no_file(s, UNCERTAIN_ADDRESS);
	r->backlog = (u32)a[1];
	tp_finish(index);
}

/* The new descriptor's socket knows both ends; of a failure only the listening socket can be told. */
VERB_FUNCTION(accept)
{
	struct sock *sk = sock_of(c->result >= 0 ? (u64)c->result : a[0]);
	u32 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	if (sk && family != AF_INET && family != AF_INET6)
		return;
	tp_begin(index, EVENT_NET_ACCEPT);
	tp_put_ends(index, (u64)sk, ENDS_REMOTE_LOCAL);
	if (!sk)
		note_no_file(s, UNCERTAIN_ADDRESS);
	tp_finish(index);
}

VERB_FUNCTION(dup)
{
	struct sock *sk = sock_of(c->result);
	if (!sk)
		return;
	RECORD(proc_dup, PROC_DUP);
	tp_put_ends(index, (u64)sk, ENDS_LOCAL_REMOTE);
	r->old_fd = (u32)a[0];
	r->new_fd = (u32)c->result;
	tp_finish(index);
}

