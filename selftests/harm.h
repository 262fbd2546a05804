/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel itself notes when it has reported a bug. */
#ifndef DEMO_HARM_H
#define DEMO_HARM_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * It has, since this was first asked: an oops, a warning, a bad page, or a lockup.
 * Cheap enough to ask after each of many thousand programs, so that the one that
 * did it has a name.
 */
static inline bool kernel_reported(void)
{
	const int bugs = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14;
	static int fd = -1, before = -1;
	char text[32] = "";
	int now;

	if (fd < 0)
		fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	now = atoi(text) & bugs;
	if (before < 0)
		before = now;
	return now & ~before;
}

#endif /* DEMO_HARM_H */
