/* SPDX-License-Identifier: Apache-2.0 */
/* fd.*: what is behind the descriptor that a call makes or is given. */
#include <arpa/inet.h>

#include "engine/rules/computed_functions.h"

enum { TYPE_MASK = 0170000, TYPE_DIR = 0040000, FLAG_DIRECTORY = 0200000, NET_UNIX = 1, NET_IPV4 = 2, NET_IPV6 = 10 };

static bool has_bit(uint64_t events, const struct event *ev)
{
	return events >> ev->type->number & 1;
}

#define E(event) (1ull << EVENT_##event)
static const uint64_t end_events = E(NET_CONNECT) | E(NET_SEND) | E(NET_BIND) | E(NET_LISTEN) | E(NET_ACCEPT) | E(NET_RECEIVE) | E(PROC_DUP);
static const uint64_t file_events = E(FILE_CHMOD) | E(FILE_CHOWN) | E(FILE_TRUNCATE) | E(FILE_SETXATTR) | E(MMAP_EXEC) | E(MODULE_LOAD);

/* Is the file of this event one behind a descriptor? Calls that name a path have none in Falco. */
static bool is_descriptor_file(const struct event *ev)
{
	static const char *const calls[] = { "fchmod", "fchown", "ftruncate", "fsetxattr", "mmap", "mmap2", "finit_module" };
	struct strview call = computed_call(ev);
	if (ev->type->number == EVENT_FILE_OPEN)
		return call.n;
	if (!has_bit(file_events, ev))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (sv_is(call, calls[i]))
			return true;
	return false;
}

struct value fd_num(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	const struct derived *d = ev->derived;
	if (!d || !has_bit(ref->events, ev) || !computed_call(ev).n)
		return computed_missing(ref);
	if (IS_DERIVED(d, error))
		return computed_sint(ref, -1);
	return IS_DERIVED(d, value) ? computed_sint(ref, d->value) : computed_missing(ref);
}

/* --- types ----------------------------------------------------------------------------------------------------------------- */

/* First letter is fd.typechar's, except for IP. 0: none. */
char fd_letter(const struct event *ev)
{
	if (is_descriptor_file(ev)) {
		const struct wire_file_open *file = EVENT_AS(ev, file_open); /* the rows of a file stand alike in all these events */
		bool is_open = ev->type->number == EVENT_FILE_OPEN;
		if (file->file_type == UINT32_MAX) /* from the arguments of a call that failed */
			return is_open ? file->flags != UINT32_MAX && file->flags & FLAG_DIRECTORY ? 'd' : 'f' : 0;
		return (file->file_type & TYPE_MASK) == TYPE_DIR ? 'd' : 'f';
	}
	uint32_t net = 0;
	if (has_bit(end_events, ev))
		net = EVENT_AS(ev, net_connect)->net_type; /* the ends stand alike in all these events */
	else if (ev->type->number == EVENT_NET_SOCKET)
		net = EVENT_AS(ev, net_socket)->family;
	else if (ev->type->number == EVENT_UNIX_CONNECT)
		net = NET_UNIX;
	return net == NET_IPV4 ? '4' : net == NET_IPV6 ? '6' : net == NET_UNIX ? 'u' : 0;
}

_Static_assert(offsetof(struct wire_file_open, file_type) == offsetof(struct wire_mmap_exec, file_type), "FILE_OBJECT stands first");
_Static_assert(offsetof(struct wire_file_open, file_type) == offsetof(struct wire_module_load, file_type), "FILE_OBJECT stands first");
_Static_assert(offsetof(struct wire_net_connect, net_type) == offsetof(struct wire_proc_dup, net_type), "SOCKET_ENDS stands first");
_Static_assert(offsetof(struct wire_net_connect, net_type) == offsetof(struct wire_net_listen, net_type), "SOCKET_ENDS stands first");

static const struct {
	char letter;
	const char *letter_text, *name;
} types[] = {
	{ 'f', "f", "file" }, { 'd', "d", "directory" }, { '4', "4", "ipv4" }, { '6', "6", "ipv6" }, { 'u', "u", "unix" },
};

struct value fd_typechar(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	char letter = fd_letter(ev);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].letter == letter)
			return computed_text(ref, sv_from(types[i].letter_text));
	return computed_missing(ref);
}

struct value fd_type(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	char letter = fd_letter(ev);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].letter == letter)
			return computed_text(ref, sv_from(types[i].name));
	return computed_missing(ref);
}

static bool letter_may_be(char letter, uint32_t event)
{
	bool is_file = letter == 'f' || letter == 'd';
	if ((1ull << event) & (file_events | E(FILE_OPEN)))
		return is_file;
	return event == EVENT_UNIX_CONNECT ? letter == 'u' : !is_file;
}

bool fd_typechar_may_be(const struct field_ref *ref, uint32_t event, struct strview text)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (sv_is(text, types[i].letter_text))
			return ref->events >> event & 1 && letter_may_be(types[i].letter, event);
	return false;
}

