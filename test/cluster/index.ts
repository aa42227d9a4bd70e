/** The embedded cluster: a real Kubernetes on this machine, for development and tests. */
export { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
export { startScaleCluster, type ScaleCluster, type ScaleClusterOptions } from './scale-cluster.ts';
export { startCluster, type ClusterOptions } from './cluster.ts';
export { ClusterError, type ErrorCode } from './errors.ts';
export { freeze, runInside, takeDown, type Machine } from './machine/disturb.ts';
export { Progress } from './progress.ts';
export { clusterStatus, testCluster, type Cluster } from './status.ts';
export { stopCluster, stopOrphans } from './stop.ts';
export { startStores, type Stores } from './stores.ts';
