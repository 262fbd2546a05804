// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that meet while data is on its way: whatever comes first, no byte is
 * lost, comes twice, or comes out of its order; who was told that it sent is
 * right; and the end comes after all that was sent before.
 */
#include "race.h"

#define ROUNDS	100
#define PIECES	24		/* that one call in a round sends, at most */
#define PIECE	100

FIXTURE(race) {
	struct race_baseline baseline;
	struct race race;
	enum family family;
	int type;
	int sv[2];		/* sv[0] sends, sv[1] receives; -1: closed */
	int pieces;		/* to send, in this round */
	int flags, end;		/* of recv(); how the sender ends */
	int sent, error;	/* pieces; what the send after them failed with */
	int spare;
	size_t got;		/* bytes */
	unsigned char buf[PIECES * PIECE + 1];
	int result, theirs;
};

FIXTURE_VARIANT(race) {
	enum family family;
	int type;
};

VARIANTS_ALL(race);

static void state_setup(struct _test_data_race *s, enum family family, int type)
{
	s->family = family;
	s->type = type;
	s->sv[0] = -1;
	s->sv[1] = -1;
	race_baseline(&s->baseline);
}

FIXTURE_SETUP(race)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	state_setup(self, variant->family, variant->type);
}

static void close_end(struct _test_data_race *s, int end)
{
	if (s->sv[end] >= 0)
		close(s->sv[end]);
	s->sv[end] = -1;
}

FIXTURE_TEARDOWN(race)
{
	close_end(self, 0);
	close_end(self, 1);
	EXPECT_BASELINE(&self->baseline, variant->family);
}

static int new_pair(struct _test_data_race *s)
{
	close_end(s, 0);
	close_end(s, 1);
	s->got = 0;
	s->sent = 0;
	s->error = 0;
	return socketpair(family_number(s->family), s->type | SOCK_CLOEXEC, 0, s->sv);
}

#define RACE(mine, theirs_call, before, after)					\
do {										\
	int round;								\
										\
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, theirs_call, self));	\
	for (round = 0; RACE_GOES_ON(&self->race); round++) {			\
		ASSERT_EQ(0, new_pair(self));					\
		self->pieces = 1 + round % PIECES;				\
		before;								\
		race(&self->race, mine, self);					\
		after;								\
	}									\
	RACE_END(&self->race);							\
} while (0)

/* Send pieces of one long pattern, until that fails. */
static void send_pieces(void *arg)
{
	unsigned char piece[PIECE];
	struct _test_data_race *s = arg;

	for (s->sent = 0; s->sent < s->pieces; s->sent++) {
		pattern_fill(piece, PIECE, 1, s->sent * PIECE);
		if (send(s->sv[0], piece, PIECE, MSG_NOSIGNAL) != PIECE) {
			s->error = errno;
			break;
		}
	}
}

static void send_pieces_and_end(void *arg)
{
	struct _test_data_race *s = arg;

	send_pieces(arg);
	if (s->end)
		shutdown(s->sv[0], SHUT_WR);
	else
		close_end(s, 0);
}

static void recv_to_the_end(void *arg)
{
	struct _test_data_race *s = arg;
	ssize_t n;

	do {
		n = recv(s->sv[1], s->buf + s->got, sizeof(s->buf) - s->got, s->flags);
		if (n > 0)
			s->got += n;
	} while (n > 0 || (n < 0 && errno == EAGAIN && s->flags & MSG_DONTWAIT));
	s->result = n < 0 ? errno : 0;
}

static void poll_and_recv_to_the_end(void *arg)
{
	struct _test_data_race *s = arg;
	struct pollfd p = { .fd = s->sv[1], .events = POLLIN };
	ssize_t n;

	for (;;) {
		n = poll(&p, 1, -1) == 1 ?
		    recv(s->sv[1], s->buf + s->got, sizeof(s->buf) - s->got, MSG_DONTWAIT) : -1;
		if (n <= 0)
			break;
		s->got += n;
	}
	s->result = n < 0 ? errno : 0;
}

