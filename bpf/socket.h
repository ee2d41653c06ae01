/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The ends of a socket, from the kernel's socket or from an address the kernel has already copied. Never reads user memory. */
#pragma once

#include "bpf/emit.h"

enum { SOCK_RAW = 3, PORT_MISSING = 0xffffffff, NET_UNIX = 1, SOCKADDR_IN_MIN = 8, SOCKADDR_IN6_MIN = 24, UNIX_NAME_MAX = 108, PROTOCOL_L2TP = 115 };

/* The rows of SOCKET_ENDS, in their order: every event that has them can be filled through this one type. */
struct socket_ends {
	struct wire_ip src;
	u32 src_port;
	struct wire_ip dst;
	u32 dst_port;
	u32 net_type, transport, family, sock_type;
};
#define CHECK_ENDS(type)                                                                                                              \
	_Static_assert(__builtin_offsetof(struct wire_##type, sock_type) - __builtin_offsetof(struct wire_##type, src) ==             \
			       __builtin_offsetof(struct socket_ends, sock_type),                                                     \
		       "SOCKET_ENDS of " #type " and struct socket_ends differ")
CHECK_ENDS(net_connect);
CHECK_ENDS(proc_dup);
#define ENDS_OF(record) ((struct socket_ends *)(void *)&(record)->src)

enum { TRANSPORT_TCP = 6, PROTOCOL_SMC = 256, PROTOCOL_MPTCP = 262, AF_SMC = 43 };

/*
 * The transport protocol of a socket. Multipath TCP and SMC are TCP to whoever is reached (and fall back to it alone when the other end has not
 * heard of them), and anybody may ask for them: to rules they are tcp.
 */
static __always_inline u32 transport_of(u32 family, u32 protocol)
{
	if (family == AF_INET || family == AF_INET6)
		return protocol == PROTOCOL_MPTCP || protocol == PROTOCOL_SMC ? TRANSPORT_TCP : protocol;
	return family == AF_SMC ? TRANSPORT_TCP : 0;
}

/* A port and an address; family 0: neither is known. */
struct endpoint {
	struct wire_ip ip;
	u32 port;
};

static __always_inline void ip_from_v4(struct wire_ip *ip, u32 address)
{
	u32 *words = (void *)ip->address;
	ip->family = FAMILY_IPV4;
	words[0] = 0;
	words[1] = 0;
	words[2] = __builtin_bswap32(0xffff);
	words[3] = address;
}

/* IPv4-mapped addresses count as IPv4: that is what goes over the wire. */
static __always_inline void ip_from_v6(struct wire_ip *ip, const struct in6_addr *address)
{
	u32 *words = (void *)ip->address;
	__builtin_memcpy(words, address, sizeof(*address));
	bool is_mapped = !words[0] && !words[1] && words[2] == __builtin_bswap32(0xffff);
	ip->family = is_mapped ? FAMILY_IPV4 : FAMILY_IPV6;
}

static __always_inline bool ip_is_any(const struct wire_ip *ip)
{
	const u32 *words = (const void *)ip->address;
	u32 mapped = ip->family == FAMILY_IPV4 ? __builtin_bswap32(0xffff) : 0;
	return !words[0] && !words[1] && words[2] == mapped && !words[3];
}

/* A socket that was not given this end yet has address any and port 0: that is no end. Raw sockets have no ports. */
static __always_inline void endpoint_finish(struct endpoint *e, u32 sock_type)
{
	if (e->port == 0 && ip_is_any(&e->ip))
		e->ip.family = 0;
	if (e->ip.family == 0 || sock_type == SOCK_RAW)
		e->port = PORT_MISSING;
	if (e->ip.family == 0)
		__builtin_memset(e->ip.address, 0, sizeof(e->ip.address));
}

static __always_inline void ends_put_source(struct socket_ends *ends, const struct endpoint *e)
{
	ends->src = e->ip;
	ends->src_port = e->port;
}

static __always_inline void ends_put_destination(struct socket_ends *ends, const struct endpoint *e)
{
	ends->dst = e->ip;
	ends->dst_port = e->port;
}

/* What the socket itself knows of its local (is_local) or remote end. */
static __always_inline void endpoint_of_sock(struct endpoint *e, struct sock *sk, bool is_local)
{
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	*e = (struct endpoint){ .port = PORT_MISSING };
	if (family == AF_INET) {
		ip_from_v4(&e->ip, is_local ? BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr) : BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else if (family == AF_INET6) {
		struct in6_addr a = is_local ? BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr) : BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);
		ip_from_v6(&e->ip, &a);
	} else {
		return;
	}
	e->port = is_local ? BPF_CORE_READ(sk, __sk_common.skc_num) : __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	endpoint_finish(e, BPF_CORE_READ(sk, sk_type));
}

/*
 * An address the kernel copied from user space, of length bytes. A family-less (AF_UNSPEC) address is one of the family `unspec` (0: none)
 * to some calls: an IPv4 address to bind and sendmsg of an IPv4 socket, an IPv6 one to sendmsg of a raw one. connect takes it as "dissolve".
 */
static __always_inline void endpoint_of_sockaddr(struct endpoint *e, const void *address, u32 length, u32 unspec)
{
	struct {
		u16 family, port;
		u32 v4; /* of IPv6: flow information */
		struct in6_addr v6;
	} a = {};
	*e = (struct endpoint){ .port = PORT_MISSING };
	if (length < SOCKADDR_IN_MIN || bpf_probe_read_kernel(&a, SOCKADDR_IN_MIN, address))
		return;
	u32 family = a.family == AF_UNSPEC ? unspec : a.family;
	if (family == AF_INET) {
		ip_from_v4(&e->ip, a.v4);
	} else if (family == AF_INET6) {
		if (length < SOCKADDR_IN6_MIN || bpf_probe_read_kernel(&a, SOCKADDR_IN6_MIN, address))
			return;
		ip_from_v6(&e->ip, &a.v6);
	} else {
		return;
	}
	e->port = __builtin_bswap16(a.port);
}

/* The family that sendmsg takes an address without one for; 0: for none. */
static __always_inline u32 unspec_of_send(struct sock *sk)
{
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET6 && BPF_CORE_READ(sk, sk_type) != SOCK_RAW && BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_L2TP)
		return 0;
	return family == AF_INET || family == AF_INET6 ? family : 0;
}

