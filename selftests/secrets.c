// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel had in its memory before does not come to a program: not with
 * names, padding, data, control messages or options, nor to a filter. The free
 * memory of the kernel is filled with something known first, and so is what a
 * call writes to: of the one nothing must show, of the other all that is behind
 * what the call says it wrote.
 *
 * Of a kernel that clears all memory it gives out (init_on_alloc), nothing could
 * show. The debug kernel does not; make check boots others with init_on_alloc=0, and
 * with slub_debug=P, whose poison is looked for, too. What is on the stack shows on the
 * debug kernel, where all that is not set is 0xfe (INIT_STACK_ALL_PATTERN); the others
 * are built to clear it (INIT_STACK_ALL_ZERO).
 */
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <sys/mman.h>

#include "demo_test.h"

#define SECRET	0xc5			/* in the kernel's free memory */
#define FILL	0xa7			/* in ours, before a call writes there */
#define LARGEST	20000

enum { SERVICE, CLIENT };		/* addresses of a test */

/* And in what nothing was written to: of the slabs (slub_debug=P), of the stack. */
static const unsigned char poison[] = { SECRET, 0x5a, 0x6b, 0xaa, 0xfe };

/* Fill free memory: pages, and what is allocated for messages of all sizes. */
static void bury_secrets(enum family family)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	static unsigned char secret[LARGEST];
	size_t i, len, pages = 1 << 20;
	int sv[2], n;
	void *p;

	memset(secret, SECRET, sizeof(secret));
	p = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		memset(p, SECRET, pages);
		munmap(p, pages);
	}
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (len = 16; len < LARGEST; len += len / 2) {
			if (socketpair(family_number(family), types[i], 0, sv))
				return;
			for (n = 0; n < 8; n++)
				send(sv[0], secret, len, MSG_DONTWAIT);
			close(sv[0]);
			close(sv[1]);
		}
	}
}

static bool untouched(const void *buf, size_t from, size_t to)
{
	const unsigned char *p = buf;

	while (from < to && p[from] == FILL)
		from++;
	return from >= to;
}

/* Four bytes in a row that look like what was there before. */
static bool shows_a_secret(const void *buf, size_t len)
{
	const unsigned char *p = buf;
	size_t i, j;

	for (i = 0; i + 4 <= len; i++)
		for (j = 0; j < sizeof(poison); j++)
			if (p[i] == poison[j] && p[i + 1] == poison[j] &&
			    p[i + 2] == poison[j] && p[i + 3] == poison[j])
				return true;
	return false;
}

FIXTURE(secrets) {
	int sv[2];
	union {
		unsigned char name[256];
		struct sockaddr sa;
		struct sockaddr_demo demo;
	};
	socklen_t len;
	unsigned char buf[LARGEST], sent[LARGEST];
};

FIXTURE_VARIANT(secrets) {
	enum family family;
	int type;
};

VARIANTS_ALL(secrets);

FIXTURE_SETUP(secrets)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, SERVICE, self->sv));
	bury_secrets(variant->family);
}

FIXTURE_TEARDOWN(secrets)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

#define EXPECT_CLEAN_NAME(room, call)						\
do {										\
	memset(self->name, FILL, sizeof(self->name));				\
	self->len = room;							\
	EXPECT_LE(0, (call));							\
	EXPECT_TRUE(untouched(self->name, self->len < (room) ? self->len : (room), \
			      sizeof(self->name)));				\
	EXPECT_FALSE(shows_a_secret(self->name, sizeof(self->name)));		\
	if (variant->family == FAMILY_DEMO) {					\
		EXPECT_EQ(sizeof(self->demo), self->len);			\
		if ((room) >= sizeof(self->demo)) {				\
			EXPECT_EQ(0, self->demo.sdm_reserved);			\
			EXPECT_EQ(0, self->demo.sdm_flags);			\
			EXPECT_EQ(0, self->demo.sdm_zero[0] | self->demo.sdm_zero[1] | \
				     self->demo.sdm_zero[2]);			\
		}								\
	}									\
} while (0)

