#include "figure/elections.h"

#include "base/check.h"
#include "base/must.h"
#include "figure/give.h"
#include "figure/succession.h"
#include "session/drive.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETTINGS = 5, CLUSTERS_MAX = CLUSTER_GROUPS_MAX };
#define MS UINT64_C(1000000)
static const uint64_t sim_slack = 100 * UINT64_C(1000);
static const uint64_t real_slack = MS;

struct texts {
    char text[SETTINGS][48];
    const char *list[SETTINGS];
};

/* As the paper has it: no pre-vote, and nobody protects a leader. */
static struct cluster_instance instance_of(const struct elections *e, struct texts *t)
{
    (void)snprintf(t->text[0], sizeof t->text[0], "heartbeat_ms=%d", HEARTBEAT_MS);
    (void)snprintf(t->text[1], sizeof t->text[1], "election_ms_min=%d", ELECTION_MIN_MS);
    (void)snprintf(t->text[2], sizeof t->text[2], "election_ms_max=%u", e->max_ms);
    (void)snprintf(t->text[3], sizeof t->text[3], "pre_vote=false");
    (void)snprintf(t->text[4], sizeof t->text[4], "check_quorum=false");
    for (int i = 0; i < SETTINGS; i++)
        t->list[i] = t->text[i];
    return (struct cluster_instance){"raft", t->list, SETTINGS, NULL, 0};
}

/* More than were asked for are not kept: clusters side by side may end one each at once. */
static void keep(struct elections *e, double ms)
{
    if (e->n < e->trials)
        e->took_ms[e->n++] = ms;
}

struct sim {
    struct cluster *cluster;
    struct succession succession;
    struct elections *elections;
    uint64_t outsides;
};

static void sim_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct sim *s = ctx;
    struct event_head head;
    (void)boot;
    if (event_head_read(event, &head) == 0)
        succession_event(&s->succession, node, &head);
}

static uint64_t sim_outside(void *ctx, Orrery__Event *event)
{
    struct sim *s = ctx;
    struct buf packed = {0};
    event->seq = ++s->outsides;
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    sim_event(s, 0, 0, buf_bytes(&packed));
    buf_free(&packed);
    return s->outsides;
}

static void sim_act(void *ctx, const char *line)
{
    figure_give(((struct sim *)ctx)->cluster, line);
}

static void sim_took(void *ctx, struct succession *succession, double ms)
{
    struct sim *s = ctx;
    (void)succession;
    keep(s->elections, ms);
}

void elections_simulate(struct elections *e, uint64_t seed)
{
    static const struct cluster_sink sink = {.event = sim_event, .outside = sim_outside};
    struct texts texts;
    char why[300];
    struct cluster_instance instance = instance_of(e, &texts);
    struct cluster_group group = {
        .nodes = SUCCESSION_NODES, .instances = &instance, .n_instances = 1};
    struct cluster_load nobody = {0};
    struct cluster_spec spec = {.groups = &group,
                                .n_groups = 1,
                                .seed = seed,
                                .level = ORRERY__LEVEL__LEVEL_SUMMARY,
                                .load = &nobody};
    struct sim s = {.elections = e,
                    .succession = {.first = 1,
                                   .act = sim_act,
                                   .took = sim_took,
                                   .slack = sim_slack,
                                   .give_up_ms = e->give_up_ms,
                                   .random = random_split(seed, 7)}};
    s.succession.ctx = &s;
    s.cluster = cluster_sim_new(&spec, &sink, &s, why, sizeof why);
    CHECK(s.cluster);
    succession_begin(&s.succession);
    for (uint64_t now = 0; e->n < e->trials;) {
        uint64_t next = now + 5 * MS;
        now = s.succession.due > now && s.succession.due < next ? s.succession.due : next;
        cluster_sim_run(s.cluster, now);
        succession_step(&s.succession, now);
    }
    s.cluster->ops->end(s.cluster, NULL, NULL);
    s.cluster->ops->free(s.cluster);
}

struct real {
    struct drive *drive;
    struct succession successions[CLUSTERS_MAX];
    struct elections *of[CLUSTERS_MAX];
    size_t n;
    char *why;
    size_t why_size;
    bool failed;
};

static void real_entry(void *ctx, const struct entry *e)
{
    struct real *r = ctx;
    for (size_t i = 0; i < r->n; i++)
        succession_event(&r->successions[i], e->node, &e->head);
}

static void real_act(void *ctx, const char *line)
{
    struct real *r = ctx;
    if (!r->failed && drive_act(r->drive, line, r->why, r->why_size) != 0)
        r->failed = true;
}

static void real_took(void *ctx, struct succession *s, double ms)
{
    struct real *r = ctx;
    keep(r->of[s - r->successions], ms);
}

/* Steps all that have trials left; whether none has. */
static bool real_over(void *ctx)
{
    struct real *r = ctx;
    uint64_t now = cluster_now(drive_cluster(r->drive));
    bool over = true;
    for (size_t i = 0; i < r->n; i++)
        if (r->of[i]->n < r->of[i]->trials) {
            over = false;
            succession_step(&r->successions[i], now);
        }
    return over || r->failed;
}

/* Whoever needs more than that is stuck. */
static uint64_t longest_ms(const struct elections *all, size_t n)
{
    uint64_t most = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t ms = (uint64_t)all[i].trials * (all[i].give_up_ms + 10000);
        most = ms > most ? ms : most;
    }
    return most;
}

int elections_real(struct elections *all, size_t n, char *why, size_t why_size)
{
    struct real r = {.why = why, .why_size = why_size};
    struct texts texts[CLUSTERS_MAX];
    char names[CLUSTERS_MAX][16];
    struct cluster_instance instances[CLUSTERS_MAX];
    struct cluster_group groups[CLUSTERS_MAX];
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < all[i].beside; k++) {
            CHECK(r.n < CLUSTERS_MAX);
            size_t at = r.n++;
            (void)snprintf(names[at], sizeof names[at], "c%zu", at + 1);
            instances[at] = instance_of(&all[i], &texts[at]);
            groups[at] = (struct cluster_group){names[at], SUCCESSION_NODES, &instances[at], 1,
                                                UINT32_C(1) << at};
            r.of[at] = &all[i];
            r.successions[at] = (struct succession){.first = 1 + (uint32_t)at * SUCCESSION_NODES,
                                                    .act = real_act,
                                                    .took = real_took,
                                                    .ctx = &r,
                                                    .slack = real_slack,
                                                    .give_up_ms = all[i].give_up_ms,
                                                    .random = random_split(at, 7)};
        }
    struct cluster_spec spec = {
        .groups = groups, .n_groups = r.n, .level = ORRERY__LEVEL__LEVEL_SUMMARY};
    r.drive = drive_new(&spec, real_entry, &r, why, why_size);
    if (!r.drive)
        return ERROR_REFUSED;
    for (size_t i = 0; i < r.n; i++)
        succession_begin(&r.successions[i]);
    bool over = drive_until(r.drive, real_over, &r, longest_ms(all, n));
    drive_free(r.drive);
    if (!over)
        (void)snprintf(why, why_size, "the processes took too long: is this machine very busy?");
    return r.failed || !over ? ERROR_REFUSED : 0;
}
