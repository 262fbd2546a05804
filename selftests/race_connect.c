// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that meet while sockets find each other: of bind(), listen(), connect(),
 * accept() and close() at the same moment, one comes first, and what is there
 * after is what would be there had they come one after the other.
 */
#include "race.h"

#define ROUNDS	100

enum { SERVICE, OTHER, THIRD };		/* addresses of a test */

/* Sockets and what the calls made of them. -1 is none. */
FIXTURE(race) {
	struct race_baseline baseline;
	struct race race;
	struct address service, other, third;
	int listener, client, second, accepted, accepted_too;
	int mine, theirs;		/* results: 0, or the errno */
	enum family family;
	int type;
};

FIXTURE_VARIANT(race) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(race);

static void close_all(struct _test_data_race *s)
{
	int *fds[] = { &s->listener, &s->client, &s->second, &s->accepted, &s->accepted_too };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

FIXTURE_SETUP(race)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	self->family = variant->family;
	self->type = variant->type;
	self->service = address(variant->family, SERVICE);
	self->other = address(variant->family, OTHER);
	self->third = address(variant->family, THIRD);
	self->listener = -1;
	self->client = -1;
	self->second = -1;
	self->accepted = -1;
	self->accepted_too = -1;
	race_baseline(&self->baseline);
}

FIXTURE_TEARDOWN(race)
{
	close_all(self);
	EXPECT_BASELINE(&self->baseline, variant->family);
}

/* Run rounds of @mine against @theirs, with what is before and after them. */
#define RACE(mine_call, theirs_call, before, after)				\
do {										\
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, theirs_call, self));	\
	while (RACE_GOES_ON(&self->race)) {					\
		before;								\
		race(&self->race, mine_call, self);				\
		after;								\
		close_all(self);						\
	}									\
	RACE_END(&self->race);							\
} while (0)

static void listen_at_service(struct _test_data_race *s, int backlog)
{
	s->listener = listening_socket(s->family, s->type, SERVICE, backlog);
}

static void new_client(struct _test_data_race *s)
{
	s->client = unbound_socket(s->family, s->type);
}

#define CALL(name, result, call)						\
static void name(void *arg)							\
{										\
	struct _test_data_race *s = arg;							\
										\
	(result) = (call) ? errno : 0;						\
}

CALL(connect_client, s->mine, connect_to(s->client, &s->service))
CALL(connect_client_there, s->theirs, connect_to(s->client, &s->service))
CALL(connect_client_to_other, s->theirs, connect_to(s->client, &s->other))
CALL(connect_second, s->theirs, connect_to(s->second, &s->service))
CALL(shut_listener, s->theirs, shutdown(s->listener, SHUT_RD))
CALL(listen_client, s->theirs, listen(s->client, 4))
CALL(bind_client, s->mine, bind_to(s->client, &s->service))
CALL(bind_client_to_other, s->theirs, bind_to(s->client, &s->other))
CALL(bind_second, s->theirs, bind_to(s->second, &s->service))

static void close_listener(void *arg)
{
	struct _test_data_race *s = arg;

	close(s->listener);
	s->listener = -1;
}

static void accept_here(void *arg)
{
	struct _test_data_race *s = arg;

	s->accepted = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	s->mine = s->accepted < 0 ? errno : 0;
}

static void accept_there(void *arg)
{
	struct _test_data_race *s = arg;

	s->accepted_too = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	s->theirs = s->accepted_too < 0 ? errno : 0;
}

/* These two talk, both ways. */
static bool they_talk(int a, int b)
{
	char c;

	return send(a, "x", 1, MSG_NOSIGNAL) == 1 && recv(b, &c, 1, MSG_DONTWAIT) == 1 &&
	       c == 'x' && send(b, "y", 1, MSG_NOSIGNAL) == 1 &&
	       recv(a, &c, 1, MSG_DONTWAIT) == 1 && c == 'y';
}

