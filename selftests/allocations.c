// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of each call fails once, and so does each copy from and to
 * user space. What a call says then is right, what was there before it is there
 * after, nothing is left behind, and the same call works when it is made again.
 *
 * Leaks of memory are for kmemleak to find, at the end of the tests.
 */
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "demo_test.h"
#include "fail_nth.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

#define LARGE		100000		/* more than one buffer, or page */
#define PIECES		20		/* more than the kernel has on its stack */

FIXTURE(allocations) {
	int sv[2];
};

FIXTURE_VARIANT(allocations) {
	enum family family;
	int type;
};

VARIANTS_DEMO(allocations);

FIXTURE_SETUP(allocations)
{
	NEED_FAMILY(variant->family);
	NEED_FAILURES();
	NEED_OWN_NETWORK();
}

FIXTURE_TEARDOWN(allocations)
{
	failures_off();
}

/*
 * So many failures are seen at least: of streams, of datagrams, of seqpackets.
 * It is what was counted, less one for each call, which may slip by.
 */
#define FLOOR(stream, dgram, seqpacket)						\
	(variant->type == SOCK_STREAM ? (stream) :				\
	 variant->type == SOCK_DGRAM ? (dgram) : (seqpacket))

#define IF_STREAM(a, b)		FLOOR(a, b, b)
#define IF_DGRAM(a, b)		FLOOR(b, a, b)

/* Without spares, that need not be allocated: new ones each time. */
#define OPEN_PAIR(sv)								\
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, sv))

static void close_pair(const int sv[2])
{
	close(sv[0]);
	close(sv[1]);
}

static unsigned char out[LARGE], in[2 * LARGE];

/* The data that is numbered so, from a place in it on. */
static void expect_data(struct __test_metadata *_metadata, int fd, size_t len,
			unsigned int seed, size_t pos)
{
	size_t n;

	memset(in, 0, sizeof(in));
	n = read_all(fd, in, len);
	EXPECT_EQ(len, n);
	EXPECT_EQ(-1, pattern_differs(in, n, seed, pos));
}

static void expect_idle(struct __test_metadata *_metadata, const int sv[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, unread(sv[i]));
		EXPECT_EQ(0, unsent(sv[i]));
		EXPECT_EQ(POLLOUT, poll_now(sv[i], POLLIN | POLLOUT | POLLPRI | POLLERR));
	}
}

/* A message goes each way, and nothing else with it. */
static void expect_usable(struct __test_metadata *_metadata, const int sv[2])
{
	struct beside b;
	char buf[8];
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(4, send(sv[i], "next", 4, MSG_DONTWAIT | MSG_NOSIGNAL));
		EXPECT_EQ(4, recv_beside(sv[!i], buf, sizeof(buf), 0, &b));
		EXPECT_EQ(0, memcmp(buf, "next", 4));
		EXPECT_EQ(0, b.nr_fds);
	}
	expect_idle(_metadata, sv);
}

