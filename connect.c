// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: how sockets find each other: socketpair(), listen(), connect() and
 * accept(), and the peers of datagram sockets.
 *
 * connect() makes the other end of a connection itself, ready to talk, and
 * hangs it into the listener's list of pending connections; accept() only takes
 * it out and gives it a file.
 */

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <net/tcp_states.h>

#include "connect.h"
#include "flight.h"
#include "port.h"
#include "room.h"
#include "sock.h"

/* Who is at the other end, for SO_PEERCRED and SO_PEERGROUPS. */

struct demo_peercred {
	struct pid		*pid;
	const struct cred	*cred;
};

static const struct cred *demo_get_cred(const struct cred *cred)
{
	/* Who takes a reference writes a mark: all the same, by a plain write. */
	return data_race(get_cred(cred));
}

static struct demo_peercred demo_current_peercred(void)
{
	return (struct demo_peercred) {
		.pid	= get_pid(task_tgid(current)),
		.cred	= demo_get_cred(current_cred()),
	};
}

static void demo_peercred_put(struct demo_peercred old)
{
	put_pid(old.pid);
	put_cred(old.cred);
}

/* Takes over the references; the caller puts what is handed back. */
static struct demo_peercred demo_set_peercred(struct sock *sk,
					      struct demo_peercred new)
{
	struct demo_peercred old;

	spin_lock(&sk->sk_peer_lock);
	old.pid = sk->sk_peer_pid;
	old.cred = sk->sk_peer_cred;
	sk->sk_peer_pid = new.pid;
	sk->sk_peer_cred = new.cred;
	spin_unlock(&sk->sk_peer_lock);
	return old;
}

/* Connections. */

/* A new socket, which nobody else knows yet, so that no lock is needed. */
static void demo_join(struct sock *sk, struct sock *peer)
{
	struct demo_peercred cred = demo_current_peercred();

	sock_hold(peer);
	demo_sk(sk)->peer = peer;
	sk->sk_state = TCP_ESTABLISHED;
	sk->sk_peer_pid = cred.pid;
	sk->sk_peer_cred = cred.cred;
}

/**
 * demo_pair() - make two new sockets each other's peer
 * @a: one; nobody else knows it yet
 * @b: the other, likewise
 */
void demo_pair(struct sock *a, struct sock *b)
{
	demo_join(a, b);
	demo_join(b, a);
}

/**
 * demo_listen_on() - let a socket accept connections, or change its backlog
 * @sk: the socket
 * @backlog: one more than this many may wait for accept()
 *
 * Return: 0; -EINVAL when it has no name, or is connected
 */
int demo_listen_on(struct sock *sk, int backlog)
{
	struct demo_peercred cred = demo_current_peercred();
	struct demo_sock *ds = demo_sk(sk);
	bool more = false;
	int err = -EINVAL;

	spin_lock(&ds->lock);
	if (ds->named &&
	    (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)) {
		more = backlog > sk->sk_max_ack_backlog;
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		/* Whoever connects sees who listened, not who accepts. */
		cred = demo_set_peercred(sk, cred);
		err = 0;
	}
	spin_unlock(&ds->lock);

	demo_peercred_put(cred);
	if (more)
		demo_wake_room(sk);
	return err;
}

/* Whether @sk may connect to @other; both locked. */
static int demo_may_connect(const struct sock *sk, const struct sock *other)
{
	if (other->sk_state != TCP_LISTEN || other->sk_shutdown & RCV_SHUTDOWN)
		return -ECONNREFUSED;
	if (!demo_room(other))
		return -EAGAIN;
	if (sk->sk_state == TCP_ESTABLISHED)
		return -EISCONN;
	if (sk->sk_state == TCP_LISTEN)
		return -EINVAL;
	return 0;
}

/* Pair @sk with the new socket @far, and leave that to @listener's accept(). */
static void demo_establish(struct sock *sk, struct sock *far,
			   struct sock *listener)
{
	struct demo_sock *server = demo_sk(listener);
	struct demo_sock *ds = demo_sk(far);

	ds->node = DEMO_NODE_LOCAL;
	ds->port = server->port;
	ds->named = true;
	demo_join(far, sk);

	demo_set_peercred(sk, (struct demo_peercred) {
		.pid	= get_pid(listener->sk_peer_pid),
		.cred	= demo_get_cred(listener->sk_peer_cred),
	});

	/* First of all: once @sk has its peer, it may send descriptors there. */
	demo_flight_listen(far, listener);
	sock_hold(far);
	demo_set_peer(sk, far, NULL);

	list_add_tail(&ds->pending_link, &server->pending);
	sk_acceptq_added(listener);
}

/**
 * demo_connect_pair() - connect to a listener
 * @sk: the socket
 * @addr: where it listens
 * @flags: O_NONBLOCK: do not wait for a place in its backlog
 *
 * Return: 0, or an errno
 */
int demo_connect_pair(struct sock *sk, const struct sockaddr_demo *addr,
		      int flags)
{
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	struct net *net = sock_net(sk);
	struct sock *far, *other;
	bool waited = false, again;
	int err;

	far = demo_sock_alloc(net, NULL, sk->sk_type, 0);
	if (IS_ERR(far))
		return PTR_ERR(far);

	do {
		other = demo_port_find(net, sk->sk_type, addr);
		if (IS_ERR(other)) {
			err = PTR_ERR(other);
			break;
		}

		demo_lock_two(sk, other);
		/* Closed since it was found: its port may have a new owner. */
		again = demo_is_dead(other);
		err = demo_may_connect(sk, other);
		if (!err)
			demo_establish(sk, far, other);
		demo_unlock_two(sk, other);

		if (!err)
			demo_data_ready(other);
		if (err == -EAGAIN && timeo) {
			timeo = demo_wait_for_room(other, timeo);
			waited = true;
			again = !signal_pending(current);
			if (!again)
				err = sock_intr_errno(timeo);
		}
		if (waited && !again)
			demo_offer_room(other);
		sock_put(other);
	} while (again);

	if (err)
		demo_sock_release(far, false);
	return err;
}