/* A connection whose other end nobody accepted, and nobody will. */
static bool was_reset(int fd)
{
	char c;

	if (recv(fd, &c, 1, MSG_DONTWAIT) != -1 || errno != ECONNRESET)
		return false;
	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == -1 &&
	       errno == EPIPE;
}

TEST_F(race, connect_and_close_of_the_listener)
{
	RACE(connect_client, close_listener, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		if (self->mine) {
			EXPECT_EQ(ECONNREFUSED, self->mine);
		} else {
			EXPECT_TRUE(was_reset(self->client));
		}
		/* and the address is free */
		self->listener = listening_socket(self->family, self->type, SERVICE, 4);
		EXPECT_LE(0, self->listener);
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, connect_and_shutdown_of_the_listener)
{
	RACE(connect_client, shut_listener, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		EXPECT_EQ(0, self->theirs);
		self->accepted = accept(self->listener, NULL, NULL);
		if (self->mine) {
			EXPECT_EQ(ECONNREFUSED, self->mine);
			EXPECT_EQ(-1, self->accepted);
		} else {
			EXPECT_TRUE(they_talk(self->client, self->accepted));
		}
		race_first(&self->race, !self->mine);
	});
}

/* One that listens anew, under the same address, is another. */
static void replace_listener(void *arg)
{
	struct _test_data_race *s = arg;

	close(s->listener);
	listen_at_service(s, 4);
}

TEST_F(race, connect_and_a_listener_that_is_replaced)
{
	RACE(connect_client, replace_listener, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		ASSERT_LE(0, self->listener);
		ASSERT_EQ(0, set_nonblock(self->listener, true));
		self->accepted = accept(self->listener, NULL, NULL);
		if (self->mine) {
			EXPECT_EQ(ECONNREFUSED, self->mine);
			EXPECT_EQ(-1, self->accepted);
		} else if (self->accepted < 0) {
			EXPECT_TRUE(was_reset(self->client));
		} else {
			EXPECT_TRUE(they_talk(self->client, self->accepted));
		}
		race_first(&self->race, !self->mine && self->accepted < 0);
	});
}

