#include "session/inside.h"
#include "session/past.h"
#include "session/viewer.h"
#include "timeline/view.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/folder.h"
#include "cluster/groups.h"
#include "sim/modules.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TICK_MS = 8, NAMES_TRIED = 200, RUSH_MS = 12 };
static const uint64_t news_apart_ns = 2000000;
static const uint64_t rush_step_ns = 1000000;

uint64_t session_machine_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What the cluster tells. */

static void on_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct session *s = ctx;
    timeline_ingest(s->timeline, node, boot, event);
}

static uint64_t on_outside(void *ctx, Orrery__Event *event)
{
    struct session *s = ctx;
    return timeline_operator(s->timeline, event->mono_ns, event->wall_ns, event);
}

static void on_stream_end(void *ctx, uint32_t node, uint32_t boot)
{
    struct session *s = ctx;
    timeline_stream_end(s->timeline, node, boot);
    beliefs_forget(s, node);
}

/* What is new goes out at once, unless something has just gone out: then with what follows it. */
static void give_news(struct session *s)
{
    uint64_t now = session_machine_ns();
    if (now < s->last_news_ns + news_apart_ns)
        return;
    s->last_news_ns = now;
    viewers_pump(s);
}

static void on_watermark(void *ctx, uint64_t mono_ns)
{
    struct session *s = ctx;
    timeline_watermark(s->timeline, mono_ns);
    if (!s->options.simulated)
        give_news(s);
}

static void on_changed(void *ctx, uint32_t node)
{
    struct session *s = ctx;
    if (s->cluster)
        viewers_changed(s, node);
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct session *s = ctx;
    beliefs_entry(s, e);
    settings_entry(s, e);
    clients_entry(s, e);
    acts_entry(s, e);
    if (s->options.past)
        past_compare(s->options.past, e);
}

/* Up, when no node is starting any more, at least one runs, and the timeline has seen their starts:
 * so whoever acts now can name their types. */
static void look_whether_up(struct session *s)
{
    struct cluster_node n, failed = {0};
    if (s->options.replay) {
        s->told_ready = true;
        s->options.ready(s->options.ctx, true, "");
        return;
    }
    uint32_t running = 0, nodes = s->cluster->ops->nodes(s->cluster);
    for (uint32_t i = 1; i <= nodes; i++) {
        if (!s->cluster->ops->node(s->cluster, i, &n))
            continue;
        if (n.state == NODE_STARTING ||
            (n.state == NODE_RUNNING && !timeline_start(s->timeline, i)))
            return;
        running += n.state != NODE_FAILED;
        if (n.state == NODE_FAILED && !failed.node)
            failed = n;
    }
    s->told_ready = true;
    char sentence[600] = "";
    if (failed.node)
        snprintf(sentence, sizeof sentence, "%s did not start: %s", failed.name, failed.words);
    s->options.ready(s->options.ctx, running > 0, sentence);
}

static void tell_tick(struct session *s)
{
    if (!s->told_ready && !s->ending && !s->reliving)
        look_whether_up(s);
    if (s->told_ready && !s->ending && s->options.ticked)
        s->options.ticked(s->options.ctx);
}

/* As much simulated time as fits before the loop is to look after others. */
static void rush(struct session *s)
{
    uint64_t until = session_machine_ns() + RUSH_MS * UINT64_C(1000000);
    while (!s->ending && session_machine_ns() < until) {
        s->simulated_ns += rush_step_ns;
        cluster_sim_run(s->cluster, s->simulated_ns);
        tell_tick(s);
    }
}

/* The past has been lived again, and is refused where it was not the same. */
static void relived(struct session *s)
{
    uint64_t ordinal, ns;
    char sentence[300];
    s->reliving = false;
    past_over(s->options.past, timeline_newest(s->timeline));
    int parted = past_parted(s->options.past, &ordinal, &ns);
    if (parted == PAST_SAME)
        return;
    const char *run = past_forked(s->options.past)->run;
    if (parted == PAST_ALONE)
        snprintf(
            sentence, sizeof sentence,
            "what %s did from e%llu on cannot be read: it ended meanwhile, or its recording is "
            "cut short there",
            run, (unsigned long long)ordinal);
    else
        snprintf(sentence, sizeof sentence,
                 "this is not the past of %s from e%llu on: another version of Orrery ran it, or "
                 "its recording is not whole",
                 run, (unsigned long long)ordinal);
    s->told_ready = true;
    s->options.ready(s->options.ctx, false, sentence);
}

