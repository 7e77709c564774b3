/* Any bytes of an agent to its observer: in the clear, as a stranger sends them, or (the first byte
 * is odd) sealed by one that knows the key, each piece up to the next '|' as a message. */
#include "agent/pool.h"
#include "base/check.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 12 };

static uv_loop_t loop;
static struct pool *pool;
static struct pool_options options;

static void begin(void)
{
    char why[300], where[32];
    signal(SIGPIPE, SIG_IGN);
    CHECK(uv_loop_init(&loop) == 0);
    for (int port = 20000 + getpid() % 20000; !pool; port++) {
        snprintf(where, sizeof where, "127.0.0.1:%d", port);
        options.where = where;
        options.key.given = true;
        seal_key_of_text(bytes_str("fuzz"), options.key.key);
        pool = pool_new(&loop, &options, why, sizeof why);
    }
}

static int connect_to_pool(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_port = htons((uint16_t)atoi(strrchr(pool_where(pool), ':') + 1));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static void turn(void)
{
    for (int i = 0; i < TURNS; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static void say_sealed(int fd, const uint8_t *data, size_t size)
{
    struct handshake h;
    struct sealer out, in;
    uint8_t answer[SEAL_HELLO];
    struct buf all = {0};
    handshake_begin(&h, options.key.key, true);
    CHECK(send(fd, handshake_call(&h).base, SEAL_HELLO, 0) == SEAL_HELLO);
    turn();
    CHECK(recv(fd, answer, sizeof answer, MSG_WAITALL) == SEAL_HELLO);
    CHECK(handshake_hear(&h, answer, &out, &in));
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '|', size - at);
        size_t n = end ? (size_t)(end - data) - at : size - at;
        sealer_put(&out, bytes_of(data + at, n), &all);
        at += n + 1;
    }
    if (all.len)
        (void)!send(fd, all.base, all.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!pool)
        begin();
    if (size < 1)
        return 0;
    int fd = connect_to_pool();
    if (data[0] & 1)
        say_sealed(fd, data + 1, size - 1);
    else
        (void)!send(fd, data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    turn();
    close(fd);
    turn();
    return 0;
}
