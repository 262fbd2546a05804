/* SPDX-License-Identifier: GPL-2.0-only */
/* Records: datagrams, and those of a seqpacket connection. */
#ifndef DEMO_MESSAGE_H
#define DEMO_MESSAGE_H

#include <linux/net.h>

int demo_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int demo_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		       int flags);
int demo_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int demo_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			   int flags);

#endif /* DEMO_MESSAGE_H */
