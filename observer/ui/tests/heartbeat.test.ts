import { describe, expect, it } from 'vitest';
import { apply, heartbeat, rulesFrom, silenceOf, usualRules, type Heartbeats } from '../src/stages/heartbeat';
import { erfc, phiLevel, phiQuantile, phiTail, spread } from '../src/stages/detectors';
import { angle, arc, histogram } from '../src/stages/dial';
import { Fold } from '../src/model/fold';
import type { Opinion } from '../src/wire/gen/heartbeat_pb';
import { happenings } from './recorded';

const all = happenings('heartbeat.tells.gz');
const fold = (until: (i: number) => boolean): Heartbeats => {
    const end = all.findIndex((_, i) => !until(i));
    return (end < 0 ? all : all.slice(0, end)).reduce(apply, heartbeat.initial);
};
const indexOf = (what: (h: (typeof all)[number]) => boolean): number => all.findIndex(what);
const exit = indexOf(h => h.event.body.case === 'exit');
const life2 = indexOf(h => h.event.body.case === 'start' && h.boot === 2);
const pause = indexOf(h => h.event.body.case === 'operator' && h.event.body.value.line === 'pause n2');
const resume = indexOf(h => h.event.body.case === 'operator' && h.event.body.value.line === 'resume n2');

describe('the detectors’ formulas', () => {
    it('know the normal distribution', () => {
        expect(erfc(0)).toBe(1);
        expect(erfc(1)).toBeCloseTo(0.15729920705028513, 14);
        expect(erfc(3)).toBeCloseTo(2.209049699858544e-5, 18);
        expect(erfc(-1)).toBeCloseTo(1.8427007929497148, 14);
        expect(phiTail(0)).toBeCloseTo(Math.log10(2), 14);
        expect(phiTail(30)).toBeGreaterThan(190);
    });
    it('invert phi', () => {
        for (const level of [1, 3, 8, 12, 30]) expect(phiTail(phiQuantile(level))).toBeCloseTo(level, 9);
        expect(phiLevel(100, 100, 0)).toBe(Infinity);
    });
    it('agree with what real nodes computed when they changed their mind', () => {
        let tried = 0;
        for (const h of all) {
            if (h.message?.$typeName !== 'heartbeat.Opinion') continue;
            const o = h.message as Opinion;
            if (o.detector !== 1 || !o.suspected || o.deviationNs === 0n) continue;
            tried++;
            expect(phiLevel(Number(o.silentNs), Number(o.expectedNs), Number(o.deviationNs))).toBeCloseTo(o.level, 5);
        }
        expect(tried).toBeGreaterThan(3);
    });
});

