/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers what it told of the last images. One that it has forgotten is told again, which does no harm. */
#include "engine/daemon/teller.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enforce/image.h"

enum { TELLER_IMAGES = 4096 }; /* by the low bits of a hash */

struct told_image {
	uint64_t id, version;
	uint32_t generation; /* of the approval */
};

struct teller {
	struct sensor *sensor; /* borrowed */
	struct told_image told[TELLER_IMAGES];
};

int teller_new(struct sensor *sensor, struct teller **ret)
{
	struct teller *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->sensor = sensor;
	*ret = t;
	return 0;
}

void teller_free(struct teller **t)
{
	free(*t);
	*t = NULL;
}

void teller_event(struct teller *t, const struct policy *policy, const struct event *ev)
{
	uint32_t generation = sensor_approval(t->sensor);
	if (!generation || !(policy->approval.image_events >> ev->type->number & 1) || !image_is_known(ev))
		return;
	const struct image_stamp *image = &ev->derived->image;
	struct told_image *told = &t->told[image->id * 0x9e3779b97f4a7c15ull >> 32 & (TELLER_IMAGES - 1)];
	if (told->id == image->id && told->version == image->version && told->generation == generation)
		return;
	uint64_t events = approval_image(&policy->approval, policy->rules, ev);
	if (sensor_tell_image(t->sensor, image->id, events) == 0)
		*told = (struct told_image){ image->id, image->version, generation };
}
