/* Pages that look at runs. */
#include "unit/unit.h"

#include "event.pb-c.h"
#include "page.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VIEWERS = 100, MB = 1 << 20 };

static struct observed observer;

static int begin(void **state)
{
    (void)state;
    observed_begin(&observer, &(struct observed_options){.stall_ms = 1000});
    return 0;
}

static int end(void **state)
{
    (void)state;
    return observed_end(&observer);
}

static uint64_t watch(struct page_client *c, char **kinds, size_t n, double from_ns, uint32_t rate)
{
    Orrery__Watch w = ORRERY__WATCH__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    w.kinds = kinds;
    w.n_kinds = n;
    w.from_ns = from_ns;
    w.per_second = rate;
    ask.kind_case = ORRERY__ASK__KIND_WATCH;
    ask.watch = &w;
    return page_ask(c, &ask);
}

static Orrery__Tell *window(struct page_client *c, double from_ns, double to_ns)
{
    Orrery__WindowAsk w = ORRERY__WINDOW_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    w.from_ns = from_ns;
    w.to_ns = to_ns;
    w.columns = 1000;
    ask.kind_case = ORRERY__ASK__KIND_WINDOW;
    ask.window = &w;
    Orrery__Tell *tell = page_answer(c, page_ask(c, &ask));
    assert_non_null(tell);
    assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_WINDOW);
    return tell;
}

static bool mentions(const Orrery__Window *w, const char *mark, uint32_t lane)
{
    for (size_t i = 0; i < w->n_mark_ns; i++)
        if (w->mark_lane[i] == lane && strcmp(w->names[w->mark_name[i]], mark) == 0)
            return true;
    return false;
}

/* Until an entry of this body has come, of a node (0: any). Its ordinal. */
static uint64_t entry_of(struct page_client *c, uint64_t id, uint32_t body, uint32_t node)
{
    for (;;) {
        Orrery__Tell *tell = page_answer(c, id);
        assert_non_null(tell);
        assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_ENTRIES);
        uint64_t found = 0;
        for (size_t i = 0; i < tell->entries->n_entries && !found; i++) {
            const Orrery__Entry *e = tell->entries->entries[i];
            Orrery__Event *event = orrery__event__unpack(NULL, e->event.len, e->event.data);
            assert_non_null(event);
            if (event->body_case == body && (!node || e->node == node))
                found = e->ordinal;
            orrery__event__free_unpacked(event, NULL);
        }
        orrery__tell__free_unpacked(tell, NULL);
        if (found)
            return found;
    }
}

/* All answers to a question that ends by itself: how many entries of this body, and the ordinals of
 * the first and the last entry of all. */
struct told {
    size_t n, of_body;
    uint64_t first, last;
};

static struct told to_the_end(struct page_client *c, uint64_t id, uint32_t body)
{
    struct told t = {0};
    for (bool last = false; !last;) {
        Orrery__Tell *tell = page_answer(c, id);
        assert_non_null(tell);
        assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_ENTRIES);
        for (size_t i = 0; i < tell->entries->n_entries; i++) {
            const Orrery__Entry *e = tell->entries->entries[i];
            Orrery__Event *event = orrery__event__unpack(NULL, e->event.len, e->event.data);
            assert_non_null(event);
            assert_true(e->ordinal > t.last); /* In order, each once. */
            t.first = t.n++ ? t.first : e->ordinal;
            t.last = e->ordinal;
            t.of_body += event->body_case == body;
            orrery__event__free_unpacked(event, NULL);
        }
        last = tell->entries->last;
        orrery__tell__free_unpacked(tell, NULL);
    }
    return t;
}

