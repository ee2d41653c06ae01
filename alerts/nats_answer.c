/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/nats_answer.h"

#include <errno.h>

#include "engine/base/jsonread.h"

enum { MESSAGE_TOO_LONG = 10054 }; /* JetStream's own number for what passes the stream's limit */

int nats_answer_read(struct strview text, struct nats_answer *ret)
{
	enum { STREAM, SEQUENCE, NUMBER, REASON };
	struct json_want want[] = {
		[STREAM] = { .path = "stream" }, [SEQUENCE] = { .path = "seq" }, [NUMBER] = { .path = "error.err_code" }, [REASON] = { .path = "error.description" },
	};
	uint64_t sequence = 0, number = 0;
	const char *error;
	size_t at;
	*ret = (struct nats_answer){ .is_stored = false };
	if (json_read_members(text, want, ARRAY_SIZE(want), &error, &at))
		return -EBADMSG;
	if (want[NUMBER].token == JSON_NUMBER && json_integer(want[NUMBER].raw, &number))
		return -EBADMSG;
	if (want[NUMBER].token == JSON_ERROR && want[REASON].token == JSON_ERROR) {
		ret->is_stored = want[STREAM].token == JSON_STRING && want[SEQUENCE].token == JSON_NUMBER &&
				 json_integer(want[SEQUENCE].raw, &sequence) == 0 && sequence > 0;
		return ret->is_stored ? 0 : -EBADMSG;
	}
	ret->is_final = number == MESSAGE_TOO_LONG;
	http_answer_quote(want[REASON].token == JSON_STRING && want[REASON].raw.n ? want[REASON].raw : SV("JetStream gives no reason"), ret->reason);
	return 0;
}
