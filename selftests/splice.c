// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data by splice(), tee(), vmsplice() and sendfile(): it goes the same way as
 * by read() and write(), and memory that is shared on that way is never written
 * to again, neither a pipe's nor a file's.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "demo_test.h"

FIXTURE(splice) {
	int sv[2];
	int in;		/* The ends of a pipe. */
	int out;
};

FIXTURE_VARIANT(splice) {
	enum family family;
	int type;
};

VARIANTS_STREAM(splice);

static int make_pipe(int *in, int *out)
{
	int fds[2];

	if (pipe(fds))
		return -1;
	*out = fds[0];
	*in = fds[1];
	return 0;
}

FIXTURE_SETUP(splice)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	ASSERT_EQ(0, make_pipe(&self->in, &self->out));
}

FIXTURE_TEARDOWN(splice)
{
	close(self->sv[0]);
	close(self->sv[1]);
	close(self->in);
	close(self->out);
}

/* A file of so many bytes of a pattern. */
static int file_of(int len, unsigned int seed)
{
	static unsigned char buf[1 << 17];
	int fd = memfd_create("splice", MFD_CLOEXEC);

	pattern_fill(buf, len, seed, 0);
	if ((int)write_all(fd, buf, len) != len || lseek(fd, 0, SEEK_SET))
		return -1;
	return fd;
}

/* The file is what it was, and what lies behind its end in memory too. */
static void expect_file(struct __test_metadata *_metadata, int fd, int len, unsigned int seed)
{
	int page = sysconf(_SC_PAGESIZE), whole = (len + page - 1) / page * page;
	unsigned char *p = mmap(NULL, whole, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-1, pattern_differs(p, len, seed, 0));
	while (len < whole) {
		EXPECT_EQ(0, p[len++]);
	}
	munmap(p, whole);
}

static void send_pattern(struct __test_metadata *_metadata, int fd, int len, unsigned int seed)
{
	static unsigned char buf[1 << 17];

	pattern_fill(buf, len, seed, 0);
	ASSERT_EQ(len, (int)write_all(fd, buf, len));
}

static void expect_pattern(struct __test_metadata *_metadata, int fd, int len, unsigned int seed)
{
	static unsigned char buf[1 << 17];

	memset(buf, 0, len);
	ASSERT_EQ(len, (int)read_all(fd, buf, len));
	EXPECT_EQ(-1, pattern_differs(buf, len, seed, 0)) {
		TH_LOG("%d bytes of pattern %u", len, seed);
	}
}

/* Splice all of it, in as many calls as it takes. */
static int splice_all(int from, int to, int len, int flags)
{
	int done = 0, n;

	while (done < len) {
		n = splice(from, NULL, to, NULL, len - done, flags);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Use every buffer again that can be. */
static void disturb(struct __test_metadata *_metadata, const int sv[2])
{
	static const int sizes[] = { 1, 64, 500, 1000, 4000, 4096, 10000, 30000, 60000 };
	size_t i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			send_pattern(_metadata, sv[0], sizes[i], 1000 + i);
			expect_pattern(_metadata, sv[1], sizes[i], 1000 + i);
		}
	}
}

TEST_F(splice, a_pipe_is_spliced_into_a_socket)
{
	static const int lens[] = { 1, 100, 4096, 5000, 60000 };
	static const int flags[] = { 0, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_MOVE };
	size_t i;

	for (i = 0; i < 4 * ARRAY_SIZE(lens); i++) {
		int len = lens[i % ARRAY_SIZE(lens)];

		send_pattern(_metadata, self->in, len, i);
		ASSERT_EQ(len, splice_all(self->out, self->sv[0], len, flags[i % 4]));
		expect_pattern(_metadata, self->sv[1], len, i);
	}
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], &i, 1, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, splice(self->out, NULL, self->sv[0], NULL, 1, SPLICE_F_NONBLOCK));
}

TEST_F(splice, a_socket_is_spliced_into_a_pipe)
{
	static const int lens[] = { 1, 100, 4096, 5000, 60000 };
	static const int flags[] = { 0, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_MOVE };
	size_t i;

	for (i = 0; i < 4 * ARRAY_SIZE(lens); i++) {
		int len = lens[i % ARRAY_SIZE(lens)];

		send_pattern(_metadata, self->sv[0], len, i);
		ASSERT_EQ(len, splice_all(self->sv[1], self->in, len, flags[i % 4]));
		expect_pattern(_metadata, self->out, len, i);
	}
}