/* A glance ends; what is watched does not, and goes on being told by its own number. */
static void a_glance_at_the_past_leaves_the_watch_alone(void **state)
{
    static char *kinds[] = {"start", "spawn", "view", "operator", "heartbeat.Gap"};
    Orrery__Watch w = ORRERY__WATCH__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    struct page_client c;
    char run[64];
    uint64_t killed = 0;
    (void)state;
    page_enter(&c, &observer, "");
    page_sandbox(&c, "heartbeat", 3, true, run);
    uint64_t live = watch(&c, kinds, 5, 0, 0);
    uint64_t gap = entry_of(&c, live, ORRERY__EVENT__BODY_TRACE, 2);
    assert_true(page_act(&c, "kill n2", &killed));
    w.kinds = kinds;
    w.n_kinds = 5;
    w.from_ns = 1;
    w.to_ns = 1e18;
    ask.kind_case = ORRERY__ASK__KIND_WATCH;
    ask.watch = &w;
    struct told all = to_the_end(&c, page_ask(&c, &ask), ORRERY__EVENT__BODY_START);
    assert_int_equal(all.of_body, 3);
    assert_true(all.last >= killed);
    w.from_event = (double)gap; /* Goes on behind what is known. */
    struct told rest = to_the_end(&c, page_ask(&c, &ask), ORRERY__EVENT__BODY_START);
    assert_int_equal(rest.of_body, 0);
    assert_true(rest.first > gap && rest.n < all.n);
    w.from_event = 0;
    w.from_ns =
        1e18; /* From the newest views: but with what each node began, and what befell it. */
    struct told newest = to_the_end(&c, page_ask(&c, &ask), ORRERY__EVENT__BODY_START);
    assert_int_equal(newest.of_body, 3);
    assert_true(entry_of(&c, live, ORRERY__EVENT__BODY_TRACE, 1) > gap);
    page_leave(&c);
}

static void words_find_events(void **state)
{
    Orrery__Query q = ORRERY__QUERY__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    static char exited[] = "EXITED: sigkill", nothing[] = "no such words";
    struct page_client c;
    char run[64];
    (void)state;
    page_enter(&c, &observer, "");
    page_sandbox(&c, "heartbeat", 3, true, run);
    uint64_t live = watch(&c, (char *[]){(char[]){"exit"}}, 1, 0, 0);
    assert_true(page_act(&c, "kill n2", NULL));
    (void)entry_of(&c, live, ORRERY__EVENT__BODY_EXIT, 0);
    q.text = exited;
    ask.kind_case = ORRERY__ASK__KIND_QUERY;
    ask.query = &q;
    assert_int_equal(to_the_end(&c, page_ask(&c, &ask), ORRERY__EVENT__BODY_EXIT).of_body, 1);
    q.text = nothing;
    assert_int_equal(to_the_end(&c, page_ask(&c, &ask), ORRERY__EVENT__BODY_EXIT).n, 0);
    page_leave(&c);
}

static void a_cluster_of_processes_is_opened_and_hurt(void **state)
{
    static char *kinds[] = {"exit", "operator", "heartbeat.Opinion"};
    struct page_client c;
    char run[64];
    uint64_t killed = 0;
    (void)state;
    page_enter(&c, &observer, "");
    page_sandbox(&c, "heartbeat", 3, false, run);
    assert_true(page_act(&c, "kill n2", &killed));
    assert_true(killed > 0);
    /* Each time from the beginning: what came between was passed over. */
    uint64_t id = watch(&c, kinds, 3, 0, 0);
    uint64_t gone = entry_of(&c, id, ORRERY__EVENT__BODY_EXIT, 0);
    assert_true(gone > killed);
    id = watch(&c, kinds, 3, 0, 0);
    uint64_t noticed = entry_of(&c, id, ORRERY__EVENT__BODY_TRACE, 0);
    assert_true(noticed > killed);
    Orrery__Tell *tell = window(&c, 0, 1e18);
    const Orrery__Window *w = tell->window;
    assert_true(mentions(w, "kill", 0));
    assert_true(mentions(w, "exit", 2));
    assert_true(mentions(w, "start", 1));
    bool dead = false;
    for (size_t i = 0; i < w->n_state; i++)
        dead = w->state_lane[i] == 2 ? w->state[i] == 3 : dead;
    assert_true(dead);
    orrery__tell__free_unpacked(tell, NULL);
    assert_false(page_act(&c, "kill n9", NULL));
    assert_false(page_act(&c, "frobnicate", NULL));
    page_leave(&c);
}

/* More than there is room for, one after another: those that were left make room, the one that is
 * looked at stays. */
