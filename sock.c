// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: a demo_sock's life: birth, pairing, states, wake-ups, death.
 *
 * A stream or seqpacket socket is TCP_CLOSE until connect(), socketpair() or
 * listen(), then TCP_ESTABLISHED or TCP_LISTEN until its release(). It never
 * goes back, and its peer never changes. connect() makes the other end itself,
 * ready to talk, and hangs it into the listener's list of pending connections;
 * accept() only takes it out and gives it a file.
 *
 * A datagram socket has a peer (TCP_ESTABLISHED) or has none (TCP_CLOSE), and
 * changes it as it likes.
 */

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <net/tcp_states.h>

#include "buffer.h"
#include "port.h"
#include "sock.h"

/* Pending connections have no file, so the limit on files does not hold them. */
static atomic_long_t demo_nr_socks;

struct proto demo_proto = {
	.name		= "DEMO",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct demo_sock),
};

static bool demo_has_connections(const struct sock *sk)
{
	return sk->sk_type != SOCK_DGRAM;
}

/* Locks. */

#ifdef CONFIG_PROVE_LOCKING
static int demo_lock_order(const struct lockdep_map *a,
			   const struct lockdep_map *b)
{
	return (a > b) - (a < b);
}
#endif

/* The only place that locks two sockets: the lower address first. */
static void demo_lock_two(struct sock *a, struct sock *b)
	__acquires(&demo_sk(a)->lock) __acquires(&demo_sk(b)->lock)
{
	if (a > b)
		swap(a, b);
	spin_lock(&demo_sk(a)->lock);
	if (a != b)
		spin_lock(&demo_sk(b)->lock);
	else
		__acquire(&demo_sk(b)->lock);
}

static void demo_unlock_two(struct sock *a, struct sock *b)
	__releases(&demo_sk(a)->lock) __releases(&demo_sk(b)->lock)
{
	spin_unlock(&demo_sk(a)->lock);
	if (a != b)
		spin_unlock(&demo_sk(b)->lock);
	else
		__release(&demo_sk(b)->lock);
}

/*
 * Both locks, so that a sender, who holds the queue's only, puts nothing
 * behind the point where shutdown() has returned.
 */
static void demo_add_shutdown(struct sock *sk, int mask)
{
	lockdep_assert_held(&demo_sk(sk)->lock);

	spin_lock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mask);
	spin_unlock(&sk->sk_receive_queue.lock);
}

/* Takes over the caller's reference on @peer, and hands back the old one. */
static struct sock *demo_set_peer(struct sock *sk, struct sock *peer)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *old = ds->peer;

	lockdep_assert_held(&ds->lock);

	spin_lock(&sk->sk_receive_queue.lock);
	/* Pairs with the dependency of those who read it without a lock. */
	smp_store_release(&ds->peer, peer);
	spin_unlock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_state, peer ? TCP_ESTABLISHED : TCP_CLOSE);
	return old;
}

/* Wake-ups. */

/**
 * demo_writable() - may a sender expect that a send does not wait?
 * @sk: the sender
 *
 * A quarter of the send buffer, as on AF_UNIX: whoever is told "writable" can
 * send more than a crumb.
 *
 * Return: what poll() says of the send buffer
 */
bool demo_writable(const struct sock *sk)
{
	return READ_ONCE(sk->sk_state) != TCP_LISTEN &&
	       refcount_read(&sk->sk_wmem_alloc) << 2 <=
	       READ_ONCE(sk->sk_sndbuf);
}

static void demo_write_space(struct sock *sk)
{
	struct socket_wq *wq;

	if (!demo_writable(sk))
		return;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, EPOLLOUT |
						EPOLLWRNORM | EPOLLWRBAND);
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/**
 * demo_room() - is there room here for what others bring?
 * @sk: a listener, or a receiver of datagrams
 *
 * One datagram may go over the limit: a large one would wait for ever else.
 *
 * Return: whether a connection, or a datagram, may come in
 */
bool demo_room(const struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return !sk_acceptq_is_full(sk);
	return atomic_read(&sk->sk_rmem_alloc) < READ_ONCE(sk->sk_rcvbuf);
}

