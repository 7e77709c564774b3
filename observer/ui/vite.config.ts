import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
    plugins: [svelte()],
    base: './',
    // Everything comes as files of our own: the policy that the observer sends allows nothing inline.
    build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: false },
    test: { include: ['tests/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
});
