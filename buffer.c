// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_DEMO: what data waits in.
 *
 * A buffer in flight is charged to its sender (SO_SNDBUF). When it was read, the
 * charge is given back, and the buffer goes to the sender's write queue: it is a
 * spare, and saves the next send an allocation and the zeroing of it, which
 * together cost more than the copy of a small message. A sender has no more
 * memory in spares than it may have in flight, and spares that are not used are
 * soon freed. So is a stream's open buffer that rests at its reader.
 *
 * Used again are only buffers in memory of their own, that nobody else holds
 * and no filter has cut. Such memory is never handed to a pipe: splice() copies
 * it. So nobody can see it change. All of a large record that is not in one piece
 * is in pages, and those go to a record with as many.
 */

#include <linux/sched/signal.h>
#include <linux/shrinker.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "buffer.h"

/* How long a spare waits unused: between one and two of these. */
#define DEMO_SPARE_PERIOD	msecs_to_jiffies(16)

/* The smallest spare there may be, and how many are looked at. */
#define DEMO_SPARE_SMALL	192U
#define DEMO_SPARE_LOOKS	8U

/* The most that a buffer holds that rests. */
#define DEMO_BUFFER_REST	(2 * PAGE_SIZE)

/* Sockets with spares, or with a buffer at rest, in no order. */
static DEFINE_SPINLOCK(demo_hoard_lock);
static LIST_HEAD(demo_hoarders);
static unsigned long demo_nr_hoarders;

static void demo_spares_age_all(struct work_struct *work);
static DECLARE_DELAYED_WORK(demo_spares_work, demo_spares_age_all);
static struct shrinker *demo_shrinker;

/* Charges. */

/**
 * demo_buffer_wait() - demo_buffer_admit() when there is no room
 * @sk: the sender
 * @timeo: how long, in jiffies
 *
 * Whoever gives a charge back calls sk_write_space() after.
 *
 * Return: what is left of @timeo, or an errno
 */
long demo_buffer_wait(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err;

	add_wait_queue(sk_sleep(sk), &wait);
	for (;;) {
		/* Who waits for room here need not be sent a signal for it. */
		if (timeo)
			sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		else
			sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		/* The bits before the look at the charge: SIGIO is not lost. */
		smp_mb__after_atomic();
		err = demo_buffer_admission(sk);
		if (err != -EAGAIN || !timeo)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err ?: timeo;
}

static void demo_uncharge(struct sock *sender, unsigned int bytes)
{
	void (*write_space)(struct sock *sk) = READ_ONCE(sender->sk_write_space);

	/* The last byte keeps the sender until it has been told. */
	WARN_ON_ONCE(refcount_sub_and_test(bytes - 1, &sender->sk_wmem_alloc));
	write_space(sender);
	sk_free(sender);
}

/* Spares. */

static bool demo_buffer_is_ours(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	int i;

	if (demo_buffer(skb)->foreign || skb_shared(skb) || skb_cloned(skb) ||
	    skb->head_frag || skb_pfmemalloc(skb))
		return false;
	/* Another cache line, which small ones need not touch. */
	if (!skb_is_nonlinear(skb))
		return true;
	for (i = 0; i < info->nr_frags; i++)
		if (page_ref_count(skb_frag_page(&info->frags[i])) != 1)
			return false;
	return true;
}

/* Under the lock of the socket's write queue, as all that changes the answer. */
static bool demo_hoards(const struct demo_sock *ds)
{
	/* The worker may be moving the socket to the end of the list. */
	return !data_race(list_empty(&ds->hoard_link));
}

/* Under the lock of @sk's write queue. */
static void demo_hoard(struct demo_sock *ds)
{
	if (demo_hoards(ds))
		return;

	spin_lock(&demo_hoard_lock);
	list_add_tail(&ds->hoard_link, &demo_hoarders);
	if (!demo_nr_hoarders)
		schedule_delayed_work(&demo_spares_work, DEMO_SPARE_PERIOD);
	/* The worker and the shrinker look at it without the lock. */
	WRITE_ONCE(demo_nr_hoarders, demo_nr_hoarders + 1);
	spin_unlock(&demo_hoard_lock);
}

static void demo_unhoard(struct demo_sock *ds)
{
	if (!demo_hoards(ds))
		return;

	spin_lock(&demo_hoard_lock);
	list_del_init(&ds->hoard_link);
	WRITE_ONCE(demo_nr_hoarders, demo_nr_hoarders - 1);
	spin_unlock(&demo_hoard_lock);
}

static void demo_buffers_free(struct sk_buff_head *buffers)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(buffers)))
		consume_skb(skb);
}

