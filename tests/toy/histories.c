#include "toy/histories.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 16, CLIENTS_MAX = 64, OLDER_MAX = 4, TEXT_MAX = 256, QUEUE_MAX = 4096 };

enum verb { READ, WRITE, CAS, APPEND, DELETE, INCR, EXISTS, LENGTH, EXPIRE, ENQUEUE, DEQUEUE };

struct part {
    enum verb verb;
    uint32_t key;
    char value[32]; /* Written; of CAS the new one. */
    char expected[32];
    char result[TEXT_MAX]; /* As it is printed. */
};

struct client {
    uint32_t process;
    enum { IDLE, ASKED, DONE } phase;
    struct part parts[3];
    uint32_t n; /* 1, or a transaction. */
    bool txn;
    bool refused;
    bool silent; /* It will not be answered. */
};

struct world {
    const struct toy_history *t;
    struct random random;
    struct buf *into;
    char state[KEYS_MAX][TEXT_MAX]; /* "": nothing. */
    char older[KEYS_MAX][OLDER_MAX][TEXT_MAX];
    char refused[KEYS_MAX][32];
    bool going[KEYS_MAX]; /* It may go by itself. */
    char (*queue)[32];
    uint32_t first, last;
    struct client clients[CLIENTS_MAX];
    uint32_t processes;
    uint32_t asked;
    uint64_t value;
    uint32_t mutations;
};

static bool chance(struct world *w, double p)
{
    return random_chance(&w->random, p);
}

static bool mutates(struct world *w, enum toy_mutant m)
{
    return w->t->mutant == m && chance(w, 0.2);
}

/* --- what happens --- */

static void change(struct world *w, uint32_t key, const char *to)
{
    memmove(w->older[key][1], w->older[key][0], sizeof w->older[key][0] * (OLDER_MAX - 1));
    memcpy(w->older[key][0], w->state[key], TEXT_MAX);
    memcpy(w->state[key], to, strlen(to) + 1);
}

static void set(struct world *w, uint32_t key, const char *to)
{
    if (mutates(w, TOY_LOST_WRITE) && strcmp(w->state[key], to) != 0)
        w->mutations++;
    else
        change(w, key, to);
}

static void read_key(struct world *w, struct part *p)
{
    const char *found = w->state[p->key];
    const char *older = w->older[p->key][random_below(&w->random, OLDER_MAX)];
    const char *refused = w->refused[p->key];
    if (strcmp(older, found) != 0 && mutates(w, TOY_STALE_READ)) {
        found = older;
        w->mutations++;
    } else if (*refused && mutates(w, TOY_DIRTY_READ)) {
        found = refused;
        w->mutations++;
    }
    (void)snprintf(p->result, sizeof p->result, "%s", found);
}

static void happen_to_key(struct world *w, struct client *c, struct part *p)
{
    char text[TEXT_MAX];
    const char *now = w->state[p->key];
    if (w->going[p->key] && chance(w, 0.3))
        change(w, p->key, "");
    w->going[p->key] = *now && (w->going[p->key] || p->verb == EXPIRE) && p->verb != WRITE;
    switch (p->verb) {
    case READ:
        read_key(w, p);
        break;
    case WRITE:
        set(w, p->key, p->value);
        break;
    case CAS:
        c->refused = strcmp(now, p->expected) != 0;
        if (!c->refused)
            set(w, p->key, p->value);
        break;
    case APPEND:
        (void)snprintf(text, sizeof text, "%.200s%s", now, p->value);
        (void)snprintf(p->result, sizeof p->result, "%zu", strlen(text));
        set(w, p->key, text);
        break;
    case DELETE:
        (void)snprintf(p->result, sizeof p->result, "%d", *now != 0);
        set(w, p->key, "");
        break;
    case INCR:
        (void)snprintf(text, sizeof text, "%ld",
                       strtol(now, NULL, 10) + strtol(p->value, NULL, 10));
        (void)snprintf(p->result, sizeof p->result, "%.20s", text);
        set(w, p->key, text);
        break;
    case EXISTS:
        (void)snprintf(p->result, sizeof p->result, "%d", *now != 0);
        break;
    case LENGTH:
        (void)snprintf(p->result, sizeof p->result, "%zu", strlen(now));
        break;
    default:
        break;
    }
}