static void runs_that_were_left_make_room(void **state)
{
    enum { MORE_THAN_FIT = 12 };
    struct page_client stays, wanders;
    char kept[64], run[64];
    (void)state;
    page_enter(&stays, &observer, "");
    page_sandbox(&stays, "heartbeat", 2, true, kept);
    page_enter(&wanders, &observer, "");
    for (int i = 0; i < MORE_THAN_FIT; i++)
        page_sandbox(&wanders, "heartbeat", 2, true, run);
    assert_true(page_act(&stays, "kill n2", NULL));
    page_leave(&wanders);
    page_leave(&stays);
}

static void two_pages_see_one_run(void **state)
{
    static char *kinds[] = {"operator"};
    struct page_client a, b;
    char run[64];
    uint64_t first, second;
    (void)state;
    page_enter(&a, &observer, "");
    page_sandbox(&a, "heartbeat", 3, true, run);
    page_enter(&b, &observer, run);
    uint64_t id = watch(&b, kinds, 1, 1e18, 0);
    assert_true(page_act(&a, "pause n3", &first));
    assert_int_equal(entry_of(&b, id, ORRERY__EVENT__BODY_OPERATOR, 0), first);
    page_leave(&a); /* In mid-run: the other one goes on. */
    assert_true(page_act(&b, "resume n3", &second));
    assert_true(second > first);
    page_enter(&a, &observer, run); /* And comes back. */
    id = watch(&a, kinds, 1, 0, 0);
    assert_int_equal(entry_of(&a, id, ORRERY__EVENT__BODY_OPERATOR, 0), first);
    page_leave(&a);
    page_leave(&b);
}

static void the_end_of_a_run_is_told(void **state)
{
    struct page_client c;
    char run[64];
    (void)state;
    page_enter(&c, &observer, "");
    page_sandbox(&c, "heartbeat", 3, true, run);
    Orrery__End over = ORRERY__END__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_END;
    ask.end = &over;
    page_ask(&c, &ask);
    bool told = false;
    while (!told) {
        Orrery__Tell *tell = page_hear(&c);
        assert_non_null(tell);
        told = tell->kind_case == ORRERY__TELL__KIND_ENDED;
        if (told)
            assert_string_equal(tell->ended->run, run);
        orrery__tell__free_unpacked(tell, NULL);
    }
    assert_false(page_act(&c, "kill n1", NULL)); /* No run is open. */
    page_leave(&c);
}

static void refused(struct page_client *c, Orrery__Open *open, const char *part)
{
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_OPEN;
    ask.open = open;
    Orrery__Tell *tell = page_answer(c, page_ask(c, &ask));
    assert_non_null(tell);
    assert_int_equal(tell->kind_case, ORRERY__TELL__KIND_REFUSED);
    if (!strstr(tell->refused->sentence, part))
        fail_msg("'%s' is not in: %s", part, tell->refused->sentence);
    orrery__tell__free_unpacked(tell, NULL);
}

static void what_cannot_be_opened_is_refused(void **state)
{
    static char nothing[] = "nothing", heartbeat[] = "heartbeat", bad[] = "bad",
                away[] = "calm-otter", path[] = "../../x";
    char *settings[] = {bad};
    struct page_client c;
    (void)state;
    page_enter(&c, &observer, "");
    Orrery__Open open = ORRERY__OPEN__INIT;
    refused(&c, &open, "nothing was asked for");
    open.run = away;
    refused(&c, &open, "not on any more");
    open.run = path;
    refused(&c, &open, "not on any more");
    open = (Orrery__Open)ORRERY__OPEN__INIT;
    open.lab = heartbeat;
    refused(&c, &open, "no labs");
    open = (Orrery__Open)ORRERY__OPEN__INIT;
    open.sandbox = nothing;
    open.simulated = true;
    refused(&c, &open, "nothing");
    open.simulated = false;
    refused(&c, &open, "nothing");
    open.sandbox = heartbeat;
    open.nodes = 1000000;
    refused(&c, &open, "1 to 4096 nodes");
    open.nodes = 3;
    open.settings = settings;
    open.n_settings = 1;
    refused(&c, &open, "KEY=VALUE");
    page_leave(&c);
}

