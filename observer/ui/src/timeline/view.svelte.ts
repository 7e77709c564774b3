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
    private fixed = $state<View | undefined>();

    constructor(private readonly session: Session) {}

    get view(): View {
        if (this.fixed) return this.fixed;
        return liveView(this.at, this.span);
    }

    get behind(): number {
        return this.live ? 0 : this.now - this.at;
    }

    /** Once a frame; ms is the page's clock. */
    tick(ms: number, since: number): void {
        this.now = this.session.clock.now(ms);
        if (this.live) this.at = this.now;
        else if (this.playing) {
            this.at = Math.min(this.now, this.at + since * 1e6);
            if (this.fixed && this.at > this.fixed.to) this.pan(this.at - this.fixed.to + this.span * 0.5);
            if (this.at >= this.now) this.goLive();
        }
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
        this.fixed = zoom(this.view, factor, anchor);
        this.span = this.fixed.to - this.fixed.from;
    }

    pan(ns: number): void {
        const view = this.view;
        this.live = false;
        this.fixed = { from: view.from + ns, to: view.to + ns };
    }

    fit(): void {
        const end = Math.max(this.now, spanLeast);
        this.span = end * 1.12;
        if (!this.live) this.fixed = { from: -end * 0.02, to: end * 1.02 };
    }

    look(view: View): void {
        this.live = false;
        this.playing = false;
        this.fixed = view;
        this.span = view.to - view.from;
        this.at = Math.min(Math.max(this.at, view.from), Math.min(view.to, this.now));
    }

    reset(): void {
        this.span = liveSpanUsual;
        this.at = 0;
        this.goLive();
    }
}
