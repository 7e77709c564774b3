// Messages that have nothing but plain fields, unpacked quickly: traces, which come by the thousand.
// Everything else, and whatever is unusual, is the library's, which gives the same.
import { create, fromBinary, ScalarType, type DescMessage, type Message } from '@bufbuild/protobuf';
import { Fields, wires } from './fields';

interface Plan {
    zero: Message;
    fields: Map<number, { name: string; read: (at: Fields, view: DataView) => unknown; wire: number }>;
}

const { varint, fixed32, fixed64 } = wires;
const long = (f: Fields): bigint | undefined => (f.value <= Number.MAX_SAFE_INTEGER ? BigInt(f.value) : undefined);
const short = (f: Fields): number | undefined => (f.value <= 0x7fffffff ? f.value : undefined);
const readers: Partial<Record<ScalarType, [number, (f: Fields, view: DataView) => unknown]>> = {
    [ScalarType.UINT64]: [varint, long],
    [ScalarType.INT64]: [varint, long],
    [ScalarType.UINT32]: [varint, short],
    [ScalarType.INT32]: [varint, short],
    [ScalarType.BOOL]: [varint, f => f.value !== 0],
    [ScalarType.DOUBLE]: [fixed64, (f, view) => view.getFloat64(f.from, true)],
    [ScalarType.FLOAT]: [fixed32, (f, view) => view.getFloat32(f.from, true)],
};

function planFor(desc: DescMessage): Plan | undefined {
    const fields: Plan['fields'] = new Map();
    for (const field of desc.fields) {
        const reader = field.fieldKind === 'scalar' ? readers[field.scalar] : field.fieldKind === 'enum' ? ([varint, short] as const) : undefined;
        if (!reader || field.oneof || field.proto.proto3Optional) return undefined;
        fields.set(field.number, { name: field.localName, wire: reader[0], read: reader[1] });
    }
    return { zero: create(desc), fields };
}

const plans = new WeakMap<DescMessage, { plan: Plan | undefined }>();

function quickly(plan: Plan, bytes: Uint8Array): Message | undefined {
    const message: Record<string, unknown> & Message = { ...plan.zero };
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const at = new Fields(bytes); at.next(); ) {
        const field = plan.fields.get(at.number);
        const value = field && field.wire === at.wire ? field.read(at, view) : undefined;
        if (!field || value === undefined) return undefined;
        message[field.name] = value;
    }
    return message;
}

/** Throws where the bytes are no such message. */
export function unpack(desc: DescMessage, bytes: Uint8Array): Message {
    let known = plans.get(desc);
    if (!known) plans.set(desc, (known = { plan: planFor(desc) }));
    return (known.plan && quickly(known.plan, bytes)) ?? fromBinary(desc, bytes);
}
