// Figures in words, as the terminal writes them too.

export const sp = '\u2009'; // between a figure and its unit

/** 999 ns, 149 ms, 1.24 s: three figures are enough to read. */
export function duration(ns: number): string {
    if (!Number.isFinite(ns)) return 'never';
    const sign = ns < 0 ? '−' : '';
    const n = Math.abs(ns);
    if (n < 1e3) return `${sign}${Math.round(n)}${sp}ns`;
    if (n < 1e6) return `${sign}${figures(n / 1e3)}${sp}µs`;
    if (n < 1e9) return `${sign}${figures(n / 1e6)}${sp}ms`;
    return `${sign}${figures(n / 1e9)}${sp}s`;
}

function figures(x: number): string {
    if (x >= 99.95) return x.toFixed(0);
    if (x >= 9.995) return x.toFixed(1);
    return x.toFixed(2);
}

/** Where on the run's clock: seconds with milliseconds. */
export function instant(ns: number): string {
    return (Math.max(0, ns) / 1e9).toFixed(3);
}

/** 1:40 of a walkthrough. */
export function clock(seconds: number): string {
    const s = Math.max(0, Math.round(seconds));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export function bytes(n: number): string {
    if (n < 1024) return `${n}${sp}B`;
    if (n < 1024 * 1024) return `${figures(n / 1024)}${sp}KB`;
    return `${figures(n / 1024 / 1024)}${sp}MB`;
}

export function nodeName(node: number): string {
    return node === 0 ? 'you' : `n${node}`;
}

export function eventName(ordinal: number): string {
    return `e${ordinal}`;
}

export function many(n: number, one: string, more = `${one}s`): string {
    return `${n} ${n === 1 ? one : more}`;
}

/** n1, n2 and n3 */
export function list(words: string[]): string {
    if (words.length < 2) return words.join('');
    return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1] ?? ''}`;
}

/** 262,327 */
export function grouped(n: number): string {
    return n.toLocaleString('en');
}
