/* Simulated clients: each is bound to one node, asks it in bursts over one connection, waits for
 * the answers, and connects again when the connection breaks or its patience ends. Two that share
 * keys make a history worth checking: unique values, counters, transactions, conditions, keys that
 * end in time, reads of everything.
 */
#include "sim/inner.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nsec patience = 4 * NSEC_PER_S;
static const nsec retry_mean = 60 * NSEC_PER_MS;

enum phase { CLIENT_AWAY, CLIENT_IDLE, CLIENT_WAITING, CLIENT_DONE };

struct sim_client {
    uint32_t index;
    uint32_t number; /* In its group, from 0: its twins in others have the same. */
    uint32_t node;
    struct random random;
    struct random requests;
    enum phase phase;
    uint64_t round; /* Of connecting or asking; what belongs to an older one is late. */
    uint32_t boot;  /* The life that it is connected to. */
    client_id connection;
    uint64_t sent;     /* Requests on this connection. */
    uint64_t answered; /* Of these, wholly. */
    nsec arrives;      /* The newest request reaches the node then. */
    bool audit;        /* The next burst reads every key. */
    bool audited;
    uint64_t value; /* Counts up: every value written is another. */
};

struct clients {
    struct sim_client *all;
    uint32_t n;
    bool finishing;
    uint64_t answers;
};

void clients_init(struct world *w)
{
    w->clients = calloc(1, sizeof *w->clients);
    if (!w->clients)
        abort();
}

void clients_free(struct world *w)
{
    if (w->clients)
        free(w->clients->all);
    free(w->clients);
}

static void connect_later(struct world *w, struct sim_client *c);

void clients_node_added(struct world *w, struct sim_node *n)
{
    struct clients *cs = w->clients;
    for (uint32_t i = 0; n->role->serves && i < w->options.clients; i++) {
        cs->all = realloc(cs->all, (cs->n + 1) * sizeof *cs->all);
        if (!cs->all)
            abort();
        struct sim_client *c = &cs->all[cs->n];
        *c = (struct sim_client){.index = cs->n, .node = n->id};
        c->number = n->place * w->options.clients + i;
        uint64_t which = (uint64_t)(n->place + 1) << 24 | i;
        c->random = concern_random(w, CONCERN_CLIENT, which);
        c->requests = concern_random(w, CONCERN_REQUEST, which);
        cs->n++;
        connect_later(w, c);
    }
}

static struct happening *client_happening(struct world *w, struct sim_client *c,
                                          void (*run)(struct world *, struct happening *),
                                          size_t len)
{
    struct happening *h = happening_new(w, run, len);
    h->client.client = c->index;
    h->client.request = c->round;
    h->client.connection = c->connection;
    return h;
}

static nsec think(struct sim_client *c, nsec mean)
{
    return (nsec)random_exponential(&c->random, (double)mean) + 1000;
}

static void burst_run(struct world *w, struct happening *h);

static void idle(struct world *w, struct sim_client *c)
{
    c->phase = CLIENT_IDLE;
    c->round++;
    if (w->clients->finishing && c->audited) {
        c->phase = CLIENT_DONE;
        return;
    }
    nsec pause = think(c, w->options.think_ns);
    happening_at(w, w->now + pause, client_happening(w, c, burst_run, 0));
}

static void connect_run(struct world *w, struct happening *h)
{
    struct sim_client *c = &w->clients->all[h->client.client];
    struct sim_node *n = world_find(w, c->node);
    if (c->round != h->client.request)
        return;
    if (n->state == NODE_REMOVED) {
        c->phase = CLIENT_DONE;
        return;
    }
    if (!n->host) {
        connect_later(w, c);
        return;
    }
    c->boot = n->boot;
    c->connection = ++n->next_connection;
    c->sent = c->answered = 0;
    c->arrives = w->now;
    c->audit = w->options.scripted || random_chance(&c->random, 0.6);
    idle(w, c);
}

static void connect_later(struct world *w, struct sim_client *c)
{
    c->phase = CLIENT_AWAY;
    c->round++;
    happening_at(w, w->now + think(c, retry_mean), client_happening(w, c, connect_run, 0));
}

/* A connection's bytes arrive in order. */
static nsec arrival(struct world *w, struct sim_client *c)
{
    nsec at = w->now + w->options.latency;
    if (w->options.latency_spread)
        at += (nsec)random_exponential(&c->random, (double)w->options.latency_spread);
    c->arrives = at > c->arrives ? at : c->arrives;
    return c->arrives;
}

