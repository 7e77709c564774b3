// Recordings and sandboxes from the page: a file is dropped, opened where a link says, named anew and
// deleted; a protocol is chosen and set; links are cut by drawing.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { axe, browse, desk, hand, open, picture, visit } from './page';
import { bin } from './observer';

const address = inject('observer');
const folder = join(inject('state'), 'orrery', 'recordings');
const calm = join(inject('state'), 'calm.orr');
let browser: Browser;
beforeAll(async () => {
    browser = await browse();
    if (bin === '') return;
    const made = spawnSync(join(bin, 'orrery'), ['sim', 'heartbeat', '--seed', '5', '--nodes', '5', '--seconds', '20', '--set', 'watch=all', '--record', calm]);
    expect(made.status).not.toBe(2);
    mkdirSync(folder, { recursive: true });
});
afterAll(() => browser.close());

async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
    const data = await page.evaluateHandle(([as, base64]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], as));
        return transfer;
    }, [name, bytes.toString('base64')] as const);
    await page.dispatchEvent('main', 'dragover', { dataTransfer: data });
    await page.dispatchEvent('main', 'drop', { dataTransfer: data });
}

describe.runIf(bin !== '')('recordings', () => {
    it('are dropped, opened where a link says, renamed, and deleted when asked twice', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, address, '#/');
        await page.keyboard.press('o');
        await page.getByRole('heading', { name: 'Recordings' }).waitFor();
        await drop(page, 'so calm.orr', readFileSync(calm));
        const row = page.locator('.tapes li', { hasText: 'so-calm.orr' });
        await row.getByText('heartbeat, simulated').waitFor();
        expect(readFileSync(join(folder, 'so-calm.orr')).equals(readFileSync(calm))).toBe(true);
        await row.getByRole('link').click();
        await page.getByText('it can be looked at, and nothing can be done to it').waitFor();
        // Where one looks stands in the address, without the token; opened anew it is the same place.
        await page.getByRole('button', { name: /^e\d+$/ }).first().waitFor({ state: 'attached' }); // it has events to step to
        await page.keyboard.press(' ');
        await page.keyboard.press('ArrowLeft');
        await page.waitForFunction(() => /^#\/recording\/so-calm\.orr\?at=[\d.]+&event=\d+$/.test(location.hash));
        const link = await page.evaluate(() => location.hash);
        expect(link).not.toContain('token');
        const name = await page.locator('.insp h2').innerText();
        await page.evaluate(() => void (location.hash = '#/recordings'));
        await row.waitFor();
        await page.evaluate(to => void (location.hash = to), link);
        await page.waitForFunction(was => (document.querySelector('.insp h2') as HTMLElement | null)?.innerText === was, name);
        await page.waitForFunction(() => document.querySelector('.time .late') !== null);
        await picture(page, 'recording-linked');

        await page.keyboard.press('o');
        await page.getByRole('button', { name: 'Rename so-calm.orr' }).click();
        await page.getByLabel('New name').fill('two leaders');
        await page.keyboard.press('Enter');
        const named = page.locator('.tapes li', { hasText: 'two-leaders.orr' });
        await named.waitFor();
        expect(existsSync(join(folder, 'so-calm.orr'))).toBe(false);
        await page.getByRole('button', { name: 'Delete two-leaders.orr' }).click();
        await named.getByRole('button', { name: 'Keep' }).click();
        expect(existsSync(join(folder, 'two-leaders.orr'))).toBe(true);
        await page.getByRole('button', { name: 'Delete two-leaders.orr' }).click();
        await named.getByRole('button', { name: 'Delete for good' }).click();
        await named.waitFor({ state: 'detached' });
        expect(existsSync(join(folder, 'two-leaders.orr'))).toBe(false);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('that are looked at are no runs that are on, though they have their names', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, address, '#/sandbox/heartbeat/sim/3');
        await page.getByRole('article', { name: /n3: phi/ }).waitFor();
        const run = await page.locator('.run .mono').first().innerText();
        const looks = await context.newPage();
        await visit(looks, address, '#/recordings');
        await looks.locator('.tapes li', { hasText: run }).first().getByRole('link').click();
        await looks.getByText('it can be looked at, and nothing can be done to it').waitFor();
        const third = await context.newPage();
        third.on('pageerror', e => complaints.push(String(e)));
        await visit(third, address, '#/');
        await third.locator('.runs li', { hasText: run }).waitFor();
        expect(await third.locator('.runs li', { hasText: run }).count()).toBe(1);
        expect(complaints).toEqual([]);
        await context.close();
    });
    it.each([['1440', desk, 'dark'], ['390', hand, 'light']] as const)('that are cut short, or none at all, say so, at %s', async (width, size, theme) => {
        const whole = readFileSync(calm);
        writeFileSync(join(folder, 'cut.orr'), whole.subarray(0, whole.length / 2));
        copyFileSync(calm, join(folder, 'whole.orr'));
        const { context, page, complaints } = await open(browser, size, theme);
        await visit(page, address, '#/recordings');
        await page.locator('.tapes li', { hasText: 'cut.orr' }).getByText('was cut short').waitFor();
        await drop(page, 'notes.txt', Buffer.from('no recording at all, though it is long enough to be read'));
        await page.getByRole('alert').filter({ hasText: 'no recording' }).waitFor();
        expect(existsSync(join(folder, 'notes.txt.orr'))).toBe(false);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
        await picture(page, `recordings-${width}-${theme}`, true);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });
});

