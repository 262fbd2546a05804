// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: each call, on one family. Everything that it returns goes into the
 * result, and what it received into data.
 */

#include "twins.h"

bool call_moves_data(const struct op *op)
{
	return op->call == CALL_SEND || op->call == CALL_SENDMMSG ||
	       op->call == CALL_RECV || op->call == CALL_RECVMMSG;
}

static void done(struct result *r, long ret)
{
	r->ret = ret;
	r->error = ret < 0 ? errno : 0;
	r->calls++;
}

static void add_value(struct result *r, int value)
{
	r->values[r->nr_values++] = value;
}

/* A name is known by its number, and nothing else of it is compared. */
static void look_name(struct world *w, int fd, enum family side, struct result *r, bool peer)
{
	struct address a = { .len = sizeof(a.storage) };

	done(r, peer ? getpeername(fd, &a.sa, &a.len) : getsockname(fd, &a.sa, &a.len));
	if (!r->ret)
		add_value(r, world_symbol(w, side, &a, !peer));
}

static void look_option(int fd, int option, struct result *r)
{
	int value = 0;
	socklen_t len = sizeof(value);

	done(r, getsockopt(fd, SOL_SOCKET, option, &value, &len));
	if (!r->ret)
		add_value(r, value);
}

static void look_ioctl(int fd, int request, struct result *r)
{
	int value = 0;

	done(r, ioctl(fd, request, &value));
	/* How much memory it is that waits is each family's own affair. */
	if (!r->ret)
		add_value(r, request == TIOCOUTQ ? !!value : value);
}

static void look_peercred(int fd, struct result *r)
{
	struct ucred creds = { 0 };
	socklen_t len = sizeof(creds);

	done(r, getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &len));
	add_value(r, creds.pid);
	add_value(r, creds.uid);
	add_value(r, creds.gid);
}

static void look(struct world *w, int fd, enum family side, int what, struct result *r)
{
	static const int options[NR_LOOKS] = {
		[LOOK_ERROR]	= SO_ERROR,
		[LOOK_TYPE]	= SO_TYPE,
		[LOOK_LISTENS]	= SO_ACCEPTCONN,
		[LOOK_SNDBUF]	= SO_SNDBUF,
		[LOOK_LOWAT]	= SO_RCVLOWAT,
		[LOOK_PEEK_OFF]	= SO_PEEK_OFF,
		[LOOK_INLINE]	= SO_OOBINLINE,
	};

	switch (what) {
	case LOOK_NAME:
	case LOOK_PEER:
		return look_name(w, fd, side, r, what == LOOK_PEER);
	case LOOK_UNREAD:
		return look_ioctl(fd, FIONREAD, r);
	case LOOK_MARK:
		return look_ioctl(fd, SIOCATMARK, r);
	case LOOK_UNSENT:
		return look_ioctl(fd, TIOCOUTQ, r);
	case LOOK_PEERCRED:
		return look_peercred(fd, r);
	case LOOK_NONBLOCK:
		done(r, fcntl(fd, F_GETFL));
		r->ret &= O_NONBLOCK;
		return;
	default:
		return look_option(fd, options[what], r);
	}
}

/* What goes beside the bytes. */
static void put_control(struct world *w, const struct op *op, struct msghdr *msg,
			union control *control)
{
	struct cmsghdr *cmsg = &control->align;
	struct ucred creds = { getpid(), getuid(), getgid() };
	int i;

	if (!op->nr_fds && !op->creds)
		return;
	memset(control, 0, sizeof(*control));
	msg->msg_control = control->buf;
	if (op->nr_fds) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(op->nr_fds * sizeof(int));
		for (i = 0; i < op->nr_fds; i++)
			((int *)CMSG_DATA(cmsg))[i] = w->plain[i % NR_PLAIN][1];
		msg->msg_controllen = CMSG_SPACE(op->nr_fds * sizeof(int));
		cmsg = (void *)(control->buf + msg->msg_controllen);
	}
	if (op->creds) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_CREDENTIALS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(creds));
		memcpy(CMSG_DATA(cmsg), &creds, sizeof(creds));
		msg->msg_controllen += CMSG_SPACE(sizeof(creds));
	}
}

