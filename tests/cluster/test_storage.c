/* A store under kills and power cuts: what was acknowledged is there again, and what was not
 * attempted is not. */
#include "unit/unit.h"

#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITES_MAX = 400 };

static void begin(struct lab *l, const char *extra, const char *value)
{
    const char *words[] = {"kv", extra, value, NULL};
    *l = (struct lab){0};
    lab_begin(l, words);
}

static uint64_t come_back(struct lab *l)
{
    uint64_t restart = LAB_DO(l, "restart", "n1");
    return lab_wait(l, restart, "kv.RecoveryDone", NULL, 0);
}

/* Connects, also while the port is not open yet. */
static int client_of(struct lab *l)
{
    int client = lab_client(l->ports[0]);
    assert_true(client >= 0);
    return client;
}

static void set(int client, const char *key, const char *value)
{
    char command[200], reply[200];
    snprintf(command, sizeof command, "SET %s %s\r\n", key, value);
    assert_true(lab_ask(client, command, reply, sizeof reply));
    assert_string_equal(reply, "+OK");
}

static bool has(int client, const char *key, const char *value)
{
    char command[200], reply[200];
    snprintf(command, sizeof command, "GET %s\r\n", key);
    assert_true(lab_ask(client, command, reply, sizeof reply));
    if (strcmp(reply, "$-1") == 0)
        return false;
    assert_string_equal(reply, value);
    return true;
}

static void a_restart_keeps_the_disk_and_the_port(void **state)
{
    (void)state;
    struct lab l;
    char text[8192];
    begin(&l, NULL, NULL);
    int client = client_of(&l);
    set(client, "a", "1");
    close(client);
    come_back(&l);
    client = client_of(&l);
    assert_true(has(client, "a", "1"));
    close(client);
    assert_int_equal(LAB_RUN(&l, text, "check", l.recording), 0);
    assert_int_equal(lab_end(&l), 0);
}

/* It lives in real time: the run does, as long as it is there. */
static void a_client_sets_the_pace(void **state)
{
    (void)state;
    struct lab l;
    char text[8192];
    begin(&l, NULL, NULL);
    uint64_t slow = LAB_DO(&l, "pace", "0.5");
    int client = client_of(&l);
    set(client, "a", "1");
    lab_wait(&l, slow + 1, "operator line=\"pace 1, for a client is connected to n1\"", NULL, 0);
    assert_int_equal(LAB_RUN(&l, text, "pace", "0.1"), 1);
    assert_string_equal(text,
                        "orrery: a client is connected to n1 and lives in real time: the pace "
                        "stays 1 until it is gone\n");
    assert_int_equal(LAB_RUN(&l, text, "do", "n1", "chekpoint"), 1);
    assert_string_equal(text, "orrery: kv knows no order 'chekpoint', only: checkpoint\n");
    LAB_DO(&l, "do", "n1", "checkpoint");
    lab_wait(&l, slow + 1, "kv.Checkpoint", NULL, 0);
    close(client);
    lab_wait(&l, slow + 1, "disconnect", NULL, 0);
    uint64_t again = LAB_DO(&l, "pace", "0.5");
    client = client_of(&l);
    set(client, "a", "2");
    lab_wait(&l, again + 1, "operator", NULL, 0);
    LAB_DO(&l, "kill", "n1"); /* No disconnect is told of a client whose node is dead. */
    lab_wait(&l, again + 1, "exit", NULL, 0);
    LAB_DO(&l, "pace", "0.5");
    close(client);
    assert_int_equal(lab_end(&l), 0);
}

/* Writes without a pause until the power goes; says how many were acknowledged. */
static int write_until_cut(struct lab *l, int round, int cut_at)
{
    char command[120], reply[120];
    int client = client_of(l), acknowledged = 0;
    for (int i = 0; i < WRITES_MAX; i++) {
        snprintf(command, sizeof command, "SET r%d-%d v%d\r\n", round, i, i);
        if (i == cut_at)
            LAB_DO(l, "power", "n1", "--lose", "random");
        if (!lab_ask(client, command, reply, sizeof reply))
            break;
        assert_string_equal(reply, "+OK");
        acknowledged = i + 1;
    }
    close(client);
    return acknowledged;
}

static void a_power_cut_takes_only_what_was_not_acknowledged(void **state)
{
    (void)state;
    struct lab l;
    char key[40], value[40], text[8192];
    int acknowledged[4];
    begin(&l, NULL, NULL);
    for (int round = 0; round < 4; round++) {
        acknowledged[round] = write_until_cut(&l, round, 20 + 30 * round);
        assert_true(acknowledged[round] < WRITES_MAX);
        come_back(&l);
    }
    int client = client_of(&l);
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < WRITES_MAX; i++) {
            snprintf(key, sizeof key, "r%d-%d", round, i);
            snprintf(value, sizeof value, "v%d", i);
            bool there = has(client, key, value);
            assert_true(there || i >= acknowledged[round]);
            assert_false(there && i > acknowledged[round]);
        }
    close(client);
    assert_int_equal(LAB_RUN(&l, text, "check", l.recording), 0);
    assert_int_equal(lab_end(&l), 0);
}

/* One write with a breakpoint set; afterwards the node is gone, and then back. True: the write was
 * acknowledged. */
