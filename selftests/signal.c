// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that come while a call waits: it ends with EINTR, or goes on if the
 * handler was installed with SA_RESTART and no time-out is set, or returns what
 * it has moved; and the sockets work on, also after SIGKILL.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>

#include "demo_test.h"

static int handled;

static void handler(int signal)
{
	__atomic_fetch_add(&handled, 1, __ATOMIC_RELEASE);
}

static int handle_sigusr1(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	return sigaction(SIGUSR1, &action, NULL);
}

/* Have the thread run the handler. */
static void interrupt(struct background *b)
{
	int before = __atomic_load_n(&handled, __ATOMIC_ACQUIRE);

	pthread_kill(b->thread, SIGUSR1);
	while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == before)
		usleep(1000);
}

static ssize_t receive_many(const struct background *b)
{
	struct iovec iov = { b->buf, b->len };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(b->fd, &m, 1, 0, NULL) == 1 ? (ssize_t)m.msg_len : -1;
}

static ssize_t send_file(const struct background *b)
{
	off_t start = 0;

	return sendfile(b->fd, *(int *)b->buf, &start, b->len);
}

/* From a socket to a pipe that nobody reads, and the other way. */
BACKGROUND(splice, splice(b->fd, NULL, *(int *)b->buf, NULL, b->len, 0))
BACKGROUND(splice_to, splice(*(int *)b->buf, NULL, b->fd, NULL, b->len, 0))
BACKGROUND(sendfile, send_file(b))
BACKGROUND(recvmmsg, receive_many(b))

enum call {
	RECV, RECV_ALL, RECV_PEEK, RECVMMSG, SPLICE,
	SEND, SEND_OOB, SEND_ZEROCOPY, SEND_TO_FULL, SPLICE_TO, SENDFILE,
	ACCEPT, CONNECT,
};

/* Who makes the call, what its time-out is, and its flags. */
static const struct {
	void *(*thread)(void *b);
	int timeout;
	int flags;
} calls[] = {
	[RECV]		= { background_receiver, SO_RCVTIMEO, 0 },
	[RECV_ALL]	= { background_receiver, SO_RCVTIMEO, MSG_WAITALL },
	[RECV_PEEK]	= { background_receiver, SO_RCVTIMEO, MSG_PEEK },
	[RECVMMSG]	= { background_recvmmsg_thread, SO_RCVTIMEO, 0 },
	[SPLICE]	= { background_splice_thread, SO_RCVTIMEO, 0 },
	[SEND]		= { background_sender, SO_SNDTIMEO, 0 },
	[SEND_OOB]	= { background_sender, SO_SNDTIMEO, MSG_OOB },
	[SEND_ZEROCOPY]	= { background_sender, SO_SNDTIMEO, MSG_ZEROCOPY },
	[SEND_TO_FULL]	= { background_sender, SO_SNDTIMEO, 0 },
	[SPLICE_TO]	= { background_splice_to_thread, SO_SNDTIMEO, 0 },
	[SENDFILE]	= { background_sendfile_thread, SO_SNDTIMEO, 0 },
	[ACCEPT]	= { background_accept_thread, SO_RCVTIMEO, 0 },
	[CONNECT]	= { background_connect_thread, SO_SNDTIMEO, 0 },
};

/* A call that waits: what it is made of, and with what it works. */
FIXTURE(signal) {
	void *(*call)(void *b);
	struct background b;
	int timeout;
	int sv[2];
	int listener;
	int pipes[2][2];
	int file;
	struct address to;
	char buf[16];
};

FIXTURE_VARIANT(signal) {
	enum family family;
	int type;
	enum call call;
};

#define CALL(name, NAME, type_name, TYPE)					\
	FIXTURE_VARIANT_ADD(signal, demo_##type_name##_##name) {		\
		.family = FAMILY_DEMO, .type = SOCK_##TYPE, .call = NAME,	\
	};									\
	FIXTURE_VARIANT_ADD(signal, unix_##type_name##_##name) {		\
		.family = FAMILY_UNIX, .type = SOCK_##TYPE, .call = NAME,	\
	}

