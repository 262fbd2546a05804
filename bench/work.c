// SPDX-License-Identifier: GPL-2.0-only
/*
 * Works that move data: one way, there and back, in batches.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

#define SMALL		64	/* bytes of a small write or record */
#define MAX_ENDS	8

/* Writers use MSG_ZEROCOPY. */
static bool zerocopy;

static bool is_stream(const struct job *job)
{
	return job->type == SOCK_STREAM;
}

static void room_for_records(const struct job *job, struct end *ends, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!is_stream(job) && job->size > READ_SIZE)
			make_room(ends[i].out, 2 * job->size);
}

/*
 * The operations of a phase: some to warm up, then all. Divisible by as many
 * writers or readers as there are.
 */
static long phase_ops(const struct job *job, int phase)
{
	return phase ? job->ops : max(job->ops / 2 / MAX_ENDS * MAX_ENDS, MAX_ENDS);
}

#define PHASES	2

static pid_t child(int cpu)
{
	pid_t pid = fork();

	if (pid < 0)
		failed("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(cpu);
	return 0;
}

static void wait_for(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(0);
}

/*
 * Write, and take the notices that have come: a program would use its pages
 * again. There is one for many writes, and one that is left is no harm.
 */
static void send_zerocopy(int fd, const char *buf, long size)
{
	struct msghdr notice = { 0 };
	ssize_t n;

	while (size) {
		n = send(fd, buf, size, MSG_ZEROCOPY);
		if (n <= 0)
			failed("send");
		buf += n;
		size -= n;
		while (!recvmsg(fd, &notice, MSG_ERRQUEUE | MSG_DONTWAIT))
			;
	}
}

static void writer(const struct job *job, int fd, int nr, int go)
{
	char *buf = buffer(job->size);
	long ops;
	int phase;

	for (phase = 0; phase < PHASES; phase++) {
		wait_for(go);
		for (ops = phase_ops(job, phase) / nr; ops; ops--)
			if (zerocopy)
				send_zerocopy(fd, buf, job->size);
			else
				write_all(fd, buf, job->size);
	}
	pause();
}

/* Until all is there that the writers of a phase send in @ops operations. */
static void read_ops(const struct job *job, int fd, void *buf, long ops)
{
	long left = is_stream(job) ? ops * job->size : ops;
	long size = is_stream(job) ? READ_SIZE : max(job->size, READ_SIZE);
	ssize_t n;

	while (left > 0) {
		n = read(fd, buf, size);
		if (n <= 0)
			failed("read");
		if (is_stream(job))
			left -= n;
		else if (n != job->size)
			give_up("a record of %zd bytes was read", n);
		else
			left--;
	}
}

static void reader(const struct job *job, int fd, int nr, int done)
{
	void *buf = buffer(max(job->size, READ_SIZE));
	int phase;

	for (phase = 0; phase < PHASES; phase++) {
		read_ops(job, fd, buf, phase_ops(job, phase) / nr);
		write_all(done, "", 1);
	}
	pause();
}

/*
 * Writers and readers are processes that do nothing else, and wait in the
 * kernel: whose turn it is, the scheduler says. What is counted begins before
 * the first write, when nothing is under way, and ends after the last read.
 */
static double transfer(const struct job *job, const int *out, int nr_out,
		       const int *in, int nr_in)
{
	int go[MAX_ENDS][2], done[2], i, phase;
	double start = 0;

	if (pipe(done))
		failed("pipe");
	for (i = 0; i < nr_out; i++) {
		/* Each its own: none is to take what lets another go. */
		if (pipe(go[i]))
			failed("pipe");
		if (!child(i))
			writer(job, out[i], nr_out, go[i][0]);
	}
	for (i = 0; i < nr_in; i++)
		if (!child(i + 1))
			reader(job, in[i], nr_in, done[1]);
	settle();
	/* No rest between the phases: what is warm would cool down. */
	for (phase = 0; phase < PHASES; phase++) {
		start = now();
		for (i = 0; i < nr_out; i++)
			write_all(go[i][1], "", 1);
		for (i = 0; i < nr_in; i++)
			wait_for(done[0]);
	}
	return now() - start;
}

/*
 * Whoever runs goes on until it must wait: a woken reader takes the processor
 * from no writer. The same with any scheduler, where there is one processor.
 */
double in_turns(const struct job *job)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		failed("sched_setscheduler");
	return one_way(job);
}

static double one_way_between(const struct job *job, struct end ends[2])
{
	room_for_records(job, ends, 2);
	return transfer(job, &ends[0].out, 1, &ends[1].in, 1);
}

double one_way(const struct job *job)
{
	struct end ends[2];

	if (job->family->domain == AF_TIPC && job->type == SOCK_DGRAM)
		give_up("it drops datagrams that there is no room for");
	new_pair(job->family, job->type, ends);
	return one_way_between(job, ends);
}

/* With MSG_ZEROCOPY by whoever has it: the others write as ever. */
double one_way_zerocopy(const struct job *job)
{
	struct end ends[2];

	new_pair(job->family, job->type, ends);
	zerocopy = enable_zerocopy(job->family, ends[0].out);
	return one_way_between(job, ends);
}

