// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO sockets beside the data of AF_DEMO sockets. One that waits in a queue
 * keeps what waits in its own, so they must not come to a cycle: the send that
 * would close one is ELOOP, and one that would make too long a chain of them
 * ETOOMANYREFS.
 */
#include <sys/resource.h>

#include "race.h"

#define PAIRS		8
#define SOMEBODY	54321		/* an unprivileged user without processes */

enum { SERVICE, OTHER };		/* addresses of a test */

/*
 * Pair i is pair[i][0], which sends to pair[i][1]: a socket that is sent over
 * the first is kept by the second.
 */
FIXTURE(cycle) {
	int pair[PAIRS][2];
	struct beside b;
	char c;
};

FIXTURE_VARIANT(cycle) {
	enum family family;
	int type;
};

VARIANT(cycle, demo, DEMO, stream, STREAM);
VARIANT(cycle, demo, DEMO, dgram, DGRAM);
VARIANT(cycle, demo, DEMO, seqpacket, SEQPACKET);

static void close_pairs(int pair[][2])
{
	int i, j;

	for (i = 0; i < PAIRS; i++) {
		for (j = 0; j < 2; j++) {
			close(pair[i][j]);
			pair[i][j] = -1;
		}
	}
}

FIXTURE_SETUP(cycle)
{
	int i;

	NEED_FAMILY(variant->family);
	for (i = 0; i < PAIRS; i++)
		ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0,
					self->pair[i]));
}

FIXTURE_TEARDOWN(cycle)
{
	close_fds(&self->b);
	close_pairs(self->pair);
}

/* Let the receiver of pair @a keep that of pair @b: 0, or the errno. */
#define KEEP(a, b) send_fd(self->pair[a][0], self->pair[b][1])

/* Receive what pair @a keeps: how many descriptors the message brought. */
#define RELEASE(a)								\
({										\
	int got = -1;								\
										\
	if (recv_beside(self->pair[a][1], &self->c, 1, 0, &self->b) == 1) {	\
		got = self->b.nr_fds;						\
		close_fds(&self->b);						\
	}									\
	got;									\
})

TEST_F(cycle, a_socket_does_not_keep_itself)
{
	EXPECT_EQ(ELOOP, KEEP(0, 0));
	EXPECT_EQ(ELOOP, send_fd(self->pair[0][1], self->pair[0][0]));
}

TEST_F(cycle, a_socket_keeps_its_peer)
{
	/* which is no cycle: an end does not keep the other */
	EXPECT_EQ(0, send_fd(self->pair[0][0], self->pair[0][0]));
	EXPECT_EQ(ELOOP, send_fd(self->pair[0][1], self->pair[0][1]));
	EXPECT_EQ(1, RELEASE(0));
	EXPECT_EQ(0, send_fd(self->pair[0][1], self->pair[0][1]));
}

TEST_F(cycle, two_sockets_do_not_keep_each_other)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(ELOOP, KEEP(1, 0));
}

TEST_F(cycle, three_sockets_do_not)
{
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(ELOOP, KEEP(2, 0));
	EXPECT_EQ(ELOOP, KEEP(2, 1));
	EXPECT_EQ(ELOOP, KEEP(2, 2));
}

TEST_F(cycle, as_many_as_can_be_in_a_chain_do_not)
{
	int i;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, KEEP(i, i + 1));
	for (i = 0; i <= 4; i++)
		EXPECT_EQ(ELOOP, KEEP(4, i));
}

TEST_F(cycle, nor_do_sockets_of_different_types)
{
	int stream[2], dgram[2], seqpacket[2], family = family_number(variant->family);

	ASSERT_EQ(0, socketpair(family, SOCK_STREAM, 0, stream));
	ASSERT_EQ(0, socketpair(family, SOCK_DGRAM, 0, dgram));
	ASSERT_EQ(0, socketpair(family, SOCK_SEQPACKET, 0, seqpacket));
	EXPECT_EQ(0, send_fd(stream[0], dgram[1]));
	EXPECT_EQ(0, send_fd(dgram[0], seqpacket[1]));
	EXPECT_EQ(0, send_fd(seqpacket[0], self->pair[0][1]));
	EXPECT_EQ(ELOOP, send_fd(self->pair[0][0], stream[1]));
	EXPECT_EQ(ELOOP, send_fd(seqpacket[0], stream[1]));
	close(stream[0]);
	close(stream[1]);
	close(dgram[0]);
	close(dgram[1]);
	close(seqpacket[0]);
	close(seqpacket[1]);
}

