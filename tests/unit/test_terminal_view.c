/* The terminal as its user has it: keys in, screens and commands out. Screens are pictures in
 * tests/unit/terminal/view-*.txt; REWRITE=1 writes them anew. */
#include "terminal/view.h"
#include "unit/picture.h"
#include "unit/terminal_run.h"
#include "unit/unit.h"

struct desk {
    struct run run;
    struct view view;
    char acted[200];
};

static void act(void *ctx, const char *line)
{
    struct desk *d = ctx;
    snprintf(d->acted, sizeof d->acted, "%s", line);
}

static void sit_down(struct desk *d, bool recording)
{
    struct terminal_options options = {
        .source = run_source(&d->run),
        .level = TERMINAL_ROUNDS,
        .recording = recording,
        .owner = true,
        .act = recording ? NULL : act,
        .ctx = d,
    };
    struct terminal_status status = {
        .run = "calm-otter",
        .protocol = "heartbeat",
        .nodes = d->run.nodes,
        .alive = d->run.nodes - 1,
        .pace = 1,
        .now_ns = 5200000000,
        .recording = "/somewhere/calm-otter.orr",
        .recorded_bytes = 1234567,
    };
    d->acted[0] = 0;
    view_init(&d->view, &options);
    view_status(&d->view, &status);
}

static void get_up(struct desk *d)
{
    view_free(&d->view);
    run_end(&d->run);
}

static void keys(struct desk *d, const char *text)
{
    for (; *text; text++)
        view_key(&d->view, (uint32_t)(unsigned char)*text);
}

static void expect_screen(struct desk *d, int width, int height, bool ascii, const char *name)
{
    struct picture p = {0};
    struct canvas c;
    canvas_init(&c, width, height, ascii);
    view_render(&d->view, &c);
    for (int y = 0; y < height; y++) {
        struct buf line = {0};
        canvas_line(&c, y, &line);
        picture_line(&p, (const char *)line.base);
        buf_free(&line);
    }
    canvas_free(&c);
    picture_expect(&p, name);
}

static void a_killed_run(struct desk *d)
{
    run_begin(&d->run, 5, NULL);
    run_go(&d->run, 10, 2600);
    run_kill_and_notice(&d->run, 2, 2600);
    run_go(&d->run, 3560, 5100);
}

static void shows_what_happens(void **state)
{
    (void)state;
    struct desk d;
    run_begin(&d.run, 5, NULL);
    run_go(&d.run, 10, 3400);
    sit_down(&d, false);
    expect_screen(&d, 80, 24, false, "view-begin-80x24");
    get_up(&d);
    a_killed_run(&d);
    sit_down(&d, false);
    expect_screen(&d, 80, 24, false, "view-killed-80x24");
    expect_screen(&d, 120, 40, false, "view-killed-120x40");
    expect_screen(&d, 200, 50, true, "view-killed-200x50-ascii");
    expect_screen(&d, 40, 10, false, "view-killed-40x10");
    expect_screen(&d, 20, 5, false, "view-too-small");
    keys(&d, "?");
    expect_screen(&d, 80, 24, false, "view-help-80x24");
    get_up(&d);
}

static void follows_what_comes(void **state)
{
    (void)state;
    struct desk d;
    a_killed_run(&d);
    sit_down(&d, false);
    uint64_t n = d.run.n;
    run_operator(&d.run, "pause n4", 4, 5150);
    view_entry(&d.view, &d.run.entries[n]);
    assert_int_equal(view_row(&d.view)->kind, ROW_OPERATOR);
    assert_true(d.view.dirty);
    /* Stopped, new entries come in, and the selection stays. */
    view_key(&d.view, VIEW_UP);
    view_key(&d.view, VIEW_UP);
    uint64_t selected = view_row(&d.view)->entry;
    n = d.run.n;
    run_go(&d.run, 5160, 6000);
    for (; n < d.run.n; n++)
        view_entry(&d.view, &d.run.entries[n]);
    assert_int_equal(view_row(&d.view)->entry, selected);
    keys(&d, "L");
    assert_true(d.view.live);
    get_up(&d);
}

