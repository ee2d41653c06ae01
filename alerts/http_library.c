/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/http_library.h"

#include <errno.h>
#include <stddef.h>

#include "alerts/library.h"

static const char library_name[] = "libcurl.so.4";

static int cannot(struct diag *diag, const char *why)
{
	diag_error(diag, (struct place){ 0 }, "%s cannot be used, which sinks over HTTP need (Debian: apt-get install libcurl4): %s", library_name, why);
	return -ELIBACC;
}

int http_library_load(struct http_library *ret, struct diag *diag)
{
#define FUNCTION(name) { "curl_" #name, offsetof(struct http_library, name) }
	static const struct library_function functions[] = {
		FUNCTION(global_init),   FUNCTION(easy_init),     FUNCTION(easy_setopt),      FUNCTION(easy_getinfo),        FUNCTION(easy_strerror),
		FUNCTION(easy_cleanup),  FUNCTION(multi_init),    FUNCTION(multi_add_handle), FUNCTION(multi_remove_handle), FUNCTION(multi_perform),
		FUNCTION(multi_poll),    FUNCTION(multi_wakeup),  FUNCTION(multi_info_read),  FUNCTION(multi_cleanup),
		FUNCTION(multi_setopt),
	};
#undef FUNCTION
	struct http_library library = { 0 };
	const char *why = library_load(library_name, functions, ARRAY_SIZE(functions), &library);
	if (why)
		return cannot(diag, why);
	CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK)
		return cannot(diag, library.easy_strerror(code));
	*ret = library;
	return 0;
}