TEST_F(secrets, names_are_as_long_as_they_say_and_clean)
{
	static const socklen_t rooms[] = { sizeof(self->name), 16, 5, 0 };
	int fd, listener;
	size_t i;

	fd = unbound_socket(variant->family, variant->type);
	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		EXPECT_CLEAN_NAME(rooms[i], getsockname(self->sv[0], &self->sa, &self->len));
		EXPECT_CLEAN_NAME(rooms[i], getsockname(self->sv[1], &self->sa, &self->len));
		EXPECT_CLEAN_NAME(rooms[i], getsockname(fd, &self->sa, &self->len));
		EXPECT_CLEAN_NAME(rooms[i], getpeername(self->sv[0], &self->sa, &self->len));
		EXPECT_CLEAN_NAME(rooms[i], getpeername(self->sv[1], &self->sa, &self->len));
		if (variant->type == SOCK_DGRAM)
			continue;
		listener = listening_socket(variant->family, variant->type, CLIENT, 8);
		close(connected_socket(variant->family, variant->type, CLIENT));
		EXPECT_CLEAN_NAME(rooms[i], close(accept(listener, &self->sa, &self->len)));
		close(listener);
	}
	close(fd);
}

/* Of a receive, whatever comes of it: nothing that was not written is told of. */
#define EXPECT_CLEAN_SENDER(result, flags)					\
do {										\
	char c;									\
										\
	memset(self->name, FILL, sizeof(self->name));				\
	self->len = sizeof(self->name);						\
	EXPECT_EQ(result, recvfrom(self->sv[1], &c, 1, (flags) | MSG_DONTWAIT,	\
				   &self->sa, &self->len));			\
	EXPECT_TRUE((result) < 0 ||						\
		    untouched(self->name, self->len, sizeof(self->name)));	\
	EXPECT_TRUE((result) > 0 || untouched(self->name, 0, sizeof(self->name))); \
	EXPECT_FALSE(shows_a_secret(self->name, sizeof(self->name)));		\
} while (0)

/* On AF_UNIX, only datagrams have a sender's name; else none is written. */
TEST_F(secrets, names_of_senders_too)
{
	static const int flags[] = { MSG_PEEK, 0 };
	size_t i;

	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_CLEAN_SENDER(1, flags[i]);
		if (variant->family == FAMILY_DEMO) {
			EXPECT_EQ(sizeof(self->demo), self->len);
			EXPECT_EQ(0, self->demo.sdm_reserved | self->demo.sdm_flags |
				     self->demo.sdm_zero[0] | self->demo.sdm_zero[1] |
				     self->demo.sdm_zero[2]);
		}
	}
	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(1, send(self->sv[0], "!", 1, MSG_OOB));
		EXPECT_CLEAN_SENDER(1, MSG_OOB);
		recv_until_empty(self->sv[1]);
	}
	/* Nobody has sent what is not there, nor the end. */
	EXPECT_CLEAN_SENDER(-1, 0);
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_CLEAN_SENDER(variant->type == SOCK_DGRAM ? -1 : 0, 0);
}

/* Sizes around those of the buffers; the first uses of them, and later ones. */
TEST_F(secrets, behind_the_data_nothing_is_written)
{
	static const int flags[] = { MSG_PEEK, MSG_TRUNC, 0 };
	ssize_t len;
	int round;
	size_t i;

	for (round = 0; round < 2; round++) {
		for (len = 1; len < LARGEST - 100; len += len / 4 + 1) {
			pattern_fill(self->sent, len, round, len);
			ASSERT_EQ(len, send(self->sv[0], self->sent, len, 0));
			for (i = 0; i < ARRAY_SIZE(flags); i++) {
				/* On a stream, MSG_TRUNC takes the bytes. */
				if (flags[i] == MSG_TRUNC && variant->type == SOCK_STREAM)
					continue;
				memset(self->buf, FILL, sizeof(self->buf));
				EXPECT_EQ(len, recv(self->sv[1], self->buf, sizeof(self->buf),
						    flags[i]));
				EXPECT_EQ(0, memcmp(self->buf, self->sent, len));
				EXPECT_TRUE(untouched(self->buf, len, sizeof(self->buf)));
				if (flags[i] == MSG_TRUNC) {
					ASSERT_EQ(len, send(self->sv[0], self->sent, len, 0));
				}
			}
			EXPECT_EQ(0, recv_until_empty(self->sv[1]));
		}
		/* A part of it, and the rest is not there any more, or is as sent. */
		ASSERT_EQ(1000, send(self->sv[0], self->sent, 1000, 0));
		memset(self->buf, FILL, sizeof(self->buf));
		EXPECT_EQ(10, recv(self->sv[1], self->buf, 10, 0));
		EXPECT_TRUE(untouched(self->buf, 10, sizeof(self->buf)));
		recv_until_empty(self->sv[1]);
	}
}

