/* State machines as tables: the code obeys the same table that the browser draws. */
#ifndef ORRERY_CORE_FSM_H
#define ORRERY_CORE_FSM_H

#include "core/core.h"

struct fsm_state {
    const char *name;
    uint32_t next; /* Bit s is set when state s may follow. */
};

struct fsm_table {
    const char *name;
    const struct fsm_state *states;
    uint32_t n;
};

/* Moves *state to `next`, asserting that the table allows it, and emits the event. `of` says which
 * machine of this kind moved (usually a peer); 0 where there is one. The table must be listed in
 * core_ops.machines. */
void fsm_move(uint8_t *state, uint8_t next, const struct fsm_table *table, uint32_t of,
              struct out *out);

#endif
