#include "runtime/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 512 };

bool address_parse(union address *at, const char *text, uint16_t port)
{
    memset(at, 0, sizeof *at);
    if (inet_pton(AF_INET, text, &at->v4.sin_addr) == 1) {
        at->v4.sin_family = AF_INET;
        at->v4.sin_port = htons(port);
        return true;
    }
    memset(at, 0, sizeof *at);
    if (inet_pton(AF_INET6, text, &at->v6.sin6_addr) == 1) {
        at->v6.sin6_family = AF_INET6;
        at->v6.sin6_port = htons(port);
        return true;
    }
    return false;
}

socklen_t address_size(const union address *at)
{
    return at->any.sa_family == AF_INET ? sizeof at->v4 : sizeof at->v6;
}

bool address_equal(const union address *a, const union address *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* Both were zeroed before they were filled. */
}

uint16_t address_port_of(int fd)
{
    union address at;
    socklen_t size = sizeof at;
    if (getsockname(fd, &at.any, &size) < 0)
        return 0;
    return ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
}

static int listen_at(const char *address, uint16_t port)
{
    union address at;
    if (!address_parse(&at, address, port))
        return -EINVAL;
    int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1; /* Connections of an earlier life may linger. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &at.any, address_size(&at)) < 0 || listen(fd, BACKLOG) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int address_listen(const char *address, uint16_t port, uint16_t *bound)
{
    int fd = listen_at(address, port);
    if (fd == -EADDRINUSE && port != 0)
        fd = listen_at(address, 0);
    if (fd >= 0)
        *bound = address_port_of(fd);
    return fd;
}
