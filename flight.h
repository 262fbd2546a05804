/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors in flight. */
#ifndef DEMO_FLIGHT_H
#define DEMO_FLIGHT_H

#include <net/scm.h>
#include <net/sock.h>

struct demo_flight;

struct demo_flight *demo_flight_alloc(struct scm_fp_list *fp);
struct scm_fp_list *demo_flight_end(struct demo_flight *flight);
struct scm_fp_list *demo_flight_peek(const struct demo_flight *flight);

int demo_flight_board(struct demo_flight *flight, struct sock *receiver);
void demo_flight_boarded(struct demo_flight *flight, bool queued);

void demo_flight_listen(struct sock *far, struct sock *listener);
void demo_flight_accept(struct sock *far);

void demo_flight_free_node(struct sock *sk);

#endif /* DEMO_FLIGHT_H */
