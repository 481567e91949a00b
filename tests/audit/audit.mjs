// The GraphQL-over-HTTP specification's own audits, against a running server:
//   node audit.mjs <url> [--header 'Name: value']...
// Prints JSON: for each level (MUST, SHOULD, MAY) how many of how many hold, and every failure.
import { serverAudits } from 'graphql-http';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { header: { type: 'string', multiple: true, default: [] } },
});
const headers = Object.fromEntries(
  values.header.map((line) => line.split(/:\s*(.*)/s).slice(0, 2)),
);
const fetchFn = (url, init = {}) => fetch(url, { ...init, headers: { ...headers, ...init.headers } });

const counts = {};
const failures = [];
for (const audit of serverAudits({ url: positionals[0], fetchFn })) {
  const [level] = audit.name.split(' ');
  const { status, reason, response } = await audit.fn();
  if (response?.body && !response.bodyUsed) await response.body.cancel();
  counts[level] ??= [0, 0];
  counts[level][0] += status === 'ok';
  counts[level][1] += 1;
  if (status !== 'ok') failures.push(`${audit.id} ${audit.name}: ${reason}`);
}
console.log(JSON.stringify({ counts, failures }, null, 1));
