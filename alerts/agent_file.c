/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines "word value", and the SHA-256 of them all as the last: a file that a bad disk changed must not become another key. The text never leaves
 * locked memory but for the disk.
 */
#include "alerts/agent_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

#define MARK "vedette-agent/v1"
static const char file_name[] = "agent", new_name[] = "agent.new", reserve_name[] = "reserve";
enum { RESERVE_BYTES = 16384 }; /* blocks of the file, and of the folder */

void agent_state_done(struct agent_state *s)
{
	crypto_key_free(&s->key);
	crypto_key_free(&s->next);
}

/* --- the text ------------------------------------------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, const char *word, uint64_t n)
{
	buf_add_z(out, word);
	buf_add_char(out, ' ');
	buf_add_u64(out, n);
	buf_add_char(out, '\n');
}

static void add_sum(struct buf *out)
{
	uint8_t hash[CRYPTO_HASH];
	const struct strview all = buf_sv(out);
	crypto_sha256(&all, 1, hash);
	buf_add_z(out, "sum ");
	crypto_base64(out, hash, sizeof(hash));
	buf_add_char(out, '\n');
}

/* out: in locked memory that it cannot outgrow. */
static int make_text(const struct agent_state *s, struct buf *out)
{
	buf_add_z(out, MARK "\nagent ");
	buf_add_z(out, s->id);
	buf_add_char(out, '\n');
	add_number(out, "incarnation", s->incarnation);
	add_number(out, "epoch", s->epoch);
	buf_add_z(out, "secret ");
	crypto_key_add_secret(s->key, out);
	buf_add_char(out, '\n');
	if (s->next) {
		buf_add_z(out, "next ");
		crypto_key_add_secret(s->next, out);
		buf_add_char(out, '\n');
	}
	if (s->head.stream[0]) {
		buf_add_format(out, "head %s %llu %llu %s ", s->head.stream, (unsigned long long)s->head.next, (unsigned long long)s->head.epoch,
			       s->head.is_closed ? "closed" : "open");
		crypto_base64(out, s->head.statement, CRYPTO_HASH);
		buf_add_char(out, '\n');
	}
	add_sum(out);
	return buf_error(out);
}

/* Takes "word value\n" off the text. */
static bool take_line(struct strview *text, const char *word, struct strview *ret)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	size_t n = strlen(word);
	if (!end || !sv_starts(*text, (struct strview){ word, n }) || text->p[n] != ' ')
		return false;
	*ret = (struct strview){ text->p + n + 1, (size_t)(end - text->p) - n - 1 };
	*text = sv_from_index(*text, (size_t)(end - text->p) + 1);
	return true;
}

static bool take_number(struct strview *text, const char *word, uint64_t *ret)
{
	struct strview value;
	return take_line(text, word, &value) && json_integer(value, ret) == 0;
}

static bool parse_head(struct strview line, struct log_head *ret)
{
	struct strview stream, next, epoch, state;
	if (!sv_take_word(&line, &stream) || !sv_take_word(&line, &next) || !sv_take_word(&line, &epoch) || !sv_take_word(&line, &state) ||
	    stream.n > STREAM_NAME_MAX || json_integer(next, &ret->next) || json_integer(epoch, &ret->epoch) ||
	    (!sv_is(state, "open") && !sv_is(state, "closed")) || crypto_base64_decode(line, ret->statement, CRYPTO_HASH))
		return false;
	memcpy(ret->stream, stream.p, stream.n);
	ret->is_closed = sv_is(state, "closed");
	return true;
}

static bool has_sum(struct strview text, struct strview *ret_rest)
{
	static const char word[] = "sum ";
	enum { SUM_LINE = sizeof(word) - 1 + 44 + 1 };
	uint8_t expected[CRYPTO_HASH], hash[CRYPTO_HASH];
	if (text.n < SUM_LINE || text.p[text.n - 1] != '\n')
		return false;
	*ret_rest = (struct strview){ text.p, text.n - SUM_LINE };
	struct strview line = { text.p + text.n - SUM_LINE, SUM_LINE - 1 };
	crypto_sha256(ret_rest, 1, hash);
	return sv_starts(line, SV("sum ")) && crypto_base64_decode(sv_from_index(line, sizeof(word) - 1), expected, sizeof(expected)) == 0 &&
	       memcmp(expected, hash, sizeof(hash)) == 0;
}

static bool parse(struct strview text, struct agent_state *s)
{
	struct strview id, secret, line;
	if (!has_sum(text, &text) || !sv_starts(text, SV(MARK "\n")))
		return false;
	text = sv_from_index(text, sizeof(MARK));
	if (!take_line(&text, "agent", &id) || id.n != IDENTITY_UUID || strspn(id.p, "0123456789abcdef-") < id.n ||
	    !take_number(&text, "incarnation", &s->incarnation) || !take_number(&text, "epoch", &s->epoch) || !take_line(&text, "secret", &secret) ||
	    crypto_key_from_secret(secret, &s->key))
		return false;
	memcpy(s->id, id.p, id.n);
	if (take_line(&text, "next", &line) && crypto_key_from_secret(line, &s->next))
		return false;
	if (take_line(&text, "head", &line) && !parse_head(line, &s->head))
		return false;
	return text.n == 0;
}

