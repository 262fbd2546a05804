// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which blocks of demo.ko have run: linked into it by scripts/coverage.sh alone.
 *
 * The compiler puts a call of __sanitizer_cov_trace_pc() into every block. KCOV
 * has that function too, but records one task. This one records whoever comes
 * by, also threads, workers and interrupts, on every kernel.
 *
 * Each read of the module's parameter "reached" gives the calls that came by
 * since, as their distance from that function, and nothing when there are none.
 */

#include <linux/kcov.h>
#include <linux/module.h>

/* So far from that function are its callers, on either side. */
#define REACH		(128 * 1024)

enum { NEVER, REACHED, TOLD };

static unsigned char calls[2 * REACH];

static unsigned char *call_from(long distance)
{
	return &calls[distance + REACH];
}

void notrace __sanitizer_cov_trace_pc(void)
{
	long distance = _RET_IP_ - (long)__sanitizer_cov_trace_pc;

	/* What runs at the start and is freed is somewhere else. */
	if (!within_module_core(_RET_IP_, THIS_MODULE) || distance < -REACH ||
	    distance >= REACH)
		return;
	if (READ_ONCE(*call_from(distance)) == NEVER)
		WRITE_ONCE(*call_from(distance), REACHED);
}

static int tell(char *buf, const struct kernel_param *kp)
{
	long distance;
	int len = 0;

	for (distance = -REACH; distance < REACH; distance++) {
		if (*call_from(distance) != REACHED)
			continue;
		len += sysfs_emit_at(buf, len, "%ld\n", distance);
		WRITE_ONCE(*call_from(distance), TOLD);
		if (len > (int)PAGE_SIZE - 32)
			break;
	}
	return len;
}

static const struct kernel_param_ops reached_ops = { .get = tell };

module_param_cb(reached, &reached_ops, NULL, 0400);
MODULE_PARM_DESC(reached, "calls reached since the last read");
