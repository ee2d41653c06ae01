/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink of type nats: a message for each record, published to a stream of JetStream. A record is delivered when JetStream said that it is
 * stored. Messages of a batch are on their way together; each has its own place in the answers' subject, so that nothing depends on their
 * order. A record that is sent again is known by Nats-Msg-Id, its event.id.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/crypto.h"
#include "alerts/lookup.h"
#include "alerts/nats_answer.h"
#include "alerts/nats_library.h"
#include "alerts/secret.h"
#include "alerts/sink.h"
#include "alerts/tls_context.h"
#include "engine/base/clock.h"
#include "engine/base/num.h"

enum {
	BATCH_MAX = 1000,      /* batch.count is at most that */
	/* The library cannot be called off: what waits in it holds up the end no longer than this. */
	CONNECT_MOST_MS = 3000, /* of one address; the next try is with the next server */
	WRITE_MOST_MS = 2000,   /* of a server that takes nothing */
	LOOKUP_MOST_MS = 3000,  /* a name that takes longer is waited for again at the server's next turn */
	SLICE_MS = 50,         /* so often it is looked whether the wait was called off */
	INBOX_RANDOM = 16,
};

struct nats_sink {
	const struct sink_options *options; /* borrowed */
	struct nats_library nats;
	natsOptions *settings;              /* owned, as all below */
	natsConnection *connection;         /* NULL: none */
	natsSubscription *answers;
	char inbox[64];                     /* answers come to INBOX.BATCH.PLACE */
	uint64_t batch;
	size_t server;                      /* the one to try next */
	struct lookup *lookups[CONFIG_MAX_WORDS]; /* owned; of each server, while there is no answer */
	struct buf text;
	atomic_bool is_cancelled;
	bool is_answered[BATCH_MAX], is_refused[BATCH_MAX];
};

static void disconnect(struct nats_sink *s)
{
	if (s->answers)
		s->nats.Subscription_Destroy(s->answers);
	if (s->connection)
		s->nats.Connection_Destroy(s->connection);
	s->answers = NULL;
	s->connection = NULL;
}

static void nats_close(void *sink)
{
	struct nats_sink *s = sink;
	disconnect(s);
	if (s->settings)
		s->nats.Options_Destroy(s->settings);
	for (size_t i = 0; i < ARRAY_SIZE(s->lookups); i++)
		lookup_free(&s->lookups[i]);
	buf_done(&s->text);
	free(s);
}

/* --- opening ------------------------------------------------------------------------------------------------------------------------------ */

static int bad_option(const struct nats_sink *s, const char *path, natsStatus status, struct diag *diag)
{
	const char *why = s->nats.GetLastError(NULL);
	diag_error(diag, (struct place){ .file = path }, "cannot be used by NATS: %s", why && why[0] ? why : s->nats.Status_GetText(status));
	return -EINVAL;
}

static int set_tls(struct nats_sink *s, struct diag *diag)
{
	const struct sink_options *o = s->options;
	int r = tls_context_check(&(struct tls_files){ o->tls_ca, o->tls_cert, o->tls_key }, diag); /* the library would ask for a pass phrase on the terminal */
	if (r)
		return r;
	natsStatus status = s->nats.Options_SetSecure(s->settings, true);
	if (status == NATS_OK && o->tls_ca[0] && (status = s->nats.Options_LoadCATrustedCertificates(s->settings, o->tls_ca)) != NATS_OK)
		return bad_option(s, o->tls_ca, status, diag);
	if (status == NATS_OK && o->tls_cert[0] && (status = s->nats.Options_LoadCertificatesChain(s->settings, o->tls_cert, o->tls_key)) != NATS_OK)
		return bad_option(s, o->tls_cert, status, diag);
	return status == NATS_OK ? 0 : -ENOMEM;
}

