import { describe, expect, it } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { RecordingSchema } from '../src/wire/gen/session_pb';
import { crossed, cutLines, healLine, isCut, linksOf, ring, type Pair } from '../src/model/cutting';
import { madeBy, nameFor, partSize, send, sizeMost } from '../src/model/library';
import { parseRoute, routeText, sandboxLine } from '../src/model/route';
import type { Answer, Question } from '../src/wire/socket';

const names = (node: number): string => `n${node}`;

describe('cutting by drawing', () => {
    const places = ring([1, 2, 3, 4, 5], 640, 400, 40);
    const links = linksOf(places);
    it('crosses what the stroke goes over, each link once', () => {
        expect(links).toHaveLength(10);
        const across = [{ x: 0, y: 100 }, { x: 320, y: 100 }, { x: 640, y: 100 }];
        const there = crossed(links, [...across, ...across.slice().reverse()]);
        expect(there.map(p => p.join('-')).sort()).toEqual(['1-2', '1-3', '1-4', '1-5']);
        expect(crossed(links, [{ x: 0, y: 0 }, { x: 640, y: 2 }])).toEqual([]);
    });
    it('is one command where it parts the cluster, else one for each link', () => {
        const partition: Pair[] = [[1, 3], [1, 4], [2, 3], [2, 4]];
        expect(cutLines(partition, names)).toEqual(['cut n1,n2/n3,n4']);
        expect(cutLines(partition.slice(1), names)).toEqual(['link n1 n4 --cut', 'link n2 n3 --cut', 'link n2 n4 --cut']);
        expect(cutLines([[1, 2], [2, 3], [1, 3]], names)).toHaveLength(3); // a triangle has no two sides
        expect(cutLines([[2, 5]], names)).toEqual(['cut n2/n5']);
        expect(cutLines([], names)).toEqual([]);
        expect(healLine([2, 5], names)).toBe('link n2 n5 --no-cut');
    });
    it('reads from the cluster what is cut', () => {
        expect(isCut(['n1 to n2: cut'], [1, 2])).toBe(true);
        expect(isCut(['n2 to n1: delay 3ms cut'], [1, 2])).toBe(true);
        expect(isCut(['n1 to n2: loss 10%'], [1, 2])).toBe(false);
        expect(isCut(['n12 to n2: cut'], [1, 2])).toBe(false);
        expect(isCut(['n3 to all: cut'], [1, 3])).toBe(true);
        expect(isCut(['n3 to all: cut', 'n3 to n1: well'], [1, 3])).toBe(false);
        expect(isCut(['every link: cut'], [4, 5])).toBe(true);
        expect(isCut(['disk slow 3ms'], [4, 5])).toBe(false);
    });
});

describe('a recording that is sent', () => {
    const file = (bytes: number): Blob & { name: string } => Object.assign(new Blob([new Uint8Array(bytes).fill(7)]), { name: 'my run.orr' });
    it('goes in parts, the first with its name, one after another', async () => {
        const parts: [string, number, boolean, boolean][] = [];
        const shares: number[] = [];
        const name = await send(async (q: Question): Promise<Answer> => {
            if (q.case === 'part') parts.push([q.value.name, q.value.bytes.length, q.value.first, q.value.last]);
            return { case: 'done', value: { $typeName: 'orrery.Done', sentence: 'my-run-2.orr', ordinal: 0n } };
        }, file(2 * partSize + 5), share => shares.push(share));
        expect(name).toBe('my-run-2.orr');
        expect(parts).toEqual([['my-run.orr', partSize, true, false], ['my-run.orr', partSize, false, false], ['my-run.orr', 5, false, true]]);
        expect(shares.at(-1)).toBe(1);
    });
    it('ends at the first refusal, and is not begun when it is too large', async () => {
        let asked = 0;
        const no = async (): Promise<Answer> => {
            asked++;
            throw new Error('the disk is full');
        };
        await expect(send(no, file(3 * partSize), () => undefined)).rejects.toThrow('disk is full');
        expect(asked).toBe(1);
        await expect(send(no, Object.defineProperties(new Blob([]), { name: { value: 'a.orr' }, size: { value: sizeMost + 1 } }) as Blob & { name: string }, () => undefined)).rejects.toThrow('512');
        expect(asked).toBe(1);
    });
    it('gets a name that the observer takes', () => {
        expect(nameFor('calm-otter.orr')).toBe('calm-otter.orr');
        expect(nameFor('../../etc/pass wd.ORR')).toBe('etc-pass-wd.orr');
        expect(nameFor('äöü')).toBe('recording.orr');
        expect(nameFor('x'.repeat(300)).length).toBeLessThan(100);
    });
    it('says what made it', () => {
        const of = (line: string): string => madeBy(create(RecordingSchema, { run: { line, protocol: 'kv' } }), lab => lab.toUpperCase());
        expect(of('orrery run wal --sim')).toBe('WAL');
        expect(of('orrery sandbox kv --nodes 1')).toBe('Sandbox: kv');
        expect(of('')).toBe('kv');
    });
});

describe('addresses', () => {
    it('say where one looks, and what a sandbox is to run', () => {
        for (const text of ['#/recordings', '#/sandbox', '#/recording/calm-otter.orr', '#/recording/A_1.orr?at=2.5&event=17', '#/run/calm-otter?at=0&event=3', '#/sandbox/kv/sim/3?seed=7&set=sync%3Deach&flaw=ack-before-sync'])
            expect(routeText(parseRoute(text))).toBe(text);
        for (const text of ['#/recording/../x.orr', '#/recording/.x.orr', '#/recording/x', '#/recording/x.orr.y']) expect(parseRoute(text)).toEqual({ page: 'catalogue' });
        expect(parseRoute('#/recording/a.orr?at=-1&event=x')).toEqual({ page: 'recording', name: 'a.orr' });
        expect(parseRoute('#/sandbox/kv?seed=x&set=bad&flaw=A%20B')).toEqual({ page: 'sandbox', name: 'kv', simulated: false, nodes: 0 });
    });
    it('have a command line', () => {
        expect(sandboxLine({ name: 'kv', simulated: true, nodes: 3, seed: '7', settings: ['sync=each'], flaws: ['x-y'] })).toBe('orrery sandbox kv --nodes 3 --sim --seed 7 --set sync=each --flaw x-y');
        expect(sandboxLine({ name: 'kv', simulated: false, nodes: 0 })).toBe('orrery sandbox kv');
    });
});
