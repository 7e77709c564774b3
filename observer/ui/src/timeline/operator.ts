// What the lanes' marks add up to over time: how long links were cut, and who was in charge.
import { lives, type Mark, type Span } from './tile';

export interface Bar {
    from: number;
    to: number; // Infinity: it still is
    text: string;
    event: number;
}

/** Cuts on the lane "you", each until it was healed. */
export function cutBars(marks: readonly Mark[]): Bar[] {
    const bars: Bar[] = [];
    for (const m of marks) {
        if (m.lane !== 0) continue;
        if (m.shape === 'cut' && (m.name === 'cut' || m.name === 'link')) bars.push({ from: m.ns, to: Infinity, text: m.text, event: m.event });
        if (m.shape !== 'heal') continue;
        for (const bar of bars) if (bar.to === Infinity) bar.to = m.ns;
    }
    return bars;
}

export interface Charge {
    from: number;
    to: number;
    lane: number; // 0: nobody
    term: number; // 0: none is told
}

/** Who was in charge, with the gaps between: none where no lane ever was. Of two at once the one of the newer term is last, and so on top. */
export function chargesOf(spans: readonly Span[]): Charge[] {
    const held = spans.filter(s => s.state === lives.charge).sort((a, b) => a.from - b.from || a.term - b.term);
    if (held.length === 0) return [];
    const begin = Math.min(...spans.map(s => s.from));
    const end = Math.max(...spans.map(s => s.to));
    const out: Charge[] = [];
    let until = begin;
    for (const s of held) {
        if (s.from > until) out.push({ from: until, to: s.from, lane: 0, term: 0 });
        out.push({ from: s.from, to: s.to, lane: s.lane, term: s.term });
        until = Math.max(until, s.to);
    }
    if (until < end) out.push({ from: until, to: end, lane: 0, term: 0 });
    return out;
}

const words: Record<number, string> = {
    [lives.paused]: 'paused', [lives.dead]: 'killed', [lives.absent]: 'not there', [lives.starting]: 'starting',
    [lives.trying]: 'trying', [lives.charge]: 'in charge', [lives.running]: '',
};

/** How each lane is at an instant, in a word; nothing for one that runs as usual. */
export function wordsAt(spans: readonly Span[], ns: number): Map<number, string> {
    const out = new Map<number, string>();
    for (const s of spans) if (s.from <= ns && ns < s.to) out.set(s.lane, words[s.state] ?? '');
    return out;
}
