/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_NET_SOCK_H
#define DEMO_COMPAT_NET_SOCK_H

#include <linux/version.h>
#include_next <net/sock.h>

/*
 * 6.16: SO_PASSCRED is a bit of struct sock, which the core sets for families
 * that it knows. Before, it is one of struct socket.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline bool demo_passcred(const struct sock *sk,
				 const struct socket *sock)
{
	return test_bit(SOCK_PASSCRED, &sock->flags);
}

static inline void demo_set_passcred(struct sock *sk, bool on)
{
	if (on)
		set_bit(SOCK_PASSCRED, &sk->sk_socket->flags);
	else
		clear_bit(SOCK_PASSCRED, &sk->sk_socket->flags);
}

/* @sock is about to be @sk's. */
static inline void demo_inherit_passcred(struct sock *sk, struct socket *sock,
					 bool on)
{
	if (on)
		set_bit(SOCK_PASSCRED, &sock->flags);
	/* Pairs with the acquire of sk_socket, which is set next. */
	smp_wmb();
}
#else
static inline bool demo_passcred(const struct sock *sk,
				 const struct socket *sock)
{
	return sk->sk_scm_credentials;
}

static inline void demo_set_passcred(struct sock *sk, bool on)
{
	sk->sk_scm_credentials = on;
}

/* @sock is about to be @sk's. */
static inline void demo_inherit_passcred(struct sock *sk, struct socket *sock,
					 bool on)
{
	sk->sk_scm_credentials = on;
	/* Pairs with the acquire of sk_socket, which is set next. */
	smp_wmb();
}
#endif

#endif /* DEMO_COMPAT_NET_SOCK_H */
