#include "cli/client.h"

#include "cluster/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TELL_MAX = 64 << 20, READ_SIZE = 1 << 16 };

static bool choose(const struct paths *p, char name[RUN_NAME_MAX], char *why, size_t why_size)
{
    static char names[RUNS_LISTED_MAX][RUN_NAME_MAX];
    size_t n = runs_list(p, names);
    if (n == 1) {
        memcpy(name, names[0], RUN_NAME_MAX);
        return true;
    }
    if (n == 0) {
        snprintf(why, why_size,
                 "nothing is running: start a cluster with 'orrery sandbox heartbeat'");
        return false;
    }
    size_t at = (size_t)snprintf(why, why_size, "%zu runs are on: say which by --run, one of", n);
    for (size_t i = 0; i < n && at < why_size; i++)
        at += (size_t)snprintf(why + at, why_size - at, " %s", names[i]);
    return false;
}

bool client_open(struct client *c, const char *run, char *why, size_t why_size)
{
    struct paths paths;
    *c = (struct client){.fd = -1};
    if (!paths_make(&paths, why, why_size))
        return false;
    if (run && !run_name_ok(run)) {
        snprintf(why, why_size, "a run has a name like calm-otter: 'orrery runs' shows them");
        return false;
    }
    if (run)
        snprintf(c->run, sizeof c->run, "%s", run);
    else if (!choose(&paths, c->run, why, why_size))
        return false;
    c->fd = run_connect(&paths, c->run);
    if (c->fd >= 0)
        return true;
    snprintf(why, why_size, "no run named %s is on: 'orrery runs' shows those that are", c->run);
    return false;
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_free(&c->in);
}

uint64_t client_ask(struct client *c, Orrery__Ask *ask)
{
    struct buf frame = {0};
    ask->id = ++c->asked;
    frame_put(&frame, &ask->base);
    size_t at = 0;
    while (at < frame.len) {
        ssize_t n = send(c->fd, frame.base + at, frame.len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    bool whole = at == frame.len;
    buf_free(&frame);
    return whole ? ask->id : 0;
}

/* 1: something came; 0: nothing for now; negative: the end. */
static int receive(struct client *c, int flags)
{
    buf_reserve(&c->in, READ_SIZE);
    ssize_t n = recv(c->fd, c->in.base + c->in.len, READ_SIZE, flags);
    if (n > 0) {
        c->in.len += (size_t)n;
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return -1;
}

static int next(struct client *c, Orrery__Tell **tell)
{
    struct bytes body;
    size_t size;
    int got = frame_next(buf_bytes(&c->in), TELL_MAX, &body, &size);
    if (got <= 0)
        return got;
    *tell = orrery__tell__unpack(NULL, body.len, body.base);
    buf_consume(&c->in, size);
    return *tell ? 1 : -1;
}

int client_poll(struct client *c, Orrery__Tell **tell)
{
    int got = next(c, tell);
    if (got != 0)
        return got;
    int arrived = receive(c, MSG_DONTWAIT);
    return arrived <= 0 ? arrived : next(c, tell);
}

Orrery__Tell *client_hear(struct client *c)
{
    Orrery__Tell *tell;
    int got;
    while ((got = next(c, &tell)) == 0)
        if (receive(c, 0) < 0)
            return NULL;
    return got > 0 ? tell : NULL;
}
