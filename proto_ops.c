// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: what each socket call does: the tables of operations, and the calls
 * that move no data.
 *
 * What the tables leave out is refused by the core, on purpose:
 *   gettstamp	time stamps come with the data, as control messages
 *   splice_read	of records: the core's own, which reads them
 *   splice_eof	nothing is held back that would have to be pushed
 *   sendpage, sendpage_locked
 *		(to 6.4) the core copies, as this family does with pages later
 *   getsockopt_iter
 *		(7.2) getsockopt does it for programs; nobody in the kernel asks
 *		for a level other than SOL_SOCKET
 *   read_sock, read_skb, sendmsg_locked, peek_len
 *		for sockmap, strparser, kcm and tun, which take only families
 *		that the core knows
 *   set_rcvlowat, set_rcvbuf
 *		the core's own do: nothing is computed from the values, and
 *		senders that wait look again when the next record is read
 */

#include <linux/compat.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/sockios.h>
#include <net/tcp_states.h>

#include <asm/ioctls.h>

#include "connect.h"
#include "message.h"
#include "port.h"
#include "proto_ops.h"
#include "room.h"
#include "sock.h"
#include "stream.h"

static int demo_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	sock->sk = NULL;
	demo_sock_release(sk, false);
	return 0;
}

static int demo_bind(struct socket *sock, struct sockaddr_unsized *addr,
		     int len)
{
	return demo_port_check(addr, len) ?:
	       demo_port_bind(sock->sk, (struct sockaddr_demo *)addr);
}

/* Checks common to both ways to connect. The caller gets a name first. */
static int demo_connect_check(struct sock *sk, struct sockaddr_unsized *addr,
			      int len)
{
	return demo_port_check(addr, len) ?:
	       demo_port_check_destination((struct sockaddr_demo *)addr) ?:
	       demo_port_autobind(sk);
}

static int demo_connect(struct socket *sock, struct sockaddr_unsized *addr,
			int len, int flags)
{
	return demo_connect_check(sock->sk, addr, len) ?:
	       demo_connect_pair(sock->sk, (struct sockaddr_demo *)addr, flags);
}

static int demo_dgram_connect(struct socket *sock,
			      struct sockaddr_unsized *addr, int len, int flags)
{
	if (len < (int)offsetofend(struct sockaddr, sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC) {
		demo_disconnect_peer(sock->sk);
		return 0;
	}
	return demo_connect_check(sock->sk, addr, len) ?:
	       demo_connect_peer(sock->sk, (struct sockaddr_demo *)addr);
}

static int demo_socketpair(struct socket *a, struct socket *b)
{
	demo_pair(a->sk, b->sk);
	return 0;
}

/**
 * demo_accept() - accept()
 * @sock: the listener
 * @newsock: gets the connection
 * @arg: how to wait, and where to put the errno
 *
 * Not static for the sake of kernels before 6.10, where compat/ calls it.
 *
 * Return: 0, or an errno
 */
int demo_accept(struct socket *sock, struct socket *newsock,
		struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk, *far;

	/* Once it listens, it does so until it is closed. */
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return -EINVAL;

	far = demo_accept_pair(sk, arg->flags & O_NONBLOCK, &arg->err);
	if (!far)
		return arg->err;
	set_bit(SOCK_CUSTOM_SOCKOPT, &newsock->flags);
	/* First this: senders look whether there is a socket, and then at it. */
	demo_inherit_passcred(far, newsock, demo_passcred(sk, sock));
	sock_graft(far, newsock);
	return 0;
}

static int demo_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	struct sockaddr_demo *sdm = (struct sockaddr_demo *)addr;
	struct sock *other;

	if (!peer) {
		demo_sock_name(sock->sk, sdm);
		return sizeof(*sdm);
	}
	other = demo_peer_get(sock->sk);
	if (!other)
		return -ENOTCONN;
	demo_peer_name(other, sdm);
	sock_put(other);
	return sizeof(*sdm);
}

static int demo_listen(struct socket *sock, int backlog)
{
	return demo_listen_on(sock->sk, backlog);
}

static int demo_shutdown(struct socket *sock, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	/* SHUT_RD, SHUT_WR and SHUT_RDWR are RCV_SHUTDOWN and so on, less 1. */
	demo_shut(sock->sk, how + 1);
	return 0;
}

/*
 * What all types have in common.
 *
 * A peer that goes leaves its reason, then hangs up, then gives back what was
 * charged. Asked for the other way round, after the caller has looked for room
 * to write: who is told of one is told of what came before it.
 */
