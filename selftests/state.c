// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call on a socket in every state, the wrong ones above all: one table
 * for each type says what it answers.
 */
#include <linux/sockios.h>

#include "demo_test.h"

enum { SERVICE, OWN, PEER, NOBODY, FREE };	/* addresses of a test */

enum state { NEW, BOUND, LISTENING, CONNECTED, PEER_CLOSED, SHUT, STATES };

static const char * const state_name[] = {
	[NEW] = "new",
	[BOUND] = "bound",
	[LISTENING] = "listening",
	[CONNECTED] = "connected",
	[PEER_CLOSED] = "connected to one that closed",
	[SHUT] = "connected and shut down",
};

#define END	-1	/* a receive that found the end of the data */

/* The calls. Each returns 0, the errno, or END. */
static struct address service, nobody, unused;

static int answer(ssize_t ret)
{
	return ret < 0 ? errno : 0;
}

static int call_bind(int fd)
{
	return answer(bind_to(fd, &unused));
}

static int call_listen(int fd)
{
	return answer(listen(fd, 1));
}

static int call_accept(int fd)
{
	set_nonblock(fd, true);
	return answer(accept(fd, NULL, NULL));
}

static int call_connect(int fd)
{
	return answer(connect_to(fd, &service));
}

static int call_connect_nobody(int fd)
{
	return answer(connect_to(fd, &nobody));
}

static int call_disconnect(int fd)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };

	return answer(connect(fd, (struct sockaddr *)&a, service.len));
}

static int call_getsockname(int fd)
{
	return own_address(fd).len ? 0 : errno;
}

static int call_getpeername(int fd)
{
	return peer_address(fd).len ? 0 : errno;
}

static int call_send(int fd)
{
	return answer(send(fd, "", 1, MSG_NOSIGNAL));
}

static int call_send_nothing(int fd)
{
	return answer(send(fd, "", 0, MSG_NOSIGNAL));
}

static int call_sendto(int fd)
{
	return answer(sendto(fd, "", 1, MSG_NOSIGNAL, &service.sa, service.len));
}

static int call_recv(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n ? answer(n) : END;
}

static int call_peek(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);

	return n ? answer(n) : END;
}

static int call_shutdown_read(int fd)
{
	return answer(shutdown(fd, SHUT_RD));
}

static int call_shutdown_write(int fd)
{
	return answer(shutdown(fd, SHUT_WR));
}

static int call_shutdown_both(int fd)
{
	return answer(shutdown(fd, SHUT_RDWR));
}

static int call_shutdown_wrong(int fd)
{
	if (!shutdown(fd, -1))
		return 0;
	return answer(shutdown(fd, SHUT_RDWR + 1));
}

static int call_inq(int fd)
{
	int n;

	return answer(ioctl(fd, SIOCINQ, &n));
}

static int call_outq(int fd)
{
	int n;

	return answer(ioctl(fd, SIOCOUTQ, &n));
}

static int call_error(int fd)
{
	return get_number(fd, SO_ERROR);
}

struct row {
	const char *name;
	int (*call)(int fd);
	int answer[STATES];
};

#define SAME(answer)	{ answer, answer, answer, answer, answer, answer }

/*
 * AF_UNIX says EINVAL where EAFNOSUPPORT stands; all else is the same.
 *
 *	  new, bound, listening, connected, peer closed, shut down
 */
static const struct row stream[] = {
	{ "bind", call_bind,
	  { 0, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ "listen", call_listen,
	  { EINVAL, 0, 0, EINVAL, EINVAL, EINVAL } },
	{ "accept", call_accept,
	  { EINVAL, EINVAL, EAGAIN, EINVAL, EINVAL, EINVAL } },
	{ "connect", call_connect,
	  { 0, 0, EINVAL, EISCONN, EISCONN, EISCONN } },
	{ "connect to nobody", call_connect_nobody, SAME(ECONNREFUSED) },
	{ "connect to AF_UNSPEC", call_disconnect, SAME(EAFNOSUPPORT) },
	{ "getsockname", call_getsockname, SAME(0) },
	{ "getpeername", call_getpeername,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, 0, 0 } },
	{ "send", call_send,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, EPIPE, EPIPE } },
	{ "send of nothing", call_send_nothing,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, EPIPE, EPIPE } },
	{ "sendto", call_sendto,
	  { EOPNOTSUPP, EOPNOTSUPP, EOPNOTSUPP, EISCONN, EISCONN, EISCONN } },
	{ "recv", call_recv,
	  { EINVAL, EINVAL, EINVAL, EAGAIN, END, END } },
	{ "recv with MSG_PEEK", call_peek,
	  { EINVAL, EINVAL, EINVAL, EAGAIN, END, END } },
	{ "shutdown SHUT_RD", call_shutdown_read, SAME(0) },
	{ "shutdown SHUT_WR", call_shutdown_write, SAME(0) },
	{ "shutdown SHUT_RDWR", call_shutdown_both, SAME(0) },
	{ "shutdown of something else", call_shutdown_wrong, SAME(EINVAL) },
	{ "SIOCINQ", call_inq, { 0, 0, EINVAL, 0, 0, 0 } },
	{ "SIOCOUTQ", call_outq, SAME(0) },
	{ "SO_ERROR", call_error, SAME(0) },
	{ NULL }
};