#define EXPECT_ALL_SENT()							\
do {										\
	EXPECT_EQ(self->sent * PIECE, (int)self->got);				\
	EXPECT_EQ(-1, pattern_differs(self->buf, self->got, 1, 0));		\
} while (0)

/* Of connections: the end. */
FIXTURE(race_end) {
	struct _test_data_race s;
};

FIXTURE_VARIANT(race_end) {
	enum family family;
	int type;
};

VARIANTS_STREAM(race_end);
/*
 * AF_UNIX looks for records first and whether that was all then, and what was
 * sent in between is not seen: so it is no variant.
 */
VARIANT(race_end, demo, DEMO, seqpacket, SEQPACKET);

FIXTURE_SETUP(race_end)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	state_setup(&self->s, variant->family, variant->type);
}

FIXTURE_TEARDOWN(race_end)
{
	close_end(&self->s, 0);
	close_end(&self->s, 1);
	EXPECT_BASELINE(&self->s.baseline, variant->family);
}

static void read_to_the_end(struct __test_metadata *_metadata, struct _test_data_race *self,
			    void (*reader)(void *arg))
{
	RACE(reader, send_pieces_and_end, {
		self->pieces = 1 + round % 3;
		self->end = round % 2;
	}, {
		EXPECT_EQ(0, self->result);
		EXPECT_ALL_SENT();
	});
}

TEST_F(race_end, who_waits_reads_all_that_was_sent_before)
{
	read_to_the_end(_metadata, &self->s, recv_to_the_end);
}

TEST_F(race_end, who_does_not_wait_reads_all_that_was_sent_before)
{
	self->s.flags = MSG_DONTWAIT;
	read_to_the_end(_metadata, &self->s, recv_to_the_end);
}

TEST_F(race_end, who_polls_reads_all_that_was_sent_before)
{
	read_to_the_end(_metadata, &self->s, poll_and_recv_to_the_end);
}

/* The sender did not read what it got: that is told, before the end is. */
static void close_sender(void *arg)
{
	close_end(arg, 0);
}

static void read_the_reset(struct __test_metadata *_metadata, struct _test_data_race *self,
			   void (*reader)(void *arg))
{
	RACE(reader, close_sender, {
		ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	}, {
		EXPECT_EQ(ECONNRESET, self->result);
		EXPECT_EQ(0, (int)self->got);
		EXPECT_EQ(0, recv(self->sv[1], self->buf, 1, MSG_DONTWAIT));
	});
}

TEST_F(race_end, who_waits_is_told_of_a_reset_before_the_end)
{
	read_the_reset(_metadata, &self->s, recv_to_the_end);
}

TEST_F(race_end, who_does_not_wait_is_told_of_a_reset_before_the_end)
{
	self->s.flags = MSG_DONTWAIT;
	read_the_reset(_metadata, &self->s, recv_to_the_end);
}

static void shut_sender(void *arg)
{
	struct _test_data_race *s = arg;

	s->theirs = shutdown(s->sv[0], SHUT_WR);
}

static void shut_receiver(void *arg)
{
	struct _test_data_race *s = arg;

	s->theirs = shutdown(s->sv[1], SHUT_RD);
}

/* What is there now, and what comes behind it: the end, or nothing. */
static void recv_rest(struct _test_data_race *s)
{
	ssize_t n;

	do {
		n = recv(s->sv[1], s->buf + s->got, sizeof(s->buf) - s->got, MSG_DONTWAIT);
		if (n > 0)
			s->got += n;
	} while (n > 0);
	s->result = n < 0 ? errno : 0;
}

/* Of several sends, the one in the middle may be the first of two calls. */
static bool most_were_sent(const struct _test_data_race *s)
{
	return 2 * s->sent > s->pieces;
}

