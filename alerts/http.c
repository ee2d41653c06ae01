/* SPDX-License-Identifier: Apache-2.0 */
/* Requests by libcurl, in the thread of whoever asks; another thread may call them off. */
#include "alerts/http.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <zlib.h>

#include "alerts/http_address.h"
#include "alerts/http_answer.h"
#include "alerts/http_library.h"
#include "alerts/tls_context.h"
#include "engine/base/clock.h"

struct http {
	struct http_config config;
	struct http_library curl;
	CURL *handle;                 /* owned, as is the next, which keeps the connection */
	CURLM *multi;                 /* for life: http_cancel wakes it from another thread */
	bool is_stale;                /* the next request makes a connection of its own */
	atomic_bool is_cancelled;
	struct buf body;
	char curl_error[CURL_ERROR_SIZE];
	bool is_plain;                /* http: */
	bool was_private;             /* since the request began an address was refused, */
	bool was_tried;               /* and another one was not */
	bool is_cut;
	uint64_t wait_ns;
};

void http_free(struct http **http)
{
	struct http *h = TAKE(*http);
	if (!h)
		return;
	if (h->handle)
		h->curl.easy_cleanup(h->handle);
	if (h->multi)
		(void)h->curl.multi_cleanup(h->multi); /* nothing is in it any more */
	buf_done(&h->body);
	free(h);
}

/* --- what libcurl asks of us ----------------------------------------------------------------------------------------------------------- */

/* Refuses here and not by the name: what the name leads to may be another address the next time it is asked. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http *h = context;
	enum http_address is = http_address_judge(&address->addr, (socklen_t)address->addrlen);
	bool is_good = is == HTTP_ADDRESS_PUBLIC ? !h->is_plain : is == HTTP_ADDRESS_PRIVATE && h->config.allows_private;
	if (h->config.proxy[0])
		is_good = true; /* the administrator's own word; where it leads is the proxy's to judge */
	if (purpose != CURLSOCKTYPE_IPCXN || !is_good) {
		h->was_private = true;
		return CURL_SOCKET_BAD;
	}
	h->was_tried = true;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
	struct http *h = context;
	size_t take = MIN(n * size, HTTP_BODY_MAX - h->body.n);
	buf_add(&h->body, bytes, take);
	h->is_cut |= take < n * size;
	return take;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *context)
{
	static const char name[] = "Retry-After:";
	struct http *h = context;
	struct strview line = { bytes, n * size };
	if (sv_starts(line, SV("HTTP/")))
		h->wait_ns = 0; /* a proxy's answer came before */
	if (line.n >= sizeof(name) && strncasecmp(line.p, name, sizeof(name) - 1) == 0 &&
	    http_answer_wait(sv_from_index(line, sizeof(name) - 1), clock_ns(CLOCK_REALTIME), &h->wait_ns))
		h->wait_ns = 0; /* as if it had said nothing */
	return n * size;
}

/* --- making ready ----------------------------------------------------------------------------------------------------------------------- */

static int set_files(struct http *h, struct diag *diag)
{
	const struct http_config *c = &h->config;
	const struct { const char *text; CURLoption option; } texts[] = {
		{ c->ca, CURLOPT_CAINFO }, { c->cert, CURLOPT_SSLCERT }, { c->key, CURLOPT_SSLKEY },
	};
	int r = c->ca[0] || c->cert[0] ? tls_context_check(&(struct tls_files){ c->ca, c->cert, c->key }, diag) : 0;
	CURLcode code = h->curl.easy_setopt(h->handle, CURLOPT_KEYPASSWD, ""); /* a key that gets a pass phrase later asks nobody on a terminal */
	for (size_t i = 0; i < ARRAY_SIZE(texts) && code == CURLE_OK; i++)
		if (texts[i].text[0])
			code = h->curl.easy_setopt(h->handle, texts[i].option, texts[i].text);
	return r ? r : code == CURLE_OK ? 0 : -ENOMEM;
}

