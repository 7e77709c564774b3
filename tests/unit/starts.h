/* Start events as nodes of two protocols would tell them: heartbeat is instance 1, kv instance 2.
 */
#ifndef ORRERY_TESTS_STARTS_H
#define ORRERY_TESTS_STARTS_H

#include <stdio.h>

#include "event.pb-c.h"
#include "schema_heartbeat.h"
#include "schema_kv.h"

struct starts {
    char name[16];
    char *states[3];
    uint32_t allowed[3];
    Orrery__Machine machine, *machines[1];
    Orrery__Instance instances[2], *list[2];
    char *logs[2];
    char *types[3];
    Orrery__Start start;
    struct buf schemas;
};

static inline char *starts_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline void starts_fill(struct starts *s, uint32_t node, uint32_t boot)
{
    *s = (struct starts){0};
    (void)snprintf(s->name, sizeof s->name, "n%u", (unsigned)node);
    s->states[0] = starts_text("trusted");
    s->states[1] = starts_text("suspected");
    s->states[2] = starts_text("dead");
    s->allowed[0] = 2;
    s->allowed[1] = 5;
    orrery__machine__init(&s->machine);
    s->machine.name = starts_text("peer");
    s->machine.n_states = s->machine.n_allowed = 3;
    s->machine.states = s->states;
    s->machine.allowed = s->allowed;
    s->machines[0] = &s->machine;
    for (uint32_t i = 0; i < 2; i++) {
        orrery__instance__init(&s->instances[i]);
        s->instances[i].number = i + 1;
        s->list[i] = &s->instances[i];
    }
    s->instances[0].protocol = starts_text("heartbeat");
    s->instances[0].message_type = starts_text("heartbeat.Message");
    s->instances[0].view_type = starts_text("heartbeat.NodeView");
    s->instances[0].n_machines = 1;
    s->instances[0].machines = s->machines;
    s->instances[1].protocol = starts_text("kv");
    s->instances[1].view_type = starts_text("kv.NodeView");
    s->logs[0] = starts_text("wal");
    s->logs[1] = starts_text("pages");
    s->instances[1].n_logs = 2;
    s->instances[1].logs = s->logs;
    s->types[0] = starts_text("heartbeat.Opinion");
    s->types[1] = starts_text("heartbeat.Gap");
    s->types[2] = starts_text("kv.Checkpoint");
    buf_append(&s->schemas, schema_heartbeat());
    buf_append(&s->schemas, schema_kv()); /* Two sets one behind the other are one set. */
    orrery__start__init(&s->start);
    s->start.name = s->name;
    s->start.node = node;
    s->start.boot = boot;
    s->start.nodes = 3;
    s->start.n_instances = 2;
    s->start.instances = s->list;
    s->start.n_types = 3;
    s->start.types = s->types;
    s->start.schemas.data = s->schemas.base;
    s->start.schemas.len = s->schemas.len;
}

static inline void starts_free(struct starts *s)
{
    buf_free(&s->schemas);
}

#endif
