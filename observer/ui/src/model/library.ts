// What the state folder holds: recordings; and what there is to make new ones with: protocols.
import { create } from '@bufbuild/protobuf';
import { RecordingDoSchema, RecordingPartSchema, type Protocol, type Recording, type Recordings } from '../wire/gen/session_pb';
import type { Answer, Question } from '../wire/socket';

type Ask = (question: Question) => Promise<Answer>;

export const partSize = 256 * 1024;
export const sizeMost = 512 * 1024 * 1024; // the observer takes no more

export async function recordings(ask: Ask): Promise<Recordings | undefined> {
    const answer = await ask({ case: 'recordings', value: { $typeName: 'orrery.RecordingsAsk' } });
    return answer.case === 'recordings' ? answer.value : undefined;
}

export async function protocols(ask: Ask): Promise<Protocol[]> {
    const answer = await ask({ case: 'protocols', value: { $typeName: 'orrery.ProtocolsAsk' } });
    return answer.case === 'protocols' ? answer.value.protocols : [];
}

/** Rejects with the observer's sentence where it cannot be done. */
export async function rename(ask: Ask, name: string, to: string): Promise<void> {
    await ask({ case: 'recording', value: create(RecordingDoSchema, { name, verb: { case: 'rename', value: to } }) });
}

export async function remove(ask: Ask, name: string): Promise<void> {
    await ask({ case: 'recording', value: create(RecordingDoSchema, { name, verb: { case: 'remove', value: true } }) });
}

/** A file's name as the observer takes it. */
export function nameFor(name: string): string {
    const plain = name.replace(/\.orr$/i, '').replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '').slice(0, 90);
    return `${plain || 'recording'}.orr`;
}

/** Part by part, each once the one before has been taken. The name that it got. */
export async function send(ask: Ask, file: Blob & { name: string }, progress: (share: number) => void): Promise<string> {
    if (file.size > sizeMost) throw new Error(`${file.name} is larger than 512 MB: orrery replay FILE --page opens it where it lies.`);
    for (let at = 0; ; at += partSize) {
        const bytes = new Uint8Array(await file.slice(at, at + partSize).arrayBuffer());
        const last = at + partSize >= file.size;
        const part = create(RecordingPartSchema, { name: nameFor(file.name), bytes, first: at === 0, last });
        const answer = await ask({ case: 'part', value: part });
        progress(Math.min(1, (at + bytes.length) / Math.max(1, file.size)));
        if (last) return answer.case === 'done' ? answer.value.sentence : '';
    }
}

/** "orrery run wal --sim" is of the lab wal. */
export function madeBy(r: Recording, titleOf: (lab: string) => string): string {
    const [, verb = '', what = ''] = /^orrery (run|sandbox|sim) ([\w-]+)/.exec(r.run?.line ?? '') ?? [];
    if (verb === 'run') return titleOf(what);
    if (verb === 'sandbox') return `Sandbox: ${what}`;
    return r.run?.protocol ?? '';
}
