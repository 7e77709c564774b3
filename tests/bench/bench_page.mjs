// The page on a real observer, in Chromium: how long an event of a real process takes until the stage has
// drawn it, what comes over the wire, when the first paint is. Prints a line of JSON each.
//
// An event has the wall clock of its node, a frame that of the page; both are this machine's. The stage says
// with data-drawn up to which event it is drawn; the frame after that is when it is seen.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const bin = process.env.ORRERY_BIN;
const { chromium } = createRequire(join(bin, '../../page/package.json'))('playwright-core');
const seconds = Number(process.env.ORRERY_BENCH_PAGE_SECONDS ?? 20);
const folder = mkdtempSync(join(tmpdir(), 'orrery-bench-page-'));
const env = { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };

function say(what, value, unit, below) {
    const aim = below === undefined ? {} : { aim: `< ${below}`, met: value < below };
    console.log(JSON.stringify({ what, value, unit, ...aim }));
}

function quantile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function startObserver() {
    const child = spawn(join(bin, 'orrery'), ['--no-open', '--port', '0'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const address = new Promise((found, failed) => {
        let said = '';
        const read = bytes => {
            said += bytes;
            const url = /http:\/\/\S+#\S+/.exec(said)?.[0];
            if (url) found(url);
        };
        child.stdout.on('data', read);
        child.stderr.on('data', read);
        child.on('exit', code => failed(new Error(`the observer ended with ${code}: ${said}`)));
    });
    return { child, address };
}

async function weight(browser, address) {
    const paints = [];
    let bytes = 0;
    for (let i = 0; i < 5; i++) {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        const page = await context.newPage();
        await page.goto(address);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.evaluate(() => document.fonts.ready);
        const seen = await page.evaluate(() => ({
            paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
            bytes: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, r) => sum + r.encodedBodySize, 0),
        }));
        paints.push(seen.paint);
        bytes = Math.max(bytes, seen.bytes);
        await context.close();
    }
    say('page over the wire', bytes / 1024, 'KB', 400);
    say('first paint, median of 5', quantile(paints, 0.5), 'ms');
}

/* Frames of the page: [wall clock in ms, newest event that the stage shows]. */
async function frames(browser, address) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.evaluate(() => void (location.hash = '#/sandbox/heartbeat'));
    await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
    const run = await page.locator('.run .mono').first().innerText();
    const seen = await page.evaluate(async ms => {
        const out = [];
        const stage = document.querySelector('.stage');
        const watch = new MutationObserver(() => {
            const upto = Number(stage.dataset.drawn);
            requestAnimationFrame(() => out.push([performance.timeOrigin + performance.now(), upto]));
        });
        watch.observe(stage, { attributeFilter: ['data-drawn'] });
        await new Promise(done => setTimeout(done, ms));
        watch.disconnect();
        return out;
    }, seconds * 1000);
    const from = seen[0]?.[1] ?? 0;
    const lines = execFileSync(join(bin, 'orrery'), ['timeline', '--run', run, '--from', String(from), '--json'], { env, maxBuffer: 1 << 30 });
    await context.close();
    return { seen, events: lines.toString().trim().split('\n').map(line => JSON.parse(line)) };
}

/* What this stage asks for: the rest is drawn by the timeline, from windows. */
const staged = new Set(['trace', 'view', 'move']);

const { child, address } = startObserver();
try {
    const at = await address;
    const browser = await chromium.launch({
        executablePath: process.env.ORRERY_CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    try {
        await weight(browser, at);
        const { seen, events } = await frames(browser, at);
        const delays = [];
        let frame = 0;
        for (const event of events) {
            if (!staged.has(event.kind) || event.ordinal <= (seen[0]?.[1] ?? 0)) continue;
            while (frame < seen.length && seen[frame][1] < event.ordinal) frame++;
            if (frame < seen.length) delays.push(seen[frame][0] - event.wall_ns / 1e6);
        }
        if (delays.length < 100) throw new Error(`only ${delays.length} events were seen: ${seen.length} frames, ${events.length} events`);
        say(`event of a real process to its frame, median of ${delays.length}`, quantile(delays, 0.5), 'ms', 15);
        say('the same, p99', quantile(delays, 0.99), 'ms');
        say('stage frames a second', seen.length / seconds, '/s');
    } finally {
        await browser.close();
    }
} finally {
    child.removeAllListeners('exit');
    const gone = new Promise(done => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
}
