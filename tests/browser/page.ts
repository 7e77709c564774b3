// A browser on the built page, as the observer serves it: same files, same policy.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { inject } from 'vitest';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

export const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types: Record<string, string> = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml',
};

export const artefacts = process.env.ORRERY_ARTEFACTS ?? 'artefacts';
const dist = process.env.ORRERY_DIST ?? 'dist';

export async function browse(): Promise<Browser> {
    mkdirSync(artefacts, { recursive: true });
    return chromium.connect(inject('chromium'));
}

export interface Size {
    width: number;
    height: number;
}
export const desk: Size = { width: 1440, height: 900 };
export const hand: Size = { width: 390, height: 844 };

export interface Opened {
    context: BrowserContext;
    page: Page;
    complaints: string[]; // what the console said that it should not
}

export async function open(browser: Browser, size: Size, theme: 'dark' | 'light'): Promise<Opened> {
    const context = await browser.newContext({ viewport: size, colorScheme: theme, hasTouch: size.width < 700, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000); // a busy machine may take its time
    const complaints: string[] = [];
    page.on('console', m => {
        if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text());
    });
    page.on('pageerror', e => complaints.push(String(e)));
    return { context, page, complaints };
}

/** Serves the built files at http://orrery.test, as the observer would. */
export async function serveDist(context: BrowserContext): Promise<void> {
    await context.route('http://orrery.test/**', route => {
        const path = new URL(route.request().url()).pathname;
        const file = join(dist, path === '/' ? 'index.html' : path);
        if (!existsSync(file)) return route.fulfill({ status: 404 });
        return route.fulfill({
            body: readFileSync(file),
            headers: { 'content-type': types[extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy },
        });
    });
}

export async function picture(page: Page, name: string, whole = false): Promise<void> {
    await page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: whole });
}

export interface Finding {
    id: string;
    impact: string;
    nodes: string[];
}

/** What axe-core finds serious or worse. */
export async function axe(page: Page): Promise<Finding[]> {
    const source = readFileSync(join('node_modules', 'axe-core', 'axe.min.js'), 'utf8');
    await page.evaluate(source);
    const found = await page.evaluate(async () => {
        interface Result { id: string; impact: string | null; nodes: { html: string; failureSummary?: string }[] }
        const axeCore = (window as unknown as { axe: { run: (what: Document) => Promise<{ violations: Result[] }> } }).axe;
        const result = await axeCore.run(document);
        return result.violations.map(v => ({ id: v.id, impact: v.impact ?? '', nodes: v.nodes.map(n => `${n.html.slice(0, 160)} ${n.failureSummary ?? ''}`) }));
    });
    return found.filter(f => f.impact === 'serious' || f.impact === 'critical');
}

/** Opens a real observer's page, and goes to a route as a click on a card does. */
export async function visit(page: Page, address: string, route: string): Promise<void> {
    await page.goto(address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.evaluate(to => void (location.hash = to), route);
}
