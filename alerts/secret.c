/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in files. Bytes go from the file into locked memory, and nowhere in between. */
#include "alerts/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/crypto.h"
#include "engine/base/fd.h"

struct secret {
	size_t n;
	char text[]; /* n bytes and a NUL */
};

/* Memory of this kind ends where its page does: a size that is no multiple would begin at an odd address. */
enum { SECRET_SIZE = (sizeof(struct secret) + SECRET_MAX + 1 + 15) / 16 * 16 };

static struct secret *secret_new(void)
{
	if (crypto_init())
		return NULL;
	return (struct secret *)(void *)crypto_secret_new(SECRET_SIZE);
}

void secret_free(struct secret **s)
{
	char *p = (char *)TAKE(*s);
	crypto_secret_free(&p);
}

struct strview secret_text(const struct secret *s)
{
	return s ? (struct strview){ s->text, s->n } : (struct strview){ NULL, 0 };
}

const char *secret_cstr(const struct secret *s)
{
	return s ? s->text : "";
}

static const char *file_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to another user: root should own a secret, or who runs this";
	return st->st_mode & 0077 ? "holds a secret, and others may read or change it: chmod 600" : NULL;
}

static int read_text(int fd, struct secret *s)
{
	while (s->n <= SECRET_MAX) {
		ssize_t n = read(fd, s->text + s->n, SECRET_MAX + 1 - s->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		s->n += (size_t)n;
	}
	if (s->n > SECRET_MAX)
		return -EFBIG;
	while (s->n && (s->text[s->n - 1] == '\n' || s->text[s->n - 1] == '\r'))
		s->n--;
	s->text[s->n] = '\0';
	for (size_t i = 0; i < s->n; i++)
		if ((unsigned char)s->text[i] < 32 || s->text[i] == 127)
			return -EINVAL;
	return s->n ? 0 : -ENODATA;
}

int secret_read(const char *path, struct secret **ret, struct diag *diag)
{
	CLEANUP(secret_free) struct secret *s = secret_new();
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st = { 0 };
	if (!s)
		return -ENOMEM;
	const char *fault = NULL;
	int r = fd < 0 || fstat(fd, &st) ? -errno : 0;
	if (!r)
		fault = file_fault(&st);
	if (!r && !fault)
		r = read_text(fd, s);
	if (r == -EFBIG)
		fault = "is too long for a secret";
	else if (r == -ENODATA)
		fault = "is empty, and should hold a secret";
	else if (r == -EINVAL)
		fault = "should hold one line of text, and nothing else";
	if (r || fault) {
		diag_error(diag, (struct place){ .file = path }, "%s", fault ? fault : strerror(-r));
		return r ? r : -EPERM;
	}
	*ret = TAKE(s);
	return 0;
}

int secret_check(const char *path, struct diag *diag)
{
	struct stat st = { 0 };
	int r = stat(path, &st) ? -errno : 0;
	const char *fault = r ? NULL : file_fault(&st);
	if (r || fault)
		diag_error(diag, (struct place){ .file = path }, "%s", fault ? fault : strerror(-r));
	return fault ? -EPERM : r;
}

struct secret *secret_join(struct strview a, struct strview b)
{
	struct secret *s = a.n + b.n <= SECRET_MAX ? secret_new() : NULL;
	if (!s)
		return NULL;
	if (a.n)
		memcpy(s->text, a.p, a.n);
	if (b.n)
		memcpy(s->text + a.n, b.p, b.n);
	s->n = a.n + b.n;
	return s;
}
