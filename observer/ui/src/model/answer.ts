// What was measured for an exercise, as a figure with its unit. The observer tells the number; that it
// is a time or a share is said by the conditions of the choices: "< 150 ms", "> 5 %".
import type { Exercise, ExerciseState } from '../wire/gen/lab_pb';
import { duration, sp } from './format';

/* Of measures whose name is not what is counted. */
const sayings: Record<string, (n: number) => string> = {
    'at-once': n => `${n} at once`,
    'worst-window': n => `${n} in the worst window`,
    'first-admitted': n => `n${n} was first`,
    ratio: n => `${Number(n.toPrecision(3))} times as much`,
};

export function measuredWords(exercise: Exercise, state: ExerciseState): string {
    const n = state.measuredNumber;
    if (exercise.number) return `${Number(n.toPrecision(4))}${exercise.number.unit ? sp + exercise.number.unit : ''}`;
    const when = exercise.when.join(' ');
    if (/\d\s*(ns|us|ms|s)\b/.test(when)) return duration(n * 1e6);
    if (when.includes('%')) return `${Number(n.toPrecision(3))}${sp}%`;
    const [kind = ''] = exercise.measure.split(' ');
    const field = (/^field .*name=(\w+)/.exec(exercise.measure)?.[1] ?? '').replaceAll('_', ' ');
    const exact = Number(n.toPrecision(6));
    if (field) return Number.isInteger(n) ? `${exact} ${field}` : `a ${field} of ${Number(n.toPrecision(4))}`;
    return sayings[kind]?.(exact) ?? `${exact} ${kind}`.trim();
}
