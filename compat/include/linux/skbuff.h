/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_SKBUFF_H
#define DEMO_COMPAT_LINUX_SKBUFF_H

#include_next <linux/skbuff.h>

/* 6.3: what a buffer's head of this size takes with the overhead behind it. */
#ifndef SKB_HEAD_ALIGN
#define SKB_HEAD_ALIGN(size)						\
	(SKB_DATA_ALIGN(size) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))
#endif

#endif /* DEMO_COMPAT_LINUX_SKBUFF_H */
