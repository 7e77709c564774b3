#include "base/arena.h"
#include "base/memory.h"
#include "unit.h"

#include "event.pb-c.h"

#include <string.h>

static void arena_is_bounded_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100);
    void *p = arena_alloc(&a, 1);
    void *q = arena_alloc(&a, 17);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    assert_ptr_equal((uint8_t *)q, (uint8_t *)p + 16);
    assert_null(arena_alloc(&a, 53));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 52));
    assert_null(arena_alloc(&a, 1));
    assert_non_null(arena_alloc(&a, 0));
    arena_clear(&a);
    struct bytes copy = arena_copy(&a, bytes_str("hello"));
    assert_true(bytes_equal(copy, bytes_str("hello")));
    assert_null(arena_copy(&a, bytes_of(copy.base, 97)).base);
    arena_free(&a);
}

static void arena_lends_pages_as_touched(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, (size_t)1 << 36);
    size_t large = (size_t)64 << 20;
    uint8_t *p = arena_alloc(&a, large);
    memset(p, 7, large);
    arena_clear(&a);
    p = arena_alloc(&a, large);
    assert_int_equal(p[large - 1], 0); /* The pages went back. */
    arena_free(&a);
}

static void unpacking_fails_past_the_bound(void **state)
{
    (void)state;
    uint32_t members[512];
    for (uint32_t i = 0; i < 512; i++)
        members[i] = i;
    Orrery__Start start = ORRERY__START__INIT;
    start.n_members = 512;
    start.members = members;
    uint8_t packed[2048];
    size_t n = orrery__start__pack(&start, packed);
    struct arena a;
    arena_init(&a, 1024);
    ProtobufCAllocator lender = {arena_lend, arena_keep, &a};
    assert_null(orrery__start__unpack(&lender, n, packed));
    arena_free(&a);
    arena_init(&a, 4096);
    Orrery__Start *back = orrery__start__unpack(&lender, n, packed);
    assert_non_null(back);
    assert_int_equal(back->members[511], 511);
    arena_free(&a);
}

static void memory_is_limited_and_zeroed(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m, 1000);
    uint8_t *p = memory_alloc(&m, 400);
    for (int i = 0; i < 400; i++)
        assert_int_equal(p[i], 0);
    memset(p, 1, 400);
    assert_null(memory_alloc(&m, 601));
    assert_null(memory_alloc(&m, SIZE_MAX));
    p = memory_resize(&m, p, 900);
    assert_int_equal(p[399], 1);
    assert_int_equal(p[400], 0);
    assert_int_equal(p[899], 0);
    assert_null(memory_resize(&m, p, 1001));
    assert_int_equal(m.used, 900);
    p = memory_resize(&m, p, 10);
    assert_int_equal(m.used, 10);
    void *q = memory_resize(&m, NULL, 5);
    void *r = memory_alloc(&m, 6);
    memory_free(&m, q);
    memory_free(&m, NULL);
    assert_int_equal(m.used, 16);
    (void)r;
    memory_clear(&m);
    assert_int_equal(m.used, 0);
    assert_null(m.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_is_bounded_and_aligned),
        cmocka_unit_test(arena_lends_pages_as_touched),
        cmocka_unit_test(unpacking_fails_past_the_bound),
        cmocka_unit_test(memory_is_limited_and_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
