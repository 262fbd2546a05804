// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: the family: how it is loaded and unloaded, what a network namespace
 * has of it, and socket().
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "buffer.h"
#include "port.h"
#include "proto_ops.h"
#include "sock.h"

int demo_family __ro_after_init = AF_DEMO;
module_param_named(family, demo_family, int, 0444);
MODULE_PARM_DESC(family, "number of the address family (default 18)");

static unsigned int demo_net_id __ro_after_init;

/**
 * demo_net() - what a network namespace has of the family
 * @net: the namespace
 *
 * Return: it
 */
struct demo_net *demo_net(const struct net *net)
{
	return net_generic(net, demo_net_id);
}

static int __net_init demo_net_init(struct net *net)
{
	return demo_ports_init(demo_net(net));
}

static void __net_exit demo_net_exit(struct net *net)
{
	demo_ports_exit(demo_net(net));
}

static struct pernet_operations demo_net_ops = {
	.init	= demo_net_init,
	.exit	= demo_net_exit,
	.id	= &demo_net_id,
	.size	= sizeof(struct demo_net),
};

static int demo_create(struct net *net, struct socket *sock, int protocol,
		       int kern)
{
	const struct proto_ops *ops = demo_proto_ops(sock->type);
	struct sock *sk;

	if (protocol)
		return -EPROTONOSUPPORT;
	if (!ops)
		return -ESOCKTNOSUPPORT;

	sk = demo_sock_alloc(net, sock, sock->type, kern);
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	sock->ops = ops;
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
	return 0;
}

static struct net_proto_family demo_net_proto_family __ro_after_init = {
	.create	= demo_create,
	.owner	= THIS_MODULE,
};

/* Why the family cannot be had under this number, for whoever loads it. */
static void __init demo_complain(int err)
{
	if (err == -EEXIST)
		pr_err("address family %d is in use; load with family=N for a free N\n",
		       demo_family);
	else
		pr_err("cannot register address family %d: error %d\n",
		       demo_family, err);
}

static int __init demo_init(void)
{
	int err;

	if (demo_family <= AF_UNSPEC || demo_family >= AF_MAX) {
		pr_err("family=%d is out of range: 1 to %d\n", demo_family,
		       AF_MAX - 1);
		return -EINVAL;
	}
	demo_proto_ops_init(demo_family);
	demo_net_proto_family.family = demo_family;

	err = demo_socks_init();
	if (err) {
		pr_err("no memory for a cache of sockets\n");
		return err;
	}
	err = demo_spares_init();
	if (err) {
		pr_err("no memory for a shrinker\n");
		goto out_socks;
	}
	err = register_pernet_subsys(&demo_net_ops);
	if (err) {
		pr_err("no memory for a table of ports\n");
		goto out_spares;
	}
	/* From here on there can be sockets. */
	err = sock_register(&demo_net_proto_family);
	if (err) {
		demo_complain(err);
		goto out_net;
	}
	pr_info("address family %d\n", demo_family);
	return 0;

out_net:
	unregister_pernet_subsys(&demo_net_ops);
out_spares:
	demo_spares_exit();
out_socks:
	demo_socks_exit();
	return err;
}

static void __exit demo_exit(void)
{
	sock_unregister(demo_family);
	unregister_pernet_subsys(&demo_net_ops);
	demo_spares_exit();
	demo_socks_exit();
}

module_init(demo_init);
module_exit(demo_exit);

MODULE_DESCRIPTION("AF_DEMO: sockets with numeric addresses");
MODULE_AUTHOR("The AF_DEMO authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS_NETPROTO(AF_DEMO);
