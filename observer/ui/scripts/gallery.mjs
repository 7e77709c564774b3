// The page that lists exported walkthroughs, with places for their cards: no script, one file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformWithEsbuild } from 'vite';
import { hashOf, styleOf } from './single.mjs';

async function moduleOf(path) {
    const { code } = await transformWithEsbuild(readFileSync(path, 'utf8'), path);
    return import(`data:text/javascript,${encodeURIComponent(code)}`);
}

function drawing(name, glyph) {
    const paths = glyph.paths.map(([cls, d]) => `<path class="${cls}" d="${d}"/>`);
    const discs = glyph.discs.map(([cls, x, y, r]) => `<circle class="${cls}" cx="${x}" cy="${y}" r="${r}"/>`);
    const texts = glyph.texts.map(([x, y, text, cls = 's', anchor = 'start']) => `<text class="${cls}" x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`);
    return `<symbol id="g-${name}" viewBox="0 0 200 88"><g class="gl">${[...paths, ...discs, ...texts].join('')}</g></symbol>`; // where its styles look for it
}

const own = '.group:not(:has(.card)){display:none}.head{padding:26px 0 22px}.head h1{font:400 45px/1.06 var(--serif);letter-spacing:-.012em;text-wrap:balance}.head p{color:var(--ink-2);font-size:15.5px;line-height:1.48;margin:14px 0 0;max-width:70ch}.none{position:absolute}'
    + '@media (max-width:700px){.head h1{font-size:35px}}';

export async function galleryPage(dist, src) {
    const { glyphs, plainGlyph } = await moduleOf(join(src, 'pages/glyphs.ts'));
    const { groups } = await moduleOf(join(src, 'pages/groups.ts'));
    const style = styleOf(dist) + own;
    const sections = [...groups, { id: '', title: 'Other runs', text: 'Recordings of clusters without a walkthrough.' }].map(g => `<section class="group" aria-labelledby="h-${g.id}"><div><h2 id="h-${g.id}">${g.title}</h2><p class="gd">${g.text}</p></div><div class="cards"><!--cards:${g.id}--></div></section>`);
    const drawings = [...Object.entries(glyphs).map(([name, glyph]) => drawing(name, glyph)), drawing('', plainGlyph)];
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hashOf(style)}; font-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>Orrery: recorded walkthroughs</title>
<style>${style}</style>
</head>
<body>
<svg class="none" width="0" height="0" aria-hidden="true">${drawings.join('')}</svg>
<main class="wrap">
<div class="head"><h1>See the moving part before memorizing the term.</h1><p>Each of these is a recorded run: every message of it is there to be played, stopped and looked into, without a server. To break one yourself: <code>orrery run heartbeat</code>.</p></div>
${sections.join('\n')}
</main>
</body>
</html>
`;
}