static struct sock *demo_pending_get(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk), *far;

	spin_lock(&ds->lock);
	far = list_first_entry_or_null(&ds->pending, struct demo_sock,
				       pending_link);
	if (far) {
		list_del_init(&far->pending_link);
		sk_acceptq_removed(sk);
	}
	spin_unlock(&ds->lock);
	return far ? &far->sk : NULL;
}

static struct sock *demo_pending_wait(struct sock *sk, long timeo, int *err)
{
	struct sock *far;
	DEFINE_WAIT(wait);

	do {
		*err = -EAGAIN;
		if (!timeo)
			return NULL;
		*err = -EINVAL;
		if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
			return NULL;
		*err = sock_intr_errno(timeo);
		if (signal_pending(current))
			return NULL;

		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		if (!READ_ONCE(sk->sk_ack_backlog) &&
		    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) &&
		    !signal_pending(current))
			timeo = schedule_timeout(timeo);
		finish_wait(sk_sleep(sk), &wait);
		/*
		 * Off the queue first: a wake-up that came here is for what is
		 * there by now, and the next one goes to who sleeps.
		 */
		far = demo_pending_get(sk);
	} while (!far);
	return far;
}

/**
 * demo_accept_pair() - take the next connection from a listener
 * @sk: the listener
 * @nonblock: do not wait for one
 * @err: where to put the errno
 *
 * Return: the connection's socket, with the reference that accept()'s struct
 *         socket will hold, or NULL
 */
struct sock *demo_accept_pair(struct sock *sk, bool nonblock, int *err)
{
	struct sock *far;

	far = demo_pending_get(sk) ?:
	      demo_pending_wait(sk, sock_rcvtimeo(sk, nonblock), err);
	if (far) {
		demo_flight_accept(far);
		demo_offer_room(sk);
	}
	return far;
}

/* Datagram sockets and their peers. */

/*
 * Exchange the peer of @sk, which is locked. What the old one had sent goes to
 * @stale: a connected socket holds nothing but what its peer sent.
 */
static struct sock *demo_change_peer(struct sock *sk, struct sock *peer,
				     struct sk_buff_head *stale)
{
	struct sock *old = demo_set_peer(sk, peer, stale);

	if (old && old != peer)
		demo_relay_end(sk, old);
	return old;
}

/* It hears of what was thrown away, if it is still connected to @sk. */
static void demo_peer_left(struct sock *sk, struct sock *old,
			   struct sk_buff_head *stale)
{
	if (!skb_queue_empty(stale)) {
		__skb_queue_purge(stale);
		demo_wake_room(sk);
		/* Compared only, so it does not matter that it may change. */
		if (!demo_is_dead(old) &&
		    READ_ONCE(demo_sk(old)->peer) == sk) {
			WRITE_ONCE(old->sk_err, ECONNRESET);
			sk_error_report(old);
		}
	}
	sock_put(old);
}

/**
 * demo_connect_peer() - give a datagram socket a peer, in place of an old one
 * @sk: the socket
 * @addr: the peer's address
 *
 * Return: 0, or an errno
 */
int demo_connect_peer(struct sock *sk, const struct sockaddr_demo *addr)
{
	struct sk_buff_head stale;
	struct sock *other, *old;

	for (;;) {
		other = demo_port_find(sock_net(sk), sk->sk_type, addr);
		if (IS_ERR(other))
			return PTR_ERR(other);
		demo_lock_two(sk, other);
		if (!demo_is_dead(other))
			break;
		demo_unlock_two(sk, other);
		sock_put(other);
	}

	/* It talks to somebody else only. */
	if (demo_sk(other)->peer && demo_sk(other)->peer != sk) {
		demo_unlock_two(sk, other);
		sock_put(other);
		return -EPERM;
	}
	old = demo_change_peer(sk, other, &stale);
	demo_unlock_two(sk, other);

	if (old)
		demo_peer_left(sk, old, &stale);
	return 0;
}

/**
 * demo_disconnect_peer() - take a datagram socket's peer away
 * @sk: the socket
 */
void demo_disconnect_peer(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head stale;
	struct sock *old;

	spin_lock(&ds->lock);
	old = demo_change_peer(sk, NULL, &stale);
	spin_unlock(&ds->lock);

	if (old)
		demo_peer_left(sk, old, &stale);
}

/**
 * demo_forget_dead_peer() - a sender found its receiver closed
 * @sk: the sender
 * @dead: the receiver
 *
 * Return: true when that was its peer, which it has no longer
 */
bool demo_forget_dead_peer(struct sock *sk, struct sock *dead)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head stale;
	bool was_peer;

	spin_lock(&ds->lock);
	was_peer = ds->peer == dead;
	if (was_peer)
		demo_change_peer(sk, NULL, &stale);
	spin_unlock(&ds->lock);

	if (was_peer)
		demo_peer_left(sk, dead, &stale);
	return was_peer;
}
