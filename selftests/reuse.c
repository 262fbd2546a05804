// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that are used again show no byte of what was in them, are read by
 * nobody but the reader they are for, and are not written to while anybody
 * reads them.
 */
#include "demo_test.h"

FIXTURE_PAIR(reuse, VARIANTS_ALL)

#define MESSAGE_MAX	20000

/* Sizes that jump: large after small, small after large, and all magnitudes. */
static int jump(int i)
{
	static const int sizes[] = {
		1, MESSAGE_MAX, 2, 4096, 1, 300, 9000, 64, 192, 193, 448, 3000, 15000, 7, 960,
	};

	return sizes[i % ARRAY_SIZE(sizes)] - i % 16 * (sizes[i % ARRAY_SIZE(sizes)] > 16);
}

static void send_message(struct __test_metadata *_metadata, int fd, int len, unsigned int seed)
{
	static unsigned char buf[MESSAGE_MAX];

	pattern_fill(buf, len, seed, 0);
	ASSERT_EQ(len, send(fd, buf, len, MSG_DONTWAIT));
}

/* A record is asked for with more room than it needs, a stream cannot be. */
static void expect_message(struct __test_metadata *_metadata, int fd, int type, int len,
			   unsigned int seed)
{
	static unsigned char buf[MESSAGE_MAX + 1];
	int room = type == SOCK_STREAM ? len : (int)sizeof(buf);

	memset(buf, 0x55, sizeof(buf));
	ASSERT_EQ(len, recv(fd, buf, room, MSG_WAITALL | MSG_DONTWAIT));
	ASSERT_EQ(-1, pattern_differs(buf, len, seed, 0)) {
		TH_LOG("message %u of %d bytes", seed, len);
	}
	EXPECT_EQ(0x55, buf[len]);
}

TEST_F(reuse, a_ping_pong_of_jumping_sizes_shows_no_old_byte)
{
	int i;

	for (i = 0; i < 300; i++) {
		send_message(_metadata, self->sv[i & 1], jump(i), i);
		expect_message(_metadata, self->sv[~i & 1], variant->type, jump(i), i);
	}
}

TEST_F(reuse, a_backlog_of_jumping_sizes_shows_no_old_byte)
{
	int sent = 0, got = 0, round;

	for (round = 0; round < 200; round++) {
		int end = sent + round % 4;

		while (sent < end) {
			send_message(_metadata, self->sv[0], jump(sent), sent);
			sent++;
		}
		/* Leave up to two behind. */
		while (got + round % 3 < sent) {
			expect_message(_metadata, self->sv[1], variant->type, jump(got), got);
			got++;
		}
	}
}

TEST_F(reuse, what_was_received_in_part_does_not_come_back)
{
	unsigned char buf[100];
	int i;

	for (i = 0; i < 100; i++) {
		send_message(_metadata, self->sv[0], 5000, i);
		ASSERT_EQ(100, recv(self->sv[1], buf, sizeof(buf), 0));
		ASSERT_EQ(-1, pattern_differs(buf, sizeof(buf), i, 0));
		if (variant->type == SOCK_STREAM) {
			ASSERT_EQ(4900, recv_until_empty(self->sv[1]));
		}
		send_message(_metadata, self->sv[0], 50, i + 1000);
		expect_message(_metadata, self->sv[1], variant->type, 50, i + 1000);
	}
}

TEST_F(reuse, connections_that_are_used_in_turn_do_not_mix)
{
	int sv[4][2], i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 3 + 2 * i, sv[i]));
	}
	for (i = 0; i < 4; i++)
		send_message(_metadata, sv[i][0], jump(i), i);
	for (i = 4; i < 200; i++) {
		expect_message(_metadata, sv[i % 4][1], variant->type, jump(i - 4), i - 4);
		send_message(_metadata, sv[i % 4][0], jump(i), i);
	}
}

TEST_F(reuse, what_a_closed_connection_had_is_not_seen_by_the_next)
{
	int sv[2], i;

	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 3, sv));
		send_message(_metadata, sv[0], jump(i), i);
		expect_message(_metadata, sv[1], variant->type, jump(i), i);
		send_message(_metadata, sv[0], jump(i + 1), i + 1);
		close(sv[i & 1]);
		close(sv[~i & 1]);
	}
}

/*
 * Writers of one socket, processes of their own. What they write may mix on a
 * stream, but each byte says whose it is: its highest bit; the others are that
 * writer's bytes in their order.
 */
#define WRITERS		2
#define WRITER_BYTES	30000

static unsigned char writers_byte(int writer, size_t pos)
{
	return writer << 7 | (pattern_byte(writer, pos) & 0x7f);
}

static int write_as(int writer, int fd, int size_max)
{
	static unsigned char buf[8192];
	unsigned int state = writer;
	size_t pos = 0, len, i;

	while (pos < WRITER_BYTES) {
		len = rand_r(&state) % size_max + 1;
		if (len > WRITER_BYTES - pos)
			len = WRITER_BYTES - pos;
		for (i = 0; i < len; i++)
			buf[i] = writers_byte(writer, pos + i);
		if (write_all(fd, buf, len) != len)
			return errno;
		pos += len;
	}
	return 0;
}

static void start_writers(struct __test_metadata *_metadata, int fd, int size_max,
			  pid_t writers[WRITERS])
{
	int i;

	for (i = 0; i < WRITERS; i++) {
		writers[i] = fork_child();
		ASSERT_LE(0, writers[i]);
		if (!writers[i])
			_exit(write_as(i, fd, size_max));
	}
}

