/** The health checks that the chart ships for Argo CD and Flux, and `kubectl wait`, on real objects in every state. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runOperator, startTimeoutMs, type RunningOperator } from '../../../operator/src/testing/operator.fixture.ts';
import { testKubeconfig } from '../../../operator/src/testing/servers.fixture.ts';
import { TenantWorld } from '../../../operator/src/testing/tenants.fixture.ts';
import { attempt, type CommandResult } from '../command.ts';
import { buildPrograms, programPath } from '../programs/build.ts';
import { fresh, Gallery, settled } from './states.ts';
import { verdictsOn, type Verdict } from './verdicts.ts';

let operator: RunningOperator;
let world: TenantWorld;
let gallery: Gallery;
let verdicts: ReadonlyMap<string, Verdict>;
/** Kind → what `kubectl wait` said of an edited object while the operator was away, and after its return. */
const waited = { away: new Map<string, CommandResult>(), back: new Map<string, CommandResult>() };

beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
  gallery = new Gallery(operator, world);
  await gallery.whileOperatorWorks();
  await operator.restart(async () => {
    await gallery.whileOperatorIsAway();
    await waitForEach(waited.away, '1s');
  });
  await waitForEach(waited.back, '30s');
  const states = [...gallery.objects.keys()];
  const answers = await verdictsOn([...gallery.objects.values()]);
  verdicts = new Map(answers.map((verdict, i) => [states[i] ?? '', verdict]));
}, startTimeoutMs);

afterAll(async () => {
  await gallery.remove();
  await world.removeAll();
  await operator.stop();
});

async function waitForEach(results: Map<string, CommandResult>, timeout: string): Promise<void> {
  const builds = await buildPrograms(['kube']);
  const all = [...Object.values(settled), ...Object.values(fresh)].map(async (subject) => {
    const namespace = 'namespace' in subject ? ['--namespace', subject.namespace] : [];
    const what = `${subject.of.plural}.cloister.dev/${subject.name}`;
    const args = ['kubectl', '--kubeconfig', testKubeconfig(), 'wait', '--for=condition=Ready', what, ...namespace, `--timeout=${timeout}`];
    results.set(`${subject.of.kind} ${subject.name}`, await attempt(programPath(builds, 'kube'), args));
  });
  await Promise.all(all);
}

const subjects = ['Tenant', 'AgentConfig', 'TenantClass', 'ModelProvider'] as const;
const everyKind: readonly (readonly [state: string, argo: string, flux: string])[] = [
  ['new', 'Progressing', 'InProgress'],
  ['without conditions', 'Progressing', 'InProgress'],
  ['ready', 'Healthy', 'Current'],
  ['generation ahead', 'Progressing', 'InProgress'],
  ['operator behind', 'Progressing', 'InProgress'],
  ['new, operator behind', 'Progressing', 'InProgress'],
  ['stalled', 'Degraded', 'Failed'],
  ['deleting', 'Progressing', 'InProgress'],
];
const table = [
  ...subjects.flatMap((kind) => everyKind.map(([state, argo, flux]) => [`${kind}, ${state}`, argo, flux] as const)),
  ['Tenant, reconciling', 'Progressing', 'InProgress'],
  ['AgentConfig, reconciling', 'Progressing', 'InProgress'],
  ['ModelProvider, reconciling', 'Progressing', 'InProgress'],
  ['TenantClass, reconciling', 'Progressing', 'InProgress'],
  ['TenantClass, paused', 'Progressing', 'InProgress'],
  ['TenantClass, rollout stopped', 'Degraded', 'Failed'],
  ['Tenant, stalled while agents wait', 'Degraded', 'Failed'],
  ['Tenant, suspended', 'Suspended', 'Current'],
  ['AgentConfig, suspended', 'Suspended', 'Current'],
  ['Tenant, archived', 'Suspended', 'Current'],
  ['AgentConfig, archived', 'Suspended', 'Current'],
  ['AgentConfig, scaled to zero', 'Healthy', 'Current'],
] as const;

/** Where kstatus alone comes to another verdict than with the expressions: it takes silence for consent. */
const byKstatus = (state: string): string | undefined => (state.endsWith('without conditions') ? 'Current' : undefined); // as no operator leaves an object

describe('Argo CD and Flux judge', () => {
  test.each(table)('%s: %s, %s', (state, argo, flux) => {
    const verdict = verdicts.get(state);
    expect([verdict?.argo.status, verdict?.flux.status], verdict?.flux.error).toEqual([argo, flux]);
  });

  test.each(table)('%s by kstatus alone', (state, _, flux) => {
    const going = gallery.objects.get(state)?.metadata.deletionTimestamp;
    expect(verdicts.get(state)?.kstatus).toBe(going ? 'Terminating' : (byKstatus(state) ?? flux));
  });

  test('nothing else than what is listed here', () => {
    expect([...verdicts.keys()].sort()).toEqual(table.map(([state]) => state).sort());
  });

  test('with the words of the operator, so that whoever is needed knows what to do', () => {
    expect(verdicts.get('Tenant, stalled')?.argo.message).toMatch(/spec\.quota\.cpu is 9, above the 2 of class/);
    expect(verdicts.get('ModelProvider, stalled')?.argo.message).toMatch(/Secret "gt-nowhere".* create it/);
    expect(verdicts.get('AgentConfig, reconciling')?.argo.message).not.toBe('');
  });

  test('an object that the watchdog has found behind by its words', () => {
    for (const kind of subjects) {
      for (const state of ['operator behind', 'new, operator behind']) {
        const { conditions } = z
          .object({ status: z.object({ conditions: z.array(z.looseObject({ type: z.string() })) }) })
          .parse(gallery.objects.get(`${kind}, ${state}`)).status;
        expect(
          conditions.find(({ type }) => type === 'Ready'),
          `${kind}, ${state}`,
        ).toMatchObject({ status: 'Unknown', reason: 'OperatorBehind' });
      }
    }
  });

  test('an object whose edit was not looked at yet as not ready, though Ready is True from before', () => {
    for (const kind of subjects) expect(JSON.stringify(gallery.objects.get(`${kind}, generation ahead`))).toContain('"type":"Ready"');
  });
});

describe('kubectl wait --for=condition=Ready', () => {
  const each = subjects.flatMap((kind) => [
    [kind, 'edited', `${kind} ${settled[kind].name}`] as const,
    [kind, 'new', `${kind} ${fresh[kind].name}`] as const,
  ]);

  test.each(each)('of a %s that is %s waits for the operator', (_, __, key) => {
    expect(waited.away.get(key)).toMatchObject({ status: 1, stderr: expect.stringContaining('timed out') as unknown });
  });

  test.each(each)('of a %s that is %s ends once it is Ready', (_, __, key) => {
    expect(waited.back.get(key)).toMatchObject({ status: 0, stdout: expect.stringContaining('condition met') as unknown });
  });
});
