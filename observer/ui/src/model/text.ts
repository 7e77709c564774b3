// A message as protobuf text, from its descriptor alone.
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

const linesMax = 400;
const bytesMax = 64;

function quote(bytes: Uint8Array): string {
    let out = '"';
    for (const b of bytes.subarray(0, bytesMax)) {
        if (b === 34 || b === 92) out += `\\${String.fromCharCode(b)}`;
        else if (b >= 32 && b < 127) out += String.fromCharCode(b);
        else out += `\\${b.toString(8).padStart(3, '0')}`;
    }
    return `${out}"${bytes.length > bytesMax ? ` … ${bytes.length} bytes` : ''}`;
}

function scalar(field: DescField, value: unknown): string {
    if (value instanceof Uint8Array) return quote(value);
    if (typeof value === 'string') return JSON.stringify(value);
    if (field.enum && typeof value === 'number') return field.enum.value[value]?.name ?? String(value);
    return String(value);
}

function lines(m: ReflectMessage, indent: string, out: string[]): void {
    for (const field of m.fields) {
        if (out.length >= linesMax) return;
        if (!m.isSet(field)) continue;
        const value: unknown = m.get(field);
        const each = field.fieldKind === 'list' ? [...(value as Iterable<unknown>)] : [value];
        if (field.message) {
            for (const one of each) {
                out.push(`${indent}${field.name} {`);
                lines(one as ReflectMessage, `${indent}  `, out);
                out.push(`${indent}}`);
                if (out.length >= linesMax) return;
            }
        } else if (field.fieldKind === 'list' && field.enum === undefined) {
            out.push(`${indent}${field.name}: [${each.map(v => scalar(field, v)).join(', ')}]`);
        } else {
            for (const one of each) out.push(`${indent}${field.name}: ${scalar(field, one)}`);
        }
    }
}

export function protoText(desc: DescMessage, message: Message): string {
    const out: string[] = [];
    lines(reflect(desc, message), '', out);
    if (out.length >= linesMax) out.push('…');
    return out.join('\n');
}

export interface Field {
    name: string;
    value: string;
}

/** The plain fields of a message, with times in words where the name says that it is one. */
export function fields(desc: DescMessage, message: Message, say: (name: string, value: unknown) => string | undefined): Field[] {
    const m = reflect(desc, message);
    const out: Field[] = [];
    for (const field of m.fields) {
        if (field.message || field.fieldKind === 'list' || out.length >= 24) continue;
        if (!m.isSet(field)) continue;
        const value: unknown = m.get(field);
        const words = say(field.name, value) ?? scalar(field, value);
        out.push({ name: field.name.replace(/_ns$/, '').replaceAll('_', ' '), value: words });
    }
    return out;
}
