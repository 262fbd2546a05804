/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_LOCKDEP_H
#define DEMO_COMPAT_LINUX_LOCKDEP_H

#include_next <linux/lockdep.h>

/*
 * 6.5, and some older stable kernels: a function gives the order of locks of
 * one class. Elsewhere lockdep takes two of them for a deadlock, so it must not
 * look at them.
 */
#ifndef lock_set_cmp_fn
#define lock_set_cmp_fn(lock, ...) lockdep_set_novalidate_class(lock)
#endif

#endif /* DEMO_COMPAT_LINUX_LOCKDEP_H */
