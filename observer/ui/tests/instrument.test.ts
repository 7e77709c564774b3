// The timeline as an instrument: levels of detail, tiles, causes, lanes, search, fingers.
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Causes } from '../src/timeline/causes';
import { Labels } from '../src/timeline/draw/brush';
import { Fingers } from '../src/timeline/gestures';
import { asTheyCome, hideOrShow, inView, moveTo, ordered, pinOrLoosen } from '../src/timeline/lanes';
import { Budget, levelFor, type Level } from '../src/timeline/level';
import { chargesOf, cutBars, wordsAt } from '../src/timeline/operator';
import { Paper, powerFor, spansIn, type Asked } from '../src/timeline/paper';
import { parseSearch, stepTo } from '../src/timeline/search';
import { lives, marksOf, spansOf, tileOf } from '../src/timeline/tile';
import { ReachSchema, WindowSchema, type Window } from '../src/wire/gen/session_pb';

describe('levels of detail', () => {
    it('go by how many messages there are and how close they stand', () => {
        expect(levelFor({ messages: 100, gap: 40 }, 0)).toBe(0);
        expect(levelFor({ messages: 100, gap: 3 }, 0)).toBe(1);
        expect(levelFor({ messages: 10_000, gap: 40 }, 0)).toBe(1);
        expect(levelFor({ messages: 300_000, gap: 0.1 }, 0)).toBe(2);
        expect(levelFor({ messages: 9e6, gap: 0.001 }, 0)).toBe(3);
        expect(levelFor({ messages: 0, gap: Infinity }, 3)).toBe(0);
    });
    it('do not flicker at a bound', () => {
        let level: Level = 0;
        const seen: Level[] = [];
        for (const messages of [1900, 2100, 2300, 2450, 2300, 2100, 1900, 1700, 1500]) {
            level = levelFor({ messages, gap: 40 }, level);
            seen.push(level);
        }
        expect(seen).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 0]);
    });
    it('go one up when frames cost too much, and down again when all is calm', () => {
        const budget = new Budget();
        for (let i = 0; i < 5; i++) budget.spent(20);
        expect(budget.over(1)).toBe(1); // one slow frame is none
        budget.spent(20);
        expect(budget.over(1)).toBe(2);
        expect(budget.over(3)).toBe(3);
        for (let i = 0; i < 300; i++) budget.spent(0.5);
        expect(budget.over(1)).toBe(1);
    });
});

function windowOf(asked: Asked, newest: number): Window {
    return create(WindowSchema, {
        fromNs: asked.from, toNs: asked.to, newestNs: newest, level: asked.counts ? 1 : 0, names: ['Beat'],
        sentNs: asked.counts ? [] : [asked.from + 1], receivedNs: asked.counts ? [] : [asked.from + 2], from: [1], to: [2], name: [0], fate: [1], sendEvent: [1], receiveEvent: [2],
        stateNs: [asked.from], stateLane: [1], state: [1],
    });
}

