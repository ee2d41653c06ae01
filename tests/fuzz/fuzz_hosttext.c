/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's files say: /proc/PID/stat, status and cgroup, cgroup paths, passwd. The first byte chooses the reader. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/container.h"
#include "engine/enrich/procfs.h"
#include "engine/enrich/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must_lie_in(struct strview part, struct strview whole)
{
	if (part.n && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		abort();
}

static void try_passwd(struct strview text)
{
	CLEANUP(fd_close) int fd = memfd_create("passwd", MFD_CLOEXEC);
	char path[64];
	struct names *names = NULL;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || fd_write_all(fd, text.p, text.n) || names_new(path, &names, NULL))
		abort();
	struct strview name = names_find(names, 0);
	if (name.n > NAMES_MAX_NAME || names_count(names) > text.n)
		abort();
	names_free(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct procfs_process process = { 0 };
	uint32_t uid;
	if (!n)
		return 0;
	struct strview text = { (const char *)bytes + 1, n - 1 };
	switch (bytes[0] % 5) {
	case 0:
		if (procfs_parse_stat(text, &process) && strlen(process.comm) >= sizeof(process.comm))
			abort();
		break;
	case 1:
		(void)!procfs_parse_uid(text, &uid);
		break;
	case 2:
		must_lie_in(procfs_parse_cgroup(text), text);
		break;
	case 3:
		must_lie_in(container_id(text), text);
		break;
	default:
		try_passwd(text);
		break;
	}
	return 0;
}
