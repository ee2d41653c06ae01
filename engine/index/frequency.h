/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a test may be expected to hold, by what is common on hosts in general: words.def and a model of bytes. Only a guess, which
 * costs time where it is wrong and never an answer.
 */
#pragma once

#include "engine/rules/condition.h"

/* Tenths of a bit that a byte tells, among texts of command lines and paths. */
unsigned frequency_byte_bits(unsigned char byte) PURE;

/* Share of the events with the field for which the test holds, 0 to 1. */
double frequency_of(const struct test *test);

/* Instructions that the test costs the plain evaluator, about. */
double frequency_cost(const struct test *test);