static const struct row seqpacket[] = {
	{ "bind", call_bind,
	  { 0, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ "listen", call_listen,
	  { EINVAL, 0, 0, EINVAL, EINVAL, EINVAL } },
	{ "accept", call_accept,
	  { EINVAL, EINVAL, EAGAIN, EINVAL, EINVAL, EINVAL } },
	{ "connect", call_connect,
	  { 0, 0, EINVAL, EISCONN, EISCONN, EISCONN } },
	{ "connect to nobody", call_connect_nobody, SAME(ECONNREFUSED) },
	{ "connect to AF_UNSPEC", call_disconnect, SAME(EAFNOSUPPORT) },
	{ "getsockname", call_getsockname, SAME(0) },
	{ "getpeername", call_getpeername,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, 0, 0 } },
	{ "send", call_send,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, EPIPE, EPIPE } },
	{ "send of nothing", call_send_nothing,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, EPIPE, EPIPE } },
	/* the address is not looked at */
	{ "sendto", call_sendto,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, EPIPE, EPIPE } },
	{ "recv", call_recv,
	  { ENOTCONN, ENOTCONN, ENOTCONN, EAGAIN, END, END } },
	{ "recv with MSG_PEEK", call_peek,
	  { ENOTCONN, ENOTCONN, ENOTCONN, EAGAIN, END, END } },
	{ "shutdown SHUT_RD", call_shutdown_read, SAME(0) },
	{ "shutdown SHUT_WR", call_shutdown_write, SAME(0) },
	{ "shutdown SHUT_RDWR", call_shutdown_both, SAME(0) },
	{ "shutdown of something else", call_shutdown_wrong, SAME(EINVAL) },
	{ "SIOCINQ", call_inq, { 0, 0, EINVAL, 0, 0, 0 } },
	{ "SIOCOUTQ", call_outq, SAME(0) },
	{ "SO_ERROR", call_error, SAME(0) },
	{ NULL }
};

/* What listens is a socket that is bound and was told that it cannot. */
static const struct row dgram[] = {
	{ "bind", call_bind,
	  { 0, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ "listen", call_listen, SAME(EOPNOTSUPP) },
	{ "accept", call_accept, SAME(EOPNOTSUPP) },
	{ "connect", call_connect, SAME(0) },
	{ "connect to nobody", call_connect_nobody, SAME(ECONNREFUSED) },
	{ "connect to AF_UNSPEC", call_disconnect, SAME(0) },
	{ "getsockname", call_getsockname, SAME(0) },
	{ "getpeername", call_getpeername,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, 0, 0 } },
	{ "send", call_send,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, ECONNREFUSED, EPIPE } },
	{ "send of nothing", call_send_nothing,
	  { ENOTCONN, ENOTCONN, ENOTCONN, 0, ECONNREFUSED, EPIPE } },
	{ "sendto", call_sendto,
	  { 0, 0, 0, 0, 0, EPIPE } },
	/* shut down: only a receive that would wait finds the end */
	{ "recv", call_recv, SAME(EAGAIN) },
	{ "recv with MSG_PEEK", call_peek, SAME(EAGAIN) },
	{ "shutdown SHUT_RD", call_shutdown_read, SAME(0) },
	{ "shutdown SHUT_WR", call_shutdown_write, SAME(0) },
	{ "shutdown SHUT_RDWR", call_shutdown_both, SAME(0) },
	{ "shutdown of something else", call_shutdown_wrong, SAME(EINVAL) },
	{ "SIOCINQ", call_inq, SAME(0) },
	{ "SIOCOUTQ", call_outq, SAME(0) },
	{ "SO_ERROR", call_error, SAME(0) },
	{ NULL }
};

