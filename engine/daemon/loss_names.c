/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/loss_names.h"

const char *loss_misc_name(enum misc_counter counter)
{
	static const char *const names[MISC_COUNT] = {
		[MISC_TASKS_FULL] = "processes", [MISC_CALLS_FULL] = "outcomes", [MISC_UNREADABLE_FD] = "descriptors",
		[MISC_LABELS_FULL] = "labels", [MISC_ANCESTORS_FULL] = "ancestor-sets", [MISC_ASKS_FULL] = "decisions",
		[MISC_IMAGES_FULL] = "images", [MISC_HASHES] = "hashes",
	};
	return names[counter];
}
