/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "alerts/alert.h"
#include "engine/base/buf.h"
void terminal_alert(const struct alert *alert, bool colour, struct buf *out);
void terminal_event(const struct event *ev, struct buf *out);