describe.runIf(bin !== '')('a sandbox', () => {
    it('of any protocol is chosen and set, and its flaw is marked', async () => {
        const { context, page, complaints } = await open(browser, desk, 'light');
        await visit(page, address, '#/');
        await page.keyboard.press('s');
        await page.getByRole('radio', { name: /backpropagation/ }).waitFor(); // asked from the program
        await page.getByRole('radio', { name: /heartbeat/ }).check();
        await page.getByRole('button', { name: 'Simulated' }).click();
        await page.getByRole('spinbutton', { name: 'Nodes' }).fill('4');
        await page.getByLabel('Seed').fill('7');
        await page.getByLabel('interval ms').fill('100');
        await page.getByRole('checkbox', { name: 'short-timeout' }).check();
        await page.getByText('$ orrery sandbox heartbeat --nodes 4 --sim --seed 7 --set interval_ms=100 --flaw short-timeout').waitFor();
        await picture(page, 'sandbox-choose');
        expect(await axe(page)).toEqual([]);
        await page.getByRole('button', { name: 'Start it' }).click();
        await page.getByRole('article', { name: /^n4: phi/ }).waitFor();
        expect(await page.locator('.run .mono').nth(1).innerText()).toBe('7');
        await page.keyboard.press('2');
        await page.getByText('A flaw is on: short-timeout').waitFor();
        await picture(page, 'sandbox-flawed');
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('has its links cut by a stroke over them, and by taps on a phone', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await visit(page, address, '#/sandbox/heartbeat/sim/4');
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        await page.getByRole('button', { name: 'Cut links by drawing' }).click();
        const map = page.getByRole('group', { name: 'Links between nodes' });
        const box = (await map.boundingBox())!;
        // From left to right, above the middle: n1 on top is parted from the others.
        await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.27);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.27, { steps: 6 });
        await page.locator('.cutmap .own', { hasText: '$ orrery cut' }).waitFor();
        await page.mouse.up();
        await page.waitForFunction(() => document.querySelectorAll('.cutmap .cutd').length === 3);
        expect(await page.locator('.cutmap .cutd').evaluateAll(all => all.map(l => (l as SVGElement).dataset.link).sort())).toEqual(['1-2', '1-3', '1-4']);
        await picture(page, 'cut-drawn');
        expect(await axe(page)).toEqual([]);
        await page.getByRole('button', { name: 'Heal all' }).click();
        await page.waitForFunction(() => document.querySelectorAll('.cutmap .cutd').length === 0);
        expect(complaints).toEqual([]);
        await context.close();

        const small = await open(browser, hand, 'dark');
        await visit(small.page, address, '#/sandbox/heartbeat/sim/3');
        await small.page.getByRole('article', { name: /n3: phi/ }).waitFor();
        await small.page.getByRole('button', { name: 'Cut links by drawing' }).tap();
        const link = small.page.locator('[data-link="2-3"]');
        const at = (await link.boundingBox())!;
        await small.page.touchscreen.tap(at.x + at.width / 2, at.y + at.height / 2);
        await small.page.locator('.cutmap .cutd[data-link="2-3"]').waitFor({ state: 'attached' }); // a level line has no height
        await small.page.touchscreen.tap(at.x + at.width / 2, at.y + at.height / 2);
        await small.page.locator('.cutmap .cutd').waitFor({ state: 'detached' });
        await small.context.close();
    });
});
