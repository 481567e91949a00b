import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const here = (name) => resolve(import.meta.dirname, name);

// Fonts come inlined for every script; only Latin ones stay, the rest falls back to the system's.
// The icon font is inlined once more although Monaco's own style sheet brings it as a file.
const latinFontsOnly = {
  name: 'latin-fonts-only',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('.css')) return null;
    return code.replace(/@font-face\s*\{[^}]*\}/g, (face) => {
      if (/codicon/.test(face)) return /data:/.test(face) ? '' : face;
      return /U\+0000-00FF|U\+0100-024F/i.test(face) ? face : '';
    });
  },
};

// The licences of everything that is bundled, as they ask for.
const licences = {
  name: 'licences',
  generateBundle() {
    const packages = new Set();
    for (const id of this.getModuleIds()) {
      const folder = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id.replace(/^\0/, ''))?.[0];
      if (folder && existsSync(`${folder}/package.json`)) packages.add(folder);
    }
    const texts = [...packages].sort().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : '';
      return `${name} ${version} (${license})\n\n${text}\n`;
    });
    this.emitFile({
      type: 'asset',
      fileName: 'LICENSES.txt',
      source: texts.join(`\n${'-'.repeat(78)}\n\n`),
    });
  },
};

export default defineConfig({
  base: './',
  plugins: [latinFontsOnly, licences],
  resolve: {
    alias: {
      'prettier/plugins/estree': here('json-format.js'),
      'prettier/parser-babel': here('json-format.js'),
    },
  },
  worker: { format: 'es' },
  build: {
    outDir: '../graphiql',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 9000,
    sourcemap: false,
    rollupOptions: {
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
});
