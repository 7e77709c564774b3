import { create, toBinary } from '@bufbuild/protobuf';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { beganAt, Reader, stateAt } from '../src/model/story';
import { readCarried, unpack } from '../src/wire/carried';
import { coneOf } from '../src/wire/cone';
import { LabMomentSchema } from '../src/wire/gen/lab_pb';
import { EntrySchema, type Entry } from '../src/wire/gen/recording_pb';
import { CarriedSchema, WindowAskSchema, WindowSchema, type Window } from '../src/wire/gen/session_pb';
import { windowOf } from '../src/wire/window';

const ms = 1e6;

/** Two messages a 10 ms from lane 1 to lane 2, each 1 ms on its way; the last is lost. */
function whole(n = 20): Window {
    const each = <T>(of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));
    return create(WindowSchema, {
        newestNs: n * 5 * ms, names: ['Beat', 'kill', 'move'],
        sentNs: each(i => i * 5 * ms), receivedNs: each(i => (i === n - 1 ? 0 : i * 5 * ms + ms)),
        from: each(() => 1), to: each(() => 2), name: each(() => 0), fate: each(i => (i === n - 1 ? 3 : 1)),
        sendEvent: each(i => 2 * i + 1), receiveEvent: each(i => 2 * i + 2),
        markNs: [7 * ms, 52 * ms], markLane: [0, 2], markName: [1, 2], markEvent: [3, 22], markText: ['kill n2', 'moves'], markSpanNs: [0, 0],
        stateNs: [0, 0, 30 * ms], stateLane: [1, 2, 2], state: [1, 1, 3],
    });
}

function ask(fromNs: number, toNs: number, more: { columns?: number; messages?: number; counts?: boolean } = {}): Window {
    return windowOf(whole(), create(WindowAskSchema, { fromNs, toNs, columns: 100, ...more }));
}

describe('a span of a carried run', () => {
    it('has every message that is on its way in it, and the marks', () => {
        const w = ask(20.5 * ms, 40 * ms);
        expect(w.level).toBe(0);
        expect(w.sentNs).toEqual([20, 25, 30, 35, 40].map(n => n * ms)); // the first arrives in it
        expect(w.messages).toBe(4);
        expect(w.markNs).toEqual([]);
        expect(ask(0, 10 * ms).markText).toEqual(['kill n2']);
    });
    it('begins with how each lane was', () => {
        expect(ask(20 * ms, 25 * ms).state).toEqual([1, 1]);
        expect(ask(40 * ms, 50 * ms).state).toEqual([1, 3]);
        const w = ask(20 * ms, 40 * ms);
        expect([w.stateNs, w.state]).toEqual([[20 * ms, 20 * ms, 30 * ms], [1, 1, 3]]);
    });
    it('counts what is more than was asked for, and loses none', () => {
        const w = ask(0, 200 * ms, { messages: 3 });
        expect(w.level).toBeGreaterThan(0);
        expect(w.sentNs).toEqual([]);
        const sum = (name: string, of: number[]): number => of.reduce((n, count, i) => n + (w.names[w.binName[i] ?? 0] === name ? count : 0), 0);
        expect(sum('Beat', w.binCount)).toBe(20);
        expect(sum('Beat', w.binDrops)).toBe(1);
        expect(sum('receive', w.binTimed)).toBe(19);
        expect(sum('receive', w.binSumNs)).toBe(19 * ms);
        expect(sum('move', w.binCount)).toBe(1);
    });
    it('takes any nonsense for an ask', () => {
        for (const [from, to] of [[NaN, NaN], [-5, -9], [9e18, 1], [0, Infinity]] as const) {
            const w = ask(from, to);
            expect(w.toNs).toBeGreaterThanOrEqual(w.fromNs);
        }
    });
});

