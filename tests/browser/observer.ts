// A real observer for browser tests: started with a line of words, ended with SIGTERM.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const bin = process.env.ORRERY_BIN ?? '';

export interface Observer {
    address: string;
    folder: string;
    signal: (name: NodeJS.Signals) => void;
    /** A command of it, over its socket: what it prints. */
    orrery: (...words: string[]) => string;
    end: () => Promise<void>;
}

export async function startObserver(words: string[], folder = mkdtempSync(join(tmpdir(), 'orrery-browser-'))): Promise<Observer> {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
    const observer: ChildProcess = spawn(join(bin, 'orrery'), [...words, '--no-open', '--port', '0'], {
        env, stdio: ['ignore', 'pipe', 'pipe'],
    });
    const address = await new Promise<string>((found, failed) => {
        let said = '';
        const read = (bytes: Buffer): void => {
            said += bytes.toString();
            const url = /http:\/\/\S+#\S+/.exec(said)?.[0];
            if (url) found(url);
        };
        observer.stdout?.on('data', read);
        observer.stderr?.on('data', read);
        observer.on('exit', code => failed(new Error(`the observer ended with ${code}: ${said}`)));
    });
    return {
        address, folder,
        signal: name => void observer.kill(name),
        orrery: (...words) => spawnSync(join(bin, 'orrery'), words, { env, encoding: 'utf8' }).stdout,
        end: async () => {
            const gone = new Promise(done => observer.once('exit', done));
            observer.kill('SIGTERM');
            await gone;
            rmSync(folder, { recursive: true, force: true });
        },
    };
}
