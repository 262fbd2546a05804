// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: records, which arrive whole or not at all.
 *
 * Each is a buffer of its own. The sender is charged for it (SO_SNDBUF), and a
 * receiver of datagrams that many may send to counts what waits (SO_RCVBUF).
 * Two sockets that are connected to each other need only the first.
 */

#include <linux/filter.h>
#include <linux/sched/signal.h>
#include <net/tcp_states.h>

#include "buffer.h"
#include "connect.h"
#include "flight.h"
#include "message.h"
#include "port.h"
#include "room.h"
#include "scm.h"
#include "sock.h"
#include "spin.h"

/* What a send buffer does not hold of the longest record, as on AF_UNIX. */
#define DEMO_MESSAGE_SLACK	32

/* Sending. */

/* The record that the caller wants to send, charged to the sender. */
static struct sk_buff *demo_message_build(struct sock *sk, struct msghdr *msg,
					  size_t len)
{
	struct sk_buff *skb;
	int err;

	skb = demo_buffer_alloc_record(sk, len);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	err = demo_buffer_write(skb, 0, msg, len);
	if (!err)
		return skb;
	consume_skb(skb);
	return ERR_PTR(err);
}

/*
 * Put the record onto the receiver's queue, if it may be there: under the lock
 * that also connect(), shutdown() and release() of the receiver take. Returns
 * -ENOTCONN when the receiver is closed, and -EAGAIN when it has no room.
 */
static int demo_message_queue(struct sock *sk, struct sock *other,
			      struct sk_buff *skb)
{
	struct sk_buff_head *queue = &other->sk_receive_queue;
	struct demo_sock *ds = demo_sk(other);
	struct sock *friend;
	int err = 0;

	if (demo_asks_creds(sk))
		demo_scm_add_creds(skb);
	spin_lock(&queue->lock);
	friend = ds->peer;
	if (demo_is_dead(other))
		err = -ENOTCONN;
	else if (friend && friend != sk)
		err = -EPERM;
	else if (other->sk_shutdown & RCV_SHUTDOWN)
		err = -EPIPE;
	else if (other != sk && friend != sk && !demo_room(other))
		err = -EAGAIN;
	if (!err) {
		if (demo_wants_creds(other))
			demo_scm_add_creds(skb);
		atomic_add(skb->truesize, &other->sk_rmem_alloc);
		__skb_queue_tail(queue, skb);
		WRITE_ONCE(ds->arrivals, ds->arrivals + 1);
	}
	spin_unlock(&queue->lock);
	return err;
}

/*
 * Bring the record to @other, waiting *@timeo at most, which is what is left then.
 * The caller still has the record when that fails. Returns -ENOTCONN when
 * @other is closed.
 */
static int demo_message_bring(struct sock *sk, struct sock *other,
			      struct sk_buff *skb, long *timeo)
{
	struct demo_flight *flight = demo_buffer(skb)->flight;
	unsigned int len = skb->len;
	bool waited = false;
	int boarded = 0;
	int err;

	if (sk_filter(other, skb) < 0) {
		kfree_skb(skb);
		return 0;
	}
	/* What was cut has no longer all that it is charged for. */
	if (skb->len != len)
		demo_buffer(skb)->foreign = true;
	if (sock_flag(other, SOCK_RCVTSTAMP))
		__net_timestamp(skb);

	for (;;) {
		if (flight) {
			boarded = demo_flight_board(flight, other);
			err = boarded;
			if (boarded < 0)
				break;
		}
		err = demo_message_queue(sk, other, skb);
		if (boarded)
			demo_flight_boarded(flight, !err);
		if (err != -EAGAIN)
			break;
		if (!*timeo) {
			if (demo_await_room(sk, other))
				break;
			continue;
		}
		*timeo = demo_wait_for_room(other, *timeo);
		waited = true;
		if (signal_pending(current)) {
			err = sock_intr_errno(*timeo);
			break;
		}
	}
	if (!err)
		demo_data_ready(other);
	if (waited)
		demo_offer_room(other);
	return err;
}

/* A datagram's receiver, with a reference. */
static struct sock *demo_message_receiver(struct sock *sk, struct msghdr *msg)
{
	if (msg->msg_namelen)
		return demo_port_find(sock_net(sk), sk->sk_type, msg->msg_name);
	return demo_peer_get(sk) ?: ERR_PTR(-ENOTCONN);
}

/* It was closed. Returns -ENOTCONN when another may have its port now. */
static int demo_message_refused(struct sock *sk, struct sock *other,
				const struct msghdr *msg)
{
	if (demo_forget_dead_peer(sk, other))
		return -ECONNREFUSED;
	return msg->msg_namelen ? -ENOTCONN : -ECONNRESET;
}

