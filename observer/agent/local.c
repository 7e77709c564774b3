/* A life that is a child of ours. */
#include "agent/agent.h"
#include "agent/process.h"

#include "base/check.h"
#include "cluster/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct local {
    struct process process;
    struct life *life;
    uint64_t complete_ns; /* Stamps before it were in the ring when it was read last. */
};

/* A node stamps the events of a step when the step begins and writes them when it is over. One that
 * was stopped in between must not hold up the others. */
static const uint64_t stamp_to_ring_ns = 20000000;

static struct process *process_of(const struct life *l)
{
    return &((struct local *)l->body)->process;
}

static void said(void *ctx, struct bytes message)
{
    life_heard(((struct local *)ctx)->life, message);
}

static void babbled(void *ctx)
{
    life_babbled(((struct local *)ctx)->life);
}

static void worded(void *ctx, struct bytes words)
{
    life_worded(((struct local *)ctx)->life, words);
}

static void stopped(void *ctx, bool is)
{
    life_stopped(((struct local *)ctx)->life, is);
}

static void ended(void *ctx, int status)
{
    life_ended(((struct local *)ctx)->life, status);
}

static void closed(void *ctx)
{
    struct local *local = ctx;
    struct life *l = local->life;
    free(local);
    life_closed(l);
}

static const struct process_io io = {said, babbled, worded, stopped, ended, closed};

static void say(struct life *l, const Orrery__ToNode *message)
{
    struct buf frame = {0};
    frame_put(&frame, &message->base);
    process_say(process_of(l), buf_bytes(&frame));
    buf_free(&frame);
}

static void signal_it(struct life *l, int number)
{
    process_signal(process_of(l), number);
}

static void event(void *ctx, struct bytes packed)
{
    life_event(ctx, packed);
}

static uint32_t read_some(struct life *l, uint32_t most)
{
    struct local *local = l->body;
    local->complete_ns = process_complete(&local->process, machine_now());
    return process_read(&local->process, most, &l->node->agent->scratch, event, l);
}

static uint64_t seen(const struct life *l, uint64_t now)
{
    const struct local *local = l->body;
    uint64_t least = now - stamp_to_ring_ns;
    if (local->complete_ns < least)
        return least;
    return local->complete_ns < now ? local->complete_ns - 1 : now;
}

static uint64_t lost(const struct life *l)
{
    return process_lost(process_of(l));
}

static void folder(const struct life *l, char *into, size_t size)
{
    snprintf(into, size, "%s/%s", l->node->agent->directory, l->node->name);
}

static void settle(struct life *l)
{
    char path[4096];
    folder(l, path, sizeof path);
    life_settled(l, l->power ? process_power_cut(process_of(l), path, l->torn, l->power_seed) : 0);
}

static void close_it(struct life *l)
{
    process_close(process_of(l));
}

int local_start(struct life *l, Orrery__NodeConfig *config, char *why, size_t why_size)
{
    static const struct life_ops ops = {.say = say,
                                        .signal = signal_it,
                                        .read = read_some,
                                        .seen = seen,
                                        .lost = lost,
                                        .settle = settle,
                                        .close = close_it};
    static char loopback[] = "127.0.0.1";
    struct agent *a = l->node->agent;
    char path[4096];
    struct local *local = calloc(1, sizeof *local);
    CHECK(local);
    *local = (struct local){.process = {.io = &io, .ctx = local, .family = &a->family}, .life = l};
    l->ops = &ops;
    l->body = local;
    folder(l, path, sizeof path);
    if (mkdir(path, 0700) < 0 && access(path, W_OK) < 0) {
        snprintf(why, why_size, "cannot write to %s", path);
        return ERROR_REFUSED;
    }
    int error = process_start(&local->process, &a->family, a->program, l->node->name, a->ring_bytes,
                              why, why_size);
    if (error < 0)
        return error;
    config->directory = path;
    config->address = loopback;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_CONFIG;
    message.config = config;
    say(l, &message);
    life_spawned(l, local->process.pid, machine_now());
    return 0;
}
