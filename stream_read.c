// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: bytes: receive, splice, and what was sent out of band. stream.c has
 * the other end, and the picture of a buffer's way.
 *
 * A reader looks once, under the queue's lock, at how far the queue reaches,
 * and copies without it: what is published does not change, and only readers,
 * one at a time, take buffers off the queue.
 */

#include <linux/freezer.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <net/tcp_states.h>

#include "buffer.h"
#include "scm.h"
#include "sock.h"
#include "spin.h"
#include "stream.h"

/**
 * struct demo_stream_sink - where a reader's bytes go
 * @put: takes @len bytes at @offset of @skb; returns how many it took, or an
 *       errno
 * @msg: for recvmsg()
 * @pipe: for splice()
 * @flags: of that splice()
 * @scm: what went beside the bytes
 * @wants_creds: the reader asks for credentials
 * @has_creds: the bytes so far have one sender, who is in @scm
 * @some: there were bytes, though none may have been asked for
 * @full: what follows cannot be given together with what is there
 */
struct demo_stream_sink {
	int (*put)(struct sock *sk, struct sk_buff *skb, unsigned int offset,
		   unsigned int len, struct demo_stream_sink *sink);
	struct msghdr		*msg;
	struct pipe_inode_info	*pipe;
	unsigned int		flags;
	struct scm_cookie	scm;
	bool			wants_creds;
	bool			has_creds;
	bool			some;
	bool			full;
};

/* Take off the queue what was read to its end. */
static void demo_stream_drain(struct sock *sk, unsigned int len)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head drained;
	struct demo_buffer *buffer;
	struct sock *sender = NULL;
	unsigned int charge = 0;
	struct sk_buff *skb;

	__skb_queue_head_init(&drained);
	spin_lock(&queue->lock);
	WRITE_ONCE(ds->inq, ds->inq - len);
	while ((skb = skb_peek(queue))) {
		buffer = demo_buffer(skb);
		if (buffer->start != buffer->end || buffer->mark)
			break;
		__skb_unlink(skb, queue);
		if (ds->open == skb) {
			sender = skb->sk;
			charge = demo_buffer_rest(skb);
			/* Nothing is behind it. */
			if (charge)
				break;
			ds->open = NULL;
		}
		/* Claimed, it is its writer's. */
		if (!buffer->claimed)
			__skb_queue_tail(&drained, skb);
	}
	spin_unlock(&queue->lock);

	skb_queue_walk(&drained, skb)
		if (demo_scm_has(skb))
			demo_scm_discard(skb);
	/* The charge keeps the sender, whether or not it was released. */
	skb = skb_peek(&drained);
	if (skb)
		demo_buffer_retire(skb->sk, &drained);
	if (charge)
		demo_buffer_rested(sk, sender, charge);
}

/* Whether the bytes of @skb are of the same sender as those before them. */
static bool demo_stream_same(struct demo_stream_sink *sink, struct sk_buff *skb)
{
	if (!sink->has_creds) {
		demo_scm_take_creds(skb, &sink->scm);
		sink->has_creds = true;
	}
	sink->full = !demo_scm_same_creds(skb, &sink->scm);
	return !sink->full;
}

enum demo_urgent { DEMO_URGENT_READ, DEMO_URGENT_SKIP, DEMO_URGENT_STOP };

/*
 * A reader of ordinary bytes has come to one that was sent out of band. It stops
 * before it, and a read that begins there throws it away, unless it is to be
 * read in line, or is not the last such byte any more: then it is like others.
 * So is the place of one that was read out of band, except that a read that
 * begins there goes on behind it.
 */