describe('what led to an event, and what it led to', () => {
    const entry = (ordinal: number, node: number, previous: number, cause: number): Entry =>
        create(EntrySchema, { ordinal: BigInt(ordinal), node, boot: 1, previous: BigInt(previous), cause: BigInt(cause) });
    // n1: e1, e3, e6   n2: e2, e4 (because of e3), e5   n3: e7 (because of e5)
    const entries = [entry(1, 1, 0, 0), entry(2, 2, 0, 0), entry(3, 1, 1, 0), entry(4, 2, 2, 3), entry(5, 2, 4, 0), entry(6, 1, 3, 0), entry(7, 3, 0, 5)];
    const cone = (ordinal: number): ReturnType<typeof coneOf> =>
        coneOf(entries, entries.map(e => Number(e.ordinal) * ms), of => (of > 0n ? Number(of) - 1 : undefined), ordinal - 1);

    it('follows lives and messages, both ways', () => {
        const { past, future, reaches } = cone(4);
        expect(past.map(i => i + 1)).toEqual([3, 2, 1]);
        expect(future).toBe(2); // e5, e7
        const of = (node: number): number[] => { const r = reaches.find(x => x.node === node); return [r?.pastFirst, r?.pastLast, r?.futureFirst, r?.futureLast].map(Number); };
        expect([of(1), of(2), of(3)]).toEqual([[1, 3, 0, 0], [2, 2, 5, 5], [0, 0, 7, 7]]);
    });
    it('ends where nothing came before or after', () => {
        expect(cone(1).past).toEqual([]);
        expect(cone(7).future).toBe(0);
    });
});

describe('how a recorded lab went', () => {
    const story = [[0, 1], [100, 1], [200, 2], [300, 3]].map(([at, beat]) => create(LabMomentSchema, { atNs: (at ?? 0) * ms, state: { beat: beat ?? 0 } }));

    it('is at any instant what it was then', () => {
        expect([-1, 0, 199, 200, 999].map(at => stateAt(story, at * ms)?.beat)).toEqual([1, 1, 1, 2, 3]);
        expect(stateAt([], 5)).toBeUndefined();
        expect([beganAt(story, 2), beganAt(story, 9)]).toEqual([200 * ms, undefined]);
    });
    it('is told in the time that its captions are written for', () => {
        const reader = new Reader(story, [2, 1, 1]);
        expect(reader.next(0, 150)).toBe(20 * ms); // 200 ms of the run in three quarters of 2 s
        expect(reader.next(199 * ms, 1350)).toBe(200 * ms - 1); // half a second is left
        expect(reader.next(200 * ms - 1, 600)).toBe(200 * ms);
        expect(reader.next(200 * ms, 75)).toBe(210 * ms);
        expect(reader.next(300 * ms, 5)).toBe(305 * ms); // its end: as it was
    });
    it('is never faster than it was', () => {
        expect(new Reader(story, [0.001, 1, 1]).next(0, 0.5)).toBe(0.5 * ms);
    });
});

describe('bytes that came with the page', () => {
    const good = { version: '1', opened: { run: { name: 'calm-otter' } }, status: {}, whole: whole() };
    const bytes = (of: Parameters<typeof create<typeof CarriedSchema>>[1]): Uint8Array => toBinary(CarriedSchema, create(CarriedSchema, of));

    it('are unpacked, and refused where they are not whole', async () => {
        const packed = gzipSync(bytes(good));
        expect(readCarried(await unpack(packed.toString('base64'))).opened.run?.name).toBe('calm-otter');
        await expect(unpack(packed.subarray(0, 40).toString('base64'))).rejects.toThrow('not whole');
        await expect(unpack('!!!')).rejects.toThrow('letters');
    });
    it('are refused where columns or orders do not fit', () => {
        expect(() => readCarried(new Uint8Array([255, 255]))).toThrow('another kind');
        expect(() => readCarried(bytes({ ...good, status: undefined }))).toThrow('missing');
        expect(() => readCarried(bytes({ ...good, entryNs: [1] }))).toThrow('events do not fit');
        const w = whole();
        expect(() => readCarried(bytes({ ...good, whole: { ...w, fate: w.fate.slice(1) } }))).toThrow('messages do not fit');
        expect(() => readCarried(bytes({ ...good, whole: { ...w, sentNs: [...w.sentNs].reverse() } }))).toThrow('no order');
        const twice = [1n, 1n].map(ordinal => create(EntrySchema, { ordinal }));
        expect(() => readCarried(bytes({ ...good, entries: twice, entryNs: [0, 0], entryKind: [0, 0], entryText: ['', ''] }))).toThrow('no order');
    });
});
