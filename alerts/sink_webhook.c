/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks of type webhook and otlp: records in requests over HTTP, one request at a time, in order. A record is delivered when the receiver
 * said 2xx, and nothing else in its answer says otherwise. What it will never take is found by halving, so that one record that it
 * refuses takes no other with it.
 */
#include <errno.h>
#include <stdlib.h>

#include "alerts/crypto.h"
#include "alerts/http.h"
#include "alerts/http_answer.h"
#include "alerts/sink.h"
#include "alerts/webhook_body.h"
#include "alerts/webhook_sign.h"
#include "engine/base/clock.h"

enum {
	BODY_MAX = 64 << 20, /* a batch is 8 MiB at most, and text within JSON can be twice as long */
	HEADERS_OURS = 8,
	ECHO_PART = 8,       /* so many bytes on end of a secret are enough of it to keep a text to ourselves */
};
_Static_assert(CONFIG_MAX_WORDS + HEADERS_OURS <= HTTP_HEADERS_MAX, "room for all headers");

struct webhook {
	const struct sink_options *options;   /* borrowed */
	enum webhook_template template;
	struct http *http;                    /* owned, as all below */
	struct secret *url, *token, *basic, *authorization; /* basic: USER:PASSWORD */
	struct webhook_signer *signer;
	struct buf body, packed, id, time, signature;
	size_t limit;                         /* records in the next request */
};

/* --- opening ------------------------------------------------------------------------------------------------------------------------------- */

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_reset(b);
}

static void webhook_close(void *sink)
{
	struct webhook *w = sink;
	http_free(&w->http);
	secret_free(&w->url);
	secret_free(&w->token);
	secret_free(&w->basic);
	secret_free(&w->authorization);
	webhook_signer_free(&w->signer);
	wipe(&w->body); /* a template may have put a secret in */
	wipe(&w->packed);
	buf_done(&w->body);
	buf_done(&w->packed);
	buf_done(&w->id);
	buf_done(&w->time);
	buf_done(&w->signature);
	free(w);
}

static int read_url(struct webhook *w, struct diag *diag)
{
	const struct sink_options *o = w->options;
	if (!o->url_file[0])
		return 0;
	int r = secret_read(o->url_file, &w->url, diag);
	const char *fault = r ? NULL : sink_url_fault(o, secret_cstr(w->url));
	if (fault)
		diag_error(diag, (struct place){ .file = o->url_file }, "%s", fault);
	return fault ? -EINVAL : r;
}

/* The header in locked memory; what is too long for that is no fault of the memory. */
static int make_authorization(struct webhook *w, const char *file, struct strview head, struct strview value, struct diag *diag)
{
	if (head.n + value.n > SECRET_MAX) {
		diag_error(diag, (struct place){ .file = file }, "is too long for a header, which has %d bytes", SECRET_MAX);
		return -EFBIG;
	}
	w->authorization = secret_join(head, value);
	return w->authorization ? 0 : -ENOMEM;
}

static int make_basic(struct webhook *w, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	const char *file = w->options->auth_basic;
	int r = secret_read(file, &w->basic, diag);
	if (r)
		return r;
	if (!memchr(secret_cstr(w->basic), ':', secret_text(w->basic).n)) {
		diag_error(diag, (struct place){ .file = file }, "should hold USER:PASSWORD");
		return -EINVAL;
	}
	r = buf_reserve(&text, 2 * SECRET_MAX); /* it must not move: what it leaves behind would not be wiped */
	if (r)
		return r;
	crypto_base64(&text, secret_cstr(w->basic), secret_text(w->basic).n);
	r = make_authorization(w, file, SV("Authorization: Basic "), buf_sv(&text), diag);
	wipe(&text);
	return r;
}

