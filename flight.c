// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: descriptors in flight.
 *
 * A descriptor that waits in a receive queue keeps its file. If that file is a
 * socket of this family, it keeps what waits in its own queue, and so on: the
 * sockets in flight are a graph. An edge goes from a socket to each socket whose
 * descriptor waits in its queue, and from a listener to each connection that
 * waits for accept() and has such descriptors in its queue.
 *
 * If the edges came to a cycle, its files would keep each other for ever. None
 * can: a cycle would have to be closed by its last edge. An edge to a descriptor
 * is added by a send, under demo_flight_mutex, together with the search for a
 * way back; an edge to a connection is added under the mutex too, before the
 * first edge that leads on from it. Documentation/flight.rst has the argument.
 *
 * The mutex is the only lock of the family that all its sockets share. It is
 * taken for messages with such descriptors only.
 */

#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "flight.h"
#include "sock.h"

/* A way of more edges than this is not let come into being. */
#define DEMO_FLIGHT_DEPTH	4

/* Nor is a search that looks at more edges than this begun to its end. */
#define DEMO_FLIGHT_VISITS	16384

/**
 * struct demo_edge - one socket keeps another
 * @from: the one
 * @to: the other
 * @down: among @from's
 * @up: among @to's
 *
 * All under demo_flight_mutex.
 */
struct demo_edge {
	struct demo_node	*from;
	struct demo_node	*to;
	struct list_head	down;
	struct list_head	up;
};

/**
 * struct demo_node - a socket that is, or was, part of the graph
 * @down: edges from it
 * @up: edges to it
 * @stamp: the search that came here last
 * @depth: how long the longest way from here is, as that search found out
 * @pending: the edge from its listener
 * @is_pending: that edge is in the graph; also under the socket's lock
 *
 * Under demo_flight_mutex. Lives as long as its socket.
 */
struct demo_node {
	struct list_head	down;
	struct list_head	up;
	u64			stamp;
	int			depth;
	bool			is_pending;
	struct demo_edge	pending;
};

/**
 * struct demo_flight - the descriptors that go with one buffer
 * @fp: the files
 * @boarded: @edges are in the graph. demo_flight_mutex
 * @nr_edges: how many of the files are sockets of this family
 * @edges: from the receiver to each of those
 */
struct demo_flight {
	struct scm_fp_list	*fp;
	bool			boarded;
	unsigned int		nr_edges;
	struct demo_edge	edges[] __counted_by(nr_edges);
};

static DEFINE_MUTEX(demo_flight_mutex);
static u64 demo_flight_stamp;
static unsigned int demo_flight_visits;

/* How many descriptors of each user are in flight, by user ID. */
static DEFINE_XARRAY_FLAGS(demo_flight_users, XA_FLAGS_ACCOUNT);

/* What a user has in flight. */

static void demo_flight_add(struct user_struct *user, int count)
{
	unsigned long uid = __kuid_val(user->uid);
	unsigned long n;
	void *old, *new;

	/* The entry is there, so to replace it takes no memory. */
	do {
		old = xa_load(&demo_flight_users, uid);
		n = xa_to_value(old) + count;
		new = n ? xa_mk_value(n) : NULL;
	} while (xa_cmpxchg(&demo_flight_users, uid, old, new,
			    GFP_KERNEL) != old);
}

