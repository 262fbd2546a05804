// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_TIMESTAMP and its relatives: when a record was sent, told with it.
 * Streams have no such moment.
 */
#include <time.h>

#include <linux/net_tstamp.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "demo_test.h"

/* A message with its ancillary data. */
struct received {
	ssize_t len;
	int flags;
	struct timespec stamp;		/* SCM_TIMESTAMP or SCM_TIMESTAMPNS */
	struct timespec software;	/* SCM_TIMESTAMPING */
	int stamps;			/* how many of all these there were */
};

static struct received receive(int fd, size_t control_len, int flags)
{
	char buf[64], control[256] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = control_len,
	};
	struct received r = { 0 };
	struct cmsghdr *c;

	r.len = recvmsg(fd, &msg, flags);
	if (r.len < 0)
		return r;
	r.flags = msg.msg_flags;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct scm_timestamping tss;
		struct timeval tv;

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMP && c->cmsg_len == CMSG_LEN(sizeof(tv))) {
			memcpy(&tv, CMSG_DATA(c), sizeof(tv));
			r.stamp.tv_sec = tv.tv_sec;
			r.stamp.tv_nsec = tv.tv_usec * 1000;
			r.stamps++;
		} else if (c->cmsg_type == SCM_TIMESTAMPNS &&
			   c->cmsg_len == CMSG_LEN(sizeof(r.stamp))) {
			memcpy(&r.stamp, CMSG_DATA(c), sizeof(r.stamp));
			r.stamps++;
		} else if (c->cmsg_type == SCM_TIMESTAMPING &&
			   c->cmsg_len == CMSG_LEN(sizeof(tss))) {
			memcpy(&tss, CMSG_DATA(c), sizeof(tss));
			r.software = (struct timespec){ tss.ts[0].tv_sec, tss.ts[0].tv_nsec };
			r.stamps++;
		}
	}
	return r;
}

static long long ns(struct timespec ts)
{
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ns(ts);
}

FIXTURE_PAIR(timestamp_record, VARIANTS_RECORD)

TEST_F(timestamp_record, there_is_none_unless_it_is_asked_for)
{
	struct received r;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(0, r.stamps);

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 1));
	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 0));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(0, r.stamps);
}

TEST_F(timestamp_record, so_timestamp_tells_when_each_record_was_sent)
{
	long long before, sent[5];
	struct received r;
	int i;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 1));
	EXPECT_EQ(1, get_number(self->sv[1], SO_TIMESTAMP));
	/* The stamp is in microseconds, cut off. */
	before = now_ns() / 1000 * 1000;
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		sent[i] = now_ns();
	}
	for (i = 0; i < 5; i++) {
		r = receive(self->sv[1], 256, 0);
		ASSERT_EQ(1, r.len);
		ASSERT_EQ(1, r.stamps);
		EXPECT_EQ(0, r.flags & MSG_CTRUNC);
		EXPECT_LE(before, ns(r.stamp));
		EXPECT_LE(ns(r.stamp), sent[i]);
		before = ns(r.stamp);
	}
}

TEST_F(timestamp_record, so_timestampns_tells_it_in_nanoseconds)
{
	long long before, sent[5];
	struct received r;
	int i;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPNS, 1));
	EXPECT_EQ(1, get_number(self->sv[1], SO_TIMESTAMPNS));
	EXPECT_EQ(0, get_number(self->sv[1], SO_TIMESTAMP));
	before = now_ns();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		sent[i] = now_ns();
	}
	for (i = 0; i < 5; i++) {
		r = receive(self->sv[1], 256, 0);
		ASSERT_EQ(1, r.len);
		ASSERT_EQ(1, r.stamps);
		EXPECT_LE(before, ns(r.stamp));
		EXPECT_LE(ns(r.stamp), sent[i]);
		before = ns(r.stamp);
	}
}