TEST_F(secrets, a_pipe_gets_what_was_sent_and_no_more)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	ASSERT_EQ(10, splice(self->sv[1], NULL, p[1], NULL, 4096, 0));
	memset(self->buf, FILL, sizeof(self->buf));
	EXPECT_EQ(10, read(p[0], self->buf, sizeof(self->buf)));
	EXPECT_EQ(0, memcmp(self->buf, "0123456789", 10));
	EXPECT_TRUE(untouched(self->buf, 10, sizeof(self->buf)));
	close(p[0]);
	close(p[1]);
}

/* A send whose data cannot be read to its end shows nothing of the room for it. */
TEST_F(secrets, what_could_not_be_copied_in_does_not_come_out)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned char *p;
	ssize_t n, got;
	long i;

	p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p + 3 * page, page));
	pattern_fill(p, 3 * page, 1, 0);
	for (i = 1; i < 3 * page; i += i / 2 + 7) {
		/* The last byte that can be read is the i-th. */
		n = send(self->sv[0], p + 3 * page - i, i + 100, MSG_DONTWAIT);
		memset(self->buf, FILL, sizeof(self->buf));
		got = recv(self->sv[1], self->buf, sizeof(self->buf), MSG_DONTWAIT);
		EXPECT_EQ(n, got);
		if (got > 0) {
			EXPECT_GE(i, got);
			EXPECT_EQ(-1, pattern_differs(self->buf, got, 1, 3 * page - i));
		}
		EXPECT_TRUE(untouched(self->buf, got > 0 ? got : 0, sizeof(self->buf)));
		/* and nothing of it is left in the way of what comes next */
		EXPECT_EQ(i, send(self->sv[0], p, i, 0));
		EXPECT_EQ(i, recv(self->sv[1], self->buf, sizeof(self->buf), 0));
		EXPECT_EQ(-1, pattern_differs(self->buf, i, 1, 0));
	}
	munmap(p, 3 * page);
}

/* What came beside the data is as long as it says; the descriptors are closed. */
static void expect_clean_control(struct __test_metadata *_metadata, struct msghdr *msg,
				 const union control *control)
{
	unsigned char *p, *top = (unsigned char *)control + msg->msg_controllen;
	struct cmsghdr *cmsg;
	size_t end;
	int *fd;

	EXPECT_TRUE(untouched(control, msg->msg_controllen, sizeof(*control)));
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		p = (unsigned char *)cmsg;
		end = CMSG_ALIGN(cmsg->cmsg_len);
		if (p + end > top)
			end = top - p;
		EXPECT_FALSE(shows_a_secret(p, cmsg->cmsg_len)) {
			TH_LOG("type %d, %zu bytes", cmsg->cmsg_type, cmsg->cmsg_len);
		}
		EXPECT_TRUE(untouched(p, cmsg->cmsg_len, end));
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (fd = (int *)CMSG_DATA(cmsg); (unsigned char *)fd < p + cmsg->cmsg_len; fd++)
			close(*fd);
	}
}

/* From none, in small steps, to room for all of them. */
#define EACH_ROOM(room)								\
	for (room = 0; room < sizeof(union control); room += room < 200 ? 4 : 200)

/* Receive what waits, or the end; with so much room for what comes beside it. */
static void expect_clean_receive(struct __test_metadata *_metadata, int fd, int flags,
				 size_t room)
{
	union control control;
	char c[10];
	struct iovec iov = { c, sizeof(c) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = &control, .msg_controllen = room };

	memset(&control, FILL, sizeof(control));
	ASSERT_LE(0, recvmsg(fd, &msg, flags | MSG_DONTWAIT));
	EXPECT_GE(room, msg.msg_controllen);
	expect_clean_control(_metadata, &msg, &control);
}

