/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_SKBUFF_H
#define DEMO_COMPAT_LINUX_SKBUFF_H

#include <linux/version.h>
#include_next <linux/skbuff.h>

/* 6.3: what a buffer's head of this size takes with the overhead behind it. */
#ifndef SKB_HEAD_ALIGN
#define SKB_HEAD_ALIGN(size)						\
	(SKB_DATA_ALIGN(size) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))
#endif

/* 6.16: pages may be of a device, or not. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define msg_zerocopy_realloc(sk, size, uarg, devmem)			\
	msg_zerocopy_realloc(sk, size, uarg)
#define __zerocopy_sg_from_iter(msg, sk, skb, from, length, binding)	\
	__zerocopy_sg_from_iter(msg, sk, skb, from, length)
#endif

#endif /* DEMO_COMPAT_LINUX_SKBUFF_H */