describe('tiles', () => {
    const view = { from: 10e9, to: 12e9 };
    const settle = async (): Promise<void> => {
        for (let i = 0; i < 5; i++) await Promise.resolve();
    };
    it('are asked for once, unless they may still change', async () => {
        const asked: Asked[] = [];
        const paper = new Paper(a => {
            asked.push(a);
            return Promise.resolve(windowOf(a, 100e9));
        }, () => [0, 1, 2]);
        for (let ms = 0; ms < 40; ms++) {
            paper.want(view, true, 1000, ms * 100, 100e9);
            await settle();
        }
        const keys = asked.map(a => a.from);
        expect(new Set(keys).size).toBe(keys.length);
        const pieces = paper.pieces(view, true);
        expect(pieces.length).toBeGreaterThanOrEqual(2);
        expect(pieces[0]?.from).toBe(-Infinity);
        expect(pieces[pieces.length - 1]?.to).toBeGreaterThanOrEqual(view.to);
        for (let i = 1; i < pieces.length; i++) expect(pieces[i]?.from).toBe(pieces[i - 1]?.to);
        const before = asked.length;
        paper.want({ from: 90e9, to: 100.1e9 }, true, 1000, 5000, 100e9);
        await settle();
        paper.want({ from: 90e9, to: 100.1e9 }, true, 1000, 9000, 100e9);
        await settle();
        expect(asked.length).toBeGreaterThan(before);
    });
    it('stand in for finer ones, and for those of the other kind, until these come', async () => {
        const paper = new Paper(a => Promise.resolve(windowOf(a, 100e9)), () => [0, 1, 2]);
        for (let ms = 0; ms < 10; ms++) {
            paper.want(view, false, 1000, ms * 100, 100e9);
            await settle();
        }
        const near = { from: 10.5e9, to: 10.6e9 };
        expect(powerFor(near)).toBeLessThan(powerFor(view));
        const pieces = paper.pieces(near, true);
        expect(pieces.length).toBe(1); // one tile, though it stands in for several
        expect(pieces[0]?.tile.exact).toBe(false);
    });
    it('put a state together across their seams', () => {
        const a = tileOf(windowOf({ from: 0, to: 9, columns: 1, messages: 1, counts: false }, 1e9), [1]);
        const b = tileOf(windowOf({ from: 10, to: 19, columns: 1, messages: 1, counts: false }, 1e9), [1]);
        expect(spansIn([{ tile: a, from: -Infinity, to: 10 }, { tile: b, from: 10, to: 20 }])).toEqual([{ lane: 1, from: 0, to: 20, state: 1, term: 0 }]);
    });
    it('are final once nothing in them can change', () => {
        const ask = { from: 0, to: 1e9, columns: 1, messages: 1, counts: false };
        expect(tileOf(windowOf(ask, 1.05e9), []).final).toBe(false);
        expect(tileOf(windowOf(ask, 2e9), []).final).toBe(true);
        expect(tileOf({ ...windowOf(ask, 2e9), fate: [0], receivedNs: [0] }, []).final).toBe(false); // one is under way
    });
});

describe('causes', () => {
    const reach = (node: number, boot: number, past: [bigint, bigint], future: [bigint, bigint]): ReturnType<typeof create<typeof ReachSchema>> =>
        create(ReachSchema, { node, boot, pastFirst: past[0], pastLast: past[1], pastNs: Number(past[1]), futureFirst: future[0], futureLast: future[1], futureNs: Number(future[0]) });
    const causes = new Causes(50, [reach(1, 1, [1n, 40n], [60n, 90n]), reach(2, 1, [0n, 0n], [70n, 75n]), reach(2, 2, [0n, 0n], [80n, 90n])]);
    it('are a prefix and a suffix of each life', () => {
        expect([30, 45, 60, 200].map(e => causes.side(1, e))).toEqual(['past', 'neither', 'future', 'future']);
        expect(causes.side(2, 77)).toBe('neither'); // between two lives
        expect(causes.side(3, 10)).toBe('neither');
        expect(causes.side(1, 50)).toBe('itself');
    });
    it('light a message whose both ends belong', () => {
        expect(causes.lit(1, 30, 1, 40)).toBe(true);
        expect(causes.lit(1, 30, 3, 42)).toBe(false);
        expect(causes.lit(1, 50, 3, 99)).toBe(true);
        expect(causes.lit(1, 30, 3, 0)).toBe(true); // sent in the past, and lost
    });
    it('have a bracket on each lane', () => {
        expect(causes.brackets).toEqual([{ lane: 1, past: 40, future: 60 }, { lane: 2, past: 0, future: 70 }]);
    });
});

describe('lanes', () => {
    const all = [0, 1, 2, 3];
    it('come as they are, are moved, pinned and hidden', () => {
        expect(inView(all, asTheyCome)).toEqual({ lanes: [0, 1, 2, 3], pinned: 1 });
        const moved = moveTo(all, asTheyCome, 3, 1);
        expect(ordered(all, moved)).toEqual([0, 3, 1, 2]);
        expect(ordered([...all, 4], moved)).toEqual([0, 3, 1, 2, 4]); // one that joins comes last
        const pinned = pinOrLoosen(moved, 2);
        expect(inView(all, hideOrShow(pinned, 3))).toEqual({ lanes: [0, 2, 1], pinned: 2 });
        expect(hideOrShow(hideOrShow(pinned, 3), 3)).toEqual(pinned);
    });
});