TEST_F(race, accept_and_close_of_the_listener)
{
	RACE(accept_here, close_listener, {
		listen_at_service(self, 4);
		new_client(self);
		ASSERT_EQ(0, connect_to(self->client, &self->service));
	}, {
		if (self->mine) {
			EXPECT_EQ(EBADF, self->mine);
			EXPECT_TRUE(was_reset(self->client));
		} else {
			EXPECT_TRUE(they_talk(self->client, self->accepted));
		}
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, accept_and_shutdown_of_the_listener)
{
	/* which waits for what does not come, or is told so */
	RACE(accept_here, shut_listener, {
		listen_at_service(self, 4);
	}, {
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(EINVAL, self->mine);
	});
}

TEST_F(race, accept_and_connect)
{
	RACE(accept_here, connect_client_there, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		EXPECT_TRUE(they_talk(self->client, self->accepted));
	});
}

TEST_F(race, of_two_accepts_one_gets_the_connection)
{
	RACE(accept_here, accept_there, {
		listen_at_service(self, 4);
		ASSERT_EQ(0, set_nonblock(self->listener, true));
		new_client(self);
		ASSERT_EQ(0, connect_to(self->client, &self->service));
	}, {
		EXPECT_EQ(EAGAIN, self->mine + self->theirs);
		EXPECT_TRUE(they_talk(self->client, self->mine ? self->accepted_too :
								  self->accepted));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, of_two_connects_one_gets_the_last_place)
{
	RACE(connect_client, connect_second, {
		listen_at_service(self, 0);
		new_client(self);
		self->second = unbound_socket(self->family, self->type);
		ASSERT_EQ(0, set_nonblock(self->client, true));
		ASSERT_EQ(0, set_nonblock(self->second, true));
	}, {
		EXPECT_EQ(EAGAIN, self->mine + self->theirs);
		self->accepted = accept(self->listener, NULL, NULL);
		EXPECT_TRUE(they_talk(self->mine ? self->second : self->client,
				      self->accepted));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, of_two_connects_of_one_socket_one_connects_it)
{
	RACE(connect_client, connect_client_there, {
		listen_at_service(self, 4);
		ASSERT_EQ(0, set_nonblock(self->listener, true));
		new_client(self);
	}, {
		EXPECT_EQ(EISCONN, self->mine + self->theirs);
		self->accepted = accept(self->listener, NULL, NULL);
		EXPECT_TRUE(they_talk(self->client, self->accepted));
		EXPECT_ERROR(EAGAIN, accept(self->listener, NULL, NULL));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, of_two_connects_of_one_socket_to_two_listeners_one_connects_it)
{
	RACE(connect_client, connect_client_to_other, {
		listen_at_service(self, 4);
		self->second = listening_socket(self->family, self->type, OTHER, 4);
		ASSERT_EQ(0, set_nonblock(self->listener, true));
		ASSERT_EQ(0, set_nonblock(self->second, true));
		new_client(self);
	}, {
		struct address peer = peer_address(self->client);

		EXPECT_EQ(EISCONN, self->mine + self->theirs);
		EXPECT_TRUE(same_address(&peer, self->mine ? &self->other : &self->service));
		self->accepted = accept(self->mine ? self->second : self->listener, NULL, NULL);
		EXPECT_TRUE(they_talk(self->client, self->accepted));
		EXPECT_ERROR(EAGAIN, accept(self->mine ? self->listener : self->second, NULL,
					    NULL));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, of_connect_and_listen_one_has_the_socket)
{
	RACE(connect_client, listen_client, {
		listen_at_service(self, 4);
		self->client = bound_socket(self->family, self->type, OTHER);
	}, {
		EXPECT_EQ(EINVAL, self->mine + self->theirs);
		if (self->mine) {
			self->second = connected_socket(self->family, self->type, OTHER);
			self->accepted = accept(self->client, NULL, NULL);
			EXPECT_TRUE(they_talk(self->second, self->accepted));
		} else {
			self->accepted = accept(self->listener, NULL, NULL);
			EXPECT_TRUE(they_talk(self->client, self->accepted));
		}
		race_first(&self->race, !self->mine);
	});
}

/* Who accepts first sends first: it is there, whole, when connect() returns. */
static void connect_and_read(void *arg)
{
	struct _test_data_race *s = arg;
	char buf[8];

	s->mine = connect_to(s->client, &s->service) ? errno :
		  recv(s->client, buf, sizeof(buf), 0) == 5 && !memcmp(buf, "hello", 5) ?
		  0 : EPROTO;
}

static void accept_and_send(void *arg)
{
	struct _test_data_race *s = arg;

	s->accepted = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	s->theirs = send(s->accepted, "hello", 5, MSG_NOSIGNAL) == 5 ? 0 : errno;
}

TEST_F(race, connect_and_a_send_of_who_accepted_it)
{
	RACE(connect_and_read, accept_and_send, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		EXPECT_TRUE(they_talk(self->client, self->accepted));
	});
}

/* and who closes at once: what it sent comes first, and then the end. */
static void accept_send_and_close(void *arg)
{
	struct _test_data_race *s = arg;

	accept_and_send(arg);
	close(s->accepted);
	s->accepted = -1;
}

TEST_F(race, connect_and_a_send_and_close_of_who_accepted_it)
{
	char c;

	if (variant->family == FAMILY_UNIX && variant->type == SOCK_SEQPACKET)
		SKIP(return, "AF_UNIX may tell of the end before a record sent with it");
	RACE(connect_and_read, accept_send_and_close, {
		listen_at_service(self, 4);
		new_client(self);
	}, {
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(0, recv(self->client, &c, 1, 0));
	});
}

/* A client that is gone when it is accepted. */
static void send_and_close_client(void *arg)
{
	struct _test_data_race *s = arg;

	s->theirs = send(s->client, "hello", 5, MSG_NOSIGNAL) == 5 ? 0 : errno;
	close(s->client);
	s->client = -1;
}

TEST_F(race, accept_and_a_send_and_close_of_the_client)
{
	char buf[8];

	RACE(accept_here, send_and_close_client, {
		listen_at_service(self, 4);
		new_client(self);
		ASSERT_EQ(0, connect_to(self->client, &self->service));
	}, {
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(5, recv(self->accepted, buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(buf, "hello", 5));
		EXPECT_EQ(0, recv(self->accepted, buf, sizeof(buf), 0));
	});
}

/* Addresses. */

TEST_F(race, of_two_binds_to_an_address_one_gets_it)
{
	RACE(bind_client, bind_second, {
		new_client(self);
		self->second = unbound_socket(self->family, self->type);
	}, {
		EXPECT_EQ(EADDRINUSE, self->mine + self->theirs);
		ASSERT_EQ(0, listen(self->mine ? self->second : self->client, 4));
		EXPECT_EQ(0, try_call(connect_to, self->family, self->type, &self->service));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, of_two_binds_of_a_socket_one_names_it)
{
	RACE(bind_client, bind_client_to_other, {
		new_client(self);
	}, {
		struct address own = own_address(self->client);

		EXPECT_EQ(EINVAL, self->mine + self->theirs);
		EXPECT_TRUE(same_address(&own, self->mine ? &self->other : &self->service));
		/* The other address is free. */
		EXPECT_EQ(0, try_call(bind_to, self->family, self->type,
				      self->mine ? &self->service : &self->other));
		EXPECT_EQ(EADDRINUSE, try_call(bind_to, self->family, self->type,
					       self->mine ? &self->other : &self->service));
		race_first(&self->race, !self->mine);
	});
}

TEST_F(race, bind_and_the_close_of_who_had_the_address)
{
	RACE(bind_client, close_listener, {
		self->listener = bound_socket(self->family, self->type, SERVICE);
		ASSERT_LE(0, self->listener);
		new_client(self);
	}, {
		struct address own;

		if (self->mine) {
			EXPECT_EQ(EADDRINUSE, self->mine);
			EXPECT_EQ(0, bind_to(self->client, &self->service));
		}
		own = own_address(self->client);
		EXPECT_TRUE(same_address(&own, &self->service));
		race_first(&self->race, self->mine);
	});
}

/* Datagram sockets. */

FIXTURE(race_dgram) {
	struct race_baseline baseline;
	struct race race;
	struct address service, other, third;
	int receiver, sender, stranger;
	int mine, theirs;
	enum family family;
};

FIXTURE_VARIANT(race_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(race_dgram);

FIXTURE_SETUP(race_dgram)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	self->family = variant->family;
	self->service = address(variant->family, SERVICE);
	self->other = address(variant->family, OTHER);
	self->third = address(variant->family, THIRD);
	race_baseline(&self->baseline);
	self->receiver = bound_socket(variant->family, SOCK_DGRAM, SERVICE);
	self->sender = bound_socket(variant->family, SOCK_DGRAM, OTHER);
	self->stranger = bound_socket(variant->family, SOCK_DGRAM, THIRD);
}

FIXTURE_TEARDOWN(race_dgram)
{
	close(self->receiver);
	close(self->sender);
	close(self->stranger);
	EXPECT_BASELINE(&self->baseline, variant->family);
}

#define DGRAM_CALL(name, result, call)						\
static void name(void *arg)							\
{										\
	struct _test_data_race_dgram *s = arg;							\
										\
	(result) = (call) < 0 ? errno : 0;					\
}

DGRAM_CALL(receiver_connects_to_sender, s->mine, connect_to(s->receiver, &s->other))
DGRAM_CALL(stranger_sends, s->theirs, send_to(s->stranger, &s->service))
DGRAM_CALL(sender_sends, s->mine, send(s->sender, "x", 1, 0))
DGRAM_CALL(sender_connects, s->theirs, connect_to(s->sender, &s->service))
DGRAM_CALL(stranger_connects, s->theirs, connect_to(s->stranger, &s->service))

static int disconnect(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(fd, &none, sizeof(none));
}

DGRAM_CALL(sender_disconnects, s->theirs, disconnect(s->sender))

/* What a stranger sends is there before the receiver has its peer, or not at all. */
TEST_F(race_dgram, connect_and_the_send_of_a_stranger)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, stranger_sends, self));
	while (RACE_GOES_ON(&self->race)) {
		race(&self->race, receiver_connects_to_sender, self);
		EXPECT_EQ(0, self->mine);
		if (self->theirs) {
			EXPECT_EQ(EPERM, self->theirs);
		}
		EXPECT_EQ(self->theirs ? 0 : 1, recv_until_empty(self->receiver));
		EXPECT_ERROR(EPERM, send_to(self->stranger, &self->service));
		ASSERT_EQ(0, disconnect(self->receiver));
		recv_until_empty(self->receiver);
		race_first(&self->race, self->theirs);
	}
	RACE_END(&self->race);
}

/* Each connects to the one that has itself for a peer by then, or has nobody. */
TEST_F(race_dgram, of_two_that_connect_to_each_other_none_is_refused)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, sender_connects, self));
	while (RACE_GOES_ON(&self->race)) {
		race(&self->race, receiver_connects_to_sender, self);
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(1, send(self->sender, "x", 1, 0));
		EXPECT_EQ(1, send(self->receiver, "x", 1, 0));
		EXPECT_EQ(1, recv_until_empty(self->sender));
		EXPECT_EQ(1, recv_until_empty(self->receiver));
		ASSERT_EQ(0, disconnect(self->receiver));
		ASSERT_EQ(0, disconnect(self->sender));
	}
	RACE_END(&self->race);
}

TEST_F(race_dgram, connect_and_the_connect_of_a_stranger_to_the_same)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, stranger_connects, self));
	while (RACE_GOES_ON(&self->race)) {
		race(&self->race, receiver_connects_to_sender, self);
		EXPECT_EQ(0, self->mine);
		if (self->theirs) {
			EXPECT_EQ(EPERM, self->theirs);
		}
		/* Connected or not, it cannot be heard any more. */
		EXPECT_EQ(-1, send(self->stranger, "x", 1, 0));
		EXPECT_EQ(self->theirs ? ENOTCONN : EPERM, errno);
		ASSERT_EQ(0, disconnect(self->receiver));
		ASSERT_EQ(0, disconnect(self->stranger));
		race_first(&self->race, self->theirs);
	}
	RACE_END(&self->race);
}

TEST_F(race_dgram, send_and_a_disconnect_of_the_sender)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, sender_disconnects, self));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, connect_to(self->sender, &self->service));
		race(&self->race, sender_sends, self);
		EXPECT_EQ(0, self->theirs);
		if (self->mine) {
			EXPECT_EQ(ENOTCONN, self->mine);
		}
		EXPECT_EQ(self->mine ? 0 : 1, recv_until_empty(self->receiver));
		race_first(&self->race, !self->mine);
	}
	RACE_END(&self->race);
}

