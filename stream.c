// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: bytes: send.
 *
 * A writer puts its bytes into a buffer and publishes them on its peer's
 * receive queue. While the buffer is there and has room, it is the queue's open
 * buffer: the next write goes behind the last one, into the same buffer, and
 * publishing it moves demo_buffer.end. A few bytes are copied under the lock of the
 * queue. Many would keep the reader off it, and a page that is missing takes sleep:
 * then the writer takes the buffer out of @open, and marks it claimed, while it
 * copies. When the reader is through with the open buffer, a small one, without
 * credentials, rests: off the queue, and not charged, but still open for the next
 * write.
 *
 *           claim             publish               the reader is through
 *   open  ---------> claimed ---------> open, or closed ------------> spare
 *    ^                  |                 |  (no room left)             ^
 *    +----- rests <-----|-----------------+                             |
 *                       | the reader is through meanwhile               |
 *                       +-----> off the queue ---- publish ----> open   |
 *                                             ---- no publish ----------+ freed
 *
 * stream_read.c has the reader.
 */

#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "flight.h"
#include "scm.h"
#include "sock.h"
#include "stream.h"
#include "zerocopy.h"

/* Up to this much is written in one piece, never spread over two buffers. */
#define DEMO_STREAM_ATOM	((size_t)PAGE_SIZE)

/* Up to this much is written under the lock of the queue. */
#define DEMO_STREAM_FEW		256

/* The smallest and the largest buffer, as the allocator hands them out. */
#define DEMO_STREAM_MIN		SKB_WITH_OVERHEAD(512)
#define DEMO_STREAM_MAX		SKB_WITH_OVERHEAD(32768)

/**
 * struct demo_stream_source - what a writer sends. All that get it are inline: so it
 *                             is in registers, and not in memory
 * @sk: the writer's socket
 * @peer: who gets it
 * @msg: the bytes
 * @scm: what goes beside the first of them, or NULL
 * @notice: of MSG_ZEROCOPY, or NULL
 * @pins: pages are pinned, not copied
 * @creds: the writer's credentials go with all of them
 */
struct demo_stream_source {
	struct sock		*sk;
	struct sock		*peer;
	struct msghdr		*msg;
	struct scm_cookie	*scm;
	struct ubuf_info	*notice;
	bool			pins;
	bool			creds;
};

/* Under the queue's lock: @len more bytes of @skb are there to be read. */
static __always_inline void demo_stream_extend(struct sock *sk,
					       struct sock *peer,
					       struct sk_buff *skb, size_t len)
{
	struct demo_buffer *buffer = demo_buffer(skb);
	struct demo_sock *ds = demo_sk(peer);

	/* New, or read to its end: then still charged, unless it rested. */
	if (!skb->next) {
		buffer->start = buffer->end;
		if (!skb->sk)
			demo_buffer_charge(skb, sk);
		__skb_queue_tail(&peer->sk_receive_queue, skb);
	}
	buffer->end += len;
	WRITE_ONCE(ds->inq, ds->inq + len);
	ds->open = buffer->end < skb->len ? skb : NULL;
}

/*
 * Under the queue's lock: a few bytes go into the open buffer at once. To let the
 * lock go and take it once more takes longer, from a reader on another processor who
 * waits for just these. If a page is missing, nothing was written.
 */
static __always_inline bool
demo_stream_write_few(struct demo_stream_source *source, struct sk_buff *skb,
		      size_t len)
{
	bool written;

	if (len > DEMO_STREAM_FEW || source->peer->sk_shutdown & RCV_SHUTDOWN)
		return false;
	pagefault_disable();
	written = !demo_buffer_write(skb, demo_buffer(skb)->end, source->msg,
				     len);
	pagefault_enable();
	if (written)
		demo_stream_extend(source->sk, source->peer, skb, len);
	return written;
}

/* May @len bytes more, or some of very many, go into the open buffer? */
static __always_inline bool demo_stream_fits(struct demo_stream_source *source,
					     struct sk_buff *skb, size_t len)
{
	bool room = skb->len - demo_buffer(skb)->end >= len;

	if (!demo_scm_matches(skb, source->scm, source->creds))
		return false;
	if (!demo_buffer_rests(skb))
		return room || len > DEMO_STREAM_ATOM;
	/* Nothing else of the sender waits: this is all it will be charged for. */
	return room && !demo_buffer_is_too_large(skb,
						 READ_ONCE(source->sk->sk_sndbuf));
}

/*
 * The open buffer, if @len bytes fit there, and need not be @alone; or it has them
 * already, and *@written is set. NULL if there is to be another: then this one is
 * closed, and does not come to rest meanwhile. -EAGAIN if there may be no other yet.
 * Finds out about credentials for those who open one.
 */