TEST_F(cycle, a_way_round_that_has_two_branches_is_found_on_both)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(0, 2));
	EXPECT_EQ(0, KEEP(1, 3));
	EXPECT_EQ(0, KEEP(2, 3));
	EXPECT_EQ(ELOOP, KEEP(3, 0));
	EXPECT_EQ(1, RELEASE(1));
	EXPECT_EQ(ELOOP, KEEP(3, 0));
	EXPECT_EQ(1, RELEASE(2));
	EXPECT_EQ(0, KEEP(3, 0));
}

TEST_F(cycle, of_several_descriptors_one_is_enough)
{
	int fds[] = { self->pair[2][1], self->pair[0][1], self->pair[3][1] };

	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_ERROR(ELOOP, send_beside(self->pair[1][0], "x", 1, 0, fds, 3, NULL));
	/* and the other two are not there */
	EXPECT_EQ(0, KEEP(2, 1));
	EXPECT_EQ(0, KEEP(3, 1));
}

TEST_F(cycle, the_same_one_twice_is_kept_until_both_are_received)
{
	int fds[] = { self->pair[1][1], self->pair[1][1] };

	EXPECT_EQ(1, send_beside(self->pair[0][0], "x", 1, 0, fds, 2, NULL));
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(ELOOP, KEEP(1, 0));
	EXPECT_EQ(2, RELEASE(0));
	EXPECT_EQ(ELOOP, KEEP(1, 0));
	EXPECT_EQ(1, RELEASE(0));
	EXPECT_EQ(0, KEEP(1, 0));
}

TEST_F(cycle, what_is_refused_changes_nothing)
{
	int i, before;

	EXPECT_EQ(0, KEEP(0, 1));
	before = count_fds();
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(ELOOP, KEEP(1, 0));
	EXPECT_EQ(before, count_fds());
	EXPECT_EQ(0, poll_now(self->pair[1][1], POLLIN));
	EXPECT_EQ(0, unread(self->pair[1][1]));
	EXPECT_EQ(0, unsent(self->pair[1][0]));
	EXPECT_EQ(0, get_number(self->pair[1][0], SO_ERROR));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(1, RELEASE(1));
	EXPECT_EQ(1, RELEASE(0));
}

TEST_F(cycle, what_was_refused_goes_once_the_way_is_free)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(ELOOP, KEEP(1, 0));
	EXPECT_EQ(1, RELEASE(0));
	EXPECT_EQ(0, KEEP(1, 0));
	EXPECT_EQ(ELOOP, KEEP(0, 1));
}

TEST_F(cycle, MSG_PEEK_does_not_free_the_way)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(1, recv_beside(self->pair[0][1], &self->c, 1, MSG_PEEK, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	EXPECT_EQ(ELOOP, KEEP(1, 0));
	close_fds(&self->b);
	EXPECT_EQ(ELOOP, KEEP(1, 0));
	EXPECT_EQ(1, RELEASE(0));
	EXPECT_EQ(0, KEEP(1, 0));
}

TEST_F(cycle, what_a_queue_alone_keeps_counts_as_long_as_it_does)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(2, 3));
	close(self->pair[1][1]);
	self->pair[1][1] = -1;
	EXPECT_EQ(ELOOP, KEEP(3, 0));
	EXPECT_EQ(ELOOP, KEEP(3, 2));
	/* receiver 1 is closed, and lets go of receiver 2 */
	EXPECT_EQ(1, read(self->pair[0][1], &self->c, 1));
	EXPECT_EQ(0, KEEP(3, 0));
	EXPECT_EQ(ELOOP, KEEP(3, 2));
}

