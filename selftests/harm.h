/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel itself notes when it has reported a bug. */
#ifndef DEMO_HARM_H
#define DEMO_HARM_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * So far: an oops, a warning, a bad page, a lockup, each a bit. Cheap enough to ask
 * after each of many thousand programs, so that the one that did it has a name. The
 * file is not kept open: there are programs that close whatever they find.
 */
static inline int kernel_reports(void)
{
	const int bugs = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14;
	int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) & bugs : -1;
}

#endif /* DEMO_HARM_H */
