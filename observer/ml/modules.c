#include "ml/modules.h"

#include "ml/backpropagation/backpropagation.h"

#include <string.h>

static const struct core_ops *const modules[] = {
    &backpropagation_ops,
    NULL,
};

const struct core_ops *module_find(const char *name)
{
    for (uint32_t i = 0; modules[i]; i++)
        if (strcmp(modules[i]->name, name) == 0)
            return modules[i];
    return NULL;
}

const struct core_ops *module_at(uint32_t i)
{
    return i < sizeof modules / sizeof modules[0] ? modules[i] : NULL;
}
