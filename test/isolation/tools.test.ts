/** What an agent's own container reaches through the proxy of tools. Nothing public can be reached here, so what is allowed is refused for its address. */
import { agentFiles, namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { agentName, createTenant, deleteTenant, type LiveTenant } from '../e2e/support/tenants.ts';
import { until } from '../e2e/support/until.ts';
import { openWorld, type World } from '../e2e/support/world.ts';

const inCluster = 'kubernetes.default.svc.cluster.local';

let world: World;
let one: LiveTenant;
let two: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  const egress = { domains: [`*.svc.cluster.local`, 'allowed.example'], ports: [443, 80] };
  [one, two] = await Promise.all([
    createTenant(world, { name: 'tools-one', spec: { network: { egress } } }),
    createTenant(world, { name: 'tools-two' }),
  ]);
  await until('egress to know tools-one', async () => (await attempt(one, [`${inCluster}:443`]))[0] !== 'proxy_token_invalid', {
    within: 10_000,
  });
});
afterAll(async () => {
  await Promise.all(['tools-one', 'tools-two'].map((name) => deleteTenant(world, name)));
});

/** Asks for one connection after another, with the pod's own token or another, and prints the code of each refusal, or `connected`. */
const script = `
const http = require('node:http');
const [asked, file, other] = process.argv.slice(1);
const token = other || require('node:fs').readFileSync(file, 'utf8');
const proxy = new URL(process.env.HTTPS_PROXY || 'http://egress.${namespaces.system}.svc:80');
const attempt = (path) => new Promise((resolve) => {
  const headers = { 'proxy-authorization': 'Bearer ' + token };
  const request = http.request({ host: proxy.hostname, port: proxy.port || 80, method: 'CONNECT', path, headers, agent: false });
  request.once('error', (error) => resolve(error.code));
  request.once('connect', ({ statusCode }, socket, head) => {
    if (statusCode === 200) { socket.destroy(); resolve('connected'); return; }
    let text = head.toString();
    socket.on('data', (piece) => (text += piece)).once('error', () => undefined).once('close', () => resolve(JSON.parse(text).error.code));
  });
  request.end();
});
(async () => {
  const answers = [];
  for (const path of JSON.parse(asked)) answers.push(await attempt(path));
  console.log(JSON.stringify(answers));
})();`;

async function attempt({ namespace }: LiveTenant, asked: readonly string[], token = ''): Promise<readonly string[]> {
  const command = ['node', '-e', script, JSON.stringify(asked), agentFiles.egressToken, token];
  const answer = await world.kubectl.run(['exec', '-n', namespace, `deployment/${agentName}`, '--', ...command]);
  return z.array(z.string()).parse(JSON.parse(answer));
}

test.each([
  ['an allowed name that leads to the API server', `${inCluster}:443`, 'address_not_public'],
  ['an allowed name that leads to egress itself', `egress.${namespaces.system}.svc.cluster.local:80`, 'address_not_public'],
  ["an allowed name that leads to another tenant's agent", `${agentName}.tenant-tools-two.svc.cluster.local:80`, 'address_not_public'],
  ['an allowed name that does not exist', 'allowed.example:443', 'host_unreachable'],
  ['a name that is not allowed', 'api.example.com:443', 'domain_not_allowed'],
  ['a name below one that is allowed', 'x.allowed.example:443', 'domain_not_allowed'],
  ['a port that is not allowed', `${inCluster}:6443`, 'port_not_allowed'],
  ['an address', '10.0.0.1:443', 'authority_invalid'],
  ['the address of the metadata service', '169.254.169.254:80', 'authority_invalid'],
])('%s is refused, and the agent is told why', async (_, authority, code) => {
  expect(await attempt(one, [authority])).toEqual([code]);
});

test('the tenant that names no domain reaches none', async () => {
  expect(await attempt(two, [`${inCluster}:443`, 'allowed.example:443'])).toEqual(['domain_not_allowed', 'domain_not_allowed']);
});

test('a token that is none is worth nothing', async () => {
  expect(await attempt(one, [`${inCluster}:443`], 'nonsense')).toEqual(['proxy_token_invalid']);
});

test('a domain that is taken off the list is refused at once, without another pod', async () => {
  const patch = JSON.stringify({ spec: { network: { egress: { domains: ['other.example'] } } } });
  await world.kubectl.run(['patch', 'tenant', one.name, '--type=merge', '-p', patch]);
  await until('the domain to be refused', async () => (await attempt(one, [`${inCluster}:443`]))[0] === 'domain_not_allowed', {
    within: 10_000,
  });
});
