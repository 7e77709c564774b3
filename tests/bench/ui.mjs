// node ui.mjs NAME FILE: opens a recording in the page, looks at all of it, zooms in to single
// messages, pans, plays and jumps, and says what each frame of the timeline cost to draw, and what memory page and observer have then.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.env.ORRERY_PAGE, 'package.json'))('playwright-core');
const [name, file] = process.argv.slice(2);

function say(what, value, unit, aim, met) {
    const line = { name: `${name} events: ${what}`, value: Number(value.toFixed(2)), unit };
    console.log(JSON.stringify(aim ? { ...line, aim, met } : line));
}

function startObserver() {
    const began = performance.now();
    const observer = spawn(join(process.env.ORRERY_BIN, 'orrery'), ['replay', file, '--page', '--no-open', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const address = new Promise((found, failed) => {
        let said = '';
        observer.stdout.on('data', bytes => {
            said += bytes;
            const url = /http:\/\/\S+#\S+/.exec(said)?.[0];
            if (url) found({ url, ms: performance.now() - began });
        });
        observer.on('exit', code => failed(new Error(`the observer ended with ${code}: ${said}`)));
    });
    return { observer, address };
}

const nth = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** What was drawn since it was asked last. */
async function draws(page) {
    const all = await page.evaluate(() => window.timelineDraws.splice(0));
    const ms = all.map(d => d.ms).sort((a, b) => a - b);
    return { n: ms.length, p50: nth(ms, 0.5), p99: nth(ms, 0.99), levels: [...new Set(all.map(d => d.level))].sort() };
}

/** Frames that the browser showed in a stretch of time, whatever was drawn. */
function frames(page, ms) {
    return page.evaluate(ms => new Promise(done => {
        const began = performance.now();
        let n = 0;
        requestAnimationFrame(function once(now) {
            if (now - began >= ms) done((n * 1000) / (now - began));
            else {
                n++;
                requestAnimationFrame(once);
            }
        });
    }), ms);
}

/** What the page's heap holds once what is garbage is gone. */
async function heap(page) {
    const client = await page.context().newCDPSession(page);
    await client.send('HeapProfiler.collectGarbage');
    const { usedSize } = await client.send('Runtime.getHeapUsage');
    return usedSize / 1e6;
}

function residentOf(pid) {
    const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kib) * 1024) / 1e6;
}

async function measure(page, what, act) {
    await page.evaluate(() => void window.timelineDraws.splice(0));
    await act();
    const d = await draws(page);
    if (d.n === 0) return;
    say(`${what}, level ${d.levels.join('-')}, p50 of a draw`, d.p50, 'ms', '< 8', d.p50 < 8);
    say(`${what}, level ${d.levels.join('-')}, p99 of a draw`, d.p99, 'ms');
}

async function look(page, url) {
    await page.addInitScript(() => { window.timelineDraws = []; window.timelineJumps = []; });
    await page.goto(url);
    const canvas = page.locator('.tlbox canvas');
    await canvas.waitFor();
    const box = await canvas.boundingBox();
    const settled = () => page.waitForFunction(() => {
        const n = window.timelineDraws.length;
        const same = window.settledAt === n;
        window.settledAt = n;
        return same;
    }, undefined, { polling: 400 });
    const wheel = async (times, dy) => {
        for (let i = 0; i < times; i++) {
            await page.mouse.wheel(0, dy);
            await page.evaluate(() => new Promise(done => requestAnimationFrame(done)));
        }
    };
    await settled();
    await page.keyboard.press('0');
    await settled();
    await page.mouse.move(box.x + 88 + (box.width - 88) * 0.45, box.y + 60);
    await measure(page, 'all of it in view, moved', async () => {
        for (let i = 0; i < 40; i++) await wheel(1, i % 2 ? 60 : -60);
    });
    for (const part of ['zooming in', 'further', 'further still', 'to single messages']) {
        await measure(page, part, () => wheel(24, -130));
        await settled();
        await measure(page, `${part}, there panned`, async () => {
            for (let i = 0; i < 40; i++) {
                await page.keyboard.down('Shift');
                await wheel(1, i % 20 < 10 ? 40 : -40);
                await page.keyboard.up('Shift');
            }
        });
    }
    await page.keyboard.press('0');
    await settled();
    const jumps = [];
    for (const share of [0.1, 0.73, 0.31, 0.9, 0.52, 0.05, 0.66]) {
        const strip = await page.locator('.over canvas').boundingBox();
        const before = await page.evaluate(() => window.timelineJumps?.length ?? 0);
        await page.mouse.click(strip.x + 88 + (strip.width - 88) * share, strip.y + 12);
        await page.waitForFunction(n => (window.timelineJumps?.length ?? 0) > n, before, { timeout: 5000 }).catch(() => undefined);
    }
    jumps.push(...await page.evaluate(() => window.timelineJumps ?? []));
    jumps.sort((a, b) => a - b);
    if (jumps.length > 0) say('a jump to a state of the stage, longest', jumps[jumps.length - 1], 'ms', '< 100', jumps[jumps.length - 1] < 100);
    await measure(page, 'played', async () => {
        await page.keyboard.press(' ');
        say('played, frames shown', await frames(page, 1500), '/s');
    });
}

const { observer, address } = startObserver();
let browser;
try {
    const { url, ms } = await address;
    say('recording opened', ms, 'ms', '< 1000', ms < 1000);
    browser = await chromium.launch({ executablePath: process.env.ORRERY_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
    await look(page, url);
    say('heap of the page', await heap(page), 'MB');
    say('memory of the observer', residentOf(observer.pid), 'MB');
} finally {
    await browser?.close();
    observer.kill('SIGTERM');
}