static void happen_to_queue(struct world *w, struct part *p)
{
    if (p->verb == ENQUEUE) {
        if (mutates(w, TOY_LOST_WRITE))
            w->mutations++;
        else
            memcpy(w->queue[w->last++], p->value, sizeof p->value);
        return;
    }
    bool any = w->first < w->last;
    bool stale = any && mutates(w, TOY_STALE_READ); /* It is taken, and stays. */
    (void)snprintf(p->result, sizeof p->result, "%s", any ? w->queue[w->first] : "");
    w->mutations += stale;
    w->first += any && !stale;
}

static void happen(struct world *w, struct client *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (w->t->kind == TOY_QUEUE)
            happen_to_queue(w, &c->parts[i]);
        else
            happen_to_key(w, c, &c->parts[i]);
}

/* --- what is said --- */

static const char *const verbs[] = {"read",   "write",  "cas",    "append",  "del",    "incr",
                                    "exists", "length", "expire", "enqueue", "dequeue"};

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static void say_value(struct world *w, const char *text)
{
    bool bare = is_number(text);
    buf_printf(w->into, !*text ? "nil" : bare ? "%s" : "\"%s\"", text);
}

static void say_part(struct world *w, const struct part *p, bool answer)
{
    bool reads = p->verb == READ || p->verb == DEQUEUE;
    bool counts = p->verb >= APPEND && p->verb <= LENGTH;
    if (p->verb == CAS) {
        buf_printf(w->into, "[");
        say_value(w, p->expected);
        buf_printf(w->into, " ");
        say_value(w, p->value);
        buf_printf(w->into, "]");
    } else {
        say_value(w, (answer && counts) || reads ? (answer ? p->result : "") : p->value);
    }
}

static const char *verb_of(const struct world *w, const struct part *p)
{
    if (w->t->kind == TOY_KV && p->verb <= WRITE)
        return p->verb == READ ? "get" : "set";
    return verbs[p->verb];
}

static void say_txn(struct world *w, const struct client *c, bool answer)
{
    buf_printf(w->into, ":txn, :value [");
    for (uint32_t i = 0; i < c->n; i++) {
        buf_printf(w->into, "%s[:%s \"k%u\" ", i ? " " : "", verb_of(w, &c->parts[i]),
                   c->parts[i].key);
        say_part(w, &c->parts[i], answer);
        buf_printf(w->into, "]");
    }
    buf_printf(w->into, "]}\n");
}

static void say(struct world *w, const struct client *c, const char *type)
{
    bool answer = strcmp(type, "invoke") != 0;
    const struct part *p = &c->parts[0];
    if (w->t->log) {
        buf_printf(w->into, "INFO  jepsen.util - %u\t:%s\t:%s\t", c->process, type, verbs[p->verb]);
        if (strcmp(type, "info") == 0)
            buf_printf(w->into, ":timed-out");
        else
            say_part(w, p, answer);
        buf_printf(w->into, "\n");
        return;
    }
    buf_printf(w->into, "{:process %u, :type :%s, :f ", c->process, type);
    if (c->txn) {
        say_txn(w, c, answer);
        return;
    }
    buf_printf(w->into, ":%s, ", verb_of(w, p));
    if (w->t->keys)
        buf_printf(w->into, ":key \"k%u\", ", p->key);
    buf_printf(w->into, ":value ");
    say_part(w, p, answer);
    buf_printf(w->into, "}\n");
}

/* --- clients --- */

static void draw_value(struct world *w, char into[32])
{
    if (w->t->values)
        (void)snprintf(into, 32, "%u", (unsigned)random_below(&w->random, w->t->values) + 1);
    else
        (void)snprintf(into, 32, "%llu", (unsigned long long)++w->value);
}

