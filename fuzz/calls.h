/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs for the fuzzer: a few bytes are a system call on one of a few
 * sockets, well-formed or not, and any bytes are some program. The fuzzer
 * (calls.c) makes new ones; the selftest "calls" runs those that it kept.
 *
 * In the corpus, a program is a string, and a call a word of it: the bytes of
 * struct call in hexadecimal, without zeros at the end.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/sockios.h>

#include "values.h"

/* What the bytes after @slot mean is for each call to say. */
struct call {
	uint8_t op, slot, a, b, c, d, e, f;
};

#define CALLS_MAX	32

struct program {
	int nr;
	struct call calls[CALLS_MAX];
};

enum op {
	OP_SOCKET, OP_PAIR, OP_BIND, OP_CONNECT, OP_LISTEN, OP_ACCEPT, OP_SEND,
	OP_RECEIVE, OP_FILL, OP_DRAIN, OP_SHUTDOWN, OP_CLOSE, OP_SETSOCKOPT,
	OP_GETSOCKOPT, OP_TIMEOUTS, OP_FILTER, OP_IOCTL, OP_NAME, OP_POLL,
	OP_EPOLL, OP_SPLICE_FROM, OP_SPLICE_TO, OP_SENDFILE, OP_FCNTL, OP_FDINFO,
	OP_MMAP, OP_FAIL, OP_SIGNAL, OP_PAUSE, OP_SHRINK,
	OPS
};

/* Descriptors below this are not the programs'. */
#define FIRST_FD	64