CALL(recv, RECV, stream, STREAM);
CALL(recv, RECV, dgram, DGRAM);
CALL(recv, RECV, seqpacket, SEQPACKET);
CALL(recv_all, RECV_ALL, stream, STREAM);
CALL(recv_peek, RECV_PEEK, stream, STREAM);
CALL(recv_peek, RECV_PEEK, dgram, DGRAM);
CALL(recv_peek, RECV_PEEK, seqpacket, SEQPACKET);
CALL(recvmmsg, RECVMMSG, stream, STREAM);
CALL(recvmmsg, RECVMMSG, dgram, DGRAM);
CALL(recvmmsg, RECVMMSG, seqpacket, SEQPACKET);
CALL(send, SEND, stream, STREAM);
CALL(send, SEND, dgram, DGRAM);
CALL(send, SEND, seqpacket, SEQPACKET);
CALL(send_oob, SEND_OOB, stream, STREAM);
CALL(send_zerocopy, SEND_ZEROCOPY, stream, STREAM);
CALL(send_to_full, SEND_TO_FULL, dgram, DGRAM);
CALL(accept, ACCEPT, stream, STREAM);
CALL(accept, ACCEPT, seqpacket, SEQPACKET);
CALL(connect, CONNECT, stream, STREAM);
CALL(connect, CONNECT, seqpacket, SEQPACKET);
CALL(splice, SPLICE, stream, STREAM);
CALL(splice, SPLICE, dgram, DGRAM);
CALL(splice, SPLICE, seqpacket, SEQPACKET);
CALL(splice_to, SPLICE_TO, stream, STREAM);
CALL(splice_to, SPLICE_TO, dgram, DGRAM);
CALL(splice_to, SPLICE_TO, seqpacket, SEQPACKET);
CALL(sendfile, SENDFILE, stream, STREAM);
CALL(sendfile, SENDFILE, dgram, DGRAM);
CALL(sendfile, SENDFILE, seqpacket, SEQPACKET);

FIXTURE_SETUP(signal)
{
	struct background *b = &self->b;
	int one = 1;

	NEED_FAMILY(variant->family);
	if (variant->type == SOCK_STREAM &&
	    (variant->call == SPLICE_TO || variant->call == SENDFILE))
		UNIX_SINCE(variant->family, 6, 5, "pages that wait for room");
	self->to = address(variant->family, 3);
	ASSERT_EQ(0, pipe(self->pipes[0]));
	ASSERT_EQ(0, pipe(self->pipes[1]));
	self->call = calls[variant->call].thread;
	self->timeout = calls[variant->call].timeout;
	b->flags = calls[variant->call].flags;
	b->buf = self->buf;
	b->len = 3;
	switch (variant->call) {
	case RECV:
	case RECV_ALL:
	case RECV_PEEK:
	case RECVMMSG:
	case SPLICE:
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
		b->fd = self->sv[1];
		break;
	case SEND:
	case SEND_OOB:
	case SEND_ZEROCOPY:
	case SPLICE_TO:
	case SENDFILE:
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
		ASSERT_LT(0, send_until_full(self->sv[0]));
		b->fd = self->sv[0];
		break;
	case SEND_TO_FULL:
		self->sv[1] = bound_socket(variant->family, variant->type, 3);
		ASSERT_EQ(0, set_number(self->sv[1], SO_RCVBUF, 4096));
		self->sv[0] = connected_socket(variant->family, variant->type, 3);
		ASSERT_LT(0, send_until_full(self->sv[0]));
		b->fd = unbound_socket(variant->family, variant->type);
		b->to = &self->to;
		break;
	case ACCEPT:
		self->listener = listening_socket(variant->family, variant->type, 3, 0);
		b->fd = self->listener;
		break;
	case CONNECT:
		self->listener = listening_socket(variant->family, variant->type, 3, 0);
		ASSERT_LT(0, connect_until_full(variant->family, variant->type, 3));
		b->fd = unbound_socket(variant->family, variant->type);
		b->to = &self->to;
		break;
	}
	ASSERT_LT(0, b->fd);
	switch (variant->call) {
	case SEND_ZEROCOPY:
		/* AF_UNIX has none, and takes no notice of the flag. */
		ASSERT_EQ(variant->family == FAMILY_DEMO ? 0 : -1,
			  setsockopt(b->fd, SOL_DEMO, DEMO_ZEROCOPY, &one, sizeof(one)));
		break;
	case SPLICE:
		b->buf = &self->pipes[0][1];
		break;
	case SPLICE_TO:
		ASSERT_EQ(3, write(self->pipes[0][1], "abc", 3));
		ASSERT_EQ(3, write(self->pipes[1][1], "abc", 3));
		b->buf = &self->pipes[0][0];
		break;
	case SENDFILE:
		self->file = memfd_create("signal", MFD_CLOEXEC);
		ASSERT_EQ(3, write(self->file, "abc", 3));
		b->buf = &self->file;
		break;
	default:
		break;
	}
}

