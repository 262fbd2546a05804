/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_SHRINKER_H
#define DEMO_COMPAT_LINUX_SHRINKER_H

#include <linux/slab.h>
#include <linux/version.h>
#include_next <linux/shrinker.h>

/*
 * 6.7: shrinkers are allocated, and to register one cannot fail. Before, it
 * can, for lack of memory; then there is none, and to free it does no harm.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *shrinker_alloc(unsigned int flags,
					      const char *fmt, ...)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker) {
		shrinker->flags = flags;
		shrinker->seeks = DEFAULT_SEEKS;
	}
	return shrinker;
}

static inline void shrinker_register(struct shrinker *shrinker)
{
	if (register_shrinker(shrinker, KBUILD_MODNAME))
		pr_warn("no memory for a shrinker\n");
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

#endif /* DEMO_COMPAT_LINUX_SHRINKER_H */
