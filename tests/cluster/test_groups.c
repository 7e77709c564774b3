/* Groups of real nodes: variants side by side under the very same requests, and clusters of one
 * protocol that know nothing of each other. */
#include "unit/unit.h"

#include "lab.h"

#include "session/drive.h"
#include "timeline/timeline.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 3, CLIENTS = 2 };

/* --- the same requests --- */

/* What each client wrote, one behind the other, in the first life of each node. */
static struct buf written[NODES + 1][CLIENTS];
static uint32_t writes[NODES + 1][CLIENTS];

static void take_request(uint32_t node, const Orrery__Request *request)
{
    char text[512], key[16], value[300];
    unsigned client;
    size_t n = request->body.len < sizeof text ? request->body.len : sizeof text - 1;
    memcpy(text, request->body.data, n);
    text[n] = 0;
    if (sscanf(text, "*3\r\n$3\r\nSET\r\n$%*u\r\n%15[^\r]\r\n$%*u\r\n%299[^\r]", key, value) != 2 ||
        sscanf(value, "%u.", &client) != 1)
        return;
    assert_true(client < CLIENTS);
    buf_printf(&written[node][client], "%s=%s\n", key, value);
    writes[node][client]++;
}

static void read_requests(const char *path)
{
    char why[300];
    struct entry e;
    struct timeline *t = timeline_open(path, why, sizeof why);
    assert_non_null(t);
    for (uint64_t i = 1; i <= timeline_newest(t); i++) {
        if (!timeline_get(t, i, &e) || e.head.body != ORRERY__EVENT__BODY_REQUEST || e.boot != 1)
            continue;
        Orrery__Event *m = orrery__event__unpack(NULL, e.event.len, e.event.base);
        assert_non_null(m);
        take_request(e.node, m->request);
        orrery__event__free_unpacked(m, NULL);
    }
    timeline_free(t);
}

/* One got further than the other, and up to there they are equal. */
static uint32_t same_beginning(uint32_t a, uint32_t b, uint32_t client)
{
    const struct buf *x = &written[a][client], *y = &written[b][client];
    size_t n = x->len < y->len ? x->len : y->len;
    if (n)
        assert_memory_equal(x->base, y->base, n);
    return writes[a][client] < writes[b][client] ? writes[a][client] : writes[b][client];
}

/* Plays the lab of three stores. The checker finds what the hasty one lost, and blames no other. */
static void twins(bool simulated)
{
    struct lab l = {0};
    char text[32768], path[100];
    lab_home(&l);
    snprintf(path, sizeof path, "%s/twins.orr", l.home);
    setenv("ORRERY_LABS", ORRERY_SOURCE "/tests/labs", 1);
    int code = LAB_RUN(&l, text, "run", "twins", "--headless", "--record", path, "--seed", "3",
                       simulated ? "--sim" : NULL);
    if (code != 1 || !strstr(text, "history durability is refuted: n2 read"))
        fail_msg("exit %d: %s", code, text);
    assert_non_null(strstr(text, "= None. Each was on the disk."));
    assert_non_null(strstr(text, "= Some. None was on the disk."));
    assert_non_null(strstr(text, "= Some. They were told too early."));
    read_requests(path);
    for (uint32_t other = 2; other <= NODES; other++) {
        uint32_t compared = 0;
        for (uint32_t client = 0; client < CLIENTS; client++)
            compared += same_beginning(1, other, client);
        assert_true(compared >= 4);
    }
    for (uint32_t node = 0; node <= NODES; node++)
        for (uint32_t client = 0; client < CLIENTS; client++) {
            buf_free(&written[node][client]);
            writes[node][client] = 0;
        }
    unsetenv("ORRERY_LABS");
    lab_leave(&l);
}

static void twins_simulated(void **state)
{
    (void)state;
    twins(true);
}

static void twins_real(void **state)
{
    (void)state;
    twins(false);
}

/* --- clusters side by side --- */

struct apart {
    uint32_t strangers;  /* Messages from another group. */
    bool heard[6];       /* By node, of a peer. */
    uint32_t doubted_by; /* Bits of the nodes that suspect n3. */
    char members[6][32]; /* "3,4,5" */
    char groups[6][16];
};

