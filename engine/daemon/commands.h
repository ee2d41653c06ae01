/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. argv[0] is the subcommand's name. Exit status: 0 fine, 1 failure of what was asked, 2 usage (`run` has its own). */
#pragma once

int cmd_run(int argc, char **argv);
int cmd_daemon(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_protect(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_format(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_receipt(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_fields(int argc, char **argv);

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
