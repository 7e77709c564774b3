#include "sim/trial.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/must.h"
#include "cluster/command.h"
#include "core/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_IN_LINE_MAX = 24 };

/* Longer or shorter before the calm; what comes after it takes as long as it takes. */
static void last_about(struct trial *t, nsec wanted)
{
    nsec tail = t->end - t->calm, calm = wanted > tail ? wanted - tail : NSEC_PER_S;
    if (t->audit)
        t->audit = calm + (t->audit - t->calm);
    t->end = calm + tail;
    t->calm = calm;
}

bool trial_draw(struct trial *t, uint64_t seed, const struct trial_wish *wish, char *why,
                size_t why_size)
{
    *t = (struct trial){.seed = seed};
    if (!registry_find(wish->protocol)) {
        int at =
            snprintf(why, why_size, "there is no protocol called %s; there are", wish->protocol);
        for (uint32_t i = 0; registry_at(i) && at > 0 && (size_t)at < why_size; i++)
            at += snprintf(why + at, why_size - (size_t)at, " %s", registry_at(i)->name);
        return false;
    }
    (void)snprintf(t->protocol, sizeof t->protocol, "%s", wish->protocol);
    for (size_t i = 0; i < wish->n_settings; i++)
        trial_set(t, "%s", wish->settings[i]);
    for (size_t i = 0; i < wish->n_flaws && i < TRIAL_FLAWS_MAX; i++)
        (void)snprintf(t->flaws[t->n_flaws++], sizeof t->flaws[0], "%s", wish->flaws[i]);
    struct random r = random_split(seed, 0);
    world_defaults(&t->world);
    t->world.seed = seed;
    t->nodes = 2 + (uint32_t)random_below(&r, 5);
    t->restart_all = random_chance(&r, 0.5);
    profile_find(t->protocol)->draw(t, &r);
    if (wish->nodes)
        t->nodes = wish->nodes;
    if (wish->seconds)
        last_about(t, wish->seconds * NSEC_PER_S);
    faults_draw(t, random_u64(&r));
    return true;
}

void trial_free(struct trial *t)
{
    free(t->faults);
    *t = (struct trial){0};
}

/* A run of it. */
struct run {
    const struct trial *t;
    const struct trial_watch *watch;
    struct world *world;
    struct check *check;
    struct timeline *timeline;
    uint64_t hash;
    uint64_t outsides;
    uint64_t ordinal;
    uint32_t violations;
    struct outcome *o;
};

static void take_entry(void *ctx, const struct entry *e)
{
    struct run *run = ctx;
    if (e->head.body == ORRERY__EVENT__BODY_VIOLATION)
        run->violations++;
    check_entry(run->check, e);
    if (run->watch && run->watch->entry)
        run->watch->entry(run->watch->ctx, e);
}

static void take_event(struct run *run, uint32_t node, uint32_t boot, struct bytes event)
{
    struct entry e = {.ordinal = ++run->ordinal, .node = node, .boot = boot, .event = event};
    CHECK(event_head_read(event, &e.head) == 0);
    take_entry(run, &e);
}

static void sink_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct run *run = ctx;
    run->hash = hash_bytes(hash_word(run->hash, (uint64_t)node << 32 | boot), event);
    if (run->timeline)
        timeline_ingest(run->timeline, node, boot, event);
    else
        take_event(run, node, boot, event);
}

static uint64_t sink_outside(void *ctx, Orrery__Event *event)
{
    struct run *run = ctx;
    uint64_t seq = ++run->outsides;
    event->seq = event->lamport = 0;
    size_t size = orrery__event__get_packed_size(event);
    struct buf packed = {0};
    orrery__event__pack(event, buf_extend(&packed, size));
    run->hash = hash_bytes(hash_word(run->hash, 0), buf_bytes(&packed));
    if (run->timeline) {
        seq = timeline_operator(run->timeline, event->mono_ns, event->wall_ns, event);
    } else {
        event->seq = event->lamport = seq;
        buf_clear(&packed);
        orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
        take_event(run, 0, 0, buf_bytes(&packed));
    }
    buf_free(&packed);
    return seq;
}