static int set_options(struct http *h)
{
	const struct { CURLoption option; long value; } numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 },         { CURLOPT_FOLLOWLOCATION, 0 },  { CURLOPT_POST, 1 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },   { CURLOPT_SSL_VERIFYHOST, 2 },  { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_TCP_KEEPALIVE, 1 },    { CURLOPT_NETRC, CURL_NETRC_IGNORED }, { CURLOPT_QUICK_EXIT, 1 }, /* a resolver is not waited for */
		{ CURLOPT_TIMEOUT_MS, (long)(h->config.timeout_ns / 1000000) }, { CURLOPT_CONNECTTIMEOUT_MS, (long)(h->config.timeout_ns / 1000000) },
	};
	const struct { CURLoption option; const char *text; } texts[] = {
		{ CURLOPT_URL, h->config.url }, { CURLOPT_PROTOCOLS_STR, h->is_plain ? "http" : "https" }, { CURLOPT_PROXY, h->config.proxy },
		{ CURLOPT_NOPROXY, "" },        { CURLOPT_USERAGENT, "vedette/" VEDETTE_VERSION },
	};
	CURLcode code = CURLE_OK;
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && code == CURLE_OK; i++)
		code = h->curl.easy_setopt(h->handle, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(texts) && code == CURLE_OK; i++)
		code = h->curl.easy_setopt(h->handle, texts[i].option, texts[i].text);
	const struct { CURLoption option; void *context; } contexts[] = {
		{ CURLOPT_OPENSOCKETDATA, h }, { CURLOPT_WRITEDATA, h }, { CURLOPT_HEADERDATA, h }, { CURLOPT_ERRORBUFFER, h->curl_error },
	};
	for (size_t i = 0; i < ARRAY_SIZE(contexts) && code == CURLE_OK; i++)
		code = h->curl.easy_setopt(h->handle, contexts[i].option, contexts[i].context);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_WRITEFUNCTION, take_body);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_HEADERFUNCTION, take_header);
	return code == CURLE_OK ? 0 : code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -ENOTSUP;
}

static int make_handle(struct http *h, struct diag *diag)
{
	h->multi = h->curl.multi_init();
	h->handle = h->curl.easy_init();
	int r = h->handle && h->multi ? set_options(h) : -ENOMEM;
	if (!r && h->curl.multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) /* a fresh connection ends the one before */
		r = -ENOTSUP;
	if (r)
		diag_error(diag, (struct place){ 0 }, "libcurl cannot be used: %s", r == -ENOTSUP ? "it is older than 7.87" : strerror(-r));
	return r ? r : set_files(h, diag);
}

/* What is asked of a proxy is not connected to from here: an address in the url is all that can be judged. */
static int check_proxied(const struct http_config *c, struct diag *diag)
{
	enum http_address is;
	if (!c->proxy[0] || !http_address_in_url(c->url, &is))
		return 0;
	if (is == HTTP_ADDRESS_PUBLIC || (is == HTTP_ADDRESS_PRIVATE && c->allows_private))
		return 0;
	diag_error(diag, (struct place){ 0 }, "the url's address is private, or one that nothing should be sent to, also by a proxy: see allow_private");
	return -EINVAL;
}

int http_new(const struct http_config *config, struct http **ret, struct diag *diag)
{
	CLEANUP(http_free) struct http *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->config = *config;
	h->is_plain = sv_starts(sv_from(config->url), SV("http:"));
	h->body.max = HTTP_BODY_MAX + 1;
	int r = check_proxied(config, diag);
	if (!r)
		r = http_library_load(&h->curl, diag);
	if (!r)
		r = make_handle(h, diag);
	if (r)
		return r;
	*ret = TAKE(h);
	return 0;
}

void http_disconnect(struct http *h)
{
	h->is_stale = true;
}

void http_cancel(struct http *h)
{
	atomic_store(&h->is_cancelled, true);
	(void)h->curl.multi_wakeup(h->multi); /* else it looks within a second */
}

/* --- requests --------------------------------------------------------------------------------------------------------------------------- */

