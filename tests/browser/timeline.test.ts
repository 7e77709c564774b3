// The timeline in a browser, on a simulated cluster and on a recording: zoom, needle, causes, search,
// lanes, replay, portrait. What is asked for is awaited, never a time.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser, Locator, Page } from 'playwright-core';
import { bin, startObserver } from './observer';
import { axe, browse, desk, hand, open, picture } from './page';

let browser: Browser;

describe.runIf(bin !== '')('the timeline', () => {
    beforeAll(async () => {
        browser = await browse();
    });
    afterAll(() => browser.close());

    async function sandbox(page: Page): Promise<Locator> {
        await page.goto(inject('observer'));
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.evaluate(() => void (location.hash = '#/sandbox/heartbeat/sim'));
        const canvas = page.locator('.tlbox canvas');
        await canvas.waitFor();
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        return canvas;
    }

    /** Where the needle stands, in seconds. */
    const needle = async (page: Page): Promise<number> => parseFloat(await page.locator('.time .clock').innerText());
    const untilNeedle = (page: Page, where: 'before' | 'after', s: number): Promise<unknown> =>
        page.waitForFunction(([before, at]) => {
            const now = parseFloat(document.querySelector('.time .clock')?.textContent ?? '');
            return before ? now < at : now > at;
        }, [where === 'before', s] as const);

    it('goes to replay, steps, shows causes, and returns to live while recording goes on', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        const canvas = await sandbox(page);
        await untilNeedle(page, 'after', 1.5);
        const alive = await needle(page); // n3 runs, and everyone knows it
        await page.keyboard.press('3');
        await page.getByRole('button', { name: /kill −9/ }).click();
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        await untilNeedle(page, 'after', 3);
        await page.keyboard.press(' ');
        await page.getByText(/behind live/).waitFor();
        const stopped = await needle(page);
        await page.keyboard.press('ArrowLeft');
        await page.getByText('As recorded').waitFor();
        expect(await needle(page)).toBeLessThanOrEqual(stopped);
        await page.getByRole('button', { name: /Causes/ }).click();
        await page.getByText(/past \d+.* future \d+.* neither \d+/).waitFor();
        await picture(page, 'timeline-causes');
        // The needle before the kill: the stage shows n3 as it was then, by the same fold.
        const box = (await canvas.boundingBox())!;
        await page.keyboard.press('0');
        for (const ns of [0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04]) {
            await page.mouse.click(box.x + 88 + (box.width - 88) * ns, box.y + box.height - 12);
            if ((await needle(page)) < alive) break;
        }
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        // Playing from there at another pace, then back: what happened meanwhile is there.
        await page.getByLabel('Pace of replay').selectOption('10');
        await page.emulateMedia({ reducedMotion: 'no-preference' }); // where it is to be reduced, Space is one event
        const from = await needle(page);
        await page.keyboard.press(' ');
        await untilNeedle(page, 'after', from + 0.05);
        await page.keyboard.press('l');
        await page.locator('.livest').waitFor();
        expect(await needle(page)).toBeGreaterThan(stopped);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('zooms at the pointer, pans, and fits', async () => {
        const { context, page, complaints } = await open(browser, desk, 'light');
        const canvas = await sandbox(page);
        await untilNeedle(page, 'after', 2);
        await page.keyboard.press(' ');
        await page.keyboard.press('0');
        const box = (await canvas.boundingBox())!;
        const middle = { x: box.x + 88 + (box.width - 88) / 2, y: box.y + box.height - 12 };
        await page.mouse.click(middle.x, middle.y); // on the axis: the needle goes there
        const at = await needle(page);
        await page.mouse.move(middle.x, box.y + 60);
        for (let i = 0; i < 12; i++) await page.mouse.wheel(0, -300);
        await page.mouse.click(middle.x, middle.y); // still the same instant under the pointer
        expect(Math.abs((await needle(page)) - at)).toBeLessThan(0.02);
        // Dragging the paper to the right by a third of it looks at what was before.
        await page.mouse.move(middle.x - 250, box.y + box.height - 60);
        await page.mouse.down();
        await page.mouse.move(middle.x + 250, box.y + box.height - 60, { steps: 8 });
        await page.mouse.up();
        await page.mouse.click(middle.x, middle.y);
        expect(await needle(page)).toBeLessThan(at);
        await picture(page, 'timeline-zoomed');
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('finds events by a pattern, by words and by node, and steps through them', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await sandbox(page);
        await page.keyboard.press('2');
        await page.getByRole('button', { name: /kill −9/ }).click();
        await page.getByRole('article', { name: /n2: phi .*suspected/ }).waitFor();
        await page.keyboard.press('/');
        const field = page.getByRole('searchbox', { name: 'Find events' });
        await field.fill('heartbeat.Opinion suspected=true');
        await field.press('Enter');
        await page.getByRole('status').filter({ hasText: /^\d+ of \d+$/ }).waitFor();
        await page.getByRole('heading', { name: /Opinion/ }).waitFor();
        const first = await page.getByRole('heading', { name: /Opinion/ }).innerText();
        await field.press('Enter');
        await page.waitForFunction(was => document.querySelector('.insp h2')?.textContent !== was, first);
        await picture(page, 'timeline-found');
        await field.fill('you');
        await field.press('Enter');
        await page.getByRole('status').filter({ hasText: /^\d+ of \d+$/ }).waitFor();
        await field.fill('SIGKILL');
        await field.press('Enter');
        await page.getByRole('status').filter({ hasText: '1 of 1' }).waitFor();
        await field.fill('receive from=nobody');
        await field.press('Enter');
        await page.locator('.find .badtext').waitFor(); // the observer's own sentence
        await field.press('Escape');
        await field.waitFor({ state: 'detached' });
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('hides, pins and orders lanes', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        const canvas = await sandbox(page);
        const height = async (): Promise<number> => (await canvas.boundingBox())!.height;
        const all = await height();
        await page.getByTitle('Lanes: show, pin, order').click();
        await page.getByRole('checkbox', { name: 'n4' }).uncheck();
        await page.waitForFunction(was => (document.querySelector('.tlbox canvas')?.getBoundingClientRect().height ?? 0) < was, all);
        await page.getByRole('button', { name: 'n5 up' }).click();
        await page.getByRole('button', { name: 'Pin n5' }).click();
        await page.locator('.lanes li.pin', { hasText: 'n5' }).waitFor();
        const names = await page.locator('.lanes li label').allInnerTexts();
        expect(names.map(name => name.trim())).toEqual(['you', 'n5', 'n1', 'n2', 'n3', 'n4']);
        await picture(page, 'timeline-lanes');
        await page.getByRole('button', { name: 'As they come' }).click();
        await page.waitForFunction(was => document.querySelector('.tlbox canvas')?.getBoundingClientRect().height === was, all);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('stands upright on a phone: a finger moves the needle', async () => {
        const { context, page, complaints } = await open(browser, hand, 'dark');
        const canvas = await sandbox(page);
        await untilNeedle(page, 'after', 1);
        await canvas.scrollIntoViewIfNeeded();
        const box = (await canvas.boundingBox())!;
        await page.touchscreen.tap(box.x + 20, box.y + 120); // on the stamps
        await page.getByText(/behind live/).waitFor();
        await picture(page, 'timeline-phone');
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });
});

describe.runIf(bin !== '')('a recording in the page', () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-recording-'));
    const file = join(folder, 'calm.orr');

    it('has stage, timeline and inspector, and says why nothing can be done', async () => {
        const made = spawnSync(join(bin, 'orrery'), ['sim', 'heartbeat', '--seed', '5', '--nodes', '5', '--seconds', '60', '--set', 'interval_ms=100', '--set', 'watch=all', '--set', 'transport=udp', '--set', 'detector=fixed', '--record', file]);
        expect(made.status).not.toBe(2);
        const [own, observer] = await Promise.all([browse(), startObserver(['replay', file, '--page'], folder)]);
        const { context, page, complaints } = await open(own, desk, 'dark');
        await page.goto(observer.address);
        await page.getByText('it can be looked at, and nothing can be done to it').waitFor();
        await page.getByText('end of the recording').waitFor();
        await page.locator('article').filter({ hasText: 'n2' }).first().waitFor();
        const strip = (await page.locator('.over canvas').boundingBox())!;
        await page.mouse.click(strip.x + 88 + (strip.width - 88) * 0.4, strip.y + 15);
        await page.getByText(/before the end/).waitFor();
        await expect.poll(async () => { // there is nothing to step to until that part has been told
            await page.keyboard.press('ArrowRight');
            return page.getByText('As recorded').isVisible();
        }, { timeout: 30_000 }).toBe(true);
        await page.keyboard.press('0');
        await page.locator('.tlbox canvas:not([data-level="0"])').waitFor(); // all of it is too much for every head
        await picture(page, 'timeline-recording');
        expect(await page.getByRole('button', { name: /kill/ }).count()).toBe(0);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
        await own.close();
        await observer.end();
    });

    it('that is none is refused with a sentence', () => {
        const bad = join(mkdtempSync(join(tmpdir(), 'orrery-recording-')), 'bad.orr');
        writeFileSync(bad, 'no recording at all, though it is long enough to be looked at');
        const tried = spawnSync(join(bin, 'orrery'), ['replay', bad, '--page', '--no-open', '--port', '0'], { env: { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder } });
        expect(tried.status).toBe(2);
        expect(tried.stderr.toString()).toContain('no recording of orrery');
    });
});
