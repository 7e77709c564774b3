// What a lab's controls do, as command lines: the browser's buttons send what one would type.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ControlSchema, type Control } from '../wire/gen/lab_pb';
import type { Protocol } from '../wire/gen/session_pb';
import type { IconName } from '../shell/icons';
import { inUnit } from './faults';
import type { Deed } from './keys';

export interface Command {
    verb: string;
    title: string;
    line: string;
    icon: IconName;
    deed: Deed | undefined; // of a key
    danger: boolean;
    can: boolean;
}

export interface SliderSpec {
    id: string;
    label: string;
    min: number;
    max: number;
    step: number;
    unit: string;
    initial: number;
    log: boolean;
    choices: string[];
    chosen: string; // empty: a choice is a deed, not a state
    line: (value: string) => string;
}

const lives = ['running', 'starting', 'paused'];

interface Verb {
    title: string;
    icon: IconName;
    deed: Deed;
    danger?: boolean;
    can: (state: string) => boolean;
    line: (node: string) => string;
}

const verbs: Record<string, Verb> = {
    kill: { title: 'kill −9', icon: 'kill', deed: 'kill', danger: true, can: s => lives.includes(s), line: n => `kill ${n}` },
    power: { title: 'Cut power', icon: 'power', deed: 'power', danger: true, can: s => lives.includes(s), line: n => `power ${n} --lose all` },
    pause: { title: 'Pause', icon: 'pause', deed: 'pause', can: s => s === 'running', line: n => `pause ${n}` },
    resume: { title: 'Resume', icon: 'resume', deed: 'pause', can: s => s === 'paused', line: n => `resume ${n}` },
    restart: { title: 'Restart', icon: 'restart', deed: 'restart', can: () => true, line: n => `restart ${n}` },
    cut: { title: 'Cut off', icon: 'cut', deed: 'cut', danger: true, can: s => lives.includes(s), line: n => `link ${n} all --cut` },
    heal: { title: 'Heal', icon: 'heal', deed: 'heal', can: () => true, line: () => 'heal' },
};

/** What a cluster without a lab is offered: the deeds, and what its nodes have: links, disks, a pace. */
export function usualControls(protocol: Pick<Protocol, 'module' | 'logs'> | undefined, nodes: number): Control[] {
    const linked = nodes > 1 && !protocol?.module;
    const all: MessageInitShape<typeof ControlSchema>[] = [
        { kind: 'kill' }, { kind: 'pause' },
        ...(linked ? [{ kind: 'cut' }, ...['loss', 'delay', 'jitter'].map(setting => ({ kind: 'link', setting }))] : []),
        ...(protocol?.logs ? [{ kind: 'disk', title: 'Slow disk', setting: 'slow' }] : []),
        { kind: 'pace', title: 'Pace', min: 0.05, max: 2, step: 0.05, logScale: true },
    ];
    return all.map(c => create(ControlSchema, c));
}

/** The nodes of a group, by name. */
export type Members = (group: string) => string[];
const noGroups: Members = () => [];

/** The buttons for a node in a state. Pause and resume take the same place and key. */
export function commandsFor(controls: Control[], node: string, state: string, members = noGroups): Command[] {
    const kinds = new Set(controls.map(c => c.kind));
    if (kinds.has('pause') || kinds.has('resume')) {
        kinds.delete(state === 'paused' ? 'pause' : 'resume');
        kinds.add(state === 'paused' ? 'resume' : 'pause');
    }
    if (kinds.has('kill') || kinds.has('power')) kinds.add('restart');
    if (kinds.has('cut') || kinds.has('link')) kinds.add('heal');
    const deeds = Object.entries(verbs)
        .filter(([kind]) => kinds.has(kind))
        .map(([kind, verb]): Command => ({
            verb: kind,
            title: controls.find(c => c.kind === kind)?.title || verb.title,
            line: verb.line(node),
            icon: verb.icon,
            deed: verb.deed,
            danger: verb.danger ?? false,
            can: verb.can(state),
        }));
    const own = controls.filter(c => c.kind === 'do').map((c): Command => ({
        verb: `do ${c.setting}`, title: c.title || c.setting, line: `do ${members(c.group).join(',') || node} ${c.setting}`, icon: 'set', deed: undefined, danger: false,
        can: c.group !== '' || state === 'running',
    }));
    return [...deeds, ...own];
}

export function commandFor(deed: Deed | undefined, commands: Command[]): Command | undefined {
    return commands.find(c => c.deed !== undefined && c.deed === deed && c.can);
}