static void request_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    host_request(n->host, node_moment(n), n->role->serves, h->client.connection, h->client.request,
                 bytes_of(h->bytes, h->len));
    node_settle(n);
}

static void disconnect_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    host_disconnect(n->host, node_moment(n), n->role->serves, h->client.connection);
    node_settle(n);
}

static void to_node(struct world *w, struct sim_client *c, struct happening *h)
{
    h->node = c->node;
    h->boot = c->boot;
    h->stalls = true;
    happening_at(w, arrival(w, c), h);
}

static void ask(struct world *w, struct sim_client *c, const char *const *words, uint32_t n)
{
    char text[64];
    struct buf b = {0};
    buf_printf(&b, "*%u\r\n", n);
    for (uint32_t i = 0; i < n; i++) {
        int len = snprintf(text, sizeof text, "$%zu\r\n", strlen(words[i]));
        buf_append(&b, bytes_of(text, (size_t)len));
        buf_append(&b, bytes_str(words[i]));
        buf_append(&b, bytes_of("\r\n", 2));
    }
    struct happening *h = client_happening(w, c, request_run, b.len);
    memcpy(h->bytes, b.base, b.len);
    buf_free(&b);
    h->client.request = ++c->sent;
    to_node(w, c, h);
}

static void give_up_run(struct world *w, struct happening *h)
{
    struct sim_client *c = &w->clients->all[h->client.client];
    if (c->round != h->client.request || c->phase != CLIENT_WAITING)
        return;
    to_node(w, c, client_happening(w, c, disconnect_run, 0));
    connect_later(w, c);
}

enum { KEY_MAX = 24 };

/* What decides its next request. */
static struct random *script(const struct world *w, struct sim_client *c)
{
    return w->options.scripted ? &c->requests : &c->random;
}

/* Strings and counters, mostly kept apart; now and then an increment meets a string. */
static void pick_key(struct world *w, struct sim_client *c, bool counter, char key[KEY_MAX])
{
    if (random_chance(script(w, c), 0.02))
        counter = !counter;
    uint32_t keys = w->options.keys ? w->options.keys : 1;
    snprintf(key, KEY_MAX, "%s%" PRIu64, counter ? "n" : "k", random_below(script(w, c), keys));
}

static void ask_write(struct world *w, struct sim_client *c, char *value)
{
    char key[KEY_MAX];
    uint64_t which = random_below(script(w, c), 10);
    pick_key(w, c, which >= 6 && which < 9, key);
    if (which < 6) {
        int at = snprintf(value, 40, "%u.%" PRIu64 ".", c->number, ++c->value);
        uint64_t more = random_below(script(w, c), w->options.value_max + 1);
        memset(value + at, 'x', more);
        value[at + (int)more] = 0;
        ask(w, c, (const char *const[]){"SET", key, value}, 3);
    } else if (which < 9) {
        ask(w, c, (const char *const[]){"INCR", key}, 2);
    } else {
        ask(w, c, (const char *const[]){"DEL", key}, 2);
    }
}

/* Keys that end in time have names of their own, so that what is known of the others stays so. */
static void ask_conditional(struct world *w, struct sim_client *c)
{
    char key[KEY_MAX], ending[KEY_MAX], value[40], old[40], ms[24];
    struct random *r = script(w, c);
    uint64_t kind = random_below(r, 5);
    uint64_t was = random_below(r, c->value + 1);
    pick_key(w, c, false, key);
    snprintf(ending, sizeof ending, "t%" PRIu64, random_below(r, 2));
    snprintf(old, sizeof old, "%u.%" PRIu64 ".", c->number, was);
    snprintf(value, sizeof value, "%u.%" PRIu64 ".", c->number, ++c->value);
    snprintf(ms, sizeof ms, "%" PRIu64, 1 + random_below(r, 500));
    if (kind == 0) {
        ask(w, c, (const char *const[]){"SET", ending, value, "PX", ms}, 5);
    } else if (kind == 1) {
        ask(w, c, (const char *const[]){"GET", ending}, 2);
    } else if (kind == 2) {
        ask(w, c, (const char *const[]){"PERSIST", ending}, 2);
    } else if (kind == 3) {
        ask(w, c, (const char *const[]){"CAS", key, old, value}, 4);
    } else {
        ask(w, c, (const char *const[]){"WATCH", key}, 2);
        ask(w, c, (const char *const[]){"GET", key}, 2);
        ask(w, c, (const char *const[]){"MULTI"}, 1);
        ask(w, c, (const char *const[]){"SET", key, value}, 3);
        ask(w, c, (const char *const[]){"SET", ending, value, "NX"}, 4);
        ask(w, c, (const char *const[]){"EXEC"}, 1);
    }
}

