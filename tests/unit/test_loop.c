#include "unit.h"

#include "base/check.h"
#include "runtime/alarm.h"
#include "runtime/loop.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { JOBS = 4, ROUNDS = 2000 };

/* Jobs that are submitted again and again, while sockets are served. */
struct world {
    struct loop loop;
    struct alarm alarm;
    struct job {
        struct loop_job base;
        struct world *world;
        int at_work; /* Outside the lock: nobody else may touch it. */
        unsigned done;
    } jobs[JOBS];
    unsigned finished;
    unsigned flushes;
    unsigned rings;
    int gate; /* A job that blocks waits for it. */
    _Atomic bool blocked;
};

static void flush(void *ctx)
{
    struct world *w = ctx;
    w->flushes++;
}

static void work(struct loop_job *base)
{
    struct job *job = (struct job *)base;
    CHECK(job->at_work == 0);
    job->at_work = 1;
    if (job->done % 7 == 0) { /* As a log does, between its write and its sync. */
        loop_enter(&job->world->loop);
        job->world->finished += 0;
        loop_leave(&job->world->loop);
    }
    job->at_work = 0;
}

static void done(struct loop_job *base)
{
    struct job *job = (struct job *)base;
    struct world *w = job->world;
    CHECK(job->at_work == 0);
    if (++job->done < ROUNDS)
        loop_submit(&w->loop, base);
    else if (++w->finished == JOBS)
        loop_stop(&w->loop);
}

static void many_jobs_run_side_by_side(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    assert_int_equal(loop_init(&w.loop, flush, &w), 0);
    for (int i = 0; i < JOBS; i++) {
        w.jobs[i] = (struct job){.base = {.work = work, .done = done}, .world = &w};
        loop_submit(&w.loop, &w.jobs[i].base);
    }
    loop_run(&w.loop);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(w.jobs[i].done, ROUNDS);
    assert_true(w.flushes >= JOBS);
    loop_close(&w.loop);
}

struct late {
    struct loop_job base;
    struct world *world;
    unsigned found; /* When it began. */
    unsigned did;
};

static void late_begin(struct loop_job *base)
{
    ((struct late *)base)->found = ((struct late *)base)->world->rings;
}

static void late_work(struct loop_job *base)
{
    ((struct late *)base)->did = ((struct late *)base)->found;
}

static void late_done(struct loop_job *base)
{
    loop_stop(&((struct late *)base)->world->loop);
}

static void a_job_decides_when_it_begins(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    assert_int_equal(loop_init(&w.loop, flush, &w), 0);
    struct late job = {.base = {.begin = late_begin, .work = late_work, .done = late_done},
                       .world = &w};
    loop_submit(&w.loop, &job.base);
    w.rings = 3; /* That came after it was handed in. */
    loop_run(&w.loop);
    assert_int_equal(job.did, 3);
    loop_close(&w.loop);
}

static void block(struct loop_job *base)
{
    struct world *w = ((struct job *)base)->world;
    atomic_store(&w->blocked, true);
    struct pollfd p = {.fd = w->gate, .events = POLLIN};
    poll(&p, 1, -1);
}

static void blocked_done(struct loop_job *base)
{
    loop_stop(&((struct job *)base)->world->loop);
}

/* Rings ten times while the job blocks, then lets it go. */
static void rang(void *ctx)
{
    struct world *w = ctx;
    if (atomic_load(&w->blocked))
        w->rings++;
    if (w->rings < 10) {
        alarm_set(&w->alarm, mono_now() + 100000);
        return;
    }
    uint64_t one = 1;
    assert_int_equal(write(w->gate, &one, sizeof one), sizeof one);
}

static void a_job_that_blocks_holds_nobody_up(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    w.gate = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(loop_init(&w.loop, flush, &w), 0);
    assert_int_equal(alarm_open(&w.alarm, &w.loop, rang, &w), 0);
    alarm_set(&w.alarm, mono_now());
    w.jobs[0] = (struct job){.base = {.work = block, .done = blocked_done}, .world = &w};
    loop_submit(&w.loop, &w.jobs[0].base);
    loop_run(&w.loop);
    assert_int_equal(w.rings, 10);
    alarm_close(&w.alarm);
    loop_close(&w.loop);
    close(w.gate);
}

static void stop_at(void *ctx)
{
    struct world *w = ctx;
    w->rings++;
    loop_stop(&w->loop);
}

static void the_alarm_is_never_late_for_an_earlier_instant(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    assert_int_equal(loop_init(&w.loop, flush, &w), 0);
    assert_int_equal(alarm_open(&w.alarm, &w.loop, stop_at, &w), 0);
    uint64_t begun = mono_now();
    alarm_set(&w.alarm, begun + UINT64_C(3600000000000));
    alarm_set(&w.alarm, begun + 2000000);
    loop_run(&w.loop);
    assert_int_equal(w.rings, 1);
    assert_true(mono_now() >= begun + 2000000);
    alarm_close(&w.alarm);
    loop_close(&w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_jobs_run_side_by_side),
        cmocka_unit_test(a_job_decides_when_it_begins),
        cmocka_unit_test(a_job_that_blocks_holds_nobody_up),
        cmocka_unit_test(the_alarm_is_never_late_for_an_earlier_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