TEST_F(splice, an_empty_socket_is_eagain_and_a_closed_one_0)
{
	EXPECT_ERROR(EAGAIN, splice(self->sv[1], NULL, self->in, NULL, 1, SPLICE_F_NONBLOCK));
	ASSERT_EQ(0, set_nonblock(self->sv[1], true));
	EXPECT_ERROR(EAGAIN, splice(self->sv[1], NULL, self->in, NULL, 1, 0));
	send_pattern(_metadata, self->sv[0], 10, 1);
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(10, splice(self->sv[1], NULL, self->in, NULL, 100, 0));
	EXPECT_EQ(0, splice(self->sv[1], NULL, self->in, NULL, 100, 0));
	expect_pattern(_metadata, self->out, 10, 1);
}

TEST_F(splice, a_full_socket_leaves_the_rest_in_the_pipe)
{
	static unsigned char buf[4096];
	const int size = sizeof(buf);
	int piped = 0, sent = 0, got = 0, n;

	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	do {
		if (piped == sent) {
			pattern_fill(buf, size, 1, piped);
			ASSERT_EQ(size, write(self->in, buf, size));
			piped += size;
		}
		n = splice(self->out, NULL, self->sv[0], NULL, size, 0);
		if (n > 0)
			sent += n;
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(size, sent);

	while (got < sent) {
		n = read(self->sv[1], buf, size);
		ASSERT_LT(0, n);
		EXPECT_EQ(-1, pattern_differs(buf, n, 1, got));
		got += n;
	}
	EXPECT_EQ(sent, got);
	/* What did not fit is there still. */
	n = piped - sent;
	ASSERT_LT(0, n);
	ASSERT_EQ(n, read(self->out, buf, size));
	EXPECT_EQ(-1, pattern_differs(buf, n, 1, sent));
}

TEST_F(splice, a_full_pipe_leaves_the_rest_in_the_socket)
{
	static unsigned char buf[100000];
	const int sent = sizeof(buf);
	int n;

	ASSERT_LT(0, fcntl(self->in, F_SETPIPE_SZ, 1));
	ASSERT_EQ(1, write(self->in, "a", 1));
	send_pattern(_metadata, self->sv[0], sent, 1);
	EXPECT_ERROR(EAGAIN, splice(self->sv[1], NULL, self->in, NULL, sent, SPLICE_F_NONBLOCK));
	ASSERT_EQ(1, read(self->out, buf, 1));
	n = splice(self->sv[1], NULL, self->in, NULL, sent, SPLICE_F_NONBLOCK);
	ASSERT_LT(0, n);
	ASSERT_GT(sent, n);
	EXPECT_ERROR(EAGAIN, splice(self->sv[1], NULL, self->in, NULL, sent, SPLICE_F_NONBLOCK));
	ASSERT_EQ(n, (int)read_all(self->out, buf, n));
	ASSERT_EQ(sent - n, (int)read_all(self->sv[1], buf + n, sent - n));
	EXPECT_EQ(-1, pattern_differs(buf, sent, 1, 0));
}

BACKGROUND(splice, splice(b->fd, NULL, b->flags, NULL, b->len, 0))

TEST_F(splice, a_splice_can_wait_for_data)
{
	struct background call = { .fd = self->sv[1], .flags = self->in, .len = 100 };

	ASSERT_EQ(0, background_splice(&call));
	ASSERT_TRUE(background_sleeps(&call));
	send_pattern(_metadata, self->sv[0], 10, 1);
	EXPECT_EQ(10, background_end(&call));
	expect_pattern(_metadata, self->out, 10, 1);
}

TEST_F(splice, a_splice_can_wait_for_room)
{
	struct background call = { .fd = self->out, .flags = self->sv[0], .len = 60000 };
	static char buf[512];
	int waiting;

	UNIX_SINCE(variant->family, 6, 5, "a splice waits for room in SO_SNDBUF");
	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &waiting));
	send_pattern(_metadata, self->in, 60000, 1);
	ASSERT_EQ(0, background_splice(&call));
	ASSERT_TRUE(background_sleeps(&call));
	while (waiting > 0) {
		int n = recv(self->sv[1], buf, waiting < 512 ? waiting : 512, 0);

		ASSERT_LT(0, n);
		waiting -= n;
	}
	expect_pattern(_metadata, self->sv[1], 60000, 1);
	EXPECT_EQ(60000, background_end(&call));
}

