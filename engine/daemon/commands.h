/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. argv[0] is the subcommand's name. Exit status: 0 fine, 1 failure of what was asked, 2 usage. */
#pragma once

int cmd_verify(int argc, char **argv);
