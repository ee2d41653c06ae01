/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts and events for people at a terminal. Text from outside cannot move the cursor or pose as ours: control characters, bytes that are
 * not UTF-8 and characters that turn the writing direction are shown as \xHH.
 */
#pragma once

#include "alerts/alert.h"

/* A block of two to three lines, each with a line end. Colour only when asked: the caller knows the terminal and NO_COLOR. */
void terminal_alert(const struct alert *alert, bool colour, struct buf *out);
/* One line: time, event, process, and what it concerns. */
void terminal_event(const struct event *ev, struct buf *out);
/*
 * Is it nothing to be shown as it is: a control character (C0, DEL, C1), a mark that turns or hides text, a line or paragraph separator? p: one valid
 * sequence of UTF-8, of n bytes.
 */
bool terminal_is_unsafe(const char *p, size_t n) PURE;
/* The text as it is safe to show. */
void terminal_text(struct buf *out, struct strview text);
