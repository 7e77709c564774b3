// The keys as this machine's reader has them.
import { deedFor, keyLabel, keyName, readBound, refusal, usualKeys, writeBound, type Bound, type Deed } from '../model/keys';

const place = 'orrery-keys';

class KeysBound {
    bound = $state.raw<Bound>(usualKeys);

    begin(): void {
        this.bound = readBound(localStorage.getItem(place));
    }

    /** What a key press is for; nothing while one writes, or holds a key of the browser's. */
    deedOf(event: KeyboardEvent): Deed | undefined {
        if (isForOthers(event)) return undefined;
        return deedFor(this.bound, event.key);
    }

    label(deed: Deed): string {
        return keyLabel(this.bound[deed]);
    }

    /** Gives a deed another key, or says why not. */
    bind(deed: Deed, key: string): string {
        const why = refusal(this.bound, deed, key);
        if (why === '') this.keep({ ...this.bound, [deed]: keyName(key) });
        return why;
    }

    asUsual(): void {
        this.keep(usualKeys);
    }

    private keep(bound: Bound): void {
        this.bound = bound;
        localStorage.setItem(place, writeBound(bound));
    }
}

/** A key that is typed into a field, presses a button, or is meant for the browser. */
export function isForOthers(event: KeyboardEvent): boolean {
    const target = event.target as HTMLElement;
    return event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented
        || /INPUT|SELECT|TEXTAREA/.test(target.tagName) || target.closest('dialog') !== null || (event.key === ' ' && /BUTTON|SUMMARY/.test(target.tagName));
}

export const keys = new KeysBound();
