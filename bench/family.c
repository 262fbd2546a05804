// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is to compare: how each family makes a socket, a name and a pair.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/demo.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>

#include "bench.h"

#define STREAM		TYPE(SOCK_STREAM)
#define DGRAM		TYPE(SOCK_DGRAM)
#define SEQPACKET	TYPE(SOCK_SEQPACKET)

const struct family families[] = {
	{ "demo", AF_DEMO, STREAM | DGRAM | SEQPACKET, 0, NULL },
	{ "unix", AF_UNIX, STREAM | DGRAM | SEQPACKET, 0, NULL },
	{ "pipe", -1, STREAM, 1, "a pipe is a stream without names" },
	{ "tcp", AF_INET, STREAM, 20000, "TCP is a stream" },
	{ "vsock", AF_VSOCK, STREAM | SEQPACKET, 0, "its loopback has no datagrams" },
	{ "tipc", AF_TIPC, STREAM | DGRAM | SEQPACKET, 65535, NULL },
};

const unsigned int nr_families = ARRAY_SIZE(families);

union address {
	struct sockaddr sa;
	struct sockaddr_demo demo;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_vm vm;
	struct sockaddr_tipc tipc;
};

/* The name number n, to bind and to connect to. */
static socklen_t name(const struct family *f, unsigned int n, union address *a)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = f->domain;
	switch (f->domain) {
	case AF_DEMO:
		a->demo.sdm_node = DEMO_NODE_LOCAL;
		a->demo.sdm_port = 100000 + n;
		return sizeof(a->demo);
	case AF_UNIX:
		return offsetof(struct sockaddr_un, sun_path) + 1 +
			sprintf(a->un.sun_path + 1, "demo-bench-%u", n);
	case AF_INET:
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a->in.sin_port = htons(10000 + n);
		return sizeof(a->in);
	case AF_VSOCK:
		a->vm.svm_cid = VMADDR_CID_LOCAL;
		a->vm.svm_port = 100000 + n;
		return sizeof(a->vm);
	case AF_TIPC:
		a->tipc.addrtype = TIPC_SERVICE_ADDR;
		a->tipc.scope = TIPC_NODE_SCOPE;
		a->tipc.addr.name.name.type = 18000;
		a->tipc.addr.name.name.instance = n;
		return sizeof(a->tipc);
	}
	abort();
}

int new_socket(const struct family *f, int type)
{
	int one = 1, fd;

	if (!(f->types & TYPE(type)) || f->domain < 0)
		give_up("%s", f->lacks);
	fd = socket(f->domain, type, 0);
	if (fd < 0)
		failed("socket");
	if (f->domain == AF_INET) {
		/* A small write is to go at once, as it does everywhere else. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		/* Connections of another measurement may be in TIME_WAIT. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	}
	return fd;
}

void bind_name(const struct family *f, int fd, unsigned int n)
{
	union address a;
	socklen_t len = name(f, n, &a);

	if (bind(fd, &a.sa, len))
		failed("bind");
}

int new_listener(const struct family *f, int type, unsigned int n)
{
	int fd = new_socket(f, type);

	bind_name(f, fd, n);
	if (listen(fd, 128))
		failed("listen");
	return fd;
}

void connect_to_name(const struct family *f, int fd, unsigned int n)
{
	union address a;
	socklen_t len = name(f, n, &a);

	if (connect(fd, &a.sa, len))
		failed("connect");
}

/*
 * socket(), connect() and accept(), by one process. TIPC's connect() waits for
 * accept(), so that it must not wait here.
 */
int connect_name(const struct family *f, int type, int listener, unsigned int n,
		 int *accepted)
{
	bool nonblock = f->domain == AF_TIPC;
	int fd = new_socket(f, type);
	union address a;
	socklen_t len = name(f, n, &a);

	if (nonblock)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, &a.sa, len) && !(nonblock && errno == EINPROGRESS))
		failed("connect");
	*accepted = accept(listener, NULL, NULL);
	if (*accepted < 0)
		failed("accept");
	if (nonblock)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

bool has_socketpair(const struct family *f)
{
	return f->domain == AF_DEMO || f->domain == AF_UNIX || f->domain == AF_TIPC;
}

void new_pair(const struct family *f, int type, struct end ends[2])
{
	static unsigned int used;
	static int listener = -1;
	int fds[2], back[2], one = 1;

	if (!(f->types & TYPE(type)))
		give_up("%s", f->lacks);
	if (f->domain < 0) {
		if (pipe(fds) || pipe(back))
			failed("pipe");
		ends[0].out = fds[1];
		ends[1].in = fds[0];
		ends[1].out = back[1];
		ends[0].in = back[0];
		return;
	}
	if (has_socketpair(f)) {
		if (socketpair(f->domain, type, 0, fds))
			failed("socketpair");
	} else {
		if (listener < 0 || used++ % 10000 == 9999)
			listener = new_listener(f, type, used / 10000);
		fds[0] = connect_name(f, type, listener, used / 10000, &fds[1]);
		if (f->domain == AF_INET)
			setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	ends[0].in = fds[0];
	ends[0].out = fds[0];
	ends[1].in = fds[1];
	ends[1].out = fds[1];
}

/* For a record that is longer than what the buffers hold as they are. */
void make_room(int fd, long bytes)
{
	int room = bytes;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

bool enable_zerocopy(const struct family *f, int fd)
{
	int one = 1;

	if (f->domain == AF_DEMO &&
	    !setsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &one, sizeof(one)))
		return true;
	return f->domain >= 0 && !setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
}
