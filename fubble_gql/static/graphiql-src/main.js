// GraphiQL with the explorer and the history, told by the page which address, headers and tabs to use.
import './workers.js';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './main.css';
import { createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import { Kind, parse } from 'graphql';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { storageWithoutHeaders } from './storage.js';

const { url: path, headers, tabs } = JSON.parse(
  document.getElementById('graphiql-config').textContent,
);
const url = new URL(path, location.href);
const subscriptionUrl = new URL(url);
subscriptionUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

const send = createGraphiQLFetcher({ url: url.href, subscriptionUrl: subscriptionUrl.href });

// For a tenth of a second after a change of tabs GraphiQL still holds the other tab's document.
function fetcher(call, options) {
  let documentAST;
  try {
    documentAST = parse(call.query);
  } catch {
    return send(call, options); // the server says what is wrong with it
  }
  const names = documentAST.definitions
    .filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    .map(({ name }) => name?.value);
  const only = names.length === 1 ? names[0] : undefined;
  const operationName = names.includes(call.operationName) ? call.operationName : only;
  return send({ ...call, operationName }, { ...options, documentAST });
}

const explorer = explorerPlugin();
const page = {
  fetcher,
  storage: storageWithoutHeaders(headers),
  plugins: [explorer, HISTORY_PLUGIN],
  visiblePlugin: explorer,
  defaultHeaders: headers || undefined,
  defaultTabs: tabs?.length ? tabs : undefined,
  defaultEditorToolsVisibility: 'variables',
  inputValueDeprecation: true,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
};
createRoot(document.getElementById('graphiql')).render(
  h(GraphiQL, page, h(GraphiQL.Logo, null, 'fubble')),
);