static void say_fault(const struct http *h, CURLcode code, char error[static HTTP_ERROR_TEXT])
{
	char text[HTTP_REASON_MAX];
	http_answer_quote(sv_from(h->curl_error[0] ? h->curl_error : h->curl.easy_strerror(code)), text);
	if (h->was_private && !h->was_tried && code == CURLE_COULDNT_CONNECT)
		(void)snprintf(error, HTTP_ERROR_TEXT, "the receiver's address is %s: see allow_private",
			       h->is_plain && h->config.allows_private ? "public, and http: goes to private ones alone" : "private, or one that nothing should be sent to");
	else
		(void)snprintf(error, HTTP_ERROR_TEXT, "%s", text);
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY: return -ENOMEM;
	case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
	case CURLE_ABORTED_BY_CALLBACK: return -ECANCELED;
	case CURLE_PEER_FAILED_VERIFICATION: return -EACCES;
	default: return -EIO;
	}
}

/* Until it is done, called off, or its time is over, which libcurl looks after. */
static CURLcode perform(struct http *h)
{
	enum { POLL_MS = 1000 };
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	CURLMcode m = h->curl.multi_add_handle(h->multi, h->handle);
	while (m == CURLM_OK && running && !atomic_load(&h->is_cancelled)) {
		m = h->curl.multi_perform(h->multi, &running);
		if (m == CURLM_OK && running)
			m = h->curl.multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
	}
	for (CURLMsg *message = h->curl.multi_info_read(h->multi, &left); message; message = h->curl.multi_info_read(h->multi, &left))
		if (message->msg == CURLMSG_DONE)
			code = message->data.result;
	(void)h->curl.multi_remove_handle(h->multi, h->handle); /* it is in there, or never was */
	return m == CURLM_OK ? code : CURLE_OUT_OF_MEMORY;
}

int http_post(struct http *h, const struct http_request *request, struct http_answer *ret, char error[static HTTP_ERROR_TEXT])
{
	struct curl_slist lines[HTTP_HEADERS_MAX]; /* libcurl only reads it: our own, so that no copy of a secret stays */
	long status = 0;
	assert(request->n_headers <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < request->n_headers; i++)
		lines[i] = (struct curl_slist){ (char *)(uintptr_t)request->headers[i], i + 1 < request->n_headers ? &lines[i + 1] : NULL };
	buf_reset(&h->body);
	h->is_cut = h->was_private = h->was_tried = false;
	h->wait_ns = 0;
	h->curl_error[0] = '\0';
	CURLcode code = h->curl.easy_setopt(h->handle, CURLOPT_FRESH_CONNECT, (long)h->is_stale);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_HTTPHEADER, request->n_headers ? lines : NULL);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
	if (code == CURLE_OK)
		code = h->curl.easy_setopt(h->handle, CURLOPT_POSTFIELDS, request->body.n ? request->body.p : "");
	if (code == CURLE_OK)
		code = perform(h);
	h->is_stale &= code != CURLE_OK;
	if (h->curl.easy_getinfo(h->handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		status = 0;
	(void)h->curl.easy_setopt(h->handle, CURLOPT_HTTPHEADER, NULL); /* they are gone with this call */
	(void)h->curl.easy_setopt(h->handle, CURLOPT_POSTFIELDS, NULL);
	bool has_answer = code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->is_cut);
	if (!has_answer || status < 100 || status > 999) {
		say_fault(h, code, error);
		return has_answer ? -EPROTO : errno_of(code);
	}
	*ret = (struct http_answer){ .status = (unsigned)status, .wait_ns = h->wait_ns, .body = buf_sv(&h->body), .is_cut = h->is_cut || buf_error(&h->body) };
	return 0;
}

int http_gzip(struct strview bytes, struct buf *out)
{
	enum { GZIP_WINDOW = 15 + 16 }; /* zlib's way to ask for gzip's header */
	z_stream z = { 0 };
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	size_t room = deflateBound(&z, bytes.n);
	int r = buf_reserve(out, room);
	if (!r) {
		z.next_in = (Bytef *)(uintptr_t)bytes.p;
		z.avail_in = (uInt)bytes.n;
		z.next_out = (Bytef *)out->p + out->n;
		z.avail_out = (uInt)room;
		r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
	}
	if (!r)
		out->n += z.total_out;
	deflateEnd(&z);
	return r;
}
