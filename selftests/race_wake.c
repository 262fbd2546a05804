// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is about to wait while what it waits for happens: it sees that, or is
 * woken. A wake-up that is lost is a call that does not return.
 */
#include "race.h"

#define ROUNDS	60

enum { SERVICE, OTHER };		/* addresses of a test */

/* sv[0] is who waits, sv[1] the other, and sv[2] a third. -1: closed. */
struct wake {
	enum family family;
	int type;
	int sv[3];
	struct address service, other;
	int result;		/* of the call, or its events; -errno */
	int flags;
	short events;
	pthread_t first;	/* of two who wait */
	void (*happen)(struct wake *w);
};

/* What waits. */

static void wait_recv(void *arg)
{
	struct wake *w = arg;
	char c;

	w->result = recv(w->sv[0], &c, 1, w->flags);
	if (w->result < 0)
		w->result = -errno;
}

static void wait_poll(void *arg)
{
	struct wake *w = arg;
	struct pollfd p = { .fd = w->sv[0], .events = w->events };

	w->result = poll(&p, 1, -1) == 1 ? p.revents : -errno;
}

/*
 * Whatever of a reset wakes it, room to write too, it is told of the reset.
 * (AF_UNIX looks for room last, and may say that alone.)
 */
static void wait_reset(void *arg)
{
	struct wake *w = arg;

	wait_poll(arg);
	if (w->family == FAMILY_UNIX && w->result > 0)
		w->result = POLLERR;
}

/* One that is no listener yet is hung up, and its poll() does not wait. */
static void wait_poll_as_listener(void *arg)
{
	struct wake *w = arg;

	do
		wait_poll(arg);
	while (w->result > 0 && !(w->result & POLLIN) && !sched_yield());
}

/* Does not wait. */
static void look(void *arg)
{
	struct wake *w = arg;

	w->result = poll_now(w->sv[0], w->events);
}

static void wait_send(void *arg)
{
	struct wake *w = arg;

	w->result = send(w->sv[0], "x", 1, MSG_NOSIGNAL);
	if (w->result < 0)
		w->result = -errno;
}

static void wait_accept(void *arg)
{
	struct wake *w = arg;
	int fd = accept4(w->sv[0], NULL, NULL, SOCK_CLOEXEC);

	w->result = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
}

static void wait_connect(void *arg)
{
	struct wake *w = arg;

	w->result = connect_to(w->sv[0], &w->service) ? -errno : 0;
}

/* What happens. */

static void close_waker(struct wake *w, int end)
{
	if (w->sv[end] >= 0)
		close(w->sv[end]);
	w->sv[end] = -1;
}

static void close_wakers(struct wake *w)
{
	int i;

	for (i = 0; i < 3; i++)
		close_waker(w, i);
}

static void peer_sends(struct wake *w)
{
	send(w->sv[1], "x", 1, MSG_NOSIGNAL);
}

static void peer_closes(struct wake *w)
{
	close_waker(w, 1);
}

static void peer_stops_writing(struct wake *w)
{
	shutdown(w->sv[1], SHUT_WR);
}

static void peer_stops_reading(struct wake *w)
{
	shutdown(w->sv[1], SHUT_RD);
}

static void own_reading_stops(struct wake *w)
{
	shutdown(w->sv[0], SHUT_RD);
}

static void own_writing_stops(struct wake *w)
{
	shutdown(w->sv[0], SHUT_WR);
}

static void peer_reads_all(struct wake *w)
{
	recv_until_empty(w->sv[1]);
}

/* As long as somebody takes to get up and lie down again, more or less. */
static void take_some_time(void)
{
	static unsigned int seed;

	if (!seed)
		seed = test_seed(3);
	race_spin(random_below(&seed, 1u << random_below(&seed, 18)));
}

static void connects_to_other(struct wake *w)
{
	connect_to(w->sv[0], &w->other);
}

static void disconnects(struct wake *w)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	connect(w->sv[0], &none, sizeof(none));
}

static void connects_to_other_which_reads_all(struct wake *w)
{
	connects_to_other(w);
	take_some_time();
	recv_until_empty(w->sv[2]);
}

static void leaves_the_peer_until_that_reads_all(struct wake *w)
{
	connects_to_other(w);
	take_some_time();
	recv_until_empty(w->sv[1]);
	connect_to(w->sv[0], &w->service);
}

static void client_connects(struct wake *w)
{
	int fd = unbound_socket(w->family, w->type);

	connect_to(fd, &w->service);
	close(fd);
}

static void listens(struct wake *w)
{
	listen(w->sv[0], 8);
}

static void listens_and_a_client_connects(struct wake *w)
{
	listens(w);
	take_some_time();
	client_connects(w);
}