static int set_user(struct nats_sink *s, struct diag *diag)
{
	CLEANUP(secret_free) struct secret *text = NULL, *user = NULL;
	int r = secret_read(s->options->auth_basic, &text, diag);
	if (r)
		return r;
	struct strview all = secret_text(text);
	const char *colon = memchr(all.p, ':', all.n);
	if (!colon) {
		diag_error(diag, (struct place){ .file = s->options->auth_basic }, "should hold USER:PASSWORD");
		return -EINVAL;
	}
	user = secret_join((struct strview){ all.p, (size_t)(colon - all.p) }, SV(""));
	return user && s->nats.Options_SetUserInfo(s->settings, secret_cstr(user), colon + 1) == NATS_OK ? 0 : -ENOMEM;
}

static int set_identity(struct nats_sink *s, struct diag *diag)
{
	const struct sink_options *o = s->options;
	CLEANUP(secret_free) struct secret *token = NULL;
	int r = 0;
	if (o->auth_basic[0])
		return set_user(s, diag);
	if (o->auth_token[0]) {
		r = secret_read(o->auth_token, &token, diag);
		if (!r && s->nats.Options_SetToken(s->settings, secret_cstr(token)) != NATS_OK)
			r = -ENOMEM;
	}
	if (o->auth_creds[0]) {
		r = secret_check(o->auth_creds, diag);
		if (!r && s->nats.Options_SetUserCredentialsFromFiles(s->settings, o->auth_creds, NULL) != NATS_OK)
			r = -ENOMEM;
	}
	return r;
}

static int make_settings(struct nats_sink *s, struct diag *diag)
{
	const uint64_t timeout_ms = s->options->timeout / 1000000;
	if (s->nats.Options_Create(&s->settings) != NATS_OK)
		return -ENOMEM;
	bool is_set = s->nats.Options_SetName(s->settings, "vedette") == NATS_OK &&
		      s->nats.Options_SetTimeout(s->settings, (int64_t)MIN(timeout_ms, (uint64_t)CONNECT_MOST_MS)) == NATS_OK &&
		      s->nats.Options_SetWriteDeadline(s->settings, (int64_t)MIN(timeout_ms, (uint64_t)WRITE_MOST_MS)) == NATS_OK &&
		      s->nats.Options_SetAllowReconnect(s->settings, false) == NATS_OK && /* the pauses between tries are ours */
		      s->nats.Options_SetIgnoreDiscoveredServers(s->settings, true) == NATS_OK;
	if (!is_set)
		return -ENOMEM;
	int r = sv_starts(sv_from(s->options->servers.items[0]), SV("tls://")) ? set_tls(s, diag) : 0;
	return r ? r : set_identity(s, diag);
}

static int nats_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io; /* it has no file */
	struct nats_sink *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->options = options;
	int r = crypto_init() ? -EIO : nats_library_load(&s->nats, diag);
	if (!r)
		r = make_settings(s, diag);
	if (r) {
		diag_error(diag, options->at, "sink '%s' cannot be made ready", options->name);
		nats_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- connecting ---------------------------------------------------------------------------------------------------------------------------- */

static int fail(struct nats_sink *s, natsStatus status, const char *what, struct sink_fault *fault)
{
	char reason[HTTP_REASON_MAX];
	natsStatus last = NATS_OK;
	const char *why = s->nats.GetLastError(&last);
	http_answer_quote(sv_from(last == status && why && why[0] ? why : s->nats.Status_GetText(status)), reason);
	sink_fault_set(fault, "%s: %s", what, reason);
	disconnect(s);
	return status == NATS_TIMEOUT ? -ETIMEDOUT : -EIO;
}

struct server {
	bool is_tls;
	char host[256]; /* the name that the certificate must have */
	char port[8];
};

/* nats:// or tls://, HOST or [V6], and perhaps :PORT; the configuration has looked at its beginning. */
static void read_server(const char *url, struct server *ret)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t n = host[0] == '[' ? strcspn(++host, "]") : strcspn(host, ":/");
	const char *port = host + n + (host[n] == ']');
	ret->is_tls = sv_starts(sv_from(url), SV("tls://"));
	(void)snprintf(ret->host, sizeof(ret->host), "%.*s", (int)MIN(n, sizeof(ret->host) - 1), host); /* a longer one is no name */
	port += *port == ':';
	n = strcspn(port, "/");
	(void)snprintf(ret->port, sizeof(ret->port), "%.*s", (int)MIN(n, sizeof(ret->port) - 1), n ? port : "4222");
}

