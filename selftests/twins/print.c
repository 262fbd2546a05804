// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: calls and results as a person reads them. s0 to s7 are the sockets.
 */

#include <stdarg.h>

#include "twins.h"

struct word {
	int		value;
	const char	*word;
};

#define WORD(value) { value, #value }

static const struct word types[] = {
	WORD(SOCK_STREAM), WORD(SOCK_DGRAM), WORD(SOCK_SEQPACKET), { }
};

static const struct word message_flags[] = {
	WORD(MSG_OOB), WORD(MSG_PEEK), WORD(MSG_CTRUNC), WORD(MSG_TRUNC), WORD(MSG_DONTWAIT),
	WORD(MSG_EOR), WORD(MSG_WAITALL), WORD(MSG_NOSIGNAL), WORD(MSG_MORE),
	WORD(MSG_CMSG_CLOEXEC), { }
};

static const struct word poll_bits[] = {
	WORD(POLLIN), WORD(POLLPRI), WORD(POLLOUT), WORD(POLLERR), WORD(POLLHUP),
	WORD(POLLRDHUP), WORD(POLLRDNORM), WORD(POLLRDBAND), WORD(POLLWRNORM),
	WORD(POLLWRBAND), WORD(POLLNVAL), { }
};

static const struct word options[] = {
	WORD(SO_PASSCRED), WORD(SO_PEEK_OFF), WORD(SO_RCVLOWAT), WORD(SO_SNDBUF),
	WORD(SO_RCVBUF), WORD(SO_OOBINLINE), WORD(SO_INQ), WORD(SO_TIMESTAMP),
	WORD(SO_REUSEADDR), { }
};

static const struct word hows[] = {
	WORD(SHUT_RD), WORD(SHUT_WR), WORD(SHUT_RDWR), { }
};

static const char *const looks[NR_LOOKS] = {
	[LOOK_NAME]	= "getsockname(s%d)",
	[LOOK_PEER]	= "getpeername(s%d)",
	[LOOK_ERROR]	= "getsockopt(s%d, SO_ERROR)",
	[LOOK_TYPE]	= "getsockopt(s%d, SO_TYPE)",
	[LOOK_LISTENS]	= "getsockopt(s%d, SO_ACCEPTCONN)",
	[LOOK_UNREAD]	= "ioctl(s%d, FIONREAD)",
	[LOOK_MARK]	= "ioctl(s%d, SIOCATMARK)",
	[LOOK_SNDBUF]	= "getsockopt(s%d, SO_SNDBUF)",
	[LOOK_LOWAT]	= "getsockopt(s%d, SO_RCVLOWAT)",
	[LOOK_PEEK_OFF]	= "getsockopt(s%d, SO_PEEK_OFF)",
	[LOOK_INLINE]	= "getsockopt(s%d, SO_OOBINLINE)",
	[LOOK_PEERCRED]	= "getsockopt(s%d, SO_PEERCRED)",
	[LOOK_UNSENT]	= "ioctl(s%d, SIOCOUTQ) != 0",
	[LOOK_NONBLOCK]	= "fcntl(s%d, F_GETFL) & O_NONBLOCK",
};

/* A text that grows, up to its end. */
struct text {
	char	*at;
	size_t	left;
};

static __attribute__((format(printf, 2, 3))) void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		n = t->left - 1;
	t->at += n;
	t->left -= n;
}

static void put_one(struct text *t, const struct word *w, int value)
{
	for (; w->word; w++)
		if (w->value == value)
			return put(t, "%s", w->word);
	put(t, "%d", value);
}

static void put_bits(struct text *t, const struct word *w, int bits)
{
	const char *between = "";

	if (!bits)
		put(t, "0");
	for (; w->word && bits; w++) {
		if (!(bits & w->value))
			continue;
		put(t, "%s%s", between, w->word);
		bits &= ~w->value;
		between = " | ";
	}
	if (bits)
		put(t, "%s%#x", between, bits);
}

static void put_name(struct text *t, int name)
{
	if (name >= NAME_AUTO)
		put(t, "automatic name %d", name - NAME_AUTO);
	else if (name >= 0)
		put(t, "name %d", name);
	else
		put(t, name == NAME_NONE ? "no name" : "a strange name");
}

static void put_message(struct text *t, const struct op *op)
{
	bool sends = op->call == CALL_SEND || op->call == CALL_SENDMMSG;
	bool many = op->call == CALL_SENDMMSG || op->call == CALL_RECVMMSG;

	put(t, "%s(s%d, ", sends ? many ? "sendmmsg" : "sendmsg" : many ? "recvmmsg" : "recvmsg",
	    op->slot);
	if (many)
		put(t, "%d of ", op->value);
	put(t, "%d bytes, ", op->size);
	put_bits(t, message_flags, op->flags);
	if (op->name >= 0 && sends) {
		put(t, ", to ");
		put_name(t, op->name);
	} else if (op->name >= 0) {
		put(t, ", from whom");
	}
	if (op->nr_fds)
		put(t, ", %d descriptors", op->nr_fds);
	if (op->creds)
		put(t, ", credentials");
	if (!sends && op->room == ROOM_SMALL)
		put(t, ", little room beside");
	if (!sends && op->room == ROOM_ALL)
		put(t, ", room beside");
	put(t, ")");
}

