import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { parseConfiguration } from '../../operator/src/settings.ts';
import { chart, helmOf, type Helm } from './support/helm.ts';
import { openWorld, type World } from './support/world.ts';

const system = 'cloister-system';
const kubernetes = ['--kube-version', '1.36.3'];
const configMap = z.object({ data: z.record(z.string(), z.string()) });
const mounted = z.object({ name: z.string(), mountPath: z.string() });
const item = z.object({ key: z.string(), path: z.string() });
const volume = z.object({ name: z.string(), secret: z.object({ secretName: z.string(), items: z.array(item).optional() }).optional() });
const container = z.object({ env: z.array(z.object({ name: z.string(), value: z.string().optional() })), volumeMounts: z.array(mounted) });
const podSpec = z.object({ containers: z.tuple([container]), volumes: z.array(volume) });
const deployment = z.object({ spec: z.object({ template: z.object({ spec: podSpec }) }) });

let helm: Helm;
let world: World;
beforeAll(async () => {
  world = await openWorld();
  helm = helmOf(world.cluster.helm);
});

const render = (...args: readonly string[]) => helm('template', 'cloister', chart, '-n', system, ...kubernetes, ...args);

describe('the chart', () => {
  test('has nothing for helm lint to find', () => {
    expect(helm('lint', '--strict', chart, ...kubernetes)).toMatchObject({ code: 0 });
  });

  test('renders to the same text every time, so that an upgrade without a change restarts nothing', () => {
    expect(render().stdout).toBe(render().stdout);
  });

  test.each([
    ['edge.replica=3', "'replica' not allowed"],
    ['logLevel=loud', '/logLevel'],
    ['postgres.port=0', '/postgres/port'],
    ['images.operator.digest=latest', '/images/operator/digest'],
    ['edge.sharedHosts[0]=https://x', '/edge/sharedHosts/0'],
    ['tracing.ratio=2', '/tracing/ratio'],
    ['tracing.endpoint=collector:4318', '/tracing/endpoint'],
  ])('refuses the value %s and names it', (value, named) => {
    const { code, stderr } = render('--set', value);
    expect(code).not.toBe(0);
    expect(stderr).toContain(named);
  });

  test.each(['access', 'keys', 'providers'])('refuses to have tenants’ own keys in the place of namespaces.%s', (other) => {
    const { code, stderr } = render('--set', `namespaces.ownKeys=same,namespaces.${other}=same,namespaces.create=false`);
    expect(code).not.toBe(0);
    expect(stderr).toContain('namespaces.ownKeys is "same"');
  });

  test('gives the operator settings that it understands', () => {
    const [document] = parseAllDocuments(render('-s', 'templates/operator/config.yaml').stdout);
    const text = configMap.parse(document?.toJS()).data['operator.yaml'] ?? '';
    expect(parseConfiguration(text, 'operator.yaml')).toMatchObject({ systemNamespace: system, concurrency: 24 });
  });

  test('has alerts as a PrometheusRule, where they are asked for', () => {
    const args = ['-s', 'templates/alerts.yaml', '--set', 'alerts.enabled=true,alerts.labels.release=prometheus'] as const;
    const rule: unknown = parse(render(...args).stdout);
    expect(rule).toMatchObject({
      kind: 'PrometheusRule',
      metadata: { name: 'cloister', namespace: system, labels: { release: 'prometheus' } },
    });
    expect(rule).toHaveProperty('spec', parse(readFileSync(join(chart, 'files/alerts.yaml'), 'utf8')));
    expect(render().stdout).not.toContain('PrometheusRule');
  });

  test('has dashboards for the sidecar of Grafana, where they are asked for', () => {
    const values = 'dashboards.enabled=true,dashboards.namespace=monitoring,dashboards.annotations.grafana_folder=Cloister';
    const shown = parseAllDocuments(render('-s', 'templates/dashboards.yaml', '--set', values).stdout).map((one) =>
      z.unknown().parse(one.toJS()),
    );
    const files = readdirSync(join(chart, 'files/dashboards')).sort();
    expect(shown.flatMap((one) => Object.entries(configMap.parse(one).data))).toEqual(
      files.map((name) => [name, readFileSync(join(chart, 'files/dashboards', name), 'utf8')]),
    );
    for (const one of shown)
      expect(one).toMatchObject({
        metadata: { namespace: 'monitoring', labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: 'Cloister' } },
      });
    expect(render().stdout).not.toContain('grafana_dashboard');
  });

  test('publishes the health checks of examples/gitops, where they are asked for', () => {
    const args = ['-s', 'templates/health-checks.yaml', '--set', 'healthChecks.create=true,healthChecks.namespace=argocd'] as const;
    const published: unknown = parse(render(...args).stdout);
    expect(published).toMatchObject({ metadata: { name: 'cloister-health-checks', namespace: 'argocd' } });
    for (const [name, text] of Object.entries(configMap.parse(published).data)) {
      expect(parse(text)).toEqual(parse(readFileSync(join(chart, '../../examples/gitops/health', name), 'utf8')));
    }
    expect(Object.keys(configMap.parse(published).data)).toEqual(['argocd-cm.yaml', 'flux.yaml']);
    expect(render().stdout).not.toContain('cloister-health-checks');
  });

  test.each([
    ['edge', 'IDENTITY_KEY_FILE', 'private.jwk'],
    ['egress', 'EDGE_KEYS_FILE', 'jwks.json'],
  ])("gives %s of edge's identity what %s is to name, and nothing else", (component, setting, key) => {
    const rendered: unknown = parse(render('-s', `templates/${component}/deployment.yaml`).stdout);
    const { volumes, containers } = deployment.parse(rendered).spec.template.spec;
    const shown = volumes.filter(({ secret }) => secret?.secretName === 'edge-identity');
    expect(shown.map(({ secret }) => secret?.items)).toEqual([[{ key, path: key }]]);
    const folder = containers[0].volumeMounts.find(({ name }) => name === shown[0]?.name)?.mountPath;
    expect(containers[0].env).toContainEqual({ name: setting, value: `${folder}/${key}` });
  });

  test('gives egress its database Secret as a folder, in which authorities of Postgres may come and go', () => {
    const rendered: unknown = parse(render('-s', 'templates/egress/deployment.yaml').stdout);
    const { volumes, containers } = deployment.parse(rendered).spec.template.spec;
    expect(volumes.filter(({ secret }) => secret?.secretName === 'egress-database').map(({ secret }) => secret?.items)).toEqual([
      undefined,
    ]);
    expect(containers[0].env).toContainEqual({ name: 'DATABASE_URL_FILE', value: '/var/run/secrets/cloister/database/url' });
  });

  describe.each(['edge', 'egress'])('lets %s record spans', (component) => {
    const endpoint = 'https://collector.observability.svc:4318/v1/traces';
    const settingsIn = (...values: readonly string[]) => {
      const args = ['-s', `templates/${component}/deployment.yaml`, ...values.flatMap((value) => ['--set', value])];
      const rendered: unknown = parse(render(...args).stdout);
      const { containers, volumes } = deployment.parse(rendered).spec.template.spec;
      const env = containers[0].env.filter((one) => /^TRACING_(?!TRUST)/.test(one.name)).map((one) => `${one.name}=${one.value}`);
      return { env, mounts: volumes.filter((one) => one.name === 'tracing') };
    };
    const toCollector = (...values: readonly string[]) =>
      render('-s', `templates/network/${component}.yaml`, ...values.flatMap((value) => ['--set', value])).stdout.includes('port: 4318');

    test('where a collector is named, and lets it reach that', () => {
      expect(settingsIn()).toEqual({ env: [], mounts: [] });
      expect(toCollector()).toBe(false);
      expect(settingsIn(`tracing.endpoint=${endpoint}`)).toEqual({
        env: [`TRACING_ENDPOINT=${endpoint}`, 'TRACING_RATIO=0.1'],
        mounts: [],
      });
      expect(toCollector(`tracing.endpoint=${endpoint}`)).toBe(true);
    });

    test('as the documentation has it', () => {
      const command =
        /helm upgrade cloister charts\/cloister -n cloister-system --reset-then-reuse-values ((?:.*\\\n)*.*tracing\.(?:.*\\\n)*.*)/;
      const documented = command.exec(readFileSync(join(chart, '../../docs/gateway.md'), 'utf8'))?.[1] ?? '';
      const args = documented.split(/[\s\\]+/).filter(Boolean);
      const { code, stdout, stderr } = render('-s', `templates/${component}/deployment.yaml`, ...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('otel-collector.observability.svc');
    });

    test('with headers of a Secret, of which it gets that one key', () => {
      const { env, mounts } = settingsIn(`tracing.endpoint=${endpoint}`, 'tracing.headersSecret.name=mine', 'tracing.headersSecret.key=k');
      expect(env).toContain('TRACING_HEADERS_FILE=/var/run/secrets/cloister/tracing/k');
      expect(mounts).toMatchObject([{ secret: { secretName: 'mine', items: [{ key: 'k', path: 'k' }] } }]);
    });
  });

  test('prefers a digest to a tag', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(render('--set', `images.operator.digest=${digest}`).stdout).toContain(`image: "localhost/cloister/operator@${digest}"`);
  });
});

