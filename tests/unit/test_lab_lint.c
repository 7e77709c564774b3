/* What a lab's texts mean is judged before it is played: each fault is named with its line and
 * column, and says what was expected. */
#include "unit/unit.h"

#include "lab/lint.h"
#include "lab/read.h"

#include <stdio.h>
#include <string.h>

static const char good[] = "name: toy\n"                                            /* 1 */
                           "title: A toy\n"                                         /* 2 */
                           "group: system-design\n"                                 /* 3 */
                           "promise: Shows what can be wrong.\n"                    /* 4 */
                           "seconds: 100\n"                                         /* 5 */
                           "groups:\n"                                              /* 6 */
                           "  - protocol: kv\n"                                     /* 7 */
                           "    count: 2\n"                                         /* 8 */
                           "load:\n"                                                /* 9 */
                           "  clients: 4\n"                                         /* 10 */
                           "  rate: 50\n"                                           /* 11 */
                           "  keys: 8\n"                                            /* 12 */
                           "  value_bytes: 100\n"                                   /* 13 */
                           "  mix: [set 60, get 40]\n"                              /* 14 */
                           "beats:\n"                                               /* 15 */
                           "  - title: One\n"                                       /* 16 */
                           "    say: Then {killed}.\n"                              /* 17 */
                           "    seconds: 10\n"                                      /* 18 */
                           "    do: kill n2\n"                                      /* 19 */
                           "    until:\n"                                           /* 20 */
                           "      - event: exit node=2\n"                           /* 21 */
                           "        as: killed\n"                                   /* 22 */
                           "        catch: [\"who = node\"]\n"                      /* 23 */
                           "        then: restart n2\n"                             /* 24 */
                           "      - event: start node=n$who\n"                      /* 25 */
                           "        unless: exit node=1\n"                          /* 26 */
                           "        count: 1\n"                                     /* 27 */
                           "    within_ms: 9000\n"                                  /* 28 */
                           "exercises:\n"                                           /* 29 */
                           "  - name: first\n"                                      /* 30 */
                           "    after_beat: 1\n"                                    /* 31 */
                           "    ask: How many?\n"                                   /* 32 */
                           "    choices: [None, Some]\n"                            /* 33 */
                           "    do: break n1 --at 'written log=wal' --then power\n" /* 34 */
                           "    until:\n"                                           /* 35 */
                           "      - event: exit node=1\n"                           /* 36 */
                           "        as: cut\n"                                      /* 37 */
                           "    measure: field of=cut name=lost_bytes\n"            /* 38 */
                           "    when: [\"= 0\", \"> 0\"]\n"                         /* 39 */
                           "    prove: [cut]\n"                                     /* 40 */
                           "    because: At {cut} they went.\n"                     /* 41 */
                           "  - name: second\n"                                     /* 42 */
                           "    after_beat: 1\n"                                    /* 43 */
                           "    ask: How many bytes?\n"                             /* 44 */
                           "    number: {min: 0, max: 9000, tolerance: 0.2}\n"      /* 45 */
                           "    until:\n"                                           /* 46 */
                           "      - event: history.Complete node=n2\n"              /* 47 */
                           "    measure: lost on=n1\n"                              /* 48 */
                           "goals:\n"                                               /* 49 */
                           "  - ask: Lose one.\n"                                   /* 50 */
                           "    until:\n"                                           /* 51 */
                           "      - event: exit lost_bytes>0\n"                     /* 52 */
                           "invariants:\n"                                          /* 53 */
                           "  - text: It holds\n"                                   /* 54 */
                           "    checker: history\n"                                 /* 55 */
                           "    invariant: durability\n"                            /* 56 */
                           "flaws:\n"                                               /* 57 */
                           "  - flaw: no-checksum\n"                                /* 58 */
                           "    title: No checksum\n"                               /* 59 */
                           "    do: disk n1 --slow 20ms\n"                          /* 60 */
                           "    refutes: history/durability\n"                      /* 61 */
                           "    tries: 9\n"                                         /* 62 */
                           "    until:\n"                                           /* 63 */
                           "      - event: kv.RecoveryDone node=n1\n"               /* 64 */
                           "controls:\n"                                            /* 65 */
                           "  - {kind: kill, title: Kill}\n"                        /* 66 */
                           "  - {kind: setting, title: Sync, setting: sync}\n";     /* 67 */

static void read_linted(struct lab_file *f, const char *text)
{
    lab_read(f, "toy.yaml", bytes_str(text));
    if (f->n_faults == 0)
        lab_lint(f);
}

