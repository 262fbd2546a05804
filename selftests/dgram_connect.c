// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connected datagram socket: it has somebody to send to, hears from nobody
 * else, and can be connected again, to another or to nobody.
 */
#include "demo_test.h"

enum { A, B, C, NOBODY };		/* addresses of a test */

FIXTURE(dgram_connect) {
	struct address address[NOBODY + 1];
	int fd[NOBODY];			/* bound to the first of these */
};

FIXTURE_VARIANT(dgram_connect) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(dgram_connect);

FIXTURE_SETUP(dgram_connect)
{
	int i;

	NEED_FAMILY(variant->family);
	for (i = 0; i <= NOBODY; i++)
		self->address[i] = address(variant->family, i);
	for (i = 0; i < NOBODY; i++) {
		self->fd[i] = bound_socket(variant->family, variant->type, i);
		ASSERT_LE(0, self->fd[i]);
	}
}

FIXTURE_TEARDOWN(dgram_connect)
{
	int i;

	for (i = 0; i < NOBODY; i++)
		close(self->fd[i]);
}

/* The datagram that waits, if it is one byte: that byte, else minus the errno. */
static int receive_byte(int fd)
{
	unsigned char c[2];
	ssize_t n = recv(fd, c, sizeof(c), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	return n == 1 ? c[0] : -EMSGSIZE;
}

static int disconnect(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return connect(fd, &nobody, sizeof(nobody));
}

TEST_F(dgram_connect, send_goes_to_the_peer)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(1, send(self->fd[A], "1", 1, 0));
	EXPECT_EQ('1', receive_byte(self->fd[B]));
	EXPECT_EQ(1, write(self->fd[A], "2", 1));
	EXPECT_EQ('2', receive_byte(self->fd[B]));
}

TEST_F(dgram_connect, sendto_still_goes_to_whom_it_names)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(1, sendto(self->fd[A], "1", 1, 0, &self->address[C].sa,
			    self->address[C].len));
	EXPECT_EQ('1', receive_byte(self->fd[C]));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[B]));
	EXPECT_EQ(1, send(self->fd[A], "2", 1, 0));
	EXPECT_EQ('2', receive_byte(self->fd[B]));
}

TEST_F(dgram_connect, the_peer_is_not_connected_by_it)
{
	struct address a = { .len = sizeof(a.storage) };

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(-1, getpeername(self->fd[B], &a.sa, &a.len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, send(self->fd[B], "", 1, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, send_to(self->fd[C], &self->address[B]));
	EXPECT_EQ(0, send_to(self->fd[B], &self->address[A]));
}

TEST_F(dgram_connect, a_connected_socket_takes_datagrams_from_its_peer_only)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(-1, send_to(self->fd[C], &self->address[A]));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
	EXPECT_EQ(0, send_to(self->fd[B], &self->address[A]));
	EXPECT_EQ(0, receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, a_peer_that_connects_to_another_is_out_of_reach)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[C]));
	EXPECT_EQ(-1, send(self->fd[A], "", 1, 0));
	EXPECT_EQ(EPERM, errno);
	/* not for ever: the connection is still there */
	ASSERT_EQ(0, disconnect(self->fd[B]));
	EXPECT_EQ(1, send(self->fd[A], "1", 1, 0));
	EXPECT_EQ('1', receive_byte(self->fd[B]));
}

TEST_F(dgram_connect, connect_to_somebody_who_is_connected_to_another_is_EPERM)
{
	struct address name;

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(-1, connect_to(self->fd[C], &self->address[A]));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(0, connect_to(self->fd[B], &self->address[A]));

	/* a connect that failed leaves the connection there was */
	ASSERT_EQ(0, connect_to(self->fd[C], &self->address[C]));
	EXPECT_EQ(-1, connect_to(self->fd[C], &self->address[A]));
	EXPECT_EQ(EPERM, errno);
	name = peer_address(self->fd[C]);
	EXPECT_TRUE(same_address(&self->address[C], &name));
}

TEST_F(dgram_connect, connect_to_nobody_is_ECONNREFUSED_and_leaves_the_peer)
{
	struct address name;

	EXPECT_EQ(-1, connect_to(self->fd[A], &self->address[NOBODY]));
	EXPECT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(-1, connect_to(self->fd[A], &self->address[NOBODY]));
	EXPECT_EQ(ECONNREFUSED, errno);
	name = peer_address(self->fd[A]);
	EXPECT_TRUE(same_address(&self->address[B], &name));
	EXPECT_EQ(1, send(self->fd[A], "1", 1, 0));
	EXPECT_EQ('1', receive_byte(self->fd[B]));
}

