// What is said of what is not known: uncertain clocks, holes, clients seen at one end only, verdicts.
import { create, toBinary } from '@bufbuild/protobuf';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { gravest, isUnjudged } from '../src/model/library';
import { Causes } from '../src/timeline/causes';
import { clientsLane, Connections, connectionsMost, isOpen, withClients } from '../src/timeline/clients';
import { across, frameOf, heightFor, place } from '../src/timeline/geometry';
import { mannerOf } from '../src/timeline/kinds';
import { hideOrShow, asTheyCome, inView } from '../src/timeline/lanes';
import { holesIn, type Piece } from '../src/timeline/paper';
import { crowdOf, eachMessage, hitTest, neighbour, sceneOf, strokeOf, strokesInView, type Stroke } from '../src/timeline/scene';
import { classes, counted, crossShare, endShare, isDoubtful, tileOf } from '../src/timeline/tile';
import { fateWords, holeWords, latencyWords } from '../src/timeline/tip';
import { readCarried, unpack } from '../src/wire/carried';
import { isLost } from '../src/wire/fates';
import { CheckResult, CheckStateSchema } from '../src/wire/gen/lab_pb';
import { CarriedSchema, RecordingSchema, WindowAskSchema, WindowSchema, type Window } from '../src/wire/gen/session_pb';
import { windowOf } from '../src/wire/window';

const ms = 1e6;
const lanes = [0, clientsLane, 1, 2];
const view = { from: 0, to: 100 * ms };
const frame = frameOf(false, { width: 1088, height: heightFor(4, false, 400), charge: false }, lanes);

/** A message by two clocks, one by a clock; two clients of n1, of which one is never answered; a hole of n2. */
function whole(): Window {
    return create(WindowSchema, {
        toNs: 100 * ms, newestNs: 10_000 * ms, names: ['Beat', 'Request', 'Reply', 'Refusal', 'hole'], messages: 6, thinned: 3, clockBoundNs: 0.5 * ms,
        sentNs: [10, 20, 30, 31, 40, 45].map(n => n * ms), receivedNs: [12, 30, 30, 31, 40, 45].map(n => n * ms),
        from: [1, 2, clientsLane, 1, clientsLane, 1], to: [2, 1, 1, clientsLane, 1, clientsLane], name: [0, 0, 1, 2, 1, 3], fate: [1, 1, 1, 1, 101, 1],
        sendEvent: [1, 3, 0, 6, 0, 8], receiveEvent: [2, 4, 5, 0, 7, 0], client: [0, 0, 4, 4, 9, 4], boundNs: [0.5 * ms, 0.5 * ms, 0, 0, 0, 0],
        holeFromNs: [60 * ms], holeToNs: [80 * ms], holeLane: [2], holeEvents: [1234], holeEvent: [77],
        markNs: [80 * ms], markLane: [2], markName: [4], markEvent: [77], markText: ['1234 events of n2 are missing'], markSpanNs: [0],
    });
}

function pieceOf(w: Window, connections = new Connections()): Piece {
    return { tile: tileOf(w, [0, 1, 2], connections), from: -Infinity, to: 100 * ms };
}
const scene = sceneOf([pieceOf(whole())], view, 100 * ms);
const plain = (text: string | undefined): string => (text ?? '').replace(/\s/g, ' ');
const strokes: Stroke[] = [];
eachMessage(scene.pieces, view, (tile, i) => strokes.push(strokeOf(tile, i)));

describe('clocks', () => {
    it('are doubted where they may be off by more than 5 % of what was measured', () => {
        expect(isDoubtful(0.5 * ms, 2 * ms)).toBe(true);
        expect(isDoubtful(0.5 * ms, 10 * ms)).toBe(false); // just 5 %
        expect(isDoubtful(0, 0)).toBe(false);
        expect(isDoubtful(0.5 * ms, -1 * ms)).toBe(true); // received before it was sent, by the stamps
    });
    it('have their bound told beside the latency, where it matters', () => {
        expect(strokes[0]?.bound).toBe(0.5 * ms);
        expect(plain(fateWords(strokes[0]!))).toBe('2.00 ms ±500 µs');
        expect(plain(fateWords(strokes[1]!))).toBe('10.0 ms');
        expect(plain(latencyWords(-1 * ms, 0.5 * ms))).toBe('−1.00 ms ±500 µs');
        expect(scene.clockBound).toBe(0.5 * ms);
    });
    it('of one machine are one: nothing is told, nothing is doubted', () => {
        const one = tileOf(create(WindowSchema, { ...whole(), boundNs: [], clockBoundNs: 0 }), [0, 1, 2]);
        expect(one.messages.bound.length).toBe(0);
        expect(strokeOf(one, 0).bound).toBe(0);
    });
});

