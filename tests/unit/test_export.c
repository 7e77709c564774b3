/* Exports, held against the published rules of those who read them. The checkers are themselves
 * shown files that they must refuse. */
#include "perfetto.pb-c.h"
#include "timeline/export.h"
#include "unit/model.h"
#include "unit/starts.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

/* --- a timeline with lives, deaths, messages and losses --- */

static void put_event(struct timeline *t, uint32_t node, uint32_t boot, uint64_t seq,
                      uint64_t mono_ns, Orrery__Event *event)
{
    struct model_event e = {.seq = seq, .mono_ns = mono_ns};
    model_pack(&e, event);
    timeline_ingest(t, node, boot, buf_bytes(&e.packed));
    buf_free(&e.packed);
}

static void put_start(struct timeline *t, uint32_t node, uint32_t boot, uint64_t mono_ns)
{
    struct starts s;
    Orrery__Event event = ORRERY__EVENT__INIT;
    starts_fill(&s, node, boot);
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &s.start;
    put_event(t, node, boot, 1, mono_ns, &event);
    starts_free(&s);
}

static uint64_t operate(struct timeline *t, uint64_t mono_ns, const char *line)
{
    Orrery__Operator operator_ = ORRERY__OPERATOR__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    operator_.line = starts_text(line);
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator_;
    return timeline_operator(t, mono_ns, 0, &event);
}

static void spawn(struct timeline *t, uint64_t mono_ns, uint32_t node, uint32_t boot,
                  uint64_t because)
{
    Orrery__Spawn spawned = ORRERY__SPAWN__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    spawned.node = node;
    spawned.boot = boot;
    spawned.because = because;
    event.body_case = ORRERY__EVENT__BODY_SPAWN;
    event.spawn = &spawned;
    timeline_operator(t, mono_ns, 0, &event);
}

static void died(struct timeline *t, uint64_t mono_ns, uint32_t node, uint32_t boot,
                 uint64_t because)
{
    Orrery__Exit ended = ORRERY__EXIT__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    ended.node = node;
    ended.boot = boot;
    ended.signal = 9;
    ended.because = because;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &ended;
    timeline_operator(t, mono_ns, 0, &event);
}

static struct timeline *scene(size_t steps)
{
    char why[200];
    struct timeline_options options = {.window_bytes = (size_t)64 << 20};
    struct timeline *t = timeline_new(&options, why, sizeof why);
    assert_non_null(t);
    struct random r;
    random_seed(&r, 11);
    struct model m = model_run(
        &r, &(struct model_options){.nodes = 4, .steps = steps, .tick_ns = 400000, .lose = 0.002});
    uint32_t boots[5] = {0};
    for (size_t i = 0; i < m.n; i++) {
        const struct model_event *e = &m.all[i];
        for (; boots[e->node] < e->boot; boots[e->node]++) {
            uint64_t because = operate(t, e->mono_ns, "restart n1");
            if (boots[e->node] > 0)
                died(t, e->mono_ns, e->node, boots[e->node], because);
            spawn(t, e->mono_ns, e->node, boots[e->node] + 1, because);
        }
        if (!e->lost)
            timeline_ingest(t, e->node, e->boot, buf_bytes(&e->packed));
    }
    for (uint32_t node = 1; node <= 4; node++)
        put_start(t, node, 1000, m.all[m.n - 1].mono_ns);
    timeline_flush(t);
    assert_int_equal(timeline_malformed(t), 0);
    model_free(&m);
    return t;
}

struct written {
    char *text;
    size_t size;
    struct export_done done;
};

static struct written written_by(int (*export)(struct timeline *, const struct export_options *,
                                               FILE *, struct export_done *, char *, size_t),
                                 struct timeline *t, const struct export_options *options)
{
    struct written w = {0};
    char why[200] = "";
    FILE *out = open_memstream(&w.text, &w.size);
    assert_non_null(out);
    if (export(t, options, out, &w.done, why, sizeof why) != 0)
        fail_msg("%s", why);
    (void)fclose(out);
    return w;
}

/* --- ShiViz's rules --- */

enum { HOSTS_MAX = 200, LINES_MAX = 20000 };

struct line {
    int host;
    uint32_t clock[HOSTS_MAX];
};

struct shiviz_log {
    char hosts[HOSTS_MAX][40];
    int n_hosts;
    uint32_t counts[HOSTS_MAX];
    struct line *lines;
    int n_lines;
};

