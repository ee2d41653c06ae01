/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the subcommand and runs it. */
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "vedette: no command yet\n");
	return 2;
}