static __poll_t demo_poll_state(struct sock *sk)
{
	__poll_t mask = 0;
	u8 shutdown;

	/* Pairs with the release of a charge. */
	smp_rmb();
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	/* Pairs with demo_hang_up(). */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	    READ_ONCE(sk->sk_ack_backlog))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static __poll_t demo_stream_poll(struct file *file, struct socket *sock,
				 struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (demo_writable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	mask |= demo_poll_state(sk);
	if (READ_ONCE(sk->sk_state) == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (READ_ONCE(demo_sk(sk)->oob))
		mask |= EPOLLPRI;
	return mask;
}

/*
 * No room at the one receiver of all that is sent without an address. On a
 * connection, what is in flight is limited at its sender alone.
 */
static bool demo_peer_full(struct sock *sk)
{
	struct sock *peer;
	bool full;

	if (sk->sk_type != SOCK_DGRAM)
		return false;
	peer = demo_peer_get(sk);
	if (!peer)
		return false;
	full = READ_ONCE(demo_sk(peer)->peer) != sk && !demo_room(peer) &&
	       demo_await_room(sk, peer);
	sock_put(peer);
	return full;
}

static __poll_t demo_message_poll(struct file *file, struct socket *sock,
				  struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	/* To be told of room at the peer has its price: only on request. */
	if (poll_requested_events(wait) &
	    (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)) {
		if (demo_writable(sk) && !demo_peer_full(sk))
			mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
		else
			sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	}
	mask |= demo_poll_state(sk);
	if (mask & EPOLLERR && sock_flag(sk, SOCK_SELECT_ERR_QUEUE))
		mask |= EPOLLPRI;
	if (sk->sk_type == SOCK_SEQPACKET &&
	    READ_ONCE(sk->sk_state) == TCP_CLOSE)
		mask |= EPOLLHUP;
	return mask;
}

/* How many bytes the next read could have: of one datagram, of all the rest. */
static int demo_inq(struct sock *sk)
{
	struct sk_buff *skb;
	int bytes = 0;

	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return -EINVAL;
	if (sk->sk_type == SOCK_STREAM)
		return READ_ONCE(demo_sk(sk)->inq);

	spin_lock(&sk->sk_receive_queue.lock);
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		bytes += skb->len;
		if (sk->sk_type == SOCK_DGRAM)
			break;
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return bytes;
}

static int demo_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	int answer;

	switch (cmd) {
	case SIOCINQ:
		answer = demo_inq(sk);
		break;
	case SIOCOUTQ:
		answer = sk_wmem_alloc_get(sk);
		break;
	case SIOCATMARK:
		answer = sk->sk_type == SOCK_STREAM ?
				demo_stream_at_mark(sk) : -EOPNOTSUPP;
		break;
	default:
		return -ENOIOCTLCMD;
	}
	return answer < 0 ? answer : put_user(answer, (int __user *)arg);
}

#ifdef CONFIG_COMPAT
static int demo_compat_ioctl(struct socket *sock, unsigned int cmd,
			     unsigned long arg)
{
	return demo_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif

/* SO_PASSCRED and so on, which the core leaves to the families it knows. */
static int demo_set_flag(struct socket *sock, int name, sockptr_t value,
			 unsigned int len)
{
	struct sock *sk = sock->sk;
	int flag;

	if (len < sizeof(flag))
		return -EINVAL;
	if (copy_from_sockptr(&flag, value, sizeof(flag)))
		return -EFAULT;
	if (name == SO_PASSCRED) {
		demo_set_passcred(sk, flag);
		return 0;
	}
	if (sk->sk_type != SOCK_STREAM)
		return name == SO_INQ ? -ENOPROTOOPT : -EOPNOTSUPP;
	if (len != sizeof(flag) || flag < 0 || flag > 1)
		return -EINVAL;
	if (name == SO_INQ) {
		WRITE_ONCE(demo_sk(sk)->tells_inq, flag);
		return 0;
	}
	/* The lock under which the core changes the flags. */
	lock_sock(sk);
	sock_valbool_flag(sk, SOCK_ZEROCOPY, flag);
	release_sock(sk);
	return 0;
}

/*
 * SOL_SOCKET comes here since 6.7, thanks to SOCK_CUSTOM_SOCKOPT; before, the
 * core keeps it. What a module has no means to do is refused, not promised.
 */
static int demo_setsockopt(struct socket *sock, int level, int name,
			   sockptr_t value, unsigned int len)
{
	int err;

	if (level == SOL_DEMO)
		return name == DEMO_ZEROCOPY ?
			demo_set_flag(sock, SO_ZEROCOPY, value, len) :
			-ENOPROTOOPT;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;

	switch (name) {
	case SO_PASSCRED:
	case SO_INQ:
	case SO_ZEROCOPY:
		return demo_set_flag(sock, name, value, len);
	case SO_PASSSEC:
	case SO_PASSPIDFD:
	case SO_PASSRIGHTS:
		return -EOPNOTSUPP;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		err = sock_setsockopt(sock, level, name, value, len);
		/* There may be room now for who waits for it. */
		demo_wake_room(sock->sk);
		return err;
	default:
		return sock_setsockopt(sock, level, name, value, len);
	}
}

static int demo_getsockopt(struct socket *sock, int level, int name,
			   char __user *value, int __user *len)
{
	int answer, size;

	if (level != SOL_DEMO)
		return -EOPNOTSUPP;
	if (name != DEMO_ZEROCOPY)
		return -ENOPROTOOPT;
	if (get_user(size, len))
		return -EFAULT;
	if (size < 0)
		return -EINVAL;
	answer = sock_flag(sock->sk, SOCK_ZEROCOPY);
	size = min_t(int, size, sizeof(answer));
	return put_user(size, len) || copy_to_user(value, &answer, size) ?
		-EFAULT : 0;
}

static void demo_show_name(struct seq_file *m, const char *what,
			   const struct sock *sk)
{
	struct sockaddr_demo addr;

	demo_sock_name(sk, &addr);
	seq_printf(m, "demo-%s:\t%u:%u\n", what, addr.sdm_node,
		   addr.sdm_port);
}

static void demo_show_fdinfo(struct seq_file *m, struct socket *sock)
{
	struct sock *sk = sock->sk, *peer;
	int inq;

	demo_show_name(m, "local", sk);
	peer = demo_peer_get(sk);
	if (peer) {
		demo_show_name(m, "peer", peer);
		sock_put(peer);
	}
	inq = demo_inq(sk);
	if (inq < 0)
		seq_printf(m, "demo-pending:\t%u\n",
			   READ_ONCE(sk->sk_ack_backlog));
	else
		seq_printf(m, "demo-inq:\t%d\n", inq);
	seq_printf(m, "demo-outq:\t%d\n", sk_wmem_alloc_get(sk));
}

/* Alike on all types. The family's number is known only when it is loaded. */
#define DEMO_OPS_COMMON				\
	.owner		= THIS_MODULE,		\
	.release	= demo_release,		\
	.bind		= demo_bind,		\
	.socketpair	= demo_socketpair,	\
	.getname	= demo_getname,		\
	.ioctl		= demo_ioctl,		\
	DEMO_OPS_COMPAT_IOCTL			\
	.shutdown	= demo_shutdown,	\
	.setsockopt	= demo_setsockopt,	\
	.getsockopt	= demo_getsockopt,	\
	.show_fdinfo	= demo_show_fdinfo,	\
	.mmap		= sock_no_mmap,		\
	.set_peek_off	= sk_set_peek_off

#ifdef CONFIG_COMPAT
#define DEMO_OPS_COMPAT_IOCTL .compat_ioctl = demo_compat_ioctl,
#else
#define DEMO_OPS_COMPAT_IOCTL
#endif

static struct proto_ops demo_stream_ops __ro_after_init = {
	DEMO_OPS_COMMON,
	.connect	= demo_connect,
	.accept		= demo_accept,
	.listen		= demo_listen,
	.poll		= demo_stream_poll,
	.sendmsg	= demo_stream_sendmsg,
	.recvmsg	= demo_stream_recvmsg,
	.splice_read	= demo_stream_splice_read,
};

static struct proto_ops demo_dgram_ops __ro_after_init = {
	DEMO_OPS_COMMON,
	.connect	= demo_dgram_connect,
	.accept		= sock_no_accept,
	.listen		= sock_no_listen,
	.poll		= demo_message_poll,
	.sendmsg	= demo_dgram_sendmsg,
	.recvmsg	= demo_dgram_recvmsg,
};

static struct proto_ops demo_seqpacket_ops __ro_after_init = {
	DEMO_OPS_COMMON,
	.connect	= demo_connect,
	.accept		= demo_accept,
	.listen		= demo_listen,
	.poll		= demo_message_poll,
	.sendmsg	= demo_seqpacket_sendmsg,
	.recvmsg	= demo_seqpacket_recvmsg,
};

/**
 * demo_proto_ops_init() - tell the tables the family's number
 * @family: the number
 */
void __init demo_proto_ops_init(int family)
{
	demo_stream_ops.family = family;
	demo_dgram_ops.family = family;
	demo_seqpacket_ops.family = family;
}

/**
 * demo_proto_ops() - the operations of a socket type
 * @type: the type
 *
 * Return: its table, or NULL when there is no such type
 */
const struct proto_ops *demo_proto_ops(int type)
{
	switch (type) {
	case SOCK_STREAM:
		return &demo_stream_ops;
	case SOCK_DGRAM:
		return &demo_dgram_ops;
	case SOCK_SEQPACKET:
		return &demo_seqpacket_ops;
	default:
		return NULL;
	}
}
