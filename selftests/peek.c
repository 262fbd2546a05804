// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSG_PEEK looks and takes nothing; SO_PEEK_OFF makes each look begin where the
 * one before ended, and what is taken meanwhile brings it nearer.
 */
#include "demo_test.h"

FIXTURE_PAIR(peek, VARIANTS_ALL)

/* A look, and a receive, of at most so many bytes show just this text. */
#define EXPECT_SEEN(fd, text, max, flags)					\
do {										\
	const char *__text = (text);						\
	char __buf[64];								\
										\
	EXPECT_EQ((ssize_t)strlen(__text), recv(fd, __buf, max, (flags) | MSG_DONTWAIT)); \
	EXPECT_EQ(0, memcmp(__text, __buf, strlen(__text))) {			\
		TH_LOG("not %s but %.*s", __text, (int)strlen(__text), __buf);	\
	}									\
} while (0)

#define EXPECT_PEEKED(fd, text, max)	EXPECT_SEEN(fd, text, max, MSG_PEEK)
#define EXPECT_RECEIVED(fd, text, max)	EXPECT_SEEN(fd, text, max, 0)

static void expect_nothing_to_peek(struct __test_metadata *_metadata, int fd)
{
	char c;

	EXPECT_ERROR(EAGAIN, recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT));
}

TEST_F(peek, a_look_takes_nothing)
{
	int queued;

	expect_nothing_to_peek(_metadata, self->sv[1]);
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	queued = unsent(self->sv[0]);
	EXPECT_LE(4, queued);
	EXPECT_PEEKED(self->sv[1], "abcd", 64);
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_PEEKED(self->sv[1], "abcd", 64);
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN));
	EXPECT_EQ(4, unread(self->sv[1]));
	EXPECT_EQ(queued, unsent(self->sv[0]));
	EXPECT_RECEIVED(self->sv[1], "abcd", 64);
	expect_nothing_to_peek(_metadata, self->sv[1]);
}

TEST_F(peek, a_look_can_wait)
{
	char buf[8];
	struct background call = {
		.fd = self->sv[1], .buf = buf, .len = sizeof(buf), .flags = MSG_PEEK,
	};

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(2, write(self->sv[0], "ab", 2));
	EXPECT_EQ(2, background_end(&call));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
	EXPECT_RECEIVED(self->sv[1], "ab", 64);
}

TEST_F(peek, a_look_sees_what_was_left_by_a_peer_that_closed)
{
	ASSERT_EQ(2, write(self->sv[0], "ab", 2));
	ASSERT_EQ(0, close(self->sv[0]));
	self->sv[0] = -1;
	EXPECT_PEEKED(self->sv[1], "ab", 64);
	EXPECT_PEEKED(self->sv[1], "ab", 64);
	EXPECT_RECEIVED(self->sv[1], "ab", 64);
	if (variant->type == SOCK_DGRAM)
		expect_nothing_to_peek(_metadata, self->sv[1]);
	else
		EXPECT_PEEKED(self->sv[1], "", 64);
}

TEST_F(peek, a_look_tells_the_source_as_well)
{
	struct address source = own_address(self->sv[1]), from;
	char c;

	ASSERT_EQ(1, write(self->sv[1], "a", 1));
	from.len = sizeof(from.storage);
	EXPECT_EQ(1, recvfrom(self->sv[0], &c, 1, MSG_PEEK, &from.sa, &from.len));
	EXPECT_TRUE(same_address(&source, &from));
	EXPECT_RECEIVED(self->sv[0], "a", 64);
}