static void receiver_closes(void *arg)
{
	struct _test_data_race_dgram *s = arg;

	close(s->receiver);
	s->receiver = -1;
}

TEST_F(race_dgram, send_and_the_close_of_the_peer)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, receiver_closes, self));
	while (RACE_GOES_ON(&self->race)) {
		ASSERT_EQ(0, connect_to(self->sender, &self->service));
		race(&self->race, sender_sends, self);
		if (self->mine) {
			EXPECT_EQ(ECONNREFUSED, self->mine);
		} else {
			EXPECT_ERROR(ECONNREFUSED, send(self->sender, "x", 1, 0));
		}
		EXPECT_ERROR(ENOTCONN, send(self->sender, "x", 1, 0));
		EXPECT_EQ(0, unsent(self->sender));
		self->receiver = bound_socket(self->family, SOCK_DGRAM, SERVICE);
		ASSERT_LE(0, self->receiver);
		race_first(&self->race, !self->mine);
	}
	RACE_END(&self->race);
}

TEST_F(race_dgram, connect_and_the_close_of_whom_it_goes_to)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, sender_connects, self));
	while (RACE_GOES_ON(&self->race)) {
		race(&self->race, receiver_closes, self);
		if (self->theirs) {
			EXPECT_EQ(ECONNREFUSED, self->theirs);
		}
		EXPECT_EQ(-1, send(self->sender, "x", 1, 0));
		EXPECT_EQ(self->theirs ? ENOTCONN : ECONNREFUSED, errno);
		self->receiver = bound_socket(self->family, SOCK_DGRAM, SERVICE);
		ASSERT_LE(0, self->receiver);
		race_first(&self->race, self->theirs);
	}
	RACE_END(&self->race);
}

