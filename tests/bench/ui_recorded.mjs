// node ui_recorded.mjs NAME FILE: opens a recording in the page, looks at all of it, zooms in to single
// messages, pans, plays and jumps, and says what each frame of the timeline cost to draw, how many the browser
// showed, and what page and observer hold in memory.
import { heapMb, quantile, say as sayOf, sayLoad, startBrowser, startObserver } from './ui_observer.mjs';

const [name, file] = process.argv.slice(2);
const say = (what, ...rest) => sayOf(`${name} events: ${what}`, ...rest);

/** What was drawn since it was asked last. */
async function draws(page) {
    const all = await page.evaluate(() => window.timelineDraws.splice(0));
    const ms = all.map(d => d.ms);
    return { n: ms.length, p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), levels: [...new Set(all.map(d => d.level))].sort() };
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

async function measure(page, what, act) {
    await page.evaluate(() => void window.timelineDraws.splice(0));
    await act();
    const d = await draws(page);
    if (d.n === 0) return;
    say(`${what}, level ${d.levels.join('-')}, p50 of a draw`, d.p50, 'ms', 8);
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
    const strip = await page.locator('.over canvas').boundingBox();
    for (const share of [0.1, 0.73, 0.31, 0.9, 0.52, 0.05, 0.66]) {
        const before = await page.evaluate(() => window.timelineJumps.length);
        await page.mouse.click(strip.x + 88 + (strip.width - 88) * share, strip.y + 12);
        await page.waitForFunction(n => window.timelineJumps.length > n, before, { timeout: 5000 }).catch(() => undefined); // it knew that state
    }
    const jumps = await page.evaluate(() => window.timelineJumps);
    if (jumps.length > 0) {
        say('a jump to a state of the stage, median', quantile(jumps, 0.5), 'ms');
        say('a jump to a state of the stage, longest', Math.max(...jumps), 'ms', 100);
    }
    await measure(page, 'played', async () => {
        await page.keyboard.press(' ');
        say('played, frames shown', await frames(page, 1500), '/s');
    });
}

const observer = await startObserver('replay', file, '--page');
let browser;
try {
    say('recording opened', observer.openedMs, 'ms', 1000);
    browser = await startBrowser();
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
    await look(page, observer.url);
    say('memory of the page', await heapMb(page), 'MB');
    say('memory of the observer', observer.memoryMb(), 'MB');
    sayLoad(`${name} events`);
} finally {
    await browser?.close();
    await observer.stop();
}
