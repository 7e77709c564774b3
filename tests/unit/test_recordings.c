/* The recordings of a state folder: what is listed of good and bad files, and what may be done. */
#include "unit/unit.h"

#include "base/crc32c.h"
#include "recordings_folder.h"
#include "session/recordings.h"
#include "timeline/orr.h"
#include "timeline/timeline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* A run that told of one command; its timeline, which is still being written. */
static struct timeline *begin(const char *name)
{
    char why[300];
    struct timeline_options options = {.recording = path_of(name)};
    orrery__run_info__init(&options.info);
    options.info.name = (char *)(uintptr_t) "calm-otter";
    options.info.protocol = (char *)(uintptr_t) "heartbeat";
    options.info.line = (char *)(uintptr_t) "orrery run heartbeat";
    struct timeline *t = timeline_new(&options, why, sizeof why);
    assert_non_null(t);
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Operator operator_ = ORRERY__OPERATOR__INIT;
    operator_.line = (char *)(uintptr_t) "heal";
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator_;
    timeline_operator(t, 2000000000, 1, &event);
    timeline_watermark(t, 3000000000);
    return t;
}

static void make(const char *name)
{
    timeline_free(begin(name));
}

static struct buf contents(const char *name)
{
    struct buf all = {0};
    FILE *f = fopen(path_of(name), "rb");
    assert_non_null(f);
    for (int c; (c = getc(f)) != EOF;)
        *buf_extend(&all, 1) = (uint8_t)c;
    fclose(f);
    return all;
}