static __always_inline struct sk_buff *
demo_stream_claim(struct demo_stream_source *source, size_t len, bool alone,
		  bool *written)
{
	struct sk_buff_head *queue = &source->peer->sk_receive_queue;
	struct demo_sock *ds = demo_sk(source->peer);
	struct sk_buff *skb, *closed = NULL;

	*written = false;
	spin_lock(&queue->lock);
	source->creds = demo_asks_creds(source->sk) ||
			demo_wants_creds(source->peer);
	skb = ds->open;
	if (skb && !alone && demo_stream_fits(source, skb, len)) {
		*written = demo_stream_write_few(source, skb, len);
		if (!*written) {
			demo_buffer(skb)->claimed = true;
			ds->open = NULL;
		}
	} else if (!demo_buffer_has_room(source->sk)) {
		skb = ERR_PTR(-EAGAIN);
	} else {
		closed = demo_buffer_close(ds);
		skb = NULL;
	}
	spin_unlock(&queue->lock);
	if (unlikely(closed))
		consume_skb(closed);
	return skb;
}

/*
 * Publish *@len more bytes of a claimed or new buffer, or none: then *@len is 0
 * after. Returns whether the queue has the buffer; else it is the caller's.
 */
static __always_inline bool demo_stream_publish(struct sock *sk,
						struct sock *peer,
						struct sk_buff *skb,
						size_t *len, bool urgent)
{
	struct sk_buff_head *queue = &peer->sk_receive_queue;
	struct demo_sock *ds = demo_sk(peer);
	bool queued;

	/* It keeps the peer's file, as long as it has one: for the signal. */
	if (unlikely(urgent))
		spin_lock(&ds->lock);
	else
		__acquire(&ds->lock);
	spin_lock(&queue->lock);
	if (peer->sk_shutdown & RCV_SHUTDOWN)
		*len = 0;
	if (*len)
		demo_stream_extend(sk, peer, skb, *len);
	else if (skb->next)
		ds->open = skb;
	demo_buffer(skb)->claimed = false;
	queued = skb->next;
	/* No reader comes to the byte, and throws it away, before the signal. */
	if (unlikely(urgent) && queued) {
		WRITE_ONCE(ds->oob, skb);
		sk_send_sigurg(peer);
	}
	spin_unlock(&queue->lock);
	if (unlikely(urgent))
		spin_unlock(&ds->lock);
	else
		__release(&ds->lock);
	return queued;
}

/* A buffer for @len bytes, and for more of them, unless these stay @alone. */
static __always_inline struct sk_buff *
demo_stream_alloc(struct demo_stream_source *source, size_t len, bool alone)
{
	int sndbuf = READ_ONCE(source->sk->sk_sndbuf);
	unsigned int need, want, shared;
	struct sk_buff *skb;

	/*
	 * About two buffers fit into the send buffer. One that is shared by
	 * small writes is as large as what waits already, so that what a byte
	 * costs goes towards a byte, but a sender with one of them in flight is
	 * still writable: even when it is rounded up to nearly twice as much.
	 */
	len = min_t(size_t, len, (sndbuf >> 1) - 64);
	shared = alone ? 0 : min_t(unsigned int, (sndbuf >> 3) - 512,
				   READ_ONCE(demo_sk(source->peer)->inq));
	need = min(len, DEMO_STREAM_ATOM);
	want = clamp_t(size_t, max_t(size_t, len, shared), DEMO_STREAM_MIN,
		       DEMO_STREAM_MAX);

	skb = demo_buffer_alloc(source->sk, need, want);
	if (skb)
		__skb_put(skb, alone ? min_t(size_t, len, skb_tailroom(skb)) :
				       skb_tailroom(skb));
	return skb;
}

/* A new buffer for @len bytes: the sender may have one. */
static __always_inline struct sk_buff *
demo_stream_open(struct demo_stream_source *source, size_t len, bool urgent,
		 bool pinned)
{
	struct scm_cookie *scm = source->scm;
	/* Descriptors go with the bytes they were sent with, and no others. */
	bool alone = urgent || (scm && scm->fp);
	struct sock *sk = source->sk;
	struct sk_buff *skb;
	int err;

	if (pinned)
		skb = demo_zerocopy_alloc(sk, source->notice);
	else
		skb = demo_stream_alloc(source, len, alone);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	demo_buffer(skb)->urgent = urgent;
	if (!source->creds && !scm)
		return skb;

	/* What goes with a buffer is looked after together with its charge. */
	if (!skb->sk)
		demo_buffer_charge(skb, sk);
	err = demo_scm_attach(skb, scm);
	if (err) {
		consume_skb(skb);
		return ERR_PTR(err);
	}
	if (source->creds)
		demo_scm_add_creds(skb);
	return skb;
}