/* On to the next command of the past, or to its end; true when it is there. */
static bool relive_step(struct session *s)
{
    struct past *past = s->options.past;
    uint64_t stop = past_forked(past)->at_ns;
    const Orrery__Operator *command = past_command(past, &stop);
    uint64_t step = s->simulated_ns + rush_step_ns;
    s->simulated_ns = step < stop ? step : stop;
    cluster_sim_run(s->cluster, s->simulated_ns);
    if (s->simulated_ns < stop)
        return false;
    if (command) {
        act_again(s, command);
        past_next(past);
    }
    return !command;
}

static void relive(struct session *s)
{
    uint64_t until = session_machine_ns() + RUSH_MS * UINT64_C(1000000);
    bool there = false;
    while (!s->ending && !there && session_machine_ns() < until)
        there = relive_step(s);
    if (there)
        relived(s);
}

static void tick(uv_timer_t *timer)
{
    struct session *s = timer->data;
    uint64_t now = session_machine_ns();
    bool relives = s->reliving;
    if (relives) {
        relive(s);
    } else if (s->options.simulated && s->options.rushed) {
        rush(s);
    } else if (s->options.simulated && !s->ending) {
        /* A stall of ours (a stopped terminal) is not caught up with: the simulation waited too. */
        uint64_t passed = now - s->last_tick_ns;
        passed = passed < 200000000 ? passed : 200000000;
        s->simulated_ns += (uint64_t)((double)passed * s->cluster->ops->pace(s->cluster));
        cluster_sim_run(s->cluster, s->simulated_ns);
    }
    s->last_tick_ns = now;
    if (!s->options.rushed || relives)
        tell_tick(s);
    if (s->cluster_done)
        return; /* It ended in there, and what follows has been closed. */
    clients_tick(s);
    acts_tick(s);
    viewers_pump(s);
}

static const struct cluster_sink sink = {on_event, on_outside, on_stream_end, on_watermark,
                                         on_changed};

static bool choose_name(struct session *s, char *why, size_t why_size)
{
    static char names[RUNS_LISTED_MAX][RUN_NAME_MAX];
    runs_list(&s->paths, names); /* Clears away what dead runs left. */
    for (uint32_t again = s->options.past ? 1 : 0; again < NAMES_TRIED; again++) {
        bool taken;
        run_name(s->seed, again, s->name);
        if (s->options.past && strcmp(s->name, past_forked(s->options.past)->run) == 0)
            continue; /* A seed has its names, and these two are to be told apart. */
        if (server_open(s, s->name, why, why_size, &taken))
            return true;
        if (!taken)
            return false;
    }
    return false;
}

/* A run of the same seed has the same name, and may have begun in this very second. */
static int name_recording(struct session *s, const char *date)
{
    int n = snprintf(s->recording, sizeof s->recording, "%s/%s-%s.orr", s->paths.recordings,
                     s->name, date);
    for (uint32_t again = 2; n > 0 && access(s->recording, F_OK) == 0 && again < NAMES_TRIED;
         again++)
        n = snprintf(s->recording, sizeof s->recording, "%s/%s-%s-%u.orr", s->paths.recordings,
                     s->name, date, again);
    return n;
}

static bool make_places(struct session *s, char *why, size_t why_size)
{
    const struct session_options *o = &s->options;
    char date[32];
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) == NULL ||
        strftime(date, sizeof date, "%Y%m%d-%H%M%S", &local) == 0)
        snprintf(date, sizeof date, "%lld", (long long)now);
    int n = 0;
    if (o->replay) {
        n = snprintf(s->recording, sizeof s->recording, "%s", o->replay);
        if (n >= 0 && (size_t)n < sizeof s->recording)
            return true;
        snprintf(why, why_size, "the recording's path is too long");
        return false;
    }
    if (o->recording)
        n = snprintf(s->recording, sizeof s->recording, "%s", o->recording);
    else if (!o->no_recording)
        n = name_recording(s, date);
    if (n < 0 || (size_t)n >= sizeof s->recording) {
        snprintf(why, why_size, "the recording's path is too long");
        return false;
    }
    if (o->disks)
        n = snprintf(s->disks, sizeof s->disks, "%s", o->disks);
    else
        n = snprintf(s->disks, sizeof s->disks, "%s/%s", s->paths.runs, s->name);
    if (n < 0 || (size_t)n >= sizeof s->disks) {
        snprintf(why, why_size, "the path of the nodes' disks is too long");
        return false;
    }
    if (!o->disks)
        folder_remove(s->disks); /* Left by a run of that name that was killed. */
    if (mkdir(s->disks, 0700) < 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make the folder %s: %s", s->disks, strerror(errno));
        return false;
    }
    return true;
}

