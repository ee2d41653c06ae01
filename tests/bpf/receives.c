/* SPDX-License-Identifier: Apache-2.0 */
/* receives THREADS N: each thread sends itself N datagrams, one after the other. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MAX_THREADS = 64 };

static void *send_and_receive(void *n)
{
	int fds[2];
	char c = 'x';
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		return "no sockets";
	for (long i = *(long *)n; i > 0; i--)
		if (send(fds[0], &c, 1, 0) != 1 || recv(fds[1], &c, 1, 0) != 1)
			return "lost";
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	long n_threads = argc == 3 ? strtol(argv[1], NULL, 10) : 0, n = argc == 3 ? strtol(argv[2], NULL, 10) : 0, failed = 0;
	if (n_threads < 1 || n_threads > MAX_THREADS || n < 1)
		return 2;
	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, send_and_receive, &n))
			return 2;
	for (long i = 0; i < n_threads; i++) {
		void *fault = NULL;
		pthread_join(threads[i], &fault);
		failed += fault != NULL;
	}
	return failed != 0;
}
