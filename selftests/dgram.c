// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is particular to datagrams: a destination for each, a source told with
 * each, and a receiver that many senders share without filling memory.
 */
#include <limits.h>

#include "demo_test.h"

enum { RECEIVER = 1, SENDER, OTHER, NOBODY };

FIXTURE(dgram) {
	struct address to;
	int receiver;
	int sender;
};

FIXTURE_VARIANT(dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(dgram);

FIXTURE_SETUP(dgram)
{
	NEED_FAMILY(variant->family);
	self->to = address(variant->family, RECEIVER);
	self->receiver = bound_socket(variant->family, variant->type, RECEIVER);
	ASSERT_LE(0, self->receiver);
	self->sender = bound_socket(variant->family, variant->type, SENDER);
	ASSERT_LE(0, self->sender);
}

FIXTURE_TEARDOWN(dgram)
{
	close(self->receiver);
	close(self->sender);
}

static ssize_t send_bytes(int fd, const struct address *to, size_t size)
{
	static const char zeroes[65536];

	return sendto(fd, zeroes, size, MSG_DONTWAIT, &to->sa, to->len);
}

/* Receive a datagram; who sent it. */
static struct address receive_from(int fd, ssize_t *size)
{
	struct address from = { .len = sizeof(from.storage) };
	char buf[65536];

	*size = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, &from.sa, &from.len);
	return from;
}

/* Send datagrams of a size until no more are taken; how many were. */
static int fill(struct __test_metadata *_metadata, int fd, const struct address *to, int size)
{
	int n = 0;

	while (send_bytes(fd, to, size) == size)
		n++;
	EXPECT_EQ(EAGAIN, errno);
	return n;
}

static int drain(int fd)
{
	int n = 0;

	while (recv(fd, NULL, 0, MSG_DONTWAIT) == 0)
		n++;
	return n;
}

TEST_F(dgram, the_receiver_is_told_the_source_and_can_answer)
{
	struct address sender = address(variant->family, SENDER), from;
	ssize_t size;

	ASSERT_EQ(3, send_bytes(self->sender, &self->to, 3));
	from = receive_from(self->receiver, &size);
	ASSERT_EQ(3, size);
	ASSERT_TRUE(same_address(&sender, &from));
	ASSERT_EQ(5, send_bytes(self->receiver, &from, 5));
	from = receive_from(self->sender, &size);
	EXPECT_EQ(5, size);
	EXPECT_TRUE(same_address(&self->to, &from));
}

TEST_F(dgram, each_of_many_sources_is_told_with_what_it_sent)
{
	struct address sources[3], from;
	int fds[3], i;
	ssize_t size;

	for (i = 0; i < 3; i++) {
		sources[i] = address(variant->family, OTHER + i);
		fds[i] = bound_socket(variant->family, variant->type, OTHER + i);
		ASSERT_LE(0, fds[i]);
	}
	/* In turn, and twice in a row: two of one sender lie side by side. */
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(i, send_bytes(fds[i / 2 % 3], &self->to, i));
	}
	/* What is queued outlives its sender. */
	for (i = 0; i < 3; i++)
		close(fds[i]);
	for (i = 0; i < 10; i++) {
		from = receive_from(self->receiver, &size);
		EXPECT_EQ(i, size);
		EXPECT_TRUE(same_address(&sources[i / 2 % 3], &from));
	}
}

TEST_F(dgram, a_destination_goes_before_the_peer)
{
	struct address other = address(variant->family, OTHER);
	int fd;

	fd = bound_socket(variant->family, variant->type, OTHER);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, connect_to(self->sender, &self->to));
	ASSERT_EQ(1, send(self->sender, "a", 1, 0));
	ASSERT_EQ(2, send_bytes(self->sender, &other, 2));
	EXPECT_EQ(1, recv(self->receiver, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->receiver, NULL, 0, MSG_DONTWAIT));
	EXPECT_EQ(2, recv(fd, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(fd, NULL, 0, MSG_DONTWAIT));
	close(fd);
}