describe('the search', () => {
    const nodeOf = (name: string): number | undefined => ({ you: 0, n1: 1, n3: 3 })[name];
    it('reads nodes, patterns and words', () => {
        expect(parseSearch('n3 heartbeat.Opinion suspected=true', nodeOf)).toEqual({ nodes: [3], pattern: 'heartbeat.Opinion suspected=true', text: '' });
        expect(parseSearch('receive from=n2', nodeOf)).toEqual({ nodes: [], pattern: 'receive from=n2', text: '' });
        expect(parseSearch('you', nodeOf)).toEqual({ nodes: [0], pattern: '', text: '' });
        expect(parseSearch(' n1 n3 died of SIGKILL ', nodeOf)).toEqual({ nodes: [1, 3], pattern: '', text: 'died of SIGKILL' });
        expect(parseSearch('  ', nodeOf)).toBeUndefined();
    });
    it('steps from what is found to the next, and round', () => {
        const found = [10, 20, 30].map(event => ({ event, ns: event, node: 1 }));
        expect(stepTo(found, 15, 0, true)).toBe(1);
        expect(stepTo(found, 15, 0, false)).toBe(0);
        expect(stepTo(found, 30, 30, true)).toBe(0);
        expect(stepTo(found, 10, 10, false)).toBe(2);
        expect(stepTo(found, 99, 0, true)).toBe(0);
    });
});

describe('what marks add up to', () => {
    const marks = marksOf(create(WindowSchema, {
        names: ['cut', 'link', 'heal', 'kill'], markNs: [1, 2, 5, 7, 8], markLane: [0, 0, 0, 0, 0], markName: [0, 1, 2, 3, 0], markEvent: [1, 2, 3, 4, 5],
        markText: ['cut n1/n2', 'link n3 all --cut', 'heal', 'kill n1', 'cut n2/n3'],
    }), [0, 1, 2, 3]);
    it('cuts last until they are healed', () => {
        expect(cutBars(marks).map(b => [b.from, b.to])).toEqual([[1, 5], [2, 5], [8, Infinity]]);
    });
    it('names who is in charge, and for how long nobody is', () => {
        const spans = spansOf(create(WindowSchema, {
            stateLane: [1, 1, 2, 2, 2], stateNs: [0, 10, 0, 20, 30], stateTerm: [2, 0, 0, 0, 3],
            state: [lives.charge, lives.dead, lives.running, lives.trying, lives.charge],
        }));
        expect(chargesOf(spans)).toEqual([
            { from: 0, to: 10, lane: 1, term: 2 }, { from: 10, to: 30, lane: 0, term: 0 }, { from: 30, to: Infinity, lane: 2, term: 3 },
        ]);
        expect(chargesOf([{ lane: 1, from: 0, to: 10, state: lives.running, term: 0 }])).toEqual([]);
        const old = { lane: 3, from: 0, to: 10, state: lives.charge, term: 3 }; // both began before what is in view
        expect(chargesOf([{ ...old, lane: 2, term: 4 }, old]).map(c => c.term)).toEqual([3, 4]);
        expect([...wordsAt(spans, 25)]).toEqual([[1, 'killed'], [2, 'trying']]);
    });
});

describe('labels', () => {
    it('never overlap, and never leave the figure', () => {
        const labels = new Labels({ x: 0, y: 0, w: 100, h: 100 });
        expect(labels.take({ x: 10, y: 10, w: 30, h: 10 })).toBe(true);
        expect(labels.take({ x: 35, y: 15, w: 30, h: 10 })).toBe(false);
        expect(labels.take({ x: 41, y: 10, w: 30, h: 10 })).toBe(true);
        expect(labels.take({ x: 80, y: 10, w: 30, h: 10 })).toBe(false);
        let taken = 2;
        for (let i = 0; i < 1000; i++) taken += labels.take({ x: i % 10, y: 30 + i / 40, w: 0.01, h: 0.01 }) ? 1 : 0;
        expect(taken).toBeLessThanOrEqual(200);
    });
});

describe('fingers', () => {
    it('zoom around the middle, and pan with it', () => {
        const fingers = new Fingers();
        fingers.down(1, 100);
        expect(fingers.move(1, 110)).toBeUndefined(); // one finger is the needle’s
        fingers.down(2, 210);
        expect(fingers.move(2, 310)).toEqual({ zoom: 0.5, anchor: 210, pan: 50 });
        fingers.up(2);
        expect(fingers.count).toBe(1);
    });
});
