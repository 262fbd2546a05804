// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket filters: a program of the receiver says of each record how much of it
 * is kept, in the moment it is sent. Streams have none, whatever is attached.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <sys/syscall.h>

#include "demo_test.h"

#define KEEP_ALL	0xffffffffu

/* Classic BPF. */
static int attach(int fd, struct sock_filter *code, unsigned short len)
{
	struct sock_fprog program = { .len = len, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Keep so many bytes of every record. */
static int attach_keep(int fd, unsigned int bytes)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, bytes) };

	return attach(fd, code, ARRAY_SIZE(code));
}

/* Keep records that begin with this byte; one too short for it is not kept. */
static int attach_first_byte(int fd, char byte)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, byte, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, KEEP_ALL),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, ARRAY_SIZE(code));
}

/* Keep records of this length. */
static int attach_length(int fd, unsigned int len)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, len, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, KEEP_ALL),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, ARRAY_SIZE(code));
}

static int detach(int fd)
{
	return set_number(fd, SO_DETACH_FILTER, 0);
}

/* An eBPF program that keeps so many bytes; -1 where the kernel has no bpf(). */
static int load_keep(int bytes)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = bytes },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = ARRAY_SIZE(code),
		.insns = (uintptr_t)code,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

FIXTURE_PAIR(filter, VARIANTS_RECORD)

TEST_F(filter, a_record_it_keeps_arrives)
{
	ASSERT_EQ(0, attach_keep(self->sv[1], KEEP_ALL));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(filter, a_record_it_drops_does_not_arrive_and_its_sender_is_not_told)
{
	ASSERT_EQ(0, attach_keep(self->sv[1], 0));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, poll_now(self->sv[1], POLLIN));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
}

TEST_F(filter, records_it_drops_take_no_room)
{
	int i;

	ASSERT_EQ(0, attach_keep(self->sv[1], 0));
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(64, send(self->sv[0], self->buf, 64, MSG_DONTWAIT));
	EXPECT_EQ(POLLOUT, poll_now(self->sv[0], POLLOUT));
	ASSERT_EQ(0, ioctl(self->sv[0], TIOCOUTQ, &i));
	EXPECT_EQ(0, i);
}

TEST_F(filter, a_record_it_trims_arrives_shorter_and_counts_as_whole)
{
	struct iovec iov = { self->buf, 16 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int waiting;

	ASSERT_EQ(0, attach_keep(self->sv[1], 2));
	EXPECT_EQ(5, send(self->sv[0], "abcde", 5, 0));
	EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &waiting));
	EXPECT_EQ(variant->type == SOCK_DGRAM ? 2 : 3, waiting);
	EXPECT_EQ(2, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp("ab", self->buf, 2));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, a_large_record_is_trimmed_too)
{
	static char large[60000], got[60000];

	pattern_fill(large, sizeof(large), 1, 0);
	ASSERT_EQ(0, attach_keep(self->sv[1], 50000));
	EXPECT_EQ(60000, send(self->sv[0], large, 60000, 0));
	EXPECT_EQ(50000, recv(self->sv[1], got, 60000, MSG_DONTWAIT));
	EXPECT_EQ(-1, pattern_differs(got, 50000, 1, 0));
}

/* Of one that is to be read there, and is read. */
static int charge_of(int fd, int peer, size_t len)
{
	static char record[60000];
	int charge;

	if (send(fd, record, len, MSG_DONTWAIT) != (ssize_t)len ||
	    ioctl(fd, TIOCOUTQ, &charge) || recv(peer, record, len, MSG_DONTWAIT) < 0)
		return -1;
	return charge;
}

