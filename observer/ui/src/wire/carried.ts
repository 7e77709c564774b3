// A run that came with the page: its bytes, bounded and looked through before anything is believed.
import { fromBinary } from '@bufbuild/protobuf';
import { CarriedSchema, type Carried, type Opened, type Status, type Window } from './gen/session_pb';

export const packedMax = 64 << 20;
export const plainMax = 512 << 20;
const entriesMax = 100_000;
const columnMax = 1 << 20;

export class Damaged extends Error {
    constructor(what: string) {
        super(`The run in this file cannot be read: ${what}. Export it again with: orrery export FILE --to html -o OUT`);
    }
}

/** As the page is told of it: nothing is missing. */
export interface Run extends Carried {
    opened: Opened;
    status: Status;
    whole: Window;
}

export async function unpack(base64: string): Promise<Uint8Array> {
    if (base64.length > packedMax) throw new Damaged('it is too large');
    let packed: Uint8Array<ArrayBuffer>;
    try {
        packed = Uint8Array.from(atob(base64.trim()), c => c.charCodeAt(0));
    } catch {
        throw new Damaged('its letters are not whole');
    }
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    const parts: Uint8Array[] = [];
    let size = 0;
    for (;;) {
        const part = await reader.read().catch(() => { throw new Damaged('it is not whole'); });
        if (part.done) break;
        size += part.value.length;
        if (size > plainMax) throw new Damaged('it is too large');
        parts.push(part.value);
    }
    const plain = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
        plain.set(part, at);
        at += part.length;
    }
    return plain;
}

function alike(what: string, ...columns: { length: number }[]): void {
    const n = columns[0]?.length ?? 0;
    if (n > columnMax || columns.some(c => c.length !== n)) throw new Damaged(`${what} do not fit together`);
}

function rising(numbers: readonly number[]): boolean {
    return numbers.every((n, i) => Number.isFinite(n) && n >= (numbers[i - 1] ?? 0));
}

function check(run: Run): void {
    const w = run.whole;
    const ordinals = run.entries.map(e => Number(e.ordinal));
    if (run.entries.length > entriesMax) throw new Damaged('it has too many events');
    alike('its events', run.entries, run.entryNs, run.entryKind, run.entryText);
    alike('its messages', w.sentNs, w.receivedNs, w.from, w.to, w.name, w.fate, w.sendEvent, w.receiveEvent);
    for (const column of [w.client, w.boundNs]) if (column.length > 0) alike('its messages', w.sentNs, column);
    alike('its holes', w.holeFromNs, w.holeToNs, w.holeLane, w.holeEvents, w.holeEvent);
    alike('its marks', w.markNs, w.markLane, w.markName, w.markEvent, w.markText, w.markSpanNs);
    alike('its states', w.stateNs, w.stateLane, w.state);
    if (w.stateTerm.length > 0) alike('its states', w.stateNs, w.stateTerm);
    if (!rising(ordinals) || new Set(ordinals).size !== ordinals.length || (ordinals[0] ?? 1) < 1) throw new Damaged('its events are in no order');
    if (!rising(w.sentNs) || !rising(w.markNs)) throw new Damaged('its times are in no order');
    if (!rising(run.opened.story.map(m => m.atNs))) throw new Damaged('its narration is in no order');
}

export function readCarried(bytes: Uint8Array): Run {
    let carried: Carried;
    try {
        carried = fromBinary(CarriedSchema, bytes);
    } catch {
        throw new Damaged('it is of another kind');
    }
    const { opened, status, whole } = carried;
    if (!opened?.run || !status || !whole) throw new Damaged('parts of it are missing');
    const run: Run = { ...carried, opened, status, whole };
    check(run);
    const texts = new Map(run.entries.map((e, i) => [Number(e.ordinal), run.entryText[i] ?? '']));
    whole.markText = whole.markText.map((text, i) => (text === '=' ? texts.get(whole.markEvent[i] ?? 0) ?? '' : text));
    return run;
}
