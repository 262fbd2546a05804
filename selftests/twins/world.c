// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: a program is run, call by call, on both families in turn.
 */

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../harm.h"
#include "twins.h"

#define POLL_EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM |	\
			 POLLRDBAND | POLLWRNORM | POLLWRBAND)

/* Nothing takes that long, not on a debug kernel on an emulated processor. */
#define TIME_LIMIT	300

bool twins_same;
int world_reports;

static int signals_seen;		/* by handlers */
static const struct world *running;

static void see_signal(int signal)
{
	if (signal == SIGPIPE)
		__atomic_fetch_or(&signals_seen, SAW_SIGPIPE, __ATOMIC_RELAXED);
	else if (signal == SIGURG)
		__atomic_fetch_or(&signals_seen, SAW_SIGURG, __ATOMIC_RELAXED);
}

/* A call that never returns is a finding, too, but then there is no going on. */
static void too_long(int signal)
{
	const struct program *p = running->program;
	char text[200];

	print_op(text, sizeof(text), &p->ops[running->line < p->nr_ops ? running->line : 0]);
	printf("# seed %llu: line %d of %d did not end within %d s: %s\n",
	       (unsigned long long)p->seed, running->line, p->nr_ops, TIME_LIMIT, text);
	fflush(stdout);
	_exit(1);
}