/**
 * demo_wait_for_room() - wait until there is room at another socket
 * @other: a listener, or a receiver of datagrams
 * @timeo: how long, in jiffies
 *
 * Whoever makes room wakes one who waits. That one may be leaving because of
 * a signal, and then passes it on.
 *
 * Return: what is left of @timeo
 */
long demo_wait_for_room(struct sock *other, long timeo)
{
	wait_queue_head_t *room_wait = &demo_sk(other)->room_wait;
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(room_wait, &wait, TASK_INTERRUPTIBLE);
	if (!sock_flag(other, SOCK_DEAD) &&
	    !(READ_ONCE(other->sk_shutdown) & RCV_SHUTDOWN) &&
	    !demo_room(other))
		timeo = schedule_timeout(timeo);
	finish_wait(room_wait, &wait);

	if (signal_pending(current) && demo_room(other))
		wake_up_interruptible(room_wait);
	return timeo;
}

/*
 * Whoever polls a datagram socket for room at its peer sleeps on the socket's
 * own queue, since the peer may go away first. So the socket has an entry on
 * the peer's room_wait that passes a wake-up on, once, and is gone.
 */
static int demo_relay_room(wait_queue_entry_t *entry, unsigned int mode,
			   int flags, void *key)
{
	struct demo_sock *ds = container_of(entry, struct demo_sock, room_wake);
	struct sock *other = entry->private;
	wait_queue_head_t *sleepers;

	__remove_wait_queue(&demo_sk(other)->room_wait, entry);
	entry->private = NULL;

	sleepers = sk_sleep(&ds->sk);
	if (sleepers)
		wake_up_interruptible_poll(sleepers, key_to_poll(key));
	return 0;
}

static bool demo_relay_start(struct sock *sk, struct sock *other)
{
	wait_queue_entry_t *entry = &demo_sk(sk)->room_wake;
	wait_queue_head_t *room_wait = &demo_sk(other)->room_wait;
	bool started = false;

	spin_lock(&room_wait->lock);
	if (!entry->private) {
		entry->private = other;
		__add_wait_queue(room_wait, entry);
		started = true;
	}
	spin_unlock(&room_wait->lock);
	return started;
}

static void demo_relay_stop(struct sock *sk, struct sock *other)
{
	wait_queue_entry_t *entry = &demo_sk(sk)->room_wake;
	wait_queue_head_t *room_wait = &demo_sk(other)->room_wait;

	spin_lock(&room_wait->lock);
	if (entry->private == other) {
		__remove_wait_queue(room_wait, entry);
		entry->private = NULL;
	}
	spin_unlock(&room_wait->lock);
}

/**
 * demo_await_room() - arrange that the pollers of a datagram socket hear of it
 *                     when its peer has room again
 * @sk: the sender
 * @other: the receiver, which had no room a moment ago
 *
 * Return: true when there is still none; false when there is
 */
bool demo_await_room(struct sock *sk, struct sock *other)
{
	struct demo_sock *ds = demo_sk(sk);
	bool started, full = true;

	/* The lock keeps connect() from taking the peer away meanwhile. */
	spin_lock(&ds->lock);
	if (ds->peer == other) {
		started = demo_relay_start(sk, other);
		/* A dead one is worth a wake-up: the next send fails. */
		full = !demo_room(other) && !sock_flag(other, SOCK_DEAD);
		if (!full && started)
			demo_relay_stop(sk, other);
	}
	spin_unlock(&ds->lock);
	return full;
}