TEST_F(cycle, everything_that_is_kept_goes_when_nobody_has_it_any_more)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, KEEP(0, 1));
	ASSERT_EQ(0, KEEP(1, 2));
	ASSERT_EQ(0, KEEP(2, 3));
	ASSERT_EQ(0, KEEP(3, 4));
	ASSERT_EQ(0, send_fd(self->pair[4][0], p[1]));
	close(p[1]);
	close_pairs(self->pair);
	EXPECT_EQ(0, read(p[0], &self->c, 1));
	close(p[0]);
}

/* Chains. */

TEST_F(cycle, a_chain_has_up_to_4_edges)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(2, 3));
	EXPECT_EQ(0, KEEP(3, 4));
	EXPECT_EQ(ETOOMANYREFS, KEEP(4, 5));
	EXPECT_EQ(ETOOMANYREFS, KEEP(5, 0));
	/* but branches, and others */
	EXPECT_EQ(0, KEEP(3, 5));
	EXPECT_EQ(0, KEEP(6, 1));
	EXPECT_EQ(0, KEEP(7, 4));
}

TEST_F(cycle, also_when_it_is_built_from_the_end)
{
	EXPECT_EQ(0, KEEP(3, 4));
	EXPECT_EQ(0, KEEP(2, 3));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(ETOOMANYREFS, KEEP(5, 0));
	EXPECT_EQ(ETOOMANYREFS, KEEP(4, 5));
}

TEST_F(cycle, also_when_two_are_joined)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(3, 4));
	EXPECT_EQ(0, KEEP(4, 5));
	EXPECT_EQ(ETOOMANYREFS, KEEP(2, 3));
	EXPECT_EQ(0, KEEP(2, 4));
	EXPECT_EQ(0, KEEP(1, 3));
	EXPECT_EQ(1, RELEASE(0));
	EXPECT_EQ(0, KEEP(2, 3));
}

TEST_F(cycle, the_longest_of_several_ways_counts)
{
	EXPECT_EQ(0, KEEP(0, 3));
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(2, 3));
	EXPECT_EQ(0, KEEP(3, 4));
	EXPECT_EQ(ETOOMANYREFS, KEEP(4, 5));
	EXPECT_EQ(1, RELEASE(2));
	EXPECT_EQ(0, KEEP(4, 5));
}

TEST_F(cycle, other_descriptors_are_no_edges)
{
	EXPECT_EQ(0, KEEP(0, 1));
	EXPECT_EQ(0, KEEP(1, 2));
	EXPECT_EQ(0, KEEP(2, 3));
	EXPECT_EQ(0, KEEP(3, 4));
	EXPECT_EQ(0, send_fd(self->pair[4][0], STDERR_FILENO));
}

TEST_F(cycle, a_search_that_would_be_too_long_is_not_made)
{
	int fds[MAX_FDS], i, sent;

	if (geteuid())
		SKIP(return, "so many descriptors in flight take root");
	for (i = 0; i < MAX_FDS; i++)
		fds[i] = self->pair[1][1];
	/* 16,384 edges, and at least one */
	for (sent = 0; sent < 65; sent++)
		ASSERT_EQ(1, send_beside(self->pair[0][0], "x", 1, 0, fds, MAX_FDS, NULL));
	EXPECT_EQ(ETOOMANYREFS, KEEP(2, 0));
	EXPECT_EQ(MAX_FDS, RELEASE(0));
	EXPECT_EQ(0, KEEP(2, 0));
}

/* Who waited for room looks again. */

static ssize_t send_fd_to(int sock, int fd, const struct address *to)
{
	union control control = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_name = (void *)&to->sa, .msg_namelen = to->len,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(sizeof(int)) };

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0);
}

/* .flags is the descriptor to send. */
BACKGROUND(send_fd_to, send_fd_to(b->fd, b->flags, b->to))