static enum demo_urgent demo_stream_at_urgent(struct sock *sk,
					      struct sk_buff *skb,
					      bool copied, bool peek)
{
	struct demo_buffer *buffer = demo_buffer(skb);
	bool inline_ = sock_flag(sk, SOCK_URGINLINE);
	enum demo_urgent what = DEMO_URGENT_READ;
	struct demo_sock *ds = demo_sk(sk);

	spin_lock(&sk->sk_receive_queue.lock);
	if (buffer->mark) {
		if (copied && !ds->oob) {
			what = DEMO_URGENT_STOP;
		} else {
			what = DEMO_URGENT_SKIP;
			buffer->mark = peek;
		}
	} else if (skb == ds->oob) {
		if (copied) {
			what = DEMO_URGENT_STOP;
		} else if (!peek) {
			WRITE_ONCE(ds->oob, NULL);
			if (!inline_) {
				what = DEMO_URGENT_SKIP;
				buffer->start = buffer->end;
				WRITE_ONCE(ds->inq, ds->inq - 1);
			}
		} else if (!inline_) {
			what = DEMO_URGENT_SKIP;
		}
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return what;
}

/*
 * Move up to @size bytes, from the @skip-th on, to @sink, of what is published
 * now. Returns how many; -EAGAIN when there is nothing at @skip.
 */
static int demo_stream_take(struct sock *sk, struct demo_stream_sink *sink,
			    size_t size, unsigned int skip, bool copied,
			    bool peek)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	bool passed = false, skipped = false;
	struct sk_buff *skb, *last;
	unsigned int end, len;
	int ret = -EAGAIN;
	int done = 0;

	sink->wants_creds = demo_asks_creds(sk);
	/* Who publishes later wakes those who sleep by then. */
	if (skb_queue_empty_lockless(queue))
		return ret;
	spin_lock(&queue->lock);
	skb = skb_peek(queue);
	last = skb_peek_tail(queue);
	end = last ? demo_buffer(last)->end : 0;
	spin_unlock(&queue->lock);

	while (skb) {
		struct demo_buffer *buffer = demo_buffer(skb);

		/* SO_PEEK_OFF goes by its place, and does not look there. */
		if (buffer->urgent && !passed) {
			enum demo_urgent what =
				demo_stream_at_urgent(sk, skb, copied || done,
						      peek);

			sink->full = what == DEMO_URGENT_STOP;
			if (sink->full)
				break;
			if (what == DEMO_URGENT_SKIP) {
				skipped = true;
				goto next;
			}
		}
		/* Nobody writes to the ones before the last any more. */
		len = (skb == last ? end : buffer->end) - buffer->start;
		if (skip < len) {
			if (sink->wants_creds && !demo_stream_same(sink, skb))
				break;
			len = min_t(size_t, len - skip, size - done);
			sink->some = true;
			ret = sink->put(sk, skb, buffer->start + skip, len,
					sink);
			if (ret < 0)
				break;
			done += ret;
			if (!peek)
				buffer->start += ret;
			if (buffer->flight) {
				demo_scm_take_files(skb, &sink->scm, peek);
				sink->full = true;
			}
			if (ret < len || done == size || sink->full)
				break;
			skip = 0;
			passed = false;
		} else {
			skip -= len;
			passed |= len;
		}
next:
		if (skb == last)
			break;
		skb = skb->next;
	}

	if (!peek && (done || skipped))
		demo_stream_drain(sk, done);
	/* Who asks for nothing has got it. */
	if (skipped && !size && ret == -EAGAIN)
		return 0;
	return done ?: ret;
}

static unsigned int demo_stream_skip(struct sock *sk, int flags)
{
	return max(sk_peek_offset(sk, flags), 0);
}

/* Is the urgent byte the next one, but for a mark? The queue is locked. */
static bool demo_stream_oob_is_next(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb = skb_peek(queue);

	if (skb && demo_buffer(skb)->mark)
		skb = skb_peek_next(skb, queue);
	return skb && skb == demo_sk(sk)->oob;
}

/*
 * Nothing is there, at the place where it is to be read. A peek that comes to an
 * urgent byte first looks behind it, so that alone is nothing. Under the lock,
 * since another reader may take that byte, and leave one that is something.
 */
static bool demo_stream_idle(struct sock *sk, int flags)
{
	unsigned int skip = demo_stream_skip(sk, flags);
	struct demo_sock *ds = demo_sk(sk);
	bool idle;

	spin_lock(&sk->sk_receive_queue.lock);
	if (flags & MSG_PEEK && !sock_flag(sk, SOCK_URGINLINE) &&
	    demo_stream_oob_is_next(sk))
		skip++;
	idle = ds->inq <= skip;
	spin_unlock(&sk->sk_receive_queue.lock);
	return idle;
}

/* Much the same without the lock, for who looks again and again. */
static bool demo_stream_quiet(struct sock *sk, int flags)
{
	return READ_ONCE(demo_sk(sk)->inq) <= demo_stream_skip(sk, flags) &&
	       !READ_ONCE(sk->sk_err) &&
	       !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
}

/*
 * Wait until there is something to read. Room to write is a reason to look, too:
 * the peer has just read, and is likely to answer. On two processors, who is
 * awake by then has the answer a third earlier.
 */
