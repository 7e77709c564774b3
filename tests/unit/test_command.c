/* Command lines: what the parser takes, what it says, and that the printer gives it back. */
#include "base/random.h"
#include "cluster/command.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Orrery__Command *parse(const char *line, char *why, size_t size)
{
    struct buf memory = {0};
    const char *words[64];
    int n = words_split(line, &memory, words, 64);
    assert_true(n >= 0);
    Orrery__Command *command = command_parse(words, (size_t)n, why, size);
    buf_free(&memory);
    return command;
}

static void print(const Orrery__Command *command, char *line, size_t size)
{
    struct buf b = {0};
    command_print(command, &b);
    snprintf(line, size, "%.*s", (int)b.len, (const char *)b.base);
    buf_free(&b);
}

static void line_becomes(const char *line, const char *expected)
{
    char why[300] = "", printed[1024], again[1024];
    Orrery__Command *command = parse(line, why, sizeof why);
    if (!command)
        fail_msg("'%s': %s", line, why);
    print(command, printed, sizeof printed);
    assert_string_equal(printed, expected);
    Orrery__Command *twice = parse(printed, why, sizeof why);
    assert_non_null(twice);
    print(twice, again, sizeof again);
    assert_string_equal(again, printed);
    orrery__command__free_unpacked(command, NULL);
    orrery__command__free_unpacked(twice, NULL);
}

static void lines_are_normalized(void **state)
{
    (void)state;
    line_becomes("kill n2", "kill n2");
    line_becomes("kill n3,n1,n3", "kill n1,n3");
    line_becomes("resume n1-n3,n7", "resume n1-n3,n7");
    line_becomes("pause n1,n2", "pause n1,n2");
    line_becomes("kill all", "kill all");
    line_becomes("power n2", "power n2");
    line_becomes("power --lose random n2 --seed 7", "power n2 --lose random --seed 7");
    line_becomes("cut n1,n2/n3", "cut n1,n2/n3");
    line_becomes("cut n1/n2 --one-way", "cut n1/n2 --one-way");
    line_becomes("heal", "heal");
    line_becomes("heal n3", "heal n3");
    line_becomes("link n1 n2 --delay 0.2s --loss 0.1", "link n1 n2 --delay 200ms --loss 10%");
    line_becomes("link n1 n2 --delay=1500us", "link n1 n2 --delay 1.5ms");
    line_becomes("link all n2 --bandwidth 1.5MB/s --cut", "link all n2 --bandwidth 1500kB --cut");
    line_becomes("link n1 n2 --no-cut", "link n1 n2 --no-cut");
    line_becomes("disk n2 --slow 50", "disk n2 --slow 50ms");
    line_becomes("disk all --well", "disk all --well");
    line_becomes("clock n2 --skew -5s --drift 200", "clock n2 --skew -5s --drift 200");
    line_becomes("break n2 --at 'durable log=0 lsn>=7' --then power",
                 "break n2 --at 'durable log=0 lsn>=7' --then power");
    line_becomes("break n2 --clear", "break n2 --clear");
    line_becomes("pace .1", "pace 0.1");
    line_becomes("hold", "hold");
    line_becomes("hold n1 n2", "hold n1 n2");
    line_becomes("deliver n1 --event 41 --to n2 --drop", "deliver n1 --event 41 --to n2 --drop");
    line_becomes("add", "add");
    line_becomes("add 3", "add 3");
    line_becomes("add --group b 3", "add 3 --group b");
    line_becomes("set all a=1 \"b=two words\"", "set all a=1 'b=two words'");
    line_becomes("do n1 put -- --x y", "do n1 put -- --x y");
    line_becomes("do n1 put it\\'s", "do n1 put 'it'\\''s'");
}

static void refused(const char *line, const char *sentence)
{
    char why[300] = "";
    Orrery__Command *command = parse(line, why, sizeof why);
    if (command)
        fail_msg("'%s' should not parse", line);
    assert_string_equal(why, sentence);
}

