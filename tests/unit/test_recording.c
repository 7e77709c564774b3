/* Recordings: what went in comes out, from a file that is being written, was ended, was cut short
 * at any byte, or whose writer was killed. */
#include "base/crc32c.h"
#include "base/errors.h"
#include "timeline/pyramid.h"
#include "timeline/timeline.h"
#include "timeline/view.h"
#include "unit/model.h"
#include "unit/starts.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/orrery-recording-XXXXXX";
static char path[64];
static char copy[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/a.orr", folder);
    (void)snprintf(copy, sizeof copy, "%s/b.orr", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(copy);
    return rmdir(folder);
}

static struct timeline *recording(const char *file, uint64_t cap, bool simulated)
{
    struct timeline_options options = {
        .window_bytes = 1, /* The least there is: most is read back from the file. */
        .recording = file,
        .recording_bytes = cap,
    };
    char why[300] = "";
    char name[] = "calm-otter";
    options.info.name = name;
    options.info.simulated = simulated;
    struct timeline *t = timeline_new(&options, why, sizeof why);
    if (!t)
        fail_msg("%s", why);
    return t;
}

static struct timeline *opened(const char *file)
{
    char why[300] = "";
    struct timeline *t = timeline_open(file, why, sizeof why);
    if (!t)
        fail_msg("%s", why);
    return t;
}

struct copies {
    struct entry *all;
    struct buf *events;
    size_t n, cap;
};

static void keep(void *ctx, const struct entry *e)
{
    struct copies *c = ctx;
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 1024;
        c->all = realloc(c->all, c->cap * sizeof *c->all);
        c->events = realloc(c->events, c->cap * sizeof *c->events);
        assert_true(c->all && c->events);
    }
    c->all[c->n] = *e;
    c->events[c->n] = (struct buf){0};
    buf_append(&c->events[c->n], e->event);
    c->n++;
}

static void copies_free(struct copies *c)
{
    for (size_t i = 0; i < c->n; i++)
        buf_free(&c->events[i]);
    free(c->all);
    free(c->events);
}

static void same(const struct copies *c, struct timeline *t, uint64_t upto)
{
    struct entry e;
    for (uint64_t i = 1; i <= upto; i++) {
        if (!timeline_get(t, i, &e))
            fail_msg("e%llu is missing", (unsigned long long)i);
        const struct entry *was = &c->all[i - 1];
        assert_true(e.ordinal == i && was->ordinal == i);
        assert_true(e.node == was->node && e.boot == was->boot && e.cause == was->cause);
        assert_true(e.previous == was->previous && e.head.seq == was->head.seq);
        assert_true(bytes_equal(e.event, buf_bytes(&c->events[i - 1])));
    }
}

static void put_start(struct timeline *t, uint32_t node)
{
    struct starts s;
    struct model_event e = {.seq = 1, .mono_ns = 1};
    Orrery__Event event = ORRERY__EVENT__INIT;
    starts_fill(&s, node, 1);
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &s.start;
    model_pack(&e, &event);
    timeline_ingest(t, node, 1, buf_bytes(&e.packed));
    buf_free(&e.packed);
    starts_free(&s);
}

/* Nodes 1 to 5 began as starts.h says; then what the model did, a little later. */
static void play(struct timeline *t, uint64_t seed, size_t steps, struct copies *c)
{
    struct random r;
    random_seed(&r, seed);
    struct model m = model_run(
        &r, &(struct model_options){.nodes = 5, .steps = steps, .tick_ns = 50000, .lose = 0.001});
    timeline_follow(t, keep, c);
    for (uint32_t node = 1; node <= 5; node++)
        put_start(t, node);
    for (size_t i = 0; i < m.n; i++) {
        const struct model_event *e = &m.all[i];
        if (!e->lost) /* The model's own lives: another boot than the starts'. */
            timeline_ingest(t, e->node, e->boot + 1, buf_bytes(&e->packed));
        timeline_watermark(t, e->mono_ns > 0 ? e->mono_ns - 1 : 0);
    }
    timeline_flush(t);
    assert_int_equal(timeline_newest(t), c->n);
    model_free(&m);
}

