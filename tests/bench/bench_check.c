/* What it takes to judge histories: the folder's that ORRERY_HISTORIES names, beside what another
 * checker takes for the same files on a like machine; and large ones, made with a seed. Processor
 * time, the least of several: others use the machine too. */
#include "base/check.h"
#include "check/history_read.h"
#include "check/linear.h"
#include "toy/histories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMES = 15, JEPSEN_MAX = 103 };

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Peers' times are without reading the file, and without a counter-example. */
static double judge_ms(struct bytes text, struct linear *l, enum progress *progress)
{
    struct history h;
    char why[300];
    enum history_model model = MODEL_UNKNOWN;
    uint64_t steps = UINT64_MAX;
    history_init(&h, false);
    if (!history_read(&h, text, &model, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    double began = now_ms();
    linear_init(l, &h, false);
    linear_tell(l);
    *progress = linear_run(l, &steps);
    double took = now_ms() - began;
    linear_free(l);
    history_free(&h);
    return took;
}

static double least_ms(struct bytes text)
{
    struct linear l;
    enum progress progress;
    double least = judge_ms(text, &l, &progress);
    for (int i = 1; i < TIMES; i++) {
        double ms = judge_ms(text, &l, &progress);
        least = ms < least ? ms : least;
    }
    CHECK(progress == PROGRESS_DONE || progress == PROGRESS_REFUTED);
    return least;
}

static void line(const char *what, double ms, double peer_ms)
{
    printf("{\"what\": \"%s\", \"value\": %.4g, \"unit\": \"ms\"", what, ms);
    if (peer_ms > 0)
        printf(", \"aim\": \"<= %.3g\", \"met\": %s", peer_ms / 3,
               ms <= peer_ms / 3 ? "true" : "false");
    printf("}\n");
}

static bool load(const char *folder, const char *name, struct buf *into)
{
    char path[600];
    size_t n = 1;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    buf_clear(into);
    while (f && n > 0) {
        n = fread(buf_extend(into, 65536), 1, 65536, f);
        into->len -= 65536 - n;
    }
    if (f)
        (void)fclose(f);
    return f != NULL;
}

/* Porcupine's times for the same files, on a like machine. */
static void measure_files(const char *folder)
{
    static const struct {
        const char *name;
        double peer_ms;
    } kv[] = {{"kv/c01-ok.txt", 0.07},
              {"kv/c01-bad.txt", 0.07},
              {"kv/c10-ok.txt", 0.63},
              {"kv/c10-bad.txt", 0.24}};
    struct buf text = {0};
    char name[64];
    double all = 0;
    double slowest = 0;
    for (int i = 0; i < JEPSEN_MAX; i++) {
        (void)snprintf(name, sizeof name, "jepsen/etcd_%03d.log", i);
        double ms = load(folder, name, &text) ? least_ms(buf_bytes(&text)) : 0;
        all += ms;
        slowest = ms > slowest ? ms : slowest;
    }
    line("52 histories of etcd", all, 167);
    line("the slowest of them", slowest, 145);
    for (size_t i = 0; i < sizeof kv / sizeof kv[0]; i++)
        if (load(folder, kv[i].name, &text))
            line(kv[i].name, least_ms(buf_bytes(&text)), kv[i].peer_ms);
    buf_free(&text);
}

static void measure_toy(const char *what, const struct toy_history *t)
{
    struct buf text = {0};
    (void)toy_history(t, &text);
    double ms = least_ms(buf_bytes(&text));
    line(what, ms, 0);
    buf_free(&text);
}

int main(void)
{
    const char *folder = getenv("ORRERY_HISTORIES");
    if (folder)
        measure_files(folder);
    measure_toy("4,000 operations of 8 clients on 10 keys",
                &(struct toy_history){
                    .seed = 1, .kind = TOY_KV, .operations = 4000, .clients = 8, .keys = 10});
    measure_toy("4,000 of them, 1 % of unknown fate, 2 % of several keys",
                &(struct toy_history){.seed = 1,
                                      .kind = TOY_KV,
                                      .operations = 4000,
                                      .clients = 8,
                                      .keys = 10,
                                      .unknown = 0.01,
                                      .several = 0.02});
    measure_toy("4,000 operations of 8 clients on one register",
                &(struct toy_history){
                    .seed = 1, .kind = TOY_CAS, .operations = 4000, .clients = 8, .values = 5});
    return 0;
}
