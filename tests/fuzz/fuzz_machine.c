/* Commands and snapshots as peers may send them: whatever the bytes, the machine lives and its
 * invariants hold; what was taken from a snapshot that was whole comes out of one again. */
#include "../unit/machine_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void command(struct rig *g, struct bytes b, int64_t now_ms)
{
    struct machine_command c;
    static struct machine_result told;
    if (machine_unpack(b, &g->arena, &c) != 0)
        return;
    machine_invoke(&c, &g->arena, &told);
    rig_apply(g, &c, now_ms);
    CHECK(told.n_ops == g->result.n_ops || g->result.outcome != MACHINE_DONE || c.ticket.open);
}

static void snapshot(struct rig *g, struct bytes b)
{
    struct loading loading;
    struct saving saving;
    struct bytes chunk;
    machine_load(&g->m, &loading, g->at);
    if (machine_load_chunk(&loading, b) != 1)
        return;
    uint64_t digest = machine_digest(&g->m);
    struct rig copy;
    rig_begin(&copy, true);
    machine_load(&copy.m, &loading, g->at);
    CHECK(machine_save(&g->m, &saving));
    int done = 0;
    while (machine_save_chunk(&saving, 64, &g->arena, &chunk) == 1)
        done = machine_load_chunk(&loading, chunk);
    machine_save_end(&saving);
    CHECK(done == 1 && machine_digest(&copy.m) == digest);
    rig_end(&copy);
}

/* Pieces, each behind a byte for its length and one that says what it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig g;
    rig_begin(&g, true);
    g.at = 1000;
    for (size_t at = 0; at + 2 <= size;) {
        size_t n = data[at] < size - at - 2 ? data[at] : size - at - 2;
        struct bytes b = bytes_of(data + at + 2, n);
        arena_clear(&g.arena);
        if (data[at + 1] % 4 == 0)
            snapshot(&g, b);
        else
            command(&g, b, data[at + 1]);
        machine_check(&g.m);
        at += n + 2;
    }
    rig_end(&g);
    return 0;
}
