// What the page says of what is not known, on real processes: clients seen at one end only, events that
// did not fit a ring, clocks of two machines; and what a recording proves. What is asked for is awaited,
// never a time.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { bin, startObserver, type Observer } from './observer';
import { axe, browse, desk, hand, open, picture, visit, type Opened } from './page';

let browser: Browser;
beforeAll(async () => {
    browser = await browse();
});
afterAll(() => browser.close());

const both = [['a desk', desk, 'dark'], ['a phone', hand, 'light']] as const;

/** The row of the table beside the canvas that says so. */
const told = (page: Page, what: RegExp): Promise<void> => page.locator('.time table tr', { hasText: what }).first().waitFor({ state: 'attached' });

/** Where clients may ask, once all nodes are up. */
async function ports(observer: Observer): Promise<number[]> {
    for (;;) {
        const said = observer.orrery('status', '--json');
        const { nodes } = said ? (JSON.parse(said) as { nodes: { client_port: number; state: string }[] }) : { nodes: [] };
        if (nodes.length > 0 && nodes.every(n => n.state === 'running' && n.client_port > 0)) return nodes.map(n => n.client_port);
        await new Promise(again => setTimeout(again, 50)); // polls
    }
}

async function closed({ context, page, complaints }: Opened): Promise<void> {
    expect(await axe(page)).toEqual([]);
    expect(complaints.filter(c => !c.includes('willReadFrequently'))).toEqual([]); // it is the test that reads canvases
    await context.close();
}

/** Whether a lane has so many pixels of a token's colour. */
function inked(page: Page, token: string, least: number): Promise<unknown> {
    return page.waitForFunction(([name, n]) => {
        const canvas = document.querySelector<HTMLCanvasElement>('.tlbox canvas');
        const ctx = canvas?.getContext('2d');
        const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
        const wanted = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
        if (!canvas || !ctx) return false;
        const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) if (wanted.every((w, k) => Math.abs((data[i + k] ?? 0) - w) < 12)) found++;
        return found >= n;
    }, [token, least] as const);
}

describe.runIf(bin !== '')('clients', () => {
    let observer: Observer;
    const sockets: Socket[] = [];
    beforeAll(async () => {
        observer = await startObserver([]);
    });
    afterAll(async () => {
        for (const socket of sockets) socket.destroy();
        await observer.end();
    });

    function client(port: number): Promise<(words: string) => Promise<string>> {
        const socket = connect(port, '127.0.0.1');
        sockets.push(socket);
        socket.on('error', () => undefined);
        const ask = (words: string): Promise<string> => new Promise(answered => {
            socket.once('data', bytes => answered(bytes.toString()));
            socket.write(`${words}\r\n`);
        });
        return new Promise(ready => socket.once('connect', () => ready(ask)));
    }

    it('have a lane that opens and folds, with what they ask, are answered and never will be', async () => {
        const opened = await open(browser, desk, 'dark');
        const { page } = opened;
        await visit(page, observer.address, '#/sandbox/kv/2');
        await page.locator('.tlbox canvas').waitFor();
        const [port = 0] = await ports(observer);
        const [one, two] = [await client(port), await client(port)];
        expect(await one('SET k 1')).toContain('OK');
        expect(await two('GET k')).toContain('1');
        expect(await one('INCR k')).toContain('2');
        expect(await two('SET k word')).toContain('OK');
        expect(await two('INCR k')).toContain('ERR');
        await told(page, /Request, client 1 to n1, as the node/);
        await told(page, /Reply, n1 to client 2, as the node/);
        await told(page, /Refusal, n1 to client 2, refused: it did not happen/);
        observer.orrery('disk', 'n1', '--slow', '30s');
        void one('SET k lost');
        await told(page, /Request, client 1 to n1, not answered yet/);
        observer.orrery('kill', 'n1');
        await page.locator('.time table tr', { hasText: /n1: .*SIGKILL/ }).first().waitFor({ state: 'attached' });
        // The needle back to the request that has no answer: the table is of what is around it.
        await page.keyboard.press('/');
        const field = page.getByRole('searchbox', { name: 'Find events' });
        await field.fill('client 1 asks (request 3)');
        await field.press('Enter');
        await page.getByRole('status').filter({ hasText: '1 of 1' }).waitFor();
        await field.press('Escape');
        await told(page, /Request, client 1 to n1, never answered: nobody knows/);
        await inked(page, 'k-request', 60);

        const names = async (): Promise<string[]> => (await page.locator('.lanes li label').allInnerTexts()).map(name => name.trim());
        await page.getByTitle('Lanes: show, pin, order').click();
        expect(await names()).toEqual(['you', 'clients', 'client 1', 'client 2', 'n1', 'n2']);
        await page.getByRole('checkbox', { name: 'A lane for each client' }).uncheck();
        expect(await names()).toEqual(['you', 'clients', 'n1', 'n2']);
        await inked(page, 'k-request', 60); // on the one lane that they share
        await page.getByRole('button', { name: 'Pin clients' }).click();
        await page.locator('.lanes li.pin', { hasText: 'clients' }).waitFor();
        await page.getByRole('checkbox', { name: 'clients' }).uncheck();
        await page.waitForFunction(() => document.querySelectorAll('.lanes input:checked').length === 3);
        await page.getByRole('checkbox', { name: 'clients' }).check();
        await page.getByTitle('Lanes: show, pin, order').click();
        await picture(page, 'clients-folded');
        // A tap on the name of the lane opens it again.
        const box = (await page.locator('.tlbox canvas').boundingBox())!;
        const low = box.height;
        await page.mouse.click(box.x + 40, box.y + 4 + 36 * 1.5);
        await page.waitForFunction(was => (document.querySelector('.tlbox canvas')?.getBoundingClientRect().height ?? 0) > was, low);
        await picture(page, 'clients');

        await page.keyboard.press('/');
        await field.fill('clients');
        await field.press('Enter');
        await page.getByRole('status').filter({ hasText: /^\d+ of 11$/ }).waitFor(); // six requests, five replies
        await page.getByRole('heading', { name: /Client \d (asks|is answered)/ }).waitFor();
        await field.press('Escape');
        await closed(opened);

        const small = await open(browser, hand, 'light');
        await visit(small.page, observer.address, `#/run/${observer.orrery('runs').split(' ')[0] ?? ''}`);
        await small.page.locator('.tlbox canvas').waitFor();
        await small.page.getByRole('button', { name: /^The whole run/ }).click();
        await inked(small.page, 'k-request', 60);
        await small.page.locator('.tlbox').scrollIntoViewIfNeeded();
        await picture(small.page, 'clients-hand');
        await closed(small);
    });
});

