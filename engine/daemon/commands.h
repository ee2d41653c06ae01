/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands. Each gets its own name as argv[0], prints results on stdout and notes on stderr, and returns the exit status:
 * 0 fine, 1 failure of what was asked, 2 usage.
 */
#pragma once

int cmd_check(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_fields(int argc, char **argv);
int cmd_verify(int argc, char **argv);

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
