/* Labs as files: what is right is taken, and each fault is named with its line and column. */
#include "unit/unit.h"

#include "lab/groups.h"
#include "lab/lint.h"
#include "lab/read.h"
#include "lab/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char good[] = "name: toy\n"
                           "title: A toy\n"
                           "group: distributed-systems\n"
                           "promise: Shows that it can be read.\n"
                           "groups:\n"
                           "  - protocol: heartbeat\n"
                           "    count: 3\n"
                           "    settings: interval_ms=100\n"
                           "beats:\n"
                           "  - title: One\n"
                           "    say: >\n"
                           "      It is {heard},\n"
                           "      and **nothing** else.\n"
                           "    do: kill n2\n"
                           "    until:\n"
                           "      - event: receive Beat node=n1\n"
                           "        as: heard\n"
                           "        catch: [\"who = from\"]\n"
                           "invariants:\n"
                           "  - text: It holds\n"
                           "    checker: heartbeat\n"
                           "    invariant: accuracy\n";

static void read_linted(struct lab_file *f, const char *text)
{
    lab_read(f, "toy.yaml", bytes_str(text));
    if (f->n_faults == 0)
        lab_lint(f);
}

/* The text with one line of `good` replaced, and what must be said of it. */
static void faulty(const char *line, const char *instead, const char *said)
{
    struct lab_file f;
    struct buf text = {0};
    const char *at = strstr(good, line);
    assert_non_null(at);
    buf_append(&text, bytes_of(good, (size_t)(at - good)));
    buf_append(&text, bytes_str(instead));
    buf_append(&text, bytes_str(at + strlen(line)));
    buf_append(&text, bytes_of("", 1));
    read_linted(&f, (const char *)text.base);
    buf_append(&f.faults, bytes_of("", 1));
    if (f.n_faults == 0 || !strstr((const char *)f.faults.base, said))
        fail_msg("instead of \"%s\" it was said: %s", said, (const char *)f.faults.base);
    lab_file_free(&f);
    buf_free(&text);
}

static void what_is_right_is_taken(void **state)
{
    (void)state;
    struct lab_file f;
    read_linted(&f, good);
    assert_int_equal(f.n_faults, 0);
    assert_string_equal(f.lab->name, "toy");
    assert_int_equal(f.lab->groups[0]->count, 3);
    assert_int_equal(f.lab->groups[0]->n_settings, 1);
    assert_string_equal(f.lab->beats[0]->say, "It is {heard}, and **nothing** else.");
    assert_string_equal(f.lab->beats[0]->do_[0], "kill n2");
    assert_int_equal(lab_nodes(f.lab), 3);
    lab_file_free(&f);
}

static void faults_of_the_file_have_their_place(void **state)
{
    (void)state;
    faulty("title: A toy", "titel: A toy",
           "toy.yaml:2:1: there is no key 'titel' here: did you mean title?");
    faulty("    count: 3", "    count: three",
           "toy.yaml:7:12: count is 'three': expected a whole number");
    faulty("    count: 3", "    count: 99999999999", "toy.yaml:7:12:");
    faulty("    count: 3", "    count: [3]", "toy.yaml:7:12: count cannot be a list");
    faulty("title: A toy", "name: other", "toy.yaml:2:1: name is said twice here");
    faulty("title: A toy", "title: \"a\\e[31mb\"", "toy.yaml:2:8: title holds control characters");
    faulty("title: A toy", "title: &x A toy", "toy.yaml:2:8: anchors, aliases and tags");
    faulty("title: A toy", "title: [", "this is no YAML");
    faulty("title: A toy", "title:", "title is empty");
    faulty("groups:\n", "groups: none\nflaws:\n", "groups is a list");
    faulty("name: toy\n", "name: toy\n---\n", "toy.yaml:2:1: a second document begins here");
}

static void faults_of_the_words_have_their_place(void **state)
{
    (void)state;
    faulty("kill n2", "kil n2", "toy.yaml:14:9:");
    faulty("kill n2", "kill n7", "toy.yaml:14:9: 'kill n7' names n7: the lab has 3 nodes");
    faulty("kill n2", "add 100", "toy.yaml:14:9: 'add' is not for labs");
    faulty("kill n2", "kill n$who", "toy.yaml:14:9: nothing is caught as $who before");
    faulty("kill n2", "sh -c true", "toy.yaml:14:9:");
    faulty("receive Beat", "receive Bea", "toy.yaml:16:16:");
    faulty("receive Beat", "heartbeat.Opinio", "toy.yaml:16:16: there is no kind of event");
    faulty("{heard}", "{herd}", "toy.yaml:11:10: {herd} is bound nowhere up to here");
    faulty("**nothing**", "**nothing", "toy.yaml:11:10: a ** is without its other one");
    faulty("who = from", "who from", "toy.yaml:18:17:");
    faulty("protocol: heartbeat", "protocol: hartbeat", "toy.yaml:6:5: ");
    faulty("interval_ms=100", "interval=100", "toy.yaml:6:5: ");
    faulty("count: 3", "count: 65", "toy.yaml:7:12: count is 65: at most 64 nodes");
    faulty("invariant: accuracy", "invariant: perfection", "toy.yaml:20:5: no checker has");
    faulty("distributed-systems", "cooking", "toy.yaml:3:8: group is 'cooking'");
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct lab_file f;
    struct buf text = {0};
    for (int i = 0; i < LAB_FILE_MAX / 4; i++)
        buf_printf(&text, "[[[[[");
    lab_read(&f, "deep.yaml", buf_bytes(&text));
    assert_true(f.n_faults > 0);
    lab_file_free(&f);
    text.len = LAB_FILE_MAX / 2;
    lab_read(&f, "deep.yaml", buf_bytes(&text));
    assert_true(f.n_faults > 0);
    lab_file_free(&f);
    buf_clear(&text);
    buf_printf(&text, "name: ");
    for (int i = 0; i <= LAB_TEXT_MAX; i++)
        buf_printf(&text, "x");
    lab_read(&f, "long.yaml", buf_bytes(&text));
    assert_int_equal(f.n_faults, 1);
    lab_file_free(&f);
    buf_clear(&text);
    buf_printf(&text, "beats:\n");
    for (int i = 0; i <= LAB_LIST_MAX; i++)
        buf_printf(&text, "  - title: x\n");
    lab_read(&f, "many.yaml", buf_bytes(&text));
    assert_int_equal(f.n_faults, 1);
    assert_int_equal(f.lab->n_beats, LAB_LIST_MAX);
    lab_file_free(&f);
    buf_free(&text);
}

static void the_labs_that_there_are_are_right(void **state)
{
    (void)state;
    static const char *const names[] = {"heartbeat", "wal", "backpropagation"};
    char path[600], why[700];
    struct lab_file f;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/labs/%s/lab.yaml", ORRERY_SOURCE, names[i]);
        assert_true(lab_file_load(path, &f, why, sizeof why));
        if (f.n_faults)
            fail_msg("%.*s", (int)f.faults.len, (const char *)f.faults.base);
        assert_true(f.lab->n_beats >= 6 && f.lab->n_beats <= 10);
        assert_true(f.lab->n_exercises >= 3);
        assert_true(f.lab->n_flaws >= 2);
        lab_file_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_taken),
        cmocka_unit_test(faults_of_the_file_have_their_place),
        cmocka_unit_test(faults_of_the_words_have_their_place),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(the_labs_that_there_are_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