/* A sender that has no port gets one, whatever it does first. */
static void unbound_sends(void *arg)
{
	struct _test_data_race_dgram *s = arg;

	s->mine = send_to(s->stranger, &s->service) ? errno : 0;
}

static void unbound_sends_there(void *arg)
{
	struct _test_data_race_dgram *s = arg;

	s->theirs = send_to(s->stranger, &s->service) ? errno : 0;
}

TEST_F(race_dgram, of_two_first_sends_of_a_socket_both_have_one_name)
{
	struct address from[2];
	char c;
	int i;

	if (variant->family == FAMILY_UNIX)
		SKIP(return, "AF_UNIX gives a sender no name");
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, unbound_sends_there, self));
	while (RACE_GOES_ON(&self->race)) {
		close(self->stranger);
		self->stranger = unbound_socket(self->family, SOCK_DGRAM);
		race(&self->race, unbound_sends, self);
		EXPECT_EQ(0, self->mine);
		EXPECT_EQ(0, self->theirs);
		for (i = 0; i < 2; i++) {
			from[i] = (struct address){ .len = sizeof(from[i].storage) };
			EXPECT_EQ(1, recvfrom(self->receiver, &c, 1, MSG_DONTWAIT, &from[i].sa,
					      &from[i].len));
		}
		EXPECT_TRUE(same_address(&from[0], &from[1]));
		from[1] = own_address(self->stranger);
		EXPECT_TRUE(same_address(&from[0], &from[1]));
	}
	RACE_END(&self->race);
}