TEST_F(allocations, a_socket_that_cannot_be_made_leaves_nothing)
{
	int fd, *sv = self->sv;

	EACH_FAILURE("socket", NOMEM | NFILE) {
		fd = FAILING(unbound_socket(variant->family, variant->type));
		if (fd >= 0)
			close(fd);
	}
	EACH_FAILURE("socketpair", NOMEM | NFILE) {
		if (!FAILING(socketpair(family_number(variant->family), variant->type, 0, sv))) {
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	EXPECT_VISITED(FLOOR(25, 25, 25));
}

TEST_F(allocations, a_name_that_cannot_be_given_is_free)
{
	struct address a = address(variant->family, 1), any = a, name;
	int fd, other, ret, *sv = self->sv;

	EACH_FAILURE("bind", NOMEM | FAULT) {
		fd = unbound_socket(variant->family, variant->type);
		ret = FAILING(bind_to(fd, &a));
		if (ret) {
			name = own_address(fd);
			EXPECT_EQ(DEMO_PORT_ANY, name.demo.sdm_port);
			other = bound_socket(variant->family, variant->type, 1);
			EXPECT_LE(0, other);
			close(other);
			EXPECT_EQ(0, bind_to(fd, &a));
		}
		name = own_address(fd);
		EXPECT_TRUE(same_address(&a, &name));
		close(fd);
	}
	any.demo.sdm_port = DEMO_PORT_ANY;
	EACH_FAILURE("bind, any port", NOMEM | FAULT) {
		fd = unbound_socket(variant->family, variant->type);
		ret = FAILING(bind_to(fd, &any));
		if (ret) {
			EXPECT_EQ(0, bind_to(fd, &any));
		}
		name = own_address(fd);
		EXPECT_NE(DEMO_PORT_ANY, name.demo.sdm_port);
		close(fd);
	}
	OPEN_PAIR(sv);
	EACH_FAILURE("getsockname", FAULT) {
		name.len = sizeof(name.storage);
		FAILING(getsockname(sv[0], &name.sa, &name.len));
	}
	EACH_FAILURE("getpeername", FAULT) {
		name.len = sizeof(name.storage);
		FAILING(getpeername(sv[0], &name.sa, &name.len));
	}
	expect_usable(_metadata, sv);
	close_pair(sv);
	EXPECT_VISITED(FLOOR(6, 6, 6));
}

/* One that was not made is not seen by the listener, and can be made then. */
TEST_F(allocations, a_connection_that_cannot_be_made_is_not_there)
{
	struct address a = address(variant->family, 1), name;
	int named, listener, ret, *sv = self->sv;

	listener = service_socket(variant->family, variant->type, 1);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, set_nonblock(listener, true));
	for (named = 0; named < 2; named++) {
		EACH_FAILURE(named ? "connect" : "connect, without a name",
			     named ? IF_DGRAM(FAULT, NOMEM | FAULT) : NOMEM | FAULT) {
			sv[0] = named ? bound_socket(variant->family, variant->type, 2) :
					unbound_socket(variant->family, variant->type);
			ret = FAILING(connect_to(sv[0], &a));
			if (ret) {
				EXPECT_ERROR(ENOTCONN, getpeername(sv[0], &name.sa, &name.len));
				EXPECT_EQ(0, poll_now(listener, POLLIN));
				EXPECT_EQ(0, connect_to(sv[0], &a));
			}
			name = peer_address(sv[0]);
			EXPECT_TRUE(same_address(&a, &name));
			if (variant->type == SOCK_DGRAM) {
				EXPECT_EQ(1, send(sv[0], "a", 1, 0));
				EXPECT_EQ(1, recv(listener, in, sizeof(in), 0));
			} else {
				sv[1] = accept(listener, NULL, NULL);
				EXPECT_LE(0, sv[1]);
				EXPECT_EQ(0, poll_now(listener, POLLIN));
				expect_usable(_metadata, sv);
				close(sv[1]);
			}
			close(sv[0]);
		}
	}
	close(listener);
	EXPECT_VISITED(FLOOR(8, 3, 8));
}

/* It waits on. But the name is given last: then it is gone, and hears of it. */
TEST_F(allocations, a_connection_that_cannot_be_accepted_waits_or_ends)
{
	struct address name;
	int named, listener, *sv = self->sv;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "datagram sockets have no accept()");
	listener = listening_socket(variant->family, variant->type, 1, 8);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, set_nonblock(listener, true));
	EACH_FAILURE("listen", 0) {
		FAILING(listen(listener, 8));
	}
	for (named = 0; named < 2; named++) {
		EACH_FAILURE(named ? "accept, with a name" : "accept",
			     NOMEM | NFILE | (named ? FAULT : 0)) {
			sv[0] = connected_socket(variant->family, variant->type, 1);
			EXPECT_LE(0, sv[0]);
			name.len = sizeof(name.storage);
			sv[1] = FAILING(accept(listener, named ? &name.sa : NULL,
					       named ? &name.len : NULL));
			if (sv[1] < 0 && errno == EFAULT) {
				EXPECT_ERROR(EAGAIN, accept(listener, NULL, NULL));
				EXPECT_EQ(POLLIN | POLLHUP, poll_now(sv[0], POLLIN));
				EXPECT_EQ(0, recv(sv[0], in, 1, 0));
				close(sv[0]);
				continue;
			}
			if (sv[1] < 0)
				sv[1] = accept(listener, NULL, NULL);
			EXPECT_LE(0, sv[1]);
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	close(listener);
	EXPECT_VISITED(FLOOR(11, 0, 11));
}

/* Ways to send. */

static ssize_t send_plain(int fd, size_t len)
{
	return send(fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_urgent(int fd, size_t len)
{
	return send(fd, out, len, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_pinned(int fd, size_t len)
{
	return send(fd, out, len, MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* How many notices of sends without a copy there were. */
static int recv_notices(int fd)
{
	int n = 0;

	while (!recv(fd, in, 0, MSG_ERRQUEUE | MSG_DONTWAIT))
		n++;
	return n;
}

static void in_pieces(struct iovec *iov, void *buf, size_t len)
{
	size_t i;

	for (i = 0; i < PIECES; i++)
		iov[i] = (struct iovec) { buf + i * (len / PIECES), len / PIECES };
}

static ssize_t send_pieces(int fd, size_t len)
{
	struct iovec iov[PIECES];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = PIECES };

	in_pieces(iov, out, len);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_creds(int fd, size_t len)
{
	struct ucred creds = { getpid(), getuid(), getgid() };

	return send_beside(fd, out, len, MSG_DONTWAIT, NULL, 0, &creds);
}

static ssize_t send_to_first(int fd, size_t len)
{
	struct address a = address(FAMILY_DEMO, 2);

	return sendto(fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL, &a.sa, a.len);
}

enum {
	OF_STREAM	= 1 << SOCK_STREAM,
	OF_DGRAM	= 1 << SOCK_DGRAM,
	OF_SEQPACKET	= 1 << SOCK_SEQPACKET,
	OF_RECORDS	= OF_DGRAM | OF_SEQPACKET,
	OF_ALL		= OF_STREAM | OF_RECORDS,
};

enum before { NOTHING, SOMETHING, A_SPARE, CREDS_WANTED, PINS };

static const struct {
	const char *what;
	ssize_t (*how)(int fd, size_t len);
	ssize_t len;
	enum before before;
	unsigned int errors, types;
} sends[] = {
	{ "send", send_plain, 10, NOTHING, NOBUFS | FAULT, OF_ALL },
	/* What a stream cannot copy at once is copied again. */
	{ "send behind others", send_plain, 10, SOMETHING, 0, OF_STREAM },
	{ "send behind others", send_plain, 10, SOMETHING, NOBUFS | FAULT, OF_RECORDS },
	{ "send with a spare", send_plain, 10, A_SPARE, 0, OF_STREAM },
	{ "send with a spare", send_plain, 10, A_SPARE, FAULT, OF_RECORDS },
	{ "send a page", send_plain, 4096, NOTHING, NOBUFS | FAULT, OF_ALL },
	{ "send much", send_plain, LARGE, NOTHING, NOBUFS | FAULT, OF_ALL },
	/* A stream sends what still finds room there. */
	{ "send much behind others", send_plain, LARGE, SOMETHING, FAULT, OF_STREAM },
	{ "send much behind others", send_plain, LARGE, SOMETHING, NOBUFS | FAULT, OF_RECORDS },
	{ "send pieces", send_pieces, 1000, NOTHING, NOMEM | NOBUFS | FAULT, OF_ALL },
	/* That of a stream tries again with less. */
	{ "send much in pieces", send_pieces, LARGE, NOTHING, NOMEM | FAULT, OF_STREAM },
	{ "send much in pieces", send_pieces, LARGE, NOTHING, NOMEM | NOBUFS | FAULT,
	  OF_RECORDS },
	{ "send urgent", send_urgent, 10, NOTHING, NOBUFS | FAULT, OF_STREAM },
	{ "send urgent behind others", send_urgent, 10, SOMETHING, 0, OF_STREAM },
	{ "send without a copy", send_pinned, LARGE, PINS, NOBUFS, OF_STREAM },
	{ "send to an address", send_to_first, 10, NOTHING, NOBUFS | FAULT, OF_DGRAM },
	{ "send credentials", send_creds, 10, NOTHING, NOMEM | NOBUFS | FAULT, OF_ALL },
	{ "send to one who wants credentials", send_plain, 10, CREDS_WANTED, NOBUFS | FAULT,
	  OF_ALL },
};

TEST_F(allocations, a_send_that_fails_sends_nothing_or_what_it_says)
{
	const int on = 1;
	int *sv = self->sv;
	ssize_t ret;
	size_t i;

	pattern_fill(out, sizeof(out), 2, 0);
	for (i = 0; i < ARRAY_SIZE(sends); i++) {
		bool aged = false;

		if (!(sends[i].types & 1 << variant->type))
			continue;
		EACH_FAILURE(sends[i].what, sends[i].errors) {
			OPEN_PAIR(sv);
			if (sends[i].before == A_SPARE)
				expect_usable(_metadata, sv);
			if (sends[i].before == CREDS_WANTED)
				ASSERT_EQ(0, set_number(sv[1], SO_PASSCRED, 1));
			if (sends[i].before == PINS)
				ASSERT_EQ(0, setsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &on,
							sizeof(on)));
			if (sends[i].before == SOMETHING)
				ASSERT_EQ(7, send(sv[0], "earlier", 7, 0));

			ret = FAILING(sends[i].how(sv[0], sends[i].len));

			/* On a busy machine it may be too old by then, and gone: once. */
			if (sends[i].before == A_SPARE && ret < 0 && errno == ENOBUFS &&
			    !aged) {
				aged = true;
				sweep.seen &= ~NOBUFS;
			}
			if (sends[i].before == SOMETHING) {
				EXPECT_EQ(7, recv(sv[1], in, 7, MSG_DONTWAIT));
				EXPECT_EQ(0, memcmp("earlier", in, 7));
			}
			if (ret > 0 && sends[i].how == send_urgent) {
				if (ret == sends[i].len) {
					EXPECT_EQ(1, recv(sv[1], in, 1, MSG_OOB));
					ret--;
				}
			}
			if (ret > 0) {
				if (variant->type != SOCK_STREAM)
					EXPECT_EQ(sends[i].len, ret);
				expect_data(_metadata, sv[1], ret, 2, 0);
			}
			/* Where an urgent byte was is a mark, and costs a buffer. */
			if (sends[i].how == send_urgent) {
				EXPECT_ERROR(EAGAIN, recv(sv[1], in, 1, MSG_DONTWAIT));
			}
			if (sends[i].before == PINS) {
				EXPECT_EQ(ret > 0, recv_notices(sv[0]));
			}
			expect_idle(_metadata, sv);
			EXPECT_EQ(sends[i].len, send_plain(sv[0], sends[i].len));
			expect_data(_metadata, sv[1], sends[i].len, 2, 0);
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	EXPECT_VISITED(FLOOR(125, 140, 135));
}

/* A sender that has no name gets one, also when it then cannot send. */
TEST_F(allocations, a_sender_that_cannot_be_given_a_name_sends_nothing)
{
	struct address from = { .len = sizeof(from.storage) }, name;
	int fd, receiver;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "only datagrams are sent without a connection");
	receiver = bound_socket(variant->family, variant->type, 2);
	EACH_FAILURE("send without a name", NOMEM | NOBUFS | FAULT) {
		fd = unbound_socket(variant->family, variant->type);
		if (FAILING(send_to_first(fd, 10)) < 0) {
			EXPECT_ERROR(EAGAIN, recv(receiver, in, 1, MSG_DONTWAIT));
			EXPECT_EQ(10, send_to_first(fd, 10));
		}
		name = own_address(fd);
		EXPECT_EQ(10, recvfrom(receiver, in, sizeof(in), MSG_DONTWAIT, &from.sa,
				       &from.len));
		EXPECT_TRUE(same_address(&name, &from));
		EXPECT_EQ(0, unsent(fd));
		close(fd);
	}
	close(receiver);
	EXPECT_VISITED(7);
}

#define MESSAGES	3

/* Messages before the one that fails are sent, or received, and counted. */
TEST_F(allocations, of_many_messages_those_before_the_failure_count)
{
	struct iovec iov[MESSAGES];
	struct mmsghdr msgs[MESSAGES] = {};
	int *sv = self->sv, i, ret;

	pattern_fill(out, sizeof(out), 2, 0);
	for (i = 0; i < MESSAGES; i++) {
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	EACH_FAILURE("sendmmsg", NOBUFS | FAULT) {
		OPEN_PAIR(sv);
		for (i = 0; i < MESSAGES; i++)
			iov[i] = (struct iovec) { out + 5000 * i, 5000 };
		ret = FAILING(sendmmsg(sv[0], msgs, MESSAGES, MSG_DONTWAIT | MSG_NOSIGNAL));
		for (i = 0; i < ret; i++)
			expect_data(_metadata, sv[1], msgs[i].msg_len, 2, 5000 * i);
		/* A copy may fail after the message was sent: it does not count. */
		if (ret < MESSAGES && unread(sv[1])) {
			EXPECT_LE(1, recv(sv[1], in, 5000, MSG_DONTWAIT));
		}
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	EACH_FAILURE("recvmmsg", FAULT) {
		OPEN_PAIR(sv);
		for (i = 0; i < MESSAGES; i++) {
			iov[i] = (struct iovec) { in + 5000 * i, 5000 };
			ASSERT_EQ(5000, send(sv[0], out + 5000 * i, 5000, 0));
		}
		ret = FAILING(recvmmsg(sv[1], msgs, MESSAGES, MSG_DONTWAIT, NULL));
		for (i = 0; i < ret; i++)
			EXPECT_EQ(-1, pattern_differs(iov[i].iov_base, msgs[i].msg_len, 2,
						      5000 * i));
		/* The core keeps the error of the one that failed. */
		i = get_number(sv[1], SO_ERROR);
		EXPECT_TRUE(!i || (ret > 0 && i == EFAULT));
		EXPECT_LE(0, recv_until_empty(sv[1]));
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	EXPECT_VISITED(FLOOR(19, 19, 19));
}

/* Ways to receive. */

static ssize_t recv_plain(int fd, size_t len)
{
	return recv(fd, in, len, MSG_DONTWAIT);
}

static ssize_t recv_peek(int fd, size_t len)
{
	return recv(fd, in, len, MSG_DONTWAIT | MSG_PEEK);
}

static ssize_t recv_trunc(int fd, size_t len)
{
	return recv(fd, in, len / 2, MSG_DONTWAIT | MSG_TRUNC);
}

static ssize_t recv_name(int fd, size_t len)
{
	struct address a = { .len = sizeof(a.storage) };

	return recvfrom(fd, in, len, MSG_DONTWAIT, &a.sa, &a.len);
}

static ssize_t recv_pieces(int fd, size_t len)
{
	struct iovec iov[PIECES];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = PIECES };

	in_pieces(iov, in, len);
	return recvmsg(fd, &msg, MSG_DONTWAIT);
}

static struct beside beside;

static ssize_t recv_control(int fd, size_t len)
{
	return recv_beside(fd, in, len, 0, &beside);
}

static const struct {
	const char *what;
	ssize_t (*how)(int fd, size_t len);
	ssize_t len;
	unsigned int errors, types;
	int option;		/* set before */
	bool loses;		/* what a stream gave may be lost */
} recvs[] = {
	{ "receive", recv_plain, 10, FAULT, OF_ALL },
	{ "receive much", recv_plain, LARGE, FAULT, OF_ALL },
	{ "receive pieces", recv_pieces, 1000, NOMEM | FAULT, OF_ALL },
	{ "receive much in pieces", recv_pieces, LARGE, NOMEM | FAULT, OF_ALL },
	{ "peek", recv_peek, 10, FAULT, OF_ALL },
	{ "peek at much", recv_peek, LARGE, FAULT, OF_ALL },
	{ "receive a part", recv_trunc, 1000, FAULT, OF_ALL },
	{ "receive with a name", recv_name, 1000, FAULT, OF_ALL, .loses = true },
	{ "receive with credentials", recv_control, 1000, FAULT, OF_ALL, SO_PASSCRED, true },
	{ "receive with what is left", recv_control, 1000, FAULT, OF_STREAM, SO_INQ, true },
	{ "receive with a time stamp", recv_control, 1000, FAULT, OF_RECORDS, SO_TIMESTAMP, true },
};

TEST_F(allocations, a_receive_that_fails_costs_no_more_than_a_record)
{
	int *sv = self->sv;
	ssize_t ret, left, len;
	size_t i;

	pattern_fill(out, sizeof(out), 2, 0);
	for (i = 0; i < ARRAY_SIZE(recvs); i++) {
		if (!(recvs[i].types & 1 << variant->type))
			continue;
		len = recvs[i].len;
		EACH_FAILURE(recvs[i].what, recvs[i].errors) {
			OPEN_PAIR(sv);
			if (recvs[i].option)
				ASSERT_EQ(0, set_number(sv[1], recvs[i].option, 1));
			ASSERT_EQ(len, send_plain(sv[0], len));

			ret = FAILING(recvs[i].how(sv[1], len));

			left = unread(sv[1]);
			if (ret >= 0 && recvs[i].how != recv_trunc) {
				EXPECT_EQ(-1, pattern_differs(in, ret, 2, 0));
			}
			if (recvs[i].how == recv_peek) {
				EXPECT_EQ(len, left);
			} else if (variant->type != SOCK_STREAM) {
				EXPECT_TRUE(!left || left == len);
			} else if (ret >= 0) {
				EXPECT_EQ(len - ret, left);
			} else {
				EXPECT_TRUE(left == len || (recvs[i].loses && !left));
			}
			if (left)
				expect_data(_metadata, sv[1], left, 2, len - left);
			expect_idle(_metadata, sv);
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	EXPECT_VISITED(FLOOR(60, 60, 60));
}

/*
 * The first of a connection is allocated; the second is not, whatever its length.
 * Every other length passes a filter, which keeps all of it.
 */
TEST_F(allocations, a_record_as_long_as_the_last_takes_its_buffer)
{
	struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog filter = { .len = 1, .filter = &keep };
	unsigned int first, second, tries;
	static char record[120000];
	int *sv = self->sv;
	size_t len;

	if (variant->type == SOCK_STREAM)
		SKIP(return, "how long the buffers of a stream are is not for its writer to say");
	for (len = 1; len < sizeof(record); len += len < 10000 ? 61 : 1999) {
		OPEN_PAIR(sv);
		if (len & 1)
			ASSERT_EQ(0, setsockopt(sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter,
						sizeof(filter)));
		first = POINTS_OF(send(sv[0], record, len, MSG_DONTWAIT));
		tries = 0;
		do {
			ASSERT_EQ((ssize_t)len, recv(sv[1], record, len, MSG_DONTWAIT));
			second = POINTS_OF(send(sv[0], record, len, MSG_DONTWAIT));
			/* One that is not used for some time is freed. */
		} while (second >= first && ++tries < 10);
		EXPECT_LT(second, first) {
			TH_LOG("%zu bytes: %u allocations and copies, then %u", len, first,
			       second);
		}
		close_pair(sv);
	}
}

/*
 * When as much was sent as there is room for, the spares are of that size. Those go,
 * not the ones that are wanted now: sends soon allocate nothing again.
 */
TEST_F(allocations, spares_of_a_size_that_is_not_wanted_any_more_do_not_stay)
{
	unsigned int first = UINT_MAX, now, in_a_row = 0, sends = 0;
	static char large[8192];
	int *sv = self->sv, i;
	char small[64] = "";

	if (variant->type == SOCK_STREAM)
		SKIP(return, "small writes on a stream find a buffer at rest, and need no spare");
	/* The less of two: a slab or a page may have had to be allocated, too. */
	for (i = 0; i < 2; i++) {
		if (i)
			close_pair(sv);
		OPEN_PAIR(sv);
		now = POINTS_OF(send(sv[0], small, sizeof(small), MSG_DONTWAIT));
		first = now < first ? now : first;
	}
	ASSERT_EQ((ssize_t)sizeof(small), recv(sv[1], small, sizeof(small), MSG_DONTWAIT));

	/* Spares that wait too long are freed, whatever their size: be quick, or try again. */
	for (i = 0; i < 5 && in_a_row < 10; i++) {
		while (send(sv[0], large, sizeof(large), MSG_DONTWAIT) > 0)
			;
		ASSERT_EQ(EAGAIN, errno);
		while (recv(sv[1], large, sizeof(large), MSG_DONTWAIT) > 0)
			;
		in_a_row = 0;
		for (sends = 0; sends < 20 && in_a_row < 10; sends++) {
			now = POINTS_OF(send(sv[0], small, sizeof(small), MSG_DONTWAIT));
			ASSERT_EQ((ssize_t)sizeof(small),
				  recv(sv[1], small, sizeof(small), MSG_DONTWAIT));
			in_a_row = now < first ? in_a_row + 1 : 0;
		}
	}
	EXPECT_EQ(10u, in_a_row) {
		TH_LOG("of %u sends no ten in a row without an allocation", sends);
	}
	close_pair(sv);
}

TEST_F(allocations, a_notice_that_cannot_be_read_waits)
{
	int *sv = self->sv, on = 1, ret;

	if (variant->type != SOCK_STREAM)
		SKIP(return, "only streams have notices of sends without a copy");
	EACH_FAILURE("receive a notice", FAULT) {
		OPEN_PAIR(sv);
		ASSERT_EQ(0, setsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &on, sizeof(on)));
		ASSERT_EQ(1, send(sv[0], "a", 1, MSG_ZEROCOPY));
		ret = FAILING(recv_beside(sv[0], in, 1, MSG_ERRQUEUE, &beside));
		if (!ret) {
			EXPECT_TRUE(beside.flags & MSG_ERRQUEUE);
		}
		EXPECT_EQ(ret < 0, recv_notices(sv[0]));
		EXPECT_EQ(1, recv(sv[1], in, 1, MSG_DONTWAIT));
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	EXPECT_VISITED(1);
}

TEST_F(allocations, an_urgent_byte_that_cannot_be_read_is_all_that_is_lost)
{
	int *sv = self->sv, ret;

	if (variant->type != SOCK_STREAM)
		SKIP(return, "only streams have urgent bytes");
	EACH_FAILURE("receive urgent", FAULT) {
		OPEN_PAIR(sv);
		ASSERT_EQ(7, send(sv[0], "earlier", 7, 0));
		ASSERT_EQ(1, send(sv[0], "!", 1, MSG_OOB));
		ASSERT_EQ(5, send(sv[0], "later", 5, 0));
		ret = FAILING(recv(sv[1], in, 1, MSG_OOB | MSG_DONTWAIT));
		if (ret > 0) {
			EXPECT_EQ('!', in[0]);
		}
		EXPECT_EQ(7, recv(sv[1], in, sizeof(in), MSG_DONTWAIT));
		EXPECT_EQ(5, recv(sv[1], in, sizeof(in), MSG_DONTWAIT));
		EXPECT_EQ(0, memcmp(in, "later", 5));
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	EXPECT_VISITED(1);
}

/* Descriptors. */

/* This process as root without capabilities, which has a limit. */
static bool drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	return !syscall(SYS_capset, &head, none);
}

/* Nothing counts as in flight: all that the limit allows may be sent. */
static void expect_none_in_flight(struct __test_metadata *_metadata, enum family family)
{
	const struct rlimit limit = { 40, 40 };
	int fds[41], sv[2], i;
	struct beside b;
	pid_t pid;

	pid = fork_child();
	if (!pid) {
		if (socketpair(family_number(family), SOCK_STREAM, 0, sv) ||
		    setrlimit(RLIMIT_NOFILE, &limit) || !drop_capabilities())
			_exit(1);
		for (i = 0; i < 41; i++)
			fds[i] = 1;
		if (send_beside(sv[0], "x", 1, 0, fds, 41, NULL) != -1 || errno != ETOOMANYREFS)
			_exit(2);
		_exit(send_beside(sv[0], "x", 1, 0, fds, 40, NULL) != 1 ? 3 :
		      recv_beside(sv[1], in, 1, 0, &b) != 1);
	}
	EXPECT_EQ(0, child_exit(pid));
}

enum cargo { A_FILE, MANY_FILES, A_SOCKET, SOCKETS };

/*
 * Something to send: fds, which the caller closes, as often as it has them. Then
 * nobody has one of them exactly when witness hangs up.
 */
struct goods {
	int fds[MAX_FDS], nr, witness;
};

static bool goods_make(struct goods *g, enum cargo what, enum family family)
{
	int ends[2], i;

	g->nr = what == MANY_FILES ? MAX_FDS : what == SOCKETS ? 10 : 1;
	if (what == A_FILE || what == MANY_FILES ? pipe2(ends, O_CLOEXEC) :
	    socketpair(family_number(family), SOCK_STREAM, 0, ends))
		return false;
	g->witness = ends[0];
	for (i = 0; i < g->nr; i++)
		g->fds[i] = i ? dup(ends[1]) : ends[1];
	return true;
}

static void goods_close(struct goods *g)
{
	while (g->nr)
		close(g->fds[--g->nr]);
}

static void goods_expect_closed(struct __test_metadata *_metadata, struct goods *g)
{
	EXPECT_TRUE(poll_now(g->witness, POLLIN) & POLLHUP);
	close(g->witness);
}

static const char *const cargo_names[] = {
	"a file", "many files", "a socket", "sockets",
};

TEST_F(allocations, descriptors_that_cannot_be_sent_are_closed)
{
	int *sv = self->sv, nr;
	struct goods goods;
	enum cargo cargo;
	struct beside b;
	ssize_t ret;

	for (cargo = A_FILE; cargo <= SOCKETS; cargo++) {
		EACH_FAILURE(cargo_names[cargo], NOMEM | NOBUFS | FAULT) {
			OPEN_PAIR(sv);
			ASSERT_TRUE(goods_make(&goods, cargo, variant->family));
			nr = goods.nr;
			ret = FAILING(send_beside(sv[0], "x", 1, MSG_DONTWAIT, goods.fds, nr,
						  NULL));
			if (ret < 0) {
				expect_idle(_metadata, sv);
				EXPECT_EQ(1, send_beside(sv[0], "x", 1, MSG_DONTWAIT, goods.fds,
							 nr, NULL));
			}
			goods_close(&goods);
			EXPECT_EQ(1, recv_beside(sv[1], in, 1, 0, &b));
			EXPECT_EQ(nr, b.nr_fds);
			close_fds(&b);
			goods_expect_closed(_metadata, &goods);
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	expect_none_in_flight(_metadata, variant->family);
	EXPECT_VISITED(FLOOR(53, 53, 53));
}

TEST_F(allocations, descriptors_that_cannot_be_sent_to_a_pending_connection_are_closed)
{
	int *sv = self->sv, listener;
	struct goods goods;
	struct beside b;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "datagram sockets have no pending connections");
	EACH_FAILURE("a socket, to a pending connection", NOMEM | NOBUFS | FAULT) {
		listener = listening_socket(variant->family, variant->type, 1, 8);
		sv[0] = connected_socket(variant->family, variant->type, 1);
		ASSERT_LE(0, sv[0]);
		ASSERT_TRUE(goods_make(&goods, A_SOCKET, variant->family));
		if (FAILING(send_beside(sv[0], "x", 1, MSG_DONTWAIT, goods.fds, 1, NULL)) < 0) {
			EXPECT_EQ(0, unsent(sv[0]));
			EXPECT_EQ(1, send_beside(sv[0], "x", 1, MSG_DONTWAIT, goods.fds, 1,
						 NULL));
		}
		goods_close(&goods);
		/* What would be a cycle is seen to be one. */
		EXPECT_EQ(ELOOP, send_fd(sv[0], listener));
		sv[1] = accept(listener, NULL, NULL);
		EXPECT_EQ(1, recv_beside(sv[1], in, 1, 0, &b));
		EXPECT_EQ(1, b.nr_fds);
		close_fds(&b);
		goods_expect_closed(_metadata, &goods);
		expect_usable(_metadata, sv);
		close_pair(sv);
		close(listener);
	}
	expect_none_in_flight(_metadata, variant->family);
	EXPECT_VISITED(FLOOR(16, 0, 16));
}

/* They come, or are closed, and then the reader is told so: MSG_CTRUNC. */
TEST_F(allocations, descriptors_that_cannot_be_received_are_closed)
{
	int *sv = self->sv, peek, nr, i;
	struct goods goods;
	enum cargo cargo;
	struct beside b;
	char what[64];
	ssize_t ret;

	for (i = 0; i <= 2 * SOCKETS + 1; i++) {
		cargo = i / 2;
		peek = i % 2;
		sprintf(what, "%s %s", peek ? "peek at" : "receive", cargo_names[cargo]);
		EACH_FAILURE(what, FAULT) {
			OPEN_PAIR(sv);
			ASSERT_TRUE(goods_make(&goods, cargo, variant->family));
			nr = goods.nr;
			EXPECT_EQ(1, send_beside(sv[0], "x", 1, 0, goods.fds, nr, NULL));
			goods_close(&goods);
			memset(&b, 0, sizeof(b));
			ret = FAILING(recv_beside(sv[1], in, 1, peek ? MSG_PEEK : 0, &b));
			if (ret >= 0 && !peek) {
				EXPECT_EQ(1, ret);
				EXPECT_TRUE(b.nr_fds == nr || b.flags & MSG_CTRUNC);
				EXPECT_EQ(0, unread(sv[1]));
			}
			close_fds(&b);
			if (unread(sv[1])) {
				EXPECT_EQ(1, recv_beside(sv[1], in, 1, 0, &b));
				EXPECT_EQ(nr, b.nr_fds);
				close_fds(&b);
			}
			goods_expect_closed(_metadata, &goods);
			expect_idle(_metadata, sv);
			expect_usable(_metadata, sv);
			close_pair(sv);
		}
	}
	expect_none_in_flight(_metadata, variant->family);
	EXPECT_VISITED(FLOOR(20, 20, 20));
}

TEST_F(allocations, a_close_cannot_fail)
{
	struct goods goods;
	int *sv = self->sv;

	EACH_FAILURE("shutdown", 0) {
		OPEN_PAIR(sv);
		FAILING(shutdown(sv[0], SHUT_RDWR));
		close_pair(sv);
	}
	EACH_FAILURE("close", 0) {
		OPEN_PAIR(sv);
		ASSERT_EQ(LARGE, send_plain(sv[0], LARGE));
		ASSERT_TRUE(goods_make(&goods, SOCKETS, variant->family));
		EXPECT_EQ(1, send_beside(sv[0], "x", 1, 0, goods.fds, goods.nr, NULL));
		goods_close(&goods);
		FAILING(close(sv[1]));
		goods_expect_closed(_metadata, &goods);
		close(sv[0]);
	}
	expect_none_in_flight(_metadata, variant->family);
}

/* Files. */

TEST_F(allocations, a_splice_that_fails_loses_no_more_than_a_record)
{
	int *sv = self->sv, p[2], file;
	const ssize_t len = 10000;
	ssize_t ret, left;
	off_t offset;

	pattern_fill(out, sizeof(out), 2, 0);
	EACH_FAILURE("splice to a pipe", NOMEM) {
		OPEN_PAIR(sv);
		ASSERT_EQ(0, pipe(p));
		ASSERT_EQ(len, send_plain(sv[0], len));
		ret = FAILING(splice(sv[1], NULL, p[1], NULL, len, SPLICE_F_NONBLOCK));
		EXPECT_NE(0, ret);
		if (ret > 0)
			expect_data(_metadata, p[0], ret, 2, 0);
		EXPECT_EQ(0, unread(p[0]));
		left = unread(sv[1]);
		if (variant->type == SOCK_STREAM) {
			EXPECT_EQ(len - (ret > 0 ? ret : 0), left);
		}
		if (left)
			expect_data(_metadata, sv[1], left, 2, len - left);
		expect_usable(_metadata, sv);
		close_pair(p);
		close_pair(sv);
	}
	EACH_FAILURE("splice from a pipe", NOBUFS) {
		OPEN_PAIR(sv);
		ASSERT_EQ(0, pipe(p));
		ASSERT_EQ((size_t)len, write_all(p[1], out, len));
		ret = FAILING(splice(p[0], NULL, sv[0], NULL, len, SPLICE_F_NONBLOCK));
		if (ret > 0)
			expect_data(_metadata, sv[1], ret, 2, 0);
		else
			ret = 0;
		EXPECT_EQ(len - ret, unread(p[0]));
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(p);
		close_pair(sv);
	}
	file = memfd_create("data", MFD_CLOEXEC);
	ASSERT_EQ((size_t)len, write_all(file, out, len));
	EACH_FAILURE("sendfile", IF_STREAM(NOMEM | FAULT, NOMEM | NOBUFS | FAULT)) {
		OPEN_PAIR(sv);
		offset = 0;
		ret = FAILING(sendfile(sv[0], file, &offset, len));
		if (ret > 0) {
			EXPECT_EQ(ret, offset);
			expect_data(_metadata, sv[1], ret, 2, 0);
		}
		recv_until_empty(sv[1]);
		expect_idle(_metadata, sv);
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	close(file);
	EXPECT_VISITED(FLOOR(8, 10, 10));
}

/* Waiting. */

#define MANY_POLLED	200

TEST_F(allocations, a_poll_that_fails_can_be_made_again)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd polled[MANY_POLLED];
	int *sv = self->sv, ep, i, ret;

	OPEN_PAIR(sv);
	ASSERT_EQ(1, send(sv[0], "a", 1, 0));
	for (i = 0; i < MANY_POLLED; i++)
		polled[i] = (struct pollfd) { .fd = sv[0], .events = POLLIN };
	polled[MANY_POLLED - 1].fd = sv[1];
	EACH_FAILURE("poll", NOMEM | FAULT) {
		ret = FAILING(poll(polled, MANY_POLLED, -1));
		if (ret < 0) {
			EXPECT_EQ(1, poll(polled, MANY_POLLED, -1));
		}
		EXPECT_EQ(POLLIN, polled[MANY_POLLED - 1].revents);
	}
	EACH_FAILURE("epoll", NOMEM | FAULT) {
		ep = epoll_create1(0);
		ASSERT_LE(0, ep);
		ret = FAILING(epoll_ctl(ep, EPOLL_CTL_ADD, sv[1], &event));
		if (ret) {
			EXPECT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, sv[1], &event));
		}
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, -1));
		event.events = EPOLLIN;
		close(ep);
	}
	EXPECT_EQ(1, recv(sv[1], in, 1, 0));
	expect_usable(_metadata, sv);
	close_pair(sv);
	EXPECT_VISITED(FLOOR(17, 17, 17));
}

/* Options and other questions. */

static ssize_t read_fdinfo(int file)
{
	return pread(file, in, 4096, 0);
}

TEST_F(allocations, an_option_that_cannot_be_set_or_told_is_as_it_was)
{
	static const int told[] = { SO_TYPE, SO_ERROR, SO_SNDBUF, SO_LINGER, SO_RCVTIMEO,
				    SO_PEERCRED, SO_PEERGROUPS, SO_MEMINFO, SO_COOKIE };
	static const int set[] = { SO_SNDBUF, SO_RCVBUF, SO_PASSCRED, SO_PEEK_OFF };
	struct sock_filter cut[] = { BPF_STMT(BPF_RET | BPF_K, 4) };
	struct sock_fprog filter = { .len = 1, .filter = cut };
	int *sv = self->sv, file, len, i, pidfd, ret, was, on = 1, off = 0;
	char what[64];
	socklen_t size;

	OPEN_PAIR(sv);
	for (i = 0; i < (int)ARRAY_SIZE(told); i++) {
		if (variant->type == SOCK_DGRAM && told[i] == SO_PEERGROUPS)
			continue;
		sprintf(what, "getsockopt %d", told[i]);
		EACH_FAILURE(what, FAULT) {
			size = sizeof(in);
			FAILING(getsockopt(sv[0], SOL_SOCKET, told[i], in, &size));
		}
	}
	if (variant->type != SOCK_DGRAM) {
		EACH_FAILURE("getsockopt SO_PEERPIDFD", NOMEM | FAULT) {
			size = sizeof(pidfd);
			ret = FAILING(getsockopt(sv[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size));
			if (!ret)
				close(pidfd);
		}
	}
	for (i = 0; i < (int)ARRAY_SIZE(set); i++) {
		sprintf(what, "setsockopt %d", set[i]);
		EACH_FAILURE(what, FAULT) {
			was = get_number(sv[0], set[i]);
			ret = FAILING(set_number(sv[0], set[i], sweep.n * 10000));
			if (ret) {
				EXPECT_EQ(was, get_number(sv[0], set[i]));
			}
		}
	}
	if (variant->type != SOCK_STREAM) {
		EACH_FAILURE("a filter", NOMEM | FAULT) {
			set_number(sv[1], SO_DETACH_FILTER, 0);
			ret = FAILING(setsockopt(sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter,
						 sizeof(filter)));
			EXPECT_EQ(10, send(sv[0], out, 10, MSG_DONTWAIT));
			EXPECT_EQ(ret ? 10 : 4, recv(sv[1], in, 10, MSG_DONTWAIT));
		}
		set_number(sv[1], SO_DETACH_FILTER, 0);
	}
	if (variant->type == SOCK_STREAM) {
		/* Which cannot be asked for. */
		EACH_FAILURE("setsockopt SO_INQ", FAULT) {
			ASSERT_EQ(0, set_number(sv[1], SO_INQ, 0));
			ret = FAILING(set_number(sv[1], SO_INQ, 1));
			EXPECT_EQ(1, send(sv[0], "a", 1, MSG_DONTWAIT));
			EXPECT_EQ(1, recv_beside(sv[1], in, 1, 0, &beside));
			EXPECT_EQ(!ret, beside.nr_inq);
		}
		EACH_FAILURE("setsockopt DEMO_ZEROCOPY", FAULT) {
			ASSERT_EQ(0, setsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &off,
						sizeof(off)));
			ret = FAILING(setsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &on,
						 sizeof(on)));
			size = sizeof(was);
			EXPECT_EQ(0, getsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &was, &size));
			EXPECT_EQ(!ret, was);
		}
		EACH_FAILURE("getsockopt DEMO_ZEROCOPY", FAULT) {
			size = sizeof(was);
			FAILING(getsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &was, &size));
		}
	}
	EACH_FAILURE("ioctl", 0) {
		FAILING(unsent(sv[0]));
	}
	set_number(sv[0], SO_PEEK_OFF, -1);

	sprintf(what, "/proc/self/fdinfo/%d", sv[0]);
	EACH_FAILURE("fdinfo", NOMEM | FAULT) {
		file = open(what, O_RDONLY | O_CLOEXEC);
		ret = FAILING(read_fdinfo(file));
		len = read_fdinfo(file);
		EXPECT_LT(0, len);
		EXPECT_TRUE(ret < 0 || ret == len);
		close(file);
	}
	expect_usable(_metadata, sv);
	close_pair(sv);
	EXPECT_VISITED(FLOOR(51, 56, 68));
}

/* A network namespace. */

/* Only what comes from these slabs fails, or all that does; and no pages. */
static bool fail_only_large(bool only)
{
	return write_text("/sys/kernel/slab/kmalloc-2k/failslab", only ? "1" : "0") &&
	       write_text("/sys/kernel/slab/kmalloc-4k/failslab", only ? "1" : "0") &&
	       write_text("/sys/kernel/slab/kmalloc-cg-4k/failslab", only ? "1" : "0") &&
	       write_text(DEBUGFS "failslab/cache-filter", only ? "Y" : "N") &&
	       write_text(DEBUGFS "fail_page_alloc/min-order", only ? "10" : "0");
}

/*
 * One that begins while the module is loaded. It takes 700 allocations, and each that
 * fails takes long to undo. So those fail that are as large as the module's table of
 * ports (2 KiB), which is made at a second try then, and those as large as a network
 * device (4 KiB): that comes after the table, which is taken away again. What the core
 * makes of its own failures is mostly, but not always, ENOMEM.
 */
TEST(a_network_namespace_that_cannot_begin_leaves_nothing)
{
	int sv[2] = { -1, -1 };

	NEED_FAMILY(FAMILY_DEMO);
	NEED_FAILURES();
	NEED_OWN_NETWORK();
	EXPECT_TRUE(fail_only_large(true));
	EACH_FAILURE("unshare", NOMEM | NOBUFS) {
		if (FAILING(unshare(CLONE_NEWNET)) && sweep.hit) {
			sweep.seen &= ~STRANGE;
			sweep.strange = 0;
		}
		/* Here, or there. */
		EXPECT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, sv));
		expect_usable(_metadata, sv);
		close_pair(sv);
	}
	EXPECT_TRUE(fail_only_large(false));
	failures_off();
	EXPECT_VISITED(23);
}

/* The module. */

static int open_module(void)
{
	static const char *const places[] = { "updates", "updates/dkms", "extra" };
	const char *ko = getenv("DEMO_KO");
	char path[256];
	struct utsname u;
	int fd = -1;
	size_t i;

	if (ko)
		return open(ko, O_RDONLY | O_CLOEXEC);
	uname(&u);
	for (i = 0; fd < 0 && i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/%s/demo.ko", u.release, places[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

static int load(int module, int family)
{
	char parameter[32];

	sprintf(parameter, "family=%d", family);
	return syscall(SYS_finit_module, module, parameter, 0);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "demo", O_NONBLOCK);
}

static void expect_not_loaded(struct __test_metadata *_metadata)
{
	EXPECT_NE(0, access(FAMILY_PARAMETER, F_OK));
	EXPECT_EQ(-1, count_demo_sockets());
}

/*
 * What the core of the kernel does before the module's own start is not tested
 * here: the module is told a family that it refuses first thing, to count it.
 * There are two namespaces, this one and the first, and so two tables of ports.
 */
TEST(a_module_that_cannot_be_loaded_leaves_nothing)
{
	unsigned int before;
	int module, family;

	NEED_FAMILY(FAMILY_DEMO);
	NEED_FAILURES();
	NEED_OWN_NETWORK();
	module = open_module();
	if (module < 0)
		SKIP(return, "no demo.ko: DEMO_KO=path says where it is");
	family = family_number(FAMILY_DEMO);
	if (unload())
		SKIP(return, "the module is in use");
	before = POINTS_OF(load(module, 10000));
	printf("# %u points before the module's own\n", before);
	EACH_FAILURE_FROM("load", NOMEM, before) {
		if (!FAILING(load(module, family)))
			EXPECT_EQ(0, unload());
		expect_not_loaded(_metadata);
	}
	EXPECT_EQ(0, load(module, family));
	EXPECT_EQ(0, count_demo_sockets());
	failures_off();
	EXPECT_VISITED(80);
}

TEST_HARNESS_MAIN
