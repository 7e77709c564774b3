/* Random commands, right and wrong, to our store and to a real redis-server: each reply must be the
 * same, byte by byte, in both versions of the protocol. What has no order is compared sorted, what
 * counts time within a few seconds. Nothing waits for time to pass: keys expire in the past, or far
 * ahead. ORRERY_SAME_SEED and ORRERY_SAME_COMMANDS play one seed again, for longer. */
#include "unit/unit.h"

#include "base/random.h"
#include "life.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 2, KEYS = 8, WORDS_MAX = 12, WORD_MAX = 48, SEEDS = 6, COMMANDS = 4000 };

struct port {
    int fd;
    struct buf in;
};

struct side {
    struct port clients[CLIENTS];
};

struct world {
    char folder[64];
    struct life l;
    pid_t redis;
    struct side ours;
    struct side theirs;
    struct random random;
    bool multi[CLIENTS];
    bool watching[CLIENTS];
};

struct words {
    char at[WORDS_MAX][WORD_MAX];
    int n;
};

static void start_redis(struct world *w, const char *path)
{
    w->redis = fork();
    assert_true(w->redis >= 0);
    if (w->redis == 0) {
        char log[128];
        snprintf(log, sizeof log, "%s/redis.log", w->folder);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
               "--appendonly", "no", "--databases", "1", "--dir", w->folder, "--logfile", log,
               (char *)NULL);
        _exit(127);
    }
}

static void limit_waiting(int fd)
{
    struct timeval deadline = {.tv_sec = LIFE_DEADLINE_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline), 0);
}

static int connect_redis(const struct world *w, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    uint64_t deadline = now_ms() + LIFE_DEADLINE_MS;
    for (;;) { /* Polls until it listens. */
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        limit_waiting(fd);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
            return fd;
        close(fd);
        if (waitpid(w->redis, NULL, WNOHANG) != 0)
            fail_msg("redis-server did not start: is the package redis-server installed?");
        assert_true(now_ms() < deadline);
        wait_a_moment();
    }
}