TEST_F(dgram, without_a_destination_nothing_can_be_sent)
{
	EXPECT_ERROR(ENOTCONN, send(self->sender, "a", 1, 0));
	EXPECT_ERROR(ENOTCONN, send(self->sender, NULL, 0, 0));
}

TEST_F(dgram, to_an_address_that_nobody_has_is_refused)
{
	struct address nobody = address(variant->family, NOBODY);

	EXPECT_ERROR(ECONNREFUSED, send_bytes(self->sender, &nobody, 1));
	EXPECT_EQ(1, send_bytes(self->sender, &self->to, 1));
}

TEST_F(dgram, a_peer_that_closed_refuses_once_and_is_a_peer_no_more)
{
	ASSERT_EQ(0, connect_to(self->sender, &self->to));
	ASSERT_EQ(1, send(self->sender, "a", 1, 0));
	ASSERT_EQ(0, close(self->receiver));
	self->receiver = -1;
	EXPECT_ERROR(ECONNREFUSED, send(self->sender, "a", 1, 0));
	EXPECT_ERROR(ENOTCONN, send(self->sender, "a", 1, 0));
	EXPECT_ERROR(ECONNREFUSED, send_bytes(self->sender, &self->to, 1));
}

/* Were SIGPIPE sent, it would end the test. */
TEST_F(dgram, a_receiver_that_shut_down_is_epipe_without_a_signal)
{
	ASSERT_EQ(0, shutdown(self->receiver, SHUT_RD));
	EXPECT_ERROR(EPIPE, send_bytes(self->sender, &self->to, 1));
	ASSERT_EQ(0, connect_to(self->sender, &self->to));
	EXPECT_ERROR(EPIPE, send(self->sender, "a", 1, 0));
}

TEST_F(dgram, a_sender_that_shut_down_is_epipe_without_a_signal)
{
	ASSERT_EQ(0, shutdown(self->sender, SHUT_WR));
	EXPECT_ERROR(EPIPE, send_bytes(self->sender, &self->to, 1));
	EXPECT_ERROR(EAGAIN, recv(self->receiver, NULL, 0, MSG_DONTWAIT));
	EXPECT_EQ(1, send_bytes(self->receiver, &self->to, 1));
}