static void thinning_is_told(void **state)
{
    static char *kinds[] = {"send"};
    struct page_client c;
    char run[64];
    uint64_t missed = 0;
    (void)state;
    page_enter(&c, &observer, "");
    page_sandbox(&c, "heartbeat", 8, true, run);
    uint64_t id = watch(&c, kinds, 1, 0, 2);
    uint64_t second = 0;
    uint32_t in_it = 0;
    while (missed == 0) {
        Orrery__Tell *tell = page_answer(&c, id);
        assert_non_null(tell);
        missed += tell->entries->missed;
        for (size_t i = 0; i < tell->entries->n_entries; i++) {
            const Orrery__Entry *e = tell->entries->entries[i];
            Orrery__Event *event = orrery__event__unpack(NULL, e->event.len, e->event.data);
            assert_int_equal(event->body_case, ORRERY__EVENT__BODY_SEND);
            in_it = event->mono_ns / 1000000000 == second ? in_it + 1 : 1;
            second = event->mono_ns / 1000000000;
            assert_true(in_it <= 2);
            orrery__event__free_unpacked(event, NULL);
        }
        orrery__tell__free_unpacked(tell, NULL);
    }
    page_leave(&c);
}

/* One that reads nothing gets a bounded queue, and then its leave; others do not notice. */
static void a_page_that_does_not_read_is_given_up(void **state)
{
    struct page_client slow, quick;
    char run[64];
    (void)state;
    page_enter(&slow, &observer, "");
    page_sandbox(&slow, "heartbeat", 16, true, run);
    page_enter(&quick, &observer, run);
    size_t before = observed_memory(&observer);
    Orrery__Query query = ORRERY__QUERY__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_QUERY;
    ask.query = &query;
    for (int i = 0; i < 2000; i++) { /* Asks, and asks, and never hears. */
        size_t size = orrery__ask__get_packed_size(&ask);
        uint8_t packed[64];
        ask.id = 1000 + (uint64_t)i;
        assert_true(size + 8 < sizeof packed);
        size = orrery__ask__pack(&ask, packed);
        if (!page_frame(&slow, 2, true, bytes_of(packed, size)))
            break;
        orrery__tell__free_unpacked(window(&quick, 0, 1e18), NULL);
        struct pollfd p = {.fd = slow.fd, .events = POLLRDHUP};
        if (poll(&p, 1, 0) > 0)
            break;
    }
    struct pollfd p = {.fd = slow.fd, .events = POLLRDHUP};
    assert_int_equal(poll(&p, 1, PAGE_DEADLINE_MS), 1);
    orrery__tell__free_unpacked(window(&quick, 0, 1e18), NULL);
    assert_true(observed_memory(&observer) < before + (size_t)60 * MB);
    page_leave(&slow);
    page_leave(&quick);
}

static void a_hundred_pages_are_welcome(void **state)
{
    static struct page_client all[VIEWERS];
    static char *kinds[] = {"send", "operator"};
    static uint64_t ids[VIEWERS];
    char run[64];
    uint64_t ordinal;
    (void)state;
    page_enter(&all[0], &observer, "");
    page_sandbox(&all[0], "heartbeat", 5, true, run);
    for (size_t i = 1; i < VIEWERS; i++)
        page_enter(&all[i], &observer, run);
    for (size_t i = 1; i < VIEWERS; i++)
        ids[i] = watch(&all[i], kinds, 2, 1e18, 0);
    assert_true(page_act(&all[0], "pause n2", &ordinal));
    for (size_t i = 1; i < VIEWERS; i++)
        assert_int_equal(entry_of(&all[i], ids[i], ORRERY__EVENT__BODY_OPERATOR, 0), ordinal);
    assert_true(observed_memory(&observer) < (size_t)200 * MB);
    for (size_t i = 0; i < VIEWERS; i++)
        page_leave(&all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glance_at_the_past_leaves_the_watch_alone),
        cmocka_unit_test(words_find_events),
        cmocka_unit_test(a_cluster_of_processes_is_opened_and_hurt),
        cmocka_unit_test(runs_that_were_left_make_room),
        cmocka_unit_test(two_pages_see_one_run),
        cmocka_unit_test(the_end_of_a_run_is_told),
        cmocka_unit_test(what_cannot_be_opened_is_refused),
        cmocka_unit_test(thinning_is_told),
        cmocka_unit_test(a_hundred_pages_are_welcome),
        cmocka_unit_test(a_page_that_does_not_read_is_given_up),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
