// The labs walked to their end on a real observer with simulated clusters: every prediction answered,
// locked and measured by events, the notebook kept, the lab walked again without leaving the page.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { axe, browse, desk, open, picture, visit } from './page';
import { bin } from './observer';

let browser: Browser;
const address = inject('observer');
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

interface Asked {
    after: number; // the step after which it is asked
    mine: RegExp;
    measured: RegExp; // what the run's events must say
}
const soon = { timeout: 120_000 };

async function toStep(page: Page, step: number): Promise<void> {
    await page.locator('.steps li').nth(step - 1).getByRole('button').click();
}

async function predict(page: Page, lab: string, n: number, of: number, asked: Asked): Promise<void> {
    await toStep(page, asked.after);
    const card = page.locator('.predictbox > .predict');
    await page.locator('.predict.open').waitFor(soon);
    expect(await card.getByText(`${n} of ${of}`).count()).toBe(1);
    const before = await page.locator('.predict.open .choice.right').count();
    expect(before).toBe(0);
    await card.getByRole('button', { name: asked.mine }).click();
    await page.locator('.predict.locked, .predict.measured').locator('.choice.mine', { hasText: asked.mine }).first().waitFor(soon);
    await page.locator('.predictbox > .predict.measured').waitFor(soon);
    expect(await card.locator('.choice.right').innerText()).toMatch(asked.measured);
    expect(await card.locator('.measure').innerText()).toMatch(/Measured: .*\d/);
    expect(await card.locator('.measure .ev').count()).toBeGreaterThan(0);
    await picture(page, `walk-${lab}-predicted-${n}`);
}

async function walkToEnd(lab: string, steps: number, questions: Asked[]): Promise<void> {
    const { context, page, complaints } = await open(browser, desk, lab === 'wal' || lab === 'rate-limiting' ? 'light' : 'dark');
    await visit(page, address, `#/lab/${lab}/sim`);
    await page.locator('.steps li.now').waitFor();
    for (const [i, asked] of questions.entries()) await predict(page, lab, i + 1, questions.length, asked);

    // The measured answer leads to the events that prove it.
    const proof = page.locator('.predictbox > .predict .measure .ev').first();
    const name = (await proof.innerText()).trim();
    await proof.click();
    await page.locator('.insp h2', { hasText: name }).waitFor();
    expect(await page.locator('.insp .cli').innerText()).toContain(`orrery show ${name}`);
    await page.keyboard.press('l');

    await toStep(page, steps);
    await page.getByRole('button', { name: 'Walk again' }).waitFor({ timeout: 180_000 });
    expect(await page.locator('.steps li .mk').count()).toBe(steps);
    expect(await page.locator('.caption .badtext').count()).toBe(0);
    expect(await page.locator('.checks li.bad').count()).toBe(0);
    await picture(page, `walk-${lab}-end`);
    expect(await axe(page)).toEqual([]);

    await page.evaluate(() => void (document.body.dataset.stayed = 'yes'));
    const run = await page.locator('.run .mono').first().innerText();
    await page.getByRole('button', { name: 'Walk again' }).click();
    await page.waitForFunction(was => document.querySelector('.run .mono')?.textContent !== was, run);
    await page.locator('.steps li.now').first().waitFor();
    expect(await page.evaluate(() => document.body.dataset.stayed)).toBe('yes');
    expect(complaints).toEqual([]);
    await context.close();
}

describe.runIf(bin !== '')('walked to the end', () => {
    it('shows the catalogue of the labs there are, soon', async () => {
        const { context, page, complaints } = await open(browser, desk, 'dark');
        await page.goto(address);
        await page.getByRole('heading', { name: 'Heartbeat & Failure Detection' }).waitFor();
        const weight = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, r) => sum + (r as PerformanceResourceTiming).encodedBodySize, 0));
        expect(weight).toBeLessThan(400 * 1024);
        expect(page.url()).not.toContain('token');
        await picture(page, 'real-catalogue');
        expect(complaints).toEqual([]);
        await context.close();
    });

    // Silence, a verdict, a mistake; a kill, a power cut, and what was promised. A walk mostly waits for
    // what its caption tells: side by side they take as long as one.
    it('heartbeat and wal, with every prediction measured by their events', async () => {
        await Promise.all([
            walkToEnd('heartbeat', 8, [
                { after: 3, mine: /At 800 ms or later/, measured: /After a few beats/ },
                { after: 5, mine: /At once/, measured: /At once/ },
                { after: 6, mine: /Not once/, measured: /./ },
            ]),
            walkToEnd('wal', 8, [
                { after: 2, mine: /They are there/, measured: /They are there/ },
                { after: 3, mine: /They are there/, measured: /They are gone/ },
                { after: 6, mine: /None/, measured: /None/ },
            ]),
        ]);
    }, 400_000);

    // Bursts, boundaries and shared limits; blame, a tower and too large a step; elections, and what they may not undo.
    it('rate-limiting, backpropagation and raft, likewise', async () => {
        await Promise.all([
            walkToEnd('raft', 8, [
                { after: 5, mine: /It is put at the end/, measured: /It is cut off/ },
                { after: 6, mine: /the newest term wins/, measured: /entries that n1 lacks/ },
                { after: 7, mine: /Yes: a majority has it/, measured: /not before an entry of n1/ },
            ]),
            walkToEnd('rate-limiting', 8, [
                { after: 1, mine: /Six, one for each/, measured: /Six, one for each/ },
                { after: 4, mine: /Eight, that is the limit/, measured: /Sixteen: eight on each side/ },
                { after: 6, mine: /The sliding log n5/, measured: /The token bucket n2/ },
                { after: 8, mine: /Sixteen/, measured: /Sixteen/ },
            ]),
            walkToEnd('backpropagation', 8, [
                { after: 3, mine: /It falls/, measured: /It falls|It rises/ },
                { after: 6, mine: /About as large/, measured: /A tenth to a thousandth|Less than a thousandth/ },
                { after: 8, mine: /Smaller still/, measured: /At least ten times as large/ },
            ]),
        ]);
    }, 400_000);

    it('keeps what was predicted and what was measured in the notebook', async () => {
        const { context, page } = await open(browser, desk, 'dark');
        await visit(page, address, '#/notebook');
        await page.getByText(/16 predictions, \d+ met/).waitFor();
        expect(await page.locator('.entry').count()).toBe(16);
        expect(await page.locator('.entry', { hasText: 'They are gone' }).count()).toBeGreaterThan(0);
        expect(await axe(page)).toEqual([]);
        await picture(page, 'notebook');
        await context.close();
    });
});
