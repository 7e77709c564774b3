/* Labs as a user plays them: headless, as processes and simulated; with their actions taken out
 * they fail, and with a flaw on they end refuted. */
#include "unit/unit.h"

#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void begin(struct lab *l)
{
    *l = (struct lab){0};
    lab_home(l);
}

/* Each has a state folder of its own, so that several go on at the same time. */
static void play(struct lab *l, const char *name, const char *flaw, const char *seed)
{
    const char *words[10] = {"run", name, "--headless"};
    size_t n = 3;
    if (flaw) {
        words[n++] = "--flaw";
        words[n++] = flaw;
    }
    if (seed) { /* Simulated. */
        words[n++] = "--sim";
        words[n++] = "--seed";
        words[n++] = seed;
    }
    begin(l);
    lab_run_begin(l, words);
}

static void end_proven(struct lab *l, const char *name)
{
    char text[32768];
    int code = lab_run_end(l, text, sizeof text);
    if (code != 0 || !strstr(text, "every beat, answer and invariant is proven by events")) {
        fputs(text, stderr); /* Whole: a failure's own message is cut. */
        fail_msg("%s: exit %d", name, code);
    }
    lab_leave(l);
}

static void end_refuted(struct lab *l, const char *name, const char *invariant)
{
    char text[32768];
    int code = lab_run_end(l, text, sizeof text);
    if (code != 1 || !strstr(text, invariant) || !strstr(text, "is refuted") ||
        !strstr(text, "shown by e")) {
        fputs(text, stderr);
        fail_msg("%s: exit %d, and not refuted by %s", name, code, invariant);
    }
    lab_leave(l);
}

/* Each as it comes to a user. They mostly wait. */
static void all_real(void **state)
{
    (void)state;
    enum { LABS = 5 };
    static const char *const names[LABS] = {"heartbeat", "wal", "rate-limiting", "raft",
                                            "backpropagation"};
    struct lab labs[LABS];
    for (int i = 0; i < LABS; i++)
        play(&labs[i], names[i], NULL, NULL);
    for (int i = 0; i < LABS; i++)
        end_proven(&labs[i], names[i]);
}

static void all_simulated(void **state)
{
    (void)state;
    static const char *const names[] = {"raft", "heartbeat", "wal", "rate-limiting"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct lab l;
        play(&l, names[i], NULL, "5");
        end_proven(&l, names[i]);
    }
}

static void modules(void **state)
{
    (void)state;
    struct lab l;
    char text[32768], path[300];
    begin(&l);
    snprintf(path, sizeof path, "%s/run.orr", l.home);
    assert_int_equal(LAB_RUN(&l, text, "run", "backpropagation", "--headless", "--record", path),
                     0);
    /* What it learnt can be executed again from the events, to the bit. */
    for (const char *node = "n1"; node; node = strcmp(node, "n1") == 0 ? "n2" : NULL)
        if (LAB_RUN(&l, text, "replay", path, "--rerun", node) != 0 ||
            !strstr(text, "all as recorded"))
            fail_msg("%s: %s", node, text);
    lab_leave(&l);
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    struct lab l;
    static char first[32768], second[32768];
    begin(&l);
    assert_int_equal(
        LAB_RUN(&l, first, "run", "heartbeat", "--headless", "--sim", "--seed", "7", "--no-record"),
        0);
    assert_int_equal(LAB_RUN(&l, second, "run", "heartbeat", "--headless", "--sim", "--seed", "7",
                             "--no-record"),
                     0);
    /* The last line says how long it took. */
    char *end = strstr(first, "heartbeat: every");
    assert_non_null(end);
    *end = 0;
    assert_memory_equal(first, second, strlen(first));
    lab_leave(&l);
}

static const struct {
    const char *lab;
    const char *flaw;
    const char *invariant;
} flaws[] = {
    {"heartbeat", "short-timeout", "heartbeat accuracy"},
    {"heartbeat", "wall-clock", "heartbeat accuracy"},
    {"wal", "ack-before-sync", "history durability"},
    {"wal", "no-checksum", "history durability"},
    {"wal", "pages-before-log", "kv write-ahead"},
    {"rate-limiting", "whole-seconds", "limiter token-bucket"},
    {"rate-limiting", "counter-race", "limiter shared-limit"},
    {"raft", "vote-not-persisted", "raft one-vote"},
    {"raft", "commit-old-terms", "raft leader-completeness"},
    {"raft", "no-election-restriction", "raft leader-completeness"},
    {"raft", "log-not-synced", "raft durable-log"},
    {"raft", "local-reads", "history linearizable"},
    {"backpropagation", "never-cleared", "backpropagation gradient"},
    {"backpropagation", "zero-init", "backpropagation symmetry"},
    {"backpropagation", "wrong-transpose", "backpropagation gradient"},
};

static void each_flaw_ends_refuted(void **state)
{
    (void)state;
    enum { FLAWS = sizeof flaws / sizeof flaws[0], AT_ONCE = 5 };
    struct lab labs[FLAWS];
    for (int i = 0; i < FLAWS; i++) {
        play(&labs[i], flaws[i].lab, flaws[i].flaw, "3");
        end_refuted(&labs[i], flaws[i].lab, flaws[i].invariant);
    }
    for (int i = 0; i < FLAWS + AT_ONCE; i++) {
        int old = i - AT_ONCE;
        if (old >= 0)
            end_refuted(&labs[old], flaws[old].lab, flaws[old].invariant);
        if (i < FLAWS)
            play(&labs[i], flaws[i].lab, flaws[i].flaw, NULL);
    }
}

