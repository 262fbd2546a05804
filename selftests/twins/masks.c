// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: the differences that are meant. Documentation/af_demo.rst has each of
 * them, with its reason, under "Differences from AF_UNIX".
 *
 * One that a call can be spared is evened out before it, by a call that makes
 * both alike. Of the others, each has a function that looks at one call and its
 * two results: it makes them equal in just what it explains.
 */

#include "twins.h"

/* Evened out before, or just after, the call. */

static void give_name(const struct world *w, int slot, bool demo_too)
{
	const struct address none = {
		.un.sun_family = AF_UNIX, .len = sizeof(none.un.sun_family),
	};
	struct address any = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);

	bind_to(w->slots[slot].fd[FAMILY_UNIX], &none);
	if (twins_same)
		bind_to(w->slots[slot].fd[FAMILY_DEMO], &none);
	else if (demo_too)
		bind_to(w->slots[slot].fd[FAMILY_DEMO], &any);
}

/*
 * "caller without name": who connects, or sends a datagram to an address, gets a
 * name on AF_DEMO; on AF_UNIX, whoever has SO_PASSCRED does when it sends.
 */
static void even_names(const struct world *w, const struct op *op)
{
	bool sends = op->call == CALL_SEND || op->call == CALL_SENDMMSG;

	if (op->call == CALL_CONNECT)
		give_name(w, op->slot, false);
	else if (sends && w->slots[op->slot].type == SOCK_DGRAM && op->name >= 0 &&
		 !(op->flags & MSG_OOB))
		give_name(w, op->slot, false);
	else if (op->call == CALL_SETSOCKOPT && op->option == SO_PASSCRED)
		give_name(w, op->slot, true);
}

/*
 * "piece not cut in two": a write is one buffer only up to this size. Descriptors
 * go with the bytes of one; and who waits for bytes may have read the first piece
 * before the second comes. An urgent byte is sent apart from those before it.
 */
static void even_piece(const struct world *w, struct op *op)
{
	bool awaited = op->call == CALL_SEND && pending_some(w);
	int most = awaited && op->flags & MSG_OOB ? 1 : 4096;

	if (w->slots[op->slot].type == SOCK_STREAM && (op->nr_fds || awaited) &&
	    op->size > most)
		op->size = most;
}

/*
 * "empty record, unread at close()": AF_UNIX takes it for the place of an urgent
 * byte, and does not tell the other end of it.
 */
static void even_empty_records(struct world *w, const struct op *op)
{
	const struct slot *slot = &w->slots[op->slot];

	w->empty_records = pending_holds(w, SOCK_SEQPACKET) ||
			   (op->call == CALL_CLOSE && slot->type == SOCK_SEQPACKET &&
			    !unread(slot->fd[0]) && !unread(slot->fd[1]));
}

void masks_before(struct world *w, struct op *op)
{
	even_empty_records(w, op);
	even_names(w, op);
	even_piece(w, op);
}

/* "SO_PASSCRED, inherited": at connect() on AF_UNIX, at accept() on AF_DEMO. */
static void even_passcred(struct world *w, const struct op *op, struct result r[2])
{
	const struct slot *new = &w->slots[op->other];
	int i;

	/* A call that begins in a thread has made no socket yet. */
	if (op->call != CALL_ACCEPT || !new->used || new->fd[0] != r[0].fds[0])
		return;
	for (i = twins_same ? 0 : 1; i < 2; i++)
		set_number(new->fd[i], SO_PASSCRED,
			   get_number(w->slots[op->slot].fd[i], SO_PASSCRED));
}

/* Explained after the call. */

/*
 * "room before EAGAIN": buffers of other sizes are in flight, so POLLOUT can go
 * and come at another time. Each family's own count must account for it.
 */
static bool accounts_for(const struct world *w, int slot, enum family side, bool writable)
{
	int fd = w->slots[slot].fd[side];
	int count = unsent(fd);

	return count > 0 && writable == (4 * (count + 1) <= get_number(fd, SO_SNDBUF));
}

static void explain_room(struct world *w, const struct op *op, struct result r[2])
{
	const short bits = POLLOUT | POLLWRNORM | POLLWRBAND;
	int i;

	for (i = 0; i < NR_SLOTS; i++) {
		short a = r[0].poll[i] & bits, b = r[1].poll[i] & bits;

		if (a != b && (!a || !b) && accounts_for(w, i, 0, a) && accounts_for(w, i, 1, b))
			r[1].poll[i] = (r[1].poll[i] & ~bits) | a;
	}
}

