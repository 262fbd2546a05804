// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll, which learns of a change only by being woken: each publication, each
 * new room and each end must wake those who watch, also those who did not look
 * since the last time.
 */
#include <sys/epoll.h>

#include "demo_test.h"

/* A new epoll that watches one descriptor; -1 on errors. */
static int watch(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) {
		close(ep);
		return -1;
	}
	return ep;
}

/* The events an epoll of one descriptor has; 0: none. */
static int events_within(int ep, int timeout)
{
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, timeout);

	return n <= 0 ? n : (int)e.events;
}

static int events_now(int ep)
{
	return events_within(ep, 0);
}

BACKGROUND(epoll, events_within(b->fd, -1))

FIXTURE_PAIR(epoll, VARIANTS_ALL)

TEST_F(epoll, level_triggered_it_tells_of_data_until_the_last_is_read)
{
	int ep = watch(self->sv[1], EPOLLIN);
	char c;

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, events_now(ep));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	EXPECT_EQ(0, events_now(ep));
}

TEST_F(epoll, edge_triggered_it_tells_once_of_each_publication)
{
	int ep = watch(self->sv[1], EPOLLIN | EPOLLET);
	int i;

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, events_now(ep));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		ASSERT_EQ(EPOLLIN, events_now(ep)) {
			TH_LOG("publication %d, nothing read so far", i);
		}
		ASSERT_EQ(0, events_now(ep));
	}
}

TEST_F(epoll, edge_triggered_it_tells_of_data_that_joins_what_was_read_in_part)
{
	int ep = watch(self->sv[1], EPOLLIN | EPOLLET);
	char buf[10];
	int i;

	ASSERT_GE(ep, 0);
	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(5, recv(self->sv[1], buf, 5, 0));
		ASSERT_EQ(0, events_now(ep));
		ASSERT_EQ(5, send(self->sv[0], "56789", 5, 0));
		ASSERT_EQ(EPOLLIN, events_now(ep));
	}
}

TEST_F(epoll, edge_triggered_it_tells_of_each_of_many_sizes)
{
	static const size_t sizes[] = { 1, 2000, 1, 4096, 1, 10000, 40000, 1, 64 };
	int ep = watch(self->sv[1], EPOLLIN | EPOLLET);
	static char buf[40000];
	size_t i;

	ASSERT_GE(ep, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ((ssize_t)sizes[i], send(self->sv[0], buf, sizes[i], MSG_DONTWAIT));
		ASSERT_EQ(EPOLLIN, events_now(ep));
		ASSERT_EQ(0, events_now(ep));
	}
}

TEST_F(epoll, edge_triggered_it_tells_of_what_was_there_before)
{
	int ep;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ep = watch(self->sv[1], EPOLLIN | EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLIN | EPOLLOUT, events_now(ep));
	EXPECT_EQ(0, events_now(ep));
}

TEST_F(epoll, edge_triggered_it_tells_of_room_after_each_drain)
{
	int ep, round;

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ep = watch(self->sv[0], EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, events_now(ep));
		ASSERT_LT(0, recv_until_empty(self->sv[1]));
		EXPECT_EQ(EPOLLOUT, events_now(ep));
		EXPECT_EQ(0, events_now(ep));
		ASSERT_LT(0, send_until_full(self->sv[0]));
	}
}

TEST_F(epoll, a_sleeper_wakes_for_data_and_for_room)
{
	struct background in = { .fd = watch(self->sv[1], EPOLLIN | EPOLLET) };
	struct background out = { .fd = -1 };

	ASSERT_GE(in.fd, 0);
	ASSERT_EQ(0, background_epoll(&in));
	ASSERT_TRUE(background_sleeps(&in));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(EPOLLIN, background_end(&in));

	ASSERT_LT(0, send_until_full(self->sv[0]));
	out.fd = watch(self->sv[0], EPOLLOUT | EPOLLET);
	ASSERT_GE(out.fd, 0);
	ASSERT_EQ(0, background_epoll(&out));
	ASSERT_TRUE(background_sleeps(&out));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(EPOLLOUT, background_end(&out));
}

TEST_F(epoll, once_told_oneshot_is_silent_until_it_is_armed_again)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = watch(self->sv[1], EPOLLIN | EPOLLONESHOT);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	EXPECT_EQ(0, events_now(ep));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->sv[1], &e));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	EXPECT_EQ(0, events_now(ep));
}

/* Start watchers that each sleep on an epoll of their own. */
#define WATCHERS	4

static bool start_watchers(struct background *b, int fd)
{
	int i;

	for (i = 0; i < WATCHERS; i++) {
		b[i].fd = watch(fd, EPOLLIN | EPOLLEXCLUSIVE);
		if (b[i].fd < 0 || background_epoll(&b[i]))
			return false;
	}
	for (i = 0; i < WATCHERS; i++)
		if (!background_sleeps(&b[i]))
			return false;
	return true;
}

/*
 * How many of them have returned, those included that were woken but did not
 * run yet: they are runnable, and background_sleeps() waits for their end.
 */
static int watchers_woken(struct background *b)
{
	int i, n = 0;

	for (i = 0; i < WATCHERS; i++)
		n += !background_sleeps(&b[i]);
	return n;
}

TEST_F(epoll, exclusive_watchers_wake_one_for_each_message)
{
	struct background b[WATCHERS] = { 0 };
	int i;

	ASSERT_TRUE(start_watchers(b, self->sv[1]));
	for (i = 1; i <= WATCHERS; i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		EXPECT_EQ(i, watchers_woken(b));
		ASSERT_EQ(1, recv_until_empty(self->sv[1]));
	}
	for (i = 0; i < WATCHERS; i++)
		EXPECT_EQ(EPOLLIN, background_end(&b[i]));
}