TEST_F(timestamp_record, so_timestamping_adds_to_so_timestampns_and_does_nothing_alone)
{
	int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
	struct received r;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPING, flags));
	EXPECT_EQ(flags, get_number(self->sv[1], SO_TIMESTAMPING));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(0, r.stamps);

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPNS, 1));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(2, r.stamps);
	EXPECT_LT(0, ns(r.stamp));
	EXPECT_EQ(ns(r.stamp), ns(r.software));
}

TEST_F(timestamp_record, a_record_sent_before_it_was_asked_for_has_the_moment_of_reading)
{
	struct received r;
	long long before;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPNS, 1));
	before = now_ns();
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(1, r.stamps);
	EXPECT_LE(before, ns(r.stamp));
	EXPECT_LE(ns(r.stamp), now_ns());
}

TEST_F(timestamp_record, it_is_the_same_when_the_record_is_looked_at_first)
{
	struct received peeked, r;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPNS, 1));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	peeked = receive(self->sv[1], 256, MSG_PEEK);
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, peeked.stamps);
	EXPECT_EQ(1, r.stamps);
	EXPECT_EQ(ns(peeked.stamp), ns(r.stamp));
}

TEST_F(timestamp_record, an_empty_record_has_one_too)
{
	struct received r;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 1));
	ASSERT_EQ(0, send(self->sv[0], "", 0, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(0, r.len);
	EXPECT_EQ(1, r.stamps);
}

TEST_F(timestamp_record, without_space_for_it_the_record_comes_with_msg_ctrunc)
{
	static const size_t spaces[] = {
		0, sizeof(struct cmsghdr) - 1, CMSG_LEN(sizeof(struct timeval)) - 1,
	};
	struct received r;
	size_t i;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 1));
	for (i = 0; i < ARRAY_SIZE(spaces); i++) {
		ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
		r = receive(self->sv[1], spaces[i], 0);
		EXPECT_EQ(1, r.len);
		EXPECT_EQ(0, r.stamps);
		EXPECT_EQ(MSG_CTRUNC, r.flags & MSG_CTRUNC);
	}
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], CMSG_SPACE(sizeof(struct timeval)), 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(1, r.stamps);
	EXPECT_EQ(0, r.flags & MSG_CTRUNC);
}

TEST_F(timestamp_record, it_is_the_receiver_who_asks)
{
	struct received r;

	ASSERT_EQ(0, set_number(self->sv[0], SO_TIMESTAMP, 1));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(0, r.stamps);
}

FIXTURE_PAIR(timestamp_stream, VARIANTS_STREAM)

TEST_F(timestamp_stream, there_is_none_though_it_can_be_asked_for)
{
	int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
	struct received r;

	EXPECT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPNS, 1));
	EXPECT_EQ(0, set_number(self->sv[1], SO_TIMESTAMPING, flags));
	EXPECT_EQ(1, get_number(self->sv[1], SO_TIMESTAMPNS));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	r = receive(self->sv[1], 256, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_EQ(0, r.stamps);
	EXPECT_EQ(0, r.flags & MSG_CTRUNC);
}

FIXTURE_PAIR(timestamp, VARIANTS_ALL)

TEST_F(timestamp, the_ioctls_that_tell_the_last_one_are_enotty)
{
	struct timespec ts;
	struct timeval tv;

	ASSERT_EQ(0, set_number(self->sv[1], SO_TIMESTAMP, 1));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_ERROR(ENOTTY, ioctl(self->sv[1], SIOCGSTAMP_OLD, &tv));
	EXPECT_ERROR(ENOTTY, ioctl(self->sv[1], SIOCGSTAMPNS_OLD, &ts));
	EXPECT_ERROR(ENOTTY, ioctl(self->sv[1], SIOCGSTAMP_NEW, &tv));
	EXPECT_ERROR(ENOTTY, ioctl(self->sv[1], SIOCGSTAMPNS_NEW, &ts));
}

TEST_HARNESS_MAIN
