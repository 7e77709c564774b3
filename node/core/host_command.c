/* What users do to a protocol while it runs: other settings, and orders. */
#include "base/check.h"
#include "base/errors.h"
#include "core/host_internal.h"

#include <stdlib.h>
#include <string.h>

static void *lend(struct host *h, size_t n)
{
    void *p = arena_alloc(&h->arena, n);
    CHECK(p != NULL);
    return p;
}

static char *lend_text(struct host *h, const char *from, size_t n)
{
    char *s = lend(h, n + 1);
    if (n > 0)
        memcpy(s, from, n);
    s[n] = '\0';
    return s;
}

static void tell_settings(struct host *h, const struct instance *in, const char *const *key_values,
                          size_t n)
{
    arena_clear(&h->arena);
    Orrery__Setting setting = ORRERY__SETTING__INIT;
    setting.n_settings = n;
    setting.settings = lend(h, (n + 1) * sizeof *setting.settings);
    for (size_t i = 0; i < n; i++) {
        const char *equal = strchr(key_values[i], '=');
        Orrery__KeyValue *kv = setting.settings[i] = lend(h, sizeof *kv);
        orrery__key_value__init(kv);
        kv->key = lend_text(h, key_values[i], (size_t)(equal - key_values[i]));
        kv->value = lend_text(h, equal + 1, strlen(equal + 1));
    }
    struct happening what =
        happening_message(in->number, ORRERY__EVENT__BODY_SETTING, &setting.base);
    host_input(h, &what);
}

int host_settings(struct host *h, struct moment at, uint32_t instance,
                  const char *const *key_values, size_t n, char *why, size_t why_size)
{
    struct instance *in = host_instance(h, instance);
    if (!settings_change(in, key_values, n, why, why_size))
        return ERROR_REFUSED;
    host_enter_started(h, at);
    tell_settings(h, in, key_values, n);
    struct input input = {.kind = INPUT_SETTINGS, .now = at.now, .wall_ns = at.wall_ns};
    input.settings = in->config.settings;
    host_step(h, in, &input);
    host_finish(h);
    return 0;
}

void host_order(struct host *h, struct moment at, uint32_t instance, const char *verb,
                const char *const *words, size_t n)
{
    host_enter_started(h, at);
    struct instance *in = host_instance(h, instance);
    Orrery__Order order = ORRERY__ORDER__INIT;
    order.verb = (char *)(uintptr_t)verb;
    order.n_words = n;
    order.words = (char **)(uintptr_t)words;
    struct happening what = happening_message(instance, ORRERY__EVENT__BODY_ORDER, &order.base);
    host_input(h, &what);
    struct bytes *list = calloc(n + 1, sizeof *list); /* The step clears the arena. */
    CHECK(list != NULL);
    for (size_t i = 0; i < n; i++)
        list[i] = bytes_str(words[i]);
    struct input input = {.kind = INPUT_ORDER, .now = at.now, .wall_ns = at.wall_ns};
    input.order.verb = bytes_str(verb);
    input.order.words = list;
    input.order.n = (uint32_t)n;
    host_step(h, in, &input);
    free(list);
    host_finish(h);
}
