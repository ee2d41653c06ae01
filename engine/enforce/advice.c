/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/advice.h"

#include <stddef.h>
#include <string.h>

#define OTHERWISE ", or use `action: kill`, which ends the process after the fact, or `action: alert`"
#define CREATORS "ask ancestor(process.executable = ...), or at an exec process.previous.executable" OTHERWISE
#define CONTAINER "ask `container.id exists`, or vedette.cgroup.path" OTHERWISE

static const struct {
	const char *field, *advice;
} instead[] = {
	{ "file.name", "ask file.path: = with whole paths, or `startswith` with the folder" OTHERWISE },
	{ "file.directory", "ask file.path with `startswith`" OTHERWISE },
	{ "file.extension", "ask file.path: = with whole paths, or `startswith` with the folder" OTHERWISE },
	{ "process.name", "ask process.executable, which the process cannot change" OTHERWISE },
	{ "process.parent.executable", CREATORS },
	{ "process.parent.name", CREATORS },
	{ "vedette.ancestors.name", CREATORS },
	{ "user.name", "ask user.id" OTHERWISE },
	{ "user.effective.name", "ask user.effective.id" OTHERWISE },
	{ "user.audit.name", "ask user.audit.id" OTHERWISE },
	{ "group.name", "ask group.id" OTHERWISE },
	{ "vedette.new_user.name", "ask vedette.new_uid" OTHERWISE },
	{ "container.name", CONTAINER },
	{ "container.image.name", CONTAINER },
	{ "container.runtime", CONTAINER },
	{ "destination.domain", "ask destination.ip, with addresses and networks" OTHERWISE },
	{ "process.command_line", "ask process.args in a rule on process.exec with `action: kill`, which ends the process before its first instruction, or use `action: alert`" },
};

const char *advice_for_field(const char *name)
{
	for (size_t i = 0; i < sizeof(instead) / sizeof(instead[0]); i++)
		if (strcmp(instead[i].field, name) == 0)
			return instead[i].advice;
	return ADVICE_ALERT " (docs/events.md lists what can stand there)";
}