static int make_bearer(struct webhook *w, struct diag *diag)
{
	const struct sink_options *o = w->options;
	CLEANUP(buf_done) struct buf head = { 0 };
	int r = secret_read(o->auth_token, &w->token, diag);
	if (r || w->template == WEBHOOK_PAGERDUTY) /* which has it in the body */
		return r;
	buf_add_format(&head, "Authorization: %s ", o->auth_scheme[0] ? o->auth_scheme : w->template == WEBHOOK_SPLUNK ? "Splunk" : "Bearer");
	return buf_error(&head) ? -ENOMEM : make_authorization(w, o->auth_token, buf_sv(&head), secret_text(w->token), diag);
}

static int make_client(struct webhook *w, struct diag *diag)
{
	const struct sink_options *o = w->options;
	const struct http_config hc = {
		.url = w->url ? secret_cstr(w->url) : o->url,
		.ca = o->tls_ca,
		.cert = o->tls_cert,
		.key = o->tls_key,
		.proxy = o->proxy,
		.allows_private = o->allow_private,
		.timeout_ns = o->timeout,
	};
	if (sv_starts(sv_from(hc.url), SV("http:")) && (o->tls_ca[0] || o->tls_cert[0])) {
		diag_error(diag, (struct place){ 0 }, "tls: its keys are for a url that begins with https: alone; to this one records would go unencrypted");
		return -EINVAL;
	}
	return http_new(&hc, &w->http, diag);
}

static int open_all(struct webhook *w, struct diag *diag)
{
	int r = read_url(w, diag);
	if (!r && w->options->auth_basic[0])
		r = make_basic(w, diag);
	if (!r && w->options->auth_token[0])
		r = make_bearer(w, diag);
	if (!r && w->options->kind == SINK_WEBHOOK)
		r = webhook_signer_new(w->options->sign_hmac, w->options->sign_ed25519, &w->signer, diag);
	return r ? r : make_client(w, diag);
}

