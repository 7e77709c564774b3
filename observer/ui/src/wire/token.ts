// The page is let in by a token that the observer puts behind the # of the address it opens. It is
// kept for this tab only, and taken out of the address so that it is not copied along with it.

const key = 'orrery-token';

export interface Place {
    hash: string;
    pathname: string;
    search: string;
}

/** Takes the token out of a fragment: `#token=…&lab=heartbeat` → the token, and what else it says. */
export function splitFragment(hash: string): { token?: string; rest: string } {
    const parts = hash.replace(/^#/, '').split('&').filter(part => part !== '');
    const token = parts.find(part => part.startsWith('token='))?.slice('token='.length);
    const rest = parts.filter(part => !part.startsWith('token=')).join('&');
    return token ? { token, rest } : { rest };
}

export function takeToken(place: Place, store: Storage, history: History): string {
    const { token, rest } = splitFragment(place.hash);
    if (token) {
        store.setItem(key, token);
        history.replaceState(null, '', place.pathname + place.search + (rest ? `#${rest}` : ''));
    }
    return token ?? store.getItem(key) ?? '';
}