static long demo_stream_wait(struct sock *sk, long timeo, int flags,
			     unsigned int state)
{
	struct demo_spin spin = { .until = jiffies + timeo };
	DEFINE_WAIT(wait);

	while (demo_stream_quiet(sk, flags) && demo_spin_once(sk, &spin))
		;
	timeo = demo_spin_end(&spin, timeo);
	prepare_to_wait(sk_sleep(sk), &wait, state);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	if (demo_stream_idle(sk, flags) &&
	    !READ_ONCE(sk->sk_err) &&
	    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) &&
	    !signal_pending(current))
		timeo = schedule_timeout(timeo);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	finish_wait(sk_sleep(sk), &wait);
	return timeo;
}

/* Read the urgent byte, and leave its place as a mark. */
static int demo_stream_read_oob(struct sock *sk, struct demo_stream_sink *sink,
				bool peek)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff *skb, *old = NULL;
	int ret = -EINVAL;

	mutex_lock(&ds->read_lock);
	spin_lock(&queue->lock);
	skb = sock_flag(sk, SOCK_URGINLINE) ? NULL : ds->oob;
	if (skb && !peek) {
		WRITE_ONCE(ds->oob, NULL);
		WRITE_ONCE(ds->inq, ds->inq - 1);
		/* Two marks at one place are one. */
		if (!skb_queue_is_first(queue, skb) &&
		    demo_buffer(skb->prev)->mark) {
			old = skb->prev;
			__skb_unlink(old, queue);
		}
		demo_buffer(skb)->start = 1;
		demo_buffer(skb)->mark = true;
	}
	spin_unlock(&queue->lock);

	if (skb)
		ret = sink->put(sk, skb, 0, 1, sink);
	mutex_unlock(&ds->read_lock);

	consume_skb(old);
	if (ret > 0)
		sink->msg->msg_flags |= MSG_OOB;
	return ret;
}

/**
 * demo_stream_at_mark() - SIOCATMARK
 * @sk: the reader
 *
 * Return: 1 when the next byte, or the one just read out of band, was sent so
 */
int demo_stream_at_mark(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff *skb;
	int at_mark;

	/* Of readers, who move the mark. */
	mutex_lock(&ds->read_lock);
	spin_lock(&queue->lock);
	skb = skb_peek(queue);
	at_mark = demo_stream_oob_is_next(sk) ||
		  (skb && demo_buffer(skb)->mark && !ds->oob);
	spin_unlock(&queue->lock);
	mutex_unlock(&ds->read_lock);
	return at_mark;
}

/*
 * Nothing more will come. What was sent before is in the queue by then, and the
 * reason, if it was a reset, in sk_err.
 */
static bool demo_stream_over(const struct sock *sk)
{
	bool over = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
		    READ_ONCE(sk->sk_err);

	/* Pairs with the locks of the queue: first this look, then that. */
	smp_rmb();
	return over;
}

static ssize_t demo_stream_read(struct sock *sk, struct demo_stream_sink *sink,
				size_t size, int flags, unsigned int state)
{
	struct demo_sock *ds = demo_sk(sk);
	bool peek = flags & MSG_PEEK;
	size_t copied = 0;
	int target, ret;
	long timeo;
	bool over;

	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return -EINVAL;
	if (flags & MSG_OOB)
		return demo_stream_read_oob(sk, sink, peek);

	target = sock_rcvlowat(sk, flags & MSG_WAITALL, size);
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);

	mutex_lock(&ds->read_lock);
	for (;;) {
		over = demo_stream_over(sk);
		ret = demo_stream_take(sk, sink, size - copied,
				       demo_stream_skip(sk, flags), copied,
				       peek);
		if (ret >= 0) {
			copied += ret;
			if (peek)
				sk_peek_offset_fwd(sk, ret);
			else
				sk_peek_offset_bwd(sk, ret);
			if (peek || copied == size || sink->full)
				break;
			continue;
		}
		if (ret != -EAGAIN || copied >= target || sink->full)
			break;

		/* Ended since the look: what was sent before is to be read first. */
		if (!over && demo_stream_over(sk))
			continue;
		/* In the order that POSIX gives. */
		ret = sock_error(sk);
		if (ret)
			break;
		/* One that came after the looks is for the next turn. */
		if (over && READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
			break;
		ret = -EAGAIN;
		if (!timeo)
			break;

		/* Another reader may have no wish to wait. */
		mutex_unlock(&ds->read_lock);
		timeo = demo_stream_wait(sk, timeo, flags, state);
		if (signal_pending(current))
			return copied ?: sock_intr_errno(timeo);
		mutex_lock(&ds->read_lock);
	}
	mutex_unlock(&ds->read_lock);
	return copied ?: ret;
}

