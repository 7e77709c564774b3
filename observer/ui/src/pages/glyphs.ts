// The glyphs of the catalogue's cards: 200 × 88, ink for the machine, brass for the part that moves.
// Each shape is [element class, path or circle]; text only where a mark would be a riddle.

export interface Glyph {
    paths: [string, string][];
    discs: [string, number, number, number][];
    texts: [number, number, string][];
}

function box(x: number, y: number, w: number, h: number): string {
    return `M${x} ${y}h${w}v${h}h${-w}z`;
}

export const glyphs: Record<string, Glyph> = {
    // A bucket whose drop of a token falls, beside a window that slides over marks.
    'rate-limiting': {
        paths: [
            ['l', 'M34 18V66H44v8M74 18V66H64v8'],
            ['bf', box(38, 52, 32, 11)],
            ['bf', box(38, 39, 32, 11)],
            ['h', 'M104 56H190'],
            ['b2', box(128, 40, 46, 30)],
            ['h', 'M128 78v4M174 78v4'],
        ],
        discs: [['bf', 54, 24, 3.6], ['o', 112, 56, 3.4], ['o', 136, 56, 3.4], ['o', 148, 56, 3.4], ['o', 154, 56, 3.4], ['o', 168, 56, 3.4], ['o', 184, 56, 3.4]],
        texts: [],
    },
    heartbeat: {
        paths: [
            ['h', 'M16 70H184'],
            ['l', 'M24 70v-14M40 70v-14M56 70v-14M72 70v-14M88 70v-14M104 70v-14'],
            ['b2', 'M104 70C136 70 150 60 164 12'],
            ['d', 'M16 26H184'],
        ],
        discs: [['bf', 159, 26, 3.6]],
        texts: [[20, 21, 'φ = 8']],
    },
    backpropagation: {
        paths: [
            ['l', 'M33 26L93 16M33 26L93 44M33 26L93 72M33 62L93 16M33 62L93 44M33 62L93 72M107 16L165 44M107 72L165 44'],
            ['b2', 'M158 41L110 41'],
            ['bf', 'M106 41l8-3.8v7.6z'],
        ],
        discs: [['o', 26, 26, 7], ['o', 26, 62, 7], ['o', 100, 16, 7], ['o', 100, 44, 7], ['o', 100, 72, 7], ['bf', 172, 44, 7]],
        texts: [[122, 34, '∂L/∂w']],
    },
    wal: {
        paths: [
            ...[20, 38, 56, 74, 92, 110].map((x): [string, string] => ['o', box(x, 16, 16, 18)]),
            ['bf', box(128, 16, 16, 18)],
            ['b2', 'M172 25H154'],
            ['bf', 'M148 25l8 3.6v-7.2z'],
            ['o', box(60, 54, 44, 26)],
            ['h', 'M60 62h44M60 70h44'],
            ['d', 'M82 36V50'],
            ['b2', 'M144 38v6'],
        ],
        discs: [],
        texts: [[112, 71, 'page, later'], [20, 52, 'fsync']],
    },
};

export const plainGlyph: Glyph = {
    paths: [['h', 'M60 30L100 60L140 30Z']],
    discs: [['o', 60, 30, 8], ['o', 140, 30, 8], ['bf', 100, 60, 8]],
    texts: [],
};
