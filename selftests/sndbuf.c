// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_SNDBUF bounds what a sender may have waiting at a reader that does not
 * read; and whoever is told that he can write can.
 */
#include "demo_test.h"

FIXTURE_PAIR(sndbuf, VARIANTS_ALL)

static const int sizes[] = { 1, 7, 64, 500, 1000, 4096, 5000, 16384, 65536 };

/* Send messages of a size until no more is taken. The number of bytes. */
static int fill(struct __test_metadata *_metadata, int fd, int size)
{
	static unsigned char buf[65536];
	int sum = 0, n;

	while ((n = send(fd, buf, size, MSG_DONTWAIT)) > 0)
		sum += n;
	EXPECT_EQ(EAGAIN, errno);
	return sum;
}

TEST_F(sndbuf, what_waits_is_bounded_whatever_size_is_written)
{
	static const int values[] = { 0, 10000, 50000 };
	size_t i, s;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, values[i]));
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			int max = get_number(self->sv[0], SO_SNDBUF), size = sizes[s], sum;

			/* It is the number of calls that takes time. */
			if (size < max / 30000 || (variant->type != SOCK_STREAM && size > max - 32))
				continue;
			sum = fill(_metadata, self->sv[0], size);
			EXPECT_LT(0, sum);
			EXPECT_LE(sum, unsent(self->sv[0]));
			/*
			 * The last buffer may go beyond: that of the last write,
			 * rounded up, or one that small writes share.
			 */
			EXPECT_GE(max + max / 4 + 2 * size + 2048, unsent(self->sv[0])) {
				TH_LOG("writes of %d into %d", size, max);
			}
			EXPECT_EQ(0, poll_now(self->sv[0], POLLOUT));

			EXPECT_EQ(sum, recv_until_empty(self->sv[1]));
			EXPECT_EQ(0, unsent(self->sv[0]));
			EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT));
		}
	}
}

TEST_F(sndbuf, the_smallest_is_enough_to_talk)
{
	unsigned char buf[4096];
	size_t s;
	int i, n;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 0));
	EXPECT_EQ(4608, get_number(self->sv[0], SO_SNDBUF));
	for (s = 0; sizes[s] <= 4096; s++) {
		for (i = 0; i < 5; i++) {
			EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT));
			pattern_fill(buf, sizes[s], i, 0);
			n = send(self->sv[0], buf, sizes[s], MSG_DONTWAIT);
			ASSERT_LT(0, n);
			if (variant->type != SOCK_STREAM) {
				EXPECT_EQ(sizes[s], n);
			}
			memset(buf, 0, sizeof(buf));
			ASSERT_EQ(n, recv(self->sv[1], buf, n, MSG_WAITALL));
			EXPECT_EQ(-1, pattern_differs(buf, n, i, 0));
			EXPECT_EQ(0, unsent(self->sv[0]));
		}
	}
}

/* What was used before is not charged to a smaller SO_SNDBUF than it was got for. */
TEST_F(sndbuf, after_large_messages_a_byte_leaves_a_sender_writable)
{
	static const int values[] = { 0, 9000, 16896, 30000, 60000 };
	static const int before[] = { 500, 2000, 4096, 7000 };
	static unsigned char buf[7000];
	size_t v, b;

	for (v = 0; v < ARRAY_SIZE(values); v++) {
		for (b = 0; b < ARRAY_SIZE(before); b++) {
			ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 100000));
			ASSERT_EQ(before[b], send(self->sv[0], buf, before[b], 0));
			ASSERT_EQ(before[b], recv(self->sv[1], buf, before[b], MSG_WAITALL));
			ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, values[v]));
			ASSERT_EQ(1, send(self->sv[0], buf, 1, MSG_DONTWAIT));
			EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT)) {
				TH_LOG("SO_SNDBUF %d after %d bytes: %d unsent", values[v],
				       before[b], unsent(self->sv[0]));
			}
			ASSERT_EQ(1, recv(self->sv[1], buf, 1, 0));
		}
	}
}

struct sender {
	int fd;
	int count;
	int size;
};

static void *send_messages(void *arg)
{
	struct sender *s = arg;
	unsigned char buf[4096];
	int i;

	for (i = 0; i < s->count; i++) {
		pattern_fill(buf, s->size, 1, i * s->size);
		if (send(s->fd, buf, s->size, 0) != s->size)
			break;
	}
	s->count = i;
	return NULL;
}

