/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/hash.h"

#include <sys/random.h>

void hash_key_init(struct hash_key *key)
{
	*key = (struct hash_key){ 0x9e3779b97f4a7c15u, 0xd1b54a32d192ed03u };
	struct hash_key random;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
		*key = random;
	key->a |= 1;
	key->b |= 1;
}
