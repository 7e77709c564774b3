// What the page shows when things are not as usual: no labs, a node that does not start, very long
// names, an observer that goes and comes back; and the inspector where it has no column of its own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { Fake } from './fake';
import { axe, browse, desk, hand, open, picture, serveDist, type Opened, type Size } from './page';

let browser: Browser;
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

async function visit(fake: Fake, hash: string, size: Size, theme: 'dark' | 'light' = 'dark'): Promise<Opened> {
    const opened = await open(browser, size, theme);
    await serveDist(opened.context);
    await opened.context.routeWebSocket('ws://orrery.test/ws', socket => fake.serve(socket));
    await opened.page.goto(`http://orrery.test/#token=fake-token&${hash}`);
    return opened;
}

describe('not as usual', () => {
    it('says that there are no labs, and offers the sandbox', async () => {
        const fake = new Fake('heartbeat', 5);
        fake.labs = [];
        const { context, page } = await visit(fake, '', desk);
        await page.getByText('There are no explainers here yet.').waitFor();
        expect(await page.getByRole('link', { name: /Sandbox\s*a cluster/ }).count()).toBe(1);
        await picture(page, 'state-no-labs');
        await context.close();
    });

    it.each([['1440', desk], ['390', hand]] as const)('shows the last lines of a node that did not start, and very long names, at %s', async (width, size) => {
        const fake = new Fake('heartbeat', 6);
        const long = 'a-node-with-a-name-that-somebody-thought-would-explain-everything';
        fake.names = { 2: long };
        fake.failing = { 4: 'level=error msg="cannot bind" port=42003\nlevel=error msg="address already in use"' };
        const { context, page } = await visit(fake, 'lab=heartbeat', size);
        await page.getByText('n4 did not start.').waitFor();
        await page.getByText('address already in use').waitFor();
        await page.getByRole('article', { name: new RegExp(`${long}: phi`) }).waitFor();
        // Nothing pushes the page wider than the window.
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
        await picture(page, `state-failing-${width}`);
        expect(await axe(page)).toEqual([]);
        await context.close();
    });

    it('says that the observer is gone, keeps what it showed, and goes on when it is back', async () => {
        const fake = new Fake('heartbeat', 4);
        const { context, page } = await visit(fake, 'lab=heartbeat', desk);
        await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
        fake.drop();
        await page.getByText('The observer is gone.').waitFor();
        expect(await page.locator('.dl').count()).toBeGreaterThan(0);
        await picture(page, 'state-gone');
        await page.getByText('The observer is gone.').waitFor({ state: 'detached' });
        await page.getByRole('article', { name: /n3: phi .*suspected/ }).waitFor();
        await context.close();
    });

    it('walks again under the same eyes when the observer begins the lab anew', async () => {
        const fake = new Fake('heartbeat', 5);
        fake.state.phase = 5; // ended
        const { context, page, complaints } = await visit(fake, 'lab=heartbeat', desk);
        await page.getByRole('button', { name: 'Walk again' }).click();
        await page.getByText('calm-otter-1').waitFor();
        await page.locator('.steps li.now', { hasText: 'A process says' }).waitFor();
        await page.getByRole('article', { name: /n3: phi/ }).waitFor();
        expect(fake.labVerbs).toEqual(['again']);
        expect(await page.getByText('is over').count()).toBe(0);
        expect(complaints).toEqual([]);
        await context.close();
    });

    it('has the inspector as a drawer at 1000 px, opened by an event, by a key, and closed again', async () => {
        const { context, page } = await visit(new Fake('heartbeat', 5), 'lab=heartbeat', { width: 1000, height: 800 }, 'light');
        const drawer = page.getByRole('complementary', { name: 'Inspector' });
        await page.getByRole('article', { name: /n3: phi/ }).waitFor();
        expect(await drawer.isVisible()).toBe(false);
        await page.getByRole('button', { name: 'e60' }).first().click();
        await drawer.getByText('As recorded').waitFor();
        await picture(page, 'inspector-drawer');
        expect(await axe(page)).toEqual([]);
        await page.getByRole('button', { name: /Close the inspector/ }).click();
        await drawer.waitFor({ state: 'hidden' });
        await page.keyboard.press('i');
        await drawer.waitFor({ state: 'visible' });
        await context.close();
    });

    it('has everything in one column at 800 px, with targets for fingers', async () => {
        const { context, page } = await visit(new Fake('heartbeat', 5), 'lab=heartbeat', { width: 800, height: 1000 });
        await page.getByRole('article', { name: /n3: phi/ }).waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
        const small = await page.evaluate(() => [...document.querySelectorAll('.ctl .b, .walkbar .b, .dock .b, .choice, .tabs [role=tab]')]
            .filter(el => el.getClientRects().length > 0 && el.getBoundingClientRect().height < 43.5).map(el => el.outerHTML.slice(0, 80)));
        expect(small).toEqual([]);
        await picture(page, 'column-800', true);
        await context.close();
    });

    it('shows every control’s command line', async () => {
        const { context, page } = await visit(new Fake('heartbeat', 5), 'lab=heartbeat', { width: 1920, height: 1000 });
        await page.getByRole('button', { name: /kill −9/i }).hover();
        await page.locator('.twin', { hasText: '$ orrery kill n1' }).waitFor();
        await page.getByRole('slider', { name: /Loss/ }).hover();
        await page.locator('.twin', { hasText: /orrery link all n1 --loss \d+%/ }).waitFor();
        await page.keyboard.press('?');
        await page.getByRole('dialog', { name: 'Keys' }).waitFor();
        await picture(page, 'keys');
        expect(await axe(page)).toEqual([]);
        await context.close();
    });
});
