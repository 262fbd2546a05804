// SPDX-License-Identifier: GPL-2.0-only
/*
 * From socket() to a connection: what listen(), connect() and accept() need,
 * and what they answer where it is missing. backlog.c has the waiting.
 */
#include "demo_test.h"

enum { SERVICE, CLIENT, NOBODY, OTHER };	/* addresses of a test */

FIXTURE(connect) {
	struct address service, nobody;
	int listener, fd;
};

FIXTURE_VARIANT(connect) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(connect);

FIXTURE_SETUP(connect)
{
	NEED_FAMILY(variant->family);
	self->service = address(variant->family, SERVICE);
	self->nobody = address(variant->family, NOBODY);
	self->listener = listening_socket(variant->family, variant->type, SERVICE, 8);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(connect)
{
	close(self->listener);
	close(self->fd);
}

/* Does what one of two sockets sends reach the other, both ways? */
static bool they_talk(int a, int b)
{
	char buf[2] = "";

	return send(a, "a", 1, MSG_NOSIGNAL) == 1 && send(b, "b", 1, MSG_NOSIGNAL) == 1 &&
	       recv(a, buf, 1, 0) == 1 && recv(b, buf + 1, 1, 0) == 1 &&
	       buf[0] == 'b' && buf[1] == 'a';
}

TEST_F(connect, what_is_written_on_one_side_is_read_on_the_other)
{
	int peer;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	peer = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_TRUE(they_talk(self->fd, peer));
	close(peer);
}

TEST_F(connect, connect_does_not_wait_for_accept_nor_does_what_is_sent)
{
	char c;
	int peer;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	ASSERT_EQ(1, send(self->fd, "1", 1, 0));
	peer = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_EQ(1, recv(peer, &c, 1, 0));
	EXPECT_EQ('1', c);
	close(peer);
}

TEST_F(connect, connections_are_accepted_in_the_order_they_came)
{
	int i, peer, fd[4];
	char c, n;

	for (i = 0; i < 4; i++) {
		fd[i] = connected_socket(variant->family, variant->type, SERVICE);
		ASSERT_LE(0, fd[i]);
		n = i;
		ASSERT_EQ(1, send(fd[i], &n, 1, 0));
	}
	for (i = 0; i < 4; i++) {
		peer = accept(self->listener, NULL, NULL);
		ASSERT_LE(0, peer);
		ASSERT_EQ(1, recv(peer, &c, 1, 0));
		EXPECT_EQ(i, c);
		close(peer);
		close(fd[i]);
	}
}

TEST_F(connect, a_connection_closed_before_accept_is_accepted_and_ends_after_its_data)
{
	int peer;
	char c;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	ASSERT_EQ(1, send(self->fd, "1", 1, 0));
	close(self->fd);
	self->fd = -1;
	peer = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_EQ(1, recv(peer, &c, 1, 0));
	EXPECT_EQ(0, recv(peer, &c, 1, 0));
	close(peer);
}

TEST_F(connect, a_listener_is_readable_while_a_connection_waits_for_accept)
{
	EXPECT_EQ(0, poll_now(self->listener, POLLIN | POLLOUT));
	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	EXPECT_EQ(POLLIN, poll_now(self->listener, POLLIN | POLLOUT));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, poll_now(self->listener, POLLIN | POLLOUT));
}

TEST_F(connect, connect_to_nobody_is_ECONNREFUSED_and_can_be_tried_again)
{
	EXPECT_EQ(-1, connect_to(self->fd, &self->nobody));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(0, connect_to(self->fd, &self->service));
}

TEST_F(connect, connect_to_a_socket_that_does_not_listen_is_ECONNREFUSED)
{
	int bound = bound_socket(variant->family, variant->type, NOBODY);

	ASSERT_LE(0, bound);
	EXPECT_EQ(-1, connect_to(self->fd, &self->nobody));
	EXPECT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(0, listen(bound, 1));
	EXPECT_EQ(0, connect_to(self->fd, &self->nobody));
	close(bound);
}