static int host_of(struct shiviz_log *log, const char *name, size_t len)
{
    for (int i = 0; i < log->n_hosts; i++)
        if (strlen(log->hosts[i]) == len && strncmp(log->hosts[i], name, len) == 0)
            return i;
    if (log->n_hosts == HOSTS_MAX || len >= sizeof log->hosts[0])
        return 0;
    memcpy(log->hosts[log->n_hosts], name, len);
    return log->n_hosts++;
}

/* {"n1":3,"n2":1} */
static const char *read_clock(struct shiviz_log *log, const char *at, struct line *line)
{
    if (*at++ != '{')
        return NULL;
    while (*at == '"') {
        const char *name = ++at;
        at = strchr(at, '"');
        if (!at || at[1] != ':')
            return NULL;
        int host = host_of(log, name, (size_t)(at - name));
        char *end;
        line->clock[host] = (uint32_t)strtoul(at + 2, &end, 10);
        at = *end == ',' ? end + 1 : end;
    }
    return *at == '}' ? at + 1 : NULL;
}

/* Our own lines: "e12 3.500 n1 send {...} words". NULL, or what is wrong. */
static const char *read_line(struct shiviz_log *log, const char *at)
{
    struct line *line = &log->lines[log->n_lines];
    *line = (struct line){0};
    at = strchr(at, ' ');
    at = at ? strchr(at + 1, ' ') : NULL;
    const char *end = at ? strchr(at + 1, ' ') : NULL;
    if (!end)
        return "a line does not match the expression";
    line->host = host_of(log, at + 1, (size_t)(end - at - 1));
    at = strchr(end + 1, ' ');
    at = at ? read_clock(log, at + 1, line) : NULL;
    if (!at || *at != ' ')
        return "a clock is no object of numbers";
    log->n_lines++;
    return NULL;
}

static const char *check_clocks(struct shiviz_log *log)
{
    for (int i = 0; i < log->n_lines; i++) {
        const struct line *line = &log->lines[i];
        if (line->clock[line->host] == 0)
            return "an event's clock does not name its own host";
        if (line->clock[line->host] != ++log->counts[line->host])
            return "a host's own clock does not rise by one from one";
    }
    for (int i = 0; i < log->n_lines; i++)
        for (int h = 0; h < log->n_hosts; h++) {
            if (log->lines[i].clock[h] > 0 && log->counts[h] == 0)
                return "a clock names a host without events";
            if (log->lines[i].clock[h] > log->counts[h])
                return "a clock is ahead of its host";
        }
    return NULL;
}

static const char *check_shiviz(const char *text, struct shiviz_log *log)
{
    *log = (struct shiviz_log){0};
    log->lines = calloc(LINES_MAX, sizeof *log->lines);
    assert_non_null(log->lines);
    const char *end = strchr(text, '\n');
    static const char *const groups[] = {"(?<event>", "(?<host>", "(?<clock>"};
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(text, groups[i]);
        if (!end || !at || at > end)
            return "the first line names no event, host or clock";
    }
    if (end[1] != '\n')
        return "the second line is to be empty: there is one execution";
    for (const char *at = end + 2; *at; at = strchr(at, '\n') + 1) {
        const char *wrong = read_line(log, at);
        if (wrong)
            return wrong;
    }
    return check_clocks(log);
}

static void shiviz_keeps_the_rules(void **state)
{
    (void)state;
    struct timeline *t = scene(4000);
    for (int round = 0; round < 3; round++) {
        struct export_options options = {.limit = round == 1 ? 500 : 100000};
        if (round == 2)
            options.from = 1000, options.to = 3000;
        struct written w = written_by(export_shiviz, t, &options);
        struct shiviz_log log;
        const char *wrong = check_shiviz(w.text, &log);
        if (wrong)
            fail_msg("%s", wrong);
        assert_int_equal(log.n_lines, w.done.events);
        assert_int_equal(log.n_lines, round == 0 ? timeline_newest(t) : round == 1 ? 500 : 2001);
        assert_int_equal(w.done.left_out > 0, round == 1);
        if (round == 0) { /* Every receive knows its send; later lives are hosts of their own. */
            int receives = 0, lives = 0;
            for (uint64_t i = 1; i <= timeline_newest(t); i++) {
                struct entry e;
                assert_true(timeline_get(t, i, &e));
                const struct line *line = &log.lines[i - 1];
                if (!e.cause)
                    continue;
                const struct line *sent = &log.lines[e.cause - 1];
                assert_true(line->clock[sent->host] >= sent->clock[sent->host]);
                receives++;
            }
            for (int h = 0; h < log.n_hosts; h++)
                lives += strchr(log.hosts[h], '#') != NULL;
            assert_true(receives > 500 && lives > 2);
        }
        free(log.lines);
        free(w.text);
    }
    timeline_free(t);
}

