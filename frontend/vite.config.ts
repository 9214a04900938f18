import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  // Relative addresses: the bundle works under any static prefix.
  base: './',
  resolve: {
    alias: {
      // Cornerstone reaches xmlbuilder2 through vtk.js' XML reader; it needs Node's `events` and kills the page.
      xmlbuilder2: path('src/stubs/xmlbuilder2.ts'),
    },
  },
  worker: { format: 'es' },
  build: {
    outDir: path('../mediqa_platform/static/bundle'),
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    // An inlined wasm file would be a data: address, which connect-src 'self' refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 6000,
    rollupOptions: {
      input: {
        reading: path('src/entries/reading.ts'),
        replay: path('src/entries/replay.ts'),
        upload: path('src/entries/upload.ts'),
        report: path('src/entries/report.ts'),
        displayCheck: path('src/entries/displayCheck.ts'),
      },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
});