describe.runIf(bin !== '')('what did not fit a ring', () => {
    it('is a gap in its lane with its number, at the level of all and of each', async () => {
        const observer = await startObserver([]);
        const opened = await open(browser, desk, 'dark');
        const { page } = opened;
        await visit(page, observer.address, '#/sandbox/kv');
        await page.locator('.tlbox canvas').waitFor();
        const socket = connect((await ports(observer))[0] ?? 0, '127.0.0.1');
        let replies = 0;
        socket.on('data', bytes => (replies += bytes.toString().split('+OK').length - 1));
        // The observer does not look: 16 MiB of events fill the ring, and the node goes on without it.
        observer.signal('SIGSTOP');
        const set = `SET k ${'x'.repeat(900)}\r\n`;
        for (let sent = 0; sent < 45_000; sent += 500) {
            socket.write(set.repeat(500));
            await new Promise<void>(done => {
                const look = (): void => void (replies >= sent - 2000 ? done() : setTimeout(look, 5)); // polls
                look();
            });
        }
        observer.signal('SIGCONT');
        await page.waitForFunction(() => document.querySelector('.time .legend')?.textContent?.includes('missing'));
        socket.end('GET k\r\n');
        await page.keyboard.press(' ');
        await page.keyboard.press('0');
        await inked(page, 'fault', 100);
        await picture(page, 'hole');
        // In the middle of the gap there is nothing but what says that.
        const canvas = (await page.locator('.tlbox canvas').boundingBox())!;
        const gap = await page.evaluate(() => {
            const el = document.querySelector<HTMLCanvasElement>('.tlbox canvas')!;
            const ctx = el.getContext('2d')!;
            const hex = getComputedStyle(document.documentElement).getPropertyValue('--fault').trim();
            const wanted = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
            const { data } = ctx.getImageData(0, 0, el.width, el.height);
            const at: [number, number][] = [];
            for (let i = 0; i < data.length; i += 4) if (wanted.every((w, k) => Math.abs((data[i + k] ?? 0) - w) < 12)) at.push([(i / 4) % el.width, Math.floor(i / 4 / el.width)]);
            const mid = (k: 0 | 1): number => (Math.min(...at.map(p => p[k])) + Math.max(...at.map(p => p[k]))) / 2;
            return { x: mid(0) / devicePixelRatio, y: mid(1) / devicePixelRatio };
        });
        await page.mouse.move(canvas.x + gap.x, canvas.y + gap.y);
        await page.locator('.tip', { hasText: /[\d,]+ events of n1 are missing: what happened in .* is not known/ }).waitFor();
        await page.mouse.click(canvas.x + gap.x, canvas.y + gap.y);
        await page.getByRole('heading', { name: /\d+ events of n1 are missing/ }).waitFor();
        await page.getByText('told by the observer').waitFor();
        await closed(opened);

        const small = await open(browser, hand, 'light');
        await visit(small.page, observer.address, `#/run/${observer.orrery('runs').split(' ')[0] ?? ''}`);
        await small.page.locator('.tlbox canvas').waitFor();
        await small.page.getByRole('button', { name: /^The whole run/ }).click();
        await inked(small.page, 'fault', 60);
        await small.page.locator('.tlbox').scrollIntoViewIfNeeded();
        await picture(small.page, 'hole-hand');
        await closed(small);
        await observer.end();
    });
});