/* All that a socket can be asked to tell beside the data. */
TEST_F(secrets, control_messages_are_as_long_as_they_say_and_clean)
{
	static const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
				  SOF_TIMESTAMPING_RX_HARDWARE |
				  SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_PKTINFO;
	int fds[] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO };
	size_t room;

	/* Sent before anybody asked for credentials: they are nobody's. */
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	/* Where there is no such option, there is no such message. */
	set_number(self->sv[1], SO_INQ, 1);
	set_number(self->sv[1], SO_TIMESTAMPNS, 1);
	set_number(self->sv[1], SO_TIMESTAMPING, stamps);
	EACH_ROOM(room)
		expect_clean_receive(_metadata, self->sv[1], MSG_PEEK, room);
	expect_clean_receive(_metadata, self->sv[1], 0, sizeof(union control));
	EACH_ROOM(room) {
		ASSERT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, 3, NULL));
		expect_clean_receive(_metadata, self->sv[1], MSG_PEEK, room);
		expect_clean_receive(_metadata, self->sv[1], 0, room);
	}
	if (variant->type == SOCK_DGRAM)
		return;
	/* The end, which nobody has sent. */
	close(self->sv[0]);
	self->sv[0] = -1;
	EACH_ROOM(room)
		expect_clean_receive(_metadata, self->sv[1], 0, room);
}

FIXTURE_PAIR(notices, VARIANTS_NOTICES)

/* The notices of sends without a copy, which are control messages, too. */
TEST_F(notices, are_as_long_as_they_say_and_clean)
{
	const int on = 1;
	size_t room;

	bury_secrets(variant->family);
	ASSERT_EQ(0, setsockopt(self->sv[0], SOL_DEMO, DEMO_ZEROCOPY, &on, sizeof(on)));
	EACH_ROOM(room) {
		ASSERT_EQ(1, send(self->sv[0], "x", 1, MSG_ZEROCOPY));
		expect_clean_receive(_metadata, self->sv[0], MSG_ERRQUEUE, room);
	}
}

TEST_F(secrets, options_are_as_long_as_they_say_and_clean)
{
	static const int levels[] = { SOL_SOCKET, SOL_DEMO };
	socklen_t len, room;
	int option;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		for (option = 0; option < 128; option++) {
			/* One of which makes a descriptor. */
			if (levels[i] == SOL_SOCKET && option == 77)
				continue;
			for (room = 0; room < 300; room = room * 2 + 1) {
				memset(self->buf, FILL, sizeof(self->buf));
				len = room;
				getsockopt(self->sv[0], levels[i], option, self->buf, &len);
				len = len < room ? len : room;
				EXPECT_TRUE(untouched(self->buf, len, sizeof(self->buf)) &&
					    !shows_a_secret(self->buf, len)) {
					TH_LOG("level %d, option %d, room for %u, %u used",
					       levels[i], option, room, len);
				}
			}
		}
	}
}

/* Numbers, of which none is what nobody has written. */
TEST_F(secrets, fdinfo_tells_what_is_so)
{
	char name[64], number[16];
	unsigned int value;
	ssize_t len;
	int file, i;
	size_t j;

	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	for (i = 0; i < 2; i++) {
		sprintf(name, "/proc/self/fdinfo/%d", self->sv[i]);
		file = open(name, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, file);
		len = read(file, self->buf, sizeof(self->buf) - 1);
		close(file);
		ASSERT_LT(0, len);
		self->buf[len] = 0;
		EXPECT_EQ(len, (ssize_t)strlen((char *)self->buf));
		for (j = 0; j < sizeof(poison); j++) {
			value = poison[j] * 0x01010101u;
			sprintf(number, "%u", value);
			EXPECT_EQ(NULL, strstr((char *)self->buf, number));
			sprintf(number, "%d", (int)value);
			EXPECT_EQ(NULL, strstr((char *)self->buf, number));
		}
	}
}