TEST_F(dgram_connect, a_socket_can_be_its_own_peer)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[A]));
	EXPECT_EQ(1, send(self->fd[A], "1", 1, 0));
	EXPECT_EQ('1', receive_byte(self->fd[A]));
	EXPECT_EQ(-1, send_to(self->fd[B], &self->address[A]));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(dgram_connect, what_waited_before_connect_is_still_received)
{
	EXPECT_EQ(1, sendto(self->fd[C], "c", 1, 0, &self->address[A].sa,
			    self->address[A].len));
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ('c', receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, AF_UNSPEC_disconnects)
{
	struct address a = { .len = sizeof(a.storage) };

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(-1, getpeername(self->fd[A], &a.sa, &a.len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, send(self->fd[A], "", 1, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, send_to(self->fd[C], &self->address[A]));
	/* it keeps its name, and can be connected again */
	a = own_address(self->fd[A]);
	EXPECT_TRUE(same_address(&self->address[A], &a));
	EXPECT_EQ(0, connect_to(self->fd[A], &self->address[C]));
}

TEST_F(dgram_connect, AF_UNSPEC_needs_no_more_than_the_family)
{
	struct sockaddr_storage nobody = { .ss_family = AF_UNSPEC };
	struct address a = { .len = sizeof(a.storage) };
	socklen_t len[] = {
		sizeof(sa_family_t), sizeof(struct sockaddr_demo), sizeof(nobody),
	};
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
		EXPECT_EQ(0, connect(self->fd[A], (struct sockaddr *)&nobody, len[i]));
		EXPECT_EQ(-1, getpeername(self->fd[A], &a.sa, &a.len));
		EXPECT_EQ(ENOTCONN, errno);
	}
	EXPECT_EQ(-1, connect(self->fd[A], (struct sockaddr *)&nobody, 1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(dgram_connect, AF_UNSPEC_without_a_peer_changes_nothing)
{
	EXPECT_EQ(0, send_to(self->fd[B], &self->address[A]));
	EXPECT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(0, receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, disconnecting_drops_what_the_peer_sent_and_tells_it_ECONNRESET)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "1", 1, 0));
	ASSERT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
	EXPECT_EQ(POLLERR | POLLOUT, poll_now(self->fd[B], POLLIN | POLLOUT));
	EXPECT_EQ(ECONNRESET, get_number(self->fd[B], SO_ERROR));
	EXPECT_EQ(0, get_number(self->fd[B], SO_ERROR));
}

TEST_F(dgram_connect, disconnecting_with_nothing_unread_is_no_error_to_the_peer)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(0, get_number(self->fd[B], SO_ERROR));
	/* A takes from anybody now, and B still sends to A */
	EXPECT_EQ(1, send(self->fd[B], "1", 1, 0));
	EXPECT_EQ('1', receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, disconnecting_is_no_error_to_a_peer_that_was_not_connected)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, send_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
	EXPECT_EQ(0, get_number(self->fd[B], SO_ERROR));
}

TEST_F(dgram_connect, the_error_of_a_reset_is_given_once_to_whoever_asks_first)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
		ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
		ASSERT_EQ(1, send(self->fd[B], "1", 1, 0));
		ASSERT_EQ(0, disconnect(self->fd[A]));
		if (i) {
			EXPECT_EQ(-1, send(self->fd[B], "", 1, 0));
			EXPECT_EQ(ECONNRESET, errno);
		} else {
			EXPECT_EQ(-ECONNRESET, receive_byte(self->fd[B]));
		}
		EXPECT_EQ(-EAGAIN, receive_byte(self->fd[B]));
		EXPECT_EQ(1, send(self->fd[B], "2", 1, 0));
		EXPECT_EQ('2', receive_byte(self->fd[A]));
	}
}

TEST_F(dgram_connect, a_new_peer_replaces_the_old_and_what_it_sent)
{
	struct address name;

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "b", 1, 0));
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[C]));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
	EXPECT_EQ(ECONNRESET, get_number(self->fd[B], SO_ERROR));
	name = peer_address(self->fd[A]);
	EXPECT_TRUE(same_address(&self->address[C], &name));
	EXPECT_EQ(0, send_to(self->fd[C], &self->address[A]));
	EXPECT_EQ(-1, send(self->fd[B], "", 1, 0));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(dgram_connect, the_same_peer_again_changes_nothing)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "b", 1, 0));
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	EXPECT_EQ('b', receive_byte(self->fd[A]));
	EXPECT_EQ(0, get_number(self->fd[B], SO_ERROR));
}