static bool open_timeline(struct session *s, char *why, size_t why_size)
{
    s->timeline = timeline_open(s->recording, why, why_size);
    if (!s->timeline)
        return false;
    const Orrery__RunInfo *info = timeline_info(s->timeline);
    snprintf(s->protocol, sizeof s->protocol, "%s", info->protocol);
    s->seed = info->seed;
    s->view = timeline_view_new(s->timeline);
    return true;
}

static bool make_timeline(struct session *s, char *why, size_t why_size)
{
    if (s->options.replay)
        return open_timeline(s, why, why_size);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct timeline_options options = {.recording = s->recording[0] ? s->recording : NULL};
    orrery__run_info__init(&options.info);
    options.info.name = s->name;
    options.info.protocol = s->protocol;
    options.info.nodes = groups_nodes(s->options.groups, s->options.n_groups);
    options.info.seed = s->seed;
    options.info.simulated = s->options.simulated;
    options.info.version = (char *)(uintptr_t)ORRERY_VERSION;
    options.info.began_wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
    options.info.epoch_ns = session_machine_ns();
    options.info.line = (char *)(uintptr_t)(s->options.line ? s->options.line : "");
    if (s->options.simulated)
        options.info.cluster = past_describe(s->options.groups, s->options.n_groups,
                                             s->options.level, s->options.load);
    if (s->options.past)
        options.info.forked = (Orrery__Forked *)(uintptr_t)past_forked(s->options.past);
    s->timeline = timeline_new(&options, why, why_size);
    if (options.info.cluster)
        orrery__simulated_cluster__free_unpacked(options.info.cluster, NULL);
    if (!s->timeline)
        return false;
    s->view = timeline_view_new(s->timeline);
    s->follow = timeline_follow(s->timeline, on_entry, s);
    return true;
}

static bool make_cluster(struct session *s, char *why, size_t why_size)
{
    const struct session_options *o = &s->options;
    if (o->replay) {
        s->cluster = recorded_new(s->timeline, s->view);
        return true;
    }
    struct cluster_spec spec = {.groups = o->groups,
                                .n_groups = o->n_groups,
                                .seed = s->seed,
                                .level = o->level,
                                .load = o->load,
                                .agents = o->agents,
                                .directory = s->disks};
    s->cluster = o->simulated ? cluster_sim_new(&spec, &sink, s, why, why_size)
                              : cluster_agent_new(s->loop, &spec, &sink, s, why, why_size);
    return s->cluster != NULL;
}

static void undone(void *ctx)
{
    free(ctx);
}

/* What was begun before something failed. The last of it goes when the loop comes to it. */
static void undo(struct session *s)
{
    if (s->timeline) {
        timeline_view_free(s->view);
        timeline_free(s->timeline);
    }
    if (s->recording[0] && s->timeline && !s->options.replay)
        remove(s->recording);
    if (s->disks[0] && !s->options.disks)
        folder_remove(s->disks);
    if (s->server)
        server_close(s->server, undone, s);
    else
        free(s);
}

static void set_pace(struct session *s, double pace)
{
    char line[64], why[200];
    uint64_t seq;
    if (pace > 1 || pace < 1) {
        snprintf(line, sizeof line, "pace %.10g", pace);
        session_act(s, line, NULL, &seq, why, sizeof why);
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at++)
        if ((at == list || at[-1] == '+') && (at[n] == '+' || !at[n]))
            return true;
    return false;
}

