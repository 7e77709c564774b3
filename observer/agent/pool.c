#include "agent/pool.h"

#include "agent/clocks.h"
#include "agent/endpoint.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "cluster/cluster.h"
#include "cluster/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STRANGERS_MAX = 64, TICK_MS = 1000, FIRST_PINGS = 8 };

/* So long nobody else has come, and so long nobody has come at all. */
static const uint64_t settled_ns = UINT64_C(3000000000), patience_ns = UINT64_C(60000000000);

struct caller {
    struct link link;
    struct pool *pool;
    struct caller *next;
    struct seat *seat; /* NULL: it has not said who it is. */
    struct remote *lives;
    uint32_t pings;
};

struct pool {
    uv_loop_t *loop;
    struct pool_options options;
    char where[ENDPOINT_HOST + 8];
    char machine[MACHINE_ROOM];
    uv_tcp_t listener;
    uv_timer_t tick;
    struct caller *callers; /* Newest first. */
    struct seat **seats;
    size_t n_seats;
    uint64_t last_life;
    uint64_t arrived_ns;
    int open; /* Handles of its own. */
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

static void closed_one(struct pool *p)
{
    if (p->closing && p->open == 0 && !p->callers && p->closed)
        p->closed(p->ctx);
}

/* --- callers --- */

static void vanish(struct caller *c, const char *why)
{
    char sentence[400];
    while (c->lives) {
        struct remote *r = c->lives;
        snprintf(sentence, sizeof sentence, "the link to its agent %s (%s) %s: the agent ends it",
                 r->seat->host, r->seat->address, why);
        remote_vanished(r, sentence);
        CHECK(c->lives != r);
    }
    if (c->seat && c->seat->caller == c)
        c->seat->caller = NULL;
}

static void on_closed(void *ctx)
{
    struct caller *c = ctx;
    struct pool *p = c->pool;
    vanish(c, "was closed");
    for (struct caller **at = &p->callers; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    free(c);
    closed_one(p);
}

static void on_broke(void *ctx, const char *why)
{
    vanish(ctx, why);
}

static void ping(struct caller *c)
{
    Orrery__Ping ping = ORRERY__PING__INIT;
    Orrery__ToAgent message = ORRERY__TO_AGENT__INIT;
    ping.sent_ns = machine_now();
    message.kind_case = ORRERY__TO_AGENT__KIND_PING;
    message.ping = &ping;
    c->pings++;
    link_say(&c->link, &message.base);
}

static void welcome(struct caller *c, const char *why_not)
{
    Orrery__Welcome welcome = ORRERY__WELCOME__INIT;
    Orrery__ToAgent message = ORRERY__TO_AGENT__INIT;
    welcome.why_not = (char *)(uintptr_t)why_not;
    message.kind_case = ORRERY__TO_AGENT__KIND_WELCOME;
    message.welcome = &welcome;
    link_say(&c->link, &message.base);
    if (*why_not)
        link_close(&c->link);
}

static struct seat *seat_of(struct pool *p, const uint8_t *disk)
{
    for (size_t i = 0; i < p->n_seats; i++)
        if (memcmp(p->seats[i]->disk, disk, DISK_ID) == 0)
            return p->seats[i];
    if (p->n_seats == AGENTS_MAX)
        return NULL;
    struct seat *s = calloc(1, sizeof *s);
    p->seats = realloc(p->seats, (p->n_seats + 1) * sizeof *p->seats);
    CHECK(s && p->seats);
    memcpy(s->disk, disk, DISK_ID);
    s->pool = p;
    p->seats[p->n_seats++] = s;
    return s;
}

static void is_present(struct caller *c, const Orrery__Present *who)
{
    struct pool *p = c->pool;
    char why[200];
    if (strcmp(who->version, ORRERY_VERSION) != 0) {
        snprintf(why, sizeof why, "it is orrery %.40s, and the observer is " ORRERY_VERSION,
                 who->version);
        welcome(c, why);
        return;
    }
    struct seat *s = who->disk.len == DISK_ID ? seat_of(p, who->disk.data) : NULL;
    if (!s) {
        welcome(c, "there are too many agents, or it did not say which disk it has");
        return;
    }
    if (s->caller) { /* The older link is dead, and that was not noticed yet. */
        struct caller *older = s->caller;
        vanish(older, "was closed when it called again");
        link_close(&older->link);
    }
    text_clean(s->host, sizeof s->host, bytes_str(who->host));
    text_clean(s->address, sizeof s->address, bytes_str(who->address));
    s->one_clock = *p->machine && strcmp(p->machine, who->machine) == 0;
    /* One that cannot name its machine is taken for the only one there. */
    s->clock = *who->machine ? crc32c(0, who->machine, strlen(who->machine))
                             : crc32c(0, s->disk, sizeof s->disk);
    s->offset = (struct offset){.known = false};
    s->caller = c;
    c->seat = s;
    p->arrived_ns = machine_now();
    welcome(c, "");
    ping(c);
}

static void is_pong(struct caller *c, const Orrery__Pong *pong)
{
    uint64_t now = machine_now();
    int64_t ours = machine_wall() - (int64_t)now, theirs = pong->wall_ns - (int64_t)pong->here_ns;
    offset_sample(&c->seat->offset, pong->sent_ns, pong->here_ns, now);
    c->seat->wall_offset_ns = ours - theirs;
    if (c->pings < FIRST_PINGS)
        ping(c);
}

static struct remote *life_of(const struct caller *c, uint64_t number)
{
    struct remote *r = c->lives;
    while (r && r->number != number)
        r = r->next;
    return r;
}

static uint64_t number_of(const Orrery__FromAgent *m)
{
    switch (m->kind_case) {
    case ORRERY__FROM_AGENT__KIND_BEGUN:
        return m->begun->life;
    case ORRERY__FROM_AGENT__KIND_SAID:
        return m->said->life;
    case ORRERY__FROM_AGENT__KIND_WORDED:
        return m->worded->life;
    case ORRERY__FROM_AGENT__KIND_STOPPED:
        return m->stopped->life;
    case ORRERY__FROM_AGENT__KIND_EVENTS:
        return m->events->life;
    case ORRERY__FROM_AGENT__KIND_EXITED:
        return m->exited->life;
    case ORRERY__FROM_AGENT__KIND_SETTLED:
        return m->settled->life;
    default:
        return 0;
    }
}

static void heard(struct caller *c, const Orrery__FromAgent *m)
{
    if (!c->seat) {
        if (m->kind_case == ORRERY__FROM_AGENT__KIND_PRESENT)
            is_present(c, m->present);
        return;
    }
    if (m->kind_case == ORRERY__FROM_AGENT__KIND_PONG) {
        is_pong(c, m->pong);
        return;
    }
    struct seat *s = c->seat;
    if (m->kind_case == ORRERY__FROM_AGENT__KIND_EVENTS && m->events->seen_ns) {
        s->seen_ns = m->events->seen_ns;
        s->heard_ns = machine_now();
    }
    struct remote *r = life_of(c, number_of(m));
    if (r)
        remote_heard(r, m);
}

static void on_heard(void *ctx, struct bytes bytes)
{
    struct caller *c = ctx;
    Orrery__FromAgent *m = orrery__from_agent__unpack(NULL, bytes.len, bytes.base);
    if (!m)
        return;
    heard(c, m);
    orrery__from_agent__free_unpacked(m, NULL);
}

static void on_up(void *ctx)
{
    (void)ctx; /* It says who it is. */
}

static const struct link_io link_io = {on_up, on_heard, on_broke, on_closed};

/* Whoever has proven nothing makes room for the next. */
static void show_out_oldest_stranger(struct pool *p)
{
    struct caller *oldest = NULL;
    size_t n = 0;
    for (struct caller *c = p->callers; c; c = c->next)
        if (!c->seat && !c->link.over) {
            oldest = c;
            n++;
        }
    if (n > STRANGERS_MAX)
        link_close(&oldest->link);
}

static void somebody(uv_stream_t *listener, int status)
{
    struct pool *p = listener->data;
    if (status < 0)
        return;
    struct caller *c = calloc(1, sizeof *c);
    CHECK(c);
    c->pool = p;
    c->link.io = &link_io;
    c->link.ctx = c;
    c->next = p->callers;
    p->callers = c;
    if (link_accept(&c->link, listener, p->options.key.key))
        show_out_oldest_stranger(p);
}

static void tick(uv_timer_t *timer)
{
    struct pool *p = timer->data;
    for (struct caller *c = p->callers; c; c = c->next)
        if (c->seat)
            ping(c);
}

/* --- the pool --- */

static int listen_at(struct pool *p, const struct endpoint *e, char *why, size_t why_size)
{
    int fd = -EADDRINUSE;
    uint16_t port = e->port;
    for (int i = 0; i < AGENT_PORTS && fd == -EADDRINUSE && e->port + i <= UINT16_MAX; i++) {
        port = (uint16_t)(e->port + i);
        fd = endpoint_listen(strcasecmp(e->host, "localhost") ? e->host : "127.0.0.1", port);
    }
    if (fd == -EINVAL)
        snprintf(why, why_size, "agents are listened for at an address, not at '%.60s'", e->host);
    else if (fd < 0)
        snprintf(why, why_size, "cannot listen for agents at %.60s, port %u: %s", e->host, port,
                 strerror(-fd));
    snprintf(p->where, sizeof p->where, strchr(e->host, ':') ? "[%s]:%u" : "%s:%u", e->host, port);
    return fd;
}

struct pool *pool_new(uv_loop_t *loop, const struct pool_options *options, char *why,
                      size_t why_size)
{
    struct endpoint e;
    if (!endpoint_read(options->where, AGENT_PORT, &e)) {
        snprintf(why, why_size, "agents are listened for at ADDRESS:PORT, not at '%.60s'",
                 options->where);
        return NULL;
    }
    if (!options->key.given && !endpoint_is_loopback(e.host)) {
        snprintf(why, why_size,
                 "whoever reaches %.60s could join: give a cluster key (--key-file FILE, or "
                 "ORRERY_CLUSTER_KEY in the environment)",
                 e.host);
        return NULL;
    }
    struct pool *p = calloc(1, sizeof *p);
    CHECK(p);
    p->loop = loop;
    p->options = *options;
    machine_name(p->machine);
    int fd = listen_at(p, &e, why, why_size);
    if (fd < 0) {
        free(p);
        return NULL;
    }
    CHECK(uv_tcp_init(loop, &p->listener) == 0);
    CHECK(uv_tcp_open(&p->listener, fd) == 0);
    CHECK(uv_timer_init(loop, &p->tick) == 0);
    p->listener.data = p->tick.data = p;
    p->open = 2;
    CHECK(uv_listen((uv_stream_t *)&p->listener, STRANGERS_MAX, somebody) == 0);
    CHECK(uv_timer_start(&p->tick, tick, TICK_MS, TICK_MS) == 0);
    return p;
}

static void handle_closed(uv_handle_t *handle)
{
    struct pool *p = handle->data;
    p->open--;
    closed_one(p);
}

void pool_close(struct pool *p, void (*closed)(void *ctx), void *ctx)
{
    if (p->closing)
        return;
    p->closing = true;
    p->closed = closed;
    p->ctx = ctx;
    for (struct caller *c = p->callers; c; c = c->next)
        link_close(&c->link);
    uv_close((uv_handle_t *)&p->listener, handle_closed);
    uv_close((uv_handle_t *)&p->tick, handle_closed);
}

void pool_free(struct pool *p)
{
    CHECK(p->closing && p->open == 0 && !p->callers);
    for (size_t i = 0; i < p->n_seats; i++)
        free(p->seats[i]);
    free(p->seats);
    seal_wipe(p->options.key.key, SEAL_KEY);
    free(p);
}

const char *pool_where(const struct pool *p)
{
    return p->where;
}

const struct cluster_key *pool_key(const struct pool *p)
{
    return &p->options.key;
}

/* --- seats --- */

/* How far its clock is, is known well enough to begin by. */
static bool is_there(const struct seat *s)
{
    return s->caller && s->offset.samples >= FIRST_PINGS / 2;
}

static struct seat *least_laden(const struct pool *p)
{
    struct seat *least = NULL;
    for (size_t i = 0; i < p->n_seats; i++)
        if (is_there(p->seats[i]) && (!least || p->seats[i]->nodes < least->nodes))
            least = p->seats[i];
    return least;
}

int pool_seats(struct pool *p, uint32_t n, uint64_t since_ns, struct seat **seats)
{
    uint64_t now = machine_now();
    size_t there = 0;
    for (size_t i = 0; i < p->n_seats; i++)
        there += is_there(p->seats[i]);
    if (there == 0)
        return now - since_ns > patience_ns ? ERROR_NOT_FOUND : 0;
    uint64_t quiet_since = since_ns > p->arrived_ns ? since_ns : p->arrived_ns;
    if (there < n && now - quiet_since < settled_ns)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        seats[i] = least_laden(p);
        seats[i]->nodes++;
    }
    return 1;
}

void pool_leave(struct seat *seat)
{
    CHECK(seat->nodes > 0);
    seat->nodes--;
}

int64_t seat_shift(const struct seat *s)
{
    if (s->one_clock)
        return 0;
    return s->pool->options.raw_clocks ? s->wall_offset_ns : s->offset.ns;
}

/* Whatever is believed of it, what was measured says how wrong that can be. */
bool seat_bound(const struct seat *s, int64_t shift, uint64_t *bound_ns)
{
    int64_t wrong = shift - s->offset.ns;
    if (s->one_clock || !s->offset.known)
        return false;
    *bound_ns = (uint64_t)(wrong < 0 ? -wrong : wrong) + offset_bound(&s->offset, machine_now());
    return true;
}

bool seat_raw(const struct seat *s)
{
    return s->pool->options.raw_clocks;
}

void seat_tell(const struct seat *s, struct cluster_node *into)
{
    into->host = s->host;
    into->one_clock = s->one_clock;
    into->offset_known = s->offset.known;
    into->offset_ns = s->offset.ns;
    into->offset_bound_ns = offset_bound(&s->offset, machine_now());
}

void pool_forget(struct pool *p, const char *run)
{
    Orrery__Forget forget = ORRERY__FORGET__INIT;
    Orrery__ToAgent message = ORRERY__TO_AGENT__INIT;
    forget.run = (char *)(uintptr_t)run;
    message.kind_case = ORRERY__TO_AGENT__KIND_FORGET;
    message.forget = &forget;
    for (struct caller *c = p->callers; c; c = c->next)
        link_say(&c->link, &message.base);
}

void seat_say(struct seat *seat, Orrery__ToAgent *message)
{
    if (seat->caller)
        link_say(&seat->caller->link, &message->base);
}

void seat_enter(struct seat *seat, struct remote *r)
{
    CHECK(seat->caller);
    r->seat = seat;
    r->number = ++seat->pool->last_life;
    r->next = seat->caller->lives;
    seat->caller->lives = r;
}

/* Its caller may have been replaced meanwhile; then its lives had vanished with it. */
void seat_exit(struct remote *r)
{
    for (struct caller *c = r->seat->pool->callers; c; c = c->next)
        for (struct remote **at = &c->lives; *at; at = &(*at)->next)
            if (*at == r) {
                *at = r->next;
                return;
            }
}
