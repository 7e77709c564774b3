import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { across, along, distance, frameOf, heightFor, isInSight, laneAt, liveView, lowerBound, place, scrollMost, ticks, timeAt, zoom } from '../src/timeline/geometry';
import { isGrave, mannerOf, shapeOf } from '../src/timeline/kinds';
import { crowdOf, hitTest, ledTo, neighbour, sceneOf, type Scene } from '../src/timeline/scene';
import { counted, endShare, namedLanes, tileOf } from '../src/timeline/tile';
import { binned } from '../src/timeline/overview';
import { WindowSchema } from '../src/wire/gen/session_pb';

const lanes = [0, 1, 2, 3];
const view = { from: 1e9, to: 2e9 };
const frame = frameOf(false, { width: 1088, height: heightFor(4, false, 400), charge: false }, lanes);

describe('geometry', () => {
    it('takes times to places and back', () => {
        expect(along(frame, view, 1e9)).toBe(88);
        expect(along(frame, view, 2e9)).toBe(1088);
        for (const ns of [1e9, 1.25e9, 1.999e9]) expect(timeAt(frame, view, place(frame, view, ns, 2))).toBeCloseTo(ns, -1);
        for (const lane of lanes) expect(laneAt(frame, { x: 500, y: across(frame, lane) })).toBe(lane);
        expect(laneAt(frame, { x: 0, y: 9999 })).toBeUndefined();
    });
    it('stands upright on phones', () => {
        const up = frameOf(true, { width: 390, height: 480, charge: false }, lanes);
        const p = place(up, view, 1.5e9, 1);
        expect(p.x).toBe(across(up, 1));
        expect(timeAt(up, view, p)).toBeCloseTo(1.5e9, -1);
    });
    it('leaves a tenth ahead of the live needle', () => {
        const live = liveView(10e9, 4e9);
        expect(along(frame, live, 10e9)).toBeCloseTo(88 + 900, 6);
    });
    it('zooms around the pointer', () => {
        const z = zoom(view, 0.5, 1.25e9);
        expect(z.to - z.from).toBe(0.5e9);
        expect(along(frame, z, 1.25e9)).toBeCloseTo(along(frame, view, 1.25e9), 6);
        expect(zoom(view, 1e-9, 1.5e9).to - zoom(view, 1e-9, 1.5e9).from).toBe(1e6);
    });
    it('puts ticks at round instants, apart', () => {
        const t = ticks(view, 1000, 84);
        expect(t.map(one => one.label)).toEqual(['1.0', '1.1', '1.2', '1.3', '1.4', '1.5', '1.6', '1.7', '1.8', '1.9', '2.0']);
        expect(ticks({ from: 0, to: 5e6 }, 1000, 84)[1]?.label).toBe('0.0005');
        for (const span of [1e6, 7e7, 3e9, 8e11]) {
            const all = ticks({ from: 0, to: span }, 1000, 84);
            expect(all.length).toBeGreaterThan(1);
            expect(all.length).toBeLessThan(13);
        }
    });
    it('scrolls lanes that have no room, and keeps the pinned', () => {
        const many = Array.from({ length: 40 }, (_, i) => i);
        const room = { width: 1088, height: heightFor(40, false, 300), charge: false, pinned: 1 };
        const still = frameOf(false, room, many);
        expect(still.pitch).toBe(22);
        expect(scrollMost(still)).toBeGreaterThan(500);
        const scrolled = frameOf(false, { ...room, scroll: 220 }, many);
        expect(across(scrolled, 0)).toBe(across(still, 0));
        expect(isInSight(scrolled, 5)).toBe(false);
        expect(across(scrolled, 5)).toBe(scrolled.first + scrolled.pitch); // gathered at the edge
        expect(isInSight(scrolled, 15)).toBe(true);
        expect(laneAt(scrolled, { x: 500, y: across(scrolled, 15) })).toBe(15);
        expect(laneAt(scrolled, { x: 500, y: across(scrolled, 0) })).toBe(0);
    });
    it('measures distance to a stroke, not to its line', () => {
        expect(distance({ x: 5, y: 3 }, { x: 0, y: 0 }, { x: 10, y: 0 })).toBe(3);
        expect(distance({ x: 14, y: 3 }, { x: 0, y: 0 }, { x: 10, y: 0 })).toBe(5);
        expect(distance({ x: 3, y: 4 }, { x: 0, y: 0 }, { x: 0, y: 0 })).toBe(5);
        expect(lowerBound([1, 3, 3, 7], 3)).toBe(1);
        expect(lowerBound([], 3)).toBe(0);
    });
});

