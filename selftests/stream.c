// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream carries bytes: all of them, once, in order, whatever the sizes in
 * which they are written and read.
 */
#include "demo_test.h"

#define MIB	0x100000

FIXTURE_PAIR(stream, VARIANTS_STREAM)

/*
 * Move total bytes in writes of one size and reads of another. Every other time
 * the writer goes on until nothing more fits, so that the reader also meets a
 * queue of many pieces.
 */
static void move(struct __test_metadata *_metadata, const int sv[2], int wsize, int rsize,
		 int total)
{
	static unsigned char wbuf[65536], rbuf[65536];
	int round, burst, sent = 0, got = 0;
	ssize_t n;

	for (round = 0; got < total; round++) {
		for (burst = round & 1 ? total : 1; burst && sent < total; burst--) {
			int size = wsize < total - sent ? wsize : total - sent;

			pattern_fill(wbuf, size, wsize * rsize, sent);
			n = send(sv[0], wbuf, size, MSG_DONTWAIT);
			if (n < 0) {
				ASSERT_EQ(EAGAIN, errno);
				break;
			}
			ASSERT_GT(n, 0);
			ASSERT_LE(n, size);
			sent += n;
		}
		n = recv(sv[1], rbuf, rsize, MSG_DONTWAIT);
		ASSERT_GT(n, 0);
		ASSERT_LE(n, rsize);
		ASSERT_EQ(-1, pattern_differs(rbuf, n, wsize * rsize, got)) {
			TH_LOG("write %d, read %d, at byte %d", wsize, rsize, got);
		}
		got += n;
	}
	ASSERT_EQ(total, got);
	ASSERT_EQ(total, sent);
	EXPECT_ERROR(EAGAIN, recv(sv[1], rbuf, rsize, MSG_DONTWAIT));
}

TEST_F(stream, bytes_arrive_in_order_for_every_pair_of_write_and_read_sizes)
{
	static const int sizes[] = { 1, 3, 64, 1000, 4095, 4096, 4097, 10000, 65536 };
	size_t w, r;

	for (w = 0; w < ARRAY_SIZE(sizes); w++) {
		for (r = 0; r < ARRAY_SIZE(sizes); r++) {
			int small = sizes[w] < sizes[r] ? sizes[w] : sizes[r];
			int large = sizes[w] + sizes[r] - small;
			int total = 2 * large + 13;

			/* The number of calls is what takes time. */
			if (total / small > 300)
				total = 300 * small + 13;
			move(_metadata, self->sv, sizes[w], sizes[r], total);
		}
	}
}

TEST_F(stream, a_large_write_can_be_read_one_byte_at_a_time)
{
	unsigned char buf[9000], c;
	int i;

	pattern_fill(buf, sizeof(buf), 1, 0);
	ASSERT_EQ(sizeof(buf), write_all(self->sv[0], buf, sizeof(buf)));
	for (i = 0; i < (int)sizeof(buf); i++) {
		ASSERT_EQ(1, read(self->sv[1], &c, 1));
		ASSERT_EQ(pattern_byte(1, i), c);
	}
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
}

TEST_F(stream, one_read_takes_what_many_writes_left)
{
	unsigned char buf[4096], c;
	int i;

	for (i = 0; i < 100; i++) {
		c = pattern_byte(2, i);
		ASSERT_EQ(1, write(self->sv[0], &c, 1));
	}
	ASSERT_EQ(100, read(self->sv[1], buf, sizeof(buf)));
	EXPECT_EQ(-1, pattern_differs(buf, 100, 2, 0));
}

/*
 * A write that finds the reader in the middle of what is queued goes behind it,
 * a write after the queue was drained starts anew: no position is mixed up.
 */
TEST_F(stream, writes_and_reads_can_alternate_at_any_distance)
{
	unsigned char buf[64];
	int lead, size, sent = 0, got = 0;

	for (lead = 0; lead < 600; lead++) {
		size = lead % 61 + 1;
		pattern_fill(buf, size, 3, sent);
		ASSERT_EQ(size, write(self->sv[0], buf, size));
		sent += size;
		size = lead % 37 + lead % 5 * 7 + 1;
		if (size > sent - got)
			size = sent - got;
		if (size > (int)sizeof(buf))
			size = sizeof(buf);
		ASSERT_EQ(size, read(self->sv[1], buf, size));
		ASSERT_EQ(-1, pattern_differs(buf, size, 3, got));
		got += size;
	}
}

/* Sizes of all magnitudes from 1 to 16383, in no order. */
static int some_size(unsigned int *state)
{
	int r = rand_r(state);

	return (r >> 4) % (1 << (r % 14 + 1)) ?: 1;
}

