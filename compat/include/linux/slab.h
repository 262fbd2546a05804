/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_SLAB_H
#define DEMO_COMPAT_LINUX_SLAB_H

#include_next <linux/slab.h>

/* 7.0: an allocation is told the object, not its size. */
#ifndef kzalloc_obj
#define kzalloc_obj(object, gfp) kzalloc(sizeof(object), gfp)
#endif

#endif /* DEMO_COMPAT_LINUX_SLAB_H */