/* One part of `good` replaced, and what must be said of it: "LINE:COLUMN: sentence". */
struct fault {
    const char *part, *instead, *said;
};

static bool told(const struct fault *fault)
{
    struct lab_file f;
    struct buf text = {0};
    char said[300];
    const char *at = strstr(good, fault->part);
    assert_non_null(at);
    buf_append(&text, bytes_of(good, (size_t)(at - good)));
    buf_append(&text, bytes_str(fault->instead));
    buf_append(&text, bytes_str(at + strlen(fault->part)));
    buf_append(&text, bytes_of("", 1));
    read_linted(&f, (const char *)text.base);
    buf_append(&f.faults, bytes_of("", 1));
    snprintf(said, sizeof said, "toy.yaml:%s", fault->said);
    bool fine = f.n_faults > 0 && strstr((const char *)f.faults.base, said);
    if (!fine)
        print_error("\"%s\" instead of \"%s\": \"%s\" was not said, but: %s\n", fault->instead,
                    fault->part, said, (const char *)f.faults.base);
    lab_file_free(&f);
    buf_free(&text);
    return fine;
}

static void all_told(const struct fault *faults, size_t n)
{
    bool fine = true;
    for (size_t i = 0; i < n; i++)
        fine = told(&faults[i]) && fine;
    assert_true(fine);
}
#define TOLD(...)                                                                                  \
    do {                                                                                           \
        static const struct fault faults[] = {__VA_ARGS__};                                        \
        all_told(faults, sizeof faults / sizeof faults[0]);                                        \
    } while (0)

static void what_is_right_is_taken(void **state)
{
    (void)state;
    struct lab_file f;
    read_linted(&f, good);
    if (f.n_faults)
        fail_msg("%.*s", (int)f.faults.len, (const char *)f.faults.base);
    lab_file_free(&f);
}

static void the_head(void **state)
{
    (void)state;
    TOLD({"name: toy\n", "", "1:1: name is missing here"},
         {"title: A toy\n", "", "1:1: title is missing here"},
         {"promise: Shows what can be wrong.\n", "", "1:1: promise is missing here"},
         {"seconds: 100", "seconds: 1801", "5:10: seconds is 1801: at most 1800"},
         {"seconds: 100", "seconds: -1", "5:10: seconds is '-1': expected a whole number"},
         {"group: system-design", "group: Kafka",
          "3:8: group is 'Kafka': expected system-design, distributed-systems, kafka or ai"});
}

static void the_load(void **state)
{
    (void)state;
    TOLD({"clients: 4", "clients: 17", "10:12: clients is 17: expected 1 to 16"},
         {"clients: 4", "clients: 0", "10:12: clients is 0: expected 1 to 16"},
         {"rate: 50", "rate: 3000", "11:9: rate is 3000: expected 0 to 2000"},
         {"rate: 50", "rate: -1", "11:9: rate is -1: expected 0 to 2000"},
         {"rate: 50", "rate: .nan", "11:9: rate"},
         {"keys: 8", "keys: 0", "12:9: keys is 0: expected 1 to 4096"},
         {"value_bytes: 100", "value_bytes: 5000", "13:16: value_bytes is 5000: at most 4096"},
         {"get 40", "got 40",
          "14:17: 'got 40': expected set, get, del, incr, exec, append or cas and a weight"},
         {"get 40", "get",
          "14:17: 'get': expected set, get, del, incr, exec, append or cas and a weight"});
}

static void beats_and_clues(void **state)
{
    (void)state;
    TOLD({"  - title: One\n    say", "  - say", "16:5: title is missing here"},
         {"    say: Then {killed}.\n", "", "16:5: say is missing here"},
         {"    seconds: 10\n", "    seconds: 301\n",
          "18:14: seconds is 301: at most 300 for a beat"},
         {"{killed}.", "{whom}",
          "17:10: {whom} is bound nowhere up to here: expected a clue's name"},
         {"event: exit node=2\n        as", "as", "21:9: a clue needs an event: a pattern, as"},
         {"exit node=2", "exit nod=2", "21:16: orrery.Exit has no field 'nod'; it has node, boot"},
         {"exit node=2", "exit node=two",
          "21:16: node is compared with a whole number, not with 'two'"},
         {"as: killed", "as: kill ed",
          "22:13: 'kill ed' is no name: expected letters, digits and _"},
         {"who = node", "who: node", "23:17: 'who: node': expected NAME = FIELD, as \"x = peer\""},
         {"then: restart n2", "then: restart n3",
          "24:15: 'restart n3' names n3: the lab has 2 nodes"},
         {"then: restart n2", "then: pace 9", "24:15: 'pace' is not for labs: nodes and pace are"},
         {"n$who", "n$whom", "25:16: nothing is caught as $whom before"},
         {"unless: exit node=1", "unless: exits", "26:17: there is no kind of event 'exits'"},
         {"count: 1\n", "count: 100001\n", "27:16: count is 100001: at most 100000"},
         {"within_ms: 9000", "within_ms: 9000000", "28:16: within_ms is 9000000: at most 1800000"});
}

