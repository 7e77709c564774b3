#include "runtime/loop.h"

#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Deep enough for any step of a protocol; only pages that are touched cost memory. */
enum { STACK_SIZE = 512 << 10 };

static void *thread_main(void *arg);

static void on_wake(uv_async_t *wake)
{
    loop_noticed(wake->data);
}

int loop_init(struct loop *l, void (*flush)(void *ctx), void *ctx)
{
    *l = (struct loop){.last = &l->first, .flush = flush, .ctx = ctx};
    l->relief_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->relief_fd < 0)
        return -errno;
    int error = uv_loop_init(&l->uv);
    if (error)
        return error;
    error = uv_async_init(&l->uv, &l->wake, on_wake);
    l->wake.data = l;
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    CHECK(pthread_cond_init(&l->turn, NULL) == 0);
    return error;
}

/* Runs callbacks until there are none, so that all they asked for is registered. Not once the loop
 * stops: that would take away the very wake-up that the leader is to be stopped by. */
static void turn(struct loop *l)
{
    l->noticed = true;
    while (l->noticed && !l->stopping) {
        l->noticed = false;
        uv_run(&l->uv, UV_RUN_NOWAIT);
        l->flush(l->ctx);
    }
}

/* 0 calls it off. */
static void set_relief(struct loop *l, long ns)
{
    l->relief_for = NULL;
    struct itimerspec in = {.it_value = {.tv_nsec = ns}};
    CHECK(timerfd_settime(l->relief_fd, 0, &in, NULL) == 0);
}

/* Lets somebody else lead; a thread is born only when none is waiting. */
static void call_follower(struct loop *l)
{
    if (l->n_idle > 0) {
        pthread_cond_signal(&l->turn);
        return;
    }
    if (l->relief) {
        set_relief(l, 1);
        return;
    }
    if (l->n_threads == LOOP_THREADS_MAX)
        return;
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0);
    if (pthread_create(&l->threads[l->n_threads], &attributes, thread_main, l) == 0)
        l->n_threads++;
    else
        CHECK(l->n_threads > 0); /* With none at all the loop would stand still during a sync. */
    pthread_attr_destroy(&attributes);
}

static struct loop_job *take_job(struct loop *l)
{
    struct loop_job *job = l->first;
    if (!job)
        return NULL;
    l->first = job->next;
    if (!l->first)
        l->last = &l->first;
    return job;
}

static void do_job(struct loop *l, struct loop_job *job)
{
    if (job->begin)
        job->begin(job);
    if (job->brief && !l->first && !l->led && l->relief && !l->relief_for) {
        set_relief(l, LOOP_BRIEF_NS);
        l->relief_for = job;
    } else if (!l->led || l->first) {
        call_follower(l);
    }
    pthread_mutex_unlock(&l->lock);
    job->work(job);
    pthread_mutex_lock(&l->lock);
    job->done(job);
    l->flush(l->ctx); /* First of all: somebody waits for this. */
    if (l->relief_for == job)
        set_relief(l, 0);
    turn(l);
}

/* Waits outside the lock. What others register meanwhile shows in the same descriptor. */
static void lead(struct loop *l)
{
    l->led = true;
    l->noticed = false;
    uv_run(&l->uv, UV_RUN_NOWAIT);
    l->flush(l->ctx);
    if (!l->noticed && !l->first && !l->stopping) {
        struct pollfd p = {.fd = uv_backend_fd(&l->uv), .events = POLLIN};
        int timeout_ms = uv_backend_timeout(&l->uv);
        pthread_mutex_unlock(&l->lock);
        poll(&p, 1, timeout_ms);
        pthread_mutex_lock(&l->lock);
    }
    l->led = false;
}

/* Waits to take over the lead. */
static void stand_by(struct loop *l)
{
    l->relief = true;
    pthread_mutex_unlock(&l->lock);
    struct pollfd p = {.fd = l->relief_fd, .events = POLLIN};
    poll(&p, 1, -1);
    uint64_t times;
    ssize_t ignored = read(l->relief_fd, &times, sizeof times);
    (void)ignored;
    pthread_mutex_lock(&l->lock);
    l->relief = false;
    l->relief_for = NULL;
}

static void take_turns(struct loop *l)
{
    while (!l->stopping) {
        struct loop_job *job = take_job(l);
        if (job) {
            do_job(l, job);
        } else if (!l->led) {
            lead(l);
        } else if (!l->relief) {
            stand_by(l);
        } else {
            l->n_idle++;
            pthread_cond_wait(&l->turn, &l->lock);
            l->n_idle--;
        }
    }
}

static void *thread_main(void *arg)
{
    struct loop *l = arg;
    pthread_mutex_lock(&l->lock);
    take_turns(l);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void loop_run(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    take_turns(l);
    pthread_mutex_unlock(&l->lock);
    for (unsigned i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    l->n_threads = 0;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
    pthread_cond_broadcast(&l->turn);
    set_relief(l, 1);
    uv_async_send(&l->wake);
}

void loop_close(struct loop *l)
{
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&l->uv) == 0);
    close(l->relief_fd);
    pthread_cond_destroy(&l->turn);
    pthread_mutex_destroy(&l->lock);
}

void loop_submit(struct loop *l, struct loop_job *job)
{
    job->next = NULL;
    *l->last = job;
    l->last = &job->next;
}

void loop_enter(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
}

void loop_leave(struct loop *l)
{
    l->noticed = false;
    l->flush(l->ctx);
    if (l->noticed)
        turn(l); /* Not for sockets that have something to say: a disk is waited for. */
    pthread_mutex_unlock(&l->lock);
}