static void refusals_say_what_is_possible(void **state)
{
    (void)state;
    refused("kil n2", "there is no command 'kil': did you mean kill?");
    refused("frobnicate", "there is no command 'frobnicate'");
    refused("kill", "kill needs NODES: for example 'orrery kill n2'");
    refused("kill 2", "'2' names no nodes: write n2, n1,n3, n1-n5 or all");
    refused("kill n0", "'n0' names no nodes: write n2, n1,n3, n1-n5 or all");
    refused("kill n5-n2", "'n5-n2' names no nodes: write n2, n1,n3, n1-n5 or all");
    refused("kill n1-n99999", "'n1-n99999' names no nodes: write n2, n1,n3, n1-n5 or all");
    refused("kill n2 n3", "kill does not know what to do with 'n3'");
    refused("kill n2 --hard", "kill has no flags, so --hard means nothing to it");
    refused("power n2 --loose all", "power has no flag --loose: did you mean --lose?");
    refused("power n2 --lose some", "--lose takes all|random, not 'some'");
    refused("cut n1", "'n1' does not say between whom: write n1,n2/n3");
    refused("link n1 n2", "link needs to be told what: for example "
                          "'orrery link n1 n2 --delay 200ms --loss 10%'");
    refused("link n1 n2 --one-way", "link needs to be told what: for example "
                                    "'orrery link n1 n2 --delay 200ms --loss 10%'");
    refused("link n1 n2 --delay -5ms", "--delay cannot be negative");
    refused("link n1 n2 --delay soon",
            "'soon' is no duration for --delay: write 200ms, 5s or 1.5us");
    refused("link n1 n2 --delay", "--delay needs DURATION behind it");
    refused("link n1 n2 --loss 150%", "'150%' is no share for --loss: write 10% or 0.1");
    refused("link n1 n2 --loss 1% --loss 2%", "--loss is given twice");
    refused("break n1 --then kill",
            "break needs --at PATTERN: for example 'orrery break n2 --at 'durable log=wal' "
            "--then power'");
    refused("pace fast", "'fast' is no number from 0 to 1000 for the pace");
    refused("pace nan", "'nan' is no number from 0 to 1000 for the pace");
    refused("add 0", "add takes a count from 1 to 1000");
    refused("set n1 oops", "'oops' is no setting: write KEY=VALUE");
    refused("do n1 'a\tb'", "'a?b' has control characters in it");
}

static void durations_read_and_print(void **state)
{
    (void)state;
    double ns;
    assert_true(duration_parse("1.5us", &ns) && ns == 1500.0);
    assert_true(duration_parse("50", &ns) && ns == 50e6);
    assert_true(duration_parse("2min", &ns) && ns == 120e9);
    assert_false(duration_parse("", &ns));
    assert_false(duration_parse("1x", &ns));
    assert_false(duration_parse("inf", &ns));
    assert_false(duration_parse("1e9s", &ns));
    static const struct {
        double ns;
        const char *text;
    } shown[] = {{1.5e6, "1.5 ms"}, {0, "0 ns"},       {999, "999 ns"}, {12.34e9, "12.3 s"},
                 {90e9, "1.5 min"}, {100e6, "100 ms"}, {-5e9, "-5 s"},  {1e6, "1 ms"}};
    struct buf b = {0};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        buf_clear(&b);
        duration_print(shown[i].ns, &b);
        buf_append(&b, bytes_of("", 1));
        assert_string_equal((const char *)b.base, shown[i].text);
    }
    buf_free(&b);
}

/* Any duration survives its line to the nanosecond. */
static void durations_round_trip(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    struct buf b = {0};
    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)(random_u64(&random) >> (12 + random_below(&random, 50)));
        if (random_chance(&random, 0.3))
            ns -= ns % 1000000;
        if (random_chance(&random, 0.5))
            ns = -ns;
        double back;
        buf_clear(&b);
        duration_line(ns, &b);
        buf_append(&b, bytes_of("", 1));
        if (ns > -3600000000000000 && ns < 3600000000000000) {
            assert_true(duration_parse((const char *)b.base, &back));
            assert_true(back - (double)ns < 0.5 && back - (double)ns > -0.5);
        }
    }
    buf_free(&b);
}

