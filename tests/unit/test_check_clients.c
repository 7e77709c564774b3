/* Histories of the clients of one shared store, as a run goes on and at its end. */
#include "unit/check_tale.h"

/* Two nodes that share one store; at the end, or as it goes on. */
static struct tale begin_shared(bool whole)
{
    struct tale t = begin();
    if (whole)
        check_at_the_end(t.check);
    spawn(&t, 1, "raft", NULL, NULL);
    spawn(&t, 2, "raft", NULL, NULL);
    return t;
}

static void write_at(struct tale *t, uint32_t node, uint64_t request, const char *value)
{
    History__Op op = make_op("set", "k", value, 0);
    invoke_at(t, node, request, &op, 1);
    complete_at(t, node, request, &op, 1);
}

static void read_at(struct tale *t, uint32_t node, uint64_t request, const char *value)
{
    History__Op ask = make_op("get", "k", NULL, 0);
    History__Op told = make_op("get", "k", value, 0);
    invoke_at(t, node, request, &ask, 1);
    complete_at(t, node, request, &told, 1);
}

static void a_shared_store_is_linearizable(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct tale t = begin_shared(whole);
        write_at(&t, 1, 1, "a");
        read_at(&t, 2, 1, "a");
        write_at(&t, 2, 2, "b");
        read_at(&t, 1, 2, "b");
        end(&t, "linearizable", VERDICT_PROVEN);

        t = begin_shared(whole); /* n2 has not heard of b. */
        write_at(&t, 1, 1, "a");
        write_at(&t, 1, 2, "b");
        read_at(&t, 2, 1, "a");
        const struct finding *all;
        bool seen = false;
        for (uint32_t i = 0, n = check_peek(t.check, &all); i < n; i++)
            seen |=
                strcmp(all[i].invariant, "linearizable") == 0 && all[i].verdict == VERDICT_REFUTED;
        assert_int_equal(seen, !whole);
        end(&t, "linearizable", VERDICT_REFUTED);
    }
}

/* Whether a write whose node ended is there, nobody knows; but not both. */
static void what_a_crash_cut_off_is_unknown(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct tale t = begin_shared(false);
        History__Op op = make_op("set", "k", "a", 0);
        write_at(&t, 2, 1, "before");
        invoke_at(&t, 1, 1, &op, 1);
        leave(&t, 1, 9, 0, 1);
        read_at(&t, 2, 2, "before");
        read_at(&t, 2, 3, "a");
        if (both)
            read_at(&t, 2, 4, "before");
        end(&t, "linearizable", both ? VERDICT_REFUTED : VERDICT_PROVEN);
    }
}

/* A client need not wait, and what it asks happens in its order all the same. */
static void one_client_is_served_in_its_order(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct tale t = begin_shared(false);
        History__Op a = make_op("set", "k", "a", 0);
        History__Op b = make_op("set", "k", "b", 0);
        invoke_at(&t, 1, 1, &a, 1);
        invoke_at(&t, 1, 2, &b, 1);
        complete_at(&t, 1, 1, &a, 1);
        complete_at(&t, 1, 2, &b, 1);
        read_at(&t, 2, 1, swapped ? "a" : "b");
        end(&t, "linearizable", swapped ? VERDICT_REFUTED : VERDICT_PROVEN);
    }
}

static void write_that_ends(struct tale *t, uint32_t node, uint64_t request, const char *value)
{
    History__Op ops[] = {make_op("set", "k", value, 0), make_op("expire", "k", NULL, 0)};
    invoke_at(t, node, request, ops, 2);
    complete_at(t, node, request, ops, 2);
}

/* Once, and not before it may; what is written anew stays. */
static void a_key_may_end_in_time(void **state)
{
    static const struct {
        const char *reads[3]; /* NULL: nothing there. */
        bool anew;
        enum verdict verdict;
    } tales[] = {
        {{"a", NULL, NULL}, false, VERDICT_PROVEN}, {{"a", NULL, "a"}, false, VERDICT_REFUTED},
        {{"a", "a", "b"}, false, VERDICT_REFUTED},  {{"b", "b", "b"}, true, VERDICT_PROVEN},
        {{"b", NULL, NULL}, true, VERDICT_REFUTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tales / sizeof tales[0]; i++) {
        struct tale t = begin_shared(i % 2);
        write_that_ends(&t, 1, 1, "a");
        if (tales[i].anew)
            write_at(&t, 1, 2, "b");
        for (uint64_t k = 0; k < 3; k++)
            read_at(&t, 2, k + 1, tales[i].reads[k]);
        end(&t, "linearizable", tales[i].verdict);
    }
}

static void over_a_hole_a_history_is_unknown(void **state)
{
    (void)state;
    struct tale t = begin_shared(false);
    write_at(&t, 1, 1, "a");
    hole(&t, 2);
    read_at(&t, 1, 2, "b");
    end(&t, "linearizable", VERDICT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shared_store_is_linearizable),
        cmocka_unit_test(what_a_crash_cut_off_is_unknown),
        cmocka_unit_test(one_client_is_served_in_its_order),
        cmocka_unit_test(a_key_may_end_in_time),
        cmocka_unit_test(over_a_hole_a_history_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