/* "heartbeat+kv": each once, over all groups. */
static void name_protocols(struct session *s)
{
    const struct session_options *o = &s->options;
    for (size_t g = 0; g < o->n_groups; g++)
        for (size_t i = 0; i < o->groups[g].n_instances; i++) {
            const char *protocol = o->groups[g].instances[i].protocol;
            size_t n = strlen(s->protocol);
            if (!has_word(s->protocol, protocol))
                snprintf(s->protocol + n, sizeof s->protocol - n, "%s%s", n ? "+" : "", protocol);
        }
}

static void begin_again(struct session *s)
{
    const struct past_cluster c = past_cluster(s->options.past);
    s->reliving = true;
    s->options.simulated = true;
    s->options.groups = c.groups;
    s->options.n_groups = c.n_groups;
    s->options.load = c.load;
    s->options.level = c.level;
    s->options.seed = c.seed;
}

struct session *session_new(uv_loop_t *loop, const struct session_options *options, char *why,
                            size_t why_size)
{
    struct session *s = must_alloc(1, sizeof *s);
    CHECK(sodium_init() >= 0);
    s->loop = loop;
    s->options = *options;
    if (options->past)
        begin_again(s);
    else
        s->options.simulated =
            options->simulated || sim_has_modules(options->groups, options->n_groups);
    s->seed = s->options.seed;
    while (s->seed == 0)
        s->seed = randombytes_random();
    name_protocols(s);
    if (!paths_make(&s->paths, why, why_size) || !choose_name(s, why, why_size) ||
        !make_places(s, why, why_size) || !make_timeline(s, why, why_size) ||
        !make_cluster(s, why, why_size)) {
        undo(s);
        return NULL;
    }
    CHECK(uv_timer_init(loop, &s->tick) == 0);
    s->tick.data = s;
    s->last_tick_ns = session_machine_ns();
    CHECK(uv_timer_start(&s->tick, tick, 1, options->rushed ? 1 : TICK_MS) == 0);
    if (!s->reliving)
        set_pace(s, options->pace);
    return s;
}

static void all_closed(void *ctx)
{
    struct session *s = ctx;
    if (--s->handles > 0)
        return;
    timeline_view_free(s->view);
    const char *trouble = timeline_trouble(s->timeline);
    snprintf(s->trouble, sizeof s->trouble, "%s", trouble ? trouble : "");
    timeline_free(s->timeline);
    s->timeline = NULL;
    if (!s->options.disks && s->disks[0])
        folder_remove(s->disks);
    s->options.ended(s->options.ctx);
}

static void tick_closed(uv_handle_t *handle)
{
    all_closed(handle->data);
}

static void cluster_ended(void *ctx)
{
    struct session *s = ctx;
    s->cluster_done = true;
    timeline_flush(s->timeline);
    acts_tick(s);
    s->handles = 2;
    viewers_over(s); /* Gives followers the last entries. */
    server_close(s->server, all_closed, s);
    uv_close((uv_handle_t *)&s->tick, tick_closed);
}

static void tell_end(struct session *s)
{
    static char line[] = "end";
    uint64_t mono;
    int64_t wall;
    Orrery__Operator operator= ORRERY__OPERATOR__INIT;
    operator.line = line;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator;
    s->cluster->ops->now(s->cluster, &mono, &wall);
    s->cluster->end_because = timeline_operator(s->timeline, mono, wall, &event);
}

void session_end(struct session *s)
{
    if (s->cluster_done)
        return;
    if (!s->ending && !s->options.replay)
        tell_end(s);
    s->ending = true;
    s->cluster->ops->end(s->cluster, cluster_ended, s);
}

void session_free(struct session *s)
{
    CHECK(s->cluster_done && s->handles == 0);
    s->cluster->ops->free(s->cluster);
    beliefs_free(s);
    settings_free(s);
    free(s->clients);
    free(s);
}

bool session_is_ending(const struct session *s)
{
    return s->ending || s->cluster_done;
}

const char *session_name(const struct session *s)
{
    return s->name;
}

const char *session_recording(const struct session *s)
{
    return s->recording;
}

const char *session_trouble(const struct session *s)
{
    return s->trouble;
}

const char *session_disks(const struct session *s)
{
    return s->disks;
}

uint64_t session_seed(const struct session *s)
{
    return s->seed;
}

struct timeline *session_timeline(struct session *s)
{
    return s->timeline;
}

struct timeline_view *session_view(struct session *s)
{
    return s->view;
}

struct cluster *session_cluster(struct session *s)
{
    return s->cluster;
}