/* To send to any address is to send to this host: to the address that the socket is bound to, or to that of the loopback. */
static __always_inline void endpoint_is_reached(struct endpoint *e, struct sock *sk)
{
	u32 *words = (void *)e->ip.address;
	if (!e->ip.family || !ip_is_any(&e->ip))
		return;
	struct endpoint own;
	endpoint_of_sock(&own, sk, true);
	bool is_v4 = e->ip.family == FAMILY_IPV4 || own.ip.family == FAMILY_IPV4;
	if (is_v4 && e->ip.family == own.ip.family && !ip_is_any(&own.ip)) {
		e->ip = own.ip;
		return;
	}
	if (is_v4)
		ip_from_v4(&e->ip, __builtin_bswap32(0x7f000001));
	else
		words[3] = __builtin_bswap32(1);
}

/* Family, type and protocol of the socket; the ends are missing until they are put. */
static __always_inline void ends_start(struct socket_ends *ends, struct sock *sk)
{
	ends->src_port = PORT_MISSING;
	ends->dst_port = PORT_MISSING;
	ends->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	ends->sock_type = BPF_CORE_READ(sk, sk_type);
	ends->transport = transport_of(ends->family, BPF_CORE_READ(sk, sk_protocol));
}

/* After the ends were put: the network layer is that of the addresses, else that of the socket. */
static __always_inline void ends_finish(struct socket_ends *ends)
{
	u32 by_address = ends->dst.family ? ends->dst.family : ends->src.family;
	u32 family = ends->family;
	if (by_address)
		ends->net_type = by_address;
	else if (family == AF_INET || family == AF_INET6 || family == AF_UNIX)
		ends->net_type = family;
}

/* Both ends as the socket knows them: local end in source.*, remote end in destination.*; reversed for accept. */
static __always_inline void ends_of_sock(struct socket_ends *ends, struct sock *sk, bool is_reversed)
{
	struct endpoint e;
	ends_start(ends, sk);
	endpoint_of_sock(&e, sk, !is_reversed);
	ends_put_source(ends, &e);
	endpoint_of_sock(&e, sk, is_reversed);
	ends_put_destination(ends, &e);
	ends_finish(ends);
}

/* Only a local end, in destination.*: bind and listen. */
static __always_inline void ends_of_local(struct socket_ends *ends, struct sock *sk)
{
	struct endpoint e;
	ends_start(ends, sk);
	endpoint_of_sock(&e, sk, true);
	ends_put_destination(ends, &e);
	ends_finish(ends);
}

/* The abstract name of a unix socket, its leading NUL shown as '@'; missing when it has a path or no name. It may hold NULs. */
static __always_inline void put_unix_name(struct slot *s, struct wire_str *str, struct sock *sk)
{
	struct unix_sock *u = (void *)sk;
	struct unix_address *address = BPF_CORE_READ(u, addr);
	if (!address || !tail_fits(s, UNIX_NAME_MAX))
		return;
	u32 n = (u32)BPF_CORE_READ(address, len) - sizeof(u16); /* the family */
	const u8 *name = (void *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(u16);
	u8 first = 1;
	asm volatile("" : "+r"(n));
	n &= 127;
	if (n == 0 || n > UNIX_NAME_MAX || bpf_probe_read_kernel(&first, 1, name) || first)
		return;
	u8 *at = tail_at(s);
	if (bpf_probe_read_kernel(at, n, name))
		return;
	at[0] = '@';
	tail_done(s, str, n);
}

/* Is this end another than the one the socket sent to last? Remembers it. */
static __always_inline bool is_new_peer(u64 sk, const struct wire_ip *ip, u32 port)
{
	const u32 *words = (const void *)ip->address;
	u64 low = words[0] | (u64)words[1] << 32, high = words[2] | (u64)words[3] << 32;
	u64 hash = (low * 0x9e3779b97f4a7c15ull ^ high) * 0xff51afd7ed558ccdull + port;
	u64 *last = bpf_map_lookup_elem(&last_peers, &sk);
	if (last && *last == hash)
		return false;
	bpf_map_update_elem(&last_peers, &sk, &hash, BPF_ANY);
	return true;
}
