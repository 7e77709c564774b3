#include "session/paths.h"

#include "base/random.h"
#include "cluster/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const adjectives[] = {
    "amber",  "ample", "arctic", "bold",  "brave", "brief",  "bright", "brisk",  "calm",   "clear",
    "clever", "cosy",  "crisp",  "deft",  "early", "fair",   "fond",   "fresh",  "frosty", "gentle",
    "glad",   "grand", "happy",  "hardy", "hazel", "humble", "ivory",  "jolly",  "keen",   "kind",
    "late",   "light", "lively", "loyal", "lucky", "mellow", "merry",  "mild",   "misty",  "modest",
    "neat",   "noble", "olive",  "plain", "proud", "quick",  "quiet",  "rapid",  "ready",  "round",
    "rustic", "sharp", "silent", "sleek", "smart", "snowy",  "solid",  "steady", "still",  "sunny",
    "swift",  "tidy",  "vivid",  "warm"};

static const char *const animals[] = {
    "badger", "beaver", "bison",  "bobcat",  "camel",  "cougar", "crane",  "cricket",
    "curlew", "dingo",  "dove",   "eagle",   "egret",  "falcon", "ferret", "finch",
    "fox",    "gecko",  "gibbon", "goose",   "hare",   "hawk",   "heron",  "ibex",
    "ibis",   "jackal", "jay",    "kestrel", "kite",   "koala",  "lark",   "lemur",
    "linnet", "lizard", "llama",  "lynx",    "magpie", "marmot", "marten", "mole",
    "moose",  "newt",   "ocelot", "oriole",  "osprey", "otter",  "owl",    "panda",
    "petrel", "plover", "puffin", "quail",   "raven",  "robin",  "salmon", "seal",
    "shrew",  "stoat",  "stork",  "swan",    "tapir",  "toad",   "walrus", "wren"};

void run_name(uint64_t seed, uint32_t again, char name[RUN_NAME_MAX])
{
    struct random random = random_split(seed, UINT64_C(0x6e616d65) + again);
    uint64_t a = random_below(&random, sizeof adjectives / sizeof adjectives[0]);
    uint64_t b = random_below(&random, sizeof animals / sizeof animals[0]);
    snprintf(name, RUN_NAME_MAX, "%s-%s", adjectives[a], animals[b]);
}

bool run_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n < RUN_NAME_MAX && !name[n] && name[0] != '-';
}

static bool joined(char *into, const char *folder, const char *name)
{
    int n = snprintf(into, PATH_ROOM, "%s/%s", folder, name);
    return n > 0 && n < PATH_ROOM;
}

/* A folder of ours that nobody else can look into. */
static bool private_folder(const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make the folder %s: %s", path, strerror(errno));
        return false;
    }
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        snprintf(why, why_size, "%s is no folder: move it away", path);
        return false;
    }
    if (st.st_uid != geteuid()) {
        snprintf(why, why_size, "the folder %s belongs to somebody else", path);
        return false;
    }
    if ((st.st_mode & 077) && chmod(path, 0700) < 0) {
        snprintf(why, why_size, "others can look into %s: do 'chmod 700 %s'", path, path);
        return false;
    }
    if (access(path, W_OK | X_OK) < 0) {
        snprintf(why, why_size, "cannot write into %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* Folders above ours, which may be anybody's. */
static void make_parents(const char *path)
{
    char part[PATH_ROOM];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = strchr(part + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(part, 0700); /* What fails here is told where the last one fails. */
        *at = '/';
    }
}

static bool state_path(char *into, char *why, size_t why_size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (!home || !*home) {
        const struct passwd *user = getpwuid(geteuid());
        home = user ? user->pw_dir : NULL;
    }
    if (state && *state == '/')
        n = snprintf(into, PATH_ROOM, "%s/orrery", state);
    else
        n = home ? snprintf(into, PATH_ROOM, "%s/.local/state/orrery", home) : -1;
    if (n > 0 && n < PATH_ROOM - 64)
        return true;
    snprintf(why, why_size, "there is no folder to keep things in: set XDG_STATE_HOME to one");
    return false;
}

bool paths_make(struct paths *p, char *why, size_t why_size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (!state_path(p->state, why, why_size))
        return false;
    make_parents(p->state);
    if (!private_folder(p->state, why, why_size)) {
        size_t n = strlen(why);
        snprintf(why + n, why_size - n, " (set XDG_STATE_HOME to keep things elsewhere)");
        return false;
    }
    if (!joined(p->recordings, p->state, "recordings") || !joined(p->runs, p->state, "runs") ||
        !private_folder(p->recordings, why, why_size) || !private_folder(p->runs, why, why_size))
        return false;
    if (runtime && *runtime == '/' && strlen(runtime) < 60 &&
        joined(p->sockets, runtime, "orrery") && private_folder(p->sockets, why, why_size))
        return true;
    return joined(p->sockets, p->state, "run") && private_folder(p->sockets, why, why_size);
}

bool paths_socket(const struct paths *p, const char *name, char *into, size_t size)
{
    int n = snprintf(into, size, "%s/%s.sock", p->sockets, name);
    return n > 0 && (size_t)n < size && (size_t)n < sizeof((struct sockaddr_un *)0)->sun_path;
}

int run_connect(const struct paths *p, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!run_name_ok(name) || !paths_socket(p, name, address.sun_path, sizeof address.sun_path))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void clear_away(const struct paths *p, const char *name)
{
    char path[PATH_ROOM];
    if (paths_socket(p, name, path, sizeof path))
        unlink(path);
    if (joined(path, p->runs, name))
        folder_remove(path);
}

size_t runs_list(const struct paths *p, char names[RUNS_LISTED_MAX][RUN_NAME_MAX])
{
    size_t n = 0;
    DIR *folder = opendir(p->sockets);
    const struct dirent *file;
    while (folder && n < RUNS_LISTED_MAX && (file = readdir(folder))) {
        char name[RUN_NAME_MAX];
        size_t length = strlen(file->d_name);
        if (length < 6 || length - 5 >= sizeof name || strcmp(file->d_name + length - 5, ".sock"))
            continue;
        memcpy(name, file->d_name, length - 5);
        name[length - 5] = '\0';
        if (!run_name_ok(name))
            continue;
        int fd = run_connect(p, name);
        if (fd < 0) {
            if (errno == ECONNREFUSED)
                clear_away(p, name);
            continue;
        }
        close(fd);
        memcpy(names[n++], name, sizeof name);
    }
    if (folder)
        closedir(folder);
    qsort(names, n, RUN_NAME_MAX, by_name);
    return n;
}
