/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_DEMO: sockets with numeric addresses, between the processes of a machine.
 *
 * What a program needs beside <sys/socket.h>; usable from C and from C++.
 */
#ifndef _UAPI_LINUX_DEMO_H
#define _UAPI_LINUX_DEMO_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * The family's number unless the module was loaded with another one:
 * /sys/module/demo/parameters/family says which number is in force.
 */
#define AF_DEMO			18
#define PF_DEMO			AF_DEMO

/* The level of the family's own socket options. */
#define SOL_DEMO		300

/* bind(): pick a free port. No destination has it. */
#define DEMO_PORT_ANY		0xffffffffU

/*
 * To bind a port up to this one takes CAP_NET_BIND_SERVICE in the user
 * namespace that owns the network namespace.
 */
#define DEMO_PORT_RESERVED_MAX	1023U

/* bind(): every node address of this network namespace. No destination has it. */
#define DEMO_NODE_ANY		0xffffffffU

/* This machine, this network namespace. */
#define DEMO_NODE_LOCAL		1U

/*
 * Options of level SOL_DEMO. DEMO_ZEROCOPY is SO_ZEROCOPY where the kernel does
 * not let a module have that: MSG_ZEROCOPY means something from now on.
 */
#define DEMO_ZEROCOPY		1

/* A control message of level SOL_DEMO: a struct sock_extended_err. */
#define DEMO_RECVERR		2

/**
 * struct sockaddr_demo - the address of a socket
 * @sdm_family: AF_DEMO
 * @sdm_reserved: must be 0
 * @sdm_port: port, in host byte order; each socket type has ports of its own
 * @sdm_node: node, in host byte order
 * @sdm_flags: must be 0
 * @sdm_zero: must be 0
 *
 * The layout is that of struct sockaddr_vm.
 */
struct sockaddr_demo {
	__kernel_sa_family_t	sdm_family;
	unsigned short		sdm_reserved;
	unsigned int		sdm_port;
	unsigned int		sdm_node;
	__u8			sdm_flags;
	unsigned char		sdm_zero[3];
};

#endif /* _UAPI_LINUX_DEMO_H */
