// The fields of a protobuf message, one after the other, without anything made of them.

export const wires = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 };

export class Malformed extends Error {}

export class Fields {
    number = 0;
    wire = 0;
    value = 0; // of a varint; above 2^53 only about
    from = 0; // of all others: where they lie
    to = 0;

    constructor(private readonly bytes: Uint8Array, private at = 0, private readonly end = bytes.length) {}

    next(): boolean {
        if (this.at === this.end) return false;
        const key = this.varint();
        this.wire = key % 8;
        this.number = (key - this.wire) / 8;
        if (this.wire === wires.varint) {
            this.value = this.varint();
            return true;
        }
        const length = this.wire === wires.bytes ? this.varint() : this.wire === wires.fixed64 ? 8 : this.wire === wires.fixed32 ? 4 : Infinity;
        this.from = this.at;
        this.to = this.at += length;
        if (this.at > this.end) throw new Malformed();
        return true;
    }

    private varint(): number {
        let value = 0;
        let scale = 1;
        for (let i = 0; i < 10 && this.at < this.end; i++) {
            const byte = this.bytes[this.at++] ?? 0;
            value += (byte & 0x7f) * scale;
            if (byte < 0x80) return value;
            scale *= 128;
        }
        throw new Malformed();
    }
}
