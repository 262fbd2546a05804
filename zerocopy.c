// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: large writes to a stream without a copy.
 *
 * A buffer that is filled with MSG_ZEROCOPY has the caller's pages as fragments.
 * They are pinned, and count for the caller's RLIMIT_MEMLOCK and SO_SNDBUF,
 * until the reader has copied them to where it wants them. When the last page
 * of a send is free, a notice comes to the caller's error queue.
 *
 * Nobody but readers of the stream sees such pages: splice() copies them first.
 * What the caller writes into them meanwhile, a reader may see or not.
 *
 * Sends are counted, and the count is what a notice tells them by. So a writer
 * has the number of its send taken back, when nothing was sent, before it lets
 * another writer in.
 */

#include <linux/skbuff.h>
#include <net/sock.h>

#include "buffer.h"
#include "zerocopy.h"

/**
 * demo_zerocopy_begin() - a send with MSG_ZEROCOPY is about to be tried
 * @sk: the sender, whose write_lock the caller holds until it has sent
 *      something, or called demo_zerocopy_abort()
 * @len: how long it is
 *
 * Return: the notice that will be given, or NULL when the caller may pin no
 *         more pages, or has left too many notices unread
 */
struct ubuf_info *demo_zerocopy_begin(struct sock *sk, size_t len)
{
	return msg_zerocopy_realloc(sk, len, NULL, false);
}

/**
 * demo_zerocopy_abort() - nothing was sent
 * @notice: what demo_zerocopy_begin() returned
 */
void demo_zerocopy_abort(struct ubuf_info *notice)
{
	net_zcopy_put_abort(notice, true);
}

/**
 * demo_zerocopy_end() - the send is through, though not read yet
 * @notice: what demo_zerocopy_begin() returned
 * @len: how long the send was
 */
void demo_zerocopy_end(struct ubuf_info *notice, size_t len)
{
	if (len < DEMO_ZEROCOPY_MIN)
		uarg_to_msgzc(notice)->zerocopy = 0;
	net_zcopy_put(notice);
}

/**
 * demo_zerocopy_alloc() - a buffer for pages
 * @sk: the sender, who is charged for it
 * @notice: the notice that its end is part of
 *
 * Return: the buffer, or NULL
 */
struct sk_buff *demo_zerocopy_alloc(struct sock *sk, struct ubuf_info *notice)
{
	struct sk_buff *skb = alloc_skb(0, sk->sk_allocation);

	if (!skb)
		return NULL;
	demo_buffer_clear(skb);
	/* The pages are the caller's. */
	demo_buffer(skb)->foreign = true;
	demo_buffer_charge(skb, sk);
	skb_zcopy_set(skb, notice, NULL);
	return skb;
}

/**
 * demo_zerocopy_fill() - pin pages
 * @skb: a buffer from demo_zerocopy_alloc()
 * @msg: where they are
 * @len: how many bytes
 *
 * Return: how many bytes it has now, as many as fit; or -EFAULT
 */
int demo_zerocopy_fill(struct sk_buff *skb, struct msghdr *msg, size_t len)
{
	int err;

	/* Of huge pages, more would fit than SO_SNDBUF or a copy can bear. */
	len = min_t(size_t, len, MAX_SKB_FRAGS * PAGE_SIZE);
	/* Without a socket, it charges the pages to the buffer's owner. */
	err = __zerocopy_sg_from_iter(msg, NULL, skb, &msg->msg_iter, len,
				      NULL);
	/* Full is as good as through; so is a fault behind some pages. */
	return skb->len ?: err ?: -EFAULT;
}
