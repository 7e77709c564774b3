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

static void proven(const char *name, bool simulated)
{
    struct lab l;
    char text[32768];
    begin(&l);
    int code = simulated ? LAB_RUN(&l, text, "run", name, "--headless", "--sim", "--seed", "5")
                         : LAB_RUN(&l, text, "run", name, "--headless");
    if (code != 0 || !strstr(text, "every beat, answer and invariant is proven by events"))
        fail_msg("%s: exit %d: %s", name, code, text);
    lab_leave(&l);
}

static void heartbeat_real(void **state)
{
    (void)state;
    proven("heartbeat", false);
}

static void wal_real(void **state)
{
    (void)state;
    proven("wal", false);
}

static void rate_limiting_real(void **state)
{
    (void)state;
    proven("rate-limiting", false);
}

static void raft_real(void **state)
{
    (void)state;
    proven("raft", false);
}

static void all_simulated(void **state)
{
    (void)state;
    proven("raft", true);
    proven("heartbeat", true);
    proven("wal", true);
    proven("rate-limiting", true);
}

static void modules(void **state)
{
    (void)state;
    struct lab l;
    char text[32768], path[300];
    proven("backpropagation", false); /* It has no processes, and so is its own. */
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

static void refuted(const char *name, const char *flaw, const char *invariant, bool simulated)
{
    struct lab l;
    char text[32768];
    begin(&l);
    int code = simulated ? LAB_RUN(&l, text, "run", name, "--headless", "--flaw", flaw, "--sim",
                                   "--seed", "3")
                         : LAB_RUN(&l, text, "run", name, "--headless", "--flaw", flaw);
    if (code != 1 || !strstr(text, invariant) || !strstr(text, "is refuted") ||
        !strstr(text, "shown by e"))
        fail_msg("%s with %s: exit %d: %s", name, flaw, code, text);
    lab_leave(&l);
}

static void each_flaw_ends_refuted(void **state)
{
    (void)state;
    refuted("heartbeat", "short-timeout", "heartbeat accuracy", true);
    refuted("heartbeat", "wall-clock", "heartbeat accuracy", true);
    refuted("wal", "ack-before-sync", "history durability", true);
    refuted("wal", "no-checksum", "history durability", true);
    refuted("wal", "pages-before-log", "kv write-ahead", true);
    refuted("rate-limiting", "whole-seconds", "limiter token-bucket", true);
    refuted("rate-limiting", "counter-race", "limiter shared-limit", true);
    refuted("backpropagation", "never-cleared", "backpropagation gradient", true);
    refuted("backpropagation", "zero-init", "backpropagation symmetry", true);
    refuted("backpropagation", "wrong-transpose", "backpropagation gradient", true);
    refuted("raft", "vote-not-persisted", "raft one-vote", true);
    refuted("raft", "commit-old-terms", "raft leader-completeness", true);
    refuted("raft", "no-election-restriction", "raft leader-completeness", true);
    refuted("raft", "log-not-synced", "raft durable-log", true);
    refuted("raft", "local-reads", "history linearizable", true);
    refuted("heartbeat", "short-timeout", "heartbeat accuracy", false);
    refuted("heartbeat", "wall-clock", "heartbeat accuracy", false);
    refuted("wal", "ack-before-sync", "history durability", false);
    refuted("wal", "no-checksum", "history durability", false);
    refuted("wal", "pages-before-log", "kv write-ahead", false);
    refuted("rate-limiting", "whole-seconds", "limiter token-bucket", false);
    refuted("rate-limiting", "counter-race", "limiter shared-limit", false);
    refuted("raft", "vote-not-persisted", "raft one-vote", false);
    refuted("raft", "commit-old-terms", "raft leader-completeness", false);
    refuted("raft", "no-election-restriction", "raft leader-completeness", false);
    refuted("raft", "log-not-synced", "raft durable-log", false);
    refuted("raft", "local-reads", "history linearizable", false);
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
    proven("stopped", true);
    proven("stopped", false);
    refuted("stopped", "short-timeout", "heartbeat accuracy", true);
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
        cmocka_unit_test(wal_real),
        cmocka_unit_test(rate_limiting_real),
        cmocka_unit_test(raft_real),
        cmocka_unit_test(heartbeat_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
