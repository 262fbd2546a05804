// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data in many pieces of memory, and many messages in one call: the pieces make
 * no difference to what arrives, and numbers out of range lose nothing.
 */
#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "demo_test.h"

#define PIECES_MAX	1024	/* the kernel's UIO_MAXIOV */

FIXTURE_PAIR(iov, VARIANTS_ALL)

static struct iovec iov[PIECES_MAX + 1];

/*
 * Cut a buffer into this many pieces, of sizes as different as they can be, an
 * empty one between any two if there is room. The number of pieces.
 */
static int cut(unsigned char *buf, int len, int pieces)
{
	int i, size, left = pieces;

	for (i = 0; i < PIECES_MAX && left; i++) {
		if (i & 1 && pieces <= PIECES_MAX / 2) {
			iov[i] = (struct iovec){};
			continue;
		}
		size = left == 1 ? len : len / left * (left % 3) / 2;
		iov[i] = (struct iovec){ .iov_base = buf, .iov_len = size };
		buf += size;
		len -= size;
		left--;
	}
	return i;
}

static void expect_nothing(struct __test_metadata *_metadata, int fd)
{
	char c;

	EXPECT_ERROR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));
}

TEST_F(iov, pieces_of_memory_are_put_together_and_taken_apart)
{
	static const int counts[] = { 1, 2, 3, 7, 100, 512, PIECES_MAX };
	static const int lens[] = { 1024, 1, 40000 };
	static unsigned char buf[40000];
	size_t l, s, r;
	int len, n;

	for (l = 0; l < ARRAY_SIZE(lens); l++) {
		for (s = 0; s < ARRAY_SIZE(counts); s++) {
			for (r = 0; r < ARRAY_SIZE(counts); r++) {
				len = lens[l];
				pattern_fill(buf, len, s + r, 0);
				n = cut(buf, len, counts[s]);
				ASSERT_EQ(len, writev(self->sv[0], iov, n));
				memset(buf, 0, len);
				n = cut(buf, len, counts[r]);
				ASSERT_EQ(len, readv(self->sv[1], iov, n));
				ASSERT_EQ(-1, pattern_differs(buf, len, s + r, 0));
			}
		}
	}
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(iov, sendmsg_and_recvmsg_take_as_many_pieces)
{
	struct msghdr msg = { .msg_iov = iov };
	unsigned char buf[PIECES_MAX];

	pattern_fill(buf, sizeof(buf), 1, 0);
	msg.msg_iovlen = cut(buf, sizeof(buf), PIECES_MAX);
	ASSERT_EQ(PIECES_MAX, sendmsg(self->sv[0], &msg, 0));
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(PIECES_MAX, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(-1, pattern_differs(buf, sizeof(buf), 1, 0));
}

TEST_F(iov, a_piece_too_many_is_refused_and_loses_nothing)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = PIECES_MAX + 1 };
	char buf[4];

	for (int i = 0; i <= PIECES_MAX; i++)
		iov[i] = (struct iovec){ .iov_base = buf, .iov_len = 1 };
	EXPECT_ERROR(EMSGSIZE, sendmsg(self->sv[0], &msg, 0));
	EXPECT_ERROR(EINVAL, writev(self->sv[0], iov, PIECES_MAX + 1));
	expect_nothing(_metadata, self->sv[1]);

	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	EXPECT_ERROR(EMSGSIZE, recvmsg(self->sv[1], &msg, 0));
	EXPECT_ERROR(EINVAL, readv(self->sv[1], iov, PIECES_MAX + 1));
	msg.msg_iovlen = SIZE_MAX;
	EXPECT_ERROR(EMSGSIZE, sendmsg(self->sv[0], &msg, 0));
	EXPECT_ERROR(EMSGSIZE, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(iov, a_negative_length_is_refused_and_loses_nothing)
{
	char buf[4];
	struct iovec bad[] = {
		{ .iov_base = buf, .iov_len = 1 },
		{ .iov_base = buf, .iov_len = SIZE_MAX },
	};
	struct msghdr msg = { .msg_iov = bad, .msg_iovlen = 2 };

	EXPECT_ERROR(EINVAL, sendmsg(self->sv[0], &msg, 0));
	EXPECT_ERROR(EINVAL, writev(self->sv[0], bad, 2));
	expect_nothing(_metadata, self->sv[1]);
	ASSERT_EQ(4, write(self->sv[0], "abcd", 4));
	EXPECT_ERROR(EINVAL, recvmsg(self->sv[1], &msg, 0));
	EXPECT_ERROR(EINVAL, readv(self->sv[1], bad, 2));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(iov, a_receive_can_ask_for_more_than_there_is_memory)
{
	/* Not on the stack: so much behind it would be no memory of a process. */
	static char buf[8];
	struct iovec huge[] = {
		{ .iov_base = buf, .iov_len = 4 },
		{ .iov_base = buf + 4, .iov_len = INT_MAX },
		{ .iov_base = buf, .iov_len = INT_MAX },
	};
	struct msghdr msg = { .msg_iov = huge, .msg_iovlen = 3 };

	ASSERT_EQ(8, write(self->sv[0], "01234567", 8));
	EXPECT_EQ(8, recv(self->sv[1], buf, SIZE_MAX, 0));
	EXPECT_EQ(0, memcmp(buf, "01234567", 8));
	ASSERT_EQ(8, write(self->sv[0], "abcdefgh", 8));
	EXPECT_EQ(8, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(0, memcmp(buf, "abcdefgh", 8));
}

/* A stream gives what there is in front of the fault, if anything. */
TEST_F(iov, a_send_can_ask_for_more_than_there_is_memory)
{
	const size_t len = 1 << 18;
	unsigned char *buf, *back;
	ssize_t n;

	buf = mmap(NULL, 2 * len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, buf);
	ASSERT_EQ(0, mprotect(buf + len, len, PROT_NONE));
	pattern_fill(buf, len, 1, 0);
	if (variant->type != SOCK_STREAM) {
		EXPECT_ERROR(EMSGSIZE, send(self->sv[0], buf, INT_MAX, MSG_DONTWAIT));
		EXPECT_ERROR(EMSGSIZE, send(self->sv[0], buf, SIZE_MAX, MSG_DONTWAIT));
		expect_nothing(_metadata, self->sv[1]);
		return;
	}
	back = malloc(len);
	ASSERT_NE(NULL, back);
	n = send(self->sv[0], buf, SIZE_MAX, MSG_DONTWAIT);
	ASSERT_GT(n, 0);
	ASSERT_LE((size_t)n, len);
	ASSERT_EQ((size_t)n, read_all(self->sv[1], back, n));
	EXPECT_EQ(-1, pattern_differs(back, n, 1, 0));
	expect_nothing(_metadata, self->sv[1]);
	free(back);
	munmap(buf, 2 * len);
}

#define MESSAGES	5
#define MESSAGE_SIZE	10

/* Messages of MESSAGE_SIZE bytes each, one behind the other in buf. */
static void make_messages(struct mmsghdr *messages, struct iovec *iovs, unsigned char *buf)
{
	int i;

	memset(messages, 0, MESSAGES * sizeof(*messages));
	for (i = 0; i < MESSAGES; i++) {
		iovs[i].iov_base = buf + i * MESSAGE_SIZE;
		iovs[i].iov_len = MESSAGE_SIZE;
		messages[i].msg_hdr.msg_iov = &iovs[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

FIXTURE(many) {
	unsigned char buf[MESSAGES * MESSAGE_SIZE];
	struct mmsghdr messages[MESSAGES];
	struct iovec iovs[MESSAGES];
	int sv[2];
};

FIXTURE_VARIANT(many) {
	enum family family;
	int type;
};

VARIANTS_ALL(many);

FIXTURE_SETUP(many)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	make_messages(self->messages, self->iovs, self->buf);
	pattern_fill(self->buf, sizeof(self->buf), 1, 0);
}

FIXTURE_TEARDOWN(many)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(many, messages_go_in_one_call_and_come_in_one_call)
{
	int i;

	ASSERT_EQ(MESSAGES, sendmmsg(self->sv[0], self->messages, MESSAGES, 0));
	for (i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(MESSAGE_SIZE, (int)self->messages[i].msg_len);
	}
	memset(self->buf, 0, sizeof(self->buf));
	make_messages(self->messages, self->iovs, self->buf);
	ASSERT_EQ(MESSAGES, recvmmsg(self->sv[1], self->messages, MESSAGES, 0, NULL));
	for (i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(MESSAGE_SIZE, (int)self->messages[i].msg_len);
	}
	EXPECT_EQ(-1, pattern_differs(self->buf, sizeof(self->buf), 1, 0));
	expect_nothing(_metadata, self->sv[1]);
	EXPECT_EQ(0, sendmmsg(self->sv[0], self->messages, 0, 0));
	EXPECT_EQ(0, recvmmsg(self->sv[1], self->messages, 0, 0, NULL));
}

TEST_F(many, messages_before_a_bad_one_are_sent)
{
	self->iovs[2].iov_base = (void *)8;
	EXPECT_EQ(2, sendmmsg(self->sv[0], self->messages, MESSAGES, 0));
	EXPECT_ERROR(EFAULT, sendmmsg(self->sv[0], self->messages + 2, MESSAGES - 2, 0));
	EXPECT_EQ(2, sendmmsg(self->sv[0], self->messages + 3, MESSAGES - 3, 0));
	make_messages(self->messages, self->iovs, self->buf);
	EXPECT_EQ(4, recvmmsg(self->sv[1], self->messages, MESSAGES, MSG_DONTWAIT, NULL));
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(many, messages_before_a_bad_one_are_received_and_the_error_comes_next)
{
	ASSERT_EQ(MESSAGES, sendmmsg(self->sv[0], self->messages, MESSAGES, 0));
	self->iovs[2].iov_base = (void *)8;
	EXPECT_EQ(2, recvmmsg(self->sv[1], self->messages, MESSAGES, 0, NULL));
	EXPECT_EQ(POLLERR, poll_now(self->sv[1], 0));
	EXPECT_ERROR(EFAULT, recvmmsg(self->sv[1], self->messages, MESSAGES, 0, NULL));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
}

TEST_F(many, messages_that_still_fit_are_sent)
{
	long sent = 0, got = 0;
	int i, n;

	while ((n = sendmmsg(self->sv[0], self->messages, MESSAGES, MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			sent += self->messages[i].msg_len;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, sent);
	while ((n = recvmmsg(self->sv[1], self->messages, MESSAGES, MSG_DONTWAIT, NULL)) > 0)
		for (i = 0; i < n; i++)
			got += self->messages[i].msg_len;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(sent, got);
}

TEST_F(many, messages_that_are_there_are_received)
{
	EXPECT_ERROR(EAGAIN, recvmmsg(self->sv[1], self->messages, MESSAGES, MSG_DONTWAIT, NULL));
	ASSERT_EQ(3, sendmmsg(self->sv[0], self->messages, 3, 0));
	EXPECT_EQ(3, recvmmsg(self->sv[1], self->messages, MESSAGES, MSG_DONTWAIT, NULL));
	ASSERT_EQ(2, sendmmsg(self->sv[0], self->messages, 2, 0));
	EXPECT_EQ(2, recvmmsg(self->sv[1], self->messages, MESSAGES, MSG_WAITFORONE, NULL));
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(many, a_timeout_ends_a_receive_between_messages)
{
	struct timespec none = {}, long_time = { .tv_sec = 100000 }, bad = { .tv_nsec = -1 };

	ASSERT_EQ(4, sendmmsg(self->sv[0], self->messages, 4, 0));
	EXPECT_ERROR(EINVAL, recvmmsg(self->sv[1], self->messages, MESSAGES, 0, &bad));
	EXPECT_EQ(1, recvmmsg(self->sv[1], self->messages, MESSAGES, 0, &none));
	EXPECT_EQ(3, recvmmsg(self->sv[1], self->messages, 3, 0, &long_time));
	EXPECT_GE(100000, long_time.tv_sec);
	EXPECT_LT(0, long_time.tv_sec);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(many, each_message_of_one_call_has_its_source)
{
	struct address source = own_address(self->sv[1]), from[MESSAGES];
	int i;

	ASSERT_EQ(MESSAGES, sendmmsg(self->sv[1], self->messages, MESSAGES, 0));
	for (i = 0; i < MESSAGES; i++) {
		self->messages[i].msg_hdr.msg_name = &from[i].storage;
		self->messages[i].msg_hdr.msg_namelen = sizeof(from[i].storage);
	}
	ASSERT_EQ(MESSAGES, recvmmsg(self->sv[0], self->messages, MESSAGES, 0, NULL));
	for (i = 0; i < MESSAGES; i++) {
		from[i].len = self->messages[i].msg_hdr.msg_namelen;
		EXPECT_TRUE(same_address(&source, &from[i]));
	}
}

TEST_HARNESS_MAIN