static void acts(void **state)
{
    (void)state;
    struct desk d;
    a_killed_run(&d);
    sit_down(&d, false);
    keys(&d, "k");
    assert_string_equal(d.acted, "");
    assert_true(d.view.refused);
    keys(&d, "2k");
    assert_string_equal(d.acted, "kill n2");
    keys(&d, "3p");
    assert_string_equal(d.acted, "pause n3");
    uint64_t n = d.run.n;
    run_operator(&d.run, "pause n3", 3, 5150);
    view_entry(&d.view, &d.run.entries[n]);
    keys(&d, "p");
    assert_string_equal(d.acted, "resume n3");
    view_key(&d.view, VIEW_LEFT);
    keys(&d, "r");
    assert_string_equal(d.acted, "restart n2");
    keys(&d, "1x");
    assert_string_equal(d.acted, "cut n1/n2,n3,n4,n5");
    keys(&d, "h");
    assert_string_equal(d.acted, "heal");
    keys(&d, ":pace 0.1x");
    view_key(&d.view, VIEW_BACKSPACE);
    expect_screen(&d, 80, 24, false, "view-command-80x24");
    view_key(&d.view, VIEW_ENTER);
    assert_string_equal(d.acted, "pace 0.1");
    d.acted[0] = 0;
    keys(&d, ":kill n1");
    view_key(&d.view, VIEW_ESCAPE);
    assert_string_equal(d.acted, "");
    view_say(&d.view, "There is no node n9.", true);
    expect_screen(&d, 80, 24, false, "view-refused-80x24");
    assert_false(d.view.done);
    keys(&d, "q");
    assert_true(d.view.done);
    get_up(&d);
}

static void selects_and_finds(void **state)
{
    (void)state;
    struct desk d;
    a_killed_run(&d);
    sit_down(&d, false);
    expect_screen(&d, 120, 40, false, "view-killed-120x40");
    keys(&d, "/suspect n2");
    view_key(&d.view, VIEW_ENTER);
    assert_false(d.view.live);
    expect_screen(&d, 120, 40, false, "view-selected-120x40");
    const struct row *r = view_row(&d.view);
    assert_non_null(strstr(r->text, "n1 n3 n4 n5 suspect n2"));
    uint64_t heard = r->because, suspicion = r->entry;
    assert_true(heard > 0 && d.run.entries[heard - 1].node == 1);
    keys(&d, "c");
    assert_int_equal(d.view.cone.focus, suspicion);
    expect_screen(&d, 120, 40, false, "view-causes-120x40");
    keys(&d, "c");
    assert_int_equal(d.view.cone.focus, 0);
    /* To its evidence, which was counted in a fold: that is opened. */
    view_key(&d.view, VIEW_ENTER);
    assert_int_equal(view_row(&d.view)->kind, ROW_MESSAGE);
    assert_int_equal(view_row(&d.view)->lane, 2);
    expect_screen(&d, 120, 40, false, "view-opened-120x40");
    view_key(&d.view, VIEW_ESCAPE);
    assert_int_equal(d.view.model.open_last, 0);
    keys(&d, "/e267");
    view_key(&d.view, VIEW_ENTER);
    assert_int_equal(view_row(&d.view)->entry, 267);
    keys(&d, "/no such thing");
    view_key(&d.view, VIEW_ENTER);
    assert_true(d.view.refused);
    get_up(&d);
}

static void levels_keep_the_place(void **state)
{
    (void)state;
    struct desk d;
    a_killed_run(&d);
    sit_down(&d, false);
    expect_screen(&d, 80, 24, false, "view-killed-80x24");
    keys(&d, "/suspect n2");
    view_key(&d.view, VIEW_ENTER);
    uint64_t entry = view_row(&d.view)->entry;
    keys(&d, "+");
    assert_int_equal(view_row(&d.view)->entry, entry);
    keys(&d, "+");
    assert_int_equal(d.view.model.level, TERMINAL_ALL);
    assert_int_equal(view_row(&d.view)->entry, entry);
    keys(&d, "+---");
    assert_int_equal(d.view.model.level, TERMINAL_MARKS);
    assert_int_equal(view_row(&d.view)->entry, entry);
    keys(&d, "-");
    assert_int_equal(d.view.model.level, TERMINAL_MARKS);
    get_up(&d);
}

