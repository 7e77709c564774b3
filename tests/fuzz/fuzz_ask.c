/* Any question of a page, to a house with a simulated run: answered or refused, within bounds. */
#include "base/check.h"
#include "session/house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uv_loop_t loop;
static struct house *house;
static struct guest *guest;
static size_t waiting_bytes;

static void take(void *ctx, struct buf *message)
{
    (void)ctx;
    Orrery__Tell *tell = orrery__tell__unpack(NULL, message->len, message->base);
    CHECK(tell); /* What we say, others can read. */
    orrery__tell__free_unpacked(tell, NULL);
    waiting_bytes += message->len;
    buf_free(message);
}

static size_t waiting(void *ctx)
{
    (void)ctx;
    return waiting_bytes;
}

static const struct guest_ops ops = {take, waiting};

static void begin(void)
{
    static char folder[] = "/tmp/orrery-fuzz-XXXXXX", protocol[] = "heartbeat";
    char why[300];
    CHECK(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    unsetenv("XDG_RUNTIME_DIR");
    CHECK(uv_loop_init(&loop) == 0);
    house = house_new(&loop);
    guest = guest_new(house, &ops, NULL);
    Orrery__Open open = ORRERY__OPEN__INIT;
    open.sandbox = protocol;
    open.nodes = 3;
    open.simulated = 1;
    open.seed = 7;
    struct house_run *run = house_open(house, &open, &(struct house_own){0}, why, sizeof why);
    CHECK(run);
    struct timeline *t = session_timeline(house_session(run));
    while (timeline_newest(t) < 200)
        uv_run(&loop, UV_RUN_ONCE);
    guest_hail(guest, 1, session_name(house_session(run)));
}

/* What would start processes, end the run or make it grow without end is another test's. */
static bool is_harmless(const Orrery__Ask *ask)
{
    switch (ask->kind_case) {
    case ORRERY__ASK__KIND_OPEN:
        return ask->open->run[0] || (!ask->open->sandbox[0] && !ask->open->lab[0]);
    case ORRERY__ASK__KIND_ACT:
        return !ask->act->command ? !strstr(ask->act->line, "add")
                                  : ask->act->command->verb_case != ORRERY__COMMAND__VERB_ADD;
    case ORRERY__ASK__KIND_END:
        return false;
    default:
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!house)
        begin();
    Orrery__Ask *ask = orrery__ask__unpack(NULL, size, data);
    if (!ask)
        return 0;
    waiting_bytes = 0;
    if (is_harmless(ask))
        guest_asks(guest, ask);
    orrery__ask__free_unpacked(ask, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    guest_pump(guest);
    return 0;
}
