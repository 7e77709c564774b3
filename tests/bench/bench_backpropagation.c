/* Training alone, and as a module with its events: steps a second of one core, batches of
 * sixteen. */
#include "base/check.h"
#include "core/host.h"
#include "ml/backpropagation/trainer.h"
#include "ml/modules.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 20 };

struct kind {
    const char *name;
    Backpropagation__Data data;
    const char *hidden;
    uint32_t points;
};

static const struct kind kinds[] = {
    {"moons 2-4-4-1", BACKPROPAGATION__DATA__MOONS, "4,4", 200},
    {"moons 2-16-16-1", BACKPROPAGATION__DATA__MOONS, "16,16", 200},
    {"digits 64-32-10", BACKPROPAGATION__DATA__DIGITS, "32", 400},
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* Others may use the machine, too. */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print(const char *net, const char *what, double value, const char *unit)
{
    (void)printf("{\"what\": \"%s, %s\", \"value\": %.0f, \"unit\": \"%s\"}\n", net, what, value,
                 unit);
}

static void bench_trainer(const struct kind *k)
{
    static struct trainer t;
    Backpropagation__Settings s = BACKPROPAGATION__SETTINGS__INIT;
    s.data = k->data;
    s.hidden = (char *)(uintptr_t)k->hidden;
    s.points = k->points;
    s.noise = 0.1;
    s.rate = 0.1;
    s.batch = 16;
    t = (struct trainer){0};
    trainer_init(&t, &s, 1);
    double began = seconds(), took;
    do
        for (uint64_t until = t.step + 100; t.step < until;)
            (void)trainer_go(&t, UINT32_MAX);
    while ((took = seconds() - began) < 0.4);
    print(k->name, "training alone", (double)(t.step - 1) / took, "steps/s");
}

static uint64_t events;

static void on_event(void *ctx, struct bytes event)
{
    (void)ctx, (void)event;
    events++;
}

static void bench_module(const char *burst, const char *grain, double grains)
{
    static const struct host_io io = {.event = on_event};
    const node_id self = 1;
    Orrery__KeyValue pairs[2] = {ORRERY__KEY_VALUE__INIT, ORRERY__KEY_VALUE__INIT};
    const Orrery__KeyValue *settings[2] = {&pairs[0], &pairs[1]};
    static char names[2][8] = {"burst", "grain"};
    pairs[0].key = names[0], pairs[0].value = (char *)(uintptr_t)burst;
    pairs[1].key = names[1], pairs[1].value = (char *)(uintptr_t)grain;
    struct host_instance instance = {
        .number = 1, .ops = module_find("backpropagation"), .settings = settings, .n_settings = 2};
    struct host_config config = {.self = self,
                                 .name = "n1",
                                 .boot = 1,
                                 .members = &self,
                                 .n_members = 1,
                                 .instances = &instance,
                                 .n_instances = 1};
    char why[256] = "";
    struct host *h = host_new(&config, &io, NULL, why, sizeof why);
    CHECK(h);
    host_begin(h, (struct moment){0, 0});
    host_start(h, (struct moment){0, 0});
    uint64_t ticks = events = 0;
    double began = seconds(), took;
    do
        for (int i = 0; i < ROUNDS; i++, ticks++)
            host_wake(h, (struct moment){host_deadline(h), 0});
    while ((took = seconds() - began) < 0.4);
    char what[64];
    (void)snprintf(what, sizeof what, "module, %s %s(s) a tick", burst, grain);
    print("moons 2-4-4-1", what, grains * (double)ticks / took, "grains/s");
    print("moons 2-4-4-1", what, (double)events / took, "events/s");
    host_free(h);
}

int main(void)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        bench_trainer(&kinds[i]);
    bench_module("1", "step", 1);
    bench_module("100", "step", 100);
    bench_module("32", "multiply", 32);
    return 0;
}
