// Which links the operator has cut, as directions "a>b".
import type { Command } from '../../wire/gen/command_pb';

export type Cuts = ReadonlySet<string>;

const ends = (node: number | undefined, nodes: readonly number[]): readonly number[] => (node ? [node] : nodes);

function changed(cuts: Cuts, a: readonly number[], b: readonly number[], oneWay: boolean, cut: boolean): Cuts {
    const next = new Set(cuts);
    const put = (from: number, to: number): void => void (cut ? next.add(`${from}>${to}`) : next.delete(`${from}>${to}`));
    for (const from of a)
        for (const to of b)
            if (from !== to) {
                put(from, to);
                if (!oneWay) put(to, from);
            }
    return next;
}

export function afterCommand(cuts: Cuts, command: Command | undefined, nodes: readonly number[]): Cuts {
    const verb = command?.verb;
    switch (verb?.case) {
        case 'cut': return changed(cuts, verb.value.a, verb.value.b, verb.value.oneWay ?? false, true);
        case 'link': {
            const { from, to, cut, oneWay } = verb.value;
            return cut === undefined ? cuts : changed(cuts, ends(from, nodes), ends(to, nodes), oneWay ?? false, cut);
        }
        case 'heal': {
            const healed = verb.value.nodes;
            if (healed.length === 0) return new Set();
            return new Set([...cuts].filter(link => !link.split('>').some(n => healed.includes(Number(n)))));
        }
        default: return cuts;
    }
}

export const isCut = (cuts: Cuts, a: number, b: number): boolean => cuts.has(`${a}>${b}`) || cuts.has(`${b}>${a}`);
