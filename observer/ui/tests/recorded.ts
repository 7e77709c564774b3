// Real entries, as an observer told them over its socket (see fixtures/capture.mjs).
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import { Lives, type Happening } from '../src/model/happening';
import { TellSchema, type Tell } from '../src/wire/gen/session_pb';
import { Schemas } from '../src/wire/schemas';

export function tells(name: string): Tell[] {
    const bytes = new Uint8Array(gunzipSync(readFileSync(new URL(`fixtures/${name}`, import.meta.url))));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const out: Tell[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
        const length = view.getUint32(at, true);
        if (at + 4 + length > bytes.length) break;
        out.push(fromBinary(TellSchema, bytes.subarray(at + 4, at + 4 + length)));
        at += 4 + length;
    }
    return out;
}

export function happenings(name: string): Happening[] {
    const schemas = new Schemas();
    const lives = new Lives(schemas);
    const out: Happening[] = [];
    for (const tell of tells(name)) {
        if (tell.kind.case !== 'entries') continue;
        for (const set of tell.kind.value.schemas) schemas.add(set);
        for (const start of tell.kind.value.starts) lives.open(start);
        for (const entry of tell.kind.value.entries) {
            const h = lives.open(entry);
            if (h) out.push(h);
        }
    }
    return out;
}

export function fixture(name: string): Uint8Array {
    return new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
}
