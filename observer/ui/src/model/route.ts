// Where one is on the page, as the address's fragment says: #/lab/heartbeat, #/sandbox/kv,
// #/sandbox/heartbeat/sim/50?seed=7&set=phi=5, #/run/calm-otter, #/recording/calm-otter.orr?at=2.5,
// #/fork/calm-otter.orr?event=127&act=kill+n2,
// #/notebook, #/marks; and what the observer puts there when it opens the page.

export interface Spot {
    at?: number; // the needle, in seconds
    event?: number; // what is selected
}
export interface Sandbox {
    name: string;
    simulated: boolean;
    nodes: number; // 0: as many as usual
    seed?: string;
    settings?: string[]; // key=value
    flaws?: string[];
}

/** A run with another one's past up to an instant. */
export interface Forking {
    name: string; // of a run that is on, or of a recording
    at?: number; // seconds, or
    event?: number; // when that one was; where it is a command, just before it
    act: string; // what is done there; empty: nothing
}

export type Route =
    | { page: 'catalogue' }
    | { page: 'notebook' }
    | { page: 'recordings' }
    | { page: 'marks' } // how each thing is drawn
    | { page: 'choose' } // what a sandbox is to run
    | { page: 'lab'; name: string; simulated: boolean; nodes: number }
    | ({ page: 'sandbox' } & Sandbox)
    | ({ page: 'fork' } & Forking)
    | ({ page: 'run' | 'recording'; name: string } & Spot);

const word = /^[a-z0-9][a-z0-9-]{0,63}$/;
const file = /^[A-Za-z0-9_][\w.-]{0,94}\.orr$/;
const pair = /^[a-z][\w-]*=[^\s]{1,100}$/;

function sandboxOf(name: string, how: string[], query: URLSearchParams): Route {
    const route: Route = { page: 'sandbox', name, simulated: how.includes('sim'), nodes: nodesOf(how) };
    const seed = query.get('seed') ?? '';
    const settings = query.getAll('set').filter(text => pair.test(text));
    const flaws = query.getAll('flaw').filter(text => word.test(text));
    if (/^\d{1,20}$/.test(seed)) route.seed = seed;
    if (settings.length > 0) route.settings = settings;
    if (flaws.length > 0) route.flaws = flaws;
    return route;
}

function spotOf(query: URLSearchParams): Spot {
    const at = Number(query.get('at') ?? NaN);
    const event = Number(query.get('event') ?? NaN);
    return { ...(at >= 0 && Number.isFinite(at) ? { at } : {}), ...(Number.isSafeInteger(event) && event > 0 ? { event } : {}) };
}

function nodesOf(how: string[]): number {
    return Number(how.find(part => /^[1-9]\d{0,3}$/.test(part)) ?? 0);
}

export function parseRoute(fragment: string): Route {
    const [path = '', after = ''] = fragment.replace(/^#/, '').split(/\?(.*)/s);
    const query = new URLSearchParams(after);
    const opened = /(?:^|&)(run|lab|sandbox)=([^&]*)/.exec(path);
    const parts = opened ? [opened[1] ?? '', opened[2] ?? ''] : path.replace(/^\//, '').split('/');
    const [page = '', what = '', ...how] = parts;
    if (page === 'notebook' || page === 'recordings' || page === 'marks') return { page };
    if (page === 'sandbox' && what === '') return { page: 'choose' };
    if (page === 'fork' && (file.test(what) || word.test(what))) return { page, name: what, ...spotOf(query), act: (query.get('act') ?? '').slice(0, 400) };
    if (page === 'recording' && file.test(what)) return { page, name: what, ...spotOf(query) };
    if (!word.test(what)) return { page: 'catalogue' };
    if (page === 'lab') return { page, name: what, simulated: how.includes('sim'), nodes: nodesOf(how) };
    if (page === 'sandbox') return sandboxOf(what, how, query);
    if (page === 'run') return { page, name: what, ...spotOf(query) };
    return { page: 'catalogue' };
}

function asked(route: Route): string {
    const pairs: [string, string][] = [];
    if (route.page === 'sandbox') {
        if (route.seed) pairs.push(['seed', route.seed]);
        for (const setting of route.settings ?? []) pairs.push(['set', setting]);
        for (const flaw of route.flaws ?? []) pairs.push(['flaw', flaw]);
    } else if (route.page === 'run' || route.page === 'recording' || route.page === 'fork') {
        if (route.at !== undefined) pairs.push(['at', String(Number(route.at.toFixed(6)))]);
        if (route.event) pairs.push(['event', String(route.event)]);
        if (route.page === 'fork' && route.act) pairs.push(['act', route.act]);
    }
    return pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : '';
}

export function routeText(route: Route): string {
    if (route.page === 'catalogue') return '#/';
    if (route.page === 'choose') return '#/sandbox';
    if (route.page === 'notebook' || route.page === 'recordings' || route.page === 'marks') return `#/${route.page}`;
    const sim = 'simulated' in route && route.simulated ? '/sim' : '';
    const count = 'nodes' in route && route.nodes > 0 ? `/${route.nodes}` : '';
    return `#/${route.page}/${route.name}${sim}${count}${asked(route)}`;
}

/** A lab or a sandbox of real processes, as many as it usually has. */
export function toRun(page: 'lab' | 'sandbox', name: string): string {
    return routeText({ page, name, simulated: false, nodes: 0 });
}

/** The command line that forks the same. */
export function forkLine(f: Forking): string {
    const where = f.event ? `e${f.event}` : `${Number((f.at ?? 0).toFixed(6))}s`;
    return `orrery fork ${f.name} --at ${where}${f.act ? ` --act '${f.act.replaceAll("'", "'\\''")}'` : ''}`;
}

/** What an observer is asked for. */
export function forkOf(f: Forking): { run: string; recording: string; atNs: bigint; event: bigint; line: string } {
    const recorded = file.test(f.name);
    return { run: recorded ? '' : f.name, recording: recorded ? f.name : '', atNs: BigInt(Math.round((f.at ?? 0) * 1e9)), event: BigInt(f.event ?? 0), line: f.act };
}

/** The command line that begins the same. */
export function sandboxLine(s: Sandbox): string {
    return ['orrery sandbox', s.name, s.nodes > 0 ? `--nodes ${s.nodes}` : '', s.simulated ? '--sim' : '', s.seed ? `--seed ${s.seed}` : '',
        ...(s.settings ?? []).map(kv => `--set ${kv}`), ...(s.flaws ?? []).map(flaw => `--flaw ${flaw}`)].filter(part => part !== '').join(' ');
}
