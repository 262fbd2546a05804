// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: a demo_sock's life: birth, name and peer, shutdown, death.
 *
 * A stream or seqpacket socket is TCP_CLOSE until connect(), socketpair() or
 * listen(), then TCP_ESTABLISHED or TCP_LISTEN until its release(). It never
 * goes back, and its peer never changes.
 *
 * A datagram socket has a peer (TCP_ESTABLISHED) or has none (TCP_CLOSE), and
 * changes it as it likes.
 */

#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/tcp_states.h>

#include "buffer.h"
#include "flight.h"
#include "port.h"
#include "room.h"
#include "sock.h"

/* Pending connections have no file, so the limit on files does not hold them. */
static atomic_long_t demo_nr_socks;

static struct proto demo_proto = {
	.name		= "DEMO",
	.owner		= THIS_MODULE,
	/* What is zeroed for a new one: see demo_construct(). */
	.obj_size	= offsetof(struct demo_sock, lock),
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

/**
 * demo_lock_two() - lock two sockets, which may be the same
 * @a: one
 * @b: the other
 *
 * The only place that does it: the lower address first.
 */
void demo_lock_two(struct sock *a, struct sock *b)
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

/**
 * demo_unlock_two() - unlock two sockets, which may be the same
 * @a: one
 * @b: the other
 */
void demo_unlock_two(struct sock *a, struct sock *b)
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

/*
 * Take everything off the receive queue, which is locked. A buffer that the peer
 * is writing into stays the peer's: it finds the queue shut, and frees it.
 */
static bool demo_cut(struct sock *sk, struct sk_buff_head *cut)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff *skb;
	bool some = false;

	__skb_queue_head_init(cut);
	skb = demo_buffer_close(ds);
	if (skb)
		__skb_queue_tail(cut, skb);
	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		/* That a byte was sent out of band, and read, is no news. */
		some |= !demo_buffer(skb)->mark;
		if (sk->sk_type != SOCK_STREAM)
			atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
		if (!demo_buffer(skb)->claimed)
			__skb_queue_tail(cut, skb);
	}
	WRITE_ONCE(ds->oob, NULL);
	WRITE_ONCE(ds->inq, 0);
	return some;
}

/**
 * demo_set_peer() - change who is at the other end
 * @sk: the socket, locked
 * @peer: the new peer, with the caller's reference, or NULL
 * @stale: what an old one had sent, for the caller to free; NULL to leave it.
 *         In one go: what the new one sends is not among it
 *
 * Return: the old peer, whose reference is the caller's now, or NULL
 */
struct sock *demo_set_peer(struct sock *sk, struct sock *peer,
			   struct sk_buff_head *stale)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *old = ds->peer;

	lockdep_assert_held(&ds->lock);

	if (stale)
		__skb_queue_head_init(stale);
	spin_lock(&sk->sk_receive_queue.lock);
	if (stale && old && old != peer)
		demo_cut(sk, stale);
	/* Pairs with the dependency of those who read it without a lock. */
	smp_store_release(&ds->peer, peer);
	spin_unlock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_state, peer ? TCP_ESTABLISHED : TCP_CLOSE);
	return old;
}

/* The send buffer. */

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

/* Birth. */

/*
 * Once for each socket that the slab has memory for, not each time one is born:
 * a socket that dies leaves its locks, lists and queues as they are here. Of one
 * that is born, sk_alloc() zeroes what comes before them; and only sk_alloc()
 * does: with init_on_alloc, a slab without a constructor zeroes all of it, too.
 */
static void demo_construct(void *object)
{
	struct demo_sock *ds = object;

	spin_lock_init(&ds->lock);
	lock_set_cmp_fn(&ds->lock, demo_lock_order, NULL);
	mutex_init(&ds->read_lock);
	mutex_init(&ds->write_lock);
	INIT_LIST_HEAD(&ds->pending);
	INIT_LIST_HEAD(&ds->hoard_link);
	demo_room_init(ds);
}

/**
 * demo_socks_init() - when the module is loaded
 *
 * Return: 0, or an errno
 */
int __init demo_socks_init(void)
{
	int err;

	demo_proto.slab = kmem_cache_create(demo_proto.name,
					    sizeof(struct demo_sock), 0,
					    SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
					    demo_construct);
	if (!demo_proto.slab)
		return -ENOMEM;
	err = proto_register(&demo_proto, 0);
	if (err)
		kmem_cache_destroy(demo_proto.slab);
	return err;
}

