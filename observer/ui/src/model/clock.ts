// What time it is in the cluster, between what the observer tells of it. Pure: the page's own
// clock, in milliseconds, comes with each call.

const jumpNs = 400e6; // further off than this, it is set; nearer, it drifts there
const drift = 0.08;

export class Clock {
    private ns = 0;
    private ms = 0;
    private pace = 1;
    private seen = false;
    private last = 0;

    /** The observer said that it is `ns` now. */
    told(ns: number, ms: number): void {
        if (!this.seen) {
            this.seen = true;
            this.ns = ns;
            this.ms = ms;
            return;
        }
        const guess = this.at(ms);
        const off = ns - guess;
        this.ns = Math.abs(off) > jumpNs ? ns : guess + off * drift;
        this.ms = ms;
        if (Math.abs(off) > jumpNs) this.last = 0;
    }

    setPace(pace: number, ms: number): void {
        if (pace === this.pace) return;
        this.ns = this.at(ms);
        this.ms = ms;
        this.pace = pace;
    }

    get known(): boolean {
        return this.seen;
    }

    reset(): void {
        this.seen = false;
        this.last = 0;
        this.ns = 0;
    }

    private at(ms: number): number {
        return this.ns + (ms - this.ms) * 1e6 * this.pace;
    }

    /** Never goes back, but for a jump. */
    now(ms: number): number {
        if (!this.seen) return 0;
        const ns = Math.max(this.last, this.at(ms));
        this.last = ns;
        return ns;
    }
}
