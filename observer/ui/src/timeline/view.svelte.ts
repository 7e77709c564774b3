// Where one looks on the timeline: live, or at an instant of the past. Recording never stops.
import type { Session } from '../model/session.svelte';
import { liveView, spanLeast, spanMost, zoom, type View } from './geometry';

const liveSpanUsual = 4e9;

export class Looking {
    live = $state(true);
    playing = $state(false); // in replay
    at = $state(0); // the needle
    now = $state(0);
    span = $state(liveSpanUsual);
    pace = $state(1); // of playing, in replay
    causes = $state(false); // past and future of the selection stand out
    cutting = $state(false); // the cut tool is in hand: a stroke over messages cuts their links
    finding = $state(false); // the search is open
    curved = $state(true); // curves of the stage are shown
    recorded = $state(false); // a recording: nothing comes any more, and its end is where "live" would be
    /** Where a narration takes the needle next; ms are the reader's. It is played so at pace 0. */
    told = $state.raw<((at: number, ms: number) => number) | undefined>();
    private fixed = $state<View | undefined>();

    constructor(private readonly session: Session) {}

    get view(): View {
        if (this.fixed) return this.fixed;
        return liveView(this.at, this.span);
    }

    /** How far a needle, and a view, may go: a tenth of blank paper ahead, and nothing before the run. */
    private bound(view: View): View {
        const span = view.to - view.from;
        const from = Math.min(Math.max(view.from, -span * 0.9), this.now - span * 0.1);
        return { from, to: from + span };
    }

    get behind(): number {
        return this.live ? 0 : this.now - this.at;
    }

    /** Once a frame; ms is the page's clock. */
    tick(ms: number, since: number): void {
        this.now = this.recorded ? Math.max(this.now, Number(this.session.status?.nowNs ?? 0n)) : this.session.clock.now(ms);
        if (this.live) this.at = this.now;
        else if (this.playing) this.play(this.pace === 0 && this.told ? this.told(this.at, since) - this.at : since * 1e6 * this.pace);
    }

    private play(ns: number): void {
        this.at = Math.min(this.now, this.at + ns);
        if (this.at >= this.now) {
            this.goLive();
            return;
        }
        const view = this.view;
        const ahead = view.from + (view.to - view.from) * 0.85;
        if (this.at > ahead && this.at - ns <= ahead + ns) this.fixed = { from: view.from + this.at - ahead, to: view.to + this.at - ahead };
        else if (this.at > view.to) this.fixed = { from: this.at - this.span / 2, to: this.at + this.span / 2 };
    }

    setPace(pace: number): void {
        this.pace = pace === 0 && this.told ? 0 : Math.min(10, Math.max(0.1, pace));
    }

    goLive(): void {
        this.live = true;
        this.playing = false;
        this.fixed = undefined;
        this.at = this.now;
    }

    goTo(ns: number): void {
        const at = Math.max(0, Math.min(this.now, ns));
        const view = this.view;
        this.live = false;
        this.playing = false;
        this.fixed = at < view.from || at > view.to ? { from: at - this.span / 2, to: at + this.span / 2 } : view;
        this.at = at;
    }

    toggle(): void {
        if (this.live) this.goTo(this.now);
        else this.playing = !this.playing;
    }

    /** Live, the needle stays where it is and the span changes; else around the anchor. */
    zoom(factor: number, anchor: number): void {
        if (this.live) {
            this.span = Math.min(spanMost, Math.max(spanLeast, this.span * factor));
            return;
        }
        this.fixed = this.bound(zoom(this.view, factor, anchor));
        this.span = this.fixed.to - this.fixed.from;
    }

    /** Looking elsewhere takes the needle along: what the stage shows is in view. */
    private keepNeedle(): void {
        const view = this.view;
        this.at = Math.min(Math.max(this.at, view.from, 0), Math.min(view.to, this.now));
    }

    pan(ns: number): void {
        const view = this.view;
        this.live = false;
        this.playing = false;
        this.fixed = this.bound({ from: view.from + ns, to: view.to + ns });
        this.keepNeedle();
    }

    fit(): void {
        const end = Math.max(this.now, spanLeast);
        this.span = end * 1.12;
        if (!this.live) this.fixed = { from: -end * 0.02, to: end * 1.02 };
    }

    look(view: View): void {
        this.live = false;
        this.playing = false;
        this.fixed = this.bound(view);
        this.span = view.to - view.from;
        this.keepNeedle();
    }

    /** To the beginning of a recording, where it may be played from. */
    rewind(at: number, now: number): void {
        this.now = Math.max(this.now, now);
        this.live = false;
        this.at = Math.min(at, this.now);
        this.span = Math.min(this.span, Math.max(spanLeast, this.now * 1.2));
        this.fixed = { from: this.at - this.span * 0.15, to: this.at + this.span * 0.85 };
    }

    reset(recorded = false): void {
        this.recorded = recorded;
        this.told = undefined;
        this.causes = this.finding = this.cutting = false;
        this.now = 0;
        this.pace = 1;
        this.span = liveSpanUsual;
        this.at = 0;
        this.goLive();
    }
}