/* Whoever waited for the old peer looks again. */
static void demo_relay_end(struct sock *sk, struct sock *old)
{
	wait_queue_head_t *sleepers = sk_sleep(sk);

	demo_relay_stop(sk, old);
	if (sleepers)
		wake_up_interruptible_poll(sleepers, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
}

/* Birth. */

static void demo_destruct(struct sock *sk)
{
	DEBUG_NET_WARN_ON_ONCE(!skb_queue_empty(&sk->sk_receive_queue));
	DEBUG_NET_WARN_ON_ONCE(!skb_queue_empty(&sk->sk_write_queue));
	DEBUG_NET_WARN_ON_ONCE(refcount_read(&sk->sk_wmem_alloc));
	DEBUG_NET_WARN_ON_ONCE(sk->sk_socket);

	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	atomic_long_dec(&demo_nr_socks);
}

/**
 * demo_sock_alloc() - a new socket
 * @net: its network namespace
 * @sock: its struct socket, or NULL for the far end of a connection, which
 *        gets one from accept()
 * @type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 * @kern: the kernel itself uses it: it does not keep @net alive
 *
 * Return: the socket, or an ERR_PTR()
 */
struct sock *demo_sock_alloc(struct net *net, struct socket *sock, int type,
			     int kern)
{
	struct demo_sock *ds;
	struct sock *sk;

	if (atomic_long_inc_return(&demo_nr_socks) > 2 * get_max_files()) {
		atomic_long_dec(&demo_nr_socks);
		return ERR_PTR(-ENFILE);
	}

	sk = sk_alloc(net, demo_family, GFP_KERNEL, &demo_proto, kern);
	if (!sk) {
		atomic_long_dec(&demo_nr_socks);
		return ERR_PTR(-ENOMEM);
	}
	sock_init_data(sock, sk);
	sock_prot_inuse_add(net, sk->sk_prot, 1);

	sk->sk_type		= type;
	sk->sk_allocation	= GFP_KERNEL_ACCOUNT;
	sk->sk_write_space	= demo_write_space;
	sk->sk_destruct		= demo_destruct;

	ds = demo_sk(sk);
	spin_lock_init(&ds->lock);
	lock_set_cmp_fn(&ds->lock, demo_lock_order, NULL);
	mutex_init(&ds->read_lock);
	mutex_init(&ds->write_lock);
	INIT_LIST_HEAD(&ds->pending);
	INIT_LIST_HEAD(&ds->hoard_link);
	init_waitqueue_head(&ds->room_wait);
	init_waitqueue_func_entry(&ds->room_wake, demo_relay_room);
	return sk;
}

/* Names. */

/**
 * demo_sock_name() - the address of a socket
 * @sk: the socket
 * @addr: where to put it; (DEMO_NODE_LOCAL, DEMO_PORT_ANY) when it has none
 */
void demo_sock_name(const struct sock *sk, struct sockaddr_demo *addr)
{
	const struct demo_sock *ds = demo_sk(sk);
	/* Pairs with the release in demo_name(). */
	bool named = smp_load_acquire(&ds->named);

	*addr = (struct sockaddr_demo) {
		.sdm_family	= demo_family,
		.sdm_port	= named ? ds->port : DEMO_PORT_ANY,
		.sdm_node	= named ? ds->node : DEMO_NODE_LOCAL,
	};
}

/**
 * demo_peer_get() - who is at the other end
 * @sk: the socket
 *
 * Return: the peer, with a reference for the caller, or NULL
 */
struct sock *demo_peer_get(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *peer;

	spin_lock(&ds->lock);
	peer = ds->peer;
	if (peer)
		sock_hold(peer);
	spin_unlock(&ds->lock);
	return peer;
}

/* Who is at the other end, for SO_PEERCRED and SO_PEERGROUPS. */

struct demo_peercred {
	struct pid		*pid;
	const struct cred	*cred;
};

static struct demo_peercred demo_current_peercred(void)
{
	return (struct demo_peercred) {
		.pid	= get_pid(task_tgid(current)),
		.cred	= get_current_cred(),
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

/**
 * demo_pair() - make two new sockets each other's peer
 * @a: one; nobody else knows it yet
 * @b: the other, likewise
 */
void demo_pair(struct sock *a, struct sock *b)
{
	demo_lock_two(a, b);
	sock_hold(a);
	sock_hold(b);
	demo_set_peer(a, b);
	demo_set_peer(b, a);
	demo_unlock_two(a, b);

	/* New sockets have had no peer: there is nothing to put. */
	demo_set_peercred(a, demo_current_peercred());
	demo_set_peercred(b, demo_current_peercred());
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
		wake_up_interruptible_all(&ds->room_wait);
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

	/* Nobody else knows @far yet, so its own lock is not needed. */
	ds->node = DEMO_NODE_LOCAL;
	ds->port = server->port;
	ds->named = true;
	ds->peer = sk;
	sock_hold(sk);
	far->sk_state = TCP_ESTABLISHED;

	demo_set_peercred(far, demo_current_peercred());
	demo_set_peercred(sk, (struct demo_peercred) {
		.pid	= get_pid(listener->sk_peer_pid),
		.cred	= get_cred(listener->sk_peer_cred),
	});

	sock_hold(far);
	demo_set_peer(sk, far);

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
	int err;

	far = demo_sock_alloc(net, NULL, sk->sk_type, 0);
	if (IS_ERR(far))
		return PTR_ERR(far);

	for (;;) {
		other = demo_port_find(net, sk->sk_type, addr);
		if (IS_ERR(other)) {
			err = PTR_ERR(other);
			break;
		}

		demo_lock_two(sk, other);
		/* Closed since it was found: its port may have a new owner. */
		if (sock_flag(other, SOCK_DEAD)) {
			demo_unlock_two(sk, other);
			sock_put(other);
			continue;
		}
		err = demo_may_connect(sk, other);
		if (!err)
			demo_establish(sk, far, other);
		demo_unlock_two(sk, other);

		if (!err) {
			READ_ONCE(other->sk_data_ready)(other);
			sock_put(other);
			return 0;
		}
		if (err != -EAGAIN || !timeo) {
			sock_put(other);
			break;
		}

		timeo = demo_wait_for_room(other, timeo);
		sock_put(other);
		if (signal_pending(current)) {
			err = sock_intr_errno(timeo);
			break;
		}
	}

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
	long timeo = sock_rcvtimeo(sk, nonblock);
	struct sock *far;
	DEFINE_WAIT(wait);

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		*err = sock_error(sk);
		if (*err) {
			far = NULL;
			break;
		}
		far = demo_pending_get(sk);
		if (far)
			break;
		*err = -EINVAL;
		if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
			break;
		*err = -EAGAIN;
		if (!timeo)
			break;
		*err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		timeo = schedule_timeout(timeo);
	}
	finish_wait(sk_sleep(sk), &wait);

	if (far)
		wake_up_interruptible(&demo_sk(sk)->room_wait);
	return far;
}

/**
 * demo_shut() - shut down a socket, and with it the matching side of its peer
 * @sk: the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both
 */
void demo_shut(struct sock *sk, int how)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *peer;
	int theirs = 0;

	spin_lock(&ds->lock);
	demo_add_shutdown(sk, how);
	peer = ds->peer;
	if (peer)
		sock_hold(peer);
	spin_unlock(&ds->lock);
	READ_ONCE(sk->sk_state_change)(sk);
	/* Who waits for room here need not wait any longer. */
	if (how & RCV_SHUTDOWN)
		wake_up_interruptible_all(&ds->room_wait);

	if (!peer)
		return;
	if (demo_has_connections(sk)) {
		if (how & RCV_SHUTDOWN)
			theirs |= SEND_SHUTDOWN;
		if (how & SEND_SHUTDOWN)
			theirs |= RCV_SHUTDOWN;
		spin_lock(&demo_sk(peer)->lock);
		demo_add_shutdown(peer, theirs);
		spin_unlock(&demo_sk(peer)->lock);
		READ_ONCE(peer->sk_state_change)(peer);
		if (theirs == SHUTDOWN_MASK)
			sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_HUP);
		else if (theirs & RCV_SHUTDOWN)
			sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_IN);
	}
	sock_put(peer);
}