/* No call waits for long. */
static inline void timeouts(int fd, int usec)
{
	struct timeval tv = { .tv_usec = usec };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static inline void put_into_slot(uint8_t v, int fd)
{
	if (fd < 0)
		return;
	if (slot_of(v) >= 0)
		close(slot_of(v));
	fuzz.slots[v % SLOTS] = fd;
	timeouts(fd, 2000);
}

/* The pieces of a message. Returns how many. */
static inline int iov_of(const struct call *c, struct iovec *iov)
{
	size_t len = length_of(c->a);
	int i;

	iov[0] = (struct iovec) { pointer_of(c->c, len), len };
	switch (c->f) {
	case 1:
		return 0;
	case 2:
		iov[1] = iov[0];
		return 2;
	case 3:			/* good, then not */
		iov[1] = (struct iovec) { pointer_of(4, 10), 10 };
		return 2;
	case 4:
		iov[1] = (struct iovec) { fuzz.good, LONG_MAX };
		return 2;
	case 5:
		for (i = 0; i < 16; i++)
			iov[i] = (struct iovec) { fuzz.good + i, len / 16 };
		return 16;
	default:
		return 1;
	}
}

static inline size_t cmsg_put(char *buf, size_t used, int type, const void *data,
			      size_t len)
{
	struct cmsghdr *cmsg = (struct cmsghdr *)(buf + used);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return used + CMSG_SPACE(len);
}

/* What goes beside a message. Returns how long it is. */
static inline size_t control_of(uint8_t v, char *buf)
{
	struct ucred creds = { getpid(), getuid(), getgid() };
	struct cmsghdr *cmsg = (struct cmsghdr *)buf;
	int fds[256], i, more = v >> 4;
	size_t len;

	for (i = 0; i < 256; i++)
		fds[i] = slot_of(i + more) >= 0 ? slot_of(i + more) : fuzz.pipe[0];
	switch (v & 15) {
	case 1:
		return cmsg_put(buf, 0, SCM_RIGHTS, fds, (more % 4 + 1) * sizeof(int));
	case 2:
		return cmsg_put(buf, 0, SCM_RIGHTS, fds, (more ? 253 : 254) * sizeof(int));
	case 3:
		fds[more % 2] = more < 8 ? -1 : fuzz.other;
		return cmsg_put(buf, 0, SCM_RIGHTS, fds, 2 * sizeof(int));
	case 4:
		return cmsg_put(buf, 0, SCM_CREDENTIALS, &creds, sizeof(creds));
	case 5:
		creds.pid = more & 1 ? 1 : creds.pid;
		creds.uid = more & 2 ? 1000 : -1;
		creds.gid = more & 4 ? 1000 : creds.gid;
		return cmsg_put(buf, 0, SCM_CREDENTIALS, &creds, sizeof(creds));
	case 6:
		len = cmsg_put(buf, 0, SCM_RIGHTS, fds, sizeof(int));
		return cmsg_put(buf, len, SCM_CREDENTIALS, &creds, sizeof(creds));
	case 7:
		len = cmsg_put(buf, 0, SCM_RIGHTS, fds, sizeof(int));
		return cmsg_put(buf, len, SCM_RIGHTS, fds + 1, sizeof(int));
	case 8:
		return cmsg_put(buf, 0, more, fds, more);
	case 9:
		len = cmsg_put(buf, 0, SCM_RIGHTS, fds, sizeof(int));
		cmsg->cmsg_len = more < 8 ? (size_t)more : -(size_t)more;
		return len;
	case 10:
		cmsg_put(buf, 0, SCM_RIGHTS, fds, sizeof(int));
		return more;
	case 11:
		len = cmsg_put(buf, 0, SCM_RIGHTS, fds, sizeof(int));
		cmsg->cmsg_level = more;
		return len;
	case 12:
		return SIZE_MAX / 2;
	default:
		return 0;
	}
}

static inline void send_message(const struct call *c)
{
	static const int flags[8] = {
		MSG_DONTWAIT, MSG_OOB, MSG_MORE, MSG_EOR, MSG_NOSIGNAL, MSG_PEEK,
		MSG_ZEROCOPY, INT_MIN,
	};
	static char control[CMSG_SPACE(1024) + CMSG_SPACE(64)];
	struct sockaddr_storage to;
	struct iovec iov[16];
	struct msghdr msg = { .msg_iov = iov, .msg_control = control };

	msg.msg_iovlen = iov_of(c, iov);
	msg.msg_controllen = control_of(c->d, control);
	if (c->e) {
		msg.msg_name = &to;
		msg.msg_namelen = address_of(c->e, c->e >> 2, &to);
	}
	sendmsg(slot_of(c->slot), &msg, flags_of(c->b, flags));
}

static inline void receive_message(const struct call *c)
{
	static const int flags[8] = {
		MSG_DONTWAIT, MSG_PEEK, MSG_OOB, MSG_TRUNC, MSG_WAITALL,
		MSG_CMSG_CLOEXEC, MSG_ERRQUEUE, INT_MIN,
	};
	struct sockaddr_storage from;
	struct iovec iov[16];
	struct msghdr msg = { .msg_iov = iov };

	msg.msg_iovlen = iov_of(c, iov);
	msg.msg_controllen = length_of(c->d);
	if (msg.msg_controllen)
		msg.msg_control = pointer_of(c->e >> 4, msg.msg_controllen);
	if (c->e & 1) {
		msg.msg_name = c->e & 2 ? (void *)fuzz.read_only : &from;
		msg.msg_namelen = c->e & 4 ? (socklen_t)number_of(c->e) : sizeof(from);
	}
	recvmsg(slot_of(c->slot), &msg, flags_of(c->b, flags));
}

static inline void set_option(const struct call *c)
{
	static const int names[] = {
		SO_SNDBUF, SO_RCVBUF, SO_PASSCRED, SO_TIMESTAMP, SO_PEEK_OFF, SO_RCVLOWAT,
		SO_OOBINLINE, 84 /* SO_INQ */, SO_LINGER, SO_DETACH_FILTER, SO_PASSSEC,
		76 /* SO_PASSPIDFD */, 83 /* SO_PASSRIGHTS */, SO_TIMESTAMPNS,
		SO_TIMESTAMPING, SO_ERROR,
	};
	int value[2] = { number_of(c->d), number_of(c->e) };
	int level = c->a == 1 ? SOL_DEMO : c->a == 2 ? 0 : SOL_SOCKET;
	int name = c->b < 128 ? names[c->b % 16] : c->b - 128;

	/* A program does not wait for ever. */
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO || name == SO_RCVTIMEO_NEW ||
	    name == SO_SNDTIMEO_NEW)
		return;
	setsockopt(slot_of(c->slot), level, name,
		   c->c ? pointer_of(c->c, sizeof(value)) : value,
		   c->f ? number_of(c->f) : (int)sizeof(int));
}