static void draw_part(struct world *w, struct part *p)
{
    static const enum verb of_register[] = {READ, WRITE};
    static const enum verb of_cas[] = {READ, WRITE, CAS};
    static const enum verb of_kv[] = {READ,   READ,   READ,   WRITE,  WRITE,
                                      APPEND, APPEND, DELETE, EXISTS, LENGTH};
    static const enum verb of_queue[] = {ENQUEUE, DEQUEUE};
    *p = (struct part){0};
    switch (w->t->kind) {
    case TOY_REGISTER:
        p->verb = of_register[random_below(&w->random, 2)];
        break;
    case TOY_CAS:
        p->verb = of_cas[random_below(&w->random, 3)];
        break;
    case TOY_KV:
        p->verb = of_kv[random_below(&w->random, 10)];
        break;
    default:
        p->verb = of_queue[random_below(&w->random, 2)];
        break;
    }
    if (w->t->expiring > 0 && chance(w, w->t->expiring))
        p->verb = EXPIRE;
    p->key = (uint32_t)random_below(&w->random, w->t->keys ? w->t->keys : 1);
    if (w->t->kind == TOY_KV && p->key % 3 == 2 && p->verb != READ &&
        p->verb != EXPIRE) /* A counter. */
        p->verb = INCR;
    if (p->verb == INCR)
        memcpy(p->value, "1", 2);
    else if (p->verb == WRITE || p->verb == CAS || p->verb == APPEND || p->verb == ENQUEUE)
        draw_value(w, p->value);
    if (p->verb == APPEND)
        memcpy(p->value + strlen(p->value), ".", 2);
    if (p->verb == CAS) /* It often comes true. */
        (void)snprintf(p->expected, sizeof p->expected, "%.20s",
                       *w->state[p->key] && chance(w, 0.6) ? w->state[p->key] : "1");
}

static void ask(struct world *w, struct client *c)
{
    c->txn = w->t->kind == TOY_KV && chance(w, w->t->several);
    c->n = c->txn ? 2 + (uint32_t)random_below(&w->random, 2) : 1;
    for (uint32_t i = 0; i < c->n; i++)
        draw_part(w, &c->parts[i]);
    c->refused = false;
    c->silent = chance(w, w->t->unknown);
    c->phase = ASKED;
    w->asked++;
    say(w, c, "invoke");
}

/* A write that is refused, and that a dirty read may show. */
static bool refuse(struct world *w, const struct client *c)
{
    const struct part *p = &c->parts[0];
    if (w->t->mutant != TOY_DIRTY_READ || c->n > 1 || p->verb != WRITE || !chance(w, 0.3))
        return false;
    memcpy(w->refused[p->key], p->value, sizeof p->value);
    return true;
}

static void step(struct world *w, struct client *c)
{
    if (c->phase == IDLE) {
        if (w->asked < w->t->operations)
            ask(w, c);
    } else if (c->phase == ASKED && refuse(w, c)) {
        say(w, c, "fail");
        c->phase = IDLE;
    } else if (c->phase == ASKED && !(c->silent && chance(w, 0.5))) {
        happen(w, c);
        c->phase = DONE;
    } else if (c->silent) {
        say(w, c, "info");
        *c = (struct client){.process = w->processes++};
    } else {
        say(w, c, c->refused ? "fail" : "ok");
        c->phase = IDLE;
    }
}

static bool busy(const struct world *w)
{
    for (uint32_t i = 0; i < w->t->clients; i++)
        if (w->clients[i].phase != IDLE)
            return true;
    return w->asked < w->t->operations;
}

uint32_t toy_history(const struct toy_history *t, struct buf *into)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || t->clients > CLIENTS_MAX || t->keys > KEYS_MAX || t->operations > QUEUE_MAX)
        abort();
    *w = (struct world){.t = t, .into = into, .random = random_split(t->seed, t->kind)};
    w->queue = calloc(QUEUE_MAX, sizeof *w->queue);
    if (!w->queue)
        abort();
    for (uint32_t i = 0; i < t->clients; i++)
        w->clients[i].process = w->processes++;
    while (busy(w))
        step(w, &w->clients[random_below(&w->random, t->clients)]);
    uint32_t mutations = w->mutations;
    free(w->queue);
    free(w);
    return mutations;
}
