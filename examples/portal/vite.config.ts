import { existsSync, readdirSync, readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const server = process.env.FUBBLE_SERVER ?? 'http://127.0.0.1:8000';

// The licences of everything that is bundled, as they ask for.
const licences: Plugin = {
  name: 'licences',
  generateBundle() {
    const packages = new Set<string>();
    for (const id of this.getModuleIds()) {
      const folder = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id.replace(/^\0/, ''))?.[0];
      if (folder && existsSync(`${folder}/package.json`)) packages.add(folder);
    }
    const texts = [...packages].sort().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : '';
      return `${name} ${version} (${license})\n\n${text}\n`;
    });
    const source = texts.join(`\n${'-'.repeat(78)}\n\n`);
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
  },
};

export default defineConfig({
  base: './',
  plugins: [react(), licences],
  build: {
    outDir: process.env.PORTAL_OUT ?? '../../fubble_gql/static/portal',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/graphql': { target: server, ws: true, rewriteWsOrigin: true, changeOrigin: true },
      '/invoices': { target: server, changeOrigin: true },
    },
  },
});
