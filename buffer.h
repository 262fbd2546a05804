/* SPDX-License-Identifier: GPL-2.0-only */
/* What data waits in: sk_buffs that are charged to their sender, and used again. */
#ifndef DEMO_BUFFER_H
#define DEMO_BUFFER_H

#include <linux/skbuff.h>
#include <linux/uio.h>

#include "sock.h"

struct demo_flight;

/**
 * struct demo_buffer - what the family notes in skb->cb
 * @start: of a stream: the first byte not read yet. The reader's, who holds
 *         read_lock, while the buffer is queued; the writer's else
 * @end: of a stream: behind the last byte published. The lock of the receive
 *       queue. A stream's buffer has skb->len set to all it can hold, so that
 *       a writer may publish more while a reader copies
 * @claimed: of a stream: a writer is copying into it. The lock of the receive
 *           queue
 * @foreign: its pages are somebody else's, or it has no longer all that it is
 *           charged for: do not use it again
 * @urgent: of a stream: its one byte was sent out of band
 * @mark: that byte was read out of band; what is left says where it was. Set by
 *        readers under the lock of the receive queue, read under either
 * @uid: of the sender, with @pid
 * @gid: of the sender, with @pid
 * @pid: of the sender, with a reference, if credentials were asked for or given
 * @flight: descriptors that go with it
 *
 * The last four are set before it is queued; the reader takes @flight out.
 */
struct demo_buffer {
	unsigned int	start;
	unsigned int	end;
	bool		claimed;
	bool		foreign;
	bool		urgent;
	bool		mark;
	kuid_t		uid;
	kgid_t		gid;
	struct pid	*pid;
	struct demo_flight *flight;
};

static inline struct demo_buffer *demo_buffer(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct demo_buffer) > sizeof(skb->cb));
	return (struct demo_buffer *)skb->cb;
}

/* It is like new: nothing is noted. */
static inline void demo_buffer_clear(struct sk_buff *skb)
{
	memset(demo_buffer(skb), 0, sizeof(struct demo_buffer));
}

/*
 * Charge a sender for a buffer that nobody is charged for: skb_set_owner_w() without
 * what that has for packets.
 */
static inline void demo_buffer_charge(struct sk_buff *skb, struct sock *sk)
{
	skb->sk = sk;
	skb->destructor = sock_wfree;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
}

/* May the sender have another buffer in flight? One may go over the limit. */
static inline bool demo_buffer_has_room(const struct sock *sk)
{
	return sk_wmem_alloc_get(sk) < READ_ONCE(sk->sk_sndbuf);
}

/* 0 if a send may go on, -EAGAIN if it may when there is room, or why never. */
static inline int demo_buffer_admission(struct sock *sk)
{
	int err = sock_error(sk);

	if (err)
		return err;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return demo_buffer_has_room(sk) ? 0 : -EAGAIN;
}

/*
 * What is used again may be charged for more than was sent with it, and with a
 * large one in flight the sender is not writable. What is in pages goes to a record
 * as large, which is charged as much anyway.
 */
static inline bool demo_buffer_is_too_large(const struct sk_buff *skb,
					    unsigned int sndbuf)
{
	return !skb_is_nonlinear(skb) && skb->truesize >= sndbuf >> 2;
}

/* The buffer that its peer may write into: at the end of the queue, or resting. */
static inline bool demo_buffer_rests(const struct sk_buff *open)
{
	return !open->next;
}

/*
 * Nobody writes into the open buffer any more. The queue's lock is held. Returns
 * the buffer if it rested, for the caller to free, or NULL.
 */
static inline struct sk_buff *demo_buffer_close(struct demo_sock *ds)
{
	struct sk_buff *open = ds->open;

	ds->open = NULL;
	return open && demo_buffer_rests(open) ? open : NULL;
}

/*
 * Whether these bytes are in the buffer's one piece, where anything else would be
 * a bug. Copies are held against this instead of against what
 * HARDENED_USERCOPY finds out about an address: that is wider, the object of the
 * slab with what the kernel keeps behind the data, and to find it takes longer
 * than to copy a small message.
 */
static inline bool demo_buffer_holds(const struct sk_buff *skb,
				     unsigned int offset, size_t len)
{
	size_t size = skb_end_pointer(skb) - skb->data;

	return !WARN_ON_ONCE(offset > size || len > size - offset);
}

/**
 * demo_buffer_write() - copy into a buffer
 * @skb: the buffer, which has as much room
 * @offset: from here on
 * @msg: from there
 * @len: so much
 *
 * Return: 0 or -EFAULT; then nothing of @msg is used up, if it was in one piece
 */
static __always_inline int demo_buffer_write(struct sk_buff *skb,
					     unsigned int offset,
					     struct msghdr *msg, size_t len)
{
	size_t copied;

	if (skb_is_nonlinear(skb))
		return skb_copy_datagram_from_iter(skb, offset, &msg->msg_iter,
						   len);

	if (!demo_buffer_holds(skb, offset, len))
		return -EFAULT;
	copied = _copy_from_iter(skb->data + offset, len, &msg->msg_iter);
	if (copied == len)
		return 0;
	iov_iter_revert(&msg->msg_iter, copied);
	return -EFAULT;
}

long demo_buffer_wait(struct sock *sk, long timeo);

/**
 * demo_buffer_admit() - wait until the sender may have another buffer in flight
 * @sk: the sender
 * @timeo: how long, in jiffies
 *
 * Return: what is left of @timeo, or an errno
 */
static inline long demo_buffer_admit(struct sock *sk, long timeo)
{
	int err = demo_buffer_admission(sk);

	if (err == -EAGAIN)
		return demo_buffer_wait(sk, timeo);
	return err ?: timeo;
}

struct sk_buff *demo_buffer_alloc(struct sock *sk, unsigned int need,
				  unsigned int want);
struct sk_buff *demo_buffer_alloc_record(struct sock *sk, size_t len);
int demo_buffer_read(struct sk_buff *skb, unsigned int offset,
		     struct msghdr *msg, unsigned int len);
void demo_buffer_retire(struct sock *sender, struct sk_buff_head *drained);
unsigned int demo_buffer_rest(struct sk_buff *skb);
void demo_buffer_rested(struct sock *sk, struct sock *sender,
			unsigned int charge);

void demo_spares_release(struct sock *sk);
int demo_spares_init(void);
void demo_spares_exit(void);

#endif /* DEMO_BUFFER_H */
