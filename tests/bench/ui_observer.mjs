// What both halves of the page's benchmark need: an observer with its page, a browser, and a line of JSON
// for each figure, with the machine's load beside it where that matters.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadavg } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.env.ORRERY_PAGE, 'package.json'))('playwright-core');

/** `below`: the aim, where there is one. */
export function say(what, value, unit, below) {
    const aim = below === undefined ? {} : { aim: `< ${below}`, met: value < below };
    console.log(JSON.stringify({ what, value: Number(value.toFixed(2)), unit, ...aim }));
}

/** Figures of time say little on a machine that others use: how many processes wanted to run in the last minute. */
export function sayLoad(when) {
    say(`${when}, load of the machine`, loadavg()[0], 'processes');
}

export function quantile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** An observer with these words, once it has told its page's address: that, and how long it took. */
export async function startObserver(...words) {
    const began = performance.now();
    const child = spawn(join(process.env.ORRERY_BIN, 'orrery'), [...words, '--no-open', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const url = await new Promise((found, failed) => {
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
    const openedMs = performance.now() - began;
    const memoryMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
    const stop = () => new Promise(done => {
        child.removeAllListeners('exit');
        child.once('exit', done);
        child.kill('SIGTERM');
    });
    return { pid: child.pid, url, openedMs, memoryMb, stop };
}

export function startBrowser() {
    return chromium.launch({
        executablePath: process.env.ORRERY_CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

/** What the page's JavaScript holds, once what it has dropped is cleared away. */
export async function heapMb(page) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    await devtools.detach();
    return usedSize / 2 ** 20;
}
