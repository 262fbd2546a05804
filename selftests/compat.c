// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a 32-bit program gets: pointers, times and control messages have another
 * size there. The calls are made through the gate of such programs, with
 * structures of theirs, in memory that their pointers reach.
 */
#include <sys/mman.h>
#include <sys/time.h>

#include <linux/sockios.h>

#include "demo_test.h"

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

/* The numbers of i386. */
enum {
	I386_GETPID = 20, I386_IOCTL = 54, I386_GETSOCKOPT = 365, I386_SETSOCKOPT = 366,
	I386_SENDMSG = 370, I386_RECVMSG = 372,
};

struct iovec32 {
	uint32_t base, len;
};

struct msghdr32 {
	uint32_t name, namelen, iov, iovlen, control, controllen;
	int32_t flags;
};

struct cmsghdr32 {
	uint32_t len;
	int32_t level, type;
};

struct timeval32 {
	int32_t sec, usec;
};

/* What the calls are given. Nothing in it needs padding. */
struct low {
	struct msghdr32 msg;
	struct iovec32 iov;
	struct cmsghdr32 cmsg;
	int32_t data[16];		/* of the control message */
	char buf[64];
	struct timeval32 time;
	uint32_t number;
};

/* Returns the number that the kernel does: an errno is negative. */
static int call32(int nr, long a, long b, long c, long d, long e)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80" : "=a" (ret)
			 : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
			 : "memory", "cc", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	raise(SIGSEGV);
	return -ENOSYS;
#endif
}

/* Where the kernel has no such gate, that is a fault. */
static bool has_calls_of_32_bits(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(call32(I386_GETPID, 0, 0, 0, 0, 0) != getpid());
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static uint32_t pointer32(const void *p)
{
	return (uint32_t)(uintptr_t)p;
}

FIXTURE(compat) {
	struct low *low;
	int sv[2];
	int pipe[2];
};

FIXTURE_VARIANT(compat) {
	enum family family;
	int type;
};

VARIANTS_ALL(compat);

FIXTURE_SETUP(compat)
{
	NEED_FAMILY(variant->family);
	if (!has_calls_of_32_bits())
		SKIP(return, "no 32-bit calls: CONFIG_IA32_EMULATION on amd64");
	self->low = mmap(NULL, sizeof(*self->low), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, self->low);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(compat)
{
	close(self->sv[0]);
	close(self->sv[1]);
	close(self->pipe[0]);
	close(self->pipe[1]);
	munmap(self->low, sizeof(*self->low));
}

/* A message of a byte; @room bytes of control messages. */
static void message32(struct low *low, size_t room)
{
	low->iov = (struct iovec32){ pointer32(low->buf), 1 };
	low->msg = (struct msghdr32){
		.iov = pointer32(&low->iov), .iovlen = 1,
		.control = pointer32(&low->cmsg), .controllen = room,
	};
}

static int send32(struct low *low, int fd, int type, const void *data, size_t len)
{
	message32(low, sizeof(low->cmsg) + len);
	low->cmsg = (struct cmsghdr32){ sizeof(low->cmsg) + len, SOL_SOCKET, type };
	memcpy(low->data, data, len);
	low->buf[0] = 'x';
	return call32(I386_SENDMSG, fd, pointer32(&low->msg), 0, 0, 0);
}

static int recv32(struct low *low, int fd, size_t room)
{
	message32(low, sizeof(low->cmsg) + room);
	memset(&low->cmsg, 0xee, sizeof(low->cmsg) + sizeof(low->data));
	return call32(I386_RECVMSG, fd, pointer32(&low->msg), 0, 0, 0);
}

/* One control message came, of that type, and with @len bytes. */
#define EXPECT_CONTROL(low, cmsg_type, length)					\
do {										\
	EXPECT_EQ(SOL_SOCKET, (low)->cmsg.level);				\
	EXPECT_EQ(cmsg_type, (low)->cmsg.type);					\
	EXPECT_EQ(sizeof((low)->cmsg) + (length), (low)->cmsg.len);		\
	EXPECT_EQ(sizeof((low)->cmsg) + (length), (low)->msg.controllen);	\
} while (0)

/* A number that a call of each size gives, or its -errno. */
static int number64(int fd, unsigned int request)
{
	int number = 0;

	return ioctl(fd, request, &number) ? -errno : number;
}

static int number32(struct low *low, int fd, unsigned int request)
{
	int ret;

	low->number = 0;
	ret = call32(I386_IOCTL, fd, request, pointer32(&low->number), 0, 0);
	return ret ?: (int)low->number;
}

TEST_F(compat, ioctls_say_what_they_say_to_others)
{
	static const unsigned int requests[] = { SIOCINQ, SIOCOUTQ, SIOCATMARK, SIOCGSTAMP_OLD };
	struct low *low = self->low;
	unsigned int i;
	int end;

	ASSERT_EQ(10, send(self->sv[0], "0123456789", 10, 0));
	EXPECT_EQ(10, number32(low, self->sv[1], SIOCINQ));
	EXPECT_LT(0, number32(low, self->sv[0], SIOCOUTQ));
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (end = 0; end < 2; end++) {
			EXPECT_EQ(number64(self->sv[end], requests[i]),
				  number32(low, self->sv[end], requests[i])) {
				TH_LOG("request %#x of end %d", requests[i], end);
			}
		}
	}
	EXPECT_EQ(-EFAULT, call32(I386_IOCTL, self->sv[0], SIOCINQ, 0, 0, 0));
	EXPECT_EQ(-EFAULT, call32(I386_IOCTL, self->sv[0], SIOCOUTQ, 0, 0, 0));
}

/* To a 32-bit receiver, and to another. */
TEST_F(compat, descriptors_arrive)
{
	struct low *low = self->low;
	struct beside b;
	char c;

	EXPECT_EQ(1, send32(low, self->sv[0], SCM_RIGHTS, self->pipe, sizeof(self->pipe)));
	ASSERT_EQ(1, recv32(low, self->sv[1], sizeof(low->data)));
	EXPECT_EQ('x', low->buf[0]);
	EXPECT_CONTROL(low, SCM_RIGHTS, sizeof(self->pipe));
	EXPECT_EQ(0, low->msg.flags & MSG_CTRUNC);
	EXPECT_TRUE(same_file(self->pipe[0], low->data[0]));
	EXPECT_TRUE(same_file(self->pipe[1], low->data[1]));
	close(low->data[0]);
	close(low->data[1]);

	EXPECT_EQ(1, send32(low, self->sv[0], SCM_RIGHTS, self->pipe, sizeof(self->pipe)));
	ASSERT_EQ(1, recv_beside(self->sv[1], &c, 1, 0, &b));
	EXPECT_EQ(2, b.nr_fds);
	close_fds(&b);

	EXPECT_EQ(1, send_beside(self->sv[0], "x", 1, 0, self->pipe, 2, NULL));
	ASSERT_EQ(1, recv32(low, self->sv[1], sizeof(low->data)));
	EXPECT_CONTROL(low, SCM_RIGHTS, sizeof(self->pipe));
	EXPECT_TRUE(same_file(self->pipe[1], low->data[1]));
	close(low->data[0]);
	close(low->data[1]);
}

TEST_F(compat, descriptors_without_room_are_closed)
{
	struct low *low = self->low;

	EXPECT_EQ(1, send32(low, self->sv[0], SCM_RIGHTS, self->pipe, sizeof(self->pipe)));
	close(self->pipe[1]);
	self->pipe[1] = -1;
	ASSERT_EQ(1, recv32(low, self->sv[1], sizeof(low->data[0])));
	EXPECT_CONTROL(low, SCM_RIGHTS, sizeof(low->data[0]));
	EXPECT_EQ(MSG_CTRUNC, low->msg.flags & MSG_CTRUNC);
	EXPECT_TRUE(same_file(self->pipe[0], low->data[0]));
	EXPECT_EQ(0xeeeeeeee, (uint32_t)low->data[1]);
	close(low->data[0]);
	/* The second one, which was the only writer. */
	EXPECT_EQ(POLLHUP, poll_now(self->pipe[0], POLLIN));
}

TEST_F(compat, a_control_message_that_is_too_short_is_einval)
{
	struct low *low = self->low;
	uint32_t len;

	for (len = 0; len < sizeof(low->cmsg); len++) {
		message32(low, sizeof(low->cmsg) + 4);
		low->cmsg = (struct cmsghdr32){ len, SOL_SOCKET, SCM_RIGHTS };
		EXPECT_EQ(-EINVAL, call32(I386_SENDMSG, self->sv[0], pointer32(&low->msg),
					  0, 0, 0)) {
			TH_LOG("length %u", len);
		}
	}
	EXPECT_EQ(0, unread(self->sv[1]));
}

TEST_F(compat, credentials_arrive)
{
	struct low *low = self->low;

	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, recv32(low, self->sv[1], sizeof(low->data)));
	EXPECT_CONTROL(low, SCM_CREDENTIALS, sizeof(struct ucred));
	EXPECT_EQ(getpid(), low->data[0]);
	EXPECT_EQ(getuid(), (uid_t)low->data[1]);
	EXPECT_EQ(getgid(), (gid_t)low->data[2]);
}