/* Of the types, SOCK_DGRAM waits for room at the receiver. */
TEST(a_send_that_waited_for_room_looks_again)
{
	struct address service;
	struct background call = { .to = &service };
	int receiver, sender, pair[2];

	NEED_FAMILY(FAMILY_DEMO);
	ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), SOCK_DGRAM, 0, pair));
	service = address(FAMILY_DEMO, SERVICE);
	receiver = bound_socket(FAMILY_DEMO, SOCK_DGRAM, SERVICE);
	sender = connected_socket(FAMILY_DEMO, SOCK_DGRAM, SERVICE);
	ASSERT_LE(0, receiver);
	ASSERT_LE(0, sender);
	ASSERT_LT(0, send_until_full(sender));
	call.fd = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
	call.flags = pair[1];
	ASSERT_EQ(0, background_send_fd_to(&call));
	ASSERT_TRUE(background_sleeps(&call));
	/* allowed: what waits for room is not in flight */
	EXPECT_EQ(0, send_fd(pair[0], receiver));
	EXPECT_LT(0, recv_until_empty(receiver));
	EXPECT_EQ(-1, background_end(&call));
	EXPECT_EQ(ELOOP, errno);
	EXPECT_EQ(0, recv_until_empty(receiver));
	close(receiver);
	close(sender);
	close(call.fd);
	close(pair[0]);
	close(pair[1]);
}

/* Listeners keep the connections that wait for accept(). */

FIXTURE(cycle_pending) {
	int listener, client, sv[2];
	struct beside b;
	char c;
};

FIXTURE_VARIANT(cycle_pending) {
	enum family family;
	int type;
};

VARIANT(cycle_pending, demo, DEMO, stream, STREAM);
VARIANT(cycle_pending, demo, DEMO, seqpacket, SEQPACKET);

FIXTURE_SETUP(cycle_pending)
{
	NEED_FAMILY(variant->family);
	self->listener = listening_socket(variant->family, variant->type, SERVICE, 8);
	self->client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, self->sv));
}

FIXTURE_TEARDOWN(cycle_pending)
{
	close(self->listener);
	close(self->client);
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(cycle_pending, a_listener_is_not_sent_over_a_connection_it_keeps)
{
	int fd;

	EXPECT_EQ(ELOOP, send_fd(self->client, self->listener));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_ERROR(EAGAIN, recv_beside(fd, &self->c, 1, 0, &self->b));
	EXPECT_EQ(0, send_fd(self->client, self->listener));
	EXPECT_EQ(1, recv_beside(fd, &self->c, 1, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	close(fd);
}

TEST_F(cycle_pending, nor_is_a_socket_that_keeps_the_listener)
{
	EXPECT_EQ(0, send_fd(self->sv[0], self->listener));
	EXPECT_EQ(ELOOP, send_fd(self->client, self->sv[1]));
	EXPECT_EQ(1, recv_beside(self->sv[1], &self->c, 1, 0, &self->b));
	close_fds(&self->b);
	EXPECT_EQ(0, send_fd(self->client, self->sv[1]));
	EXPECT_EQ(ELOOP, send_fd(self->sv[0], self->listener));
}

TEST_F(cycle_pending, accept_of_what_was_sent_to_frees_the_way)
{
	int fd;

	EXPECT_EQ(0, send_fd(self->client, self->sv[1]));
	EXPECT_EQ(ELOOP, send_fd(self->sv[0], self->listener));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, send_fd(self->sv[0], self->listener));
	/* now it is the accepted socket that keeps sv[1] */
	EXPECT_EQ(ELOOP, send_fd(self->sv[0], fd));
	close(fd);
}

TEST_F(cycle_pending, the_client_may_send_itself)
{
	int fd;

	EXPECT_EQ(0, send_fd(self->client, self->client));
	close(self->client);
	self->client = -1;
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, recv_beside(fd, &self->c, 1, 0, &self->b));
	ASSERT_EQ(1, self->b.nr_fds);
	EXPECT_EQ(1, write(self->b.fds[0], "y", 1));
	EXPECT_EQ(1, read(fd, &self->c, 1));
	close_fds(&self->b);
	close(fd);
}

TEST_F(cycle_pending, a_connection_made_after_the_listener_was_sent_counts_too)
{
	int fd;

	EXPECT_EQ(0, send_fd(self->sv[0], self->listener));
	fd = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ELOOP, send_fd(fd, self->sv[1]));
	EXPECT_EQ(ELOOP, send_fd(fd, self->listener));
	close(fd);
}