static int demo_dgram_deliver(struct sock *sk, struct msghdr *msg,
			      struct sk_buff *skb, long timeo)
{
	struct sock *other;
	int err;

	do {
		other = demo_message_receiver(sk, msg);
		if (IS_ERR(other))
			return PTR_ERR(other);
		err = demo_message_bring(sk, other, skb, &timeo);
		if (err == -ENOTCONN)
			err = demo_message_refused(sk, other, msg);
		sock_put(other);
	} while (err == -ENOTCONN);
	return err;
}

static int demo_seqpacket_deliver(struct sock *sk, struct sk_buff *skb,
				  long timeo)
{
	/* @sk has a reference until its own release(), and never another peer. */
	struct sock *peer = READ_ONCE(demo_sk(sk)->peer);
	int err;

	if (!peer)
		return -ENOTCONN;
	err = demo_message_bring(sk, peer, skb, &timeo);
	return err == -ENOTCONN ? -EPIPE : err;
}

static int demo_message_send(struct socket *sock, struct msghdr *msg,
			     size_t len, struct scm_cookie *scm)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	long timeo;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen) {
		err = demo_port_check(msg->msg_name, msg->msg_namelen) ?:
		      demo_port_check_destination(msg->msg_name) ?:
		      demo_port_autobind(sk);
		if (err)
			return err;
	}
	if (len > READ_ONCE(sk->sk_sndbuf) - DEMO_MESSAGE_SLACK)
		return -EMSGSIZE;

	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	timeo = demo_buffer_admit(sk, timeo);
	if (timeo < 0)
		return timeo;
	skb = demo_message_build(sk, msg, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	err = demo_scm_attach(skb, scm);
	if (!err)
		err = sk->sk_type == SOCK_SEQPACKET ?
			demo_seqpacket_deliver(sk, skb, timeo) :
			demo_dgram_deliver(sk, msg, skb, timeo);
	if (err)
		consume_skb(skb);
	return err ?: len;
}

/**
 * demo_dgram_sendmsg() - sendmsg() of a datagram socket
 * @sock: the sender
 * @msg: what to send, and to whom
 * @len: how much
 *
 * Return: @len, or an errno
 */
int demo_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	return demo_scm_send(sock, msg, len, demo_message_send);
}

/**
 * demo_seqpacket_sendmsg() - sendmsg() of a seqpacket socket
 * @sock: the sender
 * @msg: what to send; an address is ignored
 * @len: how much
 *
 * Return: @len, or an errno
 */
int demo_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	int err = sock_error(sk);

	if (err)
		return err;
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return -ENOTCONN;
	msg->msg_namelen = 0;
	return demo_dgram_sendmsg(sock, msg, len);
}

/* Receiving. */

/* Nothing more will come. What was sent before is in the queue by then. */
static bool demo_over(const struct sock *sk)
{
	bool over = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;

	/* Pairs with the locks of the queue: first this look, then that. */
	smp_rmb();
	return over;
}

/* Nothing has come since so many had. */
static bool demo_message_quiet(const struct sock *sk, unsigned int arrivals)
{
	return READ_ONCE(demo_sk(sk)->arrivals) == arrivals &&
	       !READ_ONCE(sk->sk_err) && !demo_over(sk);
}

/* As the core does for datagrams: room to write is no news to a reader. */
static int demo_message_wake(wait_queue_entry_t *entry, unsigned int mode,
			     int flags, void *key)
{
	if (key && !(key_to_poll(key) & (EPOLLIN | EPOLLERR)))
		return 0;
	return autoremove_wake_function(entry, mode, flags, key);
}

/*
 * Wait until more than so many have come. They are counted, because the buffer
 * at the end of the queue may be the same again, read and sent anew, while a
 * reader that peeks has seen only the first. Of those who take a record away,
 * each record wakes one.
 */
static long demo_message_wait(struct sock *sk, unsigned int arrivals,
			      int flags, long timeo)
{
	struct demo_spin spin = { .until = jiffies + timeo };
	DEFINE_WAIT_FUNC(wait, demo_message_wake);

	while (demo_message_quiet(sk, arrivals) && demo_spin_once(sk, &spin))
		;
	timeo = demo_spin_end(&spin, timeo);
	if (flags & MSG_PEEK)
		prepare_to_wait(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	else
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
	if (demo_message_quiet(sk, arrivals) && !signal_pending(current))
		timeo = schedule_timeout(timeo);
	finish_wait(sk_sleep(sk), &wait);
	return timeo;
}

/*
 * Take the first record off the queue, or look at the one that peeking has come
 * to, at *@skip, with a reference. NULL, and why in *@err: -EAGAIN when there is
 * none, or an error of the socket.
 */
static struct sk_buff *demo_message_take(struct sock *sk, int flags, int *skip,
					 int *err)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb, *last;

	if (flags & MSG_PEEK) {
		*skip = sk_peek_offset(sk, flags);
		skb = __skb_try_recv_datagram(sk, queue, flags, skip, err,
					      &last);
		*skip = max(*skip, 0);
		return skb;
	}

	*skip = 0;
	*err = sock_error(sk);
	if (*err)
		return NULL;
	*err = -EAGAIN;
	spin_lock(&queue->lock);
	skb = __skb_dequeue(queue);
	spin_unlock(&queue->lock);
	return skb;
}

