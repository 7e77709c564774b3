// Message by message, on a simulated cluster: hold, look at what is held, deliver one, lose one, go on.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Locator } from 'playwright-core';
import { bin, startObserver, type Observer } from './observer';
import { axe, browse, desk, hand, open, picture, visit } from './page';

let browser: Browser;
let live: Observer;

describe.runIf(bin !== '')('message by message', () => {
    beforeAll(async () => {
        [browser, live] = await Promise.all([browse(), startObserver([])]);
    });
    afterAll(async () => {
        await browser.close();
        await live.end();
    });

    const lineOf = async (held: Locator): Promise<string> => (await held.getByRole('button', { name: /^Deliver: Beat/ }).getAttribute('title')) ?? '';

    it('holds, lists, delivers, loses and lets go', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, live.address, '#/sandbox/heartbeat/sim');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        const toggle = page.getByRole('button', { name: 'Hold messages' });
        expect(await toggle.getAttribute('title')).toBe('orrery hold');
        await toggle.click();
        const sheet = page.getByRole('region', { name: /held back/ });
        const first = sheet.getByRole('listitem').first();
        await first.getByText('Beat').waitFor();
        // Nobody hears of anybody.
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        const line = await lineOf(first);
        expect(line).toMatch(/^Deliver: orrery deliver n\d --event \d+ --to n\d$/);
        await picture(page, 'stepping-dark');
        await first.getByRole('button', { name: /^Deliver: Beat/ }).click();
        await sheet.getByTitle(line).waitFor({ state: 'detached' });
        const lost = await lineOf(first);
        await first.getByRole('button', { name: /^Lose: Beat/ }).click();
        await sheet.getByTitle(lost).waitFor({ state: 'detached' });
        const next = await lineOf(first);
        await page.keyboard.press('n');
        await sheet.getByTitle(next).waitFor({ state: 'detached' });
        await sheet.getByRole('button', { name: /^e\d+$/ }).first().click();
        await page.getByRole('heading', { name: /^Beat to/ }).waitFor();
        // Into the past, whether or not the event was in view.
        await page.evaluate(() => (document.activeElement as HTMLElement).blur());
        await page.keyboard.press(' ');
        await sheet.getByText('As it was there.').waitFor();
        expect(await first.getByRole('button', { name: /^Deliver: Beat/ }).isDisabled()).toBe(true);
        expect(await axe(page)).toEqual([]);
        await page.keyboard.press('m');
        await toggle.waitFor();
        await page.keyboard.press('l');
        await sheet.waitFor({ state: 'detached' });
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        expect(complaints).toEqual([]);
        await context.close();
    }, 90_000);

    it('stands among the controls in the hand, and is not offered where there are no messages', async () => {
        const { context, page, complaints } = await open(browser, hand, 'light');
        await visit(page, live.address, '#/sandbox/heartbeat/sim');
        await page.getByRole('button', { name: 'Hold messages' }).click();
        const sheet = page.getByRole('region', { name: /held back/ });
        await sheet.getByText('Beat').first().waitFor();
        await picture(page, 'stepping-hand', true);
        expect(await axe(page)).toEqual([]);
        await visit(page, live.address, '#/sandbox/backpropagation/sim');
        await page.getByRole('button', { name: /Restart/ }).waitFor();
        await page.getByText(/^\d+\.\d+ s$/).first().waitFor();
        expect(await page.getByRole('button', { name: 'Hold messages' }).count()).toBe(0);
        expect(complaints).toEqual([]);
        await context.close();
    }, 90_000);
});