TEST_F(peek, a_long_message_is_seen_as_it_is_received)
{
	static unsigned char buf[50000];
	int len = sizeof(buf);

	pattern_fill(buf, len, 1, 0);
	ASSERT_EQ(len, write(self->sv[0], buf, len));
	memset(buf, 0, len);
	ASSERT_EQ(len, recv(self->sv[1], buf, len, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(buf, len, 1, 0));
	memset(buf, 0, len);
	ASSERT_EQ(len, recv(self->sv[1], buf, len, MSG_WAITALL));
	EXPECT_EQ(-1, pattern_differs(buf, len, 1, 0));
}

/* A look must hold no memory back, nor may the next message appear in it. */
TEST_F(peek, a_look_at_one_message_does_not_change_the_next)
{
	static unsigned char buf[5000];
	int i, size;

	for (i = 0; i < 100; i++) {
		size = i * 37 % sizeof(buf) + 1;
		pattern_fill(buf, size, i, 0);
		ASSERT_EQ(size, write(self->sv[0], buf, size));
		memset(buf, 0, size);
		ASSERT_EQ(size, recv(self->sv[1], buf, sizeof(buf), MSG_PEEK));
		ASSERT_EQ(-1, pattern_differs(buf, size, i, 0));
		memset(buf, 0, size);
		ASSERT_EQ(size, recv(self->sv[1], buf, sizeof(buf), 0));
		ASSERT_EQ(-1, pattern_differs(buf, size, i, 0));
	}
}

TEST_F(peek, without_so_peek_off_each_look_begins_at_the_front)
{
	EXPECT_EQ(-1, get_number(self->sv[1], SO_PEEK_OFF));
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_EQ(-1, get_number(self->sv[1], SO_PEEK_OFF));

	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_PEEKED(self->sv[1], "cd", 2);
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, -1));
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_PEEKED(self->sv[1], "ab", 2);
}

TEST_F(peek, so_peek_off_can_be_put_anywhere)
{
	ASSERT_EQ(8, write(self->sv[0], "abcdefgh", 8));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 5));
	EXPECT_PEEKED(self->sv[1], "f", 1);
	EXPECT_EQ(6, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_PEEKED(self->sv[1], "gh", 64);
	EXPECT_EQ(8, get_number(self->sv[1], SO_PEEK_OFF));
	expect_nothing_to_peek(_metadata, self->sv[1]);
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 1));
	EXPECT_PEEKED(self->sv[1], "bcdefgh", 64);
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 100));
	expect_nothing_to_peek(_metadata, self->sv[1]);
	EXPECT_EQ(100, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_RECEIVED(self->sv[1], "abcdefgh", 64);
	EXPECT_EQ(92, get_number(self->sv[1], SO_PEEK_OFF));
}

TEST_F(peek, a_look_behind_all_there_is_can_wait)
{
	char buf[8];
	struct background call = {
		.fd = self->sv[1], .buf = buf, .len = sizeof(buf), .flags = MSG_PEEK,
	};

	if (variant->type == SOCK_STREAM)
		UNIX_SINCE(variant->family, 6, 12, "a look that waited keeps SO_PEEK_OFF");
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 4));
	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(2, write(self->sv[0], "ef", 2));
	EXPECT_EQ(2, background_end(&call));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(6, get_number(self->sv[1], SO_PEEK_OFF));
}

FIXTURE_PAIR(stream, VARIANTS_STREAM)

