// The page on a real observer, in Chromium: how long an event of a real process takes until the stage has
// drawn it, what comes over the wire, when the first paint is. Prints a line of JSON each.
//
// An event has the wall clock of its node, a frame that of the page; both are this machine's. Told is an event
// when a message of the socket has it; drawn, when the stage says so with data-drawn; after that the browser
// still has to paint: that it has when the next frame begins.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { heapMb, quantile, say, sayLoad, startBrowser, startObserver } from './ui_observer.mjs';

const seconds = Number(process.env.ORRERY_BENCH_UI_SECONDS ?? 20);

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

/* In the page, before its own code: notes when each message of entries came, and the newest event in it. */
function noteMessages() {
    const now = () => performance.timeOrigin + performance.now();
    const fields = function* (bytes) {
        let at = 0;
        const varint = () => {
            let value = 0;
            for (let scale = 1; ; scale *= 128) {
                const byte = bytes[at++];
                value += (byte & 127) * scale;
                if (byte < 128) return value;
            }
        };
        while (at < bytes.length) {
            const key = varint();
            if (key % 8 === 0) yield [key >> 3, varint()];
            else {
                const length = key % 8 === 2 ? varint() : key % 8 === 1 ? 8 : 4;
                yield [key >> 3, bytes.subarray(at, (at += length))];
            }
        }
    };
    const found = (bytes, number) => [...fields(bytes)].filter(([field]) => field === number).map(([, value]) => value);
    const [tellEntries, entriesEntry, entryOrdinal] = [5, 1, 1];
    window.benchTold = [];
    const plain = window.WebSocket;
    window.WebSocket = class extends plain {
        constructor(...rest) {
            super(...rest);
            this.addEventListener('message', event => {
                const came = now();
                const entry = found(new Uint8Array(event.data), tellEntries).flatMap(entries => found(entries, entriesEntry)).pop();
                if (entry) window.benchTold.push([came, found(entry, entryOrdinal)[0]]);
            });
        }
    };
}

/* What was told, drawn and painted when: [wall clock in ms, up to which event]. */
async function frames(browser, address) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.addInitScript(noteMessages);
    await page.goto(address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.evaluate(() => void (location.hash = '#/sandbox/heartbeat'));
    await page.getByRole('article', { name: /n3: phi .*trusted/ }).waitFor();
    const run = await page.locator('.run .mono').first().innerText();
    const seen = await page.evaluate(async ms => {
        const [drawn, painted] = [[], []];
        const now = () => performance.timeOrigin + performance.now();
        const stage = document.querySelector('.stage');
        const watch = new MutationObserver(() => {
            const upto = Number(stage.dataset.drawn);
            drawn.push([now(), upto]);
            requestAnimationFrame(() => painted.push([now(), upto]));
        });
        window.benchTold.length = 0;
        watch.observe(stage, { attributeFilter: ['data-drawn'] });
        await new Promise(done => setTimeout(done, ms));
        watch.disconnect();
        return { told: window.benchTold, drawn, painted };
    }, seconds * 1000);
    const from = seen.drawn[0]?.[1] ?? 0;
    const lines = execFileSync(join(process.env.ORRERY_BIN, 'orrery'), ['timeline', '--run', run, '--from', String(from), '--json'], { maxBuffer: 1 << 30 });
    say('live, memory of the page', await heapMb(page), 'MB');
    await context.close();
    return { seen, events: lines.toString().trim().split('\n').map(line => JSON.parse(line)) };
}

/* From each event to the first step that has it. */
function delays(events, steps) {
    const out = [];
    let step = 0;
    for (const event of events) {
        while (step < steps.length && steps[step][1] < event.ordinal) step++;
        if (step < steps.length) out.push(steps[step][0] - event.wall_ns / 1e6);
    }
    return out;
}

/* What this stage asks for: the rest is drawn by the timeline, from windows. */
const staged = new Set(['trace', 'view', 'move']);

const observer = await startObserver();
let browser;
try {
    browser = await startBrowser();
    await weight(browser, observer.url);
    const { seen, events } = await frames(browser, observer.url);
    const asked = events.filter(event => staged.has(event.kind) && event.ordinal > (seen.drawn[0]?.[1] ?? 0));
    const [told, drawn, painted] = [seen.told, seen.drawn, seen.painted].map(steps => delays(asked, steps));
    if (drawn.length < 100) throw new Error(`only ${drawn.length} events were seen: ${seen.drawn.length} frames, ${events.length} events`);
    say(`event of a real process to the page's socket, median of ${told.length}`, quantile(told, 0.5), 'ms');
    say('the same, p99', quantile(told, 0.99), 'ms');
    say(`event of a real process to where it is drawn, median of ${drawn.length}`, quantile(drawn, 0.5), 'ms', 15);
    say('the same, p99', quantile(drawn, 0.99), 'ms');
    say('and to the frame after, median', quantile(painted, 0.5), 'ms');
    say('the same, p99', quantile(painted, 0.99), 'ms');
    say('stage frames a second', seen.drawn.length / seconds, '/s');
    say('live, memory of the observer', observer.memoryMb(), 'MB');
    sayLoad('live');
} finally {
    await browser?.close();
    await observer.stop();
}
