// Fork here: the past of a simulated run once more, another fault, and both futures side by side.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { bin, startObserver, type Observer } from './observer';
import { axe, browse, desk, hand, open, picture, visit } from './page';

let browser: Browser;
let live: Observer;

async function fork(page: Page, line: string): Promise<void> {
    await page.keyboard.press('f');
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('button', { name: 'kill n1' }).waitFor(); // what else might be done
    await sheet.getByLabel(/What is done here/).fill(line);
    await sheet.getByText(line ? `--act '${line}'` : 'orrery fork').waitFor();
    await sheet.getByRole('button', { name: 'Fork' }).click();
}

describe.runIf(bin !== '')('fork here', () => {
    beforeAll(async () => {
        [browser, live] = await Promise.all([browse(), startObserver([])]);
    });
    afterAll(async () => {
        await browser.close();
        await live.end();
    });

    it('shows both futures, of a run that goes on', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, live.address, '#/sandbox/heartbeat/sim/3');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        await page.keyboard.press('2');
        await page.keyboard.press('k');
        await page.getByRole('article', { name: /n2: .*suspected/ }).waitFor();
        await page.keyboard.press(' ');
        await fork(page, 'kill n3');
        const said = page.getByRole('status').filter({ hasText: 'The past of' });
        await said.getByText(/They part with e\d+: .*kill n3/).waitFor();
        const was = page.getByRole('region', { name: /Stage of .*, as it was/ });
        const now = page.getByRole('main', { name: 'Stage' });
        await now.getByRole('article', { name: /n3: .*suspected/ }).waitFor();
        await was.getByRole('article', { name: /n2: .*suspected/ }).waitFor();
        await was.getByRole('article', { name: /n3: .*trusted/ }).waitFor();
        expect(await page.getByRole('region', { name: /^Timeline/ }).count()).toBe(2);
        await picture(page, 'fork-dark');
        expect(await axe(page)).toEqual([]);
        // What parts them is an event like another; and whoever comes back finds both again.
        await said.getByRole('button', { name: /^e\d+$/ }).click();
        await page.getByRole('heading', { name: /kill n3/ }).waitFor();
        await page.reload();
        await said.getByText(/They part with/).waitFor();
        await was.getByRole('article', { name: /n3: .*trusted/ }).waitFor();
        expect(complaints).toEqual([]);
        await context.close();
    }, 90_000);

    it('forks a recording in the hand, and says what cannot be forked', async () => {
        const { context, page, complaints } = await open(browser, hand, 'light');
        await visit(page, live.address, '#/recordings');
        await page.getByRole('link', { name: /\.orr/ }).first().click();
        await page.getByRole('button', { name: /^Fork/ }).waitFor();
        await page.keyboard.press('f');
        await picture(page, 'fork-sheet-hand');
        expect(await axe(page)).toEqual([]);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await fork(page, '');
        await page.getByRole('status').filter({ hasText: 'Nothing was different' }).waitFor();
        expect(await axe(page)).toEqual([]);
        await picture(page, 'fork-hand', true);
        // A line that cannot be is said as it is; real processes have but one future.
        await page.evaluate(() => void (location.hash = location.hash.replace('run', 'fork') + '?at=1&act=kill+n99'));
        await page.getByText('there is no n99').waitFor();
        await visit(page, live.address, '#/sandbox/heartbeat/3');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        expect(await page.getByRole('button', { name: /^Fork/ }).count()).toBe(0);
        expect(complaints).toEqual([]);
        await context.close();
    }, 90_000);
});