TEST_F(race, send_and_the_shutdown_of_the_sender)
{
	RACE(send_pieces, shut_sender, {}, {
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(self->sent < self->pieces ? EPIPE : 0, self->error);
		recv_rest(self);
		EXPECT_EQ(variant->type == SOCK_DGRAM ? EAGAIN : 0, self->result);
		EXPECT_ALL_SENT();
		EXPECT_EQ(0, unsent(self->sv[0]));
		race_first(&self->race, most_were_sent(self));
	});
}

TEST_F(race, send_and_the_shutdown_of_the_receiver)
{
	RACE(send_pieces, shut_receiver, {}, {
		EXPECT_EQ(0, self->theirs);
		EXPECT_EQ(self->sent < self->pieces ? EPIPE : 0, self->error);
		recv_rest(self);
		EXPECT_EQ(variant->type == SOCK_DGRAM ? EAGAIN : 0, self->result);
		EXPECT_ALL_SENT();
		EXPECT_EQ(0, unsent(self->sv[0]));
		race_first(&self->race, most_were_sent(self));
	});
}

static void recv_some_and_close(void *arg)
{
	struct _test_data_race *s = arg;
	int reads = s->pieces % 4;
	ssize_t n;

	while (reads--) {
		n = recv(s->sv[1], s->buf + s->got, PIECE, MSG_DONTWAIT);
		if (n > 0)
			s->got += n;
	}
	close_end(s, 1);
}

TEST_F(race, send_and_the_close_of_the_peer)
{
	bool reset;
	int error;

	RACE(send_pieces, recv_some_and_close, {}, {
		EXPECT_LE((int)self->got, self->sent * PIECE);
		EXPECT_EQ(-1, pattern_differs(self->buf, self->got, 1, 0));
		/* What waited was thrown away, and is charged to nobody. */
		EXPECT_EQ(0, unsent(self->sv[0]));
		error = self->error;
		if (variant->type == SOCK_DGRAM) {
			if (error) {
				EXPECT_EQ(ECONNREFUSED, error);
			} else {
				EXPECT_ERROR(ECONNREFUSED, send(self->sv[0], "", 1, 0));
			}
			EXPECT_ERROR(ENOTCONN, send(self->sv[0], "", 1, 0));
		} else {
			if (error && error != EPIPE) {
				EXPECT_EQ(ECONNRESET, error);
			}
			/* Once, it is told that not all was read. */
			reset = error == ECONNRESET;
			reset |= recv(self->sv[0], self->buf, 1, 0) < 0 && errno == ECONNRESET;
			EXPECT_EQ(self->sent * PIECE > (int)self->got, reset);
			EXPECT_EQ(0, recv(self->sv[0], self->buf, 1, 0));
			EXPECT_ERROR(EPIPE, send(self->sv[0], "", 1, MSG_NOSIGNAL));
		}
		race_first(&self->race, most_were_sent(self));
	});
}

/* Descriptors that are sent to one that closes are closed. */
static void send_the_spare(void *arg)
{
	struct _test_data_race *s = arg;

	s->result = send_fd(s->sv[0], s->spare);
	close(s->spare);
}

static void close_receiver(void *arg)
{
	close_end(arg, 1);
}

#define RACE_FOR_THE_SPARE(theirs)						\
do {										\
	int p[2];								\
										\
	RACE(send_the_spare, theirs, {						\
		ASSERT_EQ(0, pipe(p));						\
		self->spare = p[1];						\
	}, {									\
		/* Nobody has its other end now. It may take a while. */	\
		EXPECT_EQ(0, read(p[0], self->buf, 1));				\
		close(p[0]);							\
		race_first(&self->race, !self->result);				\
	});									\
} while (0)

TEST_F(race, a_send_of_descriptors_and_the_close_of_the_peer)
{
	RACE_FOR_THE_SPARE(close_receiver);
}