static void exercises(void **state)
{
    (void)state;
    TOLD({"  - name: first\n    after_beat", "  - after_beat", "30:5: name is missing here"},
         {"after_beat: 1\n    ask: How many?", "after_beat: 2\n    ask: How many?",
          "31:17: after_beat is 2: expected 1 to 1"},
         {"    ask: How many?\n", "", "30:5: ask is missing here"},
         {"[None, Some]", "[None]", "30:5: an exercise has 2 to 8 choices"},
         {"[None, Some]", "[None, One, More]",
          "30:5: there are 3 choices and 2 conditions: expected a when for each"},
         {"    choices: [None, Some]\n", "",
          "30:5: an exercise asks for one of its choices, or for a number"},
         {"written log=wal", "written log=wall", "34:9: log is compared with"},
         {"--then power", "--then sleep", "34:9: --then takes kill|pause|power, not 'sleep'"},
         {"measure: field of=cut", "measure: feild of=cut",
          "38:14: there is no measure 'feild': did you mean field?"},
         {"measure: field of=cut", "measure: field of=cutt",
          "38:14: no clue is named 'cutt' up to here"},
         {"name=lost_bytes", "nam=lost_bytes",
          "38:14: 'nam=lost_bytes': field takes of=... name=..."},
         {"\"= 0\"", "\"about 0\"", "39:12: 'about 0' is no condition: expected \"< 200 ms\""},
         {"prove: [cut]", "prove: [cat]", "40:13: no clue is named 'cat' up to here"},
         {"because: At {cut}", "because: At {cat}", "41:14: {cat} is bound nowhere up to here"},
         {"max: 9000", "max: -1", "45:13: max must be larger than min"},
         {"tolerance: 0.2", "tolerance: 2", "45:44: tolerance is a share, from 0 to 1"},
         {"measure: lost on=n1", "measure: lost on=n9", "48:14: it names n9: the lab has 2 nodes"},
         {"    until:\n      - event: history.Complete node=n2\n", "",
          "42:5: until is missing here: what must the measurement have seen?"});
}

static void goals_flaws_and_invariants(void **state)
{
    (void)state;
    TOLD({"  - ask: Lose one.\n    until", "  - until", "50:5: ask is missing here"},
         {"exit lost_bytes>0", "exit lost_bytes>0\n        then: kill n1",
          "52:9: a goal is the user's to reach: it does nothing"},
         {"lost_bytes>0", "lost_bits>0", "52:16: orrery.Exit has no field 'lost_bits'"},
         {"checker: history", "checker: histories", "54:5: no checker has 'histories/durability'"},
         {"flaw: no-checksum", "flaw: no-check", "58:11: there is no flaw 'no-check'; there are: "},
         {"refutes: history/durability", "refutes: durability",
          "61:14: no checker has 'durability': there are "},
         {"tries: 9", "tries: 101", "62:12: tries is 101: at most 100"},
         {"kv.RecoveryDone", "kv.Recovered", "64:16: there is no kind of event 'kv.Recovered'"},
         {"kind: kill, title", "kind: nuke, title",
          "66:5: there is no control 'nuke': expected kill, pause, resume"},
         {"setting: sync}", "setting: snyc}", "67:5: the protocol has no setting 'snyc'"});
}

static void a_lab_that_does_nothing(void **state)
{
    (void)state;
    struct lab_file f;
    read_linted(&f, "name: idle\n"
                    "title: Idle\n"
                    "group: ai\n"
                    "promise: Nothing.\n"
                    "groups: [{protocol: kv}]\n"
                    "beats: [{title: One, say: So.}]\n");
    buf_append(&f.faults, bytes_of("", 1));
    assert_int_equal(f.n_faults, 2);
    assert_non_null(strstr((const char *)f.faults.base, "nothing is done in this lab"));
    assert_non_null(strstr((const char *)f.faults.base, "invariants is missing"));
    lab_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_taken),
        cmocka_unit_test(the_head),
        cmocka_unit_test(the_load),
        cmocka_unit_test(beats_and_clues),
        cmocka_unit_test(exercises),
        cmocka_unit_test(goals_flaws_and_invariants),
        cmocka_unit_test(a_lab_that_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
