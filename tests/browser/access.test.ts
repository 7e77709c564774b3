// For everybody: by keys alone and by keys of one's own, by fingers, without motion; and every page as a
// screen reader, a phone and both themes meet it.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { Fake } from './fake';
import { axe, browse, desk, hand, open, picture, serveDist, visit, type Opened, type Size } from './page';
import { bin } from './observer';

let browser: Browser;
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

async function heartbeat(size: Size, fake = new Fake('heartbeat', 5)): Promise<Opened> {
    const opened = await open(browser, size, 'dark');
    await serveDist(opened.context);
    await opened.context.routeWebSocket('ws://orrery.test/ws', socket => fake.serve(socket));
    await opened.page.goto('http://orrery.test/#token=fake-token&lab=heartbeat');
    await opened.page.getByRole('article', { name: /n3: phi/ }).waitFor();
    return opened;
}
const needle = async (page: Page): Promise<number> => parseFloat(await page.locator('.time .clock').innerText());

describe('keys', () => {
    it('can be changed, are shown on their controls, and are kept', async () => {
        const { context, page, complaints } = await heartbeat(desk);
        await page.keyboard.press('?');
        const sheet = page.getByRole('dialog', { name: 'Keys' });
        await sheet.getByRole('button', { name: 'kill −9' }).click();
        await page.keyboard.press('p');
        await sheet.getByText('give that another key first').waitFor();
        await page.keyboard.press('j');
        await sheet.locator('li', { hasText: 'kill −9' }).getByText('J', { exact: true }).waitFor();
        expect(await axe(page)).toEqual([]);
        await picture(page, 'keys-changed');
        await page.keyboard.press('Escape');
        await page.locator('.ctl .b.danger kbd', { hasText: 'J' }).first().waitFor();
        await page.keyboard.press('k');
        await page.keyboard.press('j');
        await page.getByText('Done: kill n1').waitFor();
        await page.reload();
        await page.locator('.ctl .b.danger kbd', { hasText: 'J' }).first().waitFor();
        await page.keyboard.press('?');
        await sheet.getByRole('button', { name: 'As usual' }).click();
        await page.keyboard.press('Escape');
        await page.locator('.ctl .b.danger kbd', { hasText: 'K' }).first().waitFor();
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('reach everything, in the order of the page, and one sees where', async () => {
        const { context, page } = await heartbeat(desk);
        await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
        const met: string[] = [];
        const unseen: string[] = [];
        for (let i = 0; i < 140; i++) {
            await page.keyboard.press('Tab');
            const [where, seen, what] = await page.evaluate(() => {
                const el = document.activeElement as HTMLElement;
                const style = getComputedStyle(el);
                const label = el.closest('[aria-label="Walkthrough"],main,[aria-label="Timeline"],[aria-label="Cluster controls"],#inspector');
                const box = el.getBoundingClientRect();
                return [label?.id || label?.getAttribute('aria-label') || '', style.outlineStyle !== 'none' || box.width <= 1, el.outerHTML.slice(0, 90)] as const;
            });
            if (where && met[met.length - 1] !== where) met.push(where);
            if (where && !seen) unseen.push(what);
            if (where === 'inspector') break;
        }
        expect(met).toEqual(['Walkthrough', 'main', 'Timeline', 'Cluster controls', 'inspector']);
        expect(unseen).toEqual([]);
        await context.close();
    });

    it('go one event on where motion is to be reduced', async () => {
        const { context, page } = await heartbeat(desk); // it is, in all these tests
        await page.keyboard.press(' ');
        await page.getByText(/behind live/).waitFor();
        await page.keyboard.press('[');
        for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
        await page.locator('.insp h2 .mono').waitFor();
        const before = await needle(page);
        const event = await page.locator('.insp h2').innerText();
        await page.keyboard.press(' ');
        await page.waitForFunction(was => (document.querySelector('.insp h2') as HTMLElement).innerText !== was, event);
        const after = await needle(page);
        expect(after).toBeGreaterThanOrEqual(before);
        expect(await page.getByRole('button', { name: /^Play/ }).count()).toBeGreaterThan(0); // it stands still again
        expect(await needle(page)).toBe(after);
        await context.close();
    });
});

describe('fingers', () => {
    it('pinch to zoom, two pan, one moves the needle', async () => {
        const { context, page } = await heartbeat(hand);
        const canvas = page.locator('.tlbox canvas');
        await canvas.scrollIntoViewIfNeeded();
        await page.touchscreen.tap((await canvas.boundingBox())!.x + 20, (await canvas.boundingBox())!.y + 200); // to replay, so that the paper is still
        await page.getByText(/behind live/).waitFor();
        const box = (await canvas.boundingBox())!;
        const cdp = await context.newCDPSession(page);
        const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...at: [number, number][]): Promise<unknown> =>
            cdp.send('Input.dispatchTouchEvent', { type, touchPoints: at.map(([x, y], id) => ({ x: box.x + x, y: box.y + y, id })) });
        /** Seconds between two places of the paper, as a tap on each tells. */
        const span = async (): Promise<[number, number]> => {
            const out: number[] = [];
            for (const y of [120, 320]) {
                await page.touchscreen.tap(box.x + 20, box.y + y);
                out.push(await needle(page));
            }
            return out as [number, number];
        };
        const [a, b] = await span();
        await touch('touchStart', [180, 200], [180, 260]);
        for (const by of [10, 20, 30, 40]) await touch('touchMove', [180, 200 - by], [180, 260 + by]);
        await touch('touchEnd');
        const [c, d] = await span();
        expect(d - c).toBeLessThan((b - a) * 0.7);
        await touch('touchStart', [180, 200], [240, 200]);
        for (const by of [15, 30, 45, 60]) await touch('touchMove', [180, 200 + by], [240, 200 + by]);
        await touch('touchEnd');
        const [e] = await span();
        expect(e).toBeLessThan(c);
        await touch('touchStart', [20, 150]);
        for (const y of [170, 190, 210]) await touch('touchMove', [20, y]);
        await touch('touchEnd');
        expect(await needle(page)).toBeGreaterThan(e);
        await context.close();
    });
});

/* Pages that no other test looks at with a screen reader's eyes. */
const pages: [string, string, string][] = [
    ['marks', '#/marks', 'main.sheet canvas'], ['choose', '#/sandbox', '.chooser .pick'], ['notebook', '#/notebook', 'main.notebook'],
    ['kv', '#/sandbox/kv/sim', '.store'], ['one', '#/sandbox/heartbeat/sim/1', '.dials .empty'], ['hundred', '#/sandbox/heartbeat/sim/100', '.roster button'],
    ['limiter', '#/lab/rate-limiting/sim', '.ledger tbody tr'], ['backpropagation', '#/lab/backpropagation', 'main.stage svg'], ['missing', '#/recording/nothing.orr', 'main.alone .b'],
];

describe.runIf(bin !== '')('every page', () => {
    it.each([['1440', desk, 'dark'], ['1440', desk, 'light'], ['390', hand, 'dark'], ['390', hand, 'light']] as const)('is sound at %s, %o %s', async (width, size, theme) => {
        const { context, page, complaints } = await open(browser, size, theme);
        await visit(page, inject('observer'), '#/');
        for (const [name, route, sign] of (width === '1440') === (theme === 'dark') ? pages : pages.slice(0, 2)) {
            await page.evaluate(to => void (location.hash = to), route);
            await page.locator(sign).first().waitFor();
            expect(await axe(page), name).toEqual([]);
            expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), name).toBeLessThanOrEqual(0);
            if (width !== '390') continue;
            const small = await page.evaluate(() => [...document.querySelectorAll('button:not(.ev, .evt), select, summary, .b:not(svg *)')]
                .filter(el => el.getClientRects().length > 0 && !el.closest('.sr, table') && el.getBoundingClientRect().width > 2 && el.getBoundingClientRect().height < 39.5).map(el => el.outerHTML.slice(0, 110)));
            expect(small, name).toEqual([]);
        }
        expect(complaints.filter(text => !text.includes('nothing.orr'))).toEqual([]);
        await context.close();
    });
});