static void listener_accepts(struct wake *w)
{
	close(accept(w->sv[1], NULL, NULL));
}

static void listener_listens_for_more(struct wake *w)
{
	listen(w->sv[1], 8);
}

static void first_is_interrupted(struct wake *w)
{
	pthread_kill(w->first, SIGUSR1);
}

static void happen(void *arg)
{
	struct wake *w = arg;

	w->happen(w);
}

static int to_read(struct wake *w)
{
	return socketpair(family_number(w->family), w->type | SOCK_CLOEXEC, 0, w->sv);
}

/* Full, so that nothing can be sent. */
static int to_write(struct wake *w)
{
	if (to_read(w) || set_number(w->sv[0], SO_SNDBUF, 0))
		return -1;
	return send_until_full(w->sv[0]) > 0 ? 0 : -1;
}

/* A receiver of datagrams without room. */
static int full_receiver(struct wake *w, unsigned int n)
{
	int fd = bound_socket(w->family, SOCK_DGRAM, n), sender;

	if (fd < 0 || set_number(fd, SO_RCVBUF, 0))
		return -1;
	sender = connected_socket(w->family, SOCK_DGRAM, n);
	return sender >= 0 && send_until_full(sender) > 0 && !close(sender) ? fd : -1;
}

/* The receiver of datagrams has no room; the sender has. */
static int to_send_to(struct wake *w)
{
	w->sv[1] = full_receiver(w, SERVICE);
	w->sv[0] = connected_socket(w->family, SOCK_DGRAM, SERVICE);
	return w->sv[0] >= 0 && w->sv[1] >= 0 ? 0 : -1;
}

/* and there is another one, with room or without. */
static int to_send_to_either(struct wake *w)
{
	w->sv[2] = bound_socket(w->family, SOCK_DGRAM, OTHER);
	return w->sv[2] < 0 ? -1 : to_send_to(w);
}

static int to_send_to_either_full(struct wake *w)
{
	w->sv[2] = full_receiver(w, OTHER);
	return w->sv[2] < 0 ? -1 : to_send_to(w);
}

static int to_listen(struct wake *w)
{
	w->sv[0] = bound_socket(w->family, w->type, SERVICE);
	return w->sv[0] < 0 ? -1 : 0;
}

static int to_accept(struct wake *w)
{
	w->sv[0] = listening_socket(w->family, w->type, SERVICE, 8);
	return w->sv[0] < 0 ? -1 : 0;
}

/* With a full backlog. */
static int to_connect(struct wake *w)
{
	int fd;

	w->sv[1] = listening_socket(w->family, w->type, SERVICE, 0);
	w->sv[0] = unbound_socket(w->family, w->type);
	fd = connected_socket(w->family, w->type, SERVICE);
	close(fd);
	return w->sv[1] >= 0 && w->sv[0] >= 0 && fd >= 0 ? 0 : -1;
}

/* Somebody who waits, and what happens to him, over VARIANTS_*. */
#define FIXTURE_WAKE(fixture, VARIANTS)						\
	FIXTURE(fixture) {							\
		struct race_baseline baseline;					\
		struct race race;						\
		struct wake w;							\
	};									\
	FIXTURE_VARIANT(fixture) {						\
		enum family family;						\
		int type;							\
	};									\
	VARIANTS(fixture);							\
	FIXTURE_SETUP(fixture)							\
	{									\
		NEED_FAMILY(variant->family);					\
		NEED_OWN_NETWORK();						\
		self->w = (struct wake){					\
			.family = variant->family, .type = variant->type, .sv = { -1, -1, -1 }, \
			.service = address(variant->family, SERVICE),		\
			.other = address(variant->family, OTHER),		\
		};								\
		race_baseline(&self->baseline);					\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		close_wakers(&self->w);						\
		EXPECT_BASELINE(&self->baseline, variant->family);		\
	}

FIXTURE_WAKE(wake, VARIANTS_ALL)

/*
 * Rounds of each of what may happen; each is expected to make the call return
 * this, or these events among others.
 */
#define EXPECT_WAKE(w, prepare, wait, what, expected)				\
do {										\
	int want = (expected);							\
										\
	(w)->happen = what;							\
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, happen, w));		\
	while (RACE_GOES_ON(&self->race)) {					\
		ASSERT_EQ(0, prepare(w));					\
		race(&self->race, wait, w);					\
		if ((w)->events) {						\
			(w)->result &= want;					\
			/* It can be seen still. */				\
			EXPECT_EQ(want, poll_now((w)->sv[0], (w)->events) & want); \
		}								\
		EXPECT_EQ(want, (w)->result) {					\
			TH_LOG(#wait " and " #what ", round %d", self->race.begun); \
		}								\
		close_wakers(w);						\
	}									\
	RACE_END(&self->race);							\
} while (0)

