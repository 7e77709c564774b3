// The connection to the observer: asks with numbers, answers that carry them, and what is told
// without being asked. It comes back by itself when the observer does.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AskSchema, TellSchema, type Ask, type Tell } from './gen/session_pb';

export type Line = 'connecting' | 'open' | 'gone' | 'refused';
export type Question = Exclude<Ask['kind'], { case: undefined }>;
export type Answer = Tell['kind'];

/** What a browser's WebSocket is, as far as it is used here. */
export interface Socket {
    binaryType: string;
    readyState: number;
    onopen: ((event: Event) => void) | null;
    onmessage: ((event: MessageEvent) => void) | null;
    onclose: ((event: CloseEvent) => void) | null;
    onerror: ((event: Event) => void) | null;
    send(bytes: Uint8Array<ArrayBuffer>): void;
    close(): void;
}

export interface Settings {
    connect: () => Socket;
    token: string;
    run: () => string; // to join again after a break
    online: (line: Line, why: string) => void;
    told: (answer: Answer, id: number) => void; // everything but answers to ask()
    after: (ms: number, then: () => void) => void;
}

const firstWait = 250;
const longestWait = 4000;

export class Refusal extends Error {}

interface Waiting {
    done: (answer: Answer) => void;
    isLast: (answer: Answer) => boolean;
    failed: (why: Error) => void;
}

export class Wire {
    private socket: Socket | undefined;
    private number = 0;
    private wait = firstWait;
    private greeted = false;
    private ended = false;
    private hail = 0;
    private readonly waiting = new Map<number, Waiting>();

    constructor(private readonly settings: Settings) {}

    start(): void {
        this.settings.online('connecting', '');
        const socket = this.settings.connect();
        this.socket = socket;
        this.greeted = false;
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => {
            this.hail = this.put({
                case: 'hail',
                value: { $typeName: 'orrery.Hail', token: this.settings.token, run: this.settings.run() },
            });
        };
        socket.onmessage = event => this.read(event.data as ArrayBuffer);
        socket.onerror = () => undefined; // a close follows
        socket.onclose = event => this.closed(event);
    }

    stop(): void {
        this.ended = true;
        this.socket?.close();
    }

    /** Sends, and does not care for an answer; streams (watch, follow) are told by number. */
    tell(question: Question): number {
        return this.greeted ? this.put(question) : 0;
    }

    /** Sends, and waits for the first answer. A refusal is an error that has the observer's sentence. */
    ask(question: Question): Promise<Answer> {
        return this.askAll(question, () => true);
    }

    /** Answers that come in parts: each is shown to `isLast`, and the last one is the promise's. */
    askAll(question: Question, isLast: (answer: Answer) => boolean): Promise<Answer> {
        if (!this.greeted) return Promise.reject(new Refusal('The observer is not there.'));
        const id = this.put(question);
        return new Promise((done, failed) => this.waiting.set(id, { done, failed, isLast }));
    }

    private put(kind: Question): number {
        const id = ++this.number;
        const bytes = toBinary(AskSchema, create(AskSchema, { id: BigInt(id), kind }));
        this.socket?.send(bytes as Uint8Array<ArrayBuffer>);
        return id;
    }

    private read(data: ArrayBuffer): void {
        let tell: Tell;
        try {
            tell = fromBinary(TellSchema, new Uint8Array(data));
        } catch {
            return; // from a stranger, or of another version: nothing to act on
        }
        const id = Number(tell.id);
        if (tell.kind.case === 'hailed') {
            this.greeted = true;
            this.wait = firstWait;
            this.settings.online('open', '');
        }
        if (tell.kind.case === 'refused' && id === this.hail && !this.greeted) {
            this.refuse(tell.kind.value.sentence);
            return;
        }
        const waiting = this.waiting.get(id);
        if (!waiting) {
            this.settings.told(tell.kind, id);
            return;
        }
        const refused = tell.kind.case === 'refused';
        if (!refused && !waiting.isLast(tell.kind)) return;
        this.waiting.delete(id);
        if (tell.kind.case === 'refused') waiting.failed(new Refusal(tell.kind.value.sentence));
        else waiting.done(tell.kind);
    }

    private refuse(why: string): void {
        this.ended = true;
        this.settings.online('refused', why);
        this.socket?.close();
    }

    private closed(event: CloseEvent): void {
        for (const waiting of this.waiting.values()) waiting.failed(new Refusal('The observer went away.'));
        this.waiting.clear();
        const greeted = this.greeted;
        this.greeted = false;
        if (this.ended) return;
        // 1008 is a breach of policy: a token or an origin that is not right.
        if (!greeted && event.code === 1008) {
            this.ended = true;
            this.settings.online('refused', event.reason);
            return;
        }
        this.settings.online('gone', '');
        const wait = this.wait;
        this.wait = Math.min(longestWait, this.wait * 2);
        this.settings.after(wait, () => {
            if (!this.ended) this.start();
        });
    }
}