static size_t file_size(const char *file)
{
    struct stat s;
    assert_int_equal(stat(file, &s), 0);
    return (size_t)s.st_size;
}

/* The first n bytes of the recording, with some of them changed. */
static void copy_file(size_t n, size_t flip, uint8_t with)
{
    static uint8_t bytes[64 << 20];
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(from >= 0 && to >= 0 && n <= sizeof bytes);
    assert_int_equal(read(from, bytes, n), n);
    if (with)
        bytes[flip] ^= with;
    assert_int_equal(write(to, bytes, n), n);
    (void)close(from);
    (void)close(to);
}

static void same_questions(struct timeline *a, struct timeline *b)
{
    uint64_t past_a[40], past_b[40];
    for (uint64_t at = 100; at <= timeline_newest(a); at += timeline_newest(a) / 7) {
        size_t n = timeline_past(a, at, past_a, 40);
        assert_int_equal(timeline_past(b, at, past_b, 40), n);
        assert_memory_equal(past_a, past_b, n * sizeof *past_a);
        n = timeline_future(a, at, past_a, 40);
        assert_int_equal(timeline_future(b, at, past_b, 40), n);
        assert_memory_equal(past_a, past_b, n * sizeof *past_a);
        struct entry e;
        struct buf x = {0}, y = {0};
        assert_true(timeline_get(a, at, &e));
        timeline_describe(a, &e, &x);
        timeline_json(a, &e, &x);
        assert_true(timeline_get(b, at, &e));
        timeline_describe(b, &e, &y);
        timeline_json(b, &e, &y);
        assert_true(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
        buf_free(&x);
        buf_free(&y);
    }
}

/* The landmarks that were written are those that a walk over all events finds. */
static void same_pictures(struct timeline *a, struct timeline *b)
{
    struct timeline_view *u = timeline_view_new(a), *v = timeline_view_new(b);
    for (int part = 1; part <= 8; part++) {
        Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
        ask.to_ns = (double)timeline_view_newest_ns(u) / part;
        ask.columns = 700;
        Orrery__Window *x = timeline_view_window(u, &ask), *y = timeline_view_window(v, &ask);
        assert_int_equal(x->n_mark_ns, y->n_mark_ns);
        assert_int_equal(x->n_state, y->n_state);
        for (size_t i = 0; i < x->n_mark_ns; i++) {
            assert_true(x->mark_event[i] == y->mark_event[i]);
            assert_string_equal(x->mark_text[i], y->mark_text[i]);
        }
        for (size_t i = 0; i < x->n_state; i++) {
            assert_true(x->state_ns[i] == y->state_ns[i] && x->state[i] == y->state[i]);
            assert_int_equal(x->state_lane[i], y->state_lane[i]);
        }
        orrery__window__free_unpacked(x, NULL);
        orrery__window__free_unpacked(y, NULL);
    }
    timeline_view_free(u);
    timeline_view_free(v);
}

static void comes_back_whole(void **state)
{
    (void)state;
    struct copies c = {0};
    struct timeline *t = recording(path, 0, true);
    play(t, 1, 120000, &c);
    assert_true(c.n > 110000);
    assert_int_equal(timeline_oldest(t), 1);
    same(&c, t, c.n); /* While it is being written. */
    struct copies again = {0};
    timeline_free(t);
    t = opened(path);
    assert_null(timeline_trouble(t));
    assert_string_equal(timeline_info(t)->name, "calm-otter");
    assert_int_equal(timeline_newest(t), c.n);
    same(&c, t, c.n);
    assert_true(timeline_holes(t) > 0);
    assert_string_equal(timeline_lane(t, 3), "n3");
    assert_string_equal(timeline_start_of(t, 3, 1)->instances[1]->logs[0], "wal");
    assert_non_null(schema_find(timeline_schema(t), "heartbeat.Opinion"));
    copies_free(&again);
    /* The same without its index, as after a crash. */
    copy_file(file_size(path) - 1, 0, 0);
    struct timeline *torn = opened(copy);
    assert_non_null(strstr(timeline_trouble(torn), "cut short"));
    same(&c, torn, c.n);
    assert_int_equal(timeline_holes(torn), timeline_holes(t));
    same_questions(t, torn);
    same_pictures(t, torn);
    timeline_free(torn);
    timeline_free(t);
    copies_free(&c);
}

static void opens_after_a_cut_at_any_byte(void **state)
{
    (void)state;
    struct copies c = {0};
    struct timeline *t = recording(path, 0, true);
    play(t, 2, 12000, &c);
    timeline_free(t);
    size_t size = file_size(path), step = size / 150 + 1, shown = 0;
    for (size_t n = 0; n < size; n += n < 400 ? 1 : step) {
        char why[300] = "";
        copy_file(n, 0, 0);
        struct timeline *torn = timeline_open(copy, why, sizeof why);
        if (!torn) { /* Not even the first chunk, which tells of the run. */
            assert_true(n < 200 && why[0]);
            continue;
        }
        assert_non_null(timeline_trouble(torn));
        assert_true(timeline_newest(torn) >= shown && timeline_newest(torn) <= c.n);
        shown = (size_t)timeline_newest(torn);
        same(&c, torn, shown);
        timeline_free(torn);
    }
    assert_int_equal(shown, c.n); /* Only the index was missing. */
    copies_free(&c);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    struct copies c = {0};
    struct timeline *t = recording(path, 0, true);
    play(t, 3, 4000, &c);
    timeline_free(t);
    struct random r;
    random_seed(&r, 3);
    size_t size = file_size(path);
    for (int i = 0; i < 300; i++) {
        char why[300] = "";
        copy_file(size, random_below(&r, size), (uint8_t)(1 + random_below(&r, 255)));
        struct timeline *bad = timeline_open(copy, why, sizeof why);
        if (!bad)
            continue;
        struct entry e;
        for (uint64_t at = 1; at <= timeline_newest(bad); at++)
            if (timeline_get(bad, at, &e)) /* Never something else than what went in. */
                assert_true(at <= c.n && bytes_equal(e.event, buf_bytes(&c.events[at - 1])));
        timeline_free(bad);
    }
    copies_free(&c);
}

static void says_what_it_cannot_open(void **state)
{
    (void)state;
    char why[300] = "";
    struct timeline *t = recording(path, 0, false);
    timeline_free(t);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t header[16];
    assert_int_equal(pread(fd, header, 16, 0), 16);
    put_u32(header + 8, 2);
    put_u32(header + 12, crc32c(0, header, 12));
    assert_int_equal(pwrite(fd, header, 16, 0), 16);
    (void)close(fd);
    assert_null(timeline_open(path, why, sizeof why));
    assert_non_null(strstr(why, "newer orrery"));
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "important notes\n", 16), 16);
    (void)close(fd);
    assert_null(timeline_open(path, why, sizeof why));
    assert_non_null(strstr(why, "no recording"));
    assert_null(timeline_open("/tmp", why, sizeof why));
    assert_null(timeline_open("/nowhere/x.orr", why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
    /* And does not write over what is no recording, or where another is at work. */
    struct timeline_options options = {.recording = path};
    assert_null(timeline_new(&options, why, sizeof why));
    assert_non_null(strstr(why, "no recording"));
    assert_int_equal(unlink(path), 0);
    t = recording(path, 0, false);
    assert_null(timeline_new(&options, why, sizeof why));
    assert_non_null(strstr(why, "another run"));
    timeline_free(t);
    options.recording = "/nowhere/x.orr";
    assert_null(timeline_new(&options, why, sizeof why));
}

static void stops_at_its_cap(void **state)
{
    (void)state;
    struct copies c = {0};
    struct timeline *t = recording(path, 1 << 20, true);
    play(t, 4, 120000, &c);
    uint64_t middle = c.n / 2, newest = c.n;
    struct entry e;
    (void)timeline_get(t, middle, &e);        /* Whether it is there or not. */
    assert_true(timeline_get(t, newest, &e)); /* The window goes on. */
    assert_non_null(timeline_trouble(t));
    assert_non_null(strstr(timeline_trouble(t), "size limit"));
    timeline_free(t);
    assert_true(file_size(path) <= 1 << 20);
    t = opened(path);
    assert_non_null(strstr(timeline_trouble(t), "size limit"));
    assert_true(timeline_newest(t) > 1000 && timeline_newest(t) < c.n);
    same(&c, t, timeline_newest(t));
    timeline_free(t);
    copies_free(&c);
}

static void stops_when_the_disk_is_full(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* A limit on the file's size stands in for the disk's. */
        struct rlimit limit = {200 << 10, 200 << 10};
        struct copies c = {0};
        (void)signal(SIGXFSZ, SIG_IGN);
        struct timeline *t = recording(path, 0, true);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        play(t, 5, 60000, &c);
        bool said = timeline_trouble(t) && strstr(timeline_trouble(t), "File too large");
        timeline_free(t);
        t = opened(path);
        same(&c, t, timeline_newest(t));
        _exit(said && timeline_newest(t) > 1000 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void blobs(void **state)
{
    (void)state;
    struct timeline *t = recording(path, 0, false);
    struct buf big = {0}, type = {0}, body = {0};
    for (uint32_t i = 0; i < 300000; i++)
        buf_append(&big, bytes_of(&i, sizeof i));
    assert_true(timeline_put_blob(t, 7, "tensor", buf_bytes(&big)));
    assert_true(timeline_put_blob(t, 8, "page", bytes_str("x")));
    assert_int_equal(timeline_blob(t, 7, &type, &body), 0);
    assert_true(bytes_equal(buf_bytes(&body), buf_bytes(&big)));
    timeline_free(t);
    t = opened(path);
    assert_int_equal(timeline_blob(t, 8, &type, &body), 0);
    assert_true(bytes_equal(buf_bytes(&body), bytes_str("x")));
    assert_true(bytes_equal(buf_bytes(&type), bytes_str("page")));
    assert_int_equal(timeline_blob(t, 7, &type, &body), 0);
    assert_true(bytes_equal(buf_bytes(&body), buf_bytes(&big)));
    assert_int_equal(timeline_blob(t, 9, &type, &body), ERROR_NOT_FOUND);
    timeline_free(t);
    buf_free(&big);
    buf_free(&type);
    buf_free(&body);
}

/* --- killed --- */

/* Writes numbered events until it is killed, and says through the pipe how far it is. */
static _Noreturn void record_for_ever(int pipe_fd)
{
    struct timeline *t = recording(path, 0, true);
    for (uint64_t i = 1;; i++) {
        struct model_event e = {.seq = i, .mono_ns = i * 1000};
        model_wake(&e);
        timeline_ingest(t, 1, 1, buf_bytes(&e.packed));
        buf_free(&e.packed);
        if (i % 500 == 0) {
            timeline_watermark(t, i * 1000);
            timeline_flush(t);
            if (write(pipe_fd, "x", 1) != 1)
                _exit(1);
        }
    }
}

static void survives_a_kill_at_any_moment(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 9);
    uint64_t most = 0;
    for (int kill_number = 0; kill_number < 25; kill_number++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(ends[0]);
            record_for_ever(ends[1]);
        }
        (void)close(ends[1]);
        char told;
        for (uint64_t n = 1 + random_below(&r, 60); n > 0; n--)
            assert_int_equal(read(ends[0], &told, 1), 1);
        for (volatile uint64_t spin = random_below(&r, 2000000); spin > 0; spin--) {
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        (void)close(ends[0]);
        struct timeline *t = opened(path);
        assert_non_null(strstr(timeline_trouble(t), "cut short"));
        struct entry e;
        for (uint64_t i = 1; i <= timeline_newest(t); i++) {
            assert_true(timeline_get(t, i, &e));
            assert_true(e.head.seq == i && e.head.mono_ns == i * 1000 && e.previous == i - 1);
        }
        most = timeline_newest(t) > most ? timeline_newest(t) : most;
        timeline_free(t);
    }
    assert_true(most > 500);
}

/* --- the pyramid --- */

static void same_cells(const struct pyramid_cells *a, const struct pyramid_cells *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct pyramid_cell *x = &a->all[i], *y = &b->all[i];
        assert_true(x->lane == y->lane && x->instance == y->instance && x->body == y->body);
        assert_true(x->kind == y->kind && x->bin == y->bin && x->count == y->count);
        assert_true(x->drops == y->drops && x->timed == y->timed);
        assert_true(x->latency_min_ns <= y->latency_min_ns * 1.0001 &&
                    x->latency_max_ns * 1.0001 >= y->latency_max_ns);
        assert_true(x->latency_sum_ns <= y->latency_sum_ns * 1.0001 + 1 &&
                    y->latency_sum_ns <= x->latency_sum_ns * 1.0001 + 1);
    }
}

/* Counted one by one from the entries, into a pyramid that is asked before anything is carried. */
static struct pyramid *counted(const struct copies *c)
{
    struct pyramid *p = pyramid_new(SIZE_MAX);
    for (size_t i = 0; i < c->n; i++) {
        const struct entry *e = &c->all[i];
        const struct entry *cause = e->cause ? &c->all[e->cause - 1] : NULL;
        bool receive = e->head.body == ORRERY__EVENT__BODY_RECEIVE;
        bool timed = receive && cause && cause->head.mono_ns <= e->head.mono_ns;
        pyramid_add(p, e->node, &e->head,
                    timed ? e->head.mono_ns - cause->head.mono_ns : PYRAMID_NO_LATENCY);
        if (cause && e->head.body == ORRERY__EVENT__BODY_DROP)
            pyramid_drop(p, cause->node, &cause->head, e->head.mono_ns);
    }
    return p;
}

static void pyramid_of_a_recording(void **state)
{
    (void)state;
    struct copies c = {0};
    struct timeline *live = recording(path, 0, true);
    play(live, 6, 40000, &c);
    struct pyramid *brute = counted(&c);
    uint64_t last_ns = c.all[c.n - 1].head.mono_ns, events = 0;
    for (int round = 0; round < 2; round++) {
        struct timeline *t = round == 0 ? live : opened(path);
        for (uint32_t level = 0; level < PYRAMID_LEVELS; level++) {
            uint64_t span = pyramid_level_ns(level) * PYRAMID_TILE_BINS;
            uint64_t tiles = last_ns / span + 1, step = tiles / 5 + 1;
            uint64_t sum = 0;
            for (uint64_t tile = 0; tile < tiles; tile += step) {
                struct pyramid_cells x = {0}, y = {0};
                assert_true(timeline_tile(t, level, tile, &x));
                assert_true(pyramid_tile(brute, level, tile, &y));
                same_cells(&x, &y);
                for (size_t i = 0; i < x.n; i++)
                    sum += x.all[i].count;
                pyramid_cells_free(&x);
                pyramid_cells_free(&y);
            }
            if (step == 1)
                assert_int_equal(sum, c.n);
            events += sum;
        }
        timeline_free(t);
    }
    assert_true(events > 0);
    pyramid_free(brute);
    copies_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(opens_after_a_cut_at_any_byte),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(says_what_it_cannot_open),
        cmocka_unit_test(stops_at_its_cap),
        cmocka_unit_test(stops_when_the_disk_is_full),
        cmocka_unit_test(blobs),
        cmocka_unit_test(survives_a_kill_at_any_moment),
        cmocka_unit_test(pyramid_of_a_recording),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
