/* The faults in force: what a node must be told again when it comes back, against a plain model
 * that keeps every link by itself. */
#include "cluster/faults.h"

#include "base/random.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 6 };

struct link_model {
    bool cut;
    uint64_t delay_ns;
    double loss;
};

struct model {
    struct link_model links[NODES + 1][NODES + 1];
};

static void overlay(struct link_model *l, const Orrery__LinkFault *f)
{
    l->cut = f->has_cut ? f->cut != 0 : l->cut;
    l->delay_ns = f->has_delay_ns ? f->delay_ns : l->delay_ns;
    l->loss = f->has_loss ? f->loss : l->loss;
}

/* As a sender does with what it is told: one receiver, or all of them. */
static void told(void *ctx, uint32_t sender, const Orrery__LinkFault *fault)
{
    struct model *m = ctx;
    assert_int_equal(fault->from, sender);
    for (uint32_t to = 1; to <= NODES; to++)
        if (fault->to == 0 || fault->to == to)
            overlay(&m->links[sender][to], fault);
}

static void same(const struct link_model *a, const struct link_model *b)
{
    assert_int_equal(a->cut, b->cut);
    assert_int_equal(a->delay_ns, b->delay_ns);
    assert_true(!(a->loss < b->loss) && !(a->loss > b->loss));
}

/* A sender that begins anew with the rules in their order is where the others are. */
static void replays(const struct faults *f, const struct model *wanted)
{
    static struct model fresh;
    memset(&fresh, 0, sizeof fresh);
    for (uint32_t from = 1; from <= NODES; from++)
        for (size_t i = 0; i < f->links[from - 1].n; i++) {
            Orrery__LinkFault rule = f->links[from - 1].rules[i];
            rule.from = from;
            told(&fresh, from, &rule);
        }
    for (uint32_t from = 1; from <= NODES; from++)
        for (uint32_t to = 1; to <= NODES; to++)
            if (from != to)
                same(&fresh.links[from][to], &wanted->links[from][to]);
}

static void nothing(void *ctx, uint32_t sender, const Orrery__LinkFault *fault)
{
    (void)ctx;
    (void)sender;
    (void)fault;
}

static void say_link(struct faults *f, struct random *random, struct model *by_hand)
{
    Orrery__LinkFault link = ORRERY__LINK_FAULT__INIT;
    link.from = (uint32_t)random_below(random, NODES + 1);
    link.to = (uint32_t)random_below(random, NODES + 1);
    link.one_way = random_chance(random, 0.5);
    if (link.from == link.to && link.from)
        return;
    if ((link.has_delay_ns = random_chance(random, 0.6)))
        link.delay_ns = random_below(random, 3) * 1000;
    if ((link.has_loss = random_chance(random, 0.4)))
        link.loss = random_chance(random, 0.5) ? 0.25 : 0;
    if ((link.has_cut = random_chance(random, 0.4)))
        link.cut = random_chance(random, 0.5);
    for (uint32_t from = 1; from <= NODES; from++)
        for (uint32_t to = 1; to <= NODES; to++) {
            bool there = (!link.from || link.from == from) && (!link.to || link.to == to);
            bool back =
                !link.one_way && (!link.from || link.from == to) && (!link.to || link.to == from);
            if (there || back)
                overlay(&by_hand->links[from][to], &link);
        }
    faults_link(f, &link, nothing, NULL);
}

static void say_heal(struct faults *f, struct random *random, struct model *by_hand)
{
    Orrery__Heal heal = ORRERY__HEAL__INIT;
    uint32_t node = (uint32_t)random_below(random, NODES + 1);
    heal.nodes = &node;
    heal.n_nodes = node ? 1 : 0;
    for (uint32_t from = 1; from <= NODES; from++)
        for (uint32_t to = 1; to <= NODES; to++)
            if (!node || from == node || to == node)
                by_hand->links[from][to] = (struct link_model){0};
    faults_heal(f, &heal, nothing, NULL);
}

static void rules_amount_to_what_was_said(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct faults f = {0};
        struct random random;
        static struct model by_hand;
        memset(&by_hand, 0, sizeof by_hand);
        random_seed(&random, seed);
        faults_grow(&f, NODES);
        for (int i = 0; i < 40; i++) {
            if (random_chance(&random, 0.15))
                say_heal(&f, &random, &by_hand);
            else
                say_link(&f, &random, &by_hand);
            replays(&f, &by_hand);
        }
        faults_free(&f);
    }
}

/* What is told at once and what a later life is told are the same. */
static void telling_agrees_with_the_rules(void **state)
{
    (void)state;
    struct faults f = {0};
    static struct model m;
    uint32_t a[] = {1, 2}, b[] = {3, 4};
    Orrery__Cut cut = ORRERY__CUT__INIT;
    cut.a = a;
    cut.n_a = 2;
    cut.b = b;
    cut.n_b = 2;
    memset(&m, 0, sizeof m);
    faults_grow(&f, NODES);
    faults_cut(&f, &cut, told, &m);
    assert_true(m.links[1][3].cut && m.links[4][2].cut);
    assert_false(m.links[1][2].cut || m.links[3][5].cut);
    replays(&f, &m);
    cut.one_way = 1;
    cut.has_one_way = 1;
    cut.n_b = 1;
    b[0] = 6;
    faults_cut(&f, &cut, told, &m);
    assert_true(m.links[1][6].cut && !m.links[6][1].cut);
    replays(&f, &m);
    faults_free(&f);
}

struct said {
    int n;
    char text[10][80];
};

static void note(void *arg, uint32_t node, const char *words)
{
    struct said *said = arg;
    snprintf(said->text[said->n++], 80, "%u %s", node, words);
}

static void faults_are_said_in_words(void **state)
{
    (void)state;
    struct faults f = {0};
    struct said said = {0};
    uint32_t one = 1;
    faults_grow(&f, 3);
    Orrery__LinkFault link = ORRERY__LINK_FAULT__INIT;
    link.from = 1;
    link.to = 2;
    link.one_way = link.has_loss = link.has_delay_ns = 1;
    link.loss = 0.1;
    link.delay_ns = 1500000;
    faults_link(&f, &link, nothing, NULL);
    Orrery__DiskFault disk = ORRERY__DISK_FAULT__INIT;
    disk.has_full = disk.full = 1;
    faults_disk(&f, 3, &disk);
    Orrery__Break b = ORRERY__BREAK__INIT;
    char pattern[] = "durable";
    b.nodes = &one;
    b.n_nodes = 1;
    b.pattern = pattern;
    b.then = ORRERY__ACTION__ACTION_POWER;
    b.id = 7;
    faults_break(&f, 1, &b, 4);
    faults_each(&f, note, &said);
    assert_int_equal(said.n, 3);
    assert_string_equal(said.text[0], "1 n1 to n2: delay 1.5ms loss 10%");
    assert_string_equal(said.text[1], "3 disk full");
    assert_string_equal(said.text[2], "1 break 7 at durable then power");
    assert_int_equal(faults_broke(&f, 1, 7)->because, 4);
    assert_null(faults_broke(&f, 2, 7));
    faults_unbreak(&f, 1, 7);
    assert_null(faults_broke(&f, 1, 7));
    disk = (Orrery__DiskFault)ORRERY__DISK_FAULT__INIT;
    disk.has_well = disk.well = 1;
    faults_disk(&f, 3, &disk);
    said.n = 0;
    faults_each(&f, note, &said);
    assert_int_equal(said.n, 1);
    faults_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_amount_to_what_was_said),
        cmocka_unit_test(telling_agrees_with_the_rules),
        cmocka_unit_test(faults_are_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
