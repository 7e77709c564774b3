/* A recording as one page: what goes in comes out, whole, and what is cut is cut. */
#include "cli/export_html.h"
#include "session/story.h"
#include "unit/model.h"
#include "unit/starts.h"
#include "unit/unit.h"
#include "web/single.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { BEATS = 50, MOMENTS = 5, MS = 1000000 };

static char folder[] = "/tmp/orrery-carried-XXXXXX";
static char path[sizeof folder + 16];

static void put(struct timeline *t, uint32_t node, uint64_t seq, uint64_t ns, Orrery__Event *event)
{
    struct model_event e = {.seq = seq, .mono_ns = ns};
    model_pack(&e, event);
    timeline_ingest(t, node, 1, buf_bytes(&e.packed));
    buf_free(&e.packed);
}

static void put_start(struct timeline *t, uint32_t node)
{
    struct starts s;
    Orrery__Event event = ORRERY__EVENT__INIT;
    starts_fill(&s, node, 1);
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &s.start;
    put(t, node, 1, MS, &event);
    starts_free(&s);
}

/* n1 sends, and n2 receives a millisecond later. */
static void put_beat(struct timeline *t, uint64_t i)
{
    uint8_t body[] = {0x0a, 2, 8, 1};
    uint32_t to = 2;
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    send.to = &to;
    send.n_to = 1;
    send.body = (ProtobufCBinaryData){sizeof body, body};
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    put(t, 1, i + 2, (10 + i * 10) * MS, &event);
    receive.from = 1;
    receive.boot = 1;
    receive.event = i + 2;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    put(t, 2, i + 2, (11 + i * 10) * MS, &event);
}

static void put_story(struct timeline *t)
{
    Orrery__Lab lab = ORRERY__LAB__INIT;
    lab.title = (char *)(uintptr_t) "A \x1blab";
    story_keep_lab(t, &lab);
    for (uint32_t i = 0; i < MOMENTS; i++) {
        Orrery__LabState state = ORRERY__LAB_STATE__INIT;
        state.beat = i + 1;
        story_keep(t, i, &state, (uint64_t)i * 100 * MS);
    }
}

static void record(size_t beats, bool story)
{
    char why[200];
    struct timeline_options options = {.recording = path};
    orrery__run_info__init(&options.info);
    options.info.name = (char *)(uintptr_t) "calm-otter";
    options.info.nodes = 2;
    struct timeline *t = timeline_new(&options, why, sizeof why);
    assert_non_null(t);
    put_start(t, 1);
    put_start(t, 2);
    if (story)
        put_story(t);
    for (size_t i = 0; i < beats; i++)
        put_beat(t, i);
    timeline_flush(t);
    timeline_free(t);
}

/* --- reading a page as a browser does --- */

