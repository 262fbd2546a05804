// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: bytes.
 *
 * A writer puts its bytes into a buffer and publishes them on its peer's
 * receive queue. While the buffer is there and has room, it is the queue's open
 * buffer: the next write goes behind the last one, into the same buffer, and
 * publishing it moves demo_buffer.end. A copy from user space may sleep, so the
 * writer takes the buffer out of @open, and marks it claimed, while it copies.
 *
 *           claim             publish              the reader is through
 *   open  ---------> claimed ---------> open, or closed ------------> spare
 *                       |                 (no room left)                ^
 *                       | the reader is through meanwhile               |
 *                       +-----> off the queue ---- publish ----> open   |
 *                                             ---- no publish ----------+ freed
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
#include "flight.h"
#include "scm.h"
#include "sock.h"
#include "stream.h"

/* Up to this much is written in one piece, never spread over two buffers. */
#define DEMO_STREAM_ATOM	((size_t)PAGE_SIZE)

/* The smallest and the largest buffer, as the allocator hands them out. */
#define DEMO_STREAM_MIN		SKB_WITH_OVERHEAD(512)
#define DEMO_STREAM_MAX		SKB_WITH_OVERHEAD(32768)

/* Writing. */

static struct sk_buff *demo_stream_claim(struct sock *peer, size_t len,
					 const struct scm_cookie *scm,
					 bool creds)
{
	struct demo_sock *ds = demo_sk(peer);
	struct sk_buff *skb;
	size_t room;

	spin_lock(&peer->sk_receive_queue.lock);
	skb = ds->open;
	if (skb) {
		room = skb->len - demo_buffer(skb)->end;
		if ((room >= len || len > DEMO_STREAM_ATOM) &&
		    demo_scm_matches(skb, scm, creds)) {
			demo_buffer(skb)->claimed = true;
			ds->open = NULL;
		} else {
			skb = NULL;
		}
	}
	spin_unlock(&peer->sk_receive_queue.lock);
	return skb;
}

/*
 * Publish *@len more bytes of a claimed or new buffer, or none: then *@len is 0
 * after. Returns whether the queue has the buffer; else it is the caller's.
 */
static bool demo_stream_publish(struct sock *sk, struct sock *peer,
				struct sk_buff *skb, size_t *len)
{
	struct sk_buff_head *queue = &peer->sk_receive_queue;
	struct demo_buffer *buffer = demo_buffer(skb);
	struct demo_sock *ds = demo_sk(peer);
	bool queued;

	spin_lock(&queue->lock);
	if (peer->sk_shutdown & RCV_SHUTDOWN)
		*len = 0;
	/* New, or read to its end meanwhile. */
	queued = skb->next;
	if (*len) {
		if (!queued) {
			buffer->start = buffer->end;
			/* Read meanwhile, it is still charged. */
			if (!skb->sk)
				skb_set_owner_w(skb, sk);
			__skb_queue_tail(queue, skb);
			queued = true;
		}
		buffer->end += *len;
		WRITE_ONCE(ds->inq, ds->inq + *len);
	}
	buffer->claimed = false;
	/* Descriptors go with the bytes they were sent with, and no others. */
	if (queued)
		ds->open = buffer->end < skb->len && !buffer->flight ? skb :
								       NULL;
	spin_unlock(&queue->lock);
	return queued;
}

/* A new buffer for @len bytes, if the sender may have one. */
static struct sk_buff *demo_stream_open(struct sock *sk, struct sock *peer,
					size_t len, struct scm_cookie *scm,
					bool creds, int *err)
{
	int sndbuf = READ_ONCE(sk->sk_sndbuf);
	unsigned int need, want, shared;
	struct sk_buff *skb;

	if (sk_wmem_alloc_get(sk) >= sndbuf) {
		*err = -EAGAIN;
		return NULL;
	}

	/*
	 * At least two buffers fit into the send buffer. One that is shared by
	 * small writes is as large as what waits already, so that what a byte
	 * costs goes towards a byte, but a sender with one of them in flight is
	 * still writable.
	 */
	len = min_t(size_t, len, (sndbuf >> 1) - 64);
	shared = min_t(unsigned int, READ_ONCE(demo_sk(peer)->inq), sndbuf >> 3);
	need = min(len, DEMO_STREAM_ATOM);
	want = clamp_t(size_t, max_t(size_t, len, shared), DEMO_STREAM_MIN,
		       DEMO_STREAM_MAX);
	/* What the allocator would round it up to anyway. */
	if (want < DEMO_STREAM_MAX)
		want = SKB_WITH_OVERHEAD(roundup_pow_of_two(SKB_HEAD_ALIGN(want)));

	skb = demo_buffer_alloc(sk, need, want, err);
	if (!skb)
		return NULL;
	skb_put(skb, skb_tailroom(skb));
	if (!creds && !demo_scm_any(scm))
		return skb;

	/* What goes with a buffer is looked after together with its charge. */
	skb_set_owner_w(skb, sk);
	*err = demo_scm_attach(skb, scm);
	if (*err) {
		consume_skb(skb);
		return NULL;
	}
	if (creds)
		demo_scm_add_creds(skb);
	return skb;
}

