#include "base/heap.h"
#include "base/random.h"
#include "unit.h"

static void least_first_and_equal_keys_in_order(void **state)
{
    (void)state;
    struct heap h = {NULL, 0, 0, 0};
    struct random r;
    random_seed(&r, 3);
    struct heap_item item;
    assert_false(heap_pop(&h, &item));
    assert_null(heap_peek(&h));
    for (int round = 0; round < 50; round++) {
        size_t n = 1 + random_below(&r, 500);
        for (size_t i = 0; i < n; i++)
            heap_push(&h, random_below(&r, 40), NULL);
        uint64_t key = 0;
        uint64_t order = 0;
        for (size_t i = 0; i < n; i++) {
            const struct heap_item *top = heap_peek(&h);
            uint64_t expected = top->order;
            assert_true(heap_pop(&h, &item));
            assert_int_equal(item.order, expected);
            assert_true(i == 0 || item.key > key || (item.key == key && item.order > order));
            key = item.key;
            order = item.order;
        }
        assert_false(heap_pop(&h, &item));
    }
    heap_free(&h);
}

static void payload_comes_back(void **state)
{
    (void)state;
    struct heap h = {NULL, 0, 0, 0};
    int a;
    int b;
    heap_push(&h, 7, &a);
    heap_push(&h, 3, &b);
    struct heap_item item;
    heap_pop(&h, &item);
    assert_ptr_equal(item.what, &b);
    heap_pop(&h, &item);
    assert_ptr_equal(item.what, &a);
    heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_first_and_equal_keys_in_order),
        cmocka_unit_test(payload_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