bool fd_type_may_be(const struct field_ref *ref, uint32_t event, struct strview text)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (sv_is(text, types[i].name))
			return ref->events >> event & 1 && letter_may_be(types[i].letter, event);
	return false;
}

/* --- names ----------------------------------------------------------------------------------------------------------------- */

static void add_end(struct scribe *s, const struct wire_ip *ip, uint32_t port)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool is_v4 = ip->family == FAMILY_IPV4;
	if (!ip->family || !inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip->address + 12 : ip->address, text, sizeof(text)))
		return;
	scribe_add(s, sv_from(text));
	if (port == UINT32_MAX)
		return;
	scribe_add(s, SV(":"));
	scribe_u64(s, port);
}

static struct value tuple(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	const struct wire_net_connect *ends = EVENT_AS(ev, net_connect);
	if (!ends->src.family && !ends->dst.family)
		return computed_missing(ref);
	struct scribe s;
	scribe_start(&s, m, 2 * (INET6_ADDRSTRLEN + 12) + 2);
	bool is_server = ev->type->number == EVENT_NET_BIND || ev->type->number == EVENT_NET_LISTEN;
	if (!is_server) {
		add_end(&s, &ends->src, ends->src_port);
		scribe_add(&s, SV("->"));
	}
	add_end(&s, &ends->dst, ends->dst_port);
	return scribe_value(&s, m, ref);
}

struct value fd_name(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	if (has_bit(end_events, ev))
		return tuple(m, ev, ref);
	if (ev->type->number == EVENT_UNIX_CONNECT) {
		struct value path = computed_base(ev, ref);
		struct strview name = path.is_missing ? event_str(ev, EVENT_AS(ev, unix_connect)->name) : path.s;
		return name.n ? computed_text(ref, name) : computed_missing(ref);
	}
	return is_descriptor_file(ev) ? computed_base(ev, ref) : computed_missing(ref);
}

struct value fd_directory(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value path = is_descriptor_file(ev) ? computed_base(ev, ref) : computed_missing(ref);
	if (path.is_missing || fd_letter(ev) == 'd')
		return path;
	const char *slash = path.s.n ? memrchr(path.s.p, '/', path.s.n) : NULL;
	if (!slash)
		return computed_missing(ref); /* a file of the kernel's own, as memfd:x: it lies in no folder, and not below the root either */
	return computed_text(ref, (struct strview){ path.s.p, MAX((size_t)(slash - path.s.p), (size_t)1) });
}

struct value fd_filename(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value path = is_descriptor_file(ev) ? computed_base(ev, ref) : computed_missing(ref);
	if (path.is_missing || fd_letter(ev) == 'd')
		return computed_missing(ref);
	const char *slash = path.s.n ? memrchr(path.s.p, '/', path.s.n) : NULL;
	return computed_text(ref, slash ? sv_from_index(path.s, (size_t)(slash - path.s.p) + 1) : path.s);
}

/* The name behind the container's id. */
static struct value in_container(struct matcher *m, const struct event *ev, const struct field_ref *ref, const struct value *name)
{
	if (name->is_missing)
		return computed_missing(ref);
	struct strview id = container_short(ev);
	struct scribe s;
	scribe_start(&s, m, id.n + 1 + name->s.n);
	scribe_add(&s, id);
	scribe_add(&s, SV(":"));
	scribe_add(&s, name->s);
	return scribe_value(&s, m, ref);
}

struct value fd_containername(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value name = fd_name(m, ev, ref);
	return in_container(m, ev, ref, &name);
}

struct value fd_containerdirectory(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	struct value directory = fd_directory(m, ev, ref);
	return in_container(m, ev, ref, &directory);
}

/* --- the file -------------------------------------------------------------------------------------------------------------- */

static struct value file_number(const struct event *ev, const struct field_ref *ref)
{
	struct value v = is_descriptor_file(ev) ? computed_base(ev, ref) : computed_missing(ref);
	return v.is_missing ? computed_missing(ref) : computed_uint(ref, v.u);
}

struct value fd_ino(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return file_number(ev, ref);
}

/* The kernel's own number has 20 bits of minor below the major; user space is shown another form. */
struct value fd_dev(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value v = file_number(ev, ref);
	uint64_t major = v.u >> 20, minor = v.u & 0xfffff;
	return v.is_missing ? v : computed_uint(ref, (minor & 0xff) | major << 8 | (minor & ~0xffull) << 12);
}

struct value fd_dev_major(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value v = file_number(ev, ref);
	return v.is_missing ? v : computed_uint(ref, v.u >> 20);
}

struct value fd_dev_minor(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	struct value v = file_number(ev, ref);
	return v.is_missing ? v : computed_uint(ref, v.u & 0xfffff);
}

/* --- ends of sockets ------------------------------------------------------------------------------------------------------- */