TEST_F(dgram, a_full_receiver_takes_one_more_for_each_one_it_has_read)
{
	int i, n;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	n = fill(_metadata, self->sender, &self->to, 1000);
	ASSERT_LT(1, n);
	for (i = 0; i < 2 * n; i++) {
		ASSERT_EQ(1000, recv(self->receiver, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
		ASSERT_EQ(1000, send_bytes(self->sender, &self->to, 1000));
		EXPECT_ERROR(EAGAIN, send_bytes(self->sender, &self->to, 1000));
	}
	EXPECT_EQ(n, drain(self->receiver));
	EXPECT_EQ(n, fill(_metadata, self->sender, &self->to, 1000));
}

TEST_F(dgram, looking_makes_no_room_and_discarding_makes_all_of_it)
{
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	ASSERT_LT(1, fill(_metadata, self->sender, &self->to, 1000));
	EXPECT_EQ(0, recv(self->receiver, NULL, 0, MSG_PEEK));
	EXPECT_ERROR(EAGAIN, send_bytes(self->sender, &self->to, 1000));
	EXPECT_EQ(0, recv(self->receiver, NULL, 0, 0));
	EXPECT_EQ(1000, send_bytes(self->sender, &self->to, 1000));
	EXPECT_ERROR(EAGAIN, send_bytes(self->sender, &self->to, 1000));
}

TEST_F(dgram, a_full_receiver_does_not_stand_in_the_way_of_another)
{
	struct address other = address(variant->family, OTHER);
	int fd;

	fd = bound_socket(variant->family, variant->type, OTHER);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	ASSERT_LT(1, fill(_metadata, self->sender, &self->to, 1000));
	EXPECT_EQ(1000, send_bytes(self->sender, &other, 1000));
	EXPECT_EQ(1000, recv(fd, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	close(fd);
}

TEST_F(dgram, a_sender_that_waits_for_a_receiver_goes_on_when_it_reads)
{
	char buf[1000];
	struct background call = {
		.fd = self->sender, .buf = buf, .len = sizeof(buf), .to = &self->to,
	};
	int n;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	n = fill(_metadata, self->sender, &self->to, 1000);
	ASSERT_EQ(0, background_send(&call));
	ASSERT_TRUE(background_sleeps(&call));
	EXPECT_EQ(0, recv(self->receiver, NULL, 0, 0));
	EXPECT_EQ(1000, background_end(&call));
	EXPECT_EQ(n, drain(self->receiver));
}

TEST_F(dgram, all_senders_that_wait_for_a_receiver_go_on_when_it_reads)
{
	struct background calls[3];
	int fds[3], n, i;
	char buf[1000];

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	n = fill(_metadata, self->sender, &self->to, 1000);
	for (i = 0; i < 3; i++) {
		fds[i] = bound_socket(variant->family, variant->type, OTHER + i);
		ASSERT_LE(0, fds[i]);
		calls[i] = (struct background){
			.fd = fds[i], .buf = buf, .len = sizeof(buf), .to = &self->to,
		};
		ASSERT_EQ(0, background_send(&calls[i]));
		ASSERT_TRUE(background_sleeps(&calls[i]));
	}
	for (i = 0; i < n + 3; i++) {
		EXPECT_EQ(0, recv(self->receiver, NULL, 0, 0));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1000, background_end(&calls[i]));
		close(fds[i]);
	}
	EXPECT_EQ(0, drain(self->receiver));
}

TEST_F(dgram, a_sender_that_waits_is_refused_when_the_receiver_closes)
{
	struct background call = { .fd = self->sender, .buf = "", .len = 1, .to = &self->to };
	int connected;

	for (connected = 0; connected < 2; connected++) {
		if (connected) {
			self->receiver = bound_socket(variant->family, variant->type, RECEIVER);
			ASSERT_LE(0, self->receiver);
			ASSERT_EQ(0, connect_to(self->sender, &self->to));
			call.to = NULL;
			call.tid = 0;
		}
		ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
		ASSERT_LT(1, fill(_metadata, self->sender, &self->to, 1000));
		ASSERT_EQ(0, background_send(&call));
		ASSERT_TRUE(background_sleeps(&call));
		ASSERT_EQ(0, close(self->receiver));
		self->receiver = -1;
		EXPECT_ERROR(ECONNREFUSED, background_end(&call));
	}
}

TEST_F(dgram, a_connected_sender_is_writable_while_its_receiver_has_room)
{
	struct background call = { .fd = self->sender };
	int i, n;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 4096));
	ASSERT_EQ(0, connect_to(self->sender, &self->to));
	EXPECT_EQ(POLLOUT, poll_now(self->sender, POLLOUT));
	for (n = 0; poll_now(self->sender, POLLOUT); n++) {
		ASSERT_EQ(500, send_bytes(self->sender, &self->to, 500));
	}
	EXPECT_LT(1, n);
	EXPECT_ERROR(EAGAIN, send(self->sender, "a", 1, MSG_DONTWAIT));

	for (i = 0; i < 2; i++) {
		call.tid = 0;
		ASSERT_EQ(0, background_writable(&call));
		ASSERT_TRUE(background_sleeps(&call));
		EXPECT_EQ(500, recv(self->receiver, NULL, 0, MSG_TRUNC));
		EXPECT_EQ(POLLOUT, background_end(&call));
		EXPECT_EQ(500, send_bytes(self->sender, &self->to, 500));
		EXPECT_EQ(0, poll_now(self->sender, POLLOUT));
	}
}

/* Who sends to himself cannot read meanwhile: only SO_SNDBUF limits him. */
TEST_F(dgram, a_socket_can_fill_itself_beyond_its_so_rcvbuf)
{
	int n;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 0));
	ASSERT_EQ(0, set_number(self->receiver, SO_SNDBUF, 65536));
	n = fill(_metadata, self->receiver, &self->to, 500);
	EXPECT_LT(20, n);
	EXPECT_LT(2 * get_number(self->receiver, SO_RCVBUF), 500 * n);
	EXPECT_GE(get_number(self->receiver, SO_SNDBUF) + 500, 500 * n);
	EXPECT_EQ(n, drain(self->receiver));

	ASSERT_EQ(0, connect_to(self->receiver, &self->to));
	EXPECT_EQ(n, fill(_metadata, self->receiver, &self->to, 500));
	EXPECT_EQ(0, poll_now(self->receiver, POLLOUT));
	EXPECT_EQ(n, drain(self->receiver));
	EXPECT_EQ(POLLOUT, poll_now(self->receiver, POLLOUT));
}