describe('as it is installed', () => {
  test("all of Cloister's pods keep to the restricted Pod Security profile", async () => {
    const label = 'pod-security.kubernetes.io/enforce=restricted';
    const { code, stderr } = await world.kubectl.try(['label', 'namespace', system, label, '--overwrite', '--dry-run=server']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test.each(['cloister-access', 'cloister-keys', 'cloister-providers', 'cloister-own-keys'])(
    'no pod can run in %s, where it could mount the Secrets',
    async (namespace) => {
      const { code, stderr } = await world.kubectl.try(
        ['apply', '--dry-run=server', '-n', namespace, '-f', '-'],
        JSON.stringify(restrictedPod('thief')),
      );
      expect(code).not.toBe(0);
      expect(stderr).toContain('exceeded quota');
    },
  );

  test.each([
    ['edge', 'secrets', 'cloister-access', 'yes'],
    ['edge', 'secrets', 'cloister-keys', 'yes'],
    ['edge', 'secrets', 'cloister-providers', 'no'],
    ['edge', 'secrets', 'cloister-own-keys', 'no'],
    ['edge', 'secrets', system, 'no'],
    ['edge', 'configmaps', system, 'yes'],
    ['edge', 'tenants.cloister.dev', system, 'no'],
    ['egress', 'secrets', 'cloister-providers', 'yes'],
    ['egress', 'secrets', 'cloister-own-keys', 'yes'],
    ['egress', 'secrets', 'cloister-access', 'no'],
    ['egress', 'secrets', 'cloister-keys', 'no'],
    ['egress', 'secrets', system, 'no'],
    ['egress', 'configmaps', system, 'yes'],
    ['egress', 'pods', system, 'no'],
  ])('may %s list %s in %s? %s', async (account, resource, namespace, answer) => {
    expect(await canI(account, 'list', resource, namespace)).toBe(answer);
  });

  test.each(['edge', 'egress'])('%s may write nothing, but for keys that edge issues, which it adds and removes', async (account) => {
    for (const namespace of [system, 'cloister-access', 'cloister-keys', 'cloister-own-keys'])
      for (const resource of ['configmaps', 'secrets', 'pods', 'tenants.cloister.dev'])
        for (const verb of ['create', 'update', 'patch', 'delete']) {
          const issues =
            account === 'edge' && namespace === 'cloister-keys' && resource === 'secrets' && ['create', 'delete'].includes(verb);
          expect(await canI(account, verb, resource, namespace), `${verb} ${resource} in ${namespace}`).toBe(issues ? 'yes' : 'no');
        }
  });

  test.each([
    ['create', 'pods'],
    ['create', 'pods/exec'],
    ['get', 'pods/exec'],
    ['impersonate', 'users'],
    ['escalate', 'roles.rbac.authorization.k8s.io'],
    ['bind', 'clusterroles.rbac.authorization.k8s.io'],
    ['create', 'clusterrolebindings.rbac.authorization.k8s.io'],
    ['create', 'tenants.cloister.dev'],
    ['create', 'serviceaccounts/token'],
  ])('the operator may not %s %s', async (verb, resource) => {
    expect(await canI('operator', verb, resource, system)).toBe('no');
  });

  test.each(['default', 'kube-system', 'cloister-keys', 'cloister-providers'])(
    'the operator cannot write into %s, whatever its Roles say',
    async (namespace) => {
      const { code, stderr } = await asOperator('-n', namespace, 'create', 'configmap', 'foreign');
      expect(code).not.toBe(0);
      expect(stderr).toContain(`the operator may not write in namespace "${namespace}"`);
    },
  );

  test("the operator can neither take over a namespace nor make one that is no tenant's", async () => {
    expect(await asOperator('label', 'namespace', 'default', 'cloister.dev/tenant=acme')).toMatchObject({ code: 1 });
    expect(await asOperator('create', 'namespace', 'plain')).toMatchObject({ code: 1 });
    expect(await asOperator('delete', 'namespace', 'cloister-providers')).toMatchObject({ code: 1 });
  });
});

const accountOf = (name: string): string => `system:serviceaccount:${system}:${name}`;

/** "pods/exec" is a sub-resource here; kubectl itself would take it for the pod named exec. */
async function canI(account: string, verb: string, resource: string, namespace: string): Promise<string> {
  const [name = '', subresource] = resource.split('/');
  const part = subresource === undefined ? [] : ['--subresource', subresource];
  const { stdout } = await world.kubectl.try(['auth', 'can-i', verb, name, ...part, '-n', namespace, '--as', accountOf(account)]);
  return stdout.trim();
}

/** On the server, but never for good: whatever is let through by mistake leaves no trace. */
const asOperator = (...args: readonly string[]) => world.kubectl.try([...args, '--dry-run=server', '--as', accountOf('operator')]);

const restrictedPod = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name,
        image: 'localhost/pause:1',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
});
