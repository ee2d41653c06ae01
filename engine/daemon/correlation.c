/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as text, times as wall clock. */
#include "engine/daemon/correlation.h"

enum { TEXT_BYTES = (STATE_MAX_OTHERS + 1) * STATEFUL_MAX_KEYS * (STATE_MAX_KEY_TEXT + 2) + STATE_MAX_KEY_TEXT };

int correlation_init(struct correlation *c)
{
	*c = (struct correlation){ .text = { .max = 4 * TEXT_BYTES } };
	return buf_reserve(&c->text, TEXT_BYTES);
}

void correlation_done(struct correlation *c)
{
	buf_done(&c->text);
}

/* All keys of an input, each followed by the separator. */
static struct strview keys_of(struct correlation *c, struct state *state, const struct state_alert *alert, uint32_t input, const char *between)
{
	size_t from = c->text.n, n = alert->stateful->n_keys;
	for (size_t i = 0; i < n; i++) {
		state_key_text(state, alert, input, i, &c->text);
		if (!between)
			buf_add_char(&c->text, '\0');
		else if (i + 1 < n)
			buf_add_z(&c->text, between);
	}
	return (struct strview){ c->text.p + from, c->text.n - from };
}

static uint64_t until(const struct state_alert *alert)
{
	const struct event *ev = alert->ev;
	if (!ev->derived || !IS_DERIVED(ev->derived, time) || alert->at_ns < ev->common->boot_ns)
		return 0;
	return ev->derived->time + (alert->at_ns - ev->common->boot_ns);
}

void correlation_make(struct correlation *c, struct state *state, const struct state_alert *alert)
{
	buf_reset(&c->text);
	c->info = (struct alert_correlation){
		.kind = stateful_kind_name(alert->stateful->kind),
		.count = alert->count,
		.since_ns = alert->since_wall_ns,
		.until_ns = until(alert),
		.keys = keys_of(c, state, alert, alert->input, NULL),
		.others = c->others,
		.n_others = alert->n_others,
		.n_left_out = alert->n_left_out,
	};
	for (size_t i = 0; i < alert->n_others; i++)
		c->others[i] = (struct alert_other){
			.wall_ns = alert->others[i].wall_ns,
			.action = event_type_by_number(alert->others[i].event)->name,
			.exec_id = alert->others[i].exec_id,
			.keys = keys_of(c, state, alert, alert->others[i].input, ", "),
		};
}
