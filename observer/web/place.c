#include "web/place.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_SIZE = 64 };

static int family_of(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, address, &v6) == 1 ? AF_INET6 : 0;
}

bool place_read(struct place *p, const char *host, uint16_t port)
{
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (strlen(host) >= sizeof p->host || !family_of(host))
        return false;
    snprintf(p->host, sizeof p->host, "%s", host);
    p->port = port;
    p->anywhere = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    return true;
}

void place_url(const struct place *p, char *into, size_t size)
{
    const char *host = p->anywhere ? "127.0.0.1" : p->host;
    bool v6 = family_of(host) == AF_INET6;
    snprintf(into, size, v6 ? "http://[%s]:%u" : "http://%s:%u", host, p->port);
}

/* Splits "[::1]:7400" and "127.0.0.1:7400"; without a port it is 80. */
static bool split(const char *text, char host[HOST_SIZE], unsigned long *port)
{
    bool bracket = *text == '[';
    const char *end = bracket ? strchr(text, ']') : text + strcspn(text, ":");
    if (!end || end == text)
        return false;
    size_t n = (size_t)(end - text) - bracket;
    if (n == 0 || n >= HOST_SIZE)
        return false;
    memcpy(host, text + bracket, n);
    host[n] = 0;
    end += bracket;
    *port = 80;
    if (!*end)
        return true;
    if (*end != ':' || strspn(end + 1, "0123456789") != strlen(end + 1) || strlen(end + 1) > 5 ||
        !end[1])
        return false;
    *port = strtoul(end + 1, NULL, 10);
    return *port > 0 && *port < 65536;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

bool place_is_host(const struct place *p, const char *text)
{
    char host[HOST_SIZE];
    unsigned long port;
    if (!split(text, host, &port))
        return false;
    bool local = strcasecmp(host, "localhost") == 0;
    if (p->anywhere)
        return local || family_of(host) != 0;
    if (port != p->port)
        return false;
    return local ? is_loopback(p->host) : strcasecmp(host, p->host) == 0;
}

bool place_is_origin(const char *host, const char *origin)
{
    return strncasecmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0;
}
