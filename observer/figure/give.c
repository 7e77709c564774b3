#include "figure/give.h"

#include "base/check.h"
#include "cluster/command.h"
#include "cluster/units.h"

void figure_give(struct cluster *cluster, const char *line)
{
    char why[300];
    const char *words[16];
    struct buf memory = {0};
    int n = words_split(line, &memory, words, 16);
    CHECK(n > 0);
    Orrery__Command *c = command_parse(words, (size_t)n, why, sizeof why);
    CHECK(c);
    cluster_expand(cluster, c);
    CHECK(cluster->ops->command(cluster, c, 0, why, sizeof why) == 0);
    orrery__command__free_unpacked(c, NULL);
    buf_free(&memory);
}
