#include "modules/fixed.h"

void fixed_init(struct fixed *f, uint64_t timeout_ns)
{
    *f = (struct fixed){.timeout_ns = timeout_ns};
}

void fixed_beat(struct fixed *f, uint64_t now)
{
    f->last_at = now;
    f->heard = true;
}

uint64_t fixed_deadline(const struct fixed *f)
{
    if (!f->heard || f->timeout_ns > UINT64_MAX - f->last_at)
        return UINT64_MAX;
    return f->last_at + f->timeout_ns;
}

bool fixed_suspects(const struct fixed *f, uint64_t now)
{
    return f->heard && now >= fixed_deadline(f);
}