/* Send some of @msg, and all of @scm. */
static int demo_stream_write(struct sock *sk, struct sock *peer,
			     struct msghdr *msg, size_t len,
			     struct scm_cookie *scm, bool creds)
{
	struct demo_flight *flight;
	struct sk_buff *skb;
	int boarded = 0;
	unsigned int end;
	int err = 0;
	bool queued;

	skb = demo_stream_claim(peer, len, scm, creds);
	if (!skb) {
		skb = demo_stream_open(sk, peer, len, scm, creds, &err);
		if (!skb)
			return err;
	}
	flight = demo_buffer(skb)->flight;

	/* Only the writer moves it. */
	end = demo_buffer(skb)->end;
	len = min_t(size_t, len, skb->len - end);
	if (!copy_from_iter_full(skb->data + end, len, &msg->msg_iter)) {
		err = -EFAULT;
		len = 0;
	}
	if (len && flight) {
		boarded = demo_flight_board(flight, peer);
		if (boarded < 0) {
			err = boarded;
			boarded = 0;
			len = 0;
		}
	}
	queued = demo_stream_publish(sk, peer, skb, &len);
	if (boarded)
		demo_flight_boarded(flight, queued);
	if (!queued)
		consume_skb(skb);
	if (!len)
		return err ?: -EPIPE;

	demo_data_ready(peer);
	return len;
}

/**
 * demo_stream_sendmsg() - sendmsg() of a stream
 * @sock: the sender
 * @msg: what to send
 * @len: how much
 *
 * Return: how much was sent, or an errno when nothing was
 */
int demo_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct demo_sock *ds = demo_sk(sk);
	struct sock *peer = READ_ONCE(ds->peer);
	struct scm_cookie scm;
	size_t sent = 0;
	long timeo;
	bool creds;
	int ret;

	ret = demo_scm_send(msg, &scm);
	if (ret)
		return ret;
	ret = -EOPNOTSUPP;
	if (msg->msg_flags & MSG_OOB)
		goto out;
	ret = peer ? -EISCONN : -EOPNOTSUPP;
	if (msg->msg_namelen)
		goto out;
	ret = -ENOTCONN;
	if (!peer)
		goto out;
	ret = -EPIPE;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		goto out_pipe;

	ret = 0;
	creds = demo_wants_creds(sk) || demo_wants_creds(peer);
	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	mutex_lock(&ds->write_lock);
	while (sent < len) {
		ret = demo_stream_write(sk, peer, msg, len - sent, &scm, creds);
		if (ret == -EAGAIN) {
			/* Another writer may have no wish to wait. */
			mutex_unlock(&ds->write_lock);
			ret = demo_buffer_admit(sk, &timeo);
			if (ret)
				goto out;
			mutex_lock(&ds->write_lock);
			continue;
		}
		if (ret < 0)
			break;
		sent += ret;
	}
	mutex_unlock(&ds->write_lock);

out_pipe:
	if (ret == -EPIPE && !sent && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
out:
	if (demo_scm_any(&scm))
		scm_destroy(&scm);
	return sent ?: ret;
}

/* Reading. */

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
	bool			full;
};

