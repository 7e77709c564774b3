/* The notebook, and what may have happened to its file. */
#include "unit/unit.h"

#include "session/notebook.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static int fresh(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/orrery-notebook-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return unlink(path);
}

static int gone(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void add(const char *exercise, double number)
{
    char why[300], mine[32];
    uint64_t events[] = {3, (uint64_t)number};
    Orrery__NotebookEntry e = ORRERY__NOTEBOOK_ENTRY__INIT;
    snprintf(mine, sizeof mine, "%.0f ms", number);
    e.lab = (char *)(uintptr_t) "heartbeat";
    e.exercise = (char *)(uintptr_t)exercise;
    e.mine = mine;
    e.met = number > 5;
    e.events = events;
    e.n_events = 2;
    if (!notebook_add(path, &e, why, sizeof why))
        fail_msg("%s", why);
}

static void expect(const char *const *exercises, size_t n)
{
    Orrery__Notebook *book = notebook_read(path);
    assert_int_equal(book->n_entries, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(book->entries[i]->exercise, exercises[i]);
    orrery__notebook__free_unpacked(book, NULL);
}

static void put_text(const char *text)
{
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void what_is_added_is_read_again(void **state)
{
    struct stat stat_of;
    (void)state;
    expect(NULL, 0);
    add("first", 3);
    add("second", 7);
    expect((const char *const[]){"first", "second"}, 2);
    Orrery__Notebook *book = notebook_read(path);
    assert_string_equal(book->entries[1]->mine, "7 ms");
    assert_true(book->entries[1]->met);
    assert_int_equal(book->entries[1]->n_events, 2);
    assert_int_equal(book->entries[1]->events[1], 7);
    orrery__notebook__free_unpacked(book, NULL);
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0600);
}

static void torn_and_foreign_lines_are_passed_over(void **state)
{
    static char longest[NOTEBOOK_LINE_MAX * 2];
    struct stat stat_of;
    (void)state;
    add("first", 1);
    put_text("hello\n\n00000000 \n0000000g AAAA\n00000000 AAAA\nffffffff !!!!\n");
    memset(longest, 'A', sizeof longest - 1);
    put_text(longest);
    put_text("\n");
    add("second", 2);
    assert_int_equal(stat(path, &stat_of), 0);
    add("torn", 3);
    assert_int_equal(truncate(path, stat_of.st_size + 20), 0);
    add("third", 4);
    expect((const char *const[]){"first", "second", "third"}, 3);
}

/* One changed byte costs no more than its line, or two where it was the end of one. */
static void damage_stays_where_it_is(void **state)
{
    static char text[4096];
    struct random r;
    (void)state;
    for (int i = 0; i < 5; i++)
        add("one", i);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    random_seed(&r, 1);
    for (int i = 0; i < 500; i++) {
        size_t at = random_below(&r, n);
        char was = text[at];
        text[at] = (char)random_below(&r, 256);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, n, f), n);
        fclose(f);
        Orrery__Notebook *book = notebook_read(path);
        assert_true(book->n_entries >= 3 && book->n_entries <= 5);
        orrery__notebook__free_unpacked(book, NULL);
        text[at] = was;
    }
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
    char why[300];
    Orrery__NotebookEntry e = ORRERY__NOTEBOOK_ENTRY__INIT;
    (void)state;
    assert_false(notebook_add("/nowhere/notebook", &e, why, sizeof why));
    assert_non_null(strstr(why, "/nowhere/notebook"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_added_is_read_again, fresh, gone),
        cmocka_unit_test_setup_teardown(torn_and_foreign_lines_are_passed_over, fresh, gone),
        cmocka_unit_test_setup_teardown(damage_stays_where_it_is, fresh, gone),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written_is_told, fresh, gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
