/* Labs of several groups: what is wrong with them is said at its place, what the user adds goes to
 * those who know it, and a pattern may mean something to some of them only. */
#include "unit/unit.h"

#include "lab/groups.h"
#include "lab/lint.h"
#include "lab/read.h"

#include <stdio.h>
#include <string.h>

static const char good[] = "name: toy\n"
                           "title: A toy\n"
                           "group: distributed-systems\n"
                           "promise: Shows groups.\n"
                           "groups:\n"
                           "  - name: watch\n"
                           "    protocol: heartbeat\n"
                           "    count: 3\n"
                           "    settings: interval_ms=100\n"
                           "  - name: store\n"
                           "    protocol: kv\n"
                           "    settings: sync=each\n"
                           "    peers: store\n"
                           "  - name: spare\n"
                           "    protocol: kv\n"
                           "    peers: [spare]\n"
                           "    grows: true\n"
                           "beats:\n"
                           "  - title: One\n"
                           "    say: So.\n"
                           "    do: kill n2\n"
                           "    until:\n"
                           "      - event: receive Beat node=n1 group=watch\n"
                           "      - event: exit group=watch\n"
                           "      - event: history.Complete group=spare ops.f=set\n"
                           "flaws:\n"
                           "  - flaw: ack-before-sync\n"
                           "    title: Too early\n"
                           "    refutes: history/durability\n"
                           "invariants:\n"
                           "  - text: It holds\n"
                           "    checker: heartbeat\n"
                           "    invariant: accuracy\n"
                           "controls:\n"
                           "  - kind: setting\n"
                           "    title: Sync\n"
                           "    setting: sync\n";

static void read_linted(struct lab_file *f, const char *text)
{
    lab_read(f, "toy.yaml", bytes_str(text));
    if (f->n_faults == 0)
        lab_lint(f);
}

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
    if (f.n_faults)
        fail_msg("%.*s", (int)f.faults.len, (const char *)f.faults.base);
    assert_int_equal(f.lab->n_groups, 3);
    assert_int_equal(lab_nodes(f.lab), 5);
    lab_file_free(&f);
}

static void faults_have_their_place(void **state)
{
    (void)state;
    faulty("  - name: store\n    protocol", "  - protocol",
           "toy.yaml:10:5: name is missing here: of several groups each has one");
    faulty("name: store\n", "name: watch\n",
           "toy.yaml:10:11: a group before this one is named 'watch' already");
    faulty("name: store\n", "name: The Store\n",
           "toy.yaml:10:11: 'The Store' is no name for a group: expected 1 to 24 lower-case");
    faulty("peers: store\n", "peers: [store, stoer]\n",
           "toy.yaml:13:20: there is no group 'stoer': expected the name of one");
    faulty("peers: store\n", "peers: [store, watch]\n",
           "toy.yaml:13:20: 'watch' runs heartbeat and not kv: expected peers of one protocol");
    faulty("peers: store\n", "peers: [store, spare]\n",
           "toy.yaml:13:20: 'spare' does not name 'store' among its peers: expected both to");
    faulty("peers: store\n", "peers: spare\n", "toy.yaml:13:12: 'store' is missing among its own");
    faulty("    count: 3\n", "    count: 3\n    grows: true\n",
           "toy.yaml:9:12: only the last group can grow");
    faulty("    peers: store\n", "    count: 61\n",
           "toy.yaml:14:5: with this group there are 65 nodes: at most 64");
    faulty("sync=each", "sync=sometimes", "toy.yaml:10:5: sync is one of");
    faulty("sync=each", "interval_ms=3", "toy.yaml:10:5: there is no setting 'interval_ms'");
    faulty("group=spare", "group=spar", "toy.yaml:25:16: there is no group 'spar' here");
    faulty("ops.f=set", "ops.g=set", "toy.yaml:25:16: history.Complete has no field 'ops.g'");
    faulty("history.Complete", "history.Compleet", "toy.yaml:25:16: there is no kind of event");
    faulty("flaw: ack-before-sync", "flaw: ack-after", "toy.yaml:27:11: ");
    faulty("setting: sync", "setting: sink", "toy.yaml:35:5: the protocol has no setting 'sink'");
}

