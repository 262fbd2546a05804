// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals for whoever does not want to poll: O_ASYNC with F_SETOWN and F_SETSIG
 * tells of data, of room, of a connection and of the end.
 */
#include "demo_test.h"

/* Queued, so that each event has one of its own; and with the event in it. */
#define EVENT_SIGNAL	(SIGRTMIN + 1)

static int watch(int fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, EVENT_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) ||
	    fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, EVENT_SIGNAL))
		return -1;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}

/* The next event that was told: POLL_IN, …; 0: none. */
static int next_event(siginfo_t *info)
{
	struct timespec now = { 0 };
	sigset_t set;

	memset(info, 0, sizeof(*info));
	sigemptyset(&set);
	sigaddset(&set, EVENT_SIGNAL);
	if (sigtimedwait(&set, info, &now) != EVENT_SIGNAL)
		return 0;
	return info->si_code;
}

#define EXPECT_NO_EVENT()							\
do {										\
	siginfo_t info;								\
										\
	EXPECT_EQ(0, next_event(&info));					\
} while (0)

/* Exactly one event is waiting: this one, of this descriptor. */
#define EXPECT_EVENT(code, band, fd)						\
do {										\
	siginfo_t info;								\
										\
	EXPECT_EQ(code, next_event(&info));					\
	EXPECT_EQ(band, (int)info.si_band);					\
	EXPECT_EQ(fd, info.si_fd);						\
	EXPECT_NO_EVENT();							\
} while (0)

#define EXPECT_IN(fd)	EXPECT_EVENT(POLL_IN, POLLIN | POLLRDNORM, fd)
#define EXPECT_OUT(fd)	EXPECT_EVENT(POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND, fd)
#define EXPECT_HUP(fd)	EXPECT_EVENT(POLL_HUP, POLLHUP | POLLERR, fd)
#define EXPECT_ERR(fd)	EXPECT_EVENT(POLL_ERR, POLLERR, fd)

FIXTURE_PAIR(sigio, VARIANTS_ALL)

TEST_F(sigio, it_tells_of_each_publication_read_or_not)
{
	int i;

	ASSERT_EQ(0, watch(self->sv[1]));
	EXPECT_NO_EVENT();
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		EXPECT_IN(self->sv[1]);
	}
	ASSERT_EQ(1, recv(self->sv[1], self->buf, 1, 0));
	EXPECT_NO_EVENT();
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_IN(self->sv[1]);
}

TEST_F(sigio, it_tells_of_room_after_a_send_has_met_none)
{
	int round;

	ASSERT_EQ(0, watch(self->sv[0]));
	for (round = 0; round < 3; round++) {
		ASSERT_LT(0, send_until_full(self->sv[0]));
		EXPECT_NO_EVENT();
		ASSERT_LT(0, recv_until_empty(self->sv[1]));
		EXPECT_OUT(self->sv[0]);
	}
}

TEST_F(sigio, without_a_signal_of_its_own_it_is_sigio)
{
	struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETFL, O_RDWR | O_ASYNC));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &now));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &now));
}

TEST_F(sigio, it_ends_with_o_async)
{
	ASSERT_EQ(0, watch(self->sv[1]));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETFL, O_RDWR));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_NO_EVENT();
}

TEST_F(sigio, fioasync_does_the_same_as_o_async)
{
	int on = 1, off = 0;

	ASSERT_EQ(0, watch(self->sv[1]));
	ASSERT_EQ(0, ioctl(self->sv[1], FIOASYNC, &off));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_NO_EVENT();
	ASSERT_EQ(0, ioctl(self->sv[1], FIOASYNC, &on));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_IN(self->sv[1]);
}

TEST_F(sigio, it_goes_to_its_owner)
{
	int go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, watch(self->sv[1]));
	pid = fork_child();
	if (!pid) {
		siginfo_t info;

		close(go[1]);
		_exit(read(go[0], &c, 1) == 0 && next_event(&info) == POLL_IN ? 1 : 0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETOWN, pid));
	EXPECT_EQ(pid, fcntl(self->sv[1], F_GETOWN));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_NO_EVENT();
	ASSERT_EQ(0, close(go[1]));
	EXPECT_EQ(1, child_exit(pid));
}

FIXTURE_PAIR(sigio_connection, VARIANTS_CONNECTION)

TEST_F(sigio_connection, it_tells_of_each_connection)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int i;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, watch(listener));
	for (i = 0; i < 4; i++) {
		ASSERT_GE(connected_socket(variant->family, variant->type, 1), 0);
		EXPECT_IN(listener);
	}
	ASSERT_GE(accept(listener, NULL, NULL), 0);
	EXPECT_NO_EVENT();
}

TEST_F(sigio_connection, an_accepted_socket_starts_without_it)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, watch(listener));
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	EXPECT_IN(listener);
	ASSERT_GE(accept(listener, NULL, NULL), 0);
	ASSERT_EQ(1, send(fd, "a", 1, 0));
	EXPECT_NO_EVENT();
}

TEST_F(sigio_connection, it_tells_that_the_peer_hung_up)
{
	ASSERT_EQ(0, watch(self->sv[1]));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_HUP(self->sv[1]);
}

TEST_F(sigio_connection, it_tells_that_a_listener_closed_before_it_accepted)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, watch(fd));
	ASSERT_EQ(0, close(listener));
	EXPECT_HUP(fd);
}

TEST_F(sigio_connection, it_tells_the_end_of_the_peers_writing_as_data_and_of_both_as_a_hang_up)
{
	ASSERT_EQ(0, watch(self->sv[1]));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_NO_EVENT();
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_IN(self->sv[1]);
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_HUP(self->sv[1]);
}

FIXTURE_PAIR(sigio_dgram, VARIANTS_DGRAM)

TEST_F(sigio_dgram, it_tells_of_messages_lost_by_a_peer_that_disconnects)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, watch(self->sv[0]));
	ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
	EXPECT_ERR(self->sv[0]);
}

TEST_F(sigio_dgram, it_does_not_tell_of_a_peer_that_closes)
{
	ASSERT_EQ(0, watch(self->sv[1]));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_NO_EVENT();
}

TEST_HARNESS_MAIN
