/* Any bytes on a connection to the page's server. '@' stands for the address that it listens at,
 * which a fuzzer would not guess. */
#include "base/check.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 40 };

static uv_loop_t loop;
static struct web *web;
static char host[32];

static const uint8_t body[] = "<!doctype html>";
static const struct asset files[] = {
    {"/index.html", "text/html; charset=utf-8", {body, sizeof body - 1}, false},
};

static void begin(void)
{
    static char folder[] = "/tmp/orrery-fuzz-XXXXXX";
    char why[300];
    CHECK(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    unsetenv("XDG_RUNTIME_DIR");
    signal(SIGPIPE, SIG_IGN);
    CHECK(uv_loop_init(&loop) == 0);
    const struct web_options options = {
        .house = house_new(&loop), .port_given = true, .assets = files, .n_assets = 1};
    web = web_new(&loop, &options, why, sizeof why);
    CHECK(web);
    snprintf(host, sizeof host, "127.0.0.1:%u", web_port(web));
}

static void say(int fd, const uint8_t *data, size_t size)
{
    struct buf request = {0};
    for (size_t i = 0; i < size; i++)
        buf_append(&request, data[i] == '@' ? bytes_str(host) : bytes_of(data + i, 1));
    if (request.len)
        (void)!send(fd, request.base, request.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_free(&request);
    shutdown(fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[4096];
    if (!web)
        begin();
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(web_port(web))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct linger at_once = {1, 0}; /* No port stays behind. */
    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS) {
        uv_run(&loop, UV_RUN_NOWAIT);
        say(fd, data, size);
        for (int i = 0; i < TURNS; i++) {
            uv_run(&loop, UV_RUN_NOWAIT);
            if (recv(fd, answer, sizeof answer, MSG_DONTWAIT) == 0)
                break;
        }
    }
    close(fd);
    uv_run(&loop, UV_RUN_NOWAIT);
    return 0;
}
