/** The example operator, with no rights but those of its manifest: from its sources, and in a project that installed the package. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Cluster } from './cluster/cluster.ts';
import { isTrue } from './conditions.ts';
import { isRecord, textOf } from './json.ts';
import { kind } from './kind.ts';
import type { Condition, Resource } from './resource.ts';
import { eventually } from './testing/eventually.ts';
import { checkTypes, outsideProject, readInstalled, type OutsideProject } from './testing/outside-project.fixture.ts';
import { configMaps, connectReal, freshNamespace, namespaces } from './testing/real-cluster.fixture.ts';

const examples = join(import.meta.dirname, '..', 'examples');
const greetings = kind<Resource<{ name: string }, { conditions?: Condition[] }>>('example.dev/v1', 'Greeting');
/** A new process on a machine that is busy with other tests. */
const patienceMs = 60_000;
let cluster: Cluster;
let namespace: string;
let temporary: string;
let operator: ChildProcess | undefined;
let said: string;

beforeAll(async () => {
  cluster = await connectReal();
  temporary = mkdtempSync(join(tmpdir(), 'greeter-'));
  for (const document of parseAllDocuments(readFileSync(join(examples, 'hello-operator.yaml'), 'utf8'))) {
    const object = kind('v1', 'Any').accept(document.toJS());
    await cluster.apply(kind(object.apiVersion ?? '', object.kind ?? ''), object);
  }
  await eventually('its kind is served', () => isServed(), patienceMs);
  writeFileSync(join(temporary, 'kubeconfig'), await kubeconfigOfGreeter());
});
beforeEach(async () => {
  namespace = await freshNamespace(cluster);
});
afterEach(async () => {
  operator?.kill('SIGKILL');
  await cluster.delete(greetings, { name: 'ada', namespace });
  await cluster.delete(namespaces, { name: namespace });
});
afterAll(async () => {
  rmSync(temporary, { recursive: true });
  await cluster.close();
});

const isServed = (): Promise<boolean> =>
  cluster.list(greetings).then(
    () => true,
    () => false,
  );

/** The test's own kubeconfig with a token of the example's account in place of the administrator. */
async function kubeconfigOfGreeter(): Promise<string> {
  const path = '/api/v1/namespaces/default/serviceaccounts/greeter/token';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const answer = await cluster.request({ method: 'POST', path, body });
  const status = isRecord(answer) && isRecord(answer['status']) ? answer['status'] : {};
  const config: unknown = parse(readFileSync(process.env['CLOISTER_TEST_KUBECONFIG'] ?? '', 'utf8'));
  if (!isRecord(config) || !Array.isArray(config['contexts'])) throw new Error('the kubeconfig has no contexts');
  const contexts = config['contexts'].map((one: unknown) => (isRecord(one) && isRecord(one['context']) ? one : {}));
  const users = [{ name: 'greeter', user: { token: textOf(status['token']) } }];
  return stringify({ ...config, users, contexts: contexts.map((one) => ({ ...one, context: { ...contextOf(one), user: 'greeter' } })) });
}

const contextOf = (entry: object): object => ('context' in entry && isRecord(entry.context) ? entry.context : {});

function start(program: string): ChildProcess {
  const env = { ...process.env, KUBECONFIG: join(temporary, 'kubeconfig'), METRICS_PORT: '0' };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return child;
}

async function greetsAndEnds(program: string): Promise<void> {
  operator = start(program);
  await cluster.apply(greetings, { metadata: { name: 'ada', namespace }, spec: { name: 'Ada' } });
  const text = async () => (await cluster.get(configMaps, { name: 'ada', namespace }))?.data?.['text'];
  const ready = async () => isTrue((await cluster.get(greetings, { name: 'ada', namespace }))?.status?.conditions, 'Ready');
  await eventually('it greets', async () => (await text()) === 'Hello Ada' && (await ready()), patienceMs).catch((error: unknown) => {
    throw new Error(said, { cause: error });
  });
  await cluster.delete(configMaps, { name: 'ada', namespace });
  await eventually('it greets again', async () => (await text()) === 'Hello Ada', patienceMs);
  const ended = new Promise((resolve) => operator?.once('exit', (code) => resolve(code)));
  operator.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(said).not.toMatch(/cannot \w+ resource|"level":"error"/); // in the words of RBAC
}

test(
  'the example operator greets, heals, and ends in order when told to',
  () => greetsAndEnds(join(examples, 'hello-operator.ts')),
  3 * patienceMs,
);

test('the example operator has less than 100 lines', () => {
  expect(readFileSync(join(examples, 'hello-operator.ts'), 'utf8').split('\n').length).toBeLessThan(100);
});

describe('in a project that installed the package', () => {
  let project: OutsideProject;
  beforeAll(() => {
    project = outsideProject();
  }, 120_000);
  afterAll(() => rmSync(project.folder, { recursive: true }));

  test('there is what belongs there and nothing else', () => {
    const roots = new Set(project.packed.map((path) => path.split('/')[1]));
    expect([...roots].sort()).toEqual(['LICENSE', 'README.md', 'docs', 'examples', 'lib', 'package.json']);
    expect(project.packed.filter((path) => path.includes('/lib/') && !/\.(js|d\.ts)$/.test(path))).toEqual([]);
    expect(project.packed.filter((path) => /\.(test|fixture|double)\./.test(path))).toEqual([]);
    expect(JSON.parse(readInstalled(project, 'package.json'))).toMatchObject({ name: 'kube-runtime', license: 'Apache-2.0' });
    expect(readInstalled(project, 'package.json')).not.toContain('"private"');
  });

  test('the types of the example fit', () => checkTypes(project), 120_000);

  test(
    'the example operator greets, heals, and ends in order when told to',
    () => greetsAndEnds(join(project.folder, 'hello-operator.ts')),
    3 * patienceMs,
  );
});