TEST_F(cycle_pending, two_listeners_do_not_keep_each_other)
{
	int listener, client;

	listener = listening_socket(variant->family, variant->type, OTHER, 8);
	client = connected_socket(variant->family, variant->type, OTHER);
	ASSERT_LE(0, listener);
	ASSERT_LE(0, client);
	EXPECT_EQ(0, send_fd(self->client, listener));
	EXPECT_EQ(ELOOP, send_fd(client, self->listener));
	close(listener);
	close(client);
}

TEST_F(cycle_pending, a_listener_that_is_closed_lets_everything_go)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, send_fd(self->sv[0], p[1]));
	ASSERT_EQ(0, send_fd(self->client, self->sv[1]));
	close(p[1]);
	close(self->sv[1]);
	self->sv[1] = -1;
	close(self->listener);
	self->listener = -1;
	EXPECT_EQ(0, read(p[0], &self->c, 1));
	close(p[0]);
}

TEST_F(cycle_pending, a_listener_in_flight_that_nobody_receives_lets_everything_go)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, send_fd(self->client, p[1]));
	ASSERT_EQ(0, send_fd(self->sv[0], self->listener));
	close(p[1]);
	close(self->listener);
	self->listener = -1;
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_EQ(0, read(p[0], &self->c, 1));
	close(p[0]);
}

/* What a user may have in flight. */

#define LIMIT 64

static ssize_t send_many(int sock, int fd, int n)
{
	int fds[MAX_FDS], i;

	for (i = 0; i < n; i++)
		fds[i] = fd;
	return send_beside(sock, "x", 1, MSG_DONTWAIT, fds, n, NULL);
}

static int limit_descriptors(void)
{
	struct rlimit limit = { LIMIT, LIMIT };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

/* For good: the process ends with the test. */
#define BECOME_SOMEBODY()							\
do {										\
	if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||				\
	    setresuid(SOMEBODY, SOMEBODY, SOMEBODY))				\
		SKIP(return, "to be another user: %s", strerror(errno));	\
	ASSERT_EQ(0, limit_descriptors());					\
} while (0)

TEST_F(cycle, a_user_has_up_to_RLIMIT_NOFILE_descriptors_in_flight)
{
	BECOME_SOMEBODY();
	EXPECT_EQ(1, send_many(self->pair[0][0], STDERR_FILENO, LIMIT - 10));
	EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[0][0], STDERR_FILENO, 11));
	/* in all sockets together */
	EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[1][0], STDERR_FILENO, 11));
	EXPECT_EQ(1, send_many(self->pair[1][0], STDERR_FILENO, 10));
	EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[2][0], STDERR_FILENO, 1));
	/* nothing of what was refused is there */
	EXPECT_EQ(0, poll_now(self->pair[2][1], POLLIN));
	/* data without any still goes */
	EXPECT_EQ(1, send(self->pair[2][0], "x", 1, 0));
}

TEST_F(cycle, what_is_received_or_thrown_away_does_not_count)
{
	int round;

	BECOME_SOMEBODY();
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(1, send_many(self->pair[0][0], STDERR_FILENO, LIMIT / 2));
		EXPECT_EQ(1, send_many(self->pair[1][0], STDERR_FILENO, LIMIT / 2));
		EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[1][0], STDERR_FILENO, 1));
		/* received, peeked at before */
		recv_beside(self->pair[0][1], &self->c, 1, MSG_PEEK, &self->b);
		close_fds(&self->b);
		EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[1][0], STDERR_FILENO, 1));
		EXPECT_LT(0, RELEASE(0));
		EXPECT_EQ(1, send_many(self->pair[2 + round][0], STDERR_FILENO, LIMIT / 2));
		EXPECT_ERROR(ETOOMANYREFS, send_many(self->pair[1][0], STDERR_FILENO, 1));
		/* read without, and closed */
		EXPECT_EQ(1, read(self->pair[1][1], &self->c, 1));
		close(self->pair[2 + round][1]);
		self->pair[2 + round][1] = -1;
	}
}