/*
 * Take all spares of a socket away, unless they were used since the last time, and
 * what rests there, unless something came to rest since.
 */
static void demo_spares_drop(struct sock *sk, bool used_too)
{
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff_head dropped;
	bool spares, rest;

	__skb_queue_head_init(&dropped);
	spin_lock(&sk->sk_write_queue.lock);
	spares = used_too || !ds->spares_used;
	rest = used_too || !ds->rest_used;
	if (spares) {
		skb_queue_splice_init(&sk->sk_write_queue, &dropped);
		ds->spare_bytes = 0;
	}
	if (spares && rest)
		demo_unhoard(ds);
	ds->spares_used = false;
	WRITE_ONCE(ds->rest_used, false);
	spin_unlock(&sk->sk_write_queue.lock);

	if (rest) {
		spin_lock(&sk->sk_receive_queue.lock);
		if (ds->open && demo_buffer_rests(ds->open))
			__skb_queue_tail(&dropped, demo_buffer_close(ds));
		spin_unlock(&sk->sk_receive_queue.lock);
	}
	demo_buffers_free(&dropped);
}

/* Visit at most @visits sockets; each goes to the end of the list first. */
static unsigned long demo_spares_visit(unsigned long visits, bool used_too)
{
	struct demo_sock *ds;
	unsigned long done;

	for (done = 0; done < visits; done++) {
		spin_lock(&demo_hoard_lock);
		ds = list_first_entry_or_null(&demo_hoarders, struct demo_sock,
					      hoard_link);
		if (ds) {
			list_move_tail(&ds->hoard_link, &demo_hoarders);
			/* On the list, so not released yet: it has references. */
			sock_hold(&ds->sk);
		}
		spin_unlock(&demo_hoard_lock);
		if (!ds)
			break;

		demo_spares_drop(&ds->sk, used_too);
		sock_put(&ds->sk);
		cond_resched();
	}
	return done;
}

static void demo_spares_age_all(struct work_struct *work)
{
	demo_spares_visit(READ_ONCE(demo_nr_hoarders), false);

	spin_lock(&demo_hoard_lock);
	if (demo_nr_hoarders)
		schedule_delayed_work(&demo_spares_work, DEMO_SPARE_PERIOD);
	spin_unlock(&demo_hoard_lock);
}

static unsigned long demo_spares_count(struct shrinker *shrinker,
				       struct shrink_control *control)
{
	return READ_ONCE(demo_nr_hoarders) ?: SHRINK_EMPTY;
}

static unsigned long demo_spares_scan(struct shrinker *shrinker,
				      struct shrink_control *control)
{
	return demo_spares_visit(control->nr_to_scan, true);
}

/*
 * A spare that holds @need bytes in one piece, and not many more than @want: it
 * will be charged; and @paged bytes in pages. The first that comes: they are much
 * alike.
 */
static __always_inline struct sk_buff *
demo_spare_take(struct sock *sk, unsigned int need, unsigned int want,
		unsigned int paged)
{
	/* Allocators round up, to less than twice as much. */
	unsigned int whole = SKB_HEAD_ALIGN(max(want, DEMO_SPARE_SMALL));
	unsigned int most = SKB_WITH_OVERHEAD(2 * whole);
	unsigned int looks = DEMO_SPARE_LOOKS;
	struct sk_buff_head *spares = &sk->sk_write_queue;
	struct demo_sock *ds = demo_sk(sk);
	struct sk_buff *skb;

	if (skb_queue_empty_lockless(spares))
		return NULL;

	spin_lock(&spares->lock);
	skb_queue_walk(spares, skb) {
		if (skb_end_offset(skb) >= need &&
		    skb_end_offset(skb) < most && skb->data_len == paged) {
			__skb_unlink(skb, spares);
			ds->spare_bytes -= skb->truesize;
			ds->spares_used = true;
			spin_unlock(&spares->lock);
			return skb;
		}
		if (!--looks)
			break;
	}
	spin_unlock(&spares->lock);
	return NULL;
}

