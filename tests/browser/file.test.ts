// Runs that pages carry with them, opened from disk: no observer, no server, no request.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { axe, browse, desk, hand, open, picture, type Opened } from './page';
import { bin } from './observer';

const megabytes = 1e6;

describe.runIf(bin !== '')('a page that carries its run', () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-file-'));
    let browser: Browser;

    function orrery(...words: string[]): { status: number | null; stdout: string; stderr: string } {
        const env = { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
        return spawnSync(join(bin, 'orrery'), words, { env, encoding: 'utf8' });
    }
    function exported(lab: string): string {
        const [recording, page] = [join(folder, `${lab}.orr`), join(folder, `${lab}.html`)];
        expect(orrery('run', lab, '--sim', '--headless', '--record', recording).status).toBe(0);
        const done = orrery('export', recording, '--to', 'html', '-o', page);
        expect(done.stderr).toContain('for any browser');
        expect(done.status).toBe(0);
        return page;
    }
    /** From disk, with all that it asks for beside itself. */
    async function opened(file: string, size = desk, theme: 'dark' | 'light' = 'dark'): Promise<Opened & { asked: string[] }> {
        const it = await open(browser, size, theme);
        const asked: string[] = [];
        it.page.on('request', request => asked.push(request.url()));
        await it.page.goto(`file://${file}`);
        return { ...it, asked: asked.filter(url => !url.startsWith('data:') && url !== `file://${file}`) };
    }
    async function needle(page: Page): Promise<number> {
        return parseFloat(await page.locator('.clock').innerText());
    }

    beforeAll(async () => {
        browser = await browse();
    });
    afterAll(async () => {
        await browser.close();
        rmSync(folder, { recursive: true, force: true });
    });

    it.each(['heartbeat', 'wal'])('%s is walked from disk: stage, timeline, narration', async lab => {
        const file = exported(lab);
        expect(statSync(file).size).toBeLessThan(3 * megabytes);
        const { context, page, complaints, asked } = await opened(file);
        await page.locator('main.stage svg').first().waitFor();
        const steps = page.locator('.steps li');
        const first = await page.locator('.caption').innerText();
        expect(await steps.first().getAttribute('aria-current')).toBe('step');

        await page.keyboard.press(']');
        await page.keyboard.press(']');
        await page.locator('.steps li[aria-current=step]').filter({ has: page.locator('.tt') }).waitFor();
        expect(await steps.nth(2).getAttribute('aria-current')).toBe('step');
        expect(await page.locator('.caption').innerText()).not.toBe(first);
        const there = await needle(page);

        await page.getByRole('button', { name: 'Play', exact: true }).first().click();
        await page.waitForFunction(was => parseFloat(document.querySelector('.clock')?.textContent ?? '') > was, there);
        await page.getByRole('button', { name: 'Pause', exact: true }).first().click();

        await page.keyboard.press('l');
        await page.getByText('end of the recording').waitFor();
        await page.locator('.steps li').last().locator('xpath=self::*[@aria-current="step"]').waitFor();
        await page.keyboard.press('ArrowLeft'); // to an event, and what led to it
        await page.locator('#inspector').getByText(/^e\d+/).first().waitFor();
        await picture(page, `file-${lab}`);
        expect(await axe(page)).toEqual([]);
        expect(await page.getByText(`orrery run ${lab}`).count()).toBeGreaterThan(0);
        expect(asked).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('finds words and kinds, and says what only an observer can read', async () => {
        const { context, page } = await opened(join(folder, 'heartbeat.html'));
        await page.locator('main.stage svg').first().waitFor();
        await page.keyboard.press('/');
        const field = page.getByRole('searchbox', { name: 'Find events' });
        await field.fill('heartbeat.Opinion');
        await field.press('Enter');
        await page.locator('.find .said').getByText(/^1 of \d+/).waitFor();
        await field.fill('n3 heartbeat.Opinion suspected=true');
        await field.press('Enter');
        await page.locator('.find .said').getByText('orrery replay FILE --page').waitFor();
        await context.close();
    });

    it('stands on a phone', async () => {
        const { context, page, complaints } = await opened(join(folder, 'heartbeat.html'), hand, 'light');
        await page.locator('main.stage svg').first().waitFor();
        expect(await axe(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(hand.width);
        await picture(page, 'file-hand', true);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('says so where its bytes are damaged', async () => {
        const whole = readFileSync(join(folder, 'heartbeat.html'), 'utf8');
        const at = whole.indexOf('<script id="run"');
        const cut = whole.slice(0, at + 2000) + whole.slice(whole.indexOf('</script>', at));
        const file = join(folder, 'damaged.html');
        writeFileSync(file, cut);
        const { context, page } = await opened(file);
        await page.getByRole('heading', { name: 'There is nothing to show.' }).waitFor();
        await page.getByText('it is not whole').waitFor();
        await context.close();
    });

    it('makes a gallery of recordings, and none over what is not its own', async () => {
        const site = join(folder, 'site');
        const recordings = ['heartbeat', 'wal'].map(lab => join(folder, `${lab}.orr`));
        expect(orrery('gallery', site, ...recordings).status).toBe(0);
        expect(orrery('gallery', site, ...recordings).status).toBe(0); // it is its own
        expect(readdirSync(site).filter(name => name.endsWith('.html')).sort()).toEqual(['heartbeat.html', 'index.html', 'wal.html']);
        const { context, page, complaints, asked } = await opened(join(site, 'index.html'));
        expect(await page.locator('.card').count()).toBe(2);
        expect(await page.locator('.card').first().innerText()).toMatch(/\d+ of \d+ checks proven/);
        expect(await axe(page)).toEqual([]);
        await picture(page, 'gallery');
        await page.getByRole('link', { name: /Heartbeat/ }).click();
        await page.locator('main.stage svg').first().waitFor();
        expect(asked).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();

        const strange = join(folder, 'strange');
        mkdirSync(strange);
        writeFileSync(join(strange, 'letter.txt'), 'mine');
        const refused = orrery('gallery', strange, ...recordings);
        expect(refused.status).toBe(2);
        expect(refused.stderr).toContain('--force');
        expect(readdirSync(strange)).toEqual(['letter.txt']);
    });

    it('walks the labs there are for a gallery, each in a page that travels', () => {
        const site = join(folder, 'walked');
        const labs = readdirSync(join(process.env.ORRERY_ROOT ?? '', 'labs'));
        const done = spawnSync(join(bin, 'orrery'), ['gallery', site, '--seed', '7'], { env: { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder }, encoding: 'utf8' });
        expect(done.stderr).toBe('');
        expect(done.status).toBe(0);
        const index = readFileSync(join(site, 'index.html'), 'utf8');
        for (const lab of labs) {
            expect(done.stdout).toContain(`${lab}.html`);
            expect(index).toContain(`href="${lab}.html"`);
            expect(statSync(join(site, `${lab}.html`)).size, lab).toBeLessThan(3e6);
        }
    }, 60_000);

    it('refuses in a sentence what it cannot write or read', () => {
        const recording = join(folder, 'heartbeat.orr');
        const nowhere = orrery('export', recording, '--to', 'html', '-o', join(folder, 'no', 'where.html'));
        expect(nowhere.status).toBe(2);
        expect(nowhere.stderr).toMatch(/^orrery: cannot write .+\n$/);
        const nothing = orrery('export', '/dev/null', '--to', 'html', '-o', join(folder, 'none.html'));
        expect(nothing.status).not.toBe(0);
        expect(nothing.stderr).toMatch(/^orrery: .+\n$/);
        expect(existsSync(join(folder, 'none.html'))).toBe(false); // what was begun is taken away
        expect(orrery('export', recording, '--to', 'html', '-o', '-', '--from', 'e4').status).toBe(2);
    });
});
