#include "base/check.h"
#include "base/errors.h"
#include "core/host_internal.h"
#include "core/pattern.h"

#include <string.h>

static const char *const action_names[] = {
    [ORRERY__ACTION__ACTION_KILL] = "kill",
    [ORRERY__ACTION__ACTION_PAUSE] = "pause",
    [ORRERY__ACTION__ACTION_POWER] = "power",
};

static void remove_at(struct host *h, uint32_t i)
{
    orrery__pattern__free_unpacked(h->breaks[i].pattern, NULL);
    h->n_breaks--;
    memmove(&h->breaks[i], &h->breaks[i + 1], (h->n_breaks - i) * sizeof h->breaks[i]);
}

static void clear(struct host *h, const Orrery__Break *b)
{
    for (uint32_t i = h->n_breaks; i-- > 0;)
        if (!b->has_id || h->breaks[i].id == b->id)
            remove_at(h, i);
}

int host_break(struct host *h, const Orrery__Break *b)
{
    CHECK(!h->busy);
    if (b->has_clear && b->clear) {
        clear(h, b);
        return 0;
    }
    if (!b->has_compiled || (b->has_then && (unsigned)b->then > ORRERY__ACTION__ACTION_POWER))
        return ERROR_MALFORMED;
    if (h->n_breaks == BREAKS_MAX)
        return ERROR_TOO_LARGE;
    Orrery__Pattern *pattern = orrery__pattern__unpack(NULL, b->compiled.len, b->compiled.data);
    if (!pattern)
        return ERROR_MALFORMED;
    h->breaks[h->n_breaks++] =
        (struct breakpoint){b->has_id ? b->id : 0, b->has_skip ? b->skip : 0,
                            b->has_then ? b->then : ORRERY__ACTION__ACTION_KILL, pattern};
    return 0;
}

bool host_wants_written(const struct host *h)
{
    for (uint32_t i = 0; i < h->config.n_instances; i++)
        if (h->instances[i].ops->written)
            return true;
    for (uint32_t i = 0; i < h->n_breaks; i++) {
        uint32_t body = h->breaks[i].pattern->body;
        if (body == 0 || body == ORRERY__EVENT__BODY_WRITTEN)
            return true;
    }
    return false;
}

void host_match(struct host *h, const struct happening *what)
{
    struct bytes event = host_pack(h, what);
    for (uint32_t i = 0; i < h->n_breaks; i++) {
        struct breakpoint *b = &h->breaks[i];
        if (b->pattern->node && b->pattern->node != h->config.self)
            continue;
        if (!pattern_match(b->pattern, event))
            continue;
        if (b->skip > 0)
            b->skip--;
        else if (h->hit < 0)
            h->hit = (int32_t)i;
    }
}

static bool halt(struct host *h, const Orrery__Halt *halt_message)
{
    struct happening what = happening_message(0, ORRERY__EVENT__BODY_HALT, &halt_message->base);
    (void)host_emit(h, &what);
    if (!h->io.halt(h->ctx, halt_message))
        h->phase = PHASE_DEAD;
    return h->phase != PHASE_DEAD;
}

/* In a life that is executed again: halts where it did. */
static bool halt_again(struct host *h)
{
    struct bytes next = h->life->event(h->life->ctx, h->seq + 1);
    Orrery__Event *event = next.base ? orrery__event__unpack(NULL, next.len, next.base) : NULL;
    bool alive = true;
    if (event && event->body_case == ORRERY__EVENT__BODY_HALT)
        alive = halt(h, event->halt);
    if (event)
        orrery__event__free_unpacked(event, NULL);
    return alive;
}

bool host_go_on(struct host *h)
{
    if (h->life)
        return halt_again(h);
    if (h->hit < 0)
        return true;
    struct breakpoint b = h->breaks[h->hit];
    Orrery__Halt message = ORRERY__HALT__INIT;
    message.breakpoint = b.id;
    message.action = (char *)(uintptr_t)action_names[b.action];
    message.seq = h->input_seq;
    remove_at(h, (uint32_t)h->hit);
    h->hit = -1;
    return halt(h, &message);
}
