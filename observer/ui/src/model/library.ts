// What the state folder holds: recordings; and what there is to make new ones with: protocols.
import { create } from '@bufbuild/protobuf';
import { CheckResult, type CheckState } from '../wire/gen/lab_pb';
import { JudgeAskSchema, RecordingDoSchema, RecordingPartSchema, type Judgement, type Protocol, type Recording, type Recordings } from '../wire/gen/session_pb';
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

/** What the checkers find of a recording, of the one that is open where there is no name. Rejects with a sentence. */
export async function judge(ask: Ask, recording = ''): Promise<Judgement | undefined> {
    const answer = await ask({ case: 'judge', value: create(JudgeAskSchema, { recording }) });
    return answer.case === 'judgement' ? answer.value : undefined;
}

const gravity = [CheckResult.CHECK_REFUTED, CheckResult.CHECK_UNKNOWN, CheckResult.CHECK_PROVEN];

/** What was put to the test, the worst first. */
export function gravest(checks: readonly CheckState[]): CheckState[] {
    return gravity.flatMap(result => checks.filter(c => c.result === result));
}

export const judgedAtOnce = 2_000_000; // events; of longer recordings one asks for it

/** One that has not been judged, and can be. */
export function isUnjudged(r: Recording): boolean {
    return r.run !== undefined && !r.beingWritten && !r.judgement;
}

export const verdictWords: Record<CheckResult, string> = {
    [CheckResult.CHECK_OPEN]: 'nothing to judge',
    [CheckResult.CHECK_PROVEN]: 'proven',
    [CheckResult.CHECK_REFUTED]: 'refuted',
    [CheckResult.CHECK_UNKNOWN]: 'unknown: events are missing',
};
export const verdictClasses: Record<CheckResult, string> = {
    [CheckResult.CHECK_OPEN]: 'wait', [CheckResult.CHECK_PROVEN]: 'ok', [CheckResult.CHECK_REFUTED]: 'bad', [CheckResult.CHECK_UNKNOWN]: 'wait',
};