describe('the stage of heartbeats', () => {
    it('learns rules from a start event and from set', () => {
        const s = fold(() => true);
        expect(s.rules).toMatchObject({ interval: 100e6, timeout: 500e6, margin: 150e6 });
        expect(rulesFrom(usualRules, [{ key: 'phi', value: '5' }]).phi).toBe(5);
        expect(rulesFrom(usualRules, [{ key: 'phi', value: 'x' }]).phi).toBe(8);
        expect(rulesFrom(usualRules, [], ['short-timeout']).noSlack).toBe(true);
    });
    it('does not claim a silence that the detector itself did not see', () => {
        const b = fold(i => i < exit).beliefs[1]?.[3];
        expect(b?.heardAt).toBeGreaterThan(0);
        const heardAt = b?.heardAt ?? 0;
        expect(silenceOf(b, heardAt + 1e6)).toBe(1e6);
        // Far beyond phi's limit and not suspected: beats came that were not told here.
        expect(silenceOf(b && { ...b, suspectedBy: 0 }, heardAt + 60e9)).toBeUndefined();
        expect(silenceOf(b && { ...b, suspectedBy: 2 }, heardAt + 60e9)).toBe(60e9);
        expect(silenceOf(undefined, 0)).toBeUndefined();
    });
    it('keeps truth and belief apart: a paused node is alive, and suspected', () => {
        const s = fold(i => i < resume);
        expect(s.truth[2]?.life).toBe('paused');
        expect(s.beliefs[1]?.[2]?.suspectedBy).not.toBe(0);
        expect(s.race).toMatchObject({ node: 2, how: 'paused', ended: 0 });
        expect(Object.values(s.race?.found ?? {}).every(f => f.wrong)).toBe(true);
        expect(fold(i => i <= resume).truth[2]?.life).toBe('running');
    });
    it('does not know of the kill until a detector says so', () => {
        const s = fold(i => i <= exit);
        expect(s.truth[3]?.life).toBe('killed');
        expect(s.beliefs[1]?.[3]?.suspectedBy).toBe(0);
        expect(s.race).toMatchObject({ node: 3, how: 'killed', found: {} });
    });
    it('times each watcher’s detectors from the kill', () => {
        const s = fold(i => i < life2);
        const found = s.race?.found ?? {};
        // n1, n2 and n4 watch; each has three detectors.
        for (const key of ['1.0', '1.1', '1.2', '4.0']) expect(found[key], key).toBeDefined();
        for (const f of Object.values(found)) {
            expect(f.at - (s.race?.began ?? 0)).toBeGreaterThan(0);
            expect(f.at - (s.race?.began ?? 0)).toBeLessThan(1e9);
            expect(f.wrong).toBe(false);
        }
        expect((found['1.0']?.at ?? 0) - (s.race?.began ?? 0)).toBeGreaterThan(390e6);
    });
    it('says of links only at the ends that were named', () => {
        const s = fold(() => true);
        expect([1, 2, 3, 4].map(n => s.truth[n]?.links)).toEqual(['loss 20%', '', '', 'loss 20%']);
    });
    it('ends the race when the node is back', () => {
        expect(fold(() => true).race?.ended).toBeGreaterThan(0);
        expect(fold(() => true).truth[3]).toMatchObject({ life: 'running', boot: 2 });
    });
    it('predicts the limits that the nodes themselves tell in their opinions', () => {
        // Fold to just before n1's phi suspects n3, and compare our limit with its own.
        const at = indexOf(h => h.node === 1 && h.message?.$typeName === 'heartbeat.Opinion' && (h.message as Opinion).peer === 3
            && (h.message as Opinion).suspected && (h.message as Opinion).detector === 1 && all.indexOf(h) > exit);
        const o = all[at]?.message as Opinion;
        const belief = fold(i => i < at).beliefs[1]?.[3];
        expect(belief?.limits[1]).toBeCloseTo(Number(o.limitNs), -6);
        expect((all[at]?.ns ?? 0) - (belief?.heardAt ?? 0)).toBeCloseTo(Number(o.silentNs), -5);
    });
    it('is pure: the same past gives the same state, and the old one stays', () => {
        const first = fold(i => i < pause);
        const copy = JSON.stringify(first);
        all.slice(pause).reduce(apply, first);
        expect(JSON.stringify(first)).toBe(copy);
        expect(JSON.stringify(fold(i => i < pause))).toBe(copy);
    });
});

describe('a fold', () => {
    it('is the same live, scrubbed, and told out of order', () => {
        const live = new Fold(heartbeat);
        all.forEach(h => live.add(h));
        const late = new Fold(heartbeat);
        const swapped = [...all];
        for (let i = 10; i + 7 < swapped.length; i += 97) [swapped[i], swapped[i + 7]] = [swapped[i + 7]!, swapped[i]!];
        swapped.forEach(h => late.add(h));
        swapped.slice(0, 5).forEach(h => late.add(h)); // told twice
        expect(late.happenings.length).toBe(all.length);
        expect(JSON.stringify(late.live)).toBe(JSON.stringify(live.live));
        const ns = all[Math.floor(all.length / 2)]?.ns ?? 0;
        const n = all.findIndex(h => h.ns > ns);
        expect(JSON.stringify(live.at(ns))).toBe(JSON.stringify(fold(i => i < n)));
        expect(live.at(0)).toEqual(heartbeat.initial);
    });
});

describe('a dial', () => {
    it('goes round clockwise and stops at its ends', () => {
        expect(angle(0, 12)).toBe(148);
        expect(angle(12, 12)).toBe(392);
        expect(angle(99, 12)).toBe(392);
        expect(arc(0, 0, 10, 0, 90)).toBe('M10 0A10 10 0 0 1 0 10');
    });
    it('counts gaps in bins', () => {
        expect(histogram([5, 15, 16, 999], 10, 4)).toEqual([{ x: 0, height: 0.5 }, { x: 10, height: 1 }, { x: 30, height: 0.5 }]);
        expect(spread([1, 3])).toEqual({ mean: 2, deviation: 1 });
    });
});
