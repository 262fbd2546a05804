// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: who is bound where.
 *
 * Each network namespace has a table of its own, which grows and shrinks with
 * what is in it. Each socket type has a port space of its own. A socket that is
 * bound to DEMO_NODE_ANY has its port on every node.
 */

#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "port.h"

/*
 * Ports are picked at random from four thousand million. That this many in a
 * row are taken happens to nobody whose machine has not as many sockets.
 */
#define DEMO_PORT_TRIES		128

/* What two bindings must not have in common, and a destination names. */
struct demo_port_key {
	int	type;
	u32	node;
	u32	port;
};

/**
 * struct demo_port - a name in use
 * @key: the name; never changes
 * @link: in demo_net.ports
 * @lock: protects @sk
 * @sk: whose it is; NULL once that is closed
 * @rcu: for who found it in the table meanwhile
 *
 * Lives from bind() to release(), and a grace period. The socket itself need
 * not wait for the grace period, so that its memory, and the module, are free
 * when the last descriptor is closed.
 */
struct demo_port {
	struct demo_port_key	key;
	struct rhash_head	link;
	spinlock_t		lock;		/* the owner: see above */
	struct sock		*sk;
	struct rcu_head		rcu;
};

static u32 demo_port_key_hash(const void *data, u32 len, u32 seed)
{
	const struct demo_port_key *key = data;

	return jhash_2words(key->type, key->port, seed);
}

static u32 demo_port_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct demo_port *port = data;

	return demo_port_key_hash(&port->key, sizeof(port->key), seed);
}

/*
 * Two names collide, and a destination is found, when the nodes are equal or
 * one is "any". The node is not hashed, so all of them are in one chain.
 */
static int demo_port_differs(struct rhashtable_compare_arg *arg,
			     const void *obj)
{
	const struct demo_port_key *a = arg->key;
	const struct demo_port_key *b = &((const struct demo_port *)obj)->key;

	return a->port != b->port || a->type != b->type ||
	       (a->node != b->node && a->node != DEMO_NODE_ANY &&
		b->node != DEMO_NODE_ANY);
}

static const struct rhashtable_params demo_port_params = {
	.key_len		= sizeof(struct demo_port_key),
	.head_offset		= offsetof(struct demo_port, link),
	.hashfn			= demo_port_key_hash,
	.obj_hashfn		= demo_port_obj_hash,
	.obj_cmpfn		= demo_port_differs,
	/* 2 KiB a namespace: to grow and shrink costs more than a few binds. */
	.min_size		= 128,
	.automatic_shrinking	= true,
};

/**
 * demo_ports_init() - a namespace's table of ports
 * @dn: the namespace
 *
 * Return: 0 or -ENOMEM
 */
int demo_ports_init(struct demo_net *dn)
{
	return rhashtable_init(&dn->ports, &demo_port_params);
}

/**
 * demo_ports_exit() - the end of the table
 * @dn: the namespace, which has no sockets left
 */
void demo_ports_exit(struct demo_net *dn)
{
	rhashtable_destroy(&dn->ports);
}

/**
 * demo_port_check() - is this an address of the family?
 * @addr: what the caller of a system call gave
 * @len: its length
 *
 * Return: 0, -EINVAL or -EAFNOSUPPORT
 */
int demo_port_check(const void *addr, int len)
{
	const struct sockaddr_demo *sdm = addr;

	if (len < (int)sizeof(*sdm))
		return -EINVAL;
	if (sdm->sdm_family != demo_family)
		return -EAFNOSUPPORT;
	if (len > (int)sizeof(*sdm))
		return -EINVAL;
	if (sdm->sdm_reserved || sdm->sdm_flags || sdm->sdm_zero[0] ||
	    sdm->sdm_zero[1] || sdm->sdm_zero[2])
		return -EINVAL;
	return 0;
}

/**
 * demo_port_check_destination() - can anybody be there?
 * @addr: a checked address
 *
 * The place that decides the route to a node: none but this one is known.
 *
 * Return: 0, -EINVAL or -ENETUNREACH
 */
int demo_port_check_destination(const struct sockaddr_demo *addr)
{
	if (addr->sdm_port == DEMO_PORT_ANY || addr->sdm_node == DEMO_NODE_ANY)
		return -EINVAL;
	if (addr->sdm_node != DEMO_NODE_LOCAL)
		return -ENETUNREACH;
	return 0;
}

static struct demo_port *demo_port_alloc(struct sock *sk)
{
	struct demo_port *port = kzalloc_obj(*port, GFP_KERNEL_ACCOUNT);

	if (port) {
		port->key.type = sk->sk_type;
		port->sk = sk;
		spin_lock_init(&port->lock);
	}
	return port;
}