static void sink_stream_end(void *ctx, uint32_t node, uint32_t boot)
{
    struct run *run = ctx;
    if (run->timeline)
        timeline_stream_end(run->timeline, node, boot);
}

static void sink_watermark(void *ctx, uint64_t mono_ns)
{
    struct run *run = ctx;
    if (run->timeline)
        timeline_watermark(run->timeline, mono_ns);
}

static Orrery__Command *parse_line(const char *line, uint32_t nodes)
{
    char why[256];
    const char *words[WORDS_IN_LINE_MAX];
    struct buf memory = {0};
    int n = words_split(line, &memory, words, WORDS_IN_LINE_MAX);
    CHECK(n > 0);
    Orrery__Command *c = command_parse(words, (size_t)n, why, sizeof why);
    if (!c)
        (void)fprintf(stderr, "%s: %s\n", line, why);
    CHECK(c); /* We wrote it. */
    command_expand(c, nodes, NULL, NULL);
    buf_free(&memory);
    return c;
}

/* As the user would have typed it: first the operator's event, then the deed. */
static void act(struct run *run, const char *line)
{
    if (!line[0])
        return;
    char why[256];
    Orrery__Command *c = parse_line(line, world_nodes(run->world));
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Operator operator= ORRERY__OPERATOR__INIT;
    size_t n = 0;
    const uint32_t *nodes = command_nodes(c, &n);
    operator.line =(char *)(uintptr_t) line;
    operator.nodes =(uint32_t *)(uintptr_t) nodes;
    operator.n_nodes = n;
    operator.command = c;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator;
    event.mono_ns = world_now(run->world);
    event.wall_ns = world_wall(run->world);
    uint64_t because = sink_outside(run, &event);
    /* Some come too late, for a node that is gone: that is no failure. */
    (void)world_command(run->world, c, because, why, sizeof why);
    orrery__command__free_unpacked(c, NULL);
}

static int by_time(const void *a, const void *b)
{
    const struct trial_line *x = a;
    const struct trial_line *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line; /* In the order of the plan: one array. */
}

struct trial_line *trial_lines(const struct trial *t, nsec from, nsec to, size_t *n)
{
    struct trial_line *all = must_alloc(t->n_faults * (1 + TRIAL_ENDS_MAX) + 1, sizeof *all);
    *n = 0;
    for (size_t i = 0; i < t->n_faults; i++) {
        const struct planned *p = &t->faults[i];
        if (p->out)
            continue;
        if (p->at >= from && p->at < to)
            all[(*n)++] = (struct trial_line){p->at, p->begin};
        for (int k = 0; k < TRIAL_ENDS_MAX; k++)
            if (p->end[k][0] && p->until >= from && p->until < to)
                all[(*n)++] = (struct trial_line){p->until, p->end[k]};
    }
    qsort(all, *n, sizeof *all, by_time);
    return all;
}

static void run_plan(struct run *run, nsec from, nsec to)
{
    size_t n;
    struct trial_line *all = trial_lines(run->t, from, to, &n);
    for (size_t i = 0; i < n; i++) {
        world_run(run->world, all[i].at);
        act(run, all[i].line);
    }
    world_run(run->world, to);
    free(all);
}

/* All that was broken is mended; whoever is down starts again, and at times everybody. */
static void calm(struct run *run)
{
    char line[TRIAL_LINE_MAX];
    act(run, "heal");
    for (uint32_t i = 1; i <= world_nodes(run->world); i++) {
        struct cluster_node n;
        CHECK(world_node(run->world, i, &n));
        (void)snprintf(line, sizeof line, "disk n%u --well", i);
        act(run, line);
        if (n.state == NODE_PAUSED) {
            (void)snprintf(line, sizeof line, "resume n%u", i);
            act(run, line);
        } else if (run->t->restart_all || (n.state != NODE_RUNNING && n.state != NODE_STARTING)) {
            (void)snprintf(line, sizeof line, "restart n%u", i);
            act(run, line);
        }
    }
}

