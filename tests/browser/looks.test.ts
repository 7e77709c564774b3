// How the page looks and behaves on a recorded run's real entries: both widths, both themes, what a
// screen reader meets, what the policy forbids.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { Fake } from './fake';
import { axe, browse, desk, hand, open, picture, serveDist, type Opened, type Size } from './page';

let browser: Browser;
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

async function visit(name: 'heartbeat' | 'wal', from: number, hash: string, size: Size, theme: 'dark' | 'light', token = 'fake-token'): Promise<Opened> {
    const opened = await open(browser, size, theme);
    await serveDist(opened.context);
    await opened.context.routeWebSocket('ws://orrery.test/ws', socket => new Fake(name, from).serve(socket));
    await opened.page.goto(`http://orrery.test/#token=${token}&${hash}`);
    return opened;
}

const sizes: [string, Size][] = [['1440', desk], ['390', hand]];
const themes = ['dark', 'light'] as const;

describe.each(sizes)('at %s', (width, size) => {
    it.each(themes)('shows the catalogue, %s', async theme => {
        const { context, page, complaints } = await visit('heartbeat', 6, '', size, theme);
        await page.getByRole('heading', { name: 'Write-Ahead Log' }).first().waitFor();
        await page.evaluate(() => document.fonts.ready);
        await picture(page, `catalogue-${width}-${theme}`, true);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        expect(page.url()).not.toContain('token');
        await context.close();
    });
    it.each(themes)('shows heartbeats after a kill, %s', async theme => {
        const { context, page, complaints } = await visit('heartbeat', 6.1, 'lab=heartbeat', size, theme);
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        await page.waitForFunction(() => document.querySelectorAll('.race tbody tr').length === 3);
        await picture(page, `heartbeat-${width}-${theme}`);
        if (width === '390') await picture(page, `heartbeat-${width}-${theme}-whole`, true);
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });
    it.each(themes)('shows the log after a power cut, %s', async theme => {
        const { context, page, complaints } = await visit('wal', 2.15, 'lab=wal', size, theme);
        await page.getByText(/records? (is|are) gone/).waitFor();
        await picture(page, `wal-${width}-${theme}`, width === '390');
        expect(await axe(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await context.close();
    });
});

describe('the page', () => {
    it('locks a prediction, then shows what was measured', async () => {
        const { context, page } = await visit('heartbeat', 5, 'lab=heartbeat', desk, 'dark');
        await page.getByRole('button', { name: 'The fixed time-out' }).waitFor();
        await page.keyboard.press('a');
        await page.getByText('your answer').waitFor();
        await page.getByText('212 ms after the kill').waitFor();
        await picture(page, 'predict-measured');
        await context.close();
    });
    it('opens an event in the inspector, from the timeline’s table and from a link', async () => {
        const { context, page } = await visit('heartbeat', 5, 'lab=heartbeat', desk, 'light');
        await page.getByRole('button', { name: 'e60' }).first().click();
        await page.getByRole('heading', { name: /e60/ }).waitFor();
        await page.getByText('As recorded').waitFor();
        await picture(page, 'inspector');
        await context.close();
    });
    it('says that its token was refused', async () => {
        const { context, page } = await visit('heartbeat', 5, '', desk, 'dark', 'wrong');
        await page.getByText('This page was not let in.').waitFor();
        await picture(page, 'refused');
        await context.close();
    });
    it('goes to replay with Space and back to live with L', async () => {
        const { context, page } = await visit('heartbeat', 5, 'lab=heartbeat', desk, 'dark');
        await page.getByText('live', { exact: true }).first().waitFor();
        await page.keyboard.press(' ');
        await page.getByText(/behind live/).waitFor();
        await page.keyboard.press('l');
        await page.getByText(/behind live/).waitFor({ state: 'detached' });
        await context.close();
    });
});