TEST_F(cycle, what_a_send_is_refused_for_does_not_count)
{
	int fd = STDERR_FILENO, i;

	BECOME_SOMEBODY();
	for (i = 0; i < 2 * LIMIT; i++) {
		ASSERT_EQ(ELOOP, KEEP(0, 0));
		ASSERT_EQ(-1, send_beside(self->pair[0][0], (void *)1, 1, 0, &fd, 1, NULL));
	}
	EXPECT_EQ(1, send_many(self->pair[0][0], STDERR_FILENO, LIMIT));
}

TEST_F(cycle, they_are_the_senders_whoever_receives)
{
	pid_t pid;

	pid = fork_child();
	if (!pid) {
		if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||
		    setresuid(SOMEBODY, SOMEBODY, SOMEBODY))
			_exit(2);
		if (limit_descriptors() ||
		    send_many(self->pair[0][0], STDERR_FILENO, LIMIT) != 1)
			_exit(1);
		_exit(0);
	}
	switch (child_exit(pid)) {
	case 2:
		SKIP(return, "to be another user takes root");
	default:
		ASSERT_TRUE(false);
	case 0:
		break;
	}
	/* the sender is gone, and they are counted still */
	pid = fork_child();
	if (!pid) {
		if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) || limit_descriptors())
			_exit(1);
		send_many(self->pair[1][0], STDERR_FILENO, 1);
		_exit(errno);
	}
	EXPECT_EQ(ETOOMANYREFS, child_exit(pid));
	EXPECT_EQ(LIMIT, RELEASE(0));
	pid = fork_child();
	if (!pid) {
		if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) || limit_descriptors())
			_exit(1);
		_exit(send_many(self->pair[1][0], STDERR_FILENO, LIMIT) != 1);
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(cycle, those_in_AF_UNIX_sockets_are_counted_apart)
{
	int un[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, un));
	BECOME_SOMEBODY();
	EXPECT_EQ(1, send_many(un[0], STDERR_FILENO, LIMIT));
	EXPECT_EQ(1, send_many(self->pair[0][0], STDERR_FILENO, LIMIT));
	close(un[0]);
	close(un[1]);
}

TEST_F(cycle, who_has_the_capability_has_no_limit)
{
	if (geteuid())
		SKIP(return, "this takes root");
	ASSERT_EQ(0, limit_descriptors());
	EXPECT_EQ(1, send_many(self->pair[0][0], STDERR_FILENO, LIMIT + 1));
	EXPECT_EQ(1, send_many(self->pair[1][0], STDERR_FILENO, MAX_FDS));
}

/*
 * That nothing is left: in a network namespace that has no other sockets. Until
 * one is gone for good, a while may pass.
 */
static bool no_socket_is_left(void)
{
	long n;

	while ((n = count_demo_sockets()) > 0)
		usleep(1000);
	return !n;
}

static const int all_types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

/* Each over each other, as far as may be. */
static void send_all_over_all(int pair[][2])
{
	int i;

	for (i = 0; i < 4 * PAIRS * PAIRS; i++)
		send_fd(pair[i / 4 % PAIRS][i / 2 % 2], pair[i / 4 / PAIRS][i % 2]);
}

TEST(everything_is_gone_when_everything_is_closed)
{
	int pair[PAIRS][2], own[2], type, i, listener, client;

	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	for (type = 0; type < 3; type++) {
		for (i = 0; i < PAIRS; i++)
			ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), all_types[type], 0,
						pair[i]));
		send_all_over_all(pair);
		close_pairs(pair);
		EXPECT_TRUE(no_socket_is_left());
		if (all_types[type] == SOCK_DGRAM)
			continue;

		ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), all_types[type], 0, own));
		listener = listening_socket(FAMILY_DEMO, all_types[type], SERVICE, 8);
		client = connected_socket(FAMILY_DEMO, all_types[type], SERVICE);
		ASSERT_LE(0, listener);
		ASSERT_LE(0, client);
		EXPECT_EQ(0, send_fd(client, client));
		EXPECT_EQ(0, send_fd(own[0], listener));
		EXPECT_EQ(ELOOP, send_fd(client, own[1]));
		close(own[0]);
		close(own[1]);
		close(listener);
		close(client);
		EXPECT_TRUE(no_socket_is_left());
	}
}

