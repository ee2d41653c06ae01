/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs bodies of records that a test made, whatever they say:
 *
 *   seal_bodies KEYFILE < LINES > LOG
 *
 * A line "stream NAME" begins a stream, behind the one before; a line "NANOSECONDS BODY" is a record of it, signed at that time in a batch of its own. In
 * a body @PREVIOUS@ stands for the SHA-256 of the statement that the stream before ended with. The key is always the same; its line goes to KEYFILE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/sign.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

struct sealing {
	struct signer *signer; /* owned */
	struct log_head head;  /* of the stream before */
	const char *key_file;
	bool has_key_file;
};

static void must(bool is_good, const char *what)
{
	if (is_good)
		return;
	fprintf(stderr, "seal_bodies: %s\n", what);
	exit(1);
}

static void begin(struct sealing *s, const char *name)
{
	const uint8_t seed[32] = { 42 };
	struct crypto_key *key = NULL;
	CLEANUP(buf_done) struct buf line = { 0 };
	if (s->signer)
		signer_head(s->signer, &s->head);
	signer_free(&s->signer);
	must(crypto_key_from_seed(seed, &key) == 0 && signer_new(name, &key, &s->signer) == 0, "no stream of that name");
	if (s->has_key_file)
		return;
	signer_key_line(s->signer, &line);
	CLEANUP(file_close) FILE *f = fopen(s->key_file, "w");
	must(f && fwrite(line.p, 1, line.n, f) == line.n, "the key cannot be written");
	s->has_key_file = true;
}

static void add(struct sealing *s, uint64_t wall_ns, const char *body)
{
	static const char mark[] = "@PREVIOUS@";
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	const char *at = strstr(body, mark);
	buf_add(&text, body, at ? (size_t)(at - body) : strlen(body));
	if (at) {
		crypto_base64(&text, s->head.statement, CRYPTO_HASH);
		buf_add_z(&text, at + sizeof(mark) - 1);
	}
	must(signer_add(s->signer, signer_next_sequence(s->signer), buf_sv(&text)) == 0 && signer_flush(s->signer, wall_ns, &out) == 0, body);
	must(fwrite(out.p, 1, out.n, stdout) == out.n, "the log cannot be written");
}

int main(int argc, char **argv)
{
	struct sealing s = { .key_file = argc == 2 ? argv[1] : NULL };
	char *line = NULL;
	size_t size = 0;
	must(s.key_file && crypto_init() == 0, "usage: seal_bodies KEYFILE < LINES > LOG");
	for (ssize_t n; (n = getline(&line, &size, stdin)) > 0;) {
		uint64_t wall_ns = 0;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		char *rest = strchr(line, ' ');
		must(rest, line);
		*rest++ = '\0';
		if (strcmp(line, "stream") == 0) {
			begin(&s, rest);
			continue;
		}
		must(s.signer && num_parse_u64(sv_from(line), UINT64_MAX, &wall_ns) == 0, line);
		add(&s, wall_ns, rest);
	}
	free(line);
	signer_free(&s.signer);
	return fflush(stdout) ? 1 : 0;
}