static bool no_wakes(void *ctx, const struct entry *e)
{
    (void)ctx;
    return e->head.body != ORRERY__EVENT__BODY_WAKE && e->head.body != ORRERY__EVENT__BODY_SEND;
}

static void shiviz_of_some_kinds(void **state)
{
    (void)state;
    struct timeline *t = scene(1500);
    struct export_options options = {.limit = 100000, .wanted = no_wakes};
    struct written w = written_by(export_shiviz, t, &options);
    struct shiviz_log log;
    const char *wrong = check_shiviz(w.text, &log);
    if (wrong)
        fail_msg("%s", wrong);
    assert_true(log.n_lines > 100 && log.n_lines < (int)timeline_newest(t));
    int foreign = 0; /* Causality goes on through what is not shown. */
    for (int i = 0; i < log.n_lines; i++)
        for (int h = 0; h < log.n_hosts; h++)
            foreign += h != log.lines[i].host && log.lines[i].clock[h] > 0;
    assert_true(foreign > 100);
    free(log.lines);
    free(w.text);
    timeline_free(t);
}

static void the_checker_refuses(void **state)
{
    (void)state;
#define HEAD                                                                                       \
    "(?<ordinal>e\\d+) (?<ms>\\S+) (?<host>\\S+) (?<kind>\\S+) (?<clock>\\{.*?\\}) "               \
    "(?<event>.*)\n\n"
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"(?<host>a) (?<clock>b)\n\n", "names no event"},
        {HEAD "e1 1 n1 send {\"n1\":2} x\n", "rise by one"},
        {HEAD "e1 1 n1 send {\"n1\":1} x\ne2 1 n1 send {\"n1\":3} x\n", "rise by one"},
        {HEAD "e1 1 n1 send {\"n1\":1} x\ne2 1 n1 send {\"n1\":1} x\n", "rise by one"},
        {HEAD "e1 1 n1 send {\"n2\":1} x\n", "its own host"},
        {HEAD "e1 1 n1 send {\"n1\":1,\"n2\":1} x\n", "without events"},
        {HEAD "e1 1 n1 send {\"n1\":1,\"n2\":2} x\ne2 1 n2 send {\"n2\":1} x\n", "ahead of its"},
        {HEAD "e1 1 n1 send [1] x\n", "no object"},
        {HEAD "e1\n", "does not match"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct shiviz_log log;
        const char *wrong = check_shiviz(bad[i].text, &log);
        free(log.lines);
        if (!wrong || !strstr(wrong, bad[i].says))
            fail_msg("%zu: %s", i, wrong ? wrong : "was let through");
    }
    struct shiviz_log log;
    assert_null(check_shiviz(HEAD "e1 1 n1 send {\"n1\":1} x\ne2 1 n2 receive "
                                  "{\"n2\":1,\"n1\":1} x\n",
                             &log));
    free(log.lines);
}

/* --- Perfetto --- */

struct flows {
    uint64_t id;
    int begins, ends;
    uint64_t begin_ns, end_ns;
};

static struct flows *flow_of(struct flows *all, size_t *n, uint64_t id)
{
    for (size_t i = 0; i < *n; i++)
        if (all[i].id == id)
            return &all[i];
    all[*n] = (struct flows){.id = id};
    return &all[(*n)++];
}

static bool has_track(uint64_t const *tracks, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (tracks[i] == id)
            return true;
    return false;
}

/* NULL, or what is wrong with it. Counts what it found. */
static const char *check_perfetto(const Perfetto__Trace *trace, size_t *slices, size_t *n_flows)
{
    static uint64_t tracks[1000];
    static int depth[1000];
    static struct flows flows[20000];
    size_t n_tracks = 0;
    *slices = *n_flows = 0;
    for (size_t i = 0; i < trace->n_packet; i++) {
        const Perfetto__TracePacket *p = trace->packet[i];
        if (!p->trusted_packet_sequence_id)
            return "a packet without a sequence";
        if (p->track_descriptor) {
            const Perfetto__TrackDescriptor *d = p->track_descriptor;
            if (has_track(tracks, n_tracks, d->uuid))
                return "a track is described twice";
            if (d->has_parent_uuid && !has_track(tracks, n_tracks, d->parent_uuid))
                return "a track's parent is not there";
            depth[n_tracks] = 0;
            tracks[n_tracks++] = d->uuid;
            continue;
        }
        const Perfetto__TrackEvent *e = p->track_event;
        if (!e || !p->has_timestamp || !has_track(tracks, n_tracks, e->track_uuid))
            return "an event without time or track";
        size_t track = 0;
        while (tracks[track] != e->track_uuid)
            track++;
        depth[track] += e->type == PERFETTO__TRACK_EVENT__TYPE__SLICE_BEGIN;
        depth[track] -= e->type == PERFETTO__TRACK_EVENT__TYPE__SLICE_END;
        if (depth[track] < 0 || depth[track] > 1)
            return "slices of a track overlap";
        *slices += e->type == PERFETTO__TRACK_EVENT__TYPE__SLICE_BEGIN;
        for (size_t f = 0; f < e->n_flow_ids; f++) {
            struct flows *flow = flow_of(flows, n_flows, e->flow_ids[f]);
            flow->begins++;
            flow->begin_ns = p->timestamp;
        }
        for (size_t f = 0; f < e->n_terminating_flow_ids; f++) {
            struct flows *flow = flow_of(flows, n_flows, e->terminating_flow_ids[f]);
            flow->ends++;
            flow->end_ns = p->timestamp;
        }
    }
    for (size_t i = 0; i < n_tracks; i++)
        if (depth[i] != 0)
            return "a slice never ends";
    for (size_t i = 0; i < *n_flows; i++)
        if (flows[i].begins != 1 || flows[i].ends != 1 || flows[i].begin_ns > flows[i].end_ns)
            return "a flow does not have one beginning and one end, in this order";
    return NULL;
}