TEST_F(splice, read_and_splice_take_turns)
{
	unsigned char buf[100];
	int i;

	pattern_fill(buf, 100, 1, 0);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(10, write(self->sv[0], buf + 10 * i, 10));
	}
	memset(buf, 0, 100);
	ASSERT_EQ(5, read(self->sv[1], buf, 5));
	ASSERT_EQ(30, splice_all(self->sv[1], self->in, 30, 0));
	ASSERT_EQ(30, read(self->out, buf + 5, 30));
	ASSERT_EQ(10, recv(self->sv[1], buf + 35, 10, MSG_PEEK));
	ASSERT_EQ(65, (int)read_all(self->sv[1], buf + 35, 65));
	EXPECT_EQ(-1, pattern_differs(buf, 100, 1, 0));
}

TEST_F(splice, a_place_in_a_socket_is_refused)
{
	loff_t zero = 0;

	send_pattern(_metadata, self->sv[0], 10, 1);
	EXPECT_ERROR(EINVAL, splice(self->sv[1], &zero, self->in, NULL, 10, 0));
	EXPECT_ERROR(EINVAL, sendfile(self->sv[0], self->sv[1], NULL, 10));
	expect_pattern(_metadata, self->sv[1], 10, 1);
}

TEST_F(splice, a_splice_to_a_peer_that_closed_is_epipe)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, close(self->sv[1]));
	self->sv[1] = -1;
	send_pattern(_metadata, self->in, 10, 1);
	EXPECT_ERROR(EPIPE, splice(self->out, NULL, self->sv[0], NULL, 10, 0));
	expect_pattern(_metadata, self->out, 10, 1);
}

TEST_F(splice, a_file_is_sent_through_a_socket)
{
	static const int lens[] = { 1, 100, 4096, 5000, 100000 };
	int fd, sent, n;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(lens); i++) {
		int len = lens[i / 2];

		fd = file_of(len, i);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, set_nonblock(self->sv[0], i & 1));
		for (sent = 0; sent < len; sent += n) {
			n = sendfile(self->sv[0], fd, NULL, len - sent);
			ASSERT_LT(0, n);
		}
		EXPECT_EQ(0, sendfile(self->sv[0], fd, NULL, 100));
		expect_pattern(_metadata, self->sv[1], len, i);
		close(fd);
	}
}

TEST_F(splice, a_file_sent_to_a_full_socket_can_be_gone_on_with)
{
	static unsigned char buf[1 << 17];
	const int len = sizeof(buf);
	int sent = 0, got = 0, n, fd;

	fd = file_of(len, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 10000));
	while (got < len) {
		n = sendfile(self->sv[0], fd, NULL, len - sent);
		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
			n = 0;
		}
		sent += n;
		n = recv(self->sv[1], buf + got, 7000, MSG_DONTWAIT);
		ASSERT_LT(0, n);
		got += n;
	}
	EXPECT_EQ(len, sent);
	EXPECT_EQ(-1, pattern_differs(buf, len, 1, 0));
	close(fd);
}

/* Behind pages of a file comes what is written next, but not into those pages. */
TEST_F(splice, a_file_that_is_in_flight_is_never_written_to)
{
	static const int lens[] = { 1, 100, 4000, 4096, 5000, 30000 };
	size_t i, j;
	int fd;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		fd = file_of(lens[i], i);
		ASSERT_LE(0, fd);
		send_pattern(_metadata, self->sv[0], 10, 100);
		ASSERT_EQ(lens[i], sendfile(self->sv[0], fd, NULL, lens[i]));
		for (j = 0; j < 20; j++)
			send_pattern(_metadata, self->sv[0], 200, 200 + j);
		expect_file(_metadata, fd, lens[i], i);

		expect_pattern(_metadata, self->sv[1], 10, 100);
		expect_pattern(_metadata, self->sv[1], lens[i], i);
		for (j = 0; j < 20; j++)
			expect_pattern(_metadata, self->sv[1], 200, 200 + j);
		disturb(_metadata, self->sv);
		expect_file(_metadata, fd, lens[i], i);
		close(fd);
	}
}