const window = create(WindowSchema, {
    fromNs: 1e9, toNs: 2e9, newestNs: 2e9, names: ['Beat', 'kill', 'exit', 'append'],
    sentNs: [1.5e9, 1.1e9, 1.6e9], receivedNs: [0, 1.2e9, 0], from: [1, 1, 2], to: [2, 3, 3], name: [0, 0, 0],
    fate: [3, 1, 100], sendEvent: [30, 10, 40], receiveEvent: [0, 20, 0],
    markNs: [1.55e9, 1.552e9, 1.3e9], markLane: [0, 3, 2], markName: [1, 2, 3], markEvent: [35, 36, 25], markText: ['kill n3', '', ''],
    stateNs: [0, 1.552e9], stateLane: [3, 3], state: [1, 3],
});

const tile = tileOf(window, lanes);
const scene: Scene = sceneOf([{ tile, from: -Infinity, to: 3e9 }], view, 2e9);

describe('a scene', () => {
    it('has messages by the time they were sent', () => {
        expect([...tile.messages.send]).toEqual([10, 30, 40]);
        expect(tile.messages.arrives[1]).toBe(1.6e9); // as long as others took
    });
    it('crosses out the lost at half, and those to the dead before the end', () => {
        expect([...tile.messages.fate].map(endShare)).toEqual([1, 0.5, 0.93]);
    });
    it('knows where messages led', () => {
        expect(ledTo(scene, 10)).toEqual([20]);
        expect(ledTo(scene, 30)).toEqual([]);
    });
    it('is as crowded where messages are counted as where each is told, so that no level asks for the other', () => {
        // n1 says the same to all four others, twenty times.
        const times = Array.from({ length: 20 }, (_, i) => 1e9 + i * 4e7);
        const each = times.flatMap((ns, i) => [2, 3, 4, 5].map(to => ({ ns, to, send: 10 * i + 1 })));
        const told = tileOf(create(WindowSchema, {
            fromNs: 1e9, toNs: 2e9, newestNs: 3e9, names: ['Beat'],
            sentNs: each.map(m => m.ns), receivedNs: each.map(m => m.ns + 1e6), from: each.map(() => 1), to: each.map(m => m.to), name: each.map(() => 0),
            fate: each.map(() => 1), sendEvent: each.map(m => m.send), receiveEvent: each.map(m => m.send + m.to),
        }), [0, 1, 2, 3, 4, 5]);
        const all = [1, 2, 3, 4, 5];
        const bins = create(WindowSchema, {
            fromNs: 1e9, toNs: 2e9, newestNs: 3e9, level: 12, messages: 20, names: ['Beat', 'receive'],
            binNs: [1e9, ...all.slice(1).map(() => 1e9)], binLane: all, binName: [0, 1, 1, 1, 1], binCount: [20, 20, 20, 20, 20],
            binDrops: [0, 0, 0, 0, 0], binTimed: [0, 20, 20, 20, 20], binLeastNs: all.map(() => 1e6), binMostNs: all.map(() => 1e6), binSumNs: all.map(() => 2e7),
        });
        const crowd = (t: typeof tile): unknown => crowdOf(sceneOf([{ tile: t, from: -Infinity, to: 2e9 }], { from: 1e9, to: 2e9 }, 3e9), { from: 1e9, to: 2e9 }, 1000);
        expect(crowd(tileOf(bins, [0, ...all]))).toEqual(crowd(told));
    });
    it('counts what is in view, and how close it stands', () => {
        const crowd = crowdOf(scene, view, 1000);
        expect(crowd.messages).toBe(3);
        expect(crowd.gap).toBe(1000);
        expect(crowdOf(scene, { from: 1e9, to: 1.5e9 }, 1000).messages).toBe(1.5); // evenly, as far as a tile tells
    });
    it('counts messages by hand where a level wants counts', () => {
        const bins = counted(tile, 0.5e9).bins;
        expect([...(bins.get(1)?.counts ?? [])].reduce((a, n) => a + n, 0)).toBe(2);
        expect([...(bins.get(2)?.drops ?? [])].reduce((a, n) => a + n, 0)).toBe(1);
    });
    it('joins the operator’s marks to what they hit', () => {
        expect(scene.marks[0]).toMatchObject({ shape: 'cross', hits: [3] });
        expect(namedLanes('cut n1,n2/n3', lanes)).toEqual([1, 2, 3]);
        expect(namedLanes('link all n3 --loss 5%', lanes)).toEqual([1, 2, 3]);
        expect(namedLanes('kill n9', lanes)).toEqual([]);
    });
    it('makes spans of states', () => {
        expect(scene.spans).toEqual([{ lane: 3, from: 0, to: 1.552e9, state: 1, term: 0 }, { lane: 3, from: 1.552e9, to: 3e9, state: 3, term: 0 }]);
    });
    it('finds what is under the pointer: marks first, then the nearer end', () => {
        const at = place(frame, view, 1.55e9, 0);
        expect(hitTest(scene, frame, view, { x: at.x + 3, y: at.y }, 6)?.event).toBe(35);
        const near = place(frame, view, 1.11e9, 1);
        expect(hitTest(scene, frame, view, near, 14)?.event).toBe(10);
        const end = place(frame, view, 1.199e9, 3);
        expect(hitTest(scene, frame, view, { x: end.x, y: end.y - 3 }, 14)?.event).toBe(20);
        // Past the cross of a lost message there is nothing.
        const beyond = place(frame, view, 1.59e9, 2);
        expect(hitTest(scene, frame, view, beyond, 4)?.event ?? 0).not.toBe(30);
        expect(hitTest(scene, frame, view, { x: 200, y: 9 }, 6)).toBeUndefined();
    });
    it('steps from event to event', () => {
        expect(neighbour(scene, 1.1e9, true)).toEqual({ ns: 1.2e9, event: 20 });
        expect(neighbour(scene, 1.5e9, false)).toEqual({ ns: 1.3e9, event: 25 });
        expect(neighbour(scene, 2e9, true)).toBeUndefined();
    });
});