static int demo_stream_put_msg(struct sock *sk, struct sk_buff *skb,
			       unsigned int offset, unsigned int len,
			       struct demo_stream_sink *sink)
{
	return demo_buffer_read(skb, offset, sink->msg, len) ?: len;
}

/* For who asked by SO_INQ, or through io_uring. */
static void demo_stream_tell_inq(struct sock *sk, struct msghdr *msg)
{
	struct demo_sock *ds = demo_sk(sk);
	bool tells = READ_ONCE(ds->tells_inq);

	if (!tells && !msg->msg_get_inq)
		return;
	msg->msg_inq = READ_ONCE(ds->inq);
	if (tells)
		put_cmsg(msg, SOL_SOCKET, SCM_INQ, sizeof(msg->msg_inq),
			 &msg->msg_inq);
}

/**
 * demo_stream_recvmsg() - recvmsg() of a stream
 * @sock: the reader
 * @msg: where to put the bytes
 * @size: how many at most
 * @flags: MSG_...
 *
 * Return: how many, 0 at the end, or an errno
 */
int demo_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags)
{
	struct demo_stream_sink sink = {
		.put	= demo_stream_put_msg,
		.msg	= msg,
	};
	struct sock *sk = sock->sk;
	int ret;

	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(sk, msg, size, SOL_DEMO,
					  DEMO_RECVERR);
	ret = demo_stream_read(sk, &sink, size, flags,
			       TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	/* Nothing goes beside an urgent byte that is read out of band. */
	if (flags & MSG_OOB)
		return ret;
	if (sink.scm.fp || sink.wants_creds) {
		/* Nobody sent nothing, rather than user 0. */
		if (!sink.has_creds)
			scm_set_cred(&sink.scm, NULL, INVALID_UID, INVALID_GID);
		scm_recv(sock, msg, &sink.scm, flags);
	}
	if (ret >= 0)
		demo_stream_tell_inq(sk, msg);
	if (ret >= 0 && sink.some && msg->msg_name) {
		demo_peer_name(READ_ONCE(demo_sk(sk)->peer), msg->msg_name);
		msg->msg_namelen = sizeof(struct sockaddr_demo);
	}
	return ret;
}

static int demo_stream_put_pipe(struct sock *sk, struct sk_buff *skb,
				unsigned int offset, unsigned int len,
				struct demo_stream_sink *sink)
{
	int ret;

	/* The caller of MSG_ZEROCOPY writes into its pages again. */
	if (skb_orphan_frags_rx(skb, sk->sk_allocation))
		return -ENOMEM;
	ret = skb_splice_bits(skb, sk, offset, sink->pipe, len, sink->flags);
	/* A pipe without readers too: AF_UNIX tells no more. */
	if (ret < 0)
		return -EFAULT;
	/* It had room: it was memory that was missing. */
	return ret ?: -ENOMEM;
}

/**
 * demo_stream_splice_read() - splice() from a stream into a pipe
 * @sock: the reader
 * @ppos: must be at 0: a socket has no place to start from
 * @pipe: the pipe
 * @size: how many bytes at most
 * @flags: SPLICE_F_...
 *
 * The bytes are copied: the pipe may keep them for long after the buffer they
 * came in was used again.
 *
 * Return: how many, 0 at the end, or an errno
 */
ssize_t demo_stream_splice_read(struct socket *sock, loff_t *ppos,
				struct pipe_inode_info *pipe, size_t size,
				unsigned int flags)
{
	struct demo_stream_sink sink = {
		.put	= demo_stream_put_pipe,
		.pipe	= pipe,
		.flags	= flags,
	};
	bool nonblock = sock->file->f_flags & O_NONBLOCK ||
			flags & SPLICE_F_NONBLOCK;

	ssize_t ret;

	if (*ppos)
		return -ESPIPE;
	ret = demo_stream_read(sock->sk, &sink, size,
			       nonblock ? MSG_DONTWAIT : 0,
			       TASK_INTERRUPTIBLE);
	/* A pipe takes no descriptors. */
	scm_destroy(&sink.scm);
	return ret;
}
