/** A cluster with Cloister's operator, and what measures it. */
import { connect, type Cluster } from 'kube-runtime';
import { startScaleCluster, stopCluster, type ScaleCluster } from '../../cluster/index.ts';
import { Progress } from '../../cluster/progress.ts';
import { countUse, type Use } from '../measuring/processor.ts';
import { AuditLog, type Request } from './audit-log.ts';
import { Fleet } from './fleet.ts';
import { install, operatorUser } from './installation.ts';
import { startOperator, type OperatorProcess } from './operator-process.ts';

export interface World {
  readonly cluster: ScaleCluster;
  /** An administrator's: what people and GitOps tools would do. */
  readonly client: Cluster;
  readonly fleet: Fleet;
  readonly operator: () => OperatorProcess;
  /** Stops the operator in an orderly way and starts another. */
  readonly restart: () => Promise<OperatorProcess>;
  /** Begins to count who uses the machine's processors. */
  readonly countUse: () => () => Use;
  /** What the API server was asked since the last call. */
  readonly requests: () => Promise<Request[]>;
  /** Rejects when the operator ends by itself. */
  readonly failed: Promise<never>;
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  readonly name: string;
  readonly nodes: number;
  /** How often the operator looks whether Postgres and Redis are as they should be. */
  readonly dataCheckSeconds: number;
}

export async function makeWorld({ name, nodes, dataCheckSeconds }: WorldOptions): Promise<World> {
  const progress = new Progress((line) => console.error(line));
  await stopCluster(name); // what a run that was cut off left behind
  const cluster = await startScaleCluster({ name, audited: [operatorUser], progress });
  try {
    const client = await connect({ kubeconfig: cluster.kubeconfig, fieldManager: 'bench' });
    const installation = await install(cluster, client, dataCheckSeconds);
    const fleet = new Fleet(client);
    await fleet.prepare(nodes);
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => undefined); // whoever waits is told
    const launch = async () => {
      const started = await startOperator(installation);
      started.failed.catch(failure.reject);
      return started;
    };
    let starting = launch();
    let operator = await starting;
    await operator.settled();
    const audit = new AuditLog(cluster.auditLog);
    await audit.take();
    return {
      cluster,
      client,
      fleet,
      operator: () => operator,
      restart: async () => {
        await operator.stop();
        starting = launch();
        operator = await starting;
        return operator;
      },
      countUse: () => countUse([cluster.pid, operator.pid, process.pid]),
      requests: () => audit.take(),
      failed: failure.promise,
      close: async () => {
        const last = await starting.catch(() => operator); // a run that is cut off may be starting another one
        await last.stop();
        await client.close();
        await stopCluster(name);
      },
    };
  } catch (error) {
    await stopCluster(name);
    throw error;
  }
}
