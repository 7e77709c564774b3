/* The proof that kv keeps its promises, and that the proof can fail: a run is crashed after every
 * byte that it writes, with any of the unsynced blocks lost. What comes back must be the state
 * after some prefix of the attempted writes, an EXEC whole or not at all, that contains all that
 * was acknowledged; and writes of the next life must be kept just so. Each flaw must be found. */
#include "kv_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    KEYS = 8,
    VALUE_SIZE = 48,
    STATES_MAX = 128,
    BLOCKS_ALL = 3,
    SUBSETS_SOME = 8,
    NOW_MS = 1000000
};

struct values {
    char at[KEYS][VALUE_SIZE]; /* Empty: not there. */
};

struct story {
    struct bench bench;
    struct random random;
    struct values states[STATES_MAX]; /* After so many attempted writes. */
    uint32_t attempted;
    uint32_t acknowledged;
    uint64_t requests;
    uint32_t of_request[512]; /* How many writes are attempted once it is done. */
    bool pages_first;
};

static void on_reply(void *ctx, client_id client, uint64_t request, struct bytes body)
{
    struct story *s = ctx;
    (void)client;
    bool counts = body.len > 0 && body.base[0] != '-' && s->of_request[request] > s->acknowledged;
    if (counts)
        s->acknowledged = s->of_request[request];
}

/* Words within MULTI are answered at once, and acknowledge nothing. */
static void send(struct story *s, const char *line, bool queued)
{
    s->of_request[++s->requests] = queued ? 0 : s->attempted;
    bench_send(&s->bench, 1, s->requests, line);
}

/* Fills a value that is as long as it is unlike others. */
static void fresh_value(struct story *s, char value[VALUE_SIZE])
{
    int n = snprintf(value, VALUE_SIZE, "%u:", s->attempted);
    int more = (int)random_below(&s->random, 40);
    for (int i = n; i < n + more; i++)
        value[i] = (char)('a' + (int)(s->attempted + (unsigned)i) % 26);
    value[n + more] = 0;
}

/* One change, in the model and as words. */
static void change(struct story *s, struct values *v, char line[128])
{
    uint64_t key = random_below(&s->random, KEYS);
    uint64_t dice = random_below(&s->random, 20);
    if (dice < 12) {
        fresh_value(s, v->at[key]);
        snprintf(line, 128, dice < 10 ? "SET k%u %s" : "SET k%u %s PXAT %d", (unsigned)key,
                 v->at[key], dice < 11 ? NOW_MS - 1 : NOW_MS * 2);
        if (dice == 10) /* It has expired when it comes. */
            v->at[key][0] = 0;
    } else if (dice < 18) {
        v->at[key][0] = 0;
        snprintf(line, 128, dice < 16 ? "DEL k%u" : "PEXPIREAT k%u 1", (unsigned)key);
    } else {
        memset(v, 0, sizeof *v);
        snprintf(line, 128, "FLUSHALL");
    }
}

static void attempt(struct story *s)
{
    char line[128];
    struct values next = s->states[s->attempted];
    if (random_chance(&s->random, 0.7)) {
        change(s, &next, line);
        s->states[++s->attempted] = next;
        send(s, line, false);
        return;
    }
    send(s, "MULTI", true);
    for (int i = 0; i < 3; i++) {
        change(s, &next, line);
        send(s, line, true);
    }
    s->states[++s->attempted] = next;
    send(s, "EXEC", false);
}

static void settle(struct story *s)
{
    for (bool any = true; any && !s->bench.dead;) {
        any = bench_job(&s->bench, s->pages_first ? 0 : 1);
        any = bench_job(&s->bench, s->pages_first ? 1 : 0) || any;
    }
}

static const char *const settings[] = {"pages=3", "checkpoint_bytes=400", "segment_bytes=1024",
                                       NULL};

/* Plays until the power fails after `left` bytes. Alike each time, up to there. */
static void run(struct story *s, const char *flaw, uint64_t seed, uint64_t left)
{
    memset(s, 0, sizeof *s);
    random_seed(&s->random, seed);
    bench_init(&s->bench, settings, flaw);
    s->bench.wall_ms = NOW_MS;
    s->pages_first = random_chance(&s->random, 0.5);
    s->bench.on_reply = on_reply;
    s->bench.ctx = s;
    assert_true(bench_start(&s->bench));
    s->bench.disk_memory.power_left = left;
    while (s->attempted < 60 && !s->bench.dead) {
        attempt(s);
        if (random_chance(&s->random, 0.4))
            settle(s);
    }
    settle(s);
}

static bool matches(struct bench *b, const struct values *v)
{
    struct buf expected = {0};
    buf_printf(&expected, "*%d\r\n", KEYS);
    for (int i = 0; i < KEYS; i++) {
        if (v->at[i][0])
            buf_printf(&expected, "$%zu\r\n%s\r\n", strlen(v->at[i]), v->at[i]);
        else
            buf_printf(&expected, "$-1\r\n");
    }
    const char *got = bench_ask(b, "MGET k0 k1 k2 k3 k4 k5 k6 k7");
    bool same = strlen(got) == expected.len && memcmp(got, expected.base, expected.len) == 0;
    buf_free(&expected);
    return same;
}

