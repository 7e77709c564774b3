#include "cli/protocols.h"

#include "cluster/cluster.h"
#include "cluster/units.h"
#include "sim/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES_MAX = 64, NAME_SIZE = 32 };

/* The program's output, without a shell between. */
static FILE *ask_node(const char *protocol, pid_t *pid)
{
    int ends[2];
    char why[400];
    char *program = cluster_node_program(why, sizeof why);
    if (!program || pipe(ends) < 0) {
        free(program);
        return NULL;
    }
    fflush(stdout);
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, "orrery-node", "--list", protocol, (char *)NULL);
        _exit(127);
    }
    free(program);
    close(ends[1]);
    if (*pid < 0) {
        close(ends[0]);
        return NULL;
    }
    return fdopen(ends[0], "r");
}

static int finish(FILE *in, pid_t pid)
{
    int status;
    fclose(in);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool protocols_print(const char *protocol)
{
    pid_t pid;
    char line[512];
    if (protocol && sim_modules_print(protocol))
        return true;
    FILE *in = ask_node(protocol, &pid);
    if (!in)
        return false;
    while (fgets(line, sizeof line, in))
        printf("%s%s", protocol ? "" : "  ", line);
    if (!protocol)
        (void)sim_modules_print(NULL);
    return finish(in, pid) == 0;
}

bool protocols_have(const char *protocol, char *why, size_t why_size)
{
    pid_t pid;
    char line[512], names[NAMES_MAX][NAME_SIZE];
    const char *list[NAMES_MAX];
    size_t n = 0;
    bool found = false;
    if (sim_module(protocol))
        return true;
    FILE *in = ask_node(NULL, &pid);
    if (!in)
        return true; /* The cluster will say what is missing. */
    while (fgets(line, sizeof line, in) && n < NAMES_MAX) {
        snprintf(names[n], NAME_SIZE, "%.*s", (int)strcspn(line, " \n"), line);
        list[n] = names[n];
        found = found || strcmp(names[n], protocol) == 0;
        n++;
    }
    if (finish(in, pid) != 0 || n == 0)
        return true;
    if (found)
        return true;
    const char *near = nearest_word(protocol, list, n);
    size_t at = (size_t)snprintf(why, why_size, "there is no protocol '%.60s'", protocol);
    if (near)
        at += (size_t)snprintf(why + at, why_size - at, ": did you mean %s?", near);
    else
        at += (size_t)snprintf(why + at, why_size - at, ": there are");
    for (size_t i = 0; i < n && !near && at < why_size; i++)
        at += (size_t)snprintf(why + at, why_size - at, " %s", names[i]);
    return false;
}
