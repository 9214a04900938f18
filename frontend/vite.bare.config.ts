import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The page that the reading room is measured against; built by the benchmark alone: `vite build -c … --outDir FOLDER`. */
export default defineConfig({
  base: './',
  resolve: { alias: { xmlbuilder2: path('src/stubs/xmlbuilder2.ts') } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 6000,
    rollupOptions: { input: { bare: path('benchmark/bare.ts') }, output: { entryFileNames: '[name].js' } },
  },
});