TEST_F(stream, a_look_goes_on_over_as_many_writes_as_there_are)
{
	unsigned char buf[4000];
	int i;

	for (i = 0; i < 40; i++) {
		pattern_fill(buf, 100, 1, 100 * i);
		ASSERT_EQ(100, write(self->sv[0], buf, 100));
	}
	ASSERT_EQ(1234, recv(self->sv[1], buf, 1234, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(buf, 1234, 1, 0));
	ASSERT_EQ(4000, recv(self->sv[1], buf, 4000, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(buf, 4000, 1, 0));
	ASSERT_EQ(50, recv(self->sv[1], buf, 50, 0));
	ASSERT_EQ(3950, recv(self->sv[1], buf, 4000, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(buf, 3950, 1, 50));
}

TEST_F(stream, msg_waitall_and_msg_trunc_change_nothing_about_a_look)
{
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	EXPECT_SEEN(self->sv[1], "abcd", 64, MSG_PEEK | MSG_WAITALL);
	EXPECT_SEEN(self->sv[1], "ab", 2, MSG_PEEK | MSG_TRUNC);
	EXPECT_RECEIVED(self->sv[1], "abcd", 64);
}

TEST_F(stream, so_peek_off_moves_over_writes_and_back_with_reads)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	ASSERT_EQ(4, write(self->sv[0], "efgh", 4));
	ASSERT_EQ(4, write(self->sv[0], "ijkl", 4));
	EXPECT_PEEKED(self->sv[1], "ab", 2);
	EXPECT_PEEKED(self->sv[1], "cdef", 4);
	EXPECT_EQ(6, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_PEEKED(self->sv[1], "ghijkl", 64);
	EXPECT_EQ(12, get_number(self->sv[1], SO_PEEK_OFF));
	expect_nothing_to_peek(_metadata, self->sv[1]);

	EXPECT_RECEIVED(self->sv[1], "abcd", 4);
	EXPECT_RECEIVED(self->sv[1], "e", 1);
	EXPECT_EQ(7, get_number(self->sv[1], SO_PEEK_OFF));
	expect_nothing_to_peek(_metadata, self->sv[1]);
	ASSERT_EQ(4, write(self->sv[0], "mnop", 4));
	EXPECT_PEEKED(self->sv[1], "mno", 3);

	/* A read that goes beyond puts it at the front, not behind it. */
	EXPECT_RECEIVED(self->sv[1], "fgh", 3);
	EXPECT_RECEIVED(self->sv[1], "ijkl", 4);
	EXPECT_RECEIVED(self->sv[1], "mnop", 4);
	EXPECT_EQ(0, get_number(self->sv[1], SO_PEEK_OFF));
	ASSERT_EQ(2, write(self->sv[0], "qr", 2));
	EXPECT_PEEKED(self->sv[1], "qr", 64);
}

/*
 * One writes, one reads, one looks: whatever is seen are bytes that follow each
 * other, for a buffer somebody looks at is not written again. That can be told
 * because the bytes are numbers, three to each, a set bit where one begins.
 */
static unsigned char byte_at(long pos)
{
	return (pos / 3 >> 7 * (2 - pos % 3) & 0x7f) | (pos % 3 ? 0 : 0x80);
}

/* Where the bytes belong that are seen in buf; -1: nowhere. */
static long place_of(const unsigned char *buf, ssize_t len)
{
	long pos;
	int i;

	for (i = 0; i + 3 <= len && !(buf[i] & 0x80); i++)
		;
	if (i + 3 > len)
		return -1;
	pos = 3L * ((buf[i] & 0x7f) << 14 | buf[i + 1] << 7 | buf[i + 2]) - i;
	for (i = 0; i < len; i++)
		if (buf[i] != byte_at(pos + i))
			return -1;
	return pos;
}

struct numbers {
	int fd;
	long len;
	int wrong;
};

static void *write_numbers(void *arg)
{
	struct numbers *n = arg;
	unsigned char buf[800];
	long pos = 0;
	size_t i, some;

	while (pos < n->len) {
		some = pos % 797 + 1;
		for (i = 0; i < some; i++)
			buf[i] = byte_at(pos++);
		if (write_all(n->fd, buf, some) != some)
			break;
	}
	n->len = pos;
	shutdown(n->fd, SHUT_WR);
	return NULL;
}

static void *look_at_numbers(void *arg)
{
	struct numbers *n = arg;
	unsigned char buf[4000];
	long pos, last = 0;
	ssize_t len;

	while ((len = recv(n->fd, buf, sizeof(buf), MSG_PEEK)) > 0) {
		if (len < 5)
			continue;
		pos = place_of(buf, len);
		n->wrong += pos < last;
		last = pos;
	}
	return NULL;
}

TEST_F(stream, a_look_while_another_reads_sees_only_what_waits)
{
	struct numbers writer = { .fd = self->sv[0], .len = 500000 };
	struct numbers looker = { .fd = self->sv[1] };
	unsigned char buf[1000];
	pthread_t threads[2];
	long pos = 0;
	ssize_t len, i;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, write_numbers, &writer));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, look_at_numbers, &looker));
	while ((len = recv(self->sv[1], buf, sizeof(buf), 0)) > 0) {
		for (i = 0; i < len; i++) {
			ASSERT_EQ(byte_at(pos++), buf[i]);
		}
	}
	EXPECT_EQ(0, len);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(writer.len, pos);
	EXPECT_EQ(0, looker.wrong);
}