static uint32_t side_of(uint32_t node)
{
    return node <= 2 ? 0 : 1;
}

static void look(struct apart *a, uint32_t node, const Orrery__Event *m)
{
    if (m->body_case == ORRERY__EVENT__BODY_RECEIVE) {
        a->heard[node] = true;
        a->strangers += side_of(node) != side_of(m->receive->from);
    } else if (m->body_case == ORRERY__EVENT__BODY_MOVE && m->move->of == 3 && m->move->to > 0) {
        a->doubted_by |= 1u << node;
    } else if (m->body_case == ORRERY__EVENT__BODY_START) {
        char *into = a->members[node];
        for (size_t i = 0; i < m->start->n_members; i++)
            into += sprintf(into, "%s%u", i ? "," : "", m->start->members[i]);
        snprintf(a->groups[node], sizeof a->groups[node], "%s", m->start->group);
    }
}

static void on_entry(void *ctx, const struct entry *e)
{
    if (e->node == 0 || e->node > 5)
        return;
    Orrery__Event *m = orrery__event__unpack(NULL, e->event.len, e->event.base);
    assert_non_null(m);
    look(ctx, e->node, m);
    orrery__event__free_unpacked(m, NULL);
}

static bool all_heard(void *ctx)
{
    const struct apart *a = ctx;
    return a->heard[1] && a->heard[2] && a->heard[3] && a->heard[4];
}

static bool fifth_heard(void *ctx)
{
    return ((const struct apart *)ctx)->heard[5];
}

static bool both_doubt(void *ctx)
{
    return (((const struct apart *)ctx)->doubted_by & (1u << 4 | 1u << 5)) == (1u << 4 | 1u << 5);
}

static void clusters_side_by_side(void **state)
{
    (void)state;
    struct cluster_instance instance = {.protocol = "heartbeat"};
    const struct cluster_group groups[] = {
        {.name = "left", .nodes = 2, .instances = &instance, .n_instances = 1, .peers = 1},
        {.name = "right", .nodes = 2, .instances = &instance, .n_instances = 1, .peers = 2},
    };
    struct cluster_spec spec = {.groups = groups, .n_groups = 2, .seed = 4};
    struct apart apart = {0};
    struct cluster_node node;
    char why[300];
    struct lab l = {0};
    lab_home(&l);
    setenv("ORRERY_NODE", ORRERY_NODE, 1);
    setenv("XDG_STATE_HOME", l.home, 1);
    unsetenv("XDG_RUNTIME_DIR");
    struct drive *d = drive_new(&spec, on_entry, &apart, why, sizeof why);
    if (!d)
        fail_msg("%s", why);
    assert_true(drive_until(d, all_heard, &apart, LAB_DEADLINE_MS));
    assert_int_equal(drive_act(d, "add --group middle", why, sizeof why) < 0, true);
    assert_string_equal(why, "there is no group 'middle', only: left, right");
    assert_int_equal(drive_act(d, "add --group right", why, sizeof why), 0);
    assert_true(drive_until(d, fifth_heard, &apart, LAB_DEADLINE_MS));
    struct cluster *c = drive_cluster(d);
    assert_true(c->ops->node(c, 5, &node));
    assert_string_equal(node.group, "right");
    assert_int_equal(drive_act(d, "kill n3", why, sizeof why), 0);
    assert_true(drive_until(d, both_doubt, &apart, LAB_DEADLINE_MS));
    drive_free(d);
    assert_int_equal(apart.strangers, 0);
    assert_int_equal(apart.doubted_by & (1u << 1 | 1u << 2), 0);
    assert_string_equal(apart.members[1], "1,2");
    assert_string_equal(apart.members[4], "3,4");
    assert_string_equal(apart.members[5], "3,4,5");
    assert_string_equal(apart.groups[2], "left");
    assert_string_equal(apart.groups[5], "right");
    lab_leave(&l);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* As the program does: a node that was killed does not read. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_simulated),
        cmocka_unit_test(clusters_side_by_side),
        cmocka_unit_test(twins_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
