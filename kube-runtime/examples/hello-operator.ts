/**
 * A whole operator on one screen.
 *
 * Flow: a Greeting is applied → its ConfigMap appears → the status says so. Edit or delete either, and it is put right. Delete the
 * Greeting, and the ConfigMap goes with it.
 *
 *     kubectl apply -f hello-operator.yaml
 *     node hello-operator.ts
 *     kubectl create -f - <<< '{"apiVersion":"example.dev/v1","kind":"Greeting","metadata":{"name":"ada"},"spec":{"name":"Ada"}}'
 *     kubectl wait --for=condition=Ready greeting/ada && kubectl get configmap ada -o yaml
 */
import { connect, consoleLogger, controller, kind, run, setCondition, type BaseObject, type Condition, type Resource } from 'kube-runtime';

type Greeting = Resource<{ readonly name: string }, { readonly said?: string; readonly conditions?: readonly Condition[] }>;

interface ConfigMap extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}

const greetings = kind<Greeting>('example.dev/v1', 'Greeting');
const configMaps = kind<ConfigMap>('v1', 'ConfigMap');

const greeter = controller('greeter')
  .for(greetings)
  .owns(configMaps, { labelSelector: 'example.dev/greeting' })
  .concurrency(4)
  .reconcile(async ({ object: greeting, apply, updateStatus, record }) => {
    const { name, generation } = greeting.metadata;
    const text = `Hello ${greeting.spec.name}`;
    const { outcome } = await apply(configMaps, { metadata: { name, labels: { 'example.dev/greeting': name } }, data: { text } });
    if (outcome !== 'unchanged') record({ type: 'Normal', reason: 'Greeted', message: text });
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Greeted',
      message: text,
      ...(generation && { observedGeneration: generation }),
    } as const;
    await updateStatus({ said: text, conditions: setCondition(greeting.status?.conditions, ready) });
    return { requeueAfter: 3_600_000 }; // an hour: watches are the trigger, this only heals what they missed
  });

const cluster = await connect({ fieldManager: 'greeter', log: consoleLogger() });
await run({ cluster, controllers: [greeter], lease: 'greeter', metricsPort: Number(process.env['METRICS_PORT'] ?? 8080) });
