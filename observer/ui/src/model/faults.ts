// What the command lines of a run have set, by node: faults of links, disks and clocks, and settings of
// its protocols. So a slider stands where the last command put it, whoever gave it.

type Told = Record<string, string>;
const flags = /--(\w+)(?: (-?[\d.]+\w*%?))?/g;
const kept: Record<string, string[]> = { link: ['loss', 'delay', 'jitter'], disk: ['slow'], clock: ['skew'] };
const nanos: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** "200ms" in the unit of a slider; "20%" is 20. */
export function inUnit(text: string, unit: string): number {
    const [, figure = '', own = ''] = /^(-?[\d.]+)(.*)$/.exec(text) ?? [];
    const from = nanos[own];
    const to = nanos[unit];
    return Number(figure) * (from !== undefined && to !== undefined ? from / to : 1) || 0;
}

function without(told: Told, gone: (key: string) => boolean): Told {
    return Object.fromEntries(Object.entries(told).filter(([key]) => !gone(key)));
}

/* "link all n5" and "link n5 all" are about n5; "link n1 n2" about both. */
function named(words: string[], names: readonly string[]): string[] {
    const ends = words.flatMap(word => word.split(','));
    const some = ends.filter(end => end !== 'all');
    return some.length > 0 ? some : [...names];
}

/** `names`: of all nodes, for lines that say "all". */
export function learnLine(told: Told, line: string, names: readonly string[]): Told {
    const [verb = '', first = '', second = ''] = line.replace(/^orrery /, '').split(' ');
    if (verb === 'heal') return without(told, key => key.startsWith('link '));
    if (verb === 'set') {
        const pairs = [...line.matchAll(/(\w+)=(\S+)/g)];
        const set = named([first], names).flatMap(node => pairs.map(m => [`set ${node} ${m[1] ?? ''}`, m[2] ?? '']));
        return { ...told, ...Object.fromEntries(set) };
    }
    const what = kept[verb];
    if (!what) return told;
    const nodes = named(verb === 'link' ? [first, second] : [first], names);
    const next = line.includes('--well') ? without(told, key => nodes.some(n => key.startsWith(`${verb} ${n} `))) : { ...told };
    for (const [, flag = '', value = ''] of line.matchAll(flags))
        if (what.includes(flag)) for (const node of nodes) next[`${verb} ${node} ${flag}`] = value;
    return next;
}