/* Two calls that meet, and would close a cycle together. */

#define ROUNDS	200

struct crossing {
	int pair[2][2], listener, client, accepted;
	int mine, theirs;		/* 0, or the errno */
};

static void keep_theirs(void *arg)
{
	struct crossing *c = arg;

	c->mine = send_fd(c->pair[0][0], c->pair[1][1]);
}

static void keep_mine(void *arg)
{
	struct crossing *c = arg;

	c->theirs = send_fd(c->pair[1][0], c->pair[0][1]);
}

static void accept_client(void *arg)
{
	struct crossing *c = arg;

	c->accepted = accept(c->listener, NULL, NULL);
	c->mine = c->accepted < 0 ? errno : 0;
}

static void send_listener(void *arg)
{
	struct crossing *c = arg;

	c->theirs = send_fd(c->client, c->listener);
}

TEST_F(cycle, of_two_sends_that_cross_one_is_refused)
{
	struct crossing c = {};
	struct race r;
	char byte;
	int i, n;

	memcpy(c.pair, self->pair, sizeof(c.pair));
	ASSERT_EQ(0, race_begin(&r, ROUNDS, keep_mine, &c));
	while (RACE_GOES_ON(&r)) {
		race(&r, keep_theirs, &c);
		EXPECT_EQ(ELOOP, c.mine + c.theirs);
		for (i = 0; i < 2; i++) {
			n = recv_beside(self->pair[i][1], &byte, 1, 0, &self->b);
			EXPECT_EQ((i ? c.theirs : c.mine) ? -1 : 1, n);
			if (n == 1)
				close_fds(&self->b);
		}
		race_first(&r, !c.mine);
	}
	RACE_END(&r);
}

/* It keeps itself, if it is sent before it lets go of the connection. */
TEST_F(cycle_pending, accept_and_a_send_of_the_listener)
{
	struct crossing c = { .listener = self->listener };
	struct race r;

	close(accept(self->listener, NULL, NULL));
	ASSERT_EQ(0, race_begin(&r, ROUNDS, send_listener, &c));
	while (RACE_GOES_ON(&r)) {
		c.client = connected_socket(variant->family, variant->type, SERVICE);
		ASSERT_LE(0, c.client);
		race(&r, accept_client, &c);
		EXPECT_EQ(0, c.mine);
		if (c.theirs) {
			EXPECT_EQ(ELOOP, c.theirs);
			EXPECT_EQ(0, send_fd(c.client, c.listener));
		}
		EXPECT_EQ(1, recv_beside(c.accepted, &self->c, 1, 0, &self->b));
		EXPECT_EQ(1, self->b.nr_fds);
		close_fds(&self->b);
		close(c.accepted);
		close(c.client);
		race_first(&r, !c.theirs);
	}
	RACE_END(&r);
}

/*
 * Many threads send sockets over sockets, as they find them. Whoever takes a
 * socket out of its place closes it; the others use what they see there, which
 * may be closed under their hands, and be another one then.
 */
#define THREADS		6
#define PLACES		16
#define SERVICES	2

struct stress {
	enum family family;
	int places[PLACES];
	long turns;
	struct address services[2][SERVICES];
	long sent, received, eloop, etoomanyrefs;
};

struct stress_thread {
	struct stress *all;
	unsigned int seed;
	pthread_t thread;
};

static unsigned int dice(struct stress_thread *t, unsigned int sides)
{
	return random_below(&t->seed, sides);
}

static int *some_place(struct stress_thread *t)
{
	return &t->all->places[dice(t, PLACES)];
}

static int some_socket(struct stress_thread *t)
{
	return __atomic_load_n(some_place(t), __ATOMIC_RELAXED);
}

