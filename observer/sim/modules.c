#include "sim/modules.h"

#include "base/errors.h"
#include "core/listing.h"
#include "core/registry.h"
#include "ml/modules.h"

#include <stdio.h>

const struct core_ops *sim_find(const char *name)
{
    const struct core_ops *ops = registry_find(name);
    return ops ? ops : module_find(name);
}

bool sim_module(const char *name)
{
    return module_find(name) != NULL;
}

static size_t count(const struct cluster_group *groups, size_t n, bool modules)
{
    size_t found = 0;
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < groups[g].n_instances; i++)
            found += sim_module(groups[g].instances[i].protocol) == modules;
    return found;
}

bool sim_has_modules(const struct cluster_group *groups, size_t n)
{
    return count(groups, n, true) > 0;
}

bool sim_unmixed(const struct cluster_group *groups, size_t n, char *why, size_t why_size)
{
    if (count(groups, n, true) == 0 || count(groups, n, false) == 0)
        return true;
    (void)snprintf(why, why_size,
                   "modules of the observer and protocols of processes do not go "
                   "together in one cluster");
    return false;
}

bool sim_modules_print(const char *name)
{
    const struct core_ops *ops;
    for (uint32_t i = 0; !name && (ops = module_at(i)); i++) {
        (void)fputs("  ", stdout);
        listing_line(stdout, ops);
    }
    ops = name ? module_find(name) : NULL;
    if (ops)
        listing_settings(stdout, ops);
    return !name || ops;
}

int sim_module_refuses(const Orrery__Command *command, char *why, size_t why_size)
{
    const char *what;
    switch (command->verb_case) {
    case ORRERY__COMMAND__VERB_KILL:
    case ORRERY__COMMAND__VERB_POWER:
    case ORRERY__COMMAND__VERB_DISK:
        what = "it is a module of the observer, no process with a disk: 'restart' begins anew";
        break;
    case ORRERY__COMMAND__VERB_CUT:
    case ORRERY__COMMAND__VERB_LINK:
    case ORRERY__COMMAND__VERB_HOLD:
    case ORRERY__COMMAND__VERB_DELIVER:
        what = "a module sends no messages: 'pace 0' stops it, and 'do n1 VERB' goes on by hand";
        break;
    default:
        return 0;
    }
    (void)snprintf(why, why_size, "%s", what);
    return ERROR_UNSUPPORTED;
}
