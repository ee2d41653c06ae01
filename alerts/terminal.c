/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/terminal.h"
void terminal_alert(const struct alert *alert, bool colour, struct buf *out)
{
	(void)colour;
	buf_add_format(out, "[%s] %s: " SV_FMT "\n", severity_text(alert->rule->severity), alert->rule->title, SV_ARG(alert->message));
}
void terminal_event(const struct event *ev, struct buf *out)
{
	buf_add_format(out, "%s pid %u\n", ev->type->name, ev->common->pid);
}
