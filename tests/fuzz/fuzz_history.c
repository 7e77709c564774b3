/* Any bytes as a history: reading names a fault or gives a history; that one is judged within its
 * bounds, and what is written of it is read as the same. */
#include "check/consistency.h"
#include "check/history_read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(void *ctx)
{
    unsigned *left = ctx;
    return (*left)-- == 0;
}

static void judge(struct history *h)
{
    for (enum consistency c = 0; c < CONSISTENCIES; c++) {
        unsigned slices = 1;
        const struct patience patience = {ends, &slices};
        struct judgement j;
        struct buf table = {0};
        consistency_judge(h, c, &patience, &j);
        if ((j.verdict == VERDICT_REFUTED) != (j.example.n > 0))
            abort();
        judgement_print(h, &j, "line ", &table);
        for (size_t i = 0; i < table.len; i++)
            if ((table.base[i] < 0x20 && table.base[i] != '\n') || table.base[i] == 0x7f)
                abort();
        buf_free(&table);
        judgement_free(&j);
    }
}

static void write_and_read(const struct history *h)
{
    struct buf text = {0};
    struct history again;
    char why[300];
    enum history_model model = MODEL_UNKNOWN;
    (void)history_write(h, &text);
    history_init(&again, false);
    if (!history_read(&again, buf_bytes(&text), &model, why, sizeof why) ||
        again.operations.n != h->operations.n)
        abort();
    history_free(&again);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct history h;
    char why[300];
    enum history_model model = MODEL_UNKNOWN;
    history_init(&h, false);
    if (history_read(&h, bytes_of(data, size), &model, why, sizeof why)) {
        write_and_read(&h);
        judge(&h);
    }
    history_free(&h);
    return 0;
}