static int webhook_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io; /* it has no file */
	struct webhook *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->options = options;
	w->template = options->kind == SINK_OTLP ? WEBHOOK_OTLP : webhook_template_named(options->template);
	w->limit = webhook_form(w->template)->most;
	w->body.max = w->packed.max = BODY_MAX;
	int r = crypto_init() ? -EIO : open_all(w, diag);
	if (!r && w->template == WEBHOOK_PAGERDUTY) { /* its body holds a secret: it never moves, so that nothing of it stays behind unwiped */
		w->body.max = WEBHOOK_PAGE_BYTES;
		r = buf_reserve(&w->body, WEBHOOK_PAGE_BYTES);
	}
	if (r) {
		diag_error(diag, options->at, "sink '%s' cannot be made ready", options->name);
		webhook_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

/* --- one request -------------------------------------------------------------------------------------------------------------------------- */

static void add_header(struct http_request *request, const char *line)
{
	request->headers[request->n_headers++] = line;
}

/* Identity, time and signatures of the request. The same records get the same id: a receiver knows a request that comes again. */
static int add_identity(struct webhook *w, const struct sink_line *lines, size_t n, struct http_request *request)
{
	uint64_t seconds = clock_ns(CLOCK_REALTIME) / 1000000000;
	static const char name[] = "webhook-id: ";
	buf_reset(&w->id);
	buf_reset(&w->time);
	buf_reset(&w->signature);
	buf_add_z(&w->id, name);
	buf_add_format(&w->id, SV_FMT ":%llu-%llu", SV_ARG(lines[0].stream), (unsigned long long)lines[0].sequence, (unsigned long long)lines[n - 1].sequence);
	buf_add_format(&w->time, "webhook-timestamp: %llu", (unsigned long long)seconds);
	if (w->signer) {
		buf_add_z(&w->signature, "webhook-signature: ");
		webhook_sign(w->signer, sv_from_index(buf_sv(&w->id), sizeof(name) - 1), seconds, request->body, &w->signature);
	}
	add_header(request, buf_cstr(&w->id));
	add_header(request, buf_cstr(&w->time));
	if (w->signer)
		add_header(request, buf_cstr(&w->signature));
	return buf_error(&w->id) || buf_error(&w->time) || buf_error(&w->signature) ? -ENOMEM : 0;
}

static const char *content_type(const struct webhook *w)
{
	return strcmp(webhook_form(w->template)->content_type, "application/json") == 0 ? "Content-Type: application/json" : "Content-Type: application/x-ndjson";
}

static int make_request(struct webhook *w, const struct sink_line *lines, size_t n, struct http_request *request)
{
	const struct sink_options *o = w->options;
	buf_reset(&w->body);
	int r = webhook_body(w->template, lines, n, secret_text(w->token), &w->body);
	request->body = buf_sv(&w->body);
	add_header(request, "Expect:"); /* a request goes at once */
	add_header(request, content_type(w));
	if (!r && o->gzip) {
		buf_reset(&w->packed);
		r = http_gzip(buf_sv(&w->body), &w->packed);
		request->body = buf_sv(&w->packed);
		add_header(request, "Content-Encoding: gzip");
	}
	if (!r && (w->signer || w->template == WEBHOOK_NDJSON))
		r = add_identity(w, lines, n, request);
	if (w->authorization)
		add_header(request, secret_cstr(w->authorization));
	for (size_t i = 0; i < o->headers.n; i++)
		add_header(request, o->headers.items[i]);
	return r;
}

/* Some bytes on end of the secret, or all of a short one. */
static bool holds_part(struct strview text, struct strview secret)
{
	const size_t part = MIN(secret.n, (size_t)ECHO_PART);
	for (size_t i = 0; part && i + part <= secret.n; i++)
		if (text.n >= part && memmem(text.p, text.n, secret.p + i, part))
			return true;
	return false;
}

static struct strview password_of(const struct webhook *w)
{
	struct strview all = secret_text(w->basic);
	const char *colon = all.n ? memchr(all.p, ':', all.n) : NULL;
	return colon ? sv_from_index(all, (size_t)(colon - all.p) + 1) : (struct strview){ NULL, 0 };
}

/* A receiver may answer with what it was sent, or with a part of it, escaped: that is for no status and no log. Takes what would be told, not all that was said. */
static bool echoes_secret(const struct webhook *w, const char *told)
{
	const struct strview token = secret_text(w->token), basic = secret_text(w->basic);
	const struct strview secrets[] = { token, basic, password_of(w), sv_from_index(secret_text(w->authorization), sizeof("Authorization: Basic ") - 1) };
	char plain[HTTP_REASON_MAX];
	size_t n = 0;
	if (w->url)
		return true; /* of a url any part may be the secret one, and frameworks tell the path of what they do not know */
	for (; *told && n < sizeof(plain); told++)
		if (*told != '\\')
			plain[n++] = *told;
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (holds_part((struct strview){ plain, n }, secrets[i]))
			return true;
	return false;
}

static void say_answer(const struct webhook *w, const struct http_answer *answer, struct sink_fault *fault)
{
	char text[HTTP_REASON_MAX] = "";
	http_answer_quote(answer->body, text);
	if (answer->status >= 300 && answer->status < 400)
		sink_fault_set(fault, "HTTP %u: redirects are not followed; the url should be where it leads", answer->status);
	else if (!text[0])
		sink_fault_set(fault, "HTTP %u", answer->status);
	else if (echoes_secret(w, text))
		sink_fault_set(fault, "HTTP %u, with %zu bytes that are not shown: they may hold a secret", answer->status, answer->body.n);
	else
		sink_fault_set(fault, "HTTP %u: %s", answer->status, text);
}

static bool reads_items(enum webhook_template template)
{
	return template == WEBHOOK_ELASTICSEARCH || template == WEBHOOK_OTLP;
}

/* 2xx, but what does it say of the records? */
static int read_taken(const struct webhook *w, const struct http_answer *answer, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct http_items items = { .done = n };
	int r = 0;
	if (w->template == WEBHOOK_ELASTICSEARCH)
		r = answer->is_cut ? -EBADMSG : http_answer_bulk(answer->body, n, &items);
	else if (w->template == WEBHOOK_OTLP && answer->body.n)
		r = answer->is_cut ? -EBADMSG : http_answer_otlp(answer->body, n, &items);
	else if (w->template == WEBHOOK_SPLUNK)
		r = http_answer_splunk(answer->body, n, &items);
	if (r == -EBADMSG) {
		sink_fault_set(fault, "HTTP %u, but its answer is not that of %s: is the url right?", answer->status, webhook_form(w->template)->name);
		return r;
	}
	fault->refused = items.refused;
	fault->may_be_line = items.may_be_record;
	*ret_done = items.done;
	if (items.reason[0])
		sink_fault_set(fault, "%s", echoes_secret(w, items.reason) ? "records were refused" : items.reason);
	return items.done < n ? -EAGAIN : 0;
}

/* --- sending ------------------------------------------------------------------------------------------------------------------------------ */

static int send_some(struct webhook *w, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault, enum http_verdict *ret_verdict)
{
	struct http_request request = { .n_headers = 0 };
	struct http_answer answer;
	char error[HTTP_ERROR_TEXT] = "";
	*ret_verdict = HTTP_AGAIN;
	int r = make_request(w, lines, n, &request);
	if (r == -EBADMSG || r == -EMSGSIZE) {
		*ret_verdict = HTTP_REFUSED;
		sink_fault_set(fault, "a record cannot be written as %s", webhook_form(w->template)->name);
		return r;
	}
	if (!r)
		r = http_post(w->http, &request, &answer, error);
	if (w->template == WEBHOOK_PAGERDUTY) {
		wipe(&w->body);
		wipe(&w->packed);
	}
	if (r) {
		sink_fault_set(fault, "%s", error[0] ? error : strerror(-r));
		return r;
	}
	*ret_verdict = http_answer_judge(answer.status);
	if (*ret_verdict == HTTP_TAKEN && answer.is_cut && n > 1 && reads_items(w->template)) {
		*ret_verdict = HTTP_REFUSED; /* of fewer records the answer is shorter; those that it has taken are known by their ids then */
		return -EAGAIN;
	}
	if (*ret_verdict == HTTP_TAKEN)
		return read_taken(w, &answer, n, ret_done, fault);
	say_answer(w, &answer, fault);
	fault->wait_ns = answer.wait_ns;
	fault->may_be_line = http_answer_may_be_record(answer.status);
	return -EAGAIN;
}

/* One request; several only to find the record that is refused. */
static int webhook_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct webhook *w = sink;
	enum http_verdict verdict = HTTP_REFUSED;
	int r = -EAGAIN;
	*ret_done = 0;
	for (size_t take = MIN(n, w->limit); take && verdict == HTTP_REFUSED; take = take / 2) {
		r = send_some(w, lines, take, ret_done, fault, &verdict);
		if (verdict == HTTP_REFUSED)
			w->limit = MAX(take / 2, (size_t)1);
	}
	if (verdict == HTTP_TAKEN && *ret_done) /* its answer may have said otherwise */
		w->limit = MIN(w->limit * 2, webhook_form(w->template)->most);
	fault->is_final = verdict == HTTP_REFUSED;
	fault->is_gone = verdict == HTTP_GONE;
	return r;
}

static void webhook_cancel(void *sink)
{
	struct webhook *w = sink;
	http_cancel(w->http);
}

static void webhook_reopen(void *sink)
{
	struct webhook *w = sink;
	http_disconnect(w->http);
}

/* Two kinds for the configuration: what differs is in the options. */
#define SINK_OVER_HTTP { \
	.delivered = "accepted", \
	.delivered_doc = "the receiver answered 2xx, and took each record where its answer speaks of them", \
	.gathers = true, \
	.open = webhook_open, \
	.send = webhook_send, \
	.reopen = webhook_reopen, \
	.cancel = webhook_cancel, \
	.close = webhook_close, \
}
const struct sink_type sink_type_webhook = SINK_OVER_HTTP;
const struct sink_type sink_type_otlp = SINK_OVER_HTTP;
