/* SPDX-License-Identifier: Apache-2.0 */
/* The canary: says that it ran. */
#include <unistd.h>

int main(void)
{
	return write(1, "NONCE\n", 6) == 6 ? 0 : 1;
}