static void recv_some_beside_and_close(void *arg)
{
	struct beside b;
	struct _test_data_race *s = arg;

	if (recv_beside(s->sv[1], s->buf, 1, s->pieces % 2 ? MSG_PEEK : 0, &b) > 0)
		close_fds(&b);
	close_end(s, 1);
}

TEST_F(race, a_send_of_descriptors_and_a_read_and_close_of_the_peer)
{
	RACE_FOR_THE_SPARE(recv_some_beside_and_close);
}

/* One that writes behind what the other is just reading. */
static void recv_once(void *arg)
{
	ssize_t n;
	struct _test_data_race *s = arg;

	n = recv(s->sv[1], s->buf, sizeof(s->buf), s->flags);
	s->got = n < 0 ? 0 : n;
}

static void send_next(void *arg)
{
	unsigned char piece[PIECE];
	struct _test_data_race *s = arg;

	pattern_fill(piece, PIECE, 1, PIECE);
	s->result = send(s->sv[0], piece, 1 + s->pieces, MSG_NOSIGNAL);
}

static int send_first(struct _test_data_race *s)
{
	unsigned char piece[PIECE];

	pattern_fill(piece, PIECE, 1, 0);
	return send(s->sv[0], piece, PIECE, 0);
}

TEST_F(race, a_read_and_a_write_behind_it)
{
	RACE(send_next, recv_once, {
		ASSERT_EQ(PIECE, send_first(self));
	}, {
		EXPECT_EQ(1 + self->pieces, self->result);
		EXPECT_LE(PIECE, (int)self->got);
		/* Records are read one by one, whatever came behind. */
		if (variant->type == SOCK_STREAM)
			race_first(&self->race, self->got > PIECE);
		recv_rest(self);
		EXPECT_EQ(EAGAIN, self->result);
		EXPECT_EQ(PIECE + 1 + self->pieces, (int)self->got);
		EXPECT_EQ(-1, pattern_differs(self->buf, self->got, 1, 0));
		EXPECT_EQ(0, unread(self->sv[1]));
		EXPECT_EQ(0, unsent(self->sv[0]));
		EXPECT_EQ(0, poll_now(self->sv[1], POLLIN));
		/* and the connection is as good as new */
		EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
		EXPECT_EQ(1, recv(self->sv[1], self->buf, 2, 0));
		EXPECT_EQ('x', self->buf[0]);
	});
}

TEST_F(race, a_look_and_a_write_behind_it)
{
	self->flags = MSG_PEEK;
	RACE(send_next, recv_once, {
		ASSERT_EQ(PIECE, send_first(self));
	}, {
		EXPECT_LE(PIECE, (int)self->got);
		EXPECT_EQ(-1, pattern_differs(self->buf, self->got, 1, 0));
		if (variant->type == SOCK_STREAM)
			race_first(&self->race, self->got > PIECE);
		self->got = 0;
		recv_rest(self);
		EXPECT_EQ(PIECE + 1 + self->pieces, (int)self->got);
		EXPECT_EQ(-1, pattern_differs(self->buf, self->got, 1, 0));
		EXPECT_EQ(0, unsent(self->sv[0]));
	});
}

/*
 * Two at one end. What they move are numbers, eight bytes each: of what one
 * reader gets, each is larger than the one before, and no two get the same.
 */
#define NUMBERS	96

struct some {
	uint64_t number[NUMBERS];
	size_t bytes;
};

static void read_some(struct _test_data_race *s, struct some *some, size_t at_once)
{
	ssize_t n;

	some->bytes = 0;
	while ((n = recv(s->sv[1], (char *)some->number + some->bytes, at_once,
			 MSG_DONTWAIT)) > 0)
		some->bytes += n;
}

static struct some mine, theirs;

static void read_numbers_here(void *arg)
{
	read_some(arg, &mine, 24);
}

static void read_numbers_there(void *arg)
{
	read_some(arg, &theirs, 40);
}

