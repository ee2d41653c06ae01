/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the end of a log file; taking its line apart is verify.c's. */
#include "alerts/head.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/verify.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

struct strview stream_agent(struct strview stream)
{
	const char *slash = stream.n ? memchr(stream.p, '/', stream.n) : NULL;
	return (struct strview){ stream.p, slash ? (size_t)(slash - stream.p) : stream.n };
}

uint64_t stream_number(struct strview stream)
{
	struct strview agent = stream_agent(stream);
	uint64_t n = 0;
	if (agent.n == stream.n || json_integer(sv_from_index(stream, agent.n + 1), &n))
		return 0;
	return n;
}

uint64_t log_head_incarnation(const struct log_head *head)
{
	return stream_number(sv_from(head->stream));
}

bool log_head_is_after(const struct log_head *a, const struct log_head *b)
{
	if (!a->stream[0] || !b->stream[0])
		return a->stream[0] != '\0';
	uint64_t x = log_head_incarnation(a), y = log_head_incarnation(b);
	return x > y || (x == y && a->next > b->next);
}

/* The last bytes of a regular file, as much as two lines can take. */
static int read_end(const char *path, struct buf *text)
{
	enum { END_MAX = 2 * VERIFY_LINE_MAX };
	struct stat st;
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODATA;
	if (fdatasync(fd) && errno != EINVAL && errno != EROFS) /* what an agent names as its past must not go after that */
		return -errno;
	if (lseek(fd, MAX(st.st_size - END_MAX, 0), SEEK_SET) < 0)
		return -errno;
	text->max = 2 * END_MAX; /* it may grow while it is read */
	return fd_read_all(fd, 2 * END_MAX, text);
}

int log_end_of_file(const char *path, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int r = read_end(path, &text);
	const char *end = !r && text.n ? memrchr(text.p, '\n', text.n) : NULL;
	if (r || !end)
		return r ? r : -ENODATA;
	const char *before = end > text.p ? memrchr(text.p, '\n', (size_t)(end - text.p)) : NULL;
	const char *begin = before ? before + 1 : text.p;
	if (end - begin > VERIFY_LINE_MAX)
		return -ENODATA;
	buf_add(out, begin, (size_t)(end - begin));
	return buf_error(out);
}
