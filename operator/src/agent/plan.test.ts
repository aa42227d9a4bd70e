import { agentDocument, agentFiles } from '@cloister/tenancy';
import type { Head } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import { classNamed } from '../tenant/snapshot.fixture.ts';
import { deployment, revisionOf } from './children/deployment.ts';
import { agentDocumentOf, documentNameOf } from './children/document.ts';
import { childrenOf, outdatedDocuments, planOf, surplus } from './plan.ts';
import { landlord, planned, snapshot } from './snapshot.fixture.ts';

const kinds = (spec: object = {}) =>
  childrenOf(planned({ spec }))
    .flat()
    .map(({ kind }) => kind.kind);
const text = (given: Parameters<typeof planned>[0] = {}) => JSON.stringify(deployment(planned(given)).desired);

test('the document is what the runtime reads', () => {
  const document: unknown = JSON.parse(
    JSON.stringify(agentDocumentOf(planned({ spec: { instructions: 'Be brief.', parameters: { temperature: 0 } } }))),
  );
  expect(agentDocument.parse(document)).toMatchObject({
    tenant: 'acme',
    agent: 'support',
    instructions: 'Be brief.',
    identity: { audience: 'agent:acme' },
  });
});

describe('a new revision', () => {
  const base = revisionOf(planned());
  test.each<[string, Parameters<typeof planned>[0]]>([
    ['the instructions', { spec: { instructions: 'Other.' } }],
    ['the image', { spec: { image: 'own:2' } }],
    ['the resources', { spec: { resources: { limits: { memory: '1Gi' } } } }],
    ['the credentials', { credentials: 'c2' }],
    [
      'where its class places pods',
      {
        landlord: landlord({}, [
          classNamed('gold', { default: true, defaults: { models: { allow: ['offline/*'] } }, nodeSelector: { a: 'b' } }),
        ]),
      },
    ],
  ])('comes with a change of %s', (_, given) => {
    expect(revisionOf(planned(given))).not.toBe(base);
  });
  test.each<[string, object]>([
    ['the number of replicas', { replicas: 3 }],
    ['the order in which fields are written', { memory: { maxMessages: 20 }, model: 'offline/echo' }],
  ])('does not come with %s', (_, spec) => {
    expect(revisionOf(planned({ spec }))).toBe(base);
  });
});

describe('the pod', () => {
  test('has no privilege, nothing to write on but /tmp, and no token for the API server', () => {
    expect(text()).toContain('"automountServiceAccountToken":false');
    expect(text()).toContain('"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}');
    expect(text()).toContain('"runAsNonRoot":true');
    expect(text()).toContain('"seccompProfile":{"type":"RuntimeDefault"}');
    expect(text().match(/"emptyDir"/g)).toHaveLength(1);
  });
  test('finds every file where the runtime looks for it', () => {
    const mounts = [...text().matchAll(/"mountPath":"([^"]+)"/g)].map((match) => match[1] ?? '');
    for (const file of Object.values(agentFiles)) expect(mounts.some((mount) => file.startsWith(`${mount}/`))).toBe(true);
  });
  test('is told of the proxy only where its tenant may reach something through it', () => {
    const reaching = landlord({ network: { egress: { domains: ['api.example.com'] } } });
    expect(text()).not.toContain('HTTPS_PROXY');
    expect(text({ landlord: reaching })).toContain('{"name":"HTTPS_PROXY","value":"http://egress.cloister-system.svc:80"}');
  });
  test('is replaced before it goes', () => {
    expect(text()).toContain('"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}');
  });
});

describe('an agent has', () => {
  test('one pod, and no budget or autoscaler for it', () => {
    expect(kinds()).toEqual(['ConfigMap', 'Deployment', 'Service']);
    expect(text()).toContain('"replicas":1');
  });
  test('a disruption budget when it has several pods', () => {
    expect(kinds({ replicas: 2 })).toContain('PodDisruptionBudget');
  });
  test('an autoscaler where there is a range, which then owns the number of pods', () => {
    expect(kinds({ scaling: { min: 1, max: 3 } })).toEqual([
      'ConfigMap',
      'Deployment',
      'Service',
      'PodDisruptionBudget',
      'HorizontalPodAutoscaler',
    ]);
    expect(text({ spec: { scaling: { min: 1, max: 3 } } })).not.toContain('"replicas"');
  });
  test('a plain number where the range is one', () => {
    expect(kinds({ scaling: { min: 2, max: 2 } })).not.toContain('HorizontalPodAutoscaler');
    expect(text({ spec: { scaling: { min: 2, max: 2 } } })).toContain('"replicas":2');
  });
  test('no pod while its tenant is suspended, whatever its scaling', () => {
    const suspended = { landlord: landlord({ state: 'Suspended' }), spec: { scaling: { min: 2, max: 4 } } };
    expect(text(suspended)).toContain('"replicas":0');
  });
});

describe('what is removed', () => {
  const object = { metadata: { name: 'support' } };
  test('is a budget or autoscaler that is wanted no more', () => {
    const seen = snapshot({ disruptionBudget: object, autoscaler: object });
    expect(surplus(seen, planned()).map(({ kind }) => kind.kind)).toEqual(['PodDisruptionBudget', 'HorizontalPodAutoscaler']);
  });

  const document = (name: string, day: number): Head => ({
    name,
    namespace: 'tenant-acme',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: `2026-01-0${day}T00:00:00Z`,
  });
  const documents = Array.from({ length: 9 }, (_, index) => document(`support-${index}`, index + 1));
  const current = documentNameOf(planned());
  test('is every earlier document once the rollout is over', () => {
    const seen = snapshot({ documents: [...documents, document(current, 9)] });
    expect(outdatedDocuments(seen, current, true)).toHaveLength(9);
  });
  test('is during a rollout only what is old and mounted nowhere', () => {
    const mounting = { metadata: { name: 'p' }, spec: { volumes: [{ configMap: { name: 'support-0' } }, {}] } };
    const removed = outdatedDocuments(snapshot({ documents, pods: [mounting] }), current, false);
    expect(removed.map(({ name }) => name)).toEqual(['support-3', 'support-2', 'support-1']);
  });
});

test('without a tenant there is no plan', () => {
  expect(planOf(snapshot({ landlord: undefined }))).toBeUndefined();
});
