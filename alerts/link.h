/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of a sink: unix socket, UDP, TCP, or TLS over TCP. Each call is bounded by the time-out, names that are looked up included. Knows what the peer's kernel has not
 * acknowledged, and hears when the peer is gone.
 */
#pragma once

#include <stdint.h>

#include "alerts/lookup.h"
#include "engine/base/diag.h"

enum link_kind { LINK_UNIX, LINK_UDP, LINK_TCP, LINK_TLS };

struct link_config {
	const char *address;  /* unix:PATH, udp:HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT */
	const char *tls_ca, *tls_cert, *tls_key, *tls_name; /* "": see sinks.def */
	uint64_t timeout_ns;
	lookup_resolve *resolve; /* NULL: getaddrinfo */
};

struct link;

/* Reads the address and the files of TLS; connects nothing. 0, or -errno with diag. */
int link_new(const struct link_config *config, struct link **ret, struct diag *diag) MUST_CHECK;
void link_free(struct link **l);

enum link_kind link_kind(const struct link *l) PURE;
/* Do bytes flow without borders of messages? Known once it is connected. */
bool link_is_stream(const struct link *l) PURE;

enum { LINK_ERROR_TEXT = 160 };
/* Connects when it is not connected. 0, or -errno; `error` says what happened, without secrets. */
int link_connect(struct link *l, char error[static LINK_ERROR_TEXT]) MUST_CHECK;
/* Sends all of it, or -errno; a stream is disconnected then, for nobody knows what arrived. */
int link_send(struct link *l, struct strview bytes, char error[static LINK_ERROR_TEXT]) MUST_CHECK;
/* Waits until the peer's kernel has acknowledged all, and the peer is still there. 0 or -errno. */
int link_settle(struct link *l, char error[static LINK_ERROR_TEXT]) MUST_CHECK;
void link_disconnect(struct link *l);
/* From any thread: what waits returns -ECANCELED at once, and so does every later call. */
void link_cancel(struct link *l);