static void walks_through_all_rows(void **state)
{
    (void)state;
    struct desk d;
    a_killed_run(&d);
    sit_down(&d, true);
    assert_false(d.view.live);
    for (enum terminal_level level = TERMINAL_MARKS; level <= TERMINAL_ALL; level++) {
        struct canvas c;
        canvas_init(&c, 80, 24, false);
        view_render(&d.view, &c);
        view_key(&d.view, VIEW_HOME);
        uint64_t first = view_row(&d.view)->id;
        for (int i = 0; i < 400; i++) {
            view_key(&d.view, i % 7 ? VIEW_DOWN : VIEW_PAGE_DOWN);
            view_render(&d.view, &c);
        }
        uint64_t last = view_row(&d.view)->id;
        assert_true(last > first);
        assert_int_equal(model_index(&d.view.model, last), model_rows(&d.view.model) - 1);
        for (int i = 0; i < 400; i++) {
            view_key(&d.view, i % 7 ? VIEW_UP : VIEW_PAGE_UP);
            view_render(&d.view, &c);
        }
        assert_int_equal(view_row(&d.view)->id, first);
        canvas_free(&c);
        keys(&d, level == TERMINAL_MARKS ? "" : "+");
        if (level == TERMINAL_MARKS)
            keys(&d, "-");
    }
    keys(&d, "2k");
    assert_true(d.view.refused);
    view_key(&d.view, VIEW_HOME);
    expect_screen(&d, 80, 24, false, "view-recording-80x24");
    get_up(&d);
}

static void every_size(void **state)
{
    (void)state;
    struct desk d;
    run_begin(&d.run, 30, NULL);
    run_go(&d.run, 10, 900);
    run_kill_and_notice(&d.run, 29, 900);
    sit_down(&d, false);
    keys(&d, "9");
    for (int width = 1; width < 260; width += 7)
        for (int height = 1; height < 70; height += 3) {
            struct canvas c;
            canvas_init(&c, width, height, false);
            view_render(&d.view, &c);
            if (height % 2)
                view_key(&d.view, height % 4 == 1 ? VIEW_RIGHT : VIEW_UP);
            canvas_free(&c);
        }
    get_up(&d);
}

/* Recordings and nodes may say anything. */
static void bytes_from_outside(void **state)
{
    (void)state;
    uint64_t dice = 12345;
    for (int round = 0; round < 60; round++) {
        struct desk d;
        struct canvas c;
        run_begin(&d.run, 4, NULL);
        run_go(&d.run, 10, 700);
        run_kill_and_notice(&d.run, 2, 700);
        for (uint64_t i = 0; i < d.run.n; i++) {
            struct entry *e = &d.run.entries[i], was = *e;
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            if (dice >> 60 > 5 || e->event.len == 0)
                continue;
            uint8_t *bytes = (uint8_t *)(uintptr_t)e->event.base;
            size_t at = (size_t)(dice >> 20) % e->event.len;
            uint8_t before = bytes[at];
            bytes[at] = (uint8_t)(dice >> 8);
            if (event_head_read(e->event, &e->head) != 0) {
                bytes[at] = before;
                *e = was;
            }
            if (dice >> 56 == 7)
                e->node = (uint32_t)(dice >> 24);
        }
        sit_down(&d, false);
        d.view.model.level = (enum terminal_level)(round % 4);
        for (int i = 0; i < 40; i++) {
            view_key(&d.view, i % 5 == 4 ? VIEW_ENTER : i % 11 == 10 ? '+' : VIEW_UP);
            canvas_init(&c, 100, 30, round % 2 == 0);
            view_render(&d.view, &c);
            canvas_free(&c);
        }
        get_up(&d);
    }
}

static void an_empty_run(void **state)
{
    (void)state;
    struct desk d;
    run_begin(&d.run, 0, NULL);
    sit_down(&d, false);
    static const uint32_t all[] = {
        VIEW_UP, VIEW_DOWN, VIEW_PAGE_UP, VIEW_HOME, VIEW_END, VIEW_LEFT, VIEW_ENTER, VIEW_ESCAPE,
        'c',     '+',       '-',          ' ',       'n',      '1',       'x',        'k'};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct canvas c;
        view_key(&d.view, all[i]);
        canvas_init(&c, 80, 24, false);
        view_render(&d.view, &c);
        canvas_free(&c);
    }
    expect_screen(&d, 80, 24, false, "view-empty-80x24");
    get_up(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_happens),
        cmocka_unit_test(follows_what_comes),
        cmocka_unit_test(acts),
        cmocka_unit_test(selects_and_finds),
        cmocka_unit_test(levels_keep_the_place),
        cmocka_unit_test(walks_through_all_rows),
        cmocka_unit_test(every_size),
        cmocka_unit_test(an_empty_run),
        cmocka_unit_test(bytes_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
