/* Any requests of three clients, a crash now and then: the node lives, its invariants hold after
 * every step, and each request is answered once. Lines of the input are commands; a first byte
 * chooses the client; "!" crashes, "~" disconnects, "$" sends the raw rest as a request, "@" lets
 * as many seconds pass as the line is long. */
#include "../unit/kv_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line_of(struct bench *b, uint64_t requests[4], const uint8_t *line, size_t n)
{
    client_id client = 1 + line[0] % 3;
    struct bytes rest = bytes_of(line + 1, n - 1);
    if (line[0] == '!') {
        bench_stop(b);
        disk_memory_crash(&b->disk_memory, n % 2 ? DISK_LOSE_ALL : DISK_LOSE_NOTHING, NULL);
        memset(requests, 0, 4 * sizeof *requests);
        CHECK(bench_start(b));
    } else if (line[0] == '~') {
        host_disconnect(b->host, bench_now(b), 1, client);
    } else if (line[0] == '@') {
        b->wall_ms += (int64_t)n * 1000;
    } else if (line[0] == '$') {
        bench_request(b, client, ++requests[client], rest);
    } else {
        char text[512];
        size_t len = rest.len < sizeof text - 1 ? rest.len : sizeof text - 1;
        for (size_t i = 0; i < len; i++)
            text[i] = rest.base[i] ? (char)rest.base[i] : '0';
        text[len] = 0;
        uint64_t before = b->n_replies;
        bench_send(b, client, ++requests[client], text);
        if (n % 3 == 0) {
            bench_settle(b);
            CHECK(b->n_replies > before);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const settings[] = {"pages=3",           "checkpoint_bytes=200",
                                           "memory_bytes=4000", "segment_bytes=1024",
                                           "clients_max=2",     NULL};
    struct bench b;
    uint64_t requests[4] = {0};
    bench_init(&b, settings, NULL);
    CHECK(bench_start(&b));
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end ? (size_t)(end - (data + at)) : size - at;
        if (n > 0)
            line_of(&b, requests, data + at, n);
        at += n + 1;
    }
    bench_settle(&b);
    bench_free(&b);
    return 0;
}
