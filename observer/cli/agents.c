#include "cli/agents.h"

#include "base/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_TEXT_MAX = 4096 };

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool key_of_text(char *text, size_t n, struct cluster_key *key, char *why, size_t why_size)
{
    while (n > 0 && strchr(" \r\n\t", text[n - 1]))
        n--;
    key->given = n >= CLUSTER_KEY_MIN;
    if (key->given)
        seal_key_of_text(bytes_of(text, n), key->key);
    else
        snprintf(why, why_size,
                 "a cluster key has %d characters at least: 'head -c 32 /dev/urandom | base64' "
                 "makes a good one",
                 CLUSTER_KEY_MIN);
    seal_wipe(text, n);
    return key->given;
}

static bool key_of_file(const char *path, struct cluster_key *key, char *why, size_t why_size)
{
    char text[KEY_TEXT_MAX];
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(why, why_size, "cannot read the cluster key in %.200s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); /* No copy of it stays behind. */
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    return key_of_text(text, n, key, why, why_size);
}

/* Whoever may read a process's environment may do so as long as it runs: there it is overwritten.
 */
static bool key_of_environment(struct cluster_key *key, char *why, size_t why_size)
{
    char *text = getenv("ORRERY_CLUSTER_KEY");
    bool read = key_of_text(text, strlen(text), key, why, why_size);
    unsetenv("ORRERY_CLUSTER_KEY");
    return read;
}

bool agents_key(const char *key_file, struct cluster_key *key, char *why, size_t why_size)
{
    const char *path = key_file ? key_file : from_environment("ORRERY_CLUSTER_KEY_FILE");
    *key = (struct cluster_key){.given = false};
    if (path)
        return key_of_file(path, key, why, why_size);
    if (from_environment("ORRERY_CLUSTER_KEY"))
        return key_of_environment(key, why, why_size);
    seal_key_of_text(bytes_of("", 0), key->key);
    return true;
}

int agents_open(uv_loop_t *loop, const struct agents_given *given, struct pool **pool, char *why,
                size_t why_size)
{
    struct pool_options options = {.where = given->where, .raw_clocks = given->raw_clocks};
    *pool = NULL;
    if (!options.where)
        options.where = from_environment("ORRERY_AGENTS");
    if (!options.where)
        return 0;
    if (agents_key(given->key_file, &options.key, why, why_size))
        *pool = pool_new(loop, &options, why, why_size);
    seal_wipe(&options.key, sizeof options.key);
    if (!*pool)
        return ERROR_REFUSED;
    fprintf(stderr, "orrery: agents may come to %s\n", pool_where(*pool));
    return 1;
}
