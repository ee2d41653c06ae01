/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that stands in for the fuzzer: runs the target once over every file of the corpus folder argv[1], so that inputs
 * that once broke something are plain tests in every build. Linked with each tests/fuzz/fuzz_*.c outside the fuzz variant.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { INPUT_MAX = 16 * 1024 * 1024 };

static int run_file(const char *path)
{
	CLEANUP(buf_done) struct buf input = { .max = INPUT_MAX };
	int err = fd_read_file(path, INPUT_MAX, &input);
	if (err) {
		printf("not ok - %s: cannot read: error %d\n", path, -err);
		return err;
	}
	/* A copy of exactly that size: a read past the end is one past the allocation, which AddressSanitizer sees. */
	uint8_t *copy = malloc(input.n ? input.n : 1);
	if (!copy)
		return -ENOMEM;
	if (input.n)
		memcpy(copy, input.p, input.n);
	int refused = LLVMFuzzerTestOneInput(copy, input.n);
	free(copy);
	return refused ? -EINVAL : 0;
}

static int select_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void entries_free(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	struct dirent **entries = NULL;
	int n = scandir(argv[1], &entries, select_file, alphasort);
	if (n < 0) {
		printf("not ok - %s: no corpus folder\n", argv[1]);
		return 1;
	}
	size_t inputs = 0, failed = 0;
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;
		int len = snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		inputs++;
		if (run_file(path)) {
			printf("not ok - %s\n", path);
			failed++;
		}
	}
	entries_free(entries, n);
	if (inputs == 0)
		printf("not ok - %s: the corpus is empty\n", argv[1]);
	else if (failed == 0)
		printf("ok - %zu inputs of %s\n", inputs, argv[1]);
	return inputs == 0 || failed ? 1 : 0;
}