TEST_F(splice, a_file_spliced_through_a_pipe_is_never_written_to)
{
	const int len = 5000;
	int fd, j;

	fd = file_of(len, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(len, splice_all(fd, self->in, len, 0));
	/* Into the same pipe, so that a page of it lies behind one of the file's. */
	send_pattern(_metadata, self->in, 100, 2);
	ASSERT_EQ(len + 100, splice_all(self->out, self->sv[0], len + 100, 0));
	for (j = 0; j < 20; j++)
		send_pattern(_metadata, self->sv[0], 200, 200 + j);
	send_pattern(_metadata, self->in, 100, 3);
	expect_file(_metadata, fd, len, 1);

	expect_pattern(_metadata, self->sv[1], len, 1);
	expect_pattern(_metadata, self->sv[1], 100, 2);
	for (j = 0; j < 20; j++)
		expect_pattern(_metadata, self->sv[1], 200, 200 + j);
	disturb(_metadata, self->sv);
	expect_pattern(_metadata, self->out, 100, 3);
	expect_file(_metadata, fd, len, 1);
	close(fd);
}

TEST_F(splice, memory_of_a_process_in_flight_is_never_written_to)
{
	int len = 2 * sysconf(_SC_PAGESIZE), j;
	struct iovec iov;

	iov.iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, iov.iov_base);
	pattern_fill(iov.iov_base, len, 1, 0);
	iov.iov_len = len - 1000;
	ASSERT_EQ(len - 1000, vmsplice(self->in, &iov, 1, 0));
	ASSERT_EQ(len - 1000, splice_all(self->out, self->sv[0], len - 1000, 0));
	for (j = 0; j < 20; j++)
		send_pattern(_metadata, self->sv[0], 200, 200 + j);
	EXPECT_EQ(-1, pattern_differs(iov.iov_base, len, 1, 0));
	expect_pattern(_metadata, self->sv[1], len - 1000, 1);
	for (j = 0; j < 20; j++)
		expect_pattern(_metadata, self->sv[1], 200, 200 + j);
	disturb(_metadata, self->sv);
	EXPECT_EQ(-1, pattern_differs(iov.iov_base, len, 1, 0));
	munmap(iov.iov_base, len);
}

/* What a pipe got must outlive the buffer that it came in. */
TEST_F(splice, what_was_spliced_out_does_not_change_when_more_is_sent)
{
	static const int lens[] = { 1, 64, 1000, 4000, 5000, 30000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		send_pattern(_metadata, self->sv[0], lens[i], i);
		ASSERT_EQ(lens[i], splice_all(self->sv[1], self->in, lens[i], 0));
		disturb(_metadata, self->sv);
		expect_pattern(_metadata, self->out, lens[i], i);
	}
}

TEST_F(splice, what_was_spliced_out_in_part_does_not_change_either)
{
	unsigned char buf[4000];
	int i, len;

	for (len = 1000; len <= 4000; len += 1000) {
		send_pattern(_metadata, self->sv[0], len, len);
		ASSERT_EQ(len / 2, splice_all(self->sv[1], self->in, len / 2, 0));
		/* Behind it there is room for this. */
		for (i = 0; i < 10; i++)
			send_pattern(_metadata, self->sv[0], 100, i);
		ASSERT_EQ(len - len / 2,
			  (int)read_all(self->sv[1], buf + len / 2, len - len / 2));
		for (i = 0; i < 10; i++)
			expect_pattern(_metadata, self->sv[1], 100, i);
		disturb(_metadata, self->sv);
		ASSERT_EQ(len / 2, (int)read_all(self->out, buf, len / 2));
		EXPECT_EQ(-1, pattern_differs(buf, len, len, 0));
	}
}

TEST_F(splice, what_was_teed_does_not_change_when_more_is_sent)
{
	static const int lens[] = { 64, 5000, 30000 };
	int in, out;
	size_t i;

	ASSERT_EQ(0, make_pipe(&in, &out));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		send_pattern(_metadata, self->sv[0], lens[i], i);
		ASSERT_EQ(lens[i], splice_all(self->sv[1], self->in, lens[i], 0));
		ASSERT_EQ(lens[i], tee(self->out, in, lens[i], 0));
		expect_pattern(_metadata, self->out, lens[i], i);
		disturb(_metadata, self->sv);
		expect_pattern(_metadata, out, lens[i], i);
	}
	close(in);
	close(out);
}

