// SPDX-License-Identifier: GPL-2.0-only
/*
 * What poll(), ppoll() and select() say about a socket in each of its states,
 * and that they wake when it changes.
 */
#include <sys/select.h>

#include "demo_test.h"

#define READABLE	(POLLIN | POLLRDNORM)
#define WRITABLE	(POLLOUT | POLLWRNORM | POLLWRBAND)
#define HUNG_UP		(POLLHUP | POLLRDHUP | READABLE)
#define EVENTS		(READABLE | POLLRDBAND | POLLPRI | POLLRDHUP | WRITABLE)

static int bits_of_ppoll(int fd)
{
	struct pollfd p = { .fd = fd, .events = EVENTS };
	struct timespec now = { 0 };

	return ppoll(&p, 1, &now, NULL) < 0 ? -1 : p.revents;
}

/* select() has three sets for all of the bits. */
#define SELECT_READ	1
#define SELECT_WRITE	2
#define SELECT_EXCEPT	4

static int bits_of_select(int fd)
{
	struct timeval now = { 0 };
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = r;
	x = r;
	if (select(fd + 1, &r, &w, &x, &now) < 0)
		return -1;
	return (FD_ISSET(fd, &r) ? SELECT_READ : 0) |
	       (FD_ISSET(fd, &w) ? SELECT_WRITE : 0) |
	       (FD_ISSET(fd, &x) ? SELECT_EXCEPT : 0);
}

static int as_select_says(int bits)
{
	return (bits & (READABLE | POLLRDBAND | POLLHUP | POLLERR) ? SELECT_READ : 0) |
	       (bits & (WRITABLE | POLLERR) ? SELECT_WRITE : 0) |
	       (bits & POLLPRI ? SELECT_EXCEPT : 0);
}

#define EXPECT_BITS(bits, fd)							\
do {										\
	EXPECT_EQ(bits, poll_now(fd, EVENTS));					\
	EXPECT_EQ(bits, bits_of_ppoll(fd));					\
	EXPECT_EQ(as_select_says(bits), bits_of_select(fd));			\
} while (0)

/* A socket of each type alone, and two that are connected. */
FIXTURE_PAIR(poll, VARIANTS_ALL)

TEST_F(poll, a_socket_not_connected_is_writable_and_hung_up_if_it_could_be_connected)
{
	int bits = variant->type == SOCK_DGRAM ? WRITABLE : WRITABLE | POLLHUP;
	struct address nobody = address(variant->family, 9);
	int fd;

	fd = unbound_socket(variant->family, variant->type);
	ASSERT_GE(fd, 0);
	EXPECT_BITS(bits, fd);
	EXPECT_ERROR(ECONNREFUSED, connect_to(fd, &nobody));
	EXPECT_BITS(bits, fd);
	close(fd);

	fd = bound_socket(variant->family, variant->type, 3);
	ASSERT_GE(fd, 0);
	EXPECT_BITS(bits, fd);
	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
	EXPECT_BITS(HUNG_UP | WRITABLE, fd);
	close(fd);
}

TEST_F(poll, a_connected_socket_is_writable)
{
	EXPECT_BITS(WRITABLE, self->sv[0]);
	EXPECT_BITS(WRITABLE, self->sv[1]);
}

TEST_F(poll, both_ends_of_a_socketpair_are_writable)
{
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	EXPECT_BITS(WRITABLE, sv[0]);
	EXPECT_BITS(WRITABLE, sv[1]);
	close(sv[0]);
	close(sv[1]);
}

TEST_F(poll, data_makes_a_socket_readable_until_the_last_of_it_is_read)
{
	char c;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	EXPECT_BITS(READABLE | WRITABLE, self->sv[1]);
	EXPECT_BITS(WRITABLE, self->sv[0]);
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, MSG_PEEK));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	EXPECT_BITS(READABLE | WRITABLE, self->sv[1]);
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	EXPECT_BITS(WRITABLE, self->sv[1]);
}

TEST_F(poll, an_empty_record_makes_a_socket_readable_an_empty_write_does_not)
{
	int bits = variant->type == SOCK_STREAM ? WRITABLE : READABLE | WRITABLE;
	char c;

	ASSERT_EQ(0, send(self->sv[0], "", 0, 0));
	EXPECT_BITS(bits, self->sv[1]);
	if (variant->type != SOCK_STREAM) {
		ASSERT_EQ(0, recv(self->sv[1], &c, 1, 0));
	}
	EXPECT_BITS(WRITABLE, self->sv[1]);
}

