// A log record's bytes, as node/store/record.h lays them out:
//   crc32c 4 of all that follows | length 4 | lsn 8 | behind 4 | type 1 | body; little-endian.

export const headerBytes = 21;
export const behindAll = 0xffffffff;

const table = new Uint32Array(256).map((_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    return c >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
    let c = 0xffffffff;
    for (const b of bytes) c = (c >>> 8) ^ (table[(c ^ b) & 255] ?? 0);
    return (c ^ 0xffffffff) >>> 0;
}

/** `synced`: the newest record known to be synced when this one was written. */
export function encodeRecord(lsn: number, synced: number, type: number, body: Uint8Array): Uint8Array {
    const out = new Uint8Array(headerBytes + body.length);
    const view = new DataView(out.buffer);
    view.setUint32(4, body.length, true);
    view.setBigUint64(8, BigInt(lsn), true);
    view.setUint32(16, Math.min(lsn - 1 - synced, behindAll), true);
    out[20] = type;
    out.set(body, headerBytes);
    view.setUint32(0, crc32c(out.subarray(4)), true);
    return out;
}

export type Part = 'crc' | 'length' | 'lsn' | 'behind' | 'type' | 'body';

/** The parts of a record and how many bytes each takes, in the order of the disk. */
export function partsOf(size: number): [Part, number, number][] {
    return [
        ['crc', 0, 4], ['length', 4, 8], ['lsn', 8, 16], ['behind', 16, 20], ['type', 20, 21],
        ['body', headerBytes, size],
    ];
}

export function hex(bytes: Uint8Array): string {
    return [...bytes].map(b => b.toString(16).padStart(2, '0')).join(' ');
}

export function ascii(bytes: Uint8Array): string {
    return [...bytes].map(b => (b >= 32 && b < 127 ? String.fromCharCode(b) : '·')).join('');
}
