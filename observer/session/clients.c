/* The foreign clients that are connected, as the events tell. They live in real time, so while one
 * is there the pace is 1. A simulated cluster's clients live in its time. */
#include "session/inside.h"

#include "base/must.h"
#include "base/wire.h"

#include <stdio.h>

enum { CLIENTS_MAX = 1024 }; /* One is enough to refuse: of more, no account is kept. */

static struct connected *find(struct session *s, const struct connected *wanted)
{
    for (size_t i = s->n_clients; i > 0; i--) {
        struct connected *c = &s->clients[i - 1];
        if (c->node == wanted->node && c->boot == wanted->boot && c->client == wanted->client)
            return c;
    }
    return NULL;
}

static bool lives(const struct session *s, const struct connected *c)
{
    struct cluster_node n;
    return s->cluster->ops->node(s->cluster, c->node, &n) && n.boot == c->boot &&
           (n.state == NODE_STARTING || n.state == NODE_RUNNING || n.state == NODE_PAUSED);
}

/* Connections end with their node, which tells of no disconnect then. */
static void forget_dead(struct session *s)
{
    for (size_t i = s->n_clients; i > 0; i--)
        if (!lives(s, &s->clients[i - 1]))
            s->clients[i - 1] = s->clients[--s->n_clients];
}

static void comes(struct session *s, const struct connected *c)
{
    if (s->n_clients == CLIENTS_MAX)
        return;
    if (!s->clients) {
        s->clients = must_alloc(CLIENTS_MAX, sizeof *s->clients);
    }
    s->clients[s->n_clients++] = *c;
    s->client_came = true;
}

void clients_entry(struct session *s, const struct entry *e)
{
    struct wire_field f;
    bool request = e->head.body == ORRERY__EVENT__BODY_REQUEST;
    if (s->options.simulated || (!request && e->head.body != ORRERY__EVENT__BODY_DISCONNECT) ||
        !wire_find(e->head.payload, 1, &f) || f.type != WIRE_VARINT)
        return;
    const struct connected c = {e->node, e->boot, f.value};
    struct connected *known = find(s, &c);
    if (request && !known)
        comes(s, &c);
    else if (!request && known)
        *known = s->clients[--s->n_clients];
}

static bool is_real_time(double pace)
{
    return !(pace > 1 || pace < 1);
}

bool clients_allow(struct session *s, const Orrery__Pace *pace, char *why, size_t why_size)
{
    if (is_real_time(pace->factor))
        return true;
    forget_dead(s);
    if (s->n_clients == 0)
        return true;
    snprintf(why, why_size,
             "a client is connected to n%u and lives in real time: the pace stays 1 until it is "
             "gone",
             s->clients[0].node);
    return false;
}

void clients_tick(struct session *s)
{
    char note[64], why[200];
    bool came = s->client_came;
    s->client_came = false;
    if (!came || s->ending || is_real_time(s->cluster->ops->pace(s->cluster)))
        return;
    forget_dead(s);
    if (s->n_clients == 0)
        return;
    snprintf(note, sizeof note, ", for a client is connected to n%u", s->clients[0].node);
    act_by_itself(s, "pace 1", note, why, sizeof why);
}
