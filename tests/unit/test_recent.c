/* The window: the newest entries are whole, whatever their sizes, and memory stays in its bounds.
 */
#include "base/random.h"
#include "timeline/recent.h"
#include "unit/unit.h"

#include <string.h>

static size_t size_of(uint64_t ordinal, uint64_t seed, size_t most)
{
    struct random r = random_split(seed, ordinal);
    return 1 + random_below(&r, most);
}

static void run(uint64_t seed, size_t least, size_t most, uint64_t n)
{
    static uint8_t bytes[1 << 20];
    struct recent w;
    recent_init(&w, 1, 1); /* The least there is. */
    for (uint64_t i = 1; i <= n; i++) {
        size_t len = least == most ? least : size_of(i, seed, most);
        memset(bytes, (int)(i & 0xff), len);
        struct entry e = {.ordinal = i, .node = (uint32_t)i, .cause = i / 2};
        e.event = bytes_of(bytes, len);
        recent_add(&w, &e);
        assert_int_equal(w.newest, i);
        assert_true(w.used + (w.newest + 1 - w.oldest) * sizeof(struct recent_slot) <= w.limit);
        if (i % (n / 20) != 0)
            continue;
        size_t sum = 0;
        for (uint64_t k = w.oldest; k <= i; k++) {
            const struct recent_slot *slot = recent_slot(&w, k);
            struct bytes b = recent_event(&w, slot);
            assert_int_equal(b.len, least == most ? least : size_of(k, seed, most));
            assert_true(b.base[0] == (k & 0xff) && b.base[b.len - 1] == (k & 0xff));
            assert_true(slot->node == (uint32_t)k && slot->cause == k / 2);
            sum += b.len;
        }
        assert_true(sum <= w.used);
        assert_null(recent_slot(&w, w.oldest - 1));
        assert_null(recent_slot(&w, i + 1));
    }
    assert_true(w.oldest > 1);
    recent_free(&w);
}

static void all_sizes(void **state)
{
    (void)state;
    run(1, 1, 100, 200000);
    run(2, 1, 70000, 3000);
    run(3, 1, 1 << 20, 300);
    run(4, 1 << 20, 1 << 20, 100);
    for (size_t size = 16; size <= 1 << 16; size *= 2) /* Ends meet exactly. */
        run(5, size, size, ((size_t)16 << 20) / (size + sizeof(struct recent_slot)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