TEST_F(epoll, an_epoll_in_an_epoll_passes_events_on)
{
	int inner = watch(self->sv[1], EPOLLIN | EPOLLET);
	int outer = watch(inner, EPOLLIN);
	struct background b = { .fd = outer };

	ASSERT_GE(inner, 0);
	ASSERT_GE(outer, 0);
	EXPECT_EQ(0, events_now(outer));
	ASSERT_EQ(0, background_epoll(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(EPOLLIN, background_end(&b));
	EXPECT_EQ(EPOLLIN, events_now(inner));
	EXPECT_EQ(0, events_now(outer));
}

TEST_F(epoll, a_socket_is_watched_until_its_last_descriptor_is_closed)
{
	int ep = watch(self->sv[1], EPOLLIN);
	int copy = dup(self->sv[1]);
	struct epoll_event e;

	ASSERT_GE(ep, 0);
	ASSERT_GE(copy, 0);
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[1]));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_EQ(0, close(copy));
	EXPECT_EQ(0, events_now(ep));
	EXPECT_ERROR(EBADF, epoll_ctl(ep, EPOLL_CTL_DEL, copy, &e));
}

TEST_F(epoll, a_socket_taken_out_is_not_watched)
{
	int ep = watch(self->sv[1], EPOLLIN);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_DEL, self->sv[1], NULL));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(0, events_now(ep));
}

FIXTURE(epoll_connection) {
	int listener;
	int sv[2];
};

FIXTURE_VARIANT(epoll_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(epoll_connection);

FIXTURE_SETUP(epoll_connection)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	self->listener = listening_socket(variant->family, variant->type, 1, 8);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(epoll_connection)
{
	close(self->listener);
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(epoll_connection, edge_triggered_it_tells_once_of_each_new_connection)
{
	int ep = watch(self->listener, EPOLLIN | EPOLLET);
	int i;

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, events_now(ep));
	for (i = 0; i < 4; i++) {
		ASSERT_GE(connected_socket(variant->family, variant->type, 1), 0);
		EXPECT_EQ(EPOLLIN, events_now(ep));
		EXPECT_EQ(0, events_now(ep));
	}
}

TEST_F(epoll_connection, exclusive_watchers_of_a_listener_wake_one_for_each_connection)
{
	struct background b[WATCHERS] = { 0 };
	int i;

	ASSERT_TRUE(start_watchers(b, self->listener));
	for (i = 1; i <= WATCHERS; i++) {
		ASSERT_GE(connected_socket(variant->family, variant->type, 1), 0);
		EXPECT_EQ(i, watchers_woken(b));
		ASSERT_GE(accept(self->listener, NULL, NULL), 0);
	}
	for (i = 0; i < WATCHERS; i++)
		EXPECT_EQ(EPOLLIN, background_end(&b[i]));
}

TEST_F(epoll_connection, all_exclusive_watchers_wake_at_the_end)
{
	struct background b[WATCHERS] = { 0 };
	int i;

	ASSERT_TRUE(start_watchers(b, self->sv[1]));
	ASSERT_EQ(0, close(self->sv[0]));
	for (i = 0; i < WATCHERS; i++)
		EXPECT_EQ(EPOLLIN | EPOLLHUP, background_end(&b[i]));
}

TEST_F(epoll_connection, edge_triggered_it_tells_of_each_step_to_the_end)
{
	int ep = watch(self->sv[1], EPOLLIN | EPOLLRDHUP | EPOLLET);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(EPOLLIN, events_now(ep));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, events_now(ep));
	EXPECT_EQ(0, events_now(ep));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, events_now(ep));
	EXPECT_EQ(0, events_now(ep));
}

TEST_F(epoll_connection, edge_triggered_it_tells_of_a_reset)
{
	int ep = watch(self->sv[1], EPOLLET);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(1, send(self->sv[1], "a", 1, 0));
	EXPECT_EQ(0, events_now(ep));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, events_now(ep));
}

FIXTURE(epoll_dgram) {
	int receiver;
	int sender;
};

FIXTURE_VARIANT(epoll_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(epoll_dgram);

FIXTURE_SETUP(epoll_dgram)
{
	NEED_FAMILY(variant->family);
	self->receiver = bound_socket(variant->family, SOCK_DGRAM, 1);
	ASSERT_GE(self->receiver, 0);
	/* So that it is full before its sender has used up its own room. */
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 4096));
	self->sender = connected_socket(variant->family, SOCK_DGRAM, 1);
	ASSERT_GE(self->sender, 0);
}

FIXTURE_TEARDOWN(epoll_dgram)
{
	close(self->receiver);
	close(self->sender);
}

TEST_F(epoll_dgram, edge_triggered_it_tells_of_room_in_the_receiver)
{
	int ep, round;

	ASSERT_LT(0, send_until_full(self->sender));
	ep = watch(self->sender, EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, events_now(ep));
		ASSERT_LT(0, recv_until_empty(self->receiver));
		EXPECT_EQ(EPOLLOUT, events_now(ep));
		ASSERT_LT(0, send_until_full(self->sender));
	}
}

TEST_F(epoll_dgram, edge_triggered_it_tells_of_the_end_of_a_full_receiver)
{
	int ep;

	ASSERT_LT(0, send_until_full(self->sender));
	ep = watch(self->sender, EPOLLOUT | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, events_now(ep));
	ASSERT_EQ(0, close(self->receiver));
	EXPECT_EQ(EPOLLOUT, events_now(ep));
	EXPECT_ERROR(ECONNREFUSED, send(self->sender, "a", 1, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
