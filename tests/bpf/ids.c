/* SPDX-License-Identifier: Apache-2.0 */
/* ids: prints "P L": how many BPF programs and how many BPF links there are in the kernel. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf_call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static unsigned count(int cmd)
{
	unsigned n = 0;
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	while (bpf_call(cmd, &attr) == 0) {
		n++;
		attr.start_id = attr.next_id;
	}
	return n;
}

int main(void)
{
	printf("%u %u\n", count(BPF_PROG_GET_NEXT_ID), count(BPF_LINK_GET_NEXT_ID));
	return 0;
}
