/* Any transcript of Raft: lines as in tests/script, whose transcripts are the seeds. Whatever
 * peers, clients, disks and users do, no node breaks an assertion. */
#include "../script/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 300, NODES_MAX = 7, TIME_DIGITS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not what would take for ever: many nodes, other protocols, a run of more than ten seconds. And a
 * disk holds what its node wrote: anything else ends it, as it must. */
static bool is_allowed(const char *line)
{
    unsigned nodes;
    if (strncmp(line, "record", 6) == 0)
        return false;
    if (strncmp(line, "cluster ", 8) == 0)
        return sscanf(line, "cluster %u raft ", &nodes) == 1 && nodes <= NODES_MAX &&
               strstr(line, " raft") && !strstr(line, "_ms=0");
    if (strncmp(line, "run", 3) == 0 || line[0] == '@' || strncmp(line, "latency", 7) == 0) {
        size_t digits = strspn(line + strcspn(line, "0123456789"), "0123456789");
        const char *unit = line + strcspn(line, "0123456789") + digits;
        return digits > 0 && digits <= TIME_DIGITS_MAX && strncmp(unit, "ms", 2) == 0;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf said = {0};
    struct buf lines = {0};
    struct world world;
    char why[512];
    buf_append(&lines, bytes_of(data, size));
    buf_append(&lines, bytes_of("", 1));
    world_init(&world, &said);
    (void)command_do(&world, "cluster 3 raft snapshot_bytes=200 chunk_bytes=50 pages=1", why,
                     sizeof why);
    char *rest = (char *)lines.base;
    char *line;
    for (int n = 0; n < LINES_MAX && (line = strsep(&rest, "\n")) != NULL; n++) {
        if (line[0] == '\0' || line[0] == '#' || line[0] == ' ' || !is_allowed(line))
            continue;
        (void)command_do(&world, line, why, sizeof why);
        buf_clear(&said);
    }
    world_free(&world);
    buf_free(&lines);
    buf_free(&said);
    return 0;
}