/* As it was when it was allocated, but for what it has in pages. */
static void demo_buffer_reset(struct sk_buff *skb)
{
	skb->data = skb->head;
	skb_reset_tail_pointer(skb);
	skb->len = skb->data_len;
	skb->tstamp = 0;
	skb->peeked = 0;
	demo_buffer_clear(skb);
}

/**
 * demo_buffer_retire() - buffers were read
 * @sender: who sent them all, and is charged for them
 * @drained: the buffers, which nobody else holds unless they are foreign
 *
 * The charge is given back, and what can be used again becomes a spare.
 */
void demo_buffer_retire(struct sock *sender, struct sk_buff_head *drained)
{
	struct sk_buff_head *spares = &sender->sk_write_queue;
	struct demo_sock *ds = demo_sk(sender);
	unsigned int sndbuf = READ_ONCE(sender->sk_sndbuf);
	struct sk_buff *skb, *next;
	unsigned int charge = 0;
	bool dead;

	spin_lock(&spares->lock);
	/* Under the lock, so that demo_spares_release() leaves none behind. */
	dead = demo_is_dead(sender);
	skb_queue_walk_safe(drained, skb, next) {
		charge += skb->truesize;
		skb->destructor = NULL;
		skb->sk = NULL;
		if (dead || !demo_buffer_is_ours(skb) ||
		    demo_buffer_is_too_large(skb, sndbuf))
			continue;
		__skb_unlink(skb, drained);
		demo_buffer_reset(skb);
		/* The one used last is warm in the cache: it goes first. */
		__skb_queue_head(spares, skb);
		ds->spare_bytes += skb->truesize;
	}
	/*
	 * As in flight, one may be above the limit, or each round of a busy
	 * sender would allocate that one anew. Those not used for longest go:
	 * they may be of a size that is not wanted any more.
	 */
	while ((skb = skb_peek_tail(spares)) &&
	       ds->spare_bytes - skb->truesize >= sndbuf) {
		__skb_unlink(skb, spares);
		ds->spare_bytes -= skb->truesize;
		__skb_queue_tail(drained, skb);
	}
	if (!skb_queue_empty(spares)) {
		ds->spares_used = true;
		demo_hoard(ds);
	}
	spin_unlock(&spares->lock);

	demo_buffers_free(drained);
	demo_uncharge(sender, charge);
}

/**
 * demo_buffer_rest() - let an open buffer rest that was read to its end
 * @skb: the buffer, just taken off the queue, whose lock the caller holds
 *
 * It stays open where it is: the next write has it at hand, without a look for a
 * spare. A large one had better become a spare: a byte would be charged for all of
 * it. One that holds any write that must stay in one piece is not large.
 *
 * Return: what its sender is not charged for any more, or 0 when it may not rest
 */
unsigned int demo_buffer_rest(struct sk_buff *skb)
{
	if (skb->len > DEMO_BUFFER_REST || demo_buffer(skb)->pid ||
	    !demo_buffer_is_ours(skb) ||
	    demo_buffer_is_too_large(skb, READ_ONCE(skb->sk->sk_sndbuf)))
		return 0;
	demo_buffer(skb)->start = 0;
	demo_buffer(skb)->end = 0;
	skb->destructor = NULL;
	skb->sk = NULL;
	return skb->truesize;
}

/**
 * demo_buffer_rested() - give the charge of a resting buffer back
 * @sk: the reader, at whose socket it rests, or did: it may be in use again
 * @sender: who was charged
 * @charge: what demo_buffer_rest() returned
 */
void demo_buffer_rested(struct sock *sk, struct sock *sender,
			unsigned int charge)
{
	struct demo_sock *ds = demo_sk(sk);

	/* Whoever takes it away for its age forgets this first, then looks for it. */
	if (!READ_ONCE(ds->rest_used)) {
		spin_lock(&sk->sk_write_queue.lock);
		WRITE_ONCE(ds->rest_used, true);
		demo_hoard(ds);
		spin_unlock(&sk->sk_write_queue.lock);
	}
	demo_uncharge(sender, charge);
}

/**
 * demo_spares_release() - the end of a socket's spares
 * @sk: the socket, which is dead
 */