static bool count_numbers(const struct some *some, int seen[NUMBERS])
{
	size_t i;

	for (i = 0; i < some->bytes / sizeof(uint64_t); i++) {
		if (some->number[i] >= NUMBERS || (i && some->number[i] <= some->number[i - 1]))
			return false;
		seen[some->number[i]]++;
	}
	return !(some->bytes % sizeof(uint64_t));
}

static int numbers_not_seen_once(const int seen[NUMBERS])
{
	int i, wrong = 0;

	for (i = 0; i < NUMBERS; i++)
		wrong += seen[i] != 1;
	return wrong;
}

static int send_numbers(struct _test_data_race *s, size_t at_once)
{
	uint64_t number[NUMBERS];
	size_t i;

	for (i = 0; i < NUMBERS; i++)
		number[i] = i;
	for (i = 0; i < NUMBERS; i += at_once)
		if (send(s->sv[0], number + i, at_once * sizeof(uint64_t), MSG_DONTWAIT) < 0)
			return errno;
	return 0;
}

TEST_F(race, two_readers_share_what_is_there)
{
	RACE(read_numbers_here, read_numbers_there, {
		ASSERT_EQ(0, send_numbers(self, 1 + round % 3));
	}, {
		int seen[NUMBERS] = {};

		EXPECT_TRUE(count_numbers(&mine, seen));
		EXPECT_TRUE(count_numbers(&theirs, seen));
		EXPECT_EQ(0, numbers_not_seen_once(seen));
		EXPECT_EQ(0, unsent(self->sv[0]));
		race_first(&self->race, mine.bytes > theirs.bytes);
	});
}

/*
 * What each writes comes whole, if it is no longer than a page, in the order in
 * which it wrote.
 */
struct piece {
	uint32_t writer, number, len;
	unsigned char data[4000];
};

#define WRITES	8
#define HEADER	offsetof(struct piece, data)

static uint32_t piece_len(uint32_t writer, uint32_t number, int round)
{
	return (number * 977 + writer * 331 + round * 61) % (number % 4 ? 50 : 4000);
}

static int write_as(struct _test_data_race *s, uint32_t writer)
{
	struct piece p = { .writer = writer };

	for (p.number = 0; p.number < WRITES; p.number++) {
		p.len = piece_len(writer, p.number, s->pieces);
		pattern_fill(p.data, p.len, writer, p.number);
		if (send(s->sv[0], &p, HEADER + p.len, 0) != (ssize_t)(HEADER + p.len))
			return errno;
	}
	return 0;
}

static void write_here(void *arg)
{
	struct _test_data_race *s = arg;

	s->result = write_as(s, 0);
}

static void write_there(void *arg)
{
	struct _test_data_race *s = arg;

	s->theirs = write_as(s, 1);
}

/* The next piece, of a stream or a record. */
static bool recv_piece(struct _test_data_race *s, struct piece *p)
{
	size_t len;

	if (s->type != SOCK_STREAM) {
		len = recv(s->sv[1], p, sizeof(*p), MSG_DONTWAIT);
		return len == HEADER + p->len;
	}
	if (recv(s->sv[1], p, HEADER, MSG_DONTWAIT) != (ssize_t)HEADER || p->len > sizeof(p->data))
		return false;
	for (len = 0; len < p->len;) {
		ssize_t n = recv(s->sv[1], p->data + len, p->len - len, MSG_DONTWAIT);

		if (n <= 0)
			return false;
		len += n;
	}
	return true;
}

