// Stands in for two of Prettier's plug-ins (half a megabyte): GraphiQL uses them on JSON alone,
// and jsonc-parser, which is here anyway, formats that.
import { applyEdits, format } from 'jsonc-parser';

const indented = (text) => applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true }));

export const parsers = {
  jsonc: {
    astFormat: 'formatted-json',
    parse: (text) => ({ text: indented(text) }),
    locStart: () => 0,
    locEnd: ({ text }) => text.length,
  },
};
export const printers = { 'formatted-json': { print: ({ node }) => node.text } };
