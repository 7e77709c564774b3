// Live and jumped to are the same fold: on a recorded run of real processes.
import { describe, expect, it } from 'vitest';
import { Fold } from '../src/model/fold';
import type { Happening } from '../src/model/happening';
import { Travel, type Glance } from '../src/model/travel';
import { heartbeat, type Heartbeats } from '../src/stages/heartbeat';
import { wal } from '../src/stages/wal';
import { happenings } from './recorded';

const all = happenings('heartbeat.tells.gz');
const end = Math.max(...all.map(h => h.ns));

/** As the observer answers: behind an entry, or from the newest view or start of each instance on. */
function glance(of: Happening[], g: Glance): Happening[] {
    const until = of.filter(h => h.ns <= g.to);
    if (g.from > 0) return until.filter(h => h.ordinal > g.from);
    const bases = new Map<string, number>();
    for (const h of of) if (h.ns <= g.at && (h.body === 'view' || h.body === 'start')) bases.set(`${h.node}`, h.ordinal);
    const outside = (h: Happening): boolean => h.node === 0 || h.body === 'start';
    return until.filter(h => outside(h) || h.ordinal >= (bases.get(`${h.node}`) ?? 0));
}

/** In causal order, up to the first that had not happened yet. */
function until(of: Happening[], ns: number): Happening[] {
    const end = of.findIndex(h => h.ns > ns);
    return end < 0 ? of : of.slice(0, end);
}

function straight(ns: number): Heartbeats {
    return until(all, ns).reduce(heartbeat.apply, heartbeat.initial);
}

describe('time travel', () => {
    it('shows at every instant what was shown live, though most has been forgotten', async () => {
        let told = 0;
        const travel = new Travel(heartbeat, g => {
            const answer = glance(all, g);
            told = Math.max(told, answer.length);
            return Promise.resolve(answer);
        }, () => undefined, 0, 600);
        const live: [number, Heartbeats][] = [];
        for (const h of all) {
            travel.add(h);
            if (h.ordinal % 97 === 0 && h.ns >= (live[live.length - 1]?.[0] ?? 0)) live.push([h.ns, travel.live.live]);
        }
        expect(all.length).toBeGreaterThan(1500);
        let jumps = 0;
        for (const [ns] of live) {
            if (!travel.knows(ns)) jumps++;
            await travel.jump(ns);
            expect(travel.knows(ns)).toBe(true);
            expect(travel.at(ns)).toEqual(straight(ns));
        }
        expect(jumps).toBeGreaterThan(0);
        expect(told).toBeLessThan(all.length); // no jump folds the whole run again
    });
    it('begins at the newest views where nothing was folded: beliefs and truth are those of the run', async () => {
        const travel = new Travel(heartbeat, g => Promise.resolve(glance(all, g)), () => undefined, Infinity);
        for (const share of [0.3, 0.5, 0.8]) {
            const ns = end * share;
            await travel.jump(ns);
            const [a, b] = [travel.at(ns), straight(ns)];
            expect(a.truth).toEqual(b.truth);
            for (const node of b.nodes)
                for (const peer of Object.values(b.beliefs[node] ?? {}))
                    expect(a.beliefs[node]?.[peer.peer]).toMatchObject({ state: peer.state, heardAt: peer.heardAt, lastBeat: peer.lastBeat, suspectedBy: peer.suspectedBy });
        }
    });
    it('asks once for the newest wish, however fast one scrubs', async () => {
        const asked: Glance[] = [];
        const travel = new Travel(heartbeat, async g => {
            asked.push(g);
            await Promise.resolve();
            return glance(all, g);
        }, () => undefined, Infinity);
        for (let i = 1; i <= 50; i++) travel.at((end * i) / 50 - 2e9 > 0 ? (end * i) / 50 : end / 2);
        await travel.jump(end);
        for (let i = 0; i < 20; i++) await Promise.resolve();
        expect(travel.knows(end)).toBe(true);
        expect(asked.length).toBeLessThan(5);
    });
    it('asks for the instant that one jumps to, and for more where one plays on from it', async () => {
        const asked: Glance[] = [];
        const travel = new Travel(heartbeat, g => {
            asked.push(g);
            return Promise.resolve(glance(all, g));
        }, () => undefined, Infinity);
        for (let ns = end / 3; ns < end / 3 + 1e9; ns += 16e6) {
            await travel.jump(ns);
            expect(travel.at(ns).truth).toEqual(straight(ns).truth);
        }
        const ahead = asked.map(g => g.to - g.at);
        expect(ahead[0]).toBeLessThan(50e6);
        expect(Math.min(...ahead.slice(1))).toBeGreaterThan(400e6);
        expect(asked.length).toBeLessThan(5);
    });
    it('puts a late entry where it belongs', () => {
        const whole = new Fold(heartbeat);
        const late = new Fold(heartbeat);
        const held = all[700];
        for (const h of all) {
            whole.add(h);
            if (h !== held) late.add(h);
            if (h === all[900] && held) late.add(held);
        }
        expect(late.live).toEqual(whole.live);
        expect(late.at(end / 2)).toEqual(whole.at(end / 2));
    });
    it('samples curves in one pass, as at() would', () => {
        const fold = new Fold(heartbeat);
        for (const h of all) fold.add(h);
        const times = Array.from({ length: 60 }, (_, i) => (end * i) / 60);
        expect(fold.sample(times, s => s)).toEqual(times.map(ns => fold.at(ns)));
    });
    it('travels through a store as well', async () => {
        const told = happenings('wal.tells.gz');
        const travel = new Travel(wal, g => Promise.resolve(glance(told, g)), () => undefined, 0, 40);
        for (const h of told) travel.add(h);
        for (const h of told.filter((_, i) => i % 23 === 0)) {
            await travel.jump(h.ns);
            expect(travel.at(h.ns)).toEqual(until(told, h.ns).reduce(wal.apply, wal.initial));
        }
    });
});
