/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is bound where. */
#ifndef DEMO_PORT_H
#define DEMO_PORT_H

#include "sock.h"

int demo_ports_init(struct demo_net *dn);
void demo_ports_exit(struct demo_net *dn);

int demo_port_check(const void *addr, int len);
int demo_port_bind(struct sock *sk, const struct sockaddr_demo *addr);
int demo_port_autobind(struct sock *sk);
void demo_port_release(struct sock *sk);

int demo_port_check_destination(const struct sockaddr_demo *addr);
struct sock *demo_port_find(struct net *net, int type,
			    const struct sockaddr_demo *addr);

#endif /* DEMO_PORT_H */
