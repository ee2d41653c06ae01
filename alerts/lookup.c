/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by two: who asks, and the thread that resolves. The last of them frees it. */
#include "alerts/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/thread.h"

struct lookup {
	char *host, *port; /* owned */
	struct addrinfo hints;
	lookup_resolve *resolve;
	int fd;
	struct addrinfo *list; /* owned; with result, before has_answer */
	int result;
	atomic_bool has_answer;
	atomic_uint users;
};

static void let_go(struct lookup *l)
{
	if (atomic_fetch_sub(&l->users, 1) > 1)
		return;
	if (l->list)
		freeaddrinfo(l->list);
	fd_close(&l->fd);
	free(l->host);
	free(l->port);
	free(l);
}

static void *resolve_on(void *context)
{
	struct lookup *l = context;
	const uint64_t one = 1;
	l->result = l->resolve(l->host, l->port, &l->hints, &l->list);
	atomic_store(&l->has_answer, true);
	if (write(l->fd, &one, sizeof(one)) < 0) {
		/* cannot be: the counter is 0 */
	}
	let_go(l);
	return NULL;
}

static int start(struct lookup *l)
{
	pthread_t thread;
	atomic_fetch_add(&l->users, 1);
	int r = thread_start(&thread, resolve_on, l);
	if (r)
		atomic_fetch_sub(&l->users, 1);
	else
		(void)pthread_detach(thread); /* nobody waits for it */
	return r;
}

int lookup_new(const char *host, const char *port, const struct addrinfo *hints, lookup_resolve *resolve, struct lookup **ret)
{
	struct lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->users = 1;
	l->hints = (struct addrinfo){ .ai_flags = hints->ai_flags, .ai_family = hints->ai_family, .ai_socktype = hints->ai_socktype };
	l->resolve = resolve;
	l->host = strdup(host);
	l->port = strdup(port);
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = l->fd < 0 ? -errno : l->host && l->port ? start(l) : -ENOMEM;
	if (r) {
		let_go(l);
		return r;
	}
	*ret = l;
	return 0;
}

void lookup_free(struct lookup **lookup)
{
	struct lookup *l = TAKE(*lookup);
	if (l)
		let_go(l);
}

int lookup_fd(const struct lookup *l)
{
	return l->fd;
}

int lookup_answer(const struct lookup *l, const struct addrinfo **ret)
{
	if (!atomic_load(&l->has_answer))
		return -EAGAIN;
	*ret = l->list;
	return l->result;
}
