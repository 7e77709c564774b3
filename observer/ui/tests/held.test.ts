import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { apply, deliverLine, holding, holdLine, lineFor, type Holding } from '../src/model/held';
import type { Happening } from '../src/model/happening';
import { EventSchema, type Event } from '../src/wire/gen/event_pb';
import { CommandSchema, DeliverSchema, HoldSchema } from '../src/wire/gen/command_pb';

type Body = NonNullable<Parameters<typeof create<typeof EventSchema>>[1]>['body'];
const nameOf = (n: number): string => `n${n}`;

/** A run told event by event: ordinals count up, and so does the time. */
class Run {
    state: Holding = holding.initial;
    private ordinal = 0;
    tell(node: number, body: Body, cause = 0): this {
        const event: Event = create(EventSchema, { body } as never);
        const h: Happening = {
            ordinal: ++this.ordinal, node, boot: 1, seq: 0, ns: this.ordinal * 1e6, lamport: 0, cause, previous: 0, event, body: event.body.case ?? '', type: '',
        };
        this.state = apply(this.state, h);
        return this;
    }
    held(from: number, to: number, seq: number, inOrder = false): this {
        return this.tell(from, { case: 'held', value: { to, event: BigInt(seq), inOrder } } as Body, 1000 * from + seq);
    }
    hold(what: { from?: number; to?: number; off?: boolean } = {}): this {
        const command = create(CommandSchema, { verb: { case: 'hold', value: create(HoldSchema, what) } });
        return this.tell(0, { case: 'operator', value: { command } } as Body);
    }
    deliver(what: { from?: number; to?: number; event?: bigint; drop?: boolean; duplicate?: boolean } = {}): this {
        const command = create(CommandSchema, { verb: { case: 'deliver', value: create(DeliverSchema, what) } });
        return this.tell(0, { case: 'operator', value: { command } } as Body);
    }
    get left(): string {
        return this.state.messages.map(m => `${m.from}>${m.to}:${m.seq}`).join(' ');
    }
}

describe('what is held', () => {
    it('is told by who holds it, and goes one by one, the oldest first', () => {
        const run = new Run().hold().held(1, 2, 5).held(1, 3, 5).held(2, 1, 8);
        expect(run.left).toBe('1>2:5 1>3:5 2>1:8');
        expect(run.state.messages[0]).toMatchObject({ event: 2, send: 1005, ns: 2e6 });
        expect(run.deliver().left).toBe('1>3:5 2>1:8');
        expect(run.deliver({ from: 2 }).left).toBe('1>3:5');
        expect(run.deliver({ from: 2 }).left).toBe('1>3:5'); // none of its own is left
    });
    it('goes by the event that sent it: to one, or to all', () => {
        const run = (): Run => new Run().hold().held(1, 2, 5).held(1, 3, 5).held(3, 2, 5);
        expect(run().deliver({ from: 1, event: 5n, to: 3 }).left).toBe('1>2:5 3>2:5');
        expect(run().deliver({ from: 1, event: 5n }).left).toBe('3>2:5');
        expect(run().deliver({ from: 1, event: 5n, to: 2, duplicate: true }).left).toBe('1>3:5 3>2:5');
    });
    it('of a stream goes with what was sent before it, and is lost with what was sent behind', () => {
        const run = (): Run => new Run().hold().held(1, 2, 5, true).held(1, 3, 6, true).held(1, 2, 7, true).held(1, 2, 8).held(1, 2, 9, true);
        expect(run().deliver({ from: 1, event: 7n, to: 2 }).left).toBe('1>3:6 1>2:8 1>2:9');
        expect(run().deliver({ from: 1, event: 7n, to: 2, drop: true }).left).toBe('1>2:5 1>3:6 1>2:8');
    });
    it('is lost with its sender, and when it is told to be', () => {
        const run = new Run().hold().held(1, 2, 5).held(2, 1, 6).held(3, 1, 7);
        expect(run.tell(0, { case: 'exit', value: { node: 2 } } as Body).left).toBe('1>2:5 3>1:7');
        expect(run.tell(1, { case: 'drop', value: { from: 1, to: 3 } } as Body, 1005).left).toBe('1>2:5 3>1:7'); // another copy
        expect(run.tell(1, { case: 'drop', value: { from: 1, to: 2 } } as Body, 1005).left).toBe('3>1:7');
    });
    it('is let go where no hold is in force any more', () => {
        const run = new Run().hold({ from: 1 }).hold({ from: 2, to: 3 }).held(1, 2, 5).held(2, 3, 6);
        expect(run.hold({ from: 1, off: true }).left).toBe('2>3:6');
        expect(run.state.holds).toHaveLength(1);
        expect(run.hold({ off: true }).left).toBe('');
        expect(run.state.holds).toEqual([]);
    });
    it('leaves the state before as it was', () => {
        const run = new Run().hold().held(1, 2, 5);
        const before = run.state;
        run.deliver();
        expect(before.messages).toHaveLength(1);
    });
});

describe('stepping by hand', () => {
    it('is offered where nodes send messages', () => {
        const start = (messageType: string): Body => ({ case: 'start', value: { instances: [{ messageType }] } }) as Body;
        const none = new Run().tell(1, start(''));
        expect(none.state.offered).toBe(false);
        expect(lineFor('hold', none.state)).toBeUndefined();
        expect(none.tell(2, start('heartbeat.Message')).state.offered).toBe(true);
    });
    it('says the command lines that do the same', () => {
        const run = new Run().tell(1, { case: 'start', value: { instances: [{ messageType: 'x' }] } } as Body);
        expect(holdLine(run.state)).toBe('hold');
        expect(lineFor('next', run.state)).toBeUndefined();
        run.hold().held(1, 2, 5);
        expect(lineFor('hold', run.state)).toBe('hold --off');
        expect(lineFor('next', run.state)).toBe('deliver');
        expect(lineFor('next', run.state, false)).toBeUndefined(); // what one looks at is past
        const [m] = run.state.messages;
        expect(m && deliverLine(m, nameOf)).toBe('deliver n1 --event 5 --to n2');
        expect(m && deliverLine(m, nameOf, '--drop')).toBe('deliver n1 --event 5 --to n2 --drop');
    });
});
