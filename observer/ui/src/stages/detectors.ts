// The three detectors' own formulas, so that between two events a needle stands where the node's
// detector would see it: node/modules/phi.h, fixed.h and adaptive.h say the same in C.

const ln10 = Math.LN10;
const lnSqrt2Pi = 0.918938533204672742;

/** erfc, to about 1e-15: the series near zero, the continued fraction beyond. */
export function erfc(x: number): number {
    if (x < 0) return 2 - erfc(-x);
    if (x < 2.5) {
        let term = x;
        let sum = x;
        for (let n = 1; n < 120 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
            term *= (-x * x) / n;
            sum += term / (2 * n + 1);
        }
        return 1 - (2 / Math.sqrt(Math.PI)) * sum;
    }
    let f = 0;
    for (let k = 80; k > 0; k--) f = k / 2 / (x + f);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}

function lnTailFar(z: number): number {
    let term = 1;
    let sum = 1;
    for (let k = 1; k <= 8; k++) {
        term *= -(2 * k - 1) / (z * z);
        sum += term;
    }
    return (-z * z) / 2 - lnSqrt2Pi - Math.log(z) + Math.log(sum);
}

/** −log10 P(X > z) of the standard normal distribution. */
export function phiTail(z: number): number {
    if (z < 0) return -Math.log1p(-erfc(-z * Math.SQRT1_2) / 2) / ln10;
    if (z < 20) return -Math.log10(erfc(z * Math.SQRT1_2) / 2);
    return -lnTailFar(z) / ln10;
}

/** z such that phiTail(z) = level > 0. */
export function phiQuantile(level: number): number {
    let z = Math.sqrt(2 * ln10 * level);
    for (let i = 0; i < 100; i++) {
        const tail = phiTail(z);
        const slope = (-z * z) / 2 - lnSqrt2Pi + tail * ln10;
        const step = ((tail - level) * ln10) / Math.exp(slope);
        z -= step;
        if (Math.abs(step) <= 1e-12 * (1 + Math.abs(z))) break;
    }
    return z;
}

/** phi at a silence, for gaps of this mean and deviation (all in the same unit). */
export function phiLevel(silence: number, mean: number, deviation: number): number {
    if (deviation > 0) return phiTail((silence - mean) / deviation);
    return silence < mean ? 0 : Infinity;
}

export interface Spread {
    mean: number;
    deviation: number;
}

export function spread(values: readonly number[]): Spread {
    if (values.length === 0) return { mean: 0, deviation: 0 };
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    return { mean, deviation };
}