/* Bound on every node or on one: it is one port. */
FIXTURE(race_node) {
	struct race race;
	struct address any, local;
	int first, second;
	int mine, theirs;
};

FIXTURE_SETUP(race_node)
{
	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	self->any = demo_address(DEMO_NODE_ANY, 2000);
	self->local = demo_address(DEMO_NODE_LOCAL, 2000);
}

FIXTURE_TEARDOWN(race_node)
{
}

static void bind_any(void *arg)
{
	struct _test_data_race_node *s = arg;

	s->mine = bind_to(s->first, &s->any) ? errno : 0;
}

static void bind_local(void *arg)
{
	struct _test_data_race_node *s = arg;

	s->theirs = bind_to(s->second, &s->local) ? errno : 0;
}

TEST_F(race_node, of_binds_to_every_node_and_to_one_one_gets_the_port)
{
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, bind_local, self));
	while (RACE_GOES_ON(&self->race)) {
		self->first = unbound_socket(FAMILY_DEMO, SOCK_STREAM);
		self->second = unbound_socket(FAMILY_DEMO, SOCK_STREAM);
		race(&self->race, bind_any, self);
		EXPECT_EQ(EADDRINUSE, self->mine + self->theirs);
		close(self->first);
		close(self->second);
		race_first(&self->race, !self->mine);
	}
	RACE_END(&self->race);
}

TEST_HARNESS_MAIN