FIXTURE(state) {
	const struct row *table;
	int service;
};

FIXTURE_VARIANT(state) {
	enum family family;
	int type;
};

VARIANTS_ALL(state);

FIXTURE_SETUP(state)
{
	NEED_FAMILY(variant->family);
	service = address(variant->family, SERVICE);
	nobody = address(variant->family, NOBODY);
	unused = address(variant->family, FREE);
	self->table = variant->type == SOCK_STREAM ? stream :
		      variant->type == SOCK_DGRAM ? dgram : seqpacket;
	self->service = service_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->service);
}

FIXTURE_TEARDOWN(state)
{
	close(self->service);
}

/* A socket in a state, and its peer where it has one; else that is -1. */
static int socket_in(enum state state, enum family family, int type, int *peer)
{
	struct address own = address(family, OWN);
	int fd, listener;

	*peer = -1;
	if (state == NEW)
		return unbound_socket(family, type);
	if (state <= LISTENING) {
		fd = bound_socket(family, type, OWN);
		if (state == LISTENING && listen(fd, 1) && type != SOCK_DGRAM)
			return -1;
		return fd;
	}
	if (type == SOCK_DGRAM) {
		*peer = bound_socket(family, type, PEER);
		fd = connected_socket(family, type, PEER);
		if (fd >= 0 && family == FAMILY_UNIX && bind_to(fd, &own))
			return -1;
	} else {
		/* an accepted socket is bound, as its listener was */
		listener = listening_socket(family, type, OWN, 1);
		*peer = connected_socket(family, type, OWN);
		fd = accept(listener, NULL, NULL);
		close(listener);
	}
	if (state == PEER_CLOSED) {
		close(*peer);
		*peer = -1;
	}
	if (state == SHUT && shutdown(fd, SHUT_RDWR))
		return -1;
	return fd;
}

static int expected(const struct row *row, enum state state, enum family family)
{
	int answer = row->answer[state];

	return family == FAMILY_UNIX && answer == EAFNOSUPPORT ? EINVAL : answer;
}

/* Each call with a socket of its own. */
#define EXPECT_ANSWERS(state)							\
do {										\
	const struct row *row;							\
	int fd, peer;								\
										\
	for (row = self->table; row->name; row++) {				\
		fd = socket_in(state, variant->family, variant->type, &peer);	\
		ASSERT_LE(0, fd);						\
		EXPECT_EQ(expected(row, state, variant->family), row->call(fd))	\
			TH_LOG("%s, the socket is %s", row->name,		\
			       state_name[state]);				\
		close(fd);							\
		close(peer);							\
	}									\
} while (0)

TEST_F(state, a_new_socket_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(NEW);
}

TEST_F(state, a_bound_socket_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(BOUND);
}

TEST_F(state, a_listening_socket_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(LISTENING);
}

TEST_F(state, a_connected_socket_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(CONNECTED);
}

TEST_F(state, a_socket_whose_peer_closed_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(PEER_CLOSED);
}

TEST_F(state, a_socket_shut_down_answers_each_call_as_the_table_says)
{
	EXPECT_ANSWERS(SHUT);
}

/*
 * All that is refused, twice, with one and the same socket. A new socket is
 * left out: a connect() that fails gives AF_DEMO's a port; and so is a datagram
 * socket whose peer closed: the first send that fails ends the connection.
 */
TEST_F(state, a_call_that_is_refused_leaves_the_socket_as_it_was)
{
	const struct row *row;
	enum state state;
	int fd, peer, i, answer;

	for (state = BOUND; state < STATES; state++) {
		if (variant->type == SOCK_DGRAM && state == PEER_CLOSED)
			continue;
		fd = socket_in(state, variant->family, variant->type, &peer);
		ASSERT_LE(0, fd);
		for (i = 0; i < 2; i++) {
			for (row = self->table; row->name; row++) {
				answer = expected(row, state, variant->family);
				if (answer <= 0)
					continue;
				EXPECT_EQ(answer, row->call(fd))
					TH_LOG("%s, the socket is %s", row->name,
					       state_name[state]);
			}
		}
		if (state == CONNECTED) {
			EXPECT_EQ(0, call_send(fd));
			EXPECT_EQ(0, call_recv(peer));
		}
		close(fd);
		close(peer);
	}
}

TEST_HARNESS_MAIN