/* "bind to be given one", by who has one: 0 on AF_UNIX, EINVAL on AF_DEMO. */
static void explain_bind_any(struct world *w, const struct op *op, struct result r[2])
{
	if (op->call == CALL_BIND_ANY && r[0].error == EINVAL && !r[1].error) {
		r[0].ret = 0;
		r[0].error = 0;
	}
}

/* "connect(AF_UNSPEC)" on a connection: what network families say to a wrong family. */
static void explain_disconnect(struct world *w, const struct op *op, struct result r[2])
{
	if (op->call == CALL_DISCONNECT && w->slots[op->slot].type != SOCK_DGRAM &&
	    r[0].error == EAFNOSUPPORT && r[1].error == EINVAL)
		r[0].error = EINVAL;
}

/* "SIOCATMARK of a listener": AF_UNIX takes a connection that waits for a mark. */
static void explain_mark(struct world *w, const struct op *op, struct result r[2])
{
	if (op->call == CALL_LOOK && op->value == LOOK_MARK && !r[0].ret && !r[1].ret &&
	    !r[0].values[0] && get_number(w->slots[op->slot].fd[0], SO_ACCEPTCONN) == 1)
		r[1].values[0] = 0;
}

/* The error that only one has is taken from there: once, for all descriptors of it. */
static void explain_empty_records(struct world *w, const struct op *op, struct result r[2])
{
	int i, taken = -1;

	/* Who waits for a record takes the error with him. */
	if (w->empty_records && op->call == CALL_RECV && op->who == WHO_THREAD &&
	    r[0].error == ECONNRESET && !r[1].ret && r[0].waits == r[1].waits)
		r[0] = r[1];
	for (i = 0; i < NR_SLOTS && w->empty_records; i++) {
		if ((r[0].poll[i] ^ r[1].poll[i]) != POLLERR || !(r[0].poll[i] & POLLERR) ||
		    w->slots[i].type != SOCK_SEQPACKET)
			continue;
		if (w->slots[i].object != taken &&
		    get_number(w->slots[i].fd[0], SO_ERROR) != ECONNRESET)
			continue;
		taken = w->slots[i].object;
		r[0].poll[i] &= ~POLLERR;
	}
}

/*
 * "descriptors, MSG_PEEK": a look that ends just before the bytes that they go
 * with has them, too, on AF_UNIX.
 */
static void explain_peek(struct world *w, const struct op *op, struct result r[2])
{
	int i;

	if ((op->call != CALL_RECV && op->call != CALL_RECVMMSG) || !(op->flags & MSG_PEEK) ||
	    w->slots[op->slot].type != SOCK_STREAM)
		return;
	for (i = 0; i < r[0].nr_parts; i++) {
		const struct part *a = &r[0].parts[i];
		struct part *b = &r[1].parts[i];

		if (a->len != op->size || a->nr_fds || a->flags & MSG_CTRUNC)
			continue;
		b->nr_fds = 0;
		memset(b->fds, 0, sizeof(b->fds));
		b->flags &= ~MSG_CTRUNC;
	}
}

/* "SCM_CREDENTIALS at the end": of nobody, and not of process 0, user 0. */
static void explain_nobody(struct world *w, const struct op *op, struct result r[2])
{
	int i;

	for (i = 0; i < r[0].nr_parts; i++) {
		const struct part *a = &r[0].parts[i];
		struct part *b = &r[1].parts[i];

		/* With little room, there is no group. */
		if (w->slots[op->slot].type == SOCK_STREAM && !a->len && a->nr_creds &&
		    !a->creds.pid && a->creds.uid == 65534 && !b->creds.pid &&
		    !b->creds.uid && !b->creds.gid)
			b->creds = a->creds;
	}
}

/* How many urgent bytes were sent to @object, or to one that is not known: -1. */
static int *urgent_for(struct world *w, int object)
{
	return &w->urgent[object < 0 ? MAX_OBJECTS : object % MAX_OBJECTS];
}

/*
 * "SIOCINQ, SCM_INQ, after an urgent byte was thrown away": AF_UNIX goes on
 * counting it.
 * So its counts are too large by a number that never shrinks, and is not larger
 * than that of the urgent bytes there were.
 */
static void explain_excess(struct world *w, int object, int demo, int *unix_)
{
	int excess = *unix_ - demo;
	int most = *urgent_for(w, object) + *urgent_for(w, -1);

	if (excess >= w->excess[object % MAX_OBJECTS] && excess <= most) {
		w->excess[object % MAX_OBJECTS] = excess;
		*unix_ = demo;
	}
}