/* Datagram sockets and their peers. */

/*
 * Empty the receive queue. A buffer that the peer is writing into stays the
 * peer's: it finds the queue shut, and frees it.
 */
static bool demo_flush(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head flushed;
	struct sk_buff *skb;
	bool some = false;

	__skb_queue_head_init(&flushed);
	spin_lock(&sk->sk_receive_queue.lock);
	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		some = true;
		if (sk->sk_type != SOCK_STREAM)
			atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
		if (!demo_buffer(skb)->claimed)
			__skb_queue_tail(&flushed, skb);
	}
	ds->open = NULL;
	WRITE_ONCE(ds->inq, 0);
	spin_unlock(&sk->sk_receive_queue.lock);

	__skb_queue_purge(&flushed);
	return some;
}

/*
 * What the old peer had sent is thrown away: a connected socket holds nothing
 * but what its peer sent. The old peer hears of it, if it is still connected.
 */
static void demo_peer_left(struct sock *sk, struct sock *old)
{
	if (!demo_flush(sk))
		return;
	wake_up_interruptible_all(&demo_sk(sk)->room_wait);
	/* Compared only, so it does not matter that it may change. */
	if (!sock_flag(old, SOCK_DEAD) &&
	    READ_ONCE(demo_sk(old)->peer) == sk) {
		WRITE_ONCE(old->sk_err, ECONNRESET);
		sk_error_report(old);
	}
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
	struct sock *other, *old;

	for (;;) {
		other = demo_port_find(sock_net(sk), sk->sk_type, addr);
		if (IS_ERR(other))
			return PTR_ERR(other);
		demo_lock_two(sk, other);
		if (!sock_flag(other, SOCK_DEAD))
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
	old = demo_set_peer(sk, other);
	if (old)
		demo_relay_end(sk, old);
	demo_unlock_two(sk, other);

	if (old && old != other)
		demo_peer_left(sk, old);
	if (old)
		sock_put(old);
	return 0;
}

/**
 * demo_disconnect_peer() - take a datagram socket's peer away
 * @sk: the socket
 */
void demo_disconnect_peer(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *old;

	spin_lock(&ds->lock);
	old = demo_set_peer(sk, NULL);
	if (old)
		demo_relay_end(sk, old);
	spin_unlock(&ds->lock);

	if (old) {
		demo_peer_left(sk, old);
		sock_put(old);
	}
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
	bool was_peer;

	spin_lock(&ds->lock);
	was_peer = ds->peer == dead;
	if (was_peer) {
		demo_set_peer(sk, NULL);
		demo_relay_end(sk, dead);
	}
	spin_unlock(&ds->lock);

	if (was_peer) {
		demo_peer_left(sk, dead);
		sock_put(dead);
	}
	return was_peer;
}

/* Death. */

/* The other end of a connection hears that this one is gone. */
static void demo_hang_up(struct sock *peer, bool reset)
{
	spin_lock(&demo_sk(peer)->lock);
	demo_add_shutdown(peer, SHUTDOWN_MASK);
	if (reset)
		WRITE_ONCE(peer->sk_err, ECONNRESET);
	spin_unlock(&demo_sk(peer)->lock);
	READ_ONCE(peer->sk_state_change)(peer);
	sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_HUP);
}

