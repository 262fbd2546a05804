// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records between many threads at once: none is lost, none comes twice, none is
 * torn, and those of one sender stay in their order.
 */
#include "demo_test.h"

#define SENDERS		3
#define RECEIVERS	2
#define RECORDS		200
#define RECORD_MAX	4000

FIXTURE_PAIR(threads, VARIANTS_RECORD)

/* A record says who sent it, which of his it is, and how long; then a pattern. */
struct record {
	int sender;
	int number;
	int len;
	unsigned char data[RECORD_MAX];
};

#define HEADER	offsetof(struct record, data)
#define END	SENDERS

static unsigned int seed_of(const struct record *r)
{
	return test_seed(r->sender * RECORDS + r->number);
}

static int length_of(unsigned int seed)
{
	return seed % 7 ? seed * 31 % 300 : seed * 97 % RECORD_MAX;
}

struct sender {
	pthread_t thread;
	int fd;
	int sender;
	bool wait_by_poll;
	int failed;
	const struct address *to;
};

/* Send one; wait for room in the call, or in poll() while another may take it. */
static bool send_record(const struct sender *s, const struct record *r)
{
	ssize_t len = HEADER + r->len;
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };

	for (;;) {
		if (sendto(s->fd, r, len, s->wait_by_poll ? MSG_DONTWAIT : 0,
			   s->to ? &s->to->sa : NULL, s->to ? s->to->len : 0) == len)
			return true;
		if (!s->wait_by_poll || errno != EAGAIN || poll(&p, 1, -1) != 1)
			return false;
	}
}

static void *send_records(void *arg)
{
	struct sender *s = arg;
	struct record r;

	r.sender = s->sender;
	for (r.number = 0; r.number < RECORDS; r.number++) {
		r.len = length_of(seed_of(&r));
		pattern_fill(r.data, r.len, seed_of(&r), 0);
		if (!send_record(s, &r))
			s->failed++;
	}
	return NULL;
}

struct receiver {
	pthread_t thread;
	int fd;
	int torn;
	int disordered;
	int failed;
	unsigned char (*seen)[RECORDS];
};

static void *receive_records(void *arg)
{
	struct receiver *rcv = arg;
	int last[SENDERS] = { -1, -1, -1 };
	struct record r;
	ssize_t n;

	for (;;) {
		n = recv(rcv->fd, &r, sizeof(r), 0);
		if (n < (ssize_t)HEADER) {
			rcv->failed++;
			return NULL;
		}
		if (r.sender == END)
			return NULL;
		if (r.sender < 0 || r.sender > END || r.number < 0 || r.number >= RECORDS ||
		    r.len != length_of(seed_of(&r)) || n != (ssize_t)HEADER + r.len ||
		    pattern_differs(r.data, r.len, seed_of(&r), 0) >= 0) {
			rcv->torn++;
			continue;
		}
		rcv->disordered += r.number <= last[r.sender];
		last[r.sender] = r.number;
		__atomic_fetch_add(&rcv->seen[r.sender][r.number], 1, __ATOMIC_RELAXED);
	}
}

/* Let them all run. Each sender has a socket of its own, or all have the same. */
static void run(struct __test_metadata *_metadata, struct sender *senders, int fd, int receivers)
{
	static unsigned char seen[SENDERS][RECORDS];
	struct record end = { .sender = END };
	struct receiver rcv[RECEIVERS] = {};
	int i, n;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < receivers; i++) {
		rcv[i].fd = fd;
		rcv[i].seen = seen;
		ASSERT_EQ(0, pthread_create(&rcv[i].thread, NULL, receive_records, &rcv[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		senders[i].sender = i;
		ASSERT_EQ(0, pthread_create(&senders[i].thread, NULL, send_records, &senders[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].thread, NULL);
		EXPECT_EQ(0, senders[i].failed);
	}
	/* One for each receiver: nobody takes two. */
	for (i = 0; i < receivers; i++) {
		EXPECT_TRUE(send_record(&senders[0], &end));
	}
	for (i = 0; i < receivers; i++) {
		pthread_join(rcv[i].thread, NULL);
		EXPECT_EQ(0, rcv[i].failed);
		EXPECT_EQ(0, rcv[i].torn);
		EXPECT_EQ(0, rcv[i].disordered);
	}
	for (i = 0; i < SENDERS; i++) {
		for (n = 0; n < RECORDS; n++) {
			EXPECT_EQ(1, seen[i][n]) {
				TH_LOG("record %d of sender %d", n, i);
			}
		}
	}
	EXPECT_ERROR(EAGAIN, recv(fd, &end, sizeof(end), MSG_DONTWAIT));
}

TEST_F(threads, one_receiver_gets_all_records_of_many_senders)
{
	struct sender senders[SENDERS] = {};
	int i;

	for (i = 0; i < SENDERS; i++)
		senders[i].fd = self->sv[0];
	run(_metadata, senders, self->sv[1], 1);
}

TEST_F(threads, many_receivers_get_all_records_of_many_senders)
{
	struct sender senders[SENDERS] = {};
	int i;

	for (i = 0; i < SENDERS; i++)
		senders[i].fd = self->sv[0];
	run(_metadata, senders, self->sv[1], RECEIVERS);
}

TEST_F(threads, senders_with_little_room_lose_nothing)
{
	struct sender senders[SENDERS] = {};
	int i;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 0));
	for (i = 0; i < SENDERS; i++)
		senders[i].fd = self->sv[0];
	run(_metadata, senders, self->sv[1], RECEIVERS);
}

TEST_F(threads, senders_that_wait_in_poll_lose_nothing)
{
	struct sender senders[SENDERS] = {};
	int i;

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 10000));
	for (i = 0; i < SENDERS; i++) {
		senders[i].fd = self->sv[0];
		senders[i].wait_by_poll = true;
	}
	run(_metadata, senders, self->sv[1], RECEIVERS);
}

FIXTURE(dgram) {
	struct address to;
	int receiver;
	struct sender senders[SENDERS];
};

FIXTURE_VARIANT(dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(dgram);

FIXTURE_SETUP(dgram)
{
	int i;

	NEED_FAMILY(variant->family);
	self->to = address(variant->family, 1);
	self->receiver = bound_socket(variant->family, variant->type, 1);
	ASSERT_LE(0, self->receiver);
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 8192));
	for (i = 0; i < SENDERS; i++) {
		self->senders[i].fd = bound_socket(variant->family, variant->type, 2 + i);
		ASSERT_LE(0, self->senders[i].fd);
	}
}

FIXTURE_TEARDOWN(dgram)
{
	int i;

	close(self->receiver);
	for (i = 0; i < SENDERS; i++)
		close(self->senders[i].fd);
}

/* Each waits for room in the one receive queue, and is woken when there is. */
TEST_F(dgram, sockets_that_send_to_one_receiver_lose_nothing)
{
	int i;

	for (i = 0; i < SENDERS; i++)
		self->senders[i].to = &self->to;
	run(_metadata, self->senders, self->receiver, 1);
}

TEST_F(dgram, sockets_that_are_connected_to_one_receiver_lose_nothing)
{
	int i;

	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, connect_to(self->senders[i].fd, &self->to));
	}
	run(_metadata, self->senders, self->receiver, RECEIVERS);
}

TEST_F(dgram, connected_sockets_that_wait_in_poll_lose_nothing)
{
	int i;

	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, connect_to(self->senders[i].fd, &self->to));
		self->senders[i].wait_by_poll = true;
	}
	run(_metadata, self->senders, self->receiver, RECEIVERS);
}

TEST_HARNESS_MAIN