static void put_type(struct text *t, const struct op *op)
{
	put_one(t, types, op->type);
	if (op->flags & SOCK_NONBLOCK)
		put(t, " | SOCK_NONBLOCK");
}

void print_op(char *to, size_t size, const struct op *op)
{
	struct text t = { to, size };

	if (op->who == WHO_CHILD)
		put(&t, "in a child: ");
	else if (op->who == WHO_THREAD)
		put(&t, "in a thread: ");
	switch (op->call) {
	case CALL_SOCKET:
		put(&t, "s%d = socket(", op->slot);
		put_type(&t, op);
		return put(&t, ")");
	case CALL_SOCKETPAIR:
		put(&t, "socketpair(");
		put_type(&t, op);
		return put(&t, ", s%d, s%d)", op->slot, op->other);
	case CALL_BIND:
	case CALL_CONNECT:
		return put(&t, "%s(s%d, name %d)", op->call == CALL_BIND ? "bind" : "connect",
			   op->slot, op->name);
	case CALL_BIND_ANY:
		return put(&t, "bind(s%d, any name)", op->slot);
	case CALL_LISTEN:
		return put(&t, "listen(s%d, %d)", op->slot, op->value);
	case CALL_DISCONNECT:
		return put(&t, "connect(s%d, AF_UNSPEC)", op->slot);
	case CALL_ACCEPT:
		return put(&t, "s%d = accept4(s%d, %s)", op->other, op->slot,
			   op->flags ? "SOCK_NONBLOCK" : "0");
	case CALL_SEND:
	case CALL_SENDMMSG:
	case CALL_RECV:
	case CALL_RECVMMSG:
		return put_message(&t, op);
	case CALL_SHUTDOWN:
		put(&t, "shutdown(s%d, ", op->slot);
		put_one(&t, hows, op->value);
		return put(&t, ")");
	case CALL_CLOSE:
		return put(&t, "close(s%d)", op->slot);
	case CALL_DUP:
		return put(&t, "s%d = dup(s%d)", op->other, op->slot);
	case CALL_SETSOCKOPT:
		put(&t, "setsockopt(s%d, ", op->slot);
		put_one(&t, options, op->option);
		return put(&t, ", %d)", op->value);
	case CALL_NONBLOCK:
		return put(&t, "fcntl(s%d, F_SETFL, %s)", op->slot,
			   op->value ? "O_NONBLOCK" : "0");
	case CALL_OWNER:
		return put(&t, "fcntl(s%d, F_SETOWN, getpid())", op->slot);
	case CALL_LOOK:
		return put(&t, looks[op->value], op->slot);
	case CALL_FILL:
		put(&t, "fill(s%d) with %d bytes at once", op->slot, op->size);
		if (op->value)
			put(&t, ", wait to send %d", op->value);
		return put(&t, ", read all");
	case CALL_JOIN:
		return put(&t, "interrupt the threads");
	case NR_CALLS:
		break;
	}
}

static void put_part(struct text *t, const struct part *p)
{
	int i;

	put(t, "{%d bytes", p->len);
	if (p->flags) {
		put(t, ", ");
		put_bits(t, message_flags, p->flags);
	}
	if (p->name != NAME_NONE) {
		put(t, ", ");
		put_name(t, p->name);
	}
	for (i = 0; i < p->nr_fds && i < PART_FDS; i++)
		put(t, ", descriptor %d%s", p->fds[i] / 2, p->fds[i] & 1 ? " (cloexec)" : "");
	if (p->nr_creds)
		put(t, ", %d credentials %d:%d:%d", p->nr_creds, p->creds.pid, p->creds.uid,
		    p->creds.gid);
	if (p->nr_inq)
		put(t, ", %d left", p->inq);
	if (p->nr_stamps)
		put(t, ", time stamp");
	put(t, "}");
}

const char *print_error(int error)
{
	return strerrorname_np(error) ?: "?";
}

void print_result(char *to, size_t size, const struct op *op, const struct result *r)
{
	bool names = op->call == CALL_LOOK && (op->value == LOOK_NAME || op->value == LOOK_PEER);
	struct text t = { to, size };
	int i;

	put(&t, "%ld", r->ret);
	if (r->error)
		put(&t, " %s", print_error(r->error));
	for (i = 0; i < r->nr_values; i++) {
		put(&t, ", ");
		if (names)
			put_name(&t, r->values[i]);
		else
			put(&t, "%d", r->values[i]);
	}
	for (i = 0; i < r->nr_parts; i++) {
		put(&t, " ");
		put_part(&t, &r->parts[i]);
	}
	if (r->signals & SAW_SIGPIPE)
		put(&t, ", SIGPIPE");
	if (r->signals & SAW_SIGURG)
		put(&t, ", SIGURG");
	if (r->waits)
		put(&t, ", waited until interrupted");
}

void print_poll(char *to, size_t size, int bits)
{
	struct text t = { to, size };

	put_bits(&t, poll_bits, bits);
}
