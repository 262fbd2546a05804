/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_COMPAT_LINUX_SOCKET_H
#define DEMO_COMPAT_LINUX_SOCKET_H

#include_next <linux/socket.h>

/* 6.5, 6.16, 6.17: options that programs built for a newer kernel ask for. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#ifndef SO_INQ
#define SO_INQ		84
#define SCM_INQ		SO_INQ
#endif

#endif /* DEMO_COMPAT_LINUX_SOCKET_H */
