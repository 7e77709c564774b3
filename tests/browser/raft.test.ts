// Raft's stage in Chromium: a leader killed with a click on it, a node that comes later, what is scrubbed, and both
// widths and themes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { axe, browse, desk, hand, open, picture, visit, type Size } from './page';
import { bin, startObserver, type Observer } from './observer';

let browser: Browser;
let live: Observer;
beforeAll(async () => {
    if (bin !== '') [browser, live] = await Promise.all([browse(), startObserver([])]);
});
afterAll(async () => {
    await browser?.close();
    await live?.end();
});

const leads = '.ring-fig .node.lead';
/** Who leads now, other than `but`. */
async function leader(page: Page, but = ''): Promise<string> {
    const found = await page.waitForFunction(not => [...document.querySelectorAll('.ring-fig .node.lead')].map(n => n.getAttribute('data-node') ?? '').find(n => n !== not), but);
    return (await found.jsonValue()) ?? '';
}

describe.runIf(bin !== '')('raft', () => {
    it('kills the leader that is clicked, and shows who leads next, on real processes', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, live.address, '#/sandbox/raft/5');
        const first = await leader(page);
        const term = Number(/term (\d+)/.exec(await page.locator(leads).first().textContent() ?? '')?.[1]);
        await page.locator(`.ring-fig .node[data-node="${first}"] .hit`).click();
        await page.locator('.insp h2', { hasText: first }).waitFor(); // it is picked
        await page.getByRole('button', { name: /kill −9/i }).click();
        await page.locator(`.ring-fig .node.dead[data-node="${first}"]`).waitFor();
        const second = await leader(page, first);
        expect(second).toMatch(/^n[1-5]$/);
        await page.locator('.ballot', { hasText: 'elected' }).waitFor();
        await page.waitForFunction(was => Number(/term (\d+)/.exec(document.querySelector('.ballot')?.textContent ?? '')?.[1]) > was, term);
        expect(await page.locator('.ballot li.yes').count()).toBeGreaterThanOrEqual(3);
        expect(await page.locator('.lm tr.dead').count()).toBe(1);
        expect(await page.locator('.lm td.committed').count()).toBeGreaterThan(4);
        await picture(page, 'raft-killed');

        // What the ballot shows leads to its events.
        await page.locator('.ballot .ev').last().click();
        await page.locator('.insp h2', { hasText: 'Elected' }).waitFor();
        await page.keyboard.press('l');
        await page.getByRole('button', { name: /Restart/ }).click();
        await page.locator(`.ring-fig .node[data-node="${first}"] .hit[aria-label*="follows"]`).waitFor();
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('shows a node that comes later, a cut as it is drawn, and the past as it was', async () => {
        const { context, page, complaints } = await open(browser, desk, 'light');
        await visit(page, live.address, '#/sandbox/raft/sim/3?seed=11');
        const first = await leader(page);
        const run = (await page.locator('.run .mono').first().innerText()).trim();
        live.orrery('add', '--run', run);
        await page.locator('.ring-fig .node').nth(3).waitFor();
        live.orrery('link', first, 'all', '--cut', '--run', run);
        await page.locator('.ring-fig .link.cutd').first().waitFor();
        await leader(page, first);
        await picture(page, 'raft-cut');
        expect(live.orrery('heal', '--run', run)).toMatch(/^e\d+ +heal/);
        await page.locator('.ring-fig .link.cutd').first().waitFor({ state: 'detached' });
        await page.waitForFunction(() => document.querySelectorAll('.ring-fig .node.lead').length === 1);

        // In the past less was committed, and live shows it all again.
        const committed = (): Promise<number> => page.evaluate(() => Number(document.querySelector('.lm thead .line')?.textContent ?? 0));
        const now = await committed();
        expect(now).toBeGreaterThan(0);
        await page.locator('.over canvas').click({ position: { x: 100, y: 20 } });
        await page.getByText(/behind live/).waitFor();
        await page.waitForFunction(n => Number(document.querySelector('.lm thead .line')?.textContent ?? 0) < n, now);
        await page.keyboard.press('l');
        await page.waitForFunction(n => Number(document.querySelector('.lm thead .line')?.textContent ?? 0) >= n, now);
        expect(complaints).toEqual([]);
        await context.close();
    });

    const looks: [string, Size, 'dark' | 'light', string][] = [
        ['desk, three nodes', desk, 'light', '#/sandbox/raft/sim/3'], ['desk, seven nodes', desk, 'dark', '#/sandbox/raft/sim/7'],
        ['a phone', hand, 'dark', '#/sandbox/raft/sim/5'], ['a phone by day', hand, 'light', '#/sandbox/raft/sim/7'],
    ];
    it.each(looks)('can be read and used: %s', async (name, size, theme, route) => {
        const { context, page, complaints } = await open(browser, size, theme);
        await visit(page, live.address, route);
        await leader(page);
        await page.locator('.lm td.committed').first().waitFor();
        await page.evaluate(() => document.fonts.ready);
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
        // No words of a node lie over those of another.
        const boxes = await page.locator('.ring-fig g.halo:not(.flab) text.b').evaluateAll(all => all.map(t => t.getBoundingClientRect()).map(r => [r.left, r.top, r.right, r.bottom] as const));
        for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) expect(a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]).toBe(false);
        await picture(page, `raft-${name.replace(/\W+/g, '-')}`, size === hand);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });
});
