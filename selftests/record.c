// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram and seqpacket sockets carry records: each arrives as it was sent,
 * whole or cut by the reader, never in two parts, never together with another.
 */
#include <limits.h>

#include "demo_test.h"

/* What a sender cannot use of its SO_SNDBUF for one record. */
#define OVERHEAD	32

FIXTURE_PAIR(record, VARIANTS_RECORD)

static ssize_t send_pattern(int fd, int size, unsigned int seed, int flags)
{
	static unsigned char buf[1 << 20];

	pattern_fill(buf, size, seed, 0);
	return send(fd, buf, size, flags);
}

/* Receive one record of a known size into a buffer that is larger. */
static void expect_record(struct __test_metadata *_metadata, int fd, int size,
			  unsigned int seed)
{
	static unsigned char buf[(1 << 20) + 1];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(buf, 0x55, size + 1);
	ASSERT_EQ(size, recvmsg(fd, &msg, MSG_DONTWAIT)) {
		TH_LOG("record %u: %s", seed, strerror(errno));
	}
	EXPECT_EQ(0, msg.msg_flags & (MSG_TRUNC | MSG_EOR));
	EXPECT_EQ(-1, pattern_differs(buf, size, seed, 0)) {
		TH_LOG("record %u of %d bytes", seed, size);
	}
	EXPECT_EQ(0x55, buf[size]);
}

static void expect_nothing(struct __test_metadata *_metadata, int fd)
{
	char c;

	EXPECT_EQ(0, poll_now(fd, POLLIN));
	EXPECT_ERROR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));
}

TEST_F(record, a_record_of_each_size_arrives_as_it_was_sent)
{
	static const int sizes[] = {
		0, 1, 2, 7, 63, 64, 65, 511, 1024, 2047, 2048, 3776, 4095, 4096, 4097,
		8191, 8192, 16064, 16384, 16385, 32768, 40000, 65535, 65536, 65537, 100000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], send_pattern(self->sv[0], sizes[i], i, 0));
		expect_record(_metadata, self->sv[1], sizes[i], i);
	}
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, records_wait_in_the_order_in_which_they_were_sent)
{
	static const int sizes[] = { 10, 0, 4096, 1, 10000, 0, 0, 300, 1, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], send_pattern(self->sv[0], sizes[i], i, MSG_DONTWAIT));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		expect_record(_metadata, self->sv[1], sizes[i], i);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, many_small_records_are_not_glued)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(i % 5, send_pattern(self->sv[0], i % 5, i, MSG_DONTWAIT));
	}
	for (i = 0; i < 100; i++)
		expect_record(_metadata, self->sv[1], i % 5, i);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, writes_and_reads_can_alternate_at_any_distance)
{
	int sent = 0, got = 0, i;

	for (i = 0; i < 400; i++) {
		ASSERT_EQ(sent % 97, send_pattern(self->sv[0], sent % 97, sent, MSG_DONTWAIT));
		sent++;
		if (i % 16 < 8)
			continue;
		do {
			expect_record(_metadata, self->sv[1], got % 97, got);
			got++;
		} while (got + i % 3 < sent);
	}
}

TEST_F(record, what_does_not_fit_the_buffer_is_cut_off_and_said_so)
{
	unsigned char buf[8] = {};
	struct iovec iov = { .iov_base = buf, .iov_len = 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	ASSERT_EQ(4, send(self->sv[0], "next", 4, 0));

	EXPECT_EQ(4, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "0123\0\0\0\0", 8));

	/* A buffer that just fits cuts nothing. */
	EXPECT_EQ(4, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "next\0\0\0\0", 8));
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, a_large_record_is_cut_at_any_place)
{
	static const int cuts[] = { 0, 1, 4095, 4096, 4097, 20000, 59999 };
	static unsigned char buf[60000];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		memset(buf, 0x55, sizeof(buf));
		ASSERT_EQ(60000, send_pattern(self->sv[0], 60000, i, 0));
		EXPECT_EQ(cuts[i], recv(self->sv[1], buf, cuts[i], 0));
		EXPECT_EQ(-1, pattern_differs(buf, cuts[i], i, 0));
		EXPECT_EQ(0x55, buf[cuts[i]]);
		expect_nothing(_metadata, self->sv[1]);
	}
}

