/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the ids of host and boot, makes the agent's. */
#include "alerts/identity.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "alerts/crypto.h"
#include "engine/base/fd.h"

/* First word of a small file; only characters that ids have. */
static void read_id(const char *path, const char *field, char *into, size_t size, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int r = fd_read_file(path, 4096, &text);
	size_t n = 0;
	while (!r && n < text.n && (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", text.p[n]) && text.p[n]))
		n++;
	if (r)
		diag_warn(diag, (struct place){ 0 }, "%s cannot be read (%s): records say %s unknown", path, strerror(-r), field);
	else if (n == 0 || n >= size)
		diag_warn(diag, (struct place){ path, 0, 0 }, "holds no id: records say %s unknown", field);
	if (n == 0 || n >= size) {
		(void)snprintf(into, size, "unknown"); /* fits: every id has room for more */
		return;
	}
	memcpy(into, text.p, n);
	into[n] = '\0';
}

void identity_make_uuid(char into[static IDENTITY_UUID + 1])
{
	uint8_t b[16];
	crypto_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	char *p = into;
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = "0123456789abcdef"[b[i] >> 4];
		*p++ = "0123456789abcdef"[b[i] & 15];
	}
	*p = '\0';
}

int identity_gather(struct identity *ret, struct diag *diag)
{
	struct identity id = { 0 };
	if (crypto_init()) {
		diag_error(diag, (struct place){ 0 }, "the cryptographic library cannot start: no source of randomness");
		return -EIO;
	}
	identity_make_uuid(id.agent_id);
	(void)snprintf(id.stream, sizeof(id.stream), "%s/0", id.agent_id); /* fits: 38 bytes */
	read_id("/etc/machine-id", "host.id", id.host_id, sizeof(id.host_id), diag);
	read_id("/proc/sys/kernel/random/boot_id", "host.boot.id", id.boot_id, sizeof(id.boot_id), diag);
	if (gethostname(id.host_name, sizeof(id.host_name) - 1) || !id.host_name[0])
		(void)snprintf(id.host_name, sizeof(id.host_name), "unknown"); /* fits */
	struct utsname running;
	if (uname(&running) == 0)
		(void)snprintf(id.kernel, sizeof(id.kernel), "%s", running.release); /* fits: the kernel has 64 bytes for it */
	*ret = id;
	return 0;
}