TEST_F(wake, recv)
{
	struct wake *w = &self->w;

	EXPECT_WAKE(w, to_read, wait_recv, peer_sends, 1);
	EXPECT_WAKE(w, to_read, wait_recv, own_reading_stops, 0);
	if (variant->type == SOCK_DGRAM)
		return;
	EXPECT_WAKE(w, to_read, wait_recv, peer_closes, 0);
	EXPECT_WAKE(w, to_read, wait_recv, peer_stops_writing, 0);
}

TEST_F(wake, recv_that_only_looks)
{
	struct wake *w = &self->w;

	w->flags = MSG_PEEK;
	EXPECT_WAKE(w, to_read, wait_recv, peer_sends, 1);
	EXPECT_WAKE(w, to_read, wait_recv, own_reading_stops, 0);
	if (variant->type == SOCK_DGRAM)
		return;
	EXPECT_WAKE(w, to_read, wait_recv, peer_closes, 0);
	EXPECT_WAKE(w, to_read, wait_recv, peer_stops_writing, 0);
}

TEST_F(wake, poll_to_read)
{
	struct wake *w = &self->w;

	w->events = POLLIN | POLLRDHUP;
	EXPECT_WAKE(w, to_read, wait_poll, peer_sends, POLLIN);
	EXPECT_WAKE(w, to_read, wait_poll, own_reading_stops, POLLIN | POLLRDHUP);
	if (variant->type == SOCK_DGRAM)
		return;
	EXPECT_WAKE(w, to_read, wait_poll, peer_closes, POLLIN | POLLRDHUP | POLLHUP);
	EXPECT_WAKE(w, to_read, wait_poll, peer_stops_writing, POLLIN | POLLRDHUP);
}

TEST_F(wake, send)
{
	struct wake *w = &self->w;

	EXPECT_WAKE(w, to_write, wait_send, peer_reads_all, 1);
	EXPECT_WAKE(w, to_write, wait_send, own_writing_stops, -EPIPE);
	if (variant->type == SOCK_DGRAM)
		return;
	EXPECT_WAKE(w, to_write, wait_send, peer_stops_reading, -EPIPE);
}

/* What it threw away is a reset, which a send of records tells, and then not. */
TEST_F(wake, send_to_one_that_closes)
{
	struct wake *w = &self->w;

	w->happen = peer_closes;
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, happen, w));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, to_write(w));
		race(&self->race, wait_send, w);
		if (variant->type == SOCK_DGRAM) {
			EXPECT_EQ(-ECONNREFUSED, w->result);
		} else if (w->result != -EPIPE) {
			EXPECT_EQ(-ECONNRESET, w->result);
		}
		close_waker(w, 0);
	}
	RACE_END(&self->race);
}

TEST_F(wake, poll_to_write)
{
	struct wake *w = &self->w;

	w->events = POLLOUT;
	EXPECT_WAKE(w, to_write, wait_poll, peer_reads_all, POLLOUT);
	if (variant->type == SOCK_DGRAM)
		return;
	EXPECT_WAKE(w, to_write, wait_reset, peer_closes, POLLERR);
}

/* Many senders to one receiver wait for room there. */
FIXTURE_WAKE(wake_dgram, VARIANTS_DGRAM)

TEST_F(wake_dgram, send_to_a_receiver_without_room)
{
	struct wake *w = &self->w;

	EXPECT_WAKE(w, to_send_to, wait_send, peer_reads_all, 1);
	EXPECT_WAKE(w, to_send_to, wait_send, peer_closes, -ECONNREFUSED);
	/* AF_UNIX lets it wait on. */
	if (variant->family == FAMILY_DEMO)
		EXPECT_WAKE(w, to_send_to, wait_send, peer_stops_reading, -EPIPE);
}

TEST_F(wake_dgram, poll_to_send_to_a_receiver_without_room)
{
	struct wake *w = &self->w;

	w->events = POLLOUT;
	EXPECT_WAKE(w, to_send_to, wait_poll, peer_reads_all, POLLOUT);
	EXPECT_WAKE(w, to_send_to, wait_poll, peer_closes, POLLOUT);
}

/* Its peer is another one, or nobody, and what it waits for is there. */
TEST_F(wake_dgram, poll_to_send_and_a_connect_to_another)
{
	struct wake *w = &self->w;

	w->events = POLLOUT;
	EXPECT_WAKE(w, to_send_to_either, wait_poll, connects_to_other, POLLOUT);
	EXPECT_WAKE(w, to_send_to, wait_poll, disconnects, POLLOUT);
	EXPECT_WAKE(w, to_send_to_either_full, wait_poll, connects_to_other_which_reads_all,
		    POLLOUT);
	EXPECT_WAKE(w, to_send_to_either_full, wait_poll, leaves_the_peer_until_that_reads_all,
		    POLLOUT);
}

