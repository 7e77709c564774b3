// How a recorded lab went: where it stood at any instant of its run.
import type { LabMoment, LabState } from '../wire/gen/lab_pb';

/** The newest state at or before an instant; before all of them, the first. */
export function stateAt(story: readonly LabMoment[], ns: number): LabState | undefined {
    let low = 0;
    let high = story.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((story[middle]?.atNs ?? 0) <= ns) low = middle + 1;
        else high = middle;
    }
    return story[Math.max(0, low - 1)]?.state;
}

/** When a step of the walkthrough began; nothing where it was never come to. */
export function beganAt(story: readonly LabMoment[], beat: number): number | undefined {
    return story.find(m => m.state?.beat === beat)?.atNs;
}

const nativeNs = 1e6; // of the run in a millisecond of the reader's
const movingShare = 0.75; // of a step's time; the rest is for what was seen

/** Takes the needle through the steps in the time that their captions are written for, and no faster than it was. */
export class Reader {
    private beat = 0;
    private readMs = 0;

    constructor(private readonly story: readonly LabMoment[], private readonly seconds: readonly number[]) {}

    next(at: number, ms: number): number {
        const beat = stateAt(this.story, at)?.beat ?? 0;
        if (beat !== this.beat) this.readMs = 0;
        this.beat = beat;
        this.readMs += ms;
        const from = beganAt(this.story, beat) ?? 0;
        const to = this.story.find(m => m.atNs > at && m.state?.beat !== beat)?.atNs ?? this.story[this.story.length - 1]?.atNs ?? 0;
        if (at >= to) return at + nativeNs * ms; // the walkthrough is over
        const writtenMs = (this.seconds[beat - 1] ?? 0) * 1000;
        if (this.readMs >= writtenMs) return Math.max(to, at);
        const rate = Math.min(nativeNs, (to - from) / (writtenMs * movingShare));
        return Math.max(at, Math.min(at + rate * ms, to - 1));
    }
}