/**
 * demo_sock_release() - the end of a socket
 * @sk: the socket, with the reference that its struct socket, or its
 *      listener's list, holds
 * @pending: it was never accepted, so its peer is reset
 *
 * No call on the socket itself is under way, but its peer, or anybody who
 * found its port, may be sending to it: they find the queue shut, under the
 * queue's lock, before it is emptied.
 */
void demo_sock_release(struct sock *sk, bool pending)
{
	struct demo_sock *ds = demo_sk(sk), *far, *next;
	struct sock *peer;
	LIST_HEAD(refused);
	bool unread;

	demo_port_release(sk);

	spin_lock(&ds->lock);
	sock_orphan(sk);
	demo_add_shutdown(sk, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN)
		list_splice_init(&ds->pending, &refused);
	peer = demo_set_peer(sk, NULL);
	spin_unlock(&ds->lock);

	wake_up_interruptible_all(&ds->room_wait);
	unread = demo_flush(sk);

	if (peer) {
		if (demo_has_connections(sk))
			demo_hang_up(peer, unread || pending);
		demo_relay_stop(sk, peer);
		sock_put(peer);
	}
	list_for_each_entry_safe(far, next, &refused, pending_link) {
		list_del_init(&far->pending_link);
		demo_sock_release(&far->sk, true);
	}
	demo_spares_release(sk);
	sock_put(sk);
}