/* Which state came back; -1: none that should. */
static int recovered(const struct story *s, struct bench *b)
{
    for (uint32_t i = s->acknowledged; i <= s->attempted; i++)
        if (matches(b, &s->states[i]))
            return (int)i;
    return -1;
}

/* A second life on what came back, and a third. */
static bool goes_on(const struct story *s, struct bench *b, int state)
{
    struct values v = s->states[state];
    for (int i = 0; i < 2; i++) {
        char line[64];
        snprintf(v.at[i], VALUE_SIZE, "second%d", i);
        snprintf(line, sizeof line, "SET k%d second%d", i, i);
        if (strcmp(bench_ask(b, line), "+OK\r\n") != 0)
            return false;
    }
    bench_stop(b);
    disk_memory_crash(&b->disk_memory, DISK_LOSE_ALL, NULL);
    return bench_start(b) && matches(b, &v);
}

struct subset {
    uint64_t bits;
    uint32_t at;
};

static bool in_subset(void *ctx, const char *name, uint64_t offset)
{
    struct subset *s = ctx;
    (void)name;
    (void)offset;
    return s->bits >> (s->at++ % 64) & 1;
}

/* Whether all promises are kept when these of the unsynced blocks were written. */
static bool survives(const struct story *s, uint64_t bits)
{
    struct bench b;
    struct subset subset = {bits, 0};
    bench_init(&b, settings, s->bench.flaw);
    disk_memory_copy(&b.disk_memory, &s->bench.disk_memory);
    disk_memory_crash_by(&b.disk_memory, in_subset, &subset);
    b.boot = s->bench.boot;
    b.wall_ms = NOW_MS;
    bool ok = bench_start(&b);
    int state = ok ? recovered(s, &b) : -1;
    ok = ok && state >= 0 && goes_on(s, &b, state);
    bench_free(&b);
    return ok;
}

static uint64_t count_unsynced(const struct story *s)
{
    struct disk_memory copy;
    struct subset none = {0, 0};
    disk_memory_copy(&copy, &s->bench.disk_memory);
    disk_memory_crash_by(&copy, in_subset, &none);
    disk_memory_free(&copy);
    return none.at;
}

/* Every subset of a few blocks, some of many. */
static bool survives_all(const struct story *s, struct random *toss, uint64_t *points)
{
    uint64_t blocks = count_unsynced(s);
    uint64_t subsets = blocks <= BLOCKS_ALL ? UINT64_C(1) << blocks : SUBSETS_SOME;
    for (uint64_t i = 0; i < subsets; i++) {
        uint64_t bits = i == 1 && blocks > BLOCKS_ALL ? UINT64_MAX : i;
        if (i > 1 && blocks > BLOCKS_ALL)
            bits = random_u64(toss);
        ++*points;
        if (!survives(s, bits))
            return false;
    }
    return true;
}

/* How many crash points it takes until a promise is broken; 0: all are kept. */
static uint64_t points_to_damage(const char *flaw, uint64_t seed, uint64_t from, uint64_t step,
                                 uint64_t *total)
{
    struct random toss;
    uint64_t points = 0;
    random_seed(&toss, seed);
    *total = UINT64_MAX;
    struct story *s = malloc(sizeof *s);
    assert_non_null(s);
    for (uint64_t left = from; left <= *total; left += step) {
        run(s, flaw, seed, left);
        if (!s->bench.disk_memory.powerless)
            *total = s->bench.disk_memory.written;
        bench_stop(&s->bench);
        bool ok = survives_all(s, &toss, &points);
        bench_free(&s->bench);
        if (!ok) {
            free(s);
            return points;
        }
    }
    free(s);
    return 0;
}

static void every_byte_of_a_run(void **state)
{
    (void)state;
    uint64_t total = 0;
    uint64_t points = points_to_damage(NULL, 1, 0, 1, &total);
    if (points != 0)
        fail_msg("a promise is broken at crash point %llu", (unsigned long long)points);
    assert_true(total > 4000);
}

static void many_runs_at_some_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 2; seed < 60; seed++) {
        uint64_t total = 0;
        uint64_t points = points_to_damage(NULL, seed, seed, 199, &total);
        if (points != 0)
            fail_msg("seed %llu: a promise is broken at crash point %llu", (unsigned long long)seed,
                     (unsigned long long)points);
    }
}

static void each_flaw_is_found(void **state)
{
    (void)state;
    const char *const flaws[] = {"ack-before-sync", "no-checksum", "pages-before-log"};
    for (size_t i = 0; i < sizeof flaws / sizeof flaws[0]; i++) {
        uint64_t points = 0;
        for (uint64_t seed = 1; seed < 6 && points == 0; seed++) {
            uint64_t total = 0;
            points = points_to_damage(flaws[i], seed, 0, 7, &total);
        }
        print_message("%s: found at crash point %llu\n", flaws[i], (unsigned long long)points);
        assert_true(points > 0 && points < 4000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_run),
        cmocka_unit_test(many_runs_at_some_bytes),
        cmocka_unit_test(each_flaw_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