/* Whatever is printed parses to the same: random commands built from the table's own words. */
static void random_lines_round_trip(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "n1",      "n2-n9",   "all",        "n3,n5",  "n1/n2",    "n1,n4/n7-n12",
        "--lose",  "random",  "all",        "--seed", "7",        "--one-way",
        "--delay", "35ms",    "--loss",     "2.5%",   "--cut",    "--no-cut",
        "--full",  "--eio",   "--slow",     "1s",     "--well",   "--skew",
        "-3s",     "--drift", "-12.5",      "--at",   "'a b>=3'", "--then",
        "power",   "pause",   "--skip",     "2",      "--clear",  "--id",
        "0.25",    "--off",   "--event",    "--to",   "--drop",   "k=v",
        "'k=v w'", "word",    "--instance", "--",     "3",        "--bandwidth",
        "10kB"};
    struct random random;
    random_seed(&random, 11);
    int parsed = 0;
    for (int i = 0; i < 60000; i++) {
        char line[400], why[300], printed[1024], again[1024];
        int length =
            snprintf(line, sizeof line, "%s", command_verb(random_below(&random, command_verbs())));
        for (uint64_t n = random_below(&random, 6); n > 0; n--)
            length += snprintf(line + length, sizeof line - (size_t)length, " %s",
                               pieces[random_below(&random, sizeof pieces / sizeof pieces[0])]);
        Orrery__Command *command = parse(line, why, sizeof why);
        if (!command)
            continue;
        parsed++;
        print(command, printed, sizeof printed);
        Orrery__Command *twice = parse(printed, why, sizeof why);
        if (!twice)
            fail_msg("'%s' printed as '%s': %s", line, printed, why);
        print(twice, again, sizeof again);
        assert_string_equal(again, printed);
        size_t size = orrery__command__get_packed_size(command);
        assert_int_equal(size, orrery__command__get_packed_size(twice));
        uint8_t *a = malloc(size), *b = malloc(size);
        orrery__command__pack(command, a);
        orrery__command__pack(twice, b);
        assert_memory_equal(a, b, size);
        free(a);
        free(b);
        orrery__command__free_unpacked(command, NULL);
        orrery__command__free_unpacked(twice, NULL);
    }
    assert_true(parsed > 2000);
}

static bool even(const void *ctx, uint32_t node)
{
    (void)ctx;
    return node % 2 == 0;
}

static void all_means_those_that_are_there(void **state)
{
    (void)state;
    char why[300], line[200];
    Orrery__Command *command = parse("cut all/n2", why, sizeof why);
    command_expand(command, 5, even, NULL);
    print(command, line, sizeof line);
    assert_string_equal(line, "cut n1,n3,n5/n2");
    orrery__command__free_unpacked(command, NULL);
    command = parse("kill all", why, sizeof why);
    command_expand(command, 4, NULL, NULL);
    size_t n;
    const uint32_t *nodes = command_nodes(command, &n);
    assert_int_equal(n, 4);
    assert_int_equal(nodes[3], 4);
    orrery__command__free_unpacked(command, NULL);
}

static void words_are_read_as_a_shell_would(void **state)
{
    (void)state;
    struct buf memory = {0};
    const char *words[8];
    assert_int_equal(words_split(" a 'b c' \"d'e\" f\\ g ''", &memory, words, 8), 5);
    assert_string_equal(words[1], "b c");
    assert_string_equal(words[2], "d'e");
    assert_string_equal(words[3], "f g");
    assert_string_equal(words[4], "");
    assert_true(words_split("a 'b", &memory, words, 8) < 0);
    assert_true(words_split("1 2 3 4 5 6 7 8 9", &memory, words, 8) < 0);
    buf_free(&memory);
}

static void text_loses_its_control_characters(void **state)
{
    (void)state;
    char clean[32];
    text_clean(clean, sizeof clean, bytes_str("a\x1b[31m\u00e9\xc2\x9b\xff\xe2\x82z"));
    assert_string_equal(clean, "a?[31m\u00e9?????z");
    text_clean(clean, 4, bytes_str("ab\u00e9"));
    assert_string_equal(clean, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_normalized),
        cmocka_unit_test(refusals_say_what_is_possible),
        cmocka_unit_test(durations_read_and_print),
        cmocka_unit_test(durations_round_trip),
        cmocka_unit_test(random_lines_round_trip),
        cmocka_unit_test(all_means_those_that_are_there),
        cmocka_unit_test(words_are_read_as_a_shell_would),
        cmocka_unit_test(text_loses_its_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