TEST_F(connect, connect_to_the_name_of_a_client_is_ECONNREFUSED)
{
	int client = bound_socket(variant->family, variant->type, CLIENT);
	struct address name = address(variant->family, CLIENT);

	ASSERT_EQ(0, connect_to(client, &self->service));
	EXPECT_EQ(-1, connect_to(self->fd, &name));
	EXPECT_EQ(ECONNREFUSED, errno);
	close(client);
}

TEST_F(connect, connect_to_a_listener_that_was_closed_is_ECONNREFUSED)
{
	close(self->listener);
	self->listener = -1;
	EXPECT_EQ(-1, connect_to(self->fd, &self->service));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(connect, connect_to_oneself_is_ECONNREFUSED)
{
	ASSERT_EQ(0, bind_to(self->fd, &self->nobody));
	EXPECT_EQ(-1, connect_to(self->fd, &self->nobody));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(connect, connect_when_connected_is_EISCONN_and_leaves_the_connection)
{
	int peer;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	peer = accept(self->listener, NULL, NULL);
	EXPECT_EQ(-1, connect_to(self->fd, &self->service));
	EXPECT_EQ(EISCONN, errno);
	EXPECT_EQ(-1, connect_to(peer, &self->service));
	EXPECT_EQ(EISCONN, errno);
	EXPECT_TRUE(they_talk(self->fd, peer));
	EXPECT_EQ(0, poll_now(self->listener, POLLIN));
	close(peer);
	EXPECT_EQ(-1, connect_to(self->fd, &self->service));
	EXPECT_EQ(EISCONN, errno);
}

TEST_F(connect, connect_looks_at_the_other_side_before_it_looks_at_the_caller)
{
	int other = bound_socket(variant->family, variant->type, OTHER), i;
	struct address name = address(variant->family, OTHER);
	int fd[] = { self->fd, self->listener };

	ASSERT_LE(0, other);
	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, connect_to(fd[i], &self->nobody));
		EXPECT_EQ(ECONNREFUSED, errno);
		EXPECT_EQ(-1, connect_to(fd[i], &name));
		EXPECT_EQ(ECONNREFUSED, errno);
	}
	/* full, with one connection */
	ASSERT_EQ(0, listen(other, 0));
	EXPECT_EQ(0, try_call(connect_to, variant->family, variant->type, &name));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, set_nonblock(fd[i], true));
		EXPECT_EQ(-1, connect_to(fd[i], &name));
		EXPECT_EQ(EAGAIN, errno);
	}
	close(other);
}

TEST_F(connect, connect_on_a_listener_is_EINVAL_and_it_listens_on)
{
	int other = listening_socket(variant->family, variant->type, OTHER, 8);
	struct address name = address(variant->family, OTHER);

	ASSERT_LE(0, other);
	EXPECT_EQ(-1, connect_to(self->listener, &name));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, connect_to(self->listener, &self->service));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, connect_to(self->fd, &self->service));
	EXPECT_EQ(0, poll_now(other, POLLIN));
	close(other);
}

TEST_F(connect, listen_on_an_unbound_socket_is_EINVAL)
{
	EXPECT_EQ(-1, listen(self->fd, 8));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, bind_to(self->fd, &self->nobody));
	EXPECT_EQ(0, listen(self->fd, 8));
}

