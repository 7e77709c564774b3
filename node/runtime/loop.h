/* The loop of a node, and the few threads that take turns in it.
 *
 * One lock guards everything a node owns, libuv's loop included. The thread that leads waits for
 * sockets outside the lock; what arrives it handles inside. A job that blocks (a write, a sync) is
 * done outside the lock by the very thread that found it, while another one takes over the lead. So
 * the way from a request to its sync and to its reply crosses no thread, and yet the loop never
 * waits long for a disk. To wake another thread costs a tenth of what a fast disk needs, so for a
 * job that is expected to be brief the other is only woken when it takes longer than LOOP_BRIEF_NS.
 * A node without jobs has no second thread.
 *
 * libuv registers what it is asked for (to watch, to connect, to close, to write what did not go
 * out at once) when it runs next. So whoever asks it for something also calls loop_noticed(): the
 * loop then runs once more before it waits. */
#ifndef ORRERY_RUNTIME_LOOP_H
#define ORRERY_RUNTIME_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

enum { LOOP_THREADS_MAX = 33, LOOP_BRIEF_NS = 250000 };

struct loop;

struct loop_job {
    /* Inside the lock, when a thread has come to it: what is to be done, and whether that is brief.
     * May be NULL. */
    void (*begin)(struct loop_job *job);
    void (*work)(struct loop_job *job); /* Outside the lock, on any thread; may block. */
    void (*done)(struct loop_job *job); /* Inside the lock. */
    bool brief;
    struct loop_job *next;
};

struct loop {
    uv_loop_t uv;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool led; /* Somebody waits for sockets, or is about to. */
    bool noticed;
    bool stopping;
    struct loop_job *first; /* Jobs that nobody has begun. */
    struct loop_job **last;
    pthread_t threads[LOOP_THREADS_MAX]; /* Besides the one that called loop_run(). */
    unsigned n_threads;
    unsigned n_idle;
    int relief_fd; /* A timer at which one idle thread waits, to take over the lead: */
    bool relief;   /* there is one. */
    const struct loop_job *relief_for; /* The brief job for which the timer runs. */
    uv_async_t wake;
    void (*flush)(void *ctx); /* After each batch of callbacks, to let out what they left behind. */
    void *ctx;
};

int loop_init(struct loop *l, void (*flush)(void *ctx), void *ctx); /* 0, or libuv's error. */
void loop_run(struct loop *l); /* Until loop_stop(); then only the caller's thread is left. */
void loop_stop(struct loop *l);
void loop_close(struct loop *l); /* After its handles were closed: runs their callbacks. */

static inline void loop_noticed(struct loop *l)
{
    l->noticed = true;
}

void loop_submit(struct loop *l, struct loop_job *job); /* The job lives until done() returns. */

/* From within work(): the lock, and what the loop does at the end of a turn. */
void loop_enter(struct loop *l);
void loop_leave(struct loop *l);

#endif
