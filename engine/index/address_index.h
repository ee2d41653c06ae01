/* SPDX-License-Identifier: Apache-2.0 */
/* Tests for addresses and networks: one sorted table for each length of prefix. Other tests are left to be asked. */
#pragma once

#include "engine/index/text_index.h"

struct address_index;

/* Whether the index can hold the test. */
bool address_index_takes(const struct test *test) PURE;

/* 0 or -ENOMEM. */
int address_index_new(const struct indexed_test *tests, size_t n, struct address_index **ret) MUST_CHECK;
void address_index_free(struct address_index **x);
void address_index_find(const struct address_index *x, const struct ip_address *ip, struct finder *f);
size_t address_index_bytes(const struct address_index *x);
