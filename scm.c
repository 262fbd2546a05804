// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: ancillary data: descriptors and credentials.
 *
 * They are in the control block of the buffer they go with, as long as that is
 * in flight. A buffer without any is not different from one in a kernel that
 * knows no ancillary data.
 */

#include <linux/cred.h>
#include <linux/net.h>
#include <linux/sched/signal.h>

#include "flight.h"
#include "scm.h"
#include "sock.h"

/*
 * The core's parser takes descriptors for AF_UNIX only, and looks at nothing but
 * the family of the operations of the socket that it is given.
 */
static int demo_scm_parse(struct msghdr *msg, struct scm_cookie *scm)
{
	static const struct proto_ops unix_ops = { .family = PF_UNIX };
	struct socket sock = { .ops = &unix_ops };

	return __scm_send(&sock, msg, scm);
}

/**
 * demo_scm_send_some() - send a message with control messages
 * @sock: the sender
 * @msg: the message
 * @len: how long it is
 * @send: sends it; what goes with a buffer it takes out of what it is given
 *
 * Return: what @send returns, or an errno
 */
int demo_scm_send_some(struct socket *sock, struct msghdr *msg, size_t len,
		       demo_send_t *send)
{
	struct scm_cookie scm = {
		.creds.uid = INVALID_UID,
		.creds.gid = INVALID_GID,
	};
	int ret = demo_scm_parse(msg, &scm);

	if (ret)
		return ret;
	ret = send(sock, msg, len, &scm);
	scm_destroy(&scm);
	return ret;
}

static void demo_scm_wfree(struct sk_buff *skb)
{
	demo_scm_discard(skb);
	sock_wfree(skb);
}

/**
 * demo_scm_attach_some() - let ancillary data go with a buffer
 * @skb: the buffer, which is charged to its sender
 * @scm: the data; the descriptors are taken out of it
 *
 * Return: 0, or an errno
 */
int demo_scm_attach_some(struct sk_buff *skb, struct scm_cookie *scm)
{
	struct demo_buffer *buffer = demo_buffer(skb);
	struct demo_flight *flight;

	if (scm->fp) {
		flight = demo_flight_alloc(scm->fp);
		if (IS_ERR(flight))
			return PTR_ERR(flight);
		buffer->flight = flight;
		scm->fp = NULL;
	}
	if (scm->pid) {
		buffer->pid = get_pid(scm->pid);
		buffer->uid = scm->creds.uid;
		buffer->gid = scm->creds.gid;
	}
	skb->destructor = demo_scm_wfree;
	return 0;
}

/**
 * demo_scm_add_creds() - let the caller's credentials go with a buffer
 * @skb: the buffer, which is charged to its sender
 *
 * Unless others do, which the caller was allowed to give.
 */
void demo_scm_add_creds(struct sk_buff *skb)
{
	struct demo_buffer *buffer = demo_buffer(skb);

	if (buffer->pid)
		return;
	buffer->pid = get_pid(task_tgid(current));
	current_uid_gid(&buffer->uid, &buffer->gid);
	skb->destructor = demo_scm_wfree;
}

/**
 * demo_scm_matches_some() - may these bytes go into the same buffer?
 * @skb: the buffer
 * @scm: what goes with the bytes, or NULL
 * @creds: credentials are asked for
 *
 * Return: whether the reader can be given them as one
 */
bool demo_scm_matches_some(const struct sk_buff *skb,
			   const struct scm_cookie *scm, bool creds)
{
	const struct demo_buffer *buffer = demo_buffer(skb);

	if (scm && scm->fp)
		return false;
	if (scm && scm->pid)
		return demo_scm_same_creds(skb, scm);
	if (!creds)
		return !buffer->pid;
	return buffer->pid == task_tgid(current) &&
	       uid_eq(buffer->uid, current_uid()) &&
	       gid_eq(buffer->gid, current_gid());
}

/**
 * demo_scm_discard() - throw ancillary data away
 * @skb: the buffer it went with
 *
 * May sleep.
 */
void demo_scm_discard(struct sk_buff *skb)
{
	struct demo_buffer *buffer = demo_buffer(skb);
	struct scm_cookie scm = { .pid = buffer->pid };

	if (buffer->flight)
		scm.fp = demo_flight_end(buffer->flight);
	buffer->pid = NULL;
	buffer->flight = NULL;
	scm_destroy(&scm);
}

/**
 * demo_scm_take_creds() - who sent a buffer
 * @skb: the buffer
 * @scm: where to put it; nobody when the buffer does not say
 */
void demo_scm_take_creds(const struct sk_buff *skb, struct scm_cookie *scm)
{
	const struct demo_buffer *buffer = demo_buffer(skb);

	scm_set_cred(scm, buffer->pid,
		     buffer->pid ? buffer->uid : INVALID_UID,
		     buffer->pid ? buffer->gid : INVALID_GID);
}

/**
 * demo_scm_same_creds() - did the same send this buffer too?
 * @skb: the buffer
 * @scm: the sender of another
 *
 * Return: whether they can be given to a reader as one
 */
bool demo_scm_same_creds(const struct sk_buff *skb,
			 const struct scm_cookie *scm)
{
	const struct demo_buffer *buffer = demo_buffer(skb);

	return buffer->pid == scm->pid &&
	       (!buffer->pid || (uid_eq(buffer->uid, scm->creds.uid) &&
				 gid_eq(buffer->gid, scm->creds.gid)));
}

/**
 * demo_scm_take_files() - the descriptors that go with a buffer
 * @skb: the buffer
 * @scm: where to put them
 * @peek: they stay with the buffer too
 */
void demo_scm_take_files(struct sk_buff *skb, struct scm_cookie *scm, bool peek)
{
	struct demo_buffer *buffer = demo_buffer(skb);

	if (peek) {
		scm->fp = demo_flight_peek(buffer->flight);
		return;
	}
	scm->fp = demo_flight_end(buffer->flight);
	buffer->flight = NULL;
}