void demo_spares_release(struct sock *sk)
{
	demo_spares_drop(sk, true);
}

/* Memory. */

/**
 * demo_buffer_alloc() - a buffer for bytes
 * @sk: who will write into it
 * @need: it must hold this much
 * @want: it had better hold that much
 *
 * It is in one piece and holds nothing yet; skb_tailroom() is what it can hold.
 *
 * Return: the buffer, not charged yet, or NULL
 */
struct sk_buff *demo_buffer_alloc(struct sock *sk, unsigned int need,
				  unsigned int want)
{
	gfp_t gfp = sk->sk_allocation;
	struct sk_buff *skb;

	skb = demo_spare_take(sk, need, want, 0);
	if (skb)
		return skb;

	/* What the allocator would round it up to anyway. */
	want = SKB_WITH_OVERHEAD(roundup_pow_of_two(SKB_HEAD_ALIGN(want)));
	/* More than a page is a wish that must not cost others their memory. */
	if (want > need && SKB_TRUESIZE(want) > PAGE_SIZE)
		skb = alloc_skb(want, gfp | __GFP_NORETRY | __GFP_NOWARN);
	if (!skb)
		skb = alloc_skb(max(need, min_t(unsigned int, want,
						SKB_MAX_ORDER(0, 0))), gfp);
	if (skb)
		demo_buffer_clear(skb);
	return skb;
}

/* Apart, so that a send that finds a spare pays nothing for the allocation. */
static noinline struct sk_buff *demo_record_new(size_t headlen, size_t paged,
						gfp_t gfp)
{
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(headlen, paged, PAGE_ALLOC_COSTLY_ORDER,
				   &err, gfp);
	if (skb)
		demo_buffer_clear(skb);
	return skb;
}

/**
 * demo_buffer_alloc_record() - a buffer for a record
 * @sk: who will send it
 * @len: the length of the record
 *
 * Return: the buffer, charged, with room for the record and nothing else, or
 *         NULL
 */
struct sk_buff *demo_buffer_alloc_record(struct sock *sk, size_t len)
{
	struct sk_buff *skb;
	size_t paged = 0;

	if (len > SKB_MAX_ALLOC)
		paged = min_t(size_t, PAGE_ALIGN(len - SKB_MAX_ALLOC),
			      MAX_SKB_FRAGS * PAGE_SIZE);
	skb = demo_spare_take(sk, len - paged, len - paged, paged) ?:
	      demo_record_new(len - paged, paged, sk->sk_allocation);
	if (!skb)
		return NULL;

	demo_buffer_charge(skb, sk);
	skb_set_tail_pointer(skb, len - paged);
	skb->data_len = paged;
	skb->len = len;
	return skb;
}

/* Copies. */

/**
 * demo_buffer_read() - copy from a buffer
 * @skb: the buffer
 * @offset: from here on
 * @msg: to there
 * @len: so much
 *
 * Return: 0 or -EFAULT, and then nothing of @msg is used up
 */
int demo_buffer_read(struct sk_buff *skb, unsigned int offset,
		     struct msghdr *msg, unsigned int len)
{
	size_t copied;

	if (skb_is_nonlinear(skb))
		return skb_copy_datagram_msg(skb, offset, msg, len);

	if (!demo_buffer_holds(skb, offset, len))
		return -EFAULT;
	copied = _copy_to_iter(skb->data + offset, len, &msg->msg_iter);
	/* No room is no fault: an urgent byte may be read into nothing. */
	if (copied == len || !iov_iter_count(&msg->msg_iter))
		return 0;
	iov_iter_revert(&msg->msg_iter, copied);
	return -EFAULT;
}

/**
 * demo_spares_init() - start to look after the spares of all sockets
 *
 * Return: 0 or -ENOMEM
 */
int __init demo_spares_init(void)
{
	demo_shrinker = shrinker_alloc(0, "demo-spares");
	if (!demo_shrinker)
		return -ENOMEM;
	demo_shrinker->count_objects = demo_spares_count;
	demo_shrinker->scan_objects = demo_spares_scan;
	shrinker_register(demo_shrinker);
	return 0;
}

/** demo_spares_exit() - stop it; no socket is left */
void demo_spares_exit(void)
{
	shrinker_free(demo_shrinker);
	cancel_delayed_work_sync(&demo_spares_work);
}