/* Answers come under a name that nobody else can guess. */
static void make_inbox(struct nats_sink *s)
{
	uint8_t bytes[INBOX_RANDOM];
	int n = snprintf(s->inbox, sizeof(s->inbox), "_INBOX.");
	crypto_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(s->inbox + n + 2 * i, 3, "%02x", bytes[i]); /* fits */
}

static int connect_to(struct nats_sink *s, const char *url, const struct server *server, struct sink_fault *fault)
{
	char pattern[80];
	natsStatus status = s->nats.Options_SetURL(s->settings, url);
	if (status == NATS_OK && server->is_tls)
		status = s->nats.Options_SetExpectedHostname(s->settings, server->host);
	if (status == NATS_OK)
		status = s->nats.Connection_Connect(&s->connection, s->settings);
	if (status != NATS_OK) {
		s->connection = NULL;
		return fail(s, status, url, fault);
	}
	make_inbox(s);
	(void)snprintf(pattern, sizeof(pattern), "%s.*.*", s->inbox); /* fits */
	status = s->nats.Connection_SubscribeSync(&s->answers, s->connection, pattern);
	return status == NATS_OK ? 0 : fail(s, status, url, fault);
}

/* The name is looked up beside, for the library's own look-up takes as long as a resolver likes. */
static int resolve(struct nats_sink *s, struct lookup **lookup, const struct server *server, const struct addrinfo **ret, struct sink_fault *fault)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	int g = EAI_AGAIN, r = *lookup ? 0 : lookup_new(server->host, server->port, &hints, getaddrinfo, lookup);
	if (r)
		return r;
	for (unsigned waited_ms = 0; waited_ms <= LOOKUP_MOST_MS; waited_ms += SLICE_MS) {
		struct pollfd p = { .fd = lookup_fd(*lookup), .events = POLLIN };
		if (atomic_load(&s->is_cancelled))
			return -ECANCELED;
		if (poll(&p, 1, SLICE_MS) <= 0)
			continue;
		g = lookup_answer(*lookup, ret);
		if (!g)
			return 0;
		lookup_free(lookup);
		break;
	}
	sink_fault_set(fault, "%s: %s", server->host, *lookup ? "its address cannot be looked up in time" : gai_strerror(g));
	return -EHOSTUNREACH;
}

/* Each address of the name, until one answers. */
static int connect_by_name(struct nats_sink *s, struct lookup **lookup, const struct server *server, struct sink_fault *fault)
{
	const struct addrinfo *list = NULL;
	int r = resolve(s, lookup, server, &list, fault);
	if (r)
		return r; /* a look-up that is still under way stays */
	for (const struct addrinfo *a = list; !r && a; a = a->ai_next) {
		char address[NI_MAXHOST], url[NI_MAXHOST + 32];
		if (atomic_load(&s->is_cancelled))
			r = -ECANCELED;
		else if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) == 0) {
			bool is_6 = a->ai_family == AF_INET6;
			(void)snprintf(url, sizeof(url), "%s://%s%s%s:%s", server->is_tls ? "tls" : "nats", is_6 ? "[" : "", address, is_6 ? "]" : "", server->port); /* fits */
			(void)connect_to(s, url, server, fault); /* the last one's fault is told */
		}
		if (s->connection)
			break;
	}
	lookup_free(lookup); /* the next connection asks anew: names move */
	return r ? r : s->connection ? 0 : -EIO;
}