struct writer {
	int fd;
	size_t len;
	size_t done;
};

static void *write_in_pieces(void *arg)
{
	static unsigned char buf[16384];
	struct writer *w = arg;
	unsigned int state = 1;
	size_t size;

	while (w->done < w->len) {
		size = some_size(&state);
		if (size > w->len - w->done)
			size = w->len - w->done;
		pattern_fill(buf, size, 4, w->done);
		if (write_all(w->fd, buf, size) != size)
			break;
		w->done += size;
	}
	shutdown(w->fd, SHUT_WR);
	return NULL;
}

TEST_F(stream, bytes_stay_in_order_between_two_threads_that_run_at_once)
{
	struct writer w = { .fd = self->sv[0], .len = 2 * MIB };
	static unsigned char buf[16384];
	unsigned int state = 2;
	pthread_t thread;
	size_t got = 0;
	ssize_t n;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_in_pieces, &w));
	while ((n = read(self->sv[1], buf, some_size(&state))) > 0) {
		ASSERT_EQ(-1, pattern_differs(buf, n, 4, got));
		got += n;
	}
	EXPECT_EQ(0, n);
	pthread_join(thread, NULL);
	EXPECT_EQ(w.len, w.done);
	EXPECT_EQ(w.len, got);
}

TEST_F(stream, the_two_directions_do_not_mix_and_do_not_block_each_other)
{
	static unsigned char buf[65536];
	int size = get_number(self->sv[0], SO_SNDBUF);
	ssize_t n;

	/* Full one way. */
	pattern_fill(buf, sizeof(buf), 5, 0);
	while ((n = send(self->sv[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		size -= n;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_LE(size, get_number(self->sv[0], SO_SNDBUF) / 2);

	/* Free the other. */
	pattern_fill(buf, 1000, 6, 0);
	ASSERT_EQ(1000, write(self->sv[1], buf, 1000));
	memset(buf, 0, 1000);
	ASSERT_EQ(1000, read(self->sv[0], buf, sizeof(buf)));
	EXPECT_EQ(-1, pattern_differs(buf, 1000, 6, 0));
	ASSERT_EQ(1000, read(self->sv[1], buf, 1000));
	EXPECT_EQ(-1, pattern_differs(buf, 1000, 5, 0));
}

TEST_F(stream, a_socketpair_carries_bytes_both_ways)
{
	unsigned char buf[16];
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	ASSERT_EQ(4, write(sv[0], "ping", 4));
	ASSERT_EQ(4, read(sv[1], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "ping", 4));
	ASSERT_EQ(5, write(sv[1], "reply", 5));
	ASSERT_EQ(5, read(sv[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "reply", 5));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(stream, what_was_written_before_accept_is_not_lost)
{
	int listener, client, server;
	unsigned char buf[16];

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	client = connected_socket(variant->family, variant->type, 3);
	ASSERT_LE(0, client);
	ASSERT_EQ(5, write(client, "early", 5));
	close(client);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(5, read(server, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "early", 5));
	EXPECT_EQ(0, read(server, buf, sizeof(buf)));
	close(server);
	close(listener);
}

TEST_F(stream, end_of_file_comes_after_the_last_byte)
{
	static unsigned char buf[50000];

	pattern_fill(buf, sizeof(buf), 7, 0);
	ASSERT_EQ(sizeof(buf), write_all(self->sv[0], buf, sizeof(buf)));
	ASSERT_EQ(0, close(self->sv[0]));
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(sizeof(buf), read_all(self->sv[1], buf, sizeof(buf)));
	EXPECT_EQ(-1, pattern_differs(buf, sizeof(buf), 7, 0));
	EXPECT_EQ(0, read(self->sv[1], buf, sizeof(buf)));
	EXPECT_EQ(0, read(self->sv[1], buf, sizeof(buf)));
}

TEST_F(stream, a_write_of_nothing_sends_nothing)
{
	struct msghdr empty = {};
	unsigned char buf[4];

	EXPECT_EQ(0, write(self->sv[0], buf, 0));
	EXPECT_EQ(0, send(self->sv[0], NULL, 0, 0));
	EXPECT_EQ(0, sendmsg(self->sv[0], &empty, 0));
	EXPECT_EQ(0, poll_now(self->sv[1], POLLIN | POLLRDHUP));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));

	ASSERT_EQ(2, write(self->sv[0], "ab", 2));
	EXPECT_EQ(0, write(self->sv[0], buf, 0));
	ASSERT_EQ(2, write(self->sv[0], "cd", 2));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(stream, a_write_of_nothing_still_finds_the_peer_gone)
{
	ASSERT_EQ(0, close(self->sv[1]));
	EXPECT_ERROR(EPIPE, send(self->sv[0], NULL, 0, MSG_NOSIGNAL));
}

TEST_F(stream, a_read_of_nothing_takes_nothing)
{
	unsigned char buf[4];

	EXPECT_EQ(0, read(self->sv[1], buf, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 0, MSG_DONTWAIT));
	ASSERT_EQ(2, write(self->sv[0], "ab", 2));
	EXPECT_EQ(0, recv(self->sv[1], buf, 0, MSG_DONTWAIT));
	EXPECT_EQ(0, recv(self->sv[1], buf, 0, 0));
	EXPECT_EQ(2, read(self->sv[1], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
}

TEST_F(stream, msg_dontwait_answers_eagain_where_a_call_would_wait)
{
	static unsigned char buf[65536];

	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 1, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 1, MSG_DONTWAIT | MSG_WAITALL));
	while (send(self->sv[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream, msg_waitall_waits_for_all_of_it)
{
	unsigned char buf[10] = {};
	struct background call = {
		.fd = self->sv[1], .buf = buf, .len = sizeof(buf), .flags = MSG_WAITALL,
	};

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(4, write(self->sv[0], "0123", 4));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(8, write(self->sv[0], "456789ab", 8));
	EXPECT_EQ(10, background_end(&call));
	EXPECT_EQ(0, memcmp(buf, "0123456789", 10));
	EXPECT_EQ(2, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
}

TEST_F(stream, msg_waitall_ends_with_less_at_end_of_file)
{
	unsigned char buf[10];
	struct background call = {
		.fd = self->sv[1], .buf = buf, .len = sizeof(buf), .flags = MSG_WAITALL,
	};

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(4, write(self->sv[0], "0123", 4));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(4, background_end(&call));
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
}

TEST_F(stream, msg_waitall_with_msg_dontwait_takes_what_is_there)
{
	unsigned char buf[10];

	ASSERT_EQ(4, write(self->sv[0], "0123", 4));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
}

TEST_F(stream, msg_more_holds_nothing_back)
{
	unsigned char buf[4];

	ASSERT_EQ(2, send(self->sv[0], "ab", 2, MSG_MORE));
	EXPECT_EQ(2, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
}

TEST_F(stream, msg_eor_is_accepted_and_marks_nothing)
{
	unsigned char buf[8];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(2, send(self->sv[0], "ab", 2, MSG_EOR));
	ASSERT_EQ(2, send(self->sv[0], "cd", 2, MSG_EOR));
	EXPECT_EQ(4, recvmsg(self->sv[1], &msg, MSG_DONTWAIT));
	EXPECT_EQ(0, msg.msg_flags & (MSG_EOR | MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(stream, msg_trunc_discards_nothing)
{
	unsigned char buf[8] = {};

	ASSERT_EQ(10, write(self->sv[0], "0123456789", 10));
	EXPECT_EQ(4, recv(self->sv[1], buf, 4, MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "0123\0\0\0\0", 8));
	EXPECT_EQ(6, recv(self->sv[1], buf, sizeof(buf), MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "456789", 6));
}

TEST_F(stream, a_send_to_an_address_is_refused)
{
	struct address a = address(variant->family, 1);
	int unconnected, listener;

	EXPECT_ERROR(EISCONN, sendto(self->sv[0], "a", 1, 0, &a.sa, a.len));
	EXPECT_ERROR(EISCONN, sendto(self->sv[0], NULL, 0, 0, &a.sa, a.len));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], &a, 1, MSG_DONTWAIT));

	unconnected = socket(family_number(variant->family), variant->type, 0);
	ASSERT_LE(0, unconnected);
	EXPECT_ERROR(EOPNOTSUPP, sendto(unconnected, "a", 1, 0, &a.sa, a.len));
	close(unconnected);

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	EXPECT_ERROR(EOPNOTSUPP, sendto(listener, "a", 1, 0, &a.sa, a.len));
	close(listener);
}

TEST_F(stream, without_a_connection_there_is_nobody_to_send_to_or_receive_from)
{
	int unconnected, listener;
	char c;

	unconnected = socket(family_number(variant->family), variant->type, 0);
	ASSERT_LE(0, unconnected);
	EXPECT_ERROR(ENOTCONN, send(unconnected, "a", 1, 0));
	EXPECT_ERROR(EINVAL, recv(unconnected, &c, 1, 0));
	close(unconnected);

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	EXPECT_ERROR(ENOTCONN, send(listener, "a", 1, 0));
	EXPECT_ERROR(EINVAL, recv(listener, &c, 1, 0));
	close(listener);
}

TEST_F(stream, a_full_socket_takes_a_part_of_a_write_when_it_must_not_wait)
{
	unsigned char *buf;
	ssize_t n, more;

	buf = malloc(MIB);
	ASSERT_NE(NULL, buf);
	pattern_fill(buf, MIB, 8, 0);
	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	n = write(self->sv[0], buf, MIB);
	ASSERT_GT(n, 0);
	ASSERT_LT(n, MIB);
	EXPECT_ERROR(EAGAIN, write(self->sv[0], buf + n, MIB - n));

	/* What was taken is what arrives, and it can be gone on with. */
	memset(buf, 0, MIB);
	ASSERT_EQ((size_t)n, read_all(self->sv[1], buf, n));
	EXPECT_EQ(-1, pattern_differs(buf, n, 8, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 1, MSG_DONTWAIT));
	pattern_fill(buf, MIB, 8, 0);
	more = write(self->sv[0], buf + n, MIB - n);
	ASSERT_GT(more, 0);
	memset(buf, 0, MIB);
	ASSERT_EQ((size_t)more, read_all(self->sv[1], buf, more));
	EXPECT_EQ(-1, pattern_differs(buf, more, 8, n));
	free(buf);
}

TEST_F(stream, a_writer_that_waits_goes_on_when_the_reader_does)
{
	unsigned char *sent = malloc(MIB), *got = malloc(MIB);
	struct background call = { .fd = self->sv[0], .buf = sent, .len = MIB };

	ASSERT_NE(NULL, sent);
	ASSERT_NE(NULL, got);
	pattern_fill(sent, MIB, 9, 0);
	ASSERT_EQ(0, background_send(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ((size_t)MIB, read_all(self->sv[1], got, MIB));
	EXPECT_EQ(MIB, background_end(&call));
	EXPECT_EQ(-1, pattern_differs(got, MIB, 9, 0));
	free(sent);
	free(got);
}

TEST_F(stream, a_reader_that_waits_goes_on_at_the_first_byte)
{
	unsigned char buf[10];
	struct background call = { .fd = self->sv[1], .buf = buf, .len = sizeof(buf) };
	int i;

	/* The second time the reader has drained a buffer and waits behind it. */
	for (i = 0; i < 3; i++) {
		call.tid = 0;
		ASSERT_EQ(0, background_recv(&call));
		ASSERT_TRUE(background_sleeps(&call));
		ASSERT_EQ(1, write(self->sv[0], "x", 1));
		EXPECT_EQ(1, background_end(&call));
	}
}

TEST_F(stream, a_reader_is_told_the_address_of_the_other_end)
{
	struct address server = address(variant->family, 3), client = address(variant->family, 4);
	struct address from = { .len = sizeof(from.storage) };
	struct msghdr msg = { .msg_name = &from.storage };
	int listener, sv[2], i;
	struct iovec iov;
	char c;

	listener = listening_socket(variant->family, variant->type, 3, 1);
	ASSERT_LE(0, listener);
	sv[0] = bound_socket(variant->family, variant->type, 4);
	ASSERT_LE(0, sv[0]);
	ASSERT_EQ(0, connect(sv[0], &server.sa, server.len));
	sv[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, sv[1]);
	close(listener);

	for (i = 0; i < 2; i++) {
		const struct address *expected = i ? &server : &client;

		ASSERT_EQ(2, write(sv[i], "ab", 2));
		from.len = sizeof(from.storage);
		ASSERT_EQ(1, recvfrom(sv[!i], &c, 1, 0, &from.sa, &from.len));
		EXPECT_TRUE(same_address(expected, &from));

		memset(&from, 0, sizeof(from));
		iov = (struct iovec){ .iov_base = &c, .iov_len = 1 };
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_namelen = sizeof(from.storage);
		ASSERT_EQ(1, recvmsg(sv[!i], &msg, 0));
		from.len = msg.msg_namelen;
		EXPECT_TRUE(same_address(expected, &from));
	}

	/* Also one who asks for none of the bytes that are here. */
	ASSERT_EQ(1, write(sv[0], "c", 1));
	from.len = sizeof(from.storage);
	ASSERT_EQ(0, recvfrom(sv[1], &c, 0, 0, &from.sa, &from.len));
	EXPECT_TRUE(same_address(&client, &from));

	/* Also when the other end is gone and its bytes are still here. */
	close(sv[0]);
	from.len = sizeof(from.storage);
	ASSERT_EQ(1, recvfrom(sv[1], &c, 1, 0, &from.sa, &from.len));
	EXPECT_TRUE(same_address(&client, &from));
	close(sv[1]);
}

TEST_HARNESS_MAIN
