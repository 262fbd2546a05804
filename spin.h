/* SPDX-License-Identifier: GPL-2.0-only */
/* SO_BUSY_POLL: look again and again for a while, before going to sleep. */
#ifndef DEMO_SPIN_H
#define DEMO_SPIN_H

#include <linux/sched.h>
#include <net/busy_poll.h>

/**
 * demo_spin() - may a receiver look once more before it sleeps?
 * @sk: its socket
 * @start: when it began; 0 before the first call
 *
 * As long as SO_BUSY_POLL says. Whoever else wants the processor gets it.
 *
 * Return: whether it may
 */
static inline bool demo_spin(struct sock *sk, unsigned long *start)
{
	if (!sk_can_busy_loop(sk))
		return false;
	if (!*start)
		*start = busy_loop_current_time();
	cpu_relax();
	cond_resched();
	return !sk_busy_loop_timeout(sk, *start);
}

#endif /* DEMO_SPIN_H */
