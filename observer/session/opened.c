#include "session/opened.h"

#include "base/must.h"

#include <stdlib.h>

void opened_make(struct opened *o, struct timeline *t, bool recorded)
{
    Orrery__Opened *m = &o->message;
    struct bytes set;
    orrery__opened__init(m);
    o->story = (struct story){0};
    while (timeline_schemas(t, m->n_schemas, &set))
        m->n_schemas++;
    m->schemas = must_alloc(m->n_schemas + 1, sizeof *m->schemas);
    for (size_t i = 0; i < m->n_schemas; i++)
        if (timeline_schemas(t, i, &set))
            m->schemas[i] = (ProtobufCBinaryData){set.len, (uint8_t *)(uintptr_t)set.base};
    m->run = (Orrery__RunInfo *)(uintptr_t)timeline_info(t);
    m->recorded = recorded;
    if (!recorded)
        return;
    story_read(&o->story, t);
    m->lab = o->story.lab;
    m->story = o->story.moments;
    m->n_story = o->story.n;
}

void opened_free(struct opened *o)
{
    free(o->message.schemas);
    story_free(&o->story);
}
