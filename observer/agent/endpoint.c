#include "agent/endpoint.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64 };

bool endpoint_read(const char *text, uint16_t usual_port, struct endpoint *into)
{
    bool bracket = *text == '[';
    const char *host = text + bracket;
    size_t n = strcspn(host, bracket ? "]" : ":");
    const char *rest = host + n;
    if (!bracket && strchr(rest, ':') != strrchr(rest, ':')) { /* An address of IPv6, bare. */
        n = strlen(host);
        rest = host + n;
    }
    if (n == 0 || n >= sizeof into->host || (bracket && *rest++ != ']'))
        return false;
    snprintf(into->host, sizeof into->host, "%.*s", (int)n, host);
    into->port = usual_port;
    if (!*rest)
        return true;
    if (*rest != ':' || !rest[1] || strlen(rest) > 6 ||
        strspn(rest + 1, "0123456789") != strlen(rest + 1))
        return false;
    unsigned long port = strtoul(rest + 1, NULL, 10);
    into->port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

bool endpoint_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

socklen_t endpoint_address(const char *address, uint16_t port, struct sockaddr_storage *into)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(into, 0, sizeof *into);
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(into, &v4, sizeof v4);
        return sizeof v4;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return 0;
    memcpy(into, &v6, sizeof v6);
    return sizeof v6;
}

int endpoint_listen(const char *address, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t size = endpoint_address(address, port, &at);
    if (size == 0)
        return -EINVAL;
    int one = 1;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

uint16_t endpoint_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    CHECK(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    return ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                         : ((struct sockaddr_in6 *)&at)->sin6_port);
}