/* Give the name in @port to @sk, unless another has it. */
static int demo_name(struct sock *sk, struct demo_port *port)
{
	struct demo_net *dn = demo_net(sock_net(sk));
	struct demo_sock *ds = demo_sk(sk);
	int err;

	lockdep_assert_held(&ds->lock);

	/* Who waits for the lock of a bucket sets a bit of what is read there. */
	err = data_race(rhashtable_lookup_insert_key(&dn->ports, &port->key,
						     &port->link,
						     demo_port_params));
	if (err)
		return err == -EEXIST ? -EADDRINUSE : -ENOMEM;

	ds->bound = port;
	ds->node = port->key.node;
	ds->port = port->key.port;
	/* Pairs with the acquire in demo_sock_name() and in autobind. */
	smp_store_release(&ds->named, true);
	return 0;
}

/* Likewise, with a port that the caller could not have told beforehand. */
static int demo_name_any(struct sock *sk, struct demo_port *port)
{
	int err = -EADDRINUSE;
	int tries;
	u32 pick;

	for (tries = 0; tries < DEMO_PORT_TRIES && err == -EADDRINUSE; tries++) {
		pick = get_random_u32();
		if (pick <= DEMO_PORT_RESERVED_MAX || pick == DEMO_PORT_ANY)
			continue;
		port->key.port = pick;
		err = demo_name(sk, port);
	}
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/**
 * demo_port_bind() - bind()
 * @sk: the socket
 * @addr: a checked address
 *
 * Return: 0, or an errno
 */
int demo_port_bind(struct sock *sk, const struct sockaddr_demo *addr)
{
	struct demo_sock *ds = demo_sk(sk);
	struct demo_port *port;
	int err;

	if (addr->sdm_node != DEMO_NODE_ANY &&
	    addr->sdm_node != DEMO_NODE_LOCAL)
		return -EADDRNOTAVAIL;
	if (addr->sdm_port <= DEMO_PORT_RESERVED_MAX &&
	    !ns_capable(sock_net(sk)->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;

	port = demo_port_alloc(sk);
	if (!port)
		return -ENOMEM;
	port->key.node = addr->sdm_node;
	port->key.port = addr->sdm_port;

	spin_lock(&ds->lock);
	if (ds->named)
		err = -EINVAL;
	else if (addr->sdm_port == DEMO_PORT_ANY)
		err = demo_name_any(sk, port);
	else
		err = demo_name(sk, port);
	spin_unlock(&ds->lock);
	if (err)
		kfree(port);
	return err;
}

/**
 * demo_port_autobind() - a port for a socket that is about to be heard of
 * @sk: the socket
 *
 * Return: 0 (also when it has one), -EADDRNOTAVAIL or -ENOMEM
 */
int demo_port_autobind(struct sock *sk)
{
	struct demo_sock *ds = demo_sk(sk);
	struct demo_port *port;
	int err = 0;

	/* Pairs with the release in demo_name(). */
	if (smp_load_acquire(&ds->named))
		return 0;

	port = demo_port_alloc(sk);
	if (!port)
		return -ENOMEM;
	port->key.node = DEMO_NODE_LOCAL;

	spin_lock(&ds->lock);
	if (!ds->named)
		err = demo_name_any(sk, port);
	if (ds->bound == port)
		port = NULL;
	spin_unlock(&ds->lock);
	kfree(port);
	return err;
}

/**
 * demo_port_release() - give the port back
 * @sk: the socket, which is being closed; it keeps its name for those who
 *      still hold what it sent
 */
void demo_port_release(struct sock *sk)
{
	struct demo_port *port = demo_sk(sk)->bound;

	if (!port)
		return;
	/* As in demo_name(). */
	data_race(rhashtable_remove_fast(&demo_net(sock_net(sk))->ports,
					 &port->link, demo_port_params));
	spin_lock(&port->lock);
	port->sk = NULL;
	spin_unlock(&port->lock);
	kfree_rcu(port, rcu);
}

/**
 * demo_port_find() - who has this address?
 * @net: the network namespace
 * @type: the socket type, whose port space it is
 * @addr: a destination that demo_port_check_destination() let pass
 *
 * Return: the socket with a reference, or ERR_PTR(-ECONNREFUSED). It may be
 *         dead by now: see SOCK_DEAD under one of its locks.
 */
struct sock *demo_port_find(struct net *net, int type,
			    const struct sockaddr_demo *addr)
{
	struct demo_port_key key = {
		.type	= type,
		.node	= addr->sdm_node,
		.port	= addr->sdm_port,
	};
	struct sock *sk = NULL;
	struct demo_port *port;

	rcu_read_lock();
	port = rhashtable_lookup(&demo_net(net)->ports, &key, demo_port_params);
	if (port) {
		spin_lock(&port->lock);
		sk = port->sk;
		if (sk)
			sock_hold(sk);
		spin_unlock(&port->lock);
	}
	rcu_read_unlock();
	return sk ?: ERR_PTR(-ECONNREFUSED);
}
