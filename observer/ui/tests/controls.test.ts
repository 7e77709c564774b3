import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { inUnit, learnLine } from '../src/model/faults';
import { commandsFor, slidersFor } from '../src/model/commands';
import { measuredWords } from '../src/model/answer';
import { linkFigures } from '../src/model/link';
import { endsOf, fieldsOf, headline } from '../src/model/inspect';
import { perByte, ruler } from '../src/stages/scale';
import { ControlSchema, ExerciseSchema, ExerciseStateSchema } from '../src/wire/gen/lab_pb';
import { happenings } from './recorded';

const names = ['n1', 'n2', 'n3'];
const nameOf = (n: number): string => (n === 0 ? 'you' : `n${n}`);

describe('what commands have set', () => {
    it('is learnt of the nodes that a line is about', () => {
        const one = learnLine({}, 'link all n2 --loss 20% --jitter 5ms', names);
        expect(one).toEqual({ 'link n2 loss': '20%', 'link n2 jitter': '5ms' });
        expect(learnLine(one, 'orrery link n1 n2 --loss 0', names)).toMatchObject({ 'link n1 loss': '0', 'link n2 loss': '0' });
        expect(learnLine({}, 'disk all --slow 40ms', names)).toEqual({ 'disk n1 slow': '40ms', 'disk n2 slow': '40ms', 'disk n3 slow': '40ms' });
        expect(learnLine({}, 'set n1,n3 phi=5 window=30', names)).toEqual({ 'set n1 phi': '5', 'set n1 window': '30', 'set n3 phi': '5', 'set n3 window': '30' });
        expect(Object.keys(learnLine({}, 'set all phi=5', names))).toEqual(['set n1 phi', 'set n2 phi', 'set n3 phi']);
    });
    it('ends with heal, for links, and with --well, for disks', () => {
        const told = { 'link n2 loss': '20%', 'disk n1 slow': '40ms', 'set n1 phi': '8' };
        expect(learnLine(told, 'heal', names)).toEqual({ 'disk n1 slow': '40ms', 'set n1 phi': '8' });
        expect(learnLine(told, 'disk n1 --well', names)).toEqual({ 'link n2 loss': '20%', 'set n1 phi': '8' });
        expect(learnLine(told, 'kill n1', names)).toBe(told);
    });
    it('is put in the unit of the slider', () => {
        expect(inUnit('20%', '%')).toBe(20);
        expect(inUnit('1s', 'ms')).toBe(1000);
        expect(inUnit('500us', 'ms')).toBe(0.5);
        expect(inUnit('0', 'ms')).toBe(0);
        expect(inUnit('what', 'ms')).toBe(0);
    });
});

describe('controls', () => {
    const of = (c: Parameters<typeof create<typeof ControlSchema>>[1]) => create(ControlSchema, c);
    it('stand where the last command put them', () => {
        const loss = of({ kind: 'link', title: 'Loss', setting: 'loss', max: 90, step: 5, unit: '%' });
        const [slider] = slidersFor([loss], 'n2', 1, { 'link n2 loss': '20%' });
        expect(slider).toMatchObject({ label: 'Loss n2', initial: 20 });
        expect(slider?.line('35')).toBe('link all n2 --loss 35%');
        expect(slidersFor([loss], 'n1', 1, { 'link n2 loss': '20%' })[0]?.initial).toBe(0);
    });
    it('are for a group where the lab says so', () => {
        const members = (group: string): string[] => (group === 'gateways' ? ['n2', 'n3'] : []);
        const all = [of({ kind: 'do', title: 'Empty', setting: 'empty', group: 'gateways' }), of({ kind: 'setting', setting: 'limit', min: 1, max: 9, group: 'gateways' })];
        expect(commandsFor(all, 'n1', 'killed', members).find(c => c.line === 'do n2,n3 empty')?.can).toBe(true);
        const [slider] = slidersFor(all, 'n1', 1, { 'set n1 limit': '1', 'set n2 limit': '7' }, members);
        expect(slider?.initial).toBe(7);
        expect(slider?.line('8')).toBe('set n2,n3 limit=8');
    });
    it('make breakpoints, tearing power cuts, full disks and orders of a protocol', () => {
        const all = [
            of({ kind: 'kill' }), of({ kind: 'power', title: 'Cut the power', choices: ['all', 'random'] }),
            of({ kind: 'break', title: 'Crash at', choices: ['written log=wal'] }),
            of({ kind: 'disk', title: 'Full disk', setting: 'full', choices: ['full', 'well'] }), of({ kind: 'do', title: 'Checkpoint', setting: 'checkpoint' }),
        ];
        expect(commandsFor(all, 'n1', 'running').map(c => c.line)).toContain('do n1 checkpoint');
        expect(slidersFor(all, 'n1', 1, {}).map(s => s.line(s.choices[0] ?? ''))).toEqual([
            'disk n1 --full', 'power n1 --lose all', "break n1 --at 'written log=wal' --then kill", "break n1 --at 'written log=wal' --then power",
        ]);
    });
});