static void ask_one(struct world *w, struct sim_client *c, char *value)
{
    char key[KEY_MAX];
    if (w->options.conditional > 0 && random_chance(script(w, c), w->options.conditional)) {
        ask_conditional(w, c);
        return;
    }
    if (random_chance(script(w, c), 0.4)) {
        pick_key(w, c, random_chance(script(w, c), 0.3), key);
        ask(w, c, (const char *const[]){"GET", key}, 2);
    } else if (random_chance(script(w, c), 0.8)) {
        ask_write(w, c, value);
    } else {
        uint64_t writes = 1 + random_below(script(w, c), 5);
        ask(w, c, (const char *const[]){"MULTI"}, 1);
        for (uint64_t i = 0; i < writes; i++)
            ask_write(w, c, value);
        ask(w, c, (const char *const[]){"EXEC"}, 1);
    }
}

static void ask_all(struct world *w, struct sim_client *c)
{
    char key[KEY_MAX];
    for (int counter = 0; counter < 2; counter++)
        for (uint32_t i = 0; i < w->options.keys; i++) {
            snprintf(key, sizeof key, "%s%u", counter ? "n" : "k", i);
            ask(w, c, (const char *const[]){"GET", key}, 2);
        }
}

static void burst_run(struct world *w, struct happening *h)
{
    struct sim_client *c = &w->clients->all[h->client.client];
    if (c->round != h->client.request || c->phase != CLIENT_IDLE)
        return;
    c->phase = CLIENT_WAITING;
    c->round++;
    bool audit = c->audit || w->clients->finishing;
    c->audit = false;
    if (audit) {
        ask_all(w, c);
    } else {
        char *value = malloc(w->options.value_max + 48);
        if (!value)
            abort();
        uint32_t deep = w->options.pipeline ? w->options.pipeline : 1;
        for (uint64_t i = 1 + random_below(script(w, c), deep); i > 0; i--)
            ask_one(w, c, value);
        free(value);
    }
    c->audited = w->clients->finishing;
    struct happening *late = client_happening(w, c, give_up_run, 0);
    happening_at(w, w->now + patience, late);
}

static void answer_run(struct world *w, struct happening *h)
{
    struct sim_client *c = &w->clients->all[h->client.client];
    if (c->connection != h->client.connection || c->boot != (uint32_t)h->client.request ||
        c->phase != CLIENT_WAITING)
        return;
    c->answered++;
    w->clients->answers++;
    if (c->answered == c->sent)
        idle(w, c);
}

void clients_reply(struct sim_node *n, client_id connection, uint64_t request, struct bytes body,
                   bool more)
{
    struct world *w = n->world;
    (void)request; /* Any order will do: only their number counts. */
    (void)body;
    for (uint32_t i = 0; i < w->clients->n && !more; i++) {
        struct sim_client *c = &w->clients->all[i];
        if (c->node != n->id || c->boot != n->boot || c->connection != connection)
            continue;
        struct happening *h = client_happening(w, c, answer_run, 0);
        h->client.request = n->boot;
        happening_at(w, w->now + w->options.latency, h);
        return;
    }
}

void clients_node_gone(struct sim_node *n)
{
    struct world *w = n->world;
    for (uint32_t i = 0; i < w->clients->n; i++) {
        struct sim_client *c = &w->clients->all[i];
        if (c->node == n->id && (c->phase == CLIENT_IDLE || c->phase == CLIENT_WAITING))
            connect_later(w, c);
    }
}

void world_clients_finish(struct world *w)
{
    w->clients->finishing = true;
    for (uint32_t i = 0; i < w->clients->n; i++)
        w->clients->all[i].audited = false;
}

uint32_t world_client_waits(const struct world *w, uint32_t *node, char *why, size_t why_size)
{
    for (uint32_t i = 0; i < w->clients->n; i++) {
        const struct sim_client *c = &w->clients->all[i];
        if (c->phase == CLIENT_DONE)
            continue;
        *node = c->node;
        if (c->phase == CLIENT_WAITING)
            snprintf(why, why_size,
                     "client %u of n%u still waits for %" PRIu64 " of %" PRIu64 " answers", i + 1,
                     c->node, c->sent - c->answered, c->sent);
        else
            snprintf(why, why_size, "client %u of n%u %s", i + 1, c->node,
                     c->phase == CLIENT_AWAY ? "cannot connect" : "has not read every key");
        return i + 1;
    }
    return 0;
}

uint64_t world_client_answers(const struct world *w)
{
    return w->clients->answers;
}
