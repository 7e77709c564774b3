// The page on a real observer: open, walk, predict, kill, see what was measured. Simulated clusters for
// the walks, real processes once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { bin, startObserver, type Observer } from './observer';
import { axe, browse, desk, hand, open, picture } from './page';

let browser: Browser;
let observer: Observer;

beforeAll(async () => {
    [browser, observer] = await Promise.all([browse(), startObserver([])]);
});
afterAll(async () => {
    await browser.close();
    await observer.end();
});

async function toRoute(page: Page, route: string): Promise<void> {
    await page.goto(observer.address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.evaluate(to => void (location.hash = to), route);
}

describe.runIf(bin !== '')('on a real observer', () => {
    it('shows the catalogue of the labs there are, soon', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await page.goto(observer.address);
        await page.getByRole('heading', { name: 'Heartbeat & Failure Detection' }).waitFor();
        const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
        const weight = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, r) => sum + (r as PerformanceResourceTiming).encodedBodySize, 0));
        console.log(`first paint ${paint.toFixed(0)} ms, ${(weight / 1024).toFixed(0)} KB`);
        expect(weight).toBeLessThan(400 * 1024);
        expect(page.url()).not.toContain('token');
        await picture(page, 'real-catalogue');
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('walks heartbeat in the simulator, predicts, and sees the measurement with its events', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await toRoute(page, '#/lab/heartbeat/sim');
        await page.getByRole('button', { name: 'Next step (])' }).waitFor();
        await page.locator('.steps li.now').waitFor();
        const ask = page.locator('.predict .choice').nth(1);
        // The first question comes after the third step: go there, and read on.
        await page.locator('.steps li').nth(2).getByRole('button').click();
        await ask.waitFor({ timeout: 60_000 });
        await picture(page, 'real-predict-open');
        await ask.click();
        await page.locator('.predict .choice.mine').waitFor();
        await page.locator('.predict .measure .ev').first().waitFor({ timeout: 40_000 });
        await page.locator('.predict .choice.right').waitFor();
        await picture(page, 'real-predict-measured');
        await page.locator('.predict .measure .ev').first().click();
        await page.getByText('As recorded').waitFor();
        await picture(page, 'real-inspector');
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    }, 240_000);

    it('kills a real process with one click, and shows who noticed when', async () => {
        const { context, page, complaints } = await open(browser, desk, 'light');
        await toRoute(page, '#/sandbox/heartbeat');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        await page.keyboard.press('3');
        await page.getByRole('button', { name: /kill −9/ }).click();
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        await page.locator('.race .bt .ev').nth(2).waitFor();
        await picture(page, 'real-killed');
        await page.getByRole('button', { name: /Restart/ }).click();
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        expect(complaints).toEqual([]);
        await context.close();
    }, 180_000);

    it('kills a real, empty store on a phone, and sees the replay of nothing', async () => {
        const { context, page, complaints } = await open(browser, hand, 'dark');
        await toRoute(page, '#/sandbox/kv');
        await page.getByRole('article', { name: /n1: running/ }).waitFor();
        await page.getByRole('button', { name: /kill −9/ }).tap();
        await page.getByRole('article', { name: /n1: killed −9/ }).waitFor();
        await page.getByRole('button', { name: /Restart/ }).tap();
        await page.getByRole('article', { name: /n1: running/ }).waitFor();
        await page.getByText(/Replay: 0 records/).waitFor();
        await picture(page, 'real-phone-store', true);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    }, 180_000);

    it('does not let in a page with a wrong token', async () => {
        const { context, page } = await open(browser, desk, 'dark');
        await page.goto(`${observer.address.split('#')[0]}#token=0000`);
        await page.getByText('This page was not let in.').waitFor();
        await context.close();
    });
});