TEST_F(dgram, two_that_are_connected_to_each_other_are_limited_by_so_sndbuf_alone)
{
	struct address from = address(variant->family, SENDER);
	int n;

	ASSERT_EQ(0, connect_to(self->sender, &self->to));
	ASSERT_EQ(0, connect_to(self->receiver, &from));
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 0));
	ASSERT_EQ(0, set_number(self->sender, SO_SNDBUF, 65536));
	n = fill(_metadata, self->sender, &self->to, 500);
	EXPECT_LT(20, n);
	EXPECT_LT(2 * get_number(self->receiver, SO_RCVBUF), 500 * n);
	EXPECT_GE(get_number(self->sender, SO_SNDBUF) + 500, 500 * n);
	EXPECT_EQ(n, drain(self->receiver));
	EXPECT_EQ(n, fill(_metadata, self->sender, &self->to, 500));
}

/* What AF_DEMO does otherwise: a port for every sender, a limit in bytes. */
FIXTURE(demo) {
	struct address to;
	int receiver;
	int sender;
};

FIXTURE_SETUP(demo)
{
	NEED_FAMILY(FAMILY_DEMO);
	self->to = address(FAMILY_DEMO, RECEIVER);
	self->receiver = bound_socket(FAMILY_DEMO, SOCK_DGRAM, RECEIVER);
	ASSERT_LE(0, self->receiver);
	self->sender = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
	ASSERT_LE(0, self->sender);
	ASSERT_EQ(0, set_number(self->sender, SO_SNDBUF, INT_MAX / 2));
}

FIXTURE_TEARDOWN(demo)
{
	close(self->receiver);
	close(self->sender);
}

TEST_F(demo, a_sender_without_a_port_gets_one_and_can_be_answered)
{
	struct address from, again;
	ssize_t size;

	ASSERT_EQ(1, send_bytes(self->sender, &self->to, 1));
	from = receive_from(self->receiver, &size);
	ASSERT_EQ(1, size);
	EXPECT_EQ(sizeof(from.demo), from.len);
	EXPECT_EQ(family_number(FAMILY_DEMO), from.demo.sdm_family);
	EXPECT_EQ(DEMO_NODE_LOCAL, from.demo.sdm_node);
	EXPECT_LT(DEMO_PORT_RESERVED_MAX, from.demo.sdm_port);
	EXPECT_NE(DEMO_PORT_ANY, from.demo.sdm_port);
	again = own_address(self->sender);
	EXPECT_EQ(from.demo.sdm_port, again.demo.sdm_port);

	ASSERT_EQ(2, send_bytes(self->receiver, &from, 2));
	again = receive_from(self->sender, &size);
	EXPECT_EQ(2, size);
	EXPECT_TRUE(same_address(&self->to, &again));

	/* It keeps that port. */
	ASSERT_EQ(3, send_bytes(self->sender, &self->to, 3));
	again = receive_from(self->receiver, &size);
	EXPECT_TRUE(same_address(&from, &again));
}