const char *world_setup(void)
{
	struct sigaction see = { .sa_handler = see_signal };
	struct sigaction alarm = { .sa_handler = too_long };

	if (getuid())
		return "it takes root: SO_RCVBUFFORCE";
	if (!enter_own_network())
		return "no network namespace of its own";
	if (!write_text("/proc/sys/net/unix/max_dgram_qlen", "10"))
		return "no sysctl net.unix.max_dgram_qlen";
	sigaction(SIGPIPE, &see, NULL);
	sigaction(SIGURG, &see, NULL);
	sigaction(SIGUSR1, &see, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	world_reports = kernel_reports();
	return NULL;
}

/* The first finding is the one that counts. */
void world_tell(struct world *w, const struct op *op, const char *format, ...)
{
	struct finding *f = w->finding;
	va_list args;

	if (!f)
		return;
	w->finding = NULL;
	f->line = w->line;
	f->op = *op;
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
}

/*
 * A name as a number that means the same on both families: one of the program's,
 * or NAME_AUTO and how many were given by the kernel before it.
 */
int world_symbol(struct world *w, enum family side, const struct address *a, bool own)
{
	struct address b = *a;
	int i;

	if (side == FAMILY_UNIX || twins_same) {
		if (a->len <= sizeof(a->un.sun_family))
			return NAME_NONE;
	} else {
		if (!a->len)
			return NAME_NONE;
		if (a->len != sizeof(a->demo) || a->demo.sdm_family != family_number(side))
			return NAME_STRANGE;
		if (own && a->demo.sdm_node == DEMO_NODE_ANY)
			b.demo.sdm_node = DEMO_NODE_LOCAL;
		if (b.demo.sdm_node == DEMO_NODE_LOCAL && b.demo.sdm_port == DEMO_PORT_ANY)
			return NAME_NONE;
	}
	for (i = 0; i < NR_NAMES; i++)
		if (same_address(&b, &w->names[side][i]))
			return i;
	for (i = 0; i < w->nr_autos[side]; i++)
		if (same_address(&b, &w->autos[side][i]))
			return NAME_AUTO + i;
	if (i == MAX_AUTOS)
		return NAME_STRANGE;
	w->autos[side][i] = b;
	w->nr_autos[side]++;
	return NAME_AUTO + i;
}

/* Which of the pipes a descriptor is of; -1: none. */
int world_plain(struct world *w, int fd)
{
	struct stat st;
	int i;

	if (fstat(fd, &st))
		return -1;
	for (i = 0; i < NR_PLAIN; i++)
		if (w->inodes[i] == st.st_ino)
			return i;
	return -1;
}

/* A call that cannot end for want of another gives up soon, unless it is to wait. */
void world_limit_waits(int fd, bool limit)
{
	struct timeval time = { .tv_usec = limit ? 1000 : 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

/* Comparing. */

static bool same_data(const struct op *op, const struct shared *s)
{
	int i;

	if (op->call != CALL_RECV && op->call != CALL_RECVMMSG)
		return true;
	for (i = 0; i < s->results[0].nr_parts; i++)
		if (memcmp(s->data[0] + i * MAX_SIZE, s->data[1] + i * MAX_SIZE,
			   op->size + ROOM_BEHIND))
			return false;
	return true;
}

static void tell_results(struct world *w, const struct op *op, const struct result r[2])
{
	char text[2][1000];

	print_result(text[0], sizeof(text[0]), op, &r[0]);
	print_result(text[1], sizeof(text[1]), op, &r[1]);
	world_tell(w, op, "AF_DEMO: %s\nAF_UNIX: %s", text[0], text[1]);
}

static void tell_poll(struct world *w, const struct op *op, const struct result r[2])
{
	char bits[2][100];
	int i;

	for (i = 0; i < NR_SLOTS; i++) {
		if (r[0].poll[i] == r[1].poll[i])
			continue;
		print_poll(bits[0], sizeof(bits[0]), r[0].poll[i]);
		print_poll(bits[1], sizeof(bits[1]), r[1].poll[i]);
		world_tell(w, op, "poll(s%d) then\nAF_DEMO: %s\nAF_UNIX: %s", i, bits[0],
			   bits[1]);
	}
}

void world_compare(struct world *w, const struct op *op, struct shared *s)
{
	struct result *r = s->results;
	char text[200], how[1000];

	masks_after(w, op, r);
	if (memcmp(&r[0], &r[1], offsetof(struct result, poll))) {
		tell_results(w, op, r);
	} else if (!same_data(op, s)) {
		print_result(how, sizeof(how), op, &r[0]);
		world_tell(w, op, "both: %s, but with other bytes", how);
	}
	tell_poll(w, op, r);
	w->calls += r[0].calls;
	/* What was found is told after. */
	if (!w->verbose || !w->finding || (w->line >= w->program->nr_ops && op->call == CALL_LOOK))
		return;
	print_op(text, sizeof(text), op);
	print_result(how, sizeof(how), op, &r[0]);
	printf("#   %-48s %s\n", text, how);
}

/* Sockets come and go. */

static void put_slot(struct world *w, int slot, int type, int object, int peer,
		     const struct result r[2], int which)
{
	w->slots[slot] = (struct slot) {
		.used = true, .type = type, .object = object, .peer = peer,
		.fd = { r[0].fds[which], r[1].fds[which] },
	};
}

void world_take_new(struct world *w, const struct op *op, struct shared *s)
{
	const struct result *r = s->results;
	int i, j, type = w->slots[op->slot].type;

	if (r[0].ret < 0 || r[1].ret < 0 || (op->call == CALL_ACCEPT && w->slots[op->other].used)) {
		for (i = 0; i < 2; i++)
			for (j = 0; j < 2; j++)
				if (r[i].fds[j] >= 0)
					close(r[i].fds[j]);
		return;
	}
	switch (op->call) {
	case CALL_SOCKET:
		put_slot(w, op->slot, op->type, w->objects++, -1, r, 0);
		break;
	case CALL_SOCKETPAIR:
		put_slot(w, op->slot, op->type, w->objects, w->objects + 1, r, 0);
		put_slot(w, op->other, op->type, w->objects + 1, w->objects, r, 1);
		w->objects += 2;
		break;
	case CALL_ACCEPT:
		put_slot(w, op->other, type, w->objects++, -1, r, 0);
		break;
	case CALL_DUP:
		put_slot(w, op->other, type, w->slots[op->slot].object,
			 w->slots[op->slot].peer, r, 0);
		break;
	case CALL_CONNECT:
	case CALL_DISCONNECT:
		/* Only a datagram socket's changes. */
		for (i = 0; i < NR_SLOTS; i++)
			if (w->slots[i].object == w->slots[op->slot].object)
				w->slots[i].peer = -1;
		break;
	case CALL_CLOSE:
		w->slots[op->slot].used = false;
		break;
	default:
		break;
	}
}

/* Making a call. */

static void run_here(struct world *w, const struct op *op, struct shared *s)
{
	int i;

	for (i = 0; i < 2; i++) {
		__atomic_store_n(&signals_seen, 0, __ATOMIC_RELAXED);
		call_one(w, op, w->line, i, &s->results[i], s->data[i]);
		s->results[i].signals = __atomic_load_n(&signals_seen, __ATOMIC_RELAXED);
	}
}

static void run_in_child(struct world *w, const struct op *op, struct shared *s)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		run_here(w, op, s);
		_exit(0);
	}
	if (pid < 0)
		abort();
	/* The parent may be sent SIGURG meanwhile. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		abort();
	/* SIGURG goes to the parent, which cannot tell for which family. */
	s->results[0].signals &= ~SAW_SIGURG;
	s->results[1].signals &= ~SAW_SIGURG;
}

/* All sockets, after each call. */
static void look_around(struct world *w, struct result *r, enum family side)
{
	struct pollfd p[NR_SLOTS];
	int i;

	for (i = 0; i < NR_SLOTS; i++)
		p[i] = (struct pollfd) {
			.fd = w->slots[i].used ? w->slots[i].fd[side] : -1,
			.events = POLL_EVENTS,
		};
	poll(p, NR_SLOTS, 0);
	for (i = 0; i < NR_SLOTS; i++)
		r->poll[i] = p[i].revents;
}

/* What cannot be done, or would not say anything, is left out. */

static int outq(struct world *w, int slot)
{
	int a = unsent(w->slots[slot].fd[0]), b = unsent(w->slots[slot].fd[1]);

	return a > b ? a : b;
}

/*
 * How much fits differs: whoever sends keeps well below that. What it takes is
 * guessed from above.
 */
static bool crowded(struct world *w, const struct op *op)
{
	bool record = w->slots[op->slot].type != SOCK_STREAM;
	long cost = 2 * op->size + 1024;
	int sndbuf;

	if (op->call == CALL_SENDMMSG)
		cost = 2 * cost + 2048;
	w->cost += cost;
	if (w->cost < 100000 && !w->sndbuf_set)
		return false;
	sndbuf = get_number(w->slots[op->slot].fd[0], SO_SNDBUF);
	if (record && op->size > sndbuf - 32)
		return false;
	return outq(w, op->slot) + cost > sndbuf;
}

/*
 * What wakes the last user of a closed socket makes it go. A call that sends twice
 * (an urgent byte is sent apart) may find it there or gone; and who waits for bytes
 * may have read those of the first before the second comes.
 */
static bool races_with_itself(struct world *w, const struct op *op)
{
	bool many = op->call == CALL_SENDMMSG;
	bool twice = many || (op->call == CALL_SEND && op->flags & MSG_OOB);
	int type = w->slots[op->slot].type;

	if (many && type == SOCK_STREAM && pending_some(w))
		return true;
	return twice && pending_holds(w, type);
}

static bool makes_sense(struct world *w, const struct op *op)
{
	bool makes = op->call == CALL_SOCKET || op->call == CALL_SOCKETPAIR;
	bool needs_other = op->call == CALL_SOCKETPAIR || op->call == CALL_ACCEPT ||
			   op->call == CALL_DUP;

	if (op->call == CALL_JOIN)
		return pending_some(w);
	if (w->slots[op->slot].used == makes)
		return false;
	if (needs_other && (op->other == op->slot || w->slots[op->other].used))
		return false;
	if (masks_skip(w, op))
		return false;
	if (op->who == WHO_THREAD && !pending_may_start(w, op))
		return false;
	if (op->call == CALL_FILL)
		return w->slots[op->slot].peer >= 0 && !pending_some(w);
	if (op->call == CALL_CLOSE && pending_accepts(w, op->slot))
		return false;
	if (op->call == CALL_SEND || op->call == CALL_SENDMMSG)
		return !races_with_itself(w, op) && !crowded(w, op);
	return true;
}

static void run_op(struct world *w, const struct op *given)
{
	struct shared *s = w->shared[0];
	struct op op = *given;

	if (!makes_sense(w, &op))
		return;
	/* In a tight program all datagrams are small, and of one size for the kernel. */
	if (w->program->tight && w->slots[op.slot].type == SOCK_DGRAM &&
	    (op.call == CALL_SEND || op.call == CALL_SENDMMSG))
		op.size %= 100;
	/* It is to wait; and an urgent byte's signal is not a thread's. */
	if (op.who == WHO_THREAD)
		op.flags &= ~(MSG_DONTWAIT | MSG_OOB);
	alarm(TIME_LIMIT);
	if (op.call == CALL_SETSOCKOPT && op.option == SO_SNDBUF)
		w->sndbuf_set = true;
	masks_before(w, &op);
	memset(s->results, 0, sizeof(s->results));
	if (op.call == CALL_JOIN) {
		pending_settle(w, true);
	} else if (op.call == CALL_FILL) {
		fill(w, &op);
	} else if (op.who == WHO_THREAD) {
		pending_start(w, &op);
	} else if (op.who == WHO_CHILD) {
		run_in_child(w, &op, s);
	} else {
		run_here(w, &op, s);
	}
	if (op.who != WHO_THREAD)
		world_take_new(w, &op, s);
	pending_settle(w, false);
	look_around(w, &s->results[0], 0);
	look_around(w, &s->results[1], 1);
	world_compare(w, &op, s);
}

/* At the end, everything is looked at, read, and closed. */
static void run_epilogue(struct world *w)
{
	static const int last_looks[] = {
		LOOK_NAME, LOOK_PEER, LOOK_ERROR, LOOK_UNREAD, LOOK_MARK,
	};
	struct op op = { .name = -1 };
	int i, n;

	if (pending_some(w)) {
		op.call = CALL_JOIN;
		run_op(w, &op);
	}
	for (i = 0; i < NR_SLOTS && w->finding; i++) {
		if (!w->slots[i].used)
			continue;
		op = (struct op) { .call = CALL_LOOK, .slot = i, .name = -1 };
		for (n = 0; n < (int)(sizeof(last_looks) / sizeof(int)) && w->finding; n++) {
			op.value = last_looks[n];
			run_op(w, &op);
		}
		op = (struct op) { .call = CALL_RECV, .slot = i, .size = MAX_SIZE,
				   .flags = MSG_DONTWAIT, .room = ROOM_ALL };
		for (n = 0; n < 300 && w->finding; n++) {
			run_op(w, &op);
			if (w->shared[0]->results[0].ret <= 0)
				break;
		}
		op = (struct op) { .call = CALL_LOOK, .slot = i, .name = -1, .value = LOOK_UNSENT };
		run_op(w, &op);
	}
	for (i = 0; i < NR_SLOTS && w->finding; i++) {
		op = (struct op) { .call = CALL_CLOSE, .slot = i, .name = -1 };
		run_op(w, &op);
	}
}

/* Nobody has the other end of a pipe any more, unless it was lost in flight. */
static void check_plain(struct world *w)
{
	const struct op op = { .call = CALL_JOIN };
	struct pollfd p;
	int i;

	for (i = 0; i < NR_PLAIN; i++) {
		close(w->plain[i][1]);
		p = (struct pollfd) { .fd = w->plain[i][0], .events = POLLIN };
		if (w->finding && (poll(&p, 1, 60000) != 1 || p.revents != POLLHUP))
			world_tell(w, &op, "a descriptor that was sent is still open");
		close(w->plain[i][0]);
	}
}

static void set_up(struct world *w, const struct program *program)
{
	struct stat st;
	int i;

	memset(w, 0, sizeof(*w));
	w->program = program;
	for (i = 0; i < 1 + NR_PENDING; i++) {
		static struct shared *shared[1 + NR_PENDING];

		if (!shared[i])
			shared[i] = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		w->shared[i] = shared[i];
	}
	for (i = 0; i < NR_NAMES; i++) {
		w->names[0][i] = address(twins_same ? FAMILY_UNIX : FAMILY_DEMO, i);
		w->names[1][i] = address(FAMILY_UNIX, NR_NAMES + i);
	}
	for (i = 0; i < NR_PLAIN; i++) {
		if (pipe2(w->plain[i], O_CLOEXEC) || fstat(w->plain[i][0], &st))
			abort();
		w->inodes[i] = st.st_ino;
	}
}

bool world_run(const struct program *program, struct finding *finding, bool verbose,
	       long *calls)
{
	static struct world w;
	int i;

	set_up(&w, program);
	w.finding = finding;
	w.verbose = verbose;
	running = &w;
	write_text("/proc/sys/net/unix/max_dgram_qlen", program->tight ? "2" : "1000");

	for (w.line = 0; w.line < program->nr_ops && w.finding; w.line++)
		run_op(&w, &program->ops[w.line]);
	if (w.finding)
		run_epilogue(&w);

	for (i = 0; i < NR_PENDING; i++)
		if (w.pending[i].used)
			pending_end(&w.pending[i]);
	for (i = 0; i < NR_SLOTS; i++) {
		if (!w.slots[i].used)
			continue;
		close(w.slots[i].fd[0]);
		close(w.slots[i].fd[1]);
	}
	check_plain(&w);
	alarm(0);
	if (calls)
		*calls += w.calls;
	return w.finding;
}
