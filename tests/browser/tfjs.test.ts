// The numbers of the backpropagation module beside TensorFlow.js, which computes in single precision: a
// hundred steps, from each one's own weights, and once more left to itself from the first weights on.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { bin } from './observer';

interface Batch {
    sizes: number[];
    activation: string;
    weights: number[];
    inputs: number[];
    labels: number[];
    gradient: number[];
    loss: number;
}

const steps = 100;
const most = 1e-6;
const folder = mkdtempSync(join(tmpdir(), 'orrery-tfjs-'));
const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run'), XDG_STATE_HOME: join(folder, 'state') };

function orrery(...words: string[]): string {
    const done = spawnSync(join(bin, 'orrery'), words, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
    expect(done.stderr).toBe('');
    expect(done.status).toBe(0);
    return done.stdout;
}

/** What a run tells before each of its first steps. */
function batchesOf(settings: string[]): Batch[] {
    const file = join(folder, 'run.orr');
    orrery('sandbox', 'backpropagation', '--headless', '--for', '1s', '--record', file, ...['seed=1', 'check_every=1', 'every_ms=1', ...settings].flatMap(s => ['--set', s]));
    const lines = orrery('replay', file, '--json').split('\n').filter(line => line.includes('"trace_type":"backpropagation.Batch"'));
    return lines.slice(0, steps).map(line => (JSON.parse(line) as { trace: Batch }).trace);
}

/* A layer's weights are told row by row, and behind the rows its biases. */
function unpack(sizes: number[], numbers: number[]): tf.Tensor[] {
    let at = 0;
    const take = (n: number): number[] => numbers.slice(at, (at += n));
    return sizes.slice(1).flatMap((units, i) => {
        const below = sizes[i] ?? 0;
        return [tf.tensor2d(take(units * below), [units, below]), tf.tensor1d(take(units))];
    });
}

function lossOf(batch: Batch, layers: readonly tf.Tensor[]): tf.Scalar {
    const n = batch.labels.length;
    const classes = batch.sizes[batch.sizes.length - 1] ?? 0;
    let x: tf.Tensor = tf.tensor2d(batch.inputs, [n, batch.sizes[0] ?? 0]);
    for (let k = 0; k < layers.length; k += 2) {
        x = tf.add(tf.matMul(x, layers[k] as tf.Tensor2D, false, true), layers[k + 1] as tf.Tensor1D);
        if (k + 2 < layers.length) x = batch.activation === 'TANH' ? tf.tanh(x) : tf.relu(x);
    }
    return classes === 1
        ? tf.losses.sigmoidCrossEntropy(tf.tensor2d(batch.labels, [n, 1]), x)
        : tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(batch.labels, 'int32'), classes), x);
}

function furthest(ours: readonly number[], theirs: readonly tf.Tensor[]): number {
    const all = theirs.flatMap(t => [...t.dataSync()]);
    expect(all.length).toBe(ours.length);
    return ours.reduce((far, v, i) => Math.max(far, Math.abs(v - (all[i] ?? NaN))), 0);
}

describe.runIf(bin !== '')('backpropagation beside TensorFlow.js', () => {
    beforeAll(async () => {
        mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
        await tf.setBackend('cpu');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    for (const [name, rate, settings] of [
        ['moons, tanh 4-4', 0.3, ['data=moons', 'points=200', 'hidden=4,4', 'activation=tanh']],
        ['spirals, ReLU 8-8', 0.1, ['data=spirals', 'points=200', 'hidden=8,8', 'activation=relu']],
        ['digits, ReLU 16', 0.05, ['data=digits', 'points=400', 'hidden=16', 'activation=relu']],
    ] as const) {
        it(`${name}: the same gradients, and the same way down`, () => {
            const batches = batchesOf([...settings, `rate=${rate}`]);
            expect(batches.length).toBe(steps);
            for (const batch of batches) tf.tidy(() => {
                const { value, grads } = tf.valueAndGrads((...layers) => lossOf(batch, layers))(unpack(batch.sizes, batch.weights));
                expect(Math.abs(batch.loss - (value.dataSync()[0] ?? NaN))).toBeLessThan(most);
                expect(furthest(batch.gradient, grads)).toBeLessThan(most);
            });
            const first = batches[0]!;
            const layers = unpack(first.sizes, first.weights).map(t => tf.variable(t));
            const downhill = tf.train.sgd(rate);
            const apart = batches.map(batch => tf.tidy(() => {
                const value = downhill.minimize(() => lossOf(batch, layers), true);
                return Math.abs(batch.loss - (value?.dataSync()[0] ?? NaN));
            }));
            expect(Math.max(...apart)).toBeLessThan(most);
        }, 60_000);
    }
});