static bool write_into_break(struct lab *l, const char *at, const char *then, const char *key)
{
    char command[100], reply[200], line[8192];
    int client = client_of(l);
    set(client, "before", "1");
    uint64_t armed = LAB_DO(l, "break", "n1", "--at", at, "--then", then);
    snprintf(command, sizeof command, "SET %s 1\r\n", key);
    bool acknowledged = lab_ask(client, command, reply, sizeof reply);
    close(client);
    uint64_t halt = lab_wait(l, armed, "halt", NULL, 0);
    uint64_t exit = lab_wait(l, armed, "exit", line, sizeof line);
    assert_true(exit > halt);
    assert_int_equal(json_number(line, "cause"), armed);
    come_back(l);
    return acknowledged;
}

struct step {
    const char *at;
    const char *then;
    int there; /* 1: the write must have come back; 0: it must not; -1: either is honest. */
};

static void a_break_stops_at_each_step_of_a_write(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"append log=wal", "kill", 0},    {"append log=wal", "power", 0},
        {"written log=wal", "kill", 1},   {"written log=wal", "power", 0},
        {"durable log=wal", "kill", 1},   {"durable log=wal", "power", 1},
        {"history.Complete", "power", 1},
    };
    struct lab l;
    char key[20], text[8192];
    begin(&l, NULL, NULL);
    for (int i = 0; i < (int)(sizeof steps / sizeof steps[0]); i++) {
        snprintf(key, sizeof key, "k%d", i);
        bool acknowledged = write_into_break(&l, steps[i].at, steps[i].then, key);
        int client = client_of(&l);
        assert_true(has(client, "before", "1"));
        bool there = has(client, key, "1");
        close(client);
        assert_true(there || !acknowledged);
        if (steps[i].there >= 0 && there != (steps[i].there == 1))
            fail_msg("%s then %s: the write %s", steps[i].at, steps[i].then,
                     there ? "came back" : "is gone");
    }
    if (LAB_RUN(&l, text, "check", l.recording) != 0)
        fail_msg("%s", text);
    assert_int_equal(lab_end(&l), 0);
}

static void a_checkpoint_can_be_cut_anywhere(void **state)
{
    (void)state;
    static const char *const steps[] = {"kv.Checkpoint done=false", "append log=pages",
                                        "written log=pages", "durable log=pages",
                                        "kv.Checkpoint done=true"};
    struct lab l;
    char text[8192], key[40], value[40];
    int written = 0;
    begin(&l, "--set", "checkpoint_bytes=2000");
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        char command[120], reply[120];
        uint64_t armed =
            LAB_DO(&l, "break", "n1", "--at", steps[s], "--then", "power", "--lose", "random");
        int client = client_of(&l);
        do {
            snprintf(command, sizeof command, "SET c%d v%d\r\n", written, written);
            if (!lab_ask(client, command, reply, sizeof reply))
                break;
            assert_string_equal(reply, "+OK");
        } while (++written < 5000);
        assert_true(written < 5000);
        close(client);
        lab_wait(&l, armed, "exit", NULL, 0);
        come_back(&l);
        client = client_of(&l);
        for (int i = 0; i < written; i++) {
            snprintf(key, sizeof key, "c%d", i);
            snprintf(value, sizeof value, "v%d", i);
            assert_true(has(client, key, value));
        }
        close(client);
        written++; /* That one may be there or not, and is not asked for again. */
        client = client_of(&l);
        snprintf(key, sizeof key, "c%d", written - 1);
        snprintf(value, sizeof value, "v%d", written - 1);
        set(client, key, value);
        close(client);
    }
    assert_int_equal(LAB_RUN(&l, text, "check", l.recording), 0);
    assert_int_equal(lab_end(&l), 0);
}

/* The mutant: replies that do not wait for the disk. The same power cut now takes what was
 * acknowledged, and the checker, which knows nothing of the flaw, sees it. */
static void with_replies_before_the_sync_the_loss_is_seen(void **state)
{
    (void)state;
    struct lab l;
    char text[8192];
    begin(&l, "--flaw", "ack-before-sync");
    assert_true(write_into_break(&l, "written log=wal", "power", "k"));
    int client = client_of(&l);
    assert_false(has(client, "k", "1"));
    close(client);
    assert_int_equal(LAB_RUN(&l, text, "end"), 0);
    assert_int_equal(LAB_RUN(&l, text, "check", l.recording), 1);
    assert_non_null(strstr(text, "refuted"));
    assert_int_equal(lab_end(&l), 0);
}

static void a_full_disk_stops_the_node_with_a_word(void **state)
{
    (void)state;
    struct lab l;
    char reply[200], line[8192];
    begin(&l, NULL, NULL);
    int client = client_of(&l);
    set(client, "a", "1");
    uint64_t full = LAB_DO(&l, "disk", "n1", "--full");
    assert_false(lab_ask(client, "SET b 2\r\n", reply, sizeof reply) && reply[0] == '+');
    close(client);
    lab_wait(&l, full, "exit", line, sizeof line);
    assert_non_null(strstr(line, "full"));
    LAB_DO(&l, "disk", "n1", "--well");
    come_back(&l);
    client = client_of(&l);
    assert_true(has(client, "a", "1"));
    close(client);
    assert_int_equal(lab_end(&l), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_keeps_the_disk_and_the_port),
        cmocka_unit_test(a_client_sets_the_pace),
        cmocka_unit_test(a_power_cut_takes_only_what_was_not_acknowledged),
        cmocka_unit_test(a_break_stops_at_each_step_of_a_write),
        cmocka_unit_test(a_checkpoint_can_be_cut_anywhere),
        cmocka_unit_test(with_replies_before_the_sync_the_loss_is_seen),
        cmocka_unit_test(a_full_disk_stops_the_node_with_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