/**
 * demo_socks_exit() - when the module is unloaded, and no socket is left
 */
void demo_socks_exit(void)
{
	/* The slab goes with it. */
	proto_unregister(&demo_proto);
}

static void demo_destruct(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);

	DEBUG_NET_WARN_ON_ONCE(!skb_queue_empty(&sk->sk_receive_queue));
	DEBUG_NET_WARN_ON_ONCE(!skb_queue_empty(&sk->sk_write_queue));
	DEBUG_NET_WARN_ON_ONCE(refcount_read(&sk->sk_wmem_alloc));
	DEBUG_NET_WARN_ON_ONCE(sk->sk_socket);
	/* As they were made: see demo_construct(). */
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&ds->pending));
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&ds->hoard_link));
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&ds->room_wait.head));
	DEBUG_NET_WARN_ON_ONCE(ds->room_wake.private);

	__skb_queue_purge(&sk->sk_error_queue);
	demo_flight_free_node(sk);
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
 * demo_peer_name() - the address of a socket as others see it
 * @sk: the socket
 * @addr: where to put it: one that reaches the socket, if it has a port
 */
void demo_peer_name(const struct sock *sk, struct sockaddr_demo *addr)
{
	demo_sock_name(sk, addr);
	if (addr->sdm_node == DEMO_NODE_ANY)
		addr->sdm_node = DEMO_NODE_LOCAL;
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
	demo_state_change(sk);
	/* Who waits for room here need not wait any longer. */
	if (how & RCV_SHUTDOWN)
		demo_wake_room(sk);

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
		demo_state_change(peer);
		if (theirs == SHUTDOWN_MASK)
			sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_HUP);
		else if (theirs & RCV_SHUTDOWN)
			sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_IN);
	}
	sock_put(peer);
}

/* Death. */

/* The other end of a connection hears that this one is gone. */
static void demo_hang_up(struct sock *peer, bool reset)
{
	/* It was closed first, as one of them is, and there is nobody to tell. */
	if (demo_is_dead(peer))
		return;
	spin_lock(&demo_sk(peer)->lock);
	if (reset)
		WRITE_ONCE(peer->sk_err, ECONNRESET);
	/* Pairs with readers that see the end first: they see its reason. */
	smp_wmb();
	demo_add_shutdown(peer, SHUTDOWN_MASK);
	spin_unlock(&demo_sk(peer)->lock);
	demo_state_change(peer);
	sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_HUP);
}

/**
 * demo_sock_release() - the end of a socket
 * @sk: the socket, with the reference that its struct socket, or its
 *      listener's list, holds
 * @pending: it was never accepted, so its peer is reset
 *
 * No call on the socket itself is under way, but its peer, or anybody who
 * found its port, may be sending to it: they find the queue shut, under its
 * lock, and put nothing behind what is taken off here.
 */
void demo_sock_release(struct sock *sk, bool pending)
{
	struct demo_sock *ds = demo_sk(sk), *far, *next;
	struct sk_buff_head unread;
	struct sock *peer;
	LIST_HEAD(refused);
	bool reset;

	demo_port_release(sk);

	spin_lock(&ds->lock);
	/*
	 * The core's writes are plain. Who has none of the locks sees them now
	 * or later, and is stopped by sk_shutdown, under the queue's lock.
	 */
	data_race(({ sock_orphan(sk); 0; }));
	if (sk->sk_state == TCP_LISTEN)
		list_splice_init(&ds->pending, &refused);
	spin_lock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	peer = ds->peer;
	WRITE_ONCE(ds->peer, NULL);
	reset = demo_cut(sk, &unread) || pending;
	spin_unlock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	spin_unlock(&ds->lock);

	demo_wake_room(sk);

	if (peer) {
		/* It hears why, before the charges given back wake its writers. */
		if (demo_has_connections(sk))
			demo_hang_up(peer, reset);
		else
			demo_relay_stop(sk, peer);
		sock_put(peer);
	}
	__skb_queue_purge(&unread);
	list_for_each_entry_safe(far, next, &refused, pending_link) {
		list_del_init(&far->pending_link);
		demo_flight_accept(&far->sk);
		demo_sock_release(&far->sk, true);
	}
	demo_spares_release(sk);
	sock_put(sk);
}
