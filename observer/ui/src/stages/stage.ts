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
