/* SPDX-License-Identifier: GPL-2.0-only */
/* SO_BUSY_POLL: look again and again for a while, before going to sleep. */
#ifndef DEMO_SPIN_H
#define DEMO_SPIN_H

#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/busy_poll.h>

/**
 * struct demo_spin - a receiver that may spin
 * @start: when it began, for SO_BUSY_POLL; 0 before the first look
 * @until: when SO_RCVTIMEO is over, in jiffies
 */
struct demo_spin {
	unsigned long	start;
	unsigned long	until;
};

/**
 * demo_spin_once() - may a receiver look once more before it sleeps?
 * @sk: its socket
 * @spin: how long it does so already
 *
 * As long as SO_BUSY_POLL says, and SO_RCVTIMEO. Whoever else wants the processor
 * gets it.
 *
 * Return: whether it may
 */
static inline bool demo_spin_once(struct sock *sk, struct demo_spin *spin)
{
	if (!sk_can_busy_loop(sk))
		return false;
	if (!spin->start)
		spin->start = busy_loop_current_time();
	cpu_relax();
	cond_resched_tasks_rcu_qs();
	return !sk_busy_loop_timeout(sk, spin->start) &&
	       time_before(jiffies, spin->until);
}

/* What is left of SO_RCVTIMEO after that. */
static inline long demo_spin_end(const struct demo_spin *spin, long timeo)
{
	if (timeo == MAX_SCHEDULE_TIMEOUT || !spin->start)
		return timeo;
	return max((long)(spin->until - jiffies), 0L);
}

#endif /* DEMO_SPIN_H */