FIXTURE_TEARDOWN(signal)
{
	int i;

	if (self->sv[1]) {
		close(self->sv[0]);
		close(self->sv[1]);
	}
	if (self->listener)
		close(self->listener);
	if (self->file)
		close(self->file);
	for (i = 0; i < 4; i++)
		close(self->pipes[i / 2][i % 2]);
}

static int start(void *(*call)(void *b), struct background *b)
{
	b->tid = 0;
	return pthread_create(&b->thread, NULL, call, b);
}

/* Bring about what the call waits for. */
static bool let_go(enum call call, int sv[2], int listener, const struct address *to)
{
	switch (call) {
	case RECV:
	case RECV_ALL:
	case RECV_PEEK:
	case RECVMMSG:
	case SPLICE:
		return send(sv[0], "abc", 3, 0) == 3;
	case SEND:
	case SEND_OOB:
	case SEND_ZEROCOPY:
	case SEND_TO_FULL:
	case SPLICE_TO:
	case SENDFILE:
		return recv_until_empty(sv[1]) > 0;
	case ACCEPT:
		return !connect_to(socket(to->sa.sa_family, get_number(listener, SO_TYPE), 0),
				   to);
	case CONNECT:
		return accept(listener, NULL, NULL) >= 0;
	}
	return false;
}

#define LET_GO() let_go(variant->call, self->sv, self->listener, &self->to)

static bool succeeded(enum call call, ssize_t result)
{
	switch (call) {
	case ACCEPT:
		return result > 0;
	case CONNECT:
		return result == 0;
	default:
		return result == 3;
	}
}

TEST_F(signal, it_ends_the_call_with_eintr_and_the_call_can_be_made_again)
{
	int round;

	ASSERT_EQ(0, handle_sigusr1(0));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, start(self->call, &self->b));
		ASSERT_TRUE(background_sleeps(&self->b));
		interrupt(&self->b);
		EXPECT_ERROR(EINTR, background_end(&self->b));
	}
	ASSERT_EQ(0, start(self->call, &self->b));
	ASSERT_TRUE(background_sleeps(&self->b));
	ASSERT_TRUE(LET_GO());
	EXPECT_TRUE(succeeded(variant->call, background_end(&self->b)));
}

TEST_F(signal, with_sa_restart_the_call_goes_on)
{
	int round;

	ASSERT_EQ(0, handle_sigusr1(SA_RESTART));
	ASSERT_EQ(0, start(self->call, &self->b));
	ASSERT_TRUE(background_sleeps(&self->b));
	for (round = 0; round < 3; round++) {
		interrupt(&self->b);
		ASSERT_TRUE(background_sleeps(&self->b));
	}
	ASSERT_TRUE(LET_GO());
	EXPECT_TRUE(succeeded(variant->call, background_end(&self->b)));
}