/* fixed64 on the wire: a varint is dropped by Perfetto without a word. */
static bool flows_are_fixed(struct bytes packed, uint64_t id)
{
    uint8_t begun[10] = {0xf9, 0x02}, ended[10] = {0x81, 0x03}; /* 47 and 48, type 1. */
    put_u64(begun + 2, id);
    put_u64(ended + 2, id);
    return memmem(packed.base, packed.len, begun, 10) && memmem(packed.base, packed.len, ended, 10);
}

static void perfetto_reads_back(void **state)
{
    (void)state;
    struct timeline *t = scene(3000);
    struct export_options options = {0};
    struct written w = written_by(export_perfetto, t, &options);
    Perfetto__Trace *trace = perfetto__trace__unpack(NULL, w.size, (const uint8_t *)w.text);
    assert_non_null(trace);
    size_t slices, n_flows, receives = 0;
    const char *wrong = check_perfetto(trace, &slices, &n_flows);
    if (wrong)
        fail_msg("%s", wrong);
    struct entry e;
    uint64_t one = 0;
    for (uint64_t i = 1; i <= timeline_newest(t); i++) {
        assert_true(timeline_get(t, i, &e));
        if (e.head.body == ORRERY__EVENT__BODY_RECEIVE && e.cause) {
            receives++;
            one = i;
        }
    }
    assert_int_equal(n_flows, receives);
    assert_true(receives > 300 && slices > timeline_newest(t));
    assert_true(flows_are_fixed(bytes_of(w.text, w.size), one));
    /* The checker minds: the same with one end taken away, and with a slice that never ends. */
    for (size_t i = 0; i < trace->n_packet; i++) {
        Perfetto__TrackEvent *event = trace->packet[i]->track_event;
        if (!event || event->n_terminating_flow_ids == 0)
            continue;
        size_t n = event->n_terminating_flow_ids;
        event->n_terminating_flow_ids = 0;
        assert_non_null(strstr(check_perfetto(trace, &slices, &n_flows), "one end"));
        event->n_terminating_flow_ids = n;
        event->type = PERFETTO__TRACK_EVENT__TYPE__INSTANT;
        assert_non_null(check_perfetto(trace, &slices, &n_flows));
        break;
    }
    perfetto__trace__free_unpacked(trace, NULL);
    free(w.text);
    timeline_free(t);
}

static void nothing_is_no_export(void **state)
{
    (void)state;
    char why[200] = "";
    struct timeline_options options = {.window_bytes = 1};
    struct timeline *t = timeline_new(&options, why, sizeof why);
    struct export_options none = {0};
    struct export_done done;
    FILE *full = fopen("/dev/full", "w");
    assert_true(t && full);
    assert_true(export_shiviz(t, &none, full, &done, why, sizeof why) < 0);
    assert_non_null(strstr(why, "no event"));
    assert_true(export_perfetto(t, &none, full, &done, why, sizeof why) < 0);
    timeline_free(t);
    t = scene(200);
    assert_true(export_shiviz(t, &none, full, &done, why, sizeof why) < 0);
    assert_non_null(strstr(why, "No space left"));
    timeline_free(t);
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shiviz_keeps_the_rules), cmocka_unit_test(shiviz_of_some_kinds),
        cmocka_unit_test(the_checker_refuses),    cmocka_unit_test(perfetto_reads_back),
        cmocka_unit_test(nothing_is_no_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