TEST_F(record, msg_trunc_asks_for_the_real_length)
{
	unsigned char buf[16] = {};
	struct iovec iov = { .iov_base = buf, .iov_len = 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	EXPECT_EQ(10, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "0123\0\0\0\0", 8));

	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	EXPECT_EQ(10, recv(self->sv[1], NULL, 0, MSG_TRUNC));

	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, an_empty_record_is_a_record)
{
	struct msghdr empty = {};
	char c = 'x';

	/* However it is sent. */
	EXPECT_EQ(0, send(self->sv[0], NULL, 0, 0));
	EXPECT_EQ(0, write(self->sv[0], &c, 0));
	EXPECT_EQ(0, sendmsg(self->sv[0], &empty, 0));
	EXPECT_EQ(1, send(self->sv[0], "a", 1, 0));

	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN | POLLRDHUP));
	EXPECT_EQ(0, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, read(self->sv[1], &c, 1));
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN | POLLRDHUP));
	EXPECT_EQ(0, recv(self->sv[1], NULL, 0, MSG_DONTWAIT));
	EXPECT_EQ('x', c);
	EXPECT_EQ(1, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ('a', c);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, an_empty_record_ends_the_wait_of_a_reader)
{
	char c;
	struct background call = { .fd = self->sv[1], .buf = &c, .len = 1 };

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(0, send(self->sv[0], NULL, 0, 0));
	EXPECT_EQ(0, background_end(&call));
}

TEST_F(record, empty_records_too_fill_a_socket)
{
	long limit, i;

	/* Each costs a byte at least, or nothing would bound what waits. */
	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVBUF, 0));
	limit = get_number(self->sv[0], SO_SNDBUF) + get_number(self->sv[1], SO_RCVBUF);
	for (i = 0; i <= limit; i++)
		if (send(self->sv[0], NULL, 0, MSG_DONTWAIT))
			break;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(i, limit);
	EXPECT_GT(i, 1);
	while (i--) {
		EXPECT_EQ(0, recv(self->sv[1], NULL, 0, MSG_DONTWAIT));
	}
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, end_of_file_is_seen_on_seqpacket_alone)
{
	char c;

	EXPECT_EQ(0, send(self->sv[0], NULL, 0, 0));
	EXPECT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	self->sv[0] = -1;

	/* What was sent comes first, the empty record as well. */
	EXPECT_EQ(0, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	if (variant->type == SOCK_DGRAM) {
		expect_nothing(_metadata, self->sv[1]);
		return;
	}
	EXPECT_EQ(POLLIN | POLLRDHUP, poll_now(self->sv[1], POLLIN | POLLRDHUP) & ~POLLHUP);
	EXPECT_EQ(0, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, recv(self->sv[1], &c, 1, 0));
}

TEST_F(record, the_longest_record_is_32_bytes_short_of_so_sndbuf)
{
	static const int values[] = { 0, 5000, 16384, 50000, 106496 };
	size_t i;
	int max;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, values[i]));
		max = get_number(self->sv[0], SO_SNDBUF) - OVERHEAD;
		EXPECT_ERROR(EMSGSIZE, send_pattern(self->sv[0], max + 1, i, 0));
		expect_nothing(_metadata, self->sv[1]);
		EXPECT_EQ(max, send_pattern(self->sv[0], max, i, 0));
		expect_record(_metadata, self->sv[1], max, i);
	}
}

TEST_F(record, a_record_of_any_length_is_too_long_beyond_that)
{
	/* Not on the stack: so much behind it would be no memory of a process. */
	static char c;

	EXPECT_ERROR(EMSGSIZE, send(self->sv[0], &c, 1 << 20, 0));
	EXPECT_ERROR(EMSGSIZE, send(self->sv[0], &c, INT_MAX, 0));
	EXPECT_ERROR(EMSGSIZE, send(self->sv[0], &c, (size_t)1 << 32, 0));
	expect_nothing(_metadata, self->sv[1]);
	EXPECT_EQ(1, send(self->sv[0], &c, 1, 0));
}

