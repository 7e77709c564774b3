#include "web/gallery.h"

#include "web/assets.h"
#include "web/unzip.h"

#include <stdio.h>
#include <string.h>

static const char place[] = "<!--cards:"; /* And a group's name: ui/scripts/gallery.mjs. */

static void put_text(const char *text, struct buf *into)
{
    for (; *text; text++) {
        const char *escaped = *text == '<'   ? "&lt;"
                              : *text == '>' ? "&gt;"
                              : *text == '&' ? "&amp;"
                              : *text == '"' ? "&quot;"
                                             : NULL;
        buf_append(into, escaped ? bytes_str(escaped) : bytes_of(text, 1));
    }
}

static bool has_glyph(const struct buf *page, const char *name)
{
    char id[80];
    int n = snprintf(id, sizeof id, "<symbol id=\"g-%.40s\" ", name);
    return memmem(page->base, page->len, id, (size_t)n) != NULL;
}

static void put_card(const struct buf *page, const struct gallery_card *c, struct buf *into)
{
    buf_printf(into,
               "<a class=\"card\" href=\"%s\"><svg class=\"gl\" viewBox=\"0 0 200 88\" "
               "aria-hidden=\"true\"><use href=\"#g-",
               c->file);
    put_text(has_glyph(page, c->glyph) ? c->glyph : "", into);
    buf_printf(into, "\"/></svg><h3>");
    put_text(c->title, into);
    buf_printf(into, "</h3><p>");
    put_text(c->promise, into);
    buf_printf(into, "</p><div class=\"ft\">");
    if (c->checks)
        buf_printf(into, "<span class=\"pg\">%u of %u checks proven</span>", c->proven, c->checks);
    if (c->seconds)
        buf_printf(into, "<span>~%u s</span>", c->seconds);
    buf_printf(into, "<span>%.1f MB</span></div></a>", (double)c->bytes / 1e6);
}

/* Its group has a place on the page. */
static bool has_place(const struct buf *page, const char *group)
{
    char mark[80];
    int n = snprintf(mark, sizeof mark, "%s%.40s-->", place, group);
    return memmem(page->base, page->len, mark, (size_t)n) != NULL;
}

static void put_cards(const struct buf *page, struct bytes group, const struct gallery_card *cards,
                      size_t n, struct buf *into)
{
    for (size_t i = 0; i < n; i++) {
        const char *wanted = has_place(page, cards[i].group) ? cards[i].group : "";
        if (strlen(wanted) == group.len && memcmp(wanted, group.base, group.len) == 0)
            put_card(page, &cards[i], into);
    }
}

bool gallery_page_make(const struct gallery_card *cards, size_t n, struct buf *into, char *why,
                       size_t why_size)
{
    struct buf page = {0};
    if (gallery_page.len == 0) {
        snprintf(why, why_size, "this observer was built without its page (ORRERY_PAGE=OFF)");
        return false;
    }
    unzip(gallery_page, &page);
    const uint8_t *at = page.base, *end = page.base + page.len, *hole;
    while ((hole = memmem(at, (size_t)(end - at), place, sizeof place - 1))) {
        const uint8_t *group = hole + sizeof place - 1;
        const uint8_t *close = memmem(group, (size_t)(end - group), "-->", 3);
        if (!close)
            break;
        buf_append(into, bytes_of(at, (size_t)(hole - at)));
        put_cards(&page, bytes_of(group, (size_t)(close - group)), cards, n, into);
        at = close + 3;
    }
    buf_append(into, bytes_of(at, (size_t)(end - at)));
    buf_free(&page);
    return true;
}