/* Take off the queue what was read to its end. */
static void demo_stream_drain(struct sock *sk, unsigned int len)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head drained;
	struct demo_buffer *buffer;
	struct sk_buff *skb;

	__skb_queue_head_init(&drained);
	spin_lock(&queue->lock);
	WRITE_ONCE(ds->inq, ds->inq - len);
	while ((skb = skb_peek(queue))) {
		buffer = demo_buffer(skb);
		if (buffer->start != buffer->end)
			break;
		__skb_unlink(skb, queue);
		if (ds->open == skb)
			ds->open = NULL;
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

/*
 * Move up to @size bytes, from the @skip-th on, to @sink, of what is published
 * now. Returns how many; -EAGAIN when there is nothing at @skip.
 */
static int demo_stream_take(struct sock *sk, struct demo_stream_sink *sink,
			    size_t size, unsigned int skip, bool peek)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb, *last;
	unsigned int end, len;
	int ret = -EAGAIN;
	int done = 0;

	/* Who publishes later wakes those who sleep by then. */
	if (!READ_ONCE(demo_sk(sk)->inq))
		return ret;
	spin_lock(&queue->lock);
	skb = skb_peek(queue);
	last = skb_peek_tail(queue);
	end = last ? demo_buffer(last)->end : 0;
	spin_unlock(&queue->lock);

	while (skb) {
		struct demo_buffer *buffer = demo_buffer(skb);

		/* Nobody writes to the ones before the last any more. */
		len = (skb == last ? end : buffer->end) - buffer->start;
		if (skip < len) {
			if (sink->wants_creds && !demo_stream_same(sink, skb))
				break;
			len = min_t(size_t, len - skip, size - done);
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
		} else {
			skip -= len;
		}
		if (skb == last)
			break;
		skb = skb->next;
	}

	if (!peek && done)
		demo_stream_drain(sk, done);
	return done ?: ret;
}

static unsigned int demo_stream_skip(struct sock *sk, int flags)
{
	return max(sk_peek_offset(sk, flags), 0);
}

/* Wait until there is something to read, at the place where it is to be read. */
static long demo_stream_wait(struct sock *sk, long timeo, int flags,
			     unsigned int state)
{
	struct demo_sock *ds = demo_sk(sk);
	DEFINE_WAIT(wait);

	prepare_to_wait(sk_sleep(sk), &wait, state);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	if (READ_ONCE(ds->inq) <= demo_stream_skip(sk, flags) &&
	    !READ_ONCE(sk->sk_err) &&
	    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) &&
	    !signal_pending(current))
		timeo = schedule_timeout(timeo);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	finish_wait(sk_sleep(sk), &wait);
	return timeo;
}

static ssize_t demo_stream_read(struct sock *sk, struct demo_stream_sink *sink,
				size_t size, int flags, unsigned int state)
{
	struct demo_sock *ds = demo_sk(sk);
	bool peek = flags & MSG_PEEK;
	size_t copied = 0;
	int target, ret;
	long timeo;

	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return -EINVAL;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;

	target = sock_rcvlowat(sk, flags & MSG_WAITALL, size);
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);

	mutex_lock(&ds->read_lock);
	for (;;) {
		ret = demo_stream_take(sk, sink, size - copied,
				       demo_stream_skip(sk, flags), peek);
		if (ret >= 0) {
			copied += ret;
			if (peek)
				sk_peek_offset_fwd(sk, ret);
			else
				sk_peek_offset_bwd(sk, ret);
			/* A full pipe takes nothing, and then never will. */
			if (peek || !ret || copied == size || sink->full)
				break;
			continue;
		}
		if (ret != -EAGAIN || copied >= target || sink->full)
			break;

		/* In the order that POSIX gives. */
		ret = sock_error(sk);
		if (ret)
			break;
		if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
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
	return skb_copy_datagram_msg(skb, offset, sink->msg, len) ?: len;
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

	sink.wants_creds = demo_wants_creds(sk);
	ret = demo_stream_read(sk, &sink, size, flags,
			       TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (sink.scm.fp || sink.wants_creds)
		scm_recv(sock, msg, &sink.scm, flags);
	if (ret >= 0)
		demo_stream_tell_inq(sk, msg);
	if (ret > 0 && msg->msg_name) {
		demo_peer_name(READ_ONCE(demo_sk(sk)->peer), msg->msg_name);
		msg->msg_namelen = sizeof(struct sockaddr_demo);
	}
	return ret;
}

static int demo_stream_put_pipe(struct sock *sk, struct sk_buff *skb,
				unsigned int offset, unsigned int len,
				struct demo_stream_sink *sink)
{
	int ret = skb_splice_bits(skb, sk, offset, sink->pipe, len, sink->flags);

	/* A pipe without readers too: AF_UNIX tells no more. */
	return ret < 0 ? -EFAULT : ret;
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