/* Copies a lab without what it does: its `do` and `then`, with the lists below them. */
static void strip(const char *name, const char *folder)
{
    char path[600], line[4096];
    snprintf(path, sizeof path, "%s/labs/%s/lab.yaml", ORRERY_SOURCE, name);
    FILE *in = fopen(path, "r");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/lab.yaml", folder, name);
    FILE *out = fopen(path, "w");
    assert_true(in && out);
    size_t below = 0; /* Lines that are indented more than this are gone; 0: none. */
    while (fgets(line, sizeof line, in)) {
        size_t indent = strspn(line, " ");
        if (below && indent >= below && strncmp(line + indent, "- ", 2) == 0)
            continue;
        below = 0;
        if (strncmp(line + indent, "do:", 3) == 0 || strncmp(line + indent, "then:", 5) == 0)
            below = indent;
        else
            fputs(line, out);
    }
    fclose(in);
    fclose(out);
}

static void stripped_labs_fail(void **state)
{
    (void)state;
    static const char *const names[] = {"heartbeat", "wal", "rate-limiting", "backpropagation",
                                        "raft"};
    char folder[] = "/tmp/orrery-labs-XXXXXX", command[100];
    assert_non_null(mkdtemp(folder));
    setenv("ORRERY_LABS", folder, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct lab l;
        char text[32768];
        strip(names[i], folder);
        begin(&l);
        int code = LAB_RUN(&l, text, "run", names[i], "--headless", "--sim");
        if (code != 1 || !strstr(text, "did not come in time"))
            fail_msg("%s: exit %d: %s", names[i], code, text);
        lab_leave(&l);
    }
    unsetenv("ORRERY_LABS");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* The one that the README shows is whole: it plays, and its flaw shows. */
static void the_readmes_lab_plays(void **state)
{
    (void)state;
    static const char begins[] = "```yaml\nname: stopped\n";
    static char readme[65536];
    char folder[] = "/tmp/orrery-labs-XXXXXX", path[600];
    FILE *in = fopen(ORRERY_SOURCE "/README.md", "r");
    assert_non_null(in);
    readme[fread(readme, 1, sizeof readme - 1, in)] = 0;
    fclose(in);
    char *yaml = strstr(readme, begins);
    assert_non_null(yaml);
    yaml += strlen("```yaml\n");
    *strstr(yaml, "```") = 0;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/stopped", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/stopped/lab.yaml", folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(yaml, out);
    fclose(out);
    setenv("ORRERY_LABS", folder, 1);
    struct lab l;
    char text[8192];
    begin(&l);
    assert_int_equal(LAB_RUN(&l, text, "labs", "check", path), 0);
    lab_leave(&l);
    play(&l, "stopped", NULL, "5");
    end_proven(&l, "stopped");
    play(&l, "stopped", NULL, NULL);
    end_proven(&l, "stopped");
    play(&l, "stopped", "short-timeout", "3");
    end_refuted(&l, "stopped", "heartbeat accuracy");
    unsetenv("ORRERY_LABS");
    snprintf(path, sizeof path, "rm -r %s", folder);
    assert_int_equal(system(path), 0);
}

static void faults_of_a_lab_are_told(void **state)
{
    (void)state;
    struct lab l;
    char text[8192], path[100];
    begin(&l);
    snprintf(path, sizeof path, "%s/lab.yaml", l.home);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("name: x\ntitel: X\n", out);
    fclose(out);
    assert_int_equal(LAB_RUN(&l, text, "labs", "check", path), 1);
    assert_non_null(
        strstr(text, "lab.yaml:2:1: there is no key 'titel' here: did you mean title?"));
    assert_int_equal(LAB_RUN(&l, text, "labs", "check", "/nowhere/lab.yaml"), 2);
    lab_leave(&l);
}

static void usage(void **state)
{
    (void)state;
    struct lab l;
    char text[32768];
    begin(&l);
    assert_int_equal(LAB_RUN(&l, text, "labs"), 0);
    assert_non_null(strstr(text, "heartbeat"));
    assert_non_null(strstr(text, "wal"));
    assert_int_equal(LAB_RUN(&l, text, "labs", "--json"), 0);
    assert_non_null(strstr(text, "\"name\":\"wal\""));
    assert_int_equal(LAB_RUN(&l, text, "run"), 2);
    assert_int_equal(LAB_RUN(&l, text, "run", "hartbeat"), 2);
    assert_non_null(strstr(text, "did you mean heartbeat?"));
    assert_int_equal(LAB_RUN(&l, text, "run", "../heartbeat"), 2);
    assert_int_equal(LAB_RUN(&l, text, "run", "heartbeat", "--headless", "--flaw", "nonsense"), 2);
    assert_int_equal(LAB_RUN(&l, text, "run", "heartbeat", "--headless", "--set", "interval=1"), 2);
    assert_int_equal(LAB_RUN(&l, text, "run", "heartbeat", "--headless", "--nodes", "3"), 2);
    lab_leave(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(faults_of_a_lab_are_told),
        cmocka_unit_test(the_readmes_lab_plays),
        cmocka_unit_test(all_simulated),
        cmocka_unit_test(modules),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(stripped_labs_fail),
        cmocka_unit_test(each_flaw_ends_refuted),
        cmocka_unit_test(all_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
