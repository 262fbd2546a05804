/* SPDX-License-Identifier: GPL-2.0-only */
/* MSG_ZEROCOPY: the caller's own pages, instead of a copy of what is in them. */
#ifndef DEMO_ZEROCOPY_H
#define DEMO_ZEROCOPY_H

#include <linux/skbuff.h>
#include <net/sock.h>

/* Who sends less than this is told of the end of it, but it is copied. */
#define DEMO_ZEROCOPY_MIN	((size_t)16384)

/* A caller wants to be told when its pages are its own again. */
static inline bool demo_zerocopy_wanted(const struct sock *sk, int flags)
{
	return unlikely(flags & MSG_ZEROCOPY) && sock_flag(sk, SOCK_ZEROCOPY);
}

struct ubuf_info *demo_zerocopy_begin(struct sock *sk, size_t len);
void demo_zerocopy_abort(struct ubuf_info *notice);
void demo_zerocopy_end(struct ubuf_info *notice, size_t len);
struct sk_buff *demo_zerocopy_alloc(struct sock *sk, struct ubuf_info *notice);
int demo_zerocopy_fill(struct sk_buff *skb, struct msghdr *msg, size_t len);

#endif /* DEMO_ZEROCOPY_H */