static inline void get_option(const struct call *c)
{
	int level = c->a == 1 ? SOL_DEMO : c->a == 2 ? 0 : SOL_SOCKET;
	socklen_t len = number_of(c->d);

	getsockopt(slot_of(c->slot), level, c->b, pointer_of(c->c, len), &len);
}

/* A filter that keeps so many bytes; or of one strange instruction. */
static inline void attach_filter(const struct call *c)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, number_of(c->a)),
	};
	struct sock_fprog prog = { .len = 1, .filter = code };

	if (c->b)
		code[0].code = c->b;
	setsockopt(slot_of(c->slot), SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static inline void read_fdinfo(int fd)
{
	char name[64], buf[1024];
	int info;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	info = open(name, O_RDONLY);
	if (info < 0)
		return;
	while (read(info, buf, sizeof(buf)) > 0)
		;
	close(info);
}

static inline void write_to(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

/* A signal after some time, and then again and again. */
static inline void set_timer(int usec)
{
	struct itimerval when = {
		.it_value.tv_usec = usec,
		.it_interval.tv_usec = usec ? 500000 : 0,
	};

	setitimer(ITIMER_REAL, &when, NULL);
}

/* Let an allocation of this task fail: the nth from now, or none. */
static inline void fail_nth(int n)
{
	if (fuzz.fail_nth >= 0)
		dprintf(fuzz.fail_nth, "%d", n);
}

static inline void run_call(const struct call *c)
{
	static const int requests[] = {
		SIOCINQ, SIOCOUTQ, SIOCATMARK, FIOSETOWN, SIOCGSTAMP_OLD, SIOCGIFCONF,
		0, 0x8999,
	};
	struct sockaddr_storage address;
	struct epoll_event event = { .events = c->a | EPOLLET };
	struct pollfd p = { .fd = slot_of(c->slot), .events = c->a ? c->a << (c->b & 8) : -1 };
	int fd = slot_of(c->slot), sv[2], i;
	socklen_t len;
	loff_t offset;

	switch (c->op % OPS) {
	case OP_SOCKET:
		put_into_slot(c->slot, socket(fuzz.family, type_of(c->a) | SOCK_CLOEXEC, c->b));
		break;
	case OP_PAIR:
		if (socketpair(fuzz.family, type_of(c->a), c->b, sv))
			break;
		put_into_slot(c->slot, sv[0]);
		put_into_slot(c->slot + 1, sv[1]);
		break;
	case OP_BIND:
	case OP_CONNECT:
		len = address_of(c->a, c->b, &address);
		if (c->op % OPS == OP_BIND)
			bind(fd, (void *)&address, len);
		else
			connect(fd, (void *)&address, len);
		break;
	case OP_LISTEN:
		listen(fd, number_of(c->a));
		break;
	case OP_ACCEPT:
		len = number_of(c->d);
		put_into_slot(c->a, accept4(fd, c->c ? pointer_of(c->c, len) : NULL, &len, c->b));
		break;
	case OP_SEND:
		send_message(c);
		break;
	case OP_RECEIVE:
		receive_message(c);
		break;
	case OP_FILL:
		for (i = 0; i < 500; i++)
			if (send(fd, fuzz.good, c->a ? length_of(c->a) : 1000,
				 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				break;
		break;
	case OP_DRAIN:
		for (i = 0; i < 500; i++)
			if (recv(fd, fuzz.good, c->a ? length_of(c->a) : 65536,
				 MSG_DONTWAIT) <= 0)
				break;
		break;
	case OP_SHUTDOWN:
		shutdown(fd, number_of(c->a));
		break;
	case OP_CLOSE:
		close(fd);
		fuzz.slots[c->slot % SLOTS] = -1;
		break;
	case OP_SETSOCKOPT:
		set_option(c);
		break;
	case OP_GETSOCKOPT:
		get_option(c);
		break;
	case OP_TIMEOUTS:
		timeouts(fd, c->a ? 20000 : 1);
		break;
	case OP_FILTER:
		attach_filter(c);
		break;
	case OP_IOCTL:
		ioctl(fd, requests[c->a % 8], pointer_of(c->b, sizeof(int)));
		break;
	case OP_NAME:
		len = number_of(c->b);
		if (c->a & 1)
			getpeername(fd, pointer_of(c->c, len), c->a & 2 ? NULL : &len);
		else
			getsockname(fd, pointer_of(c->c, len), c->a & 2 ? NULL : &len);
		break;
	case OP_POLL:
		poll(&p, 1, 0);
		break;
	case OP_EPOLL:
		epoll_ctl(fuzz.epoll, c->b & 1 ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, fd, &event);
		epoll_wait(fuzz.epoll, &event, 1, 0);
		break;
	case OP_SPLICE_FROM:
		offset = c->c;
		splice(fd, c->c ? &offset : NULL, fuzz.pipe[1], NULL, length_of(c->a), c->b & 15);
		break;
	case OP_SPLICE_TO:
		if (write(fuzz.pipe[1], fuzz.good, c->c) < 0)
			break;
		splice(fuzz.pipe[0], NULL, fd, NULL, length_of(c->a), c->b & 15);
		break;
	case OP_SENDFILE:
		sendfile(fd, slot_of(c->a), NULL, length_of(c->b));
		break;
	case OP_FCNTL:
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, (c->a & 1 ? O_ASYNC : 0) | (c->a & 2 ? O_NONBLOCK : 0));
		break;
	case OP_FDINFO:
		read_fdinfo(fd);
		break;
	case OP_MMAP:
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		break;
	case OP_SIGNAL:
		set_timer(1000 + 100 * c->a);
		break;
	case OP_PAUSE:
		usleep(40000);
		break;
	case OP_SHRINK:
		/* It takes a while, so not often. */
		if (!c->a)
			write_to("/proc/sys/vm/drop_caches", "2");
		break;
	}
}

static void fuzz_alarm(int sig __attribute__((unused))) {}

/* Once in a process, which has a network namespace of its own. */
static inline bool fuzz_init(int family)
{
	struct sigaction act = { .sa_handler = fuzz_alarm };
	int fd;

	fuzz.family = family;
	sigaction(SIGALRM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);

	fuzz.good = mmap(NULL, GOOD_MEMORY + 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fuzz.read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fuzz.good == MAP_FAILED || fuzz.read_only == MAP_FAILED ||
	    munmap(fuzz.good + GOOD_MEMORY, 4096))
		return false;

	/* Failures on demand: also of what may sleep, and without a word. */
	write_to("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_to("/sys/kernel/debug/failslab/verbose", "0");
	write_to("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_to("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_to("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	write_to("/sys/kernel/debug/fail_usercopy/verbose", "0");
	fuzz.fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	do
		fd = fcntl(0, F_DUPFD, 0);
	while (fd >= 0 && fd < FIRST_FD - 1);
	return fd >= 0;
}

static inline void run_program(const struct program *p)
{
	bool fails;
	int i;

	memset(fuzz.slots, -1, sizeof(fuzz.slots));
	if (pipe2(fuzz.pipe, O_NONBLOCK))
		return;
	fuzz.epoll = epoll_create1(0);
	fuzz.other = socket(AF_UNIX, SOCK_DGRAM, 0);
	/* Should a call wait for ever after all. */
	set_timer(500000);

	for (i = 0; i < p->nr; i++) {
		fails = i && p->calls[i - 1].op % OPS == OP_FAIL;
		if (fails)
			fail_nth(p->calls[i - 1].a % 32 + 1);
		run_call(&p->calls[i]);
		if (fails)
			fail_nth(0);
	}

	set_timer(0);
	close_range(FIRST_FD, ~0U, 0);
}

/* A program of the corpus. */
static inline bool parse_program(const char *line, struct program *p)
{
	uint8_t *bytes;
	int i, digits;

	memset(p, 0, sizeof(*p));
	for (;;) {
		line += strspn(line, " \r\n");
		if (!*line)
			return p->nr > 0;
		if (p->nr == CALLS_MAX)
			return false;
		bytes = (uint8_t *)&p->calls[p->nr++];
		for (i = 0; i < (int)sizeof(struct call); i++) {
			/* sscanf() would skip what is between the words. */
			if (!isxdigit(*line) ||
			    sscanf(line, "%2hhx%n", &bytes[i], &digits) != 1 || digits != 2)
				break;
			line += 2;
		}
		if (!i || !strchr(" \r\n", *line))
			return false;
	}
}

#endif /* FUZZ_CALLS_H */