TEST_F(dgram_connect, to_a_peer_that_closed_send_is_ECONNREFUSED_then_ENOTCONN)
{
	struct address a = { .len = sizeof(a.storage) };

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	close(self->fd[B]);
	self->fd[B] = -1;
	EXPECT_EQ(-1, send(self->fd[A], "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(-1, send(self->fd[A], "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, getpeername(self->fd[A], &a.sa, &a.len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, send_to(self->fd[C], &self->address[A]));
}

TEST_F(dgram_connect, a_peer_that_closed_keeps_its_name_until_a_send_fails)
{
	struct address name;

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	close(self->fd[B]);
	name = peer_address(self->fd[A]);
	EXPECT_TRUE(same_address(&self->address[B], &name));
	EXPECT_EQ(0, get_number(self->fd[A], SO_ERROR));

	/* who gets that name next is another socket */
	self->fd[B] = bound_socket(variant->family, variant->type, B);
	EXPECT_EQ(-1, send_to(self->fd[B], &self->address[A]));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, send(self->fd[A], "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(dgram_connect, what_a_peer_sent_before_it_closed_can_be_received)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "1", 1, 0));
	close(self->fd[B]);
	self->fd[B] = -1;
	EXPECT_EQ('1', receive_byte(self->fd[A]));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, a_send_that_finds_the_peer_closed_drops_what_it_sent)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "1", 1, 0));
	close(self->fd[B]);
	self->fd[B] = -1;
	EXPECT_EQ(-1, send(self->fd[A], "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, sendto_somebody_who_closed_is_ECONNREFUSED)
{
	close(self->fd[B]);
	self->fd[B] = -1;
	EXPECT_EQ(-1, send_to(self->fd[A], &self->address[B]));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(-1, send_to(self->fd[A], &self->address[NOBODY]));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(0, send_to(self->fd[A], &self->address[C]));
}

TEST_F(dgram_connect, closing_with_datagrams_unread_is_no_error_to_the_sender)
{
	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[A], "1", 1, 0));
	close(self->fd[B]);
	self->fd[B] = -1;
	EXPECT_EQ(0, get_number(self->fd[A], SO_ERROR));
	EXPECT_EQ(-EAGAIN, receive_byte(self->fd[A]));
}

TEST_F(dgram_connect, a_receiver_is_woken_by_the_error_of_a_reset)
{
	char c;
	struct background reader = { .fd = self->fd[B], .buf = &c, .len = 1 };

	ASSERT_EQ(0, connect_to(self->fd[A], &self->address[B]));
	ASSERT_EQ(0, connect_to(self->fd[B], &self->address[A]));
	ASSERT_EQ(1, send(self->fd[B], "1", 1, 0));
	ASSERT_EQ(0, background_recv(&reader));
	ASSERT_TRUE(background_sleeps(&reader));
	ASSERT_EQ(0, disconnect(self->fd[A]));
	EXPECT_EQ(-1, background_end(&reader));
	EXPECT_EQ(ECONNRESET, errno);
}

TEST_F(dgram_connect, an_end_of_a_socketpair_takes_datagrams_from_the_other_end_only)
{
	struct address name = address(variant->family, NOBODY);
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	ASSERT_EQ(0, bind_to(sv[0], &name));
	EXPECT_EQ(-1, send_to(self->fd[A], &name));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, connect_to(self->fd[A], &name));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(1, send(sv[1], "", 1, 0));
	EXPECT_EQ(0, send_to(sv[1], &name));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(dgram_connect, an_end_of_a_socketpair_can_be_connected_to_another)
{
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	ASSERT_EQ(1, send(sv[1], "1", 1, 0));
	ASSERT_EQ(0, connect_to(sv[0], &self->address[A]));
	EXPECT_EQ(-EAGAIN, receive_byte(sv[0]));
	EXPECT_EQ(ECONNRESET, get_number(sv[1], SO_ERROR));
	EXPECT_EQ(1, send(sv[0], "2", 1, 0));
	EXPECT_EQ('2', receive_byte(self->fd[A]));
	EXPECT_EQ(-1, send(sv[1], "", 1, 0));
	EXPECT_EQ(EPERM, errno);
	close(sv[0]);
	close(sv[1]);
}

TEST_HARNESS_MAIN