/* Of received data the peer is the source. */
static const uint64_t server_events = E(NET_BIND) | E(NET_LISTEN) | E(NET_ACCEPT) | E(NET_RECEIVE);

/* In the record the client's end is the source. The local end is the client's, but where the process is the server. */
static struct value end_ip(const struct event *ev, const struct field_ref *ref, bool is_local)
{
	if (!has_bit(end_events, ev))
		return computed_missing(ref);
	const struct wire_net_connect *ends = EVENT_AS(ev, net_connect);
	const struct wire_ip *ip = is_local == has_bit(server_events, ev) ? &ends->dst : &ends->src;
	struct value v = { .is_missing = ip->family == 0, .class = ref->class, .kind = ref->kind, .ip = { .family = ip->family } };
	memcpy(v.ip.bytes, ip->address, sizeof(v.ip.bytes));
	return v;
}

static struct value end_port(const struct event *ev, const struct field_ref *ref, bool is_local)
{
	if (!has_bit(end_events, ev))
		return computed_missing(ref);
	const struct wire_net_connect *ends = EVENT_AS(ev, net_connect);
	uint32_t port = is_local == has_bit(server_events, ev) ? ends->dst_port : ends->src_port;
	return port == UINT32_MAX ? computed_missing(ref) : computed_uint(ref, port);
}

struct value fd_lip(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return end_ip(ev, ref, true);
}

struct value fd_rip(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return end_ip(ev, ref, false);
}

struct value fd_lport(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return end_port(ev, ref, true);
}

struct value fd_rport(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return end_port(ev, ref, false);
}

struct value fd_is_server(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	return has_bit(end_events, ev) ? computed_uint(ref, has_bit(server_events, ev)) : computed_missing(ref);
}

struct value fd_connected(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	int64_t result;
	switch (ev->type->number) {
	case EVENT_NET_CONNECT:
		return event_result(ev, &result) ? computed_uint(ref, result >= 0) : computed_missing(ref);
	case EVENT_NET_ACCEPT:
		return computed_uint(ref, 1);
	case EVENT_NET_RECEIVE:
		return computed_uint(ref, EVENT_AS(ev, net_receive)->is_connected != 0);
	case EVENT_PROC_DUP:
		return computed_uint(ref, EVENT_AS(ev, proc_dup)->dst.family != 0);
	}
	return has_bit(end_events, ev) ? computed_uint(ref, 0) : computed_missing(ref);
}

struct value fd_name_changed(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	if (is_descriptor_file(ev))
		return computed_uint(ref, 0);
	if (!has_bit(end_events, ev))
		return computed_missing(ref);
	if (ev->type->number == EVENT_NET_SEND)
		return computed_uint(ref, EVENT_AS(ev, net_send)->is_new_peer != 0);
	if (ev->type->number == EVENT_NET_RECEIVE)
		return computed_uint(ref, EVENT_AS(ev, net_receive)->is_new_peer != 0);
	return computed_uint(ref, ev->type->number != EVENT_NET_LISTEN && ev->type->number != EVENT_PROC_DUP);
}

bool fd_name_changed_may_be(const struct field_ref *ref, uint32_t event, struct strview text)
{
	uint64_t changing = E(NET_CONNECT) | E(NET_ACCEPT) | E(NET_BIND), keeping = ref->events & ~changing & ~E(NET_SEND) & ~E(NET_RECEIVE);
	if (!(ref->events >> event & 1))
		return false;
	return sv_is(text, "true") ? !(keeping >> event & 1) : !(changing >> event & 1);
}

/* --- protocols ------------------------------------------------------------------------------------------------------------- */

enum { TYPE_RAW = 3, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

uint32_t fd_transport(const struct event *ev)
{
	if (has_bit(end_events, ev))
		return EVENT_AS(ev, net_connect)->transport;
	return ev->type->number == EVENT_NET_SOCKET ? EVENT_AS(ev, net_socket)->transport : 0;
}

struct value fd_l4proto(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	char letter = fd_letter(ev);
	if (letter != '4' && letter != '6')
		return computed_missing(ref);
	bool is_ends = has_bit(end_events, ev);
	if ((is_ends ? EVENT_AS(ev, net_connect)->sock_type : EVENT_AS(ev, net_socket)->sock_type) == TYPE_RAW)
		return computed_text(ref, SV("raw"));
	switch (fd_transport(ev)) {
	case PROTOCOL_TCP:
		return computed_text(ref, SV("tcp"));
	case PROTOCOL_UDP:
		return computed_text(ref, SV("udp"));
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return computed_text(ref, SV("icmp"));
	}
	return computed_missing(ref);
}

struct value fd_sockfamily(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	(void)m;
	char letter = fd_letter(ev);
	if (letter == '4' || letter == '6')
		return computed_text(ref, SV("ip"));
	return letter == 'u' ? computed_text(ref, SV("unix")) : computed_missing(ref);
}
