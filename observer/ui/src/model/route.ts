// Where one is on the page, as the address's fragment says: #/lab/heartbeat, #/sandbox/kv,
// #/sandbox/heartbeat/sim/50, #/run/calm-otter, #/notebook; and what the observer puts there when it
// opens the page.

export type Route =
    | { page: 'catalogue' }
    | { page: 'notebook' }
    | { page: 'lab'; name: string; simulated: boolean; nodes: number } // 0: as many as usual
    | { page: 'sandbox'; name: string; simulated: boolean; nodes: number }
    | { page: 'run'; name: string };

const name = /^[a-z0-9][a-z0-9-]{0,63}$/;

export function parseRoute(fragment: string): Route {
    const text = fragment.replace(/^#/, '');
    const opened = /(?:^|&)(run|lab|sandbox)=([^&]*)/.exec(text);
    const parts = opened ? [opened[1], opened[2]] : text.replace(/^\//, '').split('/');
    const [page, what = '', ...how] = parts;
    if (page === 'notebook') return { page };
    if (!name.test(what)) return { page: 'catalogue' };
    const nodes = Number(how.find(part => /^[1-9]\d{0,3}$/.test(part ?? '')) ?? 0);
    if (page === 'lab' || page === 'sandbox') return { page, name: what, simulated: how.includes('sim'), nodes };
    if (page === 'run') return { page, name: what };
    return { page: 'catalogue' };
}

export function routeText(route: Route): string {
    if (route.page === 'catalogue') return '#/';
    if (route.page === 'notebook') return '#/notebook';
    const sim = 'simulated' in route && route.simulated ? '/sim' : '';
    const count = 'nodes' in route && route.nodes > 0 ? `/${route.nodes}` : '';
    return `#/${route.page}/${route.name}${sim}${count}`;
}

/** A lab or a sandbox of real processes, as many as it usually has. */
export function toRun(page: 'lab' | 'sandbox', name: string): string {
    return routeText({ page, name, simulated: false, nodes: 0 });
}
