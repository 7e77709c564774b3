// What the keyboard does: a deed for each key, which one may give another key. Digits pick nodes, letters
// answer an open question, and Escape lets go: those stay as they are.

export const deeds = {
    play: [' ', 'play, pause'],
    earlier: ['arrowleft', 'event before; with Shift the tenth'],
    later: ['arrowright', 'event after; with Shift the tenth'],
    back: ['[', 'step before'],
    on: [']', 'step after'],
    live: ['l', 'back to live, to the end'],
    causes: ['c', 'causes and effects of what is selected'],
    closer: ['+', 'closer'],
    wider: ['-', 'wider'],
    fit: ['0', 'the whole run'],
    find: ['/', 'find'],
    copy: ['y', 'copy the command line'],
    inspector: ['i', 'inspector, where it is a drawer'],
    kill: ['k', 'kill −9'],
    pause: ['p', 'pause, resume'],
    power: ['w', 'cut the power'],
    restart: ['r', 'restart'],
    cut: ['x', 'cut off'],
    heal: ['h', 'heal'],
    hold: ['m', 'hold messages, let all go'],
    next: ['n', 'next message'],
    fork: ['f', 'fork a simulated run'],
    sandbox: ['s', 'sandbox'],
    recordings: ['o', 'recordings'],
    theme: ['t', 'theme'],
    keys: ['?', 'these keys'],
} as const;

export type Deed = keyof typeof deeds;
export const allDeeds = Object.keys(deeds) as Deed[];

/** Of no use on a page without an observer behind it, or on what was recorded. */
export const liveDeeds: ReadonlySet<Deed> = new Set<Deed>(['kill', 'pause', 'power', 'restart', 'cut', 'heal', 'hold', 'next', 'fork', 'sandbox', 'recordings']);

export type Bound = Record<Deed, string>;
export const usualKeys = Object.fromEntries(allDeeds.map(deed => [deed, deeds[deed][0]])) as Bound;

/** One key under one name, however it was typed. */
export function keyName(key: string): string {
    return key === '=' ? '+' : key === '−' ? '-' : key.toLowerCase();
}

export function deedFor(bound: Bound, key: string): Deed | undefined {
    const name = keyName(key);
    return allDeeds.find(deed => bound[deed] === name);
}

const signs: Record<string, string> = { ' ': 'Space', arrowleft: '←', arrowright: '→', arrowup: '↑', arrowdown: '↓', '-': '−' };
export function keyLabel(name: string): string {
    return signs[name] ?? (name.length === 1 ? name.toUpperCase() : name.charAt(0).toUpperCase() + name.slice(1));
}

/** Why a key cannot be had; empty: it can. */
export function refusal(bound: Bound, deed: Deed, key: string): string {
    const name = keyName(key);
    if (/^[1-9]$/.test(name)) return 'Digits pick nodes.';
    if (name.length > 1 && !/^(arrow\w+|f\d+|home|end|pageup|pagedown|insert|delete|backspace)$/.test(name)) return `${keyLabel(name)} is needed to move about the page.`;
    const other = deedFor(bound, key);
    return other && other !== deed ? `${keyLabel(name)} is “${deeds[other][1]}”: give that another key first.` : '';
}

/** What was kept, as far as it still makes sense. */
export function readBound(text: string | null): Bound {
    const bound = { ...usualKeys };
    let kept: unknown;
    try {
        kept = JSON.parse(text ?? '{}');
    } catch {
        return bound;
    }
    for (const [deed, key] of Object.entries(kept ?? {})) if (deed in bound && typeof key === 'string' && refusal(bound, deed as Deed, key) === '') bound[deed as Deed] = keyName(key);
    return bound;
}

/** Only what differs from the usual is kept. */
export function writeBound(bound: Bound): string {
    return JSON.stringify(Object.fromEntries(allDeeds.filter(deed => bound[deed] !== usualKeys[deed]).map(deed => [deed, bound[deed]])));
}
