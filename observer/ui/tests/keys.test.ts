// What the keyboard does, and what one may change of it.
import { describe, expect, it } from 'vitest';
import { allDeeds, deedFor, keyLabel, readBound, refusal, usualKeys, writeBound } from '../src/model/keys';
import { commandsFor, slidersFor, usualControls } from '../src/model/commands';

describe('keys', () => {
    it('have one deed each, and no deed is without one', () => {
        expect(new Set(Object.values(usualKeys)).size).toBe(allDeeds.length);
        expect([' ', 'K', 'ArrowLeft', '=', '−', '?'].map(key => deedFor(usualKeys, key))).toEqual(['play', 'kill', 'earlier', 'closer', 'wider', 'keys']);
        expect(deedFor(usualKeys, 'ä')).toBeUndefined();
        expect([' ', 'arrowleft', 'k', 'pageup'].map(keyLabel)).toEqual(['Space', '←', 'K', 'Pageup']);
    });
    it('are changed, unless the key is taken or needed', () => {
        expect(refusal(usualKeys, 'kill', 'j')).toBe('');
        expect(refusal(usualKeys, 'kill', 'K')).toBe('');
        expect(refusal(usualKeys, 'kill', 'p')).toContain('pause, resume');
        expect(refusal(usualKeys, 'kill', '3')).toContain('nodes');
        expect(refusal(usualKeys, 'kill', 'Enter')).toContain('move about');
    });
    it('are kept as what differs, and read with a pinch of salt', () => {
        const mine = { ...usualKeys, kill: 'j' };
        expect(writeBound(mine)).toBe('{"kill":"j"}');
        expect(readBound(writeBound(mine))).toEqual(mine);
        for (const bad of [null, '', 'nonsense', 'null', '7', '{"kill":"p","fly":"q","heal":9,"cut":"Tab"}']) expect(readBound(bad)).toEqual(usualKeys);
    });
});

describe('a cluster without a lab', () => {
    const offered = (nodes: number, its: { module: boolean; logs: boolean }): string[] => {
        const controls = usualControls(its, nodes);
        return [...commandsFor(controls, 'n1', 'running').map(c => c.line), ...slidersFor(controls, 'n1', 1, {}).map(s => s.line('1'))];
    };
    it('is offered what its nodes have: links where there are two, a disk where there is a log', () => {
        expect(offered(3, { module: false, logs: false })).toEqual(['kill n1', 'pause n1', 'restart n1', 'link n1 all --cut', 'heal', 'link all n1 --loss 1%', 'link all n1 --delay 1ms', 'link all n1 --jitter 1ms', 'pace 1']);
        expect(offered(1, { module: false, logs: true })).toEqual(['kill n1', 'pause n1', 'restart n1', 'disk n1 --slow 1ms', 'pace 1']);
        expect(offered(2, { module: true, logs: false })).toEqual(['kill n1', 'pause n1', 'restart n1', 'pace 1']);
    });
});
