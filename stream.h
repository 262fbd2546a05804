/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes. */
#ifndef DEMO_STREAM_H
#define DEMO_STREAM_H

#include <linux/net.h>

int demo_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int demo_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags);
int demo_stream_at_mark(struct sock *sk);
ssize_t demo_stream_splice_read(struct socket *sock, loff_t *ppos,
				struct pipe_inode_info *pipe, size_t size,
				unsigned int flags);

#endif /* DEMO_STREAM_H */