/* From one without room to another: there is none at any time, until the new one has. */
TEST_F(wake_dgram, a_look_for_room_and_a_connect_to_another)
{
	struct wake *w = &self->w;

	w->events = POLLOUT;
	w->happen = connects_to_other;
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, happen, w));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, to_send_to_either_full(w));
		race(&self->race, look, w);
		EXPECT_EQ(0, w->result);
		EXPECT_EQ(0, poll_now(w->sv[0], POLLOUT));
		recv_until_empty(w->sv[1]);
		EXPECT_EQ(0, poll_now(w->sv[0], POLLOUT));
		recv_until_empty(w->sv[2]);
		EXPECT_EQ(POLLOUT, poll_now(w->sv[0], POLLOUT));
		close_wakers(w);
	}
	RACE_END(&self->race);
}

/* Listeners. */
FIXTURE_WAKE(wake_connection, VARIANTS_CONNECTION)

TEST_F(wake_connection, accept)
{
	struct wake *w = &self->w;

	EXPECT_WAKE(w, to_accept, wait_accept, client_connects, 0);
	EXPECT_WAKE(w, to_accept, wait_accept, own_reading_stops, -EINVAL);
}

/* Who is interrupted takes its time to get up. */
static void connects_by_then(void *arg)
{
	struct wake *w = arg;

	take_some_time();
	connect_to(w->sv[1], &w->service);
}

static void heed(int signal)
{
}

/* Of two, the first gives up just as a connection comes: the other gets it. */
TEST_F(wake_connection, accept_of_two_of_whom_one_is_interrupted)
{
	struct sigaction action = { .sa_handler = heed }, old;
	struct background waits[2];
	struct wake *w = &self->w;
	int i, fd;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, &old));
	w->happen = first_is_interrupted;
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, happen, w));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, to_accept(w));
		for (i = 0; i < 2; i++) {
			waits[i] = (struct background){ .fd = w->sv[0] };
			ASSERT_EQ(0, background_accept(&waits[i]));
			ASSERT_TRUE(background_sleeps(&waits[i]));
		}
		w->sv[1] = unbound_socket(variant->family, variant->type);
		w->first = waits[0].thread;
		race(&self->race, connects_by_then, w);

		fd = background_end(&waits[0]);
		if (fd < 0) {
			EXPECT_EQ(EINTR, errno);
		} else {
			close(fd);
			client_connects(w);
		}
		fd = background_end(&waits[1]);
		EXPECT_LE(0, fd);
		close(fd);
		close_wakers(w);
	}
	RACE_END(&self->race);
	sigaction(SIGUSR1, &old, NULL);
}

TEST_F(wake_connection, poll_to_accept)
{
	struct wake *w = &self->w;

	w->events = POLLIN;
	EXPECT_WAKE(w, to_accept, wait_poll, client_connects, POLLIN);
	EXPECT_WAKE(w, to_accept, wait_poll, own_reading_stops, POLLIN);
}

TEST_F(wake_connection, poll_and_listen)
{
	struct wake *w = &self->w;

	w->events = POLLIN | POLLOUT;
	EXPECT_WAKE(w, to_listen, wait_poll_as_listener, listens_and_a_client_connects, POLLIN);

	/* Before, it is hung up and could be written to; then it is neither. */
	w->happen = listens;
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, happen, w));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, to_listen(w));
		race(&self->race, look, w);
		EXPECT_EQ(0, poll_now(w->sv[0], w->events));
		client_connects(w);
		EXPECT_EQ(POLLIN, poll_now(w->sv[0], w->events));
		race_first(&self->race, w->result);
		close_wakers(w);
	}
	RACE_END(&self->race);
}

TEST_F(wake_connection, connect_to_a_listener_without_room)
{
	struct wake *w = &self->w;

	EXPECT_WAKE(w, to_connect, wait_connect, listener_accepts, 0);
	EXPECT_WAKE(w, to_connect, wait_connect, listener_listens_for_more, 0);
	EXPECT_WAKE(w, to_connect, wait_connect, peer_closes, -ECONNREFUSED);
	/* AF_UNIX lets it wait on. */
	if (variant->family == FAMILY_DEMO)
		EXPECT_WAKE(w, to_connect, wait_connect, peer_stops_reading, -ECONNREFUSED);
}

TEST_HARNESS_MAIN