TEST_F(poll, a_full_socket_is_not_writable_until_it_is_drained)
{
	int round;

	for (round = 0; round < 3; round++) {
		ASSERT_LT(0, send_until_full(self->sv[0]));
		EXPECT_BITS(0, self->sv[0]);
		EXPECT_BITS(READABLE | WRITABLE, self->sv[1]);
		ASSERT_LT(0, recv_until_empty(self->sv[1]));
		EXPECT_BITS(WRITABLE, self->sv[0]);
		EXPECT_BITS(WRITABLE, self->sv[1]);
	}
}

TEST_F(poll, a_socket_that_is_writable_takes_a_byte)
{
	char c;

	ASSERT_LT(0, send_until_full(self->sv[0]));
	while (!poll_now(self->sv[0], POLLOUT))
		ASSERT_LT(0, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, send(self->sv[0], "x", 1, MSG_DONTWAIT));
}

TEST_F(poll, what_was_not_asked_for_is_not_said)
{
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(0, poll_now(self->sv[1], 0));
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN));
	EXPECT_EQ(POLLOUT, poll_now(self->sv[1], POLLOUT));
	EXPECT_EQ(0, poll_now(self->sv[1], POLLPRI | POLLRDHUP));
}

/* Types with listen(), connect() and accept(): self->sv is such a connection. */
FIXTURE_PAIR(poll_connection, VARIANTS_CONNECTION)

TEST_F(poll_connection, a_listener_is_readable_while_connections_wait_and_never_writable)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int i, fds[2];

	ASSERT_GE(listener, 0);
	EXPECT_BITS(0, listener);
	for (i = 0; i < 2; i++) {
		fds[i] = connected_socket(variant->family, variant->type, 1);
		ASSERT_GE(fds[i], 0);
		EXPECT_BITS(READABLE, listener);
	}
	close(accept(listener, NULL, NULL));
	EXPECT_BITS(READABLE, listener);
	close(accept(listener, NULL, NULL));
	EXPECT_BITS(0, listener);
	close(fds[0]);
	close(fds[1]);
	close(listener);
}

TEST_F(poll_connection, a_connection_that_waits_counts_even_when_its_caller_has_gone)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_BITS(READABLE, listener);
	fd = accept(listener, NULL, NULL);
	ASSERT_GE(fd, 0);
	EXPECT_BITS(HUNG_UP | WRITABLE, fd);
	close(fd);
	close(listener);
}

TEST_F(poll_connection, a_listener_that_was_shut_down_is_at_its_end)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);

	ASSERT_GE(listener, 0);
	EXPECT_EQ(0, shutdown(listener, SHUT_RD));
	EXPECT_BITS(POLLRDHUP | READABLE, listener);
	EXPECT_EQ(0, shutdown(listener, SHUT_WR));
	EXPECT_BITS(HUNG_UP, listener);
	close(listener);
}

TEST_F(poll_connection, a_connection_not_yet_accepted_is_writable_and_breaks_with_its_listener)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	EXPECT_BITS(WRITABLE, fd);
	close(listener);
	EXPECT_BITS(POLLERR | HUNG_UP | WRITABLE, fd);
	close(fd);
}

TEST_F(poll_connection, the_end_of_reading_shows_on_its_own_side_only)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_BITS(POLLRDHUP | READABLE | WRITABLE, self->sv[0]);
	EXPECT_BITS(WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, the_end_of_writing_shows_on_the_other_side_only)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_BITS(WRITABLE, self->sv[0]);
	EXPECT_BITS(POLLRDHUP | READABLE | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, the_end_of_both_hangs_up_both_sides)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[0]);
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, the_end_of_writing_by_each_side_hangs_up_both_sides)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_WR));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[0]);
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, a_peer_that_stops_reading_does_not_make_a_full_socket_writable)
{
	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_BITS(0, self->sv[0]);
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_BITS(WRITABLE, self->sv[0]);
}