function withUnit(value: string, unit: string): string {
    return unit === '%' || unit === 'ms' || unit === 's' ? `${value}${unit}` : value;
}

/* Flags of `link` are named as the control's setting says: loss, delay, jitter. */
function lineOf(c: Control, node: string, members: Members): (value: string) => string {
    if (c.kind === 'pace') return value => `pace ${value}`;
    if (c.kind === 'link') return value => `link all ${node} --${c.setting || 'loss'} ${withUnit(value, c.unit)}`;
    if (c.kind === 'disk' && c.choices.length > 0) return value => `disk ${node} --${value}`;
    if (c.kind === 'disk') return value => (Number(value) > 0 ? `disk ${node} --${c.setting || 'slow'} ${withUnit(value, c.unit)}` : `disk ${node} --well`);
    if (c.kind === 'clock') return value => `clock ${node} --${c.setting || 'skew'} ${withUnit(value, c.unit)}`;
    return value => `set ${members(c.group).join(',') || 'all'} ${c.setting}=${value}`;
}

const defaults: Record<string, { min: number; max: number; step: number; unit: string }> = {
    pace: { min: 0.1, max: 1, step: 0.1, unit: '×' },
    loss: { min: 0, max: 50, step: 5, unit: '%' },
    delay: { min: 0, max: 500, step: 10, unit: 'ms' },
    jitter: { min: 0, max: 200, step: 5, unit: 'ms' },
    slow: { min: 0, max: 500, step: 10, unit: 'ms' },
    skew: { min: -5, max: 5, step: 0.5, unit: 's' },
};

/* A break is a deed for each thing that it can do; so is a power cut that can take all or tear. */
function deedsOf(c: Control, node: string, controls: Control[]): SliderSpec[] {
    const bare = { min: 0, max: 0, step: 1, unit: '', initial: 0, log: false, chosen: '', choices: c.choices };
    const title = c.title || c.kind;
    if (c.kind === 'power') return [{ ...bare, id: `power ${node}`, label: `${title}, losing`, line: how => `power ${node} --lose ${how}` }];
    const thens = controls.some(other => other.kind === 'power') ? ['kill', 'power'] : ['kill'];
    return thens.map(then => ({
        ...bare, id: `break ${node} ${then}`, label: then === 'power' ? 'Cut power at' : thens.length > 1 ? 'Kill −9 at' : title,
        line: (at: string) => `break ${node} --at '${at}' --then ${then}`,
    }));
}

export function slidersFor(
    controls: Control[], node: string, pace: number, settings: Record<string, string>, members = noGroups,
): SliderSpec[] {
    const kinds = new Set(['pace', 'link', 'disk', 'clock', 'setting']);
    const fallback: Record<string, string> = { link: 'loss', disk: 'slow', clock: 'skew', pace: 'pace' };
    const states = controls.filter(c => kinds.has(c.kind)).map((raw, i): SliderSpec => {
        const what = raw.setting || fallback[raw.kind] || '';
        const d = defaults[what];
        const bare = raw.min === 0 && raw.max === 0 && d !== undefined;
        const c: Control = { ...raw, unit: raw.unit || d?.unit || '' };
        const min = bare ? d.min : c.min;
        const max = bare ? d.max : c.max;
        const ofNode = c.kind === 'link' || c.kind === 'disk' || c.kind === 'clock';
        const told = settings[`${c.kind === 'setting' ? 'set' : c.kind} ${members(c.group)[0] ?? node} ${what}`] ?? (c.kind === 'setting' ? settings[what] : undefined);
        return {
            id: `${c.kind}${c.setting}${i}${ofNode ? node : ''}`,
            label: (c.title || what.charAt(0).toUpperCase() + what.slice(1).replaceAll('_', ' ')) + (ofNode ? ` ${node}` : ''),
            min, max,
            step: c.step || (bare ? d.step : (max - min) / 100),
            unit: c.unit,
            initial: c.kind === 'pace' ? pace : ofNode ? inUnit(told ?? '0', c.unit) : Number(told ?? min),
            log: c.logScale && min > 0,
            choices: c.choices,
            chosen: ofNode ? '' : told ?? '',
            line: lineOf(c, node, members),
        };
    });
    const deeds = controls.filter(c => (c.kind === 'break' && c.choices.length > 0) || (c.kind === 'power' && c.choices.length > 1));
    return [...states, ...deeds.flatMap(c => deedsOf(c, node, controls))];
}