static void get_fds(struct world *w, struct cmsghdr *cmsg, struct part *part)
{
	int i, fd, nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (i = 0; i < nr; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
		if (part->nr_fds < PART_FDS)
			part->fds[part->nr_fds] = 2 * world_plain(w, fd) +
						  !!(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		part->nr_fds++;
		close(fd);
	}
}

static void get_part(struct world *w, enum family side, struct mmsghdr *m, struct result *r)
{
	struct part *part = &r->parts[r->nr_parts++];
	struct msghdr *msg = &m->msg_hdr;
	struct address name = { .len = msg->msg_namelen };
	struct cmsghdr *cmsg;

	part->len = m->msg_len;
	part->flags = msg->msg_flags;
	part->name = NAME_NONE;
	if (msg->msg_name) {
		memcpy(&name.storage, msg->msg_name, sizeof(name.storage));
		part->name = world_symbol(w, side, &name, false);
	}
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t len = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		switch (cmsg->cmsg_type) {
		case SCM_RIGHTS:
			get_fds(w, cmsg, part);
			break;
		case SCM_CREDENTIALS:
			/* There may have been room for some of them only. */
			part->nr_creds++;
			memcpy(&part->creds, CMSG_DATA(cmsg),
			       len < sizeof(part->creds) ? len : sizeof(part->creds));
			break;
		case SCM_INQ:
			part->nr_inq++;
			memcpy(&part->inq, CMSG_DATA(cmsg), sizeof(part->inq));
			break;
		case SO_TIMESTAMP:
			part->nr_stamps++;
			break;
		}
	}
}

static void send_some(struct world *w, const struct op *op, int line, int fd,
		      enum family side, struct result *r, unsigned char *data)
{
	struct mmsghdr m[NR_PARTS] = { 0 };
	struct iovec iov[NR_PARTS];
	union control control;
	int i, nr = op->call == CALL_SEND ? 1 : op->value;

	for (i = 0; i < nr; i++) {
		struct msghdr *msg = &m[i].msg_hdr;

		/* All are different, also in length. */
		iov[i] = (struct iovec) { data + i * MAX_SIZE, op->size >> i };
		pattern_fill(iov[i].iov_base, iov[i].iov_len, line * NR_PARTS + i, 0);
		msg->msg_iov = &iov[i];
		msg->msg_iovlen = 1;
		if (op->name >= 0) {
			msg->msg_name = &w->names[side][op->name].storage;
			msg->msg_namelen = w->names[side][op->name].len;
		}
		put_control(w, op, msg, &control);
	}
	if (op->call == CALL_SEND)
		return done(r, sendmsg(fd, &m[0].msg_hdr, op->flags));
	done(r, sendmmsg(fd, m, nr, op->flags));
	for (i = 0; i < r->ret; i++)
		r->parts[r->nr_parts++] = (struct part) { .len = m[i].msg_len, .name = -1 };
}

static void recv_some(struct world *w, const struct op *op, int fd, enum family side,
		      struct result *r, unsigned char *data)
{
	static const size_t rooms[] = {
		[ROOM_NONE]	= 0,
		[ROOM_SMALL]	= CMSG_SPACE(sizeof(int)),
		[ROOM_ALL]	= 256,
	};
	struct sockaddr_storage names[NR_PARTS];
	union {
		char		buf[256];
		struct cmsghdr	align;
	} control[NR_PARTS];
	struct mmsghdr m[NR_PARTS] = { 0 };
	struct iovec iov[NR_PARTS];
	int i, nr = op->call == CALL_RECV ? 1 : op->value;