FIXTURE_PAIR(record, VARIANTS_RECORD)

TEST_F(record, a_look_sees_one_record_and_tells_its_length)
{
	char buf[8];
	struct iovec iov = { .iov_base = buf, .iov_len = 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	ASSERT_EQ(4, write(self->sv[0], "efgh", 4));
	EXPECT_EQ(2, recvmsg(self->sv[1], &msg, MSG_PEEK));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(4, recvmsg(self->sv[1], &msg, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(4, recv(self->sv[1], NULL, 0, MSG_PEEK | MSG_TRUNC));
	iov.iov_len = sizeof(buf);
	EXPECT_EQ(4, recvmsg(self->sv[1], &msg, MSG_PEEK));
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
	EXPECT_RECEIVED(self->sv[1], "abcd", 64);
	EXPECT_RECEIVED(self->sv[1], "efgh", 64);
}

TEST_F(record, so_peek_off_moves_through_records_but_no_look_sees_two)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	ASSERT_EQ(4, write(self->sv[0], "efgh", 4));
	EXPECT_PEEKED(self->sv[1], "a", 1);
	EXPECT_EQ(1, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_EQ(3, recv(self->sv[1], NULL, 0, MSG_PEEK | MSG_TRUNC));
	EXPECT_PEEKED(self->sv[1], "bcd", 64);
	EXPECT_EQ(4, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_PEEKED(self->sv[1], "efgh", 64);
	expect_nothing_to_peek(_metadata, self->sv[1]);

	/* The whole record counts, however much of it was asked for. */
	EXPECT_RECEIVED(self->sv[1], "a", 1);
	EXPECT_EQ(4, get_number(self->sv[1], SO_PEEK_OFF));
	expect_nothing_to_peek(_metadata, self->sv[1]);
	ASSERT_EQ(2, write(self->sv[0], "ij", 2));
	EXPECT_PEEKED(self->sv[1], "ij", 64);
	EXPECT_RECEIVED(self->sv[1], "efgh", 64);
	EXPECT_RECEIVED(self->sv[1], "ij", 64);
	EXPECT_EQ(0, get_number(self->sv[1], SO_PEEK_OFF));
}

TEST_F(record, so_peek_off_passes_an_empty_record_once_it_was_seen)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	ASSERT_EQ(0, write(self->sv[0], "", 0));
	ASSERT_EQ(2, write(self->sv[0], "ab", 2));
	ASSERT_EQ(0, write(self->sv[0], "", 0));
	ASSERT_EQ(2, write(self->sv[0], "cd", 2));
	EXPECT_PEEKED(self->sv[1], "", 64);
	EXPECT_PEEKED(self->sv[1], "ab", 64);
	EXPECT_EQ(2, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_PEEKED(self->sv[1], "", 64);
	EXPECT_PEEKED(self->sv[1], "cd", 64);
	expect_nothing_to_peek(_metadata, self->sv[1]);
	EXPECT_RECEIVED(self->sv[1], "", 64);
	EXPECT_RECEIVED(self->sv[1], "ab", 64);
	EXPECT_RECEIVED(self->sv[1], "", 64);
	EXPECT_RECEIVED(self->sv[1], "cd", 64);
}

TEST_HARNESS_MAIN