/* One server at a time: the next try is with the next one. */
static int connect_some(struct nats_sink *s, struct sink_fault *fault)
{
	struct server server;
	uint8_t address[16];
	if (s->connection)
		return 0;
	if (atomic_load(&s->is_cancelled))
		return -ECANCELED;
	size_t i = s->server++ % s->options->servers.n;
	const char *url = s->options->servers.items[i];
	read_server(url, &server);
	bool is_address = inet_pton(AF_INET, server.host, address) == 1 || strchr(server.host, ':');
	return is_address ? connect_to(s, url, &server, fault) : connect_by_name(s, &s->lookups[i], &server, fault);
}

/* --- publishing ------------------------------------------------------------------------------------------------------------------------------ */

/* SUBJECT.alerts.TENANT.AGENT; the agent is the first part of the stream's name, and may not make other subjects of it. */
static void add_subject(struct nats_sink *s, const struct sink_line *line)
{
	const char *what = line->is_alert ? "alerts" : sv_is(line->dataset, "vedette.heartbeat") ? "hb" : "events";
	buf_add_format(&s->text, "%s.%s.%s.", s->options->subject, what, s->options->tenant);
	const char *slash = line->stream.n ? memchr(line->stream.p, '/', line->stream.n) : NULL;
	size_t n = slash ? (size_t)(slash - line->stream.p) : line->stream.n;
	for (size_t i = 0; i < n; i++) {
		char c = line->stream.p[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
		buf_add_char(&s->text, is_plain ? c : '_');
	}
	if (n == 0)
		buf_add_char(&s->text, '_');
}

static natsStatus publish(struct nats_sink *s, const struct sink_line *line, size_t place)
{
	natsMsg *message = NULL;
	char answer[128];
	buf_reset(&s->text);
	add_subject(s, line);
	buf_add_char(&s->text, '\0');
	size_t id_at = s->text.n;
	sink_line_id(line, &s->text);
	buf_add_char(&s->text, '\0');
	(void)snprintf(answer, sizeof(answer), "%s.%llu.%zu", s->inbox, (unsigned long long)s->batch, place); /* fits */
	if (buf_error(&s->text))
		return NATS_NO_MEMORY;
	natsStatus status = s->nats.Msg_Create(&message, s->text.p, answer, line->text.p, (int)line->text.n);
	if (status == NATS_OK)
		status = s->nats.MsgHeader_Set(message, "Nats-Msg-Id", s->text.p + id_at);
	if (status == NATS_OK)
		status = s->nats.MsgHeader_Set(message, "Content-Type", "application/json");
	if (status == NATS_OK)
		status = s->nats.Connection_PublishMsg(s->connection, message);
	s->nats.Msg_Destroy(message);
	return status;
}

/* Which message an answer is for; false: none of this batch. */
static bool find_place(const struct nats_sink *s, const char *subject, size_t n, size_t *ret)
{
	struct strview rest = sv_from(subject);
	uint64_t batch, place;
	if (!sv_starts(rest, sv_from(s->inbox)) || rest.n < strlen(s->inbox) + 1)
		return false;
	rest = sv_from_index(rest, strlen(s->inbox) + 1);
	const char *dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
	if (!dot || num_parse_u64((struct strview){ rest.p, (size_t)(dot - rest.p) }, UINT64_MAX, &batch) ||
	    num_parse_u64(sv_from(dot + 1), UINT64_MAX, &place) || batch != s->batch || place >= n)
		return false;
	*ret = (size_t)place;
	return true;
}

static void say_nobody(const struct nats_sink *s, struct sink_fault *fault)
{
	sink_fault_set(fault, "no stream of JetStream takes %s.>", s->options->subject);
}

/* One answer. The first thing that is wrong is the fault; what comes behind it in the batch may still be stored. */
static void take_answer(struct nats_sink *s, natsMsg *message, size_t n, size_t *waiting, struct sink_fault *fault)
{
	struct nats_answer answer = { .is_stored = false };
	struct strview text = { s->nats.Msg_GetData(message), (size_t)MAX(s->nats.Msg_GetDataLength(message), 0) };
	size_t place;
	if (!find_place(s, s->nats.Msg_GetSubject(message), n, &place) || s->is_answered[place])
		return;
	(*waiting)--;
	if (s->nats.Msg_IsNoResponders(message))
		say_nobody(s, fault);
	else if (nats_answer_read(text, &answer))
		sink_fault_set(fault, "the answer is not that of JetStream");
	else if (!answer.is_stored)
		sink_fault_set(fault, "%s", answer.reason);
	s->is_refused[place] = answer.is_final;
	s->is_answered[place] = answer.is_stored || answer.is_final;
}

static int await(struct nats_sink *s, size_t n, size_t waiting, struct sink_fault *fault)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + s->options->timeout;
	while (waiting) {
		natsMsg *message = NULL;
		natsStatus status = s->nats.Subscription_NextMsg(&message, s->answers, SLICE_MS);
		if (status == NATS_OK) {
			take_answer(s, message, n, &waiting, fault);
			s->nats.Msg_Destroy(message);
		} else if (status == NATS_NO_RESPONDERS) { /* the library keeps that answer for itself */
			say_nobody(s, fault);
			waiting--;
		} else if (status != NATS_TIMEOUT) {
			return fail(s, status, "the connection is lost", fault);
		}
		if (waiting && atomic_load(&s->is_cancelled))
			return -ECANCELED;
		if (waiting && clock_ns(CLOCK_MONOTONIC) >= until_ns)
			return fail(s, NATS_TIMEOUT, "no answer of JetStream", fault);
	}
	return 0;
}

