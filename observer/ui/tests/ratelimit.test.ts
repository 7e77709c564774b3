import { describe, expect, it } from 'vitest';
import { Fold } from '../src/model/fold';
import { byClock, inWindow, levelAt, slots, tokensIn, type Lane, type Verdict } from '../src/stages/limits';
import { apply, disputed, judges, ratelimit, type RateLimit } from '../src/stages/ratelimit';
import { happenings } from './recorded';

// A simulated run: 14 at once; a queue of three before n2; 24 across a boundary; 14 at once.
const all = happenings('ratelimit.tells.gz');
const end = all.reduce(apply, ratelimit.initial);
const fates = (s: RateLimit, node: number, from: number, to: number): string =>
    s.asked.filter(a => a.number >= from && a.number <= to).map(a => a.verdicts[node]?.fate ?? '-').join(' ').replaceAll('acc', 'A').replaceAll('shp', 'W').replaceAll('rej', 'x');

function lane(algorithm: number, more: Partial<Lane> = {}): Lane {
    return {
        rule: { count: 4, period: 1000, burst: 3, queue: 0, meter: false }, algorithm, level: 0, levelAt: 0, waiting: 0, stateBytes: 0,
        acc: 0, shp: 0, rej: 0, verdicts: [], ...more,
    };
}
const passed = (number: number, at: number): Verdict =>
    ({ number, client: 0, fate: 'acc', at, out: at, level: 0, retry: 0, wait: 0, quantity: 1, event: number });

describe('between two events', () => {
    it('a token bucket fills at its rate and spills', () => {
        const b = lane(0, { level: 0.5, levelAt: 1000 });
        expect(levelAt(b, 1000)).toBe(0.5);
        expect(levelAt(b, 1125)).toBe(1);
        expect(tokensIn(b, 1, 1000)).toBe(125);
        expect(levelAt(b, 9000)).toBe(3);
    });
    it('a meter drains', () => {
        const b = lane(1, { level: 2, levelAt: 0, rule: { count: 4, period: 1000, burst: 3, queue: 0, meter: true } });
        expect(levelAt(b, 250)).toBe(1);
        expect(levelAt(b, 5000)).toBe(0);
    });
    it('a log forgets what is a window old, to the instant', () => {
        const l = lane(3, { verdicts: [passed(1, 100), passed(2, 600)] });
        expect(inWindow(l, 1099).map(v => v.number)).toEqual([1, 2]);
        expect(inWindow(l, 1100).map(v => v.number)).toEqual([2]);
        expect(slots(l, 1099).map(v => v?.number)).toEqual([1, 2, undefined, undefined]);
        expect(slots(l, 1100).map(v => v?.number)).toEqual([undefined, 2, undefined, undefined]);
    });
    it('a counter weighs the window before', () => {
        const l = lane(4, { verdicts: [passed(1, 100), passed(2, 900), passed(3, 1100)] });
        expect(byClock(l, 1250)).toEqual({ from: 1000, previous: 2, current: 1, share: 0.75, sum: 2.5 });
    });
});

describe('a recorded run', () => {
    it('knows who judges, and by what', () => {
        expect(judges(end).map(g => [g.node, g.algorithm])).toEqual([[2, 0], [3, 1], [4, 2], [5, 3], [6, 4], [7, 4], [8, 4]]);
        expect(end.gateways[1]?.traffic).toBe(true);
    });
    it('has the verdicts on a burst of fourteen, request by request', () => {
        expect(fates(end, 2, 1, 14)).toBe('A A A A A A x x x x x x x x');
        expect(fates(end, 3, 1, 14)).toBe('A W W W W W W x x x x x x x');
        expect(fates(end, 5, 1, 14)).toBe('A A A A A A A A x x x x x x');
        expect(end.asked.filter(a => a.number <= 14 && disputed(a)).map(a => a.number)).toContain(7);
    });
    it('shows the fixed window pass twice its limit across a boundary, and no other', () => {
        const count = (node: number): number => end.asked.filter(a => a.number >= 15 && a.number <= 38 && a.verdicts[node]?.fate === 'acc').length;
        expect(count(4)).toBe(16);
        expect(count(5)).toBe(8);
        expect(count(6)).toBe(8);
    });
    it('gives the verdict of the owner to the gateway that asked it', () => {
        const of = (node: number): number[] => end.asked.filter(a => a.number <= 14 && a.verdicts[node]).map(a => a.number % 2);
        expect(new Set(of(7)).size).toBe(1);
        expect(new Set(of(8)).size).toBe(1);
        expect(of(7).length + of(8).length).toBe(14);
    });
    it('lets each request that waited go, after it came', () => {
        const waited = (end.gateways[3]?.lanes['a']?.verdicts ?? []).filter(v => v.fate === 'shp');
        expect(waited.length).toBeGreaterThan(5);
        for (const v of waited.filter(v => v.out > 0)) expect(v.out).toBeGreaterThan(v.at);
        const gaps = waited.slice(0, 6).map(v => v.out).map((out, i, outs) => (i ? out - (outs[i - 1] ?? 0) : 62.5e6));
        for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(62.5e6); // one each 1/16 s, or later
        expect(end.gateways[2]?.lanes['a']?.rule.queue).toBe(3);
    });
    it('has a level of the bucket that agrees with what the node says before each verdict', () => {
        let s = ratelimit.initial;
        for (const h of all) {
            const before = s.gateways[2]?.lanes['a'];
            s = apply(s, h);
            const after = s.gateways[2]?.lanes['a'];
            const v = after?.verdicts[after.verdicts.length - 1];
            const same = before && after && before.rule.queue === after.rule.queue && v !== before.verdicts[before.verdicts.length - 1];
            if (same && v && h.node === 2) expect(Math.abs(levelAt(before, v.at) - v.level)).toBeLessThan(0.002);
        }
    });
    it('is the same at an instant, whether reached live, by going back, or with a late event', () => {
        const straight = new Fold(ratelimit);
        const late = new Fold(ratelimit);
        for (const h of all) straight.add(h);
        const odd = all.findIndex(h => h.type === 'limiter.Decision');
        for (const [i, h] of all.entries()) if (i !== odd) late.add(h);
        const one = all[odd];
        if (one) late.add(one);
        const middle = all[Math.floor(all.length / 2)]?.ns ?? 0;
        expect(late.at(middle)).toEqual(straight.at(middle));
        expect(straight.at(middle)).toEqual(all.filter(h => h.ns <= middle).reduce(apply, ratelimit.initial));
    });
});