TEST_F(race, two_writers_do_not_mix)
{
	struct piece p;
	int i;

	RACE(write_here, write_there, {
		ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 100000));
	}, {
		uint32_t next[2] = {};

		EXPECT_EQ(0, self->result);
		EXPECT_EQ(0, self->theirs);
		for (i = 0; i < 2 * WRITES; i++) {
			ASSERT_TRUE(recv_piece(self, &p));
			ASSERT_GT(2u, p.writer);
			ASSERT_EQ(next[p.writer], p.number);
			ASSERT_EQ(piece_len(p.writer, p.number, self->pieces), p.len);
			ASSERT_EQ(-1, pattern_differs(p.data, p.len, p.writer, p.number));
			if (!i)
				race_first(&self->race, !p.writer);
			next[p.writer]++;
		}
		EXPECT_EQ(0, unread(self->sv[1]));
		EXPECT_EQ(0, unsent(self->sv[0]));
	});
}

/* Urgent bytes. */

FIXTURE(race_oob) {
	struct race_baseline baseline;
	struct race race;
	int sv[2];
	int result, theirs;
	char buf[16], urgent;
};

FIXTURE_VARIANT(race_oob) {
	enum family family;
	int type;
};

VARIANTS_STREAM(race_oob);

FIXTURE_SETUP(race_oob)
{
	NEED_FAMILY(variant->family);
	UNIX_SINCE(variant->family, 7, 2, "marks where urgent bytes were");
	NEED_OWN_NETWORK();
	race_baseline(&self->baseline);
	ASSERT_EQ(0, socketpair(family_number(variant->family), SOCK_STREAM, 0, self->sv));
}

FIXTURE_TEARDOWN(race_oob)
{
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_BASELINE(&self->baseline, variant->family);
}

static void recv_urgent(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->result = recv(s->sv[1], &s->urgent, 1, MSG_OOB | MSG_DONTWAIT) < 0 ? errno : 0;
}

static void recv_ordinary(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->theirs = recv(s->sv[1], s->buf, sizeof(s->buf), MSG_DONTWAIT);
}

static void send_urgent(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->result = send(s->sv[0], "u", 1, MSG_OOB) < 0 ? errno : 0;
}

#define RACE_OOB(mine, theirs_call, before, after)				\
do {										\
	ASSERT_EQ(0, race_begin(&self->race, ROUNDS, theirs_call, self));	\
	while (RACE_GOES_ON(&self->race)) {					\
		before;								\
		race(&self->race, mine, self);					\
		after;								\
		/* AF_UNIX counts some of the urgent bytes that are gone. */	\
		if (variant->family == FAMILY_DEMO) {				\
			EXPECT_EQ(0, unread(self->sv[1]));			\
		}							\
		EXPECT_EQ(0, poll_now(self->sv[1], POLLIN | POLLPRI));		\
		EXPECT_EQ(0, unsent(self->sv[0]));				\
	}									\
	RACE_END(&self->race);							\
} while (0)

TEST_F(race_oob, an_urgent_byte_is_received_once_or_thrown_away)
{
	RACE_OOB(recv_urgent, recv_ordinary, {
		ASSERT_EQ(1, send(self->sv[0], "u", 1, MSG_OOB));
		ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	}, {
		EXPECT_EQ(2, self->theirs);
		EXPECT_EQ(0, memcmp(self->buf, "ab", 2));
		if (self->result) {
			EXPECT_EQ(EINVAL, self->result);
		} else {
			EXPECT_EQ('u', self->urgent);
		}
		race_first(&self->race, !self->result);
	});
}

TEST_F(race_oob, an_urgent_byte_that_comes_while_others_are_read)
{
	RACE_OOB(send_urgent, recv_ordinary, {
		ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	}, {
		EXPECT_EQ(0, self->result);
		EXPECT_EQ(2, self->theirs);
		EXPECT_EQ(0, memcmp(self->buf, "ab", 2));
		EXPECT_EQ(POLLPRI, poll_now(self->sv[1], POLLPRI));
		recv_urgent(self);
		EXPECT_EQ(0, self->result);
		EXPECT_EQ('u', self->urgent);
		/* Its mark goes with what follows. */
		EXPECT_EQ(1, send(self->sv[0], "c", 1, 0));
		EXPECT_EQ(1, recv(self->sv[1], self->buf, 2, 0));
		EXPECT_EQ('c', self->buf[0]);
	});
}

