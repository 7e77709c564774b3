// One Chromium and one observer for all files: a test has a context, and a run, of its own.
import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { bin, startObserver } from './observer';

declare module 'vitest' {
    export interface ProvidedContext {
        chromium: string; // where it listens
        observer: string; // its page's address, with the token; empty: there is none
        state: string; // its state folder
    }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
    const [server, observer] = await Promise.all([
        chromium.launchServer({
            executablePath: process.env.ORRERY_CHROMIUM ?? '/usr/bin/chromium',
            args: [
                '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
                '--disable-component-update', '--disable-sync',
            ],
        }),
        bin === '' ? undefined : startObserver([]),
    ]);
    project.provide('chromium', server.wsEndpoint());
    project.provide('observer', observer?.address ?? '');
    project.provide('state', observer?.folder ?? '');
    return async () => {
        await server.close();
        await observer?.end();
    };
}
