/* SPDX-License-Identifier: Apache-2.0 */
/* A thread and one place for a state. */
#include "alerts/agent_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/thread.h"

enum slot { SLOT_EMPTY, SLOT_GIVEN, SLOT_DONE };

struct agent_writer {
	int folder_fd; /* borrowed */
	struct agent_file_steps steps;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	/* --- under the lock --- */
	enum slot slot;
	struct agent_state state; /* its keys are owned; the thread's while it is given */
	int result;
	bool ends;
};

static void *write_on(void *context)
{
	struct agent_writer *w = context;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->slot != SLOT_GIVEN && !w->ends)
			pthread_cond_wait(&w->change, &w->lock);
		if (w->slot != SLOT_GIVEN)
			break;
		pthread_mutex_unlock(&w->lock);
		int r = agent_file_write(w->folder_fd, &w->state, &w->steps);
		agent_state_done(&w->state);
		pthread_mutex_lock(&w->lock);
		w->result = r;
		w->slot = SLOT_DONE;
		pthread_cond_broadcast(&w->change);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int agent_writer_new(int folder_fd, const struct agent_file_steps *steps, struct agent_writer **ret)
{
	struct agent_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->folder_fd = folder_fd;
	w->steps = *steps;
	int r = -pthread_mutex_init(&w->lock, NULL);
	if (r) {
		free(w);
		return r;
	}
	r = -pthread_cond_init(&w->change, NULL);
	if (!r && (r = thread_start(&w->thread, write_on, w)))
		pthread_cond_destroy(&w->change);
	if (r) {
		pthread_mutex_destroy(&w->lock);
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void agent_writer_free(struct agent_writer **writer)
{
	struct agent_writer *w = TAKE(*writer);
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ends = true;
	pthread_cond_broadcast(&w->change);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	agent_state_done(&w->state);
	pthread_cond_destroy(&w->change);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int agent_writer_put(struct agent_writer *w, const struct agent_state *state)
{
	CLEANUP(agent_state_done) struct agent_state copy = *state;
	copy.key = copy.next = NULL;
	int r = crypto_key_copy(state->key, &copy.key);
	if (!r && state->next)
		r = crypto_key_copy(state->next, &copy.next);
	if (r)
		return r;
	pthread_mutex_lock(&w->lock);
	r = w->slot == SLOT_EMPTY ? 0 : -EBUSY;
	if (!r) {
		w->state = copy;
		copy.key = copy.next = NULL;
		w->slot = SLOT_GIVEN;
		pthread_cond_broadcast(&w->change);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int take(struct agent_writer *w, bool waits)
{
	pthread_mutex_lock(&w->lock);
	while (waits && w->slot == SLOT_GIVEN)
		pthread_cond_wait(&w->change, &w->lock);
	int r = w->slot == SLOT_GIVEN ? -EINPROGRESS : w->slot == SLOT_DONE ? w->result : 0;
	if (w->slot == SLOT_DONE)
		w->slot = SLOT_EMPTY;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int agent_writer_take(struct agent_writer *w)
{
	return take(w, false);
}

int agent_writer_wait(struct agent_writer *w)
{
	return take(w, true);
}
