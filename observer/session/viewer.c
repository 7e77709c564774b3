#include "session/viewer.h"

#include "base/must.h"

#include <stdlib.h>

struct viewer *viewer_new(struct session *s, const struct viewer_ops *ops, void *ctx)
{
    struct viewer *v = must_alloc(1, sizeof *v);
    v->session = s;
    v->ops = ops;
    v->ctx = ctx;
    v->next = s->viewers;
    s->viewers = v;
    return v;
}

void viewer_free(struct viewer *v)
{
    for (struct viewer **at = &v->session->viewers; *at; at = &(*at)->next)
        if (*at == v) {
            *at = v->next;
            break;
        }
    while (v->n_jobs > 0)
        job_end(v, 0);
    free(v->log.seen);
    free(v->lives);
    free(v);
}

void viewers_pump(struct session *s)
{
    for (struct viewer *v = s->viewers, *next; v; v = next) {
        next = v->next;
        viewer_pump(v);
    }
}

void viewers_changed(struct session *s, uint32_t node)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        if (v->log.on && v->log.node == node)
            viewer_log(v);
}

void viewers_over(struct session *s)
{
    viewers_pump(s);
    while (s->viewers) {
        struct viewer *v = s->viewers;
        const struct viewer_ops *ops = v->ops;
        void *ctx = v->ctx;
        viewer_free(v);
        ops->over(ctx);
    }
}

bool viewers_know(const struct session *s, const struct viewer *viewer)
{
    for (const struct viewer *v = s->viewers; v; v = v->next)
        if (v == viewer)
            return true;
    return false;
}

void viewer_tell(struct viewer *v, const Orrery__Tell *tell)
{
    struct buf message = {0};
    size_t size = orrery__tell__get_packed_size(tell);
    orrery__tell__pack(tell, buf_extend(&message, size));
    v->ops->send(v->ctx, &message);
}

void viewer_refuse(struct viewer *v, uint64_t ask, const char *sentence)
{
    Orrery__Refused refused = ORRERY__REFUSED__INIT;
    Orrery__Tell tell = ORRERY__TELL__INIT;
    refused.sentence = (char *)(uintptr_t)sentence;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_REFUSED;
    tell.refused = &refused;
    viewer_tell(v, &tell);
}

void viewer_done(struct viewer *v, uint64_t ask, const char *sentence, uint64_t ordinal)
{
    Orrery__Done done = ORRERY__DONE__INIT;
    Orrery__Tell tell = ORRERY__TELL__INIT;
    done.sentence = (char *)(uintptr_t)sentence;
    done.ordinal = ordinal;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_DONE;
    tell.done = &done;
    viewer_tell(v, &tell);
}