static int connect_ours(const struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)w->l.client_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    limit_waiting(fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[96];
    snprintf(w->folder, sizeof w->folder, "/tmp/orrery-same-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(path, sizeof path, "%s/redis", w->folder);
    struct life_plan plan = {.node = 1,
                             .nodes = 1,
                             .protocol = "kv",
                             .settings = {"sync=never"},
                             .directory = w->folder};
    life_begin(&w->l, &plan);
    if (!life_ready(&w->l))
        fail_msg("kv did not start: %s", w->l.why);
    life_introduce(&w->l, 1);
    w->l.keep = false;
    start_redis(w, path);
    for (int i = 0; i < CLIENTS; i++) {
        w->theirs.clients[i].fd = connect_redis(w, path);
        w->ours.clients[i].fd = connect_ours(w);
    }
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < CLIENTS; i++) {
        close(w->ours.clients[i].fd);
        close(w->theirs.clients[i].fd);
        buf_free(&w->ours.clients[i].in);
        buf_free(&w->theirs.clients[i].in);
    }
    kill(w->redis, SIGKILL);
    waitpid(w->redis, NULL, 0);
    life_end(&w->l);
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* Where the reply that begins at `at` ends; 0: it is not whole. */
static size_t reply_end(struct bytes b, size_t at)
{
    const uint8_t *line = b.base + at;
    const uint8_t *cr = at < b.len ? memchr(line, '\n', b.len - at) : NULL;
    if (!cr)
        return 0;
    size_t next = (size_t)(cr - b.base) + 1;
    long n = strtol((const char *)line + 1, NULL, 10);
    if (*line == '$' || *line == '=') {
        next += n < 0 ? 0 : (size_t)n + 2;
        return next <= b.len ? next : 0;
    }
    if (!strchr("*~%", *line))
        return next;
    for (long i = 0; i < (*line == '%' ? 2 * n : n) && next > 0; i++)
        next = reply_end(b, next);
    return next;
}

/* The reply stays in the buffer until the next command. */
static struct bytes ask(struct port *p, const struct words *words)
{
    struct buf frame = {0};
    buf_printf(&frame, "*%d\r\n", words->n);
    for (int i = 0; i < words->n; i++)
        buf_printf(&frame, "$%zu\r\n%s\r\n", strlen(words->at[i]), words->at[i]);
    assert_int_equal(send(p->fd, frame.base, frame.len, MSG_NOSIGNAL), frame.len);
    buf_free(&frame);
    buf_clear(&p->in);
    while (p->in.len == 0 || reply_end(buf_bytes(&p->in), 0) == 0) {
        buf_reserve(&p->in, 4097);
        ssize_t n = recv(p->fd, p->in.base + p->in.len, 4096, 0);
        if (n <= 0)
            fail_msg("no reply to %s: %s", words->at[0], n ? strerror(errno) : "closed");
        p->in.len += (size_t)n;
        p->in.base[p->in.len] = 0;
    }
    assert_int_equal(reply_end(buf_bytes(&p->in), 0), p->in.len);
    return buf_bytes(&p->in);
}

static const char *any(struct random *r, const char *const *of, size_t n)
{
    return of[random_below(r, n)];
}
#define ANY(r, list) any((r), (list), sizeof(list) / sizeof((list)[0]))

static void add(struct words *w, const char *word)
{
    if (w->n < WORDS_MAX)
        snprintf(w->at[w->n++], WORD_MAX, "%s", word);
}

static void add_key(struct world *w, struct words *to)
{
    char key[16];
    snprintf(key, sizeof key, "k%d", (int)random_below(&w->random, KEYS));
    add(to, key);
}

static void add_value(struct world *w, struct words *to)
{
    static const char *const values[] = {"",
                                         "0",
                                         "1",
                                         "-7",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "9223372036854775808",
                                         "x",
                                         "007",
                                         "1.5",
                                         " 12",
                                         "some longer text",
                                         "12",
                                         "+3"};
    add(to, ANY(&w->random, values));
}

/* A time of this unit: long past, far ahead, or none at all. */
static void add_time(struct world *w, struct words *to, bool absolute, bool ms)
{
    static const char *const wrong[] = {
        "0", "-1", "soon", "9223372036854775807", "", "-9223372036854775808", "9223372036854775"};
    char text[32];
    uint64_t dice = random_below(&w->random, 10);
    if (dice < 2) {
        add(to, ANY(&w->random, wrong));
        return;
    }
    long long s =
        (absolute ? 4000000000LL : 400000LL) + (long long)random_below(&w->random, 3) * 1000;
    if (dice < 5 && absolute)
        s = 1 + (long long)random_below(&w->random, 1000);
    snprintf(text, sizeof text, "%lld", ms ? s * 1000 : s);
    add(to, text);
}

static void add_set_options(struct world *w, struct words *to)
{
    static const char *const options[] = {"NX", "XX", "GET", "KEEPTTL", "EX", "PX", "exat", "PXAT"};
    for (uint64_t n = random_below(&w->random, 4); n > 0; n--) {
        const char *option = ANY(&w->random, options);
        add(to, option);
        if (strcasestr(option, "ex") || strcasestr(option, "px"))
            add_time(w, to, option[2] != 0, tolower(option[0]) == 'p');
    }
}

static void add_conditions(struct world *w, struct words *to)
{
    static const char *const options[] = {"NX", "XX", "GT", "lt", "ZZ"};
    for (uint64_t n = random_below(&w->random, 5); n > 2; n--)
        add(to, ANY(&w->random, options));
}

/* A command by its pattern: a name, then letters for what follows. */
static void fill(struct world *w, struct words *to, const char *pattern)
{
    char name[WORD_MAX];
    size_t n = strcspn(pattern, " ");
    snprintf(name, sizeof name, "%.*s", (int)n, pattern);
    add(to, name);
    bool absolute = name[strlen(name) - 1] == 't';
    bool ms = name[0] == 'p';
    for (const char *at = pattern + n; *at; at++) {
        if (*at == 'k')
            add_key(w, to);
        else if (*at == 'v')
            add_value(w, to);
        else if (*at == 't')
            add_time(w, to, absolute, ms);
        else if (*at == 'O')
            add_set_options(w, to);
        else if (*at == 'C')
            add_conditions(w, to);
        else if (*at != ' ')
            fail_msg("no such letter: %c", *at);
    }
}

/* What may change who watches what, in ways that a count of versions cannot see, comes last. */
static const char *const patterns[] = {
    "get k",        "get k",         "set kv",      "set kvO",   "set kvO",      "set kvO",
    "incr k",       "decr k",        "incrby kv",   "decrby kv", "append kv",    "strlen k",
    "mget kkk",     "mset kvkv",     "exists kkk",  "setnx kv",  "setex ktv",    "psetex ktv",
    "getset kv",    "type k",        "ttl k",       "pttl k",    "expiretime k", "pexpiretime k",
    "persist k",    "expire ktC",    "pexpire ktC", "dbsize",    "keys",         "scan",
    "ping",         "ping v",        "echo v",      "select v",  "getex k",      "nonsense vkv",
    "unwatch",      "multi",         "multi",       "exec",      "exec",         "exec",
    "discard",      "watch k",       "watch kk",    "client",    "client",       "hello",
    "expireat ktC", "pexpireat ktC", "getex k",     "del k",     "del kk",       "unlink k",
    "getdel k",     "flushall",
};
enum { PATTERNS = sizeof patterns / sizeof patterns[0], DANGEROUS = 8 };

static void finish_special(struct world *w, struct words *to)
{
    static const char *const sub[] = {"GETNAME", "setname", "nonsense", "ID"};
    static const char *const versions[] = {"1", "2", "3", "x", "4"};
    const char *name = to->at[0];
    if (strcmp(name, "keys") == 0) {
        static const char *const globs[] = {"*", "k*", "k[0-3]", "k[^2-4]", "?1", "\\k1", "no"};
        add(to, ANY(&w->random, globs));
    } else if (strcmp(name, "scan") == 0) {
        add(to, random_chance(&w->random, 0.9) ? "0" : "x");
        add(to, "COUNT");
        add(to, random_chance(&w->random, 0.8) ? "100000" : "0");
    } else if (strcmp(name, "client") == 0) {
        add(to, ANY(&w->random, sub));
        if (strcmp(to->at[1], "setname") == 0)
            add(to, random_chance(&w->random, 0.5) ? "me" : "a b");
        if (strcmp(to->at[1], "ID") == 0)
            add(to, "more");
    } else if (strcmp(name, "hello") == 0) {
        add(to, ANY(&w->random, versions));
        if (strcmp(to->at[1], "2") == 0 || strcmp(to->at[1], "3") == 0)
            add(to, "oops");
    } else if (strcmp(name, "getex") == 0 && random_chance(&w->random, 0.7)) {
        add_set_options(w, to);
    }
}

static bool somebody_watches(const struct world *w)
{
    bool any_one = false;
    for (int i = 0; i < CLIENTS; i++)
        any_one = any_one || w->watching[i];
    return any_one;
}

/* Of keys that are watched and absent a version says nothing, so nothing may come and go there. */
static bool may_vanish(const struct words *words)
{
    static const char *const names[] = {"del",       "unlink", "getdel",  "flushall", "expireat",
                                        "pexpireat", "expire", "pexpire", "getex"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(words->at[0], names[i]) == 0)
            return true;
    for (int i = 3; i < words->n; i++)
        if (strcasecmp(words->at[i], "exat") == 0 || strcasecmp(words->at[i], "pxat") == 0)
            return true;
    return false;
}

static void draw(struct world *w, struct words *to)
{
    do {
        memset(to, 0, sizeof *to);
        fill(w, to, patterns[random_below(&w->random, PATTERNS)]);
        finish_special(w, to);
    } while (somebody_watches(w) && may_vanish(to));
    /* What is right of HELLO and CLIENT ID is different for each server. */
    bool own = strcmp(to->at[0], "hello") == 0 || strcmp(to->at[0], "client") == 0;
    if (random_chance(&w->random, 0.03) && to->n > 1 && !own)
        to->n--;
    else if (random_chance(&w->random, 0.03))
        add(to, "more");
    for (char *at = to->at[0]; random_chance(&w->random, 0.3) && *at; at++)
        *at = (char)toupper(*at);
}

static void follow(struct world *w, int client, const struct words *words, struct bytes reply)
{
    const char *name = words->at[0];
    bool error = reply.base[0] == '-';
    if (strcasecmp(name, "multi") == 0 && !error)
        w->multi[client] = true;
    if (strcasecmp(name, "watch") == 0 && !error)
        w->watching[client] = w->watching[client] || !w->multi[client];
    if (strcasecmp(name, "unwatch") == 0 && !w->multi[client])
        w->watching[client] = false;
    if ((strcasecmp(name, "exec") == 0 || strcasecmp(name, "discard") == 0) && words->n == 1 &&
        w->multi[client])
        w->multi[client] = w->watching[client] = false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a reply, sorted: enough for what has no order. */
static void sort_lines(struct bytes reply, struct buf *to)
{
    char *text = strndup((const char *)reply.base, reply.len);
    char *lines[4096];
    size_t n = 0;
    for (char *save = NULL, *line = strtok_r(text, "\r\n", &save); line && n < 4096;
         line = strtok_r(NULL, "\r\n", &save))
        lines[n++] = line;
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++)
        buf_printf(to, "%s ", lines[i]);
    buf_append(to, bytes_of("", 1));
    free(text);
}

/* Numbers that count time may differ by what passed between the two. */
static bool same_but_for_time(struct bytes a, struct bytes b)
{
    const char *x = (const char *)a.base;
    const char *y = (const char *)b.base;
    while (*x && *y) {
        if (*x == ':' && *y == ':') {
            long long m = strtoll(x + 1, (char **)(uintptr_t)&x, 10);
            long long n = strtoll(y + 1, (char **)(uintptr_t)&y, 10);
            long long slack = m < 100000000 ? 20 : 20000; /* Seconds, or milliseconds. */
            if (m != n && (m < 100000 || n < 100000 || llabs(m - n) > slack))
                return false;
        } else if (*x++ != *y++) {
            return false;
        }
    }
    return *x == *y;
}

static bool same_sorted(struct bytes a, struct bytes b)
{
    struct buf x = {0};
    struct buf y = {0};
    sort_lines(a, &x);
    sort_lines(b, &y);
    bool same = same_but_for_time(buf_bytes(&x), buf_bytes(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

static void judge(const struct words *words, int at, uint64_t seed, struct bytes ours,
                  struct bytes theirs)
{
    if (same_but_for_time(ours, theirs) || same_sorted(ours, theirs))
        return;
    struct buf line = {0};
    for (int i = 0; i < words->n; i++)
        buf_printf(&line, "'%s' ", words->at[i]);
    /* Of long ones what stands where they part. */
    size_t from = 0;
    while (from < ours.len && from < theirs.len && ours.base[from] == theirs.base[from])
        from++;
    from = from < 100 ? 0 : from - 100;
    ours = bytes_of(ours.base + from, ours.len - from < 300 ? ours.len - from : 300);
    theirs = bytes_of(theirs.base + from, theirs.len - from < 300 ? theirs.len - from : 300);
    fail_msg("ORRERY_SAME_SEED=%llu, command %d: %.*s\nours:   %.*s\ntheirs: %.*s",
             (unsigned long long)seed, at, (int)line.len, line.base, (int)ours.len, ours.base,
             (int)theirs.len, theirs.base);
}

static struct words words_of(const char *line)
{
    struct words words = {.n = 0};
    char text[128];
    snprintf(text, sizeof text, "%s", line);
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
        add(&words, word);
    return words;
}

/* The same to both. */
static void both(struct world *w, int client, const struct words *words, int at, uint64_t seed)
{
    struct bytes theirs = ask(&w->theirs.clients[client], words);
    struct bytes ours = ask(&w->ours.clients[client], words);
    life_read(&w->l);
    judge(words, at, seed, ours, theirs);
    follow(w, client, words, ours);
}

static void reset(struct world *w, uint64_t seed)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct words words = words_of("RESET");
        both(w, i, &words, 0, seed);
        w->multi[i] = w->watching[i] = false;
    }
    struct words words = words_of("FLUSHALL");
    both(w, 0, &words, 0, seed);
    /* Replies of HELLO name the server, so they are taken, not compared. */
    for (int i = 0; i < CLIENTS && seed % 2; i++) {
        words = words_of("HELLO 3");
        ask(&w->theirs.clients[i], &words);
        ask(&w->ours.clients[i], &words);
    }
}

static void play(struct world *w, uint64_t seed, int commands)
{
    /* Which it counts before it has looked is a matter of its timer. */
    const struct words look = words_of("EXISTS k0 k1 k2 k3 k4 k5 k6 k7");
    random_seed(&w->random, seed);
    reset(w, seed);
    for (int at = 1; at <= commands; at++) {
        int client = (int)random_below(&w->random, CLIENTS);
        struct words words;
        draw(w, &words);
        both(w, client, &look, at, seed);
        both(w, client, &words, at, seed);
    }
}

static void replies_are_those_of_redis(void **state)
{
    const char *seed = getenv("ORRERY_SAME_SEED");
    const char *commands = getenv("ORRERY_SAME_COMMANDS");
    int n = commands ? atoi(commands) : COMMANDS;
    if (seed) {
        play(*state, strtoull(seed, NULL, 10), n);
        return;
    }
    for (uint64_t i = 1; i <= SEEDS; i++)
        play(*state, i, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replies_are_those_of_redis, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