TEST_F(poll_connection, a_closed_peer_hangs_up)
{
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, a_closed_peer_hangs_up_while_its_data_waits)
{
	char c;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, a_reset_is_an_error_until_it_was_told)
{
	ASSERT_EQ(1, send(self->sv[1], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_BITS(POLLERR | HUNG_UP | WRITABLE, self->sv[1]);
	EXPECT_EQ(ECONNRESET, get_number(self->sv[1], SO_ERROR));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, a_full_socket_is_writable_once_its_peer_is_closed)
{
	ASSERT_LT(0, send_until_full(self->sv[1]));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_BITS(POLLERR | HUNG_UP | WRITABLE, self->sv[1]);
}

TEST_F(poll_connection, hang_ups_and_errors_are_said_unasked)
{
	ASSERT_EQ(1, send(self->sv[1], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(self->sv[1], 0));
	EXPECT_EQ(ECONNRESET, get_number(self->sv[1], SO_ERROR));
	EXPECT_EQ(POLLHUP, poll_now(self->sv[1], 0));
}

/* Datagrams: self->sv are connected to each other, self->caller to receiver. */
FIXTURE(poll_dgram) {
	int sv[2];
	int receiver;
	int caller;
};

FIXTURE_VARIANT(poll_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(poll_dgram);

FIXTURE_SETUP(poll_dgram)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, SOCK_DGRAM, 1, self->sv));
	self->receiver = bound_socket(variant->family, SOCK_DGRAM, 3);
	ASSERT_GE(self->receiver, 0);
	/* So that it is full before its senders have used up their own room. */
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 4096));
	self->caller = connected_socket(variant->family, SOCK_DGRAM, 3);
	ASSERT_GE(self->caller, 0);
}

FIXTURE_TEARDOWN(poll_dgram)
{
	close(self->sv[0]);
	close(self->sv[1]);
	close(self->receiver);
	close(self->caller);
}

TEST_F(poll_dgram, a_full_receiver_keeps_those_connected_to_it_from_being_writable)
{
	struct address to = address(variant->family, 3);
	int stranger = unbound_socket(variant->family, SOCK_DGRAM);

	ASSERT_GE(stranger, 0);
	ASSERT_LT(0, send_until_full(self->caller));
	EXPECT_BITS(0, self->caller);
	EXPECT_BITS(READABLE | WRITABLE, self->receiver);
	EXPECT_ERROR(EAGAIN, sendto(stranger, "x", 1, MSG_DONTWAIT, &to.sa, to.len));
	EXPECT_BITS(WRITABLE, stranger);
	ASSERT_LT(0, recv_until_empty(self->receiver));
	EXPECT_BITS(WRITABLE, self->caller);
	EXPECT_BITS(WRITABLE, self->receiver);
	close(stranger);
}

TEST_F(poll_dgram, the_end_of_a_full_receiver_makes_its_senders_writable)
{
	ASSERT_LT(0, send_until_full(self->caller));
	EXPECT_BITS(0, self->caller);
	ASSERT_EQ(0, close(self->receiver));
	EXPECT_BITS(WRITABLE, self->caller);
}

TEST_F(poll_dgram, a_shutdown_shows_on_its_own_side_only)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_BITS(WRITABLE, self->sv[0]);
	EXPECT_BITS(WRITABLE, self->sv[1]);
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_BITS(HUNG_UP | WRITABLE, self->sv[0]);
	EXPECT_BITS(WRITABLE, self->sv[1]);
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_BITS(POLLRDHUP | READABLE | WRITABLE, self->sv[1]);
}

TEST_F(poll_dgram, a_closed_peer_does_not_show)
{
	ASSERT_EQ(1, send(self->sv[1], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_BITS(WRITABLE, self->sv[1]);
}

TEST_F(poll_dgram, an_error_is_urgent_to_who_selected_that)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(0, set_number(self->sv[0], SO_SELECT_ERR_QUEUE, 1));
	EXPECT_BITS(WRITABLE, self->sv[0]);
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
	EXPECT_BITS(POLLERR | POLLPRI | WRITABLE, self->sv[0]);
	EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
	EXPECT_BITS(WRITABLE, self->sv[0]);
}

TEST_F(poll_dgram, messages_lost_by_a_peer_that_disconnects_are_an_error_until_it_was_told)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
	EXPECT_BITS(POLLERR | WRITABLE, self->sv[0]);
	EXPECT_BITS(WRITABLE, self->sv[1]);
	EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
	EXPECT_BITS(WRITABLE, self->sv[0]);
}

/* Calls that sleep: b->flags are the events asked for, the result those seen. */
static int sleep_in_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

static int sleep_in_ppoll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, NULL, &none) == 1 ? p.revents : -1;
}

static int sleep_in_select(int fd, short events)
{
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	if (events & POLLIN)
		FD_SET(fd, &r);
	if (events & POLLOUT)
		FD_SET(fd, &w);
	if (select(fd + 1, &r, &w, NULL, NULL) != 1)
		return -1;
	return (FD_ISSET(fd, &r) ? POLLIN : 0) | (FD_ISSET(fd, &w) ? POLLOUT : 0);
}