/* Into some place. What was there is closed. */
static void stress_put(struct stress_thread *t, int fd)
{
	fd = __atomic_exchange_n(some_place(t), fd, __ATOMIC_ACQ_REL);
	if (fd >= 0)
		close(fd);
}

static void stress_new(struct stress_thread *t)
{
	int family = family_number(t->all->family), type = dice(t, 3), sv[2], fd;
	struct address *a;

	if (dice(t, 2)) {
		if (!socketpair(family, all_types[type] | SOCK_NONBLOCK, 0, sv)) {
			stress_put(t, sv[0]);
			stress_put(t, sv[1]);
		}
		return;
	}
	type = dice(t, 2);
	a = &t->all->services[type][dice(t, SERVICES)];
	fd = socket(family, all_types[type] | SOCK_NONBLOCK, 0);
	if (fd >= 0 && dice(t, 2)) {
		if (!bind_to(fd, a))
			listen(fd, 4);
	} else if (fd >= 0) {
		connect_to(fd, a);
	}
	if (fd >= 0)
		stress_put(t, fd);
}

static void stress_send(struct stress_thread *t)
{
	int fds[3], n = 1 + dice(t, 3), i, used = 0;

	for (i = 0; i < n; i++) {
		fds[used] = some_socket(t);
		used += fds[used] >= 0;
	}
	if (send_beside(some_socket(t), "xyz", 1 + dice(t, 3), MSG_DONTWAIT, fds, used,
			NULL) > 0)
		__atomic_add_fetch(&t->all->sent, used, __ATOMIC_RELAXED);
	else if (errno == ELOOP)
		__atomic_add_fetch(&t->all->eloop, 1, __ATOMIC_RELAXED);
	else if (errno == ETOOMANYREFS)
		__atomic_add_fetch(&t->all->etoomanyrefs, 1, __ATOMIC_RELAXED);
}

static void stress_recv(struct stress_thread *t)
{
	struct beside b;
	char buf[4];

	if (recv_beside(some_socket(t), buf, sizeof(buf), dice(t, 4) ? 0 : MSG_PEEK,
			&b) < 0)
		return;
	__atomic_add_fetch(&t->all->received, b.nr_fds, __ATOMIC_RELAXED);
	while (b.nr_fds)
		stress_put(t, b.fds[--b.nr_fds]);
}

static void *stress_run(void *arg)
{
	struct stress_thread *t = arg;
	long i;
	int fd;

	for (i = 0; i < t->all->turns; i++) {
		switch (dice(t, 16)) {
		case 0:
			stress_put(t, -1);
			break;
		case 1:
			stress_new(t);
			break;
		case 2:
			fd = accept4(some_socket(t), NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0)
				stress_put(t, fd);
			break;
		case 3 ... 5:
			stress_recv(t);
			break;
		default:
			stress_send(t);
		}
	}
	return NULL;
}

TEST(many_threads_that_try_come_to_no_cycle)
{
	struct stress all = { .family = FAMILY_DEMO };
	struct stress_thread threads[THREADS];
	int i, j, before;

	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	all.turns = is_debug_kernel() ? 2000 : 20000;
	for (i = 0; i < 2; i++)
		for (j = 0; j < SERVICES; j++)
			all.services[i][j] = address(FAMILY_DEMO, i * SERVICES + j);
	for (i = 0; i < PLACES; i++)
		all.places[i] = -1;
	before = count_fds();
	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct stress_thread){ .all = &all, .seed = test_seed(i) };
		ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, stress_run,
					    &threads[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i].thread, NULL);
	for (i = 0; i < PLACES; i++)
		if (all.places[i] >= 0)
			close(all.places[i]);

	TELL("%ld descriptors sent, %ld received, %ld times ELOOP, %ld ETOOMANYREFS",
	     all.sent, all.received, all.eloop, all.etoomanyrefs);
	EXPECT_LT(0, all.sent);
	EXPECT_LT(0, all.received);
	EXPECT_LT(0, all.eloop);
	EXPECT_LT(0, all.etoomanyrefs);
	EXPECT_EQ(before, count_fds());
	EXPECT_TRUE(no_socket_is_left());
}

TEST_HARNESS_MAIN