const clocks = spawnSync('unshare', ['--time', '--monotonic', '1000', '--fork', 'true']).status === 0;

describe.runIf(bin !== '' && clocks)('two clocks', () => {
    const port = 20_000 + (process.pid % 10_000); // below those that the kernel gives to who asks for any
    let observer: Observer;
    let agents: ChildProcess[] = [];
    beforeAll(async () => {
        observer = await startObserver([]);
        await observer.end();
        mkdirSync(observer.folder, { recursive: true });
        const key = join(observer.folder, 'key');
        writeFileSync(key, 'a key that only this test knows, and nobody else\n');
        observer = await startObserver(['--agents', `127.0.0.1:${port}`, '--key-file', key], observer.folder);
        agents = [0, 1, 2].map(i => {
            const words = [join(bin, 'orrery'), 'agent', '--observer', `127.0.0.1:${port}`, '--key-file', key, '--disk', join(observer.folder, `disk${i}`)];
            const elsewhere = ['unshare', '--time', '--monotonic', '1000', '--fork', '--kill-child'];
            const [program = '', ...rest] = i === 0 ? [...elsewhere, ...words] : words;
            return spawn(program, rest, { stdio: 'ignore' });
        });
    });
    afterAll(async () => {
        for (const agent of agents) agent.kill('SIGKILL');
        await observer.end();
    });

    it.each(both)('hatch the strokes between them, with how far they may be off, on %s', async (_, size, theme) => {
        const opened = await open(browser, size, theme);
        const { page } = opened;
        await visit(page, observer.address, '#/sandbox/heartbeat/3');
        await page.locator('.tlbox canvas').waitFor();
        await page.getByRole('article', { name: /trusted/ }).first().waitFor();
        await told(page, /Beat, n\d to n\d, [\d.]+\s\S+\s±[\d.]+\s\S+/);
        const rows = (await page.locator('.time table tbody tr').allInnerTexts()).filter(row => row.includes('Beat') && !row.includes('under way'));
        expect(rows.some(row => !row.includes('±'))).toBe(true); // between two nodes of one clock nothing is doubted
        if (size === desk) expect(await page.locator('.time .legend').innerText()).toMatch(/clocks ±/);
        // An event that was received by another clock says it too.
        const doubtful = page.locator('.time table tr', { hasText: '±' }).first().getByRole('button');
        await doubtful.evaluate((button: HTMLElement) => button.click());
        await page.locator('.insp h2').filter({ hasText: /Beat to/ }).waitFor({ state: 'attached' });
        const leads = page.locator('.insp .evs .ev').first();
        await leads.evaluate((button: HTMLElement) => button.click());
        await page.locator('.insp h2').filter({ hasText: /Beat from/ }).waitFor({ state: 'attached' });
        await page.locator('.tlbox').scrollIntoViewIfNeeded();
        await picture(page, `clocks-${theme}`);
        await closed(opened);
    });
});

describe.runIf(bin !== '')('a recording', () => {
    const folder = join(inject('state'), 'orrery', 'recordings');
    const record = (name: string, ...words: string[]): void => void spawnSync(join(bin, 'orrery'), ['sim', ...words, '--record', join(folder, name)]);
    beforeAll(() => {
        mkdirSync(folder, { recursive: true });
        record('keeps.orr', 'kv', '--seed', '1');
        record('breaks.orr', 'kv', '--seed', '1', '--flaw', 'ack-before-sync');
    });

    it.each(both)('has its verdict on the shelf, and what shows it beside its timeline, on %s', async (_, size, theme) => {
        const opened = await open(browser, size, theme);
        const { page } = opened;
        await visit(page, inject('observer'), '#/recordings');
        const row = (name: string) => page.locator('.tapes li', { hasText: name });
        await row('keeps.orr').locator('.verdict.ok', { hasText: 'proven' }).waitFor();
        await row('breaks.orr').locator('.verdict.bad', { hasText: 'refuted' }).waitFor();
        await picture(page, `verdicts-${theme}`);
        expect(await axe(page)).toEqual([]);
        await row('breaks.orr').getByRole('link').click();
        const judged = page.getByRole('region', { name: 'Judgement' });
        const worst = judged.locator('.checks li').first();
        await worst.filter({ hasText: 'history: durability' }).waitFor();
        expect(await worst.getAttribute('class')).toBe('bad');
        await worst.getByText('was acknowledged before its crash').waitFor();
        await judged.locator('li.ok', { hasText: 'kv: write-ahead' }).waitFor();
        // The events that show it are a click away.
        const event = await worst.getByRole('button').first().innerText();
        await worst.getByRole('button').first().click();
        await page.locator('.insp h2', { hasText: event }).waitFor({ state: 'attached' });
        await judged.scrollIntoViewIfNeeded();
        await picture(page, `judged-${theme}`);
        await closed(opened);
    });
});