static void fail(struct outcome *o, const char *invariant, const char *why)
{
    if (o->failed)
        return;
    o->failed = true;
    (void)snprintf(o->invariant, sizeof o->invariant, "%s", invariant);
    (void)snprintf(o->why, sizeof o->why, "%s", why);
}

static void judge(struct run *run)
{
    struct outcome *o = run->o;
    const struct finding *all;
    check_end(run->check, run->t->end);
    uint32_t n = check_findings(run->check, &all);
    for (uint32_t i = 0; i < n; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s %s", all[i].checker, all[i].invariant);
        if (all[i].verdict == VERDICT_REFUTED || all[i].verdict == VERDICT_UNKNOWN)
            fail(o, name, all[i].sentence);
    }
    char why[256];
    uint32_t node;
    if (run->violations)
        fail(o, "peers honest", "a node called a peer's or client's bytes bad");
    if (run->t->audit && world_client_waits(run->world, &node, why, sizeof why))
        fail(o, "clients answered", why);
    if (run->watch && run->watch->findings)
        run->watch->findings(run->watch->ctx, run->check);
}

static struct timeline *record(const struct trial *t, const char *path, char *why, size_t why_size)
{
    struct timeline_options options = {.recording = path};
    char line[128];
    (void)snprintf(line, sizeof line, "orrery sim %s --seed %" PRIu64, t->protocol, t->seed);
    orrery__run_info__init(&options.info);
    options.info.name = (char *)(uintptr_t) "sim";
    options.info.protocol = (char *)(uintptr_t)t->protocol;
    options.info.nodes = t->nodes;
    options.info.seed = t->seed;
    options.info.simulated = 1;
    options.info.line = line;
    return timeline_new(&options, why, why_size);
}

static struct world *begin(struct run *run, char *why, size_t why_size)
{
    const struct trial *t = run->t;
    const char *settings[TRIAL_SETTINGS_MAX];
    const char *flaws[TRIAL_FLAWS_MAX];
    for (size_t i = 0; i < t->n_settings; i++)
        settings[i] = t->settings[i];
    for (size_t i = 0; i < t->n_flaws; i++)
        flaws[i] = t->flaws[i];
    struct cluster_instance instance = {t->protocol, settings, t->n_settings, flaws, t->n_flaws};
    struct world_options options = t->world;
    const struct cluster_group group = {
        .nodes = t->nodes, .instances = &instance, .n_instances = 1};
    options.groups = &group;
    options.n_groups = 1;
    const struct cluster_sink sink = {
        .event = sink_event,
        .outside = sink_outside,
        .stream_end = sink_stream_end,
        .watermark = sink_watermark,
    };
    return world_new(&options, &sink, run, why, why_size);
}

int trial_run(const struct trial *t, const struct trial_watch *watch, struct outcome *o, char *why,
              size_t why_size)
{
    struct run run = {.t = t, .watch = watch, .o = o};
    *o = (struct outcome){0};
    if (watch && watch->recording) {
        run.timeline = record(t, watch->recording, why, why_size);
        if (!run.timeline)
            return ERROR_REFUSED;
        timeline_follow(run.timeline, take_entry, &run);
    }
    run.check = check_new();
    check_at_the_end(run.check);
    run.world = begin(&run, why, why_size);
    if (run.world) {
        run_plan(&run, 0, t->calm);
        calm(&run);
        run_plan(&run, t->calm, t->audit ? t->audit : t->calm);
        if (t->audit)
            world_clients_finish(run.world);
        run_plan(&run, t->audit ? t->audit : t->calm, t->end);
        if (run.timeline)
            timeline_flush(run.timeline);
        judge(&run);
        o->hash = run.hash;
        o->events = world_events(run.world);
        world_free(run.world);
    }
    check_free(run.check);
    if (run.timeline)
        timeline_free(run.timeline);
    return run.world ? 0 : ERROR_REFUSED;
}
