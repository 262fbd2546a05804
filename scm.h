/* SPDX-License-Identifier: GPL-2.0-only */
/* Ancillary data: what goes beside the bytes and the records. */
#ifndef DEMO_SCM_H
#define DEMO_SCM_H

#include <net/scm.h>
#include <net/sock.h>

#include "buffer.h"

/* A send of a message, with what goes beside the data, or NULL for nothing. */
typedef int demo_send_t(struct socket *sock, struct msghdr *msg, size_t len,
			struct scm_cookie *scm);

int demo_scm_send_some(struct socket *sock, struct msghdr *msg, size_t len,
		       demo_send_t *send);
int demo_scm_attach_some(struct sk_buff *skb, struct scm_cookie *scm);
void demo_scm_add_creds(struct sk_buff *skb);
bool demo_scm_matches_some(const struct sk_buff *skb,
			   const struct scm_cookie *scm, bool creds);
void demo_scm_discard(struct sk_buff *skb);

void demo_scm_take_creds(const struct sk_buff *skb, struct scm_cookie *scm);
bool demo_scm_same_creds(const struct sk_buff *skb,
			 const struct scm_cookie *scm);
void demo_scm_take_files(struct sk_buff *skb, struct scm_cookie *scm,
			 bool peek);

/* A caller's own socket asks for the credentials of senders. */
static inline bool demo_asks_creds(const struct sock *sk)
{
	return demo_passcred(sk, sk->sk_socket);
}

/*
 * The receiver asks for the credentials of senders, or may do so once it is
 * accepted. Under the lock of its queue: release() takes that too, before its
 * struct socket is gone.
 */
static inline bool demo_wants_creds(struct sock *sk)
{
	struct socket *sock;

	lockdep_assert_held(&sk->sk_receive_queue.lock);
	/* Pairs with the order in demo_accept(). */
	sock = smp_load_acquire(&sk->sk_socket);
	return !sock || demo_passcred(sk, sock);
}

/* Something goes beside the data of this buffer. */
static inline bool demo_scm_has(const struct sk_buff *skb)
{
	return demo_buffer(skb)->pid || demo_buffer(skb)->flight;
}

/* Send a message, with what its caller wants to go beside the data. */
static inline int demo_scm_send(struct socket *sock, struct msghdr *msg,
				size_t len, demo_send_t *send)
{
	return msg->msg_controllen ?
		demo_scm_send_some(sock, msg, len, send) :
		send(sock, msg, len, NULL);
}

/* Let ancillary data go with a buffer. */
static inline int demo_scm_attach(struct sk_buff *skb, struct scm_cookie *scm)
{
	return scm ? demo_scm_attach_some(skb, scm) : 0;
}

/* May these bytes go into the same buffer? */
static inline bool demo_scm_matches(const struct sk_buff *skb,
				    const struct scm_cookie *scm, bool creds)
{
	return scm || creds ? demo_scm_matches_some(skb, scm, creds) :
			      !demo_buffer(skb)->pid;
}

#endif /* DEMO_SCM_H */
