/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/library.h"

#include <dlfcn.h>
#include <string.h>

const char *library_load(const char *so_name, const struct library_function *functions, size_t n, void *pointers)
{
	void *handle = dlopen(so_name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle) {
		const char *why = dlerror();
		return why ? why : "no reason";
	}
	for (size_t i = 0; i < n; i++) {
		void *function = dlsym(handle, functions[i].name);
		if (!function)
			return functions[i].name;
		memcpy((char *)pointers + functions[i].at, &function, sizeof(function));
	}
	return NULL;
}
