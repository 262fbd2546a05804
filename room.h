/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for room at another socket. */
#ifndef DEMO_ROOM_H
#define DEMO_ROOM_H

#include <net/sock.h>

struct demo_sock;

void demo_room_init(struct demo_sock *ds);
bool demo_room(const struct sock *sk);
long demo_wait_for_room(struct sock *other, long timeo);
void demo_wake_room(struct sock *sk);
void demo_offer_room(struct sock *sk);

bool demo_await_room(struct sock *sk, struct sock *other);
void demo_relay_stop(struct sock *sk, struct sock *other);
void demo_relay_end(struct sock *sk, struct sock *old);

#endif /* DEMO_ROOM_H */
