/* A life that is a child of another machine's agent. */
#include "agent/agent.h"
#include "agent/clocks.h"

#include "base/check.h"
#include "cluster/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An agent that has not told so long what it has seen holds nobody else up. */
static const uint64_t stale_ns = 500000000;

static struct remote *remote_of(const struct life *l)
{
    return l->body;
}

static uint64_t shifted(uint64_t at, int64_t shift)
{
    return (uint64_t)((int64_t)at + shift);
}

static void say(struct life *l, const Orrery__ToNode *message)
{
    struct remote *r = remote_of(l);
    Orrery__ToNode copy = *message;
    Orrery__Pace pace;
    if (message->kind_case == ORRERY__TO_NODE__KIND_PACE) {
        pace = *message->pace;
        pace.at_ns = shifted(pace.at_ns, r->shift);
        copy.pace = &pace;
    }
    Orrery__Say say = ORRERY__SAY__INIT;
    Orrery__ToAgent told = ORRERY__TO_AGENT__INIT;
    say.life = r->number;
    say.message = &copy;
    told.kind_case = ORRERY__TO_AGENT__KIND_SAY;
    told.say = &say;
    seat_say(r->seat, &told);
}

static void signal_it(struct life *l, int number)
{
    struct remote *r = remote_of(l);
    Orrery__Signal signal = ORRERY__SIGNAL__INIT;
    Orrery__ToAgent told = ORRERY__TO_AGENT__INIT;
    signal.life = r->number;
    signal.number = number;
    told.kind_case = ORRERY__TO_AGENT__KIND_SIGNAL;
    told.signal = &signal;
    seat_say(r->seat, &told);
}

static uint32_t read_some(struct life *l, uint32_t most)
{
    (void)l; /* Its agent tells what there is. */
    (void)most;
    return 0;
}

static uint64_t seen(const struct life *l, uint64_t now)
{
    const struct remote *r = remote_of(l);
    if (r->seat->seen_ns == 0 || now > r->seat->heard_ns + stale_ns)
        return now;
    return shifted(r->seat->seen_ns, -r->shift);
}

static uint64_t lost(const struct life *l)
{
    return l->body ? remote_of(l)->lost : 0;
}

static void settle(struct life *l)
{
    struct remote *r = remote_of(l);
    Orrery__Settle settle = ORRERY__SETTLE__INIT;
    Orrery__ToAgent told = ORRERY__TO_AGENT__INIT;
    settle.life = r->number;
    settle.power = l->power;
    settle.torn = l->torn;
    settle.seed = l->power_seed;
    told.kind_case = ORRERY__TO_AGENT__KIND_SETTLE;
    told.settle = &settle;
    seat_say(r->seat, &told);
}

static bool clock_of(const struct life *l, struct life_clock *into)
{
    const struct remote *r = remote_of(l);
    *into = (struct life_clock){
        .which = r->seat->clock, .shift_ns = r->shift, .raw = seat_raw(r->seat)};
    return r->phase == REMOTE_ALIVE && seat_bound(r->seat, r->shift, &into->bound_ns);
}

static void abandon(struct life *l)
{
    remote_vanished(remote_of(l), "its agent does not answer: it ends the node when it finds that "
                                  "the observer is gone");
}

static void close_it(struct life *l)
{
    struct remote *r = remote_of(l);
    if (r)
        seat_exit(r);
    free(r);
    life_closed(l);
}

/* --- what its agent tells --- */

static void has_begun(struct remote *r, const Orrery__Begun *begun)
{
    char why[400];
    if (r->phase != REMOTE_BEGINNING)
        return;
    if (*begun->why_not) {
        text_clean(why, sizeof why, bytes_str(begun->why_not));
        life_could_not(r->life, why);
        return;
    }
    r->phase = REMOTE_ALIVE;
    life_spawned(r->life, begun->pid, shifted(begun->at_ns, -r->shift));
}

static void are_events(struct remote *r, const Orrery__Events *events)
{
    r->lost = events->lost;
    for (size_t i = 0; i < events->n_events; i++)
        life_event(r->life, bytes_of(events->events[i].data, events->events[i].len));
}

