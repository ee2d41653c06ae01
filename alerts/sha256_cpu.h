/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by the instructions that x86 CPUs have for it. Only alerts/crypto.c asks for it; it looks first whether the CPU has them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/strview.h"

/* For what runs while the program is still being loaded: before the sanitizers, and what fuzzers and coverage count with, are set up. */
#ifdef __clang__
#define SHA256_BARE __attribute__((no_sanitize("address", "undefined", "thread", "coverage"), no_instrument_function))
#else
#define SHA256_BARE __attribute__((no_sanitize("address", "undefined", "thread"), no_instrument_function))
#endif

/*
 * Asks the CPU itself each time, which is slow under a hypervisor: ask once. Safe to call while the program is still being loaded.
 * Always false on other CPUs than x86-64.
 */
bool sha256_cpu_has(void);

/* The hash of the parts, one after the other. Needs sha256_cpu_has. */
void sha256_cpu(const struct strview *parts, size_t n, uint8_t ret_hash[static 32]);

/* The hashes of two texts, each with that byte before it, in half the time of one after the other when they are of like length. Needs sha256_cpu_has. */
void sha256_cpu_two(uint8_t before, const struct strview text[static 2], uint8_t ret_hash[static 2][32]);
