// The page on real processes, once each: a click kills one, a click cuts the power, and the page shows
// what the events say.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { axe, browse, desk, hand, open, picture, visit } from './page';
import { bin } from './observer';

const readme = { width: 1280, height: 860 }; // the picture that README.md shows
let browser: Browser;
const address = inject('observer');
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

describe.runIf(bin !== '')('on real processes', () => {
    it('heartbeat: kills a process with one click, and shows who noticed when', async () => {
        const { context, page, complaints } = await open(browser, readme, 'light');
        await visit(page, address, '#/lab/heartbeat');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        await page.keyboard.press('3');
        // φ has to have learnt what is usual.
        await page.waitForFunction(() => parseFloat(document.querySelector('.time .clock')?.textContent ?? '') > 6);
        await page.getByRole('button', { name: /kill −9/i }).click();
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        await page.locator('.race .bt .ev').nth(2).waitFor();
        await page.locator('.race .bt .ev').first().click();
        await page.locator('.insp h2', { hasText: 'Opinion' }).waitFor();
        await picture(page, 'real-killed');
        await page.keyboard.press('l');
        await page.getByRole('button', { name: /Restart/ }).click();
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('wal: cuts the power with one click, and replays what was synced', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, address, '#/lab/wal');
        await page.locator('.store').first().locator('.rec.durable').first().waitFor();
        await page.getByRole('button', { name: /Cut the power/ }).click();
        await page.getByRole('article', { name: /n1: without power/ }).waitFor();
        await page.getByText(/took .* not synced/).waitFor();
        await picture(page, 'real-power-cut');
        await page.getByRole('button', { name: /Restart/ }).click();
        await page.getByRole('article', { name: /n1: running/ }).waitFor();
        await page.getByText(/Replay: [1-9]\d* records? read again/).waitFor();
        await picture(page, 'real-replayed');
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('kills an empty store on a phone, and sees the replay of nothing', async () => {
        const { context, page, complaints } = await open(browser, hand, 'dark');
        await visit(page, address, '#/sandbox/kv');
        await page.getByRole('article', { name: /n1: running/ }).waitFor();
        await page.getByRole('button', { name: /kill −9/i }).tap();
        await page.getByRole('article', { name: /n1: killed −9/ }).waitFor();
        await page.getByRole('button', { name: /Restart/ }).tap();
        await page.getByRole('article', { name: /n1: running/ }).waitFor();
        await page.getByText(/Replay: 0 records/).waitFor();
        await picture(page, 'real-phone-store', true);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('shows fifty nodes as a roster, and one alone as such', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, address, '#/sandbox/heartbeat/sim/50');
        await page.locator('.roster li').nth(48).waitFor();
        await page.getByRole('button', { name: /^n7 / }).click();
        await page.getByRole('article', { name: /^n7: phi/ }).waitFor();
        await picture(page, 'state-fifty');
        expect(await axe(page)).toEqual([]);
        await page.evaluate(() => void (location.hash = '#/sandbox/heartbeat/sim/1'));
        await page.getByText(/n1 is alone/).waitFor();
        await picture(page, 'state-one');
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('does not let in a page with a wrong token', async () => {
        const { context, page } = await open(browser, desk, 'dark');
        await page.goto(`${address.split('#')[0]}#token=0000`);
        await page.getByText('This page was not let in.').waitFor();
        await context.close();
    });
});