/* Those of the batch, from the first one on, that are done. */
static size_t count_done(const struct nats_sink *s, size_t n, size_t *ret_refused)
{
	size_t done = 0;
	for (*ret_refused = 0; done < n && s->is_answered[done]; done++)
		*ret_refused += s->is_refused[done];
	return done;
}

/* Sends them off; *ret_sent: so many have been, or are too long for the server and refused; *ret_waiting: so many get an answer. */
static natsStatus publish_all(struct nats_sink *s, const struct sink_line *lines, size_t n, size_t *ret_sent, size_t *ret_waiting, struct sink_fault *fault)
{
	enum { HEADERS = 512 }; /* they count, too */
	const int64_t longest = s->nats.Connection_GetMaxPayload(s->connection) - HEADERS;
	s->batch++;
	for (*ret_sent = *ret_waiting = 0; *ret_sent < n && !atomic_load(&s->is_cancelled); (*ret_sent)++) {
		size_t i = *ret_sent;
		bool is_too_long = longest > 0 && (int64_t)lines[i].text.n > longest;
		s->is_refused[i] = s->is_answered[i] = is_too_long;
		if (is_too_long) {
			sink_fault_set(fault, "a record is longer than the server takes");
			continue;
		}
		natsStatus status = publish(s, &lines[i], i);
		if (status != NATS_OK)
			return status;
		(*ret_waiting)++;
	}
	return NATS_OK;
}

static int nats_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct nats_sink *s = sink;
	size_t sent = 0, waiting = 0;
	*ret_done = 0;
	n = MIN(n, (size_t)BATCH_MAX);
	int r = connect_some(s, fault);
	if (r)
		return r;
	natsStatus status = publish_all(s, lines, n, &sent, &waiting, fault);
	r = status == NATS_OK ? await(s, sent, waiting, fault) : fail(s, status, "publishing", fault);
	*ret_done = count_done(s, sent, &fault->refused);
	return r ? r : *ret_done < n ? -EAGAIN : 0;
}

static void nats_reopen(void *sink)
{
	disconnect(sink);
}

static void nats_cancel(void *sink)
{
	struct nats_sink *s = sink;
	atomic_store(&s->is_cancelled, true);
}

const struct sink_type sink_type_nats = {
	.delivered = "accepted",
	.delivered_doc = "JetStream answered that it is stored",
	.gathers = true,
	.open = nats_open,
	.send = nats_send,
	.reopen = nats_reopen,
	.cancel = nats_cancel,
	.close = nats_close,
};
