import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { across, along, distance, frameOf, heightFor, laneAt, liveView, lowerBound, place, ticks, timeAt, zoom } from '../src/timeline/geometry';
import { isGrave, mannerOf, shapeOf } from '../src/timeline/kinds';
import { endShare, hitTest, namedLanes, neighbour, sceneOf } from '../src/timeline/scene';
import { binned } from '../src/timeline/overview';
import { WindowSchema } from '../src/wire/gen/session_pb';

const lanes = [0, 1, 2, 3];
const view = { from: 1e9, to: 2e9 };
const frame = frameOf(false, 1088, heightFor(4), lanes);

describe('geometry', () => {
    it('takes times to places and back', () => {
        expect(along(frame, view, 1e9)).toBe(88);
        expect(along(frame, view, 2e9)).toBe(1088);
        for (const ns of [1e9, 1.25e9, 1.999e9]) expect(timeAt(frame, view, place(frame, view, ns, 2))).toBeCloseTo(ns, -1);
        for (const lane of lanes) expect(laneAt(frame, { x: 500, y: across(frame, lane) })).toBe(lane);
        expect(laneAt(frame, { x: 0, y: 9999 })).toBeUndefined();
    });
    it('stands upright on phones', () => {
        const up = frameOf(true, 390, 480, lanes);
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

describe('a scene', () => {
    const scene = sceneOf(window, lanes);
    it('has messages by the time they were sent', () => {
        expect(scene.strokes.map(s => s.send)).toEqual([10, 30, 40]);
        expect(scene.strokes[1]?.arrives).toBe(1.6e9); // as long as others took
    });
    it('crosses out the lost at half, and those to the dead before the end', () => {
        expect(scene.strokes.map(s => endShare(s.fate))).toEqual([1, 0.5, 0.93]);
    });
    it('joins the operator’s marks to what they hit', () => {
        expect(scene.marks[0]).toMatchObject({ shape: 'cross', hits: [3] });
        expect(namedLanes('cut n1,n2/n3', lanes)).toEqual([1, 2, 3]);
        expect(namedLanes('link all n3 --loss 5%', lanes)).toEqual([1, 2, 3]);
        expect(namedLanes('kill n9', lanes)).toEqual([]);
    });
    it('makes spans of states', () => {
        expect(scene.spans).toEqual([{ lane: 3, from: 0, to: 1.552e9, state: 1 }, { lane: 3, from: 1.552e9, to: Infinity, state: 3 }]);
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
    it('adds up messages and bins', () => {
        const w = create(WindowSchema, { sentNs: [1, 2, 99], fate: [1, 3, 1], binNs: [50], binCount: [7], binDrops: [2] });
        expect(binned(w, 2, 100)).toEqual([{ count: 2, drops: 1 }, { count: 8, drops: 2 }]);
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
        expect(shapeOf('heartbeat.Opinion')).toBe('square');
        expect(isGrave(shapeOf('exit'))).toBe(true);
        expect(isGrave(shapeOf('append'))).toBe(false);
    });
});
