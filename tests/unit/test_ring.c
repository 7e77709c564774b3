#include "base/errors.h"
#include "base/random.h"
#include "base/ring.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    return p;
}

/* A record whose every byte follows from its number, so that a torn one is seen. */
static size_t record_len(uint64_t number)
{
    return 8 + number * 7 % 113;
}

static struct bytes record_make(uint64_t number, uint8_t *at)
{
    put_u64(at, number);
    for (size_t i = 8; i < record_len(number); i++)
        at[i] = (uint8_t)(number + i);
    return bytes_of(at, record_len(number));
}

static uint64_t record_check(struct bytes b)
{
    assert_true(b.len >= 8);
    uint64_t number = get_u64(b.base);
    assert_int_equal(b.len, record_len(number));
    for (size_t i = 8; i < b.len; i++)
        assert_int_equal(b.base[i], (uint8_t)(number + i));
    return number;
}

static void wraps_fills_and_empties(void **state)
{
    (void)state;
    size_t size = ring_size(256);
    void *memory = shared(size);
    struct ring reader;
    struct ring writer;
    ring_create(&reader, memory, 256);
    assert_int_equal(ring_attach(&writer, memory, size), 0);
    struct buf scratch = {NULL, 0, 0};
    struct bytes got;
    uint8_t at[128];
    assert_int_equal(ring_read(&reader, &got, &scratch), 0);
    uint64_t next = 0;
    for (uint64_t n = 0; n < 500; n++) {
        assert_true(ring_write(&writer, record_make(n, at)));
        if (n % 2 == 0)
            continue;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(ring_read(&reader, &got, &scratch), 1);
            assert_int_equal(record_check(got), next++);
            ring_read_done(&reader);
        }
        assert_int_equal(ring_read(&reader, &got, &scratch), 0);
    }
    int fit = 0;
    while (ring_write(&writer, bytes_str("1234")))
        fit++;
    assert_int_equal(fit, 256 / 8);
    assert_int_equal(ring_lost(&reader), 1);
    assert_int_equal(ring_read(&reader, &got, &scratch), 1);
    ring_read_done(&reader);
    assert_true(ring_write(&writer, bytes_of(NULL, 0)));
    assert_false(ring_write(&writer, bytes_of(at, 4)));
    assert_int_equal(ring_lost(&reader), 2);
    buf_free(&scratch);
    (void)munmap(memory, size);
}

enum { THREAD_RECORDS = 300000 };

static void *write_records(void *arg)
{
    struct ring *writer = arg;
    uint8_t at[128];
    for (uint64_t n = 0; n < THREAD_RECORDS; n++)
        while (!ring_write(writer, record_make(n, at)))
            (void)sched_yield();
    return NULL;
}

static void two_threads(void **state)
{
    (void)state;
    size_t size = ring_size(4096);
    void *memory = shared(size);
    struct ring reader;
    struct ring writer;
    ring_create(&reader, memory, 4096);
    assert_int_equal(ring_attach(&writer, memory, size), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_records, &writer), 0);
    struct buf scratch = {NULL, 0, 0};
    struct bytes got;
    for (uint64_t n = 0; n < THREAD_RECORDS;) {
        int one = ring_read(&reader, &got, &scratch);
        assert_true(one >= 0);
        if (one == 0) {
            (void)sched_yield();
            continue;
        }
        assert_int_equal(record_check(got), n++);
        ring_read_done(&reader);
    }
    (void)pthread_join(thread, NULL);
    buf_free(&scratch);
    (void)munmap(memory, size);
}

struct shared_count {
    _Atomic uint64_t published; /* Raised after each write: what the reader must at least find. */
    _Atomic uint64_t begun;     /* Raised before: what it may find at most. */
};

_Noreturn static void write_until_killed(void *memory, size_t size, struct shared_count *count)
{
    struct ring writer;
    if (ring_attach(&writer, memory, size) != 0)
        _exit(1);
    uint8_t at[128];
    for (uint64_t n = 1;; n++) {
        struct bytes record = record_make(n, at);
        atomic_store(&count->begun, n);
        while (!ring_write(&writer, record))
            (void)sched_yield();
        atomic_store(&count->published, n);
    }
}

static uint64_t drain(struct ring *reader, struct buf *scratch, uint64_t last)
{
    struct bytes got;
    int one;
    while ((one = ring_read(reader, &got, scratch)) == 1) {
        assert_int_equal(record_check(got), last + 1);
        last++;
        ring_read_done(reader);
    }
    assert_int_equal(one, 0);
    return last;
}

