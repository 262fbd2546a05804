/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_NET_H
#define DEMO_COMPAT_LINUX_NET_H

#include <linux/version.h>
#include_next <linux/net.h>

/* 6.19: bind() and connect() get an address whose length the type hides. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

/*
 * 6.7: with this bit in struct socket, SOL_SOCKET options go to the family.
 * Before, no bit has that meaning, so one that has none is set.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define SOCK_CUSTOM_SOCKOPT	(BITS_PER_LONG - 1)
#endif

/*
 * 6.10: accept() gets its arguments in a struct. Before, the name without
 * arguments, as in a table of operations, is a function of the old form; the
 * name with arguments, as where it is declared and defined, is another
 * function, of the new form, which the first one calls.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
struct proto_accept_arg {
	int	flags;
	int	err;
	int	is_empty;
	bool	kern;
};

int demo_accept_with_arg(struct socket *sock, struct socket *newsock,
			 struct proto_accept_arg *arg);

static inline int demo_accept(struct socket *sock, struct socket *newsock,
			      int flags, bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };

	return demo_accept_with_arg(sock, newsock, &arg);
}

#define demo_accept(sock, newsock, arg) demo_accept_with_arg(sock, newsock, arg)
#endif

#endif /* DEMO_COMPAT_LINUX_NET_H */
