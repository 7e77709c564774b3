import { describe, expect, it } from 'vitest';
import { apply, wal, type Wal } from '../src/stages/wal';
import { crc32c, encodeRecord, hex } from '../src/stages/record';
import { fixture, happenings } from './recorded';

const all = happenings('wal.tells.gz');
const fold = (upto: (i: number) => boolean): Wal => all.filter((_, i) => upto(i)).reduce(apply, wal.initial);
const indexOf = (what: (h: (typeof all)[number]) => boolean): number => all.findIndex(what);
const exitOf = (node: number): number =>
    indexOf(h => h.event.body.case === 'exit' && h.event.body.value.node === node);

/** The log as the stage rebuilt it, as one run of bytes. */
function tape(s: Wal, node: number): Uint8Array {
    // What the step has emitted and the kernel not yet got is in the process only.
    const records = (s.stores[node]?.records ?? []).filter(r => r.fate === 'written' || r.fate === 'durable');
    const end = Math.max(...records.map(r => r.offset + r.size));
    const out = new Uint8Array(end);
    for (const r of records) if (r.bytes) out.set(r.bytes, r.offset);
    return out;
}

describe('records', () => {
    it('has the checksum of the published vector', () => {
        expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    });
    it('lays the header out as record.h says', () => {
        const r = encodeRecord(0x0102, 0x0100, 7, new Uint8Array([0xaa]));
        expect(hex(r.subarray(4))).toBe('01 00 00 00 02 01 00 00 00 00 00 00 01 00 00 00 07 aa');
    });
});

describe('the log of a real run', () => {
    it('is rebuilt to the byte as it lay on disk after kill −9', () => {
        const s = fold(i => i <= exitOf(1));
        expect(hex(tape(s, 1))).toBe(hex(fixture('n1-wal.log')));
    });
    it('is rebuilt to the byte as it was before the power cut', () => {
        const s = fold(i => i < exitOf(2));
        expect(hex(tape(s, 2))).toBe(hex(fixture('n2-wal-before.log')));
    });
    it('knows which records the power cut leaves in doubt, and which it took', () => {
        const cut = fold(i => i <= exitOf(2)).stores[2];
        expect(cut?.death?.how).toBe('power');
        expect(cut?.death?.lostBytes).toBeGreaterThan(0);
        const doubtful = cut?.records.filter(r => r.fate === 'doubtful') ?? [];
        expect(doubtful.length).toBeGreaterThan(0);
        const end = fold(() => true).stores[2];
        const lost = end?.records.filter(r => r.fate === 'lost') ?? [];
        expect(lost.length).toBeGreaterThan(0);
        expect(doubtful.map(r => r.lsn)).toEqual(expect.arrayContaining(lost.map(r => r.lsn)));
        expect(end?.replay?.cut).toBe(lost[0]?.lsn);
        // What was taken stays told after others have taken its place on the tape.
        expect(end?.gone.map(r => r.lsn)).toEqual(lost.map(r => r.lsn));
        expect(cut?.death?.unsynced).toBeGreaterThanOrEqual(cut?.death?.lostBytes ?? Infinity);
        // Nothing that a client was told of is among them.
        expect(lost.some(r => r.acked)).toBe(false);
    });
    it('loses nothing to kill −9', () => {
        const end = fold(() => true).stores[1];
        expect(end?.death?.how).toBe('kill');
        expect(end?.records.filter(r => r.fate === 'lost')).toEqual([]);
        expect(end?.gone).toEqual([]);
        expect(end?.replay?.done).toBe(true);
        expect(end?.life).toBe('running');
        expect(end?.keys).toBe(6);
    });
    it('replays record by record', () => {
        const first = indexOf(h => h.node === 1 && h.boot === 2 && h.event.body.case === 'recovered' && h.event.body.value.log === 1);
        const s = fold(i => i <= first).stores[1];
        expect(s?.replay?.done).toBe(false);
        expect(s?.records.filter(r => r.replayed)).toHaveLength(1);
    });
    it('shows pages behind the log, and their images', () => {
        const pages = fold(() => true).stores[1]?.pages ?? [];
        expect(pages).toHaveLength(4);
        expect(pages.some(p => p.image > 0)).toBe(true);
        // An image on disk never has what its page in memory has not.
        for (const p of pages) expect(p.disk).toBeLessThanOrEqual(p.lsn);
        expect(pages.some(p => p.image > 0 && p.disk > 0)).toBe(true);
    });
});