TEST_F(reuse, processes_that_share_a_socket_lose_no_byte)
{
	static const int maxima[] = { 8192, 200 };
	static unsigned char buf[8192];
	pid_t writers[WRITERS];
	size_t m, i;

	for (m = 0; m < ARRAY_SIZE(maxima); m++) {
		size_t got[WRITERS] = {};
		ssize_t n;

		start_writers(_metadata, self->sv[0], maxima[m], writers);
		while (got[0] + got[1] < WRITERS * WRITER_BYTES) {
			n = recv(self->sv[1], buf, sizeof(buf), 0);
			ASSERT_LT(0, n);
			for (i = 0; i < (size_t)n; i++) {
				int writer = buf[i] >> 7;

				ASSERT_EQ(writers_byte(writer, got[writer]), buf[i]) {
					TH_LOG("byte %zu of writer %d", got[writer], writer);
				}
				got[writer]++;
			}
		}
		for (i = 0; i < WRITERS; i++) {
			EXPECT_EQ(0, child_exit(writers[i]));
			EXPECT_EQ(WRITER_BYTES, (int)got[i]);
		}
		EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 1, MSG_DONTWAIT));
	}
}

FIXTURE_PAIR(stream, VARIANTS_STREAM)

/* How often each byte came: of several readers nobody knows the order. */
static void *count_bytes(void *arg)
{
	struct background *b = arg;
	unsigned char buf[1000];
	long *counts = b->buf;
	ssize_t n, i;

	while ((n = recv(b->fd, buf, sizeof(buf), 0)) > 0) {
		for (i = 0; i < n; i++)
			__atomic_fetch_add(&counts[buf[i]], 1, __ATOMIC_RELAXED);
		b->result += n;
	}
	b->error = n;
	return NULL;
}

TEST_F(stream, readers_that_share_a_socket_get_each_byte_once)
{
	struct background readers[2];
	long counts[256] = {};
	pid_t writers[WRITERS];
	int i, w;

	for (i = 0; i < 2; i++) {
		readers[i] = (struct background){ .fd = self->sv[1], .buf = counts };
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, count_bytes, &readers[i]));
	}
	start_writers(_metadata, self->sv[0], 500, writers);
	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(0, child_exit(writers[i]));
	}
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	for (i = 0; i < 2; i++) {
		pthread_join(readers[i].thread, NULL);
		EXPECT_EQ(0, readers[i].error);
	}
	EXPECT_EQ(WRITERS * WRITER_BYTES, readers[0].result + readers[1].result);
	for (w = 0; w < WRITERS; w++)
		for (i = 0; i < WRITER_BYTES; i++)
			counts[writers_byte(w, i)]--;
	for (i = 0; i < 256; i++) {
		EXPECT_EQ(0, counts[i]);
	}
}

/*
 * Small writes that go behind what the reader is just reading: it takes a
 * buffer away while the writer copies into it, again and again.
 */
static void *write_small(void *arg)
{
	struct background *b = arg;
	unsigned char buf[16];
	int pos = 0, len;

	while (pos < (int)b->len) {
		len = pos % 16 + 1;
		pattern_fill(buf, len, 1, pos);
		if (send(b->fd, buf, len, 0) != len)
			break;
		pos += len;
	}
	b->result = pos;
	shutdown(b->fd, SHUT_WR);
	return NULL;
}

TEST_F(stream, a_reader_at_the_heels_of_a_writer_misses_nothing)
{
	struct background writer = { .fd = self->sv[0], .len = 40000 };
	unsigned char buf[64];
	int pos = 0, n;

	ASSERT_EQ(0, pthread_create(&writer.thread, NULL, write_small, &writer));
	while ((n = recv(self->sv[1], buf, pos % sizeof(buf) + 1, 0)) > 0) {
		ASSERT_EQ(-1, pattern_differs(buf, n, 1, pos));
		pos += n;
	}
	EXPECT_EQ(0, n);
	pthread_join(writer.thread, NULL);
	EXPECT_EQ(writer.result, pos);
}

FIXTURE(dgram) {
	struct address to;
	int fd;
};

FIXTURE_VARIANT(dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(dgram);

FIXTURE_SETUP(dgram)
{
	NEED_FAMILY(variant->family);
	self->to = address(variant->family, 1);
	self->fd = bound_socket(variant->family, variant->type, 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(dgram)
{
	close(self->fd);
}

TEST_F(dgram, senders_and_receivers_in_all_combinations_do_not_mix)
{
	int senders[3], receivers[3], i;
	struct address to[3];

	for (i = 0; i < 3; i++) {
		to[i] = address(variant->family, 10 + i);
		receivers[i] = bound_socket(variant->family, variant->type, 10 + i);
		senders[i] = unbound_socket(variant->family, variant->type);
		ASSERT_LE(0, receivers[i]);
		ASSERT_LE(0, senders[i]);
	}
	for (i = 0; i < 300; i++) {
		static unsigned char buf[MESSAGE_MAX];
		int sender = i % 3, receiver = i / 3 % 3;

		/* Behind this one, but read two rounds later: others go between. */
		if (i >= 6)
			expect_message(_metadata, receivers[(i - 6) / 3 % 3], variant->type,
				       jump(i - 6), i - 6);
		pattern_fill(buf, jump(i), i, 0);
		ASSERT_EQ(jump(i), sendto(senders[sender], buf, jump(i), MSG_DONTWAIT,
					  &to[receiver].sa, to[receiver].len));
	}
	for (i = 0; i < 3; i++) {
		close(senders[i]);
		close(receivers[i]);
	}
}

TEST_HARNESS_MAIN