static int demo_flight_charge(struct user_struct *user, int count)
{
	unsigned long uid = __kuid_val(user->uid);
	unsigned long n;
	void *old, *seen;

	for (;;) {
		old = xa_load(&demo_flight_users, uid);
		n = (old ? xa_to_value(old) : 0) + count;
		if (n > rlimit(RLIMIT_NOFILE) &&
		    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
			return -ETOOMANYREFS;
		seen = xa_cmpxchg(&demo_flight_users, uid, old, xa_mk_value(n),
				  GFP_KERNEL_ACCOUNT);
		if (seen == old)
			return 0;
		if (xa_is_err(seen))
			return xa_err(seen);
	}
}

/* The files. */

static struct sock *demo_flight_sock(struct file *file, int family)
{
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk && sock->sk->sk_family == family ? sock->sk :
								   NULL;
}

/* The node of a socket, which gets one if it has none. May sleep. */
static struct demo_node *demo_node_get(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	/* Pairs with the cmpxchg() below. */
	struct demo_node *node = smp_load_acquire(&ds->node_in_flight);
	struct demo_node *old;

	if (node)
		return node;
	node = kzalloc_obj(*node, GFP_KERNEL_ACCOUNT);
	if (!node)
		return NULL;
	INIT_LIST_HEAD(&node->down);
	INIT_LIST_HEAD(&node->up);
	old = cmpxchg(&ds->node_in_flight, NULL, node);
	if (!old)
		return node;
	/* Another sender was faster. */
	kfree(node);
	return old;
}

/**
 * demo_flight_alloc() - descriptors are about to go with a buffer
 * @fp: the files, which are the flight's when this succeeds
 *
 * Return: the flight, or an ERR_PTR(): -EINVAL when one is an AF_UNIX socket,
 *         whose queue keeps what no search here would see; -ETOOMANYREFS when
 *         the user has too many in flight; -ENOMEM
 */
struct demo_flight *demo_flight_alloc(struct scm_fp_list *fp)
{
	struct demo_flight *flight;
	unsigned int edges = 0;
	int err = -ENOMEM;
	struct sock *sk;
	int i;

	for (i = 0; i < fp->count; i++) {
		if (demo_flight_sock(fp->fp[i], AF_UNIX))
			return ERR_PTR(-EINVAL);
		if (demo_flight_sock(fp->fp[i], demo_family))
			edges++;
	}
	flight = kzalloc(struct_size(flight, edges, edges), GFP_KERNEL_ACCOUNT);
	if (!flight)
		return ERR_PTR(-ENOMEM);
	flight->fp = fp;
	flight->nr_edges = edges;

	edges = 0;
	for (i = 0; i < fp->count; i++) {
		sk = demo_flight_sock(fp->fp[i], demo_family);
		if (!sk)
			continue;
		flight->edges[edges].to = demo_node_get(sk);
		if (!flight->edges[edges++].to)
			goto out_free;
	}
	err = demo_flight_charge(fp->user, fp->count);
	if (!err)
		return flight;
out_free:
	kfree(flight);
	return ERR_PTR(err);
}

/* The graph. */

static void demo_edge_link(struct demo_edge *edge, struct demo_node *from,
			   struct demo_node *to)
{
	edge->from = from;
	edge->to = to;
	list_add_tail(&edge->down, &from->down);
	list_add_tail(&edge->up, &to->up);
}

static void demo_edge_unlink(struct demo_edge *edge)
{
	list_del(&edge->down);
	list_del(&edge->up);
}

static void demo_flight_unlink(struct demo_flight *flight)
{
	unsigned int i;

	lockdep_assert_held(&demo_flight_mutex);
	if (!flight->boarded)
		return;
	for (i = 0; i < flight->nr_edges; i++)
		demo_edge_unlink(&flight->edges[i]);
	flight->boarded = false;
}

/*
 * How long the longest way down from @node is, or up to it; -ELOOP when it leads
 * to @target. Each node is searched once. Since no way is longer than a few
 * edges, neither is the recursion.
 */
static int demo_flight_search(struct demo_node *node, struct demo_node *target,
			      bool down, int level)
{
	struct demo_edge *edge;
	int depth = 0;
	int ret;

	if (node == target)
		return -ELOOP;
	if (node->stamp == demo_flight_stamp)
		return node->depth;
	/* An edge to a connection is added without a look at the depth. */
	if (level > DEMO_FLIGHT_DEPTH + 1)
		return -ETOOMANYREFS;

	if (down) {
		list_for_each_entry(edge, &node->down, down) {
			if (++demo_flight_visits > DEMO_FLIGHT_VISITS)
				return -ETOOMANYREFS;
			ret = demo_flight_search(edge->to, target, down,
						 level + 1);
			if (ret < 0)
				return ret;
			depth = max(depth, ret + 1);
		}
	} else {
		list_for_each_entry(edge, &node->up, up) {
			if (++demo_flight_visits > DEMO_FLIGHT_VISITS)
				return -ETOOMANYREFS;
			ret = demo_flight_search(edge->from, target, down,
						 level + 1);
			if (ret < 0)
				return ret;
			depth = max(depth, ret + 1);
		}
	}
	node->stamp = demo_flight_stamp;
	node->depth = depth;
	return depth;
}

/* The listener, with a reference, if @sk waits for accept(). */
static struct sock *demo_listener_get(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sock *listener;

	spin_lock(&ds->lock);
	listener = ds->listener;
	if (listener)
		sock_hold(listener);
	spin_unlock(&ds->lock);
	return listener;
}

/*
 * The edge from the listener, before any from @sk, if @sk waits for accept()
 * still.
 */
static void demo_flight_pend(struct sock *sk, struct sock *listener)
{
	struct demo_sock *ds = demo_sk(sk);
	struct demo_node *node = ds->node_in_flight;

	lockdep_assert_held(&demo_flight_mutex);
	spin_lock(&ds->lock);
	/* accept() sees is_pending, or this sees that it was here. */
	if (ds->listener == listener && !node->is_pending) {
		demo_edge_link(&node->pending,
			       demo_sk(listener)->node_in_flight, node);
		node->is_pending = true;
	}
	spin_unlock(&ds->lock);
}

/*
 * The edges of @flight, if they can be in the graph. demo_flight_alloc() has
 * found the sockets that they go to.
 */
static int demo_flight_link(struct demo_flight *flight, struct demo_node *node)
{
	int above, below, i;

	demo_flight_visits = 0;
	demo_flight_stamp++;
	above = demo_flight_search(node, NULL, false, 0);
	if (above < 0)
		return above;

	demo_flight_stamp++;
	for (i = 0; i < flight->nr_edges; i++) {
		below = demo_flight_search(flight->edges[i].to, node, true, 0);
		if (below < 0)
			return below;
		if (above + 1 + below > DEMO_FLIGHT_DEPTH)
			return -ETOOMANYREFS;
	}

	/* What was looked for is not there, and cannot come before the unlock. */
	for (i = 0; i < flight->nr_edges; i++)
		demo_edge_link(&flight->edges[i], node, flight->edges[i].to);
	flight->boarded = true;
	return 0;
}

/**
 * demo_flight_board() - a buffer is about to be queued
 * @flight: what goes with it
 * @receiver: whose queue it is
 *
 * The caller, on a return of 1, queues the buffer without sleeping for room,
 * and calls demo_flight_boarded().
 *
 * Return: 0 when there is nothing to look for, 1 when what was looked for is not
 *         there; -ELOOP when the descriptors would keep themselves;
 *         -ETOOMANYREFS when too many would keep each other; -ENOMEM
 */
int demo_flight_board(struct demo_flight *flight, struct sock *receiver)
{
	struct sock *listener;
	struct demo_node *node;
	int err = -ENOMEM;

	if (!flight->nr_edges)
		return 0;

	/* What takes memory comes before the mutex: others wait for that. */
	listener = demo_listener_get(receiver);
	node = demo_node_get(receiver);
	if (!node || (listener && !demo_node_get(listener)))
		goto out;

	mutex_lock(&demo_flight_mutex);
	if (listener)
		demo_flight_pend(receiver, listener);
	err = demo_flight_link(flight, node);
	if (err)
		mutex_unlock(&demo_flight_mutex);
out:
	if (listener)
		sock_put(listener);
	return err ?: 1;
}

/**
 * demo_flight_boarded() - a buffer was queued, or was not
 * @flight: what goes with it, after demo_flight_board() returned 1; once queued,
 *          it is the reader's
 * @queued: which of the two
 */
void demo_flight_boarded(struct demo_flight *flight, bool queued)
{
	if (!queued)
		demo_flight_unlink(flight);
	mutex_unlock(&demo_flight_mutex);
}

/**
 * demo_flight_end() - descriptors arrived, or are thrown away
 * @flight: the flight, which is no more
 *
 * Return: the files, for the caller to install or to put
 */
struct scm_fp_list *demo_flight_end(struct demo_flight *flight)
{
	struct scm_fp_list *fp = flight->fp;

	if (flight->nr_edges) {
		mutex_lock(&demo_flight_mutex);
		demo_flight_unlink(flight);
		mutex_unlock(&demo_flight_mutex);
	}
	demo_flight_add(fp->user, -fp->count);
	kfree(flight);
	return fp;
}

/**
 * demo_flight_peek() - the same files once more, for MSG_PEEK
 * @flight: the flight, which goes on
 *
 * They go to a process, so nothing in the graph changes.
 *
 * Return: the files, or NULL when there is no memory
 */
struct scm_fp_list *demo_flight_peek(const struct demo_flight *flight)
{
	return scm_fp_dup(flight->fp);
}

/**
 * demo_flight_listen() - a connection waits for accept()
 * @far: its socket, which nobody else knows yet
 * @listener: the listener, which is locked
 */
void demo_flight_listen(struct sock *far, struct sock *listener)
{
	sock_hold(listener);
	demo_sk(far)->listener = listener;
}

/**
 * demo_flight_accept() - a connection does not wait any longer
 * @far: its socket, which has left the listener's list
 */
void demo_flight_accept(struct sock *far)
{
	struct demo_sock *ds = demo_sk(far);
	struct demo_node *node;
	struct sock *listener;
	bool was_pending;

	spin_lock(&ds->lock);
	listener = ds->listener;
	ds->listener = NULL;
	node = READ_ONCE(ds->node_in_flight);
	was_pending = node && node->is_pending;
	spin_unlock(&ds->lock);

	if (was_pending) {
		mutex_lock(&demo_flight_mutex);
		demo_edge_unlink(&node->pending);
		node->is_pending = false;
		mutex_unlock(&demo_flight_mutex);
	}
	if (listener)
		sock_put(listener);
}

/**
 * demo_flight_free_node() - the end of a socket
 * @sk: the socket, which nothing refers to any more
 */
void demo_flight_free_node(struct sock *sk)
{
	struct demo_node *node = demo_sk(sk)->node_in_flight;

	if (!node)
		return;
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&node->down));
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&node->up));
	kfree(node);
}