/* job->size pairs at once, a process at each end. */
double many_pairs(const struct job *job)
{
	int in[MAX_ENDS], out[MAX_ENDS], i;
	struct job each = *job;
	struct end ends[2];

	for (i = 0; i < job->size; i++) {
		new_pair(job->family, job->type, ends);
		out[i] = ends[0].out;
		in[i] = ends[1].in;
	}
	each.size = SMALL;
	return transfer(&each, out, job->size, in, job->size);
}

/* job->size processes send to one datagram socket. */
double many_senders(const struct job *job)
{
	int receiver, out[MAX_ENDS], i;
	struct job each = *job;

	if (job->family->domain == AF_TIPC)
		give_up("it drops datagrams that there is no room for");
	receiver = new_socket(job->family, job->type);
	bind_name(job->family, receiver, 0);
	for (i = 0; i < job->size; i++) {
		out[i] = new_socket(job->family, job->type);
		connect_to_name(job->family, out[i], 0);
	}
	each.size = SMALL;
	return transfer(&each, out, job->size, &receiver, 1);
}

/* A message, whole. */
static void read_message(int fd, void *buf, long size)
{
	long left = size;
	ssize_t n;

	while (left) {
		n = read(fd, buf, left);
		if (n <= 0)
			failed("read");
		left -= n;
	}
}

static double round_trip_between(const struct job *job, struct end ends[2])
{
	char *buf = buffer(job->size);
	double start = 0;
	int phase;
	long ops;

	room_for_records(job, ends, 2);
	if (!child(1))
		for (;;) {
			read_message(ends[1].in, buf, job->size);
			write_all(ends[1].out, buf, job->size);
		}
	pin_to(0);
	for (phase = 0; phase < PHASES; phase++) {
		start = now();
		for (ops = phase_ops(job, phase); ops; ops--) {
			write_all(ends[0].out, buf, job->size);
			read_message(ends[0].in, buf, job->size);
		}
	}
	return now() - start;
}

double round_trip(const struct job *job)
{
	struct end ends[2];

	new_pair(job->family, job->type, ends);
	return round_trip_between(job, ends);
}

#define SPIN	10000	/* microseconds: for longer than an answer takes */

/* With SO_BUSY_POLL at both ends, heeded by whoever does: the others sleep. */
double round_trip_spinning(const struct job *job)
{
	struct end ends[2];
	int i, spin = SPIN;

	new_pair(job->family, job->type, ends);
	if (job->family->domain < 0)
		give_up("a pipe has no options");
	for (i = 0; i < 2; i++)
		if (setsockopt(ends[i].in, SOL_SOCKET, SO_BUSY_POLL, &spin, sizeof(spin)))
			failed("setsockopt");
	return round_trip_between(job, ends);
}

/*
 * One process that writes a batch and then reads it: no other is woken, and
 * none is switched to.
 */
#define BATCH		128
#define BIG		32768

double small_writes(const struct job *job)
{
	char *buf = buffer(BATCH * job->size);
	struct end ends[2];
	double start = 0;
	int phase, i;
	long ops;

	new_pair(job->family, job->type, ends);
	for (phase = 0; phase < PHASES; phase++) {
		start = now();
		for (ops = phase_ops(job, phase); ops > 0; ops -= BATCH) {
			for (i = 0; i < BATCH; i++)
				write_all(ends[0].out, buf, job->size);
			read_message(ends[1].in, buf, BATCH * job->size);
		}
	}
	return now() - start;
}

double small_reads(const struct job *job)
{
	char *buf = buffer(BIG);
	struct end ends[2];
	double start = 0;
	long ops, left;
	int phase;

	new_pair(job->family, job->type, ends);
	for (phase = 0; phase < PHASES; phase++) {
		start = now();
		for (ops = phase_ops(job, phase); ops > 0; ops -= BIG / job->size) {
			write_all(ends[0].out, buf, BIG);
			for (left = BIG; left > 0; left -= job->size)
				read_message(ends[1].in, buf, job->size);
		}
	}
	return now() - start;
}

/* sendmmsg() and recvmmsg() of job->size records at a time. */
double many_messages(const struct job *job)
{
	struct mmsghdr messages[64] = { 0 };
	struct iovec iov[64];
	char *buf = buffer(SMALL * job->size);
	struct end ends[2];
	double start = 0;
	int phase, i;
	long ops;

	new_pair(job->family, job->type, ends);
	for (i = 0; i < job->size; i++) {
		iov[i].iov_base = buf + i * SMALL;
		iov[i].iov_len = SMALL;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (phase = 0; phase < PHASES; phase++) {
		start = now();
		for (ops = phase_ops(job, phase); ops > 0; ops -= job->size) {
			if (sendmmsg(ends[0].out, messages, job->size, 0) != job->size)
				failed("sendmmsg");
			if (recvmmsg(ends[1].in, messages, job->size, 0, NULL) != job->size)
				failed("recvmmsg");
		}
	}
	return now() - start;
}
