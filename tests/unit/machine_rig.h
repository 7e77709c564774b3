/* A machine by itself: commands as lines of words, applied in an order and at times that a test
 * chooses. */
#ifndef ORRERY_TESTS_MACHINE_RIG_H
#define ORRERY_TESTS_MACHINE_RIG_H

#include "base/check.h"
#include "machine/connection.h"
#include "machine/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_PAGES = 5, RIG_ARENA = 256 << 20 };

struct rig {
    struct memory memory;
    struct arena arena;
    struct machine m;
    struct connections connections;
    lsn at;
    struct asked asked;           /* The last one, */
    struct machine_result result; /* and what became of it. */
    struct buf frame;
    struct buf reply; /* As text. */
};

static inline void rig_begin(struct rig *g, bool replicated)
{
    memset(g, 0, sizeof *g);
    memory_init(&g->memory, (size_t)1 << 30);
    arena_init(&g->arena, RIG_ARENA);
    machine_init(&g->m, &g->memory, RIG_PAGES);
    g->m.replicated = replicated;
    g->connections = (struct connections){.memory = &g->memory, .limit = 100};
}

static inline void rig_end(struct rig *g)
{
    memory_clear(&g->memory);
    arena_free(&g->arena);
    buf_free(&g->frame);
    buf_free(&g->reply);
}

static inline const char *rig_text(struct rig *g, const struct body *body)
{
    buf_clear(&g->reply);
    for (uint32_t i = 0; i < body->n; i++)
        buf_append(&g->reply, body->slices[i].memory);
    buf_append(&g->reply, bytes_of("", 1));
    return (const char *)g->reply.base;
}

static inline enum asked_kind rig_ask(struct rig *g, client_id client, const char *line,
                                      int64_t now_ms)
{
    uint32_t n = 0;
    struct buf words = {0};
    connections_free_retired(&g->connections);
    arena_clear(&g->arena);
    for (const char *at = line; *at; n++) {
        size_t len = strcspn(at, " ");
        buf_printf(&words, "$%zu\r\n%.*s\r\n", len, (int)len, at);
        at += len;
        at += *at == ' ';
    }
    buf_clear(&g->frame);
    buf_printf(&g->frame, "*%u\r\n", n);
    buf_append(&g->frame, buf_bytes(&words));
    buf_free(&words);
    connections_ask(&g->connections, &g->m, client, buf_bytes(&g->frame), now_ms, &g->arena,
                    &g->asked);
    return g->asked.kind;
}

static inline const char *rig_apply(struct rig *g, const struct machine_command *c, int64_t now_ms)
{
    machine_apply(&g->m, c, ++g->at, now_ms, &g->arena, &g->result);
    machine_check(&g->m);
    return rig_text(g, &g->result.reply);
}

/* Asks, applies what writes, queries what reads: the reply. */
static inline const char *rig_say(struct rig *g, client_id client, const char *line, int64_t now_ms)
{
    switch (rig_ask(g, client, line, now_ms)) {
    case ASKED_READ:
        machine_query(&g->m, &g->asked.command, now_ms, &g->arena, &g->result);
        return rig_text(g, &g->result.reply);
    case ASKED_WRITE:
        return rig_apply(g, &g->asked.command, now_ms);
    default:
        return rig_text(g, &g->asked.reply);
    }
}

#endif