static void explain_unread(struct world *w, const struct op *op, struct result r[2])
{
	int i, object = w->slots[op->slot].object;

	if (op->call == CALL_SEND && op->flags & MSG_OOB && r[0].ret > 0)
		++*urgent_for(w, w->slots[op->slot].peer);
	if (op->call == CALL_SENDMMSG && op->flags & MSG_OOB && r[0].ret > 0)
		*urgent_for(w, w->slots[op->slot].peer) += r[0].ret;
	if (w->slots[op->slot].type != SOCK_STREAM)
		return;
	if (op->call == CALL_LOOK && op->value == LOOK_UNREAD)
		explain_excess(w, object, r[0].values[0], &r[1].values[0]);
	for (i = 0; i < r[0].nr_parts; i++)
		if (r[0].parts[i].nr_inq && r[1].parts[i].nr_inq)
			explain_excess(w, object, r[0].parts[i].inq, &r[1].parts[i].inq);
}

/*
 * "SHUT_RD, and who waits for room there": goes on waiting on AF_UNIX, and is told
 * on AF_DEMO.
 */
static void explain_shut_room(struct world *w, const struct op *op, struct result r[2])
{
	int told = op->call == CALL_CONNECT ? ECONNREFUSED : EPIPE;

	if (op->who != WHO_THREAD || w->line >= w->program->nr_ops ||
	    w->program->ops[w->line].call != CALL_SHUTDOWN ||
	    (op->call != CALL_CONNECT && op->call != CALL_SEND) ||
	    r[0].waits || !r[1].waits || r[0].error != told || r[1].error != EINTR)
		return;
	r[1].waits = false;
	r[1].error = told;
}

/* Not of 7.2: without a peer, and shut or too long, it said the one first, and now the other. */
static void explain_alone(struct world *w, const struct op *op, struct result r[2])
{
	if (call_moves_data(op) && w->slots[op->slot].type == SOCK_DGRAM &&
	    (r[0].error == EPIPE || r[0].error == EMSGSIZE) && r[1].error == ENOTCONN &&
	    !kernel_is_at_least(7, 2))
		r[1].error = r[0].error;
}

static void (*const explanations[])(struct world *w, const struct op *op,
				    struct result r[2]) = {
	even_passcred,
	explain_room,
	explain_bind_any,
	explain_disconnect,
	explain_empty_records,
	explain_mark,
	explain_peek,
	explain_nobody,
	explain_unread,
	explain_shut_room,
	explain_alone,
	NULL
};

void masks_after(struct world *w, const struct op *op, struct result r[2])
{
	int i;

	for (i = 0; explanations[i]; i++)
		explanations[i](w, op, r);
}

/* What AF_UNIX does like AF_UNIX of 7.2 only since a later release. */

static bool sends_urgent(const struct op *op)
{
	return (op->call == CALL_SEND || op->call == CALL_SENDMMSG) && op->flags & MSG_OOB;
}

static bool looks_at_mark(const struct op *op)
{
	return op->call == CALL_LOOK && op->value == LOOK_MARK;
}

static bool sets_inq(const struct op *op)
{
	return op->call == CALL_SETSOCKOPT && op->option == SO_INQ;
}

static bool sets_peek_off(const struct op *op)
{
	return op->call == CALL_SETSOCKOPT && op->option == SO_PEEK_OFF;
}

static const struct {
	bool		(*is)(const struct op *op);
	int		major, minor;
	const char	*what;
} later[] = {
	{ sends_urgent,		7, 2, "urgent bytes: marks, peeking, and what is unread" },
	{ looks_at_mark,	7, 2, "SIOCATMARK of sockets that are no streams" },
	{ sets_inq,		6, 17, "SO_INQ" },
	{ sets_peek_off,	6, 12, "a look that waited keeps SO_PEEK_OFF" },
	{ }
};

bool masks_skip(const struct world *w, const struct op *op)
{
	int i;

	/* "datagrams that wait": world.c gives them room in the way of each family. */
	if (op->call == CALL_SETSOCKOPT && op->option == SO_RCVBUF &&
	    w->slots[op->slot].type == SOCK_DGRAM)
		return true;
	for (i = 0; later[i].is; i++)
		if (later[i].is(op) && !kernel_is_at_least(later[i].major, later[i].minor))
			return true;
	return false;
}
