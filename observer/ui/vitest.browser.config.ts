import { defineConfig } from 'vitest/config';

// tests/browser, copied beside the page's own folder as browser/ (see scripts/launcher/test.sh).
export default defineConfig({
    test: {
        include: ['browser/**/*.test.ts'], globalSetup: ['browser/setup.ts'], environment: 'node',
        testTimeout: 180_000, hookTimeout: 120_000, fileParallelism: false,
        server: { deps: { inline: [/@tensorflow/] } }, // its gradients come as modules that node does not read
        retry: 1, // a browser on a busy machine has a second chance, and the report says that it took it
    },
});