describe('holes', () => {
    it('are one though several tiles tell of them', () => {
        const tile = scene.pieces[0]!.tile;
        const halves: Piece[] = [{ tile, from: -Infinity, to: 70 * ms }, { tile: { ...tile }, from: 70 * ms, to: 100 * ms }];
        expect(holesIn(halves)).toEqual([{ lane: 2, from: 60 * ms, to: 80 * ms, events: 1234, event: 77 }]);
        expect(holesIn([{ tile, from: 81 * ms, to: 100 * ms }])).toEqual([]);
    });
    it('are hit anywhere in the gap, and say what is missing', () => {
        const middle = place(frame, view, 70 * ms, 2);
        const hit = hitTest(scene, frame, view, { x: middle.x, y: middle.y + 3 }, 6);
        expect(hit?.event).toBe(77);
        expect(plain(hit?.hole && holeWords(hit.hole, 'n2'))).toBe('1,234 events of n2 are missing: what happened in 20.0 ms is not known');
        expect(hitTest(scene, frame, view, place(frame, view, 95 * ms, 2), 6)).toBeUndefined();
    });
    it('are told of at every level, and so is what was thinned', () => {
        expect(sceneOf([pieceOf({ ...whole(), level: 5 })], view, 100 * ms).holes).toHaveLength(1);
        expect(scene.thinned).toBe(3);
    });
});

describe('clients', () => {
    it('have one lane, and each connection its own where they are few', () => {
        const connections = new Connections();
        pieceOf(whole(), connections);
        expect(connections.all).toEqual([{ lane: clientsLane + 1, node: 1, client: 4 }, { lane: clientsLane + 2, node: 1, client: 9 }]);
        expect(withClients([0, 1, 2], true, [clientsLane + 1])).toEqual([0, clientsLane, clientsLane + 1, 1, 2]);
        expect(withClients([0, 1], false, [])).toEqual([0, 1]);
        expect(isOpen(2, false, undefined, false)).toBe(true);
        expect(isOpen(2, false, undefined, true)).toBe(false); // on a phone they are folded
        expect(isOpen(5, false, undefined, false)).toBe(false);
        expect(isOpen(5, false, true, false)).toBe(true);
        expect(isOpen(1, false, true, false)).toBe(false);
        expect(isOpen(12, true, true, false)).toBe(false);
    });
    it('share the one lane beyond a dozen', () => {
        const connections = new Connections();
        for (let i = 0; i < connectionsMost; i++) connections.laneOf(1, i);
        expect(connections.laneOf(1, 99)).toBe(clientsLane);
        expect(connections.crowded).toBe(true);
        expect(connections.laneOf(1, 0)).toBe(clientsLane + 1);
    });
    it('are drawn on the folded lane, on their own one when it is there, and not where the lane is hidden', () => {
        expect(across(frame, clientsLane + 1)).toBe(across(frame, clientsLane));
        const apart = frameOf(false, { width: 1088, height: 400, charge: false }, [0, clientsLane, clientsLane + 1, 1]);
        expect(across(apart, clientsLane + 1)).toBeGreaterThan(across(apart, clientsLane));
        expect(across(apart, clientsLane + 2)).toBe(across(apart, clientsLane));
        const hidden = frameOf(false, { width: 1088, height: 400, charge: false }, inView(lanes, hideOrShow(asTheyCome, clientsLane)).lanes);
        expect(hidden.index.has(clientsLane + 1)).toBe(false);
    });
    it('are hit, stepped to and lit by the one end that is seen', () => {
        const near = place(frame, view, 40 * ms, clientsLane);
        expect(hitTest(scene, frame, view, { x: near.x, y: near.y + 8 }, 6)?.event).toBe(7);
        expect(neighbour(scene, 35 * ms, true)?.event).toBe(7);
        const causes = new Causes(5, []);
        expect(causes.lit(clientsLane + 1, 0, 1, 5)).toBe(true);
        expect(causes.lit(clientsLane + 1, 0, 1, 7)).toBe(false);
    });
    it('say what became of a request', () => {
        const words = strokes.slice(2).map(s => fateWords(s));
        expect(words).toEqual(['as the node’s client port saw it', 'as the node’s client port saw it', 'never answered: nobody knows whether it happened', 'refused: it did not happen']);
        expect(fateWords({ ...strokes[4]!, fate: 102 })).toBe('not answered yet');
        expect([101, 102].map(isLost)).toEqual([true, false]);
        expect([endShare(101), crossShare(101), crossShare(3)]).toEqual([1, 0.8, 0.5]);
        expect(mannerOf('Refusal')).toEqual({ kind: 'request', reply: false, refusal: true });
        expect(mannerOf('Reply')).toEqual({ kind: 'request', reply: true, refusal: false });
    });
    it('take no part in latencies, cuts and other lanes’ crowds', () => {
        expect(strokesInView(scene, frame, view).map(s => s.pair)).toHaveLength(2);
        expect(scene.pieces[0]!.tile.messages.longest).toBe(10 * ms);
        expect(crowdOf(scene, view, 1000).messages).toBe(6);
        expect([...scene.pieces[0]!.tile.crowd.keys()].sort((a, b) => a - b)).toEqual([1, 2, clientsLane]);
        const bins = counted(scene.pieces[0]!.tile, 256e3).bins;
        expect(bins.has(clientsLane + 1)).toBe(false);
        expect(bins.get(clientsLane)?.counts.reduce((a, b) => a + b)).toBe(2);
        expect(bins.get(clientsLane)?.counts.length).toBe(bins.get(1)!.counts.length);
        expect(classes).toBeGreaterThan(1);
    });
    it('keep a tile from being final while one waits for its answer', () => {
        expect(tileOf({ ...whole(), newestNs: 300 * ms }, []).final).toBe(true);
        expect(tileOf({ ...whole(), newestNs: 300 * ms, fate: [1, 1, 1, 1, 102, 1] }, []).final).toBe(false);
    });
});