/* The moment of the kill is drawn, in turns of the reader's own loop. */
static uint64_t one_life(void *memory, size_t size, struct shared_count *count, struct random *r)
{
    struct ring reader;
    ring_create(&reader, memory, 8192);
    atomic_store(&count->published, 0);
    atomic_store(&count->begun, 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_until_killed(memory, size, count);
    uint64_t at_least = random_below(r, 100);
    struct buf scratch = {NULL, 0, 0};
    uint64_t last = 0;
    while (atomic_load(&count->published) < at_least) {
        last = drain(&reader, &scratch, last);
        (void)sched_yield();
    }
    for (uint64_t spin = random_below(r, 3000); spin > 0; spin--)
        __asm__ volatile("" ::: "memory");
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    last = drain(&reader, &scratch, last);
    assert_true(last >= atomic_load(&count->published));
    assert_true(last <= atomic_load(&count->begun));
    buf_free(&scratch);
    return last;
}

/* The thread checker sees nothing of other processes, and takes long to make one. */
#ifdef __SANITIZE_THREAD__
enum { LIVES = 50 };
#else
enum { LIVES = 2000 };
#endif

static void thousands_of_kills(void **state)
{
    (void)state;
    size_t size = ring_size(8192);
    void *memory = shared(size);
    struct shared_count *count = shared(sizeof *count);
    struct random r;
    random_seed(&r, 42);
    uint64_t records = 0;
    for (int life = 0; life < LIVES; life++)
        records += one_life(memory, size, count, &r);
    assert_true(records > 10 * LIVES);
    (void)munmap(memory, size);
    (void)munmap(count, sizeof *count);
}

static void hostile_memory_is_refused(void **state)
{
    (void)state;
    size_t size = ring_size(256);
    void *memory = shared(size);
    struct ring reader;
    struct ring writer;
    struct buf scratch = {NULL, 0, 0};
    struct bytes got;
    ring_create(&reader, memory, 256);
    assert_int_equal(ring_attach(&writer, memory, 100), ERROR_MALFORMED);
    assert_int_equal(ring_attach(&writer, memory, size - 1), ERROR_MALFORMED);
    atomic_store(&reader.header->head, 257);
    assert_int_equal(ring_read(&reader, &got, &scratch), ERROR_MALFORMED);
    ring_create(&reader, memory, 256);
    atomic_store(&reader.header->head, 4);
    assert_int_equal(ring_read(&reader, &got, &scratch), ERROR_MALFORMED);
    ring_create(&reader, memory, 256);
    atomic_store(&reader.header->head, 16);
    put_u32(reader.data, 13); /* One more than what was published. */
    assert_int_equal(ring_read(&reader, &got, &scratch), ERROR_MALFORMED);
    put_u32(reader.data, UINT32_MAX);
    assert_int_equal(ring_read(&reader, &got, &scratch), ERROR_MALFORMED);
    put_u32(reader.data, 12);
    reader.header->capacity = UINT64_MAX; /* The reader goes by what it was given. */
    assert_int_equal(ring_read(&reader, &got, &scratch), 1);
    assert_int_equal(got.len, 12);
    ring_read_done(&reader);
    atomic_store(&reader.header->tail, 12345); /* And by its own position. */
    assert_int_equal(ring_read(&reader, &got, &scratch), 0);
    buf_free(&scratch);
    (void)munmap(memory, size);
}

static void a_stamp_is_awaited_until_it_is_written(void **state)
{
    (void)state;
    size_t size = ring_size(256);
    void *memory = shared(size);
    struct ring reader;
    struct ring writer;
    ring_create(&reader, memory, 256);
    assert_int_equal(ring_attach(&writer, memory, size), 0);
    assert_int_equal(ring_complete(&reader, 50), 50);
    ring_stamps(&writer);
    assert_int_equal(ring_complete(&reader, 100), RING_UNTOLD);
    ring_stamped(&writer, 70);
    assert_int_equal(ring_complete(&reader, 100), 70);
    ring_stamps(&writer);
    ring_stamped(&writer, 90); /* The first one counts. */
    assert_int_equal(ring_complete(&reader, 100), 70);
    assert_int_equal(ring_complete(&reader, 60), 60);
    ring_settled(&writer);
    assert_int_equal(ring_complete(&reader, 100), 100);
    (void)munmap(memory, size);
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *stamp_records(void *arg)
{
    struct ring *writer = arg;
    for (int i = 0; i < THREAD_RECORDS / 10; i++) {
        ring_stamps(writer);
        uint64_t now = clock_ns();
        ring_stamped(writer, now);
        while (!ring_write(writer, bytes_of(&now, sizeof now)))
            (void)sched_yield();
        ring_settled(writer);
    }
    return NULL;
}

/* Whatever was said to be complete: no stamp from before then is read later. */
static void no_stamp_comes_late(void **state)
{
    (void)state;
    size_t size = ring_size(4096);
    void *memory = shared(size);
    struct ring reader;
    struct ring writer;
    ring_create(&reader, memory, 4096);
    assert_int_equal(ring_attach(&writer, memory, size), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stamp_records, &writer), 0);
    struct buf scratch = {NULL, 0, 0};
    struct bytes got;
    uint64_t complete = 0;
    for (int n = 0; n < THREAD_RECORDS / 10;) {
        uint64_t next = ring_complete(&reader, clock_ns());
        while (ring_read(&reader, &got, &scratch) == 1) {
            uint64_t stamp;
            memcpy(&stamp, got.base, sizeof stamp);
            assert_true(stamp >= complete);
            ring_read_done(&reader);
            n++;
        }
        complete = next > complete ? next : complete;
    }
    (void)pthread_join(thread, NULL);
    buf_free(&scratch);
    (void)munmap(memory, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_fills_and_empties),
        cmocka_unit_test(two_threads),
        cmocka_unit_test(thousands_of_kills),
        cmocka_unit_test(hostile_memory_is_refused),
        cmocka_unit_test(a_stamp_is_awaited_until_it_is_written),
        cmocka_unit_test(no_stamp_comes_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
