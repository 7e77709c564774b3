// The built page as one HTML file that asks nobody for anything: its script, styles and fonts are in
// it, its policy allows these alone, and a run has its place in it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const place = '<!--run-->'; // as observer/web/single.c looks for it

const styleLink = /<link rel="stylesheet"[^>]* href="([^"]+)">/g;

function inData(type, path) {
    return `data:${type};base64,${readFileSync(path).toString('base64')}`;
}

export function hashOf(text) {
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The one match of a pattern, so that a page that is built otherwise is no page without its script. */
function only(html, pattern) {
    const found = [...html.matchAll(pattern)];
    if (found.length !== 1) throw new Error(`${pattern}: ${found.length} of them, not one`);
    return found[0];
}

/** The styles with their fonts in them. */
export function styleOf(dist) {
    const [, path] = only(readFileSync(join(dist, 'index.html'), 'utf8'), styleLink);
    const style = readFileSync(join(dist, path), 'utf8')
        .replace(/url\(["']?(?:\.\/)?([\w.-]+\.woff2)["']?\)/g, (_, name) => `url(${inData('font/woff2', join(dist, 'assets', name))})`);
    if (/url\((?!data:|#)/.test(style)) throw new Error('the styles want a file that is not in them');
    return style;
}

export function singlePage(dist) {
    let html = readFileSync(join(dist, 'index.html'), 'utf8');
    const [scriptTag, scriptPath] = only(html, /<script type="module"[^>]* src="([^"]+)"><\/script>/g);
    const [styleTag] = only(html, styleLink);
    const [iconTag, iconPath] = only(html, /<link rel="icon"[^>]* href="([^"]+)"[^>]*>/g);
    const script = readFileSync(join(dist, scriptPath), 'utf8').replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
    const style = styleOf(dist);
    const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; font-src data:; img-src data:; base-uri 'none'; form-action 'none'`;
    html = html
        .replace(scriptTag, '')
        .replace(styleTag, () => `<style>${style}</style>`)
        .replace(iconTag, () => `<link rel="icon" href="${inData('image/svg+xml', join(dist, iconPath))}" type="image/svg+xml">`)
        .replace('<meta charset="utf-8">', tag => `${tag}\n<meta http-equiv="Content-Security-Policy" content="${policy}">`)
        .replace('what the observer sends', 'a run that it has in it')
        .replace('</body>', () => `${place}\n<script type="module">${script}</script>\n</body>`);
    return html;
}
