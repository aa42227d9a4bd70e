import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseImage } from './images/images.ts';
import { loadImages } from './images/load.ts';
import { base } from './images/recipes.ts';
import { applyAll, kubectl } from './kubectl.ts';
import { restrictedContainer, restrictedPod } from './manifests/pod.ts';
import { silent } from './progress.ts';
import { testCluster, type Cluster } from './status.ts';

/** Another one each time: the last run's may still be going away. */
const namespace = `embedded-cluster-${Date.now().toString(36)}`;
const host = 'embedded.test';
let cluster: Cluster;

/** Says its name at once, and the rest of its answer a second later. */
const streamer =
  "require('http').createServer((q,s)=>{s.write(process.env.HOSTNAME+' '+q.headers.host+' ');setTimeout(()=>s.end('end'),1000)}).listen(8080)";

const connect = (target: string, port: number): string =>
  `const s=require('net').connect({host:'${target}',port:${port},timeout:2000});` +
  "s.on('connect',()=>{console.log('open');process.exit()});s.on('timeout',()=>{console.log('closed');process.exit()});" +
  "s.on('error',()=>{console.log('closed');process.exit()})";

const pod = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name } },
  spec: {
    securityContext: restrictedPod(65532),
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'node', image: base, args: ['-e', streamer], securityContext: restrictedContainer }],
  },
});

const inPod = async (name: string, script: string): Promise<string> =>
  (await kubectl(cluster.dir, ['exec', '-n', namespace, name, '--', 'node', '-e', script])).trim();

async function eventually(expected: string, look: () => Promise<string>): Promise<void> {
  for (let left = 50; (await look()) !== expected && left > 0; left--) await sleep(100);
  expect(await look()).toBe(expected);
}

beforeAll(async () => {
  cluster = await testCluster();
  await loadImages(cluster.pid, [await baseImage(silent())]);
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await applyAll(cluster.dir, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    pod('server'),
    pod('client'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'server', namespace },
      spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'server', namespace },
      spec: {
        ingressClassName: 'nginx',
        rules: [
          { host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'server', port: { number: 80 } } } }] } },
        ],
      },
    },
  ]);
  await kubectl(cluster.dir, ['wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=60s']);
});

afterAll(() => kubectl(cluster.dir, ['delete', 'namespace', namespace, '--wait=false']));

describe('the embedded cluster', () => {
  it('resolves Services by name, and no name outside of it', async () => {
    const lookUp = (name: string): string => `require('dns').lookup('${name}',(e,a)=>console.log(e?'none':a))`;
    expect(await inPod('client', lookUp('kubernetes.default.svc'))).toBe(cluster.serviceCIDR.replace('0.0/16', '0.1'));
    expect(await inPod('client', lookUp('example.com'))).toBe('none');
  });

  it('lets pods reach each other through a Service until a policy forbids it', async () => {
    const reach = (): Promise<string> => inPod('client', connect(`server.${namespace}`, 80));
    await eventually('open', reach);
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'deny', namespace },
      spec: { podSelector: { matchLabels: { app: 'server' } } },
    };
    await applyAll(cluster.dir, [policy]);
    await eventually('closed', reach);
    await kubectl(cluster.dir, ['delete', 'networkpolicy', '-n', namespace, 'deny']);
    await eventually('open', reach);
  });

  it('keeps strangers away from Postgres and Redis', async () => {
    expect(await inPod('client', connect('postgres.cloister-data', 5432))).toBe('closed');
    expect(await inPod('client', connect('redis.cloister-data', 6379))).toBe('closed');
  });

  it('gives pods no way out of the machine', async () => {
    expect(await inPod('client', connect('192.0.2.1', 443))).toBe('closed');
  });

  it('serves an Ingress by its host on loopback, and no other host by it', async () => {
    const ask = async (name: string): Promise<string> => {
      const answer = await request(cluster.ingressURL, { headers: { host: name } });
      return `${answer.statusCode} ${await answer.body.text()}`;
    };
    await eventually(`200 server ${host} end`, () => ask(host));
    expect(await ask('other.test')).not.toContain('server');
  });

  it('passes a stream on as it comes', async () => {
    const { body } = await request(cluster.ingressURL, { headers: { host } });
    const arrivals: number[] = [];
    for await (const _ of body) arrivals.push(performance.now());
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(500);
  });

  it('says in the status of an Ingress where it is served', async () => {
    const address = (): Promise<string> =>
      kubectl(cluster.dir, ['get', 'ingress', '-n', namespace, 'server', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}']);
    await eventually(cluster.nodeIP, address);
  });

  it('notes in its audit log who wrote what', async () => {
    await kubectl(cluster.dir, ['create', 'configmap', '-n', namespace, 'noted']);
    const events = (await readFile(cluster.auditLog, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(`"namespace":"${namespace}","name":"noted"`));
    expect(events).toHaveLength(1);
    expect(events[0]).toContain('"username":"cloister-admin"');
  });
});