static struct buf decoded(struct bytes text)
{
    struct buf out = {0};
    uint32_t bits = 0, n = 0;
    for (size_t i = 0; i < text.len && text.base[i] != '='; i++) {
        static const char digits[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *digit = strchr(digits, text.base[i]);
        assert_non_null(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (++n % 4 == 1)
            continue;
        uint8_t byte = (uint8_t)(bits >> (n % 4 == 2 ? 4 : n % 4 == 3 ? 2 : 0));
        buf_append(&out, bytes_of(&byte, 1));
    }
    return out;
}

static Orrery__Carried *carried_of(const struct buf *page)
{
    static const char mark[] = "<script id=\"run\" type=\"application/octet-stream\">";
    static uint8_t plain[4 << 20];
    const uint8_t *from = memmem(page->base, page->len, mark, sizeof mark - 1);
    assert_non_null(from);
    from += sizeof mark - 1;
    const uint8_t *to = memchr(from, '<', page->len - (size_t)(from - page->base));
    assert_non_null(to);
    struct buf packed = decoded(bytes_of(from, (size_t)(to - from)));
    z_stream z = {.next_in = packed.base,
                  .avail_in = (uInt)packed.len,
                  .next_out = plain,
                  .avail_out = sizeof plain};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    Orrery__Carried *carried = orrery__carried__unpack(NULL, z.total_out, plain);
    assert_non_null(carried);
    inflateEnd(&z);
    buf_free(&packed);
    return carried;
}

static Orrery__Carried *exported(uint64_t until, struct carried_figures *figures)
{
    struct buf page = {0};
    char why[600] = "";
    bool made = export_html(path, until, &page, figures, why, sizeof why);
    if (!made && strstr(why, "without its page"))
        skip();
    assert_string_equal(why, "");
    assert_true(made);
    Orrery__Carried *carried = carried_of(&page);
    buf_free(&page);
    return carried;
}

static void carries_all_of_a_run(void **state)
{
    (void)state;
    struct carried_figures figures;
    record(BEATS, true);
    Orrery__Carried *c = exported(0, &figures);
    assert_int_equal(c->n_entries, 2 + 2 * BEATS);
    assert_int_equal(c->n_entry_ns, c->n_entries);
    assert_int_equal(c->n_entry_kind, c->n_entries);
    assert_int_equal(c->n_entry_text, c->n_entries);
    assert_int_equal(c->whole->n_sent_ns, BEATS);
    for (size_t i = 0; i < BEATS; i++)
        assert_true(c->whole->received_ns[i] == c->whole->sent_ns[i] + MS);
    assert_string_equal(c->kinds[c->entry_kind[0]], "start");
    assert_string_equal(c->opened->run->name, "calm-otter");
    assert_true(c->opened->recorded);
    assert_string_equal(c->status->recording, "");
    assert_int_equal(figures.entries, c->n_entries);
    assert_int_equal(figures.messages, BEATS);
    assert_int_equal(figures.moments, MOMENTS);
    orrery__carried__free_unpacked(c, NULL);
}

static void tells_how_its_lab_went(void **state)
{
    (void)state;
    struct carried_figures figures;
    record(BEATS, true);
    Orrery__Carried *c = exported(0, &figures);
    assert_string_equal(c->opened->lab->title, "A ?lab");
    assert_int_equal(c->opened->n_story, MOMENTS);
    for (uint32_t i = 0; i < MOMENTS; i++) {
        assert_int_equal(c->opened->story[i]->state->beat, i + 1);
        assert_true(c->opened->story[i]->at_ns == (double)i * 100 * MS);
    }
    orrery__carried__free_unpacked(c, NULL);
    record(BEATS, false);
    c = exported(0, &figures);
    assert_null(c->opened->lab);
    assert_int_equal(figures.moments, 0);
    orrery__carried__free_unpacked(c, NULL);
}

/* Up to the eleventh entry: the story and the messages end there too. */
static void is_cut_where_it_is_told(void **state)
{
    (void)state;
    struct carried_figures figures;
    record(BEATS, true);
    Orrery__Carried *c = exported(12, &figures);
    assert_int_equal(c->n_entries, 12);
    assert_int_equal(c->status->newest, 12);
    assert_int_equal(c->whole->n_sent_ns, 5);
    assert_int_equal(c->opened->n_story, 1);
    assert_int_equal(c->entries[11]->ordinal, 12);
    orrery__carried__free_unpacked(c, NULL);
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    struct carried_figures figures;
    struct buf page = {0};
    char why[600] = "";
    record(CARRIED_ENTRIES_MAX / 2, false);
    assert_false(export_html(path, 0, &page, &figures, why, sizeof why));
    assert_non_null(strstr(why, "--until e100000"));
    assert_int_equal(page.len, 0);
}

static void refuses_what_is_no_recording(void **state)
{
    (void)state;
    struct carried_figures figures;
    struct buf page = {0};
    char why[600] = "";
    assert_false(export_html("/dev/null", 0, &page, &figures, why, sizeof why));
    assert_true(*why);
}

static int begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.orr", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_all_of_a_run),         cmocka_unit_test(tells_how_its_lab_went),
        cmocka_unit_test(is_cut_where_it_is_told),      cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(refuses_what_is_no_recording),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