describe('a measured answer', () => {
    const words = (measure: string, when: string[], measuredNumber: number) =>
        measuredWords(create(ExerciseSchema, { measure, when }), create(ExerciseStateSchema, { measuredNumber }));
    it('has its unit', () => {
        expect(words('detection of=n3', ['< 150 ms', '>= 150 ms'], 263)).toBe('263\u2009ms');
        expect(words('field of=killed name=lost_bytes', ['= 0', '> 0'], 2224)).toBe('2224 lost bytes');
        expect(words('field of=nudged name=slope', ['< 0', '> 0'], -0.01234567)).toBe('a slope of -0.01235');
        expect(words('worst-window on=n7,n8', ['= 8', '= 16'], 16)).toBe('16 in the worst window');
        expect(words('first-admitted after=quiet', ['= 2', '= 4'], 2)).toBe('n2 was first');
        expect(words('ratio of=wild to=calm name=set_loss', ['< 10', '>= 10'], 68.808)).toBe('68.8 times as much');
        expect(words('mistakes of=n5', ['= 0', '>= 1'], 0)).toBe('0 mistakes');
        expect(measuredWords(create(ExerciseSchema, { number: { unit: 's', min: 0, max: 9 } }), create(ExerciseStateSchema, { measuredNumber: 1.5 }))).toBe('1.5\u2009s');
    });
});

describe('the inspector', () => {
    const all = happenings('heartbeat.tells.gz');
    const first = (body: string) => all.find(h => h.body === body)!;
    it('says what happened in a headline', () => {
        expect(headline(first('exit'), nameOf)).toBe('n3 is killed −9');
        expect(headline(first('operator'), nameOf)).toMatch(/^(kill|pause|set|link)/);
        expect(headline(first('start'), nameOf)).toBe('Life 1 begins');
        expect(headline(first('receive'), nameOf)).toMatch(/^Beat from n\d$/);
        for (const h of all) expect(headline(h, nameOf)).not.toMatch(/undefined|NaN/);
    });
    it('tells fields once: what is a link or in the lead is not among them', () => {
        const names = fieldsOf(first('exit'), undefined, nameOf).map(f => f.name);
        expect(names).toContain('signal');
        expect(names).not.toContain('because');
        expect(new Set(names).size).toBe(names.length);
    });
    it('knows the ends of a message', () => {
        const receive = all.find(h => h.event.body.case === 'receive');
        if (receive?.event.body.case === 'receive') expect(endsOf(receive)).toEqual([receive.event.body.value.from, receive.node]);
        expect(endsOf(first('exit'))).toBeUndefined();
    });
    it('counts a link in one direction', () => {
        const one = (from: number, to: number, fate: number, arrives: number) => ({ from, to, fate, sent: 0, arrives });
        expect(linkFigures([one(1, 2, 1, 5e6), one(1, 2, 3, 0)])).toEqual({ sent: 2, received: 1, lost: 1, median: 5e6, p99: 5e6 });
        expect(linkFigures([]).sent).toBe(0);
    });
});

describe('the tape’s scale', () => {
    it('has the newest records in view, and small ones not larger than life', () => {
        expect(perByte([30, 40], 700)).toBe(1.5);
        const sizes = Array.from({ length: 40 }, () => 2000);
        const scale = perByte(sizes, 700);
        expect(scale * 2000 * 9).toBeLessThanOrEqual(700);
        expect(scale * 2000 * 9).toBeGreaterThan(300);
        expect(perByte([], 700)).toBe(1.5);
        expect(perByte(sizes, 0)).toBe(1.5);
    });
    it('has a ruler of a round number of bytes', () => {
        for (const scale of [1.5, 0.25, 0.03]) {
            const { bytes, width } = ruler(scale);
            expect(Math.log2(bytes) % 1).toBe(0);
            expect(width).toBeGreaterThan(35);
            expect(width).toBeLessThan(110);
        }
    });
});
