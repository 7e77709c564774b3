// What every stage is given. A stage is a reducer (see model/fold.ts) and a view of its state.

export interface StageProps<S> {
    state: S;
    at: number; // the needle, ns of cluster time
    live: boolean;
    target: number; // the node that is picked
    nameOf: (node: number) => string;
    onjump: (ordinal: number) => void;
    onpick: (node: number) => void;
}

/** What a stage draws along the lanes of the timeline, from its state at any instant. */
export interface Curves<S> {
    name: string; // "φ": also what the button that hides them is called
    max: number;
    limit: (state: S) => number; // a dashed line; NaN: none
    at: (state: S, ns: number) => { lane: number; value: number }[];
}
