/* SPDX-License-Identifier: GPL-2.0-only */
/* How sockets find each other. */
#ifndef DEMO_CONNECT_H
#define DEMO_CONNECT_H

#include <net/sock.h>

#include <linux/demo.h>

void demo_pair(struct sock *a, struct sock *b);
int demo_listen_on(struct sock *sk, int backlog);
int demo_connect_pair(struct sock *sk, const struct sockaddr_demo *addr,
		      int flags);
struct sock *demo_accept_pair(struct sock *sk, bool nonblock, int *err);

int demo_connect_peer(struct sock *sk, const struct sockaddr_demo *addr);
void demo_disconnect_peer(struct sock *sk);
bool demo_forget_dead_peer(struct sock *sk, struct sock *dead);

#endif /* DEMO_CONNECT_H */