BACKGROUND(poll, sleep_in_poll(b->fd, b->flags))
BACKGROUND(ppoll, sleep_in_ppoll(b->fd, b->flags))
BACKGROUND(select, sleep_in_select(b->fd, b->flags))

static int (*const sleepers[])(struct background *b) = {
	background_poll, background_ppoll, background_select,
};

TEST_F(poll, sleepers_wake_when_data_comes)
{
	struct background b = { .fd = self->sv[1], .flags = POLLIN };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sleepers); i++) {
		b.tid = 0;
		ASSERT_EQ(0, sleepers[i](&b));
		ASSERT_TRUE(background_sleeps(&b));
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		EXPECT_EQ(POLLIN, background_end(&b));
		ASSERT_EQ(1, recv_until_empty(self->sv[1]));
	}
}

TEST_F(poll, sleepers_wake_when_there_is_room)
{
	struct background b = { .fd = self->sv[0], .flags = POLLOUT };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sleepers); i++) {
		ASSERT_LT(0, send_until_full(self->sv[0]));
		b.tid = 0;
		ASSERT_EQ(0, sleepers[i](&b));
		ASSERT_TRUE(background_sleeps(&b));
		ASSERT_LT(0, recv_until_empty(self->sv[1]));
		EXPECT_EQ(POLLOUT, background_end(&b));
	}
}

TEST_F(poll, sleepers_wake_when_their_own_socket_is_shut_down)
{
	struct background b = { .fd = self->sv[1], .flags = POLLIN };

	ASSERT_EQ(0, background_poll(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_EQ(POLLIN, background_end(&b));
}

TEST_F(poll_connection, sleepers_wake_when_a_connection_comes)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	struct background b = { .fd = listener, .flags = POLLIN };
	size_t i;
	int fd;

	ASSERT_GE(listener, 0);
	for (i = 0; i < ARRAY_SIZE(sleepers); i++) {
		b.tid = 0;
		ASSERT_EQ(0, sleepers[i](&b));
		ASSERT_TRUE(background_sleeps(&b));
		fd = connected_socket(variant->family, variant->type, 1);
		EXPECT_EQ(POLLIN, background_end(&b));
		close(accept(listener, NULL, NULL));
		close(fd);
	}
	close(listener);
}

TEST_F(poll_connection, sleepers_wake_when_the_peer_hangs_up)
{
	struct background unasked = { .fd = self->sv[1] };
	struct background p = { .fd = self->sv[1], .flags = POLLIN };
	struct background s = p;

	ASSERT_EQ(0, background_poll(&unasked));
	ASSERT_EQ(0, background_ppoll(&p));
	ASSERT_EQ(0, background_select(&s));
	ASSERT_TRUE(background_sleeps(&unasked));
	ASSERT_TRUE(background_sleeps(&p));
	ASSERT_TRUE(background_sleeps(&s));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(POLLHUP, background_end(&unasked));
	EXPECT_EQ(POLLIN | POLLHUP, background_end(&p));
	EXPECT_EQ(POLLIN, background_end(&s));
}

TEST_F(poll_connection, sleepers_wake_when_the_peer_stops_writing)
{
	struct background b = { .fd = self->sv[1], .flags = POLLRDHUP };

	ASSERT_EQ(0, background_poll(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(POLLRDHUP, background_end(&b));
}

TEST_F(poll_dgram, sleepers_wake_when_the_receiver_has_room)
{
	struct background b = { .fd = self->caller, .flags = POLLOUT };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sleepers); i++) {
		ASSERT_LT(0, send_until_full(self->caller));
		b.tid = 0;
		ASSERT_EQ(0, sleepers[i](&b));
		ASSERT_TRUE(background_sleeps(&b));
		ASSERT_LT(0, recv_until_empty(self->receiver));
		EXPECT_EQ(POLLOUT, background_end(&b));
	}
}

TEST_F(poll_dgram, sleepers_wake_when_the_full_receiver_is_closed)
{
	struct background b = { .fd = self->caller, .flags = POLLOUT };

	ASSERT_LT(0, send_until_full(self->caller));
	ASSERT_EQ(0, background_poll(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->receiver));
	EXPECT_EQ(POLLOUT, background_end(&b));
}

TEST_F(poll_dgram, sleepers_wake_when_messages_were_lost)
{
	struct background b = { .fd = self->sv[0], .flags = 0 };
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, background_poll(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
	EXPECT_EQ(POLLERR, background_end(&b));
}

TEST_HARNESS_MAIN
