// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: waiting for room at another socket: for a place in the backlog of a
 * listener, or in the receive queue of a datagram socket that many send to.
 */

#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <net/tcp_states.h>

#include "room.h"
#include "sock.h"

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
 * demo_wake_room() - let all who wait for room here look again
 * @sk: a listener, or a receiver of datagrams, that takes more now, or nothing
 */
void demo_wake_room(struct sock *sk)
{
	wait_queue_head_t *room_wait = &demo_sk(sk)->room_wait;

	/* Nearly always there is nobody, and no need for a lock. */
	if (wq_has_sleeper(room_wait))
		wake_up_interruptible_all(room_wait);
}

/**
 * demo_offer_room() - let one of those who wait for room here have it
 * @sk: a listener, or a receiver of datagrams
 *
 * For whoever made some. And for who was woken for it, and may not want it any
 * more, or need less than there is: then the next one is woken too.
 */
void demo_offer_room(struct sock *sk)
{
	wait_queue_head_t *room_wait = &demo_sk(sk)->room_wait;

	/* Pairs with prepare_to_wait(): who does not see the room is seen. */
	if (wq_has_sleeper(room_wait) && demo_room(sk))
		wake_up_interruptible_sync(room_wait);
}

/**
 * demo_wait_for_room() - wait until there is room at another socket
 * @other: a listener, or a receiver of datagrams
 * @timeo: how long, in jiffies
 *
 * Who has waited calls demo_offer_room() when done.
 *
 * Return: what is left of @timeo
 */
long demo_wait_for_room(struct sock *other, long timeo)
{
	wait_queue_head_t *room_wait = &demo_sk(other)->room_wait;
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(room_wait, &wait, TASK_INTERRUPTIBLE);
	if (!demo_is_dead(other) &&
	    !(READ_ONCE(other->sk_shutdown) & RCV_SHUTDOWN) &&
	    !demo_room(other))
		timeo = schedule_timeout(timeo);
	finish_wait(room_wait, &wait);
	return timeo;
}

/* Those who poll for room, whatever the news is, and no reader beside them. */
static void demo_wake_pollers(struct sock *sk)
{
	wait_queue_head_t *sleepers = sk_sleep(sk);

	if (sleepers)
		wake_up_interruptible_poll(sleepers, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
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

	__remove_wait_queue(&demo_sk(other)->room_wait, entry);
	entry->private = NULL;
	demo_wake_pollers(&ds->sk);
	return 0;
}

/**
 * demo_room_init() - of a socket that the slab gets ready
 * @ds: the socket
 */
void demo_room_init(struct demo_sock *ds)
{
	init_waitqueue_head(&ds->room_wait);
	init_waitqueue_func_entry(&ds->room_wake, demo_relay_room);
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
	/* On the list before the look at the room; wq_has_sleeper() has the other. */
	smp_mb();
	return started;
}

/**
 * demo_relay_stop() - pass no wake-ups on any more
 * @sk: the sender
 * @other: the receiver, of which the caller has a reference
 */
void demo_relay_stop(struct sock *sk, struct sock *other)
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
		full = !demo_room(other) && !demo_is_dead(other);
		if (!full && started)
			demo_relay_stop(sk, other);
	}
	spin_unlock(&ds->lock);
	return full;
}

/**
 * demo_relay_end() - the receiver is not the peer any more
 * @sk: the sender
 * @old: the receiver
 *
 * Whoever waited for room there looks again.
 */
void demo_relay_end(struct sock *sk, struct sock *old)
{
	demo_relay_stop(sk, old);
	demo_wake_pollers(sk);
}