/* Seconds are of 32 bits, too. */
TEST_F(compat, times_are_small)
{
	struct low *low = self->low;
	struct timeval now, wait = {};
	socklen_t len = sizeof(wait);

	low->time = (struct timeval32){ 0, 20000 };
	ASSERT_EQ(0, call32(I386_SETSOCKOPT, self->sv[1], SOL_SOCKET, SO_RCVTIMEO,
			    pointer32(&low->time), sizeof(low->time)));
	ASSERT_EQ(0, getsockopt(self->sv[1], SOL_SOCKET, SO_RCVTIMEO, &wait, &len));
	EXPECT_EQ(0, wait.tv_sec);
	EXPECT_EQ(20000, wait.tv_usec);
	low->time = (struct timeval32){ -1, -1 };
	low->number = sizeof(low->time);
	ASSERT_EQ(0, call32(I386_GETSOCKOPT, self->sv[1], SOL_SOCKET, SO_RCVTIMEO,
			    pointer32(&low->time), pointer32(&low->number)));
	EXPECT_EQ(sizeof(low->time), low->number);
	EXPECT_EQ(20000, low->time.usec);
	EXPECT_EQ(-EAGAIN, recv32(low, self->sv[1], 0));

	if (variant->type == SOCK_STREAM)
		return;			/* AF_UNIX stamps no streams */
	low->number = 1;
	ASSERT_EQ(0, call32(I386_SETSOCKOPT, self->sv[1], SOL_SOCKET, SO_TIMESTAMP,
			    pointer32(&low->number), sizeof(low->number)));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, recv32(low, self->sv[1], sizeof(low->data)));
	EXPECT_CONTROL(low, SO_TIMESTAMP, sizeof(low->time));
	ASSERT_EQ(0, gettimeofday(&now, NULL));
	EXPECT_LE(llabs((int32_t)now.tv_sec - low->data[0]), 600);
	EXPECT_GT(1000000u, (uint32_t)low->data[1]);
}

TEST_HARNESS_MAIN