/* What it tells of a life that is beginning, or over, is nothing that an agent of ours says. */
void remote_heard(struct remote *r, const Orrery__FromAgent *m)
{
    struct life *l = r->life;
    if (m->kind_case == ORRERY__FROM_AGENT__KIND_BEGUN) {
        has_begun(r, m->begun);
    } else if (m->kind_case == ORRERY__FROM_AGENT__KIND_SETTLED) {
        if (r->phase == REMOTE_ENDED)
            life_settled(l, m->settled->lost_bytes);
    } else if (r->phase == REMOTE_ALIVE) {
        switch (m->kind_case) {
        case ORRERY__FROM_AGENT__KIND_SAID:
            life_heard(l, bytes_of(m->said->message.data, m->said->message.len));
            break;
        case ORRERY__FROM_AGENT__KIND_WORDED:
            life_worded(l, bytes_of(m->worded->words.data, m->worded->words.len));
            break;
        case ORRERY__FROM_AGENT__KIND_STOPPED:
            life_stopped(l, m->stopped->stopped);
            break;
        case ORRERY__FROM_AGENT__KIND_EVENTS:
            are_events(r, m->events);
            break;
        case ORRERY__FROM_AGENT__KIND_EXITED:
            r->phase = REMOTE_ENDED;
            life_ended(l, m->exited->status);
            break;
        default:
            break;
        }
    }
}

void remote_vanished(struct remote *r, const char *why)
{
    if (r->phase == REMOTE_BEGINNING)
        life_could_not(r->life, why);
    else
        life_vanished(r->life, why);
}

/* --- beginning --- */

/* Instants of our clock become those of its. */
static Orrery__Pace *shift_times(const struct remote *r, Orrery__NodeConfig *config,
                                 Orrery__Pace ***list)
{
    Orrery__Pace *paces = calloc(config->n_paces + 1, sizeof *paces);
    *list = calloc(config->n_paces + 1, sizeof **list);
    CHECK(paces && *list);
    for (size_t i = 0; i < config->n_paces; i++) {
        paces[i] = *config->paces[i];
        paces[i].at_ns = shifted(paces[i].at_ns, r->shift);
        (*list)[i] = &paces[i];
    }
    config->paces = *list;
    config->epoch_ns = shifted(config->epoch_ns, r->shift);
    return paces;
}

static void begin(struct remote *r, Orrery__NodeConfig *config)
{
    const struct life *l = r->life;
    struct agent *a = l->node->agent;
    const struct cluster_key *key = pool_key(a->pool);
    Orrery__Pace **list, *paces = shift_times(r, config, &list);
    if (key->given)
        config->key = (ProtobufCBinaryData){SEAL_KEY, a->run_key};
    Orrery__Begin begin = ORRERY__BEGIN__INIT;
    Orrery__ToAgent told = ORRERY__TO_AGENT__INIT;
    begin.life = r->number;
    begin.run = a->run;
    begin.name = l->node->name;
    begin.ring_bytes = a->ring_bytes;
    begin.config = config;
    told.kind_case = ORRERY__TO_AGENT__KIND_BEGIN;
    told.begin = &begin;
    seat_say(r->seat, &told);
    free(list);
    free(paces);
}

int remote_start(struct life *l, Orrery__NodeConfig *config, char *why, size_t why_size)
{
    static const struct life_ops ops = {.say = say,
                                        .signal = signal_it,
                                        .read = read_some,
                                        .seen = seen,
                                        .lost = lost,
                                        .settle = settle,
                                        .clock = clock_of,
                                        .abandon = abandon,
                                        .close = close_it};
    struct seat *seat = l->node->seat;
    l->ops = &ops;
    if (!seat) {
        snprintf(why, why_size,
                 "no agent has come to %s: start some with 'orrery agent --observer HOST:PORT'",
                 pool_where(l->node->agent->pool));
        return ERROR_NOT_FOUND;
    }
    if (!seat->caller) {
        snprintf(
            why, why_size,
            "its agent %s (%s), which has its disk, is not there: restart it once that is back",
            seat->host, seat->address);
        return ERROR_NOT_FOUND;
    }
    struct remote *r = calloc(1, sizeof *r);
    CHECK(r);
    r->life = l;
    l->body = r;
    r->shift = seat_shift(seat);
    l->node->moved |= strcmp(l->node->address, seat->address) != 0;
    snprintf(l->node->address, sizeof l->node->address, "%s", seat->address);
    seat_enter(seat, r);
    begin(r, config);
    return 0;
}