/* Bring up to @len bytes into a claimed or new buffer. */
static __always_inline int demo_stream_load(struct demo_stream_source *source,
					    struct sk_buff *skb, size_t len,
					    bool pinned)
{
	/* It is claimed, or new: only the writer moves it. */
	unsigned int end = demo_buffer(skb)->end;

	if (pinned)
		return demo_zerocopy_fill(skb, source->msg, len);
	len = min_t(size_t, len, skb->len - end);
	return demo_buffer_write(skb, end, source->msg, len) ?: len;
}

/* Send some of @len bytes, or an urgent one, and all that goes beside them. */
static __always_inline int demo_stream_write(struct demo_stream_source *source,
					     size_t len, bool urgent)
{
	bool pinned = source->pins && !urgent;
	struct sock *peer = source->peer;
	struct demo_flight *flight;
	bool queued, written;
	struct sk_buff *skb;
	int boarded = 0;
	int ret;

	skb = demo_stream_claim(source, len, urgent || pinned, &written);
	if (written) {
		demo_data_ready(peer);
		return len;
	}
	if (!skb)
		skb = demo_stream_open(source, len, urgent, pinned);
	if (IS_ERR(skb))
		return PTR_ERR(skb);

	ret = demo_stream_load(source, skb, len, pinned);
	flight = demo_buffer(skb)->flight;
	if (unlikely(flight) && ret > 0) {
		boarded = demo_flight_board(flight, peer);
		if (boarded < 0)
			ret = boarded;
	}

	len = max(ret, 0);
	queued = demo_stream_publish(source->sk, peer, skb, &len, urgent);
	if (boarded > 0)
		demo_flight_boarded(flight, queued);
	if (!queued)
		consume_skb(skb);
	if (!len)
		return ret < 0 ? ret : -EPIPE;

	demo_data_ready(peer);
	return ret;
}

/*
 * The one way to send, compiled twice: a send that is @plain has nothing to do
 * with what most have not.
 */
static __always_inline int demo_stream_send(struct socket *sock,
					    struct msghdr *msg, size_t len,
					    struct scm_cookie *scm, bool plain)
{
	struct sock *sk = sock->sk;
	struct demo_sock *ds = demo_sk(sk);
	bool zerocopy = !plain && demo_zerocopy_wanted(sk, msg->msg_flags);
	struct demo_stream_source source = {
		.sk	= sk,
		.peer	= READ_ONCE(ds->peer),
		.msg	= msg,
		.scm	= scm,
		.pins	= zerocopy && len >= DEMO_ZEROCOPY_MIN,
	};
	/* Of an urgent message, it is the last byte that is urgent. */
	bool urgent = !plain && msg->msg_flags & MSG_OOB;
	size_t left = len - urgent;
	size_t sent = 0;
	long timeo = -1;
	int ret = -EPIPE;

	if (urgent && !len)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return source.peer ? -EISCONN : -EOPNOTSUPP;
	if (!source.peer)
		return -ENOTCONN;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		goto out;
	if (!len)
		return 0;

	mutex_lock(&ds->write_lock);
	do {
		if (zerocopy && !source.notice) {
			source.notice = demo_zerocopy_begin(sk, len);
			ret = -ENOBUFS;
			if (!source.notice)
				break;
		}
		ret = plain ? demo_stream_write(&source, left, false) :
			      demo_stream_write(&source, left ?: 1, !left);
		if (ret > 0) {
			sent += ret;
			if (plain || left)
				left -= ret;
			else
				urgent = false;
			continue;
		}
		if (source.notice && !sent) {
			demo_zerocopy_abort(source.notice);
			source.notice = NULL;
		}
		if (ret != -EAGAIN)
			break;
		/* Another writer may have no wish to wait. */
		mutex_unlock(&ds->write_lock);
		if (timeo < 0)
			timeo = sock_sndtimeo(sk,
					      msg->msg_flags & MSG_DONTWAIT);
		timeo = demo_buffer_admit(sk, timeo);
		if (timeo < 0) {
			ret = timeo;
			goto out_notice;
		}
		mutex_lock(&ds->write_lock);
	} while (left || urgent);
	mutex_unlock(&ds->write_lock);

out:
	if (ret == -EPIPE && !sent && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
out_notice:
	if (source.notice)
		demo_zerocopy_end(source.notice, len);
	return sent ?: ret;
}

static int demo_stream_send_any(struct socket *sock, struct msghdr *msg,
				size_t len, struct scm_cookie *scm)
{
	return demo_stream_send(sock, msg, len, scm, false);
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
	if (unlikely(msg->msg_controllen ||
		     msg->msg_flags & (MSG_OOB | MSG_ZEROCOPY)))
		return demo_scm_send(sock, msg, len, demo_stream_send_any);
	return demo_stream_send(sock, msg, len, NULL, true);
}
