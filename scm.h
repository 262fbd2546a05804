/* SPDX-License-Identifier: GPL-2.0-only */
/* Ancillary data: what goes beside the bytes and the records. */
#ifndef DEMO_SCM_H
#define DEMO_SCM_H

#include <net/scm.h>
#include <net/sock.h>

#include "buffer.h"

int demo_scm_parse(struct msghdr *msg, struct scm_cookie *scm);

/**
 * demo_scm_send() - what a caller wants to send beside the data
 * @msg: the message
 * @scm: where to put it, for scm_destroy()
 *
 * Return: 0, or an errno
 */
static inline int demo_scm_send(struct msghdr *msg, struct scm_cookie *scm)
{
	scm->pid = NULL;
	scm->fp = NULL;
	return msg->msg_controllen ? demo_scm_parse(msg, scm) : 0;
}

int demo_scm_attach_some(struct sk_buff *skb, struct scm_cookie *scm);
void demo_scm_add_creds(struct sk_buff *skb);
bool demo_scm_matches(const struct sk_buff *skb, const struct scm_cookie *scm,
		      bool creds);
void demo_scm_discard(struct sk_buff *skb);

void demo_scm_take_creds(const struct sk_buff *skb, struct scm_cookie *scm);
bool demo_scm_same_creds(const struct sk_buff *skb,
			 const struct scm_cookie *scm);
void demo_scm_take_files(struct sk_buff *skb, struct scm_cookie *scm,
			 bool peek);

/* It asks for the credentials of senders, or may do so once it is accepted. */
static inline bool demo_wants_creds(const struct sock *sk)
{
	/* Pairs with the order in demo_accept(). */
	return !smp_load_acquire(&sk->sk_socket) || demo_passcred(sk);
}

/* Something goes beside the data of this buffer. */
static inline bool demo_scm_has(const struct sk_buff *skb)
{
	return demo_buffer(skb)->pid || demo_buffer(skb)->flight;
}

/* There is something to go with a buffer. */
static inline bool demo_scm_any(const struct scm_cookie *scm)
{
	return scm->pid || scm->fp;
}

static inline int demo_scm_attach(struct sk_buff *skb, struct scm_cookie *scm)
{
	return demo_scm_any(scm) ? demo_scm_attach_some(skb, scm) : 0;
}

#endif /* DEMO_SCM_H */
