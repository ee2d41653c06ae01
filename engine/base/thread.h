/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "engine/base/attr.h"

/* Starts a thread that gets no signals: those are for the thread that waits for them. 0 or -errno. */
int thread_start(pthread_t *ret, void *(*run)(void *), void *context) MUST_CHECK;
