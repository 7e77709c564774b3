// Paths of 14 × 14, drawn with a stroke of 1.5.
export const paths = {
    kill: 'M2.5 2.5l9 9m0-9l-9 9',
    pause: 'M4.5 2v10M9.5 2v10',
    resume: 'M3.5 1.8v10.4L12 7z',
    restart: 'M7 2a5 5 0 1 1-4.4 2.6M2.2 1.4v3.4h3.4',
    stop: 'M3 3h8v8H3z',
    power: 'M8 1L3 8h4l-1 5 5-7H7z',
    cut: 'M3 12L7 2M7 12l4-10',
    heal: 'M1 7h12M4 4.5v5M10 4.5v5',
    next: 'M3 2v10l6-5zM11 2v10',
    prev: 'M11 2v10L5 7zM3 2v10',
    live: 'M7 1.4a5.6 5.6 0 1 0 0 11.2a5.6 5.6 0 1 0 0-11.2M7 4.6a2.4 2.4 0 1 0 0 4.8a2.4 2.4 0 1 0 0-4.8',
    plus: 'M7 2v10M2 7h10',
    minus: 'M2 7h10',
    fit: 'M1 7h12M3.5 4.5L1 7l2.5 2.5M10.5 4.5L13 7l-2.5 2.5',
    to: 'M1 7h11M8.5 3.5L12 7l-3.5 3.5',
    check: 'M2 7.5l3.2 3.2L12 3.5',
    theme: 'M7 2a5 5 0 1 0 0 10a5 5 0 1 0 0-10M7 2v10M8.5 2.5v9M10 3.2v7.6',
    copy: 'M4.5 4.5h8v8h-8zM9.5 4.5v-3h-8v8h3',
    lock: 'M2.5 6.5h9v6h-9zM4.5 6.5V4a2.5 2.5 0 0 1 5 0v2.5',
    nodes: 'M7 1.3a1.7 1.7 0 1 0 0 3.4a1.7 1.7 0 1 0 0-3.4M3 8.8a1.7 1.7 0 1 0 0 3.4a1.7 1.7 0 1 0 0-3.4M11 8.8a1.7 1.7 0 1 0 0 3.4a1.7 1.7 0 1 0 0-3.4M6.2 4.5L3.8 9M7.8 4.5L10.2 9M4.7 10.5h4.6',
    book: 'M2 2.5h4.2L7 3.3l.8-.8H12v9H7.8L7 12.3l-.8-.8H2zM7 3.3v9',
    search: 'M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8M9 9l3.5 3.5',
    again: 'M7 2a5 5 0 1 1-4.4 2.6M2.2 1.4v3.4h3.4',
    set: 'M1.5 4h11M1.5 10h11M5 2.2v3.6M9 8.2v3.6',
} as const;

export type IconName = keyof typeof paths;