	for (i = 0; i < nr; i++) {
		struct msghdr *msg = &m[i].msg_hdr;

		iov[i] = (struct iovec) { data + i * MAX_SIZE, op->size };
		memset(iov[i].iov_base, 0xaa, op->size + ROOM_BEHIND);
		msg->msg_iov = &iov[i];
		msg->msg_iovlen = 1;
		if (op->name >= 0) {
			memset(&names[i], 0, sizeof(names[i]));
			msg->msg_name = &names[i];
			msg->msg_namelen = sizeof(names[i]);
		}
		if (op->room != ROOM_NONE) {
			msg->msg_control = control[i].buf;
			msg->msg_controllen = rooms[op->room];
		}
	}
	if (op->call == CALL_RECV) {
		done(r, recvmsg(fd, &m[0].msg_hdr, op->flags));
		m[0].msg_len = r->ret;
		if (r->ret >= 0)
			get_part(w, side, &m[0], r);
		return;
	}
	done(r, recvmmsg(fd, m, nr, op->flags, NULL));
	for (i = 0; i < r->ret; i++)
		get_part(w, side, &m[i], r);
}

static int bind_any(enum family side, int fd)
{
	struct address a = { 0 };

	if (side == FAMILY_UNIX || twins_same) {
		a.un.sun_family = AF_UNIX;
		a.len = sizeof(a.un.sun_family);
	} else {
		a = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);
	}
	return bind_to(fd, &a);
}

static int connect_nobody(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return connect(fd, &nobody, sizeof(nobody));
}

/* Each family counts what may wait for a datagram socket in its own way. */
static void set_room(const struct world *w, int fd)
{
	int room = w->program->tight ? 0 : 8 << 20;

	if (get_number(fd, SO_TYPE) == SOCK_DGRAM)
		set_number(fd, w->program->tight ? SO_RCVBUF : SO_RCVBUFFORCE, room);
}

static void keep_new(const struct world *w, struct result *r, int nr)
{
	int i;

	if (r->ret < 0)
		return;
	for (i = 0; i < nr; i++) {
		world_limit_waits(r->fds[i], true);
		set_room(w, r->fds[i]);
	}
	r->ret = 0;
}

void call_one(struct world *w, const struct op *op, int line, enum family side,
	      struct result *r, unsigned char *data)
{
	int family = twins_same ? AF_UNIX : family_number(side);
	int fd = w->slots[op->slot].fd[side];

	memset(r, 0, sizeof(*r));
	r->fds[0] = -1;
	r->fds[1] = -1;
	switch (op->call) {
	case CALL_SOCKET:
		r->fds[0] = socket(family, op->type | op->flags, 0);
		done(r, r->fds[0]);
		keep_new(w, r, 1);
		break;
	case CALL_SOCKETPAIR:
		done(r, socketpair(family, op->type | op->flags, 0, r->fds));
		keep_new(w, r, 2);
		break;
	case CALL_BIND:
		done(r, bind_to(fd, &w->names[side][op->name]));
		break;
	case CALL_BIND_ANY:
		done(r, bind_any(side, fd));
		break;
	case CALL_LISTEN:
		done(r, listen(fd, op->value));
		break;
	case CALL_CONNECT:
		done(r, connect_to(fd, &w->names[side][op->name]));
		break;
	case CALL_DISCONNECT:
		done(r, connect_nobody(fd));
		break;
	case CALL_ACCEPT:
		r->fds[0] = accept4(fd, NULL, NULL, op->flags);
		done(r, r->fds[0]);
		keep_new(w, r, 1);
		break;
	case CALL_SEND:
	case CALL_SENDMMSG:
		send_some(w, op, line, fd, side, r, data);
		break;
	case CALL_RECV:
	case CALL_RECVMMSG:
		recv_some(w, op, fd, side, r, data);
		break;
	case CALL_SHUTDOWN:
		done(r, shutdown(fd, op->value));
		break;
	case CALL_CLOSE:
		done(r, close(fd));
		break;
	case CALL_DUP:
		r->fds[0] = dup(fd);
		done(r, r->fds[0]);
		r->ret = 0;
		break;
	case CALL_SETSOCKOPT:
		done(r, set_number(fd, op->option, op->value));
		break;
	case CALL_NONBLOCK:
		done(r, set_nonblock(fd, op->value));
		break;
	case CALL_OWNER:
		done(r, fcntl(fd, F_SETOWN, getpid()));
		break;
	case CALL_LOOK:
		look(w, fd, side, op->value, r);
		break;
	case CALL_FILL:
	case CALL_JOIN:
	case NR_CALLS:
		break;
	}
}
