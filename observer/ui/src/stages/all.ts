// The stages there are, by a lab's `stage` or a sandbox's protocol.
import type { Component } from 'svelte';
import type { Reducer } from '../model/fold';
import type { Curves, StageProps } from './stage';
import { phiCurves } from './phi';
import { heartbeat } from './heartbeat';
import HeartbeatView from './Heartbeat.svelte';
import { wal } from './wal';
import WalView from './Wal.svelte';
import { ratelimit } from './ratelimit';
import RateLimitView from './RateLimit.svelte';
import { backpropagation } from './backpropagation';
import BackpropagationView from './Backpropagation.svelte';
import { lossCurves } from './loss';
import { raft } from './raft/raft';
import RaftView from './raft/Raft.svelte';
import { plain } from './plain';
import PlainView from './Plain.svelte';

export interface Stage<S> {
    reducer: Reducer<S>;
    view: Component<StageProps<S>>;
    curves?: Curves<S>;
}

const stages: Record<string, Stage<never>> = {
    heartbeat: { reducer: heartbeat, view: HeartbeatView, curves: phiCurves } as unknown as Stage<never>,
    backpropagation: { reducer: backpropagation, view: BackpropagationView, curves: lossCurves } as unknown as Stage<never>,
    wal: { reducer: wal, view: WalView } as unknown as Stage<never>,
    kv: { reducer: wal, view: WalView } as unknown as Stage<never>,
    raft: { reducer: raft, view: RaftView } as unknown as Stage<never>,
    limiter: { reducer: ratelimit, view: RateLimitView } as unknown as Stage<never>,
    'rate-limiting': { reducer: ratelimit, view: RateLimitView } as unknown as Stage<never>,
};
const fallback = { reducer: plain, view: PlainView } as unknown as Stage<never>;

export function stageOf(stage: string, protocol: string): Stage<never> {
    return stages[stage] ?? stages[protocol] ?? fallback;
}