TEST_F(splice, what_was_spliced_out_outlives_both_sockets)
{
	send_pattern(_metadata, self->sv[0], 5000, 1);
	ASSERT_EQ(5000, splice_all(self->sv[1], self->in, 5000, 0));
	close(self->sv[0]);
	close(self->sv[1]);
	self->sv[0] = -1;
	self->sv[1] = -1;
	expect_pattern(_metadata, self->out, 5000, 1);
}

TEST_F(splice, a_socket_is_spliced_into_another_through_a_pipe)
{
	int sv[2], i;

	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 3, sv));
	for (i = 0; i < 5; i++) {
		send_pattern(_metadata, self->sv[0], 9000, i);
		ASSERT_EQ(9000, splice_all(self->sv[1], self->in, 9000, 0));
		ASSERT_EQ(9000, splice_all(self->out, sv[0], 9000, 0));
		disturb(_metadata, self->sv);
		expect_pattern(_metadata, sv[1], 9000, i);
	}
	close(sv[0]);
	close(sv[1]);
}

FIXTURE(record) {
	int sv[2];
	int in;
	int out;
};

FIXTURE_VARIANT(record) {
	enum family family;
	int type;
};

VARIANTS_RECORD(record);

FIXTURE_SETUP(record)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	ASSERT_EQ(0, make_pipe(&self->in, &self->out));
}

FIXTURE_TEARDOWN(record)
{
	close(self->sv[0]);
	close(self->sv[1]);
	close(self->in);
	close(self->out);
}

TEST_F(record, a_splice_sends_one_record)
{
	unsigned char buf[1000];
	int i;

	for (i = 0; i < 5; i++) {
		send_pattern(_metadata, self->in, 100 + i, i);
		ASSERT_EQ(100 + i, splice(self->out, NULL, self->sv[0], NULL, 1000, 0));
	}
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(100 + i, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
		EXPECT_EQ(-1, pattern_differs(buf, 100 + i, i, 0));
	}
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], buf, 1, MSG_DONTWAIT));
}

TEST_F(record, a_splice_receives_one_record)
{
	static const int lens[] = { 1, 100, 4096, 10000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		send_pattern(_metadata, self->sv[0], lens[i], i);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i],
			  splice(self->sv[1], NULL, self->in, NULL, 65536, 0));
		expect_pattern(_metadata, self->out, lens[i], i);
	}
	ASSERT_EQ(0, set_nonblock(self->sv[1], true));
	EXPECT_ERROR(EAGAIN, splice(self->sv[1], NULL, self->in, NULL, 65536, 0));
}

TEST_F(record, a_splice_of_less_cuts_the_record)
{
	send_pattern(_metadata, self->sv[0], 100, 1);
	send_pattern(_metadata, self->sv[0], 10, 2);
	EXPECT_EQ(20, splice(self->sv[1], NULL, self->in, NULL, 20, 0));
	expect_pattern(_metadata, self->out, 20, 1);
	EXPECT_EQ(10, splice(self->sv[1], NULL, self->in, NULL, 20, 0));
	expect_pattern(_metadata, self->out, 10, 2);
}

TEST_F(record, a_small_file_is_sent_as_one_record)
{
	unsigned char buf[1000];
	int fd;

	fd = file_of(500, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(500, sendfile(self->sv[0], fd, NULL, 1000));
	send_pattern(_metadata, self->sv[0], 300, 2);
	expect_file(_metadata, fd, 500, 1);
	ASSERT_EQ(500, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-1, pattern_differs(buf, 500, 1, 0));
	ASSERT_EQ(300, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-1, pattern_differs(buf, 300, 2, 0));
	close(fd);
}

TEST_F(record, a_full_socket_leaves_a_record_in_the_pipe)
{
	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	ASSERT_LT(0, send_until_full(self->sv[0]));
	send_pattern(_metadata, self->in, 100, 1);
	EXPECT_ERROR(EAGAIN, splice(self->out, NULL, self->sv[0], NULL, 100, 0));
	expect_pattern(_metadata, self->out, 100, 1);
}

TEST_F(record, what_was_spliced_out_does_not_change_when_more_is_sent)
{
	static const int lens[] = { 1, 64, 1000, 5000, 30000, 60000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		send_pattern(_metadata, self->sv[0], lens[i], i);
		ASSERT_EQ(lens[i],
			  splice(self->sv[1], NULL, self->in, NULL, 65536, 0));
		disturb(_metadata, self->sv);
		expect_pattern(_metadata, self->out, lens[i], i);
	}
}

TEST_HARNESS_MAIN
