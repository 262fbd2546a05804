/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A demo_sock: what it holds, who may touch what, and how it comes into the
 * world, is paired, and leaves it. Documentation/locking.rst has the reasons.
 */
#ifndef DEMO_SOCK_H
#define DEMO_SOCK_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/sock.h>

#include <linux/demo.h>

/**
 * struct demo_net - what a network namespace has of the family
 * @ports: who is bound where; written under the table's own bucket locks,
 *         read under RCU
 *
 * Lives as long as the namespace, which every socket of a process keeps.
 */
struct demo_net {
	struct rhashtable	ports;
};

struct demo_node;
struct demo_port;

/**
 * struct demo_sock - a socket of the family
 * @sk: what the network stack sees; must be first. Of its fields,
 *      sk_state and sk_shutdown are written under @lock and read anywhere;
 *      sk_receive_queue, and SHUTDOWN_MASK at release, under the queue's lock.
 *      A new socket, which nobody else knows, is written without a lock
 * @peer: who is at the other end, with a reference. Written under @lock and
 *        the receive queue's lock, read under either; a stream's and a
 *        seqpacket's is set once and stays until release(), so that its own
 *        calls read it without a lock
 * @node: address, or DEMO_NODE_ANY. See @named
 * @port: address. See @named
 * @bound: the entry in the table of ports, if it is the socket's own: an
 *         accepted one goes by the name of its listener. @lock
 * @named: @node and @port are set and never change again; released after
 *         them, under @lock, and acquired by whoever reads them without it
 * @tells_inq: SO_INQ: each read of a stream tells how much is left. Anywhere
 * @spares_used: some of the buffers in sk_write_queue, which wait to be used
 *               again, were used since they were looked at last. That queue's
 *               lock
 * @rest_used: one came to rest at @open since. Written under the same lock
 * @spare_bytes: memory of these buffers. As @spares_used
 * @listener: of a connection that waits for accept(): its listener, with a
 *            reference. @lock
 * @node_in_flight: if its descriptor, or one in its queue, was in flight. Set
 *                  once, without a lock
 * @oob: of a stream: the buffer with the urgent byte, until that is read or
 *       another comes. The receive queue's lock; poll() looks without it
 *       whether there is one
 * @open: of a stream: the buffer that the peer may still write into: at the end
 *        of the receive queue, or read to its end, and at rest. The receive
 *        queue's lock; a writer takes it out while it copies without that
 * @inq: of a stream: bytes in the receive queue. Written under that queue's
 *       lock, read anywhere
 * @arrivals: of others: how many records were ever put into the receive queue.
 *            As @inq
 * @lock: the state of the socket; taken before every other spinlock here.
 *        Two of them only by demo_lock_two()
 * @read_lock: one reader at a time; held over copies to user space
 * @write_lock: one writer of a stream at a time; held over copies from user
 *              space. Taken before anything of the peer
 * @pending: of a listener: connections that wait for accept(). @lock
 * @pending_link: of such a connection: on its listener's @pending, under the
 *                listener's @lock
 * @hoard_link: among the sockets that have spares, or a buffer at rest;
 *              demo_hoard_lock (buffer.c)
 * @room_wait: who waits for room here: in the backlog of a listener, in the
 *             receive queue of a datagram socket
 * @room_wake: of a datagram socket: relays a wake-up of the peer's @room_wait
 *             to those who poll this one. The lock of the peer's @room_wait
 *
 * Lives until nobody refers to it: the struct socket (until release()), the
 * peer (until the peer's release(), or another connect() of a datagram
 * socket), the listener's @pending, every buffer in flight that it is charged
 * for, and every send with MSG_ZEROCOPY that it has not been told the end of.
 */
struct demo_sock {
	struct sock		sk;

	struct sock		*peer;

	u32			node;
	u32			port;
	struct demo_port	*bound;
	bool			named;
	bool			tells_inq;

	bool			spares_used;
	bool			rest_used;
	unsigned int		spare_bytes;

	struct sock		*listener;
	struct demo_node	*node_in_flight;

	/* The peer writes these when it sends. */
	struct sk_buff		*oob;
	struct sk_buff		*open;
	unsigned int		inq;
	unsigned int		arrivals;

	/* From here on as the slab's constructor left it: see demo_construct(). */
	spinlock_t		lock;		/* the state: see above */
	struct mutex		read_lock;	/* of readers */
	struct mutex		write_lock;	/* of a stream's writers */

	union {
		struct list_head	pending;
		struct list_head	pending_link;
	};
	struct list_head	hoard_link;

	wait_queue_head_t	room_wait;
	wait_queue_entry_t	room_wake;
};

static inline struct demo_sock *demo_sk(const struct sock *sk)
{
	return (struct demo_sock *)sk;
}

/* Closed, and nobody is told of anything there. */
static inline bool demo_is_dead(const struct sock *sk)
{
	/* In the same word, setsockopt() may be writing another bit. */
	return data_race(sock_flag(sk, SOCK_DEAD));
}

/*
 * Always through the pointers: a user in the kernel replaces them, also while
 * the socket is in use.
 */
static inline void demo_data_ready(struct sock *sk)
{
	void (*data_ready)(struct sock *sk) = READ_ONCE(sk->sk_data_ready);

	data_ready(sk);
}

static inline void demo_state_change(struct sock *sk)
{
	void (*state_change)(struct sock *sk) = READ_ONCE(sk->sk_state_change);

	state_change(sk);
}

extern int demo_family;

struct demo_net *demo_net(const struct net *net);

void demo_lock_two(struct sock *a, struct sock *b);
void demo_unlock_two(struct sock *a, struct sock *b);

int demo_socks_init(void);
void demo_socks_exit(void);
struct sock *demo_sock_alloc(struct net *net, struct socket *sock, int type,
			     int kern);
void demo_shut(struct sock *sk, int how);
void demo_sock_release(struct sock *sk, bool pending);

void demo_sock_name(const struct sock *sk, struct sockaddr_demo *addr);
void demo_peer_name(const struct sock *sk, struct sockaddr_demo *addr);

struct sock *demo_set_peer(struct sock *sk, struct sock *peer,
			   struct sk_buff_head *stale);
struct sock *demo_peer_get(struct sock *sk);

bool demo_writable(const struct sock *sk);

#endif /* DEMO_SOCK_H */