static bool make(struct lab_groups *g, const Orrery__Lab *lab, const struct lab_wish *wish,
                 char *why)
{
    *why = 0;
    return lab_groups_make(g, lab, wish, why, 400);
}

static void wishes_go_to_those_who_know_them(void **state)
{
    (void)state;
    static const char *const settings[] = {"sync=never", "interval-ms=50"};
    static const char *const flaws[] = {"ack-before-sync", "wall-clock"};
    struct lab_wish wish = {.settings = settings, .n_settings = 2, .flaws = flaws, .n_flaws = 2};
    struct lab_file f;
    struct lab_groups g;
    char why[400];
    read_linted(&f, good);
    if (!make(&g, f.lab, &wish, why))
        fail_msg("%s", why);
    assert_int_equal(g.n, 3);
    assert_string_equal(g.all[1].name, "store");
    assert_int_equal(g.all[0].nodes, 3);
    assert_int_equal(g.all[0].peers, 0);
    assert_int_equal(g.all[1].peers, 1 << 1);
    assert_int_equal(g.instances[0].n_settings, 2);
    assert_string_equal(g.instances[0].settings[1], "interval-ms=50");
    assert_int_equal(g.instances[1].n_settings, 2);
    assert_string_equal(g.instances[1].settings[1], "sync=never");
    assert_int_equal(g.instances[2].n_settings, 1);
    assert_string_equal(g.instances[0].flaws[0], "wall-clock");
    assert_string_equal(g.instances[2].flaws[0], "ack-before-sync");
    assert_int_equal(g.n_flaws, 2);
    lab_groups_free(&g);
    lab_file_free(&f);
}

static void what_nobody_knows_is_refused(void **state)
{
    (void)state;
    static const char *const setting = "colour=red", *const flaw = "forgetful",
                             *const wrong = "sync=sometimes";
    struct lab_file f;
    struct lab_groups g;
    char why[400];
    read_linted(&f, good);
    assert_false(make(&g, f.lab, &(struct lab_wish){.settings = &setting, .n_settings = 1}, why));
    assert_non_null(strstr(why, "there is no setting 'colour'"));
    assert_false(make(&g, f.lab, &(struct lab_wish){.flaws = &flaw, .n_flaws = 1}, why));
    assert_non_null(strstr(why, "there is no flaw 'forgetful'"));
    assert_false(make(&g, f.lab, &(struct lab_wish){.settings = &wrong, .n_settings = 1}, why));
    assert_non_null(strstr(why, "sync is one of"));
    lab_file_free(&f);
}

static void only_one_group_grows(void **state)
{
    (void)state;
    struct lab_file f;
    struct lab_groups g;
    char why[400];
    read_linted(&f, good);
    assert_true(make(&g, f.lab, &(struct lab_wish){.nodes = 8}, why));
    assert_int_equal(g.all[0].nodes, 3);
    assert_int_equal(g.all[2].nodes, 4);
    lab_groups_free(&g);
    assert_false(make(&g, f.lab, &(struct lab_wish){.nodes = 4}, why));
    assert_string_equal(why, "the nodes of toy go from 5 (it names so many) to 64");
    f.lab->groups[2]->grows = false;
    assert_false(make(&g, f.lab, &(struct lab_wish){.nodes = 8}, why));
    assert_string_equal(why, "the 5 nodes of toy have each their part: there are no more");
    lab_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_taken),
        cmocka_unit_test(faults_have_their_place),
        cmocka_unit_test(wishes_go_to_those_who_know_them),
        cmocka_unit_test(what_nobody_knows_is_refused),
        cmocka_unit_test(only_one_group_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