TEST_F(connect, listen_on_a_connected_socket_is_EINVAL_and_leaves_the_connection)
{
	int peer;

	ASSERT_EQ(0, bind_to(self->fd, &self->nobody));
	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	peer = accept(self->listener, NULL, NULL);
	EXPECT_EQ(-1, listen(self->fd, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, listen(peer, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(they_talk(self->fd, peer));
	close(peer);
}

TEST_F(connect, accept_where_nobody_listens_is_EINVAL)
{
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, bind_to(self->fd, &self->nobody));
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(connect, accept4_gives_the_flags_it_was_asked_for_and_no_others)
{
	int flags[] = { 0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK };
	int fd, client;
	unsigned int i;

	/* the listener's own are not handed on */
	ASSERT_EQ(0, set_nonblock(self->listener, true));
	ASSERT_EQ(0, fcntl(self->listener, F_SETFD, FD_CLOEXEC));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		client = connected_socket(variant->family, variant->type, SERVICE);
		fd = accept4(self->listener, NULL, NULL, flags[i]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(!!(flags[i] & SOCK_CLOEXEC), fcntl(fd, F_GETFD));
		EXPECT_EQ(!!(flags[i] & SOCK_NONBLOCK),
			  !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
		close(fd);
		close(client);
	}
	EXPECT_EQ(-1, accept4(self->listener, NULL, NULL, SOCK_CLOEXEC | 1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(connect, an_accepted_socket_outlives_its_listener)
{
	int peer;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	peer = accept(self->listener, NULL, NULL);
	close(self->listener);
	self->listener = -1;
	EXPECT_TRUE(they_talk(self->fd, peer));
	close(peer);
}

TEST_F(connect, a_listener_shut_down_for_reading_takes_no_more_connections)
{
	int fd = connected_socket(variant->family, variant->type, SERVICE), peer;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(-1, connect_to(self->fd, &self->service));
	EXPECT_EQ(ECONNREFUSED, errno);

	/* but it gives out those it has */
	peer = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_TRUE(they_talk(fd, peer));
	close(peer);
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, set_nonblock(self->listener, true));
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
}

TEST_F(connect, a_listener_shut_down_for_writing_goes_on)
{
	int peer;

	ASSERT_EQ(0, shutdown(self->listener, SHUT_WR));
	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	peer = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_TRUE(they_talk(self->fd, peer));
	close(peer);
}

/* What close() of a listener means for those it never accepted. */
TEST_F(connect, when_a_listener_closes_its_pending_connections_are_reset)
{
	char c;

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	close(self->listener);
	self->listener = -1;
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR,
		  poll_now(self->fd, POLLIN | POLLOUT | POLLRDHUP));
	EXPECT_EQ(-1, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	/* said once; then it is a connection that has ended */
	EXPECT_EQ(0, recv(self->fd, &c, 1, 0));
	EXPECT_EQ(-1, send(self->fd, "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
		  poll_now(self->fd, POLLIN | POLLOUT | POLLRDHUP));
}

TEST_F(connect, when_a_listener_closes_every_pending_connection_has_SO_ERROR)
{
	int i, fd[4];

	for (i = 0; i < 4; i++) {
		fd[i] = connected_socket(variant->family, variant->type, SERVICE);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(1, send(fd[i], "", 1, 0));
	}
	close(self->listener);
	self->listener = -1;
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(ECONNRESET, get_number(fd[i], SO_ERROR));
		EXPECT_EQ(0, get_number(fd[i], SO_ERROR));
		close(fd[i]);
	}
}

TEST_F(connect, when_a_listener_closes_a_pending_connections_reader_is_woken)
{
	char c;
	struct background reader = { .fd = self->fd, .buf = &c, .len = 1 };

	ASSERT_EQ(0, connect_to(self->fd, &self->service));
	ASSERT_EQ(0, background_recv(&reader));
	ASSERT_TRUE(background_sleeps(&reader));
	close(self->listener);
	self->listener = -1;
	EXPECT_EQ(-1, background_end(&reader));
	EXPECT_EQ(ECONNRESET, errno);
}

/* Datagram sockets have no connections to accept. */
FIXTURE(connect_dgram) {
	int fd;
};

FIXTURE_VARIANT(connect_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(connect_dgram);

FIXTURE_SETUP(connect_dgram)
{
	NEED_FAMILY(variant->family);
	self->fd = bound_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(connect_dgram)
{
	close(self->fd);
}

TEST_F(connect_dgram, listen_is_EOPNOTSUPP)
{
	EXPECT_EQ(-1, listen(self->fd, 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(connect_dgram, accept_is_EOPNOTSUPP)
{
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_HARNESS_MAIN