TEST_F(signal, with_a_timeout_the_call_ends_with_eintr_despite_sa_restart)
{
	struct timeval day = { .tv_sec = 86400 };

	ASSERT_EQ(0, handle_sigusr1(SA_RESTART));
	ASSERT_EQ(0, setsockopt(self->b.fd, SOL_SOCKET, self->timeout, &day, sizeof(day)));
	ASSERT_EQ(0, start(self->call, &self->b));
	ASSERT_TRUE(background_sleeps(&self->b));
	interrupt(&self->b);
	EXPECT_ERROR(EINTR, background_end(&self->b));
}

TEST_F(signal, it_ends_the_call_of_its_thread_only)
{
	struct background other = self->b;

	/* The first pipe is locked. */
	if (variant->call == SPLICE)
		other.buf = &self->pipes[1][1];
	if (variant->call == SPLICE_TO)
		other.buf = &self->pipes[1][0];
	ASSERT_EQ(0, handle_sigusr1(0));
	ASSERT_EQ(0, start(self->call, &self->b));
	ASSERT_TRUE(background_sleeps(&self->b));
	ASSERT_EQ(0, start(self->call, &other));
	ASSERT_TRUE(background_sleeps(&other));
	interrupt(&other);
	EXPECT_ERROR(EINTR, background_end(&other));
	EXPECT_TRUE(background_sleeps(&self->b));
	ASSERT_TRUE(LET_GO());
	EXPECT_TRUE(succeeded(variant->call, background_end(&self->b)));
}

TEST_F(signal, a_process_killed_in_the_call_leaves_the_sockets_to_others)
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		self->call(&self->b);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, start(self->call, &self->b));
	ASSERT_TRUE(background_sleeps(&self->b));
	ASSERT_TRUE(LET_GO());
	EXPECT_TRUE(succeeded(variant->call, background_end(&self->b)));
}

FIXTURE_PAIR(signal_connection, VARIANTS_CONNECTION)

TEST_F(signal_connection, a_process_killed_is_a_process_that_closed)
{
	pid_t pid = fork_child();

	if (!pid) {
		close(self->sv[1]);
		recv(self->sv[0], self->buf, 1, 0);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(self->sv[0]));
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(-1, child_exit(pid));
}

FIXTURE_PAIR(signal_stream, VARIANTS_STREAM)

TEST_F(signal_stream, recv_of_all_returns_what_it_has)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 16, .flags = MSG_WAITALL,
	};

	ASSERT_EQ(0, handle_sigusr1(SA_RESTART));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	interrupt(&b);
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(signal_stream, send_returns_what_it_sent)
{
	size_t len = 4 << 20;
	struct background b = { .fd = self->sv[0], .buf = malloc(len), .len = len };
	char *got = malloc(len);
	ssize_t sent;

	ASSERT_NE(NULL, b.buf);
	ASSERT_NE(NULL, got);
	pattern_fill(b.buf, len, 1, 0);
	ASSERT_EQ(0, handle_sigusr1(SA_RESTART));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	interrupt(&b);
	sent = background_end(&b);
	ASSERT_LT(0, sent);
	ASSERT_GT((ssize_t)len, sent);
	ASSERT_EQ((size_t)sent, read_all(self->sv[1], got, sent));
	EXPECT_EQ(-1, pattern_differs(got, sent, 1, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	free(b.buf);
	free(got);
}

TEST_F(signal_stream, a_writer_killed_half_way_leaves_what_it_sent)
{
	size_t len = 4 << 20;
	char *buf = malloc(len);
	ssize_t got;
	pid_t pid;

	ASSERT_NE(NULL, buf);
	pattern_fill(buf, len, 1, 0);
	pid = fork_child();
	if (!pid) {
		send(self->sv[0], buf, len, 0);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-1, child_exit(pid));
	memset(buf, 0, len);
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	got = read_all(self->sv[1], buf, len);
	EXPECT_LT(0, got);
	EXPECT_GT((ssize_t)len, got);
	EXPECT_EQ(-1, pattern_differs(buf, got, 1, 0));
	free(buf);
}

TEST_HARNESS_MAIN