TEST_F(secrets, ioctls_write_a_number)
{
	static const unsigned long requests[] = { FIONREAD, TIOCOUTQ, 0x8905 /* SIOCATMARK */ };
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		memset(self->buf, FILL, sizeof(self->buf));
		err = ioctl(self->sv[0], requests[i], self->buf);
		EXPECT_TRUE(untouched(self->buf, err ? 0 : sizeof(int), sizeof(self->buf)));
		if (!err) {
			EXPECT_EQ(0, *(int *)self->buf);
		}
	}
}

/* Filters: of records. */

FIXTURE(filter) {
	int sv[2];
	unsigned char buf[LARGEST];
};

FIXTURE_VARIANT(filter) {
	enum family family;
	int type;
};

VARIANTS_RECORD(filter);

FIXTURE_SETUP(filter)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, SERVICE, self->sv));
	bury_secrets(variant->family);
}

FIXTURE_TEARDOWN(filter)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

/* How much of a record of @len bytes goes through a filter that returns what it loads. */
static ssize_t pass_what_is_loaded(int sv[2], unsigned int size, unsigned int offset, size_t len)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | size | BPF_ABS, offset),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog filter = { .len = 2, .filter = code };
	static unsigned char record[LARGEST], got[LARGEST];
	ssize_t n;

	memset(record, 1, sizeof(record));
	if (setsockopt(sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		return -2;
	n = send(sv[0], record, len, MSG_DONTWAIT) != (ssize_t)len ? -3 :
	    recv(sv[1], got, sizeof(got), MSG_DONTWAIT);
	setsockopt(sv[1], SOL_SOCKET, SO_DETACH_FILTER, &n, sizeof(int));
	return n;
}

/* What is loaded from elsewhere would be there as the length of what passes. */
TEST_F(filter, sees_the_record_and_nothing_behind_it)
{
	static const size_t lens[] = { 1, 100, 700, 3000 };
	size_t i, behind;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(1, pass_what_is_loaded(self->sv, BPF_B, 0, lens[i]));
		EXPECT_EQ(1, pass_what_is_loaded(self->sv, BPF_B, lens[i] - 1, lens[i]));
		for (behind = 0; behind < 40; behind += 8) {
			EXPECT_EQ(-1, pass_what_is_loaded(self->sv, BPF_B, lens[i] + behind,
							  lens[i]));
			EXPECT_EQ(-1, pass_what_is_loaded(self->sv, BPF_B,
							  SKF_NET_OFF + lens[i] + behind,
							  lens[i]));
			EXPECT_EQ(-1, pass_what_is_loaded(self->sv, BPF_B,
							  SKF_LL_OFF + lens[i] + behind,
							  lens[i]));
		}
	}
}

TEST_F(filter, sees_no_properties_of_buffers_that_were_used_before)
{
	static const unsigned int properties[] = {
		SKF_AD_PROTOCOL, SKF_AD_IFINDEX, SKF_AD_MARK, SKF_AD_QUEUE, SKF_AD_HATYPE,
		SKF_AD_RXHASH, SKF_AD_VLAN_TAG, SKF_AD_VLAN_TAG_PRESENT, SKF_AD_VLAN_TPID,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(properties); i++) {
		EXPECT_EQ(-1, pass_what_is_loaded(self->sv, BPF_W, SKF_AD_OFF + properties[i],
						  500)) {
			TH_LOG("property %u", properties[i]);
		}
	}
}

/* A record that a filter cut is as long as it left it, with nothing behind. */
TEST_F(filter, what_it_cuts_off_is_gone)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 10) };
	struct sock_fprog filter = { .len = 1, .filter = code };
	unsigned char record[1000];
	int i;

	pattern_fill(record, sizeof(record), 1, 0);
	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter,
				sizeof(filter)));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1000 - i, send(self->sv[0], record, 1000 - i, 0));
		memset(self->buf, FILL, sizeof(self->buf));
		EXPECT_EQ(10, recv(self->sv[1], self->buf, sizeof(self->buf), MSG_TRUNC));
		EXPECT_EQ(-1, pattern_differs(self->buf, 10, 1, 0));
		EXPECT_TRUE(untouched(self->buf, 10, sizeof(self->buf)));
	}
}

TEST_HARNESS_MAIN