/* The next record, or the one that peeking has come to, at *@skip. */
static struct sk_buff *demo_message_next(struct sock *sk, int flags, int *skip,
					 int *err)
{
	struct demo_sock *ds = demo_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct sk_buff *skb;
	unsigned int arrivals;
	bool over;

	for (;;) {
		over = demo_over(sk);
		mutex_lock(&ds->read_lock);
		arrivals = READ_ONCE(ds->arrivals);
		skb = demo_message_take(sk, flags, skip, err);
		if (skb)
			return skb;
		mutex_unlock(&ds->read_lock);
		if (*err != -EAGAIN)
			return NULL;
		if (over)
			break;
		/* Since the look: what was sent before is to be read first. */
		if (demo_over(sk))
			continue;
		if (!timeo)
			return NULL;
		if (signal_pending(current)) {
			*err = sock_intr_errno(timeo);
			return NULL;
		}
		timeo = demo_message_wait(sk, arrivals, flags, timeo);
	}

	/* The end of a connection, also for who does not wait. */
	if (timeo || sk->sk_type == SOCK_SEQPACKET)
		*err = 0;
	return NULL;
}

/* The record was taken off the queue. */
static void demo_message_consume(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head drained;

	sk_peek_offset_bwd(sk, skb->len);
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	if (demo_scm_has(skb))
		demo_scm_discard(skb);

	__skb_queue_head_init(&drained);
	__skb_queue_tail(&drained, skb);
	demo_buffer_retire(skb->sk, &drained);
	demo_offer_room(sk);
}

static void demo_message_take_scm(struct socket *sock, struct msghdr *msg,
				  struct sk_buff *skb, int flags)
{
	struct scm_cookie scm = {};

	demo_scm_take_creds(skb, &scm);
	if (demo_buffer(skb)->flight)
		demo_scm_take_files(skb, &scm, flags & MSG_PEEK);
	scm_recv(sock, msg, &scm, flags);
}

/**
 * demo_dgram_recvmsg() - recvmsg() of a datagram socket
 * @sock: the receiver
 * @msg: where to put the record
 * @size: how much of it at most
 * @flags: MSG_...
 *
 * Return: how much was put there (with MSG_TRUNC, how long the record is), or
 *         an errno
 */
int demo_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		       int flags)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	size_t len;
	int skip;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;

	skb = demo_message_next(sk, flags, &skip, &err);
	if (!skb)
		return err;

	if (msg->msg_name) {
		demo_peer_name(skb->sk, msg->msg_name);
		msg->msg_namelen = sizeof(struct sockaddr_demo);
	}
	len = skb->len - skip;
	if (size < len)
		msg->msg_flags |= MSG_TRUNC;
	size = min(size, len);
	err = demo_buffer_read(skb, skip, msg, size);
	if (!err) {
		if (sock_flag(sk, SOCK_RCVTSTAMP))
			__sock_recv_timestamp(msg, sk, skb);
		if (demo_scm_has(skb) || demo_asks_creds(sk))
			demo_message_take_scm(sock, msg, skb, flags);
		err = flags & MSG_TRUNC ? len : size;
	}

	if (flags & MSG_PEEK) {
		if (err >= 0)
			sk_peek_offset_fwd(sk, size);
		consume_skb(skb);
	} else {
		demo_message_consume(sk, skb);
	}
	mutex_unlock(&demo_sk(sk)->read_lock);
	return err;
}

/**
 * demo_seqpacket_recvmsg() - recvmsg() of a seqpacket socket
 * @sock: the receiver
 * @msg: where to put the record
 * @size: how much of it at most
 * @flags: MSG_...
 *
 * Return: as demo_dgram_recvmsg(), and 0 at the end of the connection
 */
int demo_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			   int flags)
{
	if (READ_ONCE(sock->sk->sk_state) != TCP_ESTABLISHED)
		return -ENOTCONN;
	return demo_dgram_recvmsg(sock, msg, size, flags);
}