TEST_F(sndbuf, the_smallest_is_enough_for_any_amount)
{
	struct sender sender = { .fd = self->sv[0], .count = 100, .size = 3000 };
	unsigned char buf[3000];
	pthread_t thread;
	int pos = 0, n;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_messages, &sender));
	while (pos < 300000) {
		n = recv(self->sv[1], buf, sizeof(buf), 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(-1, pattern_differs(buf, n, 1, pos));
		pos += n;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(100, sender.count);
	EXPECT_EQ(300000, pos);
}

/* Full, then read bit by bit: from when on poll() says so, a byte goes. */
TEST_F(sndbuf, writable_means_that_a_byte_can_be_sent)
{
	static const int reads[] = { 1, 100, 3000 };
	static const int values[] = { 0, 3000, 10000 };
	unsigned char buf[3000];
	size_t v, s, r;

	for (v = 0; v < ARRAY_SIZE(values); v++) {
		ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, values[v]));
		for (s = 0; sizes[s] <= 1000; s++) {
			for (r = 0; r < ARRAY_SIZE(reads); r++) {
				int max = get_number(self->sv[0], SO_SNDBUF), calls = 0;
				bool writable = false;

				fill(_metadata, self->sv[0], sizes[s]);
				EXPECT_EQ(0, poll_now(self->sv[0], POLLOUT));
				while (!writable) {
					/* In steps that take no more than these many. */
					int step = calls++ < 500 ? reads[r] : 3000;

					ASSERT_LT(0, recv(self->sv[1], buf, step, MSG_DONTWAIT)) {
						TH_LOG("drained, and not writable");
					}
					writable = poll_now(self->sv[0], POLLOUT);
					if (writable) {
						EXPECT_GE(max / 4, unsent(self->sv[0]));
					}
				}
				EXPECT_EQ(1, send(self->sv[0], "", 1, MSG_DONTWAIT));
				ASSERT_LE(1, recv_until_empty(self->sv[1]));
				EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT));
			}
		}
	}
}

TEST_F(sndbuf, who_waits_to_be_writable_is_woken_when_all_is_read)
{
	static const int some[] = { 1, 1000, 4000 };
	size_t s;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 3000));
	for (s = 0; s < ARRAY_SIZE(some); s++) {
		struct background call = { .fd = self->sv[0] };
		int sum;

		sum = fill(_metadata, self->sv[0], some[s]);
		ASSERT_EQ(0, background_writable(&call));
		ASSERT_TRUE(background_sleeps(&call));
		EXPECT_EQ(sum, recv_until_empty(self->sv[1]));
		EXPECT_EQ(POLLOUT, background_end(&call));
	}
}

TEST_F(sndbuf, a_larger_one_makes_room_at_once)
{
	struct background call = { .fd = self->sv[0] };

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 3000));
	ASSERT_LT(0, fill(_metadata, self->sv[0], 100));
	ASSERT_EQ(0, background_writable(&call));
	ASSERT_TRUE(background_sleeps(&call));
	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 30000));
	EXPECT_EQ(POLLOUT, background_end(&call));
	EXPECT_LT(0, fill(_metadata, self->sv[0], 100));
}

TEST_F(sndbuf, a_smaller_one_takes_effect_and_loses_nothing)
{
	int sum, more;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 50000));
	sum = fill(_metadata, self->sv[0], 1000);
	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 0));
	EXPECT_EQ(0, poll_now(self->sv[0], POLLOUT));
	/* Into a buffer that is charged already, a little may still go. */
	more = fill(_metadata, self->sv[0], 1);
	EXPECT_GE(sum / 4, more);
	sum += more;
	EXPECT_EQ(sum, recv_until_empty(self->sv[1]));
	EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT));
	EXPECT_GT(sum / 2, fill(_metadata, self->sv[0], 1000));
}

/* Where AF_UNIX is full after hundreds, for each is a buffer. */
TEST(a_demo_stream_holds_as_many_bytes_in_small_writes_as_in_large_ones)
{
	int sv[2], max;
	size_t s;

	NEED_FAMILY(FAMILY_DEMO);
	ASSERT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, sv));
	ASSERT_EQ(0, set_number(sv[0], SO_SNDBUF, 50000));
	max = get_number(sv[0], SO_SNDBUF);
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		int sum = fill(_metadata, sv[0], sizes[s]);

		EXPECT_LE(max / 2, sum) {
			TH_LOG("%d bytes in writes of %d", sum, sizes[s]);
		}
		EXPECT_EQ(sum, recv_until_empty(sv[1]));
	}
	close(sv[0]);
	close(sv[1]);
}

/* Room that is left where small writes share a buffer is theirs. */
TEST(a_demo_stream_that_is_full_for_many_bytes_takes_a_few)
{
	static unsigned char buf[3000];
	int sv[2], few = 0, full;

	NEED_FAMILY(FAMILY_DEMO);
	ASSERT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, sv));
	full = fill(_metadata, sv[0], sizeof(buf));
	while (send(sv[0], buf, 1, MSG_DONTWAIT) == 1) {
		few++;
		EXPECT_ERROR(EAGAIN, send(sv[0], buf, sizeof(buf), MSG_DONTWAIT));
		EXPECT_ERROR(EAGAIN, send(sv[0], buf, 1, MSG_DONTWAIT | MSG_OOB));
	}
	/* More than once: as long as the buffer has room. */
	EXPECT_LT(1, few);
	EXPECT_GT((int)sizeof(buf), few);
	EXPECT_EQ(full + few, recv_until_empty(sv[1]));
	close(sv[0]);
	close(sv[1]);
}

TEST_HARNESS_MAIN