int agent_file_parse(struct strview text, struct agent_state *ret)
{
	CLEANUP(agent_state_done) struct agent_state s = { .epoch = 0 };
	if (!parse(text, &s))
		return -EBADMSG;
	*ret = s;
	s.key = s.next = NULL;
	return 0;
}

/* --- the disk ---------------------------------------------------------------------------------------------------------------------------- */

/* Zeros over a file's bytes: a help where the file system writes in place, none where it does not. */
static void wipe(int fd)
{
	static const char zeros[AGENT_FILE_MAX];
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	if (pwrite(fd, zeros, (size_t)MIN(MAX(st.st_size, 0), AGENT_FILE_MAX), 0) > 0)
		(void)fdatasync(fd); /* it is a help only */
}

int agent_file_read(int folder_fd, struct agent_state *ret)
{
	CLEANUP(crypto_secret_free) char *bytes = crypto_secret_new(AGENT_FILE_MAX + 1);
	CLEANUP(fd_close) int fd = -1, left = openat(folder_fd, new_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	if (!bytes)
		return -ENOMEM;
	if (left >= 0) { /* a run ended before it was in place */
		wipe(left);
		(void)unlinkat(folder_fd, new_name, 0); /* the next one is written over it */
	}
	fd = openat(folder_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	ssize_t n = S_ISREG(st.st_mode) ? pread(fd, bytes, AGENT_FILE_MAX + 1, 0) : -1;
	if (n < 0 || n > AGENT_FILE_MAX)
		return n < 0 && S_ISREG(st.st_mode) ? -errno : -EBADMSG;
	return agent_file_parse((struct strview){ bytes, (size_t)n }, ret);
}

static int step(const struct agent_file_steps *steps, enum agent_step which)
{
	return steps->on_step ? steps->on_step(steps->context, which) : 0;
}

static int write_new(int folder_fd, struct strview text, const struct agent_file_steps *steps)
{
	CLEANUP(fd_close) int fd = openat(folder_fd, new_name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int r = fd < 0 ? -errno : step(steps, AGENT_WRITE);
	if (!r)
		wipe(fd); /* of a try that failed: its blocks would be given back with a secret in them */
	if (!r && ftruncate(fd, 0))
		r = -errno;
	if (!r)
		r = fd_write_all(fd, text.p, text.n);
	if (!r)
		r = step(steps, AGENT_FSYNC);
	if (!r && fsync(fd))
		r = -errno;
	return r;
}

static int put_in_place(int folder_fd, const struct agent_file_steps *steps)
{
	CLEANUP(fd_close) int old = openat(folder_fd, file_name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = step(steps, AGENT_RENAME);
	if (!r && renameat(folder_fd, new_name, folder_fd, file_name))
		r = -errno;
	if (!r)
		r = step(steps, AGENT_FSYNC_FOLDER);
	if (!r && fsync(folder_fd))
		r = -errno;
	if (!r)
		r = step(steps, AGENT_WIPE);
	if (!r)
		wipe(old); /* only now: until the name is on the disk, the old bytes are what a start finds */
	return r;
}

/* Room for the next file on a full disk. Without fallocate there is none: then that disk has to have some left. */
static void keep_reserve(int folder_fd)
{
	CLEANUP(fd_close) int fd = openat(folder_fd, reserve_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_BYTES))
		(void)unlinkat(folder_fd, reserve_name, 0); /* one that holds nothing would never be made anew */
}

static bool take_reserve(int folder_fd, int r)
{
	return (r == -ENOSPC || r == -EDQUOT) && unlinkat(folder_fd, reserve_name, 0) == 0;
}

int agent_file_write(int folder_fd, const struct agent_state *state, const struct agent_file_steps *steps)
{
	CLEANUP(crypto_secret_free) char *bytes = crypto_secret_new(AGENT_FILE_MAX);
	if (!bytes)
		return -ENOMEM;
	struct buf text = { .p = bytes, .cap = AGENT_FILE_MAX, .max = AGENT_FILE_MAX };
	int r = make_text(state, &text);
	if (!r)
		r = write_new(folder_fd, buf_sv(&text), steps);
	if (r && take_reserve(folder_fd, r))
		r = write_new(folder_fd, buf_sv(&text), steps);
	if (!r)
		r = put_in_place(folder_fd, steps);
	keep_reserve(folder_fd); /* the file of before gave its room back */
	return r;
}
