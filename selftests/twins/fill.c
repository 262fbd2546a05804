// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: a socket is filled until it says EAGAIN, and then everything is read.
 *
 * How much fits differs, so what is read cannot be compared one by one. What must
 * be the same: that it does end, with the same errno; that a sender can wait
 * then, and is woken by those who read; that all that was sent arrives, once;
 * and, as after every call, that nothing is left.
 */

#include "twins.h"

#define FILL_SEED	1000000u

struct filled {
	int		fd;
	int		end;		/* errno of the last send */
	bool		full;		/* and poll() says so, too */
	bool		waits;		/* one more sender */
	bool		stuck;		/* it went on waiting */
	long		result;		/* of it */
	int		error;
	long		sent;
	long		got[NR_SLOTS];
	int		last[NR_SLOTS];	/* errno that reading ended with */
	struct background	sender;
};

static unsigned char buffers[2][MAX_SIZE];

static void fill_up(struct world *w, int size, struct filled *f)
{
	ssize_t n = 0;

	for (; size; size /= 2) {
		do {
			pattern_fill(buffers[0], size, FILL_SEED, f->sent);
			n = send(f->fd, buffers[0], size, MSG_DONTWAIT | MSG_NOSIGNAL);
			w->calls++;
			if (n > 0)
				f->sent += n;
		} while (n > 0);
	}
	f->end = n ? errno : 0;
	/* Ended for another reason, how much is in flight is each family's own. */
	f->full = f->end == EAGAIN && !(poll_now(f->fd, POLLOUT) & POLLOUT);
}

static void read_all_slots(struct world *w, enum family side, struct filled *f)
{
	ssize_t n;
	int i;

	for (i = 0; i < NR_SLOTS; i++) {
		struct slot *slot = &w->slots[i];

		if (!slot->used)
			continue;
		while ((n = recv(slot->fd[side], buffers[1], MAX_SIZE, MSG_DONTWAIT)) > 0) {
			f->got[i] += n;
			w->calls++;
		}
		f->last[i] = n ? errno : 0;
	}
}

static void fill_and_drain(struct world *w, const struct op *op, enum family side,
			   struct filled *f)
{
	struct slot *slot = &w->slots[op->slot];
	bool small = w->program->tight && slot->type == SOCK_DGRAM;

	memset(f, 0, sizeof(*f));
	f->fd = slot->fd[side];
	fill_up(w, small ? 100 : op->size, f);
	if (op->value && f->end == EAGAIN) {
		f->sender = (struct background) {
			.fd = f->fd, .buf = buffers[0], .len = op->value,
			.flags = MSG_NOSIGNAL,
		};
		pattern_fill(buffers[0], op->value, FILL_SEED, f->sent);
		set_nonblock(f->fd, false);
		world_limit_waits(f->fd, false);
		if (background_send(&f->sender))
			abort();
		f->waits = background_sleeps(&f->sender);
		world_limit_waits(f->fd, true);
	}
	read_all_slots(w, side, f);
	if (!f->sender.fd)
		return;
	f->stuck = background_sleeps(&f->sender);
	while (background_sleeps(&f->sender)) {
		pthread_kill(f->sender.thread, SIGUSR1);
		usleep(1000);
	}
	f->result = background_end(&f->sender);
	f->error = errno;
	if (f->result > 0) {
		f->sent += f->result;
		f->error = 0;
	}
	read_all_slots(w, side, f);
}

static void print_filled(char *to, size_t size, const struct filled *f)
{
	int i, n;

	n = snprintf(to, size, "sent until %s%s", print_error(f->end),
		     f->full ? ", not writable" : "");
	if (f->sender.fd)
		n += snprintf(to + n, size - n, ", %s%s, %ld %s", f->waits ? "waited" :
			      "did not wait", f->stuck ? " and was not woken" : "", f->result,
			      print_error(f->error));
	n += snprintf(to + n, size - n, ", sent %ld", f->sent);
	for (i = 0; i < NR_SLOTS; i++)
		if (f->got[i] || f->last[i])
			n += snprintf(to + n, size - n, ", read %ld from s%d until %s", f->got[i],
				      i, print_error(f->last[i]));
}

/* The one more is that of @peer, whoever of its dup()s was read first. */
static bool same_filled(struct world *w, const struct filled f[2], int peer)
{
	long more = 0;
	int i;

	for (i = 0; i < NR_SLOTS; i++) {
		long differs = f[0].got[i] - f[1].got[i];

		if (f[0].last[i] != f[1].last[i])
			return false;
		if (differs && w->slots[i].object != peer)
			return false;
		more += differs;
	}
	return more == f[0].sent - f[1].sent && f[0].end == f[1].end &&
	       f[0].full == f[1].full && f[0].waits == f[1].waits &&
	       f[0].stuck == f[1].stuck && f[0].result == f[1].result &&
	       f[0].error == f[1].error;
}

void fill(struct world *w, const struct op *op)
{
	static struct filled f[2];
	char text[2][1000];
	int i;

	for (i = 0; i < 2; i++)
		fill_and_drain(w, op, i, &f[i]);
	/* As masks.c has it of a single send. */
	if (w->slots[op->slot].type == SOCK_DGRAM && f[0].end == EPIPE &&
	    f[1].end == ENOTCONN && !kernel_is_at_least(7, 2))
		f[1].end = EPIPE;
	if (same_filled(w, f, w->slots[op->slot].peer))
		return;
	for (i = 0; i < 2; i++)
		print_filled(text[i], sizeof(text[i]), &f[i]);
	world_tell(w, op, "AF_DEMO: %s\nAF_UNIX: %s", text[0], text[1]);
}