/* A peek looks behind an urgent byte, so it waits while that is all there is. */
static void peek(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->result = recv(s->sv[1], s->buf, sizeof(s->buf), MSG_PEEK);
}

static void send_ordinary(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->theirs = send(s->sv[0], "a", 1, 0);
}

static void recv_urgent_and_send_ordinary(void *arg)
{
	struct _test_data_race_oob *s = arg;

	s->theirs = recv(s->sv[1], &s->urgent, 1, MSG_OOB | MSG_DONTWAIT);
	if (s->theirs == 1)
		send_ordinary(arg);
}

TEST_F(race_oob, a_look_that_waits_behind_an_urgent_byte_sees_the_next_ordinary_one)
{
	RACE_OOB(peek, send_ordinary, {
		ASSERT_EQ(1, send(self->sv[0], "u", 1, MSG_OOB));
	}, {
		EXPECT_EQ(1, self->theirs);
		EXPECT_EQ(1, self->result);
		EXPECT_EQ('a', self->buf[0]);
		EXPECT_EQ(1, recv(self->sv[1], self->buf, 2, 0));
		EXPECT_EQ('a', self->buf[0]);
	});
}

TEST_F(race_oob, also_when_another_receives_the_urgent_byte_meanwhile)
{
	RACE_OOB(peek, recv_urgent_and_send_ordinary, {
		ASSERT_EQ(1, send(self->sv[0], "u", 1, MSG_OOB));
	}, {
		EXPECT_EQ(1, self->theirs);
		EXPECT_EQ('u', self->urgent);
		EXPECT_EQ(1, self->result);
		EXPECT_EQ('a', self->buf[0]);
		EXPECT_EQ(1, recv(self->sv[1], self->buf, 2, 0));
	});
}

BACKGROUND(peek, recv(b->fd, b->buf, b->len, MSG_PEEK))

/* Asleep, not busy looking again and again. */
TEST_F(race_oob, a_look_behind_an_urgent_byte_sleeps_until_something_comes)
{
	struct background call = { .fd = self->sv[1], .buf = self->buf, .len = 8 };

	ASSERT_EQ(1, send(self->sv[0], "u", 1, MSG_OOB));
	ASSERT_EQ(0, background_peek(&call));
	ASSERT_TRUE(background_sleeps(&call));
	/* nor does another urgent byte, which makes the first an ordinary one, ... */
	ASSERT_EQ(1, send(self->sv[0], "v", 1, MSG_OOB));
	EXPECT_EQ(1, background_end(&call));
	EXPECT_EQ('u', self->buf[0]);

	/* and at the end it returns */
	recv_until_empty(self->sv[1]);
	recv_until_empty(self->sv[1]);
	ASSERT_EQ(1, send(self->sv[0], "w", 1, MSG_OOB));
	call.tid = 0;
	ASSERT_EQ(0, background_peek(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(0, background_end(&call));
}

TEST_F(race_oob, beside_an_urgent_byte_come_no_credentials)
{
	struct beside b;
	char c;

	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	ASSERT_EQ(2, send(self->sv[0], "au", 2, MSG_OOB));
	EXPECT_EQ(1, recv_beside(self->sv[1], &c, 1, MSG_OOB, &b));
	EXPECT_EQ('u', c);
	EXPECT_EQ(MSG_OOB, b.flags & ~MSG_CMSG_CLOEXEC);
	EXPECT_EQ(0, b.nr_creds);
	/* but beside the ordinary ones */
	EXPECT_EQ(1, recv_beside(self->sv[1], &c, 1, 0, &b));
	EXPECT_EQ('a', c);
	EXPECT_EQ(1, b.nr_creds);
	EXPECT_EQ(getpid(), b.creds.pid);
}

TEST_HARNESS_MAIN