describe('the overview', () => {
    it('adds up messages and bins, by kind', () => {
        const w = create(WindowSchema, {
            names: ['Beat', 'append', 'receive'], sentNs: [1, 2, 99], name: [0, 0, 0], fate: [1, 3, 1],
            binNs: [50, 50, 50], binName: [0, 1, 2], binCount: [7, 4, 100], binDrops: [2, 0, 0],
        });
        expect(binned(w, 2, 100)).toEqual([{ count: 2, drops: 1, kinds: [2, 0, 0, 0, 0] }, { count: 12, drops: 2, kinds: [8, 0, 0, 0, 0] }]);
        expect(binned(w, 0, 100)).toHaveLength(1);
    });
});

describe('kinds', () => {
    it('are told from names', () => {
        expect(mannerOf('heartbeat.Beat').kind).toBe('beat');
        expect(mannerOf('RequestVoteReply')).toMatchObject({ kind: 'vote', reply: true });
        expect(mannerOf('AppendRejected')).toMatchObject({ kind: 'data', refusal: true });
        expect(mannerOf('Whatever').kind).toBe('request');
        expect(shapeOf('power')).toBe('cross');
        expect(shapeOf('heartbeat.Opinion', 'n1: heartbeat.Opinion peer=3 suspected=true')).toBe('hourglass');
        expect(shapeOf('heartbeat.Opinion', 'n1: heartbeat.Opinion peer=3 suspected=false')).toBe('square');
        expect(shapeOf('move', 'n1: role candidate -> leader')).toBe('diamond');
        expect(shapeOf('link', 'link n1 all --cut')).toBe('cut');
        expect(isGrave(shapeOf('exit'))).toBe(true);
        expect(isGrave(shapeOf('append'))).toBe(false);
    });
});