TEST_F(demo, two_senders_without_a_port_get_two)
{
	struct address one, two;
	ssize_t size;
	int fd;

	fd = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, send_bytes(self->sender, &self->to, 1));
	ASSERT_EQ(1, send_bytes(fd, &self->to, 1));
	one = receive_from(self->receiver, &size);
	two = receive_from(self->receiver, &size);
	EXPECT_NE(one.demo.sdm_port, two.demo.sdm_port);
	close(fd);
}

TEST_F(demo, small_datagrams_are_not_counted)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1, send_bytes(self->sender, &self->to, 1));
	}
	EXPECT_EQ(100, drain(self->receiver));
}

TEST_F(demo, so_rcvbuf_says_how_many_bytes_wait)
{
	static const int sizes[] = { 1, 100, 1000, 4000 };
	int narrow, wide, rcvbuf;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
		narrow = fill(_metadata, self->sender, &self->to, sizes[i]);
		rcvbuf = get_number(self->receiver, SO_RCVBUF);
		EXPECT_GE(rcvbuf + sizes[i], narrow * sizes[i]);

		/* Four times as much makes room at once, for four times as many. */
		ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 4 * 8192));
		wide = narrow + fill(_metadata, self->sender, &self->to, sizes[i]);
		EXPECT_GE(4 * rcvbuf + sizes[i], wide * sizes[i]);
		EXPECT_LE(3 * narrow, wide);
		EXPECT_GE(5 * narrow, wide);
		EXPECT_EQ(wide, drain(self->receiver));
	}
}

TEST_F(demo, one_so_rcvbuf_is_for_all_senders_together)
{
	int fd, alone, n;

	fd = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_number(fd, SO_SNDBUF, INT_MAX / 2));
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	alone = fill(_metadata, self->sender, &self->to, 1000);
	EXPECT_ERROR(EAGAIN, send_bytes(fd, &self->to, 1));
	EXPECT_EQ(alone, drain(self->receiver));

	for (n = 0; send_bytes(n & 1 ? fd : self->sender, &self->to, 1000) == 1000; n++)
		;
	EXPECT_EQ(alone, n);
	close(fd);
}

TEST_F(demo, a_datagram_larger_than_so_rcvbuf_gets_through_alone)
{
	int i;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 0));
	ASSERT_GT(60000, get_number(self->receiver, SO_RCVBUF));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(60000, send_bytes(self->sender, &self->to, 60000));
		EXPECT_ERROR(EAGAIN, send_bytes(self->sender, &self->to, 1));
		EXPECT_EQ(60000, recv(self->receiver, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	}
}

/* What is thrown away with an old peer must not count for ever. */
TEST_F(demo, what_a_change_of_peers_discards_makes_room)
{
	struct address one = address(FAMILY_DEMO, OTHER);
	struct address two = address(FAMILY_DEMO, OTHER + 1);
	int fds[2], i, n = 0;

	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	for (i = 0; i < 2; i++) {
		fds[i] = bound_socket(FAMILY_DEMO, SOCK_DGRAM, OTHER + i);
		ASSERT_LE(0, fds[i]);
	}
	n = fill(_metadata, self->sender, &self->to, 1000);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, connect_to(self->receiver, &one));
		ASSERT_EQ(0, connect_to(self->receiver, &two));
		EXPECT_EQ(0, drain(self->receiver));
		ASSERT_EQ(0, connect(self->receiver,
				     &(struct sockaddr){ .sa_family = AF_UNSPEC },
				     sizeof(struct sockaddr)));
		EXPECT_EQ(n, fill(_metadata, self->sender, &self->to, 1000));
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
