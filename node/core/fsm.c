#include "core/fsm.h"

#include "base/check.h"

void fsm_move(uint8_t *state, uint8_t next, const struct fsm_table *table, uint32_t of,
              struct out *out)
{
    CHECK(*state < table->n);
    CHECK(next < table->n);
    CHECK((table->states[*state].next >> next & 1) != 0);
    uint32_t machine = 0;
    while (out->ops->machines[machine] != table) {
        machine++;
        CHECK(out->ops->machines[machine] != NULL);
    }
    out_move(out, machine, of, *state, next);
    *state = next;
}