TEST_F(record, the_largest_records_arrive_whole_one_after_the_other)
{
	int max, i;

	/* As much as an ordinary user can have. */
	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, INT_MAX / 2));
	max = get_number(self->sv[0], SO_SNDBUF) - OVERHEAD;
	if (max > 1 << 20)
		max = 1 << 20;
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(max, send_pattern(self->sv[0], max, i, 0));
		expect_record(_metadata, self->sv[1], max, i);
	}
}

/* Large ones are in pages, and of those a buffer is used again for as many. */
TEST_F(record, records_of_all_lengths_in_turn_have_nothing_of_each_other)
{
	static const int sizes[] = {
		1, 500, 4096, 16000, 16065, 20000, 20160, 20161, 24256, 24257, 60000, 65536, 98000,
	};
	unsigned int seed = test_seed(1), i;
	static unsigned char buf[100000];
	int size[2], cut;

	for (i = 0; i < 600; i += 2) {
		size[0] = sizes[random_below(&seed, ARRAY_SIZE(sizes))] + random_below(&seed, 3);
		size[1] = random_below(&seed, 2) ? size[0] : size[0] / 2;
		ASSERT_EQ(size[0], send_pattern(self->sv[0], size[0], i, 0));
		ASSERT_EQ(size[1], send_pattern(self->sv[0], size[1], i + 1, 0));
		if (!random_below(&seed, 3)) {
			cut = random_below(&seed, size[0] + 1);
			ASSERT_EQ(cut, recv(self->sv[1], buf, cut, MSG_PEEK));
			ASSERT_EQ(-1, pattern_differs(buf, cut, i, 0));
		}
		expect_record(_metadata, self->sv[1], size[0], i);
		if (random_below(&seed, 3)) {
			expect_record(_metadata, self->sv[1], size[1], i + 1);
		} else {
			cut = random_below(&seed, size[1] + 1);
			ASSERT_EQ(cut, recv(self->sv[1], buf, cut, 0));
			ASSERT_EQ(-1, pattern_differs(buf, cut, i + 1, 0));
		}
	}
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, msg_eor_and_msg_more_are_accepted_and_change_nothing)
{
	ASSERT_EQ(10, send_pattern(self->sv[0], 10, 1, MSG_EOR));
	ASSERT_EQ(20, send_pattern(self->sv[0], 20, 2, MSG_MORE));
	ASSERT_EQ(30, send_pattern(self->sv[0], 30, 3, MSG_MORE | MSG_EOR));
	expect_record(_metadata, self->sv[1], 10, 1);
	expect_record(_metadata, self->sv[1], 20, 2);
	expect_record(_metadata, self->sv[1], 30, 3);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, msg_waitall_does_not_wait_for_a_second_record)
{
	char buf[10];

	ASSERT_EQ(4, send(self->sv[0], "abcd", 4, 0));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(record, when_full_a_record_goes_whole_or_not_at_all)
{
	int sent = 0, got = 0, round;

	for (round = 0; round < 3; round++) {
		while (send_pattern(self->sv[0], 5000, sent, MSG_DONTWAIT) == 5000)
			sent++;
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_GT(sent, got);
		while (got < sent)
			expect_record(_metadata, self->sv[1], 5000, got++);
		expect_nothing(_metadata, self->sv[1]);
	}
}

TEST_F(record, a_sender_that_waits_goes_on_when_the_reader_does)
{
	static unsigned char buf[5000];
	struct background call = { .fd = self->sv[0], .buf = buf, .len = sizeof(buf) };
	int sent = 0, got = 0;

	while (send_pattern(self->sv[0], sizeof(buf), sent, MSG_DONTWAIT) > 0)
		sent++;
	ASSERT_EQ(EAGAIN, errno);
	pattern_fill(buf, sizeof(buf), sent, 0);
	ASSERT_EQ(0, background_send(&call));
	ASSERT_TRUE(background_sleeps(&call));
	while (got < sent)
		expect_record(_metadata, self->sv[1], sizeof(buf), got++);
	EXPECT_EQ(sizeof(buf), (size_t)background_end(&call));
	expect_record(_metadata, self->sv[1], sizeof(buf), got);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, the_two_directions_do_not_mix)
{
	ASSERT_EQ(100, send_pattern(self->sv[0], 100, 1, 0));
	ASSERT_EQ(200, send_pattern(self->sv[1], 200, 2, 0));
	ASSERT_EQ(300, send_pattern(self->sv[0], 300, 3, 0));
	expect_record(_metadata, self->sv[0], 200, 2);
	expect_nothing(_metadata, self->sv[0]);
	expect_record(_metadata, self->sv[1], 100, 1);
	expect_record(_metadata, self->sv[1], 300, 3);
	expect_nothing(_metadata, self->sv[1]);
}

TEST_F(record, a_socketpair_carries_records_both_ways)
{
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	ASSERT_EQ(10, send_pattern(sv[0], 10, 1, 0));
	ASSERT_EQ(20, send_pattern(sv[1], 20, 2, 0));
	expect_record(_metadata, sv[1], 10, 1);
	expect_record(_metadata, sv[0], 20, 2);
	close(sv[0]);
	close(sv[1]);
}

FIXTURE_PAIR(seqpacket, VARIANTS_SEQPACKET)

TEST_F(seqpacket, a_destination_is_not_looked_at)
{
	struct address elsewhere = address(variant->family, 99);

	EXPECT_EQ(10, sendto(self->sv[0], "0123456789", 10, 0, &elsewhere.sa, elsewhere.len));
	EXPECT_EQ(10, sendto(self->sv[0], "abcdefghij", 10, 0, &elsewhere.sa, 1));
	EXPECT_EQ(10, recv(self->sv[1], NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	EXPECT_EQ(10, recv(self->sv[1], NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
}

TEST_F(seqpacket, without_a_connection_there_is_nobody_to_send_to_or_receive_from)
{
	struct address a = address(variant->family, 1);
	int fds[2], i;
	char c;

	fds[0] = socket(family_number(variant->family), variant->type, 0);
	fds[1] = listening_socket(variant->family, variant->type, 3, 1);
	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, fds[i]);
		EXPECT_ERROR(ENOTCONN, send(fds[i], "a", 1, 0));
		EXPECT_ERROR(ENOTCONN, send(fds[i], NULL, 0, 0));
		EXPECT_ERROR(ENOTCONN, sendto(fds[i], "a", 1, 0, &a.sa, a.len));
		EXPECT_ERROR(ENOTCONN, recv(fds[i], &c, 1, 0));
		close(fds[i]);
	}
}

TEST_F(seqpacket, records_sent_before_accept_are_not_lost)
{
	int listener, client, server;

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	client = connected_socket(variant->family, variant->type, 3);
	ASSERT_LE(0, client);
	ASSERT_EQ(10, send_pattern(client, 10, 1, 0));
	ASSERT_EQ(5000, send_pattern(client, 5000, 2, 0));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	expect_record(_metadata, server, 10, 1);
	expect_record(_metadata, server, 5000, 2);
	expect_nothing(_metadata, server);
	close(client);
	close(server);
	close(listener);
}

TEST_F(seqpacket, a_reader_is_told_the_address_of_the_other_end)
{
	struct address server = address(variant->family, 3);
	struct address from;
	int listener, sv[2];
	char c;

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	sv[0] = connected_socket(variant->family, variant->type, 3);
	ASSERT_LE(0, sv[0]);
	sv[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, sv[1]);
	ASSERT_EQ(1, send(sv[1], "a", 1, 0));
	close(sv[1]);
	close(listener);
	from.len = sizeof(from.storage);
	ASSERT_EQ(1, recvfrom(sv[0], &c, 1, 0, &from.sa, &from.len));
	EXPECT_TRUE(same_address(&server, &from));
	close(sv[0]);
}

TEST_HARNESS_MAIN