static void names_are_no_paths(void **state)
{
    static const char *const good[] = {"calm-otter.orr", "a.orr", "_x.1.orr", "Two_Leaders.orr"};
    static const char *const bad[] = {"",        ".orr",         "a",         "../a.orr", "a/b.orr",
                                      "-a.orr",  ".a.orr",       "a.orr ",    "a b.orr",  "a.orr\n",
                                      "a.orr.x", "\xc3\xa4.orr", "/etc/a.orr"};
    char long_one[RECORDING_NAME_MAX + 8];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(recording_name_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(recording_name_ok(bad[i]));
    memset(long_one, 'a', sizeof long_one);
    memcpy(long_one + sizeof long_one - 5, ".orr", 5);
    assert_false(recording_name_ok(long_one));
}

static void an_empty_folder_has_none(void **state)
{
    (void)state;
    Orrery__Recordings *all = recordings_list(folder);
    assert_int_equal(all->n_recordings, 0);
    assert_int_equal(all->more, 0);
    orrery__recordings__free_unpacked(all, NULL);
    all = recordings_list("/nonexistent/folder");
    assert_int_equal(all->n_recordings, 0);
    orrery__recordings__free_unpacked(all, NULL);
}

static void a_whole_one_says_what_it_is_of(void **state)
{
    (void)state;
    make("calm-otter.orr");
    Orrery__Recording *r = recording_describe(folder, "calm-otter.orr");
    assert_string_equal(r->run->name, "calm-otter");
    assert_string_equal(r->run->line, "orrery run heartbeat");
    assert_int_equal(r->events, 1);
    assert_int_equal(r->length_ns, 2000000000);
    assert_string_equal(r->trouble, "");
    assert_false(r->being_written);
    orrery__recording__free_unpacked(r, NULL);
}

static void expect_trouble(const char *name, const char *part, bool opens)
{
    Orrery__Recording *r = recording_describe(folder, name);
    assert_non_null(r);
    assert_int_equal(r->run != NULL, opens);
    if (!strstr(r->trouble, part))
        fail_msg("%s: '%s' says nothing of '%s'", name, r->trouble, part);
    assert_null(strstr(r->trouble, folder));
    orrery__recording__free_unpacked(r, NULL);
}

static void what_is_not_whole_says_so(void **state)
{
    uint8_t newer[ORR_FILE_HEADER];
    (void)state;
    make("whole.orr");
    struct buf all = contents("whole.orr");
    put("cut.orr", all.base, all.len - 20);
    put("none.orr", "no recording at all, though it is long", 38);
    put("empty.orr", "", 0);
    orr_file_header(newer);
    put_u32(newer + 8, ORR_VERSION + 1);
    put_u32(newer + 12, crc32c(0, newer, 12));
    put("newer.orr", newer, sizeof newer);
    expect_trouble("cut.orr", "cut short", true);
    expect_trouble("none.orr", "no recording", false);
    expect_trouble("newer.orr", "newer orrery", false);
    Orrery__Recordings *list = recordings_list(folder);
    assert_int_equal(list->n_recordings, 5);
    orrery__recordings__free_unpacked(list, NULL);
    buf_free(&all);
}

static void links_and_folders_are_passed_over(void **state)
{
    (void)state;
    make("whole.orr");
    assert_int_equal(symlink("/etc/passwd", path_of("link.orr")), 0);
    assert_int_equal(mkdir(path_of("folder.orr"), 0700), 0);
    assert_int_equal(mkfifo(path_of("pipe.orr"), 0600), 0);
    Orrery__Recordings *list = recordings_list(folder);
    assert_int_equal(list->n_recordings, 1);
    orrery__recordings__free_unpacked(list, NULL);
    char path[300], why[300];
    assert_false(recording_path(folder, "link.orr", path, sizeof path, why, sizeof why));
    assert_true(recording_remove(folder, "link.orr", why, sizeof why) < 0);
}

static void one_is_renamed_and_deleted(void **state)
{
    char why[300];
    (void)state;
    make("a.orr");
    make("b.orr");
    assert_true(recording_rename(folder, "a.orr", "b.orr", why, sizeof why) < 0);
    assert_non_null(strstr(why, "there already"));
    assert_true(recording_rename(folder, "a.orr", "../c.orr", why, sizeof why) < 0);
    assert_true(recording_rename(folder, "none.orr", "c.orr", why, sizeof why) < 0);
    assert_int_equal(recording_rename(folder, "a.orr", "c.orr", why, sizeof why), 0);
    assert_int_equal(access(path_of("a.orr"), F_OK), -1);
    assert_int_equal(recording_remove(folder, "c.orr", why, sizeof why), 0);
    assert_int_equal(access(path_of("c.orr"), F_OK), -1);
    assert_true(recording_remove(folder, "c.orr", why, sizeof why) < 0);
}

static void one_that_is_being_written_is_left_alone(void **state)
{
    char why[300];
    (void)state;
    struct timeline *t = begin("now.orr");
    Orrery__Recording *r = recording_describe(folder, "now.orr");
    assert_true(r->being_written);
    orrery__recording__free_unpacked(r, NULL);
    assert_true(recording_remove(folder, "now.orr", why, sizeof why) < 0);
    assert_non_null(strstr(why, "being written"));
    assert_true(recording_rename(folder, "now.orr", "then.orr", why, sizeof why) < 0);
    timeline_free(t);
    assert_int_equal(recording_remove(folder, "now.orr", why, sizeof why), 0);
}

static int take(const char *name, struct bytes all, size_t part, char *got, char *why, size_t size)
{
    int status = 0;
    struct incoming *in = incoming_new(folder, name, why, size);
    if (!in)
        return -1;
    for (size_t at = 0; at < all.len && status == 0; at += part) {
        size_t n = all.len - at < part ? all.len - at : part;
        status = incoming_part(in, bytes_of(all.base + at, n), why, size);
    }
    if (status == 0)
        status = incoming_end(in, got, why, size);
    incoming_free(in);
    return status;
}

static void one_from_outside_gets_a_name_that_is_free(void **state)
{
    char why[300], got[RECORDING_NAME_MAX];
    (void)state;
    make("whole.orr");
    struct buf all = contents("whole.orr");
    assert_int_equal(take("new.orr", buf_bytes(&all), 7, got, why, sizeof why), 0);
    assert_string_equal(got, "new.orr");
    assert_int_equal(take("new.orr", buf_bytes(&all), 1000, got, why, sizeof why), 0);
    assert_string_equal(got, "new-2.orr");
    struct buf copy = contents("new-2.orr");
    assert_true(bytes_equal(buf_bytes(&copy), buf_bytes(&all)));
    buf_free(&copy);
    buf_free(&all);
}

static void what_is_no_recording_leaves_nothing(void **state)
{
    char why[300], got[RECORDING_NAME_MAX];
    (void)state;
    const struct bytes junk = bytes_str("no recording at all, though it is long enough");
    assert_true(take("junk.orr", junk, 10, got, why, sizeof why) < 0);
    assert_non_null(strstr(why, "junk.orr"));
    assert_null(strstr(why, folder));
    assert_true(take("../junk.orr", junk, 10, got, why, sizeof why) < 0);
    struct incoming *in = incoming_new(folder, "half.orr", why, sizeof why);
    assert_int_equal(incoming_part(in, junk, why, sizeof why), 0);
    incoming_free(in);
    assert_int_equal(rmdir(folder), 0); /* It is empty. */
    assert_int_equal(mkdir(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_no_paths),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_none, fresh, gone),
        cmocka_unit_test_setup_teardown(a_whole_one_says_what_it_is_of, fresh, gone),
        cmocka_unit_test_setup_teardown(what_is_not_whole_says_so, fresh, gone),
        cmocka_unit_test_setup_teardown(links_and_folders_are_passed_over, fresh, gone),
        cmocka_unit_test_setup_teardown(one_is_renamed_and_deleted, fresh, gone),
        cmocka_unit_test_setup_teardown(one_that_is_being_written_is_left_alone, fresh, gone),
        cmocka_unit_test_setup_teardown(one_from_outside_gets_a_name_that_is_free, fresh, gone),
        cmocka_unit_test_setup_teardown(what_is_no_recording_leaves_nothing, fresh, gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