TEST_F(filter, a_record_is_charged_as_ever_after_one_that_was_trimmed)
{
	static const size_t sizes[] = { 60000, 50000, 40000, 30000, 20000, 12000, 300 };
	size_t cut, len;
	int before;

	for (len = 0; len < ARRAY_SIZE(sizes); len++) {
		before = charge_of(self->sv[0], self->sv[1], sizes[len]);
		ASSERT_LT(0, before);
		for (cut = 0; cut < ARRAY_SIZE(sizes); cut++) {
			ASSERT_EQ(0, attach_keep(self->sv[1], sizes[cut] - 200));
			ASSERT_LT(0, charge_of(self->sv[0], self->sv[1], sizes[cut]));
			ASSERT_EQ(0, attach_keep(self->sv[1], 100));
			ASSERT_LT(0, charge_of(self->sv[0], self->sv[1], sizes[cut]));
			ASSERT_EQ(0, detach(self->sv[1]));
			EXPECT_EQ(before, charge_of(self->sv[0], self->sv[1], sizes[len])) {
				TH_LOG("%zu bytes, after one of %zu that was cut", sizes[len],
				       sizes[cut]);
			}
		}
	}
}

TEST_F(filter, it_sees_what_is_in_the_record)
{
	ASSERT_EQ(0, attach_first_byte(self->sv[1], 'b'));
	EXPECT_EQ(2, send(self->sv[0], "a1", 2, 0));
	EXPECT_EQ(2, send(self->sv[0], "b2", 2, 0));
	EXPECT_EQ(0, send(self->sv[0], "", 0, 0));
	EXPECT_EQ(2, send(self->sv[0], "c3", 2, 0));
	EXPECT_EQ(2, send(self->sv[0], "b4", 2, 0));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("b2", self->buf, 2));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("b4", self->buf, 2));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, it_sees_how_long_the_record_is)
{
	ASSERT_EQ(0, attach_length(self->sv[1], 3));
	EXPECT_EQ(2, send(self->sv[0], "ab", 2, 0));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(4, send(self->sv[0], "abcd", 4, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, it_is_asked_about_each_of_many_records)
{
	int i;

	ASSERT_EQ(0, attach_first_byte(self->sv[1], 1));
	for (i = 0; i < 100; i++) {
		char odd = i & 1;

		ASSERT_EQ(1, send(self->sv[0], &odd, 1, MSG_DONTWAIT));
	}
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
		ASSERT_EQ(1, self->buf[0]);
	}
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, it_judges_when_a_record_is_sent_not_when_it_is_read)
{
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, attach_keep(self->sv[1], 0));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	ASSERT_EQ(0, detach(self->sv[1]));
	ASSERT_EQ(1, send(self->sv[0], "c", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ('a', self->buf[0]);
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ('c', self->buf[0]);
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, it_judges_only_what_its_own_socket_receives)
{
	ASSERT_EQ(0, attach_keep(self->sv[0], 0));
	EXPECT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(1, send(self->sv[1], "a", 1, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, another_takes_the_place_of_the_first)
{
	ASSERT_EQ(0, attach_keep(self->sv[1], 0));
	ASSERT_EQ(0, attach_keep(self->sv[1], 1));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter, an_ebpf_program_does_the_same)
{
	int drop = load_keep(0), two = load_keep(2), all = load_keep(-1);

	if (drop < 0 && (errno == ENOSYS || errno == EPERM))
		SKIP(return, "no bpf() here: %s", strerror(errno));
	ASSERT_LE(0, drop);
	ASSERT_EQ(0, set_number(self->sv[1], SO_ATTACH_BPF, drop));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(0, set_number(self->sv[1], SO_ATTACH_BPF, two));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(0, set_number(self->sv[1], SO_ATTACH_BPF, all));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	close(drop);
	close(two);
	close(all);
	/* The socket holds the program it has. */
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

FIXTURE_PAIR(filter_seqpacket, VARIANTS_SEQPACKET)

TEST_F(filter_seqpacket, an_accepted_socket_starts_without_that_of_its_listener)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd, peer;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, attach_keep(listener, 0));
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	peer = accept(listener, NULL, NULL);
	ASSERT_GE(peer, 0);
	EXPECT_EQ(1, send(fd, "a", 1, 0));
	EXPECT_EQ(1, recv(peer, self->buf, 16, MSG_DONTWAIT));
}

FIXTURE_PAIR(filter_dgram, VARIANTS_DGRAM)

TEST_F(filter_dgram, it_judges_what_comes_from_anybody)
{
	int receiver = bound_socket(variant->family, SOCK_DGRAM, 3);
	int sender = unbound_socket(variant->family, SOCK_DGRAM);
	struct address to = address(variant->family, 3);

	ASSERT_GE(receiver, 0);
	ASSERT_EQ(0, attach_first_byte(receiver, 'b'));
	EXPECT_EQ(1, sendto(sender, "a", 1, 0, &to.sa, to.len));
	EXPECT_EQ(1, sendto(sender, "b", 1, 0, &to.sa, to.len));
	EXPECT_EQ(1, recv(receiver, self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ('b', self->buf[0]);
	EXPECT_ERROR(EAGAIN, recv(receiver, self->buf, 16, MSG_DONTWAIT));
}

TEST_F(filter_dgram, what_it_drops_needs_no_room_in_a_full_receiver)
{
	int receiver = bound_socket(variant->family, SOCK_DGRAM, 3);
	int sender;

	ASSERT_GE(receiver, 0);
	ASSERT_EQ(0, set_number(receiver, SO_RCVBUF, 4096));
	sender = connected_socket(variant->family, SOCK_DGRAM, 3);
	ASSERT_GE(sender, 0);
	ASSERT_LT(0, send_until_full(sender));
	EXPECT_ERROR(EAGAIN, send(sender, "x", 1, MSG_DONTWAIT));
	ASSERT_EQ(0, attach_keep(receiver, 0));
	EXPECT_EQ(1, send(sender, "x", 1, MSG_DONTWAIT));
}

FIXTURE_PAIR(filter_stream, VARIANTS_STREAM)

TEST_F(filter_stream, it_can_be_attached_and_is_not_asked)
{
	EXPECT_EQ(0, attach_keep(self->sv[1], 0));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, detach(self->sv[1]));
}

FIXTURE_PAIR(filter_option, VARIANTS_ALL)

TEST_F(filter_option, one_that_is_not_there_cannot_be_detached)
{
	EXPECT_ERROR(ENOENT, detach(self->sv[1]));
	ASSERT_EQ(0, attach_keep(self->sv[1], KEEP_ALL));
	EXPECT_EQ(0, detach(self->sv[1]));
	EXPECT_ERROR(ENOENT, detach(self->sv[1]));
}

TEST_F(filter_option, a_program_that_is_none_is_einval)
{
	struct sock_filter runs_off[] = { BPF_STMT(BPF_LD | BPF_IMM, 0) };
	struct sock_filter unknown[] = { { .code = 0xffff } };

	EXPECT_ERROR(EINVAL, attach(self->sv[1], runs_off, 1));
	EXPECT_ERROR(EINVAL, attach(self->sv[1], unknown, 1));
	EXPECT_ERROR(EINVAL, attach(self->sv[1], runs_off, 0));
	EXPECT_ERROR(EFAULT, attach(self->sv[1], (void *)8, 1));
	EXPECT_ERROR(ENOENT, detach(self->sv[1]));
}

TEST_F(filter_option, it_reads_back)
{
	struct sock_filter code[8];
	socklen_t len = ARRAY_SIZE(code);

	ASSERT_EQ(0, attach_first_byte(self->sv[1], 'b'));
	/* The length is one in instructions. */
	ASSERT_EQ(0, getsockopt(self->sv[1], SOL_SOCKET, SO_GET_FILTER, code, &len));
	EXPECT_EQ(4u, len);
	EXPECT_EQ((unsigned int)'b', code[1].k);
	EXPECT_EQ(KEEP_ALL, code[2].k);
}

TEST_F(filter_option, locked_it_stays)
{
	ASSERT_EQ(0, attach_keep(self->sv[1], KEEP_ALL));
	EXPECT_EQ(0, get_number(self->sv[1], SO_LOCK_FILTER));
	ASSERT_EQ(0, set_number(self->sv[1], SO_LOCK_FILTER, 1));
	EXPECT_EQ(1, get_number(self->sv[1], SO_LOCK_FILTER));
	EXPECT_ERROR(EPERM, detach(self->sv[1]));
	EXPECT_ERROR(EPERM, attach_keep(self->sv[1], 0));
	EXPECT_ERROR(EPERM, set_number(self->sv[1], SO_LOCK_FILTER, 0));
	EXPECT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
