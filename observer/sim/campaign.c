#include "sim/campaign.h"

#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, EXIT_REFUSED = 2 };

/* What a worker tells: it begins a seed, or is done with one. */
struct word {
    uint64_t seed;
    bool begins;
    struct outcome outcome;
};

struct worker {
    pid_t pid;
    int fd;
    uint64_t next;    /* First seed of the next worker in this place. */
    uint64_t current; /* What it works on, */
    bool busy;        /* if it does. */
};

static void put(int fd, const struct word *w)
{
    const uint8_t *at = (const uint8_t *)w;
    for (size_t left = sizeof *w; left > 0;) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(EXIT_REFUSED);
        at += n;
        left -= (size_t)n;
    }
}

/* False at the end. */
static bool take(int fd, struct word *w)
{
    uint8_t *at = (uint8_t *)w;
    for (size_t left = sizeof *w; left > 0;) {
        ssize_t n = read(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        left -= (size_t)n;
    }
    return true;
}

static _Noreturn void work(const struct campaign *c, uint64_t first, int fd)
{
    for (uint64_t seed = first; seed < c->from + c->seeds; seed += c->jobs) {
        struct word w = {.seed = seed, .begins = true};
        struct trial t;
        char why[256];
        put(fd, &w);
        if (!trial_draw(&t, seed, &c->wish, why, sizeof why) ||
            trial_run(&t, NULL, &w.outcome, why, sizeof why) != 0) {
            (void)fprintf(stderr, "orrery: %s\n", why);
            _exit(EXIT_REFUSED);
        }
        trial_free(&t);
        w.begins = false;
        put(fd, &w);
    }
    _exit(0);
}

/* In the child: dies with its parent. */
static pid_t child(int ends[2])
{
    CHECK(pipe(ends) == 0);
    (void)fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_REFUSED);
        close(ends[0]);
    } else {
        close(ends[1]);
    }
    return pid;
}

static void start(const struct campaign *c, struct worker *w)
{
    int ends[2];
    w->pid = child(ends);
    if (w->pid == 0)
        work(c, w->next, ends[1]);
    w->fd = ends[0];
    w->busy = false;
}

/* How a worker ended is the outcome of the seed that it was at. */
static int reap(pid_t pid, struct outcome *o)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *o = (struct outcome){0};
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    o->failed = true;
    (void)snprintf(o->invariant, sizeof o->invariant, "assertions hold");
    (void)snprintf(o->why, sizeof o->why,
                   "the simulation died of signal %d (%s); its words are "
                   "above",
                   WTERMSIG(status), strsignal(WTERMSIG(status)));
    return -1;
}

/* True while it goes on. `enough`: no other need go on either. */
static bool hear(const struct campaign *c, struct worker *w, int *result, bool *enough)
{
    struct word word;
    if (take(w->fd, &word)) {
        w->busy = word.begins;
        w->current = word.seed;
        if (!word.begins)
            *enough = !c->done(c->ctx, word.seed, &word.outcome);
        return true;
    }
    struct outcome o;
    close(w->fd);
    w->fd = -1;
    int code = reap(w->pid, &o);
    if (code > 0)
        *result = EXIT_REFUSED;
    if (code >= 0 || !w->busy)
        return false;
    *enough = !c->done(c->ctx, w->current, &o);
    w->next = w->current + c->jobs;
    if (w->next >= c->from + c->seeds)
        return false;
    start(c, w);
    return true;
}

static void end_all(struct worker *workers, uint32_t n)
{
    struct outcome ignored;
    for (uint32_t i = 0; i < n; i++) {
        if (workers[i].fd < 0)
            continue;
        close(workers[i].fd);
        (void)kill(workers[i].pid, SIGKILL);
        (void)reap(workers[i].pid, &ignored);
    }
}

int campaign_run(const struct campaign *asked)
{
    struct campaign c = *asked;
    struct worker workers[JOBS_MAX];
    struct pollfd fds[JOBS_MAX];
    if (c.jobs > JOBS_MAX)
        c.jobs = JOBS_MAX;
    if (c.jobs > c.seeds)
        c.jobs = (uint32_t)c.seeds;
    int result = 0;
    for (uint32_t i = 0; i < c.jobs; i++) {
        workers[i] = (struct worker){.next = c.from + i};
        start(&c, &workers[i]);
    }
    bool enough = false;
    for (uint32_t alive = c.jobs; alive > 0 && !enough;) {
        for (uint32_t i = 0; i < c.jobs; i++)
            fds[i] = (struct pollfd){.fd = workers[i].fd, .events = POLLIN};
        if (poll(fds, c.jobs, -1) < 0)
            continue;
        for (uint32_t i = 0; i < c.jobs; i++)
            if (fds[i].revents && !enough && !hear(&c, &workers[i], &result, &enough))
                alive--;
    }
    end_all(workers, c.jobs);
    return result;
}

int campaign_one(const struct trial *t, const struct trial_watch *watch, struct outcome *o)
{
    int ends[2];
    pid_t pid = child(ends);
    if (pid == 0) {
        struct word w = {.seed = t->seed};
        char why[256];
        if (trial_run(t, watch, &w.outcome, why, sizeof why) != 0) {
            (void)fprintf(stderr, "orrery: %s\n", why);
            _exit(EXIT_REFUSED);
        }
        put(ends[1], &w);
        _exit(0);
    }
    struct word w;
    bool told = take(ends[0], &w);
    close(ends[0]);
    int code = reap(pid, o);
    if (told)
        *o = w.outcome;
    return code > 0 ? code : 0;
}