describe('a page with its run in it', () => {
    it('tells the same of clients, clocks and holes', () => {
        const ask = (from: number, to: number, counts = false): Window => windowOf(whole(), create(WindowAskSchema, { fromNs: from * ms, toNs: to * ms, columns: 100, counts }));
        const w = ask(25, 75);
        expect([w.client, w.boundNs]).toEqual([[0, 4, 4, 9, 4], [0.5 * ms, 0, 0, 0, 0]]);
        expect([w.holeEvents, w.holeEvent, w.clockBoundNs]).toEqual([[1234], [77], 0.5 * ms]);
        expect(ask(0, 50).holeFromNs).toEqual([]);
        const sums = ask(0, 100, true);
        const n = (name: string, lane: number): number => sums.binCount.reduce((sum, count, i) => sum + (sums.names[sums.binName[i] ?? 0] === name && sums.binLane[i] === lane ? count : 0), 0);
        expect([n('Request', clientsLane), n('Reply', 1), n('receive', clientsLane), n('receive', 1)]).toEqual([2, 1, 0, 1]);
        expect(sums.holeEvents).toEqual([1234]);
    });
    it('refuses columns that do not fit together', async () => {
        const packed = async (w: Window): Promise<unknown> => {
            const bytes = toBinary(CarriedSchema, create(CarriedSchema, { opened: { run: {} }, status: {}, whole: w }));
            return readCarried(await unpack(gzipSync(bytes).toString('base64')));
        };
        await expect(packed(whole())).resolves.toBeDefined();
        await expect(packed({ ...whole(), client: [1] })).rejects.toThrow(/do not fit together/);
        await expect(packed({ ...whole(), holeToNs: [] })).rejects.toThrow(/do not fit together/);
    });
});

describe('verdicts', () => {
    it('stand with the worst first, without what was not put to the test', () => {
        const check = (text: string, result: CheckResult): ReturnType<typeof create<typeof CheckStateSchema>> => create(CheckStateSchema, { text, result });
        const all = [check('a', CheckResult.CHECK_PROVEN), check('b', CheckResult.CHECK_OPEN), check('c', CheckResult.CHECK_UNKNOWN), check('d', CheckResult.CHECK_REFUTED)];
        expect(gravest(all).map(c => c.text)).toEqual(['d', 'c', 'a']);
    });
    it('are asked for where there is none, and can be one', () => {
        const r = (more: object): boolean => isUnjudged(create(RecordingSchema, { run: {}, ...more }));
        expect(r({})).toBe(true);
        expect(r({ judgement: {} })).toBe(false);
        expect(r({ beingWritten: true })).toBe(false);
        expect(isUnjudged(create(RecordingSchema, { trouble: 'damaged' }))).toBe(false);
    });
});
