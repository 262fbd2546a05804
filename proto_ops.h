/* SPDX-License-Identifier: GPL-2.0-only */
/* What each socket call does. */
#ifndef DEMO_PROTO_OPS_H
#define DEMO_PROTO_OPS_H

#include <linux/net.h>

void demo_proto_ops_init(int family);
const struct proto_ops *demo_proto_ops(int type);

int demo_accept(struct socket *sock, struct socket *newsock,
		struct proto_accept_arg *arg);

#endif /* DEMO_PROTO_OPS_H */
