/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink of type syslog. Syslog has no acknowledgement: over TCP and TLS a message counts once the receiver's kernel has it, and all that was
 * sent since is sent again when the connection breaks. Receivers know doubles by stream and sequence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/link.h"
#include "alerts/sink.h"
#include "alerts/syslog_message.h"

enum { SEND_BYTES = 65536 }; /* of messages in one call */

struct syslog_sink {
	const struct sink_options *options; /* borrowed */
	struct link *link;                  /* owned */
	bool counts_octets;
	bool has_sent;                      /* over the connection that there is */
	bool is_lost;                       /* the connection broke where the frame could not be told: the next call says it */
	char lost_why[LINK_ERROR_TEXT];
	struct buf message, out;
};

static void syslog_close(void *sink)
{
	struct syslog_sink *s = sink;
	link_free(&s->link);
	buf_done(&s->message);
	buf_done(&s->out);
	free(s);
}

static int syslog_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io; /* it has no file */
	struct syslog_sink *s = calloc(1, sizeof(*s));
	const struct link_config lc = {
		.address = options->address,
		.tls_ca = options->tls_ca,
		.tls_cert = options->tls_cert,
		.tls_key = options->tls_key,
		.tls_name = options->tls_name,
		.timeout_ns = options->timeout,
	};
	if (!s)
		return -ENOMEM;
	s->options = options;
	int r = link_new(&lc, &s->link, diag);
	if (r) {
		diag_error(diag, options->at, "sink '%s' cannot be made ready", options->name);
		syslog_close(s);
		return r;
	}
	bool is_auto = strcmp(options->framing, "auto") == 0;
	s->counts_octets = is_auto ? link_kind(s->link) == LINK_TLS : strcmp(options->framing, "octet-counting") == 0;
	*ret = s;
	return 0;
}

/* False: the record is too long for a message, and only its id goes. */
static bool add_framed(struct syslog_sink *s, const struct sink_line *line)
{
	buf_reset(&s->message);
	bool is_whole = syslog_message(line, s->options, link_kind(s->link) == LINK_UNIX, &s->message);
	bool is_stream = link_is_stream(s->link);
	if (is_stream && s->counts_octets)
		buf_add_format(&s->out, "%zu ", s->message.n);
	buf_add_sv(&s->out, buf_sv(&s->message));
	if (is_stream && !s->counts_octets)
		buf_add_char(&s->out, '\n'); /* a record has none within */
	return is_whole;
}

/* A new connection knows nothing of what only the broken one had: the frame hears of it before anything goes over a new one. */
static int take_lost(struct syslog_sink *s, struct sink_fault *fault)
{
	if (!s->is_lost)
		return 0;
	s->is_lost = s->has_sent = false;
	sink_fault_set(fault, "%s", s->lost_why);
	fault->is_window_lost = true;
	return -EPIPE;
}

static int syslog_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct syslog_sink *s = sink;
	char error[LINK_ERROR_TEXT] = "";
	*ret_done = 0;
	int r = take_lost(s, fault);
	if (r)
		return r;
	r = link_connect(s->link, error);
	while (!r && *ret_done < n) {
		size_t next = *ret_done, cut = 0;
		buf_reset(&s->out);
		do
			cut += !add_framed(s, &lines[next++]);
		while (next < n && link_is_stream(s->link) && s->out.n < SEND_BYTES);
		r = buf_error(&s->out) || buf_error(&s->message) ? -ENOMEM : link_send(s->link, buf_sv(&s->out), error);
		if (!r) {
			*ret_done = next;
			fault->refused += cut;
		}
		s->has_sent = true;
	}
	if (fault->refused)
		sink_fault_set(fault, "%zu of %zu records are longer than max_bytes: their ids went alone", fault->refused, *ret_done);
	if (r) {
		sink_fault_set(fault, "%s", error[0] ? error : strerror(-r));
		fault->is_final = r == -EMSGSIZE; /* a datagram can be too long for the way */
		fault->is_window_lost = s->has_sent && link_is_stream(s->link) && !fault->is_final;
		s->has_sent = s->has_sent && !fault->is_window_lost;
	}
	return r;
}

static int syslog_settle(void *sink, struct sink_fault *fault)
{
	struct syslog_sink *s = sink;
	char error[LINK_ERROR_TEXT] = "";
	int r = take_lost(s, fault);
	if (r)
		return r;
	r = s->has_sent ? link_settle(s->link, error) : 0; /* each time: what was settled lingers, and its connection has to last */
	if (r) {
		s->has_sent = false;
		sink_fault_set(fault, "%s", error[0] ? error : strerror(-r));
		fault->is_window_lost = true;
	}
	return r;
}

/* What was sent over a connection that does not settle comes again: the next call says so, whichever it is. */
static void syslog_reopen(void *sink)
{
	struct syslog_sink *s = sink;
	char error[LINK_ERROR_TEXT] = "";
	int r = s->has_sent ? link_settle(s->link, error) : 0;
	if (r) {
		s->is_lost = true;
		(void)snprintf(s->lost_why, sizeof(s->lost_why), "%s", error[0] ? error : strerror(-r)); /* cut where it is long */
	}
	s->has_sent = false;
	link_disconnect(s->link);
}

static void syslog_cancel(void *sink)
{
	struct syslog_sink *s = sink;
	link_cancel(s->link);
}

const struct sink_type sink_type_syslog = {
	.delivered = "sent",
	.delivered_doc = "TCP and TLS: the receiver's kernel has it; UDP and datagram sockets: it was handed to the network or the socket",
	.linger_ns = 2000000000, /* what a receiver that is killed had not read yet is mostly younger */
	.open = syslog_open,
	.send = syslog_send,
	.settle = syslog_settle,
	.reopen = syslog_reopen,
	.cancel = syslog_cancel,
	.close = syslog_close,
};
